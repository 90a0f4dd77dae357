//! Exports of a project that somebody made up: refused, or taken as whole as any other.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let folder = tempfile::tempdir().expect("a folder");
    let _ = modeldb::fuzzing::import(folder.path(), data);
});
