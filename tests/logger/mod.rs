//! Loggers of training loops: what they are told is written, whole and in order, and runs say what became of them.
//!
//! `MODELDB_SEED=<seed>` repeats what is random.

mod bounds;
mod crash;
mod damage;
mod killed;
mod random;

use std::sync::Arc;

use modeldb::{
    Actor, ActorKind, CloneOptions, CopyOptions, ErrorKind, ExperimentId, Fact, Field, FieldValue, ManualClock,
    NewObservation, NewRun, Options, QueryField, RunId, RunLogger, RunStatus, SeededEntropy, Store, Timestamp, Value,
    limits,
};

const START: i64 = 1_800_000_000_000;

/// How a store is opened where nothing is to happen by itself.
fn options(clock: &Arc<ManualClock>) -> Options {
    let options = Store::options().clock(Arc::clone(clock)).entropy(SeededEntropy::new(7)).background(false);
    options.actor(Actor::user("ada"))
}

fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::new(Timestamp::from_millis(START)))
}

fn experiment(store: &Store) -> ExperimentId {
    store
        .write(|w| {
            let project = w.projects().get_or_create("p")?;
            w.experiments().get_or_create(&project, "e")
        })
        .unwrap()
}

fn status(store: &Store, run: &RunId) -> Option<RunStatus> {
    store.read().runs().get(run).unwrap().status
}

/// What was observed under a key, as epochs and numbers.
fn observed(store: &Store, run: &RunId, key: &str) -> Vec<(i64, f64)> {
    let read = store.read().runs().observations(run, key).unwrap();
    let pair = |found: modeldb::Observation| (found.epoch_number, found.value.as_f64().unwrap());
    read.map(|found| pair(found.unwrap())).collect()
}

/// A store in memory with its clock and an experiment.
fn in_memory() -> (Store, Arc<ManualClock>, ExperimentId) {
    let clock = clock();
    let store = options(&clock).open_in_memory().unwrap();
    let experiment = experiment(&store);
    (store, clock, experiment)
}

#[test]
fn a_run_is_logged_from_its_start_to_its_end() {
    let (store, clock, experiment) = in_memory();
    let log = store.start_run(&experiment, NewRun::named("a").metric("given", 1)).unwrap();
    let id = log.run_id().clone();
    let begun = store.read().runs().get(&id).unwrap();
    assert_eq!((begun.status, begun.version_number), (Some(RunStatus::Running), 1));
    assert_eq!((begun.start_time, begun.end_time), (Some(Timestamp::from_millis(START)), None));
    clock.advance(10);
    log.observe("loss", 0.5);
    clock.advance(10);
    log.observe_at(7, "loss", 0.25);
    log.observe("loss", NewObservation::new(1).timestamp(Timestamp::from_millis(5)));
    log.observe("state", "warm");
    log.observe("state", true);
    log.metric("accuracy", 0.9);
    log.hyperparameter("depth", 6);
    log.attribute("host", "h");
    log.tag("baseline");
    // Nothing is acknowledged, and nothing was written.
    assert_eq!(store.read().runs().get(&id).unwrap(), begun);
    clock.advance(80);
    log.flush().unwrap();
    let run = store.read().runs().get(&id).unwrap();
    assert_eq!((run.status, run.version_number), (Some(RunStatus::Running), 2), "all of it is one operation");
    assert_eq!(observed(&store, &id, "loss"), [(0, 0.5), (7, 0.25), (8, 1.0)]);
    let times = store.read().runs().observations(&id, "loss").unwrap().map(|found| found.unwrap().timestamp.millis());
    assert_eq!(times.collect::<Vec<_>>(), [START + 10, START + 20, 5], "times are those of the calls");
    assert_eq!(run.series("state").unwrap().count, 2);
    assert_eq!(run.metrics.get("accuracy"), Some(&0.9.into()));
    assert_eq!(run.hyperparameters.get("depth"), Some(&6.into()));
    assert_eq!(run.attributes.get("host"), Some(&"h".into()));
    assert_eq!(run.tags, ["baseline"]);
    // Nothing new is no commit.
    let sequence = store.read().sequence();
    log.flush().unwrap();
    assert_eq!(store.read().sequence(), sequence);
    log.observe("loss", 0.125);
    clock.advance(100);
    log.finish().unwrap();
    let run = store.read().runs().get(&id).unwrap();
    assert_eq!((run.status, run.version_number), (Some(RunStatus::Finished), 3));
    assert_eq!(run.end_time, Some(Timestamp::from_millis(START + 200)));
    assert_eq!(run.series("loss").unwrap().count, 4);
    assert_eq!(store.read().runs().view(&id).unwrap().view().unwrap().status().unwrap(), Some(RunStatus::Finished));
    let told: Vec<_> = store.read().history(&id).unwrap().map(|entry| entry.unwrap().operation.name).collect();
    assert_eq!(told, ["run.finish", "run.log", "run.create"]);
    assert!(store.audit().verify().unwrap().is_intact());
}

