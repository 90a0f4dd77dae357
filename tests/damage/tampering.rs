//! Rows and commits changed by somebody who gets the checksums right: the audit names the first bad commit.

use std::path::Path;

use modeldb::{AuditReport, Head, NewProject, NewRun, SeededEntropy, Store};
use redb::ReadableTable;
use tempfile::TempDir;

use crate::support::{HIDDEN, LOG, PACKS, PROJECTS, RUNS, log_key, seal, tamper};

const RUN: u8 = 3;
const PROJECT: u8 = 1;
const LOG_PART: u8 = 16;
const PACK: u8 = 17;

/// A closed store whose runs 0 to 5 were created by commits 2 to 7 and edited by commits 8 to 13.
fn store() -> TempDir {
    store_with(6)
}

fn options() -> modeldb::Options {
    Store::options().entropy(SeededEntropy::new(5))
}

fn store_with(runs: usize) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let store = options().open(folder.path()).unwrap();
    fill(&store, runs, runs);
    store.close().unwrap();
    folder
}

/// Creates `runs` runs, then edits the first `edits` of them, each in a commit of its own.
fn fill(store: &Store, runs: usize, edits: usize) {
    let experiment = super::first_commit(store);
    let ids: Vec<_> = (0..runs)
        .map(|number| {
            let run = NewRun::named(format!("run-{number}")).metric("accuracy", 0.5);
            store.write(|w| w.runs().create(&experiment, run)).unwrap()
        })
        .collect();
    for id in &ids[..edits] {
        store.write(|w| w.runs().log_metric(id, "late", 0.25)).unwrap();
    }
}

fn audit(folder: &Path, head: Option<&Head>) -> AuditReport {
    let store = options().check_integrity(true).open(folder).unwrap();
    let audit = store.audit();
    match head {
        Some(head) => audit.verify_against(head).unwrap(),
        None => audit.verify().unwrap(),
    }
}

fn head(folder: &Path) -> Head {
    options().open(folder).unwrap().audit().head().unwrap()
}

#[track_caller]
fn assert_fault(report: &AuditReport, sequence: u64) {
    let fault = report.fault.as_ref().expect("something is wrong");
    assert_eq!(fault.sequence.get(), sequence, "{fault:?}");
}

/// The payload of a run's record.
fn record(write: &redb::WriteTransaction, row: u32) -> Vec<u8> {
    let table = write.open_table(RUNS).unwrap();
    let value = table.get(row).unwrap().unwrap();
    value.value()[6..].to_vec()
}

fn put_record(write: &redb::WriteTransaction, row: u32, payload: &[u8]) {
    let sealed = seal(RUN, &row.to_le_bytes(), payload);
    write.open_table(RUNS).unwrap().insert(row, sealed.as_slice()).unwrap();
}

fn replace(bytes: &mut [u8], from: &[u8], to: &[u8]) {
    assert_eq!(from.len(), to.len());
    let at = bytes.windows(from.len()).position(|window| window == from).expect("the bytes are there");
    bytes[at..at + from.len()].copy_from_slice(to);
}

#[test]
fn an_untouched_store_is_intact() {
    let folder = store();
    let head = head(folder.path());
    let report = audit(folder.path(), Some(&head));
    assert!(report.is_intact(), "{report:?}");
    assert_eq!((report.commits, report.changes, report.entities), (13, 14, 8));
}

#[test]
fn an_edited_row_is_found_at_the_change_it_belies() {
    for (value, other, sequence) in [(0.5_f64, 0.75_f64, 4), (0.25, 0.125, 10)] {
        let folder = store();
        tamper(folder.path(), |write| {
            let mut payload = record(write, 2);
            replace(&mut payload, &value.to_le_bytes(), &other.to_le_bytes());
            put_record(write, 2, &payload);
        });
        assert_fault(&audit(folder.path(), None), sequence);
    }
}

