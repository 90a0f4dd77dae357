//! Taking a project from a folder into a store.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::fs::File;
use std::io::{BufRead, BufReader, Read as _};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value as Json};

use super::export::raw;
use super::{Exported, FILE, FORM, VERSION, decode, encode, number, portable, text, unhex};
use crate::blob::{BlobStore, LocalBlobs};
use crate::codec::canon::Digest;
use crate::codec::observations::{self, Digester};
use crate::digest::{BlobDigest, BlobHasher};
use crate::entity::imports::{self, Imported};
use crate::error::{Error, ErrorKind, Result};
use crate::gc;
use crate::id::{EntityId, ProjectId, Row};
use crate::limits;
use crate::log::draft::Added;
use crate::model::{Entity, Observation, Series};
use crate::paths;
use crate::progress::{Progress, Steps};
use crate::snapshot::Snapshot;
use crate::storage::BLOBS_FOLDER;
use crate::store::Store;
use crate::write::Write;

/// What [`Store::import_project`] did, and how what is there now compares with what was exported.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct ImportReport {
    /// The project.
    pub project: Option<ProjectId>,
    /// What the export holds.
    pub exported: Exported,
    /// Entities that were created.
    pub created: u64,
    /// Entities whose ids were there already: they were left as they are.
    pub present: u64,
    /// Entities that are in the store exactly as they are in the export, with all their observations.
    pub same: u64,
    /// Entities that are there, and differ from the export, as an edge of the lineage that was made again does.
    pub differing: u64,
    /// Entities that are not there: somebody has deleted them, or what they belong to.
    pub missing: u64,
    /// The first of those that differ or are missing.
    pub examples: Vec<EntityId>,
}

impl ImportReport {
    /// Everything of the export is there, exactly.
    pub fn is_same(&self) -> bool {
        self.differing == 0 && self.missing == 0
    }

    fn example(&mut self, id: EntityId) {
        if self.examples.len() < limits::VERIFY_FINDINGS {
            self.examples.push(id);
        }
    }
}

impl fmt::Display for ImportReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ImportReport { exported, created, present, same, differing, missing, .. } = self;
        write!(f, "of {exported}: {created} entities created, {present} present before; ")?;
        write!(f, "{same} are as exported, {differing} differ, {missing} are missing")
    }
}

/// Entities of one commit, about.
const BATCH: usize = 512;

impl Store {
    /// Takes a project that [`export_project`](Self::export_project) wrote into this store: its entities with their
    /// ids, dates, owners and version numbers, their observations, and the bytes of artifacts. What is there already,
    /// by id, is left as it is, so that an import that was cut short, or is made again, adds what is missing and
    /// nothing else; under what was deleted here since, nothing is added. The report compares everything with the
    /// export. What is created is some hundred entities a commit; the past of the other store is not in it.
    ///
    /// # Errors
    /// `NotFound` if there is no export in the folder; `Incompatible` if its form is not known; `Corrupt` if it is cut
    /// off or changed: then nothing is written, but what is found to be wrong only in the middle may come after some
    /// commits; `AlreadyExists` if another project or experiment has the name; `InvalidArgument` or
    /// `LimitExceeded` if an entity breaks a rule; those of [`write`](Self::write) and of [`put_blob`](Self::put_blob).
    pub fn import_project(&self, folder: impl AsRef<Path>) -> Result<ImportReport> {
        self.import_project_with(folder, |_| ControlFlow::Continue(()))
    }

