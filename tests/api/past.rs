//! The past equals what a snapshot taken then shows: real snapshots are kept and compared.

use modeldb::{
    CodeVersion, Environment, ErrorKind, Experiment, ExperimentId, NewExperiment, NewProject, NewRun, Project,
    ProjectId, Run, RunId, Sequence, Snapshot, Store, Value,
};

use super::support::{Bench, Random, START, kind, ms, options, seed};

/// Everything a snapshot shows, by every listing; each entity also by its getters.
#[derive(Debug, PartialEq)]
struct Shown {
    projects: Vec<Project>,
    experiments: Vec<Experiment>,
    runs: Vec<Run>,
    runs_by_project: Vec<RunId>,
}

fn shown(read: &Snapshot) -> Shown {
    let projects: Vec<Project> = read.projects().list().into_iter().map(Result::unwrap).collect();
    let (mut experiments, mut runs, mut runs_by_project) = (Vec::new(), Vec::new(), Vec::new());
    for project in &projects {
        assert_eq!(read.projects().get(&project.id).unwrap(), *project);
        assert_eq!(read.projects().get_by_name(&project.name).unwrap(), *project);
        let under: Vec<Experiment> =
            read.experiments().list(&project.id).unwrap().into_iter().map(Result::unwrap).collect();
        for experiment in &under {
            assert_eq!(read.experiments().get(&experiment.id).unwrap(), *experiment);
            assert_eq!(read.experiments().get_by_name(&project.id, &experiment.name).unwrap(), *experiment);
            let listing = read.runs().list(&experiment.id).unwrap();
            let page = listing.page(1000).unwrap().items;
            assert_eq!(listing.count().unwrap(), page.len() as u64);
            for run in &page {
                assert_eq!(read.runs().get(&run.id).unwrap(), *run);
                assert_eq!(read.runs().view(&run.id).unwrap().to_run().unwrap(), *run);
                let named = read.runs().get_by_name(&experiment.id, &run.name).unwrap();
                assert!(named.name == run.name && named.date_updated >= run.date_updated);
            }
            runs.extend(page);
        }
        let all = read.runs().list_in_project(&project.id).unwrap().newest_first();
        runs_by_project.extend(all.into_iter().map(|run| run.unwrap().id));
        experiments.extend(under);
    }
    Shown { projects, experiments, runs, runs_by_project }
}

/// What exists, alive or not, to pick from.
#[derive(Default)]
struct Ids {
    projects: Vec<ProjectId>,
    experiments: Vec<ExperimentId>,
    runs: Vec<RunId>,
}

fn pick<T: Clone>(random: &mut Random, from: &[T]) -> Option<T> {
    (!from.is_empty()).then(|| from[random.below(from.len())].clone())
}

/// One random operation. It may be refused, for a hidden entity or a taken name: that is no matter here.
fn step(store: &Store, random: &mut Random, ids: &mut Ids) -> Option<()> {
    let text = if random.below(12) == 0 { "long ".repeat(2000) } else { format!("v{}", random.below(9)) };
    let name = format!("n{}", random.below(6));
    let now = store.write(|w| Ok(w.time())).unwrap();
    match random.below(20) {
        0 => ids.projects.push(store.write(|w| w.projects().create(NewProject::named(name))).ok()?),
        1 | 2 => {
            let project = pick(random, &ids.projects)?;
            let new = NewExperiment::named(name).description(text);
            ids.experiments.push(store.write(|w| w.experiments().create(&project, new)).ok()?);
        }
        3..=6 => {
            let experiment = pick(random, &ids.experiments)?;
            let new = NewRun::named(name).description(text).metric("at_birth", random.below(5) as i64);
            ids.runs.push(store.write(|w| w.runs().create(&experiment, new)).ok()?);
        }
        7 => {
            let project = pick(random, &ids.projects)?;
            if random.below(3) == 0 {
                store.write(|w| w.projects().delete(&project)).ok()?;
            } else {
                store.write(|w| w.projects().rename(&project, &name)).ok()?;
            }
        }
        8 | 9 => {
            let experiment = pick(random, &ids.experiments)?;
            match random.below(4) {
                0 => store.write(|w| w.experiments().delete(&experiment)).ok()?,
                1 => store.write(|w| w.experiments().rename(&experiment, &name)).ok()?,
                2 => store.write(|w| w.experiments().add_tags(&experiment, [text.get(..2).unwrap()])).ok()?,
                _ => store.write(|w| w.experiments().describe(&experiment, text)).ok()?,
            }
        }
        _ => {
            let run = pick(random, &ids.runs)?;
            let key = format!("k{}", random.below(30));
            let choice = random.below(9);
            let value = match random.below(4) {
                0 => Value::from(f64::NAN),
                1 => Value::from(text.clone()),
                2 => Value::List(vec![text.clone().into(), Value::Null]),
                _ => Value::from(random.below(100) as i64),
            };
            // Some writes hold several operations on one run.
            store
                .write(|w| {
                    if choice.is_multiple_of(3) {
                        w.runs().start(&run, ms(choice as i64))?;
                    }
                    match choice {
                        0 => w.runs().delete(&run),
                        1 => w.runs().rename(&run, &name),
                        2 => w.runs().describe(&run, text),
                        3 => w.runs().log_metric(&run, key, value),
                        4 => w.runs().log_attributes(&run, [(key, value)]),
                        5 => w.runs().log_hyperparameter(&run, key, value),
                        6 => w.runs().add_tags(&run, [key]),
                        7 => w.runs().set_environment(&run, Environment::new().variable(key, text)),
                        _ => w.runs().set_code_version(&run, CodeVersion::git(key, text).date_logged(now)),
                    }
                })
                .ok()?;
        }
    }
    Some(())
}

