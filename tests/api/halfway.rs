//! Operations that do not come to their end: the write that goes on all the same is taken back.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use modeldb::{Entropy, ErrorKind, NewExperiment, NewProject, NewRun, RunId, SeededEntropy, Store, Write};

use super::support::{Bench, kind};

/// Two things, and then a panic.
fn two<T>(make: impl Fn(String) -> T) -> impl Iterator<Item = T> {
    (0..3).map(move |number| match number {
        2 => resume_unwind(Box::new("a wanted panic")),
        _ => make(format!("r{number}")),
    })
}

#[test]
fn a_panic_that_the_caller_catches_leaves_nothing_behind() {
    let bench = Bench::new();
    let (store, project, experiment) = (&bench.store, &bench.project, &bench.experiment);
    let before = store.audit().head().unwrap();
    let panicking: [&dyn Fn(&mut Write<'_>); 3] = [
        &|w| drop(w.runs().create_many(experiment, two(NewRun::named))),
        &|w| drop(w.experiments().create_many(project, two(NewExperiment::named))),
        &|w| drop(w.projects().create_many(two(NewProject::named))),
    ];
    for panics in panicking {
        // Whether or not something comes after it that could be taken for its end.
        for goes_on in [false, true] {
            let written = store.write(|w| {
                assert!(catch_unwind(AssertUnwindSafe(|| panics(w))).is_err());
                if goes_on { w.projects().describe(project, "after it") } else { Ok(()) }
            });
            assert_eq!(kind(written), ErrorKind::InvalidArgument);
            assert_eq!(store.audit().head().unwrap(), before);
        }
    }
    assert_eq!(store.read().runs().list(experiment).unwrap().count().unwrap(), 0);
    bench.run(NewRun::named("r0"));
    assert!(store.audit().verify().unwrap().is_intact());
    assert!(store.verify().unwrap().is_intact());
}

/// Fails, or panics, while it is told to.
struct Failing {
    fails: Arc<AtomicBool>,
    panics: bool,
    entropy: SeededEntropy,
}

impl Entropy for Failing {
    fn fill(&self, out: &mut [u8]) -> io::Result<()> {
        match (self.fails.load(Ordering::SeqCst), self.panics) {
            (true, true) => resume_unwind(Box::new("a wanted panic")),
            (true, false) => Err(io::Error::other("there is none left")),
            (false, _) => self.entropy.fill(out),
        }
    }
}

/// Even where it changed nothing else, its closure may have seen what will never be.
#[test]
fn a_write_whose_only_operation_failed_is_not_acknowledged() {
    for panics in [false, true] {
        let fails = Arc::new(AtomicBool::new(false));
        let entropy = Failing { fails: Arc::clone(&fails), panics, entropy: SeededEntropy::new(3) };
        let store = Store::options().entropy(entropy).background(false).open_in_memory().unwrap();
        let (project, experiment) = store
            .write(|w| {
                let project = w.projects().get_or_create("p")?;
                let experiment = w.experiments().get_or_create(&project, "e")?;
                Ok((project, experiment))
            })
            .unwrap();
        let failing = |w: &mut Write<'_>, change: &dyn Fn(&mut Write<'_>) -> modeldb::Result<()>| {
            fails.store(true, Ordering::SeqCst);
            let changed = catch_unwind(AssertUnwindSafe(|| change(w)));
            fails.store(false, Ordering::SeqCst);
            assert!(!matches!(changed, Ok(Ok(()))));
        };
        let described = store.write(|w| {
            failing(w, &|w| w.projects().describe(&project, "never"));
            Ok(w.projects().get(&project)?.description)
        });
        assert_eq!(kind(described), ErrorKind::InvalidArgument, "{panics}");
        let created = store.write(|w| {
            failing(w, &|w| {
                w.runs().create(&experiment, NewRun::named("never").id(RunId::new("r").unwrap())).map(drop)
            });
            w.runs().create(&experiment, NewRun::named("after it"))
        });
        assert_eq!(kind(created), ErrorKind::InvalidArgument, "{panics}");
        assert!(store.verify().unwrap().is_intact(), "{panics}");
        assert_eq!(store.read().projects().get(&project).unwrap().description, "");
    }
}

#[test]
fn a_dry_run_refuses_what_a_write_would() {
    let bench = Bench::new();
    let twice = || [NewRun::named("a"), NewRun::named("a")];
    let swallow = |w: &mut Write<'_>| Ok(w.runs().create_many(&bench.experiment, twice()).is_err());
    assert_eq!(kind(bench.store.write(swallow)), ErrorKind::InvalidArgument);
    assert_eq!(kind(bench.store.dry_run(swallow)), ErrorKind::InvalidArgument);
}
