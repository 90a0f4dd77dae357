//! One handle at a time, in this process or another.

use std::env;
use std::process::Command;

use modeldb::{ErrorKind, Store};

use super::small_store;

#[test]
fn a_second_opener_in_this_process_is_locked_out() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    let run = small_store(&path);
    let store = Store::open(&path).unwrap();
    let error = Store::open(&path).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Locked);
    assert!(error.to_string().contains("store"), "{error}");
    // The first is none the worse for it, and its clones are the same handle.
    let clone = store.clone();
    drop(store);
    assert_eq!(clone.read().runs().get(&run).unwrap().name, "run");
    assert_eq!(Store::open(&path).unwrap_err().kind(), ErrorKind::Locked);
    drop(clone);
    Store::open(&path).unwrap();
}

const PATH: &str = "MODELDB_TEST_LOCKED_STORE";

#[test]
fn a_second_opener_in_another_process_is_locked_out() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    small_store(&path);
    let open_elsewhere = || {
        let mut other = Command::new(env::current_exe().unwrap());
        other.args(["--exact", "opening::lock::the_other_process", "--nocapture"]).env(PATH, &path);
        String::from_utf8(other.output().unwrap().stdout).unwrap()
    };
    let store = Store::open(&path).unwrap();
    assert!(open_elsewhere().contains("outcome: Locked"));
    store.close().unwrap();
    assert!(open_elsewhere().contains("outcome: opened"));
}

/// What the test above runs in its second process; alone, it does nothing.
#[test]
fn the_other_process() {
    let Ok(path) = env::var(PATH) else { return };
    match Store::open(path) {
        Ok(_) => println!("outcome: opened"),
        Err(error) => println!("outcome: {:?}", error.kind()),
    }
}

#[test]
fn a_closed_store_frees_the_lock_though_handles_are_held() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    small_store(&path);
    let store = Store::open(&path).unwrap();
    let held = store.clone();
    store.close().unwrap();
    assert_eq!(held.write(|w| w.projects().get_or_create("late")).unwrap_err().kind(), ErrorKind::Closed);
    Store::open(&path).unwrap();
}

/// A child is a copy of this process until it becomes another program, and would share the lock until then.
#[cfg(unix)]
#[test]
fn children_of_the_process_do_not_keep_a_closed_store_locked() {
    use std::sync::atomic::{AtomicBool, Ordering};
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    small_store(&path);
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::SeqCst) {
                Command::new("true").status().unwrap();
            }
        });
        let opened = (0..300).try_for_each(|_| Store::open(&path)?.close());
        done.store(true, Ordering::SeqCst);
        opened.unwrap();
    });
}
