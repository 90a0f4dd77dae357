//! One call on a search, while it is answered: by the filter index if that is of use, by a walk over records if not.

use std::sync::Arc;
use std::time::Instant;

use crate::entity::aggregate::{Cells, Counts, cells_of};
use crate::entity::explain::{Explanation, ExplanationStep};
use crate::entity::matches::{Matches, Search};
use crate::entity::search::SearchScope;
use crate::entity::search_order::After;
use crate::entity::state::{self, State};
use crate::entity::view::RunGuard;
use crate::entity::walk::{StepSource, Steps, Walk, Within};
use crate::error::{Error, Result};
use crate::filter::View;
use crate::id::{EntityKind, Row};
use crate::limits;
use crate::log::resolve::reading;
use crate::model::{Observation, Run, Series, Stored};
use crate::query::evaluate::{Subject, values_of};
use crate::query::field::QueryField;
use crate::query::filter::Filter;
use crate::query::order::{self, Order, SortKey};

/// A place in the orders of a search.
pub(crate) type Position = (Vec<SortKey>, u32);

/// A call on a search.
pub(crate) struct Answering<'f> {
    walk: Walk,
    orders: &'f [Order],
    /// What the filter index sees, if it is of use: it is of runs of the present, and does not know of workspaces.
    indexed: Option<(Arc<View>, SearchScope)>,
    began: Instant,
}

impl<'f> Answering<'f> {
    pub(crate) fn new(walk: Walk, orders: &'f [Order], chosen: bool, lazy: bool) -> Result<Self> {
        let began = Instant::now();
        walk.meter.check()?;
        let asked = &walk.asked;
        let of_use = asked.kind == EntityKind::Run
            && asked.at >= asked.state.head.sequence
            && !chosen
            && asked.workspace.is_empty();
        let row = |within| match within {
            Within::Anything => Some(None),
            Within::Row(row) => Some(Some(row)),
            Within::Nothing => None,
        };
        let indexed = match (row(asked.project), row(asked.experiment)) {
            (Some(project), Some(experiment)) if of_use => {
                let most = if lazy { limits::FILTER_TAIL_ROWS } else { u64::MAX };
                // What it reads is of use to later calls too, and counts only against the bounds of this one.
                let mut meter = walk.meter.clone();
                let most = usize::try_from(most).unwrap_or(usize::MAX);
                let view = asked.state.filter_view(most, &mut || meter.record())?;
                view.map(|view| (view, SearchScope { project, experiment }))
            }
            _ => None,
        };
        Ok(Answering { walk, orders, indexed, began })
    }

    fn state(&self) -> Arc<State> {
        Arc::clone(&self.walk.asked.state)
    }

    /// All conditions of the search.
    pub(crate) fn filter(&self) -> &Filter {
        &self.walk.asked.filter
    }

    /// An entity that was found.
    pub(crate) fn read(&mut self, row: Row) -> Result<Stored> {
        self.walk.read(row)
    }

    /// Whether an entity as it is by now still matches the filter, in an experiment of this name. `read` reads its
    /// observations as they are by now.
    pub(crate) fn still_matches(
        &self,
        stored: &Stored,
        experiment: Option<&str>,
        read: impl FnMut(&Series) -> Result<Vec<Observation>>,
    ) -> Result<bool> {
        if stored.deleted {
            return Ok(false);
        }
        let observations = self.walk.observations(stored, read)?;
        Ok(self.walk.matches_with(stored, &observations, experiment))
    }

    /// A run that was found.
    pub(crate) fn run(&mut self, row: Row) -> Result<Run> {
        if self.walk.asked.at < self.walk.asked.state.head.sequence {
            return state::run(self.walk.read(row)?);
        }
        self.guard(row)?.to_run().map_err(|error| reading(error, EntityKind::Run, row))
    }

    /// The bytes of a run that was found.
    pub(crate) fn guard(&mut self, row: Row) -> Result<RunGuard> {
        let state = self.state();
        if self.walk.asked.at < state.head.sequence {
            return RunGuard::of_stored(state, self.walk.read(row)?);
        }
        self.walk.meter.record()?;
        // What was found in this very snapshot is live in it.
        let bytes = state.resolver().record(EntityKind::Run, row)?;
        let gone = || Error::corrupt(format!("the run in row {} is gone from a snapshot that had it", row.0));
        Ok(RunGuard::new(state, bytes.ok_or_else(gone)?))
    }

