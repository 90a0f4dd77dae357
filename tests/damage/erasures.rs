//! What a purge left, changed by somebody who gets the checksums right.

use std::path::Path;
use std::sync::Arc;

use minicbor::data::Type;
use minicbor::{Decoder, Encoder};
use modeldb::{AuditReport, ManualClock, NewRun, PurgeOptions, RunId, SeededEntropy, Store, Timestamp};
use redb::ReadableTable;
use tempfile::TempDir;

use crate::support::{LOG, META, RUNS, TEXTS, log_key, seal, tamper};

const RUN: u8 = 3;
const LOG_PART: u8 = 16;

/// An item of a stored part: as the log has it, whatever it is.
#[derive(Debug, Clone, PartialEq)]
enum Item {
    Whole { salt: Vec<u8>, bytes: Vec<u8> },
    Erased { digest: Vec<u8>, code: u64, by: u64 },
}

fn item(from: &mut Decoder<'_>) -> Item {
    match from.array().unwrap().unwrap() {
        2 => Item::Whole { salt: from.bytes().unwrap().to_vec(), bytes: from.bytes().unwrap().to_vec() },
        3 => {
            Item::Erased { digest: from.bytes().unwrap().to_vec(), code: from.u64().unwrap(), by: from.u64().unwrap() }
        }
        other => panic!("an item of {other}"),
    }
}

fn put_item(to: &mut Encoder<Vec<u8>>, item: &Item) {
    match item {
        Item::Whole { salt, bytes } => to.array(2).unwrap().bytes(salt).unwrap().bytes(bytes).unwrap(),
        Item::Erased { digest, code, by } => {
            to.array(3).unwrap().bytes(digest).unwrap().u64(*code).unwrap().u64(*by).unwrap()
        }
    };
}

/// A part of one commit, short enough to stand in one row.
struct Part {
    items: Vec<Item>,
    header: Vec<u8>,
    actor: Item,
    hash: Vec<u8>,
}

fn part(write: &redb::WriteTransaction, sequence: u64) -> Part {
    let table = write.open_table(LOG).unwrap();
    let sealed = table.get((sequence, 0, 0)).unwrap().unwrap().value().to_vec();
    assert_eq!(sealed[6], 0, "not compressed");
    let mut from = Decoder::new(&sealed[7..]);
    from.array().unwrap();
    let items = (0..from.array().unwrap().unwrap()).map(|_| item(&mut from)).collect();
    assert_eq!((from.datatype().unwrap(), from.array().unwrap()), (Type::Array, Some(3)));
    let header = from.bytes().unwrap().to_vec();
    Part { items, header, actor: item(&mut from), hash: from.bytes().unwrap().to_vec() }
}

fn put_part(write: &redb::WriteTransaction, sequence: u64, part: &Part) {
    let mut to = Encoder::new(vec![0]);
    to.array(2).unwrap().array(part.items.len() as u64).unwrap();
    part.items.iter().for_each(|item| put_item(&mut to, item));
    to.array(3).unwrap().bytes(&part.header).unwrap();
    put_item(&mut to, &part.actor);
    to.bytes(&part.hash).unwrap();
    let sealed = seal(LOG_PART, &log_key(sequence), &to.into_writer());
    write.open_table(LOG).unwrap().insert((sequence, 0, 0), sealed.as_slice()).unwrap();
}

fn edit(folder: &Path, sequence: u64, edit: impl FnOnce(&mut Part)) {
    tamper(folder, |write| {
        let mut found = part(write, sequence);
        edit(&mut found);
        put_part(write, sequence, &found);
    });
}

/// The digest of a whole item, as the chain has it.
fn digest(item: &Item) -> Vec<u8> {
    use sha2::{Digest, Sha256};
    match item {
        Item::Whole { salt, bytes } => Sha256::new().chain_update(salt).chain_update(bytes).finalize().to_vec(),
        Item::Erased { digest, .. } => digest.clone(),
    }
}

/// Erases an item as a purge would.
fn erase(item: &mut Item, code: u64, by: u64) {
    *item = Item::Erased { digest: digest(item), code, by };
}

fn options() -> modeldb::Options {
    Store::options().entropy(SeededEntropy::new(5))
}

fn run_id(number: usize) -> RunId {
    RunId::new(format!("run-{number}")).unwrap()
}

const TEXT: usize = 6_000;

