//! Where what is erased may stand: rows of their own, packs, commits of many parts; and under what.

use std::ops::ControlFlow;

use modeldb::simulation::{Keep, SimulatedDisk};
use modeldb::{
    CommentId, EntityId, ErrorKind, ExperimentId, JobId, NewComment, NewExperiment, NewJob, NewProject, NewRun,
    ProjectId, PurgeOptions, PurgeReport, Sequence, Store, Timestamp,
};

use super::{START, assert_intact, in_memory, long, options, parents, purge, run_id};
use crate::support::random::Random;

fn counts(report: &PurgeReport) -> [u64; 7] {
    let PurgeReport { projects, experiments, runs, comments, jobs, lineage_edges, changes, .. } = report;
    [*projects, *experiments, *runs, *comments, *jobs, *lineage_edges, *changes]
}

/// A commit of more than 8 MiB has many parts; what is purged of it lies everywhere.
#[test]
fn of_a_bulk_load() {
    const RUNS: usize = 3_000;
    let folder = tempfile::tempdir().unwrap();
    let mut store = options().open(folder.path()).unwrap();
    let (_, experiment) = parents(&store, "p");
    let (_, other) = parents(&store, "q");
    let mut random = Random::new(3);
    let texts: Vec<String> = (0..RUNS).map(|_| random.text(3_900)).collect();
    store
        .write(|w| {
            for (number, text) in texts.iter().enumerate() {
                let experiment = if number % 3 == 0 { &other } else { &experiment };
                let new = NewRun::named(format!("r{number}")).id(run_id(number.to_string())).description(text);
                w.runs().create(experiment, new)?;
            }
            Ok(())
        })
        .unwrap();
    let load = store.read().sequence();
    assert!(texts.iter().map(String::len).sum::<usize>() > 8 << 20);
    // A few of the commit; then all that is under an experiment; then what is left. The commit is rewritten each time.
    let mut gone = vec![false; RUNS];
    let mut erased = 0;
    for step in 0..3 {
        match step {
            0 => {
                let some: Vec<usize> = (0..RUNS).filter(|number| number % 97 == 5 || *number == RUNS - 1).collect();
                store.write(|w| some.iter().try_for_each(|at| w.runs().delete(&run_id(at.to_string())))).unwrap();
                some.iter().for_each(|at| gone[*at] = true);
                erased += 2 * some.len() as u64;
            }
            1 => {
                store.write(|w| w.experiments().delete(&other)).unwrap();
                for at in (0..RUNS).step_by(3) {
                    erased += u64::from(!gone[at]);
                    gone[at] = true;
                }
                erased += 2;
            }
            _ => {
                store.write(|w| w.experiments().delete(&experiment)).unwrap();
                erased += gone.iter().filter(|gone| !**gone).count() as u64 + 2;
                gone.fill(true);
            }
        }
        let report = purge(&store);
        assert!(report.finished);
        for reopened in [false, true] {
            if reopened {
                store.close().unwrap();
                drop(store);
                store = options().open(folder.path()).unwrap();
            }
            assert_eq!(assert_intact(&store).erased, erased);
            let read = store.read();
            let changes: Vec<bool> = read.changes(load).unwrap().map(|change| change.unwrap().is_none()).collect();
            assert_eq!(changes, gone, "the changes of the commit");
            for (number, text) in texts.iter().enumerate() {
                match read.runs().get(&run_id(number.to_string())) {
                    Ok(run) => assert!(!gone[number] && run.description == *text),
                    Err(error) => assert!(gone[number] && error.kind() == ErrorKind::NotFound),
                }
            }
        }
    }
    assert_eq!(assert_intact(&store).entities, 2);
}

