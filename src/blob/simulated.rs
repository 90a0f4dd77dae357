//! The files of a simulated disk, for blobs that crash.

use std::io;
use std::path::Path;

use parking_lot::Mutex;

use super::files::{Files, Found, Guard, Kind, NewFile, OpenFile};
use crate::simulated::{SimulatedDisk, SimulatedFile};
use crate::time::Timestamp;

/// A disk, and the lock of the blobs on it: for threads of one handle.
pub(super) struct SimulatedFiles {
    disk: SimulatedDisk,
    lock: Mutex<()>,
}

impl SimulatedFiles {
    pub(super) fn new(disk: SimulatedDisk) -> Self {
        SimulatedFiles { disk, lock: Mutex::default() }
    }
}

/// The disk's name of a path; its uppermost folder has none.
fn name(path: &Path) -> io::Result<&str> {
    match path.to_str() {
        Some(".") => Ok(""),
        name => name.ok_or_else(|| io::ErrorKind::InvalidFilename.into()),
    }
}

fn kind(is_folder: bool) -> Kind {
    if is_folder { Kind::Folder } else { Kind::File }
}

impl Files for SimulatedFiles {
    fn look(&self, path: &Path) -> io::Result<Option<Found>> {
        let found = self.disk.look(name(path)?)?;
        Ok(found.map(|found| Found { kind: kind(found.is_folder), len: found.len, last_used: found.last_used }))
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<(String, Kind)>> {
        let names = self.disk.list(name(folder)?)?;
        Ok(names.into_iter().map(|(name, is_folder)| (name, kind(is_folder))).collect())
    }

    fn make_folder(&self, path: &Path) -> io::Result<()> {
        self.disk.make_folder(name(path)?)
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn NewFile>> {
        let file = self.disk.create_new(name(path)?)?;
        Ok(Box::new(Written { file, len: 0 }))
    }

    fn is_abandoned(&self, path: &Path) -> io::Result<bool> {
        Ok(!self.disk.is_written(name(path)?))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.disk.rename(name(from)?, name(to)?)
    }

    fn touch(&self, path: &Path, now: Timestamp) -> io::Result<()> {
        self.disk.touch(name(path)?, now)
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn OpenFile>> {
        let file = self.disk.open(name(path)?)?;
        let len = file.len()?;
        Ok(Box::new(Open { file, len }))
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.disk.remove(name(path)?)
    }

    fn sync_file(&self, path: &Path) -> io::Result<()> {
        self.disk.sync(name(path)?)
    }

    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        self.disk.sync_folder(name(path)?)
    }

    fn lock(&self, _path: &Path) -> io::Result<Box<dyn Guard + '_>> {
        Ok(Box::new(self.lock.lock()))
    }
}

struct Written {
    file: SimulatedFile,
    len: u64,
}

impl NewFile for Written {
    fn write(&mut self, piece: &[u8]) -> io::Result<()> {
        self.file.write(self.len, piece)?;
        self.len += piece.len() as u64;
        Ok(())
    }

    fn end(&mut self, durable: bool) -> io::Result<()> {
        if durable { self.file.sync() } else { Ok(()) }
    }
}

impl Drop for Written {
    fn drop(&mut self) {
        self.file.end_writing();
    }
}

struct Open {
    file: SimulatedFile,
    len: u64,
}

impl OpenFile for Open {
    fn len(&self) -> u64 {
        self.len
    }

    fn read_exact_at(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.file.read(offset, out)
    }
}
