//! Random projects: exported, imported and exported again, they are the same bytes.

use modeldb::{Artifact, NewExperiment, NewObservation, NewProject, NewRun, ProjectId, RunId, Store, Value};

use super::{files, lines};
use crate::support::random::{PrintSeed, Random, seed};

fn value(random: &mut Random) -> Value {
    match random.below(9) {
        0 => Value::from(f64::NAN),
        1 => Value::from(random.fraction()),
        2 => Value::from(i64::MAX - random.below(3) as i64),
        3 => Value::from(random.one_in(2)),
        4 => Value::from(vec![random.below(9) as i64]),
        5 => Value::from(-0.0),
        6 => Value::from(random.text(2000)),
        _ => Value::from(random.text(8)),
    }
}

fn observed(random: &mut Random) -> Value {
    match random.below(4) {
        0 => Value::from(random.text(5)),
        1 => Value::from(random.below(100) as i64),
        _ => Value::from(random.fraction()),
    }
}

fn project(store: &Store, random: &mut Random) -> ProjectId {
    let project = NewProject::named(random.text(6) + "p").description(random.text(3000));
    let project = store.write(|w| w.projects().create(project.attribute("k", value(random)))).unwrap();
    let mut runs: Vec<RunId> = Vec::new();
    for number in 0..3 {
        let new = NewExperiment::named(format!("e{number}")).attribute("k", value(random));
        let experiment = store.write(|w| w.experiments().create(&project, new)).unwrap();
        for number in 0..random.below(8) {
            let mut run = NewRun::named(format!("r{number}")).description(random.text(20));
            for key in 0..random.below(5) {
                run = run.metric(format!("m{key}"), value(random)).hyperparameter(format!("h{key}"), value(random));
            }
            runs.push(store.write(|w| w.runs().create(&experiment, run)).unwrap());
        }
    }
    for _ in 0..40 {
        if runs.is_empty() {
            break;
        }
        let run = random.pick(&runs).clone();
        let key = format!("k{}", random.below(3));
        match random.below(8) {
            0..=2 => {
                let count = [1, 3, 40, 1200][random.below(4)];
                let all: Vec<(String, NewObservation)> =
                    (0..count).map(|_| (key.clone(), NewObservation::new(observed(random)))).collect();
                store.write(|w| w.runs().log_observations(&run, all)).unwrap();
            }
            3 => store.write(|w| w.runs().delete_observations(&run, [key])).unwrap(),
            4 => {
                let bytes = vec![random.below(3) as u8; [5, 70_000][random.below(2)]];
                // It may be there already.
                let _ = store.log_artifact(&run, Artifact::named(key), &*bytes);
            }
            5 => drop(store.write(|w| w.comments().add(&run, random.text(30) + "!")).unwrap()),
            6 => {
                let other = random.pick(&runs).clone();
                if other != run {
                    store.write(|w| w.lineage().add([&run], [&other])).unwrap();
                }
            }
            _ => {
                if random.one_in(3) {
                    store.write(|w| w.runs().delete(&run)).unwrap();
                    runs.retain(|known| *known != run);
                }
            }
        }
    }
    project
}

#[test]
fn random_projects_arrive_as_they_were() {
    let seed = seed(1);
    let (_print, mut random) = (PrintSeed(seed), Random::new(seed));
    let folder = tempfile::tempdir().unwrap();
    let (from, to) = (Store::in_memory().unwrap(), Store::open(folder.path().join("to")).unwrap());
    for round in 0..12 {
        let project = project(&from, &mut random);
        let path = |name: &str| folder.path().join(format!("{name}{round}"));
        from.export_project(&project, path("first")).unwrap();
        let report = to.import_project(path("first")).unwrap();
        assert!(report.is_same() && report.present == 0, "{report} {:?}", report.examples);
        to.export_project(&project, path("second")).unwrap();
        assert_eq!(lines(&path("first")).len(), lines(&path("second")).len());
        assert!(files(&path("first")) == files(&path("second")), "round {round}");
    }
    let verified = to.verify().unwrap();
    assert!(verified.is_intact(), "{verified}");
}
