//! Doors to the private decoders, for fuzzing: bytes in, nothing out. No part of the API.
//!
//! Each takes bytes as they could stand on a damaged disk, behind a checksum that happens to fit. Decoding must end
//! in a value or an error, never in a panic, and what was decoded must survive being written and read again.

mod import;

pub use import::{import, import_seeds};

use crate::codec::canon::{self, Canon, Decoder, Digest, Encoder, Texts};
use crate::codec::compress;
use crate::codec::envelope::{self, Kind};
use crate::codec::observations;
use crate::codec::v1::{self, Resolve};
use crate::error::{Error, Result};
use crate::filter::field::{self, FieldKey};
use crate::id::{ChangeId, EntityKind, ExperimentId, ProjectId, Row, RunId, Sequence};
use crate::log;
use crate::log::chain::Hash;
use crate::log::change::{Change, Edit, Fact, Field, FieldValue};
use crate::log::commit::{self, Context, Erased, Item, Operation, Part, Trailer};
use crate::log::resolve::payload;
use crate::model::{
    Entity, LineageEdge, LineageEntry, NewComment, NewJob, NewRun, Observation, Parents, RunStatus, Series, Stored,
};
use crate::time::Timestamp;
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
    fn key(&self, code: u32) -> Result<String> {
        if code < 1 << 16 { Ok(format!("key {code:05}")) } else { Err(Error::corrupt("no such key")) }
    }
    fn code(&self, _: &str) -> Option<u32> {
        None
    }
    fn project_id(&self, row: Row) -> Result<ProjectId> {
        ProjectId::new(format!("project {}", row.0))
    }
    fn experiment_id(&self, row: Row) -> Result<ExperimentId> {
        ExperimentId::new(format!("experiment {}", row.0))
    }
    fn run_id(&self, row: Row) -> Result<RunId> {
        RunId::new(format!("run {}", row.0))
    }
}

/// The decoder that the first byte names.
pub fn decode(data: &[u8]) {
    match data.split_first() {
        Some((0, rest)) => envelope(rest),
        Some((1, rest)) => record(rest),
        Some((2, rest)) => commit_part(rest),
        Some((3, rest)) => pack(rest),
        Some((4, rest)) => change(rest),
        Some((5, rest)) => value(rest),
        Some((6, rest)) => chunk(rest),
        _ => {}
    }
}

/// A sealed value under an empty key, of each kind; and one that fits, so that its flips are seen.
pub fn envelope(data: &[u8]) {
    let kinds = EntityKind::ALL.map(v1::envelope_kind);
    for kind in kinds.into_iter().chain([Kind::Log, Kind::Pack, Kind::Key, Kind::Meta]) {
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
        let written = v1::encode(stored, &mut intern);
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
        let _ = (item.digest(), item.creates());
        if let Item::Whole { bytes, .. } = item {
            change(bytes);
        }
    }
    // What an erasure reads and writes again.
    let again = Part::open(0, &part.encode());
    assert!(again.is_ok_and(|again| again.items == part.items && again.trailer == part.trailer));
}

/// The payload of a pack, and the commits in it.
pub fn pack(data: &[u8]) {
    for (_, payload) in log::pack::decode(data).unwrap_or_default() {
        commit_part(&payload);
    }
}

/// The bytes of a change.
pub fn change(data: &[u8]) {
    round_trip::<Change>(data);
    // An erasure finds what it names by its form alone.
    if let Ok(change) = Decoder::whole::<Change>(data, &Anything) {
        assert!(Change::code_of(data).is_ok_and(|code| code == change.code()));
        let (bytes, large) = canon::encode(&change);
        let named = canon::named_texts(&bytes);
        assert!(named.is_ok_and(|named| named.iter().eq(large.iter().map(|(digest, _)| digest))));
    }
    let _ = canon::named_texts(data);
}

/// The bytes of a value.
pub fn value(data: &[u8]) {
    round_trip::<Value>(data);
}

