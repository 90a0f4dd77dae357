//! Excerpts of texts around what a filter found in them.

use std::ops::Range;

use crate::query::evaluate::{self, Subject};
use crate::query::field::QueryField;
use crate::query::filter::Filter;
use crate::words::{Part, found_in};

/// About how long an excerpt is, in bytes.
const LENGTH: usize = 160;

/// An excerpt of a text, and what was found in it. Made from the record.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Snippet {
    /// Where the text stands.
    pub field: QueryField,
    /// The excerpt, as it stands there.
    pub text: String,
    /// What was found, in bytes of the excerpt; ascending, none of them meet.
    pub highlights: Vec<Range<usize>>,
}

/// The conditions on words that a match may owe its being one to: those that are not negated.
pub(crate) fn words_of(filter: &Filter) -> Vec<(&QueryField, &[Part])> {
    match filter {
        Filter::And(inner) | Filter::Or(inner) => inner.iter().flat_map(words_of).collect(),
        Filter::Words { field, words } => words.parts().map(|parts| (field, parts)).into_iter().collect(),
        _ => Vec::new(),
    }
}

/// The excerpt that shows the most of what a filter looks for; none if it found no words.
pub(crate) fn snippet(filter: &Filter, subject: &Subject<'_>) -> Option<Snippet> {
    let mut best: Option<(usize, Snippet)> = None;
    for (field, parts) in words_of(filter) {
        for field in places(field, subject) {
            for item in evaluate::items(subject, &field) {
                let Some(text) = item.text() else { continue };
                let Some((shown, text, highlights)) = excerpt(&text, parts) else { continue };
                // Of two that show as much, the first.
                if best.as_ref().is_none_or(|(most, _)| shown > *most) {
                    best = Some((shown, Snippet { field: field.clone(), text, highlights }));
                }
            }
        }
    }
    best.map(|(_, snippet)| snippet)
}

/// The fields whose texts a field is made of; what reads best comes first.
fn places(field: &QueryField, subject: &Subject<'_>) -> Vec<QueryField> {
    if *field != QueryField::Text {
        return vec![field.clone()];
    }
    let mut places = vec![QueryField::Description, QueryField::Readme, QueryField::Name, QueryField::Tags];
    let keys = |entries: Option<&crate::model::KeyValues>, of: fn(String) -> QueryField| {
        entries.into_iter().flat_map(|entries| entries.iter()).map(|entry| of(entry.key.clone())).collect::<Vec<_>>()
    };
    places.extend(keys(subject.entity.attributes(), QueryField::Attribute));
    if let crate::model::Entity::Run(run) = subject.entity {
        places.extend(keys(Some(&run.hyperparameters), QueryField::Hyperparameter));
        places.extend(keys(Some(&run.metrics), QueryField::Metric));
    }
    places
}

/// How many parts an excerpt shows, the excerpt, and where.
fn excerpt(text: &str, parts: &[Part]) -> Option<(usize, String, Vec<Range<usize>>)> {
    let found = found_in(text, parts);
    // From each finding on, as many as fit.
    let window = |at: usize| {
        let rest = found.get(at..).unwrap_or_default();
        let (start, _) = rest.first().map(|(span, part)| (span.start, part))?;
        let fitting = rest.iter().take_while(|(span, _)| span.end.saturating_sub(start) <= LENGTH).count().max(1);
        let mut shown: Vec<usize> = rest.iter().take(fitting).map(|(_, part)| *part).collect();
        shown.sort_unstable();
        shown.dedup();
        Some((shown.len(), at..at + fitting))
    };
    let windows = (0..found.len()).filter_map(window);
    let (shown, chosen) = windows.reduce(|best, next| if next.0 > best.0 { next } else { best })?;
    let chosen = found.get(chosen)?;
    let (first, last) = (chosen.first()?.0.start, chosen.iter().map(|(span, _)| span.end).max()?);
    // As much before it as behind it, from a word on and up to a word.
    let around = LENGTH.saturating_sub(last - first) / 2;
    let (from, to) = (first.saturating_sub(around), last.saturating_add(around).min(text.len()));
    let spans = || crate::words::spans(text);
    let from = if from == 0 { 0 } else { spans().find(|span| span.start >= from).map_or(first, |span| span.start) };
    let to = if to == text.len() {
        to
    } else {
        spans().take_while(|span| span.end <= to).last().map_or(last, |span| span.end).max(last)
    };
    let (from, mut to) = (from.min(first), to);
    // A phrase may be longer than an excerpt.
    if to - from > 4 * LENGTH {
        to = (from + 4 * LENGTH..to).find(|at| text.is_char_boundary(*at)).unwrap_or(to);
    }
    let mut highlights: Vec<Range<usize>> = Vec::new();
    for (span, _) in chosen {
        let span = span.start - from..span.end.min(to).saturating_sub(from);
        match highlights.last_mut() {
            Some(last) if span.start <= last.end => last.end = last.end.max(span.end),
            _ if span.start < span.end => highlights.push(span),
            _ => {}
        }
    }
    Some((shown, text.get(from..to)?.to_owned(), highlights))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::TextQuery;

    fn excerpt_of(text: &str, query: &str) -> Option<(String, Vec<String>)> {
        let query = TextQuery::new(query);
        let (_, excerpt, highlights) = excerpt(text, query.parts().unwrap())?;
        let shown = highlights.iter().map(|span| excerpt[span.clone()].to_owned()).collect();
        Some((excerpt, shown))
    }

    #[test]
    fn what_was_found_is_shown() {
        let text = "A Random Forest, then forests; no draft.";
        let (whole, shown) = excerpt_of(text, "\"random forest\" fores* -draft").unwrap();
        assert_eq!(whole, text);
        assert_eq!(shown, ["Random Forest", "forests"]);
        assert_eq!(excerpt_of(text, "tree"), None);
    }

    #[test]
    fn of_a_long_text_the_best_place_is_shown() {
        let filler = "\u{e9}lan ".repeat(100);
        let text = format!("forest {filler} random wood and a forest {filler}");
        let (shown, found) = excerpt_of(&text, "forest random").unwrap();
        assert_eq!(found, ["random", "forest"]);
        assert!(shown.len() <= LENGTH && shown.starts_with("\u{e9}lan") && shown.ends_with("\u{e9}lan"), "{shown}");
        let long = "forest ".repeat(1000);
        let (shown, found) = excerpt_of(&long, &format!("\"{}\"", "forest ".repeat(200))).unwrap();
        assert!(shown.len() <= 4 * LENGTH + 4 && found.len() == 1, "{}", shown.len());
    }
}
