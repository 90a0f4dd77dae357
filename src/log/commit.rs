//! What a commit says, and its bytes.
//!
//! A commit is stored in parts of bounded size; most have one. The last part carries the trailer.
//!
//! ```text
//! part    = codec byte (0 plain, 1 LZ4) || CBOR [ [item, ...], trailer or null ]
//! item    = [ salt, bytes ]            or, erased, [ digest, code, sequence of the commit that erased it ]
//! trailer = [ header, item of the actor context, hash ]
//! header  = CBOR [ sequence, time, [ [name, changes, repeated], ... ], number of changes ]
//! ```

use crate::codec::canon::{Canon, DecodeError, DecodeResult, Decoder, Digest, Encoder, NoTexts, canon_struct};
use crate::codec::compress;
use crate::error::{Error, Result};
use crate::id::{EntityKind, Sequence};
use crate::limits;
use crate::log::chain::{self, Hash, Head, SALT_BYTES};
use crate::model::Actor;
use crate::storage::tables::PIECE_BYTES;
use crate::time::Timestamp;

/// One write, as the log tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Commit {
    /// Its position in the log.
    pub sequence: Sequence,
    /// When it was made: never before the commit ahead of it, so that a time names one sequence.
    pub time: Timestamp,
    /// Who made it; none if a purge erased that.
    pub actor: Option<Actor>,
    /// The caller's id of the write; empty if none was given.
    pub idempotency_id: String,
    /// What was called, in order.
    pub operations: Vec<Operation>,
    /// How many changes it holds.
    pub changes: u32,
    /// Its hash, which covers everything before it.
    pub hash: Hash,
}

impl Commit {
    /// The head that ends with this commit.
    pub fn head(&self) -> Head {
        Head::new(self.sequence, self.hash)
    }

    /// The operation that made change `index`.
    pub fn operation_of(&self, index: u32) -> Option<&Operation> {
        let mut end = 0_u32;
        self.operations.iter().find(|operation| {
            end = end.saturating_add(operation.changes);
            index < end
        })
    }
}

/// One operation that was called in a write.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Operation {
    /// Its name, like `run.create`.
    pub name: String,
    /// How many of the commit's changes, in order, are its.
    pub changes: u32,
}

/// What the host says of a write, hashed and erasable on its own.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Context {
    pub(crate) actor: Actor,
    pub(crate) idempotency_id: String,
}

canon_struct!(Context { 0: actor, 1: idempotency_id });

/// Something hashed with its salt, or what an erasure left of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Item {
    Whole { salt: [u8; SALT_BYTES], bytes: Vec<u8> },
    Erased(Erased),
}

/// What is left of a change that was erased.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Erased {
    pub(crate) digest: Digest,
    /// Of a creation its kind's, else 0.
    pub(crate) code: u8,
    /// The commit that erased it.
    pub(crate) by: Sequence,
}

impl Item {
    pub(crate) fn digest(&self) -> Digest {
        match self {
            Item::Whole { salt, bytes } => chain::salted(salt, bytes),
            Item::Erased(erased) => erased.digest,
        }
    }

    /// The kind of the entity that it created, if it says so without being decoded: of an erased one.
    pub(crate) fn creates(&self) -> Option<EntityKind> {
        match self {
            Item::Whole { .. } => None,
            Item::Erased(erased) => EntityKind::from_code(u64::from(erased.code)),
        }
    }

    fn encode(&self, to: &mut Encoder) {
        match self {
            Item::Whole { salt, bytes } => encode_item(to, salt, bytes),
            Item::Erased(Erased { digest, code, by }) => {
                to.array(3).bytes(digest).uint(u64::from(*code)).uint(by.get());
            }
        }
    }

    fn decode(from: &mut Decoder<'_>) -> DecodeResult<Self> {
        match from.array()? {
            3 => {
                let digest = from.fixed()?;
                let code = u8::try_from(from.uint()?).map_err(|_| DecodeError::Other("a code of more than a byte"))?;
                Ok(Item::Erased(Erased { digest, code, by: Canon::decode(from)? }))
            }
            2 => Ok(Item::Whole { salt: from.fixed()?, bytes: from.bytes()?.to_vec() }),
            _ => Err(DecodeError::Other("an item of another length")),
        }
    }
}

/// Appends a whole item to an encoding.
pub(crate) fn encode_item(to: &mut Encoder, salt: &[u8; SALT_BYTES], bytes: &[u8]) {
    to.array(2).bytes(salt).bytes(bytes);
}

/// What ends a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Trailer {
    pub(crate) header: Vec<u8>,
    pub(crate) actor: Item,
    pub(crate) hash: Hash,
    /// Changes of the commit, counted: what the header says of them is held against it.
    pub(crate) changes: u32,
}

