//! Dates, versions and commit times, with a clock that goes wherever it likes (ModelDB 2.2, 2.3).

use modeldb::{NewExperiment, NewProject, NewRun};

use super::support::{Bench, START, ms};

#[test]
fn a_given_date_of_creation_is_kept_verbatim() {
    let bench = Bench::new();
    for given in [1, -1, START - 1, START + 1_000_000, i64::MAX, i64::MIN] {
        let store = &bench.store;
        let (project, experiment, run) = store
            .write(|w| {
                let project = w.projects().create(NewProject::new().date_created(ms(given)))?;
                let experiment = w.experiments().create(&project, NewExperiment::new().date_created(ms(given)))?;
                let run = w.runs().create(&experiment, NewRun::new().date_created(ms(given)))?;
                Ok((project, experiment, run))
            })
            .unwrap();
        let read = store.read();
        let lifted = ms(given.max(START));
        assert_eq!(read.projects().get(&project).unwrap().date_created, ms(given));
        assert_eq!(read.projects().get(&project).unwrap().date_updated, lifted, "that of its run");
        assert_eq!(read.experiments().get(&experiment).unwrap().date_created, ms(given));
        assert_eq!(read.experiments().get(&experiment).unwrap().date_updated, lifted, "that of its run");
        assert_eq!(bench.get(&run).date_created, ms(given));
        assert_eq!(bench.get(&run).date_updated, ms(given.max(START)), "now, unless the given date is later");
    }
}

#[test]
fn the_date_of_update_never_goes_backwards() {
    let bench = Bench::new();
    let future = START + 500;
    let run = bench.run(NewRun::new().date_created(ms(future)));
    let touch = |text: &str| {
        bench.store.write(|w| w.runs().describe(&run, text)).unwrap();
        bench.get(&run).date_updated
    };
    assert_eq!(touch("a"), ms(future), "creation supplied a later date");
    bench.clock.set(ms(START + 1000));
    assert_eq!(touch("b"), ms(START + 1000));
    bench.clock.set(ms(START - 1_000_000));
    assert_eq!(touch("c"), ms(START + 1000), "the clock went back");
    assert_eq!(bench.get(&run).date_created, ms(future));
    // Renames and descriptions follow the same rule, on every kind.
    bench.clock.set(ms(START + 2000));
    bench
        .store
        .write(|w| {
            w.projects().describe(&bench.project, "x")?;
            w.experiments().rename(&bench.experiment, "y")?;
            w.runs().rename(&run, "z")
        })
        .unwrap();
    bench.clock.set(ms(START));
    bench
        .store
        .write(|w| {
            w.projects().rename(&bench.project, "xx")?;
            w.experiments().describe(&bench.experiment, "yy")?;
            w.runs().rename(&run, "zz")
        })
        .unwrap();
    let read = bench.store.read();
    assert_eq!(read.projects().get(&bench.project).unwrap().date_updated, ms(START + 2000));
    assert_eq!(read.experiments().get(&bench.experiment).unwrap().date_updated, ms(START + 2000));
    assert_eq!(read.runs().get(&run).unwrap().date_updated, ms(START + 2000));
}

