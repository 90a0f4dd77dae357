//! What operators mean of values, missing ones, nulls and NaN: the language's own rules.

use modeldb::{EntityKind, ErrorKind, Filter, NewRun, QueryField, Value, limits};

use super::{Bench, kind, list};

const INVALID: ErrorKind = ErrorKind::InvalidArgument;

fn bench() -> Bench {
    Bench::with([
        NewRun::named("five").attribute("k", 5),
        NewRun::named("nan").attribute("k", f64::NAN),
        NewRun::named("null").attribute("k", Value::Null),
        NewRun::named("text").attribute("k", "Abc"),
        NewRun::named("true").attribute("k", true),
        NewRun::named("list").attribute("k", list([5])),
        NewRun::named("gone"),
    ])
}

#[test]
fn nan_null_and_missing_match_no_comparison() {
    let (bench, k) = (bench(), || Filter::attribute("k"));
    assert_eq!(bench.matching(k().ne(5)), "list text true");
    assert_eq!(bench.matching(k().not_in([5])), "list text true");
    assert_eq!(bench.matching(k().not_contains("b")), "five list true");
    assert_eq!(bench.matching(k().not_between(6, 7)), "five list text true");
    assert_eq!(bench.matching(k().not_between(5, 5)), "list text true");
    for positive in [k().eq(5), k().lt(6), k().le(5), k().gt(4), k().ge(5), k().is_in([5]), k().between(5, 6)] {
        assert_eq!(bench.matching(positive.clone()), "five");
        // `not` is the complement, and matches them.
        assert_eq!(bench.matching(!positive), "gone list nan null text true");
    }
    assert_eq!(bench.matching(k().contains("B")), "text");
    assert_eq!(bench.matching(k().contains("[5]")), "list");
    assert_eq!(bench.matching(k().is_null()), "gone null");
    assert_eq!(bench.matching(k().is_not_null()), "five list nan text true");
    assert_eq!(bench.matching(k().is_nan()), "nan");
    assert_eq!(bench.matching(!k().is_nan()), "five gone list null text true");
}

#[test]
fn a_set_is_never_missing() {
    let bench = Bench::with([NewRun::named("some").tag("a").tag("b"), NewRun::named("none")]);
    let tags = || Filter::field("tags");
    assert_eq!(bench.matching(Filter::tag("a")), "some");
    assert_eq!(bench.matching(tags().ne("c")), "none some");
    assert_eq!(bench.matching(tags().ne("a")), "none");
    // Membership, not a part; and a tag keeps its case.
    assert_eq!(bench.matching(tags().contains("A")), "");
    assert_eq!(bench.matching(tags().has_substring("A")), "some");
    assert_eq!(bench.matching(tags().not_contains("b")), "none");
    assert_eq!(bench.matching(tags().not_in(["c", "b"])), "none");
    assert_eq!(bench.matching(tags().is_null()), "");
    assert_eq!(bench.matching(tags().between("aa", "c")), "some");
    assert_eq!(bench.matching(tags().not_between("aa", "c")), "none");
}

#[test]
fn conditions_combine() {
    let (bench, k) = (bench(), || Filter::attribute("k"));
    assert_eq!(bench.matching(Filter::all()), "five gone list nan null text true");
    assert_eq!(bench.matching(!Filter::all()), "");
    assert_eq!(bench.matching(Filter::Or(Vec::new())), "");
    assert_eq!(bench.matching(k().eq(5).or(k().eq("Abc")).or(k().is_nan())), "five nan text");
    assert_eq!(bench.matching(k().eq(5).or(k().eq("Abc")).and(!Filter::field("name").eq("text"))), "five");
    assert_eq!(bench.matching(Filter::field("name").eq("gone").and(k().is_null())), "gone");
    assert_eq!(!!k().eq(5), k().eq(5));
}

#[test]
fn what_makes_no_sense_is_refused_by_name() {
    let k = || Filter::attribute("k");
    let refused = |filter: Filter| {
        let error = filter.check(EntityKind::Run).unwrap_err();
        assert_eq!(error.kind(), INVALID, "{error}");
        error.message().to_owned()
    };
    for filter in [
        k().eq(Value::Null),
        k().eq(f64::NAN),
        k().gt(list([1])),
        k().lt(true),
        k().between(1, "2"),
        k().between(false, true),
        k().is_in([Value::Null]),
        Filter::field("name").eq(true),
        Filter::field("date_created").gt("5"),
        Filter::field("date_created").contains("5"),
        Filter::metric("").gt(5),
        Filter::field("metrics").gt(5),
    ] {
        refused(filter);
    }
    assert!(refused(Filter::field("acuracy").gt(5)).contains("\"acuracy\""));
    assert!(refused(Filter::field("metrcs.a.b").gt(5)).contains("did you mean metrics.a.b?"));
    assert!(refused(!Filter::all().and(Filter::field("dat_created").gt(5))).contains("did you mean date_created?"));
    assert!(!refused(Filter::field("x").gt(5)).contains("did you mean"));
    // On projects, by name as well.
    let error = Filter::metric("m").gt(5).check(EntityKind::Project).unwrap_err();
    assert!(error.kind() == INVALID && error.message().contains("metrics.m"), "{error}");
    assert!(Filter::field("date_created").gt(modeldb::Timestamp::from_millis(5)).check(EntityKind::Run).is_ok());
}

#[test]
fn a_filter_has_limits() {
    let bench = Bench::new();
    let read = bench.store.read();
    let mut deep = Filter::attribute("k").eq(1);
    for depth in 1..limits::FILTER_DEPTH {
        deep = if depth % 2 == 0 { deep.and(Filter::tag("x")) } else { deep.or(Filter::tag("x")) };
    }
    assert!(read.runs().find(deep.clone()).is_ok());
    assert_eq!(
        kind(read.runs().find(deep.or(Filter::tag("x")).and(Filter::tag("x"))).map(drop)),
        ErrorKind::LimitExceeded
    );
    // The list is one level above its terms.
    let many = |count: usize| Filter::attribute("k").is_in(0..count as i64);
    assert!(read.runs().find(many(limits::FILTER_TERMS)).is_ok());
    assert_eq!(kind(read.runs().find(many(limits::FILTER_TERMS + 1)).map(drop)), ErrorKind::LimitExceeded);
}

#[test]
fn fields_have_aliases() {
    for (alias, name) in [
        ("metric.a", "metrics.a"),
        ("params.a", "hyperparameters.a"),
        ("hyperparameter.a", "hyperparameters.a"),
        ("attrs.a", "attributes.a"),
        ("artifact.a", "artifacts.a"),
        ("dataset.a", "datasets.a"),
        ("observation.attribute.a", "observations.attribute.a"),
        ("tag", "tags"),
        ("features.name", "features"),
        ("readme_text", "readme"),
    ] {
        assert_eq!(QueryField::from(alias).to_string(), name);
    }
}
