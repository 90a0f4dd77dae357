//! Every call of the disk failing, once and from then on: typed errors, a poisoned handle, and after a clean
//! reopening what was acknowledged.

use std::error::Error as _;
use std::sync::{Arc, Barrier, Mutex};

use modeldb::simulation::{Fault, SimulatedDisk};
use modeldb::{Error, ErrorKind, ManualClock, NewRun, PurgeOptions, RunId, Sequence, Store, Timestamp};

use super::model::{Model, Op};
use super::workload::{History, Work, Workload, options};
use crate::support::random::printed_seed;

/// Writes whose outcome is known, made again on other disks.
pub(super) fn script(seed: u64, writes: usize) -> History {
    let mut workload = Workload::new(seed);
    for _ in 0..writes {
        workload.write_one();
    }
    workload.finish()
}

/// What a run of the script on a failing disk came to.
#[derive(Default)]
pub(super) struct Outcome {
    pub(super) acknowledged: u64,
    /// The kind of the error that ended it.
    pub(super) error: Option<ErrorKind>,
    /// That of the last error behind it.
    pub(super) cause: Option<ErrorKind>,
    /// It failed before the store was open.
    pub(super) opening: bool,
}

impl Outcome {
    fn fail(&mut self, error: &Error) {
        self.error = Some(error.kind());
        self.cause = Some(cause(error));
    }
}

/// The kind of the last of the crate's errors in the chain.
pub(super) fn cause(error: &Error) -> ErrorKind {
    let mut kind = error.kind();
    let mut source = error.source();
    while let Some(behind) = source {
        kind = behind.downcast_ref::<Error>().map_or(kind, Error::kind);
        source = behind.source();
    }
    kind
}

pub(super) fn is_of_the_disk(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::Io | ErrorKind::StorageFull | ErrorKind::Poisoned | ErrorKind::CommitUnknown)
}

/// Runs the script, closing and reopening in its middle, until something fails.
pub(super) fn run(script: &History, disk: &SimulatedDisk, cache: usize) -> Outcome {
    let clock = Arc::new(ManualClock::new(Timestamp::from_millis(0)));
    let mut outcome = Outcome::default();
    let half = script.works.len() / 2;
    for part in [&script.works[..half], &script.works[half..]] {
        let opened = options(1).clock(Arc::clone(&clock)).cache_bytes(cache).open_simulated(disk);
        let store = match opened {
            Ok(store) => store,
            Err(error) => {
                outcome.fail(&error);
                outcome.opening = true;
                return outcome;
            }
        };
        for (work, time) in part {
            clock.set(Timestamp::from_millis(*time));
            let done = match work {
                Work::Write(ops, once) => write(&store, ops, once.as_deref()).map(|()| outcome.acknowledged += 1),
                // One call makes all slices.
                Work::Slice { first: false, .. } => Ok(()),
                Work::Slice { .. } => purge(&store, &mut outcome.acknowledged),
            };
            match done {
                Ok(()) => {}
                Err(error) => {
                    outcome.fail(&error);
                    after_a_failure(script, &store, outcome.acknowledged);
                    return outcome;
                }
            }
        }
        if let Err(error) = store.close() {
            outcome.fail(&error);
            return outcome;
        }
    }
    outcome
}

fn write(store: &Store, ops: &[Op], once: Option<&str>) -> Result<(), Error> {
    let calls = |w: &mut modeldb::Write<'_>| ops.iter().try_for_each(|op| op.call(w));
    match once {
        Some(id) => store.write_once(id, calls).map(drop),
        None => store.write(calls),
    }
}

fn purge(store: &Store, acknowledged: &mut u64) -> Result<(), Error> {
    let before = *acknowledged;
    let purged = store.purge_with(&PurgeOptions::new(), |report| {
        *acknowledged = before + report.commits;
        std::ops::ControlFlow::Continue(())
    });
    purged.map(|report| assert!(report.finished))
}

/// A handle that failed writes no more; reads are right, or fail as the disk does.
fn after_a_failure(script: &History, store: &Store, acknowledged: u64) {
    for _ in 0..2 {
        let error = store.write(|w| w.projects().get_or_create("more")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Poisoned, "{error}");
    }
    assert!(store.write_once("more", |w| w.projects().get_or_create("more")).is_err());
    assert_eq!(store.flush().unwrap_err().kind(), ErrorKind::Poisoned);
    let read = store.read();
    let sequence = read.sequence().get();
    assert!((acknowledged..=acknowledged + 1).contains(&sequence));
    let listed: Result<Vec<_>, _> = read.projects().list().into_iter().collect();
    match listed {
        Ok(listed) => assert_eq!(listed.len(), script.states[sequence as usize].live_projects().count()),
        Err(error) => assert!(is_of_the_disk(error.kind()), "{error}"),
    }
    // Nobody who waits for commits is left waiting.
    let mut watch = store.watch(Sequence::new(acknowledged + 1));
    assert!(watch.next_within(std::time::Duration::from_secs(3600)).unwrap().is_none());
    let _ = store.close();
    let error = store.write(|w| w.projects().get_or_create("more")).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Poisoned | ErrorKind::Closed), "{error}");
}

