//! Rules that all kinds of entities share (ModelDB 2.4 to 2.8).

use crate::entity::txn::Txn;
use crate::error::{Error, Result};
use crate::id::EntityKind;
use crate::log::change::{Field, FieldValue};
use crate::model::{Artifact, CodeVersion, Entity, KeyValue, KeyValues, OwnerTracking};
use crate::names;
use crate::value::{self, Value};

/// Which key-values are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Container {
    Attributes,
    Metrics,
    Hyperparameters,
}

impl Container {
    fn field(self, key: String) -> Field {
        match self {
            Container::Attributes => Field::Attribute(key),
            Container::Metrics => Field::Metric(key),
            Container::Hyperparameters => Field::Hyperparameter(key),
        }
    }

    fn of(self, entity: &Entity) -> Option<&KeyValues> {
        match (self, entity) {
            (Container::Attributes, entity) => entity.attributes(),
            (Container::Metrics, Entity::Run(run)) => Some(&run.metrics),
            (Container::Hyperparameters, Entity::Run(run)) => Some(&run.hyperparameters),
            _ => None,
        }
    }
}

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

/// Artifacts as a caller gave them, sorted; an empty key or one that is there twice is refused.
pub(crate) fn check_artifacts(artifacts: &mut [Artifact]) -> Result<()> {
    artifacts.sort_by(|a, b| a.key.cmp(&b.key));
    if artifacts.first().is_some_and(|artifact| artifact.key.is_empty()) {
        return Err(Error::invalid("the key of an artifact is empty"));
    }
    for pair in artifacts.windows(2) {
        if let [a, b] = pair
            && a.key == b.key
        {
            return Err(Error::invalid(format!("the artifact key {:?} is given twice", a.key)));
        }
    }
    Ok(())
}

/// Who owns an entity: what the caller says, or the acting principal.
pub(crate) fn owner(txn: &Txn<'_>, owner: &mut String, tracking: Option<&OwnerTracking>) {
    if owner.is_empty() && !matches!(tracking, Some(OwnerTracking::Group(_))) {
        owner.clone_from(&txn.actor().principal);
    }
}

/// Adds key-values to an entity: all of them or none, and never over one that is there.
pub(crate) fn log_key_values(
    txn: &mut Txn<'_>,
    operation: &'static str,
    kind: EntityKind,
    id: &str,
    container: Container,
    entries: Vec<KeyValue>,
) -> Result<()> {
    let mut checked = KeyValues::default();
    entries.into_iter().for_each(|entry| checked.push(entry));
    check_key_values(&mut checked)?;
    let row = txn.require(kind, id)?;
    let stored = txn.load(kind, row)?;
    let present = container.of(&stored.entity).ok_or_else(|| Error::corrupt("no such key-values"))?;
    if let Some(taken) = checked.iter().find(|entry| present.entry(&entry.key).is_some()) {
        return Err(Error::exists(format!("Key {} already exists on {kind} {id:?}", taken.key)));
    }
    let fields = checked
        .into_iter()
        .map(|entry| (container.field(entry.key), Some(FieldValue::Value(entry.value, entry.value_type))))
        .collect();
    txn.edit(operation, kind, row, fields)
}

/// Adds tags; those that are there stay.
pub(crate) fn add_tags(
    txn: &mut Txn<'_>,
    operation: &'static str,
    kind: EntityKind,
    id: &str,
    mut tags: Vec<String>,
) -> Result<()> {
    if tags.is_empty() {
        return Err(Error::invalid("no tag is given"));
    }
    check_tags(&mut tags)?;
    let row = txn.require(kind, id)?;
    let fields = tags.into_iter().map(|tag| (Field::Tag(tag), Some(FieldValue::Present))).collect();
    txn.edit(operation, kind, row, fields)
}

/// Replaces the description.
pub(crate) fn describe(
    txn: &mut Txn<'_>,
    operation: &'static str,
    kind: EntityKind,
    id: &str,
    text: String,
) -> Result<()> {
    let row = txn.require(kind, id)?;
    txn.edit(operation, kind, row, vec![(Field::Description, Some(FieldValue::Text(text)))])
}

/// Logs where the code came from; one that is there is replaced only if asked.
pub(crate) fn log_code_version(
    txn: &mut Txn<'_>,
    operation: &'static str,
    kind: EntityKind,
    id: &str,
    code: CodeVersion,
    overwrite: bool,
) -> Result<()> {
    let row = txn.require(kind, id)?;
    let stored = txn.load(kind, row)?;
    let there = stored.entity.code_version_snapshot().is_some();
    if there && !overwrite {
        return Err(Error::exists(format!("the code version of {kind} {id:?} is logged already")));
    }
    let value = Some(FieldValue::CodeVersion(Box::new(code)));
    txn.edit(operation, kind, row, vec![(Field::CodeVersionSnapshot, value)])
}

/// Hides an entity, and with it everything under it.
pub(crate) fn delete(txn: &mut Txn<'_>, operation: &'static str, kind: EntityKind, id: &str) -> Result<()> {
    let row = txn.require(kind, id)?;
    txn.edit(operation, kind, row, vec![(Field::Deleted, Some(FieldValue::Present))])
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
