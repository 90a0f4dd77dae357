//! Large writes, which go to the disk in parts before they are done: all or nothing, and nobody else's harm.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use modeldb::simulation::{Fault, SimulatedDisk};
use modeldb::{
    Error, ErrorKind, ExperimentId, NewExperiment, NewProject, NewRun, Once, Result, RunId, Sequence, Store, Write,
};

/// Some 24 MiB of changes: several times what a write may hold in memory.
const RUNS: usize = 8_000;

fn large_run(number: usize) -> NewRun {
    NewRun::named(format!("large {number}"))
        .id(RunId::new(format!("large-{number}")).unwrap())
        .description(format!("{number} ").repeat(180))
        .metric("number", number as i64)
}

/// How the large write ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Well,
    /// The last run has a name that is taken by the first.
    LastIsRefused,
    /// The same, and the error is not passed on.
    RefusalIsIgnored,
    ListPanics,
    ClosurePanics,
    ClosureFails,
}

const ENDS: [End; 6] =
    [End::Well, End::LastIsRefused, End::RefusalIsIgnored, End::ListPanics, End::ClosurePanics, End::ClosureFails];

struct Setting {
    disk: SimulatedDisk,
    store: Store,
    large: ExperimentId,
    small: ExperimentId,
}

fn setting() -> Setting {
    let disk = SimulatedDisk::new();
    let store = Store::options().open_simulated(&disk).unwrap();
    let (large, small) = store
        .write(|w| {
            let project = w.projects().create(NewProject::named("p"))?;
            let large = w.experiments().create(&project, NewExperiment::named("large"))?;
            Ok((large, w.experiments().create(&project, NewExperiment::named("small"))?))
        })
        .unwrap();
    Setting { disk, store, large, small }
}

fn large_write(w: &mut Write<'_>, experiment: &ExperimentId, end: End) -> Result<Sequence> {
    let list = (0..RUNS).map(|number| match end {
        End::ListPanics if number == RUNS - 1 => resume_unwind(Box::new("a wanted panic")),
        End::LastIsRefused | End::RefusalIsIgnored if number == RUNS - 1 => NewRun::named("large 0"),
        _ => large_run(number),
    });
    match w.runs().create_many(experiment, list) {
        Ok(ids) => assert!(ids.iter().enumerate().all(|(number, id)| id.as_str() == format!("large-{number}"))),
        Err(error) if end == End::RefusalIsIgnored => assert_eq!(error.kind(), ErrorKind::AlreadyExists),
        Err(error) => return Err(error),
    }
    // What has gone to the disk is still seen, and can be changed.
    let first = RunId::new("large-0").unwrap();
    assert_eq!(w.runs().get(&first)?.name, "large 0");
    w.runs().log_metric(&first, "later", 1)?;
    assert_eq!(w.runs().create(experiment, large_run(0)).unwrap_err().kind(), ErrorKind::AlreadyExists);
    match end {
        End::ClosurePanics => resume_unwind(Box::new("a wanted panic")),
        End::ClosureFails => Err(Error::new(ErrorKind::Conflict, "the caller's own")),
        _ => Ok(w.sequence()),
    }
}

/// Asserts how the large write ended. Answers its sequence if it was made.
fn ended(result: thread::Result<Result<Sequence>>, end: End) -> Option<Sequence> {
    match (result, end) {
        (Ok(Ok(sequence)), End::Well) => return Some(sequence),
        (Ok(Err(error)), End::LastIsRefused) => assert_eq!(error.kind(), ErrorKind::AlreadyExists),
        (Ok(Err(error)), End::RefusalIsIgnored) => assert_eq!(error.kind(), ErrorKind::InvalidArgument),
        (Ok(Err(error)), End::ClosureFails) => assert_eq!(error.kind(), ErrorKind::Conflict),
        (Err(payload), End::ListPanics | End::ClosurePanics) => {
            assert_eq!(payload.downcast_ref::<&str>(), Some(&"a wanted panic"));
        }
        (result, end) => panic!("a large write that ends with {end:?} ended with {result:?}"),
    }
    None
}

