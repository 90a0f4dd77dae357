//! Rules for names, tags and short names (ModelDB 2.4, 5.1), and names for what was given none.

use md5::{Digest, Md5};

use crate::error::{Error, Result};
use crate::id::EntityKind;
use crate::limits;

/// Refuses a name longer than ModelDB's limit.
pub(crate) fn check_name(kind: EntityKind, name: &str) -> Result<()> {
    let chars = name.chars().count();
    if chars > limits::NAME_CHARS {
        return Err(Error::invalid(format!(
            "the name of a {kind} has at most {} characters; this one has {chars}",
            limits::NAME_CHARS
        )));
    }
    Ok(())
}

/// Refuses an empty tag or one longer than ModelDB's limit.
pub(crate) fn check_tag(tag: &str) -> Result<()> {
    let chars = tag.chars().count();
    if chars == 0 || chars > limits::TAG_CHARS {
        return Err(Error::invalid(format!(
            "a tag has 1 to {} characters; this one has {chars}: {tag:?}",
            limits::TAG_CHARS
        )));
    }
    Ok(())
}

/// The short name ModelDB derives from a project's name.
pub(crate) fn short_name(name: &str) -> String {
    let mut short = String::with_capacity(name.len());
    let mut replaced = false;
    for char in name.chars() {
        if char.is_ascii_alphanumeric() || matches!(char, '_' | '.' | '-') {
            short.push(char);
            replaced = false;
        } else if !replaced {
            short.push('-');
            replaced = true;
        }
    }
    if short.len() > limits::SHORT_NAME_CHARS {
        // ASCII by now, so bytes are characters. The character at index 10 takes part in neither half.
        let digest = Md5::digest(short.get(11..).unwrap_or_default().as_bytes());
        short.truncate(10);
        for byte in digest {
            short.push_str(&format!("{byte:02x}"));
        }
    }
    short
}

const ADJECTIVES: [&str; 32] = [
    "brisk", "calm", "candid", "clever", "cosy", "daring", "eager", "early", "fair", "frank", "gentle", "glad",
    "honest", "humble", "jolly", "keen", "kind", "lively", "lucid", "mellow", "merry", "nimble", "patient", "plucky",
    "quiet", "rapid", "sober", "steady", "sunny", "tidy", "vivid", "witty",
];

const COLOURS: [&str; 32] = [
    "amber", "azure", "beige", "black", "blue", "bronze", "brown", "coral", "cream", "crimson", "cyan", "golden",
    "green", "grey", "indigo", "ivory", "jade", "khaki", "lilac", "lime", "maroon", "mauve", "ochre", "olive",
    "orange", "pink", "plum", "red", "silver", "teal", "violet", "white",
];

const ANIMALS: [&str; 32] = [
    "badger", "beaver", "bison", "crane", "deer", "dolphin", "falcon", "ferret", "finch", "fox", "gecko", "hare",
    "heron", "ibex", "jackal", "koala", "lemur", "lynx", "marten", "mole", "newt", "otter", "owl", "panda", "puffin",
    "raven", "seal", "stork", "swan", "tapir", "weasel", "wren",
];

/// A random three-word name, "adjective-colour-animal", out of 32,768.
pub(crate) fn random_name(random: [u8; 3]) -> String {
    let [a, b, c] = random.map(|byte| usize::from(byte) % 32);
    let word = |words: &[&'static str; 32], at: usize| words.get(at).copied().unwrap_or("");
    format!("{}-{}-{}", word(&ADJECTIVES, a), word(&COLOURS, b), word(&ANIMALS, c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_names_follow_the_vectors() {
        assert_eq!(short_name("my proj/1"), "my-proj-1");
        assert_eq!(short_name("a  &&  b"), "a-b");
        let long = "a".repeat(41);
        // The digest is of the thirty characters from index 11 on (computed with another tool).
        assert_eq!(short_name(&long), "aaaaaaaaaa59e794d45697b360e18ba972bada0123");
        assert_eq!(short_name(&"b".repeat(40)), "b".repeat(40));
    }

    #[test]
    fn limits_count_characters_not_bytes() {
        assert!(check_name(EntityKind::Run, &"\u{1f40d}".repeat(256)).is_ok());
        assert!(check_name(EntityKind::Run, &"x".repeat(257)).is_err());
        assert!(check_tag("").is_err());
        assert!(check_tag(&"\u{e9}".repeat(40)).is_ok());
        assert!(check_tag(&"x".repeat(41)).is_err());
    }
}
