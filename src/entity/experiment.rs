//! Experiments: the calls a user makes, and their rules (ModelDB 5.2).

use std::sync::Arc;

use crate::entity::artifacts;
use crate::entity::deletion::{self, Missing};
use crate::entity::entries::{self, Container, On};
use crate::entity::find::Find;
use crate::entity::listing::{Listing, Scope};
use crate::entity::rules;
use crate::entity::shared::shared_calls;
use crate::entity::state::{self, State};
use crate::entity::txn::Txn;
use crate::error::{Error, Result};
use crate::id::{EntityKind, ExperimentId, ProjectId, Row, Sequence};
use crate::log::change::{Field, FieldValue};
use crate::model::{Artifact, CodeVersion, Entity, Experiment, KeyValue, NewExperiment, Parents};
use crate::names;
use crate::query::text::IntoFilter;

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

    /// The experiments that match a filter, or the text of one, to be narrowed and ordered; without an order the newest
    /// come first. An empty text is all of them.
    ///
    /// # Errors
    /// `InvalidArgument` if the filter asks what experiments have not, see [`Filter::check`](crate::Filter::check), and
    /// for a text that is no filter; `LimitExceeded` as for [`Filter::parse`](crate::Filter::parse).
    pub fn find(&self, filter: impl IntoFilter) -> Result<Find<Experiment>> {
        Find::new(Arc::clone(self.state), self.at, filter.into_filter()?)
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
        let mut new = new.into_iter();
        while let Some(new) = self.0.draft.whole(|_| new.next()) {
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
        artifacts::check(&mut experiment.artifacts)?;
        if experiment.name.is_empty() {
            experiment.name = rules::random_name(self.0, &|name| Ok(self.row_by_name(parent, name)?.is_some()))?;
        } else if self.row_by_name(parent, &experiment.name)?.is_some() {
            return Err(Error::exists(format!("an experiment named {:?} exists already", experiment.name)));
        }
        experiment.id = ExperimentId::new(self.0.new_id(KIND, experiment.id.as_str())?)?;
        experiment.project_id = project.clone();
        artifacts::complete(self.0, KIND, experiment.id.as_str(), &mut experiment.artifacts)?;
        artifacts::require_bytes(self.0, experiment.code_version_snapshot.iter().filter_map(CodeVersion::blob))?;
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

    /// The experiment of an id, as this write sees it, with a date of its own: what is under it lifts that of
    /// snapshots.
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
            self.check_free(project, row, name)?;
            name.to_owned()
        };
        self.0.edit("experiment.rename", KIND, row, vec![(Field::Name, Some(FieldValue::Text(name)))])
    }

    /// Whether no experiment of the project but the one in `row` has the name.
    fn check_free(&self, project: Row, row: Row, name: &str) -> Result<()> {
        match self.row_by_name(project, name)? {
            Some(other) if other != row => Err(Error::exists(format!("an experiment named {name:?} exists already"))),
            _ => Ok(()),
        }
    }

    /// Renames an experiment and replaces its description, in one operation; what is not given stays, and so does
    /// the name if the new one is empty.
    ///
    /// # Errors
    /// Those of [`rename`](Self::rename).
    pub fn update(&mut self, id: &ExperimentId, name: Option<&str>, description: Option<&str>) -> Result<()> {
        names::check_name(KIND, name.unwrap_or_default())?;
        let row = self.0.require(KIND, id.as_str())?;
        let project = self.0.load(KIND, row)?.parents.direct();
        let mut fields = Vec::new();
        if let Some(name) = name.filter(|name| !name.is_empty()) {
            self.check_free(project, row, name)?;
            fields.push((Field::Name, Some(FieldValue::Text(name.to_owned()))));
        }
        if let Some(text) = description {
            fields.push((Field::Description, Some(FieldValue::Text(text.to_owned()))));
        }
        self.0.edit("experiment.update", KIND, row, fields)
    }

    /// Deletes an experiment: it and its runs are hidden at once, and its name is free. As in ModelDB, one that
    /// is not there is ignored; [`delete_many`](Self::delete_many) tells.
    ///
    /// # Errors
    /// `Corrupt` or `Io` if it cannot be read.
    pub fn delete(&mut self, id: &ExperimentId) -> Result<()> {
        deletion::delete_many(self.0, "experiment.delete", KIND, [id.as_str()], Missing::Ignore).map(|_| ())
    }

    /// Deletes experiments in one operation; those that are not there are ignored. Answers how many there were.
    ///
    /// # Errors
    /// `InvalidArgument` for no id.
    pub fn delete_many<'i>(&mut self, ids: impl IntoIterator<Item = &'i ExperimentId>) -> Result<u64> {
        let ids = ids.into_iter().map(ExperimentId::as_str);
        deletion::delete_many(self.0, "experiment.delete_many", KIND, ids, Missing::Ignore)
    }
}

shared_calls!(ExperimentsMut, ExperimentId, "experiment");
