//! Which parts of an index are put together, and when.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tantivy::SegmentMeta;
use tantivy::index::SegmentId;
use tantivy::indexer::{LogMergePolicy, MergeCandidate, MergePolicy};

/// A part is left alone when it has this many times as many documents as all smaller ones together.
const LARGER: u64 = 4;
/// Parts that have fewer documents together are not worth the syncs, until there are many of them.
const AT_LEAST: u64 = 1_000;
/// Nor are more than these worth a minute of a core: of so many, a search pays for what it finds.
const AT_MOST: u64 = 1 << 21;
/// What takes about as long as it was quiet at the first time of asking.
const AT_FIRST: u64 = 1 << 16;
/// How often the same parts are found before it is given up: a disk may be full.
const TRIES: u32 = 60;

/// While something is indexed, eight parts of about one size are put together: that costs the least. Once it is quiet
/// few are left of all, as a search pays for each.
#[derive(Debug, Clone)]
pub(super) struct Parts {
    busy: LogMergePolicy,
    /// Documents that may be put together while it is quiet; none while it is not.
    quiet: Arc<AtomicU64>,
}

/// How parts come to rest.
pub(super) struct Settling {
    quiet: Arc<AtomicU64>,
    asked: u32,
    /// The parts there were, and how often they were the same.
    known: Vec<SegmentId>,
    same: u32,
}

/// What is to be done about the parts there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Settle {
    /// Nothing.
    Done,
    /// To look again after a while.
    Wait,
    /// That too, and to have the library look for parts to put together, as it does when something is committed.
    Start,
}

impl Parts {
    pub(super) fn new() -> (Parts, Settling) {
        let mut busy = LogMergePolicy::default();
        busy.set_del_docs_ratio_before_merge(0.3);
        let quiet: Arc<AtomicU64> = Arc::default();
        let settling = Settling { quiet: Arc::clone(&quiet), asked: 0, known: Vec::new(), same: 0 };
        (Parts { busy, quiet }, settling)
    }
}

impl Settling {
    /// It is not quiet any more.
    pub(super) fn stop(&mut self) {
        self.quiet.store(0, Ordering::Relaxed);
        (self.asked, self.same) = (0, 0);
    }

    /// It was quiet for a while, and again as long at each further call. What is put together takes about as long as
    /// it was quiet by then, so that a program that soon ends has not begun with much that is lost.
    pub(super) fn next(&mut self, parts: &[SegmentMeta]) -> Settle {
        self.asked = self.asked.saturating_add(1);
        let mut now: Vec<SegmentId> = parts.iter().map(SegmentMeta::id).collect();
        now.sort_unstable();
        self.same = if self.known == now { self.same + 1 } else { 0 };
        self.known = now;
        if together(parts, AT_MOST).is_empty() || self.same >= TRIES {
            return Settle::Done;
        }
        let docs = u64::from(self.asked).saturating_mul(AT_FIRST).min(AT_MOST);
        if !self.asked.is_power_of_two() || together(parts, docs).is_empty() {
            return Settle::Wait;
        }
        self.quiet.store(docs, Ordering::Relaxed);
        Settle::Start
    }
}

/// The parts to put together while it is quiet, at most so many documents: all up to the largest that is not large
/// enough.
fn together(parts: &[SegmentMeta], at_most: u64) -> Vec<SegmentId> {
    let mut sizes: Vec<(u64, SegmentId)> = parts.iter().map(|part| (u64::from(part.num_docs()), part.id())).collect();
    sizes.sort_unstable();
    let (mut all, mut taken) = (0, (0, 0));
    for (at, (docs, _)) in sizes.iter().enumerate() {
        let smaller = all;
        all += docs;
        if at > 0 && *docs < LARGER * smaller && all <= at_most {
            taken = (at + 1, all);
        }
    }
    sizes.truncate(if taken.1 < AT_LEAST { 0 } else { taken.0 });
    sizes.into_iter().map(|(_, id)| id).collect()
}

impl MergePolicy for Parts {
    fn compute_merge_candidates(&self, parts: &[SegmentMeta]) -> Vec<MergeCandidate> {
        let together = together(parts, self.quiet.load(Ordering::Relaxed));
        match together.is_empty() {
            true => self.busy.compute_merge_candidates(parts),
            false => vec![MergeCandidate(together)],
        }
    }
}