#[test]
fn a_run_ends_as_its_logger_does() {
    let (store, _, experiment) = in_memory();
    let start = |name: &str| {
        let log = store.start_run(&experiment, NewRun::named(name)).unwrap();
        log.observe("loss", 1);
        (log.run_id().clone(), log)
    };
    let (finished, log) = start("finished");
    log.finish().unwrap();
    let (failed, log) = start("failed");
    log.fail(std::io::Error::other("the GPU fell off")).unwrap();
    let (abandoned, log) = start("abandoned");
    drop(log);
    let (panicked, log) = start("panicked");
    let thread = std::thread::spawn(move || {
        log.observe("loss", 2);
        let _log = log;
        panic!("as it is meant to");
    });
    assert!(thread.join().is_err());
    // One that is made and dropped while something else unwinds has not failed itself.
    let (during, log) = start("during");
    drop(log);
    struct Unwinding(Store, RunId);
    impl Drop for Unwinding {
        fn drop(&mut self) {
            drop(self.0.resume_run(&self.1).unwrap());
        }
    }
    let unwinding = Unwinding(store.clone(), during.clone());
    let thread = std::thread::spawn(move || {
        let _unwinding = unwinding;
        panic!("as it is meant to");
    });
    assert!(thread.join().is_err());
    let never = store.write(|w| w.runs().create(&experiment, NewRun::named("never"))).unwrap();
    for (id, expected, count) in [
        (&finished, Some(RunStatus::Finished), 1),
        (&failed, Some(RunStatus::Failed), 1),
        (&abandoned, Some(RunStatus::Abandoned), 1),
        (&panicked, Some(RunStatus::Failed), 2),
        (&during, Some(RunStatus::Abandoned), 1),
        (&never, None, 0),
    ] {
        let run = store.read().runs().get(id).unwrap();
        assert_eq!(
            (run.status, run.series("loss").map_or(0, |series| series.count)),
            (expected, count),
            "{}",
            run.name
        );
        assert_eq!(run.end_time.is_some(), expected.is_some());
    }
    // Why is said in the history.
    let why = |id: &RunId| {
        let entry = store.read().history(id).unwrap().next().unwrap().unwrap();
        (entry.operation.name, entry.commit.actor.unwrap().reason)
    };
    assert_eq!(why(&failed), ("run.fail".to_owned(), "the GPU fell off".to_owned()));
    assert_eq!(why(&panicked), ("run.fail".to_owned(), "a panic".to_owned()));
    assert_eq!(why(&abandoned), ("run.abandon".to_owned(), String::new()));
    assert_eq!(store.stats().unwrap().run_loggers, 0);
    // A host's own reason stays, and what is too long is cut between characters.
    let host = store.as_actor(Actor::user("eve").reason("TICKET-1"));
    let log = host.start_run(&experiment, NewRun::named("long")).unwrap();
    let id = log.run_id().clone();
    log.fail("\u{e9}".repeat(10 << 20)).unwrap();
    let (_, reason) = why(&id);
    assert!(
        reason.starts_with("TICKET-1: \u{e9}") && reason.len() >= limits::ACTOR_FIELD_BYTES - 1,
        "{}",
        reason.len()
    );
}

