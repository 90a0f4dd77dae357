//! The workload's queries: what each asks, and what the runs' file itself says is the answer.

use std::collections::{BTreeMap, BinaryHeap};
use std::error::Error;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use modeldb::{Filter, QueryField};
use serde_json::Value as Json;

use crate::record::{Pairs, Record, Scalar};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Runs on a page.
pub(crate) const PAGE: usize = 20;

/// How often each tag is found.
pub(crate) type Tags = BTreeMap<String, u64>;

/// The query of the counts of tags, which is not in the file.
const TAGS: &str = "facet_tags";

/// The queries in the order of the file.
pub(crate) const NAMES: [&str; 11] =
    ["q1_1pct", "q1_50pct", "q2", "q3_exp", "q3_all", "q4", "q5_absent", "q5_ne", "q6_token", "q6_substr", "q7"];

/// One query with its constants.
#[derive(Debug, Clone)]
pub(crate) enum Query {
    /// Accuracy above this.
    Above {
        x: f64,
    },
    Three {
        optimizer: String,
        x: f64,
        tag: String,
    },
    /// The smallest losses of an experiment.
    LossIn {
        experiment: String,
    },
    /// The smallest losses of all.
    Loss,
    /// By start time, from an offset.
    From {
        offset: usize,
        descending: bool,
    },
    /// Without the rare metric.
    Absent,
    /// With another rare metric.
    Other {
        v: f64,
    },
    Word {
        word: String,
    },
    Part {
        part: String,
    },
    /// The tags of the runs with an accuracy above this.
    TagsAbove {
        x: f64,
    },
    Status {
        optimizer: String,
        x: f64,
        status: String,
    },
}

/// A query, and its answer.
pub(crate) struct Case {
    pub(crate) query: Query,
    pub(crate) count: u64,
    /// What the runs of the page are sorted by, see [`Query::sorted_by`]. Runs with the same start time may come
    /// in any order.
    pub(crate) page: Vec<i64>,
    /// The tags, where they are asked for.
    pub(crate) tags: Tags,
}

impl Query {
    fn parse(name: &str, constants: &Json) -> Result<Self> {
        let text = |key: &str| -> Result<String> {
            Ok(constants[key].as_str().ok_or_else(|| format!("{name}: {key} is no text"))?.to_owned())
        };
        let number = |key: &str| constants[key].as_f64().ok_or_else(|| format!("{name}: {key} is no number"));
        Ok(match name {
            TAGS => Query::TagsAbove { x: number("x")? },
            "q1_1pct" | "q1_50pct" => Query::Above { x: number("x")? },
            "q2" => Query::Three { optimizer: text("optimizer")?, x: number("x")?, tag: text("tag")? },
            "q3_exp" => Query::LossIn { experiment: text("experiment")? },
            "q3_all" => Query::Loss,
            "q4" => {
                let offset = constants["offset"].as_u64().ok_or("q4: offset is no number")?;
                Query::From { offset: offset.try_into()?, descending: constants["desc"] == true }
            }
            "q5_absent" => Query::Absent,
            "q5_ne" => Query::Other { v: number("v")? },
            "q6_token" => Query::Word { word: text("word")? },
            "q6_substr" => Query::Part { part: text("sub")? },
            "q7" => Query::Status { optimizer: text("optimizer")?, x: number("x")?, status: text("status")? },
            other => return Err(format!("there is no query {other}").into()),
        })
    }