#[test]
fn an_edited_row_without_its_checksum_is_found_at_its_creation() {
    let folder = store();
    tamper(folder.path(), |write| {
        let mut table = write.open_table(RUNS).unwrap();
        let mut sealed = table.get(2).unwrap().unwrap().value().to_vec();
        *sealed.last_mut().unwrap() ^= 1;
        table.insert(2, sealed.as_slice()).unwrap();
    });
    assert_fault(&audit(folder.path(), None), 4);
}

#[test]
fn swapped_rows_are_found_at_the_first_creation() {
    let folder = store();
    tamper(folder.path(), |write| {
        let (one, other) = (record(write, 1), record(write, 3));
        put_record(write, 1, &other);
        put_record(write, 3, &one);
    });
    assert_fault(&audit(folder.path(), None), 3);
}

#[test]
fn a_deleted_row_is_found_at_its_creation() {
    for row in [0, 2, 5] {
        let folder = store();
        tamper(folder.path(), |write| {
            write.open_table(RUNS).unwrap().remove(row).unwrap();
        });
        assert_fault(&audit(folder.path(), None), u64::from(row) + 2);
    }
}

#[test]
fn an_added_row_is_found_at_the_end() {
    let folder = store();
    tamper(folder.path(), |write| {
        let payload = record(write, 5);
        put_record(write, 6, &payload);
    });
    assert_fault(&audit(folder.path(), None), 13);
}

#[test]
fn a_row_that_was_put_back_is_found_at_the_first_change_it_misses() {
    let folder = store();
    let store = options().open(folder.path()).unwrap();
    let experiment = store.read().projects().list().page(1).unwrap().items[0].id.clone();
    let experiment = store.read().experiments().get_by_name(&experiment, "experiment").unwrap().id;
    let run = store.read().runs().get_by_name(&experiment, "run-2").unwrap().id;
    store.close().unwrap();
    let mut old = Vec::new();
    tamper(folder.path(), |write| old = record(write, 2));
    let store = options().open(folder.path()).unwrap();
    for text in ["once", "twice"] {
        store.write(|w| w.runs().describe(&run, text)).unwrap();
    }
    store.close().unwrap();
    tamper(folder.path(), |write| put_record(write, 2, &old));
    assert_fault(&audit(folder.path(), None), 14);
}

#[test]
fn a_row_that_hides_its_deletion_is_found() {
    let folder = store();
    let store = options().open(folder.path()).unwrap();
    let gone = store.write(|w| w.projects().create(NewProject::named("gone"))).unwrap();
    store.write(|w| w.projects().delete(&gone)).unwrap();
    store.close().unwrap();
    tamper(folder.path(), |write| {
        write.open_table(HIDDEN).unwrap().remove((PROJECT, 1)).unwrap();
    });
    assert_fault(&audit(folder.path(), None), 15);
}

#[test]
fn an_edited_commit_is_found() {
    let folder = store();
    tamper(folder.path(), |write| {
        let mut table = write.open_table(LOG).unwrap();
        let mut payload = table.get((5, 0, 0)).unwrap().unwrap().value()[6..].to_vec();
        replace(&mut payload, b"run-3", b"run-9");
        let sealed = seal(LOG_PART, &log_key(5), &payload);
        table.insert((5, 0, 0), sealed.as_slice()).unwrap();
    });
    assert_fault(&audit(folder.path(), None), 5);
}

#[test]
fn a_dropped_commit_is_found() {
    let folder = store();
    tamper(folder.path(), |write| {
        write.open_table(LOG).unwrap().remove((9, 0, 0)).unwrap();
    });
    assert_fault(&audit(folder.path(), None), 9);
}

