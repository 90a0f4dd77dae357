//! Writers that keep an invariant, readers that look for a moment without it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use modeldb::simulation::SimulatedDisk;
use modeldb::{ErrorKind, ExperimentId, NewRun, Run, RunId, Sequence, Snapshot, Store, Value};

use super::{experiments, join};
use crate::support::random::{PrintSeed, Random, seed};

const WRITERS: usize = 4;
const READERS: usize = 3;
const EACH: usize = 250;

/// A snapshot, and what it showed when it was taken.
type Held = (Snapshot, [BTreeMap<String, Run>; 2], Sequence);

/// The runs of an experiment by name.
fn runs(snapshot: &Snapshot, experiment: &ExperimentId) -> BTreeMap<String, Run> {
    let listed = snapshot.runs().list(experiment).unwrap();
    listed.into_iter().map(|run| run.unwrap()).map(|run| (run.name.clone(), run)).collect()
}

fn sum(run: &Run) -> i64 {
    run.metrics.iter().map(|metric| metric.value.as_i64().unwrap()).sum()
}

/// Each write creates a pair of runs, one in each experiment and made from the other, or logs the same metric on both
/// of a pair, or gives both the same description or comment, or deletes both. So in every snapshot both experiments
/// hold the same.
fn check(snapshot: &Snapshot, experiments: &[ExperimentId]) -> usize {
    let left = runs(snapshot, &experiments[0]);
    let right = runs(snapshot, &experiments[1]);
    assert!(left.keys().eq(right.keys()), "a pair is torn as of {}", snapshot.sequence());
    for (a, b) in left.values().zip(right.values()) {
        assert_eq!(a.description, b.description);
        assert_eq!(a.metrics, b.metrics);
        assert_eq!(sum(a), sum(b));
        assert_eq!(a.version_number, b.version_number);
        let comments = |run: &Run| -> Vec<String> {
            snapshot.comments().list(&run.id).unwrap().into_iter().map(|comment| comment.message).collect()
        };
        assert_eq!(comments(a), comments(b));
        assert_eq!(snapshot.lineage().inputs(&b.id).unwrap(), [modeldb::LineageEntry::from(&a.id)]);
        // Found by name and id as well, through the same snapshot.
        assert_eq!(&snapshot.runs().get_by_name(&experiments[0], &a.name).unwrap(), a);
        assert_eq!(&snapshot.runs().get(&b.id).unwrap(), b);
    }
    left.len()
}

fn write_pairs(store: &Store, experiments: &[ExperimentId], writer: usize, random: &mut Random) -> u64 {
    let mut pairs: Vec<(RunId, RunId)> = Vec::new();
    let mut made = 0;
    for number in 0..EACH {
        let choice = if pairs.is_empty() { 0 } else { random.below(8) };
        if choice < 3 && pairs.len() < 12 {
            let name = format!("{writer} {number}");
            let pair = store.write(|w| {
                let a = w.runs().create(&experiments[0], NewRun::named(name.clone()))?;
                let b = w.runs().create(&experiments[1], NewRun::named(name.clone()))?;
                w.lineage().add([&a], [&b])?;
                Ok((a, b))
            });
            pairs.push(pair.unwrap());
        } else {
            let at = random.below(pairs.len());
            let (a, b) = pairs[at].clone();
            let amount = random.between(-1_000, 1_000);
            let result = store.write(|w| {
                for run in [&a, &b] {
                    match choice {
                        3 => w.runs().describe(run, format!("{number}"))?,
                        4 => w.runs().delete(run)?,
                        5 => drop(w.comments().add(run, format!("{number}"))?),
                        _ => w.runs().log_metric(run, format!("m{number}"), amount)?,
                    }
                }
                // Sometimes it is taken back after all.
                if amount % 10 == 0 { Err(modeldb::Error::new(ErrorKind::Conflict, "no")) } else { Ok(()) }
            });
            match result {
                Ok(()) if choice == 4 => drop(pairs.swap_remove(at)),
                Ok(()) => {}
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
                    continue;
                }
            }
        }
        made += 1;
    }
    made
}

