//! The door: opening, handles, closing.
//!
//! Lock order: what loggers lock (`run_logger::writer`) before `writer`, `writer` before `published` and `durable`; the
//! latter two are held for a copy or a swap only, but for who has the store to himself (`admin::exclusive`, which says
//! what comes before `writer` there).
//! No lock is held while a caller's code runs, but for `writer` around the closure of a write or of a compaction.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use parking_lot::{Mutex, RwLock};

use crate::admin::exclusive::Gate;
use crate::audit::Audit;
use crate::blob::{BlobPlace, KeptBlobs};
use crate::entity::state::{Common, State};
#[cfg(feature = "text")]
use crate::entity::texts;
use crate::error::{Error, ErrorKind, Result};
use crate::filter::FilterIndex;
use crate::id::{EntityKind, Row, Sequence};
use crate::keys::{self, Hashing, Keys, Watermark};
use crate::limits;
use crate::log;
use crate::log::chain::Head;
use crate::log::read::LogReader;
use crate::log::resolve::Resolver;
use crate::log::watch::Durable;
use crate::model::Actor;
use crate::options::{Durability, Options};
use crate::run_logger::Loggers;
use crate::snapshot::Snapshot;
use crate::storage::dictionary::Dictionary;
use crate::storage::{BLOBS_FOLDER, CommitMode, Database, OpenSettings, Place, ReadTables, Source, WriteTxn};
use crate::text::TextIndex;
use crate::time::Clock;
use crate::upkeep::{self, Worker};
use crate::watch::Watch;
use crate::write::{self, Tip, Writer};

/// A store: projects, experiments and runs, and the log of everything that happened to them.
///
/// A handle is a cheap clone, and can be used from any thread. The last one closes the store.
#[derive(Clone)]
pub struct Store {
    pub(crate) inner: Arc<Handle>,
    pub(crate) actor: Arc<Actor>,
}

/// A state that was published, as long as somebody holds it.
pub(crate) struct Age {
    pub(crate) since: Instant,
    /// When the next one came.
    pub(crate) outdated: Option<Instant>,
    pub(crate) state: Weak<State>,
}

impl Age {
    pub(crate) fn is_held(&self) -> bool {
        self.state.strong_count() > 0
    }
}

pub(crate) struct Inner {
    pub(crate) common: Arc<Common>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) durability: Durability,
    pub(crate) quick_repair_bytes: u64,
    pub(crate) read_only: bool,
    pub(crate) cache_bytes: usize,
    pub(crate) place: Place,
    pub(crate) database: RwLock<Option<Database>>,
    pub(crate) writer: Mutex<Writer>,
    /// Threads that want the writer.
    pub(crate) waiting: AtomicUsize,
    pub(crate) published: Arc<RwLock<Arc<State>>>,
    pub(crate) durable: Durable,
    pub(crate) poisoned: AtomicBool,
    /// When each state that may still be alive was published.
    pub(crate) ages: Mutex<Vec<Age>>,
    /// What the thread of the text index passes to read a state.
    pub(crate) gate: Arc<Gate>,
    /// Whether there may be a thread for upkeep.
    pub(crate) background: bool,
    pub(crate) worker: Worker,
    pub(crate) loggers: Loggers,
    pub(crate) this: Weak<Inner>,
}

/// What all handles share: with the last of them the store is closed.
pub(crate) struct Handle(Arc<Inner>);

impl std::ops::Deref for Handle {
    type Target = Inner;
    fn deref(&self) -> &Inner {
        &self.0
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        // Whoever wants to know calls `close`.
        let _ = self.0.close();
    }
}

/// Figures about a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// The last published commit.
    pub head: Head,
    /// Projects ever created.
    pub projects: u64,
    /// Experiments ever created.
    pub experiments: u64,
    /// Runs ever created.
    pub runs: u64,
    /// Comments ever made.
    pub comments: u64,
    /// Jobs ever created.
    pub jobs: u64,
    /// Edges of the lineage ever added.
    pub lineage_edges: u64,
    /// Distinct keys of attributes, metrics and hyperparameters; all of them are in memory.
    pub distinct_keys: usize,
    /// Entries of the key index that are in memory.
    pub unfolded_keys: usize,
    /// Commits that the key index on disk has not followed: opening the store after a crash reads them again. At
    /// most some 25,000.
    pub unfolded_commits: u64,
    /// Blocks of the filter index on the disk.
    pub filter_blocks: u64,
    /// Runs that were created or changed since those were made, about: a search looks at them by themselves.
    pub filter_tail_runs: u64,
    /// Bytes of the filter index in memory, about, without what was created or changed since.
    pub filter_bytes: u64,
    /// Bytes of the file; none in memory. [`Store::storage_stats`] tells what its tables take.
    pub file_bytes: Option<u64>,
    /// The commit that the text index has come to: searches look into the records of what was changed since. None if
    /// it is not made, or there is none in this build.
    pub text_sequence: Option<Sequence>,
    /// Runs that have a logger.
    pub run_loggers: usize,
    /// Bytes that these hold and have not begun to write, about: see [`limits::LOGGER_QUEUE_BYTES`].
    pub logged_bytes: usize,
    /// How long the oldest snapshot that is still held has been outdated. It pins every page freed since.
    pub oldest_snapshot_age: Duration,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").field("place", &self.inner.place).field("actor", &self.actor).finish_non_exhaustive()
    }
}

