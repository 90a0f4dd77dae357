//! The blocks of the filter index as stored values: derived, so that any of it may be missing.

use std::sync::Arc;

use redb::{ReadableTable, Table};

use super::errors::storage;
use super::read::ReadTables;
use super::tables::TEXT_PIECE_BYTES;
use super::write::WriteTables;
use crate::codec::envelope::{self, Kind};
use crate::error::{Error, Result};

/// What a block is of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FilterBlock {
    pub(crate) number: u32,
    /// One more each time the block is made: its fields stand under it.
    pub(crate) generation: u32,
    /// The commit as of which it was made.
    pub(crate) sequence: u64,
    pub(crate) rows: u32,
    /// The fields that some row has, ascending: one that is lost is not taken for one that there never was.
    pub(crate) fields: Arc<[FieldCode]>,
}

/// Space and code of a field.
pub(crate) type FieldCode = (u8, u32);

fn envelope_key(block: &FilterBlock, field: FieldCode) -> Vec<u8> {
    let mut key = block.number.to_le_bytes().to_vec();
    key.extend_from_slice(&block.generation.to_le_bytes());
    key.push(field.0);
    key.extend_from_slice(&field.1.to_le_bytes());
    key
}

pub(super) fn decode(number: u32, sealed: &[u8]) -> Result<FilterBlock> {
    let payload = envelope::open(Kind::FilterBlock, &number.to_le_bytes(), sealed)?;
    let damaged = || Error::corrupt(format!("block {number} of the filter index is damaged"));
    let (generation, rest) = payload.split_first_chunk::<4>().ok_or_else(damaged)?;
    let (sequence, rest) = rest.split_first_chunk::<8>().ok_or_else(damaged)?;
    let (rows, rest) = rest.split_first_chunk::<4>().ok_or_else(damaged)?;
    let (fields, []) = rest.as_chunks::<5>() else { return Err(damaged()) };
    let fields = fields.iter().map(|[space, code @ ..]| (*space, u32::from_le_bytes(*code))).collect();
    Ok(FilterBlock {
        number,
        generation: u32::from_le_bytes(*generation),
        sequence: u64::from_le_bytes(*sequence),
        rows: u32::from_le_bytes(*rows),
        fields,
    })
}

impl ReadTables {
    /// The blocks of the filter index, ascending; damaged ones are left out.
    pub(crate) fn filter_blocks(&self) -> Result<Vec<FilterBlock>> {
        let doing = "reading the blocks of the filter index";
        let Some(table) = self.filter_blocks_table()? else { return Ok(Vec::new()) };
        let mut blocks = Vec::new();
        for entry in table.iter().map_err(storage(doing))? {
            let (number, value) = entry.map_err(storage(doing))?;
            blocks.extend(decode(number.value(), value.value()).ok());
        }
        Ok(blocks)
    }

    /// A field of a block, if some row has it.
    ///
    /// # Errors
    /// `Corrupt` if it is damaged.
    pub(crate) fn filter_field(&self, block: &FilterBlock, field: FieldCode) -> Result<Option<Vec<u8>>> {
        let doing = "reading a field of the filter index";
        if block.fields.binary_search(&field).is_err() {
            return Ok(None);
        }
        let lost = || Error::corrupt(format!("{doing}: it is missing from block {}", block.number));
        let table = self.filter_table()?.ok_or_else(lost)?;
        let (number, generation, (space, code)) = (block.number, block.generation, field);
        let pieces = (number, generation, space, code, 0)..=(number, generation, space, code, u32::MAX);
        let mut sealed = Vec::new();
        for piece in table.range(pieces).map_err(storage(doing))? {
            sealed.extend_from_slice(piece.map_err(storage(doing))?.1.value());
        }
        if sealed.is_empty() {
            return Err(lost());
        }
        envelope::open(Kind::Filter, &envelope_key(block, field), &sealed)?;
        sealed.drain(..envelope::HEADER);
        Ok(Some(sealed))
    }
}

impl WriteTables<'_> {
    /// Stores a field of a block.
    pub(crate) fn put_filter_field(&mut self, block: &FilterBlock, field: FieldCode, payload: &[u8]) -> Result<()> {
        let sealed = envelope::wrap(Kind::Filter, &envelope_key(block, field), payload);
        let table = self.filter_table()?;
        for (piece, bytes) in (0..).zip(sealed.chunks(TEXT_PIECE_BYTES)) {
            let key = (block.number, block.generation, field.0, field.1, piece);
            table.insert(key, bytes).map_err(storage("writing a field of the filter index"))?;
        }
        Ok(())
    }

    /// Stores what a block is of: from then on it is the one of its number.
    pub(crate) fn put_filter_block(&mut self, block: &FilterBlock) -> Result<()> {
        let mut payload = block.generation.to_le_bytes().to_vec();
        payload.extend_from_slice(&block.sequence.to_le_bytes());
        payload.extend_from_slice(&block.rows.to_le_bytes());
        for (space, code) in &*block.fields {
            payload.push(*space);
            payload.extend_from_slice(&code.to_le_bytes());
        }
        let sealed = envelope::wrap(Kind::FilterBlock, &block.number.to_le_bytes(), &payload);
        let table = self.filter_blocks_table()?;
        table.insert(block.number, &*sealed).map_err(storage("writing a block of the filter index"))?;
        Ok(())
    }

    /// Removes the fields of a block of generations from `from` on, and before `to`.
    pub(crate) fn remove_filter_fields(&mut self, number: u32, from: u32, to: u32) -> Result<()> {
        let range = (number, from, 0, 0, 0)..(number, to, 0, 0, 0);
        let doing = "removing fields of the filter index";
        self.filter_table()?.retain_in(range, |_, _| false).map_err(storage(doing))?;
        Ok(())
    }
}

pub(super) type FilterTable<'t> = Table<'t, (u32, u32, u8, u32, u32), &'static [u8]>;