    /// [`import_project`](Self::import_project), telling `progress` how far it is: inside of its writes, so that
    /// `progress` must neither write to the store nor wait for somebody who does.
    ///
    /// # Errors
    /// Those of [`import_project`](Self::import_project); `Cancelled`: what was imported until then stays.
    pub fn import_project_with(
        &self,
        folder: impl AsRef<Path>,
        mut progress: impl FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<ImportReport> {
        let folder = &paths::absolute(folder.as_ref())?;
        let from = |error: Error| error.context(format!("importing from {}", folder.display()));
        let steps = &mut Steps::new(&mut progress);
        // From its first line to its last, before anything is written.
        let mut report = ImportReport::default();
        let lines = look_through(folder, &mut report, steps).map_err(from)?;
        let mut import = Import { store: self, folder, report, steps };
        import.take(lines).map_err(from)?;
        import.compare(lines).map_err(from)?;
        Ok(import.report)
    }
}

/// A line of an export.
enum Line {
    Begin(Map<String, Json>),
    Blob { digest: BlobDigest, len: u64 },
    Entity(Box<Entity>),
    Observations { run: String, key: String, observations: Vec<Observation> },
    End(Exported, BlobDigest),
}

/// The lines of an export, parsed one by one.
struct Lines {
    from: BufReader<File>,
    number: u64,
    buffer: Vec<u8>,
    /// Of the lines before the last one that was read.
    hasher: BlobHasher,
    digest: Option<BlobDigest>,
}

impl Lines {
    fn open(folder: &Path) -> Result<Lines> {
        let file = File::open(folder.join(FILE)).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => Error::not_found(format!("there is no {FILE}")),
            _ => Error::io(format!("opening {FILE}"), error),
        })?;
        Ok(Lines {
            from: BufReader::with_capacity(1 << 16, file),
            number: 0,
            buffer: Vec::new(),
            hasher: BlobHasher::new(),
            digest: None,
        })
    }

    fn next(&mut self) -> Result<Option<Line>> {
        self.buffer.clear();
        self.number += 1;
        let read = self.from.by_ref().take(limits::EXPORT_LINE_BYTES as u64).read_until(b'\n', &mut self.buffer);
        let read = read.map_err(|error| Error::io(format!("reading {FILE}"), error))?;
        if read == 0 {
            return Ok(None);
        }
        self.digest = Some(self.hasher.digest());
        self.hasher.update(&self.buffer);
        let line = if self.buffer.pop() == Some(b'\n') {
            parse(&self.buffer)
        } else {
            Err(Error::corrupt("it is cut off, or too long"))
        };
        line.map(Some).map_err(|error| error.context(format!("line {}", self.number)))
    }
}

fn parse(line: &[u8]) -> Result<Line> {
    let json: Json = serde_json::from_slice(line).map_err(|error| Error::corrupt("no JSON").with_source(error))?;
    let Json::Object(line) = json else { return Err(Error::corrupt("no object")) };
    if line.contains_key(FORM) {
        return Ok(Line::Begin(line));
    }
    if line.contains_key("blob") {
        return Ok(Line::Blob { digest: text(&line, "blob")?.parse().map_err(damaged)?, len: number(&line, "len")? });
    }
    if line.contains_key("observations") {
        let (run, key) = (text(&line, "run")?.to_owned(), text(&line, "observations")?.to_owned());
        return Ok(Line::Observations {
            run,
            key,
            observations: observations::read_all(&unhex(text(&line, "bytes")?)?)?,
        });
    }
    if line.contains_key("entity") {
        let mut texts: Vec<(Digest, Vec<u8>)> = Vec::new();
        for pair in line.get("texts").and_then(Json::as_array).into_iter().flatten() {
            let (digest, long) = match pair.as_array().map(Vec::as_slice) {
                Some([Json::String(digest), Json::String(long)]) => (unhex(digest)?, long),
                _ => return Err(Error::corrupt("a long text that is none")),
            };
            let digest = digest.try_into().map_err(|_| Error::corrupt("a digest of another length"))?;
            texts.push((digest, long.clone().into_bytes()));
        }
        return decode(&unhex(text(&line, "bytes")?)?, texts).map(|entity| Line::Entity(Box::new(entity)));
    }
    match line.get("end") {
        Some(Json::Object(end)) => {
            let count = |key| number(end, key);
            let exported = Exported {
                experiments: count("experiments")?,
                runs: count("runs")?,
                comments: count("comments")?,
                lineage_edges: count("lineage_edges")?,
                observations: count("observations")?,
                blobs: count("blobs")?,
                blob_bytes: count("blob_bytes")?,
            };
            Ok(Line::End(exported, text(&line, "digest")?.parse().map_err(damaged)?))
        }
        _ => Err(Error::corrupt("a line of no known kind")),
    }
}

impl Exported {
    fn add(&mut self, line: &Line) {
        match line {
            Line::Blob { len, .. } => {
                self.blobs += 1;
                self.blob_bytes = self.blob_bytes.saturating_add(*len);
            }
            Line::Entity(entity) => match **entity {
                Entity::Experiment(_) => self.experiments += 1,
                Entity::Run(_) => self.runs += 1,
                Entity::Comment(_) => self.comments += 1,
                Entity::LineageEdge(_) => self.lineage_edges += 1,
                Entity::Project(_) | Entity::Job(_) => {}
            },
            Line::Observations { observations, .. } => self.observations += observations.len() as u64,
            Line::Begin(_) | Line::End(..) => {}
        }
    }
}

