//! Deleting many, listing what was deleted, and taking a deletion back.

use modeldb::{
    ErrorKind, ExperimentId, Listed, Listing, NewExperiment, NewProject, NewRun, ProjectId, RunId, Snapshot, Store,
};

use super::support::{Bench, id, kind};

fn deleted<T: Listed>(listing: &Listing<T>, name: impl Fn(T) -> String) -> Vec<String> {
    let listing = listing.clone().deleted();
    let names: Vec<String> = listing.clone().into_iter().map(|entity| name(entity.unwrap())).collect();
    assert_eq!(listing.count().unwrap(), names.len() as u64);
    let mut paged = Vec::new();
    let mut page = listing.page(1).unwrap();
    loop {
        paged.extend(page.items.drain(..).map(&name));
        match page.next {
            Some(next) => page = listing.clone().after(next).page(1).unwrap(),
            None => break,
        }
    }
    assert_eq!(paged, names);
    let mut newest: Vec<String> = listing.newest_first().into_iter().map(|entity| name(entity.unwrap())).collect();
    newest.reverse();
    assert_eq!(newest, names);
    names
}

fn deleted_runs(read: &Snapshot, experiment: &ExperimentId) -> Vec<String> {
    deleted(&read.runs().list(experiment).unwrap(), |run| run.name)
}

struct Tree {
    bench: Bench,
    project: ProjectId,
    experiment: ExperimentId,
    runs: Vec<RunId>,
}

impl Tree {
    fn new() -> Self {
        let bench = Bench::new();
        let (project, experiment, runs) = bench
            .store
            .write(|w| {
                let project = w.projects().create(NewProject::named("p"))?;
                let experiment = w.experiments().create(&project, NewExperiment::named("e"))?;
                let new = ["a", "b", "c"].map(|name| NewRun::named(name).metric("m", 1));
                let runs = w.runs().create_many(&experiment, new)?;
                Ok((project, experiment, runs))
            })
            .unwrap();
        Tree { bench, project, experiment, runs }
    }

    fn store(&self) -> &Store {
        &self.bench.store
    }
}

#[test]
fn a_restored_run_is_what_it_was() {
    let tree = Tree::new();
    let store = tree.store();
    let run = &tree.runs[1];
    let before = tree.bench.get(run);
    assert_eq!(deleted_runs(&store.read(), &tree.experiment), [""; 0]);
    store.write(|w| w.runs().delete(run)).unwrap();
    let hidden = store.read();
    assert_eq!(deleted_runs(&hidden, &tree.experiment), ["b"]);
    assert_eq!(deleted(&hidden.runs().list_in_project(&tree.project).unwrap(), |run| run.name), ["b"]);
    store.write(|w| w.runs().restore(run)).unwrap();
    let after = tree.bench.get(run);
    assert_eq!(after.version_number, before.version_number + 2);
    assert_eq!(without_version(after), without_version(before));
    assert_eq!(deleted_runs(&store.read(), &tree.experiment), [""; 0]);
    assert_eq!(store.read().runs().get_by_name(&tree.experiment, "b").unwrap().id, *run);
    // A snapshot and the past stay as they were.
    assert_eq!(deleted_runs(&hidden, &tree.experiment), ["b"]);
    store.write(|w| w.projects().get_or_create("later")).unwrap();
    let past = store.read().as_of(hidden.sequence()).unwrap();
    assert_eq!(deleted_runs(&past, &tree.experiment), ["b"]);
    assert_eq!(kind(past.runs().get(run)), ErrorKind::NotFound);
    let steps: Vec<String> = store.read().history(run).unwrap().map(|step| step.unwrap().operation.name).collect();
    assert_eq!(steps, ["run.restore", "run.delete", "run.create_many"]);
    assert!(store.audit().verify().unwrap().is_intact());
}

fn without_version(mut run: modeldb::Run) -> modeldb::Run {
    run.version_number = 0;
    run
}

#[test]
fn what_was_not_deleted_itself_comes_back_with_its_parent() {
    let tree = Tree::new();
    let store = tree.store();
    let names = |read: &Snapshot| super::support::run_names(read, &tree.experiment);
    store.write(|w| w.runs().delete(&tree.runs[0])).unwrap();
    store.write(|w| w.experiments().delete(&tree.experiment)).unwrap();
    store.write(|w| w.projects().delete(&tree.project)).unwrap();
    let read = store.read();
    assert_eq!(deleted(&read.projects().list(), |project| project.name), ["p"]);
    // Inside out, nothing can be restored.
    assert_eq!(kind(store.write(|w| w.runs().restore(&tree.runs[0]))), ErrorKind::NotFound);
    assert_eq!(kind(store.write(|w| w.experiments().restore(&tree.experiment))), ErrorKind::NotFound);
    store.write(|w| w.projects().restore(&tree.project)).unwrap();
    let read = store.read();
    assert_eq!(deleted(&read.experiments().list(&tree.project).unwrap(), |experiment| experiment.name), ["e"]);
    assert_eq!(kind(read.runs().list(&tree.experiment).map(|_| ())), ErrorKind::NotFound);
    assert_eq!(
        deleted(&read.runs().list_in_project(&tree.project).unwrap(), |run| run.name),
        [""; 0],
        "its experiment comes first"
    );
    store.write(|w| w.experiments().restore(&tree.experiment)).unwrap();
    let read = store.read();
    assert_eq!(names(&read), ["b", "c"]);
    assert_eq!(deleted_runs(&read, &tree.experiment), ["a"]);
    store.write(|w| w.runs().restore(&tree.runs[0])).unwrap();
    assert_eq!(names(&store.read()), ["a", "b", "c"]);
    assert!(store.audit().verify().unwrap().is_intact());
}

