//! One random operation inside a write, on the store and on the model.

use modeldb::{EntityKind, Error, ErrorKind, Result, Timestamp, Value, Write};

use super::check::{experiment_id, plain, project_id, run_id, same};
use super::generate;
use super::plain::{Plain, Wanted};
use super::world::{World, index, sorted, vals};
use crate::support::random::Random;

/// What an operation left behind.
pub(crate) enum Left {
    /// The write may go on, or be ended with the error.
    Whole(Option<Error>),
    /// An operation that failed halfway: the write can only be taken back.
    Half(Error),
}

/// The result must be one of `errors`, or success if there is none.
pub(super) fn agree<T>(result: Result<T>, errors: &[ErrorKind]) -> std::result::Result<T, Left> {
    match result {
        Ok(value) if errors.is_empty() => Ok(value),
        Ok(_) => panic!("it succeeded, and should be one of {errors:?}"),
        Err(error) => {
            assert!(errors.contains(&error.kind()), "{error}, and should be one of {errors:?}");
            Err(Left::Whole(Some(error)))
        }
    }
}

pub(crate) struct Operate<'a, 'w, 't> {
    pub(crate) world: &'a mut World,
    pub(crate) random: &'a mut Random,
    pub(crate) trace: &'a mut dyn FnMut(String),
    pub(crate) write: &'w mut Write<'t>,
    /// Entities of a `create_many`, at most.
    pub(crate) many: usize,
    pub(crate) bulk_percent: usize,
}

