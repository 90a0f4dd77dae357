//! What the audit asks of the index: has it kept an entry for all the log says?

use super::{Hashing, KeysView, created, name};
use crate::error::Result;
use crate::id::Sequence;
use crate::log::verify::Lookup;
use crate::model::Stored;
use crate::storage::ReadTables;

pub(crate) struct Lookups<'a> {
    tables: &'a ReadTables,
    view: &'a KeysView,
    hashing: Hashing,
}

impl<'a> Lookups<'a> {
    pub(crate) fn new(tables: &'a ReadTables, view: &'a KeysView, hashing: Hashing) -> Self {
        Lookups { tables, view, hashing }
    }
}

impl Lookup for Lookups<'_> {
    fn finds(&self, stored: &Stored) -> Result<bool> {
        let [id, _, child] = created(self.hashing, stored);
        Ok(self.view.contains(self.tables, id)? && self.view.contains(self.tables, child)?)
    }

    fn finds_name(&self, stored: &Stored) -> Result<bool> {
        let key = name(self.hashing, stored, stored.entity.name());
        self.view.contains(self.tables, key.entry(stored.row))
    }

    fn finds_write(&self, write_id: &str, sequence: Sequence) -> Result<bool> {
        self.view.contains(self.tables, self.hashing.write_id(write_id).write_entry(sequence))
    }
}
