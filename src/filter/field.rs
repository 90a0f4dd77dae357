//! What the rows of a block hold of one field.

use std::collections::HashMap;

use siphasher::sip::SipHasher13;
use std::hash::Hasher as _;

use super::column::{Column, float_key, key_float};
use super::words::Words;
use crate::codec::columns::{packed, put, take, unpacked};
use crate::error::{Error, Result};
use crate::limits;
use crate::value::{self, ValueRef};

/// A field that the index has columns of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct FieldKey {
    /// One of the numbers below.
    pub(crate) space: u8,
    /// The code of the key, in spaces that have keys.
    pub(crate) code: u32,
}

impl FieldKey {
    /// The project and the experiment of a run, by row: every live run has both.
    pub(crate) const PROJECT: FieldKey = FieldKey::builtin(1);
    pub(crate) const EXPERIMENT: FieldKey = FieldKey::builtin(2);
    pub(crate) const TAGS: FieldKey = FieldKey::builtin(3);
    pub(crate) const FEATURES: FieldKey = FieldKey::builtin(4);
    pub(crate) const NAME: FieldKey = FieldKey::builtin(5);
    pub(crate) const OWNER: FieldKey = FieldKey::builtin(6);
    pub(crate) const DATE_CREATED: FieldKey = FieldKey::builtin(7);
    pub(crate) const DATE_UPDATED: FieldKey = FieldKey::builtin(8);
    pub(crate) const START_TIME: FieldKey = FieldKey::builtin(9);
    pub(crate) const END_TIME: FieldKey = FieldKey::builtin(10);
    pub(crate) const VERSION: FieldKey = FieldKey::builtin(11);
    pub(crate) const PARENT_ID: FieldKey = FieldKey::builtin(12);
    pub(crate) const JOB_ID: FieldKey = FieldKey::builtin(13);
    pub(crate) const CODE_VERSION: FieldKey = FieldKey::builtin(14);
    pub(crate) const STATUS: FieldKey = FieldKey::builtin(15);

    const fn builtin(space: u8) -> Self {
        FieldKey { space, code: 0 }
    }

    pub(crate) const fn metric(code: u32) -> Self {
        FieldKey { space: 32, code }
    }

    pub(crate) const fn hyperparameter(code: u32) -> Self {
        FieldKey { space: 33, code }
    }

    pub(crate) const fn attribute(code: u32) -> Self {
        FieldKey { space: 34, code }
    }

    /// Numbers of the series of a key.
    pub(crate) const fn series_min(code: u32) -> Self {
        FieldKey { space: 48, code }
    }

    pub(crate) const fn series_max(code: u32) -> Self {
        FieldKey { space: 49, code }
    }

    pub(crate) const fn series_first(code: u32) -> Self {
        FieldKey { space: 50, code }
    }

    pub(crate) const fn series_last(code: u32) -> Self {
        FieldKey { space: 51, code }
    }

    pub(crate) const fn series_mean(code: u32) -> Self {
        FieldKey { space: 52, code }
    }

    pub(crate) const fn series_count(code: u32) -> Self {
        FieldKey { space: 53, code }
    }

    /// Whether a row may hold several of it.
    fn is_set(self) -> bool {
        self == FieldKey::TAGS || self == FieldKey::FEATURES
    }
}

/// What the rows of a block hold of one field. A row that holds nothing, or null, is in none of these.
pub(crate) struct FieldBlock {
    /// Numbers, and strings that read as numbers, by value; the rows of parents.
    pub(crate) numbers: Column,
    /// Texts that are listed, by number.
    pub(crate) texts: Column,
    /// The listed texts in order.
    listed: Box<[Box<str>]>,
    /// Further texts by hash: who finds one by it looks into the record.
    pub(crate) hashes: Column,
    /// Rows with false, and with true.
    pub(crate) bools: [Vec<u16>; 2],
    pub(crate) nan: Vec<u16>,
    /// What only the record tells: lists and maps, and numbers that no double is.
    pub(crate) odd: Vec<u16>,
    /// Rows that hold something other than NaN.
    pub(crate) present: Words,
    kinds: u8,
}

/// What numbers there are, in `kinds`: whole ones, doubles, and texts that read as numbers.
const INTS: u8 = 1;
const FLOATS: u8 = 2;
const READ: u8 = 4;

