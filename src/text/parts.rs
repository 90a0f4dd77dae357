//! Which parts of an index are put together, and when.

use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use tantivy::index::SegmentId;
use tantivy::indexer::{LogMergePolicy, MergePolicy};
use tantivy::{FutureResult, SegmentMeta};

/// A part is left alone when it has this many times as many documents as all smaller ones together.
const LARGER: u64 = 4;
/// Parts that have fewer documents together are not worth the syncs, until there are many of them.
const AT_LEAST: u64 = 1_000;
/// Nor are more than these worth a minute of a core: of so many, a search pays for what it finds.
const AT_MOST: u64 = 1 << 21;
/// What takes about as long as it was quiet at the first time of asking.
const AT_FIRST: u64 = 1 << 16;
/// How often it may fail: a disk may be full.
const TRIES: u32 = 3;
/// How often it is asked before what the library was to put together by itself is taken to have failed.
const PATIENCE: u32 = 300;

/// While something is indexed, the library puts eight parts of about one size together: that costs the least.
pub(super) fn policy() -> LogMergePolicy {
    let mut policy = LogMergePolicy::default();
    policy.set_del_docs_ratio_before_merge(0.3);
    policy
}

/// Once it is quiet few parts are left of all, as a search pays for each.
#[derive(Default)]
pub(super) struct Settling {
    asked: u32,
    failed: u32,
    running: Option<Pin<Box<FutureResult<Option<SegmentMeta>>>>>,
}

/// What is to be done about the parts there are.
pub(super) enum Settle {
    /// Nothing.
    Done,
    /// To look again after a while.
    Wait,
    /// That too, and to put these together.
    Merge(Vec<SegmentId>),
}

impl Settling {
    /// It is not quiet any more.
    pub(super) fn stop(&mut self) {
        (self.asked, self.failed) = (0, 0);
    }

    /// These are put together from now on.
    pub(super) fn run(&mut self, merge: FutureResult<Option<SegmentMeta>>) {
        self.running = Some(Box::pin(merge));
    }

    /// It was quiet for a while, and again as long at each further call. What is put together takes about as long as
    /// it was quiet by then, so that a program that soon ends has not begun with much that is lost.
    pub(super) fn next(&mut self, parts: &[SegmentMeta]) -> Settle {
        self.asked = self.asked.saturating_add(1);
        if let Some(running) = &mut self.running {
            match running.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                Poll::Pending => return Settle::Wait,
                Poll::Ready(ended) => self.failed += u32::from(ended.is_err()),
            }
            self.running = None;
        }
        if self.failed >= TRIES || self.asked >= PATIENCE || together(parts, AT_MOST).is_empty() {
            return Settle::Done;
        }
        let merge = together(parts, u64::from(self.asked).saturating_mul(AT_FIRST).min(AT_MOST));
        // The library is at it.
        if merge.is_empty() || !policy().compute_merge_candidates(parts).is_empty() {
            return Settle::Wait;
        }
        Settle::Merge(merge)
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
