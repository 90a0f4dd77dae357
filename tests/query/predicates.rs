//! ModelDB's rules of operators and operands, one by one, through searches.

use std::collections::BTreeMap;

use modeldb::Operator::{Contain, Eq, Gt, Gte, In, Lt, Lte, Ne, NotContain, NotIn};
use modeldb::{EntityKind, ErrorKind, Filter, NewExperiment, NewProject, NewRun, Operator, Predicate, Value};

use super::{Bench, START, kind, list};

const INVALID: ErrorKind = ErrorKind::InvalidArgument;

#[test]
fn numbers_compare_by_value_and_meet_strings_that_read_as_numbers() {
    let bench = Bench::with([
        NewRun::named("int").attribute("k", 5),
        NewRun::named("float").attribute("k", 5.0),
        NewRun::named("text").attribute("k", "5"),
        NewRun::named("padded").attribute("k", " +05.0e0 "),
        NewRun::named("word").attribute("k", "five"),
        NewRun::named("infinite").attribute("k", "inf"),
        NewRun::named("hex").attribute("k", "0x5"),
        NewRun::named("none"),
    ]);
    assert_eq!(bench.fulfilling("attributes.k", Eq, 5), "float int padded text");
    assert_eq!(bench.fulfilling("attributes.k", Eq, 5.0), "float int padded text");
    // A non-numeric value never matches a number, except through the complement.
    assert_eq!(bench.fulfilling("attributes.k", Lt, 1e300), "float int padded text");
    assert_eq!(bench.fulfilling("attributes.k", Gt, -1e300), "float int padded text");
    assert_eq!(bench.fulfilling("attributes.k", Ne, 5), "hex infinite none word");
    // A string is only a string: `== 5` and `== "5"` differ.
    assert_eq!(bench.fulfilling("attributes.k", Eq, "5"), "text");
}

#[test]
fn large_and_close_numbers_are_told_apart() {
    let bench = Bench::with([
        NewRun::named("big").metric("m", (1_i64 << 53) + 1),
        NewRun::named("near").metric("m", 9_007_199_254_740_992.0),
        NewRun::named("written").metric("m", "9007199254740993"),
        NewRun::named("tiny").metric("m", 1e-9),
        NewRun::named("zero").metric("m", -0.0),
    ]);
    assert_eq!(bench.fulfilling("metrics.m", Eq, (1_i64 << 53) + 1), "big written");
    assert_eq!(bench.fulfilling("metrics.m", Eq, 9_007_199_254_740_992.0), "near");
    assert_eq!(bench.fulfilling("metrics.m", Gt, 9_007_199_254_740_992.0), "big written");
    assert_eq!(bench.fulfilling("metrics.m", Lte, 0), "zero");
    assert_eq!(bench.fulfilling("metrics.m", Gt, 0), "big near tiny written");
    assert_eq!(bench.fulfilling("metrics.m", Eq, 0), "zero");
}

#[test]
fn strings_compare_plainly_and_by_code_point() {
    let bench = Bench::with([
        NewRun::named("a").metric("m", "apple").hyperparameter("h", "apple"),
        NewRun::named("b").metric("m", "Apple").hyperparameter("h", "\"apple\""),
        NewRun::named("c").metric("m", 1),
    ]);
    assert_eq!(bench.fulfilling("metrics.m", Eq, "apple"), "a");
    assert_eq!(bench.fulfilling("hyperparameters.h", Eq, "apple"), "a");
    assert_eq!(bench.fulfilling("metrics.m", Ne, "apple"), "b c");
    assert_eq!(bench.fulfilling("metrics.m", Lt, "apple"), "b");
    assert_eq!(bench.fulfilling("metrics.m", Gte, "Apple"), "a b");
    assert_eq!(bench.fulfilling("name", Gt, "a"), "b c");
    assert_eq!(bench.fulfilling("name", Lte, "b"), "a b");
}

