//! The digest of bytes as they go by, found on a thread of its own when they are many.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};

use parking_lot::Mutex;

use crate::digest::{BlobDigest, BlobHasher};
use crate::error::{Error, Result};

/// Bytes from which on a thread is worth its beginning.
const MANY: u64 = 4 << 20;
/// Bytes that are handed over at once: they are still in the cache when they are copied.
const PIECE: usize = 256 << 10;
/// Pieces on their way.
const PIECES: usize = 4;

/// Threads that hash in this process. There is no use in more than there are cores, however many blobs are open.
static THREADS: AtomicUsize = AtomicUsize::new(0);

/// A digest in the making. `Sync`, so that readers are.
pub(super) struct Hashing {
    place: Place,
    len: u64,
}

enum Place {
    Here(Box<BlobHasher>),
    Beside(Beside),
    /// The thread is gone without an answer.
    Lost,
}

/// A thread that hashes.
struct Beside {
    /// What is handed over next.
    piece: Vec<u8>,
    pieces: SyncSender<Vec<u8>>,
    /// Pieces that it is done with, to be filled again.
    done: Mutex<Receiver<Vec<u8>>>,
    thread: JoinHandle<Box<BlobHasher>>,
    _permit: Permit,
}

impl Hashing {
    pub(super) fn new() -> Self {
        Hashing { place: Place::Here(Box::new(BlobHasher::new())), len: 0 }
    }

    /// How many bytes have gone by.
    pub(super) fn len(&self) -> u64 {
        self.len
    }

    pub(super) fn update(&mut self, bytes: &[u8]) {
        self.len += bytes.len() as u64;
        if self.len >= MANY
            && !bytes.is_empty()
            && let Place::Here(_) = self.place
            && let Some(permit) = Permit::take()
        {
            self.begin_thread(permit);
        }
        let sent = match &mut self.place {
            Place::Here(hasher) => {
                hasher.update(bytes);
                Some(())
            }
            Place::Beside(beside) => beside.update(bytes),
            Place::Lost => None,
        };
        if sent.is_none() {
            self.place = Place::Lost;
        }
    }

    fn begin_thread(&mut self, permit: Permit) {
        let Place::Here(hasher) = &mut self.place else { return };
        let ((pieces, incoming), (outgoing, done)) = (sync_channel::<Vec<u8>>(PIECES), sync_channel(PIECES + 2));
        let mut theirs = std::mem::replace(hasher, Box::new(BlobHasher::new()));
        let copy = theirs.clone();
        let thread = thread::Builder::new().name("modeldb-hash".into()).spawn(move || {
            for piece in incoming {
                theirs.update(&piece);
                // If nobody fills it again, it goes.
                let _ = outgoing.try_send(piece);
            }
            theirs
        });
        self.place = match thread {
            Ok(thread) => {
                Place::Beside(Beside { piece: Vec::new(), pieces, done: Mutex::new(done), thread, _permit: permit })
            }
            Err(_) => Place::Here(copy),
        };
    }

    /// The digest of the bytes so far. More may follow.
    pub(super) fn digest(&mut self) -> Result<BlobDigest> {
        self.place = match std::mem::replace(&mut self.place, Place::Lost) {
            Place::Beside(beside) => beside.end().map_or(Place::Lost, Place::Here),
            other => other,
        };
        match &self.place {
            Place::Here(hasher) => Ok(hasher.digest()),
            _ => Err(Error::io("hashing the bytes of a blob", std::io::Error::other("the thread that does is gone"))),
        }
    }
}

impl Beside {
    fn update(&mut self, mut bytes: &[u8]) -> Option<()> {
        while !bytes.is_empty() {
            let (now, later) = bytes.split_at(bytes.len().min(PIECE - self.piece.len()));
            self.piece.extend_from_slice(now);
            bytes = later;
            if self.piece.len() == PIECE {
                let mut next = self.done.get_mut().try_recv().unwrap_or_else(|_| Vec::with_capacity(PIECE));
                next.clear();
                self.pieces.send(std::mem::replace(&mut self.piece, next)).ok()?;
            }
        }
        Some(())
    }

    fn end(self) -> Option<Box<BlobHasher>> {
        let Beside { piece, pieces, thread, .. } = self;
        pieces.send(piece).ok()?;
        drop(pieces);
        thread.join().ok()
    }
}

/// One of the threads that may hash.
struct Permit;

impl Permit {
    fn take() -> Option<Permit> {
        // The system is asked for it in several files.
        static CORES: OnceLock<usize> = OnceLock::new();
        let most = *CORES.get_or_init(|| thread::available_parallelism().map_or(1, usize::from));
        let taken = THREADS.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |threads| {
            (most > 1 && threads < most).then_some(threads + 1)
        });
        taken.ok().map(|_| Permit)
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        THREADS.fetch_sub(1, Ordering::Relaxed);
    }
}
