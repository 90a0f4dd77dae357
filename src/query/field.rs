//! What a filter or an order speaks of, by name, and which kinds of entities have it.

use std::fmt;

use crate::error::{Error, Result};
use crate::id::EntityKind;
use crate::query::series::Statistic;

/// A field that filters and orders can name: from its name in text, as in `QueryField::from("metrics.accuracy")`, or
/// by constructor. Whether an entity kind has it is checked where it is used.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum QueryField {
    /// `metrics.<key>` of runs.
    Metric(String),
    /// `hyperparameters.<key>` of runs.
    Hyperparameter(String),
    /// `attributes.<key>`.
    Attribute(String),
    /// `observations.<key>` of runs (or, as in ModelDB, `observations.attribute.<key>`): all the values observed under
    /// a key. A positive comparison holds if it does for one of them; a negative one if there are some, and it does
    /// for all.
    Observation(String),
    /// A number made of all the observations of a key of runs, as `min(observations.<key>)`.
    Series(Statistic, String),
    /// `artifacts.<key>`: the stored path of the artifact of a key.
    Artifact(String),
    /// `artifacts.linked_artifact_id`: the set of ids that artifacts link to.
    ArtifactLink,
    /// `datasets.<key>` of runs: the stored path of the dataset link of a key.
    Dataset(String),
    /// `datasets.linked_artifact_id` of runs: the set of dataset versions that are linked to.
    DatasetLink,
    /// `tags`: a set.
    Tags,
    /// `features` of runs (or `features.name`): a set.
    Features,
    /// `id`.
    Id,
    /// `name`.
    Name,
    /// `description`.
    Description,
    /// `date_created`, in milliseconds.
    DateCreated,
    /// `date_updated`, in milliseconds.
    DateUpdated,
    /// `start_time` of runs, in milliseconds.
    StartTime,
    /// `end_time` of runs, in milliseconds.
    EndTime,
    /// `status` of runs, by name: see [`RunStatus`](crate::RunStatus). One that was logged as an attribute is
    /// `attributes.status`.
    Status,
    /// `owner`.
    Owner,
    /// `version_number`.
    VersionNumber,
    /// `project_id` of experiments and runs.
    ProjectId,
    /// `experiment_id` of runs.
    ExperimentId,
    /// `experiment.name` of runs.
    ExperimentName,
    /// `parent_id` of runs.
    ParentId,
    /// `job_id` of runs.
    JobId,
    /// `code_version` of runs: the free text.
    CodeVersion,
    /// `visibility` of projects, by ModelDB's names: `PRIVATE`, `ORG_DEFAULT`, `ORG_CUSTOM`, `WORKSPACE_DEFAULT`.
    Visibility,
    /// `short_name` of projects.
    ShortName,
    /// `readme` of projects.
    Readme,
    /// `versioned_inputs.repository_id` of runs.
    RepositoryId,
    /// `versioned_inputs.commit` of runs.
    RepositoryCommit,
    /// `versioned_inputs.versioning_location` of runs: the set of locations, their components joined with `/`.
    VersioningLocation,
    /// `text`: the words of name, description, tags, and the strings among attributes, metrics and hyperparameters. It
    /// takes `matches` only.
    Text,
    /// A name that no kind knows; using it is an error.
    Unknown(String),
}

/// What a field holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// Any value, or several.
    Value,
    Text,
    Number,
    /// Texts: never missing.
    Set,
}

/// The fields without a key, by name.
const BUILTINS: [(&str, QueryField); 27] = [
    ("artifacts.linked_artifact_id", QueryField::ArtifactLink),
    ("datasets.linked_artifact_id", QueryField::DatasetLink),
    ("tags", QueryField::Tags),
    ("features", QueryField::Features),
    ("id", QueryField::Id),
    ("name", QueryField::Name),
    ("description", QueryField::Description),
    ("date_created", QueryField::DateCreated),
    ("date_updated", QueryField::DateUpdated),
    ("start_time", QueryField::StartTime),
    ("end_time", QueryField::EndTime),
    ("status", QueryField::Status),
    ("owner", QueryField::Owner),
    ("version_number", QueryField::VersionNumber),
    ("project_id", QueryField::ProjectId),
    ("experiment_id", QueryField::ExperimentId),
    ("experiment.name", QueryField::ExperimentName),
    ("parent_id", QueryField::ParentId),
    ("job_id", QueryField::JobId),
    ("code_version", QueryField::CodeVersion),
    ("visibility", QueryField::Visibility),
    ("short_name", QueryField::ShortName),
    ("readme", QueryField::Readme),
    ("versioned_inputs.repository_id", QueryField::RepositoryId),
    ("versioned_inputs.commit", QueryField::RepositoryCommit),
    ("versioned_inputs.versioning_location", QueryField::VersioningLocation),
    ("text", QueryField::Text),
];

