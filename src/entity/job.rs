//! Jobs (ModelDB 5.8).

use std::sync::Arc;

use crate::entity::deletion;
use crate::entity::entries::On;
use crate::entity::listing::{Listing, Scope};
use crate::entity::rules;
use crate::entity::state::{self, State};
use crate::entity::txn::Txn;
use crate::error::{Error, Result};
use crate::id::{EntityKind, JobId, Sequence};
use crate::log::change::{Field, FieldValue};
use crate::model::{Entity, Job, JobStatus, NewJob, Parents};

const KIND: EntityKind = EntityKind::Job;

/// Jobs on a snapshot.
#[derive(Clone)]
pub struct Jobs<'s> {
    state: &'s Arc<State>,
    at: Sequence,
}

impl<'s> Jobs<'s> {
    pub(crate) fn new(state: &'s Arc<State>, at: Sequence) -> Self {
        Jobs { state, at }
    }

    /// The job of an id.
    ///
    /// # Errors
    /// `NotFound` if there is none or it is deleted.
    pub fn get(&self, id: &JobId) -> Result<Job> {
        self.state.get(KIND, id.as_str(), self.at).and_then(state::job)
    }

    /// All jobs, oldest first.
    pub fn list(&self) -> Listing<Job> {
        Listing::new(Arc::clone(self.state), self.at, Scope::All)
    }
}

/// Jobs inside a write.
pub struct JobsMut<'w, 'a>(&'w mut Txn<'a>);

impl<'w, 'a> JobsMut<'w, 'a> {
    pub(crate) fn new(txn: &'w mut Txn<'a>) -> Self {
        JobsMut(txn)
    }

    /// Creates a job.
    ///
    /// # Errors
    /// `InvalidArgument` without a start time, or for an empty or a repeated key of the metadata; `AlreadyExists`
    /// if the id is taken.
    pub fn create(&mut self, NewJob(mut job): NewJob) -> Result<JobId> {
        if job.start_time.is_empty() {
            return Err(Error::invalid("a job has no start time"));
        }
        rules::check_key_values(&mut job.metadata)?;
        job.id = JobId::new(self.0.new_id(KIND, job.id.as_str())?)?;
        rules::owner(self.0, &mut job.owner, job.owner_tracking.as_ref());
        job.date_created = self.0.time();
        job.date_updated = self.0.time();
        job.version_number = 1;
        let id = job.id.clone();
        self.0.create(Entity::Job(job), Parents::None)?;
        self.0.end("job.create")?;
        Ok(id)
    }

    /// The job of an id, as this write sees it.
    ///
    /// # Errors
    /// `NotFound` if there is none or it is deleted.
    pub fn get(&mut self, id: &JobId) -> Result<Job> {
        let row = self.0.require(KIND, id.as_str())?;
        state::job(self.0.load(KIND, row)?.clone())
    }

    /// Sets how far a job is and when it ended; an empty text is no time, as in ModelDB.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn update(&mut self, id: &JobId, status: JobStatus, end_time: impl Into<String>) -> Result<()> {
        let row = self.0.require(KIND, id.as_str())?;
        let fields = vec![
            (Field::JobEndTime, Some(FieldValue::Text(end_time.into()))),
            (Field::JobStatus, Some(FieldValue::JobStatus(status))),
        ];
        self.0.edit("job.update", KIND, row, fields)
    }

    /// Deletes a job. Runs that name it keep its id.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn delete(&mut self, id: &JobId) -> Result<()> {
        let on = On { operation: "job.delete", kind: KIND, id: id.as_str() };
        deletion::delete(self.0, on)
    }
}
