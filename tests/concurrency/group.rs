//! Group commit: writers that wait share a transaction, and nobody is hurt by who fails in it.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use modeldb::simulation::{Fault, SimulatedDisk};
use modeldb::{Error, ErrorKind, NewRun, Once, RunId, Sequence, Store};

use super::{Gate, experiments, gather, join};
use crate::support::random::{PrintSeed, Random, seed};

/// What became of one write.
enum Fate {
    Made(RunId, Sequence),
    Failed,
}

/// Writers of which some fail or panic after they have created a run: the rest get ids, rows and sequences as if
/// those had never been.
#[test]
fn writes_that_fail_in_a_group_leave_no_trace_and_no_hole() {
    let seed = seed(7);
    let _print = PrintSeed(seed);
    let disk = SimulatedDisk::new();
    let store = Store::options().open_simulated(&disk).unwrap();
    let experiment = experiments(&store, 1).remove(0);
    let mut made = Vec::new();
    let mut failed = 0;
    for round in 0..12 {
        let syncs = disk.counts().syncs;
        let gate = Gate::close(&store);
        let writers: Vec<_> = (0..12)
            .map(|writer| {
                let (store, experiment) = (store.clone(), experiment.clone());
                let mut random = Random::new(seed ^ (round << 8) ^ writer);
                thread::spawn(move || {
                    let end = random.below(4);
                    let result = catch_unwind(AssertUnwindSafe(|| {
                        store.write(|w| {
                            // The same name in each round, and from each that fails: nothing of theirs is in the way.
                            let name = if end < 2 { format!("{round} {writer}") } else { "taken back".to_owned() };
                            let key = format!("key {end} {}", random.below(30));
                            let run = w.runs().create(&experiment, NewRun::named(name).metric(key, 1))?;
                            w.runs().add_tags(&run, ["t"])?;
                            match end {
                                2 => Err(Error::new(ErrorKind::Conflict, "no")),
                                3 => resume_unwind(Box::new("a wanted panic")),
                                _ => Ok((run, w.sequence())),
                            }
                        })
                    }));
                    match (result, end) {
                        (Ok(Ok((run, sequence))), 0 | 1) => {
                            // What is acknowledged can be read.
                            assert!(store.read().sequence() >= sequence);
                            assert!(store.read().runs().get(&run).is_ok());
                            Fate::Made(run, sequence)
                        }
                        (Ok(Err(error)), 2) if error.kind() == ErrorKind::Conflict => Fate::Failed,
                        (Err(_), 3) => Fate::Failed,
                        (result, _) => panic!("{result:?}"),
                    }
                })
            })
            .collect();
        gather();
        gate.open();
        let before = made.len();
        for writer in writers {
            match join(writer, "a writer") {
                Fate::Made(run, sequence) => made.push((sequence, run)),
                Fate::Failed => failed += 1,
            }
        }
        println!("{} writes with {} syncs", made.len() - before, disk.counts().syncs - syncs);
    }
    assert!(failed > 0 && !made.is_empty());
    made.sort();
    let sequences: Vec<u64> = made.iter().map(|(sequence, _)| sequence.get()).collect();
    assert_eq!(sequences, (2..2 + made.len() as u64).collect::<Vec<_>>(), "sequences without holes");
    for store in [&store, &{
        let copy = SimulatedDisk::new();
        disk.names().iter().for_each(|name| copy.set_bytes(name, disk.bytes(name).unwrap()));
        Store::options().open_simulated(&copy).unwrap()
    }] {
        let snapshot = store.read();
        let listed = snapshot.runs().list(&experiment).unwrap();
        let listed: Vec<RunId> = listed.into_iter().map(|run| run.unwrap().id).collect();
        // Rows follow sequences.
        assert!(listed.iter().eq(made.iter().map(|(_, run)| run)));
        assert_eq!(store.stats().unwrap().runs, made.len() as u64);
        for (sequence, run) in &made {
            let commit = snapshot.commit(*sequence).unwrap();
            let names: Vec<&str> = commit.operations.iter().map(|operation| operation.name.as_str()).collect();
            assert_eq!(names, ["run.create", "run.add_tags"]);
            let changes: Vec<_> = snapshot.changes(*sequence).unwrap().map(|change| change.unwrap().unwrap()).collect();
            assert!(changes.iter().all(|change| change.entity.as_str() == run.as_str()));
            let run = snapshot.runs().get(run).unwrap();
            assert!(
                run.metrics.iter().all(|metric| metric.key.starts_with("key 0") || metric.key.starts_with("key 1"))
            );
        }
        let taken_back = snapshot.runs().get_by_name(&experiment, "taken back");
        assert_eq!(taken_back.unwrap_err().kind(), ErrorKind::NotFound);
        assert!(store.audit().verify().unwrap().is_intact());
    }
}

