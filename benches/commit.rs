//! How long a durable commit of one complete run takes, in stores that hold runs already.
//!
//! Stores lie in a temporary folder: set `TMPDIR` to choose the disk. `MODELDB_BENCH_RUNS` says how many runs
//! they hold.

mod support;

use std::time::Instant;

use support::compare::{Comparison, Contender};
use support::generator::Generator;
use support::peers::{PEERS, check};

fn main() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let stored = Generator::new(1).take_runs(support::stored_runs());
    let contender = |(name, open): (&'static str, support::peers::Open)| {
        let place = folder.path().join(name);
        std::fs::create_dir(&place).expect("a folder");
        let mut peer = open(&place);
        peer.insert_all(&stored);
        check(name, &mut *peer, &stored);
        // Every engine gets the same runs in the same order.
        let mut more = Generator::new(1);
        more.by_ref().take(stored.len()).for_each(drop);
        let work = move |count: u64| {
            let runs: Vec<_> = (0..count).filter_map(|_| more.next()).collect();
            let start = Instant::now();
            runs.iter().for_each(|run| peer.insert(run));
            start.elapsed()
        };
        Contender { name, work: Box::new(work) }
    };
    let comparison = Comparison { name: "commit", elements: 1, rounds: 31, repeats: 20, sample_size: 50 };
    comparison.run(PEERS.into_iter().map(contender).collect());
}
