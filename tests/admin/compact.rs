//! Compacting: the same store in less room, and who is in its way.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use modeldb::{Durability, ErrorKind, NewRun, Options, Sequence, Store};

use super::{assert_intact, everything, files, fill, options};

#[test]
fn a_compacted_store_is_the_same_in_less_room() {
    let folder = tempfile::tempdir().unwrap();
    let store = options().open(folder.path()).unwrap();
    let (experiment, ids) = fill(&store, 60);
    for round in 0..30 {
        let text = format!("round {round} ").repeat(300);
        store.write(|w| ids.iter().try_for_each(|id| w.runs().describe(id, &text))).unwrap();
    }
    let before = everything(&store.read());
    let mut told = Vec::new();
    let compacted = store
        .compact_with(|progress| {
            told.push(progress);
            ControlFlow::Continue(())
        })
        .unwrap();
    println!("{compacted}");
    assert!(compacted.after < compacted.before);
    assert_eq!(compacted.after, std::fs::metadata(folder.path().join("store.redb")).unwrap().len());
    assert_eq!((told[0].doing, told[0].done), ("copying", 0));
    assert!(told.iter().all(|progress| progress.done <= progress.total), "{told:?}");
    assert_eq!(everything(&store.read()), before);
    // The same handle goes on, with all it remembers.
    store.write(|w| w.runs().create(&experiment, NewRun::named("later").metric("accuracy", 7))).unwrap();
    assert_eq!(store.read().runs().find("metrics.accuracy = 7").unwrap().count().unwrap(), 2);
    assert_intact(&store);
    let again = store.compact().unwrap();
    assert!(again.after <= again.before);
    store.optimize().unwrap();
    let now = everything(&store.read());
    store.close().unwrap();
    assert_eq!(files(folder.path()).len(), 2, "store.redb and lock");
    let store = options().check_integrity(true).open(folder.path()).unwrap();
    assert_eq!(everything(&store.read()), now);
    assert_intact(&store);
}

#[test]
fn an_empty_store_and_one_in_memory_can_be_compacted() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    store.compact().unwrap();
    assert_intact(&store);
    let store = options().open_in_memory().unwrap();
    fill(&store, 20);
    let before = everything(&store.read());
    let compacted = store.compact().unwrap();
    assert!(compacted.after <= compacted.before, "{compacted}");
    assert_eq!(everything(&store.read()), before);
    store.write(|w| w.projects().get_or_create("later")).unwrap();
    assert_intact(&store);
    drop(store);
}

#[test]
fn whoever_holds_a_snapshot_is_in_the_way() {
    let folder = tempfile::tempdir().unwrap();
    let store = options().open(folder.path()).unwrap();
    let (_, ids) = fill(&store, 6);
    let held = store.read();
    let refused = |sequence: Sequence| {
        let error = store.compact().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Locked);
        assert!(error.message().contains(&format!("commit {sequence}")), "{error}");
        assert!(error.message().contains("ago"), "{error}");
    };
    // The last one, and then an older one.
    refused(held.sequence());
    store.write(|w| w.runs().describe(&ids[0], "later")).unwrap();
    refused(held.sequence());
    assert_eq!(held.runs().get(&ids[0]).unwrap().description, "long ".repeat(2_000));
    // What it read is as good as itself.
    let guard = held.runs().view(&ids[0]).unwrap();
    let sequence = held.sequence();
    drop(held);
    refused(sequence);
    assert_eq!(guard.view().unwrap().name().unwrap(), "run 0");
    drop(guard);
    store.compact().unwrap();
    assert!(!folder.path().join("store.redb.new").exists());
    assert_intact(&store);
}

