//! Collecting garbage: blobs that no record names any more.
//!
//! What is named is read off the records of a snapshot, those of what is deleted and not purged included. Small blobs
//! are removed under the writer's lock, but for those that a write has named since that snapshot; larger ones by the
//! protocol of [`BlobStore`](crate::BlobStore#collecting-garbage-beside-writers), whose age guard this is given.

use std::collections::HashSet;
use std::ops::ControlFlow;
use std::time::Duration;

use crate::blob::BlobEntry;
use crate::codec::archive;
use crate::codec::v1::{self, RunV1};
use crate::digest::BlobDigest;
use crate::entity::artifacts;
use crate::entity::state::State;
use crate::error::{Error, ErrorKind, Result};
use crate::id::{EntityKind, Row};
use crate::log::apply;
use crate::log::resolve::{Resolver, payload};
use crate::model::{BlobRef, CodeVersion, Entity};
use crate::storage::ReadTables;
use crate::store::{Inner, Store};
use crate::time::Timestamp;

/// How to collect garbage.
#[derive(Debug, Clone)]
#[must_use]
pub struct GcOptions {
    dry_run: bool,
    min_age: Duration,
}

impl Default for GcOptions {
    fn default() -> Self {
        GcOptions { dry_run: false, min_age: Duration::from_secs(24 * 60 * 60) }
    }
}

impl GcOptions {
    /// Collect what was not used for a day.
    pub fn new() -> Self {
        GcOptions::default()
    }

    /// Only say what would be removed. Default: false.
    pub fn dry_run(mut self, dry_run: bool) -> Self {
        self.dry_run = dry_run;
        self
    }

    /// Leave alone what was put, or found there by a put, less than this ago. Default: a day. It has to be longer than
    /// what lies between the end of a [`put_blob`](Store::put_blob) and the commit that names it.
    pub fn min_age(mut self, age: Duration) -> Self {
        self.min_age = age;
        self
    }
}

/// What a collection found, and removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct GcReport {
    /// How often records name blobs.
    pub references: u64,
    /// Bytes of the blobs that are named, each counted as often as it is: what it would take without sharing.
    pub referenced_bytes: u64,
    /// Blobs that are named: each is kept once.
    pub kept: u64,
    /// Their bytes.
    pub kept_bytes: u64,
    /// Blobs that nothing names and that are too young to remove.
    pub young: u64,
    /// Their bytes.
    pub young_bytes: u64,
    /// Blobs that nothing names: removed, or to be removed, if it is a dry run.
    pub removed: u64,
    /// Their bytes.
    pub removed_bytes: u64,
    /// Beginnings of blobs whose writers are gone, removed as well; a dry run does not look for them.
    pub unfinished: u64,
}

/// Small blobs that are removed in one transaction.
const SLICE: usize = 512;

/// Ends the collection, however it ends.
struct Collecting<'i>(&'i Inner);

impl Drop for Collecting<'_> {
    fn drop(&mut self) {
        self.0.common.blobs.end_collection();
    }
}

impl Store {
    /// Removes the blobs that no record names, neither of what is there nor of what is deleted and not purged. What
    /// only the past names is removed, too: [`open_artifact`](crate::Snapshot::open_artifact) on an `as_of` says then
    /// that it is gone. Writers go on; the digests of what is named are in memory, some 50 bytes each. Reads all
    /// records. Unless it is a dry run, relaxed writes before it are made durable first.
    ///
    /// # Errors
    /// `Conflict` if another collection goes on, or a backup is made; `Corrupt` if a record cannot be read: nothing is
    /// removed then; those of [`BlobStore::list`](crate::BlobStore::list) and [`remove`](crate::BlobStore::remove).
    pub fn gc(&self, options: &GcOptions) -> Result<GcReport> {
        self.gc_with(options, |_| ControlFlow::Continue(()))
    }

    /// [`gc`](Self::gc), telling `progress` now and then what was found so far. Breaking ends it.
    ///
    /// # Errors
    /// Those of [`gc`](Self::gc); `Cancelled` if `progress` breaks: what was removed until then is gone.
    pub fn gc_with(
        &self,
        options: &GcOptions,
        mut progress: impl FnMut(&GcReport) -> ControlFlow<()>,
    ) -> Result<GcReport> {
        let inner = &*self.inner;
        let limit =
            inner.clock.now().millis().saturating_sub(i64::try_from(options.min_age.as_millis()).unwrap_or(i64::MAX));
        let state = inner.begin_collection(!options.dry_run)?;
        let _collecting = Collecting(inner);
        let mut gc = Gc {
            store: self,
            state: &state,
            dry_run: options.dry_run,
            limit: Timestamp::from_millis(limit),
            named: HashSet::new(),
            report: GcReport::default(),
            progress: &mut progress,
        };
        gc.mark()?;
        gc.small()?;
        gc.large()?;
        Ok(gc.report)
    }
}

struct Gc<'a> {
    store: &'a Store,
    state: &'a State,
    dry_run: bool,
    limit: Timestamp,
    named: HashSet<BlobDigest>,
    report: GcReport,
    progress: &'a mut dyn FnMut(&GcReport) -> ControlFlow<()>,
}

