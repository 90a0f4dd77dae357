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

const ADJECTIVES: [&str; 128] = [
    "able", "active", "agile", "airy", "alert", "amiable", "ample", "apt", "ardent", "artful", "astute", "avid",
    "bold", "bonny", "brainy", "brave", "breezy", "brief", "bright", "brisk", "busy", "calm", "candid", "careful",
    "caring", "casual", "civil", "classy", "clean", "clear", "clever", "cosy", "crafty", "crisp", "curious", "daring",
    "dashing", "deft", "devout", "direct", "discreet", "dreamy", "eager", "early", "earnest", "easy", "elated",
    "elegant", "exact", "fair", "faithful", "famous", "fancy", "fearless", "festive", "fleet", "fluent", "fond",
    "frank", "free", "fresh", "frugal", "gallant", "generous", "genial", "gentle", "giddy", "glad", "graceful",
    "grand", "happy", "hardy", "hearty", "honest", "hopeful", "humble", "jaunty", "jolly", "jovial", "joyful", "keen",
    "kind", "learned", "lively", "logical", "loyal", "lucid", "lucky", "mellow", "merry", "mighty", "modest", "neat",
    "nimble", "noble", "patient", "placid", "plucky", "polite", "prompt", "proud", "quick", "quiet", "rapid", "ready",
    "robust", "serene", "shy", "sincere", "sleek", "smart", "sober", "spry", "stable", "steady", "stoic", "strong",
    "sturdy", "sunny", "swift", "tidy", "tranquil", "trusty", "upbeat", "vivid", "warm", "witty", "zesty",
];

const COLOURS: [&str; 64] = [
    "almond", "amber", "apricot", "aqua", "auburn", "azure", "beige", "black", "blond", "blue", "brass", "bronze",
    "brown", "buff", "carmine", "cerise", "cherry", "claret", "cobalt", "copper", "coral", "cream", "crimson", "cyan",
    "denim", "ebony", "emerald", "fawn", "flaxen", "golden", "green", "grey", "hazel", "indigo", "ivory", "jade",
    "khaki", "lemon", "lilac", "lime", "magenta", "maroon", "mauve", "mint", "navy", "ochre", "olive", "orange",
    "peach", "pink", "plum", "purple", "red", "ruby", "russet", "rust", "saffron", "salmon", "scarlet", "silver",
    "teal", "violet", "white", "yellow",
];

const ANIMALS: [&str; 256] = [
    "addax", "adder", "alpaca", "ant", "auk", "avocet", "badger", "barbel", "bat", "bear", "beaver", "bee", "beetle",
    "beluga", "bison", "boar", "bobcat", "bonito", "bream", "budgie", "bulbul", "camel", "canary", "carp", "cat",
    "chough", "cicada", "civet", "clam", "coati", "cobra", "cod", "condor", "coot", "cougar", "coyote", "crab",
    "crane", "crow", "cuckoo", "curlew", "deer", "dingo", "dodo", "donkey", "dove", "drongo", "duck", "dugong",
    "dunlin", "eagle", "earwig", "eel", "egret", "eider", "eland", "elk", "emu", "ermine", "falcon", "fennec",
    "ferret", "finch", "fox", "frog", "fulmar", "gannet", "gecko", "genet", "gerbil", "gnu", "goat", "godwit", "goose",
    "gosling", "grebe", "grouse", "gull", "guppy", "haddock", "halibut", "hamster", "hare", "harrier", "hawk", "heron",
    "herring", "hippo", "hoopoe", "hornbill", "horse", "hyrax", "ibex", "ibis", "iguana", "impala", "jackal",
    "jackdaw", "jaguar", "jay", "kestrel", "kite", "kiwi", "koala", "koi", "krill", "kudu", "lamprey", "lapwing",
    "lark", "lemming", "lemur", "leopard", "limpet", "linnet", "lion", "llama", "lobster", "loon", "loris", "lynx",
    "macaw", "magpie", "mallard", "manatee", "marlin", "marmot", "marten", "martin", "meerkat", "merlin", "mink",
    "minnow", "mole", "moorhen", "moose", "moth", "mouse", "mule", "muskrat", "mussel", "narwhal", "newt", "numbat",
    "nutria", "ocelot", "octopus", "okapi", "opossum", "orca", "oriole", "oryx", "osprey", "ostrich", "otter", "owl",
    "ox", "oyster", "panda", "panther", "parrot", "peacock", "pelican", "penguin", "perch", "petrel", "pigeon", "pika",
    "pike", "pipit", "plaice", "plover", "polecat", "pony", "possum", "prawn", "puffin", "puma", "python", "quail",
    "quetzal", "quokka", "quoll", "rabbit", "raccoon", "rail", "ram", "raven", "ray", "redpoll", "redwing", "rhea",
    "rhino", "robin", "roe", "rook", "sardine", "seal", "serval", "shark", "sheep", "shrew", "shrike", "shrimp",
    "siskin", "skate", "skink", "skua", "skylark", "sloth", "snail", "snipe", "sparrow", "squid", "stilt", "stoat",
    "stork", "sunbird", "swallow", "swan", "tamarin", "tanager", "tapir", "tarsier", "tench", "tern", "thrush",
    "tiger", "toad", "toucan", "trout", "tuna", "turbot", "turkey", "turtle", "vicuna", "viper", "vole", "wagtail",
    "wallaby", "walrus", "warbler", "weasel", "weaver", "weevil", "whale", "whelk", "wigeon", "wildcat", "wolf",
    "wombat", "wren", "wryneck", "yak", "zebra", "zebu",
];

/// A random three-word name, "adjective-colour-animal", out of 2,097,152.
///
/// Whoever calls it looks that nobody has the name; they are so many that what was deleted seldom finds its name taken
/// when it is restored.
pub(crate) fn random_name(random: [u8; 3]) -> String {
    fn word(words: &[&'static str], random: u8) -> &'static str {
        words.get(usize::from(random) % words.len()).copied().unwrap_or("")
    }
    let [a, b, c] = random;
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
    fn each_random_name_is_as_likely_as_the_next() {
        for words in [&ADJECTIVES[..], &COLOURS[..], &ANIMALS[..]] {
            assert!(256 % words.len() == 0, "a byte chooses evenly");
            assert!(words.is_sorted_by(|one, next| one < next), "each once");
            assert!(words.iter().all(|word| word.bytes().all(|byte| byte.is_ascii_lowercase())));
        }
        assert_eq!(random_name([0, 0, 0]), "able-almond-addax");
        assert_eq!(random_name([255, 255, 255]), "zesty-yellow-zebu");
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
