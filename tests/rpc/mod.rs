//! The table of RPCs in the guide, held against the list of ModelDB's RPCs and against the calls themselves.

mod experiments;
mod others;
mod projects;
mod runs;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use modeldb::{
    Actor, Artifact, CommentId, ExperimentId, JobId, NewExperiment, NewJob, NewProject, NewRun, ProjectId, RunId, Store,
};

/// Every RPC of the services that the table is about (tracking 5.1 to 5.3, 5.6 to 5.8).
const RPCS: [(&str, &str); 6] = [
    (
        "ProjectService",
        "createProject getProjects getProjectById getProjectByName deleteProject updateProjectName \
         updateProjectDescription addProjectTags getProjectTags deleteProjectTags addProjectTag \
         deleteProjectTag updateProjectAttributes getProjectAttributes addProjectAttributes \
         deleteProjectAttributes logProjectCodeVersion getProjectCodeVersion verifyConnection deepCopyProject \
         getSummary setProjectReadme getProjectReadme setProjectShortName getProjectShortName \
         getProjectDatasetCount getUrlForArtifact findProjects logArtifacts getArtifacts deleteArtifact \
         deleteProjects",
    ),
    (
        "ExperimentService",
        "createExperiment updateExperimentNameOrDescription updateExperimentName updateExperimentDescription \
         addExperimentTags getExperimentTags deleteExperimentTags addExperimentTag deleteExperimentTag \
         addAttribute addExperimentAttributes getExperimentAttributes deleteExperimentAttributes \
         logExperimentCodeVersion getExperimentCodeVersion getExperimentsInProject getExperimentById \
         getExperimentByName deleteExperiment getUrlForArtifact findExperiments logArtifacts getArtifacts \
         deleteArtifact deleteExperiments",
    ),
    (
        "ExperimentRunService",
        "createExperimentRun deleteExperimentRun getExperimentRunsInProject getExperimentRunsInExperiment \
         getExperimentRunById getExperimentRunByName updateExperimentRunName updateExperimentRunDescription \
         addExperimentRunTags getExperimentRunTags deleteExperimentRunTags addExperimentRunTag \
         deleteExperimentRunTag logObservation logObservations getObservations logMetric logMetrics \
         getMetrics logDataset logDatasets getDatasets logHyperparameter logHyperparameters \
         getHyperparameters logAttribute logAttributes getExperimentRunAttributes addExperimentRunAttributes \
         deleteExperimentRunAttributes logEnvironment logExperimentRunCodeVersion getExperimentRunCodeVersion \
         logArtifact logArtifacts getArtifacts deleteArtifact getUrlForArtifact commitArtifactPart \
         getCommittedArtifactParts commitMultipartArtifact findExperimentRuns sortExperimentRuns \
         getTopExperimentRuns logJobId getJobId getChildrenExperimentRuns setParentExperimentRunId \
         getExperimentRunsByDatasetVersionId deleteExperimentRuns logVersionedInput getVersionedInputs \
         ListCommitExperimentRuns ListBlobExperimentRuns deleteObservations deleteMetrics \
         deleteHyperparameters cloneExperimentRun",
    ),
    (
        "CommentService",
        "addExperimentRunComment updateExperimentRunComment getExperimentRunComments \
         deleteExperimentRunComment",
    ),
    ("LineageService", "addLineage deleteLineage findAllInputs findAllOutputs findAllInputsOutputs"),
    ("JobService", "createJob getJob updateJob deleteJob"),
];

const TABLE: &str = include_str!("../../src/guide/rpc_table.rs");

/// Steps that will bring what is missing.
const STEPS: [&str; 3] = ["datasets", "repositories", "a server"];

/// A store with one of each, for the calls of one row.
struct Prepared {
    store: Store,
    project: ProjectId,
    experiment: ExperimentId,
    run: RunId,
    other: RunId,
    comment: CommentId,
    job: JobId,
}

