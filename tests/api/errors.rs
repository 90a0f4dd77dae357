//! Errors: each kind has one gRPC code, and a message says doing what, to what, why.

use std::error::Error as _;

use modeldb::{Actor, ActorKind, Error, ErrorKind, NewExperiment, NewProject, NewRun, RunId, Store, limits};

use super::support::{Bench, id, kind};

#[test]
fn every_kind_has_its_grpc_code() {
    // The numbers of gRPC's own table.
    let (unknown, invalid, not_found, exists, exhausted, precondition, aborted, internal, unavailable, loss) =
        (2, 3, 5, 6, 8, 9, 10, 13, 14, 15);
    for (kind, code) in [
        (ErrorKind::NotFound, not_found),
        (ErrorKind::AlreadyExists, exists),
        (ErrorKind::Conflict, aborted),
        (ErrorKind::InvalidArgument, invalid),
        (ErrorKind::LimitExceeded, invalid),
        (ErrorKind::Unimplemented, 12),
        (ErrorKind::Locked, unavailable),
        (ErrorKind::NestedWrite, precondition),
        (ErrorKind::ReadOnly, precondition),
        (ErrorKind::Corrupt, loss),
        (ErrorKind::Incompatible, precondition),
        (ErrorKind::CommitUnknown, unknown),
        (ErrorKind::Poisoned, unavailable),
        (ErrorKind::Closed, unavailable),
        (ErrorKind::StorageFull, exhausted),
        (ErrorKind::Io, internal),
    ] {
        assert_eq!(kind.grpc_code(), code, "{kind}");
        let error = Error::new(kind, "doing it: why");
        assert_eq!((error.kind(), error.message()), (kind, "doing it: why"));
        assert_eq!(error.to_string(), format!("{kind}: doing it: why"));
        assert!(error.source().is_none());
    }
    let source = std::io::Error::other("the cause");
    let error = Error::new(ErrorKind::Io, "reading").with_source(source);
    assert_eq!(error.source().unwrap().to_string(), "the cause");
    assert!(!error.to_string().contains("the cause"), "linked, not printed twice");
}

#[test]
fn messages_name_what_they_are_about() {
    let bench = Bench::new();
    let store = &bench.store;
    let run = bench.run(NewRun::named("r").metric("m", 1));
    let message = |error: Error, parts: &[&str]| {
        for part in parts {
            assert!(error.message().contains(part), "{error} does not say {part:?}");
        }
    };
    let missing: RunId = id("no-such-run");
    message(store.read().runs().get(&missing).unwrap_err(), &["run", "no-such-run"]);
    message(store.write(|w| w.runs().delete(&missing)).unwrap_err(), &["run", "no-such-run"]);
    message(bench.try_run(NewRun::named("r")).unwrap_err(), &["run", "\"r\"", "exists"]);
    message(bench.try_run(NewRun::new().id(&run)).unwrap_err(), &["run", run.as_str(), "taken"]);
    message(store.write(|w| w.runs().log_metric(&run, "m", 2)).unwrap_err(), &["Key m already exists", run.as_str()]);
    message(bench.try_run(NewRun::named("x".repeat(257))).unwrap_err(), &["name", "run", "256", "257"]);
    message(bench.try_run(NewRun::new().tag("y".repeat(41))).unwrap_err(), &["tag", "40", "41"]);
    message(
        store.write(|w| w.projects().create(NewProject::named("wine-quality"))).unwrap_err(),
        &["project", "wine-quality"],
    );
    let named = NewExperiment::named("random-forest");
    message(
        store.write(|w| w.experiments().create(&bench.project, named)).unwrap_err(),
        &["experiment", "random-forest"],
    );
    message(
        store.read().runs().get_by_name(&bench.experiment, "q").unwrap_err(),
        &["run", "\"q\"", bench.experiment.as_str()],
    );
    message(store.read().runs().list(&bench.experiment).unwrap().page(0).unwrap_err(), &["page", "0", "10000"]);
    message(store.read().as_of(modeldb::Sequence::new(99)).unwrap_err(), &["99", "2"]);
}

#[test]
fn a_write_inside_a_write_is_refused() {
    let bench = Bench::new();
    let store = &bench.store;
    let before = store.read().sequence();
    let (write, once, flush, close) = store
        .write(|_| {
            let write = kind(store.write(|w| w.projects().get_or_create("inner")));
            let once = kind(store.as_actor(Actor::user("x")).write_once("id", |_| Ok(())));
            Ok((write, once, kind(store.flush()), kind(store.close())))
        })
        .unwrap();
    assert_eq!([write, once, flush, close], [ErrorKind::NestedWrite; 4]);
    // Reading is fine, and sees the store as it was; so is writing to another store.
    let other = Store::in_memory().unwrap();
    store
        .write(|w| {
            w.projects().get_or_create("outer")?;
            assert_eq!(store.read().sequence(), before);
            other.write(|o| o.projects().get_or_create("elsewhere"))
        })
        .unwrap();
    assert_eq!(store.read().sequence(), before.next());
}

