//! All tables of a snapshot in a new file: to take the place of the store's, or to be a backup.
//!
//! redb gives pages back, but neither moves all that is left together nor wipes what was there. A new file has what the
//! tables hold, in order, and nothing else. It is read back and verified before it gets a name that counts.

use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::ops::Bound;

use redb::{Key, ReadTransaction, ReadableTable, ReadableTableMetadata, TableDefinition, TableHandle, Value};

use super::errors::storage;
use super::files::{BACKUP_FILE, BLOBS_FOLDER, FILE, Files, NEW_FILE};
use super::place::{Database, Handle, Place, begin_folder, builder};
use super::read::ReadTables;
use super::tables::{self, FilterFields, Visit};
use crate::error::{Error, ErrorKind, Result};
use crate::limits;
use crate::progress::Steps;

/// A new file, complete, durable and verified, that is nothing yet.
pub(crate) struct Fresh {
    /// None if it is in memory, and the database then.
    files: Option<Files>,
    memory: Option<Database>,
    /// Bytes of the file, or about that in memory.
    pub(crate) bytes: u64,
}

impl Fresh {
    /// It is not to take any place.
    pub(crate) fn discard(self) {
        if let Some(files) = self.files {
            // What stays is removed when the store is opened.
            let _ = files.remove(NEW_FILE);
        }
    }
}

struct Copy<'c, 't> {
    from: &'c ReadTransaction,
    to: &'c redb::Database,
    /// The generation of each block of the filter index.
    blocks: HashMap<u32, u32>,
    steps: &'c mut Steps<'t>,
}

impl Copy<'_, '_> {
    fn copy<K: Key + 'static, V: Value + 'static>(
        &mut self,
        definition: TableDefinition<'static, K, V>,
        keep: impl Fn(&HashMap<u32, u32>, &K::SelfType<'_>) -> bool,
    ) -> Result<()> {
        let doing = format!("copying the table {}", definition.name());
        let from = match self.from.open_table(definition) {
            Ok(table) => table,
            Err(redb::TableError::TableDoesNotExist(_)) => return Ok(()),
            Err(error) => return Err(storage(doing)(error)),
        };
        let mut left = from.iter().map_err(storage(&doing))?;
        let mut copied = 0;
        let mut ended = false;
        while !ended {
            let write = self.to.begin_write().map_err(storage(&doing))?;
            let mut table = write.open_table(definition).map_err(storage(&doing))?;
            let mut cursor = table.upper_bound_mut(Bound::<K::SelfType<'_>>::Unbounded).map_err(storage(&doing))?;
            let mut bytes = 0;
            while bytes < limits::COPY_SLICE_BYTES {
                let Some(entry) = left.next() else {
                    ended = true;
                    break;
                };
                let (key, value) = entry.map_err(storage(&doing))?;
                let (key, value) = (key.value(), value.value());
                bytes += 16 + V::as_bytes(&value).as_ref().len();
                self.steps.add(1)?;
                if keep(&self.blocks, &key) {
                    cursor.insert_before(&key, &value).map_err(storage(&doing))?;
                    copied += 1;
                }
            }
            cursor.close().map_err(storage(&doing))?;
            let there = table.len().map_err(storage(&doing))?;
            drop(table);
            if there != copied {
                return Err(Error::corrupt(format!("{doing}: {copied} entries became {there}")));
            }
            write.commit().map_err(storage(&doing))?;
        }
        Ok(())
    }
}

impl Visit for Copy<'_, '_> {
    fn table<K: Key + 'static, V: Value + 'static>(&mut self, table: TableDefinition<'static, K, V>) -> Result<()> {
        self.copy(table, |_, _| true)
    }

    fn filter_fields(&mut self, table: FilterFields) -> Result<()> {
        // Those of a block that was being made stay behind.
        self.copy(table, |blocks, (number, generation, ..)| blocks.get(number) == Some(generation))
    }
}

/// Names of tables, and their entries.
struct Known<'k> {
    names: BTreeSet<String>,
    entries: u64,
    from: &'k ReadTransaction,
}

impl Visit for Known<'_> {
    fn table<K: Key + 'static, V: Value + 'static>(
        &mut self,
        definition: TableDefinition<'static, K, V>,
    ) -> Result<()> {
        let doing = "counting what is to be copied";
        match self.from.open_table(definition) {
            Ok(table) => self.entries += table.len().map_err(storage(doing))?,
            Err(redb::TableError::TableDoesNotExist(_)) => {}
            Err(error) => return Err(storage(doing)(error)),
        }
        self.names.insert(definition.name().to_owned());
        Ok(())
    }
}

fn copy(from: &ReadTables, to: &redb::Database, steps: &mut Steps<'_>) -> Result<()> {
    let doing = "listing the tables";
    let transaction = from.transaction();
    let mut known = Known { names: BTreeSet::new(), entries: 0, from: transaction };
    tables::each(&mut known)?;
    let tables = transaction.list_tables().map_err(storage(doing))?;
    let multimaps = transaction.list_multimap_tables().map_err(storage(doing))?;
    let all = tables.map(|table| table.name().to_owned());
    let mut all = all.chain(multimaps.map(|table| redb::MultimapTableHandle::name(&table).to_owned()));
    if let Some(other) = all.find(|name| !known.names.contains(name.as_str())) {
        return Err(Error::new(
            ErrorKind::Incompatible,
            format!("the store has a table {other}, which this build does not know, and would lose"),
        ));
    }
    steps.begin("copying", known.entries)?;
    let blocks = from.filter_blocks()?.into_iter().map(|block| (block.number, block.generation)).collect();
    tables::each(&mut Copy { from: transaction, to, blocks, steps })?;
    steps.now()
}