#[test]
fn the_past_equals_the_snapshot_of_then() {
    let mut random = Random(seed());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    let clock = std::sync::Arc::new(modeldb::ManualClock::new(ms(START)));
    let store = options(&clock, random.next()).open(&path).unwrap();
    let mut ids = Ids::default();
    let mut kept = vec![(store.read(), shown(&store.read()))];
    // More commits than are packed together, so that the past reaches into packs.
    while store.read().sequence() < Sequence::new(420) {
        // Some commits share a time.
        clock.advance(random.below(3) as i64 - 1);
        step(&store, &mut random, &mut ids);
        if store.read().sequence() > kept.last().unwrap().0.sequence() && random.below(4) == 0 {
            let read = store.read();
            let now = shown(&read);
            kept.push((read, now));
        }
    }
    let check = |now: &Snapshot, kept: &[(Option<Snapshot>, Sequence, Shown)]| {
        for (snapshot, sequence, then) in kept {
            let past = now.as_of(*sequence).unwrap();
            assert_eq!(past.sequence(), *sequence);
            assert_eq!(shown(&past), *then, "as of {sequence}");
            if let Some(snapshot) = snapshot {
                assert_eq!(shown(snapshot), *then, "the snapshot of {sequence} itself changed");
                assert_eq!(past.audit().head().unwrap(), snapshot.audit().head().unwrap());
            }
        }
        // A past within a past.
        let (_, early, then) = &kept[kept.len() / 3];
        let (_, late, _) = &kept[kept.len() - 1];
        assert_eq!(shown(&now.as_of(*late).unwrap().as_of(*early).unwrap()), *then);
    };
    let kept: Vec<_> = kept.into_iter().map(|(read, then)| (Some(read.clone()), read.sequence(), then)).collect();
    println!("{} commits, {} snapshots, {} runs", store.read().sequence(), kept.len(), ids.runs.len());
    assert!(kept.last().unwrap().2.runs.len() > 3, "the test has something to compare");
    check(&store.read(), &kept);
    assert!(store.audit().verify().unwrap().is_intact());
    // And after a reopen, without the snapshots.
    let kept: Vec<_> = kept.into_iter().map(|(_, sequence, then)| (None, sequence, then)).collect();
    store.close().unwrap();
    drop(store);
    let store = Store::open(&path).unwrap();
    check(&store.read(), &kept);
}

#[test]
fn a_time_names_the_last_commit_made_by_then() {
    let bench = Bench::new(); // Commit 1, at START.
    let mut commits = vec![(1, START)];
    for step in [0, 5, 0, 0, -3, 7, 1] {
        bench.clock.advance(step);
        bench.run(NewRun::new());
        let read = bench.store.read();
        commits.push((read.sequence().get(), read.commit(read.sequence()).unwrap().time.millis()));
    }
    let now = bench.store.read();
    for time in START - 10..START + 20 {
        let expected = commits.iter().filter(|(_, at)| *at <= time).map(|(sequence, _)| *sequence).max().unwrap_or(0);
        let past = now.as_of(ms(time)).unwrap();
        assert_eq!(past.sequence().get(), expected, "at {}", time - START);
        let runs = if expected == 0 {
            assert_eq!(kind(past.runs().list(&bench.experiment).map(|_| ())), ErrorKind::NotFound);
            0
        } else {
            past.runs().list(&bench.experiment).unwrap().count().unwrap()
        };
        assert_eq!(runs, expected.saturating_sub(1));
        // Seen from a past, nothing later is reached.
        let earlier = now.as_of(Sequence::new(3)).unwrap().as_of(ms(time)).unwrap();
        assert_eq!(earlier.sequence().get(), expected.min(3));
    }
    assert_eq!(now.as_of(ms(i64::MIN)).unwrap().sequence(), Sequence::ZERO);
    assert_eq!(now.as_of(ms(i64::MAX)).unwrap().sequence(), now.sequence());
}

#[test]
fn there_is_no_future() {
    let bench = Bench::new();
    let now = bench.store.read();
    assert_eq!(kind(now.as_of(now.sequence().next())), ErrorKind::InvalidArgument);
    bench.run(NewRun::new());
    assert_eq!(kind(now.as_of(now.sequence().next())), ErrorKind::InvalidArgument, "of this snapshot");
    let past = bench.store.read().as_of(Sequence::ZERO).unwrap();
    assert_eq!(kind(past.as_of(Sequence::new(1))), ErrorKind::InvalidArgument);
    assert_eq!(past.projects().list().count().unwrap(), 0);
    assert_eq!(kind(past.projects().get(&bench.project)), ErrorKind::NotFound);
    assert_eq!(kind(past.projects().get_by_name("wine-quality")), ErrorKind::NotFound);
    assert_eq!(past.projects().list().page(10).unwrap().items, []);
}
