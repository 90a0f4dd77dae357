//! Blobs of a folder as memory maps: the only file with `unsafe` code.
//!
//! A map is a slice without a copy, but it is one of a file: if anybody cuts the file off, touching what is gone kills
//! the process with a signal, and if anybody writes to it, bytes change that Rust takes to be constant. Nothing in a
//! library can keep other processes from that. What is done here is what makes it an error of whoever does it:
//!
//! - only blobs are mapped: files that were written under another name, made durable, made unwritable, renamed, and are
//!   never written again; a repair puts another file in their place, and a removal takes the name only
//! - length and digest are checked by reading, before a map is handed out: what was damaged earlier is an error
//! - the caller asks for it, when opening the folder: not for one that others write to, nor for a network's file
//!   system, where the server may drop a file, or its bytes may fail to come
//! - a blob of less than 64 KiB is read: that costs less than a map, and an empty file has none

#![allow(unsafe_code)]

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::ops::Deref;

use super::BlobReader;
use super::local::{LocalBlobs, Open};
use crate::digest::BlobDigest;
use crate::error::{Error, ErrorKind, Result};

/// Blobs of at least so many bytes are mapped.
const MAPPED_FROM: u64 = 64 << 10;

/// The bytes of a blob, checked: a map of its file, or a copy of a small one.
///
/// As long as it lives, nobody may write to the file or cut it off, in any process: see
/// [`LocalBlobsOptions::map_files`](super::LocalBlobsOptions::map_files).
pub struct Mapped(Bytes);

enum Bytes {
    Read(Vec<u8>),
    Map(memmap2::Mmap),
}

impl LocalBlobs {
    /// The bytes of a blob in one slice. Reads the blob once, to check it; then, if the folder was opened with
    /// [`map_files`](super::LocalBlobsOptions::map_files) and the blob has 64 KiB or more, they are a map of its
    /// file, which the system loads and drops as it sees fit. Otherwise they are in memory, all of them.
    ///
    /// # Errors
    /// `NotFound`; `Corrupt` if these are not the bytes of the digest; `LimitExceeded` if there is no room for them in
    /// the memory, or in the addresses, of the process; `Io`.
    pub fn map(&self, digest: &BlobDigest) -> Result<Mapped> {
        let open = self.open_local(digest)?;
        let len = open.file.len();
        let file = if self.maps_files() && len >= MAPPED_FROM { open.file.to_map() } else { None };
        let path = open.path.clone();
        let io = |error| Error::io(format!("mapping the blob {}", path.display()), error);
        let Some(file) = file.transpose().map_err(io)? else { return read(open, digest) };
        BlobReader::new(Box::new(open), *digest).verify()?;
        let len = usize::try_from(len).map_err(|_| too_large(digest, len))?;
        let map = map(&file, len).map_err(io)?;
        match file.metadata().map_err(io)?.len() == map.len() as u64 {
            true => Ok(Mapped(Bytes::Map(map))),
            false => Err(Error::corrupt(format!("the blob {} has changed while it was mapped", path.display()))),
        }
    }
}

fn map(file: &File, len: usize) -> std::io::Result<memmap2::Mmap> {
    // SAFETY: the file is a blob's. This crate never writes to such a file, nor cuts it off, once it has its name; that
    // nobody else does is what the caller vouched for with `map_files`. The map holds the file by itself.
    unsafe { memmap2::MmapOptions::new().len(len).map(file) }
}

fn read(open: Open, digest: &BlobDigest) -> Result<Mapped> {
    let len = open.file.len();
    let mut bytes = Vec::new();
    let room = usize::try_from(len).ok().and_then(|len| bytes.try_reserve_exact(len).ok());
    room.ok_or_else(|| too_large(digest, len))?;
    let mut reader = BlobReader::new(Box::new(open), *digest);
    reader.read_to_end(&mut bytes).map_err(|error| super::from_io(error, "reading a blob"))?;
    Ok(Mapped(Bytes::Read(bytes)))
}

fn too_large(digest: &BlobDigest, len: u64) -> Error {
    Error::new(ErrorKind::LimitExceeded, format!("there is no room for the {len} bytes of the blob {digest}"))
}

impl fmt::Debug for Mapped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mapped").field("len", &self.len()).finish_non_exhaustive()
    }
}

impl Deref for Mapped {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match &self.0 {
            Bytes::Read(bytes) => bytes,
            Bytes::Map(map) => map,
        }
    }
}

impl AsRef<[u8]> for Mapped {
    fn as_ref(&self) -> &[u8] {
        self
    }
}
