//! Purging: what was deleted is erased for good, slice by slice.
//!
//! What to erase is found on a snapshot, without the writer: each deleted entity, what stands under it first, and
//! all its changes, oldest first. Each slice is one commit that says what it erased. An entity with many changes
//! takes several; until the last, its record stays, and says that it is being purged.

use std::collections::{HashMap, HashSet};
use std::ops::ControlFlow;
use std::sync::Arc;

use roaring::RoaringBitmap;

use crate::entity::state::{Place, State};
use crate::entity::txn::Purged;
use crate::error::Result;
use crate::id::{ChangeId, EntityKind, PerKind, Row};
use crate::keys::Key;
use crate::limits;
use crate::log::change::{Fact, Field};
use crate::log::draft::Erasure;
use crate::log::read::LogReader;
use crate::model::Parents;
use crate::storage::{ReadTables, Source};
use crate::store::Store;
use crate::time::Timestamp;
use crate::write::{self, Write};

/// What to purge.
#[derive(Debug, Clone, Default)]
#[must_use]
pub struct PurgeOptions {
    before: Option<Timestamp>,
}

impl PurgeOptions {
    /// Everything that is deleted.
    pub fn new() -> Self {
        PurgeOptions::default()
    }

    /// Only what was deleted before this time.
    pub fn deleted_before(mut self, time: Timestamp) -> Self {
        self.before = Some(time);
        self
    }
}

/// What a purge erased.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct PurgeReport {
    /// Projects whose records are gone.
    pub projects: u64,
    /// Experiments whose records are gone.
    pub experiments: u64,
    /// Runs whose records are gone.
    pub runs: u64,
    /// Comments whose records are gone.
    pub comments: u64,
    /// Jobs whose records are gone.
    pub jobs: u64,
    /// Edges of the lineage whose records are gone.
    pub lineage_edges: u64,
    /// Changes of which only digests are left.
    pub changes: u64,
    /// Commits it took.
    pub commits: u64,
    /// Nothing is left of what was to be purged.
    pub finished: bool,
}

impl PurgeReport {
    fn count(&mut self, kind: EntityKind) {
        let counter = match kind {
            EntityKind::Project => &mut self.projects,
            EntityKind::Experiment => &mut self.experiments,
            EntityKind::Run => &mut self.runs,
            EntityKind::Comment => &mut self.comments,
            EntityKind::Job => &mut self.jobs,
            EntityKind::LineageEdge => &mut self.lineage_edges,
        };
        *counter += 1;
    }
}

impl Store {
    /// Erases what was deleted, and what stood under it, for good: records, the bytes of the changes and the long
    /// texts that only they named. Their digests stay, so that the log still verifies, and each commit of the
    /// purge says what it erased. Nothing brings it back; free pages of the file may still hold some of it, until
    /// [`compact`](Store::compact) has written a file without them. The ids are free again, the keys of attributes stay
    /// in the store's dictionary, and the actors of the commits stay.
    ///
    /// Works in slices of some hundred changes, one commit each, so that other writers wait some milliseconds at
    /// most. One that was cut short by a crash goes on with the next. Reads every record once.
    ///
    /// # Errors
    /// Those of [`Store::write`]; `Corrupt` if something cannot be read; `Io` if the text index cannot be written anew
    /// without what was purged: deleting its folder does it.
    pub fn purge(&self) -> Result<PurgeReport> {
        self.purge_with(&PurgeOptions::new(), |_| ControlFlow::Continue(()))
    }

    /// [`purge`](Self::purge), of what `options` choose, telling `progress` what was erased so far. Breaking ends
    /// it; a later one goes on.
    ///
    /// # Errors
    /// Those of [`purge`](Self::purge).
    pub fn purge_with(
        &self,
        options: &PurgeOptions,
        progress: impl FnMut(&PurgeReport) -> ControlFlow<()>,
    ) -> Result<PurgeReport> {
        write::check_not_writing(&self.inner)?;
        self.inner.check_usable()?;
        let erased = self.erase(options, progress);
        // Some of it may be erased also if the rest cannot be.
        let made = self.inner.make_purged_blocks();
        let cleaned = made.and_then(|()| self.inner.common.text.clean(self.read().sequence()));
        let report = erased?;
        cleaned.map(|()| report)
    }

    fn erase(
        &self,
        options: &PurgeOptions,
        progress: impl FnMut(&PurgeReport) -> ControlFlow<()>,
    ) -> Result<PurgeReport> {
        let _purging = self.inner.common.text.begin_purge();
        let state = self.read().state;
        let resolver = state.resolver();
        let mut purge = Purge {
            store: self,
            state: &state,
            log: LogReader::new(&state.tables, &resolver),
            before: options.before,
            progress,
            report: PurgeReport::default(),
            slice: Vec::new(),
            changes: 0,
            blocks: HashSet::new(),
            gone: Default::default(),
            root: None,
            begun: HashMap::new(),
            kept: HashSet::new(),
            unfinished: false,
        };
        let ended = purge.run()?;
        purge.report.finished = ended.is_continue() && !purge.unfinished;
        Ok(purge.report)
    }
}

