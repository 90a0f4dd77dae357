//! The index of a store, as the store sees it: told of changes, asked, waited for, stopped.

use std::panic::{self, AssertUnwindSafe};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use parking_lot::{Condvar, Mutex, RwLock};
use roaring::RoaringBitmap;

use super::answer::View;
use super::changes::Changes;
use super::folder;
use super::follow::Follower;
use super::question::Question;
use super::{Ask, KINDS, Place, Source};
use crate::error::{Error, ErrorKind, Result};
use crate::id::{EntityKind, Row, Sequence};
use crate::words::Part;

/// Gives the store as of its last commit; none once it is closed.
pub(crate) type Newest = Box<dyn Fn() -> Option<Box<dyn Source>> + Send>;

/// The text index of a store.
pub(crate) struct TextIndex {
    shared: Arc<Shared>,
    /// Where its files are; none in memory.
    folder: Option<PathBuf>,
    thread: Mutex<Thread>,
    /// Rows of a kind from which on it is made when it is asked; none if only when it is waited for.
    start_rows: Option<u32>,
    /// It is read as it is, or not at all.
    read_only: bool,
}

#[derive(Default)]
enum Thread {
    /// Nothing to follow yet.
    #[default]
    Unready,
    Idle(Newest),
    Running(JoinHandle<()>),
    Stopped,
}

/// What the store and the thread share.
#[derive(Default)]
pub(super) struct Shared {
    pub(super) view: RwLock<Option<Arc<View>>>,
    pub(super) changes: RwLock<Changes>,
    pub(super) wishes: Mutex<Wishes>,
    /// The thread waits here.
    pub(super) wished: Condvar,
    /// Those wait here who wait for the thread.
    pub(super) done: Condvar,
}

/// A purge that goes on.
pub(crate) struct Purging<'s>(&'s Shared);

impl Drop for Purging<'_> {
    fn drop(&mut self) {
        self.0.wishes.lock().purging -= 1;
    }
}

/// What is asked of the thread, and how far it is.
#[derive(Default)]
pub(super) struct Wishes {
    pub(super) stop: bool,
    /// The last commit there is.
    pub(super) newest: Sequence,
    /// Somebody waits for this one.
    pub(super) urgent: Sequence,
    /// Somebody waits for what was deleted up to this one to be gone from the files.
    pub(super) clean: Sequence,
    pub(super) indexed: Sequence,
    pub(super) cleaned: Sequence,
    /// Purges that were begun, those that go on, and such that left nothing behind.
    pub(super) purges: u64,
    pub(super) purging: u64,
    pub(super) purges_cleaned: u64,
    /// The index is damaged.
    pub(super) broken: bool,
    /// It could not be made, for this reason.
    pub(super) failed: Option<String>,
}

impl TextIndex {
    /// The index with files in `folder`, or in memory. It is made when it is asked about a kind of this many rows, or
    /// else only when it is waited for.
    pub(crate) fn new(folder: Option<PathBuf>, start_rows: Option<u32>, read_only: bool) -> Self {
        TextIndex { shared: Arc::default(), folder, thread: Mutex::default(), start_rows, read_only }
    }

    /// The store is open, as of `sequence`; `newest` gives it from now on. An index that is there is followed at once.
    pub(crate) fn begin(&self, sequence: Sequence, newest: Newest) {
        self.shared.changes.write().begin(sequence);
        self.shared.wishes.lock().newest = sequence;
        *self.thread.lock() = Thread::Idle(newest);
        if (self.start_rows.is_some() || self.read_only) && self.folder.as_ref().is_some_and(|folder| folder.exists()) {
            self.start();
        }
    }

    /// Takes in the rows that a commit changed, before it is published.
    pub(crate) fn push(&self, sequence: Sequence, rows: impl Iterator<Item = (EntityKind, Row)>) {
        self.shared.changes.write().push(sequence, rows.filter(|(kind, _)| KINDS.contains(kind)));
    }

    /// A commit was published.
    pub(crate) fn published(&self, sequence: Sequence) {
        let mut wishes = self.shared.wishes.lock();
        wishes.newest = wishes.newest.max(sequence);
        self.shared.wished.notify_one();
    }

    fn start(&self) -> bool {
        let mut thread = self.thread.lock();
        match std::mem::take(&mut *thread) {
            Thread::Idle(newest) => {
                let follower = Follower::new(Arc::clone(&self.shared), self.folder.clone(), newest);
                let named = std::thread::Builder::new().name("modeldb-text".into());
                let spawned = match self.read_only {
                    true => named.spawn(move || follower.read()),
                    false => named.spawn(move || follower.run()),
                };
                match spawned {
                    Ok(handle) => *thread = Thread::Running(handle),
                    Err(error) => {
                        self.shared.wishes.lock().failed = Some(error.to_string());
                        *thread = Thread::Stopped;
                    }
                }
            }
            other => *thread = other,
        }
        matches!(*thread, Thread::Running(_))
    }

    /// What is asked of it for a snapshot of commit `at` with `rows` rows of a kind. If there is no index, the first
    /// who asks has it made.
    pub(crate) fn question<'a>(&'a self, ask: Ask<'a>, kind: EntityKind, at: Sequence, rows: u32) -> Question<'a> {
        if self.start_rows.is_some_and(|start| rows >= start) && self.view().is_none() {
            self.start();
        }
        Question { index: self, ask, kind, at, rows }
    }

