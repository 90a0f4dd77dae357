//! Runs without a copy: fields are read where they are stored.

use std::borrow::Cow;
use std::sync::Arc;

use crate::codec::archive;
use crate::codec::v1::{self, ArchivedKeyValueV1, ArchivedRunV1, RunV1};
use crate::entity::state::State;
use crate::error::Result;
use crate::id::{ExperimentId, ProjectId, Row, RunId};
use crate::log::resolve::payload;
use crate::model::{Run, RunStatus, Stored};
use crate::storage::Bytes;
use crate::time::Timestamp;
use crate::value::ValueRef;

/// The stored bytes of a run, verified; [`view`](Self::view) gives access to its fields.
///
/// It keeps its snapshot alive, and is independent of the snapshot's handle.
pub struct RunGuard {
    state: Arc<State>,
    bytes: Bytes,
}

impl RunGuard {
    pub(crate) fn new(state: Arc<State>, bytes: Bytes) -> Self {
        RunGuard { state, bytes }
    }

    /// A guard over a run as it was: encoded again, for this guard alone.
    pub(crate) fn of_stored(state: Arc<State>, stored: Stored) -> Result<Self> {
        let dictionary = &state.common.dictionary;
        let mut intern = |key: &str| {
            // Every key a record ever had is in the dictionary.
            let code = dictionary.code(key);
            code.ok_or_else(|| crate::error::Error::corrupt(format!("the key {key:?} is not in the dictionary")))
        };
        let bytes = v1::encode(stored, &mut intern)?;
        Ok(RunGuard { state, bytes: Bytes::Owned(bytes) })
    }

    /// The fields. Checks the archive once: some 200 ns for a usual run.
    ///
    /// # Errors
    /// `Corrupt` if the bytes are no run.
    pub fn view(&self) -> Result<RunView<'_>> {
        let record = archive::access::<RunV1>(payload(self.bytes.as_slice()))?;
        Ok(RunView { record, state: &self.state })
    }

    /// The run, owned.
    ///
    /// # Errors
    /// `Corrupt` if the bytes are no run.
    pub fn to_run(&self) -> Result<Run> {
        self.view()?.to_run()
    }
}

/// A run in its stored bytes.
#[derive(Clone, Copy)]
pub struct RunView<'g> {
    record: &'g ArchivedRunV1,
    state: &'g State,
}

impl<'g> RunView<'g> {
    /// The id.
    ///
    /// # Errors
    /// `Corrupt` if it is damaged.
    pub fn id(&self) -> Result<RunId> {
        self.record.head.id.with_str(|id| RunId::new(id))
    }

    /// The project.
    ///
    /// # Errors
    /// `Corrupt` or `Io` if its record cannot be read.
    pub fn project_id(&self) -> Result<ProjectId> {
        v1::Resolve::project_id(&self.state.resolver(), Row(self.record.project.to_native()))
    }

    /// The experiment.
    ///
    /// # Errors
    /// `Corrupt` or `Io` if its record cannot be read.
    pub fn experiment_id(&self) -> Result<ExperimentId> {
        v1::Resolve::experiment_id(&self.state.resolver(), Row(self.record.experiment.to_native()))
    }

