//! Answering from the index as of one commit.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use roaring::RoaringBitmap;
use tantivy::index::SegmentId;
use tantivy::postings::{Postings, SegmentPostings, TermInfo};
use tantivy::query::FuzzyTermQuery;
use tantivy::schema::{Field, IndexRecordOption};
use tantivy::{DocSet, InvertedIndexReader, Searcher, SegmentReader, TERMINATED, Term};

use super::entities::{ALL_DOCS, Entities};
use super::mark::Mark;
use super::schema::{Fields, Flag, PART, key_flag, key_prefix};
use super::{Ask, Place};
use crate::id::EntityKind;
use crate::limits;
use crate::words::{Part, Sought, is_near, lower};

/// So many documents of a term are read in the time that it takes to enter its list at one of them.
const DOCS_A_RANGE: usize = 16;

/// Rows are sorted if there are fewer than one in so many.
const BITS_A_ROW: usize = 256;

/// The index as of a commit.
pub(super) struct View {
    pub(super) mark: Mark,
    pub(super) searcher: Searcher,
    pub(super) segments: Vec<Segment>,
    pub(super) fields: Fields,
}

/// A part of the index, with the entities of its documents.
pub(super) struct Segment {
    pub(super) reader: SegmentReader,
    entities: Arc<Entities>,
}

/// What an index says of a question, whether or not it is behind.
pub(super) struct Found {
    pub(super) hits: RoaringBitmap,
    /// Documents that do not have all they should.
    pub(super) unsure: RoaringBitmap,
}

impl View {
    /// The view of a searcher. Parts that an earlier view had are taken from there.
    pub(super) fn new(searcher: Searcher, mark: Mark, fields: Fields, old: Option<&View>) -> tantivy::Result<View> {
        let known: HashMap<SegmentId, &Arc<Entities>> = old
            .map(|old| old.segments.iter().map(|segment| (segment.reader.segment_id(), &segment.entities)).collect())
            .unwrap_or_default();
        let mut segments = Vec::new();
        for reader in searcher.segment_readers() {
            let entities = match known.get(&reader.segment_id()) {
                Some(entities) => Arc::clone(entities),
                None => Arc::new(Entities::read(reader)?),
            };
            segments.push(Segment { reader: reader.clone(), entities });
        }
        Ok(View { mark, searcher, segments, fields })
    }

    /// What the index says of the entities of a kind, of those in some rows at least; none if it does not know such
    /// things.
    pub(super) fn find(&self, ask: Ask<'_>, kind: EntityKind, rows: &Range<u32>) -> tantivy::Result<Option<Found>> {
        let mut found = Found { hits: RoaringBitmap::new(), unsure: RoaringBitmap::new() };
        if self.is_beyond(ask) {
            return Ok(None);
        }
        for segment in &self.segments {
            let docs = segment.entities.docs(kind, rows);
            if docs.is_empty() {
                continue;
            }
            let search = Search { segment, fields: &self.fields, kind, docs };
            match ask {
                Ask::Words(place, parts) => {
                    found.hits |= search.words(place, parts)?;
                    found.unsure |= search.lacking(place)?;
                }
                Ask::Part { place, text, negated } => {
                    let chars: Vec<char> = lower(text).chars().collect();
                    let Some(field) = self.fields.parts_of(place) else { return Ok(None) };
                    let mut hits = search.part(field, &chars)?;
                    if negated {
                        hits = search.flagged(Flag::HasText.term(place))? - hits;
                    }
                    found.hits |= hits;
                    found.unsure |= search.flagged(Flag::LacksParts.term(place))?;
                }
            }
        }
        Ok(Some(found))
    }

