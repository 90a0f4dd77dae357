//! Filters on the blocks of the index.
//!
//! Each part of a filter answers two sets: rows that match for sure, and further rows that may. The second is empty
//! where the index knows; where it does not, its rows are looked up in the records. So whatever the index cannot tell
//! costs time, and nothing else.

use std::cmp::Ordering;
use std::sync::Arc;

use crate::error::Result;
use crate::filter::column::{Column, Range, key_float};
use crate::filter::field::hash;
use crate::filter::words::Words;
use crate::filter::{FieldBlock, FieldKey, FilterIndex, Loaded, Part};
use crate::id::Row;
use crate::model::{Entity, Run};
use crate::query::evaluate::{fits, lower};
use crate::query::field::QueryField;
use crate::query::filter::{Comparison, Filter};
use crate::query::series::Statistic;
use crate::query::text_answers::{self, Told};
use crate::query::words::all_occur;
use crate::storage::ReadTables;
use crate::storage::dictionary::Dictionary;
use crate::value::Value;

/// What a filter says of the rows of a block.
pub(crate) struct Answer {
    pub(crate) sure: Words,
    /// Disjoint from `sure`.
    pub(crate) maybe: Option<Words>,
}

impl Answer {
    fn exactly(sure: Words) -> Self {
        Answer { sure, maybe: None }
    }

    fn nothing() -> Self {
        Answer::exactly(Words::empty())
    }

    fn of(sure: Words, mut maybe: Words) -> Self {
        maybe.and_not(&sure);
        Answer { sure, maybe: Some(maybe).filter(|maybe| !maybe.is_empty()) }
    }

    /// The rows of `within` that do not match.
    fn without(self, within: &Words) -> Self {
        let mut sure = within.clone();
        sure.and_not(&self.sure);
        let Some(mut maybe) = self.maybe else { return Answer::exactly(sure) };
        sure.and_not(&maybe);
        maybe.and(within);
        Answer { sure, maybe: Some(maybe) }
    }

    fn or(&mut self, other: Answer) {
        self.sure.or(&other.sure);
        self.maybe = match (self.maybe.take(), other.maybe) {
            (None, None) => return,
            (Some(one), None) | (None, Some(one)) => Some(one),
            (Some(mut one), Some(other)) => {
                one.or(&other);
                Some(one)
            }
        };
        if let Some(maybe) = &mut self.maybe {
            maybe.and_not(&self.sure);
        }
    }

    fn and(&mut self, other: &Answer) {
        let maybe = match (self.maybe.take(), &other.maybe) {
            (None, None) => None,
            (own, theirs) => {
                let possible = |sure: &Words, maybe: Option<&Words>| {
                    let mut possible = sure.clone();
                    maybe.iter().for_each(|maybe| possible.or(maybe));
                    possible
                };
                let mut both = possible(&self.sure, own.as_ref());
                both.and(&possible(&other.sure, theirs.as_ref()));
                Some(both)
            }
        };
        self.sure.and(&other.sure);
        if let Some(mut maybe) = maybe {
            maybe.and_not(&self.sure);
            self.maybe = Some(maybe).filter(|maybe| !maybe.is_empty());
        }
    }

    fn is_empty(&self) -> bool {
        self.maybe.is_none() && self.sure.is_empty()
    }
}

/// What the index has of a field.
pub(crate) enum Indexed {
    Field(FieldKey),
    /// No run ever had its key.
    Nowhere,
    /// There are no columns of such fields.
    No,
}

/// What is asked of the parents of runs.
pub(crate) trait Parents {
    /// Whether a condition on a field of a run that its experiment or its project gives it holds under one.
    fn holds(&self, condition: &Filter, parent: Row) -> Result<bool>;
}

/// Filters on the blocks of a snapshot.
pub(crate) struct Exec<'a> {
    pub(crate) index: &'a FilterIndex,
    pub(crate) tables: &'a ReadTables,
    pub(crate) dictionary: &'a Dictionary,
    pub(crate) parents: &'a dyn Parents,
    /// What the text index says.
    pub(crate) told: &'a Told<'a>,
}

