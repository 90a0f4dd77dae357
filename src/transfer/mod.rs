//! A project in a folder of its own: JSON lines, and the bytes of its artifacts.
//!
//! ```text
//! project.jsonl    one object a line, see below
//! blobs/           the bytes that it names, as a folder of blobs
//! ```
//!
//! | line | what it holds |
//! |---|---|
//! | `{"modeldb project": 1, "id", "name"}` | first: the form, and what it is of |
//! | `{"blob", "len"}` | bytes that artifacts name |
//! | `{"entity", "bytes", "texts", "says"}` | an entity: `bytes` is what the log would say of its creation, in hexadecimal digits, `texts` the long texts in it by digest, `says` some of it for people, what is long or deep left out |
//! | `{"observations", "run", "bytes", "says"}` | at most some thousand observations of a key of the run before it, in the order of logging |
//! | `{"end": {...}, "digest"}` | last: how many of each there were, and the BLAKE3 digest of all lines before |
//!
//! What contains comes before what is contained: a reader needs no memory of what it has read. It is the state of what
//! is there, without the past and without what is deleted.

mod export;
mod import;

use std::sync::Arc;

use serde_json::{Map, Value as Json};

pub use export::{ExportReport, Exported};
pub use import::ImportReport;
#[cfg(feature = "simulation")]
pub(crate) use import::ended;

use crate::codec::canon::{self, Decoder, Digest, Encoder, Texts};
use crate::codec::observations::Digester;
use crate::entity::observations::Observations;
use crate::entity::state::State;
use crate::error::{Error, Result};
use crate::limits;
use crate::log::change::{Change, Fact};
use crate::model::{Entity, Observation, Series, Stored};

pub(crate) const FILE: &str = "project.jsonl";
pub(crate) const FORM: &str = "modeldb project";
/// The form that is written and read.
const VERSION: u64 = 1;

/// An entity as it leaves a store: what its series come to does not tell how often they were begun and written.
fn portable(state: &Arc<State>, stored: Stored) -> Result<Entity> {
    let Stored { mut entity, row, .. } = stored;
    if let Entity::Run(run) = &mut entity {
        for series in &mut run.series {
            let mut digester = Digester::default();
            each_chunk(Observations::new(Arc::clone(state), row, series.clone())?, &mut |chunk| {
                digester.update(chunk);
                Ok(())
            })?;
            *series = Series { generation: 0, added: digester.finish(), ..series.clone() };
        }
    }
    Ok(entity)
}

/// Hands over observations, some at a time.
fn each_chunk(observations: Observations, each: &mut dyn FnMut(&[Observation]) -> Result<()>) -> Result<()> {
    let mut chunk = Vec::new();
    for observation in observations {
        chunk.push(observation?);
        if chunk.len() == limits::SERIES_CHUNK {
            each(&chunk)?;
            chunk.clear();
        }
    }
    if chunk.is_empty() { Ok(()) } else { each(&chunk) }
}

/// The bytes of an entity, and the long texts in it.
fn encode(entity: Entity) -> (Vec<u8>, Vec<(Digest, Vec<u8>)>) {
    let mut encoder = Encoder::new();
    let change = Change { entity: entity.id(), previous: None, fact: Fact::Created(Box::new(entity)) };
    canon::Canon::encode(&change, &mut encoder);
    let large = std::mem::take(&mut encoder.large);
    (encoder.into_bytes(), large)
}

/// Long texts of one line.
struct Beside(Vec<(Digest, Vec<u8>)>);

impl Texts for Beside {
    fn text(&self, digest: &Digest, len: u64) -> Result<Vec<u8>> {
        let found = self.0.iter().find(|(known, text)| known == digest && text.len() as u64 == len);
        Ok(found.ok_or_else(|| Error::corrupt("a long text is not on its line"))?.1.clone())
    }
}

fn decode(bytes: &[u8], texts: Vec<(Digest, Vec<u8>)>) -> Result<Entity> {
    if texts.iter().any(|(digest, text)| canon::digest(&[text]) != *digest) {
        return Err(Error::corrupt("a long text does not have its digest"));
    }
    let change = Decoder::whole::<Change>(bytes, &Beside(texts)).map_err(|error| error.at("the bytes of an entity"))?;
    match change.fact {
        Fact::Created(entity) => Ok(*entity),
        _ => Err(Error::corrupt("the bytes are of no creation")),
    }
}

fn unhex(text: &str) -> Result<Vec<u8>> {
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    let digit = |digit: u8| char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let bytes = pairs.iter().map(|&[high, low]| Some(digit(high)? << 4 | digit(low)?)).collect::<Option<Vec<u8>>>();
    bytes.filter(|_| rest.is_empty()).ok_or_else(|| Error::corrupt("bytes that are no hexadecimal digits"))
}

/// A text of a line.
fn text<'l>(line: &'l Map<String, Json>, key: &str) -> Result<&'l str> {
    line.get(key).and_then(Json::as_str).ok_or_else(|| Error::corrupt(format!("a line without {key:?}")))
}

fn number(line: &Map<String, Json>, key: &str) -> Result<u64> {
    line.get(key).and_then(Json::as_u64).ok_or_else(|| Error::corrupt(format!("a line without a number {key:?}")))
}
