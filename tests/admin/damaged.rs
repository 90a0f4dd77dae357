//! Each kind of damage, and what a verification says of it: the section, the place, and what to do.

use std::path::Path;

use modeldb::{ErrorKind, Finding, NewRun, Remedy, Store, Verified, VerifyReport};
use redb::{ReadableTable, TableDefinition, WriteTransaction};
use tempfile::TempDir;

use super::{assert_intact, fill, options};
use crate::support::{HIDDEN, LOG, META, RUNS, TEXTS, seal, tamper};

const EXPERIMENTS: TableDefinition<u32, &[u8]> = TableDefinition::new("experiments");
const COMMENTS: TableDefinition<u32, &[u8]> = TableDefinition::new("comments");
const SERIES: TableDefinition<(u32, u32, u32, u64), &[u8]> = TableDefinition::new("series");
const ENTRIES: TableDefinition<(u64, u32), ()> = TableDefinition::new("entries");
const FILTER: TableDefinition<(u32, u32, u8, u32, u32), &[u8]> = TableDefinition::new("filter");
const BLOCKS: TableDefinition<u32, &[u8]> = TableDefinition::new("filter_blocks");

fn made() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let store = options().open(folder.path()).unwrap();
    fill(&store, 20);
    assert_intact(&store);
    store.close().unwrap();
    folder
}

fn open(folder: &Path) -> Store {
    options().open(folder).unwrap()
}

/// Flips a bit of the last byte of a value.
fn flip<K: redb::Key + 'static>(
    write: &WriteTransaction,
    table: TableDefinition<'static, K, &'static [u8]>,
    choose: impl Fn(&K::SelfType<'_>) -> bool,
) {
    let mut table = write.open_table(table).unwrap();
    let (key, mut value) = {
        let mut found = None;
        for entry in table.iter().unwrap() {
            let (key, value) = entry.unwrap();
            if choose(&key.value()) {
                found = Some((K::as_bytes(&key.value()).as_ref().to_vec(), value.value().to_vec()));
                break;
            }
        }
        found.expect("there is such a value")
    };
    *value.last_mut().unwrap() ^= 1;
    table.insert(K::from_bytes(&key), value.as_slice()).unwrap();
}

/// Damages a store and verifies it.
fn verified(damage: impl FnOnce(&WriteTransaction)) -> (TempDir, VerifyReport) {
    let folder = made();
    tamper(folder.path(), damage);
    let report = open(folder.path()).verify().unwrap();
    (folder, report)
}

#[track_caller]
fn assert_found(report: &VerifyReport, section: Verified, place: &str) {
    let mut found = report.findings().filter(|(of, _)| *of == section);
    let is_there = found.any(|(_, finding)| {
        let derived = section == Verified::Derived;
        finding.place.contains(place) && (finding.remedy == Remedy::Rebuild) == derived
    });
    assert!(is_there, "{section} of {place}:\n{report}");
    let text = report.to_string();
    assert!(text.contains(place) && text.contains("what to do"), "{text}");
    let healthy = report.section(Verified::File).unwrap();
    assert_eq!((healthy.found, healthy.skipped.as_ref()), (0, None), "the pages are as they should be");
}

#[test]
fn damaged_values_are_found_each_by_itself() {
    let (_folder, report) = verified(|write| {
        flip(write, RUNS, |row| *row == 2);
        flip(write, COMMENTS, |row| *row == 1);
        flip(write, SERIES, |key| key.0 == 4);
        flip(write, TEXTS, |key| key.1 == 0);
        let garbage = seal(3, &7_u32.to_le_bytes(), b"no archive of a run");
        write.open_table(RUNS).unwrap().insert(7, garbage.as_slice()).unwrap();
        write.open_table(META).unwrap().insert("extra", b"damaged".as_slice()).unwrap();
    });
    for place in ["run row 2", "run row 7", "comment row 1", "series of run row 4", "long text", "setting extra"] {
        assert_found(&report, Verified::Records, place);
    }
    // The record that names the text is whole, and cannot be read.
    assert_found(&report, Verified::References, "run row 0");
    assert_found(&report, Verified::Log, "commit");
}

#[test]
fn what_is_named_and_not_there_is_found() {
    let (_folder, report) = verified(|write| {
        drop(write.open_table(EXPERIMENTS).unwrap().remove(0).unwrap());
    });
    assert_found(&report, Verified::References, "run row 0");
    assert_found(&report, Verified::References, "run row 19");
    assert_found(&report, Verified::Log, "commit 1");
    let (_folder, report) = verified(|write| {
        drop(write.open_table(RUNS).unwrap().remove(4).unwrap());
    });
    assert_found(&report, Verified::References, "comment row 1");
    assert_found(&report, Verified::References, "series of run row 4");
    let (_folder, report) = verified(|write| {
        write.open_table(SERIES).unwrap().retain(|key, _| key.0 != 8).unwrap();
        write.open_table(HIDDEN).unwrap().insert((1, 77), ()).unwrap();
    });
    assert_found(&report, Verified::References, "run row 8");
    assert_found(&report, Verified::References, "table hidden");
}