/// A closed store. Commit 1 makes the parents; 2 to 7 create runs 0 to 5 with a long text all of them share; 8 to 13
/// log a metric; 14 and 15 delete runs 2 and 5; 16 and 17 purge them, one each.
fn store() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(ManualClock::new(Timestamp::from_millis(1_700_000_000_000)));
    let store = options().clock(Arc::clone(&clock)).open(folder.path()).unwrap();
    let experiment = super::first_commit(&store);
    for number in 0..6 {
        let new = NewRun::named(format!("name {number}")).id(run_id(number)).description("t".repeat(TEXT));
        store.write(|w| w.runs().create(&experiment, new)).unwrap();
    }
    for number in 0..6 {
        store.write(|w| w.runs().log_metric(&run_id(number), "late", 0.25)).unwrap();
    }
    store.write(|w| w.runs().delete(&run_id(2))).unwrap();
    clock.advance(1);
    store.write(|w| w.runs().delete(&run_id(5))).unwrap();
    // Only what was deleted before the second deletion; then the rest.
    let second = modeldb::Clock::now(&*clock);
    let report = store.purge_with(&PurgeOptions::new().deleted_before(second), |_| std::ops::ControlFlow::Continue(()));
    assert_eq!(report.unwrap().runs, 1);
    assert_eq!(store.purge().unwrap().runs, 1);
    assert_eq!(store.read().sequence().get(), 17);
    store.close().unwrap();
    folder
}

fn audit(folder: &Path) -> AuditReport {
    options().check_integrity(true).open(folder).unwrap().audit().verify().unwrap()
}

#[track_caller]
fn assert_fault(folder: &TempDir, sequence: u64) {
    let report = audit(folder.path());
    let fault = report.fault.as_ref().expect("something is wrong");
    assert_eq!(fault.sequence.get(), sequence, "{fault:?}");
}

fn record(write: &redb::WriteTransaction, row: u32) -> Option<Vec<u8>> {
    let table = write.open_table(RUNS).unwrap();
    let value = table.get(row).unwrap();
    value.map(|value| value.value()[6..].to_vec())
}

fn put_record(write: &redb::WriteTransaction, row: u32, payload: &[u8]) {
    let sealed = seal(RUN, &row.to_le_bytes(), payload);
    write.open_table(RUNS).unwrap().insert(row, sealed.as_slice()).unwrap();
}

#[test]
fn an_untouched_purge_is_intact() {
    let folder = store();
    let report = audit(folder.path());
    assert!(report.is_intact(), "{report:?}");
    assert_eq!((report.commits, report.erased, report.entities), (17, 6, 6));
    // The parts are read and written as the store does it.
    for sequence in [3, 4, 10, 14, 16] {
        edit(folder.path(), sequence, |_| ());
    }
    assert!(audit(folder.path()).is_intact());
    tamper(folder.path(), |write| {
        assert!(record(write, 2).is_none() && record(write, 5).is_none());
        for (sequence, code, by) in [(4, 3, 16), (10, 0, 16), (14, 0, 16), (7, 3, 17), (13, 0, 17), (15, 0, 17)] {
            let items = part(write, sequence).items;
            assert!(
                matches!(items.as_slice(), [Item::Erased { code: c, by: b, .. }] if (*c, *b) == (code, by)),
                "{items:?}"
            );
        }
    });
}

#[test]
fn an_item_that_no_purge_erased_is_found_at_the_item() {
    // The creation of a live run, its edit; in the name of a commit that purged, of one that did not, of none.
    for (sequence, code) in [(3, 3), (9, 0)] {
        for by in [16, 9, 2, 999] {
            let folder = store();
            edit(folder.path(), sequence, |part| erase(&mut part.items[0], code, by));
            assert_fault(&folder, sequence);
        }
    }
    // The second change of the first commit: of a live experiment.
    let folder = store();
    edit(folder.path(), 1, |part| erase(&mut part.items[1], 2, 16));
    assert_fault(&folder, 1);
}

#[test]
fn an_erased_purge_is_found_at_its_commit() {
    // The change that says what was purged is erased as well.
    for by in [16, 17] {
        let folder = store();
        edit(folder.path(), 16, |part| erase(&mut part.items[0], 0, by));
        assert_fault(&folder, 16);
    }
}

#[test]
fn an_erased_actor_is_found() {
    // At the commit in whose name it was done, which says nothing of it.
    for (sequence, by) in [(3, 16), (3, 3), (16, 5), (3, 999)] {
        let folder = store();
        edit(folder.path(), sequence, |part| erase(&mut part.actor, 0, by));
        assert_fault(&folder, by);
    }
}

#[test]
fn an_erasure_in_another_name_is_found_at_the_first_of_the_two() {
    for (by, other, expected) in [(16, 17, 16), (17, 16, 16), (16, 3, 3), (17, 2_000, 17)] {
        let folder = store();
        let sequence = if by == 16 { 10 } else { 13 };
        edit(folder.path(), sequence, |part| match &mut part.items[0] {
            Item::Erased { by, .. } => *by = other,
            whole => panic!("{whole:?}"),
        });
        assert_fault(&folder, expected);
    }
}

