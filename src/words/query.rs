//! What `matches` takes: words, phrases, beginnings and near misses.

use std::borrow::Cow;
use std::fmt;
#[cfg(feature = "text")]
use std::ops::Range;
use std::sync::OnceLock;

use super::near::is_near;
#[cfg(feature = "text")]
use super::spans;
use super::words;
use crate::error::{Error, Result};
use crate::limits;

/// What `matches` looks for in texts: parts with blanks between, all of which must occur.
///
/// | part | occurs if |
/// |---|---|
/// | `forest` | it is a word of one of the texts |
/// | `"random forest"` | the words stand one after the other in one text |
/// | `resnet50_v2.1-fp16` | the same: a part of several words is a phrase |
/// | `fore*` | a word begins so; of a phrase without quotes, the last word: `resnet50_v*` |
/// | `forst~`, `forst~2` | a word is at most one edit, or two, away from it |
/// | `-draft`, `-"first draft"`, `-dra*` | none of that occurs |
///
/// Words are runs of letters and digits, in lower case letter by letter; each character of Chinese and Japanese is a
/// word by itself. An edit puts in, leaves out or changes a letter, or swaps two neighbours; no part is edited twice.
///
/// Equal if the texts are; what it is read as is kept with it.
#[derive(Clone)]
pub struct TextQuery {
    text: String,
    parts: OnceLock<Result<Vec<Part>, Refused>>,
}

/// One thing that has to occur, or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) excluded: bool,
    pub(crate) sought: Sought,
}

/// What is looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Sought {
    /// Words one after the other, at least one; of the last only the beginning, if `prefix`.
    Sequence { words: Vec<String>, prefix: bool },
    /// A word at most some edits away.
    Near { word: String, edits: u8 },
}

/// Why a text is no query.
#[derive(Debug, Clone)]
enum Refused {
    Invalid(String),
    TooLarge(String),
}

impl TextQuery {
    /// A query. What is wrong with it is told where it is used.
    pub fn new(text: impl Into<String>) -> Self {
        TextQuery { text: text.into(), parts: OnceLock::new() }
    }

    /// The query as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Refuses what has no meaning.
    ///
    /// # Errors
    /// `InvalidArgument` without a word that has to occur, for a quote that is not closed, and for a `~` after
    /// anything but a word; `LimitExceeded` past [`limits::TEXT_QUERY_BYTES`], [`limits::TEXT_QUERY_WORDS`] and
    /// [`limits::TEXT_NEAR_CHARS`].
    pub(crate) fn check(&self) -> Result<()> {
        match self.read() {
            Ok(_) => Ok(()),
            Err(Refused::Invalid(why)) => Err(Error::invalid(format!("{} matches nothing: {why}", self.shown()))),
            Err(Refused::TooLarge(why)) => Err(Error::limit(format!("{} is too much: {why}", self.shown()))),
        }
    }

    /// What it asks for; nothing of a query that [`check`](Self::check) refuses.
    pub(crate) fn parts(&self) -> Option<&[Part]> {
        self.read().as_ref().ok().map(Vec::as_slice)
    }

    /// Whether it is fulfilled by some texts, taken together. A query that [`check`](Self::check) refuses never is.
    pub(crate) fn is_fulfilled<'a>(&self, texts: impl IntoIterator<Item = Cow<'a, str>>) -> bool {
        let Some(parts) = self.parts() else { return false };
        let mut found = vec![false; parts.len()];
        for text in texts {
            let words: Vec<String> = words(&text).collect();
            for (part, found) in parts.iter().zip(&mut found).filter(|(_, found)| !**found) {
                *found = part.sought.occurs(&words);
                if *found && part.excluded {
                    return false;
                }
            }
        }
        parts.iter().zip(found).all(|(part, found)| found || part.excluded)
    }

    fn read(&self) -> &Result<Vec<Part>, Refused> {
        self.parts.get_or_init(|| parse(&self.text))
    }

    /// The query for a message: its beginning.
    fn shown(&self) -> String {
        let mut chars = self.text.chars();
        let start: String = chars.by_ref().take(60).collect();
        let rest = if chars.next().is_some() { "..." } else { "" };
        format!("{start:?}{rest}")
    }
}

