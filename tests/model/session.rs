//! A store and its model, side by side: writes, reads, the past, reopening.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;

use modeldb::simulation::SimulatedDisk;
use modeldb::{
    Actor, EntityKind, Error, ErrorKind, Head, ManualClock, Once, Result, RunId, RunStatus, SeededEntropy, Sequence,
    Snapshot, Store, Timestamp, Watch,
};

use super::check::Check;
use super::generate;
use super::operate::{Left, Operate};
use super::replay;
use super::world::{KINDS, World, index, vals};
use crate::support::random::{PrintSeed, Random, seed};

/// How a session goes.
#[derive(Clone, Copy)]
pub(crate) struct Shape {
    pub(crate) name: &'static str,
    /// Operations inside writes.
    pub(crate) operations: usize,
    /// Entities of a `create_many`, at most.
    pub(crate) many: usize,
    /// Operations that are a `create_many`.
    pub(crate) bulk_percent: usize,
    pub(crate) reopen_one_in: usize,
    /// Reopenings after a clean end, which folds the whole key index; the others find it half folded.
    pub(crate) clean_percent: usize,
}

pub(crate) struct Session {
    shape: Shape,
    store: Store,
    disk: SimulatedDisk,
    clock: Arc<ManualClock>,
    world: World,
    random: Random,
    watch: Watch,
    held: Vec<(Snapshot, u64)>,
    heads: Vec<Head>,
    trace: Trace,
    operations: usize,
    counts: Counts,
}

#[derive(Default, Debug)]
struct Counts {
    steps: usize,
    committed: usize,
    taken_back: usize,
    repeated: usize,
    reopened: [usize; 3],
    folding_when_reopened: usize,
    past: usize,
    audits: usize,
    refused: usize,
    refused_halfway: usize,
}

/// The last things that were done, shown when a test fails.
#[derive(Default)]
struct Trace(VecDeque<String>);

impl Trace {
    fn push(&mut self, what: String) {
        if self.0.len() == 40 {
            self.0.pop_front();
        }
        self.0.push_back(what);
    }
}

impl Drop for Trace {
    fn drop(&mut self) {
        if std::thread::panicking() {
            for what in &self.0 {
                eprintln!("  {what}");
            }
        }
    }
}

/// How a write ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Ending {
    Ok,
    Error,
    Panic,
}

fn open(disk: &SimulatedDisk, clock: &Arc<ManualClock>, random: &mut Random) -> Store {
    Store::options()
        .clock(Arc::clone(clock))
        .entropy(SeededEntropy::new(random.next()))
        .actor(Actor::user("owner"))
        .open_simulated(disk)
        .unwrap()
}

/// The disk as it is, with nothing closed.
fn copy(disk: &SimulatedDisk) -> SimulatedDisk {
    let copy = SimulatedDisk::new();
    for name in disk.names() {
        copy.set_bytes(&name, disk.bytes(&name).unwrap());
    }
    copy
}

impl Session {
    pub(crate) fn run(shape: Shape, default_seed: u64) {
        let seed = seed(default_seed);
        let _print = PrintSeed(seed);
        let most = std::env::var("MODELDB_STEPS").ok().and_then(|text| text.parse().ok()).unwrap_or(usize::MAX);
        let mut random = Random::new(seed);
        let disk = SimulatedDisk::new();
        let clock = Arc::new(ManualClock::new(Timestamp::from_millis(1_700_000_000_000)));
        let store = open(&disk, &clock, &mut random);
        let watch = store.watch(Sequence::ZERO);
        let mut session = Session {
            shape,
            store,
            disk,
            clock,
            world: World::default(),
            random,
            watch,
            held: Vec::new(),
            heads: Vec::new(),
            trace: Trace::default(),
            operations: 0,
            counts: Counts::default(),
        };
        while session.operations < shape.operations && session.counts.steps < most {
            session.step();
        }
        session.finish();
        if shape.bulk_percent > 0 && seed == default_seed && most == usize::MAX {
            // What this shape is for.
            assert!(session.counts.folding_when_reopened > 0, "no reopening found a generation half folded");
        }
        let rows = KINDS.map(|kind| session.world.entities[index(kind)].len());
        println!(
            "{}: seed {seed}, {} operations, {} commits, rows {rows:?}, {:?}",
            shape.name,
            session.operations,
            session.world.head(),
            session.counts
        );
    }

