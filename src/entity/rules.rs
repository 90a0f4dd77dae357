//! What all kinds of entities ask of what a caller gives (ModelDB 2.4 to 2.6), owners and random names.

use crate::entity::txn::Txn;
use crate::error::{Error, Result};
use crate::model::{KeyValues, OwnerTracking};
use crate::names;
use crate::value::{self, Value};

/// Key-values as a caller gave them, sorted; an empty key or one that is there twice is refused.
pub(crate) fn check_key_values(entries: &mut KeyValues) -> Result<()> {
    let list = entries.as_mut_vec();
    list.sort_by(|a, b| a.key.cmp(&b.key));
    if list.first().is_some_and(|entry| entry.key.is_empty()) {
        return Err(Error::invalid("a key is empty"));
    }
    for pair in list.windows(2) {
        if let [a, b] = pair
            && a.key == b.key
        {
            return Err(Error::invalid(format!("the key {:?} is given twice", a.key)));
        }
    }
    for entry in list {
        entry.value.check_depth()?;
        normalize(&mut entry.value);
    }
    Ok(())
}

/// One NaN stands for all.
fn normalize(value: &mut Value) {
    match value {
        Value::Float(float) => *float = value::canonical(*float),
        Value::List(items) => items.iter_mut().for_each(normalize),
        Value::Map(map) => map.values_mut().for_each(normalize),
        _ => {}
    }
}

/// Tags as a caller gave them, sorted and each once.
pub(crate) fn check_tags(tags: &mut Vec<String>) -> Result<()> {
    for tag in &*tags {
        names::check_tag(tag)?;
    }
    tags.sort_unstable();
    tags.dedup();
    Ok(())
}

/// Who owns an entity: what the caller says, or the acting principal.
pub(crate) fn owner(txn: &Txn<'_>, owner: &mut String, tracking: Option<&OwnerTracking>) {
    if owner.is_empty() && !matches!(tracking, Some(OwnerTracking::Group(_))) {
        owner.clone_from(&txn.actor().principal);
    }
}

/// Gives an entity without a name a random one that `is_taken` does not know.
pub(crate) fn random_name(txn: &Txn<'_>, is_taken: &dyn Fn(&str) -> Result<bool>) -> Result<String> {
    for _ in 0..16 {
        let name = names::random_name(txn.random()?);
        if !is_taken(&name)? {
            return Ok(name);
        }
    }
    // A crowded parent: a number tells the rest apart.
    Ok(format!("{}-{:08x}", names::random_name(txn.random()?), u32::from_le_bytes(txn.random()?)))
}
