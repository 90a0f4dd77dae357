//! Random records, filters, orders, scopes and pages, now and as of any earlier moment: a search answers what the
//! plain program does.

use std::collections::{BTreeMap, BTreeSet};

use modeldb::{
    Artifact, Filter, Find, NewExperiment, NewProject, NewRun, Operator, Order, Run, RunId, Sequence, Timestamp, Value,
};

use modeldb::simulation::Keep;

use super::Bench;
use super::oracle::looking::Looked;
use super::plain::{Condition, Place, PlainExperiment, PlainProject, PlainRun, World};
use crate::support::random::{PrintSeed, Random, seed};

const KEYS: [&str; 5] = ["a", "b", "a.b", "\u{1f600}", "odd key"];
const TEXTS: [&str; 20] = [
    "5",
    "05",
    " 5 ",
    "5.0",
    "1e1",
    "-3",
    "+7",
    "abc",
    "ABC",
    "Abc d",
    "inf",
    "NaN",
    "0x5",
    "9007199254740993",
    "1e999",
    "\u{1f600}\u{e9}",
    "\u{fffd}",
    "10L",
    "9",
    "10",
];

fn number(random: &mut Random) -> Value {
    const INTS: [i64; 12] = [0, 1, 5, -3, 9, 10, 7, 1 << 53, (1 << 53) + 1, i64::MAX, i64::MIN, 1_700_000_003_000];
    const FLOATS: [f64; 12] = [
        0.0,
        -0.0,
        0.5,
        5.0,
        -3.0,
        9.5,
        9_007_199_254_740_992.0,
        9_223_372_036_854_775_808.0,
        f64::INFINITY,
        f64::NEG_INFINITY,
        1e300,
        5e-324,
    ];
    if random.percent(60) { Value::Int(*random.pick(&INTS)) } else { Value::Float(*random.pick(&FLOATS)) }
}

/// What can be compared with.
fn operand(random: &mut Random) -> Value {
    match random.below(10) {
        0..=5 => number(random),
        _ => Value::from(*random.pick(&TEXTS)),
    }
}

fn stored(random: &mut Random) -> Value {
    match random.below(20) {
        0 => Value::Null,
        1 | 2 => Value::Float(f64::NAN),
        3 | 4 => random.percent(50).into(),
        5 => Value::List(vec![number_or_text(random), Value::Bool(true)]),
        6 => Value::Map(BTreeMap::from([("Key".to_owned(), number_or_text(random))])),
        7 => "".into(),
        _ => operand(random),
    }
}

fn number_or_text(random: &mut Random) -> Value {
    if random.percent(50) { random.between(-20, 20).into() } else { Value::from(*random.pick(&TEXTS)) }
}

fn entries(random: &mut Random) -> BTreeMap<String, Value> {
    let mut entries = BTreeMap::new();
    for key in KEYS {
        if random.percent(45) {
            entries.insert(key.to_owned(), stored(random));
        }
    }
    entries
}

fn subset(random: &mut Random) -> BTreeSet<String> {
    TEXTS.iter().filter(|_| random.percent(12)).map(|text| (*text).to_owned()).collect()
}

/// A store and the plain world beside it, and what both were at earlier commits.
pub(super) struct Both {
    pub(super) bench: Bench,
    pub(super) world: World,
    past: Vec<(Sequence, World)>,
}

impl Both {
    fn now(&self) -> i64 {
        use modeldb::Clock as _;
        self.bench.clock.now().millis()
    }

