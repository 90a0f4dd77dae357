//! The audit: who keeps a head elsewhere can prove later what the log said.

use std::io::Write;
use std::ops::ControlFlow;

use crate::error::{Error, Result};
use crate::id::Sequence;
use crate::keys;
use crate::log::chain::Head;
use crate::log::export;
use crate::log::verify::{self, AuditReport};
use crate::progress::{Progress, Steps};
use crate::snapshot::Snapshot;

/// The audit of one snapshot.
#[derive(Debug, Clone)]
pub struct Audit {
    snapshot: Snapshot,
}

impl Audit {
    pub(crate) fn new(snapshot: Snapshot) -> Self {
        Audit { snapshot }
    }

    /// The head of the log: keep it elsewhere, and [`verify_against`](Self::verify_against) it later.
    ///
    /// # Errors
    /// `Corrupt` or `Io` if the log cannot be read.
    pub fn head(&self) -> Result<Head> {
        self.snapshot.head()
    }

    /// Verifies the chain from the first commit on, every entity's row against what the log says of it, and that
    /// entities and commits are found by their ids and names. Reads everything once, the log and the rows on a thread
    /// each.
    ///
    /// What it cannot find is a log that was rewritten whole or cut at its end: for that, keep a head.
    ///
    /// # Errors
    /// `Io` if reading fails, or there can be no thread; damage is a finding of the report, not an error.
    /// `InvalidArgument` on a snapshot of the past: rows are as they are now.
    pub fn verify(&self) -> Result<AuditReport> {
        self.verify_with(None, |_| ControlFlow::Continue(()))
    }

    /// [`verify`](Self::verify), and the log up to `head` is the one the head was taken from.
    ///
    /// # Errors
    /// Those of [`verify`](Self::verify).
    pub fn verify_against(&self, head: &Head) -> Result<AuditReport> {
        self.verify_with(Some(head), |_| ControlFlow::Continue(()))
    }

    /// [`verify`](Self::verify), against a head if one is given, telling `progress` how many commits of how many are
    /// read.
    ///
    /// # Errors
    /// Those of [`verify`](Self::verify); `Cancelled`.
    pub fn verify_with(
        &self,
        head: Option<&Head>,
        mut progress: impl FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<AuditReport> {
        let state = &self.snapshot.state;
        if self.snapshot.sequence() != state.head.sequence {
            return Err(Error::invalid("an audit is of the present: the tables hold no other"));
        }
        let steps = &mut Steps::new(&mut progress);
        let lookup = keys::Lookups::new(&state.tables, &state.keys, state.common.hashing);
        verify::verify(&state.tables, &state.resolver(), &state.hidden, &lookup, state.head, head, steps)
    }

    /// Writes the log as JSON lines, which another program can verify: one commit a line, from the first.
    /// Answers how many there were. A commit of any size is written in bounded memory.
    ///
    /// # Errors
    /// `Corrupt` if the log cannot be read; `Io` if `to` fails.
    pub fn export(&self, to: impl Write) -> Result<u64> {
        self.export_after(Sequence::ZERO, to)
    }

    /// [`export`](Self::export), of the commits after `seen` only.
    ///
    /// # Errors
    /// Those of [`export`](Self::export).
    pub fn export_after(&self, seen: Sequence, mut to: impl Write) -> Result<u64> {
        let state = &self.snapshot.state;
        let head = self.snapshot.head()?;
        if seen > head.sequence {
            return Err(Error::invalid(format!(
                "commit {seen} is after this snapshot, which ends with {}",
                head.sequence
            )));
        }
        export::export(&state.tables, &state.resolver(), seen, head, &mut to)
    }
}