/// The dates of parents follow their children's, and are no change: neither version nor history tells of it.
#[test]
fn parents_are_as_new_as_what_is_under_them() {
    let bench = Bench::new();
    let other = bench.store.write(|w| w.experiments().get_or_create(&bench.project, "other")).unwrap();
    let dates = |read: &modeldb::Snapshot| {
        let project = read.projects().get(&bench.project).unwrap();
        let experiment = read.experiments().get(&bench.experiment).unwrap();
        assert_eq!((project.version_number, experiment.version_number), (1, 1));
        assert_eq!(read.experiments().get(&other).unwrap().date_updated, ms(START), "its sibling's do not count");
        assert_eq!(read.projects().get_by_name(&project.name).unwrap(), project);
        let listed: Vec<_> = read.projects().list().into_iter().map(Result::unwrap).collect();
        assert_eq!(listed, std::slice::from_ref(&project));
        (project.date_updated, experiment.date_updated)
    };
    bench.clock.advance(100);
    let run = bench.run(NewRun::new());
    let created = bench.store.read();
    assert_eq!(dates(&created), (ms(START + 100), ms(START + 100)));
    bench.clock.advance(100);
    bench.store.write(|w| w.runs().log_metric(&run, "m", 1)).unwrap();
    let logged = bench.store.read();
    assert_eq!(dates(&logged), (ms(START + 200), ms(START + 200)));
    bench.clock.advance(100);
    bench.store.write(|w| w.runs().delete(&run)).unwrap();
    assert_eq!(dates(&bench.store.read()), (ms(START + 300), ms(START + 300)), "a deletion is a change too");
    bench.clock.advance(100);
    bench
        .store
        .write(|w| w.experiments().describe(&bench.experiment, "x").and(w.experiments().get(&bench.experiment)))
        .unwrap();
    // Snapshots, and those of the past, stay as they were.
    assert_eq!(dates_of(&bench, &created), (ms(START + 100), ms(START + 100)));
    let now = bench.store.read();
    for (snapshot, expected) in [(&created, 100), (&logged, 200)] {
        let past = now.as_of(snapshot.sequence()).unwrap();
        assert_eq!(dates_of(&bench, &past), (ms(START + expected), ms(START + expected)));
        assert_eq!(dates_of(&bench, snapshot), (ms(START + expected), ms(START + expected)));
    }
    assert_eq!(dates_of(&bench, &now), (ms(START + 400), ms(START + 400)));
    assert_eq!(now.history(&bench.project).unwrap().count(), 1);
}

fn dates_of(bench: &Bench, read: &modeldb::Snapshot) -> (modeldb::Timestamp, modeldb::Timestamp) {
    let project = read.projects().get(&bench.project).unwrap();
    (project.date_updated, read.experiments().get(&bench.experiment).unwrap().date_updated)
}

#[test]
fn commit_times_never_go_backwards() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    let clock = std::sync::Arc::new(modeldb::ManualClock::new(ms(START)));
    let store = super::support::options(&clock, 3).open(&path).unwrap();
    let mut expected = Vec::new();
    let mut latest = i64::MIN;
    let make = |store: &modeldb::Store, expected: &mut Vec<i64>, latest: &mut i64, now: i64| {
        clock.set(ms(now));
        *latest = now.max(*latest);
        let seen = store
            .write(|w| {
                w.projects().create(NewProject::new())?;
                Ok(w.time())
            })
            .unwrap();
        assert_eq!(seen, ms(*latest));
        expected.push(*latest);
    };
    for now in [START, START - 10, START + 5, START + 5, -1, 0, START + 6, START + 1] {
        make(&store, &mut expected, &mut latest, now);
    }
    store.close().unwrap();
    drop(store);
    // A machine whose clock was wrong, reopened with a right one, too.
    let store = super::support::options(&clock, 4).open(&path).unwrap();
    for now in [START - 1_000_000, START + 7] {
        make(&store, &mut expected, &mut latest, now);
    }
    let read = store.read();
    let times: Vec<i64> =
        (1..=read.sequence().get()).map(|n| read.commit(modeldb::Sequence::new(n)).unwrap().time.millis()).collect();
    assert_eq!(times, expected);
}

#[test]
fn the_version_grows_by_one_with_each_operation_that_changes_something() {
    let bench = Bench::new();
    let run = bench.run(NewRun::new());
    let mut expected = 1;
    assert_eq!(bench.get(&run).version_number, expected);
    bench
        .store
        .write(|w| {
            w.runs().log_metric(&run, "a", 1)?;
            w.runs().log_metrics(&run, [("b", 1), ("c", 2)])?;
            w.runs().add_tags(&run, ["t"])?;
            w.runs().describe(&run, "d")?;
            w.runs().start(&run, ms(5))?;
            w.runs().end(&run, ms(6))
        })
        .unwrap();
    expected += 6;
    assert_eq!(bench.get(&run).version_number, expected);
    // The same again: nothing differs.
    let before = bench.store.read().sequence();
    bench
        .store
        .write(|w| {
            w.runs().add_tags(&run, ["t"])?;
            w.runs().describe(&run, "d")?;
            w.runs().start(&run, ms(5))
        })
        .unwrap();
    assert_eq!(bench.get(&run).version_number, expected);
    assert_eq!(bench.store.read().sequence(), before);
    // A time of 0 takes it out.
    bench.store.write(|w| w.runs().start(&run, ms(0))).unwrap();
    assert_eq!((bench.get(&run).start_time, bench.get(&run).version_number), (None, expected + 1));
    assert_eq!(bench.get(&run).end_time, Some(ms(6)));
}
