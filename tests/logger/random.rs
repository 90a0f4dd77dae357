//! Loggers, direct writes, deletions, purges and reopenings in any order, against a plain model.

use std::collections::BTreeMap;

use modeldb::simulation::{Keep, SimulatedDisk};
use modeldb::{ErrorKind, ExperimentId, KeyValue, ManualClock, NewRun, RunId, RunLogger, RunStatus, Store, Value};

use super::{clock, experiment, options};
use crate::support::random::{PrintSeed, Random, printed_seed};

const KEYS: [&str; 3] = ["a", "b.c", "odd \u{1f600}"];

/// Something that a logger was told.
#[derive(Clone)]
enum Told {
    Observed(String, Option<i64>, f64),
    Metric(String, Value),
    Attribute(String, Value),
    Tag(String),
    /// What it refuses at once.
    Bad,
}

/// A run as it should be.
#[derive(Clone, Default)]
struct Row {
    status: Option<RunStatus>,
    deleted: bool,
    purged: bool,
    series: BTreeMap<String, Vec<(i64, f64)>>,
    metrics: BTreeMap<String, Value>,
    attributes: BTreeMap<String, Value>,
    tags: Vec<String>,
    told: Vec<Told>,
}

/// What a flush reports: the kind of the first error, and how many there are.
type Errors = Vec<ErrorKind>;

impl Row {
    fn is_there(&self) -> bool {
        !self.deleted && !self.purged
    }

    fn observe(&mut self, key: &str, epoch: Option<i64>, value: f64) {
        let series = self.series.entry(key.to_owned()).or_default();
        let next = series.iter().map(|(epoch, _)| epoch + 1).max().unwrap_or(0);
        series.push((epoch.unwrap_or(next), value));
    }

    /// Writes what it was told, and ends it so.
    fn flush(&mut self, end: Option<RunStatus>) -> Errors {
        let told = std::mem::take(&mut self.told);
        let mut errors: Errors = told.iter().filter(|told| matches!(told, Told::Bad)).map(|_| INVALID).collect();
        let values: Vec<Told> = told.into_iter().filter(|told| !matches!(told, Told::Bad)).collect();
        if !self.is_there() && (!values.is_empty() || self.purged && end.is_some()) {
            errors.push(ErrorKind::NotFound);
        }
        if self.is_there() {
            for told in values {
                match told {
                    Told::Observed(key, epoch, value) => self.observe(&key, epoch, value),
                    Told::Metric(key, value) => errors.extend(log(&mut self.metrics, key, value)),
                    Told::Attribute(key, value) => errors.extend(log(&mut self.attributes, key, value)),
                    Told::Tag(tag) => {
                        self.tags.push(tag);
                        self.tags.sort();
                        self.tags.dedup();
                    }
                    Told::Bad => {}
                }
            }
        }
        self.status = end.filter(|_| !self.purged).or(self.status);
        errors
    }
}

const INVALID: ErrorKind = ErrorKind::InvalidArgument;

fn log(values: &mut BTreeMap<String, Value>, key: String, value: Value) -> Option<ErrorKind> {
    let known = values.entry(key).or_insert_with(|| value.clone());
    (*known != value).then_some(ErrorKind::AlreadyExists)
}

struct World {
    store: Store,
    disk: SimulatedDisk,
    clock: std::sync::Arc<ManualClock>,
    experiment: ExperimentId,
    rows: BTreeMap<RunId, Row>,
    logs: BTreeMap<RunId, RunLogger>,
    background: bool,
    flushes: usize,
    refused: usize,
}

fn value(random: &mut Random) -> Value {
    random.pick(&[Value::Int(1), Value::Float(1.0), Value::Float(f64::NAN), Value::from("x")]).clone()
}

