//! A write transaction of redb, as typed puts; readable like a snapshot while it runs.

use std::ops::Bound;

use redb::{Durability, ReadableTable, Table, TableDefinition, WriteTransaction};

use super::blobs::BlobsTable;
use super::errors::storage;
use super::filter::FilterTable;
use super::place::Database;
use super::read::{self, Bytes, Source};
use super::tables::{self, BlobKey, PIECE_BYTES, SeriesKey, TEXT_PIECE_BYTES, TEXT_REFERENCES};
use crate::codec::canon::Digest;
use crate::codec::envelope::{self, Kind};
use crate::error::{Error, ErrorKind, Result};
use crate::id::{EntityKind, PerKind, Row};

/// How a transaction is made durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CommitMode {
    /// One sync.
    Durable,
    /// Two syncs, and the allocator's state with them: a reopen after a crash walks nothing.
    QuickRepair,
    /// No sync: visible, and lost by a crash until a later durable commit.
    Relaxed,
}

/// A write transaction.
pub(crate) struct WriteTxn(WriteTransaction);

impl WriteTxn {
    pub(crate) fn begin(database: &Database) -> Result<Self> {
        database.begin_write().map(WriteTxn)
    }

    /// The tables, each opened for writing when it is first used. They must be dropped before the commit.
    pub(crate) fn tables(&self) -> WriteTables<'_> {
        WriteTables {
            meta: OnUse::new(self, tables::META),
            dictionary: OnUse::new(self, tables::DICTIONARY),
            records: EntityKind::ALL.map(|kind| OnUse::new(self, tables::records(kind))),
            hidden: OnUse::new(self, tables::HIDDEN),
            running: OnUse::new(self, tables::RUNNING),
            log: OnUse::new(self, tables::LOG),
            packs: OnUse::new(self, tables::PACKS),
            texts: OnUse::new(self, tables::TEXTS),
            entries: OnUse::new(self, tables::ENTRIES),
            dates: OnUse::new(self, tables::DATES),
            series: OnUse::new(self, tables::SERIES),
            blobs: OnUse::new(self, tables::BLOBS),
            filter_blocks: OnUse::new(self, tables::FILTER_BLOCKS),
            filter: OnUse::new(self, tables::FILTER),
        }
    }

    /// The chunks of series, to be read.
    pub(super) fn series_table(&self) -> Result<Table<'_, SeriesKey, &'static [u8]>> {
        self.0.open_table(tables::SERIES).map_err(storage("opening a table"))
    }

    /// The small blobs, to be read.
    pub(super) fn blobs_table(&self) -> Result<BlobsTable<'_>> {
        self.0.open_table(tables::BLOBS).map_err(storage("opening a table"))
    }

    /// Makes the transaction visible, and durable as `mode` says.
    ///
    /// # Errors
    /// `CommitUnknown`: whether it happened shows when the store is reopened.
    pub(crate) fn commit(self, mode: CommitMode) -> Result<()> {
        self.commit_new(mode).map_err(|error| {
            Error::new(
                ErrorKind::CommitUnknown,
                format!("{}; reopen the store to learn what happened", error.message()),
            )
            .with_source(error)
        })
    }

    /// [`commit`](Self::commit) in a file that is no store yet, and is made again if this fails: then it matters why,
    /// not whether it happened.
    pub(super) fn commit_new(mut self, mode: CommitMode) -> Result<()> {
        if mode == CommitMode::Relaxed {
            let relaxed = self.0.set_durability(Durability::None);
            relaxed.map_err(storage("making a commit relaxed"))?;
        }
        self.0.set_quick_repair(mode == CommitMode::QuickRepair);
        self.0.commit().map_err(storage("committing"))
    }

    /// Takes everything back.
    pub(crate) fn abort(self) -> Result<()> {
        self.0.abort().map_err(storage("taking a write back"))
    }
}

macro_rules! with_table {
    ($txn:expr, $table:expr, $bound:ident => $body:expr) => {{
        let $bound = $txn.0.open_table($table).map_err(storage("opening a table"))?;
        $body
    }};
}

