//! Which rows were changed when, as far as it is remembered.

use roaring::RoaringBitmap;

use crate::id::{EntityKind, Row, Sequence};
use crate::limits;

/// Rows that existed and were changed, with the commit that did it, newest last.
#[derive(Default)]
pub(super) struct Changes {
    /// Changes of commits up to this one are forgotten.
    forgotten: Sequence,
    list: Vec<(Sequence, EntityKind, u32)>,
}

impl Changes {
    /// Nothing is known of commits up to this one.
    pub(super) fn begin(&mut self, sequence: Sequence) {
        self.forgotten = sequence;
    }

    /// Takes in the rows that a commit changed. Some of a commit that failed do no harm.
    pub(super) fn push(&mut self, sequence: Sequence, rows: impl Iterator<Item = (EntityKind, Row)>) {
        self.list.extend(rows.map(|(kind, row)| (sequence, kind, row.0)));
        if self.list.len() > limits::TEXT_CHANGES {
            let (last, ..) = self.list.get(self.list.len() / 2).copied().unwrap_or((sequence, EntityKind::Run, 0));
            let keep = self.list.partition_point(|(sequence, ..)| *sequence <= last);
            self.list.drain(..keep);
            self.forgotten = self.forgotten.max(last);
        }
    }

    /// What was changed after `from` up to `to`; none if some of it is forgotten.
    fn between(&self, from: Sequence, to: Sequence) -> Option<&[(Sequence, EntityKind, u32)]> {
        if from < self.forgotten {
            return None;
        }
        let start = self.list.partition_point(|(sequence, ..)| *sequence <= from);
        let end = self.list.partition_point(|(sequence, ..)| *sequence <= to);
        Some(self.list.get(start..end).unwrap_or_default())
    }

    /// The rows of a kind that were changed between two commits, the later one's among them.
    pub(super) fn rows(&self, kind: EntityKind, from: Sequence, to: Sequence) -> Option<RoaringBitmap> {
        let changes = self.between(from, to)?;
        Some(changes.iter().filter(|(_, of, _)| *of == kind).map(|(.., row)| *row).collect())
    }

    /// The rows of all kinds.
    pub(super) fn all(&self, from: Sequence, to: Sequence) -> Option<Vec<(EntityKind, Row)>> {
        let changes = self.between(from, to)?;
        Some(changes.iter().map(|(_, kind, row)| (*kind, Row(*row))).collect())
    }
}
