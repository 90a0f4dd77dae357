//! Values come back as they were given: every kind, at every edge.

use modeldb::{ErrorKind, KeyValues, NewRun, Store, Value, ValueRef, limits};

use super::support::{Bench, kind};

/// Equality of kind and bits, independent of the crate's own.
#[track_caller]
fn same(found: &Value, given: &Value) {
    match (found, given) {
        (Value::Float(a), Value::Float(b)) if b.is_nan() => assert!(a.is_nan()),
        (Value::Float(a), Value::Float(b)) => assert_eq!(a.to_bits(), b.to_bits()),
        (Value::Int(a), Value::Int(b)) => assert_eq!(a, b),
        (Value::String(a), Value::String(b)) => assert!(a == b, "texts of {} and {} bytes differ", a.len(), b.len()),
        (Value::Bool(a), Value::Bool(b)) => assert_eq!(a, b),
        (Value::Null, Value::Null) => {}
        (Value::List(a), Value::List(b)) => {
            assert_eq!(a.len(), b.len());
            a.iter().zip(b).for_each(|(a, b)| same(a, b));
        }
        (Value::Map(a), Value::Map(b)) => {
            assert!(a.keys().eq(b.keys()));
            a.values().zip(b.values()).for_each(|(a, b)| same(a, b));
        }
        _ => panic!("{found} is not of the kind of {given}"),
    }
}

fn edges() -> Vec<Value> {
    let mut values = vec![Value::Null, true.into(), false.into()];
    for int in [0, 1, -1, 23, 24, 255, 256, 65_535, 65_536, (1 << 53) + 1, -(1 << 53) - 1, i64::MAX, i64::MIN] {
        values.push(int.into());
    }
    for float in [
        0.0,
        -0.0,
        1.0,
        0.1,
        1.5,
        65_504.0,
        65_520.0,
        6.1e-5,
        5.960_464_477_539_063e-8,
        1e-45,
        16_777_217.0,
        1e300,
        f64::MIN_POSITIVE,
        5e-324,
        f64::MAX,
        f64::MIN,
        f64::EPSILON,
        f64::INFINITY,
        f64::NEG_INFINITY,
        f64::NAN,
        -f64::NAN,
    ] {
        values.push(float.into());
    }
    for text in ["", "5", " 1e3 ", "0x10", "NaN", "null", "\0", "\u{1f40d}\n\"'\\", "\u{fffd}", "e\u{301}"] {
        values.push(text.into());
    }
    // Around the length from which texts are stored beside the record, in bytes and in characters.
    for len in [15, 16, 17, 4095, 4096, 4097, 65_536 - 128, 65_536 - 127, 200_000] {
        values.push("x".repeat(len).into());
        values.push("\u{e9}".repeat(len / 2).into());
    }
    let map = [("", Value::Null), ("b", 1.into()), ("aa", f64::NAN.into()), ("k.e/y", "x".repeat(5000).into())];
    let map: std::collections::BTreeMap<_, _> = map.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
    values.push(Value::List(vec![]));
    values.push(Value::Map([].into()));
    values.push(Value::Map(map.clone()));
    values.push(Value::List(vec![Value::Map(map), (-0.0).into(), i64::MIN.into(), "y".repeat(4097).into()]));
    values.push(Value::List(vec![0.25.into(); 20_000]));
    values
}

