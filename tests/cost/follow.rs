//! What a reopening after a crash has to follow.

use modeldb::{NewProject, NewRun, RunId, Store};

use super::{Bench, options};
use crate::support::{LOG, PACKS, tamper};

/// Half as much again as the commits after which the key index is folded, and a pack.
const MOST: u64 = 16_384 * 3 / 2 + 128;

/// What a crash would leave now, in a folder.
fn crashed(bench: &Bench) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("store.redb"), bench.disk.bytes("store.redb").unwrap()).unwrap();
    folder
}

/// The store without the commits of its log that are followed by at least `kept` others.
fn without_old_commits(folder: &std::path::Path, last: u64, kept: u64) -> u64 {
    let mut gone = 0;
    tamper(folder, |txn| {
        let old = last - kept;
        txn.open_table(LOG)
            .unwrap()
            .retain_in((0, 0, 0)..(old, 0, 0), |_, _| {
                gone += 1;
                false
            })
            .unwrap();
        txn.open_table(PACKS)
            .unwrap()
            .retain_in((0, 0)..(old, 0), |_, _| {
                gone += 1;
                false
            })
            .unwrap();
    });
    gone
}

/// With writes that create nothing, the key index has nothing to fold; how far it has come must be kept all the same.
#[test]
fn edits_alone_do_not_lengthen_what_is_followed() {
    const EDITS: u64 = 40_000;
    let bench = Bench::new();
    let runs: Vec<RunId> =
        bench.store.write(|w| w.runs().create_many(&bench.experiments[0], (0..10).map(|_| NewRun::new()))).unwrap();
    let mut longest = 0;
    for number in 0..EDITS {
        let run = &runs[usize::try_from(number % 10).unwrap()];
        bench.store.write(|w| w.runs().describe(run, format!("{number}"))).unwrap();
        if number % 500 == 0 {
            longest = longest.max(bench.store.stats().unwrap().unfolded_commits);
        }
    }
    println!("at most {longest} commits of {EDITS} were to be followed");
    assert!(longest <= MOST, "{longest} commits are followed at open");
    // Of the commits before, opening needs none: it would miss them.
    let folder = crashed(&bench);
    let last = bench.store.read().sequence().get();
    assert!(without_old_commits(folder.path(), last, MOST) > 100);
    let store = Store::open(folder.path()).unwrap();
    assert_eq!(store.read().sequence().get(), last);
    assert_eq!(store.read().runs().get(&runs[9]).unwrap().description, format!("{}", EDITS - 1));
    // And a clean close leaves nothing to follow.
    bench.store.close().unwrap();
    let store = options().open_simulated(&bench.disk).unwrap();
    assert_eq!(store.stats().unwrap().unfolded_commits, 0);
    assert!(store.audit().verify().unwrap().is_intact());
}

/// A few entries, then edits: what was frozen half folded is folded to its end.
#[test]
fn few_creations_among_many_edits_are_folded_too() {
    let bench = Bench::new();
    let run = bench.store.write(|w| w.runs().create(&bench.experiments[0], NewRun::named("r"))).unwrap();
    let mut projects = Vec::new();
    for number in 0..30_000_u64 {
        bench
            .store
            .write(|w| {
                if number % 8 == 0 {
                    projects.push(w.projects().create(NewProject::new())?);
                }
                w.runs().describe(&run, format!("{number}"))
            })
            .unwrap();
    }
    let stats = bench.store.stats().unwrap();
    assert!(stats.unfolded_commits <= MOST, "{stats:?}");
    let last = bench.store.read().sequence().get();
    let folder = crashed(&bench);
    without_old_commits(folder.path(), last, MOST);
    let store = Store::open(folder.path()).unwrap();
    for project in &projects {
        assert!(store.read().projects().get(project).is_ok());
    }
    assert_eq!(store.read().projects().list().count().unwrap(), 1 + projects.len() as u64);
}
