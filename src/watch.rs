//! Watching a store: a wake-up, then a read of the log.

use std::time::Duration;

use crate::error::{ErrorKind, Result};
use crate::id::Sequence;
use crate::log::commit::Commit;
use crate::snapshot::{Changes, Snapshot};
use crate::store::Store;

/// Follows the log of a store. Commits come in order, without a gap, each once, none before it is durable.
///
/// It is pulled: nothing is queued for it, so one that is slow or forgotten costs the writers nothing, and
/// one that remembers its sequence number goes on after a restart.
#[derive(Debug, Clone)]
pub struct Watch {
    store: Store,
    seen: Sequence,
    snapshot: Option<Snapshot>,
    /// The store was closed before everything was read.
    is_cut: bool,
}

/// A commit that a [`Watch`] came to.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Watched {
    /// The commit.
    pub commit: Commit,
    snapshot: Snapshot,
}

impl Watched {
    /// Its changes, read as they are asked for.
    ///
    /// # Errors
    /// `Corrupt` or `Io` if the log cannot be read.
    pub fn changes(&self) -> Result<Changes> {
        self.snapshot.changes(self.commit.sequence)
    }

    /// A snapshot that has this commit, and perhaps later ones.
    pub fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }
}

impl Watch {
    pub(crate) fn new(store: Store, seen: Sequence) -> Self {
        Watch { store, seen, snapshot: None, is_cut: false }
    }

    /// The last commit that was returned.
    pub fn seen(&self) -> Sequence {
        self.seen
    }

    /// Whether it has returned every commit that will come from this store: it was closed, or a storage error
    /// ended writing. Or it has said `Closed`: there are more, which cannot be read through this store any more. What
    /// a store that is opened again commits is for a watch of that one, from [`seen`](Self::seen) on.
    pub fn is_ended(&self) -> bool {
        self.is_cut || self.store.inner.durable.is_ended(self.seen)
    }

    /// The next commit, if it is there.
    ///
    /// # Errors
    /// `Corrupt` or `Io` if the log cannot be read; `Closed` if the store was closed before this commit, which is
    /// durable, was read.
    pub fn try_next(&mut self) -> Result<Option<Watched>> {
        let durable = self.store.inner.durable.last();
        if self.seen >= durable {
            self.snapshot = None;
            return Ok(None);
        }
        let next = self.seen.next();
        let fresh = match &self.snapshot {
            Some(snapshot) if snapshot.sequence() >= next => snapshot.clone(),
            // What is durable is published before.
            _ => self.store.read(),
        };
        let commit = fresh.commit(next).inspect_err(|error| self.is_cut |= error.kind() == ErrorKind::Closed)?;
        // Nothing is pinned once there is nothing more to read in it.
        self.snapshot = Some(fresh.clone()).filter(|fresh| fresh.sequence() > next);
        self.seen = next;
        Ok(Some(Watched { commit, snapshot: fresh }))
    }

    /// The next commit, waiting for it at most `timeout`. None if there was none, or none will come: see
    /// [`is_ended`](Self::is_ended).
    ///
    /// # Errors
    /// Those of [`try_next`](Self::try_next).
    pub fn next_within(&mut self, timeout: Duration) -> Result<Option<Watched>> {
        if self.seen >= self.store.inner.durable.last() {
            // Nothing is pinned while there is nothing to read.
            self.snapshot = None;
            self.store.inner.durable.wait_past(self.seen, timeout);
        }
        self.try_next()
    }
}
