//! What the audit asks of the index: has it kept an entry for all the log says?

use super::follow::places;
use super::{Entry, Hashing, KeysView, name};
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

    /// Which of some entries, given in ascending order, the index lacks.
    pub(crate) fn missing(&self, wanted: &[Entry]) -> Result<Vec<Entry>> {
        let mut missing = Vec::new();
        for entry in self.tables.missing_entries(wanted)? {
            if !self.view.contains(self.tables, entry)? {
                missing.push(entry);
            }
        }
        Ok(missing)
    }
}

impl Lookup for Lookups<'_> {
    fn finds(&self, stored: &Stored) -> Result<bool> {
        for entry in places(self.hashing, stored).into_iter().flatten() {
            if !self.view.contains(self.tables, entry)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn finds_name(&self, stored: &Stored) -> Result<bool> {
        match stored.entity.name().and_then(|text| name(self.hashing, stored, text)) {
            Some(key) => self.view.contains(self.tables, key.entry(stored.row)),
            None => Ok(true),
        }
    }

    fn finds_write(&self, write_id: &str, sequence: Sequence) -> Result<bool> {
        self.view.contains(self.tables, self.hashing.write_id(write_id).write_entry(sequence))
    }
}
