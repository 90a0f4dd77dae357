//! Purges that are ended between slices, and later ones that finish them.

use std::ops::ControlFlow;
use std::path::Path;

use modeldb::{At, ErrorKind, Fact, HistoryEntry, NewRun, PurgeOptions, PurgeReport, RunId, Sequence, Snapshot, Store};

use super::{assert_intact, in_memory, long, options, parents, purge, purge_some, run_id};

/// A kept project, and a deleted one whose runs have comments and long texts, so that a purge takes some slices.
fn fill(store: &Store, runs: usize) {
    for name in ["kept", "gone"] {
        let (project, experiment) = parents(store, name);
        for number in 0..runs {
            let new = NewRun::named(format!("r{number}")).id(run_id(format!("{name}-{number}")));
            let run = store.write(|w| w.runs().create(&experiment, new.description(long(name)))).unwrap();
            for metric in 0..5 {
                store.write(|w| w.runs().log_metric(&run, format!("m{metric}"), metric)).unwrap();
            }
            store.write(|w| w.comments().add(&run, long("c"))).unwrap();
        }
        if name == "gone" {
            store.write(|w| w.projects().delete(&project)).unwrap();
        }
    }
}

fn total(reports: &[PurgeReport]) -> [u64; 5] {
    let sum = |of: fn(&PurgeReport) -> u64| reports.iter().map(of).sum();
    [sum(|r| r.projects), sum(|r| r.experiments), sum(|r| r.runs), sum(|r| r.comments), sum(|r| r.changes)]
}

fn kept_is_whole(store: &Store, runs: usize) {
    let read = store.read();
    let project = read.projects().get_by_name("kept").unwrap();
    assert_eq!(read.projects().list().count().unwrap(), 1);
    let listed = read.runs().list_in_project(&project.id).unwrap();
    assert_eq!(listed.count().unwrap(), runs as u64);
    for run in listed {
        let run = run.unwrap();
        assert_eq!((run.description, run.metrics.len()), (long("kept"), 5));
        assert_eq!(read.comments().list(&run.id).unwrap()[0].message, long("c"));
    }
}

/// Ends a purge after each of its slices in turn; then finishes it, by the same handle or after a reopening.
#[test]
fn a_purge_is_finished_later_wherever_it_was_ended() {
    const RUNS: usize = 250;
    let made = tempfile::tempdir().unwrap();
    let store = options().open(made.path()).unwrap();
    fill(&store, RUNS);
    store.close().unwrap();
    drop(store);
    let copy = |from: &Path| {
        let to = tempfile::tempdir().unwrap();
        std::fs::copy(from.join("store.redb"), to.path().join("store.redb")).unwrap();
        to
    };
    let whole = {
        let folder = copy(made.path());
        let store = options().open(folder.path()).unwrap();
        let report = purge(&store);
        assert_eq!(report.commits, store.read().sequence().get() - (2 * (1 + 7 * RUNS as u64) + 1));
        report
    };
    assert_eq!(total(std::slice::from_ref(&whole)), [1, 1, RUNS as u64, RUNS as u64, 3 + 7 * RUNS as u64]);
    println!("{} slices", whole.commits);
    assert!(whole.commits > 2 && whole.finished);
    for ended in 1..=whole.commits {
        for reopened in [false, true] {
            let folder = copy(made.path());
            let mut store = options().open(folder.path()).unwrap();
            let begun = purge_some(&store, ended);
            assert_eq!((begun.commits, begun.finished), (ended, false));
            let audit = assert_intact(&store);
            assert_eq!(audit.erased, begun.changes);
            kept_is_whole(&store, RUNS);
            if reopened {
                store.close().unwrap();
                drop(store);
                store = options().open(folder.path()).unwrap();
                assert_eq!(assert_intact(&store).erased, begun.changes);
                kept_is_whole(&store, RUNS);
            }
            let rest = purge(&store);
            assert!(rest.finished);
            assert_eq!(total(&[begun, rest]), total(std::slice::from_ref(&whole)));
            let audit = assert_intact(&store);
            assert_eq!((audit.erased, audit.entities), (whole.changes, 2 + 2 * RUNS as u64));
            kept_is_whole(&store, RUNS);
            assert_eq!(purge(&store).commits, 0, "nothing is left");
        }
    }
}