impl Store {
    /// Opens the store in `folder` with the default options, making it if there is none.
    ///
    /// # Errors
    /// Those of [`Options::open`].
    pub fn open(folder: impl AsRef<std::path::Path>) -> Result<Store> {
        Options::default().open(folder)
    }

    /// Options to open a store with.
    pub fn options() -> Options {
        Options::default()
    }

    /// A store in memory, which is gone with its last handle.
    ///
    /// # Errors
    /// `Io` if the system has no randomness.
    pub fn in_memory() -> Result<Store> {
        Options::default().open_in_memory()
    }

    pub(crate) fn open_with(options: Options, place: Place) -> Result<Store> {
        let mut hash_key = [0; 16];
        options.entropy.fill(&mut hash_key).map_err(|error| Error::io("drawing randomness", error))?;
        let settings = OpenSettings {
            create: options.create,
            read_only: options.read_only,
            cache_bytes: options.cache_bytes,
            check_integrity: options.check_integrity,
            repair_progress: options.repair_progress,
            new_meta: vec![(keys::HASH_KEY, hash_key.to_vec())],
        };
        let database = place.open(&settings)?;
        let tables = ReadTables::begin(&database)?;
        let hash_key = tables.meta(keys::HASH_KEY)?.and_then(|bytes| bytes.try_into().ok());
        let hash_key = hash_key.ok_or_else(|| Error::corrupt("opening the store: its hash key is missing"))?;
        let background = options.background && !options.read_only;
        // Without threads of the store's own it is made when it is waited for.
        let text_start = options.text_start_rows.or(background.then_some(limits::TEXT_START_ROWS));
        let blobs = options.blobs.map_or_else(|| blobs_of(&place), BlobPlace::Given);
        let common = Arc::new(Common {
            dictionary: Dictionary::new(tables.dictionary()?)?,
            parents: Default::default(),
            hashing: Hashing::new(hash_key),
            entropy: options.entropy,
            filter: FilterIndex::new(options.filter),
            text: TextIndex::new(place.beside("text"), text_start, options.read_only),
            blobs: KeptBlobs::new(blobs, Arc::clone(&options.clock), options.read_only),
        });
        let (tip, keys) = recover(&tables, &common)?;
        let state = Arc::new(State {
            tables,
            keys: keys.view(),
            hidden: Arc::clone(&tip.hidden),
            head: Head::new(tip.sequence, tip.hash),
            time: tip.time,
            common: Arc::clone(&common),
            filter: Mutex::default(),
        });
        let inner = Arc::new_cyclic(|this| Inner {
            common,
            clock: options.clock,
            durability: options.durability,
            quick_repair_bytes: options.quick_repair_bytes,
            read_only: options.read_only,
            cache_bytes: options.cache_bytes,
            place,
            database: RwLock::new(Some(database)),
            durable: Durable::new(tip.sequence),
            writer: Mutex::new(Writer::new(tip, keys)),
            waiting: AtomicUsize::new(0),
            ages: Mutex::new(vec![Age { since: Instant::now(), outdated: None, state: Arc::downgrade(&state) }]),
            published: Arc::new(RwLock::new(state)),
            poisoned: AtomicBool::new(false),
            gate: Arc::default(),
            background,
            worker: Worker::default(),
            loggers: Loggers::default(),
            this: Weak::clone(this),
        });
        #[cfg(feature = "text")]
        {
            let (published, sequence) = (Arc::clone(&inner.published), inner.durable.last());
            let gate = Arc::clone(&inner.gate);
            let newest = move || {
                let pass = gate.pass();
                Some(texts::source(Arc::clone(&published.read()), pass))
            };
            inner.common.text.begin(sequence, Box::new(newest));
        }
        let store = Store { inner: Arc::new(Handle(inner)), actor: Arc::new(options.actor) };
        if !options.read_only {
            store.inner.end_dead_runs()?;
        }
        Ok(store)
    }

