//! Searches on the filter index: which runs of a snapshot match, and in which order.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;
use std::sync::Arc;
use std::time::Instant;

use crate::entity::aggregate::{Cells, Counts};
use crate::entity::explain::ExplanationStep;
use crate::entity::state::{Common, State};
use crate::error::Result;
use crate::filter::column::{Column, float_key, key_float};
use crate::filter::field::Known;
use crate::filter::words::Words;
use crate::filter::{Block, Builder, FieldBlock, FieldKey, Loaded, Part, Rows, Seen, View};
use crate::id::{EntityKind, Row, Sequence};
use crate::log::resolve::payload;
use crate::model::{Entity, Run};
use crate::query::evaluate::Subject;
use crate::query::exec::{Exec, Indexed, Parents};
use crate::query::field::QueryField;
use crate::query::filter::Filter;
use crate::query::told::Told;
use crate::storage::{ReadTables, Source};
use crate::value::Value;

/// What a search is restricted to.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct SearchScope {
    pub(crate) project: Option<Row>,
    pub(crate) experiment: Option<Row>,
}

impl SearchScope {
    fn fields(self) -> impl Iterator<Item = (FieldKey, Row)> {
        let project = self.project.map(|row| (FieldKey::PROJECT, row));
        project.into_iter().chain(self.experiment.map(|row| (FieldKey::EXPERIMENT, row)))
    }
}

/// The runs that match.
pub(crate) struct Matches {
    view: Arc<View>,
    /// What matches in each part of the view.
    parts: Vec<Words>,
    /// What matches of the rest, ascending.
    tail: Vec<u32>,
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

    fn build(&self, rows: Rows) -> Result<Block> {
        let resolver = self.resolver();
        let len = u32::try_from(rows.len()).unwrap_or(u32::MAX);
        let row_at = |offset: u16| rows.row(offset);
        let all: Vec<u32> = (0..=u16::MAX).zip(0..len).map(|(offset, _)| row_at(offset)).collect();
        let mut builder = Builder::new(rows, self.head.sequence);
        for (offset, row) in (0..=u16::MAX).zip(all) {
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
        Ok(condition.matches(Subject { entity: &entity, experiment_name: name.as_deref() }))
    }
}

impl State {
    /// Who answers for the runs of this state. The rest of it is at most `most` rows, or there is none.
    pub(crate) fn filter_view(&self, most: usize) -> Result<Option<Arc<View>>> {
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
            let overlaid = index.overlay(self, &view).and_then(|()| index.view(self));
            index.overlaid();
            view = Arc::new(overlaid?);
            *self.filter.lock() = Some(Arc::clone(&view));
        }
        Ok(Some(view).filter(|view| view.rest.len() <= most))
    }