    fn step(&mut self) {
        self.counts.steps += 1;
        if self.random.one_in(self.shape.reopen_one_in) {
            return self.reopen();
        }
        match self.random.below(100) {
            0..=5 => self.read(),
            6..=8 => self.past(),
            9 | 10 => self.hold(),
            11 if self.random.one_in(40) => self.audit(),
            // Of the large stores the folding is to be met, by a seed that was looked for.
            11 if self.shape.bulk_percent == 0 => self.log(),
            _ => self.write(),
        }
    }

    fn tell(&mut self, what: impl std::fmt::Display) {
        let text = format!("step {}, after commit {}: {what}", self.counts.steps, self.world.head());
        self.trace.push(text);
    }

    fn move_clock(&mut self) {
        match self.random.below(12) {
            0..=5 => {}
            6 => self.clock.advance(-self.random.between(0, 5_000)),
            _ => self.clock.advance(self.random.between(1, 300)),
        }
    }

    fn write_id(&mut self) -> String {
        if !self.random.percent(12) {
            return String::new();
        }
        if self.random.percent(40) {
            // One that was given before, whatever became of it.
            let known = self.world.writes.len();
            return format!("request {}", self.random.below(known + 1));
        }
        match self.random.below(50) {
            0 => "r".repeat(5_000),
            _ => format!("request {}", self.world.writes.len()),
        }
    }