impl Prepared {
    fn new() -> Self {
        let store = Store::options().actor(Actor::user("tester")).open_in_memory().unwrap();
        let artifact = || Artifact::new("k", "s3://k");
        let prepared = store.write(|w| {
            let new = NewProject::named("p").attribute("a", 1).tag("t").artifact(artifact());
            let project = w.projects().create(new)?;
            let new = NewExperiment::named("e").attribute("a", 1).tag("t").artifact(artifact());
            let experiment = w.experiments().create(&project, new)?;
            let new = NewRun::named("r").observation("k", 1).attribute("a", 1).tag("t").artifact(artifact());
            let new = new.metric("m", 1).hyperparameter("h", 1).dataset(Artifact::new("d", "s3://d"));
            let run = w.runs().create(&experiment, new)?;
            let other = w.runs().create(&experiment, NewRun::named("other"))?;
            let comment = w.comments().add(&run, "hm")?;
            let job = w.jobs().create(NewJob::started("now"))?;
            w.lineage().add([&run], [&other])?;
            // One of which a part has arrived.
            w.runs().log_artifacts(&run, [Artifact::named("u")])?;
            w.begin_upload(&run, "u")?;
            let part = w.put_blob(b"part")?;
            w.commit_artifact_part(&run, "u", 1, &part.digest.to_string())?;
            Ok((project, experiment, run, other, comment, job))
        });
        let (project, experiment, run, other, comment, job) = prepared.unwrap();
        Prepared { store, project, experiment, run, other, comment, job }
    }
}

/// What a row of the table does on a prepared store.
enum Calls {
    /// One write for each operation of the row.
    Write(Vec<fn(&Prepared)>),
    Read(fn(&Prepared)),
}

/// Calls of a write `$w` on a prepared store `$p`.
macro_rules! writes {
    ($w:ident, $p:ident, $($call:expr),+) => {
        $crate::rpc::Calls::Write(vec![$(|$p| {
            $p.store.write(|$w| $call).unwrap();
        }),+])
    };
}
use writes;

/// A call of a snapshot `$s` on a prepared store `$p`.
macro_rules! reads {
    ($s:ident, $p:ident, $call:expr) => {
        $crate::rpc::Calls::Read(|$p| {
            let $s = $p.store.read();
            let _ = ($call, &$p.store);
        })
    };
}
use reads;

/// The bytes of an artifact of an entity `$id`: put at once, and begun in parts.
macro_rules! uploads {
    ($id:ident) => {
        $crate::rpc::Calls::Write(vec![
            |p| {
                p.store.put_artifact(&p.$id, "k", &b"bytes"[..]).unwrap();
            },
            |p| {
                p.store.write(|w| w.begin_upload(&p.$id, "k")).unwrap();
            },
        ])
    };
}
use uploads;

/// A row of the table: its service, its RPC, and what it says of the log.
struct Row {
    service: String,
    rpc: String,
    log: String,
}

fn rows() -> Vec<Row> {
    let mut service = String::new();
    let mut rows = Vec::new();
    for line in TABLE.lines() {
        if let Some(title) = line.strip_prefix("//! ## ") {
            service = title.to_owned();
        }
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        if let ["//!", rpc, call, log, ""] = cells[..]
            && let Some(rpc) = rpc.strip_prefix('`').and_then(|rpc| rpc.strip_suffix('`'))
        {
            assert!(!call.is_empty(), "{rpc} has no call");
            rows.push(Row { service: service.clone(), rpc: rpc.to_owned(), log: log.to_owned() });
        }
    }
    rows
}

fn calls(row: &Row) -> Option<Calls> {
    [projects::calls, experiments::calls, runs::calls, others::calls]
        .into_iter()
        .find_map(|calls| calls(&row.service, &row.rpc))
}

