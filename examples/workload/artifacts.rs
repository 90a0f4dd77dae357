//! The phase of artifacts: one of a GiB beside a plain file, and many of 4 KiB beside a file for each and
//! raw redb.

use std::error::Error;
use std::fs::{self, File};
use std::hint::black_box;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use redb::{Database, ReadableDatabase, TableDefinition};

use modeldb::{Artifact, GcOptions, NewRun, RunId, Store};
use serde_json::json;

use crate::measure::Times;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Bytes of the large artifact, and of a piece of it that is handed on at once.
const LARGE: u64 = 1 << 30;
/// Of a workload that is only tried out.
const TRIED: u64 = 16 << 20;
const PIECE: usize = 1 << 20;
/// Bytes of a small artifact.
const SMALL: usize = 4096;
/// Small artifacts that are made durable one by one.
const SINGLE: usize = 1_000;
/// Small artifacts of one commit.
const BATCH: usize = 10_000;
/// Blobs that a collection goes through.
const COLLECTED: usize = 100_000;
/// Turns of each engine.
const TURNS: usize = 4;

/// Bytes that do not repeat, as they are asked for.
struct Bytes {
    left: u64,
    state: u64,
}

impl Bytes {
    fn new(len: u64, seed: u64) -> Self {
        Bytes { left: len, state: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1 }
    }

    fn small(seed: u64) -> Vec<u8> {
        let mut bytes = vec![0; SMALL];
        let read = Bytes::new(SMALL as u64, seed).read(&mut bytes);
        debug_assert_eq!(read.ok(), Some(SMALL));
        bytes
    }
}

impl Read for Bytes {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let count = usize::try_from(self.left).unwrap_or(usize::MAX).min(out.len());
        for word in out[..count].chunks_mut(8) {
            self.state = self.state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let bytes = self.state.to_le_bytes();
            word.copy_from_slice(&bytes[..word.len()]);
        }
        self.left -= count as u64;
        Ok(count)
    }
}

fn tell(what: &str, value: f64, unit: &str, peer: Option<&str>) {
    let mut line = json!({"phase": "artifacts", "what": what, "value": (value * 100.0).round() / 100.0, "unit": unit});
    if let Some(peer) = peer {
        line["peer"] = peer.into();
    }
    println!("{line}");
}

/// Of an even number, the mean of the two in the middle.
fn median(mut all: Vec<f64>) -> f64 {
    all.sort_by(f64::total_cmp);
    let at = |place: usize| all.get(place).copied().unwrap_or(f64::NAN);
    (at(all.len() / 2) + at(all.len().saturating_sub(1) / 2)) / 2.0
}

/// MiB a second.
fn rate(len: u64, time: Duration) -> f64 {
    (len >> 20) as f64 / time.as_secs_f64()
}

fn read_all(mut from: impl Read) -> Result<u64> {
    let mut piece = vec![0; PIECE];
    let mut all = 0;
    loop {
        match from.read(&mut piece)? {
            0 => return Ok(all),
            count => all += black_box(&piece[..count]).len() as u64,
        }
    }
}

/// Takes what the system has of files out of its memory, where that is allowed.
fn drop_caches() -> bool {
    let synced = std::process::Command::new("sync").status().is_ok();
    synced && fs::write("/proc/sys/vm/drop_caches", "1").is_ok()
}

/// In full from 10,000 runs on.
pub(crate) fn measure(place: &Path, n: usize) -> Result<()> {
    let _ = fs::remove_dir_all(place);
    fs::create_dir_all(place)?;
    let store = Store::open(place.join("store"))?;
    // A run of its own for each small artifact: with a thousand, a record is long.
    let (run, others) = store.write(|w| {
        let project = w.projects().get_or_create("bench")?;
        let experiment = w.experiments().get_or_create(&project, "artifacts")?;
        Ok((
            w.runs().create(&experiment, NewRun::named("large"))?,
            w.runs().create_many(&experiment, (0..SINGLE).map(|number| NewRun::named(format!("small {number}"))))?,
        ))
    })?;
    large(&store, &run, place, if n < 10_000 { TRIED } else { LARGE })?;
    small(&store, &others, place)?;
    collect(&store, if n < 10_000 { BATCH } else { COLLECTED })?;
    store.close()?;
    fs::remove_dir_all(place)?;
    Ok(())
}

