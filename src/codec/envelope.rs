//! Kind, version and CRC around every stored value.
//!
//! ```text
//! 0      1      2            6
//! +------+------+------------+---------
//! | kind | ver. | CRC-32, LE | payload
//! +------+------+------------+---------
//! ```
//! The CRC covers kind, version, key and payload: without the key, a damaged key would return another
//! value, intact. redb verifies no checksum on reads, so this is verified on each.

use crate::error::{Error, ErrorKind, Result};

/// Bytes before the payload.
pub(crate) const HEADER: usize = 6;

/// What an envelope holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Project = 1,
    Experiment = 2,
    Run = 3,
    Comment = 4,
    Job = 5,
    LineageEdge = 6,
    Log = 16,
    Pack = 17,
    Series = 18,
    Blob = 19,
    Key = 32,
    Meta = 33,
    Filter = 34,
    FilterBlock = 35,
    #[cfg(feature = "text")]
    TextMeta = 48,
}

/// The version of all kinds in format 1.
pub(crate) const VERSION: u8 = 1;

fn crc(kind: u8, version: u8, key: &[u8], payload: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&[kind, version]);
    hasher.update(key);
    hasher.update(payload);
    hasher.finalize()
}

/// Room for the header, to append the payload to and then [`seal`].
pub(crate) fn begin(capacity: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(HEADER + capacity);
    bytes.resize(HEADER, 0);
    bytes
}

/// Fills in the header of `bytes`, which [`begin`] made room for.
pub(crate) fn seal(kind: Kind, key: &[u8], bytes: &mut [u8]) {
    if let Some((header, payload)) = bytes.split_first_chunk_mut::<HEADER>() {
        let [a, b, c, d] = crc(kind as u8, VERSION, key, payload).to_le_bytes();
        *header = [kind as u8, VERSION, a, b, c, d];
    }
}

/// An envelope around `payload`.
pub(crate) fn wrap(kind: Kind, key: &[u8], payload: &[u8]) -> Vec<u8> {
    let mut bytes = begin(payload.len());
    bytes.extend_from_slice(payload);
    seal(kind, key, &mut bytes);
    bytes
}

/// The payload of an intact envelope of `kind` under `key`.
///
/// # Errors
/// `Corrupt` if a byte of key or value changed, `Incompatible` if a later version wrote it.
pub(crate) fn open<'a>(kind: Kind, key: &[u8], bytes: &'a [u8]) -> Result<&'a [u8]> {
    let Some((&[found, version, a, b, c, d], payload)) = bytes.split_first_chunk::<HEADER>() else {
        return Err(Error::corrupt(format!("a stored value of {} bytes is too short", bytes.len())));
    };
    if crc(found, version, key, payload) != u32::from_le_bytes([a, b, c, d]) {
        return Err(Error::corrupt("the checksum does not match the stored bytes"));
    }
    if found != kind as u8 {
        return Err(Error::corrupt(format!("a value of kind {found} stands where {} belongs", kind as u8)));
    }
    if version != VERSION {
        return Err(Error::new(
            ErrorKind::Incompatible,
            format!("a stored value has version {version}; this build reads {VERSION}"),
        ));
    }
    Ok(payload)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn golden_bytes() {
        // CRC-32 of 03 01 "key" "payload", computed with zlib.
        let bytes = wrap(Kind::Run, b"key", b"payload");
        let crc = 0x9e69cfe3_u32.to_le_bytes();
        assert_eq!(bytes, [&[3, 1], &crc[..], b"payload"].concat());
    }

    #[test]
    fn every_flip_of_key_or_value_is_found() {
        let bytes = wrap(Kind::Run, b"key", b"payload");
        assert_eq!(open(Kind::Run, b"key", &bytes).unwrap(), b"payload");
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(open(Kind::Run, b"key", &flipped).is_err(), "bit {bit}");
        }
        assert!(open(Kind::Run, b"kez", &bytes).is_err());
        assert!(open(Kind::Log, b"key", &bytes).is_err());
    }
}
