//! An index that was made bit by bit, and has come to rest.

use std::path::Path;
use std::time::{Duration, Instant};

use modeldb::{NewRun, Store};

use super::world::options;

/// Not so many that parts are put together before it is quiet.
const ROUNDS: usize = 3;
const RUNS: usize = 1_000;

/// How many parts an index has on the disk: each has one file of postings.
fn parts(store: &Path) -> usize {
    let names = std::fs::read_dir(store.join("text")).unwrap().map(|entry| entry.unwrap().file_name());
    names.filter(|name| Path::new(name).extension().is_some_and(|extension| extension == "idx")).count()
}

fn counts(store: &Store) -> Vec<u64> {
    let read = store.read();
    let count = |query: String| read.runs().find(query).unwrap().count().unwrap();
    let rounds = (0..ROUNDS).map(|round| count(format!("description matches 'round{round}'")));
    rounds.chain([count("description matches 'every'".to_owned())]).collect()
}

fn comes_to_rest(store: &Store, folder: &Path) {
    let start = Instant::now();
    while parts(folder) > 1 {
        assert!(start.elapsed() < Duration::from_secs(120), "there are still {} parts", parts(folder));
        assert_eq!(counts(store), [[RUNS as u64; ROUNDS].as_slice(), &[(ROUNDS * RUNS) as u64]].concat());
        std::thread::sleep(Duration::from_millis(100));
    }
    assert_eq!(counts(store), [[RUNS as u64; ROUNDS].as_slice(), &[(ROUNDS * RUNS) as u64]].concat());
}

#[test]
fn few_parts_are_left_when_nothing_is_written_for_a_while() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    let store = options().open(&path).unwrap();
    let mut most = 0;
    for round in 0..ROUNDS {
        store
            .write(|w| {
                let project = w.projects().get_or_create("p")?;
                let experiment = w.experiments().get_or_create(&project, "e")?;
                let new = (0..RUNS).map(|run| {
                    NewRun::named(format!("{round} {run}")).description(format!("every run of round{round}"))
                });
                w.runs().create_many(&experiment, new)
            })
            .unwrap();
        store.wait_indexed(store.read().sequence()).unwrap();
        most = most.max(parts(&path));
    }
    assert!(most > 1, "there was nothing to put together");
    // One that is opened with many parts is put together, too.
    store.close().unwrap();
    drop(store);
    let store = options().open(&path).unwrap();
    comes_to_rest(&store, &path);
    // One run more is not worth the while.
    store
        .write(|w| {
            let project = w.projects().get_or_create("p")?;
            let experiment = w.experiments().get_or_create(&project, "e")?;
            w.runs().create(&experiment, NewRun::named("last").description("another"))
        })
        .unwrap();
    store.wait_indexed(store.read().sequence()).unwrap();
    std::thread::sleep(Duration::from_secs(5));
    assert_eq!(parts(&path), 2);
    assert_eq!(store.read().runs().find("description matches 'another'").unwrap().count().unwrap(), 1);
}
