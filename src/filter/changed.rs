//! Which rows were changed since the blocks on the disk were made.
//!
//! Told by each write, and by following the log at open. A row too many does no harm: its record is looked at.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::RwLock;
use roaring::RoaringBitmap;

use crate::error::{Error, Result};
use crate::id::Sequence;

/// Changes of rows that existed before, by block.
pub(crate) struct Changed {
    block_rows: u32,
    blocks: RwLock<BTreeMap<u32, Changes>>,
    /// Changes since they were last counted, and that count.
    pushed: AtomicU64,
}

/// Changes of the rows of one block.
#[derive(Default)]
struct Changes {
    /// Nothing is known of what commits up to this one changed.
    forgotten: Sequence,
    /// Rows of which it is known only that a commit up to `settled_at` changed them.
    settled: RoaringBitmap,
    settled_at: Sequence,
    /// In order of commits.
    recent: Vec<(Sequence, u32)>,
    /// Rows whose records are gone: nothing in the log says which they were.
    purged: RoaringBitmap,
}

/// Changes of a block of which the commits are kept.
const RECENT: usize = 4096;

impl Changes {
    fn push(&mut self, sequence: Sequence, row: u32) {
        // At open, what was purged comes before what the log tells of earlier commits.
        let at = self.recent.partition_point(|(before, _)| *before <= sequence);
        self.recent.insert(at, (sequence, row));
        if self.recent.len() > RECENT {
            self.settle(self.recent.len() / 2);
        }
    }

    fn settle(&mut self, count: usize) {
        // All of one commit, or none.
        let Some((last, _)) = self.recent.get(count.saturating_sub(1)).copied() else { return };
        let count = self.recent.partition_point(|(sequence, _)| *sequence <= last);
        self.settled.extend(self.recent.drain(..count).map(|(_, row)| row));
        self.settled_at = self.settled_at.max(last);
    }
}

impl Changed {
    pub(super) fn new(block_rows: u32) -> Self {
        Changed { block_rows, blocks: RwLock::default(), pushed: AtomicU64::new(0) }
    }

    /// Takes in the rows that a commit changed, and that had existed before.
    pub(crate) fn push(&self, sequence: Sequence, rows: impl IntoIterator<Item = u32>) {
        let mut rows = rows.into_iter().peekable();
        if rows.peek().is_none() {
            return;
        }
        let mut blocks = self.blocks.write();
        let mut pushed = 0;
        for row in rows {
            blocks.entry(row / self.block_rows).or_default().push(sequence, row);
            pushed += 1;
        }
        self.pushed.fetch_add(pushed, Ordering::Relaxed);
    }

    /// At most so many rows were changed.
    pub(super) fn pushed(&self) -> u64 {
        self.pushed.load(Ordering::Relaxed)
    }

    /// So many rows were changed, as of now.
    pub(super) fn settle_count(&self, count: u64) {
        self.pushed.store(count, Ordering::Relaxed);
    }

    /// Takes in rows whose records a commit removed. They are kept until their blocks are made anew.
    pub(crate) fn purge(&self, sequence: Sequence, rows: impl IntoIterator<Item = u32>) {
        let mut blocks = self.blocks.write();
        for row in rows {
            let block = blocks.entry(row / self.block_rows).or_default();
            block.push(sequence, row);
            block.purged.insert(row);
        }
    }

    /// The rows of a block that were changed after `from` up to `to`, and maybe others; none if nobody knows.
    pub(super) fn between(&self, block: u32, from: Sequence, to: Sequence) -> Option<RoaringBitmap> {
        let blocks = self.blocks.read();
        let Some(changes) = blocks.get(&block) else { return Some(RoaringBitmap::new()) };
        if from < changes.forgotten {
            return None;
        }
        let mut rows = if from < changes.settled_at { changes.settled.clone() } else { RoaringBitmap::new() };
        let recent = |at: Sequence| changes.recent.partition_point(|(sequence, _)| *sequence <= at);
        let changed = changes.recent.get(recent(from)..recent(to).max(recent(from))).unwrap_or_default();
        rows.extend(changed.iter().map(|(_, row)| *row));
        Some(rows)
    }