impl World {
    fn new(background: bool) -> World {
        let (clock, disk) = (clock(), SimulatedDisk::new());
        let store = options(&clock).background(background).open_simulated(&disk).unwrap();
        disk.record();
        let experiment = experiment(&store);
        let (rows, logs) = (BTreeMap::new(), BTreeMap::new());
        World { store, disk, clock, experiment, rows, logs, background, flushes: 0, refused: 0 }
    }

    fn agree(&mut self, result: modeldb::Result<()>, expected: &Errors, what: &str) {
        self.flushes += 1;
        self.refused += expected.len();
        match (result, expected.first()) {
            (Ok(()), None) => {}
            (Err(error), Some(_)) => {
                // Those that are refused at once come before those that the store refuses.
                let first = *expected.iter().find(|kind| **kind == INVALID).unwrap_or(&expected[0]);
                if self.background {
                    // The thread may have been refused something in between.
                    assert!(expected.contains(&error.kind()), "{what}: {error}");
                    return;
                }
                assert_eq!(error.kind(), first, "{what}: {error}");
                let several = error.message().starts_with(&format!("the first of {} errors", expected.len()));
                assert_eq!(several, expected.len() > 1, "{what}: {error}: {expected:?}");
            }
            (result, _) => panic!("{what}: {result:?}, not {expected:?}"),
        }
    }

    fn step(&mut self, random: &mut Random) {
        self.clock.advance(7);
        let known: Vec<RunId> = self.rows.keys().cloned().collect();
        if known.len() < 8 || random.one_in(60) {
            // Random names may come twice, and keep a deleted run from coming back.
            let name = format!("run-{}", known.len());
            let new = NewRun::named(&name).id(RunId::new(&*name).unwrap());
            let log = self.store.start_run(&self.experiment, new).unwrap();
            let id = log.run_id().clone();
            self.rows.insert(id.clone(), Row { status: Some(RunStatus::Running), ..Row::default() });
            self.logs.insert(id, log);
            return;
        }
        let live: Vec<RunId> = self.logs.keys().cloned().collect();
        let any = live.is_empty() || random.percent(30);
        let id = random.pick(if any { &known } else { &live }).clone();
        match random.below(200) {
            0..=99 => self.tell(&id, random),
            100..=119 => self.flush(&id),
            120..=125 => self.end(&id, random),
            126..=149 => {
                // One that has none, mostly.
                let id = random.pick(&known).clone();
                self.resume(&id);
            }
            150..=195 => self.write(&id, random),
            196 | 197 => self.purge(),
            _ => self.reopen(random),
        }
    }

    fn tell(&mut self, id: &RunId, random: &mut Random) {
        let (Some(log), Some(row)) = (self.logs.get(id), self.rows.get_mut(id)) else { return };
        let key = (*random.pick(&KEYS)).to_owned();
        let told = match random.below(12) {
            0..=6 => Told::Observed(key, random.one_in(3).then(|| random.between(-3, 9)), random.fraction()),
            7 | 8 => Told::Metric(key, value(random)),
            9 => Told::Attribute(key, value(random)),
            10 => Told::Tag(key),
            _ => Told::Bad,
        };
        match told.clone() {
            Told::Observed(key, Some(epoch), value) => log.observe_at(epoch, key, value),
            Told::Observed(key, None, value) => log.observe(key, value),
            Told::Metric(key, value) => log.metric(key, value),
            Told::Attribute(key, value) => log.attribute(key, value),
            Told::Tag(tag) => log.tag(tag),
            Told::Bad => log.observe("", 1),
        }
        row.told.push(told);
    }

    fn flush(&mut self, id: &RunId) {
        let (Some(log), Some(row)) = (self.logs.get(id), self.rows.get_mut(id)) else { return };
        let (result, expected) = (log.flush(), row.flush(None));
        self.agree(result, &expected, "flush");
    }

    /// Before anything that a write of the thread, now or a little later, would be told of in another order.
    fn settle(&mut self) {
        if self.background {
            let live: Vec<RunId> = self.logs.keys().cloned().collect();
            live.iter().for_each(|id| self.flush(id));
        }
    }

