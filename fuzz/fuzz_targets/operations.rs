//! Operations on a store whose disk fails and crashes, compared with a plain model: what was acknowledged is there,
//! what failed is not, and after an unknown outcome it is one of the two.
#![no_main]

use std::collections::BTreeMap;
use std::io::Read;
use std::time::Duration;

use arbitrary::Arbitrary;
use modeldb::simulation::{Fault, Keep, SimulatedDisk};
use modeldb::{
    Actor, Artifact, BlobRef, Error, ErrorKind, ExperimentId, GcOptions, ManualClock, NewObservation, NewRun, Once,
    Result, RunId, SeededEntropy, Store, Timestamp, Value, limits,
};

/// What is done next. Small numbers, so that names and keys meet.
#[derive(Debug, Arbitrary)]
enum Step {
    Create {
        name: u8,
    },
    CreateMany {
        first: u8,
        count: u8,
    },
    Metric {
        run: u8,
        key: u8,
        value: i64,
    },
    Describe {
        run: u8,
        len: u16,
    },
    Rename {
        run: u8,
        name: u8,
    },
    Delete {
        run: u8,
    },
    /// A write that does all this and then fails.
    TakenBack {
        name: u8,
    },
    Once {
        id: u8,
        name: u8,
    },
    Close,
    Crash {
        how: u8,
        seed: u64,
    },
    Fault {
        at: u8,
        for_good: bool,
    },
    Verify,
    Artifact {
        run: u8,
        key: u8,
        salt: u8,
        large: bool,
    },
    /// Gives an artifact other bytes.
    Replace {
        run: u8,
        key: u8,
        salt: u8,
        large: bool,
    },
    Observe {
        run: u8,
        count: u8,
    },
    Collect,
}

#[derive(Debug, Clone, PartialEq)]
struct Run {
    name: String,
    description: String,
    metrics: BTreeMap<String, i64>,
    artifacts: BTreeMap<String, BlobRef>,
    losses: Vec<i64>,
    deleted: bool,
}

/// What the store should hold.
#[derive(Debug, Clone, Default)]
struct Model {
    runs: Vec<(RunId, Run)>,
    once: BTreeMap<String, u64>,
    sequence: u64,
}

struct World {
    disk: SimulatedDisk,
    store: Store,
    experiment: ExperimentId,
    model: Model,
    /// The runs after each acknowledged commit.
    past: Vec<Vec<(RunId, Run)>>,
    opened: u64,
}

fn open(disk: &SimulatedDisk, seed: u64) -> Result<Store> {
    Store::options()
        .actor(Actor::service("fuzz"))
        .cache_bytes(0)
        .clock(ManualClock::new(Timestamp::from_millis(1_800_000_000_000 + 1_000 * seed as i64)))
        .entropy(SeededEntropy::new(seed))
        .open_simulated(disk)
}

/// An error of the disk, not of a rule.
fn is_storage(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::Io | ErrorKind::CommitUnknown | ErrorKind::Poisoned | ErrorKind::StorageFull | ErrorKind::Closed
    )
}

impl World {
    fn new() -> World {
        let disk = SimulatedDisk::new();
        disk.record();
        let store = open(&disk, 0).expect("a new disk");
        let experiment = store
            .write(|w| {
                let project = w.projects().get_or_create("p")?;
                w.experiments().get_or_create(&project, "e")
            })
            .expect("a disk that does not fail");
        let model = Model { sequence: 1, ..Model::default() };
        World { disk, store, experiment, model, past: vec![Vec::new(), Vec::new()], opened: 0 }
    }

    fn run(&self, at: u8) -> Option<RunId> {
        let runs = &self.model.runs;
        (!runs.is_empty()).then(|| runs[usize::from(at) % runs.len()].0.clone())
    }

    /// Does `write` to the store and `expect` to a copy of the model, which says what the store should have answered.
    fn write<T>(
        &mut self,
        write: impl FnOnce(&Store) -> Result<T>,
        expect: impl Fn(&mut Model, Option<&T>) -> std::result::Result<(), ErrorKind>,
    ) {
        let before = self.model.clone();
        let answer = write(&self.store);
        let mut after = before.clone();
        let expected = expect(&mut after, answer.as_ref().ok());
        match (answer, expected) {
            (Ok(_), Ok(())) => self.acknowledge(after),
            (Err(error), _) if is_storage(&error) => self.recover(error.kind() == ErrorKind::CommitUnknown),
            (Err(error), Err(kind)) => assert_eq!(error.kind(), kind, "{error}"),
            (Ok(_), Err(kind)) => panic!("the store did what should be {kind}"),
            (Err(error), Ok(())) => panic!("the store refused: {error}"),
        }
    }

