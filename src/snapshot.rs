//! A consistent view of the store: as of one commit, for ever.

use std::sync::Arc;

use crate::audit::Audit;
use crate::entity::comment::Comments;
use crate::entity::experiment::Experiments;
use crate::entity::job::Jobs;
use crate::entity::lineage::Lineage;
use crate::entity::project::Projects;
use crate::entity::run::Runs;
use crate::entity::state::State;
use crate::error::{Error, Result};
use crate::id::{ChangeId, EntityId, EntityKind, Sequence};
use crate::log::chain::Head;
use crate::log::change::Change;
use crate::log::commit::Commit;
use crate::log::history::{self, HistoryEntry};
use crate::log::read::{LogReader, Recent};
use crate::model::Entity;
use crate::time::Timestamp;
use crate::write;

/// The store as of one commit. A cheap clone; it never changes and blocks nobody.
#[derive(Clone)]
pub struct Snapshot {
    pub(crate) state: Arc<State>,
    at: Sequence,
}

/// A moment in the past of a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum At {
    /// After this commit.
    Sequence(Sequence),
    /// After the last commit made at this time or before it.
    Time(Timestamp),
}

impl From<Sequence> for At {
    fn from(sequence: Sequence) -> At {
        At::Sequence(sequence)
    }
}

impl From<Timestamp> for At {
    fn from(time: Timestamp) -> At {
        At::Time(time)
    }
}

impl std::fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Snapshot").field("at", &self.at).finish_non_exhaustive()
    }
}

impl Snapshot {
    pub(crate) fn new(state: Arc<State>) -> Self {
        let at = state.head.sequence;
        Snapshot { state, at }
    }

    /// The last commit this snapshot sees; 0 before the first.
    pub fn sequence(&self) -> Sequence {
        self.at
    }

    /// The entity of an id, of whatever kind.
    pub(crate) fn entity(&self, id: &EntityId) -> Result<Entity> {
        let id = id.clone();
        Ok(match id.kind() {
            EntityKind::Project => Entity::Project(self.projects().get(&id.try_into()?)?),
            EntityKind::Experiment => Entity::Experiment(self.experiments().get(&id.try_into()?)?),
            EntityKind::Run => Entity::Run(self.runs().get(&id.try_into()?)?),
            EntityKind::Comment => Entity::Comment(self.comments().get(&id.try_into()?)?),
            EntityKind::Job => Entity::Job(self.jobs().get(&id.try_into()?)?),
            EntityKind::LineageEdge => return Err(Error::invalid("an edge of the lineage has no getter")),
        })
    }

    /// The store as it was at an earlier moment, with the same getters and listings. What changed since is
    /// walked back, one read of the log for each change. What was purged since is not there, and its dates do not lift
    /// those of its project and experiment.
    ///
    /// # Errors
    /// `InvalidArgument` for a sequence number after this snapshot's.
    pub fn as_of(&self, at: impl Into<At>) -> Result<Snapshot> {
        let at = match at.into() {
            At::Sequence(sequence) if sequence > self.at => {
                return Err(Error::invalid(format!(
                    "commit {sequence} is after this snapshot, which ends with {}",
                    self.at
                )));
            }
            At::Sequence(sequence) => sequence,
            At::Time(time) if time >= self.state.time && self.at == self.state.head.sequence => self.at,
            At::Time(time) => self.log(|log| log.at_time(time, self.at))?,
        };
        Ok(Snapshot { state: Arc::clone(&self.state), at })
    }

