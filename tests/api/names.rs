//! Ids and names: given or drawn, taken or free, long or random (ModelDB 2.1, 2.4).

use modeldb::{ErrorKind, ExperimentId, NewExperiment, NewProject, NewRun, ProjectId, RunId, Timestamp};

use super::support::{Bench, START, id, kind, ms};

#[test]
fn a_given_id_is_taken_for_ever() {
    let bench = Bench::new();
    let store = &bench.store;
    let project: ProjectId = id("p/1 \"x\"\n\u{1f40d}");
    store.write(|w| w.projects().create(NewProject::named("a").id(&project))).unwrap();
    let again = || store.write(|w| w.projects().create(NewProject::named("b").id(&project)));
    assert_eq!(kind(again()), ErrorKind::AlreadyExists);
    store.write(|w| w.projects().delete(&project)).unwrap();
    assert_eq!(kind(again()), ErrorKind::AlreadyExists, "even after the deletion");

    let experiment: ExperimentId = id("e");
    let new = || NewExperiment::new().id(&experiment);
    store.write(|w| w.experiments().create(&bench.project, new())).unwrap();
    assert_eq!(kind(store.write(|w| w.experiments().create(&bench.project, new()))), ErrorKind::AlreadyExists);
    store.write(|w| w.experiments().delete(&experiment)).unwrap();
    assert_eq!(kind(store.write(|w| w.experiments().create(&bench.project, new()))), ErrorKind::AlreadyExists);

    let run: RunId = id("e"); // The id of an experiment is no run's.
    let new = || NewRun::new().id(&run);
    bench.run(new());
    assert_eq!(kind(bench.try_run(new())), ErrorKind::AlreadyExists);
    store.write(|w| w.runs().delete(&run)).unwrap();
    assert_eq!(kind(bench.try_run(new())), ErrorKind::AlreadyExists);
    // Twice in one write, and what a failed write had taken is free again.
    let twice = store.write(|w| {
        w.runs().create(&bench.experiment, NewRun::new().id(id::<RunId>("t")))?;
        w.runs().create(&bench.experiment, NewRun::new().id(id::<RunId>("t")))
    });
    assert_eq!(kind(twice), ErrorKind::AlreadyExists);
    bench.run(NewRun::new().id(id::<RunId>("t")));
    assert_eq!(kind(RunId::new("")), ErrorKind::InvalidArgument);
}

#[test]
fn other_ids_are_uuids_of_version_7() {
    let bench = Bench::new();
    let mut seen = std::collections::BTreeSet::new();
    for step in 0..20 {
        let run = bench.run(NewRun::new());
        let uuid = uuid::Uuid::parse_str(run.as_str()).unwrap();
        assert_eq!(uuid.get_version_num(), 7);
        assert_eq!(uuid.get_variant(), uuid::Variant::RFC4122);
        assert_eq!(run.as_str(), uuid.hyphenated().to_string(), "lower case, with hyphens");
        let (seconds, nanos) = uuid.get_timestamp().unwrap().to_unix();
        let millis = i64::try_from(seconds * 1000 + u64::from(nanos) / 1_000_000).unwrap();
        assert_eq!(millis, START + step * 1000);
        assert!(seen.insert(run));
        bench.clock.advance(1000);
    }
}

#[test]
fn names_have_at_most_256_characters() {
    let bench = Bench::new();
    let store = &bench.store;
    // Characters, not bytes.
    let (longest, longer) = ("\u{1f40d}".repeat(256), "\u{1f40d}".repeat(257));
    let project = store.write(|w| w.projects().create(NewProject::named(&longest))).unwrap();
    let experiment = store.write(|w| w.experiments().create(&project, NewExperiment::named(&longest))).unwrap();
    let run = store.write(|w| w.runs().create(&experiment, NewRun::named(&longest))).unwrap();
    let read = store.read();
    assert_eq!(read.projects().get_by_name(&longest).unwrap().id, project);
    assert_eq!(read.experiments().get_by_name(&project, &longest).unwrap().id, experiment);
    assert_eq!(read.runs().get_by_name(&experiment, &longest).unwrap().id, run);
    let invalid = ErrorKind::InvalidArgument;
    assert_eq!(kind(store.write(|w| w.projects().create(NewProject::named(&longer)))), invalid);
    assert_eq!(kind(store.write(|w| w.experiments().create(&project, NewExperiment::named(&longer)))), invalid);
    assert_eq!(kind(store.write(|w| w.runs().create(&experiment, NewRun::named(&longer)))), invalid);
    assert_eq!(kind(store.write(|w| w.projects().rename(&project, &longer))), invalid);
    assert_eq!(kind(store.write(|w| w.experiments().rename(&experiment, &longer))), invalid);
    // A run's rename checks neither length nor uniqueness.
    store.write(|w| w.runs().rename(&run, &longer)).unwrap();
    assert_eq!(store.read().runs().get_by_name(&experiment, &longer).unwrap().id, run);
}

