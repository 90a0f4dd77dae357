//! The handle of a training loop: what is told is queued, and written behind its back.
//!
//! - [`queue`]: what one logger has gathered.
//! - [`writer`]: what writes for all of them.
//!
//! Useful for loops that log some numbers a step and have no time for a sync. Not for what has to be safe at once:
//! that is a [`Store::write`], beside it.

mod queue;
mod writer;

use std::fmt;
use std::sync::Arc;

use queue::{End, Queue};
use writer::Logger;
pub(crate) use writer::Loggers;

use crate::entity::entries::Container;
use crate::error::Result;
use crate::id::{ExperimentId, Row, RunId};
use crate::model::{KeyValue, NewObservation, NewRun, RunStatus};
use crate::store::Store;
use crate::value::Value;
use crate::write::{self, Write};

/// Logs a run from a training loop: calls that cost some hundred nanoseconds, acknowledge nothing and return no error.
///
/// What it is told is queued, and one thread of the store writes it, of all loggers in one commit, a second later or
/// sooner. The queues have a bound, [all together](crate::limits::LOGGER_QUEUE_BYTES); when they are full, a call waits
/// until they are written, and nothing is dropped. (Inside a [`Store::write`] of the same thread it cannot wait, and
/// the queue grows until that has ended.) [`flush`](Self::flush) returns once everything so far is as durable as a
/// write, and tells what went wrong since the last one; so does [`finish`](Self::finish).
///
/// It keeps the run's [`status`](crate::Run::status): running while there is a logger, then finished, failed by
/// [`fail`](Self::fail) or because it is dropped by a panic, or abandoned if it is dropped otherwise. Whatever ends it
/// writes what is queued first. A run that was left running when its process or its store ended is found crashed when
/// the store is opened next; [`Store::resume_run`] takes it up again.
///
/// A metric, a hyperparameter or an attribute that is there with the same value is fine, as in a loop that is run
/// again; with another value it is left out, and an error at the next flush. An error concerns what it names: the rest
/// is written, and so is what comes later.
///
/// It is `Send + Sync`, and every call takes a shared reference: threads of one run share it by reference, or in an
/// `Arc` whose last owner finishes it. It keeps the store open.
///
/// ```
/// use modeldb::{NewRun, RunStatus, Store};
///
/// # fn main() -> modeldb::Result<()> {
/// let store = Store::in_memory()?;
/// let cnn = store.write(|w| {
///     let digits = w.projects().get_or_create("digits")?;
///     w.experiments().get_or_create(&digits, "cnn")
/// })?;
/// let log = store.start_run(&cnn, NewRun::named("width-64").hyperparameter("width", 64))?;
/// let id = log.run_id().clone();
/// for step in 0..1000 {
///     log.observe("loss", 1.0 / f64::from(step + 1));
/// }
/// log.metric("accuracy", 0.97);
/// log.finish()?;
/// let run = store.read().runs().get(&id)?;
/// assert_eq!((run.status, run.series("loss").unwrap().count), (Some(RunStatus::Finished), 1000));
/// # Ok(())
/// # }
/// ```
#[must_use = "a logger that is dropped abandons its run"]
pub struct RunLogger {
    store: Store,
    logger: Arc<Logger>,
    /// It was made while its thread was panicking: that it does so is no failure of the run.
    panicking: bool,
    is_ended: bool,
}

impl fmt::Debug for RunLogger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunLogger").field("run", &self.logger.run).finish_non_exhaustive()
    }
}

impl Store {
    /// Creates a run that is running, with its start time now unless it has one, and gives its logger.
    ///
    /// # Errors
    /// Those of [`RunsMut::create`](crate::RunsMut::create) and of [`write`](Self::write).
    pub fn start_run(&self, experiment: &ExperimentId, new: NewRun) -> Result<RunLogger> {
        self.logger(|w| w.runs().begin(experiment, new))
    }

    /// Takes a run up again, whatever became of it, or one that never had a logger: it is running, and has no end time
    /// any more. What is observed goes on after what there is.
    ///
    /// # Errors
    /// `NotFound` if it is not there; `AlreadyExists` if it has a logger; those of [`write`](Self::write).
    pub fn resume_run(&self, run: &RunId) -> Result<RunLogger> {
        let ending = self.inner.loggers.ending(run);
        if !ending.is_empty() {
            write::check_not_writing(&self.inner)?;
            self.inner.write_logged(&ending);
        }
        self.logger(|w| Ok((run.clone(), w.runs().resume(run)?)))
    }

    fn logger(&self, begin: impl FnOnce(&mut Write<'_>) -> Result<(RunId, Row)>) -> Result<RunLogger> {
        let loggers = &self.inner.loggers;
        let mut registered = None;
        let begun = self.write(|w| {
            // Before anybody else can know of the run.
            let (run, row) = begin(w)?;
            let logger = loggers.register(&run, row, &self.actor)?;
            Ok(Arc::clone(registered.insert(logger)))
        });
        let logger = begun.inspect_err(|_| registered.iter().for_each(|logger| loggers.forget(logger)))?;
        self.inner.start_logging(&self.inner.this);
        Ok(RunLogger { store: self.clone(), logger, panicking: std::thread::panicking(), is_ended: false })
    }
}

impl RunLogger {
    /// The run.
    pub fn run_id(&self) -> &RunId {
        &self.logger.run
    }

