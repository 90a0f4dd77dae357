//! Ten questions about the runs of the quickstart, each with the search that answers it.
//!
//! ```text
//! cargo run --release --example search_runs [FOLDER]
//! ```
//!
//! The store is `quickstart.modeldb` unless a folder is given. Series of runs that are missing are trained first.

#[path = "quickstart/provenance.rs"]
mod provenance;
// Models are read back by the quickstart only.
#[allow(dead_code)]
#[path = "quickstart/tracking.rs"]
mod tracking;
#[path = "quickstart/training.rs"]
mod training;

use std::collections::BTreeMap;
use std::env;

use modeldb::{Actor, Find, Result, Run, RunView, Snapshot, Store, Value};

fn main() -> tracking::Outcome<()> {
    let folder = env::args().nth(1).unwrap_or_else(|| "quickstart.modeldb".to_owned());
    let store = Store::options().actor(Actor::process_user().client("search_runs")).open(&folder)?;
    while store.read().runs().find("attributes.series >= 2")?.count()? == 0 {
        tracking::train_series(&store)?;
    }
    let read = store.read();
    println!("{folder}: {} runs", read.runs().find("")?.count()?);

    ask(&read, "Which small forests are good?", "metrics.accuracy > 0.9 and params.trees <= 20", "-metrics.accuracy")?;
    which_family_wins(&read)?;
    let like_the_best = "params.distance = 'manhattan' and attributes.status = 'failed'";
    ask(&read, "What was like the nearest neighbors with another distance, but failed?", like_the_best, "")?;
    let mentions = "description matches 'crow' and metrics.accuracy > 0.98";
    ask(&read, "Which good runs mention a crow?", mentions, "-metrics.accuracy")?;
    ask(&read, "What failed last?", "attributes.status = 'failed'", "-start_time")?;
    ask(&read, "Which runs have no accuracy?", "metrics.accuracy is null", "name")?;
    let everywhere =
        "metrics.accuracy/fold-1 > 0.98 and metrics.accuracy/fold-2 > 0.98 and metrics.accuracy/fold-3 > 0.98";
    ask(&read, "What is good in each of three folds?", everywhere, "-metrics.accuracy")?;
    ask(&read, "Which results are shaky?", "metrics.accuracy_std > 0.02", "-metrics.accuracy_std")?;
    duplicates(&read)?;
    let second = "tags contains 'series-2' and name like 'trees=%' and params.max_depth between 8 and 12";
    ask(&read, "How did the deep forests of the second series do?", second, "-metrics.accuracy")?;
    store.close()?;
    Ok(())
}

/// Prints a question, the search, how many runs match, and the first three of them.
fn ask(read: &Snapshot, question: &str, text: &str, order: &str) -> Result<()> {
    let found = read.runs().find(text)?;
    let found = if order.is_empty() { found } else { found.order_by(order) };
    println!(
        "\n{question}\n  find({text:?}){}",
        if order.is_empty() { String::new() } else { format!(".order_by({order:?})") }
    );
    let page = found.page_views(1, 3, |run| line(&run))?;
    page.items.iter().for_each(|line| println!("    {line}"));
    match page.total {
        0 => println!("    none"),
        total @ 4.. => println!("    and {} more", total - 3),
        _ => {}
    }
    Ok(())
}

/// What is shown of a run: read where it is stored.
fn line(run: &RunView<'_>) -> Result<String> {
    let number = |key: &str| -> Result<String> {
        Ok(run.metric(key)?.and_then(|value| value.as_f64()).map_or("-".to_owned(), |value| format!("{value:.4}")))
    };
    let status = run.attribute("status")?;
    Ok(format!(
        "{:<44}  {:<8}  {} +- {}",
        run.name()?,
        status.as_ref().and_then(|status| status.as_str()).unwrap_or("-"),
        number("accuracy")?,
        number("accuracy_std")?
    ))
}

/// The best of each family: a search is narrowed as often as it is needed.
fn which_family_wins(read: &Snapshot) -> Result<()> {
    let text = "metrics.accuracy is not null";
    println!(
        "\nWhich family of models wins?\n  find({text:?}).in_experiment(..).order_by(\"-metrics.accuracy\").top(1)"
    );
    let found = read.runs().find(text)?.order_by("-metrics.accuracy");
    let mut winners = Vec::new();
    for family in read.experiments().find("")?.order_by("name").iter()? {
        let family = family?;
        let of_family: Find<Run> = found.clone().in_experiment(&family.id);
        if let Some(best) = of_family.top(1)?.pop() {
            let accuracy = best.metrics.get("accuracy").and_then(Value::as_f64).unwrap_or(f64::NAN);
            winners.push((accuracy, family.name, of_family.count()?, best.name));
        }
    }
    winners.sort_by(|a, b| b.0.total_cmp(&a.0));
    for (accuracy, family, runs, best) in winners {
        println!("    {family:<18}  {accuracy:.4}  best of {runs:>3} runs: {best}");
    }
    Ok(())
}

/// Runs with the same hyperparameters in the same experiment. A search hands out runs one after the other; what is
/// compared of all of them is the program's own.
fn duplicates(read: &Snapshot) -> Result<()> {
    let text = "metrics.accuracy is not null and attributes.series in (1, 2)";
    println!("\nWhat was tried twice, and how far apart were the results?\n  find({text:?}).iter()");
    let mut tried: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    for run in read.runs().find(text)?.iter()? {
        let run = run?;
        let values = run.hyperparameters.iter().map(|entry| format!("{}={}", entry.key, entry.value));
        let accuracy = run.metrics.get("accuracy").and_then(Value::as_f64).unwrap_or(f64::NAN);
        tried.entry(values.collect::<Vec<_>>().join(" ")).or_default().push(accuracy);
    }
    let spread = |results: &[f64]| {
        let (low, high) =
            results.iter().fold((f64::INFINITY, 0.0_f64), |(low, high), one| (low.min(*one), high.max(*one)));
        high - low
    };
    let mut twice: Vec<_> = tried.into_iter().filter(|(_, results)| results.len() > 1).collect();
    twice.sort_by(|a, b| spread(&b.1).total_cmp(&spread(&a.1)));
    println!("    {} sets of hyperparameters; those that differ most:", twice.len());
    for (values, results) in twice.iter().take(3) {
        println!("    {values:<44}  {} runs, {:.4} apart", results.len(), spread(results));
    }
    Ok(())
}