#[test]
fn swapped_commits_are_found() {
    let folder = store();
    tamper(folder.path(), |write| {
        let mut table = write.open_table(LOG).unwrap();
        let payload = |table: &redb::Table<(u64, u32, u32), &[u8]>, sequence| {
            table.get((sequence, 0, 0)).unwrap().unwrap().value()[6..].to_vec()
        };
        let (one, other) = (payload(&table, 4), payload(&table, 6));
        table.insert((4, 0, 0), seal(LOG_PART, &log_key(4), &other).as_slice()).unwrap();
        table.insert((6, 0, 0), seal(LOG_PART, &log_key(6), &one).as_slice()).unwrap();
    });
    assert_fault(&audit(folder.path(), None), 4);
}

#[test]
fn an_edited_pack_is_found_at_the_commit_it_changes() {
    let folder = store_with(120);
    tamper(folder.path(), |write| {
        let mut table = write.open_table(PACKS).unwrap();
        let mut keys = Vec::new();
        let mut sealed = Vec::new();
        for piece in table.iter().unwrap() {
            let (key, value) = piece.unwrap();
            keys.push(key.value());
            sealed.extend_from_slice(value.value());
        }
        let last = keys[0].0;
        let mut block = lz4_flex::block::decompress_size_prepended(&sealed[6..]).unwrap();
        replace(&mut block, b"run-77", b"run-xx");
        let edited = seal(PACK, &last.to_le_bytes(), &lz4_flex::block::compress_prepend_size(&block));
        for key in keys {
            table.remove(key).unwrap();
        }
        for (piece, bytes) in (0..).zip(edited.chunks(4040)) {
            table.insert((last, piece), bytes).unwrap();
        }
    });
    assert_fault(&audit(folder.path(), None), 79);
}

/// Takes the last commit away, with everything it did: run 5 as it was before its edit.
fn cut(folder: &Path, before: &[u8]) {
    tamper(folder, |write| {
        write.open_table(LOG).unwrap().remove((13, 0, 0)).unwrap();
        put_record(write, 5, before);
    });
}

#[test]
fn a_cut_end_shows_against_a_head_only() {
    // The record before the last commit, from a store that stopped there.
    let folder = tempfile::tempdir().unwrap();
    let whole = store();
    let kept = head(whole.path());
    let store = options().open(folder.path()).unwrap();
    fill(&store, 6, 5);
    let earlier = store.audit().head().unwrap();
    assert_eq!(earlier.sequence.get(), 12);
    store.close().unwrap();
    // A whole store that ends early is what cutting leaves: no fault by itself.
    assert!(audit(folder.path(), None).is_intact());
    assert!(audit(folder.path(), Some(&earlier)).is_intact());
    assert_fault(&audit(folder.path(), Some(&kept)), 13);
    // The same by cutting: the key index had followed further than the log reaches now, and says so.
    let mut before = Vec::new();
    tamper(folder.path(), |write| before = record(write, 5));
    cut(whole.path(), &before);
    assert!(options().open(whole.path()).is_err_and(|error| error.kind() == modeldb::ErrorKind::Corrupt));
}

#[test]
fn a_rewritten_log_shows_against_a_head_only() {
    let whole = store();
    let kept = head(whole.path());
    let other = tempfile::tempdir().unwrap();
    let forged = Store::options().entropy(SeededEntropy::new(6)).open(other.path()).unwrap();
    for number in 0..20 {
        forged.write(|w| w.projects().get_or_create(&format!("forged-{number}"))).unwrap();
    }
    forged.close().unwrap();
    assert!(audit(other.path(), None).is_intact());
    assert_fault(&audit(other.path(), Some(&kept)), 13);
}

#[test]
fn a_project_row_is_held_to_the_log_like_any_other() {
    let folder = store();
    tamper(folder.path(), |write| {
        let mut table = write.open_table(PROJECTS).unwrap();
        let mut payload = table.get(0).unwrap().unwrap().value()[6..].to_vec();
        replace(&mut payload, b"project", b"prospec");
        table.insert(0, seal(PROJECT, &0_u32.to_le_bytes(), &payload).as_slice()).unwrap();
    });
    assert_fault(&audit(folder.path(), None), 1);
}
