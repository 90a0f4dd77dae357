//! What a search answers, worked out from the rules by a plain program that knows nothing of the crate's.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use modeldb::{Filter, Operator, Pattern, PatternSyntax, Predicate, QueryField, Value};

#[derive(Clone)]
pub(super) struct PlainRun {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) description: String,
    pub(super) owner: String,
    pub(super) experiment: usize,
    pub(super) parent: String,
    pub(super) attributes: BTreeMap<String, Value>,
    pub(super) metrics: BTreeMap<String, Value>,
    pub(super) hyperparameters: BTreeMap<String, Value>,
    pub(super) tags: BTreeSet<String>,
    pub(super) features: BTreeSet<String>,
    /// Path and link by key.
    pub(super) artifacts: BTreeMap<String, (String, String)>,
    pub(super) start: i64,
    pub(super) created: i64,
    pub(super) updated: i64,
    pub(super) version: i64,
    pub(super) deleted: bool,
}

#[derive(Clone)]
pub(super) struct PlainExperiment {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) project: usize,
    pub(super) deleted: bool,
}

#[derive(Clone)]
pub(super) struct PlainProject {
    pub(super) id: String,
    pub(super) workspace: String,
    pub(super) deleted: bool,
}

/// Everything, in order of creation.
#[derive(Clone, Default)]
pub(super) struct World {
    pub(super) projects: Vec<PlainProject>,
    pub(super) experiments: Vec<PlainExperiment>,
    pub(super) runs: Vec<PlainRun>,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Place {
    Attribute(String),
    Metric(String),
    Hyperparameter(String),
    Artifact(String),
    Links,
    Tags,
    Features,
    /// A builtin by its name.
    Builtin(&'static str),
}

#[derive(Debug, Clone)]
pub(super) enum Condition {
    All(Vec<Condition>),
    Any(Vec<Condition>),
    Not(Box<Condition>),
    Compare(Place, &'static str, Value),
    In(Place, Vec<Value>, bool),
    Between(Place, Value, Value, bool),
    Part(Place, String, bool),
    /// A pattern, whether in any case, whether unlike it.
    Like(Place, String, bool, bool),
    Words(Place, String),
    Null(Place),
    Nan(Place),
    /// ModelDB's, with one operand or a list.
    Predicate(Place, Operator, Value),
}

impl Place {
    pub(super) fn name(&self) -> String {
        match self {
            Place::Attribute(key) => format!("attributes.{key}"),
            Place::Metric(key) => format!("metrics.{key}"),
            Place::Hyperparameter(key) => format!("hyperparameters.{key}"),
            Place::Artifact(key) => format!("artifacts.{key}"),
            Place::Links => "artifacts.linked_artifact_id".to_owned(),
            Place::Tags => "tags".to_owned(),
            Place::Features => "features".to_owned(),
            Place::Builtin(name) => (*name).to_owned(),
        }
    }

    fn is_set(&self) -> bool {
        matches!(self, Place::Links | Place::Tags | Place::Features)
    }

    fn field(&self) -> QueryField {
        Filter::field(self.name())
    }
}

impl Condition {
    /// The same in the crate's words.
    pub(super) fn filter(&self) -> Filter {
        match self {
            Condition::All(all) => all.iter().fold(Filter::all(), |filter, one| filter.and(one.filter())),
            Condition::Any(any) => Filter::Or(any.iter().map(Condition::filter).collect()),
            Condition::Not(inner) => !inner.filter(),
            Condition::Compare(place, operator, value) => {
                let (field, value) = (place.field(), value.clone());
                match *operator {
                    "=" => field.eq(value),
                    "!=" => field.ne(value),
                    "<" => field.lt(value),
                    "<=" => field.le(value),
                    ">" => field.gt(value),
                    _ => field.ge(value),
                }
            }
            Condition::In(place, values, false) => place.field().is_in(values.clone()),
            Condition::In(place, values, true) => place.field().not_in(values.clone()),
            Condition::Between(place, low, high, false) => place.field().between(low.clone(), high.clone()),
            Condition::Between(place, low, high, true) => place.field().not_between(low.clone(), high.clone()),
            Condition::Part(place, text, false) => place.field().has_substring(text.as_str()),
            Condition::Part(place, text, true) if !place.is_set() => place.field().not_contains(text.as_str()),
            Condition::Part(place, text, true) => {
                Filter::Substring { field: place.field(), text: text.clone(), negated: true }
            }
            Condition::Like(place, pattern, any_case, negated) => {
                let syntax = if *any_case { PatternSyntax::LikeAnyCase } else { PatternSyntax::Like };
                let pattern = Pattern::new(syntax, pattern.as_str());
                Filter::Pattern { field: place.field(), pattern, negated: *negated }
            }
            Condition::Words(place, words) => place.field().matches(words.as_str()),
            Condition::Null(place) => place.field().is_null(),
            Condition::Nan(place) => place.field().is_nan(),
            Condition::Predicate(place, operator, value) => {
                let predicate = Predicate::new(place.name(), *operator, value.clone());
                predicate.to_filter(modeldb::EntityKind::Run).unwrap()
            }
        }
    }
}

impl World {
    pub(super) fn is_visible(&self, run: &PlainRun) -> bool {
        let experiment = &self.experiments[run.experiment];
        !run.deleted && !experiment.deleted && !self.projects[experiment.project].deleted
    }

    /// What a run has there, nulls and NaNs too.
    fn values(&self, run: &PlainRun, place: &Place) -> Vec<Value> {
        let experiment = &self.experiments[run.experiment];
        let text = |text: &str| if text.is_empty() { vec![] } else { vec![Value::from(text)] };
        match place {
            Place::Attribute(key) => run.attributes.get(key).cloned().into_iter().collect(),
            Place::Metric(key) => run.metrics.get(key).cloned().into_iter().collect(),
            Place::Hyperparameter(key) => run.hyperparameters.get(key).cloned().into_iter().collect(),
            Place::Artifact(key) => run.artifacts.get(key).map_or(vec![], |(path, _)| text(path)),
            Place::Links => run.artifacts.values().flat_map(|(_, link)| text(link)).collect(),
            Place::Tags => run.tags.iter().map(Value::from).collect(),
            Place::Features => run.features.iter().map(Value::from).collect(),
            Place::Builtin(name) => match *name {
                "id" => text(&run.id),
                "name" => text(&run.name),
                "description" => text(&run.description),
                "owner" => text(&run.owner),
                "parent_id" => text(&run.parent),
                "project_id" => text(&self.projects[experiment.project].id),
                "experiment_id" => text(&experiment.id),
                "experiment.name" => text(&experiment.name),
                "date_created" => vec![run.created.into()],
                "date_updated" => vec![run.updated.into()],
                "start_time" => Some(run.start).filter(|start| *start != 0).map(Value::from).into_iter().collect(),
                "version_number" => vec![run.version.into()],
                "text" => {
                    let strings = [&run.attributes, &run.metrics, &run.hyperparameters].into_iter();
                    let strings = strings.flat_map(|entries| entries.values());
                    let strings = strings.filter(|value| matches!(value, Value::String(_))).cloned();
                    let own = [&run.name, &run.description].into_iter().chain(&run.tags);
                    own.map(Value::from).chain(strings).collect()
                }
                other => panic!("{other}"),
            },
        }
    }

    pub(super) fn holds(&self, run: &PlainRun, condition: &Condition) -> bool {
        let present = |place: &Place| -> Vec<Value> {
            let values = self.values(run, place).into_iter();
            values.filter(|value| !matches!(value, Value::Null) && !is_nan(value)).collect()
        };
        // A positive comparison: some value. A negative one: some value is there (of a set: even if not), and none is.
        let judge = |place: &Place, negated: bool, positive: &dyn Fn(&Value) -> bool| {
            let values = present(place);
            if !negated {
                return values.iter().any(positive);
            }
            (place.is_set() || !values.is_empty()) && !values.iter().any(positive)
        };
        match condition {
            Condition::All(all) => all.iter().all(|one| self.holds(run, one)),
            Condition::Any(any) => any.iter().any(|one| self.holds(run, one)),
            Condition::Not(inner) => !self.holds(run, inner),
            Condition::Compare(place, "!=", operand) => judge(place, true, &|value| compare(value, "=", operand)),
            Condition::Compare(place, operator, operand) => {
                judge(place, false, &|value| compare(value, operator, operand))
            }
            Condition::In(place, operands, negated) => {
                judge(place, *negated, &|value| operands.iter().any(|operand| compare(value, "=", operand)))
            }
            Condition::Between(place, low, high, negated) => {
                judge(place, *negated, &|value| compare(value, ">=", low) && compare(value, "<=", high))
            }
            Condition::Part(place, text, negated) => judge(place, *negated, &|value| has_part(value, text)),
            Condition::Like(place, pattern, any_case, negated) => judge(place, *negated, &|value| {
                let chars = |text: &str| match any_case {
                    true => text.to_lowercase().chars().collect::<Vec<char>>(),
                    false => text.chars().collect(),
                };
                text_of(value).is_some_and(|text| is_like(&chars(&text), &chars(pattern)))
            }),
            Condition::Words(place, wanted) => {
                let texts: Vec<String> = present(place).iter().filter_map(text_of).collect();
                let there: BTreeSet<String> = texts.iter().flat_map(|text| words(text)).collect();
                words(wanted).is_subset(&there)
            }
            Condition::Null(place) => {
                !place.is_set() && self.values(run, place).iter().all(|value| matches!(value, Value::Null))
            }
            Condition::Nan(place) => self.values(run, place).iter().any(is_nan),
            Condition::Predicate(place, operator, operand) => {
                let some = |positive: &dyn Fn(&Value) -> bool| judge(place, false, positive);
                let among = |value: &Value| match operand {
                    Value::List(items) => items.iter().any(|item| compare(value, "=", item)),
                    _ => panic!("a list is due"),
                };
                match operator {
                    Operator::Eq => some(&|value| compare(value, "=", operand)),
                    Operator::Ne => !some(&|value| compare(value, "=", operand)),
                    Operator::Gt => some(&|value| compare(value, ">", operand)),
                    Operator::Gte => some(&|value| compare(value, ">=", operand)),
                    Operator::Lt => some(&|value| compare(value, "<", operand)),
                    Operator::Lte => some(&|value| compare(value, "<=", operand)),
                    Operator::Contain => some(&|value| has_part(value, operand.as_str().unwrap())),
                    Operator::NotContain => !some(&|value| has_part(value, operand.as_str().unwrap())),
                    Operator::In => some(&among),
                    Operator::NotIn => !some(&among),
                    other => panic!("{other:?}"),
                }
            }
        }
    }

    /// The order of two runs by one place.
    pub(super) fn order(
        &self,
        a: &PlainRun,
        b: &PlainRun,
        (place, descending, nulls_first): &(Place, bool, bool),
    ) -> Ordering {
        let reads = matches!(place, Place::Attribute(_) | Place::Metric(_) | Place::Hyperparameter(_));
        let value = |run| sort_value(self.values(run, place).pop(), reads);
        order(value(a), value(b), *descending, *nulls_first)
    }
}

/// Where something comes in an order that holds this value, or none: its class, and the value for within. Texts may
/// read as numbers.
pub(super) fn sort_value(value: Option<Value>, reads: bool) -> (Class, Value) {
    let Some(value) = value else { return (Class::Missing, Value::Null) };
    match &value {
        Value::Null => (Class::Missing, Value::Null),
        nan if is_nan(nan) => (Class::Nan, Value::Null),
        Value::Int(_) | Value::Float(_) => (Class::Number, value),
        Value::String(text) => match read_number(text).filter(|_| reads) {
            Some(number) => (Class::Number, number),
            None => (Class::Text, value),
        },
        Value::Bool(_) => (Class::Bool, value),
        _ => (Class::Rest, value),
    }
}

/// The order of two that come there.
pub(super) fn order(
    (a_class, a): (Class, Value),
    (b_class, b): (Class, Value),
    descending: bool,
    nulls_first: bool,
) -> Ordering {
    match (a_class, b_class) {
        (Class::Missing, Class::Missing) | (Class::Nan, Class::Nan) => Ordering::Equal,
        (Class::Missing, _) if nulls_first => Ordering::Less,
        (_, Class::Missing) if nulls_first => Ordering::Greater,
        (Class::Missing, _) | (Class::Nan, Class::Number | Class::Text | Class::Bool | Class::Rest) => {
            Ordering::Greater
        }
        (_, Class::Missing | Class::Nan) => Ordering::Less,
        (a_class, b_class) => {
            let within = || match a_class {
                Class::Number => numbers(&a, &b),
                Class::Text => a.as_str().unwrap().cmp(b.as_str().unwrap()),
                Class::Bool => a.as_bool().unwrap().cmp(&b.as_bool().unwrap()),
                // The order of lists and maps among themselves is the values' own.
                _ => a.total_cmp(&b),
            };
            let order = (a_class as u8).cmp(&(b_class as u8)).then_with(within);
            if descending { order.reverse() } else { order }
        }
    }
}

#[derive(Clone, Copy)]
pub(super) enum Class {
    Number,
    Text,
    Bool,
    Rest,
    Nan,
    Missing,
}

fn is_nan(value: &Value) -> bool {
    matches!(value, Value::Float(float) if float.is_nan())
}

fn compare(value: &Value, operator: &str, operand: &Value) -> bool {
    let order = match (value, operand) {
        (Value::Int(_) | Value::Float(_), Value::Int(_) | Value::Float(_)) => numbers(value, operand),
        (Value::String(text), Value::Int(_) | Value::Float(_)) => match read_number(text) {
            Some(number) => numbers(&number, operand),
            None => return false,
        },
        (Value::String(a), Value::String(b)) => a.chars().cmp(b.chars()),
        (Value::Bool(a), Value::Bool(b)) if operator == "=" => a.cmp(b),
        _ => return false,
    };
    match operator {
        "=" => order == Ordering::Equal,
        "<" => order == Ordering::Less,
        "<=" => order != Ordering::Greater,
        ">" => order == Ordering::Greater,
        ">=" => order != Ordering::Less,
        other => panic!("{other}"),
    }
}

/// By mathematical value: in whole numbers, then by what is left.
fn numbers(a: &Value, b: &Value) -> Ordering {
    let parts = |value: &Value| match value {
        Value::Int(int) => (i128::from(*int), 0.0),
        // Saturating, which keeps the order for all that is compared here but two that are far out.
        Value::Float(float) => (float.floor() as i128, if float.is_finite() { float - float.floor() } else { 0.0 }),
        other => panic!("{other}"),
    };
    if let (Value::Float(a), Value::Float(b)) = (a, b) {
        return a.partial_cmp(b).unwrap();
    }
    let ((a_whole, a_rest), (b_whole, b_rest)) = (parts(a), parts(b));
    a_whole.cmp(&b_whole).then(a_rest.partial_cmp(&b_rest).unwrap())
}

/// An optional sign, digits with an optional point, an optional exponent; blanks and control characters around.
pub(super) fn read_number(text: &str) -> Option<Value> {
    let text = text.trim_matches(|char: char| char <= ' ');
    let unsigned = |text: &str| text.strip_prefix(['+', '-']).unwrap_or(text).to_owned();
    let digits = |text: &str| !text.is_empty() && text.chars().all(|char| char.is_ascii_digit());
    if digits(&unsigned(text)) && text.parse::<i64>().is_ok() {
        return text.parse().ok().map(Value::Int);
    }
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let mantissa = unsigned(mantissa);
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((&mantissa, "0"));
    let is_number = digits(whole) && digits(fraction) && digits(&unsigned(exponent));
    let float: f64 = text.parse().ok().filter(|_| is_number)?;
    float.is_finite().then_some(Value::Float(float))
}

fn has_part(value: &Value, part: &str) -> bool {
    // What is looked for here has no letter whose case depends on its neighbours.
    text_of(value).is_some_and(|text| text.to_lowercase().contains(&part.to_lowercase()))
}

fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::List(_) | Value::Map(_) => Some(json(value)),
        _ => None,
    }
}

/// Whether a text is like a pattern, by the definition, one character after the other.
pub(super) fn is_like(text: &[char], pattern: &[char]) -> bool {
    match pattern {
        [] => text.is_empty(),
        ['%', rest @ ..] => (0..=text.len()).any(|skipped| is_like(&text[skipped..], rest)),
        ['_', rest @ ..] => !text.is_empty() && is_like(&text[1..], rest),
        ['\\', literal, rest @ ..] | [literal, rest @ ..] => text.first() == Some(literal) && is_like(&text[1..], rest),
    }
}

/// Runs of letters and digits, in lower case.
fn words(text: &str) -> BTreeSet<String> {
    let mut found = vec![String::new()];
    for char in text.to_lowercase().chars() {
        match char.is_alphanumeric() {
            true => found.last_mut().unwrap().push(char),
            false => found.push(String::new()),
        }
    }
    found.into_iter().filter(|word| !word.is_empty()).collect()
}

/// Of the nested values that are made here: no doubles, no quotes.
fn json(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(bool) => bool.to_string(),
        Value::Int(int) => int.to_string(),
        Value::String(text) => format!("\"{text}\""),
        Value::List(items) => format!("[{}]", items.iter().map(json).collect::<Vec<_>>().join(",")),
        Value::Map(map) => {
            let entries = map.iter().map(|(key, item)| format!("\"{key}\":{}", json(item)));
            format!("{{{}}}", entries.collect::<Vec<_>>().join(","))
        }
        other => panic!("{other}"),
    }
}
