//! Where a store's files are, and how they are opened without harming what is no store of ours.
//!
//! A new store is made in `store.redb.new`, made durable there, and renamed: whatever a crash leaves
//! is either no store yet, or a whole one. The file `lock` is held for as long as the store is open,
//! before anything else is looked at.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use redb::ReadableDatabase;

use super::errors::storage;
use super::files::{BACKUP_FILE, FILE, Files, LOCK_FILE, NEW_FILE, sync_folder};
use super::read;
use super::tables;
use super::write::{CommitMode, WriteTxn};
use crate::codec::archive;
use crate::error::{Error, ErrorKind, Result};

/// The format this build reads and writes.
pub(crate) const FORMAT: u32 = 1;
const FORMAT_KEY: &str = "format";
const LAYOUT_KEY: &str = "layout";

/// Where a store's files are.
#[derive(Debug, Clone)]
pub(crate) enum Place {
    /// A folder of the file system.
    Folder(PathBuf),
    /// Nowhere: the store is gone with its last handle.
    Memory,
    /// A disk that records, counts, fails and crashes.
    #[cfg(feature = "simulation")]
    Simulated(crate::simulated::SimulatedDisk),
}

/// How a store is opened.
pub(crate) struct OpenSettings {
    /// Make the store if it does not exist.
    pub(crate) create: bool,
    /// Write nothing.
    pub(crate) read_only: bool,
    /// Memory for redb's cache, in bytes.
    pub(crate) cache_bytes: usize,
    /// Read the whole file and verify redb's checksums first.
    pub(crate) check_integrity: bool,
    /// Told how much of a repair is done, from 0 to 1.
    pub(crate) repair_progress: Option<Arc<dyn Fn(f64) + Send + Sync>>,
    /// What a new store is given.
    pub(crate) new_meta: Vec<(&'static str, Vec<u8>)>,
}

/// An open database and the lock that keeps others out.
pub(crate) struct Database {
    pub(super) redb: Handle,
    pub(super) lock: Option<Lock>,
}

pub(super) enum Handle {
    Writable(redb::Database),
    ReadOnly(redb::ReadOnlyDatabase),
}

/// The lock of a store's folder. It is given up by hand: closing the file would leave it to every child process that
/// has a copy of it and has not become another program yet.
pub(super) struct Lock(File);

impl Drop for Lock {
    fn drop(&mut self) {
        // If that fails, closing the file does it.
        let _ = self.0.unlock();
    }
}

impl Database {
    pub(super) fn writable(redb: redb::Database, lock: Option<Lock>) -> Self {
        Database { redb: Handle::Writable(redb), lock }
    }

    pub(super) fn begin_read(&self) -> Result<redb::ReadTransaction> {
        let begun = match &self.redb {
            Handle::Writable(redb) => redb.begin_read(),
            Handle::ReadOnly(redb) => redb.begin_read(),
        };
        begun.map_err(storage("beginning a read"))
    }

    pub(super) fn begin_write(&self) -> Result<redb::WriteTransaction> {
        match &self.redb {
            Handle::Writable(redb) => redb.begin_write().map_err(storage("beginning a write")),
            Handle::ReadOnly(_) => Err(Error::new(ErrorKind::ReadOnly, "the store is open for reading only")),
        }
    }

    /// Verifies the checksums of all pages, which nobody must read meanwhile. Answers whether that and what the file
    /// says of free pages was right; the latter is now.
    ///
    /// # Errors
    /// `Corrupt` if pages are damaged; `CommitUnknown` as of a commit.
    pub(crate) fn check(&mut self) -> Result<bool> {
        // Of pages that are damaged behind a commit in one phase, redb thinks that the commit was torn, and takes it
        // back. Behind one in two phases, which is this, of nothing, it knows better.
        WriteTxn::begin(self)?.commit(CommitMode::QuickRepair)?;
        match &mut self.redb {
            Handle::Writable(redb) => redb.check_integrity().map_err(storage("checking the file")),
            Handle::ReadOnly(_) => Err(Error::new(ErrorKind::ReadOnly, "the store is open for reading only")),
        }
    }

