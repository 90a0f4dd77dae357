//! Writes: closures on a transaction that groups of waiting writers share.
//!
//! Whoever gets the writer runs its closure on a draft beside the transaction. If it succeeds, its changes are
//! applied to the transaction; if others are waiting, it leaves the transaction open for them and waits; the
//! last one commits for all, publishes, and wakes them. A closure that fails drops its draft and has touched
//! nothing. A large write first commits what the group has, then runs alone in a transaction of its own.

mod derive;

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use parking_lot::{Condvar, Mutex, MutexGuard};
use roaring::RoaringBitmap;

use crate::entity::comment::CommentsMut;
use crate::entity::experiment::ExperimentsMut;
use crate::entity::job::JobsMut;
use crate::entity::lineage::LineageMut;
use crate::entity::project::ProjectsMut;
use crate::entity::run::RunsMut;
use crate::entity::state::State;
use crate::entity::txn::{self, Host, Purged, Txn};
use crate::error::{Error, ErrorKind, Result};
use crate::id::{EntityId, EntityKind, PerKind, Row, Sequence};
use crate::keys::{Entry, Keys, KeysView, Watermark};
use crate::limits;
use crate::log::apply;
use crate::log::chain::Hash;
use crate::log::commit::Context;
use crate::log::draft::{Draft, Erasure, Slice};
use crate::log::pack;
use crate::log::read::LogReader;
use crate::log::resolve::Resolver;
use crate::model::Actor;
use crate::storage::dictionary::PendingKeys;
use crate::storage::{CommitMode, WriteTxn};
use crate::store::{Inner, Store, closed};
use crate::time::Timestamp;

/// What a write can do: given to the closure of [`Store::write`].
pub struct Write<'a>(Txn<'a>);

impl<'a> Write<'a> {
    /// Projects.
    pub fn projects(&mut self) -> ProjectsMut<'_, 'a> {
        ProjectsMut::new(&mut self.0)
    }

    /// Experiments.
    pub fn experiments(&mut self) -> ExperimentsMut<'_, 'a> {
        ExperimentsMut::new(&mut self.0)
    }

    /// Runs.
    pub fn runs(&mut self) -> RunsMut<'_, 'a> {
        RunsMut::new(&mut self.0)
    }

    /// Comments on runs.
    pub fn comments(&mut self) -> CommentsMut<'_, 'a> {
        CommentsMut::new(&mut self.0)
    }

    /// Jobs.
    pub fn jobs(&mut self) -> JobsMut<'_, 'a> {
        JobsMut::new(&mut self.0)
    }

    /// The lineage of runs.
    pub fn lineage(&mut self) -> LineageMut<'_, 'a> {
        LineageMut::new(&mut self.0)
    }

    /// Goes on only if an entity still has the version number it was read with, so that two who edit the same
    /// entity do not overwrite each other: the second is told, and can read again.
    ///
    /// # Errors
    /// `Conflict` if it has another version by now; `NotFound` if it is not there.
    pub fn require_version(&mut self, entity: impl Into<EntityId>, version_number: u64) -> Result<()> {
        self.0.require_version(&entity.into(), version_number)
    }

    pub(crate) fn txn(&mut self) -> &mut Txn<'a> {
        &mut self.0
    }

    pub(crate) fn purge(&mut self, erasure: Erasure<'_>) -> Result<Purged> {
        self.0.purge(erasure)
    }

    pub(crate) fn end_purge(&mut self) -> Result<()> {
        self.0.end("purge")
    }

    /// The sequence number this write gets if it changes anything.
    pub fn sequence(&self) -> Sequence {
        self.0.sequence()
    }

    /// The time of this write: the clock's, or that of the commit before if the clock went back.
    pub fn time(&self) -> Timestamp {
        self.0.time()
    }
}

/// What [`Store::write_once`] did.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Once<T> {
    /// The closure ran, and this is what it returned.
    #[non_exhaustive]
    Done {
        /// The commit; if the closure changed nothing, there is none, the id is not kept, and this is the last
        /// durable one.
        sequence: Sequence,
        /// What the closure returned.
        value: T,
    },
    /// An earlier write has the id; the closure did not run.
    #[non_exhaustive]
    Repeated {
        /// The earlier commit.
        sequence: Sequence,
    },
}

