//! An export can be verified by a program that shares no line with this crate: examples/verify_export.py.

use std::io::Write as _;
use std::process::{Command, Output};
use std::sync::OnceLock;

use modeldb::{Actor, ErrorKind, Head, NewRun, Sequence, Value};

use super::support::{Bench, Random, kind, seed};

/// A log with everything an export can hold: several actors, long texts, many changes, odd characters.
fn story() -> Bench {
    let bench = Bench::new();
    let alice = bench.store.as_actor(Actor::user("alice \"q\" \u{1f40d}").reason("a\nb").session("s"));
    let long = "long \u{e9} ".repeat(1000);
    let run =
        bench.run(NewRun::named("r\"1\"").description(long.clone()).metric("a.b", f64::NAN).attribute("n", i64::MIN));
    bench.clock.advance(5);
    alice
        .write_once("request-1", |w| {
            w.runs().log_metrics(&run, [("x", Value::from(0.1)), ("y", 1.5.into()), ("z", (-0.0).into())])?;
            w.runs().describe(&run, "short")?;
            w.runs().add_tags(&run, ["t", "\u{1f525}"])?;
            w.runs()
                .log_attributes(&run, [("nested", Value::List(vec![long.clone().into(), Value::Null, true.into()]))])?;
            w.projects().rename(&bench.project, "renamed")
        })
        .unwrap();
    alice
        .write(|w| {
            w.runs().create_many(&bench.experiment, (0..300).map(|_| NewRun::new().description("x".repeat(600))))
        })
        .unwrap();
    for n in 0..200 {
        bench.store.write(|w| w.runs().log_hyperparameter(&run, format!("h{n}"), n)).unwrap();
    }
    bench.store.write(|w| w.runs().rename(&run, &long)).unwrap();
    alice.write(|w| w.experiments().delete(&bench.experiment)).unwrap();
    bench
}

fn export(bench: &Bench) -> Vec<u8> {
    let mut bytes = Vec::new();
    let written = bench.store.audit().export(&mut bytes).unwrap();
    assert_eq!(written, bench.store.read().sequence().get());
    assert_eq!(bytes.iter().filter(|byte| **byte == b'\n').count() as u64, written, "one line a commit");
    bytes
}

/// The interpreter itself: what `python3` names may be a script that looks for one each time.
fn python() -> Option<&'static str> {
    static PATH: OnceLock<Option<String>> = OnceLock::new();
    let find = || {
        let found = Command::new("python3").args(["-c", "import sys; print(sys.executable)"]).output().ok()?;
        let path = String::from_utf8(found.stdout).ok()?.trim().to_owned();
        (found.status.success() && !path.is_empty()).then_some(path)
    };
    PATH.get_or_init(find).as_deref()
}

/// What the verifier says of `bytes`: whether it found them whole, and its words. None without an interpreter.
fn verdict(bytes: &[u8], options: &[&str]) -> Option<(bool, String)> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/verify_export.py");
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    let Some(python) = python() else {
        println!("skipped: there is no python3");
        return None;
    };
    let output = Command::new(python).arg(script).arg(file.path()).args(options).output().unwrap();
    let Output { status, stdout, .. } = output;
    let words = String::from_utf8(stdout).unwrap();
    assert_eq!(words.lines().last().unwrap().starts_with("OK"), status.success(), "{words}");
    assert!(matches!(status.code(), Some(0 | 1)), "{words}");
    Some((status.success(), words))
}

