//! Figures about what a search finds: counts per value, and numbers over all values of a field.
//!
//! Runs of the present are told by the columns of the filter index, without reading records, as far as those know.

use std::collections::HashMap;

use crate::entity::find::{Find, Findable};
use crate::error::{Error, Result};
use crate::query::evaluate::{Subject, values_of};
use crate::query::field::QueryField;
use crate::value::Value;

/// How many of what was found hold each value of a field.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Facets {
    /// The values with their counts: the most frequent first, of equal ones in order of values. Of a set, its elements.
    /// Numbers that are equal are one value, whether they are whole or doubles; NaN is one too.
    pub values: Vec<(Value, u64)>,
    /// How many hold none: it is missing, null, or an empty set.
    pub missing: u64,
    /// How many were found.
    pub total: u64,
}

/// Figures about the numbers of a field over what was found. Strings that read as numbers are no numbers here.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Aggregate {
    /// How many entities were found.
    pub total: u64,
    /// How many of them hold NaN.
    pub nan: u64,
    /// The other numbers, ascending.
    numbers: Vec<f64>,
}

impl Aggregate {
    /// How many hold a number, NaN not counted.
    pub fn count(&self) -> u64 {
        self.numbers.len() as u64
    }

    /// The least number.
    pub fn min(&self) -> Option<f64> {
        self.numbers.first().copied()
    }

    /// The greatest number.
    pub fn max(&self) -> Option<f64> {
        self.numbers.last().copied()
    }

    /// The arithmetic mean.
    pub fn mean(&self) -> Option<f64> {
        #[allow(clippy::cast_precision_loss)] // There are not 2^53 entities.
        let count = self.numbers.len() as f64;
        (count > 0.0).then(|| self.numbers.iter().sum::<f64>() / count)
    }

    /// The number that the part `q` of all does not exceed, from 0 for the least to 1 for the greatest; between two
    /// numbers it is interpolated, as numpy's `quantile` does; between a number and an infinity it is the infinity, and
    /// between both infinities NaN.
    pub fn quantile(&self, q: f64) -> Option<f64> {
        let last = self.numbers.len().checked_sub(1)?;
        if !(0.0..=1.0).contains(&q) {
            return None;
        }
        #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let (place, below) = (q * last as f64, (q * last as f64).floor() as usize);
        let low = self.numbers.get(below).copied()?;
        let high = self.numbers.get(below + 1).copied().unwrap_or(low);
        #[allow(clippy::cast_precision_loss)]
        let part = place - below as f64;
        Some(match (part == 0.0 || low == high, low.is_finite(), high.is_finite()) {
            (true, ..) => low,
            // The difference may be too great for a double.
            (_, true, true) if (high - low).is_finite() => (low + (high - low) * part).min(high),
            (_, true, true) => low * (1.0 - part) + high * part,
            // Nothing stands between a number and an infinity.
            (_, false, true) => low,
            (_, true, false) => high,
            (_, false, false) => f64::NAN,
        })
    }

    /// The number in the middle.
    pub fn median(&self) -> Option<f64> {
        self.quantile(0.5)
    }
}

/// What holds one value of a field.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Group {
    /// The value; none for what holds none.
    pub value: Option<Value>,
    /// The numbers of another field in it.
    pub aggregate: Aggregate,
}

/// A value by which things are told apart.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Key {
    Bool(bool),
    /// The bits of a double that is not -0.0; one NaN.
    Number(u64),
    /// A whole number that no double is.
    Large(i64),
    Text(String),
    /// Lists and maps, by their text.
    Rest(String),
}

/// What counts by value.
#[derive(Default)]
pub(crate) struct Counts {
    counts: HashMap<Key, (Value, u64)>,
    /// Apart, since each block names them again.
    texts: HashMap<String, u64>,
    missing: u64,
}

impl Key {
    fn of(value: &Value) -> Option<(Key, Value)> {
        Some(match value {
            Value::Null => return None,
            Value::Bool(bool) => (Key::Bool(*bool), value.clone()),
            Value::Int(int) => {
                #[allow(clippy::cast_precision_loss)] // Found out right away.
                let float = *int as f64;
                match Value::Float(float).numeric_cmp(value) {
                    Some(order) if order.is_eq() => (Key::Number((float + 0.0).to_bits()), value.clone()),
                    _ => (Key::Large(*int), value.clone()),
                }
            }
            Value::Float(float) if float.is_nan() => (Key::Number(f64::NAN.to_bits()), Value::Float(f64::NAN)),
            Value::Float(float) => {
                // A double that is whole is told as such, so that equal numbers are one value.
                #[allow(clippy::cast_possible_truncation)]
                let whole = Value::Int(*float as i64);
                let is_whole = whole.numeric_cmp(value).is_some_and(std::cmp::Ordering::is_eq);
                let value = if is_whole { whole } else { value.clone() };
                (Key::Number((float + 0.0).to_bits()), value)
            }
            Value::String(text) => (Key::Text(text.clone()), value.clone()),
            Value::List(_) | Value::Map(_) => (Key::Rest(value.to_string()), value.clone()),
        })
    }
}

impl Counts {
    pub(crate) fn add(&mut self, value: &Value, count: u64) {
        if count == 0 {
            return;
        }
        if let Value::String(text) = value {
            return self.add_text(text, count);
        }
        match Key::of(value) {
            Some((key, value)) => self.counts.entry(key).or_insert((value, 0)).1 += count,
            None => self.missing += count,
        }
    }

    pub(crate) fn add_text(&mut self, text: &str, count: u64) {
        match self.texts.get_mut(text) {
            Some(known) => *known += count,
            None if count > 0 => drop(self.texts.insert(text.to_owned(), count)),
            None => {}
        }
    }

