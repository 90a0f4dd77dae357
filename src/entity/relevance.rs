//! Searches whose best matches come first.

use roaring::RoaringBitmap;

use crate::entity::find::{Find, Findable};
use crate::error::{Error, Result};
use crate::id::Row;
use crate::query::evaluate::Subject;
use crate::query::snippet::{Snippet, snippet, words_of};
use crate::query::text_questions;
use crate::storage::Source as _;

/// A match, with how well it fits the words that were asked for.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Relevant<T> {
    /// What matches.
    pub item: T,
    /// The higher, the better; comparable within one search only. None of what the text index has not seen yet.
    pub score: Option<f32>,
    /// An excerpt of a text with what was found in it; none if it matches for other reasons.
    pub snippet: Option<Snippet>,
}

impl<T: Findable> Find<T> {
    /// The `k` matches that fit the words best which the filter's `matches` conditions ask for: rare words count for
    /// more than frequent ones, and more in short texts (BM25, each field by itself). What was changed since the text
    /// index last looked comes first, the newest at the top, and has no score; so does everything before there is an
    /// index: [`Store::wait_indexed`](crate::Store::wait_indexed). Costs what finding all matches costs.
    ///
    /// # Errors
    /// `InvalidArgument` without a `matches` condition outside of `not`, or with an order; those of
    /// [`page`](Find::page).
    pub fn most_relevant(&self, k: u32) -> Result<Vec<Relevant<T>>> {
        let mut answering = self.begin(false)?;
        let filter = answering.filter().clone();
        let words = words_of(&filter);
        if words.is_empty() {
            return Err(Error::invalid("nothing is more relevant than anything else: the filter asks for no words"));
        }
        if !self.orders.is_empty() {
            return Err(Error::invalid("a search by relevance has no other order"));
        }
        let most = usize::try_from(k).unwrap_or(usize::MAX).min(self.most());
        let asked: Vec<_> =
            words.iter().filter_map(|(field, parts)| Some((text_questions::place(field)?, *parts))).collect();
        let rows = answering.first(usize::MAX)?;
        let among: RoaringBitmap = rows.iter().map(|row| row.0).collect();
        let known = self.state.tables.rows(T::KIND)?;
        let ranking = self.state.common.text.rank(&asked, T::KIND, self.at, known, &among, most);
        let mut chosen: Vec<(Row, Option<f32>)> = Vec::new();
        match ranking {
            None => chosen.extend(rows.iter().take(most).map(|row| (*row, None))),
            Some((unseen, best)) => {
                chosen.extend(unseen.iter().rev().map(|row| (Row(row), None)));
                chosen.extend(best.iter().map(|(row, score)| (Row(*row), Some(*score))));
                if chosen.len() < most {
                    // What matches for other reasons.
                    let scored: RoaringBitmap = best.iter().map(|(row, _)| *row).chain(&unseen).collect();
                    let rest = rows.iter().filter(|row| !scored.contains(row.0));
                    chosen.extend(rest.map(|row| (*row, Some(0.0))));
                }
                chosen.truncate(most);
            }
        }
        let mut relevant = Vec::with_capacity(chosen.len());
        for (row, score) in chosen {
            let stored = answering.read(row)?;
            let snippet = snippet(&filter, &Subject::new(&stored.entity));
            relevant.push(Relevant { item: T::from_stored(stored)?, score, snippet });
        }
        Ok(relevant)
    }
}
