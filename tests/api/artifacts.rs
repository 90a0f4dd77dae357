//! Metadata of artifacts and dataset links (ModelDB 7.1, 7.2, D-13, D-16, D-42, D-43).

use modeldb::{Artifact, ErrorKind, NewExperiment, NewProject, NewRun, ProjectId};

use super::support::{Bench, id, kind};

fn keys(artifacts: &[Artifact]) -> Vec<&str> {
    artifacts.iter().map(|artifact| artifact.key.as_str()).collect()
}

#[test]
fn artifacts_are_logged_once_and_deleted_by_key() {
    let bench = Bench::new();
    let run = bench.run(NewRun::new());
    let store = &bench.store;
    macro_rules! check {
        ($kind:ident, $id:expr) => {{
            let log = |artifacts: &[Artifact]| store.write(|w| w.$kind().log_artifacts($id, artifacts.iter().cloned()));
            let there = || store.read().$kind().get($id).unwrap();
            log(&[Artifact::new("b", "s3://b"), Artifact::new("a", "s3://a")]).unwrap();
            assert_eq!(keys(&there().artifacts), ["a", "b"]);
            assert_eq!(there().artifact("a").unwrap().path, "s3://a", "the client's path is kept");
            assert!(there().artifact("a").unwrap().upload_completed, "nothing is left to upload");
            assert_eq!(there().artifact("c"), None);
            let taken = [Artifact::new("c", "s3://c"), Artifact::new("b", "other")];
            assert_eq!(kind(log(&taken)), ErrorKind::AlreadyExists);
            assert_eq!(kind(log(&[Artifact::new("c", "1"), Artifact::new("c", "2")])), ErrorKind::InvalidArgument);
            assert_eq!(kind(log(&[Artifact::new("", "1")])), ErrorKind::InvalidArgument);
            assert_eq!(kind(log(&[Artifact::new("c", "").path_only()])), ErrorKind::InvalidArgument);
            assert_eq!(keys(&there().artifacts), ["a", "b"], "nothing of a refused batch");
            // Upstream, an empty key deletes all.
            assert_eq!(kind(store.write(|w| w.$kind().delete_artifact($id, ""))), ErrorKind::InvalidArgument);
            let version = there().version_number;
            store.write(|w| w.$kind().delete_artifact($id, "unknown")).unwrap();
            assert_eq!(there().version_number, version);
            store.write(|w| w.$kind().delete_artifact($id, "a")).unwrap();
            assert_eq!(keys(&there().artifacts), ["b"]);
            log(&[Artifact::new("a", "again").path_only()]).unwrap();
            assert_eq!(there().artifact("a").unwrap().path, "again");
        }};
    }
    check!(projects, &bench.project);
    check!(experiments, &bench.experiment);
    check!(runs, &run);
    assert!(store.audit().verify().unwrap().is_intact());
}

