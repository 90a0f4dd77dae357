//! What a snapshot reads from.

use std::sync::Arc;

use roaring::RoaringBitmap;

use crate::codec::archive;
use crate::codec::v1;
use crate::error::{Error, Result};
use crate::id::{EntityId, EntityKind, Row, Sequence};
use crate::keys::{Hashing, Key, KeysView};
use crate::log::chain::Head;
use crate::log::history;
use crate::log::read::LogReader;
use crate::log::resolve::{ParentIds, Resolver, payload};
use crate::model::{Entity, Stored};
use crate::storage::dictionary::Dictionary;
use crate::storage::{Bytes, ReadTables};
use crate::time::{Entropy, Timestamp};

/// What all states and writes of one store share.
pub(crate) struct Common {
    pub(crate) dictionary: Dictionary,
    pub(crate) parents: ParentIds,
    pub(crate) hashing: Hashing,
    pub(crate) entropy: Box<dyn Entropy>,
}

/// The store as of its last published commit.
pub(crate) struct State {
    pub(crate) tables: ReadTables,
    pub(crate) keys: KeysView,
    /// Deleted projects and experiments, by kind.
    pub(crate) hidden: Arc<[RoaringBitmap; 3]>,
    pub(crate) head: Head,
    pub(crate) time: Timestamp,
    pub(crate) common: Arc<Common>,
}

/// Where a record stands among the others, without decoding it.
pub(crate) struct Place {
    pub(crate) project: Row,
    pub(crate) experiment: Row,
    pub(crate) deleted: bool,
}

