//! Every field that can be set at creation comes back, from the store and after a reopen.

use modeldb::{
    Actor, Artifact, ArtifactType, Code, CodeVersion, CollaboratorPermissions, CollaboratorType, DockerEnvironment,
    Environment, EnvironmentContent, Experiment, GroupId, KeyValue, NewExperiment, NewProject, NewRun, OwnerTracking,
    Project, PythonEnvironment, PythonRequirement, Run, SoftwareVersion, Store, Ternary, Value, ValueType, Visibility,
};

use super::support::{Bench, START, id, ms};

fn artifact(key: &str) -> Artifact {
    let mut artifact = Artifact::new(key, format!("s3://bucket/{key}")).artifact_type(ArtifactType::Model).path_only();
    artifact.linked_artifact_id = "dataset-version-1".into();
    artifact.filename_extension = "pkl".into();
    artifact.serialization = "cloudpickle".into();
    artifact.artifact_subtype = "xgboost".into();
    artifact.upload_completed = true;
    artifact
}

#[track_caller]
fn check_artifacts(artifacts: &[Artifact]) {
    let keys: Vec<_> = artifacts.iter().map(|artifact| artifact.key.as_str()).collect();
    assert_eq!(keys, ["a", "b"], "ascending by key");
    for found in artifacts {
        assert_eq!(found.path, format!("s3://bucket/{}", found.key));
        assert_eq!((found.artifact_type, found.path_only, found.upload_completed), (ArtifactType::Model, true, true));
        assert_eq!(found.linked_artifact_id, "dataset-version-1");
        assert_eq!(found.filename_extension, "pkl");
        assert_eq!((found.serialization.as_str(), found.artifact_subtype.as_str()), ("cloudpickle", "xgboost"));
    }
}

fn new_project() -> NewProject {
    let mut permission = CollaboratorPermissions::new(CollaboratorType::ReadWrite);
    permission.can_deploy = Ternary::True;
    permission.can_predict = Ternary::False;
    NewProject::named("my proj/1")
        .id(id::<modeldb::ProjectId>("p-1"))
        .description("what it is")
        .readme_text("# Read me")
        .workspace("lab")
        .visibility(Visibility::OrgCustom)
        .custom_permission(permission)
        .date_created(ms(1234))
        .attribute("z", 1)
        .attributes([("a", "text"), ("m", "more")])
        .tag("wine")
        .tags(["red", "red"])
        .owner("alice")
        .owner_tracking(OwnerTracking::User(u64::MAX))
        .artifact(artifact("b"))
        .artifact(artifact("a"))
}

fn check_project(found: &Project) {
    assert_eq!(found.id.as_str(), "p-1");
    assert_eq!(found.name, "my proj/1");
    assert_eq!(found.short_name, "my-proj-1");
    assert_eq!(found.description, "what it is");
    assert_eq!(found.readme_text, "# Read me");
    assert_eq!(found.workspace, "lab");
    assert_eq!(found.workspace_service_id, 0);
    assert_eq!(found.visibility, Visibility::OrgCustom);
    let permission = found.custom_permission.unwrap();
    assert_eq!(permission.collaborator_type, CollaboratorType::ReadWrite);
    assert_eq!((permission.can_deploy, permission.can_predict), (Ternary::True, Ternary::False));
    assert_eq!(found.date_created, ms(1234));
    let attributes: Vec<_> = found.attributes.iter().map(|entry| (entry.key.as_str(), entry.value.clone())).collect();
    assert_eq!(attributes, [("a", Value::from("text")), ("m", Value::from("more")), ("z", Value::Int(1))]);
    assert_eq!(found.tags, ["red", "wine"]);
    assert_eq!(found.owner, "alice");
    assert_eq!(found.owner_tracking, Some(OwnerTracking::User(u64::MAX)));
    assert_eq!(found.code_version_snapshot, None);
    check_artifacts(&found.artifacts);
    assert_eq!(found.version_number, 1);
}

