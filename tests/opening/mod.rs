//! What can be opened, and what is refused.

mod lock;
mod moved;
mod refused;
mod unusual;

use std::fs;
use std::path::Path;

use modeldb::{NewRun, RunId, Store};

use crate::support::{META, seal, tamper};

/// A closed store with one run.
fn small_store(folder: &Path) -> RunId {
    let store = Store::open(folder).unwrap();
    let run = store
        .write(|w| {
            let project = w.projects().get_or_create("project")?;
            let experiment = w.experiments().get_or_create(&project, "experiment")?;
            w.runs().create(&experiment, NewRun::named("run").metric("accuracy", 0.5))
        })
        .unwrap();
    store.close().unwrap();
    run
}

/// Puts a setting of a closed store to another value, as a program of another version would write it.
fn set_meta(folder: &Path, name: &str, payload: &[u8]) {
    tamper(folder, |write| {
        let sealed = seal(33, name.as_bytes(), payload);
        write.open_table(META).unwrap().insert(name, sealed.as_slice()).unwrap();
    });
}

fn file(folder: &Path) -> Vec<u8> {
    fs::read(folder.join("store.redb")).unwrap()
}
