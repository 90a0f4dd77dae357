//! Series: what is observed of a run again and again, as its loss in each epoch (ModelDB's observations).

use std::cmp::Ordering;

use crate::time::Timestamp;
use crate::value::{Value, canonical, number_in};

/// One observed value at an epoch and a time (ModelDB's `Observation`, which also repeats the key of its series).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Observation {
    /// A number, a text or a boolean.
    pub value: Value,
    /// The epoch; neither unique nor in order.
    pub epoch_number: i64,
    /// When.
    pub timestamp: Timestamp,
}

impl Observation {
    /// An observation that was made elsewhere.
    pub fn new(value: impl Into<Value>, epoch_number: i64, timestamp: Timestamp) -> Self {
        Observation { value: value.into(), epoch_number, timestamp }
    }
}

/// Observations as columns of equal length: for plots, data frames and arithmetic.
#[derive(Debug, Clone, PartialEq, Default)]
#[non_exhaustive]
pub struct ObservationColumns {
    /// Epochs.
    pub epoch_numbers: Vec<i64>,
    /// Times.
    pub timestamps: Vec<Timestamp>,
    /// Values as doubles. What is no number is NaN, as NaN is.
    pub numbers: Vec<f64>,
}

impl ObservationColumns {
    pub(crate) fn push(&mut self, observation: &Observation) {
        self.epoch_numbers.push(observation.epoch_number);
        self.timestamps.push(observation.timestamp);
        self.numbers.push(number_of(&observation.value).and_then(|number| number.as_f64()).unwrap_or(f64::NAN));
    }
}

/// The observations of some neighbouring epochs, for a plot: what is drawn from the least to the greatest keeps spikes
/// that a mean would hide.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct ObservationBucket {
    /// The least epoch that was observed in it.
    pub first_epoch: i64,
    /// The greatest epoch that was observed in it.
    pub last_epoch: i64,
    /// Observations that are numbers, but not NaN.
    pub numbers: u64,
    /// Other observations: NaN, and what is no number.
    pub others: u64,
    /// The least number; infinite if there is none.
    pub min: f64,
    /// The greatest number; infinite if there is none.
    pub max: f64,
    /// The sum of the numbers.
    pub sum: f64,
}

impl ObservationBucket {
    pub(crate) fn of(epoch: i64) -> Self {
        ObservationBucket {
            first_epoch: epoch,
            last_epoch: epoch,
            numbers: 0,
            others: 0,
            min: f64::INFINITY,
            max: f64::NEG_INFINITY,
            sum: 0.0,
        }
    }

    /// The mean of the numbers, if there are any.
    #[allow(clippy::cast_precision_loss)]
    pub fn mean(&self) -> Option<f64> {
        (self.numbers > 0).then(|| self.sum / self.numbers as f64)
    }

    pub(crate) fn push(&mut self, epoch: i64, number: f64) {
        self.first_epoch = self.first_epoch.min(epoch);
        self.last_epoch = self.last_epoch.max(epoch);
        if number.is_nan() {
            self.others += 1;
        } else {
            self.numbers += 1;
            self.min = self.min.min(number);
            self.max = self.max.max(number);
            self.sum += number;
        }
    }
}

fn number_of(value: &Value) -> Option<Value> {
    match value {
        number @ (Value::Int(_) | Value::Float(_)) => Some(number.clone()),
        Value::String(text) => number_in(text),
        _ => None,
    }
}

/// What is to be observed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewObservation {
    pub(crate) value: Value,
    pub(crate) epoch_number: Option<i64>,
    pub(crate) timestamp: Timestamp,
}

impl NewObservation {
    /// A number, a text or a boolean, at the epoch after the greatest one of its series, now.
    pub fn new(value: impl Into<Value>) -> Self {
        NewObservation { value: value.into(), epoch_number: None, timestamp: Timestamp::default() }
    }

    /// At this epoch: any number, in any order, as often as one likes.
    #[must_use]
    pub fn epoch_number(mut self, epoch: i64) -> Self {
        self.epoch_number = Some(epoch);
        self
    }

    /// At this time; 0 is the time of the commit.
    #[must_use]
    pub fn timestamp(mut self, when: Timestamp) -> Self {
        self.timestamp = when;
        self
    }
}

impl<T: Into<Value>> From<T> for NewObservation {
    fn from(value: T) -> Self {
        NewObservation::new(value)
    }
}

impl From<Observation> for NewObservation {
    fn from(observation: Observation) -> Self {
        let Observation { value, epoch_number, timestamp } = observation;
        NewObservation { value, epoch_number: Some(epoch_number), timestamp }
    }
}

