//! The redb seam: the only module that names redb.
//!
//! - [`place`]: where a store's files are (a folder, memory, a simulated disk) and how they are opened.
//! - [`tables`]: every table with its key layout.
//! - [`read`], [`mod@write`]: a snapshot and a write transaction, as typed gets, puts and ranges.
//! - [`filter`]: the blocks of the filter index.
//! - [`series`]: the chunks of series.
//! - [`blobs`]: small blobs.
//! - [`dictionary`]: interned keys.
//! - [`fresh`]: all tables in a new file, to compact or to back up; [`scan`]: all of them, to verify.
//! - [`errors`]: redb's errors as ours.

mod blobs;
pub(crate) mod dictionary;
pub(crate) mod errors;
mod files;
mod filter;
mod fresh;
pub(crate) mod place;
pub(crate) mod read;
mod scan;
mod series;
#[cfg(feature = "simulation")]
mod simulated;
pub(crate) mod tables;
pub(crate) mod write;

pub(crate) use blobs::BlobSource;
pub(crate) use files::{BLOBS_FOLDER, sync_folder};
pub(crate) use filter::FilterBlock;
pub(crate) use place::{Database, OpenSettings, Place, begin_folder};
pub(crate) use read::{Bytes, ReadTables, Source};
pub(crate) use series::{SeriesPlace, SeriesSource, open_chunk};
pub(crate) use write::{CommitMode, WriteTables, WriteTxn};
