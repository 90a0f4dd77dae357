//! What is refused in a filter before it meets a record.

use std::collections::BTreeSet;

use crate::error::{Error, Result};
use crate::id::EntityKind;
use crate::limits;
use crate::query::field::{QueryField, Shape};
use crate::query::filter::{Comparison, Filter};
use crate::value::Value;

impl Filter {
    /// Whether the filter can be asked of entities of `kind`. Searches check it themselves.
    ///
    /// # Errors
    /// `InvalidArgument` for a field that the kind has not, an empty key, or a value that the field is never
    /// compared with; `LimitExceeded` past [`limits::FILTER_DEPTH`], [`limits::FILTER_TERMS`],
    /// [`limits::FILTER_PATTERNS`] or [`limits::QUERY_PATTERN_BYTES`].
    pub fn check(&self, kind: EntityKind) -> Result<()> {
        self.walk(|term| check_term(term, kind))
    }

    /// Refuses what is too deep or has too many conditions.
    pub(super) fn check_size(&self) -> Result<()> {
        self.walk(|_| Ok(()))
    }

    /// Visits the conditions, as far as the limits go.
    fn walk(&self, mut visit: impl FnMut(&Filter) -> Result<()>) -> Result<()> {
        // Iterative, since the filter is not known to be shallow yet.
        let mut pending = vec![(self, 1_usize)];
        let (mut terms, mut patterns) = (0_usize, 0_usize);
        while let Some((filter, depth)) = pending.pop() {
            if depth > limits::FILTER_DEPTH {
                return Err(Error::limit(format!("a filter is nested deeper than {} levels", limits::FILTER_DEPTH)));
            }
            terms = terms.saturating_add(if let Filter::In { values, .. } = filter { values.len().max(1) } else { 1 });
            if terms > limits::FILTER_TERMS {
                return Err(Error::limit(format!("a filter has more than {} conditions", limits::FILTER_TERMS)));
            }
            patterns += usize::from(matches!(filter, Filter::Pattern { .. }));
            if patterns > limits::FILTER_PATTERNS {
                return Err(Error::limit(format!("a filter has more than {} patterns", limits::FILTER_PATTERNS)));
            }
            match filter {
                Filter::And(inner) | Filter::Or(inner) => pending.extend(inner.iter().map(|inner| (inner, depth + 1))),
                Filter::Not(inner) => pending.push((inner, depth + 1)),
                term => visit(term)?,
            }
        }
        Ok(())
    }

    /// The fields the filter names; some twice.
    pub(crate) fn fields(&self) -> Vec<&QueryField> {
        let mut pending = vec![self];
        let mut fields = Vec::new();
        while let Some(filter) = pending.pop() {
            match filter {
                Filter::And(inner) | Filter::Or(inner) => pending.extend(inner),
                Filter::Not(inner) => pending.push(inner),
                condition => fields.extend(condition.field_asked()),
            }
        }
        fields
    }

    /// The keys of which it asks what was observed, and not the whole series.
    pub(crate) fn observed(&self) -> BTreeSet<&str> {
        let observed = self.fields().into_iter().filter_map(|field| match field {
            QueryField::Observation(key) => Some(key.as_str()),
            _ => None,
        });
        observed.collect()
    }
}

fn check_term(term: &Filter, kind: EntityKind) -> Result<()> {
    match term {
        Filter::And(_) | Filter::Or(_) | Filter::Not(_) => Ok(()),
        Filter::Compare { field, comparison, value } => {
            field.check(kind)?;
            let ordered = !matches!(comparison, Comparison::Equal | Comparison::NotEqual);
            check_value(field, value, ordered)
        }
        Filter::In { field, values, .. } => {
            field.check(kind)?;
            check_single(field)?;
            values.iter().try_for_each(|value| check_value(field, value, false))
        }
        Filter::Between { field, low, high, .. } => {
            field.check(kind)?;
            check_value(field, low, true)?;
            check_value(field, high, true)?;
            if low.as_str().is_some() == high.as_str().is_some() {
                return Ok(());
            }
            Err(Error::invalid(format!("{field} is compared with both a number and a text: {low}, {high}")))
        }
        Filter::Substring { field, .. } => {
            field.check(kind)?;
            check_holds_text(field)
        }
        Filter::Pattern { field, pattern, .. } => {
            field.check(kind)?;
            check_holds_text(field)?;
            pattern.check()
        }
        Filter::Words { field, words: operand } => {
            field.check(kind)?;
            // All text is there for this alone.
            if *field != QueryField::Text {
                check_holds_text(field)?;
            }
            operand.check()
        }
        Filter::IsNull { field } | Filter::IsNan { field } => {
            field.check(kind)?;
            check_single(field)
        }
    }
}

fn check_holds_text(field: &QueryField) -> Result<()> {
    match field.shape() {
        Shape::Number => Err(Error::invalid(format!("{field} is a number, and contains no text"))),
        _ => check_single(field),
    }
}

/// Refuses the field that is no field, but several.
fn check_single(field: &QueryField) -> Result<()> {
    match field {
        QueryField::Text => Err(Error::invalid("text can only be asked what words it matches")),
        _ => Ok(()),
    }
}

fn check_value(field: &QueryField, value: &Value, ordered: bool) -> Result<()> {
    check_single(field)?;
    let refuse = |why: &str| Err(Error::invalid(format!("{field} is compared with {value}: {why}")));
    match (value, field.shape()) {
        (Value::Null, _) => refuse("ask whether it is null instead"),
        (Value::Float(float), _) if float.is_nan() => refuse("ask whether it is NaN instead"),
        (Value::List(_) | Value::Map(_), _) => refuse("a list or a map cannot be compared with"),
        (Value::Bool(_), Shape::Value) if ordered => refuse("truth values have no order"),
        (Value::Bool(_), Shape::Text | Shape::Set | Shape::Number) => refuse("it is no truth value"),
        (Value::String(_), Shape::Number) => refuse("it is a number"),
        _ => Ok(()),
    }
}
