//! Files that several threads read, each at positions of its own.

use std::fs::File;
use std::io;

#[cfg(not(unix))]
use parking_lot::Mutex;

/// Such a file.
#[derive(Debug)]
pub(crate) struct Positioned(#[cfg(unix)] File, #[cfg(not(unix))] Mutex<File>);

#[cfg(unix)]
impl Positioned {
    pub(crate) fn new(file: File) -> Self {
        Positioned(file)
    }

    #[cfg(feature = "mmap")]
    pub(crate) fn try_clone(&self) -> io::Result<File> {
        self.0.try_clone()
    }

    pub(crate) fn read_exact_at(&self, bytes: &mut [u8], at: u64) -> io::Result<()> {
        std::os::unix::fs::FileExt::read_exact_at(&self.0, bytes, at)
    }
}

#[cfg(not(unix))]
impl Positioned {
    pub(crate) fn new(file: File) -> Self {
        Positioned(Mutex::new(file))
    }

    #[cfg(feature = "mmap")]
    pub(crate) fn try_clone(&self) -> io::Result<File> {
        self.0.lock().try_clone()
    }

    pub(crate) fn read_exact_at(&self, bytes: &mut [u8], at: u64) -> io::Result<()> {
        use std::io::{Read, Seek, SeekFrom};
        let mut file = self.0.lock();
        file.seek(SeekFrom::Start(at))?;
        file.read_exact(bytes)
    }
}