    /// How many entities of a kind the index knows that fulfil a question; none if it cannot tell without finding them.
    pub(super) fn count(&self, ask: Ask<'_>, kind: EntityKind) -> tantivy::Result<Option<u64>> {
        let (field, term) = match ask {
            _ if self.is_beyond(ask) => return Ok(None),
            Ask::Words(Some(place), [Part { excluded: false, sought: Sought::Sequence { words, prefix: false } }])
                if let [word] = words.as_slice() =>
            {
                (self.fields.words_of(place), start_of(place) + word)
            }
            Ask::Part { place, text, negated: false } if let Some(field) = self.fields.parts_of(place) => {
                (field, lower(text))
            }
            _ => return Ok(None),
        };
        if matches!(ask, Ask::Part { .. }) && term.chars().count() != PART {
            return Ok(None);
        }
        let mut count = 0;
        for segment in &self.segments {
            let search = Search { segment, fields: &self.fields, kind, docs: vec![ALL_DOCS] };
            let lacking = match ask {
                Ask::Words(place, _) => search.lacking(place)?,
                Ask::Part { place, .. } => search.flagged(Flag::LacksParts.term(place))?,
            };
            if !lacking.is_empty() {
                return Ok(None);
            }
            count += search.count(field, &term)?;
        }
        Ok(Some(count))
    }

    /// Whether the index does not know such things.
    fn is_beyond(&self, ask: Ask<'_>) -> bool {
        match ask {
            Ask::Words(Some(Place::Value(_, key)), _) => key.len() > limits::TEXT_WORD_BYTES,
            Ask::Words(..) => false,
            Ask::Part { place, text, .. } => {
                let chars = lower(text).chars().take(limits::TEXT_PART_CHARS + 1).count();
                self.fields.parts_of(place).is_none() || chars == 0 || chars > limits::TEXT_PART_CHARS
            }
        }
    }
}

impl Segment {
    /// The row of a document, if it is of a kind and not outdated.
    pub(super) fn row(&self, doc: u32, kind: EntityKind) -> Option<u32> {
        self.entities.row(doc, kind).filter(|_| self.reader.alive_bitset().is_none_or(|alive| alive.is_alive(doc)))
    }
}

/// A search in one part of the index.
struct Search<'s> {
    segment: &'s Segment,
    fields: &'s Fields,
    kind: EntityKind,
    /// The documents to look at, ascending.
    docs: Vec<Range<u32>>,
}

