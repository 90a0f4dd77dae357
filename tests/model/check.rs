//! Comparing a snapshot, of now or of the past, with the model.

use std::str::FromStr;

use modeldb::{
    Cursor, EntityId, EntityKind, ErrorKind, ExperimentId, Listed, Listing, ProjectId, Result, Run, RunGuard, RunId,
    Snapshot, Timestamp,
};

use super::plain::{Plain, Val};
use super::world::{World, cut_short_name, index};
use crate::support::random::Random;

pub(crate) fn project_id(id: &str) -> ProjectId {
    ProjectId::new(id).unwrap()
}

pub(crate) fn experiment_id(id: &str) -> ExperimentId {
    ExperimentId::new(id).unwrap()
}

pub(crate) fn run_id(id: &str) -> RunId {
    RunId::new(id).unwrap()
}

/// An entity as the store returned it.
pub(crate) fn plain<'a, T>(entity: &'a T) -> Plain
where
    Plain: From<&'a T>,
{
    let mut plain = Plain::from(entity);
    plain.short_name = cut_short_name(&plain.short_name);
    plain
}

/// Asserts that what was found is what the model has.
pub(crate) fn same(found: Result<Plain>, expected: Option<&Plain>, what: &str) {
    match (found, expected) {
        (Ok(found), Some(expected)) => assert_eq!(&found, expected, "{what}"),
        (Err(error), None) => assert_eq!(error.kind(), ErrorKind::NotFound, "{what}: {error}"),
        (Ok(found), None) => panic!("{what}: {} is there, and should not", found.id),
        (Err(error), Some(expected)) => panic!("{what}: {} is missing: {error}", expected.id),
    }
}

/// The snapshot against the model as of `at`.
pub(crate) struct Check<'a> {
    pub(crate) world: &'a World,
    pub(crate) snapshot: &'a Snapshot,
    pub(crate) at: u64,
}

