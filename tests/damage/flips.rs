//! A bit flipped in every byte of a small store.
//!
//! Opened with the integrity check, the answer is right or a typed error. Opened plainly, every record that is
//! returned is right; what a plain open cannot promise is counted, and bounded.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;
use std::thread;

use modeldb::simulation::SimulatedDisk;
use modeldb::{Entity, Error, ErrorKind, ExperimentId, NewRun, ProjectId, Run, RunId, SeededEntropy, Store};

/// What the undamaged store holds.
struct Whole {
    bytes: Vec<u8>,
    project: ProjectId,
    experiment: ExperimentId,
    runs: BTreeMap<RunId, Run>,
    head: String,
}

fn options() -> modeldb::Options {
    Store::options().entropy(SeededEntropy::new(3)).cache_bytes(1 << 20)
}

fn whole() -> Whole {
    let disk = SimulatedDisk::new();
    let store = options().open_simulated(&disk).unwrap();
    let (project, experiment) = store
        .write(|w| {
            let project = w.projects().get_or_create("project")?;
            Ok((project.clone(), w.experiments().get_or_create(&project, "experiment")?))
        })
        .unwrap();
    for number in 0..6 {
        let run = NewRun::named(format!("run-{number}"))
            .description("d".repeat(number * 100))
            .metric("accuracy", f64::from(u32::try_from(number).unwrap()) / 7.0)
            .hyperparameter("optimizer", "adam")
            .tags(["a", "b"]);
        let run = store.write(|w| w.runs().create(&experiment, run)).unwrap();
        store.write(|w| w.runs().log_metric(&run, "late", 1)).unwrap();
    }
    let runs = store.read().runs().list(&experiment).unwrap().into_iter().map(Result::unwrap);
    let runs = runs.map(|run| (run.id.clone(), run)).collect();
    let head = store.audit().head().unwrap().to_string();
    store.close().unwrap();
    Whole { bytes: disk.bytes("store.redb").unwrap(), project, experiment, runs, head }
}

/// How a damaged store answered.
#[derive(Debug, Default)]
struct Tally {
    refused: usize,
    right: usize,
    typed_errors: usize,
    missing: usize,
    panicked: usize,
}

/// Errors that damage may be told as; each names a place.
fn check_typed(error: &Error) {
    let kinds = [ErrorKind::Corrupt, ErrorKind::Incompatible, ErrorKind::Io, ErrorKind::Poisoned];
    assert!(kinds.contains(&error.kind()), "{error:?}");
    assert!(error.message().contains(' '), "{error:?}");
}

/// Reads everything. Answers whether all was there; a wrong answer fails the test.
fn read(store: &Store, whole: &Whole) -> Result<bool, Error> {
    let snapshot = store.read();
    let mut complete = true;
    let mut note = |result: Result<(), Error>| match result {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            complete = false;
            Ok(())
        }
        other => other,
    };
    note(snapshot.projects().get(&whole.project).map(|project| assert_eq!(project.name, "project")))?;
    note(snapshot.experiments().get(&whole.experiment).map(|experiment| assert_eq!(experiment.name, "experiment")))?;
    for (id, run) in &whole.runs {
        note(snapshot.runs().get(id).map(|found| assert_eq!(found, *run)))?;
        note(snapshot.runs().view(id).and_then(|guard| guard.to_run()).map(|found| assert_eq!(found, *run)))?;
        note(snapshot.runs().get_by_name(&whole.experiment, &run.name).map(|found| assert_eq!(found, *run)))?;
        note(snapshot.history(id).and_then(|mut steps| {
            steps.try_for_each(|step| match step?.change.map(|change| change.fact) {
                Some(modeldb::Fact::Created(entity)) => {
                    assert!(matches!(&*entity, Entity::Run(created) if created.id == *id));
                    Ok(())
                }
                _ => Ok(()),
            })
        }))?;
    }
    match snapshot.runs().list(&whole.experiment) {
        Ok(listing) => {
            let mut listed = 0;
            for run in listing {
                let run = run?;
                assert_eq!(whole.runs.get(&run.id), Some(&run));
                listed += 1;
            }
            complete &= listed == whole.runs.len();
        }
        Err(error) => note(Err(error))?,
    }
    Ok(complete)
}

thread_local! {
    /// Whether the last panic of this thread was one of redb's.
    static IN_REDB: Cell<bool> = const { Cell::new(false) };
}

/// Panics of redb are counted, not shown.
fn quietly() {
    static QUIET: Once = Once::new();
    QUIET.call_once(|| {
        let shown = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            let in_redb = info.location().is_some_and(|location| location.file().contains("/redb-"));
            IN_REDB.set(in_redb);
            if !in_redb || thread::current().name() != Some("flips") {
                shown(info);
            }
        }));
    });
}

fn flip_every_byte(check_integrity: bool) -> Tally {
    quietly();
    let whole = whole();
    let mut tally = Tally::default();
    for at in 0..whole.bytes.len() {
        let mut bytes = whole.bytes.clone();
        bytes[at] ^= 1 << (at % 8);
        let disk = SimulatedDisk::new();
        disk.set_bytes("store.redb", bytes);
        let ran = panic::catch_unwind(AssertUnwindSafe(|| {
            let store = match options().check_integrity(check_integrity).open_simulated(&disk) {
                Ok(store) => store,
                Err(error) => {
                    check_typed(&error);
                    return (1, 0, 0, 0);
                }
            };
            let counted = match read(&store, &whole) {
                Ok(true) => {
                    let head = store.audit().head().unwrap().to_string();
                    assert!(!check_integrity || head == whole.head, "another head");
                    (0, 1, 0, 0)
                }
                Ok(false) => (0, 0, 0, 1),
                Err(error) => {
                    check_typed(&error);
                    (0, 0, 1, 0)
                }
            };
            // Whatever closing says, it says it.
            let _ = store.close();
            counted
        }));
        match ran {
            Ok((refused, right, typed_errors, missing)) => {
                tally.refused += refused;
                tally.right += right;
                tally.typed_errors += typed_errors;
                tally.missing += missing;
            }
            Err(payload) => {
                if check_integrity || !IN_REDB.get() {
                    println!("byte {at}");
                    panic::resume_unwind(payload);
                }
                tally.panicked += 1;
            }
        }
    }
    println!("{} bytes flipped, integrity checked: {check_integrity}: {tally:?}", whole.bytes.len());
    tally
}

fn on_a_named_thread(check_integrity: bool) -> Tally {
    let worker = thread::Builder::new().name("flips".to_owned()).spawn(move || flip_every_byte(check_integrity));
    worker.unwrap().join().unwrap_or_else(|payload| panic::resume_unwind(payload))
}

#[test]
fn with_the_integrity_check_the_answer_is_right_or_an_error() {
    let tally = on_a_named_thread(true);
    assert_eq!((tally.missing, tally.panicked), (0, 0), "{tally:?}");
    assert!(tally.refused > 0 && tally.right > 0);
}

#[test]
fn opened_plainly_every_record_that_is_returned_is_right() {
    let tally = on_a_named_thread(false);
    let all = tally.refused + tally.right + tally.typed_errors + tally.missing + tally.panicked;
    // Measured: see the printed figures; the documentation quotes them.
    assert!(tally.missing * 100 <= all * 4, "{tally:?}");
    assert!(tally.panicked * 100 <= all * 2, "{tally:?}");
}
