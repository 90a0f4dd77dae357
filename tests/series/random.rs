//! Random calls on series, against vectors in memory.

use std::collections::BTreeMap;

use modeldb::{
    CloneOptions, ExperimentId, Filter, NewObservation, NewRun, Observation, ObservationBucket, QueryField, RunId,
    Sequence, Snapshot, Statistic, Store, Timestamp, Value,
};

use crate::support::random::{PrintSeed, Random, seed};

/// What each run was observed to be, by key.
type Plain = BTreeMap<RunId, BTreeMap<String, Vec<Observation>>>;

const KEYS: [&str; 4] = ["loss", "train/acc", "\u{e9}.\u{1f600}'\"/", "mixed"];

struct World {
    store: Store,
    folder: tempfile::TempDir,
    experiment: ExperimentId,
    plain: Plain,
    deleted: BTreeMap<RunId, BTreeMap<String, Vec<Observation>>>,
    past: Vec<(Sequence, Plain)>,
    random: Random,
    created: usize,
}

fn value(random: &mut Random, key: &str) -> Value {
    if key != "mixed" {
        return match random.below(12) {
            0 => f64::NAN.into(),
            1 => f64::INFINITY.into(),
            2 => (-0.0).into(),
            3 => f64::NEG_INFINITY.into(),
            _ => random.fraction().into(),
        };
    }
    match random.below(9) {
        0 => Value::Bool(random.percent(50)),
        1 => "text \u{1f600}".into(),
        2 => Value::from(random.between(-3, 3).to_string()),
        3 => i64::MAX.into(),
        4 => i64::MIN.into(),
        5 => ((1_i64 << 53) + 1).into(),
        6 => f64::NAN.into(),
        7 => f64::MAX.into(),
        _ => random.between(-9, 9).into(),
    }
}

fn next_epoch(known: &[Observation]) -> i64 {
    known.iter().map(|observation| observation.epoch_number).max().map_or(0, |last| last + 1)
}

