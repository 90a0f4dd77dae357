//! The model: vectors and maps with the rules, every state there ever was, and no storage.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;

use modeldb::{EntityKind, Environment, EnvironmentContent, ErrorKind, OwnerTracking, Value};

use super::plain::{Plain, Val, Vals, Wanted};

pub(crate) const KINDS: [EntityKind; 3] = [EntityKind::Project, EntityKind::Experiment, EntityKind::Run];

pub(crate) fn index(kind: EntityKind) -> usize {
    KINDS.iter().position(|other| *other == kind).unwrap()
}

/// What an entity was from a commit on.
pub(crate) struct Version {
    pub(crate) sequence: u64,
    pub(crate) plain: Rc<Plain>,
    pub(crate) deleted: bool,
}

pub(crate) struct Entity {
    /// Row of the parent within its kind; 0 for a project.
    pub(crate) parent: usize,
    pub(crate) versions: Vec<Version>,
    /// Each change: its commit and the operation that made it.
    pub(crate) changes: Vec<(u64, &'static str)>,
}

#[derive(Clone)]
pub(crate) struct Commit {
    pub(crate) time: i64,
    pub(crate) actor: String,
    pub(crate) write_id: String,
    /// Names of operations with their numbers of changes.
    pub(crate) operations: Vec<(String, u32)>,
}

struct Pending {
    time: i64,
    actor: String,
    rows: [usize; 3],
    touched: BTreeSet<(usize, usize)>,
    operations: Vec<(String, u32)>,
}

#[derive(Default)]
pub(crate) struct World {
    pub(crate) entities: [Vec<Entity>; 3],
    by_id: [HashMap<String, usize>; 3],
    /// Rows that ever had a name under a parent; more than true, so each is looked at.
    names: HashMap<(usize, usize, String), Vec<usize>>,
    children: HashMap<(usize, usize), Vec<usize>>,
    pub(crate) commits: Vec<Commit>,
    pub(crate) writes: HashMap<String, u64>,
    /// Keys of all attributes, metrics and hyperparameters that were ever committed.
    pub(crate) keys: BTreeSet<String>,
    pending: Option<Pending>,
}

impl World {
    pub(crate) fn head(&self) -> u64 {
        self.commits.len() as u64
    }

    pub(crate) fn last_time(&self) -> i64 {
        self.commits.last().map_or(0, |commit| commit.time)
    }

    /// The last commit made at `time` or before it.
    pub(crate) fn at_time(&self, time: i64, last: u64) -> u64 {
        self.commits[..last as usize].iter().rposition(|commit| commit.time <= time).map_or(0, |at| at as u64 + 1)
    }

    // A write.

    pub(crate) fn begin(&mut self, now: i64, actor: &str) {
        assert!(self.pending.is_none());
        // Before the first commit there is none to stay behind.
        let time = now.max(self.last_time());
        self.pending = Some(Pending {
            time,
            actor: actor.to_owned(),
            rows: KINDS.map(|kind| self.entities[index(kind)].len()),
            touched: BTreeSet::new(),
            operations: Vec::new(),
        });
    }

    pub(crate) fn time(&self) -> i64 {
        self.pending.as_ref().unwrap().time
    }

    /// The sequence number by which to see the write in progress.
    pub(crate) fn now(&self) -> u64 {
        self.head() + u64::from(self.pending.is_some())
    }

    pub(crate) fn has_changes(&self) -> bool {
        self.pending.as_ref().is_some_and(|pending| !pending.operations.is_empty())
    }

    /// Answers the entities the write touched.
    pub(crate) fn commit(&mut self, write_id: &str) -> Vec<(EntityKind, usize)> {
        let pending = self.pending.take().unwrap();
        assert!(!pending.operations.is_empty());
        self.commits.push(Commit {
            time: pending.time,
            actor: pending.actor,
            write_id: write_id.to_owned(),
            operations: pending.operations,
        });
        if !write_id.is_empty() {
            self.writes.insert(write_id.to_owned(), self.head());
        }
        for &(kind, row) in &pending.touched {
            let plain = Rc::clone(&self.entities[kind][row].versions.last().unwrap().plain);
            for entries in [&plain.attributes, &plain.hyperparameters, &plain.metrics] {
                for key in entries.keys() {
                    if !self.keys.contains(key) {
                        self.keys.insert(key.clone());
                    }
                }
            }
        }
        pending.touched.into_iter().map(|(kind, row)| (KINDS[kind], row)).collect()
    }

