//! Projects: the calls a user makes, and their rules (ModelDB 5.1).

use crate::entity::listing::{Listing, Scope};
use crate::entity::rules::{self, Container};
use crate::entity::state::{self, State};
use crate::entity::txn::Txn;
use crate::error::{Error, Result};
use crate::id::{EntityKind, ProjectId, Row, Sequence};
use crate::log::change::{Field, FieldValue};
use crate::model::{CodeVersion, Entity, KeyValue, NewProject, Parents, Project};
use crate::names;
use std::sync::Arc;

const KIND: EntityKind = EntityKind::Project;

/// Projects on a snapshot.
#[derive(Clone)]
pub struct Projects<'s> {
    state: &'s Arc<State>,
    at: Sequence,
}

impl<'s> Projects<'s> {
    pub(crate) fn new(state: &'s Arc<State>, at: Sequence) -> Self {
        Projects { state, at }
    }

    /// The project of an id. Two lookups.
    ///
    /// # Errors
    /// `NotFound` if there is none or it is deleted.
    pub fn get(&self, id: &ProjectId) -> Result<Project> {
        self.state.get(KIND, id.as_str(), self.at).and_then(state::project)
    }

    /// The project of a name in the default workspace.
    ///
    /// # Errors
    /// `NotFound` if there is none or it is deleted.
    pub fn get_by_name(&self, name: &str) -> Result<Project> {
        self.get_by_name_in("", name)
    }

    /// The project of a name in a workspace.
    ///
    /// # Errors
    /// `NotFound` if there is none or it is deleted.
    pub fn get_by_name_in(&self, workspace: &str, name: &str) -> Result<Project> {
        let key = self.state.common.hashing.project_name(workspace, name);
        let found = self.state.get_by_name(KIND, key, name, self.at)?;
        // Two workspaces that share a hash are told apart here.
        let found = found.map(state::project).transpose()?.filter(|project| project.workspace == workspace);
        found.ok_or_else(|| Error::not_found(format!("there is no project named {name:?}")))
    }

    /// All projects, oldest first.
    pub fn list(&self) -> Listing<Project> {
        Listing::new(Arc::clone(self.state), self.at, Scope::All)
    }
}

/// Projects inside a write.
pub struct ProjectsMut<'w, 'a>(&'w mut Txn<'a>);

impl<'w, 'a> ProjectsMut<'w, 'a> {
    pub(crate) fn new(txn: &'w mut Txn<'a>) -> Self {
        ProjectsMut(txn)
    }

    /// Creates a project.
    ///
    /// # Errors
    /// `AlreadyExists` if its name is taken in the workspace, or its id ever was; `InvalidArgument` if a name,
    /// tag or key breaks a rule.
    pub fn create(&mut self, new: NewProject) -> Result<ProjectId> {
        let id = self.create_one(new)?;
        self.0.end("project.create")?;
        Ok(id)
    }

    /// Creates projects in one operation: all of them, or an error.
    ///
    /// # Errors
    /// Those of [`create`](Self::create). After one, the write can only be taken back.
    pub fn create_many(&mut self, new: impl IntoIterator<Item = NewProject>) -> Result<Vec<ProjectId>> {
        let mut ids = Vec::new();
        for new in new {
            let id = self.create_one(new);
            ids.push(if ids.is_empty() { id? } else { self.0.keep(id)? });
            self.0.spill_if_large()?;
        }
        self.0.end("project.create_many")?;
        Ok(ids)
    }

    fn create_one(&mut self, NewProject(mut project): NewProject) -> Result<ProjectId> {
        rules::check_tags(&mut project.tags)?;
        names::check_name(KIND, &project.name)?;
        rules::check_key_values(&mut project.attributes)?;
        rules::check_artifacts(&mut project.artifacts)?;
        if project.name.is_empty() {
            let workspace = project.workspace.as_str();
            project.name = rules::random_name(self.0, &|name| Ok(self.row_by_name(workspace, name)?.is_some()))?;
        } else if self.row_by_name(&project.workspace, &project.name)?.is_some() {
            return Err(Error::exists(format!("a project named {:?} exists already", project.name)));
        }
        project.id = ProjectId::new(self.0.new_id(KIND, project.id.as_str())?)?;
        rules::owner(self.0, &mut project.owner, project.owner_tracking.as_ref());
        project.short_name = names::short_name(&project.name);
        if project.date_created.millis() == 0 {
            project.date_created = self.0.time();
        }
        project.date_updated = project.date_created;
        project.version_number = 1;
        let id = project.id.clone();
        self.0.create(Entity::Project(project), Parents::None)?;
        Ok(id)
    }

