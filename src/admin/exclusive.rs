//! Having a store to oneself: nobody writes, and then nobody reads.
//!
//! Lock order: the block of the filter index that is being made, the gate, the writer, what is published. Whoever holds
//! a snapshot is in the way, and is waited for a moment only: the caller is told how old it is.

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex, MutexGuard};

use crate::entity::state::State;
use crate::error::{Error, ErrorKind, Result};
use crate::id::Sequence;
use crate::storage::Database;
use crate::store::{Age, Inner, closed};
use crate::write::{Writer, Writing};

/// How long a snapshot that somebody reads from is waited for: searches take milliseconds.
const PATIENCE: Duration = Duration::from_secs(1);

/// Where a thread of the store's own passes to read a snapshot, unless it is shut.
#[derive(Default)]
pub(crate) struct Gate {
    state: Mutex<GateState>,
    changed: Condvar,
}

#[derive(Default)]
struct GateState {
    shut: bool,
    inside: usize,
}

/// Whoever holds it has passed the gate.
#[cfg(feature = "text")]
pub(crate) struct Pass(Arc<Gate>);

/// Whoever holds it has shut the gate, and nobody is inside.
struct Shut<'g>(&'g Gate);

impl Gate {
    /// Passes, once it is open.
    #[cfg(feature = "text")]
    pub(crate) fn pass(self: &Arc<Self>) -> Pass {
        let mut state = self.state.lock();
        while state.shut {
            self.changed.wait(&mut state);
        }
        state.inside += 1;
        Pass(Arc::clone(self))
    }

    fn shut(&self) -> Shut<'_> {
        let mut state = self.state.lock();
        while state.shut {
            self.changed.wait(&mut state);
        }
        state.shut = true;
        while state.inside > 0 {
            self.changed.wait(&mut state);
        }
        Shut(self)
    }
}

#[cfg(feature = "text")]
impl Drop for Pass {
    fn drop(&mut self) {
        self.0.state.lock().inside -= 1;
        self.0.changed.notify_all();
    }
}

impl Drop for Shut<'_> {
    fn drop(&mut self) {
        self.0.state.lock().shut = false;
        self.0.changed.notify_all();
    }
}

/// Nobody writes while this lives, and everything that was acknowledged is durable.
pub(super) struct Still<'i> {
    inner: &'i Inner,
    _writer: MutexGuard<'i, Writer>,
    _shut: Shut<'i>,
    _making: MutexGuard<'i, ()>,
    _writing: Writing,
}

impl Inner {
    /// Waits for whoever writes, and keeps others from it.
    ///
    /// # Errors
    /// `Locked` if a snapshot is held, for it is known to be in the way later; `NestedWrite`, `Poisoned`, `Closed`,
    /// `ReadOnly`; `CommitUnknown` if what was acknowledged could not be made durable.
    pub(super) fn hold_still(&self) -> Result<Still<'_>> {
        let writing = Writing::begin(self)?;
        self.check_usable()?;
        let making = self.worker.making();
        let shut = self.gate.shut();
        let mut writer = self.writer.lock();
        writer.flush(self)?;
        if self.database.read().is_none() {
            return Err(closed());
        }
        let still = Still { inner: self, _writer: writer, _shut: shut, _making: making, _writing: writing };
        let since = Instant::now();
        loop {
            let published = Arc::clone(&self.published.read());
            match still.held(&published, 2) {
                Some(_) if since.elapsed() < PATIENCE => {}
                Some(held) => return Err(held.error()),
                None => return Ok(still),
            }
            drop(published);
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

/// A snapshot that somebody holds.
struct Held {
    sequence: Sequence,
    age: Duration,
}

impl Held {
    fn error(&self) -> Error {
        Error::new(
            ErrorKind::Locked,
            format!(
                "somebody holds a snapshot of commit {}, which was published {:.1?} ago: let go of it, and try again",
                self.sequence, self.age
            ),
        )
    }
}

impl Still<'_> {
    /// The oldest snapshot that somebody else holds; of what is published, `ours` are held here.
    fn held(&self, published: &Arc<State>, ours: usize) -> Option<Held> {
        let mut ages = self.inner.ages.lock();
        ages.retain(Age::is_held);
        for Age { since, state, .. } in ages.iter() {
            let is_published = std::ptr::eq(state.as_ptr(), Arc::as_ptr(published));
            if is_published && Arc::strong_count(published) <= ours {
                continue;
            }
            let sequence = match state.upgrade() {
                Some(state) => state.head.sequence,
                // Somebody has just let go of it.
                None => continue,
            };
            return Some(Held { sequence, age: since.elapsed() });
        }
        None
    }

    /// Calls `work` with the database and what is published, while nobody else has either or can get them: who wants to
    /// read waits.
    ///
    /// # Errors
    /// `Locked` if somebody holds a snapshot; those of `work`. If it leaves no database, the store is closed.
    pub(super) fn alone<R>(
        &mut self,
        work: impl FnOnce(&Inner, &mut Option<Database>, &mut State) -> Result<R>,
    ) -> Result<R> {
        let inner = self.inner;
        let mut published = inner.published.write();
        let since = Instant::now();
        while let Some(held) = self.held(&published, 1) {
            if since.elapsed() >= PATIENCE {
                return Err(held.error());
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        let mut ages = inner.ages.lock();
        let since = ages.last().map_or_else(Instant::now, |age| age.since);
        // What is known of it is held, too.
        ages.clear();
        let done = match Arc::get_mut(&mut published) {
            Some(state) => {
                let mut database = inner.database.write();
                let done = work(inner, &mut database, state);
                if database.is_none() {
                    inner.poison();
                }
                done
            }
            None => Err(Error::new(ErrorKind::Locked, "somebody holds what is published")),
        };
        ages.push(Age { since, outdated: None, state: Arc::downgrade(&published) });
        done
    }
}
