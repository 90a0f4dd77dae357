//! Bytes of artifacts, and uploads of them in parts (ModelDB 7.3 and 7.4).
//!
//! An upload has no state but the record's: each part is a blob of its own, and the tag that a client is told, and
//! sends back to commit it, is the part's digest.

use crate::digest::BlobDigest;
use crate::entity::artifacts::of;
use crate::entity::entries::On;
use crate::entity::txn::Txn;
use crate::error::{Error, ErrorKind, Result};
use crate::limits;
use crate::log::change::{Field, FieldValue};
use crate::model::{Artifact, BlobRef, Upload};

/// The artifact of a key, whose bytes are the store's.
fn logged(txn: &mut Txn<'_>, on: On<'_>, key: &str) -> Result<Artifact> {
    let found = of(on.load(txn)?).iter().find(|artifact| artifact.key == key);
    match found {
        None => Err(Error::invalid(format!("{} {:?} has no artifact {key:?}", on.kind, on.id))),
        Some(artifact) if artifact.path_only => {
            Err(Error::invalid(format!("of the artifact {key:?} only the path is kept: its bytes are elsewhere")))
        }
        Some(artifact) => Ok(artifact.clone()),
    }
}

fn not_open(key: &str) -> Error {
    Error::invalid(format!("the artifact {key:?} is not being uploaded in parts"))
}

fn set(txn: &mut Txn<'_>, on: On<'_>, artifact: Artifact) -> Result<()> {
    let field = Field::Artifact(artifact.key.clone());
    on.edit(txn, vec![(field, Some(FieldValue::Artifact(Box::new(artifact))))])
}

/// Gives a logged artifact bytes, in place of those it has.
pub(crate) fn put(txn: &mut Txn<'_>, on: On<'_>, key: &str, blob: BlobRef) -> Result<()> {
    let mut artifact = logged(txn, on, key)?;
    super::artifacts::require_bytes(txn, [&blob])?;
    (artifact.blob, artifact.upload, artifact.upload_completed) = (Some(blob), None, true);
    set(txn, on, artifact)
}

/// Opens an upload, or answers the one that is open.
pub(crate) fn begin(txn: &mut Txn<'_>, on: On<'_>, key: &str) -> Result<String> {
    let mut artifact = logged(txn, on, key)?;
    if let Some(open) = artifact.upload {
        return Ok(open.id);
    }
    let id = format!("{:032x}", u128::from_be_bytes(txn.random()?));
    artifact.upload = Some(Upload { id: id.clone(), parts: Vec::new() });
    artifact.upload_completed = false;
    set(txn, on, artifact)?;
    Ok(id)
}

/// Adds a part, in place of one that has its number.
pub(crate) fn commit_part(txn: &mut Txn<'_>, on: On<'_>, key: &str, number: u64, etag: &str) -> Result<()> {
    let upload = logged(txn, on, key)?.upload.ok_or_else(|| not_open(key))?;
    if number == 0 {
        return Err(Error::invalid("parts of an upload are numbered from 1 on"));
    }
    let most = limits::UPLOAD_PARTS;
    if upload.parts.len() >= most && upload.parts.binary_search_by_key(&number, |part| part.part_number).is_err() {
        return Err(Error::limit(format!("an upload has at most {most} parts")));
    }
    // As it is, or as it stands in a header.
    let unquoted = etag.strip_prefix('"').and_then(|etag| etag.strip_suffix('"')).unwrap_or(etag);
    let digest: BlobDigest = unquoted.parse().map_err(|error: Error| error.context("reading the tag of a part"))?;
    let blob = BlobRef { digest, len: txn.require_blob(&digest)? };
    on.edit(txn, vec![(Field::ArtifactPart(key.to_owned(), number), Some(FieldValue::Blob(blob)))])
}

/// Ends an upload with the bytes of its parts, if it still is what they were put together from.
pub(crate) fn complete(txn: &mut Txn<'_>, on: On<'_>, key: &str, upload: &Upload, blob: BlobRef) -> Result<()> {
    match logged(txn, on, key)?.upload {
        None => Err(not_open(key)),
        Some(now) if now != *upload => {
            Err(Error::new(ErrorKind::Conflict, format!("the upload of {key:?} has changed while it was completed")))
        }
        Some(_) => put(txn, on, key, blob),
    }
}
