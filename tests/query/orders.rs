//! Orders: kinds, NaN, missing, ties, several keys.

use modeldb::{ErrorKind, Filter, NewRun, Order, Timestamp, Value};

use super::{Bench, kind, list, names};

fn sorted(bench: &Bench, orders: impl IntoIterator<Item = Order>) -> String {
    let found = bench.store.read().runs().find(Filter::all()).unwrap();
    names(orders.into_iter().fold(found, |found, order| found.order_by(order)).page(0, 0).unwrap().items)
}

#[test]
fn mixed_kinds_have_an_order_and_nan_and_missing_a_place() {
    let bench = Bench::with([
        NewRun::named("true").attribute("k", true),
        NewRun::named("list").attribute("k", list([1])),
        NewRun::named("b").attribute("k", "b"),
        NewRun::named("ten").attribute("k", "10"),
        NewRun::named("missing"),
        NewRun::named("nan").attribute("k", f64::NAN),
        NewRun::named("B").attribute("k", "B"),
        NewRun::named("false").attribute("k", false),
        NewRun::named("inf").attribute("k", f64::INFINITY),
        NewRun::named("nine").attribute("k", 9),
        NewRun::named("null").attribute("k", Value::Null),
        NewRun::named("minus").attribute("k", -0.5),
    ]);
    let values = "minus nine ten inf B b false true list";
    let mut reversed: Vec<&str> = values.split(' ').collect();
    reversed.reverse();
    let reversed = reversed.join(" ");
    let k = "attributes.k";
    assert_eq!(sorted(&bench, [Order::ascending(k)]), format!("{values} nan null missing"));
    assert_eq!(sorted(&bench, [Order::descending(k)]), format!("{reversed} nan null missing"));
    assert_eq!(sorted(&bench, [Order::ascending(k).nulls_first()]), format!("null missing {values} nan"));
    assert_eq!(sorted(&bench, [Order::descending(k).nulls_first()]), format!("null missing {reversed} nan"));
    assert_eq!(sorted(&bench, [Order::sort_key(k, true)]), format!("null missing {values} nan"));
    assert_eq!(sorted(&bench, [Order::sort_key(k, false)]), format!("{reversed} nan null missing"));
    assert_eq!(Order::from("-attributes.k"), Order::descending(k));
}

#[test]
fn ties_are_newest_first_in_both_directions() {
    let bench = Bench::with([
        NewRun::named("a").metric("m", 1).metric("n", 2),
        NewRun::named("b").metric("m", 1.0).metric("n", 1),
        NewRun::named("c").metric("m", "1"),
        NewRun::named("d").metric("m", 2),
    ]);
    assert_eq!(sorted(&bench, []), "d c b a");
    assert_eq!(sorted(&bench, [Order::ascending("metrics.m")]), "c b a d");
    assert_eq!(sorted(&bench, [Order::descending("metrics.m")]), "d c b a");
    assert_eq!(sorted(&bench, ["metrics.m".into(), "metrics.n".into()]), "b a c d");
    assert_eq!(sorted(&bench, ["-metrics.m".into(), "-metrics.n".into()]), "d a b c");
    assert_eq!(sorted(&bench, ["metrics.none".into()]), "d c b a");
}

#[test]
fn modeldbs_default_is_the_last_change_first() {
    let bench = Bench::new();
    let ids: Vec<_> = ["b", "a", "c"].into_iter().map(|name| bench.run(NewRun::named(name))).collect();
    bench.write(|w| w.runs().describe(&ids[0], "changed"));
    assert_eq!(sorted(&bench, [Order::sort_key("", false)]), "b c a");
    assert_eq!(sorted(&bench, [Order::sort_key("", true)]), "a c b");
    assert_eq!(sorted(&bench, [Order::sort_key("date_created", true)]), "b a c");
    assert_eq!(sorted(&bench, [Order::sort_key("name", true)]), "a b c");
    // An empty text is missing, and therefore last.
    assert_eq!(sorted(&bench, ["description".into()]), "b c a");
}

#[test]
fn names_are_texts_and_dates_are_numbers() {
    let bench = Bench::new();
    for (name, start) in [("10", 5), ("9", 40), ("A", 0), ("\u{1f600}", 7), ("\u{fffd}", 6)] {
        bench.run(NewRun::named(name).start_time(Timestamp::from_millis(start)));
    }
    // By code points: U+FFFD comes before what takes two units of UTF-16.
    assert_eq!(sorted(&bench, ["name".into()]), "10 9 A \u{fffd} \u{1f600}");
    assert_eq!(sorted(&bench, ["start_time".into()]), "10 \u{fffd} \u{1f600} 9 A");
    assert_eq!(sorted(&bench, [Order::sort_key("start_time", true)]), "A 10 \u{fffd} \u{1f600} 9");
}

#[test]
fn keys_that_nothing_is_sorted_by_are_refused() {
    let bench = Bench::new();
    let read = bench.store.read();
    let run = |key: &str| read.runs().find(Filter::all()).unwrap().order_by(key).page(0, 0);
    for key in [
        "date_updated",
        "date_created",
        "name",
        "attributes.k",
        "metrics.k",
        "hyperparameters.k",
        "start_time",
        "end_time",
        "description",
        "owner",
        "id",
        "experiment_id",
        "project_id",
        "parent_id",
        "job_id",
        "code_version",
        "status",
    ] {
        assert!(run(key).is_ok(), "{key}");
    }
    for key in [
        "tags",
        "features",
        "observations.attribute.k",
        "artifacts.k",
        "datasets.k",
        "experiment.name",
        "metrics",
        "attributes.",
        "nothing",
        "",
        "--name",
        "readme",
        "artifacts.linked_artifact_id",
    ] {
        assert_eq!(kind(run(key)), ErrorKind::InvalidArgument, "{key}");
    }
    let projects = |key: &str| read.projects().find(Filter::all()).unwrap().order_by(key).count();
    // ModelDB accepts metrics of projects, and never finds one.
    for key in ["name", "attributes.k", "metrics.m", "short_name"] {
        assert_eq!(projects(key).unwrap(), 1, "{key}");
    }
    assert_eq!(kind(projects("hyperparameters.k")), ErrorKind::InvalidArgument);
    assert_eq!(kind(projects("start_time")), ErrorKind::InvalidArgument);
}
