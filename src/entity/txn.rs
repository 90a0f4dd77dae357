//! A write in progress: lookups that see what it did, operations that end in changes.

use std::collections::BTreeSet;

use roaring::RoaringBitmap;

use crate::codec::v1;
use crate::digest::BlobDigest;
use crate::entity::state::{Common, Place, State, no_such};
use crate::error::{Error, ErrorKind, Result};
use crate::id::{ChangeId, EntityId, EntityKind, PerKind, Row, Sequence};
use crate::keys::{self, Entry, Key, KeysView};
use crate::limits;
use crate::log::change::{Fact, Field, FieldValue};
use crate::log::draft::{Draft, Erasure, Slice};
use crate::log::read::LogReader;
use crate::log::resolve::{Resolver, payload};
use crate::model::{Actor, BlobRef, Entity, Observation, Parents, Series, Stored};
use crate::storage::dictionary::PendingKeys;
use crate::storage::{BlobSource, SeriesPlace, SeriesSource, WriteTxn};
use crate::time::Timestamp;

/// What a write runs on: the transaction its group shares.
pub(crate) trait Host {
    fn txn(&self) -> Result<&WriteTxn>;
    fn pending(&self) -> &PendingKeys;
    fn keys(&self) -> &KeysView;
    /// Deleted projects and experiments, writes of the group included.
    fn hidden(&self) -> &PerKind<RoaringBitmap>;
    /// The store as the group found it: its key index in the tables is that of the group.
    fn state(&self) -> &State;
    /// Entries of this write have gone to the tables.
    fn has_spilled_entries(&self) -> bool;
    /// How much a write may hold in memory.
    fn memory_bytes(&self) -> usize;
    /// Writes a slice of a large write, which from then on runs alone.
    fn spill(&mut self, sequence: Sequence, slice: Slice, entries: &mut BTreeSet<Entry>) -> Result<()>;
}

/// What came of erasing something of an entity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purged {
    /// It was erased, as this change says.
    Yes(ChangeId),
    /// There is no such entity any more.
    Gone,
    /// It is not deleted any more.
    Live,
    /// It is deleted, but somebody else has changed it, or begun to purge it.
    Changed,
}

/// A write in progress.
pub(crate) struct Txn<'a> {
    host: &'a mut dyn Host,
    common: &'a Common,
    actor: &'a Actor,
    sequence: Sequence,
    pub(crate) draft: Draft,
    /// Entries of the key index that the write made.
    pub(crate) entries: BTreeSet<Entry>,
}

impl<'a> Txn<'a> {
    pub(crate) fn new(
        host: &'a mut dyn Host,
        common: &'a Common,
        actor: &'a Actor,
        sequence: Sequence,
        draft: Draft,
    ) -> Self {
        Txn { host, common, actor, sequence, draft, entries: BTreeSet::new() }
    }

    pub(crate) fn time(&self) -> Timestamp {
        self.draft.time()
    }

    pub(crate) fn sequence(&self) -> Sequence {
        self.sequence
    }

    pub(crate) fn actor(&self) -> &Actor {
        self.actor
    }

    pub(crate) fn common(&self) -> &Common {
        self.common
    }

    pub(crate) fn random<const N: usize>(&self) -> Result<[u8; N]> {
        let mut bytes = [0; N];
        self.common.entropy.fill(&mut bytes).map_err(|error| Error::io("drawing randomness", error))?;
        Ok(bytes)
    }

