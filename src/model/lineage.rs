use std::fmt;

use crate::id::{EdgeId, RunId};
use crate::time::Timestamp;

/// An end of an edge of the lineage (ModelDB's `LineageEntry`).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum LineageEntry {
    /// A run.
    Run(RunId),
    /// A version of a dataset, by its id.
    DatasetVersion(String),
}

impl LineageEntry {
    /// The id, of whatever kind.
    pub fn id(&self) -> &str {
        match self {
            LineageEntry::Run(id) => id.as_str(),
            LineageEntry::DatasetVersion(id) => id,
        }
    }

    /// ModelDB's number of the type.
    pub(crate) fn code(&self) -> u8 {
        match self {
            LineageEntry::Run(_) => 1,
            LineageEntry::DatasetVersion(_) => 2,
        }
    }
}

impl Default for LineageEntry {
    fn default() -> Self {
        LineageEntry::DatasetVersion(String::new())
    }
}

impl From<RunId> for LineageEntry {
    fn from(id: RunId) -> Self {
        LineageEntry::Run(id)
    }
}

impl From<&RunId> for LineageEntry {
    fn from(id: &RunId) -> Self {
        LineageEntry::Run(id.clone())
    }
}

impl fmt::Display for LineageEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LineageEntry::Run(id) => write!(f, "run {id}"),
            LineageEntry::DatasetVersion(id) => write!(f, "dataset version {id}"),
        }
    }
}

/// One edge of the lineage: `output` was made from `input`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct LineageEdge {
    /// Its id.
    pub id: EdgeId,
    /// What was used.
    pub input: LineageEntry,
    /// What was made of it.
    pub output: LineageEntry,
    /// When it was added.
    pub date_created: Timestamp,
    /// When it was last changed: added or removed.
    pub date_updated: Timestamp,
    /// 1 at creation, one more with each operation that changes it.
    pub version_number: u64,
}
