//! SQLite, one row for each key of a run. Nothing in it is made for one key: an index finds the runs by the value of
//! any, with their start time, by which the pages are sorted.

use std::error::Error;
use std::path::Path;

use rusqlite::types::{ToSql, ToSqlOutput, Value, ValueRef};
use rusqlite::{Connection, Statement, params};

use super::{page, sqlite};
use crate::engine::{Answer, COUNT, Engine, FACETS, Way};
use crate::queries::{Query, each_record};
use crate::record::{Pairs, Record, Scalar};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

const SCHEMA: &str = "
    create table runs (
        run integer primary key, start_time integer, end_time integer, experiment text not null, id text not null,
        project text not null, name text not null, owner text not null, description text not null
    );
    create table key_values (
        run integer not null, kind integer not null, key text not null, value, start_time integer,
        primary key (run, kind, key)
    ) without rowid;";
const INDEXES: &str = "
    create unique index by_id on runs (id);
    create index by_start on runs (start_time);
    create index by_experiment on runs (experiment);
    create index by_value on key_values (kind, key, value, start_time, run);
    insert into words (rowid, description) select run, description from runs;
    insert into parts (rowid, description) select run, description from runs;";
const INSERT_RUN: &str = "insert into runs (start_time, end_time, experiment, id, project, name, owner, description)
    values (?, ?, ?, ?, ?, ?, ?, ?)";
const INSERT_KEY: &str = "insert into key_values (run, kind, key, value, start_time) values (?, ?, ?, ?, ?)";
const SELECT_RUN: &str = "select start_time, end_time, experiment, id, project, name, owner, description
    from runs where run = ?";
const SELECT_KEYS: &str = "select kind, key, value from key_values where run = ?";

const HYPERPARAMETER: i64 = 0;
const METRIC: i64 = 1;
const ATTRIBUTE: i64 = 2;
/// The tag is the key.
const TAG: i64 = 3;

const TAGS_ABOVE: &str = "select t.key, count(*) from key_values as k indexed by by_value
    cross join key_values as t on t.run = k.run and t.kind = 3
    where k.kind = 1 and k.key = 'accuracy' and k.value > ? group by t.key";

type Plans = &'static [(&'static str, &'static str)];

/// The runs of pages: `walk` goes by time until it has a page, `index` sorts what an index finds. What is asked of a
/// run that was found goes by the primary key: with a plus, `value` is no term of an index, by which SQLite would look
/// through all runs of that value each time.
fn pages(query: &Query) -> Plans {
    match query {
        Query::Above { .. } => &[
            (
                "walk",
                "select run from runs as r indexed by by_start where exists (select 1 from key_values as k
                where k.run = r.run and kind = 1 and key = 'accuracy' and +value > ?)
                order by start_time desc limit 20",
            ),
            (
                "index",
                "select run from key_values indexed by by_value where kind = 1 and key = 'accuracy' and value > ?
                order by start_time desc limit 20",
            ),
        ],
        // The runs of a tag are in the order of time.
        Query::Three { .. } => &[(
            "",
            "select run from key_values as t indexed by by_value where kind = 3 and key = ? and value is null
            and exists (select 1 from key_values as k where k.run = t.run and kind = 0 and key = 'optimizer'
                and +value = ?)
            and exists (select 1 from key_values as k where k.run = t.run and kind = 1 and key = 'accuracy'
                and +value > ?)
            order by start_time desc limit 20",
        )],
        Query::LossIn { .. } => &[(
            "",
            "select k.run from key_values as k indexed by by_value cross join runs as r on r.run = k.run
            where kind = 1 and key = 'val_loss' and experiment = ? order by value limit 20",
        )],
        Query::Loss => &[(
            "",
            "select run from key_values indexed by by_value where kind = 1 and key = 'val_loss'
            order by value limit 20",
        )],
        Query::From { descending: false, .. } => {
            &[("", "select run from runs indexed by by_start order by start_time limit 20 offset ?")]
        }
        Query::From { descending: true, .. } => {
            &[("", "select run from runs indexed by by_start order by start_time desc limit 20 offset ?")]
        }
        Query::Absent => &[(
            "",
            "select run from runs as r indexed by by_start where not exists (select 1 from key_values as k
            where k.run = r.run and kind = 1 and key = 'rare_metric') order by start_time desc limit 20",
        )],
        Query::Other { .. } => &[
            (
                "walk",
                "select run from runs as r indexed by by_start where exists (select 1 from key_values as k
                where k.run = r.run and kind = 1 and key = 'rare_metric' and +value <> ?)
                order by start_time desc limit 20",
            ),
            (
                "index",
                "select run from key_values indexed by by_value where kind = 1 and key = 'rare_metric' and value <> ?
                order by start_time desc limit 20",
            ),
        ],
        Query::Word { .. } => &[(
            "",
            "select run from words cross join runs on run = words.rowid where words match ?
            order by start_time desc limit 20",
        )],
        Query::Part { .. } => &[(
            "",
            "select run from parts cross join runs on run = parts.rowid where parts match ?
            order by start_time desc limit 20",
        )],
        Query::Status { .. } | Query::TagsAbove { .. } => &[],
    }
}

