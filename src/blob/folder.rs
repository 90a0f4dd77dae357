//! A folder of blobs: where each stands, what of it is durable, and the steps that others must not come between.
//!
//! ```text
//! ab/cd/abcd...      a blob, by the 64 digits of its digest
//! unfinished/0f...   one that is being written, by 32 random digits; its writer holds a lock on it
//! lock               held while a blob is named, touched or removed, and while unfinished ones are made or cleared
//! ```
//!
//! Files of other names are not looked at. Folders are never removed, so that none vanishes under a writer.

use std::collections::{BTreeSet, HashSet};
use std::io;
use std::path::{Path, PathBuf};

use parking_lot::Mutex;

use super::files::{Files, Found, Guard, Kind, NewFile, OpenFile};
use super::not_there;
use crate::digest::BlobDigest;
use crate::error::{Error, Result};
use crate::time::{Clock, Entropy, Timestamp};

const UNFINISHED: &str = "unfinished";
const LOCK: &str = "lock";

pub(super) struct Folder {
    root: PathBuf,
    files: Box<dyn Files>,
    clock: Box<dyn Clock>,
    entropy: Box<dyn Entropy>,
    /// Folders whose names in the folder above were made durable by this process.
    settled: Mutex<HashSet<[Option<u8>; 2]>>,
    pending: Mutex<Pending>,
}

/// What a flush has to make durable.
#[derive(Default)]
struct Pending {
    blobs: BTreeSet<BlobDigest>,
    /// Folders from which blobs were removed.
    folders: BTreeSet<PathBuf>,
}

/// Where a blob stands: its file, the folder of that, and the one above.
struct Place {
    /// Of which the folders are named.
    bytes: [u8; 2],
    upper: PathBuf,
    lower: PathBuf,
    file: PathBuf,
}

