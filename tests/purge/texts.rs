//! Long texts: kept while a change names them, and gone with the last that does.

use std::path::Path;

use modeldb::{NewRun, Store, Value};
use redb::ReadableTable;

use super::{assert_intact, long, options, parents, purge, run_id};
use crate::support::{TEXTS, tamper};

/// The long texts of a closed store, whole, with how many changes are said to name them.
fn texts(folder: &Path) -> Vec<(String, u64)> {
    let mut texts: Vec<([u8; 32], String, u64)> = Vec::new();
    tamper(folder, |write| {
        for row in write.open_table(TEXTS).unwrap().iter().unwrap() {
            let (key, value) = row.unwrap();
            let (digest, piece) = key.value();
            if texts.last().is_none_or(|(last, ..)| last != digest) {
                texts.push((*digest, String::new(), 0));
            }
            let (_, text, references) = texts.last_mut().unwrap();
            match piece {
                u32::MAX => *references = u64::from_le_bytes(value.value().try_into().unwrap()),
                _ => text.push_str(std::str::from_utf8(value.value()).unwrap()),
            }
        }
    });
    let mut texts: Vec<_> = texts.into_iter().map(|(_, text, references)| (text, references)).collect();
    texts.sort();
    texts
}

/// Closes the store, looks at its texts, and opens it again.
fn look(store: Store, folder: &Path) -> (Vec<(String, u64)>, Store) {
    store.close().unwrap();
    drop(store);
    (texts(folder), options().open(folder).unwrap())
}

#[test]
fn a_text_goes_with_the_last_change_that_names_it() {
    let folder = tempfile::tempdir().unwrap();
    let store = options().open(folder.path()).unwrap();
    let (_, experiment) = parents(&store, "p");
    let (shared, own) = (long("s"), long("o"));
    // Three changes of the kept run name it: its creation, and two edits, as new and as old.
    let (kept, gone) = (run_id("kept"), run_id("gone"));
    for run in [&kept, &gone] {
        let new = NewRun::named(run.as_str()).id(run.clone()).description(&shared);
        store.write(|w| w.runs().create(&experiment, new)).unwrap();
        store.write(|w| w.runs().describe(run, "short")).unwrap();
        store.write(|w| w.runs().describe(run, &shared)).unwrap();
        // Twice in one change.
        let list = Value::List(vec![shared.as_str().into(), shared.as_str().into()]);
        store.write(|w| w.runs().log_attributes(run, [("list", list)])).unwrap();
    }
    store.write(|w| w.runs().describe(&gone, &own)).unwrap();
    let (found, store) = look(store, folder.path());
    assert_eq!(found, [(own.clone(), 1), (shared.clone(), 11)]);

    store.write(|w| w.runs().delete(&gone)).unwrap();
    assert_eq!(purge(&store).changes, 6);
    let check = |store: &Store| {
        let read = store.read();
        let run = read.runs().get(&kept).unwrap();
        assert_eq!(run.description, shared);
        let told = read.history(&kept).unwrap().filter(|entry| entry.as_ref().unwrap().change.is_some());
        assert_eq!(told.count(), 4);
        assert_intact(store);
    };
    check(&store);
    let (found, store) = look(store, folder.path());
    assert_eq!(found, [(shared.clone(), 5)]);
    check(&store);

    store.write(|w| w.runs().delete(&kept)).unwrap();
    purge(&store);
    let (found, store) = look(store, folder.path());
    assert_eq!(found, []);
    // It is as new when it comes again.
    let again = store.write(|w| w.runs().create(&experiment, NewRun::new().description(&shared))).unwrap();
    let (found, store) = look(store, folder.path());
    assert_eq!(found, [(shared.clone(), 1)]);
    assert_eq!(store.read().runs().get(&again).unwrap().description, shared);
    assert_intact(&store);
}

#[test]
fn what_has_long_keys_is_purged_like_anything() {
    let folder = tempfile::tempdir().unwrap();
    let store = options().open(folder.path()).unwrap();
    let (_, experiment) = parents(&store, "p");
    let map = Value::Map([(long("k"), 1.into()), (long("l"), long("v").into())].into());
    let new = NewRun::new()
        .id(run_id("x".repeat(9_000)))
        .metric("a", 1)
        .metric(long("b"), 2)
        .metric(long("c"), 3)
        .attribute(long("d"), map)
        .description(long("e"));
    let run = store.write(|w| w.runs().create(&experiment, new)).unwrap();
    store.write(|w| w.runs().log_metrics(&run, [(long("f"), 1), ("g".to_owned(), 2)])).unwrap();
    store.write(|w| w.runs().delete(&run)).unwrap();
    assert_eq!(purge(&store).changes, 3);
    assert_intact(&store);
    let (found, store) = look(store, folder.path());
    assert_eq!(found, []);
    assert_intact(&store);
}
