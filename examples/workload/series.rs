//! The phase of series: observations written one by one and by the thousand, and read again, beside SQLite
//! and raw redb.

use std::error::Error;
use std::fs;
use std::hint::black_box;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::time::Instant;

use modeldb::{NewObservation, NewRun, RunId, Store, Timestamp};
use redb::{ReadableDatabase, TableDefinition};
use rusqlite::{Connection, params};
use serde_json::{Value as Json, json};

use crate::measure::Times;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Observations that are written at once, as a training loop's logger would.
const BATCH: usize = 1_000;
/// Observations that are written one by one.
const SINGLE: usize = 2_000;
/// Turns of each engine.
const TURNS: usize = 5;

/// One line of `series.jsonl`.
struct Line {
    run: String,
    key: String,
    start: i64,
    step: i64,
    values: Vec<f64>,
}

impl Line {
    fn time(&self, index: usize) -> i64 {
        self.start + self.step * index as i64
    }
}

fn lines(path: &Path) -> Result<Vec<Line>> {
    let file = fs::File::open(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let mut lines = Vec::new();
    for line in BufReader::new(file).lines() {
        let json: Json = serde_json::from_str(&line?)?;
        let number = |key: &str| json[key].as_i64().ok_or_else(|| format!("{key} is no number"));
        let text = |key: &str| json[key].as_str().map(str::to_owned).ok_or_else(|| format!("{key} is no text"));
        let values = json["values"].as_array().ok_or("values are no list")?;
        lines.push(Line {
            run: text("run")?,
            key: text("metric")?,
            start: number("t0")?,
            step: number("dt")?,
            values: values.iter().filter_map(Json::as_f64).collect(),
        });
    }
    Ok(lines)
}

/// Something that keeps series.
trait Engine {
    fn peer(&self) -> Option<&'static str>;
    fn append(&mut self, run: usize, line: &Line, range: std::ops::Range<usize>) -> Result<()>;
    /// The sum of all values of a series, and of their epochs and times.
    fn read(&mut self, run: usize, line: &Line) -> Result<(f64, i64, usize)>;
    /// Bytes of all that is stored.
    fn bytes(&mut self) -> Result<u64>;
}

struct Ours {
    store: Store,
    runs: Vec<RunId>,
}

impl Engine for Ours {
    fn peer(&self) -> Option<&'static str> {
        None
    }

    fn append(&mut self, run: usize, line: &Line, range: std::ops::Range<usize>) -> Result<()> {
        let observations = range.map(|index| {
            let new = NewObservation::new(line.values[index]).epoch_number(index as i64);
            (line.key.as_str(), new.timestamp(Timestamp::from_millis(line.time(index))))
        });
        self.store.write(|w| w.runs().log_observations(&self.runs[run], observations))?;
        Ok(())
    }

    fn read(&mut self, run: usize, line: &Line) -> Result<(f64, i64, usize)> {
        let mut all = self.store.read().runs().observations(&self.runs[run], &line.key)?;
        let columns = all.columns(usize::MAX)?;
        let epochs = columns.epoch_numbers.iter().fold(0_i64, |sum, epoch| sum.wrapping_add(*epoch));
        let times = columns.timestamps.iter().fold(0_i64, |sum, time| sum.wrapping_add(time.millis()));
        Ok((columns.numbers.iter().sum(), epochs.wrapping_add(times), columns.numbers.len()))
    }

    fn bytes(&mut self) -> Result<u64> {
        Ok(self.store.storage_stats()?.tables.iter().map(|table| table.bytes()).sum())
    }
}

struct Sqlite(Connection);

impl Sqlite {
    fn open(path: &Path) -> Result<Sqlite> {
        let connection = Connection::open(path)?;
        connection.execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
             CREATE TABLE observation (run INTEGER, key TEXT, number INTEGER, epoch INTEGER, time INTEGER, value REAL,
                                       PRIMARY KEY (run, key, number)) WITHOUT ROWID;",
        )?;
        Ok(Sqlite(connection))
    }
}

