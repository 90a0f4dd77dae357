//! The bytes of artifacts: put beside the store or into it, named by a commit, and read again.
//!
//! What is small stands in the store's own file and is written with the commit that names it. What is larger is put
//! among the blobs first, durable, and named by a commit then: a crash between the two leaves bytes that nothing names,
//! for a collection, and never a name without bytes.

use std::io::Read;
use std::ops::ControlFlow;
use std::sync::Arc;

use crate::blob::{self, BlobReader, BlobStore, StoredBlob};
use crate::entity::artifacts;
use crate::entity::entries::On;
use crate::entity::state::State;
use crate::entity::uploads;
use crate::error::{Error, ErrorKind, Result};
use crate::id::{EntityId, EntityKind};
use crate::limits;
use crate::model::{Artifact, BlobRef, Entity, Upload};
use crate::snapshot::Snapshot;
use crate::storage::BlobSource;
use crate::store::Store;
use crate::write::Write;

impl From<StoredBlob> for BlobRef {
    fn from(stored: StoredBlob) -> BlobRef {
        BlobRef { digest: stored.digest, len: stored.len }
    }
}

/// Bytes on their way into a store.
enum Bytes {
    /// To be written with the commit.
    Small(Vec<u8>),
    /// Among the blobs.
    Put(BlobRef),
}

impl Bytes {
    fn blob(self, write: &mut Write<'_>) -> Result<BlobRef> {
        match self {
            Bytes::Small(bytes) => write.put_blob(&bytes),
            Bytes::Put(blob) => Ok(blob),
        }
    }
}

/// What an operation on a project, an experiment and a run is called in the log.
macro_rules! operations {
    ($name:literal) => {
        [concat!("project.", $name), concat!("experiment.", $name), concat!("run.", $name)]
    };
}

fn go_on(_: u64) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

impl Store {
    /// The blobs of the store: the bytes of its artifacts that have more than [`limits::SMALL_BLOB_BYTES`].
    ///
    /// # Errors
    /// `ReadOnly` if the store is; `Io` if the place cannot be opened.
    pub fn blobs(&self) -> Result<Arc<dyn BlobStore>> {
        self.inner.common.blobs.to_write().map(Arc::clone)
    }

    /// Puts bytes among the blobs, durable, for a write soon after to name them: [`Artifact::blob`]. A collection of
    /// garbage spares what was put less than its age guard ago. Holds some MiB in memory, however many they are.
    ///
    /// # Errors
    /// Those of [`BlobStore::put`].
    pub fn put_blob(&self, mut from: impl Read) -> Result<BlobRef> {
        Ok(self.inner.common.blobs.to_write()?.put(&mut from)?.into())
    }

    /// Logs an artifact of a project, an experiment or a run with its bytes, all that `from` has to give. It is durable
    /// when this returns.
    ///
    /// ```
    /// # use modeldb::{Artifact, ArtifactType, NewRun, Store};
    /// # use std::io::Read;
    /// # fn main() -> modeldb::Result<()> {
    /// # let store = Store::in_memory()?;
    /// # let run = store.write(|w| {
    /// #     let wine = w.projects().get_or_create("wine-quality")?;
    /// #     let forest = w.experiments().get_or_create(&wine, "random-forest")?;
    /// #     w.runs().create(&forest, NewRun::named("depth-6"))
    /// # })?;
    /// let weights = vec![0.5_f32; 1 << 20].into_iter().flat_map(f32::to_le_bytes).collect::<Vec<_>>();
    /// let model = Artifact::named("model.bin").artifact_type(ArtifactType::Model);
    /// store.log_artifact(&run, model, &*weights)?;
    ///
    /// let mut read = Vec::new();
    /// store.read().open_artifact(&run, "model.bin")?.read_to_end(&mut read).unwrap();
    /// assert_eq!(read, weights);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Those of `log_artifacts` of the entity's kind, before any byte is read where that is possible; those of
    /// [`BlobStore::put`] and of [`Store::write`].
    pub fn log_artifact(&self, entity: impl Into<EntityId>, artifact: Artifact, from: impl Read) -> Result<BlobRef> {
        self.log_artifact_with(entity, artifact, from, go_on)
    }

