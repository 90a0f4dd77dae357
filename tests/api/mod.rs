//! Each entity through the public API only.

mod smoke;
