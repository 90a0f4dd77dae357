//! The workload every engine is measured with: `workload <dir> <N>` loads `runs-N.jsonl` and prints one JSON
//! line a phase.
//!
//! Options:
//! - `--only PHASE,...` of `ingest`, `threads`, `bulk`, `open`, `read`, `query`, `disk`, `recover`, `top`,
//!   `text`, `verify`, `series`, `artifacts`
//! - `--store DIR`: where the stores are made, and found again (default: a temporary folder)
//! - `--cache-mib N`: the page cache of every engine (default: 1024)
//! - `--peers`: the phase `query` asks others the same, in turns: SQLite in two schemas, and tantivy
//!
//! Progress, and a summary of the comparison, go to standard error.

#![allow(clippy::indexing_slicing)] // A program that stops at what it does not expect.

mod artifacts;
mod engine;
mod load;
mod measure;
mod peers;
mod phases;
mod queries;
mod query;
/// Runs as the benchmarks' peers have them.
#[allow(dead_code, clippy::unwrap_used)]
#[path = "../../benches/support/record.rs"]
mod record;
mod series;
mod words;

use std::path::PathBuf;
use std::process::ExitCode;

use phases::Workload;

const PHASES: [&str; 13] = [
    "ingest",
    "threads",
    "bulk",
    "open",
    "read",
    "query",
    "disk",
    "recover",
    "top",
    "text",
    "verify",
    "series",
    "artifacts",
];

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn std::error::Error>> {
    let mut words = std::env::args().skip(1);
    let mut places = Vec::new();
    let mut only: Option<Vec<String>> = None;
    let (mut place, mut cache_mib, mut with_peers) = (None, 1024, false);
    while let Some(word) = words.next() {
        match word.as_str() {
            "--only" => only = words.next().map(|list| list.split(',').map(str::to_owned).collect()),
            "--cache-mib" => cache_mib = words.next().unwrap_or_default().parse()?,
            "--peers" => with_peers = true,
            "--store" => place = words.next().map(PathBuf::from),
            // A second process of the recovery phase: it is killed in the middle of its writes.
            "--victim" => return phases::victim(&PathBuf::from(words.next().unwrap_or_default())),
            _ => places.push(word),
        }
    }
    let [folder, number] = places.as_slice() else {
        return Err("usage: workload <dir> <N> [--only PHASE,...] [--store DIR] [--cache-mib N] [--peers]".into());
    };
    let n: usize = number.parse()?;
    for phase in only.iter().flatten() {
        if !PHASES.contains(&phase.as_str()) {
            return Err(format!("no phase {phase}; there are {}", PHASES.join(", ")).into());
        }
    }
    let temporary = tempfile::tempdir()?;
    let place = place.unwrap_or_else(|| temporary.path().to_owned());
    let wanted = |phase: &str| only.as_ref().is_none_or(|only| only.iter().any(|name| name == phase));
    let mut workload = Workload::new(PathBuf::from(folder), n, place, cache_mib);
    if wanted("ingest") {
        workload.ingest_durable(1)?;
    }
    if wanted("threads") {
        workload.ingest_durable(8)?;
        workload.ingest_durable(32)?;
    }
    if wanted("series") {
        series::measure(&workload.folder.join("series.jsonl"), &workload.place.join("series"))?;
    }
    if wanted("artifacts") {
        artifacts::measure(&workload.place.join("artifacts"), n)?;
    }
    if only.as_ref().is_some_and(|only| only.iter().all(|name| name == "series" || name == "artifacts")) {
        return Ok(());
    }
    // Everything after reads what the bulk load made.
    workload.ingest_bulk(wanted("bulk"))?;
    if wanted("open") {
        workload.open()?;
    }
    if wanted("read") {
        workload.point_read()?;
    }
    if wanted("query") {
        workload.query(with_peers)?;
    }
    if wanted("disk") {
        workload.disk()?;
    }
    if wanted("recover") {
        workload.recover()?;
    }
    if wanted("top") {
        workload.ingest_on_top()?;
    }
    if wanted("text") {
        workload.text()?;
    }
    if wanted("verify") {
        workload.verify()?;
    }
    Ok(())
}
