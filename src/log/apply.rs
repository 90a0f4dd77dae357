//! The one function that writes changes to tables and log.

use crate::codec::v1;
use crate::error::{Error, Result};
use crate::id::{EntityKind, PerKind, Row, Sequence};
use crate::log::draft::Slice;
use crate::log::erase;
use crate::storage::dictionary::{Dictionary, PendingKeys};
use crate::storage::{SeriesPlace, Source, WriteTables};

/// Sealed records of new entities of one kind: those from row `first` on.
struct New {
    kind: EntityKind,
    first: u32,
    records: Vec<(Row, Vec<u8>)>,
}

/// Writes a slice of commit `sequence`: records, texts, what is hidden, what is running, and log parts.
pub(crate) fn apply(
    sequence: u64,
    slice: Slice,
    tables: &mut WriteTables<'_>,
    dictionary: &Dictionary,
    pending: &mut PendingKeys,
) -> Result<()> {
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
        let sealed = v1::encode(stored, &mut intern)?;
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
    for ((run, text, generation), added) in slice.series {
        let (key, new) = pending.intern(dictionary, &text)?;
        if new {
            tables.put_key(key, &text)?;
        }
        let place = SeriesPlace { run, key, generation };
        tables.append_series(place, added.from, added.observations)?;
    }
    for (digest, bytes) in &slice.blobs {
        tables.put_small_blob(digest, bytes)?;
    }
    for (digest, text) in slice.texts {
        tables.put_text(&digest, &text.bytes, text.references)?;
    }
    for (kind, row, hidden) in slice.hidden {
        tables.put_hidden(kind, row, hidden)?;
    }
    for (row, running) in slice.running {
        tables.put_running(row, running)?;
    }
    for (first, payload) in slice.parts {
        tables.put_log_part(sequence, first, &payload)?;
    }
    for ((kind, row), date) in slice.dates {
        tables.put_date(kind, row, date.millis())?;
    }
    remove(&slice.removed, tables)?;
    erase::erase(slice.erased, Sequence::new(sequence), tables)?;
    slice.released.iter().try_for_each(|digest| tables.release_text(digest, 1))
}

const ROWS_KEY: &str = "rows";

/// The rows the next entities get, by kind: one more than the last, even if that was purged.
pub(crate) fn next_rows<S: Source>(source: &S) -> Result<PerKind<u32>> {
    let mut rows = floor(source.meta(ROWS_KEY)?)?;
    for kind in EntityKind::ALL {
        if let Some(slot) = rows.get_mut(kind.index()) {
            *slot = source.rows(kind)?.max(*slot);
        }
    }
    Ok(rows)
}

/// Below what no new row may be.
fn floor(stored: Option<Vec<u8>>) -> Result<PerKind<u32>> {
    let mut rows = [0; EntityKind::COUNT];
    for (slot, bytes) in rows.iter_mut().zip(stored.unwrap_or_default().chunks(4)) {
        let bytes = bytes.try_into().map_err(|_| Error::corrupt("which rows are taken is damaged"))?;
        *slot = u32::from_le_bytes(bytes);
    }
    Ok(rows)
}

/// Removes records; rows are never given again.
fn remove(removed: &[(EntityKind, Row)], tables: &mut WriteTables<'_>) -> Result<()> {
    if removed.is_empty() {
        return Ok(());
    }
    let mut rows = floor(tables.meta(ROWS_KEY)?)?;
    for (kind, slot) in EntityKind::ALL.into_iter().zip(&mut rows) {
        if removed.iter().any(|(removed, _)| *removed == kind) {
            *slot = tables.rows(kind)?.max(*slot);
        }
    }
    tables.put_meta(ROWS_KEY, &rows.map(u32::to_le_bytes).concat())?;
    for (kind, row) in removed {
        tables.remove_record(*kind, *row)?;
        if *kind == EntityKind::Run {
            tables.remove_series(*row)?;
        }
    }
    Ok(())
}
