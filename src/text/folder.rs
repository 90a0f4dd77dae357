//! The files of an index: read by position, not mapped, so that one that was cut off is an error.
//!
//! Its small files, of which it has no checksum, are kept in envelopes with one. What is read often (terms, and the
//! lengths of texts) the library keeps in memory; postings are read as they are asked for.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::{RwLock, RwLockReadGuard};
use tantivy::HasLen;
use tantivy::directory::error::{DeleteError, LockError, OpenReadError, OpenWriteError};
use tantivy::directory::{
    AntiCallToken, Directory, DirectoryLock, FileHandle, Lock, OwnedBytes, TerminatingWrite, WatchCallback,
    WatchHandle, WritePtr,
};

use crate::codec::envelope;
use crate::positioned::Positioned;

/// A folder of the file system. The store's lock keeps other processes out.
#[derive(Debug, Clone)]
pub(super) struct Folder(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    path: PathBuf,
    /// The library's threads outlive its writer for a while: they find the folder closed, which may be another's then.
    closed: RwLock<bool>,
}

impl Folder {
    /// The folder, made if it is not there.
    pub(super) fn open(path: &Path) -> io::Result<Folder> {
        match fs::create_dir(path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            made => made?,
        }
        Ok(Folder(Arc::new(Inner { path: path.to_owned(), closed: RwLock::new(false) })))
    }

    /// The folder, in which nothing is made, replaced or removed.
    pub(super) fn read_only(path: &Path) -> Folder {
        Folder(Arc::new(Inner { path: path.to_owned(), closed: RwLock::new(true) }))
    }

    /// Nothing in it is made, replaced or removed from now on, whoever still tries to.
    pub(super) fn close(&self) {
        *self.0.closed.write() = true;
    }

    /// Keeps it from being closed, unless it is.
    fn still_open(&self) -> io::Result<RwLockReadGuard<'_, bool>> {
        let closed = self.0.closed.read();
        if *closed { Err(io::Error::other("the text index is closed")) } else { Ok(closed) }
    }

    /// What is in it, but for what keeps track of that, and what was not finished.
    pub(super) fn names(&self) -> io::Result<Vec<PathBuf>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.0.path)? {
            let name = PathBuf::from(entry?.file_name());
            if name.extension().is_none_or(|extension| extension != "new") && name != Path::new(".managed.json") {
                names.push(name);
            }
        }
        Ok(names)
    }

    fn path(&self, name: &Path) -> PathBuf {
        self.0.path.join(name)
    }
}

/// Removes a folder with all that is in it; none is nothing to remove.
pub(super) fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        done => done,
    }
}

fn key(name: &Path) -> Vec<u8> {
    name.as_os_str().as_encoded_bytes().to_vec()
}

impl Directory for Folder {
    fn get_file_handle(&self, name: &Path) -> Result<Arc<dyn FileHandle>, OpenReadError> {
        let opened = File::open(self.path(name)).and_then(|file| Ok((file.metadata()?.len(), file)));
        let (len, file) = opened.map_err(|error| not_read(error, name))?;
        let len = usize::try_from(len).map_err(|error| not_read(io::Error::other(error), name))?;
        Ok(Arc::new(OpenFile { file: Positioned::new(file), len }))
    }

