//! Whole pages cut off, swapped, zeroed, or written to another page's place: what disks and copying programs do.

use super::answer::{Tally, Whole, on_the_worker, whole};
use crate::support::random::{Random, printed_seed};

const PAGE: usize = 4096;

fn page(bytes: &[u8], number: usize) -> &[u8] {
    &bytes[number * PAGE..(number + 1) * PAGE]
}

fn put(bytes: &mut [u8], number: usize, page: &[u8]) {
    bytes[number * PAGE..(number + 1) * PAGE].copy_from_slice(page);
}

fn examine(check_integrity: bool, name: &'static str, damage: fn(&Whole, bool, &mut Tally)) -> Tally {
    on_the_worker(move || {
        let whole = whole();
        assert_eq!(whole.bytes.len() % PAGE, 0);
        let mut tally = Tally::default();
        damage(&whole, check_integrity, &mut tally);
        println!("{name}, integrity checked: {check_integrity}: {tally:?}");
        tally
    })
}

/// The file ends early: at each page, and a little before and after.
fn cut(whole: &Whole, check_integrity: bool, tally: &mut Tally) {
    for number in 0..whole.bytes.len() / PAGE {
        for len in [number * PAGE, number * PAGE + 1, number * PAGE + PAGE / 2, (number + 1) * PAGE - 1] {
            tally.examine(whole, whole.bytes[..len].to_vec(), check_integrity, &format!("cut to {len}"));
        }
    }
}

#[test]
fn a_cut_file_is_refused() {
    for check_integrity in [true, false] {
        let tally = examine(check_integrity, "cut files", cut);
        assert_eq!(tally.refused, tally.all(), "{tally:?}");
    }
}

/// Two pages change places: each with the next, and random ones.
fn swap(whole: &Whole, check_integrity: bool, tally: &mut Tally) {
    let pages = whole.bytes.len() / PAGE;
    let mut random = Random::new(printed_seed("swapped pages", 21));
    let mut pairs: Vec<(usize, usize)> = (1..pages).map(|number| (number - 1, number)).collect();
    pairs.extend((0..200).map(|_| (random.below(pages), random.below(pages))));
    for (one, other) in pairs {
        let mut bytes = whole.bytes.clone();
        put(&mut bytes, one, page(&whole.bytes, other));
        put(&mut bytes, other, page(&whole.bytes, one));
        tally.examine(whole, bytes, check_integrity, &format!("pages {one} and {other} swapped"));
    }
}

/// A page is zeroes, or holds what belongs to another: a lost and a misdirected write.
fn misdirect(whole: &Whole, check_integrity: bool, tally: &mut Tally) {
    let pages = whole.bytes.len() / PAGE;
    for to in 0..pages {
        let mut bytes = whole.bytes.clone();
        put(&mut bytes, to, &[0; PAGE]);
        tally.examine(whole, bytes, check_integrity, &format!("page {to} zeroed"));
        for from in (0..pages).filter(|from| *from != to) {
            let mut bytes = whole.bytes.clone();
            put(&mut bytes, to, page(&whole.bytes, from));
            tally.examine(whole, bytes, check_integrity, &format!("page {from} over page {to}"));
        }
    }
}

#[test]
fn with_the_integrity_check_misplaced_pages_do_no_harm() {
    for (name, damage) in [("swapped pages", swap as fn(&Whole, bool, &mut Tally)), ("misplaced pages", misdirect)] {
        let tally = examine(true, name, damage);
        assert_eq!((tally.missing, tally.panicked), (0, 0), "{name}: {tally:?}");
        assert!(tally.refused > 0 && tally.right > 0);
    }
}

/// A plain open promises no more than that records are right: the rest is bounded as measured, generously.
#[test]
fn opened_plainly_misplaced_pages_return_no_wrong_record() {
    for (name, damage) in [("swapped pages", swap as fn(&Whole, bool, &mut Tally)), ("misplaced pages", misdirect)] {
        let tally = examine(false, name, damage);
        assert!(tally.missing * 100 <= tally.all() * 10, "{name}: {tally:?}");
        assert!(tally.panicked * 100 <= tally.all() * 50, "{name}: {tally:?}");
    }
}
