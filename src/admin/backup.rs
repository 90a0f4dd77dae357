//! Backups: a snapshot's tables in a file of their own, while writes go on.

use std::collections::BTreeSet;
use std::fmt;
use std::ops::ControlFlow;
use std::path::Path;

use crate::blob::{BlobPlace, BlobStore, LocalBlobs};
use crate::digest::BlobDigest;
use crate::entity::state::State;
use crate::error::{Error, ErrorKind, Result};
use crate::gc;
use crate::log::chain::Head;
use crate::model::BlobRef;
use crate::paths;
use crate::progress::{Progress, Steps};
use crate::storage::{BLOBS_FOLDER, BlobSource, Place};
use crate::store::Store;

/// What [`Store::backup`] made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct BackupReport {
    /// The last commit in it: for [`Audit::verify_against`](crate::Audit::verify_against).
    pub head: Head,
    /// Bytes of its file.
    pub bytes: u64,
    /// Bytes of artifacts that were copied beside it: how many blobs.
    pub blobs: u64,
    /// How many bytes they have.
    pub blob_bytes: u64,
    /// Records and blobs that cannot be read. The records are in the backup as they are, and what bytes of artifacts
    /// they name is unknown; such blobs are not beside it, or not whole. [`verify`](Store::verify) tells which.
    pub damaged: u64,
}

impl fmt::Display for BackupReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let BackupReport { head, bytes, blobs, blob_bytes, damaged } = self;
        write!(f, "{bytes} bytes up to commit {}, and {blobs} blobs of {blob_bytes} bytes", head.sequence)?;
        if *damaged > 0 { write!(f, "; {damaged} records or blobs are damaged") } else { Ok(()) }
    }
}

impl Store {
    /// Writes the store, as it is now, into a folder of its own, which must be empty or not be there. Writers and
    /// readers go on meanwhile; pages that are freed are kept until it is done.
    ///
    /// The folder is a store like any other: restoring is opening it, or a copy of it, and
    /// [`Options::read_only`](crate::Options::read_only) looks into it without changing a byte. It has a compact file,
    /// read back and verified page by page, and no text index, which is made when it is asked for. A backup that was
    /// cut short is refused when it is opened. What is damaged in the store is copied as it is:
    /// [`verify`](Store::verify) one of the two before older backups are given up.
    ///
    /// Bytes of artifacts that records name are copied along, and checked; of those that are damaged or gone the report
    /// tells, and those that [`Options::blobs`](crate::Options::blobs) keeps elsewhere stay there. Meanwhile nothing is
    /// collected.
    ///
    /// # Errors
    /// `AlreadyExists` if the folder is not empty; `InvalidArgument` if its path is; `Conflict` while a
    /// [collection](Self::gc) goes on; `StorageFull`, `Io` or `Corrupt` if it cannot be written, or is not what was
    /// written; `CommitUnknown` if what was acknowledged could not be made durable; `Closed`. Then nothing is left of
    /// it.
    pub fn backup(&self, folder: impl AsRef<Path>) -> Result<BackupReport> {
        self.backup_with(folder, |_| ControlFlow::Continue(()))
    }

    /// [`backup`](Self::backup), telling `progress` how far it is.
    ///
    /// # Errors
    /// Those of [`backup`](Self::backup); `Cancelled`.
    pub fn backup_with(
        &self,
        folder: impl AsRef<Path>,
        progress: impl FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<BackupReport> {
        let folder = &paths::absolute(folder.as_ref())?;
        self.backup_to(&Place::Folder(folder.clone()), progress)
            .map_err(|error| error.context(format!("backing up to {}", folder.display())))
    }

    /// [`backup`](Self::backup) to a simulated disk, on which nothing is yet.
    ///
    /// # Errors
    /// Those of [`backup_with`](Self::backup_with).
    #[cfg(feature = "simulation")]
    pub fn backup_simulated(
        &self,
        disk: &crate::simulated::SimulatedDisk,
        progress: impl FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<BackupReport> {
        self.backup_to(&Place::Simulated(disk.clone()), progress)
    }

    fn backup_to(&self, place: &Place, mut progress: impl FnMut(Progress) -> ControlFlow<()>) -> Result<BackupReport> {
        let blobs = &self.inner.common.blobs;
        // Its head is to be one that a crash leaves in the log. A store that cannot write any more has no other.
        match self.inner.flush() {
            Err(error)
                if !matches!(error.kind(), ErrorKind::NestedWrite | ErrorKind::ReadOnly | ErrorKind::Poisoned) =>
            {
                return Err(error);
            }
            _ => {}
        }
        // A collection could take what the snapshot names.
        let _pinned = blobs.pin()?;
        let snapshot = self.read();
        let state = &*snapshot.state;
        let mut report = BackupReport { head: state.head, bytes: 0, blobs: 0, blob_bytes: 0, damaged: 0 };
        let beside = |steps: &mut Steps<'_>| match (blobs.place(), place) {
            (BlobPlace::Given(_), _) | (_, Place::Memory) => Ok(()),
            (_, Place::Folder(folder)) => {
                copy_blobs(state, &|| LocalBlobs::open(folder.join(BLOBS_FOLDER)), &mut report, steps)
            }
            #[cfg(feature = "simulation")]
            (_, Place::Simulated(disk)) => {
                copy_blobs(state, &|| LocalBlobs::options().open_simulated(disk), &mut report, steps)
            }
        };
        let bytes = place.write_backup(&state.tables, &mut Steps::new(&mut progress), beside)?;
        Ok(BackupReport { bytes, ..report })
    }
}

/// Copies the blobs that records name, and that have files, each once.
fn copy_blobs(
    state: &State,
    open: &dyn Fn() -> Result<LocalBlobs>,
    report: &mut BackupReport,
    steps: &mut Steps<'_>,
) -> Result<()> {
    let mut named = BTreeSet::new();
    let each = &mut |blob: Option<&BlobRef>| match blob {
        Some(blob) => {
            named.insert(blob.digest);
            Ok(())
        }
        None => steps.now(),
    };
    gc::each_named(state, each, &mut |_| {
        report.damaged += 1;
        Ok(())
    })?;
    steps.begin("copying the bytes of artifacts", named.len() as u64)?;
    let mut to = None;
    for digest in named {
        let copied = match state.tables.small_blob(&digest) {
            Ok(Some(_)) => Ok(None),
            Ok(None) => {
                let to = match &to {
                    Some(to) => to,
                    None => to.insert(open()?),
                };
                copy_blob(state, &digest, to, steps).map(Some)
            }
            Err(error) => Err(error),
        };
        match copied {
            Ok(Some(len)) => (report.blobs, report.blob_bytes) = (report.blobs + 1, report.blob_bytes + len),
            Ok(None) => {}
            // All the rest is worth a backup even so.
            Err(error) if matches!(error.kind(), ErrorKind::Corrupt | ErrorKind::NotFound) => report.damaged += 1,
            Err(error) => return Err(error),
        }
        steps.tick()?;
    }
    Ok(())
}

/// Answers how many bytes it has.
fn copy_blob(state: &State, digest: &BlobDigest, to: &LocalBlobs, steps: &mut Steps<'_>) -> Result<u64> {
    let mut from = state.common.blobs.store()?.get(digest)?;
    let stored = to.put_with(&mut from, &mut |_| match steps.now() {
        Ok(()) => ControlFlow::Continue(()),
        Err(_) => ControlFlow::Break(()),
    })?;
    match stored.digest == *digest {
        true => Ok(stored.len),
        false => Err(Error::corrupt(format!("the blob {digest} does not have the bytes of its digest"))),
    }
}
