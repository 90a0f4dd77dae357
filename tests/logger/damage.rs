//! Which runs are running, told wrongly: opening goes on, and the audit says so.

use modeldb::{NewRun, RunStatus};
use redb::{ReadableTable, TableDefinition};

use super::{clock, experiment, options, status};
use crate::support::{RUNS, seal, tamper};

const RUNNING: TableDefinition<u32, ()> = TableDefinition::new("running");

#[test]
fn what_is_said_to_be_running_and_is_not_is_found() {
    for (row, why) in [(0, "is running is told in two ways"), (7, "is said to be running, and is not there")] {
        let folder = tempfile::tempdir().unwrap();
        let store = options(&clock()).open(folder.path()).unwrap();
        let log = store.start_run(&experiment(&store), NewRun::named("a")).unwrap();
        let id = log.run_id().clone();
        log.finish().unwrap();
        let sequence = store.read().sequence();
        drop(store);
        tamper(folder.path(), |write| drop(write.open_table(RUNNING).unwrap().insert(row, ()).unwrap()));
        let store = options(&clock()).open(folder.path()).unwrap();
        assert_eq!((store.read().sequence(), status(&store, &id)), (sequence, Some(RunStatus::Finished)));
        let fault = store.audit().verify().unwrap().fault.unwrap();
        assert!(fault.reason.contains(why), "{}", fault.reason);
    }
}

#[test]
fn what_is_not_said_to_be_running_and_is_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let store = options(&clock()).open(folder.path()).unwrap();
    let log = store.start_run(&experiment(&store), NewRun::named("a")).unwrap();
    store.close().unwrap();
    drop((log, store));
    tamper(folder.path(), |write| drop(write.open_table(RUNNING).unwrap().remove(0).unwrap()));
    let store = options(&clock()).open(folder.path()).unwrap();
    let fault = store.audit().verify().unwrap().fault.unwrap();
    assert!(fault.reason.contains("is running is told in two ways"), "{}", fault.reason);
}

/// A record that cannot be read keeps nobody from opening the store, nor the other runs from being found crashed.
#[test]
fn a_running_run_that_is_damaged_is_left_as_it_is() {
    for damage in [true, false] {
        let folder = tempfile::tempdir().unwrap();
        let store = options(&clock()).open(folder.path()).unwrap();
        let experiment = experiment(&store);
        let logs = ["a", "b", "c"].map(|name| store.start_run(&experiment, NewRun::named(name)).unwrap());
        let [a, b, c] = [0, 1, 2].map(|at: usize| logs[at].run_id().clone());
        store.close().unwrap();
        drop((logs, store));
        tamper(folder.path(), |write| {
            let mut runs = write.open_table(RUNS).unwrap();
            let mut bytes = runs.get(1).unwrap().unwrap().value().to_vec();
            if damage {
                *bytes.last_mut().unwrap() ^= 1;
            } else {
                // It passes for intact, and is none.
                bytes = seal(3, &1_u32.to_le_bytes(), b"nonsense");
            }
            runs.insert(1, bytes.as_slice()).unwrap();
        });
        let store = options(&clock()).open(folder.path()).unwrap();
        assert_eq!([&a, &c].map(|id| status(&store, id)), [Some(RunStatus::Crashed); 2]);
        assert!(store.read().runs().get(&b).is_err());
        assert!(!store.audit().verify().unwrap().is_intact());
    }
}
