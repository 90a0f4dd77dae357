//! Many threads on one store: what each sees, and what is left of whoever fails.
//!
//! `MODELDB_SEED=<seed>` gives the threads' choices; how threads interleave is the machine's.

mod closing;
mod group;
mod invariants;
mod nested;
mod searching;
mod watching;

use std::sync::mpsc::{self, Sender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use modeldb::{ExperimentId, NewExperiment, NewProject, Result, Store, Write};

/// Longest a thing that must happen is waited for; nothing is said about how long it takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// A project with experiments.
fn experiments(store: &Store, count: usize) -> Vec<ExperimentId> {
    store
        .write(|w| {
            let project = w.projects().create(NewProject::named("p"))?;
            let new = (0..count).map(|number| NewExperiment::named(format!("e{number}")));
            w.experiments().create_many(&project, new)
        })
        .unwrap()
}

/// A write that holds the writer until it is let go, so that others gather behind it.
struct Gate {
    open: Sender<()>,
    holder: JoinHandle<Result<()>>,
}

impl Gate {
    fn close(store: &Store) -> Gate {
        let (open, wait) = mpsc::channel::<()>();
        let (entered, inside) = mpsc::channel::<()>();
        let store = store.clone();
        let holder = thread::spawn(move || {
            store.write(|_: &mut Write<'_>| {
                entered.send(()).unwrap();
                wait.recv().unwrap();
                Ok(())
            })
        });
        inside.recv_timeout(PATIENCE).unwrap();
        Gate { open, holder }
    }

    fn open(self) {
        self.open.send(()).unwrap();
        self.holder.join().unwrap().unwrap();
    }
}

/// Long enough for threads to come to the gate. If one does not, a test proves less, and still holds.
fn gather() {
    thread::sleep(Duration::from_millis(60));
}

/// Waits for a thread, and panics if it does not end: a thread that waits for ever is the failure.
fn join<T: Send + 'static>(thread: JoinHandle<T>, who: &str) -> T {
    let started = std::time::Instant::now();
    while !thread.is_finished() {
        assert!(started.elapsed() < PATIENCE, "{who} waits for ever");
        thread::sleep(Duration::from_millis(2));
    }
    match thread.join() {
        Ok(value) => value,
        Err(payload) => std::panic::resume_unwind(payload),
    }
}
