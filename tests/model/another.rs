//! More operations on the store and on the model: what is set, deleted, restored and copied.

use std::collections::{BTreeMap, BTreeSet};

use modeldb::{Artifact, CloneOptions, CopyOptions, EntityKind, KeyValue};

use super::check::{experiment_id, plain, project_id, run_id};
use super::generate;
use super::operate::{Left, Operate, agree};
use super::plain::Plain;
use super::world::{index, stored_artifact, vals};
use modeldb::ErrorKind::{AlreadyExists, InvalidArgument, LimitExceeded, NotFound};

type Done = Result<(), Left>;

/// One call of each kind, by a name that they share, and the operation it is in the log.
macro_rules! on_kind {
    ($self:ident, $kind:ident, $id:ident, $call:ident $args:tt) => {
        match $kind {
            EntityKind::Project => (
                on_kind!(@ $self.write.projects(), $call, project_id(&$id), $args),
                concat!("project.", stringify!($call)),
            ),
            EntityKind::Experiment => (
                on_kind!(@ $self.write.experiments(), $call, experiment_id(&$id), $args),
                concat!("experiment.", stringify!($call)),
            ),
            _ => (
                on_kind!(@ $self.write.runs(), $call, run_id(&$id), $args),
                concat!("run.", stringify!($call)),
            ),
        }
    };
    (@ $calls:expr, $call:ident, $id:expr, ($($arg:expr),*)) => {
        $calls.$call(&$id, $($arg),*)
    };
}