    pub(crate) fn roll_back(&mut self) {
        let now = self.now();
        let pending = self.pending.take().unwrap();
        for &(kind, row) in pending.touched.iter().rev() {
            let entity = &mut self.entities[kind][row];
            entity.versions.retain(|version| version.sequence < now);
            entity.changes.retain(|(sequence, _)| *sequence < now);
            if entity.versions.is_empty() {
                assert!(row >= pending.rows[kind]);
                let parent = entity.parent;
                self.children.get_mut(&(kind, parent)).unwrap().pop();
            }
        }
        for (kind, rows) in pending.rows.into_iter().enumerate() {
            self.entities[kind].truncate(rows);
            if !pending.touched.range((kind, rows)..(kind + 1, 0)).count().eq(&0) {
                self.by_id[kind].retain(|_, row| *row < rows);
            }
        }
    }

    // Looking.

    /// The entity in `row` as of `at`, deleted or not.
    pub(crate) fn version(&self, kind: EntityKind, row: usize, at: u64) -> Option<&Version> {
        let versions = &self.entities[index(kind)].get(row)?.versions;
        let after = versions.partition_point(|version| version.sequence <= at);
        after.checked_sub(1).map(|last| &versions[last])
    }

    /// The entity in `row` as of `at`, if nothing hides it.
    pub(crate) fn visible(&self, kind: EntityKind, row: usize, at: u64) -> Option<&Rc<Plain>> {
        let version = self.version(kind, row, at).filter(|version| !version.deleted)?;
        let parent = self.entities[index(kind)][row].parent;
        let above = match kind {
            EntityKind::Project => true,
            EntityKind::Experiment => self.visible(EntityKind::Project, parent, at).is_some(),
            _ => self.visible(EntityKind::Experiment, parent, at).is_some(),
        };
        above.then_some(&version.plain)
    }

    /// The entity in `row` as a snapshot shows it: with the date of the newest of what is under it.
    pub(crate) fn shown(&self, kind: EntityKind, row: usize, at: u64) -> Option<Plain> {
        let plain = self.visible(kind, row, at)?;
        Some(Plain { updated: self.latest(kind, row, at).unwrap(), ..(**plain).clone() })
    }

    /// The latest date of an entity and of all under it, deleted ones too.
    fn latest(&self, kind: EntityKind, row: usize, at: u64) -> Option<i64> {
        let own = self.version(kind, row, at)?.plain.updated;
        let under = match kind {
            EntityKind::Project => EntityKind::Experiment,
            EntityKind::Experiment => EntityKind::Run,
            _ => return Some(own),
        };
        let rows = self.children.get(&(index(under), row)).map(Vec::as_slice).unwrap_or_default();
        rows.iter().filter_map(|row| self.latest(under, *row, at)).chain([own]).max()
    }

    pub(crate) fn row(&self, kind: EntityKind, id: &str) -> Option<usize> {
        self.by_id[index(kind)].get(id).copied()
    }

    pub(crate) fn visible_row(&self, kind: EntityKind, id: &str, at: u64) -> Option<usize> {
        self.row(kind, id).filter(|row| self.visible(kind, *row, at).is_some())
    }

    /// The visible children of a parent, in order of creation; all projects are under 0.
    pub(crate) fn children(&self, kind: EntityKind, parent: usize, at: u64) -> Vec<usize> {
        let rows = self.children.get(&(index(kind), parent)).map(Vec::as_slice).unwrap_or_default();
        rows.iter().copied().filter(|row| self.visible(kind, *row, at).is_some()).collect()
    }

    pub(crate) fn runs_below(&self, project: usize, at: u64) -> Vec<usize> {
        let experiments = self.children(EntityKind::Experiment, project, at);
        let mut runs: Vec<usize> =
            experiments.into_iter().flat_map(|row| self.children(EntityKind::Run, row, at)).collect();
        runs.sort_unstable();
        runs
    }

