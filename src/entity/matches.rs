//! What a search finds, part by part, and no more of it than is asked for.

use std::sync::Arc;

use crate::entity::search::SearchScope;
use crate::entity::state::State;
use crate::error::Result;
use crate::filter::words::Words;
use crate::filter::{Part, View};
use crate::id::Row;
use crate::query::filter::Filter;
use crate::query::text_answers::Told;

/// A search: which parts of the view it has looked at, and what it found in them.
pub(crate) struct Search<'a> {
    pub(super) state: &'a State,
    pub(super) filter: &'a Filter,
    pub(super) scope: SearchScope,
    pub(super) told: Told<'a>,
    pub(super) view: Arc<View>,
    /// Finds out of a row by its record.
    pub(super) check: &'a mut dyn FnMut(Row) -> Result<bool>,
    pub(super) parts: Vec<Option<Arc<Words>>>,
    /// What matches of the rest, ascending.
    pub(super) tail: Vec<u32>,
}

/// Everything that matches.
pub(crate) struct Matches {
    pub(super) view: Arc<View>,
    /// What matches in each part of the view.
    pub(super) parts: Vec<Arc<Words>>,
    /// What matches of the rest, ascending.
    pub(super) tail: Vec<u32>,
}

impl Search<'_> {
    /// What matches in one part of the view.
    pub(super) fn part(&mut self, at: usize) -> Result<Arc<Words>> {
        if let Some(Some(known)) = self.parts.get(at) {
            return Ok(Arc::clone(known));
        }
        let found = self.look_at(at)?;
        if let Some(part) = self.parts.get_mut(at) {
            *part = Some(Arc::clone(&found));
        }
        Ok(found)
    }

    fn look_at(&mut self, at: usize) -> Result<Arc<Words>> {
        let Search { state, filter, scope, told, view, check, .. } = self;
        match view.parts.get(at) {
            Some(part) => state.search_part(told, part, filter, *scope, *check),
            None => Ok(Arc::new(Words::empty())),
        }
    }

    /// Whether something can match in one part of the view, as far as that is known without looking.
    pub(super) fn may_match(&self, at: usize) -> Result<bool> {
        let Some(part) = self.view.parts.get(at) else { return Ok(false) };
        if let Some(Some(known)) = self.parts.get(at) {
            return Ok(!known.is_empty());
        }
        self.state.has_scope(part, self.scope)
    }

    /// How many match. With `keep`, what is found on the way is kept for what is asked next.
    pub(crate) fn count(&mut self, keep: bool) -> Result<u64> {
        let (view, state) = (Arc::clone(&self.view), self.state);
        let is_live = |part: &Part| part.live_count == part.block.rows.len() as u64;
        if self.scope.is_everything()
            && view.rest.is_empty()
            && view.parts.iter().all(is_live)
            && let Some(count) = self.told.count(self.filter)
        {
            return Ok(count);
        }
        self.told.want_all();
        let mut count = self.tail.len() as u64;
        for (at, part) in view.parts.iter().enumerate() {
            let known = match self.scope.is_everything() {
                true => state.exec(&self.told).count(self.filter, part)?,
                false => None,
            };
            if keep
                && known == Some(0)
                && let Some(none) = self.parts.get_mut(at)
            {
                *none = Some(Arc::new(Words::empty()));
            }
            count += match known {
                Some(known) => known,
                None if keep => self.part(at)?.count(),
                None => self.look_at(at)?.count(),
            };
        }
        Ok(count)
    }

    /// Looks at everything.
    pub(crate) fn finish(mut self) -> Result<Matches> {
        self.told.want_all();
        let parts = (0..self.parts.len()).map(|at| self.part(at)).collect::<Result<_>>()?;
        Ok(Matches { view: self.view, parts, tail: self.tail })
    }

    /// The rows from `from` up to `to` of those below one, newest first.
    pub(crate) fn newest(&mut self, below: u32, from: usize, to: usize) -> Result<Vec<Row>> {
        let view = Arc::clone(&self.view);
        let parts = || view.parts.iter().enumerate();
        // Overlays and the rest lie among the blocks.
        let mut among = self.tail.clone();
        for (at, part) in parts().filter(|(_, part)| part.stored.is_none()) {
            among.extend(self.part(at)?.iter().map(|offset| part.block.rows.row(offset)));
        }
        among.retain(|row| *row < below);
        among.sort_unstable();
        let mut rows = Vec::new();
        let blocks = parts().rev().filter(|(_, part)| part.stored.is_some() && part.block.rows.row(0) < below);
        for (at, part) in blocks {
            if rows.len() >= to {
                break;
            }
            let matching = self.part(at)?;
            let below = matching.iter_back().map(|offset| part.block.rows.row(offset)).filter(|row| *row < below);
            for row in below {
                while let Some(newer) = among.pop_if(|other| *other > row) {
                    rows.push(Row(newer));
                }
                rows.push(Row(row));
                if rows.len() >= to {
                    break;
                }
            }
        }
        rows.extend(among.into_iter().rev().map(Row));
        rows.truncate(to);
        rows.drain(..from.min(rows.len()));
        Ok(rows)
    }
}

impl Matches {
    /// How many there are.
    pub(crate) fn count(&self) -> u64 {
        self.parts.iter().map(|part| part.count()).sum::<u64>() + self.tail.len() as u64
    }
}
