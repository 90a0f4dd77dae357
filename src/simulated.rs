//! A disk in memory that records, counts, fails, fills up and crashes: for tests of the store, and of programs on it.
//!
//! Every file of a store on it goes through one numbered trace of I/O. [`SimulatedDisk::image`] makes the
//! disk that a crash at any point of the trace would leave: what was synced, and of the rest nothing, all,
//! a random subset, or a subset with the last write torn.
//!
//! Names are paths. What is made, renamed or removed in a folder is durable once that folder is synced; a folder whose
//! own name was lost takes with it all that is in it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::time::Timestamp;

/// The disk. Clones share it.
#[derive(Clone, Default)]
pub struct SimulatedDisk(Arc<Mutex<Disk>>);

#[derive(Default)]
struct Disk {
    files: Vec<Vec<u8>>,
    names: BTreeMap<String, Node>,
    /// When each file was said to be used.
    used: BTreeMap<usize, Timestamp>,
    /// Files that are being written: a crash takes that along.
    written: BTreeSet<usize>,
    trace: Option<Vec<Event>>,
    counts: IoCounts,
    calls: u64,
    fault: Option<Fault>,
    start: Option<Box<Disk>>,
}

/// What a name stands for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Node {
    File(usize),
    Folder,
}

/// What a name stands for, and how large and old that is.
pub(crate) struct Found {
    pub(crate) is_folder: bool,
    pub(crate) len: u64,
    pub(crate) last_used: Timestamp,
}