/// Reads and writes go on beside: those that read for a moment only are waited for.
#[test]
fn readers_and_writers_beside_it_lose_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let store = Options::default().open(folder.path()).unwrap();
    let experiment = store
        .write(|w| {
            let project = w.projects().get_or_create("p")?;
            let experiment = w.experiments().get_or_create(&project, "e")?;
            w.runs().create_many(&experiment, (0..500).map(|at| NewRun::named(format!("r{at}")).metric("m", at)))?;
            Ok(experiment)
        })
        .unwrap();
    store.wait_indexed(store.read().sequence()).unwrap();
    let (done, written) = (AtomicBool::new(false), AtomicU64::new(0));
    std::thread::scope(|scope| {
        for thread in 0..2 {
            let (store, experiment, done, written) = (&store, &experiment, &done, &written);
            scope.spawn(move || {
                for at in 0.. {
                    if done.load(Ordering::SeqCst) || at == 20_000 {
                        return;
                    }
                    let new = NewRun::named(format!("{thread}/{at}")).metric("m", 1_000);
                    store.write(|w| w.runs().create(experiment, new)).unwrap();
                    written.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
        scope.spawn(|| {
            while !done.load(Ordering::SeqCst) {
                let before = written.load(Ordering::SeqCst);
                let found =
                    store.read().runs().find("metrics.m = 1000 and name matches 'r1'").unwrap().count().unwrap();
                assert_eq!(found, 0);
                assert!(store.read().runs().find("metrics.m = 1000").unwrap().count().unwrap() >= before);
                std::thread::sleep(Duration::from_millis(2));
            }
        });
        let compacted: Vec<_> = (0..5).map(|_| store.compact()).collect();
        // Whatever becomes of the checks, the others end.
        done.store(true, Ordering::SeqCst);
        compacted.into_iter().for_each(|compacted| assert!(compacted.unwrap().after > 0));
    });
    let mut watch = store.watch(Sequence::ZERO);
    for sequence in 1..=store.read().sequence().get() {
        assert_eq!(watch.try_next().unwrap().unwrap().commit.sequence.get(), sequence);
    }
    let written = written.into_inner();
    assert_eq!(store.read().runs().find("metrics.m = 1000").unwrap().count().unwrap(), written);
    assert_intact(&store);
    store.close().unwrap();
    let store = Store::open(folder.path()).unwrap();
    assert_eq!(store.read().runs().list(&experiment).unwrap().count().unwrap(), 500 + written);
    assert_intact(&store);
}

#[test]
fn it_can_be_cancelled_at_any_call() {
    let folder = tempfile::tempdir().unwrap();
    let store = options().open(folder.path()).unwrap();
    let (_, ids) = fill(&store, 10);
    let mut calls = 0;
    store
        .compact_with(|_| {
            calls += 1;
            ControlFlow::Continue(())
        })
        .unwrap();
    assert!(calls > 3, "{calls}");
    for at in 0..calls {
        let mut left = at;
        let error = store
            .compact_with(|_| match left {
                0 => ControlFlow::Break(()),
                _ => {
                    left -= 1;
                    ControlFlow::Continue(())
                }
            })
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Cancelled, "{error}");
        assert!(!folder.path().join("store.redb.new").exists());
        store.write(|w| w.runs().describe(&ids[0], format!("after {at}"))).unwrap();
    }
    assert_intact(&store);
}

#[test]
fn it_is_refused_where_it_would_wait_for_itself() {
    let store = Store::in_memory().unwrap();
    let other = store.clone();
    let error = store.write(|_| other.compact()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NestedWrite);
    let error = store.write(|_| other.verify()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NestedWrite);
    // Nor does a callback write.
    let mut kinds = Vec::new();
    store
        .compact_with(|_| {
            kinds.extend(other.write(|w| w.projects().get_or_create("p")).err().map(|error| error.kind()));
            kinds.extend(other.flush().err().map(|error| error.kind()));
            assert_eq!(other.read().sequence(), Sequence::ZERO);
            ControlFlow::Continue(())
        })
        .unwrap();
    assert!(!kinds.is_empty() && kinds.iter().all(|kind| *kind == ErrorKind::NestedWrite), "{kinds:?}");
    store.close().unwrap();
    assert_eq!(store.compact().unwrap_err().kind(), ErrorKind::Closed);
    assert_eq!(store.verify().unwrap_err().kind(), ErrorKind::Closed);
}

/// What was acknowledged without a sync is durable after it.
#[test]
fn relaxed_writes_are_durable_after_it() {
    let folder = tempfile::tempdir().unwrap();
    let store = options().durability(Durability::Relaxed(Duration::from_secs(3600))).open(folder.path()).unwrap();
    for number in 0..3 {
        store.write(|w| w.projects().get_or_create(&format!("p{number}"))).unwrap();
    }
    store.compact().unwrap();
    let mut watch = store.watch(Sequence::ZERO);
    for _ in 0..3 {
        assert!(watch.try_next().unwrap().is_some());
    }
    assert_intact(&store);
}
