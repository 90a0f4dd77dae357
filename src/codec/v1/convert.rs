//! Between the model and the records of format 1.

use uuid::Uuid;

use super::{
    ArchivedHeadV1, ArchivedIdV1, ArchivedKeyValueV1, ArchivedLargeV1, ArchivedSmallV1, ArchivedTextV1,
    ArchivedValueV1, ExperimentV1, HeadV1, IdV1, KeyValueV1, LargeV1, ProjectV1, RunV1, SmallV1, TextV1, ValueV1,
};
use crate::codec::archive;
use crate::codec::canon::{self, CanonFields, Decoder, Encoder, Texts};
use crate::codec::canon_model::RARE;
use crate::codec::envelope::{self, Kind};
use crate::error::{Error, Result};
use crate::id::{ChangeId, CommentId, EdgeId, EntityKind, ExperimentId, JobId, ProjectId, Row, RunId, Sequence};
use crate::limits;
use crate::model::{
    Comment, Entity, Experiment, Job, KeyValue, KeyValues, LineageEdge, Parents, Project, Run, RunStatus, Stored,
    ValueType,
};
use crate::time::Timestamp;
use crate::value::{Value, ValueRef};

/// What a record refers to.
pub(crate) trait Resolve: Texts {
    /// The text of an interned key.
    fn key(&self, code: u32) -> Result<String>;
    /// The code of a key, if it has one.
    fn code(&self, key: &str) -> Option<u32>;
    /// The id of a project.
    fn project_id(&self, row: Row) -> Result<ProjectId>;
    /// The id of an experiment.
    fn experiment_id(&self, row: Row) -> Result<ExperimentId>;
    /// The id of a run.
    fn run_id(&self, row: Row) -> Result<RunId>;
}

pub(crate) fn envelope_kind(kind: EntityKind) -> Kind {
    match kind {
        EntityKind::Project => Kind::Project,
        EntityKind::Experiment => Kind::Experiment,
        EntityKind::Run => Kind::Run,
        EntityKind::Comment => Kind::Comment,
        EntityKind::Job => Kind::Job,
        EntityKind::LineageEdge => Kind::LineageEdge,
    }
}

/// The sealed record of `stored`, interning its keys. Texts stored by digest are left out: the changes that
/// brought them have stored them. Takes the entity apart: a load spends much of its time on texts, which are
/// moved, not copied.
pub(crate) fn encode(stored: Stored, intern: &mut dyn FnMut(&str) -> Result<u32>) -> Result<Vec<u8>> {
    let mut to = ToV1 { intern };
    let bytes = envelope::begin(1024);
    let (kind, row, parents) = (stored.kind(), stored.row, stored.parents);
    let (last, deleted) = (stored.last, stored.deleted);
    /// The head of an entity, whose fields have the same names in every kind.
    macro_rules! head {
        ($entity:ident) => {{
            let rare = rare(&$entity);
            HeadV1 {
                id: id_to($entity.id.as_str()),
                name: to.text($entity.name),
                description: to.text($entity.description),
                owner: to.text($entity.owner),
                date_created: $entity.date_created.millis(),
                date_updated: $entity.date_updated.millis(),
                version: $entity.version_number,
                last_sequence: last.sequence.get(),
                last_index: last.index,
                deleted,
                attributes: to.key_values($entity.attributes)?,
                tags: $entity.tags,
                rare: rare.into_bytes(),
            }
        }};
    }
    /// A kind whose fields are read whole.
    macro_rules! small {
        ($entity:ident) => {{
            let record = SmallV1 {
                id: id_to($entity.id.as_str()),
                date_created: $entity.date_created.millis(),
                date_updated: $entity.date_updated.millis(),
                version: $entity.version_number,
                last_sequence: last.sequence.get(),
                last_index: last.index,
                deleted,
                parent: parents.direct().0,
                rest: rare(&$entity).into_bytes(),
            };
            archive::append(&record, bytes)?
        }};
    }
    let mut bytes = match stored.entity {
        Entity::Project(project) => archive::append(&ProjectV1 { head: head!(project) }, bytes)?,
        Entity::Experiment(experiment) => {
            archive::append(&ExperimentV1 { head: head!(experiment), project: parents.direct().0 }, bytes)?
        }
        Entity::Comment(comment) => small!(comment),
        Entity::Job(job) => small!(job),
        Entity::LineageEdge(edge) => small!(edge),
        Entity::Run(run) => {
            let Parents::Experiment { project, experiment } = parents else {
                return Err(Error::corrupt("a run without an experiment"));
            };
            let record = RunV1 {
                project: project.0,
                experiment: experiment.0,
                start_time: run.start_time.map_or(0, Timestamp::millis),
                end_time: run.end_time.map_or(0, Timestamp::millis),
                status: run.status.map_or(0, |status| status.code() + 1),
                head: head!(run),
                hyperparameters: to.key_values(run.hyperparameters)?,
                metrics: to.key_values(run.metrics)?,
            };
            archive::append(&record, bytes)?
        }
    };
    envelope::seal(envelope_kind(kind), &row.0.to_le_bytes(), &mut bytes);
    Ok(bytes)
}

