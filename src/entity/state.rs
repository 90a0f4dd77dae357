//! What a snapshot reads from.

use std::sync::Arc;

use parking_lot::Mutex;
use roaring::RoaringBitmap;

use crate::blob::KeptBlobs;
use crate::codec::v1;
use crate::error::{Error, Result};
use crate::filter::{FilterIndex, View};
use crate::id::{EntityId, EntityKind, PerKind, Row, Sequence};
use crate::keys::{Hashing, Key, KeysView};
use crate::log::chain::Head;
use crate::log::history;
use crate::log::read::{LogReader, Recent};
use crate::log::resolve::{ParentIds, Resolver, payload};
use crate::model::{Entity, Parents, Stored};
use crate::storage::dictionary::Dictionary;
use crate::storage::{Bytes, ReadTables};
use crate::text::TextIndex;
use crate::time::{Entropy, Timestamp};

/// What all states and writes of one store share.
pub(crate) struct Common {
    pub(crate) dictionary: Dictionary,
    pub(crate) parents: ParentIds,
    pub(crate) hashing: Hashing,
    pub(crate) entropy: Box<dyn Entropy>,
    pub(crate) filter: FilterIndex,
    pub(crate) text: TextIndex,
    pub(crate) blobs: KeptBlobs,
}

/// The store as of its last published commit.
pub(crate) struct State {
    pub(crate) tables: ReadTables,
    pub(crate) keys: KeysView,
    /// Deleted projects and experiments, by kind.
    pub(crate) hidden: Arc<PerKind<RoaringBitmap>>,
    pub(crate) head: Head,
    pub(crate) time: Timestamp,
    pub(crate) common: Arc<Common>,
    /// Who answers for which run, once somebody has asked.
    pub(crate) filter: Mutex<Option<Arc<View>>>,
}

/// Where a record stands among the others, without decoding it.
pub(crate) struct Place {
    pub(crate) parents: Parents,
    pub(crate) deleted: bool,
}

impl Place {
    pub(crate) fn of(stored: &Stored) -> Self {
        Place { parents: stored.parents, deleted: stored.deleted }
    }

    /// The place of a record, if its id is `id` or none is given.
    pub(crate) fn read(kind: EntityKind, sealed: &[u8], id: Option<&str>) -> Result<Option<Place>> {
        let place = v1::place(kind, payload(sealed), id)?;
        Ok(place.map(|(parents, deleted)| Place { parents, deleted }))
    }
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

    /// The entity in `row` as of `at`, deleted or not. None if it did not exist yet. Who asks for many hands the
    /// same `recent` to all, so that what several have in common is read from the log once.
    pub(crate) fn stored(&self, kind: EntityKind, row: Row, at: Sequence, recent: &Recent) -> Result<Option<Stored>> {
        let resolver = self.resolver();
        let Some(stored) = resolver.stored(kind, row)? else { return Ok(None) };
        if stored.last.sequence <= at {
            return Ok(Some(stored));
        }
        history::rewind(&LogReader::sharing(&self.tables, &resolver, recent), stored, at)
    }

    fn is_hidden(&self, kind: EntityKind, row: Row) -> bool {
        self.hidden.get(kind.index()).is_some_and(|rows| rows.contains(row.0))
    }

    /// Whether an entity and everything above it is not deleted, now.
    pub(crate) fn is_live(&self, place: &Place) -> Result<bool> {
        if place.deleted {
            return Ok(false);
        }
        Ok(match place.parents {
            Parents::None => true,
            Parents::Project(project) => !self.is_hidden(EntityKind::Project, project),
            Parents::Experiment { project, experiment } => {
                !self.is_hidden(EntityKind::Project, project) && !self.is_hidden(EntityKind::Experiment, experiment)
            }
            Parents::Run(run) => match self.resolver().record(EntityKind::Run, run)? {
                Some(bytes) => match Place::read(EntityKind::Run, bytes.as_slice(), None)? {
                    Some(place) => self.is_live(&place)?,
                    None => false,
                },
                None => false,
            },
        })
    }

    /// Whether the parents of `stored` were not deleted at `at`.
    fn parents_live(&self, parents: Parents, at: Sequence, recent: &Recent) -> Result<bool> {
        let live = |kind, row| -> Result<bool> {
            Ok(self.stored(kind, row, at, recent)?.is_some_and(|parent| !parent.deleted))
        };
        Ok(match parents {
            Parents::None => true,
            Parents::Project(project) => live(EntityKind::Project, project)?,
            Parents::Experiment { project, experiment } => {
                live(EntityKind::Project, project)? && live(EntityKind::Experiment, experiment)?
            }
            Parents::Run(run) => self.visible(EntityKind::Run, run, at, recent)?.is_some(),
        })
    }