    /// [`log_artifact`](Self::log_artifact), telling `progress` after each piece how many bytes were stored so far.
    /// Breaking ends it, and nothing is logged.
    ///
    /// # Errors
    /// Those of [`log_artifact`](Self::log_artifact); `Cancelled` if `progress` breaks.
    pub fn log_artifact_with(
        &self,
        entity: impl Into<EntityId>,
        artifact: Artifact,
        from: impl Read,
        progress: impl FnMut(u64) -> ControlFlow<()>,
    ) -> Result<BlobRef> {
        let entity = entity.into();
        artifacts::check(&mut [artifact.clone()])?;
        if self.read().artifact(&entity, &artifact.key)?.is_some() {
            let key = &artifact.key;
            return Err(Error::exists(format!("the artifact {key} already exists on {entity}")));
        }
        let bytes = self.take_in(from, progress)?;
        self.write(|w| {
            let blob = bytes.blob(w)?;
            artifacts::log(w.txn(), on(&entity, operations!("log_artifacts"))?, vec![artifact.blob(blob)])?;
            Ok(blob)
        })
    }

    /// Gives an artifact that is logged already bytes, in place of those it has.
    ///
    /// # Errors
    /// `NotFound` if the entity is not there; `InvalidArgument` if it has no such artifact, or one of which only the
    /// path is kept; those of [`BlobStore::put`] and of [`Store::write`].
    pub fn put_artifact(&self, entity: impl Into<EntityId>, key: &str, from: impl Read) -> Result<BlobRef> {
        let entity = entity.into();
        let logged = self.read().artifact(&entity, key)?;
        if logged.is_none_or(|logged| logged.path_only) {
            return Err(Error::invalid(format!("{entity} has no artifact {key:?} whose bytes are the store's")));
        }
        let bytes = self.take_in(from, go_on)?;
        self.write(|w| {
            let blob = bytes.blob(w)?;
            uploads::put(w.txn(), on(&entity, operations!("put_artifact"))?, key, blob)?;
            Ok(blob)
        })
    }

    /// Puts the parts of an upload together, ascending by number, and ends it. The parts are read again and checked;
    /// their own blobs are left to a collection.
    ///
    /// # Errors
    /// `NotFound` if the entity, or the bytes of a part, are not there; `InvalidArgument` if no upload is open, or it
    /// has no parts; `Conflict` if it changed meanwhile; `Corrupt` if a part is damaged; those of [`BlobStore::put`]
    /// and of [`Store::write`].
    pub fn complete_upload(&self, entity: impl Into<EntityId>, key: &str) -> Result<BlobRef> {
        let entity = entity.into();
        let read = self.read();
        let upload = read.artifact(&entity, key)?.and_then(|artifact| artifact.upload);
        let upload = upload.filter(|upload| !upload.parts.is_empty());
        let upload =
            upload.ok_or_else(|| Error::invalid(format!("{entity} has no parts of {key:?} to put together")))?;
        let bytes = self.take_in(Parts { read: &read, upload: &upload, next: 0, open: None }, go_on)?;
        self.write(|w| {
            let blob = bytes.blob(w)?;
            uploads::complete(w.txn(), on(&entity, operations!("complete_upload"))?, key, &upload, blob)?;
            Ok(blob)
        })
    }

    fn take_in(&self, mut from: impl Read, mut progress: impl FnMut(u64) -> ControlFlow<()>) -> Result<Bytes> {
        let blobs = self.inner.common.blobs.to_write()?;
        let mut first = Vec::new();
        let most = limits::SMALL_BLOB_BYTES as u64 + 1;
        let read = from.by_ref().take(most).read_to_end(&mut first);
        read.map_err(|error| blob::from_io(error, "reading the bytes of an artifact"))?;
        if first.len() <= limits::SMALL_BLOB_BYTES {
            if progress(first.len() as u64).is_break() {
                return Err(Error::new(ErrorKind::Cancelled, "storing an artifact"));
            }
            return Ok(Bytes::Small(first));
        }
        let stored = blobs.put_with(&mut first.as_slice().chain(from), &mut progress)?;
        Ok(Bytes::Put(stored.into()))
    }
}

impl Write<'_> {
    /// Puts bytes into the store with this write, of which something is to name them: [`Artifact::blob`]. Those that
    /// nothing names go with the next collection of garbage.
    ///
    /// # Errors
    /// `LimitExceeded` for more than [`limits::SMALL_BLOB_BYTES`]: [`Store::put_blob`] takes those, before the write;
    /// `StorageFull` or `Io` if the write has grown large and cannot go to the disk in part.
    pub fn put_blob(&mut self, bytes: &[u8]) -> Result<BlobRef> {
        let blob = self.txn().put_small_blob(bytes)?;
        self.txn().spill_if_large()?;
        Ok(blob)
    }

    /// Opens an upload in parts of an artifact that is logged, or answers the one that is open. Until it is
    /// [completed](Store::complete_upload), the artifact keeps the bytes it has.
    ///
    /// # Errors
    /// `NotFound` if the entity is not there; `InvalidArgument` if it has no such artifact, or only a path.
    pub fn begin_upload(&mut self, entity: impl Into<EntityId>, key: &str) -> Result<String> {
        let entity = entity.into();
        uploads::begin(self.txn(), on(&entity, operations!("begin_upload"))?, key)
    }

    /// Adds a part to the open upload of an artifact, in place of one of its number. `etag` is the digest of its bytes,
    /// which were put with [`Store::put_blob`] before; quotes around it are taken off. Those that are committed are in
    /// [`Artifact::upload`], to go on with after an interruption.
    ///
    /// # Errors
    /// `NotFound` if the entity, or a blob of that digest, is not there; `InvalidArgument` if no upload is open, for
    /// part 0, and for what is no digest; `LimitExceeded` for more than [`limits::UPLOAD_PARTS`].
    pub fn commit_artifact_part(
        &mut self,
        entity: impl Into<EntityId>,
        key: &str,
        part_number: u64,
        etag: &str,
    ) -> Result<()> {
        let entity = entity.into();
        uploads::commit_part(self.txn(), on(&entity, operations!("commit_artifact_part"))?, key, part_number, etag)
    }
}