impl Source for WriteTxn {
    fn record(&self, kind: EntityKind, row: Row) -> Result<Option<Bytes>> {
        with_table!(self, tables::records(kind), table => {
            let found = table.get(row.0).map_err(storage(read::record_doing(kind, row)))?;
            Ok(found.map(|value| Bytes::Owned(value.value().to_vec())))
        })
    }
    fn rows(&self, kind: EntityKind) -> Result<u32> {
        with_table!(self, tables::records(kind), table => read::rows(&table))
    }
    fn log_at_most(&self, sequence: u64, index: u32) -> Result<Option<(u64, u32)>> {
        with_table!(self, tables::LOG, table => read::log_at_most(&table, sequence, index))
    }
    fn log_part(&self, sequence: u64, first: u32) -> Result<Vec<u8>> {
        with_table!(self, tables::LOG, table => read::log_part(&table, sequence, first))
    }
    fn pack_at_least(&self, sequence: u64) -> Result<Option<(u64, Vec<u8>)>> {
        with_table!(self, tables::PACKS, table => read::pack_at_least(&table, sequence))
    }
    fn last_packed(&self) -> Result<Option<u64>> {
        with_table!(self, tables::PACKS, table => read::last_packed(&table))
    }
    fn entries(&self, key: u64, from: u32, to: u32, each: &mut dyn FnMut(u32) -> bool) -> Result<()> {
        with_table!(self, tables::ENTRIES, table => read::entries(&table, key, from, to, false, each))
    }
    fn entries_back(&self, key: u64, from: u32, to: u32, each: &mut dyn FnMut(u32) -> bool) -> Result<()> {
        with_table!(self, tables::ENTRIES, table => read::entries(&table, key, from, to, true, each))
    }
    fn date(&self, kind: EntityKind, row: Row) -> Result<Option<i64>> {
        with_table!(self, tables::DATES, table => read::date(&table, kind, row))
    }
    fn text(&self, digest: &Digest, len: u64) -> Result<Vec<u8>> {
        with_table!(self, tables::TEXTS, table => read::text(&table, digest, len))
    }
    fn meta(&self, name: &str) -> Result<Option<Vec<u8>>> {
        with_table!(self, tables::META, table => read::meta(&table, name))
    }
}

/// A table that is opened when it is first used: opening one costs as much as a small insert.
struct OnUse<'t, K: redb::Key + 'static, V: redb::Value + 'static> {
    txn: &'t WriteTxn,
    definition: TableDefinition<'static, K, V>,
    table: Option<Table<'t, K, V>>,
}

impl<'t, K: redb::Key + 'static, V: redb::Value + 'static> OnUse<'t, K, V> {
    fn new(txn: &'t WriteTxn, definition: TableDefinition<'static, K, V>) -> Self {
        OnUse { txn, definition, table: None }
    }

    fn open(&mut self) -> Result<&mut Table<'t, K, V>> {
        let table = match self.table.take() {
            Some(table) => table,
            None => self.txn.0.open_table(self.definition).map_err(storage("opening a table for writing"))?,
        };
        Ok(self.table.insert(table))
    }
}

/// The tables of a write transaction.
pub(crate) struct WriteTables<'t> {
    meta: OnUse<'t, &'static str, &'static [u8]>,
    dictionary: OnUse<'t, u32, &'static [u8]>,
    records: PerKind<OnUse<'t, u32, &'static [u8]>>,
    hidden: OnUse<'t, (u8, u32), ()>,
    running: OnUse<'t, u32, ()>,
    log: OnUse<'t, (u64, u32, u32), &'static [u8]>,
    packs: OnUse<'t, (u64, u32), &'static [u8]>,
    texts: OnUse<'t, (&'static [u8; 32], u32), &'static [u8]>,
    entries: OnUse<'t, (u64, u32), ()>,
    dates: OnUse<'t, (u8, u32), i64>,
    series: OnUse<'t, SeriesKey, &'static [u8]>,
    blobs: OnUse<'t, BlobKey, &'static [u8]>,
    filter_blocks: OnUse<'t, u32, &'static [u8]>,
    filter: OnUse<'t, (u32, u32, u8, u32, u32), &'static [u8]>,
}

