//! Stores of each published format, opened from a copy and asserted for ever.
//!
//! Until the first release there is only format 1: it may change, and then its fixture is written anew with
//! `MODELDB_WRITE_FIXTURE=1 cargo test --test main compat`.

use std::fs;
use std::path::{Path, PathBuf};

use modeldb::{
    Actor, Artifact, CodeVersion, Environment, ErrorKind, ManualClock, NewExperiment, NewProject, NewRun,
    PythonEnvironment, PythonRequirement, SeededEntropy, Sequence, SoftwareVersion, Store, Timestamp, Value,
};

const DESCRIPTION: &str = "A store of format 1.";

/// What `write` gets for the head; it changes with every byte of the log.
const HEAD: &str = include_str!("../data/format-1/head");

fn fixture() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/format-1")
}

fn long_text() -> String {
    "long ".repeat(1000)
}

/// Writes the fixture's store. Everything in it is repeatable.
fn write(folder: &Path) -> Store {
    let clock = std::sync::Arc::new(ManualClock::new(Timestamp::from_millis(1_800_000_000_000)));
    let options = Store::options().clock(std::sync::Arc::clone(&clock)).entropy(SeededEntropy::new(1));
    let store = options.actor(Actor::user("ada").reason("TICKET-1")).open(folder).unwrap();
    let (project, run) = store
        .write(|w| {
            let project = w.projects().create(
                NewProject::named("fixture project/1")
                    .description(DESCRIPTION)
                    .readme_text(long_text())
                    .attribute(
                        "nested",
                        Value::List(vec![1.into(), Value::Map([("k".to_owned(), Value::Null)].into())]),
                    )
                    .tag("kept"),
            )?;
            let experiment = w.experiments().create(&project, NewExperiment::named("first").attribute("x", true))?;
            let new = NewRun::named("complete")
                .id(modeldb::RunId::new("0123456789abcdef0123456789abcdef")?)
                .description(long_text())
                .start_time(Timestamp::from_millis(1))
                .end_time(Timestamp::from_millis(2))
                .hyperparameter("depth", i64::MAX)
                .hyperparameter("optimizer", "adam")
                .metric("accuracy", 0.1)
                .metric("not.a/number", f64::NAN)
                .metric("infinite", f64::NEG_INFINITY)
                .attribute("long", long_text())
                .tags(["b", "a"])
                .code_version("v1")
                .code_version_snapshot(
                    CodeVersion::git("https://example.org/r.git", "abc").dirty(true).filepath("a.py"),
                )
                .environment(Environment::python(
                    PythonEnvironment::new(SoftwareVersion::new(3, 11, 7))
                        .requirement(PythonRequirement::new("numpy").version("==", SoftwareVersion::new(2, 0, 0))),
                ))
                .feature("age")
                .artifact(Artifact::new("model", "s3://bucket/model").path_only());
            let run = w.runs().create(&experiment, new)?;
            Ok((project, run))
        })
        .unwrap();
    clock.advance(1000);
    let bob = store.as_actor(Actor::service("bob").request_id("r-7"));
    bob.write_once("once", |w| w.runs().log_metric(&run, "late", 1)).unwrap();
    clock.advance(1000);
    store.write(|w| w.runs().rename(&run, "renamed")).unwrap();
    store
        .write(|w| {
            let gone = w.projects().create(NewProject::named("gone"))?;
            w.projects().delete(&gone)
        })
        .unwrap();
    // Enough commits for a pack, and one of several parts.
    for number in 0..200 {
        store.write(|w| w.projects().describe(&project, format!("{DESCRIPTION} {number}"))).unwrap();
    }
    let many = store.write(|w| {
        let many = w.experiments().get_or_create(&project, "many")?;
        w.runs().create_many(
            &many,
            (0..360).map(|number| NewRun::named(format!("run-{number}")).description("d".repeat(300))),
        )?;
        Ok(many)
    });
    let logged = NewRun::named("logged").id(modeldb::RunId::new("logged").unwrap());
    let log = store.start_run(&many.unwrap(), logged).unwrap();
    clock.advance(1000);
    (0..100).for_each(|step| log.observe("loss", 1.0 / f64::from(step + 1)));
    log.finish().unwrap();
    store
}

