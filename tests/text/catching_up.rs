//! Many long texts at once: more than may wait for the threads that index them.

use modeldb::{ErrorKind, NewRun, RunId, Store};

use super::world::options;

const RUNS: usize = 60;
const LEN: usize = 600 << 10;

fn description(run: usize, word: &str) -> String {
    format!("{} {word}{run}", "lorem ipsum ".repeat(LEN / 12))
}

fn found(store: &Store, word: &str) -> Vec<RunId> {
    store
        .read()
        .runs()
        .find(format!("description matches '{word}'"))
        .unwrap()
        .ids()
        .unwrap()
        .map(Result::unwrap)
        .collect()
}

#[test]
fn more_text_than_may_wait_is_indexed_and_indexed_anew() {
    let store = options().open_in_memory().unwrap();
    let runs = store
        .write(|w| {
            let project = w.projects().get_or_create("p")?;
            let experiment = w.experiments().get_or_create(&project, "e")?;
            let new = (0..RUNS).map(|run| NewRun::named(format!("r{run}")).description(description(run, "first")));
            w.runs().create_many(&experiment, new)
        })
        .unwrap();
    store.wait_indexed(store.read().sequence()).unwrap();
    for at in [0, RUNS / 2, RUNS - 1] {
        assert_eq!(found(&store, &format!("first{at}")), [runs[at].clone()]);
    }

    let again = || {
        store.write(|w| {
            for (at, run) in runs.iter().enumerate() {
                w.runs().describe(run, description(at, "second"))?;
            }
            Ok(())
        })
    };
    again().unwrap();
    store.wait_indexed(store.read().sequence()).unwrap();
    for at in [0, RUNS / 2, RUNS - 1] {
        assert_eq!(found(&store, &format!("first{at}")), []);
        assert_eq!(found(&store, &format!("second{at}")), [runs[at].clone()]);
    }

    // It does not wait for what waits.
    again().unwrap();
    store.close().unwrap();
}

/// The folder goes while much is being indexed: whoever waits for the index is told.
#[test]
fn an_index_whose_folder_is_taken_away_does_not_keep_anybody_waiting() {
    let folder = tempfile::tempdir().unwrap();
    let store = options().open(folder.path().join("store")).unwrap();
    // Words that are all different fill the memory of the threads, so that they write.
    let mut word = 0_u64;
    let mut words = || {
        let mut text = String::new();
        while text.len() < LEN {
            word += 1;
            text.push_str(&format!("{:x} ", word.wrapping_mul(0x9e37_79b9_7f4a_7c15)));
        }
        text
    };
    store
        .write(|w| {
            let project = w.projects().get_or_create("p")?;
            let experiment = w.experiments().get_or_create(&project, "e")?;
            let new = (0..100).map(|run| NewRun::named(format!("r{run}")).description(words()));
            w.runs().create_many(&experiment, new)
        })
        .unwrap();
    let text = folder.path().join("store/text");
    let (told, waiting) = std::sync::mpsc::channel();
    std::thread::scope(|scope| {
        scope.spawn(|| told.send(store.wait_indexed(store.read().sequence()).map_err(|error| error.kind())));
        while !text.join("meta.json").exists() {
            std::thread::yield_now();
        }
        while std::fs::remove_dir_all(&text).is_err() {}
        std::fs::write(&text, "no folder").unwrap();
        let answer = waiting.recv_timeout(std::time::Duration::from_secs(120));
        store.close().unwrap();
        assert_eq!(answer, Ok(Err(ErrorKind::Io)));
    });
    std::fs::remove_file(&text).unwrap();
    let store = options().open(folder.path().join("store")).unwrap();
    store.wait_indexed(store.read().sequence()).unwrap();
}
