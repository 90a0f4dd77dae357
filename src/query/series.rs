//! What is asked of a whole series of observations: its least, greatest, first and last value, their mean, how many.

use std::fmt;

use crate::query::evaluate::Item;
use crate::value::Value;

/// A number made of all observations of a key, in the order they were logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Statistic {
    /// The least number. What is NaN or no number is left out, as in `Max` and `Mean`.
    Min,
    /// The greatest number.
    Max,
    /// The first observation, if it is a number.
    First,
    /// The last observation, if it is a number.
    Last,
    /// The sum of the numbers as doubles, in the order they were logged, divided by how many they are.
    Mean,
    /// How many observations there are, of whatever value. Never missing: without any it is 0.
    Count,
}

impl Statistic {
    pub(super) const ALL: [Statistic; 6] =
        [Statistic::Min, Statistic::Max, Statistic::First, Statistic::Last, Statistic::Mean, Statistic::Count];

    /// Its name in text.
    pub(super) fn name(self) -> &'static str {
        match self {
            Statistic::Min => "min",
            Statistic::Max => "max",
            Statistic::First => "first",
            Statistic::Last => "last",
            Statistic::Mean => "mean",
            Statistic::Count => "count",
        }
    }

    /// The number; none if there is nothing to make it of.
    pub(super) fn of(self, observed: &[Item<'_>]) -> Option<Value> {
        let is_nan = |value: &Value| matches!(value, Value::Float(float) if float.is_nan());
        let numbers = || observed.iter().filter_map(Item::number).filter(|value| !is_nan(value));
        match self {
            // None of them is NaN, so the total order is that of their values.
            Statistic::Min => numbers().min_by(Value::total_cmp),
            Statistic::Max => numbers().max_by(Value::total_cmp),
            Statistic::First => observed.first().and_then(Item::number),
            Statistic::Last => observed.last().and_then(Item::number),
            Statistic::Mean => mean(numbers().filter_map(|value| value.as_f64())),
            Statistic::Count => Some(Value::Int(i64::try_from(observed.len()).unwrap_or(i64::MAX))),
        }
    }
}

#[allow(clippy::cast_precision_loss)]
fn mean(numbers: impl Iterator<Item = f64>) -> Option<Value> {
    let (sum, count) = numbers.fold((0.0, 0_u64), |(sum, count), number| (sum + number, count + 1));
    (count > 0).then(|| Value::Float(sum / count as f64))
}

impl fmt::Display for Statistic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