#[test]
fn what_is_not_deleted_cannot_be_restored() {
    let tree = Tree::new();
    let store = tree.store();
    let refused = [
        store.write(|w| w.projects().restore(&tree.project)),
        store.write(|w| w.experiments().restore(&tree.experiment)),
        store.write(|w| w.runs().restore(&tree.runs[0])),
        store.write(|w| w.projects().restore(&id("no such"))),
        store.write(|w| w.experiments().restore(&id("no such"))),
        store.write(|w| w.runs().restore(&id("no such"))),
    ];
    for refused in refused {
        assert_eq!(kind(refused), ErrorKind::NotFound);
    }
    // Hidden by its parent only: it comes back with that.
    store.write(|w| w.experiments().delete(&tree.experiment)).unwrap();
    assert_eq!(kind(store.write(|w| w.runs().restore(&tree.runs[0]))), ErrorKind::NotFound);
}

#[test]
fn a_name_that_was_taken_meanwhile_keeps_an_entity_out() {
    let tree = Tree::new();
    let store = tree.store();
    let taken = ErrorKind::AlreadyExists;
    store.write(|w| w.runs().delete(&tree.runs[0])).unwrap();
    let other = store.write(|w| w.runs().create(&tree.experiment, NewRun::named("a"))).unwrap();
    assert_eq!(kind(store.write(|w| w.runs().restore(&tree.runs[0]))), taken);
    store.write(|w| w.runs().rename(&other, "d")).unwrap();
    store.write(|w| w.runs().restore(&tree.runs[0])).unwrap();
    store.write(|w| w.experiments().delete(&tree.experiment)).unwrap();
    let other = store.write(|w| w.experiments().create(&tree.project, NewExperiment::named("e"))).unwrap();
    assert_eq!(kind(store.write(|w| w.experiments().restore(&tree.experiment))), taken);
    store.write(|w| w.experiments().delete(&other)).unwrap();
    store.write(|w| w.experiments().restore(&tree.experiment)).unwrap();
    // Now the other one is kept out.
    assert_eq!(kind(store.write(|w| w.experiments().restore(&other))), taken);
    store.write(|w| w.projects().delete(&tree.project)).unwrap();
    store.write(|w| w.projects().create(NewProject::named("p").workspace("elsewhere"))).unwrap();
    store.write(|w| w.projects().restore(&tree.project)).unwrap();
    store.write(|w| w.projects().delete(&tree.project)).unwrap();
    store.write(|w| w.projects().create(NewProject::named("p"))).unwrap();
    assert_eq!(kind(store.write(|w| w.projects().restore(&tree.project))), taken);
}

#[test]
fn a_deletion_is_taken_back_in_one_write() {
    let tree = Tree::new();
    tree.store()
        .write(|w| {
            w.projects().delete(&tree.project)?;
            assert_eq!(kind(w.runs().get(&tree.runs[0])), ErrorKind::NotFound);
            w.projects().restore(&tree.project)?;
            w.runs().log_metric(&tree.runs[0], "n", 1)?;
            w.runs().delete(&tree.runs[1])?;
            w.runs().restore(&tree.runs[1])
        })
        .unwrap();
    let read = tree.store().read();
    assert_eq!(super::support::run_names(&read, &tree.experiment), ["a", "b", "c"]);
    assert_eq!(read.projects().get(&tree.project).unwrap().version_number, 3);
    assert!(tree.store().audit().verify().unwrap().is_intact());
}

#[test]
fn what_is_restored_survives_a_reopen() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let (project, experiment) = store
        .write(|w| {
            let project = w.projects().get_or_create("p")?;
            Ok((project.clone(), w.experiments().get_or_create(&project, "e")?))
        })
        .unwrap();
    store.write(|w| w.projects().delete(&project)).unwrap();
    store.close().unwrap();
    let store = Store::open(folder.path()).unwrap();
    assert_eq!(deleted(&store.read().projects().list(), |project| project.name), ["p"]);
    store.write(|w| w.projects().restore(&project)).unwrap();
    store.close().unwrap();
    let store = Store::open(folder.path()).unwrap();
    assert_eq!(store.read().experiments().get(&experiment).unwrap().name, "e");
    assert_eq!(store.write(|w| w.projects().get_or_create("p")).unwrap(), project);
}

