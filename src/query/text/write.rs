//! Our own language, written: what is written reads as the same filter.

use std::fmt::{self, Formatter, Write as _};

use super::lex::is_bare;
use crate::query::field::{QueryField, Shape};
use crate::query::filter::{Comparison, Filter};
use crate::query::pattern::PatternSyntax;
use crate::value::Value;

impl fmt::Display for Filter {
    /// The filter in our own language; [`Filter::parse`] reads it back. An `And` or an `Or` of one filter is written as
    /// that filter.
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Filter::And(all) => join(f, all, " and ", "true", |inner| matches!(inner, Filter::And(_) | Filter::Or(_))),
            Filter::Or(any) => join(f, any, " or ", "false", |inner| matches!(inner, Filter::Or(_))),
            Filter::Not(inner) => match inner.as_ref() {
                Filter::IsNull { field } => write!(f, "{} is not null", Name(field)),
                Filter::IsNan { field } => write!(f, "{} is not nan", Name(field)),
                inner => write!(f, "not ({inner})"),
            },
            Filter::Compare { field, comparison, value } => {
                write!(f, "{} {} {}", Name(field), sign(*comparison), Operand(value))
            }
            Filter::In { field, values, negated } => {
                write!(f, "{} {}in (", Name(field), not(*negated))?;
                for (at, value) in values.iter().enumerate() {
                    write!(f, "{}{}", if at > 0 { ", " } else { "" }, Operand(value))?;
                }
                f.write_char(')')
            }
            Filter::Between { field, low, high, negated } => {
                write!(f, "{} {}between {} and {}", Name(field), not(*negated), Operand(low), Operand(high))
            }
            Filter::Substring { field, text, negated } => {
                // On a set, `contains` asks for an element.
                let substring = if field.shape() == Shape::Set { "substring " } else { "" };
                write!(f, "{} {}contains {substring}{}", Name(field), not(*negated), Quoted(text, '\''))
            }
            Filter::Pattern { field, pattern, negated } => {
                let operator = match pattern.syntax() {
                    PatternSyntax::Like => "like",
                    PatternSyntax::LikeAnyCase => "ilike",
                    PatternSyntax::Regex => "rlike",
                };
                write!(f, "{} {}{operator} {}", Name(field), not(*negated), Quoted(pattern.as_str(), '\''))
            }
            Filter::Words { field, words } => write!(f, "{} matches {}", Name(field), Quoted(words.as_str(), '\'')),
            Filter::IsNull { field } => write!(f, "{} is null", Name(field)),
            Filter::IsNan { field } => write!(f, "{} is nan", Name(field)),
        }
    }
}

fn join(
    f: &mut Formatter<'_>,
    filters: &[Filter],
    between: &str,
    none: &str,
    in_brackets: impl Fn(&Filter) -> bool,
) -> fmt::Result {
    let [first, rest @ ..] = filters else { return f.write_str(none) };
    if rest.is_empty() {
        return write!(f, "{first}");
    }
    for (at, filter) in filters.iter().enumerate() {
        f.write_str(if at > 0 { between } else { "" })?;
        let filter = several(filter);
        let is_one = matches!(filter, Filter::And(none) | Filter::Or(none) if none.is_empty());
        if in_brackets(filter) && !is_one { write!(f, "({filter})")? } else { write!(f, "{filter}")? }
    }
    Ok(())
}

/// Without the ands and ors of one.
fn several(mut filter: &Filter) -> &Filter {
    while let Filter::And(only) | Filter::Or(only) = filter
        && let [inner] = only.as_slice()
    {
        filter = inner;
    }
    filter
}

fn not(negated: bool) -> &'static str {
    if negated { "not " } else { "" }
}

fn sign(comparison: Comparison) -> &'static str {
    match comparison {
        Comparison::Equal => "=",
        Comparison::NotEqual => "!=",
        Comparison::Less => "<",
        Comparison::LessOrEqual => "<=",
        Comparison::Greater => ">",
        Comparison::GreaterOrEqual => ">=",
    }
}

/// A field, its key in quotes if it would end too early or mean something else.
struct Name<'a>(&'a QueryField);

impl fmt::Display for Name<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if let QueryField::Series(statistic, key) = self.0 {
            return write!(f, "{statistic}({})", Name(&QueryField::Observation(key.clone())));
        }
        let name = self.0.to_string();
        let Some(key) = self.0.key() else { return f.write_str(&name) };
        let starts_quoted = key.starts_with(['"', '\'', '`']);
        let is_link = key == "linked_artifact_id";
        if !starts_quoted && !is_link && key.chars().all(|char| is_bare(char) && !char.is_control()) {
            return f.write_str(&name);
        }
        write!(f, "{}{}", name.strip_suffix(key).unwrap_or_default(), Quoted(key, '"'))
    }
}

struct Operand<'a>(&'a Value);

impl fmt::Display for Operand<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.0 {
            Value::String(text) => Quoted(text, '\'').fmt(f),
            Value::Float(float) if float.is_nan() => f.write_str("nan"),
            // A list or a map is never compared with.
            value => value.fmt(f),
        }
    }
}

/// A text in quotes, with escapes.
struct Quoted<'a>(&'a str, char);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_char(self.1)?;
        for char in self.0.chars() {
            match char {
                '\n' => f.write_str("\\n")?,
                '\r' => f.write_str("\\r")?,
                '\t' => f.write_str("\\t")?,
                '\0' => f.write_str("\\0")?,
                '\\' => f.write_str("\\\\")?,
                char if char == self.1 => write!(f, "\\{char}")?,
                char if char.is_control() => write!(f, "\\u{{{:x}}}", u32::from(char))?,
                char => f.write_char(char)?,
            }
        }
        f.write_char(self.1)
    }
}
