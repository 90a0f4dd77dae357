//! Projects: the calls a user makes, and their rules (ModelDB 5.1).

use std::sync::Arc;

use crate::entity::artifacts;
use crate::entity::copies::{self, CopyOptions};
use crate::entity::deletion::{self, Missing};
use crate::entity::entries::{self, Container, On};
use crate::entity::find::Find;
use crate::entity::listing::{Listing, Scope};
use crate::entity::rules;
use crate::entity::shared::shared_calls;
use crate::entity::state::{self, State};
use crate::entity::summary::{self, ProjectSummary};
use crate::entity::txn::Txn;
use crate::error::{Error, Result};
use crate::id::{EntityKind, ProjectId, Row, Sequence};
use crate::log::change::{Field, FieldValue};
use crate::model::{Artifact, CodeVersion, Entity, KeyValue, NewProject, Parents, Project};
use crate::names;
use crate::query::text::IntoFilter;

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

    /// The projects that match a filter, or the text of one, to be narrowed and ordered; without an order the newest
    /// come first. An empty text is all of them.
    ///
    /// # Errors
    /// `InvalidArgument` if the filter asks what projects have not, see [`Filter::check`](crate::Filter::check), and
    /// for a text that is no filter; `LimitExceeded` as for [`Filter::parse`](crate::Filter::parse).
    pub fn find(&self, filter: impl IntoFilter) -> Result<Find<Project>> {
        Find::new(Arc::clone(self.state), self.at, filter.into_filter()?)
    }

    /// A project in figures: how much it holds, what changed last, the range of each metric. Reads every run.
    ///
    /// # Errors
    /// `NotFound` if the project is not there.
    pub fn summary(&self, id: &ProjectId) -> Result<ProjectSummary> {
        summary::summary(self.state, self.at, id)
    }

    /// How many different ids the artifacts and datasets of a project's runs link to. Reads every run.
    ///
    /// # Errors
    /// `NotFound` if the project is not there.
    pub fn dataset_count(&self, id: &ProjectId) -> Result<u64> {
        summary::dataset_count(self.state, self.at, id)
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
        let mut new = new.into_iter();
        while let Some(new) = self.0.draft.whole(|_| new.next()) {
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
        artifacts::check(&mut project.artifacts)?;
        if project.name.is_empty() {
            let workspace = project.workspace.as_str();
            project.name = rules::random_name(self.0, &|name| Ok(self.row_by_name(workspace, name)?.is_some()))?;
        } else if self.row_by_name(&project.workspace, &project.name)?.is_some() {
            return Err(Error::exists(format!("a project named {:?} exists already", project.name)));
        }
        project.id = ProjectId::new(self.0.new_id(KIND, project.id.as_str())?)?;
        artifacts::complete(self.0, KIND, project.id.as_str(), &mut project.artifacts)?;
        artifacts::require_bytes(self.0, project.code_version_snapshot.iter().filter_map(CodeVersion::blob))?;
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

    /// The project of an id, as this write sees it, with a date of its own: what is under it lifts that of snapshots.
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

    /// Replaces the readme; it may be empty.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn set_readme(&mut self, id: &ProjectId, text: impl Into<String>) -> Result<()> {
        let text = Some(FieldValue::Text(text.into()));
        on(id, "project.set_readme").edit(self.0, vec![(Field::ReadmeText, text)])
    }

    /// Sets the short name. No index has them: the records of all projects are read, which are few.
    ///
    /// # Errors
    /// `NotFound`; `InvalidArgument` if it is empty, longer than
    /// [`SHORT_NAME_CHARS`](crate::limits::SHORT_NAME_CHARS), or has other characters than `A-Z a-z 0-9 _ . -`;
    /// `AlreadyExists` if another project has it.
    pub fn set_short_name(&mut self, id: &ProjectId, short_name: &str) -> Result<()> {
        if short_name.is_empty() || names::short_name(short_name) != short_name {
            return Err(Error::invalid(format!("{short_name:?} is not the short name of a project")));
        }
        let row = self.0.require(KIND, id.as_str())?;
        let mut taken = false;
        self.0.each_child(KIND, Row(0), &mut |_, stored| {
            taken |= stored.row != row && state::project(stored)?.short_name == short_name;
            Ok(())
        })?;
        if taken {
            return Err(Error::exists(format!("another project has the short name {short_name:?}")));
        }
        let value = Some(FieldValue::Text(short_name.to_owned()));
        self.0.edit("project.set_short_name", KIND, row, vec![(Field::ShortName, value)])
    }

    /// Copies a project with its experiments and runs, as they are in this write: under new ids, owned by the
    /// actor, all else as it was, version numbers and dates of their own too. A run that is part of another one of the
    /// project is part of that one's copy. Artifacts keep their paths, and so share their bytes.
    ///
    /// One operation, in bounded memory. Reads every record twice.
    ///
    /// # Errors
    /// `NotFound`; `AlreadyExists` or `InvalidArgument` if the copy is to have a name that is taken or too long.
    pub fn deep_copy(&mut self, id: &ProjectId, options: CopyOptions) -> Result<ProjectId> {
        copies::deep_copy(self.0, on(id, "project.deep_copy"), options)
    }

    /// Deletes a project: it and everything under it is hidden at once, and its name is free.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn delete(&mut self, id: &ProjectId) -> Result<()> {
        deletion::delete(self.0, on(id, "project.delete"))
    }

    /// Deletes projects in one operation: all of them, or an error. Answers how many.
    ///
    /// # Errors
    /// `NotFound` if one of them is not there; `InvalidArgument` for no id.
    pub fn delete_many<'i>(&mut self, ids: impl IntoIterator<Item = &'i ProjectId>) -> Result<u64> {
        let ids = ids.into_iter().map(ProjectId::as_str);
        deletion::delete_many(self.0, "project.delete_many", KIND, ids, Missing::Refuse)
    }
}

shared_calls!(ProjectsMut, ProjectId, "project");
