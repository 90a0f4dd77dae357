//! Key index: a follower of the log that finds rows by id, by name, by parent, and commits by write id.
//!
//! It is one ordered set of `(key, row)`. A key is either a 63-bit keyed hash (of an id, of a name within its
//! parent, of a write id) or, with the top bit set, a kind and a parent row, so that the rows under it are the
//! parent's children in order of creation. A hash only proposes rows: who asks verifies them in the records,
//! so an entry too many does no harm, and entries are never removed.
//!
//! The same follower keeps the dates that parents take from what is under them ([`dates`]).
//!
//! Written with every commit, such random keys would cost half of it. So the newest entries are in memory, in
//! two generations: the active one grows; once it is full it is frozen and folded into the table in slices.
//! The table's watermark moves when a generation is folded whole; what lies behind it is read from the log
//! when the store is opened. So a generation is frozen as well once the log has gone far enough beyond the
//! watermark, however few entries it holds: writes that only edit make none.

pub(crate) mod dates;
mod follow;
mod lookup;

pub(crate) use follow::{created, follow, name};
pub(crate) use lookup::Lookups;

use std::collections::BTreeSet;
use std::sync::Arc;

use parking_lot::RwLock;
use siphasher::sip::SipHasher13;
use std::hash::Hasher as _;

use crate::error::{Error, Result};
use crate::id::{EntityKind, PerKind, Row, Sequence};
use crate::limits;
use crate::model::LineageEntry;
use crate::storage::{Source, WriteTables};
use crate::time::Timestamp;

use dates::{Dates, ParentDate};

/// A key of the index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key(u64);

/// An entry of the index.
pub(crate) type Entry = (u64, u32);

const CHILDREN: u64 = 1 << 63;

/// Name of the setting that holds the hash key of a store.
pub(crate) const HASH_KEY: &str = "hash-key";
const WATERMARK_KEY: &str = "keys";

/// Makes keys. The hash is keyed by the store, so that nobody can prepare names that collide.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Hashing([u8; 16]);

impl Hashing {
    pub(crate) fn new(key: [u8; 16]) -> Self {
        Hashing(key)
    }

    fn hash(self, domain: u8, kind: u8, scope: &[u8], text: &str) -> Key {
        let mut hasher = SipHasher13::new_with_key(&self.0);
        hasher.write(&[domain, kind]);
        hasher.write(&(scope.len() as u64).to_le_bytes());
        hasher.write(scope);
        hasher.write(text.as_bytes());
        Key(hasher.finish() & !CHILDREN)
    }

    /// The key of an id.
    pub(crate) fn id(self, kind: EntityKind, id: &str) -> Key {
        self.hash(0, kind.code(), &[], id)
    }

    /// The key of a project's name within its workspace.
    pub(crate) fn project_name(self, workspace: &str, name: &str) -> Key {
        self.hash(1, EntityKind::Project.code(), workspace.as_bytes(), name)
    }

    /// The key of a name within a parent.
    pub(crate) fn child_name(self, kind: EntityKind, parent: Row, name: &str) -> Key {
        self.hash(1, kind.code(), &parent.0.to_le_bytes(), name)
    }

    /// The key of the edges that lead from an input.
    pub(crate) fn edges_from(self, input: &LineageEntry) -> Key {
        self.hash(3, input.code(), &[], input.id())
    }

    /// The key of the edges that lead to an output.
    pub(crate) fn edges_to(self, output: &LineageEntry) -> Key {
        self.hash(4, output.code(), &[], output.id())
    }

    /// The key of an edge by its ends.
    pub(crate) fn edge(self, input: &LineageEntry, output: &LineageEntry) -> Key {
        let mut scope = vec![output.code()];
        scope.extend_from_slice(output.id().as_bytes());
        self.hash(5, input.code(), &scope, input.id())
    }

    /// The key of a write id; its rows are the low halves of sequence numbers.
    pub(crate) fn write_id(self, id: &str) -> Key {
        self.hash(2, 0, &[], id)
    }
}

impl Key {
    /// The children of `kind` under a parent; all projects are under row 0.
    pub(crate) fn children(kind: EntityKind, parent: Row) -> Key {
        Key(CHILDREN | u64::from(kind.code()) << 32 | u64::from(parent.0))
    }

    pub(crate) fn entry(self, row: Row) -> Entry {
        (self.0, row.0)
    }

    pub(crate) fn write_entry(self, sequence: Sequence) -> Entry {
        #[allow(clippy::cast_possible_truncation)] // The low half: whoever asks verifies the commit.
        (self.0, sequence.get() as u32)
    }
}

#[derive(Default)]
struct Generation {
    entries: RwLock<BTreeSet<Entry>>,
    dates: RwLock<Dates>,
}

impl Generation {
    fn len(&self) -> usize {
        self.entries.read().len()
    }
}

/// What a snapshot sees of the index in memory. Entries that are newer than the snapshot propose rows it
/// does not have.
#[derive(Clone)]
pub(crate) struct KeysView {
    active: Arc<Generation>,
    frozen: Option<Arc<Generation>>,
}

