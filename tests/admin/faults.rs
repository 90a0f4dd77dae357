//! A compaction on a disk that fails, fills up or crashes: the old file or the new one, whole.

use std::collections::BTreeMap;

use modeldb::ErrorKind;
use modeldb::simulation::{Fault, Keep, SimulatedDisk};

use super::{assert_intact, copy, everything, fill, options};
use crate::support::random::{Random, printed_seed};

fn made() -> SimulatedDisk {
    let disk = SimulatedDisk::new();
    let store = options().open_simulated(&disk).unwrap();
    fill(&store, 10);
    store.close().unwrap();
    disk
}

#[test]
fn a_crash_at_any_call_leaves_the_old_file_or_the_new() {
    let seed = printed_seed("a_crash_at_any_call_leaves_the_old_file_or_the_new", 41);
    let mut random = Random::new(seed);
    let disk = made();
    let store = options().open_simulated(&disk).unwrap();
    let before = everything(&store.read());
    disk.record();
    store.compact().unwrap();
    let compacted = disk.recorded();
    store.write(|w| w.projects().get_or_create("later")).unwrap();
    let written = disk.recorded();
    let after = everything(&store.read());
    store.close().unwrap();
    for at in 0..=disk.recorded() {
        for keep in [Keep::None, Keep::All, Keep::Subset(random.next()), Keep::Torn(random.next())] {
            let image = disk.image(at, keep);
            let context = format!("MODELDB_SEED={seed}: call {at} of {compacted}, {written}, {keep:?}");
            let opened = options().create(false).open_simulated(&image);
            let opened = opened.unwrap_or_else(|error| panic!("{context}: {error}"));
            let found = everything(&opened.read());
            assert!(found == after && at > compacted || found == before && at < written, "{context}");
            assert_eq!(image.names(), ["store.redb"], "{context}");
            if at % 8 == 0 {
                assert_intact(&opened);
                opened.compact().unwrap();
                opened.write(|w| w.projects().get_or_create("after the crash")).unwrap();
                assert_intact(&opened);
            }
        }
    }
}

#[test]
fn a_disk_that_fails_or_is_full_costs_nothing_that_was_acknowledged() {
    let base = made();
    let disk = copy(&base);
    let store = options().open_simulated(&disk).unwrap();
    let before = everything(&store.read());
    disk.set_fault(None);
    let compacted = store.compact().unwrap();
    let calls = disk.calls();
    drop(store);
    let faults = (0..calls).flat_map(|at| [Fault::Once(at), Fault::FromOn(at), Fault::FullFrom(at)]);
    let faults = faults.chain((0..12).map(|part| Fault::FullAfter(compacted.after * part / 8)));
    let mut kinds = BTreeMap::<String, u64>::new();
    let mut went_on = 0;
    for fault in faults {
        let disk = copy(&base);
        let store = options().open_simulated(&disk).unwrap();
        disk.set_fault(Some(fault));
        let error = store.compact().err();
        let kind = error.as_ref().map(|error| error.kind());
        *kinds.entry(kind.map_or("no error".to_owned(), |kind| kind.to_string())).or_default() += 1;
        let typed = matches!(
            kind,
            None | Some(ErrorKind::Io | ErrorKind::StorageFull | ErrorKind::Poisoned | ErrorKind::CommitUnknown)
        );
        assert!(typed, "{fault:?}: {error:?}");
        disk.set_fault(None);
        let mut expected = before.clone();
        match store.write(|w| w.projects().get_or_create("later")) {
            Ok(_) => {
                went_on += u64::from(kind.is_some());
                expected = everything(&store.read());
                assert_intact(&store);
            }
            Err(error) => {
                assert!(kind.is_some(), "{fault:?}");
                let poisoned = matches!(error.kind(), ErrorKind::Poisoned | ErrorKind::Closed);
                assert!(poisoned, "{fault:?}: {error}");
            }
        }
        let _ = store.close();
        drop(store);
        let store = options().create(false).open_simulated(&disk).unwrap();
        assert_eq!(everything(&store.read()), expected, "{fault:?}");
        store.write(|w| w.projects().get_or_create("more")).unwrap();
        assert_eq!(disk.names(), ["store.redb"]);
    }
    println!("{calls} calls: {kinds:?}, {went_on} went on");
    assert!(went_on > 0);
}