    fn write(&mut self) {
        self.move_clock();
        let principal = (*self.random.pick(&["owner", "alice", "\u{1f40d}"])).to_owned();
        let handle = self.store.as_actor(Actor::user(principal.clone()));
        let id = self.write_id();
        let ending = match self.random.below(100) {
            0..=8 => Ending::Error,
            9..=11 => Ending::Panic,
            _ => Ending::Ok,
        };
        let most = if self.shape.many < 5 { 2 } else { 7 };
        let count = 1 + self.random.below(most);
        self.tell(format_args!("write of {count} by {principal}, id {id:.20?}, to end with {ending:?}"));
        use modeldb::Clock;
        self.world.begin(self.clock.now().millis(), &principal);
        let (mut ran, mut broken) = (false, false);
        let result = catch_unwind(AssertUnwindSafe(|| {
            let body = |w: &mut modeldb::Write<'_>| {
                ran = true;
                self.body(w, count, ending, &mut broken)
            };
            if id.is_empty() { handle.write(body).map(|()| None) } else { handle.write_once(&id, body).map(Some) }
        }));
        self.written(result, &id, ran, broken, ending);
    }

    /// What is done inside a write.
    fn body(&mut self, w: &mut modeldb::Write<'_>, count: usize, ending: Ending, broken: &mut bool) -> Result<()> {
        assert_eq!(w.sequence().get(), self.world.head() + 1);
        assert_eq!(w.time().millis(), self.world.time());
        for _ in 0..count {
            self.operations += 1;
            let Session { world, random, trace, shape, .. } = self;
            let mut trace = |text| trace.push(format!("    {text}"));
            let mut operate = Operate {
                world,
                random,
                trace: &mut trace,
                write: w,
                many: shape.many,
                bulk_percent: shape.bulk_percent,
            };
            let left = operate.one();
            match &left {
                Left::Whole(None) => {}
                Left::Whole(Some(_)) => self.counts.refused += 1,
                Left::Half(_) => self.counts.refused_halfway += 1,
            }
            match left {
                Left::Whole(None) => {}
                // It is caught and the write goes on, or it is passed on.
                Left::Whole(Some(error)) if ending != Ending::Error => drop(error),
                Left::Whole(Some(error)) => return Err(error.with_source("passed on")),
                Left::Half(error) => {
                    *broken = true;
                    self.trace.push("    half an operation".to_owned());
                    return if self.random.percent(50) { Err(error.with_source("passed on")) } else { Ok(()) };
                }
            }
        }
        match ending {
            Ending::Ok => Ok(()),
            Ending::Error => Err(Error::new(ErrorKind::Conflict, "the caller's own").with_source("passed on")),
            // Without the hook that prints.
            Ending::Panic => resume_unwind(Box::new("a wanted panic")),
        }
    }

    fn written(
        &mut self,
        result: std::thread::Result<Result<Option<Once<()>>>>,
        id: &str,
        ran: bool,
        broken: bool,
        ending: Ending,
    ) {
        let before = self.world.head();
        let repeated = self.world.writes.get(id).copied();
        let changed = self.world.has_changes();
        let result = match result {
            Ok(result) => result,
            Err(payload) => {
                if payload.downcast_ref::<&str>() != Some(&"a wanted panic") {
                    resume_unwind(payload);
                }
                assert!(ran && ending == Ending::Panic);
                self.world.roll_back();
                self.counts.taken_back += 1;
                return self.nothing_happened(before);
            }
        };
        match (result, repeated) {
            (Ok(Some(Once::Repeated { sequence, .. })), Some(first)) => {
                assert!(!ran);
                assert_eq!(sequence.get(), first);
                self.world.roll_back();
                self.counts.repeated += 1;
                self.nothing_happened(before);
            }
            (Ok(once), None) => {
                assert!(ran && !broken && ending == Ending::Ok, "a write succeeded that should not");
                assert!(id.len() <= 4096);
                let touched = if changed {
                    self.counts.committed += 1;
                    self.world.commit(id)
                } else {
                    self.world.roll_back();
                    Vec::new()
                };
                let head = self.world.head();
                assert_eq!(once.is_some(), !id.is_empty());
                match once {
                    Some(Once::Done { sequence, .. }) => assert_eq!(sequence.get(), head),
                    Some(Once::Repeated { .. }) => panic!("a new id {id:?} was taken for a repeated one"),
                    _ => {}
                }
                let snapshot = self.store.read();
                assert_eq!(snapshot.sequence().get(), head);
                let check = Check { world: &self.world, snapshot: &snapshot, at: head };
                let step = 1 + touched.len() / 24;
                for (kind, row) in touched.into_iter().step_by(step) {
                    check.entity(kind, row);
                }
            }
            (Err(error), None) => {
                // An id that is too long is refused before anything runs.
                assert_eq!(ran, id.len() <= 4096, "a write was refused: {error}");
                use std::error::Error as _;
                let passed_on = error.source().is_some_and(|source| source.to_string() == "passed on");
                match error.kind() {
                    ErrorKind::InvalidArgument if broken => {}
                    ErrorKind::LimitExceeded if id.len() > 4096 => {}
                    _ => assert!(passed_on, "a write failed: {error}"),
                }
                self.world.roll_back();
                self.counts.taken_back += 1;
                self.nothing_happened(before);
            }
            (result, repeated) => panic!("the write {id:?}, made before as {repeated:?}, ended with {result:?}"),
        }
        if !id.is_empty() {
            let outcome = self.store.outcome(id).unwrap();
            assert_eq!(outcome.map(Sequence::get), self.world.writes.get(id).copied());
        }
    }

    /// A run is taken up by a logger, which ends it in some way.
    fn log(&mut self) {
        use modeldb::Clock;
        let kind = EntityKind::Run;
        let rows = self.world.entities[index(kind)].len();
        if rows == 0 {
            return;
        }
        self.move_clock();
        let row = self.random.below(rows);
        let id = RunId::new(self.world.entities[index(kind)][row].versions[0].plain.id.clone()).unwrap();
        let is_there = self.world.visible(kind, row, self.world.head()).is_some();
        self.tell(format_args!("run {id:.40} is logged"));
        let log = match self.store.resume_run(&id) {
            Ok(log) => log,
            Err(error) => {
                assert_eq!((error.kind(), is_there), (ErrorKind::NotFound, false));
                return;
            }
        };
        assert!(is_there);
        let ways = [
            (RunStatus::Finished, "run.finish"),
            (RunStatus::Failed, "run.fail"),
            (RunStatus::Abandoned, "run.abandon"),
        ];
        let way = self.random.below(3);
        let (status, operation) = ways[way];
        log.attribute("logged", true);
        match way {
            0 => drop(log.finish()),
            1 => drop(log.fail("why")),
            _ => drop(log),
        }
        let when = |time: i64| Some(time).filter(|time| *time != 0);
        for (operation, status) in [("run.resume", RunStatus::Running), (operation, status)] {
            self.world.begin(self.clock.now().millis(), "owner");
            let time = self.world.time();
            self.world.edit(operation, kind, row, |plain, _| {
                plain.status = Some(status);
                plain.start = plain.start.or(when(time));
                plain.end = when(time).filter(|_| status != RunStatus::Running);
                if status != RunStatus::Running {
                    let logged = ("logged".to_owned(), modeldb::Value::from(true));
                    for (key, value) in vals(&[logged]) {
                        plain.attributes.entry(key).or_insert(value);
                    }
                }
            });
            self.world.commit("");
        }
        let snapshot = self.store.read();
        Check { world: &self.world, snapshot: &snapshot, at: self.world.head() }.entity(kind, row);
    }

    fn nothing_happened(&mut self, before: u64) {
        assert_eq!(self.store.read().sequence().get(), before);
        assert_eq!(self.world.head(), before);
    }

    /// The present, in part; and what a snapshot that was held says now.
    fn read(&mut self) {
        self.tell("read");
        let snapshot = self.store.read();
        let head = self.world.head();
        let check = Check { world: &self.world, snapshot: &snapshot, at: head };
        check.entities(&mut self.random, 12);
        listings(&check, &mut self.random);
        if !self.held.is_empty() {
            let (snapshot, at) = self.held.swap_remove(self.random.below(self.held.len()));
            assert_eq!(snapshot.sequence().get(), at);
            let check = Check { world: &self.world, snapshot: &snapshot, at };
            check.entities(&mut self.random, 12);
            listings(&check, &mut self.random);
        }
        while let Some(watched) = self.watch.try_next().unwrap() {
            replay::same_commit(&watched.commit, &self.world);
        }
        assert_eq!(self.watch.seen().get(), head);
        self.stats();
    }

    fn stats(&self) {
        let stats = self.store.stats().unwrap();
        assert_eq!(stats.head.sequence.get(), self.world.head());
        let rows = [stats.projects, stats.experiments, stats.runs];
        assert_eq!(rows, KINDS.map(|kind| self.world.entities[index(kind)].len() as u64));
        assert_eq!(stats.distinct_keys, self.world.keys.len());
    }

    fn hold(&mut self) {
        if self.held.len() < 3 {
            self.held.push((self.store.read(), self.world.head()));
        }
    }

    /// An earlier commit or time, mostly a near one.
    fn past(&mut self) {
        let head = self.world.head();
        if head == 0 {
            return;
        }
        self.counts.past += 1;
        let back = if self.random.percent(50) { self.random.below(20) as u64 } else { self.random.next() };
        let mut at = head - back % (head + 1);
        let snapshot = self.store.read();
        let snapshot = if self.random.percent(50) {
            snapshot.as_of(Sequence::new(at)).unwrap()
        } else {
            let time = self.world.commits[at.max(1) as usize - 1].time + self.random.between(-1, 1);
            at = self.world.at_time(time, head);
            snapshot.as_of(Timestamp::from_millis(time)).unwrap()
        };
        self.tell(format_args!("as of {at}"));
        assert_eq!(snapshot.sequence().get(), at);
        assert_eq!(snapshot.as_of(Sequence::new(at + 1)).unwrap_err().kind(), ErrorKind::InvalidArgument);
        let check = Check { world: &self.world, snapshot: &snapshot, at };
        check.entities(&mut self.random, 8);
        listings(&check, &mut self.random);
        for kind in KINDS {
            let rows = self.world.entities[index(kind)].len();
            if rows > 0 {
                check.history(kind, self.random.below(rows));
            }
        }
        if at > 0 {
            // Further back from there.
            let earlier = self.random.below(at as usize) as u64;
            let snapshot = snapshot.as_of(Sequence::new(earlier)).unwrap();
            let check = Check { world: &self.world, snapshot: &snapshot, at: earlier };
            check.entities(&mut self.random, 3);
            let commit = snapshot.as_of(Sequence::new(earlier)).unwrap().commit(Sequence::new(at));
            assert_eq!(commit.unwrap_err().kind(), ErrorKind::NotFound);
        }
    }

    fn audit(&mut self) {
        self.tell("audit");
        self.counts.audits += 1;
        let audit = self.store.audit();
        let report = match self.heads.as_slice() {
            [] => audit.verify().unwrap(),
            heads => audit.verify_against(self.random.pick(heads)).unwrap(),
        };
        assert!(report.is_intact(), "{report:?}");
        assert_eq!(report.commits, self.world.head());
        assert_eq!(
            report.entities,
            KINDS.map(|kind| self.world.entities[index(kind)].len() as u64).iter().sum::<u64>()
        );
        let changes =
            self.world.commits.iter().flat_map(|commit| &commit.operations).map(|(_, count)| u64::from(*count));
        assert_eq!(report.changes, changes.sum::<u64>());
        self.heads.push(audit.head().unwrap());
    }

    fn reopen(&mut self) {
        let head = self.store.audit().head().unwrap();
        let seen = self.watch.seen();
        let unfolded = self.store.stats().unwrap().unfolded_keys;
        let how = if self.random.percent(self.shape.clean_percent) { self.random.below(2) } else { 2 };
        self.tell(format_args!("reopen {how}, {unfolded} keys unfolded"));
        self.counts.reopened[how] += 1;
        self.held.clear();
        match how {
            0 => self.store.close().unwrap(),
            1 => {}
            // As a crash leaves it whose writes all reached the disk.
            _ => {
                self.counts.folding_when_reopened += usize::from(unfolded > 32_768);
                self.disk = copy(&self.disk);
            }
        }
        // The last handles go before the disk is opened again.
        let (spare, spare_disk) = (Store::in_memory().unwrap(), self.disk.clone());
        self.watch = spare.watch(Sequence::ZERO);
        self.store = spare;
        self.store = open(&spare_disk, &self.clock, &mut self.random);
        self.watch = self.store.watch(seen);
        assert_eq!(self.store.audit().head().unwrap(), head);
        self.read();
        let snapshot = self.store.read();
        let check = Check { world: &self.world, snapshot: &snapshot, at: self.world.head() };
        check.entities(&mut self.random, 300);
        for (id, sequence) in self.world.writes.iter().take(20) {
            assert_eq!(self.store.outcome(id).unwrap().map(Sequence::get), Some(*sequence));
        }
    }

    /// All of the present, and the whole log.
    fn finish(&mut self) {
        for _ in 0..2 {
            self.tell("finish");
            let snapshot = self.store.read();
            let check = Check { world: &self.world, snapshot: &snapshot, at: self.world.head() };
            check.entities(&mut self.random, usize::MAX);
            check.projects(&mut self.random);
            for row in 0..self.world.entities[0].len().min(200) {
                check.under_project(row, &mut self.random);
            }
            for row in 0..self.world.entities[1].len().min(400) {
                check.under_experiment(row, &mut self.random);
            }
            drop(snapshot);
            self.reopen();
        }
        self.audit();
        replay::whole_log(&self.store.read(), &self.world);
    }
}

/// A few listings.
fn listings(check: &Check<'_>, random: &mut Random) {
    let projects = check.world.entities[index(EntityKind::Project)].len();
    let experiments = check.world.entities[index(EntityKind::Experiment)].len();
    match random.below(4) {
        0 => check.projects(random),
        1 if projects > 0 => check.under_project(random.below(projects), random),
        _ if experiments > 0 => check.under_experiment(random.below(experiments), random),
        _ => {}
    }
    check.name(EntityKind::Project, 0, "", &generate::name(random));
}