fn new_experiment() -> NewExperiment {
    NewExperiment::named("forest")
        .id(id::<modeldb::ExperimentId>("e-1"))
        .description("trees")
        .date_created(ms(-5))
        .attribute("depth", 6)
        .tags(["b", "a"])
        .owner("group owned")
        .owner_tracking(OwnerTracking::Group(GroupId::new("org", "group")))
        .artifact(artifact("b"))
        .artifact(artifact("a"))
}

fn check_experiment(found: &Experiment) {
    assert_eq!((found.id.as_str(), found.project_id.as_str()), ("e-1", "p-1"));
    assert_eq!((found.name.as_str(), found.description.as_str()), ("forest", "trees"));
    assert_eq!(found.date_created, ms(-5));
    assert_eq!(found.attributes.get("depth"), Some(&Value::Int(6)));
    assert_eq!(found.attributes.len(), 1);
    assert_eq!(found.tags, ["a", "b"]);
    assert_eq!(found.owner, "group owned");
    assert_eq!(found.owner_tracking, Some(OwnerTracking::Group(GroupId::new("org", "group"))));
    assert_eq!(found.code_version_snapshot, None);
    check_artifacts(&found.artifacts);
    assert_eq!(found.version_number, 1);
}

fn python() -> PythonEnvironment {
    PythonEnvironment::new(SoftwareVersion::new(3, 12, 1).suffix("rc2"))
        .requirement(PythonRequirement::new("scipy").version(">=", SoftwareVersion::new(1, 11, 0)))
        .requirement(PythonRequirement::new("numpy"))
        .constraint(PythonRequirement::new("z"))
        .constraint(PythonRequirement::new("y"))
        .raw_requirements("scipy>=1.11\nnumpy\n")
}

fn new_run() -> NewRun {
    NewRun::named("depth-6")
        .id(id::<modeldb::RunId>("r-1"))
        .description("six levels")
        .date_created(ms(77))
        .start_time(ms(10))
        .end_time(ms(20))
        .code_version("v1.2")
        .code_version_snapshot(
            CodeVersion::git("git@host:repo", "abc").dirty(true).filepath("b.py").filepath("a.py").date_logged(ms(5)),
        )
        .parent(id::<modeldb::RunId>("r-0"))
        .environment(
            Environment::python(python())
                .variable("SEED", "1")
                .variable("HOME", "/root")
                .command_line(["python", "train.py"])
                .apt_package("libgomp1"),
        )
        .tags(["t2", "t1"])
        .attribute("framework", "sk")
        .attributes([KeyValue::new("declared", 1).value_type(ValueType::Blob)])
        .hyperparameter("depth", 6)
        .hyperparameters([("alpha", 0.5)])
        .metric("f1", 0.5)
        .metrics([("accuracy", 0.25)])
        .feature("sugar")
        .feature("acid")
        .feature("acid")
        .owner("bob")
        .owner_tracking(OwnerTracking::User(3))
        .artifact(artifact("b"))
        .artifact(artifact("a"))
}

