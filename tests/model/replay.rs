//! The log told from its beginning gives what the model has: it is read through the public API only.

use std::collections::HashMap;

use modeldb::{Commit, Edit, Entity, EntityId, Fact, Field, FieldValue, Sequence, Snapshot};

use super::check::plain;
use super::plain::{Plain, Val, Vals};
use super::world::{KINDS, World, index};

/// A commit of the log is the one the model made.
pub(crate) fn same_commit(commit: &Commit, world: &World) {
    let expected = &world.commits[commit.sequence.get() as usize - 1];
    assert_eq!(commit.time.millis(), expected.time);
    assert_eq!(commit.actor.as_ref().unwrap().principal, expected.actor);
    assert_eq!(commit.idempotency_id, expected.write_id);
    let operations = commit.operations.iter().map(|operation| (operation.name.clone(), operation.changes));
    assert!(operations.eq(expected.operations.iter().cloned()), "{:?}", commit.operations);
    assert_eq!(commit.changes, expected.operations.iter().map(|(_, changes)| changes).sum::<u32>());
}

struct Told {
    plain: Plain,
    deleted: bool,
}

/// Builds every entity from the changes alone.
pub(crate) fn whole_log(snapshot: &Snapshot, world: &World) {
    let mut told: HashMap<EntityId, Told> = HashMap::new();
    let mut order: Vec<EntityId> = Vec::new();
    for number in 1..=world.head() {
        let sequence = Sequence::new(number);
        // A watcher saw each when it was new; here they are packed, and reading one opens a pack.
        if number % 8 == 0 {
            same_commit(&snapshot.commit(sequence).unwrap(), world);
        }
        for change in snapshot.changes(sequence).unwrap() {
            let change = change.unwrap().unwrap();
            match change.fact {
                Fact::Created(entity) => {
                    let plain = match &*entity {
                        Entity::Project(project) => plain(project),
                        Entity::Experiment(experiment) => plain(experiment),
                        Entity::Run(run) => plain(run),
                        other => panic!("an unknown kind: {other:?}"),
                    };
                    order.push(change.entity.clone());
                    assert!(told.insert(change.entity, Told { plain, deleted: false }).is_none());
                }
                Fact::Edited { old_date_updated, new_date_updated, edits, .. } => {
                    let told = told.get_mut(&change.entity).unwrap();
                    assert_eq!(told.plain.updated, old_date_updated.millis());
                    told.plain.updated = new_date_updated.millis();
                    told.plain.version += 1;
                    assert!(!edits.is_empty());
                    edits.into_iter().for_each(|edit| apply(told, edit));
                }
                other => panic!("an unknown fact: {other:?}"),
            }
        }
    }
    for kind in KINDS {
        let ids = order.iter().filter(|id| id.kind() == kind);
        let entities = &world.entities[index(kind)];
        assert_eq!(ids.clone().count(), entities.len());
        for (id, entity) in ids.zip(entities) {
            let last = entity.versions.last().unwrap();
            let told = &told[id];
            assert_eq!(told.plain, *last.plain);
            assert_eq!(told.deleted, last.deleted);
        }
    }
}

fn apply(told: &mut Told, edit: Edit) {
    let Told { plain, deleted } = told;
    assert_ne!(edit.old, edit.new);
    match edit.field {
        Field::Name => text(&mut plain.name, edit.old, edit.new),
        Field::Description => text(&mut plain.description, edit.old, edit.new),
        Field::CodeVersion => text(&mut plain.code_version, edit.old, edit.new),
        Field::StartTime => time(&mut plain.start, edit.old, edit.new),
        Field::EndTime => time(&mut plain.end, edit.old, edit.new),
        Field::Attribute(key) => value(&mut plain.attributes, key, edit.old, edit.new),
        Field::Hyperparameter(key) => value(&mut plain.hyperparameters, key, edit.old, edit.new),
        Field::Metric(key) => value(&mut plain.metrics, key, edit.old, edit.new),
        Field::Tag(tag) => {
            assert_eq!((edit.old, edit.new), (None, Some(FieldValue::Present)));
            plain.tags.push(tag);
            plain.tags.sort();
        }
        Field::Deleted => {
            assert_eq!((edit.old, edit.new), (None, Some(FieldValue::Present)));
            *deleted = true;
        }
        Field::CodeVersionSnapshot => {
            let code = |value| match value {
                Some(FieldValue::CodeVersion(code)) => Some(*code),
                None => None,
                other => panic!("{other:?} is no code version"),
            };
            assert_eq!(plain.code, code(edit.old));
            plain.code = code(edit.new);
        }
        Field::Environment => {
            let environment = |value| match value {
                Some(FieldValue::Environment(environment)) => Some(*environment),
                None => None,
                other => panic!("{other:?} is no environment"),
            };
            assert_eq!(plain.environment, environment(edit.old));
            plain.environment = environment(edit.new);
        }
        other => panic!("an unknown field: {other:?}"),
    }
}

fn text(slot: &mut String, old: Option<FieldValue>, new: Option<FieldValue>) {
    let text = |value| match value {
        Some(FieldValue::Text(text)) => text,
        None => String::new(),
        other => panic!("{other:?} is no text"),
    };
    assert_eq!(*slot, text(old));
    *slot = text(new);
}

fn time(slot: &mut Option<i64>, old: Option<FieldValue>, new: Option<FieldValue>) {
    let time = |value| match value {
        Some(FieldValue::Time(time)) => Some(time.millis()),
        None => None,
        other => panic!("{other:?} is no time"),
    };
    assert_eq!(*slot, time(old));
    *slot = time(new);
}

fn value(slot: &mut Vals, key: String, old: Option<FieldValue>, new: Option<FieldValue>) {
    assert!(old.is_none() && !slot.contains_key(&key));
    match new {
        Some(FieldValue::Value(value, declared)) => slot.insert(key, (Val::of(&value), declared)),
        other => panic!("{other:?} is no value"),
    };
}