    fn acknowledge(&mut self, after: Model) {
        let changed = after.runs != self.model.runs;
        self.model = after;
        if changed {
            self.model.sequence += 1;
            self.past.push(self.model.runs.clone());
        }
        assert_eq!(self.store.read().sequence().get(), self.model.sequence);
    }

    /// Opens the store again after the disk failed; the last write may have happened only if its outcome is unknown.
    fn recover(&mut self, unknown: bool) {
        self.reopen(|disk| disk.clone());
        let found = self.store.read().sequence().get();
        if found == self.model.sequence {
            return self.check();
        }
        assert!(unknown && found == self.model.sequence + 1, "{found} after {}", self.model.sequence);
        // It happened: the store says what it was, and everything before must be as it was.
        let past = self.store.read().as_of(modeldb::Sequence::new(self.model.sequence)).expect("the past");
        assert_eq!(visible(&self.model.runs), listed(&past, &self.experiment));
        let commit = self.store.read().commit(modeldb::Sequence::new(found)).expect("the commit");
        if !commit.idempotency_id.is_empty() {
            self.model.once.insert(commit.idempotency_id.clone(), found);
        }
        for change in self.store.read().changes(commit.sequence).expect("its changes") {
            let change = change.expect("a whole change").expect("nothing was erased");
            let id = RunId::try_from(change.entity).expect("only runs change");
            let index = self.model.runs.iter().position(|(known, _)| *known == id);
            let read = self.store.read();
            let run = match read.runs().get(&id) {
                Ok(run) => plain(&read, run).1,
                Err(_) => Run { deleted: true, ..self.model.runs[index.expect("it was there")].1.clone() },
            };
            match index {
                Some(index) => self.model.runs[index].1 = run,
                None => self.model.runs.push((id, run)),
            }
        }
        self.model.sequence = found;
        self.past.push(self.model.runs.clone());
        self.check();
    }

    fn reopen(&mut self, image: impl FnOnce(&SimulatedDisk) -> SimulatedDisk) {
        // The old handle closes into nowhere.
        let nowhere = Store::in_memory().expect("memory");
        let disk = image(&self.disk);
        drop(std::mem::replace(&mut self.store, nowhere));
        disk.set_fault(None);
        disk.record();
        self.opened += 1;
        self.store = open(&disk, self.opened).expect("a disk that does not fail any more");
        self.disk = disk;
    }

    fn check(&self) {
        let read = self.store.read();
        assert_eq!(read.sequence().get(), self.model.sequence);
        let runs = visible(&self.model.runs);
        assert_eq!(runs, listed(&read, &self.experiment));
        for (id, run) in &runs {
            for (key, blob) in &run.artifacts {
                let mut bytes = Vec::new();
                read.open_artifact(id, key).expect("its bytes").read_to_end(&mut bytes).expect("all of them");
                assert_eq!(BlobRef::of(&bytes), *blob);
            }
        }
        for (id, sequence) in &self.model.once {
            assert_eq!(self.store.outcome(id).expect("the log").map(|found| found.get()), Some(*sequence));
        }
    }

    fn verify(&self) {
        self.check();
        let report = self.store.audit().verify().expect("a disk that does not fail");
        assert!(report.is_intact(), "{report:?}");
        for (sequence, runs) in self.past.iter().enumerate().skip(1).rev().take(8) {
            let past = self.store.read().as_of(modeldb::Sequence::new(sequence as u64)).expect("the past");
            assert_eq!(visible(runs), listed(&past, &self.experiment), "as of {sequence}");
        }
    }