impl Engine for Sqlite {
    fn peer(&self) -> Option<&'static str> {
        Some("sqlite")
    }

    fn append(&mut self, run: usize, line: &Line, range: std::ops::Range<usize>) -> Result<()> {
        let transaction = self.0.transaction()?;
        {
            let mut insert = transaction.prepare_cached("INSERT INTO observation VALUES (?, ?, ?, ?, ?, ?)")?;
            for index in range {
                let number = index as i64;
                insert.execute(params![run as i64, line.key, number, number, line.time(index), line.values[index]])?;
            }
        }
        transaction.commit()?;
        Ok(())
    }

    fn read(&mut self, run: usize, line: &Line) -> Result<(f64, i64, usize)> {
        let query = "SELECT epoch, time, value FROM observation WHERE run = ? AND key = ? ORDER BY number";
        let mut select = self.0.prepare_cached(query)?;
        let mut rows = select.query(params![run as i64, line.key])?;
        let (mut sum, mut other, mut count) = (0.0, 0_i64, 0);
        while let Some(row) = rows.next()? {
            other = other.wrapping_add(row.get::<_, i64>(0)?).wrapping_add(row.get::<_, i64>(1)?);
            sum += row.get::<_, f64>(2)?;
            count += 1;
        }
        Ok((sum, other, count))
    }

    fn bytes(&mut self) -> Result<u64> {
        let pragma = |pragma: &str| self.0.query_row(&format!("PRAGMA {pragma}"), [], |row| row.get::<_, i64>(0));
        pragma("wal_checkpoint(TRUNCATE)")?;
        Ok(u64::try_from(pragma("page_count")? * pragma("page_size")?)?)
    }
}

/// A row for each observation, in what modeldb stands on.
struct Redb(redb::Database);

const OBSERVATIONS: TableDefinition<'static, (u32, &str, u64), (i64, i64, f64)> = TableDefinition::new("observations");

impl Redb {
    fn open(path: &Path) -> Result<Redb> {
        let database = redb::Database::create(path)?;
        let write = database.begin_write()?;
        write.open_table(OBSERVATIONS)?;
        write.commit()?;
        Ok(Redb(database))
    }
}

impl Engine for Redb {
    fn peer(&self) -> Option<&'static str> {
        Some("redb")
    }

    fn append(&mut self, run: usize, line: &Line, range: std::ops::Range<usize>) -> Result<()> {
        let write = self.0.begin_write()?;
        {
            let mut table = write.open_table(OBSERVATIONS)?;
            for index in range {
                let value = (index as i64, line.time(index), line.values[index]);
                table.insert((u32::try_from(run)?, line.key.as_str(), index as u64), value)?;
            }
        }
        write.commit()?;
        Ok(())
    }

    fn read(&mut self, run: usize, line: &Line) -> Result<(f64, i64, usize)> {
        let (run, key) = (u32::try_from(run)?, line.key.as_str());
        let table = self.0.begin_read()?.open_table(OBSERVATIONS)?;
        let (mut sum, mut other, mut count) = (0.0, 0_i64, 0);
        for row in table.range((run, key, 0)..=(run, key, u64::MAX))? {
            let (epoch, time, value) = row?.1.value();
            other = other.wrapping_add(epoch).wrapping_add(time);
            sum += value;
            count += 1;
        }
        Ok((sum, other, count))
    }

    fn bytes(&mut self) -> Result<u64> {
        let stats = self.0.begin_write()?.stats()?;
        Ok(stats.stored_bytes() + stats.metadata_bytes() + stats.fragmented_bytes())
    }
}

fn tell(engine: &dyn Engine, what: &str, value: f64, unit: &str) {
    let mut line = json!({"phase": "series", "what": what, "value": (value * 100.0).round() / 100.0, "unit": unit});
    if let Some(peer) = engine.peer() {
        line["peer"] = peer.into();
    }
    println!("{line}");
}

