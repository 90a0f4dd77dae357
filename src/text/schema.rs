//! What the index holds of an entity: one document of words, and of the parts of its texts.
//!
//! | field | terms |
//! |---|---|
//! | `row` | kind and row |
//! | `name`, `description`, `readme`, `tags`, `values` | words, with positions |
//! | `keyed` | words of values behind namespace and key |
//! | `*_parts` | each four neighbouring characters of a text in lower case, and what is left of them at its end |
//! | `flags` | what the document does not have as it should, and which texts there are |
//!
//! Nothing is stored: the record is in the database.

use tantivy::schema::{Field, IndexRecordOption, NumericOptions, Schema, TextFieldIndexing, TextOptions};
use tantivy::tokenizer::{TextAnalyzer, Token, TokenStream, Tokenizer, TokenizerManager};
use tantivy::{Index, IndexSettings, store};

use super::Place;
use crate::id::{EntityKind, Row};
use crate::limits;
use crate::words::{lower, spans};

/// Characters of a part. With three, the substrings of the workload take five times as long, in nine tenths of the
/// room.
pub(super) const PART: usize = 4;

const WORDS: &str = "words";
const KEYED: &str = "keyed";
/// Named after [`PART`], so that an index of other parts is no good.
const PARTS: &str = "parts4";
const RAW: &str = "raw";

/// The fields by name.
#[derive(Debug, Clone, Copy)]
pub(super) struct Fields {
    pub(super) row: Field,
    pub(super) name: Field,
    pub(super) description: Field,
    pub(super) readme: Field,
    pub(super) tags: Field,
    pub(super) values: Field,
    pub(super) keyed: Field,
    pub(super) name_parts: Field,
    pub(super) description_parts: Field,
    pub(super) readme_parts: Field,
    pub(super) flags: Field,
}

impl Fields {
    /// The fields that hold the words of all places.
    pub(super) fn all_words(&self) -> [Field; 5] {
        [self.name, self.description, self.readme, self.tags, self.values]
    }

    /// Where the words of a place are.
    pub(super) fn words_of(&self, place: Place<'_>) -> Field {
        match place {
            Place::Name => self.name,
            Place::Description => self.description,
            Place::Readme => self.readme,
            Place::Tags => self.tags,
            Place::Value(..) => self.keyed,
        }
    }

    /// Where the parts of a place are, if there are any.
    pub(super) fn parts_of(&self, place: Place<'_>) -> Option<Field> {
        match place {
            Place::Name => Some(self.name_parts),
            Place::Description => Some(self.description_parts),
            Place::Readme => Some(self.readme_parts),
            Place::Tags | Place::Value(..) => None,
        }
    }
}

/// What is said of a document.
#[derive(Debug, Clone, Copy)]
pub(super) enum Flag {
    /// Some word of a place is not there.
    LacksWords,
    /// The parts of a place are not there.
    LacksParts,
    /// There is a text in a place.
    HasText,
}

impl Flag {
    /// The term. All values share one: they are told apart by their keys elsewhere.
    pub(super) fn term(self, place: Place<'_>) -> &'static str {
        match (self, place) {
            (Flag::LacksWords, Place::Name) => "wn",
            (Flag::LacksWords, Place::Description) => "wd",
            (Flag::LacksWords, Place::Readme) => "wr",
            (Flag::LacksWords, Place::Tags) => "wt",
            (Flag::LacksWords, Place::Value(..)) => "wv",
            (Flag::LacksParts, Place::Name) => "pn",
            (Flag::LacksParts, Place::Description) => "pd",
            (Flag::LacksParts, Place::Readme) => "pr",
            (Flag::LacksParts, Place::Tags | Place::Value(..)) => "p",
            (Flag::HasText, Place::Name) => "hn",
            (Flag::HasText, Place::Description) => "hd",
            (Flag::HasText, Place::Readme) => "hr",
            (Flag::HasText, Place::Tags | Place::Value(..)) => "h",
        }
    }
}

/// Before the words of a value of a key. No other key begins so.
pub(super) fn key_prefix(namespace: char, key: &str) -> String {
    format!("{namespace}{}:{key}", key.len())
}

/// The flag of a key that has a value with texts that are not there: a list or a map.
pub(super) fn key_flag(namespace: char, key: &str) -> String {
    format!("k{}", key_prefix(namespace, key))
}

/// The number of an entity.
pub(super) fn code(kind: EntityKind, row: Row) -> u64 {
    (kind.index() as u64) << 32 | u64::from(row.0)
}

pub(super) fn schema() -> (Schema, Fields) {
    let mut builder = Schema::builder();
    let text = |tokenizer: &str, option, norms| {
        let indexing = TextFieldIndexing::default().set_tokenizer(tokenizer).set_index_option(option);
        TextOptions::default().set_indexing_options(indexing.set_fieldnorms(norms))
    };
    let words = text(WORDS, IndexRecordOption::WithFreqsAndPositions, true);
    let keyed = text(KEYED, IndexRecordOption::WithFreqsAndPositions, false);
    let parts = text(PARTS, IndexRecordOption::WithFreqsAndPositions, false);
    let fields = Fields {
        row: builder.add_u64_field("row", NumericOptions::default().set_fast().set_indexed()),
        name: builder.add_text_field("name", words.clone()),
        description: builder.add_text_field("description", words.clone()),
        readme: builder.add_text_field("readme", words.clone()),
        tags: builder.add_text_field("tags", words.clone()),
        values: builder.add_text_field("values", words),
        keyed: builder.add_text_field("keyed", keyed),
        name_parts: builder.add_text_field("name_parts", parts.clone()),
        description_parts: builder.add_text_field("description_parts", parts.clone()),
        readme_parts: builder.add_text_field("readme_parts", parts),
        flags: builder.add_text_field("flags", text(RAW, IndexRecordOption::Basic, false)),
    };
    (builder.build(), fields)
}

pub(super) fn settings() -> IndexSettings {
    IndexSettings {
        docstore_compression: store::Compressor::None,
        docstore_compress_dedicated_thread: false,
        ..IndexSettings::default()
    }
}

/// Gives an index our tokenizers.
pub(super) fn register(index: &mut Index) {
    let tokenizers = TokenizerManager::default();
    tokenizers.register(WORDS, TextAnalyzer::builder(WordTokenizer { keyed: false }).build());
    tokenizers.register(KEYED, TextAnalyzer::builder(WordTokenizer { keyed: true }).build());
    tokenizers.register(PARTS, TextAnalyzer::builder(PartTokenizer).build());
    index.set_tokenizers(tokenizers);
}

/// The words of a text; of a value behind its key, behind that.
#[derive(Clone)]
struct WordTokenizer {
    keyed: bool,
}

struct WordStream<'a> {
    text: &'a str,
    spans: Box<dyn Iterator<Item = std::ops::Range<usize>> + 'a>,
    prefix: &'a str,
    next: usize,
    token: Token,
}

