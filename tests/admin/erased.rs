//! What was purged is in no file after a compaction.

use std::fs;
use std::path::Path;

use modeldb::{NewComment, NewRun, Store};
use redb::TableDefinition;

use super::{files, fill, options};

const MARKER: &str = "xyzzymarker";

/// The files in which the marker stands, in any case.
fn marked(folder: &Path) -> Vec<String> {
    let holds = |bytes: &[u8]| bytes.windows(MARKER.len()).any(|window| window.eq_ignore_ascii_case(MARKER.as_bytes()));
    let all = files(folder).into_iter().filter(|path| holds(&fs::read(path).unwrap()));
    all.map(|path| path.display().to_string()).collect()
}

#[test]
fn nothing_of_what_was_purged_is_in_any_file() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = temporary.path().join("store");
    let store = options().open(&folder).unwrap();
    let (experiment, ids) = fill(&store, 20);
    let new = NewRun::named(MARKER).description(format!("a {MARKER} of a run ").repeat(400)).owner(MARKER);
    let new = new.attribute("note", MARKER).hyperparameter("note", format!("{MARKER} too")).tag(MARKER);
    let run = store.write(|w| w.runs().create(&experiment, new)).unwrap();
    store.write(|w| w.runs().log_observations(&run, [("text", MARKER)])).unwrap();
    store.write(|w| w.comments().add(&run, NewComment::new(format!("on {MARKER}")))).unwrap();
    store.optimize().unwrap();
    store.wait_indexed(store.read().sequence()).unwrap();
    store.write(|w| w.runs().rename(&run, &format!("no longer {MARKER}"))).unwrap();
    store.wait_indexed(store.read().sequence()).unwrap();
    assert!(!marked(&folder).is_empty());
    let kept = store.audit().head().unwrap();
    store.write(|w| w.runs().delete(&run)).unwrap();
    assert!(store.purge().unwrap().finished);
    // What the tables hold no more, pages do.
    store.flush().unwrap();
    assert_eq!(marked(&folder).len(), 1, "a purge alone erases pages by now: then say so in its documentation");
    let compacted = store.compact().unwrap();
    assert!(compacted.after <= compacted.before, "{compacted}");
    assert_eq!(marked(&folder), [""; 0]);
    assert!(store.audit().verify_against(&kept).unwrap().is_intact());
    super::assert_intact(&store);
    store.write(|w| w.runs().describe(&ids[0], "written on")).unwrap();
    store.close().unwrap();
    assert_eq!(marked(&folder), [""; 0]);
    let store = options().check_integrity(true).open(&folder).unwrap();
    assert!(store.audit().verify_against(&kept).unwrap().is_intact());
    super::assert_intact(&store);
    assert_eq!(store.read().runs().get(&ids[0]).unwrap().description, "written on");
}

/// What a block of the filter index leaves behind when it is cut short stays behind.
#[test]
fn fields_of_no_block_are_not_copied() {
    const FILTER: TableDefinition<(u32, u32, u8, u32, u32), &[u8]> = TableDefinition::new("filter");
    let folder = tempfile::tempdir().unwrap();
    let store = options().open(folder.path()).unwrap();
    fill(&store, 20);
    store.close().unwrap();
    crate::support::tamper(folder.path(), |write| {
        let mut table = write.open_table(FILTER).unwrap();
        table.insert((1, 77, 5, 0, 0), format!("of {MARKER}").as_bytes()).unwrap();
    });
    let store = options().open(folder.path()).unwrap();
    assert_eq!(marked(folder.path()).len(), 1);
    super::assert_intact(&store);
    store.compact().unwrap();
    assert_eq!(marked(folder.path()), [""; 0]);
    super::assert_intact(&store);
}

/// Why it is not redb that compacts.
#[test]
fn the_librarys_own_compaction_leaves_pages_as_they_were() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let mut database = redb::Database::create(file.path()).unwrap();
    const TABLE: TableDefinition<u32, &[u8]> = TableDefinition::new("t");
    for round in 0..2 {
        let write = database.begin_write().unwrap();
        {
            let mut table = write.open_table(TABLE).unwrap();
            for row in 0..400_u32 {
                match (round, row) {
                    (0, _) => drop(table.insert(row, format!("{MARKER} {row}").repeat(20).as_bytes()).unwrap()),
                    (_, 100..300) => drop(table.remove(row).unwrap()),
                    _ => drop(table.insert(row, "kept ".repeat(40).as_bytes()).unwrap()),
                }
            }
        }
        write.commit().unwrap();
    }
    while database.compact().unwrap() {}
    database.close().unwrap();
    let bytes = fs::read(file.path()).unwrap();
    let stale = bytes.windows(MARKER.len()).filter(|window| *window == MARKER.as_bytes()).count();
    println!("{stale} markers are left in {} bytes", bytes.len());
    assert!(stale > 0);
}

/// A compaction that was cut short leaves a copy, which goes when the store is opened.
#[test]
fn a_copy_that_was_left_goes_at_the_next_open() {
    let folder = tempfile::tempdir().unwrap();
    Store::open(folder.path()).unwrap().close().unwrap();
    let left = folder.path().join("store.redb.new");
    fs::write(&left, MARKER).unwrap();
    Store::options().read_only(true).open(folder.path()).unwrap();
    assert!(left.exists());
    Store::open(folder.path()).unwrap();
    assert!(!left.exists());
}
