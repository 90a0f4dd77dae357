//! Our own language, read.

use winnow::combinator::{opt, separated};
use winnow::prelude::*;
use winnow::stream::{Location, Stream};
use winnow::token::take_while;

use super::failure::Failure;
use super::lex::{
    Input, Parsed, comparison, expected, fail, failure, input, is_at_end, is_bare, keyword, list, nested, pattern,
    quoted, shown, sign, start, string, takes, term, value, word,
};
use crate::query::field::{self, QueryField};
use crate::query::filter::Filter;
use crate::query::pattern::PatternSyntax;
use crate::query::series::Statistic;

/// What may follow a field, for messages.
const OPERATORS: &str = "an operator: = != < <= > >=, in, between, contains, like, ilike, rlike, matches or is";
const OPERATOR_WORDS: [&str; 9] = ["in", "not", "between", "contains", "like", "ilike", "rlike", "matches", "is"];

pub(super) fn parse(text: &str) -> Result<Filter, Failure> {
    let filter = whole(&mut input(text)).map_err(failure)?;
    // Brackets may be nested deeper than filters.
    filter.check_size().map_err(|error| Failure::of(0, &error))?;
    Ok(filter)
}

fn whole(input: &mut Input<'_>) -> Parsed<Filter> {
    if is_at_end(input)? {
        return Ok(Filter::all());
    }
    let filter = any_of(input)?;
    match is_at_end(input)? {
        true => Ok(filter),
        false => expected(input, "and, or or the end", &["and", "or"]),
    }
}

fn any_of(input: &mut Input<'_>) -> Parsed<Filter> {
    let any: Vec<Filter> = separated(1.., all_of, keyword("or")).parse_next(input)?;
    Ok(single(any, Filter::Or))
}

fn all_of(input: &mut Input<'_>) -> Parsed<Filter> {
    let all: Vec<Filter> = separated(1.., unary, keyword("and")).parse_next(input)?;
    Ok(single(all, Filter::And))
}

/// One is itself.
fn single(mut filters: Vec<Filter>, several: fn(Vec<Filter>) -> Filter) -> Filter {
    match filters.pop() {
        Some(only) if filters.is_empty() => only,
        last => {
            filters.extend(last);
            several(filters)
        }
    }
}

fn unary(input: &mut Input<'_>) -> Parsed<Filter> {
    let at = start(input)?;
    if takes(input, "not")? {
        return nested(input, at, unary).map(|filter| Filter::Not(Box::new(filter)));
    }
    if opt(sign('(')).parse_next(input)?.is_some() {
        let filter = nested(input, at, any_of)?;
        return match opt(sign(')')).parse_next(input)? {
            Some(()) => Ok(filter),
            None => expected(input, "and, or or a closing bracket", &["and", "or"]),
        };
    }
    term(input, at)?;
    if let Some(constant) = opt(constant).parse_next(input)? {
        return Ok(constant);
    }
    condition(input)
}

/// `true` is everything, `false` nothing.
fn constant(input: &mut Input<'_>) -> Parsed<Filter> {
    let everything = keyword("true").map(|()| Filter::And(Vec::new()));
    let nothing = keyword("false").map(|()| Filter::Or(Vec::new()));
    winnow::combinator::alt((everything, nothing)).parse_next(input)
}

/// The name of a statistic, if a bracket follows.
fn statistic(input: &mut Input<'_>) -> Parsed<Statistic> {
    let name = word.verify_map(Statistic::named);
    winnow::combinator::terminated(name, sign('(')).parse_next(input)
}

/// A field, or a number made of a series.
fn asked(input: &mut Input<'_>) -> Parsed<QueryField> {
    let Some(statistic) = opt(statistic).parse_next(input)? else { return field(input) };
    let at = start(input)?;
    let QueryField::Observation(key) = field(input)? else {
        return fail(at, format!("{statistic} is asked of observations, as in {statistic}(observations.loss)"));
    };
    match opt(sign(')')).parse_next(input)? {
        Some(()) => Ok(QueryField::Series(statistic, key)),
        None => expected(input, "a closing bracket", &[]),
    }
}

