//! The best matches first.

use modeldb::{ErrorKind, Filter, NewRun, RunId, Store};

use super::generate;
use super::world::{World, options};
use crate::support::random::{PrintSeed, Random, seed};

fn store(runs: &[(&str, &str)]) -> (Store, Vec<RunId>) {
    let store = options().open_in_memory().unwrap();
    let runs = store
        .write(|w| {
            let project = w.projects().get_or_create("p")?;
            let experiment = w.experiments().get_or_create(&project, "e")?;
            let new = runs.iter().map(|(name, text)| NewRun::named(*name).description(*text));
            w.runs().create_many(&experiment, new)
        })
        .unwrap();
    (store, runs)
}

fn names(store: &Store, filter: &str, k: u32) -> Vec<String> {
    let found = store.read().runs().find(filter).unwrap().most_relevant(k).unwrap();
    found.into_iter().map(|relevant| relevant.item.name).collect()
}

#[test]
fn rare_words_and_short_texts_come_first() {
    let (store, _) = store(&[
        ("long", "a forest and many other words that have nothing to do with it, and more of them"),
        ("none", "something else"),
        ("both", "a rare forest"),
        ("short", "the forest"),
        ("other", "forest of the others"),
    ]);
    store.wait_indexed(store.read().sequence()).unwrap();
    assert_eq!(names(&store, "text matches 'forest'", 9), ["short", "both", "other", "long"]);
    assert_eq!(names(&store, "text matches 'forest'", 1), ["short"]);
    assert_eq!(names(&store, "description matches 'rare' or description matches 'forest'", 2), ["both", "short"]);
    assert_eq!(names(&store, "text matches 'forest' and name != 'short'", 2), ["both", "other"]);
    // What matches for another reason comes last.
    assert_eq!(names(&store, "text matches 'rare' or name = 'none'", 9), ["both", "none"]);
    assert_eq!(names(&store, "text matches 'forst~ fores*' and not text matches 'rare'", 1), ["short"]);
}

#[test]
fn what_the_index_has_not_seen_comes_first() {
    let (store, runs) = store(&[("old", "a forest"), ("other", "forest forest"), ("none", "tree")]);
    assert_eq!(names(&store, "text matches 'forest'", 9), ["other", "old"], "there is no index yet");
    store.wait_indexed(store.read().sequence()).unwrap();
    store.write(|w| w.runs().describe(&runs[2], "the forest, at last")).unwrap();
    let find = store.read().runs().find("text matches 'forest'").unwrap();
    let found = find.most_relevant(9).unwrap();
    assert_eq!(found.len(), 3);
    let unseen: Vec<_> = found.iter().filter(|relevant| relevant.score.is_none()).collect();
    // The index may have caught up by now.
    assert!(unseen.is_empty() || unseen[0].item.name == "none" && found[0].score.is_none());
    let snippet = found.iter().find(|relevant| relevant.item.name == "none").unwrap().snippet.clone().unwrap();
    assert_eq!(&snippet.text[snippet.highlights[0].clone()], "forest");
    assert_eq!(snippet.field.to_string(), "description");
}

#[test]
fn some_questions_have_no_relevance() {
    let (store, _) = store(&[("a", "forest")]);
    for filter in ["name = 'a'", "not text matches 'forest'"] {
        let error = store.read().runs().find(filter).unwrap().most_relevant(3).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{filter}");
    }
    let find = store.read().runs().find("text matches 'forest'").unwrap();
    assert_eq!(find.order_by("name").most_relevant(3).unwrap_err().kind(), ErrorKind::InvalidArgument);
}

/// Whatever the order, the matches are those of the search; and scores never rise.
#[test]
fn all_matches_are_there_once() {
    let seed = seed(8);
    let (_print, mut random) = (PrintSeed(seed), Random::new(seed));
    let mut world = World::new(&mut random, 120);
    for _ in 0..6 {
        world.catch_up();
        for _ in 0..random.below(20) {
            world.change(&mut random);
        }
        for _ in 0..15 {
            let parts = generate::query(&mut random);
            let query = super::plain::write(&parts, &mut random);
            let filter = Filter::field("text").matches(query.as_str());
            let find = world.store.read().runs().find(filter).unwrap();
            let mut expected: Vec<RunId> = find.ids().unwrap().map(Result::unwrap).collect();
            let found = find.most_relevant(u32::MAX).unwrap();
            let score = |relevant: &modeldb::Relevant<_>| relevant.score.unwrap_or(f32::INFINITY);
            assert!(found.is_sorted_by(|a, b| score(a) >= score(b)), "{query}");
            for relevant in &found {
                let Some(snippet) = &relevant.snippet else { continue };
                assert!(snippet.highlights.iter().all(|span| !snippet.text[span.clone()].is_empty()));
            }
            let mut ids: Vec<RunId> = found.into_iter().map(|relevant| relevant.item.id).collect();
            ids.sort_unstable();
            expected.sort_unstable();
            assert_eq!(ids, expected, "{query}");
        }
    }
}

/// An index that nobody follows knows that something was changed, but not by which commit.
#[test]
fn of_the_past_nothing_is_ranked_as_it_was_before() {
    let folder = tempfile::tempdir().unwrap();
    let store = options().open(folder.path()).unwrap();
    let runs = store
        .write(|w| {
            let project = w.projects().get_or_create("p")?;
            let experiment = w.experiments().get_or_create(&project, "e")?;
            let new = [("a", "forest"), ("b", "tree tree")];
            w.runs().create_many(&experiment, new.map(|(name, text)| NewRun::named(name).description(text)))
        })
        .unwrap();
    store.wait_indexed(store.read().sequence()).unwrap();
    // The folder as it is now goes with the store as it will be.
    let kept = tempfile::tempdir().unwrap();
    let copy = |from: &std::path::Path, to: &std::path::Path| {
        std::fs::create_dir_all(to).unwrap();
        for file in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
            std::fs::copy(file.path(), to.join(file.file_name())).unwrap();
        }
    };
    copy(&folder.path().join("text"), kept.path());
    store.write(|w| w.runs().describe(&runs[0], "a tree")).unwrap();
    let between = store.read().sequence();
    store.write(|w| w.runs().log_metric(&runs[1], "x", 1)).unwrap();
    store.close().unwrap();
    std::fs::remove_dir_all(folder.path().join("text")).unwrap();
    copy(kept.path(), &folder.path().join("text"));
    let store = Store::options().read_only(true).open(folder.path()).unwrap();
    store.wait_indexed(store.read().sequence()).unwrap();
    for read in [store.read(), store.read().as_of(between).unwrap()] {
        let found = read.runs().find("description matches 'tree'").unwrap().most_relevant(5).unwrap();
        let scored: Vec<_> = found.into_iter().map(|found| (found.item.name, found.score.is_some())).collect();
        assert!(scored.contains(&("a".to_owned(), false)), "{scored:?}");
    }
}
