//! What texts mean of records: patterns, words, and how NaN, null and missing behave.

use modeldb::{Filter, KeyValues, Value};

use super::{Observed, holds, named, parsed, run};
use crate::query::plain::is_like;
use crate::support::random::{PrintSeed, Random, seed};

fn with_attribute(value: impl Into<Value>) -> Observed {
    let mut run = run("r");
    run.attributes = KeyValues::from([("k", value.into())]);
    run
}

/// The table of the guide: five runs, and of which each condition holds.
#[test]
fn nan_null_and_missing() {
    let metric = |name: &str, value: Value| {
        let mut run = run(name);
        run.metrics = KeyValues::from([("a", value)]);
        run
    };
    let runs = [
        metric("one", 1.into()),
        metric("two", 2.5.into()),
        metric("nan", f64::NAN.into()),
        metric("null", Value::Null),
        run("missing"),
    ];
    for (text, expected) in [
        ("metrics.a = 1", "one"),
        ("metrics.a != 1", "two"),
        ("metrics.a <> 1.0", "two"),
        ("not metrics.a = 1", "two nan null missing"),
        ("not metrics.a != 1", "one nan null missing"),
        ("metrics.a < 100", "one two"),
        ("metrics.a >= 1", "one two"),
        ("not (metrics.a >= 1)", "nan null missing"),
        ("metrics.a < inf", "one two"),
        ("metrics.a in (1, 2.5)", "one two"),
        ("metrics.a in ()", ""),
        ("metrics.a not in (1)", "two"),
        ("metrics.a not in ()", "one two"),
        ("not metrics.a in (1)", "two nan null missing"),
        ("metrics.a between 1 and 2", "one"),
        ("metrics.a not between 1 and 2", "two"),
        ("metrics.a like '%'", ""),
        ("metrics.a not like 'x'", "one two"),
        ("metrics.a not contains 'x'", "one two"),
        ("metrics.a not rlike 'x'", "one two"),
        ("metrics.a is null", "null missing"),
        ("metrics.a is not null", "one two nan"),
        ("metrics.a is nan", "nan"),
        ("metrics.a is not nan", "one two null missing"),
        ("metrics.a = 1 or metrics.a is nan", "one nan"),
        ("true", "one two nan null missing"),
        ("false", ""),
        ("", "one two nan null missing"),
        ("metrics.a matches 'x'", ""),
        ("not metrics.a matches 'x'", "one two nan null missing"),
        ("tags != 'x'", "one two nan null missing"),
        ("tags not in ('x')", "one two nan null missing"),
        ("tags is null", ""),
        ("count(observations.a) = 0", "one two nan null missing"),
        ("min(observations.a) != 0", ""),
    ] {
        assert_eq!(named(&parsed(text), &runs), expected, "{text}");
    }
    for text in ["metrics.a = nan", "metrics.a in (1, nan)", "metrics.a between nan and 1"] {
        assert!(parsed(text).check(modeldb::EntityKind::Run).is_err(), "{text}");
    }
}

#[test]
fn what_like_and_its_kin_are_held_against() {
    let mut tagged = run("Deep Forest");
    tagged.tags = vec!["alpha".to_owned(), "beta".to_owned()];
    for (text, expected) in [
        ("name like 'Deep%'", true),
        ("name like 'deep%'", false),
        ("name ilike 'deep%'", true),
        ("name like 'Deep'", false),
        ("name like '%Forest'", true),
        ("name like 'Deep_Forest'", true),
        ("name like 'Deep\\_Forest'", false),
        ("name not like 'Deep%'", false),
        ("name rlike 'p F'", true),
        ("name rlike '^F'", false),
        ("name rlike '(?i)^deep\\\\s+forest$'", true),
        ("name rlike 'deep'", false),
        ("name not rlike 'deep'", true),
        // Some element of a set, or none.
        ("tags like 'al%'", true),
        ("tags like '%ph%'", true),
        ("tags like '%x%'", false),
        ("tags not like 'al%'", false),
        ("tags not like 'x%'", true),
        ("tags contains 'alph'", false),
        ("tags contains substring 'ALPH'", true),
        ("features not like '%'", true),
    ] {
        assert_eq!(holds(text, &tagged), expected, "{text}");
    }
    let list = with_attribute(vec![Value::from("a b"), 1.into()]);
    assert!(holds("attributes.k like '[\"a b\",1]'", &list));
    assert!(holds("attributes.k rlike 'a b.,1'", &list));
    assert!(holds("attributes.k matches 'B a'", &list));
    for number in [with_attribute(5), with_attribute(true)] {
        assert!(!holds("attributes.k like '%'", &number));
        assert!(holds("attributes.k not like '%'", &number));
        assert!(!holds("attributes.k matches '5'", &number));
    }
    for refused in [
        "date_created like '%'",
        "version_number rlike 'x'",
        "start_time matches 'x'",
        "text contains 'x'",
        "text = 'x'",
        "text is null",
        "text in ('x')",
        "text like 'x'",
        "name matches '-- !'",
        "name matches ''",
        "text between 'a' and 'b'",
    ] {
        assert!(parsed(refused).check(modeldb::EntityKind::Run).is_err(), "{refused}");
    }
}

