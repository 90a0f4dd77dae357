//! Backups: equal to the snapshot they are of, made while others write, or not there at all.

use std::fs;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use modeldb::simulation::{Fault, Keep, SimulatedDisk};
use modeldb::{Durability, ErrorKind, NewRun, Progress, Store};

use super::{assert_intact, everything, fill, options};
use crate::support::random::{Random, printed_seed};

fn go_on(_: Progress) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

#[test]
fn a_backup_beside_writers_is_its_snapshot() {
    let temporary = tempfile::tempdir().unwrap();
    let store = options().open(temporary.path().join("store")).unwrap();
    let (experiment, ids) = fill(&store, 40);
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for at in 0..20_000 {
                if done.load(Ordering::SeqCst) {
                    return;
                }
                let new = NewRun::named(format!("beside {at}")).metric("accuracy", at as i64);
                store.write(|w| w.runs().create(&experiment, new)).unwrap();
                store.write(|w| w.runs().describe(&ids[at % 40], format!("{at} ").repeat(2_000))).unwrap();
            }
        });
        let made: Vec<_> = (0..4).map(|at| store.backup(temporary.path().join(format!("backup {at}")))).collect();
        done.store(true, Ordering::SeqCst);
        for (at, report) in made.into_iter().enumerate() {
            let report = report.unwrap();
            let folder = temporary.path().join(format!("backup {at}"));
            assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
            assert_eq!(report.bytes, fs::metadata(folder.join("store.redb")).unwrap().len());
            let backup = options().read_only(true).open(&folder).unwrap();
            assert_eq!(backup.audit().head().unwrap(), report.head, "{report}");
            assert!(store.audit().verify_against(&report.head).unwrap().is_intact());
            assert!(backup.audit().verify_against(&report.head).unwrap().is_intact());
            assert!(backup.verify().unwrap().is_intact());
            // The log tells everything; and what it tells is what there is.
            let mut log = Vec::new();
            let past = store.read().as_of(report.head.sequence).unwrap();
            past.audit().export(&mut log).unwrap();
            assert_eq!(everything(&backup.read()).0, String::from_utf8(log).unwrap());
            backup.close().unwrap();
            // Restored, it goes on.
            let restored = options().check_integrity(true).open(&folder).unwrap();
            restored.write(|w| w.projects().get_or_create("restored")).unwrap();
            assert_intact(&restored);
        }
    });
    let quiet = temporary.path().join("quiet");
    store.backup(&quiet).unwrap();
    let backup = options().read_only(true).open(&quiet).unwrap();
    assert_eq!(everything(&backup.read()), everything(&store.read()));
}

#[test]
fn a_folder_that_holds_something_is_refused() {
    let temporary = tempfile::tempdir().unwrap();
    let store = options().open(temporary.path().join("store")).unwrap();
    fill(&store, 6);
    let target = temporary.path().join("a").join("b");
    store.backup(&target).unwrap();
    let before = fs::read(target.join("store.redb")).unwrap();
    for taken in [&target, &temporary.path().join("store"), &target.join("store.redb")] {
        let error = store.backup(taken).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AlreadyExists, "{error}");
    }
    assert_eq!(fs::read(target.join("store.redb")).unwrap(), before);
    // An empty one will do, and an empty store, and one in memory.
    let empty = temporary.path().join("empty");
    fs::create_dir(&empty).unwrap();
    Store::in_memory().unwrap().backup(&empty).unwrap();
    assert_intact(&Store::open(&empty).unwrap());
}

#[test]
fn one_that_is_cancelled_leaves_nothing() {
    let temporary = tempfile::tempdir().unwrap();
    let store = options().open(temporary.path().join("store")).unwrap();
    fill(&store, 6);
    let mut calls = 0;
    let counting = |_| {
        calls += 1;
        ControlFlow::Continue(())
    };
    store.backup_with(temporary.path().join("whole"), counting).unwrap();
    for at in 0..calls {
        let mut left = at;
        let folder = temporary.path().join("cut short");
        let cancel = |_| match left {
            0 => ControlFlow::Break(()),
            _ => {
                left -= 1;
                ControlFlow::Continue(())
            }
        };
        assert_eq!(store.backup_with(&folder, cancel).unwrap_err().kind(), ErrorKind::Cancelled);
        assert!(!folder.exists(), "call {at}");
    }
}