    /// The query as modeldb takes it, without its experiment.
    pub(crate) fn filter(&self) -> Filter {
        let accurate = |x: f64| Filter::metric("accuracy").gt(x);
        let with = |optimizer: &str| Filter::hyperparameter("optimizer").eq(optimizer);
        match self {
            Query::LossIn { .. } | Query::Loss | Query::From { .. } => Filter::all(),
            Query::Above { x } | Query::TagsAbove { x } => accurate(*x),
            Query::Three { optimizer, x, tag } => with(optimizer).and(accurate(*x)).and(Filter::tag(tag)),
            Query::Absent => Filter::metric("rare_metric").is_null(),
            Query::Other { v } => Filter::metric("rare_metric").ne(*v),
            Query::Word { word } => QueryField::Description.matches(word),
            Query::Part { part } => QueryField::Description.contains(part),
            Query::Status { optimizer, x, status } => {
                with(optimizer).and(accurate(*x)).and(Filter::attribute("status").eq(status.as_str()))
            }
        }
    }

    /// Whether the page is of the smallest losses, and not by start time.
    pub(crate) fn is_by_loss(&self) -> bool {
        matches!(self, Query::LossIn { .. } | Query::Loss)
    }

    /// Whether the page begins with the latest start.
    pub(crate) fn is_descending(&self) -> bool {
        match self {
            Query::From { descending, .. } => *descending,
            other => !other.is_by_loss(),
        }
    }

    /// Runs before the page.
    pub(crate) fn offset(&self) -> usize {
        if let Query::From { offset, .. } = self { *offset } else { 0 }
    }

    /// A start time in milliseconds or a loss in millionths, of which the file has no fractions.
    pub(crate) fn sorted_by(&self, start_time: i64, loss: f64) -> i64 {
        // A loss is a small number.
        if self.is_by_loss() { (loss * 1e6).round() as i64 } else { start_time }
    }

    fn holds(&self, run: &Facts<'_>) -> bool {
        let accurate = |x: f64| run.accuracy.is_some_and(|accuracy| accuracy > x);
        match self {
            Query::Loss | Query::From { .. } => true,
            Query::LossIn { experiment } => run.record.experiment == *experiment,
            Query::Above { x } | Query::TagsAbove { x } => accurate(*x),
            Query::Three { optimizer, x, tag } => {
                accurate(*x) && run.optimizer == Some(optimizer) && run.record.tags.contains(tag)
            }
            Query::Absent => run.rare.is_none(),
            Query::Other { v } => run.rare.is_some_and(|rare| rare != *v),
            Query::Word { word } => run.words.contains(&word.as_str()),
            Query::Part { part } => run.description.contains(part.as_str()),
            Query::Status { optimizer, x, status } => {
                accurate(*x) && run.optimizer == Some(optimizer) && run.status == Some(status)
            }
        }
    }
}

/// What the queries ask of a run.
struct Facts<'r> {
    record: &'r Record,
    accuracy: Option<f64>,
    rare: Option<f64>,
    optimizer: Option<&'r str>,
    status: Option<&'r str>,
    description: &'r str,
    words: Vec<&'r str>,
}

pub(crate) fn number(pairs: &Pairs, key: &str) -> Option<f64> {
    match find(pairs, key)? {
        Scalar::Int(int) => Some(*int as f64),
        Scalar::Float(float) => Some(*float),
        Scalar::Text(_) => None,
    }
}

pub(crate) fn text<'p>(pairs: &'p Pairs, key: &str) -> Option<&'p str> {
    match find(pairs, key)? {
        Scalar::Text(text) => Some(text),
        _ => None,
    }
}

fn find<'p>(Pairs(pairs): &'p Pairs, key: &str) -> Option<&'p Scalar> {
    pairs.iter().find(|(own, _)| own == key).map(|(_, value)| value)
}

/// Calls `each` with every run of the file.
pub(crate) fn each_record(path: &Path, mut each: impl FnMut(Record) -> Result<()>) -> Result<()> {
    let file = File::open(path).map_err(|error| format!("{}: {error}", path.display()))?;
    BufReader::with_capacity(1 << 20, file).lines().try_for_each(|line| each(serde_json::from_str(&line?)?))
}