    /// The entity in `row` as of `at`, if it was visible then; `recent` as for [`stored`](Self::stored).
    pub(crate) fn visible(&self, kind: EntityKind, row: Row, at: Sequence, recent: &Recent) -> Result<Option<Stored>> {
        self.listed(kind, row, at, false, recent)
    }

    /// The entity in `row` as of `at`, if it itself was `deleted` then, or not, and nothing above it was.
    pub(crate) fn listed(
        &self,
        kind: EntityKind,
        row: Row,
        at: Sequence,
        deleted: bool,
        recent: &Recent,
    ) -> Result<Option<Stored>> {
        let Some(stored) = self.stored(kind, row, at, recent)? else { return Ok(None) };
        if stored.deleted != deleted {
            return Ok(None);
        }
        let live = if at >= self.head.sequence {
            self.is_live(&Place { parents: stored.parents, deleted: false })?
        } else {
            self.parents_live(stored.parents, at, recent)?
        };
        if live { self.with_date(stored, at, recent).map(Some) } else { Ok(None) }
    }

    /// A parent is as new as the newest of what is under it (ModelDB 8.4), deleted or not.
    fn with_date(&self, mut stored: Stored, at: Sequence, recent: &Recent) -> Result<Stored> {
        let kind = stored.kind();
        let under = match kind {
            EntityKind::Project | EntityKind::Experiment if at >= self.head.sequence => {
                self.keys.date(&self.tables, (kind, stored.row), self.head.sequence)?
            }
            EntityKind::Project => self.date_under(EntityKind::Experiment, stored.row, at, recent)?,
            EntityKind::Experiment => self.date_under(EntityKind::Run, stored.row, at, recent)?,
            _ => None,
        };
        stored
            .entity
            .set_date_updated(stored.entity.date_updated().max(under.unwrap_or(Timestamp::from_millis(i64::MIN))));
        Ok(stored)
    }

    /// The latest date of the children of `parent` as of an earlier moment, by walking each of them back.
    fn date_under(&self, kind: EntityKind, parent: Row, at: Sequence, recent: &Recent) -> Result<Option<Timestamp>> {
        let mut latest = None;
        let rows = self.keys.page(&self.tables, Key::children(kind, parent), 0, u32::MAX, false, usize::MAX)?;
        for row in rows {
            let Some(stored) = self.stored(kind, Row(row), at, recent)? else { continue };
            let date = self.with_date(stored, at, recent)?.entity.date_updated();
            latest = latest.max(Some(date));
        }
        Ok(latest)
    }

    /// The record of `id`, intact, with its row and place; deleted or not, as of now.
    pub(crate) fn find(&self, kind: EntityKind, id: &str) -> Result<Option<(Row, Place, Bytes)>> {
        let resolver = self.resolver();
        let mut found = None;
        self.keys.rows(&self.tables, self.common.hashing.id(kind, id), &mut |row| {
            if let Some(bytes) = resolver.record(kind, row)? {
                found = Place::read(kind, bytes.as_slice(), Some(id))?.map(|place| (row, place, bytes));
            }
            Ok(found.is_none())
        })?;
        Ok(found)
    }

    /// The visible entity of `id` as of `at`.
    pub(crate) fn get(&self, kind: EntityKind, id: &str, at: Sequence) -> Result<Stored> {
        let missing = || no_such(kind, id);
        if at < self.head.sequence {
            let (row, ..) = self.find(kind, id)?.ok_or_else(missing)?;
            return self.visible(kind, row, at, &Recent::default())?.ok_or_else(missing);
        }
        let resolver = self.resolver();
        let mut found = None;
        self.keys.rows(&self.tables, self.common.hashing.id(kind, id), &mut |row| {
            found = resolver.stored_if(kind, row, id)?;
            Ok(found.is_none())
        })?;
        let stored = found.ok_or_else(missing)?;
        if !self.is_live(&Place::of(&stored))? {
            return Err(missing());
        }
        self.with_date(stored, at, &Recent::default())
    }

    /// The visible entity of `kind` that had `name` under `key` as of `at`; of several, which renaming can
    /// make, the one that was updated last.
    pub(crate) fn get_by_name(&self, kind: EntityKind, key: Key, name: &str, at: Sequence) -> Result<Option<Stored>> {
        let mut best: Option<Stored> = None;
        let recent = Recent::default();
        self.keys.rows(&self.tables, key, &mut |row| {
            let stored = self.visible(kind, row, at, &recent)?.filter(|stored| stored.entity.name() == Some(name));
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
            return if self.is_live(&place)? { Ok(row) } else { Err(no_such(kind, id)) };
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
expect_kind!(comment, Comment, Comment);
expect_kind!(job, Job, Job);
expect_kind!(edge, LineageEdge, LineageEdge);