/// The payload of a chunk of a series.
pub fn chunk(data: &[u8]) {
    let Ok(found) = observations::decode(data) else { return };
    let len = found.len();
    let found: Vec<Observation> = found.collect();
    assert!(found.len() == len);
    // Texts may be more than a chunk of columns holds.
    let Ok(again) = observations::encode(&found).and_then(|bytes| observations::decode(&bytes)) else { return };
    assert!(again.eq(found), "what was decoded changes when it is written");
}

/// The bytes of a field of a block of the filter index: of a set, or else of a metric.
pub fn field_block(data: &[u8]) {
    match data.split_first() {
        Some((0, rest)) => field::walk(FieldKey::TAGS, rest),
        Some((_, rest)) => field::walk(FieldKey::metric(7), rest),
        None => {}
    }
}

/// Inputs of [`field_block`] that are as the store writes them, by name.
pub fn field_seeds() -> Vec<(&'static str, Vec<u8>)> {
    let numbers: Vec<Value> = (0..40).map(|number| Value::Float(f64::from(number) / 7.0)).collect();
    let mixed = ["adam", "sgd", "5", "5.0"].map(Value::from).into_iter();
    let mixed = mixed.chain([Value::Int(i64::MAX), Value::Float(f64::NAN), Value::Bool(true), Value::List(Vec::new())]);
    let hashed = (0..3).map(|number| Value::String(format!("{}{number}", "long ".repeat(60))));
    let one = |set: u8, values: Vec<Value>| [&[set], &*field::bytes_of(set == 0, &values).unwrap_or_default()].concat();
    vec![
        ("numbers", one(1, numbers)),
        ("mixed", one(1, mixed.collect())),
        ("hashed", one(1, hashed.collect())),
        ("set", one(0, ["a", "b", "a"].map(Value::from).to_vec())),
    ]
}

/// What bytes say survives being written in the canonical form and read again.
fn round_trip<T: Canon + PartialEq>(data: &[u8]) {
    let Ok(decoded) = Decoder::whole::<T>(data, &Anything) else { return };
    let (bytes, large) = canon::encode(&decoded);
    assert!(large.is_empty() || !bytes.is_empty());
    let again = Decoder::whole::<T>(&bytes, &Kept(&large));
    assert!(again.is_ok_and(|again| again == decoded), "what was decoded changes when it is written");
}