impl KeysView {
    /// Entries in memory.
    pub(crate) fn len(&self) -> usize {
        self.generations().map(Generation::len).sum()
    }

    fn generations(&self) -> impl Iterator<Item = &Generation> {
        [Some(&self.active), self.frozen.as_ref()].into_iter().flatten().map(|generation| &**generation)
    }

    /// The latest date of what is under a project or an experiment, as of `at`, which must not lie before the
    /// table's watermark.
    pub(crate) fn date<S: Source>(
        &self,
        source: &S,
        parent: (EntityKind, Row),
        at: Sequence,
    ) -> Result<Option<Timestamp>> {
        let folded = source.date(parent.0, parent.1)?.map(Timestamp::from_millis);
        Ok(self.generations().map(|generation| generation.dates.read().at(parent, at)).fold(folded, Ord::max))
    }

    /// Proposes rows for `key`, newest generation first, until `each` answers false.
    pub(crate) fn rows<S: Source>(
        &self,
        source: &S,
        key: Key,
        each: &mut dyn FnMut(Row) -> Result<bool>,
    ) -> Result<()> {
        for generation in self.generations() {
            let rows: Vec<u32> = {
                // Never ask anybody under the lock.
                let entries = generation.entries.read();
                entries.range((key.0, 0)..=(key.0, u32::MAX)).rev().map(|(_, row)| *row).collect()
            };
            for row in rows {
                if !each(Row(row))? {
                    return Ok(());
                }
            }
        }
        let mut failed = None;
        source.entries_back(key.0, 0, u32::MAX, &mut |row| match each(Row(row)) {
            Ok(more) => more,
            Err(error) => {
                failed = Some(error);
                false
            }
        })?;
        failed.map_or(Ok(()), Err)
    }

    /// Whether the entry is there.
    fn contains<S: Source>(&self, source: &S, (key, row): Entry) -> Result<bool> {
        if self.generations().any(|generation| generation.entries.read().contains(&(key, row))) {
            return Ok(true);
        }
        let mut found = false;
        source.entries(key, row, row, &mut |_| {
            found = true;
            false
        })?;
        Ok(found)
    }

    /// Up to `limit` rows under `key` between `from` and `to` inclusive, each once, ascending or descending.
    pub(crate) fn page<S: Source>(
        &self,
        source: &S,
        key: Key,
        from: u32,
        to: u32,
        descending: bool,
        limit: usize,
    ) -> Result<Vec<u32>> {
        if from > to {
            return Ok(Vec::new());
        }
        let mut rows = Vec::new();
        for generation in self.generations() {
            let entries = generation.entries.read();
            let range = entries.range((key.0, from)..=(key.0, to)).map(|(_, row)| *row);
            if descending { rows.extend(range.rev().take(limit)) } else { rows.extend(range.take(limit)) }
        }
        let mut found = 0;
        let mut take = |row| {
            rows.push(row);
            found += 1;
            found < limit
        };
        if descending {
            source.entries_back(key.0, from, to, &mut take)?;
        } else {
            source.entries(key.0, from, to, &mut take)?;
        }
        rows.sort_unstable();
        rows.dedup();
        if descending {
            rows.reverse();
        }
        rows.truncate(limit);
        Ok(rows)
    }
}

/// How far the table has followed: a sequence, and the rows there were then, by kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Watermark {
    pub(crate) sequence: Sequence,
    pub(crate) rows: PerKind<u32>,
}

impl Watermark {
    pub(crate) fn read<S: Source>(source: &S) -> Result<Self> {
        let Some(bytes) = source.meta(WATERMARK_KEY)? else { return Ok(Watermark::default()) };
        let numbers: Option<Vec<u64>> =
            bytes.chunks(8).map(|chunk| chunk.try_into().ok().map(u64::from_le_bytes)).collect();
        let damaged = || Error::corrupt("the key index's watermark is damaged");
        let numbers = numbers.ok_or_else(damaged)?;
        let (sequence, kinds) = numbers.split_first().ok_or_else(damaged)?;
        let mut watermark = Watermark { sequence: Sequence::new(*sequence), ..Watermark::default() };
        for (at, number) in kinds.iter().enumerate() {
            let slot = watermark.rows.get_mut(at).ok_or_else(damaged)?;
            *slot = u32::try_from(*number).map_err(|_| damaged())?;
        }
        Ok(watermark)
    }

    fn write(self, tables: &mut WriteTables<'_>) -> Result<()> {
        let mut bytes = self.sequence.get().to_le_bytes().to_vec();
        self.rows.iter().for_each(|row| bytes.extend_from_slice(&u64::from(*row).to_le_bytes()));
        tables.put_meta(WATERMARK_KEY, &bytes)
    }
}

/// The writer's side of the index.
pub(crate) struct Keys {
    view: KeysView,
    frozen: Option<Frozen>,
    /// How far the table has followed.
    watermark: Sequence,
    /// Entries that may be folded for the entries that were added and the commits that were made...
    credit: usize,
    /// ...up to this one.
    credited: Sequence,
}