#[test]
fn a_status_is_a_field_of_runs_and_no_attribute() {
    let (store, _, experiment) = in_memory();
    for (name, end) in [("a", 0), ("b", 1), ("c", 2), ("d", 0)] {
        let log = store.start_run(&experiment, NewRun::named(name).attribute("status", "mine")).unwrap();
        match end {
            0 => log.finish().unwrap(),
            1 => log.fail("why").unwrap(),
            _ => drop(log),
        }
    }
    store.write(|w| w.runs().create(&experiment, NewRun::named("e"))).unwrap();
    let live = store.start_run(&experiment, NewRun::named("f")).unwrap();
    let find = |text: &str| -> String {
        let found = store.read().runs().find(text).unwrap().order_by("name");
        found.iter().unwrap().map(|run| run.unwrap().name).collect()
    };
    for round in 0..2 {
        for (text, expected) in [
            ("status = 'finished'", "ad"),
            ("status != 'finished'", "bcf"),
            ("not status = 'finished'", "bcef"),
            ("status in ('failed', 'abandoned')", "bc"),
            ("status is null", "e"),
            ("status is not null", "abcdf"),
            ("status = 'running'", "f"),
            ("status like '%ed'", "abcd"),
            ("attributes.status = 'mine'", "abcd"),
            ("attributes.status = 'finished'", ""),
        ] {
            assert_eq!(find(text), expected, "{text}, round {round}");
        }
        let read = store.read();
        assert_eq!(read.runs().find(QueryField::Status.eq(RunStatus::Failed)).unwrap().count().unwrap(), 1);
        let ordered = read.runs().find("").unwrap().order_by("status").order_by("name");
        let names: String = ordered.iter().unwrap().map(|run| run.unwrap().name).collect();
        assert_eq!(names, "cbadfe");
        let facets = read.runs().find("").unwrap().facets("status").unwrap();
        let counts: Vec<(String, u64)> =
            facets.values.iter().map(|(value, count)| (value.as_str().unwrap().to_owned(), *count)).collect();
        assert_eq!(counts[0], ("finished".to_owned(), 2));
        assert_eq!((counts.len(), facets.missing), (4, 1));
        // Then from the blocks of the index.
        store.optimize().unwrap();
    }
    let mlflow = modeldb::Filter::parse_mlflow("attributes.status = 'FAILED'").unwrap();
    assert_eq!(store.read().runs().find(mlflow).unwrap().count().unwrap(), 1);
    let client = modeldb::Filter::parse_client(modeldb::EntityKind::Run, ["status == finished"]);
    assert_eq!(client.unwrap_err().kind(), ErrorKind::InvalidArgument, "ModelDB has none");
    live.finish().unwrap();
}

#[test]
fn a_status_has_a_past() {
    let (store, _, experiment) = in_memory();
    let log = store.start_run(&experiment, NewRun::named("a")).unwrap();
    let id = log.run_id().clone();
    let running = store.read().sequence();
    log.finish().unwrap();
    let finished = store.read().sequence();
    store.resume_run(&id).unwrap().fail("later").unwrap();
    let read = store.read();
    for (sequence, expected) in [(running, RunStatus::Running), (finished, RunStatus::Finished)] {
        let past = read.as_of(sequence).unwrap();
        assert_eq!(past.runs().get(&id).unwrap().status, Some(expected));
        assert_eq!(past.runs().find(QueryField::Status.eq(expected)).unwrap().count().unwrap(), 1);
        assert_eq!(past.runs().view(&id).unwrap().view().unwrap().status().unwrap(), Some(expected));
    }
    let change = read.changes(finished).unwrap().next().unwrap().unwrap().unwrap();
    let Fact::Edited { edits, .. } = change.fact else { panic!("not an edit") };
    let edit = edits.iter().find(|edit| edit.field == Field::Status).unwrap();
    assert_eq!(edit.old, Some(FieldValue::RunStatus(RunStatus::Running)));
    assert_eq!(edit.new, Some(FieldValue::RunStatus(RunStatus::Finished)));
    let last = read.runs().get(&id).unwrap();
    assert_eq!((last.status, last.version_number), (Some(RunStatus::Failed), 4));
}

