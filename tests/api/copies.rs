//! Clones of runs and deep copies of projects (ModelDB 5.1, 5.3, D-21, D-22).

use std::collections::BTreeSet;

use modeldb::{
    Actor, Artifact, CloneOptions, CodeVersion, CopyOptions, Environment, ErrorKind, Experiment, ExperimentId, GroupId,
    NewExperiment, NewProject, NewRun, OwnerTracking, Project, ProjectId, Run, RunId, Snapshot, Store,
};

use super::support::{Bench, START, id, kind, ms};

fn full_run(name: &str) -> NewRun {
    NewRun::named(name)
        .description("what")
        .date_created(ms(1_000))
        .start_time(ms(2_000))
        .end_time(ms(3_000))
        .code_version("v1")
        .code_version_snapshot(CodeVersion::git("repo", "abc"))
        .environment(Environment::new().variable("A", "b"))
        .parent(id::<RunId>("a parent elsewhere"))
        .tags(["x", "y"])
        .attribute("a", 1)
        .hyperparameter("h", 2)
        .metric("m", 3)
        .feature("f")
        .artifact(Artifact::new("model", "").filename_extension("pkl"))
        .dataset(Artifact::new("train", "s3://train"))
        .owner("alice")
        .owner_tracking(OwnerTracking::User(7))
}

#[test]
fn a_clone_is_the_run_again_at_another_time() {
    let bench = Bench::new();
    let run = bench.run(full_run("source"));
    let store = &bench.store;
    store
        .write(|w| {
            w.runs().set_job_id(&run, "job")?;
            w.runs().describe(&run, "what it was")
        })
        .unwrap();
    bench.clock.set(ms(1_700_000_000_000 + 5));
    let source = bench.get(&run);
    let bob = store.as_actor(Actor::user("bob"));
    let clone = bob.write(|w| w.runs().clone_run(&run, CloneOptions::new())).unwrap();
    assert_ne!(clone, run);
    let found = bench.get(&clone);
    // Worked vector 18.
    assert_eq!(found.name, "source - 1700000000005");
    let now = ms(START + 5);
    assert_eq!((found.date_created, found.date_updated), (now, now));
    assert_eq!((found.start_time, found.end_time), (Some(now), Some(now)));
    assert_eq!((found.owner.as_str(), found.owner_tracking.as_ref()), ("bob", None));
    assert_eq!(found.version_number, 3, "that of the source");
    assert_eq!(found.job_id, "");
    assert_eq!(found.artifacts[0].path, format!("ExperimentRunEntity/{run}/model.pkl"), "the bytes of the source");
    let mut expected = source.clone();
    expected.id = clone.clone();
    expected.name = found.name.clone();
    (expected.date_created, expected.date_updated) = (now, now);
    (expected.start_time, expected.end_time) = (Some(now), Some(now));
    expected.owner = "bob".to_owned();
    expected.owner_tracking = None;
    expected.job_id = String::new();
    assert_eq!(found, expected);
    assert_eq!(bench.get(&run), source, "the source stays");
    assert_eq!(kind(bob.write(|w| w.runs().clone_run(&run, CloneOptions::new()))), ErrorKind::AlreadyExists);
    store.write(|w| w.runs().describe(&clone, "x")).unwrap();
    assert_eq!(bench.get(&clone).version_number, 4);
    assert!(store.audit().verify().unwrap().is_intact());
}

#[test]
fn a_clone_goes_where_it_is_told() {
    let bench = Bench::new();
    let run = bench.run(NewRun::named("source").metric("m", 1));
    let store = &bench.store;
    let (project, experiment) = store
        .write(|w| {
            let project = w.projects().get_or_create("other")?;
            Ok((project.clone(), w.experiments().get_or_create(&project, "elsewhere")?))
        })
        .unwrap();
    let clone = |run: &RunId, options: CloneOptions| store.write(|w| w.runs().clone_run(run, options));
    let there = clone(&run, CloneOptions::new().name("source").experiment(&experiment)).unwrap();
    let found = bench.get(&there);
    assert_eq!((found.project_id, found.experiment_id), (project, experiment.clone()));
    assert_eq!(found.metrics.get("m"), Some(&1.into()));
    assert_eq!(super::support::run_names(&store.read(), &experiment), ["source"]);
    let taken = ErrorKind::AlreadyExists;
    assert_eq!(kind(clone(&run, CloneOptions::new().name("source"))), taken);
    assert_eq!(kind(clone(&run, CloneOptions::new().name("source").experiment(&experiment))), taken);
    assert_eq!(kind(clone(&run, CloneOptions::new().name("x".repeat(257)))), ErrorKind::InvalidArgument);
    assert_eq!(kind(clone(&id("no such"), CloneOptions::new())), ErrorKind::NotFound);
    let nowhere = CloneOptions::new().experiment(id::<ExperimentId>("no such"));
    assert_eq!(kind(clone(&run, nowhere)), ErrorKind::NotFound);
    // The name that is made up may be longer than one that is given.
    store.write(|w| w.runs().rename(&run, &"x".repeat(256))).unwrap();
    let long = clone(&run, CloneOptions::new()).unwrap();
    assert_eq!(bench.get(&long).name, format!("{} - {START}", "x".repeat(256)));
    store.write(|w| w.experiments().delete(&experiment)).unwrap();
    assert_eq!(kind(clone(&there, CloneOptions::new())), ErrorKind::NotFound);
    assert_eq!(kind(clone(&run, CloneOptions::new().experiment(&experiment))), ErrorKind::NotFound);
}

