//! Runs: the calls a user makes, and their rules (ModelDB 5.3).

use std::collections::HashSet;
use std::sync::Arc;

use crate::entity::artifacts;
use crate::entity::copies::{self, CloneOptions};
use crate::entity::deletion::{self, Missing};
use crate::entity::entries::{self, Container, On};
use crate::entity::find::Find;
use crate::entity::listing::{Listing, Scope};
use crate::entity::observations;
use crate::entity::rules;
use crate::entity::shared::shared_calls;
use crate::entity::state::{self, State, no_such};
use crate::entity::txn::Txn;
use crate::entity::view::RunGuard;
use crate::error::{Error, Result};
use crate::id::{EntityKind, ExperimentId, ProjectId, Row, RunId, Sequence};
use crate::log::change::{Field, FieldValue};
use crate::log::draft::Added;
use crate::log::read::Recent;
use crate::model::{Artifact, CodeVersion, Entity, Environment, KeyValue, NewRun, Parents, Run};
use crate::names;
use crate::query::field::QueryField;
use crate::query::text::IntoFilter;
use crate::time::Timestamp;

const KIND: EntityKind = EntityKind::Run;

/// Runs on a snapshot.
#[derive(Clone)]
pub struct Runs<'s> {
    pub(super) state: &'s Arc<State>,
    pub(super) at: Sequence,
}

impl<'s> Runs<'s> {
    pub(crate) fn new(state: &'s Arc<State>, at: Sequence) -> Self {
        Runs { state, at }
    }

    /// The run of an id, owned. Two lookups and an allocation for each text.
    ///
    /// # Errors
    /// `NotFound` if there is none, or it, its experiment or its project is deleted.
    pub fn get(&self, id: &RunId) -> Result<Run> {
        self.state.get(KIND, id.as_str(), self.at).and_then(state::run)
    }

    /// The run of an id, to be read where it is stored. Two lookups.
    ///
    /// # Errors
    /// `NotFound` if there is none, or it, its experiment or its project is deleted.
    pub fn view(&self, id: &RunId) -> Result<RunGuard> {
        let missing = || no_such(KIND, id.as_str());
        let (row, place, bytes) = self.state.find(KIND, id.as_str())?.ok_or_else(missing)?;
        if self.at < self.state.head.sequence {
            let stored = self.state.visible(KIND, row, self.at, &Recent::default())?.ok_or_else(missing)?;
            return RunGuard::of_stored(Arc::clone(self.state), stored);
        }
        if !self.state.is_live(&place)? {
            return Err(missing());
        }
        Ok(RunGuard::new(Arc::clone(self.state), bytes))
    }

    /// The run of a name in an experiment; of several, which renaming can make, the one updated last.
    ///
    /// # Errors
    /// `NotFound` if the experiment or the run is not there.
    pub fn get_by_name(&self, experiment: &ExperimentId, name: &str) -> Result<Run> {
        let row = self.state.row(EntityKind::Experiment, experiment.as_str(), self.at)?;
        let key = self.state.common.hashing.child_name(KIND, row, name);
        let found = self.state.get_by_name(KIND, key, name, self.at)?.filter(|found| found.parents.direct() == row);
        found
            .ok_or_else(|| Error::not_found(format!("there is no run named {name:?} in experiment {experiment}")))
            .and_then(state::run)
    }

    /// The runs of an experiment, oldest first.
    ///
    /// # Errors
    /// `NotFound` if the experiment is not there.
    pub fn list(&self, experiment: &ExperimentId) -> Result<Listing<Run>> {
        let row = self.state.row(EntityKind::Experiment, experiment.as_str(), self.at)?;
        Ok(Listing::new(Arc::clone(self.state), self.at, Scope::Under(row)))
    }

    /// The runs of all experiments of a project, oldest first. A page costs a lookup in each experiment.
    ///
    /// # Errors
    /// `NotFound` if the project is not there.
    pub fn list_in_project(&self, project: &ProjectId) -> Result<Listing<Run>> {
        let row = self.state.row(EntityKind::Project, project.as_str(), self.at)?;
        Ok(Listing::new(Arc::clone(self.state), self.at, Scope::Below(row)))
    }

