//! Floors: who may import whom, held against the sources themselves.
//!
//! A module imports only from lower floors, and from its own floor only inside its own folder. The files of the
//! ground and of the door stand in one folder, `src` itself. There is no list of exceptions.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Every module of the crate by floor. One that is not named here fails the test.
const FLOORS: [(u8, &[&str]); 8] = [
    (
        0,
        &[
            "error",
            "id",
            "time",
            "value",
            "limits",
            "names",
            "progress",
            "words",
            "simulated",
            "digest",
            "paths",
            "positioned",
        ],
    ),
    (1, &["model"]),
    (2, &["codec", "storage", "blob"]),
    (3, &["log"]),
    (4, &["keys", "filter", "text"]),
    (5, &["query"]),
    (6, &["entity"]),
    (
        7,
        &[
            "artifacts",
            "environments",
            "gc",
            "store",
            "options",
            "snapshot",
            "write",
            "audit",
            "watch",
            "purge",
            "upkeep",
            "transfer",
            "admin",
            "run_logger",
            "fuzzing",
        ],
    ),
];

/// Floors whose files may use each other.
const OPEN_FLOORS: [u8; 2] = [0, 7];

/// What one module may use of another on its own floor: bytes, of which it knows nothing more.
const SAME_FLOOR: [(&str, &[&str]); 1] =
    [("storage", &["codec::envelope", "codec::archive", "codec::canon", "codec::observations"])];

/// The only places that may name a dependency. A path ends with `/` if it is a folder.
const HOMES: [(&str, &[&str]); 22] = [
    ("futures_core", &["blob/object.rs"]),
    ("memmap2", &["blob/mapped.rs"]),
    ("object_store", &["blob/object.rs"]),
    ("tokio", &["blob/object.rs"]),
    ("blake3", &["digest.rs"]),
    ("redb", &["storage/"]),
    ("rkyv", &["codec/archive.rs", "codec/v1/"]),
    ("crc32fast", &["codec/envelope.rs"]),
    ("lz4_flex", &["codec/compress.rs"]),
    ("minicbor", &["codec/canon.rs"]),
    ("sha2", &["codec/canon.rs", "log/chain.rs"]),
    ("siphasher", &["keys/", "filter/"]),
    ("pco", &["codec/columns.rs"]),
    ("serde_json", &["log/export.rs", "query/json.rs", "environments.rs", "transfer/"]),
    ("regex", &["query/pattern.rs"]),
    ("winnow", &["query/text/"]),
    ("tantivy", &["text/"]),
    ("boxcar", &["storage/dictionary.rs"]),
    ("pulp", &["filter/words.rs"]),
    ("getrandom", &["time.rs"]),
    ("md5", &["names.rs"]),
    ("uuid", &["codec/v1/", "entity/txn.rs"]),
];

/// Re-exports and documentation: they stand above all floors.
fn is_outside(path: &str) -> bool {
    path == "lib.rs" || path.starts_with("guide/")
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// Path within `src` and text of every source file.
fn sources() -> Vec<(String, String)> {
    fn walk(folder: &Path, into: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { walk(&path, into) } else { into.push(path) }
        }
    }
    let root = root();
    let mut paths = Vec::new();
    walk(&root, &mut paths);
    paths.sort();
    assert!(paths.len() > 40, "only {} files were found", paths.len());
    let read = |path: PathBuf| {
        let name: Vec<_> = path.strip_prefix(&root).unwrap().iter().map(|part| part.to_str().unwrap()).collect();
        (name.join("/"), fs::read_to_string(&path).unwrap())
    };
    paths.into_iter().map(read).collect()
}

