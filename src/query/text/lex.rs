//! Words, quotes, operators and values, and where in the text the parser stands.
//!
//! Blanks before a part are skipped; what does not fit backtracks only where something else may stand.

use winnow::combinator::{alt, opt, preceded, separated};
use winnow::error::ErrMode;
use winnow::prelude::*;
use winnow::stream::{LocatingSlice, Location, Stateful, Stream};
use winnow::token::{any, literal, take_while};

use super::date;
use super::failure::{Failure, suggestion};
use crate::limits;
use crate::query::field::QueryField;
use crate::query::filter::Comparison;
use crate::query::pattern::{Pattern, PatternSyntax};
use crate::value::Value;

/// The text from where the parser stands, and what was used up so far.
pub(super) type Input<'t> = Stateful<LocatingSlice<&'t str>, Used>;

/// What was parsed, or why not.
pub(super) type Parsed<T> = ModalResult<T, Failure>;

/// What is limited.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Used {
    depth: usize,
    terms: usize,
    patterns: usize,
}

pub(super) fn input(text: &str) -> Input<'_> {
    Stateful { input: LocatingSlice::new(text), state: Used::default() }
}

/// The failure of a whole parse.
pub(super) fn failure(error: ErrMode<Failure>) -> Failure {
    match error {
        ErrMode::Backtrack(failure) | ErrMode::Cut(failure) => failure,
        ErrMode::Incomplete(_) => Failure::invalid(0, "more is expected"),
    }
}

/// A failure at a byte of the text, after which nothing else is tried.
pub(super) fn fail<T>(at: usize, message: impl Into<String>) -> Parsed<T> {
    Err(ErrMode::Cut(Failure::invalid(at, message)))
}

/// The failure that something else is expected here; of `known` words the nearest is suggested.
pub(super) fn expected<T>(input: &mut Input<'_>, what: &str, known: &[&str]) -> Parsed<T> {
    blanks(input)?;
    let (at, rest) = (input.current_token_start(), *input.input.as_ref());
    let word = rest.get(..rest.find(|char| !is_bare(char)).unwrap_or(rest.len())).unwrap_or_default();
    let found = match rest.chars().next() {
        None => "the text ends".to_owned(),
        Some(char) if word.is_empty() => format!("found {}", shown(&char.to_string())),
        Some(_) => format!("found {}", shown(word)),
    };
    fail(at, format!("expected {what}, {found}{}", suggestion(word, known)))
}

/// Part of the text for a message: its beginning.
pub(super) fn shown(text: &str) -> String {
    let start: String = text.chars().take(30).collect();
    let rest = if start.len() < text.len() { "..." } else { "" };
    format!("{start:?}{rest}")
}

/// What a key is made of that stands without quotes.
pub(super) fn is_bare(char: char) -> bool {
    !char.is_whitespace() && !"=!<>~()".contains(char)
}

/// What words and values are made of.
fn is_word(char: char) -> bool {
    is_bare(char) && !",'\"`".contains(char)
}

pub(super) fn blanks(input: &mut Input<'_>) -> Parsed<()> {
    take_while(0.., char::is_whitespace).void().parse_next(input)
}

/// Where the next part begins.
pub(super) fn start(input: &mut Input<'_>) -> Parsed<usize> {
    blanks(input)?;
    Ok(input.current_token_start())
}

pub(super) fn is_at_end(input: &mut Input<'_>) -> Parsed<bool> {
    blanks(input)?;
    Ok(input.input.as_ref().is_empty())
}

/// A character, after blanks.
pub(super) fn sign<'t>(char: char) -> impl FnMut(&mut Input<'t>) -> Parsed<()> {
    move |input| preceded(blanks, char).void().parse_next(input)
}

/// A word of letters, digits and what else is no sign; it may be empty.
pub(super) fn word<'t>(input: &mut Input<'t>) -> Parsed<&'t str> {
    preceded(blanks, take_while(0.., is_word)).parse_next(input)
}