    fn exec<'a>(&'a self, told: &'a Told<'a>) -> Exec<'a> {
        let Common { filter, dictionary, .. } = &*self.common;
        Exec { index: filter, tables: &self.tables, dictionary, parents: self, told }
    }

    /// What the text index says of the conditions of a filter.
    fn told<'f>(&self, filter: &'f Filter) -> Result<Told<'f>> {
        #[cfg_attr(not(feature = "text"), expect(unused_mut))]
        let mut told = Told::default();
        #[cfg(feature = "text")]
        {
            let (at, rows) = (self.head.sequence, self.tables.rows(EntityKind::Run)?);
            crate::query::asks::each(filter, &mut |condition, ask| {
                if let Some(answer) = self.common.text.answer(ask, EntityKind::Run, at, rows) {
                    told.push(condition, answer);
                }
            });
        }
        let _ = filter;
        Ok(told)
    }

    /// The live runs within a scope that match `filter`; `check` finds out of one by its record.
    pub(crate) fn search(
        &self,
        view: Arc<View>,
        filter: &Filter,
        scope: SearchScope,
        check: &mut dyn FnMut(Row) -> Result<bool>,
    ) -> Result<Matches> {
        let (told, mut parts) = (self.told(filter)?, Vec::with_capacity(view.parts.len()));
        for part in &view.parts {
            parts.push(self.search_part(&told, part, filter, scope, check)?);
        }
        let tail = tail(&view, check)?;
        Ok(Matches { view, parts, tail })
    }

    /// How many runs there are of such.
    pub(crate) fn search_count(
        &self,
        view: &View,
        filter: &Filter,
        scope: SearchScope,
        check: &mut dyn FnMut(Row) -> Result<bool>,
    ) -> Result<u64> {
        let told = self.told(filter)?;
        let exec = self.exec(&told);
        let mut count = 0;
        for part in &view.parts {
            let known = match scope {
                SearchScope { project: None, experiment: None } => exec.count(filter, part)?,
                _ => None,
            };
            count += match known {
                Some(known) => known,
                None => self.search_part(&told, part, filter, scope, check)?.count(),
            };
        }
        Ok(count + tail(view, check)?.len() as u64)
    }

    /// [`search_count`](Self::search_count), telling each step.
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
        let mut matching = Vec::new();
        for part in &view.parts {
            matching.push(self.search_part(&told, part, &Filter::all(), scope, check)?);
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

    fn search_part(
        &self,
        told: &Told<'_>,
        part: &Part,
        filter: &Filter,
        scope: SearchScope,
        check: &mut dyn FnMut(Row) -> Result<bool>,
    ) -> Result<Words> {
        let exec = self.exec(told);
        let mut within = part.live.clone();
        for (key, parent) in scope.fields() {
            match exec.load(key, part)? {
                Loaded::Held(held) => within.and(&held.numbers.range(held.numbers.equal(u64::from(parent.0)))),
                Loaded::Absent => return Ok(Words::empty()),
                // It was read when the view was made, and may have gone since: the records know as well.
                Loaded::Unknown => return by_records(part, &within, check),
            }
        }
        if within.is_empty() || matches!(filter, Filter::And(all) if all.is_empty()) {
            return Ok(within);
        }
        let answer = exec.answer(filter, part)?;
        let mut matches = answer.sure;
        matches.and(&within);
        if let Some(mut maybe) = answer.maybe {
            maybe.and(&within);
            matches.or(&by_records(part, &maybe, check)?);
        }
        Ok(matches)
    }

    /// The rows from `from` up to `to` of what matches `after` some place, by a field's numbers, of equal ones the newest
    /// first; none if
    /// numbers alone do not decide: some row holds something that comes before a number, or a number that the index does
    /// not know, or nothing while there are not rows enough with numbers.
    pub(crate) fn by_number(
        &self,
        matches: &Matches,
        field: &QueryField,
        descending: bool,
        after: After,
        from: usize,
        to: usize,
    ) -> Result<Option<Vec<Row>>> {
        if !matches.tail.is_empty() || matches!(after, After::Unknown) {
            return Ok(None);
        }
        let none = Told::default();
        let exec = self.exec(&none);
        let Indexed::Field(key) = exec.indexed(field) else { return Ok(None) };
        let (mut found, mut total) = (0, 0);
        let mut held = Vec::new();
        for (part, matching) in matches.view.parts.iter().zip(&matches.parts) {
            let count = matching.count();
            if count == 0 {
                continue;
            }
            total += count;
            match exec.load(key, part)? {
                Loaded::Held(field) => held.push((part, matching, count, field)),
                Loaded::Absent => {}
                Loaded::Unknown => return Ok(None),
            }
        }
        let mut walks = Vec::new();
        for (part, matching, count, field) in &held {
            if !decides(field, matching, descending) {
                return Ok(None);
            }
            // Of a field that all rows have all numbers match, if all rows do.
            let numbers = &field.numbers;
            let with_number = match numbers.len() == part.block.rows.len() {
                true => *count,
                false => numbers.all().count_common(matching),
            };
            found += with_number;
            let whole = with_number == numbers.len() as u64;
            walks.push(Walk::new(part, matching, numbers, descending, whole));
        }
        // To find a match by passing by takes as many steps as rows stand for one, each some forty times as fast as looking
        // one up; each block begins with one. In an order that goes with the rows, one block has most of them.
        let rows: u64 = walks.iter().map(|walk| walk.numbers.len() as u64).sum();
        let wanted = (walks.len() as u64).saturating_add(to as u64);
        let is_few = wanted.saturating_mul(rows) > found.saturating_mul(found).saturating_mul(40);
        if is_few && matches!(after, After::Nothing) && !walks.iter().all(|walk| walk.whole) {
            walks.iter_mut().for_each(|walk| walk.gather(to));
        }
        // What has no number comes after those that have.
        if matches!(after, After::Nothing) && found < to as u64 && found < total {
            return Ok(None);
        }
        let skipped = match after {
            After::Row(key, row) => {
                walks.iter_mut().for_each(|walk| walk.begin_after(key, row));
                0
            }
            _ if walks.iter().all(|walk| walk.whole) => skip(&mut walks, from),
            _ => 0,
        };
        let mut heap = BinaryHeap::new();
        let push = |heap: &mut BinaryHeap<(Reverse<u64>, u32, usize)>, walks: &mut Vec<Walk<'_>>, at: usize| {
            if let Some((key, row)) = walks.get_mut(at).and_then(Walk::next) {
                heap.push((Reverse(if descending { !key } else { key }), row, at));
            }
        };
        (0..walks.len()).for_each(|at| push(&mut heap, &mut walks, at));
        let mut rows = Vec::new();
        let mut position = skipped;
        while position < to {
            let Some((_, row, at)) = heap.pop() else { break };
            if position >= from {
                rows.push(Row(row));
            }
            position += 1;
            push(&mut heap, &mut walks, at);
        }
        // Those without a number come next.
        if !matches!(after, After::Nothing) && position < to && found < total {
            return Ok(None);
        }
        Ok(Some(rows))
    }
}