    /// The runs that match a filter, or the text of one, to be narrowed and ordered; without an order the newest come
    /// first. An empty text is all of them.
    ///
    /// # Errors
    /// `InvalidArgument` if the filter asks what runs have not, see [`Filter::check`](crate::Filter::check), and for a
    /// text that is no filter; `LimitExceeded` as for [`Filter::parse`](crate::Filter::parse).
    pub fn find(&self, filter: impl IntoFilter) -> Result<Find<Run>> {
        Find::new(Arc::clone(self.state), self.at, filter.into_filter()?)
    }

    /// The runs that are parts of a run: that have it as their parent.
    ///
    /// # Errors
    /// None as yet.
    pub fn children(&self, run: &RunId) -> Result<Find<Run>> {
        self.find(QueryField::ParentId.eq(run.as_str()))
    }

    /// The runs that have a dataset entry linked to this dataset version.
    ///
    /// # Errors
    /// `InvalidArgument` for an empty id.
    pub fn by_dataset_version(&self, id: &str) -> Result<Find<Run>> {
        if id.is_empty() {
            return Err(Error::invalid("the id of the dataset version is empty"));
        }
        self.find(QueryField::DatasetLink.eq(id))
    }
}

/// Runs inside a write.
pub struct RunsMut<'w, 'a>(pub(super) &'w mut Txn<'a>);

impl<'w, 'a> RunsMut<'w, 'a> {
    pub(crate) fn new(txn: &'w mut Txn<'a>) -> Self {
        RunsMut(txn)
    }

    /// Creates a run in an experiment.
    ///
    /// # Errors
    /// `NotFound` if the experiment is not there; `AlreadyExists` if its name is taken in the experiment, or its
    /// id ever was; `InvalidArgument` if a name, tag or key breaks a rule.
    pub fn create(&mut self, experiment: &ExperimentId, new: NewRun) -> Result<RunId> {
        let parent = self.parent(experiment)?;
        let id = self.create_one(&parent, new)?;
        self.0.end("run.create")?;
        Ok(id)
    }

    /// Creates runs in one operation: all of them, or an error. The way to load many: a million need
    /// neither the memory for them nor one huge log record.
    ///
    /// # Errors
    /// Those of [`create`](Self::create). After one, the write can only be taken back.
    pub fn create_many(
        &mut self,
        experiment: &ExperimentId,
        new: impl IntoIterator<Item = NewRun>,
    ) -> Result<Vec<RunId>> {
        let parent = self.parent(experiment)?;
        let mut ids = Vec::new();
        let mut new = new.into_iter();
        while let Some(new) = self.0.draft.whole(|_| new.next()) {
            let id = self.create_one(&parent, new);
            ids.push(if ids.is_empty() { id? } else { self.0.keep(id)? });
            self.0.spill_if_large()?;
        }
        self.0.end("run.create_many")?;
        Ok(ids)
    }

    fn parent(&mut self, experiment: &ExperimentId) -> Result<Parent> {
        let row = self.0.require(EntityKind::Experiment, experiment.as_str())?;
        let stored = self.0.load(EntityKind::Experiment, row)?;
        let Entity::Experiment(found) = &stored.entity else {
            return Err(no_such(EntityKind::Experiment, experiment.as_str()));
        };
        Ok(Parent {
            project: stored.parents.direct(),
            experiment: row,
            project_id: found.project_id.clone(),
            experiment_id: found.id.clone(),
        })
    }

    fn create_one(&mut self, parent: &Parent, NewRun(mut run, observed): NewRun) -> Result<RunId> {
        rules::check_tags(&mut run.tags)?;
        names::check_name(KIND, &run.name)?;
        rules::check_key_values(&mut run.attributes)?;
        rules::check_key_values(&mut run.hyperparameters)?;
        rules::check_key_values(&mut run.metrics)?;
        artifacts::check(&mut run.artifacts)?;
        artifacts::check_datasets(&mut run.datasets)?;
        let observed = observations::by_key(observed)?;
        run.features.sort();
        run.features.dedup();
        if run.features.first().is_some_and(|feature| feature.name.is_empty()) {
            return Err(Error::invalid("the name of a feature is empty"));
        }
        if let Some(environment) = &mut run.environment {
            environment.normalize();
        }
        if run.name.is_empty() {
            run.name = rules::random_name(self.0, &|name| Ok(self.row_by_name(parent.experiment, name)?.is_some()))?;
        } else if self.row_by_name(parent.experiment, &run.name)?.is_some() {
            return Err(Error::exists(format!("a run named {:?} exists already", run.name)));
        }
        run.id = RunId::new(self.0.new_id(KIND, run.id.as_str())?)?;
        run.project_id = parent.project_id.clone();
        run.experiment_id = parent.experiment_id.clone();
        artifacts::complete(self.0, KIND, run.id.as_str(), &mut run.artifacts)?;
        artifacts::require_bytes(self.0, run.code_version_snapshot.iter().filter_map(CodeVersion::blob))?;
        artifacts::complete_datasets(&mut run.datasets);
        rules::owner(self.0, &mut run.owner, run.owner_tracking.as_ref());
        if run.date_created.millis() == 0 {
            run.date_created = self.0.time();
        }
        if run.date_updated.millis() == 0 || run.date_updated < run.date_created {
            run.date_updated = run.date_created.max(self.0.time());
        }
        run.version_number = 1;
        let id = run.id.clone();
        let added = observations::begin(&mut run, observed, self.0.time())?;
        let (project, experiment) = (parent.project, parent.experiment);
        let row = self.0.create(Entity::Run(run), Parents::Experiment { project, experiment })?;
        for (key, observations) in added {
            self.0.draft.add_observations((row, key, 0), Added { from: 0, observations });
        }
        Ok(id)
    }

