//! What a store takes, table by table.

use std::fmt;

use crate::error::Result;
use crate::store::Store;

/// What a store takes.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct StorageStats {
    /// Bytes of the file, free pages included; of a store in memory, what the tables take.
    pub file_bytes: u64,
    /// Its tables, each with what it takes.
    pub tables: Vec<TableStats>,
}

/// What a table takes.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TableStats {
    /// Its name: [the format](crate::guide::format) says what is in it.
    pub name: String,
    /// How many entries it has.
    pub entries: u64,
    /// Bytes of keys and values.
    pub stored_bytes: u64,
    /// Bytes of the pages that lead to them, and of their heads.
    pub metadata_bytes: u64,
    /// Bytes of its pages that are not used.
    pub fragmented_bytes: u64,
}

impl TableStats {
    /// All it takes.
    pub fn bytes(&self) -> u64 {
        self.stored_bytes + self.metadata_bytes + self.fragmented_bytes
    }
}

impl StorageStats {
    /// What the log takes, with the long texts that it names, which records share.
    pub fn log_bytes(&self) -> u64 {
        let of_log = |table: &&TableStats| matches!(table.name.as_str(), "log" | "packs" | "texts");
        self.tables.iter().filter(of_log).map(TableStats::bytes).sum()
    }

    /// What derived tables take, which are made again if they are lost.
    pub fn derived_bytes(&self) -> u64 {
        let derived = |table: &&TableStats| matches!(table.name.as_str(), "filter" | "filter_blocks");
        self.tables.iter().filter(derived).map(TableStats::bytes).sum()
    }
}

impl fmt::Display for StorageStats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:16} {:>12} {:>14} {:>14} {:>14}", "table", "entries", "stored", "metadata", "unused")?;
        for table in &self.tables {
            let TableStats { name, entries, stored_bytes, metadata_bytes, fragmented_bytes } = table;
            writeln!(f, "{name:16} {entries:>12} {stored_bytes:>14} {metadata_bytes:>14} {fragmented_bytes:>14}")?;
        }
        let in_tables: u64 = self.tables.iter().map(TableStats::bytes).sum();
        write!(f, "the file has {} bytes, of which the tables take {in_tables}", self.file_bytes)
    }
}

impl Store {
    /// What the store takes, table by table. Reads every page once: about a second for a GiB that is in memory, the
    /// disk's reading time otherwise. [`Store::stats`] is cheap.
    ///
    /// # Errors
    /// `Io` if the tables cannot be read; `Closed`.
    pub fn storage_stats(&self) -> Result<StorageStats> {
        let tables = self.read().state.tables.figures()?.into_iter().map(|table| TableStats {
            name: table.name,
            entries: table.entries,
            stored_bytes: table.stored_bytes,
            metadata_bytes: table.metadata_bytes,
            fragmented_bytes: table.fragmented_bytes,
        });
        let tables: Vec<_> = tables.collect();
        let in_tables = || tables.iter().map(TableStats::bytes).sum();
        Ok(StorageStats { file_bytes: self.inner.place.len().unwrap_or_else(in_tables), tables })
    }
}
