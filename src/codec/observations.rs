//! Observations as bytes: as the log hashes them, and as a chunk of a series is stored.
//!
//! The log hashes each as `[epoch, time, value]` in canonical CBOR, one after the other. A chunk of a few is stored
//! like that, too; a longer one as columns, each behind its length: epochs, times and numbers packed by pco, texts by
//! LZ4.
//!
//! ```text
//! 0        1          5
//! +--------+----------+-------------------------------------
//! | shape  | count,LE | observations, or columns
//! +--------+----------+-------------------------------------
//! ```

use super::canon::{self, DecodeError, Decoder, Digest, Encoder, NoTexts};
use super::columns::{packed, put, take, unpacked_exactly};
use super::compress;
use crate::error::{Error, Result};
use crate::limits;
use crate::model::{Observation, ObservationColumns};
use crate::time::Timestamp;
use crate::value::Value;

/// Shapes of a chunk.
const PLAIN: u8 = 0;
const COLUMNS: u8 = 1;
/// Bytes before the observations.
const HEADER: usize = 5;

/// Kinds of values in a chunk's columns.
const FLOAT: u8 = 0;
const INT: u8 = 1;
const FALSE: u8 = 2;
const TRUE: u8 = 3;
const TEXT: u8 = 4;

/// What the log says of observations that a change adds.
pub(crate) fn digest(observations: &[Observation]) -> Digest {
    let mut digester = Digester::default();
    digester.update(observations);
    digester.finish()
}

/// [`digest`] of observations that come some at a time.
#[derive(Default)]
pub(crate) struct Digester(canon::Digester);

impl Digester {
    pub(crate) fn update(&mut self, observations: &[Observation]) {
        self.0.update(plain(observations).bytes_so_far());
    }

    pub(crate) fn finish(self) -> Digest {
        self.0.finish()
    }
}

fn plain(observations: &[Observation]) -> Encoder {
    let mut to = Encoder::new();
    for Observation { value, epoch_number, timestamp } in observations {
        to.array(3).int(*epoch_number).int(timestamp.millis());
        match value {
            Value::Bool(bool) => to.bool(*bool),
            Value::Int(int) => to.int(*int),
            Value::Float(float) => to.float(*float),
            // It stands beside no record, however long it is.
            Value::String(text) => to.short_text(text),
            // The rules let no others in.
            _ => to.null(),
        };
    }
    to
}

fn read_plain(bytes: &[u8], count: usize) -> Result<Vec<Observation>> {
    let mut from = Decoder::new(bytes, &NoTexts);
    let mut read = || {
        let mut observations = Vec::new();
        for _ in 0..count {
            from.array_of(3)?;
            let (epoch_number, millis) = (from.int()?, from.int()?);
            let value: Value = canon::Canon::decode(&mut from)?;
            if matches!(value, Value::Null | Value::List(_) | Value::Map(_)) {
                return Err(DecodeError::Other("a value of a kind that is not observed"));
            }
            observations.push(Observation { value, epoch_number, timestamp: Timestamp::from_millis(millis) });
        }
        from.done()?;
        Ok(observations)
    };
    read().map_err(|error: canon::DecodeError| error.at("a chunk of a series"))
}

/// Observations as the log hashes them, with how many there are.
pub(crate) fn write_all(observations: &[Observation]) -> Vec<u8> {
    let mut bytes = (observations.len() as u64).to_le_bytes().to_vec();
    bytes.extend_from_slice(plain(observations).bytes_so_far());
    bytes
}

/// Reads what [`write_all`] wrote, at most a chunk of them.
///
/// # Errors
/// `Corrupt` if the bytes are no such.
pub(crate) fn read_all(bytes: &[u8]) -> Result<Vec<Observation>> {
    let (count, rest) = bytes.split_first_chunk::<8>().ok_or_else(damaged)?;
    let count = usize::try_from(u64::from_le_bytes(*count)).ok().filter(|count| *count <= limits::SERIES_CHUNK);
    read_plain(rest, count.ok_or_else(damaged)?)
}