    fn end(&mut self, id: &RunId, random: &mut Random) {
        let Some(log) = self.logs.remove(id) else { return };
        let way = random.below(3);
        let end = [RunStatus::Finished, RunStatus::Failed, RunStatus::Abandoned][way];
        let expected = self.rows.get_mut(id).unwrap().flush(Some(end));
        match way {
            0 => self.agree(log.finish(), &expected, "finish"),
            1 => self.agree(log.fail("why"), &expected, "fail"),
            _ => drop(log),
        }
    }

    fn resume(&mut self, id: &RunId) {
        let row = self.rows.get_mut(id).unwrap();
        let expected = match (row.is_there(), self.logs.contains_key(id)) {
            (false, _) => Some(ErrorKind::NotFound),
            (true, true) => Some(ErrorKind::AlreadyExists),
            (true, false) => None,
        };
        match self.store.resume_run(id) {
            Ok(log) => {
                assert_eq!(expected, None);
                row.status = Some(RunStatus::Running);
                self.logs.insert(id.clone(), log);
            }
            Err(error) => assert_eq!(Some(error.kind()), expected, "{error}"),
        }
    }

    /// Beside the loggers.
    fn write(&mut self, id: &RunId, random: &mut Random) {
        self.settle();
        let row = self.rows.get_mut(id).unwrap();
        let key = (*random.pick(&KEYS)).to_owned();
        let (new, number) = (value(random), random.fraction());
        let gone = (!row.is_there()).then_some(ErrorKind::NotFound);
        let store = &self.store;
        let (result, expected) = match random.below(8) {
            0 => {
                let taken = row.metrics.contains_key(&key).then_some(ErrorKind::AlreadyExists);
                (store.write(|w| w.runs().log_metric(id, key.as_str(), new.clone())), gone.or(taken))
            }
            1 => (store.write(|w| w.runs().delete_metrics(id, [key.as_str()])), gone),
            2 => {
                let entry = KeyValue::new(key.as_str(), new.clone());
                (store.write(|w| w.runs().set_attributes(id, [entry])), gone)
            }
            3 | 4 => (store.write(|w| w.runs().log_observation(id, &key, number)), gone),
            5 => (store.write(|w| w.runs().delete_observations(id, [key.as_str()])), gone),
            6 => (store.write(|w| w.runs().delete(id)), gone),
            _ => {
                let cannot = (!row.deleted || row.purged).then_some(ErrorKind::NotFound);
                let restored = store.write(|w| w.runs().restore(id));
                row.deleted = row.deleted && restored.is_err();
                assert_eq!(restored.err().map(|error| error.kind()), cannot);
                return;
            }
        };
        let operation = result.as_ref().err().map(modeldb::Error::kind);
        assert_eq!(operation, expected);
        if expected.is_some() {
            return;
        }
        // Which one it was shows in what the store has now.
        let found = store.read().runs().get(id);
        let Ok(found) = found else {
            row.deleted = true;
            return;
        };
        row.metrics = found.metrics.iter().map(|entry| (entry.key.clone(), entry.value.clone())).collect();
        row.attributes = found.attributes.iter().map(|entry| (entry.key.clone(), entry.value.clone())).collect();
        match found.series(&key).map(|series| series.count) {
            None => {
                row.series.remove(&key);
            }
            Some(count) if count as usize > row.series.get(&key).map_or(0, Vec::len) => row.observe(&key, None, number),
            Some(_) => {}
        }
    }

    fn purge(&mut self) {
        self.settle();
        assert!(self.store.purge().unwrap().finished);
        self.rows.values_mut().for_each(|row| row.purged |= row.deleted);
    }