    fn step(&mut self, step: &Step) {
        let experiment = self.experiment.clone();
        match *step {
            Step::Create { name } => {
                let name = name_of(name);
                self.write(
                    |store| store.write(|w| w.runs().create(&experiment, NewRun::named(&*name))),
                    |model, id| model.create(&name, id),
                );
            }
            Step::CreateMany { first, count } => {
                let names: Vec<String> = (0..count).map(|at| format!("many-{first}-{at}")).collect();
                self.write(
                    |store| store.write(|w| w.runs().create_many(&experiment, names.iter().map(NewRun::named))),
                    |model, ids| {
                        for (at, name) in names.iter().enumerate() {
                            model.create(name, ids.map(|ids| &ids[at]))?;
                        }
                        Ok(())
                    },
                );
            }
            Step::Metric { run, key, value } => {
                let Some(id) = self.run(run) else { return };
                let key = format!("metric-{}", key % 8);
                self.write(
                    |store| store.write(|w| w.runs().log_metric(&id, &*key, value)),
                    |model, _| match model.live(&id)?.metrics.insert(key.clone(), value) {
                        None => Ok(()),
                        Some(_) => Err(ErrorKind::AlreadyExists),
                    },
                );
            }
            Step::Describe { run, len } => {
                let Some(id) = self.run(run) else { return };
                let text = "d".repeat(usize::from(len));
                self.write(
                    |store| store.write(|w| w.runs().describe(&id, &*text)),
                    |model, _| {
                        model.live(&id)?.description.clone_from(&text);
                        Ok(())
                    },
                );
            }
            Step::Rename { run, name } => {
                let Some(id) = self.run(run) else { return };
                let name = name_of(name);
                self.write(
                    |store| store.write(|w| w.runs().rename(&id, &name)),
                    |model, _| {
                        model.live(&id)?.name.clone_from(&name);
                        Ok(())
                    },
                );
            }
            Step::Delete { run } => {
                let Some(id) = self.run(run) else { return };
                self.write(
                    |store| store.write(|w| w.runs().delete(&id)),
                    |model, _| {
                        model.live(&id)?.deleted = true;
                        Ok(())
                    },
                );
            }
            Step::TakenBack { name } => {
                let name = format!("never-{name}");
                self.write(
                    |store| {
                        store.write(|w| {
                            w.runs().create(&experiment, NewRun::named(&*name))?;
                            Err::<(), _>(Error::new(ErrorKind::Conflict, "changed its mind"))
                        })
                    },
                    |_, _| Err(ErrorKind::Conflict),
                );
            }
            Step::Once { id, name } => {
                let (id, name) = (format!("once-{}", id % 8), name_of(name));
                let known = self.model.once.get(&id).copied();
                self.write(
                    |store| store.write_once(&id, |w| w.runs().create(&experiment, NewRun::named(&*name))),
                    |model, once| match (known, once) {
                        (Some(known), Some(Once::Repeated { sequence, .. })) => {
                            assert_eq!(sequence.get(), known);
                            Ok(())
                        }
                        (Some(_), Some(_)) => panic!("{id} was done twice"),
                        (_, Some(Once::Done { value, sequence, .. })) => {
                            model.once.insert(id.clone(), sequence.get());
                            model.create(&name, Some(value))
                        }
                        (_, Some(_)) => panic!("{id} was never done"),
                        (_, None) => model.create(&name, None),
                    },
                );
            }
            Step::Close => {
                // A disk that fails now may keep what is merely tidied up from being written, and nothing else.
                let _ = self.store.close();
                self.reopen(|disk| disk.clone());
                self.check();
            }
            Step::Crash { how, seed } => {
                let keep = [Keep::None, Keep::All, Keep::Subset(seed), Keep::Torn(seed)][usize::from(how % 4)];
                self.reopen(|disk| disk.image(disk.recorded(), keep));
                self.check();
            }
            Step::Fault { at, for_good } => {
                let at = u64::from(at);
                self.disk.set_fault(Some(if for_good { Fault::FromOn(at) } else { Fault::Once(at) }));
            }
            Step::Verify => {
                self.disk.set_fault(None);
                if self.store.write(|_| Ok(())).is_err() {
                    self.recover(false);
                }
                self.verify();
            }
            Step::Artifact { run, key, salt, large } => {
                let Some(id) = self.run(run) else { return };
                let (key, bytes) = (key_of(key), bytes_of(salt, large));
                self.write(
                    |store| store.log_artifact(&id, Artifact::named(&*key), &*bytes),
                    |model, _| match model.live(&id)?.artifacts.insert(key.clone(), BlobRef::of(&bytes)) {
                        None => Ok(()),
                        Some(_) => Err(ErrorKind::AlreadyExists),
                    },
                );
            }
            Step::Replace { run, key, salt, large } => {
                let Some(id) = self.run(run) else { return };
                let (key, bytes) = (key_of(key), bytes_of(salt, large));
                self.write(
                    |store| store.put_artifact(&id, &key, &*bytes),
                    |model, _| {
                        let there = model.live(&id)?.artifacts.get_mut(&key).ok_or(ErrorKind::InvalidArgument)?;
                        *there = BlobRef::of(&bytes);
                        Ok(())
                    },
                );
            }
            Step::Observe { run, count } => {
                let Some(id) = self.run(run) else { return };
                let values: Vec<i64> = (0..=i64::from(count)).collect();
                self.write(
                    |store| {
                        let observed = values.iter().map(|value| ("loss", NewObservation::new(*value)));
                        store.write(|w| w.runs().log_observations(&id, observed))
                    },
                    |model, _| {
                        model.live(&id)?.losses.extend(&values);
                        Ok(())
                    },
                );
            }
            // What was put since the store was opened is too young.
            Step::Collect => match self.store.gc(&GcOptions::new().min_age(Duration::ZERO)) {
                Ok(_) => self.check(),
                Err(error) if is_storage(&error) => self.recover(false),
                Err(error) => panic!("the store refused: {error}"),
            },
        }
    }
}

