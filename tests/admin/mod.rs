//! Upkeep: verifying, compacting, backing up, opening for reading only, measuring, trying out.

mod backup;
mod compact;
mod damaged;
mod dry_run;
mod erased;
mod faults;
mod read_only;
mod stats;
mod verify;

use std::path::{Path, PathBuf};

use modeldb::simulation::SimulatedDisk;
use modeldb::{
    ExperimentId, LineageEntry, ManualClock, NewComment, NewJob, NewRun, Options, RunId, SeededEntropy, Snapshot,
    Store, Timestamp,
};

/// Small blocks of the filter index, and nothing from outside.
fn options() -> Options {
    let clock = ManualClock::new(Timestamp::from_millis(1_700_000_000_000));
    let options = Store::options().entropy(SeededEntropy::new(5)).clock(clock).cache_bytes(1 << 20);
    options.filter_rows(8, 4).background(false)
}

/// Some of everything: runs with long texts, series, comments, jobs, edges; deleted and purged ones; packed commits;
/// blocks of the filter index. Answers the experiment and its runs.
fn fill(store: &Store, runs: usize) -> (ExperimentId, Vec<RunId>) {
    let experiment = store
        .write(|w| {
            let project = w.projects().get_or_create("project")?;
            w.experiments().get_or_create(&project, "experiment")
        })
        .unwrap();
    let mut ids = Vec::new();
    for number in 0..runs {
        let new = NewRun::named(format!("run {number}"))
            .description("long ".repeat(if number % 5 == 0 { 2_000 } else { 1 }))
            .metric("accuracy", number as f64)
            .hyperparameter("depth", number as i64)
            .tag(["a", "b", "c"][number % 3]);
        let run = store.write(|w| w.runs().create(&experiment, new)).unwrap();
        if number % 4 == 0 {
            for _ in 0..3 {
                let values = (0..40).map(|at| ("loss", f64::from(at)));
                store.write(|w| w.runs().log_observations(&run, values)).unwrap();
            }
            store.write(|w| w.comments().add(&run, NewComment::new("well done"))).unwrap();
        }
        ids.push(run);
    }
    let entry = |at: usize| LineageEntry::from(&ids[at]);
    store.write(|w| w.lineage().add([entry(0)], [entry(1), entry(2)])).unwrap();
    store.write(|w| w.jobs().create(NewJob::started("start").description("a job"))).unwrap();
    store.write(|w| w.runs().set_parent(&ids[3], &ids[4])).unwrap();
    store.optimize().unwrap();
    store.write(|w| w.runs().log_metric(&ids[1], "late", 1)).unwrap();
    (experiment, ids)
}

/// Everything that a snapshot says: its log, and what is to be seen of entities.
fn everything(read: &Snapshot) -> (String, Vec<String>) {
    let mut log = Vec::new();
    read.audit().export(&mut log).unwrap();
    let mut entities = Vec::new();
    for project in read.projects().list() {
        let project = project.unwrap();
        for experiment in read.experiments().list(&project.id).unwrap() {
            let experiment = experiment.unwrap();
            for run in read.runs().list(&experiment.id).unwrap() {
                let run = run.unwrap();
                for series in &run.series {
                    let points = read.runs().observations(&run.id, &series.key).unwrap();
                    entities.push(format!("{:?}", points.into_iter().map(|point| point.unwrap()).collect::<Vec<_>>()));
                }
                entities.push(format!("{:?}", read.comments().list(&run.id).unwrap()));
                entities.push(format!("{:?}", read.lineage().outputs(&run.id).unwrap()));
                entities.push(format!("{run:?}"));
            }
            let found = read.runs().find("metrics.accuracy >= 3 and tags contains 'b'").unwrap();
            let found = found.in_experiment(&experiment.id).ids().unwrap();
            entities.push(format!("{:?}", found.map(|id| id.unwrap()).collect::<Vec<_>>()));
            entities.push(format!("{experiment:?}"));
        }
        entities.push(format!("{project:?}"));
    }
    entities.extend(read.jobs().list().into_iter().map(|job| format!("{:?}", job.unwrap())));
    (String::from_utf8(log).unwrap(), entities)
}

#[track_caller]
fn assert_intact(store: &Store) {
    let report = store.verify().unwrap();
    assert!(report.is_intact() && report.is_complete(), "{report}");
}

/// All files below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { all.extend(files(&path)) } else { all.push(path) }
    }
    all.sort();
    all
}

/// The disk as it is, with nothing closed.
fn copy(disk: &SimulatedDisk) -> SimulatedDisk {
    let copy = SimulatedDisk::new();
    for name in disk.names() {
        copy.set_bytes(&name, disk.bytes(&name).unwrap());
    }
    copy
}