    /// What `ask` makes of a search by the filter index, if that is of use.
    fn by_index<R>(&mut self, ask: impl FnOnce(Search<'_>) -> Result<R>) -> Result<Option<R>> {
        let Some((view, scope)) = self.indexed.clone() else { return Ok(None) };
        let (state, filter) = (self.state(), Arc::clone(&self.walk.asked.filter));
        let mut check = |row| Ok(self.walk.check(row)?.is_some());
        let answer = ask(state.search(view, &filter, scope, &mut check)?)?;
        self.walk.meter.check()?;
        Ok(Some(answer))
    }

    fn matches(&mut self) -> Result<Option<Matches>> {
        self.by_index(|search| search.finish())
    }

    /// How many match.
    pub(crate) fn count(mut self) -> Result<u64> {
        if let Some(count) = self.by_index(|mut search| search.count(false))? {
            return Ok(count);
        }
        let mut total = 0;
        while self.walk.next()?.is_some() {
            total += 1;
        }
        Ok(total)
    }

    /// The rows from `from` up to `to` by the orders, and how many there are in all.
    pub(crate) fn rows(&mut self, from: usize, to: usize) -> Result<(Vec<Row>, u64)> {
        let mut total = 0;
        let rows = self.rows_of(from, to, None, Some(&mut total))?;
        Ok((rows, total))
    }

    /// The first `most` rows by the orders after a place in them, and how many there are in all.
    pub(crate) fn rows_after(&mut self, after: Option<&Position>, most: usize) -> Result<(Vec<Row>, u64)> {
        let mut total = 0;
        let rows = self.rows_of(0, most, after, Some(&mut total))?;
        Ok((rows, total))
    }

    /// The first `most` rows by the orders. By one order of numbers, or none, parts of the filter index in which none of
    /// them can be are not looked at.
    pub(crate) fn first(&mut self, most: usize) -> Result<Vec<Row>> {
        self.rows_of(0, most, None, None)
    }

    fn rows_of(
        &mut self,
        from: usize,
        to: usize,
        after: Option<&Position>,
        mut total: Option<&mut u64>,
    ) -> Result<Vec<Row>> {
        enum Known {
            Rows(Vec<Row>),
            Matches(Matches),
        }
        let orders = self.orders;
        let mut kept = Kept { orders, after, most: to, rows: Vec::new() };
        let known = self.by_index(|mut search| {
            let mut to = to;
            if to == usize::MAX {
                search.told.want_all();
            }
            if let Some(total) = &mut total {
                **total = search.count(true)?;
                to = to.min(usize::try_from(**total).unwrap_or(usize::MAX));
            }
            let rows = if from < to { rows_by_index(&mut search, orders, from, to, after)? } else { Some(Vec::new()) };
            rows.map_or_else(|| search.finish().map(Known::Matches), |rows| Ok(Known::Rows(rows)))
        })?;
        match known {
            Some(Known::Rows(rows)) => return Ok(rows),
            Some(Known::Matches(matches)) => {
                let fields: Vec<QueryField> = orders.iter().map(|order| order.field().clone()).collect();
                let state = self.state();
                let mut read = |row| self.walk.read_as(row, |subject| cells_of(subject, &fields));
                state.project(&matches, &fields, &mut read, &mut |row, cells| {
                    let keys = orders.iter().zip(cells.iter_mut()).map(|(order, cell)| order.key_of(cell.take()));
                    kept.push((keys.collect(), row.0));
                    Ok(())
                })?;
                return Ok(kept.finish(from));
            }
            None => {}
        }
        let mut found = 0;
        // Without an order they come as they are wanted.
        let in_order = self.orders.is_empty();
        while total.is_some() || !in_order || kept.rows.len() < to {
            let Some(stored) = self.walk.next()? else { break };
            found += 1;
            if to > 0 && !(in_order && kept.rows.len() >= to) {
                let subject = Subject::new(&stored.entity);
                kept.push((self.orders.iter().map(|order| order.key(&subject)).collect(), stored.row.0));
            }
        }
        if let Some(total) = total {
            *total = found;
        }
        Ok(kept.finish(from))
    }

    /// Everything in order, within a limit.
    pub(crate) fn steps(mut self, limit: usize) -> Result<Steps> {
        let source = if self.indexed.is_none() && self.orders.is_empty() {
            StepSource::Walk
        } else {
            StepSource::Rows(self.first(limit)?.into_iter())
        };
        Ok(Steps { walk: self.walk, source, left: limit })
    }

    /// Hands everything that matches to `each`, in no order.
    fn each_match(&mut self, each: &mut dyn FnMut(&Subject<'_>) -> Result<()>) -> Result<()> {
        while let Some(stored) = self.walk.next()? {
            self.walk.with_subject(&stored, &mut *each)??;
        }
        Ok(())
    }

    /// Counts the values of a field, and answers how many match.
    pub(crate) fn facets(&mut self, field: &QueryField, counts: &mut Counts) -> Result<u64> {
        let state = self.state();
        if let Some(matches) = self.matches()? {
            let mut read = |row| self.walk.read_as(row, |subject| values_of(subject, field));
            state.facets(&matches, field, &mut read, counts)?;
            return Ok(matches.count());
        }
        let mut total = 0;
        self.each_match(&mut |subject| {
            total += 1;
            counts.add_all(&values_of(subject, field));
            Ok(())
        })?;
        Ok(total)
    }

    /// Hands what everything that matches holds of some fields to `each`, in no order.
    pub(crate) fn project(
        &mut self,
        fields: &[QueryField],
        each: &mut dyn FnMut(&mut Cells) -> Result<()>,
    ) -> Result<()> {
        let Some(matches) = self.matches()? else {
            return self.each_match(&mut |subject| each(&mut cells_of(subject, fields)));
        };
        let state = self.state();
        let mut read = |row| self.walk.read_as(row, |subject| cells_of(subject, fields));
        state.project(&matches, fields, &mut read, &mut |_, cells| each(cells))
    }

    /// Hands what the first `most` hold of some fields to `each`, in order.
    pub(crate) fn project_ordered(
        &mut self,
        fields: &[QueryField],
        most: usize,
        each: &mut dyn FnMut(&mut Cells) -> Result<()>,
    ) -> Result<()> {
        let rows = self.first(most)?;
        let state = self.state();
        let view = self.indexed.as_ref().map(|(view, _)| Arc::clone(view));
        let mut read = |row| self.walk.read_as(row, |subject| cells_of(subject, fields));
        match view {
            Some(view) => state.project_rows(&view, &rows, fields, &mut read, each),
            None => rows.into_iter().try_for_each(|row| each(&mut read(row)?)),
        }
    }

    pub(crate) fn explain(mut self) -> Result<Explanation> {
        let mut explanation = Explanation {
            total: 0,
            indexed: self.indexed.is_some(),
            blocks: 0,
            overlays: 0,
            rest: 0,
            records: 0,
            steps: Vec::new(),
            took: Default::default(),
        };
        let (state, filter) = (self.state(), Arc::clone(&self.walk.asked.filter));
        match self.indexed.clone() {
            Some((view, scope)) => {
                let stored = view.parts.iter().filter(|part| part.stored.is_some()).count();
                explanation.blocks = stored as u64;
                explanation.overlays = (view.parts.len() - stored) as u64;
                explanation.rest = view.rest.len() as u64;
                let mut check = |row| Ok(self.walk.check(row)?.is_some());
                explanation.total =
                    state.search_explained(&view, &filter, scope, &mut check, &mut explanation.steps)?;
            }
            None => {
                while self.walk.next()?.is_some() {
                    explanation.total += 1;
                }
                let (records, total) = (self.walk.meter.records, explanation.total);
                explanation.steps.push(ExplanationStep {
                    condition: filter.to_string(),
                    estimate: records,
                    matches: total,
                    records,
                    took: self.began.elapsed(),
                });
            }
        }
        explanation.records = self.walk.meter.records;
        explanation.took = self.began.elapsed();
        Ok(explanation)
    }
}

/// The rows of what matches without reading any, if the order is one of numbers, or none.
fn rows_by_index(
    search: &mut Search<'_>,
    orders: &[Order],
    from: usize,
    to: usize,
    after: Option<&Position>,
) -> Result<Option<Vec<Row>>> {
    let [order] = orders else {
        let below = after.map_or(u32::MAX, |(_, row)| *row);
        return if orders.is_empty() { search.newest(below, from, to).map(Some) } else { Ok(None) };
    };
    let Some((field, descending)) = order.by_values() else { return Ok(None) };
    let after = match after {
        None => After::Nothing,
        Some((keys, row)) => match keys.as_slice() {
            [SortKey::Number(number)] => After::of(number, *row),
            _ => return Ok(None),
        },
    };
    search.by_number(field, descending, after, from, to)
}

/// The first rows by some orders, of those that were pushed and come after a place.
struct Kept<'o> {
    orders: &'o [Order],
    after: Option<&'o Position>,
    most: usize,
    rows: Vec<Position>,
}

impl Kept<'_> {
    fn push(&mut self, position: Position) {
        if self.after.is_some_and(|after| order::compare(self.orders, &position, after).is_le()) {
            return;
        }
        self.rows.push(position);
        if self.rows.len() >= self.most.saturating_mul(2).max(1024) {
            self.cut();
        }
    }

    fn cut(&mut self) {
        self.rows.sort_unstable_by(|a, b| order::compare(self.orders, a, b));
        self.rows.truncate(self.most);
    }

    fn finish(mut self, from: usize) -> Vec<Row> {
        self.cut();
        self.rows.into_iter().skip(from).map(|(_, row)| Row(row)).collect()
    }
}