fn check(store: &Store, setting: &Setting, large: usize, small: &[RunId]) {
    let snapshot = store.read();
    let runs = snapshot.runs();
    assert_eq!(runs.list(&setting.large).unwrap().count().unwrap(), large as u64);
    for (number, run) in runs.list(&setting.large).unwrap().into_iter().enumerate() {
        let run = run.unwrap();
        assert_eq!((run.id.as_str(), run.name.as_str()), (&*format!("large-{number}"), &*format!("large {number}")));
        assert_eq!(run.version_number, 1 + u64::from(number == 0));
    }
    let mut expected: Vec<&str> = small.iter().map(RunId::as_str).collect();
    expected.sort_unstable();
    let mut found: Vec<String> =
        runs.list(&setting.small).unwrap().into_iter().map(|run| run.unwrap().id.to_string()).collect();
    found.sort_unstable();
    assert_eq!(found, expected);
    for id in small {
        let run = runs.get(id).unwrap();
        assert_eq!(runs.get_by_name(&setting.small, &run.name).unwrap(), run);
    }
    for number in [0, 1, RUNS / 2, RUNS - 1] {
        let id = RunId::new(format!("large-{number}")).unwrap();
        assert_eq!(runs.get(&id).is_ok(), large > 0, "{id}");
        assert_eq!(runs.get_by_name(&setting.large, &format!("large {number}")).is_ok(), large > 0);
    }
    // Rows without holes: as many as there are entities. Sequences without holes: the audit reads each.
    assert_eq!(store.stats().unwrap().runs, (large + small.len()) as u64);
    let report = store.audit().verify().unwrap();
    assert!(report.is_intact(), "{report:?}");
    assert_eq!(report.commits, snapshot.sequence().get());
    assert_eq!(report.entities, 3 + (large + small.len()) as u64);
}

/// Writers of small runs before, between and after large writes; each thread keeps the ids it was given.
fn among_others(end: End) {
    let setting = setting();
    let store = &setting.store;
    let stop = AtomicBool::new(false);
    let start = Barrier::new(4);
    let (sequence, small) = thread::scope(|scope| {
        let others: Vec<_> = (0..3)
            .map(|thread| {
                let (setting, stop, start) = (&setting, &stop, &start);
                scope.spawn(move || {
                    let mut given = Vec::new();
                    start.wait();
                    while !stop.load(Ordering::SeqCst) || given.len() < 20 {
                        let name = format!("small {thread} {}", given.len());
                        let run = NewRun::named(name).metric(format!("m{}", given.len() % 50), 1);
                        let (id, sequence) =
                            setting.store.write(|w| Ok((w.runs().create(&setting.small, run)?, w.sequence()))).unwrap();
                        let snapshot = setting.store.read();
                        assert!(snapshot.sequence() >= sequence);
                        assert_eq!(snapshot.runs().get(&id).unwrap().id, id);
                        // What is half written is nobody's to see.
                        let seen = snapshot.runs().list(&setting.large).unwrap().page(1).unwrap();
                        assert!(seen.items.is_empty() || end == End::Well);
                        given.push(id);
                    }
                    given
                })
            })
            .collect();
        start.wait();
        let result = catch_unwind(AssertUnwindSafe(|| store.write(|w| large_write(w, &setting.large, end))));
        let sequence = ended(result, end);
        stop.store(true, Ordering::SeqCst);
        let small: Vec<RunId> = others.into_iter().flat_map(|other| other.join().unwrap()).collect();
        (sequence, small)
    });
    let large = if end == End::Well { RUNS } else { 0 };
    check(store, &setting, large, &small);
    if let Some(sequence) = sequence {
        let commit = store.read().commit(sequence).unwrap();
        assert_eq!(commit.changes as usize, RUNS + 1);
        assert_eq!(store.read().changes(sequence).unwrap().count(), RUNS + 1);
        let before = store.read().as_of(Sequence::new(sequence.get() - 1)).unwrap();
        assert!(before.runs().list(&setting.large).unwrap().page(1).unwrap().items.is_empty());
    }
    // The same on a disk that was not closed, and after closing.
    let names = setting.disk.names();
    let copy = SimulatedDisk::new();
    names.iter().for_each(|name| copy.set_bytes(name, setting.disk.bytes(name).unwrap()));
    let reopened = Store::options().open_simulated(&copy).unwrap();
    check(&reopened, &setting, large, &small);
    reopened.close().unwrap();
    drop(reopened);
    let reopened = Store::options().open_simulated(&copy).unwrap();
    check(&reopened, &setting, large, &small);
    println!("{end:?}: {} small runs beside {large} large ones", small.len());
}

