//! Hashes of the log, and heads to keep elsewhere.
//!
//! ```text
//! digest of x   = SHA-256(salt of x || bytes of x)              for the actor context and each change
//! root(n)       = SHA-256(code 0 || digest of change 0 || code 1 || digest of change 1 || ...)
//! hash(n)       = SHA-256(hash(n-1) || header(n) || digest of the actor context || root(n))
//! ```
//! with `hash(0)` all zero. A code is one byte: of a creation its kind's, else 0, so that an erased creation still
//! takes its row. The header says sequence, time, operations and the number of changes. Salts
//! stand beside what they cover, so that a change can be erased while its digest keeps the chain.

use std::fmt;
use std::str::FromStr;

use sha2::{Digest as _, Sha256};

use crate::codec::canon::{self, Digest};
use crate::error::{Error, Result};
use crate::id::Sequence;

/// Bytes of salt before each hashed thing.
pub(crate) const SALT_BYTES: usize = 16;

/// Hash of a commit, covering all commits before it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Hash([u8; 32]);

impl Hash {
    /// What stands before the first commit.
    pub const ZERO: Hash = Hash([0; 32]);

    /// The bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    pub(crate) const fn new(bytes: Digest) -> Self {
        Hash(bytes)
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hash({self})")
    }
}

/// The last commit of a log at some moment: keep it elsewhere, and `verify` can prove later that the log
/// up to it was neither rewritten nor cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub struct Head {
    /// The last sequence number.
    pub sequence: Sequence,
    /// Its hash.
    pub hash: Hash,
}

impl Head {
    pub(crate) const fn new(sequence: Sequence, hash: Hash) -> Self {
        Head { sequence, hash }
    }
}

impl fmt::Display for Head {
    /// `sequence:hash`, as [`FromStr`] reads it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.sequence, self.hash)
    }
}

impl FromStr for Head {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self> {
        let parse = || {
            let (sequence, hash) = text.split_once(':')?;
            let mut bytes = [0; 32];
            // Digits only: the parsers would take signs as well.
            let is_number = sequence.bytes().all(|byte| byte.is_ascii_digit());
            if !is_number || hash.len() != 64 || !hash.bytes().all(|byte| byte.is_ascii_hexdigit()) {
                return None;
            }
            for (at, byte) in bytes.iter_mut().enumerate() {
                *byte = u8::from_str_radix(hash.get(2 * at..2 * at + 2)?, 16).ok()?;
            }
            Some(Head::new(Sequence::new(sequence.parse().ok()?), Hash(bytes)))
        };
        parse().ok_or_else(|| {
            Error::invalid(format!("{text:?} is no head: it reads `sequence:hash`, the hash in 64 hexadecimal digits"))
        })
    }
}

/// Digest of salted bytes.
pub(crate) fn salted(salt: &[u8; SALT_BYTES], bytes: &[u8]) -> Digest {
    canon::digest(&[salt, bytes])
}

/// Hash of the commit after `previous`.
pub(crate) fn link(previous: &Hash, header: &[u8], actor: &Digest, root: &Digest) -> Hash {
    Hash(canon::digest(&[&previous.0, header, actor, root]))
}

/// The root of a commit's changes, digest by digest.
#[derive(Clone, Default)]
pub(crate) struct Root(Sha256);

impl Root {
    pub(crate) fn push(&mut self, code: u8, digest: &Digest) {
        self.0.update([code]);
        self.0.update(digest);
    }

    pub(crate) fn finish(self) -> Digest {
        self.0.finalize().into()
    }
}
