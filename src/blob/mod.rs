//! Blobs: the bytes of artifacts, named by their digest and kept beside the store.
//!
//! - this file: [`BlobStore`], what a place to keep blobs can do, for whoever writes another one.
//! - [`writer`] and [`reader`]: on top of any store, writing under the digest of what was written, and reading with a
//!   check of it; [`hashing`] finds the digest, of many bytes on a thread of its own.
//! - [`local`]: in a folder, of which [`folder`] knows the places, [`listing`] the names, and [`files`] what is asked
//!   of the file system. `mapped` maps its files (feature `mmap`); `simulated` is one that crashes (feature
//!   `simulation`).
//! - [`memory`]: in memory. `object`: in object stores (feature `object-store`).
//!
//! - [`kept`]: the blobs of one store.
//!
//! *Not for* knowing who needs a blob: whoever collects garbage asks records, and removes what none of them names.
//! Names come from digests alone; what users call their artifacts is data of the records.

mod files;
mod folder;
mod hashing;
mod kept;
mod listing;
mod local;
#[cfg(feature = "mmap")]
mod mapped;
mod memory;
#[cfg(feature = "object-store")]
mod object;
mod reader;
#[cfg(feature = "simulation")]
mod simulated;
mod writer;

use std::fmt;
use std::io::{self, Read};
use std::ops::ControlFlow;

use crate::digest::BlobDigest;
use crate::error::{Error, ErrorKind, Result};
use crate::time::Timestamp;

pub(crate) use kept::{BlobPlace, KeptBlobs};
pub use local::{LocalBlobs, LocalBlobsOptions};
#[cfg(feature = "mmap")]
pub use mapped::Mapped;
pub use memory::MemoryBlobs;
#[cfg(feature = "object-store")]
pub use object::ObjectBlobs;
pub use reader::BlobReader;
pub use writer::{BlobWriter, StoredBlob};

/// A place where blobs are kept by the digest of their bytes. Calls block; clones, if it has them, are the same place.
///
/// Most programs call the four at the end, [`put`](Self::put), [`put_with`](Self::put_with),
/// [`put_bytes`](Self::put_bytes) and [`get`](Self::get), which are the same for all stores; the others are for
/// whoever writes a store, or collects garbage in one.
///
/// # What a store keeps of a blob
///
/// Its bytes, its length, and the time it was **last used**: when it was last finished, asked to be
/// [touched](Self::touch), or finished again though it was there already. Reading is no use in this sense. Nothing
/// counts who needs a blob.
///
/// # Collecting garbage beside writers
///
/// A writer puts a blob and then commits a record that names it; in between, nothing names it. Or it finds the blob
/// there already, and a collection that saw no record naming it removes it just before the commit. What keeps both
/// safe is an age guard, and this order of calls:
///
/// - A **writer** puts (or touches, and is told that it is there), and *then* commits the record. Less than the guard
///   lies between the two; whoever took longer touches again, and puts again if it is gone.
/// - A **collection** takes the time, less the guard, as its limit; *then* opens the snapshot whose records it asks;
///   *then* lists the blobs, and [removes](Self::remove) those that no record names, with the limit as
///   `unless_used_since`.
///
/// Say a blob is removed although a record names it. A put after the removal would have stored it anew, so it was put
/// before; the removal looked at its last use, so that was before the limit; the commit came less than the guard
/// later, and so before the collection began; then the snapshot, opened later, has the record, and the blob would have
/// been kept. This holds as long as `remove` looks at the last use and removes in one step that no
/// finish and no touch of the same blob can come between: that is what a store has to see to. And it holds for the
/// records of one store: blobs that several stores name must not be collected by one of them.
///
/// # Durability
///
/// When [`UnfinishedBlob::finish`] has returned, a crash does not take the blob, unless the store was told otherwise;
/// then it is [`flush`](Self::flush) that has to return before a record may name the blob. A crash may bring back what
/// was removed, and may forget that a blob was used: whoever was about to commit is gone then, too.
///
/// ```
/// use modeldb::{BlobStore, MemoryBlobs};
/// use std::io::{self, Read};
///
/// # fn main() -> modeldb::Result<()> {
/// let blobs = MemoryBlobs::new();
/// let stored = blobs.put(&mut &b"weights"[..])?;
/// assert!(stored.new);
/// assert!(!blobs.put_bytes(b"weights")?.new, "the same bytes are kept once");
///
/// let mut text = String::new();
/// blobs.get(&stored.digest)?.read_to_string(&mut text).unwrap();
/// assert_eq!(text, "weights");
/// # Ok(())
/// # }
/// ```
pub trait BlobStore: Send + Sync {
    /// Begins a blob. Nobody sees it until it is finished.
    ///
    /// # Errors
    /// `StorageFull` and `Io`, if there is no place to write to.
    fn begin(&self) -> Result<Box<dyn UnfinishedBlob>>;

