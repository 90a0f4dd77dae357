//! Random trees, deletions and purges, which are ended and whose stores are reopened at random, against maps.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use modeldb::simulation::{Keep, SimulatedDisk};
use modeldb::{
    CommentId, EntityId, ErrorKind, ExperimentId, JobId, JobStatus, ManualClock, NewComment, NewExperiment, NewJob,
    NewProject, NewRun, ProjectId, PurgeOptions, SeededEntropy, Snapshot, Store, Timestamp, Write,
};

use super::{START, assert_intact, options};
use crate::support::random::{PrintSeed, Random, printed_seed};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Project,
    Experiment,
    Run,
    Comment,
    Job,
}

/// An entity by its kind and its number; ids are used again once they are free.
type Id = (Kind, usize);

#[derive(Debug, Clone)]
struct Made {
    parent: Option<Id>,
    text: String,
    deleted: bool,
    /// Changes it has, while none of them is erased.
    changes: usize,
    /// The latest date of it and of what is under it.
    date: i64,
}

const IDS: usize = 8;

fn entity((kind, number): Id) -> EntityId {
    let id = format!("{kind:?}-{number}");
    match kind {
        Kind::Project => ProjectId::new(id).unwrap().into(),
        Kind::Experiment => ExperimentId::new(id).unwrap().into(),
        Kind::Run => super::run_id(id).into(),
        Kind::Comment => CommentId::new(id).unwrap().into(),
        Kind::Job => JobId::new(id).unwrap().into(),
    }
}

fn get<T: TryFrom<EntityId>>(id: Id) -> T {
    T::try_from(entity(id)).ok().unwrap()
}

struct World {
    disk: SimulatedDisk,
    store: Store,
    clock: Arc<ManualClock>,
    random: Random,
    opened: u64,
    made: BTreeMap<Id, Made>,
    /// Counts for the report.
    purges: [u64; 3],
}

impl World {
    fn new(seed: u64) -> Self {
        let disk = SimulatedDisk::new();
        disk.record();
        let clock = Arc::new(ManualClock::new(Timestamp::from_millis(START)));
        let store = Self::open(&disk, &clock, 0);
        World { disk, store, clock, random: Random::new(seed), opened: 0, made: BTreeMap::new(), purges: [0; 3] }
    }

    fn open(disk: &SimulatedDisk, clock: &Arc<ManualClock>, entropy: u64) -> Store {
        options().entropy(SeededEntropy::new(entropy)).clock(Arc::clone(clock)).open_simulated(disk).unwrap()
    }

    fn reopen(&mut self) {
        self.opened += 1;
        let crash = self.random.percent(50);
        if !crash {
            self.store.close().unwrap();
        }
        let image = self.disk.image(self.disk.recorded(), Keep::All);
        image.record();
        self.store = Self::open(&image, &self.clock, self.opened);
        self.disk = image;
    }

    fn is_live(&self, id: Id) -> bool {
        self.made.get(&id).is_some_and(|made| !made.deleted && made.parent.is_none_or(|parent| self.is_live(parent)))
    }

    fn live(&self, kind: Kind) -> Vec<Id> {
        self.made.keys().copied().filter(|id| id.0 == kind && self.is_live(*id)).collect()
    }

    fn now(&self) -> i64 {
        modeldb::Clock::now(&*self.clock).millis()
    }

    /// Parents are as new as what is under them, but for comments.
    fn touch(&mut self, id: Id) {
        let now = self.now();
        let mut next = Some(id);
        while let Some(id) = next {
            let made = self.made.get_mut(&id).unwrap();
            made.date = now;
            next = made.parent.filter(|parent| parent.0 != Kind::Run);
        }
    }

    fn text(&mut self) -> String {
        match self.random.below(5) {
            // A few long ones that are shared.
            0 => ["x", "y"][self.random.below(2)].repeat(5_000),
            1 => self.random.text(5_000),
            _ => self.random.text(30),
        }
    }

