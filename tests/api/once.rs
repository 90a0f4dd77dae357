//! Writes with an id run once.

use modeldb::{Actor, ErrorKind, NewRun, Once, Sequence, Store};

use super::support::{Bench, kind};

#[test]
fn a_repeated_write_does_not_run() {
    let bench = Bench::new();
    let create =
        |bench: &Bench| bench.store.write_once("request-1", |w| w.runs().create(&bench.experiment, NewRun::named("r")));
    assert_eq!(bench.store.outcome("request-1").unwrap(), None);
    let done = create(&bench).unwrap();
    let Once::Done { sequence, value, .. } = &done else { panic!("{done:?}") };
    assert_eq!((*sequence, bench.get(value).name), (Sequence::new(2), "r".to_owned()));
    let repeated = create(&bench).unwrap();
    assert!(matches!(repeated, Once::Repeated { .. }));
    assert_eq!(repeated.sequence(), *sequence);
    // Whatever the closure and whoever the actor.
    let other = bench.store.as_actor(Actor::user("other"));
    let repeated = other.write_once::<()>("request-1", |_| panic!("it ran again")).unwrap();
    assert_eq!(repeated.sequence(), *sequence);
    assert_eq!(bench.store.read().sequence(), Sequence::new(2));
    assert_eq!(bench.store.outcome("request-1").unwrap(), Some(Sequence::new(2)));
    assert_eq!(bench.store.read().commit(Sequence::new(2)).unwrap().idempotency_id, "request-1");
    assert_eq!(bench.store.outcome("request-2").unwrap(), None);
    let run = NewRun::named("r2");
    let next = bench.store.write_once("request-2", |w| w.runs().create(&bench.experiment, run)).unwrap();
    assert_eq!(next.sequence(), Sequence::new(3));
    assert_eq!(kind(bench.store.write_once("", |_| Ok(()))), ErrorKind::InvalidArgument);
}

#[test]
fn an_id_of_a_failed_or_empty_write_is_free() {
    let bench = Bench::new();
    let refused = bench.store.write_once("id", |w| {
        w.runs().create(&bench.experiment, NewRun::named("r"))?;
        Err::<(), _>(modeldb::Error::new(ErrorKind::Conflict, "no"))
    });
    assert_eq!(kind(refused), ErrorKind::Conflict);
    assert_eq!(bench.store.outcome("id").unwrap(), None);
    let empty = bench.store.write_once("id", |_| Ok(5)).unwrap();
    assert!(matches!(empty, Once::Done { value: 5, .. }));
    assert_eq!(bench.store.outcome("id").unwrap(), None, "a write that changed nothing keeps no id");
    let done = bench.store.write_once("id", |w| w.runs().create(&bench.experiment, NewRun::named("r"))).unwrap();
    assert!(matches!(done, Once::Done { .. }));
}

#[test]
fn ids_are_remembered_for_ever() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    let store = Store::open(&path).unwrap();
    let ids: Vec<String> = (0..260).map(|n| format!("request {n} \u{1f40d}\n")).collect();
    for (at, id) in (1..).zip(&ids) {
        let once = store.write_once(id, |w| w.projects().get_or_create(id)).unwrap();
        assert_eq!(once.sequence(), Sequence::new(at));
    }
    let check = |store: &Store| {
        for (at, id) in (1..).zip(&ids) {
            assert_eq!(store.outcome(id).unwrap(), Some(Sequence::new(at)));
            let once = store.write_once(id, |_| -> modeldb::Result<()> { panic!("it ran again") }).unwrap();
            assert_eq!(once.sequence(), Sequence::new(at));
        }
    };
    check(&store);
    store.close().unwrap();
    drop(store);
    check(&Store::open(&path).unwrap());
}