    /// Opens a blob for reading. What is open stays readable, removed or not, as far as the place allows.
    ///
    /// # Errors
    /// `NotFound` if it is not there; `Corrupt` if something else is in its place; `Io`.
    fn open(&self, digest: &BlobDigest) -> Result<Box<dyn OpenBlob>>;

    /// Whether the blob is there. It may be collected a moment later: who means to name it calls
    /// [`touch`](Self::touch).
    ///
    /// # Errors
    /// `Corrupt` if something else is in its place; `Io`.
    fn exists(&self, digest: &BlobDigest) -> Result<bool>;

    /// Makes the blob used now, and says whether it is there.
    ///
    /// # Errors
    /// As of [`exists`](Self::exists).
    fn touch(&self, digest: &BlobDigest) -> Result<bool>;

    /// Removes the blob, and says whether it did: not if it is not there, and not if it was last used at
    /// `unless_used_since` or later. Looking and removing are one step: see the order of calls
    /// [above](BlobStore#collecting-garbage-beside-writers).
    ///
    /// # Errors
    /// As of [`exists`](Self::exists).
    fn remove(&self, digest: &BlobDigest, unless_used_since: Option<Timestamp>) -> Result<bool>;

    /// All finished blobs, in no promised order, in bounded memory unless the store says otherwise. What is finished or
    /// removed meanwhile may be in it or not; all else is in it once. After an error, what follows is what can still be
    /// listed.
    ///
    /// # Errors
    /// Each item can be one: `Io`.
    fn list(&self) -> Box<dyn Iterator<Item = Result<BlobEntry>> + '_>;

    /// Removes what blobs that were begun and never finished have left, by processes that are gone; not what is being
    /// written now. Says how many there were.
    ///
    /// # Errors
    /// `Io`.
    fn remove_unfinished(&self) -> Result<u64>;

    /// Makes durable what was finished and removed before the call. For stores that are so at once, nothing.
    ///
    /// # Errors
    /// `StorageFull` and `Io`: then what was finished since the last flush may be lost in a crash, and a later call
    /// tries again.
    fn flush(&self) -> Result<()> {
        Ok(())
    }

    /// Stores all that `from` has to give. Hashes while it writes, and holds a few MiB in memory however much it is.
    ///
    /// # Errors
    /// `Io` if `from` fails; those of [`begin`](Self::begin), [`UnfinishedBlob::write`] and
    /// [`finish`](UnfinishedBlob::finish). Nothing is stored then.
    fn put(&self, from: &mut dyn Read) -> Result<StoredBlob> {
        self.put_with(from, &mut |_| ControlFlow::Continue(()))
    }

    /// [`put`](Self::put), telling `progress` after each piece how many bytes were written so far. Breaking ends it.
    ///
    /// # Errors
    /// Those of [`put`](Self::put); `Cancelled` if `progress` breaks. Nothing is stored then.
    fn put_with(&self, from: &mut dyn Read, progress: &mut dyn FnMut(u64) -> ControlFlow<()>) -> Result<StoredBlob> {
        writer::put(self.begin()?, from, progress)
    }