/// An export of these lines, each without its end, and of a last one that fits them; for those who make them up.
#[cfg(feature = "simulation")]
pub(crate) fn ended(lines: &[Vec<u8>]) -> Vec<u8> {
    let mut counted = Exported::default();
    lines.iter().filter_map(|line| parse(line).ok()).for_each(|line| counted.add(&line));
    let mut all: Vec<u8> = lines.iter().flat_map(|line| [&**line, b"\n"].concat()).collect();
    let end = serde_json::json!({"end": counted.to_json(), "digest": BlobDigest::of(&all).to_string()});
    all.extend_from_slice(format!("{end}\n").as_bytes());
    all
}

fn damaged(error: Error) -> Error {
    Error::corrupt("a digest that is none").with_source(error)
}

/// Reads an export from its first line to its last. Answers how many there are.
fn look_through(folder: &Path, report: &mut ImportReport, steps: &mut Steps<'_>) -> Result<u64> {
    let mut lines = Lines::open(folder)?;
    let begin = match lines.next()? {
        Some(Line::Begin(begin)) => begin,
        _ => return Err(Error::corrupt(format!("{FILE} does not begin like an export"))),
    };
    let version = number(&begin, FORM)?;
    if version != VERSION {
        let message = format!("{FILE} has the form {version}; this build reads {VERSION}");
        return Err(Error::new(ErrorKind::Incompatible, message));
    }
    let project = ProjectId::new(text(&begin, "id")?)?;
    let (mut counted, mut ended, mut all) = (Exported::default(), None, 1);
    steps.begin("reading the export", 0)?;
    while let Some(line) = lines.next()? {
        if ended.is_some() {
            return Err(Error::corrupt("there is something behind the end"));
        }
        counted.add(&line);
        match line {
            Line::Begin(_) => return Err(Error::corrupt("it begins twice")),
            Line::Entity(entity) => match *entity {
                Entity::Project(found) if found.id == project => {}
                Entity::Experiment(experiment) if experiment.project_id == project => {}
                Entity::Run(run) if run.project_id == project => {}
                Entity::Comment(_) | Entity::LineageEdge(_) => {}
                other => return Err(Error::corrupt(format!("{} is not of the project", other.id()))),
            },
            Line::Blob { .. } | Line::Observations { .. } => {}
            Line::End(end, digest) if lines.digest == Some(digest) => ended = Some(end),
            Line::End(..) => return Err(Error::corrupt("its lines are not those that were written")),
        }
        all += 1;
        steps.add(1)?;
    }
    if ended != Some(counted) {
        return Err(Error::corrupt("it is cut off, or lines are missing"));
    }
    (report.project, report.exported) = (Some(project), counted);
    Ok(all)
}

/// A series of which observations are being read.
struct Open {
    row: Row,
    claimed: Series,
    sum: Series,
    digester: Digester,
}

impl Open {
    fn new(row: Row, claimed: &Series) -> Self {
        let sum = Series { key: claimed.key.clone(), ..Series::default() };
        Open { row, claimed: claimed.clone(), sum, digester: Digester::default() }
    }

    /// That it is what it was said to be.
    fn end(self) -> Result<()> {
        let Open { claimed, sum, digester, .. } = self;
        match (Series { added: digester.finish(), ..sum }) == claimed {
            true => Ok(()),
            false => Err(Error::corrupt(format!("the observations under {:?} are not those of the run", claimed.key))),
        }
    }
}

struct Import<'i, 't> {
    store: &'i Store,
    folder: &'i Path,
    report: ImportReport,
    steps: &'i mut Steps<'t>,
}

impl Import<'_, '_> {
    fn take(&mut self, count: u64) -> Result<()> {
        self.steps.begin("importing", count)?;
        let mut lines = Lines::open(self.folder)?;
        let bytes: PathBuf = self.folder.join(BLOBS_FOLDER);
        let mut blobs: Option<LocalBlobs> = None;
        let mut left_out = HashSet::new();
        let mut next = lines.next()?;
        while next.is_some() {
            // Large blobs first, outside of any write.
            if let Some(Line::Blob { digest, len }) = next {
                let from = match &blobs {
                    Some(blobs) => blobs,
                    None => blobs.insert(LocalBlobs::open(&bytes)?),
                };
                if len > limits::SMALL_BLOB_BYTES as u64 {
                    let stored = self.store.put_blob(from.get(&digest)?)?;
                    if stored.digest != digest {
                        return Err(Error::corrupt(format!("the blob {digest} does not have its bytes")));
                    }
                }
                self.steps.add(1)?;
                next = lines.next()?;
                continue;
            }
            let Import { report, steps, .. } = self;
            next = self
                .store
                .write(|w| batch(w, next.take(), &mut lines, blobs.as_ref(), &mut left_out, report, steps))?;
        }
        Ok(())
    }