    /// The visible entity of a name; of several the one updated last, then the newest.
    pub(crate) fn named(&self, kind: EntityKind, parent: usize, workspace: &str, name: &str, at: u64) -> Option<usize> {
        let rows = self.names.get(&(index(kind), parent, name.to_owned()))?;
        let found = rows.iter().copied().filter(|row| {
            self.visible(kind, *row, at).is_some_and(|plain| {
                plain.name == name && plain.workspace == workspace && self.entities[index(kind)][*row].parent == parent
            })
        });
        found.max_by_key(|row| (self.version(kind, *row, at).unwrap().plain.updated, *row))
    }

    // Rules. Where several are broken at once, any of their errors will do.

    fn check_entries(entries: &[(String, Value)], errors: &mut Vec<ErrorKind>) {
        let keys: BTreeSet<&str> = entries.iter().map(|(key, _)| key.as_str()).collect();
        if keys.len() < entries.len() || keys.contains("") {
            errors.push(ErrorKind::InvalidArgument);
        }
        if entries.iter().any(|(_, value)| depth(value) > 128) {
            errors.push(ErrorKind::LimitExceeded);
        }
    }

    fn check_tags(tags: &[String], errors: &mut Vec<ErrorKind>) {
        if tags.iter().any(|tag| tag.is_empty() || tag.chars().count() > 40) {
            errors.push(ErrorKind::InvalidArgument);
        }
    }

    /// Errors creating `wanted` under `parent` must meet one of; none if it must succeed.
    pub(crate) fn check_create(&self, kind: EntityKind, parent: Option<usize>, wanted: &Wanted) -> Vec<ErrorKind> {
        let mut errors = Vec::new();
        Self::check_tags(&wanted.tags, &mut errors);
        for entries in [&wanted.attributes, &wanted.hyperparameters, &wanted.metrics] {
            Self::check_entries(entries, &mut errors);
        }
        let artifacts: BTreeSet<&str> = wanted.artifacts.iter().map(|artifact| artifact.key.as_str()).collect();
        if artifacts.len() < wanted.artifacts.len()
            || artifacts.contains("")
            || wanted.artifacts.iter().any(|artifact| artifact.path_only && artifact.path.is_empty())
            || wanted.features.contains(&String::new())
        {
            errors.push(ErrorKind::InvalidArgument);
        }
        if wanted.name.chars().count() > 256 {
            errors.push(ErrorKind::InvalidArgument);
        }
        if self.by_id[index(kind)].contains_key(&wanted.id) {
            errors.push(ErrorKind::AlreadyExists);
        }
        match parent {
            None => errors.push(ErrorKind::NotFound),
            Some(parent) => {
                if !wanted.name.is_empty()
                    && self.named(kind, parent, &wanted.workspace, &wanted.name, self.now()).is_some()
                {
                    errors.push(ErrorKind::AlreadyExists);
                }
            }
        }
        errors
    }

