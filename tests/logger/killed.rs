//! Processes that are killed in the midst of a training.

use std::path::PathBuf;
use std::time::Duration;

use modeldb::{NewRun, RunId, RunStatus, Store};

use super::{experiment, observed, status};
use crate::support::child::Working;
use crate::support::random::{PrintSeed, Random, printed_seed};

const FOLDER: &str = "MODELDB_TEST_KILLED_FOLDER";

/// Logs until it is killed, and says what was flushed. A test only in name: the one below starts it.
#[test]
fn a_training_that_goes_on() {
    let Some(folder) = std::env::var_os(FOLDER).map(PathBuf::from) else { return };
    let store = Store::open(folder).unwrap();
    let experiment = experiment(&store);
    let id = RunId::new("trained").unwrap();
    let log = match store.read().runs().get(&id) {
        Ok(_) => store.resume_run(&id).unwrap(),
        Err(_) => store.start_run(&experiment, NewRun::new().id(id.clone())).unwrap(),
    };
    let first = store.read().runs().get(&id).unwrap().series("loss").map_or(0, |series| series.count);
    for round in 0.. {
        for step in 0..500 {
            let step = first + 500 * round + step;
            log.observe_at(step as i64, "loss", step as f64);
            log.metric(format!("m{}", step / 500), 1);
        }
        // The thread writes in between; every third is waited for.
        if round % 3 == 2 {
            log.flush().unwrap();
            println!("flushed {}", first + 500 * (round + 1));
        }
    }
}

#[test]
fn a_training_that_is_killed_again_and_again_goes_on_from_what_was_flushed() {
    let seed = printed_seed("a_training_that_is_killed_again_and_again_goes_on_from_what_was_flushed", 3);
    let _print = PrintSeed(seed);
    let mut random = Random::new(seed);
    let folder = tempfile::tempdir().unwrap();
    let id = RunId::new("trained").unwrap();
    let mut counts = Vec::new();
    for _ in 0..8 {
        let working = Working::start("logger::killed::a_training_that_goes_on", FOLDER, folder.path());
        let then = Duration::from_micros(random.below(20_000) as u64);
        let last = working.kill_after("flushed ", 1 + random.below(12), then);

        let store = Store::open(folder.path()).unwrap();
        let found = observed(&store, &id, "loss");
        assert!(found.len() as u64 >= last, "{} are left of {last} that were flushed", found.len());
        assert!(found.iter().enumerate().all(|(at, pair)| *pair == (at as i64, at as f64)), "no hole, and none twice");
        assert_eq!(status(&store, &id), Some(RunStatus::Crashed));
        assert!(store.audit().verify().unwrap().is_intact());
        counts.push(found.len());
    }
    println!("after each kill there are {counts:?} observations");
    let store = Store::open(folder.path()).unwrap();
    store.resume_run(&id).unwrap().finish().unwrap();
    assert_eq!(status(&store, &id), Some(RunStatus::Finished));
}
