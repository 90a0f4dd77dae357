//! Filters, predicates, orders and searches: what ModelDB says they answer, and what a plain program answers.

mod fields;
mod figures;
mod find;
mod index;
mod language;
mod oracle;
mod orders;
mod pages;
mod plain;
mod predicates;
mod random;
mod summary;
mod values;
mod vectors;
mod views;

use std::fmt::Debug;
use std::sync::Arc;

use modeldb::simulation::{Keep, SimulatedDisk};
use modeldb::{
    Actor, ErrorKind, ExperimentId, Filter, ManualClock, NewRun, Operator, Options, Predicate, ProjectId, Result, Run,
    RunId, SeededEntropy, Store, Timestamp, Value,
};

const START: i64 = 1_700_000_000_000;

/// A store in memory with a project and an experiment; its clock moves by a second with each write.
struct Bench {
    store: Store,
    /// Where it is, if not in memory.
    disk: Option<SimulatedDisk>,
    clock: Arc<ManualClock>,
    project: ProjectId,
    experiment: ExperimentId,
}

impl Bench {
    fn new() -> Self {
        // Few rows, so that a test has several blocks, and meets the tail.
        Bench::with_filter_rows(16, 8)
    }

    /// With blocks and a tail of the filter index of so many rows; upkeep is done when a test says so.
    fn with_filter_rows(block: u32, tail: u64) -> Self {
        let clock = Arc::new(ManualClock::new(Timestamp::from_millis(START)));
        let options = Bench::options(&clock, 7).filter_rows(block, tail).background(false);
        Bench::filled(options.open_in_memory().unwrap(), clock, None)
    }

    /// On a disk that crashes.
    fn on_disk(block: u32, tail: u64) -> Self {
        let (clock, disk) = (Arc::new(ManualClock::new(Timestamp::from_millis(START))), SimulatedDisk::new());
        let options = Bench::options(&clock, 7).filter_rows(block, tail).background(false);
        let store = options.open_simulated(&disk).unwrap();
        disk.record();
        Bench::filled(store, clock, Some(disk))
    }

    fn options(clock: &Arc<ManualClock>, seed: u64) -> Options {
        Store::options().clock(Arc::clone(clock)).entropy(SeededEntropy::new(seed)).actor(Actor::user("tester"))
    }

    /// Opens the store again, after a crash or after it was closed.
    fn reopen(&mut self, crash: Option<Keep>, seed: u64, block: u32, tail: u64) {
        let disk = self.disk.take().unwrap();
        let disk = match crash {
            Some(keep) => disk.image(disk.recorded(), keep),
            None => {
                self.store.close().unwrap();
                disk
            }
        };
        let options = Bench::options(&self.clock, seed).filter_rows(block, tail).background(false);
        self.store = options.open_simulated(&disk).unwrap();
        disk.record();
        self.disk = Some(disk);
    }

    fn filled(store: Store, clock: Arc<ManualClock>, disk: Option<SimulatedDisk>) -> Self {
        let (project, experiment) = store
            .write(|w| {
                let project = w.projects().get_or_create("wine")?;
                let experiment = w.experiments().get_or_create(&project, "forest")?;
                Ok((project, experiment))
            })
            .unwrap();
        Bench { store, disk, clock, project, experiment }
    }

    fn write<R>(&self, write: impl FnOnce(&mut modeldb::Write<'_>) -> Result<R>) -> R {
        self.clock.advance(1000);
        self.store.write(write).unwrap()
    }

    fn run(&self, new: NewRun) -> RunId {
        self.write(|w| w.runs().create(&self.experiment, new))
    }

    /// A bench with these runs.
    fn with(runs: impl IntoIterator<Item = NewRun>) -> Self {
        let bench = Bench::new();
        runs.into_iter().for_each(|run| drop(bench.run(run)));
        bench
    }

    /// The names of the runs that match, in order of the alphabet.
    fn matching(&self, filter: Filter) -> String {
        let found = self.store.read().runs().find(filter).unwrap();
        sorted(found.iter().unwrap().map(|run| run.unwrap().name))
    }

    /// The names of the runs that fulfil a predicate, in order of the alphabet.
    fn fulfilling(&self, key: &str, operator: Operator, value: impl Into<Value>) -> String {
        self.try_fulfilling(key, operator, value).unwrap()
    }

    fn try_fulfilling(&self, key: &str, operator: Operator, value: impl Into<Value>) -> Result<String> {
        let found = self.store.read().runs().find(Filter::all())?;
        let page = found.predicate(Predicate::new(key, operator, value)).page(0, 0)?;
        Ok(sorted(page.items.into_iter().map(|run| run.name)))
    }

    fn refuses(&self, key: &str, operator: Operator, value: impl Into<Value>) -> ErrorKind {
        kind(self.try_fulfilling(key, operator, value))
    }
}

fn sorted(names: impl Iterator<Item = String>) -> String {
    let mut names: Vec<String> = names.collect();
    names.sort();
    names.join(" ")
}

fn names(runs: Vec<Run>) -> String {
    runs.into_iter().map(|run| run.name).collect::<Vec<_>>().join(" ")
}

#[track_caller]
fn kind<T: Debug>(result: Result<T>) -> ErrorKind {
    result.expect_err("an error is due").kind()
}

fn list<T: Into<Value>>(items: impl IntoIterator<Item = T>) -> Value {
    Value::List(items.into_iter().map(Into::into).collect())
}
