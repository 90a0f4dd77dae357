//! Filters: the one tree that every dialect is translated to, and a builder for it.

use crate::query::field::{QueryField, Shape};
use crate::query::pattern::{Pattern, PatternSyntax};
use crate::time::Timestamp;
use crate::value::Value;
use crate::words::TextQuery;

/// A condition on entities. Built from fields:
///
/// ```
/// use modeldb::Filter;
/// let good = Filter::metric("accuracy").gt(0.9).and(Filter::tag("baseline"));
/// let either = Filter::field("name").contains("forest").or(!good);
/// ```
///
/// A filter is true or false of an entity, never unknown:
///
/// - Numbers compare by mathematical value, integers with doubles too. A number also meets a stored string that
///   reads as a number: digits with an optional sign, point and exponent, blanks around them ignored. Strings
///   compare with strings, by code points; booleans are equal or not. What cannot be compared is not equal.
/// - A field that is missing, null or NaN fulfils no comparison, neither `ne` nor any other negative one. `!filter`
///   is the complement, and matches it. Builtin texts that are empty, and dates that are unset, are missing.
/// - On a set (tags, features, links) a positive comparison asks for some element, a negative one for none. A set is
///   never missing.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Filter {
    /// All of them; with none, everything.
    And(Vec<Filter>),
    /// One of them; with none, nothing.
    Or(Vec<Filter>),
    /// The complement.
    Not(Box<Filter>),
    /// A field against a number, a text or a truth value.
    Compare {
        /// What is compared...
        field: QueryField,
        /// ...how...
        comparison: Comparison,
        /// ...with what.
        value: Value,
    },
    /// A field equals one of the values, or, negated, none.
    In {
        /// What is compared.
        field: QueryField,
        /// With what.
        values: Vec<Value>,
        /// None instead of one.
        negated: bool,
    },
    /// A field is from `low` up to and with `high`, or, negated, outside.
    Between {
        /// What is compared.
        field: QueryField,
        /// The least.
        low: Value,
        /// The greatest.
        high: Value,
        /// Outside instead of within.
        negated: bool,
    },
    /// `text` stands literally in a string, in any case; in a list or a map, in its compact JSON text. On a set: in
    /// some element.
    Substring {
        /// Where it is looked for.
        field: QueryField,
        /// What is looked for.
        text: String,
        /// Absent instead of present.
        negated: bool,
    },
    /// A text fits a pattern. On a list or a map: its compact JSON text does. On a set: some element.
    Pattern {
        /// What is held against it.
        field: QueryField,
        /// The pattern.
        pattern: Pattern,
        /// Unlike it instead of like it.
        negated: bool,
    },
    /// The words, phrases and beginnings of `words` occur in a field; on a set, in its elements taken together.
    Words {
        /// Where they are looked for.
        field: QueryField,
        /// What is looked for.
        words: TextQuery,
    },
    /// A field is missing or null.
    IsNull {
        /// Which.
        field: QueryField,
    },
    /// A field is NaN.
    IsNan {
        /// Which.
        field: QueryField,
    },
}

/// How two values are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Comparison {
    /// `=`
    Equal,
    /// `!=`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
}

impl Filter {
    /// The field of a single condition.
    pub(crate) fn field_asked(&self) -> Option<&QueryField> {
        match self {
            Filter::Compare { field, .. }
            | Filter::In { field, .. }
            | Filter::Between { field, .. }
            | Filter::Substring { field, .. }
            | Filter::Pattern { field, .. }
            | Filter::Words { field, .. }
            | Filter::IsNull { field }
            | Filter::IsNan { field } => Some(field),
            Filter::And(_) | Filter::Or(_) | Filter::Not(_) => None,
        }
    }

    /// Everything.
    pub fn all() -> Self {
        Filter::And(Vec::new())
    }

    /// The field of a name, as in `Filter::field("metrics.accuracy")`.
    pub fn field(name: impl Into<QueryField>) -> QueryField {
        name.into()
    }

    /// The metric of a key.
    pub fn metric(key: impl Into<String>) -> QueryField {
        QueryField::Metric(key.into())
    }

    /// The hyperparameter of a key.
    pub fn hyperparameter(key: impl Into<String>) -> QueryField {
        QueryField::Hyperparameter(key.into())
    }

    /// The attribute of a key.
    pub fn attribute(key: impl Into<String>) -> QueryField {
        QueryField::Attribute(key.into())
    }

    /// What has this tag.
    pub fn tag(tag: impl Into<String>) -> Self {
        QueryField::Tags.contains(tag)
    }

    /// Both.
    #[must_use]
    pub fn and(self, other: Filter) -> Self {
        match self {
            Filter::And(mut all) => {
                all.push(other);
                Filter::And(all)
            }
            first => Filter::And(vec![first, other]),
        }
    }

    /// One of the two, or both.
    #[must_use]
    pub fn or(self, other: Filter) -> Self {
        match self {
            Filter::Or(mut any) => {
                any.push(other);
                Filter::Or(any)
            }
            first => Filter::Or(vec![first, other]),
        }
    }
}

