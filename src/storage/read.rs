//! Reading tables, the same on a snapshot and inside a write.

use std::ops::Bound;
use std::sync::OnceLock;

use redb::{
    OwnedAccessGuard, ReadOnlyTable, ReadTransaction, ReadableTable, ReadableTableMetadata, TableDefinition,
    TableHandle,
};
use roaring::RoaringBitmap;

use super::errors::storage;
use super::place::Database;
use super::tables::{self, BlobKey, SeriesKey};
use crate::codec::canon::{self, Digest};
use crate::codec::envelope::{self, Kind};
use crate::error::{Error, Result};
use crate::id::{EntityKind, PerKind, Row};

/// Bytes of a stored value: in redb's page, or copied.
pub(crate) enum Bytes {
    Page(OwnedAccessGuard<&'static [u8]>),
    Owned(Vec<u8>),
}

impl Bytes {
    pub(crate) fn as_slice(&self) -> &[u8] {
        match self {
            Bytes::Page(guard) => guard.value(),
            Bytes::Owned(bytes) => bytes,
        }
    }
}

/// The tables, readable.
pub(crate) trait Source {
    /// The sealed record of an entity.
    fn record(&self, kind: EntityKind, row: Row) -> Result<Option<Bytes>>;
    /// One more than the last row of a kind.
    fn rows(&self, kind: EntityKind) -> Result<u32>;
    /// The greatest log part at or before change `index` of commit `sequence` or an earlier one.
    fn log_at_most(&self, sequence: u64, index: u32) -> Result<Option<(u64, u32)>>;
    /// The payload of a log part.
    fn log_part(&self, sequence: u64, first: u32) -> Result<Vec<u8>>;
    /// The last sequence and the payload of the first pack that ends at `sequence` or later.
    fn pack_at_least(&self, sequence: u64) -> Result<Option<(u64, Vec<u8>)>>;
    /// The last packed sequence.
    fn last_packed(&self) -> Result<Option<u64>>;
    /// The rows between `from` and `to` inclusive that the key index holds under `key`, ascending.
    fn entries(&self, key: u64, from: u32, to: u32, each: &mut dyn FnMut(u32) -> bool) -> Result<()>;
    /// The same rows, descending.
    fn entries_back(&self, key: u64, from: u32, to: u32, each: &mut dyn FnMut(u32) -> bool) -> Result<()>;
    /// The latest date of what is under a project or an experiment, as far as it was folded.
    fn date(&self, kind: EntityKind, row: Row) -> Result<Option<i64>>;
    /// A long text.
    fn text(&self, digest: &Digest, len: u64) -> Result<Vec<u8>>;
    /// A setting of the store.
    fn meta(&self, name: &str) -> Result<Option<Vec<u8>>>;
}

pub(super) fn record_doing(kind: EntityKind, row: Row) -> String {
    format!("reading the record of {kind} row {}", row.0)
}

pub(super) fn rows<T: ReadableTable<u32, &'static [u8]>>(table: &T) -> Result<u32> {
    let last = table.last().map_err(storage("reading the last row"))?;
    Ok(last.map_or(0, |(row, _)| row.value().saturating_add(1)))
}

pub(super) fn log_at_most<T: ReadableTable<(u64, u32, u32), &'static [u8]>>(
    table: &T,
    sequence: u64,
    index: u32,
) -> Result<Option<(u64, u32)>> {
    let doing = "finding a commit in the log";
    match table.range(..=(sequence, index, u32::MAX)).map_err(storage(doing))?.next_back() {
        Some(found) => {
            let (sequence, first, _) = found.map_err(storage(doing))?.0.value();
            Ok(Some((sequence, first)))
        }
        None => Ok(None),
    }
}

pub(super) fn log_part<T: ReadableTable<(u64, u32, u32), &'static [u8]>>(
    table: &T,
    sequence: u64,
    first: u32,
) -> Result<Vec<u8>> {
    let doing = format!("reading commit {sequence} from the log");
    let mut sealed = Vec::new();
    let pieces = table.range((sequence, first, 0)..=(sequence, first, u32::MAX)).map_err(storage(&doing))?;
    for piece in pieces {
        sealed.extend_from_slice(piece.map_err(storage(&doing))?.1.value());
    }
    unseal(Kind::Log, &log_key(sequence, first), sealed).map_err(|error| error.context(doing))
}

pub(super) fn log_key(sequence: u64, first: u32) -> [u8; 12] {
    let mut key = [0; 12];
    let (left, right) = key.split_at_mut(8);
    left.copy_from_slice(&sequence.to_le_bytes());
    right.copy_from_slice(&first.to_le_bytes());
    key
}

