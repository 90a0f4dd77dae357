//! Crashes at every call of the disk: what a record names is there, and what nothing names can be collected.

use std::collections::BTreeMap;
use std::io::Read;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::time::Duration;

use modeldb::simulation::{Fault, Keep, SimulatedDisk};
use modeldb::{
    Artifact, Durability, ErrorKind, GcOptions, ManualClock, NewRun, Options, Result, RunId, Store, Timestamp,
};

use super::{LARGE, bytes};
use crate::support::random::{Random, printed_seed};

/// Keys of the one run, and their bytes.
type Known = BTreeMap<String, Vec<u8>>;

fn options(clock: &Arc<ManualClock>) -> Options {
    Store::options().clock(Arc::clone(clock)).background(false)
}

/// A random call. Answers what is known if it succeeds.
fn step(store: &Store, clock: &ManualClock, run: &RunId, random: &mut Random, known: &Known) -> Result<Known> {
    clock.advance(1);
    let mut after = known.clone();
    let key = format!("k{}", random.below(3));
    let which = random.below(5);
    let new = bytes(if which.is_multiple_of(2) { 10 * which } else { LARGE }, which as u8);
    match random.below(8) {
        0..=2 if known.contains_key(&key) => {
            store.put_artifact(run, &key, &*new)?;
            after.insert(key, new);
        }
        0..=2 => {
            store.log_artifact(run, Artifact::named(&key), &*new)?;
            after.insert(key, new);
        }
        3 | 4 => {
            store.write(|w| w.runs().delete_artifact(run, &key))?;
            after.remove(&key);
        }
        5 => drop(store.put_blob(&*new)?),
        6 if known.contains_key(&key) => {
            // In parts, one of them in the store's own file.
            store.write(|w| w.begin_upload(run, &key))?;
            let part = store.put_blob(&*new)?;
            store.write(|w| {
                let first = w.put_blob(b"first")?;
                w.commit_artifact_part(run, &key, 1, &first.digest.to_string())?;
                w.commit_artifact_part(run, &key, 2, &part.digest.to_string())
            })?;
            store.complete_upload(run, &key)?;
            after.insert(key, [b"first", &*new].concat());
        }
        _ => drop(store.gc(&GcOptions::new().min_age(Duration::ZERO))?),
    }
    Ok(after)
}

/// Holds a store against one of two states: the last that was acknowledged, and what was under way.
fn check(store: &Store, clock: &ManualClock, run: &RunId, before: &Known, after: Option<&Known>) {
    let held = |read: &modeldb::Snapshot| -> Known {
        let artifacts = read.runs().get(run).unwrap().artifacts;
        let bytes = artifacts.into_iter().filter_map(|artifact| {
            let parts = artifact.upload.iter().flat_map(|upload| &upload.parts);
            parts.for_each(|part| read.open_blob(&part.blob).unwrap().verify().unwrap());
            let mut bytes = Vec::new();
            // Whatever a record names can be read.
            read.open_blob(&artifact.blob?).unwrap().read_to_end(&mut bytes).unwrap();
            Some((artifact.key, bytes))
        });
        bytes.collect()
    };
    let found = held(&store.read());
    assert!(found == *before || Some(&found) == after, "{:?}", found.keys());
    clock.advance(1);
    store.gc(&GcOptions::new().min_age(Duration::ZERO)).unwrap();
    assert_eq!(held(&store.read()), found, "a collection takes nothing that is named");
    let report = store.gc(&GcOptions::new().min_age(Duration::ZERO)).unwrap();
    assert_eq!((report.removed, report.young, report.unfinished), (0, 0, 0));
    assert!(store.audit().verify().unwrap().is_intact());
}

fn begin(disk: &SimulatedDisk, clock: &Arc<ManualClock>) -> Result<(Store, RunId)> {
    let store = options(clock).open_simulated(disk)?;
    let run = store.write(|w| {
        let project = w.projects().get_or_create("p")?;
        let experiment = w.experiments().get_or_create(&project, "e")?;
        w.runs().create(&experiment, NewRun::named("r").id(RunId::new("run")?))
    })?;
    Ok((store, run))
}

fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::new(Timestamp::from_millis(1_700_000_000_000)))
}

fn told<T>(place: &dyn std::fmt::Display, check: impl FnOnce() -> T) -> T {
    catch_unwind(AssertUnwindSafe(check)).unwrap_or_else(|payload| {
        println!("failed {place}");
        resume_unwind(payload)
    })
}

