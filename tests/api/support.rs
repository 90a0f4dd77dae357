//! What these tests share: a store whose clock and randomness are theirs, and a parent of each kind.

use std::fmt::Debug;
use std::sync::Arc;

use modeldb::{
    Actor, ErrorKind, ExperimentId, ManualClock, NewRun, Options, ProjectId, Result, Run, RunId, SeededEntropy,
    Snapshot, Store, Timestamp,
};

/// When the clock of a [`Bench`] starts.
pub(super) const START: i64 = 1_700_000_000_000;

/// A store in memory with one project and one experiment, made by its first commit.
pub(super) struct Bench {
    pub(super) store: Store,
    pub(super) clock: Arc<ManualClock>,
    pub(super) project: ProjectId,
    pub(super) experiment: ExperimentId,
}

impl Bench {
    pub(super) fn new() -> Self {
        let clock = Arc::new(ManualClock::new(ms(START)));
        let store = options(&clock, 7).open_in_memory().unwrap();
        let (project, experiment) = store
            .write(|w| {
                let project = w.projects().get_or_create("wine-quality")?;
                let experiment = w.experiments().get_or_create(&project, "random-forest")?;
                Ok((project, experiment))
            })
            .unwrap();
        Bench { store, clock, project, experiment }
    }

    /// Creates a run in a write of its own.
    pub(super) fn run(&self, new: NewRun) -> RunId {
        self.try_run(new).unwrap()
    }

    pub(super) fn try_run(&self, new: NewRun) -> Result<RunId> {
        self.store.write(|w| w.runs().create(&self.experiment, new))
    }

    pub(super) fn get(&self, id: &RunId) -> Run {
        self.store.read().runs().get(id).unwrap()
    }
}

/// Options of a store that draws nothing from the outside.
pub(super) fn options(clock: &Arc<ManualClock>, seed: u64) -> Options {
    Store::options().clock(Arc::clone(clock)).entropy(SeededEntropy::new(seed)).actor(Actor::user("tester"))
}

pub(super) fn ms(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

/// The kind of the error that `result` must be.
#[track_caller]
pub(super) fn kind<T: Debug>(result: Result<T>) -> ErrorKind {
    result.expect_err("an error is due").kind()
}

pub(super) fn id<T: std::str::FromStr<Err = modeldb::Error>>(text: &str) -> T {
    text.parse().unwrap()
}

/// The names of an experiment's runs, in order of the listing.
pub(super) fn run_names(snapshot: &Snapshot, experiment: &ExperimentId) -> Vec<String> {
    let runs = snapshot.runs().list(experiment).unwrap();
    runs.into_iter().map(|run| run.unwrap().name).collect()
}

/// The seed of a random test: `MODELDB_SEED`, or a fixed one. Printed, so that a failure can be repeated.
pub(super) fn seed() -> u64 {
    let seed = std::env::var("MODELDB_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(20_261_125);
    println!("MODELDB_SEED={seed}");
    seed
}

/// SplitMix64, apart from the store's own.
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let word = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    }

    /// A number below `end`.
    pub(super) fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(end).unwrap()).unwrap()
    }
}
