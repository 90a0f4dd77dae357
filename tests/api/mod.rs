//! Each entity through the public API only.

mod audit;
mod creation;
mod dates;
mod deletion;
mod determinism;
mod durability;
mod errors;
mod export;
mod history;
mod keys;
mod names;
mod once;
mod paging;
mod past;
mod smoke;
mod support;
mod tags;
mod values;
mod view;
mod watch;
