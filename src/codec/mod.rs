//! Bytes and model: what is stored, and how it is told intact.
//!
//! - [`canon`]: deterministic CBOR, for the log: it is hashed as it is stored, and any language reads it.
//! - [`columns`]: columns of numbers, packed; for blocks of the filter index and chunks of series.
//! - [`envelope`]: kind, version and CRC around every stored value.
//! - [`compress`]: the one compressor.
//! - [`observations`]: observations as bytes, for the log and for the chunks of series.
//! - [`v1`]: the records of format 1 as rkyv archives; [`archive`] is their seam.

pub(crate) mod archive;
pub(crate) mod canon;
pub(crate) mod canon_model;
pub(crate) mod columns;
pub(crate) mod compress;
pub(crate) mod envelope;
pub(crate) mod observations;
pub(crate) mod v1;
