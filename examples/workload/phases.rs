//! The phases of the workload.

use std::collections::HashMap;
use std::error::Error;
use std::fs;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use modeldb::simulation::SimulatedDisk;
use modeldb::{ExperimentId, NewRun, RunId, Store, Verified, VerifyOptions};
use serde_json::{Value as Json, json};

use crate::load::{self, Line};
use crate::measure::{self, Times, round1};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// Durable commits that a phase times at most: beyond, it only repeats itself.
const DURABLE_RUNS: usize = 20_000;

pub(crate) struct Workload {
    pub(crate) folder: PathBuf,
    pub(crate) n: usize,
    pub(crate) place: PathBuf,
    /// Where the bulk load is.
    pub(crate) store: PathBuf,
    pub(crate) cache_mib: usize,
}

/// The experiments of the workload by name, made where they are missing.
pub(crate) fn experiments(store: &Store) -> modeldb::Result<HashMap<String, ExperimentId>> {
    store.write(|w| {
        let project = w.projects().get_or_create("bench")?;
        (0..10)
            .map(|number| {
                let name = format!("exp-{number}");
                let id = w.experiments().get_or_create(&project, &name)?;
                Ok((name, id))
            })
            .collect()
    })
}

fn create(store: &Store, experiments: &HashMap<String, ExperimentId>, line: Line) -> modeldb::Result<RunId> {
    store.write(|w| w.runs().create(&experiments[&line.experiment], line.run))
}

/// A portion of runs by experiment, as one write takes them.
fn load_portion(store: &Store, experiments: &HashMap<String, ExperimentId>, portion: Vec<Line>) -> modeldb::Result<()> {
    let mut by_experiment: HashMap<String, Vec<NewRun>> = HashMap::new();
    for line in portion {
        by_experiment.entry(line.experiment).or_default().push(line.run);
    }
    store.write(|w| {
        for (name, runs) in by_experiment {
            w.runs().create_many(&experiments[&name], runs)?;
        }
        Ok(())
    })
}

impl Workload {
    pub(crate) fn new(folder: PathBuf, n: usize, place: PathBuf, cache_mib: usize) -> Self {
        let store = place.join(format!("bulk-{n}"));
        Workload { folder, n, place, store, cache_mib }
    }

    pub(crate) fn cache(&self) -> modeldb::Options {
        Store::options().cache_bytes(self.cache_mib << 20)
    }

    pub(crate) fn file(&self) -> PathBuf {
        self.folder.join(format!("runs-{}.jsonl", self.n))
    }

    /// Verifying everything, and the values with what they say of each other alone.
    pub(crate) fn verify(&self) -> Result<()> {
        let store = self.cache().open(&self.store)?;
        let measure = |what: &str, options: VerifyOptions| -> Result<()> {
            let start = Instant::now();
            let report = store.verify_with(&options, |_| std::ops::ControlFlow::Continue(()))?;
            let seconds = start.elapsed().as_secs_f64();
            if !report.is_intact() || !report.is_complete() {
                return Err(report.to_string().into());
            }
            let records = report.section(Verified::Records).map_or(0, |section| section.checked);
            println!(
                "{}",
                json!({
                    "phase": "verify", "n": self.n, "of": what, "records": records, "seconds": seconds,
                    "records_per_s": (records as f64 / seconds).round(),
                })
            );
            Ok(())
        };
        for _ in 0..3 {
            measure("everything", VerifyOptions::new())?;
            measure("values and references", VerifyOptions::new().file(false).log(false))?;
        }
        store.close()?;
        Ok(())
    }

    /// Runs to write one by one on top of a loaded store: those of the file under new ids and names.
    fn fresh_runs(&self, count: usize, round: usize) -> Result<Vec<Line>> {
        let mut lines = load::runs(&self.file(), count)?;
        for (at, line) in lines.iter_mut().enumerate() {
            let id = RunId::new(format!("{round:08x}{at:024x}"))?;
            line.run = line.run.clone().id(id).name(format!("fresh-{round}-{at:06}"));
        }
        Ok(lines)
    }

