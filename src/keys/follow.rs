//! Following the log from a watermark: the entries of each commit, the same as its write made.

use super::{Entry, Hashing, Key, Keys, KeysView, Watermark, dates};
use crate::error::{Error, Result};
use crate::id::{EntityId, EntityKind, PerKind, Row, Sequence};
use crate::log::change::{Change, Fact, Field, FieldValue};
use crate::log::read::LogReader;
use crate::log::resolve::Resolver;
use crate::model::{Entity, Stored};
use crate::storage::Source;

/// The entries by which an entity is found for ever: by its id, under its parent, as an edge.
pub(super) fn places(hashing: Hashing, stored: &Stored) -> [Option<Entry>; 4] {
    let kind = stored.kind();
    let entry = |key: Key| Some(key.entry(stored.row));
    let id = entry(hashing.id(kind, stored.entity.id_str()));
    match &stored.entity {
        Entity::LineageEdge(edge) => {
            let [input, output] = [hashing.edges_from(&edge.input), hashing.edges_to(&edge.output)];
            [id, entry(input), entry(output), entry(hashing.edge(&edge.input, &edge.output))]
        }
        _ => [id, entry(Key::children(kind, stored.parents.direct())), None, None],
    }
}

/// The entries a new entity makes.
pub(crate) fn created(hashing: Hashing, stored: &Stored) -> impl Iterator<Item = Entry> + use<> {
    let name = stored.entity.name().and_then(|text| name(hashing, stored, text));
    places(hashing, stored).into_iter().chain([name.map(|key| key.entry(stored.row))]).flatten()
}

/// The key of `name` beside the siblings of `stored`; none of a kind without names.
pub(crate) fn name(hashing: Hashing, stored: &Stored, name: &str) -> Option<Key> {
    match &stored.entity {
        Entity::Project(project) => Some(hashing.project_name(&project.workspace, name)),
        Entity::Experiment(_) | Entity::Run(_) => {
            Some(hashing.child_name(stored.kind(), stored.parents.direct(), name))
        }
        _ => None,
    }
}

/// Row of an entity by its id.
pub(crate) fn row_of<S: Source>(
    view: &KeysView,
    hashing: Hashing,
    resolver: &Resolver<'_, S>,
    id: &EntityId,
) -> Result<Option<Row>> {
    let mut found = None;
    view.rows(resolver.source, hashing.id(id.kind(), id.as_str()), &mut |row| {
        let stored = resolver.stored(id.kind(), row)?;
        if stored.is_some_and(|stored| stored.entity.id_str() == id.as_str()) {
            found = Some(row);
        }
        Ok(found.is_none())
    })?;
    Ok(found)
}

/// Hands what all commits after `watermark` up to `last` say to `keys`, in bounded portions, and to `changed` the rows
/// of runs that they changed.
pub(crate) fn follow<S: Source>(
    resolver: &Resolver<'_, S>,
    hashing: Hashing,
    watermark: Watermark,
    last: Sequence,
    keys: &mut Keys,
    changed: &mut dyn FnMut(Sequence, Row),
) -> Result<Watermark> {
    let log = LogReader::new(resolver.source, resolver);
    let mut rows = watermark.rows;
    for number in watermark.sequence.get() + 1..=last.get() {
        let sequence = Sequence::new(number);
        let found = log.parts(sequence, &mut |part| {
            let mut followed = Followed { resolver, hashing, sequence, rows: &mut rows, keys: &mut *keys, changed };
            for item in &part.items {
                match log.decode(item)? {
                    Some(change) => followed.change(change)?,
                    None => followed.erased(item.creates())?,
                }
            }
            if let Some(trailer) = &part.trailer {
                let commit = trailer.commit()?;
                if !commit.idempotency_id.is_empty() {
                    let entry = hashing.write_id(&commit.idempotency_id).write_entry(sequence);
                    keys.absorb([entry], [], sequence);
                }
            }
            Ok(())
        })?;
        if !found {
            return Err(Error::corrupt(format!("following the log: commit {sequence} is missing")));
        }
    }
    Ok(Watermark { sequence: last, rows })
}

struct Followed<'f, 'r, S> {
    resolver: &'f Resolver<'r, S>,
    hashing: Hashing,
    sequence: Sequence,
    rows: &'f mut PerKind<u32>,
    keys: &'f mut Keys,
    changed: &'f mut dyn FnMut(Sequence, Row),
}

impl<S: Source> Followed<'_, '_, S> {
    /// The row that a creation took; an erased one too.
    fn next_row(&mut self, kind: Option<EntityKind>) -> Result<Option<Row>> {
        let Some(kind) = kind else { return Ok(None) };
        let next = self.rows.get_mut(kind.index()).ok_or_else(|| Error::corrupt("an unknown kind"))?;
        let row = Row(*next);
        *next = next.saturating_add(1);
        Ok(Some(row))
    }

    /// A creation that was erased, of an entity whose record may still be there: its purge goes on later, and finds
    /// it by these entries.
    fn erased(&mut self, kind: Option<EntityKind>) -> Result<()> {
        let (Some(kind), Some(row)) = (kind, self.next_row(kind)?) else { return Ok(()) };
        if let Some(stored) = self.resolver.stored(kind, row)? {
            let dates = dates::of_parents(stored.parents, stored.entity.date_updated());
            self.keys.absorb(created(self.hashing, &stored), dates, self.sequence);
        }
        Ok(())
    }

    fn change(&mut self, change: Change) -> Result<()> {
        let kind = change.entity.kind();
        let (row, entity, date, names) = match change.fact {
            Fact::Created(entity) => {
                let date = entity.date_updated();
                (self.next_row(Some(kind))?, Some(*entity), date, Vec::new())
            }
            Fact::Edited { new_date_updated, edits, .. } => {
                // The old one too: what gave it may be erased.
                let names = edits.into_iter().filter(|edit| edit.field == Field::Name);
                let names = names.flat_map(|edit| [edit.old, edit.new]).flatten();
                let names: Vec<FieldValue> = names.collect();
                let row = row_of(&self.keys.view(), self.hashing, self.resolver, &change.entity)?;
                (row, None, new_date_updated, names)
            }
            Fact::Purged { .. } => {
                let row = row_of(&self.keys.view(), self.hashing, self.resolver, &change.entity)?;
                row.filter(|_| kind == EntityKind::Run).iter().for_each(|row| (self.changed)(self.sequence, *row));
                return Ok(());
            }
        };
        let Some(row) = row else { return Ok(()) };
        if kind == EntityKind::Run && entity.is_none() {
            (self.changed)(self.sequence, row);
        }
        // The record knows its place; a purged one needs none.
        let Some(stored) = self.resolver.stored(kind, row)? else { return Ok(()) };
        let dates = dates::of_parents(stored.parents, date);
        match entity {
            // What the log says is what it was created with.
            Some(entity) => {
                let created = created(self.hashing, &Stored { entity, ..stored });
                self.keys.absorb(created, dates, self.sequence);
            }
            None => {
                let keys = names.iter().filter_map(|value| match value {
                    FieldValue::Text(text) => name(self.hashing, &stored, text),
                    _ => None,
                });
                self.keys.absorb(keys.map(|key| key.entry(row)), dates, self.sequence);
            }
        }
        Ok(())
    }
}
