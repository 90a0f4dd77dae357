//! The blobs of a folder, one after the other: what is named like one and stands where it should.

use std::vec::IntoIter;

use super::BlobEntry;
use super::files::Kind;
use super::folder::Folder;
use crate::digest::BlobDigest;
use crate::error::Result;

/// Goes through the folders; the names of one at each depth are in memory.
pub(super) struct Listing<'a> {
    folder: &'a Folder,
    upper: Option<IntoIter<String>>,
    /// What is left of an upper folder, and its name.
    lower: (String, IntoIter<String>),
    digests: IntoIter<BlobDigest>,
}

impl<'a> Listing<'a> {
    pub(super) fn new(folder: &'a Folder) -> Self {
        Listing { folder, upper: None, lower: Default::default(), digests: Default::default() }
    }

    /// The names of the next level in a folder; one that vanished has none.
    fn folders(&self, within: &[&str]) -> Result<IntoIter<String>> {
        let mut names = self.folder.names(within, Kind::Folder)?;
        names.retain(|name| name.len() == 2 && name.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')));
        Ok(names.into_iter())
    }

    fn files(&self, upper: &str, lower: &str) -> Result<IntoIter<BlobDigest>> {
        let names = self.folder.names(&[upper, lower], Kind::File)?;
        let here = names.into_iter().filter(|name| name.get(..2) == Some(upper) && name.get(2..4) == Some(lower));
        let digests: Vec<BlobDigest> = here.filter_map(|name| name.parse().ok()).collect();
        Ok(digests.into_iter())
    }

    fn step(&mut self) -> Result<Option<BlobEntry>> {
        loop {
            if let Some(digest) = self.digests.next() {
                // It may be gone by now.
                if let Some(found) = self.folder.find(&digest)? {
                    return Ok(Some(BlobEntry::new(digest, found.len, found.last_used)));
                }
            } else if let Some(lower) = self.lower.1.next() {
                self.digests = self.files(&self.lower.0, &lower)?;
            } else if let Some(upper) = &mut self.upper {
                let Some(upper) = upper.next() else { return Ok(None) };
                let lower = self.folders(&[&upper])?;
                self.lower = (upper, lower);
            } else {
                self.upper = Some(IntoIter::default());
                self.upper = Some(self.folders(&[])?);
            }
        }
    }
}

impl Iterator for Listing<'_> {
    type Item = Result<BlobEntry>;

    fn next(&mut self) -> Option<Self::Item> {
        self.step().transpose()
    }
}
