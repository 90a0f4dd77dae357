//! Purges beside writers, readers and each other.

use std::ops::ControlFlow;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use modeldb::{ErrorKind, NewRun, PurgeOptions, PurgeReport, Store};

use super::{assert_intact, in_memory, long, options, parents, purge, run_id};

/// A project whose runs have so many changes that each takes slices of its own.
fn deep(store: &Store, name: &str, runs: usize, changes: usize) {
    let (project, experiment) = parents(store, name);
    for number in 0..runs {
        let new = NewRun::named(format!("r{number}")).id(run_id(format!("{name}-{number}"))).description(long(name));
        let run = store.write(|w| w.runs().create(&experiment, new)).unwrap();
        store
            .write(|w| {
                (0..changes).try_for_each(|metric| w.runs().log_metric(&run, format!("m{metric}"), metric as i64))
            })
            .unwrap();
    }
    store.write(|w| w.projects().delete(&project)).unwrap();
}

/// A second purge that begins while the first is between two slices of the same run.
#[test]
fn a_purge_inside_a_purge_finds_what_is_left() {
    for begin_at in 1..6 {
        let (store, _) = in_memory();
        deep(&store, "a", 2, 1_200);
        let mut inner = None;
        let outer = store
            .purge_with(&PurgeOptions::new(), |report| {
                if report.commits == begin_at && inner.is_none() {
                    inner = Some(store.purge().unwrap());
                }
                ControlFlow::Continue(())
            })
            .unwrap();
        let inner = inner.unwrap();
        assert!(inner.finished);
        let runs: u64 = [&outer, &inner].map(|report: &PurgeReport| report.runs).iter().sum();
        assert_eq!(runs, 2);
        assert_eq!(outer.projects + inner.projects, 1);
        assert_eq!(assert_intact(&store).erased, 2 + 1 + 2 * 1_201);
        assert_eq!(purge(&store).commits, 0);
        store.write(|w| w.projects().get_or_create("usable")).unwrap();
    }
}

/// One that was planned before another began, and goes on after that one was ended in the middle of a run.
#[test]
fn a_purge_leaves_to_a_later_one_what_another_has_begun() {
    for (inner_slices, outer_slices) in [(1, 1), (2, 1), (3, 1), (1, 2), (2, 3), (4, 2)] {
        let (store, _) = in_memory();
        deep(&store, "a", 2, 1_200);
        deep(&store, "b", 1, 10);
        let mut begun = false;
        store
            .purge_with(&PurgeOptions::new(), |report| {
                if report.commits == outer_slices && !begun {
                    begun = true;
                    super::purge_some(&store, inner_slices);
                }
                ControlFlow::Continue(())
            })
            .unwrap();
        assert_intact(&store);
        assert!(purge(&store).finished);
        assert_eq!(assert_intact(&store).entities, 0);
        assert_eq!(purge(&store).commits, 0);
    }
}

#[test]
fn purges_on_several_threads_share_the_work() {
    for round in 0..4 {
        let (store, _) = in_memory();
        for number in 0..4 {
            deep(&store, &format!("p{number}"), 3, 700);
        }
        let barrier = Barrier::new(2);
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    barrier.wait();
                    store.purge().unwrap();
                });
            }
        });
        assert_intact(&store);
        assert!(purge(&store).finished, "round {round}");
        let audit = assert_intact(&store);
        assert_eq!((audit.entities, audit.erased), (0, 4 * (2 + 1 + 3 * 701)));
    }
}

/// What is restored after a purge has planned to take it stays whole; what the purge has begun with is not restored.
#[test]
fn what_is_restored_in_time_stays() {
    for again in [false, true] {
        let (store, _) = in_memory();
        deep(&store, "a", 2, 1_200);
        deep(&store, "b", 3, 20);
        // The first commits of each.
        let past = |sequence| store.read().as_of(modeldb::Sequence::new(sequence)).unwrap();
        let a = past(1).projects().get_by_name("a").unwrap().id;
        let b = past(7).projects().get_by_name("b").unwrap().id;
        let experiment = past(7).experiments().get_by_name(&b, "e").unwrap().id;
        let mut restored = false;
        let report = store
            .purge_with(&PurgeOptions::new(), |_| {
                if !std::mem::replace(&mut restored, true) {
                    let refused = store.write(|w| w.projects().restore(&a)).unwrap_err();
                    assert_eq!(refused.kind(), ErrorKind::NotFound, "{refused}");
                    store.write(|w| w.projects().restore(&b)).unwrap();
                    if again {
                        // Deleted once more, with a run that the purge does not know of.
                        store.write(|w| w.runs().create(&experiment, NewRun::named("new"))).unwrap();
                        store.write(|w| w.projects().delete(&b)).unwrap();
                    }
                }
                ControlFlow::Continue(())
            })
            .unwrap();
        assert_eq!((report.projects, report.runs, report.finished), (1, 2, !again));
        let audit = assert_intact(&store);
        assert_eq!(audit.entities, 2 + 3 + u64::from(again));
        if again {
            let report = purge(&store);
            assert_eq!((report.projects, report.runs, report.finished), (1, 4, true));
            assert_eq!(assert_intact(&store).entities, 0);
        } else {
            for number in 0..3 {
                let run = store.read().runs().get(&run_id(format!("b-{number}"))).unwrap();
                assert_eq!((run.description, run.metrics.len()), (long("b"), 20));
            }
            assert_eq!(purge(&store).commits, 0);
        }
    }
}

#[test]
fn writers_and_readers_go_on_during_a_purge() {
    let folder = tempfile::tempdir().unwrap();
    let store = options().open(folder.path()).unwrap();
    let (kept, experiment) = parents(&store, "kept");
    deep(&store, "gone", 4, 600);
    let before = store.read();
    let gone = before.as_of(modeldb::Sequence::new(before.sequence().get() - 1)).unwrap();
    let done = AtomicBool::new(false);
    /// Ends the threads, by a panic too.
    struct End<'d>(&'d AtomicBool);
    impl Drop for End<'_> {
        fn drop(&mut self) {
            self.0.store(true, Ordering::SeqCst);
        }
    }
    let written = AtomicU64::new(0);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::SeqCst) {
                store.write(|w| w.runs().create(&experiment, NewRun::new().description(long("w")))).unwrap();
                written.fetch_add(1, Ordering::SeqCst);
            }
        });
        scope.spawn(|| {
            let _end = End(&done);
            while !done.load(Ordering::SeqCst) {
                let read = store.read();
                let listed = read.runs().list_in_project(&kept).unwrap();
                let found = listed.into_iter().map(|run| assert_eq!(run.unwrap().description, long("w"))).count();
                assert!(found as u64 <= written.load(Ordering::SeqCst) + 1);
                assert!(read.audit().verify().unwrap().is_intact());
            }
        });
        let end = End(&done);
        let report = purge(&store);
        drop(end);
        assert_eq!(report.runs, 4);
    });
    // What a snapshot saw, it sees; the others see it no more.
    for number in 0..4 {
        let run = run_id(format!("gone-{number}"));
        assert_eq!(gone.runs().get(&run).unwrap().metrics.len(), 600);
        assert_eq!(before.history(&run).unwrap().count(), 601);
        assert_eq!(store.read().history(&run).err().unwrap().kind(), ErrorKind::NotFound);
    }
    let audit = before.audit().verify().unwrap();
    assert!(audit.is_intact() && audit.erased == 0, "{audit:?}");
    assert_intact(&store);
}
