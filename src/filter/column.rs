//! A column of one block: ordered keys of some of its rows, sorted, and parts of that order as sets.
//!
//! ```text
//! keys      sorted: each by itself (8 bytes a value), or, if few differ, each once with where it ends
//! rows      the row of each key, equal keys by row                                   2 bytes a value
//! prefixes  if most keys differ: the rows of the first 2048, 4096, ...               8 KiB each
//! dense     if few differ: the rows of a key that has many                           8 KiB each
//! places    made on use: where each row stands in the order                          2 bytes a row
//! ```
//! A range is two positions in the order: their distance is its count, and its rows are the difference of two
//! prefixes, each the nearest one that is kept, corrected by at most 1,024 rows; or the sets of its keys.

use std::sync::OnceLock;

use super::words::{ROWS, Words};

/// Values from one kept prefix to the next.
const STEP: usize = 2048;

/// Values below which no prefixes are kept: inserting the rows of a range one by one is as cheap.
const FEW: usize = 4 * STEP;

/// Keys from one mark to the next.
const MARK: usize = 64;

/// Distinct keys up to which each is held once.
const DISTINCT: usize = 256;

/// Rows of one key from which on they are held as a set.
const DENSE: usize = 512;

enum Keys {
    /// All, and every sixty-fourth of them: a search of those finds where to look, and they stay in a processor's
    /// cache.
    Each(Box<[u64]>, Box<[u64]>),
    /// Distinct keys with the position behind the last value of each.
    Runs(Box<[(u64, u32)]>),
}

/// Keys of some rows of a block, in order.
pub(crate) struct Column {
    keys: Keys,
    rows: Box<[u16]>,
    prefixes: Box<[Words]>,
    /// By the index of the run.
    dense: Box<[Option<Words>]>,
    places: OnceLock<Box<[u16]>>,
}

/// Positions in the order, from the first up to the second.
pub(crate) type Range = (usize, usize);

impl Column {
    /// The column of these values.
    #[cfg(test)]
    fn new(mut values: Vec<(u64, u16)>, set: bool) -> Self {
        values.sort_unstable();
        let (keys, rows) = values.into_iter().unzip();
        Column::sorted(keys, rows, set)
    }

    /// The column of keys in order with their rows. If it is of a `set`, a row may have several keys.
    pub(super) fn sorted(keys: Vec<u64>, rows: Vec<u16>, set: bool) -> Self {
        let mut runs = Vec::new();
        let mut end = 0;
        for same in keys.chunk_by(|a, b| a == b) {
            end += same.len();
            let Some(key) = same.first() else { continue };
            runs.push((*key, u32::try_from(end).unwrap_or(u32::MAX)));
            if runs.len() > DISTINCT && !set {
                break;
            }
        }
        if runs.len() > DISTINCT && !set {
            let marks = keys.iter().step_by(MARK).copied().collect();
            return Column::of(Keys::Each(keys.into(), marks), rows);
        }
        Column::of(Keys::Runs(runs.into()), rows)
    }

    fn of(keys: Keys, rows: Vec<u16>) -> Self {
        let rows: Box<[u16]> = rows.into();
        let (mut prefixes, mut dense) = (Vec::new(), Vec::new());
        match &keys {
            Keys::Each(..) if rows.len() >= FEW => {
                let mut prefix = Words::empty();
                for chunk in rows.chunks_exact(STEP) {
                    prefix.insert_all(chunk);
                    prefixes.push(prefix.clone());
                }
            }
            Keys::Each(..) => {}
            Keys::Runs(runs) => {
                let mut from = 0;
                for (_, end) in runs {
                    let own = rows.get(from..*end as usize).unwrap_or_default();
                    dense.push((own.len() >= DENSE).then(|| Words::of(own)));
                    from = *end as usize;
                }
            }
        }
        Column { keys, rows, prefixes: prefixes.into(), dense: dense.into(), places: OnceLock::new() }
    }

    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    /// Bytes it takes, about.
    pub(super) fn bytes(&self) -> usize {
        let keys = match &self.keys {
            Keys::Each(keys, _) => keys.len() * 8,
            Keys::Runs(runs) => runs.len() * 16,
        };
        let sets = self.prefixes.len() + self.dense.iter().flatten().count();
        // Places are made as soon as somebody wants the values of single rows.
        let places = if matches!(self.keys, Keys::Each(..)) { 2 * ROWS } else { 0 };
        keys + self.rows.len() * 2 + sets * ROWS / 8 + places
    }