/// In turns; each turn other bytes, made before the clock runs.
fn large(store: &Store, run: &RunId, place: &Path, len: u64) -> Result<()> {
    let path = place.join("plain");
    let (mut ours, mut plain) = ([vec![], vec![], vec![]], [vec![], vec![], vec![]]);
    for turn in 0..TURNS {
        let mut bytes = Vec::new();
        Bytes::new(len, turn as u64 + 1).read_to_end(&mut bytes)?;
        let _ = fs::remove_file(&path);
        let key = format!("large-{turn}");
        // Whoever comes second finds the disk at work.
        for ours_now in [turn % 2 == 1, turn % 2 == 0] {
            let start = Instant::now();
            if ours_now {
                store.log_artifact(run, Artifact::named(&key), &*bytes)?;
                ours[0].push(rate(len, start.elapsed()));
            } else {
                let mut file = File::create(&path)?;
                bytes.chunks(PIECE).try_for_each(|piece| file.write_all(piece))?;
                file.sync_all()?;
                plain[0].push(rate(len, start.elapsed()));
            }
        }
        for from_disk in [false, true] {
            if from_disk && !drop_caches() {
                continue;
            }
            let start = Instant::now();
            let read = read_all(File::open(&path)?)?;
            plain[1 + usize::from(from_disk)].push(rate(len, start.elapsed()));
            let start = Instant::now();
            let checked = read_all(store.read().open_artifact(run, &key)?)?;
            ours[1 + usize::from(from_disk)].push(rate(len, start.elapsed()));
            if (read, checked) != (len, len) {
                return Err("not all bytes came back".into());
            }
        }
        store.write(|w| w.runs().delete_artifact(run, &key))?;
        store.gc(&GcOptions::new().min_age(Duration::ZERO))?;
    }
    fs::remove_file(&path)?;
    for ((what, ours), plain) in ["put_1gib", "get_1gib_cached", "get_1gib_disk"].into_iter().zip(ours).zip(plain) {
        tell(what, median(ours), "MiB/s", None);
        tell(what, median(plain), "MiB/s", Some("plain file"));
    }
    Ok(())
}

/// A file under another name, synced, renamed, and its folder synced.
fn put_file(folder: &Path, number: usize, bytes: &[u8]) -> Result<PathBuf> {
    let (new, path) = (folder.join("new"), folder.join(number.to_string()));
    let mut file = File::create(&new)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(new, &path)?;
    File::open(folder)?.sync_all()?;
    Ok(path)
}

/// Bytes by number, in what modeldb stands on: nothing is shared, checked, or logged.
const BLOBS: TableDefinition<'static, u64, &[u8]> = TableDefinition::new("blobs");

fn put_in_redb<'b>(database: &Database, first: usize, all: impl IntoIterator<Item = &'b Vec<u8>>) -> Result<()> {
    let write = database.begin_write()?;
    {
        let mut table = write.open_table(BLOBS)?;
        for (number, bytes) in (first..).zip(all) {
            table.insert(number as u64, bytes.as_slice())?;
        }
    }
    write.commit()?;
    Ok(())
}