impl Snapshot {
    /// An artifact of a project, an experiment or a run, if it has one of this key. Decodes all of its artifacts.
    ///
    /// # Errors
    /// `NotFound` if the entity is not there.
    pub fn artifact(&self, entity: impl Into<EntityId>, key: &str) -> Result<Option<Artifact>> {
        let entity = match entity.into() {
            id if id.kind() == EntityKind::Run => Entity::Run(self.runs().rare(&id.try_into()?)?.1),
            id => self.entity(&id)?,
        };
        Ok(artifacts::of(&entity).iter().find(|artifact| artifact.key == key).cloned())
    }

    /// Opens the bytes of an artifact. They are checked when they were read from start to end. Up to
    /// [`limits::SMALL_BLOB_BYTES`] are read at once, some microseconds; of more, a file is opened.
    ///
    /// # Errors
    /// `NotFound` if the entity is not there, has no such artifact, or one without bytes, and in the past also if its
    /// bytes were collected since; `Corrupt` if they are damaged; `Io`.
    pub fn open_artifact(&self, entity: impl Into<EntityId>, key: &str) -> Result<BlobReader> {
        let entity = entity.into();
        let artifact = self.artifact(&entity, key)?;
        let artifact = artifact.ok_or_else(|| Error::not_found(format!("{entity} has no artifact {key:?}")))?;
        let none = || Error::not_found(format!("the artifact {key:?} of {entity} has no bytes in this store"));
        self.open_blob(&artifact.blob.ok_or_else(none)?)
    }

    /// Opens bytes that a record names, or named.
    ///
    /// # Errors
    /// `NotFound` if they are gone; `Corrupt` if they are damaged; `Io`.
    pub fn open_blob(&self, blob: &BlobRef) -> Result<BlobReader> {
        open(&self.state, blob)
    }
}

fn open(state: &State, blob: &BlobRef) -> Result<BlobReader> {
    if blob.len <= limits::SMALL_BLOB_BYTES as u64
        && let Some(bytes) = state.tables.small_blob(&blob.digest)?
    {
        return Ok(BlobReader::new(blob::in_memory(bytes), blob.digest));
    }
    let found = state.common.blobs.store()?.get(&blob.digest)?;
    if found.len() != blob.len {
        let (digest, len, expected) = (blob.digest, found.len(), blob.len);
        return Err(Error::corrupt(format!("the blob {digest} has {len} bytes, and should have {expected}")));
    }
    Ok(found)
}

/// The parts of an upload, one after the other.
struct Parts<'p> {
    read: &'p Snapshot,
    upload: &'p Upload,
    next: usize,
    open: Option<BlobReader>,
}

impl Read for Parts<'_> {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        loop {
            if let Some(open) = &mut self.open {
                match open.read(out)? {
                    0 if !out.is_empty() => self.open = None,
                    count => return Ok(count),
                }
            }
            let Some(part) = self.upload.parts.get(self.next) else { return Ok(0) };
            self.next += 1;
            let open = self.read.open_blob(&part.blob);
            let number = part.part_number;
            self.open = Some(open.map_err(|error| blob::into_io(error.context(format!("opening part {number}"))))?);
        }
    }
}

/// The entity of an operation, which has artifacts.
fn on<'e>(entity: &'e EntityId, [project, experiment, run]: [&'static str; 3]) -> Result<On<'e>> {
    let operation = match entity.kind() {
        EntityKind::Project => project,
        EntityKind::Experiment => experiment,
        EntityKind::Run => run,
        kind => return Err(Error::invalid(format!("a {kind} has no artifacts"))),
    };
    Ok(On { operation, kind: entity.kind(), id: entity.as_str() })
}
