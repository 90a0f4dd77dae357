//! Random texts, changes and questions: the index finds what looking at each entity does, however far behind it is.

use std::borrow::Cow;

use modeldb::{Entity, Filter, NewRun, QueryField, Store};

use super::generate;
use super::plain;
use super::world::World;
use crate::support::random::{PrintSeed, Random, seed};

/// The crate's words are those of a plain program.
#[test]
fn random_queries_mean_what_a_plain_program_says() {
    let seed = seed(1);
    let (_print, mut random) = (PrintSeed(seed), Random::new(seed));
    let store = Store::in_memory().unwrap();
    let run = store
        .write(|w| {
            let project = w.projects().get_or_create("p")?;
            let experiment = w.experiments().get_or_create(&project, "e")?;
            w.runs().create(&experiment, NewRun::named("r"))
        })
        .unwrap();
    let mut run = store.read().runs().get(&run).unwrap();
    let mut hits = 0;
    for _ in 0..20_000 {
        let text = loop {
            let text = generate::text(&mut random);
            if text.len() < 2000 {
                break text;
            }
        };
        let other = generate::name(&mut random, 7);
        (run.description, run.name) = (text.clone(), other.clone());
        let parts = generate::query(&mut random);
        let query = plain::write(&parts, &mut random);
        let entity = Entity::Run(run.clone());
        let filter = QueryField::Description.matches(query.as_str());
        filter.check(modeldb::EntityKind::Run).unwrap_or_else(|error| panic!("{query}: {error}"));
        let expected = plain::fulfils(&parts, &[&text]);
        assert_eq!(filter.matches(&entity), expected, "{query:?} in {text:?}");
        hits += usize::from(expected);
        let expected = plain::fulfils(&parts, &[&text, &other]);
        assert_eq!(QueryField::Text.matches(query.as_str()).matches(&entity), expected, "{query:?}");
        let _: Cow<'_, str> = query.into();
    }
    assert!(hits > 500, "{hits}");
}

#[test]
fn random_searches_find_what_looking_does() {
    let seed = seed(2);
    let (_print, mut random) = (PrintSeed(seed), Random::new(seed));
    for round in 0..6 {
        let mut world = World::new(&mut random, 120);
        // The first question starts it.
        world.check(&Filter::parse("text matches 'forest'").unwrap());
        world.catch_up();
        for step in 0..14 {
            let caught_up = random.one_in(2);
            for _ in 0..random.below(30) {
                world.change(&mut random);
            }
            if random.one_in(4) {
                world.store.optimize().unwrap();
            }
            match random.below(10) {
                0 => world.reopen(),
                1 => drop(world.store.purge().unwrap()),
                _ => {}
            }
            if caught_up {
                world.catch_up();
            }
            for _ in 0..12 {
                let filter = generate::filter(&mut random, 2);
                // A question may be refused: of nothing but words to leave out.
                if filter.check(modeldb::EntityKind::Run).is_ok() {
                    world.check(&filter);
                }
            }
            assert!(round < 6 && step < 14);
        }
    }
}

/// Snapshots that are older than the index.
#[test]
fn held_snapshots_keep_their_answers() {
    let seed = seed(3);
    let (_print, mut random) = (PrintSeed(seed), Random::new(seed));
    let mut world = World::new(&mut random, 60);
    world.catch_up();
    for _ in 0..12 {
        let read = world.store.read();
        let filters: Vec<Filter> = (0..10).map(|_| generate::filter(&mut random, 1)).collect();
        let find = |filter: &Filter| {
            let found: Vec<_> = read.runs().find(filter.clone()).unwrap().ids().unwrap().collect();
            found.into_iter().map(Result::unwrap).collect::<Vec<_>>()
        };
        let before: Vec<_> = filters.iter().map(find).collect();
        for _ in 0..20 {
            world.change(&mut random);
        }
        world.catch_up();
        let after: Vec<_> = filters.iter().map(find).collect();
        assert_eq!(before, after);
    }
}

/// Each place of such a text is one of a part.
#[test]
fn long_texts_of_a_few_letters_are_found() {
    let store = super::world::options().open_in_memory().unwrap();
    let letters = "a".repeat(60_000);
    let words = "ab ".repeat(20_000);
    let texts = [format!("{letters}b"), letters, words.clone(), format!("{words}abc ab")];
    let new = texts.iter().zip(["r0", "r1", "r2", "r3"]).map(|(text, name)| NewRun::named(name).description(text));
    store
        .write(|w| {
            let project = w.projects().get_or_create("p")?;
            let experiment = w.experiments().get_or_create(&project, "e")?;
            w.runs().create_many(&experiment, new)
        })
        .unwrap();
    let a = "a".repeat(200);
    for (question, expected) in [
        (format!("description contains '{a}'"), "r0 r1"),
        (format!("description contains '{a}b'"), "r0"),
        ("description contains 'b ab abc ab'".to_owned(), "r3"),
        ("description contains 'bab'".to_owned(), ""),
        (r#"description matches '"ab ab abc"'"#.to_owned(), "r3"),
        ("description matches 'ab-ab-a*'".to_owned(), "r2 r3"),
        ("description matches 'abc-ab*'".to_owned(), "r3"),
        ("description matches 'abc-ab-abc*'".to_owned(), ""),
    ] {
        let find = || store.read().runs().find(&*question).unwrap().order_by("name");
        find().count().unwrap();
        store.wait_indexed(store.read().sequence()).unwrap();
        let found: Vec<String> = find().iter().unwrap().map(|run| run.unwrap().name).collect();
        assert_eq!(found.join(" "), expected, "{question}");
    }
}