impl Check<'_> {
    /// An entity by id, by name, and through its view.
    pub(crate) fn entity(&self, kind: EntityKind, row: usize) {
        let (world, at) = (self.world, self.at);
        let entity = &world.entities[index(kind)][row];
        let id = entity.versions[0].plain.id.as_str();
        let shown = world.shown(kind, row, at);
        let expected = shown.as_ref();
        let what = format!("{kind} {row} {:.40} as of {at}", id);
        match kind {
            EntityKind::Project => {
                same(self.snapshot.projects().get(&project_id(id)).map(|project| plain(&project)), expected, &what);
            }
            EntityKind::Experiment => {
                let found = self.snapshot.experiments().get(&experiment_id(id));
                same(found.map(|experiment| plain(&experiment)), expected, &what);
            }
            _ => {
                same(self.snapshot.runs().get(&run_id(id)).map(|run| plain(&run)), expected, &what);
                match (self.snapshot.runs().view(&run_id(id)), expected) {
                    (Ok(guard), Some(expected)) => view(&guard, expected),
                    (Err(error), None) => assert_eq!(error.kind(), ErrorKind::NotFound, "{what}"),
                    (guard, _) => panic!("{what}: the view says {:?}", guard.err()),
                }
            }
        }
        if let Some(version) = world.version(kind, row, at) {
            let name = version.plain.name.clone();
            self.name(kind, entity.parent, &version.plain.workspace, &name);
        }
    }

    /// What a name leads to, whoever has it.
    pub(crate) fn name(&self, kind: EntityKind, parent: usize, workspace: &str, name: &str) {
        let (world, at) = (self.world, self.at);
        let row = world.named(kind, parent, workspace, name, at);
        let shown = row.and_then(|row| world.shown(kind, row, at));
        let expected = shown.as_ref();
        let what = format!("{kind} named {name:.40?} under {parent} as of {at}");
        let parent_id = |kind| world.entities[index(kind)][parent].versions[0].plain.id.as_str();
        match kind {
            EntityKind::Project => {
                let found = self.snapshot.projects().get_by_name_in(workspace, name);
                same(found.map(|project| plain(&project)), expected, &what);
                if workspace.is_empty() {
                    let found = self.snapshot.projects().get_by_name(name);
                    same(found.map(|project| plain(&project)), expected, &what);
                }
            }
            EntityKind::Experiment => {
                let project = project_id(parent_id(EntityKind::Project));
                let found = self.snapshot.experiments().get_by_name(&project, name);
                same(found.map(|experiment| plain(&experiment)), expected, &what);
            }
            _ => {
                let experiment = experiment_id(parent_id(EntityKind::Experiment));
                let found = self.snapshot.runs().get_by_name(&experiment, name);
                same(found.map(|run| plain(&run)), expected, &what);
            }
        }
    }

    /// Every entity, or a sample of so many.
    pub(crate) fn entities(&self, random: &mut Random, most: usize) {
        for kind in super::world::KINDS {
            let rows = self.world.entities[index(kind)].len();
            for step in 0..rows.min(most) {
                self.entity(kind, if rows <= most { step } else { random.below(rows) });
            }
        }
    }

    pub(crate) fn projects(&self, random: &mut Random) {
        let rows = self.world.children(EntityKind::Project, 0, self.at);
        self.listing(EntityKind::Project, self.snapshot.projects().list(), &rows, random);
    }

    /// What stands under the project in `row`.
    pub(crate) fn under_project(&self, row: usize, random: &mut Random) {
        let id = project_id(&self.world.entities[0][row].versions[0].plain.id);
        let experiments = self.snapshot.experiments().list(&id);
        let runs = self.snapshot.runs().list_in_project(&id);
        if self.world.visible(EntityKind::Project, row, self.at).is_none() {
            assert_eq!(experiments.err().unwrap().kind(), ErrorKind::NotFound);
            assert_eq!(runs.err().unwrap().kind(), ErrorKind::NotFound);
            return;
        }
        let rows = self.world.children(EntityKind::Experiment, row, self.at);
        self.listing(EntityKind::Experiment, experiments.unwrap(), &rows, random);
        let rows = self.world.runs_below(row, self.at);
        self.listing(EntityKind::Run, runs.unwrap(), &rows, random);
    }

    pub(crate) fn under_experiment(&self, row: usize, random: &mut Random) {
        let id = experiment_id(&self.world.entities[1][row].versions[0].plain.id);
        let runs = self.snapshot.runs().list(&id);
        if self.world.visible(EntityKind::Experiment, row, self.at).is_none() {
            assert_eq!(runs.err().unwrap().kind(), ErrorKind::NotFound);
            return;
        }
        let rows = self.world.children(EntityKind::Run, row, self.at);
        self.listing(EntityKind::Run, runs.unwrap(), &rows, random);
    }

    fn listing<T: Listed>(&self, kind: EntityKind, listing: Listing<T>, rows: &[usize], random: &mut Random)
    where
        Plain: for<'a> From<&'a T>,
    {
        let mut expected: Vec<Plain> = rows.iter().map(|row| self.world.shown(kind, *row, self.at).unwrap()).collect();
        assert_eq!(listing.count().unwrap(), expected.len() as u64, "{kind}s as of {}", self.at);
        let newest_first = random.percent(50);
        let listing = if newest_first { listing.newest_first() } else { listing };
        if newest_first {
            expected.reverse();
        }
        if random.percent(50) {
            let found: Vec<Plain> = listing.into_iter().map(|item| plain(&item.unwrap())).collect();
            assert!(found == expected, "{kind}s as of {} differ", self.at);
            return;
        }
        let limit = 1 + random.below(expected.len() + 2);
        let (mut cursor, mut from) = (None::<Cursor>, 0);
        loop {
            let page = match cursor {
                None => listing.page(limit).unwrap(),
                Some(cursor) => listing.clone().after(cursor).page(limit).unwrap(),
            };
            let to = expected.len().min(from + limit);
            let found: Vec<Plain> = page.items.iter().map(plain).collect();
            assert!(found == expected[from..to], "a page from {from} of {kind}s differs");
            assert_eq!(page.next.is_some(), to < expected.len());
            let Some(next) = page.next else { break };
            // A cursor is kept as text.
            cursor = Some(Cursor::from_str(&next.to_string()).unwrap());
            from = to;
        }
    }

    /// The changes of an entity, newest first.
    pub(crate) fn history(&self, kind: EntityKind, row: usize) {
        let entity = &self.world.entities[index(kind)][row];
        let id = entity.versions[0].plain.id.as_str();
        let id: EntityId = match kind {
            EntityKind::Project => project_id(id).into(),
            EntityKind::Experiment => experiment_id(id).into(),
            _ => run_id(id).into(),
        };
        let mut expected: Vec<_> = entity.changes.iter().filter(|(sequence, _)| *sequence <= self.at).collect();
        expected.reverse();
        let history = match self.snapshot.history(id.clone()) {
            Ok(history) => history,
            Err(error) => {
                assert!(expected.is_empty(), "{id} has a history: {error}");
                assert_eq!(error.kind(), ErrorKind::NotFound);
                return;
            }
        };
        let mut previous = None;
        let mut found = Vec::new();
        for entry in history {
            let entry = entry.unwrap();
            assert!(previous.is_none_or(|previous| entry.id < previous), "history goes back");
            previous = Some(entry.id);
            let sequence = entry.commit.sequence.get();
            assert_eq!(sequence, entry.id.sequence.get());
            assert_eq!(entry.commit.time.millis(), self.world.commits[sequence as usize - 1].time);
            assert_eq!(entry.change.unwrap().entity, id);
            found.push((sequence, entry.operation.name));
        }
        let found: Vec<_> = found.iter().map(|(sequence, name)| (*sequence, name.as_str())).collect();
        assert!(found.iter().eq(expected), "the history of {id} is {found:?}");
    }
}

