//! Columns of numbers as bytes, one behind the other: each packed by pco, behind its length.

use pco::ChunkConfig;
use pco::data_types::Number;
use pco::standalone::{simple_compress, simple_decompress, simple_decompress_into};

use crate::error::{Error, Result};
use crate::limits;

/// Appends bytes behind their length.
///
/// # Errors
/// `LimitExceeded` for 4 GiB and more.
pub(crate) fn put(to: &mut Vec<u8>, bytes: &[u8]) -> Result<()> {
    let len = u32::try_from(bytes.len()).map_err(|_| Error::limit("a column of 4 GiB or more"))?;
    to.extend_from_slice(&len.to_le_bytes());
    to.extend_from_slice(bytes);
    Ok(())
}

/// Takes what [`put`] appended off the front.
///
/// # Errors
/// `Corrupt` if there is less.
pub(crate) fn take<'b>(from: &mut &'b [u8]) -> Result<&'b [u8]> {
    let (len, rest) = from.split_first_chunk::<4>().ok_or_else(damaged)?;
    let (bytes, rest) = rest.split_at_checked(u32::from_le_bytes(*len) as usize).ok_or_else(damaged)?;
    *from = rest;
    Ok(bytes)
}

/// Numbers, compressed. None take nothing.
///
/// # Errors
/// `LimitExceeded` for more than pco packs at once, 2^24.
pub(crate) fn packed<T: Number>(numbers: &[T]) -> Result<Vec<u8>> {
    if numbers.is_empty() {
        return Ok(Vec::new());
    }
    let config = ChunkConfig::default().with_compression_level(limits::COLUMN_COMPRESSION);
    simple_compress(numbers, &config).map_err(|error| Error::limit(format!("packing a column: {error}")))
}

/// All numbers that were [`packed`].
///
/// # Errors
/// `Corrupt` if the bytes are no such.
pub(crate) fn unpacked<T: Number>(bytes: &[u8]) -> Result<Vec<T>> {
    if bytes.is_empty() {
        return Ok(Vec::new());
    }
    simple_decompress(bytes).map_err(|error| damaged().with_source(error))
}

/// Exactly so many numbers that were [`packed`]: what damaged bytes claim asks for no memory.
///
/// # Errors
/// `Corrupt` if the bytes are no such, or of another count.
pub(crate) fn unpacked_exactly<T: Number + Default>(bytes: &[u8], count: usize) -> Result<Vec<T>> {
    let mut numbers = vec![T::default(); count];
    if count == 0 {
        return if bytes.is_empty() { Ok(numbers) } else { Err(damaged()) };
    }
    let progress = simple_decompress_into(bytes, &mut numbers).map_err(|error| damaged().with_source(error))?;
    if progress.n_processed != count || !progress.finished {
        return Err(damaged());
    }
    Ok(numbers)
}

fn damaged() -> Error {
    Error::corrupt("a packed column is damaged")
}
