//! Deleting hides, restoring takes that back (ModelDB 8.1). What stands under an entity is not rewritten by either.

use std::collections::BTreeSet;

use crate::entity::entries::On;
use crate::entity::txn::Txn;
use crate::error::{Error, ErrorKind, Result};
use crate::id::{EntityKind, Row};
use crate::keys;
use crate::log::change::{Field, FieldValue};

fn deleted() -> Vec<(Field, Option<FieldValue>)> {
    vec![(Field::Deleted, Some(FieldValue::Present))]
}

/// Hides an entity, and with it everything under it.
pub(crate) fn delete(txn: &mut Txn<'_>, on: On<'_>) -> Result<()> {
    on.edit(txn, deleted())
}

/// What is done about ids that are not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Missing {
    /// Nothing is deleted.
    Refuse,
    /// They are left out.
    Ignore,
    /// They are left out, unless they are all.
    RefuseAll,
}

/// Hides entities in one operation. Answers how many.
pub(crate) fn delete_many<'i>(
    txn: &mut Txn<'_>,
    operation: &'static str,
    kind: EntityKind,
    ids: impl IntoIterator<Item = &'i str>,
    missing: Missing,
) -> Result<u64> {
    let mut rows = BTreeSet::new();
    let mut unknown = None;
    let mut is_empty = true;
    for id in ids {
        is_empty = false;
        match txn.require(kind, id) {
            Ok(row) => {
                rows.insert(row.0);
            }
            Err(error) if error.kind() == ErrorKind::NotFound && missing != Missing::Refuse => unknown = Some(error),
            Err(error) => return Err(error),
        }
    }
    if is_empty {
        return Err(Error::invalid(format!("no {kind} is given")));
    }
    match unknown {
        Some(error) if rows.is_empty() && missing == Missing::RefuseAll => return Err(error),
        _ => {}
    }
    for (done, row) in rows.iter().enumerate() {
        let hidden = txn.edit_in_part(kind, Row(*row), deleted());
        if done == 0 {
            hidden?
        } else {
            txn.keep(hidden)?
        }
        txn.spill_if_large()?;
    }
    txn.end(operation)?;
    Ok(rows.len() as u64)
}

/// Takes a deletion back.
pub(crate) fn restore(txn: &mut Txn<'_>, on: On<'_>) -> Result<()> {
    let On { operation, kind, id } = on;
    let row = txn.require_deleted(kind, id)?;
    let stored = txn.load(kind, row)?.clone();
    if let Some(name) = stored.entity.name()
        && let Some(key) = keys::name(txn.common().hashing, &stored, name)
        && txn.named(kind, key, name)?.is_some()
    {
        return Err(Error::exists(format!("restoring {kind} {id:?}: another has its name {name:?} by now")));
    }
    txn.edit(operation, kind, row, vec![(Field::Deleted, None)])
}
