//! Comments on runs (ModelDB 4.6, 5.6).

use modeldb::{Actor, CommentId, ErrorKind, NewComment, NewExperiment, NewRun, RunId, Sequence, Snapshot};

use super::support::{Bench, START, id, kind, ms};

fn messages(read: &Snapshot, run: &RunId) -> Vec<String> {
    read.comments().list(run).unwrap().into_iter().map(|comment| comment.message).collect()
}

#[test]
fn a_comment_has_what_the_store_gives_it() {
    let bench = Bench::new();
    let run = bench.run(NewRun::new());
    bench.clock.set(ms(START + 500));
    let given = bench.store.write(|w| w.comments().add(&run, "well done")).unwrap();
    let wanted: CommentId = id("c-1");
    let new = NewComment::new("very well").id(wanted.clone()).verta_id("v-7");
    let alice = bench.store.as_actor(Actor::user("alice"));
    assert_eq!(alice.write(|w| w.comments().add(&run, new)).unwrap(), wanted);
    let read = bench.store.read();
    let first = read.comments().get(&given).unwrap();
    assert_eq!((first.run_id, first.user_id.as_str(), first.message.as_str()), (run.clone(), "tester", "well done"));
    let dates = (first.date_time, first.date_created, first.date_updated);
    assert_eq!((dates, first.version_number), ((ms(START + 500), ms(START + 500), ms(START + 500)), 1));
    assert_eq!(first.verta_id, "");
    let second = read.comments().get(&wanted).unwrap();
    assert_eq!((second.user_id.as_str(), second.verta_id.as_str()), ("alice", "v-7"));
    // A comment touches no date of its run, nor of what the run stands in.
    let found = bench.get(&run);
    assert_eq!((found.date_updated, found.version_number), (ms(START), 1));
    assert_eq!(read.projects().get(&bench.project).unwrap().date_updated, ms(START));
    assert_eq!(read.commit(read.sequence()).unwrap().operations[0].name, "comment.add");
}

#[test]
fn comments_are_refused_by_kind() {
    let bench = Bench::new();
    let (run, other) = (bench.run(NewRun::new()), bench.run(NewRun::new()));
    let taken: CommentId = id("taken");
    let add = |run: &RunId, new: NewComment| bench.store.write(|w| w.comments().add(run, new));
    add(&run, NewComment::new("x").id(taken.clone())).unwrap();
    let before = bench.store.read().sequence();
    assert_eq!(kind(add(&run, NewComment::new(""))), ErrorKind::InvalidArgument);
    assert_eq!(kind(add(&id("nowhere"), NewComment::new("x"))), ErrorKind::NotFound);
    assert_eq!(kind(add(&other, NewComment::new("x").id(taken.clone()))), ErrorKind::AlreadyExists);
    let update = |run: &RunId, comment: &CommentId, text: &str| {
        let (comment, text) = (comment.clone(), text.to_owned());
        bench.store.write(|w| w.comments().update(run, &comment, text))
    };
    assert_eq!(kind(update(&run, &taken, "")), ErrorKind::InvalidArgument);
    assert_eq!(kind(update(&run, &id("unknown"), "x")), ErrorKind::NotFound);
    assert_eq!(kind(update(&other, &taken, "x")), ErrorKind::NotFound, "it is on another run");
    assert_eq!(kind(update(&id("nowhere"), &taken, "x")), ErrorKind::NotFound);
    let delete = |run: &RunId, comment: &CommentId| bench.store.write(|w| w.comments().delete(run, comment)).unwrap();
    assert!(!delete(&other, &taken), "it is on another run");
    assert!(!delete(&run, &id("unknown")));
    assert_eq!(kind(bench.store.read().comments().list(&id("nowhere"))), ErrorKind::NotFound);
    assert_eq!(bench.store.read().sequence(), before, "nothing of it made a commit");
    assert!(delete(&run, &taken));
    assert!(!delete(&run, &taken), "once is enough");
    // Its id stays taken until it is purged.
    assert_eq!(kind(add(&run, NewComment::new("x").id(taken.clone()))), ErrorKind::AlreadyExists);
    assert_eq!(kind(update(&run, &taken, "x")), ErrorKind::NotFound);
    bench.store.purge().unwrap();
    add(&other, NewComment::new("x").id(taken)).unwrap();
}

