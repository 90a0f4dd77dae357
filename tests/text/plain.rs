//! What a query for words means, worked out from the rules by a plain program that knows nothing of the crate's.

use crate::support::random::Random;

/// A part of a query.
#[derive(Debug, Clone)]
pub(super) struct Part {
    pub(super) excluded: bool,
    pub(super) sought: Sought,
}

#[derive(Debug, Clone)]
pub(super) enum Sought {
    Words(Vec<String>),
    Beginning(Vec<String>),
    Near(String, usize),
}

/// The words of a text: lower case letter by letter, each Chinese or Japanese character by itself.
pub(super) fn words(text: &str) -> Vec<String> {
    let alone = |char: char| {
        let code = u32::from(char);
        (0x3041..=0x30ff).contains(&code) || (0x3400..=0x9fff).contains(&code) || (0x20000..0x40000).contains(&code)
    };
    let mut words: Vec<String> = Vec::new();
    let mut open = false;
    for char in text.chars() {
        if !char.is_alphanumeric() {
            open = false;
            continue;
        }
        if !open || alone(char) {
            words.push(String::new());
        }
        open = !alone(char);
        words.last_mut().unwrap().extend(char.to_lowercase());
    }
    words
}

/// Edits between two words, by the textbook's whole table.
pub(super) fn edits(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut table = vec![vec![0; b.len() + 1]; a.len() + 1];
    for i in 0..=a.len() {
        for j in 0..=b.len() {
            table[i][j] = if i == 0 || j == 0 {
                i + j
            } else {
                let changed = table[i - 1][j - 1] + usize::from(a[i - 1] != b[j - 1]);
                let mut best = changed.min(table[i - 1][j] + 1).min(table[i][j - 1] + 1);
                if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                    best = best.min(table[i - 2][j - 2] + 1);
                }
                best
            };
        }
    }
    table[a.len()][b.len()]
}

/// Whether some texts together fulfil a query.
pub(super) fn fulfils(parts: &[Part], texts: &[&str]) -> bool {
    let texts: Vec<Vec<String>> = texts.iter().map(|text| words(text)).collect();
    parts.iter().all(|part| {
        let found = texts.iter().any(|held| match &part.sought {
            Sought::Words(wanted) => (0..held.len()).any(|at| held[at..].starts_with(wanted)),
            Sought::Beginning(wanted) => {
                let (last, before) = wanted.split_last().unwrap();
                (0..held.len()).any(|at| {
                    let rest = &held[at..];
                    rest.len() > before.len() && rest.starts_with(before) && rest[before.len()].starts_with(last)
                })
            }
            Sought::Near(wanted, most) => held.iter().any(|held| edits(held, wanted) <= *most),
        });
        found != part.excluded
    })
}

/// The query as a user may write it.
pub(super) fn write(parts: &[Part], random: &mut Random) -> String {
    let parts = parts.iter().map(|part| {
        let sign = if part.excluded { "-" } else { "" };
        let joined = |words: &[String], between: &str| words.join(between);
        match &part.sought {
            Sought::Words(words) if random.one_in(2) => format!("{sign}\"{}\"", joined(words, " ")),
            Sought::Words(words) => format!("{sign}{}", joined(words, random.pick::<&str>(&["-", "_", "./"]))),
            Sought::Beginning(words) => format!("{sign}{}*", joined(words, ".")),
            Sought::Near(word, 1) if random.one_in(2) => format!("{sign}{word}~"),
            Sought::Near(word, edits) => format!("{sign}{word}~{edits}"),
        }
    });
    parts.collect::<Vec<_>>().join(random.pick::<&str>(&[" ", "  ", " - ", "\n"]))
}
