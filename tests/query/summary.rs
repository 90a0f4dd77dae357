//! Projects in figures.

use modeldb::{Artifact, ErrorKind, NewExperiment, NewProject, NewRun, Value};

use super::{Bench, kind};

#[test]
fn a_summary_counts_what_is_alive() {
    let bench = Bench::new();
    let summary = || bench.store.read().projects().summary(&bench.project).unwrap();
    let empty = summary();
    assert_eq!((empty.experiments, empty.runs, empty.last_modified_run, empty.metrics), (1, 0, None, vec![]));
    let a = bench.run(NewRun::named("a").metric("m", 3).metric("z", -1.5).metric("text", "7").metric("nan", f64::NAN));
    bench.run(NewRun::named("b").metric("m", 3.5).metric("z", f64::NAN).metric("inf", f64::INFINITY));
    let gone = bench.run(NewRun::named("gone").metric("m", 1000));
    bench.run(NewRun::named("c").metric("m", (1_i64 << 53) + 1).metric("flag", true));
    bench.write(|w| w.runs().delete(&gone));
    bench.write(|w| w.runs().describe(&a, "changed last"));
    bench.write(|w| {
        // Elsewhere, and under something deleted.
        let other = w.projects().create(NewProject::named("other"))?;
        let elsewhere = w.experiments().create(&other, NewExperiment::named("e"))?;
        w.runs().create(&elsewhere, NewRun::named("d").metric("m", -7))?;
        let hidden = w.experiments().create(&bench.project, NewExperiment::named("hidden"))?;
        w.runs().create(&hidden, NewRun::named("e").metric("m", -8))?;
        w.experiments().delete(&hidden)
    });
    let after = summary();
    assert_eq!((after.name.as_str(), after.experiments, after.runs), ("wine", 1, 3));
    let last = after.last_modified_run.unwrap();
    let changed = bench.store.read().runs().get(&a).unwrap().date_updated;
    assert_eq!((last.name.as_str(), last.date_updated), ("a", changed));
    let metrics: Vec<_> = after.metrics.into_iter().map(|metric| (metric.key, metric.min, metric.max)).collect();
    let of = |key: &str, min: Value, max: Value| (key.to_owned(), min, max);
    assert_eq!(
        metrics,
        [
            of("inf", f64::INFINITY.into(), f64::INFINITY.into()),
            of("m", 3.into(), ((1_i64 << 53) + 1).into()),
            of("z", (-1.5).into(), (-1.5).into()),
        ]
    );
    assert_eq!(after.date_updated, bench.store.read().projects().get(&bench.project).unwrap().date_updated);
    assert_eq!(kind(bench.store.read().projects().summary(&"none".parse().unwrap())), ErrorKind::NotFound);
    // As it was before any run.
    let past = bench.store.read().as_of(modeldb::Sequence::new(1)).unwrap().projects().summary(&bench.project).unwrap();
    assert_eq!((past.runs, past.metrics.len()), (0, 0));
}

#[test]
fn datasets_are_counted_by_what_is_linked_to() {
    let bench = Bench::new();
    let linked = |key: &str, id: &str| Artifact::new(key, "p").linked_artifact_id(id);
    bench.run(NewRun::named("a").artifact(linked("x", "v1")).artifact(linked("y", "v2")).artifact(linked("z", "")));
    bench.run(NewRun::named("b").artifact(linked("x", "v2")));
    let gone = bench.run(NewRun::named("c").artifact(linked("x", "v3")));
    bench.write(|w| w.runs().delete(&gone));
    let read = bench.store.read();
    assert_eq!(read.projects().dataset_count(&bench.project).unwrap(), 2);
    assert_eq!(kind(read.projects().dataset_count(&"none".parse().unwrap())), ErrorKind::NotFound);
}
