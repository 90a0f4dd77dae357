//! The seeds of the fuzzer: current, and every flip of a bit in them ends in a value or an error.

use std::panic::catch_unwind;
use std::path::Path;

use modeldb::fuzzing;

type Seeds = Vec<(&'static str, Vec<u8>)>;
type Target = (&'static str, Seeds, fn(&[u8]));

/// The folder of each target with its seeds, and what it does with them.
fn targets() -> [Target; 3] {
    [
        ("decode", fuzzing::seeds(), fuzzing::decode),
        ("index", fuzzing::field_seeds(), fuzzing::field_block),
        ("import", fuzzing::import_seeds(), imported),
    ]
}

fn imported(data: &[u8]) {
    fuzzing::import(tempfile::tempdir().unwrap().path(), data);
}

#[test]
fn the_exports_of_the_seeds_are_taken() {
    for (name, bytes) in fuzzing::import_seeds() {
        assert!(fuzzing::import(tempfile::tempdir().unwrap().path(), &bytes), "{name}");
    }
}

#[test]
fn the_seeds_are_those_of_this_format() {
    for (target, seeds, _) in targets() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds").join(target);
        for (name, bytes) in seeds {
            let stored = std::fs::read(folder.join(name)).unwrap_or_default();
            assert!(stored == bytes, "fuzz/seeds/{target}/{name} is outdated: see fuzz/seeds.rs");
        }
    }
}

#[test]
fn a_flipped_bit_of_a_seed_panics_no_decoder() {
    let mut tried = 0;
    for (target, seeds, decode) in targets() {
        for (name, bytes) in seeds {
            decode(&bytes);
            // The first byte names the decoder.
            for bit in 8..8 * bytes.len() {
                let mut flipped = bytes.clone();
                flipped[bit / 8] ^= 1 << (bit % 8);
                let decoded = catch_unwind(|| decode(&flipped));
                assert!(decoded.is_ok(), "{target}, {name}: bit {bit}");
                tried += 1;
            }
            for len in 1..bytes.len() {
                decode(&bytes[..len]);
            }
        }
    }
    println!("{tried} flips");
}
