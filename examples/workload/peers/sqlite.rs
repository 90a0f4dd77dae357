//! What both schemas of SQLite share: the connection, the texts' indexes, and statements by way and query.

use std::error::Error;
use std::path::Path;

use rusqlite::types::Value;
use rusqlite::{Connection, Params, Row};

use crate::engine::{Answer, COUNT, FACETS, OWNED, Way};
use crate::queries::{Query, Tags};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Words, for which no positions are kept, and trigrams, of which a phrase is a substring. Neither keeps the texts.
pub(super) const TEXTS: &str = "
    create virtual table words using fts5(description, content='', columnsize=0, detail=none);
    create virtual table parts using fts5(description, content='', columnsize=0, tokenize='trigram');";
/// One segment each.
pub(super) const FINISH: &str = "
    insert into words(words) values ('optimize');
    insert into parts(parts) values ('optimize');
    analyze;";

/// A new file, written without regard for a crash.
pub(super) fn create(folder: &Path) -> Result<Connection> {
    let connection = connect(folder, 256)?;
    connection.pragma_update(None, "journal_mode", "off")?;
    connection.pragma_update(None, "synchronous", "off")?;
    Ok(connection)
}

/// A connection with the file mapped, room for its pages, and statements that stay prepared.
pub(super) fn connect(folder: &Path, cache_mib: usize) -> Result<Connection> {
    let connection = Connection::open(folder.join("runs.sqlite"))?;
    connection.pragma_update(None, "cache_size", -i64::try_from(cache_mib << 10)?)?;
    connection.pragma_update(None, "mmap_size", 1_i64 << 33)?;
    connection.pragma_update(None, "temp_store", "memory")?;
    connection.set_prepared_statement_cache_capacity(128);
    Ok(connection)
}

/// The constants of a query, asked in a way.
pub(super) fn constants(way: Way, query: &Query) -> Vec<Value> {
    let text = |text: &String| Value::from(text.clone());
    match query {
        Query::Above { x } | Query::TagsAbove { x } => vec![(*x).into()],
        Query::Three { optimizer, x, tag } => vec![text(tag), text(optimizer), (*x).into()],
        Query::LossIn { experiment } => vec![text(experiment)],
        Query::Loss | Query::Absent => Vec::new(),
        Query::From { .. } if way.what == COUNT => Vec::new(),
        Query::From { offset, .. } => vec![i64::try_from(*offset).unwrap_or(i64::MAX).into()],
        Query::Other { v } => vec![(*v).into()],
        // Quoted, so that nothing in it is an operator of FTS5.
        Query::Word { word: text } | Query::Part { part: text } => vec![format!("\"{text}\"").into()],
        Query::Status { optimizer, x, status } => vec![text(optimizer), text(status), (*x).into()],
    }
}

/// One number.
pub(super) fn count(connection: &Connection, sql: &str, constants: impl Params) -> Result<u64> {
    let count: i64 = connection.prepare_cached(sql)?.query_row(constants, |row| row.get(0))?;
    Ok(count.try_into()?)
}

/// Tags with their counts.
pub(super) fn tags(connection: &Connection, sql: &str, constants: impl Params) -> Result<Answer> {
    let tags = rows(connection, sql, constants, |row| Ok((row.get(0)?, row.get::<_, i64>(1)?.try_into()?)))?;
    Ok(Answer::Tags(tags.into_iter().filter(|(_, count)| *count > 0).collect::<Tags>()))
}

/// What `each` makes of the rows.
pub(super) fn rows<T>(
    connection: &Connection,
    sql: &str,
    constants: impl Params,
    mut each: impl FnMut(&Row<'_>) -> Result<T>,
) -> Result<Vec<T>> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(constants)?;
    let mut made = Vec::with_capacity(crate::queries::PAGE);
    while let Some(row) = rows.next()? {
        made.push(each(row)?);
    }
    Ok(made)
}

/// The ways of a table of statements: those of the pages, and of the counts.
pub(super) fn ways(
    query: &Query,
    pages: &[(&'static str, &'static str)],
    counts: &[(&'static str, &'static str)],
) -> Vec<Way> {
    if matches!(query, Query::TagsAbove { .. }) {
        return Way::by(FACETS, &[""]);
    }
    let of = |what, plans: &[(&'static str, &'static str)]| -> Vec<Way> {
        plans.iter().map(|(plan, _)| Way { what, plan }).collect()
    };
    [of(COUNT, counts), of(OWNED, pages)].concat()
}

/// The statement of a way.
pub(super) fn statement(statements: &[(&'static str, &'static str)], way: Way) -> Result<&'static str> {
    let found = statements.iter().find(|(plan, _)| *plan == way.plan);
    Ok(found.map(|(_, sql)| *sql).ok_or("no such plan")?)
}
