//! Deletion hides: the entity, and everything under it, from every getter and listing (ModelDB 8).

use modeldb::{EntityId, ErrorKind, ExperimentId, NewExperiment, NewRun, ProjectId, RunId, Snapshot, Store};

use super::support::{Bench, kind};

struct Tree {
    bench: Bench,
    project: ProjectId,
    experiment: ExperimentId,
    run: RunId,
}

fn tree() -> Tree {
    let bench = Bench::new();
    let (project, experiment, run) = bench
        .store
        .write(|w| {
            let project = w.projects().get_or_create("p")?;
            let experiment = w.experiments().create(&project, NewExperiment::named("e"))?;
            let run = w.runs().create(&experiment, NewRun::named("r").metric("m", 1))?;
            Ok((project, experiment, run))
        })
        .unwrap();
    Tree { bench, project, experiment, run }
}

/// Which of the three a snapshot shows; all ways to ask must agree.
fn visible(read: &Snapshot, tree: &Tree) -> [bool; 3] {
    let Tree { project, experiment, run, .. } = tree;
    let one = |answers: &[bool]| {
        assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
        answers[0]
    };
    let names: Vec<_> = read.projects().list().into_iter().map(|project| project.unwrap().name).collect();
    let project_seen = one(&[
        read.projects().get(project).is_ok(),
        read.projects().get_by_name("p").is_ok(),
        names.contains(&"p".to_owned()),
        read.experiments().list(project).is_ok(),
        read.runs().list_in_project(project).is_ok(),
    ]);
    let listed = |listing: modeldb::Result<modeldb::Listing<modeldb::Experiment>>| {
        listing.is_ok_and(|listing| {
            let page = listing.page(10).unwrap();
            assert_eq!(listing.count().unwrap(), page.items.len() as u64);
            !page.items.is_empty()
        })
    };
    let experiment_seen = one(&[
        read.experiments().get(experiment).is_ok(),
        read.experiments().get_by_name(project, "e").is_ok(),
        listed(read.experiments().list(project)),
        read.runs().list(experiment).is_ok(),
    ]);
    let listed = |listing: modeldb::Result<modeldb::Listing<modeldb::Run>>| {
        listing.is_ok_and(|listing| {
            let count = listing.count().unwrap();
            let newest = listing.clone().newest_first().page(10).unwrap().items;
            assert_eq!(count, newest.len() as u64);
            listing.into_iter().count() > 0
        })
    };
    let run_seen = one(&[
        read.runs().get(run).is_ok(),
        read.runs().view(run).is_ok(),
        read.runs().get_by_name(experiment, "r").is_ok(),
        listed(read.runs().list(experiment)),
        listed(read.runs().list_in_project(project)),
    ]);
    [project_seen, experiment_seen, run_seen]
}

fn check(delete: impl FnOnce(&Tree, &Store), left: [bool; 3]) {
    let tree = tree();
    let store = &tree.bench.store;
    let before = store.read();
    assert_eq!(visible(&before, &tree), [true; 3]);
    delete(&tree, store);
    let after = store.read();
    assert_eq!(visible(&after, &tree), left);
    assert_eq!(visible(&before, &tree), [true; 3], "a snapshot never changes");
    assert_eq!(visible(&after.as_of(before.sequence()).unwrap(), &tree), [true; 3]);
    assert_eq!(visible(&after.as_of(after.sequence()).unwrap(), &tree), left);
    // One more commit, so that the deletion itself is in the past.
    store.write(|w| w.projects().get_or_create("later")).unwrap();
    assert_eq!(visible(&store.read().as_of(after.sequence()).unwrap(), &tree), left);
    // History answers for deleted things.
    for entity in [EntityId::from(&tree.project), (&tree.experiment).into(), (&tree.run).into()] {
        assert!(store.read().history(entity).unwrap().count() > 0);
    }
    assert!(store.audit().verify().unwrap().is_intact());
}

#[test]
fn a_deleted_parent_hides_its_children_everywhere() {
    check(|tree, store| store.write(|w| w.projects().delete(&tree.project)).unwrap(), [false; 3]);
    check(|tree, store| store.write(|w| w.experiments().delete(&tree.experiment)).unwrap(), [true, false, false]);
    check(|tree, store| store.write(|w| w.runs().delete(&tree.run)).unwrap(), [true, true, false]);
}

#[test]
fn what_is_hidden_cannot_be_changed_or_deleted_again() {
    let tree = tree();
    let store = &tree.bench.store;
    let gone = ErrorKind::NotFound;
    store.write(|w| w.runs().delete(&tree.run)).unwrap();
    assert_eq!(kind(store.write(|w| w.runs().delete(&tree.run))), gone, "the worked vector 19");
    assert_eq!(kind(store.write(|w| w.runs().log_metric(&tree.run, "n", 1))), gone);
    let other = store.write(|w| w.runs().create(&tree.experiment, NewRun::named("other"))).unwrap();
    store.write(|w| w.projects().delete(&tree.project)).unwrap();
    let refused = [
        store.write(|w| w.runs().describe(&other, "x")),
        store.write(|w| w.runs().delete(&other)),
        store.write(|w| w.runs().create(&tree.experiment, NewRun::new()).map(|_| ())),
        store.write(|w| w.experiments().describe(&tree.experiment, "x")),
        store.write(|w| w.experiments().create(&tree.project, NewExperiment::new()).map(|_| ())),
        store.write(|w| w.projects().rename(&tree.project, "x")),
        store.write(|w| w.projects().delete(&tree.project)),
    ];
    for refused in refused {
        assert_eq!(kind(refused), gone);
    }
    // An experiment that is not there is ignored.
    let before = store.read().sequence();
    store.write(|w| w.experiments().delete(&tree.experiment)).unwrap();
    assert_eq!(store.read().sequence(), before);
}

#[test]
fn a_deletion_is_one_change() {
    let tree = tree();
    let store = &tree.bench.store;
    store.write(|w| w.runs().create_many(&tree.experiment, (0..50).map(|_| NewRun::new()))).unwrap();
    let runs = store.stats().unwrap().runs;
    store.write(|w| w.projects().delete(&tree.project)).unwrap();
    let read = store.read();
    assert_eq!(read.commit(read.sequence()).unwrap().changes, 1, "children are hidden, not rewritten");
    assert_eq!(store.stats().unwrap().runs, runs, "rows are kept");
}

#[test]
fn a_deletion_inside_a_write_hides_at_once() {
    let tree = tree();
    tree.bench
        .store
        .write(|w| {
            w.experiments().delete(&tree.experiment)?;
            assert_eq!(kind(w.runs().get(&tree.run)), ErrorKind::NotFound);
            assert_eq!(kind(w.runs().describe(&tree.run, "x")), ErrorKind::NotFound);
            let again = w.experiments().create(&tree.project, NewExperiment::named("e"))?;
            assert_ne!(again, tree.experiment);
            Ok(())
        })
        .unwrap();
    // Taken back, it is there again.
    let tree = self::tree();
    let refused = tree.bench.store.write(|w| {
        w.projects().delete(&tree.project)?;
        Err::<(), _>(modeldb::Error::new(ErrorKind::Conflict, "no"))
    });
    assert_eq!(kind(refused), ErrorKind::Conflict);
    assert_eq!(visible(&tree.bench.store.read(), &tree), [true; 3]);
}