impl Model {
    fn live(&mut self, id: &RunId) -> std::result::Result<&mut Run, ErrorKind> {
        let found = self.runs.iter_mut().find(|(known, run)| known == id && !run.deleted);
        found.map(|(_, run)| run).ok_or(ErrorKind::NotFound)
    }

    fn create(&mut self, name: &str, id: Option<&RunId>) -> std::result::Result<(), ErrorKind> {
        if self.runs.iter().any(|(_, run)| !run.deleted && run.name == name) {
            return Err(ErrorKind::AlreadyExists);
        }
        if let Some(id) = id {
            let run = Run {
                name: name.into(),
                description: String::new(),
                metrics: BTreeMap::new(),
                artifacts: BTreeMap::new(),
                losses: Vec::new(),
                deleted: false,
            };
            self.runs.push((id.clone(), run));
        }
        Ok(())
    }
}

fn name_of(number: u8) -> String {
    format!("run-{}", number % 16)
}

fn key_of(number: u8) -> String {
    format!("artifact-{}", number % 4)
}

fn bytes_of(salt: u8, large: bool) -> Vec<u8> {
    vec![salt; if large { limits::SMALL_BLOB_BYTES + 1 } else { usize::from(salt) * 40 }]
}

fn int(value: &Value) -> i64 {
    value.as_i64().expect("only integers are logged")
}

fn visible(runs: &[(RunId, Run)]) -> Vec<(RunId, Run)> {
    runs.iter().filter(|(_, run)| !run.deleted).cloned().collect()
}

fn listed(read: &modeldb::Snapshot, experiment: &ExperimentId) -> Vec<(RunId, Run)> {
    let runs = read.runs().list(experiment).expect("the experiment");
    runs.into_iter().map(|run| plain(read, run.expect("a whole record"))).collect()
}

fn plain(read: &modeldb::Snapshot, run: modeldb::Run) -> (RunId, Run) {
    let metrics = run.metrics.iter().map(|entry| (entry.key.clone(), int(&entry.value))).collect();
    let blob = |artifact: Artifact| (artifact.key, artifact.blob.expect("bytes of its own"));
    let artifacts = run.artifacts.into_iter().map(blob).collect();
    let observations = read.runs().observations(&run.id, "loss").expect("the run");
    let losses = observations.map(|found| int(&found.expect("a whole chunk").value)).collect();
    (run.id, Run { name: run.name, description: run.description, metrics, artifacts, losses, deleted: false })
}

libfuzzer_sys::fuzz_target!(|steps: Vec<Step>| {
    let mut world = World::new();
    for step in steps.iter().take(64) {
        world.step(step);
    }
    world.step(&Step::Verify);
});
