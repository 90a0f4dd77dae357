//! Orders: by which fields, in which direction, and where what has no value goes.

use std::cmp::Ordering;
use std::fmt;

use crate::error::{Error, Result};
use crate::id::EntityKind;
use crate::query::evaluate::{Item, Subject, items};
use crate::query::field::{QueryField, Shape};
use crate::value::{Value, number_in};

/// A field to sort by, and how. From its name: `"metrics.accuracy"`, or `"-metrics.accuracy"` for descending.
///
/// Numbers come by mathematical value, then strings by code points, then booleans, then lists and maps. In attributes,
/// metrics and hyperparameters a string that reads as a number is one. In descending order all that is reversed. NaN
/// comes after the values and what is missing after NaN in both directions, unless
/// [`nulls_first`](Order::nulls_first). Of what is equal in all orders, the newest comes first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    field: QueryField,
    descending: bool,
    nulls_first: bool,
}

impl Order {
    /// From the least to the greatest.
    pub fn ascending(field: impl Into<QueryField>) -> Self {
        Order { field: field.into(), descending: false, nulls_first: false }
    }

    /// From the greatest to the least.
    pub fn descending(field: impl Into<QueryField>) -> Self {
        Order { field: field.into(), descending: true, nulls_first: false }
    }

    /// With what is missing before all else.
    #[must_use]
    pub fn nulls_first(mut self) -> Self {
        self.nulls_first = true;
        self
    }

    /// ModelDB's `sort_key` and `ascending`: an empty key is `date_updated`, and what is missing is smallest.
    pub fn sort_key(key: &str, ascending: bool) -> Self {
        let field = if key.is_empty() { QueryField::DateUpdated } else { QueryField::from(key) };
        Order { field, descending: !ascending, nulls_first: ascending }
    }

    /// A text that no other order has.
    pub(crate) fn fingerprint(&self) -> String {
        let direction = if self.descending { '-' } else { '+' };
        let nulls = if self.nulls_first { '<' } else { '>' };
        format!("{direction}{nulls}{}", self.field)
    }

    /// Refuses fields that entities of `kind` cannot be sorted by.
    pub(crate) fn check(&self, kind: EntityKind) -> Result<()> {
        match &self.field {
            // ModelDB sorts projects and experiments by metrics, too; they have none.
            QueryField::Metric(_) => self.field.check(EntityKind::Run),
            QueryField::Observation(_)
            | QueryField::Artifact(_)
            | QueryField::Dataset(_)
            | QueryField::Text
            | QueryField::ExperimentName => self.refuse(kind),
            field if field.shape() == Shape::Set => self.refuse(kind),
            field => field.check(kind),
        }
    }

    fn refuse(&self, kind: EntityKind) -> Result<()> {
        Err(Error::invalid(format!("{kind}s cannot be sorted by {}", self.field)))
    }

    /// Where an entity comes by this order.
    pub(crate) fn key(&self, subject: &Subject<'_>) -> SortKey {
        let Some(item) = items(subject, &self.field).into_iter().next() else { return SortKey::Missing };
        if self.field.shape() == Shape::Value
            && let Some(number) = item.number()
        {
            return SortKey::of(number);
        }
        match item {
            Item::Value(value) => SortKey::of(value.clone()),
            Item::Text(text) => SortKey::Text(text.into_owned()),
            Item::Number(number) => SortKey::Number(Value::Int(number)),
            Item::Made(value) => SortKey::of(value),
        }
    }

    /// The field.
    pub(crate) fn field(&self) -> &QueryField {
        &self.field
    }

    /// Where an entity comes that holds this value of the field, or none.
    pub(crate) fn key_of(&self, value: Option<Value>) -> SortKey {
        let Some(value) = value else { return SortKey::Missing };
        let number = value.as_str().filter(|_| self.field.shape() == Shape::Value).and_then(number_in);
        SortKey::of(number.unwrap_or(value))
    }

    /// The field, and whether it is descending, if numbers come before what is missing.
    pub(crate) fn by_values(&self) -> Option<(&QueryField, bool)> {
        let sees_numbers = matches!(self.field.shape(), Shape::Value | Shape::Number);
        (sees_numbers && !self.nulls_first).then_some((&self.field, self.descending))
    }

    fn compare(&self, a: &SortKey, b: &SortKey) -> Ordering {
        let place = |key: &SortKey| match key {
            SortKey::Missing if self.nulls_first => 0,
            SortKey::Nan => 2,
            SortKey::Missing => 3,
            _ => 1,
        };
        place(a).cmp(&place(b)).then_with(|| {
            let order = a.compare_values(b);
            if self.descending { order.reverse() } else { order }
        })
    }
}

/// Which of two entities comes first by several orders; of equal ones the later row.
pub(crate) fn compare(orders: &[Order], a: &(Vec<SortKey>, u32), b: &(Vec<SortKey>, u32)) -> Ordering {
    let differing = orders.iter().zip(a.0.iter().zip(&b.0)).map(|(order, (a, b))| order.compare(a, b));
    differing.into_iter().find(|order| order.is_ne()).unwrap_or_else(|| b.1.cmp(&a.1))
}

impl fmt::Display for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (sign, nulls) =
            (if self.descending { "-" } else { "" }, if self.nulls_first { " nulls first" } else { "" });
        write!(f, "{sign}{}{nulls}", self.field)
    }
}

impl From<&str> for Order {
    fn from(name: &str) -> Self {
        match name.strip_prefix('-') {
            Some(name) => Order::descending(name),
            None => Order::ascending(name),
        }
    }
}

impl From<QueryField> for Order {
    fn from(field: QueryField) -> Self {
        Order::ascending(field)
    }
}

/// What an entity is sorted by.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum SortKey {
    /// Not NaN.
    Number(Value),
    Text(String),
    Bool(bool),
    Rest(Value),
    Nan,
    Missing,
}

impl SortKey {
    fn of(value: Value) -> Self {
        match value {
            Value::Null => SortKey::Missing,
            Value::Float(float) if float.is_nan() => SortKey::Nan,
            Value::Int(_) | Value::Float(_) => SortKey::Number(value),
            Value::String(text) => SortKey::Text(text),
            Value::Bool(bool) => SortKey::Bool(bool),
            Value::List(_) | Value::Map(_) => SortKey::Rest(value),
        }
    }

    fn compare_values(&self, other: &SortKey) -> Ordering {
        let class = |key: &SortKey| match key {
            SortKey::Number(_) => 0,
            SortKey::Text(_) => 1,
            SortKey::Bool(_) => 2,
            SortKey::Rest(_) => 3,
            SortKey::Nan => 4,
            SortKey::Missing => 5,
        };
        match (self, other) {
            (SortKey::Number(a), SortKey::Number(b)) => a.numeric_cmp(b).unwrap_or(Ordering::Equal),
            (SortKey::Text(a), SortKey::Text(b)) => a.cmp(b),
            (SortKey::Bool(a), SortKey::Bool(b)) => a.cmp(b),
            (SortKey::Rest(a), SortKey::Rest(b)) => a.total_cmp(b),
            _ => class(self).cmp(&class(other)),
        }
    }
}
