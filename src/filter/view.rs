//! What a snapshot sees of the index: who answers for which row.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use roaring::RoaringBitmap;

use super::words::Words;
use super::{Block, FieldKey, FilterIndex, Loaded, Rows};
use crate::error::Result;
use crate::id::{Row, Sequence};
use crate::storage::{FilterBlock, ReadTables};

/// A block or an overlay in a snapshot.
pub(crate) struct Part {
    pub(crate) block: Arc<Block>,
    /// Where it is on the disk; an overlay is not.
    pub(crate) stored: Option<FilterBlock>,
    /// The rows it answers for: neither deleted nor under something deleted, nor changed since.
    pub(crate) live: Arc<Words>,
    pub(crate) live_count: u64,
}

/// Who answers for the rows of a snapshot.
pub(crate) struct View {
    /// Blocks in order of rows, then overlays.
    pub(crate) parts: Vec<Part>,
    /// Rows whose records are to be looked at, ascending.
    pub(crate) rest: Vec<u32>,
}

/// What is asked of a snapshot to see the index.
pub(crate) trait Seen {
    fn at(&self) -> Sequence;
    fn tables(&self) -> &ReadTables;
    /// One more than the last row.
    fn rows(&self) -> Result<u32>;
    /// Takes the rows under deleted parents out of `live`; the fields tell the parents of each row.
    fn hide(&self, project: &super::FieldBlock, experiment: &super::FieldBlock, live: &mut Words);
    /// A block of some rows, from their records, with a `check` before each of them.
    fn build(&self, rows: Rows, check: &mut dyn FnMut() -> Result<()>) -> Result<Block>;
}

impl FilterIndex {
    /// The view of a snapshot.
    pub(crate) fn view(&self, seen: &dyn Seen) -> Result<View> {
        let (at, rows) = (seen.at(), seen.rows()?);
        let mut rest = RoaringBitmap::new();
        let mut parts = Vec::new();
        let mut covered = 0;
        for stored in seen.tables().filter_blocks()? {
            let first = stored.number.saturating_mul(self.layout.block_rows);
            let block = self.block(&stored);
            let Some(dirty) = self.changed.between(stored.number, block.sequence, at) else { continue };
            let Some(mut part) = self.part(seen, block, Some(stored))? else { continue };
            rest.insert_range(covered..first.max(covered));
            covered = first.saturating_add(u32::try_from(part.block.rows.len()).unwrap_or(u32::MAX));
            let live = Arc::make_mut(&mut part.live);
            for row in &dirty {
                if let Some(offset) = part.block.rows.offset(row) {
                    live.remove(offset);
                    rest.insert(row);
                }
            }
            part.live_count = part.live.count();
            parts.push(part);
        }
        rest.insert_range(covered..rows.max(covered));
        // The newest first: what was changed after an overlay stands in a later one, or in none.
        let overlays: Vec<Arc<Block>> = self.overlays.read().iter().rev().cloned().collect();
        for overlay in overlays {
            if rest.is_empty() {
                break;
            }
            if overlay.sequence > at {
                continue;
            }
            let mut own = overlay.rows.set() & &rest;
            own -= self.changed_since(&own, overlay.sequence, at);
            if own.is_empty() {
                continue;
            }
            let Some(mut part) = self.part(seen, overlay, None)? else { continue };
            let offsets: Vec<u16> = own.iter().filter_map(|row| part.block.rows.offset(row)).collect();
            Arc::make_mut(&mut part.live).and(&Words::of(&offsets));
            part.live_count = part.live.count();
            parts.push(part);
            rest -= own;
        }
        Ok(View { parts, rest: rest.into_iter().collect() })
    }

    /// The rows of `rows` that were changed after `from` up to `to`, and those of which that is not known.
    fn changed_since(&self, rows: &RoaringBitmap, from: Sequence, to: Sequence) -> RoaringBitmap {
        let mut changed = RoaringBitmap::new();
        let mut next = 0_u64;
        while let Some(first) = rows.range(u32::try_from(next).unwrap_or(u32::MAX)..).next() {
            let number = first / self.layout.block_rows;
            let start = u64::from(number) * u64::from(self.layout.block_rows);
            next = start + u64::from(self.layout.block_rows);
            match self.changed.between(number, from, to) {
                Some(known) => changed |= known,
                None => {
                    changed.insert_range(
                        u32::try_from(start).unwrap_or(u32::MAX)..=u32::try_from(next - 1).unwrap_or(u32::MAX),
                    );
                }
            }
            if next > u64::from(u32::MAX) {
                break;
            }
        }
        changed
    }