impl Operate<'_, '_, '_> {
    pub(crate) fn one(&mut self) -> Left {
        let done = if self.random.percent(self.bulk_percent) {
            let kind = if self.random.percent(4) { EntityKind::Experiment } else { EntityKind::Run };
            self.create_many(kind)
        } else {
            match self.random.below(100) {
                0..=2 => self.create(EntityKind::Project),
                3..=8 => self.create(EntityKind::Experiment),
                9..=26 => self.create(EntityKind::Run),
                27 => self.create_many(EntityKind::Project),
                28 => self.create_many(EntityKind::Experiment),
                29..=31 => self.create_many(EntityKind::Run),
                32..=37 => self.get_or_create(),
                38..=42 => self.rename(),
                43..=48 => self.describe(),
                49..=55 => self.add_tags(),
                56..=66 => self.log(),
                67..=75 => self.another(),
                76..=80 => self.code_version(),
                81..=83 => self.environment(),
                84..=87 => self.start_or_end(),
                88..=93 => self.delete(),
                _ => self.get(),
            }
        };
        done.map_or_else(|left| left, |()| Left::Whole(None))
    }

    pub(super) fn tell(&mut self, what: impl std::fmt::Display) {
        (self.trace)(format!("{what}"));
    }

    /// A kind, mostly runs.
    pub(super) fn kind(&mut self) -> EntityKind {
        match self.random.below(10) {
            0 => EntityKind::Project,
            1 | 2 => EntityKind::Experiment,
            _ => EntityKind::Run,
        }
    }

    /// The id of an entity that is likely there: or hidden, or no entity's.
    pub(super) fn id(&mut self, kind: EntityKind) -> String {
        let rows = self.world.entities[index(kind)].len();
        if rows == 0 || self.random.one_in(25) {
            return generate::word(self.random);
        }
        let mut row = self.random.below(rows);
        if !self.random.one_in(12) {
            for _ in 0..12 {
                if self.world.visible(kind, row, self.world.now()).is_some() {
                    break;
                }
                row = self.random.below(rows);
            }
        }
        self.world.entities[index(kind)][row].versions[0].plain.id.clone()
    }

    pub(super) fn row(&self, kind: EntityKind, id: &str) -> Option<usize> {
        self.world.visible_row(kind, id, self.world.now())
    }

    pub(super) fn there(&self, kind: EntityKind, id: &str) -> Vec<ErrorKind> {
        if self.row(kind, id).is_some() { vec![] } else { vec![ErrorKind::NotFound] }
    }

    /// The parent for a new entity: its id and, if it is there, its row.
    fn parent(&mut self, kind: EntityKind) -> (String, Option<usize>) {
        match kind {
            EntityKind::Project => (String::new(), Some(0)),
            EntityKind::Experiment => {
                let id = self.id(EntityKind::Project);
                let row = self.row(EntityKind::Project, &id);
                (id, row)
            }
            _ => {
                let id = self.id(EntityKind::Experiment);
                let row = self.row(EntityKind::Experiment, &id);
                (id, row)
            }
        }
    }

    pub(super) fn read(&mut self, kind: EntityKind, id: &str) -> Result<Plain> {
        match kind {
            EntityKind::Project => self.write.projects().get(&project_id(id)).map(|project| plain(&project)),
            EntityKind::Experiment => {
                self.write.experiments().get(&experiment_id(id)).map(|experiment| plain(&experiment))
            }
            _ => self.write.runs().get(&run_id(id)).map(|run| plain(&run)),
        }
    }

    /// The write sees what it did.
    pub(super) fn compare(&mut self, kind: EntityKind, id: &str) {
        let found = self.read(kind, id);
        let row = self.row(kind, id);
        let expected = row.and_then(|row| self.world.visible(kind, row, self.world.now())).map(|plain| &**plain);
        same(found, expected, &format!("{kind} {id:.40} inside the write"));
    }

    fn get(&mut self) -> std::result::Result<(), Left> {
        let kind = self.kind();
        let id = self.id(kind);
        self.compare(kind, &id);
        Ok(())
    }

    /// Takes what was created over into the model.
    fn created(&mut self, kind: EntityKind, parent: usize, wanted: &Wanted, id: &str) -> usize {
        let name = if wanted.name.is_empty() { self.read(kind, id).unwrap().name } else { wanted.name.clone() };
        self.world.create(kind, parent, wanted, id, &name)
    }

    fn create(&mut self, kind: EntityKind) -> std::result::Result<(), Left> {
        let wanted = generate::wanted(self.random, kind);
        let (parent_id, parent) = self.parent(kind);
        self.tell(format_args!("create {kind} {:.40?} {:.40?} under {parent_id:.40}", wanted.name, wanted.id));
        let errors = self.world.check_create(kind, parent, &wanted);
        let (result, operation) = match kind {
            EntityKind::Project => {
                let created = self.write.projects().create(generate::new_project(&wanted));
                (created.map(|id| id.to_string()), "project.create")
            }
            EntityKind::Experiment => {
                let parent = project_id(&parent_id);
                let created = self.write.experiments().create(&parent, generate::new_experiment(&wanted));
                (created.map(|id| id.to_string()), "experiment.create")
            }
            _ => {
                let parent = experiment_id(&parent_id);
                let created = self.write.runs().create(&parent, generate::new_run(&wanted));
                (created.map(|id| id.to_string()), "run.create")
            }
        };
        let id = agree(result, &errors)?;
        let row = self.created(kind, parent.unwrap(), &wanted, &id);
        self.world.end_creation(operation, kind, &[row]);
        self.compare(kind, &id);
        Ok(())
    }

    fn wanted_of_many(&mut self, kind: EntityKind) -> Wanted {
        if self.many < 20 || self.random.one_in(200) {
            // One that breaks a rule spoils the lot; so mostly none does.
            for _ in 0..8 {
                let wanted = generate::wanted(self.random, kind);
                if self.random.one_in(40) || self.world.check_create(kind, Some(0), &wanted).is_empty() {
                    return wanted;
                }
            }
        }
        let number = self.random.next();
        let metric = (format!("w{}", self.random.below(400)), Value::Int(number as i64));
        let metrics = if kind == EntityKind::Run { vec![metric] } else { Vec::new() };
        Wanted { name: format!("bulk {number:x}"), metrics, ..Wanted::default() }
    }

    fn create_many(&mut self, kind: EntityKind) -> std::result::Result<(), Left> {
        let count = self.random.below(self.many + 1);
        let all: Vec<Wanted> = (0..count).map(|_| self.wanted_of_many(kind)).collect();
        let (parent_id, parent) = self.parent(kind);
        self.tell(format_args!("create {count} {kind}s under {parent_id:.40}"));
        let (result, operation) = match kind {
            EntityKind::Project => {
                let created = self.write.projects().create_many(all.iter().map(generate::new_project));
                (created.map(|ids| ids.iter().map(ToString::to_string).collect::<Vec<_>>()), "project.create_many")
            }
            EntityKind::Experiment => {
                let new = all.iter().map(generate::new_experiment);
                let created = self.write.experiments().create_many(&project_id(&parent_id), new);
                (created.map(|ids| ids.iter().map(ToString::to_string).collect()), "experiment.create_many")
            }
            _ => {
                let created =
                    self.write.runs().create_many(&experiment_id(&parent_id), all.iter().map(generate::new_run));
                (created.map(|ids| ids.iter().map(ToString::to_string).collect()), "run.create_many")
            }
        };
        let Some(parent) = parent else {
            // An unknown parent is found before anything is created.
            agree(result, &[ErrorKind::NotFound])?;
            return Ok(());
        };
        match result {
            Ok(ids) => {
                assert_eq!(ids.len(), all.len());
                let mut rows = Vec::new();
                for (wanted, id) in all.iter().zip(&ids) {
                    let errors = self.world.check_create(kind, Some(parent), wanted);
                    assert!(errors.is_empty(), "one of many was created, and should be {errors:?}: {wanted:?}");
                    rows.push(self.created(kind, parent, wanted, id));
                }
                self.world.end_creation(operation, kind, &rows);
                if let Some(id) = ids.last() {
                    self.compare(kind, id);
                }
                Ok(())
            }
            Err(error) => {
                for (at, wanted) in all.iter().enumerate() {
                    let errors = self.world.check_create(kind, Some(parent), wanted);
                    if errors.is_empty() {
                        // What the store drew is not known, nor needed: the write is taken back.
                        let id = if wanted.id.is_empty() { format!("lost {at}") } else { wanted.id.clone() };
                        let lost = format!("lost-{at}-x");
                        let name = if wanted.name.is_empty() { &lost } else { &wanted.name };
                        self.world.create(kind, parent, wanted, &id, name);
                        continue;
                    }
                    assert!(errors.contains(&error.kind()), "{error}, and should be one of {errors:?}");
                    return Err(if at == 0 { Left::Whole(Some(error)) } else { Left::Half(error) });
                }
                panic!("creating many failed, and none breaks a rule: {error}");
            }
        }
    }

    fn get_or_create(&mut self) -> std::result::Result<(), Left> {
        let kind = self.kind();
        let (parent_id, parent) = self.parent(kind);
        let mut name = generate::name(self.random);
        if self.random.percent(60) {
            // One that is there, perhaps.
            let id = self.id(kind);
            if let Some(row) = self.world.row(kind, &id) {
                name = self.world.version(kind, row, self.world.now()).unwrap().plain.name.clone();
            }
        }
        self.tell(format_args!("get or create {kind} {name:.40?} under {parent_id:.40}"));
        let found = parent.and_then(|parent| self.world.named(kind, parent, "", &name, self.world.now()));
        let found = found.filter(|_| !name.is_empty());
        let wanted = Wanted { name: name.clone(), ..Wanted::default() };
        let errors = match (parent, found) {
            (Some(_), Some(_)) => vec![],
            _ => self.world.check_create(kind, parent, &wanted),
        };
        let (result, operation) = match kind {
            EntityKind::Project => {
                (self.write.projects().get_or_create(&name).map(|id| id.to_string()), "project.create")
            }
            EntityKind::Experiment => {
                let got = self.write.experiments().get_or_create(&project_id(&parent_id), &name);
                (got.map(|id| id.to_string()), "experiment.create")
            }
            _ => {
                let got = self.write.runs().get_or_create(&experiment_id(&parent_id), &name);
                (got.map(|id| id.to_string()), "run.create")
            }
        };
        let id = agree(result, &errors)?;
        match found {
            Some(row) => assert_eq!(id, self.world.entities[index(kind)][row].versions[0].plain.id),
            None => {
                let row = self.created(kind, parent.unwrap(), &wanted, &id);
                self.world.end_creation(operation, kind, &[row]);
            }
        }
        self.compare(kind, &id);
        Ok(())
    }

    fn rename(&mut self) -> std::result::Result<(), Left> {
        let kind = self.kind();
        let id = self.id(kind);
        let name = if self.random.one_in(30) { " \t".to_owned() } else { generate::name(self.random) };
        self.tell(format_args!("rename {kind} {id:.40} to {name:.40?}"));
        let row = self.row(kind, &id);
        let mut errors = self.there(kind, &id);
        if kind == EntityKind::Run {
            // Neither uniqueness nor length is checked.
            if name.trim().is_empty() {
                errors.push(ErrorKind::InvalidArgument);
            }
        } else {
            if name.chars().count() > 256 {
                errors.push(ErrorKind::InvalidArgument);
            }
            if let Some(row) = row {
                let plain = self.world.visible(kind, row, self.world.now()).unwrap();
                let parent = self.world.entities[index(kind)][row].parent;
                let other = self.world.named(kind, parent, &plain.workspace, &name, self.world.now());
                if other.is_some_and(|other| other != row) {
                    errors.push(ErrorKind::AlreadyExists);
                }
            }
        }
        let (result, operation) = match kind {
            EntityKind::Project => (self.write.projects().rename(&project_id(&id), &name), "project.rename"),
            EntityKind::Experiment => {
                (self.write.experiments().rename(&experiment_id(&id), &name), "experiment.rename")
            }
            _ => (self.write.runs().rename(&run_id(&id), &name), "run.rename"),
        };
        agree(result, &errors)?;
        let name = if name.is_empty() {
            let name = self.read(kind, &id).unwrap().name;
            assert_eq!(name.split('-').count(), 3, "a name of three words: {name}");
            name
        } else {
            name
        };
        self.edit(operation, kind, &id, |plain| plain.name = name);
        Ok(())
    }

    pub(super) fn edit(
        &mut self,
        operation: &'static str,
        kind: EntityKind,
        id: &str,
        change: impl FnOnce(&mut Plain),
    ) {
        let row = self.row(kind, id).unwrap();
        self.world.edit(operation, kind, row, |plain, _| change(plain));
        self.compare(kind, id);
    }

    fn describe(&mut self) -> std::result::Result<(), Left> {
        let kind = self.kind();
        let id = self.id(kind);
        let text = generate::text(self.random);
        self.tell(format_args!("describe {kind} {id:.40}"));
        let errors = self.there(kind, &id);
        let (result, operation) = match kind {
            EntityKind::Project => (self.write.projects().describe(&project_id(&id), text.clone()), "project.describe"),
            EntityKind::Experiment => {
                (self.write.experiments().describe(&experiment_id(&id), text.clone()), "experiment.describe")
            }
            _ => (self.write.runs().describe(&run_id(&id), text.clone()), "run.describe"),
        };
        agree(result, &errors)?;
        self.edit(operation, kind, &id, |plain| plain.description = text);
        Ok(())
    }

    fn add_tags(&mut self) -> std::result::Result<(), Left> {
        let kind = self.kind();
        let id = self.id(kind);
        let tags = generate::tags(self.random, 3);
        self.tell(format_args!("add tags {tags:?} to {kind} {id:.40}"));
        let errors = World::check_add_tags(&tags, self.row(kind, &id).is_some());
        let (result, operation) = match kind {
            EntityKind::Project => (self.write.projects().add_tags(&project_id(&id), tags.clone()), "project.add_tags"),
            EntityKind::Experiment => {
                (self.write.experiments().add_tags(&experiment_id(&id), tags.clone()), "experiment.add_tags")
            }
            _ => (self.write.runs().add_tags(&run_id(&id), tags.clone()), "run.add_tags"),
        };
        agree(result, &errors)?;
        self.edit(operation, kind, &id, |plain| {
            plain.tags.extend(tags);
            plain.tags.sort();
            plain.tags.dedup();
        });
        Ok(())
    }

    fn log(&mut self) -> std::result::Result<(), Left> {
        let kind = self.kind();
        let id = self.id(kind);
        let entries = generate::entries(self.random, 4);
        let container = if kind == EntityKind::Run { self.random.below(3) } else { 0 };
        self.tell(format_args!("log {} entries {container} on {kind} {id:.40}", entries.len()));
        let row = self.row(kind, &id);
        let present = row.map(|row| {
            let plain = self.world.visible(kind, row, self.world.now()).unwrap();
            [&plain.attributes, &plain.hyperparameters, &plain.metrics][container]
        });
        let errors = World::check_log(&entries, present);
        let given = entries.clone();
        let (result, operation) = match (kind, container) {
            (EntityKind::Project, _) => {
                (self.write.projects().log_attributes(&project_id(&id), given), "project.log_attributes")
            }
            (EntityKind::Experiment, _) => {
                (self.write.experiments().log_attributes(&experiment_id(&id), given), "experiment.log_attributes")
            }
            (_, 0) => (self.write.runs().log_attributes(&run_id(&id), given), "run.log_attributes"),
            (_, 1) => (self.write.runs().log_hyperparameters(&run_id(&id), given), "run.log_hyperparameters"),
            _ => match given.as_slice() {
                [(key, value)] => (self.write.runs().log_metric(&run_id(&id), key.clone(), value), "run.log_metrics"),
                _ => (self.write.runs().log_metrics(&run_id(&id), given), "run.log_metrics"),
            },
        };
        agree(result, &errors)?;
        self.edit(operation, kind, &id, |plain| {
            let logged = [&mut plain.attributes, &mut plain.hyperparameters, &mut plain.metrics];
            logged.into_iter().nth(container).unwrap().extend(vals(&entries));
        });
        Ok(())
    }

    fn code_version(&mut self) -> std::result::Result<(), Left> {
        let kind = self.kind();
        let id = self.id(kind);
        let code = generate::code(self.random);
        let overwrite = kind == EntityKind::Run && self.random.percent(50);
        self.tell(format_args!("log code version of {kind} {id:.40}, overwrite {overwrite}"));
        let mut errors = self.there(kind, &id);
        let row = self.row(kind, &id);
        let logged = row.and_then(|row| self.world.visible(kind, row, self.world.now())?.code.as_ref());
        if logged.is_some() && !overwrite {
            errors.push(ErrorKind::AlreadyExists);
        }
        let given = code.clone();
        let (result, operation) = match kind {
            EntityKind::Project => {
                (self.write.projects().log_code_version(&project_id(&id), given), "project.log_code_version")
            }
            EntityKind::Experiment => {
                (self.write.experiments().log_code_version(&experiment_id(&id), given), "experiment.log_code_version")
            }
            _ if overwrite => (self.write.runs().set_code_version(&run_id(&id), given), "run.set_code_version"),
            _ => (self.write.runs().log_code_version(&run_id(&id), given), "run.log_code_version"),
        };
        agree(result, &errors)?;
        self.edit(operation, kind, &id, |plain| plain.code = Some(code));
        Ok(())
    }

    fn environment(&mut self) -> std::result::Result<(), Left> {
        let id = self.id(EntityKind::Run);
        let environment = generate::environment(self.random);
        self.tell(format_args!("log environment of run {id:.40}"));
        let errors = self.there(EntityKind::Run, &id);
        agree(self.write.runs().set_environment(&run_id(&id), environment.clone()), &errors)?;
        self.edit("run.set_environment", EntityKind::Run, &id, |plain| plain.environment = Some(sorted(environment)));
        Ok(())
    }

    fn start_or_end(&mut self) -> std::result::Result<(), Left> {
        let id = self.id(EntityKind::Run);
        let time = generate::time(self.random);
        let start = self.random.percent(50);
        self.tell(format_args!("run {id:.40} begins ({start}) or ends at {time}"));
        let errors = self.there(EntityKind::Run, &id);
        let (when, kept) = (Timestamp::from_millis(time), Some(time).filter(|time| *time != 0));
        if start {
            agree(self.write.runs().start(&run_id(&id), when), &errors)?;
            self.edit("run.start", EntityKind::Run, &id, |plain| plain.start = kept);
        } else {
            agree(self.write.runs().end(&run_id(&id), when), &errors)?;
            self.edit("run.end", EntityKind::Run, &id, |plain| plain.end = kept);
        }
        Ok(())
    }

    fn delete(&mut self) -> std::result::Result<(), Left> {
        // A project takes much with it.
        let kind = match self.random.below(40) {
            0 => EntityKind::Project,
            1..=3 => EntityKind::Experiment,
            _ => EntityKind::Run,
        };
        let id = self.id(kind);
        self.tell(format_args!("delete {kind} {id:.40}"));
        let errors = match kind {
            // One that is not there is ignored.
            EntityKind::Experiment => vec![],
            _ => self.there(kind, &id),
        };
        let (result, operation) = match kind {
            EntityKind::Project => (self.write.projects().delete(&project_id(&id)), "project.delete"),
            EntityKind::Experiment => (self.write.experiments().delete(&experiment_id(&id)), "experiment.delete"),
            _ => (self.write.runs().delete(&run_id(&id)), "run.delete"),
        };
        agree(result, &errors)?;
        let Some(row) = self.row(kind, &id) else { return Ok(()) };
        self.world.edit(operation, kind, row, |_, deleted| *deleted = true);
        self.compare(kind, &id);
        Ok(())
    }
}
