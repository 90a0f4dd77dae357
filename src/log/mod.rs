//! The spine: every write is one commit of the change log, and everything else follows it.
//!
//! - [`change`]: what a change says: this entity was created, these fields went from old to new.
//! - [`commit`]: what a commit says, and its bytes: parts of salted changes behind a header.
//! - [`chain`]: hashes and heads.
//! - [`draft`]: the changes of a write in progress.
//! - [`apply`]: the one function that writes changes to tables and log; [`erase`] what a purge takes from the log;
//!   [`pack`] older commits.
//! - [`read`]: finding commits and changes again.
//! - [`history`]: walking back: history of an entity, an entity as of a sequence number.
//! - [`verify`], [`export`]: the audit.
//! - [`watch`]: following forward.

pub(crate) mod apply;
pub(crate) mod chain;
pub(crate) mod change;
pub(crate) mod commit;
pub(crate) mod draft;
mod erase;
pub(crate) mod export;
pub(crate) mod history;
pub(crate) mod pack;
pub(crate) mod read;
pub(crate) mod resolve;
pub(crate) mod verify;
mod verify_rows;
pub(crate) mod watch;
