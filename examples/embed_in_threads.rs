//! A host of several threads on one store: each acts for somebody, repeated requests run once, a cache is
//! kept fresh by watching, and a reader is never disturbed.
//!
//! `cargo run --example embed_in_threads`

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use modeldb::{Actor, EntityKind, NewRun, Once, Result, Run, RunId, Store};

const CLIENTS: usize = 4;
const REQUESTS: usize = 25;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let store = Store::open(folder.path().join("shared"))?;
    let experiment = store.write(|w| {
        let project = w.projects().get_or_create("wine-quality")?;
        w.experiments().get_or_create(&project, "random-forest")
    })?;
    let cache: Mutex<HashMap<RunId, Run>> = Mutex::default();
    let seen = store.read().sequence();
    let done = AtomicBool::new(false);

    thread::scope(|scope| -> Result<()> {
        // Drops from the cache what has changed. It asks for what it has not seen: nothing is queued for it.
        let watcher = scope.spawn(|| -> Result<usize> {
            let mut watch = store.watch(seen);
            let mut dropped = 0;
            loop {
                let Some(watched) = watch.next_within(Duration::from_millis(20))? else {
                    if done.load(Ordering::SeqCst) && watch.seen() >= store.read().sequence() {
                        return Ok(dropped);
                    }
                    continue;
                };
                for change in watched.changes()? {
                    let Some(entity) = change?.map(|change| change.entity) else { continue };
                    if entity.kind() == EntityKind::Run {
                        let run = RunId::try_from(entity)?;
                        dropped += usize::from(cache.lock().is_ok_and(|mut cache| cache.remove(&run).is_some()));
                    }
                }
            }
        });

        // Reads whole snapshots: the number of runs and what they say belong together.
        let reader = scope.spawn(|| -> Result<usize> {
            let mut snapshots = 0;
            while !done.load(Ordering::SeqCst) {
                let snapshot = store.read();
                let mut metrics = 0;
                for run in snapshot.runs().list(&experiment)? {
                    let run = run?;
                    metrics += run.metrics.len();
                    if let Ok(mut cache) = cache.lock() {
                        cache.insert(run.id.clone(), run);
                    }
                }
                assert_eq!(snapshot.runs().list(&experiment)?.count()?, metrics as u64, "half a write was seen");
                snapshots += 1;
                thread::sleep(Duration::from_millis(1));
            }
            Ok(snapshots)
        });

        let clients: Vec<_> = (0..CLIENTS)
            .map(|client| {
                let store = store.as_actor(Actor::service(format!("trainer-{client}")).client("embed_in_threads"));
                let experiment = &experiment;
                scope.spawn(move || -> Result<usize> {
                    let mut repeated = 0;
                    for request in 0..REQUESTS {
                        let id = format!("trainer-{client}/{request}");
                        // A client that lost an answer asks again: the second time, nothing runs.
                        for _ in 0..1 + request % 2 {
                            let once = store.write_once(&id, |w| {
                                let run = w.runs().create(experiment, NewRun::named(&*id))?;
                                w.runs().log_metric(&run, "accuracy", 0.9)
                            })?;
                            repeated += usize::from(matches!(once, Once::Repeated { .. }));
                        }
                    }
                    Ok(repeated)
                })
            })
            .collect();

        let mut repeated = 0;
        for client in clients {
            repeated += client.join().expect("a client panicked")?;
        }
        done.store(true, Ordering::SeqCst);
        println!("{CLIENTS} clients made {} requests, {repeated} of them repeated", CLIENTS * REQUESTS + repeated);
        println!("the reader took {} snapshots", reader.join().expect("the reader panicked")?);
        println!("the watcher dropped {} entries from the cache", watcher.join().expect("the watcher panicked")?);
        Ok(())
    })?;

    let stats = store.stats()?;
    println!("{} runs in {} commits", stats.runs, stats.head.sequence);
    let last = store.read().commit(stats.head.sequence)?;
    println!("the last one by {}, id {:?}", last.actor.unwrap_or_default().principal, last.idempotency_id);
    assert_eq!(stats.runs, (CLIENTS * REQUESTS) as u64);

    // Closing tells errors that a drop would swallow; every handle is closed with it.
    store.close()?;
    Ok(())
}
