//! Facets, figures, groups and columns: what a plain program makes of the runs that a search finds.

use modeldb::{Aggregate, Artifact, ErrorKind, Filter, Find, NewRun, Run, Value};

use super::plain::Place;
use super::{Bench, kind};
use crate::support::random::Random;

/// What a run holds of a field.
fn held(run: &Run, place: &Place) -> Vec<Value> {
    let text = |text: &str| if text.is_empty() { Vec::new() } else { vec![Value::from(text)] };
    let values = match place {
        Place::Attribute(key) => run.attributes.get(key).cloned().into_iter().collect(),
        Place::Metric(key) => run.metrics.get(key).cloned().into_iter().collect(),
        Place::Hyperparameter(key) => run.hyperparameters.get(key).cloned().into_iter().collect(),
        Place::Tags => run.tags.iter().map(|tag| Value::from(tag.as_str())).collect(),
        Place::Builtin("name") => text(&run.name),
        Place::Builtin("owner") => text(&run.owner),
        Place::Builtin("experiment_id") => text(run.experiment_id.as_str()),
        Place::Builtin("start_time") => run.start_time.map(Value::from).into_iter().collect(),
        Place::Builtin("version_number") => vec![Value::Int(run.version_number as i64)],
        other => panic!("no case for {other:?}"),
    };
    values.into_iter().filter(|value| !matches!(value, Value::Null)).collect()
}

fn place(random: &mut Random, sets: bool) -> Place {
    let builtins = ["name", "owner", "experiment_id", "start_time", "version_number"];
    let key = (*random.pick(&["a", "b", "a.b", "odd key", "nowhere"])).to_owned();
    match random.below(6) {
        0 => Place::Builtin(builtins[random.below(5)]),
        1 if sets => Place::Tags,
        1 | 2 => Place::Attribute(key),
        3 => Place::Hyperparameter(key),
        _ => Place::Metric(key),
    }
}

/// Numbers are one if they are equal; everything else by kind.
fn same(a: &Value, b: &Value) -> bool {
    let mixed = |int: i64, float: f64| float.fract() == 0.0 && float.abs() < 1e30 && float as i128 == i128::from(int);
    match (a, b) {
        (Value::Float(a), Value::Float(b)) => a == b || (a.is_nan() && b.is_nan()),
        (Value::Int(int), Value::Float(float)) | (Value::Float(float), Value::Int(int)) => mixed(*int, *float),
        _ => a == b,
    }
}

fn check_aggregate(found: &Aggregate, values: &[Option<Value>], told: &str) {
    let mut numbers: Vec<f64> = Vec::new();
    for value in values.iter().flatten() {
        match value {
            Value::Int(int) => numbers.push(*int as f64),
            Value::Float(float) => numbers.push(*float),
            _ => {}
        }
    }
    let nan = numbers.iter().filter(|number| number.is_nan()).count();
    numbers.retain(|number| !number.is_nan());
    numbers.sort_by(f64::total_cmp);
    assert_eq!(
        (found.total, found.nan, found.count()),
        (values.len() as u64, nan as u64, numbers.len() as u64),
        "{told}"
    );
    assert_eq!((found.min(), found.max()), (numbers.first().copied(), numbers.last().copied()), "{told}");
    let mean = numbers.iter().sum::<f64>() / numbers.len() as f64;
    let is_near = |a: f64, b: f64| a == b || (a - b).abs() <= 1e-9 * a.abs().max(b.abs()) || (a.is_nan() && b.is_nan());
    assert_eq!(found.mean().is_none(), numbers.is_empty(), "{told}");
    assert!(found.mean().is_none_or(|found| is_near(found, mean)), "{told}: {:?} {mean}", found.mean());
    if numbers.len() % 2 == 1 {
        assert_eq!(found.median(), Some(numbers[numbers.len() / 2]), "{told}");
    }
}

/// Asks for figures about a search, of which the runs are known to be right.
pub(super) fn check(random: &mut Random, found: &Find<Run>, told: &str) {
    let runs = found.page(0, 0).unwrap().items;
    let of = place(random, true);
    let facets = found.facets(of.name().as_str()).unwrap();
    let told = format!("{told}; figures of {}", of.name());
    let missing = runs.iter().filter(|run| held(run, &of).is_empty()).count();
    assert_eq!((facets.total, facets.missing), (runs.len() as u64, missing as u64), "{told}");
    let all: Vec<Value> = runs.iter().flat_map(|run| held(run, &of)).collect();
    for (value, count) in &facets.values {
        assert_eq!(*count, all.iter().filter(|held| same(held, value)).count() as u64, "{told}: {value}");
    }
    assert_eq!(facets.values.iter().map(|(_, count)| count).sum::<u64>(), all.len() as u64, "{told}");
    assert!(facets.values.windows(2).all(|pair| pair[0].1 >= pair[1].1), "{told}");

    let (by, of) = (place(random, false), place(random, false));
    let told = format!("{told}, {} by {}", of.name(), by.name());
    let one = |run: &Run, place: &Place| held(run, place).into_iter().next();
    let values = |runs: &[&Run]| runs.iter().map(|run| one(run, &of)).collect::<Vec<_>>();
    check_aggregate(&found.aggregate(of.name().as_str()).unwrap(), &values(&runs.iter().collect::<Vec<_>>()), &told);
    let groups = found.group_by(by.name().as_str(), of.name().as_str()).unwrap();
    let mut total = 0;
    for group in &groups {
        let in_group: Vec<&Run> = runs
            .iter()
            .filter(|run| match (one(run, &by), &group.value) {
                (Some(held), Some(value)) => same(&held, value),
                (held, value) => held.is_none() && value.is_none(),
            })
            .collect();
        check_aggregate(&group.aggregate, &values(&in_group), &told);
        total += group.aggregate.total;
    }
    assert_eq!(total, runs.len() as u64, "{told}");

    let table = found.columns([by.name(), of.name()]).unwrap();
    let expected = runs.iter().map(|run| [&by, &of].map(|place| one(run, place).unwrap_or(Value::Null)).to_vec());
    let expected: Vec<Vec<Value>> = expected.collect();
    // A -0.0 reads as 0.0.
    let alike = |a: &Value, b: &Value| {
        let is_zero = |value: &Value| matches!(value, Value::Float(float) if *float == 0.0);
        a == b || (is_zero(a) && is_zero(b))
    };
    let equal = table.len() == expected.len()
        && table.iter().flatten().zip(expected.iter().flatten()).all(|(found, expected)| alike(found, expected));
    assert!(equal, "{told}: {table:?} {expected:?}");
}

