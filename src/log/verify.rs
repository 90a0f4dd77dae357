//! The audit: is the log whole, and do the tables hold what it says?
//!
//! The chain finds an edited or dropped commit; walking back from each record finds an edited, swapped,
//! deleted or outdated row; asking the key index for each of them finds what it has lost; counting finds a purge
//! that says something else than what is gone. What none of them finds is a log that was rewritten whole or cut at
//! its end, which shows against a head kept elsewhere, and which of two purges erased a change.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashMap};

use roaring::RoaringBitmap;

use crate::codec::canon::{Digest, Texts};
use crate::codec::observations::Digester;
use crate::error::{Error, ErrorKind, Result};
use crate::id::{ChangeId, EntityId, EntityKind, PerKind, Row, Sequence};
use crate::log::apply;
use crate::log::chain::{self, Hash, Head, Root};
use crate::log::change::{Change, Fact, FieldValue};
use crate::log::commit::Item;
use crate::log::history;
use crate::log::read::LogReader;
use crate::log::resolve::Resolver;
use crate::model::{Entity, Observation, RunStatus, Series, Stored};
use crate::progress::Steps;
use crate::storage::{ReadTables, SeriesPlace, SeriesSource, Source};
use crate::time::Timestamp;

/// Bytes of the creations of a commit that are kept decoded, about; long texts included.
const KEPT_BYTES: u64 = 4 << 20;

/// What an audit found.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct AuditReport {
    /// The last commit of the log.
    pub head: Head,
    /// Commits that were read.
    pub commits: u64,
    /// Changes that were read.
    pub changes: u64,
    /// Changes that a purge erased.
    pub erased: u64,
    /// Entities whose rows were compared with the log.
    pub entities: u64,
    /// The first thing that is wrong, if anything is.
    pub fault: Option<AuditFault>,
}

impl AuditReport {
    /// Nothing is wrong.
    pub fn is_intact(&self) -> bool {
        self.fault.is_none()
    }
}

/// Something that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct AuditFault {
    /// The first commit that is not as it was, or whose effect is not there.
    pub sequence: Sequence,
    /// What is wrong with it.
    pub reason: String,
}

/// Whether what follows the log finds what the log says.
pub(crate) trait Lookup {
    /// The entity by its id and under its parent.
    fn finds(&self, stored: &Stored) -> Result<bool>;
    /// The entity by the name it has in `stored`.
    fn finds_name(&self, stored: &Stored) -> Result<bool>;
    /// A commit by its write id.
    fn finds_write(&self, write_id: &str, sequence: Sequence) -> Result<bool>;
}

/// How often the log names each long text, and the first commit that does.
struct Counted<'a> {
    texts: &'a dyn Texts,
    named: RefCell<HashMap<Digest, (u64, Sequence)>>,
    now: Cell<Sequence>,
    /// Bytes that were read.
    bytes: Cell<u64>,
}

impl Counted<'_> {
    fn count(&self, digest: Digest, sequence: Sequence) {
        let mut named = self.named.borrow_mut();
        let (count, first) = named.entry(digest).or_insert((0, sequence));
        *count += 1;
        *first = sequence.min(*first);
    }
}

impl Texts for Counted<'_> {
    fn text(&self, digest: &Digest, len: u64) -> Result<Vec<u8>> {
        self.count(*digest, self.now.get());
        self.bytes.set(self.bytes.get().saturating_add(len));
        self.texts.text(digest, len)
    }
}

