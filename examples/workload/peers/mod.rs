//! Others over the same runs, each as strong as somebody who knows the queries beforehand would make it by hand: what
//! is indexed is what they ask. They are read only; none keeps a history.

mod sqlite;
mod sqlite_eav;
mod sqlite_json;
mod tantivy;
mod trigrams;

use std::error::Error;
use std::fs;
use std::path::Path;

use crate::engine::{Answer, Engine};
use crate::queries::{self, Query};
use crate::record::Record;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Every peer with the runs of `file` in it. What an earlier call has made in `place` is opened.
pub(crate) fn open(place: &Path, file: &Path, n: usize, cache_mib: usize) -> Result<Vec<Box<dyn Engine>>> {
    let folder = |name: &str| place.join(format!("{name}-{n}"));
    let made = |name: &str, make: &dyn Fn(&Path) -> Result<()>| -> Result<()> {
        if !folder(name).exists() {
            eprintln!("loading {name}");
            // Whole or not there.
            let unfinished = folder(&format!("unfinished-{name}"));
            let _ = fs::remove_dir_all(&unfinished);
            fs::create_dir_all(&unfinished)?;
            make(&unfinished)?;
            fs::rename(unfinished, folder(name))?;
        }
        Ok(())
    };
    made("sqlite-json", &|folder| sqlite_json::load(folder, file))?;
    made("sqlite-eav", &|folder| sqlite_eav::load(folder, file))?;
    made("tantivy", &|folder| tantivy::load(folder, file))?;
    Ok(vec![
        Box::new(sqlite_json::SqliteJson::open(&folder("sqlite-json"), cache_mib)?),
        Box::new(sqlite_eav::SqliteEav::open(&folder("sqlite-eav"), cache_mib)?),
        Box::new(tantivy::Tantivy::open(&folder("tantivy"), cache_mib)?),
    ])
}

/// What the runs of a page are sorted by.
fn page(query: &Query, runs: &[Record]) -> Answer {
    let keys = runs.iter().map(|run| {
        let loss = if query.is_by_loss() { queries::number(&run.metrics, "val_loss") } else { None };
        query.sorted_by(run.start_time, loss.unwrap_or(f64::INFINITY))
    });
    Answer::Page(keys.collect())
}
