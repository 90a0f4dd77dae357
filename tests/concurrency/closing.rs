//! Closing a store that others use.

use std::thread;

use modeldb::simulation::SimulatedDisk;
use modeldb::{ErrorKind, NewRun, Store};

use super::{Gate, PATIENCE, experiments, gather, join};

#[test]
fn writers_that_wait_are_made_or_told_that_the_store_is_closed() {
    let (mut closed, mut made_in_all) = (0, 0);
    for round in 0..20 {
        let disk = SimulatedDisk::new();
        let store = Store::options().open_simulated(&disk).unwrap();
        let experiments = experiments(&store, 2);
        let gate = Gate::close(&store);
        let mut writers = Vec::new();
        let mut closer = None;
        for writer in 0..8 {
            if writer == round % 8 {
                let store = store.clone();
                closer = Some(thread::spawn(move || store.close()));
                thread::sleep(std::time::Duration::from_millis(5));
            }
            let (store, experiments) = (store.clone(), experiments.clone());
            writers.push(thread::spawn(move || {
                store.write(|w| {
                    let name = format!("{writer}");
                    w.runs().create(&experiments[0], NewRun::named(name.clone()))?;
                    w.runs().create(&experiments[1], NewRun::named(name.clone()))?;
                    Ok(name)
                })
            }));
        }
        gather();
        gate.open();
        join(closer.unwrap(), "the one who closes").unwrap();
        let mut made = Vec::new();
        for writer in writers {
            match join(writer, "a writer") {
                Ok(name) => made.push(name),
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::Closed, "{error}");
                    closed += 1;
                }
            }
        }
        made_in_all += made.len();
        assert_eq!(store.write(|_| Ok(())).unwrap_err().kind(), ErrorKind::Closed);
        assert_eq!(store.flush().unwrap_err().kind(), ErrorKind::Closed);
        store.close().unwrap();
        drop(store);
        // Exactly the acknowledged ones are there, both halves of each.
        let store = Store::options().open_simulated(&disk).unwrap();
        made.sort();
        for experiment in &experiments {
            let runs = store.read().runs().list(experiment).unwrap();
            let mut names: Vec<String> = runs.into_iter().map(|run| run.unwrap().name).collect();
            names.sort();
            assert_eq!(names, made);
        }
        assert_eq!(store.read().sequence().get(), 1 + made.len() as u64);
        assert!(store.audit().verify().unwrap().is_intact());
    }
    println!("{made_in_all} writes were made, {closed} came too late");
    assert!(closed > 0);
}

#[test]
fn closing_wakes_whoever_watches() {
    let store = Store::in_memory().unwrap();
    experiments(&store, 1);
    let watchers: Vec<_> = (0..3)
        .map(|_| {
            let mut watch = store.watch(store.read().sequence());
            thread::spawn(move || {
                let started = std::time::Instant::now();
                let next = watch.next_within(PATIENCE * 10).unwrap();
                (next.is_none(), started.elapsed() < PATIENCE * 10)
            })
        })
        .collect();
    gather();
    store.close().unwrap();
    for watcher in watchers {
        assert_eq!(join(watcher, "a watcher"), (true, true));
    }
    // And whoever comes later does not wait at all.
    assert!(store.watch(store.read().sequence()).next_within(PATIENCE * 10).unwrap().is_none());
}

#[test]
fn a_snapshot_that_is_held_outlives_closing_or_says_so() {
    let disk = SimulatedDisk::new();
    let store = Store::options().open_simulated(&disk).unwrap();
    let experiment = experiments(&store, 1).remove(0);
    let run = store.write(|w| w.runs().create(&experiment, NewRun::named("r").metric("m", 1))).unwrap();
    let snapshot = store.read();
    let before = snapshot.runs().get(&run).unwrap();
    store.close().unwrap();
    for snapshot in [&snapshot, &store.read()] {
        match snapshot.runs().get(&run) {
            Ok(after) => assert_eq!(after, before),
            Err(error) => assert_eq!(error.kind(), ErrorKind::Closed, "{error}"),
        }
    }
    // Nor does it keep the store from being opened again, once it is gone.
    drop(snapshot);
    drop(store);
    assert_eq!(Store::options().open_simulated(&disk).unwrap().read().runs().get(&run).unwrap(), before);
}
