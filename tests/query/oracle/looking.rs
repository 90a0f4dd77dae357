//! What a snapshot holds, found by reading each run by its id, and what matches there by looking at each.

use std::collections::HashMap;

use modeldb::{Entity, Filter, QueryField, Run, RunId, Snapshot, Subject, Value};

/// A set of runs, by their place among all.
#[derive(Clone, PartialEq)]
pub(in crate::query) struct Bits(Vec<u64>, usize);

impl Bits {
    fn of(len: usize, is: impl Fn(usize) -> bool) -> Self {
        let word = |at: usize| {
            (64 * at..len.min(64 * at + 64)).filter(|place| is(*place)).map(|place| 1 << (place % 64)).sum()
        };
        Bits((0..len.div_ceil(64)).map(word).collect(), len)
    }

    pub(super) fn and(&self, other: &Bits) -> Bits {
        Bits(self.0.iter().zip(&other.0).map(|(a, b)| a & b).collect(), self.1)
    }

    pub(super) fn or(&self, other: &Bits) -> Bits {
        Bits(self.0.iter().zip(&other.0).map(|(a, b)| a | b).collect(), self.1)
    }

    pub(super) fn not(&self) -> Bits {
        let all = Bits::of(self.1, |_| true);
        Bits(self.0.iter().zip(&all.0).map(|(own, all)| !own & all).collect(), self.1)
    }

    pub(in crate::query) fn count(&self) -> u64 {
        self.0.iter().map(|word| u64::from(word.count_ones())).sum()
    }

    pub(in crate::query) fn has(&self, place: usize) -> bool {
        self.0[place / 64] >> (place % 64) & 1 == 1
    }
}

/// A snapshot and its runs, the newest first.
pub(in crate::query) struct Looked {
    pub(in crate::query) read: Snapshot,
    entities: Vec<Entity>,
    /// By the place of a run.
    names: Vec<String>,
}

impl Looked {
    /// Of these runs, in order of creation, those that are there.
    pub(in crate::query) fn at(read: Snapshot, runs: &[RunId]) -> Self {
        let mut known: HashMap<String, String> = HashMap::new();
        let (mut entities, mut names) = (Vec::new(), Vec::new());
        for id in runs.iter().rev() {
            let Ok(run) = read.runs().get(id) else { continue };
            let name = known.entry(run.experiment_id.to_string());
            let name = name.or_insert_with(|| read.experiments().get(&run.experiment_id).unwrap().name);
            names.push(name.clone());
            entities.push(Entity::Run(run));
        }
        Looked { read, entities, names }
    }

    pub(in crate::query) fn len(&self) -> usize {
        self.entities.len()
    }

    pub(super) fn run(&self, place: usize) -> &Run {
        let Entity::Run(run) = &self.entities[place] else { panic!("only runs are here") };
        run
    }

    /// Whether one run matches.
    pub(in crate::query) fn matches(&self, filter: &Filter, place: usize) -> bool {
        filter.matches(Subject::new(&self.entities[place]).experiment_name(&self.names[place]))
    }

    /// What matches a filter.
    pub(in crate::query) fn matching(&self, filter: &Filter) -> Bits {
        Bits::of(self.len(), |place| self.matches(filter, place))
    }

    /// The runs of which something holds.
    pub(super) fn which(&self, is: impl Fn(&Run) -> bool) -> Bits {
        Bits::of(self.len(), |place| is(self.run(place)))
    }

    /// The ids of some runs, the newest first.
    pub(in crate::query) fn ids(&self, bits: &Bits) -> Vec<RunId> {
        (0..self.len()).filter(|place| bits.has(*place)).map(|place| self.run(place).id.clone()).collect()
    }

    /// What a run holds of a field, nulls too; of a text that is empty or a date that is unset, nothing.
    pub(super) fn values(&self, place: usize, field: &QueryField) -> Vec<Value> {
        let run = self.run(place);
        let text = |text: &str| if text.is_empty() { Vec::new() } else { vec![Value::from(text)] };
        match field {
            QueryField::Metric(key) => run.metrics.get(key).cloned().into_iter().collect(),
            QueryField::Hyperparameter(key) => run.hyperparameters.get(key).cloned().into_iter().collect(),
            QueryField::Attribute(key) => run.attributes.get(key).cloned().into_iter().collect(),
            QueryField::Artifact(key) => run.artifact(key).map_or(Vec::new(), |artifact| text(&artifact.path)),
            QueryField::ArtifactLink => {
                run.artifacts.iter().flat_map(|artifact| text(&artifact.linked_artifact_id)).collect()
            }
            QueryField::Tags => run.tags.iter().map(Value::from).collect(),
            QueryField::Features => run.features.iter().map(|feature| Value::from(&feature.name)).collect(),
            QueryField::Id => text(run.id.as_str()),
            QueryField::Name => text(&run.name),
            QueryField::Description => text(&run.description),
            QueryField::Owner => text(&run.owner),
            QueryField::JobId => text(&run.job_id),
            QueryField::CodeVersion => text(&run.code_version),
            QueryField::ParentId => run.parent_id.as_ref().map_or(Vec::new(), |id| text(id.as_str())),
            QueryField::ProjectId => text(run.project_id.as_str()),
            QueryField::ExperimentId => text(run.experiment_id.as_str()),
            QueryField::ExperimentName => text(&self.names[place]),
            QueryField::DateCreated => vec![run.date_created.into()],
            QueryField::DateUpdated => vec![run.date_updated.into()],
            QueryField::StartTime => run.start_time.map(Value::from).into_iter().collect(),
            QueryField::Status => run.status.map(Value::from).into_iter().collect(),
            QueryField::EndTime => run.end_time.map(Value::from).into_iter().collect(),
            QueryField::VersionNumber => vec![Value::Int(run.version_number as i64)],
            other => panic!("no case for {other}"),
        }
    }
}
