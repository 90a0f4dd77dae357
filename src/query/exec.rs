//! Filters on the blocks of the index.
//!
//! Each part of a filter answers two sets: rows that match for sure, and rows that may. They are the same where the
//! index knows; where it does not, what lies between them is looked up in the records. So whatever the index cannot
//! tell costs time, and nothing else.

use std::cmp::Ordering;
use std::collections::HashSet;

use crate::filter::column::{Column, key_float};
use crate::filter::words::Words;
use crate::filter::{Block, FieldBlock, IndexedField, Texts, hash};
use crate::query::evaluate::{fits, lower};
use crate::query::field::QueryField;
use crate::query::filter::{Comparison, Filter};
use crate::query::words::all_occur;
use crate::value::Value;

/// What a filter says of the rows of a block.
pub(crate) struct Answer {
    pub(crate) sure: Words,
    pub(crate) possible: Words,
}

impl Answer {
    fn exactly(words: Words) -> Self {
        Answer { possible: words.clone(), sure: words }
    }

    fn unknown(block: &Block) -> Self {
        Answer { sure: Words::empty(), possible: Words::first(block.rows) }
    }

    /// The rows of `within` that do not match.
    fn without(self, within: &Words) -> Self {
        let (mut sure, mut possible) = (within.clone(), within.clone());
        sure.and_not(&self.possible);
        possible.and_not(&self.sure);
        Answer { sure, possible }
    }

    fn or(&mut self, other: &Answer) {
        self.sure.or(&other.sure);
        self.possible.or(&other.possible);
    }

    fn and(&mut self, other: &Answer) {
        self.sure.and(&other.sure);
        self.possible.and(&other.possible);
    }
}

/// The column of a field, if there are columns of it.
pub(crate) fn indexed(field: &QueryField) -> Option<IndexedField> {
    Some(match field {
        QueryField::Metric(key) => IndexedField::Metric(key.clone()),
        QueryField::Hyperparameter(key) => IndexedField::Hyperparameter(key.clone()),
        QueryField::Attribute(key) => IndexedField::Attribute(key.clone()),
        QueryField::Name => IndexedField::Name,
        QueryField::Owner => IndexedField::Owner,
        QueryField::DateCreated => IndexedField::DateCreated,
        QueryField::DateUpdated => IndexedField::DateUpdated,
        QueryField::StartTime => IndexedField::StartTime,
        QueryField::EndTime => IndexedField::EndTime,
        QueryField::VersionNumber => IndexedField::Version,
        QueryField::ParentId => IndexedField::ParentId,
        QueryField::JobId => IndexedField::JobId,
        QueryField::CodeVersion => IndexedField::CodeVersion,
        _ => return None,
    })
}

/// What `filter` says of the rows of `block`, dead ones included.
pub(crate) fn answer(filter: &Filter, block: &Block, texts: &Texts) -> Answer {
    match filter {
        Filter::And(all) => {
            let mut answer = Answer::exactly(Words::first(block.rows));
            for filter in all {
                answer.and(&self::answer(filter, block, texts));
                if answer.possible.is_empty() {
                    break;
                }
            }
            answer
        }
        Filter::Or(any) => {
            let mut answer = Answer::exactly(Words::empty());
            any.iter().for_each(|filter| answer.or(&self::answer(filter, block, texts)));
            answer
        }
        Filter::Not(inner) => answer(inner, block, texts).without(&Words::first(block.rows)),
        Filter::Compare { field: QueryField::Tags, comparison, value } => match (comparison, value) {
            (Comparison::Equal, Value::String(tag)) => Answer::exactly(tagged(block, |held| held == tag)),
            (Comparison::NotEqual, Value::String(tag)) => {
                Answer::exactly(tagged(block, |held| held == tag)).without(&Words::first(block.rows))
            }
            _ => Answer::unknown(block),
        },
        Filter::Substring { field: QueryField::Tags, text, negated } => {
            let text = lower(text);
            let found = Answer::exactly(tagged(block, |held| lower(held).contains(&text)));
            if *negated { found.without(&Words::first(block.rows)) } else { found }
        }
        Filter::Pattern { field: QueryField::Tags, pattern, negated } => {
            let found = Answer::exactly(tagged(block, |held| pattern.is_match(held)));
            if *negated { found.without(&Words::first(block.rows)) } else { found }
        }
        // There are no columns of series.
        Filter::Series { .. } => Answer::unknown(block),
        Filter::Compare { field, .. }
        | Filter::In { field, .. }
        | Filter::Between { field, .. }
        | Filter::Substring { field, .. }
        | Filter::Pattern { field, .. }
        | Filter::Words { field, .. }
        | Filter::IsNull { field }
        | Filter::IsNan { field } => match indexed(field) {
            None => Answer::unknown(block),
            Some(field) => match block.fields.get(&field) {
                Some(held) => Leaf { field: &field, held, texts, block }.answer(filter),
                // What is missing matches nothing but its being so.
                None if matches!(filter, Filter::IsNull { .. }) => Answer::exactly(Words::first(block.rows)),
                None => Answer::exactly(Words::empty()),
            },
        },
    }
}