/// The generation that is being folded.
struct Frozen {
    /// How far it reaches.
    watermark: Watermark,
    /// The entry it is folded up to.
    folded: Option<Entry>,
    /// How many entries are left to fold.
    left: usize,
    /// The dates that are left to fold.
    dates: Vec<ParentDate>,
    /// How much each commit lets be folded, whatever it makes, so that there is an end to it.
    each_commit: usize,
}

impl Keys {
    /// An index whose table has followed up to `watermark`.
    pub(crate) fn new(watermark: Sequence) -> Self {
        let view = KeysView { active: Arc::default(), frozen: None };
        Keys { view, frozen: None, watermark, credit: 0, credited: watermark }
    }

    pub(crate) fn view(&self) -> KeysView {
        self.view.clone()
    }

    /// Entries in memory.
    pub(crate) fn len(&self) -> usize {
        self.view.len()
    }

    /// Whether the table lacks so many commits up to `now` that they are to be folded, whatever they made.
    pub(crate) fn is_far_behind(&self, now: Sequence) -> bool {
        now.get().saturating_sub(self.watermark.get()) >= limits::KEYS_COMMITS
    }

    /// How far the table has followed.
    pub(crate) fn folded_up_to(&self) -> Sequence {
        self.watermark
    }

    /// Whether the table lacks nothing up to `now`.
    pub(crate) fn is_folded(&self, now: Sequence) -> bool {
        self.watermark >= now
    }

    /// Takes in what a write, or a part of it, did.
    pub(crate) fn absorb(
        &mut self,
        entries: impl IntoIterator<Item = Entry>,
        dates: impl IntoIterator<Item = ParentDate>,
        sequence: Sequence,
    ) {
        let mut grown = self.view.active.dates.write();
        dates.into_iter().for_each(|date| grown.grow(date, sequence));
        let mut active = self.view.active.entries.write();
        let before = active.len();
        active.extend(entries);
        // Two for one, so that the frozen generation is gone before the active one is full.
        self.credit += 2 * (active.len() - before);
    }

    /// Folds a slice, if one is due, into the transaction that is about to be committed; `now` is how far
    /// the index has followed.
    pub(crate) fn fold_due(&mut self, tables: &mut WriteTables<'_>, now: Watermark) -> Result<()> {
        if self.frozen.is_none() {
            self.credit = 0;
            self.credited = now.sequence;
            if self.view.active.len() < limits::KEYS_GENERATION && !self.is_far_behind(now.sequence) {
                return Ok(());
            }
            self.freeze(now);
        }
        let commits = usize::try_from(now.sequence.get().saturating_sub(self.credited.get())).unwrap_or(usize::MAX);
        self.credited = now.sequence;
        let Some(frozen) = &self.frozen else { return Ok(()) };
        self.credit = self.credit.saturating_add(commits.saturating_mul(frozen.each_commit));
        if self.credit >= limits::KEYS_FOLD_SLICE.min(frozen.left.max(frozen.dates.len())) {
            let slice = std::mem::take(&mut self.credit);
            self.fold(tables, slice)?;
        }
        Ok(())
    }

    /// Folds everything.
    pub(crate) fn fold_all(&mut self, tables: &mut WriteTables<'_>, now: Watermark) -> Result<()> {
        self.fold(tables, usize::MAX)?;
        self.freeze(now);
        self.fold(tables, usize::MAX)
    }

    fn freeze(&mut self, now: Watermark) {
        let full = std::mem::take(&mut self.view.active);
        let (left, dates) = (full.len(), full.dates.read().last());
        let commits = usize::try_from(limits::KEYS_COMMITS / 2).unwrap_or(usize::MAX);
        let each_commit = left.max(dates.len()).div_ceil(commits);
        self.view.frozen = Some(full);
        self.frozen = Some(Frozen { watermark: now, folded: None, left, dates, each_commit });
    }

    fn fold(&mut self, tables: &mut WriteTables<'_>, slice: usize) -> Result<()> {
        let (Some(frozen), Some(generation)) = (&mut self.frozen, &self.view.frozen) else {
            return Ok(());
        };
        use std::ops::Bound::{Excluded, Unbounded};
        let entries = generation.entries.read();
        let rest = entries.range((frozen.folded.map_or(Unbounded, Excluded), Unbounded));
        let entries_now: Vec<Entry> = rest.take(slice).copied().collect();
        drop(entries);
        frozen.folded = entries_now.last().copied().or(frozen.folded);
        frozen.left = frozen.left.saturating_sub(entries_now.len());
        tables.put_entries(&entries_now)?;
        let dates_left = frozen.dates.len().saturating_sub(slice);
        for ((kind, row), date) in frozen.dates.drain(dates_left..) {
            tables.put_date(kind, row, date.millis())?;
        }
        if frozen.dates.is_empty() && frozen.left == 0 {
            frozen.watermark.write(tables)?;
            self.watermark = frozen.watermark.sequence;
            self.frozen = None;
            self.view.frozen = None;
        }
        Ok(())
    }
}
