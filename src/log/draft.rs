//! The changes of a write in progress: in memory, beside the tables, until the write has succeeded.
//!
//! A write that fails is dropped with its draft; nothing of it has touched a table. A large one is
//! applied in slices ([`Draft::take_slice`]), and then only aborting the transaction takes it back.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashMap};

use crate::codec::canon::{Canon, Digest, Encoder};
use crate::digest::BlobDigest;
use crate::error::{Error, Result};
use crate::id::{ChangeId, EntityKind, PerKind, Row, Sequence};
use crate::limits;
use crate::log::chain::{self, Hash, Root, SALT_BYTES};
use crate::log::change::{Change, Edit, Fact, Field, FieldValue};
use crate::log::commit::{self, Context, Item, Operation, Part, Trailer};
use crate::model::{Entity, Observation, Parents, RunStatus, Stored};
use crate::time::{Entropy, Timestamp};

/// Entities a write has read or changed, and the long texts of their changes.
#[derive(Default)]
pub(crate) struct Staged {
    entities: Vec<StagedEntity>,
    index: HashMap<(EntityKind, Row), usize>,
    texts: HashMap<Digest, Text>,
    series: BTreeMap<AddedTo, Added>,
    blobs: BTreeMap<BlobDigest, Vec<u8>>,
}

/// The series of a key of a run, and how many of the key there were before.
pub(crate) type AddedTo = (Row, String, u32);

/// Observations that a write adds to a series, one after the other.
pub(crate) struct Added {
    /// Those that the series has before them.
    pub(crate) from: u64,
    pub(crate) observations: Vec<Observation>,
}

/// A long text, and how many times the changes name it.
pub(crate) struct Text {
    pub(crate) bytes: Vec<u8>,
    pub(crate) references: u64,
}

struct StagedEntity {
    stored: Stored,
    dirty: bool,
}

impl Staged {
    pub(crate) fn get(&self, kind: EntityKind, row: Row) -> Option<&Stored> {
        self.index.get(&(kind, row)).and_then(|&at| self.entities.get(at)).map(|staged| &staged.stored)
    }

    pub(crate) fn text(&self, digest: &Digest) -> Option<&[u8]> {
        self.texts.get(digest).map(|text| text.bytes.as_slice())
    }

    /// A small blob that the write stores.
    pub(crate) fn blob(&self, digest: &BlobDigest) -> Option<&[u8]> {
        self.blobs.get(digest).map(Vec::as_slice)
    }

    /// Keeps an entity that was read, so that it is decoded once a write.
    pub(crate) fn insert(&mut self, stored: Stored, dirty: bool) {
        let key = (stored.kind(), stored.row);
        match self.index.get(&key).and_then(|&at| self.entities.get_mut(at)) {
            Some(staged) => *staged = StagedEntity { stored, dirty: dirty || staged.dirty },
            None => {
                self.index.insert(key, self.entities.len());
                self.entities.push(StagedEntity { stored, dirty });
            }
        }
    }

    /// What the write adds to the series of a key, in this generation of it, and is not in the tables yet.
    pub(crate) fn added(&self, run: Row, key: &str, generation: u32) -> Option<&Added> {
        self.series.get(&(run, key.to_owned(), generation))
    }

    /// The last generation of the series of a key that the write adds to.
    pub(crate) fn last_generation(&self, run: Row, key: &str) -> Option<u32> {
        let all = (run, key.to_owned(), 0)..=(run, key.to_owned(), u32::MAX);
        self.series.range(all).next_back().map(|((_, _, generation), _)| *generation)
    }

    fn get_mut(&mut self, kind: EntityKind, row: Row) -> Option<&mut StagedEntity> {
        self.index.get(&(kind, row)).and_then(|&at| self.entities.get_mut(at))
    }

    /// Forgets an entity: its record is to be removed.
    fn remove(&mut self, kind: EntityKind, row: Row) {
        if let Some(staged) = self.get_mut(kind, row) {
            staged.dirty = false;
        }
        self.index.remove(&(kind, row));
    }
}

/// What goes to the tables: all of a small write, a slice of a large one.
pub(crate) struct Slice {
    /// Changed entities, in the order they were first touched.
    pub(crate) entities: Vec<Stored>,
    /// Long texts by digest.
    pub(crate) texts: HashMap<Digest, Text>,
    /// What is added to series.
    pub(crate) series: BTreeMap<AddedTo, Added>,
    /// Small blobs.
    pub(crate) blobs: BTreeMap<BlobDigest, Vec<u8>>,
    /// Full parts of the commit.
    pub(crate) parts: Vec<(u32, Vec<u8>)>,
    /// Projects and experiments that were deleted or restored.
    pub(crate) hidden: Vec<(EntityKind, Row, bool)>,
    /// Runs that were started or ended.
    pub(crate) running: Vec<(Row, bool)>,
    /// Rows whose records are removed.
    pub(crate) removed: Vec<(EntityKind, Row)>,
    /// Changes of earlier commits that are erased.
    pub(crate) erased: Vec<ChangeId>,
    /// Long texts that records named which are removed.
    pub(crate) released: Vec<Digest>,
    /// The dates that removed records gave their parents, which nothing else tells any more.
    pub(crate) dates: HashMap<(EntityKind, Row), Timestamp>,
}

