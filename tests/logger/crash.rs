//! Crashes and failures of the disk at each of its calls: what was flushed is there, what was not is there whole or not
//! at all, and no run is left running.

use modeldb::simulation::{Fault, Keep, SimulatedDisk};
use modeldb::{ErrorKind, NewRun, Result, RunId, RunStatus, Store};

use super::{clock, experiment, options};
use crate::support::random::{PrintSeed, Random, printed_seed};

/// Observations and metrics that were acknowledged of a run, and how it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Known {
    /// Batches of three observations, each with a metric.
    batches: u64,
    status: Option<RunStatus>,
}

/// What was known of each run before a call of the disk, once something was acknowledged; and what had begun by then.
#[derive(Default)]
struct Told {
    acknowledged: Vec<(usize, RunId, Known)>,
    begun: Vec<(usize, RunId, Known)>,
}

impl Told {
    fn at(list: &[(usize, RunId, Known)], run: &RunId, at: usize) -> Option<Known> {
        let mut known = list.iter().filter(|(when, id, _)| *when <= at && id == run);
        known.next_back().map(|(_, _, known)| *known)
    }
}

fn id(number: usize) -> RunId {
    RunId::new(format!("run-{number}")).unwrap()
}

/// Three runs, logged step by step, each ending in its own way; the first is taken up again. Answers the first error.
fn work(store: &Store, disk: &SimulatedDisk, told: &mut Told) -> Result<()> {
    let experiment = store.write(|w| {
        let project = w.projects().get_or_create("p")?;
        w.experiments().get_or_create(&project, "e")
    })?;
    let mut known = [Known { batches: 0, status: Some(RunStatus::Running) }; 3];
    let mut step = |number: usize, known: Known, call: &mut dyn FnMut() -> Result<()>| {
        told.begun.push((disk.recorded(), id(number), known));
        call()?;
        told.acknowledged.push((disk.recorded(), id(number), known));
        Ok(())
    };
    let mut logs = Vec::new();
    for (number, known) in known.iter().enumerate() {
        step(number, *known, &mut || {
            logs.push(Some(store.start_run(&experiment, NewRun::new().id(id(number)))?));
            Ok(())
        })?;
    }
    for round in 0..4 {
        for (number, slot) in logs.iter_mut().enumerate() {
            let Some(log) = slot else { continue };
            let batch = known[number].batches;
            (0..3).for_each(|of| log.observe_at((3 * batch + of) as i64, "loss", 0.5));
            log.metric(format!("m{batch}"), 1);
            known[number].batches += 1;
            // The second ends in its second round, the third in its third; the first at last.
            let ends = round == number && number > 0 || round == 3;
            let status = [RunStatus::Finished, RunStatus::Failed, RunStatus::Abandoned][number];
            known[number].status = Some(if ends { status } else { RunStatus::Running });
            step(number, known[number], &mut || match (ends, number) {
                (false, _) => slot.as_ref().map_or(Ok(()), modeldb::RunLogger::flush),
                (true, 0) => slot.take().map_or(Ok(()), modeldb::RunLogger::finish),
                (true, 1) => slot.take().map_or(Ok(()), |log| log.fail("why")),
                (true, _) => {
                    drop(slot.take());
                    // Nobody is told; but whoever writes next is.
                    store.write(|_| Ok(()))
                }
            })?;
        }
    }
    known[0].status = Some(RunStatus::Running);
    step(0, known[0], &mut || {
        logs[0] = Some(store.resume_run(&id(0))?);
        Ok(())
    })?;
    // And is left running.
    std::mem::forget(logs);
    Ok(())
}

/// What a store shows of a run; none if it has it not.
fn shown(store: &Store, number: usize) -> Option<Known> {
    let run = store.read().runs().get(&id(number)).ok()?;
    let observed = super::observed(store, &run.id, "loss");
    let batches = run.metrics.len() as u64;
    assert!(observed.into_iter().eq((0..3 * batches as i64).map(|epoch| (epoch, 0.5))), "half a batch");
    assert!((0..batches).all(|batch| run.metrics.get(&format!("m{batch}")).is_some()));
    Some(Known { batches, status: run.status })
}

/// As it is found when the store is opened again.
fn found(known: Known) -> Known {
    let status = known.status.map(|status| if status == RunStatus::Running { RunStatus::Crashed } else { status });
    Known { status, ..known }
}

/// Checks an opened store against what was acknowledged and what had begun.
fn check(store: &Store, told: &Told, at: usize, context: &str) {
    for number in 0..3 {
        let shown = shown(store, number);
        let least = Told::at(&told.acknowledged, &id(number), at).map(found);
        let most = Told::at(&told.begun, &id(number), at).map(found);
        assert!(shown == least || shown == most, "{context}: {shown:?}, neither {least:?} nor {most:?}");
    }
    assert_eq!(store.read().runs().find("status = 'running'").unwrap().count().unwrap(), 0, "{context}");
}

fn open(disk: &SimulatedDisk) -> Result<Store> {
    options(&clock()).cache_bytes(4 << 20).open_simulated(disk)
}

