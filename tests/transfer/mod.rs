//! Projects that are exported into a folder and imported into another store: everything arrives as it was, once.

mod random;
mod refused;

use std::fs;
use std::io::Read;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use modeldb::{
    Artifact, CodeVersion, Environment, ErrorKind, KeyValue, NewExperiment, NewObservation, NewProject, NewRun,
    ProjectId, PythonEnvironment, RunId, SoftwareVersion, Store, Timestamp, Value, limits,
};

use crate::support::random::Random;

fn kind<T>(result: modeldb::Result<T>) -> ErrorKind {
    result.map(|_| ()).unwrap_err().kind()
}

/// A store with two projects, of which the second has something of everything.
fn filled(store: &Store) -> (ProjectId, Vec<RunId>) {
    let long = "long \u{e9}\u{1f600} ".repeat(3000);
    let large: Vec<u8> = (0..limits::SMALL_BLOB_BYTES * 2).map(|at| at as u8).collect();
    let code = store.put_blob(&*vec![7; limits::SMALL_BLOB_BYTES + 9]).unwrap();
    let (project, runs) = store
        .write(|w| {
            let other = w.projects().get_or_create("another")?;
            let elsewhere = w.experiments().get_or_create(&other, "e")?;
            let stranger = w.runs().create(&elsewhere, NewRun::named("stranger"))?;
            let small = w.put_blob(b"small")?;
            let project = NewProject::named("the project").description(&long).readme_text("# readme").tag("t");
            let project = project.attribute("list", vec![1, 2]).artifact(Artifact::named("a").blob(small));
            let project = w.projects().create(project)?;
            w.projects().log_code_version(&project, CodeVersion::archive(Artifact::named("c.zip").blob(code)))?;
            let first = w.experiments().create(&project, NewExperiment::named("first").description("d").tag("x"))?;
            let second =
                w.experiments().create(&project, NewExperiment::named("second").attribute("k", long.as_str()))?;
            let python = PythonEnvironment::new(SoftwareVersion::new(3, 11, 2)).requirements_file("numpy==1.26.4\n");
            let run = NewRun::named("full")
                .description(&long)
                .metric("nan", f64::NAN)
                .observation("infinite", f64::INFINITY)
                .observation("infinite", f64::NEG_INFINITY)
                .metric("zero", -0.0)
                .metric("least", i64::MIN)
                .metric("infinite", f64::INFINITY)
                .hyperparameter("text", long.as_str())
                .hyperparameter("null", Value::Null)
                .attribute("a.b/c \"d\" \u{1f600}", true)
                .tags(["one", "two"])
                .feature("f")
                .environment(Environment::python(python).variable("PATH", "/bin"))
                .code_version("v1")
                .dataset(Artifact::new("data", "s3://data"))
                .artifact(Artifact::new("elsewhere", "s3://model").path_only())
                .owner("somebody")
                .start_time(Timestamp::from_millis(-5));
            let full = w.runs().create(&first, run)?;
            let made = w.runs().create(&second, NewRun::named("made"))?;
            let gone = w.runs().create(&second, NewRun::named("gone"))?;
            w.runs().set_parent(&made, &full)?;
            w.lineage().add([&full, &stranger], [&made, &gone])?;
            w.comments().add(&full, "a remark")?;
            w.comments().add(&gone, "a remark that goes")?;
            Ok((project, vec![full, made, gone]))
        })
        .unwrap();
    let (full, made) = (&runs[0], &runs[1]);
    store.log_artifact(full, Artifact::named("large"), &*large).unwrap();
    store.log_artifact(made, Artifact::named("large too"), &*large).unwrap();
    store.write(|w| w.runs().log_artifacts(made, [Artifact::named("parts")])).unwrap();
    store.write(|w| w.begin_upload(made, "parts")).unwrap();
    let part = store.put_blob(&*large).unwrap();
    store
        .write(|w| {
            let small = w.put_blob(b"a small part")?;
            w.commit_artifact_part(made, "parts", 3, &small.digest.to_string())?;
            w.commit_artifact_part(made, "parts", 8, &part.digest.to_string())
        })
        .unwrap();
    // Series: one that was begun again, one in any order of epochs, one of all kinds of values.
    let log = |key: &str, all: Vec<NewObservation>| {
        store.write(|w| w.runs().log_observations(full, all.into_iter().map(|new| (key.to_owned(), new)))).unwrap();
    };
    log("loss", (0..10).map(NewObservation::new).collect());
    store.write(|w| w.runs().delete_observations(full, ["loss"])).unwrap();
    for batch in 0..7 {
        log("loss", (0..500).map(|at| NewObservation::new(f64::from(batch * at).sin())).collect());
    }
    log("scattered", (0..90).map(|at| NewObservation::new(at).epoch_number((at * 37) % 11)).collect());
    let values = [Value::from(f64::NAN), Value::from(-0.0), Value::from("text"), Value::from(true), Value::from(1)];
    log("mixed", values.into_iter().cycle().take(60).map(NewObservation::new).collect());
    store.write(|w| w.runs().log_metric(full, "late", 1)).unwrap();
    store.write(|w| w.experiments().rename(&store.read().runs().get(made).unwrap().experiment_id, "renamed")).unwrap();
    store.write(|w| w.runs().delete(&runs[2])).unwrap();
    (project, runs)
}

