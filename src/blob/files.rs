//! What blobs in a folder ask of a file system, and the real one. The other is simulated, and crashes.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::positioned::Positioned;
use crate::time::Timestamp;

/// A file system. Names are not followed through symbolic links, but for those above the blobs' folder.
pub(super) trait Files: Send + Sync {
    /// What a name stands for; `None` if for nothing.
    fn look(&self, path: &Path) -> io::Result<Option<Found>>;

    /// The names in a folder that are text, and what they stand for.
    fn list(&self, folder: &Path) -> io::Result<Vec<(String, Kind)>>;

    /// Makes a folder. The one above is there.
    fn make_folder(&self, path: &Path) -> io::Result<()>;

    /// Makes a file that was not there; it counts as being written as long as the answer lives.
    fn create(&self, path: &Path) -> io::Result<Box<dyn NewFile>>;

    /// Whether nobody writes a file that was created, any more.
    fn is_abandoned(&self, path: &Path) -> io::Result<bool>;

    /// Gives a file another name, in place of a file that has it.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Sets when a file was last used.
    fn touch(&self, path: &Path, now: Timestamp) -> io::Result<()>;

    fn open(&self, path: &Path) -> io::Result<Box<dyn OpenFile>>;

    fn remove(&self, path: &Path) -> io::Result<()>;

    /// Makes the bytes of a file durable.
    fn sync_file(&self, path: &Path) -> io::Result<()>;

    /// Makes the names in a folder durable, where the platform has a way to.
    fn sync_folder(&self, path: &Path) -> io::Result<()>;

    /// Keeps others, of this process and of other ones, from having the same lock while the answer lives.
    fn lock(&self, path: &Path) -> io::Result<Box<dyn Guard + '_>>;
}

/// A lock that is given up when this is dropped.
pub(super) trait Guard {}

impl<T> Guard for T {}

/// A file that is being written.
pub(super) trait NewFile: Send {
    fn write(&mut self, piece: &[u8]) -> io::Result<()>;

    /// Says that nothing more is written, and that it is durable when this has returned, if that is asked for.
    fn end(&mut self, durable: bool) -> io::Result<()>;
}

/// A file that is read by position, from several threads.
pub(super) trait OpenFile: Send + Sync {
    fn len(&self) -> u64;

    fn read_exact_at(&self, offset: u64, out: &mut [u8]) -> io::Result<()>;

    /// The file for a map, if it is one of the operating system's.
    #[cfg(feature = "mmap")]
    fn to_map(&self) -> Option<io::Result<File>> {
        None
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    File,
    Folder,
    /// A symbolic link, a pipe, a device: nothing of ours.
    Other,
}

pub(super) struct Found {
    pub(super) kind: Kind,
    pub(super) len: u64,
    pub(super) last_used: Timestamp,
}

/// The operating system's files.
pub(super) struct SystemFiles;

impl From<fs::FileType> for Kind {
    fn from(kind: fs::FileType) -> Self {
        match kind {
            _ if kind.is_file() => Kind::File,
            _ if kind.is_dir() => Kind::Folder,
            _ => Kind::Other,
        }
    }
}

impl Files for SystemFiles {
    fn look(&self, path: &Path) -> io::Result<Option<Found>> {
        let found = match fs::symlink_metadata(path) {
            Ok(found) => found,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let last_used = timestamp(found.modified()?);
        Ok(Some(Found { kind: found.file_type().into(), len: found.len(), last_used }))
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<(String, Kind)>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            if let Ok(name) = entry.file_name().into_string() {
                names.push((name, entry.file_type()?.into()));
            }
        }
        Ok(names)
    }

    fn make_folder(&self, path: &Path) -> io::Result<()> {
        fs::create_dir(path)
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn NewFile>> {
        let file = OpenOptions::new().write(true).create_new(true).open(path)?;
        // Nobody else knows of it yet. Where there are no locks, one that is being written counts as abandoned.
        match file.try_lock() {
            Err(TryLockError::Error(error)) if error.kind() != io::ErrorKind::Unsupported => Err(error),
            _ => Ok(Box::new(WrittenFile(file))),
        }
    }

    fn is_abandoned(&self, path: &Path) -> io::Result<bool> {
        match OpenOptions::new().read(true).open(path)?.try_lock() {
            Ok(()) => Ok(true),
            Err(TryLockError::WouldBlock) => Ok(false),
            Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => Ok(true),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn touch(&self, path: &Path, now: Timestamp) -> io::Result<()> {
        // Elsewhere, times are set through a file that is open for writing.
        let file = if cfg!(unix) { File::open(path)? } else { OpenOptions::new().write(true).open(path)? };
        file.set_modified(system_time(now))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn OpenFile>> {
        let file = File::open(path)?;
        let len = file.metadata()?.len();
        Ok(Box::new(ReadFile { file: Positioned::new(file), len }))
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn sync_file(&self, path: &Path) -> io::Result<()> {
        let file = if cfg!(unix) { File::open(path)? } else { OpenOptions::new().write(true).open(path)? };
        file.sync_all()
    }

    fn sync_folder(&self, path: &Path) -> io::Result<()> {
        if cfg!(unix) { File::open(path)?.sync_all() } else { Ok(()) }
    }

    fn lock(&self, path: &Path) -> io::Result<Box<dyn Guard + '_>> {
        // Opened each time: a lock belongs to the open file, and threads that share one would share the lock.
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(path)?;
        match file.lock() {
            Err(error) if error.kind() != io::ErrorKind::Unsupported => Err(error),
            _ => Ok(Box::new(Lock(file))),
        }
    }
}

/// Given up by hand: closing the file would leave it to every child process that has a copy of it and has not become
/// another program yet.
struct Lock(File);

impl Drop for Lock {
    fn drop(&mut self) {
        // If that fails, closing the file does it.
        let _ = self.0.unlock();
    }
}

struct WrittenFile(File);

impl NewFile for WrittenFile {
    fn write(&mut self, piece: &[u8]) -> io::Result<()> {
        self.0.write_all(piece)
    }

    fn end(&mut self, durable: bool) -> io::Result<()> {
        if cfg!(unix) {
            // Against accidents: it is never written again.
            let mut permissions = self.0.metadata()?.permissions();
            permissions.set_readonly(true);
            self.0.set_permissions(permissions)?;
        }
        if durable { self.0.sync_all() } else { Ok(()) }
    }
}

impl Drop for WrittenFile {
    fn drop(&mut self) {
        let _ = self.0.unlock();
    }
}

struct ReadFile {
    file: Positioned,
    len: u64,
}

impl OpenFile for ReadFile {
    fn len(&self) -> u64 {
        self.len
    }

    fn read_exact_at(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.file.read_exact_at(out, offset)
    }

    #[cfg(feature = "mmap")]
    fn to_map(&self) -> Option<io::Result<File>> {
        Some(self.file.try_clone())
    }
}

fn timestamp(time: SystemTime) -> Timestamp {
    let millis = |duration: Duration| i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
    Timestamp::from_millis(match time.duration_since(UNIX_EPOCH) {
        Ok(after) => millis(after),
        Err(before) => -millis(before.duration()),
    })
}

/// The epoch, for what the platform cannot say.
fn system_time(time: Timestamp) -> SystemTime {
    let distance = Duration::from_millis(time.millis().unsigned_abs());
    let time = if time.millis() < 0 { UNIX_EPOCH.checked_sub(distance) } else { UNIX_EPOCH.checked_add(distance) };
    time.unwrap_or(UNIX_EPOCH)
}
