//! Runs that are hard on columns, and what is done to them.

use std::collections::BTreeMap;

use modeldb::simulation::Keep;
use modeldb::{
    Artifact, ErrorKind, ExperimentId, KeyValue, NewExperiment, NewProject, NewRun, ProjectId, Result, RunId,
    RunLogger, Timestamp, Value, Write,
};

use crate::query::Bench;
use crate::support::random::Random;

/// Keys of metrics, hyperparameters and attributes; figures are asked of some of them.
pub(super) const KEYS: [&str; 6] = ["a", "b", "a.b", "odd key", "\u{1f600}", "rare"];

/// Whole numbers at the ends, and where doubles begin to miss some.
const INTS: [i64; 20] = [
    0,
    1,
    -1,
    5,
    1 << 53,
    (1 << 53) - 1,
    (1 << 53) + 1,
    (1 << 53) + 2,
    -(1 << 53) - 1,
    1 << 62,
    (1 << 62) + 1,
    i64::MAX,
    i64::MAX - 1,
    i64::MAX - 511,
    i64::MAX - 1023,
    i64::MIN,
    i64::MIN + 1,
    i64::MIN + 1024,
    1_700_000_000_000,
    -7,
];

/// The same for doubles, and those that are no numbers of any other kind.
const FLOATS: [f64; 22] = [
    0.0,
    -0.0,
    0.1,
    0.5,
    -1.0,
    5.0,
    9_007_199_254_740_992.0,
    9_007_199_254_740_994.0,
    -9_007_199_254_740_992.0,
    4_611_686_018_427_387_904.0,
    9_223_372_036_854_774_784.0,
    9_223_372_036_854_775_808.0,
    -9_223_372_036_854_775_808.0,
    9_223_372_036_854_777_856.0,
    1e300,
    f64::MAX,
    f64::MIN,
    f64::MIN_POSITIVE,
    5e-324,
    -5e-324,
    f64::INFINITY,
    f64::NEG_INFINITY,
];

/// Texts that read as numbers or nearly, that change with their case, and that patterns and JSON speak of.
pub(super) const TEXTS: [&str; 32] = [
    "5",
    "05",
    " 5 ",
    "5.0",
    "-0",
    "1e1",
    "+7",
    "0x5",
    "1e400",
    "9007199254740993",
    "9223372036854775807",
    "9223372036854775808",
    "-9223372036854775809",
    "inf",
    "NaN",
    "",
    " ",
    "abc",
    "ABC",
    "Abc d",
    "a_b%c",
    "back\\slash",
    "stra\u{df}e",
    "STRASSE",
    "\u{130}stanbul",
    "\u{3c3}\u{3a3}\u{3c2}",
    "e\u{301}",
    "\u{e9}",
    "\u{1f600}\u{fffd}",
    "\u{0}",
    "true",
    "{\"key\":1}",
];

/// A number where kinds meet.
pub(super) fn number(random: &mut Random) -> Value {
    match random.below(5) {
        0 | 1 => (*random.pick(&INTS)).into(),
        2 | 3 => (*random.pick(&FLOATS)).into(),
        _ => random.between(-3, 12).into(),
    }
}

/// A text, sometimes one that is too long to be listed in a block, or to stand in a record.
pub(super) fn text(random: &mut Random) -> String {
    match random.below(40) {
        0..=1 => format!("{}{}", "long ".repeat(60), random.below(3)),
        2 => "x".repeat(250 + random.below(13)),
        3 => format!("{}{}", "stored beside ".repeat(320), random.below(2)),
        _ => (*random.pick(&TEXTS)).to_owned(),
    }
}

/// Anything that can be stored.
fn anything(random: &mut Random) -> Value {
    match random.below(12) {
        0 => Value::Null,
        1 => f64::NAN.into(),
        2 => random.percent(50).into(),
        3 => Value::List(vec![number(random), text(random).into(), Value::Null]),
        4 => Value::Map(BTreeMap::from([("Key".to_owned(), anything(random))])),
        5..=7 => text(random).into(),
        _ => number(random),
    }
}

