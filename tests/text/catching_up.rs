//! Many long texts at once: more than may wait for the threads that index them.

use modeldb::{NewRun, RunId, Store};

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
