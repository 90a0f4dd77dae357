//! Trains models that read handwritten digits, and keeps everything about every run in a store.
//!
//! ```text
//! cargo run --release --example quickstart [FOLDER]
//! ```
//!
//! The store is `quickstart.modeldb` unless a folder is given. Start the program again: it opens the same store
//! and adds another series of runs. Everything that touches the store is in this file (writing) and in
//! `report.rs` (reading); `training.rs` knows nothing of it.

mod provenance;
mod report;
mod training;

use std::env;
use std::error::Error;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use modeldb::{Actor, ExperimentId, NewProject, NewRun, ProjectId, RunId, Store, Timestamp};

use provenance::Provenance;
use training::{Candidate, Digits};

/// Errors of worker threads travel to the main one.
type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

const PROJECT: &str = "handwritten-digits";
const FOLDS: u8 = 5;

fn main() -> Outcome<()> {
    let folder = env::args().nth(1).unwrap_or_else(|| "quickstart.modeldb".to_owned());

    // Opening creates the store if there is none. Whatever is written through this handle says who did it.
    let actor = Actor::process_user().client(concat!("quickstart ", env!("CARGO_PKG_VERSION")));
    let store = Store::options().actor(actor).open(&folder)?;
    let before = store.stats()?;
    println!("{folder}: {} runs and {} commits so far", before.runs, before.head.sequence);

    let digits = Digits::load();
    let candidates = training::grid();
    let project = set_up(&store, &digits)?;
    let series = report::last_series(&store.read(), &project)? + 1;
    println!("series {series}: {} models, each trained {FOLDS} times\n", candidates.len());
    train_all(&store, &project, series, &digits, &candidates)?;

    // A snapshot is the store as of one commit. It never changes, whatever is written meanwhile.
    let snapshot = store.read();
    report::print(&snapshot, &project, &before.head)?;
    store.close()?;
    Ok(())
}

/// The project, created by the first start.
fn set_up(store: &Store, digits: &Digits) -> modeldb::Result<ProjectId> {
    if let Ok(project) = store.read().projects().get_by_name(PROJECT) {
        return Ok(project.id);
    }
    store.write(|w| {
        let project = NewProject::named(PROJECT)
            .description("Which model reads handwritten digits best?")
            .attribute("dataset", digits.source.as_str())
            .attribute("images", u32::try_from(digits.len()).ok());
        w.projects().create(project)
    })
}

/// Trains all candidates in a few threads. A handle of the store can be used from any of them.
fn train_all(
    store: &Store,
    project: &ProjectId,
    series: i64,
    digits: &Digits,
    candidates: &[Candidate],
) -> Outcome<()> {
    let provenance = Provenance::collect();
    let (next, done) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let work = || -> Outcome<()> {
        while let Some(candidate) = candidates.get(next.fetch_add(1, Ordering::Relaxed)) {
            train_one(store, project, series, digits, candidate, &provenance)?;
            report::progress(done.fetch_add(1, Ordering::Relaxed) + 1, candidates.len());
        }
        Ok(())
    };
    let threads = thread::available_parallelism().map_or(2, |count| count.get().clamp(2, 8));
    thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        // A panic of a worker goes on here.
        workers
            .into_iter()
            .try_for_each(|worker| worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    })
}

/// One run: it is logged while it goes on, so that one that is cut short leaves what it had.
fn train_one(
    store: &Store,
    project: &ProjectId,
    series: i64,
    digits: &Digits,
    candidate: &Candidate,
    provenance: &Provenance,
) -> Outcome<()> {
    let run = begin(store, project, series, candidate, provenance)?;

    // The training itself is outside of any write: a write has the store's only writer.
    let mut accuracies = Vec::new();
    for (fold, (train, test)) in digits.folds(FOLDS.into(), series.unsigned_abs()).into_iter().enumerate() {
        let accuracy = candidate.train_and_score(digits, &train, &test)?;
        accuracies.push(accuracy);
        store.write(|w| w.runs().log_metric(&run, format!("accuracy/fold-{}", fold + 1), accuracy))?;
    }

    // Several calls in one write are one commit: nobody ever sees a run with a mean and without an end.
    let (mean, deviation) = training::mean_and_deviation(&accuracies);
    store.write(|w| {
        w.runs().log_metrics(&run, [("accuracy", mean), ("accuracy_std", deviation)])?;
        w.runs().log_attributes(&run, [("status", "finished")])?;
        w.runs().end(&run, Timestamp::now())
    })?;
    Ok(())
}

/// Creates the run with all that is known before it starts. The family of its model is its experiment.
fn begin(
    store: &Store,
    project: &ProjectId,
    series: i64,
    candidate: &Candidate,
    provenance: &Provenance,
) -> modeldb::Result<RunId> {
    store.write(|w| {
        let experiment: ExperimentId = w.experiments().get_or_create(project, candidate.family())?;
        let new = NewRun::named(format!("{} series={series}", candidate.name()))
            .hyperparameters(candidate.hyperparameters())
            .attribute("series", series)
            .attribute("folds", FOLDS)
            .tags(["quickstart".to_owned(), format!("series-{series}")])
            .code_version(env!("CARGO_PKG_VERSION"))
            .environment(provenance.environment.clone())
            .start_time(Timestamp::now());
        // Only inside a git work tree is there more to say about the code.
        let new = match &provenance.code {
            Some(code) => new.code_version_snapshot(code.clone()),
            None => new,
        };
        w.runs().create(&experiment, new)
    })
}
