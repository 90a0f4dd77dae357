//! A seeded workload on a simulated disk, and what was known of it at each point of the disk's trace.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::{Arc, Barrier, Mutex};

use modeldb::simulation::SimulatedDisk;
use modeldb::{Hash, ManualClock, Options, PurgeOptions, SeededEntropy, Sequence, Store, Timestamp, Value};

use super::beside::BesideOp;
use super::model::{Model, Op, actor};
use crate::support::random::Random;

/// How a store is opened in these tests: nothing depends on the machine.
pub(crate) fn options(entropy: u64) -> Options {
    let clock = ManualClock::new(Timestamp::from_millis(2_000_000));
    Store::options().actor(actor()).entropy(SeededEntropy::new(entropy)).clock(clock).cache_bytes(4 << 20)
}

/// What made a commit.
#[derive(Debug, Clone)]
pub(crate) enum Work {
    /// A write of its own, which may have an id.
    Write(Vec<Op>, Option<String>),
    /// A slice of a purge, the first one or another; after it, this was gone.
    Slice { first: bool, gone: std::collections::BTreeSet<modeldb::EntityId> },
}

/// A commit of the workload.
struct Commit {
    work: Work,
    time: i64,
    /// Length of the trace before the write began, and after it was acknowledged.
    started: usize,
    acknowledged: usize,
}

/// A store on a simulated disk that is being worked on.
pub(crate) struct Workload {
    pub(crate) disk: SimulatedDisk,
    pub(crate) store: Store,
    clock: Arc<ManualClock>,
    seed: u64,
    random: Random,
    commits: BTreeMap<u64, Commit>,
    /// The state as the driver knows it.
    now: Model,
    counter: u64,
    /// Length of the trace when the store had been made.
    made: usize,
}

/// What the workload was, to check images against.
pub(crate) struct History {
    pub(crate) disk: SimulatedDisk,
    /// The state after each commit, from 0.
    pub(crate) states: Vec<Model>,
    pub(crate) hashes: Vec<Hash>,
    started: Vec<usize>,
    acknowledged: Vec<usize>,
    pub(crate) made: usize,
    /// What made the commits, and when, to make them again elsewhere.
    pub(crate) works: Vec<(Work, i64)>,
}

impl Workload {
    /// A new store; its creation is in the trace.
    pub(crate) fn new(seed: u64) -> Self {
        let disk = SimulatedDisk::new();
        disk.record();
        Self::on(disk, seed)
    }

    pub(crate) fn on(disk: SimulatedDisk, seed: u64) -> Self {
        let clock = Arc::new(ManualClock::new(Timestamp::from_millis(1_000_000)));
        let store = open(&disk, &clock, seed);
        let made = disk.recorded();
        Workload {
            disk,
            store,
            clock,
            seed,
            random: Random::new(seed),
            commits: BTreeMap::new(),
            now: Model::default(),
            counter: 0,
            made,
        }
    }

    /// Begins the trace here: what was done before is not crashed.
    pub(crate) fn record(&mut self) {
        self.disk.record();
        self.made = 0;
        for commit in self.commits.values_mut() {
            (commit.started, commit.acknowledged) = (0, 0);
        }
    }

    pub(crate) fn reopen(&mut self) {
        self.store.close().unwrap();
        self.counter += 1;
        self.store = open(&self.disk, &self.clock, self.seed + self.counter);
    }