#[test]
fn another_id_in_a_record_is_found_by_all_that_name_it() {
    let folder = made();
    let store = open(folder.path());
    let experiment = {
        let read = store.read();
        let project = read.projects().list().page(1).unwrap().items[0].id.clone();
        read.experiments().get_by_name(&project, "experiment").unwrap().id
    };
    let ids = [1, 4].map(|at| store.read().runs().get_by_name(&experiment, &format!("run {at}")).unwrap().id);
    store.close().unwrap();
    tamper(folder.path(), |write| {
        let mut table = write.open_table(RUNS).unwrap();
        for (row, id) in [1_u32, 4].into_iter().zip(&ids) {
            let mut payload = table.get(row).unwrap().unwrap().value()[6..].to_vec();
            let id = uuid::Uuid::try_parse(id.as_str()).unwrap().into_bytes();
            let at = payload.windows(16).position(|window| window == id).unwrap();
            payload[at + 3] ^= 1;
            table.insert(row, seal(3, &row.to_le_bytes(), &payload).as_slice()).unwrap();
        }
    });
    let report = open(folder.path()).verify().unwrap();
    // Whose parent it is, is not looked at: it may be anywhere.
    for place in ["run row 1", "run row 4", "lineage edge row 0"] {
        assert_found(&report, Verified::References, place);
    }
}

#[test]
fn lost_entries_of_the_key_index_are_found() {
    let mut entries = Vec::new();
    let (_folder, _) = verified(|write| {
        entries = write.open_table(ENTRIES).unwrap().iter().unwrap().map(|entry| entry.unwrap().0.value()).collect();
    });
    assert!(entries.len() > 60, "{}", entries.len());
    for entry in entries.into_iter().step_by(7) {
        let (_folder, report) = verified(|write| {
            write.open_table(ENTRIES).unwrap().remove(entry).unwrap();
        });
        assert_found(&report, Verified::References, &format!("row {}", entry.1));
        // Those that name it find it no more, either.
        assert!(report.section(Verified::References).unwrap().found <= 4, "{report}");
    }
}

#[test]
fn a_gap_and_a_stranger_among_the_chunks_are_found() {
    let moved = |write: &WriteTransaction, to: u32| {
        let mut table = write.open_table(SERIES).unwrap();
        let (key, value) = {
            let (key, value) = table.first().unwrap().unwrap();
            (key.value(), value.value().to_vec())
        };
        table.insert((to, key.1, key.2, key.3), value.as_slice()).unwrap();
    };
    // Under another key it is not intact, and of a run that has none, or is none.
    let (_folder, report) = verified(|write| moved(write, 77));
    assert_found(&report, Verified::Records, "series of run row 77");
    let (_folder, report) = verified(|write| {
        // Its seal would be right.
        let mut table = write.open_table(SERIES).unwrap();
        let (key, value) = {
            let (key, value) = table.first().unwrap().unwrap();
            (key.value(), value.value().to_vec())
        };
        let at = (key.0, key.1, key.2 + 1, 5_u64);
        let words = [at.0, at.1, at.2].map(u32::to_le_bytes).concat();
        let sealed = seal(18, &[words, at.3.to_le_bytes().to_vec()].concat(), &value[6..]);
        table.insert(at, sealed.as_slice()).unwrap();
    });
    let section = report.section(Verified::References).unwrap();
    let reasons: Vec<_> = section.findings.iter().map(|finding| finding.reason.as_str()).collect();
    assert_eq!(reasons, ["what is before it ends at observation 0", "no record names it"], "{report}");
}

#[test]
fn a_damaged_commit_is_found() {
    let (_folder, report) = verified(|write| flip(write, LOG, |key| key.0 == 5));
    assert_found(&report, Verified::Log, "commit 5");
    assert_eq!(report.section(Verified::Records).unwrap().found, 0);
}

#[test]
fn a_damaged_filter_index_is_derived_and_made_again() {
    for field in [true, false] {
        let folder = made();
        tamper(folder.path(), |write| match field {
            true => flip(write, FILTER, |key| key.0 == 1),
            false => flip(write, BLOCKS, |key| *key == 1),
        });
        let store = open(folder.path());
        let report = store.verify().unwrap();
        assert_found(&report, Verified::Derived, "filter index, block 1");
        assert_eq!(report.findings().count(), 1, "{report}");
        assert_eq!(store.read().runs().find("metrics.accuracy >= 8").unwrap().count().unwrap(), 12);
        store.optimize().unwrap();
        assert_intact(&store);
    }
}

