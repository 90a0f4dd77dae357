//! The rkyv seam: how archives are written and how their bytes are looked at.
//!
//! The format features of rkyv decide the bytes; they are asserted here at compile time, and
//! [`fingerprint`] is kept in the store so that a build with another layout refuses it.
//! Access is always checked: bytes on a disk are never trusted to be an archive.

use rkyv::api::high::{HighSerializer, HighValidator};
use rkyv::bytecheck::CheckBytes;
use rkyv::rancor::BoxedError;
use rkyv::ser::allocator::ArenaHandle;
use rkyv::{Archive, Portable, Serialize};

use crate::error::{Error, Result};

const _: () = assert!(align_of::<rkyv::Archived<u64>>() == 1, "rkyv must be built with `unaligned`");
const _: () = assert!(size_of::<rkyv::Archived<usize>>() == 4, "rkyv must be built with `pointer_width_32`");
/// The layout of records: sizes of the archived types, which change when fields do.
pub(crate) fn fingerprint() -> Vec<u8> {
    use crate::codec::v1;
    let sizes = [
        size_of::<rkyv::Archived<usize>>(),
        size_of::<rkyv::Archived<v1::HeadV1>>(),
        size_of::<rkyv::Archived<v1::ProjectV1>>(),
        size_of::<rkyv::Archived<v1::ExperimentV1>>(),
        size_of::<rkyv::Archived<v1::RunV1>>(),
        size_of::<rkyv::Archived<v1::KeyValueV1>>(),
        size_of::<rkyv::Archived<v1::ValueV1>>(),
    ];
    let text: Vec<String> = sizes.iter().map(ToString::to_string).collect();
    format!("rkyv-0.8 little_endian unaligned pointer_width_32 v1:{}", text.join(",")).into_bytes()
}

/// Appends the archive of `value` to `bytes`.
pub(crate) fn append<T>(value: &T, bytes: Vec<u8>) -> Result<Vec<u8>>
where
    T: for<'a> Serialize<HighSerializer<Vec<u8>, ArenaHandle<'a>, BoxedError>>,
{
    rkyv::api::high::to_bytes_in::<_, BoxedError>(value, bytes)
        .map_err(|error| Error::limit("encoding a record").with_source(error))
}

/// The archive in `bytes`, checked.
pub(crate) fn access<T>(bytes: &[u8]) -> Result<&T::Archived>
where
    T: Archive,
    T::Archived: Portable + for<'a> CheckBytes<HighValidator<'a, BoxedError>>,
{
    rkyv::access::<T::Archived, BoxedError>(bytes)
        .map_err(|error| Error::corrupt("the bytes are no archive of a record").with_source(error))
}
