//! SQLite, one JSON text for each run. What the queries ask is in generated columns and covering indexes, and the
//! tags, of which a run has several, in a table that repeats what is asked together with them.

use std::error::Error;
use std::path::Path;

use rusqlite::{Connection, params};

use super::{page, sqlite};
use crate::engine::{Answer, COUNT, Engine, FACETS, Way};
use crate::queries::{Query, each_record};
use crate::record::Record;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// The columns stand before the body, so that they are read without it.
const SCHEMA: &str = "
    create table runs (
        run integer primary key,
        start_time integer as (json_extract(body, '$.start_time')) stored,
        experiment text as (json_extract(body, '$.experiment')) stored,
        accuracy real as (json_extract(body, '$.metrics.accuracy')) stored,
        val_loss real as (json_extract(body, '$.metrics.val_loss')) stored,
        rare_metric real as (json_extract(body, '$.metrics.rare_metric')) stored,
        optimizer text as (json_extract(body, '$.hyperparameters.optimizer')) stored,
        status text as (json_extract(body, '$.attributes.status')) stored,
        id text as (json_extract(body, '$.id')) stored,
        body text not null
    );
    create table tags (
        tag text not null, optimizer text, accuracy real, start_time integer, run integer not null,
        primary key (tag, optimizer, accuracy, start_time, run)
    ) without rowid;";
/// Made once the runs are there, which is much faster.
const INDEXES: &str = "
    create unique index by_id on runs (id);
    create index by_start on runs (start_time, accuracy, rare_metric, optimizer, status, experiment);
    create index by_accuracy on runs (accuracy, start_time);
    create index by_loss on runs (val_loss);
    create index by_experiment on runs (experiment, val_loss);
    create index by_rare on runs (rare_metric, start_time);
    create index by_optimizer on runs (optimizer, status, accuracy);
    insert into tags select tag.value, optimizer, accuracy, start_time, run
        from runs, json_each(body, '$.tags') as tag order by 1, 2, 3, 4, 5;
    create index by_tag on tags (tag, accuracy);
    create table tag_names as select distinct tag from tags;
    insert into words (rowid, description) select run, json_extract(body, '$.description') from runs;
    insert into parts (rowid, description) select run, json_extract(body, '$.description') from runs;";

/// Statements of pages by plan: `walk` goes by time until it has a page, `index` sorts what an index finds.
macro_rules! pick {
    ($rows:literal) => {
        concat!("select body from (", $rows, " limit 20) as page cross join runs on runs.run = page.run")
    };
}

const ABOVE: [(&str, &str); 2] = [
    ("walk", pick!("select run from runs indexed by by_start where accuracy > ? order by start_time desc")),
    ("index", pick!("select run from runs indexed by by_accuracy where accuracy > ? order by start_time desc")),
];
const THREE: [(&str, &str); 2] = [
    (
        "walk",
        pick!(
            "select run from runs as r indexed by by_start where exists (select 1 from tags as t where t.tag = ?1
            and t.optimizer = r.optimizer and t.accuracy = r.accuracy and t.start_time = r.start_time and t.run = r.run)
            and optimizer = ?2 and accuracy > ?3 order by start_time desc"
        ),
    ),
    ("index", pick!("select run from tags where tag = ? and optimizer = ? and accuracy > ? order by start_time desc")),
];
const LOSS_IN: [(&str, &str); 1] =
    [("", pick!("select run from runs indexed by by_experiment where experiment = ? order by val_loss"))];
