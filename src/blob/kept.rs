//! The blobs of one store: where they are kept, and which small ones a collection must leave alone.

use std::collections::HashSet;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use parking_lot::Mutex;

use super::{BlobStore, LocalBlobs, MemoryBlobs};
use crate::digest::BlobDigest;
use crate::error::Result;
use crate::time::Clock;

/// Where the blobs of a store are kept.
pub(crate) enum BlobPlace {
    /// Where the program says.
    Given(Arc<dyn BlobStore>),
    /// In a folder, which is made when it is first used.
    Folder(PathBuf),
    Memory,
    #[cfg(feature = "simulation")]
    Simulated(crate::simulated::SimulatedDisk),
}

/// The blobs of a store, opened when they are first used.
pub(crate) struct KeptBlobs {
    place: BlobPlace,
    clock: Arc<dyn Clock>,
    opened: OnceLock<Arc<dyn BlobStore>>,
    /// While a collection goes on: small blobs that a write has named since it began.
    named: Mutex<Option<HashSet<BlobDigest>>>,
}

impl KeptBlobs {
    pub(crate) fn new(place: BlobPlace, clock: Arc<dyn Clock>) -> Self {
        KeptBlobs { place, clock, opened: OnceLock::new(), named: Mutex::default() }
    }

    pub(crate) fn store(&self) -> Result<&Arc<dyn BlobStore>> {
        if let Some(opened) = self.opened.get() {
            return Ok(opened);
        }
        let clock = Arc::clone(&self.clock);
        let opened: Arc<dyn BlobStore> = match &self.place {
            BlobPlace::Given(given) => Arc::clone(given),
            BlobPlace::Folder(folder) => Arc::new(LocalBlobs::options().clock(clock).open(folder)?),
            BlobPlace::Memory => Arc::new(MemoryBlobs::with_clock(clock)),
            #[cfg(feature = "simulation")]
            BlobPlace::Simulated(disk) => Arc::new(LocalBlobs::options().clock(clock).open_simulated(disk)?),
        };
        Ok(self.opened.get_or_init(|| opened))
    }

    /// A write names a small blob.
    pub(crate) fn name(&self, digest: BlobDigest) {
        if let Some(named) = &mut *self.named.lock() {
            named.insert(digest);
        }
    }

    /// A collection begins: what is named from now on is kept. Answers whether none goes on already.
    pub(crate) fn begin_collection(&self) -> bool {
        let mut named = self.named.lock();
        let free = named.is_none();
        if free {
            *named = Some(HashSet::new());
        }
        free
    }

    pub(crate) fn end_collection(&self) {
        *self.named.lock() = None;
    }

    /// Whether a write has named a small blob since the collection began.
    pub(crate) fn is_named(&self, digest: &BlobDigest) -> bool {
        self.named.lock().as_ref().is_some_and(|named| named.contains(digest))
    }
}

impl fmt::Debug for KeptBlobs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeptBlobs")
    }
}
