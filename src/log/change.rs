//! What a change says. Outcomes, not requests: ids, random names and times are in it, rows are not.

use crate::codec::canon::{Canon, DecodeError, DecodeResult, Decoder, Digest, Encoder, NoTexts};
use crate::error::{Error, Result};
use crate::id::{ChangeId, EntityId, EntityKind, RunId, Sequence};
use crate::model::{
    Artifact, ArtifactPart, BlobRef, CodeVersion, Comment, Entity, Environment, Experiment, Job, JobStatus, KeyValue,
    LineageEdge, Project, Run, RunStatus, Series, Stored, ValueType,
};
use crate::time::Timestamp;
use crate::value::Value;

/// One fact about one entity.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Change {
    /// The entity.
    pub entity: EntityId,
    /// The entity's change before this one; none for its creation.
    pub previous: Option<ChangeId>,
    /// What happened to it.
    pub fact: Fact,
}

/// What happened to an entity.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fact {
    /// It was created with these fields.
    Created(Box<Entity>),
    /// Fields of it went from old values to new ones, and its version number grew by one.
    #[non_exhaustive]
    Edited {
        /// Its update date before.
        old_date_updated: Timestamp,
        /// Its update date after.
        new_date_updated: Timestamp,
        /// The fields.
        edits: Vec<Edit>,
    },
    /// It was deleted before, and is erased: of its changes only digests are left.
    #[non_exhaustive]
    Purged {
        /// How many changes this commit erased.
        changes: u32,
        /// Whether that was the last of it, and its record is gone. One with many changes is purged in several
        /// commits.
        done: bool,
    },
}

/// One field that went from an old value to a new one.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Edit {
    /// The field.
    pub field: Field,
    /// Its value before; none if it was not there.
    pub old: Option<FieldValue>,
    /// Its value after; none if it is gone.
    pub new: Option<FieldValue>,
}

/// A field that a change can name.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Field {
    /// The name.
    Name,
    /// The description.
    Description,
    /// When the work of a run began.
    StartTime,
    /// When the work of a run ended.
    EndTime,
    /// A run's version of the code as free text.
    CodeVersion,
    /// Where the code came from.
    CodeVersionSnapshot,
    /// The environment of a run.
    Environment,
    /// The attribute of this key.
    Attribute(String),
    /// The metric of this key.
    Metric(String),
    /// The hyperparameter of this key.
    Hyperparameter(String),
    /// This tag: present or not.
    Tag(String),
    /// Whether the entity is deleted: present if it is.
    Deleted,
    /// The readme of a project.
    ReadmeText,
    /// The short name of a project.
    ShortName,
    /// The artifact of this key.
    Artifact(String),
    /// The dataset link of this key.
    Dataset(String),
    /// The job that made a run.
    JobId,
    /// The run that a run is a part of.
    ParentId,
    /// What a comment says.
    Message,
    /// Who wrote a comment.
    UserId,
    /// When a comment was written.
    DateTime,
    /// When a job ended, as free text.
    JobEndTime,
    /// How far a job is.
    JobStatus,
    /// The series of this key: what was observed, summed up. The observations that a change adds stand beside it, from
    /// the old count on; the new value has their digest.
    Series(String),
    /// The part of this number in the upload of the artifact of this key.
    ArtifactPart(String, u64),
    /// What became of a run.
    Status,
}

/// The value of a [`Field`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum FieldValue {
    /// A text.
    Text(String),
    /// A time.
    Time(Timestamp),
    /// An attribute, metric or hyperparameter.
    Value(Value, ValueType),
    /// Where code came from.
    CodeVersion(Box<CodeVersion>),
    /// An environment.
    Environment(Box<Environment>),
    /// The field is there: of tags and deletion.
    Present,
    /// An artifact or a dataset link.
    Artifact(Box<Artifact>),
    /// How far a job is.
    JobStatus(JobStatus),
    /// A series.
    Series(Box<Series>),
    /// The bytes of a part of an upload.
    Blob(BlobRef),
    /// What became of a run.
    RunStatus(RunStatus),
}

