//! Writing a project into a folder.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use serde_json::{Map, Value as Json, json};

use super::{FILE, FORM, VERSION, each_chunk, encode, portable};
use crate::blob::{BlobStore, LocalBlobs};
use crate::codec::observations;
use crate::digest::BlobHasher;
use crate::entity::observations::Observations;
use crate::entity::state::State;
use crate::error::{Error, ErrorKind, Result};
use crate::gc;
use crate::id::{EntityId, EntityKind, ProjectId, Sequence};
use crate::limits;
use crate::log::export::hex;
use crate::log::read::Recent;
use crate::model::{BlobRef, Entity, KeyValues, LineageEntry, Observation, Stored};
use crate::paths;
use crate::progress::{Progress, Steps};
use crate::snapshot::Snapshot;
use crate::storage::{BLOBS_FOLDER, begin_folder, sync_folder};
use crate::store::Store;
use crate::value::Value;

/// How much of each kind an export holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Exported {
    /// Experiments.
    pub experiments: u64,
    /// Runs.
    pub runs: u64,
    /// Comments on the runs.
    pub comments: u64,
    /// Edges of the lineage between the runs.
    pub lineage_edges: u64,
    /// Observations.
    pub observations: u64,
    /// Blobs that artifacts name, each once.
    pub blobs: u64,
    /// Bytes of those.
    pub blob_bytes: u64,
}

/// What [`Store::export_project`] wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ExportReport {
    /// The commit as of which it is.
    pub sequence: Sequence,
    /// How much there is.
    pub exported: Exported,
}

impl fmt::Display for Exported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Exported { experiments, runs, comments, lineage_edges, observations, blobs, blob_bytes } = self;
        write!(
            f,
            "{experiments} experiments, {runs} runs, {comments} comments, {lineage_edges} edges of the lineage, "
        )?;
        write!(f, "{observations} observations, {blobs} blobs of {blob_bytes} bytes")
    }
}

impl Exported {
    pub(super) fn to_json(self) -> Json {
        json!({
            "experiments": self.experiments, "runs": self.runs, "comments": self.comments,
            "lineage_edges": self.lineage_edges, "observations": self.observations, "blobs": self.blobs,
            "blob_bytes": self.blob_bytes,
        })
    }
}

impl Store {
    /// Writes a project, with all that is under it and not deleted, into a folder, which must be empty or not be there:
    /// lines of JSON, and the bytes of its artifacts. It is the state as it is now, without the past;
    /// [`import_project`](Self::import_project) takes it into another store. Writers go on meanwhile, and nothing is
    /// collected. Holds a few MiB, and some 50 bytes for each blob. A project or an experiment that is as new as a
    /// deleted run under it is, in another store, only as new as the newest of what was exported.
    ///
    /// # Errors
    /// `NotFound` if there is no such project, or bytes that an artifact names are gone; `AlreadyExists` if the folder
    /// is not empty; `Conflict` while a [collection](Self::gc) goes on; `StorageFull` and `Io`; `Corrupt` if something
    /// cannot be read. What was written until then stays, without its last line.
    pub fn export_project(&self, project: &ProjectId, folder: impl AsRef<Path>) -> Result<ExportReport> {
        self.export_project_with(project, folder, |_| ControlFlow::Continue(()))
    }

    /// [`export_project`](Self::export_project), telling `progress` how far it is.
    ///
    /// # Errors
    /// Those of [`export_project`](Self::export_project); `Cancelled`.
    pub fn export_project_with(
        &self,
        project: &ProjectId,
        folder: impl AsRef<Path>,
        mut progress: impl FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<ExportReport> {
        let folder = &paths::absolute(folder.as_ref())?;
        let from = |error: Error| error.context(format!("exporting to {}", folder.display()));
        // What is exported names blobs that a collection could take.
        let _pinned = self.inner.common.blobs.pin()?;
        let snapshot = self.read();
        let entity = raw(&snapshot, &project.into())?;
        begin_folder(folder).map_err(from)?;
        let path = folder.join(FILE);
        let file = File::create_new(&path).map_err(|error| Error::io("making project.jsonl", error))?;
        let mut export = Export {
            folder,
            snapshot: &snapshot,
            state: &snapshot.state,
            to: BufWriter::with_capacity(1 << 16, file),
            hasher: BlobHasher::new(),
            exported: Exported::default(),
            steps: Steps::new(&mut progress),
        };
        export.all(project, entity).map_err(from)?;
        Ok(ExportReport { sequence: snapshot.sequence(), exported: export.exported })
    }
}

/// An entity as its record has it: parents without the dates of what is under them.
pub(super) fn raw(snapshot: &Snapshot, id: &EntityId) -> Result<Stored> {
    let (state, at) = (&snapshot.state, snapshot.sequence());
    let row = state.row(id.kind(), id.as_str(), at)?;
    let found = state.stored(id.kind(), row, at, &Recent::default())?;
    found.ok_or_else(|| Error::not_found(format!("there is no {id}")))
}

struct Export<'e> {
    folder: &'e Path,
    snapshot: &'e Snapshot,
    state: &'e Arc<State>,
    to: BufWriter<File>,
    /// Of all lines so far.
    hasher: BlobHasher,
    exported: Exported,
    steps: Steps<'e>,
}

