//! A bit flipped in every byte of a small store.
//!
//! Opened with the integrity check, the answer is right or a typed error. Opened plainly, every record that is
//! returned is right; what a plain open cannot promise is counted, and bounded.

use super::answer::{Tally, on_the_worker, whole};

fn flip_every_byte(check_integrity: bool) -> Tally {
    on_the_worker(move || {
        let whole = whole();
        let mut tally = Tally::default();
        for at in 0..whole.bytes.len() {
            let mut bytes = whole.bytes.clone();
            bytes[at] ^= 1 << (at % 8);
            tally.examine(&whole, bytes, check_integrity, &format!("byte {at}"));
        }
        println!("{} bytes flipped, integrity checked: {check_integrity}: {tally:?}", whole.bytes.len());
        tally
    })
}

#[test]
fn with_the_integrity_check_the_answer_is_right_or_an_error() {
    let tally = flip_every_byte(true);
    assert_eq!((tally.missing, tally.panicked), (0, 0), "{tally:?}");
    assert!(tally.refused > 0 && tally.right > 0);
}

#[test]
fn opened_plainly_every_record_that_is_returned_is_right() {
    let tally = flip_every_byte(false);
    let all = tally.all();
    // Measured: see the printed figures; the documentation quotes them.
    assert!(tally.missing * 100 <= all * 4, "{tally:?}");
    assert!(tally.panicked * 100 <= all * 2, "{tally:?}");
}
