//! What writes for the loggers of a store: one thread for all of them, or whoever waits.
//!
//! Lock order: `writing` of loggers, in order of their runs, before the store's writer; the queue of a logger before
//! `state`. Those two and `live` are held for some lines only.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::thread::JoinHandle;
use std::time::Instant;

use parking_lot::{Condvar, Mutex, MutexGuard};

use super::queue::{Queue, Taken};
use crate::error::{Error, Result};
use crate::id::{Row, RunId};
use crate::limits;
use crate::model::{Actor, RunStatus};
use crate::store::{Inner, closed};
use crate::write;

/// One logger, as its handle and the writer share it.
pub(super) struct Logger {
    pub(super) run: RunId,
    /// Where the run is: one that takes its id once it was purged is another.
    row: Row,
    pub(super) actor: Arc<Actor>,
    pub(super) queue: Mutex<Queue>,
    /// Held from taking something out of the queue until it is written, so that it is written in order.
    writing: Mutex<()>,
}

/// The loggers of a store.
#[derive(Default)]
pub(crate) struct Loggers {
    /// By row and id: until it is committed, a run may lose its row to another.
    live: Mutex<BTreeMap<(Row, RunId), Arc<Logger>>>,
    /// Bytes that are queued.
    queued: AtomicUsize,
    state: Mutex<State>,
    /// There is something to write, or an end to it.
    work: Condvar,
    /// There is room in the queues again.
    room: Condvar,
    has_thread: AtomicBool,
}

#[derive(Default)]
struct State {
    end: bool,
    thread: Option<JoinHandle<()>>,
}

/// What was taken from a logger, which nobody else writes for meanwhile.
struct Batch<'l> {
    logger: &'l Arc<Logger>,
    taken: Taken,
    _writing: MutexGuard<'l, ()>,
}

impl Batch<'_> {
    fn end(&self) -> Option<RunStatus> {
        self.taken.end.as_ref().map(|end| end.status)
    }

    /// Who says so, and why.
    fn actor(&self) -> Arc<Actor> {
        let Some(reason) = self.taken.end.as_ref().and_then(|end| end.reason.as_deref()) else {
            return Arc::clone(&self.logger.actor);
        };
        let actor = Actor::clone(&self.logger.actor);
        let mut reason =
            if actor.reason.is_empty() { reason.to_owned() } else { format!("{}: {reason}", actor.reason) };
        let fitting = (0..=limits::ACTOR_FIELD_BYTES.min(reason.len())).rev().find(|at| reason.is_char_boundary(*at));
        reason.truncate(fitting.unwrap_or(0));
        Arc::new(actor.reason(reason))
    }
}

impl Loggers {
    /// Makes a logger for a run that has none.
    pub(super) fn register(&self, run: &RunId, row: Row, actor: &Arc<Actor>) -> Result<Arc<Logger>> {
        match self.live.lock().entry((row, run.clone())) {
            Entry::Occupied(_) => Err(Error::exists(format!("run {run} has a logger already"))),
            Entry::Vacant(vacant) => {
                let (run, actor) = (run.clone(), Arc::clone(actor));
                let logger = Logger { run, row, actor, queue: Mutex::default(), writing: Mutex::default() };
                Ok(Arc::clone(vacant.insert(Arc::new(logger))))
            }
        }
    }

    pub(super) fn forget(&self, logger: &Arc<Logger>) {
        let mut live = self.live.lock();
        if let Entry::Occupied(known) = live.entry((logger.row, logger.run.clone()))
            && Arc::ptr_eq(known.get(), logger)
        {
            known.remove();
        }
    }

    /// The loggers of a run that were dropped inside a write, and have waited for its end since.
    pub(super) fn ending(&self, run: &RunId) -> Vec<Arc<Logger>> {
        let live = self.live.lock();
        let its = live.values().filter(|logger| logger.run == *run).cloned().collect::<Vec<_>>();
        drop(live);
        its.into_iter().filter(|logger| logger.queue.lock().is_ending()).collect()
    }

    fn all(&self) -> Vec<Arc<Logger>> {
        self.live.lock().values().cloned().collect()
    }

    /// How many loggers there are, and how many bytes they hold.
    pub(crate) fn figures(&self) -> (usize, usize) {
        (self.live.lock().len(), self.queued.load(Ordering::SeqCst))
    }

    /// Tells the thread, if there is a reason to: the first thing after a pause, and when it is time to hurry.
    pub(super) fn added(&self, bytes: usize) {
        if bytes == 0 {
            return;
        }
        let before = self.queued.fetch_add(bytes, Ordering::SeqCst);
        let hurries = before < limits::LOGGER_HURRY_BYTES && before + bytes >= limits::LOGGER_HURRY_BYTES;
        if before == 0 || hurries {
            // Whoever looks whether there is something, and then waits, holds it.
            drop(self.state.lock());
            self.work.notify_one();
        }
    }

    fn removed(&self, bytes: usize) {
        self.queued.fetch_sub(bytes, Ordering::SeqCst);
        drop(self.state.lock());
        self.room.notify_all();
    }

    pub(super) fn is_full(&self) -> bool {
        self.queued.load(Ordering::Relaxed) >= limits::LOGGER_QUEUE_BYTES
    }
}

/// Ends the waiting for a thread that is gone, however it went.
struct Gone<'l>(&'l Loggers);

impl Drop for Gone<'_> {
    fn drop(&mut self) {
        self.0.has_thread.store(false, Ordering::SeqCst);
        drop(self.0.state.lock());
        self.0.room.notify_all();
    }
}

