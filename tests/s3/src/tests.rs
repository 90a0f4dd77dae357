//! What holds for blobs in any place holds here: random calls against a map, parts, damage, and a store on top.

use std::io::{Read, Seek, SeekFrom};
use std::sync::Arc;
use std::time::Duration;

use modeldb::{
    Artifact, BlobDigest, BlobEntry, BlobStore, Error, ErrorKind, GcOptions, NewRun, ObjectBlobs, Store, StoredBlob,
};
use object_store::aws::{AmazonS3, AmazonS3Builder};

/// A bucket that is there: the scripts that start the server make it.
fn bucket() -> Arc<AmazonS3> {
    let address = std::env::var("MODELDB_TEST_S3").expect("MODELDB_TEST_S3 is the address of an S3 server");
    let store = AmazonS3Builder::new()
        .with_endpoint(address)
        .with_allow_http(true)
        .with_region("us-east-1")
        .with_bucket_name("modeldb")
        .with_access_key_id("test")
        .with_secret_access_key("test")
        .build();
    Arc::new(store.unwrap())
}

/// A place of its own for each test.
fn blobs(prefix: &str) -> ObjectBlobs {
    ObjectBlobs::new(bucket(), prefix).unwrap()
}

fn bytes(len: usize, salt: usize) -> Vec<u8> {
    (0..len).map(|at| (at.wrapping_mul(31) ^ (at / 257) ^ salt) as u8).collect()
}

fn read(blobs: &dyn BlobStore, digest: &BlobDigest) -> Vec<u8> {
    let mut all = Vec::new();
    blobs.get(digest).unwrap().read_to_end(&mut all).unwrap();
    all
}

fn entries(blobs: &dyn BlobStore) -> Vec<BlobEntry> {
    let mut entries: Vec<BlobEntry> = blobs.list().map(Result::unwrap).collect();
    entries.sort_by_key(|entry| entry.digest);
    entries
}

#[test]
fn blobs_of_all_sizes_are_put_once_and_read_in_parts() {
    let blobs = blobs("sizes");
    let lengths = [0, 1, 4096, 1 << 20, (8 << 20) - 1, 8 << 20, (8 << 20) + 1, (20 << 20) + 123];
    let all: Vec<Vec<u8>> = lengths.iter().enumerate().map(|(at, len)| bytes(*len, at)).collect();
    for bytes in &all {
        let stored: StoredBlob = blobs.put(&mut &bytes[..]).unwrap();
        assert_eq!((stored.digest, stored.len, stored.new), (BlobDigest::of(bytes), bytes.len() as u64, true));
        assert!(!blobs.put(&mut &bytes[..]).unwrap().new);
    }
    for bytes in &all {
        let digest = BlobDigest::of(bytes);
        assert!(blobs.exists(&digest).unwrap());
        assert!(read(&blobs, &digest) == *bytes);
        let mut reader = blobs.get(&digest).unwrap();
        let from = bytes.len().saturating_sub(3);
        reader.seek(SeekFrom::Start(from as u64)).unwrap();
        let mut last = Vec::new();
        reader.read_to_end(&mut last).unwrap();
        assert_eq!(last, bytes[from..]);
    }
    let listed = entries(&blobs);
    assert_eq!(listed.len(), all.len());
    for entry in listed {
        let bytes = all.iter().find(|bytes| BlobDigest::of(bytes) == entry.digest).unwrap();
        assert_eq!(entry.len, bytes.len() as u64);
        assert!(blobs.remove(&entry.digest, None).unwrap());
        assert!(!blobs.remove(&entry.digest, None).unwrap());
        assert!(!blobs.exists(&entry.digest).unwrap());
        assert_eq!(blobs.get(&entry.digest).unwrap_err().kind(), ErrorKind::NotFound);
    }
    assert!(entries(&blobs).is_empty());
}