/// Two erasures that change places are the one thing that nothing tells: neither digest covers it.
#[test]
fn erasures_that_swap_their_names_are_not_found() {
    let folder = store();
    for (sequence, other) in [(10, 17), (13, 16)] {
        edit(folder.path(), sequence, |part| match &mut part.items[0] {
            Item::Erased { by, .. } => *by = other,
            whole => panic!("{whole:?}"),
        });
    }
    assert!(audit(folder.path()).is_intact());
}

#[test]
fn another_code_is_found_by_the_chain() {
    for (sequence, other) in [(4, 0), (4, 2), (4, 99), (10, 3), (14, 1)] {
        let folder = store();
        edit(folder.path(), sequence, |part| match &mut part.items[0] {
            Item::Erased { code, .. } => *code = other,
            whole => panic!("{whole:?}"),
        });
        // A row more or less would be given to those that follow; what is opened then says so at once.
        match options().open(folder.path()) {
            Ok(store) => {
                drop(store);
                assert_fault(&folder, sequence);
            }
            Err(error) => assert_eq!(error.kind(), modeldb::ErrorKind::Corrupt),
        }
    }
}

#[test]
fn an_edited_purge_is_found() {
    // `[2, kind, id, previous sequence, previous index, changes, done]`: the number of changes, and whether it ended.
    for (from_end, was, becomes) in [(2, 3, 2), (1, 0xf5, 0xf4)] {
        let folder = store();
        edit(folder.path(), 16, |part| match &mut part.items[0] {
            Item::Whole { bytes, .. } => {
                let at = bytes.len() - from_end;
                assert_eq!(bytes[at], was);
                bytes[at] = becomes;
            }
            erased => panic!("{erased:?}"),
        });
        assert_fault(&folder, 16);
    }
}

/// Somebody kept the bytes of what was erased, and puts them back.
#[test]
fn a_change_that_is_put_back_is_found_at_the_purge() {
    let folder = tempfile::tempdir().unwrap();
    let (mut whole, mut old) = (None, Vec::new());
    let store = options().open(folder.path()).unwrap();
    let experiment = super::first_commit(&store);
    store.write(|w| w.runs().create(&experiment, NewRun::named("r").id(run_id(0)))).unwrap();
    store.write(|w| w.runs().delete(&run_id(0))).unwrap();
    store.close().unwrap();
    tamper(folder.path(), |write| {
        whole = Some(part(write, 2));
        old = record(write, 0).unwrap();
    });
    let store = options().open(folder.path()).unwrap();
    store.purge().unwrap();
    store.close().unwrap();
    let kept = tempfile::tempdir().unwrap();
    std::fs::copy(folder.path().join("store.redb"), kept.path().join("store.redb")).unwrap();
    // The change alone.
    tamper(folder.path(), |write| put_part(write, 2, whole.as_ref().unwrap()));
    assert_fault(&folder, 2);
    // The record alone.
    tamper(kept.path(), |write| put_record(write, 0, &old));
    assert_fault(&kept, 3);
}

#[test]
fn a_record_in_a_purged_row_is_found() {
    // Of another run, which was never there.
    let folder = store();
    tamper(folder.path(), |write| {
        let payload = record(write, 1).unwrap();
        put_record(write, 2, &payload);
    });
    assert_fault(&folder, 4);
}

#[test]
fn a_row_that_would_be_given_again_is_found_at_the_end() {
    // Runs have rows 0 to 5, and the last one is purged: only a setting says that 5 is taken.
    for rows in [Some(5_u32), Some(9), None] {
        let folder = store();
        tamper(folder.path(), |write| {
            let mut table = write.open_table(META).unwrap();
            let mut payload = table.get("rows").unwrap().unwrap().value()[6..].to_vec();
            assert_eq!(payload[8..12], 6_u32.to_le_bytes());
            match rows {
                Some(rows) => {
                    payload[8..12].copy_from_slice(&rows.to_le_bytes());
                    table.insert("rows", seal(33, b"rows", &payload).as_slice()).unwrap();
                }
                None => drop(table.remove("rows").unwrap()),
            }
        });
        assert_fault(&folder, 17);
    }
}