fn is_set(field: &QueryField) -> bool {
    matches!(field, QueryField::Tags | QueryField::Features)
}

/// Whether the rows that hold nothing of the field match as well.
fn is_of_absence(filter: &Filter) -> bool {
    match filter {
        // A set is never missing.
        Filter::IsNull { field } => !is_set(field),
        Filter::Compare { field, comparison, .. } => is_set(field) && *comparison == Comparison::NotEqual,
        Filter::In { field, negated, .. }
        | Filter::Between { field, negated, .. }
        | Filter::Substring { field, negated, .. }
        | Filter::Pattern { field, negated, .. } => is_set(field) && *negated,
        _ => false,
    }
}

impl Exec<'_> {
    /// The columns of a field.
    pub(crate) fn indexed(&self, field: &QueryField) -> Indexed {
        let keyed = |key: &str, of: fn(u32) -> FieldKey| {
            self.dictionary.code(key).map_or(Indexed::Nowhere, |code| Indexed::Field(of(code)))
        };
        Indexed::Field(match field {
            QueryField::Metric(key) => return keyed(key, FieldKey::metric),
            QueryField::Hyperparameter(key) => return keyed(key, FieldKey::hyperparameter),
            QueryField::Attribute(key) => return keyed(key, FieldKey::attribute),
            // The count of what there is none of is 0, and not missing.
            QueryField::Series(Statistic::Count, _) => return Indexed::No,
            QueryField::Series(Statistic::Min, key) => return keyed(key, FieldKey::series_min),
            QueryField::Series(Statistic::Max, key) => return keyed(key, FieldKey::series_max),
            QueryField::Series(Statistic::First, key) => return keyed(key, FieldKey::series_first),
            QueryField::Series(Statistic::Last, key) => return keyed(key, FieldKey::series_last),
            QueryField::Series(Statistic::Mean, key) => return keyed(key, FieldKey::series_mean),
            QueryField::Tags => FieldKey::TAGS,
            QueryField::Features => FieldKey::FEATURES,
            QueryField::Name => FieldKey::NAME,
            QueryField::Owner => FieldKey::OWNER,
            QueryField::DateCreated => FieldKey::DATE_CREATED,
            QueryField::DateUpdated => FieldKey::DATE_UPDATED,
            QueryField::StartTime => FieldKey::START_TIME,
            QueryField::EndTime => FieldKey::END_TIME,
            QueryField::Status => FieldKey::STATUS,
            QueryField::VersionNumber => FieldKey::VERSION,
            QueryField::ParentId => FieldKey::PARENT_ID,
            QueryField::JobId => FieldKey::JOB_ID,
            QueryField::CodeVersion => FieldKey::CODE_VERSION,
            _ => return Indexed::No,
        })
    }

    /// A field of a block.
    pub(crate) fn load(&self, field: FieldKey, part: &Part) -> Result<Loaded> {
        self.index.field(part, field, self.tables)
    }

    /// What `filter` says of the rows of a block, dead ones included.
    pub(crate) fn answer(&self, filter: &Filter, part: &Part) -> Result<Answer> {
        Ok(match filter {
            Filter::And(conditions) => {
                let mut answer: Option<Answer> = None;
                for condition in conditions {
                    let held = self.dense(condition, part)?;
                    let dense = held.as_ref().and_then(|(field, range)| field.texts.dense(*range));
                    match (&mut answer, dense) {
                        (Some(Answer { sure, maybe: None }), Some(dense)) => sure.and(dense),
                        (Some(answer), _) => answer.and(&self.answer(condition, part)?),
                        (None, Some(dense)) => answer = Some(Answer::exactly(dense.clone())),
                        (None, None) => answer = Some(self.answer(condition, part)?),
                    }
                    if answer.as_ref().is_some_and(Answer::is_empty) {
                        break;
                    }
                }
                answer.unwrap_or_else(|| Answer::exactly(all(part)))
            }
            Filter::Or(any) => {
                let mut answer = Answer::nothing();
                for filter in any {
                    answer.or(self.answer(filter, part)?);
                }
                answer
            }
            Filter::Not(inner) => self.answer(inner, part)?.without(&all(part)),
            condition if let Some(answer) = self.told(condition, part) => answer,
            condition => match condition.field_asked() {
                Some(QueryField::ProjectId) => self.by_parent(condition, FieldKey::PROJECT, part)?,
                Some(QueryField::ExperimentId | QueryField::ExperimentName) => {
                    self.by_parent(condition, FieldKey::EXPERIMENT, part)?
                }
                Some(QueryField::Series(Statistic::Count, key)) => self.by_count(condition, key, part)?,
                Some(field) => match self.indexed(field) {
                    Indexed::Field(key) => match self.load(key, part)? {
                        Loaded::Held(held) => Leaf { held: &held, set: is_set(field), part }.answer(condition),
                        Loaded::Absent => absent(condition, part),
                        Loaded::Unknown => unknown(part),
                    },
                    Indexed::Nowhere => absent(condition, part),
                    Indexed::No => unknown(part),
                },
                None => unknown(part),
            },
        })
    }

    /// What the text index says of a condition, unless it does not know most of the rows yet.
    fn told(&self, condition: &Filter, part: &Part) -> Option<Answer> {
        let rows = &part.block.rows;
        let answer = self.told.of(condition, rows, |told| {
            let stale = text_answers::count(&told.stale, rows);
            let hits = || text_answers::among(&told.hits, rows);
            match stale {
                0 => Some(Answer::exactly(hits())),
                _ if stale > rows.len() as u64 / 2 => None,
                _ => Some(Answer::of(hits(), text_answers::among(&told.stale, rows))),
            }
        });
        answer.flatten()
    }

    /// The rows of a condition that a column holds as a set: those that equal a frequent text.
    fn dense(&self, filter: &Filter, part: &Part) -> Result<Option<(Arc<FieldBlock>, Range)>> {
        let Filter::Compare { field, comparison: Comparison::Equal, value: Value::String(text) } = filter else {
            return Ok(None);
        };
        let Indexed::Field(key) = self.indexed(field) else { return Ok(None) };
        let Loaded::Held(held) = self.load(key, part)? else { return Ok(None) };
        let Ok(number) = held.number(text) else { return Ok(None) };
        if !held.odd.is_empty() {
            return Ok(None);
        }
        let range = held.texts.equal(number as u64);
        Ok(Some((held, range)))
    }

    /// How many live rows of a block match, if that can be told without their set.
    pub(crate) fn count(&self, filter: &Filter, part: &Part) -> Result<Option<u64>> {
        if matches!(filter, Filter::And(all) if all.is_empty()) {
            return Ok(Some(part.live_count));
        }
        if part.live_count != part.block.rows.len() as u64 {
            return Ok(None);
        }
        let rows = &part.block.rows;
        let told = self.told.of(filter, rows, |told| {
            (text_answers::count(&told.stale, rows) == 0).then(|| text_answers::count(&told.hits, rows))
        });
        if let Some(count) = told {
            return Ok(count);
        }
        let Some(Indexed::Field(key)) = filter.field_asked().map(|field| self.indexed(field)) else { return Ok(None) };
        let Loaded::Held(held) = self.load(key, part)? else { return Ok(None) };
        Ok(match filter {
            Filter::Compare { comparison, value: value @ (Value::Int(_) | Value::Float(_)), field }
                if held.odd.is_empty() && !is_set(field) =>
            {
                let (from, to) = range(&held.numbers, *comparison, value).unwrap_or((0, 0));
                let equal = (to - from) as u64;
                match comparison {
                    Comparison::NotEqual => Some(held.present.count() - equal),
                    _ => Some(equal),
                }
            }
            Filter::Compare { comparison: Comparison::Equal, value: Value::String(text), .. }
                if held.odd.is_empty() && held.hashes.len() == 0 =>
            {
                Some(held.number(text).map_or(0, |number| {
                    let (from, to) = held.texts.equal(number as u64);
                    (to - from) as u64
                }))
            }
            Filter::IsNull { field } if !is_set(field) => {
                Some(part.live_count - held.present.count() - held.nan.len() as u64)
            }
            _ => None,
        })
    }

    /// A condition on how many observations there are, which is 0 for runs without any.
    fn by_count(&self, condition: &Filter, key: &str, part: &Part) -> Result<Answer> {
        let held = match self.dictionary.code(key) {
            Some(code) => self.load(FieldKey::series_count(code), part)?,
            None => Loaded::Absent,
        };
        let mut none = match &held {
            Loaded::Held(held) => {
                let mut none = all(part);
                none.and_not(&held.present);
                none
            }
            Loaded::Absent => all(part),
            Loaded::Unknown => return Ok(unknown(part)),
        };
        if !condition.matches(&Entity::Run(Run::default())) {
            none = Words::empty();
        }
        let mut answer = Answer::exactly(none);
        if let Loaded::Held(held) = &held {
            let mut some = Leaf { held, set: false, part }.answer(condition);
            some.sure.and(&held.present);
            answer.or(some);
        }
        Ok(answer)
    }

    /// A condition that holds for all runs of a parent, or for none.
    fn by_parent(&self, condition: &Filter, key: FieldKey, part: &Part) -> Result<Answer> {
        let Loaded::Held(held) = self.load(key, part)? else { return Ok(unknown(part)) };
        let mut words = Words::empty();
        let all_live = part.live_count == part.block.rows.len() as u64;
        for (parent, range) in held.numbers.groups() {
            // A parent of none that is live may be gone for good.
            if !all_live && held.numbers.count_among(range, &part.live) == 0 {
                continue;
            }
            if self.parents.holds(condition, Row(u32::try_from(parent).unwrap_or(u32::MAX)))? {
                held.numbers.insert_into(range, &mut words);
            }
        }
        Ok(Answer::exactly(words))
    }
}

