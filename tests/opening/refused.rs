//! What is no store of this build is refused, and left as it was.

use std::fs;

use modeldb::{ErrorKind, Store};
use redb::TableDefinition;

use super::{file, set_meta, small_store};

#[test]
fn a_newer_format_is_refused_untouched() {
    let folder = tempfile::tempdir().unwrap();
    small_store(folder.path());
    set_meta(folder.path(), "format", &2_u32.to_le_bytes());
    let before = file(folder.path());
    for check in [false, true] {
        let error = Store::options().check_integrity(check).open(folder.path()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Incompatible);
        assert!(error.to_string().contains("format 2") && error.to_string().contains("format 1"), "{error}");
        assert_eq!(file(folder.path()), before);
    }
}

#[test]
fn another_layout_is_refused_untouched() {
    let folder = tempfile::tempdir().unwrap();
    small_store(folder.path());
    set_meta(folder.path(), "layout", b"rkyv-0.8 big_endian");
    let before = file(folder.path());
    let error = Store::open(folder.path()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Incompatible);
    assert!(error.to_string().contains("big_endian"), "{error}");
    assert_eq!(file(folder.path()), before);
}

#[test]
fn a_damaged_setting_is_corrupt() {
    let folder = tempfile::tempdir().unwrap();
    small_store(folder.path());
    set_meta(folder.path(), "format", b"?");
    assert_eq!(Store::open(folder.path()).unwrap_err().kind(), ErrorKind::Corrupt);
}

#[test]
fn a_foreign_folder_is_refused_untouched() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("thesis.tex"), "mine").unwrap();
    let error = Store::open(folder.path()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    assert!(error.to_string().contains("thesis.tex"), "{error}");
    let names: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["thesis.tex"]);
}

#[test]
fn a_file_is_no_folder() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    fs::write(&path, "text").unwrap();
    assert_eq!(Store::open(&path).unwrap_err().kind(), ErrorKind::InvalidArgument);
    assert_eq!(fs::read(&path).unwrap(), b"text");
}

#[test]
fn a_missing_store_is_made_only_if_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a").join("b");
    let error = Store::options().create(false).open(&path).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(!path.exists());
    Store::open(&path).unwrap().close().unwrap();
    Store::options().create(false).open(&path).unwrap();
    let empty = folder.path().join("empty");
    fs::create_dir(&empty).unwrap();
    assert_eq!(Store::options().create(false).open(&empty).unwrap_err().kind(), ErrorKind::NotFound);
}

#[test]
fn another_programs_redb_file_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let database = redb::Database::create(folder.path().join("store.redb")).unwrap();
    let write = database.begin_write().unwrap();
    write.open_table(TableDefinition::<u64, u64>::new("theirs")).unwrap().insert(1, 2).unwrap();
    write.commit().unwrap();
    database.close().unwrap();
    let before = file(folder.path());
    let error = Store::open(folder.path()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Incompatible);
    assert_eq!(file(folder.path()), before);
}

#[test]
fn wrong_and_cut_files_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    small_store(folder.path());
    let whole = file(folder.path());
    let path = folder.path().join("store.redb");
    let garbage: Vec<u8> = (0..whole.len()).map(|at| (at * 31 % 251) as u8).collect();
    for bytes in [&[][..], b"redb", b"SQLite format 3\0", &garbage, &whole[..100], &whole[..4096], &whole[..20_000]] {
        fs::write(&path, bytes).unwrap();
        for check in [false, true] {
            let error = Store::options().check_integrity(check).open(folder.path()).unwrap_err();
            let kind = error.kind();
            assert!(matches!(kind, ErrorKind::Corrupt | ErrorKind::Incompatible), "{} bytes: {error}", bytes.len());
            assert!(error.to_string().contains("store.redb"), "{error}");
        }
    }
    fs::write(&path, &whole).unwrap();
    Store::open(folder.path()).unwrap();
}

#[test]
fn a_creation_that_never_ended_is_begun_again() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("store.redb.new"), "half a store").unwrap();
    let run = small_store(folder.path());
    assert!(!folder.path().join("store.redb.new").exists());
    assert_eq!(Store::open(folder.path()).unwrap().read().runs().get(&run).unwrap().name, "run");
}

/// The test suite may run as root, whom no permission stops; then this says so.
#[cfg(unix)]
#[test]
fn a_folder_that_cannot_be_written_is_an_io_error() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o555)).unwrap();
    if fs::write(folder.path().join("probe"), "").is_ok() {
        println!("permissions stop nobody here: not tested");
        return;
    }
    let error = Store::open(folder.path().join("store")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Io);
}
