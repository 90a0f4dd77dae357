//! Random filters and orders that meet what is there.

use std::cmp::Ordering;

use modeldb::{Comparison, EntityKind, Filter, Order, Pattern, PatternSyntax, QueryField, TextQuery, Value};

use super::looking::{Bits, Looked};
use super::made::{KEYS, TEXTS, number, tag, text};
use crate::query::plain;
use crate::support::random::Random;

const TEXT_FIELDS: [QueryField; 9] = [
    QueryField::Name,
    QueryField::Owner,
    QueryField::ParentId,
    QueryField::JobId,
    QueryField::CodeVersion,
    QueryField::ProjectId,
    QueryField::ExperimentId,
    QueryField::ExperimentName,
    QueryField::Status,
];
const NUMBER_FIELDS: [QueryField; 5] = [
    QueryField::DateCreated,
    QueryField::DateUpdated,
    QueryField::StartTime,
    QueryField::EndTime,
    QueryField::VersionNumber,
];

fn container(random: &mut Random) -> QueryField {
    let key = (*random.pick(&KEYS)).to_owned();
    match random.below(24) {
        0 => Filter::metric(format!("new {}", random.below(10))),
        of if of % 3 == 0 => Filter::metric(key),
        of if of % 3 == 1 => Filter::hyperparameter(key),
        _ => Filter::attribute(key),
    }
}

fn field(random: &mut Random) -> QueryField {
    match random.below(100) {
        0..=59 => container(random),
        60..=69 => QueryField::Tags,
        70..=73 => QueryField::Features,
        74..=83 => random.pick(&TEXT_FIELDS).clone(),
        84..=96 => random.pick(&NUMBER_FIELDS).clone(),
        // There are no columns of these.
        97 => QueryField::Description,
        98 => QueryField::Id,
        _ if random.percent(50) => QueryField::Artifact("a".to_owned()),
        _ => QueryField::ArtifactLink,
    }
}

/// What some run holds of a field, or nearly; or what could be there.
fn operand(random: &mut Random, looked: &Looked, field: &QueryField) -> Value {
    if looked.len() > 0 && random.percent(70) {
        let held = looked.values(random.below(looked.len()), field);
        match held.into_iter().next() {
            Some(Value::Int(int)) if random.percent(30) => return int.saturating_add(random.between(-1, 1)).into(),
            Some(Value::Int(int)) if random.percent(20) => return (int as f64).into(),
            Some(Value::Float(float)) if random.percent(20) => return float.next_up().into(),
            Some(Value::Float(float)) if random.percent(20) => return float.next_down().into(),
            Some(Value::Float(float)) if float.is_nan() => {}
            Some(Value::String(mut text)) if random.percent(10) => {
                text.push('a');
                return text.into();
            }
            Some(value @ (Value::Int(_) | Value::Float(_) | Value::String(_) | Value::Bool(_))) => return value,
            _ => {}
        }
    }
    match random.below(12) {
        0 => random.percent(50).into(),
        1..=3 => text(random).into(),
        4 => tag(random).into(),
        _ => number(random),
    }
}

fn part(random: &mut Random) -> String {
    (*random.pick(&[
        "a",
        "B",
        "5",
        "0",
        "%",
        "_",
        "\u{df}",
        "i\u{307}",
        "\u{3c3}",
        "number 1",
        "{\"key\":",
        "[",
        "ss",
        "",
    ]))
    .to_owned()
}

fn pattern(random: &mut Random) -> Pattern {
    if random.percent(30) {
        let regex = *random.pick(&["^a", "[0-9]+$", "(?i)ADAM", "r.n number \\d\\d$", "^$", "\u{e9}|5", "g{2}"]);
        return Pattern::new(PatternSyntax::Regex, regex);
    }
    let parts = ["%", "%", "_", "a", "B", "5", "\\_", "\\%", ".", "\u{e9}", "1", "run", "["];
    let text: String = (0..random.below(5)).map(|_| *random.pick(&parts)).collect();
    Pattern::new(if random.percent(50) { PatternSyntax::LikeAnyCase } else { PatternSyntax::Like }, text)
}

