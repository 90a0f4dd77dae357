//! A column of one block: ordered keys of some of its rows, sorted, and prefixes of that order as sets.
//!
//! ```text
//! keys      sorted                                   8 bytes a value
//! rows      the row of each key, equal keys by row   2 bytes a value
//! prefixes  the rows of the first 4096, 8192, ...    8 KiB each
//! ```
//! A range is two positions in the order: their distance is its count, and its rows are the difference of two
//! prefixes, each the nearest one that is kept, corrected by at most 2,048 rows.

use super::words::Words;

/// Values from one kept prefix to the next.
const STEP: usize = 4096;

/// Values below which no prefixes are kept: inserting the rows of a range one by one is as cheap.
const FEW: usize = 2 * STEP;

/// Keys of some rows of a block, in order.
#[derive(Clone)]
pub(crate) struct Column {
    keys: Box<[u64]>,
    rows: Box<[u16]>,
    prefixes: Box<[Words]>,
}

impl Column {
    /// The column of these values.
    pub(crate) fn new(mut values: Vec<(u64, u16)>) -> Self {
        values.sort_unstable();
        let keys = values.iter().map(|(key, _)| *key).collect();
        let rows: Box<[u16]> = values.iter().map(|(_, row)| *row).collect();
        let mut prefixes = Vec::new();
        if rows.len() >= FEW {
            let mut prefix = Words::empty();
            for chunk in rows.chunks_exact(STEP) {
                prefix.insert_all(chunk);
                prefixes.push(prefix.clone());
            }
        }
        Column { keys, rows, prefixes: prefixes.into() }
    }

    pub(crate) fn len(&self) -> usize {
        self.keys.len()
    }

    /// The position of the first key that is not `before`, of which all are in front of the others.
    pub(crate) fn position(&self, before: impl Fn(u64) -> bool) -> usize {
        self.keys.partition_point(|key| before(*key))
    }

    /// The positions of one key.
    pub(crate) fn equal(&self, key: u64) -> (usize, usize) {
        let from = self.position(|found| found < key);
        (from, from + self.keys.get(from..).unwrap_or_default().partition_point(|found| *found == key))
    }

    /// The positions of the key at a position, from there on. Mostly it stands alone.
    pub(crate) fn equal_from(&self, from: usize) -> (usize, usize) {
        let rest = self.keys.get(from..).unwrap_or_default();
        let len = match rest {
            [key, next, ..] if key == next => rest.partition_point(|found| found == key),
            _ => rest.len().min(1),
        };
        (from, from + len)
    }

    /// Adds the rows between two positions to `to`.
    pub(crate) fn insert_into(&self, (from, to): (usize, usize), words: &mut Words) {
        if to.saturating_sub(from) < FEW || self.prefixes.is_empty() {
            words.insert_all(self.rows.get(from..to).unwrap_or_default());
            return;
        }
        let mut range = self.prefix(to);
        range.and_not(&self.prefix(from));
        words.or(&range);
    }

    /// The rows of the first `len` keys.
    fn prefix(&self, len: usize) -> Words {
        let nearest = (len + STEP / 2) / STEP;
        // The end of the order is no multiple; what it lacks is added.
        let nearest = nearest.min(self.prefixes.len());
        let mut words = match nearest.checked_sub(1).and_then(|at| self.prefixes.get(at)) {
            Some(prefix) => prefix.clone(),
            None => Words::empty(),
        };
        let at = nearest * STEP;
        if at <= len {
            words.insert_all(self.rows.get(at..len).unwrap_or_default());
        } else {
            self.rows.get(len..at).unwrap_or_default().iter().for_each(|row| words.remove(*row));
        }
        words
    }

    /// The key and the row at a position.
    pub(crate) fn at(&self, position: usize) -> Option<(u64, u16)> {
        self.keys.get(position).copied().zip(self.rows.get(position).copied())
    }

    /// All rows that have a key.
    pub(crate) fn all(&self) -> Words {
        let mut words = Words::empty();
        self.insert_into((0, self.len()), &mut words);
        words
    }

    /// The distinct keys with their positions, ascending.
    pub(crate) fn groups(&self) -> impl Iterator<Item = (u64, (usize, usize))> + '_ {
        let mut from = 0;
        std::iter::from_fn(move || {
            let (key, _) = self.at(from)?;
            let to = from + self.keys.get(from..).unwrap_or_default().partition_point(|found| *found == key);
            let group = (key, (from, to));
            from = to;
            Some(group)
        })
    }
}

/// A key that is ordered as the number is; -0.0 as 0.0. NaN has none.
pub(crate) fn float_key(float: f64) -> Option<u64> {
    if float.is_nan() {
        return None;
    }
    let bits = (float + 0.0).to_bits();
    Some(if bits >> 63 == 1 { !bits } else { bits | 1 << 63 })
}

/// The number of a key.
pub(crate) fn key_float(key: u64) -> f64 {
    f64::from_bits(if key >> 63 == 1 { key & !(1 << 63) } else { !key })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn random(state: &mut u64) -> u64 {
        *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        *state >> 33
    }

    #[test]
    fn ranges_are_those_of_a_scan() {
        let mut state = 7;
        for (len, distinct) in [(0, 1), (1, 1), (100, 5), (8191, 3), (8192, 1000), (20_000, 2), (65_536, 60_000)] {
            let mut rows: Vec<u16> = (0..=u16::MAX).collect();
            for at in (1..rows.len()).rev() {
                rows.swap(at, random(&mut state) as usize % (at + 1));
            }
            let values: Vec<(u64, u16)> = rows[..len].iter().map(|row| (random(&mut state) % distinct, *row)).collect();
            let column = Column::new(values.clone());
            assert_eq!(column.len(), len);
            for _ in 0..40 {
                let (a, b) = (random(&mut state) % (distinct + 1), random(&mut state) % (distinct + 2));
                let (low, high) = (a.min(b), a.max(b));
                let positions = (column.position(|key| key < low), column.position(|key| key < high));
                let mut found = Words::empty();
                column.insert_into(positions, &mut found);
                let mut expected: Vec<u16> =
                    values.iter().filter(|(key, _)| (low..high).contains(key)).map(|(_, row)| *row).collect();
                expected.sort_unstable();
                assert_eq!(positions.1 - positions.0, expected.len());
                assert!(found.iter().eq(expected.iter().copied()), "{len} {distinct} {low}..{high}");
                let mut equal: Vec<u16> = values.iter().filter(|(key, _)| *key == low).map(|(_, row)| *row).collect();
                equal.sort_unstable();
                let mut found = Words::empty();
                column.insert_into(column.equal(low), &mut found);
                assert!(found.iter().eq(equal));
            }
            assert_eq!(column.all().count(), len as u64);
            let groups: usize = column.groups().map(|(_, (from, to))| to - from).sum();
            assert_eq!(groups, len);
            assert!(column.groups().map(|(key, _)| key).is_sorted_by(|a, b| a < b));
        }
    }

    #[test]
    fn keys_are_ordered_as_numbers_are() {
        let numbers =
            [f64::NEG_INFINITY, f64::MIN, -1.5, -f64::MIN_POSITIVE, 0.0, f64::MIN_POSITIVE, 1.0, 1.5, f64::INFINITY];
        let keys: Vec<u64> = numbers.iter().map(|number| float_key(*number).unwrap()).collect();
        assert!(keys.is_sorted_by(|a, b| a < b));
        assert!(keys.iter().zip(numbers).all(|(key, number)| key_float(*key) == number));
        assert_eq!(float_key(-0.0), float_key(0.0));
        assert_eq!(float_key(f64::NAN), None);
    }
}
