//! Upkeep of a store: verify, compact, back up, measure.
//!
//! - [`verify`], [`report`]: is everything there, and what to do if not; [`records`], [`series`], [`blobs`],
//!   [`derived`] are sections of it.
//! - [`compact`]: the tables in a new file without what was there before.
//! - [`backup`]: the same from a snapshot, somewhere else, while writes go on.
//! - [`exclusive`]: having the store to oneself.
//! - [`storage_stats`]: what each table takes; [`project_stats`]: what a project does.

pub(crate) mod backup;
mod blobs;
pub(crate) mod compact;
mod derived;
pub(crate) mod exclusive;
pub(crate) mod project_stats;
mod records;
pub(crate) mod report;
mod series;
pub(crate) mod storage_stats;
pub(crate) mod verify;
