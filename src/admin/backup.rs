//! Backups: a snapshot's tables in a file of their own, while writes go on.

use std::fmt;
use std::ops::ControlFlow;
use std::path::Path;

use crate::error::Result;
use crate::log::chain::Head;
use crate::progress::{Progress, Steps};
use crate::storage::Place;
use crate::store::Store;

/// What [`Store::backup`] made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct BackupReport {
    /// The last commit in it: for [`Audit::verify_against`](crate::Audit::verify_against).
    pub head: Head,
    /// Bytes of its file.
    pub bytes: u64,
}

impl fmt::Display for BackupReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes up to commit {}", self.bytes, self.head.sequence)
    }
}

impl Store {
    /// Writes the store, as it is now, into a folder of its own, which must be empty or not be there. Writers and
    /// readers go on meanwhile; pages that are freed are kept until it is done.
    ///
    /// The folder is a store like any other: restoring is opening it, or a copy of it, and
    /// [`Options::read_only`](crate::Options::read_only) looks into it without changing a byte. It has a compact file,
    /// read back and verified page by page, and no text index, which is made when it is asked for. A backup that was cut
    /// short is refused when it is opened. What is damaged in the store is copied as it is: [`verify`](Store::verify)
    /// one of the two before older backups are given up.
    ///
    /// # Errors
    /// `AlreadyExists` if the folder is not empty; `StorageFull`, `Io` or `Corrupt` if it cannot be written, or is not
    /// what was written; `Closed`. Then nothing is left of it.
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
        let folder = folder.as_ref();
        self.backup_to(&Place::Folder(folder.to_owned()), progress)
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
        let snapshot = self.read();
        let bytes = place.write_backup(&snapshot.state.tables, &mut Steps::new(&mut progress))?;
        Ok(BackupReport { head: snapshot.state.head, bytes })
    }
}