/// Where the parts of a query that have to occur do so in a text, in bytes, each with the number of its part; in the
/// order of their beginnings.
#[cfg(feature = "text")]
pub(crate) fn found_in(text: &str, parts: &[Part]) -> Vec<(Range<usize>, usize)> {
    let spans: Vec<Range<usize>> = spans(text).collect();
    let held: Vec<String> = words(text).collect();
    let mut found = Vec::new();
    for (number, part) in parts.iter().enumerate().filter(|(_, part)| !part.excluded) {
        let len = part.sought.len();
        for (window, at) in held.windows(len).zip(spans.windows(len)) {
            if let [first, ..] = at
                && let [.., last] = at
                && part.sought.occurs(window)
            {
                found.push((first.start..last.end, number));
            }
        }
    }
    found.sort_unstable_by_key(|(span, number)| (span.start, span.end, *number));
    found
}

impl Sought {
    /// How many words it is.
    #[cfg(feature = "text")]
    fn len(&self) -> usize {
        match self {
            Sought::Sequence { words, .. } => words.len(),
            Sought::Near { .. } => 1,
        }
    }

    /// Whether it stands among the words of a text.
    fn occurs(&self, held: &[String]) -> bool {
        match self {
            Sought::Sequence { words, prefix } => held.windows(words.len()).any(|window| {
                let mut pairs = window.iter().zip(words);
                let last = if *prefix { pairs.next_back() } else { None };
                pairs.all(|(held, word)| held == word) && last.is_none_or(|(held, word)| held.starts_with(word))
            }),
            Sought::Near { word, edits } => held.iter().any(|held| is_near(held, word, *edits)),
        }
    }
}

fn parse(text: &str) -> Result<Vec<Part>, Refused> {
    if text.len() > limits::TEXT_QUERY_BYTES {
        return Err(Refused::TooLarge(format!("a query has at most {} bytes", limits::TEXT_QUERY_BYTES)));
    }
    let (mut parts, mut count) = (Vec::new(), 0);
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        // A hyphen before a blank is nothing.
        let (excluded, after) = match rest.strip_prefix('-') {
            Some(after) => (true, after),
            None => (false, rest),
        };
        let sought;
        (sought, rest) = match after.strip_prefix('"') {
            Some(quoted) => {
                let (inside, after) = quoted
                    .split_once('"')
                    .ok_or_else(|| Refused::Invalid("a quote is opened and never closed".to_owned()))?;
                (sequence(inside, false), after)
            }
            None => {
                let end = after.find(|char: char| char.is_whitespace() || char == '"').unwrap_or(after.len());
                let (part, after) = after.split_at(end);
                (bare(part)?, after)
            }
        };
        rest = rest.trim_start();
        let Some(sought) = sought else { continue };
        count += if let Sought::Sequence { words, .. } = &sought { words.len() } else { 1 };
        if count > limits::TEXT_QUERY_WORDS {
            return Err(Refused::TooLarge(format!("a query has at most {} words", limits::TEXT_QUERY_WORDS)));
        }
        parts.push(Part { excluded, sought });
    }
    if parts.iter().all(|part| part.excluded) {
        let why = if parts.is_empty() { "there are no words in it" } else { "some word has to occur" };
        return Err(Refused::Invalid(why.to_owned()));
    }
    Ok(parts)
}

fn sequence(text: &str, prefix: bool) -> Option<Sought> {
    let words: Vec<String> = words(text).collect();
    (!words.is_empty()).then_some(Sought::Sequence { words, prefix })
}

