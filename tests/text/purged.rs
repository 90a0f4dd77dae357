//! What was purged is gone from the files of the index, too.

use std::fs;
use std::path::Path;

use modeldb::{NewRun, QueryField};

use super::world::World;
use crate::support::random::Random;

/// The words and parts in the files of an index, as the library itself reads them.
#[cfg(feature = "text")]
fn terms(folder: &Path) -> Vec<String> {
    // Files come and go while parts are put together in the background.
    for _ in 0..100 {
        match settled_terms(folder) {
            Some(terms) => return terms,
            None => std::thread::sleep(std::time::Duration::from_millis(100)),
        }
    }
    panic!("there are files that belong to nothing");
}

#[cfg(feature = "text")]
fn settled_terms(folder: &Path) -> Option<Vec<String>> {
    use tantivy::directory::{Directory as _, RamDirectory, TerminatingWrite as _};
    let directory = RamDirectory::create();
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = Path::new(path.file_name().unwrap());
        let bytes = fs::read(&path).ok()?;
        if name.ends_with("meta.json") || name.ends_with(".managed.json") {
            // Behind kind, version and checksum.
            directory.atomic_write(name, &bytes[6..]).unwrap();
        } else {
            names.push(name.to_owned());
            let mut file = directory.open_write(name).unwrap();
            std::io::Write::write_all(&mut file, &bytes).unwrap();
            file.terminate().unwrap();
        }
    }
    let index = tantivy::Index::open(directory).ok()?;
    let mut terms = Vec::new();
    for segment in index.searchable_segments().unwrap() {
        let id = segment.id().uuid_string();
        names.retain(|name| !name.to_str().unwrap().starts_with(&id));
        let reader = tantivy::SegmentReader::open(&segment).ok()?;
        for (field, entry) in index.schema().fields() {
            if entry.field_type().is_indexed() {
                let inverted = reader.inverted_index(field).unwrap();
                let mut stream = inverted.terms().stream().unwrap();
                while let Some((term, _)) = stream.next() {
                    terms.push(String::from_utf8_lossy(term).into_owned());
                }
            }
        }
    }
    names.is_empty().then_some(terms)
}

/// Whether something of a word stands in an index.
fn stands_in(folder: &Path, marker: &str) -> bool {
    #[cfg(feature = "text")]
    {
        let parts = [marker, &marker[..3], &marker[1..4], &marker[2..5]];
        terms(folder).iter().any(|term| parts.iter().any(|part| term == part || term.starts_with(marker)))
    }
    #[cfg(not(feature = "text"))]
    {
        let _ = marker;
        folder.exists()
    }
}

#[test]
fn no_file_has_what_was_purged() {
    let mut random = Random::new(1);
    let mut world = World::new(&mut random, 100);
    world.catch_up();
    let text = world.folder.path().join("store/text");
    let new = |word: &str| NewRun::named(format!("run {word}")).description(format!("a {word}description")).tag("x");
    // What another build left behind.
    #[cfg(not(feature = "text"))]
    fs::create_dir(&text).unwrap();
    for round in 0..4 {
        // A change may have deleted it.
        let _ = world.store.write(|w| w.experiments().restore(&world.experiments[0]));
        let run = world.store.write(|w| w.runs().create(&world.experiments[0], new("xyzzymarker"))).unwrap();
        world.catch_up();
        #[cfg(feature = "text")]
        assert!(stands_in(&text, "xyzzymarker"));
        if round % 2 == 1 {
            // An older text of it is in the files, outdated.
            world.store.write(|w| w.runs().describe(&run, "quuxmarker")).unwrap();
            world.catch_up();
        }
        if round > 1 {
            world.reopen();
        }
        world.store.write(|w| w.runs().delete(&run)).unwrap();
        let report = world.store.purge().unwrap();
        assert!(report.runs >= 1, "{report:?}");
        for marker in ["xyzzymarker", "quuxmarker"] {
            assert!(!stands_in(&text, marker), "round {round}: {marker}");
        }
        for _ in 0..10 {
            world.change(&mut random);
        }
        world.check(&QueryField::Text.matches("xyzzymarker"));
    }
}

