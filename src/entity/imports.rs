//! Entities of another store, as they are: with their ids, dates, owners and version numbers.

use std::collections::HashSet;

use crate::entity::artifacts;
use crate::entity::lineage::LineageMut;
use crate::entity::rules;
use crate::entity::state::no_such;
use crate::entity::txn::Txn;
use crate::error::{Error, Result};
use crate::id::{EntityId, EntityKind, Row};
use crate::limits;
use crate::model::{Artifact, CodeVersion, Entity, LineageEntry, Parents, Run};
use crate::names;
use crate::time::Timestamp;

/// What becomes of an entity.
pub(crate) enum Imported {
    /// It is in this row now.
    Created(Row),
    /// Its id is there already, however it looks.
    There,
    /// What it belongs to, or an end of it, is deleted.
    Without,
}

/// The row of an entity, unless it is deleted, or was left out as what it belongs to is.
fn live(txn: &Txn<'_>, id: impl Into<EntityId>, left_out: &HashSet<EntityId>) -> Result<Option<Row>> {
    let id = id.into();
    match txn.find(id.kind(), id.as_str())? {
        Some((row, place)) => Ok(txn.is_live(&place)?.then_some(row)),
        None if left_out.contains(&id) => Ok(None),
        None => Err(no_such(id.kind(), id.as_str())),
    }
}

/// What an entity stands under; none if that, or an end of an edge, is not live.
fn parents(txn: &mut Txn<'_>, entity: &Entity, left_out: &HashSet<EntityId>) -> Result<Option<Parents>> {
    Ok(match entity {
        Entity::Project(_) | Entity::Job(_) => Some(Parents::None),
        Entity::Experiment(experiment) => live(txn, &experiment.project_id, left_out)?.map(Parents::Project),
        Entity::Run(run) => {
            let Some(experiment) = live(txn, &run.experiment_id, left_out)? else { return Ok(None) };
            let stored = txn.load(EntityKind::Experiment, experiment)?;
            let (project, named) = (stored.parents.direct(), entity_project(&stored.entity));
            if named != Some(run.project_id.as_str()) {
                return Err(Error::invalid("it is of another project than its experiment"));
            }
            Some(Parents::Experiment { project, experiment })
        }
        Entity::Comment(comment) => live(txn, &comment.run_id, left_out)?.map(Parents::Run),
        Entity::LineageEdge(edge) => {
            for end in [&edge.input, &edge.output] {
                if let LineageEntry::Run(run) = end
                    && live(txn, run, left_out)?.is_none()
                {
                    return Ok(None);
                }
            }
            Some(Parents::None)
        }
    })
}

/// Creates an entity under parents that are there, or else adds its id to those that are left out. The bytes that it
/// names must be there.
pub(crate) fn import(txn: &mut Txn<'_>, mut entity: Entity, left_out: &mut HashSet<EntityId>) -> Result<Imported> {
    let id = entity.id();
    if id.as_str().is_empty() {
        return Err(Error::invalid(format!("a {} without an id", id.kind())));
    }
    if txn.is_taken(id.kind(), id.as_str())? {
        return Ok(Imported::There);
    }
    check(&mut entity).map_err(|error| error.context(format!("{id}")))?;
    for artifact in artifacts::of(&entity) {
        artifacts::require_bytes(txn, &artifact.blob)?;
        let parts = artifact.upload.iter().flat_map(|upload| &upload.parts);
        artifacts::require_bytes(txn, parts.map(|part| &part.blob))?;
    }
    artifacts::require_bytes(txn, entity.code_version_snapshot().and_then(CodeVersion::blob))?;
    if let Entity::LineageEdge(edge) = &entity
        && LineageMut::new(txn).row(&edge.input, &edge.output)?.is_some()
    {
        return Ok(Imported::There);
    }
    let found = parents(txn, &entity, left_out).map_err(|error| error.context(format!("{id}")))?;
    let Some(parents) = found else {
        left_out.insert(id);
        return Ok(Imported::Without);
    };
    let hashing = txn.common().hashing;
    let key = match &entity {
        Entity::Project(project) => Some(hashing.project_name(&project.workspace, &project.name)),
        Entity::Experiment(experiment) => Some(hashing.child_name(id.kind(), parents.direct(), &experiment.name)),
        // A run may be renamed to what another one is called.
        _ => None,
    };
    if let (Some(key), Some(name)) = (key, entity.name())
        && txn.named(id.kind(), key, name)?.is_some()
    {
        return Err(Error::exists(format!("{id} is named {name:?}, and so is another one that is there")));
    }
    txn.create(entity, parents).map(Imported::Created)
}

fn entity_project(entity: &Entity) -> Option<&str> {
    match entity {
        Entity::Experiment(experiment) => Some(experiment.project_id.as_str()),
        _ => None,
    }
}

/// What every entity has to be like, whoever made it.
fn check(entity: &mut Entity) -> Result<()> {
    if let Some(name) = entity.name() {
        // A run may be renamed to something longer.
        if entity.kind() != EntityKind::Run {
            names::check_name(entity.kind(), name)?;
        }
        if name.is_empty() {
            return Err(Error::invalid("the name is empty"));
        }
    }
    if entity.version_number() > limits::IMPORTED_VERSION {
        return Err(Error::limit(format!("a version number is at most {}", limits::IMPORTED_VERSION)));
    }
    for upload in artifacts::of(entity).iter().filter_map(|artifact| artifact.upload.as_ref()) {
        let numbers = || upload.parts.iter().map(|part| part.part_number);
        if !numbers().is_sorted_by(|a, b| a < b) || numbers().next() == Some(0) {
            return Err(Error::invalid("the parts of an upload are not in order"));
        }
    }
    let same = match entity {
        Entity::Project(project) => checked(&mut project.tags, &mut [&mut project.attributes], &mut project.artifacts)?,
        Entity::Experiment(experiment) => {
            checked(&mut experiment.tags, &mut [&mut experiment.attributes], &mut experiment.artifacts)?
        }
        Entity::Run(run) => {
            let values = &mut [&mut run.attributes, &mut run.hyperparameters, &mut run.metrics];
            checked(&mut run.tags, values, &mut run.artifacts)? && is_whole(run)
        }
        _ => true,
    };
    match same {
        true => Ok(()),
        false => Err(Error::invalid("it is not as a store would keep it: sorted, each key once, nothing empty")),
    }
}

/// Whether the lists of a run that only runs have, and its times, are as every store keeps them.
fn is_whole(run: &Run) -> bool {
    let none = Some(Timestamp::from_millis(0));
    run.start_time != none
        && run.end_time != none
        && run.series.iter().all(|series| series.count > 0)
        && run.series.is_sorted_by(|a, b| a.key < b.key)
        && run.features.is_sorted_by(|a, b| a < b)
        && run.datasets.iter().all(|link| link.blob.is_none() && link.upload.is_none())
        && run.datasets.is_sorted_by(|a, b| a.key < b.key)
}

/// Whether they are as the rules would leave them.
fn checked(
    tags: &mut Vec<String>,
    values: &mut [&mut crate::model::KeyValues],
    artifacts: &mut [Artifact],
) -> Result<bool> {
    let before = (tags.clone(), artifacts.to_vec());
    rules::check_tags(tags)?;
    artifacts::check_keys(artifacts, "artifact")?;
    for values in values {
        let before = values.clone();
        rules::check_key_values(values)?;
        if before != **values {
            return Ok(false);
        }
    }
    Ok(before == (tags.clone(), artifacts.to_vec()))
}