    /// One commit a run, durable each, into an empty store.
    pub(crate) fn ingest_durable(&mut self, threads: usize) -> Result<()> {
        let lines = load::runs(&self.file(), self.n.min(DURABLE_RUNS))?;
        let count = lines.len();
        let folder = self.place.join(format!("durable-{threads}"));
        let _ = fs::remove_dir_all(&folder);
        let store = self.cache().open(&folder)?;
        let experiments = experiments(&store)?;
        let written = measure::bytes_written();
        let start = Instant::now();
        let next = AtomicUsize::new(0);
        let lines = &lines;
        let mut times = thread::scope(|scope| -> Result<Times> {
            let workers: Vec<_> = (0..threads)
                .map(|_| {
                    scope.spawn(|| -> modeldb::Result<Times> {
                        let mut times = Times::default();
                        while let Some(line) = lines.get(next.fetch_add(1, Ordering::Relaxed)) {
                            let line = line.clone();
                            times.time(|| create(&store, &experiments, line))?;
                        }
                        Ok(times)
                    })
                })
                .collect();
            let mut all = Times::default();
            for worker in workers {
                all.extend(worker.join().map_err(|_| "a worker panicked")??);
            }
            Ok(all)
        })?;
        let seconds = start.elapsed().as_secs_f64();
        let bytes = measure::bytes_written() - written;
        store.close()?;
        let disk = measure::blocks(&folder)?;
        let syncs = if threads == 1 { json!(self.syncs_per_commit(lines)?) } else { Json::Null };
        println!(
            "{}",
            json!({
                "phase": "ingest_durable", "n": count, "threads": threads, "runs_per_s": (count as f64 / seconds).round(),
                "p50_us": round1(times.quantile_us(0.5)), "p99_us": round1(times.quantile_us(0.99)),
                "bytes_per_commit": bytes / count as u64, "syncs_per_commit": syncs,
                "disk_bytes_per_run": disk / count as u64,
            })
        );
        fs::remove_dir_all(&folder)?;
        Ok(())
    }

    /// The same commits on a disk that counts.
    fn syncs_per_commit(&self, lines: &[Line]) -> Result<f64> {
        let disk = SimulatedDisk::new();
        let store = Store::options().open_simulated(&disk)?;
        let experiments = experiments(&store)?;
        let before = disk.counts();
        let lines = lines.get(..lines.len().min(2_000)).unwrap_or(lines);
        for line in lines {
            create(&store, &experiments, line.clone())?;
        }
        Ok((disk.counts().syncs - before.syncs) as f64 / lines.len() as f64)
    }

    /// All runs, 10,000 a commit; told if `tell`.
    pub(crate) fn ingest_bulk(&mut self, tell: bool) -> Result<()> {
        const PORTION: usize = 10_000;
        if self.store.join("store.redb").exists() && !tell {
            return Ok(());
        }
        let _ = fs::remove_dir_all(&self.store);
        let store = self.cache().open(&self.store)?;
        let experiments = experiments(&store)?;
        let (mut loading, mut cpu) = (Duration::ZERO, 0.0);
        let mut portion = Vec::with_capacity(PORTION);
        let mut load = |portion: &mut Vec<Line>| -> modeldb::Result<()> {
            // Parsing the file is not the store's work, and the peers are not charged for it either.
            let (start, before) = (Instant::now(), measure::cpu_seconds());
            load_portion(&store, &experiments, std::mem::take(portion))?;
            loading += start.elapsed();
            cpu += measure::cpu_seconds() - before;
            Ok(())
        };
        let mut done = 0;
        load::each_run(&self.file(), |line| {
            portion.push(line);
            if portion.len() == PORTION {
                load(&mut portion)?;
                done += PORTION;
                eprint!("\r{done} runs loaded");
            }
            Ok(true)
        })?;
        if !portion.is_empty() {
            load(&mut portion)?;
        }
        eprintln!("\r{} runs loaded", self.n);
        let start = Instant::now();
        // Caught up: searches find an index, and need not look at what was loaded.
        store.optimize()?;
        store.close()?;
        let catching_up = start.elapsed();
        if tell {
            println!(
                "{}",
                json!({
                    "phase": "ingest_bulk", "n": self.n, "runs_per_s": (self.n as f64 / loading.as_secs_f64()).round(),
                    "caught_up_runs_per_s": (self.n as f64 / (loading + catching_up).as_secs_f64()).round(),
                    "cpu_us_per_run": round1(cpu * 1e6 / self.n as f64),
                })
            );
            println!("{}", json!({"phase": "memory", "during": "ingest", "peak_rss_mb": measure::peak_rss_mb()}));
        }
        Ok(())
    }

    pub(crate) fn open(&self) -> Result<()> {
        let (mut times, mut first) = (Times::default(), Times::default());
        for _ in 0..15 {
            let store = times.time(|| self.cache().open(&self.store))?;
            // One column of the index comes from the disk, or from where the system keeps it.
            first.time(|| store.read().runs().find("metrics.accuracy > 0.9")?.order_by("-start_time").page(1, 20))?;
            store.close()?;
        }
        let ms = |times: &mut Times| round1(times.quantile_us(0.5) / 100.0) / 10.0;
        println!("{}", json!({"phase": "open", "n": self.n, "ms": ms(&mut times), "first_query_ms": ms(&mut first)}));
        Ok(())
    }

