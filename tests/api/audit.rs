//! The audit: heads kept elsewhere, and what a verification finds. Damage is another module's.

use std::ops::ControlFlow;

use modeldb::{ErrorKind, Head, NewRun, Sequence};

use super::support::{Bench, kind};

#[test]
fn heads_follow_the_log() {
    let bench = Bench::new();
    let empty = modeldb::Store::in_memory().unwrap();
    assert_eq!(empty.audit().head().unwrap(), Head::default());
    let report = empty.audit().verify().unwrap();
    assert!(report.is_intact() && (report.commits, report.changes, report.entities) == (0, 0, 0));
    let mut heads = vec![bench.store.audit().head().unwrap()];
    for _ in 0..5 {
        bench.run(NewRun::new());
        heads.push(bench.store.audit().head().unwrap());
    }
    let read = bench.store.read();
    for (at, head) in (1..).zip(&heads) {
        assert_eq!(head.sequence, Sequence::new(at));
        assert_eq!(read.as_of(head.sequence).unwrap().audit().head().unwrap(), *head);
        assert_eq!(read.commit(head.sequence).unwrap().head(), *head);
    }
    assert_eq!(read.as_of(Sequence::ZERO).unwrap().audit().head().unwrap(), Head::default());
    let mut hashes: Vec<_> = heads.iter().map(|head| *head.hash.as_bytes()).collect();
    hashes.sort_unstable();
    hashes.dedup();
    assert_eq!(hashes.len(), heads.len());
}

#[test]
fn a_report_counts_what_was_read() {
    let bench = Bench::new();
    let run = bench.run(NewRun::new());
    bench.store.write(|w| w.runs().log_metrics(&run, [("a", 1), ("b", 2)])).unwrap();
    bench.store.write(|w| w.runs().create_many(&bench.experiment, (0..10).map(|_| NewRun::new()))).unwrap();
    let report = bench.store.audit().verify().unwrap();
    assert!(report.is_intact(), "{report:?}");
    assert_eq!((report.commits, report.changes, report.entities, report.erased), (4, 14, 13, 0));
    assert_eq!(report.head, bench.store.audit().head().unwrap());
}

#[test]
fn a_kept_head_proves_the_log_up_to_it() {
    let bench = Bench::new();
    let mut heads = vec![Head::default(), bench.store.audit().head().unwrap()];
    for _ in 0..300 {
        bench.run(NewRun::new());
        heads.push(bench.store.audit().head().unwrap());
    }
    let audit = bench.store.audit();
    for at in [0, 1, 2, 150, 300, 301] {
        assert!(audit.verify_against(&heads[at]).unwrap().is_intact(), "head {at}");
    }
    // The head of another store, that of no store, and one with one digit changed.
    let other = Bench::new();
    other.clock.advance(1);
    other.run(NewRun::new());
    let foreign = other.store.audit().head().unwrap();
    assert_eq!(foreign.sequence, Sequence::new(2));
    let text = heads[200].to_string();
    let digit = if text.ends_with('0') { '1' } else { '0' };
    let edited: Head = format!("{}{digit}", &text[..text.len() - 1]).parse().unwrap();
    let nothing: Head = format!("0:{}", "11".repeat(32)).parse().unwrap();
    for (wrong, at) in [(foreign, 2), (edited, 200), (nothing, 0)] {
        let fault = audit.verify_against(&wrong).unwrap().fault.expect("a wrong head is found");
        assert_eq!(fault.sequence, Sequence::new(at), "{}", fault.reason);
    }
    // The head of a longer log: this one was cut.
    bench.run(NewRun::new());
    let longer = bench.store.audit().head().unwrap();
    let fault = audit.verify_against(&longer).unwrap().fault.unwrap();
    assert_eq!(fault.sequence, longer.sequence);
    assert!(fault.reason.contains("cut"), "{}", fault.reason);
    assert!(bench.store.audit().verify_against(&longer).unwrap().is_intact());
}

#[test]
fn an_audit_tells_its_progress_and_can_be_ended() {
    let bench = Bench::new();
    (0..20).for_each(|_| drop(bench.run(NewRun::new())));
    let mut told = Vec::new();
    let report = bench.store.audit().verify_with(None, |progress| {
        told.push((progress.done, progress.total));
        ControlFlow::Continue(())
    });
    assert!(report.unwrap().is_intact());
    // The last again while the records are looked at.
    told.dedup();
    assert_eq!(told, (0..=21).map(|at| (at, 21)).collect::<Vec<_>>());
    let mut calls = 0;
    let ended = bench.store.audit().verify_with(None, |progress| {
        calls += 1;
        if progress.done == 5 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    assert_eq!((kind(ended), calls), (ErrorKind::Cancelled, 6));
}

#[test]
fn an_audit_is_of_the_present() {
    let bench = Bench::new();
    bench.run(NewRun::new());
    let past = bench.store.read().as_of(Sequence::new(1)).unwrap();
    assert_eq!(kind(past.audit().verify()), ErrorKind::InvalidArgument);
    // Of the present of its snapshot, whatever is written meanwhile.
    let held = bench.store.read();
    bench.run(NewRun::new());
    let report = held.audit().verify().unwrap();
    assert!(report.is_intact() && report.commits == 2);
}
