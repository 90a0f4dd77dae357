//! Filter index: which runs hold what, as sets and sorted columns of blocks of 65,536 rows.
//!
//! A follower of the log, in three layers:
//!
//! - **Blocks on the disk**: what the rows `65536 * n` and on held as of one commit, a stored value a field, which
//!   comes into memory when it is asked for ([`block`], [`field`], [`mod@column`]). Made and made anew in the background, in
//!   bounded slices. Each snapshot has the blocks of its own transaction.
//! - **Overlays**: blocks in memory, of rows that were changed or created since; made by searches, when they have
//!   looked at the records of such rows some times.
//! - **The rest**: rows that were changed or created since even those ([`changed`]). Their records are looked at.
//!
//! So each row of a snapshot is answered for by exactly one block, overlay or record: its [`View`] says which.

pub(crate) mod block;
pub(crate) mod changed;
pub(crate) mod column;
pub(crate) mod field;
mod view;
pub(crate) mod words;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use parking_lot::{Mutex, RwLock};

pub(crate) use block::{Block, Builder, Rows};
pub(crate) use changed::Changed;
pub(crate) use field::{FieldBlock, FieldKey};
pub(crate) use view::{Part, Seen, View};

use crate::error::{ErrorKind, Result};
use crate::id::Sequence;
use crate::limits;
use crate::storage::{FilterBlock, ReadTables};

/// How the index of a store is laid out.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Layout {
    /// Rows of a block, at most [`words::ROWS`].
    pub(crate) block_rows: u32,
    /// Rows that are not in the blocks, or were changed since, from which on blocks are made.
    pub(crate) tail_rows: u64,
    /// How often the record of such a row is looked at, on the whole, before it is put into an overlay.
    pub(crate) looks: u64,
    /// Bytes of fields in memory, about.
    pub(crate) cache_bytes: usize,
}

impl Default for Layout {
    fn default() -> Self {
        Layout {
            block_rows: limits::FILTER_BLOCK_ROWS,
            tail_rows: limits::FILTER_TAIL_ROWS,
            looks: limits::FILTER_LOOKS,
            cache_bytes: limits::FILTER_CACHE_BYTES,
        }
    }
}

/// What all snapshots of a store share of the index.
pub(crate) struct FilterIndex {
    pub(crate) layout: Layout,
    pub(crate) changed: Changed,
    /// Blocks of which fields are in memory, by number, generation and commit: the generations of a block whose entry
    /// was lost begin again.
    blocks: RwLock<HashMap<(u32, u32, u64), Arc<Block>>>,
    /// Blocks of which something could not be read, to be made anew.
    pub(crate) damaged: Mutex<Vec<u32>>,
    overlays: RwLock<Vec<Arc<Block>>>,
    /// Records that searches have looked at because no block and no overlay answers for their rows.
    looked_at: AtomicU64,
    /// Held while overlays are made.
    overlaying: AtomicBool,
    bytes: AtomicUsize,
    loads: AtomicU64,
    /// Rows of the blocks on the disk.
    covered: AtomicU64,
}

impl FilterIndex {
    pub(crate) fn new(mut layout: Layout) -> Self {
        layout.block_rows = layout.block_rows.clamp(1, limits::FILTER_BLOCK_ROWS);
        FilterIndex {
            layout,
            changed: Changed::new(layout.block_rows),
            blocks: RwLock::default(),
            damaged: Mutex::default(),
            overlays: RwLock::default(),
            looked_at: AtomicU64::new(0),
            overlaying: AtomicBool::new(false),
            bytes: AtomicUsize::new(0),
            loads: AtomicU64::new(0),
            covered: AtomicU64::new(0),
        }
    }

    /// Takes in which blocks are on the disk.
    pub(crate) fn cover(&self, blocks: &[FilterBlock]) {
        self.covered.store(blocks.iter().map(|block| u64::from(block.rows)).sum(), Ordering::Relaxed);
    }

    /// Rows of the blocks on the disk.
    pub(crate) fn covered(&self) -> u64 {
        self.covered.load(Ordering::Relaxed)
    }

    /// How many of so many rows were created or changed since the blocks on the disk were made: about.
    pub(crate) fn tail(&self, rows: u64) -> u64 {
        rows.saturating_sub(self.covered()) + self.changed.pushed()
    }

    /// Whether blocks are to be made, of so many rows.
    pub(crate) fn is_due(&self, rows: u32) -> bool {
        self.tail(u64::from(rows)) >= self.enough(rows) || !self.damaged.lock().is_empty()
    }

    /// Rows created or changed from which on blocks are made.
    fn enough(&self, rows: u32) -> u64 {
        self.layout.tail_rows.max(u64::from(rows) / limits::FILTER_TAIL_SHARE)
    }