    fn row_by_name(&self, experiment: Row, name: &str) -> Result<Option<Row>> {
        self.0.named(KIND, self.0.common().hashing.child_name(KIND, experiment, name), name)
    }

    /// The run of a name in an experiment, created if there is none.
    ///
    /// # Errors
    /// `NotFound` if the experiment is not there; `InvalidArgument` if the name breaks a rule.
    pub fn get_or_create(&mut self, experiment: &ExperimentId, name: &str) -> Result<RunId> {
        let parent = self.0.require(EntityKind::Experiment, experiment.as_str())?;
        match self.row_by_name(parent, name)? {
            Some(row) if !name.is_empty() => RunId::try_from(self.0.entity_id(KIND, row)?),
            _ => self.create(experiment, NewRun::named(name)),
        }
    }

    /// The run of an id, as this write sees it.
    ///
    /// # Errors
    /// `NotFound` if there is none, or it, its experiment or its project is deleted.
    pub fn get(&mut self, id: &RunId) -> Result<Run> {
        let row = self.0.require(KIND, id.as_str())?;
        state::run(self.0.load(KIND, row)?.clone())
    }

    /// Renames a run. As in ModelDB, neither uniqueness nor length is checked.
    ///
    /// # Errors
    /// `NotFound`; `InvalidArgument` for a blank name.
    pub fn rename(&mut self, id: &RunId, name: &str) -> Result<()> {
        if name.trim().is_empty() {
            return Err(Error::invalid("the new name of a run is blank"));
        }
        let value = Some(FieldValue::Text(name.to_owned()));
        self.set(id, "run.rename", Field::Name, value)
    }

    /// Logs one hyperparameter.
    ///
    /// # Errors
    /// Those of [`log_hyperparameters`](Self::log_hyperparameters).
    pub fn log_hyperparameter(
        &mut self,
        id: &RunId,
        key: impl Into<String>,
        value: impl Into<crate::value::Value>,
    ) -> Result<()> {
        self.log_hyperparameters(id, [KeyValue::new(key, value)])
    }

    /// Logs hyperparameters, all or none.
    ///
    /// # Errors
    /// `NotFound`; `AlreadyExists` if a key is there; `InvalidArgument` for an empty or a repeated key.
    pub fn log_hyperparameters<T: Into<KeyValue>>(
        &mut self,
        id: &RunId,
        entries: impl IntoIterator<Item = T>,
    ) -> Result<()> {
        self.log(id, "run.log_hyperparameters", Container::Hyperparameters, entries)
    }

    /// Logs one metric.
    ///
    /// # Errors
    /// Those of [`log_metrics`](Self::log_metrics).
    pub fn log_metric(
        &mut self,
        id: &RunId,
        key: impl Into<String>,
        value: impl Into<crate::value::Value>,
    ) -> Result<()> {
        self.log_metrics(id, [KeyValue::new(key, value)])
    }

    /// Logs metrics, all or none.
    ///
    /// # Errors
    /// `NotFound`; `AlreadyExists` if a key is there; `InvalidArgument` for an empty or a repeated key.
    pub fn log_metrics<T: Into<KeyValue>>(&mut self, id: &RunId, entries: impl IntoIterator<Item = T>) -> Result<()> {
        self.log(id, "run.log_metrics", Container::Metrics, entries)
    }