/// What a row holds of a field, as far as the index knows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Known<'f> {
    Missing,
    Nan,
    Bool(bool),
    Int(i64),
    /// Never -0.0.
    Float(f64),
    Text(&'f str),
    /// The record tells.
    Unknown,
}

impl FieldBlock {
    fn new(values: Values, listed: Box<[Box<str>]>, set: bool) -> Self {
        let Values { numbers, texts, hashes, bools, nan, odd, kinds } = values;
        let column = |(keys, rows)| Column::sorted(keys, rows, set);
        let (numbers, texts, hashes) = (column(numbers), column(texts), column(hashes));
        let mut present = numbers.all();
        // What reads as a number is a text as well.
        present.or(&texts.all());
        present.or(&hashes.all());
        bools.iter().for_each(|rows| present.insert_all(rows));
        present.insert_all(&odd);
        FieldBlock { numbers, texts, listed, hashes, bools, nan, odd, present, kinds }
    }

    /// The number of a listed text, or else of the next.
    pub(crate) fn number(&self, text: &str) -> std::result::Result<usize, usize> {
        self.listed.binary_search_by(|listed| (**listed).cmp(text))
    }

    /// The listed texts with their numbers, ascending.
    pub(crate) fn listed(&self) -> impl Iterator<Item = (u64, &str)> {
        (0..).zip(self.listed.iter().map(|text| &**text))
    }

    /// The listed text of a number.
    pub(crate) fn text(&self, number: u64) -> Option<&str> {
        usize::try_from(number).ok().and_then(|number| self.listed.get(number)).map(|text| &**text)
    }

    /// Whether some text reads as a number, and is one as well.
    pub(crate) fn reads_numbers(&self) -> bool {
        self.kinds & READ != 0
    }

    /// The number of a key as it was written, if that is known.
    pub(crate) fn number_of(&self, key: u64) -> Known<'_> {
        let float = key_float(key);
        match self.kinds {
            FLOATS => Known::Float(float),
            // A key of a whole number is one.
            #[allow(clippy::cast_possible_truncation)]
            INTS => Known::Int(float as i64),
            _ => Known::Unknown,
        }
    }

    /// What a row holds; not of a set.
    pub(crate) fn known(&self, row: u16) -> Known<'_> {
        let is_in = |rows: &[u16]| rows.binary_search(&row).is_ok();
        if !self.present.contains(row) {
            return if is_in(&self.nan) { Known::Nan } else { Known::Missing };
        }
        let [no, yes] = &self.bools;
        if is_in(&self.odd) || (self.hashes.len() > 0 && self.hashes.of_row(row).is_some()) {
            return Known::Unknown;
        }
        if is_in(no) || is_in(yes) {
            return Known::Bool(is_in(yes));
        }
        if self.texts.len() > 0
            && let Some(number) = self.texts.of_row(row)
        {
            return self.text(number).map_or(Known::Unknown, Known::Text);
        }
        self.numbers.of_row(row).map_or(Known::Unknown, |key| self.number_of(key))
    }

    /// Bytes it takes, about.
    pub(super) fn bytes(&self) -> usize {
        let texts: usize = self.listed.iter().map(|text| text.len() + 16).sum();
        let columns = self.numbers.bytes() + self.texts.bytes() + self.hashes.bytes();
        let lists = self.bools.iter().chain([&self.nan, &self.odd]).map(|rows| rows.len() * 2).sum::<usize>();
        size_of::<Self>() + texts + columns + lists + super::words::ROWS / 8
    }

    /// The bytes that [`decode`](Self::decode) takes.
    pub(crate) fn encode(&self) -> Result<Vec<u8>> {
        let mut to = vec![self.kinds];
        for column in [&self.numbers, &self.texts, &self.hashes] {
            let (keys, rows) = column.parts();
            put(&mut to, &packed(&keys)?)?;
            put(&mut to, &packed(rows)?)?;
        }
        for rows in self.bools.iter().chain([&self.nan, &self.odd]) {
            put(&mut to, &packed(rows)?)?;
        }
        // What is listed is short.
        let lens: Vec<u32> = self.listed.iter().map(|text| u32::try_from(text.len()).unwrap_or(u32::MAX)).collect();
        put(&mut to, &packed(&lens)?)?;
        let texts: Vec<u8> = self.listed.iter().flat_map(|text| text.bytes()).collect();
        put(&mut to, &texts)?;
        Ok(to)
    }

    /// The field of bytes whose checksum was right.
    ///
    /// # Errors
    /// `Corrupt` if they are no field all the same.
    pub(crate) fn decode(key: FieldKey, bytes: &[u8]) -> Result<Self> {
        let (kinds, mut from) = bytes.split_first().ok_or_else(damaged)?;
        let mut column = || -> Result<(Vec<u64>, Vec<u16>)> {
            let keys = unpacked(take(&mut from)?)?;
            let rows = unpacked(take(&mut from)?)?;
            if keys.len() != rows.len() || !keys.is_sorted() {
                return Err(damaged());
            }
            Ok((keys, rows))
        };
        let (numbers, texts, hashes) = (column()?, column()?, column()?);
        let mut rows = || unpacked(take(&mut from)?);
        let (no, yes, nan, odd) = (rows()?, rows()?, rows()?, rows()?);
        let lens: Vec<u32> = unpacked(take(&mut from)?)?;
        let mut rest = std::str::from_utf8(take(&mut from)?).map_err(|_| damaged())?;
        let mut listed: Vec<Box<str>> = Vec::with_capacity(lens.len());
        for len in lens {
            let (text, later) = rest.split_at_checked(len as usize).ok_or_else(damaged)?;
            listed.push(text.into());
            rest = later;
        }
        if !listed.is_sorted_by(|a, b| a < b) || texts.0.last().is_some_and(|last| *last >= listed.len() as u64) {
            return Err(damaged());
        }
        let values = Values { numbers, texts, hashes, bools: [no, yes], nan, odd, kinds: *kinds };
        Ok(FieldBlock::new(values, listed.into(), key.is_set()))
    }
}