#[test]
fn the_one_that_was_rewritten_last_comes_last() {
    let bench = Bench::new();
    let run = bench.run(NewRun::new());
    assert_eq!(messages(&bench.store.read(), &run), [""; 0]);
    let ids: Vec<CommentId> = ["a", "b", "c"]
        .map(|text| {
            bench.clock.advance(10);
            bench.store.write(|w| w.comments().add(&run, text)).unwrap()
        })
        .into();
    let added = bench.store.read();
    assert_eq!(messages(&added, &run), ["a", "b", "c"]);
    bench.clock.advance(10);
    let alice = bench.store.as_actor(Actor::user("alice"));
    alice.write(|w| w.comments().update(&run, &ids[0], "A")).unwrap();
    let rewritten = bench.store.read().comments().get(&ids[0]).unwrap();
    assert_eq!((rewritten.user_id.as_str(), rewritten.version_number), ("alice", 2));
    assert_eq!((rewritten.date_time, rewritten.date_created), (ms(START + 40), ms(START + 10)));
    assert_eq!(messages(&bench.store.read(), &run), ["b", "c", "A"]);
    // The same again, by another: the author is another, and the date.
    bench.clock.advance(10);
    bench.store.write(|w| w.comments().update(&run, &ids[0], "A")).unwrap();
    assert_eq!(bench.store.read().comments().get(&ids[0]).unwrap().user_id, "tester");
    // By the same at the same time, nothing differs.
    let before = bench.store.read().sequence();
    bench.store.write(|w| w.comments().update(&run, &ids[0], "A")).unwrap();
    assert_eq!(bench.store.read().sequence(), before);
    // At one time, in order of creation.
    bench.store.write(|w| ["x", "y", "z"].iter().try_for_each(|text| w.comments().add(&run, *text).map(drop))).unwrap();
    bench.store.write(|w| w.comments().update(&run, &ids[1], "B")).unwrap();
    assert_eq!(messages(&bench.store.read(), &run), ["c", "A", "B", "x", "y", "z"]);
    // The past is as it was.
    assert_eq!(messages(&added, &run), ["a", "b", "c"]);
    let past = bench.store.read().as_of(added.sequence()).unwrap();
    assert_eq!(messages(&past, &run), ["a", "b", "c"]);
    assert_eq!(past.comments().get(&ids[0]).unwrap(), added.comments().get(&ids[0]).unwrap());
    let earlier = past.as_of(Sequence::new(4)).unwrap();
    assert_eq!(messages(&earlier, &run), ["a", "b"]);
    assert_eq!(kind(earlier.comments().get(&ids[2])), ErrorKind::NotFound);
    // Its history says who wrote what.
    let told: Vec<_> = bench
        .store
        .read()
        .history(&ids[0])
        .unwrap()
        .map(Result::unwrap)
        .map(|entry| (entry.operation.name, entry.commit.actor.unwrap().principal))
        .collect();
    let told: Vec<_> = told.iter().map(|(name, who)| (name.as_str(), who.as_str())).collect();
    assert_eq!(told, [("comment.update", "tester"), ("comment.update", "alice"), ("comment.add", "tester")]);
}