/// Where the wanted rows begin, in an order by numbers.
#[derive(Debug, Clone, Copy)]
pub(crate) enum After {
    Nothing,
    /// After this key and row.
    Row(u64, u32),
    /// After a number that no key is of.
    Unknown,
}

impl After {
    pub(crate) fn of(number: &Value, row: u32) -> Self {
        let float = number.as_f64().unwrap_or(f64::NAN);
        let is_exact = Value::Float(float).numeric_cmp(number).is_some_and(Ordering::is_eq);
        match float_key(float) {
            Some(key) if is_exact => After::Row(key, row),
            _ => After::Unknown,
        }
    }
}

/// The columns of a field of a block.
enum Columns {
    Held(Arc<FieldBlock>),
    Absent,
    /// The records tell.
    Unknown,
}

impl Columns {
    /// What a row holds; the outer none if its record tells.
    #[allow(clippy::option_option)]
    fn cell(&self, offset: u16) -> Option<Option<Value>> {
        let held = match self {
            Columns::Held(held) => held,
            Columns::Absent => return Some(None),
            Columns::Unknown => return None,
        };
        Some(match held.known(offset) {
            Known::Missing => None,
            Known::Nan => Some(Value::Float(f64::NAN)),
            Known::Bool(bool) => Some(Value::Bool(bool)),
            Known::Int(int) => Some(Value::Int(int)),
            Known::Float(float) => Some(Value::Float(float)),
            Known::Text(text) => Some(Value::String(text.to_owned())),
            Known::Unknown => return None,
        })
    }
}

