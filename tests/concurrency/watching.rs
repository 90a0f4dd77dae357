//! Watchers: every commit, once, in order, none before it is durable.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use modeldb::simulation::SimulatedDisk;
use modeldb::{Durability, NewRun, Sequence, Store};

use super::{PATIENCE, experiments, join};
use crate::support::random::{PrintSeed, Random, seed};

const WRITERS: u64 = 4;
const EACH: u64 = 150;

#[test]
fn watchers_see_every_commit_once_and_in_order() {
    let seed = seed(21);
    let _print = PrintSeed(seed);
    let disk = SimulatedDisk::new();
    let store = Store::options().open_simulated(&disk).unwrap();
    let experiment = experiments(&store, 1).remove(0);
    let last = 1 + WRITERS * EACH;
    let watchers: Vec<_> = (0..4)
        .map(|watcher| {
            let store = store.clone();
            let disk = disk.clone();
            let mut random = Random::new(seed ^ watcher);
            thread::spawn(move || {
                let mut watch = store.watch(Sequence::new(watcher % 2));
                let mut seen = watch.seen().get();
                let mut idle = 0;
                while seen < last {
                    let next = if random.percent(50) { watch.next_within(PATIENCE) } else { watch.try_next() };
                    let Some(watched) = next.unwrap() else {
                        idle += 1;
                        thread::yield_now();
                        continue;
                    };
                    seen += 1;
                    assert_eq!(watched.commit.sequence.get(), seen);
                    assert_eq!(watch.seen().get(), seen);
                    assert!(watched.snapshot().sequence().get() >= seen);
                    assert_eq!(watched.changes().unwrap().count(), watched.commit.changes as usize);
                    if random.one_in(60) {
                        // Durable: a crash at this moment, which keeps nothing but what was synced, has it.
                        let image = disk_synced(&disk);
                        let after = Store::options().open_simulated(&image).unwrap();
                        assert!(after.read().sequence().get() >= seen);
                    }
                    // One is slow, and misses nothing.
                    if watcher == 3 && random.one_in(10) {
                        thread::sleep(Duration::from_millis(3));
                    }
                }
                assert!(watch.try_next().unwrap().is_none());
                idle
            })
        })
        .collect();
    disk.record();
    let acknowledged = Arc::new(AtomicU64::new(0));
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let (store, experiment, acknowledged) = (store.clone(), experiment.clone(), acknowledged.clone());
            thread::spawn(move || {
                for number in 0..EACH {
                    let run = NewRun::named(format!("{writer} {number}"));
                    store.write(|w| w.runs().create(&experiment, run)).unwrap();
                    acknowledged.fetch_add(1, Ordering::SeqCst);
                }
            })
        })
        .collect();
    writers.into_iter().for_each(|writer| join(writer, "a writer"));
    watchers.into_iter().for_each(|watcher| println!("idle {} times", join(watcher, "a watcher")));
    assert_eq!(store.read().sequence().get(), last);
}

/// What a crash now would leave at least.
fn disk_synced(disk: &SimulatedDisk) -> SimulatedDisk {
    match disk.recorded() {
        // Before the recording began everything counts as synced.
        0 => disk.image(0, modeldb::simulation::Keep::All),
        recorded => disk.image(recorded, modeldb::simulation::Keep::None),
    }
}

/// What is acknowledged but not yet durable is not shown to watchers; a flush shows it.
#[test]
fn relaxed_commits_come_when_they_are_durable() {
    let disk = SimulatedDisk::new();
    let relaxed = Durability::Relaxed(Duration::from_secs(3_600));
    let store = Store::options().durability(relaxed).open_simulated(&disk).unwrap();
    let experiment = experiments(&store, 1).remove(0);
    let mut watch = store.watch(Sequence::ZERO);
    for number in 0..5 {
        store.write(|w| w.runs().create(&experiment, NewRun::named(format!("{number}")))).unwrap();
    }
    assert_eq!(store.read().sequence(), Sequence::new(6), "readers see what was acknowledged");
    assert!(watch.try_next().unwrap().is_none());
    assert!(watch.next_within(Duration::from_millis(5)).unwrap().is_none());
    store.flush().unwrap();
    for sequence in 1..=6 {
        assert_eq!(watch.try_next().unwrap().unwrap().commit.sequence, Sequence::new(sequence));
    }
    assert!(watch.try_next().unwrap().is_none());
    // Closing makes the rest durable as well: who remembers where it was goes on there.
    store.write(|w| w.runs().create(&experiment, NewRun::named("last"))).unwrap();
    let seen = watch.seen();
    drop(watch);
    store.close().unwrap();
    drop(store);
    let store = Store::options().open_simulated(&disk).unwrap();
    let mut watch = store.watch(seen);
    assert_eq!(watch.try_next().unwrap().unwrap().commit.sequence, Sequence::new(7));
    assert!(watch.try_next().unwrap().is_none());
}