    /// Of some rows of a snapshot, as a [`question`](Self::question) is of one: those of which the index cannot tell,
    /// and the best `k` of the others with their scores. None if it knows nothing.
    pub(crate) fn rank(
        &self,
        asks: &[(Option<Place<'_>>, &[Part])],
        kind: EntityKind,
        at: Sequence,
        rows: u32,
        among: &RoaringBitmap,
        k: usize,
    ) -> Option<(RoaringBitmap, Vec<(u32, f32)>)> {
        let view = self.view()?;
        let unseen = self.stale(&view, kind, at, rows)? & among;
        let seen = among - &unseen;
        let best = self.contained(|| view.rank(asks, kind, &seen, k))?;
        Some((unseen, best))
    }

    pub(super) fn view(&self) -> Option<Arc<View>> {
        self.shared.view.read().clone()
    }

    /// The rows that were changed between the index and a snapshot, whichever is newer.
    pub(super) fn stale(&self, view: &View, kind: EntityKind, at: Sequence, rows: u32) -> Option<RoaringBitmap> {
        let (first, last) = (view.mark.head.sequence.min(at), view.mark.head.sequence.max(at));
        let mut stale = self.shared.changes.read().rows(kind, first, last)?;
        let known = view.mark.rows_of(kind)?;
        stale.insert_range(known..rows.max(known));
        Some(stale)
    }

    /// Runs a search. One that fails, or panics on what is damaged, ends the index; it is made anew.
    pub(super) fn contained<R>(&self, search: impl FnOnce() -> tantivy::Result<R>) -> Option<R> {
        if let Ok(Ok(found)) = panic::catch_unwind(AssertUnwindSafe(search)) {
            return Some(found);
        }
        *self.shared.view.write() = None;
        self.shared.wishes.lock().broken = true;
        self.shared.wished.notify_one();
        None
    }

    /// The commit the index has come to, if it is there.
    pub(crate) fn sequence(&self) -> Option<Sequence> {
        self.view().map(|view| view.mark.head.sequence)
    }

    /// Why it could not be made, if it could not.
    pub(crate) fn failure(&self) -> Option<String> {
        self.shared.wishes.lock().failed.clone()
    }

    /// Waits until the index has come to a commit that is published, for at most so long.
    ///
    /// # Errors
    /// `Closed` if the store is closed meanwhile; `Io` if the index cannot be made or does not come so far in time.
    pub(crate) fn wait(&self, sequence: Sequence, at_most: Duration) -> Result<()> {
        self.wait_for(sequence, false, at_most)
    }

    /// A purge begins, and goes on until what is answered is dropped.
    pub(crate) fn begin_purge(&self) -> Purging<'_> {
        let mut wishes = self.shared.wishes.lock();
        wishes.purges += 1;
        wishes.purging += 1;
        Purging(&self.shared)
    }

    /// What was purged up to a commit is gone from the files when this returns.
    ///
    /// # Errors
    /// Those of [`wait`](Self::wait).
    pub(crate) fn clean(&self, sequence: Sequence) -> Result<()> {
        {
            let thread = self.thread.lock();
            let idle = !matches!(*thread, Thread::Running(_)) || self.shared.wishes.lock().failed.is_some();
            if idle {
                // Nobody follows what is there; whoever does later makes it anew.
                let removed = self.folder.as_ref().map_or(Ok(()), |path| folder::remove(path));
                return removed.map_err(|error| Error::io("removing the text index", error));
            }
        }
        self.wait_for(sequence, true, Duration::from_secs(3600))
    }

    fn wait_for(&self, sequence: Sequence, clean: bool, at_most: Duration) -> Result<()> {
        if self.read_only && !self.folder.as_ref().is_some_and(|folder| folder.exists()) {
            return Err(Error::new(ErrorKind::ReadOnly, "there is no text index, and making one would write"));
        }
        let running = self.start();
        let deadline = std::time::Instant::now() + at_most;
        let mut wishes = self.shared.wishes.lock();
        let wish = if clean { &mut wishes.clean } else { &mut wishes.urgent };
        *wish = (*wish).max(sequence);
        self.shared.wished.notify_one();
        loop {
            let reached = if clean { wishes.cleaned } else { wishes.indexed };
            if reached >= sequence {
                return Ok(());
            }
            if let Some(why) = wishes.failed.as_ref().filter(|_| self.read_only) {
                return Err(Error::new(ErrorKind::ReadOnly, why.clone()));
            }
            if let Some(why) = &wishes.failed {
                return Err(Error::io("making the text index", std::io::Error::other(why.clone())));
            }
            if wishes.stop || !running {
                return Err(Error::new(ErrorKind::Closed, "the store is closed"));
            }
            if self.shared.done.wait_until(&mut wishes, deadline).timed_out() {
                let late = std::io::Error::from(std::io::ErrorKind::TimedOut);
                return Err(Error::io(format!("waiting for the text index to come to commit {sequence}"), late));
            }
        }
    }

    /// Stops following. What is not indexed yet is, when the store is opened again.
    pub(crate) fn stop(&self) {
        {
            let mut wishes = self.shared.wishes.lock();
            wishes.stop = true;
            self.shared.wished.notify_all();
            self.shared.done.notify_all();
        }
        let thread = std::mem::replace(&mut *self.thread.lock(), Thread::Stopped);
        if let Thread::Running(thread) = thread {
            // A panic in it was of no harm to anybody.
            let _ = thread.join();
        }
        *self.shared.view.write() = None;
    }
}