/// The queries of the file by name, with the answers found by looking at each run; and how often the counts of the
/// file are others.
pub(crate) fn cases(runs: &Path, queries: &Path) -> Result<Vec<(&'static str, Vec<Case>)>> {
    let file = File::open(queries).map_err(|error| format!("{}: {error}", queries.display()))?;
    let queries: Json = serde_json::from_reader(BufReader::new(file))?;
    let mut named = vec![(TAGS, tags_above(runs)?)];
    for name in NAMES {
        let Some(constants) = queries[name].as_array() else { continue };
        let open = constants.iter().map(|constants| -> Result<(Open, Option<u64>)> {
            let count = constants["count"].as_u64().ok_or("a query has no count")?;
            Ok((Open::new(Query::parse(name, constants)?), Some(count)))
        });
        named.push((name, open.collect::<Result<Vec<_>>>()?));
    }
    each_record(runs, |record| {
        let description = record.description.to_lowercase();
        let facts = Facts {
            accuracy: number(&record.metrics, "accuracy"),
            rare: number(&record.metrics, "rare_metric"),
            optimizer: text(&record.hyperparameters, "optimizer"),
            status: text(&record.attributes, "status"),
            description: &description,
            words: description.trim_end_matches('.').split_whitespace().collect(),
            record: &record,
        };
        named.iter_mut().flat_map(|(_, open)| open).for_each(|(open, _)| open.meet(&facts));
        Ok(())
    })?;
    let close = |name: &str, (open, count): (Open, Option<u64>)| -> Result<Case> {
        if count.is_some_and(|count| open.count != count) {
            let (query, found) = (&open.query, open.count);
            return Err(format!("{name}: {query:?} matches {found} runs; the file says {count:?}").into());
        }
        Ok(open.close())
    };
    named
        .into_iter()
        .map(|(name, open)| Ok((name, open.into_iter().map(|open| close(name, open)).collect::<Result<_>>()?)))
        .collect()
}

/// Queries of tags under a filter that one run in ten passes, as the first thousand runs have it.
fn tags_above(runs: &Path) -> Result<Vec<(Open, Option<u64>)>> {
    let mut accuracies = Vec::new();
    for line in BufReader::new(File::open(runs)?).lines().take(1000) {
        let record: Record = serde_json::from_str(&line?)?;
        accuracies.extend(number(&record.metrics, "accuracy"));
    }
    accuracies.sort_by(f64::total_cmp);
    let from = accuracies.len() * 87 / 100;
    let above = accuracies.into_iter().skip(from).take(60);
    Ok(above.map(|x| (Open::new(Query::TagsAbove { x }), None)).collect())
}

/// A query while its answer is looked for.
struct Open {
    query: Query,
    count: u64,
    /// The first runs so far, the last of them on top; negative where the order is descending.
    best: BinaryHeap<i64>,
    tags: Tags,
}

impl Open {
    fn new(query: Query) -> Self {
        Open { query, count: 0, best: BinaryHeap::new(), tags: Tags::new() }
    }

    fn meet(&mut self, run: &Facts<'_>) {
        if !self.query.holds(run) {
            return;
        }
        self.count += 1;
        if matches!(self.query, Query::TagsAbove { .. }) {
            run.record.tags.iter().for_each(|tag| *self.tags.entry(tag.clone()).or_default() += 1);
            return;
        }
        let loss = number(&run.record.metrics, "val_loss").unwrap_or(f64::INFINITY);
        let key = self.query.sorted_by(run.record.start_time, loss);
        let key = if self.query.is_descending() { -key } else { key };
        if self.best.len() < self.query.offset() + PAGE {
            self.best.push(key);
        } else if self.best.peek().is_some_and(|last| key < *last) {
            self.best.pop();
            self.best.push(key);
        }
    }

    fn close(self) -> Case {
        let sign = if self.query.is_descending() { -1 } else { 1 };
        let keys = self.best.into_sorted_vec().into_iter().map(|key| sign * key);
        let page = keys.skip(self.query.offset()).take(PAGE).collect();
        Case { query: self.query, count: self.count, page, tags: self.tags }
    }
}
