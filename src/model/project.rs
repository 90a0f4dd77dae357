use crate::id::ProjectId;
use crate::model::artifact;
use crate::model::{Artifact, CodeVersion, KeyValue, KeyValues, OwnerTracking, Ternary};
use crate::time::Timestamp;
use crate::value::Value;

/// A project (ModelDB's `Project`).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Project {
    /// Its id.
    pub id: ProjectId,
    /// Its name, unique within the workspace among projects that are not deleted.
    pub name: String,
    /// Free text.
    pub description: String,
    /// When it was created: the caller's date, or the commit's time.
    pub date_created: Timestamp,
    /// When it was last changed; never goes backwards.
    pub date_updated: Timestamp,
    /// Derived from the name at creation; can be set.
    pub short_name: String,
    /// Free text.
    pub readme_text: String,
    /// The workspace; empty is the default one.
    pub workspace: String,
    /// The workspace's number at the host; 0 without one.
    pub workspace_service_id: u64,
    /// Who may see it.
    pub visibility: Visibility,
    /// Meaningful with [`Visibility::OrgCustom`] only.
    pub custom_permission: Option<CollaboratorPermissions>,
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
    /// 1 at creation, one more with each operation that changes the project.
    pub version_number: u64,
}

impl Project {
    /// The artifact of a key. Binary search.
    pub fn artifact(&self, key: &str) -> Option<&Artifact> {
        artifact::of_key(&self.artifacts, key)
    }
}

/// Who may see an entity (ModelDB's `ResourceVisibility`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Visibility {
    /// Its owner: what a store without workspaces derives when nothing is said.
    #[default]
    Private,
    /// The organisation's default.
    OrgDefault,
    /// As [`Project::custom_permission`] says.
    OrgCustom,
    /// The workspace's default.
    WorkspaceDefault,
}

/// What others may do (ModelDB's `CollaboratorPermissions`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
#[allow(missing_docs)]
pub struct CollaboratorPermissions {
    pub collaborator_type: CollaboratorType,
    pub can_deploy: Ternary,
    pub can_predict: Ternary,
}

/// Read, or read and write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
#[allow(missing_docs)]
pub enum CollaboratorType {
    #[default]
    ReadOnly,
    ReadWrite,
}

/// What a project is created from.
#[derive(Debug, Clone, Default)]
pub struct NewProject(pub(crate) Project);

impl NewProject {
    /// A project without a name: it is given a random one.
    pub fn new() -> Self {
        NewProject::default()
    }

    /// A project of this name.
    pub fn named(name: impl Into<String>) -> Self {
        NewProject::new().name(name)
    }
}

macro_rules! common_setters {
    ($new:ident, $id:ident) => {
        impl $new {
            /// The id, instead of a UUIDv7 given by the store.
            #[must_use]
            pub fn id(mut self, id: impl Into<$id>) -> Self {
                self.0.id = id.into();
                self
            }

            /// The name; empty asks for a random one.
            #[must_use]
            pub fn name(mut self, name: impl Into<String>) -> Self {
                self.0.name = name.into();
                self
            }

            /// The description.
            #[must_use]
            pub fn description(mut self, text: impl Into<String>) -> Self {
                self.0.description = text.into();
                self
            }

            /// The date of creation, kept verbatim, instead of the commit's time; 0 is the same as none.
            #[must_use]
            pub fn date_created(mut self, when: Timestamp) -> Self {
                self.0.date_created = when;
                self
            }

            /// Adds an attribute.
            #[must_use]
            pub fn attribute(mut self, key: impl Into<String>, value: impl Into<Value>) -> Self {
                self.0.attributes.push(KeyValue::new(key, value));
                self
            }

            /// Adds attributes.
            #[must_use]
            pub fn attributes<T: Into<KeyValue>>(mut self, entries: impl IntoIterator<Item = T>) -> Self {
                entries.into_iter().for_each(|entry| self.0.attributes.push(entry.into()));
                self
            }

            /// Adds a tag.
            #[must_use]
            pub fn tag(mut self, tag: impl Into<String>) -> Self {
                self.0.tags.push(tag.into());
                self
            }

            /// Adds tags.
            #[must_use]
            pub fn tags<T: Into<String>>(mut self, tags: impl IntoIterator<Item = T>) -> Self {
                self.0.tags.extend(tags.into_iter().map(Into::into));
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

            /// Adds an artifact's metadata.
            #[must_use]
            pub fn artifact(mut self, artifact: Artifact) -> Self {
                self.0.artifacts.push(artifact);
                self
            }
        }
    };
}
pub(super) use common_setters;

common_setters!(NewProject, ProjectId);

impl NewProject {
    /// The readme.
    #[must_use]
    pub fn readme_text(mut self, text: impl Into<String>) -> Self {
        self.0.readme_text = text.into();
        self
    }

    /// The workspace; empty is the default one.
    #[must_use]
    pub fn workspace(mut self, workspace: impl Into<String>) -> Self {
        self.0.workspace = workspace.into();
        self
    }

    /// Who may see it.
    #[must_use]
    pub fn visibility(mut self, visibility: Visibility) -> Self {
        self.0.visibility = visibility;
        self
    }

    /// What others may do.
    #[must_use]
    pub fn custom_permission(mut self, permission: CollaboratorPermissions) -> Self {
        self.0.custom_permission = Some(permission);
        self
    }
}

impl CollaboratorPermissions {
    /// Permissions of this type; deployment and prediction not decided.
    pub fn new(collaborator_type: CollaboratorType) -> Self {
        CollaboratorPermissions { collaborator_type, ..CollaboratorPermissions::default() }
    }
}
