//! What stands around runs: comments, jobs, lineage, deletion and purge, against vectors.

use std::collections::BTreeSet;
use std::sync::Arc;

use modeldb::simulation::SimulatedDisk;
use modeldb::{
    Actor, CommentId, ErrorKind, ExperimentId, JobId, JobStatus, LineageEntry, ManualClock, NewJob, NewRun, Result,
    RunId, SeededEntropy, Sequence, Snapshot, Store, Timestamp,
};

use crate::support::random::{PrintSeed, Random, seed};

#[derive(Clone, Debug, PartialEq)]
struct Comment {
    id: String,
    run: usize,
    user: String,
    message: String,
    date: i64,
    created: i64,
    version: u64,
}

#[derive(Clone, Debug, PartialEq)]
struct Job {
    id: String,
    end: String,
    status: JobStatus,
    version: u64,
}

/// An edge; its number tells it from one that was removed and added again.
type Edge = (u64, usize, usize);

/// What there is after a commit. Runs are numbers, in order of creation; lists are in order of creation too.
#[derive(Clone, Default)]
struct State {
    runs: BTreeSet<usize>,
    comments: Vec<Comment>,
    jobs: Vec<Job>,
    edges: Vec<Edge>,
}

struct Bench {
    disk: SimulatedDisk,
    store: Store,
    clock: Arc<ManualClock>,
    random: Random,
    experiment: ExperimentId,
    run_ids: Vec<RunId>,
    /// The state after each commit, from the first on.
    states: Vec<State>,
    edges_ever: u64,
}

fn options(clock: &Arc<ManualClock>, seed: u64) -> modeldb::Options {
    Store::options().entropy(SeededEntropy::new(seed)).clock(Arc::clone(clock)).actor(Actor::user("ada"))
}

fn kind<T>(result: Result<T>) -> Option<ErrorKind> {
    result.err().map(|error| error.kind())
}

impl Bench {
    fn new(seed: u64) -> Self {
        let disk = SimulatedDisk::new();
        let clock = Arc::new(ManualClock::new(Timestamp::from_millis(1_000)));
        let store = options(&clock, seed).open_simulated(&disk).unwrap();
        let experiment = store
            .write(|w| {
                let project = w.projects().get_or_create("p")?;
                w.experiments().get_or_create(&project, "e")
            })
            .unwrap();
        let states = vec![State::default(); 2];
        let random = Random::new(seed);
        Bench { disk, store, clock, random, experiment, run_ids: Vec::new(), states, edges_ever: 0 }
    }

    fn now(&self) -> State {
        self.states.last().unwrap().clone()
    }

    fn time(&self) -> i64 {
        use modeldb::Clock;
        self.clock.now().millis()
    }

    /// A run that ever was; most of them are still there.
    fn run(&mut self) -> usize {
        self.random.below(self.run_ids.len())
    }

    /// Runs `write`, which must succeed and make `after` of the present, or fail with one of `errors`.
    fn expect<T>(&mut self, result: Result<T>, after: State, refused: Option<ErrorKind>) -> Option<T> {
        match (result, refused) {
            (Ok(value), None) => {
                let made = self.store.read().sequence().get() as usize + 1 - self.states.len();
                assert!(made <= 1);
                // A write that changes nothing makes no commit.
                self.states.extend(vec![after; made]);
                Some(value)
            }
            (Err(error), Some(kind)) => {
                assert_eq!(error.kind(), kind, "{error}");
                None
            }
            (Ok(_), Some(kind)) => panic!("it should have been refused as {kind}"),
            (Err(error), None) => panic!("{error}"),
        }
    }

    fn step(&mut self) {
        self.clock.advance(self.random.between(0, 2));
        let mut after = self.now();
        let time = self.time();
        let store = self.store.as_actor(Actor::user(*self.random.pick(&["ada", "bob"])));
        if self.run_ids.len() < 3 || self.random.one_in(12) {
            let id = RunId::new(format!("run {}", self.run_ids.len())).unwrap();
            let run = self.run_ids.len();
            after.runs.insert(run);
            let created = store.write(|w| w.runs().create(&self.experiment, NewRun::new().id(id.clone())));
            self.run_ids.push(id);
            self.expect(created, after, None);
            return;
        }
        match self.random.below(12) {
            0 => {
                let run = self.run();
                let id = self.run_ids[run].clone();
                let there = after.runs.remove(&run);
                let deleted = store.write(|w| w.runs().delete(&id));
                self.expect(deleted, after, (!there).then_some(ErrorKind::NotFound));
            }
            1..=3 => self.comment(&store, after, time),
            4 | 5 => self.change_comment(&store, after, time),
            6 => {
                let number = after.jobs.len();
                let id = store.write(|w| w.jobs().create(NewJob::started("s").metadata("number", number as i64)));
                let id = id.unwrap().as_str().to_owned();
                after.jobs.push(Job { id, end: String::new(), status: JobStatus::NotStarted, version: 1 });
                self.expect(Ok(()), after, None);
            }
            7 => self.change_job(&store, after),
            8..=10 => self.lineage(&store, after),
            _ => {}
        }
    }

