//! Whether a record matches a filter, found out by looking: the reference that every index must agree with.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use crate::model::{Artifact, Entity, KeyValues, Observation, Run, Visibility};
use crate::query::field::{QueryField, Shape};
use crate::query::filter::{Comparison, Filter};
use crate::query::{json, words};
use crate::time::Timestamp;
use crate::value::{Value, number_in};
pub(super) use crate::words::lower;

/// An entity together with what a filter may ask of its parents.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct Subject<'a> {
    /// The entity.
    pub entity: &'a Entity,
    /// The name of a run's experiment, for `experiment.name`; without it that field is missing.
    pub experiment_name: Option<&'a str>,
    /// What was observed of a run, by key; without it nothing was. What is asked of whole series, as
    /// `min(observations.loss)`, is told by the run itself.
    pub observations: Option<&'a BTreeMap<String, Vec<Observation>>>,
}

impl<'a> Subject<'a> {
    /// An entity by itself.
    pub fn new(entity: &'a Entity) -> Self {
        Subject { entity, experiment_name: None, observations: None }
    }

    /// With the name of its experiment.
    #[must_use]
    pub fn experiment_name(mut self, name: &'a str) -> Self {
        self.experiment_name = Some(name);
        self
    }

    /// With what was observed of it.
    #[must_use]
    pub fn observations(mut self, observations: &'a BTreeMap<String, Vec<Observation>>) -> Self {
        self.observations = Some(observations);
        self
    }
}

impl<'a> From<&'a Entity> for Subject<'a> {
    fn from(entity: &'a Entity) -> Self {
        Subject::new(entity)
    }
}

/// One value that a field holds.
#[derive(Debug, Clone)]
pub(super) enum Item<'a> {
    Value(&'a Value),
    Text(Cow<'a, str>),
    Number(i64),
    Made(Value),
}

impl Filter {
    /// Whether an entity matches: what a search does with each record. For hosts that meet entities elsewhere, as in
    /// a watch. Fields that the entity's kind has not are missing; [`check`](Filter::check) finds them first.
    pub fn matches<'a>(&self, subject: impl Into<Subject<'a>>) -> bool {
        self.holds(&subject.into())
    }

    fn holds(&self, subject: &Subject<'_>) -> bool {
        match self {
            Filter::And(all) => all.iter().all(|filter| filter.holds(subject)),
            Filter::Or(any) => any.iter().any(|filter| filter.holds(subject)),
            Filter::Not(inner) => !inner.holds(subject),
            Filter::Compare { field, comparison, value } => match comparison {
                Comparison::NotEqual => some(subject, field, true, |item| item.compare(value) == Some(Ordering::Equal)),
                comparison => some(subject, field, false, |item| fits(*comparison, item.compare(value))),
            },
            Filter::In { field, values, negated } => some(subject, field, *negated, |item| {
                values.iter().any(|value| item.compare(value) == Some(Ordering::Equal))
            }),
            Filter::Between { field, low, high, negated } => some(subject, field, *negated, |item| {
                fits(Comparison::GreaterOrEqual, item.compare(low)) && fits(Comparison::LessOrEqual, item.compare(high))
            }),
            Filter::Substring { field, text, negated } => {
                let text = lower(text);
                some(subject, field, *negated, |item| item.text().is_some_and(|held| lower(&held).contains(&text)))
            }
            Filter::Pattern { field, pattern, negated } => {
                some(subject, field, *negated, |item| item.text().is_some_and(|held| pattern.is_match(&held)))
            }
            Filter::Words { field, words } => {
                words::all_occur(words, items(subject, field).iter().filter_map(Item::text))
            }
            Filter::IsNull { field } => field.shape() != Shape::Set && items(subject, field).iter().all(Item::is_null),
            Filter::IsNan { field } => items(subject, field).iter().any(Item::is_nan),
        }
    }
}

/// Whether some item of a field fulfils `positive`, or, negated, none does although there are some. A set need not
/// have any for that.
fn some(subject: &Subject<'_>, field: &QueryField, negated: bool, positive: impl Fn(&Item<'_>) -> bool) -> bool {
    let mut items = items(subject, field);
    items.retain(|item| !item.is_null() && !item.is_nan());
    let found = items.iter().any(positive);
    match negated {
        false => found,
        true => !found && (field.shape() == Shape::Set || !items.is_empty()),
    }
}

pub(super) fn fits(comparison: Comparison, order: Option<Ordering>) -> bool {
    order.is_some_and(|order| match comparison {
        Comparison::Equal => order.is_eq(),
        Comparison::NotEqual => order.is_ne(),
        Comparison::Less => order.is_lt(),
        Comparison::LessOrEqual => order.is_le(),
        Comparison::Greater => order.is_gt(),
        Comparison::GreaterOrEqual => order.is_ge(),
    })
}

