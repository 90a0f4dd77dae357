//! SQLite, one JSON text for each run: found by its id, by its name in its experiment, and listed by experiment, as
//! modeldb does; and once more with the indexes that searching runs wants.

use std::path::Path;

use rusqlite::{Connection, params};

use super::{Peer, connect};
use crate::support::record::Record;

const SCHEMA: &str = "
    create table if not exists runs (
        id text primary key not null, experiment text not null, name text not null, body text not null
    );
    create unique index if not exists runs_by_name on runs (experiment, name);";

/// One index for each field that runs are usually searched and ordered by.
const SEARCHED: &str = "
    create index if not exists by_start on runs (json_extract(body, '$.start_time'));
    create index if not exists by_accuracy on runs (json_extract(body, '$.metrics.accuracy'));
    create index if not exists by_loss on runs (json_extract(body, '$.metrics.val_loss'));
    create index if not exists by_rare on runs (json_extract(body, '$.metrics.rare_metric'));
    create index if not exists by_optimizer on runs (json_extract(body, '$.hyperparameters.optimizer'));
    create index if not exists by_status on runs (json_extract(body, '$.attributes.status'));";

const INSERT: &str = "insert into runs (id, experiment, name, body) values (?, ?, ?, ?)";
const SELECT: &str = "select body from runs where id = ?";

pub(crate) struct SqliteJson(Connection);

impl SqliteJson {
    pub(crate) fn open(folder: &Path) -> Self {
        SqliteJson(connect(folder, SCHEMA))
    }

    pub(crate) fn open_searched(folder: &Path) -> Self {
        SqliteJson(connect(folder, &format!("{SCHEMA}{SEARCHED}")))
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
                let body = serde_json::to_string(record).unwrap();
                insert.execute(params![record.id, record.experiment, record.name, body]).unwrap();
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
