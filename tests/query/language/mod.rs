//! Filters as text: the grammar, its errors, the dialects, and what they mean of records.

mod dialects;
mod errors;
mod hostile;
mod meaning;
mod productions;
mod random;
mod round_trip;
mod series;

use modeldb::{Entity, EntityKind, Filter, KeyValue, Observation, Run, Value};

/// A run made by hand: also of what a store does not log as yet.
fn run(name: &str) -> Run {
    let mut run = Run::default();
    run.name = name.to_owned();
    run
}

fn observe(run: &mut Run, key: &str, values: impl IntoIterator<Item = impl Into<Value>>) {
    for value in values {
        let mut observation = Observation::default();
        observation.attribute = KeyValue::new(key, value);
        run.observations.push(observation);
    }
}

/// Whether a text holds of a run.
fn holds(text: &str, run: &Run) -> bool {
    let filter = Filter::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    filter.check(EntityKind::Run).unwrap_or_else(|error| panic!("{text}: {error}"));
    filter.matches(&Entity::Run(run.clone()))
}

/// The names of the runs of which a filter holds.
fn named(filter: &Filter, runs: &[Run]) -> String {
    filter.check(EntityKind::Run).unwrap();
    let found = runs.iter().filter(|run| filter.matches(&Entity::Run((*run).clone())));
    found.map(|run| run.name.as_str()).collect::<Vec<_>>().join(" ")
}

fn parsed(text: &str) -> Filter {
    Filter::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}