/// Runs the phase in a folder of its own.
pub(crate) fn measure(path: &Path, folder: &Path) -> Result<()> {
    let lines = lines(path)?;
    let _ = fs::remove_dir_all(folder);
    fs::create_dir_all(folder)?;
    let store = Store::open(folder.join("store"))?;
    let mut names: Vec<&str> = lines.iter().map(|line| line.run.as_str()).collect();
    names.dedup();
    let runs = store.write(|w| {
        let project = w.projects().get_or_create("bench")?;
        let experiment = w.experiments().get_or_create(&project, "series")?;
        w.runs().create_many(&experiment, names.iter().map(|name| NewRun::named(*name)))
    })?;
    let at = |line: &Line| names.iter().position(|name| *name == line.run).unwrap_or_default();
    let mut engines: Vec<Box<dyn Engine>> = vec![
        Box::new(Ours { store, runs }),
        Box::new(Sqlite::open(&folder.join("sqlite"))?),
        Box::new(Redb::open(&folder.join("redb"))?),
    ];
    let before = engines.iter_mut().map(|engine| engine.bytes()).collect::<Result<Vec<_>>>()?;
    let mut batches: Vec<Times> = engines.iter().map(|_| Times::default()).collect();
    for (turn, lines) in lines.chunks(lines.len().div_ceil(TURNS)).enumerate() {
        for place in 0..engines.len() {
            let engine = (turn + place) % engines.len();
            for line in lines {
                for from in (0..line.values.len()).step_by(BATCH) {
                    let range = from..(from + BATCH).min(line.values.len());
                    batches[engine].time(|| engines[engine].append(at(line), line, range))?;
                }
            }
        }
    }
    for (engine, times) in engines.iter().zip(&mut batches) {
        tell(engine.as_ref(), "append_batch1000", BATCH as f64 * 1e6 / times.quantile_us(0.5), "points/s");
    }
    let points: usize = lines.iter().map(|line| line.values.len()).sum();
    for (engine, before) in engines.iter_mut().zip(before) {
        let bytes = engine.bytes()? - before;
        tell(engine.as_ref(), "stored", bytes as f64 / points as f64, "bytes/point");
    }
    let mut reads: Vec<Times> = engines.iter().map(|_| Times::default()).collect();
    for turn in 0..2 * TURNS {
        for place in 0..engines.len() {
            let engine = (turn + place) % engines.len();
            for (number, line) in lines.iter().enumerate() {
                let start = Instant::now();
                let (sum, other, count) = black_box(engines[engine].read(at(line), line)?);
                // The first of a turn warm up.
                if number >= 3 {
                    reads[engine].push(start.elapsed());
                }
                let expected: i64 = (0..line.values.len()).map(|index| index as i64 + line.time(index)).sum();
                let expected_sum: f64 = line.values.iter().sum();
                if (count, other) != (line.values.len(), expected) || (sum - expected_sum).abs() > 1e-6 {
                    return Err("a series was read with other values".into());
                }
            }
        }
    }
    for (engine, times) in engines.iter().zip(&mut reads) {
        tell(engine.as_ref(), "read_1000", times.quantile_us(0.5), "us");
    }
    let Some(last) = lines.last() else { return Ok(()) };
    let single = Line {
        key: "single".to_owned(),
        values: last.values.repeat(SINGLE.div_ceil(last.values.len().max(1))),
        run: String::new(),
        ..*last
    };
    let mut singles: Vec<Times> = engines.iter().map(|_| Times::default()).collect();
    for turn in 0..TURNS {
        for place in 0..engines.len() {
            let engine = (turn + place) % engines.len();
            for index in turn * (SINGLE / TURNS)..(turn + 1) * (SINGLE / TURNS) {
                singles[engine].time(|| engines[engine].append(0, &single, index..index + 1))?;
            }
        }
    }
    for (engine, times) in engines.iter().zip(&mut singles) {
        tell(engine.as_ref(), "append_single", 1e6 / times.quantile_us(0.5), "points/s");
    }
    Ok(())
}
