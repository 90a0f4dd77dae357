//! What a store should hold: plain maps, changed by the same operations.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use modeldb::{
    Actor, EntityId, ErrorKind, Experiment, ExperimentId, NewExperiment, NewProject, NewRun, Project, ProjectId,
    Result, Run, RunId, Sequence, Snapshot, Store, Value, Write,
};

use super::beside::{Beside, BesideOp};

pub(crate) const ACTOR: &str = "tester";

pub(crate) fn actor() -> Actor {
    Actor::user(ACTOR)
}

/// One call of a write.
#[derive(Debug, Clone)]
pub(crate) enum Op {
    Project { id: String },
    Experiment { project: String, id: String },
    Run { experiment: String, id: String, description: String, tags: Vec<String>, metrics: Vec<(String, Value)> },
    Runs { experiment: String, ids: Vec<String>, description: String },
    Metric { run: String, key: String, value: Value },
    Observe { run: String, key: String, values: Vec<i64> },
    Forget { run: String, key: String },
    Tag { run: String, tag: String },
    Rename { run: String, name: String },
    Describe { run: String, text: String },
    DescribeProject { project: String, text: String },
    DeleteRun { run: String },
    DeleteExperiment { experiment: String },
    DeleteProject { project: String },
    Beside(BesideOp),
}

/// A run, as far as the operations reach.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Row {
    pub(crate) project: String,
    pub(crate) experiment: String,
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) tags: Vec<String>,
    pub(crate) metrics: BTreeMap<String, Value>,
    /// Epochs, times and values.
    pub(crate) observed: BTreeMap<String, Vec<(i64, i64, Value)>>,
    pub(crate) created: i64,
    pub(crate) updated: i64,
    pub(crate) version: u64,
    pub(crate) owner: String,
    pub(crate) deleted: bool,
}

/// A project or an experiment.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Parent {
    pub(crate) parent: String,
    pub(crate) description: String,
    pub(crate) created: i64,
    pub(crate) updated: i64,
    pub(crate) version: u64,
    pub(crate) deleted: bool,
}

/// The state after one commit. Entities are in order of creation.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Model {
    pub(crate) projects: Vec<(String, Parent)>,
    pub(crate) experiments: Vec<(String, Parent)>,
    pub(crate) runs: Vec<(String, Arc<Row>)>,
    pub(crate) once: BTreeMap<String, u64>,
    /// Comments, jobs and edges.
    pub(crate) beside: Beside,
    /// What a purge has taken.
    pub(crate) gone: BTreeSet<EntityId>,
}

fn project_id(id: &str) -> ProjectId {
    ProjectId::new(id).unwrap()
}

fn experiment_id(id: &str) -> ExperimentId {
    ExperimentId::new(id).unwrap()
}

pub(super) fn run_id(id: &str) -> RunId {
    RunId::new(id).unwrap()
}

/// Names differ from ids, so that one cannot stand for the other.
fn name_of(id: &str) -> String {
    format!("name-of-{id}")
}

impl Op {
    /// The call on a store.
    pub(crate) fn call(&self, w: &mut Write<'_>) -> Result<()> {
        match self {
            Op::Project { id } => {
                w.projects().create(NewProject::named(name_of(id)).id(project_id(id)))?;
            }
            Op::Experiment { project, id } => {
                let new = NewExperiment::named(name_of(id)).id(experiment_id(id));
                w.experiments().create(&project_id(project), new)?;
            }
            Op::Run { experiment, id, description, tags, metrics } => {
                let new = NewRun::named(name_of(id)).id(run_id(id)).description(description).tags(tags);
                w.runs().create(&experiment_id(experiment), new.metrics(metrics.iter().cloned()))?;
            }
            Op::Runs { experiment, ids, description } => {
                let new = ids
                    .iter()
                    .map(|id| NewRun::named(name_of(id)).id(run_id(id)).description(format!("{id} {description}")));
                w.runs().create_many(&experiment_id(experiment), new)?;
            }
            Op::Metric { run, key, value } => w.runs().log_metric(&run_id(run), key, value.clone())?,
            Op::Observe { run, key, values } => {
                w.runs().log_observations(&run_id(run), values.iter().map(|value| (key, *value)))?;
            }
            Op::Forget { run, key } => w.runs().delete_observations(&run_id(run), [key])?,
            Op::Tag { run, tag } => w.runs().add_tags(&run_id(run), [tag.as_str()])?,
            Op::Rename { run, name } => w.runs().rename(&run_id(run), name)?,
            Op::Describe { run, text } => w.runs().describe(&run_id(run), text)?,
            Op::DescribeProject { project, text } => w.projects().describe(&project_id(project), text)?,
            Op::DeleteRun { run } => w.runs().delete(&run_id(run))?,
            Op::DeleteExperiment { experiment } => w.experiments().delete(&experiment_id(experiment))?,
            Op::DeleteProject { project } => w.projects().delete(&project_id(project))?,
            Op::Beside(op) => op.call(w)?,
        }
        Ok(())
    }
}