type Id = (EntityKind, Row);

/// Changes of one entity that a slice erases.
struct Target {
    id: Id,
    /// What it is purged with: the topmost deleted entity above it, or itself.
    root: Id,
    parent: Option<Id>,
    /// Its last change on the snapshot.
    last: ChangeId,
    /// An earlier purge has begun with it.
    begun: bool,
    changes: Vec<ChangeId>,
    done: bool,
}

struct Purge<'p, F> {
    store: &'p Store,
    state: &'p Arc<State>,
    log: LogReader<'p, ReadTables>,
    before: Option<Timestamp>,
    progress: F,
    report: PurgeReport,
    slice: Vec<Target>,
    /// Changes in the slice, and about where they stand in the log.
    changes: usize,
    blocks: HashSet<(u64, u32)>,
    /// Rows that were dealt with.
    gone: PerKind<RoaringBitmap>,
    /// What is purged now, with all that stands under it.
    root: Option<Id>,
    /// What this purge has begun with and not ended, with the last change of each.
    begun: HashMap<Id, ChangeId>,
    /// What has to stay, and all that stands above it: somebody restored it, or another purge is at it.
    kept: HashSet<Id>,
    /// Something that is deleted stays.
    unfinished: bool,
}

/// What an entity stands under.
fn parent(parents: Parents) -> Option<Id> {
    match parents {
        Parents::None => None,
        Parents::Project(project) => Some((EntityKind::Project, project)),
        Parents::Experiment { experiment, .. } => Some((EntityKind::Experiment, experiment)),
        Parents::Run(run) => Some((EntityKind::Run, run)),
    }
}

/// About which block of the log a change stands in: a pack, or a part of a large commit.
fn block(change: &ChangeId) -> (u64, u32) {
    (change.sequence.get() / limits::LOG_PACK_COMMITS, change.index / 128)
}

type Flow = Result<ControlFlow<()>>;

/// Goes on, or hands a break up.
macro_rules! go_on {
    ($flow:expr) => {
        if $flow?.is_break() {
            return Ok(ControlFlow::Break(()));
        }
    };
}

