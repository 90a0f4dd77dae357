//! The expressions of ModelDB's Python client: `key operator value`.

use super::failure::Failure;
use crate::query::predicate::{Operator, Predicate};
use crate::value::Value;

/// Longer ones first, as the client looks for them.
const OPERATORS: [(&str, Operator); 7] = [
    (" ~= ", Operator::Contain),
    (" == ", Operator::Eq),
    (" != ", Operator::Ne),
    (" >= ", Operator::Gte),
    (" <= ", Operator::Lte),
    (" > ", Operator::Gt),
    (" < ", Operator::Lt),
];

pub(super) fn parse(text: &str) -> Result<Predicate, Failure> {
    let found = OPERATORS.iter().filter_map(|(sign, operator)| Some((text.find(sign)?, *sign, *operator)));
    let Some((at, sign, operator)) = found.min_by_key(|(at, ..)| *at) else {
        let message =
            "expected a key, an operator (~= == != > >= < <=) and a value, with a space on either side of the operator";
        return Err(Failure::invalid(text.len(), message));
    };
    let key = text.get(..at).unwrap_or_default().trim_matches(' ');
    let value = text.get(at + sign.len()..).unwrap_or_default().trim_matches(' ');
    if key.is_empty() {
        return Err(Failure::invalid(0, "expected a key before the operator"));
    }
    Ok(Predicate::new(key, operator, operand(value)))
}

/// A number if Python's `float` reads one, else a text without its quotes.
fn operand(text: &str) -> Value {
    if let Some(number) = python_float(text) {
        return number;
    }
    let inner = ['"', '\''].iter().find_map(|quote| text.strip_prefix(*quote)?.strip_suffix(*quote));
    Value::from(inner.unwrap_or(text))
}

fn python_float(text: &str) -> Option<Value> {
    let text = text.trim();
    // An underscore may stand between two digits.
    let is_digit = |at: Option<usize>| at.and_then(|at| text.as_bytes().get(at)).is_some_and(u8::is_ascii_digit);
    let mut underscores = text.match_indices('_');
    if !underscores.all(|(at, _)| is_digit(at.checked_sub(1)) && is_digit(Some(at + 1))) {
        return None;
    }
    let text = text.replace('_', "");
    // Exact where Python would round.
    text.parse().map(Value::Int).or_else(|_| text.parse().map(Value::Float)).ok()
}
