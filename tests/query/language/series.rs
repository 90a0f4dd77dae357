//! Numbers made of whole series, against a plain reading of the definitions.

use modeldb::{Filter, Value};

use super::{holds, observe, run};
use crate::support::random::{PrintSeed, Random, seed};

#[test]
fn by_hand() {
    let mut run = run("r");
    observe(
        &mut run,
        "loss",
        [Value::from(3), 1.5.into(), f64::NAN.into(), "2".into(), "low".into(), Value::Null, 2.into()],
    );
    observe(&mut run, "diverged", [1.0, f64::NAN]);
    observe(&mut run, "words", ["a", "b"]);
    for (text, expected) in [
        ("min(observations.loss) = 1.5", true),
        ("max(observations.loss) = 3", true),
        ("first(observations.loss) = 3", true),
        ("last(observations.loss) = 2", true),
        // Of 3, 1.5, "2" and 2.
        ("mean(observations.loss) = 2.125", true),
        ("count(observations.loss) = 7", true),
        ("min(observations.loss) != 1", true),
        ("min(observations.loss) > -inf", true),
        ("min(observations.loss) >= 1.6", false),
        ("last(observations.diverged) < 5", false),
        ("last(observations.diverged) != 5", false),
        ("max(observations.diverged) <= 1", true),
        ("count(observations.diverged) >= 2", true),
        ("min(observations.words) != 0", false),
        ("first(observations.words) != 0", false),
        ("mean(observations.words) != 0", false),
        ("count(observations.words) = 2", true),
        ("count(observations.absent) = 0", true),
        ("count(observations.absent) > 0", false),
        ("last(observations.absent) != 0", false),
        ("not last(observations.absent) = 0", true),
    ] {
        assert_eq!(holds(text, &run), expected, "{text}");
    }
    assert!(Filter::parse("min(observations.loss) = 'x'").is_err());
    assert!(Filter::parse("min(metrics.loss) = 1").is_err());
    assert!(Filter::parse("min(observations.loss) = nan").unwrap().check(modeldb::EntityKind::Run).is_err());
    assert!(Filter::parse("min(observations.loss) = 1").unwrap().check(modeldb::EntityKind::Project).is_err());
}

#[test]
fn random_series_are_what_a_plain_program_makes_of_them() {
    let seed = seed(20_261_124);
    let _print = PrintSeed(seed);
    let mut random = Random::new(seed);
    for _ in 0..5_000 {
        // Quarters, so that sums are exact.
        let stored: Vec<Option<f64>> =
            (0..random.below(6)).map(|_| random.percent(80).then(|| random.between(-8, 8) as f64 / 4.0)).collect();
        let mut run = run("r");
        observe(&mut run, "k", stored.iter().map(|value| value.map_or(Value::from(f64::NAN), Value::from)));
        observe(&mut run, "other", [100]);
        let numbers: Vec<f64> = stored.iter().copied().flatten().collect();
        let made = |name: &str| match name {
            "min" => numbers.iter().copied().reduce(f64::min),
            "max" => numbers.iter().copied().reduce(f64::max),
            "first" => stored.first().copied().flatten(),
            "last" => stored.last().copied().flatten(),
            "mean" => (!numbers.is_empty()).then(|| numbers.iter().sum::<f64>() / numbers.len() as f64),
            _ => Some(stored.len() as f64),
        };
        for name in ["min", "max", "first", "last", "mean", "count"] {
            let operand = random.between(-8, 8) as f64 / 4.0;
            let judge = |judge: &dyn Fn(f64) -> bool| made(name).is_some_and(judge);
            for (sign, expected) in [
                ("=", judge(&|made| made == operand)),
                ("!=", judge(&|made| made != operand)),
                ("<", judge(&|made| made < operand)),
                ("<=", judge(&|made| made <= operand)),
                (">", judge(&|made| made > operand)),
                (">=", judge(&|made| made >= operand)),
            ] {
                let text = format!("{name}(observations.k) {sign} {operand}");
                assert_eq!(holds(&text, &run), expected, "{text} of {stored:?}");
            }
        }
    }
}
