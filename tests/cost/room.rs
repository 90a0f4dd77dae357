//! What a run takes on the disk.

use super::{Bench, options};

/// Bytes of the file that are not zero pages at its end: a file system gives no blocks to what was never written.
fn occupied(bench: &Bench) -> u64 {
    let bytes = bench.disk.bytes("store.redb").unwrap();
    let pages = bytes.chunks(4096).filter(|page| page.iter().any(|byte| *byte != 0)).count();
    pages as u64 * 4096
}

#[test]
fn a_run_takes_less_than_a_kilobyte_and_a_quarter() {
    const MOST: u64 = 1250;
    const RUNS: u64 = 20_000;
    let mut one_by_one = Bench::new();
    one_by_one.create_each(20_000);
    one_by_one.store.close().unwrap();
    let mut in_bulk = Bench::new();
    in_bulk.load(20_000);
    in_bulk.store.close().unwrap();
    let each = [&one_by_one, &in_bulk].map(|bench| occupied(bench) / RUNS);
    println!("bytes a run, one by one and in bulk: {each:?}");
    assert!(each.iter().all(|bytes| *bytes <= MOST), "{each:?} bytes a run");
    for bench in [one_by_one, in_bulk] {
        let store = options().open_simulated(&bench.disk).unwrap();
        assert_eq!(store.stats().unwrap().runs, RUNS);
    }
}