fn check_run(found: &Run) {
    assert_eq!((found.id.as_str(), found.project_id.as_str(), found.experiment_id.as_str()), ("r-1", "p-1", "e-1"));
    assert_eq!((found.name.as_str(), found.description.as_str()), ("depth-6", "six levels"));
    assert_eq!(found.date_created, ms(77));
    assert_eq!(found.date_updated, ms(START), "now, as the given date is earlier");
    assert_eq!((found.start_time, found.end_time), (Some(ms(10)), Some(ms(20))));
    assert_eq!(found.code_version, "v1.2");
    let code = found.code_version_snapshot.as_ref().unwrap();
    assert_eq!(code.date_logged, Some(ms(5)));
    let Some(Code::Git(git)) = &code.code else { panic!("{code:?}") };
    assert_eq!((git.repo.as_str(), git.hash.as_str(), git.is_dirty), ("git@host:repo", "abc", Ternary::True));
    assert_eq!(git.filepaths, ["b.py", "a.py"], "in the given order");
    assert_eq!(found.parent_id.as_ref().unwrap().as_str(), "r-0");
    let environment = found.environment.as_ref().unwrap();
    let variables: Vec<_> = environment.variables.iter().map(|var| (var.name.as_str(), var.value.as_str())).collect();
    assert_eq!(variables, [("SEED", "1"), ("HOME", "/root")]);
    assert_eq!(environment.command_line, ["python", "train.py"]);
    assert_eq!(environment.apt_packages, ["libgomp1"]);
    let Some(EnvironmentContent::Python(python)) = &environment.content else { panic!("{environment:?}") };
    assert_eq!(python.version, Some(SoftwareVersion::new(3, 12, 1).suffix("rc2")));
    let libraries: Vec<_> = python.requirements.iter().map(|line| line.library.as_str()).collect();
    assert_eq!(libraries, ["numpy", "scipy"], "sorted by library");
    assert_eq!(python.requirements[1].constraint, ">=");
    assert_eq!(python.requirements[1].version, Some(SoftwareVersion::new(1, 11, 0)));
    assert_eq!(python.requirements[0].version, None);
    let constraints: Vec<_> = python.constraints.iter().map(|line| line.library.as_str()).collect();
    assert_eq!(constraints, ["y", "z"]);
    assert_eq!(python.raw_requirements, "scipy>=1.11\nnumpy\n");
    assert_eq!(found.tags, ["t1", "t2"]);
    assert_eq!(found.attributes.get("framework"), Some(&Value::from("sk")));
    assert_eq!(found.attributes.entry("declared").unwrap().value_type, ValueType::Blob, "echoed, not interpreted");
    assert_eq!(found.attributes.entry("framework").unwrap().value_type, ValueType::String);
    let keys: Vec<_> = found.hyperparameters.iter().map(|entry| entry.key.as_str()).collect();
    assert_eq!(keys, ["alpha", "depth"]);
    let metrics: Vec<_> = found.metrics.iter().map(|entry| (entry.key.as_str(), entry.value.as_f64())).collect();
    assert_eq!(metrics, [("accuracy", Some(0.25)), ("f1", Some(0.5))]);
    let features: Vec<_> = found.features.iter().map(|feature| feature.name.as_str()).collect();
    assert_eq!(features, ["acid", "sugar"]);
    assert_eq!((found.owner.as_str(), found.owner_tracking.clone()), ("bob", Some(OwnerTracking::User(3))));
    check_artifacts(&found.artifacts);
    assert!(found.datasets.is_empty() && found.series.is_empty() && found.job_id.is_empty());
    assert_eq!(found.versioned_inputs, None);
    assert_eq!(found.version_number, 1);
}

#[test]
fn every_field_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    let clock = std::sync::Arc::new(modeldb::ManualClock::new(ms(START)));
    let store = super::support::options(&clock, 1).open(&path).unwrap();
    store
        .write(|w| {
            let project = w.projects().create(new_project())?;
            let experiment = w.experiments().create(&project, new_experiment())?;
            let run = w.runs().create(&experiment, new_run())?;
            // The write sees what it did.
            check_project(&w.projects().get(&project)?);
            check_experiment(&w.experiments().get(&experiment)?);
            check_run(&w.runs().get(&run)?);
            Ok(())
        })
        .unwrap();
    let check = |store: &Store| {
        let read = store.read();
        check_project(&read.projects().get(&id("p-1")).unwrap());
        check_project(&read.projects().get_by_name_in("lab", "my proj/1").unwrap());
        check_experiment(&read.experiments().get(&id("e-1")).unwrap());
        check_experiment(&read.experiments().get_by_name(&id("p-1"), "forest").unwrap());
        check_run(&read.runs().get(&id("r-1")).unwrap());
        check_run(&read.runs().get_by_name(&id("e-1"), "depth-6").unwrap());
        check_run(&read.runs().view(&id("r-1")).unwrap().to_run().unwrap());
    };
    check(&store);
    store.close().unwrap();
    drop(store);
    check(&Store::open(&path).unwrap());
}

