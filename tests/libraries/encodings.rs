//! Encodings, hashes and ids: bytes that are on disks, and must never change.

use std::hash::Hasher as _;

use sha2::{Digest as _, Sha256};

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn crc32_has_its_known_value() {
    // The check value of CRC-32/ISO-HDLC.
    assert_eq!(crc32fast::hash(b"123456789"), 0xcbf4_3926);
    let mut parts = crc32fast::Hasher::new();
    parts.update(b"1234");
    parts.update(b"56789");
    assert_eq!(parts.finalize(), 0xcbf4_3926);
}

#[test]
fn sha256_has_its_known_value() {
    // FIPS 180-2, appendix B.
    let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert_eq!(hex(&Sha256::digest(b"abc")), abc);
    let long = "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1";
    assert_eq!(hex(&Sha256::digest(b"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")), long);
    let mut parts = Sha256::new();
    parts.update(b"a");
    parts.update(b"");
    parts.update(b"bc");
    assert_eq!(hex(&parts.finalize()), abc);
}

/// SipHash with c compression and d finalization rounds, written down from its paper.
fn siphash(c: usize, d: usize, key: [u8; 16], data: &[u8]) -> u64 {
    let word = |bytes: &[u8]| u64::from_le_bytes(bytes.try_into().unwrap());
    let (k0, k1) = (word(&key[..8]), word(&key[8..]));
    let mut v = [
        k0 ^ 0x736f_6d65_7073_6575,
        k1 ^ 0x646f_7261_6e64_6f6d,
        k0 ^ 0x6c79_6765_6e65_7261,
        k1 ^ 0x7465_6462_7974_6573,
    ];
    fn round(v: &mut [u64; 4]) {
        v[0] = v[0].wrapping_add(v[1]);
        v[1] = v[1].rotate_left(13) ^ v[0];
        v[0] = v[0].rotate_left(32);
        v[2] = v[2].wrapping_add(v[3]);
        v[3] = v[3].rotate_left(16) ^ v[2];
        v[0] = v[0].wrapping_add(v[3]);
        v[3] = v[3].rotate_left(21) ^ v[0];
        v[2] = v[2].wrapping_add(v[1]);
        v[1] = v[1].rotate_left(17) ^ v[2];
        v[2] = v[2].rotate_left(32);
    }
    let mut padded = data.to_vec();
    padded.resize(data.len() / 8 * 8 + 7, 0);
    padded.push(data.len() as u8);
    for chunk in padded.chunks(8) {
        let m = word(chunk);
        v[3] ^= m;
        (0..c).for_each(|_| round(&mut v));
        v[0] ^= m;
    }
    v[2] ^= 0xff;
    (0..d).for_each(|_| round(&mut v));
    v[0] ^ v[1] ^ v[2] ^ v[3]
}

#[test]
fn siphash_has_its_known_values() {
    let key: [u8; 16] = std::array::from_fn(|at| at as u8);
    let data: Vec<u8> = (0..64).collect();
    // The vector in the paper, for 2-4: it vouches for the copy above.
    assert_eq!(siphash(2, 4, key, &data[..15]), 0xa129_ca61_49be_45e5);
    for len in 0..64 {
        // In pieces too: the key index feeds it so.
        let mut whole = siphasher::sip::SipHasher13::new_with_key(&key);
        whole.write(&data[..len]);
        let mut pieces = siphasher::sip::SipHasher13::new_with_key(&key);
        data[..len].chunks(3).for_each(|piece| pieces.write(piece));
        let expected = siphash(1, 3, key, &data[..len]);
        assert_eq!((whole.finish(), pieces.finish()), (expected, expected), "{len} bytes");
    }
}

#[test]
fn lz4_gives_back_what_it_took() {
    let texts: [&[u8]; 4] = [b"", b"x", &[0; 100_000], b"a text that repeats, a text that repeats, a text"];
    for text in texts {
        let block = lz4_flex::block::compress_prepend_size(text);
        let (len, rest) = lz4_flex::block::uncompressed_size(&block).unwrap();
        assert_eq!(len, text.len());
        assert_eq!(lz4_flex::block::decompress(rest, len).unwrap(), text);
    }
}