impl Item<'_> {
    fn is_null(&self) -> bool {
        matches!(self, Item::Value(Value::Null))
    }

    fn is_nan(&self) -> bool {
        matches!(self, Item::Value(Value::Float(float)) | Item::Made(Value::Float(float)) if float.is_nan())
    }

    /// The order of the item and an operand; none if they are of kinds that do not compare.
    fn compare(&self, operand: &Value) -> Option<Ordering> {
        match (self, operand) {
            (item, Value::Int(_) | Value::Float(_)) => item.number()?.numeric_cmp(operand),
            (Item::Value(Value::String(held)), Value::String(text)) => Some(held.as_str().cmp(text)),
            (Item::Text(held), Value::String(text)) => Some(held.as_ref().cmp(text)),
            (Item::Value(Value::Bool(held)), Value::Bool(bool)) => Some(held.cmp(bool)),
            _ => None,
        }
    }

    /// The item as a number: also of a string that reads as one.
    pub(super) fn number(&self) -> Option<Value> {
        match self {
            Item::Value(value @ (Value::Int(_) | Value::Float(_))) => Some((*value).clone()),
            Item::Value(Value::String(text)) => number_in(text),
            Item::Text(text) => number_in(text),
            Item::Number(number) => Some(Value::Int(*number)),
            Item::Made(number) => Some(number.clone()),
            Item::Value(_) => None,
        }
    }

    /// What substrings are looked for in.
    pub(super) fn text(&self) -> Option<Cow<'_, str>> {
        match self {
            Item::Value(Value::String(text)) => Some(Cow::Borrowed(text)),
            Item::Value(value @ (Value::List(_) | Value::Map(_))) => Some(Cow::Owned(json::text(value))),
            Item::Text(text) => Some(Cow::Borrowed(text)),
            Item::Value(_) | Item::Number(_) | Item::Made(_) => None,
        }
    }
}

/// The values that a field holds of an entity, NaN among them, but no null.
pub(crate) fn values_of(subject: &Subject<'_>, field: &QueryField) -> Vec<Value> {
    let items = items(subject, field).into_iter().filter(|item| !item.is_null());
    let value = |item: Item<'_>| match item {
        Item::Value(value) => value.clone(),
        Item::Text(text) => Value::String(text.into_owned()),
        Item::Number(number) => Value::Int(number),
        Item::Made(value) => value,
    };
    items.map(value).collect()
}

/// What a field holds of an entity; nulls and NaNs too.
pub(super) fn items<'a>(subject: &Subject<'a>, field: &QueryField) -> Vec<Item<'a>> {
    let entity = subject.entity;
    match field {
        QueryField::Attribute(key) => value(entity.attributes(), key),
        QueryField::Tags => entity.tags().iter().map(|tag| text(tag)).collect(),
        QueryField::DateCreated => vec![Item::Number(entity.date_created().millis())],
        QueryField::DateUpdated => vec![Item::Number(entity.date_updated().millis())],
        QueryField::VersionNumber => number(entity.version_number()),
        QueryField::Name => unless_empty(entity.name().unwrap_or_default()),
        QueryField::Artifact(key) => path(artifacts(entity), key),
        QueryField::ArtifactLink => links(artifacts(entity)),
        QueryField::Text => all_text(subject),
        _ => match entity {
            Entity::Project(project) => match field {
                QueryField::Id => unless_empty(project.id.as_str()),
                QueryField::Description => unless_empty(&project.description),
                QueryField::Owner => unless_empty(&project.owner),
                QueryField::Visibility => vec![text(visibility(project.visibility))],
                QueryField::ShortName => unless_empty(&project.short_name),
                QueryField::Readme => unless_empty(&project.readme_text),
                _ => Vec::new(),
            },
            Entity::Experiment(experiment) => match field {
                QueryField::Id => unless_empty(experiment.id.as_str()),
                QueryField::Description => unless_empty(&experiment.description),
                QueryField::Owner => unless_empty(&experiment.owner),
                QueryField::ProjectId => unless_empty(experiment.project_id.as_str()),
                _ => Vec::new(),
            },
            Entity::Run(run) => match field {
                QueryField::Observation(key) => {
                    let observed = subject.observations.and_then(|observed| observed.get(key));
                    observed.into_iter().flatten().map(|observation| Item::Value(&observation.value)).collect()
                }
                QueryField::ExperimentName => unless_empty(subject.experiment_name.unwrap_or_default()),
                _ => items_of_run(run, field),
            },
            _ => Vec::new(),
        },
    }
}

