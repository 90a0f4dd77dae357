//! Making the document of an entity.

use tantivy::TantivyDocument;

use super::schema::{Fields, Flag, key_flag, key_prefix};
use super::{Place, Text};
use crate::limits;
use crate::words::spans;

/// The document of the texts of the entity `code`.
pub(super) fn document(fields: &Fields, code: u64, texts: &[Text<'_>]) -> TantivyDocument {
    let mut document = TantivyDocument::default();
    document.add_u64(fields.row, code);
    let mut flags = Flags { fields, terms: Vec::new() };
    for (place, text) in texts {
        match text {
            Some(text) => add(&mut document, &mut flags, *place, text),
            None => flags.key(*place),
        }
    }
    for term in flags.terms {
        document.add_text(fields.flags, term);
    }
    document
}

fn add(document: &mut TantivyDocument, flags: &mut Flags<'_>, place: Place<'_>, text: &str) {
    let fields = flags.fields;
    flags.set(Flag::HasText, place);
    if let Some(parts) = fields.parts_of(place) {
        if text.len() > limits::TEXT_PART_BYTES {
            flags.set(Flag::LacksParts, place);
        } else {
            document.add_text(parts, text);
        }
    }
    if text.len() > limits::TEXT_BYTES {
        flags.set(Flag::LacksWords, place);
        return flags.key(place);
    }
    let whole = spans(text).all(|span| span.len() <= limits::TEXT_WORD_BYTES);
    if !whole {
        flags.set(Flag::LacksWords, place);
    }
    match place {
        Place::Value(namespace, key) => {
            document.add_text(fields.values, text);
            if !whole {
                flags.key(place);
            }
            // Nobody asks for words under a longer one.
            if key.len() <= limits::TEXT_WORD_BYTES {
                document.add_text(fields.keyed, key_prefix(namespace, key) + text);
            }
        }
        place => document.add_text(fields.words_of(place), text),
    }
}

struct Flags<'f> {
    fields: &'f Fields,
    terms: Vec<String>,
}

impl Flags<'_> {
    fn set(&mut self, flag: Flag, place: Place<'_>) {
        // Of tags and values nobody asks whether there are any.
        let asked = !matches!(flag, Flag::HasText) || self.fields.parts_of(place).is_some();
        let term = flag.term(place);
        if asked && !self.terms.iter().any(|held| held == term) {
            self.terms.push(term.to_owned());
        }
    }

    /// Some text under the key of a value is not there.
    fn key(&mut self, place: Place<'_>) {
        if let Place::Value(namespace, key) = place
            && key.len() <= limits::TEXT_WORD_BYTES
        {
            self.terms.push(key_flag(namespace, key));
        }
    }
}
