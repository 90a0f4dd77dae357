//! An embedded storage engine for machine-learning metadata: link it, open a folder, and track, version and audit
//! models.
//!
//! It is a library with a store in one file: typed projects, experiments, runs, comments, jobs and lineage, written in
//! transactions, read from snapshots, and told in a hash-chained log of every change. It is **not** a server, a
//! cluster, a vector database or a training framework; servers, command-line tools and notebooks embed it. It is
//! synchronous; a large store keeps a thread for the upkeep of its indexes, and one with loggers a thread that writes
//! for them, unless [`Options::background`] says otherwise.
//!
//! ```
//! use modeldb::{NewRun, Store};
//!
//! # fn main() -> modeldb::Result<()> {
//! # let folder = tempfile::tempdir().unwrap();
//! # let path = folder.path().join("experiments.modeldb");
//! # /*
//! let path = "experiments.modeldb";
//! # */
//! let store = Store::open(&path)?;
//! let run = store.write(|w| {
//!     let wine = w.projects().get_or_create("wine-quality")?;
//!     let forest = w.experiments().get_or_create(&wine, "random-forest")?;
//!     let run = w.runs().create(&forest, NewRun::new().hyperparameter("max_depth", 6).tag("baseline"))?;
//!     w.runs().log_metric(&run, "accuracy", 0.91)?;
//!     Ok(run)
//! })?; // durable from here on
//!
//! let found = store.read().runs().get(&run)?;
//! println!("{}: accuracy {}", found.name, found.metrics.get("accuracy").unwrap());
//! for step in store.read().history(&run)? {
//!     println!("{}", step?.operation.name); // run.log_metrics, run.create
//! }
//! # assert_eq!(found.metrics.get("accuracy"), Some(&0.91.into()));
//! # Ok(())
//! # }
//! ```
//!
//! # The API by task
//!
//! - **Open**: [`Store::open`]; [`Store::options`] for [`Options`]: a cache, an actor, a clock, a check of the file;
//!   [`Store::in_memory`]; [`Store::close`] tells errors that dropping the last handle would swallow.
//! - **Track**: [`Store::write`] runs a closure on a [`Write`]: [`projects`](Write::projects),
//!   [`experiments`](Write::experiments), [`runs`](Write::runs).
//!   - create: [`NewProject`], [`NewExperiment`], [`NewRun`] into `create`, or many at once into
//!     [`create_many`](RunsMut::create_many)
//!   - log: [`log_metric`](RunsMut::log_metric), [`log_hyperparameter`](RunsMut::log_hyperparameter),
//!     [`log_attributes`](RunsMut::log_attributes), [`log_code_version`](RunsMut::log_code_version),
//!     [`set_environment`](RunsMut::set_environment); values are [`Value`]s, lossless
//!   - observe again and again: [`log_observations`](RunsMut::log_observations), read with [`Runs::observations`]; a
//!     [`Series`] sums them up, in [`Run::series`]
//!   - from a training loop: [`Store::start_run`] gives a [`RunLogger`], whose calls wait for nothing and which keeps
//!     [`Run::status`]; [`Store::resume_run`]
//!   - beside: [`log_artifacts`](RunsMut::log_artifacts), [`log_datasets`](RunsMut::log_datasets),
//!     [`set_job_id`](RunsMut::set_job_id), [`set_parent`](RunsMut::set_parent)
//!   - change: `rename`, `describe`, `add_tags`, `set_*` to replace, `delete_*` for what was logged;
//!     [`Write::require_version`] if nobody else did meanwhile
//!   - delete: `delete`, `delete_many`, and `restore`; [`Listing::deleted`] lists what can be
//!   - copy: [`clone_run`](RunsMut::clone_run), [`deep_copy`](ProjectsMut::deep_copy) of a project
//!   - around runs: [`comments`](Write::comments), [`jobs`](Write::jobs), [`lineage`](Write::lineage)
//! - **Read**: [`Store::read`] gives a [`Snapshot`]: [`Projects`], [`Experiments`], [`Runs`].
//!   - one: `get`, `get_by_name`, or without a copy [`Runs::view`] and [`RunGuard::view`]; of what was found:
//!     [`Find::page_views`], [`Find::top_views`]
//!   - many: `list` gives a [`Listing`], an iterator or [pages](Listing::page) with a [`Cursor`]
//! - **Find**: [`Runs::find`], [`Experiments::find`], [`Projects::find`] take a [`Filter`], or its text in
//!   the [query language](guide::query_language), and give a [`Find`]: scopes, [`Order`]s, and at the end a
//!   [page](Find::page) with its total, [`top`](Find::top), [`count`](Find::count), [`ids`](Find::ids) or an
//!   [iterator](Find::iter). ModelDB's [`Predicate`]s translate to the same filters.
//!   - by figures: [`facets`](Find::facets), [`aggregate`](Find::aggregate), [`group_by`](Find::group_by), and
//!     [`columns`](Find::columns) without reading records; [`Runs::compare`] for a few runs
//!   - page by page over later snapshots: [`page_after`](Find::page_after); bounded: [`budget`](Find::budget); and how:
//!     [`explain`](Find::explain)
//!   - [`RunsMut::delete_found`] deletes what was found
//!   - words, phrases, beginnings and near misses: [`TextQuery`]; with the feature `text`, `Find::most_relevant` with
//!     excerpts, and [`Store::wait_indexed`]
//!   - [`Filter::parse`], [`Filter::parse_mlflow`] and [`Filter::parse_client`] read text; `Display` writes it
//!   - also [`Runs::children`], [`Runs::by_dataset_version`], [`Projects::summary`], [`Projects::dataset_count`]
//!   - [`Filter::matches`] asks it of an [`Entity`] that was met elsewhere, as in a watch
//! - **Look at the past**: [`Snapshot::history`] of one entity, [`Snapshot::as_of`] a [`Sequence`] or a
//!   [`Timestamp`], [`Snapshot::commit`] and [`Snapshot::changes`] of the log itself.
//! - **Audit**: [`Store::as_actor`] and [`Actor`] say who and why; [`Audit::head`] is for keeping elsewhere,
//!   [`Audit::verify_against`] takes it back; [`Audit::export`] writes what another program can verify.
//! - **Keep bytes**: [`Store::log_artifact`] logs an artifact with its bytes, however many, and
//!   [`Snapshot::open_artifact`] reads them; [`Write::put_blob`] stores small ones with the commit that names them; the same
//!   bytes are kept once. [`Store::gc`] removes what nothing names any more. Bytes are in the store's folder unless
//!   [`Options::blobs`] says otherwise: a [`BlobStore`] keeps them by their [`BlobDigest`], [`LocalBlobs`] in a folder,
//!   with the feature `object-store` `ObjectBlobs` in S3 and its like. With the feature `mmap`, `LocalBlobs::map` gives a
//!   slice.
//! - **Move**: [`Store::export_project`] writes a project into a folder, [`Store::import_project`] takes it into
//!   another store; the [`ImportReport`] compares them.
//! - **Erase**: [`Store::purge`] what was deleted; the log stays whole. After [`Store::compact`] nothing of it is in
//!   any file.
//! - **Look after it**: [`Store::verify`] gives a [`VerifyReport`] that says where, what, and what to do;
//!   [`Store::backup`] while writes go on, and [`Options::read_only`] to look into one; [`Store::stats`], and
//!   [`Store::storage_stats`] for what each table takes; [`Store::dry_run`] tries a write out. Long calls tell their
//!   [`Progress`] and can be cancelled.
//! - **Watch**: [`Store::watch`] gives a [`Watch`]: commits in order, each once, none before it is durable.
//! - **Write once**: [`Store::write_once`] with an id of the caller's, for requests that are repeated;
//!   [`Store::outcome`] says later whether it happened.
//! - **Errors**: one [`Error`] with an [`ErrorKind`] to switch on; each kind is one
//!   [gRPC code](ErrorKind::grpc_code).
//! - **Durability**: [`Durability`], [`Store::flush`]; what is promised when: [`guide::durability`].
//! - **Embed in threads**: [`Store`] is a cheap clone, `Send + Sync`; writers that wait share one sync. A write inside
//!   a write is an error, not a deadlock. [`Store::stats`] tells how old the oldest snapshot is.
//! - **Test on a simulated disk** (feature `simulation`): `simulation::SimulatedDisk` records, counts, fails and
//!   crashes; [`Clock`] and [`Entropy`] are injected, with [`ManualClock`] and [`SeededEntropy`] to repeat a run.
//!
//! # Limits
//!
//! [`limits`] has all numbers. The ones that are met first: a name has 256 characters, a tag 40, a value 128 levels;
//! a store has 2^32 entities of a kind, deleted ones included; all distinct keys of attributes, metrics and
//! hyperparameters are in memory. One process has a store open at a time.
//!
//! # Guide
//!
//! - [`guide::cookbook`]: recipes, each a compiled program
//! - [`guide::query_language`]: filters as text, and what they mean
//! - [`guide::rpc_table`]: each RPC of ModelDB, and the call that does it
//! - [`guide::durability`]: what is promised when, and what to do after an error
//! - [`guide::architecture`]: a tour of the code for whoever wants to change it
//! - [`guide::format`]: every byte on disk

