//! Tags are a sorted set (ModelDB 2.6).

use modeldb::{Error, ErrorKind, NewExperiment, NewProject, NewRun};

use super::support::{Bench, kind};

#[test]
fn tags_are_a_sorted_set() {
    let bench = Bench::new();
    let run = bench.run(NewRun::new());
    let add = |tags: &[&str]| bench.store.write(|w| w.runs().add_tags(&run, tags.iter().copied()));
    add(&["a", "a", "b"]).unwrap();
    assert_eq!(bench.get(&run).tags, ["a", "b"]);
    add(&["b", "Z", "\u{e9}", "aa"]).unwrap();
    assert_eq!(bench.get(&run).tags, ["Z", "a", "aa", "b", "\u{e9}"], "in order of code units");
    let version = bench.get(&run).version_number;
    let sequence = bench.store.read().sequence();
    add(&["a", "b"]).unwrap();
    assert_eq!(bench.get(&run).version_number, version, "adding what is there changes nothing");
    assert_eq!(bench.store.read().sequence(), sequence);
}

#[test]
fn a_tag_has_1_to_40_characters() {
    let bench = Bench::new();
    let run = bench.run(NewRun::new());
    let (longest, longer) = ("\u{e9}".repeat(40), "x".repeat(41));
    let store = &bench.store;
    type Refused = Result<(), Error>;
    for bad in [vec![], vec![String::new()], vec![longer.clone()], vec!["ok".to_owned(), longer.clone()]] {
        let refused: [Refused; 3] = [
            store.write(|w| w.projects().add_tags(&bench.project, bad.clone())),
            store.write(|w| w.experiments().add_tags(&bench.experiment, bad.clone())),
            store.write(|w| w.runs().add_tags(&run, bad.clone())),
        ];
        for refused in refused {
            assert_eq!(kind(refused), ErrorKind::InvalidArgument);
        }
    }
    assert!(bench.get(&run).tags.is_empty(), "nothing of a refused batch is written");
    store.write(|w| w.projects().add_tags(&bench.project, [longest.clone()])).unwrap();
    store.write(|w| w.experiments().add_tags(&bench.experiment, [longest.clone()])).unwrap();
    store.write(|w| w.runs().add_tags(&run, [longest.clone()])).unwrap();
    assert_eq!(store.read().projects().get(&bench.project).unwrap().tags, std::slice::from_ref(&longest));
    assert_eq!(store.read().experiments().get(&bench.experiment).unwrap().tags, std::slice::from_ref(&longest));
    assert_eq!(bench.get(&run).tags, [longest]);
    // The same at creation.
    let invalid = ErrorKind::InvalidArgument;
    assert_eq!(kind(store.write(|w| w.projects().create(NewProject::new().tag("")))), invalid);
    let new = NewExperiment::new().tag(longer.clone());
    assert_eq!(kind(store.write(|w| w.experiments().create(&bench.project, new))), invalid);
    assert_eq!(kind(bench.try_run(NewRun::new().tag(longer))), invalid);
}
