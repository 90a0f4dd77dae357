//! Random filters, asked of stores in every state that the filter index has: nothing but changes, blocks of few and of
//! many rows, overlays, deletions and restorations, purges, reopenings and crashes.
//!
//! What matches is found by looking at each record with [`modeldb::Filter::matches`], which is held against a plain
//! program elsewhere. A few hundred conditions are looked up so; random filters are made of them, and what matches
//! those is worked out from the answers. `MODELDB_SEED=<seed>` repeats a test.

mod asked;
pub(super) mod looking;
mod made;
mod sqlite;

use modeldb::RunId;
use modeldb::simulation::Keep;

use self::asked::{as_order, conditions, filter, order, sorted};
use self::looking::Looked;
use self::made::Made;
use crate::support::random::{PrintSeed, Random, printed_seed};

/// What was asked of a store.
#[derive(Debug, Default)]
struct Tally {
    filters: usize,
    found_some: usize,
    ordered: usize,
    walked: usize,
    figures: usize,
}

impl Tally {
    /// Asks filters of a snapshot.
    fn ask(&mut self, random: &mut Random, looked: &Looked, made: &Made, count: usize, told: &str) {
        let conditions = conditions(random, looked, 70.min(20 + count / 6));
        for _ in 0..count {
            let (filter, mut expected) = filter(random, &conditions, 3);
            let told = || format!("{told}: {filter:?}");
            // Of what the parts of a filter say the whole of it makes the same.
            if random.percent(5) && looked.len() > 0 {
                let place = random.below(looked.len());
                assert_eq!(looked.matches(&filter, place), expected.has(place), "{}", told());
            }
            let mut found = looked.read.runs().find(filter.clone()).unwrap();
            let (project, experiment) = random.pick(&made.experiments);
            match random.below(20) {
                0 => {
                    found = found.in_project(project);
                    expected = expected.and(&looked.which(|run| run.project_id == *project));
                }
                1 => {
                    found = found.in_experiment(experiment);
                    expected = expected.and(&looked.which(|run| run.experiment_id == *experiment));
                }
                _ => {}
            }
            self.filters += 1;
            self.found_some += usize::from(expected.count() > 0);
            assert_eq!(found.count().unwrap(), expected.count(), "{}", told());
            if random.percent(96) {
                continue;
            }
            let orders: Vec<_> = (0..random.below(3)).map(|_| order(random)).collect();
            let found = orders.iter().fold(found, |found, order| found.order_by(as_order(order)));
            let told = format!("{} by {orders:?}", told());
            let expected: Vec<&RunId> =
                sorted(looked, &expected, &orders).into_iter().map(|place| &looked.run(place).id).collect();
            let (number, limit) = (1 + random.below(4), 1 + random.below(30));
            let page = found.page_ids(number as u32, limit as u32).unwrap();
            assert_eq!(page.total, expected.len() as u64, "{told}");
            assert!(page.items.iter().eq(expected.iter().copied().skip((number - 1) * limit).take(limit)), "{told}");
            let top = found.top(limit as u32).unwrap();
            assert!(top.iter().map(|run| &run.id).eq(expected.iter().copied().take(limit)), "{told}");
            self.ordered += 1;
            // These read each run that is found.
            if random.percent(if expected.len() > 300 { 3 } else { 25 }) {
                let whole = found.page_ids(0, 0).unwrap();
                assert!(whole.items.iter().eq(expected.iter().copied()), "{told}");
                super::pages::check(random, &found, &told);
                self.walked += 1;
            }
            if random.percent(if expected.len() > 300 { 3 } else { 25 }) {
                super::figures::check(random, &found, &told);
                self.figures += 1;
            }
        }
    }
}

/// How a store is made and asked.
struct Plan {
    /// Of a block, and of the tail.
    rows: (u32, u64),
    runs: usize,
    rounds: usize,
    /// In each round.
    filters: usize,
    optimize: bool,
    own_tags: bool,
}