    /// Compares all that was exported with what is there now.
    fn compare(&mut self, count: u64) -> Result<()> {
        self.steps.begin("comparing", count)?;
        let mut lines = Lines::open(self.folder)?;
        let snapshot = self.store.read();
        while let Some(line) = lines.next()? {
            self.steps.add(1)?;
            let Line::Entity(entity) = line else { continue };
            let id = entity.id();
            // An edge that was removed and added again is there, as another one.
            let again = match &*entity {
                Entity::LineageEdge(edge) => {
                    snapshot.lineage().edge(edge.input.clone(), edge.output.clone())?.is_some()
                }
                _ => false,
            };
            // Byte by byte: two zeros are not the same.
            let same = now(&snapshot, &id)?.map(|there| encode(there) == encode(*entity));
            match same.or(again.then_some(false)) {
                Some(true) => self.report.same += 1,
                Some(false) => {
                    self.report.differing += 1;
                    self.report.example(id);
                }
                None => {
                    self.report.missing += 1;
                    self.report.example(id);
                }
            }
        }
        Ok(())
    }
}

fn now(snapshot: &Snapshot, id: &EntityId) -> Result<Option<Entity>> {
    match raw(snapshot, id) {
        Ok(stored) => portable(&snapshot.state, stored).map(Some),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Takes entities, each with its observations, until they are many. Answers the line that is not taken yet.
fn batch(
    w: &mut Write<'_>,
    first: Option<Line>,
    lines: &mut Lines,
    blobs: Option<&LocalBlobs>,
    left_out: &mut HashSet<EntityId>,
    report: &mut ImportReport,
    steps: &mut Steps<'_>,
) -> Result<Option<Line>> {
    // The series of the last run, if it was created, that are still to be read.
    let mut series: HashMap<String, Open> = HashMap::new();
    let mut run = String::new();
    let (mut taken, mut next) = (0, first);
    while let Some(line) = next {
        match line {
            Line::Observations { run: of, key, observations } => {
                if of == run
                    && let Some(open) = series.get_mut(&key)
                {
                    observations.iter().for_each(|observation| open.sum.push(observation));
                    open.digester.update(&observations);
                    let from = open.sum.count - observations.len() as u64;
                    let row = open.row;
                    w.txn().draft.add_observations((row, key, 0), Added { from, observations });
                    w.txn().spill_if_large()?;
                }
            }
            Line::Entity(entity) if taken < BATCH => {
                end_series(&mut series)?;
                taken += 1;
                let all = match &*entity {
                    Entity::Run(found) => {
                        found.id.as_str().clone_into(&mut run);
                        found.series.clone()
                    }
                    _ => Vec::new(),
                };
                put_small(w, &entity, blobs)?;
                match imports::import(w.txn(), *entity, left_out)? {
                    Imported::Created(row) => {
                        report.created += 1;
                        series.extend(all.into_iter().map(|claimed| (claimed.key.clone(), Open::new(row, &claimed))));
                    }
                    Imported::There => report.present += 1,
                    // The comparison tells.
                    Imported::Without => {}
                }
            }
            Line::Begin(_) | Line::End(..) => {}
            // The next batch begins with it.
            line => {
                next = Some(line);
                break;
            }
        }
        steps.add(1)?;
        next = lines.next()?;
    }
    end_series(&mut series)?;
    w.txn().end("project.import")?;
    Ok(next)
}

fn end_series(series: &mut HashMap<String, Open>) -> Result<()> {
    series.drain().try_for_each(|(_, open)| open.end())
}

/// Puts the small blobs that an entity names, with the write that creates it.
fn put_small(w: &mut Write<'_>, entity: &Entity, blobs: Option<&LocalBlobs>) -> Result<()> {
    gc::named_by(entity, &mut |blob| {
        if blob.len > limits::SMALL_BLOB_BYTES as u64 {
            return Ok(());
        }
        let from = blobs.ok_or_else(|| Error::corrupt("bytes that are named are not in the export"))?;
        let mut bytes = Vec::new();
        let read = from.get(&blob.digest)?.read_to_end(&mut bytes);
        read.map_err(|error| crate::blob::from_io(error, "reading the bytes of an artifact"))?;
        match w.put_blob(&bytes)? == *blob {
            true => Ok(()),
            false => Err(Error::corrupt(format!("the blob {} does not have its bytes", blob.digest))),
        }
    })
}
