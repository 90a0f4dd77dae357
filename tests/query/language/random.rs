//! Random conditions spelled in one of the many ways of the language find what a plain program finds.

use modeldb::{Filter, Operator, Value};

use crate::query::plain::{Condition, Place};
use crate::query::random::{condition, grow};
use crate::support::random::{PrintSeed, Random, seed};

/// Spells conditions; what is free is drawn.
struct Speller<'a>(&'a mut Random);

impl Speller<'_> {
    fn word(&mut self, word: &str) -> String {
        let word = match self.0.below(4) {
            0 => word.to_uppercase(),
            1 => word
                .chars()
                .enumerate()
                .map(|(at, char)| if at % 2 == 0 { char.to_ascii_uppercase() } else { char })
                .collect(),
            _ => word.to_owned(),
        };
        format!("{}{word}{}", self.blank(), self.blank())
    }

    fn blank(&mut self) -> &'static str {
        const BLANKS: [&str; 6] = [" ", " ", " ", "\n", "\t ", "\u{a0}"];
        BLANKS[self.0.below(BLANKS.len())]
    }

    fn sign(&mut self, sign: &str) -> String {
        if self.0.percent(50) { sign.to_owned() } else { format!("{}{sign}{}", self.blank(), self.blank()) }
    }

    fn quoted(&mut self, text: &str, quotes: &[char]) -> String {
        let quote = *self.0.pick(quotes);
        let mut spelled = String::from(quote);
        for char in text.chars() {
            match char {
                '\\' => spelled.push_str("\\\\"),
                char if char == quote => spelled.extend(['\\', char]),
                char if self.0.percent(10) => spelled.push_str(&format!("\\u{{{:X}}}", u32::from(char))),
                char => spelled.push(char),
            }
        }
        spelled.push(quote);
        spelled
    }

    fn place(&mut self, place: &Place) -> String {
        let (namespaces, key) = match place {
            Place::Attribute(key) => (&["attributes", "attribute", "attrs", "attr"][..], key),
            Place::Metric(key) => (&["metrics", "metric"][..], key),
            Place::Hyperparameter(key) => (&["hyperparameters", "hyperparameter", "params", "param"][..], key),
            Place::Artifact(key) => (&["artifacts", "artifact"][..], key),
            other => return other.name(),
        };
        let key =
            if key.contains(' ') || self.0.percent(30) { self.quoted(key, &['"', '`', '\'']) } else { key.clone() };
        format!("{}.{key}", self.0.pick(namespaces))
    }

    fn value(&mut self, value: &Value) -> String {
        match value {
            Value::String(text) => self.quoted(text, &['"', '\'']),
            Value::Float(float) if self.0.percent(50) => format!("{float:e}"),
            Value::Float(float) => format!("{float:?}"),
            Value::Int(int) => int.to_string(),
            Value::Bool(bool) => self.word(&bool.to_string()),
            other => panic!("{other}"),
        }
    }

    fn list(&mut self, values: &[Value]) -> String {
        let mut spelled = self.sign("(");
        for (at, value) in values.iter().enumerate() {
            spelled += &if at > 0 { self.sign(",") } else { String::new() };
            spelled += &self.value(value);
        }
        spelled + &self.sign(")")
    }

    fn negation(&mut self, negated: bool) -> String {
        if negated { self.word("not") } else { self.blank().to_owned() }
    }

    /// In brackets if it must be, or by chance.
    fn inner(&mut self, condition: &Condition) -> String {
        let is_plain = !matches!(condition, Condition::All(_) | Condition::Any(_));
        let spelled = self.spell(condition);
        if is_plain && self.0.percent(70) { spelled } else { format!("({spelled})") }
    }

    fn spell(&mut self, condition: &Condition) -> String {
        let compare = |this: &mut Self, place: &Place, sign: &str, value: &Value| {
            let sign = match sign {
                "=" if this.0.percent(30) => "==",
                "!=" if this.0.percent(30) => "<>",
                sign => sign,
            };
            format!("{}{}{}", this.place(place), this.sign(sign), this.value(value))
        };
        match condition {
            Condition::All(all) if all.is_empty() => self.word("true"),
            Condition::Any(any) if any.is_empty() => self.word("false"),
            Condition::All(several) | Condition::Any(several) => {
                let between = if matches!(condition, Condition::All(_)) { "and" } else { "or" };
                let mut spelled = self.inner(&several[0]);
                for one in &several[1..] {
                    spelled += &self.word(between);
                    spelled += &self.inner(one);
                }
                spelled
            }
            Condition::Not(inner) => self.word("not") + &self.inner(inner),
            Condition::Compare(place, sign, value) => compare(self, place, sign, value),
            Condition::In(place, values, negated) => {
                self.place(place) + &self.negation(*negated) + &self.word("in") + &self.list(values)
            }
            Condition::Between(place, low, high, negated) => {
                let place = self.place(place) + &self.negation(*negated) + &self.word("between");
                place + &self.value(low) + &self.word("and") + &self.value(high)
            }
            Condition::Part(place, text, negated) => {
                let place = self.place(place) + &self.negation(*negated) + &self.word("contains");
                place + &self.word("substring") + &self.quoted(text, &['"', '\''])
            }
            Condition::Like(place, pattern, any_case, negated) => {
                let operator = if *any_case { "ilike" } else { "like" };
                let place = self.place(place) + &self.negation(*negated) + &self.word(operator);
                place + &self.quoted(pattern, &['"', '\''])
            }
            Condition::Words(place, words) => {
                self.place(place) + &self.word("matches") + &self.quoted(words, &['"', '\''])
            }
            Condition::Null(place) => self.place(place) + &self.word("is") + &self.word("null"),
            Condition::Nan(place) => self.place(place) + &self.word("is") + &self.word("nan"),
            Condition::Predicate(place, operator, value) => match operator {
                Operator::Eq => compare(self, place, "=", value),
                Operator::Ne => self.word("not") + &compare(self, place, "=", value),
                Operator::Gt => compare(self, place, ">", value),
                Operator::Gte => compare(self, place, ">=", value),
                Operator::Lt => compare(self, place, "<", value),
                Operator::Lte => compare(self, place, "<=", value),
                Operator::Contain | Operator::NotContain => {
                    let not = if *operator == Operator::NotContain { self.word("not") } else { String::new() };
                    let text = value.as_str().unwrap().to_owned();
                    not + &self.spell(&Condition::Part(place.clone(), text, false))
                }
                Operator::In | Operator::NotIn => {
                    let not = if *operator == Operator::NotIn { self.word("not") } else { String::new() };
                    let Value::List(values) = value else { panic!("a list is due") };
                    not + &self.spell(&Condition::In(place.clone(), values.clone(), false))
                }
                other => panic!("{other:?}"),
            },
        }
    }
}

#[test]
fn spelled_conditions_find_what_a_plain_program_finds() {
    let seed = seed(20_261_122);
    let _print = PrintSeed(seed);
    let mut random = Random::new(seed);
    let both = grow(&mut random);
    let read = both.bench.store.read();
    let mut some = 0;
    for _ in 0..600 {
        let condition = condition(&mut random, &both.world, 3);
        let text = Speller(&mut random).spell(&condition);
        let visible = both.world.runs.iter().rev().filter(|run| both.world.is_visible(run));
        let expected: Vec<&str> =
            visible.filter(|run| both.world.holds(run, &condition)).map(|run| run.id.as_str()).collect();
        some += usize::from(!expected.is_empty());
        let found = read.runs().find(&*text).unwrap_or_else(|error| panic!("{error}"));
        let found: Vec<String> = found.ids().unwrap().map(|id| id.unwrap().to_string()).collect();
        assert_eq!(found, expected, "{text}");
        // And once more, as it is written.
        let written = Filter::parse(&text).unwrap().to_string();
        let again: Vec<String> =
            read.runs().find(&written).unwrap().ids().unwrap().map(|id| id.unwrap().to_string()).collect();
        assert_eq!(again, expected, "{written}");
    }
    assert!(some > 200, "{some}");
}