#[test]
fn every_snapshot_keeps_what_every_write_keeps() {
    let seed = seed(99);
    let _print = PrintSeed(seed);
    let disk = SimulatedDisk::new();
    let store = Store::options().open_simulated(&disk).unwrap();
    let experiments = Arc::new(experiments(&store, 2));
    let stop = Arc::new(AtomicBool::new(false));
    let snapshots = Arc::new(AtomicU64::new(0));
    let readers: Vec<_> = (0..READERS)
        .map(|reader| {
            let (store, experiments, stop) = (store.clone(), experiments.clone(), stop.clone());
            let snapshots = snapshots.clone();
            let mut random = Random::new(seed ^ 0xff00 ^ reader as u64);
            thread::spawn(move || {
                let mut held: Vec<Held> = Vec::new();
                let mut last = Sequence::ZERO;
                while !stop.load(Ordering::SeqCst) {
                    let snapshot = store.read();
                    assert!(snapshot.sequence() >= last, "a thread never reads backwards");
                    last = snapshot.sequence();
                    check(&snapshot, &experiments);
                    snapshots.fetch_add(1, Ordering::SeqCst);
                    assert_eq!(snapshot.commit(last).unwrap().sequence, last);
                    assert_eq!(snapshot.commit(last.next()).unwrap_err().kind(), ErrorKind::NotFound);
                    // Any moment before keeps it too.
                    let earlier = Sequence::new(1 + random.below(last.get() as usize) as u64);
                    check(&snapshot.as_of(earlier).unwrap(), &experiments);
                    // One that is held never changes.
                    if held.len() < 4 {
                        let seen = [runs(&snapshot, &experiments[0]), runs(&snapshot, &experiments[1])];
                        held.push((snapshot, seen, last));
                    } else {
                        let (snapshot, seen, at) = held.swap_remove(random.below(held.len()));
                        assert_eq!(snapshot.sequence(), at);
                        assert_eq!(runs(&snapshot, &experiments[0]), seen[0]);
                        assert_eq!(runs(&snapshot, &experiments[1]), seen[1]);
                        // And a later one says the same of that moment.
                        let later = store.read().as_of(at).unwrap();
                        assert_eq!(runs(&later, &experiments[0]), seen[0]);
                    }
                }
            })
        })
        .collect();
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let (store, experiments) = (store.clone(), experiments.clone());
            let mut random = Random::new(seed ^ writer as u64);
            thread::spawn(move || write_pairs(&store, &experiments, writer, &mut random))
        })
        .collect();
    let made: u64 = writers.into_iter().map(|writer| join(writer, "a writer")).sum();
    stop.store(true, Ordering::SeqCst);
    readers.into_iter().for_each(|reader| join(reader, "a reader"));
    assert_eq!(store.read().sequence().get(), 1 + made);
    let live = check(&store.read(), &experiments);
    assert!(store.audit().verify().unwrap().is_intact());
    println!("{made} commits, {live} pairs left, {} snapshots read", snapshots.load(Ordering::SeqCst));
    assert!(snapshots.load(Ordering::SeqCst) > 0);
    store.close().unwrap();
    drop(store);
    let store = Store::options().open_simulated(&disk).unwrap();
    assert_eq!(check(&store.read(), &experiments), live);
}

/// All threads move amounts between the same few runs; a run is replaced by one with the new balance. The total
/// stays, and no amount is lost to a write that came in between.
#[test]
fn the_total_of_transfers_stays() {
    const RUNS: usize = 6;
    const TOTAL: i64 = 6_000;
    let seed = seed(5);
    let _print = PrintSeed(seed);
    let store = Store::in_memory().unwrap();
    let experiment = experiments(&store, 1).remove(0);
    store
        .write(|w| {
            for number in 0..RUNS {
                w.runs()
                    .create(&experiment, NewRun::named(format!("{number}")).metric("balance", TOTAL / RUNS as i64))?;
            }
            Ok(())
        })
        .unwrap();
    fn balance(run: &Run) -> i64 {
        run.metrics.get("balance").and_then(Value::as_i64).unwrap()
    }
    let total = |snapshot: &Snapshot| -> i64 {
        let runs = runs(snapshot, &experiment);
        assert_eq!(runs.len(), RUNS);
        runs.values().map(balance).sum()
    };
    thread::scope(|scope| {
        for writer in 0..4_u64 {
            let (store, experiment) = (&store, &experiment);
            scope.spawn(move || {
                let mut random = Random::new(seed ^ writer);
                for _ in 0..100 {
                    let from = random.below(RUNS);
                    let to = (from + 1 + random.below(RUNS - 1)) % RUNS;
                    let amount = random.between(1, 50);
                    store
                        .write(|w| {
                            for (number, change) in [(from, -amount), (to, amount)] {
                                // Inside the write, the present is seen: also what others of the group did.
                                let name = number.to_string();
                                let old = w.runs().get_or_create(experiment, &name)?;
                                let old_balance = balance(&w.runs().get(&old)?);
                                w.runs().delete(&old)?;
                                let new = NewRun::named(name).metric("balance", old_balance + change);
                                w.runs().create(experiment, new)?;
                            }
                            Ok(())
                        })
                        .unwrap();
                }
            });
        }
        for _ in 0..30 {
            assert_eq!(total(&store.read()), TOTAL);
        }
    });
    let last = store.read();
    assert_eq!(last.sequence(), Sequence::new(402));
    for at in (2..=402).step_by(7) {
        assert_eq!(total(&last.as_of(Sequence::new(at)).unwrap()), TOTAL);
    }
}
