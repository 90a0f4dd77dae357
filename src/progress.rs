//! How far a long call has come, and whether it is to go on.

use std::fmt;
use std::ops::ControlFlow;

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