    /// Leaves the store, in order or not; what was running then has crashed.
    fn reopen(&mut self, random: &mut Random) {
        self.settle();
        let image = match random.below(3) {
            0 => {
                let logs = std::mem::take(&mut self.logs);
                for (id, log) in logs {
                    self.rows.get_mut(&id).unwrap().flush(Some(RunStatus::Abandoned));
                    drop(log);
                }
                None
            }
            1 => None,
            _ => Some(self.disk.image(self.disk.recorded(), Keep::None)),
        };
        if image.is_none() {
            self.store.close().unwrap();
            for (id, log) in &self.logs {
                self.rows.get_mut(id).unwrap().flush(None);
                assert_eq!(log.flush().unwrap_err().kind(), ErrorKind::Closed);
            }
        }
        self.disk = image.unwrap_or_else(|| self.disk.clone());
        let options = options(&self.clock).background(self.background);
        self.store = options.open_simulated(&self.disk).unwrap();
        self.disk.record();
        // The loggers of before are of the store of before.
        for row in self.rows.values_mut().filter(|row| !row.purged) {
            if row.status == Some(RunStatus::Running) {
                row.status = Some(RunStatus::Crashed);
            }
            // What was not flushed before a crash is lost.
            row.told.clear();
        }
        self.logs.clear();
    }

    fn check(&self) {
        let read = self.store.read();
        for (id, row) in &self.rows {
            let found = match read.runs().get(id) {
                Ok(found) => found,
                Err(error) => {
                    assert_eq!((error.kind(), row.is_there()), (ErrorKind::NotFound, false));
                    continue;
                }
            };
            assert!(row.is_there());
            assert_eq!(found.status, row.status, "{id}");
            assert_eq!(self.logs.contains_key(id), row.status == Some(RunStatus::Running), "{id}");
            assert_eq!(found.end_time.is_some(), !matches!(row.status, Some(RunStatus::Running | RunStatus::Crashed)));
            if self.background && self.logs.contains_key(id) {
                // Some of what it was told may be written.
                continue;
            }
            assert!(found.metrics.iter().map(|entry| (&entry.key, &entry.value)).eq(&row.metrics), "{id}");
            assert!(found.attributes.iter().map(|entry| (&entry.key, &entry.value)).eq(&row.attributes), "{id}");
            assert_eq!(found.tags, row.tags);
            let series: BTreeMap<String, Vec<(i64, f64)>> = found
                .series
                .iter()
                .map(|series| (series.key.clone(), super::observed(&self.store, id, &series.key)))
                .collect();
            assert_eq!(series, row.series, "{id}");
        }
        let count = |status: RunStatus| {
            self.rows.values().filter(|row| row.is_there() && row.status == Some(status)).count() as u64
        };
        for status in [RunStatus::Running, RunStatus::Crashed, RunStatus::Finished] {
            let found = read.runs().find(modeldb::QueryField::Status.eq(status)).unwrap();
            assert_eq!(found.count().unwrap(), count(status), "{status}");
        }
        assert_eq!(self.store.stats().unwrap().run_loggers, self.logs.len());
    }
}

fn any_order(name: &str, seed: u64, background: bool, steps: usize) {
    let seed = printed_seed(name, seed);
    let _print = PrintSeed(seed);
    let mut random = Random::new(seed);
    let mut world = World::new(background);
    for step in 0..steps {
        world.step(&mut random);
        if step % 5 == 0 {
            world.check();
        }
        if step % 200 == 0 {
            let report = world.store.audit().verify().unwrap();
            assert!(report.is_intact(), "{report:?}");
        }
    }
    world.check();
    println!("{name}: {} runs, {} flushes, {} errors", world.rows.len(), world.flushes, world.refused);
    assert!(world.flushes > steps / 20 && world.refused > steps / 40);
    world.store.close().unwrap();
}

#[test]
fn loggers_and_writes_in_any_order() {
    any_order("loggers_and_writes_in_any_order", 1, false, 4000);
}

#[test]
fn loggers_with_their_thread_and_writes_in_any_order() {
    any_order("loggers_with_their_thread_and_writes_in_any_order", 2, true, 1500);
}