#[test]
fn what_is_not_given_has_its_default() {
    let bench = Bench::new();
    let run = bench.get(&bench.run(NewRun::new()));
    assert_eq!(run.owner, "tester", "the acting principal");
    assert_eq!((run.date_created, run.date_updated), (ms(START), ms(START)));
    assert_eq!((run.start_time, run.end_time, run.parent_id.clone()), (None, None, None));
    assert_eq!((run.environment.clone(), run.code_version_snapshot.clone()), (None, None));
    assert!(run.tags.is_empty() && run.metrics.is_empty() && run.attributes.is_empty());
    assert_eq!((run.project_id.clone(), run.experiment_id.clone()), (bench.project.clone(), bench.experiment.clone()));
    let project = bench.store.read().projects().get(&bench.project).unwrap();
    assert_eq!(project.visibility, Visibility::Private);
    assert_eq!((project.workspace.as_str(), project.custom_permission), ("", None));
    // A group owns without a name of its own.
    let group = OwnerTracking::Group(GroupId::new("o", "g"));
    let owned = bench.get(&bench.run(NewRun::named("g").owner_tracking(group)));
    assert_eq!(owned.owner, "");
    // Zero is the same as not given.
    let zero = bench.run(NewRun::named("zero").date_created(ms(0)).start_time(ms(0)).end_time(ms(0)));
    let zero = bench.get(&zero);
    assert_eq!((zero.date_created, zero.start_time, zero.end_time), (ms(START), None, None));
}

#[test]
fn the_other_environments_come_back() {
    let bench = Bench::new();
    let docker = Environment::docker(DockerEnvironment::new("registry/image", "1.0").sha("sha256:00"));
    let run = bench.run(NewRun::named("docker").environment(docker.clone()));
    assert_eq!(bench.get(&run).environment, Some(docker.clone()));
    let bare = bench.run(NewRun::named("bare").environment(Environment::new().variable("A", "b")));
    let found = bench.get(&bare).environment.unwrap();
    assert_eq!((found.content.clone(), found.variables.len()), (None, 1));
    // Logged over what was logged before.
    bench.store.write(|w| w.runs().set_environment(&bare, docker.clone())).unwrap();
    assert_eq!(bench.get(&bare).environment, Some(docker));
}

#[test]
fn code_is_logged_once_or_over_what_was_there() {
    let bench = Bench::new();
    let run = bench.run(NewRun::named("r"));
    let archive = CodeVersion::archive(Artifact::new("code", "code.zip").artifact_type(ArtifactType::Code));
    let git = CodeVersion::git("repo", "hash").dirty(false);
    let (project, experiment) = (&bench.project, &bench.experiment);
    let log = |code: &CodeVersion| {
        [
            bench.store.write(|w| w.projects().log_code_version(project, code.clone())),
            bench.store.write(|w| w.experiments().log_code_version(experiment, code.clone())),
            bench.store.write(|w| w.runs().log_code_version(&run, code.clone())),
        ]
    };
    assert!(log(&archive).iter().all(Result::is_ok));
    for refused in log(&git) {
        assert_eq!(super::support::kind(refused), modeldb::ErrorKind::AlreadyExists);
    }
    let read = bench.store.read();
    assert_eq!(read.projects().get(project).unwrap().code_version_snapshot, Some(archive.clone()));
    assert_eq!(read.experiments().get(experiment).unwrap().code_version_snapshot, Some(archive.clone()));
    assert_eq!(read.runs().get(&run).unwrap().code_version_snapshot, Some(archive));
    bench.store.write(|w| w.runs().set_code_version(&run, git.clone())).unwrap();
    assert_eq!(bench.get(&run).code_version_snapshot, Some(git));
}