impl Inner {
    /// Starts the thread, unless there is one or none is wanted.
    pub(super) fn start_logging(&self, this: &Weak<Inner>) {
        let mut state = self.loggers.state.lock();
        if !self.background || state.end || state.thread.is_some() {
            return;
        }
        if let Some(inner) = this.upgrade() {
            let named = std::thread::Builder::new().name("modeldb-loggers".to_owned());
            state.thread = named.spawn(move || inner.logging_thread()).ok();
            // Without a thread, whoever finds the queues full writes. It has not got past the lock yet.
            self.loggers.has_thread.store(state.thread.is_some(), Ordering::SeqCst);
        }
    }

    fn logging_thread(&self) {
        let loggers = &self.loggers;
        let _gone = Gone(loggers);
        let queued = || loggers.queued.load(Ordering::SeqCst);
        loop {
            {
                let mut state = loggers.state.lock();
                while queued() == 0 && !state.end {
                    loggers.work.wait(&mut state);
                }
                // More will come; what comes together costs one commit.
                let due = Instant::now() + limits::LOGGER_DELAY;
                while queued() < limits::LOGGER_HURRY_BYTES && !state.end {
                    if loggers.work.wait_until(&mut state, due).timed_out() {
                        break;
                    }
                }
                if state.end {
                    return;
                }
            }
            self.write_logged(&loggers.all());
        }
    }

    /// Waits until there is room in the queues, or makes it.
    pub(super) fn make_room(&self) {
        if write::check_not_writing(self).is_err() {
            // It would wait for itself: the queue grows until this thread's write has ended.
            return;
        }
        let loggers = &self.loggers;
        loop {
            if !loggers.has_thread.load(Ordering::SeqCst) {
                self.write_logged(&loggers.all());
                return;
            }
            let mut state = loggers.state.lock();
            while loggers.is_full() && loggers.has_thread.load(Ordering::SeqCst) {
                loggers.room.wait(&mut state);
            }
            if !loggers.is_full() {
                return;
            }
        }
    }

    /// Writes what some loggers, in order of their runs, have gathered, and returns once it is durable; what went wrong
    /// is kept for each of them.
    pub(super) fn write_logged(&self, all: &[Arc<Logger>]) {
        let mut batches: Vec<Batch<'_>> = Vec::new();
        for logger in all {
            let writing = logger.writing.lock();
            if let Some(taken) = logger.queue.lock().take() {
                batches.push(Batch { logger, taken, _writing: writing });
            }
        }
        self.loggers.removed(batches.iter().map(|batch| batch.taken.bytes).sum());
        // A commit has one actor.
        while let Some(actor) = batches.first().map(Batch::actor) {
            let (its, others): (Vec<_>, Vec<_>) = batches.into_iter().partition(|batch| batch.actor() == actor);
            batches = others;
            self.write_batches(&actor, &its);
            for batch in its.iter().filter(|batch| batch.taken.end.is_some()) {
                self.loggers.forget(batch.logger);
            }
        }
    }

    fn write_batches(&self, actor: &Actor, batches: &[Batch<'_>]) {
        let written = self.write_as(actor, |w| {
            let mut runs = w.runs();
            let log = |batch: &Batch<'_>| {
                runs.log_all((&batch.logger.run, batch.logger.row), &batch.taken.logged, batch.end())
            };
            batches.iter().map(log).collect::<Result<Vec<Vec<Error>>>>()
        });
        match written {
            Ok(refused) => {
                for (batch, refused) in batches.iter().zip(refused) {
                    let mut queue = batch.logger.queue.lock();
                    refused.into_iter().for_each(|error| queue.refuse(error));
                }
            }
            Err(error) if self.is_ended() => batches.iter().for_each(|batch| self.lose(batch.logger, &error)),
            Err(error) => match batches {
                [batch] => batch.logger.queue.lock().refuse(error),
                // One of them is at fault, and the others are to lose nothing by it.
                _ => batches.iter().for_each(|batch| self.write_batches(actor, std::slice::from_ref(batch))),
            },
        }
    }

    /// Whether nothing will be written any more.
    fn is_ended(&self) -> bool {
        self.check_usable().is_err() || self.database.read().is_none()
    }

    fn lose(&self, logger: &Arc<Logger>, error: &Error) {
        let bytes = logger.queue.lock().lose(error.share());
        self.loggers.removed(bytes);
    }

    /// Ends the thread, and writes what is queued: the last thing before the store is closed.
    pub(crate) fn end_logging(&self) {
        let thread = {
            let mut state = self.loggers.state.lock();
            state.end = true;
            state.thread.take()
        };
        self.loggers.work.notify_all();
        if let Some(thread) = thread
            && thread.thread().id() != std::thread::current().id()
        {
            let _ = thread.join();
        }
        let all = self.loggers.all();
        self.write_logged(&all);
        all.iter().for_each(|logger| self.lose(logger, &closed()));
    }

    /// Tells of runs whose loggers ended with an earlier process that they are not running any more.
    pub(crate) fn end_dead_runs(&self) -> Result<()> {
        let running = self.published.read().tables.running()?;
        if running.is_empty() {
            return Ok(());
        }
        let actor = Actor::system("modeldb").reason("the store was opened, and nobody had ended it");
        let ended = self.write_as(&actor, |w| w.runs().crash(&running));
        ended.map_err(|error| error.context("telling of runs that were left running"))
    }
}
