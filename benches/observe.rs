//! What a loop pays for one `observe`: a call on a logger, with the thread that writes at work beside it.
//!
//! `paced` is a loop that does something else between two calls, some microseconds, as every training does; what it does is
//! measured alone as well, and taken off. `flat-out` does nothing else: then it waits for the disk, and a call costs what
//! writing an observation does.

use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::Criterion;
use modeldb::{NewRun, RunLogger, Store};

/// Calls that are timed one by one, for the median and the tail.
const SINGLE: usize = 200_000;

fn main() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let store = Store::open(folder.path().join("store")).expect("a store");
    let experiment = store.write(|w| {
        let project = w.projects().get_or_create("p")?;
        w.experiments().get_or_create(&project, "e")
    });
    let log = store.start_run(&experiment.expect("an experiment"), NewRun::named("r")).expect("a run");

    let mut criterion = Criterion::default().configure_from_args().measurement_time(Duration::from_secs(4));
    criterion.bench_function("observe/paced", |bencher| bencher.iter_custom(|count| paced(&log, count)));
    criterion.bench_function("observe/flat-out", |bencher| {
        bencher.iter(|| log.observe(black_box("train/loss"), black_box(0.25)));
    });
    criterion.final_summary();
    if !std::env::args().any(|arg| arg == "--test") {
        single(&log);
    }
    log.finish().expect("all of it is written");
}

/// Some microseconds of work.
fn work(seed: u64) -> u64 {
    (0..2_000).fold(seed, |state, _| black_box(state.wrapping_mul(6_364_136_223_846_793_005).rotate_left(17)))
}

fn paced(log: &RunLogger, count: u64) -> Duration {
    let start = Instant::now();
    (0..count).for_each(|step| {
        black_box(work(step));
    });
    let without = start.elapsed();
    let start = Instant::now();
    for step in 0..count {
        black_box(work(step));
        log.observe(black_box("train/loss"), black_box(step as f64));
    }
    start.elapsed().saturating_sub(without)
}

/// Each call by itself. The clock is read around it, which is in the figures.
fn single(log: &RunLogger) {
    let mut times: Vec<u64> = Vec::with_capacity(SINGLE);
    for step in 0..SINGLE {
        black_box(work(step as u64));
        let start = Instant::now();
        log.observe(black_box("train/loss"), black_box(step as f64));
        times.push(start.elapsed().as_nanos() as u64);
    }
    times.sort_unstable();
    let at = |share: f64| times.get(((SINGLE - 1) as f64 * share) as usize).copied().unwrap_or_default();
    println!(
        "observe, {SINGLE} calls one by one, ns: median {}, 99 % {}, 99.9 % {}, greatest {}",
        at(0.5),
        at(0.99),
        at(0.999),
        at(1.0)
    );
}