/// Small commits, in rows of their own and in packs, some with several changes of which some are purged.
#[test]
fn of_packs_and_of_rows() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = options().open(folder.path()).unwrap();
    let (project, experiment) = parents(&store, "p");
    for number in 0..420 {
        store
            .write(|w| {
                for half in ["even", "odd"] {
                    let new = NewRun::named(format!("{half} {number}")).id(run_id(format!("{half}-{number}")));
                    w.runs().create(&experiment, new)?;
                }
                w.runs().log_metric(&run_id(format!("odd-{number}")), "m", number)
            })
            .unwrap();
    }
    for (half, each) in [("odd", 3), ("even", 2)] {
        // From both ends of the log.
        for range in [0..100, 380..420, 100..380] {
            let count = range.len() as u64;
            store.write(|w| range.clone().try_for_each(|at| w.runs().delete(&run_id(format!("{half}-{at}"))))).unwrap();
            let before = assert_intact(&store).erased;
            let report = purge(&store);
            assert_eq!((report.runs, report.changes), (count, count * each));
            assert_eq!(assert_intact(&store).erased, before + report.changes);
            // What was rewritten is packed later, like the rest.
            for _ in 0..130 {
                store.write(|w| w.experiments().create(&project, NewExperiment::new()).map(drop)).unwrap();
            }
            store.close().unwrap();
            drop(store);
            store = options().check_integrity(true).open(folder.path()).unwrap();
            assert_intact(&store);
        }
    }
    let audit = assert_intact(&store);
    assert_eq!(audit.erased, 420 * 5);
    assert_eq!(audit.entities, 2 + 6 * 130);
}

/// One of each kind that is deleted on its own, with siblings that stay.
#[test]
fn each_kind_on_its_own() {
    let (store, _) = in_memory();
    let (project, experiment) = parents(&store, "p");
    let [a, b] = ["a", "b"].map(run_id);
    let comment = |id: &str| NewComment::new(long("c")).id(CommentId::new(id).unwrap());
    let job = |id: &str| NewJob::started("now").id(JobId::new(id).unwrap()).description(long("j"));
    let second = store
        .write(|w| {
            for run in [&a, &b] {
                w.runs().create(&experiment, NewRun::named(run.as_str()).id(run.clone()))?;
            }
            for id in ["c1", "c2"] {
                w.comments().add(&a, comment(id))?;
                w.jobs().create(job(id))?;
            }
            w.lineage().add([&a], [&b])?;
            w.lineage().add([&b], [&a])?;
            w.experiments().create(&project, NewExperiment::named("second"))
        })
        .unwrap();
    let gone = |id: EntityId| assert_eq!(store.read().history(id).err().unwrap().kind(), ErrorKind::NotFound);
    // A comment, twice rewritten.
    let c1 = CommentId::new("c1").unwrap();
    store.write(|w| w.comments().update(&a, &c1, long("d")).and_then(|()| w.comments().update(&a, &c1, "e"))).unwrap();
    assert!(store.write(|w| w.comments().delete(&a, &c1)).unwrap());
    assert_eq!(counts(&purge(&store)), [0, 0, 0, 1, 0, 0, 4]);
    gone((&c1).into());
    assert_eq!(store.read().comments().list(&a).unwrap().len(), 1);
    // A job.
    let c1 = JobId::new("c1").unwrap();
    store.write(|w| w.jobs().delete(&c1)).unwrap();
    assert_eq!(counts(&purge(&store)), [0, 0, 0, 0, 1, 0, 2]);
    gone((&c1).into());
    assert_eq!(store.read().jobs().list().count().unwrap(), 1);
    // An edge: the other way round stays.
    assert_eq!(store.write(|w| w.lineage().remove([&a], [&b])).unwrap(), 1);
    let edge = store.read().as_of(Sequence::new(2)).unwrap().lineage().edge(&a, &b).unwrap().unwrap().id;
    assert_eq!(counts(&purge(&store)), [0, 0, 0, 0, 0, 1, 2]);
    gone((&edge).into());
    assert_eq!(store.read().lineage().inputs(&a).unwrap(), [(&b).into()]);
    assert_eq!(store.read().lineage().inputs(&b).unwrap(), []);
    // A run, with its comment; edges that name it stay.
    store.write(|w| w.runs().delete(&a)).unwrap();
    assert_eq!(counts(&purge(&store)), [0, 0, 1, 1, 0, 0, 3]);
    gone((&a).into());
    gone((&CommentId::new("c2").unwrap()).into());
    assert_eq!(store.read().lineage().inputs(&a).unwrap(), [(&b).into()]);
    assert_eq!(store.read().runs().list(&experiment).unwrap().count().unwrap(), 1);
    // An experiment in a live project.
    store.write(|w| w.experiments().delete(&experiment)).unwrap();
    assert_eq!(counts(&purge(&store)), [0, 1, 1, 0, 0, 0, 3]);
    gone((&experiment).into());
    let left: Vec<_> = store.read().experiments().list(&project).unwrap().into_iter().map(|e| e.unwrap().id).collect();
    assert_eq!(left, [second]);
    assert_intact(&store);
    // The same ids again: entities of their own.
    let (again, c1, c2) = store
        .write(|w| {
            let again = w.experiments().create(&project, NewExperiment::named("e").id(experiment.clone()))?;
            w.runs().create(&again, NewRun::named("a").id(a.clone()))?;
            w.lineage().add([&a], [&a])?;
            Ok((again, w.comments().add(&a, comment("c1"))?, w.jobs().create(job("c1"))?))
        })
        .unwrap();
    let read = store.read();
    for id in [EntityId::from(&again), (&a).into(), (&c1).into(), (&c2).into()] {
        assert_eq!(read.history(id).unwrap().count(), 1);
    }
    assert_eq!(read.lineage().inputs(&a).unwrap(), [(&b).into(), (&a).into()]);
    assert_intact(&store);
}

