use crate::id::JobId;
use crate::model::{KeyValue, KeyValues, OwnerTracking};
use crate::time::Timestamp;
use crate::value::Value;

/// A job outside the store that makes runs (ModelDB's `Job`).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Job {
    /// Its id.
    pub id: JobId,
    /// Free text.
    pub description: String,
    /// When it began: the caller's text.
    pub start_time: String,
    /// When it ended: the caller's text.
    pub end_time: String,
    /// Metadata in ascending order of keys.
    pub metadata: KeyValues,
    /// How far it is.
    pub status: JobStatus,
    /// What runs it.
    pub job_type: JobType,
    /// Who owns it: the caller's text.
    pub owner: String,
    /// The owner's number or group, if the host keeps such.
    pub owner_tracking: Option<OwnerTracking>,
    /// When its record was made.
    pub date_created: Timestamp,
    /// When its record was last changed; never goes backwards.
    pub date_updated: Timestamp,
    /// 1 at creation, one more with each operation that changes the job.
    pub version_number: u64,
}

/// How far a job is (ModelDB's `JobStatus`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
#[allow(missing_docs)]
pub enum JobStatus {
    #[default]
    NotStarted,
    InProgress,
    Completed,
}

/// What runs a job (ModelDB's `JobType`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum JobType {
    /// Kubernetes: the only one ModelDB has.
    #[default]
    Kubernetes,
}

/// What a job is created from.
#[derive(Debug, Clone, Default)]
pub struct NewJob(pub(crate) Job);

impl NewJob {
    /// A job that began then: free text, as in ModelDB.
    pub fn started(start_time: impl Into<String>) -> Self {
        NewJob(Job { start_time: start_time.into(), ..Job::default() })
    }

    /// The id, instead of a UUIDv7 given by the store.
    #[must_use]
    pub fn id(mut self, id: impl Into<JobId>) -> Self {
        self.0.id = id.into();
        self
    }

    /// The description.
    #[must_use]
    pub fn description(mut self, text: impl Into<String>) -> Self {
        self.0.description = text.into();
        self
    }

    /// When it ended.
    #[must_use]
    pub fn end_time(mut self, text: impl Into<String>) -> Self {
        self.0.end_time = text.into();
        self
    }

    /// Adds metadata.
    #[must_use]
    pub fn metadata(mut self, key: impl Into<String>, value: impl Into<Value>) -> Self {
        self.0.metadata.push(KeyValue::new(key, value));
        self
    }

    /// How far it is.
    #[must_use]
    pub fn status(mut self, status: JobStatus) -> Self {
        self.0.status = status;
        self
    }

    /// Who owns it, instead of the actor's principal.
    #[must_use]
    pub fn owner(mut self, owner: impl Into<String>) -> Self {
        self.0.owner = owner.into();
        self
    }

    /// The owner's number or group.
    #[must_use]
    pub fn owner_tracking(mut self, tracking: OwnerTracking) -> Self {
        self.0.owner_tracking = Some(tracking);
        self
    }
}
