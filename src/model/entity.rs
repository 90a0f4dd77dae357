use crate::id::{ChangeId, EntityId, EntityKind, Row};
use crate::model::{Experiment, KeyValues, Project, Run};
use crate::time::Timestamp;

/// An entity of any kind.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
#[allow(clippy::large_enum_variant)] // Nearly all are runs.
pub enum Entity {
    /// A project.
    Project(Project),
    /// An experiment.
    Experiment(Experiment),
    /// A run.
    Run(Run),
}

/// Calls the same expression on each kind.
macro_rules! each {
    ($entity:expr, $bound:ident => $body:expr) => {
        match $entity {
            Entity::Project($bound) => $body,
            Entity::Experiment($bound) => $body,
            Entity::Run($bound) => $body,
        }
    };
}

impl Entity {
    /// The kind.
    pub fn kind(&self) -> EntityKind {
        match self {
            Entity::Project(_) => EntityKind::Project,
            Entity::Experiment(_) => EntityKind::Experiment,
            Entity::Run(_) => EntityKind::Run,
        }
    }

    /// The id, with the kind.
    pub fn id(&self) -> EntityId {
        each!(self, entity => EntityId::from(&entity.id))
    }

    /// The name.
    pub fn name(&self) -> &str {
        each!(self, entity => &entity.name)
    }

    /// When it was created.
    pub fn date_created(&self) -> Timestamp {
        each!(self, entity => entity.date_created)
    }

    /// When it was last changed.
    pub fn date_updated(&self) -> Timestamp {
        each!(self, entity => entity.date_updated)
    }

    /// 1 at creation, one more with each operation that changes it.
    pub fn version_number(&self) -> u64 {
        each!(self, entity => entity.version_number)
    }

    /// Attributes in ascending order of keys.
    pub fn attributes(&self) -> &KeyValues {
        each!(self, entity => &entity.attributes)
    }

    /// Tags in ascending order.
    pub fn tags(&self) -> &[String] {
        each!(self, entity => &entity.tags)
    }

    pub(crate) fn id_str(&self) -> &str {
        each!(self, entity => entity.id.as_str())
    }

    pub(crate) fn name_mut(&mut self) -> &mut String {
        each!(self, entity => &mut entity.name)
    }

    pub(crate) fn description_mut(&mut self) -> &mut String {
        each!(self, entity => &mut entity.description)
    }

    pub(crate) fn attributes_mut(&mut self) -> &mut KeyValues {
        each!(self, entity => &mut entity.attributes)
    }

    pub(crate) fn tags_mut(&mut self) -> &mut Vec<String> {
        each!(self, entity => &mut entity.tags)
    }

    pub(crate) fn code_version_snapshot_mut(&mut self) -> &mut Option<crate::model::CodeVersion> {
        each!(self, entity => &mut entity.code_version_snapshot)
    }

    pub(crate) fn set_date_updated(&mut self, when: Timestamp) {
        each!(self, entity => entity.date_updated = when);
    }

    pub(crate) fn set_version_number(&mut self, version: u64) {
        each!(self, entity => entity.version_number = version);
    }
}

/// An entity as it is stored: with its place among the others and in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stored {
    pub(crate) entity: Entity,
    pub(crate) row: Row,
    /// Row of its project: its own for a project.
    pub(crate) project: Row,
    /// Row of its experiment: its own for an experiment, 0 for a project.
    pub(crate) experiment: Row,
    /// The change that made it what it is.
    pub(crate) last: ChangeId,
    /// Deleted itself; a deleted parent hides it as well.
    pub(crate) deleted: bool,
}

impl Stored {
    pub(crate) fn kind(&self) -> EntityKind {
        self.entity.kind()
    }
}
