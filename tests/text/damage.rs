//! An index that is lost, damaged, old or of another store is made anew; no answer is wrong meanwhile.

use std::fs;
use std::path::{Path, PathBuf};

use modeldb::{Filter, QueryField};

use super::generate;
use super::world::{World, options};
use crate::support::random::{PrintSeed, Random, seed};
use crate::support::seal;

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() { copy(&entry.path(), &to) } else { drop(fs::copy(entry.path(), to)) }
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

/// Some questions, and one of each sort that reads other files.
fn questions(random: &mut Random) -> Vec<Filter> {
    let mut questions: Vec<Filter> = (0..6).map(|_| generate::filter(random, 1)).collect();
    questions.retain(|filter| filter.check(modeldb::EntityKind::Run).is_ok());
    for text in ["forest", "\"random forest\"", "fo*", "forst~", "forest -draft"] {
        questions.push(QueryField::Text.matches(text));
    }
    questions.extend([QueryField::Description.has_substring("orest"), QueryField::Name.has_substring("fo")]);
    questions
}

/// A closed store whose index is complete.
fn indexed(random: &mut Random, runs: usize) -> World {
    let world = World::new(random, runs);
    world.catch_up();
    world.store.close().unwrap();
    world
}

/// The store of `world` with another index: as it is opened, and when it has caught up.
fn check_with(world: &mut World, questions: &[Filter], change: impl FnOnce(&Path)) {
    let original = world.folder.path().join("store");
    let kept = world.folder.path().join("kept");
    if !kept.exists() {
        copy(&original, &kept);
    }
    fs::remove_dir_all(&original).unwrap();
    copy(&kept, &original);
    change(&original.join("text"));
    world.store = options().open(&original).unwrap();
    questions.iter().for_each(|filter| world.check(filter));
    world.catch_up();
    questions.iter().for_each(|filter| world.check(filter));
    world.store.close().unwrap();
}

#[test]
fn a_lost_index_comes_back() {
    let mut random = Random::new(1);
    let mut world = indexed(&mut random, 60);
    let questions = questions(&mut random);
    check_with(&mut world, &questions, |text| fs::remove_dir_all(text).unwrap());
    check_with(&mut world, &questions, |text| {
        fs::remove_dir_all(text).unwrap();
        fs::create_dir(text).unwrap();
    });
    // Something else stands there.
    check_with(&mut world, &questions, |text| {
        fs::remove_dir_all(text).unwrap();
        fs::create_dir(text).unwrap();
        fs::write(text.join("meta.json"), "{}").unwrap();
        fs::write(text.join("notes.txt"), "mine").unwrap();
    });
}

#[test]
fn each_file_may_be_missing_cut_off_or_changed() {
    let seed = seed(4);
    let (_print, mut random) = (PrintSeed(seed), Random::new(seed));
    let mut world = indexed(&mut random, 60);
    let questions = questions(&mut random);
    let text = world.folder.path().join("store/text");
    let names: Vec<_> = files(&text).into_iter().map(|path| path.file_name().unwrap().to_owned()).collect();
    assert!(names.len() > 5, "{names:?}");
    for name in names {
        check_with(&mut world, &questions, |text| fs::remove_file(text.join(&name)).unwrap());
        for _ in 0..3 {
            check_with(&mut world, &questions, |text| {
                let bytes = fs::read(text.join(&name)).unwrap();
                fs::write(text.join(&name), &bytes[..random.below(bytes.len())]).unwrap();
            });
        }
        for _ in 0..10 {
            check_with(&mut world, &questions, |text| {
                let mut bytes = fs::read(text.join(&name)).unwrap();
                if bytes.is_empty() {
                    return;
                }
                let at = random.below(bytes.len());
                bytes[at] ^= 1 << random.below(8);
                fs::write(text.join(&name), bytes).unwrap();
            });
        }
    }
}