    fn resolver(&self) -> Result<Resolver<'_, WriteTxn>> {
        Ok(Resolver {
            source: self.host.txn()?,
            dictionary: &self.common.dictionary,
            parents: &self.common.parents,
            pending: Some((self.host.pending(), &self.draft.staged)),
        })
    }

    /// The entity in `row`, read once and then kept.
    pub(crate) fn load(&mut self, kind: EntityKind, row: Row) -> Result<&Stored> {
        if self.draft.staged.get(kind, row).is_none() {
            let stored = self.resolver()?.stored(kind, row)?;
            let stored =
                stored.ok_or_else(|| Error::corrupt(format!("the record of {kind} row {} is missing", row.0)))?;
            self.draft.staged.insert(stored, false);
        }
        self.draft.staged.get(kind, row).ok_or_else(|| Error::corrupt("a staged entity is gone"))
    }

    /// The entity in `row`, without keeping it: for what passes many by.
    pub(crate) fn read(&self, kind: EntityKind, row: Row) -> Result<Stored> {
        if let Some(stored) = self.draft.staged.get(kind, row) {
            return Ok(stored.clone());
        }
        let stored = self.resolver()?.stored(kind, row)?;
        stored.ok_or_else(|| Error::corrupt(format!("the record of {kind} row {} is missing", row.0)))
    }

    fn is_hidden(&self, kind: EntityKind, row: Row) -> bool {
        match self.draft.staged.get(kind, row) {
            Some(stored) => stored.deleted,
            None => self.host.hidden().get(kind.index()).is_some_and(|rows| rows.contains(row.0)),
        }
    }

    pub(crate) fn is_live(&self, place: &Place) -> Result<bool> {
        Ok(!place.deleted && self.parents_live(place.parents)?)
    }

    /// Whether nothing above an entity is deleted.
    pub(crate) fn parents_live(&self, parents: Parents) -> Result<bool> {
        Ok(match parents {
            Parents::None => true,
            Parents::Project(project) => !self.is_hidden(EntityKind::Project, project),
            Parents::Experiment { project, experiment } => {
                !self.is_hidden(EntityKind::Project, project) && !self.is_hidden(EntityKind::Experiment, experiment)
            }
            Parents::Run(run) => match self.place(EntityKind::Run, run, None)? {
                Some(place) => self.is_live(&place)?,
                None => false,
            },
        })
    }

    /// Proposes rows for `key`: of this write, of its group, of the store.
    fn rows(&self, key: Key, each: &mut dyn FnMut(Row) -> Result<bool>) -> Result<()> {
        let (from, to) = (key.entry(Row(0)), key.entry(Row(u32::MAX)));
        for (_, row) in self.entries.range(from..=to).rev() {
            if !each(Row(*row))? {
                return Ok(());
            }
        }
        if self.host.has_spilled_entries() {
            return self.host.keys().rows(self.host.txn()?, key, each);
        }
        // The same entries, without opening a table.
        self.host.keys().rows(&self.host.state().tables, key, each)
    }

    /// The rows of `kind` that are proposed for `key`, ascending; purged ones left out, deleted ones not.
    pub(crate) fn proposed(&self, kind: EntityKind, key: Key) -> Result<Vec<Row>> {
        let mut proposed = Vec::new();
        self.rows(key, &mut |row| {
            if self.place(kind, row, None)?.is_some() {
                proposed.push(row);
            }
            Ok(true)
        })?;
        proposed.sort_unstable();
        proposed.dedup();
        Ok(proposed)
    }

    /// Up to `limit` rows from `from` on that are proposed for `key`, ascending.
    fn page(&self, key: Key, from: u32, limit: usize) -> Result<Vec<u32>> {
        let keys = self.host.keys();
        let mut rows = if self.host.has_spilled_entries() {
            keys.page(self.host.txn()?, key, from, u32::MAX, false, limit)?
        } else {
            keys.page(&self.host.state().tables, key, from, u32::MAX, false, limit)?
        };
        let (from, to) = (key.entry(Row(from)), key.entry(Row(u32::MAX)));
        rows.extend(self.entries.range(from..=to).map(|(_, row)| *row).take(limit));
        rows.sort_unstable();
        rows.dedup();
        rows.truncate(limit);
        Ok(rows)
    }

    /// Hands the children of `kind` that a parent has now to `each`, in order of creation; deleted ones left out,
    /// and what `each` adds as well. Nothing is kept of them.
    pub(crate) fn each_child(
        &mut self,
        kind: EntityKind,
        parent: Row,
        each: &mut dyn FnMut(&mut Self, Stored) -> Result<()>,
    ) -> Result<()> {
        let end = self.draft.next_rows().get(kind.index()).copied().unwrap_or(0);
        let mut from = 0;
        loop {
            let rows = self.page(Key::children(kind, parent), from, limits::WRITE_PAGE_ROWS)?;
            for row in rows.iter().filter(|row| **row < end) {
                let row = Row(*row);
                // The index only proposes, and a purged child has no record.
                match self.place(kind, row, None)? {
                    Some(place) if !place.deleted && place.parents.direct() == parent => {}
                    _ => continue,
                }
                let stored = self.read(kind, row)?;
                each(self, stored)?;
            }
            match rows.last().and_then(|last| last.checked_add(1)) {
                Some(next) if next < end && rows.len() == limits::WRITE_PAGE_ROWS => from = next,
                _ => return Ok(()),
            }
        }
    }

    /// Where the entity in `row` stands; none if its id is not `id`.
    fn place(&self, kind: EntityKind, row: Row, id: Option<&str>) -> Result<Option<Place>> {
        if let Some(stored) = self.draft.staged.get(kind, row) {
            let same = id.is_none_or(|id| stored.entity.id_str() == id);
            return Ok(same.then(|| Place::of(stored)));
        }
        match self.resolver()?.record(kind, row)? {
            Some(bytes) => Place::read(kind, bytes.as_slice(), id),
            None => Ok(None),
        }
    }

    /// The row and place of an id, deleted or not.
    pub(crate) fn find(&self, kind: EntityKind, id: &str) -> Result<Option<(Row, Place)>> {
        let mut found = None;
        self.rows(self.common.hashing.id(kind, id), &mut |row| {
            found = self.place(kind, row, Some(id))?.map(|place| (row, place));
            Ok(found.is_none())
        })?;
        Ok(found)
    }

    /// Whether an id was ever given.
    pub(crate) fn is_taken(&self, kind: EntityKind, id: &str) -> Result<bool> {
        Ok(self.find(kind, id)?.is_some())
    }

    /// The row of the entity `id`, which must be there and not deleted.
    pub(crate) fn require(&self, kind: EntityKind, id: &str) -> Result<Row> {
        match self.find(kind, id)? {
            Some((row, place)) if self.is_live(&place)? => Ok(row),
            _ => Err(no_such(kind, id)),
        }
    }

    /// The row of the entity `id`, which must be deleted itself, with nothing above it deleted, and not be in
    /// the middle of a purge.
    pub(crate) fn require_deleted(&self, kind: EntityKind, id: &str) -> Result<Row> {
        let (row, place) = self.find(kind, id)?.ok_or_else(|| no_such(kind, id))?;
        if !self.parents_live(place.parents)? {
            return Err(Error::not_found(format!("what {kind} {id:?} belongs to is deleted")));
        }
        if !place.deleted {
            return Err(Error::not_found(format!("{kind} {id:?} is not deleted")));
        }
        if self.is_being_purged(kind, row)? {
            return Err(Error::not_found(format!("{kind} {id:?} is being purged")));
        }
        Ok(row)
    }

    /// Whether the purge of a deleted entity has begun.
    pub(crate) fn is_being_purged(&self, kind: EntityKind, row: Row) -> Result<bool> {
        let last = self.read(kind, row)?.last;
        if last.sequence >= self.sequence {
            return Ok(false);
        }
        let resolver = self.resolver()?;
        let change = LogReader::new(self.host.txn()?, &resolver).change(last)?;
        Ok(change.is_none_or(|change| matches!(change.fact, Fact::Purged { .. })))
    }

    /// Refuses an entity that has another version number.
    pub(crate) fn require_version(&mut self, entity: &EntityId, wanted: u64) -> Result<()> {
        let row = self.require(entity.kind(), entity.as_str())?;
        let found = self.load(entity.kind(), row)?.entity.version_number();
        if found == wanted {
            return Ok(());
        }
        let message = format!("{entity} has version {found} by now, not {wanted}: somebody else changed it");
        Err(Error::new(ErrorKind::Conflict, message))
    }

    /// A live entity of `kind` that has `name` under `key`; of several the one updated last.
    pub(crate) fn named(&self, kind: EntityKind, key: Key, name: &str) -> Result<Option<Row>> {
        let mut best: Option<(Timestamp, Row)> = None;
        self.rows(key, &mut |row| {
            let read;
            let stored = match self.draft.staged.get(kind, row) {
                Some(stored) => stored,
                None => match self.resolver()?.record(kind, row)? {
                    // A run that is created is checked against few rows; most stores have none here.
                    Some(bytes) => {
                        read = v1::decode(kind, row, payload(bytes.as_slice()), &self.resolver()?)?;
                        &read
                    }
                    None => return Ok(true),
                },
            };
            if stored.entity.name() == Some(name) && self.is_live(&Place::of(stored))? {
                best = best.max(Some((stored.entity.date_updated(), row)));
            }
            Ok(true)
        })?;
        Ok(best.map(|(_, row)| row))
    }

    /// The generation of a series that is begun: one more than that of the last of its key.
    pub(crate) fn next_generation(&self, run: Row, key: &str) -> Result<u32> {
        let last =
            match (self.draft.staged.last_generation(run, key), self.host.pending().code(&self.common.dictionary, key))
            {
                (Some(staged), _) => Some(staged),
                (None, Some(code)) => self.host.txn()?.last_generation(run, code)?,
                (None, None) => None,
            };
        let next = last.map_or(Some(0), |last| last.checked_add(1));
        next.ok_or_else(|| Error::limit("a key of a run has at most 2^32 series, one after the other"))
    }

    /// Observations of a series from one on: at least one, as many as are together.
    pub(crate) fn observations(&self, run: Row, series: &Series, from: u64) -> Result<Vec<Observation>> {
        let skip = |mut all: Vec<Observation>, first: u64, end: u64| {
            all.truncate(usize::try_from(end - first).unwrap_or(usize::MAX));
            all.drain(..usize::try_from(from - first).unwrap_or(usize::MAX).min(all.len()));
            all
        };
        match self.draft.staged.added(run, &series.key, series.generation) {
            Some(added) if from >= added.from => Ok(skip(added.observations.clone(), added.from, series.count)),
            added => {
                let end = added.map_or(series.count, |added| added.from.min(series.count));
                let code = self.host.pending().code(&self.common.dictionary, &series.key);
                let unknown = || Error::corrupt(format!("the key {:?} of a series is unknown", series.key));
                let place = SeriesPlace { run, key: code.ok_or_else(unknown)?, generation: series.generation };
                let (first, chunk) = self.host.txn()?.chunk(place, from)?;
                Ok(skip(chunk.collect(), first, end))
            }
        }
    }

    /// All observations of a series.
    pub(crate) fn all_observations(&self, run: Row, series: &Series) -> Result<Vec<Observation>> {
        let mut all = Vec::new();
        while (all.len() as u64) < series.count {
            all.extend(self.observations(run, series, all.len() as u64)?);
        }
        Ok(all)
    }

    /// Stores bytes beside the records, with this write, unless they are there and whole.
    pub(crate) fn put_small_blob(&mut self, bytes: &[u8]) -> Result<BlobRef> {
        if bytes.len() > limits::SMALL_BLOB_BYTES {
            let (len, most) = (bytes.len(), limits::SMALL_BLOB_BYTES);
            return Err(Error::limit(format!("{len} bytes inside a write, of at most {most}: put them before it")));
        }
        let blob = BlobRef::of(bytes);
        self.common.blobs.name(blob.digest);
        if self.draft.staged.blob(&blob.digest).is_none() {
            match self.host.txn()?.small_blob(&blob.digest) {
                Ok(Some(_)) => {}
                Ok(None) => self.draft.add_blob(blob.digest, bytes.to_vec()),
                Err(error) if error.kind() == ErrorKind::Corrupt => self.draft.add_blob(blob.digest, bytes.to_vec()),
                Err(error) => return Err(error),
            }
        }
        Ok(blob)
    }

    /// How long the blob of a digest is, which is kept from here on until the write is durable.
    ///
    /// # Errors
    /// `NotFound` if there is none.
    pub(crate) fn require_blob(&self, digest: &BlobDigest) -> Result<u64> {
        self.common.blobs.name(*digest);
        if let Some(bytes) = self.draft.staged.blob(digest) {
            return Ok(bytes.len() as u64);
        }
        if let Some(bytes) = self.host.txn()?.small_blob(digest)? {
            return Ok(bytes.len() as u64);
        }
        let blobs = self.common.blobs.to_write()?;
        if !blobs.touch(digest)? {
            return Err(Error::not_found(format!("there is no blob {digest}: its bytes are put first, then named")));
        }
        Ok(blobs.open(digest)?.len())
    }

    /// Creates an entity and its entries in the key index.
    pub(crate) fn create(&mut self, entity: Entity, parents: Parents) -> Result<Row> {
        let kind = entity.kind();
        let entropy = &*self.common.entropy;
        let created = self.draft.whole(|draft| draft.create(entity, parents, entropy));
        let row = self.keep(created)?;
        if let Some(stored) = self.draft.staged.get(kind, row) {
            self.entries.extend(keys::created(self.common.hashing, stored));
        }
        Ok(row)
    }

    /// One operation on one entity: its fields go to new values.
    pub(crate) fn edit(
        &mut self,
        operation: &'static str,
        kind: EntityKind,
        row: Row,
        fields: Vec<(Field, Option<FieldValue>)>,
    ) -> Result<()> {
        self.edit_in_part(kind, row, fields)?;
        self.end(operation)
    }

    /// A part of an operation on several entities: the fields of one go to new values.
    pub(crate) fn edit_in_part(
        &mut self,
        kind: EntityKind,
        row: Row,
        fields: Vec<(Field, Option<FieldValue>)>,
    ) -> Result<()> {
        self.load(kind, row)?;
        let renamed = fields.iter().find_map(|(field, value)| match (field, value) {
            (Field::Name, Some(FieldValue::Text(name))) => Some(name.clone()),
            _ => None,
        });
        let entropy = &*self.common.entropy;
        let edited = self.draft.whole(|draft| draft.edit(kind, row, fields, entropy));
        self.keep(edited)?;
        if let (Some(name), Some(stored)) = (renamed, self.draft.staged.get(kind, row)) {
            self.entries.extend(keys::name(self.common.hashing, stored, &name).map(|key| key.entry(row)));
        }
        Ok(())
    }

    /// Erases changes of a deleted entity, if it is as the purge has seen it.
    pub(crate) fn purge(&mut self, erasure: Erasure<'_>) -> Result<Purged> {
        let Erasure { kind, row, last, .. } = erasure;
        match self.place(kind, row, None)? {
            Some(place) if self.is_live(&place)? => return Ok(Purged::Live),
            Some(_) => {}
            None => return Ok(Purged::Gone),
        }
        if self.load(kind, row)?.last != last {
            return Ok(Purged::Changed);
        }
        let entropy = &*self.common.entropy;
        let purged = self.draft.whole(|draft| draft.purge(erasure, entropy));
        self.keep(purged).map(Purged::Yes)
    }

    /// Ends an operation; a write that has become large goes to the disk.
    pub(crate) fn end(&mut self, operation: &'static str) -> Result<()> {
        self.draft.end_operation(operation);
        self.spill_if_large()
    }

    pub(crate) fn spill_if_large(&mut self) -> Result<()> {
        if self.draft.bytes() < self.host.memory_bytes() {
            return Ok(());
        }
        let slice = self.draft.take_slice();
        let spilled = self.host.spill(self.sequence, slice, &mut self.entries);
        self.keep(spilled)
    }

    /// A failure past this point leaves half an operation in the draft, which then must not be committed.
    pub(crate) fn keep<T>(&mut self, result: Result<T>) -> Result<T> {
        if result.is_err() {
            self.draft.mark_broken();
        }
        result
    }

    /// The id a new entity asks for, if it is free, or a new UUIDv7.
    pub(crate) fn new_id(&self, kind: EntityKind, wanted: &str) -> Result<String> {
        if !wanted.is_empty() {
            if self.is_taken(kind, wanted)? {
                return Err(Error::exists(format!("the {kind} id {wanted:?} is taken")));
            }
            return Ok(wanted.to_owned());
        }
        let millis = u64::try_from(self.time().millis()).unwrap_or(0);
        let id = uuid::Builder::from_unix_timestamp_millis(millis, &self.random()?).into_uuid();
        Ok(id.hyphenated().to_string())
    }

    /// The id of an entity that is in the store or in this write.
    pub(crate) fn entity_id(&mut self, kind: EntityKind, row: Row) -> Result<EntityId> {
        Ok(self.load(kind, row)?.entity.id())
    }
}

/// The error of a write inside a write.
pub(crate) fn nested() -> Error {
    Error::new(ErrorKind::NestedWrite, "a write was started inside a write of the same store on this thread")
}