fn field(input: &mut Input<'_>) -> Parsed<QueryField> {
    let at = start(input)?;
    let is_namespace = |char: char| is_bare(char) && !".,'\"`".contains(char);
    let namespace: &str = take_while(0.., is_namespace).parse_next(input)?;
    if namespace.is_empty() {
        return expected(input, "a field, as in metrics.accuracy or name", &[]);
    }
    if opt('.').parse_next(input)?.is_none() {
        return known(at, QueryField::from(namespace));
    }
    let is_observed = namespace.starts_with("observation") && opt("attribute.").parse_next(input)?.is_some();
    let start_of_key = input.current_token_start();
    let Some(key) = quoted(input)? else {
        let key: &str = take_while(0.., is_bare).parse_next(input)?;
        let attribute = if is_observed { "attribute." } else { "" };
        if key.is_empty() {
            return fail(start_of_key, format!("expected a key after {namespace}.{attribute}"));
        }
        return known(at, QueryField::from(format!("{namespace}.{attribute}{key}")));
    };
    if key.is_empty() {
        return fail(start_of_key, "a key has at least one character");
    }
    let name = format!("{namespace}.{key}");
    known(at, QueryField::in_namespace(namespace, key).unwrap_or(QueryField::Unknown(name)))
}

/// Refuses a name that no kind of entities knows.
fn known(at: usize, field: QueryField) -> Parsed<QueryField> {
    if field.key() == Some("") {
        return fail(at, format!("a key is missing, as in {field}accuracy"));
    }
    let QueryField::Unknown(name) = &field else { return Ok(field) };
    let advice = match field::nearest(name, None) {
        Some(nearest) => format!("did you mean {nearest}?"),
        None if name.contains('.') => {
            "keys stand behind metrics, hyperparameters, attributes, observations, artifacts or datasets".to_owned()
        }
        None => {
            format!("a key stands behind its namespace, as in metrics.{}", name.chars().take(30).collect::<String>())
        }
    };
    fail(at, format!("there is no field {}; {advice}", shown(name)))
}

/// A field and what is asked of it.
fn condition(input: &mut Input<'_>) -> Parsed<Filter> {
    let field = asked(input)?;
    if let Some(comparison) = opt(comparison).parse_next(input)? {
        let value = value(input, &field)?;
        return Ok(Filter::Compare { field, comparison, value });
    }
    let at = start(input)?;
    let before = input.checkpoint();
    let first = word(input)?.to_ascii_lowercase();
    if first == "is" {
        return is(input, field);
    }
    let negated = first == "not";
    let operator = if negated { word(input)?.to_ascii_lowercase() } else { first };
    Ok(match operator.as_str() {
        "in" => {
            let values = list(input, |input| value(input, &field))?;
            Filter::In { field, values, negated }
        }
        "between" => {
            let low = value(input, &field)?;
            if !takes(input, "and")? {
                return expected(input, "and with the greatest value", &["and"]);
            }
            let high = value(input, &field)?;
            Filter::Between { field, low, high, negated }
        }
        "contains" => {
            let substring = takes(input, "substring")?;
            let text = string(input)?;
            match (substring, negated) {
                (true, negated) => Filter::Substring { field, text, negated },
                (false, true) => field.not_contains(text),
                (false, false) => field.contains(text),
            }
        }
        "like" => like(input, field, PatternSyntax::Like, negated)?,
        "ilike" => like(input, field, PatternSyntax::LikeAnyCase, negated)?,
        "rlike" => like(input, field, PatternSyntax::Regex, negated)?,
        "matches" if negated => return fail(at, "write not before the field: not name matches 'words'"),
        "matches" => Filter::Words { field, words: string(input)?.into() },
        _ => {
            input.reset(&before);
            let known = if negated { &OPERATOR_WORDS[2..7] } else { &OPERATOR_WORDS[..] };
            if negated {
                keyword("not").parse_next(input)?;
                return expected(input, "in, between, contains, like, ilike or rlike", known);
            }
            return expected(input, OPERATORS, known);
        }
    })
}

/// What follows "is".
fn is(input: &mut Input<'_>, field: QueryField) -> Parsed<Filter> {
    let negated = takes(input, "not")?;
    let filter = if takes(input, "null")? {
        Filter::IsNull { field }
    } else if takes(input, "nan")? {
        Filter::IsNan { field }
    } else {
        let what = if negated { "null or nan" } else { "null, nan, not null or not nan" };
        return expected(input, what, &["null", "nan", "not"]);
    };
    Ok(if negated { Filter::Not(Box::new(filter)) } else { filter })
}

fn like(input: &mut Input<'_>, field: QueryField, syntax: PatternSyntax, negated: bool) -> Parsed<Filter> {
    let at = start(input)?;
    let text = string(input)?;
    Ok(Filter::Pattern { field, pattern: pattern(input, at, syntax, text)?, negated })
}