    /// A database of nothing, in memory.
    pub(crate) fn empty() -> Result<Database> {
        let backend = redb::backends::InMemoryBackend::new();
        let redb = redb::Builder::new().set_cache_size(0).create_with_backend(backend);
        Ok(Database::writable(redb.map_err(storage("making nothing"))?, None))
    }

    /// Closes the file; errors that a drop would swallow are told.
    pub(crate) fn close(self) -> Result<()> {
        let closed = match self.redb {
            Handle::Writable(redb) => redb.close(),
            Handle::ReadOnly(redb) => redb.close(),
        };
        closed.map_err(storage("closing the store"))
    }
}

/// A builder of redb's with a cache of so many bytes.
pub(super) fn builder(cache_bytes: usize) -> redb::Builder {
    let mut builder = redb::Builder::new();
    builder.set_cache_size(cache_bytes);
    builder
}

impl OpenSettings {
    fn builder(&self) -> redb::Builder {
        let mut builder = builder(self.cache_bytes);
        builder.set_check_integrity_on_open(self.check_integrity);
        if let Some(progress) = self.repair_progress.clone() {
            builder.set_repair_callback(move |session| progress(session.progress()));
        }
        builder
    }

    /// Makes all tables and the settings of a new store, durable.
    fn initialize(&self, database: &Database) -> Result<()> {
        let txn = WriteTxn::begin(database)?;
        let mut tables = txn.tables();
        tables.create()?;
        tables.put_meta(FORMAT_KEY, &FORMAT.to_le_bytes())?;
        tables.put_meta(LAYOUT_KEY, &archive::fingerprint())?;
        for (name, payload) in &self.new_meta {
            tables.put_meta(name, payload)?;
        }
        drop(tables);
        txn.commit_new(CommitMode::Durable)
    }
}

impl Place {
    /// Opens the store, making it first if that is asked for.
    pub(crate) fn open(&self, settings: &OpenSettings) -> Result<Database> {
        if settings.read_only && settings.check_integrity {
            return Err(Error::invalid("checking the whole file at open may write to it: not while it is read only"));
        }
        match self {
            Place::Folder(folder) => open_folder(folder, settings)
                .map_err(|error| error.context(format!("opening the store {}", folder.display()))),
            Place::Memory => {
                let backend = redb::backends::InMemoryBackend::new();
                let redb =
                    settings.builder().create_with_backend(backend).map_err(storage("making a store in memory"))?;
                let database = Database::writable(redb, None);
                settings.initialize(&database)?;
                Ok(database)
            }
            #[cfg(feature = "simulation")]
            Place::Simulated(disk) => open_files(&Files::Disk(disk.clone()), settings, None)
                .map_err(|error| error.context("opening the simulated store")),
        }
    }

    /// The files of the store; none in memory.
    pub(super) fn files(&self) -> Option<Files> {
        match self {
            Place::Folder(folder) => Some(Files::Folder(folder.clone())),
            Place::Memory => None,
            #[cfg(feature = "simulation")]
            Place::Simulated(disk) => Some(Files::Disk(disk.clone())),
        }
    }

    /// Where derived files of a name are; none if not in the file system.
    pub(crate) fn beside(&self, name: &str) -> Option<PathBuf> {
        match self {
            Place::Folder(folder) => Some(folder.join(name)),
            _ => None,
        }
    }

    /// How large the file is; none in memory.
    pub(crate) fn len(&self) -> Option<u64> {
        self.files().and_then(|files| files.len(FILE).ok())
    }

