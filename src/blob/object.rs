//! Blobs in an object store: S3, Google Cloud Storage, Azure, or whatever the crate `object_store` knows.
//!
//! A name is a digest, and that is known when all bytes were seen. Object stores cannot rename, and copy only what is
//! not too large; so bytes wait in a temporary file of this machine (in memory, if they are few), and are sent under
//! their name at once, or not at all if they are there already. Sending is atomic on all of these stores: what was not
//! sent whole is not there. Two that send the same blob replace it by the same bytes.
//!
//! ```text
//! <prefix>/blobs/abcd...    a blob
//! <prefix>/used/abcd...     nothing, written when the blob is used again: objects have no time that could be set
//! ```

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::future::{Future, poll_fn};
use std::io::{self, Read, Seek, Write};
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::thread::{self, JoinHandle};

use futures_core::Stream;
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt, PutPayload, WriteMultipart};
use parking_lot::{Condvar, Mutex};

use super::{BlobEntry, BlobStore, OpenBlob, UnfinishedBlob, check_range, not_there};
use crate::digest::BlobDigest;
use crate::error::{Error, ErrorKind, Result};
use crate::paths;
use crate::time::Timestamp;

/// What is sent at once, and kept in memory until it is; larger for blobs that would have too many of these.
const PART: usize = 8 << 20;

/// S3 takes no more than 10,000 parts.
const PARTS: u64 = 9_000;

/// Parts on their way at the same time.
const PARTS_AT_ONCE: usize = 4;

/// How much is fetched by one that reads on where it stopped.
const READ_AHEAD: u64 = 4 << 20;

/// Entries of a list that are fetched together.
const LISTED_AT_ONCE: usize = 1_000;

/// Blobs in an object store, under a prefix (feature `object-store`). Clones share it.
///
/// Calls block, in any thread, also in those of an asynchronous runtime, which they hold up: the store's requests are
/// worked on by a thread of this adapter. What is put waits in a temporary file until it is complete.
///
/// # What is different from a folder
///
/// - A blob that is there already is not read, only its length compared: object stores check their bytes themselves.
/// - When a blob was used is what the server's clock says, to the second on some; the guard of a collection has to be
///   longer than clocks differ.
/// - Looking and removing are one step for clones of one adapter, not for others: collect garbage where the store is
///   open. Nothing of one store's records is anybody else's to collect anyway.
/// - Listing keeps in memory which blobs were used again.
/// - Large blobs that were not sent whole leave parts that cost room and are not seen here; let the bucket's rules
///   remove incomplete uploads after some days.
/// - An open blob that is removed cannot be read on.
/// - `object_store::local::LocalFileSystem` is durable only with its `with_fsync(true)`.
///
/// ```
/// use modeldb::{BlobStore, ObjectBlobs};
/// use std::sync::Arc;
///
/// # fn main() -> modeldb::Result<()> {
/// let bucket = Arc::new(object_store::memory::InMemory::new()); // or an AmazonS3Builder's
/// let blobs = ObjectBlobs::new(bucket, "team/experiments")?;
/// let model = blobs.put_bytes(b"weights")?;
/// assert_eq!(blobs.get(&model.digest)?.len(), 7);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct ObjectBlobs(Arc<Shared>);

struct Shared {
    store: Arc<dyn ObjectStore>,
    blobs: Path,
    used: Path,
    spool: Option<PathBuf>,
    runtime: Runtime,
    busy: Busy,
}

impl ObjectBlobs {
    /// Blobs under `prefix` in `store`; what is being put waits where the system has its temporary files.
    ///
    /// # Errors
    /// `Io` if there can be no thread.
    pub fn new(store: Arc<dyn ObjectStore>, prefix: &str) -> Result<Self> {
        Self::start(store, prefix, None)
    }

    /// Blobs under `prefix` in `store`; what is being put waits in files of the folder `spool`, which need as much
    /// room.
    ///
    /// # Errors
    /// `Io` if there can be no thread; `InvalidArgument` if the folder's path is empty.
    pub fn with_spool(store: Arc<dyn ObjectStore>, prefix: &str, spool: impl Into<PathBuf>) -> Result<Self> {
        Self::start(store, prefix, Some(paths::absolute(&spool.into())?))
    }

    fn start(store: Arc<dyn ObjectStore>, prefix: &str, spool: Option<PathBuf>) -> Result<Self> {
        let prefix = Path::from(prefix);
        let (blobs, used) = (prefix.clone().join("blobs"), prefix.join("used"));
        let runtime = Runtime::start().map_err(|error| Error::io("starting a thread for an object store", error))?;
        Ok(ObjectBlobs(Arc::new(Shared { store, blobs, used, spool, runtime, busy: Busy::default() })))
    }
}