impl std::fmt::Display for Field {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Field::Name => f.write_str("name"),
            Field::Description => f.write_str("description"),
            Field::StartTime => f.write_str("start_time"),
            Field::EndTime => f.write_str("end_time"),
            Field::CodeVersion => f.write_str("code_version"),
            Field::CodeVersionSnapshot => f.write_str("code_version_snapshot"),
            Field::Environment => f.write_str("environment"),
            Field::Attribute(key) => write!(f, "attributes.{key}"),
            Field::Metric(key) => write!(f, "metrics.{key}"),
            Field::Hyperparameter(key) => write!(f, "hyperparameters.{key}"),
            Field::Tag(tag) => write!(f, "tags.{tag}"),
            Field::Deleted => f.write_str("deleted"),
            Field::ReadmeText => f.write_str("readme_text"),
            Field::ShortName => f.write_str("short_name"),
            Field::Artifact(key) => write!(f, "artifacts.{key}"),
            Field::Dataset(key) => write!(f, "datasets.{key}"),
            Field::JobId => f.write_str("job_id"),
            Field::ParentId => f.write_str("parent_id"),
            Field::Message => f.write_str("message"),
            Field::UserId => f.write_str("user_id"),
            Field::DateTime => f.write_str("date_time"),
            Field::JobEndTime => f.write_str("end_time"),
            Field::JobStatus => f.write_str("job_status"),
            Field::Series(key) => write!(f, "observations.{key}"),
            Field::ArtifactPart(key, number) => write!(f, "part {number} of artifacts.{key}"),
            Field::Status => f.write_str("status"),
        }
    }
}

impl std::fmt::Display for FieldValue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            FieldValue::Text(text) => write!(f, "{text:?}"),
            FieldValue::Time(time) => time.fmt(f),
            FieldValue::Value(value, _) => value.fmt(f),
            FieldValue::CodeVersion(code) => write!(f, "{code:?}"),
            FieldValue::Environment(environment) => write!(f, "{environment:?}"),
            FieldValue::Present => f.write_str("present"),
            FieldValue::Artifact(artifact) => write!(f, "{artifact:?}"),
            FieldValue::JobStatus(status) => write!(f, "{status:?}"),
            FieldValue::Series(series) => write!(f, "{} observations", series.count),
            FieldValue::Blob(blob) => write!(f, "{} bytes, {}", blob.len, blob.digest),
            FieldValue::RunStatus(status) => status.fmt(f),
        }
    }
}

impl Field {
    fn code(&self) -> u64 {
        match self {
            Field::Name => 0,
            Field::Description => 1,
            Field::StartTime => 2,
            Field::EndTime => 3,
            Field::CodeVersion => 4,
            Field::CodeVersionSnapshot => 5,
            Field::Environment => 6,
            Field::Attribute(_) => 7,
            Field::Metric(_) => 8,
            Field::Hyperparameter(_) => 9,
            Field::Tag(_) => 10,
            Field::Deleted => 11,
            Field::ReadmeText => 12,
            Field::ShortName => 13,
            Field::Artifact(_) => 14,
            Field::Dataset(_) => 15,
            Field::JobId => 16,
            Field::ParentId => 17,
            Field::Message => 18,
            Field::UserId => 19,
            Field::DateTime => 20,
            Field::JobEndTime => 21,
            Field::JobStatus => 22,
            Field::Series(_) => 23,
            Field::ArtifactPart(..) => 25,
            Field::Status => 24,
        }
    }

    fn key(&self) -> Option<&str> {
        match self {
            Field::Attribute(key)
            | Field::Metric(key)
            | Field::Hyperparameter(key)
            | Field::Tag(key)
            | Field::Artifact(key)
            | Field::Dataset(key)
            | Field::Series(key)
            | Field::ArtifactPart(key, _) => Some(key),
            _ => None,
        }
    }

