//! Every numeric limit of the engine, with its reason.
//!
//! Keys, ids of entities, texts, values and lists have no limit of their own: what is not named here is bounded
//! by memory and disk, and by [`CHANGE_BYTES`].

use std::time::Duration;

/// Longest name of a project, experiment or run at creation, in characters (ModelDB's rule).
pub const NAME_CHARS: usize = 256;

/// Longest tag, in characters (ModelDB's rule); the shortest has one.
pub const TAG_CHARS: usize = 40;

/// Longest short name of a project, in characters; longer ones end in a digest (ModelDB's rule).
pub const SHORT_NAME_CHARS: usize = 40;

/// Deepest nesting of lists and maps in a value: decoding recurses, and a stack is finite.
pub const VALUE_DEPTH: usize = 128;

/// Most entities of one kind in a store, deleted ones included: rows are `u32` and never reused.
pub const ENTITIES_PER_KIND: u32 = u32::MAX - 1;

/// Most operations and changes in one commit: they are counted in a `u32`.
pub const CHANGES_PER_COMMIT: u32 = u32::MAX - 1;

/// Largest change, in bytes of its encoding, in which a text of more than some thousand stands as a digest: the creation
/// of an entity with all its lists, or an edit with the old values and the new. It is read back in one piece.
pub const CHANGE_BYTES: usize = 1 << 29;

/// Largest entity in an export, in bytes of its line, in which a byte may take two or a letter six: likewise.
pub const EXPORT_LINE_BYTES: usize = 1 << 30;

/// Greatest version number of an entity that an import takes: there is room for every change that can come.
pub(crate) const IMPORTED_VERSION: u64 = 1 << 62;

/// Deepest nesting of a value that an export says in words, beside its encoding, and...
pub(crate) const EXPORT_SAID_DEPTH: usize = 16;

/// ...the most bytes of texts in it: they are for people.
pub(crate) const EXPORT_SAID_BYTES: usize = 64 << 10;

/// Longest field of an actor, in bytes: a commit holds it whole, and is read for every step of a history.
pub const ACTOR_FIELD_BYTES: usize = INLINE_BYTES;

/// Longest id of a write, in bytes, for the same reason.
pub const WRITE_ID_BYTES: usize = INLINE_BYTES;

/// Longest page of a listing that is served at once.
pub const PAGE_ITEMS: usize = 10_000;

/// Deepest nesting of a filter: checking and evaluating it recurses.
pub const FILTER_DEPTH: usize = 64;

/// Most conditions of a filter, each value of a list counted: every record meets all of them.
pub const FILTER_TERMS: usize = 10_000;

/// Longest text of a filter, in bytes: room for a list of [`FILTER_TERMS`] ids.
pub const QUERY_TEXT_BYTES: usize = 1 << 20;

/// Most patterns (`like`, `ilike`, `rlike`) of a filter: each takes memory, and time of every record.
pub const FILTER_PATTERNS: usize = 64;

/// Most memory that a pattern of a filter compiles to, and that its automaton takes on top of that while it runs; each
/// thread has one. Patterns longer than a sixteenth of it are not even compiled.
pub const QUERY_PATTERN_BYTES: usize = 1 << 20;

/// Longest operand of `matches`, in bytes, and...
pub const TEXT_QUERY_BYTES: usize = 16 << 10;

/// ...most words in it: every record meets all of them.
pub const TEXT_QUERY_WORDS: usize = 256;

/// Longest word that others may be some edits away from, in characters: the automaton for it grows with each.
pub const TEXT_NEAR_CHARS: usize = 64;

/// Most bytes of a blob that stands in the store's own file, written with the commit that names it; larger ones have a
/// file each.
pub const SMALL_BLOB_BYTES: usize = 64 << 10;

/// Largest file that an environment is read off, in bytes.
pub const ENVIRONMENT_FILE_BYTES: usize = 1 << 20;

