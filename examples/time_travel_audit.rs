//! Track, change and delete; then look at the past, ask who did what, and prove that nobody rewrote it.
//!
//! `cargo run --example time_travel_audit`

use modeldb::{Actor, Fact, NewRun, Sequence, Store};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let store = Store::open(folder.path().join("audited"))?;
    let alice = store.as_actor(Actor::user("alice").session("laptop"));
    let bob = store.as_actor(Actor::user("bob").reason("TICKET-7: wrong test set"));

    println!("-- Alice tracks two runs");
    let (deep, flat) = alice.write(|w| {
        let wine = w.projects().get_or_create("wine-quality")?;
        let forest = w.experiments().get_or_create(&wine, "random-forest")?;
        let deep = w.runs().create(&forest, NewRun::named("depth-12").hyperparameter("max_depth", 12))?;
        let flat = w.runs().create(&forest, NewRun::named("depth-2").hyperparameter("max_depth", 2))?;
        w.runs().log_metric(&deep, "accuracy", 0.91)?;
        w.runs().log_metric(&flat, "accuracy", 0.74)?;
        Ok((deep, flat))
    })?;

    // The head goes where nobody who can write the store can reach it: another machine, a printed page.
    let head = store.audit().head()?;
    println!("the head to keep elsewhere: {head}\n");

    println!("-- Bob changes one of them, and deletes the other");
    bob.write(|w| {
        w.runs().rename(&deep, "depth-12 (invalid)")?;
        w.runs().add_tags(&deep, ["do-not-use"])
    })?;
    bob.write(|w| w.runs().delete(&flat))?;
    let now = store.read();
    println!("now:  depth-2 is {}", now.runs().get(&flat).map_or_else(|error| error.to_string(), |run| run.name));

    // The past has the same getters and listings.
    let then = now.as_of(head.sequence)?;
    for run in then.runs().list(&now.runs().get(&deep)?.experiment_id)? {
        let run = run?;
        println!("then: {:<8} accuracy {:?}", run.name, run.metrics.get("accuracy").and_then(|value| value.as_f64()));
    }

    println!("\n-- What happened to {deep}, newest first");
    for entry in now.history(&deep)? {
        let entry = entry?;
        let who = entry.commit.actor.unwrap_or_default();
        println!("{} at {} by {} {}", entry.operation.name, entry.commit.time, who.principal, who.reason);
        if let Some(Fact::Edited { edits, .. }) = entry.change.map(|change| change.fact) {
            for edit in edits {
                let show = |value: Option<_>| value.map_or("nothing".to_owned(), |value| format!("{value}"));
                println!("    {}: {} -> {}", edit.field, show(edit.old), show(edit.new));
            }
        }
    }

    println!("\n-- The audit");
    let report = store.audit().verify_against(&head)?;
    println!(
        "{} commits, {} changes, {} rows: {}",
        report.commits,
        report.changes,
        report.entities,
        match &report.fault {
            None => "intact, and the log goes on from the head that was kept".to_owned(),
            Some(fault) => format!("commit {}: {}", fault.sequence, fault.reason),
        }
    );

    // For an auditor without this crate: examples/verify_export.py checks these lines.
    let path = folder.path().join("log.jsonl");
    let lines = store.audit().export(std::fs::File::create(&path)?)?;
    println!("exported {lines} commits, {} bytes of JSON lines", std::fs::metadata(&path)?.len());

    println!("\n-- Whoever follows the log sees the same commits");
    let mut watch = store.watch(Sequence::ZERO);
    while let Some(watched) = watch.try_next()? {
        let operations: Vec<_> = watched.commit.operations.iter().map(|operation| operation.name.as_str()).collect();
        println!("commit {}: {}", watched.commit.sequence, operations.join(", "));
    }
    store.close()?;
    Ok(())
}