fn unseal(kind: Kind, key: &[u8], mut sealed: Vec<u8>) -> Result<Vec<u8>> {
    envelope::open(kind, key, &sealed)?;
    sealed.drain(..envelope::HEADER);
    Ok(sealed)
}

pub(super) fn pack_at_least<T: ReadableTable<(u64, u32), &'static [u8]>>(
    table: &T,
    sequence: u64,
) -> Result<Option<(u64, Vec<u8>)>> {
    let doing = format!("reading the pack of commit {sequence}");
    let mut sealed = Vec::new();
    let mut last = None;
    for piece in table.range((sequence, 0)..).map_err(storage(&doing))? {
        let (key, value) = piece.map_err(storage(&doing))?;
        let (pack, _) = key.value();
        if *last.get_or_insert(pack) != pack {
            break;
        }
        sealed.extend_from_slice(value.value());
    }
    let Some(last) = last else { return Ok(None) };
    let payload = unseal(Kind::Pack, &last.to_le_bytes(), sealed).map_err(|error| error.context(doing))?;
    Ok(Some((last, payload)))
}

pub(super) fn last_packed<T: ReadableTable<(u64, u32), &'static [u8]>>(table: &T) -> Result<Option<u64>> {
    Ok(table.last().map_err(storage("reading the last pack"))?.map(|(key, _)| key.value().0))
}

pub(super) fn entries<T: ReadableTable<(u64, u32), ()>>(
    table: &T,
    key: u64,
    from: u32,
    to: u32,
    back: bool,
    each: &mut dyn FnMut(u32) -> bool,
) -> Result<()> {
    let doing = "reading the key index";
    // A cursor goes down the tree once, a range twice.
    let mut cursor = if back {
        table.upper_bound(Bound::Included((key, to))).map_err(storage(doing))?
    } else {
        table.lower_bound(Bound::Included((key, from))).map_err(storage(doing))?
    };
    loop {
        let entry = if back { cursor.prev() } else { cursor.next() }.map_err(storage(doing))?;
        let Some((found, row)) = entry.map(|(entry, _)| entry.value()) else { return Ok(()) };
        if found != key || !(from..=to).contains(&row) || !each(row) {
            return Ok(());
        }
    }
}

