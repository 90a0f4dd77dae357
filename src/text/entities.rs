//! Which entity each document of a part of the index is of.

use std::ops::Range;

use tantivy::{SegmentReader, TERMINATED};

use crate::id::EntityKind;

/// All documents of a part.
pub(super) const ALL_DOCS: Range<u32> = 0..TERMINATED;

/// Of more spans, finding those of some rows is no faster than looking at all documents.
const MOST_SPANS: usize = 1 << 10;

/// Of more ranges of documents, entering each takes longer than reading what is between.
const MOST_RANGES: usize = 64;

/// Kind and row of each document.
pub(super) struct Entities {
    kinds: Vec<u8>,
    rows: Vec<u32>,
    /// The kind of most of them, and those that are of another, ascending.
    usual: u8,
    others: Vec<u32>,
    /// All documents of the usual kind, in spans of ascending rows: each thread adds rows in their order, and putting
    /// parts together appends one to the other. None if there are too many.
    spans: Option<Vec<Range<u32>>>,
}

impl Entities {
    pub(super) fn read(reader: &SegmentReader) -> tantivy::Result<Entities> {
        let column = reader.fast_fields().u64("row")?;
        Ok(Entities::of((0..reader.max_doc()).map(|doc| column.first(doc).unwrap_or(u64::MAX))))
    }

    fn of(codes: impl Iterator<Item = u64>) -> Entities {
        let (mut kinds, mut rows, mut counts) = (Vec::new(), Vec::new(), [0_u32; 256]);
        for code in codes {
            // The upper half is the kind.
            let kind = u8::try_from(code >> 32).unwrap_or(u8::MAX);
            if let Some(count) = counts.get_mut(usize::from(kind)) {
                *count += 1;
            }
            kinds.push(kind);
            rows.push((code & u64::from(u32::MAX)) as u32);
        }
        let usual = (0..=u8::MAX).zip(counts).max_by_key(|(_, count)| *count).map_or(0, |(kind, _)| kind);
        let others = (0..).zip(&kinds).filter(|(_, kind)| **kind != usual).map(|(doc, _)| doc).collect();
        let mut spans: Vec<Range<u32>> = Vec::new();
        let mut before = None;
        for ((doc, kind), row) in (0..).zip(&kinds).zip(&rows) {
            let of_usual = Some(*row).filter(|_| *kind == usual);
            if let Some(row) = of_usual {
                if before.is_some_and(|before| before < row)
                    && let Some(span) = spans.last_mut()
                {
                    span.end = doc + 1;
                } else if spans.len() <= MOST_SPANS {
                    spans.push(doc..doc + 1);
                }
            }
            before = of_usual;
        }
        let spans = Some(spans).filter(|spans| spans.len() <= MOST_SPANS);
        Entities { kinds, rows, usual, others, spans }
    }

    /// The row of a document, if it is of a kind.
    pub(super) fn row(&self, doc: u32, kind: EntityKind) -> Option<u32> {
        let held = self.kinds.get(doc as usize)?;
        self.rows.get(doc as usize).copied().filter(|_| usize::from(*held) == kind.index())
    }

    /// The documents that are not of a kind, ascending, if that is the one of most.
    pub(super) fn others(&self, kind: EntityKind) -> Option<&[u32]> {
        self.is_usual(kind).then_some(&self.others)
    }

    fn is_usual(&self, kind: EntityKind) -> bool {
        usize::from(self.usual) == kind.index()
    }

