//! Which parts of an index are put together, and when.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tantivy::SegmentMeta;
use tantivy::indexer::{LogMergePolicy, MergeCandidate, MergePolicy};

/// A part is left alone when it has this many times as many documents as all smaller ones together.
const LARGER: u64 = 4;
/// Parts that have fewer documents together are not worth the syncs, until there are many of them.
const WORTH: u64 = 1_000;
/// Nor are those that are larger than this: putting them together takes minutes.
const AT_MOST: u64 = 10_000_000;

/// While something is indexed, eight parts of about one size are put together: that costs the least. Once it is quiet
/// few are left of all, as a search pays for each.
#[derive(Debug, Clone)]
pub(super) struct Parts {
    busy: LogMergePolicy,
    quiet: Arc<AtomicBool>,
}

impl Parts {
    pub(super) fn new() -> Parts {
        let mut busy = LogMergePolicy::default();
        busy.set_del_docs_ratio_before_merge(0.3);
        Parts { busy, quiet: Arc::default() }
    }

    /// Whether it is quiet; answers what was said before.
    pub(super) fn set_quiet(&self, quiet: bool) -> bool {
        self.quiet.swap(quiet, Ordering::Relaxed)
    }

    /// Which of these are to be put together while it is quiet.
    pub(super) fn to_settle(parts: &[SegmentMeta]) -> Vec<&SegmentMeta> {
        let docs = |part: &SegmentMeta| u64::from(part.num_docs());
        let mut parts: Vec<&SegmentMeta> = parts.iter().filter(|part| docs(part) <= AT_MOST).collect();
        parts.sort_unstable_by_key(|part| docs(part));
        // All up to the largest that is not large enough.
        let (mut smaller, mut taken, mut all) = (0, 0, 0);
        for (at, part) in parts.iter().enumerate() {
            if at > 0 && docs(part) < LARGER * smaller && smaller + docs(part) <= AT_MOST {
                (taken, all) = (at + 1, smaller + docs(part));
            }
            smaller += docs(part);
        }
        parts.truncate(if all < WORTH { 0 } else { taken });
        parts
    }
}

impl MergePolicy for Parts {
    fn compute_merge_candidates(&self, parts: &[SegmentMeta]) -> Vec<MergeCandidate> {
        if self.quiet.load(Ordering::Relaxed) {
            let settled = Parts::to_settle(parts);
            if !settled.is_empty() {
                return vec![MergeCandidate(settled.into_iter().map(SegmentMeta::id).collect())];
            }
        }
        self.busy.compute_merge_candidates(parts)
    }
}
