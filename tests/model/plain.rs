//! Entities as plain data that is compared by every bit, and what they are created from.

use std::collections::BTreeMap;

use modeldb::{
    Artifact, CodeVersion, EntityKind, Environment, Experiment, KeyValues, OwnerTracking, Project, Run, RunStatus,
    Timestamp, Value, ValueType,
};

/// A value whose equality is that of bits, but for NaN, of which there is one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Val {
    Null,
    Bool(bool),
    Int(i64),
    Float(u64),
    Text(String),
    List(Vec<Val>),
    Map(BTreeMap<String, Val>),
}

impl Val {
    pub(crate) fn of(value: &Value) -> Val {
        match value {
            Value::Null => Val::Null,
            Value::Bool(value) => Val::Bool(*value),
            Value::Int(value) => Val::Int(*value),
            Value::Float(value) if value.is_nan() => Val::Float(f64::NAN.to_bits()),
            Value::Float(value) => Val::Float(value.to_bits()),
            Value::String(value) => Val::Text(value.clone()),
            Value::List(items) => Val::List(items.iter().map(Val::of).collect()),
            Value::Map(items) => Val::Map(items.iter().map(|(key, value)| (key.clone(), Val::of(value))).collect()),
            other => panic!("a value of an unknown kind: {other:?}"),
        }
    }
}

pub(crate) type Vals = BTreeMap<String, (Val, ValueType)>;

/// An entity of any kind; fields a kind does not have stay empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Plain {
    pub(crate) kind: EntityKind,
    pub(crate) id: String,
    pub(crate) project: String,
    pub(crate) experiment: String,
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) created: i64,
    pub(crate) updated: i64,
    pub(crate) version: u64,
    pub(crate) tags: Vec<String>,
    pub(crate) attributes: Vals,
    pub(crate) hyperparameters: Vals,
    pub(crate) metrics: Vals,
    pub(crate) owner: String,
    pub(crate) owner_tracking: Option<OwnerTracking>,
    pub(crate) workspace: String,
    pub(crate) short_name: String,
    pub(crate) readme: String,
    pub(crate) code: Option<CodeVersion>,
    pub(crate) environment: Option<Environment>,
    pub(crate) start: Option<i64>,
    pub(crate) end: Option<i64>,
    pub(crate) status: Option<RunStatus>,
    pub(crate) features: Vec<String>,
    pub(crate) artifacts: Vec<Artifact>,
    pub(crate) datasets: Vec<Artifact>,
    pub(crate) job: String,
    pub(crate) code_version: String,
    pub(crate) parent: String,
}

impl Plain {
    pub(crate) fn new(kind: EntityKind) -> Self {
        Plain {
            kind,
            id: String::new(),
            project: String::new(),
            experiment: String::new(),
            name: String::new(),
            description: String::new(),
            created: 0,
            updated: 0,
            version: 0,
            tags: Vec::new(),
            attributes: Vals::new(),
            hyperparameters: Vals::new(),
            metrics: Vals::new(),
            owner: String::new(),
            owner_tracking: None,
            workspace: String::new(),
            short_name: String::new(),
            readme: String::new(),
            code: None,
            environment: None,
            start: None,
            end: None,
            status: None,
            features: Vec::new(),
            artifacts: Vec::new(),
            datasets: Vec::new(),
            job: String::new(),
            code_version: String::new(),
            parent: String::new(),
        }
    }
}

fn vals(entries: &KeyValues) -> Vals {
    let list: Vec<_> = entries.iter().collect();
    assert!(list.windows(2).all(|pair| pair[0].key < pair[1].key), "keys are not ascending: {list:?}");
    list.into_iter().map(|entry| (entry.key.clone(), (Val::of(&entry.value), entry.value_type))).collect()
}

fn millis(time: Option<Timestamp>) -> Option<i64> {
    time.map(Timestamp::millis)
}

impl From<&Project> for Plain {
    fn from(project: &Project) -> Plain {
        Plain {
            id: project.id.to_string(),
            project: project.id.to_string(),
            name: project.name.clone(),
            description: project.description.clone(),
            created: project.date_created.millis(),
            updated: project.date_updated.millis(),
            version: project.version_number,
            tags: project.tags.clone(),
            attributes: vals(&project.attributes),
            owner: project.owner.clone(),
            owner_tracking: project.owner_tracking.clone(),
            workspace: project.workspace.clone(),
            short_name: project.short_name.clone(),
            readme: project.readme_text.clone(),
            code: project.code_version_snapshot.clone(),
            artifacts: project.artifacts.clone(),
            ..Plain::new(EntityKind::Project)
        }
    }
}

impl From<&Experiment> for Plain {
    fn from(experiment: &Experiment) -> Plain {
        Plain {
            id: experiment.id.to_string(),
            project: experiment.project_id.to_string(),
            experiment: experiment.id.to_string(),
            name: experiment.name.clone(),
            description: experiment.description.clone(),
            created: experiment.date_created.millis(),
            updated: experiment.date_updated.millis(),
            version: experiment.version_number,
            tags: experiment.tags.clone(),
            attributes: vals(&experiment.attributes),
            owner: experiment.owner.clone(),
            owner_tracking: experiment.owner_tracking.clone(),
            code: experiment.code_version_snapshot.clone(),
            artifacts: experiment.artifacts.clone(),
            ..Plain::new(EntityKind::Experiment)
        }
    }
}

impl From<&Run> for Plain {
    fn from(run: &Run) -> Plain {
        Plain {
            id: run.id.to_string(),
            project: run.project_id.to_string(),
            experiment: run.experiment_id.to_string(),
            name: run.name.clone(),
            description: run.description.clone(),
            created: run.date_created.millis(),
            updated: run.date_updated.millis(),
            version: run.version_number,
            tags: run.tags.clone(),
            attributes: vals(&run.attributes),
            hyperparameters: vals(&run.hyperparameters),
            metrics: vals(&run.metrics),
            owner: run.owner.clone(),
            owner_tracking: run.owner_tracking.clone(),
            code: run.code_version_snapshot.clone(),
            environment: run.environment.clone(),
            start: millis(run.start_time),
            end: millis(run.end_time),
            status: run.status,
            features: run.features.iter().map(|feature| feature.name.clone()).collect(),
            artifacts: run.artifacts.clone(),
            datasets: run.datasets.clone(),
            job: run.job_id.clone(),
            code_version: run.code_version.clone(),
            parent: run.parent_id.as_ref().map(ToString::to_string).unwrap_or_default(),
            ..Plain::new(EntityKind::Run)
        }
    }
}

/// What a caller asks to create, of any kind.
#[derive(Debug, Clone, Default)]
pub(crate) struct Wanted {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) created: i64,
    pub(crate) attributes: Vec<(String, Value)>,
    pub(crate) hyperparameters: Vec<(String, Value)>,
    pub(crate) metrics: Vec<(String, Value)>,
    pub(crate) tags: Vec<String>,
    pub(crate) owner: String,
    pub(crate) owner_tracking: Option<OwnerTracking>,
    pub(crate) workspace: String,
    pub(crate) readme: String,
    pub(crate) start: i64,
    pub(crate) end: i64,
    pub(crate) code: Option<CodeVersion>,
    pub(crate) environment: Option<Environment>,
    pub(crate) features: Vec<String>,
    pub(crate) artifacts: Vec<Artifact>,
    pub(crate) code_version: String,
    pub(crate) parent: String,
}
