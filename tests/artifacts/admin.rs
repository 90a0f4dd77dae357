//! Bytes of artifacts in backups, in verifications, in stores that are read only, and in what purging leaves.

use std::fs;
use std::ops::ControlFlow;
use std::path::Path;
use std::time::Duration;

use modeldb::{Artifact, BlobRef, ErrorKind, GcOptions, MemoryBlobs, Store, Verified};

use super::{Bench, LARGE, bytes, kind, read_of};

fn has(folder: &Path, marker: &[u8]) -> bool {
    fs::read_dir(folder).unwrap().any(|entry| {
        let entry = entry.unwrap();
        match entry.file_type().unwrap().is_dir() {
            true => has(&entry.path(), marker),
            false => fs::read(entry.path()).unwrap().windows(marker.len()).any(|window| window == marker),
        }
    })
}

#[test]
fn a_backup_has_the_bytes_that_records_name() {
    let bench = Bench::new();
    let (small, large) = (bytes(100, 1), bytes(LARGE, 2));
    bench.log("small", &small);
    bench.log("large", &large);
    bench.log("again", &large);
    bench.store.put_blob(&*bytes(LARGE, 3)).unwrap();
    let to = bench.folder.path().join("backup");
    let mut collected = None;
    let report = bench.store.backup_with(&to, |_| {
        collected.get_or_insert_with(|| kind(bench.store.gc(&GcOptions::new().min_age(Duration::ZERO))));
        ControlFlow::Continue(())
    });
    let report = report.unwrap();
    assert_eq!(collected, Some(ErrorKind::Conflict), "nothing is collected meanwhile");
    assert_eq!((report.blobs, report.blob_bytes), (1, LARGE as u64));
    // What becomes of the store is nothing to the backup.
    for key in ["small", "large", "again"] {
        bench.store.write(|w| w.runs().delete_artifact(&bench.run, key)).unwrap();
    }
    assert_eq!(bench.gc().removed, 3);
    let restored = Store::options().read_only(true).open(&to).unwrap();
    assert_eq!(read_of(&restored.read(), &bench.run, "small"), small);
    assert_eq!(read_of(&restored.read(), &bench.run, "again"), large);
    let report = restored.verify().unwrap();
    assert!(report.is_intact(), "{report}");
    assert_eq!(report.section(Verified::Blobs).unwrap().checked, 2);
    // It writes nothing, and makes nothing.
    assert_eq!(kind(restored.log_artifact(&bench.run, Artifact::named("new"), &*large)), ErrorKind::ReadOnly);
    assert_eq!(kind(restored.put_blob(&*large)), ErrorKind::ReadOnly);
    assert_eq!(kind(restored.gc(&GcOptions::new())), ErrorKind::ReadOnly);
    restored.close().unwrap();
    let empty = bench.folder.path().join("empty");
    bench.store.backup(&empty).unwrap();
    let restored = Store::options().read_only(true).open(&empty).unwrap();
    assert_eq!(kind(restored.read().open_blob(&BlobRef::of(&large))), ErrorKind::NotFound);
    assert!(!empty.join("blobs").exists());
    // A backup of a backup.
    let again = bench.folder.path().join("backup of a backup");
    let backup = Store::options().read_only(true).open(&to).unwrap();
    assert_eq!(backup.backup(&again).unwrap().blobs, 1);
    assert_eq!(read_of(&Store::open(&again).unwrap().read(), &bench.run, "large"), large);
}

#[test]
fn what_a_project_takes_is_told() {
    let bench = Bench::new();
    let none = bench.store.project_stats(&bench.project).unwrap();
    assert_eq!((none.experiments, none.runs, none.observations, none.references), (1, 1, 0, 0));
    bench.log("a", &bytes(LARGE, 1));
    bench.log("b", &bytes(LARGE, 1));
    bench.log("small", &bytes(10, 1));
    bench.store.write(|w| w.runs().log_observations(&bench.run, (0..5000).map(|at| ("loss", at)))).unwrap();
    let other = bench.store.write(|w| w.projects().get_or_create("other")).unwrap();
    let stats = bench.store.project_stats(&bench.project).unwrap();
    assert_eq!((stats.observations, stats.references, stats.blobs), (5000, 3, 2));
    assert_eq!((stats.referenced_bytes, stats.blob_bytes), (2 * LARGE as u64 + 10, LARGE as u64 + 10));
    assert!(stats.record_bytes > none.record_bytes && stats.observation_bytes > 500, "{stats:?}");
    assert_eq!(bench.store.project_stats(&other).unwrap().runs, 0);
    bench.store.write(|w| w.projects().delete(&other)).unwrap();
    assert_eq!(kind(bench.store.project_stats(&other)), ErrorKind::NotFound);
}