fn lines(folder: &Path) -> Vec<u8> {
    fs::read(folder.join("project.jsonl")).unwrap()
}

/// Names and bytes of the files below a folder.
fn files(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => folders.push(path),
                false => files.push((path.strip_prefix(folder).unwrap().to_owned(), fs::read(&path).unwrap())),
            }
        }
    }
    files.sort();
    files
}

#[test]
fn what_is_exported_imported_and_exported_again_is_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(folder.path().join("from")).unwrap();
    let (project, runs) = filled(&store);
    let first = folder.path().join("first");
    let report = store.export_project(&project, &first).unwrap();
    let exported = report.exported;
    assert_eq!((exported.experiments, exported.runs, exported.comments, exported.lineage_edges), (2, 2, 1, 1));
    assert_eq!((exported.observations, exported.blobs), (3500 + 90 + 60 + 2, 4));
    let other = Store::open(folder.path().join("to")).unwrap();
    other.write(|w| w.projects().get_or_create("was there before")).unwrap();
    let imported = other.import_project(&first).unwrap();
    assert!(imported.is_same(), "{imported} {:?}", imported.examples);
    assert_eq!((imported.created, imported.present, imported.same), (7, 0, 7));
    assert_eq!((imported.project.as_ref(), imported.exported), (Some(&project), exported));
    let second = folder.path().join("second");
    assert_eq!(other.export_project(&project, &second).unwrap().exported, exported);
    assert!(files(&first) == files(&second));
    assert!(other.audit().verify().unwrap().is_intact());
    let verified = other.verify().unwrap();
    assert!(verified.is_intact(), "{verified}");
    // What a program reads is the same, too.
    let (from, to) = (store.read(), other.read());
    for run in &runs[..2] {
        assert_eq!(from.runs().get(run).unwrap().metrics, to.runs().get(run).unwrap().metrics);
        for series in &from.runs().get(run).unwrap().series {
            let of = |read: &modeldb::Snapshot| -> Vec<_> {
                read.runs().observations(run, &series.key).unwrap().map(Result::unwrap).collect()
            };
            assert_eq!(of(&from), of(&to));
        }
    }
    let mut bytes = Vec::new();
    to.open_artifact(&runs[0], "large").unwrap().read_to_end(&mut bytes).unwrap();
    assert_eq!(bytes.len(), limits::SMALL_BLOB_BYTES * 2);
    assert_eq!(other.complete_upload(&runs[1], "parts").unwrap(), store.complete_upload(&runs[1], "parts").unwrap());
    assert_eq!(to.runs().find("metrics.late = 1 and count(observations.loss) = 3500").unwrap().count().unwrap(), 1);
    // Once more: nothing changes but what was changed since.
    let again = other.import_project(&first).unwrap();
    assert_eq!((again.created, again.present, again.same, again.differing), (0, 7, 6, 1));
    assert_eq!(again.examples, [modeldb::EntityId::from(&runs[1])]);
}

