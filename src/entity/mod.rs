//! The rules of entities, one file per kind: inside a write, and on a snapshot.
//!
//! - [`state`]: what a snapshot reads from; visibility and lookups, now or as of a sequence number.
//! - [`txn`]: a write in progress: lookups that see it, operations that end in changes.
//! - [`rules`]: what all kinds ask of what a caller gives.
//! - [`entries`], [`artifacts`]: tags and key-values, artifacts and dataset links, for all kinds.
//! - [`deletion`], [`copies`]: deleting and restoring; copies of projects and of runs.
//! - [`shared`]: the calls that projects, experiments and runs have in common.
//! - [`project`], [`experiment`], [`run`], [`comment`], [`job`], [`lineage`]: the calls a user makes.
//! - [`listing`]: pages and iterators over children.
//! - [`find`]: what matches a filter, as a user asks for it; [`answering`]: one call on it, by the filter index
//!   ([`search`], [`mod@matches`], [`search_order`], [`mod@search_columns`]) or over the records ([`walk`]); [`summary`]:
//!   projects in figures.
//! - [`find_cursor`]: pages that go on; [`mod@find_views`]: pages without a copy; [`aggregate`]: figures about what was
//!   found; [`budget`]: how much that may take; [`explain`]: how it was found; [`compare`]: runs side by side.
//! - [`observations`]: logging observations, and reading them; [`logged`]: what loggers tell of runs.
//! - [`uploads`]: bytes of artifacts, whole and in parts. [`imports`]: entities of other stores.
//! - [`view`]: runs without a copy.

pub(crate) mod aggregate;
pub(crate) mod answering;
pub(crate) mod artifacts;
pub(crate) mod budget;
pub(crate) mod comment;
pub(crate) mod compare;
pub(crate) mod copies;
pub(crate) mod deletion;
pub(crate) mod entries;
pub(crate) mod experiment;
pub(crate) mod explain;
pub(crate) mod find;
pub(crate) mod find_cursor;
mod find_views;
pub(crate) mod imports;
pub(crate) mod job;
pub(crate) mod lineage;
pub(crate) mod listing;
pub(crate) mod logged;
mod matches;
pub(crate) mod observations;
pub(crate) mod project;
#[cfg(feature = "text")]
pub(crate) mod relevance;
pub(crate) mod rules;
pub(crate) mod run;
pub(crate) mod search;
mod search_columns;
pub(crate) mod search_order;
mod shared;
pub(crate) mod state;
pub(crate) mod summary;
#[cfg(feature = "text")]
pub(crate) mod texts;
pub(crate) mod txn;
pub(crate) mod uploads;
pub(crate) mod view;
pub(crate) mod walk;
