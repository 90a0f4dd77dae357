//! How long it takes to load many runs with one transaction into a new store, and to close it.

mod support;

use std::time::{Duration, Instant};

use support::compare::{Comparison, Contender};
use support::generator::Generator;
use support::peers::{PEERS, check};

fn main() {
    let runs = Generator::new(1).take_runs(support::stored_runs());
    let contender = |(name, open): (&'static str, support::peers::Open)| {
        let runs = &runs;
        let work = move |count: u64| {
            let mut spent = Duration::ZERO;
            for round in 0..count {
                let folder = tempfile::tempdir().expect("a temporary folder");
                let mut peer = open(folder.path());
                let start = Instant::now();
                peer.insert_all(runs);
                drop(peer);
                spent += start.elapsed();
                if round == 0 {
                    check(name, &mut *open(folder.path()), runs);
                }
            }
            spent
        };
        Contender { name, work: Box::new(work) }
    };
    let elements = runs.len() as u64;
    let comparison = Comparison { name: "ingest", elements, rounds: 5, repeats: 1, sample_size: 10 };
    comparison.run(PEERS.into_iter().map(contender).collect());
}
