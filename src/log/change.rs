//! What a change says. Outcomes, not requests: ids, random names and times are in it, rows are not.

use crate::codec::canon::{Canon, DecodeError, DecodeResult, Decoder, Encoder};
use crate::error::{Error, Result};
use crate::id::{ChangeId, EntityId, EntityKind, Sequence};
use crate::model::{CodeVersion, Entity, Environment, Experiment, KeyValue, Project, Run, Stored, ValueType};
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
        }
    }

    fn key(&self) -> Option<&str> {
        match self {
            Field::Attribute(key) | Field::Metric(key) | Field::Hyperparameter(key) | Field::Tag(key) => Some(key),
            _ => None,
        }
    }

    /// The field in `stored`, put to `value`. Answers what it held.
    ///
    /// # Errors
    /// `Corrupt`, since rules name only fields the kind has, with values the field takes.
    pub(crate) fn replace(&self, stored: &mut Stored, value: Option<FieldValue>) -> Result<Option<FieldValue>> {
        match (self, &mut stored.entity) {
            (Field::Name, entity) => text(entity.name_mut(), value),
            (Field::Description, entity) => text(entity.description_mut(), value),
            (Field::Attribute(key), entity) => key_value(entity.attributes_mut(), key, value),
            (Field::CodeVersionSnapshot, entity) => boxed(
                entity.code_version_snapshot_mut(),
                value,
                |value| if let FieldValue::CodeVersion(code) = value { Ok(*code) } else { Err(misfit()) },
                |code| FieldValue::CodeVersion(Box::new(code)),
            ),
            (Field::Tag(tag), entity) => {
                let tags = entity.tags_mut();
                let at = tags.binary_search(tag);
                match (at, &value) {
                    (Ok(at), None) => {
                        tags.remove(at);
                    }
                    (Err(at), Some(_)) => tags.insert(at, tag.clone()),
                    _ => {}
                }
                Ok(at.is_ok().then_some(FieldValue::Present))
            }
            (Field::Deleted, _) => {
                let was = std::mem::replace(&mut stored.deleted, value.is_some());
                Ok(was.then_some(FieldValue::Present))
            }
            (Field::StartTime, Entity::Run(run)) => time(&mut run.start_time, value),
            (Field::EndTime, Entity::Run(run)) => time(&mut run.end_time, value),
            (Field::CodeVersion, Entity::Run(run)) => text(&mut run.code_version, value),
            (Field::Metric(key), Entity::Run(run)) => key_value(&mut run.metrics, key, value),
            (Field::Hyperparameter(key), Entity::Run(run)) => key_value(&mut run.hyperparameters, key, value),
            (Field::Environment, Entity::Run(run)) => boxed(
                &mut run.environment,
                value,
                |value| if let FieldValue::Environment(environment) = value { Ok(*environment) } else { Err(misfit()) },
                |environment| FieldValue::Environment(Box::new(environment)),
            ),
            (field, entity) => Err(Error::corrupt(format!("a {} has no field {field}", entity.kind()))),
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

fn boxed<T>(
    slot: &mut Option<T>,
    value: Option<FieldValue>,
    from: impl FnOnce(FieldValue) -> Result<T>,
    to: impl FnOnce(T) -> FieldValue,
) -> Result<Option<FieldValue>> {
    let new = value.map(from).transpose()?;
    Ok(std::mem::replace(slot, new).map(to))
}

impl Edit {
    fn encode(&self, to: &mut Encoder) {
        match self.field.key() {
            Some(key) => to.array(4).uint(self.field.code()).text(key),
            None => to.array(3).uint(self.field.code()),
        };
        encode_value(self.old.as_ref(), to);
        encode_value(self.new.as_ref(), to);
    }

    fn decode(from: &mut Decoder<'_>) -> DecodeResult<Self> {
        let len = from.array()?;
        let code = from.uint()?;
        let key = if len == 4 { Some(from.text()?) } else { None };
        let field = match (code, key) {
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
    }
}

fn decode_value(field: &Field, from: &mut Decoder<'_>) -> DecodeResult<Option<FieldValue>> {
    if from.null()? {
        return Ok(None);
    }
    Ok(Some(match field {
        Field::Name | Field::Description | Field::CodeVersion => FieldValue::Text(from.text()?),
        Field::StartTime | Field::EndTime => FieldValue::Time(Canon::decode(from)?),
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

/// `[0, kind, fields]` or `[1, kind, id, previous sequence, previous index, old date, new date, edits]`.
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
                };
                Ok(Change { entity: entity.id(), previous: None, fact: Fact::Created(Box::new(entity)) })
            }
            (1, 8) => {
                let entity = EntityId::new(kind, from.short_text()?);
                let sequence = Sequence::new(from.uint()?);
                let index: u32 = Canon::decode(from)?;
                let old_date_updated = Canon::decode(from)?;
                let new_date_updated = Canon::decode(from)?;
                let mut edits = Vec::new();
                for _ in 0..from.array()? {
                    edits.push(Edit::decode(from)?);
                }
                let fact = Fact::Edited { old_date_updated, new_date_updated, edits };
                Ok(Change { entity, previous: Some(ChangeId::new(sequence, index)), fact })
            }
            (code, _) => Err(DecodeError::Code { what: "Change", code }),
        }
    }

    fn is_default(&self) -> bool {
        false
    }
}
