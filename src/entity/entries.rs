//! Tags and key-values: adding, replacing and deleting them (ModelDB 2.5 and 2.6).
//!
//! Each call is one operation on one entity: all of it happens, or nothing.

use crate::entity::rules;
use crate::entity::txn::Txn;
use crate::error::{Error, Result};
use crate::id::EntityKind;
use crate::log::change::{Field, FieldValue};
use crate::model::{Entity, KeyValue, KeyValues};

/// Which key-values are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Container {
    Attributes,
    Metrics,
    Hyperparameters,
}

impl Container {
    pub(crate) fn field(self, key: String) -> Field {
        match self {
            Container::Attributes => Field::Attribute(key),
            Container::Metrics => Field::Metric(key),
            Container::Hyperparameters => Field::Hyperparameter(key),
        }
    }

    pub(crate) fn of(self, entity: &Entity) -> Result<&KeyValues> {
        let found = match (self, entity) {
            (Container::Attributes, entity) => entity.attributes(),
            (Container::Metrics, Entity::Run(run)) => Some(&run.metrics),
            (Container::Hyperparameters, Entity::Run(run)) => Some(&run.hyperparameters),
            _ => None,
        };
        found.ok_or_else(|| Error::corrupt(format!("{} has no such key-values", entity.id())))
    }
}

/// An operation on one entity, to be named in the log.
#[derive(Clone, Copy)]
pub(crate) struct On<'i> {
    pub(crate) operation: &'static str,
    pub(crate) kind: EntityKind,
    pub(crate) id: &'i str,
}

impl On<'_> {
    /// Puts fields of the entity, which must be there, to new values.
    pub(crate) fn edit(self, txn: &mut Txn<'_>, fields: Vec<(Field, Option<FieldValue>)>) -> Result<()> {
        let row = txn.require(self.kind, self.id)?;
        txn.edit(self.operation, self.kind, row, fields)
    }

    /// The entity, which must be there.
    pub(crate) fn load<'t>(self, txn: &'t mut Txn<'_>) -> Result<&'t Entity> {
        let row = txn.require(self.kind, self.id)?;
        Ok(&txn.load(self.kind, row)?.entity)
    }
}

fn checked(entries: Vec<KeyValue>) -> Result<KeyValues> {
    let mut checked = KeyValues::default();
    entries.into_iter().for_each(|entry| checked.push(entry));
    rules::check_key_values(&mut checked)?;
    Ok(checked)
}

fn put(txn: &mut Txn<'_>, on: On<'_>, container: Container, entries: KeyValues) -> Result<()> {
    let put = |entry: KeyValue| (container.field(entry.key), Some(FieldValue::Value(entry.value, entry.value_type)));
    on.edit(txn, entries.into_iter().map(put).collect())
}

/// Adds key-values to an entity, never over one that is there.
pub(crate) fn log(txn: &mut Txn<'_>, on: On<'_>, container: Container, entries: Vec<KeyValue>) -> Result<()> {
    let entries = checked(entries)?;
    let present = container.of(on.load(txn)?)?;
    if let Some(taken) = entries.iter().find(|entry| present.entry(&entry.key).is_some()) {
        return Err(Error::exists(format!("Key {} already exists on {} {:?}", taken.key, on.kind, on.id)));
    }
    put(txn, on, container, entries)
}

/// Puts key-values in place of those that are there, and beside them.
pub(crate) fn set(txn: &mut Txn<'_>, on: On<'_>, container: Container, entries: Vec<KeyValue>) -> Result<()> {
    put(txn, on, container, checked(entries)?)
}

/// Deletes the key-values of these keys; unknown ones are ignored.
pub(crate) fn delete(txn: &mut Txn<'_>, on: On<'_>, container: Container, keys: Vec<String>) -> Result<()> {
    if keys.is_empty() {
        return Err(Error::invalid("no key is given; there is another call to delete all"));
    }
    on.edit(txn, keys.into_iter().map(|key| (container.field(key), None)).collect())
}

/// Deletes all key-values of a container.
pub(crate) fn delete_all(txn: &mut Txn<'_>, on: On<'_>, container: Container) -> Result<()> {
    let present = container.of(on.load(txn)?)?;
    let fields = present.iter().map(|entry| (container.field(entry.key.clone()), None)).collect();
    on.edit(txn, fields)
}

/// Adds tags; those that are there stay.
pub(crate) fn add_tags(txn: &mut Txn<'_>, on: On<'_>, mut tags: Vec<String>) -> Result<()> {
    if tags.is_empty() {
        return Err(Error::invalid("no tag is given"));
    }
    rules::check_tags(&mut tags)?;
    on.edit(txn, tags.into_iter().map(|tag| (Field::Tag(tag), Some(FieldValue::Present))).collect())
}

/// Deletes these tags; unknown ones are ignored.
pub(crate) fn delete_tags(txn: &mut Txn<'_>, on: On<'_>, tags: Vec<String>) -> Result<()> {
    if tags.is_empty() {
        return Err(Error::invalid("no tag is given; there is another call to delete all"));
    }
    on.edit(txn, tags.into_iter().map(|tag| (Field::Tag(tag), None)).collect())
}

/// Deletes all tags.
pub(crate) fn delete_all_tags(txn: &mut Txn<'_>, on: On<'_>) -> Result<()> {
    let fields = on.load(txn)?.tags().iter().map(|tag| (Field::Tag(tag.clone()), None)).collect();
    on.edit(txn, fields)
}
