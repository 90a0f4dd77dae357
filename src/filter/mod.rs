//! Filter index: which runs hold what, as sets and sorted columns of blocks of 65,536 rows.
//!
//! It follows the log, is in memory, and is made once as many records were read for want of it as making it reads: a
//! program that asks one question does not pay for a thousand. Its base is of one commit; what was
//! changed since is told by [`Changed`], and evaluated on the records. A base that lies too far behind is renewed
//! block by block. A snapshot that is older than the base does without.

mod block;
pub(crate) mod column;
pub(crate) mod words;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::{Mutex, RwLock};

pub(crate) use block::{Block, Builder, FieldBlock, IndexedField, Texts, hash};

use crate::error::Result;
use crate::id::{Row, Sequence};
use crate::limits;

/// Rows of runs that existed and were changed, with the commit that did it, newest last.
#[derive(Default)]
pub(crate) struct Changed(RwLock<Changes>);

#[derive(Default)]
struct Changes {
    /// Changes of commits up to this one are forgotten.
    forgotten: Sequence,
    changes: Vec<(Sequence, u32)>,
}

impl Changed {
    /// Takes in the rows that a commit changed.
    pub(crate) fn push(&self, sequence: Sequence, rows: impl IntoIterator<Item = Row>) {
        let mut changes = self.0.write();
        changes.changes.extend(rows.into_iter().map(|row| (sequence, row.0)));
        if changes.changes.len() > limits::FILTER_CHANGES {
            let (last, _) = changes.changes.get(changes.changes.len() / 2).copied().unwrap_or_default();
            let keep = changes.changes.partition_point(|(sequence, _)| *sequence <= last);
            changes.changes.drain(..keep);
            changes.forgotten = last;
        }
    }

    /// Nothing is known of commits up to this one.
    pub(crate) fn begin(&self, sequence: Sequence) {
        self.0.write().forgotten = sequence;
    }

    /// The rows that were changed after `from` up to `to`, ascending, each once; none if some are forgotten.
    fn between(&self, from: Sequence, to: Sequence) -> Option<Vec<u32>> {
        let changes = self.0.read();
        if from < changes.forgotten {
            return None;
        }
        let start = changes.changes.partition_point(|(sequence, _)| *sequence <= from);
        let end = changes.changes.partition_point(|(sequence, _)| *sequence <= to);
        let changed = changes.changes.get(start..end).unwrap_or_default();
        let mut rows: Vec<u32> = changed.iter().map(|(_, row)| *row).collect();
        rows.sort_unstable();
        rows.dedup();
        Some(rows)
    }
}

/// The blocks as of one commit.
pub(crate) struct Base {
    sequence: Sequence,
    /// Rows it covers.
    rows: u32,
    pub(crate) blocks: Vec<Arc<Block>>,
}

/// The index of a store.
pub(crate) struct FilterIndex {
    pub(crate) texts: Texts,
    pub(crate) changed: Changed,
    base: RwLock<Option<Arc<Base>>>,
    /// Held while the base is made or renewed.
    renewing: Mutex<()>,
    block_rows: usize,
    tail_rows: usize,
    /// Records that searches have read for want of an index.
    walked: AtomicU64,
    eager: bool,
}

/// What a snapshot sees of the index.
pub(crate) struct View {
    pub(crate) base: Arc<Base>,
    /// Rows of the base that were changed since, ascending.
    pub(crate) dirty: Vec<u32>,
    /// Rows from here up to the snapshot's last are not in the base.
    pub(crate) new: std::ops::Range<u32>,
}

impl FilterIndex {
    /// An index with blocks of so many rows, at most [`words::ROWS`], which evaluates about `tail_rows` records
    /// before it renews itself. An eager one is made at once.
    pub(crate) fn new(block_rows: usize, tail_rows: usize, eager: bool) -> Self {
        FilterIndex {
            texts: Texts::default(),
            changed: Changed::default(),
            base: RwLock::default(),
            renewing: Mutex::default(),
            block_rows: block_rows.clamp(1, words::ROWS),
            tail_rows,
            walked: AtomicU64::new(0),
            eager,
        }
    }

    /// A search has read so many records for want of an index.
    pub(crate) fn walked(&self, records: u64) {
        self.walked.fetch_add(records, Ordering::Relaxed);
    }

    /// The index for a snapshot of commit `at` with `rows` rows. `fill` puts the rows of a range into a block as
    /// that snapshot has them. None if the snapshot is older than the base, or making one is not worth it yet.
    pub(crate) fn view(
        &self,
        at: Sequence,
        rows: u32,
        fill: &mut dyn FnMut(&mut Builder<'_>, std::ops::Range<u32>) -> Result<()>,
    ) -> Result<Option<View>> {
        if let Some(view) = self.current(at, rows)? {
            return Ok(view);
        }
        let worth = self.eager || self.walked.load(Ordering::Relaxed) >= u64::from(rows);
        if !worth && self.base.read().is_none() {
            return Ok(None);
        }
        let _renewing = self.renewing.lock();
        // Somebody may have done it meanwhile.
        if let Some(view) = self.current(at, rows)? {
            return Ok(view);
        }
        let old = self.base.read().clone();
        let dirty = old.as_ref().and_then(|base| self.changed.between(base.sequence, at));
        let mut blocks = Vec::new();
        let step = u32::try_from(self.block_rows).unwrap_or(u32::MAX);
        let mut first = 0;
        while first < rows {
            let end = rows.min(first.saturating_add(step));
            let kept = old.as_ref().zip(dirty.as_ref()).and_then(|(base, dirty)| {
                let block = base.blocks.get(blocks.len())?;
                let from = dirty.partition_point(|row| *row < first);
                let touched = dirty.get(from).is_some_and(|row| *row < end);
                (!touched && block.rows == (end - first) as usize).then(|| Arc::clone(block))
            });
            blocks.push(match kept {
                Some(block) => block,
                None => {
                    let mut builder = Builder::new(&self.texts, first, (end - first) as usize);
                    fill(&mut builder, first..end)?;
                    Arc::new(builder.finish())
                }
            });
            first = end;
        }
        let base = Arc::new(Base { sequence: at, rows, blocks });
        *self.base.write() = Some(Arc::clone(&base));
        Ok(Some(View { base, dirty: Vec::new(), new: rows..rows }))
    }

    /// The view on the base as it is; none if it is to be renewed first. The inner none is for snapshots that are
    /// too old.
    #[allow(clippy::option_option)]
    fn current(&self, at: Sequence, rows: u32) -> Result<Option<Option<View>>> {
        let Some(base) = self.base.read().clone() else { return Ok(None) };
        if at < base.sequence {
            return Ok(Some(None));
        }
        let new = base.rows..rows.max(base.rows);
        let Some(mut dirty) = self.changed.between(base.sequence, at) else { return Ok(None) };
        dirty.truncate(dirty.partition_point(|row| *row < base.rows));
        if dirty.len() + new.len() > self.tail_rows {
            return Ok(None);
        }
        Ok(Some(Some(View { base, dirty, new })))
    }
}
