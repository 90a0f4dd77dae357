//! The calls of ExperimentService.

use modeldb::{Artifact, CodeVersion, Filter, NewExperiment};

use super::{Calls, reads, uploads, writes};

pub(super) fn calls(service: &str, rpc: &str) -> Option<Calls> {
    Some(match (service, rpc) {
        ("ExperimentService", "createExperiment") => {
            writes!(w, p, w.experiments().create(&p.project, NewExperiment::new()))
        }
        ("ExperimentService", "updateExperimentNameOrDescription") => {
            writes!(w, p, w.experiments().update(&p.experiment, Some("f"), Some("text")))
        }
        ("ExperimentService", "updateExperimentName") => writes!(w, p, w.experiments().rename(&p.experiment, "f")),
        ("ExperimentService", "updateExperimentDescription") => {
            writes!(w, p, w.experiments().describe(&p.experiment, "text"))
        }
        ("ExperimentService", "addExperimentTags") => {
            writes!(w, p, w.experiments().add_tags(&p.experiment, ["x", "y"]))
        }
        ("ExperimentService", "getExperimentTags") => reads!(s, p, s.experiments().get(&p.experiment).unwrap().tags),
        ("ExperimentService", "deleteExperimentTags") => writes!(
            w,
            p,
            w.experiments().delete_tags(&p.experiment, ["t"]),
            w.experiments().delete_all_tags(&p.experiment)
        ),
        ("ExperimentService", "addExperimentTag") => writes!(w, p, w.experiments().add_tags(&p.experiment, ["x"])),
        ("ExperimentService", "deleteExperimentTag") => {
            writes!(w, p, w.experiments().delete_tags(&p.experiment, ["t"]))
        }
        ("ExperimentService", "addAttribute") => {
            writes!(w, p, w.experiments().log_attributes(&p.experiment, [("b", 1)]))
        }
        ("ExperimentService", "addExperimentAttributes") => {
            writes!(w, p, w.experiments().log_attributes(&p.experiment, [("b", 1), ("c", 2)]))
        }
        ("ExperimentService", "getExperimentAttributes") => {
            reads!(s, p, s.experiments().get(&p.experiment).unwrap().attributes)
        }
        ("ExperimentService", "deleteExperimentAttributes") => writes!(
            w,
            p,
            w.experiments().delete_attributes(&p.experiment, ["a"]),
            w.experiments().delete_all_attributes(&p.experiment)
        ),
        ("ExperimentService", "logExperimentCodeVersion") => {
            writes!(w, p, w.experiments().log_code_version(&p.experiment, CodeVersion::git("r", "h")))
        }
        ("ExperimentService", "getExperimentCodeVersion") => {
            reads!(s, p, s.experiments().get(&p.experiment).unwrap().code_version_snapshot)
        }
        ("ExperimentService", "getExperimentsInProject") => {
            reads!(s, p, s.experiments().list(&p.project).unwrap().page(10).unwrap())
        }
        ("ExperimentService", "getExperimentById") => reads!(s, p, s.experiments().get(&p.experiment).unwrap()),
        ("ExperimentService", "getExperimentByName") => {
            reads!(s, p, s.experiments().get_by_name(&p.project, "e").unwrap())
        }
        ("ExperimentService", "deleteExperiment") => writes!(w, p, w.experiments().delete(&p.experiment)),
        ("ExperimentService", "logArtifacts") => {
            writes!(w, p, w.experiments().log_artifacts(&p.experiment, [Artifact::new("new", "")]))
        }
        ("ExperimentService", "getArtifacts") => {
            reads!(s, p, s.experiments().get(&p.experiment).unwrap().artifact("k").unwrap().clone())
        }
        ("ExperimentService", "getUrlForArtifact") => uploads!(experiment),
        ("ExperimentService", "deleteArtifact") => writes!(w, p, w.experiments().delete_artifact(&p.experiment, "k")),
        ("ExperimentService", "deleteExperiments") => writes!(w, p, w.experiments().delete_many([&p.experiment])),
        ("ExperimentService", "findExperiments") => {
            reads!(s, p, s.experiments().find(Filter::all()).unwrap().page(1, 10).unwrap())
        }
        _ => return None,
    })
}