/// The encoding of an entity's rare fields; nothing if all are default.
fn rare<T: CanonFields>(entity: &T) -> Encoder {
    let mut encoder = Encoder::new();
    if entity.encode_from(&mut encoder, RARE) == 0 {
        encoder.clear();
    }
    encoder
}

struct ToV1<'a> {
    intern: &'a mut dyn FnMut(&str) -> Result<u32>,
}

fn large(text: &str) -> Box<LargeV1> {
    Box::new(LargeV1 { digest: canon::digest(&[text.as_bytes()]), len: text.len() as u64 })
}

impl ToV1<'_> {
    fn text(&mut self, text: String) -> TextV1 {
        if text.len() <= limits::INLINE_BYTES { TextV1::Inline(text) } else { TextV1::Large(large(&text)) }
    }

    fn key_values(&mut self, entries: KeyValues) -> Result<Vec<KeyValueV1>> {
        entries.into_iter().map(|entry| self.key_value(entry)).collect()
    }

    fn key_value(&mut self, entry: KeyValue) -> Result<KeyValueV1> {
        let value = match entry.value {
            Value::Null => ValueV1::Null,
            Value::Bool(bool) => ValueV1::Bool(bool),
            Value::Int(int) => ValueV1::Int(int),
            Value::Float(float) => ValueV1::Float(crate::value::canonical(float)),
            Value::String(text) if text.len() <= limits::INLINE_BYTES => ValueV1::String(text),
            Value::String(text) => ValueV1::Large(large(&text)),
            nested @ (Value::List(_) | Value::Map(_)) => ValueV1::Nested(canon::encode(&nested).0),
        };
        Ok(KeyValueV1 { key: (self.intern)(&entry.key)?, value_type: entry.value_type.code(), value })
    }
}

fn id_to(id: &str) -> IdV1 {
    let shape = match id.len() {
        36 => IdV1::Uuid as fn([u8; 16]) -> IdV1,
        32 => IdV1::Hex as fn([u8; 16]) -> IdV1,
        _ => return IdV1::Text(id.to_owned()),
    };
    match Uuid::try_parse(id) {
        Ok(uuid) => {
            let compact = shape(uuid.into_bytes());
            // Only what comes back exactly as it was is kept as bytes.
            if id_text(&compact) == id { compact } else { IdV1::Text(id.to_owned()) }
        }
        Err(_) => IdV1::Text(id.to_owned()),
    }
}

fn id_text(id: &IdV1) -> String {
    match id {
        IdV1::Uuid(bytes) => Uuid::from_bytes(*bytes).hyphenated().to_string(),
        IdV1::Hex(bytes) => Uuid::from_bytes(*bytes).simple().to_string(),
        IdV1::Text(text) => text.clone(),
    }
}

impl ArchivedIdV1 {
    /// Calls `f` with the id as text, without an allocation.
    pub(crate) fn with_str<R>(&self, f: impl FnOnce(&str) -> R) -> R {
        match self {
            ArchivedIdV1::Uuid(bytes) => {
                f(Uuid::from_bytes(*bytes).hyphenated().encode_lower(&mut Uuid::encode_buffer()))
            }
            ArchivedIdV1::Hex(bytes) => f(Uuid::from_bytes(*bytes).simple().encode_lower(&mut Uuid::encode_buffer())),
            ArchivedIdV1::Text(text) => f(text),
        }
    }
}