    /// A handle whose commits say that `actor` made them.
    #[must_use]
    pub fn as_actor(&self, actor: Actor) -> Store {
        Store { inner: Arc::clone(&self.inner), actor: Arc::new(actor) }
    }

    /// The store as of the last acknowledged write. Costs two atomic operations, blocks nobody, and never
    /// changes; while it is held, pages freed since are kept.
    pub fn read(&self) -> Snapshot {
        Snapshot::new(Arc::clone(&self.inner.published.read()))
    }

    /// The audit of the store as it is now.
    pub fn audit(&self) -> Audit {
        self.read().audit()
    }

    /// Follows the log: commits after `seen`, in order, each once, none before it is durable.
    pub fn watch(&self, seen: Sequence) -> Watch {
        Watch::new(self.clone(), seen)
    }

    /// Figures about the store. Cheap.
    ///
    /// # Errors
    /// `Io` if the tables cannot be read.
    pub fn stats(&self) -> Result<Stats> {
        let state = Arc::clone(&self.inner.published.read());
        let oldest = {
            let mut ages = self.inner.ages.lock();
            ages.retain(Age::is_held);
            // The one that is published now is not outdated.
            ages.iter().find_map(|age| age.outdated).map_or(Duration::ZERO, |outdated| outdated.elapsed())
        };
        let [projects, experiments, runs, comments, jobs, lineage_edges] =
            log::apply::next_rows(&state.tables)?.map(u64::from);
        let watermark = Watermark::read(&state.tables)?;
        let (run_loggers, logged_bytes) = self.inner.loggers.figures();
        Ok(Stats {
            head: state.head,
            projects,
            experiments,
            runs,
            comments,
            jobs,
            lineage_edges,
            distinct_keys: self.inner.common.dictionary.len(),
            unfolded_keys: state.keys.len(),
            unfolded_commits: state.head.sequence.get().saturating_sub(watermark.sequence.get()),
            filter_blocks: state.tables.filter_blocks()?.len() as u64,
            filter_tail_runs: self.inner.common.filter.tail(runs),
            filter_bytes: self.inner.common.filter.bytes() as u64,
            file_bytes: self.inner.place.len(),
            text_sequence: self.inner.common.text.sequence(),
            run_loggers,
            logged_bytes,
            oldest_snapshot_age: oldest,
        })
    }

    /// Waits until the text index has come to a commit, making the index if there is none yet: after a load, so that
    /// the first searches are as fast as later ones. Their answers are the same before. In a build without the feature
    /// `text` there is nothing to wait for.
    ///
    /// # Errors
    /// `Closed` if the store is; `ReadOnly` if it is open for reading only and the index is not there; `Io` if the
    /// index cannot be made, or does not come to it within an hour: there may be no such commit; `NestedWrite` inside a
    /// write of this thread, whose commit would never come.
    pub fn wait_indexed(&self, sequence: Sequence) -> Result<()> {
        write::check_not_writing(&self.inner)?;
        self.inner.common.text.wait(sequence, Duration::from_secs(3600))
    }

    /// Makes everything that was acknowledged durable: of use with [`Durability::Relaxed`] only.
    ///
    /// # Errors
    /// `CommitUnknown`, `Poisoned`, `Closed`, `ReadOnly`.
    pub fn flush(&self) -> Result<()> {
        self.inner.flush()
    }

    /// Closes the store for all its handles, telling errors that dropping the last one would swallow. Waits for
    /// the write that is running, and writes what loggers have gathered; their runs are not ended by that, and found
    /// crashed when the store is opened next. Later writes are `Closed`; snapshots that are held may still answer from
    /// memory, or fail as `Closed`.
    ///
    /// # Errors
    /// `CommitUnknown` or `Io` if the last bytes could not be written.
    pub fn close(&self) -> Result<()> {
        self.inner.close()
    }
}

/// What the next write builds on, read off the last keys; and the key index, followed up to it.
/// Where the blobs of a store are that nobody has said it of.
fn blobs_of(place: &Place) -> BlobPlace {
    match place {
        Place::Folder(folder) => BlobPlace::Folder(folder.join(BLOBS_FOLDER)),
        Place::Memory => BlobPlace::Memory,
        #[cfg(feature = "simulation")]
        Place::Simulated(disk) => BlobPlace::Simulated(disk.clone()),
    }
}