    /// The field in `stored`, put to `value`. Answers what it held.
    ///
    /// # Errors
    /// `Corrupt`, since rules name only fields the kind has, with values the field takes.
    pub(crate) fn replace(&self, stored: &mut Stored, value: Option<FieldValue>) -> Result<Option<FieldValue>> {
        match (self, &mut stored.entity) {
            (Field::Deleted, _) => {
                let was = std::mem::replace(&mut stored.deleted, value.is_some());
                Ok(was.then_some(FieldValue::Present))
            }
            (_, Entity::Project(project)) => self.replace_in_project(project, value),
            (_, Entity::Experiment(experiment)) => match self {
                Field::Name => text(&mut experiment.name, value),
                Field::Description => text(&mut experiment.description, value),
                Field::Attribute(key) => key_value(&mut experiment.attributes, key, value),
                Field::Tag(tag) => Ok(set_tag(&mut experiment.tags, tag, value)),
                Field::CodeVersionSnapshot => code_version(&mut experiment.code_version_snapshot, value),
                Field::Artifact(key) => artifact(&mut experiment.artifacts, key, value),
                Field::ArtifactPart(key, number) => part(&mut experiment.artifacts, key, *number, value),
                _ => Err(self.unknown_to("experiment")),
            },
            (_, Entity::Run(run)) => self.replace_in_run(run, value),
            (Field::Message, Entity::Comment(comment)) => text(&mut comment.message, value),
            (Field::UserId, Entity::Comment(comment)) => text(&mut comment.user_id, value),
            (Field::DateTime, Entity::Comment(comment)) => {
                let mut slot = Some(comment.date_time).filter(|time| time.millis() != 0);
                let old = time(&mut slot, value);
                comment.date_time = slot.unwrap_or_default();
                old
            }
            (Field::JobEndTime, Entity::Job(job)) => text(&mut job.end_time, value),
            (Field::JobStatus, Entity::Job(job)) => match value {
                Some(FieldValue::JobStatus(status)) => {
                    Ok(Some(FieldValue::JobStatus(std::mem::replace(&mut job.status, status))))
                }
                _ => Err(misfit()),
            },
            (field, entity) => Err(field.unknown_to(&entity.kind().to_string())),
        }
    }

    fn unknown_to(&self, kind: &str) -> Error {
        Error::corrupt(format!("a {kind} has no field {self}"))
    }

    fn replace_in_project(&self, project: &mut Project, value: Option<FieldValue>) -> Result<Option<FieldValue>> {
        match self {
            Field::Name => text(&mut project.name, value),
            Field::Description => text(&mut project.description, value),
            Field::Attribute(key) => key_value(&mut project.attributes, key, value),
            Field::Tag(tag) => Ok(set_tag(&mut project.tags, tag, value)),
            Field::CodeVersionSnapshot => code_version(&mut project.code_version_snapshot, value),
            Field::ReadmeText => text(&mut project.readme_text, value),
            Field::ShortName => text(&mut project.short_name, value),
            Field::Artifact(key) => artifact(&mut project.artifacts, key, value),
            Field::ArtifactPart(key, number) => part(&mut project.artifacts, key, *number, value),
            _ => Err(self.unknown_to("project")),
        }
    }

    fn replace_in_run(&self, run: &mut Run, value: Option<FieldValue>) -> Result<Option<FieldValue>> {
        match self {
            Field::Name => text(&mut run.name, value),
            Field::Description => text(&mut run.description, value),
            Field::Attribute(key) => key_value(&mut run.attributes, key, value),
            Field::Tag(tag) => Ok(set_tag(&mut run.tags, tag, value)),
            Field::CodeVersionSnapshot => code_version(&mut run.code_version_snapshot, value),
            Field::StartTime => time(&mut run.start_time, value),
            Field::EndTime => time(&mut run.end_time, value),
            Field::CodeVersion => text(&mut run.code_version, value),
            Field::Metric(key) => key_value(&mut run.metrics, key, value),
            Field::Hyperparameter(key) => key_value(&mut run.hyperparameters, key, value),
            Field::Artifact(key) => artifact(&mut run.artifacts, key, value),
            Field::ArtifactPart(key, number) => part(&mut run.artifacts, key, *number, value),
            Field::Dataset(key) => artifact(&mut run.datasets, key, value),
            Field::Series(key) => series(&mut run.series, key, value),
            Field::Status => status(&mut run.status, value),
            Field::JobId => text(&mut run.job_id, value),
            Field::ParentId => {
                let mut parent = run.parent_id.take().map_or_else(String::new, |id| id.as_str().to_owned());
                let old = text(&mut parent, value);
                run.parent_id = RunId::new(parent).ok();
                old
            }
            Field::Environment => boxed(
                &mut run.environment,
                value,
                |value| if let FieldValue::Environment(environment) = value { Ok(*environment) } else { Err(misfit()) },
                |environment| FieldValue::Environment(Box::new(environment)),
            ),
            _ => Err(self.unknown_to("run")),
        }
    }
}