/// What a purge takes of one entity.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Erasure<'e> {
    pub(crate) kind: EntityKind,
    pub(crate) row: Row,
    /// The last change it must have: with another, somebody else has been there.
    pub(crate) last: ChangeId,
    /// Its purge has begun before.
    pub(crate) begun: bool,
    /// What is erased now.
    pub(crate) changes: &'e [ChangeId],
    /// Nothing of it is left then, and its record goes too.
    pub(crate) done: bool,
}

/// The changes of one write.
pub(crate) struct Draft {
    sequence: Sequence,
    time: Timestamp,
    operations: Vec<Operation>,
    changes: u32,
    /// Changes already told of by an operation.
    told: u32,
    root: Root,
    /// Encoded items of the part that is being filled.
    items: Encoder,
    /// The change that is being encoded: kept for its memory.
    change: Encoder,
    first: u32,
    parts: Vec<(u32, Vec<u8>)>,
    pub(crate) staged: Staged,
    hidden: Vec<(EntityKind, Row, bool)>,
    running: Vec<(Row, bool)>,
    removed: Vec<(EntityKind, Row)>,
    erased: Vec<ChangeId>,
    released: Vec<Digest>,
    kept_dates: HashMap<(EntityKind, Row), Timestamp>,
    /// The latest dates of what is under projects and experiments, as far as this write made them later.
    pub(crate) dates: HashMap<(EntityKind, Row), Timestamp>,
    /// Rows the next entities get, by kind.
    next_rows: PerKind<u32>,
    bytes: usize,
    broken: bool,
}

impl Draft {
    /// An empty draft of the commit `sequence`.
    pub(crate) fn new(sequence: Sequence, time: Timestamp, next_rows: PerKind<u32>) -> Self {
        Draft {
            sequence,
            time,
            operations: Vec::new(),
            changes: 0,
            told: 0,
            root: Root::default(),
            items: Encoder::new(),
            change: Encoder::new(),
            first: 0,
            parts: Vec::new(),
            staged: Staged::default(),
            hidden: Vec::new(),
            running: Vec::new(),
            removed: Vec::new(),
            erased: Vec::new(),
            released: Vec::new(),
            kept_dates: HashMap::new(),
            dates: HashMap::new(),
            next_rows,
            bytes: 0,
            broken: false,
        }
    }

    pub(crate) fn time(&self) -> Timestamp {
        self.time
    }

    pub(crate) fn next_rows(&self) -> PerKind<u32> {
        self.next_rows
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.changes == 0
    }

    /// About how much memory the draft holds.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// An operation failed after it had changed something: the write can only be taken back.
    pub(crate) fn mark_broken(&mut self) {
        self.broken = true;
    }

    /// Runs what has to come to its end: if it panics, the write can only be taken back, though its caller catches
    /// that and goes on.
    pub(crate) fn whole<T>(&mut self, run: impl FnOnce(&mut Self) -> T) -> T {
        let broken = std::mem::replace(&mut self.broken, true);
        let value = run(self);
        self.broken = broken;
        value
    }

    /// Adds an entity, in the next row of its kind.
    pub(crate) fn create(&mut self, entity: Entity, parents: Parents, entropy: &dyn Entropy) -> Result<Row> {
        let kind = entity.kind();
        let next = self.next_rows.get(kind.index()).ok_or_else(|| Error::corrupt("an unknown kind"))?;
        if *next >= limits::ENTITIES_PER_KIND {
            return Err(Error::limit(format!("a store has at most {} entities of a kind", limits::ENTITIES_PER_KIND)));
        }
        let row = Row(*next);
        let date = entity.date_updated();
        let change = Change { entity: entity.id(), previous: None, fact: Fact::Created(Box::new(entity)) };
        let last = self.push(&change, entropy)?;
        if let Some(next) = self.next_rows.get_mut(kind.index()) {
            *next += 1;
        }
        touch(&mut self.dates, parents, date);
        if let Fact::Created(entity) = change.fact {
            if is_running(&entity) {
                self.running.push((row, true));
            }
            self.staged.insert(Stored { entity: *entity, row, parents, last, deleted: false }, true);
        }
        Ok(row)
    }