    /// Documents among which are all of a kind in some rows, ascending.
    pub(super) fn docs(&self, kind: EntityKind, rows: &Range<u32>) -> Vec<Range<u32>> {
        let all = vec![ALL_DOCS];
        let Some(spans) = self.spans.as_ref().filter(|_| self.is_usual(kind) && *rows != (0..u32::MAX)) else {
            return all;
        };
        let mut docs: Vec<Range<u32>> = Vec::new();
        for span in spans {
            let held = self.rows.get(span.start as usize..span.end as usize).unwrap_or_default();
            if held.first().is_none_or(|first| *first >= rows.end) || held.last().is_none_or(|last| *last < rows.start)
            {
                continue;
            }
            let at = |row: u32| span.start + held.partition_point(|held| *held < row) as u32;
            let (start, end) = (at(rows.start), at(rows.end));
            match docs.last_mut() {
                Some(last) if last.end == start => last.end = end,
                _ if start < end => docs.push(start..end),
                _ => {}
            }
        }
        if docs.len() > MOST_RANGES
            && let (Some(first), Some(last)) = (docs.first(), docs.last())
        {
            let around = first.start..last.end;
            docs = vec![around];
        }
        docs
    }

    /// Puts rows in the places of documents of a kind, and leaves out the others, by a walk over both: that is faster
    /// than a look at the kind of each. False, with nothing done, if they are not in order, or not of the usual kind.
    pub(super) fn to_rows(&self, docs: &mut Vec<u32>, kind: EntityKind) -> bool {
        if !self.is_usual(kind) || self.others.len() > docs.len() || !docs.is_sorted() {
            return false;
        }
        let mut others = self.others.iter().peekable();
        if others.peek().is_some() {
            docs.retain(|doc| {
                while others.next_if(|other| **other < *doc).is_some() {}
                others.peek() != Some(&doc)
            });
        }
        docs.iter_mut().for_each(|doc| *doc = self.rows.get(*doc as usize).copied().unwrap_or(u32::MAX));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entities(codes: &[(u8, u32)]) -> Entities {
        Entities::of(codes.iter().map(|(kind, row)| u64::from(*kind) << 32 | u64::from(*row)))
    }

    /// Whatever stands where: what is answered has all documents of the rows, ascending, and of the usual kind no
    /// other.
    #[test]
    fn documents_of_rows_are_those_and_no_more() {
        let (run, experiment) = (EntityKind::Run, EntityKind::Experiment);
        let (r, e) = (run.index() as u8, experiment.index() as u8);
        let mut state = 7_u32;
        let mut random = move |below: u32| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) % below
        };
        for round in 0..300 {
            let mut codes = Vec::new();
            let mut row = 0;
            for _ in 0..random(60) {
                row = if random(7) == 0 { random(100) } else { row + 1 + random(3) };
                codes.push((if random(9) == 0 { e } else { r }, row));
            }
            let held = entities(&codes);
            for kind in [run, experiment] {
                let (start, len) = (random(120), random(50));
                let rows = start..start + len;
                let docs = held.docs(kind, &rows);
                assert!(docs.is_sorted_by(|one, next| one.end < next.start), "{docs:?}");
                let of = |doc: u32| docs.iter().any(|range| range.contains(&doc));
                for (doc, (of_kind, row)) in (0..).zip(&codes) {
                    let asked = usize::from(*of_kind) == kind.index() && rows.contains(row);
                    assert!(!asked || of(doc), "{round}: {codes:?} {kind:?} {rows:?} {docs:?}");
                    assert!(asked || !of(doc) || !held.is_usual(kind), "{round}: {codes:?} {kind:?} {rows:?} {docs:?}");
                }
            }
        }
        // Of too many ranges, one around them all.
        let among: Vec<(u8, u32)> = (0..300).map(|doc| (if doc % 3 == 2 { e } else { r }, doc)).collect();
        assert_eq!(entities(&among).docs(run, &(0..150)).len(), 50);
        assert_eq!(entities(&among).docs(run, &(0..1_000)), vec![0..299; 1]);
        let scattered: Vec<(u8, u32)> = (0..=MOST_SPANS as u32).map(|doc| (r, u32::MAX - doc)).collect();
        assert_eq!(entities(&scattered).docs(run, &(5..6)), [ALL_DOCS]);
        assert_eq!(entities(&scattered[1..]).docs(run, &(5..6)), []);
    }
}