/// All observations of a run under one key, summed up. The observations themselves are read with
/// [`Runs::observations`](crate::Runs::observations).
///
/// Numbers are integers, doubles, and texts that read as one; NaN is counted apart, and left out of `min`, `max` and
/// [`mean`](Self::mean).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Series {
    /// The key.
    pub key: String,
    /// Observations.
    pub count: u64,
    /// Those that are numbers, but not NaN.
    pub numbers: u64,
    /// Those that are NaN.
    pub nans: u64,
    /// The least number.
    pub min: Option<Value>,
    /// The greatest number.
    pub max: Option<Value>,
    /// The one of the least epoch, and of several the one that was logged first.
    pub first: SeriesEnd,
    /// The one of the greatest epoch, and of several the one that was logged last.
    pub last: SeriesEnd,
    /// Whether some observation has a lesser epoch than one before it.
    pub(crate) unordered: bool,
    pub(crate) sum: Sum,
    /// How many series of this key there were before, and were deleted.
    pub(crate) generation: u32,
    /// Of the observations that the last change added.
    pub(crate) added: [u8; 32],
}

/// The first or the last observation of a series by epochs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct SeriesEnd {
    /// Its epoch.
    pub epoch_number: i64,
    /// Its place in the order of logging, from 0 on.
    pub index: u64,
    /// Its value, if that is a number, NaN included.
    pub number: Option<Value>,
}

/// A sum of doubles, in the order of logging.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Sum(pub(crate) f64);

impl PartialEq for Sum {
    fn eq(&self, other: &Sum) -> bool {
        self.0.total_cmp(&other.0) == Ordering::Equal
    }
}

impl Eq for Sum {}

impl Series {
    /// Sums up observations in the order of logging: for hosts that meet them elsewhere.
    pub fn of<'o>(key: impl Into<String>, observations: impl IntoIterator<Item = &'o Observation>) -> Series {
        let mut series = Series { key: key.into(), ..Series::default() };
        observations.into_iter().for_each(|observation| series.push(observation));
        series
    }

    /// The sum of the numbers as doubles, in the order of logging, divided by how many they are. Infinite if the sum
    /// is more than a double holds.
    #[allow(clippy::cast_precision_loss)]
    pub fn mean(&self) -> Option<f64> {
        (self.numbers > 0).then(|| self.sum.0 / self.numbers as f64)
    }

    /// The epoch of the next observation that comes without one: after the greatest, or 0. None after the last.
    pub(crate) fn next_epoch(&self) -> Option<i64> {
        if self.count == 0 { Some(0) } else { self.last.epoch_number.checked_add(1) }
    }

    /// Takes in one more.
    pub(crate) fn push(&mut self, observation: &Observation) {
        let (epoch, index) = (observation.epoch_number, self.count);
        let number = number_of(&observation.value);
        if index == 0 || epoch < self.first.epoch_number {
            self.first = SeriesEnd { epoch_number: epoch, index, number: number.clone() };
        }
        if index == 0 || epoch >= self.last.epoch_number {
            self.last = SeriesEnd { epoch_number: epoch, index, number: number.clone() };
        } else {
            self.unordered = true;
        }
        self.count += 1;
        match number {
            Some(Value::Float(float)) if float.is_nan() => self.nans += 1,
            Some(number) => {
                self.numbers += 1;
                // Infinities of both signs give a NaN, whose bits are the processor's choice.
                self.sum.0 = canonical(self.sum.0 + number.as_f64().unwrap_or_default());
                if self.min.as_ref().is_none_or(|min| is_less(&number, min)) {
                    self.min = Some(number.clone());
                }
                if self.max.as_ref().is_none_or(|max| is_less(max, &number)) {
                    self.max = Some(number);
                }
            }
            None => {}
        }
    }
}

/// Of numbers that are not NaN: the total order is that of their values, but for zeros and for integers as doubles.
fn is_less(a: &Value, b: &Value) -> bool {
    match (a, b) {
        // Most are doubles, and far apart.
        (Value::Float(a), Value::Float(b)) if a != b => a < b,
        _ => a.total_cmp(b).is_lt(),
    }
}

/// The series of a key, in a list in ascending order of keys.
pub(crate) fn of_key<'s>(series: &'s [Series], key: &str) -> Option<&'s Series> {
    let at = series.binary_search_by(|known| known.key.as_str().cmp(key)).ok()?;
    series.get(at)
}
