//! Searches on the filter index: which runs of a snapshot match, and in which order.

use std::sync::Arc;
use std::time::Instant;

use crate::entity::budget::Budget;
use crate::entity::explain::ExplanationStep;
use crate::entity::matches::Search;
use crate::entity::state::{Common, State};
use crate::error::Result;
use crate::filter::words::Words;
use crate::filter::{Block, Builder, FieldBlock, FieldKey, Loaded, Part, Rows, Seen, View};
use crate::id::{EntityKind, Row, Sequence};
use crate::log::resolve::payload;
use crate::model::{Entity, Run};
use crate::query::evaluate::Subject;
use crate::query::exec::{Answer, Exec, Parents};
use crate::query::field::QueryField;
use crate::query::filter::Filter;
use crate::query::text_answers::Told;
use crate::storage::{ReadTables, Source};

/// What a search is restricted to.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct SearchScope {
    pub(crate) project: Option<Row>,
    pub(crate) experiment: Option<Row>,
}

impl SearchScope {
    pub(super) fn is_everything(self) -> bool {
        self.project.is_none() && self.experiment.is_none()
    }

    fn fields(self) -> impl Iterator<Item = (FieldKey, Row)> {
        let project = self.project.map(|row| (FieldKey::PROJECT, row));
        project.into_iter().chain(self.experiment.map(|row| (FieldKey::EXPERIMENT, row)))
    }
}

impl Seen for State {
    fn at(&self) -> Sequence {
        self.head.sequence
    }

    fn tables(&self) -> &ReadTables {
        &self.tables
    }

    fn rows(&self) -> Result<u32> {
        self.tables.rows(EntityKind::Run)
    }

    fn hide(&self, project: &FieldBlock, experiment: &FieldBlock, live: &mut Words) {
        for (kind, parents) in [(EntityKind::Project, project), (EntityKind::Experiment, experiment)] {
            let Some(hidden) = self.hidden.get(kind.index()).filter(|hidden| !hidden.is_empty()) else { continue };
            let mut under = Words::empty();
            // Whichever are fewer, what is deleted or what the block has runs of.
            if hidden.len() < 64 {
                for parent in hidden {
                    parents.numbers.insert_into(parents.numbers.equal(u64::from(parent)), &mut under);
                }
            } else {
                for (parent, range) in parents.numbers.groups() {
                    if u32::try_from(parent).is_ok_and(|parent| hidden.contains(parent)) {
                        parents.numbers.insert_into(range, &mut under);
                    }
                }
            }
            live.and_not(&under);
        }
    }

    fn build(&self, rows: Rows, check: &mut dyn FnMut() -> Result<()>) -> Result<Block> {
        let resolver = self.resolver();
        let len = u32::try_from(rows.len()).unwrap_or(u32::MAX);
        let row_at = |offset: u16| rows.row(offset);
        let all: Vec<u32> = (0..=u16::MAX).zip(0..len).map(|(offset, _)| row_at(offset)).collect();
        let mut builder = Builder::new(rows, self.head.sequence);
        for (offset, row) in (0..=u16::MAX).zip(all) {
            check()?;
            if let Some(bytes) = resolver.record(EntityKind::Run, Row(row))? {
                builder.add(offset, payload(bytes.as_slice()), &resolver)?;
            }
        }
        Ok(builder.finish())
    }
}

impl Parents for State {
    fn holds(&self, condition: &Filter, parent: Row) -> Result<bool> {
        use crate::codec::v1::Resolve as _;
        let resolver = self.resolver();
        // A run that has what its parent gives it, and nothing else.
        let mut run = Run::default();
        let mut name = None;
        match condition.field_asked() {
            Some(QueryField::ProjectId) => run.project_id = resolver.project_id(parent)?,
            Some(QueryField::ExperimentId) => run.experiment_id = resolver.experiment_id(parent)?,
            _ => {
                let experiment = resolver.stored(EntityKind::Experiment, parent)?;
                name = experiment.and_then(|stored| stored.entity.name().map(str::to_owned));
            }
        }
        let entity = Entity::Run(run);
        let mut subject = Subject::new(&entity);
        subject.experiment_name = name.as_deref();
        Ok(condition.matches(subject))
    }
}

