//! Typed ids, sequence numbers, and the rows behind them.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

use crate::error::{Error, Result};

/// Position of a commit in the log: 1 for the first, without holes. 0 stands before the first commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Sequence(u64);

impl Sequence {
    /// Before the first commit.
    pub const ZERO: Sequence = Sequence(0);

    /// The sequence number `value`.
    pub const fn new(value: u64) -> Self {
        Sequence(value)
    }

    /// The number.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The one after this.
    #[must_use]
    pub const fn next(self) -> Self {
        Sequence(self.0.saturating_add(1))
    }
}

impl fmt::Display for Sequence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Place of one change in the log: the commit, and the change's position in it from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[non_exhaustive]
pub struct ChangeId {
    /// The commit.
    pub sequence: Sequence,
    /// The position within the commit.
    pub index: u32,
}

impl ChangeId {
    pub(crate) const fn new(sequence: Sequence, index: u32) -> Self {
        ChangeId { sequence, index }
    }
}

impl fmt::Display for ChangeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.sequence, self.index)
    }
}

/// Dense number of an entity within its kind. Internal: never stored outside tables and bitmaps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Row(pub(crate) u32);

/// The kinds of entities the store has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum EntityKind {
    /// A project.
    Project,
    /// An experiment of a project.
    Experiment,
    /// A run of an experiment (ModelDB's `ExperimentRun`).
    Run,
    /// A comment on a run.
    Comment,
    /// A job that makes runs.
    Job,
    /// An edge of the lineage.
    LineageEdge,
}

/// One thing for each kind.
pub(crate) type PerKind<T> = [T; EntityKind::COUNT];

impl EntityKind {
    pub(crate) const COUNT: usize = 6;

    pub(crate) const ALL: PerKind<EntityKind> = [
        EntityKind::Project,
        EntityKind::Experiment,
        EntityKind::Run,
        EntityKind::Comment,
        EntityKind::Job,
        EntityKind::LineageEdge,
    ];

    pub(crate) const fn code(self) -> u8 {
        match self {
            EntityKind::Project => 1,
            EntityKind::Experiment => 2,
            EntityKind::Run => 3,
            EntityKind::Comment => 4,
            EntityKind::Job => 5,
            EntityKind::LineageEdge => 6,
        }
    }

    pub(crate) fn from_code(code: u64) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| u64::from(kind.code()) == code)
    }

    pub(crate) fn index(self) -> usize {
        usize::from(self.code()) - 1
    }
}

impl fmt::Display for EntityKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            EntityKind::Project => "project",
            EntityKind::Experiment => "experiment",
            EntityKind::Run => "run",
            EntityKind::Comment => "comment",
            EntityKind::Job => "job",
            EntityKind::LineageEdge => "lineage edge",
        })
    }
}

macro_rules! id_type {
    ($(#[$doc:meta])* $name:ident, $kind:ident) => {
        $(#[$doc])*
        ///
        /// Any non-empty text of the caller's, or a UUIDv7 given by the store. Cheap to clone.
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The id `text`.
            ///
            /// # Errors
            /// `InvalidArgument` if the text is empty.
            pub fn new(text: impl Into<Arc<str>>) -> Result<Self> {
                let text = text.into();
                if text.is_empty() {
                    return Err(Error::invalid(concat!("the ", stringify!($kind), " id is empty")));
                }
                Ok($name(text))
            }

            /// The id as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({:?})"), &*self.0)
            }
        }

        impl std::str::FromStr for $name {
            type Err = Error;
            fn from_str(text: &str) -> Result<Self> {
                Self::new(text)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl From<&$name> for $name {
            fn from(id: &$name) -> $name {
                id.clone()
            }
        }

        impl From<$name> for EntityId {
            fn from(id: $name) -> EntityId {
                EntityId { kind: EntityKind::$kind, id: id.0 }
            }
        }

        impl From<&$name> for EntityId {
            fn from(id: &$name) -> EntityId {
                EntityId { kind: EntityKind::$kind, id: Arc::clone(&id.0) }
            }
        }

        impl TryFrom<EntityId> for $name {
            type Error = Error;
            fn try_from(id: EntityId) -> Result<Self> {
                if id.kind != EntityKind::$kind {
                    return Err(Error::invalid(format!(
                        concat!("{} is no ", stringify!($kind)), id
                    )));
                }
                Ok($name(id.id))
            }
        }

        impl Default for $name {
            /// The empty id, which names nothing; it is what an unset field holds.
            fn default() -> Self {
                $name(Arc::from(""))
            }
        }
    };
}

id_type!(
    /// Id of a project.
    ProjectId, Project
);
id_type!(
    /// Id of an experiment.
    ExperimentId, Experiment
);
id_type!(
    /// Id of a run.
    RunId, Run
);
id_type!(
    /// Id of a comment.
    CommentId, Comment
);
id_type!(
    /// Id of a job.
    JobId, Job
);
id_type!(
    /// Id of an edge of the lineage.
    EdgeId, LineageEdge
);

/// Id of an entity of any kind: what the log speaks of.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntityId {
    kind: EntityKind,
    id: Arc<str>,
}

impl EntityId {
    pub(crate) fn new(kind: EntityKind, id: impl Into<Arc<str>>) -> Self {
        EntityId { kind, id: id.into() }
    }

    /// The kind of the entity.
    pub fn kind(&self) -> EntityKind {
        self.kind
    }

    /// The id within the kind.
    pub fn as_str(&self) -> &str {
        &self.id
    }
}

impl From<&EntityId> for EntityId {
    fn from(id: &EntityId) -> EntityId {
        id.clone()
    }
}

impl fmt::Display for EntityId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind, self.id)
    }
}