#[test]
fn a_large_write_that_ends_well_is_whole() {
    among_others(End::Well);
}

#[test]
fn a_large_write_whose_last_entity_is_refused_leaves_nothing() {
    among_others(End::LastIsRefused);
    among_others(End::RefusalIsIgnored);
}

#[test]
fn a_large_write_that_panics_leaves_nothing() {
    among_others(End::ListPanics);
    among_others(End::ClosurePanics);
}

#[test]
fn a_large_write_that_fails_leaves_nothing() {
    among_others(End::ClosureFails);
}

/// On one thread: every failure, then success, on the same store and with the same ids.
#[test]
fn a_large_write_can_be_repeated_after_each_failure() {
    let setting = setting();
    let mut small = Vec::new();
    let ends = ENDS.into_iter().filter(|end| *end != End::Well);
    for (at, end) in ends.enumerate() {
        let result = catch_unwind(AssertUnwindSafe(|| {
            let once = setting.store.write_once("large", |w| large_write(w, &setting.large, end))?;
            Ok(once.sequence())
        }));
        assert_eq!(ended(result, end), None);
        assert_eq!(setting.store.outcome("large").unwrap(), None);
        let run = NewRun::named(format!("small {at}"));
        let (id, sequence) =
            setting.store.write(|w| Ok((w.runs().create(&setting.small, run)?, w.sequence()))).unwrap();
        assert_eq!(sequence.get(), 2 + at as u64);
        small.push(id);
    }
    check(&setting.store, &setting, 0, &small);
    let once = setting.store.write_once("large", |w| large_write(w, &setting.large, End::Well)).unwrap();
    assert!(matches!(once, Once::Done { .. }));
    let again = setting.store.write_once("large", |_| -> Result<()> { panic!("it ran twice") }).unwrap();
    assert!(matches!(again, Once::Repeated { .. }));
    assert_eq!(again.sequence(), once.sequence());
    check(&setting.store, &setting, RUNS, &small);
}

/// Wherever the disk fails during a large write, the write is not acknowledged.
#[test]
fn a_large_write_on_a_failing_disk_is_never_acknowledged() {
    let calls = {
        let setting = setting();
        setting.disk.set_fault(None);
        setting.store.write(|w| large_write(w, &setting.large, End::Well)).unwrap();
        setting.disk.calls()
    };
    for fault in [0, calls / 3, calls - 20, calls - 3, calls - 2, calls - 1] {
        let setting = setting();
        setting.disk.set_fault(Some(Fault::FromOn(fault)));
        let result = setting.store.write(|w| large_write(w, &setting.large, End::Well));
        setting.disk.set_fault(None);
        match &result {
            Ok(sequence) => {
                // The fault came too late to matter; then the disk has it all.
                let copy = SimulatedDisk::new();
                setting.disk.names().iter().for_each(|name| copy.set_bytes(name, setting.disk.bytes(name).unwrap()));
                let reopened = Store::options().open_simulated(&copy).unwrap();
                assert_eq!(reopened.read().sequence(), *sequence, "call {fault} of {calls} failed");
            }
            Err(error) => println!("call {fault} of {calls} fails: {error}"),
        }
        assert_eq!(setting.store.read().sequence() == Sequence::new(2), result.is_ok(), "call {fault} of {calls}");
    }
}
