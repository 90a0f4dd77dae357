//! Each error says where, what was expected, and what may have been meant.

use modeldb::{ErrorKind, Filter};

fn message(text: &str) -> String {
    let error = Filter::parse(text).map(|filter| panic!("{text}: {filter}")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{text}");
    error.message().to_owned()
}

#[test]
fn a_message_has_the_column_and_a_caret() {
    assert_eq!(
        message("metrics.accuracy >> 0.9"),
        "column 19: expected a value: a number, a 'text', a date, true or false, found \">\"
  metrics.accuracy >> 0.9
                    ^"
    );
    // Columns are characters, not bytes.
    assert_eq!(
        message("name = '\u{1f600}\u{e9}' nad tags = 'x'"),
        "column 13: expected and, or or the end, found \"nad\" (did you mean and?)
  name = '\u{1f600}\u{e9}' nad tags = 'x'
              ^"
    );
    assert_eq!(
        message("name = 'x'\n  and tags = y\n"),
        "line 2, column 14: expected a value: a number, a 'text', a date, true or false (texts stand in quotes), found \"y\"
    and tags = y
               ^"
    );
    assert_eq!(
        message("name ="),
        "column 7: expected a value: a number, a 'text', a date, true or false, the text ends\n  name =\n        ^"
    );
    // Of a long line, what is near.
    let long = format!("{} oops {}", vec!["id = 'a'"; 20].join(" or "), "x ".repeat(100));
    let shown = message(&long);
    let mut lines = shown.lines();
    assert!(lines.next().unwrap().starts_with("column 238: expected and, or or the end, found \"oops\""), "{shown}");
    let (line, caret) = (lines.next().unwrap(), lines.next().unwrap());
    assert!(line.starts_with("  ...") && line.ends_with("...") && line.len() < 100, "{shown}");
    assert_eq!(line.find("oops"), caret.find('^'), "{shown}");
    assert_eq!(lines.next(), None);
    // Tabs and control characters do not move the caret.
    assert!(
        message("\tname\t\u{7}= 'x'").ends_with("\n   name  = 'x'\n        ^"),
        "{}",
        message("\tname\t\u{7}= 'x'")
    );
}

#[test]
fn each_place_has_its_own() {
    for (text, expected) in [
        ("> 1", "column 1: expected a field, as in metrics.accuracy or name, found \">\""),
        ("not", "column 4: expected a field, as in metrics.accuracy or name, the text ends"),
        ("name = 'x' and", "column 15: expected a field, as in metrics.accuracy or name, the text ends"),
        ("()", "column 2: expected a field, as in metrics.accuracy or name, found \")\""),
        ("(name = 'x'", "column 12: expected and, or or a closing bracket, the text ends"),
        (
            "(name = 'x' nd id = 'y')",
            "column 13: expected and, or or a closing bracket, found \"nd\" (did you mean and?)",
        ),
        ("name = 'x')", "column 11: expected and, or or the end, found \")\""),
        ("name = 'x' && id = 'y'", "column 12: expected and, or or the end, found \"&&\""),
        ("nme = 'x'", "column 1: there is no field \"nme\"; did you mean name?"),
        ("metric.a = 1 and metrcs.b = 2", "column 18: there is no field \"metrcs.b\"; did you mean metrics.b?"),
        ("Tags = 'x'", "column 1: there is no field \"Tags\"; did you mean tags?"),
        (
            "accuracy > 0.9",
            "column 1: there is no field \"accuracy\"; a key stands behind its namespace, as in metrics.accuracy",
        ),
        (
            "whatever.b = 2",
            "column 1: there is no field \"whatever.b\"; keys stand behind metrics, hyperparameters, attributes, observations, artifacts or datasets",
        ),
        ("metrix.\"a b\" = 2", "column 1: there is no field \"metrix.a b\"; did you mean metrics.a b?"),
        ("metrics > 1", "column 1: a key is missing, as in metrics.accuracy"),
        ("metrics. > 1", "column 9: expected a key after metrics."),
        ("metrics.\"\" > 1", "column 9: a key has at least one character"),
        ("observations.attribute. > 1", "column 24: expected a key after observations.attribute."),
        (
            "name",
            "column 5: expected an operator: = != < <= > >=, in, between, contains, like, ilike, rlike, matches or is, the text ends",
        ),
        (
            "name contians 'x'",
            "column 6: expected an operator: = != < <= > >=, in, between, contains, like, ilike, rlike, matches or is, found \"contians\" (did you mean contains?)",
        ),
        (
            "name ! 'x'",
            "column 6: expected an operator: = != < <= > >=, in, between, contains, like, ilike, rlike, matches or is, found \"!\"",
        ),
        (
            "name ~= 'x'",
            "column 6: expected an operator: = != < <= > >=, in, between, contains, like, ilike, rlike, matches or is, found \"~\"",
        ),
        ("metrics.a not > 1", "column 15: expected in, between, contains, like, ilike or rlike, found \">\""),
        (
            "name not lke 'x'",
            "column 10: expected in, between, contains, like, ilike or rlike, found \"lke\" (did you mean like?)",
        ),
        ("name not matches 'x'", "column 6: write not before the field: not name matches 'words'"),
        (
            "name = forest",
            "column 8: expected a value: a number, a 'text', a date, true or false (texts stand in quotes), found \"forest\"",
        ),
        (
            "metrics.a = ture",
            "column 13: expected a value: a number, a 'text', a date, true or false (texts stand in quotes), found \"ture\" (did you mean true?)",
        ),
        (
            "metrics.a = 1.2.3",
            "column 13: expected a value: a number, a 'text', a date, true or false, found \"1.2.3\"",
        ),
        ("metrics.a = 0x10", "column 13: expected a value: a number, a 'text', a date, true or false, found \"0x10\""),
        (
            "metrics.a = 1e999",
            "column 13: expected a value: a number, a 'text', a date, true or false, found \"1e999\"",
        ),
        ("metrics.a = null", "column 13: nothing compares with null; ask whether the field \"is null\""),
        ("metrics.a = 2026-11-23", "column 13: metrics.a is no date; a text stands in quotes"),
        (
            "start_time > 2026-13-01",
            "column 14: expected a value: a number, a 'text', a date, true or false, found \"2026-13-01\"",
        ),
        (
            "start_time > 'yesterday'",
            "column 14: start_time is a date, and \"yesterday\" is none; one is written 2026-11-23 or as in RFC 3339",
        ),
        ("name in 'x'", "column 9: expected a list in brackets, found \"'x'\""),
        ("name in ('x' 'y')", "column 14: expected a comma or the closing bracket of the list, found \"'y'\""),
        ("name in ('x',)", "column 14: expected a value: a number, a 'text', a date, true or false, found \")\""),
        ("name in ('x'", "column 13: expected a comma or the closing bracket of the list, the text ends"),
        ("metrics.a between 1 or 2", "column 21: expected and with the greatest value, found \"or\""),
        ("name is", "column 8: expected null, nan, not null or not nan, the text ends"),
        ("name is nul", "column 9: expected null, nan, not null or not nan, found \"nul\" (did you mean null?)"),
        ("name is not 'x'", "column 13: expected null or nan, found \"'x'\""),
        ("tags contains baseline", "column 15: expected a text in quotes, found \"baseline\""),
        ("name matches 5", "column 14: expected a text in quotes, found \"5\""),
        ("name = 'x", "column 8: the quote that is opened here is never closed"),
        ("metrics.`x = 1", "column 9: the quote that is opened here is never closed"),
        ("name rlike '\\d'", "column 13: there is no escape \"\\\\d\"; a backslash itself is written \\\\"),
        ("name = '\\u00e9'", "column 9: expected a code point in hexadecimal, as in \\u{1f600}"),
        ("name = '\\u{d800}'", "column 9: expected a code point in hexadecimal, as in \\u{1f600}"),
        ("name like 'x\\\\'", "column 11: \"x\\\\\" is no pattern: it ends in a single backslash"),
        ("name rlike 'a('", "column 12: \"a(\" is no pattern: unclosed group"),
        ("name rlike '*'", "column 12: \"*\" is no pattern: repetition operator missing expression"),
        ("min(metrics.a) > 1", "column 5: min is asked of observations, as in min(observations.loss)"),
        ("min(observations.a > 1", "column 20: expected a closing bracket, found \">\""),
        ("min(observations.a) > 'x'", "column 23: expected a number, found \"'x'\""),
    ] {
        let message = message(text);
        assert_eq!(message.lines().next(), Some(expected), "{text}");
        let column: usize = expected.strip_prefix("column ").unwrap().split(':').next().unwrap().parse().unwrap();
        assert_eq!(message.lines().nth(1), Some(format!("  {text}").as_str()));
        assert_eq!(message.lines().nth(2), Some(format!("{}^", " ".repeat(column + 1)).as_str()), "{message}");
        assert_eq!(message.lines().count(), 3);
    }
}
