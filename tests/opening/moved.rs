//! Where a store is: it stays there when the program goes elsewhere, and links lead to it.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use modeldb::{
    Artifact, BlobDigest, BlobStore, ErrorKind, ExportReport, GcOptions, LocalBlobs, NewProject, NewRun, ProjectId,
    RunId, Store,
};

use crate::support::child::Working;

const FOLDER: &str = "MODELDB_TEST_MOVED_FOLDER";

/// Large enough for a file of its own.
fn bytes(byte: u8) -> Vec<u8> {
    vec![byte; 200_000]
}

/// A project, and a run with an artifact.
fn fill(store: &Store, name: &str, byte: u8) -> (ProjectId, RunId) {
    let (project, run) = store
        .write(|w| {
            let project = w.projects().create(NewProject::named(name))?;
            let experiment = w.experiments().get_or_create(&project, "e")?;
            Ok((project, w.runs().create(&experiment, NewRun::named("run").description("a word"))?))
        })
        .unwrap();
    store.log_artifact(&run, Artifact::named("model"), &*bytes(byte)).unwrap();
    (project, run)
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Works on a store while its working directory changes. A test only in name: the one below starts it, for the
/// directory is the process's.
#[test]
fn a_program_that_goes_elsewhere() {
    let Some(folder) = std::env::var_os(FOLDER).map(PathBuf::from) else { return };
    let (here, there) = (folder.join("here"), folder.join("there"));
    [&here, &there].iter().for_each(|folder| fs::create_dir(folder).unwrap());
    std::env::set_current_dir(&here).unwrap();
    let store = Store::open("s").unwrap();
    let blobs = LocalBlobs::open("own").unwrap();
    // Elsewhere is a store of the same name, and it is open.
    let other = Store::open(there.join("s")).unwrap();
    let (_, others) = fill(&other, "of the other", 1);
    std::env::set_current_dir(&there).unwrap();
    let (project, run) = fill(&store, "own", 2);
    store.wait_indexed(store.read().sequence()).unwrap();
    store.gc(&GcOptions::new().min_age(Duration::ZERO)).unwrap();
    store.compact().unwrap();
    blobs.begin().unwrap().finish(&BlobDigest::of(b"")).unwrap();
    store.backup("backup").unwrap();
    let ExportReport { exported, .. } = store.export_project(&project, "export").unwrap();
    assert_eq!(exported.runs, 1);
    store.close().unwrap();
    other.close().unwrap();
    assert_eq!(names(&here), ["own", "s"]);
    assert_eq!(names(&there), ["backup", "export", "s"]);
    assert!(names(&here.join("s")).contains(&"blobs".to_owned()));
    for (folder, run, byte) in [(here, run, 2), (there, others, 1)] {
        let store = Store::open(folder.join("s")).unwrap();
        let mut read = Vec::new();
        std::io::Read::read_to_end(&mut store.read().open_artifact(&run, "model").unwrap(), &mut read).unwrap();
        assert!(read == bytes(byte));
        assert!(store.verify().unwrap().is_intact());
    }
    println!("all is where it was: 1");
}

#[test]
fn a_store_stays_where_it_was_opened() {
    let folder = tempfile::tempdir().unwrap();
    Working::start("opening::moved::a_program_that_goes_elsewhere", FOLDER, folder.path()).said("all is where it was:");
}

#[test]
fn an_empty_path_is_no_store() {
    let kind = |opened: modeldb::Result<Store>| opened.unwrap_err().kind();
    assert_eq!(kind(Store::open("")), ErrorKind::InvalidArgument);
    assert_eq!(kind(Store::options().create(false).open("")), ErrorKind::InvalidArgument);
    assert_eq!(kind(Store::options().read_only(true).open("")), ErrorKind::InvalidArgument);
    assert_eq!(LocalBlobs::open("").map(drop).unwrap_err().kind(), ErrorKind::InvalidArgument);
    let store = Store::in_memory().unwrap();
    assert_eq!(store.backup("").unwrap_err().kind(), ErrorKind::InvalidArgument);
    assert_eq!(store.import_project("").unwrap_err().kind(), ErrorKind::InvalidArgument);
}

#[cfg(unix)]
mod unix {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    /// A store whose file is elsewhere, with a link to it.
    fn linked(folder: &Path) -> (PathBuf, PathBuf) {
        let (store, disk) = (folder.join("s"), folder.join("disk"));
        let opened = Store::open(&store).unwrap();
        opened.write(|w| w.projects().create(NewProject::named("p"))).unwrap();
        opened.close().unwrap();
        fs::create_dir(&disk).unwrap();
        fs::rename(store.join("store.redb"), disk.join("store.redb")).unwrap();
        symlink(disk.join("store.redb"), store.join("store.redb")).unwrap();
        (store, disk)
    }

    #[test]
    fn a_file_behind_a_link_is_not_compacted_away_from_it() {
        let folder = tempfile::tempdir().unwrap();
        let (place, _) = linked(folder.path());
        let store = Store::open(&place).unwrap();
        let error = store.compact().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument);
        assert!(error.to_string().contains("is a link"), "{error}");
        // Nothing else is amiss.
        store.write(|w| w.projects().create(NewProject::named("q"))).unwrap();
        store.close().unwrap();
        assert_eq!(Store::open(&place).unwrap().stats().unwrap().projects, 2);
    }

    #[test]
    fn a_link_that_leads_nowhere_is_no_place_for_a_new_store() {
        let folder = tempfile::tempdir().unwrap();
        let (place, disk) = linked(folder.path());
        // As if the disk was not mounted.
        fs::rename(&disk, folder.path().join("away")).unwrap();
        for options in [Store::options(), Store::options().create(false), Store::options().read_only(true)] {
            assert_eq!(options.open(&place).unwrap_err().kind(), ErrorKind::NotFound);
        }
        fs::rename(folder.path().join("away"), &disk).unwrap();
        assert_eq!(Store::open(&place).unwrap().stats().unwrap().projects, 1);
    }

    #[test]
    fn a_compaction_keeps_who_may_read() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let file = folder.path().join("store.redb");
        for mode in [0o600, 0o640] {
            fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
            store.compact().unwrap();
            assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, mode);
        }
    }
}