/// What is stored under a key of metrics (0), hyperparameters (1) or attributes (2): each has its own mix of kinds.
fn value(random: &mut Random, space: usize, key: &str, number_of: usize) -> Option<Value> {
    let (percent, value): (usize, &dyn Fn(&mut Random) -> Value) = match (space, key) {
        (0, "a") => (90, &|random| random.fraction().into()),
        (0, "b") => (85, &|random| random.between(0, 20).into()),
        (0, "odd key") => (70, &number),
        (0, "\u{1f600}") => (50, &|random| if random.percent(30) { f64::NAN } else { random.fraction() }.into()),
        (1, "a") => (95, &|random| (*random.pick(&["adam", "sgd", "Adam", "5"])).into()),
        (1, "b") => (70, &|random| if random.percent(50) { text(random).into() } else { number(random) }),
        (1, "odd key") => (80, &|_| format!("run number {number_of}").into()),
        (1, "\u{1f600}") => (40, &|random| match random.below(4) {
            0 => Value::Null,
            1 => f64::NAN.into(),
            other => (other == 2).into(),
        }),
        (2, "b") => (80, &|random| (*random.pick(&FLOATS)).into()),
        (2, "odd key") => (60, &|random| text(random).into()),
        (_, "rare") => (2, &anything),
        _ => (50, &anything),
    };
    random.percent(percent).then(|| value(random))
}

fn entries(random: &mut Random, space: usize, number_of: usize) -> Vec<(String, Value)> {
    let entry = |key: &str| value(random, space, key, number_of).map(|value| (key.to_owned(), value));
    KEYS.map(entry).into_iter().flatten().collect()
}

pub(super) fn tag(random: &mut Random) -> String {
    // The first ones are frequent.
    let (one, other) = (random.below(30), random.below(30));
    match one.min(other) {
        0 => "5".to_owned(),
        1 => "5.0".to_owned(),
        number => format!("{}{number}", ["tag", "Tag", "\u{e9}"][number % 3]),
    }
}

/// A moment: mostly of these years, sometimes at either end.
fn moment(random: &mut Random) -> Timestamp {
    Timestamp::from_millis(match random.below(8) {
        0 => *random.pick(&[i64::MAX, i64::MIN, 1, -1, (1 << 53) + 1, 253_402_300_800_000]),
        _ => 1_700_000_000_000 + random.between(0, 400) * 1000,
    })
}

/// A store with some projects and experiments and many runs.
pub(super) struct Made {
    pub(super) bench: Bench,
    pub(super) experiments: Vec<(ProjectId, ExperimentId)>,
    /// All that were ever made, in order of rows.
    pub(super) runs: Vec<RunId>,
    /// Runs that are running.
    loggers: Vec<RunLogger>,
    rows: (u32, u64),
    /// Whether each run has some tags of its own.
    own_tags: bool,
}

impl Made {
    /// A store whose filter index has blocks and a tail of so many rows.
    pub(super) fn new(rows: (u32, u64), own_tags: bool) -> Self {
        let bench = Bench::on_disk(rows.0, rows.1);
        let mut experiments = Vec::new();
        for project in 0..4 {
            let new = NewProject::named(format!("p{project}")).workspace(["", "lab"][project % 2]);
            let id = bench.write(|w| w.projects().create(new));
            for number in 0..3 {
                let new = NewExperiment::named(format!("Experiment {project} {number}"));
                experiments.push((id.clone(), bench.write(|w| w.experiments().create(&id, new))));
            }
        }
        Made { bench, experiments, runs: Vec::new(), loggers: Vec::new(), rows, own_tags }
    }

    fn run(&self, random: &mut Random, number: usize) -> NewRun {
        let mut run = NewRun::named(format!("{} {number}", random.pick(&TEXTS)))
            .owner(*random.pick(&["alice", "bob", "Bob", "5", "5.0"]))
            .metrics(entries(random, 0, number))
            .hyperparameters(entries(random, 1, number))
            .attributes(entries(random, 2, number));
        let many = if random.percent(10) { 25 } else { random.below(5) };
        run = run.tags((0..many).map(|_| tag(random)).collect::<std::collections::BTreeSet<_>>());
        if self.own_tags {
            run = run.tags((0..6).map(|of| format!("own {number} {of}")));
        }
        for _ in 0..random.below(3) {
            run = run.feature(tag(random));
        }
        if random.percent(60) {
            run = run.description(text(random));
        }
        if random.percent(70) {
            run = run.start_time(moment(random)).end_time(moment(random));
        }
        if random.percent(30) {
            run = run.code_version(text(random));
        }
        if random.percent(20) {
            run = run.artifact(Artifact::new("a", text(random)).linked_artifact_id(tag(random)));
        }
        run
    }

    /// Makes many runs at once.
    pub(super) fn grow(&mut self, random: &mut Random, count: usize) {
        let share = count.div_ceil(self.experiments.len());
        for (_, experiment) in self.experiments.clone() {
            let first = self.runs.len();
            let new: Vec<NewRun> = (first..first + share).map(|number| self.run(random, number)).collect();
            let ids = self.bench.write(|w| w.runs().create_many(&experiment, new));
            self.runs.extend(ids);
        }
    }

