//! What is durable when, seen on a disk that counts and crashes.

use std::sync::Arc;
use std::time::Duration;

use modeldb::simulation::{Keep, SimulatedDisk};
use modeldb::{Durability, ErrorKind, ManualClock, NewProject, Sequence, Store};

use super::support::{kind, ms, options};

fn open(disk: &SimulatedDisk, durability: Durability) -> Store {
    options(&Arc::new(ManualClock::new(ms(1))), 1).durability(durability).open_simulated(disk).unwrap()
}

fn after_crash(disk: &SimulatedDisk) -> u64 {
    let image = disk.image(disk.recorded(), Keep::None);
    let store = Store::options().open_simulated(&image).unwrap();
    assert!(store.audit().verify().unwrap().is_intact());
    store.read().sequence().get()
}

#[test]
fn an_acknowledged_write_is_durable() {
    let disk = SimulatedDisk::new();
    disk.record();
    let store = open(&disk, Durability::Durable);
    for expected in 1..=5 {
        let before = disk.counts().syncs;
        store.write(|w| w.projects().create(NewProject::new())).unwrap();
        assert_eq!(disk.counts().syncs - before, 1, "one sync a write");
        assert_eq!(after_crash(&disk), expected);
    }
    let before = disk.counts();
    store.flush().unwrap();
    let refuse = || Err::<(), _>(modeldb::Error::new(ErrorKind::Conflict, "no"));
    store.write(|w| w.projects().create(NewProject::new()).and(refuse())).unwrap_err();
    store.write(|_| Ok(())).unwrap();
    assert_eq!(disk.counts().writes, before.writes, "nothing to make durable");
    assert_eq!(disk.counts().syncs, before.syncs);
}

#[test]
fn a_relaxed_write_is_durable_after_a_flush_or_a_close() {
    let disk = SimulatedDisk::new();
    disk.record();
    let store = open(&disk, Durability::Relaxed(Duration::from_secs(3600)));
    // The first write marks the file as open: one sync.
    store.write(|w| w.projects().create(NewProject::new())).unwrap();
    let before = disk.counts().syncs;
    for _ in 1..20 {
        store.write(|w| w.projects().create(NewProject::new())).unwrap();
    }
    assert_eq!(store.read().sequence(), Sequence::new(20), "acknowledged and visible");
    // A file that grows is synced for its length.
    assert!(disk.counts().syncs - before <= 1, "but not synced");
    assert_eq!(after_crash(&disk), 0, "a crash loses them, and leaves a whole store");
    store.flush().unwrap();
    assert_eq!(after_crash(&disk), 20);
    store.write(|w| w.projects().create(NewProject::new())).unwrap();
    assert_eq!(after_crash(&disk), 20);
    store.close().unwrap();
    assert_eq!(after_crash(&disk), 21);
}

#[test]
fn a_closed_store_says_so() {
    let disk = SimulatedDisk::new();
    let store = open(&disk, Durability::Durable);
    let clone = store.clone();
    store.write(|w| w.projects().get_or_create("p")).unwrap();
    store.close().unwrap();
    store.close().unwrap();
    let refused = clone.write(|w| w.projects().get_or_create("q")).unwrap_err();
    assert_eq!((refused.kind(), refused.kind().grpc_code()), (ErrorKind::Closed, 14));
    assert_eq!(kind(clone.write_once("id", |_| Ok(()))), ErrorKind::Closed);
    assert_eq!(kind(clone.flush()), ErrorKind::Closed);
    assert_eq!(open(&disk, Durability::Durable).read().sequence(), Sequence::new(1));
}
