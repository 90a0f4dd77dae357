//! The same operations, clock and randomness give the same log, to the last bit.

use std::sync::Arc;

use modeldb::{Actor, Head, ManualClock, NewExperiment, NewProject, NewRun, Store};

use super::support::{START, ms, options};

fn tell(seed: u64, start: i64, principal: &str, metric: f64) -> (Head, Vec<u8>) {
    let clock = Arc::new(ManualClock::new(ms(start)));
    let store = options(&clock, seed).actor(Actor::user(principal)).open_in_memory().unwrap();
    let experiment = store
        .write(|w| {
            let project = w.projects().create(NewProject::new())?;
            w.experiments().create(&project, NewExperiment::new().attribute("a", f64::NAN))
        })
        .unwrap();
    clock.advance(5);
    let runs = store.write(|w| w.runs().create_many(&experiment, (0..20).map(|_| NewRun::new()))).unwrap();
    // A write that is taken back draws randomness all the same, but leaves nothing.
    store.write(|w| w.runs().create(&experiment, NewRun::new().tag(""))).unwrap_err();
    for run in &runs {
        store.write_once(run.as_str(), |w| w.runs().log_metric(run, "m", metric)).unwrap();
    }
    store.write(|w| w.runs().delete(&runs[3])).unwrap();
    let mut export = Vec::new();
    store.audit().export(&mut export).unwrap();
    (store.audit().head().unwrap(), export)
}

#[test]
fn the_same_story_has_the_same_hashes() {
    let (head, export) = tell(1, START, "alice", 0.5);
    assert_eq!(head.sequence.get(), 23);
    assert_eq!(tell(1, START, "alice", 0.5), (head, export));
    for (other, _) in [
        tell(2, START, "alice", 0.5),
        tell(1, START + 1, "alice", 0.5),
        tell(1, START, "bob", 0.5),
        tell(1, START, "alice", 0.500_000_1),
    ] {
        assert_ne!(other.hash, head.hash);
    }
}

#[test]
fn a_store_in_memory_and_one_on_disk_have_the_same_log() {
    let folder = tempfile::tempdir().unwrap();
    let open = [
        options(&Arc::new(ManualClock::new(ms(START))), 9).open_in_memory().unwrap(),
        options(&Arc::new(ManualClock::new(ms(START))), 9).open(folder.path().join("store")).unwrap(),
    ];
    let heads = open.map(|store: Store| {
        store.write(|w| w.projects().create(NewProject::new().description("x".repeat(9000)))).unwrap();
        store.audit().head().unwrap()
    });
    assert_eq!(heads[0], heads[1]);
}