    /// Writes, or is refused since something is not there, or there already.
    fn attempt<T>(&self, write: impl FnOnce(&mut Write<'_>) -> Result<T>) -> Option<T> {
        self.bench.clock.advance(1000);
        match self.bench.store.write(write) {
            Ok(value) => Some(value),
            Err(error) => {
                let refused = [ErrorKind::NotFound, ErrorKind::AlreadyExists, ErrorKind::InvalidArgument];
                assert!(refused.contains(&error.kind()), "{error:?}");
                None
            }
        }
    }

    fn edit(&self, write: impl FnOnce(&mut Write<'_>) -> Result<()>) {
        let _ = self.attempt(write);
    }

    /// Changes something; mostly a run, and of those mostly an old one.
    pub(super) fn change(&mut self, random: &mut Random) {
        let id = random.pick(&self.runs).clone();
        let at = random.below(self.experiments.len());
        let (project, experiment) = self.experiments[at].clone();
        let key = *random.pick(&KEYS);
        let (new, words) = (anything(random), text(random));
        let label = tag(random);
        match random.below(38) {
            0..=7 => {
                let new = self.run(random, self.runs.len());
                self.runs.extend(self.attempt(|w| w.runs().create(&experiment, new)));
            }
            8..=10 => self.edit(|w| w.runs().log_metric(&id, key, new)),
            11 => self.edit(|w| w.runs().delete_metrics(&id, [key])),
            12 => self.edit(|w| w.runs().log_hyperparameter(&id, key, new)),
            13 => self.edit(|w| w.runs().delete_all_hyperparameters(&id)),
            14 | 15 => self.edit(|w| w.runs().set_attributes(&id, [KeyValue::new(key, new)])),
            16 => self.edit(|w| w.runs().delete_attributes(&id, [key])),
            17 | 18 => self.edit(|w| w.runs().add_tags(&id, [label])),
            19 => self.edit(|w| w.runs().delete_tags(&id, [label])),
            20 => self.edit(|w| w.runs().rename(&id, &words)),
            21 => self.edit(|w| w.runs().describe(&id, words)),
            22 => self.edit(|w| w.runs().end(&id, moment(random))),
            23 => {
                let parent = random.pick(&self.runs).clone();
                self.edit(|w| w.runs().set_parent(&id, &parent));
            }
            24 => self.edit(|w| w.runs().log_metric(&id, format!("new {}", random.below(9)), 1)),
            25..=27 => self.edit(|w| w.runs().delete(&id)),
            28 => (0..20).for_each(|_| {
                let id = random.pick(&self.runs);
                self.edit(|w| w.runs().restore(id));
            }),
            29 => self.edit(|w| w.experiments().rename(&experiment, &format!("{words} {}", random.next()))),
            30 if random.percent(50) => self.edit(|w| w.experiments().delete(&experiment)),
            31 => self.edit(|w| w.experiments().restore(&experiment)),
            32 if random.percent(30) => self.edit(|w| w.projects().delete(&project)),
            33 => self.edit(|w| w.projects().restore(&project)),
            _ => self.status(&id, random),
        }
    }

    /// Starts a run, or ends one.
    fn status(&mut self, id: &RunId, random: &mut Random) {
        self.bench.clock.advance(1000);
        if self.loggers.len() < 5 && random.percent(60) {
            // It may be deleted, or have a logger.
            self.loggers.extend(self.bench.store.resume_run(id));
        } else if !self.loggers.is_empty() {
            let logger = self.loggers.swap_remove(random.below(self.loggers.len()));
            logger.metric(*random.pick(&KEYS), anything(random));
            // What it logged may be there with another value, and the run may be gone.
            match random.below(3) {
                0 => drop(logger.finish()),
                1 => drop(logger.fail("an error")),
                _ => drop(logger),
            }
        }
    }

    /// Brings back what was deleted above the runs, so that there is something to find.
    pub(super) fn restore_parents(&mut self) {
        self.restore_projects();
        for (_, experiment) in &self.experiments {
            self.edit(|w| w.experiments().restore(experiment));
        }
    }

    /// Brings back whole projects, which are much to lose.
    pub(super) fn restore_projects(&mut self) {
        self.experiments.iter().for_each(|(project, _)| self.edit(|w| w.projects().restore(project)));
    }

    /// Closes the store or crashes, and opens it again.
    pub(super) fn reopen(&mut self, crash: Option<Keep>, seed: u64) {
        self.bench.reopen(crash, seed, self.rows.0, self.rows.1);
        // They were of the store before.
        self.loggers.clear();
    }
}
