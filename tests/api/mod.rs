//! Each entity through the public API only.

mod audit;
mod paging;
mod smoke;
mod support;