    /// A block was made as of `sequence`: what was changed before is told to nobody any more.
    pub(crate) fn forget(&self, block: u32, sequence: Sequence) {
        if let Some(changes) = self.blocks.write().get_mut(&block) {
            changes.forgotten = changes.forgotten.max(sequence);
            if changes.settled_at <= sequence {
                changes.settled.clear();
            }
            let known = changes.recent.partition_point(|(at, _)| *at <= sequence);
            changes.recent.drain(..known);
            // A purge after that commit is among the changes as well.
            let left: RoaringBitmap = changes.recent.iter().map(|(_, row)| *row).collect();
            changes.purged &= left | &changes.settled;
        }
    }

    /// How many rows of each block were changed, at all or up to a commit.
    pub(super) fn counts(&self, up_to: Option<Sequence>) -> Vec<(u32, u64)> {
        let blocks = self.blocks.read();
        let is_meant = |sequence: Sequence| up_to.is_none_or(|up_to| sequence <= up_to);
        let count = |changes: &Changes| {
            let recent = changes.recent.iter().filter(|(sequence, _)| is_meant(*sequence));
            let recent: RoaringBitmap = recent.map(|(_, row)| *row).collect();
            recent.union_len(&changes.settled)
        };
        blocks.iter().map(|(block, changes)| (*block, count(changes))).filter(|(_, count)| *count > 0).collect()
    }

    /// The blocks with rows whose records are gone.
    pub(crate) fn purged_blocks(&self) -> Vec<u32> {
        let blocks = self.blocks.read();
        blocks.iter().filter(|(_, changes)| !changes.purged.is_empty()).map(|(block, _)| *block).collect()
    }

    /// The rows whose records are gone, for the disk; `without` is a block that is made anew as of a commit.
    pub(crate) fn purged_bytes(&self, without: Option<(u32, Sequence)>) -> Result<Vec<u8>> {
        let blocks = self.blocks.read();
        let mut rows = RoaringBitmap::new();
        for (block, changes) in &*blocks {
            match without {
                Some((made, sequence)) if made == *block => {
                    let later = changes.recent.iter().filter(|(at, _)| *at > sequence).map(|(_, row)| *row);
                    let mut later: RoaringBitmap = later.collect();
                    if changes.settled_at > sequence {
                        later |= &changes.settled;
                    }
                    rows |= &changes.purged & &later;
                }
                _ => rows |= &changes.purged,
            }
        }
        bytes(&rows)
    }

    /// The rows that commits up to `sequence` changed, for the disk.
    pub(crate) fn settled_bytes(&self, sequence: Sequence) -> Result<Vec<u8>> {
        let blocks = self.blocks.read();
        let mut rows = RoaringBitmap::new();
        for changes in blocks.values() {
            rows |= &changes.settled;
            rows.extend(changes.recent.iter().take_while(|(at, _)| *at <= sequence).map(|(_, row)| *row));
        }
        bytes(&rows)
    }

    /// Takes in what [`settled_bytes`](Self::settled_bytes) made as of `sequence`, and what
    /// [`purged_bytes`](Self::purged_bytes) made at any time up to `last`.
    pub(crate) fn restore(&self, sequence: Sequence, settled: &[u8], last: Sequence, purged: &[u8]) -> Result<()> {
        let read = |bytes: &[u8]| -> Result<RoaringBitmap> {
            if bytes.is_empty() {
                return Ok(RoaringBitmap::new());
            }
            RoaringBitmap::deserialize_from(bytes)
                .map_err(|error| Error::corrupt("the changes behind the filter index are damaged").with_source(error))
        };
        self.purge(last, read(purged)?);
        let mut blocks = self.blocks.write();
        for row in read(settled)? {
            let changes = blocks.entry(row / self.block_rows).or_default();
            changes.settled.insert(row);
            changes.settled_at = changes.settled_at.max(sequence);
        }
        Ok(())
    }
}

fn bytes(rows: &RoaringBitmap) -> Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(rows.serialized_size());
    rows.serialize_into(&mut bytes).map_err(|error| Error::io("writing down changed rows", error))?;
    Ok(bytes)
}