#[test]
fn every_value_comes_back_from_every_container() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    let store = Store::open(&path).unwrap();
    let values = edges();
    let entries = || values.iter().enumerate().map(|(at, value)| (format!("k{at:03}"), value.clone()));
    let (created, logged) = store
        .write(|w| {
            let project = w.projects().get_or_create("p")?;
            w.projects().log_attributes(&project, entries())?;
            let experiment = w.experiments().get_or_create(&project, "e")?;
            w.experiments().log_attributes(&experiment, entries())?;
            let new = NewRun::named("created").attributes(entries()).metrics(entries()).hyperparameters(entries());
            Ok((w.runs().create(&experiment, new)?, w.runs().create(&experiment, NewRun::named("logged"))?))
        })
        .unwrap();
    store
        .write(|w| {
            w.runs().log_attributes(&logged, entries())?;
            w.runs().log_metrics(&logged, entries())?;
            w.runs().log_hyperparameters(&logged, entries())
        })
        .unwrap();
    let check = |store: &Store| {
        let read = store.read();
        for id in [&created, &logged] {
            let run = read.runs().get(id).unwrap();
            let guard = read.runs().view(id).unwrap();
            let view = guard.view().unwrap();
            for (key, given) in entries() {
                for container in [&run.attributes, &run.metrics, &run.hyperparameters] {
                    same(container.get(&key).unwrap(), &given);
                }
                let found = [view.attribute(&key), view.metric(&key), view.hyperparameter(&key)];
                for found in found {
                    same(&found.unwrap().unwrap().into_value(), &given);
                }
            }
            let project = read.projects().get(&run.project_id).unwrap();
            let experiment = read.experiments().get(&run.experiment_id).unwrap();
            for (key, given) in entries() {
                same(project.attributes.get(&key).unwrap(), &given);
                same(experiment.attributes.get(&key).unwrap(), &given);
            }
        }
        assert!(store.audit().verify().unwrap().is_intact());
    };
    check(&store);
    // The past, taken back from the log, has the same values.
    let sequence = store.read().sequence();
    store.write(|w| w.runs().delete(&created)).unwrap();
    let past = store.read().as_of(sequence).unwrap();
    for (key, given) in entries() {
        same(past.runs().get(&created).unwrap().metrics.get(&key).unwrap(), &given);
        same(&past.runs().view(&created).unwrap().view().unwrap().metric(&key).unwrap().unwrap().into_value(), &given);
    }
    let run = past.runs().get(&created).unwrap();
    assert_eq!(run, past.runs().view(&created).unwrap().to_run().unwrap());
    store.close().unwrap();
    drop((past, store));
    let store = Store::open(&path).unwrap();
    let id = created.clone();
    assert_eq!(kind(store.read().runs().get(&id)), ErrorKind::NotFound);
    same(store.read().runs().get(&logged).unwrap().metrics.get("k000").unwrap(), &Value::Null);
}

fn nested(depth: usize, wrap: fn(Value) -> Value) -> Value {
    (1..depth).fold(Value::Int(1), |inner, _| wrap(inner))
}

#[test]
fn nesting_is_128_deep_and_no_deeper() {
    assert_eq!(limits::VALUE_DEPTH, 128);
    let bench = Bench::new();
    for wrap in [|inner| Value::List(vec![inner]), |inner| Value::Map([("k".to_owned(), inner)].into())] {
        let deepest = nested(128, wrap);
        let run = bench.run(NewRun::new().metric("created", deepest.clone()));
        bench.store.write(|w| w.runs().log_metric(&run, "logged", deepest.clone())).unwrap();
        same(bench.get(&run).metrics.get("created").unwrap(), &deepest);
        same(bench.get(&run).metrics.get("logged").unwrap(), &deepest);
        let deeper = nested(129, wrap);
        let refused = bench.store.write(|w| w.runs().log_metric(&run, "deeper", deeper.clone()));
        assert_eq!(kind(refused), ErrorKind::LimitExceeded);
        assert_eq!(kind(bench.try_run(NewRun::new().attribute("k", deeper.clone()))), ErrorKind::LimitExceeded);
    }
    assert!(bench.store.audit().verify().unwrap().is_intact());
}

#[test]
fn texts_of_ten_megabytes_come_back() {
    let bench = Bench::new();
    let large: String = (0..1_300_000).map(|n| format!("{n:07} ")).collect();
    assert!(large.len() > 10_000_000);
    let run = bench.run(NewRun::named("large").description(large.clone()).metric("m", large.clone()));
    bench.store.write(|w| w.projects().describe(&bench.project, large.clone())).unwrap();
    let found = bench.get(&run);
    assert!(found.description == large && found.metrics.get("m").unwrap().as_str() == Some(&large));
    assert!(bench.store.read().projects().get(&bench.project).unwrap().description == large);
    let guard = bench.store.read().runs().view(&run).unwrap();
    let view = guard.view().unwrap();
    assert!(view.description().unwrap() == large.as_str());
    assert!(matches!(view.metric("m").unwrap(), Some(ValueRef::String(text)) if text == large.as_str()));
    // Replaced, the old one is still in the log.
    let sequence = bench.store.read().sequence();
    bench.store.write(|w| w.runs().describe(&run, "short")).unwrap();
    assert_eq!(bench.get(&run).description, "short");
    assert!(bench.store.read().as_of(sequence).unwrap().runs().get(&run).unwrap().description == large);
    assert!(bench.store.audit().verify().unwrap().is_intact());
}

