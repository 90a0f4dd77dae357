//! Entities of another store, as they are: with their ids, dates, owners and version numbers.

use std::collections::HashSet;

use crate::entity::artifacts;
use crate::entity::lineage::LineageMut;
use crate::entity::rules;
use crate::entity::state::no_such;
use crate::entity::txn::Txn;
use crate::error::{Error, Result};
use crate::id::{EntityId, EntityKind, Row};
use crate::model::{Artifact, CodeVersion, Entity, Parents};
use crate::names;

/// What becomes of an entity.
pub(crate) enum Imported {
    /// It is in this row now.
    Created(Row),
    /// Its id is there already, however it looks.
    There,
    /// What it belongs to is deleted.
    Without,
}

/// The row of a parent, unless it is deleted, or was left out for the same reason.
fn live(txn: &Txn<'_>, parent: &EntityId, left_out: &HashSet<EntityId>) -> Result<Option<Row>> {
    match txn.find(parent.kind(), parent.as_str())? {
        Some((row, place)) => Ok(txn.is_live(&place)?.then_some(row)),
        None if left_out.contains(parent) => Ok(None),
        None => Err(no_such(parent.kind(), parent.as_str())),
    }
}

/// Goes on with what is there.
macro_rules! there {
    ($found:expr, $left_out:expr, $id:expr) => {
        match $found? {
            Some(found) => found,
            None => {
                $left_out.insert($id);
                return Ok(Imported::Without);
            }
        }
    };
}

/// Creates an entity under parents that are there. The bytes that it names must be there.
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
    let parents = match &entity {
        Entity::Project(_) | Entity::Job(_) => Parents::None,
        Entity::Experiment(experiment) => {
            Parents::Project(there!(live(txn, &EntityId::from(&experiment.project_id), left_out), left_out, id))
        }
        Entity::Run(run) => {
            let experiment = there!(live(txn, &EntityId::from(&run.experiment_id), left_out), left_out, id);
            let stored = txn.load(EntityKind::Experiment, experiment)?;
            let (project, named) = (stored.parents.direct(), entity_project(&stored.entity));
            if named != Some(run.project_id.as_str()) {
                return Err(Error::invalid(format!("{id} is of another project than its experiment")));
            }
            Parents::Experiment { project, experiment }
        }
        Entity::Comment(comment) => {
            Parents::Run(there!(live(txn, &EntityId::from(&comment.run_id), left_out), left_out, id))
        }
        Entity::LineageEdge(edge) => {
            if LineageMut::new(txn).row(&edge.input, &edge.output)?.is_some() {
                return Ok(Imported::There);
            }
            Parents::None
        }
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
    let same = match entity {
        Entity::Project(project) => checked(&mut project.tags, &mut [&mut project.attributes], &mut project.artifacts)?,
        Entity::Experiment(experiment) => {
            checked(&mut experiment.tags, &mut [&mut experiment.attributes], &mut experiment.artifacts)?
        }
        Entity::Run(run) => {
            let values = &mut [&mut run.attributes, &mut run.hyperparameters, &mut run.metrics];
            checked(&mut run.tags, values, &mut run.artifacts)?
        }
        _ => true,
    };
    match same {
        true => Ok(()),
        false => Err(Error::invalid("its tags, values or artifacts are not in order")),
    }
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
