//! What a failed write says of itself is true: only `CommitUnknown` may have happened.

use modeldb::simulation::{Fault, SimulatedDisk};
use modeldb::{ErrorKind, Store};

/// Fails each call of the disk that a write makes, one after another, and asks the reopened store.
#[test]
fn an_error_other_than_commit_unknown_means_that_nothing_happened() {
    let mut kinds = Vec::new();
    for at in 0..1000 {
        let disk = SimulatedDisk::new();
        let open = |disk| Store::options().cache_bytes(0).open_simulated(disk).unwrap();
        let store = open(&disk);
        store.write(|w| w.projects().get_or_create("first")).unwrap();
        disk.set_fault(Some(Fault::Once(at)));
        let answer = store.write(|w| w.projects().get_or_create("second"));
        disk.set_fault(None);
        drop(store);
        let there = open(&disk).read().projects().get_by_name("second").is_ok();
        match answer.map_err(|error| error.kind()) {
            Ok(_) => {
                assert!(there, "call {at}: an acknowledged write is gone");
                assert!(kinds.contains(&ErrorKind::Io) && kinds.contains(&ErrorKind::CommitUnknown), "{kinds:?}");
                return;
            }
            Err(kind) => {
                assert!(!there || kind == ErrorKind::CommitUnknown, "call {at}: {kind}, and it happened");
                kinds.push(kind);
            }
        }
    }
    panic!("a write makes more than a thousand calls");
}