impl Tokenizer for WordTokenizer {
    type TokenStream<'a> = WordStream<'a>;
    fn token_stream<'a>(&'a mut self, text: &'a str) -> WordStream<'a> {
        let (prefix, text) = if self.keyed { split_key(text) } else { ("", text) };
        WordStream { text, spans: Box::new(spans(text)), prefix, next: 0, token: Token::default() }
    }
}

/// Takes apart what [`key_prefix`] begins.
fn split_key(text: &str) -> (&str, &str) {
    let split = || {
        let (number, rest) = text.split_once(':')?;
        let len: usize = number.get(1..)?.parse().ok()?;
        text.split_at_checked(text.len() - rest.len() + len)
    };
    split().unwrap_or(("", text))
}

impl TokenStream for WordStream<'_> {
    fn advance(&mut self) -> bool {
        for span in self.spans.by_ref() {
            self.token.position = self.next;
            self.next += 1;
            // A longer one leaves a gap.
            if span.len() > limits::TEXT_WORD_BYTES {
                continue;
            }
            (self.token.offset_from, self.token.offset_to) = (span.start, span.end);
            self.token.text.clear();
            self.token.text.push_str(self.prefix);
            let word = self.text.get(span).unwrap_or_default();
            if word.is_ascii() {
                self.token.text.extend(word.bytes().map(|byte| char::from(byte.to_ascii_lowercase())));
            } else {
                self.token.text.push_str(&lower(word));
            }
            return true;
        }
        false
    }

    fn token(&self) -> &Token {
        &self.token
    }

    fn token_mut(&mut self) -> &mut Token {
        &mut self.token
    }
}

/// The parts of a text, one from each of its characters on.
#[derive(Clone)]
struct PartTokenizer;

struct PartStream {
    chars: Vec<char>,
    next: usize,
    token: Token,
}

impl Tokenizer for PartTokenizer {
    type TokenStream<'a> = PartStream;
    fn token_stream<'a>(&'a mut self, text: &'a str) -> PartStream {
        PartStream { chars: lower(text).chars().collect(), next: 0, token: Token::default() }
    }
}

impl TokenStream for PartStream {
    fn advance(&mut self) -> bool {
        let rest = self.chars.get(self.next..).unwrap_or_default();
        self.token.text.clear();
        self.token.text.extend(rest.iter().take(PART));
        self.token.position = self.next;
        self.next += 1;
        !rest.is_empty()
    }

    fn token(&self) -> &Token {
        &self.token
    }

    fn token_mut(&mut self) -> &mut Token {
        &mut self.token
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(mut stream: impl TokenStream) -> Vec<(String, usize)> {
        let mut tokens = Vec::new();
        while let Some(token) = stream.next() {
            tokens.push((token.text.clone(), token.position));
        }
        tokens
    }

    #[test]
    fn values_stand_behind_their_keys() {
        let text = format!("{}A-\u{c9}", key_prefix('a', "x:y"));
        let found = tokens(WordTokenizer { keyed: true }.token_stream(&text));
        assert_eq!(found, [("a3:x:ya".to_owned(), 0), ("a3:x:y\u{e9}".to_owned(), 1)]);
    }

    #[test]
    fn long_words_leave_gaps() {
        let text = format!("a {} b", "x".repeat(limits::TEXT_WORD_BYTES + 1));
        let found = tokens(WordTokenizer { keyed: false }.token_stream(&text));
        assert_eq!(found, [("a".to_owned(), 0), ("b".to_owned(), 2)]);
    }

    #[test]
    fn parts_reach_the_end() {
        let found = tokens(PartTokenizer.token_stream("ABcd\u{e9}"));
        let expected = [("abcd", 0), ("bcd\u{e9}", 1), ("cd\u{e9}", 2), ("d\u{e9}", 3), ("\u{e9}", 4)];
        assert_eq!(found, expected.map(|(text, position)| (text.to_owned(), position)));
        assert!(tokens(PartTokenizer.token_stream("")).is_empty());
    }
}
