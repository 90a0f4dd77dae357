//! The records of a search, one after the other: what finds without an index, and what an index asks.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::entity::budget::Meter;
use crate::entity::listing::Rows;
use crate::entity::observations::Observations;
use crate::entity::state::State;
use crate::error::{Error, Result};
use crate::id::{EntityKind, Row, Sequence};
use crate::log::read::Recent;
use crate::model::{Entity, Observation, Parents, Series, Stored};
use crate::query::evaluate::Subject;
use crate::query::field::QueryField;
use crate::query::filter::Filter;

/// What a scope lets through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Within {
    Anything,
    Row(Row),
    Nothing,
}

impl Within {
    fn has(self, row: Row) -> bool {
        match self {
            Within::Anything => true,
            Within::Row(scope) => scope == row,
            Within::Nothing => false,
        }
    }
}

/// Rows that may match, newest first.
pub(crate) enum Candidates {
    /// Ascending: the last comes first.
    Chosen(Vec<u32>),
    Rows(Rows),
    /// Every row below this one.
    All(u32),
}

impl Candidates {
    fn next(&mut self) -> Result<Option<Row>> {
        Ok(match self {
            Candidates::Chosen(rows) => rows.pop().map(Row),
            Candidates::Rows(rows) => rows.next()?,
            Candidates::All(end) => {
                *end = match end.checked_sub(1) {
                    Some(row) => row,
                    None => return Ok(None),
                };
                Some(Row(*end))
            }
        })
    }
}

/// What a search asks.
pub(crate) struct Asked {
    pub(crate) state: Arc<State>,
    pub(crate) at: Sequence,
    pub(crate) kind: EntityKind,
    pub(crate) filter: Arc<Filter>,
    pub(crate) project: Within,
    pub(crate) experiment: Within,
    pub(crate) workspace: String,
}

/// What was observed of a run, by key.
pub(crate) type Observed = BTreeMap<String, Vec<Observation>>;

/// What is known of parents is forgotten when it is of so many.
const REMEMBERED: usize = 10_000;

/// A walk over the records of a search.
pub(crate) struct Walk {
    pub(crate) asked: Asked,
    candidates: Candidates,
    pub(crate) meter: Meter,
    /// Whether the filter asks for the names of experiments.
    joins_name: bool,
    /// Keys of which the filter asks what was observed.
    observed: Vec<String>,
    names: HashMap<Row, Arc<str>>,
    /// Whether a project is in the workspace.
    workspaces: HashMap<Row, bool>,
    recent: Recent,
}

impl Walk {
    pub(crate) fn new(asked: Asked, candidates: Candidates, meter: Meter) -> Self {
        Walk {
            joins_name: asked.filter.fields().contains(&&QueryField::ExperimentName),
            observed: asked.filter.observed().into_iter().map(str::to_owned).collect(),
            asked,
            candidates,
            meter,
            names: HashMap::new(),
            workspaces: HashMap::new(),
            recent: Recent::default(),
        }
    }

    /// The next entity that matches, newest first.
    pub(crate) fn next(&mut self) -> Result<Option<Stored>> {
        while let Some(row) = self.candidates.next()? {
            if let Some(stored) = self.check(row)? {
                return Ok(Some(stored));
            }
        }
        Ok(None)
    }

    /// The entity in a row, if it is there and matches.
    pub(crate) fn check(&mut self, row: Row) -> Result<Option<Stored>> {
        self.meter.record()?;
        let Asked { state, at, kind, .. } = &self.asked;
        let Some(stored) = state.visible(*kind, row, *at, &self.recent)? else { return Ok(None) };
        Ok(if self.is_in_scope(&stored)? && self.matches(&stored)? { Some(stored) } else { None })
    }

    fn is_in_scope(&mut self, stored: &Stored) -> Result<bool> {
        let (project, in_experiment) = match stored.parents {
            Parents::Project(project) => (project, self.asked.experiment == Within::Anything),
            Parents::Experiment { project, experiment } => (project, self.asked.experiment.has(experiment)),
            Parents::None | Parents::Run(_) => (stored.row, true),
        };
        Ok(self.asked.project.has(project) && in_experiment && self.is_in_workspace(project)?)
    }

