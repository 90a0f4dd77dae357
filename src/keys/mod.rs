//! Key index: a follower of the log that finds rows by id, by name, by parent, and commits by write id.
//!
//! It is one ordered set of `(key, row)`. A key is either a 63-bit keyed hash (of an id, of a name within its
//! parent, of a write id) or, with the top bit set, a kind and a parent row, so that the rows under it are the
//! parent's children in order of creation. A hash only proposes rows: who asks verifies them in the records,
//! so an entry too many does no harm, and entries are never removed.
//!
//! Written with every commit, such random keys would cost half of it. So the newest entries are in memory, in
//! two generations: the active one grows; once it is full it is frozen and folded into the table in slices.
//! The table's watermark moves when a generation is folded whole; what lies behind it is read from the log
//! when the store is opened.

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
use crate::id::{EntityKind, Row, Sequence};
use crate::limits;
use crate::storage::{Source, WriteTables};

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
struct Generation(RwLock<BTreeSet<Entry>>);

impl Generation {
    fn len(&self) -> usize {
        self.0.read().len()
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
                let entries = generation.0.read();
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
        if self.generations().any(|generation| generation.0.read().contains(&(key, row))) {
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
            let entries = generation.0.read();
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
    pub(crate) rows: [u32; 3],
}

impl Watermark {
    pub(crate) fn read<S: Source>(source: &S) -> Result<Self> {
        let Some(bytes) = source.meta(WATERMARK_KEY)? else { return Ok(Watermark::default()) };
        let numbers: Option<Vec<u64>> =
            bytes.chunks(8).map(|chunk| chunk.try_into().ok().map(u64::from_le_bytes)).collect();
        let row = |number: u64| u32::try_from(number).ok();
        match numbers.as_deref() {
            Some(&[sequence, a, b, c]) => match (row(a), row(b), row(c)) {
                (Some(a), Some(b), Some(c)) => Ok(Watermark { sequence: Sequence::new(sequence), rows: [a, b, c] }),
                _ => Err(Error::corrupt("the key index's watermark is damaged")),
            },
            _ => Err(Error::corrupt("the key index's watermark is damaged")),
        }
    }

    fn write(self, tables: &mut WriteTables<'_>) -> Result<()> {
        let numbers = [self.sequence.get(), self.rows[0].into(), self.rows[1].into(), self.rows[2].into()];
        tables.put_meta(WATERMARK_KEY, &numbers.map(u64::to_le_bytes).concat())
    }
}

/// The writer's side of the index.
pub(crate) struct Keys {
    view: KeysView,
    /// How far the frozen generation reaches, and the entry it is folded up to.
    frozen: Option<(Watermark, Option<Entry>)>,
    /// Entries that may be folded for those that were added.
    credit: usize,
}

impl Keys {
    pub(crate) fn new() -> Self {
        let view = KeysView { active: Arc::default(), frozen: None };
        Keys { view, frozen: None, credit: 0 }
    }

    pub(crate) fn view(&self) -> KeysView {
        self.view.clone()
    }

    /// Entries in memory.
    pub(crate) fn len(&self) -> usize {
        self.view.len()
    }

    /// Takes in the entries of a write.
    pub(crate) fn absorb(&mut self, entries: impl IntoIterator<Item = Entry>) {
        let mut active = self.view.active.0.write();
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
            if self.view.active.len() < limits::KEYS_GENERATION {
                return Ok(());
            }
            self.freeze(now);
        }
        if self.credit >= limits::KEYS_FOLD_SLICE {
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
        self.view.frozen = Some(full);
        self.frozen = Some((now, None));
    }

    fn fold(&mut self, tables: &mut WriteTables<'_>, slice: usize) -> Result<()> {
        let (Some((watermark, folded)), Some(generation)) = (&mut self.frozen, &self.view.frozen) else {
            return Ok(());
        };
        use std::ops::Bound::{Excluded, Unbounded};
        let entries = generation.0.read();
        let rest = entries.range((folded.map_or(Unbounded, Excluded), Unbounded));
        let slice: Vec<Entry> = rest.take(slice).copied().collect();
        drop(entries);
        *folded = slice.last().copied().or(*folded);
        tables.put_entries(&slice)?;
        let done = generation.0.read().last().copied() == *folded;
        if done {
            watermark.write(tables)?;
            self.frozen = None;
            self.view.frozen = None;
        }
        Ok(())
    }
}