#[test]
fn an_export_is_verified_by_another_program() {
    let bench = story();
    let bytes = export(&bench);
    let head = bench.store.audit().head().unwrap();
    let Some((ok, words)) = verdict(&bytes, &["--head", &head.to_string()]) else { return };
    println!("{words}");
    assert!(ok && words.ends_with(&format!("head {head}\n")), "{words}");
    // An older head, and heads of other logs.
    let older = bench.store.read().commit(Sequence::new(100)).unwrap().head();
    assert!(verdict(&bytes, &["--head", &older.to_string()]).unwrap().0);
    let flipped = head.to_string().replace('7', "8");
    let longer = format!("{}:{}", head.sequence.next(), head.hash);
    for wrong in [flipped, longer] {
        assert!(!verdict(&bytes, &["--head", &wrong]).unwrap().0, "{wrong}");
    }
    // What it shows comes from the hashed bytes.
    let (_, shown) = verdict(&bytes, &["--show"]).unwrap();
    assert!(shown.contains("request-1") && shown.contains("-9223372036854775808") && shown.contains("NaN"));
}

#[test]
fn an_export_of_later_commits_goes_on_from_a_head() {
    let bench = story();
    let from: Head = bench.store.read().commit(Sequence::new(50)).unwrap().head();
    let mut rest = Vec::new();
    let written = bench.store.audit().export_after(from.sequence, &mut rest).unwrap();
    assert_eq!(written, bench.store.read().sequence().get() - 50);
    let whole = export(&bench);
    assert!(whole.ends_with(&rest), "the same lines");
    let head = bench.store.audit().head().unwrap().to_string();
    let Some((ok, words)) = verdict(&rest, &["--after", &from.to_string(), "--head", &head]) else { return };
    assert!(ok, "{words}");
    assert!(!verdict(&rest, &[]).unwrap().0, "it does not begin at the first commit");
    let other = bench.store.read().commit(Sequence::new(49)).unwrap().head();
    assert!(!verdict(&rest, &["--after", &other.to_string()]).unwrap().0);
}