/// More is wrong than is told one by one.
#[test]
fn findings_are_counted_beyond_those_that_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let store = options().open(folder.path()).unwrap();
    fill(&store, 150);
    store.close().unwrap();
    tamper(folder.path(), |write| {
        drop(write.open_table(EXPERIMENTS).unwrap().remove(0).unwrap());
    });
    let report = open(folder.path()).verify().unwrap();
    let section = report.section(Verified::References).unwrap();
    assert_eq!(section.findings.len(), modeldb::limits::VERIFY_FINDINGS);
    assert!(section.found >= 150, "{}", section.found);
    assert!(report.to_string().contains("more"), "{report}");
}

#[test]
fn a_damaged_page_is_found_and_the_handle_writes_no_more() {
    let folder = made();
    let path = folder.path().join("store.redb");
    let mut bytes = std::fs::read(&path).unwrap();
    // Every copy of it: which one counts is redb's business.
    let places: Vec<usize> =
        bytes.windows(6).enumerate().filter(|(_, window)| *window == b"run 13").map(|(at, _)| at).collect();
    assert!(!places.is_empty());
    places.into_iter().for_each(|at| bytes[at + 4] = b'9');
    std::fs::write(&path, bytes).unwrap();
    let store = open(folder.path());
    let report = store.verify().unwrap();
    println!("{report}");
    assert_eq!(report.section(Verified::File).unwrap().found, 1, "{report}");
    assert!(report.findings().any(|(of, found)| of == Verified::Records && found.place == "run row 13"), "{report}");
    let refused = store.write(|w| w.projects().get_or_create("more"));
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::Poisoned);
    assert_eq!(store.compact().unwrap_err().kind(), ErrorKind::Poisoned);
    assert!(store.read().runs().find("metrics.accuracy = 3").unwrap().count().is_ok());
}

/// What the last commit wrote is damaged while the store is open: that is told, and no commit is taken back for it.
#[test]
fn damage_of_what_was_written_last_takes_no_commit_back() {
    let folder = made();
    let path = folder.path().join("store.redb");
    let store = open(folder.path());
    let run = store
        .write(|w| {
            let project = w.projects().get_or_create("p")?;
            let experiment = w.experiments().get_or_create(&project, "e")?;
            w.runs().create(&experiment, NewRun::named("the last run of all").metric("new key", 1))
        })
        .unwrap();
    let head = store.audit().head().unwrap();
    let bytes = std::fs::read(&path).unwrap();
    let file = std::fs::File::options().write(true).open(&path).unwrap();
    let mut places = 0;
    for (at, _) in bytes.windows(19).enumerate().filter(|(_, window)| *window == b"the last run of all") {
        let mut file = &file;
        std::io::Seek::seek(&mut file, std::io::SeekFrom::Start(at as u64)).unwrap();
        std::io::Write::write_all(&mut file, b"T").unwrap();
        places += 1;
    }
    assert!(places > 0);
    file.sync_all().unwrap();
    let report = store.verify().unwrap();
    println!("{report}");
    let found: Vec<_> = report.findings().filter(|(of, _)| *of == Verified::File).map(|(_, found)| found).collect();
    assert!(matches!(found[..], [Finding { remedy: Remedy::Restore, .. }]), "{report}");
    assert!(!report.to_string().contains("missing"), "{report}");
    assert_eq!(store.audit().head().unwrap(), head);
    assert_ne!(store.read().runs().get(&run).map_err(|error| error.kind()).err(), Some(ErrorKind::NotFound));
    let refused = store.write(|w| w.projects().get_or_create("more"));
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::Poisoned);
}

#[test]
fn a_backup_is_made_of_what_is_damaged() {
    let (folder, report) = verified(|write| flip(write, RUNS, |row| *row == 2));
    assert!(!report.is_intact());
    let store = open(folder.path());
    let beside = tempfile::tempdir().unwrap();
    let backup = beside.path().join("backup");
    let made = store.backup(&backup).unwrap();
    assert_eq!(made.damaged, 1);
    assert!(made.to_string().contains("damaged"), "{made}");
    let copy = open(&backup);
    assert_eq!(copy.read().sequence(), store.read().sequence());
    assert_found(&copy.verify().unwrap(), Verified::Records, "run row 2");
    // What cannot be read may name anything.
    assert_eq!(store.gc(&modeldb::GcOptions::new()).unwrap_err().kind(), ErrorKind::Corrupt);
}

/// A parent that a creation names is as it was given: of another store, or of nobody's.
#[test]
fn a_run_may_name_a_parent_that_is_nowhere() {
    let folder = made();
    let store = open(folder.path());
    store
        .write(|w| {
            let project = w.projects().get_or_create("p")?;
            let experiment = w.experiments().get_or_create(&project, "e")?;
            w.runs().create(&experiment, modeldb::NewRun::named("child").parent("nobody".parse::<modeldb::RunId>()?))
        })
        .unwrap();
    assert_intact(&store);
}
