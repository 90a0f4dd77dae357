//! History: newest first, with the operation, who, why, and the values before and after.

use modeldb::{
    Actor, ActorKind, ChangeId, CodeVersion, Edit, EntityId, EntityKind, Environment, ErrorKind, Fact, Field,
    FieldValue, HistoryEntry, NewRun, RunId, Sequence, Value, ValueType,
};

use super::support::{Bench, START, id, kind, ms};

fn history(bench: &Bench, of: impl Into<EntityId>) -> Vec<HistoryEntry> {
    bench.store.read().history(of).unwrap().map(Result::unwrap).collect()
}

fn edits(entry: &HistoryEntry) -> Vec<(String, Option<FieldValue>, Option<FieldValue>)> {
    match &entry.change.as_ref().unwrap().fact {
        Fact::Edited { edits, .. } => {
            edits.iter().map(|Edit { field, old, new, .. }| (field.to_string(), old.clone(), new.clone())).collect()
        }
        other => panic!("{other:?}"),
    }
}

fn text(text: &str) -> Option<FieldValue> {
    Some(FieldValue::Text(text.into()))
}

#[test]
fn history_tells_every_step() {
    let bench = Bench::new();
    let run = bench.run(NewRun::named("first").tag("t").metric("m", 1));
    let alice = bench.store.as_actor(Actor::user("alice").reason("TICKET-1"));
    bench.clock.advance(10);
    alice.write(|w| w.runs().rename(&run, "second")).unwrap();
    bench.clock.advance(10);
    let bot = bench.store.as_actor(Actor::service("bot"));
    bot.write(|w| {
        w.runs().add_tags(&run, ["t", "u"])?;
        w.projects().describe(&bench.project, "elsewhere")?;
        w.runs().log_metrics(&run, [("n", Value::from(0.5)), ("o", "x".into())])
    })
    .unwrap();
    bench.clock.set(ms(START - 5));
    alice.write(|w| w.runs().delete(&run)).unwrap();

    let entries = history(&bench, &run);
    let steps: Vec<_> = entries
        .iter()
        .map(|entry| {
            let actor = entry.commit.actor.as_ref().unwrap();
            (entry.operation.name.as_str(), actor.principal.as_str(), actor.reason.as_str(), entry.commit.time.millis())
        })
        .collect();
    assert_eq!(
        steps,
        [
            ("run.delete", "alice", "TICKET-1", START + 20),
            ("run.log_metrics", "bot", "", START + 20),
            ("run.add_tags", "bot", "", START + 20),
            ("run.rename", "alice", "TICKET-1", START + 10),
            ("run.create", "tester", "", START),
        ]
    );
    let places: Vec<_> = entries.iter().map(|entry| (entry.id.sequence.get(), entry.id.index)).collect();
    assert_eq!(places, [(5, 0), (4, 2), (4, 0), (3, 0), (2, 0)]);
    let previous: Vec<Option<ChangeId>> = entries.iter().map(|entry| entry.change.as_ref().unwrap().previous).collect();
    let ids: Vec<_> = entries[1..].iter().map(|entry| Some(entry.id)).chain([None]).collect();
    assert_eq!(previous, ids, "each names the one before");
    for entry in &entries {
        assert_eq!(entry.commit.sequence, entry.id.sequence);
        assert_eq!(entry.change.as_ref().unwrap().entity, EntityId::from(&run));
    }
    assert_eq!(entries[1].commit.actor.as_ref().unwrap().kind, ActorKind::Service);
    let present = Some(FieldValue::Present);
    assert_eq!(edits(&entries[0]), [("deleted".into(), None, present.clone())]);
    let value = |value: Value, value_type| Some(FieldValue::Value(value, value_type));
    assert_eq!(
        edits(&entries[1]),
        [
            ("metrics.n".into(), None, value(0.5.into(), ValueType::Number)),
            ("metrics.o".into(), None, value("x".into(), ValueType::String)),
        ]
    );
    assert_eq!(edits(&entries[2]), [("tags.u".into(), None, present)], "only what was not there");
    assert_eq!(edits(&entries[3]), [("name".into(), text("first"), text("second"))]);
    let Fact::Edited { old_date_updated, new_date_updated, .. } = entries[3].change.clone().unwrap().fact else {
        panic!()
    };
    assert_eq!((old_date_updated, new_date_updated), (ms(START), ms(START + 10)));
    let Fact::Created(created) = entries[4].change.clone().unwrap().fact else { panic!() };
    assert_eq!(
        (created.kind(), created.name(), created.tags()),
        (EntityKind::Run, Some("first"), &["t".to_owned()][..])
    );
    assert_eq!(created.id(), EntityId::from(&run));
    assert_eq!(created.version_number(), 1);
}

