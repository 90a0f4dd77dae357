//! A folder of blobs, and what else can be in it.

use std::fs;
use std::io::Read;
use std::path::Path;

use modeldb::{BlobDigest, BlobStore, ErrorKind, LocalBlobs};

use super::{entries, file_of, kind, overwrite, read};

fn opened() -> (tempfile::TempDir, LocalBlobs) {
    let folder = tempfile::tempdir().unwrap();
    let blobs = LocalBlobs::open(folder.path()).unwrap();
    (folder, blobs)
}

/// All files under a folder, without the lock.
fn files(root: &Path) -> Vec<String> {
    fn walk(root: &Path, folder: &Path, into: &mut Vec<String>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
            match path.symlink_metadata().unwrap().is_dir() {
                true => walk(root, &path, into),
                false => into.push(name),
            }
        }
    }
    let mut names = Vec::new();
    walk(root, root, &mut names);
    names.retain(|name| name != "lock");
    names.sort();
    names
}

#[test]
fn a_blob_is_one_file_named_by_its_digest() {
    let (folder, blobs) = opened();
    let stored = blobs.put_bytes(b"abc").unwrap();
    assert_eq!(stored.digest.to_string(), "6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85");
    let name = "64/37/6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85";
    assert_eq!(files(folder.path()), [name]);
    assert_eq!(fs::read(folder.path().join(name)).unwrap(), b"abc");
    assert!(blobs.remove(&stored.digest, None).unwrap());
    assert!(files(folder.path()).is_empty());
}

#[test]
fn a_folder_is_made_and_found_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("blobs");
    let stored = LocalBlobs::open(&path).unwrap().put_bytes(b"kept").unwrap();
    let blobs = LocalBlobs::open(&path).unwrap();
    assert_eq!(read(&blobs, &stored.digest), b"kept");
    assert!(!blobs.clone().put_bytes(b"kept").unwrap().new);

    // Not made: what is above it is missing, or it is a file.
    let missing = LocalBlobs::open(folder.path().join("a/b")).unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::Io);
    assert!(missing.message().contains("making the folder"), "{missing}");
    fs::write(folder.path().join("file"), b"").unwrap();
    assert_eq!(LocalBlobs::open(folder.path().join("file")).unwrap_err().kind(), ErrorKind::Io);
}

#[test]
fn damage_is_found_and_putting_again_repairs_it() {
    for (what, bytes) in [
        ("cut off", &b"the by"[..]),
        ("emptied", b""),
        ("changed", b"the bytez"),
        ("zeros", &[0; 9]),
        ("longer", b"the bytes and more"),
    ] {
        let (folder, blobs) = opened();
        let stored = blobs.put_bytes(b"the bytes").unwrap();
        overwrite(&file_of(folder.path(), &stored.digest), bytes);
        let error = blobs.get(&stored.digest).unwrap().read_to_end(&mut Vec::new()).unwrap_err();
        assert_eq!(kind(&error), ErrorKind::Corrupt, "{what}");
        assert!(error.to_string().contains(&stored.digest.to_string()));
        assert!(blobs.put_bytes(b"the bytes").unwrap().new, "{what}");
        assert_eq!(read(&blobs, &stored.digest), b"the bytes");
        assert_eq!(files(folder.path()).len(), 1);
    }
}

#[test]
fn a_file_that_becomes_shorter_while_it_is_read_is_corrupt() {
    let (folder, blobs) = opened();
    let stored = blobs.put_bytes(&[3; 10_000]).unwrap();
    let path = file_of(folder.path(), &stored.digest);
    overwrite(&path, &[3; 10_000]);
    let open = blobs.open(&stored.digest).unwrap();
    fs::OpenOptions::new().write(true).open(path).unwrap().set_len(5_000).unwrap();
    open.read_exact_at(0, &mut [0; 5_000]).unwrap();
    let error = open.read_exact_at(4_999, &mut [0; 2]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
}

#[test]
fn files_of_other_names_are_left_alone() {
    let (folder, blobs) = opened();
    let stored = blobs.put_bytes(b"abc").unwrap();
    let name = stored.digest.to_string();
    let foreign = [
        "README".to_owned(),
        format!("64/{name}"),
        "64/37/notes".to_owned(),
        format!("64/37/{}", name.to_uppercase()),
        format!("64/37/{name}.tmp"),
        format!("64/37/{}", &name[..63]),
        // A blob in the place of another.
        format!("64/37/{}", BlobDigest::of(b"elsewhere")),
        format!("6437/{name}"),
        format!("FF/ff/{}", "ff".repeat(32)),
        "unfinished/mine".to_owned(),
        format!("unfinished/{}", "AB".repeat(16)),
        format!("unfinished/{name}"),
    ];
    for path in &foreign {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, b"mine").unwrap();
    }
    fs::create_dir(folder.path().join("unfinished").join("ab".repeat(16))).unwrap();
    assert_eq!(blobs.remove_unfinished().unwrap(), 0);
    assert_eq!(entries(&blobs).into_iter().map(|entry| entry.digest).collect::<Vec<_>>(), [stored.digest]);
    assert!(!blobs.exists(&BlobDigest::of(b"elsewhere")).unwrap());
    blobs.remove(&stored.digest, None).unwrap();
    for path in &foreign {
        assert_eq!(fs::read(folder.path().join(path)).unwrap(), b"mine", "{path}");
    }
}

