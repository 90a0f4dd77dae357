//! Tags, attributes, metrics and hyperparameters: added, set and deleted, all or none (ModelDB 2.5.1, 2.5.2, 2.6).

use modeldb::{ErrorKind, KeyValue, KeyValues, NewRun, RunId, Value, ValueType};

use super::support::{Bench, kind};

fn keys(entries: &KeyValues) -> Vec<&str> {
    entries.iter().map(|entry| entry.key.as_str()).collect()
}

/// Calls `$body` with the calls of each of the three kinds, and the id to call them with.
macro_rules! for_each_kind {
    ($bench:ident, $run:ident, $w:ident, |$calls:ident, $id:ident| $body:expr) => {{
        {
            macro_rules! $calls {
                () => {
                    $w.projects()
                };
            }
            let $id = &$bench.project;
            $body
        }
        {
            macro_rules! $calls {
                () => {
                    $w.experiments()
                };
            }
            let $id = &$bench.experiment;
            $body
        }
        {
            macro_rules! $calls {
                () => {
                    $w.runs()
                };
            }
            let $id = &$run;
            $body
        }
    }};
}

#[test]
fn logging_never_replaces_and_a_batch_is_whole() {
    let bench = Bench::new();
    let run = bench.run(NewRun::new());
    let log = |entries: &[(&str, f64)]| bench.store.write(|w| w.runs().log_metrics(&run, entries.iter().copied()));
    // Worked vector 1.
    log(&[("accuracy", 0.9)]).unwrap();
    assert_eq!(kind(log(&[("accuracy", 0.9)])), ErrorKind::AlreadyExists);
    assert_eq!(kind(log(&[("accuracy", 0.95), ("loss", 0.1)])), ErrorKind::AlreadyExists);
    assert_eq!(keys(&bench.get(&run).metrics), ["accuracy"], "loss is not written");
    // Worked vector 2.
    assert_eq!(kind(log(&[("a", 1.0), ("a", 2.0)])), ErrorKind::InvalidArgument);
    // The same key is free in the other containers.
    bench.store.write(|w| w.runs().log_hyperparameter(&run, "accuracy", 1)).unwrap();
    bench.store.write(|w| w.runs().log_attributes(&run, [("accuracy", "x")])).unwrap();
    let found = bench.get(&run);
    assert_eq!(found.metrics.get("accuracy"), Some(&Value::Float(0.9)));
    assert_eq!(found.hyperparameters.get("accuracy"), Some(&Value::Int(1)));
    assert_eq!(found.attributes.get("accuracy"), Some(&"x".into()));
}

#[test]
fn setting_attributes_replaces_and_adds() {
    // Worked vector 9, on each kind.
    let bench = Bench::new();
    let run = bench.run(NewRun::new());
    let store = &bench.store;
    store
        .write(|w| {
            for_each_kind!(bench, run, w, |calls, id| {
                calls!().log_attributes(id, [("a", 1), ("b", 2)])?;
                assert_eq!(kind(calls!().log_attributes(id, [("c", 3), ("b", 2)])), ErrorKind::AlreadyExists);
                calls!().set_attributes(id, [KeyValue::new("b", "new"), KeyValue::new("c", 3)])?;
                let found = calls!().get(id)?;
                assert_eq!(keys(&found.attributes), ["a", "b", "c"]);
                assert_eq!(found.attributes.get("b"), Some(&"new".into()));
                // The declared type is a part of what is set.
                calls!().set_attributes(id, [KeyValue::new("c", 3).value_type(ValueType::Blob)])?;
                assert_eq!(calls!().get(id)?.attributes.entry("c").unwrap().value_type, ValueType::Blob);
                for refused in [vec![("", 1)], vec![("d", 1), ("d", 1)]] {
                    assert_eq!(kind(calls!().set_attributes(id, refused)), ErrorKind::InvalidArgument);
                }
                assert_eq!(calls!().get(id)?.attributes.get("d"), None);
            });
            Ok(())
        })
        .unwrap();
    let before = store.read().sequence();
    store.write(|w| w.runs().set_attributes(&run, [("a", 1)])).unwrap();
    assert_eq!(store.read().sequence(), before, "what is there already is no change");
}

