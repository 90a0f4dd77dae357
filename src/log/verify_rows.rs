//! The half of the audit that begins at the records: back from each to the change that created it.

use std::sync::mpsc::Receiver;

use roaring::RoaringBitmap;

use crate::codec::canon::Digest;
use crate::codec::observations::Digester;
use crate::error::{Error, Result};
use crate::id::{ChangeId, EntityId, EntityKind, PerKind, Row, Sequence};
use crate::log::change::{Change, Fact, FieldValue};
use crate::log::history;
use crate::log::read::LogReader;
use crate::log::resolve::Resolver;
use crate::log::verify::{First, Lookup};
use crate::model::{Entity, Observation, RunStatus, Series, Stored};
use crate::progress::Steps;
use crate::storage::{ReadTables, SeriesPlace, SeriesSource};

/// An entity that the log created, in the order of the log: rows of a kind follow it.
pub(super) struct Creation {
    pub(super) id: ChangeId,
    pub(super) kind: EntityKind,
    /// None if the creation was erased.
    pub(super) entity: Option<EntityId>,
    /// The creation itself, if it was kept decoded.
    pub(super) change: Option<Change>,
}

/// What the records say.
#[derive(Default)]
pub(super) struct Walked {
    pub(super) first: First,
    pub(super) entities: u64,
    pub(super) rows: PerKind<u32>,
    /// Rows that a purge left without a record.
    pub(super) removed: PerKind<u64>,
    /// Changes after creations that were reached.
    pub(super) links: u64,
    /// Runs that are said to be running, but for those that were looked at.
    pub(super) running: RoaringBitmap,
    /// Entities whose purge has begun, and whose record is still there; and the long texts it names.
    pub(super) purging: Vec<(EntityId, Row)>,
    pub(super) texts: Vec<(Digest, Sequence)>,
}

pub(super) struct Walk<'a> {
    tables: &'a ReadTables,
    resolver: &'a Resolver<'a, ReadTables>,
    hidden: &'a PerKind<RoaringBitmap>,
    lookup: &'a (dyn Lookup + Sync),
    last: Sequence,
    walked: Walked,
    /// The chunk of a series that was read last: the changes before it are mostly in it, too.
    chunk: Option<(SeriesPlace, u64, Vec<Observation>)>,
}

impl<'a> Walk<'a> {
    pub(super) fn new(
        tables: &'a ReadTables,
        resolver: &'a Resolver<'a, ReadTables>,
        hidden: &'a PerKind<RoaringBitmap>,
        lookup: &'a (dyn Lookup + Sync),
        last: Sequence,
    ) -> Result<Self> {
        let walked = Walked { running: tables.running()?, ..Walked::default() };
        Ok(Walk { tables, resolver, hidden, lookup, last, walked, chunk: None })
    }

    /// Walks back to all creations, as they come.
    pub(super) fn all(mut self, creations: &Receiver<Vec<Creation>>, steps: &mut Steps<'_>) -> Result<Walked> {
        let log = LogReader::new(self.tables, self.resolver);
        for creation in creations.iter().flatten() {
            let sequence = creation.id.sequence;
            let done = self.row(&log, creation);
            if self.walked.first.finding(sequence, done)?.is_none() {
                break;
            }
            steps.add(1)?;
        }
        Ok(self.walked)
    }