/// Prefixes of fields with a key.
const NAMESPACES: [&str; 6] =
    ["metrics.", "hyperparameters.", "attributes.", "observations.attribute.", "artifacts.", "datasets."];

impl From<&str> for QueryField {
    /// The field of a name, singular or plural; everything after a namespace's dot is the key.
    fn from(name: &str) -> Self {
        match name {
            "tag" => return QueryField::Tags,
            "feature" | "features.name" => return QueryField::Features,
            "readme_text" => return QueryField::Readme,
            _ => {}
        }
        if let Some((statistic, field)) = name.strip_suffix(')').and_then(|name| name.split_once('('))
            && let Some(statistic) = Statistic::named(statistic)
            && let QueryField::Observation(key) = QueryField::from(field)
        {
            return QueryField::Series(statistic, key);
        }
        if let Some((_, field)) = BUILTINS.iter().find(|(builtin, _)| *builtin == name) {
            return field.clone();
        }
        let (namespace, key) = name.split_once('.').unwrap_or((name, ""));
        let key = match namespace {
            "observations" | "observation" => key.strip_prefix("attribute.").unwrap_or(key),
            _ => key,
        };
        QueryField::in_namespace(namespace, key.to_owned()).unwrap_or_else(|| QueryField::Unknown(name.to_owned()))
    }
}

impl From<String> for QueryField {
    fn from(name: String) -> Self {
        QueryField::from(name.as_str())
    }
}

impl fmt::Display for QueryField {
    /// The name in text.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (namespace, key) = match self {
            QueryField::Metric(key) => ("metrics.", key),
            QueryField::Hyperparameter(key) => ("hyperparameters.", key),
            QueryField::Attribute(key) => ("attributes.", key),
            QueryField::Observation(key) => ("observations.attribute.", key),
            QueryField::Series(statistic, key) => {
                // A key that begins as ModelDB's names do.
                let attribute = if key.starts_with("attribute.") { "attribute." } else { "" };
                return write!(f, "{statistic}(observations.{attribute}{key})");
            }
            QueryField::Artifact(key) => ("artifacts.", key),
            QueryField::Dataset(key) => ("datasets.", key),
            QueryField::Unknown(name) => ("", name),
            builtin => {
                let name = BUILTINS.iter().find(|(_, field)| field == builtin).map_or("", |(name, _)| name);
                return f.write_str(name);
            }
        };
        write!(f, "{namespace}{key}")
    }
}

impl QueryField {
    /// The field of a key in a namespace, singular or plural.
    pub(super) fn in_namespace(namespace: &str, key: String) -> Option<Self> {
        Some(match namespace {
            "metrics" | "metric" => QueryField::Metric(key),
            "hyperparameters" | "hyperparameter" | "params" | "param" => QueryField::Hyperparameter(key),
            "attributes" | "attribute" | "attrs" | "attr" => QueryField::Attribute(key),
            "artifacts" | "artifact" => QueryField::Artifact(key),
            "datasets" | "dataset" => QueryField::Dataset(key),
            "observations" | "observation" => QueryField::Observation(key),
            _ => return None,
        })
    }

    /// Whether it holds milliseconds since the epoch.
    pub(super) fn is_date(&self) -> bool {
        use QueryField::{DateCreated, DateUpdated, EndTime, StartTime};
        matches!(self, DateCreated | DateUpdated | StartTime | EndTime)
    }

    /// The key, of a field that has one.
    pub(super) fn key(&self) -> Option<&str> {
        match self {
            QueryField::Metric(key)
            | QueryField::Hyperparameter(key)
            | QueryField::Attribute(key)
            | QueryField::Observation(key)
            | QueryField::Series(_, key)
            | QueryField::Artifact(key)
            | QueryField::Dataset(key) => Some(key),
            _ => None,
        }
    }

    /// Whether it holds several texts, or none.
    pub(crate) fn is_set(&self) -> bool {
        self.shape() == Shape::Set
    }

    pub(super) fn shape(&self) -> Shape {
        match self {
            QueryField::Metric(_)
            | QueryField::Hyperparameter(_)
            | QueryField::Attribute(_)
            | QueryField::Observation(_) => Shape::Value,
            QueryField::ArtifactLink
            | QueryField::DatasetLink
            | QueryField::Tags
            | QueryField::Features
            | QueryField::VersioningLocation => Shape::Set,
            QueryField::DateCreated
            | QueryField::DateUpdated
            | QueryField::StartTime
            | QueryField::EndTime
            | QueryField::VersionNumber
            | QueryField::Series(..)
            | QueryField::RepositoryId => Shape::Number,
            _ => Shape::Text,
        }
    }

