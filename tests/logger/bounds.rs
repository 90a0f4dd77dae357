//! What is bounded, what waits, and what loggers lose by each other: nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use modeldb::{ErrorKind, NewRun, RunStatus, Store, limits};

use super::{clock, experiment, in_memory, observed, options, status};

/// Longest a thing that must happen is waited for.
const PATIENCE: Duration = Duration::from_secs(60);

/// More observations than fit.
const MANY: usize = limits::LOGGER_QUEUE_BYTES / 64 + 50_000;

/// Waits until something is so, and panics if it never is.
fn until(what: &str, is: impl Fn() -> bool) {
    let started = Instant::now();
    while !is() {
        assert!(started.elapsed() < PATIENCE, "it never is so that {what}");
        thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn a_full_queue_blocks_and_drops_nothing() {
    let store = Store::in_memory().unwrap();
    let experiment = experiment(&store);
    let log = Arc::new(store.start_run(&experiment, NewRun::named("a")).unwrap());
    let id = log.run_id().clone();
    // Somebody holds the writer.
    let (open, wait) = mpsc::channel::<()>();
    let (entered, inside) = mpsc::channel::<()>();
    let holder = {
        let store = store.clone();
        thread::spawn(move || {
            store.write(|_| {
                entered.send(()).unwrap();
                wait.recv().unwrap();
                Ok(())
            })
        })
    };
    inside.recv_timeout(PATIENCE).unwrap();
    let told = Arc::new(AtomicUsize::new(0));
    let observer = {
        let (log, told) = (Arc::clone(&log), Arc::clone(&told));
        thread::spawn(move || {
            for step in 0..2 * MANY {
                log.observe_at(step as i64, "loss", step as f64);
                told.fetch_add(1, Ordering::SeqCst);
            }
        })
    };
    // What was taken at first waits for the writer, and the queue has filled up behind it.
    let bytes = || store.stats().unwrap().logged_bytes;
    until("the queue is full", || bytes() >= limits::LOGGER_QUEUE_BYTES);
    let before = told.load(Ordering::SeqCst);
    thread::sleep(Duration::from_millis(60));
    assert_eq!(told.load(Ordering::SeqCst), before, "the loop waits");
    assert!(before < 2 * MANY && !observer.is_finished());
    assert!(bytes() < limits::LOGGER_QUEUE_BYTES + 1000, "{}", bytes());
    open.send(()).unwrap();
    holder.join().unwrap().unwrap();
    observer.join().unwrap();
    log.flush().unwrap();
    let found = observed(&store, &id, "loss");
    assert_eq!(found.len(), 2 * MANY);
    assert!(found.into_iter().eq((0..2 * MANY).map(|step| (step as i64, step as f64))));
    Arc::into_inner(log).unwrap().finish().unwrap();
    assert_eq!(store.stats().unwrap().logged_bytes, 0);
}

#[test]
fn what_loggers_hold_is_bounded_however_many_they_are_and_whatever_they_log() {
    for background in [false, true] {
        let store = options(&clock()).background(background).open_in_memory().unwrap();
        let experiment = experiment(&store);
        let logs: Vec<_> =
            (0..20).map(|number| store.start_run(&experiment, NewRun::named(format!("{number}"))).unwrap()).collect();
        let text = "x".repeat(4000);
        let mut most = 0;
        for step in 0..20_000_i64 {
            let log = &logs[step as usize % logs.len()];
            log.observe("text", text.as_str());
            log.observe(format!("key {}", step % 300), step);
            if step % 100 == 0 {
                log.metric(format!("{step}"), text.as_str());
            }
            most = most.max(store.stats().unwrap().logged_bytes);
        }
        assert!(most <= limits::LOGGER_QUEUE_BYTES + 10_000, "{most} bytes were held");
        assert!(most > limits::LOGGER_QUEUE_BYTES / 4, "{most} bytes prove nothing");
        for log in &logs {
            log.flush().unwrap();
            let run = store.read().runs().get(log.run_id()).unwrap();
            assert_eq!(run.series("text").unwrap().count, 1000);
            assert_eq!(run.series.iter().map(|series| series.count).sum::<u64>(), 2000);
        }
        logs.into_iter().for_each(|log| log.finish().unwrap());
        assert_eq!(store.stats().unwrap().logged_bytes, 0);
        assert!(store.audit().verify().unwrap().is_intact());
    }
}

/// A key for each value is a bad habit, and no leak.
#[test]
fn keys_without_end_are_not_kept() {
    let (store, _, experiment) = in_memory();
    let log = store.start_run(&experiment, NewRun::named("a")).unwrap();
    for round in 0..6 {
        for number in 0..4_000 {
            log.observe(format!("{round} {number} {}", "k".repeat(100)), 1);
        }
        // Those of the last round too.
        log.observe(format!("{} 0 {}", round - 1, "k".repeat(100)), 2);
        log.flush().unwrap();
    }
    let run = store.read().runs().get(log.run_id()).unwrap();
    assert_eq!(run.series.iter().map(|series| series.count).sum::<u64>(), 24_006);
    log.finish().unwrap();
}

#[test]
fn the_thread_writes_of_all_loggers_in_one_commit_and_by_itself() {
    let store = Store::in_memory().unwrap();
    let experiment = experiment(&store);
    let logs = ["a", "b", "c"].map(|name| store.start_run(&experiment, NewRun::named(name)).unwrap());
    let sequence = store.read().sequence();
    logs.iter().for_each(|log| log.observe("loss", 1));
    let count = |log: &modeldb::RunLogger| {
        store.read().runs().get(log.run_id()).unwrap().series("loss").map_or(0, |series| series.count)
    };
    until("all of it is written", || logs.iter().all(|log| count(log) == 1));
    let read = store.read();
    let commit = read.commit(read.sequence()).unwrap();
    assert_eq!(read.sequence().get(), sequence.get() + 1);
    assert_eq!(commit.operations.len(), 3);
    // Loggers of others are in commits of their own.
    let host = store.as_actor(modeldb::Actor::service("trainer"));
    let other = host.start_run(&experiment, NewRun::named("d")).unwrap();
    let sequence = store.read().sequence();
    logs.iter().chain([&other]).for_each(|log| log.observe("loss", 2));
    until("all of it is written", || count(&other) == 1 && logs.iter().all(|log| count(log) == 2));
    assert_eq!(store.read().sequence().get(), sequence.get() + 2);
    let last = store.read().history(other.run_id()).unwrap().next().unwrap().unwrap();
    assert_eq!(last.commit.actor.unwrap().principal, "trainer");
}

#[test]
fn an_error_of_one_logger_takes_nothing_from_the_others() {
    for background in [false, true] {
        let store = options(&clock()).background(background).open_in_memory().unwrap();
        let experiment = experiment(&store);
        let [good, bad, gone] =
            ["good", "bad", "gone"].map(|name| store.start_run(&experiment, NewRun::named(name)).unwrap());
        bad.metric("m", 1);
        gone.metric("m", 1);
        [&bad, &gone].into_iter().for_each(|log| log.flush().unwrap());
        store.write(|w| w.runs().delete(gone.run_id())).unwrap();
        for log in [&good, &bad, &gone] {
            log.metric("m", 2);
            log.observe("loss", 1);
        }
        // One write for all of them: the thread's, or that of whoever fills the queue.
        match background {
            true => until("it is written", || store.stats().unwrap().logged_bytes == 0),
            false => (0..MANY as i64).for_each(|step| good.observe("filler", step)),
        }
        good.flush().unwrap();
        assert_eq!(bad.flush().unwrap_err().kind(), ErrorKind::AlreadyExists);
        assert_eq!(gone.flush().unwrap_err().kind(), ErrorKind::NotFound);
        let read = store.read();
        let [good_run, bad_run] = [&good, &bad].map(|log| read.runs().get(log.run_id()).unwrap());
        assert_eq!((good_run.metrics.get("m"), bad_run.metrics.get("m")), (Some(&2.into()), Some(&1.into())));
        assert!([&good_run, &bad_run].iter().all(|run| run.series("loss").unwrap().count == 1));
        // Restored, it goes on.
        store.write(|w| w.runs().restore(gone.run_id())).unwrap();
        gone.observe("loss", 2);
        let id = gone.run_id().clone();
        gone.finish().unwrap();
        assert_eq!((observed(&store, &id, "loss"), status(&store, &id)), (vec![(0, 2.0)], Some(RunStatus::Finished)));
        [good, bad].into_iter().for_each(|log| log.finish().unwrap());
    }
}

/// Closing while loops log: each is told, none waits for ever, and what was flushed is there.
#[test]
fn closing_under_loops_that_log_leaves_nobody_waiting() {
    for round in 0..6 {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::options().background(round % 2 == 0).open(folder.path()).unwrap();
        let experiment = experiment(&store);
        let loops: Vec<_> = (0..3)
            .map(|number| {
                let log = store.start_run(&experiment, NewRun::named(format!("{number}"))).unwrap();
                let id = log.run_id().clone();
                let observer = thread::spawn(move || {
                    let (mut told, mut flushed) = (0, 0);
                    loop {
                        (0..5_000).for_each(|_| log.observe("loss", 1));
                        told += 5_000;
                        match log.flush() {
                            Ok(()) => flushed = told,
                            Err(error) => {
                                assert_eq!(error.kind(), ErrorKind::Closed, "{error}");
                                return flushed;
                            }
                        }
                    }
                });
                (id, observer)
            })
            .collect();
        thread::sleep(Duration::from_millis(30));
        store.close().unwrap();
        let mut flushed = Vec::new();
        for (id, observer) in loops {
            until("a loop ends", || observer.is_finished());
            flushed.push((id, observer.join().unwrap()));
        }
        drop(store);
        let store = Store::open(folder.path()).unwrap();
        for (id, flushed) in flushed {
            let run = store.read().runs().get(&id).unwrap();
            assert!(run.series("loss").map_or(0, |series| series.count) >= flushed);
            assert_eq!(run.status, Some(RunStatus::Crashed));
        }
    }
}
