//! What stands beside the rows and the log, changed with the right checksums: keys, long texts, what is hidden, and
//! how far the key index has followed.

use modeldb::{AuditReport, ErrorKind, Head, ManualClock, NewRun, Once, RunId, SeededEntropy, Store, Timestamp};
use redb::{ReadableTable, TableDefinition};
use tempfile::TempDir;

use crate::support::{HIDDEN, LOG, META, RUNS, seal, tamper};

const DICTIONARY: TableDefinition<u32, &[u8]> = TableDefinition::new("dictionary");
const TEXTS: TableDefinition<(&[u8; 32], u32), &[u8]> = TableDefinition::new("texts");
const KEY: u8 = 32;
const SETTING: u8 = 33;

/// Ids hold the time: with a clock of its own, the store is the same whenever it is made.
fn options() -> modeldb::Options {
    let clock = ManualClock::new(Timestamp::from_millis(1_700_000_000_000));
    Store::options().entropy(SeededEntropy::new(9)).clock(clock)
}

/// A closed store: commit 1 makes project and experiment, commits 2 to 7 the runs 0 to 5. Run 0 alone has the key
/// `first`, run 3 a long text, the commit of run 2 a write id.
struct Made {
    folder: TempDir,
    runs: Vec<RunId>,
    head: Head,
}

fn made() -> Made {
    let folder = tempfile::tempdir().unwrap();
    let store = options().open(folder.path()).unwrap();
    let experiment = super::first_commit(&store);
    let new = |number: usize| {
        // With ids of its own, the order of the index is the same in each store.
        let run = NewRun::named(format!("run-{number}")).id(RunId::new(format!("id-{number}")).unwrap());
        match number {
            0 => run.metric("first", 0.5),
            3 => run.description("x".repeat(9000)),
            4 => run.metric("later", 0.5),
            _ => run,
        }
    };
    let runs = (0..6)
        .map(|number| match number {
            2 => match store.write_once("w", |w| w.runs().create(&experiment, new(number))).unwrap() {
                Once::Done { value, .. } => value,
                other => panic!("{other:?}"),
            },
            _ => store.write(|w| w.runs().create(&experiment, new(number))).unwrap(),
        })
        .collect();
    let head = store.audit().head().unwrap();
    store.close().unwrap();
    Made { folder, runs, head }
}

impl Made {
    fn audit(&self, against: Option<&Head>) -> AuditReport {
        let store = options().check_integrity(true).open(self.folder.path()).unwrap();
        match against {
            Some(head) => store.audit().verify_against(head).unwrap(),
            None => store.audit().verify().unwrap(),
        }
    }

    #[track_caller]
    fn assert_fault(&self, sequence: u64) {
        let report = self.audit(None);
        let fault = report.fault.expect("something is wrong");
        assert_eq!(fault.sequence.get(), sequence, "{fault:?}");
    }
}

#[test]
fn an_edited_key_is_found_where_it_is_first_used() {
    for (code, sequence) in [(0_u32, 2), (1, 6)] {
        let made = made();
        tamper(made.folder.path(), |write| {
            let sealed = seal(KEY, &code.to_le_bytes(), b"other");
            write.open_table(DICTIONARY).unwrap().insert(code, sealed.as_slice()).unwrap();
        });
        made.assert_fault(sequence);
    }
}

#[test]
fn a_long_text_that_was_edited_or_removed_is_found_and_not_returned() {
    for remove in [false, true] {
        let made = made();
        tamper(made.folder.path(), |write| {
            let mut table = write.open_table(TEXTS).unwrap();
            let (digest, mut text) = {
                let (key, value) = table.first().unwrap().unwrap();
                (*key.value().0, value.value().to_vec())
            };
            if remove {
                table.remove((&digest, 0)).unwrap();
            } else {
                text[7] = b'y';
                table.insert((&digest, 0), text.as_slice()).unwrap();
            }
        });
        made.assert_fault(5);
        let store = options().open(made.folder.path()).unwrap();
        assert_eq!(store.read().runs().get(&made.runs[3]).unwrap_err().kind(), ErrorKind::Corrupt);
        assert!(store.read().runs().get(&made.runs[2]).is_ok());
    }
}

#[test]
fn a_project_that_was_hidden_without_a_commit_is_found() {
    let made = made();
    tamper(made.folder.path(), |write| {
        write.open_table(HIDDEN).unwrap().insert((1, 0), ()).unwrap();
    });
    made.assert_fault(1);
}

/// The last two commits and all they did are taken away, and the key index is told that it never followed them:
/// what is left is a store that is whole, and shorter.
#[test]
fn a_cut_end_that_hides_its_traces_shows_against_a_head_only() {
    let made = made();
    tamper(made.folder.path(), |write| {
        write.open_table(LOG).unwrap().retain(|(sequence, _, _), _| sequence <= 5).unwrap();
        write.open_table(RUNS).unwrap().retain(|row, _| row < 4).unwrap();
        let watermark: Vec<u8> = [5_u64, 1, 1, 4].iter().flat_map(|number| number.to_le_bytes()).collect();
        write.open_table(META).unwrap().insert("keys", seal(SETTING, b"keys", &watermark).as_slice()).unwrap();
    });
    let report = made.audit(None);
    assert!(report.is_intact(), "{report:?}");
    assert_eq!(report.commits, 5);
    let fault = made.audit(Some(&made.head)).fault.expect("the end is missing");
    assert_eq!(fault.sequence.get(), 6, "{fault:?}");
    // An earlier head of the same store is still right.
    assert!(made.audit(Some(&report.head)).is_intact());
    let store = options().open(made.folder.path()).unwrap();
    assert!(store.read().runs().get(&made.runs[3]).is_ok());
    assert_eq!(store.read().runs().get(&made.runs[4]).unwrap_err().kind(), ErrorKind::NotFound);
}

/// The key index proposes rows: what it has lost is not found, though its record is whole.
#[test]
fn each_entry_that_the_key_index_lost_is_found() {
    const ENTRIES: TableDefinition<(u64, u32), ()> = TableDefinition::new("entries");
    let mut faults = Vec::new();
    // Those of row 4: run 4 by its id, by its name, under its parent; and commit 4 by its write id.
    for lost in 0..4 {
        let made = made();
        let mut nth = 0;
        tamper(made.folder.path(), |write| {
            let mut table = write.open_table(ENTRIES).unwrap();
            table
                .retain(|(_, row), ()| {
                    nth += usize::from(row == 4);
                    row != 4 || nth != lost + 1
                })
                .unwrap();
        });
        assert_eq!(nth, 4);
        faults.push(made.audit(None).fault.expect("something is lost").sequence.get());
    }
    faults.sort_unstable();
    assert_eq!(faults, [4, 6, 6, 6]);
}

#[test]
fn another_key_of_the_hashes_is_found() {
    let made = made();
    tamper(made.folder.path(), |write| {
        write.open_table(META).unwrap().insert("hash-key", seal(SETTING, b"hash-key", &[7; 16]).as_slice()).unwrap();
    });
    made.assert_fault(1);
}
