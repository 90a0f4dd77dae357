//! The calls of ProjectService.

use modeldb::{Artifact, CodeVersion, CopyOptions, Filter, NewProject};

use super::{Calls, reads, uploads, writes};

pub(super) fn calls(service: &str, rpc: &str) -> Option<Calls> {
    Some(match (service, rpc) {
        ("ProjectService", "createProject") => writes!(w, p, w.projects().create(NewProject::new())),
        ("ProjectService", "getProjects") => reads!(s, p, s.projects().list().page(10).unwrap()),
        ("ProjectService", "getProjectById") => reads!(s, p, s.projects().get(&p.project).unwrap()),
        ("ProjectService", "getProjectByName") => reads!(s, p, s.projects().get_by_name("p").unwrap()),
        ("ProjectService", "deleteProject") => writes!(w, p, w.projects().delete(&p.project)),
        ("ProjectService", "updateProjectName") => writes!(w, p, w.projects().rename(&p.project, "q")),
        ("ProjectService", "updateProjectDescription") => writes!(w, p, w.projects().describe(&p.project, "q")),
        ("ProjectService", "addProjectTags") => writes!(w, p, w.projects().add_tags(&p.project, ["x", "y"])),
        ("ProjectService", "getProjectTags") => reads!(s, p, s.projects().get(&p.project).unwrap().tags),
        ("ProjectService", "deleteProjectTags") => {
            writes!(w, p, w.projects().delete_tags(&p.project, ["t"]), w.projects().delete_all_tags(&p.project))
        }
        ("ProjectService", "addProjectTag") => writes!(w, p, w.projects().add_tags(&p.project, ["x"])),
        ("ProjectService", "deleteProjectTag") => writes!(w, p, w.projects().delete_tags(&p.project, ["t"])),
        ("ProjectService", "updateProjectAttributes") => {
            writes!(w, p, w.projects().set_attributes(&p.project, [("a", "new")]))
        }
        ("ProjectService", "getProjectAttributes") => reads!(s, p, s.projects().get(&p.project).unwrap().attributes),
        ("ProjectService", "addProjectAttributes") => {
            writes!(w, p, w.projects().log_attributes(&p.project, [("b", 1)]))
        }
        ("ProjectService", "deleteProjectAttributes") => writes!(
            w,
            p,
            w.projects().delete_attributes(&p.project, ["a"]),
            w.projects().delete_all_attributes(&p.project)
        ),
        ("ProjectService", "logProjectCodeVersion") => {
            writes!(w, p, w.projects().log_code_version(&p.project, CodeVersion::git("r", "h")))
        }
        ("ProjectService", "getProjectCodeVersion") => {
            reads!(s, p, s.projects().get(&p.project).unwrap().code_version_snapshot)
        }
        ("ProjectService", "verifyConnection") => reads!(s, p, s.sequence()),
        ("ProjectService", "deepCopyProject") => writes!(w, p, w.projects().deep_copy(&p.project, CopyOptions::new())),
        ("ProjectService", "setProjectReadme") => writes!(w, p, w.projects().set_readme(&p.project, "text")),
        ("ProjectService", "getProjectReadme") => reads!(s, p, s.projects().get(&p.project).unwrap().readme_text),
        ("ProjectService", "setProjectShortName") => writes!(w, p, w.projects().set_short_name(&p.project, "short")),
        ("ProjectService", "getProjectShortName") => reads!(s, p, s.projects().get(&p.project).unwrap().short_name),
        ("ProjectService", "logArtifacts") => {
            writes!(w, p, w.projects().log_artifacts(&p.project, [Artifact::new("new", "")]))
        }
        ("ProjectService", "getArtifacts") => {
            reads!(s, p, s.projects().get(&p.project).unwrap().artifact("k").unwrap().clone())
        }
        ("ProjectService", "getUrlForArtifact") => uploads!(project),
        ("ProjectService", "deleteArtifact") => writes!(w, p, w.projects().delete_artifact(&p.project, "k")),
        ("ProjectService", "deleteProjects") => writes!(w, p, w.projects().delete_many([&p.project])),
        ("ProjectService", "getSummary") => reads!(s, p, s.projects().summary(&p.project).unwrap()),
        ("ProjectService", "getProjectDatasetCount") => reads!(s, p, s.projects().dataset_count(&p.project).unwrap()),
        ("ProjectService", "findProjects") => {
            reads!(s, p, s.projects().find(Filter::all()).unwrap().page(1, 10).unwrap())
        }
        _ => return None,
    })
}
