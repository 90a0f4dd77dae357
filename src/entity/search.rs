//! Searches on the filter index: which runs of a snapshot match, and in which order.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::ops::Range;
use std::sync::Arc;

use crate::entity::state::State;
use crate::error::Result;
use crate::filter::column::Column;
use crate::filter::words::Words;
use crate::filter::{Block, Builder, IndexedField, View};
use crate::id::{EntityKind, Row};
use crate::model::Entity;
use crate::query::exec;
use crate::query::filter::Filter;
use crate::storage::Source;

/// What a search is restricted to.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct SearchScope {
    pub(crate) project: Option<Row>,
    pub(crate) experiment: Option<Row>,
}

/// The runs that match.
pub(crate) struct Matches {
    blocks: Vec<(Arc<Block>, Words)>,
    /// Rows that were changed since the blocks were made, or came after them; ascending.
    tail: Vec<u32>,
}

impl State {
    /// The filter index as this state has it; none if it is older than the index.
    fn filter_view(&self) -> Result<Option<View>> {
        let resolver = self.resolver();
        let mut fill = |builder: &mut Builder<'_>, rows: Range<u32>| {
            for (offset, row) in (0..=u16::MAX).zip(rows) {
                let Some(stored) = resolver.stored(EntityKind::Run, Row(row))? else { continue };
                if let (Entity::Run(run), false) = (&stored.entity, stored.deleted) {
                    builder.add(offset, run, stored.parents);
                }
            }
            Ok(())
        };
        self.common.filter.view(self.head.sequence, self.tables.rows(EntityKind::Run)?, &mut fill)
    }

    /// The live runs within a scope that match `filter`; `check` finds out of one by its record. None if the index
    /// cannot tell.
    pub(crate) fn search(
        &self,
        filter: &Filter,
        scope: SearchScope,
        check: &mut dyn FnMut(Row) -> Result<bool>,
    ) -> Result<Option<Matches>> {
        let Some(view) = self.filter_view()? else { return Ok(None) };
        let mut dirty = view.dirty.as_slice();
        let mut blocks = Vec::with_capacity(view.base.blocks.len());
        for block in &view.base.blocks {
            let end = block.first.saturating_add(u32::try_from(block.rows).unwrap_or(u32::MAX));
            let (own, later) = dirty.split_at(dirty.partition_point(|row| *row < end));
            dirty = later;
            let mut live = self.live(block, scope);
            own.iter().filter_map(|row| u16::try_from(row - block.first).ok()).for_each(|row| live.remove(row));
            let mut matches = Words::empty();
            if !live.is_empty() {
                let mut answer = exec::answer(filter, block, &self.common.filter.texts);
                answer.sure.and(&live);
                answer.possible.and(&live);
                answer.possible.and_not(&answer.sure);
                matches = answer.sure;
                for row in answer.possible.iter() {
                    if check(Row(block.first + u32::from(row)))? {
                        matches.insert(row);
                    }
                }
            }
            blocks.push((Arc::clone(block), matches));
        }
        let mut tail = Vec::new();
        for row in view.dirty.iter().copied().chain(view.new) {
            if check(Row(row))? {
                tail.push(row);
            }
        }
        Ok(Some(Matches { blocks, tail }))
    }

    /// The rows of a block that are neither deleted nor under something deleted, within a scope.
    fn live(&self, block: &Block, scope: SearchScope) -> Words {
        let mut live = match (scope.project, scope.experiment) {
            (None, None) => Words::first(block.rows),
            (Some(project), None) => of(&block.projects, project),
            (None, Some(experiment)) => of(&block.experiments, experiment),
            (Some(project), Some(experiment)) => {
                let mut both = of(&block.projects, project);
                both.and(&of(&block.experiments, experiment));
                both
            }
        };
        live.and_not(&block.dead);
        for (kind, column) in [(EntityKind::Project, &block.projects), (EntityKind::Experiment, &block.experiments)] {
            for row in self.hidden.get(kind.index()).into_iter().flatten() {
                let positions = column.equal(u64::from(row));
                if positions.0 < positions.1 {
                    let mut under = Words::empty();
                    column.insert_into(positions, &mut under);
                    live.and_not(&under);
                }
            }
        }
        live
    }
}