/// Files that are cut off while they are open are errors, not signals.
#[test]
fn files_may_be_cut_off_while_they_are_searched() {
    let mut random = Random::new(5);
    let mut world = indexed(&mut random, 200);
    let questions = questions(&mut random);
    for most in [0, 1, 10, 100] {
        world.store = world.open();
        world.catch_up();
        for path in files(&world.folder.path().join("store/text")) {
            let file = fs::OpenOptions::new().write(true).open(&path).unwrap();
            if file.metadata().unwrap().len() > most {
                file.set_len(most).unwrap();
            }
        }
        questions.iter().for_each(|filter| world.check(filter));
        // What was noticed is made anew.
        world.change(&mut random);
        let _ = world.store.wait_indexed(world.store.read().sequence());
        questions.iter().for_each(|filter| world.check(filter));
        world.store.close().unwrap();
    }
}

/// Changes `meta.json` and gives it a checksum that fits.
fn alter(text: &Path, alter: impl Fn(&str) -> String) {
    let path = text.join("meta.json");
    let bytes = fs::read(&path).unwrap();
    let old = std::str::from_utf8(&bytes[6..]).unwrap();
    let new = alter(old);
    assert_ne!(old, new);
    fs::write(path, seal(48, b"meta.json", new.as_bytes())).unwrap();
}

#[test]
fn an_index_of_something_else_is_not_used() {
    let mut random = Random::new(6);
    let mut world = indexed(&mut random, 60);
    let questions = questions(&mut random);
    // Another version, another schema, a store that went on otherwise, a commit that is not there, more rows.
    check_with(&mut world, &questions, |text| alter(text, |meta| meta.replace("modeldb-text 1", "modeldb-text 0")));
    check_with(&mut world, &questions, |text| alter(text, |meta| meta.replace("\"tags\"", "\"togs\"")));
    check_with(&mut world, &questions, |text| {
        alter(text, |meta| {
            // The last digit of the hash.
            let at = meta.find("modeldb-text 1 ").unwrap() + "modeldb-text 1 ".len();
            let end = at + meta[at..].find(' ').unwrap();
            let digit = if meta[..end].ends_with('0') { "1" } else { "0" };
            format!("{}{digit}{}", &meta[..end - 1], &meta[end..])
        })
    });
    check_with(&mut world, &questions, |text| {
        alter(text, |meta| {
            let at = meta.find("modeldb-text 1 ").unwrap() + "modeldb-text 1 ".len();
            format!("{}9{}", &meta[..at], &meta[at..])
        })
    });
    check_with(&mut world, &questions, |text| alter(text, |meta| meta.replace(" clean", "9 clean")));
    let other = indexed(&mut random, 60);
    check_with(&mut world, &questions, |text| {
        fs::remove_dir_all(text).unwrap();
        copy(&other.folder.path().join("store/text"), text);
    });
}

/// The process dies between a commit of the store and that of the index, or in the middle of the latter.
#[test]
fn a_crash_leaves_an_index_that_goes_on_or_is_made_anew() {
    let seed = seed(7);
    let (_print, mut random) = (PrintSeed(seed), Random::new(seed));
    let mut world = World::new(&mut random, 80);
    world.catch_up();
    let folder = world.folder.path().join("store");
    let image = world.folder.path().join("image");
    for round in 0..10 {
        for _ in 0..20 {
            world.change(&mut random);
        }
        let questions = questions(&mut random);
        let _ = fs::remove_dir_all(&image);
        fs::create_dir(&image).unwrap();
        // The one or the other is older. Files come and go meanwhile.
        let copy_text = || {
            fs::create_dir(image.join("text")).unwrap();
            for path in fs::read_dir(folder.join("text")).into_iter().flatten().flatten() {
                let _ = fs::copy(path.path(), image.join("text").join(path.file_name()));
            }
        };
        if round % 2 == 0 {
            copy_text();
            world.change(&mut random);
        }
        fs::copy(folder.join("store.redb"), image.join("store.redb")).unwrap();
        if round % 2 == 1 {
            world.change(&mut random);
            std::thread::sleep(std::time::Duration::from_millis(random.below(500) as u64));
            copy_text();
        }
        let kept = std::mem::replace(&mut world.store, options().open(&image).unwrap());
        questions.iter().for_each(|filter| world.check(filter));
        world.catch_up();
        questions.iter().for_each(|filter| world.check(filter));
        world.store.close().unwrap();
        world.store = kept;
    }
}
