//! Looking after a store: a backup while others write, a verification, the backup looked into without changing it, what
//! was purged gone from the file, and the backup as a store of its own.
//!
//! `cargo run --example backup_verify_restore`

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use modeldb::{ErrorKind, NewRun, Result, Store, VerifyOptions};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let (path, backup) = (folder.path().join("wine.modeldb"), folder.path().join("backup"));
    let store = Store::open(&path)?;
    let experiment = store.write(|w| {
        let project = w.projects().get_or_create("wine-quality")?;
        let experiment = w.experiments().get_or_create(&project, "random-forest")?;
        let runs = (0..2_000).map(|depth| NewRun::named(format!("run-{depth}")).metric("accuracy", 0.9));
        w.runs().create_many(&experiment, runs)?;
        Ok(experiment)
    })?;

    // A backup is of one moment; writers go on meanwhile.
    let done = AtomicBool::new(false);
    let report = thread::scope(|scope| -> Result<_> {
        let writer = scope.spawn(|| -> Result<u64> {
            let mut written = 0;
            while !done.load(Ordering::SeqCst) {
                let new = NewRun::named(format!("beside-{written}")).metric("accuracy", 0.8);
                store.write(|w| w.runs().create(&experiment, new))?;
                written += 1;
            }
            Ok(written)
        });
        let report = store.backup_with(&backup, |progress| {
            if progress.done == progress.total {
                println!("{progress}");
            }
            ControlFlow::Continue(())
        });
        done.store(true, Ordering::SeqCst);
        println!("written beside it: {} runs", writer.join().expect("the writer panicked")?);
        report
    })?;
    println!("the backup: {report}");

    // Before older backups are given up: is everything there, and is the backup what the store was?
    println!("{}", store.verify()?);
    let past = Store::options().read_only(true).open(&backup)?;
    let verified = past.verify_with(&VerifyOptions::new().against(report.head), |_| ControlFlow::Continue(()))?;
    assert!(verified.is_intact(), "{verified}");
    let runs = past.read().runs().list(&experiment)?.count()?;
    assert_eq!(runs, store.read().as_of(report.head.sequence)?.runs().list(&experiment)?.count()?);
    println!("the backup has {runs} runs, and opens without changing a byte");
    let refused = past.write(|w| w.projects().get_or_create("no")).expect_err("it is read only");
    assert_eq!(refused.kind(), ErrorKind::ReadOnly);
    past.close()?;

    // Try a deletion out, do it, purge it; then nothing of it is left in any file.
    let found = store.read().runs().find("metrics.accuracy < 0.85")?;
    println!("would be deleted: {}", store.dry_run(|w| w.runs().delete_found(&found))?);
    store.write(|w| w.runs().delete_found(&found))?;
    // A search holds its snapshot, which would be in the way.
    drop(found);
    store.purge()?;
    println!("compacted: {}", store.compact()?);
    println!("{}", store.storage_stats()?);
    let verified = store.verify_with(&VerifyOptions::new().against(report.head), |_| ControlFlow::Continue(()))?;
    assert!(verified.is_intact() && verified.is_complete(), "{verified}");
    store.close()?;

    // Restoring is opening the backup, or a copy of it. It goes on from there.
    let restored = Store::options().check_integrity(true).open(&backup)?;
    let next = restored.write(|w| {
        w.projects().get_or_create("after the restore")?;
        Ok(w.sequence())
    })?;
    println!("restored: the next commit is {next}");
    restored.close()?;
    Ok(())
}