mod admin;
mod artifacts;
mod audit;
mod blob;
mod codec;
mod digest;
mod entity;
mod environments;
mod error;
mod filter;
#[cfg(feature = "simulation")]
#[doc(hidden)]
pub mod fuzzing;
mod gc;
pub mod guide;
mod id;
mod keys;
pub mod limits;
mod log;
mod model;
mod names;
mod options;
mod paths;
mod positioned;
mod progress;
mod purge;
mod query;
mod run_logger;
#[cfg(feature = "simulation")]
mod simulated;
mod snapshot;
mod storage;
mod store;
mod text;
mod time;
mod transfer;
mod upkeep;
mod value;
mod watch;
mod words;
mod write;

pub use admin::backup::BackupReport;
pub use admin::compact::Compacted;
pub use admin::project_stats::ProjectStats;
pub use admin::report::{Finding, Remedy, Verified, VerifyReport, VerifySection};
pub use admin::storage_stats::{StorageStats, TableStats};
pub use admin::verify::VerifyOptions;
pub use audit::Audit;
#[cfg(feature = "mmap")]
pub use blob::Mapped;
#[cfg(feature = "object-store")]
pub use blob::ObjectBlobs;
pub use blob::{
    BlobEntry, BlobReader, BlobStore, BlobWriter, LocalBlobs, LocalBlobsOptions, MemoryBlobs, OpenBlob, StoredBlob,
    UnfinishedBlob,
};
pub use digest::BlobDigest;
pub use entity::aggregate::{Aggregate, Facets, Group};
pub use entity::budget::Budget;
pub use entity::comment::{Comments, CommentsMut};
pub use entity::compare::RunComparison;
pub use entity::copies::{CloneOptions, CopyOptions};
pub use entity::experiment::{Experiments, ExperimentsMut};
pub use entity::explain::{Explanation, ExplanationStep};
pub use entity::find::{Find, Findable, Found};
pub use entity::find_cursor::{FindCursor, FindPage};
pub use entity::job::{Jobs, JobsMut};
pub use entity::lineage::{Lineage, LineageMut};
pub use entity::listing::{Cursor, Listed, Listing, ListingIter, Page};
pub use entity::observations::Observations;
pub use entity::project::{Projects, ProjectsMut};
#[cfg(feature = "text")]
pub use entity::relevance::Relevant;
pub use entity::run::{Runs, RunsMut};
pub use entity::summary::{LastModifiedRun, MetricSummary, ProjectSummary};
pub use entity::view::{RunGuard, RunView};
pub use error::{Error, ErrorKind, Result};
pub use gc::{GcOptions, GcReport};
pub use id::{ChangeId, CommentId, EdgeId, EntityId, EntityKind, ExperimentId, JobId, ProjectId, RunId, Sequence};
pub use log::chain::{Hash, Head};
pub use log::change::{Change, Edit, Fact, Field, FieldValue};
pub use log::commit::{Commit, Operation};
pub use log::history::HistoryEntry;
pub use log::verify::{AuditFault, AuditReport};
pub use model::{
    Actor, ActorKind, Artifact, ArtifactPart, ArtifactType, BlobRef, Code, CodeVersion, CollaboratorPermissions,
    CollaboratorType, Comment, DockerEnvironment, Entity, Environment, EnvironmentContent, EnvironmentVariable,
    Experiment, Feature, GitSnapshot, GroupId, Job, JobStatus, JobType, KeyValue, KeyValues, LineageEdge, LineageEntry,
    Location, NewComment, NewExperiment, NewJob, NewObservation, NewProject, NewRun, Observation, ObservationBucket,
    ObservationColumns, OwnerTracking, Project, PythonEnvironment, PythonRequirement, Run, RunStatus, Series,
    SeriesEnd, SoftwareVersion, Ternary, Upload, ValueType, VersionedInputs, Visibility,
};
pub use options::{Durability, Options};
pub use progress::Progress;
pub use purge::{PurgeOptions, PurgeReport};
pub use query::evaluate::Subject;
pub use query::field::QueryField;
pub use query::filter::{Comparison, Filter};
pub use query::order::Order;
pub use query::pattern::{Pattern, PatternSyntax};
pub use query::predicate::{Operator, Predicate};
pub use query::series::Statistic;
#[cfg(feature = "text")]
pub use query::snippet::Snippet;
pub use query::text::IntoFilter;
pub use run_logger::RunLogger;
pub use snapshot::{At, Changes, History, Snapshot};
pub use store::{Stats, Store};
pub use time::{Clock, Entropy, ManualClock, SeededEntropy, SystemClock, SystemEntropy, Timestamp};
pub use transfer::{ExportReport, Exported, ImportReport};
pub use value::{Value, ValueRef};
pub use watch::{Watch, Watched};
pub use words::TextQuery;
pub use write::{Once, Write};

/// Tools to test programs that embed a store (feature `simulation`).
#[cfg(feature = "simulation")]
pub mod simulation {
    pub use crate::simulated::{Fault, IoCounts, Keep, SimulatedDisk};
}

/// The programs of the README are compiled with the documentation's.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