/// Most parts of an upload.
pub const UPLOAD_PARTS: usize = 10_000;

/// Longest text that is observed, in bytes: series are for numbers, and a chunk of one is read whole.
pub const OBSERVED_TEXT_BYTES: usize = INLINE_BYTES;

/// Observations below which a chunk of a series is stored without columns, which have some hundred bytes of heads.
pub(crate) const SERIES_PLAIN: usize = 32;

/// Most observations of a chunk of a series: what is read and written at once.
pub(crate) const SERIES_CHUNK: usize = 1024;

/// Most bytes of the texts of a chunk, with their heads.
pub(crate) const SERIES_CHUNK_TEXT_BYTES: usize = SERIES_CHUNK * (OBSERVED_TEXT_BYTES + 8);

/// Most bytes that all loggers of a store hold, about; some 130,000 observations. Whoever logs more waits until they
/// are written. What is being written meanwhile takes some three times as much, since it is held as it goes to the
/// tables, too.
pub const LOGGER_QUEUE_BYTES: usize = 8 << 20;

/// Longest time that what was logged waits to be written: then it is, with what came meanwhile. A commit costs a sync
/// and some ten thousand bytes, and a plot that is a second old is not old.
pub const LOGGER_DELAY: Duration = Duration::from_secs(1);

/// Bytes that are not waited for to become more: half of what fits, so that logging goes on meanwhile.
pub(crate) const LOGGER_HURRY_BYTES: usize = LOGGER_QUEUE_BYTES / 2;

/// Bytes of keys that a logger remembers from one write to the next, so that none has to be stored for each value.
pub(crate) const LOGGER_KEY_BYTES: usize = 1 << 20;

/// How hard columns of numbers are compressed: pco's levels.
pub(crate) const COLUMN_COMPRESSION: usize = 4;

/// Strings longer than this many bytes are stored once, by digest, beside records and log.
pub(crate) const INLINE_BYTES: usize = 4096;

/// A write that holds more than this many bytes in memory goes to the disk in parts, alone...
pub(crate) const WRITE_MEMORY_BYTES: usize = 8 << 20;

/// ...and from then on in parts of this many, which stay in a processor's cache...
pub(crate) const WRITE_SLICE_BYTES: usize = 1 << 20;

/// ...its entries of the key index by as many as this, since sorted ones share pages.
pub(crate) const WRITE_SLICE_ENTRIES: usize = 65_536;

/// Children that a write looks up at once when it goes through all of a parent.
pub(crate) const WRITE_PAGE_ROWS: usize = 1024;

/// A group of writes that holds this many bytes is committed without waiting for more.
pub(crate) const GROUP_BYTES: usize = 16 << 20;

/// Log parts are cut when they reach this many bytes, before compression.
pub(crate) const LOG_PART_BYTES: usize = 128 << 10;

/// Commits stay in rows of their own until this many lie behind the last packed one...
pub(crate) const LOG_UNPACKED_COMMITS: u64 = 192;

/// ...then the small ones of this many are packed into one compressed block.
pub(crate) const LOG_PACK_COMMITS: u64 = 128;

/// Bytes of decompressed packs that a walk over many entities of the past remembers: some hundred packs.
pub(crate) const LOG_READ_BYTES: usize = 8 << 20;

/// Changes that one commit of a purge erases at most...
pub(crate) const PURGE_SLICE_CHANGES: usize = 512;

/// ...and blocks of the log it rewrites for that: each takes up to a millisecond, and other writers wait for it.
pub(crate) const PURGE_SLICE_BLOCKS: usize = 24;

/// Rows of a block of the filter index: what a sixteen-bit offset tells apart.
pub(crate) const FILTER_BLOCK_ROWS: u32 = 1 << 16;

/// Rows that were created or changed since the blocks of the filter index were made, from which on blocks are made in
/// the background: what a search of a store just opened looks at the records of...
pub(crate) const FILTER_TAIL_ROWS: u64 = 16_384;

