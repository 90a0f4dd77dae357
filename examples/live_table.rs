//! A table of the best runs that is right whenever something is written: it waits for commits, and asks again.
//!
//! ```text
//! cargo run --release --example live_table
//! ```
//!
//! A thread writes runs as a training would; the table ends when they are done.

use std::io::{self, IsTerminal};
use std::thread;
use std::time::Duration;

use modeldb::{ExperimentId, NewRun, Result, Snapshot, Store};

const RUNS: u32 = 3;
const EPOCHS: u32 = 4;
const SHOWN: &str = "metrics.accuracy > 0.5 and tags contains 'live'";

fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let store = Store::open(folder.path().join("live.modeldb"))?;
    let experiment = store.write(|w| {
        let project = w.projects().get_or_create("digits")?;
        w.experiments().get_or_create(&project, "network")
    })?;
    let seen = store.read().sequence();

    let rounds = thread::scope(|scope| -> Result<u32> {
        let trainer = scope.spawn(|| train(&store, &experiment));
        let mut watch = store.watch(seen);
        let mut rounds = 0;
        loop {
            // Asked before the wait: what was written by then is waited for below.
            let done = trainer.is_finished();
            let Some(watched) = watch.next_within(Duration::from_millis(100))? else {
                if done {
                    break;
                }
                continue;
            };
            // Commits that came together are one round.
            let mut newest = watched;
            while let Some(watched) = watch.try_next()? {
                newest = watched;
            }
            rounds += 1;
            show(newest.snapshot(), rounds)?;
        }
        trainer.join().expect("the trainer panicked")?;
        Ok(rounds)
    })?;

    let best = store.read().runs().find(SHOWN)?.order_by("-metrics.accuracy").top(1)?;
    println!("{rounds} rounds; the best was {}", best.first().map_or("none", |run| run.name.as_str()));
    assert_eq!(store.read().runs().find("end_time is not null")?.count()?, u64::from(RUNS));
    store.close()?;
    Ok(())
}

/// Runs that get better with each epoch, the later ones more so.
fn train(store: &Store, experiment: &ExperimentId) -> Result<()> {
    for number in 1..=RUNS {
        let new = NewRun::named(format!("width-{}", 32 * number)).hyperparameter("width", 32 * number).tag("live");
        let run = store.write(|w| w.runs().create(experiment, new))?;
        for epoch in 1..=EPOCHS {
            thread::sleep(Duration::from_millis(15));
            let accuracy = 1.0 - 1.0 / f64::from(1 + epoch * number);
            // A metric is set once: the old value goes and the new one comes in one commit.
            store.write(|w| {
                w.runs().delete_metrics(&run, ["accuracy"])?;
                w.runs().log_metric(&run, "accuracy", accuracy)
            })?;
        }
        store.write(|w| w.runs().end(&run, modeldb::Timestamp::now()))?;
    }
    Ok(())
}

/// Everything in the table is from one snapshot, so that it belongs together.
fn show(snapshot: &Snapshot, round: u32) -> Result<()> {
    if io::stdout().is_terminal() {
        // Home, and clear: the table stays in its place.
        print!("\x1b[H\x1b[2J");
    }
    let found = snapshot.runs().find(SHOWN)?.order_by("-metrics.accuracy");
    let page = found.page_views(1, 5, |run| {
        let accuracy = run.metric("accuracy")?.and_then(|value| value.as_f64()).unwrap_or(f64::NAN);
        let state = if run.end_time().is_some() { "ended" } else { "running" };
        Ok(format!("{:<10}  {accuracy:.4}  {}  {state}", run.name()?, "#".repeat((accuracy * 40.0) as usize)))
    })?;
    println!("round {round}, commit {}: the best of {} runs with {SHOWN}", snapshot.sequence(), page.total);
    page.items.iter().for_each(|line| println!("  {line}"));
    println!();
    Ok(())
}