#[test]
fn what_is_there_with_the_same_value_is_fine_and_with_another_is_told() {
    let (store, _, experiment) = in_memory();
    let log = store.start_run(&experiment, NewRun::named("a")).unwrap();
    let id = log.run_id().clone();
    log.metric("accuracy", 0.9);
    log.metric("nan", f64::NAN);
    log.metric("accuracy", 0.9);
    log.flush().unwrap();
    let sequence = store.read().sequence();
    log.metric("accuracy", 0.9);
    log.metric("nan", -f64::NAN);
    log.tag("t");
    log.tag("t");
    log.flush().unwrap();
    assert_eq!(store.read().sequence().get(), sequence.get() + 1, "only the tag is new");
    log.metric("accuracy", 0.95);
    log.hyperparameter("accuracy", 0.95);
    log.observe("loss", 1);
    let error = log.flush().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AlreadyExists);
    for part in ["metrics.accuracy", "0.9 already", "0.95"] {
        assert!(error.message().contains(part), "{error}");
    }
    // The rest was written, the error is told once, and it goes on.
    log.flush().unwrap();
    let run = store.read().runs().get(&id).unwrap();
    assert_eq!(run.metrics.get("accuracy"), Some(&0.9.into()));
    assert_eq!((run.hyperparameters.get("accuracy"), run.series.len()), (Some(&0.95.into()), 1));
    // A whole number is not the double that equals it, and of two in one batch the first counts.
    log.attribute("n", 1);
    log.attribute("n", 1.0);
    log.attribute("n", "x".repeat(10 << 20));
    log.attribute("m", Value::List(vec![f64::NAN.into()]));
    log.attribute("m", Value::List(vec![f64::NAN.into()]));
    let error = log.flush().unwrap_err();
    assert!(error.message().starts_with("the first of 2 errors: attributes.n of run"), "{error}");
    assert!(error.message().len() < 500);
    assert_eq!(store.read().runs().get(&id).unwrap().attributes.get("n"), Some(&1.into()));
    // Direct calls keep ModelDB's rule.
    let again = store.write(|w| w.runs().log_metric(&id, "accuracy", 0.9));
    assert_eq!(again.unwrap_err().kind(), ErrorKind::AlreadyExists);
    // Finishing tells it too, and finishes.
    log.metric("accuracy", 1);
    assert_eq!(log.finish().unwrap_err().kind(), ErrorKind::AlreadyExists);
    assert_eq!(status(&store, &id), Some(RunStatus::Finished));
}