impl Shared {
    fn blob(&self, digest: &BlobDigest) -> Path {
        self.blobs.clone().join(digest.to_string())
    }

    fn marker(&self, digest: &BlobDigest) -> Path {
        self.used.clone().join(digest.to_string())
    }

    /// Asks the store, on the adapter's thread.
    fn ask<T, F>(&self, doing: &str, path: &Path, ask: impl FnOnce(Arc<dyn ObjectStore>, Path) -> F) -> Result<T>
    where
        T: Send + 'static,
        F: Future<Output = object_store::Result<T>> + Send + 'static,
    {
        self.runtime.run(ask(Arc::clone(&self.store), path.clone()))?.map_err(|error| failed(doing, path, error))
    }

    fn find(&self, path: &Path) -> Result<Option<ObjectMeta>> {
        let found = self.ask("looking for", path, |store, path| async move { store.head(&path).await });
        unless_missing(found)
    }

    fn delete(&self, path: &Path) -> Result<()> {
        let deleted = self.ask("removing", path, |store, path| async move { store.delete(&path).await });
        unless_missing(deleted).map(|_| ())
    }

    fn mark_used(&self, digest: &BlobDigest) -> Result<()> {
        let put = |store: Arc<dyn ObjectStore>, path: Path| async move { store.put(&path, PutPayload::new()).await };
        self.ask("noting the use of", &self.marker(digest), put).map(|_| ())
    }

    /// Sends `len` bytes.
    fn send(&self, path: &Path, from: &mut dyn Read, len: u64) -> Result<()> {
        let part_len = part_len(len);
        let mut part = read_part(from, part_len)?;
        if part.len() as u64 == len {
            let put = |store: Arc<dyn ObjectStore>, path: Path| async move { store.put(&path, part.into()).await };
            return self.ask("sending", path, put).map(|_| ());
        }
        let begin = |store: Arc<dyn ObjectStore>, path: Path| async move { store.put_multipart(&path).await };
        let upload = self.ask("beginning to send", path, begin)?;
        let mut upload = WriteMultipart::new_with_chunk_size(upload, part_len);
        while !part.is_empty() {
            let sent = async move {
                let room = upload.wait_for_capacity(PARTS_AT_ONCE).await;
                if room.is_ok() {
                    upload.put(part.into());
                }
                (upload, room)
            };
            let room;
            (upload, room) = self.runtime.run(sent)?;
            let next = room.map_err(|error| failed("sending", path, error)).and_then(|()| read_part(from, part_len));
            part = match next {
                Ok(part) => part,
                Err(error) => {
                    // What cannot be taken back either is for the bucket's rules.
                    let _ = self.runtime.run(upload.abort());
                    return Err(error);
                }
            };
        }
        self.runtime.run(upload.finish())?.map_err(|error| failed("sending", path, error))?;
        Ok(())
    }
}

/// How large the parts of a blob are: whole MiB, for stores that want all but the last alike.
fn part_len(len: u64) -> usize {
    let least = len.div_ceil(PARTS).next_multiple_of(1 << 20);
    usize::try_from(least).unwrap_or(usize::MAX).max(PART)
}

fn read_part(from: &mut dyn Read, len: usize) -> Result<Vec<u8>> {
    let mut part = Vec::new();
    let read = from.take(len as u64).read_to_end(&mut part);
    read.map_err(|error| Error::io("reading a new blob back from its temporary file", error))?;
    Ok(part)
}

fn failed(doing: &str, path: &Path, error: object_store::Error) -> Error {
    let kind = match &error {
        object_store::Error::NotFound { .. } => ErrorKind::NotFound,
        _ => ErrorKind::Io,
    };
    Error::new(kind, format!("{doing} the object {path}: {error}")).with_source(error)
}

fn unless_missing<T>(result: Result<T>) -> Result<Option<T>> {
    match result {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        result => result.map(Some),
    }
}

fn last_modified(meta: &ObjectMeta) -> Timestamp {
    Timestamp::from_millis(meta.last_modified.timestamp_millis())
}

impl fmt::Debug for ObjectBlobs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ObjectBlobs({} of {})", self.0.blobs, self.0.store)
    }
}

impl BlobStore for ObjectBlobs {
    fn begin(&self) -> Result<Box<dyn UnfinishedBlob>> {
        let spool = match &self.0.spool {
            Some(folder) => tempfile::spooled_tempfile_in(PART, folder),
            None => tempfile::spooled_tempfile(PART),
        };
        Ok(Box::new(Unfinished { shared: Arc::clone(&self.0), spool, len: 0 }))
    }

