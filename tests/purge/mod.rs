//! Purging: what is erased is gone, what is left is whole, and the log says what happened.

mod erased;