/// ...or one in so many of all rows, if that is more: an edit of each block costs all of them.
pub(crate) const FILTER_TAIL_SHARE: u64 = 64;

/// Times that searches look at the record of such a row, on the whole, before it is put into an overlay: about what
/// that costs.
pub(crate) const FILTER_LOOKS: u64 = 4;

/// Bytes of fields of the filter index in memory.
pub(crate) const FILTER_CACHE_BYTES: usize = 192 << 20;

/// Bytes of fields of the filter index that one transaction writes, unless one field has more: other writers wait for
/// it.
pub(crate) const FILTER_SLICE_BYTES: usize = 1 << 20;

/// Bytes of a block of the filter index that wait in memory for the next commit, which then takes the time to write
/// them too: 12 to 21 ms for a block of 65,536 runs with 21 fields, on a disk that syncs in 0.4 ms.
pub(crate) const FILTER_FLUSH_BYTES: usize = 8 << 20;

/// Texts of a field that a block of the filter index lists; of further ones it has hashes, and looks into the record.
pub(crate) const FILTER_TEXTS: usize = 4096;

/// A text longer than this many bytes is one of the further ones.
pub(crate) const FILTER_TEXT_BYTES: usize = 256;

/// Changes of rows that the text index is told of and remembers.
#[cfg(feature = "text")]
pub(crate) const TEXT_CHANGES: usize = 1 << 16;

/// Runs, projects and experiments below which the text index is not made: evaluating them takes milliseconds.
pub(crate) const TEXT_START_ROWS: u32 = 2048;

/// A longer word is not in the text index, in bytes; what has one is looked up in its record.
#[cfg(feature = "text")]
pub(crate) const TEXT_WORD_BYTES: usize = 256;

/// The words of a longer text are not in the text index, in bytes.
#[cfg(feature = "text")]
pub(crate) const TEXT_BYTES: usize = 1 << 20;

/// The parts of a longer text are not in the text index, in bytes: they take about three times the room of the text.
#[cfg(feature = "text")]
pub(crate) const TEXT_PART_BYTES: usize = 64 << 10;

/// Longer parts are not asked of the text index, in characters.
#[cfg(feature = "text")]
pub(crate) const TEXT_PART_CHARS: usize = 256;

/// Memory in which each thread of the text index gathers what it writes next, in bytes.
#[cfg(feature = "text")]
pub(crate) const TEXT_MEMORY_BYTES: usize = 48 << 20;

/// Key-index entries that gather in memory before they are folded into the table.
pub(crate) const KEYS_GENERATION: usize = 32_768;

/// Key-index entries that gather in memory while large writes come one after the other: a reopening after a crash
/// reads them from the log again, some hundred thousand a second.
pub(crate) const KEYS_LOAD: usize = 131_072;

/// Commits after the key index's watermark at which a generation is folded however small it is, within half as many
/// again: a reopening after a crash reads them from the log. Creating runs one by one fills a generation sooner, so
/// that this costs it nothing.
pub(crate) const KEYS_COMMITS: u64 = 16_384;

/// Key-index entries folded by one commit while a generation is being folded. Neighbouring entries
/// share leaves and branches, so a larger slice costs fewer bytes an entry; a smaller one, a shorter stall.
pub(crate) const KEYS_FOLD_SLICE: usize = 384;

/// Bytes of tables that are copied to a new file at once, by a backup or a compaction...
pub(crate) const COPY_SLICE_BYTES: usize = 64 << 20;

/// ...and what its pages may take in memory.
pub(crate) const COPY_CACHE_BYTES: usize = 64 << 20;

/// Findings of a section of a verification that are told one by one; the others are counted.
pub const VERIFY_FINDINGS: usize = 100;

/// Expected entries of the key index that a verification sorts to look them up in order: some MiB.
pub(crate) const VERIFY_ENTRIES: usize = 1 << 18;