/// Every accessor of a view.
fn view(guard: &RunGuard, expected: &Plain) {
    let view = guard.view().unwrap();
    let run: Run = guard.to_run().unwrap();
    assert_eq!(&plain(&run), expected);
    assert_eq!(plain(&view.to_run().unwrap()), *expected);
    assert_eq!(view.id().unwrap().as_str(), expected.id);
    assert_eq!(view.project_id().unwrap().as_str(), expected.project);
    assert_eq!(view.experiment_id().unwrap().as_str(), expected.experiment);
    assert_eq!(view.name().unwrap(), expected.name);
    assert_eq!(view.description().unwrap(), expected.description);
    assert_eq!(view.owner().unwrap(), expected.owner);
    assert_eq!(view.date_created().millis(), expected.created);
    assert_eq!(view.date_updated().millis(), expected.updated);
    assert_eq!(view.start_time().map(Timestamp::millis), expected.start);
    assert_eq!(view.end_time().map(Timestamp::millis), expected.end);
    assert_eq!(view.status().unwrap(), expected.status);
    assert_eq!(view.version_number(), expected.version);
    assert!(view.tags().eq(expected.tags.iter().map(String::as_str)));
    let attributes: Vec<_> = view.attributes().map(Result::unwrap).collect();
    let hyperparameters: Vec<_> = view.hyperparameters().map(Result::unwrap).collect();
    let metrics: Vec<_> = view.metrics().map(Result::unwrap).collect();
    let lists = [
        (attributes, &expected.attributes),
        (hyperparameters, &expected.hyperparameters),
        (metrics, &expected.metrics),
    ];
    for (list, (found, expected)) in lists.into_iter().enumerate() {
        assert_eq!(found.len(), expected.len());
        for ((found_key, found), (key, (value, _))) in found.into_iter().zip(expected) {
            assert_eq!(*found_key, **key);
            assert_eq!(&Val::of(&found.into_value()), value);
            let direct = match list {
                0 => view.attribute(key),
                1 => view.hyperparameter(key),
                _ => view.metric(key),
            };
            assert_eq!(&Val::of(&direct.unwrap().unwrap().into_value()), value);
        }
    }
    assert!(view.metric("a key that nobody has").unwrap().is_none());
}