/// The bytes of a chunk.
pub(crate) fn encode(observations: &[Observation]) -> Result<Vec<u8>> {
    let count = u32::try_from(observations.len()).map_err(|_| Error::limit("a chunk of too many observations"))?;
    let shape = if observations.len() < limits::SERIES_PLAIN { PLAIN } else { COLUMNS };
    let mut bytes = vec![shape];
    bytes.extend_from_slice(&count.to_le_bytes());
    if shape == PLAIN {
        bytes.extend_from_slice(plain(observations).bytes_so_far());
        return Ok(bytes);
    }
    let (mut kinds, mut floats, mut ints, mut texts) = (Vec::new(), Vec::new(), Vec::new(), Encoder::new());
    for observation in observations {
        kinds.push(match &observation.value {
            Value::Float(float) => {
                floats.push(*float);
                FLOAT
            }
            Value::Int(int) => {
                ints.push(*int);
                INT
            }
            Value::Bool(false) => FALSE,
            Value::Bool(true) => TRUE,
            Value::String(text) => {
                texts.short_text(text);
                TEXT
            }
            _ => return Err(Error::corrupt("a series holds neither numbers nor texts nor booleans")),
        });
    }
    let one_kind = kinds.first().filter(|first| kinds.iter().all(|kind| kind == *first)).copied();
    let epochs: Vec<i64> = observations.iter().map(|observation| observation.epoch_number).collect();
    let times: Vec<i64> = observations.iter().map(|observation| observation.timestamp.millis()).collect();
    put(&mut bytes, &one_kind.map_or_else(|| compress::compress(&kinds), |kind| vec![kind]))?;
    put(&mut bytes, &steps_or_packed(&epochs)?)?;
    put(&mut bytes, &steps_or_packed(&times)?)?;
    put(&mut bytes, &packed(&floats)?)?;
    put(&mut bytes, &packed(&ints)?)?;
    put(&mut bytes, &if texts.len() == 0 { Vec::new() } else { compress::compress(texts.bytes_so_far()) })?;
    Ok(bytes)
}

/// How many observations a chunk holds.
pub(crate) fn count(bytes: &[u8]) -> Result<usize> {
    let count = bytes.get(1..HEADER).and_then(|bytes| bytes.try_into().ok()).map(u32::from_le_bytes);
    let count = count.and_then(|count| usize::try_from(count).ok()).filter(|count| *count <= limits::SERIES_CHUNK);
    count.ok_or_else(damaged)
}

/// The observations of a chunk, one after the other: each is put together as it is asked for.
pub(crate) enum Chunk {
    Plain(std::vec::IntoIter<Observation>),
    Columns(Columns),
}

/// Columns of a chunk, of which some observations have been taken.
pub(crate) struct Columns {
    next: usize,
    /// One, if all are of it.
    kinds: Vec<u8>,
    epochs: Vec<i64>,
    times: Vec<i64>,
    floats: std::vec::IntoIter<f64>,
    ints: std::vec::IntoIter<i64>,
    texts: std::vec::IntoIter<String>,
}

impl Chunk {
    /// Takes at most so many, as columns; answers how many there were.
    pub(crate) fn take_columns(&mut self, limit: usize, to: &mut ObservationColumns) -> usize {
        let taken = limit.min(self.len());
        match self {
            Chunk::Columns(columns) if columns.kinds.as_slice() == [FLOAT] => {
                let range = columns.next..columns.next + taken;
                to.epoch_numbers.extend_from_slice(columns.epochs.get(range.clone()).unwrap_or_default());
                let times = columns.times.get(range).unwrap_or_default();
                to.timestamps.extend(times.iter().copied().map(Timestamp::from_millis));
                to.numbers.extend(columns.floats.by_ref().take(taken));
                columns.next += taken;
            }
            _ => self.by_ref().take(taken).for_each(|observation| to.push(&observation)),
        }
        taken
    }
}

impl Iterator for Chunk {
    type Item = Observation;
    fn next(&mut self) -> Option<Observation> {
        let columns = match self {
            Chunk::Plain(observations) => return observations.next(),
            Chunk::Columns(columns) => columns,
        };
        let at = columns.next;
        let kind = match columns.kinds.as_slice() {
            [kind] => kind,
            kinds => kinds.get(at)?,
        };
        let (epoch_number, millis) = (*columns.epochs.get(at)?, *columns.times.get(at)?);
        columns.next += 1;
        // As many as there are kinds for were read.
        let value = match *kind {
            FLOAT => columns.floats.next().map(Value::Float),
            INT => columns.ints.next().map(Value::Int),
            FALSE => Some(Value::Bool(false)),
            TRUE => Some(Value::Bool(true)),
            _ => columns.texts.next().map(Value::String),
        };
        Some(Observation { value: value?, epoch_number, timestamp: Timestamp::from_millis(millis) })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = match self {
            Chunk::Plain(observations) => observations.len(),
            Chunk::Columns(columns) => columns.epochs.len() - columns.next,
        };
        (left, Some(left))
    }
}

impl ExactSizeIterator for Chunk {}