#[test]
fn unfinished_blobs_of_others_go_and_those_being_written_stay() {
    let (folder, blobs) = opened();
    let unfinished = folder.path().join("unfinished");
    fs::create_dir_all(&unfinished).unwrap();
    fs::write(unfinished.join("0123456789abcdef".repeat(2)), b"half").unwrap();
    fs::write(unfinished.join("f".repeat(32)), b"").unwrap();
    let mut writing = blobs.begin().unwrap();
    writing.write(b"being ").unwrap();
    // Another handle cannot tell whose they are either, and need not.
    let other = LocalBlobs::open(folder.path()).unwrap();
    assert!(entries(&other).is_empty());
    assert_eq!(other.remove_unfinished().unwrap(), 2);
    assert_eq!(other.remove_unfinished().unwrap(), 0);
    writing.write(b"written").unwrap();
    assert!(writing.finish(&BlobDigest::of(b"being written")).unwrap());
    assert_eq!(read(&other, &BlobDigest::of(b"being written")), b"being written");

    let mut dropped = blobs.begin().unwrap();
    dropped.write(b"dropped").unwrap();
    drop(dropped);
    assert_eq!(fs::read_dir(unfinished).unwrap().count(), 0);
}

#[test]
fn a_folder_where_a_file_should_be_and_the_other_way_round() {
    let digest = BlobDigest::of(b"abc");
    let check = |blobs: &LocalBlobs, root: &Path| {
        for error in [
            blobs.exists(&digest).unwrap_err(),
            blobs.open(&digest).err().unwrap(),
            blobs.touch(&digest).unwrap_err(),
            blobs.remove(&digest, None).unwrap_err(),
            blobs.put_bytes(b"abc").unwrap_err(),
        ] {
            assert_eq!(error.kind(), ErrorKind::Corrupt);
            assert!(error.message().contains(root.to_str().unwrap()), "{error}");
        }
        assert!(entries(blobs).is_empty());
        // Others are not held up.
        let other = blobs.put_bytes(b"other").unwrap();
        assert_eq!(read(blobs, &other.digest), b"other");
        blobs.remove(&other.digest, None).unwrap();
        assert_eq!(blobs.remove_unfinished().unwrap(), 0);
        assert_eq!(fs::read_dir(root.join("unfinished")).unwrap().count(), 0);
    };
    let (folder, blobs) = opened();
    fs::create_dir_all(file_of(folder.path(), &digest)).unwrap();
    check(&blobs, folder.path());
    for file in ["64", "64/37"] {
        let (folder, blobs) = opened();
        let path = folder.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, b"a file").unwrap();
        check(&blobs, folder.path());
        assert_eq!(fs::read(path).unwrap(), b"a file");
    }
    let (folder, blobs) = opened();
    fs::write(folder.path().join("unfinished"), b"a file").unwrap();
    assert_eq!(blobs.put_bytes(b"abc").unwrap_err().kind(), ErrorKind::Corrupt);
    assert_eq!(blobs.remove_unfinished().unwrap_err().kind(), ErrorKind::Corrupt);
}