pub(super) fn text<T: ReadableTable<(&'static [u8; 32], u32), &'static [u8]>>(
    table: &T,
    digest: &Digest,
    len: u64,
) -> Result<Vec<u8>> {
    let doing = "reading a long text";
    let mut text = Vec::new();
    for piece in table.range((digest, 0)..(digest, tables::TEXT_REFERENCES)).map_err(storage(doing))? {
        text.extend_from_slice(piece.map_err(storage(doing))?.1.value());
    }
    if text.len() as u64 != len || canon::digest(&[&text]) != *digest {
        return Err(Error::corrupt(format!("{doing}: the bytes of a text of {len} bytes are missing or damaged")));
    }
    Ok(text)
}

pub(super) fn meta<T: ReadableTable<&'static str, &'static [u8]>>(table: &T, name: &str) -> Result<Option<Vec<u8>>> {
    let doing = format!("reading the setting {name}");
    let Some(value) = table.get(name).map_err(storage(&doing))? else { return Ok(None) };
    let payload = envelope::open(Kind::Meta, name.as_bytes(), value.value()).map_err(|error| error.context(&doing))?;
    Ok(Some(payload.to_vec()))
}

pub(super) fn date<T: ReadableTable<(u8, u32), i64>>(table: &T, kind: EntityKind, row: Row) -> Result<Option<i64>> {
    let found = table.get((kind.code(), row.0)).map_err(storage("reading the dates of parents"))?;
    Ok(found.map(|date| date.value()))
}

/// A table of a snapshot that is opened when it is first used: a commit publishes a snapshot, and most are never read.
struct OnUse<K: redb::Key + 'static, V: redb::Value + 'static> {
    definition: TableDefinition<'static, K, V>,
    table: OnceLock<ReadOnlyTable<K, V>>,
}

impl<K: redb::Key + 'static, V: redb::Value + 'static> OnUse<K, V> {
    const fn new(definition: TableDefinition<'static, K, V>) -> Self {
        OnUse { definition, table: OnceLock::new() }
    }

    fn open(&self, transaction: &ReadTransaction) -> Result<&ReadOnlyTable<K, V>> {
        if let Some(table) = self.table.get() {
            return Ok(table);
        }
        let doing = || format!("opening the table {}", self.definition.name());
        let table = transaction.open_table(self.definition).map_err(|error| storage(doing())(error))?;
        // Of two who open it at once, one is as good as the other.
        Ok(self.table.get_or_init(|| table))
    }

    /// [`open`](Self::open), if the store has the table.
    fn open_if_there(&self, transaction: &ReadTransaction) -> Result<Option<&ReadOnlyTable<K, V>>> {
        if let Some(table) = self.table.get() {
            return Ok(Some(table));
        }
        match transaction.open_table(self.definition) {
            Ok(table) => Ok(Some(self.table.get_or_init(|| table))),
            Err(redb::TableError::TableDoesNotExist(_)) => Ok(None),
            Err(error) => Err(storage(format!("opening the table {}", self.definition.name()))(error)),
        }
    }
}

type FilterFields = ReadOnlyTable<(u32, u32, u8, u32, u32), &'static [u8]>;

/// The tables of one snapshot.
pub(crate) struct ReadTables {
    records: PerKind<OnUse<u32, &'static [u8]>>,
    log: OnUse<(u64, u32, u32), &'static [u8]>,
    packs: OnUse<(u64, u32), &'static [u8]>,
    texts: OnUse<(&'static [u8; 32], u32), &'static [u8]>,
    entries: OnUse<(u64, u32), ()>,
    dates: OnUse<(u8, u32), i64>,
    series: OnUse<SeriesKey, &'static [u8]>,
    blobs: OnUse<BlobKey, &'static [u8]>,
    filter_blocks: OnUse<u32, &'static [u8]>,
    filter: OnUse<(u32, u32, u8, u32, u32), &'static [u8]>,
    transaction: ReadTransaction,
}

impl ReadTables {
    pub(crate) fn begin(database: &Database) -> Result<Self> {
        Ok(ReadTables {
            records: EntityKind::ALL.map(|kind| OnUse::new(tables::records(kind))),
            log: OnUse::new(tables::LOG),
            packs: OnUse::new(tables::PACKS),
            texts: OnUse::new(tables::TEXTS),
            entries: OnUse::new(tables::ENTRIES),
            dates: OnUse::new(tables::DATES),
            series: OnUse::new(tables::SERIES),
            blobs: OnUse::new(tables::BLOBS),
            filter_blocks: OnUse::new(tables::FILTER_BLOCKS),
            filter: OnUse::new(tables::FILTER),
            transaction: database.begin_read()?,
        })
    }

    pub(super) fn entries_table(&self) -> Result<&ReadOnlyTable<(u64, u32), ()>> {
        self.entries.open(&self.transaction)
    }

    pub(super) fn records(&self, kind: EntityKind) -> Result<&ReadOnlyTable<u32, &'static [u8]>> {
        let [projects, experiments, runs, comments, jobs, lineage] = &self.records;
        let table = match kind {
            EntityKind::Project => projects,
            EntityKind::Experiment => experiments,
            EntityKind::Run => runs,
            EntityKind::Comment => comments,
            EntityKind::Job => jobs,
            EntityKind::LineageEdge => lineage,
        };
        table.open(&self.transaction)
    }

    /// Rows of deleted projects and experiments, by kind.
    pub(crate) fn hidden(&self) -> Result<PerKind<RoaringBitmap>> {
        let doing = "reading what is deleted";
        let table = self.transaction.open_table(tables::HIDDEN).map_err(storage(doing))?;
        let mut hidden: PerKind<RoaringBitmap> = Default::default();
        for entry in table.iter().map_err(storage(doing))? {
            let (code, row) = entry.map_err(storage(doing))?.0.value();
            let kind = EntityKind::from_code(u64::from(code));
            let bitmap = kind.and_then(|kind| hidden.get_mut(kind.index()));
            bitmap.ok_or_else(|| Error::corrupt(format!("{doing}: no kind has code {code}")))?.insert(row);
        }
        Ok(hidden)
    }

    /// Rows of runs whose status is running.
    pub(crate) fn running(&self) -> Result<RoaringBitmap> {
        let doing = "reading which runs are running";
        let table = self.transaction.open_table(tables::RUNNING).map_err(storage(doing))?;
        let mut running = RoaringBitmap::new();
        for entry in table.iter().map_err(storage(doing))? {
            running.insert(entry.map_err(storage(doing))?.0.value());
        }
        Ok(running)
    }

    /// All interned keys, in order of their codes.
    pub(crate) fn dictionary(&self) -> Result<Vec<String>> {
        let doing = "reading the dictionary of keys";
        let table = self.transaction.open_table(tables::DICTIONARY).map_err(storage(doing))?;
        let mut keys = Vec::new();
        for entry in table.iter().map_err(storage(doing))? {
            let (code, value) = entry.map_err(storage(doing))?;
            let code = code.value();
            let payload = envelope::open(Kind::Key, &code.to_le_bytes(), value.value())
                .map_err(|error| error.context(format!("{doing}, code {code}")))?;
            if code as usize != keys.len() {
                return Err(Error::corrupt(format!("{doing}: code {} is missing", keys.len())));
            }
            let key = std::str::from_utf8(payload).map_err(|_| Error::corrupt(format!("{doing}: code {code}")))?;
            keys.push(key.to_owned());
        }
        Ok(keys)
    }

    /// Tells of each long text how many changes are said to name it.
    pub(crate) fn text_references(&self, each: &mut dyn FnMut(&Digest, u64)) -> Result<()> {
        let doing = "reading the references to long texts";
        let texts = self.texts.open(&self.transaction)?;
        let mut last: Option<Digest> = None;
        loop {
            // The count is the last row of a text: from there on, the next text's first row comes second.
            let from = last.map_or(([0; 32], 0), |digest| (digest, tables::TEXT_REFERENCES));
            let mut rows = texts.range((&from.0, from.1)..).map_err(storage(doing))?;
            let digest = loop {
                let Some(row) = rows.next() else { return Ok(()) };
                let digest: Digest = *row.map_err(storage(doing))?.0.value().0;
                if last != Some(digest) {
                    break digest;
                }
            };
            // Not by the pieces, which are long.
            let count = texts.get((&digest, tables::TEXT_REFERENCES)).map_err(storage(doing))?;
            let count = count.and_then(|count| count.value().try_into().ok()).map_or(0, u64::from_le_bytes);
            each(&digest, count);
            last = Some(digest);
        }
    }

    pub(super) fn blobs_table(&self) -> Result<&ReadOnlyTable<BlobKey, &'static [u8]>> {
        self.blobs.open(&self.transaction)
    }

    pub(super) fn transaction(&self) -> &ReadTransaction {
        &self.transaction
    }

    pub(super) fn series_table(&self) -> Result<&ReadOnlyTable<SeriesKey, &'static [u8]>> {
        self.series.open(&self.transaction)
    }

    pub(super) fn filter_blocks_table(&self) -> Result<Option<&ReadOnlyTable<u32, &'static [u8]>>> {
        self.filter_blocks.open_if_there(&self.transaction)
    }

    pub(super) fn filter_table(&self) -> Result<Option<&FilterFields>> {
        self.filter.open_if_there(&self.transaction)
    }

    /// How many records of a kind there are, without a scan.
    pub(crate) fn stored(&self, kind: EntityKind) -> Result<u64> {
        self.records(kind)?.len().map_err(storage("counting records"))
    }
}