impl FieldValue {
    /// An empty text and the time 0 are the same as none.
    pub(crate) fn is_nothing(&self) -> bool {
        match self {
            FieldValue::Text(text) => text.is_empty(),
            FieldValue::Time(time) => time.millis() == 0,
            _ => false,
        }
    }
}

fn misfit() -> Error {
    Error::corrupt("a field is given a value of another type")
}

fn text(slot: &mut String, value: Option<FieldValue>) -> Result<Option<FieldValue>> {
    let new = match value {
        Some(FieldValue::Text(text)) => text,
        None => String::new(),
        _ => return Err(misfit()),
    };
    // An empty text and no text are the same.
    Ok(Some(std::mem::replace(slot, new)).filter(|text| !text.is_empty()).map(FieldValue::Text))
}

fn time(slot: &mut Option<Timestamp>, value: Option<FieldValue>) -> Result<Option<FieldValue>> {
    let new = match value {
        Some(FieldValue::Time(time)) => Some(time).filter(|time| time.millis() != 0),
        None => None,
        _ => return Err(misfit()),
    };
    Ok(std::mem::replace(slot, new).map(FieldValue::Time))
}

fn key_value(
    entries: &mut crate::model::KeyValues,
    key: &str,
    value: Option<FieldValue>,
) -> Result<Option<FieldValue>> {
    let entry = match value {
        Some(FieldValue::Value(value, value_type)) => Some(KeyValue::new(key, value).value_type(value_type)),
        None => None,
        _ => return Err(misfit()),
    };
    Ok(entries.replace(key, entry).map(|old| FieldValue::Value(old.value, old.value_type)))
}

fn set_tag(tags: &mut Vec<String>, tag: &String, value: Option<FieldValue>) -> Option<FieldValue> {
    let at = tags.binary_search(tag);
    match (at, &value) {
        (Ok(at), None) => {
            tags.remove(at);
        }
        (Err(at), Some(_)) => tags.insert(at, tag.clone()),
        _ => {}
    }
    at.is_ok().then_some(FieldValue::Present)
}

fn code_version(slot: &mut Option<CodeVersion>, value: Option<FieldValue>) -> Result<Option<FieldValue>> {
    boxed(
        slot,
        value,
        |value| if let FieldValue::CodeVersion(code) = value { Ok(*code) } else { Err(misfit()) },
        |code| FieldValue::CodeVersion(Box::new(code)),
    )
}

fn artifact(artifacts: &mut Vec<Artifact>, key: &str, value: Option<FieldValue>) -> Result<Option<FieldValue>> {
    let new = match value {
        Some(FieldValue::Artifact(artifact)) if artifact.key == key => Some(*artifact),
        None => None,
        _ => return Err(misfit()),
    };
    let old = replace_keyed(artifacts, |artifact| &artifact.key, key, new);
    Ok(old.map(|old| FieldValue::Artifact(Box::new(old))))
}

