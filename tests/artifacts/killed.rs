//! A process that is killed hundreds of times while it logs observations and artifacts, whole and in parts, replaces,
//! deletes and collects. What it said was done is there after each time, with its bytes.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

use modeldb::{Artifact, BlobDigest, ErrorKind, GcOptions, NewObservation, NewRun, RunId, Snapshot, Store};

use super::{LARGE, bytes, read_of};
use crate::support::child::Working;
use crate::support::random::{PrintSeed, Random, printed_seed};

const FOLDER: &str = "MODELDB_TEST_KILLED_ARTIFACTS_FOLDER";
const KILLS: usize = 200;
/// Operations that share a run.
const OF_A_RUN: u64 = 40;

fn run_of(number: u64) -> RunId {
    RunId::new(format!("r{}", number / OF_A_RUN)).unwrap()
}

/// What an operation brings: its number says all.
fn content(number: u64) -> Vec<u8> {
    let large = match number % 8 {
        1 | 7 => false,
        2 => true,
        other => (number / 8 + other) % 2 == 1,
    };
    let len = if large { LARGE + number as usize } else { 1 + number as usize * 7 % 5_000 };
    let mut content = bytes(len, number as u8);
    content.extend_from_slice(&number.to_le_bytes());
    content
}

/// What a run has.
#[derive(Debug, Default, PartialEq)]
struct Held {
    artifacts: BTreeMap<String, BlobDigest>,
    loss: Vec<f64>,
    accuracy: Vec<f64>,
}

impl Held {
    /// After the operations of a run up to `end`, exclusive.
    fn expected(run: u64, end: u64) -> Held {
        let mut held = Held::default();
        for number in run * OF_A_RUN..end.min((run + 1) * OF_A_RUN) {
            let digest = BlobDigest::of(&content(number));
            match number % 8 {
                0 => held.loss.extend([number as f64; 3]),
                1 => drop(held.artifacts.insert(format!("small-{number}"), digest)),
                2 => drop(held.artifacts.insert(format!("large-{number}"), digest)),
                3 => drop(held.artifacts.insert("shared".to_owned(), digest)),
                4 => {
                    let parts = [content(number), content(number + 1)].concat();
                    held.artifacts.insert(format!("parts-{number}"), BlobDigest::of(&parts));
                }
                5 => drop(held.artifacts.remove(&format!("small-{}", number - 4))),
                6 => {}
                _ => {
                    held.artifacts.insert(format!("both-{number}"), digest);
                    held.accuracy.push(number as f64);
                }
            }
        }
        held
    }

    /// What is there. All bytes are read, those of parts that wait included.
    fn found(read: &Snapshot, run: u64) -> Held {
        let id = run_of(run * OF_A_RUN);
        let Ok(found) = read.runs().get(&id) else { return Held::default() };
        let mut held = Held::default();
        for artifact in found.artifacts {
            for part in artifact.upload.iter().flat_map(|upload| &upload.parts) {
                read.open_blob(&part.blob).unwrap().verify().unwrap();
            }
            if artifact.blob.is_some() {
                let bytes = read_of(read, &id, &artifact.key);
                held.artifacts.insert(artifact.key, BlobDigest::of(&bytes));
            }
        }
        for (key, values) in [("loss", &mut held.loss), ("accuracy", &mut held.accuracy)] {
            let mut observations = read.runs().observations(&id, key).unwrap();
            *values = observations.columns(usize::MAX).unwrap().numbers.to_vec();
        }
        held
    }
}

