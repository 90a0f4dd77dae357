//! MLflow's `filter_string` for runs: comparisons with `and` between.

use winnow::combinator::{alt, opt, separated};
use winnow::prelude::*;
use winnow::stream::{Location, Stream};
use winnow::token::take_while;

use super::failure::{Failure, suggestion};
use super::lex::{
    Input, Parsed, comparison, expected, fail, failure, input, is_at_end, is_bare, keyword, list, number, pattern,
    shown, start, takes, term, word,
};
use crate::model::RunStatus;
use crate::query::field::QueryField;
use crate::query::filter::{Comparison, Filter};
use crate::query::pattern::PatternSyntax;
use crate::value::Value;

/// MLflow's names of what a run has by itself.
const ATTRIBUTES: [(&str, QueryField); 10] = [
    ("run_id", QueryField::Id),
    ("run_name", QueryField::Name),
    ("run name", QueryField::Name),
    ("Run name", QueryField::Name),
    ("Run Name", QueryField::Name),
    ("user_id", QueryField::Owner),
    ("start_time", QueryField::StartTime),
    ("created", QueryField::StartTime),
    ("end_time", QueryField::EndTime),
    ("status", QueryField::Status),
];

/// MLflow's statuses, and what runs here have for them. It has none for a process that died.
const STATUSES: [(&str, &[RunStatus]); 5] = [
    ("RUNNING", &[RunStatus::Running]),
    ("SCHEDULED", &[]),
    ("FINISHED", &[RunStatus::Finished]),
    ("FAILED", &[RunStatus::Failed, RunStatus::Crashed]),
    ("KILLED", &[RunStatus::Abandoned]),
];

const FIELDS: &str = "metrics.<key>, params.<key>, tags.<key> or an attribute, as in run_name";

/// What MLflow's fields hold.
#[derive(Clone, Copy, PartialEq)]
enum Holds {
    Number,
    Text,
    /// A text, whatever was logged: what is a number here was one in quotes there.
    Written,
    /// A status, by MLflow's names.
    Status,
}

pub(super) fn parse(text: &str) -> Result<Filter, Failure> {
    let filter = whole(&mut input(text)).map_err(failure)?;
    filter.check_size().map_err(|error| Failure::of(0, &error))?;
    Ok(filter)
}

fn whole(input: &mut Input<'_>) -> Parsed<Filter> {
    if is_at_end(input)? {
        return Ok(Filter::all());
    }
    let mut all: Vec<Filter> = separated(1.., condition, keyword("and")).parse_next(input)?;
    let at = start(input)?;
    if takes(input, "or")? {
        return fail(at, "MLflow's filter_string knows no or; our own language does");
    }
    match (is_at_end(input)?, all.len()) {
        (true, 1) => Ok(all.remove(0)),
        (true, _) => Ok(Filter::And(all)),
        (false, _) => expected(input, "and or the end", &["and"]),
    }
}

fn condition(input: &mut Input<'_>) -> Parsed<Filter> {
    let at = start(input)?;
    term(input, at)?;
    let (field, holds) = field(input)?;
    if let Some(comparison) = opt(comparison).parse_next(input)? {
        return compare(input, field, holds, comparison);
    }
    let at = start(input)?;
    let before = input.checkpoint();
    let first = word(input)?.to_ascii_lowercase();
    if first == "is" {
        let negated = takes(input, "not")?;
        if !takes(input, "null")? {
            return expected(input, "null or not null", &["null", "not"]);
        }
        let is_null = field.is_null();
        return Ok(if negated { !is_null } else { is_null });
    }
    let negated = first == "not";
    let operator = if negated { word(input)?.to_ascii_lowercase() } else { first };
    let syntax = match operator.as_str() {
        "in" if holds == Holds::Number => {
            return fail(at, format!("{field} is a number, and MLflow's IN is for texts"));
        }
        "in" => {
            let texts = list(input, |input| {
                let at = start(input)?;
                term(input, at)?;
                text(input)
            })?;
            let values = texts.into_iter().flat_map(|text| spellings(text, holds)).collect();
            return Ok(Filter::In { field, values, negated });
        }
        "like" if !negated => PatternSyntax::Like,
        "ilike" if !negated => PatternSyntax::LikeAnyCase,
        _ => {
            input.reset(&before);
            return expected(
                input,
                "an operator: = != < <= > >=, LIKE, ILIKE, IN, NOT IN or IS",
                &["like", "ilike", "in", "is", "not"],
            );
        }
    };
    if holds == Holds::Number {
        return fail(at, format!("{field} is a number, and is like no text"));
    }
    let at = start(input)?;
    let text = text(input)?;
    let pattern = pattern(input, at, syntax, text)?;
    if holds == Holds::Status {
        return Ok(Filter::In { field, values: statuses(|name| pattern.is_match(name)), negated: false });
    }
    Ok(Filter::Pattern { field, pattern, negated: false })
}