    /// A block with all its rows that are there; none if that cannot be read.
    fn part(&self, seen: &dyn Seen, block: Arc<Block>, stored: Option<FilterBlock>) -> Result<Option<Part>> {
        let mut part = Part { block, stored, live: Arc::new(Words::empty()), live_count: 0 };
        let project = self.field(&part, FieldKey::PROJECT, seen.tables())?;
        let experiment = self.field(&part, FieldKey::EXPERIMENT, seen.tables())?;
        match (project, experiment) {
            (Loaded::Held(project), Loaded::Held(experiment)) => {
                let mut live = experiment.present.clone();
                seen.hide(&project, &experiment, &mut live);
                part.live = Arc::new(live);
            }
            (Loaded::Absent, Loaded::Absent) => {}
            _ => return Ok(None),
        }
        Ok(Some(part))
    }

    /// A search looks at the records of the rest. Answers whether that has been done often enough to put them into
    /// overlays, which its caller is the only one to do until [`overlaid`](Self::overlaid).
    pub(crate) fn look_at(&self, view: &View) -> bool {
        let rest = view.rest.len() as u64;
        let looked_at = self.looked_at.fetch_add(rest, Ordering::Relaxed) + rest;
        rest > 0 && looked_at >= rest.saturating_mul(self.layout.looks) && !self.overlaying.swap(true, Ordering::AcqRel)
    }

    /// Puts the rest of a view into overlays, together with smaller overlays of before. An error of `check`, which is
    /// asked before each record, ends it, and nothing was done.
    pub(crate) fn overlay(&self, seen: &dyn Seen, view: &View, check: &mut dyn FnMut() -> Result<()>) -> Result<()> {
        let mut rows: RoaringBitmap = view.rest.iter().copied().collect();
        let known = self.overlays.read().clone();
        let mut merged = Vec::new();
        for overlay in known.iter().rev() {
            if overlay.rows.len() as u64 > rows.len() * 2 || overlay.sequence > seen.at() {
                break;
            }
            // Those that others answer for by now are left behind.
            let part = view.parts.iter().find(|part| Arc::ptr_eq(&part.block, overlay));
            rows.extend(part.iter().flat_map(|part| part.live.iter().map(|offset| part.block.rows.row(offset))));
            merged.push(Arc::clone(overlay));
        }
        let rows: Vec<u32> = rows.into_iter().collect();
        let mut made = Vec::new();
        for chunk in rows.chunks(super::words::ROWS) {
            made.push(Arc::new(seen.build(Rows::Listed(chunk.into()), check)?));
        }
        let mut overlays = self.overlays.write();
        overlays.retain(|overlay| !merged.iter().any(|merged| Arc::ptr_eq(merged, overlay)));
        overlays.extend(made);
        Ok(())
    }

    /// Overlays were made, or could not be.
    pub(crate) fn overlaid(&self) {
        self.looked_at.store(0, Ordering::Relaxed);
        self.overlaying.store(false, Ordering::Release);
    }

    /// Keeps the overlays that answer for some row of a view.
    pub(crate) fn drop_overlays(&self, view: &View) {
        let used = |overlay: &Arc<Block>| view.parts.iter().any(|part| Arc::ptr_eq(&part.block, overlay));
        let at = view.parts.iter().map(|part| part.block.sequence).max().unwrap_or_default();
        self.overlays.write().retain(|overlay| overlay.sequence > at || used(overlay));
    }

    /// The block that is most worth making anew, or none if there is no need: `rows` is how many there are now,
    /// `blocks` what is on the disk. With `all_up_to`, what was changed by commits up to that is need enough, and what
    /// was created since, beyond so many rows, is none.
    pub(crate) fn due(&self, rows: u32, blocks: &[FilterBlock], all_up_to: Option<(Sequence, u32)>) -> Option<u32> {
        if let Some(damaged) = self.damaged.lock().first() {
            return Some(*damaged);
        }
        let rows = all_up_to.map_or(rows, |(_, then)| rows.min(then));
        let numbers = 0..rows.div_ceil(self.layout.block_rows);
        let new = numbers.filter_map(|number| {
            let known = blocks.binary_search_by_key(&number, |block| block.number).ok();
            let known = known.and_then(|at| blocks.get(at)).map_or(0, |block| block.rows);
            let first = number.saturating_mul(self.layout.block_rows);
            let now = self.layout.block_rows.min(rows - first);
            (now > known).then(|| (number, u64::from(now - known)))
        });
        let mut counts: std::collections::BTreeMap<u32, u64> = new.collect();
        let on_disk = |number: &u32| blocks.binary_search_by_key(number, |block| block.number).is_ok();
        for (number, changed) in self.changed.counts(all_up_to.map(|(sequence, _)| sequence)) {
            if on_disk(&number) {
                *counts.entry(number).or_default() += changed;
            }
        }
        let total: u64 = counts.values().sum();
        let enough = if all_up_to.is_some() { total > 0 } else { total >= self.enough(rows) };
        if !enough {
            // Many changes may have been of few rows.
            self.changed.settle_count(total);
        }
        // Whole new blocks first, from the first on.
        let best = counts.into_iter().max_by_key(|(number, count)| (*count, Row(u32::MAX - number)));
        best.filter(|_| enough).map(|(number, _)| number)
    }
}