fn counts(query: &Query) -> Plans {
    match query {
        Query::Above { .. } => &[(
            "",
            "select count(*) from key_values indexed by by_value where kind = 1 and key = 'accuracy' and value > ?",
        )],
        Query::Three { .. } => &[(
            "",
            "select count(*) from key_values as t indexed by by_value where kind = 3 and key = ? and value is null
            and exists (select 1 from key_values as k where k.run = t.run and kind = 0 and key = 'optimizer'
                and +value = ?)
            and exists (select 1 from key_values as k where k.run = t.run and kind = 1 and key = 'accuracy'
                and +value > ?)",
        )],
        Query::LossIn { .. } => &[("", "select count(*) from runs indexed by by_experiment where experiment = ?")],
        Query::Loss | Query::From { .. } => &[("", "select count(*) from runs")],
        Query::Absent => &[(
            "",
            "select (select count(*) from runs) - (select count(*) from key_values indexed by by_value
            where kind = 1 and key = 'rare_metric')",
        )],
        Query::Other { .. } => &[(
            "",
            "select (select count(*) from key_values indexed by by_value
                where kind = 1 and key = 'rare_metric' and value < ?1) +
            (select count(*) from key_values indexed by by_value
                where kind = 1 and key = 'rare_metric' and value > ?1)",
        )],
        Query::Word { .. } => &[("", "select count(*) from words where words match ?")],
        Query::Part { .. } => &[("", "select count(*) from parts where parts match ?")],
        Query::TagsAbove { .. } => &[],
        Query::Status { .. } => &[
            (
                "optimizer first",
                "select count(*) from key_values as t indexed by by_value
                where kind = 0 and key = 'optimizer' and value = ?1
                and exists (select 1 from key_values as k where k.run = t.run and kind = 2 and key = 'status'
                    and +value = ?2)
                and exists (select 1 from key_values as k where k.run = t.run and kind = 1 and key = 'accuracy'
                    and +value > ?3)",
            ),
            (
                "status first",
                "select count(*) from key_values as t indexed by by_value
                where kind = 2 and key = 'status' and value = ?2
                and exists (select 1 from key_values as k where k.run = t.run and kind = 0 and key = 'optimizer'
                    and +value = ?1)
                and exists (select 1 from key_values as k where k.run = t.run and kind = 1 and key = 'accuracy'
                    and +value > ?3)",
            ),
        ],
    }
}