/// A project with its experiments and runs, as a snapshot shows them.
type Tree = (Project, Vec<(Experiment, Vec<Run>)>);

fn tree(read: &Snapshot, id: &ProjectId) -> Tree {
    let project = read.projects().get(id).unwrap();
    let experiments = read.experiments().list(id).unwrap().into_iter().map(|experiment| {
        let experiment = experiment.unwrap();
        let runs = read.runs().list(&experiment.id).unwrap().into_iter().map(Result::unwrap).collect();
        (experiment, runs)
    });
    (project, experiments.collect())
}

/// What a copy of `source` by bob must be, its ids taken from `copy`.
fn expected(source: &Tree, copy: &Tree, name: &str) -> Tree {
    let (mut project, mut experiments) = source.clone();
    project.id = copy.0.id.clone();
    project.name = name.to_owned();
    (project.owner, project.owner_tracking) = ("bob".to_owned(), None);
    let ids: Vec<(RunId, RunId)> = experiments
        .iter()
        .zip(&copy.1)
        .flat_map(|(from, to)| from.1.iter().zip(&to.1).map(|(from, to)| (from.id.clone(), to.id.clone())))
        .collect();
    let copy_of = |id: RunId| ids.iter().find(|(from, _)| *from == id).map_or(id, |(_, to)| to.clone());
    for ((experiment, runs), (other, _)) in experiments.iter_mut().zip(&copy.1) {
        experiment.id = other.id.clone();
        experiment.project_id = project.id.clone();
        (experiment.owner, experiment.owner_tracking) = ("bob".to_owned(), None);
        for run in runs {
            run.id = copy_of(run.id.clone());
            run.parent_id = run.parent_id.take().map(copy_of);
            run.project_id = project.id.clone();
            run.experiment_id = experiment.id.clone();
            (run.owner, run.owner_tracking) = ("bob".to_owned(), None);
        }
    }
    (project, experiments)
}

fn check_copy(store: &Store, source: &ProjectId, copy: &ProjectId, name: &str) {
    let read = store.read();
    let (source, copy) = (tree(&read, source), tree(&read, copy));
    assert_eq!(copy, expected(&source, &copy, name));
    let ids = |tree: &Tree| -> BTreeSet<String> {
        let runs = tree.1.iter().flat_map(|(_, runs)| runs).map(|run| run.id.to_string());
        let all = runs.chain(tree.1.iter().map(|(experiment, _)| experiment.id.to_string()));
        all.chain([tree.0.id.to_string()]).collect()
    };
    assert!(ids(&source).is_disjoint(&ids(&copy)));
}

