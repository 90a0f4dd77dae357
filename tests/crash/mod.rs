//! Crashes and failing disks: what was acknowledged is there, nothing is there by halves.

mod faults;
mod images;
pub(crate) mod model;
pub(crate) mod random;
mod recovery;
pub(crate) mod workload;