    /// Whether entities of `kind` have it.
    fn belongs_to(&self, kind: EntityKind) -> bool {
        use EntityKind::{Experiment, Project, Run};
        match self {
            QueryField::Unknown(_) => false,
            QueryField::Visibility | QueryField::ShortName | QueryField::Readme => kind == Project,
            QueryField::ProjectId => matches!(kind, Experiment | Run),
            QueryField::Id
            | QueryField::Name
            | QueryField::Description
            | QueryField::DateCreated
            | QueryField::DateUpdated
            | QueryField::Owner
            | QueryField::VersionNumber
            | QueryField::Tags
            | QueryField::Text
            | QueryField::Attribute(_)
            | QueryField::Artifact(_)
            | QueryField::ArtifactLink => matches!(kind, Project | Experiment | Run),
            _ => kind == Run,
        }
    }

    /// Refuses a field of which an entity of `kind` may hold several values, or none that can be told.
    pub(crate) fn check_single(&self, kind: EntityKind) -> Result<()> {
        self.check(kind)?;
        if self.shape() == Shape::Set || matches!(self, QueryField::Observation(_) | QueryField::Text) {
            return Err(Error::invalid(format!("{self} is not a single value")));
        }
        Ok(())
    }

    /// Refuses a field that `kind` has not, or one without its key.
    pub(crate) fn check(&self, kind: EntityKind) -> Result<()> {
        if !self.belongs_to(kind) {
            let name = self.to_string();
            let nearest =
                nearest(&name, Some(kind)).map(|known| format!("; did you mean {known}?")).unwrap_or_default();
            return Err(Error::invalid(format!("a {kind} has no field {name:?}{nearest}")));
        }
        if self.key() == Some("") {
            return Err(Error::invalid(format!("the field {:?} lacks a key after its dot", self.to_string())));
        }
        Ok(())
    }
}

/// The field of `kind`, or of any, whose name is nearest to `name`, if one is near.
pub(super) fn nearest(name: &str, kind: Option<EntityKind>) -> Option<String> {
    let belongs = |field: &QueryField| kind.is_none_or(|kind| field.belongs_to(kind));
    let builtins = BUILTINS.iter().filter(|(_, field)| belongs(field)).map(|(known, _)| (*known, name, ""));
    // With a namespace the key is right as it is.
    let (before, key) = name.split_once('.').map_or((name, ""), |(before, key)| (before, key));
    let namespaces = NAMESPACES.iter().filter(|namespace| belongs(&QueryField::from(**namespace)));
    let keyed = namespaces.map(|namespace| (namespace.trim_end_matches('.'), before, key));
    // What is much longer than any name is near to none, and costly to compare; a long key is not repeated.
    let near = builtins.chain(keyed).filter(|(_, name, key)| name.len() <= 64 && key.len() <= 200);
    let near = near.map(|(known, name, key)| (distance(name, known), known, key));
    let nearest = near.filter(|(distance, known, _)| *distance <= 3 && *distance < known.len() / 2).min()?;
    Some(match nearest {
        (_, known, _) if BUILTINS.iter().any(|(builtin, _)| *builtin == known) => known.to_owned(),
        (_, namespace, key) => format!("{namespace}.{key}"),
    })
}

/// How many characters must be inserted, removed or replaced to make `b` of `a`.
pub(super) fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut next = vec![i + 1];
        for ((to, above_left), above) in b.iter().zip(&row).zip(row.iter().skip(1)) {
            let left = next.last().copied().unwrap_or(0);
            next.push((above_left + usize::from(from != *to)).min(above + 1).min(left + 1));
        }
        row = next;
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_fields_are_one_to_one() {
        for (name, field) in BUILTINS {
            assert_eq!((QueryField::from(name), field.to_string().as_str()), (field, name));
        }
        for namespace in NAMESPACES {
            let name = format!("{namespace}a.b c\u{1f600}");
            let field = QueryField::from(name.as_str());
            assert_eq!((field.key(), field.to_string()), (Some("a.b c\u{1f600}"), name));
        }
    }

    #[test]
    fn distances_are_levenshteins() {
        for (a, b, expected) in [("", "", 0), ("a", "", 1), ("kitten", "sitting", 3), ("flaw", "lawn", 2)] {
            assert_eq!((distance(a, b), distance(b, a)), (expected, expected));
        }
    }
}
