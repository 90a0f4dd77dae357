//! Every table, with its key order.
//!
//! | table | key | value |
//! |---|---|---|
//! | `meta` | name | envelope of the setting |
//! | `dictionary` | key code | envelope of the key's text |
//! | `projects`, `experiments`, `runs`, `comments`, `jobs`, `lineage` | row | envelope of the record |
//! | `hidden` | kind, row | nothing: a deleted project or experiment |
//! | `running` | row | nothing: a run whose status is running |
//! | `log` | sequence, first change, piece | piece of an envelope of a commit part |
//! | `packs` | last sequence, piece | piece of an envelope of packed commits |
//! | `texts` | SHA-256, piece | piece of a long text; the last row counts the changes, and records that are being purged, that name it |
//! | `dates` | kind, row | the latest date of what is under a project or an experiment |
//! | `series` | run, key code, generation, first observation | envelope of a chunk of a series |
//! | `blobs` | BLAKE3 digest, piece | piece of an envelope of a small blob |
//! | `entries` | key, row | nothing: an entry of the key index |
//! | `filter_blocks` | number | envelope of what a block of the filter index is of |
//! | `filter` | number, generation, space and code of a field, piece | piece of an envelope of a field of a block |
//!
//! The tables of the filter index may be missing, or lack anything: they are made from the records.

use redb::{Key, TableDefinition, Value};

use crate::error::Result;
use crate::id::EntityKind;

pub(crate) type Record = TableDefinition<'static, u32, &'static [u8]>;

pub(crate) const META: TableDefinition<&str, &[u8]> = TableDefinition::new("meta");
pub(crate) const DICTIONARY: TableDefinition<u32, &[u8]> = TableDefinition::new("dictionary");
pub(crate) const PROJECTS: Record = TableDefinition::new("projects");
pub(crate) const EXPERIMENTS: Record = TableDefinition::new("experiments");
pub(crate) const RUNS: Record = TableDefinition::new("runs");
pub(crate) const COMMENTS: Record = TableDefinition::new("comments");
pub(crate) const JOBS: Record = TableDefinition::new("jobs");
pub(crate) const LINEAGE: Record = TableDefinition::new("lineage");
pub(crate) const HIDDEN: TableDefinition<(u8, u32), ()> = TableDefinition::new("hidden");
pub(crate) const RUNNING: TableDefinition<u32, ()> = TableDefinition::new("running");
pub(crate) const LOG: TableDefinition<(u64, u32, u32), &[u8]> = TableDefinition::new("log");
pub(crate) const PACKS: TableDefinition<(u64, u32), &[u8]> = TableDefinition::new("packs");
pub(crate) const TEXTS: TableDefinition<(&[u8; 32], u32), &[u8]> = TableDefinition::new("texts");
pub(crate) const ENTRIES: TableDefinition<(u64, u32), ()> = TableDefinition::new("entries");
pub(crate) const DATES: TableDefinition<(u8, u32), i64> = TableDefinition::new("dates");

/// Run, key, generation, first observation.
pub(crate) type SeriesKey = (u32, u32, u32, u64);

pub(crate) const SERIES: TableDefinition<SeriesKey, &[u8]> = TableDefinition::new("series");

/// Digest, piece.
pub(crate) type BlobKey = (&'static [u8; 32], u32);

pub(crate) const BLOBS: TableDefinition<BlobKey, &[u8]> = TableDefinition::new("blobs");

pub(crate) const FILTER_BLOCKS: TableDefinition<u32, &[u8]> = TableDefinition::new("filter_blocks");
pub(crate) const FILTER: FilterFields = TableDefinition::new("filter");

/// Number, generation, space, code, piece.
pub(crate) type FilterFields = TableDefinition<'static, (u32, u32, u8, u32, u32), &'static [u8]>;

/// What is done with each table in turn.
pub(crate) trait Visit {
    fn table<K: Key + 'static, V: Value + 'static>(&mut self, table: TableDefinition<'static, K, V>) -> Result<()>;

    /// The fields of the filter index, of which some belong to no block.
    fn filter_fields(&mut self, table: FilterFields) -> Result<()> {
        self.table(table)
    }
}

/// Every table. One that is missing here would be lost by a compaction, which therefore refuses a store with others.
pub(crate) fn each(visit: &mut impl Visit) -> Result<()> {
    visit.table(META)?;
    visit.table(DICTIONARY)?;
    EntityKind::ALL.into_iter().try_for_each(|kind| visit.table(records(kind)))?;
    visit.table(HIDDEN)?;
    visit.table(LOG)?;
    visit.table(PACKS)?;
    visit.table(TEXTS)?;
    visit.table(DATES)?;
    visit.table(SERIES)?;
    visit.table(BLOBS)?;
    visit.table(RUNNING)?;
    visit.table(ENTRIES)?;
    visit.table(FILTER_BLOCKS)?;
    visit.filter_fields(FILTER)
}

pub(crate) const fn records(kind: EntityKind) -> Record {
    match kind {
        EntityKind::Project => PROJECTS,
        EntityKind::Experiment => EXPERIMENTS,
        EntityKind::Run => RUNS,
        EntityKind::Comment => COMMENTS,
        EntityKind::Job => JOBS,
        EntityKind::LineageEdge => LINEAGE,
    }
}

/// Largest piece of a value that is cut up: one fills a page of 4 KiB. Whole, a value would take a run of
/// pages rounded up to a power of two.
pub(crate) const PIECE_BYTES: usize = 4040;

/// Pieces of small blobs: one fills two pages of 4 KiB. What is cut into pieces of one page leaves a second one for the
/// few bytes of an envelope that a blob of 4 KiB has more than fit.
pub(crate) const BLOB_PIECE_BYTES: usize = 2 * 4096 - 56;

/// The piece number under which the references to a long text are counted.
pub(crate) const TEXT_REFERENCES: u32 = u32::MAX;

/// Pieces of long texts: just under a power of two, for the same reason.
pub(crate) const TEXT_PIECE_BYTES: usize = 65_536 - 128;
