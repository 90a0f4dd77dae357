//! A question to the index, for a snapshot that is older or newer than it.

use std::ops::Range;

use super::answer::Found;
use super::index::TextIndex;
use super::schema::PART;
use super::{Ask, TextAnswer};
use crate::id::{EntityKind, Sequence};
use crate::words::{Sought, lower};

/// What is asked of the index for a snapshot. Each answer is by the index as it is then, and right for the snapshot.
pub(crate) struct Question<'a> {
    pub(super) index: &'a TextIndex,
    pub(super) ask: Ask<'a>,
    pub(super) kind: EntityKind,
    /// The commit of the snapshot, and how many rows of the kind it has.
    pub(super) at: Sequence,
    pub(super) rows: u32,
}

impl Question<'_> {
    /// Whether less is to be done if only some rows are asked about: few terms are looked up, and it is the documents
    /// that take the time.
    pub(crate) fn is_of_few_terms(&self) -> bool {
        match self.ask {
            Ask::Words(_, parts) => {
                parts.iter().all(|part| matches!(part.sought, Sought::Sequence { prefix: false, .. }))
            }
            Ask::Part { text, .. } => lower(text).chars().count() >= PART,
        }
    }

    /// What the index says, of the rows `within` at least. None if it cannot tell.
    pub(crate) fn answer(&self, within: &Range<u32>) -> Option<TextAnswer> {
        let Question { index, ask, kind, at, rows } = *self;
        let view = index.view()?;
        let mut stale = index.stale(&view, kind, at, rows)?;
        let mut found = index.contained(|| view.find(ask, kind, within))??;
        stale |= std::mem::take(&mut found.unsure);
        let Found { mut hits, .. } = found;
        hits -= &stale;
        hits.remove_range(rows..);
        stale.remove_range(rows..);
        Some(TextAnswer { hits, stale })
    }

    /// How many rows fulfil it, under deleted parents or not, if the index is of just these rows and can tell without
    /// finding them: of one word, or one part, the library keeps how many documents have it.
    pub(crate) fn count(&self) -> Option<u64> {
        let Question { index, ask, kind, at, rows } = *self;
        let view = index.view()?;
        let is_same = view.mark.rows_of(kind)? == rows && index.stale(&view, kind, at, rows)?.is_empty();
        if is_same { index.contained(|| view.count(ask, kind))? } else { None }
    }
}
