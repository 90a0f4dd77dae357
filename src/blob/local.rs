//! Blobs as files in a folder.
//!
//! A blob is written under a random name, made durable, and then given its own: what a crash leaves under the name of a
//! blob is that blob, whole. Steps of a put, each of which may be the last:
//!
//! 1. make the file among the unfinished ones, and write it
//! 2. if a blob of its digest is there already: read that and check it, note that it was used, make it durable, and end
//! 3. make the file durable
//! 4. make the folders of its digest, unless they are there
//! 5. give it the name of its digest, used now
//! 6. make the folders above it durable, the first time each is met, and then the folder it is in
//!
//! In step 2 the bytes are read, for a damaged blob would otherwise stay in the way of good ones; it is replaced.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::files::{Files, NewFile, OpenFile, SystemFiles};
use super::folder::{Folder, failed};
use super::listing::Listing;
use super::{BlobEntry, BlobStore, OpenBlob, UnfinishedBlob, check_range};
use crate::digest::BlobDigest;
use crate::error::{Error, ErrorKind, Result};
use crate::paths;
use crate::time::{Clock, SystemClock, SystemEntropy, Timestamp};

/// Blobs as files in a folder, each named by its digest. Clones share it, and so can other processes.
///
/// A blob costs a file: a put is a file made, written, synced and renamed, its folder synced, and in folders that are
/// met for the first time two more of these. Blobs of some KiB are better kept elsewhere. What is found there already
/// is read and checked before the bytes that were put are let go, so a put also repairs a damaged blob; to say that a
/// blob is used without that, there is [`touch`](BlobStore::touch).
///
/// When a blob was last used is the time of the file's last modification. Symbolic links are not followed, but for
/// the folder itself and what it is in. Files of other names are left alone.
///
/// ```
/// use modeldb::{BlobStore, LocalBlobs};
/// use std::io::Read;
///
/// # fn main() -> modeldb::Result<()> {
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("blobs");
/// # /*
/// let path = "experiments.modeldb/blobs";
/// # */
/// let blobs = LocalBlobs::open(&path)?;
/// let model = blobs.put(&mut &b"weights"[..])?; // durable from here on
///
/// let mut bytes = Vec::new();
/// blobs.get(&model.digest)?.read_to_end(&mut bytes).unwrap();
/// assert_eq!(bytes, b"weights");
/// for entry in blobs.list() {
///     println!("{}: {} bytes", entry?.digest, model.len);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct LocalBlobs(Arc<Shared>);

struct Shared {
    folder: Folder,
    sync: bool,
    #[cfg(feature = "mmap")]
    map_files: bool,
}

/// Options of [`LocalBlobs`]; [`open`](Self::open) ends them.
#[must_use = "options do nothing until the folder is opened"]
pub struct LocalBlobsOptions {
    sync: bool,
    #[cfg(feature = "mmap")]
    map_files: bool,
    clock: Box<dyn Clock>,
}

impl LocalBlobsOptions {
    /// Whether a blob is durable when it is finished: yes, unless this says otherwise. With `false`, it is so at the
    /// next [`flush`](BlobStore::flush), and no record may name it before that; a crash until then leaves it out, or
    /// damaged, which reading tells and putting it again repairs.
    ///
    /// For caches, tests, and many blobs that one commit names.
    pub fn sync(mut self, sync: bool) -> Self {
        self.sync = sync;
        self
    }

    /// Whether [`LocalBlobs::map`] maps files into memory instead of reading them: not unless this says so.
    ///
    /// Whoever says so vouches that nobody else writes to the files of blobs or cuts them off, as long as a
    /// [`Mapped`](super::Mapped) of one lives. If somebody does, its bytes change, or the process ends with a signal
    /// where reading would have given an error. This library never does, and makes the files unwritable. Not for a
    /// network's file system.
    #[cfg(feature = "mmap")]
    pub fn map_files(mut self, map_files: bool) -> Self {
        self.map_files = map_files;
        self
    }

    /// The clock that says when a blob is used: the system's, unless this says otherwise.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Box::new(clock);
        self
    }

    /// Opens the folder, and makes it if the one above is there.
    ///
    /// # Errors
    /// `InvalidArgument` if the path is empty; `Io` and `StorageFull`, if it cannot be read or made.
    pub fn open(self, path: impl AsRef<Path>) -> Result<LocalBlobs> {
        self.open_in(&paths::absolute(path.as_ref())?, Box::new(SystemFiles))
    }

    /// Opens the folder `blobs` of a simulated disk, and makes it.
    ///
    /// # Errors
    /// As of [`open`](Self::open).
    #[cfg(feature = "simulation")]
    pub fn open_simulated(self, disk: &crate::simulated::SimulatedDisk) -> Result<LocalBlobs> {
        self.open_in(Path::new("blobs"), Box::new(super::simulated::SimulatedFiles::new(disk.clone())))
    }

    fn open_in(self, path: &Path, files: Box<dyn Files>) -> Result<LocalBlobs> {
        let entropy = Box::<SystemEntropy>::default();
        let folder = Folder::open(path.to_owned(), files, self.clock, entropy)?;
        Ok(LocalBlobs(Arc::new(Shared {
            folder,
            sync: self.sync,
            #[cfg(feature = "mmap")]
            map_files: self.map_files,
        })))
    }
}

