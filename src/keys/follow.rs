//! Following the log from a watermark: the entries of each commit, the same as its write made.

use super::{Entry, Hashing, Key, KeysView, Watermark};
use crate::error::{Error, Result};
use crate::id::{EntityId, EntityKind, Row, Sequence};
use crate::log::change::{Fact, Field, FieldValue};
use crate::log::read::LogReader;
use crate::log::resolve::Resolver;
use crate::model::{Entity, Stored};
use crate::storage::Source;

/// The entries a new entity makes.
pub(crate) fn created(hashing: Hashing, stored: &Stored) -> [Entry; 3] {
    let kind = stored.kind();
    let parent = parent(kind, stored.project, stored.experiment);
    [
        hashing.id(kind, stored.entity.id_str()).entry(stored.row),
        name(hashing, stored, stored.entity.name()).entry(stored.row),
        Key::children(kind, parent).entry(stored.row),
    ]
}

/// The key of `name` beside the siblings of `stored`.
pub(crate) fn name(hashing: Hashing, stored: &Stored, name: &str) -> Key {
    match &stored.entity {
        Entity::Project(project) => hashing.project_name(&project.workspace, name),
        Entity::Experiment(_) => hashing.child_name(EntityKind::Experiment, stored.project, name),
        Entity::Run(_) => hashing.child_name(EntityKind::Run, stored.experiment, name),
    }
}

pub(crate) fn parent(kind: EntityKind, project: Row, experiment: Row) -> Row {
    match kind {
        EntityKind::Project => Row(0),
        EntityKind::Experiment => project,
        EntityKind::Run => experiment,
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

/// Hands the entries of all commits after `watermark` up to `last` to `absorb`, in bounded portions.
pub(crate) fn follow<S: Source>(
    resolver: &Resolver<'_, S>,
    hashing: Hashing,
    watermark: Watermark,
    last: Sequence,
    view: &KeysView,
    absorb: &mut dyn FnMut(Vec<Entry>),
) -> Result<Watermark> {
    let log = LogReader::new(resolver.source, resolver);
    let mut rows = watermark.rows;
    for number in watermark.sequence.get() + 1..=last.get() {
        let sequence = Sequence::new(number);
        let found = log.parts(sequence, &mut |part| {
            let mut entries = Vec::new();
            for item in &part.items {
                let Some(change) = log.decode(item)? else { continue };
                let kind = change.entity.kind();
                match change.fact {
                    Fact::Created(entity) => {
                        let next = rows.get_mut(kind.index()).ok_or_else(|| Error::corrupt("an unknown kind"))?;
                        let row = Row(*next);
                        *next = next.saturating_add(1);
                        // The record knows its place; what the log says is what it was created with.
                        if let Some(stored) = resolver.stored(kind, row)? {
                            entries.extend(created(hashing, &Stored { entity: *entity, ..stored }));
                        }
                    }
                    Fact::Edited { edits, .. } => {
                        for edit in edits {
                            let (Field::Name, Some(FieldValue::Text(to))) = (edit.field, edit.new) else { continue };
                            absorb(std::mem::take(&mut entries));
                            let Some(row) = row_of(view, hashing, resolver, &change.entity)? else { continue };
                            if let Some(stored) = resolver.stored(kind, row)? {
                                entries.push(name(hashing, &stored, &to).entry(row));
                            }
                        }
                    }
                }
            }
            if let Some(trailer) = &part.trailer {
                let commit = trailer.commit()?;
                if !commit.idempotency_id.is_empty() {
                    entries.push(hashing.write_id(&commit.idempotency_id).write_entry(sequence));
                }
            }
            absorb(entries);
            Ok(())
        })?;
        if !found {
            return Err(Error::corrupt(format!("following the log: commit {sequence} is missing")));
        }
    }
    Ok(Watermark { sequence: last, rows })
}
