//! Bytes and syncs of each operation.
