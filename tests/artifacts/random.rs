//! Random calls against maps: each artifact has its bytes, and a collection keeps those that are named, and no others.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use modeldb::{Artifact, BlobDigest, BlobRef, GcOptions, NewRun, RunId, Sequence};

use super::{Bench, LARGE, bytes, read_of};
use crate::support::random::{PrintSeed, Random, seed};

/// Of each run that is not purged, whether it is deleted, and what its artifacts are.
type Model = BTreeMap<RunId, (bool, BTreeMap<String, Vec<u8>>)>;

/// Few enough that they meet; half of them too large for the store's own file.
fn contents(random: &mut Random) -> Vec<u8> {
    let which = random.below(12);
    bytes(if which.is_multiple_of(2) { which * 10 } else { LARGE + which }, which as u8)
}

fn check(bench: &Bench, model: &Model) {
    let read = bench.store.read();
    for (run, (deleted, artifacts)) in model {
        if *deleted {
            assert!(read.runs().get(run).is_err());
            continue;
        }
        let known = read.runs().get(run).unwrap().artifacts;
        assert_eq!(
            known.iter().map(|artifact| &artifact.key).collect::<Vec<_>>(),
            artifacts.keys().collect::<Vec<_>>()
        );
        for (key, bytes) in artifacts {
            assert_eq!(read_of(&read, run, key), *bytes);
        }
    }
}

fn collect(bench: &mut Bench, model: &Model) {
    bench.clock.advance(1);
    let options = GcOptions::new().min_age(Duration::ZERO);
    let planned = bench.store.gc(&options.clone().dry_run(true)).unwrap();
    let report = bench.store.gc(&options).unwrap();
    assert_eq!((planned.removed, planned.removed_bytes), (report.removed, report.removed_bytes));
    let named = model.values().flat_map(|(_, artifacts)| artifacts.values());
    let distinct: BTreeSet<&Vec<u8>> = named.clone().collect();
    assert_eq!((report.references, report.kept), (named.count() as u64, distinct.len() as u64));
    assert_eq!(report.kept_bytes, distinct.iter().map(|bytes| bytes.len() as u64).sum::<u64>());
    let large: BTreeSet<BlobDigest> =
        distinct.iter().filter(|bytes| bytes.len() >= LARGE).map(|bytes| BlobDigest::of(bytes)).collect();
    let files: BTreeSet<BlobDigest> = bench.files().iter().map(|name| name.parse().unwrap()).collect();
    assert_eq!(files, large);
    assert_eq!(bench.store.gc(&options).unwrap().removed, 0);
}

#[test]
fn random_artifacts_have_their_bytes() {
    let seed = seed(1);
    let (_print, mut random) = (PrintSeed(seed), Random::new(seed));
    let mut collections = 0;
    for round in 0..4 {
        let mut bench = Bench::new();
        let mut model = Model::new();
        model.insert(bench.run.clone(), (false, BTreeMap::new()));
        let mut past: Vec<(Sequence, RunId, String, Vec<u8>)> = Vec::new();
        for step in 0..150 {
            bench.clock.advance(1);
            let live: Vec<RunId> =
                model.iter().filter(|(_, (deleted, _))| !deleted).map(|(run, _)| run.clone()).collect();
            let key = format!("k{}", random.below(4));
            let run = if live.is_empty() { None } else { Some(live[random.below(live.len())].clone()) };
            match (random.below(14), run) {
                (0..=4, Some(run)) => {
                    let new = contents(&mut random);
                    let artifacts = &mut model.get_mut(&run).unwrap().1;
                    if artifacts.contains_key(&key) {
                        bench.store.put_artifact(&run, &key, &*new).unwrap();
                    } else {
                        bench.store.log_artifact(&run, Artifact::named(&key), &*new).unwrap();
                    }
                    artifacts.insert(key.clone(), new.clone());
                    past.push((bench.store.read().sequence(), run, key, new));
                }
                (5, Some(run)) => {
                    bench.store.write(|w| w.runs().delete_artifact(&run, &key)).unwrap();
                    model.get_mut(&run).unwrap().1.remove(&key);
                }
                (6, Some(run)) => {
                    // In one write that goes, or is taken back.
                    let fails = random.one_in(3);
                    let new = bytes(random.below(5) * 10, 77);
                    let written = bench.store.write(|w| {
                        let blob = w.put_blob(&new)?;
                        w.runs().delete_artifact(&run, &key)?;
                        w.runs().log_artifacts(&run, [Artifact::named(&key).blob(blob)])?;
                        if fails { Err(modeldb::Error::new(modeldb::ErrorKind::Conflict, "no")) } else { Ok(()) }
                    });
                    if written.is_ok() {
                        model.get_mut(&run).unwrap().1.insert(key, new);
                    }
                    assert_eq!(written.is_err(), fails);
                }
                (7, Some(run)) => {
                    bench.store.write(|w| w.runs().delete(&run)).unwrap();
                    model.get_mut(&run).unwrap().0 = true;
                }
                (8, _) => {
                    let deleted: Vec<RunId> =
                        model.iter().filter(|(_, (deleted, _))| *deleted).map(|(run, _)| run.clone()).collect();
                    if !deleted.is_empty() && random.one_in(2) {
                        let run = &deleted[random.below(deleted.len())];
                        bench.store.write(|w| w.runs().restore(run)).unwrap();
                        model.get_mut(run).unwrap().0 = false;
                    } else {
                        bench.store.purge().unwrap();
                        model.retain(|_, (deleted, _)| !*deleted);
                        past.clear();
                    }
                }
                (9, Some(run)) => {
                    let copy = bench.store.write(|w| {
                        w.runs().clone_run(&run, modeldb::CloneOptions::new().name(format!("{round}-{step}")))
                    });
                    let artifacts = model[&run].1.clone();
                    model.insert(copy.unwrap(), (false, artifacts));
                }
                (10, _) => {
                    let new = NewRun::named(format!("{round}-{step}"));
                    let run = bench.store.write(|w| w.runs().create(&bench.experiment, new)).unwrap();
                    model.insert(run, (false, BTreeMap::new()));
                }
                (11, _) => {
                    // Nobody names it.
                    bench.store.put_blob(&*contents(&mut random)).unwrap();
                }
                (12, _) => {
                    collect(&mut bench, &model);
                    collections += 1;
                    // What only the past names is gone, or is named by somebody else.
                    let named = |bytes: &Vec<u8>| model.values().any(|(_, all)| all.values().any(|held| held == bytes));
                    for (sequence, run, key, bytes) in past.drain(..) {
                        let past = bench.store.read().as_of(sequence).unwrap();
                        assert_eq!(past.artifact(&run, &key).unwrap().unwrap().blob, Some(BlobRef::of(&bytes)));
                        assert_eq!(past.open_artifact(&run, &key).is_ok(), named(&bytes));
                    }
                }
                (_, _) => {
                    // The past has its bytes until a collection.
                    for (sequence, run, key, bytes) in &past {
                        assert_eq!(read_of(&bench.store.read().as_of(*sequence).unwrap(), run, key), *bytes);
                    }
                }
            }
            if step % 10 == 0 {
                check(&bench, &model);
            }
        }
        check(&bench, &model);
        assert!(bench.store.audit().verify().unwrap().is_intact());
    }
    assert!(collections > 10, "{collections}");
}
