//! The words of a text, as `matches` compares them.

use std::collections::HashSet;

use crate::query::evaluate::lower;

/// The words of a text: its runs of letters and digits (Unicode's), in lower case letter by letter.
pub(super) fn words(text: &str) -> impl Iterator<Item = String> {
    text.split(|char: char| !char.is_alphanumeric()).filter(|word| !word.is_empty()).map(lower)
}

/// Whether every word of `wanted` is one of `texts`, taken together. True if there is none.
pub(super) fn all_occur<'a>(wanted: &str, texts: impl IntoIterator<Item = std::borrow::Cow<'a, str>>) -> bool {
    let mut missing: HashSet<String> = words(wanted).collect();
    for text in texts {
        for word in words(&text) {
            missing.remove(&word);
            if missing.is_empty() {
                return true;
            }
        }
    }
    missing.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_runs_of_letters_and_digits() {
        let found: Vec<String> = words("ResNet-50, \u{c9}t\u{e9}_2 \u{1f600}").collect();
        assert_eq!(found, ["resnet", "50", "\u{e9}t\u{e9}", "2"]);
    }
}
