//! What a commit costs.

use std::time::Duration;

use modeldb::{NewProject, NewRun, Sequence};

use super::Bench;

const KIB: u64 = 1024;

/// Commits that are averaged: enough to fold and pack many times.
const COMMITS: usize = 3000;

#[test]
fn one_complete_run_costs_one_sync_and_few_bytes() {
    // The growth of a file is synced by itself, and its bound is logarithmic.
    const GROWTH: u64 = 12;
    for (loaded, most) in [(1_000, 44 * KIB), (100_000, 56 * KIB)] {
        let mut bench = Bench::new();
        bench.load(loaded);
        let cost = bench.create_each(COMMITS);
        let (bytes, commits) = (cost.bytes / COMMITS as u64, COMMITS as u64);
        println!(
            "with {loaded} runs: {bytes} bytes in {} writes a commit, {} syncs for {commits}",
            cost.writes / commits,
            cost.syncs
        );
        assert!(bytes <= most, "with {loaded} runs: {bytes} bytes a commit");
        assert!((commits..=commits + GROWTH).contains(&cost.syncs), "{} syncs for {commits} commits", cost.syncs);
    }
}

#[test]
fn a_commit_syncs_once() {
    let mut bench = Bench::new();
    bench.load(1_000);
    bench.create_each(50);
    // All but the few that made the file grow.
    let once = (0..200).filter(|_| bench.create_each(1).syncs == 1).count();
    assert!(once >= 198, "{once} of 200 commits synced once");
}

#[test]
fn an_edit_costs_no_more_than_a_run() {
    let mut bench = Bench::new();
    bench.load(20_000);
    let ids: Vec<_> = bench
        .store
        .read()
        .runs()
        .list(&bench.experiments[0])
        .unwrap()
        .page(1_000)
        .unwrap()
        .items
        .into_iter()
        .map(|run| run.id)
        .collect();
    let cost = bench.cost(|store, _| {
        for id in &ids {
            store.write(|w| w.runs().log_metric(id, "late", 0.5)).unwrap();
        }
    });
    let bytes = cost.bytes / 1_000;
    println!("an edit: {bytes} bytes");
    assert!(bytes <= 52 * KIB, "{bytes} bytes an edit");
    assert!(cost.syncs <= 1_012);
}

#[test]
fn deleting_a_large_project_is_one_small_commit() {
    let mut bench = Bench::new();
    bench.load(20_000);
    let project = bench.store.read().projects().get_by_name("bench").unwrap().id;
    let empty = bench.store.write(|w| w.projects().create(NewProject::named("empty"))).unwrap();
    let small = bench.cost(|store, _| store.write(|w| w.projects().delete(&empty)).unwrap());
    let large = bench.cost(|store, _| store.write(|w| w.projects().delete(&project)).unwrap());
    println!("deleting an empty project: {} bytes, one of 20,000 runs: {} bytes", small.bytes, large.bytes);
    assert!(large.bytes <= small.bytes + 16 * KIB);
    assert_eq!(large.syncs, 1);
}

#[test]
fn reading_and_watching_write_nothing() {
    let mut bench = Bench::new();
    bench.load(2_000);
    let mut watch = bench.store.watch(Sequence::ZERO);
    let cost = bench.cost(|store, experiments| {
        let snapshot = store.read();
        for run in snapshot.runs().list(&experiments[3]).unwrap() {
            let run = run.unwrap();
            assert_eq!(snapshot.runs().view(&run.id).unwrap().to_run().unwrap(), run);
            assert_eq!(snapshot.history(&run.id).unwrap().count(), 1);
        }
        assert!(store.audit().verify().unwrap().is_intact());
        while watch.try_next().unwrap().is_some() {}
        assert!(watch.next_within(Duration::ZERO).unwrap().is_none());
        store.write(|w| w.projects().get_or_create("bench")).unwrap();
    });
    assert_eq!((cost.bytes, cost.syncs), (0, 0), "a read, or a write that changes nothing, has written");
}

#[test]
fn watchers_and_snapshots_cost_the_writer_nothing() {
    let mut alone = Bench::new();
    let alone_cost = alone.create_each(500);
    let mut watched = Bench::new();
    let slow: Vec<_> = (0..8).map(|_| watched.store.watch(Sequence::ZERO)).collect();
    let watched_cost = watched.create_each(500);
    drop(slow);
    assert_eq!(alone_cost, watched_cost);
}

#[test]
fn writers_that_wait_share_a_sync() {
    const THREADS: u64 = 8;
    let bench = Bench::new();
    let cost = bench.cost(|store, experiments| {
        std::thread::scope(|scope| {
            let first = store.write(|w| {
                for experiment in experiments.iter().take(THREADS as usize) {
                    scope.spawn(move || store.write(|w| w.runs().create(experiment, NewRun::named("run"))).unwrap());
                }
                // Long enough for all of them to come to wait for the writer; if one is late, it syncs once more.
                std::thread::sleep(Duration::from_millis(300));
                w.runs().create(&experiments[9], NewRun::named("first"))
            });
            first.unwrap();
        });
    });
    println!("{} syncs for {} commits", cost.syncs, THREADS + 1);
    assert!(cost.syncs <= 4, "{} syncs for {} commits", cost.syncs, THREADS + 1);
    assert_eq!(bench.store.read().sequence().get(), 1 + THREADS + 1);
}