    fn log<T: Into<KeyValue>>(
        &mut self,
        id: &RunId,
        operation: &'static str,
        container: Container,
        entries: impl IntoIterator<Item = T>,
    ) -> Result<()> {
        let entries = entries.into_iter().map(Into::into).collect();
        entries::log(self.0, on(id, operation), container, entries)
    }

    /// Deletes the metrics of these keys; unknown ones are ignored.
    ///
    /// # Errors
    /// `NotFound`; `InvalidArgument` for no key.
    pub fn delete_metrics<T: Into<String>>(&mut self, id: &RunId, keys: impl IntoIterator<Item = T>) -> Result<()> {
        let keys = keys.into_iter().map(Into::into).collect();
        entries::delete(self.0, on(id, "run.delete_metrics"), Container::Metrics, keys)
    }

    /// Deletes all metrics.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn delete_all_metrics(&mut self, id: &RunId) -> Result<()> {
        entries::delete_all(self.0, on(id, "run.delete_all_metrics"), Container::Metrics)
    }

    /// Deletes the hyperparameters of these keys; unknown ones are ignored.
    ///
    /// # Errors
    /// `NotFound`; `InvalidArgument` for no key.
    pub fn delete_hyperparameters<T: Into<String>>(
        &mut self,
        id: &RunId,
        keys: impl IntoIterator<Item = T>,
    ) -> Result<()> {
        let keys = keys.into_iter().map(Into::into).collect();
        entries::delete(self.0, on(id, "run.delete_hyperparameters"), Container::Hyperparameters, keys)
    }

    /// Deletes all hyperparameters.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn delete_all_hyperparameters(&mut self, id: &RunId) -> Result<()> {
        entries::delete_all(self.0, on(id, "run.delete_all_hyperparameters"), Container::Hyperparameters)
    }

    /// Logs links to datasets, all or none. Their paths are kept as they are.
    ///
    /// # Errors
    /// `NotFound`; `AlreadyExists` if a key is there; `InvalidArgument` for an empty or a repeated key, or for a
    /// linked version of a dataset, of which there are none yet.
    pub fn log_datasets(&mut self, id: &RunId, datasets: impl IntoIterator<Item = Artifact>) -> Result<()> {
        artifacts::put_datasets(self.0, on(id, "run.log_datasets"), datasets.into_iter().collect(), false)
    }

    /// Sets links to datasets, in place of those that are there and beside them.
    ///
    /// # Errors
    /// Those of [`log_datasets`](Self::log_datasets), without `AlreadyExists`.
    pub fn set_datasets(&mut self, id: &RunId, datasets: impl IntoIterator<Item = Artifact>) -> Result<()> {
        artifacts::put_datasets(self.0, on(id, "run.set_datasets"), datasets.into_iter().collect(), true)
    }

    /// Sets where the code came from, in place of what was logged before.
    ///
    /// # Errors
    /// `NotFound`, also for an archive whose bytes are not there.
    pub fn set_code_version(&mut self, id: &RunId, code: CodeVersion) -> Result<()> {
        artifacts::require_bytes(self.0, code.blob())?;
        let value = Some(FieldValue::CodeVersion(Box::new(code)));
        self.set(id, "run.set_code_version", Field::CodeVersionSnapshot, value)
    }

    /// Sets the software the run is made with, in place of what was set before.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn set_environment(&mut self, id: &RunId, mut environment: Environment) -> Result<()> {
        environment.normalize();
        let value = Some(FieldValue::Environment(Box::new(environment)));
        self.set(id, "run.set_environment", Field::Environment, value)
    }

    /// Sets when the work began.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn start(&mut self, id: &RunId, when: Timestamp) -> Result<()> {
        self.set(id, "run.start", Field::StartTime, Some(FieldValue::Time(when)))
    }

    /// Sets when the work ended.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn end(&mut self, id: &RunId, when: Timestamp) -> Result<()> {
        self.set(id, "run.end", Field::EndTime, Some(FieldValue::Time(when)))
    }

    /// Sets the job that makes the run. It need not be one of this store.
    ///
    /// # Errors
    /// `NotFound`; `InvalidArgument` for an empty id.
    pub fn set_job_id(&mut self, id: &RunId, job: impl AsRef<str>) -> Result<()> {
        let job = job.as_ref();
        if job.is_empty() {
            return Err(Error::invalid("the id of a job is empty"));
        }
        self.set(id, "run.set_job_id", Field::JobId, Some(FieldValue::Text(job.to_owned())))
    }

    /// Makes a run a part of another. Reads the record of each that the other one is a part of.
    ///
    /// # Errors
    /// `NotFound` if one of the two is not there; `InvalidArgument` if the run would be a part of itself, be it by
    /// way of others, deleted ones too.
    pub fn set_parent(&mut self, id: &RunId, parent: &RunId) -> Result<()> {
        let row = self.0.require(KIND, id.as_str())?;
        self.0.require(KIND, parent.as_str())?;
        let mut seen = HashSet::new();
        let mut next = Some(parent.clone());
        while let Some(above) = next.take() {
            if above == *id {
                return Err(Error::invalid(format!("run {id} would be a part of itself")));
            }
            // A parent at creation is kept verbatim: it need not be there, and may close a circle of others.
            if let Some((row, _)) = self.0.find(KIND, above.as_str())?
                && seen.insert(row)
            {
                next = state::run(self.0.read(KIND, row)?)?.parent_id;
            }
        }
        let value = Some(FieldValue::Text(parent.as_str().to_owned()));
        self.0.edit("run.set_parent", KIND, row, vec![(Field::ParentId, value)])
    }

    fn set(&mut self, id: &RunId, operation: &'static str, field: Field, value: Option<FieldValue>) -> Result<()> {
        on(id, operation).edit(self.0, vec![(field, value)])
    }

    /// Creates a run like another, in its experiment or in one of any project: under a new id, owned by the actor,
    /// with its four dates now. The rest is that of the other, its version number too; artifacts keep their
    /// paths, and so share their bytes. Only the job that made the other did not make this one.
    ///
    /// # Errors
    /// `NotFound` if the run or the experiment is not there; `AlreadyExists` or `InvalidArgument` if the new name
    /// is taken or too long.
    pub fn clone_run(&mut self, id: &RunId, options: CloneOptions) -> Result<RunId> {
        copies::clone_run(self.0, on(id, "run.clone"), options)
    }

    /// Deletes a run: it is hidden at once, and its name is free.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn delete(&mut self, id: &RunId) -> Result<()> {
        deletion::delete(self.0, on(id, "run.delete"))
    }

    /// Deletes runs in one operation; those that are not there are ignored. Answers how many there were.
    ///
    /// # Errors
    /// `NotFound` if none of them is there; `InvalidArgument` for no id.
    pub fn delete_many<'i>(&mut self, ids: impl IntoIterator<Item = &'i RunId>) -> Result<u64> {
        let ids = ids.into_iter().map(RunId::as_str);
        deletion::delete_many(self.0, "run.delete_many", KIND, ids, Missing::RefuseAll)
    }

    /// Deletes what a search found, in one operation: those of its runs, within its limit, that still match its filter
    /// and are there. Answers how many those were. Beforehand, [`count`](Find::count) and [`page`](Find::page) of the
    /// search tell what it would delete.
    ///
    /// # Errors
    /// Those of [`Find::page`].
    pub fn delete_found(&mut self, found: &Find<Run>) -> Result<u64> {
        let again = found.begin(true)?;
        let mut ids = Vec::new();
        // Most runs of one experiment come one after the other.
        let mut experiment: Option<(Row, String)> = None;
        for id in found.ids()? {
            let id = id?;
            let Some((row, _)) = self.0.find(KIND, id.as_str())? else { continue };
            let stored = self.0.read(KIND, row)?;
            let under = stored.parents.direct();
            if experiment.as_ref().is_none_or(|(known, _)| *known != under) {
                let found = self.0.read(EntityKind::Experiment, under)?;
                experiment = Some((under, found.entity.name().unwrap_or_default().to_owned()));
            }
            let name = experiment.as_ref().map(|(_, name)| name.as_str());
            if again.still_matches(&stored, name, |series| self.0.all_observations(row, series))? {
                ids.push(id);
            }
        }
        if ids.is_empty() {
            return Ok(0);
        }
        let ids = ids.iter().map(RunId::as_str);
        deletion::delete_many(self.0, "run.delete_many", KIND, ids, Missing::Ignore)
    }
}

shared_calls!(RunsMut, RunId, "run");

struct Parent {
    project: Row,
    experiment: Row,
    project_id: ProjectId,
    experiment_id: ExperimentId,
}