impl Trailer {
    /// The commit's text.
    pub(crate) fn commit(&self) -> Result<Commit> {
        let mut from = Decoder::new(&self.header, &NoTexts);
        let mut decode = || -> DecodeResult<Commit> {
            from.array_of(4)?;
            let sequence = Canon::decode(&mut from)?;
            let time = Canon::decode(&mut from)?;
            let mut operations = Vec::new();
            let mut told = 0_u64;
            for _ in 0..from.array()? {
                from.array_of(3)?;
                let name = from.short_text()?.to_owned();
                let (changes, repeated) = (u32::decode(&mut from)?, u32::decode(&mut from)?);
                // Before anything is made of the number: a lie could ask for all memory.
                told = told.saturating_add(u64::from(changes.max(1)).saturating_mul(u64::from(repeated)));
                if told > u64::from(self.changes) {
                    return Err(DecodeError::Other("more operations than changes"));
                }
                operations.extend((0..repeated).map(|_| Operation { name: name.clone(), changes }));
            }
            let changes = Canon::decode(&mut from)?;
            from.done()?;
            Ok(Commit {
                sequence,
                time,
                actor: None,
                idempotency_id: String::new(),
                operations,
                changes,
                hash: self.hash,
            })
        };
        let mut commit = decode().map_err(|error| error.at("the header of a commit"))?;
        if let Item::Whole { bytes, .. } = &self.actor {
            let context: Context =
                Decoder::whole(bytes, &NoTexts).map_err(|error| error.at("the actor of a commit"))?;
            commit.actor = Some(context.actor);
            commit.idempotency_id = context.idempotency_id;
        }
        Ok(commit)
    }
}

/// The bytes of a header, equal operations in a row told once.
pub(crate) fn encode_header(sequence: Sequence, time: Timestamp, operations: &[Operation], changes: u32) -> Vec<u8> {
    let runs: Vec<&[Operation]> = operations.chunk_by(|a, b| a == b).collect();
    let mut to = Encoder::new();
    to.array(4).uint(sequence.get()).int(time.millis()).array(runs.len());
    for run in runs {
        if let [operation, ..] = run {
            to.array(3).short_text(&operation.name).uint(u64::from(operation.changes)).uint(run.len() as u64);
        }
    }
    to.uint(u64::from(changes));
    to.into_bytes()
}

/// A part of a commit, decoded.
#[derive(Debug, Clone)]
pub(crate) struct Part {
    pub(crate) first: u32,
    pub(crate) items: Vec<Item>,
    pub(crate) trailer: Option<Trailer>,
}

impl Part {
    /// The stored bytes of `count` encoded items, with the trailer if this is the last part.
    pub(crate) fn seal(count: usize, items: &[u8], trailer: Option<&Trailer>) -> Vec<u8> {
        let mut to = Encoder::new();
        to.array(2).array(count);
        let mut content = to.into_bytes();
        content.extend_from_slice(items);
        let mut to = Encoder::new();
        match trailer {
            None => {
                to.null();
            }
            Some(trailer) => {
                to.array(3).bytes(&trailer.header);
                trailer.actor.encode(&mut to);
                to.bytes(trailer.hash.as_bytes());
            }
        }
        content.extend_from_slice(&to.into_bytes());
        // A part that fits a page gains nothing; small commits are compressed together, when packed.
        if content.len() < PIECE_BYTES {
            [&[0], &*content].concat()
        } else {
            [&[1], &*compress::compress(&content)].concat()
        }
    }

    /// The stored bytes of this part.
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut items = Encoder::new();
        for item in &self.items {
            item.encode(&mut items);
        }
        Part::seal(self.items.len(), items.bytes_so_far(), self.trailer.as_ref())
    }

    pub(crate) fn open(first: u32, payload: &[u8]) -> Result<Self> {
        // A part holds LOG_PART_BYTES and one change more: whatever the CRC let through, this bounds what a lie about
        // the length can ask for.
        const MOST: usize = 1 << 30;
        const { assert!(limits::LOG_PART_BYTES + limits::CHANGE_BYTES < MOST / 4 * 3) };
        match payload.split_first() {
            Some((0, content)) => Self::decode(first, content),
            Some((1, block)) => Self::decode(first, &compress::decompress(block, MOST)?),
            _ => Err(Error::corrupt("a part of a commit has an unknown codec")),
        }
    }

    fn decode(first: u32, content: &[u8]) -> Result<Self> {
        let mut from = Decoder::new(content, &NoTexts);
        let mut decode = || -> DecodeResult<Part> {
            from.array_of(2)?;
            let mut items = Vec::new();
            for _ in 0..from.array()? {
                items.push(Item::decode(&mut from)?);
            }
            let trailer = if from.null()? {
                None
            } else {
                from.array_of(3)?;
                let header = from.bytes()?.to_vec();
                let actor = Item::decode(&mut from)?;
                let hash = Hash::new(from.fixed()?);
                let count = u32::try_from(items.len()).ok().and_then(|count| first.checked_add(count));
                let changes = count.ok_or(DecodeError::Other("more changes than a commit has"))?;
                Some(Trailer { header, actor, hash, changes })
            };
            from.done()?;
            Ok(Part { first, items, trailer })
        };
        decode().map_err(|error| error.at("a part of a commit"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn a_header_cannot_ask_for_more_operations_than_there_are_changes() {
        for (repeated, expected) in [(1, None), (1000, Some(ErrorKind::Corrupt))] {
            let mut header = Encoder::new();
            header.array(4).uint(1).int(0).array(1).array(3).short_text("run.create").uint(1).uint(repeated).uint(1);
            let mut context = Encoder::new();
            Context::default().encode(&mut context);
            let actor = Item::Whole { salt: [0; SALT_BYTES], bytes: context.into_bytes() };
            let trailer = Trailer { header: header.into_bytes(), actor, hash: Hash::ZERO, changes: 1 };
            let mut items = Encoder::new();
            encode_item(&mut items, &[0; SALT_BYTES], b"change");
            let part = Part::open(0, &Part::seal(1, &items.into_bytes(), Some(&trailer))).unwrap();
            let commit = part.trailer.unwrap().commit();
            assert_eq!(commit.err().map(|error| error.kind()), expected);
        }
    }
}
