//! Following forward: a wake-up when a commit has become durable. What was committed is then read from
//! the log, so that a slow watcher costs the writers nothing.

use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use crate::id::Sequence;

/// The last durable commit, and whoever waits for the next.
#[derive(Default)]
pub(crate) struct Durable {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    last: Sequence,
    ended: bool,
}

impl Durable {
    pub(crate) fn new(last: Sequence) -> Self {
        Durable { state: Mutex::new(State { last, ended: false }), changed: Condvar::new() }
    }

    pub(crate) fn last(&self) -> Sequence {
        self.state.lock().last
    }

    /// Everything up to `last` is durable and published.
    pub(crate) fn advance(&self, last: Sequence) {
        self.state.lock().last = last;
        self.changed.notify_all();
    }

    /// No more commits will come from this handle.
    pub(crate) fn end(&self) {
        self.state.lock().ended = true;
        self.changed.notify_all();
    }

    /// Whether no commit after `seen` will come from this handle.
    pub(crate) fn is_ended(&self, seen: Sequence) -> bool {
        let state = self.state.lock();
        state.ended && state.last <= seen
    }

    /// Waits until a commit after `seen` is durable, or for `timeout`. False if none came.
    pub(crate) fn wait_past(&self, seen: Sequence, timeout: Duration) -> bool {
        let deadline = Instant::now().checked_add(timeout);
        let mut state = self.state.lock();
        while state.last <= seen && !state.ended {
            match deadline {
                Some(deadline) => {
                    if self.changed.wait_until(&mut state, deadline).timed_out() {
                        break;
                    }
                }
                None => self.changed.wait(&mut state),
            }
        }
        state.last > seen
    }
}
