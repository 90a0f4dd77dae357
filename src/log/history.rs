//! Walking back: the history of an entity, and the entity as of a sequence number.
//!
//! A record names the change that made it what it is; each change names the one before. Each step costs
//! one read of the log.

use crate::error::{Error, ErrorKind, Result};
use crate::id::{ChangeId, Sequence};
use crate::log::change::{Change, Fact};
use crate::log::commit::{Commit, Operation};
use crate::log::read::LogReader;
use crate::model::Stored;
use crate::storage::Source;

/// One step of an entity's history.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct HistoryEntry {
    /// Where the change stands.
    pub id: ChangeId,
    /// The commit that holds it: who, when, why.
    pub commit: Commit,
    /// The operation that made it.
    pub operation: Operation,
    /// The change; none if a purge erased it.
    pub change: Option<Change>,
}

/// Takes back changes of `stored` until it is what it was at `at`. None if it did not exist yet, or if a purge has
/// erased what it was.
pub(crate) fn rewind<S: Source>(log: &LogReader<'_, S>, mut stored: Stored, at: Sequence) -> Result<Option<Stored>> {
    let mut purging = false;
    while stored.last.sequence > at {
        let Some(change) = log.change(stored.last)? else {
            if purging {
                return Ok(None);
            }
            return Err(Error::new(
                ErrorKind::Corrupt,
                format!("{} as of {at}: its change {} was erased", stored.entity.id(), stored.last),
            ));
        };
        purging |= matches!(change.fact, Fact::Purged { .. });
        if !undo(&mut stored, change)? {
            return Ok(None);
        }
    }
    Ok(Some(stored))
}

/// Takes back one change, which must be the last of `stored`. Answers false for the creation.
///
/// # Errors
/// `Corrupt` if what stands there is not what the change says it left.
pub(crate) fn undo(stored: &mut Stored, change: Change) -> Result<bool> {
    let disagrees = |what: &str| {
        Error::corrupt(format!("{} does not hold what change {} left: {what}", change.entity, stored.last))
    };
    if change.entity != stored.entity.id() {
        return Err(disagrees("the change is another entity's"));
    }
    match change.fact {
        Fact::Created(entity) => {
            if *entity != stored.entity {
                return Err(disagrees("it differs from what was created"));
            }
            if stored.deleted {
                return Err(disagrees("it is deleted"));
            }
            Ok(false)
        }
        Fact::Edited { old_date_updated, new_date_updated, edits } => {
            if stored.entity.date_updated() != new_date_updated {
                return Err(disagrees("date_updated"));
            }
            let version = stored.entity.version_number();
            let previous = change.previous.filter(|previous| *previous < stored.last);
            let (Some(previous), Some(version)) = (previous, version.checked_sub(1)) else {
                return Err(disagrees("version_number or the change before"));
            };
            for edit in edits.into_iter().rev() {
                let field = edit.field.to_string();
                if edit.field.replace(stored, edit.old)? != edit.new {
                    return Err(Error::corrupt(format!(
                        "{} does not hold what change {} left: {field}",
                        change.entity, stored.last
                    )));
                }
            }
            stored.entity.set_date_updated(old_date_updated);
            stored.entity.set_version_number(version);
            stored.last = previous;
            Ok(true)
        }
        Fact::Purged { done: false, .. } => {
            let previous = change.previous.filter(|previous| *previous < stored.last);
            stored.last = previous.ok_or_else(|| disagrees("the change before"))?;
            Ok(true)
        }
        Fact::Purged { done: true, .. } => Err(disagrees("it is purged")),
    }
}

/// The change at `id` with its commit; answers where the one before stands.
pub(crate) fn entry<S: Source>(log: &LogReader<'_, S>, id: ChangeId) -> Result<(HistoryEntry, Option<ChangeId>)> {
    let missing = || Error::corrupt(format!("reading commit {}: it is missing", id.sequence));
    let commit = log.commit(id.sequence)?.ok_or_else(missing)?;
    let operation = commit.operation_of(id.index).ok_or_else(missing)?.clone();
    let change = log.change(id)?;
    let previous = change.as_ref().and_then(|change| change.previous);
    Ok((HistoryEntry { id, commit, operation, change }, previous))
}