    /// How large the file is; none if it is not one of the file system.
    pub(crate) fn file_bytes(&self) -> Option<u64> {
        match self {
            Place::Folder(folder) => fs::metadata(folder.join(FILE)).ok().map(|file| file.len()),
            _ => None,
        }
    }
}

fn open_folder(folder: &Path, settings: &OpenSettings) -> Result<Database> {
    prepare_folder(folder, settings.create && !settings.read_only)?;
    let lock = if settings.read_only { share(folder)? } else { Some(lock(folder)?) };
    open_files(&Files::Folder(folder.to_owned()), settings, lock)
}

fn open_files(files: &Files, settings: &OpenSettings, lock: Option<Lock>) -> Result<Database> {
    if settings.read_only {
        return open_read_only(files, settings, lock);
    }
    let found = files.exists(FILE)?;
    if !found {
        if files.is_link(FILE)? {
            return Err(Error::not_found("store.redb is a link, and what it leads to is not there"));
        }
        if !settings.create {
            return Err(Error::not_found("there is no store here"));
        }
        create_in(files, settings)?;
    } else {
        not_empty(files)?;
        match files {
            Files::Folder(folder) => peek(&folder.join(FILE))?,
            #[cfg(feature = "simulation")]
            Files::Disk(_) => {}
        }
    }
    let redb = files.open(FILE, &settings.builder())?;
    let database = Database::writable(redb, lock);
    check_format(&database.begin_read()?)?;
    if found {
        // What a compaction that was cut short has left: it may hold what was purged since.
        files.remove(NEW_FILE)?;
        // The file may have got its name a moment before its program crashed.
        files.sync_names()?;
    }
    Ok(database)
}

fn not_empty(files: &Files) -> Result<()> {
    match files.len(FILE)? {
        0 => Err(Error::corrupt("store.redb is empty: it was cut off")),
        _ => Ok(()),
    }
}

fn open_read_only(files: &Files, settings: &OpenSettings, lock: Option<Lock>) -> Result<Database> {
    if !files.exists(FILE)? {
        return Err(Error::not_found("there is no store here"));
    }
    not_empty(files)?;
    let redb = match files.open_read_only(FILE, &builder(settings.cache_bytes))? {
        Ok(redb) => redb,
        Err(redb::DatabaseError::RepairAborted) => {
            return Err(Error::new(
                ErrorKind::ReadOnly,
                "store.redb was not closed cleanly, and recovering it writes to it: open the store for writing once, \
                 and close it (of read-only media, a copy)",
            ));
        }
        Err(error) => return Err(storage("opening store.redb for reading")(error)),
    };
    let database = Database { redb: Handle::ReadOnly(redb), lock };
    check_format(&database.begin_read()?)?;
    Ok(database)
}

/// Refuses folders that hold something else; makes one if there is none.
fn prepare_folder(folder: &Path, create: bool) -> Result<()> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound && create => return make_folder(folder),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(Error::not_found("the folder does not exist"));
        }
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => {
            return Err(Error::invalid("this is a file; a store is a folder"));
        }
        Err(error) => return Err(Error::io("listing the folder", error)),
    };
    let mut foreign = None;
    for entry in entries {
        let name = entry.map_err(|error| Error::io("listing the folder", error))?.file_name();
        if name == FILE {
            return Ok(());
        }
        if name != NEW_FILE && name != LOCK_FILE && foreign.as_ref().is_none_or(|known| known != BACKUP_FILE) {
            foreign = Some(name);
        }
    }
    match foreign {
        Some(name) if name == BACKUP_FILE => Err(Error::invalid(
            "the folder holds a backup that was never finished: remove the folder, and make the backup again",
        )),
        Some(name) => Err(Error::invalid(format!(
            "the folder holds {} and no store; a new store wants an empty folder",
            name.to_string_lossy()
        ))),
        None => Ok(()),
    }
}

/// Makes a folder, durably, and what it lies in.
fn make_folder(folder: &Path) -> Result<()> {
    let is_missing = |folder: &&Path| matches!(folder.try_exists(), Ok(false));
    let above = folder.ancestors().skip(1);
    // The name of each new one is in the one above it.
    let to_sync = above.clone().take(1).chain(above.clone().take_while(is_missing).filter_map(Path::parent));
    let to_sync: Vec<&Path> = to_sync.collect();
    fs::create_dir_all(folder).map_err(|error| Error::io("making the folder", error))?;
    to_sync.into_iter().rev().try_for_each(sync_folder)
}

