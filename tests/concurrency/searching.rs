//! Searches beside writers that keep a count, while blocks of the filter index are made: each snapshot answers of
//! itself, whatever was published, changed, made or purged meanwhile.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use modeldb::{Entity, ExperimentId, Filter, KeyValue, NewRun, RunId, SeededEntropy, Snapshot, Store, Subject};

use super::{experiments, join};
use crate::support::random::{PrintSeed, Random, seed};

const READERS: u64 = 3;
/// Runs that are there in every snapshot, half of them with what is asked for.
const RUNS: usize = 90;
const COMMITS: usize = 700;

/// What each commit keeps the count of: it moves a sign, a tag and a text from one run to another, or deletes a run
/// and creates one like it.
const ASKED: [&str; 4] =
    ["attributes.x >= 0", "tags contains 'in'", "not (attributes.x < 0)", "attributes.kind = 'in' or attributes.x > 9"];

fn run(is_in: bool) -> NewRun {
    let run = NewRun::new().tag("all");
    if is_in { run.attribute("x", 1).attribute("kind", "in").tag("in") } else { run.attribute("x", -1) }
}

/// The runs that a writer knows to be in, and out.
type Sides = [Vec<RunId>; 2];

fn create(store: &Store, experiment: &ExperimentId) -> Sides {
    [true, false]
        .map(|is_in| store.write(|w| w.runs().create_many(experiment, (0..RUNS / 2).map(|_| run(is_in)))).unwrap())
}

/// Changes a pair of runs in one commit.
fn change(random: &mut Random, store: &Store, experiment: &ExperimentId, sides: &mut Sides) {
    let [one, other] = [0, 1].map(|side| random.below(sides[side].len()));
    let [was_in, was_out] = [sides[0][one].clone(), sides[1][other].clone()];
    if random.percent(30) {
        let side = random.below(2);
        let old = [was_in, was_out][side].clone();
        let new = store.write(|w| {
            w.runs().delete(&old)?;
            w.runs().create(experiment, run(side == 0))
        });
        sides[side][[one, other][side]] = new.unwrap();
        return;
    }
    let x = random.between(0, 9);
    let moved = store.write(|w| {
        w.runs().set_attributes(&was_in, [KeyValue::new("x", -1 - x)])?;
        w.runs().delete_attributes(&was_in, ["kind"])?;
        w.runs().delete_tags(&was_in, ["in"])?;
        w.runs().set_attributes(&was_out, [KeyValue::new("x", x), KeyValue::new("kind", "in")])?;
        w.runs().add_tags(&was_out, ["in"])
    });
    moved.unwrap();
    (sides[0][one], sides[1][other]) = (was_out, was_in);
}

/// What a snapshot answers is what its records say, and what every snapshot says. Answers the sequence.
fn check(random: &mut Random, snapshot: &Snapshot, experiments: &[ExperimentId]) -> u64 {
    let text = *random.pick(&ASKED);
    let at = snapshot.sequence();
    let filter = Filter::parse(text).unwrap();
    let found = snapshot.runs().find(filter.clone()).unwrap();
    assert_eq!(found.count().unwrap(), 2 * (RUNS / 2) as u64, "{text} as of {at}");
    let mut expected = BTreeSet::new();
    for experiment in experiments {
        for run in snapshot.runs().list(experiment).unwrap() {
            let (id, entity) = run.map(|run| (run.id.clone(), Entity::Run(run))).unwrap();
            if filter.matches(Subject::new(&entity)) {
                expected.insert(id);
            }
        }
    }
    let page = found.page_ids(0, 0).unwrap();
    assert_eq!(page.total as usize, page.items.len(), "{text} as of {at}");
    assert_eq!(page.items.into_iter().collect::<BTreeSet<_>>(), expected, "{text} as of {at}");
    let facets = found.facets("tags").unwrap();
    assert_eq!(facets.total as usize, expected.len(), "{text} as of {at}");
    at.get()
}