impl<F: FnMut(&PurgeReport) -> ControlFlow<()>> Purge<'_, F> {
    fn run(&mut self) -> Flow {
        for kind in [EntityKind::Project, EntityKind::Experiment] {
            let hidden = self.state.hidden.get(kind.index()).cloned().unwrap_or_default();
            for row in hidden {
                if self.is_due(kind, Row(row))? {
                    go_on!(self.tree(kind, Row(row)));
                }
            }
        }
        for kind in [EntityKind::Run, EntityKind::Comment, EntityKind::Job, EntityKind::LineageEdge] {
            for row in 0..self.state.tables.rows(kind)? {
                // A scan of a million records is long enough to want to end it.
                if row % 65_536 == 65_535 {
                    go_on!(Ok((self.progress)(&self.report)));
                }
                let Some(bytes) = self.state.resolver().record(kind, Row(row))? else { continue };
                let place = Place::read(kind, bytes.as_slice(), None)?;
                if place.is_some_and(|place| place.deleted) && self.is_due(kind, Row(row))? {
                    go_on!(self.tree(kind, Row(row)));
                }
            }
        }
        self.end_slice()
    }

    /// Whether it was deleted long enough ago.
    fn is_due(&self, kind: EntityKind, row: Row) -> Result<bool> {
        let Some(before) = self.before else { return Ok(true) };
        let Some(stored) = self.state.resolver().stored(kind, row)? else { return Ok(false) };
        let mut at = stored.last;
        // Behind the deletion stand a purge that has begun, and what a logger or an open said of how the run ended.
        loop {
            let Some(change) = self.log.change(at)? else { return Ok(true) };
            if let Fact::Edited { edits, .. } = &change.fact
                && edits.iter().any(|edit| edit.field == Field::Deleted)
            {
                break;
            }
            match change.previous {
                Some(previous) => at = previous,
                None => return Ok(true),
            }
        }
        Ok(self.log.commit(at.sequence)?.is_some_and(|commit| commit.time < before))
    }

    /// An entity, after all that stands under it.
    fn tree(&mut self, kind: EntityKind, row: Row) -> Flow {
        let below = match kind {
            EntityKind::Project => Some(EntityKind::Experiment),
            EntityKind::Experiment => Some(EntityKind::Run),
            EntityKind::Run => Some(EntityKind::Comment),
            _ => None,
        };
        if self.gone.get(kind.index()).is_some_and(|gone| gone.contains(row.0)) {
            return Ok(ControlFlow::Continue(()));
        }
        let is_root = self.root.is_none();
        self.root.get_or_insert((kind, row));
        if let Some(below) = below {
            let mut begun = false;
            let mut from = 0;
            loop {
                let key = Key::children(below, row);
                let page = self.state.keys.page(&self.state.tables, key, from, u32::MAX, false, 1024)?;
                for child in &page {
                    if !begun {
                        // What has lost something of what is under it is not to be restored.
                        go_on!(self.push(kind, row, true));
                        begun = true;
                    }
                    if self.is_child(below, Row(*child), row)? {
                        go_on!(self.tree(below, Row(*child)));
                    }
                }
                match page.last().and_then(|last| last.checked_add(1)) {
                    Some(next) if page.len() == 1024 => from = next,
                    _ => break,
                }
            }
        }
        go_on!(self.push(kind, row, false));
        if is_root {
            self.root = None;
        }
        if let Some(gone) = self.gone.get_mut(kind.index()) {
            gone.insert(row.0);
        }
        Ok(ControlFlow::Continue(()))
    }

    fn is_child(&self, kind: EntityKind, row: Row, parent: Row) -> Result<bool> {
        let Some(bytes) = self.state.resolver().record(kind, row)? else { return Ok(false) };
        let place = Place::read(kind, bytes.as_slice(), None)?;
        Ok(place.is_some_and(|place| place.parents.direct() == parent && place.parents != Parents::None))
    }

    /// Puts an entity into the slice: all its changes, or only that its purge begins.
    fn push(&mut self, kind: EntityKind, row: Row, begin: bool) -> Flow {
        let Some(stored) = self.state.resolver().stored(kind, row)? else { return Ok(ControlFlow::Continue(())) };
        let mut changes = Vec::new();
        let mut begun = false;
        let mut next = Some(stored.last);
        while let Some(at) = next {
            // What a purge before this one erased is the oldest of it.
            let Some(change) = self.log.change(at)? else { break };
            next = change.previous.filter(|_| !begin);
            match change.fact {
                Fact::Purged { .. } => begun = true,
                _ if begin => {}
                _ => changes.push(at),
            }
        }
        changes.reverse();
        // Cut an entity only if it does not fit a slice of its own.
        if !self.fits(&changes) {
            go_on!(self.end_slice());
        }
        let mut rest = changes.as_slice();
        loop {
            let mut fitting = rest.len();
            while !self.fits(rest.get(..fitting).unwrap_or_default()) && fitting > 1 {
                fitting = fitting.div_ceil(2);
            }
            let (now, later) = rest.split_at(fitting);
            self.changes += now.len();
            self.blocks.extend(now.iter().map(block));
            self.slice.push(Target {
                id: (kind, row),
                root: self.root.unwrap_or((kind, row)),
                parent: parent(stored.parents),
                last: stored.last,
                begun,
                changes: now.to_vec(),
                done: later.is_empty() && !begin,
            });
            if later.is_empty() {
                return Ok(ControlFlow::Continue(()));
            }
            go_on!(self.end_slice());
            rest = later;
        }
    }

    /// Whether the slice may also erase `changes`.
    fn fits(&self, changes: &[ChangeId]) -> bool {
        let new: HashSet<_> = changes.iter().map(block).filter(|block| !self.blocks.contains(block)).collect();
        self.slice.len() < limits::PURGE_SLICE_CHANGES
            && self.changes + changes.len() <= limits::PURGE_SLICE_CHANGES
            && self.blocks.len() + new.len() <= limits::PURGE_SLICE_BLOCKS
    }

    fn end_slice(&mut self) -> Flow {
        let slice = std::mem::take(&mut self.slice);
        self.changes = 0;
        self.blocks.clear();
        if slice.is_empty() {
            return Ok(ControlFlow::Continue(()));
        }
        let store = self.store;
        let purged = store.write(|w| {
            let mut purged = Vec::with_capacity(slice.len());
            for target in &slice {
                purged.push(self.erase(w, target)?);
            }
            w.end_purge()?;
            Ok(purged)
        })?;
        for (target, _) in slice.iter().zip(&purged).filter(|(_, purged)| **purged) {
            self.report.changes += target.changes.len() as u64;
            if target.done {
                self.report.count(target.id.0);
            }
        }
        if !purged.contains(&true) {
            return Ok(ControlFlow::Continue(()));
        }
        self.report.commits += 1;
        Ok((self.progress)(&self.report))
    }

    /// Erases a target, unless it has to stay. Answers whether it did.
    fn erase(&mut self, w: &mut Write<'_>, target: &Target) -> Result<bool> {
        let (kind, row) = target.id;
        // Without its root, nothing says any more that the rest is to be purged; and a parent goes last.
        if !self.kept.contains(&target.root) && !self.kept.contains(&target.id) {
            let last = self.begun.get(&target.id).copied();
            let begun = target.begun || last.is_some();
            let last = last.unwrap_or(target.last);
            match w.purge(Erasure { kind, row, last, begun, changes: &target.changes, done: target.done })? {
                Purged::Yes(_) if target.done => {
                    self.begun.remove(&target.id);
                    return Ok(true);
                }
                Purged::Yes(change) => {
                    self.begun.insert(target.id, change);
                    return Ok(true);
                }
                Purged::Gone => return Ok(false),
                Purged::Live => {}
                Purged::Changed => self.unfinished = true,
            }
        }
        self.kept.insert(target.id);
        self.kept.extend(target.parent);
        Ok(false)
    }
}
