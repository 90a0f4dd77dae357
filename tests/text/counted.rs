//! Counts of one word or one part, which the index may tell without finding what has it.

use modeldb::{Entity, NewExperiment, NewProject, NewRun, ProjectId, Store};

use super::world::options;
use crate::support::random::{PrintSeed, Random, seed};

const QUERIES: [&str; 8] = [
    "description matches 'forest'",
    "description matches '\"old forest\"'",
    "description matches 'sea'",
    "name matches 'one'",
    "description like '%ores%'",
    "hyperparameters.note matches 'forest'",
    "text matches 'forest'",
    "attributes.note matches 'forest'",
];

fn check(store: &Store, project: &ProjectId, when: &str) {
    let read = store.read();
    let listed = read.runs().list_in_project(project);
    let runs: Vec<Entity> = listed.into_iter().flatten().map(|run| Entity::Run(run.unwrap())).collect();
    for query in QUERIES {
        let search = read.runs().find(query).unwrap();
        let filter = modeldb::Filter::parse(query).unwrap();
        let expected = runs.iter().filter(|run| filter.matches(*run)).count();
        assert_eq!(search.count().unwrap(), expected as u64, "{query}, {when}");
        let page = search.page(1, 5).unwrap();
        assert_eq!((page.total, page.items.len()), (expected as u64, expected.min(5)), "{query}, {when}");
    }
}

#[test]
fn words_and_parts_are_counted_as_looking_does() {
    let seed = seed(3);
    let (_print, mut random) = (PrintSeed(seed), Random::new(seed));
    let folder = tempfile::tempdir().unwrap();
    let store = options().open(folder.path().join("store")).unwrap();
    // Projects and experiments have the words, too, and are no runs.
    let (project, experiments) = store
        .write(|w| {
            let project = w.projects().create(NewProject::named("one").description("an old forest"))?;
            let new = |name| NewExperiment::named(name).description("a forest at sea");
            let experiments =
                [w.experiments().create(&project, new("one"))?, w.experiments().create(&project, new("two"))?];
            Ok((project, experiments))
        })
        .unwrap();
    let mut runs = Vec::new();
    let settle = |when: &str| {
        store.optimize().unwrap();
        store.wait_indexed(store.read().sequence()).unwrap();
        check(&store, &project, when);
    };
    for round in 0..6 {
        store
            .write(|w| {
                for number in 0..if round == 0 { 400 } else { 60 } {
                    let text =
                        *random.pick(&["an old forest", "Forests", "the sea", "forest, old", "no FOREST at sea"]);
                    let mut new = NewRun::named(format!("{} {round}-{number}", random.pick(&["one", "two"])));
                    if random.one_in(2) {
                        new = new.description(text);
                    } else {
                        new = new.hyperparameter("note", text);
                    }
                    runs.push(w.runs().create(random.pick(&experiments), new)?);
                }
                Ok(())
            })
            .unwrap();
        check(&store, &project, "before the index knows them");
        settle("only created");
    }
    // One document of an entity is outdated.
    store.write(|w| w.runs().describe(random.pick(&runs), "the only forest of its kind")).unwrap();
    check(&store, &project, "changed, and not indexed");
    settle("changed");
    let deleted = random.pick(&runs).clone();
    store.write(|w| w.runs().delete(&deleted)).unwrap();
    check(&store, &project, "deleted, and not indexed");
    settle("deleted");
    store.write(|w| w.runs().restore(&deleted)).unwrap();
    settle("restored");
    store.write(|w| w.experiments().delete(&experiments[0])).unwrap();
    settle("an experiment deleted");
    store.write(|w| w.experiments().restore(&experiments[0])).unwrap();
    settle("an experiment restored");
    // Of lists the index knows nothing.
    let list = modeldb::Value::List(vec!["forest".into(), 1.into()]);
    store.write(|w| w.runs().set_attributes(&runs[7], [modeldb::KeyValue::new("note", list.clone())])).unwrap();
    settle("a list");
    // Longer words than it holds.
    let long = format!("{} forest", "x".repeat(400));
    store.write(|w| w.runs().describe(&runs[8], &long)).unwrap();
    settle("a long word");
    store.close().unwrap();
    let store = options().open(folder.path().join("store")).unwrap();
    check(&store, &project, "reopened");
}