#[test]
fn attributes_and_tags_are_deleted_on_each_kind() {
    let bench = Bench::new();
    let run = bench.run(NewRun::new());
    let none: [&str; 0] = [];
    bench
        .store
        .write(|w| {
            for_each_kind!(bench, run, w, |calls, id| {
                calls!().log_attributes(id, [("a", 1), ("b", 2), ("c", 3)])?;
                calls!().add_tags(id, ["x", "y", "z"])?;
                assert_eq!(kind(calls!().delete_attributes(id, none)), ErrorKind::InvalidArgument);
                assert_eq!(kind(calls!().delete_tags(id, none)), ErrorKind::InvalidArgument);
                calls!().delete_attributes(id, ["b", "unknown", "b", ""])?;
                calls!().delete_tags(id, ["y", "unknown", ""])?;
                let found = calls!().get(id)?;
                assert_eq!(
                    (keys(&found.attributes), found.tags.as_slice()),
                    (vec!["a", "c"], &["x".to_owned(), "z".to_owned()][..])
                );
                let version = found.version_number;
                calls!().delete_attributes(id, ["unknown"])?;
                calls!().delete_tags(id, ["unknown"])?;
                assert_eq!(calls!().get(id)?.version_number, version, "nothing changed");
                calls!().delete_all_attributes(id)?;
                calls!().delete_all_tags(id)?;
                let found = calls!().get(id)?;
                assert!(found.attributes.is_empty() && found.tags.is_empty());
                assert_eq!(found.version_number, version + 2);
                calls!().delete_all_attributes(id)?;
                calls!().delete_all_tags(id)?;
                assert_eq!(calls!().get(id)?.version_number, version + 2, "nothing was left to delete");
                calls!().log_attributes(id, [("a", "again")])?;
            });
            Ok(())
        })
        .unwrap();
    assert_eq!(bench.get(&run).attributes.get("a"), Some(&"again".into()));
    assert!(bench.store.audit().verify().unwrap().is_intact());
}

#[test]
fn metrics_and_hyperparameters_are_deleted() {
    let bench = Bench::new();
    let new = || NewRun::new().metrics([("a", 1), ("b", 2)]).hyperparameters([("a", 3), ("c", 4)]);
    let run = bench.run(new());
    let store = &bench.store;
    let before = store.read();
    store
        .write(|w| {
            w.runs().delete_metrics(&run, ["a", "c", "nothing"])?;
            w.runs().delete_hyperparameters(&run, ["c"])
        })
        .unwrap();
    let found = bench.get(&run);
    assert_eq!((keys(&found.metrics), keys(&found.hyperparameters)), (vec!["b"], vec!["a"]));
    store.write(|w| w.runs().log_metric(&run, "a", 9)).unwrap();
    let full = store.read();
    store
        .write(|w| {
            w.runs().delete_all_metrics(&run)?;
            w.runs().delete_all_hyperparameters(&run)
        })
        .unwrap();
    let found = bench.get(&run);
    assert!(found.metrics.is_empty() && found.hyperparameters.is_empty());
    // The past has them all.
    let past = store.read().as_of(before.sequence()).unwrap().runs().get(&run).unwrap();
    assert_eq!((keys(&past.metrics), keys(&past.hyperparameters)), (vec!["a", "b"], vec!["a", "c"]));
    let past = store.read().as_of(full.sequence()).unwrap().runs().get(&run).unwrap();
    assert_eq!(past.metrics.get("a"), Some(&Value::Int(9)));
    let none: [&str; 0] = [];
    assert_eq!(kind(store.write(|w| w.runs().delete_metrics(&run, none))), ErrorKind::InvalidArgument);
    assert_eq!(kind(store.write(|w| w.runs().delete_hyperparameters(&run, none))), ErrorKind::InvalidArgument);
    assert!(store.audit().verify().unwrap().is_intact());
}

#[test]
fn what_is_not_there_has_nothing_to_delete() {
    let bench = Bench::new();
    let gone = RunId::new("no such run").unwrap();
    let refused = [
        bench.store.write(|w| w.runs().delete_tags(&gone, ["a"])),
        bench.store.write(|w| w.runs().delete_all_tags(&gone)),
        bench.store.write(|w| w.runs().set_attributes(&gone, [("a", 1)])),
        bench.store.write(|w| w.runs().delete_attributes(&gone, ["a"])),
        bench.store.write(|w| w.runs().delete_all_attributes(&gone)),
        bench.store.write(|w| w.runs().delete_metrics(&gone, ["a"])),
        bench.store.write(|w| w.runs().delete_all_metrics(&gone)),
        bench.store.write(|w| w.runs().delete_hyperparameters(&gone, ["a"])),
        bench.store.write(|w| w.runs().delete_all_hyperparameters(&gone)),
    ];
    for refused in refused {
        assert_eq!(kind(refused), ErrorKind::NotFound);
    }
}