    /// Creates what was checked, with the id and the name the store gave it.
    pub(crate) fn create(&mut self, kind: EntityKind, parent: usize, wanted: &Wanted, id: &str, name: &str) -> usize {
        let now = self.now();
        let at = index(kind);
        if !wanted.id.is_empty() {
            assert_eq!(id, wanted.id);
        }
        if wanted.name.is_empty() {
            assert_eq!(name.split('-').count(), 3, "a name of three words: {name}");
            assert!(self.named(kind, parent, &wanted.workspace, name, now).is_none());
        } else {
            assert_eq!(name, wanted.name);
        }
        assert!(!self.by_id[at].contains_key(id), "the id {id} is given twice");
        let (project, experiment) = match kind {
            EntityKind::Project => (id.to_owned(), String::new()),
            EntityKind::Experiment => {
                (self.version(EntityKind::Project, parent, now).unwrap().plain.id.clone(), id.to_owned())
            }
            _ => {
                let parent = &self.version(EntityKind::Experiment, parent, now).unwrap().plain;
                (parent.project.clone(), parent.id.clone())
            }
        };
        let pending = self.pending.as_mut().unwrap();
        let created = if wanted.created == 0 { pending.time } else { wanted.created };
        let owned_by_group = matches!(wanted.owner_tracking, Some(OwnerTracking::Group(_)));
        let owner = if wanted.owner.is_empty() && !owned_by_group { &pending.actor } else { &wanted.owner };
        let mut artifacts = wanted.artifacts.clone();
        artifacts.sort_by(|a, b| a.key.cmp(&b.key));
        artifacts.iter_mut().for_each(|artifact| stored_artifact(kind, id, artifact));
        let features: BTreeSet<String> = wanted.features.iter().cloned().collect();
        let plain = Plain {
            id: id.to_owned(),
            project,
            experiment,
            name: name.to_owned(),
            description: wanted.description.clone(),
            created,
            // A run's date is of now (tracking 4.3), the others' that of creation (4.1, 4.2).
            updated: if kind == EntityKind::Run { created.max(pending.time) } else { created },
            version: 1,
            tags: wanted.tags.iter().cloned().collect::<BTreeSet<_>>().into_iter().collect(),
            attributes: vals(&wanted.attributes),
            hyperparameters: vals(&wanted.hyperparameters),
            metrics: vals(&wanted.metrics),
            owner: owner.clone(),
            owner_tracking: wanted.owner_tracking.clone(),
            workspace: wanted.workspace.clone(),
            short_name: if kind == EntityKind::Project { short_name(name) } else { String::new() },
            readme: wanted.readme.clone(),
            code: wanted.code.clone(),
            environment: wanted.environment.clone().map(sorted),
            start: Some(wanted.start).filter(|time| *time != 0),
            end: Some(wanted.end).filter(|time| *time != 0),
            features: features.into_iter().collect(),
            artifacts,
            code_version: wanted.code_version.clone(),
            parent: wanted.parent.clone(),
            ..Plain::new(kind)
        };
        self.adopt(kind, parent, plain)
    }

    /// Takes a new entity in as it is.
    pub(crate) fn adopt(&mut self, kind: EntityKind, parent: usize, plain: Plain) -> usize {
        let (at, now) = (index(kind), self.now());
        let row = self.entities[at].len();
        self.pending.as_mut().unwrap().touched.insert((at, row));
        self.by_id[at].insert(plain.id.clone(), row);
        self.names.entry((at, parent, plain.name.clone())).or_default().push(row);
        self.children.entry((at, parent)).or_default().push(row);
        self.entities[at].push(Entity {
            parent,
            versions: vec![Version { sequence: now, plain: Rc::new(plain), deleted: false }],
            changes: Vec::new(),
        });
        row
    }

    /// Tells of an operation that created `rows`.
    pub(crate) fn end_creation(&mut self, operation: &'static str, kind: EntityKind, rows: &[usize]) {
        let rows: Vec<_> = rows.iter().map(|row| (kind, *row)).collect();
        self.end_changes(operation, &rows);
    }

    /// Tells of an operation that changed each of `rows` once.
    pub(crate) fn end_changes(&mut self, operation: &'static str, rows: &[(EntityKind, usize)]) {
        let now = self.now();
        for (kind, row) in rows {
            self.entities[index(*kind)][*row].changes.push((now, operation));
        }
        if !rows.is_empty() {
            self.pending.as_mut().unwrap().operations.push((operation.to_owned(), rows.len() as u32));
        }
    }

    /// Who makes the write in progress.
    pub(crate) fn actor(&self) -> String {
        self.pending.as_ref().unwrap().actor.clone()
    }

    /// One operation on a visible entity: `change` makes it another, or leaves it as it is.
    pub(crate) fn edit(
        &mut self,
        operation: &'static str,
        kind: EntityKind,
        row: usize,
        change: impl FnOnce(&mut Plain, &mut bool),
    ) {
        if self.change(kind, row, change) {
            self.end_changes(operation, &[(kind, row)]);
        }
    }