fn all(part: &Part) -> Words {
    Words::first(part.block.rows.len())
}

fn unknown(part: &Part) -> Answer {
    Answer { sure: Words::empty(), maybe: Some(all(part)) }
}

/// What a condition says where no row holds anything of its field.
fn absent(condition: &Filter, part: &Part) -> Answer {
    if is_of_absence(condition) { Answer::exactly(all(part)) } else { Answer::nothing() }
}

/// A condition on one field that has columns.
struct Leaf<'a> {
    held: &'a FieldBlock,
    /// Whether a row may hold several texts.
    set: bool,
    part: &'a Part,
}

impl Leaf<'_> {
    fn answer(&self, filter: &Filter) -> Answer {
        let (found, negated) = match filter {
            Filter::Compare { comparison: Comparison::NotEqual, value, .. } => {
                (self.compare(Comparison::Equal, value), true)
            }
            Filter::Compare { comparison, value, .. } => (self.compare(*comparison, value), false),
            Filter::In { values, negated, .. } => {
                let mut found = Answer::nothing();
                values.iter().for_each(|value| found.or(self.compare(Comparison::Equal, value)));
                (found, *negated)
            }
            // One element has to be within both bounds.
            Filter::Between { .. } if self.set => return unknown(self.part),
            Filter::Between { low, high, negated, .. } => {
                let mut found = self.compare(Comparison::GreaterOrEqual, low);
                found.and(&self.compare(Comparison::LessOrEqual, high));
                (found, *negated)
            }
            Filter::Substring { text, negated, .. } => {
                let text = lower(text);
                (self.each_text(|held| lower(held).contains(&text)), *negated)
            }
            Filter::Pattern { pattern, negated, .. } => (self.each_text(|held| pattern.is_match(held)), *negated),
            // The words may be spread over the elements of a set.
            Filter::Words { .. } if self.set => return unknown(self.part),
            Filter::Words { words, .. } => (self.each_text(|held| all_occur(words, [held.into()])), false),
            Filter::IsNull { .. } if self.set => return Answer::nothing(),
            Filter::IsNull { .. } => {
                let mut absent = all(self.part);
                absent.and_not(&self.held.present);
                self.held.nan.iter().for_each(|row| absent.remove(*row));
                return Answer::exactly(absent);
            }
            Filter::IsNan { .. } => return Answer::exactly(Words::of(&self.held.nan)),
            Filter::And(_) | Filter::Or(_) | Filter::Not(_) => return unknown(self.part),
        };
        match negated {
            false => found,
            true if is_of_absence(filter) => found.without(&all(self.part)),
            true => found.without(&self.held.present),
        }
    }

    fn compare(&self, comparison: Comparison, operand: &Value) -> Answer {
        let held = self.held;
        match operand {
            // There are no numbers of elements.
            Value::Int(_) | Value::Float(_) if self.set => unknown(self.part),
            Value::Int(_) | Value::Float(_) => {
                let words = match range(&held.numbers, comparison, operand) {
                    Some(positions) => held.numbers.range(positions),
                    None => Words::empty(),
                };
                self.or_odd(words)
            }
            Value::String(text) => {
                let (from, to) = match (comparison, held.number(text)) {
                    (Comparison::Equal | Comparison::NotEqual, Ok(number)) => (number, number + 1),
                    (Comparison::Equal | Comparison::NotEqual, Err(next)) => (next, next),
                    (Comparison::Less, Ok(number) | Err(number)) => (0, number),
                    (Comparison::LessOrEqual, Ok(number)) => (0, number + 1),
                    (Comparison::LessOrEqual, Err(next)) => (0, next),
                    (Comparison::Greater, Ok(number)) => (number + 1, usize::MAX),
                    (Comparison::Greater, Err(next)) => (next, usize::MAX),
                    (Comparison::GreaterOrEqual, Ok(number) | Err(number)) => (number, usize::MAX),
                };
                let position = |number: usize| held.texts.position(|key| key < number as u64);
                let words = held.texts.range((position(from), position(to)));
                let further = match comparison {
                    Comparison::Equal | Comparison::NotEqual => held.hashes.equal(hash(text)),
                    _ => (0, held.hashes.len()),
                };
                self.or_hashes(self.or_odd(words), further)
            }
            Value::Bool(bool) => {
                let mut words = Words::empty();
                for (value, rows) in [false, true].into_iter().zip(&held.bools) {
                    if fits(comparison, Some(value.cmp(bool))) {
                        words.insert_all(rows);
                    }
                }
                Answer::exactly(words)
            }
            // Nothing compares with these.
            Value::Null | Value::List(_) | Value::Map(_) => Answer::nothing(),
        }
    }

    /// The rows with a text that `is`.
    fn each_text(&self, is: impl Fn(&str) -> bool) -> Answer {
        let mut words = Words::empty();
        for (number, text) in self.held.listed() {
            if is(text) {
                self.held.texts.insert_into(self.held.texts.equal(number), &mut words);
            }
        }
        self.or_hashes(self.or_odd(words), (0, self.held.hashes.len()))
    }

    fn or_odd(&self, sure: Words) -> Answer {
        if self.held.odd.is_empty() {
            return Answer::exactly(sure);
        }
        Answer::of(sure, Words::of(&self.held.odd))
    }

    fn or_hashes(&self, mut answer: Answer, positions: Range) -> Answer {
        if positions.0 < positions.1 {
            answer.or(Answer::of(Words::empty(), self.held.hashes.range(positions)));
        }
        answer
    }
}

/// The positions of the numbers that compare so with `operand`; none if nothing does.
fn range(numbers: &Column, comparison: Comparison, operand: &Value) -> Option<Range> {
    // NaN compares with nothing.
    Value::Float(0.0).numeric_cmp(operand)?;
    let order = |key: u64| Value::Float(key_float(key)).numeric_cmp(operand).unwrap_or(Ordering::Less);
    let (less, upto) = (|| numbers.position(|key| order(key).is_lt()), || numbers.position(|key| order(key).is_le()));
    Some(match comparison {
        Comparison::Equal | Comparison::NotEqual => (less(), upto()),
        Comparison::Less => (0, less()),
        Comparison::LessOrEqual => (0, upto()),
        Comparison::Greater => (upto(), numbers.len()),
        Comparison::GreaterOrEqual => (less(), numbers.len()),
    })
}