/// The parts of a field, in order.
struct Values {
    numbers: (Vec<u64>, Vec<u16>),
    texts: (Vec<u64>, Vec<u16>),
    hashes: (Vec<u64>, Vec<u16>),
    bools: [Vec<u16>; 2],
    nan: Vec<u16>,
    odd: Vec<u16>,
    kinds: u8,
}

fn damaged() -> Error {
    Error::corrupt("a block of the filter index is damaged")
}

/// Values of one field, as they are gathered.
#[derive(Default)]
pub(super) struct Gathered {
    numbers: Vec<(u64, u16)>,
    texts: Vec<(u64, u16)>,
    hashes: Vec<(u64, u16)>,
    bools: [Vec<u16>; 2],
    nan: Vec<u16>,
    odd: Vec<u16>,
    listed: HashMap<Box<str>, u32>,
    kinds: u8,
}

impl Gathered {
    pub(super) fn push(&mut self, row: u16, value: &ValueRef<'_>) {
        match value {
            ValueRef::Null => {}
            ValueRef::Int(int) => self.int(row, *int),
            ValueRef::Float(float) => match float_key(*float) {
                Some(key) => {
                    self.kinds |= FLOATS;
                    self.numbers.push((key, row));
                }
                None => self.nan.push(row),
            },
            ValueRef::String(text) => self.text(row, text),
            ValueRef::Bool(bool) => {
                let [no, yes] = &mut self.bools;
                if *bool { yes.push(row) } else { no.push(row) }
            }
            ValueRef::Nested(_) => self.odd.push(row),
        }
    }

    pub(super) fn int(&mut self, row: u16, int: i64) {
        match exact_key(int) {
            Some(key) => {
                self.kinds |= INTS;
                self.numbers.push((key, row));
            }
            None => self.odd.push(row),
        }
    }

    /// The row of a parent.
    pub(super) fn parent(&mut self, row: u16, parent: u32) {
        self.numbers.push((u64::from(parent), row));
    }

    pub(super) fn text(&mut self, row: u16, text: &str) {
        let reads_as = match value::number_in(text) {
            None => Ok(None),
            Some(value::Value::Int(int)) => exact_key(int).map(Some).ok_or(()),
            Some(other) => Ok(other.as_f64().and_then(float_key)),
        };
        let Ok(number) = reads_as else { return self.odd.push(row) };
        if let Some(key) = number {
            self.kinds |= READ;
            self.numbers.push((key, row));
        }
        self.element(row, text);
    }

