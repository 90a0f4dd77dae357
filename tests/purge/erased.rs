//! What a purge takes and what it leaves.

use modeldb::{ErrorKind, ExperimentId, NewExperiment, NewProject, NewRun, ProjectId, RunId, Store};

use super::{long, options, purge};

struct Made {
    project: ProjectId,
    experiment: ExperimentId,
    runs: Vec<RunId>,
}

/// A project with an experiment and runs, one commit each, with a comment on each run.
fn made(store: &Store, name: &str, runs: usize) -> Made {
    let project = store.write(|w| w.projects().create(NewProject::named(name).description(long("p")))).unwrap();
    let experiment = store.write(|w| w.experiments().create(&project, NewExperiment::named("e"))).unwrap();
    let runs = (0..runs)
        .map(|number| {
            let new = NewRun::named(format!("run {number}")).id(RunId::new(format!("{name} {number}")).unwrap());
            let run = store.write(|w| w.runs().create(&experiment, new.description(long("r")))).unwrap();
            store.write(|w| w.runs().log_metric(&run, "m", number as i64)).unwrap();
            store.write(|w| w.comments().add(&run, "well done")).unwrap();
            run
        })
        .collect();
    Made { project, experiment, runs }
}

#[test]
fn a_purged_project_is_gone_and_the_log_is_whole() {
    let folder = tempfile::tempdir().unwrap();
    let store = options().open(folder.path()).unwrap();
    let kept = made(&store, "kept", 50);
    let gone = made(&store, "gone", 300);
    let before = store.audit().head().unwrap();
    assert_eq!(purge(&store).changes, 0, "nothing is deleted");
    assert_eq!(store.audit().head().unwrap(), before, "nothing was written");
    store.write(|w| w.projects().delete(&gone.project)).unwrap();
    let deleted = store.audit().head().unwrap();
    let report = purge(&store);
    assert!(report.finished);
    assert_eq!((report.projects, report.experiments, report.runs, report.comments), (1, 1, 300, 300));
    // Creation and deletion of the project, of the experiment its creation, of each run two and its comment.
    assert_eq!(report.changes, 2 + 1 + 300 * 3);
    assert_eq!(store.read().sequence().get() - deleted.sequence.get(), report.commits);
    let check = |store: &Store| {
        for head in [before, deleted] {
            let audit = store.audit().verify_against(&head).unwrap();
            assert!(audit.is_intact(), "{audit:?}");
            assert_eq!(audit.erased, report.changes);
            assert_eq!(audit.entities, 2 + 2 * 50);
        }
        let read = store.read();
        assert_eq!(read.projects().get(&gone.project).unwrap_err().kind(), ErrorKind::NotFound);
        assert_eq!(read.history(&gone.runs[0]).err().unwrap().kind(), ErrorKind::NotFound);
        let past = read.as_of(before.sequence).unwrap();
        assert_eq!(past.runs().get(&gone.runs[7]).unwrap_err().kind(), ErrorKind::NotFound);
        assert_eq!(past.projects().list().count().unwrap(), 1);
        for (number, run) in kept.runs.iter().enumerate() {
            let found = read.runs().get(run).unwrap();
            assert_eq!(found.description, long("r"));
            assert_eq!(found.metrics.get("m"), Some(&(number as i64).into()));
            assert_eq!(read.comments().list(run).unwrap().len(), 1);
        }
        assert_eq!(read.projects().get(&kept.project).unwrap().description, long("p"));
    };
    check(&store);
    assert_eq!(purge(&store).changes, 0, "once is enough");
    store.close().unwrap();
    let store = options().check_integrity(true).open(folder.path()).unwrap();
    check(&store);
    // Ids and names are free; rows are not.
    let again = store
        .write(|w| {
            let project = w.projects().create(NewProject::named("gone").id(gone.project.clone()))?;
            let experiment = w.experiments().create(&project, NewExperiment::named("e"))?;
            w.runs().create(&experiment, NewRun::named("run 0").id(gone.runs[0].clone()))
        })
        .unwrap();
    assert_eq!(store.read().runs().get(&again).unwrap().description, "");
    assert_eq!(store.stats().unwrap().runs, 351);
    assert_eq!(store.read().experiments().list(&gone.project).unwrap().count().unwrap(), 1);
    assert!(store.audit().verify().unwrap().is_intact());
    let _ = kept.experiment;
}
