//! Bytes of artifacts that were changed, cut off or removed behind the store's back: an error of reading, never others.

use std::io::Read;

use modeldb::{BlobRef, ErrorKind, Store};
use redb::{ReadableTable, TableDefinition};

use super::{Bench, LARGE, bytes, read_of};
use crate::support::tamper;

const BLOBS: TableDefinition<(&[u8; 32], u32), &[u8]> = TableDefinition::new("blobs");

#[test]
fn each_flip_of_a_small_blob_is_found() {
    let bench = Bench::new();
    let held = bytes(9000, 1);
    let blob = bench.log("k", &held);
    bench.store.close().unwrap();
    let folder = bench.folder.path().join("store");
    let mut pieces: Vec<Vec<u8>> = Vec::new();
    tamper(&folder, |txn| {
        let table = txn.open_table(BLOBS).unwrap();
        pieces = table.iter().unwrap().map(|entry| entry.unwrap().1.value().to_vec()).collect();
    });
    assert_eq!(pieces.len(), 2);
    for (piece, at) in [(0, 0), (0, 1), (0, 3), (0, 6), (0, 8135), (1, 0), (1, 800)] {
        let mut changed = pieces[piece].clone();
        changed[at] ^= 4;
        let key = (blob.digest.as_bytes(), piece as u32);
        tamper(&folder, |txn| drop(txn.open_table(BLOBS).unwrap().insert(key, &*changed).unwrap()));
        let store = Store::open(&folder).unwrap();
        assert_eq!(store.read().open_artifact(&bench.run, "k").unwrap_err().kind(), ErrorKind::Corrupt);
        store.close().unwrap();
        tamper(&folder, |txn| drop(txn.open_table(BLOBS).unwrap().insert(key, &*pieces[piece]).unwrap()));
    }
    tamper(&folder, |txn| drop(txn.open_table(BLOBS).unwrap().remove((blob.digest.as_bytes(), 1)).unwrap()));
    let store = Store::open(&folder).unwrap();
    assert_eq!(store.read().open_artifact(&bench.run, "k").unwrap_err().kind(), ErrorKind::Corrupt);
    // Who has the bytes puts it right.
    let sequence = store.read().sequence();
    store.put_artifact(&bench.run, "k", &*held).unwrap();
    assert_eq!(read_of(&store.read(), &bench.run, "k"), held);
    store.close().unwrap();
    tamper(&folder, |txn| txn.open_table(BLOBS).unwrap().retain(|_, _| false).unwrap());
    let store = Store::open(&folder).unwrap();
    assert_eq!(store.read().open_artifact(&bench.run, "k").unwrap_err().kind(), ErrorKind::NotFound);
    store.put_artifact(&bench.run, "k", &*held).unwrap();
    assert_eq!(read_of(&store.read(), &bench.run, "k"), held);
    assert_eq!(store.read().sequence(), sequence, "nothing has changed");
}

#[test]
fn a_file_that_was_changed_cut_off_or_removed_is_told() {
    let bench = Bench::new();
    let held = bytes(LARGE + 7, 1);
    bench.log("k", &held);
    let name = BlobRef::of(&held).digest.to_string();
    let path = bench.folder.path().join("store/blobs").join(&name[..2]).join(&name[2..4]).join(&name);
    let mut read = Vec::new();
    let reading = |read: &mut Vec<u8>| -> Option<ErrorKind> {
        read.clear();
        match bench.store.read().open_artifact(&bench.run, "k") {
            Err(error) => Some(error.kind()),
            Ok(mut open) => {
                let failed = open.read_to_end(read).err()?;
                Some(failed.get_ref().unwrap().downcast_ref::<modeldb::Error>().unwrap().kind())
            }
        }
    };
    assert_eq!((reading(&mut read), &read), (None, &held));
    let write = |bytes: &[u8]| {
        std::fs::remove_file(&path).unwrap();
        std::fs::write(&path, bytes).unwrap();
    };
    for at in [0, 1000, LARGE + 6] {
        let mut changed = held.clone();
        changed[at] ^= 1;
        write(&changed);
        assert_eq!(reading(&mut read), Some(ErrorKind::Corrupt));
    }
    for len in [0, 1, LARGE, LARGE + 6] {
        write(&held[..len]);
        assert_eq!(reading(&mut read), Some(ErrorKind::Corrupt));
    }
    std::fs::remove_file(&path).unwrap();
    assert_eq!(reading(&mut read), Some(ErrorKind::NotFound));
    bench.store.put_artifact(&bench.run, "k", &*held).unwrap();
    assert_eq!((reading(&mut read), &read), (None, &held));
}

#[test]
fn a_backup_tells_of_bytes_that_are_damaged_or_gone() {
    let bench = Bench::new();
    let all: Vec<Vec<u8>> = (0..3).map(|salt| bytes(LARGE + 7, salt)).collect();
    for (key, bytes) in ["whole", "changed", "gone"].iter().zip(&all) {
        bench.log(key, bytes);
    }
    let path = |bytes: &[u8]| {
        let name = BlobRef::of(bytes).digest.to_string();
        bench.folder.path().join("store/blobs").join(&name[..2]).join(&name[2..4]).join(&name)
    };
    let mut changed = all[1].clone();
    changed[9] ^= 1;
    std::fs::remove_file(path(&all[1])).unwrap();
    std::fs::write(path(&all[1]), changed).unwrap();
    std::fs::remove_file(path(&all[2])).unwrap();
    let to = bench.folder.path().join("backup");
    let report = bench.store.backup(&to).unwrap();
    assert_eq!((report.blobs, report.damaged), (1, 2), "{report}");
    let backup = Store::options().read_only(true).open(&to).unwrap();
    assert_eq!(read_of(&backup.read(), &bench.run, "whole"), all[0]);
    for key in ["changed", "gone"] {
        assert_eq!(backup.read().open_artifact(&bench.run, key).unwrap_err().kind(), ErrorKind::NotFound);
    }
    assert!(!backup.verify().unwrap().is_intact());
}