#[test]
fn a_backup_that_fails_leaves_nothing() {
    let bench = Bench::new();
    bench.log("large", &bytes(LARGE, 2));
    let blob = bench.store.read().artifact(&bench.run, "large").unwrap().unwrap().blob.unwrap();
    let to = bench.folder.path().join("backup");
    let cancelled = || {
        bench.store.backup_with(&to, |progress| match progress.doing.contains("artifacts") {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        })
    };
    assert_eq!(kind(cancelled()), ErrorKind::Cancelled);
    assert!(!to.exists());
    // A folder that was there stays.
    fs::create_dir(&to).unwrap();
    assert_eq!(kind(cancelled()), ErrorKind::Cancelled);
    assert_eq!(fs::read_dir(&to).unwrap().count(), 0);
    // What is not there is no reason to have no backup of the rest.
    bench.store.blobs().unwrap().remove(&blob.digest, None).unwrap();
    let incomplete = bench.folder.path().join("incomplete");
    assert_eq!(bench.store.backup(&incomplete).unwrap().damaged, 1);
    // One that was cut short is no store.
    fs::create_dir(to.join("blobs")).unwrap();
    fs::write(to.join("store.redb.backup"), "half").unwrap();
    let refused = Store::open(&to).unwrap_err();
    assert!(refused.to_string().contains("never finished"), "{refused}");
}

#[test]
fn bytes_that_are_kept_elsewhere_stay_there() {
    let folder = tempfile::tempdir().unwrap();
    let blobs = MemoryBlobs::new();
    let store = Store::options().blobs(blobs.clone()).open(folder.path().join("store")).unwrap();
    let run = store
        .write(|w| {
            let project = w.projects().get_or_create("p")?;
            let experiment = w.experiments().get_or_create(&project, "e")?;
            w.runs().create(&experiment, modeldb::NewRun::named("r"))
        })
        .unwrap();
    let large = bytes(LARGE, 1);
    store.log_artifact(&run, Artifact::named("k"), &*large).unwrap();
    assert!(!folder.path().join("store/blobs").exists());
    let to = folder.path().join("backup");
    assert_eq!(store.backup(&to).unwrap().blobs, 0);
    let restored = Store::options().blobs(blobs).read_only(true).open(&to).unwrap();
    assert_eq!(read_of(&restored.read(), &run, "k"), large);
    assert!(restored.verify().unwrap().is_intact());
}

#[test]
fn a_verification_names_bytes_that_are_lost_or_changed() {
    let bench = Bench::new();
    let all: Vec<BlobRef> = (0..4_u8).map(|n| bench.log(&format!("k{n}"), &bytes(LARGE, n))).collect();
    bench.log("small", &bytes(10, 9));
    let path = |blob: &BlobRef| {
        let name = blob.digest.to_string();
        bench.folder.path().join("store/blobs").join(&name[..2]).join(&name[2..4]).join(&name)
    };
    let report = bench.store.verify().unwrap();
    assert!(report.is_intact(), "{report}");
    assert_eq!(report.section(Verified::Blobs).unwrap().checked, 5);
    let rewrite = |blob: &BlobRef, bytes: &[u8]| {
        fs::remove_file(path(blob)).unwrap();
        fs::write(path(blob), bytes).unwrap();
    };
    fs::remove_file(path(&all[0])).unwrap();
    let mut flipped = bytes(LARGE, 1);
    flipped[77] ^= 1;
    rewrite(&all[1], &flipped);
    rewrite(&all[2], &bytes(LARGE, 2)[..LARGE - 1]);
    let report = bench.store.verify().unwrap();
    let section = report.section(Verified::Blobs).unwrap();
    assert_eq!((section.checked, section.found), (5, 3), "{report}");
    for (blob, wrong) in all.iter().zip([true, true, true, false]) {
        let named = section.findings.iter().any(|finding| finding.place.contains(&blob.digest.to_string()));
        assert_eq!(named, wrong, "{report}");
    }
    let without = modeldb::VerifyOptions::new().blobs(false);
    assert!(bench.store.verify_with(&without, |_| ControlFlow::Continue(())).unwrap().is_intact());
}

#[test]
fn what_was_purged_collected_and_compacted_is_in_no_file() {
    let bench = Bench::new();
    let marker = b"a marker that nothing else has 0123456789";
    let mut large = bytes(LARGE, 1);
    large[500..500 + marker.len()].copy_from_slice(marker);
    bench.log("small", marker);
    bench.log("large", &large);
    // Another one stays.
    let other = bench.store.write(|w| w.runs().create(&bench.experiment, modeldb::NewRun::named("other"))).unwrap();
    bench.store.log_artifact(&other, Artifact::named("k"), &b"stays"[..]).unwrap();
    let folder = bench.folder.path().join("store");
    bench.store.flush().unwrap();
    assert!(has(&folder, marker));
    bench.store.write(|w| w.runs().delete(&bench.run)).unwrap();
    bench.store.purge().unwrap();
    assert_eq!(bench.gc().removed, 2);
    bench.store.compact().unwrap();
    assert!(!has(&folder, marker));
    assert_eq!(read_of(&bench.store.read(), &other, "k"), b"stays");
    let report = bench.store.verify().unwrap();
    assert!(report.is_intact(), "{report}");
}