#[test]
fn what_cannot_be_logged_is_told_and_the_rest_is_written() {
    let (store, _, experiment) = in_memory();
    let log = store.start_run(&experiment, NewRun::named("a")).unwrap();
    let id = log.run_id().clone();
    let mut deep = Value::Null;
    (0..limits::VALUE_DEPTH + 1).for_each(|_| deep = Value::List(vec![std::mem::take(&mut deep)]));
    let odd = "\u{0}\n\u{1f600} k\u{e9}y.with/all";
    let tell = |number: usize| match number {
        0 => log.observe("", 1),
        1 => log.observe("k", Value::Null),
        2 => log.observe("k", Value::List(Vec::new())),
        3 => log.observe("k", "x".repeat(10 << 20)),
        4 => log.metric("", 1),
        5 => log.attribute("deep", deep.clone()),
        6 => log.tag(""),
        7 => log.tag("x".repeat(limits::TAG_CHARS + 1)),
        8 => {
            log.observe_at(i64::MAX, "full", 1);
            log.flush().unwrap();
            log.observe("full", 2);
        }
        _ => unreachable!(),
    };
    for number in 0..9 {
        log.observe(odd, number as i64);
        tell(number);
        let error = log.flush().unwrap_err();
        let expected = if [3, 5].contains(&number) { ErrorKind::LimitExceeded } else { ErrorKind::InvalidArgument };
        assert_eq!(error.kind(), expected, "{number}: {error}");
        log.flush().unwrap();
    }
    assert_eq!(observed(&store, &id, odd).len(), 9);
    log.metric("huge", "x".repeat(10 << 20));
    log.metric(odd, i64::MIN);
    log.finish().unwrap();
    let run = store.read().runs().get(&id).unwrap();
    assert_eq!(run.metrics.get("huge").unwrap().as_str().unwrap().len(), 10 << 20);
    assert_eq!(run.metrics.get(odd), Some(&i64::MIN.into()));
    assert!(store.audit().verify().unwrap().is_intact());
}

/// One that cannot be taken does not take those beside it along, however they come to be written.
#[test]
fn what_cannot_be_observed_is_left_out_by_itself() {
    for flushes in [false, true] {
        let (store, _, experiment) = in_memory();
        let log = store.start_run(&experiment, NewRun::named("r")).unwrap();
        let id = log.run_id().clone();
        (0..100).for_each(|at| log.observe("loss", at));
        log.observe_at(i64::MAX, "loss", 0.5);
        if flushes {
            log.flush().unwrap();
        }
        log.observe("loss", 0.25);
        log.observe_at(7, "loss", 0.125);
        log.observe_at(i64::MAX, "other", 1);
        let refused = log.finish().unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::InvalidArgument, "{refused}");
        let mut wanted: Vec<(i64, f64)> = (0..100).map(|at| (at, at as f64)).collect();
        wanted.extend([(i64::MAX, 0.5), (7, 0.125)]);
        assert_eq!(observed(&store, &id, "loss"), wanted);
        assert_eq!(observed(&store, &id, "other"), [(i64::MAX, 1.0)]);
        assert!(store.audit().verify().unwrap().is_intact());
        // By itself, it begins no series.
        let again = store.resume_run(&id).unwrap();
        again.observe("other", 2);
        assert_eq!(again.flush().unwrap_err().kind(), ErrorKind::InvalidArgument);
        assert_eq!(observed(&store, &id, "other"), [(i64::MAX, 1.0)]);
        again.finish().unwrap();
        // Whoever waits for a call gets all or none.
        let all = store.write(|w| w.runs().log_observations(&id, [("other", 1), ("new", 1)]));
        assert_eq!(all.unwrap_err().kind(), ErrorKind::InvalidArgument);
        assert!(store.read().runs().get(&id).unwrap().series("new").is_none());
    }
}

