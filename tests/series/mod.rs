//! Series of observations: what is logged comes back, now and as of any moment before, and sums up.

mod damage;
mod random;

use modeldb::{
    ErrorKind, NewObservation, NewRun, Observation, Observations, Result, RunId, Snapshot, Store, Timestamp, Value,
    limits,
};

fn ms(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

fn store_with_run() -> (Store, RunId) {
    let store = Store::in_memory().unwrap();
    let run = create_run(&store);
    (store, run)
}

fn create_run(store: &Store) -> RunId {
    store
        .write(|w| {
            let project = w.projects().get_or_create("p")?;
            let experiment = w.experiments().get_or_create(&project, "e")?;
            w.runs().create(&experiment, NewRun::named("r"))
        })
        .unwrap()
}

fn read(read: &Snapshot, run: &RunId, key: &str) -> Vec<Observation> {
    read.runs().observations(run, key).unwrap().map(Result::unwrap).collect()
}

fn epochs(store: &Store, run: &RunId, key: &str) -> Vec<i64> {
    read(&store.read(), run, key).iter().map(|observation| observation.epoch_number).collect()
}

#[test]
fn epochs_are_assigned_as_in_modeldb() {
    // Worked vector 3.
    let (store, run) = store_with_run();
    let log = |new: NewObservation| store.write(|w| w.runs().log_observation(&run, "loss", new)).unwrap();
    (0..3).for_each(|_| log(0.5.into()));
    assert_eq!(epochs(&store, &run, "loss"), [0, 1, 2]);
    log(NewObservation::new(0.4).epoch_number(10));
    log(0.3.into());
    log(NewObservation::new(0.2).epoch_number(10));
    assert_eq!(epochs(&store, &run, "loss"), [0, 1, 2, 10, 11, 10]);
    store.write(|w| w.runs().delete_observations(&run, ["loss", "unknown"])).unwrap();
    assert!(epochs(&store, &run, "loss").is_empty() && store.read().runs().get(&run).unwrap().series.is_empty());
    log(0.1.into());
    assert_eq!(epochs(&store, &run, "loss"), [0]);
    // Several of one batch follow each other, each key by itself.
    let batch = [("a", NewObservation::new(1)), ("b", 2.into()), ("a", NewObservation::new(3).epoch_number(-5))];
    store.write(|w| w.runs().log_observations(&run, batch)).unwrap();
    store.write(|w| w.runs().log_observations(&run, [("a", 4), ("a", 5)])).unwrap();
    assert_eq!((epochs(&store, &run, "a"), epochs(&store, &run, "b")), (vec![0, -5, 1, 2], vec![0]));
    // What is read by epochs keeps the order of one epoch.
    log(NewObservation::new("later").epoch_number(0));
    log(NewObservation::new(true).epoch_number(-1));
    let by_epoch = store.read().runs().observations(&run, "loss").unwrap().by_epoch();
    let values: Vec<Value> = by_epoch.map(|observation| observation.unwrap().value).collect();
    assert_eq!(values, [true.into(), 0.1.into(), "later".into()]);
}

#[test]
fn what_is_no_observation_is_refused_and_nothing_of_its_batch_is_written() {
    let (store, run) = store_with_run();
    let log = |key: &str, new: NewObservation| {
        store.write(|w| w.runs().log_observations(&run, [("fine", 1.into()), (key, new)])).unwrap_err().kind()
    };
    assert_eq!(log("", 1.into()), ErrorKind::InvalidArgument);
    assert_eq!(log("k", Value::Null.into()), ErrorKind::InvalidArgument);
    assert_eq!(log("k", Value::List(vec![1.into()]).into()), ErrorKind::InvalidArgument);
    assert_eq!(log("k", "x".repeat(limits::OBSERVED_TEXT_BYTES + 1).into()), ErrorKind::LimitExceeded);
    let none: [(&str, i64); 0] = [];
    let empty = store.write(|w| w.runs().log_observations(&run, none));
    assert_eq!(empty.unwrap_err().kind(), ErrorKind::InvalidArgument);
    let sequence = store.read().sequence();
    assert!(store.read().runs().get(&run).unwrap().series.is_empty());
    store.write(|w| w.runs().log_observation(&run, "k", NewObservation::new(1).epoch_number(i64::MAX))).unwrap();
    assert_eq!(log("k", 2.into()), ErrorKind::InvalidArgument);
    let gone = "gone".parse().unwrap();
    assert_eq!(store.write(|w| w.runs().log_observation(&gone, "k", 1)).unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(store.read().runs().observations(&gone, "k").map(drop).unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(store.read().sequence().get(), sequence.get() + 1);
    // Deleting nothing is no change.
    store.write(|w| w.runs().delete_observations(&run, ["never"])).unwrap();
    assert_eq!(store.read().sequence().get(), sequence.get() + 1);
}

#[test]
fn times_are_those_given_or_that_of_the_commit() {
    let (store, run) = store_with_run();
    let now = store
        .write(|w| {
            w.runs().log_observation(&run, "k", NewObservation::new(1).timestamp(ms(77)))?;
            w.runs().log_observation(&run, "k", NewObservation::new(2).timestamp(ms(0)))?;
            w.runs().log_observation(&run, "k", 3)?;
            Ok(w.time())
        })
        .unwrap();
    let times: Vec<Timestamp> = read(&store.read(), &run, "k").iter().map(|found| found.timestamp).collect();
    assert_eq!(times, [ms(77), now, now]);
    let found = store.read().runs().get(&run).unwrap();
    assert_eq!(found.version_number, 4, "each call is one operation");
    assert_eq!(found.date_updated, now);
}

#[test]
fn a_run_is_created_with_observations_as_its_first_version() {
    let (store, _) = store_with_run();
    let run = store
        .write(|w| {
            let project = w.projects().get_or_create("p")?;
            let experiment = w.experiments().get_or_create(&project, "e")?;
            let new = NewRun::named("born").observation("loss", 2.0).observation("acc", 0.5).observation("loss", 1.0);
            w.runs().create(&experiment, new)
        })
        .unwrap();
    let found = store.read().runs().get(&run).unwrap();
    assert_eq!(found.version_number, 1);
    assert_eq!(found.series.iter().map(|series| series.key.as_str()).collect::<Vec<_>>(), ["acc", "loss"]);
    assert_eq!(epochs(&store, &run, "loss"), [0, 1]);
    assert!(store.audit().verify().unwrap().is_intact());
}

#[test]
fn a_part_of_a_long_series_is_read_without_the_rest() {
    let (store, run) = store_with_run();
    let all: Vec<f64> = (0..10_000).map(|index| f64::from(index).sqrt()).collect();
    for batch in all.chunks(999) {
        store.write(|w| w.runs().log_observations(&run, batch.iter().map(|value| ("k", *value)))).unwrap();
    }
    let observations = || store.read().runs().observations(&run, "k").unwrap();
    assert_eq!(observations().series().count, 10_000);
    for from in [0, 1, 998, 999, 1000, 5_000, 9_999, 10_000, 20_000] {
        let found: Vec<f64> =
            observations().from_index(from).map(|found| found.unwrap().value.as_f64().unwrap()).collect();
        assert_eq!(found, all[usize::try_from(from).unwrap().min(all.len())..]);
    }
    let first: Result<Vec<Observation>> = Observations::from_index(observations(), 4_000).take(3).collect();
    assert_eq!(first.unwrap().iter().map(|found| found.epoch_number).collect::<Vec<_>>(), [4_000, 4_001, 4_002]);
}

#[test]
fn a_write_of_many_observations_is_whole_or_nothing() {
    let (store, run) = store_with_run();
    let batch = |from: i64| (from..from + 60_000).map(|value| ("k", value));
    let many = |w: &mut modeldb::Write<'_>| {
        // More than a write holds in memory, so that its first parts are in the tables by then.
        for from in [0, 60_000, 120_000] {
            w.runs().log_observations(&run, batch(from))?;
        }
        w.runs().delete_observations(&run, ["k"])?;
        for from in [0, 60_000, 120_000] {
            w.runs().log_observations(&run, batch(from))?;
        }
        let copy = w.runs().clone_run(&run, Default::default())?;
        w.runs().log_observation(&copy, "k", -1)?;
        Ok(copy)
    };
    let failed: Result<()> = store.write(|w| {
        many(w)?;
        w.runs().get(&"nowhere".parse()?).map(drop)
    });
    assert_eq!(failed.unwrap_err().kind(), ErrorKind::NotFound);
    assert!(store.read().runs().get(&run).unwrap().series.is_empty());
    let copy = store.write(many).unwrap();
    let values = |run: &RunId| -> Vec<i64> {
        let all = read(&store.read(), run, "k");
        all.iter().map(|observation| observation.value.as_f64().unwrap() as i64).collect()
    };
    assert!(values(&run).into_iter().eq(0..180_000));
    assert!(values(&copy).into_iter().eq((0..180_000).chain([-1])));
    assert!(store.audit().verify().unwrap().is_intact());
}

#[test]
fn what_was_found_by_its_observations_is_deleted_if_it_still_matches() {
    let store = Store::in_memory().unwrap();
    let ids = store
        .write(|w| {
            let project = w.projects().get_or_create("p")?;
            let experiment = w.experiments().get_or_create(&project, "e")?;
            (0..4)
                .map(|n| w.runs().create(&experiment, NewRun::named(format!("r{n}")).observation("loss", n)))
                .collect()
        })
        .unwrap();
    let ids: Vec<RunId> = ids;
    let found = store.read().runs().find("observations.loss >= 1").unwrap();
    assert_eq!(found.count().unwrap(), 3);
    store.write(|w| w.runs().delete_observations(&ids[1], ["loss"])).unwrap();
    store.write(|w| w.runs().log_observation(&ids[2], "loss", 0.5)).unwrap();
    let deleted = store.write(|w| {
        // In the same write, and a new series of it.
        w.runs().delete_observations(&ids[3], ["loss"])?;
        w.runs().log_observation(&ids[3], "loss", 7)?;
        w.runs().log_observation(&ids[3], "loss", 8)?;
        w.runs().delete_found(&found)
    });
    assert_eq!(deleted.unwrap(), 2);
    let left: Vec<String> =
        store.read().runs().find("").unwrap().iter().unwrap().map(|run| run.unwrap().name).collect();
    assert_eq!(left, ["r1", "r0"]);
}
