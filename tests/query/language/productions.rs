//! Each production of the grammar, in the words of the builder.

use modeldb::{Comparison, Filter, Pattern, PatternSyntax, QueryField, Statistic, Value};

use super::parsed;

type Keyed = fn(String) -> QueryField;

fn metric() -> QueryField {
    Filter::metric("a")
}

/// Each text is that filter.
fn are(cases: impl IntoIterator<Item = (&'static str, Filter)>) {
    for (text, filter) in cases {
        assert_eq!(parsed(text), filter, "{text}");
    }
}

#[test]
fn operators() {
    are([
        ("metrics.a = 1", metric().eq(1)),
        ("metrics.a == 1", metric().eq(1)),
        ("metrics.a != 1", metric().ne(1)),
        ("metrics.a <> 1", metric().ne(1)),
        ("metrics.a < 1", metric().lt(1)),
        ("metrics.a <= 1", metric().le(1)),
        ("metrics.a > 1", metric().gt(1)),
        ("metrics.a >= 1", metric().ge(1)),
        ("metrics.a>=1", metric().ge(1)),
        (" \t\n metrics.a\u{a0}>=\n1 ", metric().ge(1)),
    ]);
}

#[test]
fn lists_ranges_and_what_is_missing() {
    are([
        ("metrics.a in (1, 2.5,'x' ,true)", metric().is_in(vec![1.into(), 2.5.into(), "x".into(), Value::Bool(true)])),
        ("metrics.a NOT IN(1)", metric().not_in([1])),
        ("metrics.a in ()", metric().is_in(Vec::<i64>::new())),
        ("metrics.a between 1 and 2", metric().between(1, 2)),
        ("metrics.a not Between -1 AND 2e3", metric().not_between(-1, 2e3)),
        ("metrics.a is null", metric().is_null()),
        ("metrics.a IS NOT NULL", !metric().is_null()),
        ("metrics.a is nan", metric().is_nan()),
        ("metrics.a is not NaN", !metric().is_nan()),
    ]);
}

#[test]
fn texts() {
    let name = || QueryField::Name;
    let pattern =
        |syntax, text: &str, negated| Filter::Pattern { field: name(), pattern: Pattern::new(syntax, text), negated };
    are([
        ("name contains 'x'", name().contains("x")),
        ("name not contains \"x\"", name().not_contains("x")),
        ("name contains substring 'x'", name().has_substring("x")),
        ("tags contains 'x'", Filter::tag("x")),
        ("tags not contains 'x'", QueryField::Tags.ne("x")),
        ("tags contains substring 'x'", QueryField::Tags.has_substring("x")),
        (
            "tags not contains substring 'x'",
            Filter::Substring { field: QueryField::Tags, text: "x".to_owned(), negated: true },
        ),
        ("name like 'a%_\\%'", pattern(PatternSyntax::Like, "a%_\\%", false)),
        ("name like 'a\\\\%'", pattern(PatternSyntax::Like, "a\\%", false)),
        ("name not ilike 'a%'", pattern(PatternSyntax::LikeAnyCase, "a%", true)),
        ("name rlike '^a\\\\d'", pattern(PatternSyntax::Regex, "^a\\d", false)),
        ("name not rlike 'a'", pattern(PatternSyntax::Regex, "a", true)),
        ("name matches 'some words'", name().matches("some words")),
        ("text matches 'some words'", QueryField::Text.matches("some words")),
        ("not text matches 'w'", !QueryField::Text.matches("w")),
    ]);
}

#[test]
fn connectives_and_brackets() {
    let (a, b, c) = (|| metric().eq(1), || Filter::tag("b"), || QueryField::Name.eq("c"));
    are([
        ("metrics.a=1 and tags='b' and name='c'", Filter::And(vec![a(), b(), c()])),
        ("metrics.a=1 or tags='b' or name='c'", Filter::Or(vec![a(), b(), c()])),
        ("metrics.a=1 or tags='b' and name='c'", Filter::Or(vec![a(), Filter::And(vec![b(), c()])])),
        ("metrics.a=1 and tags='b' or name='c'", Filter::Or(vec![Filter::And(vec![a(), b()]), c()])),
        ("metrics.a=1 AND (tags='b' Or name='c')", Filter::And(vec![a(), Filter::Or(vec![b(), c()])])),
        ("(metrics.a=1)and(tags='b')", Filter::And(vec![a(), b()])),
        ("(((metrics.a=1)))", a()),
        ("not metrics.a=1 and tags='b'", Filter::And(vec![Filter::Not(Box::new(a())), b()])),
        ("not(metrics.a=1 and tags='b')", Filter::Not(Box::new(Filter::And(vec![a(), b()])))),
        ("not not metrics.a=1", Filter::Not(Box::new(Filter::Not(Box::new(a()))))),
        ("", Filter::all()),
        ("  \n ", Filter::all()),
        ("true", Filter::And(vec![])),
        ("not FALSE", Filter::Not(Box::new(Filter::Or(vec![])))),
        ("metrics.a=1 and true", Filter::And(vec![a(), Filter::And(vec![])])),
    ]);
}

#[test]
fn fields() {
    let keyed: [(&str, Keyed); 16] = [
        ("metrics", QueryField::Metric),
        ("metric", QueryField::Metric),
        ("hyperparameters", QueryField::Hyperparameter),
        ("hyperparameter", QueryField::Hyperparameter),
        ("params", QueryField::Hyperparameter),
        ("param", QueryField::Hyperparameter),
        ("attributes", QueryField::Attribute),
        ("attribute", QueryField::Attribute),
        ("attrs", QueryField::Attribute),
        ("attr", QueryField::Attribute),
        ("artifacts", QueryField::Artifact),
        ("artifact", QueryField::Artifact),
        ("datasets", QueryField::Dataset),
        ("dataset", QueryField::Dataset),
        ("observations.attribute", QueryField::Observation),
        ("observation", QueryField::Observation),
    ];
    // Written as it is, and as it is meant.
    let keys = [
        ("a", "a"),
        ("a.b.c", "a.b.c"),
        ("val-loss/epoch:1,2[3]{4}", "val-loss/epoch:1,2[3]{4}"),
        ("don't", "don't"),
        ("and", "and"),
        ("in", "in"),
        (".", "."),
        ("\u{1f600}", "\u{1f600}"),
        ("\"a b\"", "a b"),
        ("`a=b`", "a=b"),
        ("'(a)'", "(a)"),
        ("\"a\\\"b\\\\c\\n\\u{1f600}\"", "a\"b\\c\n\u{1f600}"),
        ("`a\\`b`", "a`b"),
        ("\"a`b'c\"", "a`b'c"),
        ("\"attribute.a\"", "attribute.a"),
        ("\"linked_artifact_id\"", "linked_artifact_id"),
    ];
    for (namespace, field) in keyed {
        for (written, key) in keys {
            let text = format!("{namespace}.{written} = 1");
            assert_eq!(parsed(&text), field(key.to_owned()).eq(1), "{text}");
        }
    }
    for name in [
        "tags",
        "features",
        "id",
        "name",
        "description",
        "date_created",
        "date_updated",
        "start_time",
        "end_time",
        "status",
        "owner",
        "version_number",
        "project_id",
        "experiment_id",
        "experiment.name",
        "parent_id",
        "job_id",
        "code_version",
        "visibility",
        "short_name",
        "readme",
        "versioned_inputs.repository_id",
        "versioned_inputs.commit",
        "versioned_inputs.versioning_location",
        "artifacts.linked_artifact_id",
        "datasets.linked_artifact_id",
    ] {
        assert_eq!(parsed(&format!("{name} is null")), Filter::field(name).is_null());
        assert!(!matches!(Filter::field(name), QueryField::Unknown(_)), "{name}");
    }
    assert_eq!(parsed("tag = 'x'"), Filter::tag("x"));
    assert_eq!(parsed("observations.attribute.attribute.x=1"), QueryField::Observation("attribute.x".into()).eq(1));
}

#[test]
fn values() {
    let cases: [(&str, Value); 31] = [
        ("0", 0.into()),
        ("-0", 0.into()),
        ("+7", 7.into()),
        ("007", 7.into()),
        ("9223372036854775807", i64::MAX.into()),
        ("-9223372036854775808", i64::MIN.into()),
        ("9223372036854775808", 9_223_372_036_854_775_808.0.into()),
        ("9007199254740993", 9_007_199_254_740_993_i64.into()),
        ("0.5", 0.5.into()),
        (".5", 0.5.into()),
        ("5.", 5.0.into()),
        ("-0.0", (-0.0).into()),
        ("1e3", 1000.0.into()),
        ("1.5E-3", 0.0015.into()),
        ("1e+3", 1000.0.into()),
        ("5e-324", 5e-324.into()),
        ("1e-400", 0.0.into()),
        ("inf", f64::INFINITY.into()),
        ("-INF", f64::NEG_INFINITY.into()),
        ("+Infinity", f64::INFINITY.into()),
        ("nan", f64::NAN.into()),
        ("true", true.into()),
        ("FALSE", false.into()),
        ("''", "".into()),
        ("\"\"", "".into()),
        ("'1'", "1".into()),
        ("'it\\'s \"so\"'", "it's \"so\"".into()),
        ("\"it's \\\"so\\\"\"", "it's \"so\"".into()),
        ("'\\\\ \\n \\r \\t \\0 \\u{e9} \\u{10ffff}'", "\\ \n \r \t \0 \u{e9} \u{10ffff}".into()),
        ("'and or (not)'", "and or (not)".into()),
        ("'2026-11-23'", "2026-11-23".into()),
    ];
    for (text, value) in cases {
        let text = format!("metrics.a = {text}");
        let compare = Filter::Compare { field: metric(), comparison: Comparison::Equal, value };
        assert_eq!(parsed(&text), compare, "{text}");
    }
}

#[test]
fn dates() {
    let day = 1_795_392_000_000_i64;
    are([
        ("date_created >= 2026-11-23", QueryField::DateCreated.ge(day)),
        ("date_updated < '2026-11-23'", QueryField::DateUpdated.lt(day)),
        ("start_time = 2026-11-23T01:00:00+01:00", QueryField::StartTime.eq(day)),
        ("end_time != \"2026-11-23 00:00:00.001Z\"", QueryField::EndTime.ne(day + 1)),
        (
            "start_time in (2026-11-23, 5, 5.5)",
            QueryField::StartTime.is_in(vec![day.into(), 5.into(), Value::from(5.5)]),
        ),
        ("start_time between 2026-11-23 and 2026-11-24", QueryField::StartTime.between(day, day + 86_400_000)),
        ("end_time > 1795392000000", QueryField::EndTime.gt(day)),
    ]);
}

#[test]
fn numbers_of_series() {
    for (name, statistic) in [
        ("min", Statistic::Min),
        ("MAX", Statistic::Max),
        ("first", Statistic::First),
        ("last", Statistic::Last),
        ("Mean", Statistic::Mean),
        ("count", Statistic::Count),
    ] {
        let series = |key: &str, comparison, value: Value| Filter::Compare {
            field: QueryField::Series(statistic, key.to_owned()),
            comparison,
            value,
        };
        are_series(&format!("{name}(observations.loss) < 0.5"), series("loss", Comparison::Less, 0.5.into()));
        are_series(
            &format!("{name} ( observations.attribute.\"a b\" )!=3"),
            series("a b", Comparison::NotEqual, 3.into()),
        );
    }
    // Without a bracket it is a field's name, and there is no such field.
    assert!(Filter::parse("min = 1").is_err());
}

fn are_series(text: &str, filter: Filter) {
    assert_eq!(parsed(text), filter, "{text}");
}

#[test]
fn every_door_reads_the_same() {
    let text = "metrics.a > 0.9 and tags contains 'baseline'";
    let filter = metric().gt(0.9).and(Filter::tag("baseline"));
    assert_eq!(Filter::parse(text).unwrap(), filter);
    assert_eq!(text.parse::<Filter>().unwrap(), filter);
    assert_eq!(Filter::try_from(text).unwrap(), filter);
    let bench = super::super::Bench::new();
    bench.run(modeldb::NewRun::named("good").metric("a", 0.95).tag("baseline"));
    bench.run(modeldb::NewRun::named("bad").metric("a", 0.85).tag("baseline"));
    let runs = bench.store.read();
    let runs = runs.runs();
    assert_eq!(runs.find(text).unwrap().count().unwrap(), 1);
    assert_eq!(runs.find(text.to_owned()).unwrap().count().unwrap(), 1);
    let owned = text.to_owned();
    assert_eq!(runs.find(&owned).unwrap().count().unwrap(), 1);
    assert_eq!(owned, text);
    assert_eq!(runs.find(&filter).unwrap().count().unwrap(), 1);
    assert_eq!(runs.find(filter).unwrap().count().unwrap(), 1);
    assert_eq!(runs.find("").unwrap().count().unwrap(), 2);
    let read = bench.store.read();
    assert_eq!(read.projects().find("name = 'wine'").unwrap().count().unwrap(), 1);
    assert_eq!(read.experiments().find("name like 'f%'").unwrap().count().unwrap(), 1);
    // What a kind has not is refused by the search.
    assert_eq!(
        super::super::kind(read.projects().find("metrics.a > 1").map(drop)),
        modeldb::ErrorKind::InvalidArgument
    );
}
