//! Random texts and queries that meet.

use modeldb::{Filter, QueryField};

use super::plain::{Part, Sought, words};
use crate::support::random::Random;

const WORDS: [&str; 34] = [
    "forest",
    "forst",
    "froest",
    "Forests",
    "random",
    "baseline",
    "base",
    "b",
    "a",
    "draft",
    "draught",
    "resnet50",
    "v2",
    "1",
    "fp16",
    "GPU",
    "\u{8a13}\u{7df4}",
    "\u{7df4}\u{8a13}",
    "\u{30c7}\u{30fc}\u{30bf}",
    "\u{d559}\u{c2b5}",
    "Stra\u{df}e",
    "STRASSE",
    "\u{130}stanbul",
    "istanbul",
    "\u{1f600}",
    "e\u{301}t\u{e9}",
    "\u{e9}t\u{e9}",
    "\u{3a3}\u{3af}\u{3c3}\u{3c5}\u{3c6}\u{3bf}\u{3c2}",
    "x",
    "node-7",
    "http://host/a/b.c?d=1",
    "\u{20000}\u{20001}",
    "don't",
    "0xDEADbeef",
];

/// A text of a few words; now and then a very long one, or one with a very long word.
pub(super) fn text(random: &mut Random) -> String {
    match random.below(60) {
        0 => "q".repeat(random.below(600)) + " forest",
        1 => format!("{:064x}", u128::from(random.next())),
        2 => "forest ".repeat(9500 + random.below(300)) + "draft",
        3 => String::new(),
        _ => {
            let mut text = String::new();
            for _ in 0..random.below(9) {
                text.push_str(random.pick::<&str>(&WORDS));
                text.push_str(random.pick::<&str>(&[" ", " ", " ", "-", "_", ".", ", ", "", "\0", "\t"]));
            }
            text
        }
    }
}

/// A name, which has at most 256 characters.
pub(super) fn name(random: &mut Random, number: usize) -> String {
    let text: String = text(random).chars().take(200).filter(|char| *char != '\0').collect();
    format!("{text}{number}")
}

pub(super) fn tag(random: &mut Random) -> String {
    let text: String = text(random).chars().filter(|char| !"\0/".contains(*char)).take(39).collect();
    format!("{text}t")
}

/// Whether a word reads as itself: a dotted capital I has a lower case that does not, since its dot is no letter.
fn is_writable(word: &str) -> bool {
    words(word) == [word]
}

fn word(random: &mut Random) -> String {
    loop {
        let mut found = match random.below(20) {
            0 => words(&text(random)),
            _ => words(random.pick::<&str>(&WORDS)),
        };
        found.retain(|word| is_writable(word));
        if !found.is_empty() {
            return random.pick(&found).clone();
        }
    }
}

fn sought(random: &mut Random) -> Sought {
    let some = |random: &mut Random, most: usize| (0..=random.below(most)).map(|_| word(random)).collect::<Vec<_>>();
    match random.below(6) {
        0 | 1 => Sought::Words(some(random, 1)),
        2 => {
            // Words that stand together somewhere.
            let mut all = words(&text(random));
            all.retain(|word| is_writable(word));
            let from = random.below(all.len());
            let found: Vec<String> = all.into_iter().skip(from).take(1 + random.below(4)).collect();
            if found.is_empty() { Sought::Words(some(random, 3)) } else { Sought::Words(found) }
        }
        3 => Sought::Words(some(random, 3)),
        4 => {
            let mut words = some(random, 2);
            let last = words.pop().unwrap();
            let keep = 1 + random.below(last.chars().count());
            let cut: String = last.chars().take(keep).collect();
            // A mark by itself is no beginning of a word.
            words.push(if cut.ends_with(char::is_alphanumeric) { cut } else { last });
            Sought::Beginning(words)
        }
        _ => {
            let mut word: Vec<char> = word(random).chars().take(40).collect();
            for _ in 0..random.below(3) {
                let at = random.below(word.len());
                match random.below(4) {
                    0 if word.len() > 1 => drop(word.remove(at)),
                    1 => word.insert(at, 'e'),
                    2 => word[at] = 'o',
                    _ if at + 1 < word.len() => word.swap(at, at + 1),
                    _ => {}
                }
            }
            let word: String = word.into_iter().filter(|char| char.is_alphanumeric()).collect();
            match words(&word).as_slice() {
                [word] if word.chars().all(char::is_alphanumeric) => Sought::Near(word.clone(), 1 + random.below(2)),
                _ => Sought::Near("forest".to_owned(), 2),
            }
        }
    }
}

pub(super) fn query(random: &mut Random) -> Vec<Part> {
    let mut parts = vec![Part { excluded: false, sought: sought(random) }];
    for _ in 0..random.below(3) {
        parts.push(Part { excluded: random.one_in(3), sought: sought(random) });
    }
    parts
}

/// A part of some text, in another case.
pub(super) fn substring(random: &mut Random) -> String {
    let chars: Vec<char> = text(random).chars().collect();
    let from = random.below(chars.len());
    let len = *random.pick(&[1, 1, 2, 2, 3, 3, 4, 5, 6, 7, 8, 12, 30, 300]);
    let part: String = chars.into_iter().skip(from).take(len).collect();
    match random.below(3) {
        0 => part.to_uppercase(),
        1 => part.to_lowercase(),
        _ => part,
    }
}

pub(super) fn filter(random: &mut Random, depth: usize) -> Filter {
    if depth > 0 && random.one_in(3) {
        let (one, other) = (filter(random, depth - 1), filter(random, depth - 1));
        return match random.below(3) {
            0 => one.and(other),
            1 => one.or(other),
            _ => !one,
        };
    }
    let field = |random: &mut Random| match random.below(9) {
        0..3 => QueryField::Text,
        3 => QueryField::Name,
        4 | 5 => QueryField::Description,
        6 => QueryField::Tags,
        7 => QueryField::Hyperparameter("note".to_owned()),
        _ => QueryField::Attribute(random.pick(&["note", "list", "\u{e9}:1"]).to_string()),
    };
    match random.below(10) {
        0..6 => {
            let parts = query(random);
            field(random).matches(super::plain::write(&parts, random))
        }
        6 | 7 => QueryField::Description.has_substring(substring(random)),
        8 => {
            let field = if random.one_in(2) { QueryField::Name } else { QueryField::Description };
            field.not_contains(substring(random))
        }
        _ => QueryField::Name.has_substring(substring(random)),
    }
}
