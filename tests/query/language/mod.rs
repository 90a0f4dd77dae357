//! Filters as text: the grammar, its errors, the dialects, and what they mean of records.

mod dialects;
mod errors;
mod hostile;
mod meaning;
mod productions;
mod random;
mod round_trip;
mod series;

use std::collections::BTreeMap;
use std::ops::{Deref, DerefMut};

use modeldb::{Entity, EntityKind, Filter, Observation, Run, Series, Subject, Timestamp, Value};

/// A run made by hand, with what was observed of it.
#[derive(Clone)]
pub(super) struct Observed {
    run: Run,
    observations: BTreeMap<String, Vec<Observation>>,
}

impl Deref for Observed {
    type Target = Run;
    fn deref(&self) -> &Run {
        &self.run
    }
}

impl DerefMut for Observed {
    fn deref_mut(&mut self) -> &mut Run {
        &mut self.run
    }
}

impl Observed {
    pub(super) fn fulfils(&self, filter: &Filter) -> bool {
        filter.matches(Subject::new(&Entity::Run(self.run.clone())).observations(&self.observations))
    }
}

/// A run made by hand: also of what a store does not log as yet.
pub(super) fn run(name: &str) -> Observed {
    let mut run = Run::default();
    run.name = name.to_owned();
    Observed { run, observations: BTreeMap::new() }
}

pub(super) fn observe(run: &mut Observed, key: &str, values: impl IntoIterator<Item = impl Into<Value>>) {
    let observed = run.observations.entry(key.to_owned()).or_default();
    for value in values {
        let epoch = observed.len() as i64;
        observed.push(Observation::new(value, epoch, Timestamp::from_millis(1 + epoch)));
    }
    run.run.series = run.observations.iter().map(|(key, all)| Series::of(key, all)).collect();
}

/// Whether a text holds of a run.
fn holds(text: &str, run: &Observed) -> bool {
    let filter = Filter::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    filter.check(EntityKind::Run).unwrap_or_else(|error| panic!("{text}: {error}"));
    run.fulfils(&filter)
}

/// The names of the runs of which a filter holds.
fn named(filter: &Filter, runs: &[Observed]) -> String {
    filter.check(EntityKind::Run).unwrap();
    let found = runs.iter().filter(|run| run.fulfils(filter));
    found.map(|run| run.name.as_str()).collect::<Vec<_>>().join(" ")
}

fn parsed(text: &str) -> Filter {
    Filter::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}
