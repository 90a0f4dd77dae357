use crate::id::{ChangeId, EntityId, EntityKind, Row};
use crate::model::{CodeVersion, Comment, Experiment, Job, KeyValues, LineageEdge, Project, Run};
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
    /// A comment.
    Comment(Comment),
    /// A job.
    Job(Job),
    /// An edge of the lineage.
    LineageEdge(LineageEdge),
}

/// Calls the same expression on each kind.
macro_rules! each {
    ($entity:expr, $bound:ident => $body:expr) => {
        match $entity {
            Entity::Project($bound) => $body,
            Entity::Experiment($bound) => $body,
            Entity::Run($bound) => $body,
            Entity::Comment($bound) => $body,
            Entity::Job($bound) => $body,
            Entity::LineageEdge($bound) => $body,
        }
    };
}

/// Calls the same expression on projects, experiments and runs, which share many fields.
macro_rules! tracked {
    ($entity:expr, $bound:ident => $body:expr, else $other:expr) => {
        match $entity {
            Entity::Project($bound) => $body,
            Entity::Experiment($bound) => $body,
            Entity::Run($bound) => $body,
            _ => $other,
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
            Entity::Comment(_) => EntityKind::Comment,
            Entity::Job(_) => EntityKind::Job,
            Entity::LineageEdge(_) => EntityKind::LineageEdge,
        }
    }

    /// The id, with the kind.
    pub fn id(&self) -> EntityId {
        each!(self, entity => EntityId::from(&entity.id))
    }

    /// The name; none of a kind that has no names.
    pub fn name(&self) -> Option<&str> {
        tracked!(self, entity => Some(&entity.name), else None)
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

    /// Attributes in ascending order of keys; none of a kind that has no attributes.
    pub fn attributes(&self) -> Option<&KeyValues> {
        tracked!(self, entity => Some(&entity.attributes), else None)
    }

    /// Tags in ascending order.
    pub fn tags(&self) -> &[String] {
        tracked!(self, entity => &entity.tags, else &[])
    }

    pub(crate) fn id_str(&self) -> &str {
        each!(self, entity => entity.id.as_str())
    }

    pub(crate) fn code_version_snapshot(&self) -> Option<&CodeVersion> {
        tracked!(self, entity => entity.code_version_snapshot.as_ref(), else None)
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
    /// Rows of what it belongs to.
    pub(crate) parents: Parents,
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

/// Rows of what an entity belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Parents {
    /// Of projects, jobs and lineage edges.
    None,
    /// Of an experiment.
    Project(Row),
    /// Of a run.
    Experiment { project: Row, experiment: Row },
    /// Of a comment.
    Run(Row),
}

impl Parents {
    /// The row of the direct parent, under which an entity is listed; 0 without one.
    pub(crate) fn direct(self) -> Row {
        match self {
            Parents::None => Row(0),
            Parents::Project(row) | Parents::Experiment { experiment: row, .. } | Parents::Run(row) => row,
        }
    }
}