impl Search<'_> {
    fn rows(&self, mut docs: Vec<u32>) -> RoaringBitmap {
        let Segment { reader, entities } = self.segment;
        if reader.alive_bitset().is_some() || !entities.to_rows(&mut docs, self.kind) {
            docs.retain_mut(|doc| match self.segment.row(*doc, self.kind) {
                Some(row) => {
                    *doc = row;
                    true
                }
                None => false,
            });
        }
        set_of(docs)
    }

    /// How many documents of entities of the kind have a term.
    fn count(&self, field: Field, term: &str) -> tantivy::Result<u64> {
        let index = self.index(field)?;
        let Some(info) = index.terms().get(term)? else { return Ok(0) };
        let Segment { reader, entities } = self.segment;
        let others = entities.others(self.kind).filter(|_| reader.alive_bitset().is_none());
        let mut docs = Vec::new();
        let Some(others) = others else {
            collect(&index, &info, &self.docs, &mut docs)?;
            return Ok(docs.iter().filter(|doc| self.segment.row(**doc, self.kind).is_some()).count() as u64);
        };
        if !others.is_empty() {
            let others: Vec<Range<u32>> = others.iter().map(|doc| *doc..doc + 1).collect();
            collect(&index, &info, &others, &mut docs)?;
            docs.retain(|doc| entities.row(*doc, self.kind).is_none());
        }
        Ok(u64::from(info.doc_freq).saturating_sub(docs.len() as u64))
    }

    fn index(&self, field: Field) -> tantivy::Result<Arc<InvertedIndexReader>> {
        self.segment.reader.inverted_index(field)
    }

    /// What fulfils all parts of a query.
    fn words(&self, place: Option<Place<'_>>, parts: &[Part]) -> tantivy::Result<RoaringBitmap> {
        let mut hits: Option<RoaringBitmap> = None;
        // What has to occur comes first.
        for excluded in [false, true] {
            for part in parts.iter().filter(|part| part.excluded == excluded) {
                let found = self.sought(place, &part.sought)?;
                hits = Some(match hits {
                    None => found,
                    Some(hits) if excluded => hits - found,
                    Some(hits) => hits & found,
                });
                if hits.as_ref().is_some_and(RoaringBitmap::is_empty) {
                    return Ok(RoaringBitmap::new());
                }
            }
        }
        Ok(hits.unwrap_or_default())
    }

    fn sought(&self, place: Option<Place<'_>>, sought: &Sought) -> tantivy::Result<RoaringBitmap> {
        let Some(place) = place else {
            let mut all = RoaringBitmap::new();
            for field in self.fields.all_words() {
                all |= self.sought_in(field, "", sought)?;
            }
            return Ok(all);
        };
        self.sought_in(self.fields.words_of(place), &start_of(place), sought)
    }

    /// What is sought, in a field whose words stand behind `key`.
    fn sought_in(&self, field: Field, key: &str, sought: &Sought) -> tantivy::Result<RoaringBitmap> {
        let index = self.index(field)?;
        let mut docs = Vec::new();
        match sought {
            Sought::Near { word, edits } if !key.is_empty() => {
                // Of one key there are not many.
                let mut terms = index.terms().range().ge(key).into_stream()?;
                while let Some((term, info)) = terms.next() {
                    let Some(held) = term.strip_prefix(key.as_bytes()) else { break };
                    if std::str::from_utf8(held).is_ok_and(|held| is_near(held, word, *edits)) {
                        collect(&index, info, &self.docs, &mut docs)?;
                    }
                }
            }
            Sought::Near { word, edits } => {
                let automaton = FuzzyTermQuery::new(Term::from_field_text(field, word), *edits, true).automaton()?;
                let mut terms = index.terms().search(automaton).into_stream()?;
                while let Some((_, info)) = terms.next() {
                    collect(&index, info, &self.docs, &mut docs)?;
                }
            }
            Sought::Sequence { words, prefix } => {
                let terms: Vec<String> = words.iter().map(|word| format!("{key}{word}")).collect();
                let Some((last, before)) = terms.split_last() else { return Ok(RoaringBitmap::new()) };
                if before.is_empty() && *prefix {
                    for info in beginning(&index, last)? {
                        collect(&index, &info, &self.docs, &mut docs)?;
                    }
                } else if before.is_empty() {
                    if let Some(info) = index.terms().get(last)? {
                        collect(&index, &info, &self.docs, &mut docs)?;
                    }
                } else {
                    let mut slots = Vec::new();
                    for (offset, term) in (0..).zip(before) {
                        slots.push((offset, index.terms().get(term)?.into_iter().collect()));
                    }
                    let offset = u32::try_from(before.len()).unwrap_or(u32::MAX);
                    slots.push((
                        offset,
                        if *prefix { beginning(&index, last)? } else { index.terms().get(last)?.into_iter().collect() },
                    ));
                    phrase(&index, slots, &self.docs, &mut docs)?;
                }
            }
        }
        Ok(self.rows(docs))
    }

    /// What has a literal part in a text of a field.
    fn part(&self, field: Field, chars: &[char]) -> tantivy::Result<RoaringBitmap> {
        let index = self.index(field)?;
        let mut docs = Vec::new();
        let term = |from: usize| chars.iter().skip(from).take(PART).collect::<String>();
        let Some(last) = chars.len().checked_sub(PART) else {
            // The part of each place of a text begins with what stands there.
            for info in beginning(&index, &term(0))? {
                collect(&index, &info, &self.docs, &mut docs)?;
            }
            return Ok(self.rows(docs));
        };
        if last == 0 {
            if let Some(info) = index.terms().get(term(0))? {
                collect(&index, &info, &self.docs, &mut docs)?;
            }
            return Ok(self.rows(docs));
        }
        let mut all = Vec::new();
        for (offset, from) in (0..).zip(0..=last) {
            // What is nowhere is no part of anything.
            let Some(info) = index.terms().get(term(from))? else { return Ok(RoaringBitmap::new()) };
            all.push((offset, info));
        }
        // As many as it takes to cover it, and the rarest, which leads.
        let rarest = all.iter().min_by_key(|(_, info)| info.doc_freq).map(|(offset, _)| *offset);
        let is_last = |offset: &u32| *offset as usize == last;
        all.retain(|(offset, _)| (*offset as usize).is_multiple_of(PART) || is_last(offset) || Some(*offset) == rarest);
        let slots = all.into_iter().map(|(offset, info)| (offset, vec![info])).collect();
        phrase(&index, slots, &self.docs, &mut docs)?;
        Ok(self.rows(docs))
    }

    fn flagged(&self, flag: &str) -> tantivy::Result<RoaringBitmap> {
        let index = self.index(self.fields.flags)?;
        let mut docs = Vec::new();
        if let Some(info) = index.terms().get(flag)? {
            collect(&index, &info, &self.docs, &mut docs)?;
        }
        Ok(self.rows(docs))
    }

    /// What does not have all its words in a place, or in one of all.
    fn lacking(&self, place: Option<Place<'_>>) -> tantivy::Result<RoaringBitmap> {
        match place {
            Some(Place::Value(namespace, key)) => self.flagged(&key_flag(namespace, key)),
            Some(place) => self.flagged(Flag::LacksWords.term(place)),
            None => {
                let places = [Place::Name, Place::Description, Place::Readme, Place::Tags, Place::Value('a', "")];
                let mut all = RoaringBitmap::new();
                for place in places {
                    all |= self.flagged(Flag::LacksWords.term(place))?;
                }
                Ok(all)
            }
        }
    }
}

