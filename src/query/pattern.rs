//! Patterns that texts are held against: `like`, `ilike` and `rlike`.
//!
//! All three are answered by the `regex` crate, whose time is linear in the text and whose memory is limited here.

use std::fmt;
use std::sync::OnceLock;

use crate::error::{Error, Result};
use crate::limits;
use crate::query::evaluate::lower;

/// A pattern of `like`, `ilike` or `rlike`. Equal if syntax and text are; what it is compiled to is kept with it.
#[derive(Clone)]
pub struct Pattern {
    syntax: PatternSyntax,
    text: String,
    compiled: OnceLock<Result<regex::Regex, Refused>>,
}

/// How a [`Pattern`] is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PatternSyntax {
    /// `%` is any run of characters, `_` one character, a backslash takes the next character literally; the whole
    /// text must fit. Characters are Unicode's code points, line ends among them.
    Like,
    /// The same, with pattern and text in lower case, letter by letter.
    LikeAnyCase,
    /// A regular expression of the `regex` crate, found anywhere in the text: `^` and `$` stand for its ends, `.` is no
    /// line end, letters count with their case unless `(?i)` says otherwise, `\d` and its like are Unicode's.
    Regex,
}

/// Why a pattern has no meaning.
#[derive(Debug, Clone)]
enum Refused {
    Invalid(String),
    TooLarge,
}

impl Pattern {
    /// A pattern. What is wrong with it is told where it is used.
    pub fn new(syntax: PatternSyntax, text: impl Into<String>) -> Self {
        Pattern { syntax, text: text.into(), compiled: OnceLock::new() }
    }

    /// How it is read.
    pub fn syntax(&self) -> PatternSyntax {
        self.syntax
    }

    /// The pattern as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Refuses what cannot be compiled.
    ///
    /// # Errors
    /// `InvalidArgument` for a pattern that breaks its syntax; `LimitExceeded` for one that compiles to more than
    /// [`limits::QUERY_PATTERN_BYTES`].
    pub(super) fn check(&self) -> Result<()> {
        match self.compiled() {
            Ok(_) => Ok(()),
            Err(Refused::Invalid(why)) => Err(Error::invalid(format!("{} is no pattern: {why}", self.shown()))),
            Err(Refused::TooLarge) => Err(Error::limit(format!(
                "the pattern {} compiles to more than {} bytes",
                self.shown(),
                limits::QUERY_PATTERN_BYTES
            ))),
        }
    }

    /// Whether a text fits. Nothing fits a pattern that [`check`](Self::check) refuses.
    pub(super) fn is_match(&self, text: &str) -> bool {
        match (self.compiled(), self.syntax) {
            (Err(_), _) => false,
            (Ok(regex), PatternSyntax::LikeAnyCase) => regex.is_match(&lower(text)),
            (Ok(regex), _) => regex.is_match(text),
        }
    }

    fn compiled(&self) -> &Result<regex::Regex, Refused> {
        self.compiled.get_or_init(|| {
            let source = match self.syntax {
                PatternSyntax::Like => like(&self.text)?,
                PatternSyntax::LikeAnyCase => like(&lower(&self.text))?,
                PatternSyntax::Regex => self.text.clone(),
            };
            // Parsing alone takes many times the room of the text.
            if source.len() > limits::QUERY_PATTERN_BYTES / 16 {
                return Err(Refused::TooLarge);
            }
            let built = regex::RegexBuilder::new(&source)
                .size_limit(limits::QUERY_PATTERN_BYTES)
                .dfa_size_limit(limits::QUERY_PATTERN_BYTES)
                .nest_limit(NESTED_GROUPS)
                .build();
            built.map_err(|error| match error {
                regex::Error::CompiledTooBig(_) => Refused::TooLarge,
                // Its message shows the pattern in lines of their own and ends with the reason.
                other => {
                    let message = other.to_string();
                    let reason = message.lines().last().unwrap_or_default().trim_start_matches("error: ");
                    Refused::Invalid(reason.to_owned())
                }
            })
        })
    }

    /// The pattern for a message: its beginning.
    fn shown(&self) -> String {
        let mut chars = self.text.chars();
        let start: String = chars.by_ref().take(60).collect();
        let rest = if chars.next().is_some() { "..." } else { "" };
        format!("{start:?}{rest}")
    }
}

/// Deepest nesting of a regular expression: parsing it recurses.
const NESTED_GROUPS: u32 = 100;

/// The regular expression that means the same.
fn like(pattern: &str) -> Result<String, Refused> {
    let mut source = String::from("(?s)\\A");
    let mut literal = String::new();
    let mut chars = pattern.chars();
    let mut after_run = false;
    while let Some(char) = chars.next() {
        let wildcard = match char {
            '%' if after_run => continue,
            '%' => Some(".*"),
            '_' => Some("."),
            _ => None,
        };
        after_run = char == '%';
        if let Some(wildcard) = wildcard {
            source.push_str(&regex::escape(&std::mem::take(&mut literal)));
            source.push_str(wildcard);
            continue;
        }
        let taken = if char == '\\' { chars.next() } else { Some(char) };
        literal.push(taken.ok_or_else(|| Refused::Invalid("it ends in a single backslash".to_owned()))?);
    }
    source.push_str(&regex::escape(&literal));
    source.push_str("\\z");
    Ok(source)
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Pattern) -> bool {
        (self.syntax, &self.text) == (other.syntax, &other.text)
    }
}

impl Eq for Pattern {}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pattern").field("syntax", &self.syntax).field("text", &self.text).finish()
    }
}
