//! Attributes, metrics and hyperparameters: the rules of logging, in their order (ModelDB 2.5.1).

use modeldb::{ErrorKind, KeyValue, NewExperiment, NewProject, NewRun, Result, RunId, Value, ValueType};

use super::support::{Bench, id, kind};

type Log = fn(&mut modeldb::Write<'_>, &RunId, Vec<KeyValue>) -> Result<()>;

const CONTAINERS: [Log; 3] = [
    |w, run, entries| w.runs().log_attributes(run, entries),
    |w, run, entries| w.runs().log_metrics(run, entries),
    |w, run, entries| w.runs().log_hyperparameters(run, entries),
];

fn entries(entries: &[(&str, i64)]) -> Vec<KeyValue> {
    entries.iter().map(|(key, value)| KeyValue::new(*key, *value)).collect()
}

/// Every list of a run, as one text.
fn shown(bench: &Bench, run: &RunId) -> String {
    let run = bench.get(run);
    let lists = [&run.attributes, &run.metrics, &run.hyperparameters];
    let lists =
        lists.map(|list| list.iter().map(|entry| format!("{}={} ", entry.key, entry.value)).collect::<String>());
    lists.join("|")
}

#[test]
fn a_batch_is_logged_whole_or_not_at_all() {
    for log in CONTAINERS {
        let bench = Bench::new();
        let run = bench.run(NewRun::new());
        let log = |batch: &[(&str, i64)]| bench.store.write(|w| log(w, &run, entries(batch)));
        log(&[("accuracy", 9)]).unwrap();
        let before = shown(&bench, &run);
        let version = bench.get(&run).version_number;
        assert_eq!(version, 2);
        // The worked vectors 1 and 2.
        assert_eq!(kind(log(&[("accuracy", 9)])), ErrorKind::AlreadyExists);
        assert_eq!(kind(log(&[("accuracy", 9), ("loss", 1)])), ErrorKind::AlreadyExists);
        assert_eq!(kind(log(&[("a", 1), ("a", 2)])), ErrorKind::InvalidArgument);
        assert_eq!(kind(log(&[("b", 1), ("", 2)])), ErrorKind::InvalidArgument);
        // An invalid request is told before a taken key is.
        assert_eq!(kind(log(&[("accuracy", 1), ("", 2)])), ErrorKind::InvalidArgument);
        assert_eq!(kind(log(&[("accuracy", 1), ("x", 1), ("x", 2)])), ErrorKind::InvalidArgument);
        let both = log(&[("a", 1), ("a", 2), ("", 3)]).unwrap_err();
        assert!(both.message().contains("empty"), "an empty key comes before a repeated one: {both}");
        let taken = log(&[("accuracy", 1)]).unwrap_err();
        assert!(taken.message().contains("Key accuracy already exists"), "{taken}");
        assert_eq!(shown(&bench, &run), before);
        assert_eq!(bench.get(&run).version_number, version);
        log(&[("z", 1), ("b", 2)]).unwrap();
        assert_eq!(bench.get(&run).version_number, version + 1, "one operation, whatever its size");
    }
}

#[test]
fn a_key_is_unique_in_its_container_only() {
    let bench = Bench::new();
    let run = bench.run(NewRun::new());
    bench
        .store
        .write(|w| {
            for (at, log) in (0..).zip(CONTAINERS) {
                log(w, &run, entries(&[("same", at)]))?;
            }
            Ok(())
        })
        .unwrap();
    assert_eq!(shown(&bench, &run), "same=0 |same=1 |same=2 ");
    // Case and accents count.
    bench.store.write(|w| w.runs().log_metrics(&run, [("Same", 3), ("s\u{e1}me", 4)])).unwrap();
    assert_eq!(bench.get(&run).metrics.len(), 3);
}

#[test]
fn the_same_write_sees_what_it_logged() {
    let bench = Bench::new();
    let run = bench.run(NewRun::new());
    let twice = bench.store.write(|w| {
        w.runs().log_metric(&run, "m", 1)?;
        w.runs().log_metric(&run, "m", 2)
    });
    assert_eq!(kind(twice), ErrorKind::AlreadyExists);
    assert!(bench.get(&run).metrics.is_empty(), "the whole write is taken back");
    // A refused call does not spoil the write if the closure goes on.
    bench
        .store
        .write(|w| {
            w.runs().log_metric(&run, "m", 1)?;
            assert_eq!(kind(w.runs().log_metrics(&run, [("m", 2), ("n", 3)])), ErrorKind::AlreadyExists);
            w.runs().log_metric(&run, "o", 4)
        })
        .unwrap();
    let keys: Vec<_> = bench.get(&run).metrics.into_iter().map(|entry| entry.key).collect();
    assert_eq!(keys, ["m", "o"]);
}

#[test]
fn the_rules_hold_at_creation_and_for_parents() {
    let bench = Bench::new();
    let store = &bench.store;
    let invalid = ErrorKind::InvalidArgument;
    let twice = [("a", 1), ("a", 2)];
    assert_eq!(kind(store.write(|w| w.projects().create(NewProject::new().attributes(twice)))), invalid);
    let new = NewExperiment::new().attribute("", 1);
    assert_eq!(kind(store.write(|w| w.experiments().create(&bench.project, new))), invalid);
    assert_eq!(kind(bench.try_run(NewRun::new().attributes(twice))), invalid);
    assert_eq!(kind(bench.try_run(NewRun::new().metrics(twice))), invalid);
    assert_eq!(kind(bench.try_run(NewRun::new().hyperparameter("", 1))), invalid);
    assert_eq!(kind(bench.try_run(NewRun::new().feature(""))), invalid);
    let artifact = |key: &str| modeldb::Artifact::new(key, "path");
    assert_eq!(kind(bench.try_run(NewRun::new().artifact(artifact("")))), invalid);
    assert_eq!(kind(bench.try_run(NewRun::new().artifact(artifact("a")).artifact(artifact("a")))), invalid);
    store.write(|w| w.projects().log_attributes(&bench.project, [("k", 1)])).unwrap();
    store.write(|w| w.experiments().log_attributes(&bench.experiment, [("k", 1)])).unwrap();
    let exists = ErrorKind::AlreadyExists;
    assert_eq!(kind(store.write(|w| w.projects().log_attributes(&bench.project, [("k", 1)]))), exists);
    assert_eq!(kind(store.write(|w| w.experiments().log_attributes(&bench.experiment, [("k", 1)]))), exists);
    let missing: RunId = id("none");
    for log in CONTAINERS {
        assert_eq!(kind(store.write(|w| log(w, &missing, entries(&[("a", 1)])))), ErrorKind::NotFound);
    }
}

#[test]
fn any_text_is_a_key_and_keys_are_sorted_by_bytes() {
    let bench = Bench::new();
    let long = "k".repeat(5000);
    let mut keys = vec![
        "a.b.c",
        "a/b",
        "say \"x\"",
        "it's",
        "two\nlines",
        "\u{1f40d}\u{1f525}",
        " ",
        "tab\t",
        "\0",
        "metrics.accuracy",
        "Z",
        "a",
        "\u{e9}",
        "\\",
        "{}",
        &long,
    ];
    let new = keys.iter().fold(NewRun::new(), |new, key| new.metric(*key, *key));
    let run = bench.run(new);
    let found = bench.get(&run);
    keys.sort_unstable();
    let stored: Vec<_> = found.metrics.iter().map(|entry| entry.key.as_str()).collect();
    assert_eq!(stored, keys);
    let guard = bench.store.read().runs().view(&run).unwrap();
    for key in keys {
        assert_eq!(found.metrics.get(key), Some(&Value::from(key)));
        assert_eq!(guard.view().unwrap().metric(key).unwrap().unwrap().as_str(), Some(key));
    }
    assert!(bench.store.audit().verify().unwrap().is_intact());
}

#[test]
fn declared_types_are_echoed() {
    let bench = Bench::new();
    let types = [ValueType::String, ValueType::Number, ValueType::List, ValueType::Blob];
    let values =
        [Value::Null, true.into(), 1.into(), 0.5.into(), "5".into(), Value::List(vec![]), Value::Map([].into())];
    let mut given = Vec::new();
    for (at, value) in values.iter().enumerate() {
        for value_type in types {
            given.push(KeyValue::new(format!("{at}-{value_type:?}"), value.clone()).value_type(value_type));
        }
    }
    let run = bench.run(NewRun::new().attributes(given.clone()));
    bench.store.write(|w| w.runs().log_metrics(&run, given.clone())).unwrap();
    let found = bench.get(&run);
    for entry in &given {
        assert_eq!(found.attributes.entry(&entry.key), Some(entry));
        assert_eq!(found.metrics.entry(&entry.key), Some(entry));
    }
}
