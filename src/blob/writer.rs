//! Writing a blob under the digest of what was written.

use std::fmt;
use std::io::{self, Read};
use std::ops::ControlFlow;

use super::UnfinishedBlob;
use super::hashing::Hashing;
use crate::digest::BlobDigest;
use crate::error::{Error, ErrorKind, Result};

/// How much a put reads at once.
pub(super) const PIECE: usize = 1 << 20;

/// What a put has stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoredBlob {
    /// The blob's name.
    pub digest: BlobDigest,
    /// Its length in bytes.
    pub len: u64,
    /// It was not there before.
    pub new: bool,
}

/// A blob that is being written, for programs that are given bytes instead of asking for them; it finds the digest.
/// Dropped before it is finished, it leaves nothing.
///
/// ```
/// use modeldb::{BlobStore, BlobWriter, MemoryBlobs};
/// use std::io::Write;
///
/// # fn main() -> modeldb::Result<()> {
/// let blobs = MemoryBlobs::new();
/// let mut writer = BlobWriter::new(blobs.begin()?);
/// writeln!(writer, "epoch,loss").unwrap();
/// writeln!(writer, "1,0.7").unwrap();
/// let stored = writer.finish()?;
/// assert_eq!(stored.len, 17);
/// # Ok(())
/// # }
/// ```
pub struct BlobWriter {
    blob: Box<dyn UnfinishedBlob>,
    hashing: Hashing,
    failed: bool,
}

impl BlobWriter {
    /// Writes into a blob that a store has [begun](super::BlobStore::begin), from its beginning on.
    pub fn new(blob: Box<dyn UnfinishedBlob>) -> Self {
        BlobWriter { blob, hashing: Hashing::new(), failed: false }
    }

    /// Appends a piece. [`io::Write`] does the same, and has the [`Error`] inside an [`io::Error`].
    ///
    /// # Errors
    /// Those of [`UnfinishedBlob::write`]; the blob cannot be finished any more then.
    pub fn write_piece(&mut self, piece: &[u8]) -> Result<()> {
        self.check()?;
        self.failed = true;
        // It is hashed meanwhile.
        self.hashing.update(piece);
        self.blob.write(piece)?;
        self.failed = false;
        Ok(())
    }

    /// Stores the blob under its digest.
    ///
    /// # Errors
    /// Those of [`UnfinishedBlob::finish`]; `Io` if a piece could not be written.
    pub fn finish(mut self) -> Result<StoredBlob> {
        self.check()?;
        let digest = self.hashing.digest()?;
        let new = self.blob.finish(&digest)?;
        Ok(StoredBlob { digest, len: self.hashing.len(), new })
    }

    fn check(&self) -> Result<()> {
        match self.failed {
            true => Err(Error::new(ErrorKind::Io, "writing a blob of which an earlier piece could not be written")),
            false => Ok(()),
        }
    }
}

impl fmt::Debug for BlobWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BlobWriter").field("len", &self.hashing.len()).finish_non_exhaustive()
    }
}

impl io::Write for BlobWriter {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        self.write_piece(piece).map_err(super::into_io)?;
        Ok(piece.len())
    }

    /// Does nothing: a blob is durable when it is finished.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Writes all that `from` has to give into `blob`.
pub(super) fn put(
    blob: Box<dyn UnfinishedBlob>,
    from: &mut dyn Read,
    progress: &mut dyn FnMut(u64) -> ControlFlow<()>,
) -> Result<StoredBlob> {
    let mut writer = BlobWriter::new(blob);
    let mut room = vec![0; PIECE];
    loop {
        let piece = fill(from, &mut room).map_err(|error| super::from_io(error, "reading the bytes of a blob"))?;
        if piece.is_empty() {
            return writer.finish();
        }
        writer.write_piece(piece)?;
        let len = writer.hashing.len();
        if progress(len).is_break() {
            return Err(Error::new(ErrorKind::Cancelled, format!("storing a blob, after {len} bytes")));
        }
    }
}

/// Reads until `room` is full, or there is no more.
fn fill<'a>(from: &mut dyn Read, room: &'a mut [u8]) -> io::Result<&'a [u8]> {
    let mut filled = 0;
    while let Some(rest) = room.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match from.read(rest) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    room.get(..filled).ok_or_else(|| io::Error::other("the source says it read more than there was room for"))
}
