//! Lineage: which runs were made from what (ModelDB 5.7).

use std::collections::HashSet;
use std::sync::Arc;

use crate::entity::state::{self, State};
use crate::entity::txn::Txn;
use crate::error::{Error, ErrorKind, Result};
use crate::id::{EdgeId, EntityKind, Row, Sequence};
use crate::keys::Key;
use crate::log::change::{Field, FieldValue};
use crate::log::read::Recent;
use crate::model::{Entity, LineageEdge, LineageEntry, Parents};

const KIND: EntityKind = EntityKind::LineageEdge;

/// The lineage on a snapshot. Edges stay when what they name is deleted.
#[derive(Clone)]
pub struct Lineage<'s> {
    state: &'s Arc<State>,
    at: Sequence,
}

impl<'s> Lineage<'s> {
    pub(crate) fn new(state: &'s Arc<State>, at: Sequence) -> Self {
        Lineage { state, at }
    }

    /// What `output` was made from: the direct inputs only, in the order in which they were added.
    ///
    /// # Errors
    /// `Corrupt` or `Io` if an edge cannot be read.
    pub fn inputs(&self, output: impl Into<LineageEntry>) -> Result<Vec<LineageEntry>> {
        let output = output.into();
        let edges = self.edges(self.state.common.hashing.edges_to(&output))?;
        Ok(edges.into_iter().filter(|edge| edge.output == output).map(|edge| edge.input).collect())
    }

    /// What was made from `input`: the direct outputs only, in the order in which they were added.
    ///
    /// # Errors
    /// `Corrupt` or `Io` if an edge cannot be read.
    pub fn outputs(&self, input: impl Into<LineageEntry>) -> Result<Vec<LineageEntry>> {
        let input = input.into();
        let edges = self.edges(self.state.common.hashing.edges_from(&input))?;
        Ok(edges.into_iter().filter(|edge| edge.input == input).map(|edge| edge.output).collect())
    }

    /// The edge from `input` to `output`, if there is one.
    ///
    /// # Errors
    /// `Corrupt` or `Io` if an edge cannot be read.
    pub fn edge(&self, input: impl Into<LineageEntry>, output: impl Into<LineageEntry>) -> Result<Option<LineageEdge>> {
        let (input, output) = (input.into(), output.into());
        let edges = self.edges(self.state.common.hashing.edge(&input, &output))?;
        Ok(edges.into_iter().find(|edge| edge.input == input && edge.output == output))
    }

    /// The edge of an id.
    ///
    /// # Errors
    /// `NotFound` if there is none or it was removed.
    pub fn get(&self, id: &EdgeId) -> Result<LineageEdge> {
        self.state.get(KIND, id.as_str(), self.at).and_then(state::edge)
    }

    fn edges(&self, key: Key) -> Result<Vec<LineageEdge>> {
        let rows = self.state.keys.page(&self.state.tables, key, 0, u32::MAX, false, usize::MAX)?;
        let mut edges = Vec::new();
        let recent = Recent::default();
        for row in rows {
            if let Some(stored) = self.state.visible(KIND, Row(row), self.at, &recent)? {
                edges.push(state::edge(stored)?);
            }
        }
        Ok(edges)
    }
}

/// The lineage inside a write.
pub struct LineageMut<'w, 'a>(&'w mut Txn<'a>);

impl<'w, 'a> LineageMut<'w, 'a> {
    pub(crate) fn new(txn: &'w mut Txn<'a>) -> Self {
        LineageMut(txn)
    }

