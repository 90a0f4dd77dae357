use crate::id::{ExperimentId, ProjectId};
use crate::model::artifact;
use crate::model::project::common_setters;
use crate::model::{Artifact, CodeVersion, KeyValue, KeyValues, OwnerTracking};
use crate::time::Timestamp;
use crate::value::Value;

/// An experiment of a project (ModelDB's `Experiment`).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Experiment {
    /// Its id.
    pub id: ExperimentId,
    /// The project it belongs to.
    pub project_id: ProjectId,
    /// Its name, unique within the project among experiments that are not deleted.
    pub name: String,
    /// Free text.
    pub description: String,
    /// When it was created: the caller's date, or the commit's time.
    pub date_created: Timestamp,
    /// When it was last changed; never goes backwards.
    pub date_updated: Timestamp,
    /// Attributes in ascending order of keys.
    pub attributes: KeyValues,
    /// Tags in ascending order.
    pub tags: Vec<String>,
    /// Who owns it: the caller's text.
    pub owner: String,
    /// The owner's number or group, if the host keeps such.
    pub owner_tracking: Option<OwnerTracking>,
    /// Where the code came from.
    pub code_version_snapshot: Option<CodeVersion>,
    /// Artifacts in ascending order of keys.
    pub artifacts: Vec<Artifact>,
    /// 1 at creation, one more with each operation that changes the experiment.
    pub version_number: u64,
}

impl Experiment {
    /// The artifact of a key. Binary search.
    pub fn artifact(&self, key: &str) -> Option<&Artifact> {
        artifact::of_key(&self.artifacts, key)
    }
}

/// What an experiment is created from.
#[derive(Debug, Clone, Default)]
pub struct NewExperiment(pub(crate) Experiment);

impl NewExperiment {
    /// An experiment without a name: it is given a random one.
    pub fn new() -> Self {
        NewExperiment::default()
    }

    /// An experiment of this name.
    pub fn named(name: impl Into<String>) -> Self {
        NewExperiment::new().name(name)
    }
}

common_setters!(NewExperiment, ExperimentId);