impl Export<'_> {
    fn line(&mut self, line: &Json) -> Result<()> {
        let mut bytes = line.to_string().into_bytes();
        bytes.push(b'\n');
        if bytes.len() > limits::EXPORT_LINE_BYTES {
            return Err(Error::limit(format!("an entity takes at most {} bytes", limits::EXPORT_LINE_BYTES)));
        }
        self.hasher.update(&bytes);
        self.to.write_all(&bytes).map_err(|error| Error::io("writing project.jsonl", error))
    }

    fn all(&mut self, project: &ProjectId, entity: Stored) -> Result<()> {
        let name = entity.entity.name().unwrap_or_default().to_owned();
        self.line(&json!({FORM: VERSION, "id": project.as_str(), "name": name}))?;
        self.steps.begin("exporting bytes", 0)?;
        self.blobs(project, &entity.entity)?;
        self.steps.begin("exporting runs", 0)?;
        self.entity(entity)?;
        let snapshot = self.snapshot;
        for experiment in snapshot.experiments().list(project)? {
            let id = experiment?.id;
            self.entity(raw(snapshot, &(&id).into())?)?;
            self.exported.experiments += 1;
            for run in snapshot.runs().list(&id)? {
                let id = run?.id;
                self.run(raw(snapshot, &(&id).into())?)?;
                for comment in snapshot.comments().list(&id)? {
                    self.entity(raw(snapshot, &(&comment.id).into())?)?;
                    self.exported.comments += 1;
                }
                self.steps.add(1)?;
            }
        }
        for run in snapshot.runs().list_in_project(project)? {
            self.edges(project, LineageEntry::Run(run?.id))?;
        }
        let end = json!({"end": self.exported.to_json(), "digest": self.hasher.digest().to_string()});
        self.line(&end)?;
        let io = |error| Error::io("writing project.jsonl", error);
        self.to.flush().map_err(io)?;
        self.to.get_ref().sync_all().map_err(io)?;
        sync_folder(self.folder)?;
        self.steps.now()
    }

    /// The bytes that what is exported names.
    fn blobs(&mut self, project: &ProjectId, entity: &Entity) -> Result<()> {
        let mut named: BTreeMap<_, BlobRef> = BTreeMap::new();
        let mut note = |entity: &Entity| {
            gc::named_by(entity, &mut |blob| {
                named.insert(blob.digest, *blob);
                Ok(())
            })
        };
        note(entity)?;
        for experiment in self.snapshot.experiments().list(project)? {
            let experiment = experiment?;
            let id = experiment.id.clone();
            note(&Entity::Experiment(experiment))?;
            for run in self.snapshot.runs().list(&id)? {
                note(&Entity::Run(run?))?;
                self.steps.add(1)?;
            }
        }
        if named.is_empty() {
            return Ok(());
        }
        let to = LocalBlobs::open(self.folder.join(BLOBS_FOLDER))?;
        for blob in named.into_values() {
            let mut from = self.snapshot.open_blob(&blob)?;
            let stored = to.put(&mut from)?;
            if stored.digest != blob.digest {
                return Err(Error::corrupt(format!("the blob {} does not have the bytes of its digest", blob.digest)));
            }
            self.line(&json!({"blob": blob.digest.to_string(), "len": blob.len}))?;
            self.exported.blobs += 1;
            self.exported.blob_bytes += blob.len;
            self.steps.tick()?;
        }
        Ok(())
    }

    fn entity(&mut self, stored: Stored) -> Result<()> {
        let entity = portable(self.state, stored)?;
        let (id, says) = (entity.id(), says(&entity));
        let (bytes, texts) = encode(entity);
        let mut line = json!({"entity": id.to_string(), "bytes": hex(&bytes), "says": says});
        if let (Some(line), false) = (line.as_object_mut(), texts.is_empty()) {
            let text = |text: &[u8]| String::from_utf8_lossy(text).into_owned();
            let texts = texts.iter().map(|(digest, long)| json!([hex(digest), text(long)])).collect();
            line.insert("texts".to_owned(), Json::Array(texts));
        }
        self.line(&line)
    }

    fn run(&mut self, stored: Stored) -> Result<()> {
        let Entity::Run(run) = &stored.entity else { return Err(Error::corrupt("a run is of another kind")) };
        let (row, id, series) = (stored.row, run.id.clone(), run.series.clone());
        self.entity(stored)?;
        self.exported.runs += 1;
        for series in series {
            let key = series.key.clone();
            let observed = Observations::new(Arc::clone(self.state), row, series)?;
            each_chunk(observed, &mut |chunk| {
                let says: Vec<Json> = chunk.iter().map(says_observation).collect();
                let bytes = hex(&observations::write_all(chunk));
                self.exported.observations += chunk.len() as u64;
                self.line(&json!({"observations": key, "run": id.as_str(), "bytes": bytes, "says": says}))
            })?;
        }
        Ok(())
    }

    /// The edges to a run from others of the project.
    fn edges(&mut self, project: &ProjectId, output: LineageEntry) -> Result<()> {
        let lineage = self.snapshot.lineage();
        for input in lineage.inputs(output.clone())? {
            let LineageEntry::Run(run) = &input else { continue };
            match self.snapshot.runs().get(run) {
                Ok(run) if run.project_id == *project => {}
                Ok(_) => continue,
                Err(error) if error.kind() == ErrorKind::NotFound => continue,
                Err(error) => return Err(error),
            }
            if let Some(edge) = lineage.edge(input, output.clone())? {
                self.entity(raw(self.snapshot, &EntityId::new(EntityKind::LineageEdge, edge.id.as_str()))?)?;
                self.exported.lineage_edges += 1;
            }
        }
        Ok(())
    }
}

