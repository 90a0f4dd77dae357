//! The files of a store by their names: in a folder, or on a simulated disk.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use super::errors::storage;
use crate::error::{Error, Result};

/// The store.
pub(super) const FILE: &str = "store.redb";
/// One that is being made, to become it.
pub(super) const NEW_FILE: &str = "store.redb.new";
/// A backup that is being made.
pub(super) const BACKUP_FILE: &str = "store.redb.backup";
pub(super) const LOCK_FILE: &str = "lock";
/// The bytes of artifacts, which somebody else keeps there.
pub(crate) const BLOBS_FOLDER: &str = "blobs";

/// Where files are.
pub(super) enum Files {
    Folder(PathBuf),
    #[cfg(feature = "simulation")]
    Disk(crate::simulated::SimulatedDisk),
}

fn io(doing: &str, name: &str) -> impl FnOnce(std::io::Error) -> Error {
    let doing = format!("{doing} {name}");
    move |error| Error::io(doing, error)
}

impl Files {
    pub(super) fn exists(&self, name: &str) -> Result<bool> {
        match self {
            Files::Folder(folder) => folder.join(name).try_exists().map_err(io("looking for", name)),
            #[cfg(feature = "simulation")]
            Files::Disk(disk) => Ok(disk.exists(name)),
        }
    }

    pub(super) fn len(&self, name: &str) -> Result<u64> {
        match self {
            Files::Folder(folder) => {
                fs::metadata(folder.join(name)).map(|file| file.len()).map_err(io("looking at", name))
            }
            #[cfg(feature = "simulation")]
            Files::Disk(disk) => Ok(disk.len_of(name)),
        }
    }

    /// Removes a file, if it is there.
    pub(super) fn remove(&self, name: &str) -> Result<()> {
        let removed = match self {
            Files::Folder(folder) => match fs::remove_file(folder.join(name)) {
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
                removed => removed,
            },
            #[cfg(feature = "simulation")]
            Files::Disk(disk) => disk.remove(name),
        };
        removed.map_err(io("removing", name))
    }

    /// Whether a name is a symbolic link.
    pub(super) fn is_link(&self, name: &str) -> Result<bool> {
        match self {
            Files::Folder(folder) => match fs::symlink_metadata(folder.join(name)) {
                Ok(found) => Ok(found.is_symlink()),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
                Err(error) => Err(io("looking for", name)(error)),
            },
            #[cfg(feature = "simulation")]
            Files::Disk(_) => Ok(false),
        }
    }

    /// Lets those read and write a file that may read and write another.
    pub(super) fn permit_as(&self, name: &str, other: &str) -> Result<()> {
        match self {
            Files::Folder(folder) => fs::metadata(folder.join(other))
                .and_then(|other| fs::set_permissions(folder.join(name), other.permissions()))
                .map_err(io("setting the permissions of", name)),
            #[cfg(feature = "simulation")]
            Files::Disk(_) => Ok(()),
        }
    }

    /// Makes the bytes of a file durable.
    pub(super) fn sync(&self, name: &str) -> Result<()> {
        let synced = match self {
            // Windows wants a file that could be written to.
            Files::Folder(folder) => {
                File::options().read(true).write(true).open(folder.join(name)).and_then(|file| file.sync_all())
            }
            #[cfg(feature = "simulation")]
            Files::Disk(disk) => disk.sync(name),
        };
        synced.map_err(io("making durable", name))
    }

    /// Gives a file the name of another, which is gone then.
    pub(super) fn rename(&self, from: &str, to: &str) -> Result<()> {
        let renamed = match self {
            Files::Folder(folder) => fs::rename(folder.join(from), folder.join(to)),
            #[cfg(feature = "simulation")]
            Files::Disk(disk) => disk.rename(from, to),
        };
        renamed.map_err(io("naming", to))
    }

    /// Makes the names durable, where the platform has a way to.
    pub(super) fn sync_names(&self) -> Result<()> {
        match self {
            Files::Folder(folder) => sync_folder(folder),
            #[cfg(feature = "simulation")]
            Files::Disk(disk) => disk.sync_folder("").map_err(|error| Error::io("making the folder durable", error)),
        }
    }

    pub(super) fn create(&self, name: &str, builder: &redb::Builder) -> Result<redb::Database> {
        match self {
            Files::Folder(folder) => builder.create(folder.join(name)).map_err(storage(format!("making {name}"))),
            #[cfg(feature = "simulation")]
            Files::Disk(disk) => {
                let file = disk.create(name).map_err(io("making", name))?;
                builder.create_with_backend(file).map_err(storage(format!("making {name}")))
            }
        }
    }

    pub(super) fn open(&self, name: &str, builder: &redb::Builder) -> Result<redb::Database> {
        match self {
            Files::Folder(folder) => builder.open(folder.join(name)).map_err(storage(format!("opening {name}"))),
            #[cfg(feature = "simulation")]
            Files::Disk(disk) => {
                let file = disk.open(name).map_err(io("opening", name))?;
                builder.create_with_backend(file).map_err(storage(format!("opening {name}")))
            }
        }
    }

    pub(super) fn open_read_only(
        &self,
        name: &str,
        builder: &redb::Builder,
    ) -> Result<Result<redb::ReadOnlyDatabase, redb::DatabaseError>> {
        match self {
            Files::Folder(folder) => Ok(builder.open_read_only(folder.join(name))),
            #[cfg(feature = "simulation")]
            Files::Disk(disk) => {
                let file = disk.open(name).map_err(io("opening", name))?;
                Ok(builder.open_read_only_with_backend(file))
            }
        }
    }
}

/// Makes names in `folder` durable, where the platform has a way to.
pub(crate) fn sync_folder(folder: &Path) -> Result<()> {
    if cfg!(unix) {
        let synced = File::open(folder).and_then(|folder| folder.sync_all());
        synced.map_err(|error| Error::io(format!("making the folder {} durable", folder.display()), error))?;
    }
    Ok(())
}
