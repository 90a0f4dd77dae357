//! Digests: the published vectors of BLAKE3, and the one text each has.

use std::collections::HashSet;

use modeldb::{BlobDigest, ErrorKind};

/// The published input of a length.
fn input(len: usize) -> Vec<u8> {
    (0..len).map(|at| (at % 251) as u8).collect()
}

#[test]
fn a_digest_is_the_published_one() {
    for (len, digest) in [
        (0, "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262"),
        (1, "2d3adedff11b61f14c886e35afa036736dcd87a74d27b5c1510225d0f592e213"),
        (1024, "42214739f095a406f3fc83deb889744ac00df831c10daa55189b5d121c855af7"),
        (102_400, "bc3e3d41a1146b069abffad3c0d44860cf664390afce4d9661f7902e7943e085"),
    ] {
        assert_eq!(BlobDigest::of(&input(len)).to_string(), digest, "of {len} bytes");
    }
}

#[test]
fn a_digest_has_one_text() {
    let digest = BlobDigest::of(b"one");
    let text = digest.to_string();
    assert_eq!(text.parse::<BlobDigest>().unwrap(), digest);
    assert_eq!(BlobDigest::from_bytes(*digest.as_bytes()), digest);
    assert_eq!(format!("{digest:?}"), format!("BlobDigest({text})"));
    let hostile = [
        String::new(),
        text.to_uppercase(),
        format!(" {text}"),
        format!("{text}\n"),
        format!("{text}0"),
        text[1..].to_owned(),
        format!("0x{}", &text[2..]),
        format!("+{}", &text[1..]),
        format!("{}/", &text[1..]),
        format!("../{}", &text[3..]),
        format!("{}\0", &text[1..]),
        // Two bytes for one character, and digits of another script.
        format!("{}\u{e9}", &text[2..]),
        "\u{ff10}".repeat(64),
        "\u{660}".repeat(32),
        "..".repeat(32),
        "g".repeat(64),
        "a".repeat(10_000_000),
    ];
    for text in hostile {
        let error = text.parse::<BlobDigest>().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument);
        assert!(error.to_string().len() < 1_000);
    }
}

#[test]
fn digests_are_ordered_as_their_texts() {
    let digests: Vec<BlobDigest> = (0_u32..100).map(|at| BlobDigest::of(&at.to_le_bytes())).collect();
    assert_eq!(digests.iter().collect::<HashSet<_>>().len(), 100);
    for (a, b) in digests.iter().flat_map(|a| digests.iter().map(move |b| (a, b))) {
        assert_eq!(a.cmp(b), a.to_string().cmp(&b.to_string()));
    }
}