impl ArchivedHeadV1 {
    /// The change that made the record what it is.
    pub(crate) fn last(&self) -> ChangeId {
        ChangeId::new(Sequence::new(self.last_sequence.to_native()), self.last_index.to_native())
    }
}

/// The text, which may stand beside the record.
pub(crate) fn text_ref<'a>(text: &'a ArchivedTextV1, texts: &dyn Texts) -> Result<std::borrow::Cow<'a, str>> {
    match text {
        ArchivedTextV1::Inline(text) => Ok(text.as_str().into()),
        ArchivedTextV1::Large(large) => Ok(large_text(large, texts)?.into()),
    }
}

fn large_text(large: &ArchivedLargeV1, texts: &dyn Texts) -> Result<String> {
    let bytes = texts.text(&large.digest, large.len.to_native())?;
    String::from_utf8(bytes).map_err(|_| Error::corrupt("a stored text is not UTF-8"))
}

/// A value as it stands in the record.
pub(crate) fn value_ref<'a>(value: &'a ArchivedValueV1, texts: &dyn Texts) -> Result<ValueRef<'a>> {
    Ok(match value {
        ArchivedValueV1::Null => ValueRef::Null,
        ArchivedValueV1::Bool(bool) => ValueRef::Bool(*bool),
        ArchivedValueV1::Int(int) => ValueRef::Int(int.to_native()),
        ArchivedValueV1::Float(float) => ValueRef::Float(float.to_native()),
        ArchivedValueV1::String(text) => ValueRef::String(text.as_str().into()),
        ArchivedValueV1::Large(large) => ValueRef::String(large_text(large, texts)?.into()),
        ArchivedValueV1::Nested(bytes) => {
            ValueRef::Nested(Decoder::whole::<Value>(bytes, texts).map_err(|error| error.at("a nested value"))?)
        }
    })
}

fn value(value: &ArchivedValueV1, texts: &dyn Texts) -> Result<Value> {
    value_ref(value, texts).map(ValueRef::into_value)
}

fn key_values(entries: &[ArchivedKeyValueV1], from: &dyn Resolve) -> Result<KeyValues> {
    let mut owned = Vec::with_capacity(entries.len());
    for entry in entries {
        let code = u64::from(entry.value_type);
        let value_type =
            ValueType::from_code(code).ok_or_else(|| Error::corrupt(format!("a value type has no code {code}")))?;
        let key = from.key(entry.key.to_native())?;
        owned.push(KeyValue::new(key, value(&entry.value, from)?).value_type(value_type));
    }
    if !owned.is_sorted_by(|a, b| a.key < b.key) {
        return Err(Error::corrupt("key-values are out of order"));
    }
    Ok(KeyValues::from_sorted(owned))
}

/// Fields that every entity has, copied from the head.
macro_rules! from_head {
    ($ty:ident, $id:ident, $head:expr, $from:expr) => {{
        let head: &ArchivedHeadV1 = $head;
        let mut entity = $ty {
            id: head.id.with_str(|id| $id::new(id))?,
            name: text_ref(&head.name, $from)?.into_owned(),
            description: text_ref(&head.description, $from)?.into_owned(),
            owner: text_ref(&head.owner, $from)?.into_owned(),
            date_created: Timestamp::from_millis(head.date_created.to_native()),
            date_updated: Timestamp::from_millis(head.date_updated.to_native()),
            version_number: head.version.to_native(),
            attributes: key_values(&head.attributes, $from)?,
            tags: head.tags.iter().map(|tag| tag.as_str().to_owned()).collect(),
            ..$ty::default()
        };
        if !head.rare.is_empty() {
            let mut decoder = Decoder::new(&head.rare, $from);
            entity.decode_into(&mut decoder).map_err(|error| error.at("the rare fields of a record"))?;
        }
        entity
    }};
}

/// The id in the payload of an opened envelope.
pub(crate) fn id<R>(kind: EntityKind, payload: &[u8], f: impl FnOnce(&str) -> R) -> Result<R> {
    Ok(match kind {
        EntityKind::Project => archive::access::<ProjectV1>(payload)?.head.id.with_str(f),
        EntityKind::Experiment => archive::access::<ExperimentV1>(payload)?.head.id.with_str(f),
        EntityKind::Run => archive::access::<RunV1>(payload)?.head.id.with_str(f),
        EntityKind::Comment | EntityKind::Job | EntityKind::LineageEdge => {
            archive::access::<SmallV1>(payload)?.id.with_str(f)
        }
    })
}