impl World {
    fn new(random: Random) -> World {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path().join("s")).unwrap();
        let experiment = store
            .write(|w| {
                let project = w.projects().get_or_create("p")?;
                w.experiments().get_or_create(&project, "e")
            })
            .unwrap();
        let (plain, deleted, past) = (Plain::new(), BTreeMap::new(), Vec::new());
        World { store, folder, experiment, plain, deleted, past, random, created: 0 }
    }

    fn pick(&mut self) -> Option<RunId> {
        let at = self.random.below(self.plain.len());
        self.plain.keys().nth(at).cloned()
    }

    /// A name nothing had, so that what is deleted can be restored.
    fn name(&mut self) -> String {
        self.created += 1;
        format!("run {}", self.created)
    }

    fn log(&mut self, run: &RunId) {
        let random = &mut self.random;
        let len = *random.pick(&[1, 1, 1, 2, 3, 10, 31, 32, 33, 200, 1_000, 1_024, 2_500]);
        let keys = 1 + random.below(3);
        let mut known = self.plain.get(run).unwrap().clone();
        let mut batch = Vec::new();
        for _ in 0..len {
            let key = KEYS[random.below(KEYS.len()) % keys];
            let value = value(random, key);
            let mut new = NewObservation::new(value.clone());
            let of_key = known.entry(key.to_owned()).or_default();
            let epoch = match random.below(10) {
                0 => Some(random.between(-4, 40)),
                _ => None,
            };
            let time = random.percent(50).then(|| Timestamp::from_millis(random.between(1, 1 << 41)));
            if let Some(epoch) = epoch {
                new = new.epoch_number(epoch);
            }
            if let Some(time) = time {
                new = new.timestamp(time);
            }
            let epoch = epoch.unwrap_or_else(|| next_epoch(of_key));
            batch.push((key, new));
            of_key.push(Observation::new(value, epoch, time.unwrap_or_default()));
        }
        let now = self
            .store
            .write(|w| {
                w.runs().log_observations(run, batch.clone())?;
                Ok(w.time())
            })
            .unwrap();
        for of_key in known.values_mut() {
            for observation in of_key.iter_mut().filter(|observation| observation.timestamp == Timestamp::default()) {
                observation.timestamp = now;
            }
        }
        self.plain.insert(run.clone(), known);
    }

    fn step(&mut self) {
        let roll = self.random.below(100);
        let picked = self.pick();
        let Some(run) = picked.filter(|_| roll >= 8) else {
            let new = NewRun::named(self.name());
            let run = self.store.write(|w| w.runs().create(&self.experiment, new)).unwrap();
            self.plain.insert(run, BTreeMap::new());
            return;
        };
        match roll {
            8..=69 => self.log(&run),
            70..=76 => {
                let key = *self.random.pick(&KEYS);
                self.store.write(|w| w.runs().delete_observations(&run, [key])).unwrap();
                self.plain.get_mut(&run).unwrap().remove(key);
            }
            77 | 78 => {
                self.store.write(|w| w.runs().delete_all_observations(&run)).unwrap();
                self.plain.get_mut(&run).unwrap().clear();
            }
            // Begun, deleted and begun again in one write.
            79..=81 => {
                let time = Timestamp::from_millis(5);
                let new = |value: i64| NewObservation::new(value).timestamp(time);
                self.store
                    .write(|w| {
                        w.runs().log_observation(&run, "loss", new(1))?;
                        w.runs().delete_observations(&run, ["loss"])?;
                        w.runs().log_observation(&run, "loss", new(2))?;
                        w.runs().log_observation(&run, "loss", new(3))
                    })
                    .unwrap();
                let left = vec![Observation::new(2, 0, time), Observation::new(3, 1, time)];
                self.plain.get_mut(&run).unwrap().insert("loss".to_owned(), left);
            }
            82..=85 => {
                let options = CloneOptions::new().name(self.name());
                let copy = self.store.write(|w| w.runs().clone_run(&run, options)).unwrap();
                let known = self.plain[&run].clone();
                self.plain.insert(copy, known);
            }
            86..=88 => {
                self.store.write(|w| w.runs().delete(&run)).unwrap();
                let known = self.plain.remove(&run).unwrap();
                self.deleted.insert(run, known);
            }
            89 | 90 => {
                if let Some((run, known)) = self.deleted.pop_first() {
                    self.store.write(|w| w.runs().restore(&run)).unwrap();
                    self.plain.insert(run, known);
                }
            }
            91 => {
                self.store.purge().unwrap();
                let purged = std::mem::take(&mut self.deleted);
                for (_, past) in &mut self.past {
                    past.retain(|run, _| !purged.contains_key(run));
                }
            }
            92..=94 => {
                let path = self.folder.path().join("s");
                self.store = Store::in_memory().unwrap();
                self.store = Store::open(path).unwrap();
            }
            // A failed write leaves nothing.
            95 => {
                let failed: modeldb::Result<()> = self.store.write(|w| {
                    w.runs().log_observation(&run, "loss", 9)?;
                    w.runs().get(&"nowhere".parse()?).map(drop)
                });
                failed.unwrap_err();
            }
            _ => self.past.push((self.store.read().sequence(), self.plain.clone())),
        }
    }

    fn check(&mut self) {
        if self.random.percent(50) {
            self.store.optimize().unwrap();
        }
        let read = self.store.read();
        check(&read, &self.plain);
        for (sequence, plain) in &self.past {
            check(&read.as_of(*sequence).unwrap(), plain);
        }
        self.ask(&read);
    }

    /// Filters on observations, against the definitions.
    fn ask(&mut self, read: &Snapshot) {
        for _ in 0..20 {
            let key = *self.random.pick(&KEYS);
            let operand = self.random.between(-3, 3) as f64 / 3.0;
            let of = |known: &BTreeMap<String, Vec<Observation>>| known.get(key).cloned().unwrap_or_default();
            let any = QueryField::Observation(key.to_owned()).gt(operand);
            let found = |filter: Filter| -> Vec<RunId> {
                let mut ids: Vec<RunId> =
                    read.runs().find(filter).unwrap().ids().unwrap().map(Result::unwrap).collect();
                ids.sort();
                ids
            };
            let plain = |holds: &dyn Fn(&[Observation]) -> bool| -> Vec<RunId> {
                self.plain.iter().filter(|(_, known)| holds(&of(known))).map(|(id, _)| id.clone()).collect()
            };
            let is_above = |observation: &Observation| number(observation).is_some_and(|number| number > operand);
            assert_eq!(found(any), plain(&|all| all.iter().any(is_above)), "{key:?} > {operand}");
            for statistic in [Statistic::Min, Statistic::Max, Statistic::First, Statistic::Last, Statistic::Count] {
                let filter = Filter::parse(&format!(
                    "{statistic}(observations.\"{}\") > {operand}",
                    key.replace('\\', "\\\\").replace('"', "\\\"")
                ))
                .unwrap();
                let made = |all: &[Observation]| {
                    let numbers = || all.iter().filter_map(number).filter(|number| !number.is_nan());
                    let first = all.iter().min_by_key(|observation| observation.epoch_number);
                    let last = all.iter().max_by_key(|observation| observation.epoch_number);
                    match statistic {
                        Statistic::Min => numbers().reduce(f64::min),
                        Statistic::Max => numbers().reduce(f64::max),
                        Statistic::First => first.and_then(number),
                        Statistic::Last => last.and_then(number),
                        _ => Some(all.len() as f64),
                    }
                };
                let expected = plain(&|all| made(all).is_some_and(|made| made > operand));
                assert_eq!(found(filter), expected, "{statistic}({key:?}) > {operand}");
                // By value, NaN and what is missing last.
                let by = read.runs().find(Filter::all()).unwrap();
                let by = by.order_by(QueryField::Series(statistic, key.to_owned()));
                let runs: Vec<RunId> = by.ids().unwrap().map(Result::unwrap).collect();
                let values: Vec<Option<f64>> = runs.iter().map(|run| made(&of(&self.plain[run]))).collect();
                let place = |value: &Option<f64>| match value {
                    Some(number) if number.is_nan() => (1, 0.0),
                    Some(number) => (0, *number),
                    None => (2, 0.0),
                };
                let sorted = values.is_sorted_by(|a, b| place(a).partial_cmp(&place(b)).unwrap().is_le());
                assert!(sorted && runs.len() == self.plain.len(), "{statistic}({key:?}): {values:?}");
            }
        }
    }
}