#[test]
fn a_closure_that_fails_or_panics_leaves_nothing() {
    let bench = Bench::new();
    let before = (bench.store.read().sequence(), bench.store.stats().unwrap());
    let failed = bench.store.write(|w| {
        w.runs().create(&bench.experiment, NewRun::named("r"))?;
        w.projects().delete(&bench.project)?;
        Err::<(), _>(Error::new(ErrorKind::Conflict, "the host's own rule"))
    });
    assert_eq!(failed.unwrap_err().message(), "the host's own rule");
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        bench.store.write(|w| -> modeldb::Result<()> {
            w.runs().create(&bench.experiment, NewRun::named("r"))?;
            std::panic::panic_any("the host's panic")
        })
    }));
    assert_eq!(*panicked.unwrap_err().downcast::<&str>().unwrap(), "the host's panic");
    assert_eq!((bench.store.read().sequence(), bench.store.stats().unwrap()), before);
    bench.run(NewRun::named("r"));
}

#[test]
fn who_acts_arrives_in_the_log() {
    let bench = Bench::new();
    let actor = Actor::service("trainer")
        .on_behalf_of("alice")
        .session("oauth:42")
        .client("trainer/1.2")
        .source_address("10.0.0.1")
        .request_id("trace-7")
        .reason("nightly \u{1f40d}");
    let store = bench.store.as_actor(actor.clone());
    store.write_once("request", |w| w.runs().create(&bench.experiment, NewRun::new())).unwrap();
    let read = bench.store.read();
    let commit = read.commit(read.sequence()).unwrap();
    assert_eq!(commit.actor, Some(actor));
    let actor = commit.actor.unwrap();
    assert_eq!((actor.principal.as_str(), actor.kind), ("trainer", ActorKind::Service));
    assert_eq!((actor.on_behalf_of.as_str(), actor.session.as_str()), ("alice", "oauth:42"));
    assert_eq!((actor.client.as_str(), actor.source_address.as_str()), ("trainer/1.2", "10.0.0.1"));
    assert_eq!((actor.request_id.as_str(), actor.reason.as_str()), ("trace-7", "nightly \u{1f40d}"));
    assert_eq!(commit.idempotency_id, "request");
    // The handle it was made from acts as before; a system's job is a kind of its own.
    assert_eq!(read.commit(modeldb::Sequence::new(1)).unwrap().actor.unwrap().principal, "tester");
    let mut job = Actor::user("gc");
    job.kind = ActorKind::System;
    bench.store.as_actor(job).write(|w| w.projects().get_or_create("q")).unwrap();
    let read = bench.store.read();
    assert_eq!(read.commit(read.sequence()).unwrap().actor.unwrap().kind, ActorKind::System);
}

#[test]
fn what_is_too_long_for_the_log_is_refused_before_the_write_runs() {
    type Field = fn(Actor, String) -> Actor;
    let fields: [(&str, Field); 7] = [
        ("principal", |mut actor, text| {
            actor.principal = text;
            actor
        }),
        ("on_behalf_of", |actor, text| actor.on_behalf_of(text)),
        ("session", |actor, text| actor.session(text)),
        ("client", |actor, text| actor.client(text)),
        ("source_address", |actor, text| actor.source_address(text)),
        ("request_id", |actor, text| actor.request_id(text)),
        ("reason", |actor, text| actor.reason(text)),
    ];
    let bench = Bench::new();
    let bytes = |count: usize| format!("x{}", "\u{e9}".repeat(count / 2));
    for (field, set) in fields {
        let store = bench.store.as_actor(set(Actor::user("v"), bytes(limits::ACTOR_FIELD_BYTES + 1)));
        for refused in [
            store.write(|_| -> modeldb::Result<()> { panic!("it ran") }).unwrap_err(),
            store.write_once("id", |_| -> modeldb::Result<()> { panic!("it ran") }).unwrap_err(),
        ] {
            assert_eq!(refused.kind(), ErrorKind::LimitExceeded);
            assert!(refused.message().contains(field), "{refused}");
        }
        let longest = set(Actor::user("v"), bytes(limits::ACTOR_FIELD_BYTES - 1));
        bench.store.as_actor(longest.clone()).write(|w| w.projects().create(NewProject::new())).unwrap();
        let read = bench.store.read();
        assert_eq!(read.commit(read.sequence()).unwrap().actor, Some(longest));
    }
    let id = "i".repeat(limits::WRITE_ID_BYTES);
    bench.store.write_once(&id, |w| w.projects().create(NewProject::new())).unwrap();
    assert_eq!(bench.store.outcome(&id).unwrap(), Some(bench.store.read().sequence()));
    let id = id + "i";
    let refused = bench.store.write_once(&id, |_| -> modeldb::Result<()> { panic!("it ran") }).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::LimitExceeded);
    assert!(refused.message().contains("the id of a write"), "{refused}");
    assert_eq!(bench.store.outcome(&id).unwrap(), None);
}