    fn new_run(&mut self, random: &mut Random) {
        let experiment = random.below(self.world.experiments.len());
        let parent = if random.percent(30) && !self.world.runs.is_empty() {
            random.pick(&self.world.runs).id.clone()
        } else {
            String::new()
        };
        let mut run = PlainRun {
            id: format!("run-{}", random.next()),
            name: format!("{} {}", random.pick(&TEXTS), self.world.runs.len()),
            description: if random.percent(50) { String::new() } else { (*random.pick(&TEXTS)).to_owned() },
            owner: (*random.pick(&["alice", "bob", "5"])).to_owned(),
            experiment,
            parent,
            attributes: entries(random),
            metrics: entries(random),
            hyperparameters: entries(random),
            tags: subset(random),
            features: subset(random),
            artifacts: BTreeMap::new(),
            start: *random.pick(&[0, 5, 10]),
            created: 0,
            updated: 0,
            version: 1,
            deleted: false,
        };
        for key in KEYS {
            if random.percent(80) {
                continue;
            }
            let of = |random: &mut Random| {
                if random.percent(30) { String::new() } else { (*random.pick(&TEXTS)).to_owned() }
            };
            run.artifacts.insert(key.to_owned(), (of(random), of(random)));
        }
        let mut new = NewRun::named(&run.name).id(run.id.parse::<RunId>().unwrap()).description(&run.description);
        new = new.owner(&run.owner).attributes(run.attributes.clone()).metrics(run.metrics.clone());
        new = new.hyperparameters(run.hyperparameters.clone()).tags(run.tags.clone());
        new = run.features.iter().fold(new, |new, feature| new.feature(feature));
        for (key, (path, link)) in &run.artifacts {
            new = new.artifact(Artifact::new(key, path).linked_artifact_id(link));
        }
        if !run.parent.is_empty() {
            new = new.parent(run.parent.parse::<RunId>().unwrap());
        }
        new = new.start_time(Timestamp::from_millis(run.start));
        let of = &self.world.experiments[experiment];
        if of.deleted || self.world.projects[of.project].deleted {
            return;
        }
        let id = self.bench.write(|w| w.runs().create(&of.id.parse()?, new));
        // An empty path has been made up.
        for artifact in self.bench.store.read().runs().get(&id).unwrap().artifacts {
            run.artifacts.get_mut(&artifact.key).unwrap().0 = artifact.path;
        }
        (run.created, run.updated) = (self.now(), self.now());
        self.world.runs.push(run);
    }

    /// Changes a run, if it is there to be changed.
    fn change_run(&mut self, random: &mut Random) {
        if self.world.runs.is_empty() {
            return;
        }
        let at = random.below(self.world.runs.len());
        if !self.world.is_visible(&self.world.runs[at]) {
            return;
        }
        let id: RunId = self.world.runs[at].id.parse().unwrap();
        let run = &mut self.world.runs[at];
        match random.below(4) {
            0 => {
                self.bench.write(|w| w.runs().delete(&id));
                run.deleted = true;
            }
            1 => {
                let text = (*random.pick(&TEXTS)).to_owned();
                // To the same text is no change.
                if run.description == text {
                    return;
                }
                run.description = text;
                self.bench.write(|w| w.runs().describe(&id, &run.description));
            }
            2 => {
                let tag = (*random.pick(&TEXTS)).to_owned();
                if !run.tags.insert(tag.clone()) {
                    return;
                }
                self.bench.write(|w| w.runs().add_tags(&id, [tag.as_str()]));
            }
            _ => {
                let Some(key) = KEYS.iter().find(|key| !run.metrics.contains_key(**key)) else { return };
                let value = stored(random);
                self.bench.write(|w| w.runs().log_metric(&id, *key, value.clone()));
                run.metrics.insert((*key).to_owned(), value);
            }
        }
        let now = self.now();
        let run = &mut self.world.runs[at];
        run.updated = now;
        run.version += 1;
    }

    fn change_parents(&mut self, random: &mut Random) {
        let at = random.below(self.world.experiments.len());
        let experiment = &mut self.world.experiments[at];
        if experiment.deleted || self.world.projects[experiment.project].deleted {
            return;
        }
        let id = experiment.id.parse().unwrap();
        match random.below(10) {
            0 => {
                self.bench.write(|w| w.experiments().delete(&id));
                experiment.deleted = true;
            }
            1 if self.world.projects.iter().filter(|project| !project.deleted).count() > 2 => {
                let project = &mut self.world.projects[experiment.project];
                self.bench.write(|w| w.projects().delete(&project.id.parse()?));
                project.deleted = true;
            }
            _ => {
                experiment.name = format!("{} {}", random.pick(&TEXTS), random.next());
                self.bench.write(|w| w.experiments().rename(&id, &experiment.name));
            }
        }
    }

    fn step(&mut self, random: &mut Random) {
        match random.below(20) {
            0..=11 => self.new_run(random),
            12..=18 => self.change_run(random),
            _ => self.change_parents(random),
        }
    }

