//! The comments, jobs and edges that a store should hold.

use std::collections::BTreeSet;

use modeldb::{
    Comment, CommentId, EntityId, JobId, JobStatus, LineageEntry, NewComment, NewJob, Result, Snapshot, Write,
};

use super::model::{ACTOR, run_id, visible};

/// One call of a write.
#[derive(Debug, Clone)]
pub(crate) enum BesideOp {
    Comment { run: String, id: String, message: String },
    Rewrite { run: String, id: String, message: String },
    Uncomment { run: String, id: String },
    Job { id: String, description: String },
    EndJob { id: String, end: String },
    DeleteJob { id: String },
    Edges { inputs: Vec<String>, outputs: Vec<String> },
    RemoveEdges { inputs: Vec<String>, outputs: Vec<String> },
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct CommentRow {
    pub(crate) run: String,
    message: String,
    date: i64,
    version: u64,
    pub(crate) deleted: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct JobRow {
    description: String,
    end: String,
    version: u64,
    pub(crate) deleted: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct EdgeRow {
    pub(crate) input: String,
    pub(crate) output: String,
    pub(crate) deleted: bool,
}

/// In order of creation.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Beside {
    pub(crate) comments: Vec<(String, CommentRow)>,
    pub(crate) jobs: Vec<(String, JobRow)>,
    pub(crate) edges: Vec<EdgeRow>,
}

fn comment_id(id: &str) -> CommentId {
    CommentId::new(id).unwrap()
}

fn job_id(id: &str) -> JobId {
    JobId::new(id).unwrap()
}

fn run_ids(ids: &[String]) -> impl Iterator<Item = LineageEntry> {
    ids.iter().map(|id| run_id(id).into())
}

impl BesideOp {
    /// The call on a store.
    pub(super) fn call(&self, w: &mut Write<'_>) -> Result<()> {
        match self {
            BesideOp::Comment { run, id, message } => {
                w.comments().add(&run_id(run), NewComment::new(message).id(comment_id(id)))?;
            }
            BesideOp::Rewrite { run, id, message } => w.comments().update(&run_id(run), &comment_id(id), message)?,
            BesideOp::Uncomment { run, id } => assert!(w.comments().delete(&run_id(run), &comment_id(id))?),
            BesideOp::Job { id, description } => {
                w.jobs().create(NewJob::started("start").id(job_id(id)).description(description))?;
            }
            BesideOp::EndJob { id, end } => w.jobs().update(&job_id(id), JobStatus::Completed, end)?,
            BesideOp::DeleteJob { id } => w.jobs().delete(&job_id(id))?,
            BesideOp::Edges { inputs, outputs } => {
                w.lineage().add(run_ids(inputs), run_ids(outputs))?;
            }
            BesideOp::RemoveEdges { inputs, outputs } => {
                w.lineage().remove(run_ids(inputs), run_ids(outputs))?;
            }
        }
        Ok(())
    }
}

impl Beside {
    pub(super) fn apply(&mut self, op: &BesideOp, time: i64) {
        match op {
            BesideOp::Comment { run, id, message } => {
                let (run, message) = (run.clone(), message.clone());
                self.comments.push((id.clone(), CommentRow { run, message, date: time, version: 1, deleted: false }));
            }
            BesideOp::Rewrite { id, message, .. } => {
                let comment = find(&mut self.comments, id);
                comment.message.clone_from(message);
                comment.date = time;
                comment.version += 1;
            }
            BesideOp::Uncomment { id, .. } => find(&mut self.comments, id).deleted = true,
            BesideOp::Job { id, description } => {
                let job = JobRow { description: description.clone(), end: String::new(), version: 1, deleted: false };
                self.jobs.push((id.clone(), job));
            }
            BesideOp::EndJob { id, end } => {
                let job = find(&mut self.jobs, id);
                job.end.clone_from(end);
                job.version += 1;
            }
            BesideOp::DeleteJob { id } => find(&mut self.jobs, id).deleted = true,
            BesideOp::Edges { inputs, outputs } => {
                for (input, output) in product(inputs, outputs) {
                    if self.live_edge(input, output).is_none() {
                        let (input, output) = (input.to_owned(), output.to_owned());
                        self.edges.push(EdgeRow { input, output, deleted: false });
                    }
                }
            }
            BesideOp::RemoveEdges { inputs, outputs } => {
                for (input, output) in product(inputs, outputs) {
                    if let Some(edge) = self.live_edge(input, output) {
                        edge.deleted = true;
                    }
                }
            }
        }
    }

    fn live_edge(&mut self, input: &str, output: &str) -> Option<&mut EdgeRow> {
        self.edges.iter_mut().find(|edge| edge.input == input && edge.output == output && !edge.deleted)
    }

    /// Comments and jobs, and whether they are to be seen. Edges have ids of the store's.
    pub(super) fn entities<'a>(&'a self, live: &'a BTreeSet<&str>) -> impl Iterator<Item = (EntityId, bool)> + 'a {
        let comments = self.comments.iter().map(|(id, comment)| {
            (EntityId::from(comment_id(id)), !comment.deleted && live.contains(comment.run.as_str()))
        });
        comments.chain(self.jobs.iter().map(|(id, job)| (job_id(id).into(), !job.deleted)))
    }

    /// Compares what a snapshot says with this state.
    pub(super) fn check(&self, read: &Snapshot, live_runs: &BTreeSet<&str>) {
        let runs: BTreeSet<&String> = self.comments.iter().map(|(_, comment)| &comment.run).collect();
        for run in runs {
            let found = visible(read.comments().list(&run_id(run)));
            assert_eq!(found.is_some(), live_runs.contains(run.as_str()), "the comments on {run}");
            let Some(found) = found else { continue };
            let found: Vec<_> = found.iter().map(of_comment).collect();
            let on = |comment: &CommentRow| comment.run == *run && !comment.deleted;
            let mut expected: Vec<_> = self.comments.iter().filter(|(_, comment)| on(comment)).cloned().collect();
            expected.sort_by_key(|(_, comment)| comment.date);
            assert_eq!(found, expected, "the comments on {run}");
        }
        for (id, comment) in &self.comments {
            let found = visible(read.comments().get(&comment_id(id))).map(|found| of_comment(&found));
            let expected = !comment.deleted && live_runs.contains(comment.run.as_str());
            assert_eq!(found, expected.then(|| (id.clone(), comment.clone())));
        }
        let jobs: Vec<_> = read.jobs().list().into_iter().map(Result::unwrap).collect();
        let found = jobs.iter().map(|job| {
            let (description, end) = (job.description.clone(), job.end_time.clone());
            assert_eq!(job.status == JobStatus::Completed, !end.is_empty());
            (job.id.to_string(), JobRow { description, end, version: job.version_number, deleted: false })
        });
        assert!(found.eq(self.jobs.iter().filter(|(_, job)| !job.deleted).cloned()), "jobs: {jobs:?}");
        let entries =
            |of: &mut dyn Iterator<Item = &String>| of.map(|id| run_id(id).into()).collect::<Vec<LineageEntry>>();
        let live = || self.edges.iter().filter(|edge| !edge.deleted);
        for id in self.edges.iter().flat_map(|edge| [&edge.input, &edge.output]).collect::<BTreeSet<_>>() {
            let inputs = entries(&mut live().filter(|edge| edge.output == *id).map(|edge| &edge.input));
            let outputs = entries(&mut live().filter(|edge| edge.input == *id).map(|edge| &edge.output));
            assert_eq!(read.lineage().inputs(run_id(id)).unwrap(), inputs, "the inputs of {id}");
            assert_eq!(read.lineage().outputs(run_id(id)).unwrap(), outputs, "the outputs of {id}");
        }
    }
}

fn product<'a>(inputs: &'a [String], outputs: &'a [String]) -> impl Iterator<Item = (&'a str, &'a str)> {
    inputs.iter().flat_map(move |input| outputs.iter().map(move |output| (input.as_str(), output.as_str())))
}

fn find<'a, T>(rows: &'a mut [(String, T)], id: &str) -> &'a mut T {
    &mut rows.iter_mut().find(|(found, _)| found == id).expect("an entity of the model").1
}

fn of_comment(comment: &Comment) -> (String, CommentRow) {
    assert_eq!(comment.user_id, ACTOR);
    let row = CommentRow {
        run: comment.run_id.to_string(),
        message: comment.message.clone(),
        date: comment.date_time.millis(),
        version: comment.version_number,
        deleted: false,
    };
    (comment.id.to_string(), row)
}