/// Does an operation, or what is left of it.
fn work(store: &Store, number: u64) -> modeldb::Result<()> {
    let run = run_of(number);
    store.write(|w| {
        if w.runs().get(&run).is_err() {
            let project = w.projects().get_or_create("p")?;
            let experiment = w.experiments().get_or_create(&project, "e")?;
            w.runs().create(&experiment, NewRun::new().id(run.clone()))?;
        }
        Ok(())
    })?;
    let before = Held::expected(number / OF_A_RUN, number);
    let found = store.read().runs().get(&run)?;
    let count = |key: &str| found.series(key).map_or(0, |series| series.count) as usize;
    let log = |key: &str, bytes: &[u8]| match store.log_artifact(&run, Artifact::named(key), bytes) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        other => other.map(drop),
    };
    match number % 8 {
        0 if count("loss") == before.loss.len() => store.write(|w| {
            let observations = (0..3).map(|_| ("loss", NewObservation::new(number as f64)));
            w.runs().log_observations(&run, observations)
        }),
        0 => Ok(()),
        1 => log(&format!("small-{number}"), &content(number)),
        2 => log(&format!("large-{number}"), &content(number)),
        3 if found.artifacts.iter().any(|artifact| artifact.key == "shared") => {
            store.put_artifact(&run, "shared", &*content(number)).map(drop)
        }
        3 => log("shared", &content(number)),
        4 => {
            let key = format!("parts-{number}");
            let there = found.artifacts.iter().find(|artifact| artifact.key == key);
            if there.is_some_and(|artifact| artifact.blob.is_some()) {
                return Ok(());
            }
            if there.is_none() {
                store.write(|w| w.runs().log_artifacts(&run, [Artifact::named(&key)]))?;
            }
            store.write(|w| w.begin_upload(&run, &key))?;
            // It goes on with the parts that are there.
            let parts = there.and_then(|artifact| artifact.upload.as_ref()).map_or(0, |upload| upload.parts.len());
            for part in parts as u64..2 {
                let blob = store.put_blob(&*content(number + part))?;
                store.write(|w| w.commit_artifact_part(&run, &key, part + 1, &blob.digest.to_string()))?;
            }
            store.complete_upload(&run, &key).map(drop)
        }
        5 => {
            let key = format!("small-{}", number - 4);
            let there = found.artifacts.iter().any(|artifact| artifact.key == key);
            if there { store.write(|w| w.runs().delete_artifact(&run, &key)) } else { Ok(()) }
        }
        6 => store.gc(&GcOptions::new().min_age(Duration::ZERO)).map(drop),
        _ if count("accuracy") > before.accuracy.len() => Ok(()),
        _ => store.write(|w| {
            let blob = w.put_blob(&content(number))?;
            w.runs().log_artifacts(&run, [Artifact::named(format!("both-{number}")).blob(blob)])?;
            w.runs().log_observations(&run, [("accuracy", NewObservation::new(number as f64))])
        }),
    }
}

/// Works until it is killed, and says what is done. A test only in name: the one below starts it.
#[test]
fn work_that_goes_on() {
    let Some(folder) = std::env::var_os(FOLDER).map(PathBuf::from) else { return };
    let next = std::fs::read_to_string(folder.join("next")).unwrap().parse::<u64>().unwrap();
    let store = Store::open(folder.join("store")).unwrap();
    for number in next.. {
        work(&store, number).unwrap();
        println!("done {number}");
    }
}

#[test]
fn what_was_done_is_there_however_often_the_process_is_killed() {
    let seed = printed_seed("what_was_done_is_there_however_often_the_process_is_killed", 91);
    let _print = PrintSeed(seed);
    let mut random = Random::new(seed);
    let folder = tempfile::tempdir().unwrap();
    let (mut next, mut under_way) = (0, 0);
    for kill in 1..=KILLS {
        std::fs::write(folder.path().join("next"), next.to_string()).unwrap();
        let working = Working::start("artifacts::killed::work_that_goes_on", FOLDER, folder.path());
        let then = Duration::from_micros(random.below(4_000) as u64);
        next = 1 + working.kill_after("done ", 1 + random.below(10), then);

        let store = Store::options().background(false).open(folder.path().join("store")).unwrap();
        let read = store.read();
        let last = next / OF_A_RUN;
        // All of them now and then, and at the end.
        let all = kill % 50 == 0;
        for run in if all { 0 } else { last.saturating_sub(1) }..=last {
            let (found, acknowledged) = (Held::found(&read, run), Held::expected(run, next));
            if found != acknowledged {
                assert_eq!(found, Held::expected(run, next + 1), "after kill {kill}, before operation {next}");
                under_way += 1;
            }
        }
        drop(read);
        if all {
            let report = store.verify().unwrap();
            assert!(report.is_intact() && report.is_complete(), "{report}");
        }
        store.close().unwrap();
    }
    println!("{next} operations; {under_way} times the one under way was there");

    // What was begun and not finished is collected.
    let store = Store::open(folder.path().join("store")).unwrap();
    std::thread::sleep(Duration::from_millis(2));
    store.gc(&GcOptions::new().min_age(Duration::ZERO)).unwrap();
    let report = store.gc(&GcOptions::new().min_age(Duration::ZERO)).unwrap();
    assert_eq!((report.removed, report.young, report.unfinished), (0, 0, 0));
    let large: BTreeSet<BlobDigest> = store.blobs().unwrap().list().map(|entry| entry.unwrap().digest).collect();
    assert!(large.len() as u64 <= report.kept);
    assert!(store.verify().unwrap().is_intact());
}
