//! What the benchmarks share: generated runs, the engines they are put into, and how engines are compared.
//!
//! A program that wants the same runs or engines includes this folder with `#[path]`.
#![allow(dead_code)] // Nobody uses all of it.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)] // A benchmark that fails is to stop.

pub(crate) mod compare;
pub(crate) mod generator;
pub(crate) mod peers;
pub(crate) mod record;

use std::env;

/// How many runs a store is filled with: `MODELDB_BENCH_RUNS`, or 10,000; a few when the benchmarks are only
/// tested.
pub(crate) fn stored_runs() -> usize {
    match env::var("MODELDB_BENCH_RUNS") {
        Ok(text) => text.parse().expect("MODELDB_BENCH_RUNS is a number"),
        Err(_) if compare::only_testing() => 300,
        Err(_) => 10_000,
    }
}
