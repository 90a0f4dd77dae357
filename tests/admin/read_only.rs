//! Opening without changing a byte.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

use modeldb::simulation::SimulatedDisk;
use modeldb::{ErrorKind, NewProject, Result, Store};

use super::{everything, files, fill, options};

/// The bytes of all files, and when they were changed.
fn state(folder: &Path) -> BTreeMap<PathBuf, (Vec<u8>, SystemTime)> {
    let state = |path: PathBuf| {
        let changed = fs::metadata(&path).unwrap().modified().unwrap();
        let bytes = fs::read(&path).unwrap();
        (path, (bytes, changed))
    };
    files(folder).into_iter().map(state).collect()
}

fn refused<T>(result: Result<T>) {
    assert_eq!(result.err().map(|error| error.kind()), Some(ErrorKind::ReadOnly));
}

fn use_everything(store: &Store) {
    refused(store.write(|w| w.projects().create(NewProject::new())));
    refused(store.write_once("id", |w| w.projects().create(NewProject::new())));
    refused(store.dry_run(|w| w.projects().create(NewProject::new())));
    refused(store.purge());
    refused(store.compact());
    refused(store.optimize());
    refused(store.flush());
    let report = store.verify().unwrap();
    assert!(report.is_intact() && !report.is_complete(), "{report}");
    assert!(report.to_string().contains("file: not done"), "{report}");
    store.stats().unwrap();
    store.storage_stats().unwrap();
    assert_eq!(store.read().runs().find("description matches 'long'").unwrap().count().unwrap(), 20);
    assert_eq!(store.read().runs().find("name contains 'un 1'").unwrap().count().unwrap(), 11);
}

#[test]
fn nothing_is_changed_and_everything_is_answered() {
    for indexed in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let store = options().open(folder.path()).unwrap();
        let (_, ids) = fill(&store, 20);
        if indexed {
            store.wait_indexed(store.read().sequence()).unwrap();
        }
        // The index does not know of this.
        store.write(|w| w.runs().log_metric(&ids[2], "behind", 1)).unwrap();
        let expected = everything(&store.read());
        store.close().unwrap();
        let before = state(folder.path());
        for background in [false, true] {
            let store = options().read_only(true).background(background).open(folder.path()).unwrap();
            assert_eq!(everything(&store.read()), expected);
            let waited = store.wait_indexed(store.read().sequence());
            if cfg!(feature = "text") {
                assert_eq!(waited.is_ok(), indexed, "{waited:?}");
                assert_eq!(store.stats().unwrap().text_sequence.is_some(), indexed);
            }
            use_everything(&store);
            // Several at once, and nobody who writes.
            let other = options().read_only(true).open(folder.path()).unwrap();
            assert_eq!(everything(&other.read()), expected);
            assert_eq!(options().open(folder.path()).unwrap_err().kind(), ErrorKind::Locked);
            store.close().unwrap();
            drop(other);
            assert!(state(folder.path()) == before, "something was changed");
        }
        let store = options().open(folder.path()).unwrap();
        assert_eq!(options().read_only(true).open(folder.path()).unwrap_err().kind(), ErrorKind::Locked);
        assert_eq!(everything(&store.read()), expected);
    }
}

#[test]
fn a_disk_that_counts_sees_no_write() {
    let disk = SimulatedDisk::new();
    let store = options().open_simulated(&disk).unwrap();
    fill(&store, 20);
    store.close().unwrap();
    let (counts, bytes) = (disk.counts(), disk.bytes("store.redb"));
    let store = options().read_only(true).open_simulated(&disk).unwrap();
    use_everything(&store);
    store.close().unwrap();
    assert_eq!((disk.counts().writes, disk.counts().syncs), (counts.writes, counts.syncs));
    assert_eq!((disk.bytes("store.redb"), disk.names()), (bytes, vec!["store.redb".to_owned()]));
}

#[test]
fn one_that_has_to_be_recovered_says_what_to_do() {
    let disk = SimulatedDisk::new();
    let store = options().open_simulated(&disk).unwrap();
    fill(&store, 5);
    let crashed = super::copy(&disk);
    let error = options().read_only(true).open_simulated(&crashed).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ReadOnly);
    assert!(error.message().contains("open the store for writing once"), "{error}");
    options().open_simulated(&crashed).unwrap().close().unwrap();
    let recovered = options().read_only(true).open_simulated(&crashed).unwrap();
    assert_eq!(everything(&recovered.read()), everything(&store.read()));
}

#[test]
fn what_is_not_there_is_not_made() {
    let temporary = tempfile::tempdir().unwrap();
    let missing = temporary.path().join("missing");
    let read_only = || Store::options().read_only(true);
    assert_eq!(read_only().open(&missing).unwrap_err().kind(), ErrorKind::NotFound);
    assert!(!missing.exists());
    assert_eq!(read_only().open(temporary.path()).unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(fs::read_dir(temporary.path()).unwrap().count(), 0);
    let both = read_only().check_integrity(true).open(temporary.path());
    assert_eq!(both.unwrap_err().kind(), ErrorKind::InvalidArgument);
    assert_eq!(read_only().open_simulated(&SimulatedDisk::new()).unwrap_err().kind(), ErrorKind::NotFound);
}

const PATH: &str = "MODELDB_TEST_READ_ONLY_STORE";

#[test]
fn another_process_reads_the_same_store() {
    let folder = tempfile::tempdir().unwrap();
    let store = options().open(folder.path()).unwrap();
    fill(&store, 7);
    store.close().unwrap();
    let _held = options().read_only(true).open(folder.path()).unwrap();
    let mut other = Command::new(std::env::current_exe().unwrap());
    other.args(["--exact", "admin::read_only::the_other_process", "--nocapture"]).env(PATH, folder.path());
    let said = String::from_utf8(other.output().unwrap().stdout).unwrap();
    assert!(said.contains("runs: 7"), "{said}");
}

/// What the test above runs in its second process; alone, it does nothing.
#[test]
fn the_other_process() {
    let Ok(path) = std::env::var(PATH) else { return };
    let store = Store::options().read_only(true).open(path).unwrap();
    println!("runs: {}", store.stats().unwrap().runs);
}

/// The test suite may run as root, whom no permission stops; then this says so.
#[cfg(unix)]
#[test]
fn a_folder_that_cannot_be_written_can_be_read() {
    use std::os::unix::fs::PermissionsExt;
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path().join("store");
    let store = options().open(&folder).unwrap();
    fill(&store, 5);
    store.close().unwrap();
    let allow = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    files(&folder).iter().for_each(|file| allow(file, 0o444));
    allow(&folder, 0o555);
    if fs::write(folder.join("probe"), "").is_ok() {
        println!("permissions stop nobody here: not tested");
        fs::remove_file(folder.join("probe")).unwrap();
    }
    let store = options().read_only(true).open(&folder).unwrap();
    assert_eq!(store.stats().unwrap().runs, 5);
    drop(store);
    allow(&folder, 0o755);
}