impl<T> Once<T> {
    /// The commit that has the id.
    pub fn sequence(&self) -> Sequence {
        match self {
            Once::Done { sequence, .. } | Once::Repeated { sequence } => *sequence,
        }
    }
}

/// What the next write builds on.
#[derive(Clone, Default)]
pub(crate) struct Tip {
    pub(crate) sequence: Sequence,
    pub(crate) hash: Hash,
    pub(crate) time: Timestamp,
    pub(crate) rows: PerKind<u32>,
    pub(crate) hidden: Arc<PerKind<RoaringBitmap>>,
    /// How far the log is packed.
    pub(crate) packed: u64,
}

impl Tip {
    fn watermark(&self) -> Watermark {
        Watermark { sequence: self.sequence, rows: self.rows }
    }
}

/// The state behind the writer's lock.
pub(crate) struct Writer {
    /// With the writes of the open group.
    tip: Tip,
    /// Without them.
    committed: Tip,
    keys: Keys,
    keys_view: KeysView,
    group: Option<Group>,
    /// Relaxed commits lie behind the last durable one.
    unflushed: bool,
    last_durable: Instant,
}

/// Writes that will be durable together.
struct Group {
    txn: WriteTxn,
    pending: PendingKeys,
    outcome: Arc<Outcome>,
    writes: usize,
    bytes: usize,
}

/// How a group ended, for those who wait for it.
#[derive(Default)]
struct Outcome {
    end: Mutex<Option<Result<()>>>,
    ended: Condvar,
}

impl Outcome {
    fn set(&self, end: &Result<()>) {
        *self.end.lock() = Some(end.as_ref().copied().map_err(Error::share));
        self.ended.notify_all();
    }

    fn wait(&self) -> Result<()> {
        let mut end = self.end.lock();
        loop {
            match &*end {
                Some(Ok(())) => return Ok(()),
                Some(Err(error)) => return Err(error.share()),
                None => self.ended.wait(&mut end),
            }
        }
    }
}

thread_local! {
    /// Stores this thread is writing to.
    static WRITING: RefCell<Vec<usize>> = const { RefCell::new(Vec::new()) };
}

/// Marks this thread as writing to a store while it lives.
pub(crate) struct Writing;

impl Writing {
    pub(crate) fn begin(inner: &Inner) -> Result<Self> {
        check_not_writing(inner)?;
        WRITING.with_borrow_mut(|writing| writing.push(address(inner)));
        Ok(Writing)
    }
}

fn address(inner: &Inner) -> usize {
    std::ptr::from_ref(inner) as usize
}

/// Whoever takes the writer inside a write would wait for itself.
pub(crate) fn check_not_writing(inner: &Inner) -> Result<()> {
    WRITING.with_borrow(|writing| if writing.contains(&address(inner)) { Err(txn::nested()) } else { Ok(()) })
}

impl Drop for Writing {
    fn drop(&mut self) {
        WRITING.with_borrow_mut(|writing| {
            writing.pop();
        });
    }
}

/// How a closure ended.
enum Ran<T> {
    /// It changed something.
    Changed(T, Sequence),
    /// It changed nothing.
    Unchanged(T),
    /// Another write has its id.
    Repeated(Sequence),
    Failed(Error),
    Panicked(Box<dyn std::any::Any + Send>),
}

