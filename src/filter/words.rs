//! A set of the rows of one block, a bit a row: packed words, which are combined eight bytes at a time.
//!
//! A block has as many rows as a container of a roaring bitmap, and a set of it takes as much as a dense one: 8 KiB.
//! Chains of operations stay in this form; a roaring bitmap would turn each result into its best container first.

use std::sync::LazyLock;

/// Rows of a block at most.
pub(crate) const ROWS: usize = 1 << 16;
const WORDS: usize = ROWS / 64;

/// A set of row offsets.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Words(Box<[u64; WORDS]>);

impl Words {
    /// No row.
    pub(crate) fn empty() -> Self {
        Words(Box::new([0; WORDS]))
    }

    /// The first `rows` rows.
    pub(crate) fn first(rows: usize) -> Self {
        let mut words = Words::empty();
        for (at, word) in words.0.iter_mut().enumerate() {
            let left = rows.saturating_sub(64 * at);
            *word = if left >= 64 { u64::MAX } else { (1 << left) - 1 };
        }
        words
    }

    /// These rows.
    pub(crate) fn of(rows: &[u16]) -> Self {
        let mut words = Words::empty();
        words.insert_all(rows);
        words
    }

    pub(crate) fn insert(&mut self, row: u16) {
        if let Some(word) = self.0.get_mut(usize::from(row) / 64) {
            *word |= 1 << (row % 64);
        }
    }

    pub(crate) fn insert_all(&mut self, rows: &[u16]) {
        rows.iter().for_each(|row| self.insert(*row));
    }

    pub(crate) fn remove(&mut self, row: u16) {
        if let Some(word) = self.0.get_mut(usize::from(row) / 64) {
            *word &= !(1 << (row % 64));
        }
    }

    pub(crate) fn contains(&self, row: u16) -> bool {
        self.0.get(usize::from(row) / 64).is_some_and(|word| word >> (row % 64) & 1 == 1)
    }

    fn combine(&mut self, other: &Words, with: impl Fn(u64, u64) -> u64) {
        widely(|| {
            for (word, other) in self.0.iter_mut().zip(&*other.0) {
                *word = with(*word, *other);
            }
        });
    }

    /// Only what is in `other` too.
    pub(crate) fn and(&mut self, other: &Words) {
        self.combine(other, |a, b| a & b);
    }

    /// And what is in `other`.
    pub(crate) fn or(&mut self, other: &Words) {
        self.combine(other, |a, b| a | b);
    }

    /// Without what is in `other`.
    pub(crate) fn and_not(&mut self, other: &Words) {
        self.combine(other, |a, b| a & !b);
    }

    /// How many rows.
    pub(crate) fn count(&self) -> u64 {
        widely(|| ones(self.0.iter().copied()))
    }

    /// How many rows that are in `other` too.
    pub(crate) fn count_common(&self, other: &Words) -> u64 {
        widely(|| ones(self.0.iter().zip(&*other.0).map(|(a, b)| a & b)))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.iter().all(|word| *word == 0)
    }

    /// The rows, ascending.
    pub(crate) fn iter(&self) -> impl Iterator<Item = u16> + '_ {
        self.0.iter().enumerate().flat_map(|(at, word)| Bits { word: *word, base: at * 64 })
    }

    /// The rows, descending.
    pub(crate) fn iter_back(&self) -> impl Iterator<Item = u16> + '_ {
        self.0.iter().enumerate().rev().flat_map(|(at, word)| BitsBack { word: *word, base: at * 64 })
    }
}

/// Runs a loop over words in the version for this machine's widest registers: twice to three times as fast as what
/// every machine has.
fn widely<R>(words: impl FnOnce() -> R) -> R {
    static MACHINE: LazyLock<pulp::Arch> = LazyLock::new(pulp::Arch::new);
    MACHINE.dispatch(words)
}

fn ones(words: impl Iterator<Item = u64>) -> u64 {
    words.map(|word| u64::from(word.count_ones())).sum()
}

struct Bits {
    word: u64,
    base: usize,
}

impl Iterator for Bits {
    type Item = u16;
    fn next(&mut self) -> Option<u16> {
        if self.word == 0 {
            return None;
        }
        let bit = self.word.trailing_zeros() as usize;
        self.word &= self.word - 1;
        u16::try_from(self.base + bit).ok()
    }
}

struct BitsBack {
    word: u64,
    base: usize,
}

impl Iterator for BitsBack {
    type Item = u16;
    fn next(&mut self) -> Option<u16> {
        if self.word == 0 {
            return None;
        }
        let bit = 63 - self.word.leading_zeros() as usize;
        self.word &= !(1 << bit);
        u16::try_from(self.base + bit).ok()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn words_are_sets() {
        let a: BTreeSet<u16> = (0..=u16::MAX).filter(|row| row % 3 == 0 || *row > 65_000).collect();
        let b: BTreeSet<u16> = (0..=u16::MAX).filter(|row| row % 5 == 0).collect();
        let words = |set: &BTreeSet<u16>| Words::of(&set.iter().copied().collect::<Vec<_>>());
        let check = |words: &Words, set: BTreeSet<u16>| {
            assert_eq!(words.count(), set.len() as u64);
            assert_eq!(words.is_empty(), set.is_empty());
            assert!(words.iter().eq(set.iter().copied()));
            assert!(words.iter_back().eq(set.iter().rev().copied()));
            assert!((0..=u16::MAX).all(|row| words.contains(row) == set.contains(&row)));
        };
        check(&words(&a), a.clone());
        let mut both = words(&a);
        assert_eq!(both.count_common(&words(&b)), (&a & &b).len() as u64);
        both.and(&words(&b));
        check(&both, &a & &b);
        let mut either = words(&a);
        either.or(&words(&b));
        check(&either, &a | &b);
        let mut rest = words(&a);
        rest.and_not(&words(&b));
        check(&rest, &a - &b);
        for rows in [0, 1, 63, 64, 65, 1000, 65_535, 65_536] {
            check(&Words::first(rows), (0..rows).map(|row| row as u16).collect());
        }
        let mut one = Words::empty();
        one.insert(65_535);
        one.insert(7);
        one.remove(65_535);
        check(&one, [7].into());
    }
}
