//! Summaries of projects (ModelDB's `getSummary` and `getProjectDatasetCount`).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::entity::find::Find;
use crate::entity::state::{self, State};
use crate::error::Result;
use crate::id::{EntityKind, ProjectId, Sequence};
use crate::model::{Experiment, Run};
use crate::query::filter::Filter;
use crate::time::Timestamp;
use crate::value::Value;

/// What a project holds, in figures.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProjectSummary {
    /// The project's name.
    pub name: String,
    /// When it, or something under it, was last changed.
    pub date_updated: Timestamp,
    /// How many experiments it has.
    pub experiments: u64,
    /// How many runs they have.
    pub runs: u64,
    /// The run that was changed last; of several the newest.
    pub last_modified_run: Option<LastModifiedRun>,
    /// The metrics of its runs in ascending order of keys.
    pub metrics: Vec<MetricSummary>,
}

/// The run of a project that was changed last.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LastModifiedRun {
    /// Its name.
    pub name: String,
    /// When it was changed.
    pub date_updated: Timestamp,
}

/// The range of a metric over the runs of a project. Only numbers count, and NaN does not.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct MetricSummary {
    /// The key.
    pub key: String,
    /// The least value.
    pub min: Value,
    /// The greatest value.
    pub max: Value,
}

pub(super) fn summary(state: &Arc<State>, at: Sequence, id: &ProjectId) -> Result<ProjectSummary> {
    let project = state.get(EntityKind::Project, id.as_str(), at).and_then(state::project)?;
    let experiments = Find::<Experiment>::new(Arc::clone(state), at, Filter::all())?.in_project(id);
    let mut runs = 0;
    let mut last: Option<LastModifiedRun> = None;
    let mut metrics: BTreeMap<String, (Value, Value)> = BTreeMap::new();
    // Newest first, so of equal dates the first one stays.
    for run in Find::<Run>::new(Arc::clone(state), at, Filter::all())?.in_project(id).iter()? {
        let run = run?;
        runs += 1;
        if last.as_ref().is_none_or(|last| run.date_updated > last.date_updated) {
            last = Some(LastModifiedRun { name: run.name, date_updated: run.date_updated });
        }
        for entry in run.metrics {
            if entry.value.as_f64().is_none_or(f64::is_nan) {
                continue;
            }
            match metrics.get_mut(&entry.key) {
                Some((min, _)) if entry.value.total_cmp(min).is_lt() => *min = entry.value,
                Some((_, max)) if entry.value.total_cmp(max).is_gt() => *max = entry.value,
                Some(_) => {}
                None => drop(metrics.insert(entry.key, (entry.value.clone(), entry.value))),
            }
        }
    }
    Ok(ProjectSummary {
        name: project.name,
        date_updated: project.date_updated,
        experiments: experiments.count()?,
        runs,
        last_modified_run: last,
        metrics: metrics.into_iter().map(|(key, (min, max))| MetricSummary { key, min, max }).collect(),
    })
}

pub(super) fn dataset_count(state: &Arc<State>, at: Sequence, id: &ProjectId) -> Result<u64> {
    state.row(EntityKind::Project, id.as_str(), at)?;
    let mut linked = BTreeSet::new();
    for run in Find::<Run>::new(Arc::clone(state), at, Filter::all())?.in_project(id).iter()? {
        let run = run?;
        let entries = run.artifacts.into_iter().chain(run.datasets);
        linked.extend(entries.map(|entry| entry.linked_artifact_id).filter(|id| !id.is_empty()));
    }
    Ok(linked.len() as u64)
}