#[test]
fn artifacts_cut_everywhere() {
    let seed = printed_seed("artifacts_cut_everywhere", 81);
    let mut random = Random::new(seed);
    let (disk, clock) = (SimulatedDisk::new(), clock());
    let (store, run) = begin(&disk, &clock).unwrap();
    disk.record();
    // From which call on what is known.
    let mut history = vec![(0, Known::new())];
    let mut known = Known::new();
    for _ in 0..45 {
        known = step(&store, &clock, &run, &mut random, &known).unwrap();
        history.push((disk.recorded(), known.clone()));
    }
    let calls = disk.recorded();
    let mut images = 0;
    for at in 0..=calls {
        let last = history.partition_point(|(from, _)| *from <= at) - 1;
        let (before, after) = (&history[last].1, history.get(last + 1).map(|(_, known)| known));
        let ways = [Keep::None, Keep::All, Keep::Subset(random.next()), Keep::Torn(random.next())];
        for keep in ways {
            told(&format!("at call {at} of {calls}, keeping {keep:?}, MODELDB_SEED={seed}"), || {
                let image = disk.image(at, keep);
                let store = options(&clock).open_simulated(&image).unwrap();
                check(&store, &clock, &run, before, after);
            });
            images += 1;
        }
    }
    println!("artifacts_cut_everywhere: {calls} calls, {images} images");
}

/// Each call fails in turn: an error, nothing that is named is lost, and the store goes on when it is opened again.
#[test]
fn each_call_of_the_disk_fails() {
    let seed = printed_seed("each_call_of_the_disk_fails", 82);
    let mut errors = 0;
    for (fault, kind) in [(Fault::Once as fn(u64) -> Fault, ErrorKind::Io), (Fault::FullFrom, ErrorKind::StorageFull)] {
        let calls = {
            let (disk, clock) = (SimulatedDisk::new(), clock());
            let (store, run) = begin(&disk, &clock).unwrap();
            let (mut random, mut known) = (Random::new(seed), Known::new());
            let first = disk.calls();
            for _ in 0..14 {
                known = step(&store, &clock, &run, &mut random, &known).unwrap();
            }
            first..disk.calls()
        };
        for at in calls {
            let (disk, clock) = (SimulatedDisk::new(), clock());
            let (store, run) = begin(&disk, &clock).unwrap();
            let (mut random, mut known) = (Random::new(seed), Known::new());
            disk.set_fault(Some(fault(at)));
            let mut after = None;
            for _ in 0..14 {
                let mut ahead = random.clone();
                match step(&store, &clock, &run, &mut random, &known) {
                    Ok(next) => known = next,
                    Err(error) => {
                        let expected = [kind, ErrorKind::CommitUnknown, ErrorKind::Poisoned];
                        assert!(expected.contains(&error.kind()), "{error}");
                        errors += 1;
                        // What it would have come to.
                        let (disk, clock) = (SimulatedDisk::new(), self::clock());
                        let (other, run) = begin(&disk, &clock).unwrap();
                        for (key, bytes) in &known {
                            other.log_artifact(&run, Artifact::named(key), &**bytes).unwrap();
                        }
                        after = Some(step(&other, &clock, &run, &mut ahead, &known).unwrap());
                        break;
                    }
                }
            }
            disk.set_fault(None);
            drop(store);
            told(&format!("with call {at} failing, MODELDB_SEED={seed}"), || {
                let store = options(&clock).open_simulated(&disk).unwrap();
                check(&store, &clock, &run, &known, after.as_ref());
            });
        }
    }
    println!("each_call_of_the_disk_fails: {errors} errors");
    assert!(errors > 100);
}

/// What is collected is gone at once, and what let go of it is not durable by itself in a relaxed store.
#[test]
fn a_crash_after_a_collection_does_not_bring_back_what_named_its_bytes() {
    let disk = SimulatedDisk::new();
    let hour = Duration::from_secs(3600);
    let clock = Arc::new(ManualClock::new(Timestamp::from_millis(1_700_000_000_000)));
    let options = Store::options().durability(Durability::Relaxed(hour)).clock(Arc::clone(&clock)).background(false);
    let store = options.open_simulated(&disk).unwrap();
    let run = store
        .write(|w| {
            let project = w.projects().get_or_create("p")?;
            let experiment = w.experiments().get_or_create(&project, "e")?;
            w.runs().create(&experiment, NewRun::named("r"))
        })
        .unwrap();
    for (key, len) in [("large", 200_000), ("small", 100)] {
        store.log_artifact(&run, Artifact::named(key), &*vec![7; len]).unwrap();
    }
    store.flush().unwrap();
    disk.record();
    clock.advance(1);
    for key in ["large", "small"] {
        store.write(|w| w.runs().delete_artifact(&run, key)).unwrap();
    }
    let dry = GcOptions::new().min_age(Duration::ZERO).dry_run(true);
    assert_eq!(store.gc(&dry).unwrap().removed, 2);
    let before = disk.recorded();
    assert_eq!(store.gc(&dry.dry_run(false)).unwrap().removed, 2);
    for at in before..=disk.recorded() {
        let again = Store::options().open_simulated(&disk.image(at, Keep::None)).unwrap();
        for key in ["large", "small"] {
            if again.read().artifact(&run, key).unwrap().is_some() {
                let mut bytes = Vec::new();
                again.read().open_artifact(&run, key).unwrap().read_to_end(&mut bytes).unwrap();
                assert!(bytes.iter().all(|byte| *byte == 7), "operation {at}: {key}");
            }
        }
    }
}