    /// One write of its own.
    pub(crate) fn write(&mut self, ops: Vec<Op>, once: Option<String>) {
        self.clock.advance(7);
        let time = modeldb::Clock::now(&*self.clock).millis();
        let started = self.disk.recorded();
        let mut sequence = Sequence::ZERO;
        let run = |w: &mut modeldb::Write<'_>| {
            sequence = w.sequence();
            ops.iter().try_for_each(|op| op.call(w))
        };
        match &once {
            Some(id) => {
                self.store.write_once(id, run).unwrap();
            }
            None => self.store.write(run).unwrap(),
        }
        let acknowledged = self.disk.recorded();
        ops.iter().for_each(|op| self.now.apply(op, time));
        let commit = Commit { work: Work::Write(ops, once), time, started, acknowledged };
        assert!(self.commits.insert(sequence.get(), commit).is_none());
    }

    /// Writes of several threads that meet at the writer, so that they share commits of the file.
    fn write_together(&mut self, writes: Vec<Vec<Op>>) {
        self.clock.advance(7);
        let time = modeldb::Clock::now(&*self.clock).millis();
        let (store, disk) = (&self.store, &self.disk);
        let barrier = Barrier::new(writes.len());
        let done = Mutex::new(Vec::new());
        std::thread::scope(|scope| {
            for ops in writes {
                let (barrier, done) = (&barrier, &done);
                scope.spawn(move || {
                    barrier.wait();
                    let started = disk.recorded();
                    let mut sequence = Sequence::ZERO;
                    store
                        .write(|w| {
                            sequence = w.sequence();
                            // The others come to wait meanwhile; if not, they write alone.
                            std::thread::sleep(std::time::Duration::from_micros(300));
                            ops.iter().try_for_each(|op| op.call(w))
                        })
                        .unwrap();
                    let acknowledged = disk.recorded();
                    let work = Work::Write(ops, None);
                    done.lock().unwrap().push((sequence.get(), Commit { work, time, started, acknowledged }));
                });
            }
        });
        let mut done = done.into_inner().unwrap();
        done.sort_by_key(|(sequence, _)| *sequence);
        for (sequence, commit) in done {
            self.now.work(&commit.work, time);
            assert!(self.commits.insert(sequence, commit).is_none());
        }
    }

    /// A purge of all that is deleted: some commits, or none.
    pub(crate) fn purge(&mut self) -> u64 {
        self.clock.advance(7);
        let time = modeldb::Clock::now(&*self.clock).millis();
        let mut started = self.disk.recorded();
        let (store, disk, commits, now) = (&self.store, &self.disk, &mut self.commits, &mut self.now);
        let hidden: Vec<_> = now.entities().into_iter().filter(|(_, live)| !live).map(|(id, _)| id).collect();
        let report = store.purge_with(&PurgeOptions::new(), |report| {
            let acknowledged = disk.recorded();
            let read = store.read();
            // The model does not know the order; but what has no history any more was to be seen by nobody, and stays
            // gone.
            let gone = hidden.iter().filter(|id| read.history((*id).clone()).is_err()).cloned().collect();
            assert!(now.gone.is_subset(&gone));
            let work = Work::Slice { first: report.commits == 1, gone };
            now.work(&work, time);
            let commit = Commit { work, time, started, acknowledged };
            assert!(commits.insert(read.sequence().get(), commit).is_none());
            started = acknowledged;
            ControlFlow::Continue(())
        });
        let report = report.unwrap();
        assert!(report.finished && hidden.iter().all(|id| now.gone.contains(id)));
        report.commits
    }

    fn fresh(&mut self, kind: &str) -> String {
        self.counter += 1;
        format!("{kind}-{}", self.counter)
    }

    fn new_run(&mut self, experiment: &str) -> Op {
        let id = self.fresh("run");
        let len = match self.random.below(12) {
            0 => 5_000 + self.random.below(15_000),
            _ => self.random.below(200),
        };
        let tags = (0..self.random.below(3)).map(|_| self.random.text(6)).collect();
        let metrics = (0..self.random.below(6)).map(|at| (format!("metric-{at}"), self.random.fraction().into()));
        let metrics: Vec<(String, Value)> = metrics.collect();
        Op::Run { experiment: experiment.to_owned(), id, description: self.random.text(len), tags, metrics }
    }

    /// Something that is possible now.
    fn op(&mut self) -> Op {
        let experiments: Vec<String> = self.now.live_experiments().map(|(id, _)| id.clone()).collect();
        let projects: Vec<String> = self.now.live_projects().map(|(id, _)| id.clone()).collect();
        let runs: Vec<String> = self.now.live_runs().map(|(id, _)| id.clone()).collect();
        if projects.is_empty() {
            return Op::Project { id: self.fresh("project") };
        }
        if experiments.is_empty() {
            return Op::Experiment { project: self.random.pick(&projects).clone(), id: self.fresh("experiment") };
        }
        let experiment = self.random.pick(&experiments).clone();
        if runs.len() < 3 {
            return self.new_run(&experiment);
        }
        let run = self.random.pick(&runs).clone();
        if self.random.below(3) == 0 {
            return Op::Beside(self.beside(run));
        }
        if self.random.below(5) == 0 {
            let observed = self.now.live_runs().find(|(id, _)| *id == run).map(|(_, row)| row.observed.clone());
            let known: Vec<String> = observed.unwrap_or_default().into_keys().collect();
            if self.random.below(8) == 0 && !known.is_empty() {
                return Op::Forget { run, key: self.random.pick(&known).clone() };
            }
            let len = *self.random.pick(&[1, 1, 1, 2, 5, 40, 1_030]);
            let values = (0..len).map(|_| self.random.between(-1_000_000, 1_000_000)).collect();
            return Op::Observe { run, key: format!("series-{}", self.random.below(2)), values };
        }
        match self.random.below(40) {
            0..13 => self.new_run(&experiment),
            13..22 => {
                let key = format!("late-{}", {
                    self.counter += 1;
                    self.counter
                });
                Op::Metric { run, key, value: self.random.fraction().into() }
            }
            22..26 => Op::Tag { run, tag: self.fresh("tag") },
            26..29 => Op::Rename { run, name: self.fresh("renamed") },
            29..31 => Op::Describe { run, text: self.random.text(300) },
            31..34 => Op::DeleteRun { run },
            34 => Op::Describe { run, text: self.random.text(9_000) },
            35 => Op::DescribeProject { project: self.random.pick(&projects).clone(), text: self.random.text(30) },
            36 => Op::Project { id: self.fresh("project") },
            37 => Op::Experiment { project: self.random.pick(&projects).clone(), id: self.fresh("experiment") },
            38 if experiments.len() > 2 => Op::DeleteExperiment { experiment },
            39 if projects.len() > 2 => Op::DeleteProject { project: self.random.pick(&projects).clone() },
            _ => {
                let ids = (0..20).map(|_| self.fresh("run")).collect();
                Op::Runs { experiment, ids, description: self.random.text(50) }
            }
        }
    }

    /// Something on comments, jobs or edges.
    fn beside(&mut self, run: String) -> BesideOp {
        let live: Vec<String> = self.now.live_runs().map(|(id, _)| id.clone()).collect();
        let comments = self.now.beside.comments.iter();
        let comments = comments.filter(|(_, row)| !row.deleted && live.contains(&row.run));
        let comments: Vec<(String, String)> = comments.map(|(id, row)| (id.clone(), row.run.clone())).collect();
        let jobs = self.now.beside.jobs.iter().filter(|(_, row)| !row.deleted);
        let jobs: Vec<String> = jobs.map(|(id, _)| id.clone()).collect();
        let edges = self.now.beside.edges.iter().filter(|edge| !edge.deleted);
        let edges: Vec<(String, String)> = edges.map(|edge| (edge.input.clone(), edge.output.clone())).collect();
        let len = if self.random.one_in(8) { 5_000 } else { 40 };
        let text = self.random.text(len);
        match self.random.below(12) {
            3 | 4 if !comments.is_empty() => {
                let (id, run) = self.random.pick(&comments).clone();
                BesideOp::Rewrite { run, id, message: text }
            }
            5 if !comments.is_empty() => {
                let (id, run) = self.random.pick(&comments).clone();
                BesideOp::Uncomment { run, id }
            }
            6 => BesideOp::Job { id: self.fresh("job"), description: text },
            7 if !jobs.is_empty() => BesideOp::EndJob { id: self.random.pick(&jobs).clone(), end: self.fresh("end") },
            8 if !jobs.is_empty() => BesideOp::DeleteJob { id: self.random.pick(&jobs).clone() },
            9 | 10 => {
                let mut some = |count| -> Vec<String> {
                    let from = self.random.below(live.len() - count + 1);
                    live[from..from + count].to_vec()
                };
                // A write that changes nothing makes no commit: one edge at least is new.
                let (inputs, outputs) = (some(2), some(2));
                let is_new =
                    |input: &String| outputs.iter().any(|output| !edges.contains(&(input.clone(), output.clone())));
                match inputs.iter().any(is_new) {
                    true => BesideOp::Edges { inputs, outputs },
                    false => BesideOp::RemoveEdges { inputs, outputs },
                }
            }
            11 if !edges.is_empty() => {
                let (input, output) = self.random.pick(&edges).clone();
                let other = self.random.pick(&live).clone();
                let inputs = if other == input { vec![input] } else { vec![other, input] };
                BesideOp::RemoveEdges { inputs, outputs: vec![output] }
            }
            _ => BesideOp::Comment { run, id: self.fresh("comment"), message: text },
        }
    }

    /// One step: mostly a write, now and then several together, or a reopening.
    pub(crate) fn step(&mut self) {
        match self.random.below(20) {
            0..3 => {
                let experiments: Vec<String> = self.now.live_experiments().map(|(id, _)| id.clone()).collect();
                let runs: Vec<String> = self.now.live_runs().map(|(id, _)| id.clone()).collect();
                if experiments.is_empty() || runs.len() < 3 {
                    return self.write_one();
                }
                // Each thread keeps to a run of its own, so that any order will do.
                let mut writes = Vec::new();
                for run in runs.iter().take(3) {
                    let experiment = self.random.pick(&experiments).clone();
                    let key = self.fresh("together");
                    let metric = Op::Metric { run: run.clone(), key, value: 1.5.into() };
                    writes.push(vec![self.new_run(&experiment), metric]);
                }
                self.write_together(writes);
            }
            3 => self.reopen(),
            4 => {
                self.purge();
            }
            _ => self.write_one(),
        }
    }

    pub(crate) fn write_one(&mut self) {
        let op = self.op();
        let mut ops = vec![op];
        // A second call of the same write, on the run that the first one makes.
        if let Op::Run { id, .. } = &ops[0]
            && self.random.below(3) == 0
        {
            ops.push(Op::Tag { run: id.clone(), tag: "fresh".to_owned() });
        }
        let once = (self.random.below(4) == 0).then(|| self.fresh("write"));
        self.write(ops, once);
    }

    /// Ends it; what it knows is what images are compared with.
    pub(crate) fn finish(self) -> History {
        let mut states = vec![Model::default()];
        let (mut started, mut acknowledged) = (vec![0], vec![0]);
        let mut hashes = vec![Hash::ZERO];
        let read = self.store.read();
        for (sequence, commit) in &self.commits {
            assert_eq!(*sequence, states.len() as u64, "a sequence number is missing");
            let mut state = states[states.len() - 1].clone();
            state.work(&commit.work, commit.time);
            if let Work::Write(_, Some(id)) = &commit.work {
                state.once.insert(id.clone(), *sequence);
            }
            states.push(state);
            started.push(commit.started);
            acknowledged.push(commit.acknowledged);
            hashes.push(read.commit(Sequence::new(*sequence)).unwrap().hash);
        }
        assert_eq!(read.sequence().get() + 1, states.len() as u64);
        drop(read);
        self.store.close().unwrap();
        let works = self.commits.into_values().map(|commit| (commit.work, commit.time)).collect();
        History { disk: self.disk, states, hashes, started, acknowledged, made: self.made, works }
    }
}

