//! Texts that nobody writes in good faith: a typed error each, whatever the stack and the memory.

use modeldb::{EntityKind, ErrorKind, Filter, Predicate, limits};

fn refusal(text: &str) -> ErrorKind {
    Filter::parse(text).map(drop).unwrap_err().kind()
}

#[test]
fn deep_nesting_is_refused_by_a_limit() {
    for (open, close) in [("(", ")"), ("not ", ""), ("not (", ")"), ("true and (", ")"), ("true or (true and (", "))")]
    {
        for depth in [65, 200, 20_000] {
            // Brackets alone are no levels.
            if open == "(" && depth == 65 {
                continue;
            }
            let text = format!("{}name = 'x'{}", open.repeat(depth), close.repeat(depth));
            assert_eq!(refusal(&text), ErrorKind::LimitExceeded, "{open}");
            // Never closed, too.
            if depth > 65 {
                assert_eq!(refusal(&open.repeat(depth)), ErrorKind::LimitExceeded, "{open}");
            }
        }
    }
}

#[test]
fn the_deepest_filter_that_is_checked_is_written_and_read() {
    let mut filter = Filter::tag("x");
    for at in 1..limits::FILTER_DEPTH {
        filter = match at % 3 {
            0 => Filter::Not(Box::new(filter)),
            1 => Filter::And(vec![filter, Filter::all()]),
            _ => Filter::Not(Box::new(filter)),
        };
    }
    filter.check(EntityKind::Run).unwrap();
    assert_eq!(Filter::parse(&filter.to_string()).unwrap(), filter);
    let nots = (1..limits::FILTER_DEPTH).fold(Filter::tag("x"), |filter, _| Filter::Not(Box::new(filter)));
    assert_eq!(Filter::parse(&nots.to_string()).unwrap(), nots);
}

#[test]
fn long_lists_and_many_conditions() {
    // The list's values are its terms.
    let list = |count: usize| format!("metrics.a in ({})", vec!["1"; count].join(","));
    assert!(Filter::parse(&list(limits::FILTER_TERMS)).unwrap().check(EntityKind::Run).is_ok());
    assert_eq!(refusal(&list(limits::FILTER_TERMS + 1)), ErrorKind::LimitExceeded);
    assert_eq!(refusal(&list(1_000_000)), ErrorKind::LimitExceeded);
    // Below the limit of the text.
    let many = vec!["id=''"; limits::FILTER_TERMS + 1].join(" or ");
    assert!(many.len() < limits::QUERY_TEXT_BYTES);
    assert_eq!(refusal(&many), ErrorKind::LimitExceeded);
    let many = vec!["run_id=''"; limits::FILTER_TERMS + 1].join(" and ");
    assert_eq!(Filter::parse_mlflow(&many).unwrap_err().kind(), ErrorKind::LimitExceeded);
}

#[test]
fn long_texts() {
    let ten_mb = "x".repeat(10 << 20);
    for text in [ten_mb.clone(), format!("name = '{ten_mb}'"), " ".repeat(10 << 20), "(".repeat(10 << 20)] {
        assert_eq!(refusal(&text), ErrorKind::LimitExceeded);
        assert_eq!(Filter::parse_mlflow(&text).unwrap_err().kind(), ErrorKind::LimitExceeded);
        assert_eq!(Predicate::parse_client(&text).unwrap_err().kind(), ErrorKind::LimitExceeded);
    }
    // As long as is allowed: names and keys that are near to none, without comparing them letter by letter; and the
    // message does not repeat them.
    let long = "x".repeat(limits::QUERY_TEXT_BYTES - 100);
    for text in [
        long.clone(),
        format!("{long}.a = 1"),
        format!("metricz.{long} = 1"),
        format!("name {long}"),
        format!("name = {long}"),
        format!("name = '{long}"),
        format!("name = '\\u{{{long}}}'"),
        format!("metrics.a = 1 {long}"),
    ] {
        let error = Filter::parse(&text).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument);
        assert!(error.message().len() < 500, "{}", error.message().len());
    }
    let unknown = Filter::field(format!("metricz.{}", "x".repeat(10 << 20))).eq(1);
    assert_eq!(unknown.check(EntityKind::Run).unwrap_err().kind(), ErrorKind::InvalidArgument);
    assert!(Filter::parse(&format!("name = '{long}'")).is_ok());
    assert!(Filter::parse(&format!("metrics.{long} = 1")).is_ok());
}

