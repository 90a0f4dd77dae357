//! Every decoder of stored bytes; the first byte says which.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| modeldb::fuzzing::decode(data));