    /// All keys in order, and their rows.
    pub(super) fn parts(&self) -> (Vec<u64>, &[u16]) {
        match &self.keys {
            Keys::Each(keys, _) => (keys.to_vec(), &self.rows),
            Keys::Runs(_) => {
                let keys = self.groups().flat_map(|(key, (from, to))| std::iter::repeat_n(key, to - from));
                (keys.collect(), &self.rows)
            }
        }
    }

    /// The position of the first key that is not `before`, of which all are in front of the others.
    pub(crate) fn position(&self, before: impl Fn(u64) -> bool) -> usize {
        match &self.keys {
            Keys::Each(keys, marks) => {
                // The mark in front of the position, if there is one, begins the stretch that it is in.
                let from = marks.partition_point(|key| before(*key)).saturating_sub(1) * MARK;
                let stretch = keys.get(from..).unwrap_or_default();
                let stretch = stretch.get(..=MARK).unwrap_or(stretch);
                from + stretch.partition_point(|key| before(*key))
            }
            Keys::Runs(runs) => self.start(runs.partition_point(|(key, _)| before(*key))),
        }
    }

    /// The first position of a run.
    fn start(&self, run: usize) -> usize {
        let Keys::Runs(runs) = &self.keys else { return 0 };
        run.checked_sub(1).and_then(|before| runs.get(before)).map_or(0, |(_, end)| *end as usize)
    }

    /// The positions of one key.
    pub(crate) fn equal(&self, key: u64) -> Range {
        match &self.keys {
            Keys::Each(..) => self.equal_from(self.position(|found| found < key), Some(key)),
            Keys::Runs(runs) => match runs.binary_search_by_key(&key, |(key, _)| *key) {
                Ok(run) => (self.start(run), runs.get(run).map_or(0, |(_, end)| *end as usize)),
                Err(run) => (self.start(run), self.start(run)),
            },
        }
    }

    /// The positions of the key at a position, from there on, if it is `only`. Mostly it stands alone.
    pub(crate) fn equal_from(&self, from: usize, only: Option<u64>) -> Range {
        match &self.keys {
            Keys::Each(keys, _) => {
                let rest = keys.get(from..).unwrap_or_default();
                let len = match rest {
                    [key, ..] if only.is_some_and(|only| only != *key) => 0,
                    [key, next, ..] if key == next => rest.partition_point(|found| found == key),
                    _ => rest.len().min(1),
                };
                (from, from + len)
            }
            Keys::Runs(runs) => {
                let run = runs.get(runs.partition_point(|(_, end)| *end as usize <= from));
                let end = run.filter(|(key, _)| only.is_none_or(|only| only == *key));
                (from, end.map_or(from, |(_, end)| *end as usize))
            }
        }
    }

    /// Adds the rows between two positions to `to`.
    pub(crate) fn insert_into(&self, (from, to): Range, words: &mut Words) {
        if let Keys::Runs(runs) = &self.keys {
            // A range is of whole runs, but for one that was cut.
            let mut run = runs.partition_point(|(_, end)| *end as usize <= from);
            let mut at = from;
            while at < to {
                let end = runs.get(run).map_or(to, |(_, end)| *end as usize).min(to);
                match self.dense.get(run) {
                    Some(Some(dense)) if end - at == self.run_len(run) => words.or(dense),
                    _ => words.insert_all(self.rows.get(at..end).unwrap_or_default()),
                }
                (at, run) = (end.max(at + 1), run + 1);
            }
            return;
        }
        if to.saturating_sub(from) < FEW || self.prefixes.is_empty() {
            words.insert_all(self.rows.get(from..to).unwrap_or_default());
            return;
        }
        if from == 0 {
            words.or(&self.prefix(to));
            return;
        }
        let mut range = self.prefix(to);
        range.and_not(&self.prefix(from));
        words.or(&range);
    }

    fn run_len(&self, run: usize) -> usize {
        self.start(run + 1) - self.start(run)
    }