#[test]
fn an_import_that_was_broken_off_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::in_memory().unwrap();
    let (project, _) = filled(&store);
    store
        .write(|w| {
            let experiment = w.experiments().get_or_create(&project, "many")?;
            w.runs().create_many(&experiment, (0..1500).map(|n| NewRun::named(format!("m{n}")).metric("x", n)))
        })
        .unwrap();
    let export = folder.path().join("export");
    store.export_project(&project, &export).unwrap();
    let other = Store::in_memory().unwrap();
    let mut told = 0;
    let broken = other.import_project_with(&export, |progress| {
        told += u64::from(progress.doing == "importing");
        if told > 1 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    assert_eq!(kind(broken), ErrorKind::Cancelled);
    let before = other.stats().unwrap().runs;
    assert!(before > 0 && before < 1500, "{before}");
    let report = other.import_project(&export).unwrap();
    assert!(report.is_same(), "{report}");
    assert_eq!(report.present + report.created, report.same);
    assert_eq!(other.stats().unwrap().runs, 1502);
}

#[test]
fn what_is_there_is_left_as_it_is_and_told() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::in_memory().unwrap();
    let (project, runs) = filled(&store);
    let export = folder.path().join("export");
    store.export_project(&project, &export).unwrap();
    let other = Store::in_memory().unwrap();
    other.import_project(&export).unwrap();
    other.write(|w| w.runs().log_observation(&runs[0], "loss", 5)).unwrap();
    other.write(|w| w.runs().delete(&runs[1])).unwrap();
    let report = other.import_project(&export).unwrap();
    assert_eq!((report.created, report.differing, report.missing), (0, 1, 1));
    assert!(!report.is_same());
    // Another project of the name.
    let taken = Store::in_memory().unwrap();
    taken.write(|w| w.projects().get_or_create("the project")).unwrap();
    let sequence = taken.read().sequence();
    assert_eq!(kind(taken.import_project(&export)), ErrorKind::AlreadyExists);
    assert_eq!(taken.read().sequence(), sequence);
    // Where nothing can be exported to, or from.
    assert_eq!(kind(store.export_project(&project, &export)), ErrorKind::AlreadyExists);
    let nobody = ProjectId::new("nobody").unwrap();
    assert_eq!(kind(store.export_project(&nobody, folder.path().join("x"))), ErrorKind::NotFound);
    assert_eq!(kind(other.import_project(folder.path().join("nothing"))), ErrorKind::NotFound);
    let cancelled = store.export_project_with(&project, folder.path().join("y"), |_| ControlFlow::Break(()));
    assert_eq!(kind(cancelled), ErrorKind::Cancelled);
    assert_eq!(kind(other.import_project(folder.path().join("y"))), ErrorKind::Corrupt);
}

#[test]
fn nothing_is_added_under_what_was_deleted_here() {
    let folder = tempfile::tempdir().unwrap();
    let (store, other) = (Store::in_memory().unwrap(), Store::in_memory().unwrap());
    let (project, runs) = filled(&store);
    let experiment = store.read().runs().get(&runs[0]).unwrap().experiment_id;
    let import = |name: &str| {
        let export = folder.path().join(name);
        store.export_project(&project, &export).unwrap();
        other.import_project(&export)
    };
    assert!(import("first").unwrap().is_same());
    other.write(|w| w.experiments().delete(&experiment)).unwrap();
    let second = import("second").unwrap();
    assert_eq!(second.created, 0);
    let new = store
        .write(|w| {
            let run = w.runs().create(&experiment, NewRun::named("new").observation("o", 1))?;
            w.comments().add(&run, "about it")?;
            let third = w.experiments().get_or_create(&project, "third")?;
            let made = w.runs().create(&third, NewRun::named("made"))?;
            w.lineage().add([&run], [&made])?;
            Ok(run)
        })
        .unwrap();
    let third = import("third").unwrap();
    // The run, what was said about it, and what was made of it.
    assert_eq!((third.created, third.missing), (2, second.missing + 3), "{third}");
    assert_eq!(kind(other.read().runs().get(&new)), ErrorKind::NotFound);
    assert!(other.verify().unwrap().is_intact());
    // Restored, it gets what it misses.
    other.write(|w| w.experiments().restore(&experiment)).unwrap();
    let fourth = import("fourth").unwrap();
    assert_eq!((fourth.created, fourth.missing), (3, 0), "{fourth}");
    assert!(other.verify().unwrap().is_intact());
}

/// ModelDB renames runs to anything.
#[test]
fn runs_with_names_that_none_is_created_with_arrive() {
    let folder = tempfile::tempdir().unwrap();
    let (store, other) = (Store::in_memory().unwrap(), Store::in_memory().unwrap());
    let project = store
        .write(|w| {
            let project = w.projects().get_or_create("p")?;
            let experiment = w.experiments().get_or_create(&project, "e")?;
            let runs = w.runs().create_many(&experiment, ["x", "y", "z"].map(NewRun::named))?;
            w.runs().rename(&runs[1], "x")?;
            w.runs().rename(&runs[2], &"long ".repeat(100))?;
            Ok(project)
        })
        .unwrap();
    let export = folder.path().join("export");
    store.export_project(&project, &export).unwrap();
    let report = other.import_project(&export).unwrap();
    assert!(report.is_same() && report.created == 5, "{report}");
    assert!(other.import_project(&export).unwrap().is_same());
    assert!(other.audit().verify().unwrap().is_intact());
}