#[derive(Clone)]
enum Event {
    Write { file: usize, offset: u64, data: Vec<u8> },
    SetLen { file: usize, len: u64 },
    Sync { file: usize },
    Use { file: usize, at: Timestamp },
    Create { name: String, node: Node },
    Rename { from: String, to: String, node: Node },
    Remove { name: String },
    SyncFolder { folder: String },
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
        let start = disk.copy();
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
        disk.file(name).and_then(|file| disk.files.get(file)).cloned()
    }

    /// Puts a file in place, as something outside the store would.
    pub fn set_bytes(&self, name: &str, bytes: Vec<u8>) {
        let mut disk = self.0.lock();
        let file = disk.files.len();
        disk.files.push(bytes);
        disk.names.insert(name.to_owned(), Node::File(file));
    }

    /// The names of the files.
    pub fn names(&self) -> Vec<String> {
        let disk = self.0.lock();
        let files = disk.names.iter().filter(|(_, node)| **node != Node::Folder);
        files.map(|(name, _)| name.clone()).collect()
    }

    /// The disk that a crash just before call `at` of the trace leaves.
    ///
    /// Names in a folder are kept in the order they were made, as a journalling file system does: of those not
    /// synced, none, all, or a random first part. A file that is renamed into another folder may be left with both
    /// names, or none.
    pub fn image(&self, at: usize, keep: Keep) -> SimulatedDisk {
        let disk = self.0.lock();
        let mut image = disk.start.as_ref().map(|start| start.copy()).unwrap_or_default();
        let events = disk.trace.as_deref().unwrap_or_default();
        let events = events.get(..at).unwrap_or(events);
        let mut random = Random(match keep {
            Keep::Subset(seed) | Keep::Torn(seed) => seed,
            _ => 0,
        });
        let mut is_kept = |synced| {
            synced
                || match keep {
                    Keep::None => false,
                    Keep::All => true,
                    Keep::Subset(_) | Keep::Torn(_) => random.next() & 1 == 1,
                }
        };
        let mut last_folder_sync: BTreeMap<&str, usize> = BTreeMap::new();
        let mut last_sync: BTreeMap<usize, usize> = BTreeMap::new();
        for (at, event) in events.iter().enumerate() {
            match event {
                Event::Sync { file } => drop(last_sync.insert(*file, at)),
                Event::SyncFolder { folder } => drop(last_folder_sync.insert(folder, at)),
                _ => {}
            }
        }
        let last_write = events.iter().rposition(|event| matches!(event, Event::Write { .. }));
        // Folders of which the names end.
        let mut ended: BTreeSet<&str> = BTreeSet::new();
        let mut is_name_kept = |name, at, is_kept: &mut dyn FnMut(bool) -> bool| {
            let folder = above(name);
            if !is_kept(last_folder_sync.get(folder).is_some_and(|&sync| at <= sync)) {
                ended.insert(folder);
            }
            !ended.contains(folder)
        };
        for (at, event) in events.iter().enumerate() {
            match event {
                Event::Create { name, node } => {
                    // A file that is written needs a place even if its name is lost.
                    if let Node::File(file) = node {
                        image.files.resize_with(image.files.len().max(file + 1), Vec::new);
                    }
                    if is_name_kept(name, at, &mut is_kept) {
                        image.replay(event, false);
                    }
                }
                Event::Remove { name } => {
                    if is_name_kept(name, at, &mut is_kept) {
                        image.replay(event, false);
                    }
                }
                Event::Rename { from, to, node } => {
                    let is_removed = is_name_kept(from, at, &mut is_kept);
                    let is_made = match above(from) == above(to) {
                        true => is_removed,
                        false => is_name_kept(to, at, &mut is_kept),
                    };
                    if is_removed {
                        image.names.remove(from);
                    }
                    if is_made {
                        image.names.insert(to.clone(), *node);
                    }
                }
                Event::SyncFolder { .. } => {}
                Event::Write { file, .. }
                | Event::SetLen { file, .. }
                | Event::Use { file, .. }
                | Event::Sync { file } => {
                    let synced = last_sync.get(file).is_some_and(|&sync| at <= sync);
                    if is_kept(synced) {
                        let torn = !synced && matches!(keep, Keep::Torn(_)) && Some(at) == last_write;
                        image.replay(event, torn);
                    }
                }
            }
        }
        image.drop_lost();
        SimulatedDisk(Arc::new(Mutex::new(image)))
    }

    pub(crate) fn len_of(&self, name: &str) -> u64 {
        let disk = self.0.lock();
        disk.file(name).map_or(0, |file| disk.len(file))
    }

    pub(crate) fn exists(&self, name: &str) -> bool {
        self.0.lock().names.contains_key(name)
    }

    /// Makes a file, in place of one of this name.
    pub(crate) fn create(&self, name: &str) -> io::Result<SimulatedFile> {
        let mut disk = self.0.lock();
        disk.call(Wants::Room)?;
        let file = disk.files.len();
        disk.files.push(Vec::new());
        disk.push(Event::Create { name: name.to_owned(), node: Node::File(file) });
        Ok(self.handle(file))
    }

    /// Makes a file of a name that stands for nothing yet, in a folder that is there.
    pub(crate) fn create_new(&self, name: &str) -> io::Result<SimulatedFile> {
        self.0.lock().check_new(name)?;
        let file = self.create(name)?;
        self.0.lock().written.insert(file.file);
        Ok(file)
    }

    /// Whether a file that was made new is still being written.
    pub(crate) fn is_written(&self, name: &str) -> bool {
        let disk = self.0.lock();
        disk.file(name).is_some_and(|file| disk.written.contains(&file))
    }

    pub(crate) fn make_folder(&self, name: &str) -> io::Result<()> {
        let mut disk = self.0.lock();
        disk.check_new(name)?;
        disk.call(Wants::Room)?;
        disk.push(Event::Create { name: name.to_owned(), node: Node::Folder });
        Ok(())
    }

    pub(crate) fn open(&self, name: &str) -> io::Result<SimulatedFile> {
        let mut disk = self.0.lock();
        disk.call(Wants::Nothing)?;
        let file = disk.file(name).ok_or(io::ErrorKind::NotFound)?;
        Ok(self.handle(file))
    }

    pub(crate) fn look(&self, name: &str) -> io::Result<Option<Found>> {
        let mut disk = self.0.lock();
        disk.call(Wants::Nothing)?;
        Ok(disk.names.get(name).map(|node| match *node {
            Node::File(file) => {
                let last_used = disk.used.get(&file).copied().unwrap_or_default();
                Found { is_folder: false, len: disk.len(file), last_used }
            }
            Node::Folder => Found { is_folder: true, len: 0, last_used: Timestamp::default() },
        }))
    }

    /// The names in a folder, and which of them are folders.
    pub(crate) fn list(&self, folder: &str) -> io::Result<Vec<(String, bool)>> {
        let mut disk = self.0.lock();
        disk.call(Wants::Nothing)?;
        disk.check_folder(folder)?;
        let within = disk.names.iter().filter(|(name, _)| above(name) == folder);
        let last = |name: &str| name.rsplit('/').next().unwrap_or_default().to_owned();
        Ok(within.map(|(name, node)| (last(name), *node == Node::Folder)).collect())
    }

    /// Says that a file was used.
    pub(crate) fn touch(&self, name: &str, at: Timestamp) -> io::Result<()> {
        let mut disk = self.0.lock();
        let file = disk.file(name).ok_or(io::ErrorKind::NotFound)?;
        disk.call(Wants::Nothing)?;
        disk.push(Event::Use { file, at });
        Ok(())
    }

    fn handle(&self, file: usize) -> SimulatedFile {
        SimulatedFile { disk: self.clone(), file }
    }

    pub(crate) fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let mut disk = self.0.lock();
        disk.call(Wants::Room)?;
        let node = disk.names.get(from).copied().ok_or(io::ErrorKind::NotFound)?;
        disk.check_folder(above(to))?;
        if disk.names.get(to) == Some(&Node::Folder) {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        disk.push(Event::Rename { from: from.to_owned(), to: to.to_owned(), node });
        Ok(())
    }

    /// Removes a name; nothing happens if it is not there.
    pub(crate) fn remove(&self, name: &str) -> io::Result<()> {
        let mut disk = self.0.lock();
        if !disk.names.contains_key(name) {
            return Ok(());
        }
        disk.call(Wants::Nothing)?;
        disk.push(Event::Remove { name: name.to_owned() });
        Ok(())
    }

    pub(crate) fn sync(&self, name: &str) -> io::Result<()> {
        let file = self.0.lock().file(name).ok_or(io::ErrorKind::NotFound)?;
        self.sync_file(file)
    }

    /// Makes the names in a folder durable; the one of all has the name "".
    pub(crate) fn sync_folder(&self, folder: &str) -> io::Result<()> {
        let mut disk = self.0.lock();
        disk.check_folder(folder)?;
        disk.call(Wants::Room)?;
        disk.push(Event::SyncFolder { folder: folder.to_owned() });
        Ok(())
    }

    fn sync_file(&self, file: usize) -> io::Result<()> {
        let mut disk = self.0.lock();
        disk.call(Wants::Room)?;
        disk.counts.syncs += 1;
        disk.push(Event::Sync { file });
        Ok(())
    }
}

