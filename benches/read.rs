//! How long it takes to read one complete run by its id, each time from a snapshot of its own.
//!
//! `modeldb-owned`, the SQLite ones and `redb-json` end with an owned run; `modeldb-view` looks at three of its
//! fields where they are stored; `redb-bytes` copies the bytes and does not decode them.

mod support;

use std::hint::black_box;
use std::time::Instant;

use modeldb::RunId;
use support::compare::{Comparison, Contender};
use support::generator::Generator;
use support::peers::{ModelDb, Peer, RedbJson, SqliteEav, SqliteJson, check};

/// An id, ready for each engine.
struct Key {
    text: String,
    run: RunId,
}

fn main() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let runs = Generator::new(1).take_runs(support::stored_runs());
    let mut store = ModelDb::open(folder.path());
    let mut eav = SqliteEav::open(folder.path());
    let mut json = SqliteJson::open(&subfolder(folder.path()));
    let mut redb = RedbJson::open(folder.path());
    let peers: [(&str, &mut dyn Peer); 4] =
        [("modeldb", &mut store), ("sqlite-eav", &mut eav), ("sqlite-json", &mut json), ("redb-json", &mut redb)];
    for (name, peer) in peers {
        peer.insert_all(&runs);
        check(name, peer, &runs);
    }

    // Ids are random, so this order has nothing to do with the one on disk.
    let mut keys: Vec<_> =
        runs.iter().map(|run| Key { text: run.id.clone(), run: RunId::new(run.id.as_str()).expect("an id") }).collect();
    keys.sort_by(|a, b| a.text.cmp(&b.text));
    let (store, redb) = (&store, std::cell::RefCell::new(redb));
    let contenders = vec![
        contender("modeldb-owned", &keys, |key| drop(black_box(store.run(&key.run)))),
        contender("modeldb-view", &keys, |key| three_fields(store, &key.run).expect("a run")),
        contender("sqlite-eav", &keys, move |key| drop(black_box(eav.get(&key.text)))),
        contender("sqlite-json", &keys, move |key| drop(black_box(json.get(&key.text)))),
        contender("redb-json", &keys, |key| drop(black_box(redb.borrow_mut().get(&key.text)))),
        contender("redb-bytes", &keys, |key| drop(black_box(redb.borrow().bytes(&key.text)))),
    ];
    let comparison = Comparison { name: "read", elements: 1, rounds: 31, repeats: 500, sample_size: 50 };
    comparison.run(contenders);
}

fn subfolder(folder: &std::path::Path) -> std::path::PathBuf {
    let place = folder.join("json");
    std::fs::create_dir(&place).expect("a folder");
    place
}

/// Reads one run after the other, in steps that visit all of them before any comes again.
fn contender<'a>(name: &'static str, keys: &'a [Key], mut read: impl FnMut(&Key) + 'a) -> Contender<'a> {
    let mut keys = keys.iter().cycle();
    let work = move |count: u64| {
        let start = Instant::now();
        (0..count).filter_map(|_| keys.next()).for_each(&mut read);
        start.elapsed()
    };
    Contender { name, work: Box::new(work) }
}

fn three_fields(store: &ModelDb, id: &RunId) -> modeldb::Result<()> {
    let guard = store.store.read().runs().view(id)?;
    let view = guard.view()?;
    black_box(view.metric("accuracy")?);
    black_box(view.hyperparameter("optimizer")?);
    black_box(view.attribute("status")?);
    Ok(())
}