/// Inputs of [`decode`] that are as the store writes them, by name.
pub fn seeds() -> Vec<(&'static str, Vec<u8>)> {
    let new = NewRun::named("seed")
        .id(RunId::new("0192f0c1-2a3b-7c4d-8e5f-001122334455").unwrap_or_default())
        .hyperparameters([("depth", 6), ("width", 64)])
        .metric("accuracy", 0.91)
        .attribute("nested", vec![Value::Int(1), Value::Null])
        .code_version("v1")
        .feature("age")
        .tag("baseline");
    let at = |index: i64, value: Value| Observation::new(value, index, Timestamp::from_millis(1_000 * index));
    let curve: Vec<Observation> =
        (0..40).map(|index| at(index * index, Value::Int(index).as_f64().unwrap_or_default().into())).collect();
    let kinds = [Value::Float(f64::NAN), Value::Int(7), Value::Bool(true), "text".into()];
    let mixed: Vec<Observation> =
        (0..36).zip(kinds.iter().cycle()).map(|(index, value)| at(index, value.clone())).collect();
    let chunk = |of: &[Observation]| [&[6], &*observations::encode(of).unwrap_or_default()].concat();
    let (curve_chunk, mixed_chunk) = (chunk(&curve), chunk(&mixed));
    let few = chunk(mixed.get(..5).unwrap_or_default());
    let mut run = new.0;
    run.series.push(Series::of("loss", &curve));
    run.status = Some(RunStatus::Failed);
    let entity = Entity::Run(run);
    let created = Change { entity: entity.id(), previous: None, fact: Fact::Created(Box::new(entity.clone())) };
    let status = |status| Some(FieldValue::RunStatus(status));
    let (old, new) = (status(RunStatus::Running), status(RunStatus::Failed));
    let edits = vec![
        Edit { field: Field::Metric("loss".into()), old: None, new: None },
        Edit { field: Field::Status, old, new },
    ];
    let (zero, previous) = (Timestamp::default(), Some(ChangeId::default()));
    let fact = Fact::Edited { old_date_updated: zero, new_date_updated: zero, edits };
    let edited = Change { entity: entity.id(), previous, fact };
    let fact = Fact::Purged { changes: 2, done: true };
    let purged = Change { entity: entity.id(), previous, fact };
    let [created, edited, purged] = [created, edited, purged].map(|change| canon::encode(&change).0);

    let mut items = Encoder::new();
    commit::encode_item(&mut items, &[7; 16], &created);
    commit::encode_item(&mut items, &[8; 16], &edited);
    let operations = [Operation { name: "run.create".into(), changes: 1 }, Operation { name: "x".into(), changes: 1 }];
    let header = commit::encode_header(Sequence::new(1), zero, &operations, 2);
    let context = canon::encode(&Context { idempotency_id: "id".into(), ..Context::default() }).0;
    let actor = Item::Whole { salt: [9; 16], bytes: context };
    let trailer = Trailer { header, actor, hash: Hash::ZERO, changes: 2 };
    let part = Part::seal(2, &items.into_bytes(), Some(&trailer));
    let erased = Item::Erased(Erased { digest: [6; 32], code: EntityKind::Run.code(), by: Sequence::new(2) });
    let items = vec![erased, Item::Whole { salt: [8; 16], bytes: edited.clone() }];
    let erased = Part { first: 0, items, trailer: Some(trailer) }.encode();

    let len = u32::try_from(part.len()).unwrap_or_default();
    let block = [&1_u64.to_le_bytes()[..], &len.to_le_bytes(), &part].concat();
    let row = Row(0);
    let parents = Parents::Experiment { project: row, experiment: row };
    let stored = Stored { entity, row, parents, last: ChangeId::default(), deleted: false };
    let record = encode_record(stored).unwrap_or_default();
    let input = LineageEntry::DatasetVersion("version".into());
    let output = LineageEntry::Run(RunId::new("run").unwrap_or_default());
    let edge = LineageEdge { input, output, ..LineageEdge::default() };
    let comment = NewComment::new("well done").verta_id("7").0;
    vec![
        ("envelope", [&[0], &*envelope::wrap(Kind::Run, b"", b"payload")].concat()),
        ("record", [&[1], payload(&record)].concat()),
        ("part", [&[2], &*part].concat()),
        ("pack", [&[3], &*compress::compress(&block)].concat()),
        ("created", [&[4], &*created].concat()),
        ("edited", [&[4], &*edited].concat()),
        ("value", [&[5], &*canon::encode(&Value::List(vec![Value::Float(0.1), Value::Null])).0].concat()),
        ("erased", [&[2], &*erased].concat()),
        ("purged", [&[4], &*purged].concat()),
        ("comment", beside(Entity::Comment(comment), Parents::Run(row))),
        ("job", beside(Entity::Job(NewJob::started("now").description("job").metadata("queue", 7).0), Parents::None)),
        ("curve", curve_chunk),
        ("chunk", mixed_chunk),
        ("few", few),
        ("edge", beside(Entity::LineageEdge(edge), Parents::None)),
    ]
}

/// The record of an entity that stands beside runs.
fn beside(entity: Entity, parents: Parents) -> Vec<u8> {
    let stored = Stored { entity, row: Row(0), parents, last: ChangeId::default(), deleted: false };
    [&[1], payload(&encode_record(stored).unwrap_or_default())].concat()
}

fn encode_record(stored: Stored) -> Result<Vec<u8>> {
    let mut keys = 0;
    let mut intern = |_: &str| {
        keys += 1;
        Ok(keys)
    };
    v1::encode(stored, &mut intern)
}

/// The texts that an encoding put beside it.
struct Kept<'a>(&'a [(Digest, Vec<u8>)]);

impl Texts for Kept<'_> {
    fn text(&self, digest: &Digest, _: u64) -> Result<Vec<u8>> {
        let found = self.0.iter().find(|(known, _)| known == digest);
        found.map(|(_, text)| text.clone()).ok_or_else(|| Error::corrupt("a text was not kept"))
    }
}