fn compare(input: &mut Input<'_>, field: QueryField, holds: Holds, comparison: Comparison) -> Parsed<Filter> {
    let at = start(input)?;
    if holds == Holds::Number {
        let before = input.checkpoint();
        return match number(word(input)?) {
            Some(value) => Ok(Filter::Compare { field, comparison, value }),
            None => {
                input.reset(&before);
                expected(input, "a number", &[])
            }
        };
    }
    let negated = match comparison {
        Comparison::Equal => false,
        Comparison::NotEqual => true,
        _ => return fail(at, "MLflow compares texts with =, !=, LIKE, ILIKE and IN only"),
    };
    let mut values = spellings(text(input)?, holds);
    Ok(match (values.len(), values.pop()) {
        (1, Some(value)) => Filter::Compare { field, comparison, value },
        (_, last) => {
            values.extend(last);
            Filter::In { field, values, negated }
        }
    })
}

/// What a text may be here: itself, and the number that it reads as; or what runs have for a status.
fn spellings(text: String, holds: Holds) -> Vec<Value> {
    if holds == Holds::Status {
        return statuses(|name| name == text);
    }
    let number = number(&text)
        .filter(|value| holds == Holds::Written && !matches!(value, Value::Float(float) if float.is_nan()));
    std::iter::once(Value::String(text)).chain(number).collect()
}

/// What runs have for MLflow's statuses of which something holds.
fn statuses(is: impl Fn(&str) -> bool) -> Vec<Value> {
    STATUSES.iter().filter(|(name, _)| is(name)).flat_map(|(_, here)| *here).map(|status| (*status).into()).collect()
}

fn field(input: &mut Input<'_>) -> Parsed<(QueryField, Holds)> {
    let at = start(input)?;
    // A name with a blank stands in quotes.
    let namespace = match in_quotes(input)? {
        Some(name) => return attribute(at, &name),
        None => take_while(0.., |char: char| is_bare(char) && !".,'\"`".contains(char)).parse_next(input)?,
    };
    if namespace.is_empty() {
        return expected(input, FIELDS, &[]);
    }
    if opt('.').parse_next(input)?.is_none() {
        return attribute(at, namespace);
    }
    let start_of_key = input.current_token_start();
    let key = match in_quotes(input)? {
        Some(key) => key,
        None => take_while(0.., is_bare).map(str::to_owned).parse_next(input)?,
    };
    if key.is_empty() {
        return fail(start_of_key, format!("expected a key after {namespace}."));
    }
    match namespace {
        "metrics" | "metric" => Ok((QueryField::Metric(key), Holds::Number)),
        "params" | "param" | "parameters" | "parameter" => Ok((QueryField::Hyperparameter(key), Holds::Written)),
        "tags" | "tag" => Ok((QueryField::Attribute(key), Holds::Written)),
        "attributes" | "attribute" | "attr" | "run" => attribute(at, &key),
        "datasets" | "dataset" => fail(at, "MLflow's datasets have no counterpart in a filter"),
        other => {
            let near = suggestion(other, &["metrics", "params", "tags", "attributes"]);
            fail(at, format!("expected {FIELDS}, found {}{near}", shown(other)))
        }
    }
}

fn attribute(at: usize, name: &str) -> Parsed<(QueryField, Holds)> {
    if let Some((_, field)) = ATTRIBUTES.iter().find(|(known, _)| *known == name) {
        let holds = match field {
            QueryField::Status => Holds::Status,
            field if field.is_date() => Holds::Number,
            _ => Holds::Text,
        };
        return Ok((field.clone(), holds));
    }
    match name {
        "artifact_uri" => fail(at, "a run has no artifact_uri here; each artifact has a path of its own"),
        _ => {
            let known: Vec<&str> = ATTRIBUTES.iter().map(|(known, _)| *known).collect();
            fail(at, format!("expected {FIELDS}, found {}{}", shown(name), suggestion(name, &known)))
        }
    }
}

/// A text as MLflow writes it: in single or double quotes.
fn text(input: &mut Input<'_>) -> Parsed<String> {
    start(input)?;
    match in_quotes(input)? {
        Some(text) => Ok(text),
        None => expected(input, "a text in quotes", &[]),
    }
}

/// What stands between quotes. A quote inside is doubled, or has a backslash; other backslashes are themselves.
fn in_quotes(input: &mut Input<'_>) -> Parsed<Option<String>> {
    let opened = input.current_token_start();
    let Some(quote) = opt(alt(('"', '\'', '`'))).parse_next(input)? else { return Ok(None) };
    let mut text = String::new();
    loop {
        text.push_str(take_while(0.., |char| char != quote && char != '\\').parse_next(input)?);
        match input.next_token() {
            None => return fail(opened, "the quote that is opened here is never closed"),
            Some('\\') => match opt(quote).parse_next(input)? {
                Some(quote) => text.push(quote),
                None => text.push('\\'),
            },
            Some(_) => match opt(quote).parse_next(input)? {
                Some(quote) => text.push(quote),
                None => return Ok(Some(text)),
            },
        }
    }
}
