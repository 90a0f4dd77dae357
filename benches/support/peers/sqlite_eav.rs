//! SQLite, one row for each key of a run, and an index to find runs by the value of any key.

use std::path::Path;

use rusqlite::types::{ToSql, ToSqlOutput, Value, ValueRef};
use rusqlite::{Connection, OptionalExtension, params};

use super::{Peer, connect};
use crate::support::record::{Pairs, Record, Scalar};

const SCHEMA: &str = "
    create table if not exists runs (
        run integer primary key, id text not null unique, project text not null, experiment text not null,
        name text not null, owner text not null, start_time integer, end_time integer, description text not null
    );
    create unique index if not exists runs_by_name on runs (experiment, name);
    create table if not exists key_values (
        run integer not null, kind integer not null, key text not null, value, primary key (run, kind, key)
    ) without rowid;
    create index if not exists by_value on key_values (kind, key, value, run);";
const INSERT_RUN: &str = "insert into runs (id, project, experiment, name, owner, start_time, end_time, description)
    values (?, ?, ?, ?, ?, ?, ?, ?)";
const INSERT_KEY: &str = "insert into key_values (run, kind, key, value) values (?, ?, ?, ?)";
const SELECT_RUN: &str = "select run, project, experiment, name, owner, start_time, end_time, description
    from runs where id = ?";
const SELECT_KEYS: &str = "select kind, key, value from key_values where run = ? order by kind, key";

const HYPERPARAMETER: i64 = 0;
const METRIC: i64 = 1;
const ATTRIBUTE: i64 = 2;
const TAG: i64 = 3;

pub(crate) struct SqliteEav(Connection);

impl SqliteEav {
    pub(crate) fn open(folder: &Path) -> Self {
        SqliteEav(connect(folder, SCHEMA))
    }
}

impl Peer for SqliteEav {
    fn insert(&mut self, record: &Record) {
        self.insert_all(std::slice::from_ref(record));
    }

    fn insert_all(&mut self, records: &[Record]) {
        let transaction = self.0.transaction().unwrap();
        {
            let mut insert_run = transaction.prepare_cached(INSERT_RUN).unwrap();
            let mut insert_key = transaction.prepare_cached(INSERT_KEY).unwrap();
            for of in records {
                let run = params![
                    of.id,
                    of.project,
                    of.experiment,
                    of.name,
                    of.owner,
                    of.start_time,
                    of.end_time,
                    of.description
                ];
                insert_run.execute(run).unwrap();
                let run = transaction.last_insert_rowid();
                for (kind, Pairs(pairs)) in
                    [(HYPERPARAMETER, &of.hyperparameters), (METRIC, &of.metrics), (ATTRIBUTE, &of.attributes)]
                {
                    for (key, value) in pairs {
                        insert_key.execute(params![run, kind, key, value]).unwrap();
                    }
                }
                for tag in &of.tags {
                    insert_key.execute(params![run, TAG, tag, None::<i64>]).unwrap();
                }
            }
        }
        transaction.commit().unwrap();
    }

    fn get(&mut self, id: &str) -> Record {
        let mut select_run = self.0.prepare_cached(SELECT_RUN).unwrap();
        let found = select_run.query_row([id], |row| {
            let record = Record {
                id: id.to_owned(),
                project: row.get(1)?,
                experiment: row.get(2)?,
                name: row.get(3)?,
                owner: row.get(4)?,
                start_time: row.get(5)?,
                end_time: row.get(6)?,
                description: row.get(7)?,
                ..Record::default()
            };
            Ok((row.get::<_, i64>(0)?, record))
        });
        let (run, mut record) = found.optional().unwrap().expect("the run is there");
        let mut select_keys = self.0.prepare_cached(SELECT_KEYS).unwrap();
        let mut rows = select_keys.query([run]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            let key: String = row.get(1).unwrap();
            let pairs = match row.get(0).unwrap() {
                HYPERPARAMETER => &mut record.hyperparameters,
                METRIC => &mut record.metrics,
                ATTRIBUTE => &mut record.attributes,
                _ => {
                    record.tags.push(key);
                    continue;
                }
            };
            let value = match row.get_ref(2).unwrap() {
                ValueRef::Integer(int) => Scalar::Int(int),
                ValueRef::Real(float) => Scalar::Float(float),
                value => Scalar::Text(value.as_str().unwrap().to_owned()),
            };
            pairs.0.push((key, value));
        }
        record
    }
}

impl ToSql for Scalar {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self {
            Scalar::Int(int) => ToSqlOutput::Owned(Value::Integer(*int)),
            Scalar::Float(float) => ToSqlOutput::Owned(Value::Real(*float)),
            Scalar::Text(text) => ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes())),
        })
    }
}
