//! LZ4 blocks with their length before them.

use crate::error::{Error, Result};

/// Compresses `bytes`.
pub(crate) fn compress(bytes: &[u8]) -> Vec<u8> {
    lz4_flex::block::compress_prepend_size(bytes)
}

/// Restores what [`compress`] made of at most `limit` bytes.
///
/// # Errors
/// `Corrupt` if the bytes are not a block, or one that claims to be larger.
pub(crate) fn decompress(bytes: &[u8], limit: usize) -> Result<Vec<u8>> {
    let (len, block) = lz4_flex::block::uncompressed_size(bytes).map_err(damaged)?;
    if len > limit {
        return Err(Error::corrupt(format!("a compressed block claims {len} bytes, more than {limit}")));
    }
    lz4_flex::block::decompress(block, len).map_err(damaged)
}

fn damaged(error: lz4_flex::block::DecompressError) -> Error {
    Error::corrupt(format!("a compressed block is damaged: {error}"))
}