impl std::ops::Not for Filter {
    type Output = Filter;
    /// The complement: what does not match, for whatever reason.
    fn not(self) -> Filter {
        match self {
            Filter::Not(inner) => *inner,
            filter => Filter::Not(Box::new(filter)),
        }
    }
}

impl QueryField {
    fn compare(self, comparison: Comparison, value: Value) -> Filter {
        Filter::Compare { field: self, comparison, value }
    }

    /// Equal; on a set: some element is.
    pub fn eq(self, value: impl Into<Value>) -> Filter {
        self.compare(Comparison::Equal, value.into())
    }

    /// There, and not equal; on a set: no element is equal.
    pub fn ne(self, value: impl Into<Value>) -> Filter {
        self.compare(Comparison::NotEqual, value.into())
    }

    /// Less.
    pub fn lt(self, value: impl Into<Value>) -> Filter {
        self.compare(Comparison::Less, value.into())
    }

    /// Less or equal.
    pub fn le(self, value: impl Into<Value>) -> Filter {
        self.compare(Comparison::LessOrEqual, value.into())
    }

    /// Greater.
    pub fn gt(self, value: impl Into<Value>) -> Filter {
        self.compare(Comparison::Greater, value.into())
    }

    /// Greater or equal.
    pub fn ge(self, value: impl Into<Value>) -> Filter {
        self.compare(Comparison::GreaterOrEqual, value.into())
    }

    /// Equal to one of the values.
    pub fn is_in<T: Into<Value>>(self, values: impl IntoIterator<Item = T>) -> Filter {
        Filter::In { field: self, values: values.into_iter().map(Into::into).collect(), negated: false }
    }

    /// There, and equal to none of the values.
    pub fn not_in<T: Into<Value>>(self, values: impl IntoIterator<Item = T>) -> Filter {
        Filter::In { field: self, values: values.into_iter().map(Into::into).collect(), negated: true }
    }

    /// From `low` up to and with `high`.
    pub fn between(self, low: impl Into<Value>, high: impl Into<Value>) -> Filter {
        Filter::Between { field: self, low: low.into(), high: high.into(), negated: false }
    }

    /// There, and not from `low` up to and with `high`.
    pub fn not_between(self, low: impl Into<Value>, high: impl Into<Value>) -> Filter {
        Filter::Between { field: self, low: low.into(), high: high.into(), negated: true }
    }

    /// On a set: it has this element. Elsewhere: `text` is part of it, literally and in any case.
    pub fn contains(self, text: impl Into<String>) -> Filter {
        match self.shape() {
            Shape::Set => self.eq(text.into()),
            _ => self.has_substring(text),
        }
    }

    /// On a set: it lacks this element. Elsewhere: there, and `text` is no part of it.
    pub fn not_contains(self, text: impl Into<String>) -> Filter {
        match self.shape() {
            Shape::Set => self.ne(text.into()),
            _ => Filter::Substring { field: self, text: text.into(), negated: true },
        }
    }

    /// `text` is part of it, literally and in any case; on a set: of some element.
    pub fn has_substring(self, text: impl Into<String>) -> Filter {
        Filter::Substring { field: self, text: text.into(), negated: false }
    }

    /// The whole of it fits a pattern of `%` (any run of characters), `_` (one character) and literal characters; a
    /// backslash takes the next one literally.
    pub fn like(self, pattern: impl Into<String>) -> Filter {
        self.pattern(PatternSyntax::Like, pattern.into())
    }

    /// As [`like`](Self::like), in any case.
    pub fn ilike(self, pattern: impl Into<String>) -> Filter {
        self.pattern(PatternSyntax::LikeAnyCase, pattern.into())
    }

    /// A regular expression is found in it: see [`PatternSyntax::Regex`].
    pub fn rlike(self, pattern: impl Into<String>) -> Filter {
        self.pattern(PatternSyntax::Regex, pattern.into())
    }

    fn pattern(self, syntax: PatternSyntax, pattern: String) -> Filter {
        Filter::Pattern { field: self, pattern: Pattern::new(syntax, pattern), negated: false }
    }

    /// The words, phrases and beginnings of a [`TextQuery`] occur in it.
    pub fn matches(self, words: impl Into<TextQuery>) -> Filter {
        Filter::Words { field: self, words: words.into() }
    }

    /// Missing or null. Never true of a set.
    pub fn is_null(self) -> Filter {
        Filter::IsNull { field: self }
    }

    /// There, and not null.
    pub fn is_not_null(self) -> Filter {
        !self.is_null()
    }

    /// NaN.
    pub fn is_nan(self) -> Filter {
        Filter::IsNan { field: self }
    }
}

/// Dates compare as milliseconds.
impl From<Timestamp> for Value {
    fn from(time: Timestamp) -> Value {
        Value::Int(time.millis())
    }
}
