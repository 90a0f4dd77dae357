//! Chunks of series that were changed behind the store's back: found on reading, or by the audit.

use std::path::Path;

use modeldb::{ErrorKind, RunId, Store};
use redb::{ReadableTable, TableDefinition};

use super::create_run;
use crate::support::{seal, tamper};

type Key = (u32, u32, u32, u64);
const SERIES: TableDefinition<Key, &[u8]> = TableDefinition::new("series");
/// Bytes of an envelope before its payload.
const HEADER: usize = 6;
const KIND: u8 = 18;

/// A store with two series of one run; also their chunks.
fn damaged(
    change: impl FnOnce(&mut redb::Table<'_, Key, &'static [u8]>, &[(Key, Vec<u8>)]),
) -> (Store, RunId, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s");
    let store = Store::open(&path).unwrap();
    let run = create_run(&store);
    for key in ["a", "b"] {
        let step = if key == "a" { 1 } else { 3 };
        store.write(|w| w.runs().log_observations(&run, (0..40).map(|at| (key, at * step)))).unwrap();
    }
    store.close().unwrap();
    tamper(Path::new(&path), |write| {
        let mut table = write.open_table(SERIES).unwrap();
        let chunks: Vec<(Key, Vec<u8>)> = table
            .iter()
            .unwrap()
            .map(Result::unwrap)
            .map(|(key, value)| (key.value(), value.value().to_vec()))
            .collect();
        assert_eq!(chunks.len(), 2);
        change(&mut table, &chunks);
    });
    (Store::open(path).unwrap(), run, folder)
}

fn key_bytes((run, key, generation, first): Key) -> Vec<u8> {
    [&run.to_le_bytes()[..], &key.to_le_bytes(), &generation.to_le_bytes(), &first.to_le_bytes()].concat()
}

fn read(store: &Store, run: &RunId, key: &str) -> Result<usize, ErrorKind> {
    let mut count = 0;
    for observation in store.read().runs().observations(run, key).unwrap() {
        observation.map_err(|error| error.kind())?;
        count += 1;
    }
    Ok(count)
}

#[test]
fn a_changed_byte_is_found_on_reading() {
    for at in [0, 3, HEADER, HEADER + 3, HEADER + 20, HEADER + 40] {
        let (store, run, _folder) = damaged(|table, chunks| {
            let (key, mut value) = chunks[0].clone();
            value[at] ^= 0x10;
            table.insert(key, &*value).unwrap();
        });
        assert_eq!((read(&store, &run, "a"), read(&store, &run, "b")), (Err(ErrorKind::Corrupt), Ok(40)), "byte {at}");
        assert!(!store.audit().verify().unwrap().is_intact());
        assert_eq!(
            store.write(|w| w.runs().log_observation(&run, "a", 1)).unwrap_err().kind(),
            ErrorKind::Corrupt,
            "what is damaged is not written on"
        );
    }
}

#[test]
fn a_chunk_that_is_missing_is_found_on_reading() {
    let (store, run, _folder) = damaged(|table, chunks| {
        table.remove(chunks[1].0).unwrap();
    });
    assert_eq!((read(&store, &run, "a"), read(&store, &run, "b")), (Ok(40), Err(ErrorKind::Corrupt)));
    let fault = store.audit().verify().unwrap().fault.unwrap();
    assert_eq!(fault.sequence.get(), 3, "{}", fault.reason);
}

#[test]
fn a_chunk_in_the_place_of_another_is_found_by_the_audit() {
    let (store, run, _folder) = damaged(|table, chunks| {
        // Intact by its checksum, and by its count.
        let forged = seal(KIND, &key_bytes(chunks[0].0), &chunks[1].1[HEADER..]);
        table.insert(chunks[0].0, &*forged).unwrap();
    });
    assert_eq!(read(&store, &run, "a"), Ok(40));
    let fault = store.audit().verify().unwrap().fault.unwrap();
    assert_eq!(fault.sequence.get(), 2, "{}", fault.reason);
}