#[test]
fn a_damaged_lz4_block_is_an_error_or_other_bytes_but_no_panic() {
    let text: Vec<u8> = (0..4000_u32).flat_map(|n| (n / 7).to_le_bytes()).collect();
    let block = lz4_flex::block::compress(&text);
    let (mut refused, mut other) = (0, 0);
    for at in 0..block.len() {
        for bit in 0..8 {
            let mut damaged = block.clone();
            damaged[at] ^= 1 << bit;
            match lz4_flex::block::decompress(&damaged, text.len()) {
                Err(_) => refused += 1,
                Ok(bytes) => {
                    assert!(bytes.len() <= text.len());
                    other += 1;
                }
            }
        }
        assert!(lz4_flex::block::decompress(&block[..at], text.len()).map_or(true, |bytes| bytes != text));
    }
    println!(
        "of {} damaged blocks, {refused} were refused; {other} gave other bytes, which a CRC must find",
        refused + other
    );
    assert!(refused > 0);
    assert!(lz4_flex::block::uncompressed_size(&[1, 2]).is_err());
    assert!(lz4_flex::block::decompress(&block, text.len() / 2).is_err(), "a lie about the length");
}

#[test]
fn minicbor_writes_the_shortest_integers() {
    let encode = |number: i64| {
        let mut writer = minicbor::Encoder::new(Vec::new());
        writer.i64(number).unwrap();
        writer.into_writer()
    };
    for (number, len) in [
        (0, 1),
        (23, 1),
        (24, 2),
        (255, 2),
        (256, 3),
        (65_535, 3),
        (65_536, 5),
        (0xffff_ffff, 5),
        (0x1_0000_0000, 9),
        (i64::MAX, 9),
        (-1, 1),
        (-24, 1),
        (-25, 2),
        (-256, 2),
        (-257, 3),
        (-65_536, 3),
        (-65_537, 5),
        (i64::MIN, 9),
    ] {
        let bytes = encode(number);
        assert_eq!(bytes.len(), len, "{number}");
        assert_eq!(minicbor::Decoder::new(&bytes).i64().unwrap(), number);
    }
    let mut writer = minicbor::Encoder::new(Vec::new());
    writer.array(24).unwrap().str(&"x".repeat(24)).unwrap().bytes(&[]).unwrap().map(0).unwrap().u64(u64::MAX).unwrap();
    let bytes = writer.into_writer();
    assert_eq!(hex(&bytes[..4]), "98187818");
    assert!(hex(&bytes).ends_with("40a01bffffffffffffffff"));
    // What is too large for its place is an error, as is what ends early.
    assert!(minicbor::Decoder::new(&[0x1b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]).i64().is_err());
    assert!(minicbor::Decoder::new(&[0x78, 0xff, b'a']).str().is_err());
    assert!(minicbor::Decoder::new(&[0x62, 0xff, 0xfe]).str().is_err(), "no UTF-8");
}

#[test]
fn minicbor_keeps_halves_exact() {
    for (single, expected) in [(1.5_f32, "f93e00"), (65_504.0, "f97bff"), (5.960_464_5e-8, "f90001"), (-0.0, "f98000")]
    {
        let mut writer = minicbor::Encoder::new(Vec::new());
        writer.f16(single).unwrap();
        let bytes = writer.into_writer();
        assert_eq!(hex(&bytes), expected);
        assert_eq!(minicbor::Decoder::new(&bytes).f16().unwrap().to_bits(), single.to_bits());
    }
}

#[test]
fn uuids_have_one_text() {
    let text = "018f3a5c-9d2e-7b1a-8c4d-0123456789ab";
    let id = uuid::Uuid::parse_str(text).unwrap();
    assert_eq!(id.hyphenated().to_string(), text);
    assert_eq!(id.simple().to_string(), text.replace('-', ""));
    assert_eq!(uuid::Uuid::parse_str(&id.simple().to_string()).unwrap(), id);
    assert_eq!(uuid::Uuid::parse_str(&text.to_uppercase()).unwrap(), id, "read in any case, written in lower");
    assert_eq!(uuid::Uuid::from_bytes(*id.as_bytes()), id);
    let made = uuid::Builder::from_unix_timestamp_millis(0x018f_3a5c_9d2e, &[0xff; 10]).into_uuid();
    assert_eq!(made.hyphenated().to_string(), "018f3a5c-9d2e-7fff-bfff-ffffffffffff");
}

#[test]
fn a_lock_is_not_poisoned_by_a_panic() {
    let lock = parking_lot::Mutex::new(1);
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let mut held = lock.lock();
        *held = 2;
        std::panic::panic_any("while it is held")
    }));
    assert!(panicked.is_err());
    assert_eq!(*lock.try_lock().expect("given back"), 2);
    // A write takes it while threads wait: what a closed one would wait for is never held by the waker.
    let ready = parking_lot::Condvar::new();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            *lock.lock() = 3;
            ready.notify_all();
        });
        let mut held = lock.lock();
        while *held != 3 {
            ready.wait(&mut held);
        }
    });
}
