//! What a store takes, and what keeps it from giving room back.

use std::time::{Duration, Instant};

use modeldb::{NewProject, Store};

use super::{fill, options};

#[test]
fn tables_are_told_with_what_they_take() {
    let folder = tempfile::tempdir().unwrap();
    let store = options().open(folder.path()).unwrap();
    let before = store.storage_stats().unwrap();
    let (_, ids) = fill(&store, 20);
    store.flush().unwrap();
    let stats = store.storage_stats().unwrap();
    println!("{stats}");
    let of = |name: &str| stats.tables.iter().find(|table| table.name == name).unwrap().clone();
    assert_eq!((of("runs").entries, of("comments").entries, of("lineage").entries), (20, 5, 2));
    assert!(of("runs").stored_bytes > 20 * 100);
    assert_eq!(of("texts").entries, 2, "one long text, and how often it is named");
    assert!(stats.log_bytes() > before.log_bytes() && stats.derived_bytes() > before.derived_bytes());
    let file = std::fs::metadata(folder.path().join("store.redb")).unwrap().len();
    assert_eq!((stats.file_bytes, store.stats().unwrap().file_bytes), (file, Some(file)));
    let in_tables: u64 = stats.tables.iter().map(|table| table.bytes()).sum();
    assert!(in_tables <= file, "{in_tables} of {file}");
    store.write(|w| w.runs().delete(&ids[0])).unwrap();
    assert_eq!(store.storage_stats().unwrap().tables.iter().find(|t| t.name == "runs").unwrap().entries, 20);
    let memory = options().open_in_memory().unwrap();
    // Inside a write, too.
    let file_bytes = memory.write(|_| Ok(memory.clone().storage_stats()?.file_bytes)).unwrap();
    assert!(file_bytes > 0);
    assert_eq!(memory.stats().unwrap().file_bytes, None);
}

#[test]
fn a_snapshot_that_is_held_grows_older_while_others_write() {
    let store = Store::in_memory().unwrap();
    let write = |name: &str| store.write(|w| w.projects().create(NewProject::named(name))).unwrap();
    let age = || store.stats().unwrap().oldest_snapshot_age;
    write("first");
    let held = store.read();
    assert_eq!(age(), Duration::ZERO, "it is not outdated");
    write("second");
    let outdated = Instant::now();
    for at in 0..100 {
        std::thread::sleep(Duration::from_micros(100));
        let known = outdated.elapsed();
        write(&format!("later {at}"));
        let newer = store.read();
        assert!(age() >= known);
        write(&format!("after {at}"));
        drop(newer);
    }
    assert_eq!(held.sequence(), modeldb::Sequence::new(1));
    drop(held);
    assert_eq!(age(), Duration::ZERO);
}