#[test]
fn only_what_was_deleted_before() {
    let (store, clock) = in_memory();
    let at = |millis: i64| Timestamp::from_millis(START + millis);
    let before = |time| store.purge_with(&PurgeOptions::new().deleted_before(at(time)), |_| ControlFlow::Continue(()));
    let (_, experiment) = parents(&store, "p");
    let (old, _) = parents(&store, "old");
    let [a, b, c] = ["a", "b", "c"].map(run_id);
    for run in [&a, &b, &c] {
        store.write(|w| w.runs().create(&experiment, NewRun::named(run.as_str()).id(run.clone()))).unwrap();
        store.write(|w| w.comments().add(run, "x")).unwrap();
    }
    for (time, run) in [(100, &a), (200, &b)] {
        clock.set(at(time));
        store.write(|w| w.runs().delete(run)).unwrap();
    }
    clock.set(at(300));
    store.write(|w| w.projects().delete(&old)).unwrap();
    clock.set(at(9_000));
    assert_eq!(counts(&before(100).unwrap()), [0; 7], "not at that very time");
    assert_eq!(counts(&before(101).unwrap()), [0, 0, 1, 1, 0, 0, 3]);
    assert_eq!(counts(&before(200).unwrap()), [0; 7]);
    let report = before(250).unwrap();
    assert_eq!((counts(&report), report.finished), ([0, 0, 1, 1, 0, 0, 3], true));
    // One whose purge has begun is as old as its deletion, not as its purge.
    assert_eq!(super::purge_some(&store, 1).commits, 1);
    assert_eq!(counts(&before(300).unwrap()), [0; 7]);
    store.write(|w| w.runs().delete(&c)).unwrap();
    assert_eq!(counts(&before(9_000).unwrap()), [0; 7], "the project is gone");
    // Under a parent that is due, what was deleted later goes too.
    let (young, experiment) = parents(&store, "young");
    let d = run_id("d");
    store.write(|w| w.runs().create(&experiment, NewRun::named("d").id(d.clone()))).unwrap();
    store.write(|w| w.projects().delete(&young)).unwrap();
    clock.set(at(10_000));
    assert_eq!(counts(&before(9_500).unwrap()), [1, 1, 2, 1, 0, 0, 3 + 1 + 3]);
    assert_intact(&store);
}