impl Folder {
    /// The folder, made if it is not there.
    pub(super) fn open(
        root: PathBuf,
        files: Box<dyn Files>,
        clock: Box<dyn Clock>,
        entropy: Box<dyn Entropy>,
    ) -> Result<Folder> {
        let folder = Folder { root, files, clock, entropy, settled: Mutex::default(), pending: Mutex::default() };
        // Through a link: where the blobs are as a whole is for the user to say.
        match folder.files.list(&folder.root) {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => folder.make_folder(&folder.root)?,
            Err(error) => return Err(failed("listing the folder of blobs", &folder.root)(error)),
        }
        Ok(folder)
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    fn place(&self, digest: &BlobDigest) -> Place {
        let name = digest.to_string();
        let part = |from: usize| name.get(from..from + 2).unwrap_or_default();
        let upper = self.root.join(part(0));
        let lower = upper.join(part(2));
        let file = lower.join(&name);
        let [first, second, ..] = *digest.as_bytes();
        Place { bytes: [first, second], upper, lower, file }
    }

    /// What stands for a name; what is of another kind than `wanted` is refused.
    fn look(&self, path: &Path, wanted: Kind) -> Result<Option<Found>> {
        match self.files.look(path).map_err(failed("looking for", path))? {
            Some(found) if found.kind != wanted => {
                let wanted = if wanted == Kind::File { "file" } else { "folder" };
                Err(Error::corrupt(format!("{} is among the blobs, and is no {wanted}", path.display())))
            }
            found => Ok(found),
        }
    }

    /// The file of a blob, if it has one.
    pub(super) fn find(&self, digest: &BlobDigest) -> Result<Option<Found>> {
        let place = self.place(digest);
        for folder in [&place.upper, &place.lower] {
            if self.look(folder, Kind::Folder)?.is_none() {
                return Ok(None);
            }
        }
        self.look(&place.file, Kind::File)
    }

    pub(super) fn open_file(&self, digest: &BlobDigest) -> Result<(PathBuf, Box<dyn OpenFile>)> {
        if self.find(digest)?.is_none() {
            return Err(not_there(digest));
        }
        let path = self.place(digest).file;
        match self.files.open(&path) {
            Ok(file) => Ok((path, file)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(not_there(digest)),
            Err(error) => Err(failed("opening the blob", &path)(error)),
        }
    }

    /// The names of one kind in a folder of the root, sorted; one that is not there has none.
    pub(super) fn names(&self, within: &[&str], kind: Kind) -> Result<Vec<String>> {
        let mut path = self.root.clone();
        path.extend(within);
        let names = match self.files.list(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound && !within.is_empty() => return Ok(Vec::new()),
            names => names.map_err(failed("listing the blobs in", &path))?,
        };
        let mut names: Vec<String> =
            names.into_iter().filter_map(|(name, found)| (found == kind).then_some(name)).collect();
        names.sort_unstable();
        Ok(names)
    }

    /// Keeps others from naming, touching and removing.
    fn lock(&self) -> Result<Box<dyn Guard + '_>> {
        let path = self.root.join(LOCK);
        self.files.lock(&path).map_err(failed("locking", &path))
    }

    /// Makes a folder unless it is there.
    fn make_folder(&self, path: &Path) -> Result<()> {
        if path != self.root && self.look(path, Kind::Folder)?.is_some() {
            return Ok(());
        }
        match self.files.make_folder(path) {
            // By somebody else, just now.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => self.look(path, Kind::Folder).map(|_| ()),
            made => made.map_err(failed("making the folder", path)),
        }
    }

    /// A new file for a blob that is being written.
    pub(super) fn create(&self) -> Result<(PathBuf, Box<dyn NewFile>)> {
        let folder = self.root.join(UNFINISHED);
        self.make_folder(&folder)?;
        let mut random = [0; 16];
        self.entropy.fill(&mut random).map_err(failed("naming a new file in", &folder))?;
        let path = folder.join(format!("{:032x}", u128::from_le_bytes(random)));
        // Between its making and its lock, it would seem abandoned.
        let _lock = self.lock()?;
        let file = self.files.create(&path).map_err(failed("making the file", &path))?;
        Ok((path, file))
    }

    /// Removes unfinished files that nobody writes any more.
    pub(super) fn remove_unfinished(&self) -> Result<u64> {
        let folder = self.root.join(UNFINISHED);
        if self.look(&folder, Kind::Folder)?.is_none() {
            return Ok(0);
        }
        let _lock = self.lock()?;
        let mut removed = 0;
        for name in self.names(&[UNFINISHED], Kind::File)? {
            if name.len() != 32 || !name.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
                continue;
            }
            let path = folder.join(name);
            // Its writer may have given it up just now.
            let unless_gone = |done: io::Result<bool>| match done {
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
                done => done,
            };
            let abandoned = unless_gone(self.files.is_abandoned(&path));
            if abandoned.map_err(failed("looking at the unfinished blob", &path))? {
                let gone = unless_gone(self.files.remove(&path).map(|()| true));
                removed += u64::from(gone.map_err(failed("removing the unfinished blob", &path))?);
            }
        }
        Ok(removed)
    }

    /// Removes a file that is not finished, if it can be.
    pub(super) fn give_up(&self, path: &Path) {
        // What stays behind is for `remove_unfinished`.
        let _ = self.files.remove(path);
    }

    /// Sets when the blob was last used, if it is there.
    pub(super) fn touch(&self, digest: &BlobDigest) -> Result<bool> {
        let now = self.clock.now();
        let _lock = self.lock()?;
        self.touch_locked(digest, now)
    }

    fn touch_locked(&self, digest: &BlobDigest, now: Timestamp) -> Result<bool> {
        let there = self.find(digest)?.is_some();
        if there {
            let path = self.place(digest).file;
            self.files.touch(&path, now).map_err(failed("noting the use of the blob", &path))?;
        }
        Ok(there)
    }

