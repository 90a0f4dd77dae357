//! Blobs in memory: for tests, and for stores that are there only.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Bound;
use std::sync::Arc;

use parking_lot::Mutex;

use super::{BlobEntry, BlobStore, OpenBlob, UnfinishedBlob, check_range, not_there};
use crate::digest::BlobDigest;
use crate::error::Result;
use crate::time::{Clock, SystemClock, Timestamp};

/// Blobs in memory, gone with the last clone.
#[derive(Clone)]
pub struct MemoryBlobs(Arc<Shared>);

struct Shared {
    blobs: Mutex<BTreeMap<BlobDigest, Held>>,
    clock: Box<dyn Clock>,
}

struct Held {
    bytes: Arc<[u8]>,
    last_used: Timestamp,
}

impl MemoryBlobs {
    /// No blobs yet.
    pub fn new() -> Self {
        Self::with_clock(SystemClock)
    }

    /// No blobs yet, and a clock that says when one is used.
    pub fn with_clock(clock: impl Clock) -> Self {
        MemoryBlobs(Arc::new(Shared { blobs: Mutex::default(), clock: Box::new(clock) }))
    }
}

impl Default for MemoryBlobs {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for MemoryBlobs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MemoryBlobs")
    }
}

impl BlobStore for MemoryBlobs {
    fn begin(&self) -> Result<Box<dyn UnfinishedBlob>> {
        Ok(Box::new(Unfinished { blobs: self.clone(), bytes: Vec::new() }))
    }

    fn open(&self, digest: &BlobDigest) -> Result<Box<dyn OpenBlob>> {
        let blobs = self.0.blobs.lock();
        let held = blobs.get(digest).ok_or_else(|| not_there(digest))?;
        Ok(open(Arc::clone(&held.bytes)))
    }

    fn exists(&self, digest: &BlobDigest) -> Result<bool> {
        Ok(self.0.blobs.lock().contains_key(digest))
    }

    fn touch(&self, digest: &BlobDigest) -> Result<bool> {
        let now = self.0.clock.now();
        let mut blobs = self.0.blobs.lock();
        let held = blobs.get_mut(digest);
        Ok(held.map(|held| held.last_used = now).is_some())
    }

    fn remove(&self, digest: &BlobDigest, unless_used_since: Option<Timestamp>) -> Result<bool> {
        let mut blobs = self.0.blobs.lock();
        let held = blobs.get(digest);
        let remove = held.is_some_and(|held| unless_used_since.is_none_or(|since| held.last_used < since));
        Ok(remove && blobs.remove(digest).is_some())
    }

    fn list(&self) -> Box<dyn Iterator<Item = Result<BlobEntry>> + '_> {
        let mut last = None;
        Box::new(std::iter::from_fn(move || {
            let from = last.map_or(Bound::Unbounded, Bound::Excluded);
            let blobs = self.0.blobs.lock();
            let (digest, held) = blobs.range((from, Bound::Unbounded)).next()?;
            last = Some(*digest);
            Some(Ok(BlobEntry::new(*digest, held.bytes.len() as u64, held.last_used)))
        }))
    }

    fn remove_unfinished(&self) -> Result<u64> {
        Ok(0)
    }
}

struct Unfinished {
    blobs: MemoryBlobs,
    bytes: Vec<u8>,
}

impl UnfinishedBlob for Unfinished {
    fn write(&mut self, piece: &[u8]) -> Result<()> {
        self.bytes.extend_from_slice(piece);
        Ok(())
    }

    fn finish(self: Box<Self>, digest: &BlobDigest) -> Result<bool> {
        let bytes: Arc<[u8]> = self.bytes.into();
        let last_used = self.blobs.0.clock.now();
        let mut blobs = self.blobs.0.blobs.lock();
        let mut new = false;
        let held = blobs.entry(*digest).or_insert_with(|| {
            new = true;
            Held { bytes, last_used }
        });
        held.last_used = last_used;
        Ok(new)
    }
}

struct Open<B>(B);

pub(super) fn open(bytes: impl AsRef<[u8]> + Send + Sync + 'static) -> Box<dyn OpenBlob> {
    Box::new(Open(bytes))
}

impl<B: AsRef<[u8]> + Send + Sync> OpenBlob for Open<B> {
    fn len(&self) -> u64 {
        self.0.as_ref().len() as u64
    }

    fn read_exact_at(&self, offset: u64, out: &mut [u8]) -> Result<()> {
        check_range(offset, out.len(), self.len())?;
        let start = usize::try_from(offset).unwrap_or(usize::MAX);
        if let Some(bytes) = self.0.as_ref().get(start..start.saturating_add(out.len())) {
            out.copy_from_slice(bytes);
        }
        Ok(())
    }
}
