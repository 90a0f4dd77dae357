//! Values of attributes, metrics and hyperparameters: typed, lossless, totally ordered.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::fmt;

use crate::error::{Error, Result};
use crate::limits;

/// A value as ModelDB's `google.protobuf.Value` has it, but lossless: integers stay integers.
///
/// Equality is of stored form: `Int(1)` and `Float(1.0)` differ, every NaN equals every NaN (one NaN is
/// stored), and `-0.0` differs from `0.0`.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub enum Value {
    /// JSON's null.
    #[default]
    Null,
    /// A truth value.
    Bool(bool),
    /// A whole number, exact beyond 2^53.
    Int(i64),
    /// A double, NaN and both infinities included.
    Float(f64),
    /// Text, never reinterpreted as a number.
    String(String),
    /// A list of values.
    List(Vec<Value>),
    /// A map from text to values, in ascending order of keys.
    Map(BTreeMap<String, Value>),
}

impl Value {
    /// The value as a double: of an `Int` or a `Float`.
    #[allow(clippy::cast_precision_loss)]
    pub fn as_f64(&self) -> Option<f64> {
        match self {
            Value::Int(int) => Some(*int as f64),
            Value::Float(float) => Some(*float),
            _ => None,
        }
    }

    /// The value as an integer: of an `Int` only.
    pub fn as_i64(&self) -> Option<i64> {
        match self {
            Value::Int(int) => Some(*int),
            _ => None,
        }
    }

    /// The value as text: of a `String` only.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Value::String(text) => Some(text),
            _ => None,
        }
    }

    /// The value as a truth value: of a `Bool` only.
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Value::Bool(bool) => Some(*bool),
            _ => None,
        }
    }

    /// A total order: numbers by mathematical value (NaN after all of them), then strings, booleans,
    /// lists, maps, null. Equal only if equal.
    pub fn total_cmp(&self, other: &Value) -> Ordering {
        fn class(value: &Value) -> u8 {
            match value {
                Value::Int(_) | Value::Float(_) => 0,
                Value::String(_) => 1,
                Value::Bool(_) => 2,
                Value::List(_) => 3,
                Value::Map(_) => 4,
                Value::Null => 5,
            }
        }
        match (self, other) {
            (Value::Int(a), Value::Int(b)) => a.cmp(b),
            (Value::Float(a), Value::Float(b)) => canonical(*a).total_cmp(&canonical(*b)),
            // Equal numbers of different kinds still differ, integers first.
            (Value::Int(a), Value::Float(b)) => cmp_int_float(*a, *b).then(Ordering::Less),
            (Value::Float(a), Value::Int(b)) => cmp_int_float(*b, *a).then(Ordering::Less).reverse(),
            (Value::String(a), Value::String(b)) => a.cmp(b),
            (Value::Bool(a), Value::Bool(b)) => a.cmp(b),
            (Value::List(a), Value::List(b)) => {
                let differing = a.iter().zip(b).map(|(a, b)| a.total_cmp(b)).find(|order| order.is_ne());
                differing.unwrap_or(a.len().cmp(&b.len()))
            }
            (Value::Map(a), Value::Map(b)) => {
                let differing = a
                    .iter()
                    .zip(b)
                    .map(|((ka, va), (kb, vb))| ka.cmp(kb).then_with(|| va.total_cmp(vb)))
                    .find(|order| order.is_ne());
                differing.unwrap_or(a.len().cmp(&b.len()))
            }
            _ => class(self).cmp(&class(other)),
        }
    }

    /// The order of two numbers by mathematical value alone: `Int(1)` equals `Float(1.0)`, and `0.0` equals `-0.0`.
    /// None if one is NaN or no number.
    pub(crate) fn numeric_cmp(&self, other: &Value) -> Option<Ordering> {
        match (self, other) {
            (Value::Int(a), Value::Int(b)) => Some(a.cmp(b)),
            (Value::Float(a), Value::Float(b)) => a.partial_cmp(b),
            (Value::Int(a), Value::Float(b)) if !b.is_nan() => Some(cmp_int_float(*a, *b)),
            (Value::Float(a), Value::Int(b)) if !a.is_nan() => Some(cmp_int_float(*b, *a).reverse()),
            _ => None,
        }
    }

    /// Refuses values nested deeper than [`limits::VALUE_DEPTH`].
    pub(crate) fn check_depth(&self) -> Result<()> {
        // Iterative, since the value is not known to be shallow yet.
        let mut pending = vec![(self, 1_usize)];
        while let Some((value, depth)) = pending.pop() {
            if depth > limits::VALUE_DEPTH {
                return Err(Error::limit(format!("a value is nested deeper than {} levels", limits::VALUE_DEPTH)));
            }
            match value {
                Value::List(items) => pending.extend(items.iter().map(|item| (item, depth + 1))),
                Value::Map(map) => pending.extend(map.values().map(|item| (item, depth + 1))),
                _ => {}
            }
        }
        Ok(())
    }
}

/// The number that a text reads as: decimal, with an optional sign, point and exponent. Control characters and
/// blanks around it do not count. What overflows is no number.
pub(crate) fn number_in(text: &str) -> Option<Value> {
    let text = text.trim_matches(|char: char| char <= ' ');
    // Neither "inf" nor "nan" nor another base.
    if !text.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte)) {
        return None;
    }
    if let Ok(int) = text.parse() {
        return Some(Value::Int(int));
    }
    text.parse().ok().filter(|float: &f64| float.is_finite()).map(Value::Float)
}

