//! The engines that are compared: modeldb, SQLite in two schemas (one of them also with indexes for searching), and
//! redb as it is.
//!
//! All give the same durability: whatever they acknowledge is synced. They do not give the same beyond: only
//! modeldb keeps a history with a hash chain; redb finds a run by its id alone.

mod modeldb;
mod redb;
mod sqlite_eav;
mod sqlite_json;

use std::path::Path;

use super::record::Record;

pub(crate) use modeldb::ModelDb;
pub(crate) use redb::RedbJson;
pub(crate) use sqlite_eav::SqliteEav;
pub(crate) use sqlite_json::SqliteJson;

/// An engine with runs in it. Dropping it closes it.
pub(crate) trait Peer {
    /// Puts one run in; it is durable on return.
    fn insert(&mut self, record: &Record);

    /// Puts runs in with one transaction; they are durable on return.
    fn insert_all(&mut self, records: &[Record]);

    /// The complete run of an id.
    fn get(&mut self, id: &str) -> Record;
}

/// Opens or creates an engine in a folder.
pub(crate) type Open = fn(&Path) -> Box<dyn Peer>;

/// Every engine with its name, modeldb first.
pub(crate) const PEERS: [(&str, Open); 5] = [
    ("modeldb", |folder| Box::new(ModelDb::open(folder))),
    ("sqlite-eav", |folder| Box::new(SqliteEav::open(folder))),
    ("sqlite-json", |folder| Box::new(SqliteJson::open(folder))),
    ("sqlite-json+", |folder| Box::new(SqliteJson::open_searched(folder))),
    ("redb-json", |folder| Box::new(RedbJson::open(folder))),
];

/// A connection that syncs each commit, once, as redb does.
fn connect(folder: &Path, schema: &str) -> rusqlite::Connection {
    let connection = rusqlite::Connection::open(folder.join("runs.sqlite")).unwrap();
    connection.pragma_update(None, "journal_mode", "wal").unwrap();
    connection.pragma_update(None, "synchronous", "full").unwrap();
    // 128 MiB, like modeldb's default.
    connection.pragma_update(None, "cache_size", -(128 << 10)).unwrap();
    connection.execute_batch(schema).unwrap();
    let setting =
        |name: &str| -> rusqlite::types::Value { connection.pragma_query_value(None, name, |row| row.get(0)).unwrap() };
    assert_eq!(setting("journal_mode"), "wal".to_owned().into());
    assert_eq!(setting("synchronous"), 2.into(), "a commit of SQLite is not synced");
    connection
}

/// Fails unless the engine answers with what it was given.
pub(crate) fn check(name: &str, peer: &mut dyn Peer, records: &[Record]) {
    for record in records.iter().step_by(1 + records.len() / 50) {
        assert_eq!(peer.get(&record.id), *record, "{name} answers with another run");
    }
}
