//! Cursors of searches: where a page ended, by order and row, so that the next one begins there on any later snapshot.

use std::fmt;
use std::str::FromStr;

use crate::codec::canon::{self, Decoder, Digest, Texts};
use crate::error::{Error, Result};
use crate::id::Row;
use crate::query::order::SortKey;
use crate::value::Value;

/// Where a page of a search ended: pass it to [`Find::page_after`](crate::Find::page_after) of the same search, on this
/// snapshot or a later one. As text it can be handed out, and read back; whoever changes it gets an error, or another
/// page.
#[derive(Debug, Clone, PartialEq)]
pub struct FindCursor {
    /// Tells searches apart.
    pub(crate) search: [u8; 8],
    pub(crate) keys: Vec<SortKey>,
    pub(crate) row: Row,
    /// How many are on the pages up to there.
    pub(crate) taken: u64,
}

/// One page of a search by cursors.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct FindPage<T> {
    /// What is on the page.
    pub items: Vec<T>,
    /// How many match on all pages, the ones before included.
    pub total: u64,
    /// Where the next page begins; none after the last.
    pub next: Option<FindCursor>,
}

impl FindCursor {
    /// What tells a search apart from others: its parts as text.
    pub(crate) fn fingerprint(parts: &[&str]) -> [u8; 8] {
        let lens: Vec<[u8; 8]> = parts.iter().map(|part| (part.len() as u64).to_le_bytes()).collect();
        let pieces: Vec<&[u8]> =
            lens.iter().zip(parts).flat_map(|(len, part)| [len.as_slice(), part.as_bytes()]).collect();
        let digest = canon::digest(&pieces);
        digest.first_chunk().copied().unwrap_or_default()
    }
}

impl fmt::Display for FindCursor {
    /// Hexadecimal digits: the search, the row, how many were taken, and each key of the order.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hex = |f: &mut fmt::Formatter<'_>, bytes: &[u8]| bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"));
        hex(f, &self.search)?;
        write!(f, "{:08x}{:016x}", self.row.0, self.taken)?;
        for key in &self.keys {
            match key {
                SortKey::Number(Value::Int(int)) => write!(f, ".i{int:016x}")?,
                SortKey::Number(number) => {
                    write!(f, ".f{:016x}", number.as_f64().unwrap_or_default().to_bits())?;
                }
                SortKey::Text(text) => {
                    write!(f, ".s")?;
                    hex(f, text.as_bytes())?;
                }
                SortKey::Bool(bool) => write!(f, ".b{}", u8::from(*bool))?,
                SortKey::Rest(value) => {
                    let (bytes, beside) = canon::encode(value);
                    write!(f, ".v")?;
                    hex(f, &bytes)?;
                    // Long texts in it, each behind a colon.
                    for (_, text) in beside {
                        write!(f, ":")?;
                        hex(f, &text)?;
                    }
                }
                SortKey::Nan => write!(f, ".n")?,
                SortKey::Missing => write!(f, ".m")?,
            }
        }
        Ok(())
    }
}

fn bytes(digits: &str) -> Option<Vec<u8>> {
    if !digits.is_ascii() || !digits.len().is_multiple_of(2) || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(digits.get(at..at + 2)?, 16).ok()).collect()
}

/// The long texts of a value.
struct Beside(Vec<Vec<u8>>);

impl Texts for Beside {
    fn text(&self, digest: &Digest, _: u64) -> Result<Vec<u8>> {
        let found = self.0.iter().find(|text| canon::digest(&[text]) == *digest);
        found.cloned().ok_or_else(|| Error::invalid("the cursor lacks a text"))
    }
}

fn key(text: &str) -> Option<SortKey> {
    let mut chars = text.chars();
    let kind = chars.next()?;
    let rest = chars.as_str();
    let word = || bytes(rest).and_then(|bytes| bytes.try_into().ok()).map(u64::from_be_bytes);
    Some(match kind {
        'i' => SortKey::Number(Value::Int(word()?.cast_signed())),
        'f' => SortKey::Number(Value::Float(Some(f64::from_bits(word()?)).filter(|float| !float.is_nan())?)),
        's' => SortKey::Text(String::from_utf8(bytes(rest)?).ok()?),
        'b' if rest == "0" || rest == "1" => SortKey::Bool(rest == "1"),
        'v' => {
            let mut parts = rest.split(':').map(bytes);
            let value = parts.next()??;
            SortKey::Rest(Decoder::whole::<Value>(&value, &Beside(parts.collect::<Option<_>>()?)).ok()?)
        }
        'n' if rest.is_empty() => SortKey::Nan,
        'm' if rest.is_empty() => SortKey::Missing,
        _ => return None,
    })
}

impl FromStr for FindCursor {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self> {
        let read = || {
            let mut parts = text.split('.');
            let head = bytes(parts.next()?)?;
            let (search, behind) = head.split_first_chunk::<8>()?;
            let (row, taken) = behind.split_first_chunk::<4>()?;
            let (row, taken) = (Row(u32::from_be_bytes(*row)), u64::from_be_bytes(taken.try_into().ok()?));
            let keys = parts.map(key).collect::<Option<Vec<_>>>()?;
            Some(FindCursor { search: *search, keys, row, taken })
        };
        read().ok_or_else(|| Error::invalid("the text is no cursor of a search"))
    }
}