impl Parent {
    fn new(parent: &str, time: i64) -> Self {
        Parent {
            parent: parent.to_owned(),
            description: String::new(),
            created: time,
            updated: time,
            version: 1,
            deleted: false,
        }
    }

    fn edit(&mut self, time: i64, edit: impl FnOnce(&mut Parent)) {
        edit(self);
        self.updated = self.updated.max(time);
        self.version += 1;
    }
}

impl Model {
    /// The state after `op`, in a commit of this time.
    pub(crate) fn apply(&mut self, op: &Op, time: i64) {
        match op {
            Op::Project { id } => self.projects.push((id.clone(), Parent::new("", time))),
            Op::Experiment { project, id } => {
                self.experiments.push((id.clone(), Parent::new(project, time)));
                find(&mut self.projects, project).updated = time;
            }
            Op::Run { experiment, id, description, tags, metrics } => {
                let mut tags = tags.clone();
                tags.sort();
                tags.dedup();
                self.create(experiment, id, description.clone(), tags, metrics.iter().cloned().collect(), time);
            }
            Op::Runs { experiment, ids, description } => {
                for id in ids {
                    self.create(experiment, id, format!("{id} {description}"), Vec::new(), BTreeMap::new(), time);
                }
            }
            Op::Metric { run, key, value } => self.edit(run, time, |row| {
                row.metrics.insert(key.clone(), value.clone());
            }),
            Op::Observe { run, key, values } => self.edit(run, time, |row| {
                let all = row.observed.entry(key.clone()).or_default();
                all.extend(values.iter().zip(all.len() as i64..).map(|(value, epoch)| (epoch, time, (*value).into())));
            }),
            Op::Forget { run, key } => self.edit(run, time, |row| {
                row.observed.remove(key);
            }),
            Op::Tag { run, tag } => self.edit(run, time, |row| {
                row.tags.push(tag.clone());
                row.tags.sort();
            }),
            Op::Rename { run, name } => self.edit(run, time, |row| row.name.clone_from(name)),
            Op::Describe { run, text } => self.edit(run, time, |row| row.description.clone_from(text)),
            Op::DeleteRun { run } => self.edit(run, time, |row| row.deleted = true),
            Op::DescribeProject { project, text } => {
                find(&mut self.projects, project).edit(time, |found| found.description.clone_from(text));
            }
            Op::DeleteExperiment { experiment } => {
                find(&mut self.experiments, experiment).edit(time, |found| found.deleted = true);
                self.lift(experiment, time);
            }
            Op::DeleteProject { project } => {
                find(&mut self.projects, project).edit(time, |found| found.deleted = true);
            }
            Op::Beside(op) => self.beside.apply(op, time),
        }
    }

    /// Everything that was made, and whether it is to be seen.
    pub(crate) fn entities(&self) -> Vec<(EntityId, bool)> {
        let live: BTreeSet<&str> = self.live_runs().map(|(id, _)| id.as_str()).collect();
        let projects = self.projects.iter().map(|(id, project)| (project_id(id).into(), !project.deleted));
        let experiments = self
            .experiments
            .iter()
            .map(|(id, _)| (experiment_id(id).into(), self.live_experiments().any(|(found, _)| found == id)));
        let runs = self.runs.iter().map(|(id, _)| (run_id(id).into(), live.contains(id.as_str())));
        projects.chain(experiments).chain(runs).chain(self.beside.entities(&live)).collect()
    }

