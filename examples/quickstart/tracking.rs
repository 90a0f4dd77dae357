//! Trains a series of models, and writes all about it to a store.

use std::error::Error;
use std::io::{self, IsTerminal, Read, Write};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use modeldb::{
    Artifact, ArtifactType, ExperimentId, NewObservation, NewProject, NewRun, ProjectId, RunId, Snapshot, Store,
    Timestamp,
};

use crate::provenance::Provenance;
use crate::training::{self, Candidate, Digits, Model};

/// Errors of worker threads travel to the main one.
pub(crate) type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

const PROJECT: &str = "handwritten-digits";
const FOLDS: u8 = 5;
/// The artifact that holds the model of the first fold.
const MODEL: &str = "model.postcard";
/// The series of accuracies by images trained on.
pub(crate) const CURVE: &str = "accuracy by images";

/// Trains all candidates once more, and answers with their project.
pub(crate) fn train_series(store: &Store) -> Outcome<ProjectId> {
    let digits = Digits::load();
    let candidates = training::grid();
    let project = set_up(store, &digits)?;
    let series = last_series(store, &project)? + 1;
    println!("series {series}: {} models, each trained {FOLDS} times\n", candidates.len());
    train_all(store, &project, series, &digits, &candidates)?;
    Ok(project)
}

/// The number of the last series; 0 before the first.
fn last_series(store: &Store, project: &ProjectId) -> modeldb::Result<i64> {
    let newest = store.read().runs().find("")?.in_project(project).order_by("-attributes.series").top(1)?;
    Ok(newest.first().and_then(|run| run.attributes.get("series")).and_then(modeldb::Value::as_i64).unwrap_or(0))
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
            progress(done.fetch_add(1, Ordering::Relaxed) + 1, candidates.len());
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
    for (fold, (train, test)) in folds(digits, series).into_iter().enumerate() {
        let trained = candidate.train(digits, &train).and_then(|model| Ok((model.score(digits, &test)?, model)));
        let (accuracy, model) = match trained {
            Ok(trained) => trained,
            // What failed is worth keeping, too.
            Err(error) => {
                let outcome = [("status", "failed".to_owned()), ("error", error.to_string())];
                return Ok(end(store, &run, outcome, [])?);
            }
        };
        accuracies.push(accuracy);
        store.write(|w| w.runs().log_metric(&run, format!("accuracy/fold-{}", fold + 1), accuracy))?;
        if fold == 0 {
            keep(store, &run, &model)?;
            learning_curve(store, &run, candidate, digits, (&train, &test))?;
        }
    }
    let (mean, deviation) = training::mean_and_deviation(&accuracies);
    let outcome = [("status", "finished".to_owned())];
    Ok(end(store, &run, outcome, [("accuracy", mean), ("accuracy_std", deviation)])?)
}

/// Which images are trained on, and which are tested with: the same in each run of a series.
pub(crate) fn folds(digits: &Digits, series: i64) -> Vec<(Vec<usize>, Vec<usize>)> {
    digits.folds(FOLDS.into(), series.unsigned_abs())
}

/// Stores the bytes of a model beside what is known of it. Small ones go into the store's own file.
fn keep(store: &Store, run: &RunId, model: &Model) -> Outcome<()> {
    let bytes = postcard::to_stdvec(model)?;
    let artifact = Artifact::named(MODEL).artifact_type(ArtifactType::Model).artifact_subtype("smartcore");
    store.log_artifact(run, artifact.serialization("postcard"), &*bytes)?;
    Ok(())
}

/// The bytes of a run's model, back as a model.
pub(crate) fn load(snapshot: &Snapshot, run: &RunId) -> Outcome<Model> {
    let mut bytes = Vec::new();
    snapshot.open_artifact(run, MODEL)?.read_to_end(&mut bytes)?;
    Ok(postcard::from_bytes(&bytes)?)
}

/// How much better it gets with more images: a series of observations, by how many they were.
fn learning_curve(
    store: &Store,
    run: &RunId,
    candidate: &Candidate,
    digits: &Digits,
    (train, test): (&[usize], &[usize]),
) -> Outcome<()> {
    let mut curve = Vec::new();
    for eighths in [1, 2, 4] {
        let (some, _) = train.split_at(train.len() * eighths / 8);
        let accuracy = candidate.train(digits, some)?.score(digits, test)?;
        curve.push((CURVE, NewObservation::new(accuracy).epoch_number(i64::try_from(some.len())?)));
    }
    Ok(store.write(|w| w.runs().log_observations(run, curve))?)
}

/// Several calls in one write are one commit: nobody ever sees a run with a mean and without an end.
fn end<const A: usize, const M: usize>(
    store: &Store,
    run: &RunId,
    attributes: [(&str, String); A],
    metrics: [(&str, f64); M],
) -> modeldb::Result<()> {
    store.write(|w| {
        w.runs().log_metrics(run, metrics)?;
        w.runs().log_attributes(run, attributes)?;
        w.runs().end(run, Timestamp::now())
    })
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
            .description(candidate.description())
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

/// A bar on a terminal; nothing in a file.
fn progress(done: usize, all: usize) {
    let mut to = io::stderr();
    if !to.is_terminal() {
        return;
    }
    let width = 40 * done / all;
    // Where to show progress cannot be a reason to stop.
    let _ = write!(to, "\r[{:<40}] {done}/{all}", "#".repeat(width));
    if done == all {
        let _ = writeln!(to, "\n");
    }
}
