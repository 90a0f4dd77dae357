//! Versions that a write requires: of two who edit the same entity, the second is told.

use modeldb::{EntityId, ErrorKind, NewJob, NewRun, RunId};

use super::support::{Bench, id, kind};

#[test]
fn a_write_goes_on_only_with_the_version_that_was_read() {
    let bench = Bench::new();
    let run = bench.run(NewRun::named("r"));
    let read = bench.get(&run).version_number;
    let edit = |version, text: &str| {
        bench.store.write(|w| {
            w.require_version(&run, version)?;
            w.runs().describe(&run, text)
        })
    };
    edit(read, "first").unwrap();
    assert_eq!(kind(edit(read, "second")), ErrorKind::Conflict);
    assert_eq!(bench.get(&run).description, "first");
    for wrong in [0, read + 2, u64::MAX] {
        assert_eq!(kind(edit(wrong, "x")), ErrorKind::Conflict);
    }
    edit(read + 1, "second").unwrap();
    assert_eq!(bench.get(&run).version_number, read + 2);
    // By itself it changes nothing.
    let before = bench.store.read().sequence();
    bench.store.write(|w| w.require_version(&run, read + 2)).unwrap();
    assert_eq!(bench.store.read().sequence(), before);
}

#[test]
fn every_kind_has_versions() {
    let bench = Bench::new();
    let run = bench.run(NewRun::new());
    let (comment, job, edge) = bench
        .store
        .write(|w| {
            w.lineage().add([&run], [&run])?;
            Ok((w.comments().add(&run, "x")?, w.jobs().create(NewJob::started("x"))?, ()))
        })
        .map(|(comment, job, ())| (comment, job, bench.store.read().lineage().edge(&run, &run).unwrap().unwrap().id))
        .unwrap();
    let entities = [
        EntityId::from(&bench.project),
        (&bench.experiment).into(),
        (&run).into(),
        (&comment).into(),
        (&job).into(),
        (&edge).into(),
    ];
    for entity in entities {
        bench.store.write(|w| w.require_version(entity.clone(), 1)).unwrap();
        assert_eq!(kind(bench.store.write(|w| w.require_version(entity.clone(), 2))), ErrorKind::Conflict);
    }
}

/// The dates that parents take from their children are no change, and count for none.
#[test]
fn what_happens_below_is_no_new_version() {
    let bench = Bench::new();
    bench.clock.advance(100);
    let run = bench.run(NewRun::new());
    bench.store.write(|w| w.comments().add(&run, "x").map(drop)).unwrap();
    bench
        .store
        .write(|w| {
            w.require_version(&bench.project, 1)?;
            w.require_version(&bench.experiment, 1)?;
            w.require_version(&run, 1)
        })
        .unwrap();
}

#[test]
fn what_is_not_there_has_no_version() {
    let bench = Bench::new();
    let run = bench.run(NewRun::new());
    let require = |run: &RunId, version| bench.store.write(|w| w.require_version(run, version));
    assert_eq!(kind(require(&id("unknown"), 1)), ErrorKind::NotFound);
    bench.store.write(|w| w.experiments().delete(&bench.experiment)).unwrap();
    assert_eq!(kind(require(&run, 1)), ErrorKind::NotFound);
    assert_eq!(kind(bench.store.write(|w| w.require_version(&bench.experiment, 2))), ErrorKind::NotFound);
}

#[test]
fn a_write_sees_its_own_versions() {
    let bench = Bench::new();
    bench
        .store
        .write(|w| {
            let run = w.runs().create(&bench.experiment, NewRun::new())?;
            w.require_version(&run, 1)?;
            w.runs().describe(&run, "x")?;
            w.require_version(&run, 2)?;
            w.runs().describe(&run, "x")?;
            w.require_version(&run, 2)?;
            // What it answers is for the closure to heed: it may go on.
            assert_eq!(kind(w.require_version(&run, 1)), ErrorKind::Conflict);
            w.runs().delete(&run)?;
            assert_eq!(kind(w.require_version(&run, 3)), ErrorKind::NotFound);
            Ok(())
        })
        .unwrap();
    assert_eq!(bench.store.read().sequence().get(), 2);
}

/// Of writers that all read the same version, one comes through.
#[test]
fn one_of_many_comes_through() {
    let bench = Bench::new();
    let run = bench.run(NewRun::new());
    let won: usize = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|thread| {
                let (store, run) = (&bench.store, &run);
                scope.spawn(move || {
                    let written = store.write(|w| {
                        w.require_version(run, 1)?;
                        w.runs().describe(run, format!("thread {thread}"))
                    });
                    match written {
                        Ok(()) => 1,
                        Err(error) => {
                            assert_eq!(error.kind(), ErrorKind::Conflict);
                            0
                        }
                    }
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).sum()
    });
    assert_eq!((won, bench.get(&run).version_number), (1, 2));
}