pub(super) fn load(folder: &Path, file: &Path) -> Result<()> {
    let connection = sqlite::create(folder)?;
    connection.execute_batch(SCHEMA)?;
    connection.execute_batch(sqlite::TEXTS)?;
    connection.execute_batch("begin")?;
    let mut insert_run = connection.prepare(INSERT_RUN)?;
    let mut insert_key = connection.prepare(INSERT_KEY)?;
    each_record(file, |of| {
        let Record { start_time, end_time, experiment, id, project, name, owner, description, .. } = &of;
        insert_run.execute(params![start_time, end_time, experiment, id, project, name, owner, description])?;
        let run = connection.last_insert_rowid();
        let kinds = [(HYPERPARAMETER, &of.hyperparameters), (METRIC, &of.metrics), (ATTRIBUTE, &of.attributes)];
        for (kind, Pairs(pairs)) in kinds {
            for (key, value) in pairs {
                insert_key.execute(params![run, kind, key, value, start_time])?;
            }
        }
        for tag in &of.tags {
            insert_key.execute(params![run, TAG, tag, None::<i64>, start_time])?;
        }
        Ok(())
    })?;
    drop((insert_run, insert_key));
    connection.execute_batch(INDEXES)?;
    connection.execute_batch(sqlite::FINISH)?;
    connection.execute_batch("commit")?;
    Ok(())
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

pub(super) struct SqliteEav(Connection);

impl SqliteEav {
    pub(super) fn open(folder: &Path, cache_mib: usize) -> Result<Self> {
        Ok(SqliteEav(sqlite::connect(folder, cache_mib)?))
    }
}

/// The complete run in a row.
fn read(run: i64, select_run: &mut Statement<'_>, select_keys: &mut Statement<'_>) -> Result<Record> {
    let mut record = select_run.query_row([run], |row| {
        Ok(Record {
            start_time: row.get(0)?,
            end_time: row.get(1)?,
            experiment: row.get(2)?,
            id: row.get(3)?,
            project: row.get(4)?,
            name: row.get(5)?,
            owner: row.get(6)?,
            description: row.get(7)?,
            ..Record::default()
        })
    })?;
    let mut rows = select_keys.query([run])?;
    while let Some(row) = rows.next()? {
        let key: String = row.get(1)?;
        let pairs = match row.get(0)? {
            HYPERPARAMETER => &mut record.hyperparameters,
            METRIC => &mut record.metrics,
            ATTRIBUTE => &mut record.attributes,
            _ => {
                record.tags.push(key);
                continue;
            }
        };
        let value = match row.get_ref(2)? {
            ValueRef::Integer(int) => Scalar::Int(int),
            ValueRef::Real(float) => Scalar::Float(float),
            value => Scalar::Text(value.as_str()?.to_owned()),
        };
        pairs.0.push((key, value));
    }
    Ok(record)
}

impl Engine for SqliteEav {
    fn peer(&self) -> Option<&'static str> {
        Some("sqlite-eav")
    }

    fn ways(&self, query: &Query) -> Vec<Way> {
        sqlite::ways(query, pages(query), counts(query))
    }

    fn ask(&mut self, way: Way, query: &Query) -> Result<Answer> {
        if way.what == FACETS {
            return sqlite::tags(&self.0, TAGS_ABOVE, rusqlite::params_from_iter(sqlite::constants(way, query)));
        }
        let statements = if way.what == COUNT { counts(query) } else { pages(query) };
        let sql = sqlite::statement(statements, way)?;
        let constants = rusqlite::params_from_iter(sqlite::constants(way, query));
        if way.what == COUNT {
            return Ok(Answer::Count(sqlite::count(&self.0, sql, constants)?));
        }
        let found: Vec<i64> = sqlite::rows(&self.0, sql, constants, |row| Ok(row.get(0)?))?;
        let mut select_run = self.0.prepare_cached(SELECT_RUN)?;
        let mut select_keys = self.0.prepare_cached(SELECT_KEYS)?;
        let runs = found.into_iter().map(|run| read(run, &mut select_run, &mut select_keys));
        Ok(page(query, &runs.collect::<Result<Vec<_>>>()?))
    }
}
