//! A disk in memory that records, counts, fails, fills up and crashes: for tests of the store, and of programs on it.
//!
//! Every file of a store on it goes through one numbered trace of I/O. [`SimulatedDisk::image`] makes the
//! disk that a crash at any point of the trace would leave: what was synced, and of the rest nothing, all,
//! a random subset, or a subset with the last write torn.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::sync::Arc;

use parking_lot::Mutex;

/// The disk. Clones share it.
#[derive(Clone, Default)]
pub struct SimulatedDisk(Arc<Mutex<Disk>>);

#[derive(Default)]
struct Disk {
    files: Vec<Vec<u8>>,
    names: BTreeMap<String, usize>,
    trace: Option<Vec<Event>>,
    counts: IoCounts,
    calls: u64,
    fault: Option<Fault>,
    start: Option<Box<Disk>>,
}

#[derive(Clone)]
enum Event {
    Write { file: usize, offset: u64, data: Vec<u8> },
    SetLen { file: usize, len: u64 },
    Sync { file: usize },
    Create { name: String, file: usize },
    Rename { from: String, to: String },
    Remove { name: String },
    SyncNames,
}

/// What was done to the disk so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct IoCounts {
    /// Calls that wrote.
    pub writes: u64,
    /// Bytes they wrote.
    pub bytes_written: u64,
    /// Calls that read.
    pub reads: u64,
    /// Syncs of files.
    pub syncs: u64,
}

/// Which I/O calls fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// The call of this number, counted from the moment the fault is set, from 0.
    Once(u64),
    /// That call and all after it.
    FromOn(u64),
    /// That call and all after it find the disk full: they fail unless they only read, look up or give room back. A
    /// write in place needs room too, as it does where the file system copies what is written, and so does a sync,
    /// as where it gives out blocks late.
    FullFrom(u64),
    /// The disk has room for this many bytes more: files do not grow beyond. What is given back can be used again.
    FullAfter(u64),
}

/// What a call wants of the disk.
#[derive(Clone, Copy)]
enum Wants {
    /// Nothing that a full disk refuses.
    Nothing,
    /// Room, in place or for a name.
    Room,
    /// A file goes from one length to another.
    Length { from: u64, to: u64 },
}

/// What a crash keeps of the writes that were not synced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Keep {
    /// Nothing.
    None,
    /// Everything.
    All,
    /// Each with the probability of one half.
    Subset(u64),
    /// A subset, and the last one cut in its middle.
    Torn(u64),
}

impl fmt::Debug for SimulatedDisk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SimulatedDisk")
    }
}

impl SimulatedDisk {
    /// An empty disk that does not record.
    pub fn new() -> Self {
        SimulatedDisk::default()
    }

    /// Begins a trace: from here on every I/O is recorded, and the disk as it is now counts as synced.
    pub fn record(&self) {
        let mut disk = self.0.lock();
        let start = Disk { files: disk.files.clone(), names: disk.names.clone(), ..Disk::default() };
        disk.start = Some(Box::new(start));
        disk.trace = Some(Vec::new());
    }

    /// How many I/O calls the trace holds.
    pub fn recorded(&self) -> usize {
        self.0.lock().trace.as_ref().map_or(0, Vec::len)
    }

    /// What was done so far.
    pub fn counts(&self) -> IoCounts {
        self.0.lock().counts
    }

    /// Lets calls fail from now on; `None` lets them succeed again.
    pub fn set_fault(&self, fault: Option<Fault>) {
        let mut disk = self.0.lock();
        disk.calls = 0;
        disk.fault = fault;
    }

    /// Calls since the fault was last set: how many there are to fail.
    pub fn calls(&self) -> u64 {
        self.0.lock().calls
    }

    /// The bytes of a file.
    pub fn bytes(&self, name: &str) -> Option<Vec<u8>> {
        let disk = self.0.lock();
        disk.names.get(name).and_then(|&file| disk.files.get(file)).cloned()
    }

    /// Puts a file in place, as something outside the store would.
    pub fn set_bytes(&self, name: &str, bytes: Vec<u8>) {
        let mut disk = self.0.lock();
        let file = disk.files.len();
        disk.files.push(bytes);
        disk.names.insert(name.to_owned(), file);
    }

    /// The names of the files.
    pub fn names(&self) -> Vec<String> {
        self.0.lock().names.keys().cloned().collect()
    }

