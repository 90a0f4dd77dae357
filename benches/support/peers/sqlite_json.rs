//! SQLite, one JSON text for each run, found by its id and by nothing else.

use std::path::Path;

use rusqlite::{Connection, params};

use super::{Peer, connect};
use crate::support::record::Record;

const SCHEMA: &str = "create table if not exists runs (id text primary key not null, body text not null);";
const INSERT: &str = "insert into runs (id, body) values (?, ?)";
const SELECT: &str = "select body from runs where id = ?";

pub(crate) struct SqliteJson(Connection);

impl SqliteJson {
    pub(crate) fn open(folder: &Path) -> Self {
        SqliteJson(connect(folder, SCHEMA))
    }
}

impl Peer for SqliteJson {
    fn insert(&mut self, record: &Record) {
        self.insert_all(std::slice::from_ref(record));
    }

    fn insert_all(&mut self, records: &[Record]) {
        let transaction = self.0.transaction().unwrap();
        {
            let mut insert = transaction.prepare_cached(INSERT).unwrap();
            for record in records {
                insert.execute(params![record.id, serde_json::to_string(record).unwrap()]).unwrap();
            }
        }
        transaction.commit().unwrap();
    }

    fn get(&mut self, id: &str) -> Record {
        let mut select = self.0.prepare_cached(SELECT).unwrap();
        let mut rows = select.query([id]).unwrap();
        let row = rows.next().unwrap().expect("the run is there");
        // Parsed where SQLite has it, without a copy of the text.
        serde_json::from_str(row.get_ref(0).unwrap().as_str().unwrap()).unwrap()
    }
}
