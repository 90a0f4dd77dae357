//! Records of format 1. Frozen when the format is published: later versions stand beside, not here.
//!
//! The order of fields *is* the schema. Open-ended data is a list of key codes and values; keys are
//! interned in the store's dictionary. What most records leave empty shares one canonical encoding
//! (`rare`), decoded when asked for.

mod convert;

pub(crate) use convert::{
    Resolve, decode, decode_if, encode, envelope_kind, id, place, rare_of, run, status, text_ref, value_ref,
};

use rkyv::{Archive, Deserialize, Serialize};

/// What every kind of entity has.
#[derive(Archive, Serialize, Deserialize, Debug)]
pub(crate) struct HeadV1 {
    pub(crate) id: IdV1,
    pub(crate) name: TextV1,
    pub(crate) description: TextV1,
    pub(crate) owner: TextV1,
    pub(crate) date_created: i64,
    pub(crate) date_updated: i64,
    pub(crate) version: u64,
    pub(crate) last_sequence: u64,
    pub(crate) last_index: u32,
    pub(crate) deleted: bool,
    /// In ascending order of the keys' text.
    pub(crate) attributes: Vec<KeyValueV1>,
    pub(crate) tags: Vec<String>,
    /// Canonical encoding of the fields numbered from `canon_model::RARE` on; empty if all are default.
    pub(crate) rare: Vec<u8>,
}

#[derive(Archive, Serialize, Deserialize, Debug)]
pub(crate) struct ProjectV1 {
    pub(crate) head: HeadV1,
}

#[derive(Archive, Serialize, Deserialize, Debug)]
pub(crate) struct ExperimentV1 {
    pub(crate) head: HeadV1,
    pub(crate) project: u32,
}

#[derive(Archive, Serialize, Deserialize, Debug)]
pub(crate) struct RunV1 {
    pub(crate) head: HeadV1,
    pub(crate) project: u32,
    pub(crate) experiment: u32,
    /// Milliseconds; 0 is none, as in ModelDB.
    pub(crate) start_time: i64,
    pub(crate) end_time: i64,
    /// One more than the status has as a number; 0 is none.
    pub(crate) status: u8,
    pub(crate) hyperparameters: Vec<KeyValueV1>,
    pub(crate) metrics: Vec<KeyValueV1>,
}

/// A comment, a job or an edge of the lineage: few, and read whole.
#[derive(Archive, Serialize, Deserialize, Debug)]
pub(crate) struct SmallV1 {
    pub(crate) id: IdV1,
    pub(crate) date_created: i64,
    pub(crate) date_updated: i64,
    pub(crate) version: u64,
    pub(crate) last_sequence: u64,
    pub(crate) last_index: u32,
    pub(crate) deleted: bool,
    /// Row of a comment's run.
    pub(crate) parent: u32,
    /// Canonical encoding of the fields numbered from `canon_model::RARE` on.
    pub(crate) rest: Vec<u8>,
}

/// An id: most are UUIDs, which take half the room as bytes.
#[derive(Archive, Serialize, Deserialize, Debug)]
pub(crate) enum IdV1 {
    /// Lower-case, hyphenated.
    Uuid([u8; 16]),
    /// 32 lower-case hexadecimal digits.
    Hex([u8; 16]),
    Text(String),
}

/// A text, or the digest of one that is stored beside.
#[derive(Archive, Serialize, Deserialize, Debug)]
pub(crate) enum TextV1 {
    Inline(String),
    Large(Box<LargeV1>),
}

#[derive(Archive, Serialize, Deserialize, Debug)]
pub(crate) struct LargeV1 {
    pub(crate) digest: [u8; 32],
    pub(crate) len: u64,
}

#[derive(Archive, Serialize, Deserialize, Debug)]
pub(crate) struct KeyValueV1 {
    pub(crate) key: u32,
    pub(crate) value_type: u8,
    pub(crate) value: ValueV1,
}

/// The largest payload has eight bytes and must never grow.
#[derive(Archive, Serialize, Deserialize, Debug)]
pub(crate) enum ValueV1 {
    Null,
    Bool(bool),
    Int(i64),
    Float(f64),
    String(String),
    Large(Box<LargeV1>),
    /// Canonical encoding of a list or a map.
    Nested(Vec<u8>),
}
