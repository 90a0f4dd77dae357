//! Experiments: the calls a user makes, and their rules (ModelDB 5.2).

use std::sync::Arc;

use crate::entity::listing::{Listing, Scope};
use crate::entity::rules::{self, Container};
use crate::entity::state::{self, State};
use crate::entity::txn::Txn;
use crate::error::{Error, Result};
use crate::id::{EntityKind, ExperimentId, ProjectId, Row, Sequence};
use crate::log::change::{Field, FieldValue};
use crate::model::{CodeVersion, Entity, Experiment, KeyValue, NewExperiment, Parents};
use crate::names;

const KIND: EntityKind = EntityKind::Experiment;

/// Experiments on a snapshot.
#[derive(Clone)]
pub struct Experiments<'s> {
    state: &'s Arc<State>,
    at: Sequence,
}

impl<'s> Experiments<'s> {
    pub(crate) fn new(state: &'s Arc<State>, at: Sequence) -> Self {
        Experiments { state, at }
    }

    /// The experiment of an id. Two lookups.
    ///
    /// # Errors
    /// `NotFound` if there is none, or it or its project is deleted.
    pub fn get(&self, id: &ExperimentId) -> Result<Experiment> {
        self.state.get(KIND, id.as_str(), self.at).and_then(state::experiment)
    }

    /// The experiment of a name in a project.
    ///
    /// # Errors
    /// `NotFound` if the project or the experiment is not there.
    pub fn get_by_name(&self, project: &ProjectId, name: &str) -> Result<Experiment> {
        let row = self.state.row(EntityKind::Project, project.as_str(), self.at)?;
        let key = self.state.common.hashing.child_name(KIND, row, name);
        let found =
            self.state.get_by_name(KIND, key, name, self.at)?.filter(|found| found.parents == Parents::Project(row));
        found
            .ok_or_else(|| Error::not_found(format!("there is no experiment named {name:?} in project {project}")))
            .and_then(state::experiment)
    }

    /// The experiments of a project, oldest first.
    ///
    /// # Errors
    /// `NotFound` if the project is not there.
    pub fn list(&self, project: &ProjectId) -> Result<Listing<Experiment>> {
        let row = self.state.row(EntityKind::Project, project.as_str(), self.at)?;
        Ok(Listing::new(Arc::clone(self.state), self.at, Scope::Under(row)))
    }
}

/// Experiments inside a write.
pub struct ExperimentsMut<'w, 'a>(&'w mut Txn<'a>);

impl<'w, 'a> ExperimentsMut<'w, 'a> {
    pub(crate) fn new(txn: &'w mut Txn<'a>) -> Self {
        ExperimentsMut(txn)
    }

    /// Creates an experiment in a project.
    ///
    /// # Errors
    /// `NotFound` if the project is not there; `AlreadyExists` if its name is taken in the project, or its id
    /// ever was; `InvalidArgument` if a name, tag or key breaks a rule.
    pub fn create(&mut self, project: &ProjectId, new: NewExperiment) -> Result<ExperimentId> {
        let parent = self.0.require(EntityKind::Project, project.as_str())?;
        let id = self.create_one(parent, project, new)?;
        self.0.end("experiment.create")?;
        Ok(id)
    }

    /// Creates experiments in one operation: all of them, or an error.
    ///
    /// # Errors
    /// Those of [`create`](Self::create). After one, the write can only be taken back.
    pub fn create_many(
        &mut self,
        project: &ProjectId,
        new: impl IntoIterator<Item = NewExperiment>,
    ) -> Result<Vec<ExperimentId>> {
        let parent = self.0.require(EntityKind::Project, project.as_str())?;
        let mut ids = Vec::new();
        for new in new {
            let id = self.create_one(parent, project, new);
            ids.push(if ids.is_empty() { id? } else { self.0.keep(id)? });
            self.0.spill_if_large()?;
        }
        self.0.end("experiment.create_many")?;
        Ok(ids)
    }

