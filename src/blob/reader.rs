//! Reading a blob, with a check of its bytes when they were read from start to end.

use std::fmt;
use std::io::{self, Read, Seek, SeekFrom};

use super::OpenBlob;
use super::hashing::Hashing;
use crate::digest::BlobDigest;
use crate::error::{Error, Result};

/// A blob that is being read.
///
/// # What is checked
///
/// Whoever reads from the start to the end is told by an error of kind `Corrupt`, in place of the last bytes, if these
/// are not the bytes of the digest. Earlier ones have been handed out by then: what must not be acted upon before it
/// is checked is for reading to the end first, or for [`verify`](Self::verify). Seeking back and reading again does no
/// harm to the check; bytes that were jumped over end it, until they are read in turn.
///
/// A part that is read by itself is what stands there, unchecked: a digest is of the whole. To check parts, digests of
/// parts would have to be stored beside each blob, durable and collected with it, or in it, which then would no longer
/// be the file that was put. What reads parts mostly reads formats with checksums of their own, and whoever wants
/// certainty first verifies; so parts have no digests.
///
/// From 4 MiB on, a thread of the reader's own hashes what is read in turn, as long as there are not more such threads
/// than cores; the last read waits for it.
///
/// In [`io::Error`]s the [`Error`] is inside: `error.get_ref()` has it. Reads go to the store as they are asked for;
/// for small ones use a [`BufReader`](io::BufReader).
pub struct BlobReader {
    blob: Box<dyn OpenBlob>,
    digest: BlobDigest,
    at: u64,
    /// Of the bytes from the start on, as far as they were read in turn.
    hashing: Hashing,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Unchecked,
    Whole,
    Corrupt,
}

impl BlobReader {
    /// Reads what a store has [opened](super::BlobStore::open) under this name.
    pub fn new(blob: Box<dyn OpenBlob>, digest: BlobDigest) -> Self {
        BlobReader { blob, digest, at: 0, hashing: Hashing::new(), state: State::Unchecked }
    }

    /// The blob's name.
    pub fn digest(&self) -> &BlobDigest {
        &self.digest
    }

    /// The blob's length in bytes.
    pub fn len(&self) -> u64 {
        self.blob.len()
    }

    /// Whether the blob has no bytes.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Checks all bytes that were not checked yet, by reading them; where reading goes on stays the same.
    ///
    /// # Errors
    /// `Corrupt` if these are not the bytes of the digest; those of [`OpenBlob::read_exact_at`].
    pub fn verify(&mut self) -> Result<()> {
        let mut piece = Vec::new();
        while self.hashing.len() < self.len() {
            piece.resize(self.left_from(self.hashing.len(), super::writer::PIECE), 0);
            self.blob.read_exact_at(self.hashing.len(), &mut piece)?;
            self.check(self.hashing.len(), &piece)?;
        }
        self.check(self.len(), &[])
    }

    /// As many bytes as there are from `at` on, up to `most`.
    fn left_from(&self, at: u64, most: usize) -> usize {
        usize::try_from(self.len().saturating_sub(at)).map_or(most, |left| left.min(most))
    }

    /// Takes bytes that were read at `at` into account, and if that were the last, checks the digest.
    fn check(&mut self, at: u64, bytes: &[u8]) -> Result<()> {
        let ahead = self.hashing.len().checked_sub(at).and_then(|skip| bytes.get(usize::try_from(skip).ok()?..));
        if let Some(ahead) = ahead {
            self.hashing.update(ahead);
        }
        if self.state == State::Unchecked && self.hashing.len() == self.len() {
            let is_whole = self.hashing.digest()? == self.digest;
            self.state = if is_whole { State::Whole } else { State::Corrupt };
        }
        match self.state {
            State::Corrupt => {
                Err(Error::corrupt(format!("the blob {} does not have the bytes of its digest", self.digest)))
            }
            _ => Ok(()),
        }
    }

    fn read_some(&mut self, out: &mut [u8]) -> Result<usize> {
        let count = self.left_from(self.at, out.len());
        let out = out.get_mut(..count).unwrap_or_default();
        if count > 0 {
            self.blob.read_exact_at(self.at, out)?;
        }
        self.check(self.at, out)?;
        self.at += count as u64;
        Ok(count)
    }
}

impl fmt::Debug for BlobReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let BlobReader { digest, at, .. } = self;
        f.debug_struct("BlobReader").field("digest", digest).field("at", at).finish_non_exhaustive()
    }
}

impl Read for BlobReader {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.read_some(out).map_err(super::into_io)
    }
}

impl Seek for BlobReader {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let to = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(by) => self.len().checked_add_signed(by),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
        };
        let before =
            || io::Error::new(io::ErrorKind::InvalidInput, "seeking to a place before the beginning of a blob");
        self.at = to.ok_or_else(before)?;
        Ok(self.at)
    }
}