impl State {
    fn columns(&self, fields: &[QueryField], part: &Part) -> Result<Vec<Columns>> {
        let none = Told::default();
        let exec = self.exec(&none);
        let columns = |field| {
            Ok(match exec.indexed(field) {
                Indexed::Field(key) => match exec.load(key, part)? {
                    Loaded::Held(held) => Columns::Held(held),
                    Loaded::Absent => Columns::Absent,
                    Loaded::Unknown => Columns::Unknown,
                },
                Indexed::Nowhere => Columns::Absent,
                Indexed::No => Columns::Unknown,
            })
        };
        fields.iter().map(columns).collect()
    }

    /// What the rows that match hold of some fields that are no sets, in no order; `read` reads a record.
    pub(crate) fn project(
        &self,
        matches: &Matches,
        fields: &[QueryField],
        read: &mut dyn FnMut(Row) -> Result<Cells>,
        each: &mut dyn FnMut(Row, &mut Cells) -> Result<()>,
    ) -> Result<()> {
        for (part, matching) in matches.view.parts.iter().zip(&matches.parts) {
            let columns = self.columns(fields, part)?;
            let mut cells = Cells::new();
            for offset in matching.iter() {
                let row = Row(part.block.rows.row(offset));
                cells.clear();
                cells.extend(columns.iter().map_while(|columns| columns.cell(offset)));
                if cells.len() < fields.len() {
                    cells = read(row)?;
                }
                each(row, &mut cells)?;
            }
        }
        matches.tail.iter().try_for_each(|row| each(Row(*row), &mut read(Row(*row))?))
    }

    /// What some rows hold of some fields that are no sets, in their order.
    pub(crate) fn project_rows(
        &self,
        view: &View,
        rows: &[Row],
        fields: &[QueryField],
        read: &mut dyn FnMut(Row) -> Result<Cells>,
        each: &mut dyn FnMut(&mut Cells) -> Result<()>,
    ) -> Result<()> {
        let mut columns: Vec<Option<Vec<Columns>>> = view.parts.iter().map(|_| None).collect();
        for row in rows {
            let found = (0..).zip(&view.parts).find_map(|(at, part)| {
                let offset = part.block.rows.offset(row.0).filter(|offset| part.live.contains(*offset))?;
                Some((at, offset))
            });
            let mut cells = Cells::new();
            if let Some((at, offset)) = found
                && let (Some(known), Some(part)) = (columns.get_mut::<usize>(at), view.parts.get::<usize>(at))
            {
                let known = match known {
                    Some(known) => known,
                    None => known.insert(self.columns(fields, part)?),
                };
                cells.extend(known.iter().map_while(|columns| columns.cell(offset)));
            }
            if cells.len() < fields.len() {
                cells = read(*row)?;
            }
            each(&mut cells)?;
        }
        Ok(())
    }

    /// Counts what the rows that match hold of a field; `read` reads the values in a record.
    pub(crate) fn facets(
        &self,
        matches: &Matches,
        field: &QueryField,
        read: &mut dyn FnMut(Row) -> Result<Vec<Value>>,
        counts: &mut Counts,
    ) -> Result<()> {
        let mut by_record = |row: Row, counts: &mut Counts| -> Result<()> {
            counts.add_all(&read(row)?);
            Ok(())
        };
        for (part, matching) in matches.view.parts.iter().zip(&matches.parts) {
            let columns = self.columns(std::slice::from_ref(field), part)?;
            let held = match columns.first() {
                Some(Columns::Held(held)) => held,
                Some(Columns::Absent) => {
                    counts.add_missing(matching.count());
                    continue;
                }
                _ => {
                    matching.iter().try_for_each(|offset| by_record(Row(part.block.rows.row(offset)), counts))?;
                    continue;
                }
            };
            let plain = held.hashes.len() == 0 && held.odd.is_empty() && !held.reads_numbers();
            if !plain {
                for offset in matching.iter() {
                    match columns.first().and_then(|columns| columns.cell(offset)).filter(|_| !field.is_set()) {
                        Some(Some(value)) => counts.add(&value, 1),
                        Some(None) => counts.add_missing(1),
                        None => by_record(Row(part.block.rows.row(offset)), counts)?,
                    }
                }
                continue;
            }
            for (number, range) in held.texts.groups() {
                if let Some(text) = held.text(number) {
                    counts.add_text(text, held.texts.count_among(range, matching));
                }
            }
            for (key, range) in held.numbers.groups() {
                counts.add(&Value::Float(key_float(key)), held.numbers.count_among(range, matching));
            }
            for (bool, rows) in [false, true].into_iter().zip(&held.bools) {
                counts.add(&Value::Bool(bool), Words::of(rows).count_common(matching));
            }
            let nan = Words::of(&held.nan).count_common(matching);
            counts.add(&Value::Float(f64::NAN), nan);
            counts.add_missing(matching.count() - held.present.count_common(matching) - nan);
        }
        matches.tail.iter().try_for_each(|row| by_record(Row(*row), counts))
    }
}

