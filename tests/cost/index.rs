//! What the filter index costs: making it, writing beside it, and reading it again.

use modeldb::{NewRun, Store};

use super::{Bench, Cost, options};

/// Blocks are derived: what a crash loses of them is made again, and nobody waits for the disk.
#[test]
fn making_blocks_syncs_nothing() {
    const RUNS: usize = 70_000;
    let mut bench = Bench::new();
    bench.load(RUNS);
    let [(made, first), (again, second), (none, third)] = [0, 20, 0].map(|new| {
        bench.create_each(new);
        let made = bench.cost(|store, _| store.optimize().unwrap());
        (made, bench.cost(|store, _| store.flush().unwrap()))
    });
    assert_eq!(bench.store.stats().unwrap().filter_blocks, 2);
    println!("blocks of {RUNS} runs: {made:?}, then {first:?}; the last one again: {again:?}, then {second:?}");
    assert!(first.bytes / RUNS as u64 <= 400, "{first:?}");
    assert_eq!((made.syncs, again.syncs), (0, 0));
    assert!(second.bytes <= first.bytes / 4, "one block of two, and the smaller: {second:?} of {first:?}");
    assert!(second.syncs <= 1, "{second:?}");
    let nothing = Cost { bytes: 0, writes: 0, syncs: 0 };
    assert_eq!((none, third), (nothing, nothing));
}

/// Nothing of the index is on the way of a commit: with it on the disk, runs and edits write what they wrote before.
#[test]
fn a_commit_writes_as_much_with_the_index_as_without() {
    const COMMITS: usize = 600;
    let cost_of = |indexed: bool| {
        let mut bench = Bench::new();
        bench.load(20_000);
        if indexed {
            bench.store.optimize().unwrap();
            bench.store.flush().unwrap();
        }
        let created = bench.create_each(COMMITS);
        let page = bench.store.read().runs().list(&bench.experiments[0]).unwrap().page(COMMITS).unwrap();
        let edited = bench.cost(|store, _| {
            for run in &page.items {
                store.write(|w| w.runs().describe(&run.id, "anew")).unwrap();
            }
        });
        [created, edited]
    };
    let (without, with) = (cost_of(false), cost_of(true));
    println!("{COMMITS} runs, then edits: {without:?} without the index, {with:?} with it");
    for (without, with) in without.into_iter().zip(with) {
        assert!(with.bytes <= without.bytes + without.bytes / 50, "{with:?} and {without:?}");
        assert!(with.syncs <= without.syncs + 2, "{with:?} and {without:?}");
    }
}

/// A store that is opened reads of the index what a question needs, and that once.
#[test]
fn a_question_reads_the_fields_it_asks_for() {
    const RUNS: usize = 12_000;
    const FIELDS: usize = 40;
    let bench = Bench::new();
    let runs = (0..RUNS).map(|number| {
        let run = NewRun::named(format!("run {number}"));
        (0..FIELDS).fold(run, |run, key| run.metric(format!("m{key}"), ((number * 7919 + key) % 10_007) as f64 / 7.0))
    });
    bench.store.write(|w| w.runs().create_many(&bench.experiments[0], runs)).unwrap();
    // Opening reads the last commit, which is a small one.
    bench.store.write(|w| w.runs().create(&bench.experiments[0], NewRun::new())).unwrap();
    let bare = bench.disk.clone();
    let reads = |disk: &modeldb::simulation::SimulatedDisk, work: &mut dyn FnMut()| {
        let before = disk.counts().reads;
        work();
        disk.counts().reads - before
    };
    bench.store.close().unwrap();
    let mut opened: Option<Store> = None;
    let open_bare = reads(&bare, &mut || opened = Some(options().cache_bytes(0).open_simulated(&bare).unwrap()));
    let store = opened.take().unwrap();
    store.optimize().unwrap();
    store.close().unwrap();
    drop(store);
    // Without a cache of pages, what is read is read from the disk.
    let open = reads(&bare, &mut || opened = Some(options().cache_bytes(0).open_simulated(&bare).unwrap()));
    let store = opened.unwrap();
    let snapshot = store.read();
    let count = |text: &str| snapshot.runs().find(text).unwrap().count().unwrap();
    let one = reads(&bare, &mut || assert!(count("metrics.m7 > 100") > 0));
    let again = reads(&bare, &mut || assert!(count("metrics.m7 > 200") > 0));
    let all: Vec<String> = (0..FIELDS).map(|key| format!("metrics.m{key} > 100")).collect();
    let all = reads(&bare, &mut || assert!(count(&all.join(" and ")) > 0));
    let page = reads(&bare, &mut || {
        let found = snapshot.runs().find("metrics.m7 > 100").unwrap().order_by("-metrics.m7");
        assert_eq!(found.page_ids(1, 10).unwrap().items.len(), 10);
    });
    println!(
        "reads: opening {open_bare} before there are blocks, {open} with them; a question {one}, another about the same \
         field {again}, one about {FIELDS} fields {all}, a page of 10 {page}"
    );
    // Built for debugging, redb walks over all pages at open, of which each field is one.
    let walked = if cfg!(debug_assertions) { FIELDS as u64 } else { 0 };
    assert!(open <= open_bare + walked + 20, "opening reads the index: {open} and {open_bare}");
    assert!(one * 8 <= all, "{one} reads for a field, {all} for {FIELDS}");
    // What is read again is how many runs there are.
    assert!(again <= 6, "{again} reads");
    // Ten records, down the tree to each.
    assert!(page <= 100, "{page} reads for a page");
}