/// NaN and infinities, which JSON lacks, as texts.
fn says_value(value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Bool(bool) => Json::from(*bool),
        Value::Int(int) => Json::from(*int),
        Value::Float(float) if float.is_finite() => Json::from(*float),
        Value::Float(float) => Json::from(float.to_string()),
        Value::String(text) => Json::from(text.as_str()),
        Value::List(items) => items.iter().map(says_value).collect(),
        Value::Map(map) => map.iter().map(|(key, item)| (key.clone(), says_value(item))).collect(),
    }
}

/// Whether a value is short enough to be said, so deep in others; `left` are the bytes that it may take.
fn is_sayable(value: &Value, depth: usize, left: &mut usize) -> bool {
    let mut take = |text: &str| {
        let rest = left.checked_sub(text.len().max(1));
        rest.inspect(|rest| *left = *rest).is_some()
    };
    match value {
        Value::Null | Value::Bool(_) | Value::Int(_) | Value::Float(_) => take(""),
        Value::String(text) => take(text),
        Value::List(_) | Value::Map(_) if depth == 0 => false,
        Value::List(items) => items.iter().all(|item| is_sayable(item, depth - 1, left)),
        Value::Map(map) => {
            map.keys().all(|key| take(key)) && map.values().all(|item| is_sayable(item, depth - 1, left))
        }
    }
}

fn said(value: &Value) -> Option<Json> {
    let mut left = limits::EXPORT_SAID_BYTES;
    is_sayable(value, limits::EXPORT_SAID_DEPTH, &mut left).then(|| says_value(value))
}

/// Those that are not too long.
fn says_values(values: &KeyValues) -> Json {
    let all = values.iter().filter_map(|entry| Some((entry.key.clone(), said(&entry.value)?)));
    Json::Object(all.collect())
}

fn says_observation(observation: &Observation) -> Json {
    json!([observation.epoch_number, observation.timestamp.millis(), says_value(&observation.value)])
}

/// Some of an entity, for people and other programs.
fn says(entity: &Entity) -> Json {
    let mut says = Map::new();
    if let Some(name) = entity.name() {
        says.insert("name".to_owned(), name.into());
    }
    if let Some(attributes) = entity.attributes() {
        says.insert("attributes".to_owned(), says_values(attributes));
    }
    match entity {
        Entity::Run(run) => {
            says.insert("experiment".to_owned(), run.experiment_id.as_str().into());
            says.insert("hyperparameters".to_owned(), says_values(&run.hyperparameters));
            says.insert("metrics".to_owned(), says_values(&run.metrics));
            says.insert("tags".to_owned(), run.tags.clone().into());
        }
        Entity::Comment(comment) => {
            says.insert("message".to_owned(), comment.message.as_str().into());
        }
        Entity::LineageEdge(edge) => {
            says.insert("input".to_owned(), edge.input.to_string().into());
            says.insert("output".to_owned(), edge.output.to_string().into());
        }
        _ => {}
    }
    Json::Object(says)
}