/// A purge that ended before the index was cleaned.
#[test]
fn a_crash_after_a_purge_is_made_up_for() {
    let mut random = Random::new(2);
    let mut world = World::new(&mut random, 50);
    let new = NewRun::named("xyzzymarker").description("xyzzymarker");
    let run = world.store.write(|w| w.runs().create(&world.experiments[0], new)).unwrap();
    world.catch_up();
    world.store.close().unwrap();
    let text = world.folder.path().join("store/text");
    let kept = world.folder.path().join("kept");
    fs::create_dir(&kept).unwrap();
    for entry in fs::read_dir(&text).into_iter().flatten() {
        let path = entry.unwrap().path();
        fs::copy(&path, kept.join(path.file_name().unwrap())).unwrap();
    }
    world.store = world.open();
    world.store.write(|w| w.runs().delete(&run)).unwrap();
    world.store.purge().unwrap();
    world.store.close().unwrap();
    // The index as it was before all that.
    let _ = fs::remove_dir_all(&text);
    fs::rename(&kept, &text).unwrap();
    world.store = world.open();
    world.catch_up();
    #[cfg(feature = "text")]
    assert!(!stands_in(&text, "xyzzymarker"));
    world.check(&QueryField::Text.matches("xyzzymarker"));
}

/// A store with a deleted experiment that takes several slices to purge, and with others that stay.
#[cfg(feature = "text")]
fn with_much_to_purge(folder: &Path, index_first: bool) -> modeldb::Store {
    let store = super::world::options().open(folder).unwrap();
    let gone = store
        .write(|w| {
            let project = w.projects().get_or_create("p")?;
            let kept = w.experiments().get_or_create(&project, "kept")?;
            w.runs().create_many(&kept, (0..2000).map(|run| NewRun::named(format!("run {run}"))))?;
            let gone = w.experiments().get_or_create(&project, "gone")?;
            w.runs().create_many(&gone, (0..1500).map(|run| NewRun::named(format!("xyzzymarker{run}"))))?;
            Ok(gone)
        })
        .unwrap();
    if index_first {
        store.wait_indexed(store.read().sequence()).unwrap();
    }
    store.write(|w| w.experiments().delete(&gone)).unwrap();
    store
}

/// An index that is made, or cleaned for another purge, between two slices is not clean when the last has come.
#[test]
#[cfg(feature = "text")]
fn a_purge_in_the_middle_of_which_the_index_is_cleaned_leaves_nothing() {
    use std::ops::ControlFlow;

    use modeldb::{PurgeOptions, Timestamp};
    for index_first in [false, true] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("store");
        let text = path.join("text");
        let store = with_much_to_purge(&path, index_first);
        let mut slices = 0;
        let report = store.purge_with(&PurgeOptions::new(), |_| {
            slices += 1;
            match (slices, index_first) {
                (1, false) => store.wait_indexed(store.read().sequence()).unwrap(),
                (1, true) => {
                    let nothing = PurgeOptions::new().deleted_before(Timestamp::from_millis(1));
                    store.purge_with(&nothing, |_| ControlFlow::Continue(())).unwrap();
                }
                // What it has come to is seen by its thread, too.
                _ => store.wait_indexed(store.read().sequence()).unwrap(),
            }
            ControlFlow::Continue(())
        });
        let report = report.unwrap();
        assert!(slices > 2 && report.finished && report.runs == 1500, "{slices} slices: {report:?}");
        assert!(!stands_in(&text, "xyzzymarker"), "indexed first: {index_first}");
        let found = store.read().runs().find(QueryField::Name.matches("run")).unwrap().count().unwrap();
        assert_eq!(found, 2000);
    }
}
