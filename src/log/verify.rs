//! The audit: is the log whole, and do the tables hold what it says?
//!
//! The chain finds an edited or dropped commit; walking back from each record finds an edited, swapped,
//! deleted or outdated row; asking the key index for each of them finds what it has lost; counting finds a purge
//! that says something else than what is gone. What none of them finds is a log that was rewritten whole or cut at
//! its end, which shows against a head kept elsewhere, and which of two purges erased a change.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashMap};
use std::sync::mpsc::{SyncSender, sync_channel};

use roaring::RoaringBitmap;

use crate::codec::canon::{Digest, Texts};
use crate::error::{Error, ErrorKind, Result};
use crate::id::{ChangeId, EntityId, EntityKind, PerKind, Row, Sequence};
use crate::log::apply;
use crate::log::chain::{self, Hash, Head, Root};
use crate::log::change::Fact;
use crate::log::commit::Item;
use crate::log::read::LogReader;
use crate::log::resolve::Resolver;
use crate::log::verify_rows::{Creation, Walk, Walked};
use crate::model::Stored;
use crate::progress::{Beside, Steps};
use crate::storage::{ReadTables, Source};
use crate::time::Timestamp;

/// Bytes of the creations that are kept decoded, about, and long texts included: of a commit, and of what is handed
/// over at once.
const KEPT_BYTES: u64 = 4 << 20;

/// Creations that are handed over at once, at most.
const HANDED: usize = 1024;

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

/// The first fault.
#[derive(Default)]
pub(super) struct First(Option<AuditFault>);

impl First {
    pub(super) fn fault(&mut self, sequence: Sequence, reason: impl Into<String>) {
        if self.0.as_ref().is_none_or(|known| sequence < known.sequence) {
            self.0 = Some(AuditFault { sequence, reason: reason.into() });
        }
    }

