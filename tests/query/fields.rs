//! Fields of records made by hand, with what a store does not log as yet: versions of datasets and versioned
//! inputs; and with observations.

use modeldb::Operator::{Contain, Eq, In, Ne, NotContain};
use modeldb::{
    Artifact, Entity, EntityKind, Filter, Location, Operator, Predicate, QueryField, Statistic, Subject, Value,
    VersionedInputs,
};

use super::language::{self, Observed};
use super::list;

fn fulfils(run: &Observed, key: &str, operator: Operator, value: impl Into<Value>) -> bool {
    let filter = Predicate::new(key, operator, value).to_filter(EntityKind::Run).unwrap();
    run.fulfils(&filter)
}

fn matches(run: &Observed, filter: Filter) -> bool {
    filter.check(EntityKind::Run).unwrap();
    run.fulfils(&filter)
}

fn observe(run: &mut Observed, key: &str, value: impl Into<Value>) {
    language::observe(run, key, [value]);
}

#[test]
fn names_are_read_back() {
    for key in ["loss", "attribute.loss", "attribute.attribute.", "a b", ""] {
        for field in [
            QueryField::Observation(key.to_owned()),
            QueryField::Series(Statistic::Min, key.to_owned()),
            QueryField::Series(Statistic::Last, key.to_owned()),
            QueryField::Metric(key.to_owned()),
            QueryField::Attribute(key.to_owned()),
        ] {
            assert_eq!(QueryField::from(field.to_string()), field, "{field}");
        }
    }
}

#[test]
fn artifacts_and_datasets_by_key_are_their_paths() {
    let mut run = language::run("");
    run.artifacts = vec![Artifact::new("model", "s3://Bucket/m"), Artifact::new("bare", "").linked_artifact_id("v1")];
    run.datasets = vec![Artifact::new("train", "/data").linked_artifact_id("v2"), Artifact::new("test", "/t")];
    assert!(fulfils(&run, "artifacts.model", Eq, "s3://Bucket/m"));
    assert!(fulfils(&run, "artifacts.model", Contain, "bucket"));
    assert!(!fulfils(&run, "artifacts.train", Contain, "data"));
    assert!(fulfils(&run, "datasets.train", Eq, "/data"));
    assert!(fulfils(&run, "datasets.model", Ne, "/data"), "it lacks the key");
    assert!(!matches(&run, Filter::field("datasets.model").ne("/data")));
    assert!(matches(&run, Filter::field("artifacts.bare").is_null()), "an empty path is missing");
    // The links of each container apart; entries without a link are none.
    assert!(fulfils(&run, "artifacts.linked_artifact_id", Eq, "v1"));
    assert!(!fulfils(&run, "artifacts.linked_artifact_id", Eq, "v2"));
    assert!(fulfils(&run, "datasets.linked_artifact_id", In, list(["v2", "v3"])));
    assert!(fulfils(&run, "datasets.linked_artifact_id", Ne, "v1"));
    assert!(!fulfils(&run, "datasets.linked_artifact_id", Ne, "v2"));
    assert!(!matches(&run, Filter::field("datasets.linked_artifact_id").lt("v")));
}

#[test]
fn one_observation_of_many_is_enough() {
    let mut run = language::run("");
    observe(&mut run, "loss", 3);
    observe(&mut run, "loss", f64::NAN);
    observe(&mut run, "loss", "low");
    observe(&mut run, "void", Value::Null);
    observe(&mut run, "broken", f64::NAN);
    let loss = || Filter::field("observations.attribute.loss");
    assert!(fulfils(&run, "observations.attribute.loss", Eq, 3.0));
    assert!(fulfils(&run, "observations.attribute.loss", Eq, "low"));
    assert!(!fulfils(&run, "observations.attribute.loss", Ne, 3));
    assert!(fulfils(&run, "observations.attribute.loss", Ne, 4));
    assert!(fulfils(&run, "observations.attribute.gain", Ne, 4), "it lacks the key");
    assert!(matches(&run, loss().ne(4)) && !matches(&run, loss().ne(3)));
    assert!(matches(&run, loss().is_nan()) && !matches(&run, loss().is_null()));
    let of = |key: &str| Filter::field(format!("observations.attribute.{key}"));
    assert!(matches(&run, of("void").is_null()) && matches(&run, of("gain").is_null()));
    for key in ["void", "gain", "broken"] {
        assert!(!matches(&run, of(key).ne(4)) && !matches(&run, of(key).not_in([4])), "{key}");
        assert!(matches(&run, !of(key).eq(4)), "{key}");
    }
    assert!(!matches(&run, of("broken").is_null()));
}

#[test]
fn jobs_parents_code_and_versioned_inputs() {
    let mut run = language::run("");
    for key in ["job_id", "parent_id", "code_version", "versioned_inputs.commit"] {
        assert!(matches(&run, Filter::field(key).is_null()), "{key}");
        assert!(fulfils(&run, key, Ne, "x"), "{key}");
    }
    run.job_id = "job-1".to_owned();
    run.parent_id = Some("p".parse().unwrap());
    run.code_version = "v1.2".to_owned();
    let inputs = VersionedInputs::new(7, "abc").key("k", Location::new(["data", "train.csv"]));
    run.versioned_inputs = Some(inputs.key("l", Location::new(["config"])));
    assert!(fulfils(&run, "job_id", Eq, "job-1") && fulfils(&run, "job_id", Contain, "JOB"));
    assert!(fulfils(&run, "parent_id", Eq, "p"));
    assert!(fulfils(&run, "code_version", Eq, "v1.2"));
    assert!(fulfils(&run, "versioned_inputs.repository_id", Eq, 7));
    assert!(fulfils(&run, "versioned_inputs.repository_id", Eq, "7"));
    assert!(fulfils(&run, "versioned_inputs.commit", Eq, "abc"));
    assert!(fulfils(&run, "versioned_inputs.versioning_location", Eq, "data/train.csv"));
    assert!(fulfils(&run, "versioned_inputs.versioning_location", Contain, "CONFIG"));
    assert!(fulfils(&run, "versioned_inputs.versioning_location", NotContain, "test"));
}

#[test]
fn the_experiments_name_comes_from_the_caller() {
    let entity = Entity::Run(modeldb::Run::default());
    let filter = Filter::field("experiment.name").eq("forest");
    assert!(!filter.matches(&entity));
    assert!(filter.matches(Subject::new(&entity).experiment_name("forest")));
}
