//! The entities and their parts, as plain values: no storage, no encoding.
//!
//! Fields and meanings are ModelDB's; names and shapes are Rust's. Lists that ModelDB returns sorted
//! are sorted here too.

mod actor;
mod artifact;
mod code;
mod comment;
mod entity;
mod environment;
mod experiment;
mod job;
mod key_value;
mod lineage;
mod owner;
mod project;
mod requirements;
mod run;
mod run_status;
pub(crate) mod series;
mod versioned_input;

pub use actor::{Actor, ActorKind};
pub use artifact::{Artifact, ArtifactPart, ArtifactType, BlobRef, Upload};
pub use code::{Code, CodeVersion, GitSnapshot, Ternary};
pub use comment::{Comment, NewComment};
pub use entity::Entity;
pub(crate) use entity::{Parents, Stored};
pub use environment::{
    DockerEnvironment, Environment, EnvironmentContent, EnvironmentVariable, PythonEnvironment, PythonRequirement,
    SoftwareVersion,
};
pub use experiment::{Experiment, NewExperiment};
pub use job::{Job, JobStatus, JobType, NewJob};
pub use key_value::{KeyValue, KeyValues, ValueType};
pub use lineage::{LineageEdge, LineageEntry};
pub use owner::{GroupId, OwnerTracking};
pub use project::{CollaboratorPermissions, CollaboratorType, NewProject, Project, Visibility};
pub use run::{Feature, NewRun, Run};
pub use run_status::RunStatus;
pub use series::{NewObservation, Observation, ObservationBucket, ObservationColumns, Series, SeriesEnd};
pub use versioned_input::{Location, VersionedInputs};
