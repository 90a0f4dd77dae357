//! What the store tells afterwards: the best runs, how two differ, what happened to one, and whether it is whole.

use std::collections::BTreeSet;
use std::error::Error;

use modeldb::{Change, Edit, Fact, Head, KeyValues, ProjectId, Run, Snapshot, Timestamp, Value};

use crate::tracking;
use crate::training::Digits;

type Outcome = Result<(), Box<dyn Error + Send + Sync>>;

/// Prints the whole report. `before` is the head of the log when this start began.
pub(crate) fn print(snapshot: &Snapshot, project: &ProjectId, before: &Head) -> Outcome {
    let ranking = ranking(snapshot, project)?;
    leaderboard(snapshot, &ranking)?;
    if let [best, second, ..] = ranking.as_slice() {
        difference(best, second);
        history(snapshot, best)?;
    }
    if let Some(best) = ranking.first() {
        reloaded(snapshot, best)?;
    }
    audit(snapshot, before)
}

/// The model of a run is read back, and reads the images that it was tested with once more.
fn reloaded(snapshot: &Snapshot, run: &Run) -> Outcome {
    let series = run.attributes.get("series").and_then(Value::as_i64).unwrap_or_default();
    let digits = Digits::load();
    let (model, folds) = (tracking::load(snapshot, &run.id)?, tracking::folds(&digits, series));
    let (_, test) = folds.first().ok_or("no images to test with")?;
    let (then, now) = (metric(run, "accuracy/fold-1"), model.score(&digits, test)?);
    println!(
        "The model of the best run, read back from the store: {now:.4} of the images; {then:.4} when it was trained"
    );
    if then.to_bits() != now.to_bits() {
        return Err("the model is not what was stored".into());
    }
    println!("What it gained by more images");
    for observation in snapshot.runs().observations(&run.id, tracking::CURVE)?.by_epoch() {
        let observation = observation?;
        let accuracy = observation.value.as_f64().unwrap_or(f64::NAN);
        println!("  {:>5} images  {accuracy:.4}  {}", observation.epoch_number, bar(accuracy));
    }
    println!();
    Ok(())
}

/// From one half on: fewer are never right.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn bar(accuracy: f64) -> String {
    "#".repeat(((accuracy - 0.5).clamp(0.0, 0.5) * 80.0) as usize)
}

/// All runs with a result, the best first.
fn ranking(snapshot: &Snapshot, project: &ProjectId) -> modeldb::Result<Vec<Run>> {
    let found = snapshot.runs().find("metrics.accuracy is not null")?.in_project(project);
    found.order_by("-metrics.accuracy").iter()?.collect()
}

fn metric(run: &Run, key: &str) -> f64 {
    run.metrics.get(key).and_then(Value::as_f64).unwrap_or(f64::NAN)
}

fn leaderboard(snapshot: &Snapshot, ranking: &[Run]) -> Outcome {
    println!("The best of {} runs", ranking.len());
    println!("  #  accuracy          seconds  experiment         run");
    for (place, run) in ranking.iter().take(10).enumerate() {
        let experiment = snapshot.experiments().get(&run.experiment_id)?;
        println!(
            "{:>3}  {:.4} +- {:.4}  {:>7.2}  {:<17}  {}",
            place + 1,
            metric(run, "accuracy"),
            metric(run, "accuracy_std"),
            seconds(run.start_time, run.end_time),
            experiment.name,
            run.name
        );
    }
    println!();
    Ok(())
}

#[allow(clippy::cast_precision_loss)]
fn seconds(start: Option<Timestamp>, end: Option<Timestamp>) -> f64 {
    match (start, end) {
        (Some(start), Some(end)) => (end.millis() - start.millis()) as f64 / 1000.0,
        _ => f64::NAN,
    }
}

fn difference(best: &Run, second: &Run) {
    println!("How the two best differ");
    for (what, ours, theirs) in [
        ("hyperparameters", &best.hyperparameters, &second.hyperparameters),
        ("metrics", &best.metrics, &second.metrics),
        ("attributes", &best.attributes, &second.attributes),
    ] {
        let keys: BTreeSet<&str> = ours.iter().chain(theirs).map(|entry| entry.key.as_str()).collect();
        for key in keys {
            if ours.get(key) != theirs.get(key) {
                println!("  {:<32}  {:>20}  {:>20}", format!("{what}.{key}"), shown(ours, key), shown(theirs, key));
            }
        }
    }
    println!();
}

fn shown(values: &KeyValues, key: &str) -> String {
    values.get(key).map_or_else(|| "-".to_owned(), Value::to_string)
}

/// The log tells what happened to the run: it was never written for this report.
fn history(snapshot: &Snapshot, run: &Run) -> Outcome {
    println!("What happened to the best run");
    let mut steps = snapshot.history(&run.id)?.collect::<modeldb::Result<Vec<_>>>()?;
    steps.reverse();
    let begin = steps.first().map(|step| step.commit.time);
    for step in steps {
        let who = step.commit.actor.map(|actor| actor.principal).filter(|name| !name.is_empty());
        let what = step.change.as_ref().map_or_else(|| "erased".to_owned(), told);
        println!(
            "  commit {:<5}  {:>6.2} s  by {}: {}: {what}",
            step.id.sequence.get(),
            seconds(begin, Some(step.commit.time)),
            who.as_deref().unwrap_or("somebody"),
            step.operation.name
        );
    }
    println!();
    Ok(())
}

fn told(change: &Change) -> String {
    match &change.fact {
        Fact::Created(entity) => format!("{:?} created", entity.name()),
        Fact::Edited { edits, .. } => edits.iter().map(edited).collect::<Vec<_>>().join(", "),
        _ => "something newer than this program".to_owned(),
    }
}

fn edited(edit: &Edit) -> String {
    let shown = |value: &Option<modeldb::FieldValue>| value.as_ref().map_or("nothing".to_owned(), ToString::to_string);
    format!("{}: {} -> {}", edit.field, shown(&edit.old), shown(&edit.new))
}

/// Every commit and every record is read again and checked against the chain of hashes. Whoever keeps a head
/// elsewhere can prove later that the log up to it is the same; here it is the head from before the training.
fn audit(snapshot: &Snapshot, before: &Head) -> Outcome {
    let report = snapshot.audit().verify_against(before)?;
    match &report.fault {
        None => println!(
            "Audit: intact; {} commits with {} changes of {} entities",
            report.commits, report.changes, report.entities
        ),
        Some(fault) => println!("Audit: commit {} is not as it was: {}", fault.sequence, fault.reason),
    }
    println!("Head of the log, to be kept elsewhere: {}", report.head);
    Ok(())
}