/// Name, description, readme, tags, and the strings among attributes, metrics and hyperparameters.
fn all_text<'a>(subject: &Subject<'a>) -> Vec<Item<'a>> {
    let mut texts = Vec::new();
    for field in [QueryField::Name, QueryField::Description, QueryField::Readme, QueryField::Tags] {
        texts.extend(items(subject, &field));
    }
    let mut entries = vec![subject.entity.attributes()];
    if let Entity::Run(run) = subject.entity {
        entries.extend([Some(&run.metrics), Some(&run.hyperparameters)]);
    }
    let values = entries.into_iter().flatten().flat_map(KeyValues::iter).map(|entry| &entry.value);
    texts.extend(values.filter(|value| value.as_str().is_some()).map(Item::Value));
    texts
}

fn items_of_run<'a>(run: &'a Run, field: &QueryField) -> Vec<Item<'a>> {
    let inputs = run.versioned_inputs.as_ref();
    match field {
        QueryField::Metric(key) => value(Some(&run.metrics), key),
        QueryField::Hyperparameter(key) => value(Some(&run.hyperparameters), key),
        QueryField::Series(statistic, key) => statistic.of(run.series(key)).map(Item::Made).into_iter().collect(),
        QueryField::Dataset(key) => path(&run.datasets, key),
        QueryField::DatasetLink => links(&run.datasets),
        QueryField::Features => run.features.iter().map(|feature| text(&feature.name)).collect(),
        QueryField::Id => unless_empty(run.id.as_str()),
        QueryField::Description => unless_empty(&run.description),
        QueryField::Owner => unless_empty(&run.owner),
        QueryField::StartTime => date(run.start_time),
        QueryField::EndTime => date(run.end_time),
        QueryField::Status => run.status.iter().map(|status| text(status.name())).collect(),
        QueryField::ProjectId => unless_empty(run.project_id.as_str()),
        QueryField::ExperimentId => unless_empty(run.experiment_id.as_str()),
        QueryField::ParentId => run.parent_id.iter().flat_map(|id| unless_empty(id.as_str())).collect(),
        QueryField::JobId => unless_empty(&run.job_id),
        QueryField::CodeVersion => unless_empty(&run.code_version),
        QueryField::RepositoryId => inputs.map_or_else(Vec::new, |inputs| number(inputs.repository_id)),
        QueryField::RepositoryCommit => inputs.map_or_else(Vec::new, |inputs| unless_empty(&inputs.commit)),
        QueryField::VersioningLocation => {
            let locations = inputs.into_iter().flat_map(|inputs| inputs.key_locations.values());
            let locations: BTreeSet<String> = locations.map(|location| location.components().join("/")).collect();
            locations.into_iter().map(|location| Item::Text(Cow::Owned(location))).collect()
        }
        _ => Vec::new(),
    }
}

fn value<'a>(entries: Option<&'a KeyValues>, key: &str) -> Vec<Item<'a>> {
    entries.and_then(|entries| entries.get(key)).map(Item::Value).into_iter().collect()
}

fn text(text: &str) -> Item<'_> {
    Item::Text(Cow::Borrowed(text))
}

fn unless_empty(held: &str) -> Vec<Item<'_>> {
    if held.is_empty() { Vec::new() } else { vec![text(held)] }
}

fn date<'a>(date: Option<Timestamp>) -> Vec<Item<'a>> {
    date.map(|date| Item::Number(date.millis())).into_iter().collect()
}

fn number<'a>(number: u64) -> Vec<Item<'a>> {
    // No counter and no repository's number comes near the end.
    vec![Item::Number(i64::try_from(number).unwrap_or(i64::MAX))]
}

fn artifacts(entity: &Entity) -> &[Artifact] {
    match entity {
        Entity::Project(project) => &project.artifacts,
        Entity::Experiment(experiment) => &experiment.artifacts,
        Entity::Run(run) => &run.artifacts,
        _ => &[],
    }
}

fn path<'a>(artifacts: &'a [Artifact], key: &str) -> Vec<Item<'a>> {
    artifacts.iter().filter(|artifact| artifact.key == key).flat_map(|artifact| unless_empty(&artifact.path)).collect()
}

/// A set: what several artifacts link to is in it once.
fn links(artifacts: &[Artifact]) -> Vec<Item<'_>> {
    let links: BTreeSet<&str> = artifacts.iter().map(|artifact| artifact.linked_artifact_id.as_str()).collect();
    links.into_iter().flat_map(unless_empty).collect()
}

/// ModelDB's name of a visibility.
fn visibility(visibility: Visibility) -> &'static str {
    match visibility {
        Visibility::Private => "PRIVATE",
        Visibility::OrgDefault => "ORG_DEFAULT",
        Visibility::OrgCustom => "ORG_CUSTOM",
        Visibility::WorkspaceDefault => "WORKSPACE_DEFAULT",
    }
}
