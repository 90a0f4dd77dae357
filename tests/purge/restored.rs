//! What is restored while a purge goes on comes back whole.

use std::ops::ControlFlow;

use modeldb::{ErrorKind, NewExperiment, NewProject, NewRun, ProjectId, PurgeOptions, Store};

fn project(store: &Store, name: &str, runs: usize) -> ProjectId {
    store
        .write(|w| {
            let project = w.projects().create(NewProject::named(name))?;
            let experiment = w.experiments().create(&project, NewExperiment::named("e"))?;
            w.runs().create_many(&experiment, (0..runs).map(|_| NewRun::new()))?;
            Ok(project)
        })
        .unwrap()
}

/// Purges two projects, and after the first slice, which is all of the first one, does something to the other.
/// Answers whether the purge left nothing.
fn purge_meanwhile(store: &Store, first: &ProjectId, second: &ProjectId, meanwhile: impl FnOnce()) -> bool {
    store.write(|w| w.projects().delete_many([first, second])).unwrap();
    let mut meanwhile = Some(meanwhile);
    let report = store.purge_with(&PurgeOptions::new(), |_| {
        if let Some(meanwhile) = meanwhile.take() {
            meanwhile();
        }
        ControlFlow::Continue(())
    });
    report.unwrap().finished
}

#[test]
fn a_project_that_is_restored_meanwhile_loses_nothing() {
    for delete_again in [false, true] {
        let store = Store::in_memory().unwrap();
        let (first, second) = (project(&store, "first", 2_000), project(&store, "second", 30));
        let finished = purge_meanwhile(&store, &first, &second, || {
            store.write(|w| w.projects().restore(&second)).unwrap();
            if delete_again {
                store.write(|w| w.projects().delete(&second)).unwrap();
            }
        });
        assert_eq!(finished, !delete_again);
        if delete_again {
            store.write(|w| w.projects().restore(&second)).unwrap();
        }
        let read = store.read();
        assert_eq!(read.projects().get(&first).unwrap_err().kind(), ErrorKind::NotFound);
        assert_eq!(read.runs().list_in_project(&second).unwrap().count().unwrap(), 30, "deleted again: {delete_again}");
        // The next purge takes it, if it is deleted by then.
        store.write(|w| w.projects().delete(&second)).unwrap();
        let report = store.purge().unwrap();
        assert_eq!((report.projects, report.experiments, report.runs), (1, 1, 30));
        assert_eq!(store.read().projects().list().deleted().count().unwrap(), 0);
        assert!(store.audit().verify().unwrap().is_intact());
    }
}
