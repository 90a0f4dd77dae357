//! A crash at every I/O, and every I/O failing.