    /// The rows between two positions.
    pub(crate) fn range(&self, range: Range) -> Words {
        if range.0 == 0 && !self.prefixes.is_empty() {
            return self.prefix(range.1);
        }
        let mut words = Words::empty();
        self.insert_into(range, &mut words);
        words
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

    /// The set of the rows between two positions if it is held as one: the rows of one frequent key.
    pub(crate) fn dense(&self, (from, to): Range) -> Option<&Words> {
        let Keys::Runs(runs) = &self.keys else { return None };
        let run = runs.partition_point(|(_, end)| *end as usize <= from);
        let whole = self.start(run) == from && runs.get(run).is_some_and(|(_, end)| *end as usize == to);
        self.dense.get(run).filter(|_| whole)?.as_ref()
    }

    /// How many rows between two positions are in `among`.
    pub(crate) fn count_among(&self, range: Range, among: &Words) -> u64 {
        match self.dense(range) {
            Some(dense) => dense.count_common(among),
            None => {
                let rows = self.rows.get(range.0..range.1).unwrap_or_default();
                rows.iter().map(|row| u64::from(among.contains(*row))).sum()
            }
        }
    }

    fn key(&self, position: usize) -> Option<u64> {
        match &self.keys {
            Keys::Each(keys, _) => keys.get(position).copied(),
            Keys::Runs(runs) => {
                runs.get(runs.partition_point(|(_, end)| *end as usize <= position)).map(|(key, _)| *key)
            }
        }
    }

    /// The key and the row at a position.
    pub(crate) fn at(&self, position: usize) -> Option<(u64, u16)> {
        self.key(position).zip(self.rows.get(position).copied())
    }

    /// The rows between two positions, of equal keys ascending.
    pub(crate) fn rows(&self, (from, to): Range) -> &[u16] {
        self.rows.get(from..to).unwrap_or_default()
    }

    /// All rows that have a key.
    pub(crate) fn all(&self) -> Words {
        self.range((0, self.len()))
    }

    /// The key of a row that has one; not of a set. The first time it takes a walk over all.
    pub(crate) fn of_row(&self, row: u16) -> Option<u64> {
        let places = self.places.get_or_init(|| {
            let mut places = vec![0_u16; ROWS];
            for (place, row) in (0..=u16::MAX).zip(&self.rows) {
                if let Some(slot) = places.get_mut(usize::from(*row)) {
                    *slot = place;
                }
            }
            places.into()
        });
        let place = usize::from(*places.get(usize::from(row))?);
        self.at(place).filter(|(_, found)| *found == row).map(|(key, _)| key)
    }

    /// The distinct keys with their positions, ascending.
    pub(crate) fn groups(&self) -> impl Iterator<Item = (u64, Range)> + '_ {
        let mut from = 0;
        std::iter::from_fn(move || {
            let key = self.key(from)?;
            let group = self.equal_from(from, None);
            from = group.1;
            Some((key, group))
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
        let cases = [
            (0, 1),
            (1, 1),
            (100, 5),
            (8191, 3),
            (8192, 1000),
            (20_000, 2),
            (40_000, 256),
            (40_000, 257),
            (65_536, 60_000),
        ];
        for (len, distinct) in cases {
            let mut rows: Vec<u16> = (0..=u16::MAX).collect();
            for at in (1..rows.len()).rev() {
                rows.swap(at, random(&mut state) as usize % (at + 1));
            }
            let values: Vec<(u64, u16)> = rows[..len].iter().map(|row| (random(&mut state) % distinct, *row)).collect();
            let column = Column::new(values.clone(), false);
            assert_eq!(column.len(), len);
            for _ in 0..40 {
                let (a, b) = (random(&mut state) % (distinct + 1), random(&mut state) % (distinct + 2));
                let (low, high) = (a.min(b), a.max(b));
                let positions = (column.position(|key| key < low), column.position(|key| key < high));
                let found = column.range(positions);
                let mut expected: Vec<u16> =
                    values.iter().filter(|(key, _)| (low..high).contains(key)).map(|(_, row)| *row).collect();
                expected.sort_unstable();
                assert_eq!(positions.1 - positions.0, expected.len());
                assert!(found.iter().eq(expected.iter().copied()), "{len} {distinct} {low}..{high}");
                let among = Words::of(&rows[..1000]);
                let common = rows[..1000].iter().filter(|row| expected.binary_search(row).is_ok()).count();
                assert_eq!(column.count_among(positions, &among), common as u64);
                let mut equal: Vec<u16> = values.iter().filter(|(key, _)| *key == low).map(|(_, row)| *row).collect();
                equal.sort_unstable();
                let range = column.equal(low);
                assert!(column.range(range).iter().eq(equal.iter().copied()));
                assert!(column.dense(range).is_none_or(|dense| dense.iter().eq(equal.iter().copied())));
            }
            for (key, row) in values.iter().take(100) {
                assert_eq!(column.of_row(*row), Some(*key));
            }
            if let Some(row) = rows.get(len) {
                assert_eq!(column.of_row(*row), None);
            }
            assert_eq!(column.all().count(), len as u64);
            let groups: usize = column.groups().map(|(_, (from, to))| to - from).sum();
            assert_eq!(groups, len);
            assert!(column.groups().map(|(key, _)| key).is_sorted_by(|a, b| a < b));
            let mut sorted = values;
            sorted.sort_unstable();
            let (keys, rows) = column.parts();
            assert!(keys.into_iter().zip(rows.iter().copied()).eq(sorted));
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