#[test]
fn a_run_has_one_logger_and_can_be_taken_up_again() {
    let (store, clock, experiment) = in_memory();
    let log = store.start_run(&experiment, NewRun::named("a")).unwrap();
    let id = log.run_id().clone();
    let second = store.resume_run(&id).unwrap_err();
    assert_eq!(second.kind(), ErrorKind::AlreadyExists);
    assert!(second.message().contains(id.as_str()), "{second}");
    log.observe("loss", 1);
    log.finish().unwrap();
    clock.advance(1000);
    let ended = store.read().runs().get(&id).unwrap();
    let log = store.resume_run(&id).unwrap();
    let run = store.read().runs().get(&id).unwrap();
    assert_eq!((run.status, run.start_time, run.end_time), (Some(RunStatus::Running), ended.start_time, None));
    log.observe("loss", 2);
    log.finish().unwrap();
    assert_eq!(observed(&store, &id, "loss"), [(0, 1.0), (1, 2.0)]);
    // One that never had one, too; and none that is not there.
    let plain = store.write(|w| w.runs().create(&experiment, NewRun::named("plain"))).unwrap();
    let log = store.resume_run(&plain).unwrap();
    assert_eq!(store.read().runs().get(&plain).unwrap().start_time, Some(Timestamp::from_millis(START + 1000)));
    store.write(|w| w.runs().delete(&plain)).unwrap();
    log.observe("loss", 1);
    assert_eq!(log.flush().unwrap_err().kind(), ErrorKind::NotFound);
    log.finish().unwrap();
    assert_eq!(store.resume_run(&plain).unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(store.resume_run(&RunId::new("nobody").unwrap()).unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(store.stats().unwrap().run_loggers, 0);
    // Though it was deleted, its end was told.
    store.write(|w| w.runs().restore(&plain)).unwrap();
    let run = store.read().runs().get(&plain).unwrap();
    assert_eq!((run.status, run.series.len()), (Some(RunStatus::Finished), 0));
    let refused = store.start_run(&experiment, NewRun::named("a")).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::AlreadyExists, "a name is taken");
    assert!(store.audit().verify().unwrap().is_intact());
}

#[test]
fn copies_never_had_a_logger() {
    let (store, _, experiment) = in_memory();
    let log = store.start_run(&experiment, NewRun::named("a")).unwrap();
    log.observe("loss", 1);
    log.flush().unwrap();
    let (clone, copy) = store
        .write(|w| {
            let clone = w.runs().clone_run(log.run_id(), CloneOptions::new())?;
            let project = w.projects().get_or_create("p")?;
            Ok((clone, w.projects().deep_copy(&project, CopyOptions::new())?))
        })
        .unwrap();
    assert_eq!(status(&store, &clone), None);
    let read = store.read();
    let copies: Vec<_> = read.runs().list_in_project(&copy).unwrap().into_iter().map(Result::unwrap).collect();
    assert!(copies.len() == 2 && copies.iter().all(|run| run.status.is_none() && run.series.len() == 1));
    log.finish().unwrap();
    assert!(store.audit().verify().unwrap().is_intact());
}

#[test]
fn what_was_running_when_a_store_was_left_is_found_crashed() {
    let folder = tempfile::tempdir().unwrap();
    let clock = clock();
    let store = options(&clock).open(folder.path()).unwrap();
    let experiment = experiment(&store);
    let start = |name: &str| store.start_run(&experiment, NewRun::named(name)).unwrap();
    let logs: Vec<RunLogger> = ["a", "b", "deleted", "purged", "hidden"].map(start).into();
    let [a, b, deleted, purged, hidden] = [0, 1, 2, 3, 4].map(|at| logs[at].run_id().clone());
    let other = store
        .write(|w| {
            let project = w.projects().get_or_create("p")?;
            let other = w.experiments().get_or_create(&project, "other")?;
            w.runs().delete(&purged)?;
            Ok(other)
        })
        .unwrap();
    store.purge().unwrap();
    store.write(|w| w.runs().delete(&deleted)).unwrap();
    let under = store.start_run(&other, NewRun::named("under")).unwrap();
    let under_id = under.run_id().clone();
    store.write(|w| w.experiments().delete(&other)).unwrap();
    logs[0].observe("loss", 1);
    logs[3].observe("loss", 1);
    assert_eq!(logs[4].run_id(), &hidden);
    // Closing writes what is queued and ends no run; the loggers are told.
    store.close().unwrap();
    for log in &logs {
        log.observe("loss", 2);
        assert_eq!(log.flush().unwrap_err().kind(), ErrorKind::Closed);
    }
    let again = store.start_run(&experiment, NewRun::named("late"));
    assert_eq!(again.unwrap_err().kind(), ErrorKind::Closed);
    let mut logs = logs.into_iter();
    assert_eq!(logs.next().unwrap().finish().unwrap_err().kind(), ErrorKind::Closed);
    drop((logs, under, store));

    clock.advance(5000);
    let store = options(&clock).open(folder.path()).unwrap();
    let read = store.read();
    let commit = read.commit(read.sequence()).unwrap();
    let actor = commit.actor.unwrap();
    assert_eq!((actor.principal.as_str(), actor.kind), ("modeldb", ActorKind::System));
    let names: Vec<_> =
        commit.operations.iter().map(|operation| (operation.name.as_str(), operation.changes)).collect();
    assert_eq!(names, [("run.crash", 5)]);
    for id in [&a, &b, &hidden] {
        let run = read.runs().get(id).unwrap();
        assert_eq!((run.status, run.end_time), (Some(RunStatus::Crashed), None), "nobody knows when");
    }
    assert_eq!(observed(&store, &a, "loss"), [(0, 1.0)]);
    assert_eq!(read.runs().find("status = 'crashed'").unwrap().count().unwrap(), 3);
    // What was deleted tells the truth when it is restored.
    store.write(|w| w.runs().restore(&deleted)).unwrap();
    assert_eq!(status(&store, &deleted), Some(RunStatus::Crashed));
    store.write(|w| w.experiments().restore(&other)).unwrap();
    assert_eq!(status(&store, &under_id), Some(RunStatus::Crashed));
    // It is taken up again, and one opening is enough.
    let log = store.resume_run(&a).unwrap();
    log.observe("loss", 3);
    log.finish().unwrap();
    assert_eq!(observed(&store, &a, "loss"), [(0, 1.0), (1, 3.0)]);
    let sequence = store.read().sequence();
    assert!(store.audit().verify().unwrap().is_intact());
    drop((read, store));
    let store = options(&clock).open(folder.path()).unwrap();
    assert_eq!(store.read().sequence(), sequence);
    assert_eq!(status(&store, &a), Some(RunStatus::Finished));
}

/// Between two slices of a purge a run is neither there nor gone: its end is not told, and the purge goes on.
#[test]
fn a_run_that_is_being_purged_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let clock = clock();
    let store = options(&clock).open(folder.path()).unwrap();
    let experiment = experiment(&store);
    let [log, other] = ["a", "b"].map(|name| store.start_run(&experiment, NewRun::named(name)).unwrap());
    let [id, other_id] = [&log, &other].map(|log| log.run_id().clone());
    for id in [&id, &other_id] {
        // More changes than a slice erases.
        for number in 0..1200 {
            store.write(|w| w.runs().describe(id, format!("{number}"))).unwrap();
        }
    }
    store.write(|w| w.runs().delete_many([&id, &other_id])).unwrap();
    let report = store.purge_with(&modeldb::PurgeOptions::new(), |_| std::ops::ControlFlow::Break(())).unwrap();
    assert!(!report.finished && report.runs == 0);
    log.observe("loss", 1);
    assert_eq!(log.finish().unwrap_err().kind(), ErrorKind::NotFound);
    store.close().unwrap();
    drop((other, store));
    let store = options(&clock).open(folder.path()).unwrap();
    assert!(store.purge().unwrap().finished);
    for id in [&id, &other_id] {
        assert_eq!(store.read().history(id).map(drop).unwrap_err().kind(), ErrorKind::NotFound);
    }
    assert!(store.audit().verify().unwrap().is_intact());
}

