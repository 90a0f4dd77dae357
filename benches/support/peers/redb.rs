//! redb as it is: one table from id to bytes, the floor under modeldb. The bytes are the run's JSON.

use std::path::Path;

use redb::{Database, ReadableDatabase, TableDefinition};

use super::Peer;
use crate::support::record::Record;

const RUNS: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("runs");

pub(crate) struct RedbJson(Database);

impl RedbJson {
    pub(crate) fn open(folder: &Path) -> Self {
        // 128 MiB, like modeldb's default.
        RedbJson(Database::builder().set_cache_size(128 << 20).create(folder.join("runs.redb")).unwrap())
    }

    /// The bytes of a run, copied.
    pub(crate) fn bytes(&self, id: &str) -> Vec<u8> {
        let table = self.0.begin_read().unwrap().open_table(RUNS).unwrap();
        let found = table.get(id).unwrap().expect("the run is there");
        found.value().to_vec()
    }
}

impl Peer for RedbJson {
    fn insert(&mut self, record: &Record) {
        self.insert_all(std::slice::from_ref(record));
    }

    fn insert_all(&mut self, records: &[Record]) {
        let transaction = self.0.begin_write().unwrap();
        {
            let mut table = transaction.open_table(RUNS).unwrap();
            for record in records {
                table.insert(record.id.as_str(), serde_json::to_vec(record).unwrap().as_slice()).unwrap();
            }
        }
        transaction.commit().unwrap();
    }

    fn get(&mut self, id: &str) -> Record {
        let table = self.0.begin_read().unwrap().open_table(RUNS).unwrap();
        let found = table.get(id).unwrap().expect("the run is there");
        serde_json::from_slice(found.value()).unwrap()
    }
}
