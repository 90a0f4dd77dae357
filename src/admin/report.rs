//! What a verification found: what is wrong, where, and what to do about it.

use std::fmt;

use crate::error::Error;
use crate::id::Sequence;
use crate::limits;
use crate::log::chain::Head;

/// What [`Store::verify`](crate::Store::verify) found.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct VerifyReport {
    /// The last commit that was verified.
    pub head: Head,
    /// Its sections, in the order in which they were done.
    pub sections: Vec<VerifySection>,
    /// The commit that the text index has come to; none if it is not made, or there is none in this build.
    pub text_sequence: Option<Sequence>,
}

/// A part of a verification.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct VerifySection {
    /// What was verified.
    pub of: Verified,
    /// How many things were looked at.
    pub checked: u64,
    /// What is wrong: the first [`limits::VERIFY_FINDINGS`].
    pub findings: Vec<Finding>,
    /// How many things are wrong.
    pub found: u64,
    /// Why it was not done, if it was not.
    pub skipped: Option<String>,
}

/// What a section of a verification is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Verified {
    /// The pages of the file, by redb's check: it wants the store to itself.
    File,
    /// Every stored value by itself: its checksum, and whether it can be read.
    Records,
    /// What stored values say of each other: parents, keys, ends of the lineage, chunks of series, entries of the key
    /// index.
    References,
    /// The log, by its hashes, and every entity against what the log says of it.
    Log,
    /// The bytes of artifacts: those that records name, against their digests.
    Blobs,
    /// What can be made again from the others: the indexes for searches.
    Derived,
}

/// Something that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finding {
    /// Where it stands.
    pub place: String,
    /// What is wrong with it.
    pub reason: String,
    /// What to do about it.
    pub remedy: Remedy,
}

/// What to do about something that is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Remedy {
    /// Something is lost or changed that nothing here can give back.
    Restore,
    /// It is derived from what is there: searches look at the records meanwhile, and it is made again.
    Rebuild,
    /// It was put right by the verification.
    Repaired,
}

impl VerifyReport {
    /// Nothing is wrong in what was verified.
    pub fn is_intact(&self) -> bool {
        self.sections.iter().all(|section| section.found == 0)
    }

    /// Every section was done.
    pub fn is_complete(&self) -> bool {
        self.sections.iter().all(|section| section.skipped.is_none())
    }

    /// What is wrong, as far as it is told one by one, section by section.
    pub fn findings(&self) -> impl Iterator<Item = (Verified, &Finding)> {
        self.sections.iter().flat_map(|section| section.findings.iter().map(|finding| (section.of, finding)))
    }

    /// The section about something, if the verification was to do it.
    pub fn section(&self, of: Verified) -> Option<&VerifySection> {
        self.sections.iter().find(|section| section.of == of)
    }
}

impl VerifySection {
    pub(super) fn new(of: Verified) -> Self {
        VerifySection { of, checked: 0, findings: Vec::new(), found: 0, skipped: None }
    }

    pub(super) fn find(&mut self, place: impl Into<String>, reason: impl Into<String>, remedy: Remedy) {
        self.found += 1;
        if self.findings.len() < limits::VERIFY_FINDINGS {
            self.findings.push(Finding { place: place.into(), reason: reason.into(), remedy });
        }
    }

    /// Something of it cannot be read, or is not what it should be.
    pub(super) fn damaged(&mut self, place: impl Into<String>, error: &Error) {
        let remedy = if self.of == Verified::Derived { Remedy::Rebuild } else { Remedy::Restore };
        self.find(place, error.message(), remedy);
    }
}

impl fmt::Display for Verified {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Verified::File => "file",
            Verified::Records => "records",
            Verified::References => "references",
            Verified::Log => "log",
            Verified::Blobs => "bytes of artifacts",
            Verified::Derived => "derived",
        })
    }
}

impl fmt::Display for Remedy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Remedy::Restore => {
                "restore a backup; what was written since is in the log of this store, as far as it can be read: copy \
                 its folder first, and export the log"
            }
            Remedy::Rebuild => {
                "nothing is lost: searches look at the records meanwhile; Store::optimize makes it again, or deleting \
                 the folder `text` if that is what is named"
            }
            Remedy::Repaired => "it was put right; open the store again, verify it again, and look after the disk",
        })
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.reason)
    }
}

impl fmt::Display for VerifySection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.of)?;
        match (&self.skipped, self.found) {
            (Some(why), 0) => write!(f, "not done: {why}")?,
            (Some(why), found) => write!(f, "not done to its end: {why}; {found} findings")?,
            (None, 0) => write!(f, "intact, {} checked", self.checked)?,
            (None, found) => write!(f, "{found} findings, {} checked", self.checked)?,
        }
        for finding in &self.findings {
            write!(f, "\n  {finding}")?;
        }
        if self.found > self.findings.len() as u64 {
            write!(f, "\n  and {} more", self.found - self.findings.len() as u64)?;
        }
        Ok(())
    }
}

impl fmt::Display for VerifyReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "verified up to commit {}", self.head.sequence)?;
        for section in &self.sections {
            write!(f, "\n{section}")?;
        }
        for remedy in [Remedy::Restore, Remedy::Rebuild, Remedy::Repaired] {
            let mut of: Vec<String> = Vec::new();
            for (section, _) in self.findings().filter(|(_, finding)| finding.remedy == remedy) {
                let name = section.to_string();
                if of.last() != Some(&name) {
                    of.push(name);
                }
            }
            if !of.is_empty() {
                write!(f, "\nwhat to do ({}): {remedy}", of.join(", "))?;
            }
        }
        Ok(())
    }
}
