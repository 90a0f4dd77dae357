//! Blobs in object stores: one in memory, and one of files.

use std::io::{Read, Seek, SeekFrom};
use std::sync::Arc;

use modeldb::{BlobDigest, BlobStore, ErrorKind, ObjectBlobs, Timestamp};
use object_store::local::LocalFileSystem;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt, PutPayload};

use super::{Place, entries, plain, read};
use crate::support::random::printed_seed;

pub(super) fn in_memory() -> Place {
    let blobs = ObjectBlobs::new(Arc::new(InMemory::new()), "team/experiments").unwrap();
    Place { name: "objects in memory", blobs: Arc::new(blobs), clock: None, _folder: None }
}

pub(super) fn in_files() -> Place {
    let folder = tempfile::tempdir().unwrap();
    let store = LocalFileSystem::new_with_prefix(folder.path()).unwrap();
    let blobs = ObjectBlobs::new(Arc::new(store), "").unwrap();
    Place { name: "objects in files", blobs: Arc::new(blobs), clock: None, _folder: Some(folder) }
}

/// Waits for what the store itself answers, past our adapter.
fn wait<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(work)
}

#[test]
fn random_calls_in_memory() {
    plain::run(&in_memory(), printed_seed("blob::object::random_calls_in_memory", 51), 1_000);
}

#[test]
fn random_calls_in_files() {
    plain::run(&in_files(), printed_seed("blob::object::random_calls_in_files", 52), 500);
}

/// Several parts: whole ones, and one that is smaller, or none.
#[test]
fn a_large_blob_is_sent_in_parts() {
    for place in [in_memory(), in_files()] {
        for len in [(8 << 20) - 1, 8 << 20, (8 << 20) + 1, 40 << 20, (44 << 20) + 123] {
            let bytes: Vec<u8> = (0..len).map(|at: usize| (at * 31 + at / 257) as u8).collect();
            let stored = place.blobs.put(&mut &bytes[..]).unwrap();
            assert_eq!((stored.digest, stored.new), (BlobDigest::of(&bytes), true));
            assert!(!place.blobs.put(&mut &bytes[..]).unwrap().new);
            assert!(read(&*place.blobs, &stored.digest) == bytes);
            let mut reader = place.blobs.get(&stored.digest).unwrap();
            reader.seek(SeekFrom::End(-3)).unwrap();
            let mut last = Vec::new();
            reader.read_to_end(&mut last).unwrap();
            assert_eq!(last, bytes[len - 3..]);
            assert!(place.blobs.remove(&stored.digest, None).unwrap());
        }
        assert!(entries(&*place.blobs).is_empty());
    }
}

#[test]
fn objects_are_where_they_should_be_and_others_are_left_alone() {
    let store = Arc::new(InMemory::new());
    let digest = BlobDigest::of(b"abc");
    let foreign = [
        "notes".to_owned(),
        "a/b/blobs/notes".to_owned(),
        format!("a/b/blobs/{}", digest.to_string().to_uppercase()),
        format!("a/b/blobs/{digest}/below"),
        format!("a/b/blobsandmore/{digest}"),
        format!("a/b/{digest}"),
    ];
    for name in &foreign {
        wait(store.put(&Path::from(name.as_str()), PutPayload::from_static(b"mine"))).unwrap();
    }
    let blobs = ObjectBlobs::new(Arc::clone(&store) as Arc<dyn ObjectStore>, "/a/b/").unwrap();
    assert!(entries(&blobs).is_empty());
    blobs.put_bytes(b"abc").unwrap();
    let object = Path::from(format!("a/b/blobs/{digest}"));
    assert_eq!(&wait(async { store.get(&object).await.unwrap().bytes().await.unwrap() })[..], b"abc");
    assert_eq!(entries(&blobs).len(), 1);
    assert!(blobs.remove(&digest, None).unwrap());
    for name in &foreign {
        wait(store.head(&Path::from(name.as_str()))).unwrap();
    }
}

#[test]
fn a_use_keeps_a_blob_from_a_collection() {
    for place in [in_memory(), in_files()] {
        let digest = place.blobs.put_bytes(b"abc").unwrap().digest;
        let written = entries(&*place.blobs)[0].last_used;
        let later = Timestamp::from_millis(written.millis() + 1);
        assert!(!place.blobs.remove(&digest, Some(written)).unwrap(), "used at that time");
        // Until the clock has moved on.
        while entries(&*place.blobs)[0].last_used < later {
            assert!(place.blobs.touch(&digest).unwrap());
        }
        assert!(!place.blobs.remove(&digest, Some(later)).unwrap(), "used again");
        assert!(place.blobs.exists(&digest).unwrap());
        let after = Timestamp::from_millis(entries(&*place.blobs)[0].last_used.millis() + 1);
        assert!(place.blobs.remove(&digest, Some(after)).unwrap());
        assert!(!place.blobs.touch(&digest).unwrap());
        assert!(entries(&*place.blobs).is_empty());
    }
}

#[test]
fn damage_is_found() {
    let store = Arc::new(InMemory::new());
    let blobs = ObjectBlobs::new(Arc::clone(&store) as Arc<dyn ObjectStore>, "").unwrap();
    let digest = blobs.put_bytes(b"the bytes").unwrap().digest;
    let object = Path::from(format!("blobs/{digest}"));
    for damage in [&b"the bytez"[..], b"the", b""] {
        wait(store.put(&object, PutPayload::from(damage.to_vec()))).unwrap();
        let error = blobs.get(&digest).unwrap().read_to_end(&mut Vec::new()).unwrap_err();
        assert_eq!(super::kind(&error), ErrorKind::Corrupt);
    }
    // Of another length, it is sent again.
    assert!(blobs.put_bytes(b"the bytes").unwrap().new);
    assert_eq!(read(&blobs, &digest), b"the bytes");
    let open = blobs.open(&digest).unwrap();
    wait(store.put(&object, PutPayload::from_static(b"the"))).unwrap();
    assert!(open.read_exact_at(0, &mut [0; 9]).is_err());
    wait(store.delete(&object)).unwrap();
    assert_eq!(open.read_exact_at(0, &mut [0; 9]).unwrap_err().kind(), ErrorKind::NotFound);
}

#[test]
fn a_store_that_fails_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(LocalFileSystem::new_with_prefix(folder.path()).unwrap());
    let blobs = ObjectBlobs::new(store, "").unwrap();
    std::fs::write(folder.path().join("blobs"), b"a file where a folder should be").unwrap();
    for bytes in [&b"small"[..], &vec![1; 20 << 20]] {
        let error = blobs.put_bytes(bytes).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Io);
        assert!(error.message().contains("blobs"), "{error}");
    }
    let nowhere = folder.path().join("nowhere");
    let blobs = ObjectBlobs::with_spool(Arc::new(InMemory::new()), "", nowhere).unwrap();
    assert!(blobs.put_bytes(b"small").is_ok(), "few bytes need no file");
    assert_eq!(blobs.put_bytes(&vec![1; 20 << 20]).unwrap_err().kind(), ErrorKind::Io);
    assert_eq!(entries(&blobs).len(), 1);
}

#[test]
fn calls_are_made_in_threads_of_a_runtime_too() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let place = in_memory();
        let digest = place.blobs.put_bytes(b"abc").unwrap().digest;
        assert_eq!(read(&*place.blobs, &digest), b"abc");
        drop(place);
    });
}
