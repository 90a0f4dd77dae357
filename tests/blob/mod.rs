//! Blobs, in every place there is for them.

mod crash;
mod digest;
mod local;
mod mapped;
mod memory_bound;
#[cfg(feature = "object-store")]
mod object;
mod plain;
mod read;
mod threads;

use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use modeldb::{BlobDigest, BlobEntry, BlobStore, Error, ErrorKind, LocalBlobs, ManualClock, MemoryBlobs, Timestamp};

/// How much a put reads at once: sizes around it are tried.
const PIECE: usize = 1 << 20;

/// A store, and what it stands on.
struct Place {
    name: &'static str,
    blobs: Arc<dyn BlobStore>,
    /// Moved by hand; none where a server says when a blob is used.
    clock: Option<Arc<ManualClock>>,
    _folder: Option<tempfile::TempDir>,
}

fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::new(Timestamp::from_millis(1_800_000_000_000)))
}

fn memory() -> Place {
    let clock = clock();
    let blobs = Arc::new(MemoryBlobs::with_clock(Arc::clone(&clock)));
    Place { name: "memory", blobs, clock: Some(clock), _folder: None }
}

fn folder(name: &'static str, sync: bool) -> Place {
    let (clock, folder) = (clock(), tempfile::tempdir().unwrap());
    let blobs = LocalBlobs::options().sync(sync).clock(Arc::clone(&clock)).open(folder.path().join("blobs")).unwrap();
    Place { name, blobs: Arc::new(blobs), clock: Some(clock), _folder: Some(folder) }
}

fn places() -> Vec<Place> {
    let places = [memory(), folder("a folder", true), folder("a folder, synced later", false)];
    #[cfg(feature = "object-store")]
    let places = places.into_iter().chain([object::in_memory(), object::in_files()]);
    places.into_iter().collect()
}

fn read(blobs: &dyn BlobStore, digest: &BlobDigest) -> Vec<u8> {
    let mut bytes = Vec::new();
    blobs.get(digest).unwrap().read_to_end(&mut bytes).unwrap();
    bytes
}

fn entries(blobs: &dyn BlobStore) -> Vec<BlobEntry> {
    let mut entries: Vec<BlobEntry> = blobs.list().map(Result::unwrap).collect();
    entries.sort_by_key(|entry| entry.digest);
    entries
}

/// The kind of our error in one of the standard library's.
fn kind(error: &io::Error) -> ErrorKind {
    error.get_ref().unwrap().downcast_ref::<Error>().unwrap().kind()
}

/// Where the blob's file is, by what the documentation says.
fn file_of(root: &Path, digest: &BlobDigest) -> PathBuf {
    let name = digest.to_string();
    root.join(&name[..2]).join(&name[2..4]).join(name)
}

/// Puts other bytes behind a blob's name, as a failing disk would.
fn overwrite(path: &Path, bytes: &[u8]) {
    std::fs::remove_file(path).unwrap();
    std::fs::write(path, bytes).unwrap();
}