/// Each bit of each byte of a sample: an error, and nothing is written.
#[test]
fn an_export_that_was_changed_or_cut_off_is_refused_before_anything_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::in_memory().unwrap();
    let project = store
        .write(|w| {
            let project = w.projects().create(NewProject::named("p").attribute("k", 1))?;
            let experiment = w.experiments().get_or_create(&project, "e")?;
            let small = w.put_blob(b"small")?;
            let run =
                NewRun::named("r").metric("m", 0.5).observation("o", 1).artifact(Artifact::named("a").blob(small));
            w.runs().create(&experiment, run.attribute(KeyValue::new("text", "x".repeat(5000)).key, 2))?;
            Ok(project)
        })
        .unwrap();
    let export = folder.path().join("export");
    store.export_project(&project, &export).unwrap();
    let good = lines(&export);
    let other = Store::in_memory().unwrap();
    let refused = |bytes: &[u8]| {
        fs::write(export.join("project.jsonl"), bytes).unwrap();
        let refused = kind(other.import_project(&export));
        assert!(matches!(refused, ErrorKind::Corrupt | ErrorKind::Incompatible), "{refused:?}");
        assert_eq!(other.read().sequence().get(), 0);
    };
    let mut random = Random::new(5);
    for at in 0..good.len() {
        let mut bytes = good.clone();
        bytes[at] ^= 1 << random.below(8);
        refused(&bytes);
        if at % 7 == 0 {
            refused(&good[..at]);
        }
    }
    // Lines left out, twice, or in another order.
    let all: Vec<&[u8]> = good.split_inclusive(|byte| *byte == b'\n').collect();
    for at in 0..all.len() {
        let mut left = all.clone();
        left.remove(at);
        refused(&left.concat());
        let mut twice = all.clone();
        twice.insert(at, all[at]);
        refused(&twice.concat());
        if at > 0 {
            let mut swapped = all.clone();
            swapped.swap(at - 1, at);
            refused(&swapped.concat());
        }
    }
    // Bytes that are not there.
    fs::write(export.join("project.jsonl"), &good).unwrap();
    let blob =
        files(&export).into_iter().find(|(path, _)| path.starts_with("blobs") && !path.ends_with("lock")).unwrap().0;
    fs::remove_file(export.join(blob)).unwrap();
    assert_eq!(kind(other.import_project(&export)), ErrorKind::NotFound);
    assert!(other.read().runs().find("").unwrap().count().unwrap() == 0);
}

/// What is long or deep is not said in words, and arrives all the same.
#[test]
fn values_of_any_depth_and_length_arrive() {
    let deep = |levels: usize| (1..levels).fold(Value::from("bottom"), |value, _| Value::List(vec![value]));
    let store = Store::in_memory().unwrap();
    let long = "\u{1}\u{1f600}".repeat(100_000);
    let list = Value::List((0..20_000).map(|at| Value::from(format!("item {at}"))).collect());
    let (project, run) = store
        .write(|w| {
            let project = w.projects().get_or_create("p")?;
            let experiment = w.experiments().get_or_create(&project, "e")?;
            let run = (1..=limits::VALUE_DEPTH).step_by(3).chain([limits::VALUE_DEPTH]);
            let run = run.fold(NewRun::named("r"), |run, levels| run.attribute(format!("deep {levels}"), deep(levels)));
            let run = run.attribute("long", long.as_str()).attribute("list", list.clone()).attribute("short", "said");
            let run = w.runs().create(&experiment, run)?;
            Ok((project, run))
        })
        .unwrap();
    let folder = tempfile::tempdir().unwrap();
    store.export_project(&project, folder.path()).unwrap();
    let lines = String::from_utf8(lines(folder.path())).unwrap();
    assert!(lines.contains("\"short\":\"said\"") && lines.contains("\"deep 1\""));
    assert!(!lines.contains("\"long\":") && !lines.contains("\"list\":") && !lines.contains("[[[[[[[[[[[[[[[[[["));
    let other = Store::in_memory().unwrap();
    assert!(other.import_project(folder.path()).unwrap().is_same());
    let there = other.read().runs().get(&run).unwrap();
    assert_eq!(there.attributes, store.read().runs().get(&run).unwrap().attributes);
}
