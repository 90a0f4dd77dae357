//! Each entity through the public API only.

mod paging;
mod smoke;
mod support;