    /// Walks back from the record of an entity.
    fn row(&mut self, log: &LogReader<'_, ReadTables>, creation: Creation) -> Result<()> {
        let Creation { id: created, kind, entity, change: mut creation } = creation;
        let Some(next) = self.walked.rows.get_mut(kind.index()) else { return Ok(()) };
        let row = Row(*next);
        *next = next.saturating_add(1);
        let read = self.resolver.stored(kind, row);
        let Some(found) = self.walked.first.finding(created.sequence, read)? else { return Ok(()) };
        let Some(mut stored) = found else {
            match (entity, self.walked.removed.get_mut(kind.index())) {
                (None, Some(removed)) => *removed += 1,
                _ => self.walked.first.fault(created.sequence, format!("the row of a {kind} is gone")),
            }
            return Ok(());
        };
        self.walked.entities += 1;
        let found = stored.entity.id();
        if let Some(entity) = entity.as_ref().filter(|entity| **entity != found) {
            self.walked.first.fault(created.sequence, format!("the row of {entity} holds {found}"));
            return Ok(());
        }
        let entity = &found;
        let hidden = self.hidden.get(kind.index()).is_some_and(|rows| rows.contains(row.0));
        if matches!(kind, EntityKind::Project | EntityKind::Experiment) && hidden != stored.deleted {
            self.walked.first.fault(stored.last.sequence, format!("whether {entity} is deleted is told in two ways"));
        }
        let running = matches!(&stored.entity, Entity::Run(run) if run.status == Some(RunStatus::Running));
        if kind == EntityKind::Run && self.walked.running.remove(row.0) != running {
            self.walked.first.fault(stored.last.sequence, format!("whether {entity} is running is told in two ways"));
        }
        if stored.last < created || stored.last.sequence > self.last {
            self.walked
                .first
                .fault(created.sequence, format!("{entity} names a change {} that cannot be its last", stored.last));
            return Ok(());
        }
        if !self.lookup.finds(&stored)? {
            self.walked
                .first
                .fault(created.sequence, format!("{entity} is not found by its id, or not under its parent"));
        }
        let mut name = None;
        let mut purging = false;
        loop {
            // By each name it ever had: a snapshot of the past asks for those.
            if name.as_deref() != stored.entity.name() {
                name = stored.entity.name().map(str::to_owned);
                if !self.lookup.finds_name(&stored)? {
                    let reason = format!("{entity} is not found by its name {name:?}");
                    self.walked.first.fault(created.sequence, reason);
                }
            }
            let at = stored.last;
            let change = match creation.take_if(|_| at == created) {
                Some(change) => Ok(Some(change)),
                None => log.change(at),
            };
            let Some(change) = self.walked.first.finding(at.sequence, change)? else { return Ok(()) };
            // What an erased change said cannot be checked, nor what lies before it be reached: of an entity that
            // is being purged, the oldest go first.
            let Some(change) = change else {
                if !purging {
                    self.walked.first.fault(at.sequence, format!("{entity} is there, and change {at} of it is erased"));
                }
                return Ok(());
            };
            let is_link = !matches!(change.fact, Fact::Created(_));
            if !purging && matches!(change.fact, Fact::Purged { .. }) {
                purging = true;
                self.walked.purging.push((entity.clone(), row));
                for (digest, _) in Change::texts_of(&stored.entity) {
                    self.walked.texts.push((digest, at.sequence));
                }
            }
            let observed = self.observations(&stored, &change);
            self.walked.first.finding(at.sequence, observed)?;
            let undone = history::undo(&mut stored, change);
            match self.walked.first.finding(at.sequence, undone)? {
                Some(true) => self.walked.links += u64::from(is_link),
                Some(false) if at == created => return Ok(()),
                Some(false) => {
                    self.walked.first.fault(created.sequence, format!("{entity} was created twice"));
                    return Ok(());
                }
                None => return Ok(()),
            }
        }
    }

    /// Whether the observations that a change added to a run are there as they were, and sum up to what it says.
    fn observations(&mut self, stored: &Stored, change: &Change) -> Result<()> {
        let EntityKind::Run = change.entity.kind() else { return Ok(()) };
        match &change.fact {
            Fact::Created(entity) => {
                let Entity::Run(run) = &**entity else { return Ok(()) };
                run.series.iter().try_for_each(|series| self.added(stored.row, None, series))
            }
            Fact::Edited { edits, .. } => {
                for edit in edits {
                    if let Some(FieldValue::Series(new)) = &edit.new {
                        let old = match &edit.old {
                            Some(FieldValue::Series(old)) => Some(&**old),
                            _ => None,
                        };
                        self.added(stored.row, old, new)?;
                    }
                }
                Ok(())
            }
            Fact::Purged { .. } => Ok(()),
        }
    }

    fn added(&mut self, run: Row, old: Option<&Series>, new: &Series) -> Result<()> {
        let wrong = || Error::corrupt(format!("what was observed under {:?} is not what the change says", new.key));
        let start = Series { generation: new.generation, key: new.key.clone(), ..Series::default() };
        let mut series = old.cloned().unwrap_or(start);
        if series.generation != new.generation || series.count >= new.count {
            return Err(wrong());
        }
        let key = self.resolver.dictionary.code(&new.key).ok_or_else(wrong)?;
        let place = SeriesPlace { run, key, generation: new.generation };
        let mut digester = Digester::default();
        while series.count < new.count {
            let at = series.count;
            let known = self
                .chunk
                .as_ref()
                .filter(|(of, first, chunk)| *of == place && (*first..*first + chunk.len() as u64).contains(&at));
            if known.is_none() {
                let (first, chunk) = self.tables.chunk(place, at)?;
                self.chunk = Some((place, first, chunk.collect()));
            }
            let (_, first, chunk) = self.chunk.as_ref().ok_or_else(wrong)?;
            let range = usize::try_from(at - first).ok().zip(usize::try_from(new.count - first).ok());
            let (from, to) = range.ok_or_else(wrong)?;
            let added = chunk.get(from..to.min(chunk.len())).ok_or_else(wrong)?;
            added.iter().for_each(|observation| series.push(observation));
            digester.update(added);
        }
        series.added = digester.finish();
        if series == *new { Ok(()) } else { Err(wrong()) }
    }
}
