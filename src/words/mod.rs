//! The words of texts, and queries for them: what `matches` means, by looking. The text index has the same words.

mod near;
mod query;

#[cfg(feature = "text")]
pub(crate) use near::is_near;
pub use query::TextQuery;
#[cfg(feature = "text")]
pub(crate) use query::{Part, Sought, found_in};

/// The words of a text, in lower case letter by letter: its runs of letters and digits (Unicode's). Chinese and
/// Japanese, which are written without blanks, have no such runs of words: each of their characters is a word by
/// itself, so that a run of them is found as a phrase.
pub(crate) fn words(text: &str) -> impl Iterator<Item = String> + '_ {
    spans(text).filter_map(|span| text.get(span)).map(lower)
}

/// Where the words of a text stand, in bytes.
pub(crate) fn spans(text: &str) -> impl Iterator<Item = std::ops::Range<usize>> + '_ {
    let mut chars = text.char_indices().peekable();
    std::iter::from_fn(move || {
        let (start, first) = chars.find(|(_, char)| char.is_alphanumeric())?;
        let mut end = start + first.len_utf8();
        if !stands_alone(first) {
            while let Some((at, char)) = chars.next_if(|(_, char)| char.is_alphanumeric() && !stands_alone(*char)) {
                end = at + char.len_utf8();
            }
        }
        Some(start..end)
    })
}

/// Whether a character is a word by itself: Han, Hiragana and Katakana, the marks of repetition among them. Korean has
/// blanks between words.
fn stands_alone(char: char) -> bool {
    matches!(char,
        '\u{3005}'..='\u{3007}'
        | '\u{3031}'..='\u{3035}'
        | '\u{303b}'..='\u{303c}'
        | '\u{3041}'..='\u{30ff}'
        | '\u{31f0}'..='\u{31ff}'
        | '\u{3400}'..='\u{4dbf}'
        | '\u{4e00}'..='\u{9fff}'
        | '\u{f900}'..='\u{faff}'
        | '\u{ff66}'..='\u{ff9f}'
        | '\u{1aff0}'..='\u{1b16f}'
        | '\u{20000}'..='\u{3ffff}')
}

/// Letter by letter, so that a letter's lower case does not depend on those around it.
pub(crate) fn lower(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    text.chars().flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_runs_of_letters_and_digits() {
        let found: Vec<String> = words("ResNet-50, \u{c9}t\u{e9}_2 \u{1f600}").collect();
        assert_eq!(found, ["resnet", "50", "\u{e9}t\u{e9}", "2"]);
    }

    #[test]
    fn a_character_of_chinese_or_japanese_is_a_word() {
        let found: Vec<String> =
            words("GPU\u{8a13}\u{7df4}v2 \u{30c7}\u{30fc}\u{30bf} \u{d559}\u{c2b5}\u{b960}").collect();
        let expected =
            ["gpu", "\u{8a13}", "\u{7df4}", "v2", "\u{30c7}", "\u{30fc}", "\u{30bf}", "\u{d559}\u{c2b5}\u{b960}"];
        assert_eq!(found, expected);
    }

    #[test]
    fn spans_are_of_the_text_as_it_is() {
        let text = "a \u{130}b\u{8a13}-C";
        let found: Vec<&str> = spans(text).map(|span| &text[span]).collect();
        assert_eq!(found, ["a", "\u{130}b", "\u{8a13}", "C"]);
    }
}