    fn open(&self, digest: &BlobDigest) -> Result<Box<dyn OpenBlob>> {
        let found = self.0.find(&self.0.blob(digest))?.ok_or_else(|| not_there(digest))?;
        let ahead = Mutex::new(Ahead { at: 0, bytes: Vec::new() });
        Ok(Box::new(Open { shared: Arc::clone(&self.0), digest: *digest, len: found.size, ahead }))
    }

    fn exists(&self, digest: &BlobDigest) -> Result<bool> {
        Ok(self.0.find(&self.0.blob(digest))?.is_some())
    }

    fn touch(&self, digest: &BlobDigest) -> Result<bool> {
        let _one_at_a_time = self.0.busy.wait(digest);
        let there = self.exists(digest)?;
        if there {
            self.0.mark_used(digest)?;
        }
        Ok(there)
    }

    fn remove(&self, digest: &BlobDigest, unless_used_since: Option<Timestamp>) -> Result<bool> {
        let _one_at_a_time = self.0.busy.wait(digest);
        let (blob, marker) = (self.0.blob(digest), self.0.marker(digest));
        let Some(found) = self.0.find(&blob)? else { return Ok(false) };
        if let Some(since) = unless_used_since {
            let again = self.0.find(&marker)?;
            if last_modified(&found) >= since || again.is_some_and(|again| last_modified(&again) >= since) {
                return Ok(false);
            }
        }
        self.0.delete(&blob)?;
        // One that stays alone says nothing.
        self.0.delete(&marker)?;
        Ok(true)
    }

    fn list(&self) -> Box<dyn Iterator<Item = Result<BlobEntry>> + '_> {
        let mut used = HashMap::new();
        for marker in Objects::new(&self.0, &self.0.used) {
            match marker {
                Ok((digest, meta)) => drop(used.insert(digest, last_modified(&meta))),
                Err(error) => return Box::new(std::iter::once(Err(error))),
            }
        }
        Box::new(Objects::new(&self.0, &self.0.blobs).map(move |blob| {
            let (digest, meta) = blob?;
            let written = last_modified(&meta);
            let last_used = used.get(&digest).map_or(written, |again| written.max(*again));
            Ok(BlobEntry::new(digest, meta.size, last_used))
        }))
    }

    fn remove_unfinished(&self) -> Result<u64> {
        // Temporary files have no names, and parts of objects are not listed.
        Ok(0)
    }
}

struct Unfinished {
    shared: Arc<Shared>,
    spool: tempfile::SpooledTempFile,
    len: u64,
}

impl UnfinishedBlob for Unfinished {
    fn write(&mut self, piece: &[u8]) -> Result<()> {
        let written = self.spool.write_all(piece);
        written.map_err(|error| Error::io("writing a new blob to a temporary file", error))?;
        self.len += piece.len() as u64;
        Ok(())
    }

    fn finish(mut self: Box<Self>, digest: &BlobDigest) -> Result<bool> {
        let Unfinished { shared, spool, len } = &mut *self;
        let _one_at_a_time = shared.busy.wait(digest);
        let path = shared.blob(digest);
        if shared.find(&path)?.is_some_and(|found| found.size == *len) {
            shared.mark_used(digest)?;
            return Ok(false);
        }
        let rewound = spool.rewind();
        rewound.map_err(|error| Error::io("reading a new blob back from its temporary file", error))?;
        shared.send(&path, spool, *len)?;
        Ok(true)
    }
}

struct Open {
    shared: Arc<Shared>,
    digest: BlobDigest,
    len: u64,
    ahead: Mutex<Ahead>,
}

/// What was fetched last, or where it ended.
struct Ahead {
    at: u64,
    bytes: Vec<u8>,
}

impl Ahead {
    fn end(&self) -> u64 {
        self.at + self.bytes.len() as u64
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> bool {
        let from = offset.checked_sub(self.at).and_then(|from| usize::try_from(from).ok());
        let bytes = from.and_then(|from| self.bytes.get(from..from.checked_add(out.len())?));
        bytes.map(|bytes| out.copy_from_slice(bytes)).is_some()
    }
}

impl OpenBlob for Open {
    fn len(&self) -> u64 {
        self.len
    }