impl fmt::Debug for LocalBlobsOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalBlobsOptions").field("sync", &self.sync).finish_non_exhaustive()
    }
}

impl LocalBlobs {
    /// Opens a folder of blobs with the options as they are, and makes it if the one above is there.
    ///
    /// # Errors
    /// Those of [`LocalBlobsOptions::open`].
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        Self::options().open(path)
    }

    /// Options to open a folder with.
    pub fn options() -> LocalBlobsOptions {
        LocalBlobsOptions {
            sync: true,
            #[cfg(feature = "mmap")]
            map_files: false,
            clock: Box::new(SystemClock),
        }
    }

    #[cfg(feature = "mmap")]
    pub(super) fn maps_files(&self) -> bool {
        self.0.map_files
    }

    pub(super) fn open_local(&self, digest: &BlobDigest) -> Result<Open> {
        let (path, file) = self.0.folder.open_file(digest)?;
        Ok(Open { path, file })
    }

    /// Whether the blob is there with all its bytes, and these are the ones of its digest. A file that cannot be read
    /// is damaged.
    fn look_at(&self, digest: &BlobDigest) -> Result<There> {
        if self.0.folder.find(digest)?.is_none() {
            return Ok(There::Gone);
        }
        match self.get(digest).and_then(|mut blob| blob.verify()) {
            Ok(()) => Ok(There::Whole),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(There::Gone),
            Err(error) if matches!(error.kind(), ErrorKind::Io | ErrorKind::Corrupt) => Ok(There::Damaged),
            Err(error) => Err(error),
        }
    }
}

impl fmt::Debug for LocalBlobs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("LocalBlobs").field(&self.0.folder.root()).finish()
    }
}

impl BlobStore for LocalBlobs {
    fn begin(&self) -> Result<Box<dyn UnfinishedBlob>> {
        let (path, file) = self.0.folder.create()?;
        Ok(Box::new(Unfinished { blobs: self.clone(), file, path, named: false }))
    }

    fn open(&self, digest: &BlobDigest) -> Result<Box<dyn OpenBlob>> {
        Ok(Box::new(self.open_local(digest)?))
    }

    fn exists(&self, digest: &BlobDigest) -> Result<bool> {
        Ok(self.0.folder.find(digest)?.is_some())
    }

    fn touch(&self, digest: &BlobDigest) -> Result<bool> {
        self.0.folder.touch(digest)
    }

    fn remove(&self, digest: &BlobDigest, unless_used_since: Option<Timestamp>) -> Result<bool> {
        self.0.folder.remove(digest, unless_used_since)
    }

    fn list(&self) -> Box<dyn Iterator<Item = Result<BlobEntry>> + '_> {
        Box::new(Listing::new(&self.0.folder))
    }

    fn remove_unfinished(&self) -> Result<u64> {
        self.0.folder.remove_unfinished()
    }

    fn flush(&self) -> Result<()> {
        self.0.folder.flush()
    }
}

/// What stands for a digest.
#[derive(Clone, Copy, PartialEq, Eq)]
enum There {
    Gone,
    Whole,
    Damaged,
}

struct Unfinished {
    blobs: LocalBlobs,
    file: Box<dyn NewFile>,
    path: PathBuf,
    /// The file has a blob's name.
    named: bool,
}

impl UnfinishedBlob for Unfinished {
    fn write(&mut self, piece: &[u8]) -> Result<()> {
        self.file.write(piece).map_err(failed("writing the new blob", &self.path))
    }

    fn finish(mut self: Box<Self>, digest: &BlobDigest) -> Result<bool> {
        let Shared { folder, sync, .. } = &*self.blobs.0;
        let there = self.blobs.look_at(digest)?;
        let mut named = false;
        if there != There::Whole || !folder.touch(digest)? {
            self.file.end(*sync).map_err(failed("making durable the new blob", &self.path))?;
            // Unless it is damaged, somebody may have put it meanwhile.
            named = folder.name(&self.path, digest, there == There::Damaged)?;
        }
        self.named = named;
        if *sync {
            // Whoever named it may not have come to make it durable.
            folder.settle(digest, !named)?;
        } else {
            folder.settle_later(digest);
        }
        Ok(named)
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if !self.named {
            self.blobs.0.folder.give_up(&self.path);
        }
    }
}

pub(super) struct Open {
    pub(super) path: PathBuf,
    pub(super) file: Box<dyn OpenFile>,
}

impl OpenBlob for Open {
    fn len(&self) -> u64 {
        self.file.len()
    }

    fn read_exact_at(&self, offset: u64, out: &mut [u8]) -> Result<()> {
        check_range(offset, out.len(), self.len())?;
        self.file.read_exact_at(offset, out).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => {
                Error::corrupt(format!("the blob {} has become shorter while it was read", self.path.display()))
            }
            _ => failed("reading the blob", &self.path)(error),
        })
    }
}