/// A value as it stands in a record: borrowed where it can be.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum ValueRef<'a> {
    /// JSON's null.
    Null,
    /// A truth value.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A double.
    Float(f64),
    /// Text; borrowed unless it is long enough to be stored beside the record.
    String(Cow<'a, str>),
    /// A list or a map, decoded.
    Nested(Value),
}

impl ValueRef<'_> {
    /// The value, owned.
    pub fn into_value(self) -> Value {
        match self {
            ValueRef::Null => Value::Null,
            ValueRef::Bool(bool) => Value::Bool(bool),
            ValueRef::Int(int) => Value::Int(int),
            ValueRef::Float(float) => Value::Float(float),
            ValueRef::String(text) => Value::String(text.into_owned()),
            ValueRef::Nested(value) => value,
        }
    }

    /// The value as a double: of an `Int` or a `Float`.
    #[allow(clippy::cast_precision_loss)]
    pub fn as_f64(&self) -> Option<f64> {
        match self {
            ValueRef::Int(int) => Some(*int as f64),
            ValueRef::Float(float) => Some(*float),
            _ => None,
        }
    }

    /// The value as text: of a `String` only.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            ValueRef::String(text) => Some(text),
            _ => None,
        }
    }
}

/// The one NaN that is stored for all.
pub(crate) fn canonical(float: f64) -> f64 {
    if float.is_nan() { f64::from_bits(0x7ff8_0000_0000_0000) } else { float }
}

/// By mathematical value, NaN above all.
#[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation)]
fn cmp_int_float(int: i64, float: f64) -> Ordering {
    const TWO_63: f64 = 9_223_372_036_854_775_808.0;
    if float.is_nan() || float >= TWO_63 {
        return Ordering::Less;
    }
    if float < -TWO_63 {
        return Ordering::Greater;
    }
    // In range, so the truncation is exact and only the fraction is left to compare.
    let whole = float.trunc() as i64;
    int.cmp(&whole).then_with(|| {
        let fraction = float.fract();
        if fraction > 0.0 {
            Ordering::Less
        } else if fraction < 0.0 {
            Ordering::Greater
        } else {
            Ordering::Equal
        }
    })
}

impl PartialEq for Value {
    fn eq(&self, other: &Value) -> bool {
        self.total_cmp(other).is_eq()
    }
}

impl Eq for Value {}

impl fmt::Display for Value {
    /// JSON-like; NaN and the infinities are written as such.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Null => f.write_str("null"),
            Value::Bool(bool) => bool.fmt(f),
            Value::Int(int) => int.fmt(f),
            Value::Float(float) => write!(f, "{float:?}"),
            Value::String(text) => write!(f, "{text:?}"),
            Value::List(items) => f.debug_list().entries(items.iter().map(Shown)).finish(),
            Value::Map(map) => f.debug_map().entries(map.iter().map(|(key, item)| (key, Shown(item)))).finish(),
        }
    }
}

struct Shown<'a>(&'a Value);

impl fmt::Debug for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self.0, f)
    }
}

macro_rules! value_from {
    ($($from:ty => $variant:ident),* $(,)?) => {
        $(impl From<$from> for Value {
            fn from(value: $from) -> Value { Value::$variant(value.into()) }
        })*
    };
}

value_from! {
    bool => Bool, i64 => Int, i32 => Int, i16 => Int, i8 => Int, u32 => Int, u16 => Int, u8 => Int,
    f64 => Float, f32 => Float, String => String, &str => String, &String => String,
    Cow<'_, str> => String,
}

impl<T: Into<Value>> From<Vec<T>> for Value {
    fn from(items: Vec<T>) -> Value {
        Value::List(items.into_iter().map(Into::into).collect())
    }
}

impl<T: Into<Value>, const N: usize> From<[T; N]> for Value {
    fn from(items: [T; N]) -> Value {
        items.into_iter().collect()
    }
}

impl<T: Into<Value> + Clone> From<&[T]> for Value {
    fn from(items: &[T]) -> Value {
        items.iter().cloned().collect()
    }
}

/// A list.
impl<T: Into<Value>> FromIterator<T> for Value {
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> Value {
        Value::List(items.into_iter().map(Into::into).collect())
    }
}

impl<K: Into<String>, V: Into<Value>> From<BTreeMap<K, V>> for Value {
    fn from(map: BTreeMap<K, V>) -> Value {
        Value::Map(map.into_iter().map(|(key, item)| (key.into(), item.into())).collect())
    }
}

impl From<&Value> for Value {
    fn from(value: &Value) -> Value {
        value.clone()
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Value {
        value.map_or(Value::Null, Into::into)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_order_by_mathematical_value() {
        let ascending = [
            Value::Float(f64::NEG_INFINITY),
            Value::Int(i64::MIN),
            Value::Float(-1.5),
            Value::Int(-1),
            Value::Int((1 << 53) + 1),
            Value::Float(9_007_199_254_740_994.0),
            Value::Int(i64::MAX),
            Value::Float(9_223_372_036_854_775_808.0),
            Value::Float(f64::INFINITY),
            Value::Float(f64::NAN),
            Value::String("0".into()),
            Value::Bool(false),
            Value::Null,
        ];
        for (i, a) in ascending.iter().enumerate() {
            for (j, b) in ascending.iter().enumerate() {
                assert_eq!(a.total_cmp(b), i.cmp(&j), "{a} {b}");
            }
        }
    }

    #[test]
    fn depth_is_bounded_without_recursion() {
        let mut deep = Value::Null;
        for _ in 0..limits::VALUE_DEPTH - 1 {
            deep = Value::List(vec![deep]);
        }
        assert!(deep.check_depth().is_ok());
        assert!(Value::List(vec![deep]).check_depth().is_err());
    }
}