#[test]
fn every_editable_field_has_its_old_and_new_value() {
    let bench = Bench::new();
    let run = bench.run(NewRun::named("r").description("old").start_time(ms(1)));
    let (old, new) = (Environment::new().variable("A", "1"), Environment::new().variable("A", "2"));
    let code = CodeVersion::git("r", "h");
    bench
        .store
        .write(|w| {
            w.runs().describe(&run, "new")?;
            w.runs().describe(&run, "")?;
            w.runs().start(&run, ms(2))?;
            w.runs().start(&run, ms(0))?;
            w.runs().end(&run, ms(3))?;
            w.runs().set_environment(&run, old.clone())?;
            w.runs().set_environment(&run, new.clone())?;
            w.runs().log_code_version(&run, code.clone())?;
            w.runs().set_code_version(&run, CodeVersion::default())?;
            w.runs().log_attributes(&run, [("a.b/c", Value::Null)])?;
            w.runs().log_hyperparameter(&run, "h", true)
        })
        .unwrap();
    let time = |at| Some(FieldValue::Time(ms(at)));
    let environment = |value: &Environment| Some(FieldValue::Environment(Box::new(value.clone())));
    let code_version = |value: CodeVersion| Some(FieldValue::CodeVersion(Box::new(value)));
    let string = ValueType::String;
    let mut found: Vec<_> = history(&bench, &run).iter().rev().skip(1).flat_map(edits).collect();
    let expected = [
        ("description".into(), text("old"), text("new")),
        ("description".into(), text("new"), None),
        ("start_time".into(), time(1), time(2)),
        ("start_time".into(), time(2), None),
        ("end_time".into(), None, time(3)),
        ("environment".into(), None, environment(&old)),
        ("environment".into(), environment(&old), environment(&new)),
        ("code_version_snapshot".into(), None, code_version(code.clone())),
        ("code_version_snapshot".into(), code_version(code), code_version(CodeVersion::default())),
        ("attributes.a.b/c".into(), None, Some(FieldValue::Value(Value::Null, string))),
        ("hyperparameters.h".into(), None, Some(FieldValue::Value(true.into(), string))),
    ];
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.drain(..).zip(expected) {
        assert_eq!(found, expected);
    }
    assert_eq!(Field::Metric("m.x".into()).to_string(), "metrics.m.x");
}

#[test]
fn history_of_parents_and_of_the_past() {
    let bench = Bench::new();
    bench.store.write(|w| w.projects().rename(&bench.project, "n1")).unwrap();
    let middle = bench.store.read().sequence();
    bench.store.write(|w| w.projects().rename(&bench.project, "n2")).unwrap();
    bench.store.write(|w| w.experiments().delete(&bench.experiment)).unwrap();
    let names = |entries: Vec<HistoryEntry>| entries.into_iter().map(|entry| entry.operation.name).collect::<Vec<_>>();
    assert_eq!(names(history(&bench, &bench.project)), ["project.rename", "project.rename", "project.create"]);
    assert_eq!(names(history(&bench, &bench.experiment)), ["experiment.delete", "experiment.create"]);
    let past = bench.store.read().as_of(middle).unwrap();
    assert_eq!(
        names(past.history(&bench.project).unwrap().map(Result::unwrap).collect()),
        ["project.rename", "project.create"]
    );
    let before = bench.store.read().as_of(Sequence::ZERO).unwrap();
    assert_eq!(kind(before.history(&bench.project).map(|_| ())), ErrorKind::NotFound);
    let unknown: RunId = id("never");
    assert_eq!(kind(bench.store.read().history(&unknown).map(|_| ())), ErrorKind::NotFound);
}

#[test]
fn commits_and_their_changes_are_readable() {
    let bench = Bench::new();
    // More changes than are read ahead, in one commit of several parts.
    let runs = bench
        .store
        .write(|w| {
            let text = "x".repeat(1000);
            w.runs()
                .create_many(&bench.experiment, (0..600).map(|n| NewRun::named(format!("r{n}")).description(&*text)))
        })
        .unwrap();
    let read = bench.store.read();
    let commit = read.commit(Sequence::new(2)).unwrap();
    assert_eq!((commit.changes, commit.operations.len()), (600, 1));
    assert_eq!(commit.operation_of(599).unwrap().name, "run.create_many");
    assert_eq!(commit.operation_of(600), None);
    assert_eq!(commit.head(), read.audit().head().unwrap());
    let changes: Vec<_> = read.changes(Sequence::new(2)).unwrap().map(|change| change.unwrap().unwrap()).collect();
    assert!(changes.iter().map(|change| change.entity.clone()).eq(runs.iter().map(EntityId::from)));
    for missing in [Sequence::ZERO, Sequence::new(3), Sequence::new(u64::MAX)] {
        assert_eq!(kind(read.commit(missing)), ErrorKind::NotFound);
        assert_eq!(kind(read.changes(missing).map(|_| ())), ErrorKind::NotFound);
    }
    let past = read.as_of(Sequence::new(1)).unwrap();
    assert_eq!(kind(past.commit(Sequence::new(2))), ErrorKind::NotFound);
    assert_eq!(past.commit(Sequence::new(1)).unwrap(), read.commit(Sequence::new(1)).unwrap());
    let entity = EntityId::from(&runs[0]);
    assert_eq!(entity.to_string(), format!("run {}", runs[0]));
    assert_eq!(RunId::try_from(entity.clone()).unwrap(), runs[0]);
    assert_eq!(kind(modeldb::ProjectId::try_from(entity)), ErrorKind::InvalidArgument);
}