/// A part without quotes; nothing if there is no word in it.
fn bare(part: &str) -> Result<Option<Sought>, Refused> {
    if let Some(start) = part.strip_suffix('*') {
        // Behind other signs, as in `v2.*`, nothing is left to begin.
        return Ok(sequence(start, start.ends_with(char::is_alphanumeric)));
    }
    let Some((word, edits)) = part.rsplit_once('~') else { return Ok(sequence(part, false)) };
    let edits = match edits {
        "" | "1" => 1,
        "2" => 2,
        digits if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
            return Err(Refused::Invalid(format!("a word may be 1 or 2 edits away, not {digits}")));
        }
        _ => return Ok(sequence(part, false)),
    };
    let Some(Sought::Sequence { mut words, .. }) = sequence(word, false) else { return Ok(None) };
    match (words.pop(), words.is_empty()) {
        (Some(word), true) if word.chars().count() <= limits::TEXT_NEAR_CHARS => Ok(Some(Sought::Near { word, edits })),
        (Some(_), true) => {
            Err(Refused::TooLarge(format!("a word before ~ has at most {} letters", limits::TEXT_NEAR_CHARS)))
        }
        _ => Err(Refused::Invalid("~ stands behind one word".to_owned())),
    }
}

impl From<&str> for TextQuery {
    fn from(text: &str) -> Self {
        TextQuery::new(text)
    }
}

impl From<&String> for TextQuery {
    fn from(text: &String) -> Self {
        TextQuery::new(text)
    }
}

impl From<String> for TextQuery {
    fn from(text: String) -> Self {
        TextQuery::new(text)
    }
}

impl fmt::Display for TextQuery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl PartialEq for TextQuery {
    fn eq(&self, other: &TextQuery) -> bool {
        self.text == other.text
    }
}

impl Eq for TextQuery {}

impl fmt::Debug for TextQuery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TextQuery").field(&self.text).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    fn fulfilled(query: &str, texts: &[&str]) -> bool {
        TextQuery::new(query).is_fulfilled(texts.iter().map(|text| Cow::Borrowed(*text)))
    }

    #[test]
    fn parts_occur() {
        let texts = ["A random forest, ResNet50_v2.1-fp16", "The first draft"];
        for query in [
            "forest",
            "FOREST draft",
            "\"random forest\"",
            "resnet50_v2.1-fp16",
            "resnet50-v2-1",
            "fore*",
            "resnet50_v*",
            "forst~",
            "froest~1",
            "frst~2",
            "forest -draught",
            "forest -\"draft first\"",
            "forest - & !",
            "v2.*",
            "\"\" forest \"first draft\"",
            "\"random\"forest",
        ] {
            assert!(fulfilled(query, &texts), "{query}");
        }
        for query in [
            "fores",
            "forest draught",
            "\"forest random\"",
            "\"fp16 the\"",
            "v2-resnet50",
            "est*",
            "fxst~",
            "xorext~1",
            "forest -draft",
            "forest -dra*",
            "forest -\"first draft\"",
            "forest -darft~",
        ] {
            assert!(!fulfilled(query, &texts), "{query}");
        }
        assert!(fulfilled("\u{7df4}\u{99ac}", &["\u{8a13}\u{7df4}\u{99ac}"]));
        assert!(!fulfilled("\u{99ac}\u{7df4}", &["\u{8a13}\u{7df4}\u{99ac}"]));
    }

    #[test]
    fn what_has_no_meaning_is_refused() {
        let long = "x".repeat(limits::TEXT_QUERY_BYTES + 1);
        let many = "x ".repeat(limits::TEXT_QUERY_WORDS + 1);
        let near = format!("{}~", "x".repeat(limits::TEXT_NEAR_CHARS + 1));
        for (query, kind) in [
            ("", ErrorKind::InvalidArgument),
            (" - ?", ErrorKind::InvalidArgument),
            ("-draft", ErrorKind::InvalidArgument),
            ("a \"b", ErrorKind::InvalidArgument),
            ("a-b~", ErrorKind::InvalidArgument),
            ("word~3", ErrorKind::InvalidArgument),
            (&long, ErrorKind::LimitExceeded),
            (&many, ErrorKind::LimitExceeded),
            (&near, ErrorKind::LimitExceeded),
        ] {
            assert_eq!(TextQuery::new(query).check().unwrap_err().kind(), kind, "{query}");
            assert!(!fulfilled(query, &["a b draft word"]), "{query}");
        }
        TextQuery::new("a~b").check().unwrap();
    }
}
