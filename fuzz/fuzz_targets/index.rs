//! Bytes as a field of a block of the filter index, which is walked in every way.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| modeldb::fuzzing::field_block(data));