fn small(store: &Store, runs: &[RunId], place: &Path) -> Result<()> {
    let folder = place.join("files");
    fs::create_dir_all(&folder)?;
    let database = Database::create(place.join("redb"))?;
    let mut seconds = [0.0; 4];
    for part in 0..10 {
        let numbers = part * SINGLE / 10..(part + 1) * SINGLE / 10;
        let contents: Vec<Vec<u8>> = numbers.clone().map(|number| Bytes::small(number as u64)).collect();
        let start = Instant::now();
        for (number, bytes) in numbers.clone().zip(&contents) {
            store.log_artifact(&runs[number], Artifact::named("single"), bytes.as_slice())?;
        }
        seconds[0] += start.elapsed().as_secs_f64();
        let start = Instant::now();
        for (number, bytes) in numbers.clone().zip(&contents) {
            put_file(&folder, number, bytes)?;
        }
        seconds[1] += start.elapsed().as_secs_f64();
        let start = Instant::now();
        for (number, bytes) in numbers.clone().zip(&contents) {
            put_in_redb(&database, number, [bytes])?;
        }
        seconds[2] += start.elapsed().as_secs_f64();
        let start = Instant::now();
        for number in numbers {
            let bytes = Bytes::small((500_000 + number) as u64);
            store.write(|w| w.put_blob(&bytes))?;
        }
        seconds[3] += start.elapsed().as_secs_f64();
    }
    tell("put_4kib_durable_each", SINGLE as f64 / seconds[0], "artifacts/s", None);
    tell("put_4kib_durable_each", SINGLE as f64 / seconds[3], "blobs/s", None);
    tell("put_4kib_durable_each", SINGLE as f64 / seconds[1], "blobs/s", Some("a file for each"));
    tell("put_4kib_durable_each", SINGLE as f64 / seconds[2], "blobs/s", Some("redb"));
    let (mut rates, mut alone, mut raw) = (Vec::new(), Vec::new(), Vec::new());
    let mut blobs = Vec::new();
    for turn in 0..TURNS {
        let base = (turn + 1) * 1_000_000;
        let contents: Vec<Vec<u8>> = (0..BATCH).map(|number| Bytes::small((base + number) as u64)).collect();
        let start = Instant::now();
        store.write(|w| {
            let project = w.projects().get_or_create("bench")?;
            let experiment = w.experiments().get_or_create(&project, "artifacts")?;
            for (number, bytes) in contents.iter().enumerate() {
                let blob = w.put_blob(bytes)?;
                let new = NewRun::named(format!("{turn}-{number}")).artifact(Artifact::named("model").blob(blob));
                w.runs().create(&experiment, new)?;
            }
            Ok(())
        })?;
        rates.push(BATCH as f64 / start.elapsed().as_secs_f64());
        let contents: Vec<Vec<u8>> = (0..BATCH).map(|number| Bytes::small((base + 500_000 + number) as u64)).collect();
        let start = Instant::now();
        blobs = store.write(|w| contents.iter().map(|bytes| w.put_blob(bytes)).collect::<modeldb::Result<_>>())?;
        alone.push(BATCH as f64 / start.elapsed().as_secs_f64());
        let start = Instant::now();
        put_in_redb(&database, base, &contents)?;
        raw.push(BATCH as f64 / start.elapsed().as_secs_f64());
    }
    tell("put_4kib_one_commit", median(rates), "artifacts/s, each with a run", None);
    tell("put_4kib_one_commit", median(alone), "blobs/s", None);
    tell("put_4kib_one_commit", median(raw), "blobs/s", Some("redb"));
    let read = store.read();
    let runs: Vec<RunId> =
        read.runs().find("artifacts.model is not null")?.limit(5_000).ids()?.collect::<modeldb::Result<_>>()?;
    let mut times: [Times; 4] = Default::default();
    let [ours, alone, files, raw] = &mut times;
    let mut bytes = Vec::new();
    for (number, (run, blob)) in runs.iter().zip(&blobs).enumerate() {
        bytes.clear();
        ours.time(|| read.open_artifact(run, "model").map(|mut open| open.read_to_end(&mut bytes)))??;
        bytes.clear();
        alone.time(|| read.open_blob(blob).map(|mut open| open.read_to_end(&mut bytes)))??;
        bytes.clear();
        let path = folder.join((number % SINGLE).to_string());
        files.time(|| File::open(path).and_then(|mut file| file.read_to_end(&mut bytes)))?;
        bytes.clear();
        raw.time(|| -> Result<()> {
            let table = database.begin_read()?.open_table(BLOBS)?;
            bytes.extend_from_slice(table.get((1_000_000 + number) as u64)?.ok_or("no blob")?.value());
            Ok(())
        })?;
    }
    tell("get_4kib", ours.quantile_us(0.5), "us, an artifact of a run", None);
    tell("get_4kib", alone.quantile_us(0.5), "us, a blob", None);
    tell("get_4kib", files.quantile_us(0.5), "us", Some("a file for each"));
    tell("get_4kib", raw.quantile_us(0.5), "us", Some("redb"));
    Ok(())
}

/// Small blobs, some half of which nothing names.
fn collect(store: &Store, all: usize) -> Result<()> {
    let before = store.gc(&GcOptions::new().dry_run(true))?;
    let (there, unnamed) = (before.kept, before.removed);
    let more = all.saturating_sub(usize::try_from(there + unnamed)?);
    store.write(|w| {
        for number in 0..more {
            w.put_blob(&(number as u64).to_le_bytes())?;
        }
        w.projects().get_or_create("another")
    })?;
    let start = Instant::now();
    let report = store.gc(&GcOptions::new().min_age(Duration::ZERO))?;
    tell(&format!("gc_{all}_blobs"), start.elapsed().as_secs_f64(), "s", None);
    if (report.kept, report.removed) != (there, more as u64 + unnamed) {
        return Err(format!("{report:?} is not what was there").into());
    }
    Ok(())
}
