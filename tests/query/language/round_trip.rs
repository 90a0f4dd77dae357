//! What is written reads as the same filter, however odd its keys and texts.

use modeldb::{Comparison, Filter, Pattern, PatternSyntax, QueryField, Statistic, Value};

use crate::support::random::{PrintSeed, Random, seed};

fn text(random: &mut Random) -> String {
    const ODD: [&str; 40] = [
        "",
        " ",
        "a",
        "accuracy",
        "a.b",
        "attribute.",
        "attribute.x",
        "linked_artifact_id",
        "and",
        "or",
        "not",
        "in",
        "is",
        "null",
        "true",
        "nan",
        "\"",
        "'",
        "`",
        "\\",
        "\\n",
        "\n",
        "\r",
        "\t",
        "\0",
        "\u{7f}",
        "\u{85}",
        "\u{a0}",
        "\u{2028}",
        "\u{1f600}",
        "\u{fffd}",
        "\u{10ffff}",
        "=",
        "!=",
        "<>",
        "(",
        ")",
        ",",
        "%_",
        "~",
    ];
    match random.below(3) {
        0 => random.pick(&ODD).to_string(),
        1 => (0..random.below(5)).map(|_| *random.pick(&ODD)).collect(),
        _ => (0..random.below(8)).filter_map(|_| char::from_u32(random.below(0x500) as u32)).collect(),
    }
}

fn key(random: &mut Random) -> String {
    let key = text(random);
    if key.is_empty() { "k".to_owned() } else { key }
}

fn field(random: &mut Random) -> QueryField {
    const BUILTINS: [QueryField; 26] = [
        QueryField::ArtifactLink,
        QueryField::DatasetLink,
        QueryField::Tags,
        QueryField::Features,
        QueryField::Id,
        QueryField::Name,
        QueryField::Description,
        QueryField::DateCreated,
        QueryField::DateUpdated,
        QueryField::StartTime,
        QueryField::EndTime,
        QueryField::Status,
        QueryField::Owner,
        QueryField::VersionNumber,
        QueryField::ProjectId,
        QueryField::ExperimentId,
        QueryField::ExperimentName,
        QueryField::ParentId,
        QueryField::JobId,
        QueryField::CodeVersion,
        QueryField::Visibility,
        QueryField::ShortName,
        QueryField::Readme,
        QueryField::RepositoryId,
        QueryField::RepositoryCommit,
        QueryField::VersioningLocation,
    ];
    match random.below(8) {
        0 => QueryField::Metric(key(random)),
        1 => QueryField::Hyperparameter(key(random)),
        2 => QueryField::Attribute(key(random)),
        3 => QueryField::Observation(key(random)),
        4 => QueryField::Artifact(key(random)),
        5 => QueryField::Dataset(key(random)),
        _ => random.pick(&BUILTINS).clone(),
    }
}

/// A value that the field may be compared with.
fn value(random: &mut Random, field: &QueryField) -> Value {
    let is_date = ["date_created", "date_updated", "start_time", "end_time"].contains(&field.to_string().as_str());
    match random.below(6) {
        0 => (random.next() as i64).into(),
        1 => random.between(-3, 3).into(),
        2 => f64::from_bits(random.next()).into(),
        3 => Value::Float(*random.pick(&[
            0.0,
            -0.0,
            1.0,
            f64::INFINITY,
            f64::NEG_INFINITY,
            1e15,
            1e16,
            1e-7,
            f64::MIN_POSITIVE,
        ])),
        4 => random.percent(50).into(),
        _ if is_date => 7.into(),
        _ => text(random).into(),
    }
}

fn comparison(random: &mut Random) -> Comparison {
    *random.pick(&[
        Comparison::Equal,
        Comparison::NotEqual,
        Comparison::Less,
        Comparison::LessOrEqual,
        Comparison::Greater,
        Comparison::GreaterOrEqual,
    ])
}

fn filter(random: &mut Random, depth: usize) -> Filter {
    let field = field(random);
    let negated = random.percent(50);
    match random.below(if depth == 0 { 10 } else { 16 }) {
        0 => Filter::Compare { value: value(random, &field), field, comparison: comparison(random) },
        1 => Filter::In { values: (0..random.below(4)).map(|_| value(random, &field)).collect(), field, negated },
        2 => Filter::Between { low: value(random, &field), high: value(random, &field), field, negated },
        3 => Filter::Substring { field, text: text(random), negated },
        4 => {
            let syntax = *random.pick(&[PatternSyntax::Like, PatternSyntax::LikeAnyCase, PatternSyntax::Regex]);
            // Without what a pattern may be refused for.
            let text: String =
                text(random).chars().map(|char| if char.is_ascii_punctuation() { '%' } else { char }).collect();
            Filter::Pattern { field, pattern: Pattern::new(syntax, text), negated }
        }
        5 => Filter::Words { field: if negated { QueryField::Text } else { field }, words: text(random).into() },
        6 => Filter::Compare {
            field: QueryField::Series(
                *random.pick(&[
                    Statistic::Min,
                    Statistic::Max,
                    Statistic::First,
                    Statistic::Last,
                    Statistic::Mean,
                    Statistic::Count,
                ]),
                key(random),
            ),
            comparison: comparison(random),
            value: random.between(-9, 9).into(),
        },
        7 => Filter::IsNull { field },
        8 => Filter::IsNan { field },
        9 => {
            if negated {
                Filter::And(vec![])
            } else {
                Filter::Or(vec![])
            }
        }
        10 | 11 => Filter::Not(Box::new(filter(random, depth - 1))),
        at => {
            let inner = (0..2 + random.below(3)).map(|_| filter(random, depth - 1)).collect();
            if at < 14 { Filter::And(inner) } else { Filter::Or(inner) }
        }
    }
}

#[test]
fn random_filters_come_back() {
    let seed = seed(20_261_123);
    let _print = PrintSeed(seed);
    let mut random = Random::new(seed);
    for _ in 0..20_000 {
        let depth = random.below(5);
        let filter = filter(&mut random, depth);
        let text = filter.to_string();
        let again = Filter::parse(&text).unwrap_or_else(|error| panic!("{filter:?}\n{text}\n{error}"));
        assert_eq!(again, filter, "{text}");
        assert_eq!(again.to_string(), text);
    }
}

#[test]
fn one_filter_in_an_and_is_written_as_itself() {
    let one = || Filter::metric("a").gt(1);
    assert_eq!(Filter::And(vec![one()]).to_string(), "metrics.a > 1");
    assert_eq!(
        Filter::Or(vec![Filter::And(vec![one(), one()])]).and(one()).to_string(),
        "(metrics.a > 1 and metrics.a > 1) and metrics.a > 1"
    );
}

#[test]
fn what_is_written_reads_well() {
    for text in [
        "metrics.accuracy > 0.9 and tags = 'baseline'",
        "metrics.a = 1 or metrics.b != 2 and not (name contains 'x')",
        "(metrics.a = 1 or metrics.b != 2) and name is not null",
        "metrics.a in (1, 2.5, 'x', true) and metrics.b not between 1 and 2",
        "min(observations.attribute.loss) < 0.1",
        "tags contains substring 'it\\'s' and attributes.\"odd key\" is not nan",
        "name rlike '^a\\\\d' or text matches 'two words'",
        "true and not (false)",
    ] {
        assert_eq!(Filter::parse(text).unwrap().to_string(), text);
    }
}