    fn create(&mut self) {
        let kind =
            *self.random.pick(&[Kind::Project, Kind::Experiment, Kind::Run, Kind::Run, Kind::Comment, Kind::Job]);
        let id = (kind, self.random.below(IDS * (1 + kind as usize)));
        let parents = match kind {
            Kind::Project | Kind::Job => vec![None],
            Kind::Experiment => self.live(Kind::Project).into_iter().map(Some).collect(),
            Kind::Run => self.live(Kind::Experiment).into_iter().map(Some).collect(),
            Kind::Comment => self.live(Kind::Run).into_iter().map(Some).collect(),
        };
        if parents.is_empty() {
            return;
        }
        let parent = *self.random.pick(&parents);
        let text = self.text();
        let created = self.store.write(|w| match kind {
            Kind::Project => {
                w.projects().create(NewProject::new().id(get::<ProjectId>(id)).description(&text)).map(drop)
            }
            Kind::Experiment => {
                let new = NewExperiment::new().id(get::<ExperimentId>(id)).description(&text);
                w.experiments().create(&get(parent.unwrap()), new).map(drop)
            }
            Kind::Run => {
                let new = NewRun::new().id(get::<modeldb::RunId>(id)).description(&text);
                w.runs().create(&get(parent.unwrap()), new).map(drop)
            }
            Kind::Comment => {
                let new = NewComment::new(&text).id(get::<CommentId>(id));
                w.comments().add(&get(parent.unwrap()), new).map(drop)
            }
            Kind::Job => w.jobs().create(NewJob::started(&text).id(get::<JobId>(id))).map(drop),
        });
        // An id is taken until what had it is purged.
        match self.made.contains_key(&id) {
            true => assert_eq!(created.unwrap_err().kind(), ErrorKind::AlreadyExists),
            false => {
                created.unwrap();
                self.made.insert(id, Made { parent, text, deleted: false, changes: 1, date: 0 });
                self.touch(id);
            }
        }
    }

    fn edit(&mut self, id: Id, many: usize) {
        let texts: Vec<String> = (0..many).map(|at| format!("{at} {}", self.text())).collect();
        let parent = self.made[&id].parent;
        let describe = |w: &mut Write<'_>, text: &String| match id.0 {
            Kind::Project => w.projects().describe(&get(id), text),
            Kind::Experiment => w.experiments().describe(&get(id), text),
            Kind::Run => w.runs().describe(&get(id), text),
            Kind::Comment => w.comments().update(&get(parent.unwrap()), &get(id), text),
            Kind::Job => w.jobs().update(&get(id), JobStatus::InProgress, text),
        };
        self.store.write(|w| texts.iter().try_for_each(|text| describe(w, text))).unwrap();
        let made = self.made.get_mut(&id).unwrap();
        made.changes += many;
        if id.0 != Kind::Job {
            made.text.clone_from(&texts[many - 1]);
        }
        self.touch(id);
    }

    fn delete(&mut self, id: Id) {
        let parent = self.made[&id].parent;
        self.store
            .write(|w| match id.0 {
                Kind::Project => w.projects().delete(&get(id)),
                Kind::Experiment => w.experiments().delete(&get(id)),
                Kind::Run => w.runs().delete(&get(id)),
                Kind::Comment => w.comments().delete(&get(parent.unwrap()), &get(id)).map(|found| assert!(found)),
                Kind::Job => w.jobs().delete(&get(id)),
            })
            .unwrap();
        let made = self.made.get_mut(&id).unwrap();
        made.deleted = true;
        made.changes += 1;
        self.touch(id);
    }

    fn purge(&mut self) {
        let most = match self.random.below(3) {
            0 => u64::MAX,
            _ => 1 + self.random.below(3) as u64,
        };
        let report = self.store.purge_with(&PurgeOptions::new(), |report| match report.commits < most {
            true => ControlFlow::Continue(()),
            false => ControlFlow::Break(()),
        });
        let report = report.unwrap();
        self.purges[0] += 1;
        self.purges[1] += u64::from(!report.finished);
        self.purges[2] += report.commits;
        // What is gone was not to be seen, and when the purge has ended, all of that is gone.
        let read = self.store.read();
        let hidden: Vec<Id> = self.made.keys().copied().filter(|id| !self.is_live(*id)).collect();
        for id in &hidden {
            let gone = read.history(entity(*id)).is_err();
            assert!(gone || !report.finished, "{id:?} is left");
            if gone {
                self.made.remove(id);
            }
        }
    }

    fn check(&self) {
        let read = self.store.read();
        for kind in [Kind::Project, Kind::Experiment, Kind::Run, Kind::Comment, Kind::Job] {
            for number in 0..IDS * (1 + kind as usize) {
                let id = (kind, number);
                let made = self.made.get(&id).filter(|_| self.is_live(id));
                let expected = made.map(|made| (made.text.clone(), made.date));
                assert_eq!(found(&read, id), expected, "{id:?}");
                let history = read.history(entity(id)).map(|history| history.map(Result::unwrap).collect::<Vec<_>>());
                match (made, history) {
                    (Some(made), history) => {
                        let history = history.unwrap();
                        assert_eq!(history.len(), made.changes, "{id:?}");
                        assert!(history.iter().all(|entry| entry.change.is_some()));
                    }
                    (None, history) => assert_eq!(history.is_ok(), self.made.contains_key(&id), "{id:?}"),
                }
            }
        }
        assert_eq!(assert_intact(&self.store).entities, self.made.len() as u64);
        let first = read.as_of(modeldb::Sequence::new(read.sequence().get() / 2)).unwrap();
        for project in first.projects().list() {
            let project = project.unwrap();
            for run in first.runs().list_in_project(&project.id).unwrap() {
                first.comments().list(&run.unwrap().id).unwrap();
            }
        }
    }
}

