//! What a damaged store answers: the right thing, a typed error, or what is counted.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;
use std::thread;

use modeldb::simulation::SimulatedDisk;
use modeldb::{
    Comment, Entity, Error, ErrorKind, ExperimentId, Job, LineageEntry, NewJob, NewRun, Options, ProjectId, Run, RunId,
    SeededEntropy, Store,
};

/// Name of the thread that redb may panic on.
const WORKER: &str = "damage";

/// What the undamaged store holds.
pub(super) struct Whole {
    pub(super) bytes: Vec<u8>,
    project: ProjectId,
    experiment: ExperimentId,
    runs: BTreeMap<RunId, Run>,
    comment: Comment,
    job: Job,
    /// An edge of the lineage: what was made from what.
    edge: (RunId, RunId),
    head: String,
}

fn options() -> Options {
    Store::options().entropy(SeededEntropy::new(3)).cache_bytes(1 << 20)
}

pub(super) fn whole() -> Whole {
    let disk = SimulatedDisk::new();
    let store = options().open_simulated(&disk).unwrap();
    let (project, experiment) = store
        .write(|w| {
            let project = w.projects().get_or_create("project")?;
            Ok((project.clone(), w.experiments().get_or_create(&project, "experiment")?))
        })
        .unwrap();
    for number in 0..6 {
        let run = NewRun::named(format!("run-{number}"))
            .description("d".repeat(number * 100))
            .metric("accuracy", f64::from(u32::try_from(number).unwrap()) / 7.0)
            .hyperparameter("optimizer", "adam")
            .tags(["a", "b"]);
        let run = store.write(|w| w.runs().create(&experiment, run)).unwrap();
        store.write(|w| w.runs().log_metric(&run, "late", 1)).unwrap();
    }
    let runs = store.read().runs().list(&experiment).unwrap().into_iter().map(Result::unwrap);
    let runs = runs.map(|run| (run.id.clone(), run)).collect();
    let runs: BTreeMap<RunId, Run> = runs;
    let edge = (runs.keys().next().unwrap().clone(), runs.keys().last().unwrap().clone());
    let (comment, job) = store
        .write(|w| {
            w.lineage().add([&edge.0], [&edge.1])?;
            Ok((
                w.comments().add(&edge.0, "c".repeat(200))?,
                w.jobs().create(NewJob::started("then").metadata("m", 1))?,
            ))
        })
        .unwrap();
    let comment = store.read().comments().get(&comment).unwrap();
    let job = store.read().jobs().get(&job).unwrap();
    // One that is gone for good.
    let purged = store.write(|w| w.runs().create(&experiment, NewRun::named("purged"))).unwrap();
    store.write(|w| w.runs().delete(&purged)).unwrap();
    assert_eq!(store.purge().unwrap().runs, 1);
    let head = store.audit().head().unwrap().to_string();
    store.close().unwrap();
    Whole { bytes: disk.bytes("store.redb").unwrap(), project, experiment, runs, comment, job, edge, head }
}

/// How a damaged store answered.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) refused: usize,
    pub(super) right: usize,
    pub(super) typed_errors: usize,
    pub(super) missing: usize,
    pub(super) panicked: usize,
}

/// Errors that damage may be told as; each names a place.
fn check_typed(error: &Error) {
    let kinds = [ErrorKind::Corrupt, ErrorKind::Incompatible, ErrorKind::Io, ErrorKind::Poisoned];
    assert!(kinds.contains(&error.kind()), "{error:?}");
    assert!(error.message().contains(' '), "{error:?}");
}