impl State {
    /// Who answers for the runs of this state. The rest of it is at most `most` rows, or there is none. Once in a while
    /// that rest is made an overlay, with a `check` of the budget before each record; without, once it is spent.
    pub(crate) fn filter_view(&self, most: usize, check: &mut dyn FnMut() -> Result<()>) -> Result<Option<Arc<View>>> {
        let index = &self.common.filter;
        let known = self.filter.lock().clone();
        let mut view = match known {
            Some(view) => view,
            None => {
                let view = Arc::new(index.view(self)?);
                *self.filter.lock() = Some(Arc::clone(&view));
                view
            }
        };
        if index.look_at(&view) {
            let overlaid = index.overlay(self, &view, check).and_then(|()| index.view(self));
            index.overlaid();
            match overlaid.map(Arc::new) {
                Ok(with_overlays) => {
                    view = Arc::clone(&with_overlays);
                    *self.filter.lock() = Some(with_overlays);
                }
                // The search may do without; where it does not, it says so itself.
                Err(error) if Budget::is_spent(&error) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(Some(view).filter(|view| view.rest.len() <= most))
    }

    pub(super) fn exec<'a>(&'a self, told: &'a Told<'a>) -> Exec<'a> {
        let Common { filter, dictionary, .. } = &*self.common;
        Exec { index: filter, tables: &self.tables, dictionary, parents: self, told }
    }

    /// What the text index says of the conditions of a filter.
    fn told<'f>(&'f self, filter: &'f Filter) -> Result<Told<'f>> {
        #[cfg_attr(not(feature = "text"), expect(unused_mut))]
        let mut told = Told::default();
        #[cfg(feature = "text")]
        {
            let (at, rows) = (self.head.sequence, self.tables.rows(EntityKind::Run)?);
            crate::query::text_questions::each(filter, &mut |condition, ask| {
                told.push(condition, self.common.text.question(ask, EntityKind::Run, at, rows));
            });
        }
        let _ = filter;
        Ok(told)
    }

