//! The simulated disk under redb.

use std::io;

use crate::simulated::SimulatedFile;

impl redb::StorageBackend for SimulatedFile {
    fn len(&self) -> io::Result<u64> {
        SimulatedFile::len(self)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        SimulatedFile::read(self, offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        SimulatedFile::set_len(self, len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.sync()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        SimulatedFile::write(self, offset, data)
    }
}