fn search_beside_writers(background: bool) {
    let seed = seed(20_261_231);
    let _print = PrintSeed(seed);
    let options = Store::options().entropy(SeededEntropy::new(seed)).filter_rows(16, 8).background(background);
    let store = options.open_in_memory().unwrap();
    let experiments = Arc::new(experiments(&store, 2));
    let sides = experiments.iter().map(|experiment| create(&store, experiment)).collect::<Vec<_>>();
    let (writing, made) = (Arc::new(AtomicUsize::new(sides.len())), Arc::new(AtomicU64::new(0)));
    let seen = Arc::new(Mutex::new(BTreeSet::new()));
    let mut threads = Vec::new();
    for (number, mut sides) in sides.into_iter().enumerate() {
        let (store, experiments, writing) = (store.clone(), Arc::clone(&experiments), Arc::clone(&writing));
        let mut random = Random::new(seed ^ number as u64);
        threads.push(thread::spawn(move || {
            (0..COMMITS).for_each(|_| change(&mut random, &store, &experiments[number], &mut sides));
            writing.fetch_sub(1, Ordering::SeqCst);
        }));
    }
    {
        let (store, writing, made) = (store.clone(), Arc::clone(&writing), Arc::clone(&made));
        threads.push(thread::spawn(move || {
            while writing.load(Ordering::SeqCst) > 0 {
                if !background {
                    store.optimize().unwrap();
                }
                let rounds = made.fetch_add(1, Ordering::SeqCst);
                if rounds % 4 == 3 {
                    store.purge().unwrap();
                }
                thread::yield_now();
            }
        }));
    }
    for number in 0..READERS {
        let (store, experiments) = (store.clone(), Arc::clone(&experiments));
        let (writing, seen) = (Arc::clone(&writing), Arc::clone(&seen));
        let mut random = Random::new(!seed ^ number);
        threads.push(thread::spawn(move || {
            let mut held: Vec<Snapshot> = Vec::new();
            while writing.load(Ordering::SeqCst) > 0 {
                let snapshot = store.read();
                let at = check(&mut random, &snapshot, &experiments);
                seen.lock().unwrap().insert(at);
                // One that others have made blocks and purged behind.
                if held.len() < 4 {
                    held.push(snapshot);
                } else {
                    let held = held.swap_remove(random.below(4));
                    check(&mut random, &held, &experiments);
                }
            }
            for held in &held {
                check(&mut random, held, &experiments);
            }
        }));
    }
    threads.into_iter().for_each(|thread| join(thread, "a thread"));
    store.optimize().unwrap();
    check(&mut Random::new(seed), &store.read(), &experiments);
    let (seen, made) = (seen.lock().unwrap().len(), made.load(Ordering::SeqCst));
    println!("background {background}: {seen} of {} commits were searched, in {made} rounds of upkeep", 2 * COMMITS);
    assert!(store.stats().unwrap().filter_blocks > 10 && seen > 20);
}

#[test]
fn each_snapshot_answers_of_itself_while_blocks_are_made() {
    search_beside_writers(false);
}

#[test]
fn each_snapshot_answers_of_itself_beside_the_thread_that_makes_blocks() {
    search_beside_writers(true);
}

/// Somebody who writes without end does not keep `optimize` from its own.
#[test]
fn optimizing_ends_while_others_write() {
    const MOST: usize = 20_000;
    let store = Store::options().entropy(SeededEntropy::new(7)).filter_rows(16, 8).background(false);
    let store = store.open_in_memory().unwrap();
    let experiment = experiments(&store, 1).remove(0);
    store.write(|w| w.runs().create_many(&experiment, (0..60).map(|_| run(true)))).unwrap();
    let ended = Arc::new(AtomicBool::new(false));
    let writer = {
        let (store, ended) = (store.clone(), Arc::clone(&ended));
        thread::spawn(move || {
            let mut written = 0;
            while written < MOST && !ended.load(Ordering::SeqCst) {
                store.write(|w| w.runs().create(&experiment, run(false))).unwrap();
                written += 1;
            }
            written
        })
    };
    store.optimize().unwrap();
    ended.store(true, Ordering::SeqCst);
    let written = join(writer, "the writer");
    println!("{written} runs were created meanwhile, {} blocks were made", store.stats().unwrap().filter_blocks);
    assert!(written < MOST);
    assert_eq!(store.read().runs().find(ASKED[0]).unwrap().count().unwrap(), 60);
}