fn history(read: &Snapshot, run: &RunId) -> Vec<HistoryEntry> {
    read.history(run).unwrap().map(Result::unwrap).collect()
}

/// An entity with so many changes that its purge takes several slices.
#[test]
fn an_entity_that_is_being_purged_says_so() {
    const METRICS: i64 = 3_000;
    let folder = tempfile::tempdir().unwrap();
    let mut store = options().open(folder.path()).unwrap();
    let (project, experiment) = parents(&store, "p");
    let run = store.write(|w| w.runs().create(&experiment, NewRun::named("r"))).unwrap();
    let other = store.write(|w| w.runs().create(&experiment, NewRun::named("other"))).unwrap();
    for number in 0..METRICS {
        store.write(|w| w.runs().log_metric(&run, format!("m{number}"), number)).unwrap();
    }
    let live = store.read().sequence();
    store.write(|w| w.runs().delete(&run)).unwrap();
    let (mut erased, mut slices) = (0, 0);
    loop {
        let report = purge_some(&store, 1);
        slices += report.commits;
        erased += report.changes;
        let audit = assert_intact(&store);
        assert_eq!(audit.erased, erased);
        let read = store.read();
        assert_eq!(read.runs().get(&run).unwrap_err().kind(), ErrorKind::NotFound);
        assert_eq!(read.runs().list(&experiment).unwrap().count().unwrap(), 1);
        // The past is listed without it, where what it was then is erased.
        let past = read.as_of(Sequence::new(3)).unwrap();
        assert_eq!(past.projects().get(&project).unwrap().name, "p");
        let listed: Vec<_> = past.runs().list(&experiment).unwrap().into_iter().map(|run| run.unwrap().id).collect();
        assert_eq!(listed, std::slice::from_ref(&other));
        assert_eq!(past.runs().get(&run).unwrap_err().kind(), ErrorKind::NotFound);
        if report.runs == 1 {
            break;
        }
        // The newest changes are the last to go.
        let found = history(&read, &run);
        let purged = |entry: &&HistoryEntry| matches!(&entry.change, Some(change) if matches!(change.fact, Fact::Purged { done: false, .. }));
        assert_eq!(found.iter().take_while(purged).count() as u64, slices, "it says that it is being purged");
        let edits = found
            .iter()
            .filter(|entry| matches!(&entry.change, Some(change) if matches!(change.fact, Fact::Edited { .. })));
        assert_eq!(edits.count() as u64, METRICS as u64 + 2 - erased, "what is left of it");
        assert!(found.last().unwrap().change.is_none(), "and that something is gone");
        let whole = read.as_of(At::Sequence(live)).unwrap().runs().get(&run);
        assert_eq!(whole.unwrap().metrics.len() as i64, METRICS, "as of its last edit");
        if slices % 3 == 0 {
            store.close().unwrap();
            drop(store);
            store = options().open(folder.path()).unwrap();
        }
    }
    println!("{slices} slices");
    assert!(slices > 3);
    assert_eq!(erased, METRICS as u64 + 2);
    assert_eq!(purge(&store).commits, 0);
    assert!(store.read().history(&run).is_err());
    assert_eq!(assert_intact(&store).entities, 3);
}

/// A purge asks between slices whether to go on: it may be ended before anything was erased, too, and by a write.
#[test]
fn progress_grows_and_may_write() {
    let (store, _) = in_memory();
    fill(&store, 100);
    let mut last = PurgeReport::default();
    let report = store.purge_with(&PurgeOptions::new(), |report| {
        assert!(report.commits == last.commits + 1 && report.changes > last.changes);
        assert!(!report.finished);
        last = report.clone();
        // The writer is free between slices.
        store.write(|w| w.projects().get_or_create(&format!("during {}", report.commits))).unwrap();
        ControlFlow::Continue(())
    });
    let report = report.unwrap();
    last.finished = true;
    assert_eq!(last, report);
    assert_intact(&store);
}