    fn comment(&mut self, store: &Store, mut after: State, time: i64) {
        let run = self.run();
        let id = self.run_ids[run].clone();
        let message = if self.random.one_in(9) { String::new() } else { self.random.text(20) };
        let refused = match (message.is_empty(), after.runs.contains(&run)) {
            (true, _) => Some(ErrorKind::InvalidArgument),
            (_, false) => Some(ErrorKind::NotFound),
            _ => None,
        };
        let added = store.write(|w| {
            let id = w.comments().add(&id, message.clone())?;
            Ok((id.clone(), w.comments().get(&id)?.user_id))
        });
        if let Ok((id, user)) = &added {
            let id = id.as_str().to_owned();
            after.comments.push(Comment {
                id,
                run,
                user: user.clone(),
                message,
                date: time,
                created: time,
                version: 1,
            });
        }
        self.expect(added, after, refused);
    }

    /// Rewrites or deletes a comment, by its run or by another.
    fn change_comment(&mut self, store: &Store, mut after: State, time: i64) {
        if after.comments.is_empty() {
            return;
        }
        let at = self.random.below(after.comments.len());
        let run = if self.random.one_in(5) { self.run() } else { after.comments[at].run };
        let (id, run_id) = (CommentId::new(after.comments[at].id.clone()).unwrap(), self.run_ids[run].clone());
        let there = after.comments[at].run == run && after.runs.contains(&run);
        if self.random.percent(50) {
            let deleted = store.write(|w| w.comments().delete(&run_id, &id));
            assert_eq!(deleted.as_ref().ok(), Some(&there));
            if there {
                after.comments.remove(at);
            }
            self.expect(deleted, after, None);
            return;
        }
        let text = self.random.text(9);
        let changed = store.write(|w| {
            w.comments().update(&run_id, &id, text.clone())?;
            Ok(w.comments().get(&id)?.user_id)
        });
        if let Ok(user) = &changed {
            let comment = &mut after.comments[at];
            // Rewritten as it was, it stays as it was.
            if (&comment.message, comment.date, &comment.user) != (&text, time, user) {
                comment.version += 1;
            }
            (comment.message, comment.date, comment.user) = (text, time, user.clone());
        }
        self.expect(changed, after, (!there).then_some(ErrorKind::NotFound));
    }

    fn change_job(&mut self, store: &Store, mut after: State) {
        let unknown = JobId::new("nobody").unwrap();
        assert_eq!(kind(store.write(|w| w.jobs().delete(&unknown))), Some(ErrorKind::NotFound));
        if after.jobs.is_empty() {
            return;
        }
        let at = self.random.below(after.jobs.len());
        let id = JobId::new(after.jobs[at].id.clone()).unwrap();
        if self.random.one_in(3) {
            after.jobs.remove(at);
            let deleted = store.write(|w| w.jobs().delete(&id));
            self.expect(deleted, after, None);
            return;
        }
        let end = (*self.random.pick(&["", "later", "never"])).to_owned();
        let status = *self.random.pick(&[JobStatus::NotStarted, JobStatus::InProgress, JobStatus::Completed]);
        let job = &mut after.jobs[at];
        if (&job.end, job.status) != (&end, status) {
            job.version += 1;
        }
        (job.end, job.status) = (end.clone(), status);
        let updated = store.write(|w| w.jobs().update(&id, status, end.clone()));
        self.expect(updated, after, None);
    }

    fn lineage(&mut self, store: &Store, mut after: State) {
        let some = |bench: &mut Bench| -> Vec<usize> {
            let count = bench.random.below(4);
            (0..count).map(|_| bench.run()).collect()
        };
        let (inputs, outputs) = (some(self), some(self));
        let ids = |runs: &[usize]| -> Vec<RunId> { runs.iter().map(|run| self.run_ids[*run].clone()).collect() };
        let (input_ids, output_ids) = (ids(&inputs), ids(&outputs));
        let set = |runs: &[usize]| runs.iter().copied().collect::<BTreeSet<_>>();
        let malformed = [&inputs, &outputs].iter().any(|runs| runs.is_empty() || set(runs).len() < runs.len());
        if self.random.one_in(3) {
            let before = after.edges.len();
            if !malformed {
                after.edges.retain(|(_, input, output)| !(inputs.contains(input) && outputs.contains(output)));
            }
            let gone = (before - after.edges.len()) as u64;
            let removed = store.write(|w| w.lineage().remove(&input_ids, &output_ids));
            let removed = self.expect(removed, after, malformed.then_some(ErrorKind::InvalidArgument));
            assert!(removed.is_none_or(|removed| removed == gone));
            return;
        }
        let missing = inputs.iter().chain(&outputs).any(|run| !after.runs.contains(run));
        let mut new = 0;
        if !malformed && !missing {
            for input in &inputs {
                for output in &outputs {
                    if !after.edges.iter().any(|(_, i, o)| (i, o) == (input, output)) {
                        after.edges.push((self.edges_ever + new, *input, *output));
                        new += 1;
                    }
                }
            }
        }
        self.edges_ever += new;
        let added = store.write(|w| w.lineage().add(&input_ids, &output_ids));
        let refused = (malformed || missing).then_some(ErrorKind::InvalidArgument);
        let added = self.expect(added, after, refused);
        assert!(added.is_none_or(|added| added == new));
    }