fn recover(tables: &ReadTables, common: &Arc<Common>) -> Result<(Tip, Keys)> {
    let resolver = Resolver { source: tables, dictionary: &common.dictionary, parents: &common.parents, pending: None };
    let last = LogReader::new(tables, &resolver).last()?;
    let mut tip = Tip {
        rows: log::apply::next_rows(tables)?,
        hidden: Arc::new(tables.hidden()?),
        packed: log::pack::packed(tables)?,
        ..Tip::default()
    };
    if let Some(commit) = last {
        (tip.sequence, tip.hash, tip.time) = (commit.sequence, commit.hash, commit.time);
    }
    let watermark = Watermark::read(tables)?;
    let mut keys = Keys::new(watermark.sequence);
    if watermark.sequence > tip.sequence {
        return Err(Error::corrupt("opening the store: the key index is ahead of the log"));
    }
    upkeep::restore(tables, &common.filter, tip.sequence)?;
    let mut changed = |sequence, row: Row| common.filter.changed.push(sequence, [row.0]);
    keys::follow(&resolver, common.hashing, watermark, tip.sequence, &mut keys, &mut changed)?;
    Ok((tip, keys))
}

impl Inner {
    pub(crate) fn check_usable(&self) -> Result<()> {
        if self.read_only {
            return Err(Error::new(ErrorKind::ReadOnly, "the store is open for reading only"));
        }
        if self.poisoned.load(Ordering::SeqCst) {
            return Err(Error::new(
                ErrorKind::Poisoned,
                "an earlier storage error ended writing through this handle; reopen the store",
            ));
        }
        Ok(())
    }

    pub(crate) fn poison(&self) {
        self.poisoned.store(true, Ordering::SeqCst);
        self.durable.end();
    }

    /// Begins a transaction of redb.
    pub(crate) fn begin(&self) -> Result<WriteTxn> {
        match &*self.database.read() {
            Some(database) => WriteTxn::begin(database),
            None => Err(closed()),
        }
    }

    /// Publishes what was committed.
    pub(crate) fn publish(&self, tip: &Tip, keys: &Keys) -> Result<()> {
        let tables = match &*self.database.read() {
            Some(database) => ReadTables::begin(database)?,
            None => return Err(closed()),
        };
        let state = Arc::new(State {
            tables,
            keys: keys.view(),
            hidden: Arc::clone(&tip.hidden),
            head: Head::new(tip.sequence, tip.hash),
            time: tip.time,
            common: Arc::clone(&self.common),
            filter: Mutex::default(),
        });
        {
            let mut ages = self.ages.lock();
            let now = Instant::now();
            if let Some(last) = ages.last_mut() {
                last.outdated = Some(now);
            }
            if ages.len() >= 64 {
                ages.retain(Age::is_held);
            }
            ages.push(Age { since: now, outdated: None, state: Arc::downgrade(&state) });
        }
        let outdated = std::mem::replace(&mut *self.published.write(), state);
        drop(outdated);
        self.nudge(&self.this, tip.rows.get(EntityKind::Run.index()).copied().unwrap_or(0));
        self.common.text.published(tip.sequence);
        Ok(())
    }

    /// How the next group is committed.
    pub(crate) fn commit_mode(&self, last_durable: Instant) -> CommitMode {
        match self.durability {
            Durability::Relaxed(delay) if last_durable.elapsed() < delay => CommitMode::Relaxed,
            _ if self.is_large() => CommitMode::QuickRepair,
            _ => CommitMode::Durable,
        }
    }

    fn is_large(&self) -> bool {
        self.quick_repair_bytes != u64::MAX
            && self.place.file_bytes().is_some_and(|bytes| bytes >= self.quick_repair_bytes)
    }

    fn close(&self) -> Result<()> {
        write::check_not_writing(self)?;
        self.end_upkeep();
        self.end_logging();
        let mut writer = self.writer.lock();
        self.common.text.stop();
        if self.database.read().is_none() {
            return Ok(());
        }
        let poisoned = self.poisoned.load(Ordering::SeqCst) || self.read_only;
        let folded = if poisoned { Ok(()) } else { writer.fold_all(self) };
        self.durable.end();
        let database = self.database.write().take();
        let closed = database.map_or(Ok(()), Database::close);
        folded.and(if poisoned { Ok(()) } else { closed })
    }
}

pub(crate) fn closed() -> Error {
    Error::new(ErrorKind::Closed, "the store is closed")
}
