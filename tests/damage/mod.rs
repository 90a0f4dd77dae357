//! Flipped, cut and swapped bytes; and rows and commits changed by somebody who gets the checksums right.

mod answer;
mod beside;
mod decoders;
mod erasures;
mod flips;
mod index;
mod pages;
mod tampering;

use modeldb::{ExperimentId, Store};

/// Commit 1 of the stores that are damaged: a project with an experiment.
fn first_commit(store: &Store) -> ExperimentId {
    let made = store.write(|w| {
        let project = w.projects().get_or_create("project")?;
        w.experiments().get_or_create(&project, "experiment")
    });
    made.unwrap()
}