    /// Observes a number, a text or a boolean: at the epoch after the greatest one of its series and at this moment,
    /// unless it says otherwise.
    pub fn observe(&self, key: impl AsRef<str>, observation: impl Into<NewObservation>) {
        let now = self.store.inner.clock.now();
        let observation = observation.into();
        self.tell(|queue| queue.observe(key.as_ref(), observation, now));
    }

    /// Observes it at this epoch.
    pub fn observe_at(&self, epoch: i64, key: impl AsRef<str>, value: impl Into<Value>) {
        self.observe(key, NewObservation::new(value).epoch_number(epoch));
    }

    /// Logs a metric.
    pub fn metric(&self, key: impl Into<String>, value: impl Into<Value>) {
        self.log(Container::Metrics, KeyValue::new(key, value));
    }

    /// Logs a hyperparameter.
    pub fn hyperparameter(&self, key: impl Into<String>, value: impl Into<Value>) {
        self.log(Container::Hyperparameters, KeyValue::new(key, value));
    }

    /// Logs an attribute.
    pub fn attribute(&self, key: impl Into<String>, value: impl Into<Value>) {
        self.log(Container::Attributes, KeyValue::new(key, value));
    }

    /// Adds a tag.
    pub fn tag(&self, tag: impl Into<String>) {
        let tag = tag.into();
        self.tell(|queue| queue.tag(tag));
    }

    fn log(&self, container: Container, entry: KeyValue) {
        self.tell(|queue| queue.log(container, entry));
    }

    fn tell(&self, tell: impl FnOnce(&mut Queue) -> usize) {
        let inner = &self.store.inner;
        if inner.loggers.is_full() {
            inner.make_room();
        }
        let mut queue = self.logger.queue.lock();
        // Counted before anybody can take it.
        inner.loggers.added(tell(&mut queue));
    }

    /// Writes everything that was told so far, and returns once it is durable. Costs a sync, shared with other writers.
    ///
    /// # Errors
    /// What went wrong since the last flush, with the first message and the number of the others:
    /// - `AlreadyExists` for a metric, hyperparameter or attribute that is there with another value;
    /// - `InvalidArgument` for an empty key, a bad tag, or what cannot be observed; `LimitExceeded` for what is too
    ///   long or too deep;
    /// - `NotFound` if the run is not there any more: nothing is logged while it is not, nor to another run that took
    ///   its id once it was purged;
    /// - `CommitUnknown`, `Poisoned`, `StorageFull`, `Io` or `Closed`: what was queued may be lost, what comes later
    ///   is, and each flush says so;
    /// - `NestedWrite` inside a write of this thread: nothing was written yet.
    pub fn flush(&self) -> Result<()> {
        write::check_not_writing(&self.store.inner)?;
        self.store.inner.write_logged(std::slice::from_ref(&self.logger));
        self.logger.queue.lock().report()
    }

    /// Ends the run as finished, now, when everything that was told is written.
    ///
    /// # Errors
    /// Those of [`flush`](Self::flush). The run is finished all the same, unless nothing could be written: then it is
    /// found crashed when the store is opened next.
    pub fn finish(mut self) -> Result<()> {
        self.end(RunStatus::Finished, None)
    }

    /// Ends the run as failed, now. Its [history](crate::Snapshot::history) has what is given as the reason, or the
    /// beginning of it.
    ///
    /// # Errors
    /// Those of [`flush`](Self::flush).
    pub fn fail(mut self, reason: impl fmt::Display) -> Result<()> {
        self.end(RunStatus::Failed, Some(reason.to_string()))
    }

    fn end(&mut self, status: RunStatus, reason: Option<String>) -> Result<()> {
        self.is_ended = true;
        let inner = &self.store.inner;
        {
            let mut queue = self.logger.queue.lock();
            inner.loggers.added(queue.end(End { status, reason }));
        }
        // Inside a write, the thread does it afterwards, or whoever closes the store.
        if let Err(error) = write::check_not_writing(inner) {
            return Err(error.context(format_args!("run {} becomes {status} after it", self.logger.run)));
        }
        inner.write_logged(std::slice::from_ref(&self.logger));
        inner.loggers.forget(&self.logger);
        self.logger.queue.lock().report()
    }
}

impl Drop for RunLogger {
    fn drop(&mut self) {
        if self.is_ended {
            return;
        }
        // Whoever wants to know ends it.
        let _ = match std::thread::panicking() && !self.panicking {
            true => self.end(RunStatus::Failed, Some("a panic".to_owned())),
            false => self.end(RunStatus::Abandoned, None),
        };
    }
}