/// A certain word, in any case.
pub(super) fn keyword<'t>(name: &'static str) -> impl FnMut(&mut Input<'t>) -> Parsed<()> {
    move |input| word.verify(|word: &str| word.eq_ignore_ascii_case(name)).void().parse_next(input)
}

/// Whether a certain word comes next; it is taken if it does.
pub(super) fn takes(input: &mut Input<'_>, name: &'static str) -> Parsed<bool> {
    Ok(opt(keyword(name)).parse_next(input)?.is_some())
}

pub(super) fn comparison(input: &mut Input<'_>) -> Parsed<Comparison> {
    let signs = alt((
        alt(("==", "=")).value(Comparison::Equal),
        alt(("!=", "<>")).value(Comparison::NotEqual),
        literal("<=").value(Comparison::LessOrEqual),
        literal(">=").value(Comparison::GreaterOrEqual),
        literal("<").value(Comparison::Less),
        literal(">").value(Comparison::Greater),
    ));
    preceded(blanks, signs).parse_next(input)
}

/// What stands between quotes, if a quote comes next, with its escapes undone.
pub(super) fn quoted(input: &mut Input<'_>) -> Parsed<Option<String>> {
    let opened = input.current_token_start();
    let Some(quote) = opt(alt(('"', '\'', '`'))).parse_next(input)? else { return Ok(None) };
    let mut text = String::new();
    loop {
        text.push_str(take_while(0.., |char| char != quote && char != '\\').parse_next(input)?);
        match input.next_token() {
            None => return fail(opened, "the quote that is opened here is never closed"),
            Some(char) if char == quote => return Ok(Some(text)),
            Some(_) => escape(input, &mut text)?,
        }
    }
}

/// What follows a backslash.
fn escape(input: &mut Input<'_>, text: &mut String) -> Parsed<()> {
    let at = input.current_token_start() - 1;
    let Some(char) = opt(any).parse_next(input)? else {
        return fail(at, "a backslash takes something after it");
    };
    let char = match char {
        '\\' | '\'' | '"' | '`' => char,
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        '0' => '\0',
        // Patterns of `like` would need two.
        '%' | '_' => {
            text.push('\\');
            char
        }
        'u' => {
            let digits = (literal("{"), take_while(1..=6, |char: char| char.is_ascii_hexdigit()), literal("}"));
            let digits = opt(digits).parse_next(input)?.map(|(_, digits, _): (_, &str, _)| digits);
            let char = digits.and_then(|digits| char::from_u32(u32::from_str_radix(digits, 16).ok()?));
            match char {
                Some(char) => char,
                None => return fail(at, "expected a code point in hexadecimal, as in \\u{1f600}"),
            }
        }
        other => {
            let message = format!("there is no escape {:?}; a backslash itself is written \\\\", format!("\\{other}"));
            return fail(at, message);
        }
    };
    text.push(char);
    Ok(())
}

const A_VALUE: &str = "a value: a number, a 'text', a date, true or false";

/// What a field is compared with.
pub(super) fn value(input: &mut Input<'_>, field: &QueryField) -> Parsed<Value> {
    let at = start(input)?;
    term(input, at)?;
    if let QueryField::Series(..) = field {
        let before = input.checkpoint();
        if let Some(number) = number(word(input)?) {
            return Ok(number);
        }
        input.reset(&before);
        return expected(input, "a number", &[]);
    }
    if let Some(text) = quoted(input)? {
        if !field.is_date() {
            return Ok(Value::String(text));
        }
        return match date::parse(&text) {
            Some(millis) => Ok(Value::Int(millis)),
            None => fail(
                at,
                format!("{field} is a date, and {} is none; one is written 2026-11-23 or as in RFC 3339", shown(&text)),
            ),
        };
    }
    let before = input.checkpoint();
    let word = word(input)?;
    if word.is_empty() {
        return expected(input, A_VALUE, &[]);
    }
    if word.eq_ignore_ascii_case("true") || word.eq_ignore_ascii_case("false") {
        return Ok(Value::Bool(word.eq_ignore_ascii_case("true")));
    }
    if word.eq_ignore_ascii_case("null") {
        return fail(at, "nothing compares with null; ask whether the field \"is null\"");
    }
    if let Some(number) = number(word) {
        return Ok(number);
    }
    match date::parse(word) {
        Some(millis) if field.is_date() => Ok(Value::Int(millis)),
        Some(_) => fail(at, format!("{field} is no date; a text stands in quotes")),
        None => {
            input.reset(&before);
            if word.starts_with(|char: char| char.is_ascii_digit() || "+-.".contains(char)) {
                return expected(input, A_VALUE, &[]);
            }
            expected(input, &format!("{A_VALUE} (texts stand in quotes)"), &["true", "false"])
        }
    }
}

