//! How long a durable commit of one complete run takes, in stores that hold runs already.
//!
//! `4-KiB-and-sync` overwrites that much of a file and syncs it: what the disk allows, if nothing were stored.
//! Stores lie in a temporary folder: set `TMPDIR` to choose the disk. `MODELDB_BENCH_RUNS` says how many runs
//! they hold.

mod support;

use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;
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
    let mut contenders: Vec<_> = PEERS.into_iter().map(contender).collect();
    contenders.push(floor(&folder.path().join("floor")));
    comparison.run(contenders);
}

fn floor(place: &Path) -> Contender<'static> {
    let mut file = File::create(place).expect("a file");
    // A file that grows costs the file system more than one that does not.
    file.write_all(&[0; 4096 * 256]).and_then(|()| file.sync_all()).expect("a disk that writes");
    let mut at = 0;
    let mut write = move || -> std::io::Result<()> {
        file.seek(SeekFrom::Start(at % 256 * 4096))?;
        at += 1;
        file.write_all(&[1; 4096])?;
        file.sync_data()
    };
    let work = move |count: u64| {
        let start = Instant::now();
        (0..count).for_each(|_| write().expect("a disk that writes"));
        start.elapsed()
    };
    Contender { name: "4-KiB-and-sync", work: Box::new(work) }
}