/// The observations of a chunk.
///
/// # Errors
/// `Corrupt` if the bytes are no chunk.
pub(crate) fn decode(bytes: &[u8]) -> Result<Chunk> {
    let count = count(bytes)?;
    let mut rest = bytes.get(HEADER..).ok_or_else(damaged)?;
    match bytes.first() {
        Some(&PLAIN) => return Ok(Chunk::Plain(read_plain(rest, count)?.into_iter())),
        Some(&COLUMNS) => {}
        _ => return Err(damaged()),
    }
    let from = &mut rest;
    let kinds = match take(from)? {
        [kind] => vec![*kind],
        compressed => compress::decompress(compressed, limits::SERIES_CHUNK)?,
    };
    if !matches!(kinds.as_slice(), [_]) && kinds.len() != count || kinds.iter().any(|kind| *kind > TEXT) {
        return Err(damaged());
    }
    let of = |wanted: u8| match kinds.as_slice() {
        [kind] => {
            if *kind == wanted {
                count
            } else {
                0
            }
        }
        kinds => kinds.iter().filter(|kind| **kind == wanted).count(),
    };
    let epochs = unpacked_or_steps(take(from)?, count)?;
    let times = unpacked_or_steps(take(from)?, count)?;
    let floats = unpacked_exactly::<f64>(take(from)?, of(FLOAT))?.into_iter();
    let ints = unpacked_exactly::<i64>(take(from)?, of(INT))?.into_iter();
    let texts = match take(from)? {
        [] => Vec::new(),
        compressed => compress::decompress(compressed, limits::SERIES_CHUNK_TEXT_BYTES)?,
    };
    let mut decoder = Decoder::new(&texts, &NoTexts);
    let read = |_| decoder.short_text().map(str::to_owned).map_err(|error| error.at("a chunk of a series"));
    let held: Vec<String> = (0..of(TEXT)).map(read).collect::<Result<_>>()?;
    if !decoder.is_done() || !from.is_empty() {
        return Err(damaged());
    }
    Ok(Chunk::Columns(Columns { next: 0, kinds, epochs, times, floats, ints, texts: held.into_iter() }))
}

fn damaged() -> Error {
    Error::corrupt("the bytes are no chunk of a series")
}

/// Bytes of the first number and of the step of numbers that are equally far apart.
const STEPS: usize = 16;

/// Numbers that are equally far apart, as epochs and many times are, as the first and the step; other ones compressed,
/// which is more than that.
fn steps_or_packed(numbers: &[i64]) -> Result<Vec<u8>> {
    if let [first, second, ..] = numbers {
        let step = second.wrapping_sub(*first);
        if numbers.windows(2).all(|pair| matches!(pair, [a, b] if b.wrapping_sub(*a) == step)) {
            return Ok([first.to_le_bytes(), step.to_le_bytes()].concat());
        }
    }
    packed(numbers)
}

fn unpacked_or_steps(bytes: &[u8], count: usize) -> Result<Vec<i64>> {
    let Ok(bytes) = <[u8; STEPS]>::try_from(bytes) else { return unpacked_exactly(bytes, count) };
    let word = u128::from_le_bytes(bytes);
    // The two halves.
    let (first, step) = ((word & u128::from(u64::MAX)) as u64, (word >> 64) as u64);
    let all = std::iter::successors(Some(first.cast_signed()), |last| Some(last.wrapping_add(step.cast_signed())));
    Ok(all.take(count).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::canonical;

    fn observation(index: usize, value: Value) -> Observation {
        let epoch_number = [index as i64, i64::MIN, i64::MAX, -3, 7][index % 5];
        Observation { value, epoch_number, timestamp: Timestamp::from_millis(1_700_000_000_000 + 1000 * index as i64) }
    }

    #[test]
    fn chunks_come_back_as_they_were() {
        let floats = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.0, 0.0, f64::MIN_POSITIVE, 5e-324, f64::MAX, 0.1];
        let of: [&dyn Fn(usize) -> Value; 6] = [
            &|index| Value::Float(canonical(floats[index % floats.len()])),
            &|index| Value::Int([i64::MIN, i64::MAX, 0, -1, (1 << 53) + 1][index % 5]),
            &|index| Value::Bool(index % 3 == 0),
            &|index| Value::String("x\u{e9}\u{1f600}".repeat(index % 7)),
            &|index| Value::Float(index as f64 / 1e6),
            &|index| match index % 4 {
                0 => Value::Bool(true),
                1 => Value::Int(index as i64),
                2 => Value::Float(canonical(f64::NAN)),
                _ => Value::String(index.to_string()),
            },
        ];
        for make in of {
            for len in [1, 2, limits::SERIES_PLAIN - 1, limits::SERIES_PLAIN, 1000, limits::SERIES_CHUNK] {
                let observations: Vec<Observation> = (0..len).map(|index| observation(index, make(index))).collect();
                let bytes = encode(&observations).unwrap();
                assert_eq!(count(&bytes).unwrap(), len);
                let back: Vec<Observation> = decode(&bytes).unwrap().collect();
                assert_eq!(back, observations);
                assert_eq!(digest(&back), digest(&observations));
                // What is cut off or changed is found out, or is another chunk; it never panics.
                for cut in 0..bytes.len().min(200) {
                    assert!(decode(&bytes[..cut]).is_err(), "cut at {cut} of {}", bytes.len());
                }
                for at in 0..bytes.len().min(400) {
                    let mut changed = bytes.clone();
                    changed[at] ^= 1 << (at % 8);
                    let _ = decode(&changed).map(Iterator::count);
                }
            }
        }
    }
}
