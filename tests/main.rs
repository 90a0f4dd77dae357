//! One binary: linking is the cost.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod admin;
mod api;
mod artifacts;
mod blob;
mod compat;
mod concurrency;
mod cost;
mod crash;
mod damage;
mod floors;
mod libraries;
mod logger;
mod model;
mod opening;
mod outcome;
mod purge;
mod query;
mod rpc;
mod series;
mod support;
mod text;
mod transfer;