fn number(observation: &Observation) -> Option<f64> {
    match &observation.value {
        Value::String(text) => text.parse().ok(),
        value => value.as_f64(),
    }
}

fn check(read: &Snapshot, plain: &Plain) {
    for (run, known) in plain {
        let found = read.runs().get(run).unwrap();
        let keys: Vec<&str> = found.series.iter().map(|series| series.key.as_str()).collect();
        let expected: Vec<&str> =
            known.iter().filter(|(_, all)| !all.is_empty()).map(|(key, _)| key.as_str()).collect();
        assert_eq!(keys, expected);
        for (key, all) in known {
            let observations = read.runs().observations(run, key).unwrap();
            let series = observations.series().clone();
            let back: Vec<Observation> = observations.map(Result::unwrap).collect();
            assert_eq!(back, *all, "{key:?} of {run}");
            let numbers: Vec<f64> = all.iter().filter_map(number).filter(|number| !number.is_nan()).collect();
            let nans = all.iter().filter(|observation| number(observation).is_some_and(f64::is_nan)).count();
            assert_eq!((series.count, series.numbers), (all.len() as u64, numbers.len() as u64));
            assert_eq!(series.nans, nans as u64);
            let mean = (!numbers.is_empty())
                .then(|| numbers.iter().fold(0.0, |sum, number| sum + number) / numbers.len() as f64);
            // Infinities of both signs.
            let bits = |mean: f64| if mean.is_nan() { f64::NAN.to_bits() } else { mean.to_bits() };
            assert_eq!(series.mean().map(bits), mean.map(bits));
            let as_f64 = |value: &Option<Value>| value.as_ref().and_then(Value::as_f64);
            assert_eq!(as_f64(&series.min), numbers.iter().copied().reduce(f64::min));
            assert_eq!(as_f64(&series.max), numbers.iter().copied().reduce(f64::max));
            let by_epoch: Vec<Observation> =
                read.runs().observations(run, key).unwrap().by_epoch().map(Result::unwrap).collect();
            let mut sorted = all.clone();
            sorted.sort_by_key(|observation| observation.epoch_number);
            assert_eq!(by_epoch, sorted);
            let columns = read.runs().observations(run, key).unwrap().columns(usize::MAX).unwrap();
            assert!(columns.epoch_numbers.iter().eq(all.iter().map(|observation| &observation.epoch_number)));
            assert!(columns.timestamps.iter().eq(all.iter().map(|observation| &observation.timestamp)));
            let doubles = |observation| number(observation).unwrap_or(f64::NAN).to_bits();
            let is_nan = |number: &f64| if number.is_nan() { f64::NAN } else { *number }.to_bits();
            assert!(columns.numbers.iter().map(is_nan).eq(all.iter().map(doubles)));
            for most in [1, 2, 7, 100_000] {
                let buckets = read.runs().observations(run, key).unwrap().buckets(most).unwrap();
                check_buckets(&buckets, &sorted, most);
            }
        }
    }
}

/// Buckets cover the observations in order of epochs, none is wider than its part, and each tells what is in it.
fn check_buckets(buckets: &[ObservationBucket], sorted: &[Observation], most: usize) {
    assert!(buckets.len() <= most);
    let mut rest = sorted;
    let (Some(first), Some(last)) = (sorted.first(), sorted.last()) else { return assert!(buckets.is_empty()) };
    let width = (last.epoch_number - first.epoch_number) as usize / most + 1;
    for bucket in buckets {
        let (within, behind) =
            rest.split_at(rest.partition_point(|observation| observation.epoch_number <= bucket.last_epoch));
        rest = behind;
        assert_eq!(within.first().map(|observation| observation.epoch_number), Some(bucket.first_epoch));
        assert_eq!(within.last().map(|observation| observation.epoch_number), Some(bucket.last_epoch));
        assert!((bucket.last_epoch - bucket.first_epoch) < width as i64);
        let numbers: Vec<f64> = within.iter().filter_map(number).filter(|number| !number.is_nan()).collect();
        assert_eq!((bucket.numbers, bucket.others), (numbers.len() as u64, (within.len() - numbers.len()) as u64));
        assert_eq!(bucket.min, numbers.iter().copied().fold(f64::INFINITY, f64::min));
        assert_eq!(bucket.max, numbers.iter().copied().fold(f64::NEG_INFINITY, f64::max));
        assert_eq!(bucket.mean().is_some(), !numbers.is_empty());
    }
    assert!(rest.is_empty());
}

#[test]
fn random_calls_leave_what_a_vector_holds() {
    let seed = seed(20_261_126);
    let _print = PrintSeed(seed);
    for round in 0..6 {
        let mut world = World::new(Random::new(seed.wrapping_add(round)));
        for _ in 0..12 {
            (0..12).for_each(|_| world.step());
            world.check();
        }
        let report = world.store.audit().verify().unwrap();
        assert!(report.is_intact(), "{report:?}");
    }
}