    /// Puts fields of a staged entity to new values. Without any that differs there is no change.
    pub(crate) fn edit(
        &mut self,
        kind: EntityKind,
        row: Row,
        fields: Vec<(Field, Option<FieldValue>)>,
        entropy: &dyn Entropy,
    ) -> Result<()> {
        let time = self.time;
        let staged =
            self.staged.get_mut(kind, row).ok_or_else(|| Error::corrupt("an entity is edited before it is read"))?;
        let stored = &mut staged.stored;
        let mut edits = Vec::with_capacity(fields.len());
        for (field, new) in fields {
            let new = new.filter(|new| !new.is_nothing());
            let old = field.replace(stored, new.clone())?;
            if old != new {
                edits.push(Edit { field, old, new });
            }
        }
        if edits.is_empty() {
            return Ok(());
        }
        staged.dirty = true;
        let old_date_updated = stored.entity.date_updated();
        let new_date_updated = old_date_updated.max(time);
        stored.entity.set_date_updated(new_date_updated);
        stored.entity.set_version_number(stored.entity.version_number().saturating_add(1));
        touch(&mut self.dates, stored.parents, new_date_updated);
        if matches!(kind, EntityKind::Project | EntityKind::Experiment)
            && edits.iter().any(|edit| edit.field == Field::Deleted)
        {
            self.hidden.push((kind, row, stored.deleted));
        }
        if edits.iter().any(|edit| edit.field == Field::Status) {
            self.running.push((row, is_running(&stored.entity)));
        }
        let fact = Fact::Edited { old_date_updated, new_date_updated, edits };
        let change = Change { entity: stored.entity.id(), previous: Some(stored.last), fact };
        let last = self.push(&change, entropy)?;
        if let Some(staged) = self.staged.get_mut(kind, row) {
            staged.stored.last = last;
        }
        Ok(())
    }

    /// Keeps observations that a change has added to a series.
    pub(crate) fn add_observations(&mut self, to: AddedTo, new: Added) {
        let bytes = |observation: &Observation| 64 + observation.value.as_str().map_or(0, str::len);
        self.bytes += new.observations.iter().map(bytes).sum::<usize>();
        match self.staged.series.entry(to) {
            Entry::Occupied(added) => added.into_mut().observations.extend(new.observations),
            Entry::Vacant(vacant) => {
                vacant.insert(new);
            }
        }
    }

    /// Keeps a small blob.
    pub(crate) fn add_blob(&mut self, digest: BlobDigest, bytes: Vec<u8>) {
        self.bytes += bytes.len();
        self.staged.blobs.insert(digest, bytes);
    }

    /// Erases changes of a staged entity that was deleted. Answers the change that says so.
    pub(crate) fn purge(&mut self, erasure: Erasure<'_>, entropy: &dyn Entropy) -> Result<ChangeId> {
        let Erasure { kind, row, begun, changes, done, .. } = erasure;
        let stored =
            self.staged.get(kind, row).ok_or_else(|| Error::corrupt("an entity is purged before it is read"))?;
        // The changes that named the texts of a record go before it does: until then, it names them itself.
        let texts = if begun == done { Change::texts_of(&stored.entity) } else { Vec::new() };
        let (entity, previous, parents) = (stored.entity.id(), stored.last, stored.parents);
        let (date, running) = (stored.entity.date_updated(), is_running(&stored.entity));
        for (digest, text) in texts {
            if done {
                self.released.push(digest);
            } else {
                self.bytes += text.len();
                self.staged.texts.entry(digest).or_insert(Text { bytes: text, references: 0 }).references += 1;
            }
        }
        let count = u32::try_from(changes.len()).map_err(|_| Error::corrupt("too many changes are erased at once"))?;
        let fact = Fact::Purged { changes: count, done };
        let change = Change { entity, previous: Some(previous), fact };
        let last = self.push(&change, entropy)?;
        self.erased.extend_from_slice(changes);
        if done {
            touch(&mut self.kept_dates, parents, date);
            self.staged.remove(kind, row);
            self.removed.push((kind, row));
            if matches!(kind, EntityKind::Project | EntityKind::Experiment) {
                self.hidden.push((kind, row, false));
            }
            if running {
                self.running.push((row, false));
            }
        } else if let Some(staged) = self.staged.get_mut(kind, row) {
            staged.dirty = true;
            staged.stored.last = last;
        }
        Ok(last)
    }

    /// Ends an operation: the changes since the one before are its. One without changes is not told.
    pub(crate) fn end_operation(&mut self, name: &'static str) {
        let changes = self.changes - self.told;
        if changes > 0 {
            self.operations.push(Operation { name: name.to_owned(), changes });
            self.told = self.changes;
        }
    }