fn found(read: &Snapshot, id: Id) -> Option<(String, i64)> {
    let found = match id.0 {
        Kind::Project => read.projects().get(&get(id)).map(|found| (found.description, found.date_updated)),
        Kind::Experiment => read.experiments().get(&get(id)).map(|found| (found.description, found.date_updated)),
        Kind::Run => read.runs().get(&get(id)).map(|found| (found.description, found.date_updated)),
        Kind::Comment => read.comments().get(&get(id)).map(|found| (found.message, found.date_updated)),
        Kind::Job => read.jobs().get(&get(id)).map(|found| (found.start_time, found.date_updated)),
    };
    match found {
        Ok((text, date)) => Some((text, date.millis())),
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
            None
        }
    }
}

#[test]
fn what_is_left_is_what_the_maps_say() {
    let seed = printed_seed("what_is_left_is_what_the_maps_say", 31);
    let mut totals = [0; 3];
    for world in 0..6 {
        let _print = PrintSeed(seed);
        let mut world = World::new(seed + world);
        for step in 0..400 {
            world.clock.advance(1);
            let all = [Kind::Project, Kind::Experiment, Kind::Run, Kind::Comment, Kind::Job];
            let kind = *world.random.pick(&all);
            let live = world.live(kind);
            match world.random.below(100) {
                0..50 => world.create(),
                50..75 if !live.is_empty() => {
                    let id = *world.random.pick(&live);
                    // Now and then more than a slice erases.
                    let many = if world.random.one_in(12) { 700 } else { 1 + world.random.below(3) };
                    world.edit(id, many);
                }
                75..88 if !live.is_empty() => {
                    let id = *world.random.pick(&live);
                    world.delete(id);
                }
                88..95 => world.purge(),
                95..97 => world.reopen(),
                _ => {}
            }
            if step % 20 == 19 {
                world.check();
            }
        }
        world.check();
        (0..3).for_each(|at| totals[at] += world.purges[at]);
    }
    let [purges, ended, commits] = totals;
    println!("{purges} purges, {ended} of them ended early, {commits} slices");
    assert!(ended > 10 && commits > purges / 2);
}
