//! The calls of ExperimentRunService.

use modeldb::{Artifact, CloneOptions, CodeVersion, Environment, Filter, NewRun};

use super::{Calls, reads, uploads, writes};

pub(super) fn calls(service: &str, rpc: &str) -> Option<Calls> {
    Some(match (service, rpc) {
        ("ExperimentRunService", "createExperimentRun") => writes!(w, p, w.runs().create(&p.experiment, NewRun::new())),
        ("ExperimentRunService", "deleteExperimentRun") => writes!(w, p, w.runs().delete(&p.run)),
        ("ExperimentRunService", "getExperimentRunsInProject") => {
            reads!(s, p, s.runs().list_in_project(&p.project).unwrap().page(10).unwrap())
        }
        ("ExperimentRunService", "getExperimentRunsInExperiment") => {
            reads!(s, p, s.runs().list(&p.experiment).unwrap().page(10).unwrap())
        }
        ("ExperimentRunService", "getExperimentRunById") => reads!(s, p, s.runs().get(&p.run).unwrap()),
        ("ExperimentRunService", "getExperimentRunByName") => {
            reads!(s, p, s.runs().get_by_name(&p.experiment, "r").unwrap())
        }
        ("ExperimentRunService", "updateExperimentRunName") => writes!(w, p, w.runs().rename(&p.run, "s")),
        ("ExperimentRunService", "updateExperimentRunDescription") => writes!(w, p, w.runs().describe(&p.run, "text")),
        ("ExperimentRunService", "addExperimentRunTags") => writes!(w, p, w.runs().add_tags(&p.run, ["x", "y"])),
        ("ExperimentRunService", "getExperimentRunTags") => reads!(s, p, s.runs().get(&p.run).unwrap().tags),
        ("ExperimentRunService", "deleteExperimentRunTags") => {
            writes!(w, p, w.runs().delete_tags(&p.run, ["t"]), w.runs().delete_all_tags(&p.run))
        }
        ("ExperimentRunService", "addExperimentRunTag") => writes!(w, p, w.runs().add_tags(&p.run, ["x"])),
        ("ExperimentRunService", "deleteExperimentRunTag") => writes!(w, p, w.runs().delete_tags(&p.run, ["t"])),
        ("ExperimentRunService", "logObservation") => writes!(w, p, w.runs().log_observation(&p.run, "n", 1)),
        ("ExperimentRunService", "logObservations") => {
            writes!(w, p, w.runs().log_observations(&p.run, [("n", 1), ("o", 2)]))
        }
        ("ExperimentRunService", "getObservations") => {
            reads!(s, p, s.runs().observations(&p.run, "k").unwrap().collect::<Result<Vec<_>, _>>().unwrap())
        }
        ("ExperimentRunService", "deleteObservations") => {
            writes!(w, p, w.runs().delete_observations(&p.run, ["k"]), w.runs().delete_all_observations(&p.run))
        }
        ("ExperimentRunService", "logMetric") => writes!(w, p, w.runs().log_metric(&p.run, "n", 1)),
        ("ExperimentRunService", "logMetrics") => writes!(w, p, w.runs().log_metrics(&p.run, [("n", 1), ("o", 2)])),
        ("ExperimentRunService", "getMetrics") => reads!(s, p, s.runs().get(&p.run).unwrap().metrics),
        ("ExperimentRunService", "logDataset") => writes!(
            w,
            p,
            w.runs().log_datasets(&p.run, [Artifact::new("new", "x")]),
            w.runs().set_datasets(&p.run, [Artifact::new("d", "x")])
        ),
        ("ExperimentRunService", "logDatasets") => writes!(
            w,
            p,
            w.runs().log_datasets(&p.run, [Artifact::new("new", "x"), Artifact::new("more", "x")]),
            w.runs().set_datasets(&p.run, [Artifact::new("d", "x"), Artifact::new("new", "x")])
        ),
        ("ExperimentRunService", "getDatasets") => {
            reads!(s, p, s.runs().get(&p.run).unwrap().dataset("d").unwrap().clone())
        }
        ("ExperimentRunService", "logHyperparameter") => writes!(w, p, w.runs().log_hyperparameter(&p.run, "n", 1)),
        ("ExperimentRunService", "logHyperparameters") => {
            writes!(w, p, w.runs().log_hyperparameters(&p.run, [("n", 1), ("o", 2)]))
        }
        ("ExperimentRunService", "getHyperparameters") => reads!(s, p, s.runs().get(&p.run).unwrap().hyperparameters),
        ("ExperimentRunService", "logAttribute") => writes!(w, p, w.runs().log_attributes(&p.run, [("b", 1)])),
        ("ExperimentRunService", "logAttributes") => {
            writes!(w, p, w.runs().log_attributes(&p.run, [("b", 1), ("c", 2)]))
        }
        ("ExperimentRunService", "getExperimentRunAttributes") => {
            reads!(s, p, s.runs().get(&p.run).unwrap().attributes)
        }
        ("ExperimentRunService", "addExperimentRunAttributes") => {
            writes!(w, p, w.runs().log_attributes(&p.run, [("b", 1)]))
        }
        ("ExperimentRunService", "deleteExperimentRunAttributes") => {
            writes!(w, p, w.runs().delete_attributes(&p.run, ["a"]), w.runs().delete_all_attributes(&p.run))
        }
        ("ExperimentRunService", "logEnvironment") => {
            writes!(w, p, w.runs().set_environment(&p.run, Environment::new().variable("A", "b")))
        }
        ("ExperimentRunService", "logExperimentRunCodeVersion") => writes!(
            w,
            p,
            w.runs().log_code_version(&p.run, CodeVersion::git("r", "h")),
            w.runs().set_code_version(&p.run, CodeVersion::git("r", "h"))
        ),
        ("ExperimentRunService", "getExperimentRunCodeVersion") => {
            reads!(s, p, s.runs().get(&p.run).unwrap().code_version_snapshot)
        }
        ("ExperimentRunService", "logArtifact") => {
            writes!(w, p, w.runs().log_artifacts(&p.run, [Artifact::new("new", "")]))
        }
        ("ExperimentRunService", "logArtifacts") => {
            writes!(w, p, w.runs().log_artifacts(&p.run, [Artifact::new("new", ""), Artifact::new("more", "")]))
        }
        ("ExperimentRunService", "getArtifacts") => {
            reads!(s, p, s.runs().get(&p.run).unwrap().artifact("k").unwrap().clone())
        }
        ("ExperimentRunService", "getUrlForArtifact") => uploads!(run),
        ("ExperimentRunService", "commitArtifactPart") => {
            writes!(w, p, w.commit_artifact_part(&p.run, "u", 2, &modeldb::BlobDigest::of(b"part").to_string()))
        }
        ("ExperimentRunService", "getCommittedArtifactParts") => {
            reads!(s, p, s.artifact(&p.run, "u").unwrap().unwrap().upload.unwrap().parts)
        }
        ("ExperimentRunService", "commitMultipartArtifact") => Calls::Write(vec![|p| {
            p.store.complete_upload(&p.run, "u").unwrap();
        }]),
        ("ExperimentRunService", "deleteArtifact") => writes!(w, p, w.runs().delete_artifact(&p.run, "k")),
        ("ExperimentRunService", "logJobId") => writes!(w, p, w.runs().set_job_id(&p.run, "job")),
        ("ExperimentRunService", "getJobId") => reads!(s, p, s.runs().get(&p.run).unwrap().job_id),
        ("ExperimentRunService", "setParentExperimentRunId") => writes!(w, p, w.runs().set_parent(&p.run, &p.other)),
        ("ExperimentRunService", "deleteExperimentRuns") => writes!(w, p, w.runs().delete_many([&p.run, &p.other])),
        ("ExperimentRunService", "deleteMetrics") => {
            writes!(w, p, w.runs().delete_metrics(&p.run, ["m"]), w.runs().delete_all_metrics(&p.run))
        }
        ("ExperimentRunService", "deleteHyperparameters") => {
            writes!(w, p, w.runs().delete_hyperparameters(&p.run, ["h"]), w.runs().delete_all_hyperparameters(&p.run))
        }
        ("ExperimentRunService", "cloneExperimentRun") => {
            writes!(w, p, w.runs().clone_run(&p.run, CloneOptions::new()))
        }
        ("ExperimentRunService", "findExperimentRuns") => {
            reads!(s, p, s.runs().find(Filter::metric("m").ge(1)).unwrap().page(1, 10).unwrap())
        }
        ("ExperimentRunService", "sortExperimentRuns") => reads!(
            s,
            p,
            s.runs().find(Filter::all()).unwrap().among([&p.run]).order_by("metrics.m").page(1, 10).unwrap()
        ),
        ("ExperimentRunService", "getTopExperimentRuns") => {
            reads!(s, p, s.runs().find(Filter::all()).unwrap().order_by("-metrics.m").top(1).unwrap())
        }
        ("ExperimentRunService", "getChildrenExperimentRuns") => {
            reads!(s, p, s.runs().children(&p.run).unwrap().page(1, 10).unwrap())
        }
        ("ExperimentRunService", "getExperimentRunsByDatasetVersionId") => {
            reads!(s, p, s.runs().by_dataset_version("v").unwrap().page(1, 10).unwrap())
        }
        _ => return None,
    })
}
