//! Bytes and syncs of each operation, counted on a simulated disk: time wanders, these do not.

#[path = "../../benches/support/generator.rs"]
mod generator;
#[path = "../../benches/support/record.rs"]
#[allow(dead_code)]
mod record;

mod commits;
mod follow;
mod index;
mod past;
mod purges;
mod room;

use generator::Generator;
use modeldb::simulation::{IoCounts, SimulatedDisk};
use modeldb::{Clock, ExperimentId, NewRun, SeededEntropy, Store, Timestamp};

/// Time passes by a second whenever it is asked for.
struct Seconds(std::sync::atomic::AtomicI64);

impl Clock for Seconds {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(1_700_000_000_000 + 1000 * self.0.fetch_add(1, std::sync::atomic::Ordering::SeqCst))
    }
}

/// A store with ten experiments and what generates their runs.
struct Bench {
    disk: SimulatedDisk,
    store: Store,
    experiments: Vec<ExperimentId>,
    generator: Generator,
}

fn options() -> modeldb::Options {
    // A thread that writes beside would be counted, and what it reads from keeps pages from being used again.
    Store::options().entropy(SeededEntropy::new(1)).clock(Seconds(0.into())).background(false)
}

impl Bench {
    fn new() -> Self {
        let disk = SimulatedDisk::new();
        let store = options().open_simulated(&disk).unwrap();
        let experiments = store
            .write(|w| {
                let project = w.projects().get_or_create("bench")?;
                (0..10).map(|number| w.experiments().get_or_create(&project, &format!("exp-{number}"))).collect()
            })
            .unwrap();
        Bench { disk, store, experiments, generator: Generator::new(7) }
    }

    /// Loads runs in bulk.
    fn load(&mut self, count: usize) {
        let mut left = count;
        while left > 0 {
            let portion = left.min(10_000);
            let runs: Vec<NewRun> = self.generator.take_runs(portion).iter().map(record::Record::to_new_run).collect();
            let share = runs.len().div_ceil(self.experiments.len());
            let mut runs = runs.into_iter();
            self.store
                .write(|w| {
                    for experiment in &self.experiments {
                        w.runs().create_many(experiment, runs.by_ref().take(share))?;
                    }
                    Ok(())
                })
                .unwrap();
            left -= portion;
        }
    }

    /// Creates runs one by one; what that cost.
    fn create_each(&mut self, count: usize) -> Cost {
        let runs: Vec<NewRun> = self.generator.take_runs(count).iter().map(record::Record::to_new_run).collect();
        self.cost(|store, experiments| {
            for (number, run) in runs.into_iter().enumerate() {
                store.write(|w| w.runs().create(&experiments[number % experiments.len()], run)).unwrap();
            }
        })
    }

    /// What `work` does to the disk.
    fn cost(&self, work: impl FnOnce(&Store, &[ExperimentId])) -> Cost {
        let before = self.disk.counts();
        work(&self.store, &self.experiments);
        Cost::between(before, self.disk.counts())
    }
}

/// I/O of some work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Cost {
    bytes: u64,
    writes: u64,
    syncs: u64,
}

impl Cost {
    fn between(before: IoCounts, after: IoCounts) -> Self {
        Cost {
            bytes: after.bytes_written - before.bytes_written,
            writes: after.writes - before.writes,
            syncs: after.syncs - before.syncs,
        }
    }
}