    /// A text that is never a number.
    pub(super) fn element(&mut self, row: u16, text: &str) {
        match self.list(text) {
            Some(number) => self.texts.push((u64::from(number), row)),
            None => self.hashes.push((hash(text), row)),
        }
    }

    /// The number of a text; none if there are too many, or it is too long.
    fn list(&mut self, text: &str) -> Option<u32> {
        if let Some(number) = self.listed.get(text) {
            return Some(*number);
        }
        if self.listed.len() >= limits::FILTER_TEXTS || text.len() > limits::FILTER_TEXT_BYTES {
            return None;
        }
        let number = u32::try_from(self.listed.len()).ok()?;
        self.listed.insert(text.into(), number);
        Some(number)
    }

    pub(super) fn finish(self, key: FieldKey) -> FieldBlock {
        let mut listed: Vec<(Box<str>, u32)> = self.listed.into_iter().collect();
        let mut texts = self.texts;
        // Where nearly every row has a text of its own, listing some of them is of no use.
        let mut hashes = self.hashes;
        if hashes.len() > texts.len() {
            let by_number: HashMap<u64, u64> =
                listed.iter().map(|(text, number)| (u64::from(*number), hash(text))).collect();
            hashes.extend(texts.drain(..).filter_map(|(number, row)| Some((*by_number.get(&number)?, row))));
            listed.clear();
        }
        listed.sort_unstable();
        let mut order = vec![0; listed.len()];
        for (place, (_, number)) in (0..).zip(&listed) {
            if let Some(slot) = order.get_mut(*number as usize) {
                *slot = place;
            }
        }
        for (number, _) in &mut texts {
            *number = usize::try_from(*number).ok().and_then(|at| order.get(at)).copied().unwrap_or(u64::MAX);
        }
        let sorted = |mut values: Vec<(u64, u16)>| -> (Vec<u64>, Vec<u16>) {
            values.sort_unstable();
            values.into_iter().unzip()
        };
        let values = Values {
            numbers: sorted(self.numbers),
            texts: sorted(texts),
            hashes: sorted(hashes),
            bools: self.bools,
            nan: self.nan,
            odd: self.odd,
            kinds: self.kinds,
        };
        FieldBlock::new(values, listed.into_iter().map(|(text, _)| text).collect(), key.is_set())
    }
}

/// The hash of a text that is not listed; it is stored. Nobody is trusted to choose texts that do not collide: those
/// are told apart in the records.
pub(crate) fn hash(text: &str) -> u64 {
    let mut hasher = SipHasher13::new();
    hasher.write(text.as_bytes());
    hasher.finish()
}

/// The key of a whole number that a double is exactly.
fn exact_key(int: i64) -> Option<u64> {
    #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation)] // That is what is found out.
    let (float, back) = (int as f64, int as f64 as i64);
    // 2^63 itself saturates on the way back.
    (back == int && float < 9_223_372_036_854_775_808.0).then(|| float_key(float)).flatten()
}

/// Decodes a field as it could stand on a damaged disk, behind a checksum that happens to fit, and asks it everything:
/// for fuzzing. What is asked of it ends, and what it says survives being written and read again.
#[cfg(feature = "simulation")]
pub(crate) fn walk(key: FieldKey, bytes: &[u8]) {
    let Ok(field) = FieldBlock::decode(key, bytes) else { return };
    let again = field.encode().and_then(|bytes| FieldBlock::decode(key, &bytes));
    assert!(again.is_ok_and(|again| again.present == field.present && again.listed == field.listed));
    let mut every = Words::empty();
    for column in [&field.numbers, &field.texts, &field.hashes] {
        let mut groups = 0;
        for (of, range) in column.groups() {
            assert!(column.equal(of) == range && range.0 < range.1 && column.rows(range).len() == range.1 - range.0);
            assert!(column.position(|found| found < of) == range.0);
            assert!(column.count_among(range, &column.range(range)) == (range.1 - range.0) as u64);
            column.insert_into(range, &mut every);
            groups += range.1 - range.0;
        }
        assert!(groups == column.len());
        let half = (column.len() / 4, column.len() / 2);
        assert!(column.range(half).count() <= (half.1 - half.0) as u64);
    }
    field.bools.iter().chain([&field.odd]).for_each(|rows| every.insert_all(rows));
    assert!(every == field.present);
    for text in field.listed().map(|(number, text)| (number, text.to_owned())) {
        assert!(field.number(&text.1).is_ok_and(|number| number as u64 == text.0));
    }
    let missing = (0..=u16::MAX).filter(|row| matches!(field.known(*row), Known::Missing | Known::Nan)).count();
    assert!(missing as u64 == super::words::ROWS as u64 - field.present.count());
}

