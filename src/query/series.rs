//! What is asked of a whole series of observations: its least, greatest, first and last value, their mean, how many.

use std::fmt;

use crate::model::Series;
use crate::value::Value;

/// A number made of all observations of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Statistic {
    /// The least number. What is NaN or no number is left out, as in `Max` and `Mean`.
    Min,
    /// The greatest number.
    Max,
    /// The observation of the least epoch, and of several the first that was logged, if it is a number.
    First,
    /// The observation of the greatest epoch, and of several the last that was logged, if it is a number.
    Last,
    /// The sum of the numbers as doubles, in the order they were logged, divided by how many they are.
    Mean,
    /// How many observations there are, of whatever value. Never missing: without any it is 0.
    Count,
}

impl Statistic {
    const ALL: [Statistic; 6] =
        [Statistic::Min, Statistic::Max, Statistic::First, Statistic::Last, Statistic::Mean, Statistic::Count];

    /// The one of a name, in any case.
    pub(super) fn named(name: &str) -> Option<Statistic> {
        Statistic::ALL.into_iter().find(|known| known.name().eq_ignore_ascii_case(name))
    }

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
    pub(super) fn of(self, series: Option<&Series>) -> Option<Value> {
        let Some(series) = series else { return (self == Statistic::Count).then_some(Value::Int(0)) };
        match self {
            Statistic::Min => series.min.clone(),
            Statistic::Max => series.max.clone(),
            Statistic::First => series.first.number.clone(),
            Statistic::Last => series.last.number.clone(),
            Statistic::Mean => series.mean().map(Value::Float),
            Statistic::Count => Some(Value::Int(i64::try_from(series.count).unwrap_or(i64::MAX))),
        }
    }
}

impl fmt::Display for Statistic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