/// The last rows of each kind are purged; what comes after a reopening does not get them.
#[test]
fn rows_are_never_given_again() {
    for crashed in [false, true] {
        let disk = SimulatedDisk::new();
        disk.record();
        let store = options().open_simulated(&disk).unwrap();
        let (project, experiment) = parents(&store, "p");
        let fill = |store: &Store, name: &str| {
            store
                .write(|w| {
                    let new = NewProject::named(name).id(ProjectId::new(name).unwrap());
                    let gone = w.projects().create(new)?;
                    let new = NewExperiment::named(name).id(ExperimentId::new(name).unwrap());
                    let under = w.experiments().create(&gone, new)?;
                    let run = w.runs().create(&under, NewRun::named(name).id(run_id(name)))?;
                    w.comments().add(&run, NewComment::new(name).id(CommentId::new(name).unwrap()))?;
                    let job = w.jobs().create(NewJob::started(name).id(JobId::new(name).unwrap()))?;
                    w.lineage().add([&run], [&run])?;
                    Ok((gone, run, job))
                })
                .unwrap()
        };
        fill(&store, "kept");
        let (gone, run, job) = fill(&store, "gone");
        store
            .write(|w| {
                w.lineage().remove([&run], [&run])?;
                w.jobs().delete(&job)?;
                w.projects().delete(&gone)
            })
            .unwrap();
        assert_eq!(counts(&purge(&store)), [1, 1, 1, 1, 1, 1, 6 + 3]);
        if !crashed {
            store.close().unwrap();
        }
        let image = disk.image(disk.recorded(), Keep::All);
        let store = options().entropy(modeldb::SeededEntropy::new(6)).open_simulated(&image).unwrap();
        let stats = store.stats().unwrap();
        assert_eq!(
            [stats.projects, stats.experiments, stats.runs, stats.comments, stats.jobs, stats.lineage_edges],
            [3, 3, 2, 2, 2, 2]
        );
        fill(&store, "gone");
        let stats = store.stats().unwrap();
        assert_eq!(
            [stats.projects, stats.experiments, stats.runs, stats.comments, stats.jobs, stats.lineage_edges],
            [4, 4, 3, 3, 3, 3]
        );
        // The audit follows the log row by row.
        assert_eq!(assert_intact(&store).entities, 2 + 2 * 6);
        let read = store.read();
        for name in ["kept", "gone"] {
            assert_eq!(read.runs().get(&run_id(name)).unwrap().experiment_id.as_str(), name);
            assert_eq!(read.comments().list(&run_id(name)).unwrap()[0].message, name);
            assert_eq!(read.lineage().outputs(run_id(name)).unwrap(), [run_id(name).into()]);
        }
        assert_eq!(read.runs().list(&experiment).unwrap().count().unwrap(), 0);
        assert_eq!(read.projects().get(&project).unwrap().name, "p");
    }
}

/// What a purged run or experiment made of its parents' dates stays, over a crash too.
#[test]
fn dates_of_parents_stay() {
    let clock = std::sync::Arc::new(modeldb::ManualClock::new(Timestamp::from_millis(START)));
    let disk = SimulatedDisk::new();
    disk.record();
    let store = options().clock(std::sync::Arc::clone(&clock)).open_simulated(&disk).unwrap();
    let (project, experiment) = parents(&store, "p");
    clock.advance(100);
    let run = store.write(|w| w.runs().create(&experiment, NewRun::new())).unwrap();
    clock.advance(100);
    store.write(|w| w.runs().delete(&run)).unwrap();
    let dates = |store: &Store| {
        let read = store.read();
        let project = read.projects().get(&project).unwrap().date_updated.millis() - START;
        (project, read.experiments().get(&experiment).map(|found| found.date_updated.millis() - START).ok())
    };
    let crashed = |disk: &SimulatedDisk| options().open_simulated(&disk.image(disk.recorded(), Keep::All)).unwrap();
    assert_eq!(dates(&store), (200, Some(200)));
    assert_eq!(dates(&crashed(&disk)), (200, Some(200)));
    assert_eq!(purge(&store).runs, 1);
    assert_eq!(dates(&store), (200, Some(200)));
    assert_eq!(dates(&crashed(&disk)), (200, Some(200)));
    clock.advance(100);
    store.write(|w| w.experiments().delete(&experiment)).unwrap();
    assert_eq!(purge(&store).experiments, 1);
    assert_eq!(dates(&store), (300, None));
    assert_eq!(dates(&crashed(&disk)), (300, None));
    store.close().unwrap();
    assert_eq!(dates(&options().open_simulated(&disk).unwrap()), (300, None));
}

/// How a run ended may be told after it was deleted: by its logger, or by the next open.
#[test]
fn what_was_told_of_a_deleted_run_does_not_make_its_deletion_younger() {
    let (store, clock) = in_memory();
    let at = |millis: i64| Timestamp::from_millis(START + millis);
    let before = |time| store.purge_with(&PurgeOptions::new().deleted_before(at(time)), |_| ControlFlow::Continue(()));
    let (_, experiment) = parents(&store, "p");
    let log = store.start_run(&experiment, NewRun::named("a")).unwrap();
    clock.set(at(100));
    store.write(|w| w.runs().delete(log.run_id())).unwrap();
    clock.set(at(1000));
    log.finish().unwrap();
    assert_eq!(before(100).unwrap().runs, 0);
    assert_eq!(before(101).unwrap().runs, 1);
    assert_intact(&store);
}