/// The bytes of a field of rows that hold these values: for fuzzing.
#[cfg(feature = "simulation")]
pub(crate) fn bytes_of(set: bool, values: &[value::Value]) -> Result<Vec<u8>> {
    let mut gathered = Gathered::default();
    for (row, value) in (0..=u16::MAX).zip(values) {
        match value {
            value::Value::String(text) if set => gathered.element(row, text),
            value::Value::String(text) => gathered.text(row, text),
            value::Value::Int(int) => gathered.int(row, *int),
            value::Value::Float(float) => gathered.push(row, &ValueRef::Float(*float)),
            value::Value::Bool(bool) => gathered.push(row, &ValueRef::Bool(*bool)),
            nested => gathered.push(row, &ValueRef::Nested(nested.clone())),
        }
    }
    gathered.finish(if set { FieldKey::TAGS } else { FieldKey::metric(7) }).encode()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_comes_back_from_its_bytes() {
        let values: [ValueRef<'_>; 10] = [
            ValueRef::Int(3),
            ValueRef::Float(-0.5),
            ValueRef::Float(f64::NAN),
            ValueRef::Int(i64::MAX),
            ValueRef::String("b".into()),
            ValueRef::String("5".into()),
            ValueRef::String("9007199254740993".into()),
            ValueRef::Bool(true),
            ValueRef::Null,
            ValueRef::String("a".repeat(limits::FILTER_TEXT_BYTES + 1).into()),
        ];
        let mut gathered = Gathered::default();
        for row in 0..60_000_u16 {
            gathered.push(row, &values[usize::from(row) % values.len()]);
        }
        let key = FieldKey::metric(7);
        let made = gathered.finish(key);
        assert_eq!(made.present.count(), 60_000 / 10 * 8);
        assert_eq!((made.texts.len(), made.hashes.len(), made.odd.len(), made.nan.len()), (12_000, 6000, 12_000, 6000));
        let bytes = made.encode().unwrap();
        let read = FieldBlock::decode(key, &bytes).unwrap();
        for (a, b) in [(&made.numbers, &read.numbers), (&made.texts, &read.texts), (&made.hashes, &read.hashes)] {
            assert_eq!(a.parts(), b.parts());
        }
        assert_eq!((&made.bools, &made.nan, &made.odd), (&read.bools, &read.nan, &read.odd));
        assert!(made.present == read.present);
        assert_eq!(read.listed().collect::<Vec<_>>(), [(0, "5"), (1, "b")]);
        assert_eq!((read.number("b"), read.number("a"), read.text(0)), (Ok(1), Err(1), Some("5")));
        let known = |row| (made.known(row), read.known(row));
        for (row, expected) in [
            (0, Known::Unknown),
            (2, Known::Nan),
            (3, Known::Unknown),
            (4, Known::Text("b")),
            (5, Known::Text("5")),
            (7, Known::Bool(true)),
            (8, Known::Missing),
            (9, Known::Unknown),
        ] {
            assert_eq!(known(row), (expected, expected));
        }
        for cut in 0..bytes.len().min(200) {
            assert!(FieldBlock::decode(key, &bytes[..cut]).is_err());
        }
    }

    #[test]
    fn texts_that_mostly_differ_are_not_listed() {
        let mut gathered = Gathered::default();
        (0..60_000_u16).for_each(|row| gathered.text(row, &format!("run {row}")));
        let field = gathered.finish(FieldKey::NAME);
        assert_eq!((field.texts.len(), field.hashes.len(), field.listed().count()), (0, 60_000, 0));
    }
}