fn part(artifacts: &mut [Artifact], key: &str, number: u64, value: Option<FieldValue>) -> Result<Option<FieldValue>> {
    let new = match value {
        Some(FieldValue::Blob(blob)) => Some(blob),
        None => None,
        _ => return Err(misfit()),
    };
    let artifact = artifacts.iter_mut().find(|artifact| artifact.key == key);
    let upload = artifact.and_then(|artifact| artifact.upload.as_mut());
    let parts = &mut upload.ok_or_else(|| Error::corrupt(format!("artifacts.{key} is not being uploaded")))?.parts;
    let old = match (parts.binary_search_by_key(&number, |part| part.part_number), new) {
        (Ok(at), None) => Some(parts.remove(at)),
        (Ok(at), Some(blob)) => parts.get_mut(at).map(|part| std::mem::replace(part, ArtifactPart::new(number, blob))),
        (Err(_), None) => None,
        (Err(at), Some(blob)) => {
            parts.insert(at, ArtifactPart::new(number, blob));
            None
        }
    };
    Ok(old.map(|old| FieldValue::Blob(old.blob)))
}

fn series(all: &mut Vec<Series>, key: &str, value: Option<FieldValue>) -> Result<Option<FieldValue>> {
    let new = match value {
        Some(FieldValue::Series(series)) if series.key == key => Some(*series),
        None => None,
        _ => return Err(misfit()),
    };
    let old = replace_keyed(all, |series| &series.key, key, new);
    Ok(old.map(|old| FieldValue::Series(Box::new(old))))
}

fn status(slot: &mut Option<RunStatus>, value: Option<FieldValue>) -> Result<Option<FieldValue>> {
    let new = match value {
        Some(FieldValue::RunStatus(status)) => Some(status),
        None => None,
        _ => return Err(misfit()),
    };
    Ok(std::mem::replace(slot, new).map(FieldValue::RunStatus))
}

/// Puts what has a key, in a list in ascending order of keys, to another; answers what was there.
fn replace_keyed<T>(all: &mut Vec<T>, key_of: impl Fn(&T) -> &str, key: &str, new: Option<T>) -> Option<T> {
    match (all.binary_search_by(|known| key_of(known).cmp(key)), new) {
        (Ok(at), Some(new)) => all.get_mut(at).map(|slot| std::mem::replace(slot, new)),
        (Ok(at), None) => Some(all.remove(at)),
        (Err(at), Some(new)) => {
            all.insert(at, new);
            None
        }
        (Err(_), None) => None,
    }
}

fn boxed<T>(
    slot: &mut Option<T>,
    value: Option<FieldValue>,
    from: impl FnOnce(FieldValue) -> Result<T>,
    to: impl FnOnce(T) -> FieldValue,
) -> Result<Option<FieldValue>> {
    let new = value.map(from).transpose()?;
    Ok(std::mem::replace(slot, new).map(to))
}

impl Change {
    /// What the chain says of it beside its digest: of a creation its kind, else 0.
    pub(crate) fn code(&self) -> u8 {
        match self.fact {
            Fact::Created(_) => self.entity.kind().code(),
            Fact::Edited { .. } | Fact::Purged { .. } => 0,
        }
    }

    /// The [`code`](Self::code) of a change that is encoded.
    pub(crate) fn code_of(bytes: &[u8]) -> DecodeResult<u8> {
        let mut from = Decoder::new(bytes, &NoTexts);
        from.array()?;
        if from.uint()? != 0 {
            return Ok(0);
        }
        u8::try_from(from.uint()?).map_err(|_| DecodeError::Other("a kind of more than a byte"))
    }

    /// The long texts of an entity as it is, as often as its creation would name them.
    pub(crate) fn texts_of(entity: &Entity) -> Vec<(Digest, Vec<u8>)> {
        let fact = Fact::Created(Box::new(entity.clone()));
        let mut encoder = Encoder::new();
        Change { entity: entity.id(), previous: None, fact }.encode(&mut encoder);
        encoder.large
    }
}

impl Edit {
    fn encode(&self, to: &mut Encoder) {
        match &self.field {
            Field::ArtifactPart(key, number) => to.array(5).uint(self.field.code()).text(key).uint(*number),
            field => match field.key() {
                Some(key) => to.array(4).uint(field.code()).text(key),
                None => to.array(3).uint(field.code()),
            },
        };
        encode_value(self.old.as_ref(), to);
        encode_value(self.new.as_ref(), to);
    }