/// What a crash of the program leaves of one.
#[test]
fn an_unfinished_backup_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("store.redb.backup"), "half").unwrap();
    for read_only in [false, true] {
        let error = Store::options().read_only(read_only).open(folder.path()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument);
        assert!(error.message().contains("never finished"), "{error}");
    }
    let error = Store::in_memory().unwrap().backup(folder.path()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AlreadyExists, "{error}");
}

#[test]
fn a_crash_at_any_call_leaves_a_whole_backup_or_none() {
    let seed = printed_seed("a_crash_at_any_call_leaves_a_whole_backup_or_none", 31);
    let mut random = Random::new(seed);
    let source = SimulatedDisk::new();
    let store = options().open_simulated(&source).unwrap();
    fill(&store, 12);
    let expected = everything(&store.read());
    let target = SimulatedDisk::new();
    target.record();
    let report = store.backup_simulated(&target, go_on).unwrap();
    let calls = target.recorded();
    let (mut whole, mut none) = (0, 0);
    for at in 0..=calls {
        for keep in [Keep::None, Keep::All, Keep::Subset(random.next()), Keep::Torn(random.next())] {
            let image = target.image(at, keep);
            match options().create(false).read_only(true).open_simulated(&image) {
                Ok(backup) => {
                    assert_eq!(everything(&backup.read()), expected, "call {at}, {keep:?}");
                    assert!(backup.audit().verify_against(&report.head).unwrap().is_intact());
                    whole += 1;
                }
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::NotFound, "call {at}, {keep:?}: {error}");
                    assert!(at < calls, "it was acknowledged");
                    none += 1;
                }
            }
        }
    }
    println!("{calls} calls, {whole} whole, {none} none");
    assert!(whole > 0 && none > 0);
}

#[test]
fn a_target_that_fails_or_is_full_leaves_nothing_and_harms_nobody() {
    let store = options().open_in_memory().unwrap();
    fill(&store, 12);
    let expected = everything(&store.read());
    let target = SimulatedDisk::new();
    target.set_fault(None);
    let report = store.backup_simulated(&target, go_on).unwrap();
    let calls = target.calls();
    let faults = (0..calls).flat_map(|at| [Fault::Once(at), Fault::FromOn(at), Fault::FullFrom(at)]);
    for fault in faults.chain((0..8).map(|part| Fault::FullAfter(report.bytes * part / 8))) {
        let target = SimulatedDisk::new();
        target.set_fault(Some(fault));
        match store.backup_simulated(&target, go_on) {
            Ok(_) => {
                let backup = options().read_only(true).open_simulated(&target).unwrap();
                assert_eq!(everything(&backup.read()), expected, "{fault:?}");
            }
            Err(error) => {
                let full = matches!(fault, Fault::FullFrom(_) | Fault::FullAfter(_));
                let kind = if full { ErrorKind::StorageFull } else { ErrorKind::Io };
                assert!(error.kind() == kind || error.kind() == ErrorKind::Poisoned, "{fault:?}: {error}");
                target.set_fault(None);
                match options().create(false).open_simulated(&target) {
                    // A dead disk takes nothing back.
                    Ok(backup) => {
                        assert!(matches!(fault, Fault::FromOn(_)), "{fault:?}");
                        assert_eq!(everything(&backup.read()), expected, "{fault:?}");
                    }
                    Err(error) => assert_eq!(error.kind(), ErrorKind::NotFound, "{fault:?}: {error}"),
                }
            }
        }
    }
    assert_eq!(everything(&store.read()), expected);
    assert_intact(&store);
}

/// What a backup's head says can be held against the store later, whatever a crash takes from that.
#[test]
fn the_head_of_a_backup_stays_in_the_log() {
    let disk = SimulatedDisk::new();
    disk.record();
    let relaxed = || options().durability(Durability::Relaxed(Duration::from_secs(3600)));
    let store = relaxed().open_simulated(&disk).unwrap();
    fill(&store, 6);
    let made = store.backup_simulated(&SimulatedDisk::new(), |_| ControlFlow::Continue(())).unwrap();
    store.write(|w| w.projects().get_or_create("is lost")).unwrap();
    let crashed = relaxed().open_simulated(&disk.image(disk.recorded(), Keep::None)).unwrap();
    crashed.write(|w| w.projects().get_or_create("is another")).unwrap();
    assert!(crashed.audit().verify_against(&made.head).unwrap().is_intact());
}