impl Operate<'_, '_, '_> {
    pub(super) fn another(&mut self) -> Done {
        match self.random.below(20) {
            0..=1 => self.set_attributes(),
            2..=3 => self.delete_tags(),
            4..=6 => self.delete_entries(),
            7..=8 => self.log_artifacts(),
            9 => self.delete_artifact(),
            10 => self.put_datasets(),
            11 => self.set_text_of_project(),
            12 => self.update_experiment(),
            13 => self.set_job_or_parent(),
            14..=16 => self.restore(),
            17 => self.delete_many(),
            18 => self.clone_run(),
            _ => self.deep_copy(),
        }
    }

    fn now_there(&self, kind: EntityKind, id: &str) -> Option<Plain> {
        let row = self.row(kind, id)?;
        self.world.visible(kind, row, self.world.now()).map(|plain| (**plain).clone())
    }

    fn set_attributes(&mut self) -> Done {
        let kind = self.kind();
        let id = self.id(kind);
        let mut entries = generate::entries(self.random, 3);
        if let Some((key, _)) = self.now_there(kind, &id).and_then(|plain| plain.attributes.into_iter().next())
            && entries.iter().all(|(other, _)| *other != key)
        {
            entries.push((key, generate::value(self.random, 0)));
        }
        self.tell(format_args!("set {} attributes of {kind} {id:.40}", entries.len()));
        let mut errors = self.there(kind, &id);
        // The same as for logging, but that nothing is taken.
        let checks = super::world::World::check_log(&entries, Some(&BTreeMap::new()));
        errors.extend(checks.into_iter().filter(|error| [InvalidArgument, LimitExceeded].contains(error)));
        let given: Vec<KeyValue> = entries.iter().cloned().map(KeyValue::from).collect();
        let (result, operation) = on_kind!(self, kind, id, set_attributes(given.clone()));
        agree(result, &errors)?;
        self.edit(operation, kind, &id, |plain| plain.attributes.extend(vals(&entries)));
        Ok(())
    }

    fn delete_tags(&mut self) -> Done {
        let kind = self.kind();
        let id = self.id(kind);
        let mut errors = self.there(kind, &id);
        if self.random.percent(20) {
            self.tell(format_args!("delete all tags of {kind} {id:.40}"));
            let (result, operation) = on_kind!(self, kind, id, delete_all_tags());
            agree(result, &errors)?;
            self.edit(operation, kind, &id, |plain| plain.tags.clear());
            return Ok(());
        }
        let mut tags = generate::tags(self.random, 2);
        let there = self.now_there(kind, &id).map(|plain| plain.tags).unwrap_or_default();
        tags.extend(there.into_iter().take(self.random.below(3)));
        self.tell(format_args!("delete tags {tags:?} of {kind} {id:.40}"));
        if tags.is_empty() {
            errors.push(InvalidArgument);
        }
        let (result, operation) = on_kind!(self, kind, id, delete_tags(tags.clone()));
        agree(result, &errors)?;
        self.edit(operation, kind, &id, |plain| plain.tags.retain(|tag| !tags.contains(tag)));
        Ok(())
    }

    fn delete_entries(&mut self) -> Done {
        let kind = self.kind();
        let id = self.id(kind);
        let container = if kind == EntityKind::Run { self.random.below(3) } else { 0 };
        let mut errors = self.there(kind, &id);
        let all = self.random.percent(15);
        let mut keys: Vec<String> = (0..self.random.below(2)).map(|_| generate::key(self.random)).collect();
        if let Some(plain) = self.now_there(kind, &id) {
            let there = [&plain.attributes, &plain.hyperparameters, &plain.metrics][container];
            keys.extend(there.keys().take(self.random.below(3)).cloned());
        }
        self.tell(format_args!("delete {} entries {container} of {kind} {id:.40}, all {all}", keys.len()));
        if keys.is_empty() && !all {
            errors.push(InvalidArgument);
        }
        let given = keys.clone();
        let (result, operation) = match (container, all) {
            (0, true) => on_kind!(self, kind, id, delete_all_attributes()),
            (0, false) => on_kind!(self, kind, id, delete_attributes(given)),
            (1, true) => (self.write.runs().delete_all_hyperparameters(&run_id(&id)), "run.delete_all_hyperparameters"),
            (1, false) => (self.write.runs().delete_hyperparameters(&run_id(&id), given), "run.delete_hyperparameters"),
            (_, true) => (self.write.runs().delete_all_metrics(&run_id(&id)), "run.delete_all_metrics"),
            (_, false) => (self.write.runs().delete_metrics(&run_id(&id), given), "run.delete_metrics"),
        };
        agree(result, &errors)?;
        self.edit(operation, kind, &id, |plain| {
            let logged = [&mut plain.attributes, &mut plain.hyperparameters, &mut plain.metrics];
            logged[container].retain(|key, _| !all && !keys.contains(key));
        });
        Ok(())
    }

    /// Some artifacts, and the errors their own rules ask for.
    fn some_artifacts(&mut self, are_datasets: bool) -> (Vec<Artifact>, Vec<modeldb::ErrorKind>) {
        let artifacts: Vec<Artifact> = (0..self.random.below(3))
            .map(|_| {
                let artifact = generate::artifact(self.random);
                if self.random.one_in(30) { artifact.linked_artifact_id("no version") } else { artifact }
            })
            .collect();
        let mut keys: Vec<&str> = artifacts.iter().map(|artifact| artifact.key.as_str()).collect();
        keys.sort_unstable();
        let breaks = keys.windows(2).any(|pair| pair[0] == pair[1])
            || keys.contains(&"")
            || artifacts.iter().any(|artifact| match are_datasets {
                true => !artifact.linked_artifact_id.is_empty(),
                false => artifact.path_only && artifact.path.is_empty(),
            });
        let errors = if breaks { vec![InvalidArgument] } else { vec![] };
        (artifacts, errors)
    }

    fn log_artifacts(&mut self) -> Done {
        let kind = self.kind();
        let id = self.id(kind);
        let (artifacts, mut errors) = self.some_artifacts(false);
        self.tell(format_args!("log {} artifacts of {kind} {id:.40}", artifacts.len()));
        errors.extend(self.there(kind, &id));
        let there = self.now_there(kind, &id).map(|plain| plain.artifacts).unwrap_or_default();
        if artifacts.iter().any(|new| there.iter().any(|old| old.key == new.key)) {
            errors.push(AlreadyExists);
        }
        let (result, operation) = on_kind!(self, kind, id, log_artifacts(artifacts.clone()));
        agree(result, &errors)?;
        let owner = id.clone();
        self.edit(operation, kind, &id, |plain| {
            for mut artifact in artifacts {
                stored_artifact(kind, &owner, &mut artifact);
                plain.artifacts.push(artifact);
            }
            plain.artifacts.sort_by(|a, b| a.key.cmp(&b.key));
        });
        Ok(())
    }

    fn delete_artifact(&mut self) -> Done {
        let kind = self.kind();
        let id = self.id(kind);
        let there = self.now_there(kind, &id).and_then(|plain| plain.artifacts.into_iter().next());
        let key = there.map_or_else(|| generate::key(self.random), |artifact| artifact.key);
        self.tell(format_args!("delete artifact {key:.40?} of {kind} {id:.40}"));
        let mut errors = self.there(kind, &id);
        if key.is_empty() {
            errors.push(InvalidArgument);
        }
        let (result, operation) = on_kind!(self, kind, id, delete_artifact(&key));
        agree(result, &errors)?;
        self.edit(operation, kind, &id, |plain| plain.artifacts.retain(|artifact| artifact.key != key));
        Ok(())
    }

    fn put_datasets(&mut self) -> Done {
        let kind = EntityKind::Run;
        let id = self.id(kind);
        let replace = self.random.percent(50);
        let (datasets, mut errors) = self.some_artifacts(true);
        self.tell(format_args!("{} datasets of run {id:.40}, replaced {replace}", datasets.len()));
        errors.extend(self.there(kind, &id));
        let there = self.now_there(kind, &id).map(|plain| plain.datasets).unwrap_or_default();
        if !replace && datasets.iter().any(|new| there.iter().any(|old| old.key == new.key)) {
            errors.push(AlreadyExists);
        }
        let (result, operation) = match replace {
            true => (self.write.runs().set_datasets(&run_id(&id), datasets.clone()), "run.set_datasets"),
            false => (self.write.runs().log_datasets(&run_id(&id), datasets.clone()), "run.log_datasets"),
        };
        agree(result, &errors)?;
        self.edit(operation, kind, &id, |plain| {
            for mut dataset in datasets {
                dataset.upload_completed = true;
                plain.datasets.retain(|old| old.key != dataset.key);
                plain.datasets.push(dataset);
            }
            plain.datasets.sort_by(|a, b| a.key.cmp(&b.key));
        });
        Ok(())
    }

    fn set_text_of_project(&mut self) -> Done {
        let kind = EntityKind::Project;
        let id = self.id(kind);
        let mut errors = self.there(kind, &id);
        if self.random.percent(50) {
            let text = generate::text(self.random);
            self.tell(format_args!("readme of project {id:.40}"));
            agree(self.write.projects().set_readme(&project_id(&id), text.clone()), &errors)?;
            self.edit("project.set_readme", kind, &id, |plain| plain.readme = text);
            return Ok(());
        }
        let short = (*self.random.pick(&["wine", "a.b-c_D", "two words", "", "x/y"])).to_owned();
        let fits = |char: char| char.is_ascii_alphanumeric() || "_.-".contains(char);
        if short.is_empty() || !short.chars().all(fits) {
            errors.push(InvalidArgument);
        }
        let now = self.world.now();
        let own = self.row(kind, &id);
        let others = self.world.children(kind, 0, now).into_iter().filter(|row| Some(*row) != own);
        if others.into_iter().any(|row| self.world.visible(kind, row, now).unwrap().short_name == short) {
            errors.push(AlreadyExists);
        }
        self.tell(format_args!("short name {short:?} of project {id:.40}"));
        agree(self.write.projects().set_short_name(&project_id(&id), &short), &errors)?;
        self.edit("project.set_short_name", kind, &id, |plain| plain.short_name = short);
        Ok(())
    }

    fn update_experiment(&mut self) -> Done {
        let kind = EntityKind::Experiment;
        let id = self.id(kind);
        let name = self.random.percent(70).then(|| generate::name(self.random));
        let text = self.random.percent(70).then(|| generate::text(self.random));
        self.tell(format_args!("update experiment {id:.40} to {name:.40?}, text {}", text.is_some()));
        let mut errors = self.there(kind, &id);
        let new = name.clone().filter(|name| !name.is_empty());
        if let Some(name) = &new {
            if name.chars().count() > 256 {
                errors.push(InvalidArgument);
            }
            if let Some(row) = self.row(kind, &id) {
                let parent = self.world.entities[index(kind)][row].parent;
                let other = self.world.named(kind, parent, "", name, self.world.now());
                if other.is_some_and(|other| other != row) {
                    errors.push(AlreadyExists);
                }
            }
        }
        let result = self.write.experiments().update(&experiment_id(&id), name.as_deref(), text.as_deref());
        agree(result, &errors)?;
        self.edit("experiment.update", kind, &id, |plain| {
            plain.name = new.unwrap_or_else(|| plain.name.clone());
            plain.description = text.unwrap_or_else(|| plain.description.clone());
        });
        Ok(())
    }

    fn set_job_or_parent(&mut self) -> Done {
        let kind = EntityKind::Run;
        let id = self.id(kind);
        let mut errors = self.there(kind, &id);
        if self.random.percent(40) {
            let job = if self.random.one_in(10) { String::new() } else { generate::word(self.random) };
            self.tell(format_args!("job {job:?} of run {id:.40}"));
            if job.is_empty() {
                errors.push(InvalidArgument);
            }
            agree(self.write.runs().set_job_id(&run_id(&id), &job), &errors)?;
            self.edit("run.set_job_id", kind, &id, |plain| plain.job = job);
            return Ok(());
        }
        let parent = if self.random.one_in(20) { id.clone() } else { self.id(kind) };
        self.tell(format_args!("run {id:.40} is a part of {parent:.40}"));
        errors.extend(self.there(kind, &parent));
        // Upwards through what was ever there, a circle no longer than there are runs.
        let mut above = parent.clone();
        for _ in 0..=self.world.entities[index(kind)].len() {
            if above == id {
                errors.push(InvalidArgument);
                break;
            }
            let row = self.world.row(kind, &above);
            let Some(version) = row.and_then(|row| self.world.version(kind, row, self.world.now())) else { break };
            above = version.plain.parent.clone();
        }
        agree(self.write.runs().set_parent(&run_id(&id), &run_id(&parent)), &errors)?;
        self.edit("run.set_parent", kind, &id, |plain| plain.parent = parent);
        Ok(())
    }

    fn restore(&mut self) -> Done {
        let kind = self.kind();
        let mut id = self.id(kind);
        let rows = self.world.entities[index(kind)].len();
        let now = self.world.now();
        for _ in 0..30 {
            if rows == 0 {
                break;
            }
            let row = self.random.below(rows);
            if self.world.version(kind, row, now).is_some_and(|version| version.deleted) {
                id = self.world.entities[index(kind)][row].versions[0].plain.id.clone();
                break;
            }
        }
        self.tell(format_args!("restore {kind} {id:.40}"));
        let mut errors = Vec::new();
        let deleted = self.world.row(kind, &id).filter(|row| self.world.version(kind, *row, now).unwrap().deleted);
        match deleted {
            None => errors.push(NotFound),
            Some(row) => {
                let parent = self.world.entities[index(kind)][row].parent;
                let above = match kind {
                    EntityKind::Project => None,
                    EntityKind::Experiment => Some(EntityKind::Project),
                    _ => Some(EntityKind::Experiment),
                };
                if above.is_some_and(|above| self.world.visible(above, parent, now).is_none()) {
                    errors.push(NotFound);
                }
                let plain = &self.world.version(kind, row, now).unwrap().plain;
                if self.world.named(kind, parent, &plain.workspace, &plain.name, now).is_some() {
                    errors.push(AlreadyExists);
                }
            }
        }
        let (result, operation) = on_kind!(self, kind, id, restore());
        agree(result, &errors)?;
        self.world.edit(operation, kind, deleted.unwrap(), |_, deleted| *deleted = false);
        self.compare(kind, &id);
        Ok(())
    }

    fn delete_many(&mut self) -> Done {
        let kind = if self.random.one_in(40) { EntityKind::Experiment } else { EntityKind::Run };
        let ids: Vec<String> = (0..self.random.below(4)).map(|_| self.id(kind)).collect();
        self.tell(format_args!("delete {} of kind {kind}", ids.len()));
        let mut rows: Vec<usize> = ids.iter().filter_map(|id| self.row(kind, id)).collect();
        rows.sort_unstable();
        rows.dedup();
        let mut errors = Vec::new();
        if ids.is_empty() {
            errors.push(InvalidArgument);
        } else if rows.is_empty() && kind == EntityKind::Run {
            errors.push(NotFound);
        }
        let (result, operation) = match kind {
            EntityKind::Experiment => {
                let ids: Vec<_> = ids.iter().map(|id| experiment_id(id)).collect();
                (self.write.experiments().delete_many(&ids), "experiment.delete_many")
            }
            _ => {
                let ids: Vec<_> = ids.iter().map(|id| run_id(id)).collect();
                (self.write.runs().delete_many(&ids), "run.delete_many")
            }
        };
        assert_eq!(agree(result, &errors)?, rows.len() as u64);
        for row in &rows {
            assert!(self.world.change(kind, *row, |_, deleted| *deleted = true));
        }
        self.world.end_creation(operation, kind, &rows);
        for id in &ids {
            self.compare(kind, id);
        }
        Ok(())
    }

    fn clone_run(&mut self) -> Done {
        let kind = EntityKind::Run;
        let id = self.id(kind);
        let name = if self.random.percent(40) { String::new() } else { generate::name(self.random) };
        let target = self.random.percent(50).then(|| self.id(EntityKind::Experiment));
        self.tell(format_args!("clone run {id:.40} as {name:.40?} in {target:.40?}"));
        let mut errors = self.there(kind, &id);
        let time = self.world.time();
        let source = self.now_there(kind, &id);
        let mut parent = self.row(kind, &id).map(|row| self.world.entities[index(kind)][row].parent);
        let mut options = CloneOptions::new().name(&name);
        if let Some(target) = &target {
            errors.extend(self.there(EntityKind::Experiment, target));
            parent = self.row(EntityKind::Experiment, target);
            options = options.experiment(experiment_id(target));
        }
        if name.chars().count() > 256 {
            errors.push(InvalidArgument);
        }
        let name = match (&source, name.is_empty()) {
            (Some(source), true) => format!("{} - {time}", source.name),
            _ => name,
        };
        if parent.is_some_and(|parent| self.world.named(kind, parent, "", &name, self.world.now()).is_some()) {
            errors.push(AlreadyExists);
        }
        let clone = agree(self.write.runs().clone_run(&run_id(&id), options), &errors)?.to_string();
        let parent = parent.unwrap();
        let experiment = self.world.visible(EntityKind::Experiment, parent, self.world.now()).unwrap();
        let now = Some(time).filter(|time| *time != 0);
        let plain = Plain {
            id: clone.clone(),
            project: experiment.project.clone(),
            experiment: experiment.id.clone(),
            name,
            created: time,
            updated: time,
            start: now,
            status: None,
            end: now,
            owner: self.world.actor(),
            owner_tracking: None,
            job: String::new(),
            ..source.unwrap()
        };
        let row = self.world.adopt(kind, parent, plain);
        self.world.end_creation("run.clone", kind, &[row]);
        self.compare(kind, &clone);
        Ok(())
    }

    fn deep_copy(&mut self) -> Done {
        let kind = EntityKind::Project;
        let id = self.id(kind);
        let now = self.world.now();
        let source = self.row(kind, &id);
        // The model keeps every state there ever was; and the runs of the copy are looked up by name.
        if let Some(source) = source {
            let runs = self.world.runs_below(source, now);
            let place = |row: &usize| {
                let parent = self.world.entities[index(EntityKind::Run)][*row].parent;
                (parent, self.world.visible(EntityKind::Run, *row, now).unwrap().name.clone())
            };
            if runs.len() > 60 || runs.iter().map(place).collect::<BTreeSet<_>>().len() < runs.len() {
                return Ok(());
            }
        }
        self.tell(format_args!("copy project {id:.40}"));
        let errors = self.there(kind, &id);
        let copy = agree(self.write.projects().deep_copy(&project_id(&id), CopyOptions::new()), &errors)?;
        let source = source.unwrap();
        let owner = self.world.actor();
        let own = |plain: &Plain, id: String| Plain { id, owner: owner.clone(), owner_tracking: None, ..plain.clone() };
        // Ids and the new name are the store's; all else is that of the source, in its order.
        let found = plain(&self.write.projects().get(&copy).unwrap());
        let from = (**self.world.visible(kind, source, now).unwrap()).clone();
        let workspace = from.workspace.clone();
        assert_ne!(found.name, from.name);
        assert!(self.world.named(kind, 0, &workspace, &found.name, now).is_none(), "{}", found.name);
        let number = found.name.rsplit_once('-').unwrap().1.parse::<u64>().unwrap();
        assert!(number > 1);
        let mut new = own(&from, copy.to_string());
        new.name = found.name;
        new.project = copy.to_string();
        let project = self.world.adopt(kind, 0, new);
        let mut rows = vec![(kind, project)];
        self.copied(source, project, &mut rows, &own);
        self.world.end_changes("project.deep_copy", &rows);
        self.compare(kind, copy.as_str());
        Ok(())
    }

    /// Takes the experiments and runs of a copied project over into the model.
    fn copied(
        &mut self,
        source: usize,
        project: usize,
        rows: &mut Vec<(EntityKind, usize)>,
        own: &dyn Fn(&Plain, String) -> Plain,
    ) {
        let now = self.world.now();
        let (experiment_kind, run_kind) = (EntityKind::Experiment, EntityKind::Run);
        let project_plain = (**self.world.visible(EntityKind::Project, project, now).unwrap()).clone();
        let from = self.world.children(experiment_kind, source, now);
        let mut ids = BTreeMap::new();
        let mut copies = Vec::new();
        for row in from {
            let plain = (**self.world.visible(experiment_kind, row, now).unwrap()).clone();
            // Names lead from an original to its copy.
            let name = plain.name.clone();
            let id = self.write.experiments().get_or_create(&project_id(&project_plain.id), &name).unwrap().to_string();
            let mut new = own(&plain, id.clone());
            (new.project, new.experiment) = (project_plain.id.clone(), id.clone());
            let experiment = self.world.adopt(experiment_kind, project, new);
            rows.push((experiment_kind, experiment));
            for run in self.world.children(run_kind, row, now) {
                let plain = (**self.world.visible(run_kind, run, now).unwrap()).clone();
                copies.push((experiment, id.clone(), plain));
            }
        }
        for (_, experiment, plain) in &copies {
            let copy = self.write.runs().get_or_create(&experiment_id(experiment), &plain.name).unwrap();
            ids.insert(plain.id.clone(), copy.to_string());
        }
        for (parent, experiment, plain) in copies {
            let mut new = own(&plain, ids[&plain.id].clone());
            (new.project, new.experiment) = (project_plain.id.clone(), experiment);
            new.status = None;
            if let Some(parent) = ids.get(&new.parent) {
                new.parent.clone_from(parent);
            }
            let run = self.world.adopt(run_kind, parent, new);
            rows.push((run_kind, run));
        }
    }
}
