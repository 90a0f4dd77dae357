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
use super::read;
use super::tables;
use super::write::{CommitMode, WriteTxn};
use crate::codec::archive;
use crate::error::{Error, ErrorKind, Result};

const FILE: &str = "store.redb";
const NEW_FILE: &str = "store.redb.new";
const LOCK_FILE: &str = "lock";

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
    redb: redb::Database,
    _lock: Option<Lock>,
}

/// The lock of a store's folder. It is given up by hand: closing the file would leave it to every child process that
/// has a copy of it and has not become another program yet.
struct Lock(File);

impl Drop for Lock {
    fn drop(&mut self) {
        // If that fails, closing the file does it.
        let _ = self.0.unlock();
    }
}

impl Database {
    pub(crate) fn redb(&self) -> &redb::Database {
        &self.redb
    }

    /// Closes the file; errors that a drop would swallow are told.
    pub(crate) fn close(self) -> Result<()> {
        self.redb.close().map_err(storage("closing the store"))
    }
}

impl OpenSettings {
    fn builder(&self) -> redb::Builder {
        let mut builder = redb::Builder::new();
        builder.set_cache_size(self.cache_bytes).set_check_integrity_on_open(self.check_integrity);
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
    /// Opens the store, making it first if that is asked for. Answers whether it was made.
    pub(crate) fn open(&self, settings: &OpenSettings) -> Result<(Database, bool)> {
        match self {
            Place::Folder(folder) => open_folder(folder, settings)
                .map_err(|error| error.context(format!("opening the store {}", folder.display()))),
            Place::Memory => {
                let backend = redb::backends::InMemoryBackend::new();
                let redb =
                    settings.builder().create_with_backend(backend).map_err(storage("making a store in memory"))?;
                let database = Database { redb, _lock: None };
                settings.initialize(&database)?;
                Ok((database, true))
            }
            #[cfg(feature = "simulation")]
            Place::Simulated(disk) => {
                open_simulated(disk, settings).map_err(|error| error.context("opening the simulated store"))
            }
        }
    }
}

impl Place {
    /// Where derived files of a name are; none if not in the file system.
    pub(crate) fn beside(&self, name: &str) -> Option<PathBuf> {
        match self {
            Place::Folder(folder) => Some(folder.join(name)),
            _ => None,
        }
    }

    /// How large the file is; none if it is not one of the file system.
    pub(crate) fn file_bytes(&self) -> Option<u64> {
        match self {
            Place::Folder(folder) => fs::metadata(folder.join(FILE)).ok().map(|file| file.len()),
            _ => None,
        }
    }
}

fn open_folder(folder: &Path, settings: &OpenSettings) -> Result<(Database, bool)> {
    prepare_folder(folder, settings.create)?;
    let lock = lock(folder)?;
    let file = folder.join(FILE);
    let found = exists(&file)?;
    if !found {
        if !settings.create {
            return Err(Error::not_found("there is no store in this folder"));
        }
        create_in(folder, settings)?;
    } else {
        let len = fs::metadata(&file).map_err(|error| Error::io("looking at store.redb", error))?.len();
        if len == 0 {
            return Err(Error::corrupt("store.redb is empty: it was cut off"));
        }
        peek(&file)?;
    }
    let redb = settings.builder().open(&file).map_err(storage("opening store.redb"))?;
    let database = Database { redb, _lock: Some(lock) };
    check_format(database.redb())?;
    Ok((database, !found))
}

/// Refuses folders that hold something else; makes one if there is none.
fn prepare_folder(folder: &Path, create: bool) -> Result<()> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound && create => {
            fs::create_dir_all(folder).map_err(|error| Error::io("making the folder", error))?;
            if let Some(parent) = folder.parent() {
                sync_folder(if parent.as_os_str().is_empty() { Path::new(".") } else { parent })?;
            }
            return Ok(());
        }
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
        if name != NEW_FILE && name != LOCK_FILE {
            foreign = Some(name);
        }
    }
    match foreign {
        Some(name) => Err(Error::invalid(format!(
            "the folder holds {} and no store; a new store wants an empty folder",
            name.to_string_lossy()
        ))),
        None => Ok(()),
    }
}