    /// Complete runs by id, in random order, the cache holding the data.
    pub(crate) fn point_read(&self) -> Result<()> {
        let store = self.cache().open(&self.store)?;
        let snapshot = store.read();
        let queries: Json =
            serde_json::from_reader(fs::File::open(self.folder.join(format!("queries-{}.json", self.n)))?)?;
        let ids = queries["point_read"].as_array().ok_or("the queries have no ids to read")?;
        let ids: Vec<RunId> =
            ids.iter().filter_map(|entry| entry["id"].as_str()).map(RunId::new).collect::<modeldb::Result<_>>()?;
        for _ in 0..3 {
            for id in &ids {
                black_box(snapshot.runs().get(id)?);
            }
        }
        let (mut owned, mut view) = (Times::default(), Times::default());
        for _ in 0..10 {
            for id in &ids {
                let run = owned.time(|| snapshot.runs().get(id))?;
                assert_eq!(&run.id, id);
                black_box(run);
            }
            for id in &ids {
                let fields = view.time(|| -> modeldb::Result<_> {
                    let guard = snapshot.runs().view(id)?;
                    let run = guard.view()?;
                    let accuracy = run.metric("accuracy")?.and_then(|value| value.as_f64());
                    let depth = run.hyperparameter("depth")?.and_then(|value| value.as_f64());
                    Ok((accuracy, depth, run.start_time()))
                })?;
                black_box(fields);
            }
        }
        for (kind, times) in [("owned", &mut owned), ("view", &mut view)] {
            println!(
                "{}",
                json!({
                    "phase": "point_read", "kind": kind, "n": self.n,
                    "p50_us": (times.quantile_us(0.5) * 100.0).round() / 100.0,
                    "p99_us": (times.quantile_us(0.99) * 100.0).round() / 100.0,
                })
            );
        }
        println!("{}", json!({"phase": "memory", "during": "read", "peak_rss_mb": measure::peak_rss_mb()}));
        Ok(())
    }

    pub(crate) fn disk(&self) -> Result<()> {
        let bytes = measure::blocks(&self.store)?;
        println!("{}", json!({"phase": "disk", "n": self.n, "bytes_per_run": bytes / self.n as u64}));
        Ok(())
    }

    /// Another process writes to a copy of the store until it is killed; then the copy is opened.
    pub(crate) fn recover(&self) -> Result<()> {
        let copy = self.place.join("recover");
        let _ = fs::remove_dir_all(&copy);
        fs::create_dir_all(&copy)?;
        fs::copy(self.store.join("store.redb"), copy.join("store.redb"))?;
        let mut victim = Command::new(std::env::current_exe()?)
            .arg("--victim")
            .arg(&copy)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()?;
        thread::sleep(Duration::from_millis(2_000));
        victim.kill()?;
        victim.wait()?;
        let file_bytes = fs::metadata(copy.join("store.redb"))?.len();
        let start = Instant::now();
        let store = self.cache().open(&copy)?;
        let ms = start.elapsed().as_secs_f64() * 1e3;
        let runs = store.stats()?.runs;
        assert!(runs as usize > self.n, "the victim wrote nothing");
        println!("{}", json!({"phase": "recover", "n": self.n, "ms": round1(ms), "file_bytes": file_bytes}));
        store.close()?;
        fs::remove_dir_all(&copy)?;
        Ok(())
    }

    pub(crate) fn text(&self) -> Result<()> {
        crate::words::measure(&self.store, self.n)
    }

    /// Durable commits on top of the loaded store: what a commit costs once there is something.
    pub(crate) fn ingest_on_top(&self) -> Result<()> {
        let store = self.cache().open(&self.store)?;
        let experiments = experiments(&store)?;
        let lines = self.fresh_runs(5_000, std::process::id() as usize)?;
        let written = measure::bytes_written();
        let mut times = Times::default();
        for line in &lines {
            let line = line.clone();
            times.time(|| create(&store, &experiments, line))?;
        }
        let bytes = (measure::bytes_written() - written) / lines.len() as u64;
        println!(
            "{}",
            json!({
                "phase": "commit_on_top", "n": self.n, "p50_us": round1(times.quantile_us(0.5)),
                "p99_us": round1(times.quantile_us(0.99)), "bytes_per_commit": bytes,
            })
        );
        Ok(())
    }
}

/// Writes run after run until it is killed.
pub(crate) fn victim(folder: &Path) -> Result<()> {
    let store = Store::open(folder)?;
    let experiments = experiments(&store)?;
    for number in 0_u64.. {
        let name = format!("victim-{}-{number}", std::process::id());
        store.write(|w| w.runs().create(&experiments["exp-0"], NewRun::named(name).metric("accuracy", 0.5)))?;
    }
    Ok(())
}
