//! Packs: the small commits of a while back, many to a compressed block.

use crate::codec::compress;
use crate::error::{Error, Result};
use crate::limits;
use crate::storage::{Source, WriteTables};

const PACKED_KEY: &str = "packed";

/// The commits of a pack with the payloads of their only parts, in order.
pub(crate) type Commits = Vec<(u64, Vec<u8>)>;

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
        tables.put_pack(*last, &encode(&small)?, small.iter().map(|(sequence, _)| *sequence))?;
    }
    tables.put_meta(PACKED_KEY, &to.to_le_bytes())?;
    Ok(to)
}

/// The block of a pack.
pub(crate) fn encode(commits: &Commits) -> Result<Vec<u8>> {
    let mut block = Vec::new();
    for (sequence, payload) in commits {
        let len = u32::try_from(payload.len()).map_err(|_| Error::corrupt("a small commit is large"))?;
        block.extend_from_slice(&sequence.to_le_bytes());
        block.extend_from_slice(&len.to_le_bytes());
        block.extend_from_slice(payload);
    }
    Ok(compress::compress(&block))
}

/// The commits in the block of a pack.
pub(crate) fn decode(payload: &[u8]) -> Result<Commits> {
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