    /// Stores bytes that are in memory.
    ///
    /// # Errors
    /// Those of [`put`](Self::put).
    fn put_bytes(&self, bytes: &[u8]) -> Result<StoredBlob> {
        let mut writer = BlobWriter::new(self.begin()?);
        writer.write_piece(bytes)?;
        writer.finish()
    }

    /// Opens a blob for reading, with a check of its bytes when they were read from start to end.
    ///
    /// # Errors
    /// Those of [`open`](Self::open).
    fn get(&self, digest: &BlobDigest) -> Result<BlobReader> {
        Ok(BlobReader::new(self.open(digest)?, *digest))
    }
}

/// A blob that is being written; dropped, it is gone. Programs write through a [`BlobWriter`], which finds the digest.
pub trait UnfinishedBlob: Send {
    /// Appends a piece: all of it, or the blob is spoilt. Pieces are passed on as they come, so larger ones cost less.
    ///
    /// # Errors
    /// `StorageFull` and `Io`. Nothing more can be done with the blob then.
    fn write(&mut self, piece: &[u8]) -> Result<()>;

    /// Makes it the blob of this name, unless that is there already, and says whether it is new. Either way it was used
    /// just now, and is there when this has returned.
    ///
    /// That `digest` is the one of the bytes is for the caller to see to; if it is not, whoever reads the blob is told
    /// that it is corrupt.
    ///
    /// # Errors
    /// `StorageFull` and `Io`; `Corrupt` if something that is no blob has its place. Then it was not stored as far as
    /// the caller may rely on it: a blob that nothing names may be left.
    fn finish(self: Box<Self>, digest: &BlobDigest) -> Result<bool>;
}

/// A blob that is open for reading, by any number of threads.
pub trait OpenBlob: Send + Sync {
    /// Its length, as it was when it was opened.
    fn len(&self) -> u64;

    /// Whether it has no bytes.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Fills `out` with the bytes from `offset` on.
    ///
    /// # Errors
    /// `InvalidArgument` if they are not within its length; `Corrupt` if it has become shorter; `Io`.
    fn read_exact_at(&self, offset: u64, out: &mut [u8]) -> Result<()>;
}

/// A blob in a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct BlobEntry {
    /// Its name.
    pub digest: BlobDigest,
    /// Its length in bytes.
    pub len: u64,
    /// When it was last finished, finished again, or touched.
    pub last_used: Timestamp,
}

impl BlobEntry {
    /// An entry, for stores of one's own.
    pub fn new(digest: BlobDigest, len: u64, last_used: Timestamp) -> Self {
        BlobEntry { digest, len, last_used }
    }
}

/// Refuses a range that is not within a blob.
fn check_range(offset: u64, count: usize, len: u64) -> Result<()> {
    let end = u64::try_from(count).ok().and_then(|count| offset.checked_add(count));
    if end.is_none_or(|end| end > len) {
        let message = format!("reading {count} bytes from byte {offset} of a blob of {len} bytes");
        return Err(Error::invalid(message));
    }
    Ok(())
}

/// An error of ours in one of the standard library's.
pub(crate) fn into_io(error: Error) -> io::Error {
    let kind = match error.kind() {
        ErrorKind::Corrupt => io::ErrorKind::InvalidData,
        ErrorKind::StorageFull => io::ErrorKind::StorageFull,
        ErrorKind::NotFound => io::ErrorKind::NotFound,
        _ => io::ErrorKind::Other,
    };
    io::Error::new(kind, error)
}

/// An error of ours that went through the standard library.
pub(crate) fn from_io(error: io::Error, doing: &str) -> Error {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) {
        Some(ours) => ours.share(),
        None => Error::io(doing, error),
    }
}

/// Bytes in memory as an open blob.
pub(crate) fn in_memory(bytes: Vec<u8>) -> Box<dyn OpenBlob> {
    memory::open(bytes)
}

fn not_there(digest: &BlobDigest) -> Error {
    Error::not_found(format!("there is no blob {digest}"))
}

impl fmt::Debug for dyn BlobStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BlobStore")
    }
}