/// How many changes name a long text.
fn text_references(table: &Table<'_, (&'static [u8; 32], u32), &'static [u8]>, digest: &Digest) -> Result<u64> {
    let found = table.get((digest, TEXT_REFERENCES)).map_err(storage("reading the references to a long text"))?;
    let Some(found) = found else { return Ok(0) };
    let count = found.value().try_into().map(u64::from_le_bytes);
    count.map_err(|_| Error::corrupt("the references to a long text are damaged"))
}

/// Entries in a row from which on a cursor is cheaper than single inserts.
const FEW: usize = 8;

impl<'t> WriteTables<'t> {
    /// Opens every table, which makes those that are not there yet.
    pub(crate) fn create(&mut self) -> Result<()> {
        self.meta.open()?;
        self.dictionary.open()?;
        for kind in EntityKind::ALL {
            self.records(kind)?;
        }
        self.hidden.open()?;
        self.running.open()?;
        self.log.open()?;
        self.packs.open()?;
        self.texts.open()?;
        self.entries.open()?;
        self.dates.open()?;
        self.series.open()?;
        self.blobs.open()?;
        Ok(())
    }

    pub(super) fn series_table(&mut self) -> Result<&mut Table<'t, SeriesKey, &'static [u8]>> {
        self.series.open()
    }