/// Opens the disk once it works again: what was acknowledged is there, and of the rest only what may be.
pub(super) fn check(script: &History, disk: &SimulatedDisk, outcome: &Outcome, context: &str) {
    disk.set_fault(None);
    let store = options(2).open_simulated(disk).unwrap_or_else(|error| panic!("{context}: {error}"));
    let sequence = store.read().sequence().get();
    let most = outcome.acknowledged + u64::from(outcome.error == Some(ErrorKind::CommitUnknown));
    assert!(
        (outcome.acknowledged..=most).contains(&sequence),
        "{context}: {} were acknowledged, then {:?}, and {sequence} are there",
        outcome.acknowledged,
        outcome.error
    );
    let state: &Model = &script.states[sequence as usize];
    state.check(&store.read());
    state.check_lookups(&store, &script.states[script.states.len() - 1]);
    assert!(store.audit().verify().unwrap().is_intact(), "{context}");
    // A purge that failed goes on.
    assert!(store.purge().unwrap().finished, "{context}");
    assert!(store.audit().verify().unwrap().is_intact(), "{context}");
}

fn fail_everywhere(name: &str, default: u64, cache: usize) {
    let seed = printed_seed(name, default);
    fail(name, seed, &script(seed, 16), cache, usize::MAX);
}

/// Fails so many calls, if there are that many.
fn fail(name: &str, seed: u64, script: &History, cache: usize, points: usize) {
    let disk = SimulatedDisk::new();
    disk.set_fault(None);
    let clean = run(script, &disk, cache);
    assert_eq!((clean.acknowledged, clean.error), (script.works.len() as u64, None));
    let calls = disk.calls();
    let mut kinds = std::collections::BTreeMap::<String, u64>::new();
    for at in (0..calls).step_by((calls as usize).div_ceil(points)) {
        for fault in [Fault::Once(at), Fault::FromOn(at)] {
            let context = format!("{name}: MODELDB_SEED={seed}: {fault:?} of {calls} calls");
            let disk = SimulatedDisk::new();
            disk.set_fault(Some(fault));
            let outcome = run(script, &disk, cache);
            let kind = outcome.error.unwrap_or_else(|| panic!("{context}: the failure was swallowed"));
            assert!(is_of_the_disk(kind), "{context}: {kind}");
            *kinds.entry(kind.to_string()).or_default() += 1;
            check(script, &disk, &outcome, &context);
        }
    }
    println!("{name}: {calls} calls failed in two ways: {kinds:?}");
}

#[test]
fn every_call_fails() {
    fail_everywhere("every_call_fails", 11, 4 << 20);
}

/// A purge of several slices, on its way and as a whole.
#[test]
fn every_call_of_a_purge_fails() {
    let name = "every_call_of_a_purge_fails";
    let seed = printed_seed(name, 13);
    for (cache, points) in [(4 << 20, 120), (0, 80)] {
        let mut workload = Workload::new(seed);
        super::images::to_be_purged(&mut workload, 520);
        assert!(workload.purge() > 2);
        workload.write_one();
        fail(name, seed, &workload.finish(), cache, points);
    }
}

/// Without a cache reads fail too.
#[test]
fn every_call_fails_without_a_cache() {
    fail_everywhere("every_call_fails_without_a_cache", 12, 0);
}

/// Writers that share a commit share its failure; each is told the truth about its own write.
#[test]
fn every_call_fails_under_writers_that_share_commits() {
    let clean = SimulatedDisk::new();
    let before = {
        let store = options(3).open_simulated(&clean).unwrap();
        let experiment = store
            .write(|w| {
                let project = w.projects().get_or_create("project")?;
                w.experiments().get_or_create(&project, "experiment")
            })
            .unwrap();
        store.close().unwrap();
        experiment
    };
    let (mut shared, mut unknown) = (0, 0);
    for at in 0..160 {
        let disk = clean.image(0, modeldb::simulation::Keep::All);
        disk.set_bytes("store.redb", clean.bytes("store.redb").unwrap());
        let store = options(4).open_simulated(&disk).unwrap();
        disk.set_fault(Some(if at % 2 == 0 { Fault::Once(at / 2) } else { Fault::FromOn(at / 2) }));
        let barrier = Barrier::new(4);
        let results = Mutex::new(Vec::new());
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let (store, barrier, results, experiment) = (&store, &barrier, &results, &before);
                scope.spawn(move || {
                    barrier.wait();
                    for round in 0..3 {
                        let id = format!("run-{thread}-{round}");
                        let new = NewRun::named(&id).id(RunId::new(&*id).unwrap());
                        let written = store.write_once(&id, |w| {
                            std::thread::sleep(std::time::Duration::from_micros(100));
                            w.runs().create(experiment, new)
                        });
                        results.lock().unwrap().push((id, written.map(drop).map_err(|error| error.kind())));
                    }
                });
            }
        });
        let syncs = disk.counts().syncs;
        let _ = store.close();
        drop(store);
        disk.set_fault(None);
        let store = options(5).open_simulated(&disk).unwrap();
        let mut there = 0;
        let results = results.into_inner().unwrap();
        for (id, written) in &results {
            let found = store.read().runs().get(&RunId::new(id.as_str()).unwrap()).is_ok();
            assert_eq!(store.outcome(id).unwrap().is_some(), found, "call {at}: {id}");
            there += u64::from(found);
            match written {
                Ok(()) => assert!(found, "call {at}: {id} was acknowledged and is lost"),
                Err(ErrorKind::CommitUnknown) => unknown += 1,
                Err(kind) => {
                    assert!(is_of_the_disk(*kind), "call {at}: {id}: {kind}");
                    assert!(!found, "call {at}: {id} failed ({kind}) and is there");
                }
            }
        }
        shared += u64::from(syncs < there);
        assert_eq!(store.read().sequence().get(), there + 1);
        assert!(store.audit().verify().unwrap().is_intact());
    }
    println!(
        "every_call_fails_under_writers_that_share_commits: {unknown} unknown outcomes, {shared} runs shared syncs"
    );
}