/// Makes a folder for something of its own, or finds it empty. Answers whether it was made.
///
/// # Errors
/// `AlreadyExists` if something is in it, or it is a file.
pub(crate) fn begin_folder(folder: &Path) -> Result<bool> {
    match fs::read_dir(folder) {
        Ok(mut entries) => match entries.next() {
            Some(_) => Err(Error::exists("the folder is not empty; a backup or an export wants one of its own")),
            None => Ok(false),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => make_folder(folder).map(|()| true),
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => Err(Error::exists("this is a file")),
        Err(error) => Err(Error::io("listing the folder", error)),
    }
}

fn locked(file: File, locked: Result<(), TryLockError>) -> Result<Lock> {
    match locked {
        Ok(()) => Ok(Lock(file)),
        Err(TryLockError::WouldBlock) => Err(Error::new(ErrorKind::Locked, "another handle has the store open")),
        Err(TryLockError::Error(error)) => Err(Error::io("locking the store", error)),
    }
}

fn lock(folder: &Path) -> Result<Lock> {
    let path = folder.join(LOCK_FILE);
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path);
    let file = file.map_err(|error| Error::io("opening the lock file", error))?;
    let tried = file.try_lock();
    locked(file, tried)
}

/// A lock that readers share, if there is a file for it: a backup has none, and redb's own lock keeps writers out.
fn share(folder: &Path) -> Result<Option<Lock>> {
    match File::open(folder.join(LOCK_FILE)) {
        Ok(file) => {
            let tried = file.try_lock_shared();
            locked(file, tried).map(Some)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::io("opening the lock file", error)),
    }
}

fn create_in(files: &Files, settings: &OpenSettings) -> Result<()> {
    files.remove(NEW_FILE)?;
    let database = Database::writable(files.create(NEW_FILE, &settings.builder())?, None);
    settings.initialize(&database)?;
    database.close()?;
    files.sync(NEW_FILE)?;
    files.rename(NEW_FILE, FILE)?;
    files.sync_names()
}

/// Reads the format without touching the file, so that a newer one stays as it was. A file that
/// wants repair first cannot be read so; it is checked again after that.
fn peek(file: &Path) -> Result<()> {
    let doing = "reading store.redb";
    match redb::ReadOnlyDatabase::open(file) {
        Ok(database) => check_format(&database.begin_read().map_err(storage(doing))?),
        Err(redb::DatabaseError::RepairAborted) => Ok(()),
        Err(error) => Err(storage(doing)(error)),
    }
}

fn check_format(transaction: &redb::ReadTransaction) -> Result<()> {
    let doing = "reading the store's format";
    let table = match transaction.open_table(tables::META) {
        Ok(table) => table,
        Err(redb::TableError::TableDoesNotExist(_)) => {
            return Err(Error::new(ErrorKind::Incompatible, "store.redb is a redb file, but no store of this crate"));
        }
        Err(error) => return Err(storage(doing)(error)),
    };
    let format = read::meta(&table, FORMAT_KEY)?.and_then(|bytes| bytes.try_into().ok()).map(u32::from_le_bytes);
    let format = format.ok_or_else(|| Error::corrupt(format!("{doing}: it is missing")))?;
    if format != FORMAT {
        return Err(Error::new(
            ErrorKind::Incompatible,
            format!("the store has format {format}; this build reads and writes format {FORMAT}"),
        ));
    }
    let layout = read::meta(&table, LAYOUT_KEY)?.unwrap_or_default();
    let ours = archive::fingerprint();
    if layout != ours {
        return Err(Error::new(
            ErrorKind::Incompatible,
            format!(
                "the store's records have the layout {:?}; this build's have {:?}",
                String::from_utf8_lossy(&layout),
                String::from_utf8_lossy(&ours)
            ),
        ));
    }
    Ok(())
}