    fn keep(&mut self) {
        self.past.push((self.bench.store.read().sequence(), self.world.clone()));
    }
}

pub(super) fn grow(random: &mut Random) -> Both {
    grow_in(Bench::new(), random)
}

fn grow_in(bench: Bench, random: &mut Random) -> Both {
    let mut both = Both { bench, world: World::default(), past: Vec::new() };
    // The bench's own project and experiment stay empty.
    for p in 0..4 {
        let workspace = ["", "lab"][p % 2];
        let project = NewProject::named(format!("p{p}")).workspace(workspace);
        let project = both.bench.write(|w| w.projects().create(project));
        let plain = PlainProject { id: project.to_string(), workspace: workspace.to_owned(), deleted: false };
        both.world.projects.push(plain);
        for _ in 0..2 {
            let name = format!("{} {}", random.pick(&TEXTS), both.world.experiments.len());
            let id = both.bench.write(|w| w.experiments().create(&project, NewExperiment::named(&name)));
            let plain = PlainExperiment { id: id.to_string(), name, project: p, deleted: false };
            both.world.experiments.push(plain);
        }
    }
    for step in 0..240 {
        both.step(random);
        if step % 24 == 23 {
            both.keep();
        }
    }
    both.keep();
    both
}

const TEXT_BUILTINS: [&str; 8] =
    ["id", "name", "description", "owner", "parent_id", "project_id", "experiment_id", "experiment.name"];
const NUMBER_BUILTINS: [&str; 4] = ["date_created", "date_updated", "start_time", "version_number"];

fn key(random: &mut Random) -> String {
    (*random.pick(&KEYS)).to_owned()
}