    /// Adds an edge from each input to each output; those that are there stay. Answers how many are new.
    ///
    /// # Errors
    /// `InvalidArgument` if a list is empty or names the same id twice, or if an entry is not there.
    pub fn add<I: Into<LineageEntry>, O: Into<LineageEntry>>(
        &mut self,
        inputs: impl IntoIterator<Item = I>,
        outputs: impl IntoIterator<Item = O>,
    ) -> Result<u64> {
        let (inputs, outputs) = (entries(inputs, "input")?, entries(outputs, "output")?);
        for entry in inputs.iter().chain(&outputs) {
            let known = match entry {
                LineageEntry::Run(id) => match self.0.require(EntityKind::Run, id.as_str()) {
                    Err(error) if error.kind() == ErrorKind::NotFound => false,
                    found => found.map(|_| true)?,
                },
                LineageEntry::DatasetVersion(_) => false,
            };
            if !known {
                return Err(Error::invalid(format!("there is no {entry}")));
            }
        }
        let mut added = 0;
        for input in &inputs {
            for output in &outputs {
                let created = self.create_missing(input, output);
                let created = if added == 0 { created? } else { self.0.keep(created)? };
                if !created {
                    continue;
                }
                self.0.spill_if_large()?;
                added += 1;
            }
        }
        self.0.end("lineage.add")?;
        Ok(added)
    }

    /// Creates an edge, if it is not there. Answers whether it did.
    fn create_missing(&mut self, input: &LineageEntry, output: &LineageEntry) -> Result<bool> {
        if self.row(input, output)?.is_some() {
            return Ok(false);
        }
        let edge = LineageEdge {
            id: EdgeId::new(self.0.new_id(KIND, "")?)?,
            input: input.clone(),
            output: output.clone(),
            date_created: self.0.time(),
            date_updated: self.0.time(),
            version_number: 1,
        };
        self.0.create(Entity::LineageEdge(edge), Parents::None).map(|_| true)
    }

    /// Removes the edges from each input to each output; those that are not there are ignored. Answers how many
    /// there were.
    ///
    /// # Errors
    /// `InvalidArgument` if a list is empty or names the same id twice.
    pub fn remove<I: Into<LineageEntry>, O: Into<LineageEntry>>(
        &mut self,
        inputs: impl IntoIterator<Item = I>,
        outputs: impl IntoIterator<Item = O>,
    ) -> Result<u64> {
        let (inputs, outputs) = (entries(inputs, "input")?, entries(outputs, "output")?);
        let mut removed = 0;
        for input in &inputs {
            for output in &outputs {
                let row = self.row(input, output);
                let Some(row) = (if removed == 0 { row? } else { self.0.keep(row)? }) else { continue };
                self.0.edit_in_part(KIND, row, vec![(Field::Deleted, Some(FieldValue::Present))])?;
                self.0.spill_if_large()?;
                removed += 1;
            }
        }
        self.0.end("lineage.remove")?;
        Ok(removed)
    }

    /// The row of an edge that is there.
    pub(crate) fn row(&mut self, input: &LineageEntry, output: &LineageEntry) -> Result<Option<Row>> {
        let rows = self.0.proposed(KIND, self.0.common().hashing.edge(input, output))?;
        for row in rows {
            let stored = self.0.load(KIND, row)?;
            let Entity::LineageEdge(edge) = &stored.entity else { continue };
            if edge.input == *input && edge.output == *output && !stored.deleted {
                return Ok(Some(row));
            }
        }
        Ok(None)
    }
}

/// One side of the edges, as ModelDB wants it: not empty, and each id once.
fn entries<T: Into<LineageEntry>>(entries: impl IntoIterator<Item = T>, side: &str) -> Result<Vec<LineageEntry>> {
    let entries: Vec<LineageEntry> = entries.into_iter().map(Into::into).collect();
    if entries.is_empty() {
        return Err(Error::invalid(format!("no {side} is given")));
    }
    let mut seen = HashSet::new();
    for entry in &entries {
        if entry.id().is_empty() {
            return Err(Error::invalid(format!("the id of an {side} is empty")));
        }
        if !seen.insert(entry.id()) {
            return Err(Error::invalid(format!("the {side} {entry} is given twice")));
        }
    }
    Ok(entries)
}
