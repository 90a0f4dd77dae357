//! How a store is opened.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::blob::BlobStore;
use crate::error::Result;
use crate::filter::Layout;
use crate::model::Actor;
use crate::paths;
use crate::storage::Place;
use crate::store::Store;
use crate::time::{Clock, Entropy, SystemClock, SystemEntropy};

/// When an acknowledged write is safe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Durability {
    /// Before it is acknowledged: one sync for each group of writes. The default.
    #[default]
    Durable,
    /// At most this long after it was acknowledged, while writes go on, or at the next
    /// [`Store::flush`] or close. A crash of the process or the machine loses what lies between; what is
    /// left is whole. For loads that can be repeated.
    Relaxed(Duration),
}

/// Options of a store; [`open`](Self::open) ends them.
#[must_use = "options do nothing until the store is opened"]
pub struct Options {
    pub(crate) create: bool,
    pub(crate) read_only: bool,
    pub(crate) cache_bytes: usize,
    pub(crate) check_integrity: bool,
    pub(crate) quick_repair_bytes: u64,
    pub(crate) durability: Durability,
    pub(crate) actor: Actor,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) blobs: Option<Arc<dyn BlobStore>>,
    pub(crate) entropy: Box<dyn Entropy>,
    pub(crate) filter: Layout,
    pub(crate) background: bool,
    pub(crate) text_start_rows: Option<u32>,
    pub(crate) repair_progress: Option<Arc<dyn Fn(f64) + Send + Sync>>,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            create: true,
            read_only: false,
            cache_bytes: 128 << 20,
            check_integrity: false,
            quick_repair_bytes: u64::MAX,
            durability: Durability::Durable,
            actor: Actor::process_user(),
            clock: Arc::new(SystemClock),
            blobs: None,
            entropy: Box::<SystemEntropy>::default(),
            filter: Layout::default(),
            background: true,
            text_start_rows: None,
            repair_progress: None,
        }
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("create", &self.create)
            .field("read_only", &self.read_only)
            .field("cache_bytes", &self.cache_bytes)
            .field("check_integrity", &self.check_integrity)
            .field("quick_repair_bytes", &self.quick_repair_bytes)
            .field("durability", &self.durability)
            .field("actor", &self.actor)
            .finish_non_exhaustive()
    }
}

impl Options {
    /// Make the store if there is none. Default: true. Set it to false if a mistyped path should be an error.
    pub fn create(mut self, create: bool) -> Self {
        self.create = create;
        self
    }

    /// Open without changing a byte, for a backup or for read-only media. Default: false.
    ///
    /// Several processes may have a store open so at once, and none may have it open for writing meanwhile. There are
    /// no threads for upkeep; a text index that is there and whole is read, and otherwise the same questions are
    /// answered from the records. What writes is refused as `ReadOnly`. So is a store that was not closed cleanly: it
    /// has to be opened for writing once, which recovers it; a [backup](Store::backup) is never like that.
    pub fn read_only(mut self, read_only: bool) -> Self {
        self.read_only = read_only;
        self
    }

    /// Memory for the page cache, in bytes. Default: 128 MiB. Reads are fastest when the working set fits.
    pub fn cache_bytes(mut self, bytes: usize) -> Self {
        self.cache_bytes = bytes;
        self
    }

    /// Memory for the fields of runs that searches have asked of, in bytes, beside the page cache. Default: 192 MiB.
    ///
    /// Each field takes some 10 to 20 bytes a run while it is asked of. What does not fit is read and unpacked again at
    /// the next search, which then takes milliseconds for each million runs.
    pub fn filter_cache_bytes(mut self, bytes: usize) -> Self {
        self.filter.cache_bytes = bytes;
        self
    }

    /// Read the whole file at open and verify the checksums of all pages. Default: false.
    ///
    /// Records are verified whenever they are read; pages that lead to them are not, so a damaged file that
    /// is opened plainly may miss rows. Turn it on for files that came from elsewhere or lay on a bad disk; it
    /// costs one read of the file.
    pub fn check_integrity(mut self, check: bool) -> Self {
        self.check_integrity = check;
        self
    }