/// What stands before each word of a place.
fn start_of(place: Place<'_>) -> String {
    if let Place::Value(namespace, key) = place { key_prefix(namespace, key) } else { String::new() }
}

/// Rows of documents are in their order, but for parts that were put together: a few ascending runs. Of many it is
/// faster to set the bits of each than to sort them, or to append one after the other.
fn set_of(mut rows: Vec<u32>) -> RoaringBitmap {
    let last = rows.iter().copied().max().map_or(0, |last| last as usize);
    if last / BITS_A_ROW < rows.len() {
        let mut bits = vec![0_u8; last / 8 + 1];
        for row in rows {
            if let Some(byte) = bits.get_mut(row as usize / 8) {
                *byte |= 1 << (row % 8);
            }
        }
        return RoaringBitmap::from_lsb0_bytes(0, &bits);
    }
    if !rows.is_sorted() {
        rows.sort();
    }
    rows.dedup();
    RoaringBitmap::from_sorted_iter(rows.iter().copied()).unwrap_or_else(|_| rows.into_iter().collect())
}

/// The documents that have a term: of those `within`, and maybe others.
fn collect(
    index: &InvertedIndexReader,
    info: &TermInfo,
    within: &[Range<u32>],
    docs: &mut Vec<u32>,
) -> tantivy::Result<()> {
    let mut postings = index.read_block_postings_from_terminfo(info, IndexRecordOption::Basic)?;
    // To look for the beginning of a range takes as long as to read some documents.
    let all = [ALL_DOCS];
    let within = if info.doc_freq as usize / DOCS_A_RANGE < within.len() { &all } else { within };
    for range in within {
        postings.seek(range.start);
        loop {
            let held = postings.docs();
            let (Some(first), Some(last)) = (held.first(), held.last()) else { break };
            let goes_on = *last < range.end;
            let from = if *first >= range.start { 0 } else { held.partition_point(|doc| *doc < range.start) };
            let to = if goes_on { held.len() } else { held.partition_point(|doc| *doc < range.end) };
            docs.extend_from_slice(held.get(from..to).unwrap_or_default());
            if !goes_on {
                break;
            }
            postings.advance();
        }
    }
    Ok(())
}

