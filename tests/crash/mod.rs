//! Crashes and failing disks: what was acknowledged is there, nothing is there by halves.

pub(crate) mod beside;
mod faults;
mod full;
mod images;
pub(crate) mod model;
mod recovery;
pub(crate) mod workload;