fn tagged(block: &Block, is: impl Fn(&str) -> bool) -> Words {
    let mut words = Words::empty();
    block.tags.iter().filter(|(tag, _)| is(tag)).for_each(|(_, rows)| words.insert_all(rows));
    words
}

/// A condition on one field that has columns.
struct Leaf<'a> {
    field: &'a IndexedField,
    held: &'a FieldBlock,
    texts: &'a Texts,
    block: &'a Block,
}

impl Leaf<'_> {
    fn answer(&self, filter: &Filter) -> Answer {
        let (found, negated) = match filter {
            Filter::Compare { comparison: Comparison::NotEqual, value, .. } => {
                (self.compare(Comparison::Equal, value), true)
            }
            Filter::Compare { comparison, value, .. } => (self.compare(*comparison, value), false),
            Filter::In { values, negated, .. } => {
                let mut found = Answer::exactly(Words::empty());
                values.iter().for_each(|value| found.or(&self.compare(Comparison::Equal, value)));
                (found, *negated)
            }
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
            Filter::Words { words, .. } => (self.each_text(|held| all_occur(words, [held.into()])), false),
            Filter::IsNull { .. } => {
                let mut held = self.held.present.clone();
                held.insert_all(&self.held.nan);
                return Answer::exactly(held).without(&Words::first(self.block.rows));
            }
            Filter::IsNan { .. } => return Answer::exactly(Words::of(&self.held.nan)),
            Filter::And(_) | Filter::Or(_) | Filter::Not(_) | Filter::Series { .. } => {
                return Answer::unknown(self.block);
            }
        };
        if negated { found.without(&self.held.present) } else { found }
    }

    fn compare(&self, comparison: Comparison, operand: &Value) -> Answer {
        match operand {
            Value::Int(_) | Value::Float(_) => {
                let mut words = Words::empty();
                if let Some(positions) = range(&self.held.numbers, comparison, operand) {
                    self.held.numbers.insert_into(positions, &mut words);
                }
                self.or_odd(words)
            }
            Value::String(text) if comparison == Comparison::Equal => {
                let mut words = Words::empty();
                if let Some(number) = self.texts.number(self.field, text) {
                    self.held.texts.insert_into(self.held.texts.equal(u64::from(number)), &mut words);
                }
                let mut answer = self.or_odd(words);
                self.held.hashes.insert_into(self.held.hashes.equal(hash(text)), &mut answer.possible);
                answer
            }
            Value::String(text) => self.each_text(|held| fits(comparison, Some(held.cmp(text)))),
            Value::Bool(bool) => {
                let mut words = Words::empty();
                for (held, rows) in [false, true].into_iter().zip(&self.held.bools) {
                    if fits(comparison, Some(held.cmp(bool))) {
                        words.insert_all(rows);
                    }
                }
                Answer::exactly(words)
            }
            // Nothing compares with these.
            Value::Null | Value::List(_) | Value::Map(_) => Answer::exactly(Words::empty()),
        }
    }

    /// The rows with a text that `is`.
    fn each_text(&self, is: impl Fn(&str) -> bool) -> Answer {
        let mut numbers = HashSet::new();
        self.texts.each(self.field, |number, text| {
            if is(text) {
                numbers.insert(u64::from(number));
            }
        });
        let mut words = Words::empty();
        for (number, positions) in self.held.texts.groups() {
            if numbers.contains(&number) {
                self.held.texts.insert_into(positions, &mut words);
            }
        }
        let mut answer = self.or_odd(words);
        answer.possible.or(&self.held.hashes.all());
        answer
    }

    fn or_odd(&self, sure: Words) -> Answer {
        let mut possible = sure.clone();
        possible.insert_all(&self.held.odd);
        Answer { sure, possible }
    }
}

/// The positions of the numbers that compare so with `operand`; none if nothing does.
fn range(numbers: &Column, comparison: Comparison, operand: &Value) -> Option<(usize, usize)> {
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
