//! How far a long call has come, and whether it is to go on.

use std::fmt;
use std::ops::ControlFlow;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::thread::{Builder, Scope, ScopedJoinHandle};
use std::time::Duration;

use parking_lot::Mutex;

use crate::error::{Error, ErrorKind, Result};

/// How far a long call has come: what its callback is told. Answering `ControlFlow::Break(())` ends the call as
/// [`Cancelled`](ErrorKind::Cancelled), and leaves everything as it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// What it is at.
    pub doing: &'static str,
    /// How many of these are done.
    pub done: u64,
    /// How many there are, as far as that is known.
    pub total: u64,
}

impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} of {}", self.doing, self.done, self.total)
    }
}

/// Whoever is told.
pub(crate) type Tell<'t> = &'t mut dyn FnMut(Progress) -> ControlFlow<()>;

/// How often at most somebody is told, in steps.
const EVERY: u64 = 1024;

/// Steps of a long call, of which its caller is told now and then.
pub(crate) struct Steps<'t> {
    tell: Tell<'t>,
    doing: &'static str,
    done: u64,
    total: u64,
    due: u64,
}

impl<'t> Steps<'t> {
    pub(crate) fn new(tell: Tell<'t>) -> Self {
        Steps { tell, doing: "", done: 0, total: 0, due: 0 }
    }

    /// Begins with something of so many steps.
    pub(crate) fn begin(&mut self, doing: &'static str, total: u64) -> Result<()> {
        (self.doing, self.done, self.total, self.due) = (doing, 0, total, EVERY);
        self.now()
    }

    /// So many more are done.
    pub(crate) fn add(&mut self, steps: u64) -> Result<()> {
        self.done += steps;
        if self.done < self.due {
            return Ok(());
        }
        self.due = self.done + EVERY;
        self.now()
    }

    /// A large one is done.
    pub(crate) fn tick(&mut self) -> Result<()> {
        self.done += 1;
        self.now()
    }

    /// Tells now.
    ///
    /// # Errors
    /// `Cancelled` if that is the answer.
    pub(crate) fn now(&mut self) -> Result<()> {
        let Steps { doing, done, total, .. } = *self;
        match (self.tell)(Progress { doing, done, total: total.max(done) }) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(Error::new(ErrorKind::Cancelled, format!("{doing} was cancelled"))),
        }
    }
}

/// A part of a long call that a thread does beside it.
pub(crate) struct Beside<'s, T> {
    thread: Option<ScopedJoinHandle<'s, Result<T>>>,
    /// Closed when the thread is done.
    done: Receiver<()>,
    told: Arc<Told>,
}

/// What the thread and the call say to each other.
#[derive(Default)]
struct Told {
    progress: Mutex<(u64, u64)>,
    cancelled: AtomicBool,
}

impl<'s, T: Send + 's> Beside<'s, T> {
    /// Begins. Dropped before it was waited for, it is cancelled.
    ///
    /// # Errors
    /// `Io` if there can be no thread.
    pub(crate) fn start<'e>(
        scope: &'s Scope<'s, 'e>,
        work: impl FnOnce(&mut Steps<'_>) -> Result<T> + Send + 's,
    ) -> Result<Self> {
        let told: Arc<Told> = Arc::default();
        let ((end, done), theirs) = (sync_channel(0), Arc::clone(&told));
        let thread = Builder::new().name("modeldb-beside".into()).spawn_scoped(scope, move || {
            let _end = end;
            work(&mut Steps::new(&mut |progress| {
                *theirs.progress.lock() = (progress.done, progress.total);
                match theirs.cancelled.load(Ordering::Relaxed) {
                    true => ControlFlow::Break(()),
                    false => ControlFlow::Continue(()),
                }
            }))
        });
        let thread = thread.map_err(|error| Error::io("starting a thread", error))?;
        Ok(Beside { thread: Some(thread), done, told })
    }

    /// Waits until it is done, and tells meanwhile how far it is.
    ///
    /// # Errors
    /// Those of the work; `Cancelled`.
    pub(crate) fn wait(self, doing: &'static str, steps: &mut Steps<'_>) -> Result<T> {
        self.end(|done, total| {
            (steps.doing, steps.done, steps.total, steps.due) = (doing, done, total, done + EVERY);
            steps.now()
        })
    }

    /// Waits until it is done, and tells `tell` meanwhile how far it is, of how much.
    ///
    /// # Errors
    /// Those of the work, and of `tell`.
    pub(crate) fn end(mut self, mut tell: impl FnMut(u64, u64) -> Result<()>) -> Result<T> {
        loop {
            let (done, total) = *self.told.progress.lock();
            tell(done, total)?;
            if self.done.recv_timeout(Duration::from_millis(20)) != Err(RecvTimeoutError::Timeout) {
                break;
            }
        }
        match self.thread.take().map(ScopedJoinHandle::join) {
            Some(Ok(answer)) => answer,
            Some(Err(panic)) => resume_unwind(panic),
            None => Err(Error::new(ErrorKind::Cancelled, "what is done beside it was cancelled")),
        }
    }
}

impl<T> Drop for Beside<'_, T> {
    fn drop(&mut self) {
        self.told.cancelled.store(true, Ordering::Relaxed);
    }
}