/// The number a word is: exact as an integer if it is one.
pub(super) fn number(word: &str) -> Option<Value> {
    if let Ok(int) = word.parse() {
        return Some(Value::Int(int));
    }
    let name = word.trim_start_matches(['+', '-']);
    let is_named = ["inf", "infinity", "nan"].iter().any(|known| name.eq_ignore_ascii_case(known));
    let is_plain = word.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte));
    let float: f64 = word.parse().ok().filter(|_| is_named || is_plain)?;
    // A double that is not there is not asked for.
    (is_named || float.is_finite()).then_some(Value::Float(float))
}

/// A text in quotes.
pub(super) fn string(input: &mut Input<'_>) -> Parsed<String> {
    blanks(input)?;
    match quoted(input)? {
        Some(text) => Ok(text),
        None => expected(input, "a text in quotes", &[]),
    }
}

/// Values in brackets, with commas between; there may be none.
pub(super) fn list<'t, T>(input: &mut Input<'t>, mut item: impl FnMut(&mut Input<'t>) -> Parsed<T>) -> Parsed<Vec<T>> {
    if opt(sign('(')).parse_next(input)?.is_none() {
        return expected(input, "a list in brackets", &[]);
    }
    if opt(sign(')')).parse_next(input)?.is_some() {
        return Ok(Vec::new());
    }
    let items = separated(1.., |input: &mut Input<'t>| item(input), sign(',')).parse_next(input)?;
    match opt(sign(')')).parse_next(input)? {
        Some(()) => Ok(items),
        None => expected(input, "a comma or the closing bracket of the list", &[]),
    }
}

/// One more condition or value: a bound on the work, which the size of the filter is checked after.
pub(super) fn term(input: &mut Input<'_>, at: usize) -> Parsed<()> {
    input.state.terms += 1;
    // A range is a condition and two values.
    if input.state.terms > 3 * limits::FILTER_TERMS {
        let message = format!("a filter has more than {} conditions and values", limits::FILTER_TERMS);
        return Err(ErrMode::Cut(Failure::limit(at, message)));
    }
    Ok(())
}

/// The pattern of a text that stands at a byte, compiled.
pub(super) fn pattern(input: &mut Input<'_>, at: usize, syntax: PatternSyntax, text: String) -> Parsed<Pattern> {
    input.state.patterns += 1;
    // Before it takes its memory.
    if input.state.patterns > limits::FILTER_PATTERNS {
        let message = format!("a filter has more than {} patterns", limits::FILTER_PATTERNS);
        return Err(ErrMode::Cut(Failure::limit(at, message)));
    }
    let pattern = Pattern::new(syntax, text);
    match pattern.check() {
        Ok(()) => Ok(pattern),
        Err(error) => Err(ErrMode::Cut(Failure::of(at, &error))),
    }
}

/// What stands one level deeper.
pub(super) fn nested<'t, T>(
    input: &mut Input<'t>,
    at: usize,
    mut parser: impl FnMut(&mut Input<'t>) -> Parsed<T>,
) -> Parsed<T> {
    input.state.depth += 1;
    // Each level of a filter may be written with a `not` and a bracket.
    if input.state.depth > 2 * limits::FILTER_DEPTH {
        let message = format!("brackets and nots are nested deeper than {} levels", 2 * limits::FILTER_DEPTH);
        return Err(ErrMode::Cut(Failure::limit(at, message)));
    }
    let parsed = parser(input)?;
    input.state.depth -= 1;
    Ok(parsed)
}