#[track_caller]
fn three_words(name: &str) {
    let words: Vec<_> = name.split('-').collect();
    assert_eq!(words.len(), 3, "{name}");
    assert!(words.iter().all(|word| !word.is_empty() && word.chars().all(|c| c.is_ascii_lowercase())), "{name}");
}

#[test]
fn an_empty_name_becomes_three_random_words() {
    let bench = Bench::new();
    let store = &bench.store;
    let project = store.write(|w| w.projects().create(NewProject::new())).unwrap();
    let experiment = store.write(|w| w.experiments().create(&project, NewExperiment::named(""))).unwrap();
    let name = |read: &modeldb::Snapshot| read.projects().get(&project).unwrap().name;
    three_words(&name(&store.read()));
    three_words(&store.read().experiments().get(&experiment).unwrap().name);
    let mut names = std::collections::BTreeSet::new();
    for _ in 0..50 {
        let run = store.write(|w| w.runs().create(&experiment, NewRun::new())).unwrap();
        let name = bench.get(&run).name;
        three_words(&name);
        assert!(names.insert(name), "unique in its experiment");
    }
    // An empty new name asks for a random one as well; a blank one is refused for a run.
    let before = name(&store.read());
    store.write(|w| w.projects().rename(&project, "")).unwrap();
    three_words(&name(&store.read()));
    assert_ne!(name(&store.read()), before);
    store.write(|w| w.experiments().rename(&experiment, "")).unwrap();
    three_words(&store.read().experiments().get(&experiment).unwrap().name);
    let run = bench.run(NewRun::new());
    for blank in ["", " ", "\t\n"] {
        assert_eq!(kind(store.write(|w| w.runs().rename(&run, blank))), ErrorKind::InvalidArgument);
    }
}

#[test]
fn a_project_is_unique_in_its_workspace() {
    let bench = Bench::new();
    let store = &bench.store;
    let create = |workspace: &str| store.write(|w| w.projects().create(NewProject::named("n").workspace(workspace)));
    let (a, b) = (create("a").unwrap(), create("b").unwrap());
    let default = create("").unwrap();
    assert_eq!(kind(create("a")), ErrorKind::AlreadyExists);
    let read = store.read();
    assert_eq!(read.projects().get_by_name_in("a", "n").unwrap().id, a);
    assert_eq!(read.projects().get_by_name_in("b", "n").unwrap().id, b);
    assert_eq!(read.projects().get_by_name("n").unwrap().id, default);
    assert_eq!(kind(read.projects().get_by_name_in("c", "n")), ErrorKind::NotFound);
    // Case counts.
    let upper = store.write(|w| w.projects().create(NewProject::named("N").workspace("a"))).unwrap();
    assert_eq!(kind(store.write(|w| w.projects().rename(&upper, "n"))), ErrorKind::AlreadyExists);
    store.write(|w| w.projects().rename(&upper, "N")).unwrap();
    store.write(|w| w.projects().delete(&a)).unwrap();
    store.write(|w| w.projects().rename(&upper, "n")).unwrap();
    assert_eq!(store.read().projects().get_by_name_in("a", "n").unwrap().id, upper);
    // The short name does not follow.
    assert_eq!(store.read().projects().get(&upper).unwrap().short_name, "N");
}