impl Model {
    fn work(&mut self, work: &Work, time: i64) {
        match work {
            Work::Write(ops, _) => ops.iter().for_each(|op| self.apply(op, time)),
            Work::Slice { gone, .. } => self.gone.extend(gone.iter().cloned()),
        }
    }
}

fn open(disk: &SimulatedDisk, clock: &Arc<ManualClock>, seed: u64) -> Store {
    options(seed).clock(Arc::clone(clock)).open_simulated(disk).unwrap()
}

impl History {
    /// The first and the last sequence number that a crash before call `at` may leave.
    pub(crate) fn window(&self, at: usize) -> (u64, u64) {
        let last = |positions: &[usize], is: &dyn Fn(usize) -> bool| {
            positions.iter().rposition(|position| is(*position)).unwrap_or(0) as u64
        };
        (last(&self.acknowledged, &|position| position <= at), last(&self.started, &|position| position < at.max(1)))
    }

    /// Checks a store that was opened after a crash before call `at`; answers its sequence number.
    pub(crate) fn check(&self, store: &Store, at: usize, thorough: bool) -> u64 {
        let head = store.audit().head().unwrap();
        let sequence = head.sequence.get();
        let (first, last) = self.window(at);
        assert!((first..=last).contains(&sequence), "commit {sequence} is last, not one of {first} to {last}");
        assert_eq!(head.hash, self.hashes[sequence as usize], "the hash of commit {sequence}");
        let state = &self.states[sequence as usize];
        state.check(&store.read());
        if thorough {
            let report = store.audit().verify().unwrap();
            assert!(report.is_intact(), "{report:?}");
            assert_eq!(report.commits, sequence);
            state.check_lookups(store, &self.states[self.states.len() - 1]);
        }
        sequence
    }
}