fn builtin(random: &mut Random, names: &[&'static str]) -> Place {
    let name = *random.pick(names);
    Place::Builtin(name)
}

fn container(random: &mut Random) -> Place {
    match random.below(3) {
        0 => Place::Attribute(key(random)),
        1 => Place::Metric(key(random)),
        _ => Place::Hyperparameter(key(random)),
    }
}

fn texts(random: &mut Random) -> Place {
    match random.below(6) {
        0 => Place::Artifact(key(random)),
        1 => Place::Links,
        2 => Place::Tags,
        3 => Place::Features,
        _ => builtin(random, &TEXT_BUILTINS),
    }
}

/// An operand that may meet what is there.
fn operand_for(random: &mut Random, world: &World, place: &Place) -> Value {
    match place {
        Place::Builtin("start_time" | "version_number") => random.between(0, 12).into(),
        Place::Builtin("date_created" | "date_updated") => {
            let run = random.pick(&world.runs);
            (if random.percent(50) { run.created } else { run.updated } + random.between(-1, 1)).into()
        }
        Place::Builtin(name) => {
            let run = random.pick(&world.runs);
            let experiment = &world.experiments[run.experiment];
            match *name {
                "id" | "parent_id" => run.id.as_str().into(),
                "name" => run.name.as_str().into(),
                "project_id" => world.projects[experiment.project].id.as_str().into(),
                "experiment_id" => experiment.id.as_str().into(),
                "experiment.name" => experiment.name.as_str().into(),
                "owner" => (*random.pick(&["alice", "bob", "5"])).into(),
                _ => operand(random),
            }
        }
        _ => operand(random),
    }
}

pub(super) fn condition(random: &mut Random, world: &World, depth: usize) -> Condition {
    if depth > 0 && random.percent(45) {
        let many = random.below(4);
        let mut inner = || condition(random, world, depth - 1);
        let inner: Vec<_> = (0..many).map(|_| inner()).collect();
        return match random.below(3) {
            0 => Condition::All(inner),
            1 => Condition::Any(inner),
            _ => Condition::Not(Box::new(condition(random, world, depth - 1))),
        };
    }
    let place = match random.below(10) {
        0..=4 => container(random),
        5..=7 => texts(random),
        _ => builtin(random, &NUMBER_BUILTINS),
    };
    let is_number = matches!(place, Place::Builtin(name) if NUMBER_BUILTINS.contains(&name));
    let holds_any = matches!(place, Place::Attribute(_) | Place::Metric(_) | Place::Hyperparameter(_));
    let operand_of = |random: &mut Random| operand_for(random, world, &place);
    let equal_to = |random: &mut Random| {
        if holds_any && random.percent(15) { random.percent(50).into() } else { operand_for(random, world, &place) }
    };
    let part = |random: &mut Random| {
        (*random.pick(&["a", "B", "BC", "5", "0", "%", "\u{c9}", "{\"key\":", "[", ",true]", "1.", "forest"]))
            .to_owned()
    };
    let negated = random.percent(50);
    match random.below(11) {
        8 | 9 if !is_number => {
            let parts = ["%", "%", "_", "a", "B", "5", "\\_", "\\%", ".", "\u{e9}", "10", "d", "["];
            let pattern = (0..random.below(5)).map(|_| *random.pick(&parts)).collect();
            Condition::Like(place, pattern, random.percent(50), negated)
        }
        10 if !is_number => {
            let place = if negated { Place::Builtin("text") } else { place };
            Condition::Words(
                place,
                random.pick(&["abc", "ABC d", "5", "5.0", "key", "true 5", "10", "nan, inf"]).to_string(),
            )
        }
        0 => Condition::Compare(place.clone(), ["=", "!="][random.below(2)], equal_to(random)),
        1 => Condition::Compare(place.clone(), ["<", "<=", ">", ">="][random.below(4)], operand_of(random)),
        2 => {
            let many = random.below(4);
            Condition::In(place.clone(), (0..many).map(|_| equal_to(random)).collect(), negated)
        }
        3 => {
            let (low, high) = (operand_of(random), operand_of(random));
            if low.as_str().is_some() == high.as_str().is_some() {
                Condition::Between(place, low, high, negated)
            } else {
                Condition::Null(place)
            }
        }
        4 if !is_number => Condition::Part(place, part(random), negated),
        5 => Condition::Nan(place),
        6 => Condition::Null(place),
        // ModelDB does not search it.
        _ if place == Place::Builtin("version_number") => Condition::Nan(place),
        _ => {
            let operator = Operator::from_number(random.below(10) as i32).unwrap();
            let value = match operator {
                Operator::Contain | Operator::NotContain if is_number => return Condition::Nan(place),
                Operator::Contain | Operator::NotContain => part(random).into(),
                Operator::In | Operator::NotIn => {
                    let many = random.below(4);
                    Value::List((0..many).map(|_| equal_to(random)).collect())
                }
                Operator::Eq | Operator::Ne => equal_to(random),
                _ => operand_of(random),
            };
            Condition::Predicate(place.clone(), operator, value)
        }
    }
}

fn order(random: &mut Random) -> (Place, bool, bool) {
    let of_run = |random: &mut Random| match random.below(2) {
        0 => builtin(random, &NUMBER_BUILTINS),
        // The name of the experiment is nothing to sort by.
        _ => builtin(random, &TEXT_BUILTINS[..7]),
    };
    let place = if random.percent(70) { container(random) } else { of_run(random) };
    (place, random.percent(50), random.percent(30))
}

/// Asks both the same. Answers how many were found.
fn ask(random: &mut Random, both: &Both) -> usize {
    let (sequence, world) = random.pick(&both.past);
    let condition = condition(random, world, 3);
    let orders: Vec<_> = (0..random.below(3)).map(|_| order(random)).collect();
    let read = both.bench.store.read().as_of(*sequence).unwrap();
    let mut found: Find<Run> = read.runs().find(condition.filter()).unwrap();
    let mut expected: Vec<&PlainRun> =
        world.runs.iter().rev().filter(|run| world.is_visible(run) && world.holds(run, &condition)).collect();
    if random.percent(25) {
        let project = random.below(world.projects.len());
        found = found.in_project(&world.projects[project].id.parse().unwrap());
        expected.retain(|run| world.experiments[run.experiment].project == project);
    }
    if random.percent(25) {
        let experiment = random.below(world.experiments.len());
        found = found.in_experiment(&world.experiments[experiment].id.parse().unwrap());
        expected.retain(|run| run.experiment == experiment);
    }
    if random.percent(15) {
        found = found.in_workspace("lab");
        expected.retain(|run| world.projects[world.experiments[run.experiment].project].workspace == "lab");
    }
    if random.percent(15) {
        let chosen: Vec<&PlainRun> = world.runs.iter().filter(|_| random.percent(40)).collect();
        found = found.among(chosen.iter().map(|run| run.id.parse::<RunId>().unwrap()));
        expected.retain(|run| chosen.iter().any(|chosen| chosen.id == run.id));
    }
    for (place, descending, nulls_first) in &orders {
        let order = if *descending { Order::descending(place.name()) } else { Order::ascending(place.name()) };
        found = found.order_by(if *nulls_first { order.nulls_first() } else { order });
    }
    // Stable, and newest first before.
    expected.sort_by(|a, b| {
        let differing = orders.iter().map(|order| world.order(a, b, order)).find(|order| order.is_ne());
        differing.unwrap_or(std::cmp::Ordering::Equal)
    });
    let expected: Vec<&str> = expected.into_iter().map(|run| run.id.as_str()).collect();
    let told = format!("as of {sequence}: {condition:?} {orders:?}");
    let ids: Vec<String> = found.ids().unwrap().map(|id| id.unwrap().to_string()).collect();
    assert_eq!(ids, expected, "{told}");
    let (number, limit) = (random.below(4), random.below(12));
    let page = found.page(number as u32, limit as u32).unwrap();
    let on_page: Vec<String> = page.items.into_iter().map(|run| run.id.to_string()).collect();
    let wanted: Vec<&str> = match (number, limit) {
        (0, _) | (_, 0) => expected.clone(),
        _ => expected.iter().copied().skip((number - 1) * limit).take(limit).collect(),
    };
    assert_eq!(
        (on_page, page.total),
        (wanted.into_iter().map(str::to_owned).collect(), expected.len() as u64),
        "{told}"
    );
    assert_eq!(found.count().unwrap(), expected.len() as u64, "{told}");
    let k = random.below(12);
    let top = found.top(k as u32).unwrap();
    let first: Vec<&str> = expected.iter().copied().take(if k == 0 { usize::MAX } else { k }).collect();
    assert_eq!(top.iter().map(|run| run.id.as_str()).collect::<Vec<_>>(), first, "{told}");
    assert_eq!(found.top_views(k as u32, |run| run.to_run()).unwrap(), top, "{told}");
    let limited: Vec<String> = found.clone().limit(k).ids().unwrap().map(|id| id.unwrap().to_string()).collect();
    assert_eq!(limited, expected[..k.min(expected.len())], "{told}");
    if random.percent(15) {
        super::pages::check(random, &found, &told);
    }
    if random.percent(20) {
        super::figures::check(random, &found, &told);
    }
    expected.len()
}

#[test]
fn random_searches_answer_what_a_plain_program_does() {
    let seed = seed(20_261_126);
    let _print = PrintSeed(seed);
    let mut random = Random::new(seed);
    let both = grow(&mut random);
    let (mut none, mut some) = (0, 0);
    for _ in 0..600 {
        match ask(&mut random, &both) {
            0 => none += 1,
            _ => some += 1,
        }
    }
    // Most searches are about something.
    assert!(some > 200 && none > 20, "{some} found something, {none} nothing");
    assert_eq!(both.bench.store.read().runs().find(Filter::all()).unwrap().count().unwrap() as usize, {
        both.world.runs.iter().filter(|run| both.world.is_visible(run)).count()
    });
}

/// Between changes, so that a search meets rows the filter index does not have yet, and blocks that are renewed.
#[test]
fn random_searches_between_changes_answer_what_a_plain_program_does() {
    let seed = seed(20_261_127);
    let _print = PrintSeed(seed);
    let mut random = Random::new(seed);
    let mut both = grow(&mut random);
    for _ in 0..150 {
        for _ in 0..random.below(5) {
            both.step(&mut random);
        }
        both.keep();
        for _ in 0..4 {
            ask(&mut random, &both);
        }
    }
}

/// Between changes, making blocks, purges, clean reopenings and crashes: blocks on the disk, overlays and records share
/// the rows.
#[test]
fn random_searches_between_upkeep_and_crashes_answer_what_a_plain_program_does() {
    let seed = seed(20_261_128);
    let _print = PrintSeed(seed);
    let mut random = Random::new(seed);
    let mut both = grow_in(Bench::on_disk(16, 8), &mut random);
    let mut blocks = 0;
    for round in 0..300 {
        for _ in 0..random.below(6) {
            both.step(&mut random);
        }
        match random.below(12) {
            0..=2 => both.bench.store.optimize().unwrap(),
            3 => assert!(both.bench.store.purge().unwrap().finished),
            4 => both.bench.reopen(None, round, 16, 8),
            5 => both.bench.reopen(Some(Keep::None), round, 16, 8),
            6 => both.bench.reopen(Some(Keep::Subset(round)), round, 16, 8),
            _ => {}
        }
        blocks += both.bench.store.stats().unwrap().filter_blocks;
        // What was purged is gone from the past as well.
        both.past.clear();
        both.keep();
        for _ in 0..4 {
            ask(&mut random, &both);
        }
    }
    assert!(blocks > 1000, "there were {blocks} blocks, on the whole");
}

/// While a thread makes blocks, and snapshots from before are asked as well.
#[test]
fn random_searches_beside_upkeep_answer_what_a_plain_program_does() {
    let seed = seed(20_261_129);
    let _print = PrintSeed(seed);
    let mut random = Random::new(seed);
    let clock = std::sync::Arc::new(modeldb::ManualClock::new(Timestamp::from_millis(super::START)));
    let options = Bench::options(&clock, 7).filter_rows(16, 8);
    let mut both = grow_in(Bench::filled(options.open_in_memory().unwrap(), clock, None), &mut random);
    for _ in 0..150 {
        let (held, before) = (both.bench.store.read(), both.world.clone());
        for _ in 0..random.below(5) {
            both.step(&mut random);
        }
        both.keep();
        for _ in 0..3 {
            ask(&mut random, &both);
        }
        let condition = condition(&mut random, &before, 2);
        let found = held.runs().find(condition.filter()).unwrap();
        let expected = before.runs.iter().filter(|run| before.is_visible(run) && before.holds(run, &condition));
        assert_eq!(found.count().unwrap(), expected.count() as u64, "{condition:?}");
    }
}

/// A hundred thousand filters, across blocks, overlays, changes of old rows, deletions, purges, reopenings and crashes:
/// the index finds what looking at each record finds. (That looking is right is what the plain program is for.)
#[test]
fn a_hundred_thousand_filters_find_what_looking_finds() {
    let seed = seed(20_261_130);
    let _print = PrintSeed(seed);
    let mut random = Random::new(seed);
    let mut both = grow_in(Bench::on_disk(64, 20), &mut random);
    let (mut asked, mut found_some) = (0, 0);
    for round in 0..50 {
        for _ in 0..random.below(8) {
            both.step(&mut random);
        }
        match round % 10 {
            0 | 5 => both.bench.store.optimize().unwrap(),
            3 => assert!(both.bench.store.purge().unwrap().finished),
            7 => both.bench.reopen(None, round, 64, 20),
            9 => both.bench.reopen(Some(Keep::Subset(round)), round, 64, 20),
            _ => {}
        }
        let runs: Vec<RunId> = both.world.runs.iter().map(|run| run.id.parse().unwrap()).collect();
        let looked = Looked::at(both.bench.store.read(), &runs);
        let all = looked.matching(&Filter::all());
        let visible = both.world.runs.iter().rev().filter(|run| both.world.is_visible(run));
        assert!(visible.map(|run| run.id.as_str()).eq(looked.ids(&all).iter().map(|id| id.as_str())));
        for _ in 0..2000 {
            let depth = random.below(2);
            let condition = condition(&mut random, &both.world, depth);
            let filter = condition.filter();
            let expected = looked.matching(&filter);
            let found = looked.read.runs().find(filter).unwrap();
            assert_eq!(found.count().unwrap(), expected.count(), "round {round}: {condition:?}");
            asked += 1;
            found_some += usize::from(expected.count() > 0);
            if random.percent(3) {
                let ids = found.ids().unwrap().map(|id| id.unwrap());
                assert!(ids.eq(looked.ids(&expected)), "round {round}: {condition:?}");
            }
        }
    }
    assert!(asked >= 100_000 && found_some > 20_000, "{asked} filters were asked, {found_some} found something");
}