#[test]
fn an_empty_path_becomes_that_of_the_layout() {
    let bench = Bench::new();
    let store = &bench.store;
    let given = || {
        [
            Artifact::new("model", "").filename_extension("pkl"),
            Artifact::new("model.pkl", "").filename_extension("pkl"),
            Artifact::new("plain", ""),
            Artifact::new("own", "own path").filename_extension("pkl"),
        ]
    };
    let expected = |prefix: &str| {
        ["model.pkl", "model.pkl", "own path", "plain"].map(|name| match name {
            "own path" => name.to_owned(),
            name => format!("{prefix}/{name}"),
        })
    };
    let paths = |artifacts: &[Artifact]| -> Vec<String> {
        assert!(artifacts.iter().all(|artifact| artifact.upload_completed));
        artifacts.iter().map(|artifact| artifact.path.clone()).collect()
    };
    // By a call of its own...
    let run = bench.run(NewRun::new());
    store
        .write(|w| {
            w.projects().log_artifacts(&bench.project, given())?;
            w.experiments().log_artifacts(&bench.experiment, given())?;
            w.runs().log_artifacts(&run, given())
        })
        .unwrap();
    let read = store.read();
    let project = read.projects().get(&bench.project).unwrap();
    assert_eq!(paths(&project.artifacts), expected(&format!("ProjectEntity/{}", bench.project)));
    let experiment = read.experiments().get(&bench.experiment).unwrap();
    assert_eq!(paths(&experiment.artifacts), expected(&format!("ExperimentEntity/{}", bench.experiment)));
    assert_eq!(paths(&bench.get(&run).artifacts), expected(&format!("ExperimentRunEntity/{run}")));
    // ...and at creation.
    let (project, experiment, run) = store
        .write(|w| {
            let new = given().into_iter().fold(NewProject::new().id(id::<ProjectId>("p")), NewProject::artifact);
            let project = w.projects().create(new)?;
            let new = given().into_iter().fold(NewExperiment::new(), NewExperiment::artifact);
            let experiment = w.experiments().create(&project, new)?;
            let run = w.runs().create(&experiment, given().into_iter().fold(NewRun::new(), NewRun::artifact))?;
            Ok((project, experiment, run))
        })
        .unwrap();
    let read = store.read();
    assert_eq!(paths(&read.projects().get(&project).unwrap().artifacts), expected("ProjectEntity/p"));
    let prefix = format!("ExperimentEntity/{experiment}");
    assert_eq!(paths(&read.experiments().get(&experiment).unwrap().artifacts), expected(&prefix));
    assert_eq!(paths(&bench.get(&run).artifacts), expected(&format!("ExperimentRunEntity/{run}")));
    let bare = || Artifact::new("bare", "").path_only();
    assert_eq!(kind(bench.try_run(NewRun::new().artifact(bare()))), ErrorKind::InvalidArgument);
    let refused = store.write(|w| w.projects().create(NewProject::new().artifact(bare())));
    assert_eq!(kind(refused), ErrorKind::InvalidArgument);
}

#[test]
fn datasets_are_logged_once_or_set() {
    let bench = Bench::new();
    let store = &bench.store;
    let run = bench.run(NewRun::new().dataset(Artifact::new("train", "s3://train")).artifact(Artifact::new("k", "a")));
    let log = |datasets: &[Artifact]| store.write(|w| w.runs().log_datasets(&run, datasets.iter().cloned()));
    let set = |datasets: &[Artifact]| store.write(|w| w.runs().set_datasets(&run, datasets.iter().cloned()));
    log(&[Artifact::new("k", "text"), Artifact::new("eval", "")]).unwrap();
    let found = bench.get(&run);
    assert_eq!(keys(&found.datasets), ["eval", "k", "train"]);
    assert_eq!(found.dataset("eval").unwrap().path, "", "nothing is ever uploaded under it");
    assert!(found.datasets.iter().all(|dataset| dataset.upload_completed));
    assert_eq!(kind(log(&[Artifact::new("new", "x"), Artifact::new("k", "x")])), ErrorKind::AlreadyExists);
    for refused in [
        vec![Artifact::new("", "x")],
        vec![Artifact::new("x", "1"), Artifact::new("x", "2")],
        vec![Artifact::new("x", "1").linked_artifact_id("no such version")],
    ] {
        assert_eq!(kind(log(&refused)), ErrorKind::InvalidArgument);
        assert_eq!(kind(set(&refused)), ErrorKind::InvalidArgument);
        let new = refused.into_iter().fold(NewRun::new(), NewRun::dataset);
        assert_eq!(kind(bench.try_run(new)), ErrorKind::InvalidArgument, "at creation too");
    }
    assert_eq!(keys(&bench.get(&run).datasets), ["eval", "k", "train"]);
    // In its own container: a new key is no error, and an artifact of the key stays.
    set(&[Artifact::new("k", "other"), Artifact::new("new", "n")]).unwrap();
    let found = bench.get(&run);
    assert_eq!(keys(&found.datasets), ["eval", "k", "new", "train"]);
    assert_eq!(found.dataset("k").unwrap().path, "other");
    assert_eq!(found.artifact("k").unwrap().path, "a");
    assert!(store.audit().verify().unwrap().is_intact());
}
