//! Engines that answer the workload's queries, and how they are timed: hot, and in turns.

use std::error::Error;
use std::time::{Duration, Instant};

use serde_json::{Value as Json, json};

use crate::measure::Times;
use crate::queries::{Case, Query, Tags};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Longest a query's warming up lasts, and its repetitions, for each way: a slow way repeats less.
const WARM_UP: Duration = Duration::from_secs(3);
const REPEATING: Duration = Duration::from_secs(8);
/// Turns of each way. In a turn it answers its share of the cases one after the other, as a program does that asks one
/// engine: what it is slowed down by is its own memory, not that of the others.
const TURNS: usize = 5;
/// Queries that begin a turn and are not measured: the caches of the processor were the previous one's.
const FIRST_OF_TURN: usize = 3;

/// What is asked of an engine, and by which of its plans.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Way {
    pub(crate) what: &'static str,
    /// Empty where there is one.
    pub(crate) plan: &'static str,
}

pub(crate) const COUNT: &str = "count";
pub(crate) const VIEW: &str = "first20_view";
pub(crate) const OWNED: &str = "first20_owned";
pub(crate) const FACETS: &str = "facets";

impl Way {
    pub(crate) fn by(what: &'static str, plans: &[&'static str]) -> Vec<Way> {
        plans.iter().map(|plan| Way { what, plan }).collect()
    }
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Count(u64),
    /// What each run of the page is sorted by.
    Page(Vec<i64>),
    Tags(Tags),
}

/// Something with the workload's runs in it.
pub(crate) trait Engine {
    /// The name of a peer; none is modeldb itself.
    fn peer(&self) -> Option<&'static str>;

    /// How it can answer a query.
    fn ways(&self, query: &Query) -> Vec<Way>;

    /// Answers, and has read everything of a page by then.
    fn ask(&mut self, way: Way, query: &Query) -> Result<Answer>;
}

/// One engine answering one query in one way.
struct Entrant {
    engine: usize,
    way: Way,
    times: Times,
    spent: Duration,
    asked: usize,
    wrong: usize,
}

impl Entrant {
    fn ask(&mut self, engine: &mut dyn Engine, case: &Case, limit: Duration, measured: bool) -> Result<()> {
        if self.spent > limit {
            return Ok(());
        }
        let start = Instant::now();
        let answer = engine.ask(self.way, &case.query)?;
        let time = start.elapsed();
        self.spent += time;
        if measured {
            self.times.push(time);
            self.asked += 1;
            let right = match answer {
                Answer::Count(count) => count == case.count,
                Answer::Page(page) => page == case.page,
                Answer::Tags(tags) => tags == case.tags,
            };
            self.wrong += usize::from(!right);
        }
        Ok(())
    }

    fn line(&mut self, engine: &dyn Engine, n: usize, name: &str) -> Json {
        let (p50, p99) = (self.times.quantile_us(0.5), self.times.quantile_us(0.99));
        let hundredths = |us: f64| (us * 100.0).round() / 100.0;
        let mut line = json!({
            "phase": "query", "n": n, "name": name, "what": self.way.what,
            "p50_us": hundredths(p50), "p99_us": hundredths(p99), "reps": self.asked, "wrong": self.wrong,
        });
        if let Some(peer) = engine.peer() {
            line["peer"] = peer.into();
        }
        if !self.way.plan.is_empty() {
            line["plan"] = self.way.plan.into();
        }
        line
    }
}

/// Asks all engines a query with each of its constants, in turns; prints a line for each way, and answers with them.
pub(crate) fn compare(engines: &mut [Box<dyn Engine>], n: usize, name: &str, cases: &[Case]) -> Result<Vec<Json>> {
    let Some(first) = cases.first() else { return Ok(Vec::new()) };
    let mut entrants = Vec::new();
    for (engine, own) in engines.iter().enumerate() {
        for way in own.ways(&first.query) {
            let times = Times::default();
            entrants.push(Entrant { engine, way, times, spent: Duration::ZERO, asked: 0, wrong: 0 });
        }
    }
    for case in cases {
        for entrant in &mut entrants {
            entrant.ask(engines[entrant.engine].as_mut(), case, WARM_UP, false)?;
        }
    }
    entrants.iter_mut().for_each(|entrant| entrant.spent = Duration::ZERO);
    for turn in 0..TURNS {
        for place in 0..entrants.len() {
            let at = (turn * 7 + place) % entrants.len();
            // Neighbours do not ask the same: the second way of an engine would find in the processor's caches what
            // the first has read.
            let case = |step: usize| &cases[(turn + at + step * TURNS) % cases.len()];
            let share = cases.len().div_ceil(TURNS);
            let entrant = &mut entrants[at];
            let engine = engines[entrant.engine].as_mut();
            for step in share - FIRST_OF_TURN.min(share)..share {
                entrant.ask(engine, case(step), REPEATING, false)?;
            }
            for step in 0..share {
                entrant.ask(engine, case(step), REPEATING, true)?;
            }
        }
    }
    let lines = entrants.iter_mut().map(|entrant| entrant.line(engines[entrant.engine].as_ref(), n, name));
    let lines: Vec<Json> = lines.collect();
    lines.iter().for_each(|line| println!("{line}"));
    Ok(lines)
}

/// For each query: modeldb, the fastest peer, and how many times as long it takes; on standard error.
pub(crate) fn summary(lines: &[Json]) {
    eprintln!("\n{:<10} {:<14} {:>11} {:>11} {:>8}  fastest peer", "query", "what", "modeldb us", "peer us", "ratio");
    for line in lines.iter().filter(|line| line["peer"].is_null()) {
        // A page is compared with pages, in whichever form.
        let what = |line: &Json| if line["what"] == VIEW { json!(OWNED) } else { line["what"].clone() };
        let peers = lines
            .iter()
            .filter(|other| !other["peer"].is_null() && other["name"] == line["name"] && what(other) == what(line));
        let time = |line: &Json| line["p50_us"].as_f64().unwrap_or(f64::INFINITY);
        let Some(peer) = peers.min_by(|a, b| time(a).total_cmp(&time(b))) else { continue };
        let text = |line: &Json, key: &str| line[key].as_str().unwrap_or_default().to_owned();
        let (ours, theirs) = (time(line), time(peer));
        let wrong = if line["wrong"] == 0 && peer["wrong"] == 0 { "" } else { " WRONG ANSWERS" };
        eprintln!(
            "{:<10} {:<14} {ours:>11.1} {theirs:>11.1} {:>7.2}x  {} {}{wrong}",
            text(line, "name"),
            text(line, "what"),
            theirs / ours,
            text(peer, "peer"),
            text(peer, "plan"),
        );
    }
}