impl Store {
    /// Runs `write` on a write transaction, and returns once it is durable: one commit of the log with everything
    /// it did, or, if it returns an error, nothing at all. A write that changes nothing makes no commit.
    ///
    /// The closure has the store's only writer: keep it short, and do slow work before it. Writers that wait
    /// meanwhile share one sync. One that waits for a thread which writes to this store, or logs to a run of it, waits
    /// for ever. Costs one sync, and about 50 KiB written for a usual run.
    ///
    /// # Errors
    /// - whatever the closure returns;
    /// - `LimitExceeded` if a field of the actor is too long, before the closure runs;
    /// - `NestedWrite` inside another write of this store on this thread;
    /// - `CommitUnknown` if making it durable failed: reopen the store to learn what happened;
    /// - `Poisoned` after such a failure; `Closed`; `ReadOnly`; `StorageFull` or `Io` if the disk failed before the
    ///   commit.
    ///
    /// # Panics
    /// If the closure does; then nothing of it is left.
    pub fn write<T>(&self, write: impl FnOnce(&mut Write<'_>) -> Result<T>) -> Result<T> {
        self.inner.write_as(&self.actor, write)
    }

    /// [`write`](Self::write), once for each `id`: if a write with this id was made before, `write` does not run,
    /// and the answer is that write's sequence number, once it is durable. For hosts that repeat requests. An id
    /// is kept only if the write changes something.
    ///
    /// # Errors
    /// Those of [`write`](Self::write); `InvalidArgument` if `id` is empty, `LimitExceeded` if it is longer than
    /// [`limits::WRITE_ID_BYTES`].
    pub fn write_once<T>(&self, id: &str, write: impl FnOnce(&mut Write<'_>) -> Result<T>) -> Result<Once<T>> {
        if id.is_empty() {
            return Err(Error::invalid("the id of a write is empty"));
        }
        if id.len() > limits::WRITE_ID_BYTES {
            let (len, most) = (id.len(), limits::WRITE_ID_BYTES);
            return Err(Error::limit(format!("the id of a write has {len} bytes; at most {most} fit")));
        }
        Ok(match self.inner.run(&self.actor, id, write)? {
            (Some(value), sequence) => Once::Done { sequence, value },
            (None, sequence) => Once::Repeated { sequence },
        })
    }

    /// Runs `write` and takes all of it back: what it returns is what [`write`](Self::write) would, of how many would
    /// be deleted, say. Like that, it has the store's only writer meanwhile; it costs no sync.
    ///
    /// ```
    /// # use modeldb::{NewRun, Store};
    /// # fn main() -> modeldb::Result<()> {
    /// # let store = Store::in_memory()?;
    /// # let ids = store.write(|w| {
    /// #     let project = w.projects().get_or_create("p")?;
    /// #     let experiment = w.experiments().get_or_create(&project, "e")?;
    /// #     Ok([w.runs().create(&experiment, NewRun::named("a"))?, w.runs().create(&experiment, NewRun::named("b"))?])
    /// # })?;
    /// let would_go = store.dry_run(|w| w.runs().delete_many(&ids))?;
    /// assert_eq!((would_go, store.stats()?.head.sequence.get()), (2, 1));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Those of [`write`](Self::write).
    ///
    /// # Panics
    /// If the closure does.
    pub fn dry_run<T>(&self, write: impl FnOnce(&mut Write<'_>) -> Result<T>) -> Result<T> {
        let mut value = None;
        let ended: Result<()> = self.write(|w| {
            value = Some(write(w)?);
            w.0.draft.check_whole().and(Err(Error::new(ErrorKind::Cancelled, "a dry run")))
        });
        match (value, ended) {
            (Some(value), Err(error)) if error.kind() == ErrorKind::Cancelled => Ok(value),
            (_, Err(error)) => Err(error),
            (_, Ok(())) => Err(Error::corrupt("a dry run was kept")),
        }
    }

    /// The commit that [`write_once`](Self::write_once) made for `id`, if it did: what to ask after `CommitUnknown`
    /// and a reopen.
    ///
    /// # Errors
    /// `Corrupt` or `Io` if the log cannot be read.
    pub fn outcome(&self, id: &str) -> Result<Option<Sequence>> {
        self.read().outcome(id)
    }
}

impl Inner {
    /// A write by `actor`: see [`Store::write`].
    pub(crate) fn write_as<T>(&self, actor: &Actor, write: impl FnOnce(&mut Write<'_>) -> Result<T>) -> Result<T> {
        match self.run(actor, "", write)? {
            (Some(value), _) => Ok(value),
            (None, _) => Err(Error::corrupt("a write without an id was taken for a repeated one")),
        }
    }

    /// Runs a write and waits until it is durable. No value: the write was made before.
    fn run<T>(
        &self,
        actor: &Actor,
        id: &str,
        write: impl FnOnce(&mut Write<'_>) -> Result<T>,
    ) -> Result<(Option<T>, Sequence)> {
        actor.check()?;
        let writing = Writing::begin(self)?;
        self.check_usable()?;
        let mut writer = self.take_writer();
        if let Err(error) = self.check_usable() {
            // Others may have left their group to this thread.
            let _ = writer.end_group(self, false);
            return Err(error);
        }
        let ran = writer.run(self, actor, id, write);
        drop(writing);
        // The writes of a group are not to be seen before they are durable, not even by one that changed nothing.
        let outcome = match &ran {
            Ran::Failed(_) | Ran::Panicked(_) => None,
            _ => writer.group.as_ref().filter(|group| group.writes > 0).map(|group| Arc::clone(&group.outcome)),
        };
        let full = writer.group.as_ref().is_some_and(|group| group.bytes >= limits::GROUP_BYTES);
        // Those who wait for the writer of a poisoned store give up, and would leave the group open for ever.
        let poisoned = self.poisoned.load(Ordering::SeqCst);
        if full || poisoned || self.waiting.load(Ordering::SeqCst) == 0 {
            // Each write of the group learns it from the outcome.
            let _ = writer.end_group(self, false);
        }
        drop(writer);
        let ended = outcome.map_or(Ok(()), |outcome| outcome.wait());
        match ran {
            Ran::Failed(error) => Err(error),
            Ran::Panicked(payload) => panic::resume_unwind(payload),
            Ran::Changed(value, sequence) => ended.map(|()| (Some(value), sequence)),
            Ran::Unchanged(value) => ended.map(|()| (Some(value), self.durable.last())),
            Ran::Repeated(sequence) => {
                ended?;
                if sequence > self.durable.last() {
                    // A relaxed commit: whoever repeats a request wants to hear that it is safe.
                    let flushed = self.flush();
                    // Somebody who closed the store meanwhile has made it so.
                    if sequence > self.durable.last() {
                        flushed?;
                    }
                }
                Ok((None, sequence))
            }
        }
    }
}

impl Writer {
    pub(crate) fn new(tip: Tip, keys: Keys) -> Self {
        let keys_view = keys.view();
        Writer {
            committed: tip.clone(),
            tip,
            keys,
            keys_view,
            group: None,
            unflushed: false,
            last_durable: Instant::now(),
        }
    }

    /// Runs a closure in the open group, or in a new one.
    fn run<T>(
        &mut self,
        inner: &Inner,
        actor: &Actor,
        id: &str,
        write: impl FnOnce(&mut Write<'_>) -> Result<T>,
    ) -> Ran<T> {
        if let Err(error) = self.open_group(inner) {
            return Ran::Failed(error);
        }
        if !id.is_empty() {
            match self.repeated(inner, id) {
                Ok(Some(sequence)) => return Ran::Repeated(sequence),
                Ok(None) => {}
                Err(error) => return Ran::Failed(error),
            }
        }
        let time = inner.clock.now().max(self.tip.time);
        let sequence = self.tip.sequence.next();
        let draft = Draft::new(sequence, time, self.tip.rows);
        let state = Arc::clone(&inner.published.read());
        let mut host = GroupHost { writer: self, inner, state, alone: false, spilled_entries: false };
        let common = Arc::clone(&inner.common);
        let mut access = Write(Txn::new(&mut host, &common, actor, sequence, draft));
        let ran = panic::catch_unwind(AssertUnwindSafe(|| write(&mut access)));
        let Write(txn) = access;
        let (draft, entries) = (txn.draft, txn.entries);
        let (alone, spilled) = (host.alone, host.spilled_entries);
        let ran = match ran {
            Ok(Ok(value)) if draft.is_empty() => {
                let kept = draft.check_whole().and_then(|()| self.keep_blobs(inner, draft, alone));
                kept.map_or_else(Ran::Failed, |()| Ran::Unchanged(value))
            }
            Ok(Ok(value)) => {
                let context = Context { actor: actor.clone(), idempotency_id: id.to_owned() };
                match self.apply(inner, draft, entries, &context, time, spilled) {
                    Ok(()) => Ran::Changed(value, sequence),
                    Err(error) => Ran::Failed(error),
                }
            }
            Ok(Err(error)) => Ran::Failed(error),
            Err(payload) => Ran::Panicked(payload),
        };
        match (ran, alone) {
            (ran @ (Ran::Changed(..) | Ran::Unchanged(_)), true) => match self.end_group(inner, true) {
                // Nobody else waits for this group, so nobody else would tell.
                Err(error) => Ran::Failed(error),
                Ok(()) => ran,
            },
            (ran, true) => {
                self.abort_group(inner);
                ran
            }
            (ran, false) => ran,
        }
    }

    fn open_group(&mut self, inner: &Inner) -> Result<()> {
        if self.group.is_none() {
            let txn = inner.begin().inspect_err(|error| {
                if error.kind() != ErrorKind::Closed {
                    inner.poison();
                }
            })?;
            self.keys_view = self.keys.view();
            self.group =
                Some(Group { txn, pending: PendingKeys::default(), outcome: Arc::default(), writes: 0, bytes: 0 });
        }
        Ok(())
    }

    /// The commit that has the idempotency id `id`, writes of the group included.
    fn repeated(&self, inner: &Inner, id: &str) -> Result<Option<Sequence>> {
        let Some(group) = &self.group else { return Ok(None) };
        find_write(&self.keys_view, &group.txn, inner.common.as_ref(), id, self.tip.sequence)
    }

    /// Ends a draft and applies it to the group's transaction. An error leaves the transaction as it was,
    /// unless storage failed; then nothing more can be done with it.
    fn apply(
        &mut self,
        inner: &Inner,
        mut draft: Draft,
        mut entries: BTreeSet<Entry>,
        context: &Context,
        time: Timestamp,
        spilled: bool,
    ) -> Result<()> {
        let sequence = self.tip.sequence.next();
        let hash = draft.finish(&self.tip.hash, context, &*inner.common.entropy)?;
        if !context.idempotency_id.is_empty() {
            entries.insert(inner.common.hashing.write_id(&context.idempotency_id).write_entry(sequence));
        }
        let bytes = draft.bytes();
        let rows = draft.next_rows();
        let dates = std::mem::take(&mut draft.dates);
        let slice = draft.take_slice();
        // Entries of which some are in the table already all go there: they may be too many to keep.
        let folded = if spilled { std::mem::take(&mut entries) } else { BTreeSet::new() };
        self.apply_slice(inner, sequence, slice, folded)?;
        self.keys.absorb(entries, dates, sequence);
        self.tip.sequence = sequence;
        self.tip.hash = hash;
        self.tip.time = time;
        self.tip.rows = rows;
        if let Some(group) = &mut self.group {
            group.writes += 1;
            group.bytes += bytes;
        }
        Ok(())
    }

    /// Writes the blobs of a draft without changes, of which some may be in the transaction: no commit of the log.
    fn keep_blobs(&mut self, inner: &Inner, mut draft: Draft, spilled: bool) -> Result<()> {
        let blobs = draft.take_slice().blobs;
        let group = self.group.as_mut().ok_or_else(closed)?;
        if blobs.is_empty() && !spilled {
            return Ok(());
        }
        let mut tables = group.txn.tables();
        let put = blobs.iter().try_for_each(|(digest, bytes)| tables.put_small_blob(digest, bytes));
        group.writes += 1;
        put.inspect_err(|_| inner.poison())
    }

    fn apply_slice(&mut self, inner: &Inner, sequence: Sequence, slice: Slice, folded: BTreeSet<Entry>) -> Result<()> {
        let group = self.group.as_mut().ok_or_else(closed)?;
        let before = self.tip.rows.get(EntityKind::Run.index()).copied().unwrap_or(0);
        let rows = self.tip.rows;
        let is_old = move |(kind, row): &(EntityKind, Row)| rows.get(kind.index()).is_some_and(|rows| row.0 < *rows);
        let changed = slice.entities.iter().map(|stored| (stored.kind(), stored.row));
        inner.common.text.push(sequence, changed.chain(slice.removed.iter().copied()).filter(is_old));
        let runs = slice.entities.iter().filter(|stored| stored.kind() == EntityKind::Run && stored.row.0 < before);
        inner.common.filter.changed.push(sequence, runs.map(|stored| stored.row.0));
        let removed: Vec<u32> =
            slice.removed.iter().filter(|(kind, _)| *kind == EntityKind::Run).map(|(_, row)| row.0).collect();
        if !slice.hidden.is_empty() {
            let hidden = Arc::make_mut(&mut self.tip.hidden);
            for (kind, row, is_hidden) in &slice.hidden {
                if let Some(rows) = hidden.get_mut(kind.index()) {
                    if *is_hidden {
                        rows.insert(row.0)
                    } else {
                        rows.remove(row.0)
                    };
                }
            }
        }
        let applied = (|| {
            let mut tables = group.txn.tables();
            apply::apply(sequence.get(), slice, &mut tables, &inner.common.dictionary, &mut group.pending)?;
            if !removed.is_empty() {
                inner.common.filter.changed.purge(sequence, removed);
                inner.keep_purged(&mut tables)?;
            }
            if folded.is_empty() {
                return Ok(());
            }
            // They go where they end up anyway, and are taken back with the rest.
            tables.put_entries(&folded.into_iter().collect::<Vec<_>>())
        })();
        if applied.is_err() {
            inner.poison();
        }
        applied
    }

    /// Commits the group, publishes it, and wakes those who wait. An empty group is dropped.
    fn end_group(&mut self, inner: &Inner, alone: bool) -> Result<()> {
        let Some(mut group) = self.group.take() else { return Ok(()) };
        if group.writes == 0 || inner.poisoned.load(Ordering::SeqCst) {
            let writes = group.writes;
            let outcome = Arc::clone(&group.outcome);
            self.drop_group(inner, group);
            if writes == 0 {
                return Ok(());
            }
            let ended =
                Err(Error::new(ErrorKind::Poisoned, "storage failed before the commit; nothing of it happened"));
            outcome.set(&ended);
            return ended;
        }
        let mode = inner.commit_mode(self.last_durable);
        let prepared = self.upkeep(inner, &group.txn, alone);
        let ended = match prepared {
            Ok(()) => group.txn.commit(mode),
            Err(error) => {
                let _ = group.txn.abort();
                Err(error)
            }
        };
        let ended = ended.and_then(|()| {
            let published = inner.common.dictionary.publish(&mut group.pending);
            // It has happened, but nobody can see it through this handle.
            published.and_then(|()| inner.publish(&self.tip, &self.keys)).map_err(|error| {
                Error::new(ErrorKind::CommitUnknown, format!("publishing a commit: {}", error.message()))
                    .with_source(error)
            })
        });
        match &ended {
            Ok(()) => {
                self.committed = self.tip.clone();
                self.unflushed = mode == CommitMode::Relaxed;
                if mode != CommitMode::Relaxed {
                    self.last_durable = Instant::now();
                    inner.durable.advance(self.tip.sequence);
                }
            }
            Err(_) => inner.poison(),
        }
        group.outcome.set(&ended);
        ended
    }

    /// What is done now and then, in bounded slices, so that the log and the key index stay small: not a change.
    fn upkeep(&mut self, inner: &Inner, txn: &WriteTxn, alone: bool) -> Result<()> {
        let mut tables = txn.tables();
        let folded = self.keys.folded_up_to();
        if alone {
            // A load is many of these. Folded at once, entries share pages; folded by each, they would rewrite most
            // of a large table each time.
            if self.keys.len() >= limits::KEYS_LOAD || self.keys.is_far_behind(self.tip.sequence) {
                self.keys.fold_all(&mut tables, self.tip.watermark())?;
            }
        } else {
            self.keys.fold_due(&mut tables, self.tip.watermark())?;
        }
        if self.keys.folded_up_to() > folded {
            inner.keep_changed(&mut tables, self.keys.folded_up_to())?;
        }
        while self.tip.sequence.get() - self.tip.packed >= limits::LOG_UNPACKED_COMMITS {
            self.tip.packed = pack::pack(&mut tables, self.tip.packed)?;
        }
        Ok(())
    }

    /// Takes back what the open group did, which is one failed write.
    fn abort_group(&mut self, inner: &Inner) {
        if let Some(group) = self.group.take() {
            self.drop_group(inner, group);
        }
    }

    fn drop_group(&mut self, inner: &Inner, group: Group) {
        if group.txn.abort().is_err() {
            inner.poison();
        }
        self.tip = self.committed.clone();
    }

    /// Ends what is open, and makes everything durable.
    pub(crate) fn flush(&mut self, inner: &Inner) -> Result<()> {
        let _ = self.end_group(inner, false);
        inner.check_usable()?;
        if inner.database.read().is_none() {
            return Err(closed());
        }
        if self.unflushed {
            inner.begin()?.commit(CommitMode::Durable).inspect_err(|_| inner.poison())?;
            self.unflushed = false;
            self.last_durable = Instant::now();
            inner.durable.advance(self.tip.sequence);
        }
        Ok(())
    }

    /// Folds the whole key index and makes everything durable: the last thing before closing.
    pub(crate) fn fold_all(&mut self, inner: &Inner) -> Result<()> {
        let _ = self.end_group(inner, false);
        inner.check_usable()?;
        if self.keys.is_folded(self.tip.sequence) && !self.unflushed {
            return Ok(());
        }
        let txn = inner.begin()?;
        let mut tables = txn.tables();
        self.keys.fold_all(&mut tables, self.tip.watermark())?;
        inner.keep_changed(&mut tables, self.tip.sequence)?;
        drop(tables);
        txn.commit(CommitMode::Durable).inspect_err(|_| inner.poison())?;
        self.unflushed = false;
        // Relaxed commits are durable only now, and watched from here on.
        inner.durable.advance(self.tip.sequence);
        Ok(())
    }
}

impl Inner {
    fn take_writer(&self) -> MutexGuard<'_, Writer> {
        self.waiting.fetch_add(1, Ordering::SeqCst);
        let writer = self.writer.lock();
        self.waiting.fetch_sub(1, Ordering::SeqCst);
        writer
    }

    pub(crate) fn flush(&self) -> Result<()> {
        check_not_writing(self)?;
        self.check_usable()?;
        self.writer.lock().flush(self)
    }
}

/// The commit of an idempotency id, as `source` knows it. The index proposes the low halves of sequence numbers.
pub(crate) fn find_write<S: crate::storage::Source>(
    keys: &KeysView,
    source: &S,
    common: &crate::entity::state::Common,
    id: &str,
    last: Sequence,
) -> Result<Option<Sequence>> {
    let resolver = Resolver { source, dictionary: &common.dictionary, parents: &common.parents, pending: None };
    let log = LogReader::new(source, &resolver);
    let mut found = None;
    keys.rows(source, common.hashing.write_id(id), &mut |low| {
        let mut number = u64::from(low.0);
        while number <= last.get() && found.is_none() {
            let sequence = Sequence::new(number);
            if log.commit(sequence)?.is_some_and(|commit| commit.idempotency_id == id) {
                found = Some(sequence);
            }
            number += 1 << 32;
        }
        Ok(found.is_none())
    })?;
    Ok(found)
}

/// The transaction of the group, as a write sees it.
struct GroupHost<'g> {
    writer: &'g mut Writer,
    inner: &'g Inner,
    state: Arc<State>,
    /// The write has gone to the disk in part, and is alone in its transaction.
    alone: bool,
    spilled_entries: bool,
}

impl Host for GroupHost<'_> {
    fn txn(&self) -> Result<&WriteTxn> {
        self.writer.group.as_ref().map(|group| &group.txn).ok_or_else(closed)
    }

    fn pending(&self) -> &PendingKeys {
        static NONE: std::sync::LazyLock<PendingKeys> = std::sync::LazyLock::new(PendingKeys::default);
        self.writer.group.as_ref().map_or(&NONE, |group| &group.pending)
    }

    fn keys(&self) -> &KeysView {
        &self.writer.keys_view
    }

    fn hidden(&self) -> &PerKind<RoaringBitmap> {
        &self.writer.tip.hidden
    }

    fn spill(&mut self, sequence: Sequence, slice: Slice, entries: &mut BTreeSet<Entry>) -> Result<()> {
        if !self.alone {
            if self.writer.group.as_ref().is_some_and(|group| group.writes > 0) {
                let _ = self.writer.end_group(self.inner, false);
                self.inner.check_usable()?;
                self.writer.open_group(self.inner)?;
                self.state = Arc::clone(&self.inner.published.read());
            }
            self.alone = true;
        }
        let full = entries.len() >= limits::WRITE_SLICE_ENTRIES;
        self.spilled_entries |= full;
        let folded = if full { std::mem::take(entries) } else { BTreeSet::new() };
        self.writer.apply_slice(self.inner, sequence, slice, folded)
    }

    fn state(&self) -> &State {
        &self.state
    }

    fn has_spilled_entries(&self) -> bool {
        self.spilled_entries
    }

    fn memory_bytes(&self) -> usize {
        if self.alone { limits::WRITE_SLICE_BYTES } else { limits::WRITE_MEMORY_BYTES }
    }
}
