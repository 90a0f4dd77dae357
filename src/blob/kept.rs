//! The blobs of one store: where they are kept, and which small ones a collection must leave alone.

use std::collections::HashSet;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use parking_lot::Mutex;

use super::{BlobStore, LocalBlobs, MemoryBlobs};
use crate::digest::BlobDigest;
use crate::error::{Error, ErrorKind, Result};
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
    read_only: bool,
    opened: OnceLock<Arc<dyn BlobStore>>,
    collecting: Mutex<Collecting>,
}

#[derive(Default)]
struct Collecting {
    /// While a collection goes on: small blobs that a write has named since it began.
    named: Option<HashSet<BlobDigest>>,
    /// Who needs blobs that are there to stay.
    pins: usize,
}

/// As long as it lives, there is no collection.
pub(crate) struct Pin<'k>(&'k KeptBlobs);

impl Drop for Pin<'_> {
    fn drop(&mut self) {
        self.0.collecting.lock().pins -= 1;
    }
}

impl KeptBlobs {
    pub(crate) fn new(place: BlobPlace, clock: Arc<dyn Clock>, read_only: bool) -> Self {
        KeptBlobs { place, clock, read_only, opened: OnceLock::new(), collecting: Mutex::default() }
    }

    /// The place, to write to.
    ///
    /// # Errors
    /// `ReadOnly`, and those of opening it.
    pub(crate) fn to_write(&self) -> Result<&Arc<dyn BlobStore>> {
        match self.read_only {
            true => Err(Error::new(ErrorKind::ReadOnly, "the store is open for reading only")),
            false => self.store(),
        }
    }

    /// The folder, or the disk, if it is the store's own.
    pub(crate) fn place(&self) -> &BlobPlace {
        &self.place
    }

    /// The place, to read.
    pub(crate) fn store(&self) -> Result<&Arc<dyn BlobStore>> {
        if let Some(opened) = self.opened.get() {
            return Ok(opened);
        }
        let clock = Arc::clone(&self.clock);
        let opened: Arc<dyn BlobStore> = match &self.place {
            BlobPlace::Given(given) => Arc::clone(given),
            // Opening it would make it.
            BlobPlace::Folder(folder) if self.read_only && !folder.exists() => Arc::new(MemoryBlobs::new()),
            #[cfg(feature = "simulation")]
            BlobPlace::Simulated(disk) if self.read_only && !disk.exists("blobs") => Arc::new(MemoryBlobs::new()),
            BlobPlace::Folder(folder) => Arc::new(LocalBlobs::options().clock(clock).open(folder)?),
            BlobPlace::Memory => Arc::new(MemoryBlobs::with_clock(clock)),
            #[cfg(feature = "simulation")]
            BlobPlace::Simulated(disk) => Arc::new(LocalBlobs::options().clock(clock).open_simulated(disk)?),
        };
        Ok(self.opened.get_or_init(|| opened))
    }

    /// A write names a small blob.
    pub(crate) fn name(&self, digest: BlobDigest) {
        if let Some(named) = &mut self.collecting.lock().named {
            named.insert(digest);
        }
    }

    /// A collection begins: what is named from now on is kept.
    ///
    /// # Errors
    /// `Conflict` if there is one, or somebody needs what is there to stay.
    pub(crate) fn begin_collection(&self) -> Result<()> {
        let mut collecting = self.collecting.lock();
        if collecting.named.is_some() {
            return Err(Error::new(ErrorKind::Conflict, "another collection of garbage goes on"));
        }
        if collecting.pins > 0 {
            return Err(Error::new(ErrorKind::Conflict, "a backup is made, which needs what is there to stay"));
        }
        collecting.named = Some(HashSet::new());
        Ok(())
    }

    pub(crate) fn end_collection(&self) {
        self.collecting.lock().named = None;
    }

    /// Keeps what is there.
    ///
    /// # Errors
    /// `Conflict` while a collection goes on.
    pub(crate) fn pin(&self) -> Result<Pin<'_>> {
        let mut collecting = self.collecting.lock();
        if collecting.named.is_some() {
            return Err(Error::new(ErrorKind::Conflict, "a collection of garbage goes on"));
        }
        collecting.pins += 1;
        Ok(Pin(self))
    }

    /// Whether a write has named a small blob since the collection began.
    pub(crate) fn is_named(&self, digest: &BlobDigest) -> bool {
        self.collecting.lock().named.as_ref().is_some_and(|named| named.contains(digest))
    }
}

impl fmt::Debug for KeptBlobs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeptBlobs")
    }
}