    fn create(
        &mut self,
        experiment: &str,
        id: &str,
        description: String,
        tags: Vec<String>,
        metrics: BTreeMap<String, Value>,
        time: i64,
    ) {
        let row = Row {
            project: find(&mut self.experiments, experiment).parent.clone(),
            experiment: experiment.to_owned(),
            name: name_of(id),
            description,
            tags,
            metrics,
            observed: BTreeMap::new(),
            created: time,
            updated: time,
            version: 1,
            owner: ACTOR.to_owned(),
            deleted: false,
        };
        self.runs.push((id.to_owned(), Arc::new(row)));
        self.lift(experiment, time);
    }

    /// Parents are as new as the newest of what is under them. Times never go backwards here.
    fn lift(&mut self, experiment: &str, time: i64) {
        let experiment = find(&mut self.experiments, experiment);
        experiment.updated = time;
        find(&mut self.projects, &experiment.parent).updated = time;
    }

    fn edit(&mut self, run: &str, time: i64, edit: impl FnOnce(&mut Row)) {
        let found = self.runs.iter_mut().find(|(id, _)| id == run).expect("a run of the model");
        let row = Arc::make_mut(&mut found.1);
        edit(row);
        row.updated = row.updated.max(time);
        row.version += 1;
        let experiment = row.experiment.clone();
        self.lift(&experiment, time);
    }

    fn is_live(&self, run: &Row) -> bool {
        !run.deleted && self.live_experiments().any(|(id, _)| *id == run.experiment)
    }

    pub(crate) fn live_projects(&self) -> impl Iterator<Item = &(String, Parent)> {
        self.projects.iter().filter(|(_, project)| !project.deleted)
    }

    pub(crate) fn live_experiments(&self) -> impl Iterator<Item = &(String, Parent)> {
        self.experiments.iter().filter(|(_, experiment)| {
            !experiment.deleted && self.live_projects().any(|(id, _)| *id == experiment.parent)
        })
    }

    pub(crate) fn live_runs(&self) -> impl Iterator<Item = &(String, Arc<Row>)> {
        self.runs.iter().filter(|(_, run)| self.is_live(run))
    }

    /// Compares everything a snapshot lists with this state: what is there, in full, and that nothing else is.
    pub(crate) fn check(&self, read: &Snapshot) {
        let projects: Vec<(String, Parent)> =
            read.projects().list().into_iter().map(|project| of_project(&project.unwrap())).collect();
        assert!(projects.iter().eq(self.live_projects()), "projects");
        for (project, _) in self.live_projects() {
            let id = project_id(project);
            let experiments: Vec<(String, Parent)> =
                read.experiments().list(&id).unwrap().into_iter().map(|found| of_experiment(&found.unwrap())).collect();
            let expected = self.live_experiments().filter(|(_, experiment)| experiment.parent == *project);
            assert!(experiments.iter().eq(expected), "experiments of {project}");
            let below = read.runs().list_in_project(&id).unwrap().count().unwrap();
            let expected = self.live_runs().filter(|(_, run)| run.project == *project).count();
            assert_eq!(below, expected as u64, "runs of {project}");
        }
        for (experiment, _) in self.live_experiments() {
            let listed = read.runs().list(&experiment_id(experiment)).unwrap();
            let mut expected = self.runs.iter().filter(|(_, run)| run.experiment == *experiment && !run.deleted);
            for run in listed {
                let found = of_run(&run.unwrap(), read);
                let expected = expected.next().expect("a run too many");
                assert_eq!((&found.0, &found.1), (&expected.0, &*expected.1));
            }
            assert!(expected.next().is_none(), "a run of {experiment} is missing");
        }
        let live: BTreeSet<&str> = self.live_runs().map(|(id, _)| id.as_str()).collect();
        self.beside.check(read, &live);
    }