/// Copies into a new file of this name, and verifies it.
fn write(files: &Files, name: &str, from: &ReadTables, steps: &mut Steps<'_>) -> Result<u64> {
    files.remove(name)?;
    let written = (|| {
        let mut redb = files.create(name, &builder(limits::COPY_CACHE_BYTES))?;
        if name == NEW_FILE {
            files.permit_as(name, FILE)?;
        }
        copy(from, &redb, steps)?;
        steps.begin("verifying the copy", 1)?;
        check(&mut redb)?;
        redb.close().map_err(storage(format!("closing {name}")))?;
        files.sync(name)?;
        steps.add(1)?;
        // The last moment to change one's mind.
        steps.now()?;
        files.len(name)
    })();
    if written.is_err() {
        // What stays is removed when the store is opened.
        let _ = files.remove(name);
    }
    written.map_err(|error| error.context(format!("writing {name}")))
}

fn check(redb: &mut redb::Database) -> Result<()> {
    match redb.check_integrity().map_err(storage("reading the copy back"))? {
        true => Ok(()),
        false => Err(Error::corrupt("the copy is not what was written: the disk, or the memory, is failing")),
    }
}

impl Place {
    /// Writes a snapshot's tables into a new file that can [take the place](Self::replace) of the store's.
    pub(crate) fn write_fresh(&self, from: &ReadTables, cache_bytes: usize, steps: &mut Steps<'_>) -> Result<Fresh> {
        if let Some(files) = self.files() {
            if files.is_link(FILE)? {
                return Err(Error::invalid(
                    "store.redb is a link, and what it leads to would stay: let the folder be the link",
                ));
            }
            let bytes = write(&files, NEW_FILE, from, steps)?;
            return Ok(Fresh { files: Some(files), memory: None, bytes });
        }
        let backend = redb::backends::InMemoryBackend::new();
        let redb = builder(cache_bytes).create_with_backend(backend);
        let mut redb = redb.map_err(storage("making a store in memory"))?;
        copy(from, &redb, steps)?;
        check(&mut redb)?;
        let database = Database::writable(redb, None);
        let bytes = database.allocated_bytes()?;
        Ok(Fresh { files: None, memory: Some(database), bytes })
    }

    /// Puts a fresh file in the place of the store's, and opens it. Nobody reads or writes meanwhile. On an error there
    /// may be the database that was there before; if there is none, the store is to be opened anew.
    pub(crate) fn replace(
        &self,
        old: Database,
        fresh: Fresh,
        cache_bytes: usize,
    ) -> Result<Database, (Error, Option<Database>)> {
        let Fresh { files, memory, .. } = fresh;
        let Some(files) = files else {
            return memory.ok_or_else(|| (Error::corrupt("the copy is neither in a file nor in memory"), Some(old)));
        };
        let Database { redb, lock } = old;
        let open = |lock| {
            let redb = files.open(FILE, &builder(cache_bytes))?;
            Ok(Database::writable(redb, lock))
        };
        let closed = Database { redb, lock: None }.close();
        if let Err(error) = closed.and_then(|()| files.rename(NEW_FILE, FILE)) {
            let _ = files.remove(NEW_FILE);
            return Err((error, open(lock).ok()));
        }
        // Whoever wrote on before the name is durable could lose it.
        files.sync_names().and_then(|()| open(lock)).map_err(|error| (error, None))
    }

    /// How large the file is, or about that in memory.
    pub(crate) fn bytes(&self, database: &Database) -> Result<u64> {
        match self.files() {
            Some(files) => files.len(FILE),
            None => database.allocated_bytes(),
        }
    }

    /// Writes a snapshot's tables into this place, where nothing is yet, as a store of its own. Answers its bytes.
    /// `beside` puts there what stands beside the file, before that counts.
    pub(crate) fn write_backup(
        &self,
        from: &ReadTables,
        steps: &mut Steps<'_>,
        beside: impl FnOnce(&mut Steps<'_>) -> Result<()>,
    ) -> Result<u64> {
        let Some(files) = self.files() else { return Err(Error::invalid("a backup in memory is none")) };
        let made = match &files {
            Files::Folder(folder) => begin_folder(folder)?,
            #[cfg(feature = "simulation")]
            Files::Disk(disk) if disk.names().is_empty() => false,
            #[cfg(feature = "simulation")]
            Files::Disk(_) => return Err(Error::exists("the disk holds something already")),
        };
        let written = write(&files, BACKUP_FILE, from, steps).and_then(|bytes| {
            if let Err(error) = beside(steps) {
                let _ = files.remove(BACKUP_FILE);
                return Err(error);
            }
            files.rename(BACKUP_FILE, FILE)?;
            // One that was not said to be there is better not there.
            files.sync_names().inspect_err(|_| drop(files.remove(FILE)))?;
            Ok(bytes)
        });
        if let (Err(_), Files::Folder(folder)) = (&written, &files) {
            // It was empty.
            let _ = fs::remove_dir_all(folder.join(BLOBS_FOLDER));
            if made {
                // Only if nothing is in it.
                let _ = fs::remove_dir(folder);
            }
        }
        written
    }
}

impl Database {
    fn allocated_bytes(&self) -> Result<u64> {
        let doing = "asking for the size of the store";
        let Handle::Writable(redb) = &self.redb else { return Ok(0) };
        let write = redb.begin_write().map_err(storage(doing))?;
        let stats = write.stats().map_err(storage(doing))?;
        let bytes = stats.allocated_pages().saturating_mul(stats.page_size() as u64);
        write.abort().map_err(storage(doing))?;
        Ok(bytes)
    }
}