    fn decode(from: &mut Decoder<'_>) -> DecodeResult<Self> {
        let len = from.array()?;
        let code = from.uint()?;
        let key = if len >= 4 { Some(from.text()?) } else { None };
        let number = if len >= 5 { Some(from.uint()?) } else { None };
        let field = match (code, key) {
            (25, Some(key)) => Field::ArtifactPart(key, number.ok_or(DecodeError::Other("a part without a number"))?),
            (code, _) if number.is_some() => return Err(DecodeError::Code { what: "Field", code }),
            (0, None) => Field::Name,
            (1, None) => Field::Description,
            (2, None) => Field::StartTime,
            (3, None) => Field::EndTime,
            (4, None) => Field::CodeVersion,
            (5, None) => Field::CodeVersionSnapshot,
            (6, None) => Field::Environment,
            (7, Some(key)) => Field::Attribute(key),
            (8, Some(key)) => Field::Metric(key),
            (9, Some(key)) => Field::Hyperparameter(key),
            (10, Some(key)) => Field::Tag(key),
            (11, None) => Field::Deleted,
            (12, None) => Field::ReadmeText,
            (13, None) => Field::ShortName,
            (14, Some(key)) => Field::Artifact(key),
            (15, Some(key)) => Field::Dataset(key),
            (16, None) => Field::JobId,
            (17, None) => Field::ParentId,
            (18, None) => Field::Message,
            (19, None) => Field::UserId,
            (20, None) => Field::DateTime,
            (21, None) => Field::JobEndTime,
            (22, None) => Field::JobStatus,
            (23, Some(key)) => Field::Series(key),
            (24, None) => Field::Status,
            _ => return Err(DecodeError::Code { what: "Field", code }),
        };
        let old = decode_value(&field, from)?;
        let new = decode_value(&field, from)?;
        Ok(Edit { field, old, new })
    }
}

/// The field says which type the value has; nothing is null, so a key-value stands in an array.
fn encode_value(value: Option<&FieldValue>, to: &mut Encoder) {
    match value {
        None => {
            to.null();
        }
        Some(FieldValue::Text(text)) => {
            to.text(text);
        }
        Some(FieldValue::Time(time)) => {
            to.int(time.millis());
        }
        Some(FieldValue::Value(value, value_type)) => {
            to.array(2);
            value.encode(to);
            value_type.encode(to);
        }
        Some(FieldValue::CodeVersion(code)) => code.encode(to),
        Some(FieldValue::Environment(environment)) => environment.encode(to),
        Some(FieldValue::Present) => {
            to.bool(true);
        }
        Some(FieldValue::Artifact(artifact)) => artifact.encode(to),
        Some(FieldValue::JobStatus(status)) => status.encode(to),
        Some(FieldValue::Series(series)) => series.encode(to),
        Some(FieldValue::Blob(blob)) => blob.encode(to),
        Some(FieldValue::RunStatus(status)) => status.encode(to),
    }
}

fn decode_value(field: &Field, from: &mut Decoder<'_>) -> DecodeResult<Option<FieldValue>> {
    if from.null()? {
        return Ok(None);
    }
    Ok(Some(match field {
        Field::Name
        | Field::Description
        | Field::CodeVersion
        | Field::ReadmeText
        | Field::ShortName
        | Field::JobId
        | Field::ParentId
        | Field::Message
        | Field::UserId
        | Field::JobEndTime => FieldValue::Text(from.text()?),
        Field::StartTime | Field::EndTime | Field::DateTime => FieldValue::Time(Canon::decode(from)?),
        Field::Artifact(_) | Field::Dataset(_) => FieldValue::Artifact(Box::new(Canon::decode(from)?)),
        Field::JobStatus => FieldValue::JobStatus(Canon::decode(from)?),
        Field::Series(_) => FieldValue::Series(Box::new(Canon::decode(from)?)),
        Field::ArtifactPart(..) => FieldValue::Blob(Canon::decode(from)?),
        Field::Status => FieldValue::RunStatus(Canon::decode(from)?),
        Field::CodeVersionSnapshot => FieldValue::CodeVersion(Box::new(Canon::decode(from)?)),
        Field::Environment => FieldValue::Environment(Box::new(Canon::decode(from)?)),
        Field::Attribute(_) | Field::Metric(_) | Field::Hyperparameter(_) => {
            from.array_of(2)?;
            FieldValue::Value(Canon::decode(from)?, Canon::decode(from)?)
        }
        Field::Tag(_) | Field::Deleted => {
            from.bool()?;
            FieldValue::Present
        }
    }))
}

