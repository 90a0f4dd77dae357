//! How long it takes to open a store that was closed, up to its first answer.

mod support;

use std::hint::black_box;
use std::time::{Duration, Instant};

use support::compare::{Comparison, Contender};
use support::generator::Generator;
use support::peers::{PEERS, check};

fn main() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let runs = Generator::new(1).take_runs(support::stored_runs());
    let contender = |(name, open): (&'static str, support::peers::Open)| {
        let place = folder.path().join(name);
        std::fs::create_dir(&place).expect("a folder");
        let mut peer = open(&place);
        // As a store comes about: a bulk, then single commits.
        let (bulk, single) = runs.split_at(runs.len() - runs.len().min(200));
        peer.insert_all(bulk);
        single.iter().for_each(|run| peer.insert(run));
        drop(peer);
        check(name, &mut *open(&place), &runs);
        let mut ids = runs.iter().map(|run| run.id.as_str()).cycle();
        let work = move |count: u64| {
            let mut spent = Duration::ZERO;
            for _ in 0..count {
                let id = ids.next().expect("an id");
                let start = Instant::now();
                let mut peer = open(&place);
                black_box(peer.get(id));
                spent += start.elapsed();
            }
            spent
        };
        Contender { name, work: Box::new(work) }
    };
    let comparison = Comparison { name: "open", elements: 1, rounds: 31, repeats: 5, sample_size: 30 };
    comparison.run(PEERS.into_iter().map(contender).collect());
}