fn any_condition(random: &mut Random, looked: &Looked) -> Filter {
    let (field, negated) = (field(random), random.percent(50));
    let one = |random: &mut Random| operand(random, looked, &field);
    match random.below(100) {
        0..=44 => {
            let comparison = *random.pick(&[
                Comparison::Equal,
                Comparison::Equal,
                Comparison::NotEqual,
                Comparison::Less,
                Comparison::LessOrEqual,
                Comparison::Greater,
                Comparison::GreaterOrEqual,
            ]);
            Filter::Compare { value: one(random), field, comparison }
        }
        45..=58 => {
            let values = (0..random.below(5)).map(|_| one(random)).collect();
            Filter::In { field, values, negated }
        }
        59..=73 => {
            let (mut low, mut high) = (one(random), one(random));
            // Mostly of something.
            if low.total_cmp(&high).is_gt() && random.percent(80) {
                std::mem::swap(&mut low, &mut high);
            }
            Filter::Between { field, low, high, negated }
        }
        74..=83 => Filter::IsNull { field },
        84..=89 => Filter::IsNan { field },
        90..=93 => Filter::Substring { field, text: part(random), negated },
        94..=97 => Filter::Pattern { field, pattern: pattern(random), negated },
        98 => Filter::Words { field, words: TextQuery::new(*random.pick(&TEXTS)) },
        _ => {
            let words = TextQuery::new(*random.pick(&["abc", "5", "run number", "\"run number\"", "numb*", "adam"]));
            Filter::Words { field: QueryField::Text, words }
        }
    }
}

/// A single condition that may be asked.
pub(super) fn condition(random: &mut Random, looked: &Looked) -> Filter {
    loop {
        let condition = any_condition(random, looked);
        if condition.check(EntityKind::Run).is_ok() {
            return condition;
        }
    }
}

/// Conditions with what matches each.
pub(super) type Conditions = Vec<(Filter, Bits)>;

pub(super) fn conditions(random: &mut Random, looked: &Looked, count: usize) -> Conditions {
    // Wide parts of a column of which nearly every value differs are among them.
    let wide = |random: &mut Random| {
        let (field, low) = (Filter::metric("a"), random.fraction());
        match random.below(3) {
            0 => field.lt(low),
            1 => field.ge(low),
            _ => field.between(low / 20.0, 1.0 - low / 20.0),
        }
    };
    let filters: Vec<Filter> =
        (0..count).map(|at| if at % 12 == 0 { wide(random) } else { condition(random, looked) }).collect();
    filters.into_iter().map(|filter| (filter.clone(), looked.matching(&filter))).collect()
}

/// A filter of some conditions, with what matches it.
pub(super) fn filter(random: &mut Random, conditions: &Conditions, depth: usize) -> (Filter, Bits) {
    if depth == 0 || random.percent(40) {
        return random.pick(conditions).clone();
    }
    if random.percent(25) {
        let (inner, bits) = filter(random, conditions, depth - 1);
        return (Filter::Not(Box::new(inner)), bits.not());
    }
    let many = 1 + random.below(3);
    let (filters, bits): (Vec<Filter>, Vec<Bits>) = (0..many).map(|_| filter(random, conditions, depth - 1)).unzip();
    match random.percent(50) {
        true => (Filter::And(filters), bits.into_iter().reduce(|a, b| a.and(&b)).unwrap()),
        false => (Filter::Or(filters), bits.into_iter().reduce(|a, b| a.or(&b)).unwrap()),
    }
}

/// A field to sort by, whether descending, and whether with what is missing first.
pub(super) type Sorted = (QueryField, bool, bool);

pub(super) fn order(random: &mut Random) -> Sorted {
    let field = match random.below(10) {
        0..=6 => container(random),
        7 | 8 => random.pick(&NUMBER_FIELDS).clone(),
        // The name of the experiment is nothing to sort by.
        _ => random.pick(&TEXT_FIELDS[..7]).clone(),
    };
    (field, random.percent(50), random.percent(20))
}

pub(super) fn as_order((field, descending, nulls_first): &Sorted) -> Order {
    let order = if *descending { Order::descending(field.clone()) } else { Order::ascending(field.clone()) };
    if *nulls_first { order.nulls_first() } else { order }
}

/// The places of some runs in some orders, of equal ones the newest first.
pub(super) fn sorted(looked: &Looked, bits: &Bits, orders: &[Sorted]) -> Vec<usize> {
    let mut places: Vec<usize> = (0..looked.len()).filter(|place| bits.has(*place)).collect();
    let key = |place: usize, field: &QueryField| {
        let reads = matches!(field, QueryField::Metric(_) | QueryField::Hyperparameter(_) | QueryField::Attribute(_));
        plain::sort_value(looked.values(place, field).pop(), reads)
    };
    places.sort_by(|a, b| {
        let by = |(field, descending, nulls_first): &Sorted| {
            plain::order(key(*a, field), key(*b, field), *descending, *nulls_first)
        };
        orders.iter().map(by).find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
    });
    places
}