#[test]
fn numbers_are_not_confused() {
    let bench = Bench::new();
    let run = bench.run(NewRun::new().metric("int", 1).metric("float", 1.0).metric("text", "1").metric("bool", true));
    let found = bench.get(&run).metrics;
    assert_eq!(found.get("int").unwrap().as_i64(), Some(1));
    assert_eq!(found.get("float").unwrap().as_i64(), None);
    assert_eq!(found.get("float").unwrap().as_f64(), Some(1.0));
    assert_eq!((found.get("text").unwrap().as_f64(), found.get("text").unwrap().as_str()), (None, Some("1")));
    assert_eq!((found.get("bool").unwrap().as_bool(), found.get("bool").unwrap().as_f64()), (Some(true), None));
    assert_ne!(Value::Int(1), Value::Float(1.0));
    assert_ne!(Value::Float(0.0), Value::Float(-0.0));
    assert_eq!(Value::Float(f64::NAN), Value::Float(-f64::NAN));
}

#[test]
fn what_rust_has_becomes_a_value_without_loss() {
    let ints: [(Value, i64); 8] = [
        (i8::MIN.into(), -128),
        (u8::MAX.into(), 255),
        (i16::MIN.into(), -32_768),
        (u16::MAX.into(), 65_535),
        (i32::MIN.into(), -2_147_483_648),
        (u32::MAX.into(), 4_294_967_295),
        (i64::MIN.into(), i64::MIN),
        (i64::MAX.into(), i64::MAX),
    ];
    for (value, int) in ints {
        same(&value, &Value::Int(int));
    }
    same(&0.1_f32.into(), &Value::Float(0.100_000_001_490_116_12));
    same(&f32::NEG_INFINITY.into(), &Value::Float(f64::NEG_INFINITY));
    same(&true.into(), &Value::Bool(true));
    let text = "text".to_owned();
    for value in [Value::from("text"), Value::from(&text), text.clone().into(), std::borrow::Cow::from("text").into()] {
        same(&value, &Value::String(text.clone()));
    }
    same(&Some(1).into(), &Value::Int(1));
    same(&Some(Some("a")).into(), &Value::String("a".to_owned()));
    same(&None::<f64>.into(), &Value::Null);
    let list = Value::List(vec![Value::Int(1), Value::Null, Value::Int(3)]);
    let items = vec![Some(1_u8), None, Some(3)];
    for value in [
        items.clone().into(),
        Value::from(&*items),
        items.clone().into_iter().collect(),
        [Some(1), None, Some(3)].into(),
    ] {
        same(&value, &list);
    }
    same(
        &vec![vec![0.5], vec![]].into(),
        &Value::List(vec![Value::List(vec![Value::Float(0.5)]), Value::List(vec![])]),
    );
    let map = std::collections::BTreeMap::from([("b", 2), ("a", 1)]);
    let expected = [("a".to_owned(), Value::Int(1)), ("b".to_owned(), Value::Int(2))];
    same(&map.into(), &Value::Map(expected.into()));
}

#[test]
fn key_values_are_made_as_maps_are() {
    let seed = super::support::seed();
    let mut random = super::support::Random(seed);
    for _ in 0..200 {
        let entries: Vec<(String, i64)> =
            (0..random.below(12)).map(|at| (format!("k{}", random.below(6)), i64::try_from(at).unwrap())).collect();
        let map: std::collections::BTreeMap<String, i64> = entries.iter().cloned().collect();
        let expected: Vec<(&str, Value)> = map.iter().map(|(key, value)| (key.as_str(), Value::Int(*value))).collect();
        for made in [KeyValues::from(entries.clone()), entries.iter().cloned().collect()] {
            let found: Vec<_> = made.iter().map(|entry| (entry.key.as_str(), entry.value.clone())).collect();
            assert_eq!(found, expected);
            assert!(map.iter().all(|(key, value)| made.get(key) == Some(&Value::Int(*value))));
        }
    }
    // A run that is read compares with what a test expects of it.
    let bench = Bench::new();
    let run = bench.run(NewRun::named("r").metric("loss", 0.25).metric("accuracy", 0.5));
    assert_eq!(bench.get(&run).metrics, KeyValues::from([("accuracy", 0.5), ("loss", 0.25)]));
}

/// What could not be read back in one piece is refused, and harms nothing.
#[test]
fn a_change_beyond_its_limit_is_refused() {
    let bench = Bench::new();
    let text = "x".repeat(4096);
    let items = limits::CHANGE_BYTES / text.len() + 1;
    let list = Value::List((0..items).map(|_| Value::from(text.as_str())).collect());
    let experiment = bench.experiment.clone();
    let refused = bench.store.write(|w| w.runs().create(&experiment, NewRun::new().attribute("list", list)));
    assert_eq!(kind(refused), ErrorKind::LimitExceeded);
    bench.run(NewRun::new().attribute("list", vec![1]));
    assert!(bench.store.audit().verify().unwrap().is_intact());
}
