//! The phase `query`: modeldb, and with `--peers` others, over the same runs.

use std::collections::HashMap;
use std::error::Error;
use std::hint::black_box;

use modeldb::{ExperimentId, Find, Order, QueryField, Run, RunView, Store, Timestamp};
use serde_json::json;

use crate::engine::{self, Answer, COUNT, Engine, FACETS, OWNED, VIEW, Way};
use crate::measure;
use crate::peers;
use crate::phases::{self, Workload};
use crate::queries::{self, PAGE, Query};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// modeldb itself.
struct Ours {
    store: Store,
    experiments: HashMap<String, ExperimentId>,
}

impl Workload {
    pub(crate) fn query(&self, with_peers: bool) -> Result<()> {
        eprintln!("answering the queries by looking at each run");
        let cases = queries::cases(&self.file(), &self.folder.join(format!("queries-{}.json", self.n)))?;
        let store = self.cache().open(&self.store)?;
        let experiments = phases::experiments(&store)?;
        store.optimize()?;
        store.wait_indexed(store.read().sequence())?;
        if self.n >= 10_000 {
            eprintln!("waiting until the text index is at rest");
            measure::let_rest(&self.store);
        }
        let mut engines: Vec<Box<dyn Engine>> = vec![Box::new(Ours { store, experiments })];
        let mut lines = Vec::new();
        measure::forget_peak_rss();
        if with_peers {
            engines.extend(peers::open(&self.place, &self.file(), self.n, self.cache_mib)?);
        }
        for (name, cases) in &cases {
            eprintln!("{name}: {} times", cases.len());
            lines.extend(engine::compare(&mut engines, self.n, name, cases)?);
        }
        if with_peers {
            engine::summary(&lines);
        } else {
            // With peers, it would be theirs too.
            println!(
                "{}",
                json!({"phase": "memory", "n": self.n, "during": "query", "peak_rss_mb": measure::peak_rss_mb()})
            );
        }
        match lines.iter().filter(|line| line["wrong"] != 0).count() {
            0 => Ok(()),
            wrong => Err(format!("{wrong} lines have wrong answers").into()),
        }
    }
}

impl Ours {
    fn find(&self, query: &Query) -> modeldb::Result<Find<Run>> {
        let found = self.store.read().runs().find(query.filter())?;
        let found = match query {
            Query::LossIn { experiment } => found.in_experiment(&self.experiments[experiment]),
            _ => found,
        };
        let order = match (query.is_by_loss(), query.is_descending()) {
            (true, _) => Order::ascending("metrics.val_loss"),
            (_, true) => Order::descending("start_time"),
            (_, false) => Order::ascending("start_time"),
        };
        Ok(found.order_by(order))
    }
}

impl Engine for Ours {
    fn peer(&self) -> Option<&'static str> {
        None
    }

    fn ways(&self, query: &Query) -> Vec<Way> {
        let all = [COUNT, VIEW, OWNED].map(|what| Way { what, plan: "" });
        match query {
            Query::TagsAbove { .. } => Way::by(FACETS, &[""]),
            Query::Status { .. } => Way::by(COUNT, &[""]),
            _ => all.to_vec(),
        }
    }

    fn ask(&mut self, way: Way, query: &Query) -> Result<Answer> {
        let found = self.find(query)?;
        let number = u32::try_from(query.offset() / PAGE + 1)?;
        let limit = u32::try_from(PAGE)?;
        let key = |start: Option<Timestamp>, loss: Option<f64>| {
            query.sorted_by(start.map_or(0, Timestamp::millis), loss.unwrap_or(f64::INFINITY))
        };
        Ok(match way.what {
            COUNT => Answer::Count(found.count()?),
            FACETS => {
                let tags = found.facets(QueryField::Tags)?.values.into_iter();
                Answer::Tags(tags.filter_map(|(tag, count)| Some((tag.as_str()?.to_owned(), count))).collect())
            }
            VIEW => {
                let each = |run: RunView<'_>| {
                    black_box(visit(&run)?);
                    let loss = if query.is_by_loss() { run.metric("val_loss")? } else { None };
                    Ok(key(run.start_time(), loss.and_then(|loss| loss.as_f64())))
                };
                Answer::Page(match number {
                    1 => found.top_views(limit, each)?,
                    _ => found.page_views(number, limit, each)?.items,
                })
            }
            _ => {
                let page = match number {
                    1 => found.top(limit)?,
                    _ => found.page(number, limit)?.items,
                };
                let keys = page
                    .iter()
                    .map(|run| key(run.start_time, run.metrics.get("val_loss").and_then(modeldb::Value::as_f64)));
                Answer::Page(keys.collect())
            }
        })
    }
}

/// Reads every field that a run of the workload has.
fn visit(run: &RunView<'_>) -> modeldb::Result<f64> {
    let mut sum = run.id()?.as_str().len();
    sum += run.project_id()?.as_str().len() + run.experiment_id()?.as_str().len();
    sum += run.name()?.len() + run.description()?.len() + run.owner()?.len();
    sum += run.tags().map(str::len).sum::<usize>();
    let times = [Some(run.date_created()), Some(run.date_updated()), run.start_time(), run.end_time()];
    let mut total = sum as f64 + times.iter().flatten().map(|time| time.millis() as f64).sum::<f64>();
    total += run.version_number() as f64;
    for entry in run.hyperparameters().chain(run.metrics()).chain(run.attributes()) {
        let (key, value) = entry?;
        total +=
            key.len() as f64 + value.as_f64().unwrap_or_else(|| value.as_str().map_or(0.0, |text| text.len() as f64));
    }
    Ok(total)
}