    fn row_by_name(&self, workspace: &str, name: &str) -> Result<Option<Row>> {
        self.0.named(KIND, self.0.common().hashing.project_name(workspace, name), name)
    }

    /// The project of a name in the default workspace, created if there is none.
    ///
    /// # Errors
    /// `InvalidArgument` if the name breaks a rule.
    pub fn get_or_create(&mut self, name: &str) -> Result<ProjectId> {
        match self.row_by_name("", name)? {
            Some(row) if !name.is_empty() => ProjectId::try_from(self.0.entity_id(KIND, row)?),
            _ => self.create(NewProject::named(name)),
        }
    }

    /// The project of an id, as this write sees it.
    ///
    /// # Errors
    /// `NotFound` if there is none or it is deleted.
    pub fn get(&mut self, id: &ProjectId) -> Result<Project> {
        let row = self.0.require(KIND, id.as_str())?;
        state::project(self.0.load(KIND, row)?.clone())
    }

    /// Renames a project; an empty name asks for a random one. The short name stays.
    ///
    /// # Errors
    /// `NotFound`; `AlreadyExists` if another project of the workspace has the name; `InvalidArgument`.
    pub fn rename(&mut self, id: &ProjectId, name: &str) -> Result<()> {
        names::check_name(KIND, name)?;
        let row = self.0.require(KIND, id.as_str())?;
        let workspace = state::project(self.0.load(KIND, row)?.clone())?.workspace;
        let name = if name.is_empty() {
            rules::random_name(self.0, &|name| Ok(self.row_by_name(&workspace, name)?.is_some()))?
        } else {
            if self.row_by_name(&workspace, name)?.is_some_and(|other| other != row) {
                return Err(Error::exists(format!("a project named {name:?} exists already")));
            }
            name.to_owned()
        };
        self.0.edit("project.rename", KIND, row, vec![(Field::Name, Some(FieldValue::Text(name)))])
    }

    /// Replaces the description; it may be empty.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn describe(&mut self, id: &ProjectId, text: impl Into<String>) -> Result<()> {
        rules::describe(self.0, "project.describe", KIND, id.as_str(), text.into())
    }

    /// Adds tags; those that are there stay.
    ///
    /// # Errors
    /// `NotFound`; `InvalidArgument` for no tag, an empty or a long one.
    pub fn add_tags<T: Into<String>>(&mut self, id: &ProjectId, tags: impl IntoIterator<Item = T>) -> Result<()> {
        let tags = tags.into_iter().map(Into::into).collect();
        rules::add_tags(self.0, "project.add_tags", KIND, id.as_str(), tags)
    }

    /// Logs attributes, all or none.
    ///
    /// # Errors
    /// `NotFound`; `AlreadyExists` if a key is there; `InvalidArgument` for an empty or a repeated key.
    pub fn log_attributes<T: Into<KeyValue>>(
        &mut self,
        id: &ProjectId,
        entries: impl IntoIterator<Item = T>,
    ) -> Result<()> {
        let entries = entries.into_iter().map(Into::into).collect();
        rules::log_key_values(self.0, "project.log_attributes", KIND, id.as_str(), Container::Attributes, entries)
    }

    /// Logs where the code came from, once.
    ///
    /// # Errors
    /// `NotFound`; `AlreadyExists` if it is logged already.
    pub fn log_code_version(&mut self, id: &ProjectId, code: CodeVersion) -> Result<()> {
        rules::log_code_version(self.0, "project.log_code_version", KIND, id.as_str(), code, false)
    }

    /// Deletes a project: it and everything under it is hidden at once, and its name is free.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn delete(&mut self, id: &ProjectId) -> Result<()> {
        rules::delete(self.0, "project.delete", KIND, id.as_str())
    }
}