#[test]
fn what_hides_a_run_hides_its_comments() {
    let bench = Bench::new();
    let store = &bench.store;
    let (experiment, run) = store
        .write(|w| {
            let experiment = w.experiments().create(&bench.project, NewExperiment::new())?;
            let run = w.runs().create(&experiment, NewRun::new())?;
            Ok((experiment, run))
        })
        .unwrap();
    let on_other = bench.run(NewRun::new());
    let comment = store.write(|w| w.comments().add(&run, "x")).unwrap();
    store.write(|w| w.comments().add(&on_other, "y")).unwrap();
    let before = store.read();
    for what in ["run", "experiment", "project"] {
        let deleted = store.write(|w| {
            match what {
                "run" => w.runs().delete(&run)?,
                "experiment" => w.experiments().delete(&experiment)?,
                _ => w.projects().delete(&bench.project)?,
            }
            // Inside the write, too.
            assert_eq!(kind(w.comments().get(&comment)), ErrorKind::NotFound);
            assert_eq!(kind(w.comments().add(&run, "z")), ErrorKind::NotFound);
            assert_eq!(kind(w.comments().update(&run, &comment, "z")), ErrorKind::NotFound);
            assert!(!w.comments().delete(&run, &comment)?);
            Ok(w.sequence())
        });
        let read = store.read();
        assert_eq!(read.sequence(), deleted.unwrap());
        assert_eq!(kind(read.comments().get(&comment)), ErrorKind::NotFound, "{what}");
        assert_eq!(kind(read.comments().list(&run)), ErrorKind::NotFound, "{what}");
        assert_eq!(read.comments().list(&on_other).is_ok(), what != "project");
        assert_eq!(read.history(&comment).unwrap().count(), 1, "history answers");
        let past = read.as_of(before.sequence()).unwrap();
        assert_eq!(past.comments().get(&comment).unwrap().message, "x");
        // As of the deletion itself, once it is the past.
        store.write(|w| w.projects().get_or_create("later").and_then(|p| w.projects().describe(&p, what))).unwrap();
        let past = store.read().as_of(read.sequence()).unwrap();
        assert_eq!(kind(past.comments().get(&comment)), ErrorKind::NotFound, "{what}");
        assert_eq!(kind(past.comments().list(&run)), ErrorKind::NotFound, "{what}");
        if what == "run" {
            // The next ones are hidden by what is above a run that is there.
            assert_eq!(kind(store.write(|w| w.runs().delete(&run))), ErrorKind::NotFound);
        }
    }
    assert!(store.audit().verify().unwrap().is_intact());
}

#[test]
fn a_write_sees_its_own_comments() {
    let bench = Bench::new();
    bench
        .store
        .write(|w| {
            let run = w.runs().create(&bench.experiment, NewRun::new())?;
            let comment = w.comments().add(&run, "a")?;
            w.comments().update(&run, &comment, "b")?;
            assert_eq!(w.comments().get(&comment)?.message, "b");
            let again = w.comments().add(&run, NewComment::new("c").id(comment.clone()));
            assert_eq!(kind(again), ErrorKind::AlreadyExists);
            assert!(w.comments().delete(&run, &comment)?);
            assert_eq!(kind(w.comments().get(&comment)), ErrorKind::NotFound);
            Ok(())
        })
        .unwrap();
    assert_eq!(bench.store.stats().unwrap().comments, 1);
    assert!(bench.store.audit().verify().unwrap().is_intact());
}

/// The epoch is a time like any other.
#[test]
fn a_comment_is_rewritten_at_the_epoch() {
    let clock = std::sync::Arc::new(modeldb::ManualClock::new(modeldb::Timestamp::from_millis(0)));
    let store = modeldb::Store::options().clock(clock.clone()).background(false).open_in_memory().unwrap();
    let (run, comment) = store
        .write(|w| {
            let project = w.projects().get_or_create("p")?;
            let experiment = w.experiments().get_or_create(&project, "e")?;
            let run = w.runs().create(&experiment, NewRun::named("r"))?;
            let comment = w.comments().add(&run, "first")?;
            Ok((run, comment))
        })
        .unwrap();
    let messages = ["second", "third", "fourth"];
    for (at, message) in messages.iter().enumerate() {
        if at == 1 {
            clock.advance(1);
        }
        store.write(|w| w.comments().update(&run, &comment, *message)).unwrap();
    }
    assert!(store.audit().verify().unwrap().is_intact());
    let first = store.read().sequence().get() - 3;
    for (at, message) in ["first"].iter().chain(&messages).enumerate() {
        let past = store.read().as_of(modeldb::Sequence::new(first + at as u64)).unwrap();
        let found = past.comments().get(&comment).unwrap();
        assert_eq!((found.message.as_str(), found.date_time.millis()), (*message, i64::from(at > 1)));
    }
}