    /// Looks everything up by id, by name and by write id, what is not there included. `all` knows everything
    /// that ever will be.
    pub(crate) fn check_lookups(&self, store: &Store, all: &Model) {
        let read = store.read();
        for (id, _) in &all.projects {
            let expected = self.live_projects().find(|(live, _)| live == id);
            let found = visible(read.projects().get(&project_id(id)));
            assert_eq!(found.as_ref().map(of_project).as_ref(), expected);
            let named = visible(read.projects().get_by_name(&name_of(id)));
            assert_eq!(named, found);
        }
        for (id, parent) in &all.experiments {
            let expected = self.live_experiments().find(|(live, _)| live == id);
            let found = visible(read.experiments().get(&experiment_id(id)));
            assert_eq!(found.as_ref().map(of_experiment).as_ref(), expected);
            let named = visible(read.experiments().get_by_name(&project_id(&parent.parent), &name_of(id)));
            assert_eq!(named, found);
        }
        let live: BTreeMap<&str, &Row> = self.live_runs().map(|(id, run)| (id.as_str(), &**run)).collect();
        for (id, run) in &all.runs {
            let found = visible(read.runs().get(&run_id(id)));
            let expected = live.get(id.as_str());
            assert_eq!(found.as_ref().map(|run| of_run(run, &read).1).as_ref(), expected.copied(), "run {id}");
            let experiment = experiment_id(&run.experiment);
            match expected {
                Some(row) => {
                    assert_eq!(visible(read.runs().get_by_name(&experiment, &row.name)), found, "{}", row.name)
                }
                None => assert_eq!(visible(read.runs().get_by_name(&experiment, &run.name)), None, "{}", run.name),
            }
        }
        // History answers for what is deleted, and for nothing that is purged.
        for (id, _) in self.entities() {
            let found = visible(read.history(id.clone())).map(Iterator::count);
            assert_eq!(found.is_none(), self.gone.contains(&id), "{id}: {found:?}");
        }
        for (id, sequence) in &all.once {
            let expected = self.once.get(id).map(|_| Sequence::new(*sequence));
            assert_eq!(store.outcome(id).unwrap(), expected, "write {id}");
        }
    }
}

fn find<'a>(parents: &'a mut [(String, Parent)], id: &str) -> &'a mut Parent {
    &mut parents.iter_mut().find(|(found, _)| found == id).expect("an entity of the model").1
}

/// What is found; anything but `NotFound` fails the test.
pub(super) fn visible<T>(found: Result<T>) -> Option<T> {
    match found {
        Ok(found) => Some(found),
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => panic!("{error}"),
    }
}

fn of_project(project: &Project) -> (String, Parent) {
    let id = project.id.to_string();
    assert_eq!((&project.name, project.owner.as_str()), (&name_of(&id), ACTOR));
    let row = Parent {
        parent: String::new(),
        description: project.description.clone(),
        created: project.date_created.millis(),
        updated: project.date_updated.millis(),
        version: project.version_number,
        deleted: false,
    };
    (id, row)
}

fn of_experiment(experiment: &Experiment) -> (String, Parent) {
    let id = experiment.id.to_string();
    assert_eq!((&experiment.name, experiment.owner.as_str()), (&name_of(&id), ACTOR));
    let row = Parent {
        parent: experiment.project_id.to_string(),
        description: experiment.description.clone(),
        created: experiment.date_created.millis(),
        updated: experiment.date_updated.millis(),
        version: experiment.version_number,
        deleted: false,
    };
    (id, row)
}

/// A run with what was observed of it in a snapshot.
pub(crate) fn of_run(run: &Run, read: &Snapshot) -> (String, Row) {
    let observed = |key: &str| {
        let all = read.runs().observations(&run.id, key).unwrap().map(Result::unwrap);
        all.map(|found| (found.epoch_number, found.timestamp.millis(), found.value)).collect()
    };
    let row = Row {
        project: run.project_id.to_string(),
        experiment: run.experiment_id.to_string(),
        name: run.name.clone(),
        description: run.description.clone(),
        tags: run.tags.clone(),
        metrics: run.metrics.iter().map(|entry| (entry.key.clone(), entry.value.clone())).collect(),
        observed: run.series.iter().map(|series| (series.key.clone(), observed(&series.key))).collect(),
        created: run.date_created.millis(),
        updated: run.date_updated.millis(),
        version: run.version_number,
        owner: run.owner.clone(),
        deleted: false,
    };
    // Nothing sets the rest.
    let mut rest = run.clone();
    let unset = Run::default();
    (rest.id, rest.project_id, rest.experiment_id) = Default::default();
    (rest.name, rest.description, rest.owner) = Default::default();
    (rest.tags, rest.metrics, rest.version_number) = Default::default();
    rest.series = Vec::new();
    (rest.date_created, rest.date_updated) = Default::default();
    assert_eq!(rest, unset);
    (run.id.to_string(), row)
}
