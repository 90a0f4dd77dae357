//! What a loop pays for one `observe`: a call on a logger, with the thread that writes at work beside it.
//!
//! `paced` is a loop that does something else between two calls, some microseconds, as every training does; the calls
//! alone are timed, one by one, with the reading of the clock. `flat-out` does nothing else: then it waits for the
//! disk, and a call costs what writing an observation does.

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
    (0..count).map(|step| one(log, step)).sum()
}

/// One call, after some work.
fn one(log: &RunLogger, step: u64) -> Duration {
    black_box(work(step));
    let start = Instant::now();
    log.observe(black_box("train/loss"), black_box(step as f64));
    start.elapsed()
}

/// The median and the tail.
fn single(log: &RunLogger) {
    let mut times: Vec<u64> = (0..SINGLE as u64).map(|step| one(log, step).as_nanos() as u64).collect();
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