/// The folder a name is in.
fn above(name: &str) -> &str {
    name.rsplit_once('/').map_or("", |(folder, _)| folder)
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

    /// What is on the disk, without what is known of the calls that led to it.
    fn copy(&self) -> Disk {
        let Disk { files, names, used, .. } = self;
        Disk { files: files.clone(), names: names.clone(), used: used.clone(), ..Disk::default() }
    }

    fn file(&self, name: &str) -> Option<usize> {
        match self.names.get(name) {
            Some(Node::File(file)) => Some(*file),
            _ => None,
        }
    }

    fn check_folder(&self, folder: &str) -> io::Result<()> {
        match self.names.get(folder) {
            Some(Node::File(_)) => Err(io::ErrorKind::NotADirectory.into()),
            None if !folder.is_empty() => Err(io::ErrorKind::NotFound.into()),
            _ => Ok(()),
        }
    }

    fn check_new(&self, name: &str) -> io::Result<()> {
        self.check_folder(above(name))?;
        if self.names.contains_key(name) { Err(io::ErrorKind::AlreadyExists.into()) } else { Ok(()) }
    }

    /// Names in folders that were lost are lost.
    fn drop_lost(&mut self) {
        let mut kept: BTreeMap<String, Node> = BTreeMap::new();
        // A folder comes before what is in it.
        for (name, node) in std::mem::take(&mut self.names) {
            let folder = above(&name);
            if folder.is_empty() || kept.get(folder) == Some(&Node::Folder) {
                kept.insert(name, node);
            }
        }
        self.names = kept;
    }

    /// Does it, and records it.
    fn push(&mut self, event: Event) {
        self.replay(&event, false);
        if let Some(trace) = &mut self.trace {
            trace.push(event);
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
            Event::Use { file, at } => {
                self.used.insert(*file, *at);
            }
            Event::Create { name, node } => {
                self.names.insert(name.clone(), *node);
            }
            Event::Rename { from, to, node } => {
                self.names.remove(from);
                self.names.insert(to.clone(), *node);
            }
            Event::Remove { name } => {
                self.names.remove(name);
            }
            Event::Sync { .. } | Event::SyncFolder { .. } => {}
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

/// An open file of the disk; it outlives its name.
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
    pub(crate) fn len(&self) -> io::Result<u64> {
        let mut disk = self.disk.0.lock();
        disk.call(Wants::Nothing)?;
        Ok(disk.len(self.file))
    }

    pub(crate) fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let mut disk = self.disk.0.lock();
        disk.call(Wants::Nothing)?;
        disk.counts.reads += 1;
        let start = usize::try_from(offset).unwrap_or(usize::MAX);
        let bytes = disk.files.get(self.file).and_then(|bytes| bytes.get(start..start.saturating_add(out.len())));
        out.copy_from_slice(bytes.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    pub(crate) fn set_len(&self, len: u64) -> io::Result<()> {
        let mut disk = self.disk.0.lock();
        let from = disk.len(self.file);
        disk.call(Wants::Length { from, to: len })?;
        disk.push(Event::SetLen { file: self.file, len });
        Ok(())
    }

    pub(crate) fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut disk = self.disk.0.lock();
        let from = disk.len(self.file);
        disk.call(Wants::Length { from, to: from.max(offset.saturating_add(data.len() as u64)) })?;
        disk.counts.writes += 1;
        disk.counts.bytes_written += data.len() as u64;
        match disk.trace.is_some() {
            true => disk.push(Event::Write { file: self.file, offset, data: data.to_vec() }),
            false => disk.write(self.file, offset, data),
        }
        Ok(())
    }

    /// Says that a file that was made new is not written any more.
    pub(crate) fn end_writing(&self) {
        self.disk.0.lock().written.remove(&self.file);
    }

    pub(crate) fn sync(&self) -> io::Result<()> {
        self.disk.sync_file(self.file)
    }
}