    /// What is deleted now was never there.
    fn purge(&mut self) {
        let report = self.store.purge().unwrap();
        assert!(report.finished);
        let now = self.now();
        let kept: BTreeSet<&str> = now.comments.iter().map(|comment| comment.id.as_str()).collect();
        let jobs: BTreeSet<&str> = now.jobs.iter().map(|job| job.id.as_str()).collect();
        let edges: BTreeSet<u64> = now.edges.iter().map(|(number, ..)| *number).collect();
        let mut states = std::mem::take(&mut self.states);
        for state in &mut states {
            state.runs.retain(|run| now.runs.contains(run));
            state.comments.retain(|comment| kept.contains(comment.id.as_str()) && now.runs.contains(&comment.run));
            state.jobs.retain(|job| jobs.contains(job.id.as_str()));
            state.edges.retain(|(number, ..)| edges.contains(number));
        }
        let last = states.last().unwrap().clone();
        states.resize(self.store.read().sequence().get() as usize + 1, last);
        self.states = states;
        let audit = self.store.audit().verify().unwrap();
        assert!(audit.is_intact(), "{audit:?}");
    }

    fn check(&self, read: &Snapshot, state: &State) {
        for (run, id) in self.run_ids.iter().enumerate() {
            let there = state.runs.contains(&run);
            assert_eq!(read.runs().get(id).is_ok(), there);
            let comments = read.comments().list(id);
            if there {
                let mut expected: Vec<&Comment> = state.comments.iter().filter(|comment| comment.run == run).collect();
                expected.sort_by_key(|comment| comment.date);
                let found: Vec<Comment> = comments
                    .unwrap()
                    .into_iter()
                    .map(|comment| Comment {
                        id: comment.id.as_str().to_owned(),
                        run,
                        user: comment.user_id,
                        message: comment.message,
                        date: comment.date_time.millis(),
                        created: comment.date_created.millis(),
                        version: comment.version_number,
                    })
                    .collect();
                assert!(found.iter().eq(expected), "comments of run {run}");
            } else {
                assert_eq!(kind(comments), Some(ErrorKind::NotFound));
            }
            // Edges stay when what they name is deleted.
            let ends = |pick: &dyn Fn(&Edge) -> Option<usize>| -> Vec<LineageEntry> {
                state.edges.iter().filter_map(pick).map(|run| LineageEntry::from(&self.run_ids[run])).collect()
            };
            let inputs = ends(&|(_, input, output)| (*output == run).then_some(*input));
            let outputs = ends(&|(_, input, output)| (*input == run).then_some(*output));
            assert_eq!(read.lineage().inputs(id).unwrap(), inputs);
            assert_eq!(read.lineage().outputs(id).unwrap(), outputs);
        }
        for comment in &state.comments {
            let found = read.comments().get(&CommentId::new(comment.id.clone()).unwrap());
            assert_eq!(found.is_ok(), state.runs.contains(&comment.run));
        }
        let jobs: Vec<Job> = read
            .jobs()
            .list()
            .into_iter()
            .map(|job| job.unwrap())
            .map(|job| Job {
                id: job.id.as_str().to_owned(),
                end: job.end_time,
                status: job.status,
                version: job.version_number,
            })
            .collect();
        assert_eq!(jobs, state.jobs);
    }

    fn reopen(&mut self, seed: u64) {
        if self.random.percent(50) {
            self.store.close().unwrap();
        }
        let clock = self.clock.clone();
        // The handle goes first: it has the lock.
        self.store = Store::in_memory().unwrap();
        self.store = options(&clock, seed).open_simulated(&self.disk).unwrap();
    }
}

fn run(default: u64, steps: u64) {
    let seed = seed(default);
    let _print = PrintSeed(seed);
    let mut bench = Bench::new(seed);
    for step in 0..steps {
        bench.step();
        assert_eq!(bench.states.len() as u64, bench.store.read().sequence().get() + 1, "step {step}");
        if bench.random.one_in(40) {
            bench.check(&bench.store.read(), &bench.now());
            let at = 2 + bench.random.below(bench.states.len() - 2);
            let past = bench.store.read().as_of(Sequence::new(at as u64)).unwrap();
            bench.check(&past, &bench.states[at]);
        }
        if bench.random.one_in(300) {
            bench.purge();
            bench.check(&bench.store.read(), &bench.now());
        }
        if bench.random.one_in(200) {
            bench.reopen(seed ^ step);
        }
    }
    bench.purge();
    bench.check(&bench.store.read(), &bench.now());
}

#[test]
fn what_stands_around_runs_matches_the_model() {
    run(0xc033, 4_000);
}

#[test]
fn what_stands_around_runs_matches_the_model_again() {
    run(0x10b5, 4_000);
}
