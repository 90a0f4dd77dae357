//! A store with texts, changed at random, and searched in two ways.

use modeldb::{
    ExperimentId, Filter, KeyValue, NewExperiment, NewProject, NewRun, Options, ProjectId, Run, RunId, Store, Value,
};

use super::generate::{name, tag, text};
use crate::support::random::Random;

pub(super) struct World {
    pub(super) store: Store,
    pub(super) folder: tempfile::TempDir,
    pub(super) projects: Vec<ProjectId>,
    pub(super) experiments: Vec<ExperimentId>,
    pub(super) runs: Vec<RunId>,
    made: usize,
}

/// Small blocks, and a text index from the first question on.
pub(super) fn options() -> Options {
    Store::options().filter_rows(16, 4).background(false).text_start(0)
}

impl World {
    pub(super) fn new(random: &mut Random, runs: usize) -> World {
        let folder = tempfile::tempdir().unwrap();
        let store = options().open(folder.path().join("store")).unwrap();
        let mut world = World { store, folder, projects: vec![], experiments: vec![], runs: vec![], made: 0 };
        for number in 0..2 {
            let new =
                NewProject::named(format!("project {number}")).description(text(random)).readme_text(text(random));
            world.projects.push(world.store.write(|w| w.projects().create(new)).unwrap());
            for number in 0..2 {
                let new = NewExperiment::named(format!("experiment {number}")).description(text(random));
                let project = world.projects.last().unwrap();
                world.experiments.push(world.store.write(|w| w.experiments().create(project, new)).unwrap());
            }
        }
        let new: Vec<NewRun> = (0..runs).map(|_| world.new_run(random)).collect();
        let created = world.store.write(|w| w.runs().create_many(&world.experiments[0], new)).unwrap();
        world.runs.extend(created);
        world.store.optimize().unwrap();
        world
    }

    fn new_run(&mut self, random: &mut Random) -> NewRun {
        self.made += 1;
        let mut new = NewRun::named(name(random, self.made)).description(text(random));
        for _ in 0..random.below(3) {
            new = new.tag(tag(random));
        }
        if random.one_in(2) {
            new = new.hyperparameter("note", text(random)).metric("loss", 0.5);
        }
        if random.one_in(3) {
            new = new.attribute("note", text(random)).attribute("\u{e9}:1", text(random));
        }
        if random.one_in(5) {
            let list = vec![Value::from(text(random)), Value::from(1)];
            new = new.attribute("list", Value::List(list));
        }
        new
    }

    /// One change.
    pub(super) fn change(&mut self, random: &mut Random) {
        let run = random.pick(&self.runs).clone();
        let (experiment, project) = (random.pick(&self.experiments).clone(), random.pick(&self.projects).clone());
        let new = self.new_run(random);
        let made = self.made;
        let kind = random.below(12);
        // What is deleted cannot be changed, and says so.
        let _ = self.store.write(|w| {
            match kind {
                0..4 => {
                    let run = w.runs().create(&experiment, new)?;
                    self.runs.push(run);
                }
                4 => w.runs().rename(&run, &name(random, made))?,
                5 | 6 => w.runs().describe(&run, text(random))?,
                7 => w.runs().add_tags(&run, [tag(random)])?,
                8 => w.runs().set_attributes(&run, [KeyValue::new("note", text(random))])?,
                9 => w.runs().delete(&run)?,
                10 => w.runs().restore(&run)?,
                _ if random.one_in(4) => w.experiments().delete(&experiment)?,
                _ if random.one_in(2) => w.experiments().restore(&experiment)?,
                _ => w.projects().describe(&project, text(random))?,
            }
            Ok(())
        });
    }

    pub(super) fn reopen(&mut self) {
        self.store.close().unwrap();
        self.store = self.open();
    }

    pub(super) fn open(&self) -> Store {
        options().open(self.folder.path().join("store")).unwrap()
    }

    /// Waits until the index knows everything.
    pub(super) fn catch_up(&self) {
        self.store.wait_indexed(self.store.read().sequence()).unwrap();
        #[cfg(feature = "text")]
        assert_eq!(self.store.stats().unwrap().text_sequence, Some(self.store.read().sequence()));
    }

    /// Whether a search finds what looking at each run does.
    pub(super) fn check(&self, filter: &Filter) {
        let read = self.store.read();
        let mut expected = Vec::new();
        for project in &self.projects {
            for run in read.runs().list_in_project(project).into_iter().flatten() {
                let run: Run = run.unwrap();
                if filter.matches(&modeldb::Entity::Run(run.clone())) {
                    expected.push(run.id);
                }
            }
        }
        let search = read.runs().find(filter.clone()).unwrap();
        let mut found: Vec<RunId> = search.ids().unwrap().collect::<Result<_, _>>().unwrap();
        assert_eq!(search.count().unwrap(), found.len() as u64, "{filter}");
        for first in [1, 6, 40] {
            // The newest come first, without those of other parts of the index being looked for.
            let top = search.top(first).unwrap();
            let newest: Vec<&RunId> = self.runs.iter().rev().filter(|run| expected.contains(run)).collect();
            let newest = newest.get(..newest.len().min(first as usize)).unwrap();
            assert!(top.iter().map(|run| &run.id).eq(newest.iter().copied()), "{filter}");
        }
        expected.sort_unstable();
        found.sort_unstable();
        assert_eq!(found, expected, "{filter}");
    }
}