#[test]
fn contain_is_literal_and_in_any_case() {
    let nested = Value::Map(BTreeMap::from([("Key".to_owned(), list([1, 2]))]));
    let bench = Bench::with([
        NewRun::named("percent").attribute("k", "100%_Sure"),
        NewRun::named("plain").attribute("k", "100 xSURE"),
        NewRun::named("greek").attribute("k", "\u{39f}\u{394}\u{39f}\u{3a3} \u{3a3}"),
        NewRun::named("nested").attribute("k", nested),
        NewRun::named("number").attribute("k", 100),
        NewRun::named("none"),
    ]);
    assert_eq!(bench.fulfilling("attributes.k", Contain, "sure"), "percent plain");
    assert_eq!(bench.fulfilling("attributes.k", Contain, "%_"), "percent");
    assert_eq!(bench.fulfilling("attributes.k", Contain, "0%S"), "");
    // A letter's lower case does not depend on where it stands.
    assert_eq!(bench.fulfilling("attributes.k", Contain, "\u{3a3}"), "greek");
    assert_eq!(bench.fulfilling("attributes.k", Contain, "\u{3c3} "), "greek");
    assert_eq!(bench.fulfilling("attributes.k", Contain, "{\"key\":[1,2]}"), "nested");
    // A number is looked for as text, and a stored number has none.
    assert_eq!(bench.fulfilling("attributes.k", Contain, 100.0), "percent plain");
    assert_eq!(bench.fulfilling("attributes.k", NotContain, "sure"), "greek nested none number");
    assert_eq!(bench.fulfilling("name", Contain, "E"), "greek nested none number percent");
    assert_eq!(bench.refuses("attributes.k", Contain, true), INVALID);
    assert_eq!(bench.refuses("date_created", Contain, "17"), INVALID);
}

#[test]
fn tags_and_features_are_sets() {
    let bench = Bench::with([
        NewRun::named("both").tag("x").tag("Xylo").feature("age"),
        NewRun::named("one").tag("y").feature("Page"),
        NewRun::named("none"),
    ]);
    assert_eq!(bench.fulfilling("tags", Eq, "x"), "both");
    assert_eq!(bench.fulfilling("tags", Ne, "x"), "none one");
    assert_eq!(bench.fulfilling("tags", Contain, "XY"), "both");
    assert_eq!(bench.fulfilling("tags", NotContain, "x"), "none one");
    assert_eq!(bench.fulfilling("tags", In, list(["y", "z"])), "one");
    assert_eq!(bench.fulfilling("tags", NotIn, list(["x", "z"])), "none one");
    assert_eq!(bench.fulfilling("tags", Gt, "x"), "one");
    assert_eq!(bench.fulfilling("features.name", Eq, "age"), "both");
    assert_eq!(bench.fulfilling("features", Contain, "AGE"), "both one");
}

#[test]
fn in_takes_a_list_for_every_key() {
    let bench = Bench::with([
        NewRun::named("a").metric("m", 1).hyperparameter("h", "x"),
        NewRun::named("b").metric("m", "1").hyperparameter("h", true),
        NewRun::named("c").metric("m", f64::NAN),
    ]);
    let mixed = || Value::List(vec![1.into(), "x".into(), true.into(), Value::Null, list([1])]);
    assert_eq!(bench.fulfilling("metrics.m", In, mixed()), "a b");
    assert_eq!(bench.fulfilling("hyperparameters.h", In, mixed()), "a b");
    assert_eq!(bench.fulfilling("metrics.m", NotIn, mixed()), "c");
    assert_eq!(bench.fulfilling("name", In, list(["a", "c"])), "a c");
    assert_eq!(bench.fulfilling("name", NotIn, list(["a", "c"])), "b");
    assert_eq!(bench.fulfilling("name", In, "a"), "a", "one operand is a list of one");
    let empty = || Value::List(Vec::new());
    assert_eq!(bench.fulfilling("metrics.m", In, empty()), "");
    assert_eq!(bench.fulfilling("metrics.m", NotIn, empty()), "a b c");
    assert_eq!(bench.refuses("metrics.m", In, Value::List(vec![Value::Null])), INVALID);
    assert_eq!(bench.refuses("name", In, Value::List(vec![true.into()])), INVALID);
    assert_eq!(bench.refuses("metrics.m", In, list([""])), INVALID);
    for operator in [Eq, Ne, Gt, Gte, Lt, Lte, Contain, NotContain] {
        assert_eq!(bench.refuses("metrics.m", operator, list([1])), INVALID, "{operator:?}");
    }
}