/// The terms that begin so.
fn beginning(index: &InvertedIndexReader, start: &str) -> tantivy::Result<Vec<TermInfo>> {
    let mut terms = index.terms().range().ge(start).into_stream()?;
    let mut infos = Vec::new();
    while let Some((term, info)) = terms.next() {
        if !term.starts_with(start.as_bytes()) {
            break;
        }
        infos.push(info.clone());
    }
    Ok(infos)
}

/// Which of some documents have a term of each slot at one place plus the slot's offset.
fn phrase(
    index: &InvertedIndexReader,
    slots: Vec<(u32, Vec<TermInfo>)>,
    within: &[Range<u32>],
    docs: &mut Vec<u32>,
) -> tantivy::Result<()> {
    let count = |infos: &[TermInfo]| infos.iter().map(|info| u64::from(info.doc_freq)).sum::<u64>();
    if slots.iter().any(|(_, infos)| infos.is_empty()) {
        return Ok(());
    }
    let last = slots.iter().map(|(offset, _)| *offset).max().unwrap_or_default();
    let mut opened = Vec::new();
    for (offset, infos) in &slots {
        let open = |info| index.read_postings_from_terminfo(info, IndexRecordOption::WithFreqsAndPositions);
        let postings = infos.iter().map(open).collect::<Result<Vec<_>, _>>()?;
        opened.push((count(infos), Slot { before_last: last - offset, postings }));
    }
    // The rarest leads.
    opened.sort_by_key(|(count, _)| *count);
    let mut slots: Vec<Slot> = opened.into_iter().map(|(_, slot)| slot).collect();
    let Some((first, others)) = slots.split_first_mut() else { return Ok(()) };
    let (mut ends, mut positions) = (Vec::new(), Vec::new());
    for range in within {
        let mut doc = first.seek(range.start);
        'docs: while doc < range.end {
            for other in others.iter_mut() {
                let found = other.seek(doc);
                if found != doc {
                    doc = first.seek(found);
                    continue 'docs;
                }
            }
            first.ends(doc, &mut ends);
            for other in others.iter_mut() {
                if ends.is_empty() {
                    break;
                }
                other.ends(doc, &mut positions);
                ends.retain(|end| positions.binary_search(end).is_ok());
            }
            if !ends.is_empty() {
                docs.push(doc);
            }
            doc = first.seek(doc + 1);
        }
    }
    Ok(())
}

/// One place of a phrase: one term, or several of which one stands there.
struct Slot {
    /// Places from it to the last one.
    before_last: u32,
    postings: Vec<SegmentPostings>,
}

impl Slot {
    /// The first document from `target` on.
    fn seek(&mut self, target: u32) -> u32 {
        let mut first = TERMINATED;
        if target == TERMINATED {
            return first;
        }
        for postings in &mut self.postings {
            let doc = if postings.doc() < target { postings.seek(target) } else { postings.doc() };
            first = first.min(doc);
        }
        first
    }

    /// Where in a document the last place of the phrase would be, ascending.
    fn ends(&mut self, doc: u32, ends: &mut Vec<u32>) {
        ends.clear();
        for postings in self.postings.iter_mut().filter(|postings| postings.doc() == doc) {
            postings.append_positions_with_offset(self.before_last, ends);
        }
        if !ends.is_sorted() {
            ends.sort_unstable();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_a_set_however_many_and_in_which_order() {
        for (most, spread) in
            [(0, 1), (1, 1), (1, 5_000), (2, 300_000), (40, 9), (40, 100_000), (30_000, 1), (9_000, 97)]
        {
            // Two ascending runs, with some rows in both.
            let rows = (0..most).map(|at| at * 7).chain((0..most).map(|at| at * 5 + 5));
            let rows: Vec<u32> = rows.map(|row| row * spread).collect();
            let expected: RoaringBitmap = rows.iter().copied().collect();
            assert_eq!(set_of(rows), expected, "{most} {spread}");
        }
        let (last, beside) = (u32::MAX - 1, 65_535);
        assert_eq!(set_of(vec![last, beside, 0, last]), [0, beside, last].into_iter().collect());
    }
}
