//! Scopes, ids, limits, iteration, deletion and the past.

use modeldb::{
    Artifact, ErrorKind, Experiment, ExperimentId, Filter, NewExperiment, NewProject, NewRun, Order, Predicate,
    Project, ProjectId, RunId,
};

use super::{Bench, kind, names, sorted};

/// Two projects of two experiments with two runs each, named by their places: `0.1.0` is a run.
struct Tree {
    bench: Bench,
    projects: Vec<ProjectId>,
    experiments: Vec<ExperimentId>,
    runs: Vec<RunId>,
}

fn tree() -> Tree {
    let bench = Bench::new();
    let (mut projects, mut experiments, mut runs) = (Vec::new(), Vec::new(), Vec::new());
    bench.write(|w| w.projects().delete(&bench.project));
    for p in 0..2 {
        let project = NewProject::named(format!("{p}")).workspace(["", "lab"][p]);
        projects.push(bench.write(|w| w.projects().create(project)));
        for e in 0..2 {
            let experiment = NewExperiment::named(format!("{p}.{e}"));
            experiments.push(bench.write(|w| w.experiments().create(&projects[p], experiment)));
            for r in 0..2 {
                let run = NewRun::named(format!("{p}.{e}.{r}"));
                runs.push(bench.write(|w| w.runs().create(&experiments[2 * p + e], run)));
            }
        }
    }
    Tree { bench, projects, experiments, runs }
}

#[test]
fn scopes_narrow_and_combine() {
    let Tree { bench, projects, experiments, runs } = tree();
    let read = bench.store.read();
    let all = || read.runs().find(Filter::all()).unwrap();
    let shown = |found: modeldb::Find<modeldb::Run>| names(found.page(0, 0).unwrap().items);
    assert_eq!(shown(all()), "1.1.1 1.1.0 1.0.1 1.0.0 0.1.1 0.1.0 0.0.1 0.0.0");
    assert_eq!(shown(all().in_project(&projects[0])), "0.1.1 0.1.0 0.0.1 0.0.0");
    assert_eq!(shown(all().in_experiment(&experiments[2])), "1.0.1 1.0.0");
    assert_eq!(shown(all().in_project(&projects[1]).in_experiment(&experiments[2])), "1.0.1 1.0.0");
    assert_eq!(shown(all().in_project(&projects[0]).in_experiment(&experiments[2])), "");
    assert_eq!(shown(all().in_workspace("lab")), "1.1.1 1.1.0 1.0.1 1.0.0");
    assert_eq!(shown(all().in_workspace("")), shown(all()), "everything readable");
    assert_eq!(shown(all().in_workspace("none")), "");
    // Ids in any order, twice, of nothing; and within another scope.
    let nothing: RunId = "nothing".parse().unwrap();
    let ids = [&runs[0], &runs[5], &nothing, &runs[0]];
    assert_eq!(shown(all().among(ids)), "1.0.1 0.0.0");
    assert_eq!(shown(all().among(ids).in_project(&projects[1])), "1.0.1");
    assert_eq!(shown(all().among(ids).in_experiment(&experiments[0])), "0.0.0");
    assert_eq!(shown(all().among(ids).among([&runs[5]])), "1.0.1");
    assert_eq!(shown(all().among::<RunId>([])), "");
    // An unknown scope is empty, not an error.
    assert_eq!(shown(all().in_project(&"unknown".parse().unwrap())), "");
    assert_eq!(shown(all().in_experiment(&"unknown".parse().unwrap())), "");
    // A scope, a filter and predicates hold together.
    let found = read.runs().find(Filter::field("name").contains(".1.")).unwrap().in_project(&projects[0]);
    assert_eq!(shown(found.predicate(Predicate::new("name", modeldb::Operator::Ne, "0.1.0"))), "0.1.1");

    let experiments_in =
        |found: modeldb::Find<Experiment>| sorted(found.iter().unwrap().map(|found| found.unwrap().name));
    let all = || read.experiments().find(Filter::all()).unwrap();
    assert_eq!(experiments_in(all()), "0.0 0.1 1.0 1.1");
    assert_eq!(experiments_in(all().in_project(&projects[1])), "1.0 1.1");
    assert_eq!(experiments_in(all().in_project(&bench.project)), "", "deleted");
    assert_eq!(experiments_in(all().in_workspace("lab").among([&experiments[0], &experiments[3]])), "1.1");
    let projects_in = |found: modeldb::Find<Project>| sorted(found.iter().unwrap().map(|found| found.unwrap().name));
    let all = || read.projects().find(Filter::all()).unwrap();
    assert_eq!(projects_in(all()), "0 1");
    assert_eq!(projects_in(all().in_workspace("lab")), "1");
    assert_eq!(projects_in(all().among([&projects[0], &bench.project])), "0");
}

#[test]
fn what_is_deleted_or_under_it_is_not_found() {
    let Tree { bench, projects, experiments, runs } = tree();
    let before = bench.store.read();
    bench.write(|w| w.runs().delete(&runs[0]));
    bench.write(|w| w.experiments().delete(&experiments[1]));
    let between = bench.store.read();
    bench.write(|w| w.projects().delete(&projects[1]));
    let ids = &runs;
    let shown = |read: &modeldb::Snapshot| {
        let runs = read.runs().find(Filter::all()).unwrap();
        let among = runs.clone().among([&ids[0], &ids[1], &ids[2], &ids[5]]);
        assert_eq!(runs.count().unwrap(), runs.page(1, 1).unwrap().total);
        (names(runs.page(0, 0).unwrap().items), names(among.page(0, 0).unwrap().items))
    };
    let now = bench.store.read();
    for (read, all, some) in [
        (&now, "0.0.1", "0.0.1"),
        (&between, "1.1.1 1.1.0 1.0.1 1.0.0 0.0.1", "1.0.1 0.0.1"),
        (&before, "1.1.1 1.1.0 1.0.1 1.0.0 0.1.1 0.1.0 0.0.1 0.0.0", "1.0.1 0.1.0 0.0.1 0.0.0"),
    ] {
        assert_eq!(shown(read), (all.to_owned(), some.to_owned()));
        // Looked back at, it is the same.
        assert_eq!(shown(&now.as_of(read.sequence()).unwrap()), (all.to_owned(), some.to_owned()));
    }
    let in_gone = now.runs().find(Filter::all()).unwrap().in_project(&projects[1]);
    assert_eq!(in_gone.page(1, 10).unwrap().total, 0);
    assert_eq!(in_gone.clone().in_experiment(&experiments[2]).count().unwrap(), 0);
}