#[test]
fn truth_values_are_equal_or_not() {
    let bench = Bench::with([
        NewRun::named("yes").attribute("k", true),
        NewRun::named("no").attribute("k", false),
        NewRun::named("text").attribute("k", "true"),
    ]);
    assert_eq!(bench.fulfilling("attributes.k", Eq, true), "yes");
    assert_eq!(bench.fulfilling("attributes.k", Ne, true), "no text");
    assert_eq!(bench.refuses("attributes.k", Gt, true), INVALID);
    assert_eq!(bench.refuses("name", Eq, true), INVALID);
    assert_eq!(bench.refuses("tags", Eq, true), INVALID);
    assert_eq!(bench.refuses("date_created", Eq, true), INVALID);
}

#[test]
fn operands_that_nothing_compares_with_are_refused() {
    let bench = Bench::new();
    for operator in (0..10).map(|number| Operator::from_number(number).unwrap()) {
        for key in ["tags", "attributes.k", "metrics.m", "name", "artifacts.a"] {
            assert_eq!(bench.refuses(key, operator, Value::Null), ErrorKind::Unimplemented, "{key} {operator:?}");
            let refused = bench.refuses(key, operator, Value::Map(BTreeMap::new()));
            assert_eq!(refused, ErrorKind::Unimplemented, "{key} {operator:?}");
            assert_eq!(bench.refuses(key, operator, ""), INVALID, "{key} {operator:?}");
        }
    }
    assert_eq!(Operator::from_number(10), None);
    assert_eq!(bench.refuses("metrics.m", Eq, f64::NAN), INVALID);
}

#[test]
fn dates_are_numbers_or_digits() {
    let bench = Bench::with([NewRun::named("a"), NewRun::named("b")]);
    let second = START + 2000;
    for value in [Value::from(second), Value::from(second as f64), Value::from(second.to_string())] {
        assert_eq!(bench.fulfilling("date_created", Eq, value.clone()), "b");
        assert_eq!(bench.fulfilling("date_updated", Lt, value.clone()), "a");
        assert_eq!(bench.fulfilling("date_created", Ne, value), "a");
    }
    assert_eq!(bench.fulfilling("date_created", In, list([second.to_string()])), "b");
    for text in ["2026-11-23", "-5", "1.5", "12345678901234567890", " 5"] {
        assert_eq!(bench.refuses("date_created", Gt, text), INVALID, "{text}");
    }
    // Start and end honour every operator; what is unset is missing.
    let run = bench.run(NewRun::named("c").start_time(modeldb::Timestamp::from_millis(5)));
    bench.write(|w| w.runs().end(&run, modeldb::Timestamp::from_millis(9)));
    assert_eq!(bench.fulfilling("end_time", Gt, "8"), "c");
    assert_eq!(bench.fulfilling("end_time", Lt, 9), "");
    assert_eq!(bench.fulfilling("start_time", Ne, 5), "a b");
}

#[test]
fn everything_after_the_first_dot_is_the_key() {
    let bench = Bench::with([
        NewRun::named("dotted").metric("a.b", 1).attribute("\u{1f600} x", 1),
        NewRun::named("short").metric("a", 1).metric("b", 1),
    ]);
    assert_eq!(bench.fulfilling("metrics.a.b", Eq, 1), "dotted");
    assert_eq!(bench.fulfilling("metrics.a", Eq, 1), "short");
    assert_eq!(bench.fulfilling("attributes.\u{1f600} x", Eq, 1), "dotted");
    for key in ["", "metrics", "metrics.", "attributes", "tags.x", "observations.attribute", "observations.k"] {
        assert_eq!(bench.refuses(key, Eq, 1), INVALID, "{key}");
    }
}

