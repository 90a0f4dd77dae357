//! What deleting, restoring and purging cost.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use modeldb::{NewExperiment, NewProject, NewRun, PurgeOptions};

use super::{Bench, Cost};

const KIB: u64 = 1024;

/// A project of 200,000 runs is deleted by one small commit, and what was deleted costs no listing a read.
#[test]
fn deleting_a_huge_project_writes_little() {
    const RUNS: usize = 200_000;
    let bench = Bench::new();
    let (project, other) = bench
        .store
        .write(|w| {
            let other = w.projects().create(NewProject::named("other"))?;
            let project = w.projects().create(NewProject::named("huge"))?;
            let experiment = w.experiments().create(&project, NewExperiment::named("e"))?;
            w.runs().create_many(&experiment, (0..RUNS).map(|_| NewRun::new()))?;
            Ok((project, other))
        })
        .unwrap();
    let small = bench.cost(|store, _| store.write(|w| w.projects().delete(&other)).unwrap());
    let large = bench.cost(|store, _| store.write(|w| w.projects().delete(&project)).unwrap());
    println!("deleting an empty project writes {} bytes, one of {RUNS} runs {} bytes", small.bytes, large.bytes);
    assert!(large.bytes <= small.bytes + 16 * KIB, "{} bytes, and {} for an empty one", large.bytes, small.bytes);
    assert!(large.bytes <= 64 * KIB, "{} bytes", large.bytes);
    assert_eq!(large.syncs, 1);
    // What is listed first is not looked for behind what is hidden.
    let before = bench.disk.counts();
    let cost = bench.cost(|store, _| {
        let read = store.read();
        assert_eq!(read.projects().list().page(10).unwrap().items.len(), 1);
        assert!(read.runs().list_in_project(&project).is_err());
    });
    assert_eq!(cost.bytes, 0);
    let reads = bench.disk.counts().reads - before.reads;
    println!("the first page of what is left takes {reads} reads");
    assert!(reads <= 40, "{reads} reads");
    let restored = bench.cost(|store, _| store.write(|w| w.projects().restore(&project)).unwrap());
    println!("restoring it writes {} bytes", restored.bytes);
    assert!(restored.bytes <= 64 * KIB, "{} bytes", restored.bytes);
    assert_eq!(restored.syncs, 1);
    assert_eq!(bench.store.read().runs().list_in_project(&project).unwrap().page(10).unwrap().items.len(), 10);
}

/// A run takes no more of a purge than of its creation, and no commit of it keeps a writer waiting for long.
#[test]
fn a_slice_of_a_purge_writes_a_bounded_amount() {
    const RUNS: usize = 20_000;
    for one_by_one in [false, true] {
        let mut bench = Bench::new();
        if one_by_one {
            _ = bench.create_each(RUNS)
        } else {
            bench.load(RUNS)
        }
        let project = bench.store.read().projects().get_by_name("bench").unwrap().id;
        let kept = bench
            .store
            .write(|w| {
                w.projects().delete(&project)?;
                let kept = w.projects().create(NewProject::named("kept"))?;
                w.experiments().create(&kept, NewExperiment::named("e"))
            })
            .unwrap();
        let (mut most, mut total) = (0, 0);
        let mut before = bench.disk.counts();
        let store = bench.store.clone();
        let report = bench
            .store
            .purge_with(&PurgeOptions::new(), |_| {
                let now = bench.disk.counts();
                let cost = Cost::between(before, now);
                before = now;
                most = most.max(cost.bytes);
                total += cost.bytes;
                ControlFlow::Continue(())
            })
            .unwrap();
        let how = if one_by_one { "one by one" } else { "in bulk" };
        println!(
            "purging {RUNS} runs that were made {how}: {} slices, {} KiB in all, {} KiB at most",
            report.commits,
            total / KIB,
            most / KIB
        );
        assert_eq!(report.runs, RUNS as u64);
        assert!(most <= 3 * 1024 * KIB, "{most} bytes in one commit");
        assert!(store.audit().verify().unwrap().is_intact());
        store.write(|w| w.runs().create(&kept, NewRun::new())).unwrap();
    }
}

/// How long a writer waits for a slice: printed, since time is not asserted.
#[test]
fn writers_wait_for_a_slice_at_most() {
    const RUNS: usize = 20_000;
    let mut bench = Bench::new();
    bench.load(RUNS / 2);
    bench.create_each(RUNS / 2);
    let project = bench.store.read().projects().get_by_name("bench").unwrap().id;
    let kept = bench
        .store
        .write(|w| {
            w.projects().delete(&project)?;
            let kept = w.projects().create(NewProject::named("kept"))?;
            w.experiments().create(&kept, NewExperiment::named("e"))
        })
        .unwrap();
    let done = AtomicBool::new(false);
    let mut waited: Vec<Duration> = Vec::new();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let purged = bench.store.purge();
            done.store(true, Ordering::SeqCst);
            assert_eq!(purged.unwrap().runs, RUNS as u64);
        });
        while !done.load(Ordering::SeqCst) {
            let begun = Instant::now();
            bench.store.write(|w| w.runs().create(&kept, NewRun::new())).unwrap();
            waited.push(begun.elapsed());
        }
    });
    waited.sort();
    let at = |share: usize| waited[(waited.len() - 1) * share / 1000];
    println!(
        "{} writes during a purge of {RUNS} runs: {:?} in the middle, {:?} at 99 %, {:?} at most",
        waited.len(),
        at(500),
        at(990),
        at(1000)
    );
    let left = bench.store.read().runs().list(&kept).unwrap().count().unwrap();
    assert_eq!(left, waited.len() as u64);
}