#[test]
fn random_patterns_fit_what_the_definition_says() {
    let seed = seed(20_261_121);
    let _print = PrintSeed(seed);
    let mut random = Random::new(seed);
    let mut fitting = 0;
    for _ in 0..3_000 {
        let text: String = (0..random.below(7))
            .map(|_| *random.pick(&['a', 'B', '%', '_', '\\', '.', '\n', '\u{e9}', '\u{c9}', '\u{1f600}']))
            .collect();
        let mut pattern = String::new();
        for _ in 0..random.below(6) {
            match random.below(8) {
                0 | 1 => pattern.push('%'),
                2 => pattern.push('_'),
                3 => pattern.extend(['\\', *random.pick(&['%', '_', '\\', 'a', '.'])]),
                _ => pattern.push(*random.pick(&['a', 'b', 'B', '.', '\n', '\u{e9}', '\u{c9}', '\u{1f600}', '*', '['])),
            }
        }
        let chars = |text: &str| text.chars().collect::<Vec<char>>();
        let run = with_attribute(text.as_str());
        let field = || Filter::attribute("k");
        let of = |filter: Filter| run.fulfils(&filter);
        let expected = is_like(&chars(&text), &chars(&pattern));
        assert_eq!(of(field().like(pattern.as_str())), expected, "{text:?} like {pattern:?}");
        // Every letter here has one lower case.
        let any_case = is_like(&chars(&text.to_lowercase()), &chars(&pattern.to_lowercase()));
        assert_eq!(of(field().ilike(pattern.as_str())), any_case, "{text:?} ilike {pattern:?}");
        fitting += usize::from(expected);
    }
    assert!(fitting > 150, "{fitting}");
    assert_eq!(
        Filter::attribute("k").like("a\\").check(modeldb::EntityKind::Run).unwrap_err().kind(),
        modeldb::ErrorKind::InvalidArgument
    );
}

#[test]
fn words_of_fields_and_of_everything() {
    let mut run = run("ResNet-50 on ImageNet");
    run.description = "Stra\u{df}e, \u{c9}t\u{e9}! snake_case".to_owned();
    run.tags = vec!["base line".to_owned(), "v2.1".to_owned()];
    run.attributes = KeyValues::from([("note", Value::from("fine tuned")), ("number", 77.into())]);
    run.hyperparameters = KeyValues::from([("optimizer", "Adam")]);
    run.metrics = KeyValues::from([("comment", Value::from("diverged")), ("flag", true.into())]);
    for (text, expected) in [
        ("name matches 'resnet'", true),
        ("name matches 'RESNET 50'", true),
        ("name matches '50, resnet'", true),
        ("name matches 'res'", false),
        ("name matches 'resnet51'", false),
        ("name matches 'resnet 51'", false),
        ("description matches '\u{e9}T\u{e9} case'", true),
        ("description matches 'strasse'", false),
        ("tags matches 'line v2'", true),
        ("tags matches 'baseline'", false),
        ("attributes.note matches 'tuned fine'", true),
        ("attributes.number matches '77'", false),
        ("text matches 'resnet \u{e9}t\u{e9} line tuned ADAM diverged'", true),
        ("text matches '77'", false),
        ("text matches 'true'", false),
        ("text matches 'optimizer'", false),
        ("text matches 'missing'", false),
        ("not text matches 'missing'", true),
    ] {
        assert_eq!(holds(text, &run), expected, "{text}");
    }
}
