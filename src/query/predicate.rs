//! ModelDB's predicates (`KeyValueQuery`), translated.

use crate::error::{Error, ErrorKind, Result};
use crate::id::EntityKind;
use crate::query::field::{QueryField, Shape};
use crate::query::filter::{Comparison, Filter};
use crate::value::Value;

/// A condition in ModelDB's protocol (`KeyValueQuery`): a dotted key, an operator, an operand. Several mean all.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Predicate {
    /// What is compared: `metrics.accuracy`, `tags`, `name`...
    pub key: String,
    /// How.
    pub operator: Operator,
    /// With what.
    pub value: Value,
}

/// How ModelDB compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Operator {
    /// Equal.
    #[default]
    Eq,
    /// The complement of `Eq`: what lacks the key matches as well.
    Ne,
    /// Greater.
    Gt,
    /// Greater or equal.
    Gte,
    /// Less.
    Lt,
    /// Less or equal.
    Lte,
    /// Has the operand as a part, in any case.
    Contain,
    /// The complement of `Contain`.
    NotContain,
    /// Equals one of a list.
    In,
    /// The complement of `In`.
    NotIn,
}

impl Operator {
    /// The operator of a number of the protocol.
    pub fn from_number(number: i32) -> Option<Self> {
        Some(match number {
            0 => Operator::Eq,
            1 => Operator::Ne,
            2 => Operator::Gt,
            3 => Operator::Gte,
            4 => Operator::Lt,
            5 => Operator::Lte,
            6 => Operator::Contain,
            7 => Operator::NotContain,
            8 => Operator::In,
            9 => Operator::NotIn,
            _ => return None,
        })
    }
}

impl Predicate {
    /// The condition that `key` is to `value` as `operator` says.
    pub fn new(key: impl Into<String>, operator: Operator, value: impl Into<Value>) -> Self {
        Predicate { key: key.into(), operator, value: value.into() }
    }

    /// The filter that means the same of entities of `kind`.
    ///
    /// # Errors
    /// `InvalidArgument` for a key that ModelDB does not search in that kind, one without its part after the dot, an
    /// empty string, or an operand that key or operator do not take; `Unimplemented` for a struct or null.
    pub fn to_filter(&self, kind: EntityKind) -> Result<Filter> {
        let translated = self.field(kind).and_then(|field| self.translate(kind, field));
        let filter = translated.map_err(|error| error.context(format_args!("the predicate on {:?}", self.key)))?;
        filter.check(kind)?;
        Ok(filter)
    }

    fn field(&self, kind: EntityKind) -> Result<QueryField> {
        if self.key.is_empty() {
            return Err(Error::invalid("its key is empty"));
        }
        if self.key.starts_with("workspace") {
            return Err(Error::invalid("a workspace is a scope of its own"));
        }
        let field = QueryField::from(self.key.as_str());
        // Only the names of the protocol, and no field that it does not know.
        let is_own = matches!(
            field,
            QueryField::VersionNumber
                | QueryField::ShortName
                | QueryField::Readme
                | QueryField::Status
                | QueryField::Text
                | QueryField::Series(..)
        );
        let is_spelled = field.to_string() == self.key || self.key == "features.name";
        if is_own {
            return Err(Error::invalid("predicates do not search it"));
        }
        if !is_spelled {
            QueryField::Unknown(self.key.clone()).check(kind)?;
        }
        field.check(kind)?;
        Ok(field)
    }

    fn translate(&self, kind: EntityKind, field: QueryField) -> Result<Filter> {
        let compare = |comparison| -> Result<Filter> {
            let value = self.scalar(&field, &self.value)?;
            Ok(Filter::Compare { field: field.clone(), comparison, value })
        };
        // A project's id is looked up, not searched for.
        let is_lookup = matches!(self.operator, Operator::Eq | Operator::In | Operator::NotIn);
        if kind == EntityKind::Project && field == QueryField::Id && !is_lookup {
            return Err(Error::invalid("it takes no other operator than EQ"));
        }
        match self.operator {
            Operator::Eq => compare(Comparison::Equal),
            Operator::Ne => compare(Comparison::Equal).map(|filter| !filter),
            Operator::Gt => compare(Comparison::Greater),
            Operator::Gte => compare(Comparison::GreaterOrEqual),
            Operator::Lt => compare(Comparison::Less),
            Operator::Lte => compare(Comparison::LessOrEqual),
            Operator::Contain => self.contain(field),
            Operator::NotContain => self.contain(field).map(|filter| !filter),
            Operator::In => self.list(field),
            Operator::NotIn => self.list(field).map(|filter| !filter),
        }
    }

    fn contain(&self, field: QueryField) -> Result<Filter> {
        let text = match self.scalar(&field, &self.value)? {
            Value::String(text) => text,
            // Without a point where there is no fraction, as clients write integers.
            Value::Float(float) => float.to_string(),
            Value::Int(int) => int.to_string(),
            other => return Err(Error::invalid(format!("{other} is no part of a text"))),
        };
        Ok(field.has_substring(text))
    }

    /// A list, or one operand as a list of one.
    fn list(&self, field: QueryField) -> Result<Filter> {
        let values = match &self.value {
            Value::List(items) => {
                // As in ModelDB, what cannot be compared with is dropped, unless nothing is left.
                let usable = |item: &&Value| match item {
                    Value::String(_) | Value::Int(_) | Value::Float(_) => true,
                    Value::Bool(_) => field.shape() == Shape::Value,
                    Value::Null | Value::List(_) | Value::Map(_) => false,
                };
                let values: Vec<&Value> = items.iter().filter(usable).collect();
                if values.is_empty() && !items.is_empty() {
                    return Err(Error::invalid("no item of its list can be compared with"));
                }
                values.into_iter().map(|item| self.scalar(&field, item)).collect::<Result<_>>()?
            }
            // The protocol lists owners in one string.
            Value::String(owners) if field == QueryField::Owner && !owners.is_empty() => {
                let owners = owners.split(',').map(str::trim).filter(|owner| !owner.is_empty());
                owners.map(Value::from).collect()
            }
            value => vec![self.scalar(&field, value)?],
        };
        Ok(Filter::In { field, values, negated: false })
    }

    /// One operand, as the field compares with it.
    fn scalar(&self, field: &QueryField, value: &Value) -> Result<Value> {
        match value {
            Value::Null | Value::Map(_) => {
                Err(Error::new(ErrorKind::Unimplemented, "nothing compares with a struct or null"))
            }
            Value::List(_) => Err(Error::invalid(format!("{:?} takes no list", self.operator))),
            Value::String(text) if text.is_empty() => Err(Error::invalid("its operand is empty")),
            Value::String(text) if field.shape() == Shape::Number => {
                let digits = text.bytes().all(|byte| byte.is_ascii_digit());
                let number = text.parse().ok().filter(|_| digits).map(Value::Int);
                number.ok_or_else(|| Error::invalid(format!("{text:?} is no number")))
            }
            value => Ok(value.clone()),
        }
    }
}
