//! Doors to the private decoders, for fuzzing: bytes in, nothing out. No part of the API.
//!
//! Each takes bytes as they could stand on a damaged disk, behind a checksum that happens to fit. Decoding must end
//! in a value or an error, never in a panic, and what was decoded must survive being written and read again.

use std::sync::Arc;

use crate::codec::canon::{self, Canon, Decoder, Digest, Texts};
use crate::codec::envelope::{self, Kind};
use crate::codec::v1::{self, Resolve};
use crate::error::{Error, Result};
use crate::id::{EntityKind, ExperimentId, ProjectId, Row};
use crate::log::apply;
use crate::log::change::Change;
use crate::log::commit::Part;
use crate::value::Value;

/// Resolves everything to something small.
struct Anything;

impl Texts for Anything {
    fn text(&self, digest: &Digest, _: u64) -> Result<Vec<u8>> {
        match digest.first() {
            Some(byte) if byte % 2 == 0 => Ok(b"text".to_vec()),
            _ => Err(Error::corrupt("no such text")),
        }
    }
}

impl Resolve for Anything {
    fn key(&self, code: u32) -> Result<Arc<str>> {
        if code < 1 << 16 { Ok(format!("key {code:05}").into()) } else { Err(Error::corrupt("no such key")) }
    }
    fn project_id(&self, row: Row) -> Result<ProjectId> {
        ProjectId::new(format!("project {}", row.0))
    }
    fn experiment_id(&self, row: Row) -> Result<ExperimentId> {
        ExperimentId::new(format!("experiment {}", row.0))
    }
}

/// A sealed value under an empty key, of each kind; and one that fits, so that its flips are seen.
pub fn envelope(data: &[u8]) {
    for kind in [Kind::Project, Kind::Experiment, Kind::Run, Kind::Log, Kind::Pack, Kind::Key, Kind::Meta] {
        let _ = envelope::open(kind, b"", data);
    }
    let sealed = envelope::wrap(Kind::Run, b"key", data);
    assert!(envelope::open(Kind::Run, b"key", &sealed).is_ok_and(|payload| payload == data));
}

/// The payload of a record of each kind.
pub fn record(data: &[u8]) {
    for kind in EntityKind::ALL {
        let Ok(stored) = v1::decode(kind, Row(7), data, &Anything) else { continue };
        let mut keys: Vec<String> = Vec::new();
        let mut intern = |key: &str| {
            keys.push(key.to_owned());
            u32::try_from(keys.len() - 1).map_err(|_| Error::limit("too many keys"))
        };
        let written = v1::encode(stored, &mut intern, &mut Vec::new());
        assert!(written.is_ok(), "what was decoded cannot be encoded: {:?}", written.err());
    }
}

/// The payload of a log row: a part of a commit, and the commit and changes in it.
pub fn commit_part(data: &[u8]) {
    let Ok(part) = Part::open(0, data) else { return };
    if let Some(trailer) = &part.trailer {
        let _ = trailer.commit();
    }
    for item in &part.items {
        let _ = item.digest();
        if let crate::log::commit::Item::Whole { bytes, .. } = item {
            change(bytes);
        }
    }
}

/// The payload of a pack, and the commits in it.
pub fn pack(data: &[u8]) {
    for (_, payload) in apply::unpack(data).unwrap_or_default() {
        commit_part(&payload);
    }
}

/// The bytes of a change.
pub fn change(data: &[u8]) {
    round_trip::<Change>(data);
}

/// The bytes of a value.
pub fn value(data: &[u8]) {
    round_trip::<Value>(data);
}

/// What bytes say survives being written in the canonical form and read again.
fn round_trip<T: Canon + PartialEq>(data: &[u8]) {
    let Ok(decoded) = Decoder::whole::<T>(data, &Anything) else { return };
    let (bytes, large) = canon::encode(&decoded);
    assert!(large.is_empty() || !bytes.is_empty());
    let again = Decoder::whole::<T>(&bytes, &Kept(&large));
    assert!(again.is_ok_and(|again| again == decoded), "what was decoded changes when it is written");
}

/// The texts that an encoding put beside it.
struct Kept<'a>(&'a [(Digest, Vec<u8>)]);

impl Texts for Kept<'_> {
    fn text(&self, digest: &Digest, _: u64) -> Result<Vec<u8>> {
        let found = self.0.iter().find(|(known, _)| known == digest);
        found.map(|(_, text)| text.clone()).ok_or_else(|| Error::corrupt("a text was not kept"))
    }
}
