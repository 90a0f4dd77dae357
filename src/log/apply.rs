//! The one function that writes changes to tables and log; and the packing of old commits.

use crate::codec::compress;
use crate::codec::v1;
use crate::error::{Error, Result};
use crate::id::{EntityKind, Row};
use crate::limits;
use crate::log::draft::Slice;
use crate::storage::dictionary::{Dictionary, PendingKeys};
use crate::storage::{Source, WriteTables};

/// Sealed records of new entities of one kind: those from row `first` on.
struct New {
    kind: EntityKind,
    first: u32,
    records: Vec<(Row, Vec<u8>)>,
}

/// Writes a slice of commit `sequence`: records, texts, what is hidden, and log parts.
pub(crate) fn apply(
    sequence: u64,
    slice: Slice,
    tables: &mut WriteTables<'_>,
    dictionary: &Dictionary,
    pending: &mut PendingKeys,
) -> Result<()> {
    let mut large = Vec::new();
    // Neighbours mostly have the same keys in the same order.
    let mut recent: Vec<(String, u32)> = Vec::new();
    let mut new: Vec<New> = Vec::new();
    for stored in slice.entities {
        let mut new_keys = Vec::new();
        let mut place = 0;
        let mut intern = |key: &str| {
            let slot = recent.get_mut(place);
            place += 1;
            if let Some((recent, code)) = &slot
                && recent == key
            {
                return Ok(*code);
            }
            let (code, new) = pending.intern(dictionary, key)?;
            if new {
                new_keys.push((code, key.to_owned()));
            }
            match slot {
                Some(slot) => *slot = (key.to_owned(), code),
                None => recent.push((key.to_owned(), code)),
            }
            Ok(code)
        };
        let (kind, row) = (stored.kind(), stored.row);
        let sealed = v1::encode(stored, &mut intern, &mut large)?;
        for (code, key) in new_keys {
            tables.put_key(code, &key)?;
        }
        if !new.iter().any(|new| new.kind == kind) {
            new.push(New { kind, first: tables.rows(kind)?, records: Vec::new() });
        }
        match new.iter_mut().find(|new| new.kind == kind && row.0 >= new.first) {
            Some(new) => new.records.push((row, sealed)),
            None => tables.put_record(kind, row, &sealed)?,
        }
    }
    for new in &new {
        tables.append_records(new.kind, &new.records)?;
    }
    for (digest, text) in slice.texts.into_iter().chain(large) {
        tables.put_text(&digest, &text)?;
    }
    for (kind, row, hidden) in slice.hidden {
        tables.put_hidden(kind, row, hidden)?;
    }
    for (first, payload) in slice.parts {
        tables.put_log_part(sequence, first, &payload)?;
    }
    Ok(())
}

const PACKED_KEY: &str = "packed";

/// The sequence up to which commits were packed.
pub(crate) fn packed<S: Source>(source: &S) -> Result<u64> {
    match source.meta(PACKED_KEY)? {
        None => Ok(0),
        Some(bytes) => match bytes.try_into() {
            Ok(bytes) => Ok(u64::from_le_bytes(bytes)),
            Err(_) => Err(Error::corrupt("how far the log is packed is damaged")),
        },
    }
}

/// Packs the commits after `packed` that stand in rows of their own into one compressed block: the same bytes
/// in less room. Answers how far the log is packed then.
pub(crate) fn pack(tables: &mut WriteTables<'_>, packed: u64) -> Result<u64> {
    let to = packed + limits::LOG_PACK_COMMITS;
    let small = tables.small_commits(packed + 1, to)?;
    if let Some((last, _)) = small.last() {
        let mut block = Vec::new();
        for (sequence, payload) in &small {
            let len = u32::try_from(payload.len()).map_err(|_| Error::corrupt("a small commit is large"))?;
            block.extend_from_slice(&sequence.to_le_bytes());
            block.extend_from_slice(&len.to_le_bytes());
            block.extend_from_slice(payload);
        }
        tables.put_pack(*last, &compress::compress(&block), small.iter().map(|(sequence, _)| *sequence))?;
    }
    tables.put_meta(PACKED_KEY, &to.to_le_bytes())?;
    Ok(to)
}

/// The commits of a pack, in order.
pub(crate) fn unpack(payload: &[u8]) -> Result<Vec<(u64, Vec<u8>)>> {
    // A pack holds LOG_PACK_COMMITS commits of a page each.
    const MOST: usize = 16 << 20;
    let block = compress::decompress(payload, MOST)?;
    let mut rest = block.as_slice();
    let mut commits = Vec::new();
    while let Some((sequence, tail)) = rest.split_first_chunk::<8>() {
        let damaged = || Error::corrupt("a pack of commits is cut off");
        let (len, tail) = tail.split_first_chunk::<4>().ok_or_else(damaged)?;
        let len = u32::from_le_bytes(*len) as usize;
        let payload = tail.get(..len).ok_or_else(damaged)?;
        commits.push((u64::from_le_bytes(*sequence), payload.to_vec()));
        rest = tail.get(len..).unwrap_or_default();
    }
    Ok(commits)
}