#[test]
fn another_count_of_a_text_is_found_at_the_first_commit_that_names_it() {
    for change in [-4_i64, -1, 1, 1_000] {
        let folder = store();
        tamper(folder.path(), |write| {
            let mut table = write.open_table(TEXTS).unwrap();
            let (digest, count) = {
                let (key, value) = table.iter().unwrap().next_back().unwrap().unwrap();
                let (digest, piece) = key.value();
                assert_eq!(piece, u32::MAX);
                (*digest, u64::from_le_bytes(value.value().try_into().unwrap()))
            };
            assert_eq!(count, 4, "two of six are purged");
            let other = (count as i64 + change) as u64;
            table.insert((&digest, u32::MAX), other.to_le_bytes().as_slice()).unwrap();
        });
        assert_fault(&folder, 2);
    }
    // A text that nothing names, and one that is kept without a count.
    let folder = store();
    tamper(folder.path(), |write| {
        let mut table = write.open_table(TEXTS).unwrap();
        table.insert((&[7; 32], 0), b"orphan".as_slice()).unwrap();
        table.insert((&[7; 32], u32::MAX), 1_u64.to_le_bytes().as_slice()).unwrap();
    });
    assert_fault(&folder, 17);
}

/// A run with so many changes that its purge takes two commits, and what the store held between them.
#[test]
fn a_record_from_the_middle_of_a_purge_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let store = options().open(folder.path()).unwrap();
    let experiment = super::first_commit(&store);
    let text = "t".repeat(TEXT);
    store.write(|w| w.runs().create(&experiment, NewRun::named("r").id(run_id(0)).description(&text))).unwrap();
    store.write(|w| (0..1_200).try_for_each(|at| w.runs().log_metric(&run_id(0), format!("m{at}"), at))).unwrap();
    store.write(|w| w.runs().delete(&run_id(0))).unwrap();
    let one = |store: &Store| {
        let report = store.purge_with(&PurgeOptions::new(), |_| std::ops::ControlFlow::Break(())).unwrap();
        assert_eq!(report.commits, 1);
        report.runs == 1
    };
    let mut between = Vec::new();
    let mut store = store;
    loop {
        let done = one(&store);
        store.close().unwrap();
        drop(store);
        if done {
            break;
        }
        let report = audit(folder.path());
        assert!(report.is_intact(), "{report:?}");
        tamper(folder.path(), |write| between.push(record(write, 0).unwrap()));
        store = options().open(folder.path()).unwrap();
    }
    assert!(audit(folder.path()).is_intact());
    assert!(between.len() > 1, "{} slices", between.len());
    let with = |payload: &[u8]| {
        let copy = tempfile::tempdir().unwrap();
        std::fs::copy(folder.path().join("store.redb"), copy.path().join("store.redb")).unwrap();
        tamper(copy.path(), |write| put_record(write, 0, payload));
        copy
    };
    // Its text is gone with it: the record cannot be read, and stands where it was created.
    for payload in &between {
        assert_fault(&with(payload), 2);
    }
}

/// The same without a text, of a purge that is still going on and of one that has ended.
#[test]
fn an_outdated_record_of_a_purge_is_found_at_what_it_misses() {
    let folder = tempfile::tempdir().unwrap();
    let store = options().open(folder.path()).unwrap();
    let experiment = super::first_commit(&store);
    store.write(|w| w.runs().create(&experiment, NewRun::named("r").id(run_id(0)))).unwrap();
    store.write(|w| (0..1_200).try_for_each(|at| w.runs().log_metric(&run_id(0), format!("m{at}"), at))).unwrap();
    store.write(|w| w.runs().delete(&run_id(0))).unwrap();
    store.close().unwrap();
    drop(store);
    let (mut between, mut at) = (Vec::<Vec<u8>>::new(), 4);
    loop {
        let store = options().open(folder.path()).unwrap();
        let report = store.purge_with(&PurgeOptions::new(), |_| std::ops::ControlFlow::Break(())).unwrap();
        at += 1;
        assert_eq!(store.read().sequence().get(), at);
        store.close().unwrap();
        drop(store);
        for (slice, payload) in between.iter().enumerate() {
            let copy = tempfile::tempdir().unwrap();
            std::fs::copy(folder.path().join("store.redb"), copy.path().join("store.redb")).unwrap();
            tamper(copy.path(), |write| put_record(write, 0, payload));
            // It is the state after slice 5, 6, ...: what it misses is the next.
            assert_fault(&copy, slice as u64 + 6);
        }
        if report.runs == 1 {
            return;
        }
        // Without its record, nothing says who is being purged.
        let copy = tempfile::tempdir().unwrap();
        std::fs::copy(folder.path().join("store.redb"), copy.path().join("store.redb")).unwrap();
        tamper(copy.path(), |write| drop(write.open_table(RUNS).unwrap().remove(0).unwrap()));
        assert_fault(&copy, at);
        tamper(folder.path(), |write| between.push(record(write, 0).unwrap()));
    }
}