    /// A search for the live runs within a scope that match `filter`; `check` finds out of one by its record.
    pub(crate) fn search<'a>(
        &'a self,
        view: Arc<View>,
        filter: &'a Filter,
        scope: SearchScope,
        check: &'a mut dyn FnMut(Row) -> Result<bool>,
    ) -> Result<Search<'a>> {
        let (told, tail) = (self.told(filter)?, tail(&view, check)?);
        Ok(Search { state: self, filter, scope, told, parts: vec![None; view.parts.len()], view, check, tail })
    }

    /// How many runs a [`search`](Self::search) finds, telling each step.
    pub(crate) fn search_explained(
        &self,
        view: &View,
        filter: &Filter,
        scope: SearchScope,
        check: &mut dyn FnMut(Row) -> Result<bool>,
        steps: &mut Vec<ExplanationStep>,
    ) -> Result<u64> {
        let began = Instant::now();
        let told = self.told(filter)?;
        told.want_all();
        let mut matching = Vec::new();
        for part in &view.parts {
            matching.push((*self.search_part(&told, part, &Filter::all(), scope, check)?).clone());
        }
        let count = |matching: &[Words]| matching.iter().map(Words::count).sum::<u64>();
        let mut step = |condition: String, estimate, matches, records, began: Instant| {
            steps.push(ExplanationStep { condition, estimate, matches, records, took: began.elapsed() });
        };
        step("scope, and what is not deleted".to_owned(), count(&matching), count(&matching), 0, began);
        let conditions = match filter {
            Filter::And(all) => all.as_slice(),
            one => std::slice::from_ref(one),
        };
        for condition in conditions {
            let (began, mut estimate, mut records) = (Instant::now(), 0, 0);
            for (part, matching) in view.parts.iter().zip(&mut matching) {
                let answer = self.exec(&told).answer(condition, part)?;
                let maybe = answer.maybe.unwrap_or_else(Words::empty);
                estimate += answer.sure.count() + maybe.count();
                let mut looked_up = maybe;
                looked_up.and(matching);
                records += looked_up.count();
                matching.and(&answer.sure);
                // What the whole filter refuses would be refused later.
                matching.or(&by_records(part, &looked_up, check)?);
            }
            step(condition.to_string(), estimate, count(&matching), records, began);
        }
        let (began, rest) = (Instant::now(), view.rest.len() as u64);
        let tail = tail(view, check)?.len() as u64;
        if rest > 0 {
            step("all of that, of runs beside the index".to_owned(), rest, tail, rest, began);
        }
        Ok(count(&matching) + tail)
    }

    /// Whether a part has live runs, and some within a scope.
    pub(super) fn has_scope(&self, part: &Part, scope: SearchScope) -> Result<bool> {
        let none = Told::default();
        for (key, parent) in scope.fields() {
            let is_empty = match self.exec(&none).load(key, part)? {
                Loaded::Held(held) => {
                    let (from, to) = held.numbers.equal(u64::from(parent.0));
                    from == to
                }
                Loaded::Absent => true,
                Loaded::Unknown => false,
            };
            if is_empty {
                return Ok(false);
            }
        }
        Ok(part.live_count > 0)
    }

    /// What matches of a part.
    pub(super) fn search_part(
        &self,
        told: &Told<'_>,
        part: &Part,
        filter: &Filter,
        scope: SearchScope,
        check: &mut dyn FnMut(Row) -> Result<bool>,
    ) -> Result<Arc<Words>> {
        let exec = self.exec(told);
        // None is all: of most blocks everything is live, and its set need not be copied for each condition.
        let mut within = (part.live_count != part.block.rows.len() as u64).then(|| Arc::clone(&part.live));
        for (key, parent) in scope.fields() {
            match exec.load(key, part)? {
                Loaded::Held(held) => {
                    let mut under = held.numbers.range(held.numbers.equal(u64::from(parent.0)));
                    within.iter().for_each(|within| under.and(within));
                    within = Some(Arc::new(under));
                }
                Loaded::Absent => return Ok(Arc::new(Words::empty())),
                // It was read when the view was made, and may have gone since: the records know as well.
                Loaded::Unknown => {
                    return by_records(part, within.as_ref().unwrap_or(&part.live), check).map(Arc::new);
                }
            }
        }
        if matches!(filter, Filter::And(all) if all.is_empty()) {
            return Ok(within.unwrap_or_else(|| Arc::clone(&part.live)));
        }
        if let Some(none) = within.as_ref().filter(|within| within.is_empty()) {
            return Ok(Arc::clone(none));
        }
        let Answer { sure: mut matches, maybe } = exec.answer(filter, part)?;
        within.iter().for_each(|within| matches.and(within));
        if let Some(mut maybe) = maybe {
            within.iter().for_each(|within| maybe.and(within));
            matches.or(&by_records(part, &maybe, check)?);
        }
        Ok(Arc::new(matches))
    }
}

/// The rows of `maybe` that do match.
fn by_records(part: &Part, maybe: &Words, check: &mut dyn FnMut(Row) -> Result<bool>) -> Result<Words> {
    let mut words = Words::empty();
    for offset in maybe.iter() {
        if check(Row(part.block.rows.row(offset)))? {
            words.insert(offset);
        }
    }
    Ok(words)
}

fn tail(view: &View, check: &mut dyn FnMut(Row) -> Result<bool>) -> Result<Vec<u32>> {
    let mut tail = Vec::new();
    for row in &view.rest {
        if check(Row(*row))? {
            tail.push(*row);
        }
    }
    Ok(tail)
}
