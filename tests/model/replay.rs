//! The log told from its beginning gives what the model has: it is read through the public API only.

use std::collections::HashMap;

use modeldb::{Artifact, Commit, Edit, Entity, EntityId, Fact, Field, FieldValue, RunStatus, Sequence, Snapshot};

use super::check::plain;
use super::plain::{Plain, Val, Vals};
use super::world::{KINDS, World, cut_short_name, index};

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
        Field::Status => status(&mut plain.status, edit.old, edit.new),
        Field::Attribute(key) => value(&mut plain.attributes, key, edit.old, edit.new),
        Field::Hyperparameter(key) => value(&mut plain.hyperparameters, key, edit.old, edit.new),
        Field::Metric(key) => value(&mut plain.metrics, key, edit.old, edit.new),
        Field::ReadmeText => text(&mut plain.readme, edit.old, edit.new),
        Field::ShortName => {
            // A long one that was derived is told in part only.
            let Some(FieldValue::Text(old)) = edit.old else { panic!("a project without a short name") };
            assert_eq!(plain.short_name, cut_short_name(&old));
            plain.short_name.clear();
            text(&mut plain.short_name, None, edit.new);
        }
        Field::JobId => text(&mut plain.job, edit.old, edit.new),
        Field::ParentId => text(&mut plain.parent, edit.old, edit.new),
        Field::Artifact(key) => artifact(&mut plain.artifacts, &key, edit.old, edit.new),
        Field::Dataset(key) => artifact(&mut plain.datasets, &key, edit.old, edit.new),
        Field::Tag(tag) => {
            plain.tags.retain(|other| *other != tag || edit.old.is_none());
            assert_eq!(present(edit.old.as_ref()), !present(edit.new.as_ref()));
            if edit.new.is_some() {
                plain.tags.push(tag);
                plain.tags.sort();
            }
        }
        Field::Deleted => {
            assert_eq!(*deleted, present(edit.old.as_ref()));
            *deleted = present(edit.new.as_ref());
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

fn status(slot: &mut Option<RunStatus>, old: Option<FieldValue>, new: Option<FieldValue>) {
    let status = |value| match value {
        Some(FieldValue::RunStatus(status)) => Some(status),
        None => None,
        other => panic!("{other:?} is no status"),
    };
    assert_eq!(*slot, status(old));
    *slot = status(new);
}

fn value(slot: &mut Vals, key: String, old: Option<FieldValue>, new: Option<FieldValue>) {
    let value = |value| match value {
        Some(FieldValue::Value(value, declared)) => Some((Val::of(&value), declared)),
        None => None,
        other => panic!("{other:?} is no value"),
    };
    assert_eq!(slot.remove(&key), value(old));
    slot.extend(value(new).map(|new| (key, new)));
}

fn artifact(slot: &mut Vec<Artifact>, key: &str, old: Option<FieldValue>, new: Option<FieldValue>) {
    let artifact = |value| match value {
        Some(FieldValue::Artifact(artifact)) => Some(*artifact),
        None => None,
        other => panic!("{other:?} is no artifact"),
    };
    let at = slot.iter().position(|artifact| artifact.key == key);
    assert_eq!(at.map(|at| slot.remove(at)), artifact(old));
    slot.extend(artifact(new));
    slot.sort_by(|a, b| a.key.cmp(&b.key));
}

fn present(value: Option<&FieldValue>) -> bool {
    match value {
        Some(FieldValue::Present) => true,
        None => false,
        other => panic!("{other:?} is not whether something is there"),
    }
}