#[test]
fn inside_a_write_nothing_waits_for_itself() {
    for background in [false, true] {
        let clock = clock();
        let store = options(&clock).background(background).open_in_memory().unwrap();
        let experiment = experiment(&store);
        let [log, dropped, ended] =
            ["a", "b", "c"].map(|name| store.start_run(&experiment, NewRun::named(name)).unwrap());
        let [id, dropped_id, ended_id] = [&log, &dropped, &ended].map(|log| log.run_id().clone());
        let more = limits::LOGGER_QUEUE_BYTES / 64 + 1000;
        store
            .write(|_| {
                (0..more).for_each(|number| log.observe("loss", number as i64));
                assert_eq!(log.flush().unwrap_err().kind(), ErrorKind::NestedWrite);
                let started = store.start_run(&experiment, NewRun::named("d"));
                assert_eq!(started.unwrap_err().kind(), ErrorKind::NestedWrite);
                dropped.observe("loss", 1);
                drop(dropped);
                ended.observe("loss", 1);
                assert_eq!(ended.finish().unwrap_err().kind(), ErrorKind::NestedWrite);
                Ok(())
            })
            .unwrap();
        log.flush().unwrap();
        assert_eq!(store.read().runs().get(&id).unwrap().series("loss").unwrap().count, more as u64);
        // Resuming waits for the end that is on its way.
        store.resume_run(&dropped_id).unwrap().finish().unwrap();
        store.resume_run(&ended_id).unwrap().finish().unwrap();
        for (id, before) in [(&dropped_id, "run.abandon"), (&ended_id, "run.finish")] {
            let names: Vec<_> = store.read().history(id).unwrap().map(|entry| entry.unwrap().operation.name).collect();
            assert_eq!(names, ["run.finish", "run.resume", before, "run.create"]);
        }
        log.finish().unwrap();
        store.close().unwrap();
    }
}