    /// Keeps damage as a finding; anything else (an I/O error, say) ends the audit.
    pub(super) fn finding<T>(&mut self, sequence: Sequence, result: Result<T>) -> Result<Option<T>> {
        match result {
            Ok(value) => Ok(Some(value)),
            Err(error) if matches!(error.kind(), ErrorKind::Corrupt | ErrorKind::Incompatible) => {
                self.fault(sequence, error.message());
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    fn merge(&mut self, other: &First) {
        if let Some(AuditFault { sequence, reason }) = &other.0 {
            self.fault(*sequence, reason);
        }
    }
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

/// The half of the audit that begins at the first commit.
struct Audit<'a> {
    tables: &'a ReadTables,
    texts: &'a Counted<'a>,
    lookup: &'a (dyn Lookup + Sync),
    report: AuditReport,
    first: First,
    /// Changes that were erased, by the commits they name for it; and what those commits say of it.
    erasures: BTreeMap<Sequence, (u64, u64)>,
    /// Changes after creations, and those of them that are reached from the end of a purge.
    links: u64,
    ended: u64,
    /// Of entities whose purge has begun, how many changes say so.
    begun: HashMap<EntityId, u64>,
    /// Entities whose purge has ended, by kind.
    purged: PerKind<u64>,
}

/// Hands over what was created to whoever walks back to it.
struct Hand {
    to: SyncSender<Vec<Creation>>,
    creations: Vec<Creation>,
    /// Bytes of those that are decoded, about.
    bytes: u64,
}

impl Hand {
    /// Takes in what a commit created, and hands over if that is much. Answers whether somebody still wants to know.
    fn add(&mut self, created: Vec<Creation>, bytes: u64) -> bool {
        if self.bytes + bytes > KEPT_BYTES && !self.over() {
            return false;
        }
        self.bytes += bytes;
        for creation in created {
            self.creations.push(creation);
            if self.creations.len() >= HANDED && !self.over() {
                return false;
            }
        }
        true
    }

    /// Hands over. Answers whether somebody still wants to know.
    fn over(&mut self) -> bool {
        self.bytes = 0;
        self.to.send(std::mem::take(&mut self.creations)).is_ok()
    }
}

/// Audits all commits up to `last`, of which `steps` tells how many are read.
pub(crate) fn verify(
    tables: &ReadTables,
    resolver: &Resolver<'_, ReadTables>,
    hidden: &PerKind<RoaringBitmap>,
    lookup: &(dyn Lookup + Sync),
    last: Head,
    against: Option<&Head>,
    steps: &mut Steps<'_>,
) -> Result<AuditReport> {
    let texts =
        Counted { texts: resolver, named: RefCell::default(), now: Cell::new(Sequence::ZERO), bytes: Cell::new(0) };
    let walk = Walk::new(tables, resolver, hidden, lookup, last.sequence)?;
    let (audit, walked) = std::thread::scope(|scope| {
        let (to, creations) = sync_channel(1);
        let walk = Beside::start(scope, move |steps| walk.all(&creations, steps))?;
        let mut audit = Audit {
            tables,
            texts: &texts,
            lookup,
            report: AuditReport { head: last, commits: 0, changes: 0, erased: 0, entities: 0, fault: None },
            first: First::default(),
            erasures: BTreeMap::new(),
            links: 0,
            ended: 0,
            begun: HashMap::new(),
            purged: Default::default(),
        };
        audit.chain(last, against, Hand { to, creations: Vec::new(), bytes: 0 }, steps)?;
        Ok::<_, Error>((audit, walk.end(|_, _| steps.now())?))
    })?;
    audit.report(walked, resolver)
}

/// A commit that follows from the one before.
struct Linked {
    hash: Hash,
    time: Timestamp,
    created: Vec<Creation>,
    /// Bytes of what is decoded of that, about.
    bytes: u64,
}

impl Audit<'_> {
    fn chain(&mut self, last: Head, against: Option<&Head>, mut hand: Hand, steps: &mut Steps<'_>) -> Result<()> {
        steps.begin("verifying the log", last.sequence.get())?;
        let log = LogReader::new(self.tables, self.texts);
        let (mut previous, mut time) = (Hash::ZERO, Timestamp::from_millis(i64::MIN));
        let mut sequence = Sequence::ZERO;
        if against.is_some_and(|head| head.sequence == sequence && head.hash != previous) {
            self.first.fault(sequence, "the given head is of no log: before the first commit the hash is zero");
        }
        while sequence < last.sequence {
            sequence = sequence.next();
            self.texts.now.set(sequence);
            let linked = self.commit(&log, sequence, previous, time);
            let Some(linked) = self.first.finding(sequence, linked)? else { break };
            (previous, time) = (linked.hash, linked.time);
            self.report.commits += 1;
            if !hand.add(linked.created, linked.bytes) {
                // It ended early, and will say why.
                return Ok(());
            }
            steps.tick()?;
            if against.is_some_and(|head| head.sequence == sequence && head.hash != previous) {
                self.first.fault(sequence, "the log up to here is not the one the given head was taken from");
            }
        }
        hand.over();
        if let Some(head) = against.filter(|head| head.sequence > last.sequence) {
            let reason = format!("the log was cut: the given head is of commit {}", head.sequence);
            self.first.fault(last.sequence.next(), reason);
        }
        Ok(())
    }

    /// Checks one commit against the hash before it.
    fn commit(
        &mut self,
        log: &LogReader<'_, ReadTables>,
        sequence: Sequence,
        previous: Hash,
        time: Timestamp,
    ) -> Result<Linked> {
        let mut root = Root::default();
        let mut count = 0_u32;
        let (mut trailer, mut last) = (None, 0);
        let mut created = Vec::new();
        let (mut erased, mut purged) = (Vec::new(), 0);
        // Creations are kept decoded for the walks that end with them, but for those of a large commit.
        let (mut bytes, texts) = (0_u64, self.texts);
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
                    created.extend(item.creates().map(|kind| Creation { id, kind, entity: None, change: None }));
                    continue;
                };
                root.push(change.code(), &item.digest());
                self.links += u64::from(!matches!(change.fact, Fact::Created(_)));
                match change.fact {
                    Fact::Created(_) => {
                        let (kind, entity) = (change.entity.kind(), Some(change.entity.clone()));
                        bytes += len;
                        let keep = bytes + texts.bytes.get() <= KEPT_BYTES;
                        created.push(Creation { id, kind, entity, change: keep.then_some(change) });
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
            self.first.fault(sequence, "the commit is not found by its write id");
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
        Ok(Linked { hash, time: commit.time, created, bytes: (bytes + texts.bytes.get()).min(KEPT_BYTES) })
    }

    /// Takes in what a change says of a purge: once that has ended, nothing else reaches the changes that say so.
    fn purge(&mut self, entity: EntityId, done: bool) {
        if !done {
            *self.begun.entry(entity).or_default() += 1;
            return;
        }
        self.ended += 1 + self.begun.remove(&entity).unwrap_or(0);
        if let Some(purged) = self.purged.get_mut(entity.kind().index()) {
            *purged += 1;
        }
    }

    /// What both halves found, and what only both can tell.
    fn report(mut self, walked: Walked, resolver: &Resolver<'_, ReadTables>) -> Result<AuditReport> {
        self.report.entities = walked.entities;
        self.first.merge(&walked.first);
        // A log that cannot be read says nothing about rows created after the break.
        if self.first.0.is_none() {
            self.erasures();
            self.rows_without_creation(&walked)?;
            self.text_references(walked.texts)?;
            if self.links != self.ended + walked.links {
                self.outdated_rows(resolver, walked.purging)?;
            }
        }
        self.report.fault = self.first.0;
        Ok(self.report)
    }

    /// What was erased names a commit that says so, and as many of them as it says.
    fn erasures(&mut self) {
        let disagree = self.erasures.iter().find(|(_, (names, says))| names != says);
        if let Some((by, (names, says))) = disagree.map(|(by, counts)| (*by, *counts)) {
            self.first.fault(by, format!("the commit says that it erased {says} changes, and {names} name it"));
        }
    }

    fn rows_without_creation(&mut self, walked: &Walked) -> Result<()> {
        let next = apply::next_rows(self.tables)?;
        for kind in EntityKind::ALL {
            let created = walked.rows.get(kind.index()).copied().unwrap_or(0);
            let (last, stored) = (self.tables.rows(kind)?, self.tables.stored(kind)?);
            let removed = walked.removed.get(kind.index()).copied().unwrap_or(0);
            let left = u64::from(created) - removed;
            let sequence = self.report.head.sequence;
            if last > created || stored > left {
                self.first.fault(sequence, format!("the table has {stored} rows of {kind}s, and the log left {left}"));
            }
            let purged = self.purged.get(kind.index()).copied().unwrap_or(0);
            if removed != purged {
                self.first
                    .fault(sequence, format!("{removed} {kind}s are gone, and the log says that {purged} were purged"));
            }
            if next.get(kind.index()) != Some(&created) {
                self.first.fault(sequence, format!("rows of {kind}s that were taken would be given again"));
            }
        }
        if let Some(row) = walked.running.min() {
            self.first
                .fault(self.report.head.sequence, format!("run row {row} is said to be running, and is not there"));
        }
        Ok(())
    }

    /// Each long text is counted as often as it is named: one that is counted less would go while it is needed.
    fn text_references(&mut self, purging: Vec<(Digest, Sequence)>) -> Result<()> {
        purging.into_iter().for_each(|(digest, sequence)| self.texts.count(digest, sequence));
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
        faults.into_iter().for_each(|(first, reason)| self.first.fault(first, reason));
        Ok(())
    }

    /// Some change is not reached from any record: a row was put back to an earlier state. Finds it, of entities that
    /// are being purged too.
    fn outdated_rows(&mut self, resolver: &Resolver<'_, ReadTables>, purging: Vec<(EntityId, Row)>) -> Result<()> {
        let log = LogReader::new(self.tables, resolver);
        let mut changes: HashMap<EntityId, Vec<ChangeId>> = HashMap::new();
        let mut rows: PerKind<u32> = Default::default();
        let mut places = purging;
        for number in 1..=self.report.head.sequence.get() {
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
            let stored = resolver.stored(entity.kind(), row);
            let Ok(Some(stored)) = stored else { continue };
            let missed = changes.get(&entity).and_then(|ids| ids.iter().find(|id| **id > stored.last));
            if let Some(missed) = missed {
                self.first
                    .fault(missed.sequence, format!("{entity} does not hold what change {missed} and later ones left"));
            }
        }
        Ok(())
    }
}