#[cfg(unix)]
#[test]
fn symbolic_links_are_not_followed() {
    use std::os::unix::fs::symlink;

    let outside = tempfile::tempdir().unwrap();
    let digest = BlobDigest::of(b"abc");
    let elsewhere = file_of(outside.path(), &digest);
    fs::create_dir_all(elsewhere.parent().unwrap()).unwrap();
    fs::write(&elsewhere, b"abc").unwrap();
    // The file, the folder it is in, and the one above; and links to nothing.
    for link in [&format!("64/37/{digest}"), "64/37", "64"] {
        for target in [outside.path().join(link), outside.path().join("nothing")] {
            let (folder, blobs) = opened();
            let path = folder.path().join(link);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            symlink(&target, &path).unwrap();
            assert_eq!(blobs.open(&digest).err().unwrap().kind(), ErrorKind::Corrupt, "{link}");
            assert_eq!(blobs.put_bytes(b"abc").unwrap_err().kind(), ErrorKind::Corrupt, "{link}");
            assert_eq!(blobs.remove(&digest, None).unwrap_err().kind(), ErrorKind::Corrupt, "{link}");
            assert_eq!(blobs.touch(&digest).unwrap_err().kind(), ErrorKind::Corrupt, "{link}");
            assert!(entries(&blobs).is_empty());
            assert!(path.symlink_metadata().unwrap().is_symlink());
        }
    }
    let (folder, blobs) = opened();
    symlink(outside.path(), folder.path().join("unfinished")).unwrap();
    assert_eq!(blobs.put_bytes(b"abc").unwrap_err().kind(), ErrorKind::Corrupt);
    assert_eq!(blobs.remove_unfinished().unwrap_err().kind(), ErrorKind::Corrupt);
    assert_eq!(files(outside.path()), [format!("64/37/{digest}")]);

    // The folder as a whole may be a link: that is how it comes to be on a larger disk.
    let link = folder.path().join("link");
    symlink(outside.path(), &link).unwrap();
    assert_eq!(read(&LocalBlobs::open(&link).unwrap(), &digest), b"abc");
}

#[cfg(unix)]
#[test]
fn a_pipe_in_the_place_of_a_blob_holds_nobody_up() {
    let (folder, blobs) = opened();
    let path = file_of(folder.path(), &BlobDigest::of(b"abc"));
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    if !std::process::Command::new("mkfifo").arg(&path).status().is_ok_and(|status| status.success()) {
        return;
    }
    assert_eq!(blobs.put_bytes(b"abc").unwrap_err().kind(), ErrorKind::Corrupt);
    assert!(blobs.open(&BlobDigest::of(b"abc")).is_err());
    assert!(entries(&blobs).is_empty());
}

#[cfg(unix)]
#[test]
fn a_folder_that_cannot_be_written_can_be_read() {
    use std::os::unix::fs::PermissionsExt;

    let (folder, blobs) = opened();
    let stored = blobs.put_bytes(b"abc").unwrap();
    blobs.remove_unfinished().unwrap();
    fs::remove_file(folder.path().join("lock")).unwrap();
    let set = |mode| {
        for path in ["", "unfinished", "64", "64/37"] {
            fs::set_permissions(folder.path().join(path), fs::Permissions::from_mode(mode)).unwrap();
        }
    };
    set(0o555);
    // For the superuser, there is no such folder.
    let applies = fs::write(folder.path().join("probe"), b"").is_err();
    if applies {
        let blobs = LocalBlobs::open(folder.path()).unwrap();
        assert_eq!(read(&blobs, &stored.digest), b"abc");
        assert_eq!(entries(&blobs).len(), 1);
        for error in [
            blobs.put_bytes(b"more").unwrap_err(),
            blobs.put_bytes(b"abc").unwrap_err(),
            blobs.remove(&stored.digest, None).unwrap_err(),
        ] {
            assert_eq!(error.kind(), ErrorKind::Io);
            assert!(error.message().contains(folder.path().to_str().unwrap()), "{error}");
        }
    }
    set(0o755);
    assert_eq!(read(&blobs, &stored.digest), b"abc");
}

#[cfg(unix)]
#[test]
fn the_file_of_a_blob_is_not_writable() {
    let (folder, blobs) = opened();
    let stored = blobs.put_bytes(b"abc").unwrap();
    let file = fs::metadata(file_of(folder.path(), &stored.digest)).unwrap();
    assert!(file.permissions().readonly());
    // Which hinders neither its use nor its removal.
    assert!(blobs.touch(&stored.digest).unwrap());
    assert!(!blobs.put_bytes(b"abc").unwrap().new);
    assert!(blobs.remove(&stored.digest, None).unwrap());
}
