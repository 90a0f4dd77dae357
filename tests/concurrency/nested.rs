//! Writes inside writes: refused on the same store, fine on another.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use modeldb::{ErrorKind, GcOptions, NewProject, Sequence, Store};

use super::PATIENCE;

#[test]
fn a_write_inside_a_write_is_refused_in_every_way() {
    let store = Store::in_memory().unwrap();
    let other_handle = store.as_actor(modeldb::Actor::user("somebody else"));
    store
        .write(|w| {
            w.projects().create(NewProject::named("outer"))?;
            assert_eq!(store.write(|_| Ok(())).unwrap_err().kind(), ErrorKind::NestedWrite);
            assert_eq!(other_handle.write(|_| Ok(())).unwrap_err().kind(), ErrorKind::NestedWrite);
            assert_eq!(store.write_once("id", |_| Ok(())).unwrap_err().kind(), ErrorKind::NestedWrite);
            assert_eq!(store.flush().unwrap_err().kind(), ErrorKind::NestedWrite);
            assert_eq!(store.close().unwrap_err().kind(), ErrorKind::NestedWrite);
            assert_eq!(store.optimize().unwrap_err().kind(), ErrorKind::NestedWrite);
            assert_eq!(store.purge().unwrap_err().kind(), ErrorKind::NestedWrite);
            assert_eq!(store.compact().unwrap_err().kind(), ErrorKind::NestedWrite);
            assert_eq!(store.gc(&GcOptions::new()).unwrap_err().kind(), ErrorKind::NestedWrite);
            // Reading is fine, and does not see the write.
            assert_eq!(store.read().sequence(), Sequence::ZERO);
            assert_eq!(store.outcome("id")?, None);
            assert_eq!(store.stats()?.projects, 0);
            assert!(store.watch(Sequence::ZERO).try_next()?.is_none());
            assert!(store.audit().verify()?.is_intact());
            w.projects().create(NewProject::named("and on"))
        })
        .unwrap();
    assert_eq!(store.stats().unwrap().projects, 2);
    store.write(|w| w.projects().create(NewProject::named("later"))).unwrap();
    store.flush().unwrap();
    store.close().unwrap();
}

#[test]
fn a_failed_or_panicked_write_lets_the_thread_write_again() {
    let store = Store::in_memory().unwrap();
    for _ in 0..3 {
        store.write(|_| Err::<(), _>(modeldb::Error::new(ErrorKind::Conflict, "no"))).unwrap_err();
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            store.write(|w| {
                w.projects().create(NewProject::named("lost"))?;
                resume_unwind(Box::new("a wanted panic"));
                #[allow(unreachable_code)]
                Ok(())
            })
        }));
        assert!(panicked.is_err());
        let inner = store.write(|_| store.write(|_| Ok(())));
        assert_eq!(inner.unwrap_err().kind(), ErrorKind::NestedWrite);
    }
    store.write(|w| w.projects().create(NewProject::named("kept"))).unwrap();
    assert_eq!(store.read().sequence(), Sequence::new(1));
    assert_eq!(store.stats().unwrap().projects, 1);
}

#[test]
fn writes_to_two_stores_may_be_nested() {
    let (a, b) = (Store::in_memory().unwrap(), Store::in_memory().unwrap());
    a.write(|w| {
        w.projects().create(NewProject::named("in a"))?;
        b.write(|w| {
            w.projects().create(NewProject::named("in b"))?;
            assert_eq!(a.write(|_| Ok(())).unwrap_err().kind(), ErrorKind::NestedWrite);
            assert_eq!(b.write(|_| Ok(())).unwrap_err().kind(), ErrorKind::NestedWrite);
            Ok(())
        })?;
        assert_eq!(b.read().sequence(), Sequence::new(1), "the inner write is made before the outer");
        assert_eq!(a.write(|_| Ok(())).unwrap_err().kind(), ErrorKind::NestedWrite);
        // The inner store may even be closed.
        b.close()
    })
    .unwrap();
    assert_eq!(a.read().sequence(), Sequence::new(1));
    a.write(|w| w.projects().create(NewProject::named("again"))).unwrap();
}

#[test]
fn a_thread_started_inside_a_write_waits_for_it() {
    let store = Store::in_memory().unwrap();
    let inside = store.clone();
    let thread = store
        .write(|w| {
            w.projects().create(NewProject::named("first"))?;
            let store = inside.clone();
            Ok(std::thread::spawn(move || {
                store.write(|w| Ok((w.projects().create(NewProject::named("second"))?, w.sequence()))).unwrap()
            }))
        })
        .unwrap();
    let (_, sequence) = super::join(thread, "the second writer");
    assert_eq!(sequence, Sequence::new(2));
    assert!(store.watch(Sequence::new(1)).next_within(PATIENCE).unwrap().is_some());
}