const LOSS: [(&str, &str); 1] = [("", pick!("select run from runs indexed by by_loss order by val_loss"))];
const UP: [(&str, &str); 1] = [(
    "",
    "select body from (select run from runs indexed by by_start order by start_time limit 20 offset ?) as page
    cross join runs on runs.run = page.run",
)];
const DOWN: [(&str, &str); 1] = [(
    "",
    "select body from (select run from runs indexed by by_start order by start_time desc limit 20 offset ?) as page
    cross join runs on runs.run = page.run",
)];
const ABSENT: [(&str, &str); 2] = [
    ("walk", pick!("select run from runs indexed by by_start where rare_metric is null order by start_time desc")),
    ("index", pick!("select run from runs indexed by by_rare where rare_metric is null order by start_time desc")),
];
const OTHER: [(&str, &str); 2] = [
    ("walk", pick!("select run from runs indexed by by_start where rare_metric <> ? order by start_time desc")),
    (
        "index",
        pick!(
            "select run from (select run, start_time from runs indexed by by_rare where rare_metric < ?1 union all
            select run, start_time from runs indexed by by_rare where rare_metric > ?1) order by start_time desc"
        ),
    ),
];
const WORD: [(&str, &str); 1] = [(
    "",
    pick!("select run from words cross join runs on run = words.rowid where words match ? order by start_time desc"),
)];
const PART: [(&str, &str); 1] = [(
    "",
    pick!("select run from parts cross join runs on run = parts.rowid where parts match ? order by start_time desc"),
)];

fn pages(query: &Query) -> &'static [(&'static str, &'static str)] {
    match query {
        Query::Above { .. } => &ABOVE,
        Query::Three { .. } => &THREE,
        Query::LossIn { .. } => &LOSS_IN,
        Query::Loss => &LOSS,
        Query::From { descending: false, .. } => &UP,
        Query::From { descending: true, .. } => &DOWN,
        Query::Absent => &ABSENT,
        Query::Other { .. } => &OTHER,
        Query::Word { .. } => &WORD,
        Query::Part { .. } => &PART,
        Query::Status { .. } | Query::TagsAbove { .. } => &[],
    }
}

fn counts(query: &Query) -> &'static [(&'static str, &'static str)] {
    match query {
        Query::Above { .. } => &[("", "select count(*) from runs indexed by by_accuracy where accuracy > ?")],
        Query::Three { .. } => &[("", "select count(*) from tags where tag = ? and optimizer = ? and accuracy > ?")],
        Query::LossIn { .. } => &[("", "select count(*) from runs indexed by by_experiment where experiment = ?")],
        Query::Loss | Query::From { .. } => &[("", "select count(*) from runs")],
        Query::Absent => &[("", "select count(*) from runs indexed by by_rare where rare_metric is null")],
        Query::Other { .. } => &[(
            "",
            "select (select count(*) from runs indexed by by_rare where rare_metric < ?1) +
            (select count(*) from runs indexed by by_rare where rare_metric > ?1)",
        )],
        Query::Word { .. } => &[("", "select count(*) from words where words match ?")],
        Query::Part { .. } => &[("", "select count(*) from parts where parts match ?")],
        Query::TagsAbove { .. } => &[],
        Query::Status { .. } => &[(
            "",
            "select count(*) from runs indexed by by_optimizer where optimizer = ? and status = ? and accuracy > ?",
        )],
    }
}

/// One tag after the other, each by its own range.
const TAGS_ABOVE: &str = "select tag, (select count(*) from tags as t indexed by by_tag
    where t.tag = tag_names.tag and accuracy > ?) from tag_names";

pub(super) fn load(folder: &Path, file: &Path) -> Result<()> {
    let connection = sqlite::create(folder)?;
    connection.execute_batch(SCHEMA)?;
    connection.execute_batch(sqlite::TEXTS)?;
    connection.execute_batch("begin")?;
    each_record(file, |record| {
        let mut insert = connection.prepare_cached("insert into runs (body) values (?)")?;
        insert.execute(params![serde_json::to_string(&record)?])?;
        Ok(())
    })?;
    connection.execute_batch(INDEXES)?;
    connection.execute_batch(sqlite::FINISH)?;
    connection.execute_batch("commit")?;
    Ok(())
}

pub(super) struct SqliteJson(Connection);

impl SqliteJson {
    pub(super) fn open(folder: &Path, cache_mib: usize) -> Result<Self> {
        Ok(SqliteJson(sqlite::connect(folder, cache_mib)?))
    }
}

impl Engine for SqliteJson {
    fn peer(&self) -> Option<&'static str> {
        Some("sqlite-json")
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
        let runs: Vec<Record> = sqlite::rows(&self.0, sql, constants, |row| {
            // Parsed where SQLite has it.
            Ok(serde_json::from_str(row.get_ref(0)?.as_str()?)?)
        })?;
        Ok(page(query, &runs))
    }
}
