//! Each entity through the public API only.

mod artifacts;
mod audit;
mod copies;
mod creation;
mod dates;
mod deletion;
mod determinism;
mod durability;
mod entries;
mod errors;
mod export;
mod history;
mod keys;
mod names;
mod once;
mod paging;
mod past;
mod restore;
mod settings;
mod smoke;
mod support;
mod tags;
mod values;
mod view;
mod watch;