impl State {
    pub(crate) fn resolver(&self) -> Resolver<'_, ReadTables> {
        Resolver {
            source: &self.tables,
            dictionary: &self.common.dictionary,
            parents: &self.common.parents,
            pending: None,
        }
    }

    /// The entity in `row` as of `at`, deleted or not. None if it did not exist yet.
    pub(crate) fn stored(&self, kind: EntityKind, row: Row, at: Sequence) -> Result<Option<Stored>> {
        let resolver = self.resolver();
        let Some(stored) = resolver.stored(kind, row)? else { return Ok(None) };
        if stored.last.sequence <= at {
            return Ok(Some(stored));
        }
        history::rewind(&LogReader::new(&self.tables, &resolver), stored, at)
    }

    /// The place of a record in `bytes`, and whether its id is `id`.
    pub(crate) fn place(kind: EntityKind, row: Row, sealed: &[u8], id: Option<&str>) -> Result<Option<Place>> {
        let payload = payload(sealed);
        let (head, project, experiment) = match kind {
            EntityKind::Project => (&archive::access::<v1::ProjectV1>(payload)?.head, row, Row(0)),
            EntityKind::Experiment => {
                let record = archive::access::<v1::ExperimentV1>(payload)?;
                (&record.head, Row(record.project.to_native()), row)
            }
            EntityKind::Run => {
                let record = archive::access::<v1::RunV1>(payload)?;
                (&record.head, Row(record.project.to_native()), Row(record.experiment.to_native()))
            }
        };
        if id.is_some_and(|id| !head.id.with_str(|text| text == id)) {
            return Ok(None);
        }
        Ok(Some(Place { project, experiment, deleted: head.deleted }))
    }

    fn is_hidden(&self, kind: EntityKind, row: Row) -> bool {
        self.hidden.get(kind.index()).is_some_and(|rows| rows.contains(row.0))
    }

    /// Whether an entity and everything above it is not deleted, now.
    pub(crate) fn is_live(&self, kind: EntityKind, place: &Place) -> bool {
        !place.deleted
            && (kind == EntityKind::Project || !self.is_hidden(EntityKind::Project, place.project))
            && (kind != EntityKind::Run || !self.is_hidden(EntityKind::Experiment, place.experiment))
    }

    /// Whether the parents of `stored` were not deleted at `at`.
    fn parents_live(&self, stored: &Stored, at: Sequence) -> Result<bool> {
        let kind = stored.kind();
        let live =
            |kind, row| -> Result<bool> { Ok(self.stored(kind, row, at)?.is_some_and(|parent| !parent.deleted)) };
        Ok((kind == EntityKind::Project || live(EntityKind::Project, stored.project)?)
            && (kind != EntityKind::Run || live(EntityKind::Experiment, stored.experiment)?))
    }

    /// The entity in `row` as of `at`, if it was visible then.
    pub(crate) fn visible(&self, kind: EntityKind, row: Row, at: Sequence) -> Result<Option<Stored>> {
        if at >= self.head.sequence {
            let Some(stored) = self.resolver().stored(kind, row)? else { return Ok(None) };
            let place = Place { project: stored.project, experiment: stored.experiment, deleted: stored.deleted };
            return Ok(Some(stored).filter(|_| self.is_live(kind, &place)));
        }
        let Some(stored) = self.stored(kind, row, at)? else { return Ok(None) };
        if stored.deleted || !self.parents_live(&stored, at)? {
            return Ok(None);
        }
        Ok(Some(stored))
    }

    /// The record of `id`, intact, with its row and place; deleted or not, as of now.
    pub(crate) fn find(&self, kind: EntityKind, id: &str) -> Result<Option<(Row, Place, Bytes)>> {
        let resolver = self.resolver();
        let mut found = None;
        self.keys.rows(&self.tables, self.common.hashing.id(kind, id), &mut |row| {
            if let Some(bytes) = resolver.record(kind, row)? {
                found = Self::place(kind, row, bytes.as_slice(), Some(id))?.map(|place| (row, place, bytes));
            }
            Ok(found.is_none())
        })?;
        Ok(found)
    }

    /// The visible entity of `id` as of `at`.
    pub(crate) fn get(&self, kind: EntityKind, id: &str, at: Sequence) -> Result<Stored> {
        let missing = || no_such(kind, id);
        let (row, place, bytes) = self.find(kind, id)?.ok_or_else(missing)?;
        if at >= self.head.sequence {
            if !self.is_live(kind, &place) {
                return Err(missing());
            }
            let resolver = self.resolver();
            return v1::decode(kind, row, payload(bytes.as_slice()), &resolver)
                .map_err(|error| error.context(format!("reading {kind} {id}")));
        }
        self.visible(kind, row, at)?.ok_or_else(missing)
    }

    /// The visible entity of `kind` that had `name` under `key` as of `at`; of several, which renaming can
    /// make, the one that was updated last.
    pub(crate) fn get_by_name(&self, kind: EntityKind, key: Key, name: &str, at: Sequence) -> Result<Option<Stored>> {
        let mut best: Option<Stored> = None;
        self.keys.rows(&self.tables, key, &mut |row| {
            let stored = self.visible(kind, row, at)?.filter(|stored| stored.entity.name() == name);
            if let Some(stored) = stored {
                let newer = best.as_ref().is_none_or(|best| {
                    (stored.entity.date_updated(), stored.row) > (best.entity.date_updated(), best.row)
                });
                if newer {
                    best = Some(stored);
                }
            }
            Ok(true)
        })?;
        Ok(best)
    }

    /// The row of the visible entity `id`, for what stands under it.
    pub(crate) fn row(&self, kind: EntityKind, id: &str, at: Sequence) -> Result<Row> {
        if at >= self.head.sequence {
            let (row, place, _) = self.find(kind, id)?.ok_or_else(|| no_such(kind, id))?;
            return if self.is_live(kind, &place) { Ok(row) } else { Err(no_such(kind, id)) };
        }
        Ok(self.get(kind, id, at)?.row)
    }

    /// The row of `id`, deleted or not: history answers for deleted things.
    pub(crate) fn row_even_deleted(&self, id: &EntityId) -> Result<Row> {
        let found = self.find(id.kind(), id.as_str())?;
        found.map(|(row, ..)| row).ok_or_else(|| no_such(id.kind(), id.as_str()))
    }
}

pub(crate) fn no_such(kind: EntityKind, id: &str) -> Error {
    Error::not_found(format!("there is no {kind} {id:?}"))
}

/// The project in a stored entity of that kind.
macro_rules! expect_kind {
    ($name:ident, $ty:ident, $variant:ident) => {
        pub(crate) fn $name(stored: Stored) -> Result<crate::model::$ty> {
            match stored.entity {
                Entity::$variant(entity) => Ok(entity),
                other => Err(Error::corrupt(format!("{} stands where another kind belongs", other.id()))),
            }
        }
    };
}
expect_kind!(project, Project, Project);
expect_kind!(experiment, Experiment, Experiment);
expect_kind!(run, Run, Run);