    /// Projects.
    pub fn projects(&self) -> Projects<'_> {
        Projects::new(&self.state, self.at)
    }

    /// Experiments.
    pub fn experiments(&self) -> Experiments<'_> {
        Experiments::new(&self.state, self.at)
    }

    /// Runs.
    pub fn runs(&self) -> Runs<'_> {
        Runs::new(&self.state, self.at)
    }

    /// Comments on runs.
    pub fn comments(&self) -> Comments<'_> {
        Comments::new(&self.state, self.at)
    }

    /// Jobs.
    pub fn jobs(&self) -> Jobs<'_> {
        Jobs::new(&self.state, self.at)
    }

    /// The lineage of runs.
    pub fn lineage(&self) -> Lineage<'_> {
        Lineage::new(&self.state, self.at)
    }

    fn log<R>(&self, read: impl FnOnce(&LogReader<'_, crate::storage::ReadTables>) -> Result<R>) -> Result<R> {
        let resolver = self.state.resolver();
        read(&LogReader::new(&self.state.tables, &resolver))
    }

    /// The commit of a sequence number.
    ///
    /// # Errors
    /// `NotFound` if this snapshot has none; `Corrupt` if it is damaged.
    pub fn commit(&self, sequence: Sequence) -> Result<Commit> {
        let missing = || Error::not_found(format!("there is no commit {sequence}"));
        if sequence == Sequence::ZERO || sequence > self.at {
            return Err(missing());
        }
        self.log(|log| log.commit(sequence))?.ok_or_else(missing)
    }

    /// The changes of a commit, in order, read as they are asked for. None stands for one that was erased.
    ///
    /// # Errors
    /// `NotFound` if this snapshot has no such commit.
    pub fn changes(&self, sequence: Sequence) -> Result<Changes> {
        let commit = self.commit(sequence)?;
        Ok(Changes { snapshot: self.clone(), sequence, next: 0, count: commit.changes, ahead: Vec::new() })
    }

    /// What happened to an entity, newest first, deleted or not. Each step is one read of the log.
    ///
    /// # Errors
    /// `NotFound` if no entity ever had this id.
    pub fn history(&self, entity: impl Into<EntityId>) -> Result<History> {
        let entity = entity.into();
        let row = self.state.row_even_deleted(&entity)?;
        let stored = self.state.stored(entity.kind(), row, self.at, &Recent::default())?;
        let stored = stored.ok_or_else(|| Error::not_found(format!("there was no {entity} as of {}", self.at)))?;
        Ok(History { snapshot: self.clone(), next: Some(stored.last) })
    }

    /// The audit of this snapshot.
    pub fn audit(&self) -> Audit {
        Audit::new(self.clone())
    }

    /// The head of the log as of this snapshot.
    ///
    /// # Errors
    /// `Corrupt` or `Io` if the log cannot be read.
    pub(crate) fn head(&self) -> Result<Head> {
        match self.at {
            at if at == self.state.head.sequence => Ok(self.state.head),
            Sequence::ZERO => Ok(Head::default()),
            at => Ok(self.commit(at)?.head()),
        }
    }

    pub(crate) fn outcome(&self, id: &str) -> Result<Option<Sequence>> {
        write::find_write(&self.state.keys, &self.state.tables, &self.state.common, id, self.at)
    }
}

/// The changes of a commit: see [`Snapshot::changes`].
pub struct Changes {
    snapshot: Snapshot,
    sequence: Sequence,
    next: u32,
    count: u32,
    /// The next changes, last first.
    ahead: Vec<Option<Change>>,
}

impl Changes {
    fn fetch(&mut self) -> Result<()> {
        let (from, sequence) = (self.next, self.sequence);
        let ahead = self.snapshot.log(|log| {
            let mut ahead = Vec::new();
            let to = self.count.min(from.saturating_add(256));
            for index in from..to {
                ahead.push(log.change(ChangeId::new(sequence, index))?);
            }
            Ok(ahead)
        })?;
        self.ahead = ahead;
        self.ahead.reverse();
        Ok(())
    }
}

impl Iterator for Changes {
    type Item = Result<Option<Change>>;
    fn next(&mut self) -> Option<Self::Item> {
        if self.ahead.is_empty() {
            if self.next >= self.count {
                return None;
            }
            if let Err(error) = self.fetch() {
                self.next = self.count;
                return Some(Err(error));
            }
        }
        self.next = self.next.saturating_add(1);
        self.ahead.pop().map(Ok)
    }
}

/// What happened to an entity, newest first: see [`Snapshot::history`].
pub struct History {
    snapshot: Snapshot,
    next: Option<ChangeId>,
}

impl Iterator for History {
    type Item = Result<HistoryEntry>;
    fn next(&mut self) -> Option<Self::Item> {
        let id = self.next.take()?;
        match self.snapshot.log(|log| history::entry(log, id)) {
            Ok((entry, previous)) => {
                self.next = previous.filter(|previous| *previous < id);
                Some(Ok(entry))
            }
            Err(error) => Some(Err(error)),
        }
    }
}