fn of(column: &Column, parent: Row) -> Words {
    let mut words = Words::empty();
    column.insert_into(column.equal(u64::from(parent.0)), &mut words);
    words
}

impl Matches {
    /// How many there are.
    pub(crate) fn count(&self) -> u64 {
        self.blocks.iter().map(|(_, matches)| matches.count()).sum::<u64>() + self.tail.len() as u64
    }

    /// The rows, newest first.
    pub(crate) fn newest(&self) -> impl Iterator<Item = Row> + '_ {
        let mut blocks = self
            .blocks
            .iter()
            .rev()
            .flat_map(|(block, matches)| matches.iter_back().map(|row| block.first + u32::from(row)))
            .peekable();
        let mut tail = self.tail.iter().rev().copied().peekable();
        std::iter::from_fn(move || {
            let next = match (blocks.peek(), tail.peek()) {
                (Some(block), Some(changed)) if changed > block => tail.next(),
                (None, _) => tail.next(),
                _ => blocks.next(),
            };
            next.map(Row)
        })
    }

    /// The rows that are not in the blocks, ascending.
    pub(crate) fn tail(&self) -> impl Iterator<Item = Row> + '_ {
        self.tail.iter().copied().map(Row)
    }

    /// The first `keep` of the rows in the blocks by a field's numbers, of equal ones the newest first, if numbers
    /// alone decide: none of the rows holds anything that comes before a number, or holds a number that the index
    /// does not know.
    pub(crate) fn by_number(&self, field: &IndexedField, descending: bool, keep: usize) -> Option<Vec<Row>> {
        let mut found = 0;
        let mut walks = Vec::new();
        for (block, matches) in self.blocks.iter().filter(|(_, matches)| !matches.is_empty()) {
            let Some(held) = block.fields.get(field) else { continue };
            let mut others = Words::of(&held.odd);
            if descending {
                others.or(&held.texts.all());
                others.or(&held.hashes.all());
                held.bools.iter().for_each(|rows| others.insert_all(rows));
                // A text that reads as a number is one.
                others.and_not(&held.numbers.all());
            }
            others.and(matches);
            if !others.is_empty() {
                return None;
            }
            let mut numbers = held.numbers.all();
            numbers.and(matches);
            found += numbers.count();
            walks.push(Walk { block, matches, numbers: &held.numbers, descending, position: 0, equal: Vec::new() });
        }
        // What has no number comes after those that have.
        if found < keep as u64 && found < self.count() - self.tail.len() as u64 {
            return None;
        }
        let mut heap = BinaryHeap::new();
        let push = |heap: &mut BinaryHeap<(Reverse<u64>, u32, usize)>, walks: &mut Vec<Walk<'_>>, at: usize| {
            if let Some((key, row)) = walks.get_mut(at).and_then(Walk::next) {
                heap.push((Reverse(if descending { !key } else { key }), row, at));
            }
        };
        (0..walks.len()).for_each(|at| push(&mut heap, &mut walks, at));
        let mut rows = Vec::new();
        while rows.len() < keep {
            let Some((_, row, at)) = heap.pop() else { break };
            rows.push(Row(row));
            push(&mut heap, &mut walks, at);
        }
        Some(rows)
    }
}

/// A walk over the numbers of a block, through what matches.
struct Walk<'m> {
    block: &'m Block,
    matches: &'m Words,
    numbers: &'m Column,
    descending: bool,
    /// Numbers that are behind.
    position: usize,
    /// Rows of one number, the newest last.
    equal: Vec<(u64, u32)>,
}

impl Walk<'_> {
    fn next(&mut self) -> Option<(u64, u32)> {
        while self.equal.is_empty() {
            let at = if self.descending { self.numbers.len().checked_sub(self.position + 1)? } else { self.position };
            let (key, row) = self.numbers.at(at)?;
            if self.descending {
                // From the end, equal numbers come newest first as they are.
                self.position += 1;
                if self.matches.contains(row) {
                    return Some((key, self.block.first + u32::from(row)));
                }
                continue;
            }
            let (from, to) = self.numbers.equal_from(self.position);
            self.position = to;
            for at in from..to {
                if let Some((key, row)) = self.numbers.at(at).filter(|(_, row)| self.matches.contains(*row)) {
                    self.equal.push((key, self.block.first + u32::from(row)));
                }
            }
        }
        self.equal.pop()
    }
}
