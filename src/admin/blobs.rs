//! Verifying the bytes of artifacts: those that records name are there, and are the ones of their digests.

use std::collections::HashMap;

use super::report::{Remedy, Verified, VerifySection};
use super::verify::{contained, is_damage};
use crate::digest::BlobDigest;
use crate::entity::state::State;
use crate::error::{Error, ErrorKind, Result};
use crate::gc;
use crate::model::BlobRef;
use crate::progress::Steps;
use crate::storage::BlobSource;

/// Reads each blob that is named once.
pub(super) fn section(state: &State, steps: &mut Steps<'_>) -> Result<VerifySection> {
    let mut section = VerifySection::new(Verified::Blobs);
    contained(&mut section, steps, |section, steps| {
        steps.begin("listing the bytes that are named", 0)?;
        let mut named: HashMap<BlobDigest, u64> = HashMap::new();
        let each = &mut |blob: Option<&BlobRef>| match blob {
            Some(blob) => {
                named.insert(blob.digest, blob.len);
                Ok(())
            }
            None => steps.now(),
        };
        // Damaged records are told of where they are read.
        gc::each_named(state, each, &mut |_| Ok(()))?;
        steps.begin("verifying the bytes of artifacts", named.len() as u64)?;
        for (digest, len) in named {
            section.checked += 1;
            match check(state, &digest, len) {
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::NotFound => {
                    section.find(format!("blob {digest}"), "records name it, and it is not there", Remedy::Restore);
                }
                Err(error) if is_damage(&error) => section.damaged(format!("blob {digest}"), &error),
                Err(error) => return Err(error),
            }
            steps.tick()?;
        }
        Ok(())
    })?;
    Ok(section)
}

fn check(state: &State, digest: &BlobDigest, len: u64) -> Result<()> {
    let wrong = |found: u64| Error::corrupt(format!("it has {found} bytes, and should have {len}"));
    if let Some(bytes) = state.tables.small_blob(digest)? {
        return match BlobDigest::of(&bytes) == *digest {
            true if bytes.len() as u64 == len => Ok(()),
            true => Err(wrong(bytes.len() as u64)),
            false => Err(Error::corrupt("its bytes are not those of its digest")),
        };
    }
    let mut blob = state.common.blobs.store()?.get(digest)?;
    if blob.len() != len {
        return Err(wrong(blob.len()));
    }
    blob.verify()
}
