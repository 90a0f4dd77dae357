//! modeldb itself.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use modeldb::{ExperimentId, NewRun, ProjectId, Run, RunId, Store, Write};

use super::Peer;
use crate::support::record::Record;

/// A store with one project.
pub(crate) struct ModelDb {
    pub(crate) store: Store,
    project: Option<ProjectId>,
    experiments: HashMap<String, ExperimentId>,
}

impl ModelDb {
    pub(crate) fn open(folder: &Path) -> Self {
        let store = Store::open(folder.join("runs.modeldb")).unwrap();
        ModelDb { store, project: None, experiments: HashMap::new() }
    }

    /// The run of an id, owned.
    pub(crate) fn run(&self, id: &RunId) -> Run {
        self.store.read().runs().get(id).unwrap()
    }

    fn experiment(
        w: &mut Write<'_>,
        project: &mut Option<ProjectId>,
        experiments: &mut HashMap<String, ExperimentId>,
        record: &Record,
    ) -> modeldb::Result<ExperimentId> {
        if let Some(id) = experiments.get(&record.experiment) {
            return Ok(id.clone());
        }
        let project = match project {
            Some(project) => project.clone(),
            None => project.insert(w.projects().get_or_create(&record.project)?).clone(),
        };
        let id = w.experiments().get_or_create(&project, &record.experiment)?;
        experiments.insert(record.experiment.clone(), id.clone());
        Ok(id)
    }
}

impl Peer for ModelDb {
    fn insert(&mut self, record: &Record) {
        let Self { store, project, experiments } = self;
        let insert = store.write(|w| {
            let experiment = Self::experiment(w, project, experiments, record)?;
            w.runs().create(&experiment, record.to_new_run())
        });
        insert.unwrap();
    }

    fn insert_all(&mut self, records: &[Record]) {
        let Self { store, project, experiments } = self;
        let insert = store.write(|w| {
            let mut groups: BTreeMap<&str, Vec<&Record>> = BTreeMap::new();
            for record in records {
                groups.entry(&record.experiment).or_default().push(record);
            }
            for group in groups.values() {
                let experiment = Self::experiment(w, project, experiments, group[0])?;
                let runs: &mut dyn Iterator<Item = NewRun> = &mut group.iter().map(|record| record.to_new_run());
                w.runs().create_many(&experiment, runs)?;
            }
            Ok(())
        });
        insert.unwrap();
    }

    fn get(&mut self, id: &str) -> Record {
        let snapshot = self.store.read();
        let run = snapshot.runs().get(&RunId::new(id).unwrap()).unwrap();
        let project = snapshot.projects().get(&run.project_id).unwrap();
        let experiment = snapshot.experiments().get(&run.experiment_id).unwrap();
        Record::of_run(&run, &project.name, &experiment.name)
    }
}