    /// The disk that a crash just before call `at` of the trace leaves.
    ///
    /// Names are kept in the order they were made, as a journalling file system does: of those not
    /// synced, none, all, or a random first part.
    pub fn image(&self, at: usize, keep: Keep) -> SimulatedDisk {
        let disk = self.0.lock();
        let mut image = match &disk.start {
            Some(start) => Disk { files: start.files.clone(), names: start.names.clone(), ..Disk::default() },
            None => Disk::default(),
        };
        let events = disk.trace.as_deref().unwrap_or_default();
        let events = events.get(..at).unwrap_or(events);
        let mut random = Random(match keep {
            Keep::Subset(seed) | Keep::Torn(seed) => seed,
            _ => 0,
        });
        let last_names_sync = events.iter().rposition(|event| matches!(event, Event::SyncNames));
        let mut last_sync: BTreeMap<usize, usize> = BTreeMap::new();
        for (at, event) in events.iter().enumerate() {
            if let Event::Sync { file } = event {
                last_sync.insert(*file, at);
            }
        }
        let last_write = events.iter().rposition(|event| matches!(event, Event::Write { .. }));
        let mut names_end = false;
        for (at, event) in events.iter().enumerate() {
            let synced = match event {
                Event::Write { file, .. } | Event::SetLen { file, .. } | Event::Sync { file } => {
                    last_sync.get(file).is_some_and(|&sync| at <= sync)
                }
                _ => last_names_sync.is_some_and(|sync| at <= sync),
            };
            let is_name = matches!(event, Event::Create { .. } | Event::Rename { .. } | Event::Remove { .. });
            let kept = synced
                || match keep {
                    Keep::None => false,
                    Keep::All => true,
                    Keep::Subset(_) | Keep::Torn(_) => random.next() & 1 == 1,
                };
            if is_name {
                names_end |= !kept;
                // A file that is written needs a place even if its name is lost.
                if let Event::Create { file, .. } = event {
                    while image.files.len() <= *file {
                        image.files.push(Vec::new());
                    }
                }
                if names_end {
                    continue;
                }
            } else if !kept {
                continue;
            }
            let torn = !synced && matches!(keep, Keep::Torn(_)) && Some(at) == last_write;
            image.replay(event, torn);
        }
        SimulatedDisk(Arc::new(Mutex::new(image)))
    }

    pub(crate) fn exists(&self, name: &str) -> bool {
        self.0.lock().names.contains_key(name)
    }

    pub(crate) fn create(&self, name: &str) -> io::Result<SimulatedFile> {
        let mut disk = self.0.lock();
        disk.call(Wants::Room)?;
        let file = disk.files.len();
        disk.files.push(Vec::new());
        disk.names.insert(name.to_owned(), file);
        disk.push(|| Event::Create { name: name.to_owned(), file });
        Ok(self.handle(file))
    }

    pub(crate) fn open(&self, name: &str) -> io::Result<SimulatedFile> {
        let mut disk = self.0.lock();
        disk.call(Wants::Nothing)?;
        let file = disk.names.get(name).copied().ok_or(io::ErrorKind::NotFound)?;
        Ok(self.handle(file))
    }

    fn handle(&self, file: usize) -> SimulatedFile {
        SimulatedFile { disk: self.clone(), file }
    }

    pub(crate) fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut disk = self.0.lock();
        disk.call(Wants::Room)?;
        let file = disk.names.remove(from).ok_or(io::ErrorKind::NotFound)?;
        disk.names.insert(to.to_owned(), file);
        disk.push(|| Event::Rename { from: from.to_owned(), to: to.to_owned() });
        Ok(())
    }

    /// Removes a name; nothing happens if it is not there.
    pub(crate) fn remove(&self, name: &str) -> io::Result<()> {
        let mut disk = self.0.lock();
        if !disk.names.contains_key(name) {
            return Ok(());
        }
        disk.call(Wants::Nothing)?;
        disk.names.remove(name);
        disk.push(|| Event::Remove { name: name.to_owned() });
        Ok(())
    }

    pub(crate) fn sync(&self, name: &str) -> io::Result<()> {
        let file = self.0.lock().names.get(name).copied().ok_or(io::ErrorKind::NotFound)?;
        self.sync_file(file)
    }

    pub(crate) fn sync_names(&self) -> io::Result<()> {
        let mut disk = self.0.lock();
        disk.call(Wants::Room)?;
        disk.push(|| Event::SyncNames);
        Ok(())
    }

    fn sync_file(&self, file: usize) -> io::Result<()> {
        let mut disk = self.0.lock();
        disk.call(Wants::Room)?;
        disk.counts.syncs += 1;
        disk.push(|| Event::Sync { file });
        Ok(())
    }
}

