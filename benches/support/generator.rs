//! Runs like those of a real project, the same ones for the same seed: about 740 bytes of JSON each.

use std::collections::BTreeSet;
use std::f64::consts::TAU;

use super::record::{Pairs, Record, Scalar};

const OPTIMIZERS: [&str; 6] = ["adam", "sgd", "adamw", "rmsprop", "lamb", "adagrad"];
const SCHEDULERS: [&str; 4] = ["cosine", "linear", "constant", "step"];
const STATUSES: [&str; 8] = ["finished", "finished", "finished", "finished", "failed", "killed", "running", "finished"];
const BEGIN_MILLIS: i64 = 1_700_000_000_000;
const WORDS: usize = 2000;
const TAGS: usize = 50;

/// An endless source of runs, with distinct ids and names.
pub(crate) struct Generator {
    random: Random,
    words: Vec<String>,
    word_odds: Vec<f64>,
    tag_odds: Vec<f64>,
    next: i64,
}

impl Generator {
    pub(crate) fn new(seed: u64) -> Self {
        let mut random = Random(seed);
        let mut words = BTreeSet::new();
        while words.len() < WORDS {
            words.insert(random.word());
        }
        // Their order decides which are frequent.
        let mut words: Vec<_> = words.into_iter().collect();
        for at in (1..words.len()).rev() {
            words.swap(at, random.below(at + 1));
        }
        Generator { random, words, word_odds: zipf(WORDS), tag_odds: zipf(TAGS), next: 0 }
    }

    /// The next `count` runs.
    pub(crate) fn take_runs(&mut self, count: usize) -> Vec<Record> {
        self.take(count).collect()
    }

    fn word(&mut self) -> &str {
        let at = self.random.among(&self.word_odds);
        &self.words[at]
    }
}

impl Iterator for Generator {
    type Item = Record;

    fn next(&mut self) -> Option<Record> {
        let number = self.next;
        self.next += 1;
        let mut tags = BTreeSet::new();
        while tags.len() < 3 {
            tags.insert(format!("tag{:02}", self.random.among(&self.tag_odds)));
        }
        let mut description = self.word().to_owned();
        description[..1].make_ascii_uppercase();
        for _ in 0..9 + self.random.below(5) {
            description.push(' ');
            description.push_str(self.word());
        }
        description.push('.');
        let name = format!("run-{number:06}-{}", self.word());

        let random = &mut self.random;
        let start_time = BEGIN_MILLIS + number * 30_000 + random.between(-3_600_000, 3_600_000);
        let accuracy = random.second_best_of_nine();
        let mut metrics = vec![
            pair("accuracy", decimals(accuracy, 6)),
            pair("f1", decimals(accuracy * (0.85 + 0.15 * random.unit()), 6)),
            pair("latency_ms", decimals(random.log_normal(3.0, 0.5), 4)),
        ];
        if random.unit() < 0.3 {
            metrics.push(pair("rare_metric", decimals(random.unit() * 100.0, 1)));
        }
        metrics.push(pair("train_loss", decimals(random.log_normal(-1.0, 0.6), 6)));
        metrics.push(pair("val_loss", decimals(random.log_normal(-0.5, 0.6), 6)));
        Some(Record {
            id: format!("{:016x}{:016x}", random.bits(), random.bits()),
            project: "bench".to_owned(),
            experiment: format!("exp-{}", random.below(10)),
            name,
            owner: format!("user{:02}", random.below(20)),
            start_time,
            end_time: start_time + random.between(60_000, 36_000_000),
            description,
            hyperparameters: Pairs(vec![
                pair("batch_size", Scalar::Int(1 << random.between(3, 11))),
                pair("depth", Scalar::Int(random.between(2, 64))),
                pair("dropout", decimals(0.6 * random.unit(), 3)),
                pair("lr", decimals(random.log_uniform(1e-5, 1e-1), 9)),
                pair("optimizer", text(OPTIMIZERS[random.below(OPTIMIZERS.len())])),
                pair("scheduler", text(SCHEDULERS[random.below(SCHEDULERS.len())])),
                pair("seed", Scalar::Int(random.between(0, 999_999))),
                pair("weight_decay", decimals(random.log_uniform(1e-6, 1e-2), 10)),
            ]),
            metrics: Pairs(metrics),
            tags: tags.into_iter().collect(),
            attributes: Pairs(vec![
                pair("dataset_rows", Scalar::Int(random.between(10_000, 5_000_000))),
                pair(
                    "git_sha",
                    text(&format!("{:016x}{:016x}{:08x}", random.bits(), random.bits(), random.bits() >> 32)),
                ),
                pair("gpu_count", Scalar::Int(1 << random.between(0, 3))),
                pair("host", text(&format!("node-{:03}", random.below(200)))),
                pair("status", text(STATUSES[random.below(STATUSES.len())])),
            ]),
        })
    }
}

fn pair(key: &str, value: Scalar) -> (String, Scalar) {
    (key.to_owned(), value)
}

fn text(text: &str) -> Scalar {
    Scalar::Text(text.to_owned())
}

/// `float` as it reads with so many decimals.
fn decimals(float: f64, decimals: usize) -> Scalar {
    Scalar::Float(format!("{float:.decimals$}").parse().unwrap())
}

/// Sums of 1 + 1/2 + 1/3 + ...
#[allow(clippy::cast_precision_loss)]
fn zipf(count: usize) -> Vec<f64> {
    let mut sum = 0.0;
    let odds = (1..=count).map(|rank| {
        sum += 1.0 / rank as f64;
        sum
    });
    odds.collect()
}

/// SplitMix64: small, fast, and the same on every machine.
struct Random(u64);

impl Random {
    fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }

    /// From 0 up to, but not, 1.
    #[allow(clippy::cast_precision_loss)]
    fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1_u64 << 53) as f64
    }

    #[allow(clippy::cast_possible_truncation)]
    fn below(&mut self, limit: usize) -> usize {
        (self.bits() % limit as u64) as usize
    }

    /// Both ends included.
    fn between(&mut self, from: i64, to: i64) -> i64 {
        from + i64::try_from(self.bits() % to.abs_diff(from).saturating_add(1)).unwrap()
    }

    /// An index, as often as its step in `sums` is large.
    fn among(&mut self, sums: &[f64]) -> usize {
        let at = self.unit() * sums.last().unwrap();
        sums.partition_point(|sum| *sum <= at)
    }

    fn log_uniform(&mut self, from: f64, to: f64) -> f64 {
        (from.ln() + (to / from).ln() * self.unit()).exp()
    }

    fn log_normal(&mut self, mean: f64, deviation: f64) -> f64 {
        let normal = (-2.0 * (1.0 - self.unit()).ln()).sqrt() * (TAU * self.unit()).cos();
        (mean + deviation * normal).exp()
    }

    /// Distributed as Beta(8, 2).
    fn second_best_of_nine(&mut self) -> f64 {
        let mut units: [f64; 9] = std::array::from_fn(|_| self.unit());
        units.sort_by(f64::total_cmp);
        units[7]
    }

    /// Two to four syllables.
    fn word(&mut self) -> String {
        const CONSONANTS: &[u8] = b"bcdfghjklmnprstvwz";
        let mut word = String::new();
        for _ in 0..[2, 3, 3, 4][self.below(4)] {
            word.push(char::from(CONSONANTS[self.below(CONSONANTS.len())]));
            word.push(char::from(b"aeiou"[self.below(5)]));
        }
        word.push_str(["", "n", "r", "s"][self.below(4)]);
        word
    }
}