fn ask_all(test: &str, seed: u64, plan: &Plan) -> Tally {
    let seed = printed_seed(test, seed);
    let _print = PrintSeed(seed);
    let mut random = Random::new(seed);
    let mut made = Made::new(plan.rows, plan.own_tags);
    made.grow(&mut random, plan.runs);
    let mut tally = Tally::default();
    let mut blocks = 0;
    let mut held: Option<Looked> = None;
    for round in 0..plan.rounds {
        for _ in 0..random.below(40) {
            made.change(&mut random);
        }
        if round % 4 == 0 {
            made.restore_parents();
        }
        if plan.optimize && round % 3 == 1 {
            made.bench.store.optimize().unwrap();
            // What is changed from here on is in overlays, or in none.
            for _ in 0..random.below(12) {
                made.change(&mut random);
            }
        }
        // The blocks that a purge makes anew are lost in a crash right behind it.
        if [3, 6, 7].contains(&(round % 8)) {
            made.restore_projects();
            assert!(made.bench.store.purge().unwrap().finished);
        }
        let crash = match round % 8 {
            5 => Some(None),
            6 => Some(Some(Keep::Subset(round as u64))),
            7 => Some(Some(Keep::None)),
            _ => None,
        };
        if let Some(keep) = crash {
            held = None;
            made.reopen(keep, round as u64);
        }
        blocks += made.bench.store.stats().unwrap().filter_blocks;
        let looked = Looked::at(made.bench.store.read(), &made.runs);
        tally.ask(&mut random, &looked, &made, plan.filters, &format!("round {round}"));
        // One from before the last changes, blocks and purges.
        if let Some(held) = &held {
            tally.ask(&mut random, held, &made, plan.filters / 10, &format!("before round {round}"));
        }
        held = Some(looked);
    }
    println!("{test}: {} runs, {blocks} blocks on the whole, {tally:?}", made.runs.len());
    assert_eq!(blocks > 0, plan.optimize);
    assert!(tally.found_some * 3 > tally.filters, "many filters find something: {tally:?}");
    tally
}

#[test]
fn filters_without_blocks_find_what_looking_finds() {
    let plan = Plan { rows: (65_536, 1 << 40), runs: 240, rounds: 24, filters: 1200, optimize: false, own_tags: false };
    let tally = ask_all("without blocks", 20_261_201, &plan);
    assert!(tally.filters > 28_000 && tally.ordered > 500, "{tally:?}");
}

#[test]
fn filters_on_blocks_of_sixteen_find_what_looking_finds() {
    let plan = Plan { rows: (16, 8), runs: 260, rounds: 24, filters: 800, optimize: true, own_tags: false };
    let tally = ask_all("blocks of 16", 20_261_202, &plan);
    assert!(tally.filters > 19_000 && tally.ordered > 300, "{tally:?}");
}

#[test]
fn filters_on_blocks_of_a_hundred_find_what_looking_finds() {
    let plan = Plan { rows: (100, 40), runs: 700, rounds: 24, filters: 1000, optimize: true, own_tags: false };
    let tally = ask_all("blocks of 100", 20_261_203, &plan);
    assert!(tally.filters > 24_000 && tally.ordered > 500, "{tally:?}");
}

/// Each run has tags of its own, so that a block has more of them than it lists.
#[test]
fn filters_on_a_whole_block_find_what_looking_finds() {
    let plan = Plan { rows: (65_536, 200), runs: 1000, rounds: 16, filters: 1800, optimize: true, own_tags: true };
    let tally = ask_all("a block of 65,536", 20_261_204, &plan);
    assert!(tally.filters > 28_000 && tally.ordered > 500, "{tally:?}");
}

/// More runs than a block lists texts: of some fields it lists some and hashes the others, of others it hashes all; and
/// long columns have parts of their order as sets.
#[test]
fn filters_on_more_texts_than_are_listed_find_what_looking_finds() {
    let plan = Plan { rows: (65_536, 200), runs: 9600, rounds: 3, filters: 300, optimize: true, own_tags: false };
    let tally = ask_all("more texts than are listed", 20_261_205, &plan);
    assert!(tally.filters >= 900, "{tally:?}");
}