struct Audit<'a, 't> {
    steps: &'a mut Steps<'t>,
    tables: &'a ReadTables,
    texts: &'a Counted<'a>,
    resolver: &'a Resolver<'a, ReadTables>,
    hidden: &'a PerKind<RoaringBitmap>,
    /// Runs that are said to be running, but for those that were looked at.
    running: RoaringBitmap,
    lookup: &'a dyn Lookup,
    report: AuditReport,
    rows: PerKind<u32>,
    /// Rows that a purge left without a record.
    removed: PerKind<u64>,
    /// Changes that were erased, by the commits they name for it; and what those commits say of it.
    erasures: BTreeMap<Sequence, (u64, u64)>,
    /// Changes after creations, and those of them that are reached from a record or from the end of a purge.
    links: u64,
    walked: u64,
    /// Of entities whose purge has begun, how many changes say so; and of those whose record is still there, its row.
    begun: HashMap<EntityId, u64>,
    purging: Vec<(EntityId, Row)>,
    /// Entities whose purge has ended, by kind.
    purged: PerKind<u64>,
    /// The chunk of a series that was read last: the changes before it are mostly in it, too.
    chunk: Option<(SeriesPlace, u64, Vec<Observation>)>,
}

/// Audits all commits up to `last`, of which `steps` tells how many are done.
pub(crate) fn verify(
    tables: &ReadTables,
    resolver: &Resolver<'_, ReadTables>,
    hidden: &PerKind<RoaringBitmap>,
    lookup: &dyn Lookup,
    last: Head,
    against: Option<&Head>,
    steps: &mut Steps<'_>,
) -> Result<AuditReport> {
    let report = AuditReport { head: last, commits: 0, changes: 0, erased: 0, entities: 0, fault: None };
    let texts =
        Counted { texts: resolver, named: RefCell::default(), now: Cell::new(Sequence::ZERO), bytes: Cell::new(0) };
    let mut audit = Audit {
        steps,
        tables,
        texts: &texts,
        resolver,
        hidden,
        running: tables.running()?,
        lookup,
        report,
        rows: Default::default(),
        removed: Default::default(),
        erasures: BTreeMap::new(),
        links: 0,
        walked: 0,
        begun: HashMap::new(),
        purging: Vec::new(),
        purged: Default::default(),
        chunk: None,
    };
    audit.chain(last, against)?;
    // A log that cannot be read says nothing about rows created after the break.
    if audit.report.fault.is_none() {
        audit.erasures();
        audit.rows_without_creation()?;
        audit.text_references()?;
        if audit.links != audit.walked {
            audit.outdated_rows(last)?;
        }
    }
    Ok(audit.report)
}

impl Audit<'_, '_> {
    fn fault(&mut self, sequence: Sequence, reason: impl Into<String>) {
        let fault = AuditFault { sequence, reason: reason.into() };
        match &self.report.fault {
            Some(known) if known.sequence <= sequence => {}
            _ => self.report.fault = Some(fault),
        }
    }

