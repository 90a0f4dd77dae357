//! Watching: every commit, in order, once, from wherever one likes.

use std::time::Duration;

use modeldb::{Durability, EntityId, ErrorKind, NewRun, Sequence};

use super::support::{Bench, ms, options};

#[test]
fn a_watch_comes_to_every_commit_in_order() {
    let bench = Bench::new();
    let mut all = bench.store.watch(Sequence::ZERO);
    let mut late = bench.store.watch(bench.store.read().sequence());
    assert!(late.try_next().unwrap().is_none());
    let runs: Vec<_> = (0..300).map(|_| bench.run(NewRun::new())).collect();
    assert_eq!(all.seen(), Sequence::ZERO);
    for number in 1..=301 {
        let watched = all.next_within(Duration::from_secs(5)).unwrap().unwrap();
        assert_eq!(watched.commit.sequence, Sequence::new(number));
        assert_eq!(all.seen(), watched.commit.sequence);
        assert!(watched.snapshot().sequence() >= watched.commit.sequence);
        assert_eq!(watched.commit, bench.store.read().commit(Sequence::new(number)).unwrap());
        if number > 1 {
            let changes: Vec<_> = watched.changes().unwrap().map(|change| change.unwrap().unwrap().entity).collect();
            assert_eq!(changes, [EntityId::from(&runs[usize::try_from(number).unwrap() - 2])]);
        }
    }
    assert!(all.try_next().unwrap().is_none());
    assert_eq!(late.try_next().unwrap().unwrap().commit.sequence, Sequence::new(2));
    // One that remembers where it was goes on from there.
    let mut again = bench.store.watch(Sequence::new(300));
    assert_eq!(again.try_next().unwrap().unwrap().commit.sequence, Sequence::new(301));
    assert!(again.next_within(Duration::ZERO).unwrap().is_none());
}

#[test]
fn a_waiting_watch_is_woken_by_a_write_and_by_closing() {
    let bench = Bench::new();
    let seen = bench.store.read().sequence();
    std::thread::scope(|scope| {
        let mut watch = bench.store.watch(seen);
        // A timeout that a test never waits for.
        let waiting = scope.spawn(move || {
            let woken = watch.next_within(Duration::from_secs(600)).unwrap().unwrap();
            let ended = watch.next_within(Duration::from_secs(600)).unwrap();
            (woken.commit.sequence, ended.is_none())
        });
        bench.run(NewRun::new());
        // It may see the commit only after the close, and then cannot read it: wait until it has.
        let mut own = bench.store.watch(seen);
        assert!(own.next_within(Duration::from_secs(600)).unwrap().is_some());
        while !waiting.is_finished() && bench.store.stats().is_ok() {
            std::thread::sleep(Duration::from_millis(20));
            bench.store.close().unwrap();
        }
        assert_eq!(waiting.join().unwrap(), (seen.next(), true));
    });
}

#[test]
fn a_watch_sees_nothing_that_is_not_durable() {
    let clock = std::sync::Arc::new(modeldb::ManualClock::new(ms(1)));
    let disk = modeldb::simulation::SimulatedDisk::new();
    let relaxed = Durability::Relaxed(Duration::from_secs(3600));
    let store = options(&clock, 1).durability(relaxed).open_simulated(&disk).unwrap();
    let mut watch = store.watch(Sequence::ZERO);
    store.write(|w| w.projects().get_or_create("p")).unwrap();
    assert_eq!(store.read().sequence(), Sequence::new(1), "readers see it");
    assert!(watch.try_next().unwrap().is_none());
    store.flush().unwrap();
    assert_eq!(watch.try_next().unwrap().unwrap().commit.sequence, Sequence::new(1));
}

#[test]
fn closing_tells_of_the_commits_it_made_durable() {
    let clock = std::sync::Arc::new(modeldb::ManualClock::new(ms(1)));
    let disk = modeldb::simulation::SimulatedDisk::new();
    let relaxed = Durability::Relaxed(Duration::from_secs(3600));
    let open = || options(&clock, 1).durability(relaxed).open_simulated(&disk).unwrap();
    let store = open();
    store.write(|w| w.projects().get_or_create("p")).unwrap();
    let mut early = store.watch(Sequence::ZERO);
    assert!(early.try_next().unwrap().is_none());
    store.close().unwrap();
    // They are there; whether they can still be read through this handle is another matter.
    for mut watch in [early, store.watch(Sequence::ZERO)] {
        match watch.try_next() {
            Ok(Some(watched)) => {
                assert_eq!(watched.commit.sequence, Sequence::new(1));
                assert!(watch.is_ended());
            }
            Ok(None) => panic!("a durable commit is not told of"),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Closed, "{error}");
                // Nor will it ever be, so that who waits for the end does not wait for ever.
                assert_eq!((watch.seen(), watch.is_ended()), (Sequence::ZERO, true));
            }
        }
    }
    // Whoever goes on from what it has seen misses nothing.
    let store = open();
    assert_eq!(store.watch(Sequence::ZERO).try_next().unwrap().unwrap().commit.sequence, Sequence::new(1));
}

#[test]
fn a_watch_knows_a_pause_from_the_end() {
    let bench = Bench::new();
    let mut watch = bench.store.watch(Sequence::ZERO);
    assert!(watch.try_next().unwrap().is_some());
    assert!(watch.next_within(Duration::ZERO).unwrap().is_none());
    assert!(!watch.is_ended(), "more may come");
    bench.store.close().unwrap();
    assert!(watch.next_within(Duration::from_secs(600)).unwrap().is_none());
    assert!(watch.is_ended());
}