#[test]
fn a_deep_copy_is_the_project_under_new_ids() {
    let bench = Bench::new();
    let store = &bench.store;
    let project = store
        .write(|w| {
            let project = w.projects().create(
                NewProject::named("wine")
                    .workspace("lab")
                    .description("what")
                    .readme_text("long ".repeat(2_000))
                    .date_created(ms(10))
                    .attribute("a", 1)
                    .tag("t")
                    .owner("alice")
                    .owner_tracking(OwnerTracking::Group(GroupId::new("o", "g")))
                    .artifact(Artifact::new("k", "")),
            )?;
            let one = w.experiments().create(&project, NewExperiment::named("one").date_created(ms(20)).tag("t"))?;
            let two = w.experiments().create(&project, NewExperiment::named("two").attribute("b", "c"))?;
            let gone = w.experiments().create(&project, NewExperiment::named("gone"))?;
            w.runs().create(&gone, NewRun::named("with it"))?;
            w.runs().create(&one, full_run("a"))?;
            let parent = w.runs().create(&two, full_run("parent"))?;
            let deleted = w.runs().create(&one, NewRun::named("deleted"))?;
            // A part of one that is copied later, and of ones that are not copied.
            w.runs().create(&one, NewRun::named("part").parent(&parent))?;
            w.runs().create(&two, NewRun::named("part of a deleted one").parent(&deleted))?;
            w.runs().create(&two, full_run("b").description("long ".repeat(2_000)).date_updated(ms(2_000)))?;
            w.runs().delete(&deleted)?;
            w.experiments().delete(&gone)?;
            w.projects().set_short_name(&project, "vino")?;
            w.projects().log_code_version(&project, CodeVersion::git("r", "h"))?;
            Ok(project)
        })
        .unwrap();
    bench.clock.advance(1_000_000);
    let bob = store.as_actor(Actor::user("bob"));
    let before = store.read();
    let copy = |options: CopyOptions| bob.write(|w| w.projects().deep_copy(&project, options));
    let first = copy(CopyOptions::new()).unwrap();
    check_copy(store, &project, &first, "wine-2");
    let read = store.read();
    let commit = read.commit(read.sequence()).unwrap();
    assert_eq!(read.sequence(), before.sequence().next());
    assert_eq!(commit.operations.len(), 1);
    assert_eq!((commit.operations[0].name.as_str(), commit.operations[0].changes), ("project.deep_copy", 1 + 2 + 5));
    assert_eq!(tree(&read, &project), tree(&before, &project), "the source stays");
    let named = copy(CopyOptions::new().name("port")).unwrap();
    check_copy(store, &project, &named, "port");
    check_copy(store, &project, &copy(CopyOptions::new()).unwrap(), "wine-3");
    assert_eq!(kind(copy(CopyOptions::new().name("port"))), ErrorKind::AlreadyExists);
    assert_eq!(kind(copy(CopyOptions::new().name("x".repeat(257)))), ErrorKind::InvalidArgument);
    let unknown = store.write(|w| w.projects().deep_copy(&id("no such"), CopyOptions::new()));
    assert_eq!(kind(unknown), ErrorKind::NotFound);
    store.write(|w| w.projects().rename(&project, &"x".repeat(256))).unwrap();
    check_copy(store, &project, &copy(CopyOptions::new()).unwrap(), &format!("{}-2", "x".repeat(254)));
    assert!(store.audit().verify().unwrap().is_intact());
}

#[test]
fn a_deep_copy_sees_what_its_write_did() {
    let bench = Bench::new();
    let store = &bench.store;
    let old = bench.run(NewRun::named("old"));
    let (copy, again) = store
        .write(|w| {
            w.runs().describe(&old, "changed")?;
            w.runs().create(&bench.experiment, NewRun::named("new"))?;
            let experiment = w.experiments().create(&bench.project, NewExperiment::named("new"))?;
            w.runs().create(&experiment, NewRun::named("in it"))?;
            let copy = w.projects().deep_copy(&bench.project, CopyOptions::new())?;
            let again = w.projects().deep_copy(&copy, CopyOptions::new().name("again"))?;
            Ok((copy, again))
        })
        .unwrap();
    let names = |id: &ProjectId| -> Vec<String> {
        let runs = store.read().runs().list_in_project(id).unwrap();
        runs.into_iter().map(|run| run.unwrap()).map(|run| format!("{} {}", run.name, run.description)).collect()
    };
    assert_eq!(names(&copy), ["old changed", "new ", "in it "]);
    assert_eq!(names(&again), names(&copy));
}

#[test]
fn a_large_project_is_copied_in_slices() {
    // Past what a write holds in memory, with more runs than a page of children.
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    let project = store.write(|w| w.projects().get_or_create("large")).unwrap();
    let count = 3_000;
    store
        .write(|w| {
            for name in ["one", "two"] {
                let experiment = w.experiments().get_or_create(&project, name)?;
                let new = |number: usize| NewRun::named(format!("r{number}")).description("d".repeat(3_000));
                w.runs().create_many(&experiment, (0..count).map(new))?;
            }
            Ok(())
        })
        .unwrap();
    let bob = store.as_actor(Actor::user("bob"));
    let copy = bob.write(|w| w.projects().deep_copy(&project, CopyOptions::new())).unwrap();
    check_copy(&store, &project, &copy, "large-2");
    assert_eq!(store.read().runs().list_in_project(&copy).unwrap().count().unwrap(), 2 * count as u64);
    let read = store.read();
    assert_eq!(read.commit(read.sequence()).unwrap().operations.len(), 1);
    assert!(store.audit().verify().unwrap().is_intact());
    store.close().unwrap();
    check_copy(&Store::open(folder.path()).unwrap(), &project, &copy, "large-2");
}
