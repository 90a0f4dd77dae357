use std::fmt;

use crate::value::Value;

/// What became of a run, as its [`RunLogger`](crate::RunLogger) told: a run made without one has none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum RunStatus {
    /// It has a logger.
    #[default]
    Running,
    /// It was finished.
    Finished,
    /// It failed: by an error that was told, or by a panic.
    Failed,
    /// Its logger was dropped before it was finished.
    Abandoned,
    /// Its process ended, or closed the store, and had not finished it.
    Crashed,
}

impl RunStatus {
    /// Its name, as queries have it: `running`, `finished`, `failed`, `abandoned` or `crashed`.
    pub fn name(self) -> &'static str {
        match self {
            RunStatus::Running => "running",
            RunStatus::Finished => "finished",
            RunStatus::Failed => "failed",
            RunStatus::Abandoned => "abandoned",
            RunStatus::Crashed => "crashed",
        }
    }
}

impl fmt::Display for RunStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl From<RunStatus> for Value {
    /// Its name: what a filter compares with.
    fn from(status: RunStatus) -> Self {
        Value::from(status.name())
    }
}
