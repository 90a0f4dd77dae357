//! Errors that point at a column of the text.

use winnow::error::ParserError;
use winnow::stream::Location;

use super::lex::Input;
use crate::error::{Error, ErrorKind};
use crate::query::field::distance;

/// Why a text is no filter, and where.
#[derive(Debug)]
pub(super) struct Failure {
    /// In bytes.
    at: usize,
    kind: ErrorKind,
    message: String,
}

/// Characters shown on either side of the column.
const SHOWN: usize = 40;

impl Failure {
    pub(super) fn invalid(at: usize, message: impl Into<String>) -> Self {
        Failure { at, kind: ErrorKind::InvalidArgument, message: message.into() }
    }

    pub(super) fn limit(at: usize, message: impl Into<String>) -> Self {
        Failure { at, kind: ErrorKind::LimitExceeded, message: message.into() }
    }

    /// What an error says, of a part of the text.
    pub(super) fn of(at: usize, error: &Error) -> Self {
        Failure { at, kind: error.kind(), message: error.message().to_owned() }
    }

    /// The error: the column, the reason, and below it the line with a caret.
    pub(super) fn into_error(self, text: &str) -> Error {
        let before = text.get(..self.at).unwrap_or(text);
        let number = before.matches('\n').count() + 1;
        let line = text.lines().nth(number - 1).unwrap_or_default();
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        let place = if text.trim_end().contains('\n') {
            format!("line {number}, column {column}")
        } else {
            format!("column {column}")
        };

        let from = column.saturating_sub(SHOWN + 1);
        // Nothing that would move the caret, or the terminal's cursor.
        let plain = |char: char| if char.is_control() || char.is_whitespace() { ' ' } else { char };
        let mut rest = line.chars().skip(from).map(plain);
        let shown: String = rest.by_ref().take(2 * SHOWN).collect();
        let (start, end) = (if from > 0 { "..." } else { "" }, if rest.next().is_some() { "..." } else { "" });
        let indent = " ".repeat(start.len() + column - 1 - from);
        let message = format!("{place}: {}\n  {start}{}{end}\n  {indent}^", self.message, shown.trim_end());
        Error::new(self.kind, message)
    }
}

impl<'t> ParserError<Input<'t>> for Failure {
    type Inner = Self;

    fn from_input(input: &Input<'t>) -> Self {
        Failure::invalid(input.current_token_start(), "something else is expected here")
    }

    fn into_inner(self) -> Result<Self, Self> {
        Ok(self)
    }
}

/// " (did you mean ...?)" with the nearest of some words, if one is near.
pub(super) fn suggestion(word: &str, known: &[&str]) -> String {
    // What is longer than any word is near to none, and costly to compare.
    if word.is_empty() || word.len() > 32 {
        return String::new();
    }
    let word = word.to_lowercase();
    let near = known.iter().map(|known| (distance(&word, known), *known));
    let near = near.filter(|(distance, known)| *distance <= 2 && *distance < known.chars().count());
    near.min().map(|(_, known)| format!(" (did you mean {known}?)")).unwrap_or_default()
}