/// For each kind the keys that are searched; all others are refused.
#[test]
fn each_kind_has_its_keys() {
    let everywhere = [
        "id",
        "name",
        "description",
        "date_created",
        "date_updated",
        "owner",
        "attributes.k",
        "artifacts.k",
        "artifacts.linked_artifact_id",
        "tags",
    ];
    let of_runs = [
        "experiment_id",
        "experiment.name",
        "start_time",
        "end_time",
        "metrics.k",
        "hyperparameters.k",
        "observations.attribute.k",
        "datasets.k",
        "datasets.linked_artifact_id",
        "features",
        "features.name",
        "versioned_inputs.repository_id",
        "versioned_inputs.commit",
        "versioned_inputs.versioning_location",
        "code_version",
        "parent_id",
        "job_id",
    ];
    let of_none = [
        "workspace",
        "workspace_id",
        "workspace_name",
        "workspace_type",
        "deleted",
        "version_number",
        "short_name",
        "readme",
        "status",
        "metric.k",
        "params.k",
        "tag",
        "Name",
        "code_version_snapshot",
        "environment",
        "row",
        " name",
    ];
    let check = |kind, key: &str, expected: bool| {
        let result = Predicate::new(key, Eq, "5").to_filter(kind);
        assert_eq!(result.is_ok(), expected, "{key} of a {kind}: {result:?}");
        if let Err(error) = result {
            assert_eq!(error.kind(), INVALID);
            assert!(error.message().contains(key), "{error}");
        }
    };
    for kind in [EntityKind::Project, EntityKind::Experiment, EntityKind::Run] {
        everywhere.iter().for_each(|key| check(kind, key, true));
        of_runs.iter().for_each(|key| check(kind, key, kind == EntityKind::Run));
        of_none.iter().for_each(|key| check(kind, key, false));
        check(kind, "project_id", kind != EntityKind::Project);
        check(kind, "visibility", kind == EntityKind::Project);
    }
    // A project's id is looked up only.
    let ids = |operator| Predicate::new("id", operator, "x").to_filter(EntityKind::Project).is_ok();
    assert_eq!([Eq, In, NotIn].map(ids), [true; 3]);
    assert_eq!([Ne, Gt, Contain, NotContain].map(ids), [false; 4]);
    let hint = Predicate::new("metric.k", Eq, 1).to_filter(EntityKind::Run).unwrap_err();
    assert!(hint.message().contains("did you mean metrics.k?"), "{hint}");
}

#[test]
fn keys_of_ownership_honour_their_operators() {
    let bench = Bench::with([NewRun::named("mine"), NewRun::named("hers").owner("alice")]);
    let other = bench.write(|w| {
        let project = w.projects().create(NewProject::named("beer"))?;
        let experiment = w.experiments().create(&project, NewExperiment::named("Lager"))?;
        w.runs().create(&experiment, NewRun::named("elsewhere").owner("bob"))
    });
    let other = bench.store.read().runs().get(&other).unwrap();
    let project = bench.project.as_str();
    assert_eq!(bench.fulfilling("project_id", Eq, project), "hers mine");
    assert_eq!(bench.fulfilling("project_id", Ne, project), "elsewhere");
    assert_eq!(bench.fulfilling("experiment_id", Eq, other.experiment_id.as_str()), "elsewhere");
    assert_eq!(bench.fulfilling("experiment_id", NotIn, list([other.experiment_id.as_str()])), "hers mine");
    assert_eq!(bench.fulfilling("experiment.name", Eq, "Lager"), "elsewhere");
    assert_eq!(bench.fulfilling("experiment.name", Contain, "FOR"), "hers mine");
    assert_eq!(bench.fulfilling("experiment.name", Ne, "Lager"), "hers mine");
    assert_eq!(bench.fulfilling("id", Eq, other.id.as_str()), "elsewhere");
    assert_eq!(bench.fulfilling("id", Ne, other.id.as_str()), "hers mine");
    assert_eq!(bench.fulfilling("owner", Eq, "alice"), "hers");
    assert_eq!(bench.fulfilling("owner", Contain, "B"), "elsewhere");
    assert_eq!(bench.fulfilling("owner", In, "alice, bob"), "elsewhere hers");
    assert_eq!(bench.fulfilling("owner", NotIn, "alice,bob"), "mine");
    // The experiment's name is as of the snapshot.
    bench.write(|w| w.experiments().rename(&other.experiment_id, "Pils"));
    assert_eq!(bench.fulfilling("experiment.name", Eq, "Lager"), "");
    let before = bench.store.read().as_of(modeldb::Sequence::new(bench.store.read().sequence().get() - 1)).unwrap();
    let found = before.runs().find(Filter::field("experiment.name").eq("Lager")).unwrap();
    assert_eq!(found.count().unwrap(), 1);
}

