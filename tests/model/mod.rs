//! Random operations against a plain model in memory.
//!
//! A failing test prints its seed and step; `MODELDB_SEED=<seed>` runs it again with that seed, and
//! `MODELDB_STEPS=<n>` cuts it short.

mod another;
mod around;
mod bulk;
mod check;
mod generate;
mod operate;
mod plain;
mod replay;
mod session;
mod world;

use session::{Session, Shape};

/// Everything there is, on a store that stays small enough to be compared in full now and then.
const MIXED: Shape =
    Shape { name: "mixed", operations: 25_000, many: 12, bulk_percent: 0, reopen_one_in: 150, clean_percent: 60 };

/// Few operations a write and many writes: the log is packed again and again.
const SMALL: Shape = Shape { name: "small writes", many: 3, reopen_one_in: 500, ..MIXED };

/// Enough entities to fill and fold several generations of the key index (32,768 entries, three an entity).
const LARGE: Shape =
    Shape { name: "large", operations: 1_600, many: 160, bulk_percent: 40, reopen_one_in: 20, clean_percent: 5 };

#[test]
fn mixed_operations_match_the_model_a() {
    Session::run(MIXED, 0xa11ce);
}

#[test]
fn mixed_operations_match_the_model_b() {
    Session::run(MIXED, 0xb0b);
}

#[test]
fn mixed_operations_match_the_model_c() {
    Session::run(MIXED, 0xca7);
}

#[test]
fn many_small_writes_match_the_model() {
    Session::run(SMALL, 0xd06);
}

#[test]
fn a_large_store_matches_the_model() {
    Session::run(LARGE, 0x1a26e);
}
