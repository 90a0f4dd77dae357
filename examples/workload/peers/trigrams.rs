//! Texts as trigrams, for tantivy.

use tantivy::tokenizer::{Token, TokenStream, Tokenizer};

/// Every three characters in lower case, each one position further: a substring is a phrase of them. tantivy's own
/// puts all in one position.
#[derive(Clone)]
pub(super) struct Trigrams;

pub(super) struct Stream {
    chars: Vec<char>,
    next: usize,
    token: Token,
}

impl Tokenizer for Trigrams {
    type TokenStream<'a> = Stream;
    fn token_stream(&mut self, text: &str) -> Stream {
        Stream { chars: text.to_lowercase().chars().collect(), next: 0, token: Token::default() }
    }
}

impl TokenStream for Stream {
    fn advance(&mut self) -> bool {
        let Some(three) = self.chars.get(self.next..self.next + 3) else { return false };
        self.token.text.clear();
        self.token.text.extend(three);
        self.token.position = self.next;
        self.next += 1;
        true
    }

    fn token(&self) -> &Token {
        &self.token
    }

    fn token_mut(&mut self) -> &mut Token {
        &mut self.token
    }
}