/// The server lists a thousand at a time.
#[test]
fn many_blobs_are_all_listed() {
    let blobs = blobs("many");
    let mut digests: Vec<BlobDigest> =
        (0..1_050_u32).map(|number| blobs.put_bytes(&number.to_le_bytes()).unwrap().digest).collect();
    digests.sort();
    assert_eq!(entries(&blobs).iter().map(|entry| entry.digest).collect::<Vec<_>>(), digests);
}

#[test]
fn a_use_keeps_a_blob_from_a_collection() {
    let blobs = blobs("used");
    let digest = blobs.put_bytes(b"abc").unwrap().digest;
    let written = entries(&blobs)[0].last_used;
    assert!(!blobs.remove(&digest, Some(written)).unwrap(), "used at that time");
    // The server's times are whole seconds.
    std::thread::sleep(Duration::from_millis(1_100));
    assert!(blobs.touch(&digest).unwrap());
    let used = entries(&blobs)[0].last_used;
    assert!(used > written);
    assert!(!blobs.remove(&digest, Some(used)).unwrap(), "used again");
    assert!(blobs.remove(&digest, None).unwrap());
    assert!(!blobs.touch(&digest).unwrap());
    assert!(entries(&blobs).is_empty());
}

#[test]
fn a_blob_that_is_there_under_a_wrong_name_is_damaged() {
    let (blobs, digest) = (blobs("damaged"), BlobDigest::of(b"the bytes"));
    let mut unfinished = blobs.begin().unwrap();
    unfinished.write(b"the bytez").unwrap();
    unfinished.finish(&digest).unwrap();
    let error = blobs.get(&digest).unwrap().read_to_end(&mut Vec::new()).unwrap_err();
    assert_eq!(error.get_ref().unwrap().downcast_ref::<Error>().unwrap().kind(), ErrorKind::Corrupt);
}

/// A store whose large blobs are on the server: logged, uploaded in parts, verified, collected.
#[test]
fn a_store_keeps_its_artifacts_there() {
    let folder = tempfile::tempdir().unwrap();
    let blobs = blobs("store");
    let store = Store::options().blobs(blobs.clone()).open(folder.path().join("store")).unwrap();
    let run = store
        .write(|w| {
            let project = w.projects().get_or_create("p")?;
            let experiment = w.experiments().get_or_create(&project, "e")?;
            w.runs().create(&experiment, NewRun::named("r").artifact(Artifact::named("parts")))
        })
        .unwrap();
    let (model, first, second) = (bytes(9 << 20, 1), bytes(5 << 20, 2), bytes(300_000, 3));
    store.log_artifact(&run, Artifact::named("model"), &*model).unwrap();
    store.write(|w| w.begin_upload(&run, "parts")).unwrap();
    for (number, part) in [(2, &second), (1, &first)] {
        let put = store.put_blob(&**part).unwrap();
        store.write(|w| w.commit_artifact_part(&run, "parts", number, &put.digest.to_string())).unwrap();
    }
    store.complete_upload(&run, "parts").unwrap();
    let whole = [first, second].concat();
    for (key, expected) in [("model", &model), ("parts", &whole)] {
        let mut found = Vec::new();
        store.read().open_artifact(&run, key).unwrap().read_to_end(&mut found).unwrap();
        assert!(found == *expected, "{key}");
    }
    let report = store.verify().unwrap();
    assert!(report.is_intact(), "{report}");

    // Nothing names the parts any more.
    std::thread::sleep(Duration::from_millis(1_100));
    let report = store.gc(&GcOptions::new().min_age(Duration::ZERO)).unwrap();
    assert_eq!((report.kept, report.removed), (2, 2), "{report:?}");
    store.write(|w| w.runs().delete_artifact(&run, "model")).unwrap();
    store.gc(&GcOptions::new().min_age(Duration::ZERO)).unwrap();
    assert_eq!(entries(&blobs).iter().map(|entry| entry.digest).collect::<Vec<_>>(), [BlobDigest::of(&whole)]);
}
