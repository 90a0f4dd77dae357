//! What records refer to: interned keys, parents' ids, long texts.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::RwLock;

use crate::codec::canon::{Digest, Texts};
use crate::codec::envelope;
use crate::codec::v1::{self, Resolve};
use crate::error::{Error, Result};
use crate::id::{EntityKind, ExperimentId, ProjectId, Row, RunId};
use crate::log::draft::Staged;
use crate::model::Stored;
use crate::storage::dictionary::{Dictionary, PendingKeys};
use crate::storage::{Bytes, Source};

/// Ids of projects and experiments by row, remembered: an id never changes, and every run names two.
#[derive(Default)]
pub(crate) struct ParentIds {
    projects: RwLock<HashMap<u32, ProjectId>>,
    experiments: RwLock<HashMap<u32, ExperimentId>>,
}

/// Ids remembered of each kind; beyond, they are forgotten all at once.
const REMEMBERED: usize = 65_536;

fn remember<T: Clone>(
    ids: &RwLock<HashMap<u32, T>>,
    row: Row,
    read: impl FnOnce() -> Result<T>,
    keep: bool,
) -> Result<T> {
    if let Some(id) = ids.read().get(&row.0) {
        return Ok(id.clone());
    }
    let id = read()?;
    if keep {
        let mut ids = ids.write();
        if ids.len() >= REMEMBERED {
            ids.clear();
        }
        ids.insert(row.0, id.clone());
    }
    Ok(id)
}

/// Resolves against tables, and against a write in progress if there is one.
pub(crate) struct Resolver<'a, S> {
    pub(crate) source: &'a S,
    pub(crate) dictionary: &'a Dictionary,
    pub(crate) parents: &'a ParentIds,
    /// The keys and entities of a write in progress.
    pub(crate) pending: Option<(&'a PendingKeys, &'a Staged)>,
}

impl<S: Source> Resolver<'_, S> {
    /// The payload of an entity's record, intact.
    pub(crate) fn record(&self, kind: EntityKind, row: Row) -> Result<Option<Bytes>> {
        let Some(bytes) = self.source.record(kind, row)? else { return Ok(None) };
        envelope::open(v1::envelope_kind(kind), &row.0.to_le_bytes(), bytes.as_slice())
            .map_err(|error| reading(error, kind, row))?;
        Ok(Some(bytes))
    }

    /// The entity in `row`, if the tables have one.
    pub(crate) fn stored(&self, kind: EntityKind, row: Row) -> Result<Option<Stored>> {
        let Some(bytes) = self.record(kind, row)? else { return Ok(None) };
        let payload = payload(bytes.as_slice());
        v1::decode(kind, row, payload, self).map(Some).map_err(|error| reading(error, kind, row))
    }

    /// The entity in `row`, if the tables have one and its id is `id`.
    pub(crate) fn stored_if(&self, kind: EntityKind, row: Row, id: &str) -> Result<Option<Stored>> {
        let Some(bytes) = self.record(kind, row)? else { return Ok(None) };
        v1::decode_if(kind, row, payload(bytes.as_slice()), Some(id), self).map_err(|error| reading(error, kind, row))
    }

    fn id(&self, kind: EntityKind, row: Row) -> Result<Arc<str>> {
        if let Some(stored) = self.pending.and_then(|(_, staged)| staged.get(kind, row)) {
            return Ok(stored.entity.id_str().into());
        }
        let bytes = self.record(kind, row)?;
        let bytes = bytes.ok_or_else(|| Error::corrupt(format!("the record of {kind} row {} is missing", row.0)))?;
        v1::id(kind, payload(bytes.as_slice()), |id| Arc::from(id))
    }
}

/// What follows the header of an envelope that was opened before.
pub(crate) fn payload(sealed: &[u8]) -> &[u8] {
    sealed.get(envelope::HEADER..).unwrap_or_default()
}

/// An error of reading a record, with where it stands.
pub(crate) fn reading(error: Error, kind: EntityKind, row: Row) -> Error {
    error.context(format!("reading the record of {kind} row {}", row.0))
}

impl<S: Source> Texts for Resolver<'_, S> {
    fn text(&self, digest: &Digest, len: u64) -> Result<Vec<u8>> {
        if let Some(text) = self.pending.and_then(|(_, staged)| staged.text(digest)) {
            return Ok(text.to_vec());
        }
        self.source.text(digest, len)
    }
}

impl<S: Source> Resolve for Resolver<'_, S> {
    fn key(&self, code: u32) -> Result<String> {
        match self.pending {
            Some((pending, _)) => pending.text(self.dictionary, code),
            None => self.dictionary.text(code),
        }
        .map(str::to_owned)
    }
    fn code(&self, key: &str) -> Option<u32> {
        match self.pending {
            Some((pending, _)) => pending.code(self.dictionary, key),
            None => self.dictionary.code(key),
        }
    }
    fn project_id(&self, row: Row) -> Result<ProjectId> {
        // A row of a write in progress may yet be taken back and given to another entity.
        let keep = self.pending.is_none();
        remember(&self.parents.projects, row, || ProjectId::new(self.id(EntityKind::Project, row)?), keep)
    }
    fn experiment_id(&self, row: Row) -> Result<ExperimentId> {
        let keep = self.pending.is_none();
        remember(&self.parents.experiments, row, || ExperimentId::new(self.id(EntityKind::Experiment, row)?), keep)
    }
    fn run_id(&self, row: Row) -> Result<RunId> {
        RunId::new(self.id(EntityKind::Run, row)?)
    }
}
