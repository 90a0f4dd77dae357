//! What a blob is called: the BLAKE3 digest of its bytes.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, Result};

/// The BLAKE3 digest of a blob's bytes: its only name.
///
/// `Display` and `FromStr` are 64 lower-case hexadecimal digits, and nothing else is accepted: a digest has one text,
/// and it holds no character that means something in a path.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BlobDigest([u8; 32]);

impl BlobDigest {
    /// The digest of bytes in memory.
    ///
    /// ```
    /// use modeldb::BlobDigest;
    ///
    /// let digest = BlobDigest::of(b"");
    /// assert_eq!(digest.to_string(), "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262");
    /// assert_eq!(digest.to_string().parse::<BlobDigest>().unwrap(), digest);
    /// ```
    pub fn of(bytes: &[u8]) -> Self {
        let mut hasher = BlobHasher::new();
        hasher.update(bytes);
        hasher.digest()
    }

    /// A digest that was kept as bytes.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        BlobDigest(bytes)
    }

    /// The digest as bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for BlobDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for BlobDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BlobDigest({self})")
    }
}

impl FromStr for BlobDigest {
    type Err = Error;

    /// Reads 64 lower-case hexadecimal digits.
    ///
    /// # Errors
    /// `InvalidArgument` for anything else.
    fn from_str(text: &str) -> Result<Self> {
        let digit = |digit: u8| match digit {
            b'0'..=b'9' => Some(digit - b'0'),
            b'a'..=b'f' => Some(digit - b'a' + 10),
            _ => None,
        };
        let mut bytes = [0; 32];
        let (pairs, rest) = text.as_bytes().as_chunks::<2>();
        let mut fits = pairs.len() == bytes.len() && rest.is_empty();
        for (byte, &[high, low]) in bytes.iter_mut().zip(pairs) {
            match (digit(high), digit(low)) {
                (Some(high), Some(low)) => *byte = high << 4 | low,
                _ => fits = false,
            }
        }
        if !fits {
            let shown: String = text.chars().take(80).collect();
            return Err(Error::invalid(format!("{shown:?} is no digest of a blob: 64 lower-case hexadecimal digits")));
        }
        Ok(BlobDigest(bytes))
    }
}

/// A digest in the making.
#[derive(Clone)]
pub(crate) struct BlobHasher(blake3::Hasher);

impl BlobHasher {
    pub(crate) fn new() -> Self {
        BlobHasher(blake3::Hasher::new())
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The digest of the bytes so far.
    pub(crate) fn digest(&self) -> BlobDigest {
        BlobDigest(*self.0.finalize().as_bytes())
    }
}