#[test]
fn projects_and_experiments_are_searched_as_well() {
    let bench = Bench::new();
    bench.write(|w| {
        let beer = NewProject::named("beer").readme_text("Hops").visibility(modeldb::Visibility::OrgDefault);
        let beer =
            w.projects().create(beer.attribute("k", 3).tag("x").artifact(modeldb::Artifact::new("a", "s3://b")))?;
        w.experiments().create(&beer, NewExperiment::named("lager").description("cold").attribute("k", "3"))
    });
    let read = bench.store.read();
    let projects = |predicate| {
        let found = read.projects().find(Filter::all()).unwrap().predicate(predicate).order_by("name");
        found.page(0, 0).unwrap().items.into_iter().map(|project| project.name).collect::<Vec<_>>()
    };
    assert_eq!(projects(Predicate::new("attributes.k", Gte, 3)), ["beer"]);
    assert_eq!(projects(Predicate::new("tags", Ne, "x")), ["wine"]);
    assert_eq!(projects(Predicate::new("visibility", Eq, "ORG_DEFAULT")), ["beer"]);
    assert_eq!(projects(Predicate::new("visibility", Ne, "ORG_DEFAULT")), ["wine"]);
    assert_eq!(projects(Predicate::new("artifacts.a", Contain, "S3")), ["beer"]);
    assert_eq!(projects(Predicate::new("id", Eq, bench.project.as_str())), ["wine"]);
    assert_eq!(projects(Predicate::new("description", Ne, "x")), ["beer", "wine"]);
    let experiments = |filter| {
        let found = read.experiments().find(filter).unwrap().order_by("name");
        found.page(0, 0).unwrap().items.into_iter().map(|experiment| experiment.name).collect::<Vec<_>>()
    };
    assert_eq!(experiments(Filter::attribute("k").eq(3)), ["lager"]);
    assert_eq!(experiments(Filter::field("description").ne("x")), ["lager"], "an empty text is missing");
    assert_eq!(experiments(!Filter::field("description").eq("x")), ["forest", "lager"]);
    assert_eq!(experiments(Filter::field("project_id").eq(bench.project.as_str())), ["forest"]);
    assert_eq!(read.projects().find(Filter::field("readme").contains("hop")).unwrap().count().unwrap(), 1);
    assert_eq!(read.projects().find(Filter::field("short_name").eq("beer")).unwrap().count().unwrap(), 1);
    for refused in [
        read.projects().find(Filter::metric("m").gt(1)).map(drop),
        read.experiments().find(Filter::metric("m").gt(1)).map(drop),
        read.projects().find(Filter::field("observations.attribute.k").gt(1)).map(drop),
        read.runs().find(Filter::field("readme").eq("x")).map(drop),
    ] {
        assert_eq!(kind(refused), INVALID);
    }
}

#[test]
fn what_is_asked_of_whole_series_is_no_name_of_the_protocol() {
    let of = Predicate::new("min(observations.loss)", Lt, 1.0).to_filter(EntityKind::Run);
    assert_eq!(kind(of), INVALID);
}
