//! Collections beside writers that put, name, share and delete the same bytes.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use modeldb::{Artifact, GcOptions, NewRun, RunId, Store};

use super::{LARGE, bytes, read_of};
use crate::support::random::{PrintSeed, Random, seed};

/// Few bytes, of either size: each is named by some run, and forgotten again, all the time.
fn contents(random: &mut Random) -> Vec<u8> {
    let which = random.below(6);
    bytes(if which.is_multiple_of(2) { 20 } else { LARGE }, which as u8)
}

#[test]
fn no_collection_takes_what_a_record_names() {
    let seed = seed(1);
    let _print = PrintSeed(seed);
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path().join("store")).unwrap();
    let runs: Vec<RunId> = store
        .write(|w| {
            let project = w.projects().get_or_create("p")?;
            let experiment = w.experiments().get_or_create(&project, "e")?;
            w.runs().create_many(&experiment, (0..4).map(|n| NewRun::named(format!("r{n}"))))
        })
        .unwrap();
    let (done, logged, removed) = (AtomicBool::new(false), AtomicU64::new(0), AtomicU64::new(0));
    // Longer than any step of a writer takes, on however slow a machine: what is large and older goes.
    let age = Duration::from_secs(2);
    thread::scope(|scope| {
        let collector = scope.spawn(|| {
            while !done.load(Ordering::SeqCst) {
                let report = store.gc(&GcOptions::new().min_age(age)).unwrap();
                removed.fetch_add(report.removed, Ordering::SeqCst);
            }
        });
        let writers: Vec<_> = runs
            .iter()
            .enumerate()
            .map(|(number, run)| {
                let (store, logged) = (&store, &logged);
                scope.spawn(move || {
                    let mut random = Random::new(seed + number as u64);
                    let start = Instant::now();
                    let mut held: Option<Vec<u8>> = None;
                    while start.elapsed() < Duration::from_secs(5) {
                        if let Some(bytes) = &held {
                            assert_eq!(read_of(&store.read(), run, "k"), *bytes);
                            store.write(|w| w.runs().delete_artifact(run, "k")).unwrap();
                        }
                        let new = contents(&mut random);
                        let begun = Instant::now();
                        store.log_artifact(run, Artifact::named("k"), &*new).unwrap();
                        assert!(begun.elapsed() < age, "the machine is too slow for this test");
                        logged.fetch_add(1, Ordering::SeqCst);
                        assert_eq!(read_of(&store.read(), run, "k"), new);
                        held = Some(new);
                    }
                })
            })
            .collect();
        for writer in writers {
            writer.join().unwrap();
        }
        done.store(true, Ordering::SeqCst);
        collector.join().unwrap();
    });
    let (logged, removed) = (logged.into_inner(), removed.into_inner());
    println!("{logged} logged, {removed} removed");
    assert!(logged > 20 && removed > 0, "{logged} logged, {removed} removed");
    for run in &runs {
        let artifact = store.read().artifact(run, "k").unwrap().unwrap();
        store.read().open_blob(&artifact.blob.unwrap()).unwrap().verify().unwrap();
    }
}