/// The identifiers and punctuation of a source, without comments, texts and characters.
fn tokens(source: &str) -> Vec<String> {
    let chars: Vec<char> = source.chars().collect();
    let at = |index: usize| chars.get(index).copied().unwrap_or('\0');
    let mut tokens = Vec::new();
    let mut here = 0;
    while here < chars.len() {
        match (at(here), at(here + 1)) {
            ('/', '/') => {
                while here < chars.len() && at(here) != '\n' {
                    here += 1;
                }
            }
            ('/', '*') => {
                here += 2;
                while here < chars.len() && (at(here), at(here + 1)) != ('*', '/') {
                    here += 1;
                }
                here += 2;
            }
            ('r', '"' | '#') if raw_text(&chars, here).is_some() => here = raw_text(&chars, here).unwrap(),
            ('"', _) => {
                here += 1;
                while here < chars.len() && at(here) != '"' {
                    here += if at(here) == '\\' { 2 } else { 1 };
                }
                here += 1;
            }
            // A character, not a lifetime.
            ('\'', '\\') => {
                here += 3;
                while here < chars.len() && at(here) != '\'' {
                    here += 1;
                }
                here += 1;
            }
            ('\'', _) if at(here + 2) == '\'' => here += 3,
            (':', ':') => {
                tokens.push("::".to_owned());
                here += 2;
            }
            (char, _) if char.is_alphanumeric() || char == '_' => {
                let from = here;
                while at(here).is_alphanumeric() || at(here) == '_' {
                    here += 1;
                }
                tokens.push(chars[from..here].iter().collect());
            }
            (char, _) => {
                if !char.is_whitespace() {
                    tokens.push(char.to_string());
                }
                here += 1;
            }
        }
    }
    tokens
}

/// Where a raw text that begins at `from` ends, if one does.
fn raw_text(chars: &[char], from: usize) -> Option<usize> {
    let hashes = chars[from + 1..].iter().take_while(|char| **char == '#').count();
    let open = from + 1 + hashes;
    (chars.get(open) == Some(&'"')).then_some(())?;
    let mut here = open + 1;
    while here < chars.len() {
        let closing = chars[here + 1..].iter().take(hashes).filter(|char| **char == '#').count() == hashes;
        if chars[here] == '"' && closing {
            return Some(here + 1 + hashes);
        }
        here += 1;
    }
    Some(here)
}

/// The module path of a file: `codec/v1/mod.rs` is `["codec", "v1"]`.
fn module(path: &str) -> Vec<String> {
    let mut parts: Vec<String> = path.trim_end_matches(".rs").split('/').map(str::to_owned).collect();
    if parts.last().is_some_and(|last| last == "mod" || last == "lib") {
        parts.pop();
    }
    parts
}

/// The modules of this crate that a file names: at most two components each, from `crate` or from `super`.
fn named(path: &str, tokens: &[String]) -> BTreeSet<String> {
    let text = |index: usize| tokens.get(index).map_or("", String::as_str);
    let mut named = BTreeSet::new();
    // The depth in braces of each inline module that is open.
    let (mut inline, mut depth) = (Vec::<usize>::new(), 0);
    let mut here = 0;
    while here < tokens.len() {
        match text(here) {
            "{" => depth += 1,
            "}" => {
                depth -= 1;
                if inline.last() == Some(&depth) {
                    inline.pop();
                }
            }
            "mod" if text(here + 2) == "{" => inline.push(depth),
            word @ ("crate" | "super") if text(here + 1) == "::" && text(here.wrapping_sub(1)) != "::" => {
                let mut base = module(path);
                let mut next = here + 2;
                if word == "crate" {
                    base.clear();
                } else {
                    let mut up = 1;
                    while text(next) == "super" {
                        up += 1;
                        next += 2;
                    }
                    base.truncate((base.len() + inline.len()).saturating_sub(up));
                }
                for tail in first_names(tokens, next) {
                    let full: Vec<String> = base.iter().cloned().chain(tail).take(2).collect();
                    named.insert(full.join("::"));
                }
            }
            _ => {}
        }
        here += 1;
    }
    named
}

/// The first two names of each path that begins at `from`: one, or as many as stand in its braces.
fn first_names(tokens: &[String], from: usize) -> Vec<Vec<String>> {
    let text = |index: usize| tokens.get(index).map_or("", String::as_str);
    let name = |at: usize| -> Vec<Vec<String>> {
        let first = text(at).to_owned();
        if text(at + 1) != "::" {
            return vec![vec![first]];
        }
        let seconds = if text(at + 2) == "{" { in_braces(tokens, at + 2) } else { vec![at + 2] };
        seconds.into_iter().map(|second| vec![first.clone(), text(second).to_owned()]).collect()
    };
    if text(from) == "{" { in_braces(tokens, from).into_iter().flat_map(name).collect() } else { name(from) }
}

/// Where the items of a list in braces begin.
fn in_braces(tokens: &[String], open: usize) -> Vec<usize> {
    let (mut items, mut depth) = (vec![open + 1], 0);
    for (at, token) in tokens.iter().enumerate().skip(open) {
        match token.as_str() {
            "{" => depth += 1,
            "}" if depth == 1 => break,
            "}" => depth -= 1,
            "," if depth == 1 && tokens.get(at + 1).is_some_and(|next| next != "}") => items.push(at + 1),
            _ => {}
        }
    }
    items
}

