//! Verifying what is whole: nothing is found, whatever was done before; who is in the way, and how it can be ended.

use std::ops::ControlFlow;

use modeldb::{ErrorKind, PurgeOptions, Remedy, Verified, VerifyOptions};

use super::{assert_intact, fill, options};
use crate::crash::workload::Workload;
use crate::support::random::printed_seed;

#[test]
fn nothing_is_found_in_random_stores() {
    for default in [51, 52, 53] {
        let seed = printed_seed("nothing_is_found_in_random_stores", default);
        let mut workload = Workload::new(seed);
        for step in 0..120 {
            workload.step();
            if step % 12 == 11 {
                assert_intact(&workload.store);
            }
            if step % 24 == 23 {
                workload.store.compact().unwrap();
                assert_intact(&workload.store);
            }
        }
        workload.reopen();
        assert_intact(&workload.store);
        workload.finish();
    }
}

#[test]
fn a_purge_that_is_half_done_is_no_damage() {
    let store = options().open_in_memory().unwrap();
    let (experiment, ids) = fill(&store, 300);
    store.write(|w| w.experiments().delete(&experiment)).unwrap();
    for _ in 0..3 {
        store.purge_with(&PurgeOptions::new(), |_| ControlFlow::Break(())).unwrap();
        assert_intact(&store);
    }
    store.purge().unwrap();
    assert_intact(&store);
    drop(ids);
}

#[test]
fn the_report_says_what_was_looked_at() {
    let folder = tempfile::tempdir().unwrap();
    let store = options().open(folder.path()).unwrap();
    fill(&store, 20);
    let report = store.verify().unwrap();
    let checked = |of| report.section(of).unwrap().checked;
    // Two parents, 20 runs, five comments, two edges, a job.
    assert_eq!(checked(Verified::File), 1);
    assert!(checked(Verified::Records) > 30 && checked(Verified::References) > 30);
    assert!(checked(Verified::Derived) > 3);
    let audit = store.audit().verify().unwrap();
    assert_eq!(checked(Verified::Log), audit.changes);
    assert_eq!(report.head, audit.head);
    println!("{report}");
    assert!(report.to_string().contains("records: intact"), "{report}");
    let less = VerifyOptions::new().file(false).log(false).blobs(false);
    let less = store.verify_with(&less, |_| ControlFlow::Continue(())).unwrap();
    let sections: Vec<Verified> = less.sections.iter().map(|section| section.of).collect();
    assert_eq!(sections, [Verified::Records, Verified::References, Verified::Derived]);
}

#[test]
fn a_kept_head_can_be_held_against_it() {
    let store = options().open_in_memory().unwrap();
    let other = options().open_in_memory().unwrap();
    fill(&store, 6);
    fill(&other, 7);
    let verify = |head| store.verify_with(&VerifyOptions::new().against(head), |_| ControlFlow::Continue(())).unwrap();
    assert!(verify(store.audit().head().unwrap()).is_intact());
    let report = verify(other.audit().head().unwrap());
    let findings: Vec<_> = report.findings().collect();
    assert_eq!(findings.len(), 1, "{report}");
    assert_eq!((findings[0].0, findings[0].1.remedy), (Verified::Log, Remedy::Restore));
}

#[test]
fn a_snapshot_is_in_the_way_of_the_file_alone() {
    let folder = tempfile::tempdir().unwrap();
    let store = options().open(folder.path()).unwrap();
    fill(&store, 6);
    let held = store.read();
    let report = store.verify().unwrap();
    assert!(report.is_intact() && !report.is_complete());
    let why = report.section(Verified::File).unwrap().skipped.clone().unwrap();
    assert!(why.contains(&format!("snapshot of commit {}", held.sequence())) && why.contains("ago"), "{why}");
    assert_eq!(report.sections.iter().filter(|section| section.skipped.is_some()).count(), 1);
    drop(held);
    assert_intact(&store);
}

#[test]
fn it_can_be_cancelled_at_any_call() {
    let store = options().open_in_memory().unwrap();
    fill(&store, 6);
    let mut calls = 0;
    let verified = store.verify_with(&VerifyOptions::new(), |progress| {
        assert!(progress.done <= progress.total && !progress.doing.is_empty());
        calls += 1;
        ControlFlow::Continue(())
    });
    assert!(verified.unwrap().is_intact());
    for at in 0..calls {
        let mut left = at;
        let cancelled = store.verify_with(&VerifyOptions::new(), |_| match left {
            0 => ControlFlow::Break(()),
            _ => {
                left -= 1;
                ControlFlow::Continue(())
            }
        });
        assert_eq!(cancelled.unwrap_err().kind(), ErrorKind::Cancelled, "call {at} of {calls}");
    }
    store.write(|w| w.projects().get_or_create("later")).unwrap();
}