    /// The values of one entity.
    pub(crate) fn add_all(&mut self, values: &[Value]) {
        if values.is_empty() {
            self.missing += 1;
        }
        values.iter().for_each(|value| self.add(value, 1));
    }

    pub(crate) fn add_missing(&mut self, count: u64) {
        self.missing += count;
    }

    fn finish(self, total: u64) -> Facets {
        let texts = self.texts.into_iter().map(|(text, count)| (Value::String(text), count));
        let mut values: Vec<(Value, u64)> = self.counts.into_values().chain(texts).collect();
        values.sort_by(|(a, m), (b, n)| n.cmp(m).then_with(|| a.total_cmp(b)));
        Facets { values, missing: self.missing, total }
    }
}

/// The number of a value, if it is one.
fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Int(_) | Value::Float(_) => value.as_f64(),
        _ => None,
    }
}

#[derive(Default)]
struct Numbers {
    total: u64,
    nan: u64,
    numbers: Vec<f64>,
}

impl Numbers {
    fn add(&mut self, value: Option<&Value>) {
        self.total += 1;
        match value.and_then(number) {
            Some(number) if number.is_nan() => self.nan += 1,
            Some(number) => self.numbers.push(number),
            None => {}
        }
    }

    fn finish(mut self) -> Aggregate {
        self.numbers.sort_unstable_by(f64::total_cmp);
        Aggregate { total: self.total, nan: self.nan, numbers: self.numbers }
    }
}

impl<T: Findable> Find<T> {
    /// How many of what is found hold each value of a field: of `tags`, say, to show beside a list of runs. All that
    /// matches counts, whatever the [`limit`](Self::limit).
    ///
    /// Costs some microseconds for each ten thousand runs if the values are few; without an index, reading each record.
    ///
    /// # Errors
    /// `InvalidArgument` if the kind has no such field, or it is all texts or observations; those of
    /// [`page`](Self::page).
    pub fn facets(&self, field: impl Into<QueryField>) -> Result<Facets> {
        let field = field.into();
        field.check(T::KIND)?;
        if matches!(field, QueryField::Observation(_) | QueryField::Text) {
            return Err(Error::invalid(format!("{field} has no facets: nothing has a few values of it")));
        }
        let mut counts = Counts::default();
        let total = self.begin(false)?.facets(&field, &mut counts)?;
        Ok(counts.finish(total))
    }

    /// The numbers of a field over all that is found, whatever the [`limit`](Self::limit): least, greatest, mean and
    /// quantiles.
    ///
    /// Holds eight bytes for each number.
    ///
    /// # Errors
    /// `InvalidArgument` if the kind has no such field, or if it is a set; those of [`page`](Self::page).
    pub fn aggregate(&self, field: impl Into<QueryField>) -> Result<Aggregate> {
        let field = field.into();
        field.check_single(T::KIND)?;
        let mut numbers = Numbers::default();
        self.begin(false)?.project(std::slice::from_ref(&field), &mut |cells| {
            numbers.add(cells.first().and_then(Option::as_ref));
            Ok(())
        })?;
        Ok(numbers.finish())
    }

    /// [`aggregate`](Self::aggregate) of a field, for each value of another: the largest groups first, of equal ones in
    /// order of values, and what has no value last.
    ///
    /// # Errors
    /// Those of [`aggregate`](Self::aggregate), of both fields.
    pub fn group_by(&self, by: impl Into<QueryField>, of: impl Into<QueryField>) -> Result<Vec<Group>> {
        let fields = [by.into(), of.into()];
        fields.iter().try_for_each(|field| field.check_single(T::KIND))?;
        let mut groups: HashMap<Option<Key>, (Option<Value>, Numbers)> = HashMap::new();
        self.begin(false)?.project(&fields, &mut |cells| {
            let [by, of] = cells.as_slice() else { return Ok(()) };
            let (key, value) = by.as_ref().and_then(Key::of).unzip();
            groups.entry(key).or_insert_with(|| (value, Numbers::default())).1.add(of.as_ref());
            Ok(())
        })?;
        let mut groups: Vec<Group> =
            groups.into_values().map(|(value, numbers)| Group { value, aggregate: numbers.finish() }).collect();
        groups.sort_by(|a, b| match (&a.value, &b.value) {
            (Some(one), Some(other)) => b.aggregate.total.cmp(&a.aggregate.total).then_with(|| one.total_cmp(other)),
            (one, other) => other.is_some().cmp(&one.is_some()),
        });
        Ok(groups)
    }

    /// The values of some fields of what is found, in the order of the search and up to its [`limit`](Self::limit): a
    /// row of a table for each entity, null where it holds nothing. As far as the filter index knows them, without
    /// reading records; a -0.0 reads as 0.0.
    ///
    /// # Errors
    /// `InvalidArgument` if the kind has no such field, or if one is a set; those of [`page`](Self::page).
    pub fn columns<F: Into<QueryField>>(&self, fields: impl IntoIterator<Item = F>) -> Result<Vec<Vec<Value>>> {
        let fields: Vec<QueryField> = fields.into_iter().map(Into::into).collect();
        fields.iter().try_for_each(|field| field.check_single(T::KIND))?;
        let mut table = Vec::new();
        self.begin(false)?.project_ordered(&fields, self.most(), &mut |cells| {
            table.push(cells.iter_mut().map(|cell| cell.take().unwrap_or(Value::Null)).collect());
            Ok(())
        })?;
        Ok(table)
    }
}

/// What an entity holds of some fields: none where that is missing or null.
pub(crate) type Cells = Vec<Option<Value>>;

/// What a record holds of some fields.
pub(crate) fn cells_of(subject: &Subject<'_>, fields: &[QueryField]) -> Cells {
    fields.iter().map(|field| values_of(subject, field).into_iter().next()).collect()
}
