//! One binary: linking is the cost.

mod api;
mod compat;
mod concurrency;
mod cost;
mod crash;
mod damage;
mod floors;
mod libraries;
mod model;
mod opening;
