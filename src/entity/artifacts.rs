//! Metadata of artifacts and dataset links (ModelDB 7.1 and 7.2). Deleting it deletes no bytes: a collection does, of
//! those that nothing names any more.

use crate::entity::entries::On;
use crate::entity::txn::Txn;
use crate::error::{Error, Result};
use crate::id::EntityKind;
use crate::log::change::{Field, FieldValue};
use crate::model::{Artifact, BlobRef, Entity};

/// Artifacts as a caller gave them, sorted; a key that is empty or there twice is refused, and so is one of
/// which only the path is to be kept, without a path.
pub(crate) fn check(artifacts: &mut [Artifact]) -> Result<()> {
    check_keys(artifacts, "artifact")?;
    for artifact in artifacts {
        let key = &artifact.key;
        if artifact.path_only && artifact.path.is_empty() {
            return Err(Error::invalid(format!("the artifact {key:?} has no path, and is to be only one")));
        }
        if artifact.path_only && artifact.blob.is_some() {
            return Err(Error::invalid(format!("the artifact {key:?} has bytes, and is to be only a path")));
        }
        if artifact.upload.is_some() {
            return Err(Error::invalid(format!("the artifact {key:?} is logged first, and then uploaded in parts")));
        }
    }
    Ok(())
}

/// Bytes that records are to name are there, and stay.
pub(crate) fn require_bytes<'b>(txn: &Txn<'_>, blobs: impl IntoIterator<Item = &'b BlobRef>) -> Result<()> {
    for blob in blobs {
        let len = txn.require_blob(&blob.digest)?;
        if len != blob.len {
            return Err(Error::invalid(format!("the blob {} has {len} bytes, not {}", blob.digest, blob.len)));
        }
    }
    Ok(())
}

/// Dataset links as a caller gave them, sorted; one to a version of a dataset is refused, since there are none.
pub(crate) fn check_datasets(datasets: &mut [Artifact]) -> Result<()> {
    check_keys(datasets, "dataset")?;
    if let Some(linked) = datasets.iter().find(|dataset| !dataset.linked_artifact_id.is_empty()) {
        return Err(Error::invalid(format!("there is no version {:?} of a dataset", linked.linked_artifact_id)));
    }
    match datasets.iter().find(|dataset| dataset.blob.is_some() || dataset.upload.is_some()) {
        Some(kept) => Err(Error::invalid(format!("the dataset link {:?} has bytes of its own", kept.key))),
        None => Ok(()),
    }
}

pub(crate) fn check_keys(artifacts: &mut [Artifact], what: &str) -> Result<()> {
    artifacts.sort_by(|a, b| a.key.cmp(&b.key));
    if artifacts.first().is_some_and(|artifact| artifact.key.is_empty()) {
        return Err(Error::invalid(format!("the key of an {what} is empty").replace("an dataset", "a dataset")));
    }
    for pair in artifacts.windows(2) {
        if let [a, b] = pair
            && a.key == b.key
        {
            return Err(Error::invalid(format!("the {what} key {:?} is given twice", a.key)));
        }
    }
    Ok(())
}

/// Gives checked artifacts of an entity what the caller left open: a path, and that nothing is left to upload. The
/// bytes that they name must be there.
pub(crate) fn complete(txn: &Txn<'_>, kind: EntityKind, id: &str, artifacts: &mut [Artifact]) -> Result<()> {
    require_bytes(txn, artifacts.iter().filter_map(|artifact| artifact.blob.as_ref()))?;
    for artifact in artifacts {
        if artifact.path.is_empty() {
            artifact.path = path(kind, id, artifact);
        }
        artifact.upload_completed = true;
    }
    Ok(())
}

/// Dataset links keep their path, even an empty one: nothing is ever uploaded under it.
pub(crate) fn complete_datasets(datasets: &mut [Artifact]) {
    datasets.iter_mut().for_each(|dataset| dataset.upload_completed = true);
}

/// Where ModelDB would put the bytes. User-given parts stay data: this is never used as the name of a file.
fn path(kind: EntityKind, id: &str, artifact: &Artifact) -> String {
    let entity = match kind {
        EntityKind::Project => "ProjectEntity",
        EntityKind::Experiment => "ExperimentEntity",
        _ => "ExperimentRunEntity",
    };
    let (key, extension) = (&artifact.key, &artifact.filename_extension);
    if extension.is_empty() || key.ends_with(&format!(".{extension}")) {
        format!("{entity}/{id}/{key}")
    } else {
        format!("{entity}/{id}/{key}.{extension}")
    }
}

/// Adds artifacts, never over one that is there.
pub(crate) fn log(txn: &mut Txn<'_>, on: On<'_>, mut artifacts: Vec<Artifact>) -> Result<()> {
    check(&mut artifacts)?;
    refuse_taken(on, &artifacts, of(on.load(txn)?), "artifact")?;
    complete(txn, on.kind, on.id, &mut artifacts)?;
    on.edit(txn, artifacts.into_iter().map(|artifact| put(Field::Artifact, artifact)).collect())
}

/// Deletes the artifact of a key, if there is one.
pub(crate) fn delete(txn: &mut Txn<'_>, on: On<'_>, key: &str) -> Result<()> {
    if key.is_empty() {
        return Err(Error::invalid("the key of an artifact is empty"));
    }
    on.edit(txn, vec![(Field::Artifact(key.to_owned()), None)])
}

/// Adds dataset links to a run, over those that are there only if `replace`.
pub(crate) fn put_datasets(txn: &mut Txn<'_>, on: On<'_>, mut datasets: Vec<Artifact>, replace: bool) -> Result<()> {
    check_datasets(&mut datasets)?;
    if let Entity::Run(run) = on.load(txn)?
        && !replace
    {
        refuse_taken(on, &datasets, &run.datasets, "dataset")?;
    }
    complete_datasets(&mut datasets);
    on.edit(txn, datasets.into_iter().map(|dataset| put(Field::Dataset, dataset)).collect())
}

fn put(field: impl Fn(String) -> Field, artifact: Artifact) -> (Field, Option<FieldValue>) {
    (field(artifact.key.clone()), Some(FieldValue::Artifact(Box::new(artifact))))
}

/// The artifacts of an entity.
pub(crate) fn of(entity: &Entity) -> &[Artifact] {
    match entity {
        Entity::Project(project) => &project.artifacts,
        Entity::Experiment(experiment) => &experiment.artifacts,
        Entity::Run(run) => &run.artifacts,
        _ => &[],
    }
}

/// Both lists are in ascending order of keys.
fn refuse_taken(on: On<'_>, new: &[Artifact], present: &[Artifact], what: &str) -> Result<()> {
    let is_there = |key: &str| present.binary_search_by(|known| known.key.as_str().cmp(key)).is_ok();
    match new.iter().find(|artifact| is_there(&artifact.key)) {
        Some(taken) => {
            Err(Error::exists(format!("the {what} {} already exists on {} {:?}", taken.key, on.kind, on.id)))
        }
        None => Ok(()),
    }
}