    pub(super) fn blobs_table(&mut self) -> Result<&mut BlobsTable<'t>> {
        self.blobs.open()
    }

    pub(super) fn filter_blocks_table(&mut self) -> Result<&mut Table<'t, u32, &'static [u8]>> {
        self.filter_blocks.open()
    }

    pub(super) fn filter_table(&mut self) -> Result<&mut FilterTable<'t>> {
        self.filter.open()
    }

    fn records(&mut self, kind: EntityKind) -> Result<&mut Table<'t, u32, &'static [u8]>> {
        let [projects, experiments, runs, comments, jobs, lineage] = &mut self.records;
        match kind {
            EntityKind::Project => projects.open(),
            EntityKind::Experiment => experiments.open(),
            EntityKind::Run => runs.open(),
            EntityKind::Comment => comments.open(),
            EntityKind::Job => jobs.open(),
            EntityKind::LineageEdge => lineage.open(),
        }
    }

    /// Stores the sealed record of an entity.
    pub(crate) fn put_record(&mut self, kind: EntityKind, row: Row, sealed: &[u8]) -> Result<()> {
        let table = self.records(kind)?;
        table.insert(row.0, sealed).map_err(storage(format!("writing the record of {kind} row {}", row.0)))?;
        Ok(())
    }

    /// Stores the sealed records of new entities, in ascending order of rows behind all that are there.
    pub(crate) fn append_records(&mut self, kind: EntityKind, records: &[(Row, Vec<u8>)]) -> Result<()> {
        // A cursor writes whole pages, and pays only for more than a few.
        if records.len() < FEW {
            return records.iter().try_for_each(|(row, sealed)| self.put_record(kind, *row, sealed));
        }
        let doing = format!("writing the records of new {kind}s");
        let table = self.records(kind)?;
        let mut cursor = table.upper_bound_mut(Bound::<u32>::Unbounded).map_err(storage(&doing))?;
        for (row, sealed) in records {
            cursor.insert_before(row.0, sealed.as_slice()).map_err(storage(&doing))?;
        }
        cursor.close().map_err(storage(&doing))
    }

    /// Removes a record: its entity was purged.
    pub(crate) fn remove_record(&mut self, kind: EntityKind, row: Row) -> Result<()> {
        let doing = format!("removing the record of {kind} row {}", row.0);
        self.records(kind)?.remove(row.0).map_err(storage(doing))?;
        Ok(())
    }

    /// One more than the last row of a kind.
    pub(crate) fn rows(&mut self, kind: EntityKind) -> Result<u32> {
        read::rows(self.records(kind)?)
    }

    /// Marks a project or an experiment as deleted, or as not.
    pub(crate) fn put_hidden(&mut self, kind: EntityKind, row: Row, hidden: bool) -> Result<()> {
        let doing = "writing what is deleted";
        if hidden {
            self.hidden.open()?.insert((kind.code(), row.0), ()).map_err(storage(doing))?;
        } else {
            self.hidden.open()?.remove((kind.code(), row.0)).map_err(storage(doing))?;
        }
        Ok(())
    }

    /// Marks a run as running, or as not.
    pub(crate) fn put_running(&mut self, row: Row, running: bool) -> Result<()> {
        let doing = "writing which runs are running";
        if running {
            self.running.open()?.insert(row.0, ()).map_err(storage(doing))?;
        } else {
            self.running.open()?.remove(row.0).map_err(storage(doing))?;
        }
        Ok(())
    }

    /// Stores an interned key.
    pub(crate) fn put_key(&mut self, code: u32, key: &str) -> Result<()> {
        let sealed = envelope::wrap(Kind::Key, &code.to_le_bytes(), key.as_bytes());
        self.dictionary.open()?.insert(code, &*sealed).map_err(storage("writing the dictionary of keys"))?;
        Ok(())
    }

    /// A setting.
    pub(crate) fn meta(&mut self, name: &str) -> Result<Option<Vec<u8>>> {
        read::meta(self.meta.open()?, name)
    }

    /// Stores a setting.
    pub(crate) fn put_meta(&mut self, name: &str, payload: &[u8]) -> Result<()> {
        let sealed = envelope::wrap(Kind::Meta, name.as_bytes(), payload);
        self.meta.open()?.insert(name, &*sealed).map_err(storage(format!("writing the setting {name}")))?;
        Ok(())
    }

    /// The first change and the payload of the part of commit `sequence` that holds change `index`; none if the
    /// commit is packed.
    pub(crate) fn log_part_of(&mut self, sequence: u64, index: u32) -> Result<Option<(u32, Vec<u8>)>> {
        let log = self.log.open()?;
        match read::log_at_most(log, sequence, index)? {
            Some((found, first)) if found == sequence => Ok(Some((first, read::log_part(log, sequence, first)?))),
            _ => Ok(None),
        }
    }

    /// Stores a part of a commit in place of what is there.
    pub(crate) fn replace_log_part(&mut self, sequence: u64, first: u32, payload: &[u8]) -> Result<()> {
        let doing = format!("removing a part of commit {sequence} from the log");
        let pieces = (sequence, first, 0)..=(sequence, first, u32::MAX);
        self.log.open()?.retain_in(pieces, |_, _| false).map_err(storage(doing))?;
        self.put_log_part(sequence, first, payload)
    }

    /// The last sequence and the payload of the pack that holds commit `sequence`.
    pub(crate) fn pack_of(&mut self, sequence: u64) -> Result<Option<(u64, Vec<u8>)>> {
        read::pack_at_least(self.packs.open()?, sequence)
    }

    /// Stores a pack in place of the one that ends with the same commit.
    pub(crate) fn replace_pack(&mut self, last: u64, payload: &[u8]) -> Result<()> {
        let pieces = (last, 0)..=(last, u32::MAX);
        self.packs.open()?.retain_in(pieces, |_, _| false).map_err(storage("removing a pack of commits"))?;
        self.put_pack(last, payload, std::iter::empty())
    }

    /// Stores a part of a commit.
    pub(crate) fn put_log_part(&mut self, sequence: u64, first: u32, payload: &[u8]) -> Result<()> {
        let sealed = envelope::wrap(Kind::Log, &read::log_key(sequence, first), payload);
        for (piece, bytes) in (0..).zip(sealed.chunks(PIECE_BYTES)) {
            self.log
                .open()?
                .insert((sequence, first, piece), bytes)
                .map_err(storage(format!("writing commit {sequence} to the log")))?;
        }
        Ok(())
    }

    /// The commits of `from` to `to` that stand in one row each, in order.
    pub(crate) fn small_commits(&mut self, from: u64, to: u64) -> Result<Vec<(u64, Vec<u8>)>> {
        let doing = "reading commits to pack";
        let mut small = Vec::new();
        let log = self.log.open()?;
        for sequence in from..=to {
            let mut rows = log.range((sequence, 0, 0)..=(sequence, u32::MAX, u32::MAX)).map_err(storage(doing))?;
            if let (Some(row), None) = (rows.next(), rows.next()) {
                let (_, value) = row.map_err(storage(doing))?;
                let payload = envelope::open(Kind::Log, &read::log_key(sequence, 0), value.value())
                    .map_err(|error| error.context(format!("{doing}: commit {sequence}")))?;
                small.push((sequence, payload.to_vec()));
            }
        }
        Ok(small)
    }

    /// Stores a pack that ends with commit `last`, in place of the single rows of `packed`.
    pub(crate) fn put_pack(&mut self, last: u64, payload: &[u8], packed: impl Iterator<Item = u64>) -> Result<()> {
        let doing = "writing a pack of commits";
        let sealed = envelope::wrap(Kind::Pack, &last.to_le_bytes(), payload);
        for (piece, bytes) in (0..).zip(sealed.chunks(PIECE_BYTES)) {
            self.packs.open()?.insert((last, piece), bytes).map_err(storage(doing))?;
        }
        for sequence in packed {
            self.log.open()?.remove((sequence, 0, 0)).map_err(storage(doing))?;
        }
        Ok(())
    }

    /// Stores a long text, once, and counts `references` more to it.
    pub(crate) fn put_text(&mut self, digest: &Digest, text: &[u8], references: u64) -> Result<()> {
        let doing = "writing a long text";
        let table = self.texts.open()?;
        let known = text_references(table, digest)?;
        if known == 0 {
            for (piece, bytes) in (0..).zip(text.chunks(TEXT_PIECE_BYTES)) {
                table.insert((digest, piece), bytes).map_err(storage(doing))?;
            }
        }
        let count = known.saturating_add(references).to_le_bytes();
        table.insert((digest, TEXT_REFERENCES), count.as_slice()).map_err(storage(doing))?;
        Ok(())
    }

    /// Takes back `references` to a long text; one that nothing names any more is removed.
    pub(crate) fn release_text(&mut self, digest: &Digest, references: u64) -> Result<()> {
        let doing = "removing a long text";
        let table = self.texts.open()?;
        match text_references(table, digest)?.saturating_sub(references) {
            0 => {
                table.retain_in((digest, 0)..=(digest, u32::MAX), |_, _| false).map_err(storage(doing))?;
            }
            left => {
                let count = left.to_le_bytes();
                table.insert((digest, TEXT_REFERENCES), count.as_slice()).map_err(storage(doing))?;
            }
        }
        Ok(())
    }

    /// Stores the latest date of what is under a project or an experiment, if it is later than what is there.
    pub(crate) fn put_date(&mut self, kind: EntityKind, row: Row, date: i64) -> Result<()> {
        let table = self.dates.open()?;
        if read::date(table, kind, row)?.is_none_or(|known| known < date) {
            table.insert((kind.code(), row.0), date).map_err(storage("writing the dates of parents"))?;
        }
        Ok(())
    }

    /// Adds entries to the key index, in ascending order; some may be there already.
    pub(crate) fn put_entries(&mut self, entries: &[(u64, u32)]) -> Result<()> {
        let doing = "folding the key index";
        let table = self.entries.open()?;
        for rows in entries.chunk_by(|a, b| a.0 == b.0) {
            // Many rows of one key are the new children of a parent: behind all that are there.
            if let [first, .., last] = rows
                && rows.len() >= FEW
            {
                let mut cursor = table.upper_bound_mut(Bound::Included(*last)).map_err(storage(doing))?;
                let before = cursor.peek_prev().map_err(storage(doing))?.map(|(entry, _)| entry.value());
                let behind = before.is_none_or(|before| before < *first);
                for entry in rows.iter().filter(|_| behind) {
                    cursor.insert_before(*entry, ()).map_err(storage(doing))?;
                }
                cursor.close().map_err(storage(doing))?;
                if behind {
                    continue;
                }
            }
            for entry in rows {
                table.insert(*entry, ()).map_err(storage(doing))?;
            }
        }
        Ok(())
    }
}
