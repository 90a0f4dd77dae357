//! rkyv: archives are read where they lie, whatever the address; what its check finds and what it does not.

use rkyv::rancor::BoxedError;
use rkyv::{Archive, Deserialize, Serialize};

#[derive(Archive, Serialize, Deserialize, Debug, PartialEq, Clone)]
struct Record {
    id: u64,
    name: String,
    values: Vec<(u32, f64)>,
    kind: Kind,
}

#[derive(Archive, Serialize, Deserialize, Debug, PartialEq, Clone)]
enum Kind {
    Plain,
    Wide(u64),
}

fn record() -> Record {
    let values = (0..20_u32).map(|n| (n, f64::from(n) / 3.0)).collect();
    Record { id: u64::MAX - 1, name: "a name longer than what is inlined".into(), values, kind: Kind::Wide(1 << 40) }
}

fn archive() -> Vec<u8> {
    rkyv::to_bytes::<BoxedError>(&record()).unwrap().to_vec()
}

#[test]
fn an_archive_is_read_at_any_address() {
    let bytes = archive();
    for shift in 0..16 {
        let mut moved = vec![0; shift];
        moved.extend_from_slice(&bytes);
        let found = rkyv::access::<ArchivedRecord, BoxedError>(&moved[shift..]).unwrap();
        assert_eq!(found.id.to_native(), u64::MAX - 1);
        assert_eq!(rkyv::deserialize::<Record, BoxedError>(found).unwrap(), record());
    }
}

#[test]
fn the_format_features_are_ours() {
    assert_eq!(align_of::<rkyv::Archived<u64>>(), 1, "unaligned");
    assert_eq!(align_of::<ArchivedKind>(), 1);
    assert_eq!(size_of::<rkyv::Archived<usize>>(), 4, "pointers of 32 bits");
    let bytes = rkyv::to_bytes::<BoxedError>(&0x0102_0304_u32).unwrap();
    assert_eq!(&bytes[..], [4, 3, 2, 1], "little-endian");
    // What is written must never change. The text stands first; the root at the end holds 7, the length 12 with
    // the mark of a text that is not inline, and how far back the text is: 20 bytes.
    let golden = rkyv::to_bytes::<BoxedError>(&(7_u64, "twelve bytes".to_owned())).unwrap();
    let hex: String = golden.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hex, "7477656c766520627974657307000000000000008c000000ecffffff");
}

#[test]
fn the_check_does_not_find_a_changed_payload() {
    let bytes = archive();
    let (mut refused, mut accepted) = (0, 0);
    for bit in 0..bytes.len() * 8 {
        let mut changed = bytes.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        // Sound either way; but what is accepted is another record: hence the CRC around it.
        match rkyv::from_bytes::<Record, BoxedError>(&changed) {
            Err(_) => refused += 1,
            Ok(found) => accepted += usize::from(found != record()),
        }
    }
    println!("of {} changed bits, {refused} were refused and {accepted} gave another record", bytes.len() * 8);
    assert!(accepted > refused);
    let crc = crc32fast::hash(&bytes);
    for bit in 0..bytes.len() * 8 {
        let mut changed = bytes.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        assert_ne!(crc32fast::hash(&changed), crc);
    }
}

#[test]
fn damaged_and_cut_archives_are_errors() {
    let bytes = archive();
    for len in 0..bytes.len() {
        // Cut at the end, the root is elsewhere; it may pass for a record, but never panics.
        let _ = rkyv::from_bytes::<Record, BoxedError>(&bytes[..len]);
    }
    assert!(rkyv::access::<ArchivedRecord, BoxedError>(&[]).is_err());
    assert!(rkyv::access::<ArchivedRecord, BoxedError>(&vec![0xff; bytes.len()]).is_err());
    let mut wide = bytes;
    let last = wide.len();
    wide[last - 12..].fill(0xff);
    assert!(rkyv::access::<ArchivedRecord, BoxedError>(&wide).is_err());
    assert_ne!(record().kind, Kind::Plain);
}