#[test]
fn experiments_and_runs_are_unique_in_their_parent() {
    let bench = Bench::new();
    let store = &bench.store;
    let other = store.write(|w| w.projects().get_or_create("other")).unwrap();
    let create = |project| store.write(|w| w.experiments().create(project, NewExperiment::named("e")));
    let (here, there) = (create(&bench.project).unwrap(), create(&other).unwrap());
    assert_eq!(kind(create(&bench.project)), ErrorKind::AlreadyExists);
    assert_eq!(store.read().experiments().get_by_name(&other, "e").unwrap().id, there);
    store.write(|w| w.experiments().delete(&here)).unwrap();
    assert_eq!(kind(store.read().experiments().get_by_name(&bench.project, "e")), ErrorKind::NotFound);
    let again = create(&bench.project).unwrap();
    assert_eq!(store.read().experiments().get_by_name(&bench.project, "e").unwrap().id, again);

    let create = |experiment| store.write(|w| w.runs().create(experiment, NewRun::named("r")));
    let (first, elsewhere) = (create(&again).unwrap(), create(&there).unwrap());
    assert_eq!(kind(create(&again)), ErrorKind::AlreadyExists);
    assert_eq!(store.read().runs().get_by_name(&there, "r").unwrap().id, elsewhere);
    store.write(|w| w.runs().delete(&first)).unwrap();
    assert_eq!(
        store.read().runs().get_by_name(&again, "r").map(|run| run.id).map_err(|e| e.kind()),
        Err(ErrorKind::NotFound)
    );
    let second = create(&again).unwrap();
    assert_eq!(store.read().runs().get_by_name(&again, "r").unwrap().id, second);
    // The old name of a renamed entity is free.
    store.write(|w| w.experiments().rename(&again, "renamed")).unwrap();
    create_named(&bench, "e");
}

fn create_named(bench: &Bench, name: &str) -> ExperimentId {
    bench.store.write(|w| w.experiments().create(&bench.project, NewExperiment::named(name))).unwrap()
}

#[test]
fn of_runs_with_one_name_the_last_updated_is_meant() {
    let bench = Bench::new();
    let (a, b) = (bench.run(NewRun::named("a")), bench.run(NewRun::named("b")));
    bench.clock.advance(10);
    bench.store.write(|w| w.runs().rename(&b, "a")).unwrap();
    let named = || bench.store.read().runs().get_by_name(&bench.experiment, "a").unwrap().id;
    assert_eq!(named(), b);
    bench.clock.advance(10);
    bench.store.write(|w| w.runs().describe(&a, "touched")).unwrap();
    assert_eq!(named(), a);
    let by_get_or_create = bench.store.write(|w| w.runs().get_or_create(&bench.experiment, "a")).unwrap();
    assert_eq!(by_get_or_create, a);
    assert_eq!(kind(bench.try_run(NewRun::named("a"))), ErrorKind::AlreadyExists);
    bench.store.write(|w| w.runs().delete(&a)).unwrap();
    assert_eq!(named(), b);
    assert_eq!(kind(bench.store.read().runs().get_by_name(&bench.experiment, "b")), ErrorKind::NotFound);
}

#[test]
fn get_or_create_finds_what_is_there() {
    let bench = Bench::new();
    let store = &bench.store;
    let before = store.read().sequence();
    let found = store
        .write(|w| {
            let project = w.projects().get_or_create("wine-quality")?;
            let experiment = w.experiments().get_or_create(&project, "random-forest")?;
            Ok((project, experiment))
        })
        .unwrap();
    assert_eq!(found, (bench.project.clone(), bench.experiment.clone()));
    assert_eq!(store.read().sequence(), before, "a write that changes nothing makes no commit");
    let run = store.write(|w| w.runs().get_or_create(&bench.experiment, "r")).unwrap();
    assert_eq!(store.write(|w| w.runs().get_or_create(&bench.experiment, "r")).unwrap(), run);
    let (a, b) = store.write(|w| Ok((w.projects().get_or_create("")?, w.projects().get_or_create("")?))).unwrap();
    assert_ne!(a, b, "no name names nothing that is there");
    store.write(|w| w.projects().delete(&bench.project)).unwrap();
    let fresh = store.write(|w| w.projects().get_or_create("wine-quality")).unwrap();
    assert_ne!(fresh, bench.project);
}

#[test]
fn a_write_sees_its_own_names() {
    let bench = Bench::new();
    let run = bench.run(NewRun::named("a"));
    bench
        .store
        .write(|w| {
            w.runs().rename(&run, "b")?;
            let new = w.runs().create(&bench.experiment, NewRun::named("a"))?;
            assert_eq!(w.runs().get_or_create(&bench.experiment, "a")?, new);
            assert_eq!(w.runs().get_or_create(&bench.experiment, "b")?, run);
            w.runs().delete(&new)?;
            assert_eq!(kind(w.runs().get(&new)), ErrorKind::NotFound);
            w.runs().create(&bench.experiment, NewRun::named("a"))
        })
        .unwrap();
    assert_eq!(super::support::run_names(&bench.store.read(), &bench.experiment), ["b", "a"]);
    assert_eq!(bench.get(&run).date_updated, Timestamp::from_millis(START));
    assert_eq!(ms(START).to_string(), START.to_string());
}
