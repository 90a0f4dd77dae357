//! The seeds of the fuzzer: current, and every flip of a bit in them ends in a value or an error.

use std::panic::catch_unwind;
use std::path::Path;

#[test]
fn the_seeds_are_those_of_this_format() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds/decode");
    for (name, bytes) in modeldb::fuzzing::seeds() {
        let stored = std::fs::read(folder.join(name)).unwrap_or_default();
        assert!(stored == bytes, "fuzz/seeds/decode/{name} is outdated: see fuzz/seeds.rs");
    }
}

#[test]
fn a_flipped_bit_of_a_seed_panics_no_decoder() {
    let mut tried = 0;
    for (name, bytes) in modeldb::fuzzing::seeds() {
        modeldb::fuzzing::decode(&bytes);
        // The first byte names the decoder.
        for bit in 8..8 * bytes.len() {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let decoded = catch_unwind(|| modeldb::fuzzing::decode(&flipped));
            assert!(decoded.is_ok(), "{name}: bit {bit}");
            tried += 1;
        }
        for len in 1..bytes.len() {
            modeldb::fuzzing::decode(&bytes[..len]);
        }
    }
    println!("{tried} flips");
}