    fn push(&mut self, change: &Change, entropy: &dyn Entropy) -> Result<ChangeId> {
        if self.changes >= limits::CHANGES_PER_COMMIT {
            return Err(Error::limit(format!("a commit has at most {} changes", limits::CHANGES_PER_COMMIT)));
        }
        let id = ChangeId::new(self.sequence, self.changes);
        let salt = salt(entropy)?;
        self.change.clear();
        change.encode(&mut self.change);
        if self.change.bytes_so_far().len() > limits::CHANGE_BYTES {
            self.change.large.clear();
            return Err(Error::limit(format!("a change has at most {} bytes", limits::CHANGE_BYTES)));
        }
        for (digest, text) in std::mem::take(&mut self.change.large) {
            self.bytes += text.len();
            self.staged.texts.entry(digest).or_insert(Text { bytes: text, references: 0 }).references += 1;
        }
        let bytes = self.change.bytes_so_far();
        self.root.push(change.code(), &chain::salted(&salt, bytes));
        commit::encode_item(&mut self.items, &salt, bytes);
        self.changes += 1;
        // The item, and the entity that stands beside it until the slice is taken.
        self.bytes += 3 * bytes.len() + 512;
        if self.items.len() >= limits::LOG_PART_BYTES {
            self.end_part(None);
        }
        Ok(id)
    }

    fn end_part(&mut self, trailer: Option<&Trailer>) {
        let count = (self.changes - self.first) as usize;
        self.parts.push((self.first, Part::seal(count, self.items.bytes_so_far(), trailer)));
        self.items.clear();
        self.first = self.changes;
    }

    /// Whether every operation that changed something has come to its end, and may be kept.
    ///
    /// # Errors
    /// `InvalidArgument` if one has not: it failed halfway, or panicked, and the write went on.
    pub(crate) fn check_whole(&self) -> Result<()> {
        if self.broken || self.told != self.changes {
            return Err(Error::invalid("an operation failed halfway, and the write went on: it is taken back"));
        }
        Ok(())
    }

    /// Ends the commit; its last part and everything else is left to be taken. Answers its hash.
    pub(crate) fn finish(&mut self, previous: &Hash, context: &Context, entropy: &dyn Entropy) -> Result<Hash> {
        self.check_whole()?;
        let header = commit::encode_header(self.sequence, self.time, &self.operations, self.changes);
        let mut encoder = Encoder::new();
        context.encode(&mut encoder);
        if !encoder.large.is_empty() {
            return Err(Error::limit(format!("a field of the actor is longer than {} bytes", limits::INLINE_BYTES)));
        }
        let actor = Item::Whole { salt: salt(entropy)?, bytes: encoder.into_bytes() };
        let hash = chain::link(previous, &header, &actor.digest(), &self.root.clone().finish());
        self.end_part(Some(&Trailer { header, actor, hash, changes: self.changes }));
        Ok(hash)
    }

    /// Takes what can go to the tables, leaving the draft light.
    pub(crate) fn take_slice(&mut self) -> Slice {
        let staged = std::mem::take(&mut self.staged);
        self.bytes = 0;
        Slice {
            entities: staged.entities.into_iter().filter(|staged| staged.dirty).map(|staged| staged.stored).collect(),
            texts: staged.texts,
            series: staged.series,
            blobs: staged.blobs,
            parts: std::mem::take(&mut self.parts),
            hidden: std::mem::take(&mut self.hidden),
            running: std::mem::take(&mut self.running),
            removed: std::mem::take(&mut self.removed),
            erased: std::mem::take(&mut self.erased),
            released: std::mem::take(&mut self.released),
            dates: std::mem::take(&mut self.kept_dates),
        }
    }
}

fn is_running(entity: &Entity) -> bool {
    matches!(entity, Entity::Run(run) if run.status == Some(RunStatus::Running))
}

/// Lifts the dates of parents to that of a child.
fn touch(dates: &mut HashMap<(EntityKind, Row), Timestamp>, parents: Parents, date: Timestamp) {
    let mut lift = |kind, row| {
        let known = dates.entry((kind, row)).or_insert(date);
        *known = date.max(*known);
    };
    match parents {
        Parents::None | Parents::Run(_) => {}
        Parents::Project(project) => lift(EntityKind::Project, project),
        Parents::Experiment { project, experiment } => {
            lift(EntityKind::Project, project);
            lift(EntityKind::Experiment, experiment);
        }
    }
}

fn salt(entropy: &dyn Entropy) -> Result<[u8; SALT_BYTES]> {
    let mut salt = [0; SALT_BYTES];
    entropy.fill(&mut salt).map_err(|error| Error::io("drawing a salt", error))?;
    Ok(salt)
}
