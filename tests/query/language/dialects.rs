//! MLflow's `filter_string` and the Python client's expressions: what they are here, and what they find.

use modeldb::{EntityKind, ErrorKind, Filter, KeyValues, Operator, Predicate, QueryField, Timestamp, Value};

use super::{Observed, named, run};

fn mlflow(text: &str) -> Filter {
    Filter::parse_mlflow(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn runs() -> Vec<Observed> {
    let mut small = run("small-1");
    small.metrics = KeyValues::from([("acc", 0.8), ("val acc", 0.7)]);
    small.hyperparameters = KeyValues::from([("depth", Value::from(6)), ("model", "cnn".into())]);
    small.attributes = KeyValues::from([("team", "vision")]);
    small.start_time = Some(Timestamp::from_millis(1000));
    small.owner = "alice".to_owned();
    let mut large = run("large-2");
    large.metrics = KeyValues::from([("acc", 0.95)]);
    // As an import from MLflow leaves it.
    large.hyperparameters = KeyValues::from([("depth", "12"), ("model", "CNN")]);
    large.attributes = KeyValues::from([("team", "speech"), ("it's", "so")]);
    large.start_time = Some(Timestamp::from_millis(2000));
    large.end_time = Some(Timestamp::from_millis(3000));
    let mut broken = run("broken-3");
    broken.metrics = KeyValues::from([("acc", f64::NAN)]);
    vec![small, large, broken]
}

#[test]
fn mlflow_finds_what_it_says() {
    let runs = runs();
    for (text, expected) in [
        ("", "small-1 large-2 broken-3"),
        ("metrics.acc > 0.9", "large-2"),
        ("metric.acc<=0.95 and metrics.acc!=0.8", "large-2"),
        ("metrics.acc != 0.8", "large-2"),
        ("metrics.\"val acc\" = 0.7", "small-1"),
        ("metrics.`val acc` = 0.7", "small-1"),
        ("params.model = 'cnn'", "small-1"),
        ("params.model != 'cnn'", "large-2"),
        ("params.model LIKE 'c%'", "small-1"),
        ("params.model ILIKE 'c%'", "small-1 large-2"),
        ("param.model in ('cnn', \"CNN\")", "small-1 large-2"),
        ("parameters.model NOT IN ('cnn')", "large-2"),
        // What was a number when it was logged is compared as it was written.
        ("params.depth = '6'", "small-1"),
        ("params.depth = \"12\"", "large-2"),
        ("params.depth != '6'", "large-2"),
        ("params.depth IN ('6', '12')", "small-1 large-2"),
        ("tags.team = 'vision'", "small-1"),
        ("tag.team != 'vision'", "large-2"),
        ("tags.\"it's\" = 'so'", "large-2"),
        ("tags.team IS NULL", "broken-3"),
        ("params.depth is not null and metrics.acc < 0.9", "small-1"),
        ("attributes.run_name = 'small-1'", "small-1"),
        ("run_name LIKE 'small%'", "small-1"),
        ("`run name` ILIKE 'LARGE%'", "large-2"),
        ("attribute.start_time >= 2000", "large-2"),
        ("attr.end_time > 0", "large-2"),
        ("run.user_id = 'alice'", "small-1"),
        ("end_time IS NULL", "small-1 broken-3"),
        ("Metrics.acc > 0.1", "error"),
    ] {
        let found = Filter::parse_mlflow(text).map_or("error".to_owned(), |filter| named(&filter, &runs));
        assert_eq!(found, expected, "{text}");
    }
}

#[test]
fn mlflow_in_our_words() {
    for (text, filter) in [
        ("metrics.m >= 1", Filter::metric("m").ge(1)),
        ("metrics.a.b/c-d = 1e-3", Filter::metric("a.b/c-d").eq(1e-3)),
        ("params.p = 'x'", Filter::hyperparameter("p").eq("x")),
        ("params.p = '0.1'", Filter::hyperparameter("p").is_in(vec![Value::from("0.1"), 0.1.into()])),
        ("params.p = 'nan'", Filter::hyperparameter("p").eq("nan")),
        ("tags.mlflow.source = 'a''b'", Filter::attribute("mlflow.source").eq("a'b")),
        ("tags.t = 'a\\'b\\n'", Filter::attribute("t").eq("a'b\\n")),
        ("tags.t LIKE '50\\%'", Filter::attribute("t").like("50\\%")),
        ("attributes.run_id IN ('a', 'b')", QueryField::Id.is_in(["a", "b"])),
        ("run_id = '6'", QueryField::Id.eq("6")),
        ("created < 5", QueryField::StartTime.lt(5)),
        ("tags.t IS NOT NULL", !Filter::attribute("t").is_null()),
        ("status = 'FINISHED'", QueryField::Status.eq("finished")),
        ("attributes.status != 'FAILED'", QueryField::Status.not_in(vec!["failed", "crashed"])),
        ("run.status IN ('RUNNING', 'KILLED')", QueryField::Status.is_in(vec!["running", "abandoned"])),
        ("status = 'SCHEDULED'", QueryField::Status.is_in(Vec::<String>::new())),
        ("status = 'finished'", QueryField::Status.is_in(Vec::<String>::new())),
        ("status LIKE 'F%'", QueryField::Status.is_in(vec!["finished", "failed", "crashed"])),
        ("status ILIKE 'kill__'", QueryField::Status.is_in(vec!["abandoned"])),
        ("status is null", QueryField::Status.is_null()),
        (
            "metrics.a = 1 AND metrics.b = 2 and metrics.c = 3",
            Filter::metric("a").eq(1).and(Filter::metric("b").eq(2)).and(Filter::metric("c").eq(3)),
        ),
    ] {
        assert_eq!(mlflow(text), filter, "{text}");
    }
}

#[test]
fn mlflow_refuses() {
    for (text, why) in [
        ("metrics.a = 1 or metrics.b = 2", "column 15: MLflow's filter_string knows no or"),
        ("(metrics.a = 1)", "column 1: expected metrics.<key>"),
        ("not metrics.a = 1", "column 1: expected metrics.<key>, params.<key>, tags.<key> or an attribute"),
        ("status = 1", "column 10: expected a text in quotes, found \"1\""),
        ("status > 'FAILED'", "column 10: MLflow compares texts with ="),
        ("attributes.artifact_uri = 'x'", "column 1: a run has no artifact_uri here"),
        ("datasets.name = 'x'", "column 1: MLflow's datasets"),
        ("metrics.a = '1'", "column 13: expected a number, found \"'1'\""),
        ("metrics.a = x", "column 13: expected a number, found \"x\""),
        ("metrics.a like 'x'", "column 11: metrics.a is a number"),
        ("metrics.a in (1)", "column 11: metrics.a is a number"),
        ("params.p = 1", "column 12: expected a text in quotes, found \"1\""),
        ("params.p > '1'", "column 12: MLflow compares texts with ="),
        ("params.p not like 'x'", "column 10: expected an operator"),
        ("params.p between 'a' and 'b'", "column 10: expected an operator"),
        ("params. = 'x'", "column 8: expected a key after params."),
        (
            "parms.p = 'x'",
            "column 1: expected metrics.<key>, params.<key>, tags.<key> or an attribute, as in run_name, found \"parms\" (did you mean params?)",
        ),
        (
            "run_nam = 'x'",
            "column 1: expected metrics.<key>, params.<key>, tags.<key> or an attribute, as in run_name, found \"run_nam\" (did you mean run_name?)",
        ),
        ("params.p = 'x", "column 12: the quote that is opened here is never closed"),
        ("params.p = 'x' 3", "column 16: expected and or the end, found \"3\""),
        ("params.p is true", "column 13: expected null or not null"),
    ] {
        let error = Filter::parse_mlflow(text).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument);
        assert!(error.message().starts_with(why), "{text}: {error}");
    }
}

#[test]
fn client_expressions_are_predicates() {
    let predicate = |text: &str| Predicate::parse_client(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    for (text, key, operator, value) in [
        ("metrics.accuracy > 0.9", "metrics.accuracy", Operator::Gt, Value::from(0.9)),
        ("metrics.accuracy >= .5", "metrics.accuracy", Operator::Gte, 0.5.into()),
        ("a < -1e3", "a", Operator::Lt, (-1000.0).into()),
        ("a <= inf", "a", Operator::Lte, f64::INFINITY.into()),
        ("  a   ==   5  ", "a", Operator::Eq, 5.into()),
        ("a == '5'", "a", Operator::Eq, "5".into()),
        ("a == \"5\"", "a", Operator::Eq, "5".into()),
        ("a == \"'5'\"", "a", Operator::Eq, "'5'".into()),
        ("a == 'x\"", "a", Operator::Eq, "'x\"".into()),
        ("a == '", "a", Operator::Eq, "'".into()),
        ("a == 1_000", "a", Operator::Eq, 1000.into()),
        ("a == 1__000", "a", Operator::Eq, "1__000".into()),
        ("a == 9007199254740993", "a", Operator::Eq, 9_007_199_254_740_993_i64.into()),
        ("tags != draft", "tags", Operator::Ne, "draft".into()),
        ("name ~= some words", "name", Operator::Contain, "some words".into()),
        ("name == a > b", "name", Operator::Eq, "a > b".into()),
        ("name > a == b", "name", Operator::Gt, "a == b".into()),
        ("attributes.a b == x", "attributes.a b", Operator::Eq, "x".into()),
        ("a == ''", "a", Operator::Eq, "".into()),
        ("a == ", "a", Operator::Eq, "".into()),
    ] {
        assert_eq!(predicate(text), Predicate::new(key, operator, value), "{text}");
    }
    for (text, column) in [("", 1), ("a", 2), ("a==5", 5), ("a = 5", 6), ("a =~ 5", 7), (" == 5", 1)] {
        let error = Predicate::parse_client(text).unwrap_err();
        assert!(error.message().starts_with(&format!("column {column}: expected")), "{text}: {error}");
    }
}

#[test]
fn client_expressions_find_what_the_client_expects() {
    let runs = runs();
    let client = |texts: &[&str]| Filter::parse_client(EntityKind::Run, texts).map(|filter| named(&filter, &runs));
    for (texts, expected) in [
        (&["metrics.acc > 0.7"][..], "small-1 large-2"),
        (&["metrics.acc > 0.7", "hyperparameters.model == CNN"], "large-2"),
        (&[], "small-1 large-2 broken-3"),
        // The complement: what lacks the key, or is NaN, as well.
        (&["metrics.acc != 0.8"], "large-2 broken-3"),
        (&["attributes.team != 'vision'"], "large-2 broken-3"),
        (&["tags != x"], "small-1 large-2 broken-3"),
        (&["name ~= LARGE"], "large-2"),
        // A number meets a text that reads as one; a text in quotes does not meet a number.
        (&["hyperparameters.depth == 12"], "large-2"),
        (&["hyperparameters.depth == 6"], "small-1"),
        (&["hyperparameters.depth == '12'"], "large-2"),
        (&["hyperparameters.depth == '6'"], ""),
    ] {
        assert_eq!(client(texts).unwrap(), expected, "{texts:?}");
    }
    for texts in [["nonsense == 1"], ["metrics. == 1"], ["metrics.acc == nan"], ["name == ''"], ["metrics.acc"]] {
        assert_eq!(client(&texts).unwrap_err().kind(), ErrorKind::InvalidArgument, "{texts:?}");
    }
    let error = Filter::parse_client(EntityKind::Project, ["metrics.acc > 1"]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
}