#[test]
fn format_1_opens_as_it_was_written() {
    if std::env::var_os("MODELDB_WRITE_FIXTURE").is_some() {
        let folder = tempfile::tempdir().unwrap();
        let store = write(folder.path());
        let head = store.audit().head().unwrap();
        store.close().unwrap();
        fs::create_dir_all(fixture()).unwrap();
        fs::copy(folder.path().join("store.redb"), fixture().join("store.redb")).unwrap();
        fs::write(fixture().join("head"), head.to_string()).unwrap();
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    fs::copy(fixture().join("store.redb"), folder.path().join("store.redb")).unwrap();
    let store = Store::options().check_integrity(true).create(false).open(folder.path()).unwrap();
    let snapshot = store.read();
    assert_eq!(store.audit().head().unwrap().to_string(), HEAD);
    let report = store.audit().verify_against(&HEAD.parse().unwrap()).unwrap();
    assert!(report.is_intact(), "{report:?}");
    assert_eq!((report.commits, report.entities), (207, 366));

    let project = snapshot.projects().get_by_name("fixture project/1").unwrap();
    assert_eq!(project.description, format!("{DESCRIPTION} 199"));
    assert_eq!(project.short_name, "fixture-project-1");
    assert_eq!(project.readme_text, long_text());
    assert_eq!(project.tags, ["kept"]);
    assert_eq!(project.owner, "ada");
    assert_eq!(project.version_number, 201);
    assert_eq!(project.date_created.millis(), 1_800_000_000_000);
    assert_eq!(project.attributes.get("nested").unwrap().to_string(), r#"[1, {"k": null}]"#);
    assert_eq!(snapshot.projects().get_by_name("gone").unwrap_err().kind(), ErrorKind::NotFound);

    let experiment = snapshot.experiments().get_by_name(&project.id, "first").unwrap();
    assert_eq!(experiment.attributes.get("x"), Some(&Value::Bool(true)));
    let run = snapshot.runs().get_by_name(&experiment.id, "renamed").unwrap();
    assert_eq!(run.id.as_str(), "0123456789abcdef0123456789abcdef");
    assert_eq!(run.description, long_text());
    assert_eq!((run.start_time, run.end_time), (Some(Timestamp::from_millis(1)), Some(Timestamp::from_millis(2))));
    assert_eq!(run.hyperparameters.get("depth"), Some(&Value::Int(i64::MAX)));
    assert_eq!(run.hyperparameters.get("optimizer"), Some(&Value::from("adam")));
    assert_eq!(run.metrics.get("accuracy"), Some(&Value::Float(0.1)));
    assert_eq!(run.metrics.get("not.a/number"), Some(&Value::Float(f64::NAN)));
    assert_eq!(run.metrics.get("infinite"), Some(&Value::Float(f64::NEG_INFINITY)));
    assert_eq!(run.metrics.get("late"), Some(&Value::Int(1)));
    assert_eq!(run.attributes.get("long").unwrap().as_str(), Some(long_text().as_str()));
    assert_eq!(run.tags, ["a", "b"]);
    assert_eq!(run.code_version, "v1");
    let code = CodeVersion::git("https://example.org/r.git", "abc").dirty(true).filepath("a.py");
    assert_eq!(run.code_version_snapshot, Some(code));
    assert_eq!(run.features[0].name, "age");
    assert_eq!(run.artifacts, [Artifact::new("model", "s3://bucket/model").path_only().upload_completed()]);
    assert!(run.environment.is_some());
    assert_eq!(run.version_number, 3);

    let steps: Vec<_> = snapshot.history(&run.id).unwrap().map(Result::unwrap).collect();
    let told: Vec<_> = steps
        .iter()
        .map(|step| (step.id.sequence.get(), step.operation.name.as_str(), step.commit.actor.clone().unwrap()))
        .map(|(sequence, name, actor)| (sequence, name, actor.principal, actor.request_id, actor.reason))
        .collect();
    let text = str::to_owned;
    assert_eq!(
        told,
        [
            (3, "run.rename", text("ada"), text(""), text("TICKET-1")),
            (2, "run.log_metrics", text("bob"), text("r-7"), text("")),
            (1, "run.create", text("ada"), text(""), text("TICKET-1")),
        ]
    );
    assert_eq!(store.outcome("once").unwrap(), Some(Sequence::new(2)));
    let first = snapshot.as_of(Sequence::new(1)).unwrap().runs().get(&run.id).unwrap();
    assert_eq!((first.name.as_str(), first.metrics.len()), ("complete", 3));

    let many = snapshot.experiments().get_by_name(&project.id, "many").unwrap();
    let runs: Vec<_> = snapshot.runs().list(&many.id).unwrap().into_iter().map(Result::unwrap).collect();
    assert_eq!(runs.len(), 361);
    assert!(runs.iter().take(360).enumerate().all(|(at, run)| run.name == format!("run-{at}")));
    assert_eq!((runs[0].status, runs[360].status), (None, Some(modeldb::RunStatus::Finished)));
    assert_eq!(runs[360].end_time, Some(Timestamp::from_millis(1_800_000_003_000)));
    let losses = snapshot.runs().observations(&runs[360].id, "loss").unwrap().map(Result::unwrap);
    assert!(losses.map(|found| found.value).eq((0..100).map(|step| Value::from(1.0 / f64::from(step + 1)))));
    // It is a store like any other, and takes writes.
    store.write(|w| w.runs().describe(&run.id, "new")).unwrap();
    assert!(store.audit().verify().unwrap().is_intact());
}

#[test]
fn the_fixture_is_what_this_build_writes() {
    let folder = tempfile::tempdir().unwrap();
    let store = write(folder.path());
    assert_eq!(store.audit().head().unwrap().to_string(), HEAD);
}