fn lock(folder: &Path) -> Result<Lock> {
    let path = folder.join(LOCK_FILE);
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path);
    let file = file.map_err(|error| Error::io("opening the lock file", error))?;
    match file.try_lock() {
        Ok(()) => Ok(Lock(file)),
        Err(TryLockError::WouldBlock) => Err(Error::new(ErrorKind::Locked, "another handle has the store open")),
        Err(TryLockError::Error(error)) => Err(Error::io("locking the store", error)),
    }
}

fn exists(path: &Path) -> Result<bool> {
    path.try_exists().map_err(|error| Error::io("looking for store.redb", error))
}

fn create_in(folder: &Path, settings: &OpenSettings) -> Result<()> {
    let new = folder.join(NEW_FILE);
    if exists(&new)? {
        fs::remove_file(&new).map_err(|error| Error::io("removing a store that was never finished", error))?;
    }
    let redb = settings.builder().create(&new).map_err(storage("making store.redb"))?;
    let database = Database { redb, _lock: None };
    settings.initialize(&database)?;
    database.close()?;
    let synced = File::open(&new).and_then(|file| file.sync_all());
    synced.map_err(|error| Error::io("making store.redb durable", error))?;
    fs::rename(&new, folder.join(FILE)).map_err(|error| Error::io("naming store.redb", error))?;
    sync_folder(folder)
}

/// Makes names in `folder` durable, where the platform has a way to.
fn sync_folder(folder: &Path) -> Result<()> {
    if cfg!(unix) {
        let synced = File::open(folder).and_then(|folder| folder.sync_all());
        synced.map_err(|error| Error::io(format!("making the folder {} durable", folder.display()), error))?;
    }
    Ok(())
}

/// Reads the format without touching the file, so that a newer one stays as it was. A file that
/// wants repair first cannot be read so; it is checked again after that.
fn peek(file: &Path) -> Result<()> {
    match redb::ReadOnlyDatabase::open(file) {
        Ok(database) => check_format(&database),
        Err(redb::DatabaseError::RepairAborted) => Ok(()),
        Err(error) => Err(storage("reading store.redb")(error)),
    }
}

fn check_format(database: &impl ReadableDatabase) -> Result<()> {
    let doing = "reading the store's format";
    let transaction = database.begin_read().map_err(storage(doing))?;
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

#[cfg(feature = "simulation")]
fn open_simulated(disk: &crate::simulated::SimulatedDisk, settings: &OpenSettings) -> Result<(Database, bool)> {
    let io = |doing: &'static str| move |error| Error::io(doing, error);
    let created = !disk.exists(FILE);
    if created {
        if !settings.create {
            return Err(Error::not_found("there is no store on this disk"));
        }
        disk.remove(NEW_FILE).map_err(io("removing a store that was never finished"))?;
        let file = disk.create(NEW_FILE).map_err(io("making store.redb"))?;
        let redb = settings.builder().create_with_backend(file).map_err(storage("making store.redb"))?;
        let database = Database { redb, _lock: None };
        settings.initialize(&database)?;
        database.close()?;
        disk.sync(NEW_FILE).map_err(io("making store.redb durable"))?;
        disk.rename(NEW_FILE, FILE).map_err(io("naming store.redb"))?;
        disk.sync_folder("").map_err(io("making the folder durable"))?;
    }
    let file = disk.open(FILE).map_err(io("opening store.redb"))?;
    if file.is_empty() {
        return Err(Error::corrupt("store.redb is empty: it was cut off"));
    }
    let redb = settings.builder().create_with_backend(file).map_err(storage("opening store.redb"))?;
    let database = Database { redb, _lock: None };
    check_format(database.redb())?;
    Ok((database, created))
}
