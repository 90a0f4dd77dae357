//! Blobs of a folder as slices, mapped or read.

use std::fs;

use modeldb::{BlobDigest, BlobStore, ErrorKind, LocalBlobs, Mapped};

use super::{file_of, overwrite};

/// Lengths around the one from which on files are mapped, and others.
const LENGTHS: [usize; 8] = [0, 1, 4_096, 65_535, 65_536, 65_537, 1 << 20, (5 << 20) + 1];

fn bytes(len: usize) -> Vec<u8> {
    (0..len).map(|at| (at * 7 + at / 251) as u8).collect()
}

/// A folder, opened both ways.
fn both() -> (tempfile::TempDir, [LocalBlobs; 2]) {
    let folder = tempfile::tempdir().unwrap();
    let open = |map_files| LocalBlobs::options().map_files(map_files).open(folder.path()).unwrap();
    let both = [open(true), open(false)];
    (folder, both)
}

/// Whether the process has a map of a file; none where that cannot be told.
fn is_mapped(path: &std::path::Path) -> Option<bool> {
    let maps = fs::read_to_string("/proc/self/maps").ok()?;
    Some(maps.contains(path.to_str().unwrap()))
}

#[test]
fn a_slice_is_the_blob() {
    let (folder, both) = both();
    for len in LENGTHS {
        let bytes = bytes(len);
        let digest = both[0].put_bytes(&bytes).unwrap().digest;
        for (blobs, maps) in both.iter().zip([true, false]) {
            let mapped = blobs.map(&digest).unwrap();
            assert!(*mapped == *bytes && mapped.as_ref() == bytes);
            if let Some(is_mapped) = is_mapped(&file_of(folder.path(), &digest)) {
                assert_eq!(is_mapped, maps && len >= 65_536, "{len} bytes");
            }
        }
        let missing = both[0].map(&BlobDigest::of(b"missing")).unwrap_err();
        assert_eq!(missing.kind(), ErrorKind::NotFound);
    }
}

#[test]
fn what_is_damaged_is_not_handed_out() {
    let (folder, both) = both();
    for len in LENGTHS {
        let good = bytes(len);
        let digest = both[0].put_bytes(&good).unwrap().digest;
        let mut damages = vec![[&good[..], b"and more"].concat()];
        if len > 0 {
            damages.push(good[..len - 1].to_vec());
            damages.push(Vec::new());
            let mut flipped = good.clone();
            flipped[len / 2] ^= 1;
            damages.push(flipped);
        }
        for damage in damages {
            overwrite(&file_of(folder.path(), &digest), &damage);
            for blobs in &both {
                assert_eq!(blobs.map(&digest).unwrap_err().kind(), ErrorKind::Corrupt, "{len} bytes");
            }
        }
    }
}

#[test]
fn a_slice_outlives_removal_and_repair() {
    fn shared<T: Send + Sync>(value: T) -> T {
        value
    }
    let (folder, [blobs, _]) = both();
    let bytes = bytes(300_000);
    let digest = blobs.put_bytes(&bytes).unwrap().digest;
    let first: Mapped = shared(blobs.map(&digest).unwrap());
    assert!(blobs.remove(&digest, None).unwrap());
    blobs.put_bytes(&bytes).unwrap();
    let second = blobs.map(&digest).unwrap();
    overwrite(&file_of(folder.path(), &digest), b"damaged");
    assert!(blobs.put_bytes(&bytes).unwrap().new);
    drop(folder);
    assert!(*first == *bytes && *second == *bytes);
}

#[test]
fn on_a_simulated_disk_it_is_read() {
    let blobs = LocalBlobs::options().map_files(true).open_simulated(&Default::default()).unwrap();
    let digest = blobs.put_bytes(&[9; 100_000]).unwrap().digest;
    assert_eq!(*blobs.map(&digest).unwrap(), [9; 100_000]);
}