    /// Gives the unfinished file the name of the blob, used now; or if that is there and is not to be replaced,
    /// says that it was used. Answers whether the file was named.
    pub(super) fn name(&self, from: &Path, digest: &BlobDigest, replace: bool) -> Result<bool> {
        let place = self.place(digest);
        self.make_folder(&place.upper)?;
        self.make_folder(&place.lower)?;
        let now = self.clock.now();
        let _lock = self.lock()?;
        if !replace && self.touch_locked(digest, now)? {
            return Ok(false);
        }
        // A folder or a link in its place is refused; a file that is no good is replaced.
        self.find(digest)?;
        self.files.touch(from, now).map_err(failed("noting the use of the new blob", from))?;
        self.files.rename(from, &place.file).map_err(failed("naming the new blob", &place.file))?;
        Ok(true)
    }

    pub(super) fn remove(&self, digest: &BlobDigest, unless_used_since: Option<Timestamp>) -> Result<bool> {
        let _lock = self.lock()?;
        let Some(found) = self.find(digest)? else { return Ok(false) };
        if unless_used_since.is_some_and(|since| found.last_used >= since) {
            return Ok(false);
        }
        let place = self.place(digest);
        self.files.remove(&place.file).map_err(failed("removing the blob", &place.file))?;
        self.pending.lock().folders.insert(place.lower);
        Ok(true)
    }

    /// Makes a blob that is there durable: the bytes of its file if they may not be so yet, and its name.
    pub(super) fn settle(&self, digest: &BlobDigest, bytes_too: bool) -> Result<()> {
        let place = self.place(digest);
        if bytes_too {
            self.sync_file(&place.file)?;
        }
        self.settle_folders(&place)?;
        self.sync_folder(&place.lower)
    }

    /// Makes the names of a blob's folders durable, once each: they may have been made by a process that died before it
    /// did so.
    fn settle_folders(&self, place: &Place) -> Result<()> {
        let [first, second] = place.bytes;
        let above = self.root.parent().filter(|above| !above.as_os_str().is_empty()).unwrap_or(Path::new("."));
        for (name, above) in
            [([None, None], above), ([Some(first), None], &self.root), ([Some(first), Some(second)], &place.upper)]
        {
            if self.settled.lock().contains(&name) {
                continue;
            }
            match self.files.sync_folder(above) {
                // Whoever may not read there did not make the folder of blobs either.
                Err(error) if error.kind() == io::ErrorKind::PermissionDenied && name == [None, None] => {}
                synced => synced.map_err(failed("making durable the folder", above))?,
            }
            self.settled.lock().insert(name);
        }
        Ok(())
    }

    /// One that was removed meanwhile has nothing to be made durable.
    fn sync_file(&self, path: &Path) -> Result<()> {
        match self.files.sync_file(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            synced => synced.map_err(failed("making durable the blob", path)),
        }
    }

    fn sync_folder(&self, path: &Path) -> Result<()> {
        self.files.sync_folder(path).map_err(failed("making durable the folder", path))
    }

    /// Leaves it to the next flush to make the blob durable.
    pub(super) fn settle_later(&self, digest: &BlobDigest) {
        self.pending.lock().blobs.insert(*digest);
    }

    /// Makes durable what was left for later.
    pub(super) fn flush(&self) -> Result<()> {
        let Pending { blobs, folders } = std::mem::take(&mut *self.pending.lock());
        let done = self.flush_all(&blobs, folders.clone());
        if done.is_err() {
            let mut pending = self.pending.lock();
            pending.blobs.extend(blobs);
            pending.folders.extend(folders);
        }
        done
    }

    fn flush_all(&self, blobs: &BTreeSet<BlobDigest>, mut folders: BTreeSet<PathBuf>) -> Result<()> {
        for digest in blobs {
            let place = self.place(digest);
            self.sync_file(&place.file)?;
            self.settle_folders(&place)?;
            folders.insert(place.lower);
        }
        folders.iter().try_for_each(|folder| self.sync_folder(folder))
    }
}

/// The operating system's error, met while `doing` something to a path.
pub(super) fn failed(doing: &str, path: &Path) -> impl Fn(io::Error) -> Error {
    move |error| Error::io(format!("{doing} {}", path.display()), error)
}