#[test]
fn an_export_of_the_past_ends_there() {
    let bench = story();
    let past = bench.store.read().as_of(Sequence::new(3)).unwrap();
    let mut bytes = Vec::new();
    assert_eq!(past.audit().export(&mut bytes).unwrap(), 3);
    assert!(export(&bench).starts_with(&bytes));
    assert_eq!(past.audit().export_after(Sequence::new(3), Vec::new()).unwrap(), 0);
    assert_eq!(kind(past.audit().export_after(Sequence::new(4), Vec::new())), ErrorKind::InvalidArgument);
    struct Full;
    impl std::io::Write for Full {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    assert_eq!(kind(past.audit().export(Full)), ErrorKind::StorageFull);
}

#[test]
fn lines_dropped_swapped_repeated_or_cut_are_found() {
    let bench = story();
    let bytes = export(&bench);
    let head = bench.store.audit().head().unwrap().to_string();
    let Some((true, _)) = verdict(&bytes, &["--head", &head]) else { return };
    let lines: Vec<&[u8]> = bytes.split_inclusive(|byte| *byte == b'\n').collect();
    let last = lines.len() - 1;
    let mut edited: Vec<(&str, Vec<&[u8]>)> = Vec::new();
    for at in [0, 1, 2, 100, last - 1] {
        let mut dropped = lines.clone();
        dropped.remove(at);
        edited.push(("dropped", dropped));
        let mut swapped = lines.clone();
        swapped.swap(at, at + 1);
        edited.push(("swapped", swapped));
        let mut repeated = lines.clone();
        repeated.insert(at, lines[at]);
        edited.push(("repeated", repeated));
    }
    for (what, edited) in edited {
        let (ok, words) = verdict(&edited.concat(), &[]).unwrap();
        assert!(!ok, "{what}: {words}");
    }
    // A log that was cut at its end is whole by itself: only a head shows it.
    let cut = lines[..last].concat();
    assert!(verdict(&cut, &[]).unwrap().0);
    assert!(!verdict(&cut, &["--head", &head]).unwrap().0);
    let half = &bytes[..bytes.len() - 40];
    assert!(!verdict(half, &[]).unwrap().0, "half a line");
}

/// Where the words for old and new values begin, which are for reading only, and are not verified.
fn is_for_reading(line: &str, at: usize) -> bool {
    let before = &line[..at];
    [r#""old":"#, r#""new":"#].iter().any(|name| {
        // Within the value: no later field of the edit, and no later edit, has begun.
        before.rfind(name).is_some_and(|from| !before[from..].contains(r#"},{"#) && !before[from..].contains("]"))
    })
}

#[test]
fn an_edited_byte_is_found() {
    let mut random = Random(seed());
    let bench = Bench::new();
    let run = bench.run(NewRun::named("r").description("d".repeat(5000)).metric("m", 0.25));
    let alice = bench.store.as_actor(Actor::service("alice").reason("why"));
    alice.write_once("id", |w| w.runs().add_tags(&run, ["t"])).unwrap();
    let bytes = export(&bench);
    let Some((true, _)) = verdict(&bytes, &[]) else { return };
    let text = String::from_utf8(bytes.clone()).unwrap();
    let mut tried = 0;
    while tried < 60 {
        let at = random.below(bytes.len());
        let line_start = text[..at].rfind('\n').map_or(0, |newline| newline + 1);
        let line = &text[line_start..];
        let old = bytes[at];
        let new = match old {
            b'0'..=b'8' => old + 1,
            b'9' => b'a',
            b'a'..=b'y' => old + 1,
            _ => continue,
        };
        if is_for_reading(line, at - line_start) {
            continue;
        }
        let mut edited = bytes.clone();
        edited[at] = new;
        let (ok, words) = verdict(&edited, &[]).unwrap();
        let around = &text[at.saturating_sub(40)..(at + 20).min(text.len())];
        assert!(!ok, "byte {at}, {} for {}, near {around}: {words}", new as char, old as char);
        tried += 1;
    }
    println!("{tried} edits, all found");
}

/// What a purge erased is told as erased, with the commit that did it; the chain is whole without it.
#[test]
fn an_export_tells_what_was_erased() {
    let bench = story();
    let runs: Vec<_> = {
        let read = bench.store.read().as_of(Sequence::new(5)).unwrap();
        let listed = read.runs().list(&bench.experiment).unwrap();
        listed.into_iter().map(|run| run.unwrap().id).collect()
    };
    assert!(runs.len() > 300);
    let erased = bench.store.purge().unwrap();
    assert!(erased.changes > 500);
    let bytes = export(&bench);
    let text = String::from_utf8(bytes.clone()).unwrap();
    assert_eq!(text.matches("\"erased\":").count() as u64, erased.changes);
    assert_eq!(text.matches("\"purged\":").count() as u64, 1 + 301 + 1, "the experiment's purge begins and ends");
    let lines: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let mut named = std::collections::BTreeMap::<u64, u64>::new();
    let mut said = named.clone();
    for line in &lines {
        for change in line["changes"].as_array().unwrap() {
            if let Some(by) = change["by"].as_u64() {
                assert!(change.get("bytes").is_none() && change.get("salt").is_none());
                assert_eq!(change["erased"].as_str().unwrap().len(), 64);
                *named.entry(by).or_default() += 1;
            }
            let purged = &change["says"]["purged"];
            if let Some(changes) = purged["changes"].as_u64().filter(|changes| *changes > 0) {
                *said.entry(line["sequence"].as_u64().unwrap()).or_default() += changes;
            }
        }
    }
    assert_eq!(named, said, "each commit of the purge says how much it erased");
    // Of the creations, which have the first commits, the kind is still told.
    let codes: Vec<_> = lines[1]["changes"].as_array().unwrap().iter().map(|change| change["code"].clone()).collect();
    assert_eq!(codes, [3]);
    let head = bench.store.audit().head().unwrap().to_string();
    let Some((ok, words)) = verdict(&bytes, &["--head", &head]) else { return };
    assert!(ok, "{words}");
    println!("{words}");
    for (from, to) in [("\"code\":3", "\"code\":2"), ("\"code\":0", "\"code\":3")] {
        let edited = text.replacen(from, to, 1);
        assert_ne!(edited, text);
        assert!(!verdict(edited.as_bytes(), &[]).unwrap().0, "{from} for {to}");
    }
}