impl Gc<'_> {
    fn tell(&mut self) -> Result<()> {
        match (self.progress)(&self.report) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(Error::new(ErrorKind::Cancelled, "collecting garbage")),
        }
    }

    /// Reads off all records what they name.
    fn mark(&mut self) -> Result<()> {
        let state = self.state;
        let each = &mut |named: Option<&BlobRef>| {
            match named {
                Some(blob) => {
                    self.report.references += 1;
                    self.report.referenced_bytes += blob.len;
                    self.named.insert(blob.digest);
                }
                None => self.tell()?,
            }
            Ok(())
        };
        // What one that cannot be read names must not go.
        each_named(state, each, &mut Err)?;
        self.tell()
    }

    fn keep(&mut self, len: u64) {
        self.report.kept += 1;
        self.report.kept_bytes += len;
    }

    fn removed(&mut self, len: u64) {
        self.report.removed += 1;
        self.report.removed_bytes += len;
    }

    /// Removes small blobs.
    fn small(&mut self) -> Result<()> {
        let (inner, mut after) = (&*self.store.inner, None);
        loop {
            let found = self.state.tables.small_blobs(after, SLICE)?;
            let Some((last, _)) = found.last() else { return Ok(()) };
            after = Some(*last);
            let (kept, unnamed): (Vec<_>, Vec<_>) =
                found.into_iter().partition(|(digest, _)| self.named.contains(digest));
            for (digest, len) in kept {
                self.keep(len);
                // If it has a file as well, that is of no use.
                self.named.remove(&digest);
            }
            let mut removed = Vec::new();
            if self.dry_run {
                removed = unnamed.into_iter().map(|(_, len)| len).collect();
            } else if !unnamed.is_empty() {
                // A later collection sees that they are gone.
                inner.derive_and_publish(|tables, _| {
                    for (digest, len) in &unnamed {
                        // A write that came later may need it.
                        if !inner.common.blobs.is_named(digest) {
                            tables.remove_small_blob(digest)?;
                            removed.push(*len);
                        }
                    }
                    Ok(())
                })?;
            }
            removed.into_iter().for_each(|len| self.removed(len));
            self.tell()?;
        }
    }

    /// Removes larger blobs.
    fn large(&mut self) -> Result<()> {
        let blobs = self.store.inner.common.blobs.to_write()?;
        for (count, entry) in blobs.list().enumerate() {
            let BlobEntry { digest, len, last_used } = entry?;
            if self.named.contains(&digest) {
                self.keep(len);
            } else if last_used >= self.limit {
                self.report.young += 1;
                self.report.young_bytes += len;
            } else if self.dry_run || blobs.remove(&digest, Some(self.limit))? {
                self.removed(len);
            }
            if count % SLICE == 0 {
                self.tell()?;
            }
        }
        if !self.dry_run {
            self.report.unfinished = blobs.remove_unfinished()?;
            blobs.flush()?;
        }
        self.tell()
    }
}

/// Hands over the blobs that records name, each as often as it is named, those of what is deleted and not purged
/// included; and nothing, now and then. `damaged` is told of a record that cannot be read: what it names is unknown.
pub(crate) fn each_named(
    state: &State,
    each: &mut dyn FnMut(Option<&BlobRef>) -> Result<()>,
    damaged: &mut dyn FnMut(Error) -> Result<()>,
) -> Result<()> {
    let resolver = state.resolver();
    let rows = apply::next_rows(&state.tables)?;
    for kind in [EntityKind::Project, EntityKind::Experiment, EntityKind::Run] {
        for row in (0..rows.get(kind.index()).copied().unwrap_or(0)).map(Row) {
            if row.0.is_multiple_of(8192) {
                each(None)?;
            }
            match naming(&resolver, kind, row) {
                Ok(Some(entity)) => named_by(&entity, &mut |blob| each(Some(blob)))?,
                Ok(None) => {}
                Err(error) if matches!(error.kind(), ErrorKind::Corrupt | ErrorKind::Incompatible) => damaged(error)?,
                Err(error) => return Err(error),
            }
        }
    }
    Ok(())
}

/// What an entity has that names blobs; none if it has nothing of the kind.
fn naming(resolver: &Resolver<'_, ReadTables>, kind: EntityKind, row: Row) -> Result<Option<Entity>> {
    if kind != EntityKind::Run {
        return Ok(resolver.stored(kind, row)?.map(|stored| stored.entity));
    }
    let Some(bytes) = resolver.record(kind, row)? else { return Ok(None) };
    let record = archive::access::<RunV1>(payload(bytes.as_slice()))?;
    match record.head.rare.is_empty() {
        true => Ok(None),
        false => v1::rare_of(record, resolver).map(|rare| Some(Entity::Run(rare))),
    }
}

/// Hands over the blobs that an entity names.
pub(crate) fn named_by(entity: &Entity, each: &mut dyn FnMut(&BlobRef) -> Result<()>) -> Result<()> {
    for artifact in artifacts::of(entity) {
        artifact.blob.iter().try_for_each(&mut *each)?;
        let mut parts = artifact.upload.iter().flat_map(|upload| &upload.parts);
        parts.try_for_each(|part| each(&part.blob))?;
    }
    entity.code_version_snapshot().and_then(CodeVersion::blob).into_iter().try_for_each(each)
}