#[test]
fn a_repeated_write_runs_once_in_a_group() {
    let store = Store::in_memory().unwrap();
    let experiment = experiments(&store, 1).remove(0);
    for round in 0..10 {
        let ran = std::sync::Arc::new(AtomicUsize::new(0));
        let id = format!("request {round}");
        let gate = Gate::close(&store);
        let writers: Vec<_> = (0..8)
            .map(|writer| {
                let (store, experiment, ran, id) = (store.clone(), experiment.clone(), ran.clone(), id.clone());
                thread::spawn(move || {
                    let once = store
                        .write_once(&id, |w| {
                            ran.fetch_add(1, Ordering::SeqCst);
                            w.runs().create(&experiment, NewRun::named(format!("{round} {writer}")))
                        })
                        .unwrap();
                    // Also the answer to a repeated one comes when it is durable and to be seen.
                    assert!(store.read().sequence() >= once.sequence());
                    assert_eq!(store.outcome(&id).unwrap(), Some(once.sequence()));
                    assert!(store.watch(Sequence::ZERO).try_next().unwrap().is_some());
                    once
                })
            })
            .collect();
        gather();
        gate.open();
        let all: Vec<Once<RunId>> = writers.into_iter().map(|writer| join(writer, "a writer")).collect();
        assert_eq!(ran.load(Ordering::SeqCst), 1);
        assert_eq!(all.iter().filter(|once| matches!(once, Once::Done { .. })).count(), 1);
        assert!(all.iter().all(|once| once.sequence() == Sequence::new(2 + round)));
    }
    assert_eq!(store.read().runs().list(&experiment).unwrap().count().unwrap(), 10);
}

/// The first with the id fails, so the next one runs.
#[test]
fn a_failed_write_does_not_use_its_id_up() {
    let store = Store::in_memory().unwrap();
    let experiment = experiments(&store, 1).remove(0);
    let tries = std::sync::Arc::new(AtomicUsize::new(0));
    let gate = Gate::close(&store);
    let writers: Vec<_> = (0..6)
        .map(|_| {
            let (store, experiment, tries) = (store.clone(), experiment.clone(), tries.clone());
            thread::spawn(move || {
                store.write_once("id", |w| {
                    w.runs().create(&experiment, NewRun::named("one"))?;
                    match tries.fetch_add(1, Ordering::SeqCst) {
                        0..=2 => Err(Error::new(ErrorKind::Conflict, "not yet")),
                        _ => Ok(()),
                    }
                })
            })
        })
        .collect();
    gather();
    gate.open();
    let all: Vec<_> = writers.into_iter().map(|writer| join(writer, "a writer")).collect();
    assert_eq!(tries.load(Ordering::SeqCst), 4);
    assert_eq!(all.iter().filter(|result| result.is_err()).count(), 3);
    assert_eq!(all.iter().filter(|result| matches!(result, Ok(Once::Done { .. }))).count(), 1);
    assert_eq!(all.iter().filter(|result| matches!(result, Ok(Once::Repeated { .. }))).count(), 2);
}

/// A write that changes nothing is answered only when the writes it saw are durable.
#[test]
fn a_group_that_cannot_be_committed_is_told_to_each_of_its_writes() {
    let disk = SimulatedDisk::new();
    let store = Store::options().open_simulated(&disk).unwrap();
    let experiment = experiments(&store, 1).remove(0);
    let gate = Gate::close(&store);
    let writers: Vec<_> = (0..6)
        .map(|writer| {
            let (store, experiment) = (store.clone(), experiment.clone());
            thread::spawn(move || {
                store.write(|w| w.runs().create(&experiment, NewRun::named(format!("{writer}"))).map(|_| ()))
            })
        })
        .collect();
    gather();
    disk.set_fault(Some(Fault::FromOn(0)));
    gate.open();
    for writer in writers {
        let error = join(writer, "a writer").unwrap_err();
        let kinds = [ErrorKind::CommitUnknown, ErrorKind::Poisoned, ErrorKind::Io];
        assert!(kinds.contains(&error.kind()), "{error}");
    }
    assert_eq!(store.read().sequence(), Sequence::new(1), "what failed is not to be seen");
    assert_eq!(store.write(|_| Ok(())).unwrap_err().kind(), ErrorKind::Poisoned);
}

/// The disk fails while one write of a group is applied, and another already waits for the writer: those who are
/// in the group are told.
#[test]
fn nobody_waits_for_a_group_in_which_storage_failed() {
    for round in 0..20 {
        let disk = SimulatedDisk::new();
        // Without a cache, applying a write reads from the disk.
        let store = Store::options().cache_bytes(0).open_simulated(&disk).unwrap();
        let experiment = experiments(&store, 1).remove(0);
        for batch in 0..4 {
            let new = (0..200).map(|number| NewRun::named(format!("{batch} {number}")).description("d".repeat(300)));
            store.write(|w| w.runs().create_many(&experiment, new)).unwrap();
        }
        let gate = Gate::close(&store);
        let writers: Vec<_> = (0..6)
            .map(|writer| {
                let (store, experiment, disk) = (store.clone(), experiment.clone(), disk.clone());
                let handle = thread::spawn(move || {
                    store.write(|w| {
                        w.runs().create(&experiment, NewRun::named(format!("{writer}")))?;
                        if writer == 2 {
                            disk.set_fault(Some(Fault::FromOn(round % 4)));
                        }
                        Ok(())
                    })
                });
                // One after the other, so that the third is in the middle.
                thread::sleep(std::time::Duration::from_millis(4));
                handle
            })
            .collect();
        gather();
        gate.open();
        for (number, writer) in writers.into_iter().enumerate() {
            let result = join(writer, &format!("writer {number} in round {round}"));
            assert!(result.is_err(), "writer {number} in round {round} was acknowledged");
        }
        disk.set_fault(None);
        assert_eq!(store.write(|_| Ok(())).unwrap_err().kind(), ErrorKind::Poisoned);
        // Whatever it says, it ends.
        let _ = store.close();
    }
}