    /// Files of at least this many bytes are written so that a crash needs no repair at the next open.
    /// Default: never.
    ///
    /// After a crash, the file is read once to find its free pages: about a second for a GiB. With this, each
    /// commit stores them as well, for two syncs instead of one and two to four times the bytes.
    pub fn quick_repair_above(mut self, bytes: u64) -> Self {
        self.quick_repair_bytes = bytes;
        self
    }

    /// When an acknowledged write is safe. Default: before it is acknowledged. Leave it alone unless losing the
    /// last writes is acceptable.
    pub fn durability(mut self, durability: Durability) -> Self {
        self.durability = durability;
        self
    }

    /// Who acts, unless a handle says otherwise. Default: the user of the process.
    pub fn actor(mut self, actor: Actor) -> Self {
        self.actor = actor;
        self
    }

    /// Where the bytes of artifacts are kept, those of more than [`limits::SMALL_BLOB_BYTES`](crate::limits). Default:
    /// the folder `blobs` in that of the store; for a store in memory, memory. It should take the time of uses from the
    /// same clock as the store does, and no other store may collect its garbage.
    pub fn blobs(mut self, blobs: impl BlobStore + 'static) -> Self {
        self.blobs = Some(Arc::new(blobs));
        self
    }

    /// Where time comes from. Default: the system's clock.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Where ids, salts and random names come from. Default: the operating system.
    pub fn entropy(mut self, entropy: impl Entropy) -> Self {
        self.entropy = Box::new(entropy);
        self
    }

    /// Whether the store may keep threads, one for the upkeep of the filter index and one for
    /// [loggers](crate::RunLogger); it does, unless this says otherwise. Without, [`Store::optimize`] does the upkeep
    /// when it is called, there is no text index before it is [waited for](Store::wait_indexed), and whoever logs
    /// writes when the queue is full.
    pub fn background(mut self, background: bool) -> Self {
        self.background = background;
        self
    }

    /// Blocks and tail of the filter index, in rows: small ones show in a test what many rows would. What is changed
    /// goes into an overlay at the first search.
    #[cfg(feature = "simulation")]
    #[doc(hidden)]
    pub fn filter_rows(mut self, block: u32, tail: u64) -> Self {
        self.filter = Layout { block_rows: block, tail_rows: tail, looks: 1, ..self.filter };
        self
    }

    /// From how many rows on the text index is made at the first question for words.
    #[cfg(feature = "simulation")]
    #[doc(hidden)]
    pub fn text_start(mut self, rows: u32) -> Self {
        self.text_start_rows = Some(rows);
        self
    }

    /// Called with the part of a repair that is done, from 0 to 1, when a file was not closed cleanly.
    pub fn repair_progress(mut self, progress: impl Fn(f64) + Send + Sync + 'static) -> Self {
        self.repair_progress = Some(Arc::new(progress));
        self
    }

    /// Opens the store in `folder`, which stays the same when the program changes its working directory. Runs whose loggers ended with an earlier process become
    /// [crashed](crate::RunStatus::Crashed), in one commit, before anybody reads.
    ///
    /// # Errors
    /// - `Locked`: another handle or process has it open.
    /// - `NotFound`: there is none, and `create` is false.
    /// - `InvalidArgument`: the folder holds something else, or is a file; the path is empty; or it is to be checked
    ///   and read only.
    /// - `ReadOnly`: it is to be read only, and has to be recovered first; the message says how.
    /// - `Incompatible`: another format or layout wrote it. Nothing was changed.
    /// - `Corrupt`: it is damaged.
    /// - `StorageFull`, `Io`: the operating system refuses.
    /// - `CommitUnknown`: the commit that ends such runs failed while it became durable. Open it again.
    pub fn open(self, folder: impl AsRef<Path>) -> Result<Store> {
        Store::open_with(self, Place::Folder(paths::absolute(folder.as_ref())?))
    }

    /// Opens a store in memory, which is gone with its last handle.
    ///
    /// # Errors
    /// `Io` if the system has no randomness.
    pub fn open_in_memory(self) -> Result<Store> {
        Store::open_with(self, Place::Memory)
    }

    /// Opens the store on a simulated disk.
    ///
    /// # Errors
    /// Those of [`open`](Self::open).
    #[cfg(feature = "simulation")]
    pub fn open_simulated(self, disk: &crate::simulated::SimulatedDisk) -> Result<Store> {
        Store::open_with(self, Place::Simulated(disk.clone()))
    }
}