fn floor(module: &str) -> Option<u8> {
    FLOORS.iter().find(|(_, modules)| modules.contains(&module)).map(|(floor, _)| *floor)
}

/// What is wrong with a file's imports.
fn misplaced_imports(path: &str, source: &str) -> Vec<String> {
    let room = module(path).first().cloned().unwrap_or_default();
    let Some(own) = floor(&room) else { return vec![format!("{path}: the module {room} has no floor")] };
    let mut wrong = Vec::new();
    for name in named(path, &tokens(source)) {
        let target = name.split("::").next().unwrap_or_default();
        let allowed = match floor(target) {
            _ if target == room => true,
            Some(floor) if floor == own => {
                let of_room = SAME_FLOOR.iter().filter(|(from, _)| *from == room);
                OPEN_FLOORS.contains(&own) || of_room.flat_map(|(_, names)| *names).any(|allowed| *allowed == name)
            }
            Some(floor) => floor < own,
            None => false,
        };
        if !allowed {
            wrong.push(format!("{path}: {room} may not use crate::{name}"));
        }
    }
    wrong
}

#[test]
fn modules_import_from_lower_floors_only() {
    let mut wrong = Vec::new();
    for (path, source) in sources().iter().filter(|(path, _)| !is_outside(path)) {
        wrong.extend(misplaced_imports(path, source));
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn every_module_of_the_table_exists() {
    for module in FLOORS.iter().flat_map(|(_, modules)| *modules) {
        let (file, folder) = (root().join(format!("{module}.rs")), root().join(module).join("mod.rs"));
        assert!(file.exists() != folder.exists(), "the table of floors names {module}");
    }
}

#[test]
fn dependencies_are_named_in_their_homes_only() {
    let mut wrong = Vec::new();
    for (path, source) in sources() {
        let tokens = tokens(&source);
        for (at, token) in tokens.iter().enumerate() {
            let Some((name, homes)) = HOMES.iter().find(|(name, _)| name == token) else { continue };
            // A path begins with it; a module or a function may have the same name.
            let is_path = tokens.get(at + 1).is_some_and(|next| next == "::")
                && at.checked_sub(1).is_none_or(|before| tokens[before] != "::");
            let at_home = homes.iter().any(|home| path == *home || (home.ends_with('/') && path.starts_with(home)));
            if is_path && !at_home {
                wrong.push(format!("{path} names {name}, which belongs in {homes:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn files_are_small_safe_and_ascii() {
    for (path, source) in sources() {
        assert!(source.lines().count() < 800, "{path} has {} lines", source.lines().count());
        assert!(source.is_ascii(), "{path} is not ASCII");
        let is_unsafe = tokens(&source).iter().any(|token| token == "unsafe" || token == "unsafe_code");
        assert_eq!(is_unsafe, path == "blob/mapped.rs", "{path} is unsafe");
    }
}

#[test]
fn the_scan_sees_what_it_is_for() {
    let wrong = |path: &str, source: &str| misplaced_imports(path, source).len();
    assert_eq!(wrong("model/run.rs", "use crate::{id::RunId, storage::Source};"), 1);
    assert_eq!(wrong("model/run.rs", "use crate::id::{RunId, ProjectId};"), 0);
    assert_eq!(wrong("storage/read.rs", "use crate::codec::{canon, envelope::Kind};"), 0);
    assert_eq!(wrong("storage/read.rs", "use crate::codec::{canon, v1};"), 1);
    assert_eq!(wrong("storage/read.rs", "use super::super::log::read;"), 1);
    assert_eq!(wrong("storage/read.rs", "fn f() -> crate::log::Head { g(\"crate::log\") } // crate::log"), 1);
    assert_eq!(wrong("log/read.rs", "mod tests { use super::super::read; } use super::chain;"), 0);
    assert_eq!(wrong("keys/mod.rs", "let quote = '\"'; use crate::entity::run;"), 1);
    assert_eq!(wrong("entity/run.rs", "use crate::store::Store;"), 1);
    assert_eq!(wrong("store.rs", "use crate::write::Writer; mod tests { use super::*; }"), 0);
    assert_eq!(wrong("elsewhere.rs", ""), 1);
    assert_eq!(wrong("codec/canon.rs", "macro_rules! m { () => { $crate::log::x } }"), 1);
}