#[test]
fn a_crash_at_any_call_loses_nothing_that_was_flushed() {
    let name = "a_crash_at_any_call_loses_nothing_that_was_flushed";
    let seed = printed_seed(name, 21);
    let _print = PrintSeed(seed);
    let mut random = Random::new(seed);
    let disk = SimulatedDisk::new();
    let store = open(&disk).unwrap();
    disk.record();
    let mut told = Told::default();
    work(&store, &disk, &mut told).unwrap();
    let (calls, mut images, mut again) = (disk.recorded(), 0, 0);
    for at in 0..=calls {
        for keep in [Keep::None, Keep::All, Keep::Subset(random.next()), Keep::Torn(random.next())] {
            let context = format!("crashed at {at} of {calls}, keeping {keep:?}");
            let image = disk.image(at, keep);
            image.record();
            let store = open(&image).unwrap_or_else(|error| panic!("{context}: {error}"));
            check(&store, &told, at, &context);
            if images % 8 == 0 {
                assert!(store.audit().verify().unwrap().is_intact(), "{context}");
            }
            images += 1;
            // The opening itself commits, and is cut too.
            if at % 9 == 0 {
                for second in 0..=image.recorded() {
                    let image = image.image(second, Keep::Subset(random.next()));
                    let store = open(&image).unwrap_or_else(|error| panic!("{context}, then {second}: {error}"));
                    check(&store, &told, at, &format!("{context}, then {second}"));
                    again += 1;
                }
            }
        }
    }
    println!("{name}: {calls} calls, {images} crashes, {again} crashes of openings");
    assert!(calls > 40);
}

#[test]
fn a_failure_at_any_call_is_told_and_loses_nothing_that_was_flushed() {
    let script = |disk: &SimulatedDisk, told: &mut Told| -> Result<()> {
        let store = open(disk)?;
        let done = work(&store, disk, told);
        if let Err(error) = &done {
            // Whatever is told to the loggers of a store that failed, they take nothing and hold nothing.
            assert!(matches!(store.write(|_| Ok(())).unwrap_err().kind(), ErrorKind::Poisoned), "{error}");
            assert_eq!(store.stats().map_or(0, |stats| stats.logged_bytes), 0);
        }
        let closed = store.close();
        done.and(closed)
    };
    let disk = SimulatedDisk::new();
    disk.set_fault(None);
    script(&disk, &mut Told::default()).unwrap();
    let calls = disk.calls();
    let mut kinds = std::collections::BTreeMap::<String, u64>::new();
    for at in 0..calls {
        for fault in [Fault::Once(at), Fault::FromOn(at)] {
            let context = format!("{fault:?} of {calls}");
            let disk = SimulatedDisk::new();
            disk.set_fault(Some(fault));
            // The trace is not what counts here: all that was acknowledged comes before the failure.
            let mut told = Told::default();
            let Err(error) = script(&disk, &mut told) else { panic!("{context}: the failure was swallowed") };
            let expected = [
                ErrorKind::Io,
                ErrorKind::StorageFull,
                ErrorKind::CommitUnknown,
                ErrorKind::Poisoned,
                ErrorKind::Closed,
            ];
            assert!(expected.contains(&error.kind()), "{context}: {error}");
            *kinds.entry(error.kind().to_string()).or_default() += 1;
            disk.set_fault(None);
            let store = open(&disk).unwrap_or_else(|error| panic!("{context}: {error}"));
            check(&store, &told, usize::MAX, &context);
            assert!(store.audit().verify().unwrap().is_intact(), "{context}");
            // And it takes up what was left.
            if let Ok(log) = store.resume_run(&id(0)) {
                log.observe("more", 1);
                log.finish().unwrap();
            }
        }
    }
    println!("a_failure_at_any_call_is_told_and_loses_nothing_that_was_flushed: {calls} calls: {kinds:?}");
}

/// A store that failed tells each logger at each flush, and none waits for room.
#[test]
fn a_store_that_failed_takes_nothing_and_says_so() {
    for background in [false, true] {
        let disk = SimulatedDisk::new();
        let store = options(&clock()).background(background).open_simulated(&disk).unwrap();
        let experiment = experiment(&store);
        let logs = ["a", "b"].map(|name| store.start_run(&experiment, NewRun::named(name)).unwrap());
        disk.set_fault(Some(Fault::FromOn(0)));
        logs.iter().for_each(|log| log.observe("loss", 1));
        let first = logs[0].flush().unwrap_err();
        assert!(matches!(first.kind(), ErrorKind::CommitUnknown | ErrorKind::Io), "{first}");
        for _ in 0..2 {
            let error = logs[1].flush().unwrap_err();
            let expected = [ErrorKind::CommitUnknown, ErrorKind::Io, ErrorKind::Poisoned];
            assert!(expected.contains(&error.kind()), "{error}");
            assert!(logs[0].flush().is_err());
        }
        let more = 2 * modeldb::limits::LOGGER_QUEUE_BYTES / 64;
        (0..more).for_each(|step| logs[0].observe("loss", step as i64));
        assert_eq!(store.stats().unwrap().logged_bytes, 0);
        logs.into_iter().for_each(|log| assert!(log.finish().is_err()));
    }
}