    fn read_exact_at(&self, offset: u64, out: &mut [u8]) -> Result<()> {
        check_range(offset, out.len(), self.len)?;
        let mut end = offset + out.len() as u64;
        {
            let ahead = self.ahead.lock();
            if out.is_empty() || ahead.read(offset, out) {
                return Ok(());
            }
            // Near to where the last one ended: it is read from one end to the other.
            if (ahead.at..=ahead.end()).contains(&offset) {
                end = end.max(self.len.min(offset.saturating_add(READ_AHEAD)));
            }
        }
        let path = self.shared.blob(&self.digest);
        let get = |store: Arc<dyn ObjectStore>, path: Path| async move { store.get_range(&path, offset..end).await };
        let bytes = match self.shared.ask("reading", &path, get) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Err(not_there(&self.digest)),
            got => got?,
        };
        let part = bytes.get(..out.len()).ok_or_else(|| {
            Error::corrupt(format!("the object {path} has become shorter: {} bytes from {offset} on", bytes.len()))
        })?;
        out.copy_from_slice(part);
        *self.ahead.lock() = Ahead { at: offset, bytes: bytes.to_vec() };
        Ok(())
    }
}

type Listed = Pin<Box<dyn Stream<Item = object_store::Result<ObjectMeta>> + Send>>;

/// The objects under a prefix that are named like blobs.
struct Objects<'a> {
    shared: &'a Shared,
    prefix: Path,
    /// None when it has ended.
    listed: Option<Listed>,
    fetched: std::vec::IntoIter<object_store::Result<ObjectMeta>>,
}

impl<'a> Objects<'a> {
    fn new(shared: &'a Shared, prefix: &Path) -> Self {
        let listed: Listed = shared.store.list(Some(prefix));
        Objects { shared, prefix: prefix.clone(), listed: Some(listed), fetched: Vec::new().into_iter() }
    }

    fn fetch(&mut self, mut listed: Listed) -> Result<()> {
        let fetch = async move {
            let mut fetched = Vec::new();
            while fetched.len() < LISTED_AT_ONCE {
                match poll_fn(|context| listed.as_mut().poll_next(context)).await {
                    Some(Ok(meta)) => fetched.push(Ok(meta)),
                    Some(Err(error)) => {
                        fetched.push(Err(error));
                        return (None, fetched);
                    }
                    None => return (None, fetched),
                }
            }
            (Some(listed), fetched)
        };
        let (listed, fetched) = self.shared.runtime.run(fetch)?;
        self.listed = listed;
        self.fetched = fetched.into_iter();
        Ok(())
    }
}

impl Iterator for Objects<'_> {
    type Item = Result<(BlobDigest, ObjectMeta)>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.fetched.next() {
                Some(Ok(meta)) => {
                    let mut within = meta.location.prefix_match(&self.prefix)?;
                    let name = within.next().and_then(|name| name.as_ref().parse().ok());
                    if let (Some(digest), None) = (name, within.next()) {
                        drop(within);
                        return Some(Ok((digest, meta)));
                    }
                }
                Some(Err(error)) => return Some(Err(failed("listing", &self.prefix, error))),
                None => {
                    let listed = self.listed.take()?;
                    if let Err(error) = self.fetch(listed) {
                        return Some(Err(error));
                    }
                }
            }
        }
    }
}

/// Blobs on which somebody is at work: nobody else is then.
#[derive(Default)]
struct Busy {
    digests: Mutex<HashSet<BlobDigest>>,
    one_less: Condvar,
}

struct BusyGuard<'a> {
    busy: &'a Busy,
    digest: BlobDigest,
}

impl Busy {
    fn wait(&self, digest: &BlobDigest) -> BusyGuard<'_> {
        let mut digests = self.digests.lock();
        while !digests.insert(*digest) {
            self.one_less.wait(&mut digests);
        }
        BusyGuard { busy: self, digest: *digest }
    }
}

impl Drop for BusyGuard<'_> {
    fn drop(&mut self) {
        self.busy.digests.lock().remove(&self.digest);
        self.busy.one_less.notify_all();
    }
}

/// A thread that works on requests. One's own, because a call that blocks must not be made by one that drives others.
struct Runtime {
    handle: tokio::runtime::Handle,
    stop: Option<tokio::sync::oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Runtime {
    fn start() -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let (stop, stopped) = tokio::sync::oneshot::channel();
        let work = move || drop(runtime.block_on(stopped));
        let thread = thread::Builder::new().name("modeldb-objects".to_owned()).spawn(work)?;
        Ok(Runtime { handle, stop: Some(stop), thread: Some(thread) })
    }

    /// Waits for what `work` gives.
    fn run<T: Send + 'static>(&self, work: impl Future<Output = T> + Send + 'static) -> Result<T> {
        let (send, receive) = sync_channel(1);
        self.handle.spawn(async move {
            // Whoever asked waits for it.
            let _ = send.send(work.await);
        });
        receive.recv().map_err(|_| Error::new(ErrorKind::Io, "asking an object store: its library panicked"))
    }
}

impl Drop for Runtime {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            // It is gone if the thread is.
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            // It has nothing to tell.
            let _ = thread.join();
        }
    }
}
