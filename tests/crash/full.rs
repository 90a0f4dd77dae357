//! A disk that becomes full, at every call and after any number of bytes: a typed error, nothing lost, and once there
//! is room again a store that goes on.

use std::collections::BTreeMap;

use modeldb::simulation::{Fault, SimulatedDisk};
use modeldb::{Error, ErrorKind, ExperimentId, NewRun, Store};

use super::faults::{cause, check, run, script};
use super::workload::{History, options};
use crate::support::random::{Random, printed_seed};

const CACHE: usize = 4 << 20;

/// What a full disk is: that, or a commit that may have happened because of it.
fn is_full(kind: ErrorKind, cause: ErrorKind) -> bool {
    matches!(kind, ErrorKind::StorageFull | ErrorKind::CommitUnknown) && cause == ErrorKind::StorageFull
}

/// Runs the script until the disk is full; answers how that showed.
fn fill(script: &History, fault: Fault, context: &str) -> Option<ErrorKind> {
    let disk = SimulatedDisk::new();
    disk.set_fault(Some(fault));
    let outcome = run(script, &disk, CACHE);
    if let (Some(kind), Some(cause)) = (outcome.error, outcome.cause) {
        assert!(is_full(kind, cause), "{context}: {kind}, because of {cause}");
        if outcome.opening {
            assert_eq!(kind, ErrorKind::StorageFull, "{context}: nothing was to be committed yet");
        }
    }
    // While the disk is still full, the store opens and reads, or says why not.
    disk.set_fault(Some(Fault::FullAfter(0)));
    match options(3).open_simulated(&disk) {
        Ok(store) => assert!(store.read().sequence().get() >= outcome.acknowledged, "{context}"),
        Err(error) => assert_eq!(error.kind(), ErrorKind::StorageFull, "{context}: {error}"),
    }
    check(script, &disk, &outcome, context);
    let store = options(4).open_simulated(&disk).unwrap();
    store.write(|w| w.projects().get_or_create("after")).unwrap();
    store.close().unwrap();
    outcome.error
}

/// How many calls the script makes, and how large the file becomes.
fn size(script: &History) -> (u64, u64) {
    let disk = SimulatedDisk::new();
    disk.set_fault(None);
    assert_eq!(run(script, &disk, CACHE).error, None);
    (disk.calls(), disk.bytes("store.redb").unwrap().len() as u64)
}

#[test]
fn the_disk_is_full_from_any_call_on() {
    let seed = printed_seed("the_disk_is_full_from_any_call_on", 21);
    let script = script(seed, 12);
    let (calls, _) = size(&script);
    let mut kinds = BTreeMap::<String, u64>::new();
    for at in 0..calls {
        let kind = fill(&script, Fault::FullFrom(at), &format!("MODELDB_SEED={seed}: full from call {at}"));
        *kinds.entry(kind.map_or("no error".to_owned(), |kind| kind.to_string())).or_default() += 1;
    }
    println!("full from one of {calls} calls on: {kinds:?}");
}

#[test]
fn the_disk_has_room_for_some_bytes_only() {
    let seed = printed_seed("the_disk_has_room_for_some_bytes_only", 22);
    let script = script(seed, 40);
    let (_, len) = size(&script);
    let mut random = Random::new(seed);
    let mut kinds = BTreeMap::<String, u64>::new();
    for step in 0..80 {
        let room = len * step / 16 + random.below(4096) as u64;
        let kind = fill(&script, Fault::FullAfter(room), &format!("MODELDB_SEED={seed}: room for {room} bytes"));
        *kinds.entry(kind.map_or("no error".to_owned(), |kind| kind.to_string())).or_default() += 1;
    }
    // Closing gives back what is free at the end of the file, so that it was larger before.
    println!("room for up to five times {len} bytes: {kinds:?}");
    assert!(kinds.contains_key("no error") && kinds.contains_key("storage full"), "{kinds:?}");
}

const RUNS: usize = 6_000;

/// A write that goes to the disk in parts.
fn large(store: &Store, experiment: &ExperimentId) -> Result<(), Error> {
    let mut random = Random::new(5);
    let runs = (0..RUNS).map(|number| NewRun::named(format!("r{number}")).description(random.text(1_500)));
    store.write(|w| w.runs().create_many(experiment, runs)).map(drop)
}

fn with_experiment(disk: &SimulatedDisk) -> (Store, ExperimentId) {
    let store = options(1).open_simulated(disk).unwrap();
    let experiment = store
        .write(|w| {
            let project = w.projects().get_or_create("p")?;
            w.experiments().get_or_create(&project, "e")
        })
        .unwrap();
    (store, experiment)
}

#[test]
fn a_large_write_that_does_not_fit_leaves_nothing() {
    let disk = SimulatedDisk::new();
    let (store, experiment) = with_experiment(&disk);
    let before = disk.bytes("store.redb").unwrap().len() as u64;
    disk.set_fault(None);
    large(&store, &experiment).unwrap();
    let (calls, growth) = (disk.calls(), disk.bytes("store.redb").unwrap().len() as u64 - before);
    assert!(growth > 16 << 20, "it is not large: {growth} bytes");
    let faults = (0..8).map(|part| Fault::FullAfter(growth * part / 8));
    let faults = faults.chain((0..8).map(|part| Fault::FullFrom(calls * part / 8))).chain([Fault::FullFrom(calls - 1)]);
    let mut kinds = BTreeMap::<String, u64>::new();
    for fault in faults {
        let disk = SimulatedDisk::new();
        let (store, experiment) = with_experiment(&disk);
        disk.set_fault(Some(fault));
        let error = large(&store, &experiment).unwrap_err();
        assert!(is_full(error.kind(), cause(&error)), "{fault:?}: {error}");
        *kinds.entry(error.kind().to_string()).or_default() += 1;
        let refused = store.write(|w| w.projects().get_or_create("q")).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Poisoned, "{fault:?}: {refused}");
        assert_eq!(store.read().sequence().get(), 1, "{fault:?}: readers see nothing of it");
        drop(store);
        disk.set_fault(None);
        let store = options(2).open_simulated(&disk).unwrap();
        let there = store.read().sequence().get() == 2;
        assert!(!there || error.kind() == ErrorKind::CommitUnknown, "{fault:?}: it failed and is there");
        let runs = store.read().runs().list(&experiment).unwrap().count().unwrap();
        assert_eq!(runs, if there { RUNS as u64 } else { 0 }, "{fault:?}");
        if !there {
            large(&store, &experiment).unwrap();
        }
        assert_eq!(store.read().runs().list(&experiment).unwrap().count().unwrap(), RUNS as u64, "{fault:?}");
        assert!(store.audit().verify().unwrap().is_intact(), "{fault:?}");
    }
    println!("a write of {growth} bytes in {calls} calls: {kinds:?}");
}