    /// A part of an operation: answers whether `change` made the entity another.
    pub(crate) fn change(&mut self, kind: EntityKind, row: usize, change: impl FnOnce(&mut Plain, &mut bool)) -> bool {
        let now = self.now();
        let pending = self.pending.as_mut().unwrap();
        let entity = &mut self.entities[index(kind)][row];
        let last = entity.versions.last().unwrap();
        let (mut plain, mut deleted) = ((*last.plain).clone(), last.deleted);
        change(&mut plain, &mut deleted);
        if plain == *last.plain && deleted == last.deleted {
            return false;
        }
        plain.version += 1;
        plain.updated = plain.updated.max(pending.time);
        if plain.name != last.plain.name {
            let key = (index(kind), entity.parent, plain.name.clone());
            self.names.entry(key).or_default().push(row);
        }
        if last.sequence == now {
            entity.versions.pop();
        }
        entity.versions.push(Version { sequence: now, plain: Rc::new(plain), deleted });
        pending.touched.insert((index(kind), row));
        true
    }

    /// Errors of logging `entries` over those that are `present`.
    pub(crate) fn check_log(entries: &[(String, Value)], present: Option<&Vals>) -> Vec<ErrorKind> {
        let mut errors = Vec::new();
        Self::check_entries(entries, &mut errors);
        match present {
            None => errors.push(ErrorKind::NotFound),
            Some(present) if entries.iter().any(|(key, _)| present.contains_key(key)) => {
                errors.push(ErrorKind::AlreadyExists);
            }
            Some(_) => {}
        }
        errors
    }

    pub(crate) fn check_add_tags(tags: &[String], there: bool) -> Vec<ErrorKind> {
        let mut errors = Vec::new();
        Self::check_tags(tags, &mut errors);
        if tags.is_empty() {
            errors.push(ErrorKind::InvalidArgument);
        }
        if !there {
            errors.push(ErrorKind::NotFound);
        }
        errors
    }
}

fn depth(value: &Value) -> usize {
    match value {
        Value::List(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Map(items) => 1 + items.values().map(depth).max().unwrap_or(0),
        _ => 1,
    }
}

pub(crate) fn vals(entries: &[(String, Value)]) -> Vals {
    use modeldb::ValueType;
    let declared = |value: &Value| match value {
        Value::Int(_) | Value::Float(_) => ValueType::Number,
        Value::List(_) => ValueType::List,
        Value::Map(_) => ValueType::Blob,
        _ => ValueType::String,
    };
    let vals: BTreeMap<_, _> =
        entries.iter().map(|(key, value)| (key.clone(), (Val::of(value), declared(value)))).collect();
    vals
}

/// An empty path becomes that of the layout (tracking 7.2), and nothing is left to upload.
pub(crate) fn stored_artifact(kind: EntityKind, id: &str, artifact: &mut modeldb::Artifact) {
    if artifact.path.is_empty() {
        let entity = ["ProjectEntity", "ExperimentEntity", "ExperimentRunEntity"][index(kind)];
        artifact.path = format!("{entity}/{id}/{}", artifact.key);
        let end = format!(".{}", artifact.filename_extension);
        if end != "." && !artifact.key.ends_with(&end) {
            artifact.path.push_str(&end);
        }
    }
    artifact.upload_completed = true;
}

/// Requirements and constraints are kept by library, equal ones in their order.
pub(crate) fn sorted(mut environment: Environment) -> Environment {
    if let Some(EnvironmentContent::Python(python)) = &mut environment.content {
        python.requirements.sort_by(|a, b| a.library.cmp(&b.library));
        python.constraints.sort_by(|a, b| a.library.cmp(&b.library));
    }
    environment
}

/// Every run of characters outside `A-Z a-z 0-9 _ . -` becomes one dash. Longer ones than 40 end in a digest,
/// which has its own test; here only their length and beginning are told.
fn short_name(name: &str) -> String {
    let mut short = String::new();
    let mut outside = false;
    for char in name.chars() {
        let inside = matches!(char, 'A'..='Z' | 'a'..='z' | '0'..='9' | '_' | '.' | '-');
        if inside {
            short.push(char);
        } else if !outside {
            short.push('-');
        }
        outside = !inside;
    }
    cut_short_name(&short)
}

pub(crate) fn cut_short_name(short: &str) -> String {
    if short.chars().count() > 40 { format!("{}...", &short[..10]) } else { short.to_owned() }
}
