//! The calls of CommentService, LineageService and JobService.

use modeldb::{JobStatus, NewJob};

use super::{Calls, reads, writes};

pub(super) fn calls(service: &str, rpc: &str) -> Option<Calls> {
    Some(match (service, rpc) {
        ("CommentService", "addExperimentRunComment") => writes!(w, p, w.comments().add(&p.run, "more")),
        ("CommentService", "updateExperimentRunComment") => {
            writes!(w, p, w.comments().update(&p.run, &p.comment, "other"))
        }
        ("CommentService", "getExperimentRunComments") => reads!(s, p, s.comments().list(&p.run).unwrap()),
        ("CommentService", "deleteExperimentRunComment") => writes!(w, p, w.comments().delete(&p.run, &p.comment)),
        ("LineageService", "addLineage") => writes!(w, p, w.lineage().add([&p.other], [&p.run])),
        ("LineageService", "deleteLineage") => writes!(w, p, w.lineage().remove([&p.run], [&p.other])),
        ("LineageService", "findAllInputs") => reads!(s, p, s.lineage().inputs(&p.other).unwrap()),
        ("LineageService", "findAllOutputs") => reads!(s, p, s.lineage().outputs(&p.run).unwrap()),
        ("LineageService", "findAllInputsOutputs") => {
            reads!(s, p, (s.lineage().inputs(&p.run).unwrap(), s.lineage().outputs(&p.run).unwrap()))
        }
        ("JobService", "createJob") => writes!(w, p, w.jobs().create(NewJob::started("now"))),
        ("JobService", "getJob") => reads!(s, p, s.jobs().get(&p.job).unwrap()),
        ("JobService", "updateJob") => writes!(w, p, w.jobs().update(&p.job, JobStatus::Completed, "then")),
        ("JobService", "deleteJob") => writes!(w, p, w.jobs().delete(&p.job)),
        _ => return None,
    })
}