#[test]
fn ids_limits_and_iterations_agree_with_pages() {
    let bench = Bench::with((0..700).map(|n| NewRun::named(format!("{n:03}")).metric("m", n * 37 % 700)));
    let found = bench.store.read().runs().find(Filter::metric("m").ge(100)).unwrap();
    for found in [found.clone(), found.clone().order_by("metrics.m"), found.clone().order_by("-name")] {
        let all = found.page(0, 0).unwrap();
        assert_eq!((all.total, all.items.len()), (600, 600));
        let ids: Vec<RunId> = all.items.iter().map(|run| run.id.clone()).collect();
        assert_eq!(found.page_ids(0, 7).unwrap().items, ids);
        assert_eq!(found.ids().unwrap().map(Result::unwrap).collect::<Vec<_>>(), ids);
        assert_eq!(found.iter().unwrap().map(|run| run.unwrap().id).collect::<Vec<_>>(), ids);
        assert_eq!(found.count().unwrap(), 600);
        let page = found.page_ids(3, 90).unwrap();
        assert_eq!((&page.items[..], page.total), (&ids[180..270], 600));
        assert_eq!(found.page_ids(7, 90).unwrap().items, ids[540..]);
        assert_eq!(found.top(5).unwrap(), all.items[..5]);
        let few = found.clone().limit(100);
        assert_eq!(few.page_ids(0, 0).unwrap().items, ids[..100]);
        assert_eq!(few.page_ids(2, 90).unwrap().items, ids[90..100]);
        assert_eq!(few.page_ids(3, 90).unwrap().items, []);
        assert_eq!(few.ids().unwrap().count(), 100);
        assert_eq!((few.count().unwrap(), few.page(2, 90).unwrap().total), (600, 600));
        assert_eq!(found.clone().limit(0).page(0, 0).unwrap().items, []);
    }
}

#[test]
fn a_search_holds_its_snapshot() {
    let bench = Bench::with([NewRun::named("a"), NewRun::named("b")]);
    let found = bench.store.read().runs().find(Filter::all()).unwrap();
    let mut names = found.iter().unwrap();
    assert_eq!(names.next().unwrap().unwrap().name, "b");
    let a = bench.store.read().runs().get_by_name(&bench.experiment, "a").unwrap().id;
    bench.write(|w| w.runs().delete(&a));
    bench.run(NewRun::named("c"));
    assert_eq!(names.next().unwrap().unwrap().name, "a");
    assert!(names.next().is_none());
    assert_eq!(found.count().unwrap(), 2);
}

#[test]
fn a_bad_predicate_or_order_is_an_error_of_the_end() {
    let bench = Bench::new();
    let read = bench.store.read();
    let found = || read.runs().find(Filter::all()).unwrap();
    let predicate = || Predicate::new("nothing", modeldb::Operator::Eq, 1);
    for found in [found().predicate(predicate()), found().order_by("nothing")] {
        assert_eq!(kind(found.page(1, 1)), ErrorKind::InvalidArgument);
        assert_eq!(kind(found.page_ids(1, 1)), ErrorKind::InvalidArgument);
        assert_eq!(kind(found.count()), ErrorKind::InvalidArgument);
        assert_eq!(kind(found.top(1)), ErrorKind::InvalidArgument);
        assert_eq!(kind(found.ids().map(drop)), ErrorKind::InvalidArgument);
        assert_eq!(kind(found.iter().map(drop)), ErrorKind::InvalidArgument);
    }
    let many = (0..limit()).map(|_| Predicate::new("name", modeldb::Operator::Eq, "x"));
    assert_eq!(kind(found().predicates(many).count()), ErrorKind::LimitExceeded);
}

fn limit() -> usize {
    modeldb::limits::FILTER_TERMS + 1
}

#[test]
fn children_and_users_of_a_dataset_version() {
    let bench = Bench::new();
    let parent = bench.run(NewRun::named("parent").artifact(Artifact::new("a", "p").linked_artifact_id("v1")));
    let child = bench.run(NewRun::named("child").parent(&parent));
    bench.run(NewRun::named("second").parent(&parent));
    bench.run(NewRun::named("grandchild").parent(&child));
    let read = bench.store.read();
    let children = |run: &RunId| read.runs().children(run).unwrap();
    assert_eq!(
        names(children(&parent).order_by(Order::sort_key("name", true)).page(1, 9).unwrap().items),
        "child second"
    );
    assert_eq!(children(&parent).order_by("name").page(2, 1).unwrap().total, 2);
    assert_eq!(names(children(&child).page(0, 0).unwrap().items), "grandchild");
    assert_eq!(children(&"unknown".parse().unwrap()).count().unwrap(), 0);
    // An artifact's link is no dataset.
    assert_eq!(read.runs().by_dataset_version("v1").unwrap().count().unwrap(), 0);
    assert_eq!(kind(read.runs().by_dataset_version("").map(drop)), ErrorKind::InvalidArgument);
}