/// Where the record in the payload of an opened envelope stands, and whether it is deleted, if its id is `id` or
/// none is given.
pub(crate) fn place(kind: EntityKind, payload: &[u8], id: Option<&str>) -> Result<Option<(Parents, bool)>> {
    let is = |found: &ArchivedIdV1| id.is_none_or(|id| found.with_str(|text| text == id));
    Ok(match kind {
        EntityKind::Project => {
            let head = &archive::access::<ProjectV1>(payload)?.head;
            is(&head.id).then_some((Parents::None, head.deleted))
        }
        EntityKind::Experiment => {
            let record = archive::access::<ExperimentV1>(payload)?;
            let parents = Parents::Project(Row(record.project.to_native()));
            is(&record.head.id).then_some((parents, record.head.deleted))
        }
        EntityKind::Run => {
            let record = archive::access::<RunV1>(payload)?;
            is(&record.head.id).then_some((run_parents(record), record.head.deleted))
        }
        EntityKind::Comment | EntityKind::Job | EntityKind::LineageEdge => {
            let record = archive::access::<SmallV1>(payload)?;
            is(&record.id).then_some((small_parents(kind, record), record.deleted))
        }
    })
}

fn run_parents(record: &super::ArchivedRunV1) -> Parents {
    Parents::Experiment { project: Row(record.project.to_native()), experiment: Row(record.experiment.to_native()) }
}

fn small_parents(kind: EntityKind, record: &ArchivedSmallV1) -> Parents {
    match kind {
        EntityKind::Comment => Parents::Run(Row(record.parent.to_native())),
        _ => Parents::None,
    }
}

/// The fields of a kind that is read whole.
macro_rules! from_small {
    ($ty:ident, $id:ident, $record:expr, $from:expr) => {{
        let record: &ArchivedSmallV1 = $record;
        let mut entity = $ty {
            id: record.id.with_str(|id| $id::new(id))?,
            date_created: Timestamp::from_millis(record.date_created.to_native()),
            date_updated: Timestamp::from_millis(record.date_updated.to_native()),
            version_number: record.version.to_native(),
            ..$ty::default()
        };
        let mut decoder = Decoder::new(&record.rest, $from);
        entity.decode_into(&mut decoder).map_err(|error| error.at("the fields of a record"))?;
        entity
    }};
}

/// The entity in the payload of an opened envelope.
pub(crate) fn decode(kind: EntityKind, row: Row, payload: &[u8], from: &dyn Resolve) -> Result<Stored> {
    let found = decode_if(kind, row, payload, None, from)?;
    found.ok_or_else(|| Error::corrupt("a record was not decoded"))
}

/// The entity in the payload of an opened envelope, if its id is `id` or none is given. Checks the archive once,
/// which is a good part of the work.
pub(crate) fn decode_if(
    kind: EntityKind,
    row: Row,
    payload: &[u8],
    id: Option<&str>,
    from: &dyn Resolve,
) -> Result<Option<Stored>> {
    let is = |found: &ArchivedIdV1| id.is_none_or(|id| found.with_str(|text| text == id));
    let stored = |entity, head: &ArchivedHeadV1, parents| Stored {
        entity,
        row,
        parents,
        last: head.last(),
        deleted: head.deleted,
    };
    match kind {
        EntityKind::Project => {
            let record = archive::access::<ProjectV1>(payload)?;
            if !is(&record.head.id) {
                return Ok(None);
            }
            let project = from_head!(Project, ProjectId, &record.head, from);
            Ok(Some(stored(Entity::Project(project), &record.head, Parents::None)))
        }
        EntityKind::Experiment => {
            let record = archive::access::<ExperimentV1>(payload)?;
            if !is(&record.head.id) {
                return Ok(None);
            }
            let project = Row(record.project.to_native());
            let mut experiment = from_head!(Experiment, ExperimentId, &record.head, from);
            experiment.project_id = from.project_id(project)?;
            Ok(Some(stored(Entity::Experiment(experiment), &record.head, Parents::Project(project))))
        }
        EntityKind::Run => {
            let record = archive::access::<RunV1>(payload)?;
            if !is(&record.head.id) {
                return Ok(None);
            }
            let run = run(record, from)?;
            Ok(Some(stored(Entity::Run(run), &record.head, run_parents(record))))
        }
        EntityKind::Comment | EntityKind::Job | EntityKind::LineageEdge => {
            let record = archive::access::<SmallV1>(payload)?;
            if !is(&record.id) {
                return Ok(None);
            }
            let parents = small_parents(kind, record);
            let entity = match parents {
                Parents::Run(run) => {
                    let mut comment = from_small!(Comment, CommentId, record, from);
                    comment.run_id = from.run_id(run)?;
                    Entity::Comment(comment)
                }
                _ if kind == EntityKind::Job => Entity::Job(from_small!(Job, JobId, record, from)),
                _ => Entity::LineageEdge(from_small!(LineageEdge, EdgeId, record, from)),
            };
            let last = ChangeId::new(Sequence::new(record.last_sequence.to_native()), record.last_index.to_native());
            Ok(Some(Stored { entity, row, parents, last, deleted: record.deleted }))
        }
    }
}

