//! Purging: what is erased is gone, what is left is whole, and the log says what happened.

mod cancelled;
mod erased;
mod held;
mod places;
mod random;
mod restored;
mod texts;

use std::ops::ControlFlow;
use std::sync::Arc;

use modeldb::{
    AuditReport, ExperimentId, ManualClock, NewExperiment, NewProject, Options, ProjectId, PurgeOptions, PurgeReport,
    RunId, SeededEntropy, Store, Timestamp,
};

const START: i64 = 1_700_000_000_000;

/// Options of a store that draws nothing from the outside.
fn options() -> Options {
    Store::options().entropy(SeededEntropy::new(5)).clock(ManualClock::new(Timestamp::from_millis(START)))
}

fn purge(store: &Store) -> PurgeReport {
    store.purge().unwrap()
}

/// Purges until so many commits were made.
fn purge_some(store: &Store, commits: u64) -> PurgeReport {
    let enough = |report: &PurgeReport| match report.commits >= commits {
        true => ControlFlow::Break(()),
        false => ControlFlow::Continue(()),
    };
    store.purge_with(&PurgeOptions::new(), enough).unwrap()
}

#[track_caller]
fn assert_intact(store: &Store) -> AuditReport {
    let audit = store.audit().verify().unwrap();
    assert!(audit.is_intact(), "{audit:?}");
    audit
}

/// A text that is stored by its digest.
fn long(letter: &str) -> String {
    letter.repeat(10_000)
}

fn run_id(id: impl Into<String>) -> RunId {
    RunId::new(id.into()).unwrap()
}

/// A project with an experiment, in one commit.
fn parents(store: &Store, name: &str) -> (ProjectId, ExperimentId) {
    store
        .write(|w| {
            let project = w.projects().create(NewProject::named(name))?;
            let experiment = w.experiments().create(&project, NewExperiment::named("e"))?;
            Ok((project, experiment))
        })
        .unwrap()
}

/// A store in memory with a clock of the test's.
fn in_memory() -> (Store, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::new(Timestamp::from_millis(START)));
    (options().clock(Arc::clone(&clock)).open_in_memory().unwrap(), clock)
}