    /// Whether anything is in memory only.
    pub(crate) fn has_overlays(&self) -> bool {
        !self.overlays.read().is_empty()
    }

    /// Bytes of fields of blocks on the disk that are in memory, about.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    /// The block of a snapshot, as one for all.
    fn block(&self, stored: &FilterBlock) -> Arc<Block> {
        let key = (stored.number, stored.generation, stored.sequence);
        if let Some(block) = self.blocks.read().get(&key) {
            return Arc::clone(block);
        }
        let rows = Rows::From(stored.number.saturating_mul(self.layout.block_rows), stored.rows);
        let block = Arc::new(Block::stored(rows, Sequence::new(stored.sequence)));
        Arc::clone(self.blocks.write().entry(key).or_insert(block))
    }

    /// A block was made anew, and nobody begins with the one before any more: its fields in memory make room for those
    /// of the new one.
    pub(crate) fn replace(&self, stored: &FilterBlock, made: &Block) {
        let new = self.block(stored);
        let old = {
            let mut blocks = self.blocks.write();
            let is_old = |key: &&(u32, u32, u64)| {
                key.0 == stored.number && (key.1, key.2) != (stored.generation, stored.sequence)
            };
            let keys: Vec<_> = blocks.keys().filter(is_old).copied().collect();
            keys.into_iter().filter_map(|key| blocks.remove(&key)).collect::<Vec<_>>()
        };
        let now = self.loads.load(Ordering::Relaxed);
        let made: HashMap<FieldKey, Arc<FieldBlock>> = made.fields().into_iter().collect();
        let mut freed = 0;
        for (key, field) in old.iter().flat_map(|old| old.fields()) {
            freed += field.bytes();
            if let Some(field) = made.get(&key) {
                self.bytes.fetch_add(field.bytes(), Ordering::Relaxed);
                new.put(key, Some(Arc::clone(field)), now);
            }
        }
        let _ =
            self.bytes.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |bytes| Some(bytes.saturating_sub(freed)));
        self.damaged.lock().retain(|number| *number != stored.number);
    }

    /// A field of a block in a snapshot.
    ///
    /// # Errors
    /// `Io` if it cannot be read. One that is damaged is no error: it answers nothing.
    pub(crate) fn field(&self, part: &Part, key: FieldKey, tables: &ReadTables) -> Result<Loaded> {
        let now = self.loads.load(Ordering::Relaxed);
        if let Some(known) = part.block.loaded(key, now) {
            return Ok(known.map_or(Loaded::Absent, Loaded::Held));
        }
        let Some(stored) = &part.stored else { return Ok(Loaded::Absent) };
        let read = tables.filter_field(stored, (key.space, key.code));
        let field = read.and_then(|bytes| bytes.map(|bytes| FieldBlock::decode(key, &bytes)).transpose());
        let field = match field {
            Ok(field) => field.map(Arc::new),
            Err(error) if error.kind() == ErrorKind::Corrupt => {
                self.damage(stored.number);
                return Ok(Loaded::Unknown);
            }
            Err(error) => return Err(error),
        };
        let now = self.loads.fetch_add(1, Ordering::Relaxed) + 1;
        part.block.put(key, field.clone(), now);
        if let Some(field) = &field {
            let bytes = self.bytes.fetch_add(field.bytes(), Ordering::Relaxed) + field.bytes();
            if bytes > self.layout.cache_bytes {
                self.make_room();
            }
        }
        Ok(field.map_or(Loaded::Absent, Loaded::Held))
    }

    /// A block is damaged, and to be made anew.
    pub(crate) fn damage(&self, number: u32) {
        let mut damaged = self.damaged.lock();
        if !damaged.contains(&number) {
            damaged.push(number);
        }
    }

    /// Forgets the fields that were not used for longest, down to three quarters.
    fn make_room(&self) {
        let blocks: Vec<Arc<Block>> = self.blocks.read().values().cloned().collect();
        let mut uses: Vec<(u64, usize)> = blocks.iter().flat_map(|block| block.uses()).collect();
        uses.sort_unstable_by_key(|(used, _)| std::cmp::Reverse(*used));
        let mut left = self.layout.cache_bytes / 4 * 3;
        let mut then = u64::MAX;
        for (used, bytes) in uses {
            match left.checked_sub(bytes) {
                Some(rest) => (left, then) = (rest, used),
                None => break,
            }
        }
        let bytes = blocks.iter().map(|block| block.forget(then)).sum();
        self.bytes.store(bytes, Ordering::Relaxed);
    }
}

/// A field of a block.
pub(crate) enum Loaded {
    Held(Arc<FieldBlock>),
    /// No row has it.
    Absent,
    /// It cannot be read: the records tell.
    Unknown,
}