/// A run with nothing but the rare fields of a record.
pub(crate) fn rare_of(record: &super::ArchivedRunV1, from: &dyn Resolve) -> Result<Run> {
    let mut run = Run::default();
    if !record.head.rare.is_empty() {
        let mut decoder = Decoder::new(&record.head.rare, from);
        run.decode_into(&mut decoder).map_err(|error| error.at("the rare fields of a record"))?;
    }
    Ok(run)
}

/// What became of the run of a record.
pub(crate) fn status(record: &super::ArchivedRunV1) -> Result<Option<RunStatus>> {
    let Some(code) = record.status.checked_sub(1) else { return Ok(None) };
    let unknown = || Error::corrupt(format!("a status of a run has no code {code}"));
    RunStatus::from_code(u64::from(code)).map(Some).ok_or_else(unknown)
}

/// The owned run of a record.
pub(crate) fn run(record: &super::ArchivedRunV1, from: &dyn Resolve) -> Result<Run> {
    let time = |millis: i64| Some(Timestamp::from_millis(millis)).filter(|_| millis != 0);
    let mut run = from_head!(Run, RunId, &record.head, from);
    run.project_id = from.project_id(Row(record.project.to_native()))?;
    run.experiment_id = from.experiment_id(Row(record.experiment.to_native()))?;
    run.start_time = time(record.start_time.to_native());
    run.end_time = time(record.end_time.to_native());
    run.status = status(record)?;
    run.hyperparameters = key_values(&record.hyperparameters, from)?;
    run.metrics = key_values(&record.metrics, from)?;
    Ok(run)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::canon::Digest;
    use crate::error::ErrorKind;
    use crate::model::NewRun;

    struct Keys(Vec<String>);

    impl Texts for Keys {
        fn text(&self, _: &Digest, _: u64) -> Result<Vec<u8>> {
            Err(Error::corrupt("no text"))
        }
    }

    impl Resolve for Keys {
        fn key(&self, code: u32) -> Result<String> {
            Ok(self.0[code as usize].clone())
        }
        fn code(&self, _: &str) -> Option<u32> {
            None
        }
        fn project_id(&self, _: Row) -> Result<ProjectId> {
            ProjectId::new("p")
        }
        fn experiment_id(&self, _: Row) -> Result<ExperimentId> {
            ExperimentId::new("e")
        }
        fn run_id(&self, _: Row) -> Result<RunId> {
            RunId::new("r")
        }
    }

    #[test]
    fn keys_out_of_order_are_damage_and_no_panic() {
        for (keys, expected) in [(["a", "b"], None), (["b", "a"], Some(ErrorKind::Corrupt))] {
            let new = NewRun::named("n").id(RunId::new("r").unwrap()).metric("a", 1).metric("b", 2);
            let row = Row(0);
            let last = ChangeId::default();
            let parents = Parents::Experiment { project: row, experiment: row };
            let stored = Stored { entity: Entity::Run(new.0), row, parents, last, deleted: false };
            let mut code = 0;
            let mut intern = |_: &str| {
                code += 1;
                Ok(code - 1)
            };
            let sealed = encode(stored, &mut intern).unwrap();
            let keys = Keys(keys.map(str::to_owned).to_vec());
            let found = decode(EntityKind::Run, row, &sealed[envelope::HEADER..], &keys);
            assert_eq!(found.err().map(|error| error.kind()), expected);
        }
    }
}
