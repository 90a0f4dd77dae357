use crate::id::{ExperimentId, ProjectId, RunId};
use crate::model::artifact;
use crate::model::project::common_setters;
use crate::model::series;
use crate::model::{
    Artifact, CodeVersion, Environment, KeyValue, KeyValues, NewObservation, OwnerTracking, RunStatus, Series,
    VersionedInputs,
};
use crate::time::Timestamp;
use crate::value::Value;

/// A run of an experiment (ModelDB's `ExperimentRun`).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Run {
    /// Its id.
    pub id: RunId,
    /// The project it belongs to.
    pub project_id: ProjectId,
    /// The experiment it belongs to.
    pub experiment_id: ExperimentId,
    /// Its name, unique within the experiment at creation. A later rename may repeat a name.
    pub name: String,
    /// Free text.
    pub description: String,
    /// When it was created: the caller's date, or the commit's time.
    pub date_created: Timestamp,
    /// When it was last changed; never goes backwards.
    pub date_updated: Timestamp,
    /// When the work began.
    pub start_time: Option<Timestamp>,
    /// When the work ended.
    pub end_time: Option<Timestamp>,
    /// What became of it; none of a run that never had a logger.
    pub status: Option<RunStatus>,
    /// A version of the code as free text; unrelated to [`Run::code_version_snapshot`].
    pub code_version: String,
    /// Where the code came from.
    pub code_version_snapshot: Option<CodeVersion>,
    /// The run this one is a part of.
    pub parent_id: Option<RunId>,
    /// The software it was made with.
    pub environment: Option<Environment>,
    /// Tags in ascending order.
    pub tags: Vec<String>,
    /// Attributes in ascending order of keys.
    pub attributes: KeyValues,
    /// Hyperparameters in ascending order of keys.
    pub hyperparameters: KeyValues,
    /// Artifacts in ascending order of keys.
    pub artifacts: Vec<Artifact>,
    /// Dataset links in ascending order of keys.
    pub datasets: Vec<Artifact>,
    /// Metrics in ascending order of keys.
    pub metrics: KeyValues,
    /// What was observed of it, summed up by key, in ascending order of keys.
    pub series: Vec<Series>,
    /// Features in ascending order of names.
    pub features: Vec<Feature>,
    /// The job that made it.
    pub job_id: String,
    /// Who owns it: the caller's text.
    pub owner: String,
    /// The owner's number or group, if the host keeps such.
    pub owner_tracking: Option<OwnerTracking>,
    /// The commit of a repository it used as input.
    pub versioned_inputs: Option<VersionedInputs>,
    /// 1 at creation, one more with each operation that changes the run.
    pub version_number: u64,
}

impl Run {
    /// The artifact of a key. Binary search.
    pub fn artifact(&self, key: &str) -> Option<&Artifact> {
        artifact::of_key(&self.artifacts, key)
    }

    /// The series of a key, summed up. Binary search.
    pub fn series(&self, key: &str) -> Option<&Series> {
        series::of_key(&self.series, key)
    }

    /// The dataset link of a key. Binary search.
    pub fn dataset(&self, key: &str) -> Option<&Artifact> {
        artifact::of_key(&self.datasets, key)
    }
}

/// A feature of the data a run used.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
#[non_exhaustive]
pub struct Feature {
    /// Its name.
    pub name: String,
}

impl Feature {
    /// The feature `name`.
    pub fn new(name: impl Into<String>) -> Self {
        Feature { name: name.into() }
    }
}

/// What a run is created from.
#[derive(Debug, Clone, Default)]
pub struct NewRun(pub(crate) Run, pub(crate) Vec<(String, NewObservation)>);

impl NewRun {
    /// A run without a name: it is given a random one.
    pub fn new() -> Self {
        NewRun::default()
    }

    /// A run of this name.
    pub fn named(name: impl Into<String>) -> Self {
        NewRun::new().name(name)
    }

    /// Adds a hyperparameter.
    #[must_use]
    pub fn hyperparameter(mut self, key: impl Into<String>, value: impl Into<Value>) -> Self {
        self.0.hyperparameters.push(KeyValue::new(key, value));
        self
    }

    /// Adds hyperparameters.
    #[must_use]
    pub fn hyperparameters<T: Into<KeyValue>>(mut self, entries: impl IntoIterator<Item = T>) -> Self {
        entries.into_iter().for_each(|entry| self.0.hyperparameters.push(entry.into()));
        self
    }

    /// Adds a metric.
    #[must_use]
    pub fn metric(mut self, key: impl Into<String>, value: impl Into<Value>) -> Self {
        self.0.metrics.push(KeyValue::new(key, value));
        self
    }

    /// Adds metrics.
    #[must_use]
    pub fn metrics<T: Into<KeyValue>>(mut self, entries: impl IntoIterator<Item = T>) -> Self {
        entries.into_iter().for_each(|entry| self.0.metrics.push(entry.into()));
        self
    }

    /// When the work began; 0 is the same as none.
    #[must_use]
    pub fn start_time(mut self, when: Timestamp) -> Self {
        self.0.start_time = Some(when).filter(|when| when.millis() != 0);
        self
    }

    /// When the work ended; 0 is the same as none.
    #[must_use]
    pub fn end_time(mut self, when: Timestamp) -> Self {
        self.0.end_time = Some(when).filter(|when| when.millis() != 0);
        self
    }

    /// The version of the code as free text.
    #[must_use]
    pub fn code_version(mut self, version: impl Into<String>) -> Self {
        self.0.code_version = version.into();
        self
    }

    /// Where the code came from.
    #[must_use]
    pub fn code_version_snapshot(mut self, snapshot: CodeVersion) -> Self {
        self.0.code_version_snapshot = Some(snapshot);
        self
    }

    /// The run this one is a part of, kept verbatim.
    #[must_use]
    pub fn parent(mut self, parent: impl Into<RunId>) -> Self {
        self.0.parent_id = Some(parent.into()).filter(|id| !id.as_str().is_empty());
        self
    }

    /// The software it is made with.
    #[must_use]
    pub fn environment(mut self, environment: Environment) -> Self {
        self.0.environment = Some(environment);
        self
    }

    /// Adds a link to a dataset.
    #[must_use]
    pub fn dataset(mut self, dataset: Artifact) -> Self {
        self.0.datasets.push(dataset);
        self
    }

    /// The date of the last change, instead of the commit's time; one before the date of creation is ignored.
    #[must_use]
    pub fn date_updated(mut self, when: Timestamp) -> Self {
        self.0.date_updated = when;
        self
    }

    /// Adds an observation.
    #[must_use]
    pub fn observation(mut self, key: impl Into<String>, observation: impl Into<NewObservation>) -> Self {
        self.1.push((key.into(), observation.into()));
        self
    }

    /// Adds a feature.
    #[must_use]
    pub fn feature(mut self, name: impl Into<String>) -> Self {
        self.0.features.push(Feature::new(name));
        self
    }
}

common_setters!(NewRun, RunId);