    fn delete(&self, name: &Path) -> Result<(), DeleteError> {
        let removed = self.still_open().and_then(|_open| fs::remove_file(self.path(name)));
        removed.map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => DeleteError::FileDoesNotExist(name.to_owned()),
            _ => DeleteError::IoError { io_error: Arc::new(error), filepath: name.to_owned() },
        })
    }

    fn exists(&self, name: &Path) -> Result<bool, OpenReadError> {
        self.path(name).try_exists().map_err(|error| not_read(error, name))
    }

    fn open_write(&self, name: &Path) -> Result<WritePtr, OpenWriteError> {
        let new = || OpenOptions::new().write(true).create_new(true).open(self.path(name));
        let opened = self.still_open().and_then(|_open| new());
        let file = opened.map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => OpenWriteError::FileAlreadyExists(name.to_owned()),
            _ => OpenWriteError::wrap_io_error(error, name.to_owned()),
        })?;
        Ok(BufWriter::new(Box::new(NewFile(BufWriter::new(file)))))
    }

    fn atomic_read(&self, name: &Path) -> Result<Vec<u8>, OpenReadError> {
        let bytes = fs::read(self.path(name)).map_err(|error| not_read(error, name))?;
        let payload = envelope::open(envelope::Kind::TextMeta, &key(name), &bytes);
        let payload = payload.map_err(|error| not_read(io::Error::other(error), name))?;
        Ok(payload.to_vec())
    }

    fn atomic_write(&self, name: &Path, data: &[u8]) -> io::Result<()> {
        let _open = self.still_open()?;
        let (path, new) = (self.path(name), self.path(&name.with_extension("new")));
        let mut file = File::create(&new)?;
        file.write_all(&envelope::wrap(envelope::Kind::TextMeta, &key(name), data))?;
        file.sync_data()?;
        fs::rename(&new, &path)
    }

    fn sync_directory(&self) -> io::Result<()> {
        if cfg!(unix) { File::open(&self.0.path)?.sync_data() } else { Ok(()) }
    }

    fn acquire_lock(&self, _lock: &Lock) -> Result<DirectoryLock, LockError> {
        // One thread of one handle writes, and it alone opens what was written.
        Ok(DirectoryLock::from(Box::new(())))
    }

    fn watch(&self, _callback: WatchCallback) -> tantivy::Result<WatchHandle> {
        // Readers are renewed by hand.
        Ok(WatchHandle::empty())
    }
}

fn not_read(error: io::Error, name: &Path) -> OpenReadError {
    match error.kind() {
        io::ErrorKind::NotFound => OpenReadError::FileDoesNotExist(name.to_owned()),
        _ => OpenReadError::wrap_io_error(error, name.to_owned()),
    }
}

/// A file that is written once.
struct NewFile(BufWriter<File>);

impl Write for NewFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

impl TerminatingWrite for NewFile {
    fn terminate_ref(&mut self, _: AntiCallToken) -> io::Result<()> {
        self.0.flush()?;
        self.0.get_ref().sync_data()
    }
}

#[derive(Debug)]
struct OpenFile {
    file: Positioned,
    len: usize,
}

impl HasLen for OpenFile {
    fn len(&self) -> usize {
        self.len
    }
}

impl FileHandle for OpenFile {
    fn read_bytes(&self, range: Range<usize>) -> io::Result<OwnedBytes> {
        if range.start > range.end || range.end > self.len {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, format!("{range:?} of {} bytes", self.len)));
        }
        let mut bytes = vec![0; range.len()];
        self.file.read_exact_at(&mut bytes, range.start as u64)?;
        Ok(OwnedBytes::new(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_changed_in_a_folder_that_is_closed() {
        let temporary = tempfile::tempdir().unwrap();
        let path = temporary.path().join("text");
        let folder = Folder::open(&path).unwrap();
        let late = folder.clone();
        folder.atomic_write(Path::new("meta.json"), b"kept").unwrap();
        folder.open_write(Path::new("a.idx")).unwrap().terminate().unwrap();
        folder.close();
        assert!(late.open_write(Path::new("b.idx")).is_err());
        assert!(late.atomic_write(Path::new("meta.json"), b"changed").is_err());
        assert!(late.delete(Path::new("a.idx")).is_err());
        let again = Folder::open(&path).unwrap();
        assert_eq!(late.atomic_read(Path::new("meta.json")).unwrap(), b"kept");
        let mut names = again.names().unwrap();
        names.sort();
        assert_eq!(names, [Path::new("a.idx"), Path::new("meta.json")]);
    }
}