impl Source for ReadTables {
    fn record(&self, kind: EntityKind, row: Row) -> Result<Option<Bytes>> {
        let found = self.records(kind)?.get_owned(row.0);
        let found = found.map_err(|error| storage(record_doing(kind, row))(error))?;
        Ok(found.map(Bytes::Page))
    }
    fn rows(&self, kind: EntityKind) -> Result<u32> {
        rows(self.records(kind)?)
    }
    fn log_at_most(&self, sequence: u64, index: u32) -> Result<Option<(u64, u32)>> {
        log_at_most(self.log.open(&self.transaction)?, sequence, index)
    }
    fn log_part(&self, sequence: u64, first: u32) -> Result<Vec<u8>> {
        log_part(self.log.open(&self.transaction)?, sequence, first)
    }
    fn pack_at_least(&self, sequence: u64) -> Result<Option<(u64, Vec<u8>)>> {
        pack_at_least(self.packs.open(&self.transaction)?, sequence)
    }
    fn last_packed(&self) -> Result<Option<u64>> {
        last_packed(self.packs.open(&self.transaction)?)
    }
    fn entries(&self, key: u64, from: u32, to: u32, each: &mut dyn FnMut(u32) -> bool) -> Result<()> {
        entries(self.entries.open(&self.transaction)?, key, from, to, false, each)
    }
    fn entries_back(&self, key: u64, from: u32, to: u32, each: &mut dyn FnMut(u32) -> bool) -> Result<()> {
        entries(self.entries.open(&self.transaction)?, key, from, to, true, each)
    }
    fn date(&self, kind: EntityKind, row: Row) -> Result<Option<i64>> {
        date(self.dates.open(&self.transaction)?, kind, row)
    }
    fn text(&self, digest: &Digest, len: u64) -> Result<Vec<u8>> {
        text(self.texts.open(&self.transaction)?, digest, len)
    }
    fn meta(&self, name: &str) -> Result<Option<Vec<u8>>> {
        let table = self.transaction.open_table(tables::META).map_err(storage("opening the settings"))?;
        meta(&table, name)
    }
}
