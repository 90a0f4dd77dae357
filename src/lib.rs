//! An embedded storage engine for machine-learning metadata.

mod audit;
mod codec;
mod entity;
mod error;
mod id;
mod keys;
pub mod limits;
mod log;
mod model;
mod names;
mod options;
mod snapshot;
mod storage;
mod store;
mod time;
mod value;
mod watch;
mod write;

pub use audit::Audit;
pub use entity::experiment::{Experiments, ExperimentsMut};
pub use entity::listing::{Cursor, Listed, Listing, ListingIter, Page};
pub use entity::project::{Projects, ProjectsMut};
pub use entity::run::{Runs, RunsMut};
pub use entity::view::{RunGuard, RunView};
pub use error::{Error, ErrorKind, Result};
pub use id::{ChangeId, EntityId, EntityKind, ExperimentId, ProjectId, RunId, Sequence};
pub use log::chain::{Hash, Head};
pub use log::change::{Change, Edit, Fact, Field, FieldValue};
pub use log::commit::{Commit, Operation};
pub use log::history::HistoryEntry;
pub use log::verify::{AuditFault, AuditReport};
pub use model::{
    Actor, ActorKind, Artifact, ArtifactType, Code, CodeVersion, CollaboratorPermissions, CollaboratorType,
    DockerEnvironment, Entity, Environment, EnvironmentContent, EnvironmentVariable, Experiment, Feature, GitSnapshot,
    GroupId, KeyValue, KeyValues, Location, NewExperiment, NewProject, NewRun, Observation, OwnerTracking, Project,
    PythonEnvironment, PythonRequirement, Run, SoftwareVersion, Ternary, ValueType, VersionedInputs, Visibility,
};
pub use options::{Durability, Options};
pub use snapshot::{At, Changes, History, Snapshot};
pub use store::{Stats, Store};
pub use time::{Clock, Entropy, ManualClock, SeededEntropy, SystemClock, SystemEntropy, Timestamp};
pub use value::{Value, ValueRef};
pub use watch::{Watch, Watched};
pub use write::{Once, Write};

/// Tools to test programs that embed a store (feature `simulation`).
#[cfg(feature = "simulation")]
pub mod simulation {
    pub use crate::storage::simulated::{Fault, IoCounts, Keep, SimulatedDisk};
}
