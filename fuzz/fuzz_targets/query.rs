//! Filters as text, in each dialect: what is read is written as a text that reads as the same filter, and is asked of
//! a run without a panic.
#![no_main]

use modeldb::{Entity, EntityKind, Filter, KeyValues, Predicate, Run, Value};

fn subject() -> Entity {
    let mut run = Run::default();
    run.name = "some name".to_owned();
    run.tags = vec!["a".to_owned(), "b".to_owned()];
    run.metrics = KeyValues::from([("a", Value::from(1)), ("b", f64::NAN.into()), ("c", "2.5".into())]);
    Entity::Run(run)
}

fn check(filter: &Filter) {
    let written = filter.to_string();
    let again = Filter::parse(&written);
    assert!(again.as_ref().is_ok_and(|again| again == filter), "{written:?} does not come back: {again:?}");
    let subject = subject();
    if filter.check(EntityKind::Run).is_ok() {
        assert_ne!(filter.matches(&subject), (!filter.clone()).matches(&subject));
    }
}

libfuzzer_sys::fuzz_target!(|text: &str| {
    for filter in [Filter::parse(text), Filter::parse_mlflow(text), Filter::parse_client(EntityKind::Run, text.lines())]
    {
        match filter {
            // A list of many parts may become a text beyond the limit.
            Ok(filter) if text.len() < 10_000 => check(&filter),
            Ok(_) => {}
            Err(error) => assert!(!error.message().is_empty()),
        }
    }
    let _ = Predicate::parse_client(text);
});
