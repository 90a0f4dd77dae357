//! Trying a write out.

use modeldb::{ErrorKind, ExperimentId, NewRun, RunId};

use super::{assert_intact, everything, fill, options};

#[test]
fn a_dry_run_answers_and_leaves_nothing() {
    let store = options().open_in_memory().unwrap();
    let (experiment, ids) = fill(&store, 12);
    let before = everything(&store.read());
    assert_eq!(store.dry_run(|w| w.runs().delete_many(&ids[..5])).unwrap(), 5);
    let unknown = RunId::new("nobody").unwrap();
    assert_eq!(store.dry_run(|w| w.runs().delete_many([&unknown, &ids[0]])).unwrap(), 1);
    let error = store.dry_run(|w| w.runs().delete_many([&unknown])).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert_eq!(store.dry_run(|w| w.experiments().delete_many([&experiment])).unwrap(), 1);
    let project = store.read().projects().list().page(1).unwrap().items[0].id.clone();
    assert_eq!(store.dry_run(|w| w.projects().delete_many([&project])).unwrap(), 1);
    let found = store.read().runs().find("metrics.accuracy >= 6").unwrap();
    assert_eq!(store.dry_run(|w| w.runs().delete_found(&found)).unwrap(), 6);
    drop(found);
    // One that goes to the disk in parts.
    let text = "x".repeat(3_900);
    let many = (0..4_000).map(|at| NewRun::named(format!("many {at}")).description(&text));
    assert_eq!(store.dry_run(|w| w.runs().create_many(&experiment, many)).unwrap().len(), 4_000);
    assert_eq!(everything(&store.read()), before);
    // It would have failed, and says how.
    let missing = ExperimentId::new("missing").unwrap();
    let error = store.dry_run(|w| w.runs().create(&missing, NewRun::new())).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    store.write(|w| w.runs().delete_many(&ids[..5])).unwrap();
    assert_intact(&store);
}