/// Reads everything. Answers whether all was there; a wrong answer fails the test.
fn read(store: &Store, whole: &Whole) -> Result<bool, Error> {
    let snapshot = store.read();
    let complete = Cell::new(true);
    let note = |result: Result<(), Error>| match result {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            complete.set(false);
            Ok(())
        }
        other => other,
    };
    note(snapshot.projects().get(&whole.project).map(|project| assert_eq!(project.name, "project")))?;
    note(snapshot.experiments().get(&whole.experiment).map(|experiment| assert_eq!(experiment.name, "experiment")))?;
    for (id, run) in &whole.runs {
        note(snapshot.runs().get(id).map(|found| assert_eq!(found, *run)))?;
        note(snapshot.runs().view(id).and_then(|guard| guard.to_run()).map(|found| assert_eq!(found, *run)))?;
        note(snapshot.runs().get_by_name(&whole.experiment, &run.name).map(|found| assert_eq!(found, *run)))?;
        note(snapshot.history(id).and_then(|mut steps| {
            steps.try_for_each(|step| match step?.change.map(|change| change.fact) {
                Some(modeldb::Fact::Created(entity)) => {
                    assert!(matches!(&*entity, Entity::Run(created) if created.id == *id));
                    Ok(())
                }
                _ => Ok(()),
            })
        }))?;
    }
    note(snapshot.comments().get(&whole.comment.id).map(|found| assert_eq!(found, whole.comment)))?;
    note(snapshot.jobs().get(&whole.job.id).map(|found| assert_eq!(found, whole.job)))?;
    match snapshot.comments().list(&whole.edge.0) {
        Ok(comments) => {
            assert!(comments.iter().all(|found| *found == whole.comment));
            complete.set(complete.get() && comments.len() == 1);
        }
        Err(error) => note(Err(error))?,
    }
    let inputs = snapshot.lineage().inputs(&whole.edge.1)?;
    assert!(inputs.iter().all(|input| *input == LineageEntry::from(&whole.edge.0)));
    complete.set(complete.get() && inputs.len() == 1);
    match snapshot.runs().list(&whole.experiment) {
        Ok(listing) => {
            let mut listed = 0;
            for run in listing {
                let run = run?;
                assert_eq!(whole.runs.get(&run.id), Some(&run));
                listed += 1;
            }
            complete.set(complete.get() && listed == whole.runs.len());
        }
        Err(error) => note(Err(error))?,
    }
    Ok(complete.get())
}

thread_local! {
    /// Whether the last panic of this thread was one of redb's.
    static IN_REDB: Cell<bool> = const { Cell::new(false) };
}

/// Panics of redb are counted, not shown.
fn quietly() {
    static QUIET: Once = Once::new();
    QUIET.call_once(|| {
        let shown = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            let in_redb = info.location().is_some_and(|location| location.file().contains("/redb-"));
            IN_REDB.set(in_redb);
            if !in_redb || thread::current().name() != Some(WORKER) {
                shown(info);
            }
        }));
    });
}

impl Tally {
    pub(super) fn all(&self) -> usize {
        self.refused + self.right + self.typed_errors + self.missing + self.panicked
    }

    /// Opens a store of these bytes, reads everything, and counts how it went. A wrong record fails the test, and
    /// so does a panic that is ours, or any after an integrity check; `what` was done to the bytes.
    pub(super) fn examine(&mut self, whole: &Whole, bytes: Vec<u8>, check_integrity: bool, what: &str) {
        self.examine_as(options(), bytes, check_integrity, what, |store| {
            let complete = read(store, whole)?;
            let head = || store.audit().head().unwrap().to_string();
            assert!(!complete || !check_integrity || head() == whole.head, "{what}: another head");
            Ok(complete)
        });
    }

    /// [`examine`](Self::examine) of any store, by what `read` answers: whether all was there.
    pub(super) fn examine_as(
        &mut self,
        options: Options,
        bytes: Vec<u8>,
        check_integrity: bool,
        what: &str,
        read: impl Fn(&Store) -> Result<bool, Error>,
    ) {
        let disk = SimulatedDisk::new();
        disk.set_bytes("store.redb", bytes);
        let options = options.check_integrity(check_integrity);
        let ran = panic::catch_unwind(AssertUnwindSafe(|| answer(options, &disk, read)));
        let count = match ran {
            Ok(Answer::Refused) => &mut self.refused,
            Ok(Answer::Right) => &mut self.right,
            Ok(Answer::TypedError) => &mut self.typed_errors,
            Ok(Answer::Missing) => &mut self.missing,
            Err(payload) => {
                if check_integrity || !IN_REDB.get() {
                    println!("{what}");
                    panic::resume_unwind(payload);
                }
                &mut self.panicked
            }
        };
        *count += 1;
    }
}

enum Answer {
    Refused,
    Right,
    TypedError,
    Missing,
}

fn answer(options: Options, disk: &SimulatedDisk, read: impl Fn(&Store) -> Result<bool, Error>) -> Answer {
    let store = match options.open_simulated(disk) {
        Ok(store) => store,
        Err(error) => {
            check_typed(&error);
            return Answer::Refused;
        }
    };
    let answer = match read(&store) {
        Ok(true) => Answer::Right,
        Ok(false) => Answer::Missing,
        Err(error) => {
            check_typed(&error);
            Answer::TypedError
        }
    };
    // Whatever closing says, it says it.
    let _ = store.close();
    answer
}

/// Runs `work` where panics of redb are counted, not shown.
pub(super) fn on_the_worker<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    quietly();
    let worker = thread::Builder::new().name(WORKER.to_owned()).spawn(work);
    worker.unwrap().join().unwrap_or_else(|payload| panic::resume_unwind(payload))
}