    /// Keeps damage as a finding; anything else (an I/O error, say) ends the audit.
    fn finding<T>(&mut self, sequence: Sequence, result: Result<T>) -> Result<Option<T>> {
        match result {
            Ok(value) => Ok(Some(value)),
            Err(error) if matches!(error.kind(), ErrorKind::Corrupt | ErrorKind::Incompatible) => {
                self.fault(sequence, error.message());
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    fn chain(&mut self, last: Head, against: Option<&Head>) -> Result<()> {
        self.steps.begin("verifying the log", last.sequence.get())?;
        let log = LogReader::new(self.tables, self.texts);
        let walker = LogReader::new(self.tables, self.resolver);
        let (mut previous, mut time) = (Hash::ZERO, Timestamp::from_millis(i64::MIN));
        let mut sequence = Sequence::ZERO;
        if against.is_some_and(|head| head.sequence == sequence && head.hash != previous) {
            self.fault(sequence, "the given head is of no log: before the first commit the hash is zero");
        }
        while sequence < last.sequence {
            sequence = sequence.next();
            self.texts.now.set(sequence);
            let linked = self.commit(&log, &walker, sequence, previous, time);
            let Some((hash, at)) = self.finding(sequence, linked)? else { return Ok(()) };
            (previous, time) = (hash, at);
            self.report.commits += 1;
            self.steps.tick()?;
            if against.is_some_and(|head| head.sequence == sequence && head.hash != hash) {
                self.fault(sequence, "the log up to here is not the one the given head was taken from");
            }
        }
        if let Some(head) = against.filter(|head| head.sequence > last.sequence) {
            let reason = format!("the log was cut: the given head is of commit {}", head.sequence);
            self.fault(last.sequence.next(), reason);
        }
        Ok(())
    }

    /// Checks one commit against the hash before it, and the rows it created.
    fn commit(
        &mut self,
        log: &LogReader<'_, ReadTables>,
        walker: &LogReader<'_, ReadTables>,
        sequence: Sequence,
        previous: Hash,
        time: Timestamp,
    ) -> Result<(Hash, Timestamp)> {
        let mut root = Root::default();
        let mut count = 0_u32;
        let (mut trailer, mut last) = (None, 0);
        let mut created = Vec::new();
        let (mut erased, mut purged) = (Vec::new(), 0);
        // Creations are kept decoded for the walks that end with them, but for those of a large commit.
        let (mut kept, texts) = (0_u64, self.texts);
        texts.bytes.set(0);
        let found = log.parts(sequence, &mut |part| {
            for item in &part.items {
                let id = ChangeId::new(sequence, count);
                count = count.saturating_add(1);
                let len = match item {
                    Item::Erased(item) => {
                        root.push(item.code, &item.digest);
                        erased.push(item.by);
                        0
                    }
                    Item::Whole { bytes, .. } => bytes.len() as u64,
                };
                let Some(change) = log.decode(item)? else {
                    created.extend(item.creates().map(|kind| (id, kind, None, None)));
                    continue;
                };
                root.push(change.code(), &item.digest());
                self.links += u64::from(!matches!(change.fact, Fact::Created(_)));
                match change.fact {
                    Fact::Created(_) => {
                        let (kind, entity) = (change.entity.kind(), change.entity.clone());
                        kept += len;
                        let keep = kept + texts.bytes.get() <= KEPT_BYTES;
                        created.push((id, kind, Some(entity), keep.then_some(change)));
                    }
                    Fact::Edited { .. } => {}
                    Fact::Purged { changes, done } => {
                        purged += u64::from(changes);
                        self.purge(change.entity, done);
                    }
                }
            }
            trailer = part.trailer.clone();
            last = part.first;
            Ok(())
        })?;
        let behind = self.tables.log_at_most(sequence.get(), u32::MAX)?;
        if behind.is_some_and(|(of, first)| of == sequence.get() && first != last) {
            return Err(Error::corrupt("there is a part of the commit behind its end"));
        }
        let trailer = trailer.filter(|_| found).ok_or_else(|| Error::corrupt("the commit is missing"))?;
        let commit = trailer.commit()?;
        let told: u64 = commit.operations.iter().map(|operation| u64::from(operation.changes)).sum();
        if commit.sequence != sequence || commit.changes != count || told != u64::from(count) || commit.time < time {
            return Err(Error::corrupt("the commit's header does not fit its place or its changes"));
        }
        let hash = chain::link(&previous, &trailer.header, &trailer.actor.digest(), &root.finish());
        if hash != trailer.hash {
            return Err(Error::corrupt("the commit's hash does not follow from its bytes and the commit before"));
        }
        if !commit.idempotency_id.is_empty() && !self.lookup.finds_write(&commit.idempotency_id, sequence)? {
            self.fault(sequence, "the commit is not found by its write id");
        }
        self.report.changes += u64::from(count);
        self.report.erased += erased.len() as u64;
        if let Item::Erased(actor) = &trailer.actor {
            erased.push(actor.by);
        }
        for by in erased {
            self.erasures.entry(by).or_default().0 += 1;
        }
        if purged > 0 {
            self.erasures.entry(sequence).or_default().1 += purged;
        }
        for (at, (id, kind, entity, creation)) in created.into_iter().enumerate() {
            // A commit may be a load of millions.
            if at % 1024 == 1023 {
                self.steps.now()?;
            }
            let row = self.rows.get_mut(kind.index()).map(|next| {
                let row = Row(*next);
                *next = next.saturating_add(1);
                row
            });
            let row = row.ok_or_else(|| Error::corrupt("an unknown kind"))?;
            self.row(walker, id, kind, entity.as_ref(), row, creation)?;
        }
        Ok((hash, commit.time))
    }

    /// Takes in what a change says of a purge: once that has ended, nothing else reaches the changes that say so.
    fn purge(&mut self, entity: EntityId, done: bool) {
        if !done {
            *self.begun.entry(entity).or_default() += 1;
            return;
        }
        self.walked += 1 + self.begun.remove(&entity).unwrap_or(0);
        if let Some(purged) = self.purged.get_mut(entity.kind().index()) {
            *purged += 1;
        }
    }

    /// Walks back from the record of an entity that `created` made; a creation that was erased names none.
    fn row(
        &mut self,
        log: &LogReader<'_, ReadTables>,
        created: ChangeId,
        kind: EntityKind,
        entity: Option<&EntityId>,
        row: Row,
        mut creation: Option<Change>,
    ) -> Result<()> {
        let read = self.resolver.stored(kind, row);
        let Some(found) = self.finding(created.sequence, read)? else { return Ok(()) };
        let Some(mut stored) = found else {
            match (entity, self.removed.get_mut(kind.index())) {
                (None, Some(removed)) => *removed += 1,
                _ => self.fault(created.sequence, format!("the row of a {kind} is gone")),
            }
            return Ok(());
        };
        self.report.entities += 1;
        let found = stored.entity.id();
        if let Some(entity) = entity.filter(|entity| **entity != found) {
            self.fault(created.sequence, format!("the row of {entity} holds {found}"));
            return Ok(());
        }
        let entity = &found;
        let hidden = self.hidden.get(kind.index()).is_some_and(|rows| rows.contains(row.0));
        if matches!(kind, EntityKind::Project | EntityKind::Experiment) && hidden != stored.deleted {
            self.fault(stored.last.sequence, format!("whether {entity} is deleted is told in two ways"));
        }
        let running = matches!(&stored.entity, Entity::Run(run) if run.status == Some(RunStatus::Running));
        if kind == EntityKind::Run && self.running.remove(row.0) != running {
            self.fault(stored.last.sequence, format!("whether {entity} is running is told in two ways"));
        }
        if stored.last < created || stored.last.sequence > self.report.head.sequence {
            self.fault(created.sequence, format!("{entity} names a change {} that cannot be its last", stored.last));
            return Ok(());
        }
        if !self.lookup.finds(&stored)? {
            self.fault(created.sequence, format!("{entity} is not found by its id, or not under its parent"));
        }
        let mut name = None;
        let mut purging = false;
        loop {
            // By each name it ever had: a snapshot of the past asks for those.
            if name.as_deref() != stored.entity.name() {
                name = stored.entity.name().map(str::to_owned);
                if !self.lookup.finds_name(&stored)? {
                    let reason = format!("{entity} is not found by its name {name:?}");
                    self.fault(created.sequence, reason);
                }
            }
            let at = stored.last;
            let change = match creation.take_if(|_| at == created) {
                Some(change) => Ok(Some(change)),
                None => log.change(at),
            };
            let Some(change) = self.finding(at.sequence, change)? else { return Ok(()) };
            // What an erased change said cannot be checked, nor what lies before it be reached: of an entity that
            // is being purged, the oldest go first.
            let Some(change) = change else {
                if !purging {
                    self.fault(at.sequence, format!("{entity} is there, and change {at} of it is erased"));
                }
                return Ok(());
            };
            let is_link = !matches!(change.fact, Fact::Created(_));
            if !purging && matches!(change.fact, Fact::Purged { .. }) {
                purging = true;
                self.purging.push((entity.clone(), row));
                for (digest, _) in Change::texts_of(&stored.entity) {
                    self.texts.count(digest, at.sequence);
                }
            }
            let observed = self.observations(&stored, &change);
            self.finding(at.sequence, observed)?;
            let undone = history::undo(&mut stored, change);
            match self.finding(at.sequence, undone)? {
                Some(true) => self.walked += u64::from(is_link),
                Some(false) if at == created => return Ok(()),
                Some(false) => {
                    self.fault(created.sequence, format!("{entity} was created twice"));
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

    /// What was erased names a commit that says so, and as many of them as it says.
    fn erasures(&mut self) {
        let disagree = self.erasures.iter().find(|(_, (names, says))| names != says);
        if let Some((by, (names, says))) = disagree.map(|(by, counts)| (*by, *counts)) {
            self.fault(by, format!("the commit says that it erased {says} changes, and {names} name it"));
        }
    }

    fn rows_without_creation(&mut self) -> Result<()> {
        let next = apply::next_rows(self.tables)?;
        for kind in EntityKind::ALL {
            let created = self.rows.get(kind.index()).copied().unwrap_or(0);
            let (last, stored) = (self.tables.rows(kind)?, self.tables.stored(kind)?);
            let removed = self.removed.get(kind.index()).copied().unwrap_or(0);
            let left = u64::from(created) - removed;
            let sequence = self.report.head.sequence;
            if last > created || stored > left {
                self.fault(sequence, format!("the table has {stored} rows of {kind}s, and the log left {left}"));
            }
            let purged = self.purged.get(kind.index()).copied().unwrap_or(0);
            if removed != purged {
                self.fault(sequence, format!("{removed} {kind}s are gone, and the log says that {purged} were purged"));
            }
            if next.get(kind.index()) != Some(&created) {
                self.fault(sequence, format!("rows of {kind}s that were taken would be given again"));
            }
        }
        if let Some(row) = self.running.min() {
            self.fault(self.report.head.sequence, format!("run row {row} is said to be running, and is not there"));
        }
        Ok(())
    }

    /// Each long text is counted as often as it is named: one that is counted less would go while it is needed.
    fn text_references(&mut self) -> Result<()> {
        let mut named = self.texts.named.take();
        let mut faults = Vec::new();
        let head = self.report.head.sequence;
        self.tables.text_references(&mut |digest, said| {
            let (count, first) = named.remove(digest).unwrap_or((0, head));
            if count != said {
                faults.push((first, format!("a long text is named {count} times, and counted {said} times")));
            }
        })?;
        // Those that are not there at all were found where they were read.
        faults.into_iter().for_each(|(first, reason)| self.fault(first, reason));
        Ok(())
    }

    /// Some change is not reached from any record: a row was put back to an earlier state. Finds it, of entities that
    /// are being purged too.
    fn outdated_rows(&mut self, last: Head) -> Result<()> {
        let log = LogReader::new(self.tables, self.resolver);
        let mut changes: HashMap<EntityId, Vec<ChangeId>> = HashMap::new();
        let mut rows: PerKind<u32> = Default::default();
        let mut places = std::mem::take(&mut self.purging);
        for number in 1..=last.sequence.get() {
            let sequence = Sequence::new(number);
            let mut index = 0;
            log.parts(sequence, &mut |part| {
                for item in &part.items {
                    let change = log.decode(item)?;
                    if let Some(next) = item.creates().and_then(|kind| rows.get_mut(kind.index())) {
                        *next += 1;
                    }
                    if let Some(change) = change {
                        if let (Fact::Created(_), Some(next)) =
                            (&change.fact, rows.get_mut(change.entity.kind().index()))
                        {
                            places.push((change.entity.clone(), Row(*next)));
                            *next += 1;
                        }
                        changes.entry(change.entity).or_default().push(ChangeId::new(sequence, index));
                    }
                    index += 1;
                }
                Ok(())
            })?;
        }
        for (entity, row) in places {
            let stored = self.resolver.stored(entity.kind(), row);
            let Ok(Some(stored)) = stored else { continue };
            let missed = changes.get(&entity).and_then(|ids| ids.iter().find(|id| **id > stored.last));
            if let Some(missed) = missed {
                self.fault(missed.sequence, format!("{entity} does not hold what change {missed} and later ones left"));
            }
        }
        Ok(())
    }
}