/// Whether numbers come first among what the rows of `matching` hold of a field, and are all known.
fn decides(field: &FieldBlock, matching: &Words, descending: bool) -> bool {
    let odd = field.odd.iter().any(|row| matching.contains(*row));
    let nothing_else = field.texts.len() + field.hashes.len() == 0 && field.bools.iter().all(Vec::is_empty);
    if odd || !descending || nothing_else {
        return !odd;
    }
    let mut others = field.texts.all();
    others.or(&field.hashes.all());
    field.bools.iter().for_each(|rows| others.insert_all(rows));
    // A text that reads as a number is one.
    others.and_not(&field.numbers.all());
    others.count_common(matching) == 0
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

impl Matches {
    /// How many there are.
    pub(crate) fn count(&self) -> u64 {
        self.parts.iter().map(Words::count).sum::<u64>() + self.tail.len() as u64
    }

    /// The rows below one, newest first.
    pub(crate) fn newest(&self, below: u32) -> impl Iterator<Item = Row> + '_ {
        let parts = || self.view.parts.iter().zip(&self.parts);
        // Overlays and the rest lie among the blocks.
        let overlays = parts().filter(|(part, _)| part.stored.is_none());
        let mut among: Vec<u32> =
            overlays.flat_map(|(part, matches)| matches.iter().map(|offset| part.block.rows.row(offset))).collect();
        among.extend(&self.tail);
        among.retain(|row| *row < below);
        among.sort_unstable();
        let blocks = parts().rev().filter(move |(part, _)| part.stored.is_some() && part.block.rows.row(0) < below);
        let mut blocks = blocks
            .flat_map(|(part, matches)| matches.iter_back().map(|offset| part.block.rows.row(offset)))
            .skip_while(move |row| *row >= below)
            .peekable();
        let mut among = among.into_iter().rev().peekable();
        std::iter::from_fn(move || {
            let next = match (blocks.peek(), among.peek()) {
                (Some(block), Some(other)) if other > block => among.next(),
                (None, _) => among.next(),
                _ => blocks.next(),
            };
            next.map(Row)
        })
    }
}

/// A walk over the numbers of a block, through what matches.
struct Walk<'m> {
    part: &'m Part,
    matches: &'m Words,
    numbers: &'m Column,
    descending: bool,
    /// All numbers match.
    whole: bool,
    /// Numbers that are behind.
    position: usize,
    /// Found, the next one last: the rows of one number, or everything.
    found: Vec<(u64, u32)>,
}

impl<'m> Walk<'m> {
    fn new(part: &'m Part, matches: &'m Words, numbers: &'m Column, descending: bool, whole: bool) -> Self {
        Walk { part, matches, numbers, descending, whole, position: 0, found: Vec::new() }
    }