#[test]
fn many_projects_are_deleted_or_none() {
    let bench = Bench::new();
    let store = &bench.store;
    let projects = store.write(|w| w.projects().create_many((0..3).map(|_| NewProject::new()))).unwrap();
    let delete = |ids: &[&ProjectId]| store.write(|w| w.projects().delete_many(ids.iter().copied()));
    assert_eq!(kind(delete(&[])), ErrorKind::InvalidArgument);
    assert_eq!(kind(delete(&[&projects[0], &id("no such"), &projects[1]])), ErrorKind::NotFound);
    assert_eq!(store.read().projects().list().count().unwrap(), 4, "never more than what is listed, here nothing");
    assert_eq!(delete(&[&projects[0], &projects[2], &projects[0]]).unwrap(), 2);
    assert_eq!(store.read().projects().list().count().unwrap(), 2);
    assert_eq!(kind(delete(&[&projects[0]])), ErrorKind::NotFound);
    assert_eq!(one_operation(store), ("project.delete_many".to_owned(), 2));
}

#[test]
fn unknown_experiments_are_ignored() {
    // Worked vector 19.
    let bench = Bench::new();
    let store = &bench.store;
    let before = store.read().sequence();
    store.write(|w| w.experiments().delete(&id("no such"))).unwrap();
    let delete = |ids: &[&ExperimentId]| store.write(|w| w.experiments().delete_many(ids.iter().copied()));
    assert_eq!(delete(&[&id("no such")]).unwrap(), 0);
    assert_eq!(store.read().sequence(), before, "nothing happened");
    assert_eq!(kind(delete(&[])), ErrorKind::InvalidArgument);
    let other = store.write(|w| w.experiments().create(&bench.project, NewExperiment::new())).unwrap();
    assert_eq!(delete(&[&other, &id("no such"), &bench.experiment, &other]).unwrap(), 2);
    assert_eq!(store.read().experiments().list(&bench.project).unwrap().count().unwrap(), 0);
    assert_eq!(one_operation(store), ("experiment.delete_many".to_owned(), 2));
    store.write(|w| w.experiments().delete(&other)).unwrap();
}

#[test]
fn runs_are_missed_only_if_all_are_missing() {
    let tree = Tree::new();
    let store = tree.store();
    let [a, b, c] = &tree.runs[..] else { panic!() };
    let delete = |ids: &[&RunId]| store.write(|w| w.runs().delete_many(ids.iter().copied()));
    assert_eq!(kind(delete(&[])), ErrorKind::InvalidArgument);
    assert_eq!(kind(delete(&[&id("no such"), &id("nor this")])), ErrorKind::NotFound);
    assert_eq!(delete(&[c, &id("no such"), a]).unwrap(), 2);
    assert_eq!(one_operation(store), ("run.delete_many".to_owned(), 2));
    assert_eq!(super::support::run_names(&store.read(), &tree.experiment), ["b"]);
    assert_eq!(kind(delete(&[a, c])), ErrorKind::NotFound);
    assert_eq!(delete(&[a, b]).unwrap(), 1);
    // One restore each.
    store.write(|w| tree.runs.iter().try_for_each(|run| w.runs().restore(run))).unwrap();
    assert_eq!(super::support::run_names(&store.read(), &tree.experiment), ["a", "b", "c"]);
}

/// The only operation of the last commit.
fn one_operation(store: &Store) -> (String, u32) {
    let read = store.read();
    let commit = read.commit(read.sequence()).unwrap();
    assert_eq!(commit.operations.len(), 1);
    (commit.operations[0].name.clone(), commit.operations[0].changes)
}

#[test]
fn what_is_being_purged_cannot_be_restored() {
    use std::ops::ControlFlow;
    let tree = Tree::new();
    let store = tree.store();
    let many = (0..2_000).map(|_| NewRun::new());
    store.write(|w| w.runs().create_many(&tree.experiment, many)).unwrap();
    store.write(|w| w.runs().delete(&tree.runs[0])).unwrap();
    store.write(|w| w.projects().delete(&tree.project)).unwrap();
    // One slice, and then no more.
    let report = store.purge_with(&modeldb::PurgeOptions::new(), |_| ControlFlow::Break(())).unwrap();
    assert!(!report.finished && report.runs > 0 && report.projects == 0);
    let refused = store.write(|w| w.projects().restore(&tree.project)).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::NotFound);
    assert!(refused.to_string().contains("being purged"), "{refused}");
    store.purge().unwrap();
    assert_eq!(kind(store.write(|w| w.projects().restore(&tree.project))), ErrorKind::NotFound);
    assert!(store.audit().verify().unwrap().is_intact());
}