    fn create_one(
        &mut self,
        parent: Row,
        project: &ProjectId,
        NewExperiment(mut experiment): NewExperiment,
    ) -> Result<ExperimentId> {
        rules::check_tags(&mut experiment.tags)?;
        names::check_name(KIND, &experiment.name)?;
        rules::check_key_values(&mut experiment.attributes)?;
        rules::check_artifacts(&mut experiment.artifacts)?;
        if experiment.name.is_empty() {
            experiment.name = rules::random_name(self.0, &|name| Ok(self.row_by_name(parent, name)?.is_some()))?;
        } else if self.row_by_name(parent, &experiment.name)?.is_some() {
            return Err(Error::exists(format!("an experiment named {:?} exists already", experiment.name)));
        }
        experiment.id = ExperimentId::new(self.0.new_id(KIND, experiment.id.as_str())?)?;
        experiment.project_id = project.clone();
        rules::owner(self.0, &mut experiment.owner, experiment.owner_tracking.as_ref());
        if experiment.date_created.millis() == 0 {
            experiment.date_created = self.0.time();
        }
        experiment.date_updated = experiment.date_created;
        experiment.version_number = 1;
        let id = experiment.id.clone();
        self.0.create(Entity::Experiment(experiment), Parents::Project(parent))?;
        Ok(id)
    }

    fn row_by_name(&self, project: Row, name: &str) -> Result<Option<Row>> {
        self.0.named(KIND, self.0.common().hashing.child_name(KIND, project, name), name)
    }

    /// The experiment of a name in a project, created if there is none.
    ///
    /// # Errors
    /// `NotFound` if the project is not there; `InvalidArgument` if the name breaks a rule.
    pub fn get_or_create(&mut self, project: &ProjectId, name: &str) -> Result<ExperimentId> {
        let parent = self.0.require(EntityKind::Project, project.as_str())?;
        match self.row_by_name(parent, name)? {
            Some(row) if !name.is_empty() => ExperimentId::try_from(self.0.entity_id(KIND, row)?),
            _ => self.create(project, NewExperiment::named(name)),
        }
    }

    /// The experiment of an id, as this write sees it.
    ///
    /// # Errors
    /// `NotFound` if there is none, or it or its project is deleted.
    pub fn get(&mut self, id: &ExperimentId) -> Result<Experiment> {
        let row = self.0.require(KIND, id.as_str())?;
        state::experiment(self.0.load(KIND, row)?.clone())
    }

    /// Renames an experiment; an empty name asks for a random one.
    ///
    /// # Errors
    /// `NotFound`; `AlreadyExists` if another experiment of the project has the name; `InvalidArgument`.
    pub fn rename(&mut self, id: &ExperimentId, name: &str) -> Result<()> {
        names::check_name(KIND, name)?;
        let row = self.0.require(KIND, id.as_str())?;
        let project = self.0.load(KIND, row)?.parents.direct();
        let name = if name.is_empty() {
            rules::random_name(self.0, &|name| Ok(self.row_by_name(project, name)?.is_some()))?
        } else {
            if self.row_by_name(project, name)?.is_some_and(|other| other != row) {
                return Err(Error::exists(format!("an experiment named {name:?} exists already")));
            }
            name.to_owned()
        };
        self.0.edit("experiment.rename", KIND, row, vec![(Field::Name, Some(FieldValue::Text(name)))])
    }

    /// Replaces the description; it may be empty.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn describe(&mut self, id: &ExperimentId, text: impl Into<String>) -> Result<()> {
        rules::describe(self.0, "experiment.describe", KIND, id.as_str(), text.into())
    }

    /// Adds tags; those that are there stay.
    ///
    /// # Errors
    /// `NotFound`; `InvalidArgument` for no tag, an empty or a long one.
    pub fn add_tags<T: Into<String>>(&mut self, id: &ExperimentId, tags: impl IntoIterator<Item = T>) -> Result<()> {
        let tags = tags.into_iter().map(Into::into).collect();
        rules::add_tags(self.0, "experiment.add_tags", KIND, id.as_str(), tags)
    }

    /// Logs attributes, all or none.
    ///
    /// # Errors
    /// `NotFound`; `AlreadyExists` if a key is there; `InvalidArgument` for an empty or a repeated key.
    pub fn log_attributes<T: Into<KeyValue>>(
        &mut self,
        id: &ExperimentId,
        entries: impl IntoIterator<Item = T>,
    ) -> Result<()> {
        let entries = entries.into_iter().map(Into::into).collect();
        rules::log_key_values(self.0, "experiment.log_attributes", KIND, id.as_str(), Container::Attributes, entries)
    }

    /// Logs where the code came from, once.
    ///
    /// # Errors
    /// `NotFound`; `AlreadyExists` if it is logged already.
    pub fn log_code_version(&mut self, id: &ExperimentId, code: CodeVersion) -> Result<()> {
        rules::log_code_version(self.0, "experiment.log_code_version", KIND, id.as_str(), code, false)
    }

    /// Deletes an experiment: it and its runs are hidden at once, and its name is free.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn delete(&mut self, id: &ExperimentId) -> Result<()> {
        rules::delete(self.0, "experiment.delete", KIND, id.as_str())
    }
}