#[test]
fn many_are_created_in_one_operation_or_none_is() {
    let bench = Bench::new();
    let (projects, experiments, runs) = bench
        .store
        .write(|w| {
            let projects = w.projects().create_many((0..3).map(|n| NewProject::named(format!("p{n}"))))?;
            let experiments =
                w.experiments().create_many(&projects[0], (0..4).map(|n| NewExperiment::named(format!("e{n}"))))?;
            let runs = w.runs().create_many(&experiments[0], (0..5).map(|n| NewRun::named(format!("r{n}"))))?;
            Ok((projects, experiments, runs))
        })
        .unwrap();
    assert_eq!((projects.len(), experiments.len(), runs.len()), (3, 4, 5));
    let read = bench.store.read();
    let commit = read.commit(read.sequence()).unwrap();
    let operations: Vec<_> = commit.operations.iter().map(|op| (op.name.as_str(), op.changes)).collect();
    assert_eq!(operations, [("project.create_many", 3), ("experiment.create_many", 4), ("run.create_many", 5)]);
    for (at, run) in runs.iter().enumerate() {
        assert_eq!(read.runs().get(run).unwrap().name, format!("r{at}"));
    }
    let names = ["x", "y", "x"].map(NewRun::named);
    let refused = bench.store.write(|w| w.runs().create_many(&experiments[1], names));
    assert_eq!(super::support::kind(refused), modeldb::ErrorKind::AlreadyExists);
    // Not even if the closure goes on after the error.
    let names = ["x", "y", "x"].map(NewRun::named);
    let kept_going = bench.store.write(|w| {
        let _ = w.runs().create_many(&experiments[1], names);
        Ok(())
    });
    assert_eq!(super::support::kind(kept_going), modeldb::ErrorKind::InvalidArgument);
    assert_eq!(bench.store.read().runs().list(&experiments[1]).unwrap().count().unwrap(), 0);
    assert_eq!(bench.store.read().sequence(), read.sequence(), "no commit was made");
}

#[test]
fn the_default_actor_is_the_process_user() {
    let store = Store::in_memory().unwrap();
    let project = store.write(|w| w.projects().get_or_create("p")).unwrap();
    assert_eq!(store.read().projects().get(&project).unwrap().owner, Actor::process_user().principal);
}

/// Gives out what another one does, and fails once.
struct FailsOnce(modeldb::SeededEntropy, std::sync::Arc<std::sync::atomic::AtomicI64>);

impl modeldb::Entropy for FailsOnce {
    fn fill(&self, out: &mut [u8]) -> std::io::Result<()> {
        match self.1.fetch_sub(1, std::sync::atomic::Ordering::SeqCst) {
            0 => Err(std::io::Error::other("no randomness")),
            _ => self.0.fill(out),
        }
    }
}

/// A creation that fails in its middle takes the write back, even if nobody looks at its answer.
#[test]
fn a_creation_that_fails_halfway_leaves_no_hole() {
    use std::sync::atomic::Ordering;
    let (mut failed, mut written) = (0, 0);
    for at in 0..6 {
        let left = std::sync::Arc::new(std::sync::atomic::AtomicI64::new(-1));
        let entropy = FailsOnce(modeldb::SeededEntropy::new(3), left.clone());
        let store = Store::options().entropy(entropy).background(false).open_in_memory().unwrap();
        let experiment = store
            .write(|w| {
                let project = w.projects().get_or_create("p")?;
                w.experiments().get_or_create(&project, "e")
            })
            .unwrap();
        left.store(at, Ordering::SeqCst);
        let made = store.write(|w| {
            let _ = w.runs().create(&experiment, NewRun::named("a").id(id::<modeldb::RunId>("a")));
            w.runs().create(&experiment, NewRun::named("b").id(id::<modeldb::RunId>("b")))
        });
        left.store(-1, Ordering::SeqCst);
        let there = store.read().runs().list(&experiment).unwrap().count().unwrap();
        match made {
            Ok(_) => {
                assert!(there > 0);
                written += 1;
            }
            Err(_) => {
                assert_eq!(there, 0);
                failed += 1;
            }
        }
        let new =
            store.write(|w| w.runs().create(&experiment, NewRun::named("c").id(id::<modeldb::RunId>("c")))).unwrap();
        assert!(store.read().runs().get(&new).is_ok());
        assert!(store.audit().verify().unwrap().is_intact(), "failed at {at}");
    }
    assert!(failed > 0 && written > 0, "{failed} failed, {written} written");
}
