//! A run read where it is stored equals the run that is copied out.

use modeldb::{CodeVersion, Environment, NewRun, Run, RunGuard, RunId, Value};

use super::support::{Bench, id, ms};

#[track_caller]
fn check(guard: &RunGuard, run: &Run) {
    let view = guard.view().unwrap();
    assert_eq!(view.id().unwrap(), run.id);
    assert_eq!(view.project_id().unwrap(), run.project_id);
    assert_eq!(view.experiment_id().unwrap(), run.experiment_id);
    assert_eq!(view.name().unwrap(), run.name);
    assert_eq!(view.description().unwrap(), run.description);
    assert_eq!(view.owner().unwrap(), run.owner);
    assert_eq!((view.date_created(), view.date_updated()), (run.date_created, run.date_updated));
    assert_eq!((view.start_time(), view.end_time()), (run.start_time, run.end_time));
    assert_eq!(view.version_number(), run.version_number);
    assert!(view.tags().eq(run.tags.iter().map(String::as_str)));
    for (list, entries) in [(0, &run.metrics), (1, &run.hyperparameters), (2, &run.attributes)] {
        let found: Vec<(String, Value)> = match list {
            0 => view.metrics().map(|entry| entry.unwrap()).map(|(k, v)| (k.to_string(), v.into_value())).collect(),
            1 => view.hyperparameters().map(|e| e.unwrap()).map(|(k, v)| (k.to_string(), v.into_value())).collect(),
            _ => view.attributes().map(|entry| entry.unwrap()).map(|(k, v)| (k.to_string(), v.into_value())).collect(),
        };
        let owned: Vec<_> = entries.iter().map(|entry| (entry.key.clone(), entry.value.clone())).collect();
        assert_eq!(found, owned);
        for entry in entries {
            let one = match list {
                0 => view.metric(&entry.key),
                1 => view.hyperparameter(&entry.key),
                _ => view.attribute(&entry.key),
            };
            assert_eq!(one.unwrap().unwrap().into_value(), entry.value);
        }
    }
    assert_eq!(view.metrics().len(), run.metrics.len());
    assert!(view.metric("no such key").unwrap().is_none());
    assert_eq!(view.to_run().unwrap(), *run);
    assert_eq!(guard.to_run().unwrap(), *run);
}

fn runs(bench: &Bench) -> Vec<RunId> {
    let long = "long ".repeat(2000);
    let rich = NewRun::named("rich")
        .id(id::<RunId>("an id of the caller's, longer than eight bytes"))
        .description(long.clone())
        .owner(long.clone())
        .date_created(ms(-7))
        .start_time(ms(1))
        .end_time(ms(-1))
        .code_version("c")
        .code_version_snapshot(CodeVersion::git("r", "h"))
        .parent(id::<RunId>("parent"))
        .environment(Environment::new().variable("A", "B"))
        .feature("f")
        .tags(["b", "a", "\u{1f40d}"])
        .attributes([("z", Value::Null), ("a", Value::List(vec![1.into(), long.clone().into()]))])
        .metrics([("f1", Value::from(0.1)), ("nan", f64::NAN.into()), ("big", i64::MAX.into())])
        .hyperparameters([("text", Value::from(long)), ("short", "s".into()), ("map", Value::Map([].into()))]);
    vec![bench.run(NewRun::named("bare")), bench.run(rich)]
}

#[test]
fn a_view_equals_the_owned_run() {
    let bench = Bench::new();
    for run in runs(&bench) {
        check(&bench.store.read().runs().view(&run).unwrap(), &bench.get(&run));
    }
}

#[test]
fn a_view_of_the_past_equals_the_run_of_then() {
    let bench = Bench::new();
    let runs = runs(&bench);
    let then = bench.store.read();
    bench
        .store
        .write(|w| {
            for run in &runs {
                w.runs().rename(run, "other")?;
                w.runs().describe(run, "other")?;
                w.runs().log_metric(run, "new", 1)?;
                w.runs().add_tags(run, ["new"])?;
                w.runs().set_environment(run, Environment::new().command_line(["x"]))?;
            }
            Ok(())
        })
        .unwrap();
    let past = bench.store.read().as_of(then.sequence()).unwrap();
    for run in &runs {
        let owned = then.runs().get(run).unwrap();
        check(&past.runs().view(run).unwrap(), &owned);
        assert_ne!(bench.get(run), owned);
    }
}

#[test]
fn a_guard_outlives_its_snapshot_and_what_happens_after() {
    let bench = Bench::new();
    let run = bench.run(NewRun::named("kept").metric("m", 1));
    let owned = bench.get(&run);
    let guard = bench.store.read().runs().view(&run).unwrap();
    bench.store.write(|w| w.runs().delete(&run)).unwrap();
    for n in 0..300 {
        bench.run(NewRun::new().metric("m", n));
    }
    check(&guard, &owned);
}