#[test]
fn figures_by_hand() {
    let run = |name: &str, optimizer: &str, accuracy: f64| {
        NewRun::named(name).hyperparameter("optimizer", optimizer).metric("accuracy", accuracy).tag("all")
    };
    let bench = Bench::with([
        run("a", "adam", 0.5).tag("good"),
        run("b", "adam", 0.7),
        run("c", "sgd", 0.9).tag("good"),
        run("d", "sgd", f64::NAN),
        run("e", "sgd", 0.1),
        NewRun::named("f"),
    ]);
    let found = bench.store.read().runs().find(Filter::all()).unwrap();
    let tags = found.facets("tags").unwrap();
    assert_eq!(tags.values, [(Value::from("all"), 5), (Value::from("good"), 2)]);
    assert_eq!((tags.missing, tags.total), (1, 6));
    let accuracy = found.aggregate("metrics.accuracy").unwrap();
    assert_eq!((accuracy.total, accuracy.count(), accuracy.nan), (6, 4, 1));
    assert_eq!((accuracy.min(), accuracy.max(), accuracy.median()), (Some(0.1), Some(0.9), Some(0.6)));
    assert_eq!((accuracy.quantile(0.0), accuracy.quantile(1.0), accuracy.quantile(1.1)), (Some(0.1), Some(0.9), None));
    let groups = found.group_by("hyperparameters.optimizer", "metrics.accuracy").unwrap();
    let told: Vec<_> =
        groups.iter().map(|group| (group.value.clone(), group.aggregate.total, group.aggregate.max())).collect();
    assert_eq!(
        told,
        [(Some(Value::from("sgd")), 3, Some(0.9)), (Some(Value::from("adam")), 2, Some(0.7)), (None, 1, None)]
    );
    let best = found.clone().order_by("-metrics.accuracy").limit(2).columns(["name", "metrics.accuracy"]).unwrap();
    assert_eq!(best, [[Value::from("c"), Value::from(0.9)], [Value::from("b"), Value::from(0.7)]]);
    assert_eq!(kind(found.aggregate("tags")), ErrorKind::InvalidArgument);
    assert_eq!(kind(found.facets("metrics.")), ErrorKind::InvalidArgument);
    assert_eq!(kind(found.columns(["acuracy"])), ErrorKind::InvalidArgument);
}

#[test]
fn facets_count_what_holds_a_value_however_often() {
    let link = |key: &str| Artifact::new(key, "path").linked_artifact_id("v1");
    let bench = Bench::with([NewRun::new().artifact(link("a")).artifact(link("b")), NewRun::new().artifact(link("a"))]);
    for optimized in [false, true] {
        let read = bench.store.read();
        let found = read.runs().find("").unwrap();
        let values = |field: &str| found.facets(field).unwrap().values;
        assert_eq!(values("artifacts.linked_artifact_id"), [(Value::from("v1"), 2)], "{optimized}");
        bench.store.optimize().unwrap();
    }
}

/// As numpy has it, but where it would make NaN out of numbers.
#[test]
fn quantiles_lie_between_their_neighbours() {
    let (low, high) = (f64::NEG_INFINITY, f64::INFINITY);
    let bench = Bench::with([
        NewRun::new().metric("low", low).metric("high", 0.0).metric("wide", -1.7e308).metric("both", low),
        NewRun::new().metric("low", 0.0).metric("high", high).metric("wide", 1.7e308).metric("both", high),
    ]);
    for optimized in [false, true] {
        let read = bench.store.read();
        let found = read.runs().find("").unwrap();
        let quantile = |key: &str, q| found.aggregate(format!("metrics.{key}")).unwrap().quantile(q).unwrap();
        for q in [0.25, 0.5, 0.75] {
            assert_eq!((quantile("low", q), quantile("high", q)), (low, high), "{optimized} {q}");
            assert!(quantile("both", q).is_nan());
        }
        assert_eq!((quantile("low", 1.0), quantile("high", 0.0), quantile("both", 0.0)), (0.0, 0.0, low));
        // Their difference is beyond a double.
        assert_eq!(quantile("wide", 0.5), 0.0, "{optimized}");
        assert!((quantile("wide", 0.25) / -0.85e308 - 1.0).abs() < 1e-9, "{optimized}");
        bench.store.optimize().unwrap();
    }
}