#[test]
fn a_logger_is_shared_by_threads_and_keeps_its_store_open() {
    fn shared<T: Send + Sync>(_: &T) {}
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let experiment = experiment(&store);
    let log = store.start_run(&experiment, NewRun::named("a")).unwrap();
    let id = log.run_id().clone();
    shared(&log);
    drop(store);
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let log = &log;
            scope.spawn(move || (0..5_000).for_each(|step| log.observe_at(step, format!("loss-{thread}"), step)));
        }
    });
    log.finish().unwrap();
    // The last handle closed the store.
    let store = Store::open(folder.path()).unwrap();
    for thread in 0..4 {
        let found = observed(&store, &id, &format!("loss-{thread}"));
        assert!(found.into_iter().eq((0..5_000).map(|step| (step, step as f64))));
    }
    assert_eq!(status(&store, &id), Some(RunStatus::Finished));
}

/// Once it is purged, its id is free: whoever takes it is another run.
#[test]
fn a_logger_does_not_log_to_another_run_that_took_the_id() {
    let store = options(&clock()).open_in_memory().unwrap();
    let experiment = experiment(&store);
    let id = RunId::new("taken").unwrap();
    let log = store.start_run(&experiment, NewRun::named("old").id(id.clone())).unwrap();
    store.write(|w| w.runs().delete(&id)).unwrap();
    store.purge().unwrap();
    let new = store.start_run(&experiment, NewRun::named("new").id(id.clone())).unwrap();
    log.metric("old", 1);
    new.metric("new", 1);
    assert_eq!(log.finish().unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(status(&store, &id), Some(RunStatus::Running));
    new.finish().unwrap();
    let run = store.read().runs().get(&id).unwrap();
    let keys: Vec<&str> = run.metrics.iter().map(|entry| entry.key.as_str()).collect();
    assert_eq!((run.name.as_str(), run.status, keys), ("new", Some(RunStatus::Finished), vec!["new"]));
}

/// Dropped inside a write, it waits for the end of that, in the thread that writes: who takes the run up waits too.
#[test]
fn a_run_whose_logger_is_just_ending_is_taken_up() {
    let store = Store::in_memory().unwrap();
    let log = store.start_run(&experiment(&store), NewRun::named("a")).unwrap();
    let id = log.run_id().clone();
    store
        .write(|_| {
            drop(log);
            // Until the thread has taken what it is to write.
            std::thread::sleep(limits::LOGGER_DELAY * 3 / 2);
            Ok(())
        })
        .unwrap();
    let again = store.resume_run(&id).unwrap();
    assert_eq!(status(&store, &id), Some(RunStatus::Running));
    again.finish().unwrap();
    assert_eq!(status(&store, &id), Some(RunStatus::Finished));
}