    /// The name.
    ///
    /// # Errors
    /// `Corrupt` or `Io` if it is long, and cannot be read from beside the record.
    pub fn name(&self) -> Result<Cow<'g, str>> {
        v1::text_ref(&self.record.head.name, &self.state.resolver())
    }

    /// The description.
    ///
    /// # Errors
    /// `Corrupt` or `Io` if it is long, and cannot be read from beside the record.
    pub fn description(&self) -> Result<Cow<'g, str>> {
        v1::text_ref(&self.record.head.description, &self.state.resolver())
    }

    /// The owner.
    ///
    /// # Errors
    /// `Corrupt` or `Io` if it is long, and cannot be read from beside the record.
    pub fn owner(&self) -> Result<Cow<'g, str>> {
        v1::text_ref(&self.record.head.owner, &self.state.resolver())
    }

    /// When it was created.
    pub fn date_created(&self) -> Timestamp {
        Timestamp::from_millis(self.record.head.date_created.to_native())
    }

    /// When it was last changed.
    pub fn date_updated(&self) -> Timestamp {
        Timestamp::from_millis(self.record.head.date_updated.to_native())
    }

    /// When the work began.
    pub fn start_time(&self) -> Option<Timestamp> {
        Some(Timestamp::from_millis(self.record.start_time.to_native())).filter(|time| time.millis() != 0)
    }

    /// When the work ended.
    pub fn end_time(&self) -> Option<Timestamp> {
        Some(Timestamp::from_millis(self.record.end_time.to_native())).filter(|time| time.millis() != 0)
    }

    /// What became of it; none of a run that never had a logger.
    ///
    /// # Errors
    /// `Corrupt` if it is damaged.
    pub fn status(&self) -> Result<Option<RunStatus>> {
        v1::status(self.record)
    }

    /// 1 at creation, one more with each operation that changes the run.
    pub fn version_number(&self) -> u64 {
        self.record.head.version.to_native()
    }

    /// The tags in ascending order.
    pub fn tags(&self) -> impl ExactSizeIterator<Item = &'g str> + use<'g> {
        self.record.head.tags.iter().map(|tag| tag.as_str())
    }

    /// The metric of a key.
    ///
    /// # Errors
    /// `Corrupt` or `Io` if the value cannot be read.
    pub fn metric(&self, key: &str) -> Result<Option<ValueRef<'g>>> {
        self.value(&self.record.metrics, key)
    }

    /// The hyperparameter of a key.
    ///
    /// # Errors
    /// `Corrupt` or `Io` if the value cannot be read.
    pub fn hyperparameter(&self, key: &str) -> Result<Option<ValueRef<'g>>> {
        self.value(&self.record.hyperparameters, key)
    }

    /// The attribute of a key.
    ///
    /// # Errors
    /// `Corrupt` or `Io` if the value cannot be read.
    pub fn attribute(&self, key: &str) -> Result<Option<ValueRef<'g>>> {
        self.value(&self.record.head.attributes, key)
    }

    /// The metrics in ascending order of keys.
    pub fn metrics(&self) -> impl ExactSizeIterator<Item = Result<(&'g str, ValueRef<'g>)>> + use<'g> {
        self.values(&self.record.metrics)
    }

    /// The hyperparameters in ascending order of keys.
    pub fn hyperparameters(&self) -> impl ExactSizeIterator<Item = Result<(&'g str, ValueRef<'g>)>> + use<'g> {
        self.values(&self.record.hyperparameters)
    }

    /// The attributes in ascending order of keys.
    pub fn attributes(&self) -> impl ExactSizeIterator<Item = Result<(&'g str, ValueRef<'g>)>> + use<'g> {
        self.values(&self.record.head.attributes)
    }

    /// The run, owned, with the fields that have no accessor here.
    ///
    /// # Errors
    /// `Corrupt` or `Io` if something it refers to cannot be read.
    pub fn to_run(&self) -> Result<Run> {
        v1::run(self.record, &self.state.resolver())
    }

    fn value(&self, entries: &'g [ArchivedKeyValueV1], key: &str) -> Result<Option<ValueRef<'g>>> {
        let Some(code) = self.state.common.dictionary.code(key) else { return Ok(None) };
        // The entries are in the order of the keys' texts, not of their codes; few enough to look at all.
        let entry = entries.iter().find(|entry| entry.key == code);
        entry.map(|entry| v1::value_ref(&entry.value, &self.state.resolver())).transpose()
    }

    fn values(
        &self,
        entries: &'g [ArchivedKeyValueV1],
    ) -> impl ExactSizeIterator<Item = Result<(&'g str, ValueRef<'g>)>> + use<'g> {
        let state = self.state;
        entries.iter().map(move |entry| {
            let key = state.common.dictionary.text(entry.key.to_native())?;
            Ok((key, v1::value_ref(&entry.value, &state.resolver())?))
        })
    }
}
