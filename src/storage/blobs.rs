//! Small blobs: bytes of artifacts that are not worth a file, by digest.

use redb::{ReadableTable, Table};

use super::errors::storage;
use super::read::ReadTables;
use super::tables::{BLOB_PIECE_BYTES, BlobKey};
use super::write::{WriteTables, WriteTxn};
use crate::codec::envelope::{self, Kind};
use crate::digest::BlobDigest;
use crate::error::Result;

pub(super) type BlobsTable<'t> = Table<'t, BlobKey, &'static [u8]>;

const READING: &str = "reading a small blob";

fn blob<T: ReadableTable<BlobKey, &'static [u8]>>(table: &T, digest: &BlobDigest) -> Result<Option<Vec<u8>>> {
    let key = digest.as_bytes();
    let open = |sealed: &[u8]| match envelope::open(Kind::Blob, key, sealed) {
        Ok(bytes) => Ok(Some(bytes.to_vec())),
        Err(error) => Err(error.context(format!("{READING}, {digest}"))),
    };
    let mut sealed = Vec::new();
    for piece in 0.. {
        match table.get((key, piece)).map_err(storage(READING))? {
            // Nothing follows what is no whole piece.
            Some(piece) if piece.value().len() < BLOB_PIECE_BYTES => {
                if sealed.is_empty() {
                    return open(piece.value());
                }
                sealed.extend_from_slice(piece.value());
                break;
            }
            Some(piece) => sealed.extend_from_slice(piece.value()),
            None => break,
        }
    }
    if sealed.is_empty() { Ok(None) } else { open(&sealed) }
}

/// Where small blobs are read: on a snapshot, and inside a write.
pub(crate) trait BlobSource {
    /// The bytes of a small blob, if it is there.
    ///
    /// # Errors
    /// `Corrupt` if they are damaged.
    fn small_blob(&self, digest: &BlobDigest) -> Result<Option<Vec<u8>>>;
}

impl BlobSource for ReadTables {
    fn small_blob(&self, digest: &BlobDigest) -> Result<Option<Vec<u8>>> {
        blob(self.blobs_table()?, digest)
    }
}

impl BlobSource for WriteTxn {
    fn small_blob(&self, digest: &BlobDigest) -> Result<Option<Vec<u8>>> {
        blob(&self.blobs_table()?, digest)
    }
}

impl ReadTables {
    /// The small blobs with their lengths, by digest, those behind `after`; as many as `limit`.
    pub(crate) fn small_blobs(&self, after: Option<BlobDigest>, limit: usize) -> Result<Vec<(BlobDigest, u64)>> {
        let table = self.blobs_table()?;
        let after = after.unwrap_or(BlobDigest::from_bytes([0; 32]));
        let mut found: Vec<(BlobDigest, u64)> = Vec::new();
        for piece in table.range((after.as_bytes(), u32::MAX)..).map_err(storage(READING))? {
            let (key, value) = piece.map_err(storage(READING))?;
            let digest = BlobDigest::from_bytes(*key.value().0);
            let len = value.value().len() as u64;
            let count = found.len();
            match found.last_mut() {
                Some((last, bytes)) if *last == digest => *bytes += len,
                _ if count == limit => break,
                _ => found.push((digest, len.saturating_sub(envelope::HEADER as u64))),
            }
        }
        Ok(found)
    }
}

impl WriteTables<'_> {
    /// Stores a small blob, in place of what is left of it.
    pub(crate) fn put_small_blob(&mut self, digest: &BlobDigest, bytes: &[u8]) -> Result<()> {
        let doing = "writing a small blob";
        let key = digest.as_bytes();
        let table = self.blobs_table()?;
        let sealed = envelope::wrap(Kind::Blob, key, bytes);
        let mut next = 0;
        for bytes in sealed.chunks(BLOB_PIECE_BYTES) {
            table.insert((key, next), bytes).map_err(storage(doing))?;
            next += 1;
        }
        // What ends with a whole piece ends where there is no next one.
        if sealed.len().is_multiple_of(BLOB_PIECE_BYTES) {
            table.remove((key, next)).map_err(storage(doing))?;
        }
        Ok(())
    }

    /// Removes a small blob.
    pub(crate) fn remove_small_blob(&mut self, digest: &BlobDigest) -> Result<()> {
        let all = (digest.as_bytes(), 0)..=(digest.as_bytes(), u32::MAX);
        self.blobs_table()?.retain_in(all, |_, _| false).map_err(storage("removing a small blob"))
    }
}