#[test]
fn each_rpc_has_one_row() {
    let listed: Vec<(&str, &str)> =
        RPCS.iter().flat_map(|(service, rpcs)| rpcs.split_whitespace().map(move |rpc| (*service, rpc))).collect();
    assert_eq!(listed.len(), 128);
    let rows = rows();
    let rows: Vec<(&str, &str)> = rows.iter().map(|row| (row.service.as_str(), row.rpc.as_str())).collect();
    assert_eq!(rows, listed);
    assert_eq!(rows.iter().collect::<BTreeSet<_>>().len(), 128);
}

#[test]
fn each_call_is_one_operation_of_the_name_in_the_table() {
    let mut counts = [0; 3];
    for row in rows() {
        let Row { service, rpc, log } = &row;
        let place = format!("{service}.{rpc}");
        if let Some(step) = log.strip_prefix("with ") {
            assert!(STEPS.contains(&step), "{place}: {step} is no step");
            assert!(calls(&row).is_none(), "{place} can be called by now");
            counts[0] += 1;
            continue;
        }
        let calls = calls(&row).unwrap_or_else(|| panic!("{place} has a row, and nothing here calls it"));
        match calls {
            Calls::Read(call) => {
                assert_eq!(log, "reads", "{place}");
                let prepared = Prepared::new();
                let before = prepared.store.audit().head().unwrap();
                call(&prepared);
                assert_eq!(prepared.store.audit().head().unwrap(), before, "{place} moved the log");
                counts[1] += 1;
            }
            Calls::Write(calls) => {
                let names: Vec<&str> = log.split(", ").map(|name| name.trim_matches('`')).collect();
                assert_eq!(calls.len(), names.len(), "{place}: one call for each operation");
                for (call, name) in calls.into_iter().zip(names) {
                    check_write(&place, call, name);
                }
                counts[2] += 1;
            }
        }
    }
    println!("{} rows for later, {} that read, {} that write", counts[0], counts[1], counts[2]);
    assert!(counts[2] > 60, "{counts:?}");
}

/// A call makes one commit of one operation of this name.
fn check_write(place: &str, call: fn(&Prepared), name: &str) {
    let prepared = Prepared::new();
    let before = prepared.store.read().sequence();
    call(&prepared);
    let read = prepared.store.read();
    assert_eq!(read.sequence(), before.next(), "{place}: one commit");
    let commit = read.commit(read.sequence()).unwrap();
    let names: Vec<&str> = commit.operations.iter().map(|operation| operation.name.as_str()).collect();
    assert_eq!(names, [name], "{place}");
    assert_eq!(commit.operations[0].changes, commit.changes, "{place}");
    assert!(prepared.store.audit().verify().unwrap().is_intact(), "{place}");
}

#[test]
fn each_promise_has_a_test_or_a_step() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut kept = 0;
    for line in TABLE.lines().filter_map(|line| line.strip_prefix("//! - [")) {
        if let Some(rest) = line.strip_prefix("x] ") {
            let (_, test) = rest.trim_end_matches('`').rsplit_once(": `").unwrap_or_else(|| panic!("{line}"));
            let (module, name) = test.rsplit_once("::").unwrap();
            let module = module.replace("::", "/");
            let files = [format!("tests/{module}.rs"), format!("tests/{module}/mod.rs"), format!("src/{module}.rs")];
            let text = files.iter().find_map(|file| fs::read_to_string(root.join(file)).ok());
            let text = text.unwrap_or_else(|| panic!("there is no {module}: {line}"));
            assert!(
                text.contains(&format!("#[test]\nfn {name}()")) || text.contains(&format!("#[test]\n    fn {name}()")),
                "there is no test {test}"
            );
            kept += 1;
        } else {
            let step = line.rsplit_once(": with ").map(|(_, step)| step);
            assert!(step.is_some_and(|step| STEPS.contains(&step)), "no step brings this: {line}");
        }
    }
    assert!(kept > 40, "{kept} promises are kept");
}
