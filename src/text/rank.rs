//! Ranking: the best rows of a set by BM25.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use roaring::RoaringBitmap;
use tantivy::query::{BooleanQuery, DisjunctionMaxQuery, EnableScoring, FuzzyTermQuery, PhraseQuery, Query, TermQuery};
use tantivy::schema::{Field, IndexRecordOption};
use tantivy::{InvertedIndexReader, Term};

use super::Place;
use super::answer::View;
use super::schema::key_prefix;
use crate::id::EntityKind;
use crate::words::{Part, Sought};

/// Words that a beginning or a near miss is scored by.
const EXPANSIONS: usize = 64;

impl View {
    /// The best `k` of some rows of a kind, best first, of equal ones the newest; rows without a score are left out.
    pub(super) fn rank(
        &self,
        asks: &[(Option<Place<'_>>, &[Part])],
        kind: EntityKind,
        among: &RoaringBitmap,
        k: usize,
    ) -> tantivy::Result<Vec<(u32, f32)>> {
        let query = BooleanQuery::union(self.scored(asks)?);
        let weight = query.weight(EnableScoring::enabled_from_searcher(&self.searcher))?;
        let mut best = BinaryHeap::new();
        for segment in &self.segments {
            weight.for_each(&segment.reader, &mut |doc, score| {
                if let Some(row) = segment.row(doc, kind).filter(|row| among.contains(*row)) {
                    // Scores are positive, and their bits in their order.
                    best.push(Reverse((score.max(0.0).to_bits(), row)));
                    if best.len() > k {
                        best.pop();
                    }
                }
            })?;
        }
        let best = best.into_sorted_vec().into_iter();
        Ok(best.map(|Reverse((score, row))| (row, f32::from_bits(score))).collect())
    }

    /// What each part is scored by, in each field.
    fn scored(&self, asks: &[(Option<Place<'_>>, &[Part])]) -> tantivy::Result<Vec<Box<dyn Query>>> {
        let mut scored = Vec::new();
        for (place, parts) in asks {
            let fields = match place {
                Some(place) => vec![self.fields.words_of(*place)],
                None => self.fields.all_words().to_vec(),
            };
            let key = if let Some(Place::Value(namespace, key)) = place {
                key_prefix(*namespace, key)
            } else {
                String::new()
            };
            for part in parts.iter().filter(|part| !part.excluded) {
                for field in &fields {
                    scored.extend(self.scored_in(*field, &key, &part.sought)?);
                }
            }
        }
        Ok(scored)
    }

    fn scored_in(&self, field: Field, key: &str, sought: &Sought) -> tantivy::Result<Option<Box<dyn Query>>> {
        let term = |word: &String| Term::from_field_text(field, &format!("{key}{word}"));
        let one = |term| Box::new(TermQuery::new(term, IndexRecordOption::WithFreqs)) as Box<dyn Query>;
        Ok(match sought {
            Sought::Sequence { words, prefix: false } => match words.as_slice() {
                [word] => Some(one(term(word))),
                words => Some(Box::new(PhraseQuery::new(words.iter().map(term).collect()))),
            },
            Sought::Sequence { words, prefix: true } => match words.as_slice() {
                [start] => {
                    let start = format!("{key}{start}");
                    let terms = self.terms(field, |index, found| {
                        let mut terms = index.terms().range().ge(&start).into_stream()?;
                        while let Some((term, _)) = terms.next()
                            && term.starts_with(start.as_bytes())
                            && found.len() < EXPANSIONS
                        {
                            found.extend(String::from_utf8(term.to_vec()));
                        }
                        Ok(())
                    })?;
                    any(terms.iter().map(|text| one(Term::from_field_text(field, text))))
                }
                // The whole words say the most.
                [first, _] => Some(one(term(first))),
                [before @ .., _] => Some(Box::new(PhraseQuery::new(before.iter().map(term).collect()))),
                [] => None,
            },
            // Under a key, the word itself has to do.
            Sought::Near { word, .. } if !key.is_empty() => Some(one(term(word))),
            Sought::Near { word, edits } => {
                let query = FuzzyTermQuery::new(Term::from_field_text(field, word), *edits, true);
                let terms = self.terms(field, |index, found| {
                    let mut terms = index.terms().search(query.automaton()?).into_stream()?;
                    while let Some((term, _)) = terms.next()
                        && found.len() < EXPANSIONS
                    {
                        found.extend(String::from_utf8(term.to_vec()));
                    }
                    Ok(())
                })?;
                any(terms.iter().map(|text| one(Term::from_field_text(field, text))))
            }
        })
    }

    /// Some words of a field.
    fn terms(
        &self,
        field: Field,
        find: impl Fn(&InvertedIndexReader, &mut Vec<String>) -> tantivy::Result<()>,
    ) -> tantivy::Result<Vec<String>> {
        let mut all = Vec::new();
        for segment in &self.segments {
            let mut found = Vec::new();
            find(&*segment.reader.inverted_index(field)?, &mut found)?;
            all.append(&mut found);
        }
        all.sort_unstable();
        all.dedup();
        all.truncate(EXPANSIONS);
        Ok(all)
    }
}

/// The best of some words.
fn any(queries: impl Iterator<Item = Box<dyn Query>>) -> Option<Box<dyn Query>> {
    let queries: Vec<_> = queries.collect();
    (!queries.is_empty()).then(|| Box::new(DisjunctionMaxQuery::new(queries)) as Box<dyn Query>)
}
