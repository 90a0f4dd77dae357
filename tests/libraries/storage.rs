//! redb: what a commit costs, what is checked and what is not, and how long things live.

use modeldb::simulation::SimulatedDisk;
use modeldb::{NewProject, Store};
use redb::{Database, ReadableDatabase, ReadableTable, ReadableTableMetadata, TableDefinition};

const TABLE: TableDefinition<u32, &[u8]> = TableDefinition::new("records");

fn file() -> tempfile::NamedTempFile {
    tempfile::NamedTempFile::new().unwrap()
}

#[test]
fn leaves_are_packed_when_keys_ascend() {
    let file = file();
    let database = Database::create(file.path()).unwrap();
    let value = [7_u8; 300];
    // In commits of their own, as rows and log entries come.
    for first in (0..20_000_u32).step_by(500) {
        let write = database.begin_write().unwrap();
        {
            let mut table = write.open_table(TABLE).unwrap();
            for row in first..first + 500 {
                table.insert(row, value.as_slice()).unwrap();
            }
        }
        write.commit().unwrap();
    }
    let read = database.begin_read().unwrap();
    let stats = read.open_table(TABLE).unwrap().stats().unwrap();
    let (stored, fragmented) = (stats.stored_bytes(), stats.fragmented_bytes());
    let fill = stored as f64 / (stored + fragmented + stats.metadata_bytes()) as f64;
    println!("leaves are {:.1} % full", 100.0 * fill);
    assert!(fill > 0.85, "{fill}");
}

#[test]
fn a_commit_is_one_sync() {
    let disk = SimulatedDisk::new();
    let store = Store::options().open_simulated(&disk).unwrap();
    for _ in 0..3 {
        let before = disk.counts().syncs;
        store.write(|w| w.projects().create(NewProject::new())).unwrap();
        assert_eq!(disk.counts().syncs - before, 1);
    }
}

/// A file of 200 rows that a clean close left, and the offset of one row's bytes in it.
fn closed_file() -> (tempfile::NamedTempFile, Vec<u8>, usize) {
    let file = file();
    let mut database = Database::create(file.path()).unwrap();
    let write = database.begin_write().unwrap();
    {
        let mut table = write.open_table(TABLE).unwrap();
        for row in 0..200 {
            table.insert(row, format!("the value of row {row:05}").as_bytes()).unwrap();
        }
    }
    write.commit().unwrap();
    assert!(database.check_integrity().unwrap());
    drop(database);
    let bytes = std::fs::read(file.path()).unwrap();
    let wanted = b"the value of row 00123";
    let at = bytes.windows(wanted.len()).position(|window| window == wanted).unwrap();
    (file, bytes, at)
}

#[test]
fn checksums_are_not_verified_on_reads() {
    let (file, mut bytes, at) = closed_file();
    // The last digit, in every copy of the page.
    let wanted = bytes[at..at + 22].to_vec();
    let copies: Vec<_> = (0..bytes.len() - 22).filter(|at| bytes[*at..*at + 22] == wanted).collect();
    for at in copies {
        bytes[at + 21] = b'4';
    }
    std::fs::write(file.path(), &bytes).unwrap();
    let database = Database::open(file.path()).unwrap();
    let read = database.begin_read().unwrap();
    let table = read.open_table(TABLE).unwrap();
    // Returned as if nothing were: hence a CRC in every record.
    assert_eq!(table.get(123).unwrap().unwrap().value(), b"the value of row 00124");
    drop((table, read, database));
    // The integrity check finds it.
    let checked = Database::builder().set_check_integrity_on_open(true).open(file.path());
    match checked {
        Err(error) => println!("refused: {error}"),
        Ok(database) => {
            let read = database.begin_read().unwrap();
            let found = read.open_table(TABLE).map(|table| table.get(123).unwrap().map(|value| value.value().to_vec()));
            assert_ne!(found.ok().flatten().as_deref(), Some(&b"the value of row 00124"[..]), "the check let it pass");
        }
    }
}

#[test]
fn an_owned_guard_outlives_its_table_and_transaction() {
    let file = file();
    let database = Database::create(file.path()).unwrap();
    let put = |value: &[u8]| {
        let write = database.begin_write().unwrap();
        write.open_table(TABLE).unwrap().insert(1, value).unwrap();
        write.commit().unwrap();
    };
    put(b"old");
    let guard = {
        let read = database.begin_read().unwrap();
        let table = read.open_table(TABLE).unwrap();
        table.get_owned(1).unwrap().unwrap()
    };
    // Its pages are not given away while it lives.
    for round in 0..50_u8 {
        put(&[round; 2000]);
    }
    assert_eq!(guard.value(), b"old");
}

#[test]
fn a_transaction_that_is_dropped_leaves_nothing() {
    let file = file();
    let database = Database::create(file.path()).unwrap();
    let write = database.begin_write().unwrap();
    write.open_table(TABLE).unwrap().insert(1, b"kept".as_slice()).unwrap();
    write.commit().unwrap();
    let write = database.begin_write().unwrap();
    {
        let mut table = write.open_table(TABLE).unwrap();
        table.insert(1, b"changed".as_slice()).unwrap();
        table.insert(2, b"new".as_slice()).unwrap();
        write.open_table(TableDefinition::<u32, u32>::new("another")).unwrap().insert(1, 1).unwrap();
    }
    drop(write);
    // The writer is free again, and sees what a reader sees.
    let write = database.begin_write().unwrap();
    assert_eq!(write.open_table(TABLE).unwrap().get(1).unwrap().unwrap().value(), b"kept");
    drop(write);
    let read = database.begin_read().unwrap();
    let table = read.open_table(TABLE).unwrap();
    assert_eq!(table.len().unwrap(), 1);
    assert_eq!(table.get(1).unwrap().unwrap().value(), b"kept");
    assert!(read.open_table(TableDefinition::<u32, u32>::new("another")).is_err());
}

#[test]
fn a_snapshot_is_not_disturbed_by_later_commits() {
    let file = file();
    let database = Database::create(file.path()).unwrap();
    let put = |row: u32| {
        let write = database.begin_write().unwrap();
        write.open_table(TABLE).unwrap().insert(row, row.to_le_bytes().as_slice()).unwrap();
        write.commit().unwrap();
    };
    put(0);
    let read = database.begin_read().unwrap();
    (1..50).for_each(put);
    let table = read.open_table(TABLE).unwrap();
    assert_eq!((table.len().unwrap(), table.last().unwrap().unwrap().0.value()), (1, 0));
}
