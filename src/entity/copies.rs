//! Copies of whole projects and of single runs (ModelDB 5.1 and 5.3).

use std::collections::HashMap;

use crate::entity::entries::On;
use crate::entity::observations;
use crate::entity::state;
use crate::entity::txn::Txn;
use crate::error::{Error, Result};
use crate::id::{EntityKind, ExperimentId, ProjectId, Row, RunId};
use crate::limits;
use crate::model::{Entity, Parents, Project, Run};
use crate::names;

/// How a project is copied: see [`ProjectsMut::deep_copy`](crate::ProjectsMut::deep_copy).
#[derive(Debug, Clone, Default)]
#[must_use]
pub struct CopyOptions {
    name: String,
}

impl CopyOptions {
    /// A copy of the same name, with a number after it if it is taken: `wine-2`.
    pub fn new() -> Self {
        CopyOptions::default()
    }

    /// A copy of this name; empty is the same as none.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }
}

/// How a run is cloned: see [`RunsMut::clone_run`](crate::RunsMut::clone_run).
#[derive(Debug, Clone, Default)]
#[must_use]
pub struct CloneOptions {
    name: String,
    experiment: Option<ExperimentId>,
}

impl CloneOptions {
    /// A clone in the same experiment, named `<name> - <now in milliseconds>`.
    pub fn new() -> Self {
        CloneOptions::default()
    }

    /// A clone of this name; empty is the same as none.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// A clone in this experiment, of any project.
    pub fn experiment(mut self, experiment: impl Into<ExperimentId>) -> Self {
        self.experiment = Some(experiment.into());
        self
    }
}

pub(crate) fn clone_run(txn: &mut Txn<'_>, on: On<'_>, options: CloneOptions) -> Result<RunId> {
    names::check_name(EntityKind::Run, &options.name)?;
    let row = txn.require(EntityKind::Run, on.id)?;
    let source = txn.load(EntityKind::Run, row)?.clone();
    let mut parents = source.parents;
    let mut run = state::run(source)?;
    if let Some(experiment) = &options.experiment {
        let row = txn.require(EntityKind::Experiment, experiment.as_str())?;
        let found = txn.load(EntityKind::Experiment, row)?.clone();
        parents = Parents::Experiment { project: found.parents.direct(), experiment: row };
        let found = state::experiment(found)?;
        (run.project_id, run.experiment_id) = (found.project_id, found.id);
    }
    let now = txn.time();
    run.name = match options.name {
        // As long as it comes out: that of the source may be longer than a new name can be.
        name if name.is_empty() => format!("{} - {}", run.name, now.millis()),
        name => name,
    };
    let key = txn.common().hashing.child_name(EntityKind::Run, parents.direct(), &run.name);
    if txn.named(EntityKind::Run, key, &run.name)?.is_some() {
        return Err(Error::exists(format!("a run named {:?} exists already", run.name)));
    }
    run.id = RunId::new(txn.new_id(EntityKind::Run, "")?)?;
    (run.date_created, run.date_updated) = (now, now);
    let time = Some(now).filter(|now| now.millis() != 0);
    (run.start_time, run.end_time) = (time, time);
    run.job_id = String::new();
    own(txn, &mut run.owner, &mut run.owner_tracking);
    let id = run.id.clone();
    let copied = create_copy(txn, row, run, parents);
    txn.keep(copied)?;
    txn.end(on.operation)?;
    Ok(id)
}

/// Creates the copy of a run, with all that was observed of it. No logger ever had the copy.
fn create_copy(txn: &mut Txn<'_>, source: Row, mut run: Run, parents: Parents) -> Result<()> {
    let series = std::mem::take(&mut run.series);
    run.series = observations::as_created(txn, source, &series)?;
    run.status = None;
    let copy = txn.create(Entity::Run(run), parents)?;
    observations::copy(txn, source, &series, copy)
}

/// Who copies something owns the copy.
fn own(txn: &Txn<'_>, owner: &mut String, tracking: &mut Option<crate::model::OwnerTracking>) {
    owner.clone_from(&txn.actor().principal);
    *tracking = None;
}