impl Disk {
    fn call(&mut self, wants: Wants) -> io::Result<()> {
        let number = self.calls;
        self.calls += 1;
        let needs_room = match wants {
            Wants::Nothing => false,
            Wants::Room => true,
            Wants::Length { from, to } => to >= from,
        };
        let full = Err(io::ErrorKind::StorageFull.into());
        match &mut self.fault {
            Some(Fault::Once(at)) if number == *at => Err(io::Error::other("the simulated disk fails")),
            Some(Fault::FromOn(at)) if number >= *at => Err(io::Error::other("the simulated disk fails")),
            Some(Fault::FullFrom(at)) if number >= *at && needs_room => full,
            Some(Fault::FullAfter(room)) => match wants {
                Wants::Length { from, to } if to > from => match room.checked_sub(to - from) {
                    Some(left) => {
                        *room = left;
                        Ok(())
                    }
                    None => full,
                },
                Wants::Length { from, to } => {
                    *room += from - to;
                    Ok(())
                }
                _ => Ok(()),
            },
            _ => Ok(()),
        }
    }

    fn len(&self, file: usize) -> u64 {
        self.files.get(file).map_or(0, |bytes| bytes.len() as u64)
    }

    fn push(&mut self, event: impl FnOnce() -> Event) {
        if let Some(trace) = &mut self.trace {
            trace.push(event());
        }
    }

    fn replay(&mut self, event: &Event, torn: bool) {
        match event {
            Event::Write { file, offset, data } => {
                let len = if torn { data.len() / 2 } else { data.len() };
                self.write(*file, *offset, data.get(..len).unwrap_or_default());
            }
            Event::SetLen { file, len } => {
                if let Some(bytes) = self.files.get_mut(*file) {
                    bytes.resize(usize::try_from(*len).unwrap_or(usize::MAX), 0);
                }
            }
            Event::Create { name, file } => {
                self.names.insert(name.clone(), *file);
            }
            Event::Rename { from, to } => {
                if let Some(file) = self.names.remove(from) {
                    self.names.insert(to.clone(), file);
                }
            }
            Event::Remove { name } => {
                self.names.remove(name);
            }
            Event::Sync { .. } | Event::SyncNames => {}
        }
    }

    fn write(&mut self, file: usize, offset: u64, data: &[u8]) {
        let Some(bytes) = self.files.get_mut(file) else { return };
        let start = usize::try_from(offset).unwrap_or(usize::MAX);
        let end = start.saturating_add(data.len());
        // A lost change of length is made up for by the write, as a file system does.
        if bytes.len() < end {
            bytes.resize(end, 0);
        }
        if let Some(place) = bytes.get_mut(start..end) {
            place.copy_from_slice(data);
        }
    }
}

struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let word = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb) >> 17
    }
}

/// A file of the disk, as redb uses it.
pub(crate) struct SimulatedFile {
    disk: SimulatedDisk,
    file: usize,
}

impl fmt::Debug for SimulatedFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SimulatedFile({})", self.file)
    }
}

impl SimulatedFile {
    pub(crate) fn is_empty(&self) -> bool {
        self.disk.0.lock().files.get(self.file).is_none_or(Vec::is_empty)
    }
}

impl redb::StorageBackend for SimulatedFile {
    fn len(&self) -> io::Result<u64> {
        let mut disk = self.disk.0.lock();
        disk.call(Wants::Nothing)?;
        Ok(disk.len(self.file))
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let mut disk = self.disk.0.lock();
        disk.call(Wants::Nothing)?;
        disk.counts.reads += 1;
        let start = usize::try_from(offset).unwrap_or(usize::MAX);
        let bytes = disk.files.get(self.file).and_then(|bytes| bytes.get(start..start.saturating_add(out.len())));
        out.copy_from_slice(bytes.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let mut disk = self.disk.0.lock();
        let from = disk.len(self.file);
        disk.call(Wants::Length { from, to: len })?;
        let event = Event::SetLen { file: self.file, len };
        disk.replay(&event, false);
        disk.push(|| event);
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        self.disk.sync_file(self.file)
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut disk = self.disk.0.lock();
        let from = disk.len(self.file);
        disk.call(Wants::Length { from, to: from.max(offset.saturating_add(data.len() as u64)) })?;
        disk.counts.writes += 1;
        disk.counts.bytes_written += data.len() as u64;
        disk.write(self.file, offset, data);
        let file = self.file;
        disk.push(|| Event::Write { file, offset, data: data.to_vec() });
        Ok(())
    }
}