#[test]
fn patterns_that_compile_to_too_much() {
    let huge = ["a{1000}{1000}", "(a{100}){100}{100}", "\\\\pL{5000}", "(?:\\\\w{50}){500}"];
    for pattern in huge {
        assert_eq!(refusal(&format!("name rlike '{pattern}'")), ErrorKind::LimitExceeded, "{pattern}");
    }
    let long = "a".repeat(500_000);
    assert_eq!(refusal(&format!("name rlike '{long}'")), ErrorKind::LimitExceeded);
    assert_eq!(refusal(&format!("name like '{long}'")), ErrorKind::LimitExceeded);
    assert_eq!(refusal(&format!("name like '{}'", "_".repeat(100_000))), ErrorKind::LimitExceeded);
    assert_eq!(refusal(&format!("name rlike '{}'", "(".repeat(50_000))), ErrorKind::InvalidArgument);
    assert!(Filter::parse(&format!("name like '{}'", "%".repeat(50_000))).is_ok());
    // Each is small, and all of them are not.
    let many = |count: usize| vec!["name rlike '\\\\pL{9}'"; count].join(" or ");
    assert!(Filter::parse(&many(limits::FILTER_PATTERNS)).unwrap().check(EntityKind::Run).is_ok());
    assert_eq!(refusal(&many(limits::FILTER_PATTERNS + 1)), ErrorKind::LimitExceeded);
    let many = vec!["run_name LIKE 'a%'"; limits::FILTER_PATTERNS + 1].join(" and ");
    assert_eq!(Filter::parse_mlflow(&many).unwrap_err().kind(), ErrorKind::LimitExceeded);
    let built = Filter::Or((0..=limits::FILTER_PATTERNS).map(|_| modeldb::QueryField::Name.like("a")).collect());
    assert_eq!(built.check(EntityKind::Run).unwrap_err().kind(), ErrorKind::LimitExceeded);
    // Of the builder, the same is found by the check.
    let filter = modeldb::QueryField::Name.rlike("a{1000}{1000}");
    assert_eq!(filter.check(EntityKind::Run).unwrap_err().kind(), ErrorKind::LimitExceeded);
    assert!(!super::named(&Filter::all(), &[super::run("x")]).is_empty());
    assert!(!super::run("aaa").fulfils(&filter));
}

#[test]
fn odd_characters() {
    for text in [
        "\0",
        "'",
        "\"",
        "`",
        "name = '",
        "name = \"",
        "name = `",
        "metrics.`",
        "metrics.\"a",
        "name = '\\",
        "name = '\\'",
        "name = '\\u",
        "name = '\\u{",
        "name = '\\u{}'",
        "name = '\\u{d800}'",
        "name = '\\u{1234567}'",
        "\\",
        "name\0= 1",
        "\u{feff}name = 'x'",
        "name \u{ff1d} 'x'",
        "=",
        "()",
        "(",
        ")",
        ",",
        "name = (",
        "name in",
        "name in (",
        "name in (1",
        "name in (1,",
        "name in (,",
        "name in (1,)",
        "not",
        "and",
        "or",
        "name and",
        "name =",
        "name = 1 and",
        "!",
        "~",
        "~=",
        "metrics.",
        "metrics",
        ".",
        ".a = 1",
        "..",
        "\u{1f600}",
        "name = \u{1f600}",
        "min(",
        "min()",
        "min(name)",
        "-",
        "name -",
    ] {
        assert_eq!(refusal(text), ErrorKind::InvalidArgument, "{text:?}");
        assert_eq!(Filter::parse_mlflow(text).unwrap_err().kind(), ErrorKind::InvalidArgument, "{text:?}");
        assert_eq!(Predicate::parse_client(text).unwrap_err().kind(), ErrorKind::InvalidArgument, "{text:?}");
    }
    // A NUL in quotes is a character like any other.
    assert_eq!(Filter::parse("name = '\0'").unwrap(), modeldb::QueryField::Name.eq("\0"));
}

/// Any cut and any change of a good text is a filter or an error.
#[test]
fn cuts_and_changes_of_good_texts() {
    let seed = crate::support::random::seed(20_261_125);
    let _print = crate::support::random::PrintSeed(seed);
    let mut random = crate::support::random::Random::new(seed);
    let good = [
        "metrics.\"a b\" >= -1.5e3 and (tags contains 'it\\'s' or not name ilike '%\\_x') and start_time < 2026-11-23T10:11:12Z",
        "min(observations.loss) != 3 or attributes.k not in (1, 'two', true) and text matches 'w' or name rlike '^a+$'",
        "params.`k` = 'x' AND attributes.run_name IN (\"a\", 'b') AND tags.t IS NOT NULL AND metric.m <= 3",
    ];
    let signs: Vec<char> = "'\"`\\()=<>!~.,%_ \n\0ae0-{}\u{e9}\u{1f600}".chars().collect();
    for _ in 0..20_000 {
        let mut chars: Vec<char> = random.pick(&good).chars().collect();
        for _ in 0..1 + random.below(3) {
            let at = random.below(chars.len());
            match random.below(4) {
                0 => chars.truncate(at),
                1 => drop((at < chars.len()).then(|| chars.remove(at))),
                2 => chars.insert(at, *random.pick(&signs)),
                _ => chars.iter_mut().skip(at).take(1).for_each(|char| *char = *random.pick(&signs)),
            }
        }
        let text: String = chars.into_iter().collect();
        for result in
            [Filter::parse(&text), Filter::parse_mlflow(&text), Filter::parse_client(EntityKind::Run, [&text])]
        {
            match result {
                Ok(filter) => assert_eq!(Filter::parse(&filter.to_string()).unwrap(), filter, "{text}"),
                Err(error) => assert!(!error.message().is_empty()),
            }
        }
    }
}