pub(crate) fn deep_copy(txn: &mut Txn<'_>, on: On<'_>, options: CopyOptions) -> Result<ProjectId> {
    let row = txn.require(EntityKind::Project, on.id)?;
    let mut project = state::project(txn.load(EntityKind::Project, row)?.clone())?;
    project.name = copy_name(txn, &project, options.name)?;
    let parts = parts(txn, row)?;
    project.id = ProjectId::new(txn.new_id(EntityKind::Project, "")?)?;
    own(txn, &mut project.owner, &mut project.owner_tracking);
    let id = project.id.clone();
    let copy = txn.create(Entity::Project(project), Parents::None)?;
    let copied = copy_experiments(txn, row, copy, &id, &parts);
    txn.keep(copied)?;
    txn.end(on.operation)?;
    Ok(id)
}

/// The name of a copy: the one that is asked for, or that of the source, numbered if it is taken.
fn copy_name(txn: &Txn<'_>, project: &Project, wanted: String) -> Result<String> {
    let is_taken = |name: &str| -> Result<bool> {
        let key = txn.common().hashing.project_name(&project.workspace, name);
        Ok(txn.named(EntityKind::Project, key, name)?.is_some())
    };
    if !wanted.is_empty() {
        names::check_name(EntityKind::Project, &wanted)?;
        return match is_taken(&wanted)? {
            true => Err(Error::exists(format!("a project named {wanted:?} exists already"))),
            false => Ok(wanted),
        };
    }
    let mut number = 1_u64;
    loop {
        number += 1;
        let suffix = format!("-{number}");
        let room = limits::NAME_CHARS.saturating_sub(suffix.len());
        let name: String = project.name.chars().take(room).chain(suffix.chars()).collect();
        if !is_taken(&name)? {
            return Ok(name);
        }
    }
}

/// New ids for the runs of a project that others of it are a part of, so that each can be told before it is copied.
fn parts(txn: &mut Txn<'_>, project: Row) -> Result<HashMap<RunId, RunId>> {
    let mut parts = HashMap::new();
    txn.each_child(EntityKind::Experiment, project, &mut |txn, experiment| {
        txn.each_child(EntityKind::Run, experiment.row, &mut |txn, run| {
            let Some(parent) = state::run(run)?.parent_id else { return Ok(()) };
            if parts.contains_key(&parent) {
                return Ok(());
            }
            let Some((_, place)) = txn.find(EntityKind::Run, parent.as_str())? else { return Ok(()) };
            let Parents::Experiment { project: other, .. } = place.parents else { return Ok(()) };
            if other == project && txn.is_live(&place)? {
                parts.insert(parent, RunId::new(txn.new_id(EntityKind::Run, "")?)?);
            }
            Ok(())
        })
    })?;
    Ok(parts)
}

fn copy_experiments(
    txn: &mut Txn<'_>,
    from: Row,
    to: Row,
    project_id: &ProjectId,
    parts: &HashMap<RunId, RunId>,
) -> Result<()> {
    txn.each_child(EntityKind::Experiment, from, &mut |txn, stored| {
        let source = stored.row;
        let mut experiment = state::experiment(stored)?;
        experiment.id = ExperimentId::new(txn.new_id(EntityKind::Experiment, "")?)?;
        experiment.project_id = project_id.clone();
        own(txn, &mut experiment.owner, &mut experiment.owner_tracking);
        let id = experiment.id.clone();
        let copy = txn.create(Entity::Experiment(experiment), Parents::Project(to))?;
        txn.spill_if_large()?;
        txn.each_child(EntityKind::Run, source, &mut |txn, stored| {
            let row = stored.row;
            let mut run: Run = state::run(stored)?;
            run.id = match parts.get(&run.id) {
                Some(id) => id.clone(),
                None => RunId::new(txn.new_id(EntityKind::Run, "")?)?,
            };
            run.parent_id = run.parent_id.map(|parent| parts.get(&parent).cloned().unwrap_or(parent));
            run.project_id = project_id.clone();
            run.experiment_id = id.clone();
            own(txn, &mut run.owner, &mut run.owner_tracking);
            create_copy(txn, row, run, Parents::Experiment { project: to, experiment: copy })?;
            txn.spill_if_large()
        })
    })
}