/// `[0, kind, fields]`, `[1, kind, id, previous sequence, previous index, old date, new date, edits]` or
/// `[2, kind, id, previous sequence, previous index, changes, done]`.
impl Canon for Change {
    fn encode(&self, to: &mut Encoder) {
        let kind = u64::from(self.entity.kind().code());
        match &self.fact {
            Fact::Created(entity) => {
                to.array(3).uint(0).uint(kind);
                match &**entity {
                    Entity::Project(project) => project.encode(to),
                    Entity::Experiment(experiment) => experiment.encode(to),
                    Entity::Run(run) => run.encode(to),
                    Entity::Comment(comment) => comment.encode(to),
                    Entity::Job(job) => job.encode(to),
                    Entity::LineageEdge(edge) => edge.encode(to),
                }
            }
            Fact::Edited { old_date_updated, new_date_updated, edits } => {
                let previous = self.previous.unwrap_or_default();
                to.array(8).uint(1).uint(kind).short_text(self.entity.as_str());
                to.uint(previous.sequence.get()).uint(u64::from(previous.index));
                to.int(old_date_updated.millis()).int(new_date_updated.millis()).array(edits.len());
                for edit in edits {
                    edit.encode(to);
                }
            }
            Fact::Purged { changes, done } => {
                let previous = self.previous.unwrap_or_default();
                to.array(7).uint(2).uint(kind).short_text(self.entity.as_str());
                to.uint(previous.sequence.get()).uint(u64::from(previous.index));
                to.uint(u64::from(*changes)).bool(*done);
            }
        }
    }

    fn decode(from: &mut Decoder<'_>) -> DecodeResult<Self> {
        let len = from.array()?;
        let what = from.uint()?;
        let code = from.uint()?;
        let kind = EntityKind::from_code(code).ok_or(DecodeError::Code { what: "EntityKind", code })?;
        match (what, len) {
            (0, 3) => {
                let entity = match kind {
                    EntityKind::Project => Entity::Project(Project::decode(from)?),
                    EntityKind::Experiment => Entity::Experiment(Experiment::decode(from)?),
                    EntityKind::Run => Entity::Run(Run::decode(from)?),
                    EntityKind::Comment => Entity::Comment(Comment::decode(from)?),
                    EntityKind::Job => Entity::Job(Job::decode(from)?),
                    EntityKind::LineageEdge => Entity::LineageEdge(LineageEdge::decode(from)?),
                };
                Ok(Change { entity: entity.id(), previous: None, fact: Fact::Created(Box::new(entity)) })
            }
            (1, 8) | (2, 7) => {
                let entity = EntityId::new(kind, from.short_text()?);
                let sequence = Sequence::new(from.uint()?);
                let index: u32 = Canon::decode(from)?;
                let fact = if what == 1 {
                    let old_date_updated = Canon::decode(from)?;
                    let new_date_updated = Canon::decode(from)?;
                    let mut edits = Vec::new();
                    for _ in 0..from.array()? {
                        edits.push(Edit::decode(from)?);
                    }
                    Fact::Edited { old_date_updated, new_date_updated, edits }
                } else {
                    Fact::Purged { changes: Canon::decode(from)?, done: Canon::decode(from)? }
                };
                Ok(Change { entity, previous: Some(ChangeId::new(sequence, index)), fact })
            }
            (code, _) => Err(DecodeError::Code { what: "Change", code }),
        }
    }

    fn is_default(&self) -> bool {
        false
    }
}
