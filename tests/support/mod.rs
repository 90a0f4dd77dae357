//! What tests share: repeatable randomness; and what a program without this crate would need to write into a store, the
//! envelope and raw redb.

pub(crate) mod child;
pub(crate) mod random;

use std::path::Path;

use redb::TableDefinition;

pub(crate) const META: TableDefinition<&str, &[u8]> = TableDefinition::new("meta");
pub(crate) const RUNS: TableDefinition<u32, &[u8]> = TableDefinition::new("runs");
pub(crate) const PROJECTS: TableDefinition<u32, &[u8]> = TableDefinition::new("projects");
pub(crate) const LOG: TableDefinition<(u64, u32, u32), &[u8]> = TableDefinition::new("log");
pub(crate) const PACKS: TableDefinition<(u64, u32), &[u8]> = TableDefinition::new("packs");
pub(crate) const TEXTS: TableDefinition<(&[u8; 32], u32), &[u8]> = TableDefinition::new("texts");
pub(crate) const HIDDEN: TableDefinition<(u8, u32), ()> = TableDefinition::new("hidden");

/// A stored value as the crate writes it: kind, version, CRC over all but itself, payload.
pub(crate) fn seal(kind: u8, key: &[u8], payload: &[u8]) -> Vec<u8> {
    let mut crc = crc32fast::Hasher::new();
    crc.update(&[kind, 1]);
    crc.update(key);
    crc.update(payload);
    [&[kind, 1], &crc.finalize().to_le_bytes()[..], payload].concat()
}

/// Changes the tables of a closed store behind its back.
pub(crate) fn tamper(folder: &Path, change: impl FnOnce(&redb::WriteTransaction)) {
    let database = redb::Database::create(folder.join("store.redb")).unwrap();
    let write = database.begin_write().unwrap();
    change(&write);
    write.commit().unwrap();
    database.close().unwrap();
}

/// The key of a log part in its envelope.
pub(crate) fn log_key(sequence: u64) -> Vec<u8> {
    [&sequence.to_le_bytes()[..], &0_u32.to_le_bytes()].concat()
}