    /// Finds all that matches at once, instead of passing by what does not; the first `to` of it are wanted.
    fn gather(&mut self, to: usize) {
        let keys = self.matches.iter();
        let keys = keys.filter_map(|offset| Some((self.numbers.of_row(offset)?, self.part.block.rows.row(offset))));
        self.found = keys.collect();
        self.position = self.numbers.len();
        let descending = self.descending;
        let key = |(key, row): &(u64, u32)| (if descending { *key } else { !*key }, *row);
        // The first ones come last.
        if let Some(behind) = self.found.len().checked_sub(to).filter(|behind| *behind > 0) {
            self.found.select_nth_unstable_by_key(behind, key);
            self.found.drain(..behind);
        }
        self.found.sort_unstable_by_key(key);
    }

    fn next(&mut self) -> Option<(u64, u32)> {
        while self.found.is_empty() {
            let at = if self.descending { self.numbers.len().checked_sub(self.position + 1)? } else { self.position };
            let (key, row) = self.numbers.at(at)?;
            if self.descending {
                // From the end, equal numbers come newest first as they are.
                self.position += 1;
                if self.matches.contains(row) {
                    return Some((key, self.part.block.rows.row(row)));
                }
                continue;
            }
            let range = self.numbers.equal_from(self.position, None);
            self.position = range.1;
            let equal = self.numbers.rows(range).iter().filter(|row| self.matches.contains(**row));
            self.found.extend(equal.map(|row| (key, self.part.block.rows.row(*row))));
        }
        self.found.pop()
    }

    /// Leaves out what does not come after a key and a row.
    fn begin_after(&mut self, key: u64, row: u32) {
        self.position = self.before(key);
        let at = if self.descending { self.numbers.len().checked_sub(self.position + 1) } else { Some(self.position) };
        let last = at.and_then(|at| self.numbers.at(at)).filter(|(found, _)| *found == key);
        if last.is_none() {
            return;
        }
        // The rows of that key come whole, and part of them is behind.
        let range = self.numbers.equal(key);
        self.position += range.1 - range.0;
        let equal = self.numbers.rows(range).iter().filter(|row| self.matches.contains(**row));
        let equal = equal.map(|offset| (key, self.part.block.rows.row(*offset)));
        self.found = equal.filter(|(_, found)| *found < row).collect();
    }

    /// How many numbers come before `key`.
    fn before(&self, key: u64) -> usize {
        if self.descending {
            self.numbers.len() - self.numbers.position(|found| found <= key)
        } else {
            self.numbers.position(|found| found < key)
        }
    }

    fn key_at(&self, position: usize) -> Option<u64> {
        let at = if self.descending { self.numbers.len().checked_sub(position + 1)? } else { position };
        self.numbers.at(at).map(|(key, _)| key)
    }
}

/// Moves walks of which all numbers match on by nearly `count` numbers in all, and answers by how many: to the first of
/// a number that stands at that place, found by bisection.
fn skip(walks: &mut [Walk<'_>], count: usize) -> usize {
    let mut low: Vec<usize> = vec![0; walks.len()];
    let mut high: Vec<usize> = walks.iter().map(|walk| walk.numbers.len()).collect();
    loop {
        let widest = (0..walks.len())
            .max_by_key(|at| high.get(*at).copied().unwrap_or(0).saturating_sub(low.get(*at).copied().unwrap_or(0)));
        let Some((walk, (from, to))) =
            widest.and_then(|at| Some((walks.get(at)?, (low.get(at).copied()?, high.get(at).copied()?))))
        else {
            break;
        };
        if to.saturating_sub(from) < 32 {
            break;
        }
        let Some(key) = walk.key_at(from + (to - from) / 2) else { break };
        let places: Vec<usize> = walks.iter().map(|walk| walk.before(key)).collect();
        let is_before = places.iter().sum::<usize>() <= count;
        // Numbers that equal the one in the middle may fill all of its half.
        let stuck = if is_before { places == low } else { places == high };
        if is_before {
            low = places;
        } else {
            high = places;
        }
        if stuck {
            break;
        }
    }
    for (walk, position) in walks.iter_mut().zip(&low) {
        walk.position = *position;
    }
    low.iter().sum()
}
