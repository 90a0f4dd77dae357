//! What reading the past costs.

use modeldb::{NewRun, RunId, Sequence};

use super::{Bench, options};

/// Neighbours share packs of commits: a listing of the past reads each of them about once, not once for each change
/// that it takes back.
#[test]
fn a_listing_of_the_past_reads_less_than_once_a_change() {
    const RUNS: u64 = 200;
    const EDITS: u64 = 20;
    let bench = Bench::new();
    let runs: Vec<RunId> = bench
        .store
        .write(|w| {
            w.runs().create_many(&bench.experiments[0], (0..RUNS).map(|number| NewRun::named(format!("{number}"))))
        })
        .unwrap();
    for edit in 0..EDITS {
        for run in &runs {
            bench.store.write(|w| w.runs().describe(run, format!("{edit}"))).unwrap();
        }
    }
    bench.store.close().unwrap();
    // Without a cache, what is read is read from the disk.
    let store = options().cache_bytes(0).open_simulated(&bench.disk).unwrap();
    let reads = |work: &dyn Fn()| {
        let before = bench.disk.counts().reads;
        work();
        bench.disk.counts().reads - before
    };
    let snapshot = store.read();
    let past = snapshot.as_of(Sequence::new(2)).unwrap();
    let present = reads(&|| assert_eq!(snapshot.runs().list(&bench.experiments[0]).unwrap().into_iter().count(), 200));
    let iterated = reads(&|| {
        for run in past.runs().list(&bench.experiments[0]).unwrap() {
            assert_eq!(run.unwrap().description, "");
        }
    });
    let paged = reads(&|| {
        let page = past.runs().list(&bench.experiments[0]).unwrap().page(1000).unwrap();
        assert!(page.items.len() == 200 && page.items.iter().all(|run| run.description.is_empty()));
    });
    let counted = reads(&|| assert_eq!(past.runs().list(&bench.experiments[0]).unwrap().count().unwrap(), RUNS));
    let changes = RUNS * EDITS;
    println!("reads of {RUNS} runs: {present} now, {iterated}, {paged} and {counted} before {changes} changes");
    for reads in [iterated, paged, counted] {
        assert!(reads < present + changes, "{reads} reads to take back {changes} changes, {present} without them");
    }
}