    fn is_in_workspace(&mut self, project: Row) -> Result<bool> {
        if self.asked.workspace.is_empty() {
            return Ok(true);
        }
        if let Some(known) = self.workspaces.get(&project) {
            return Ok(*known);
        }
        let found = self.asked.state.stored(EntityKind::Project, project, self.asked.at, &self.recent)?;
        let is_in = found.is_some_and(
            |stored| matches!(&stored.entity, Entity::Project(project) if project.workspace == self.asked.workspace),
        );
        if self.workspaces.len() >= REMEMBERED {
            self.workspaces.clear();
        }
        self.workspaces.insert(project, is_in);
        Ok(is_in)
    }

    fn matches(&mut self, stored: &Stored) -> Result<bool> {
        let state = &self.asked.state;
        let observations = self.observations(stored, |series| {
            Observations::new(Arc::clone(state), stored.row, series.clone())?.collect()
        })?;
        let name = if self.joins_name { self.experiment_name(stored)? } else { None };
        Ok(self.matches_with(stored, &observations, name.as_deref()))
    }

    /// Whether an entity matches the filter, with these observations of those keys that it asks of, in an experiment of
    /// this name.
    pub(crate) fn matches_with(&self, stored: &Stored, observations: &Observed, experiment: Option<&str>) -> bool {
        let mut subject = Subject::new(&stored.entity).observations(observations);
        subject.experiment_name = experiment;
        self.asked.filter.matches(subject)
    }

    /// What was observed of a run under the keys that the filter asks of.
    pub(crate) fn observations(
        &self,
        stored: &Stored,
        mut read: impl FnMut(&Series) -> Result<Vec<Observation>>,
    ) -> Result<Observed> {
        let Entity::Run(run) = &stored.entity else { return Ok(Observed::new()) };
        let asked = self.observed.iter().filter_map(|key| run.series(key));
        asked.map(|series| Ok((series.key.clone(), read(series)?))).collect()
    }

    /// Hands an entity with the name of its experiment on.
    pub(crate) fn with_subject<R>(&mut self, stored: &Stored, of: impl FnOnce(&Subject<'_>) -> R) -> Result<R> {
        let name = self.experiment_name(stored)?;
        let mut subject = Subject::new(&stored.entity);
        subject.experiment_name = name.as_deref();
        Ok(of(&subject))
    }

    /// The entity in a row that was found.
    pub(crate) fn read(&mut self, row: Row) -> Result<Stored> {
        self.meter.record()?;
        let Asked { state, at, kind, .. } = &self.asked;
        let found = state.visible(*kind, row, *at, &self.recent)?;
        found.ok_or_else(|| Error::corrupt(format!("the {kind} in row {} is gone from a snapshot that had it", row.0)))
    }

    /// What `of` makes of the entity in a row that was found.
    pub(crate) fn read_as<R>(&mut self, row: Row, of: impl FnOnce(&Subject<'_>) -> R) -> Result<R> {
        let stored = self.read(row)?;
        self.with_subject(&stored, of)
    }

    /// The name of the experiment of a run.
    fn experiment_name(&mut self, stored: &Stored) -> Result<Option<Arc<str>>> {
        let Parents::Experiment { experiment, .. } = stored.parents else { return Ok(None) };
        if let Some(name) = self.names.get(&experiment) {
            return Ok(Some(Arc::clone(name)));
        }
        let found = self.asked.state.stored(EntityKind::Experiment, experiment, self.asked.at, &self.recent)?;
        let name: Arc<str> = found.as_ref().and_then(|stored| stored.entity.name()).unwrap_or_default().into();
        if self.names.len() >= REMEMBERED {
            self.names.clear();
        }
        self.names.insert(experiment, Arc::clone(&name));
        Ok(Some(name))
    }
}

/// Where the next entity comes from.
pub(crate) enum StepSource {
    /// It is looked for.
    Walk,
    /// It was found.
    Rows(std::vec::IntoIter<Row>),
    Failed,
}

/// Entities, one after the other; nothing after an error.
pub(crate) struct Steps {
    pub(crate) walk: Walk,
    pub(crate) source: StepSource,
    pub(crate) left: usize,
}

impl Iterator for Steps {
    type Item = Result<Stored>;
    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        let next = match &mut self.source {
            StepSource::Walk => self.walk.next().transpose(),
            StepSource::Rows(rows) => rows.next().map(|row| self.walk.read(row)),
            StepSource::Failed => None,
        };
        if matches!(next, Some(Err(_))) {
            self.source = StepSource::Failed;
        }
        next
    }
}
