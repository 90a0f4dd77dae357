//! Recipes. Each is a whole program, compiled and run with the tests.
//!
//! - [Log while training](#log-while-training)
//! - [Keep a model with its run](#keep-a-model-with-its-run)
//! - [Train in a loop that fails](#train-in-a-loop-that-fails)
//! - [Load many runs](#load-many-runs)
//! - [Find the best run](#find-the-best-run)
//! - [Take searches from a user](#take-searches-from-a-user)
//! - [Find by words](#find-by-words)
//! - [Answer ModelDB's find requests](#answer-modeldbs-find-requests)
//! - [Page through runs](#page-through-runs)
//! - [Read without copying](#read-without-copying)
//! - [Say who and why](#say-who-and-why)
//! - [Ask what happened](#ask-what-happened)
//! - [Look at the past](#look-at-the-past)
//! - [Change only what was not changed](#change-only-what-was-not-changed)
//! - [Take a project to another store](#take-a-project-to-another-store)
//! - [Prove it to an auditor](#prove-it-to-an-auditor)
//! - [Follow changes](#follow-changes)
//! - [Repeat a request safely](#repeat-a-request-safely)
//! - [Share a store between threads](#share-a-store-between-threads)
//! - [Repeat a test exactly](#repeat-a-test-exactly)
//! - [Look after a store](#look-after-a-store)
//! - [Crash on purpose](#crash-on-purpose)
//!
//! # Log while training
//!
//! A write costs a sync. A [`RunLogger`](crate::RunLogger) costs some hundred nanoseconds a call, and writes behind the
//! loop's back. What is observed again and again goes into series; a metric is logged once, at the end.
//!
//! ```
//! use modeldb::{NewRun, Store};
//! # fn main() -> modeldb::Result<()> {
//! let store = Store::in_memory()?;
//! let experiment = store.write(|w| {
//!     let project = w.projects().get_or_create("digits")?;
//!     w.experiments().get_or_create(&project, "cnn")
//! })?;
//! let log = store.start_run(&experiment, NewRun::new().hyperparameters([("layers", 4), ("width", 64)]))?;
//! let run = log.run_id().clone();
//! for step in 0..3 {
//!     let loss = 1.0 / f64::from(step + 1); // training goes here
//!     log.observe("loss", loss);
//!     log.observe("accuracy", 1.0 - loss);
//! }
//! log.flush()?; // a checkpoint: from here on, everything so far is durable
//! log.metric("accuracy", 0.9);
//! log.finish()?;
//! let read = store.read();
//! assert_eq!(read.runs().find("min(observations.loss) < 0.5 and metrics.accuracy > 0.8")?.count()?, 1);
//! // A plot: the least and the greatest value of each of 200 stretches keep the spikes.
//! for bucket in read.runs().observations(&run, "loss")?.buckets(200)? {
//!     println!("{} {} {}", bucket.first_epoch, bucket.min, bucket.max);
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # Keep a model with its run
//!
//! Small bytes go into the store with the commit that names them; of any size they can be streamed in and out.
//!
//! ```
//! use modeldb::{Artifact, ArtifactType, GcOptions, NewRun, Store};
//! use std::io::Read;
//! # fn main() -> modeldb::Result<()> {
//! # let store = Store::in_memory()?;
//! let run = store.write(|w| {
//!     let project = w.projects().get_or_create("wine-quality")?;
//!     let experiment = w.experiments().get_or_create(&project, "random-forest")?;
//!     let weights = w.put_blob(&[1, 2, 3])?;
//!     let model = Artifact::named("model.bin").artifact_type(ArtifactType::Model).blob(weights);
//!     w.runs().create(&experiment, NewRun::named("depth-6").artifact(model))
//! })?;
//! let file = std::io::repeat(7).take(1 << 20); // a `File`, a network connection
//! store.log_artifact(&run, Artifact::named("samples.bin"), file)?;
//!
//! let read = store.read();
//! let mut samples = read.open_artifact(&run, "samples.bin")?;
//! let mut first = [0; 16];
//! samples.read_exact(&mut first).unwrap();
//! samples.verify()?; // the rest, without keeping it
//!
//! // Now and then: what nothing names any more, and is older than a day.
//! let removed = store.gc(&GcOptions::new())?.removed_bytes;
//! # assert_eq!((first, removed), ([7; 16], 0));
//! # Ok(())
//! # }
//! ```
//!
//! # Train in a loop that fails
//!
//! A logger that is not finished says how it ended: `?` and `return` leave the run abandoned, a panic leaves it failed,
//! and a process that was killed leaves it crashed, which shows when the store is opened again.
//!
//! ```
//! use modeldb::{ExperimentId, NewRun, RunStatus, Store};
//!
//! fn train(step: u32) -> Result<f64, String> {
//!     if step == 7 { Err("loss is NaN".to_owned()) } else { Ok(1.0 / f64::from(step + 1)) }
//! }
//!
//! # fn main() -> modeldb::Result<()> {
//! # let store = Store::in_memory()?;
//! # let experiment: ExperimentId = store.write(|w| {
//! #     let project = w.projects().get_or_create("p")?;
//! #     w.experiments().get_or_create(&project, "e")
//! # })?;
//! let log = store.start_run(&experiment, NewRun::named("a"))?;
//! let run = log.run_id().clone();
//! match (0..10).try_for_each(|step| train(step).map(|loss| log.observe("loss", loss))) {
//!     Ok(()) => log.finish()?,
//!     Err(error) => log.fail(error)?,
//! }
//! let why = store.read().history(&run)?.next().expect("it was made")?;
//! assert_eq!(why.commit.actor.expect("nobody purged it").reason, "loss is NaN");
//!
//! // What is to be done again, from where it was left.
//! for run in store.read().runs().find("status in ('failed', 'abandoned', 'crashed')")?.ids()? {
//!     let run = run?;
//!     let first = store.read().runs().get(&run)?.series("loss").map_or(0, |series| series.count);
//!     let log = store.resume_run(&run)?;
//!     log.observe("loss", 1.0 / (first + 1) as f64);
//!     log.finish()?;
//! }
//! assert_eq!(store.read().runs().get(&run)?.status, Some(RunStatus::Finished));
//! # Ok(())
//! # }
//! ```
//!
//! # Load many runs
//!
//! One `create_many` is one commit. It takes an iterator and holds a few MiB, however many runs there are.
//!
//! ```
//! use modeldb::{NewRun, Store};
//! # fn main() -> modeldb::Result<()> {
//! let store = Store::in_memory()?;
//! let ids = store.write(|w| {
//!     let project = w.projects().get_or_create("imported")?;
//!     let experiment = w.experiments().get_or_create(&project, "all")?;
//!     w.runs().create_many(&experiment, (0..1000).map(|i| NewRun::named(format!("run-{i}")).metric("score", i)))
//! })?;
//! assert_eq!(ids.len(), 1000);
//! assert_eq!(store.read().sequence().get(), 1);
//! # Ok(())
//! # }
//! ```
//!
//! # Find the best run
//!
//! A filter is a text, or built from fields, and a search ends with what is wanted of it: a page with the exact total,
//! the first few, a count, ids, or an iterator. Filters have the same meaning everywhere: see
//! [`query_language`](super::query_language) and [`Filter`](crate::Filter).
//!
//! ```
//! use modeldb::{Filter, NewRun, Store};
//! # fn main() -> modeldb::Result<()> {
//! # let store = Store::in_memory()?;
//! # let experiment = store.write(|w| {
//! #     let project = w.projects().get_or_create("p")?;
//! #     let experiment = w.experiments().get_or_create(&project, "e")?;
//! #     for (name, accuracy) in [("a", 0.7), ("b", 0.9), ("c", 0.8)] {
//! #         w.runs().create(&experiment, NewRun::named(name).metric("accuracy", accuracy).tag("baseline"))?;
//! #     }
//! #     w.runs().create(&experiment, NewRun::named("failed").tag("baseline"))?;
//! #     Ok(experiment)
//! # })?;
//! let good = "metrics.accuracy > 0.75 and tags contains 'baseline'";
//! assert_eq!(Filter::parse(good)?, Filter::metric("accuracy").gt(0.75).and(Filter::tag("baseline")));
//! let found = store.read().runs().find(good)?.in_experiment(&experiment).order_by("-metrics.accuracy");
//! assert_eq!(found.top(1)?[0].name, "b");
//! let page = found.page(1, 10)?;
//! assert_eq!((page.items.len(), page.total), (2, 2));
//!
//! // What lacks the metric fulfils no comparison; the complement has it.
//! assert_eq!(store.read().runs().find(Filter::metric("accuracy").ne(0.9))?.count()?, 2);
//! assert_eq!(store.read().runs().find(!Filter::metric("accuracy").eq(0.9))?.count()?, 3);
//! # Ok(())
//! # }
//! ```
//!
//! # Compare and sum up runs
//!
//! Facets, groups and columns come from the index, without reading a record.
//!
//! ```
//! use modeldb::{Filter, NewRun, Store, Value};
//! # fn main() -> modeldb::Result<()> {
//! # let store = Store::in_memory()?;
//! # store.write(|w| {
//! #     let project = w.projects().get_or_create("p")?;
//! #     let experiment = w.experiments().get_or_create(&project, "e")?;
//! #     for (name, optimizer, accuracy) in [("a", "adam", 0.7), ("b", "adam", 0.9), ("c", "sgd", 0.8)] {
//! #         let run = NewRun::named(name).hyperparameter("optimizer", optimizer).metric("accuracy", accuracy);
//! #         w.runs().create(&experiment, run.tag("baseline"))?;
//! #     }
//! #     Ok(())
//! # })?;
//! let read = store.read();
//! let all = read.runs().find(Filter::all())?;
//! assert_eq!(all.facets("tags")?.values, [(Value::from("baseline"), 3)]);
//! for group in all.group_by("hyperparameters.optimizer", "metrics.accuracy")? {
//!     let figures = &group.aggregate;
//!     println!("{:?}: best {:?}, median {:?} of {}", group.value, figures.max(), figures.median(), figures.total);
//! }
//! let best = all.order_by("-metrics.accuracy").limit(2);
//! let table = best.columns(["name", "hyperparameters.optimizer", "metrics.accuracy"])?;
//! assert_eq!(table[0], [Value::from("b"), Value::from("adam"), Value::from(0.9)]);
//!
//! let ids = best.ids()?.collect::<modeldb::Result<Vec<_>>>()?;
//! for (field, values) in read.runs().compare(&ids)?.differing {
//!     println!("{field}: {values:?}");
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # Take searches from a user
//!
//! An error shows where the text went wrong; limits keep a text from costing more than the records it reads. MLflow's
//! `filter_string` and the Python client's expressions have doors of their own. A filter can be written again, as for
//! a saved search.
//!
//! ```
//! use modeldb::{EntityKind, ErrorKind, Filter, Store};
//! # fn main() -> modeldb::Result<()> {
//! let store = Store::in_memory()?;
//! let typed = "metrics.acuracy > 0.9 adn owner = 'alice'";
//! if let Err(error) = store.read().runs().find(typed) {
//!     assert_eq!(error.kind(), ErrorKind::InvalidArgument);
//!     eprintln!("{}", error.message()); // with the column, the line and a caret below it
//! }
//! let mlflow = Filter::parse_mlflow("metrics.accuracy > 0.9 AND tags.team = 'vision'")?;
//! let client = Filter::parse_client(EntityKind::Run, ["metrics.accuracy > 0.9", "attributes.team == vision"])?;
//! assert_eq!(mlflow, client);
//! assert_eq!(mlflow.to_string(), "metrics.accuracy > 0.9 and attributes.team = 'vision'");
//! # Ok(())
//! # }
//! ```
//!
//! # Find by words
//!
//! `matches` looks for words, phrases, beginnings and near misses, in one field or in all texts
//! ([the rules](super::query_language#words)). With the feature `text`, which is on by default, an index answers. It
//! follows writes by itself and is never waited for: what it has not seen yet is looked up. Relevance needs it.
//!
//! ```
//! use modeldb::{Filter, NewRun, Store};
//! # fn main() -> modeldb::Result<()> {
//! let store = Store::in_memory()?;
//! store.write(|w| {
//!     let project = w.projects().get_or_create("vision")?;
//!     let experiment = w.experiments().get_or_create(&project, "baselines")?;
//!     for (name, text) in [
//!         ("resnet50_v2.1-fp16", "Baseline with mixed precision."),
//!         ("resnet18", "A small network, for a first baseline of everything that comes after it."),
//!         ("vit-b16", "Transformer; diverges without warm-up."),
//!     ] {
//!         w.runs().create(&experiment, NewRun::named(name).description(text))?;
//!     }
//!     Ok(())
//! })?;
//! let read = store.read();
//! assert_eq!(read.runs().find("name matches 'resnet50_v2*' or text matches '\"mixed precision\"'")?.count()?, 1);
//! assert_eq!(read.runs().find("text matches 'transfomer~ -baseline'")?.count()?, 1);
//! assert_eq!(read.runs().find(Filter::field("description").contains("WARM-UP"))?.count()?, 1);
//!
//! # #[cfg(feature = "text")]
//! # {
//! store.wait_indexed(read.sequence())?; // after a load, not after each write
//! let best = read.runs().find("text matches 'baseline'")?.most_relevant(10)?;
//! assert_eq!(best[0].item.name, "resnet50_v2.1-fp16"); // the shorter text
//! let snippet = best[0].snippet.as_ref().unwrap();
//! assert_eq!(&snippet.text[snippet.highlights[0].clone()], "Baseline");
//! # }
//! # Ok(())
//! # }
//! ```
//!
//! # Answer ModelDB's find requests
//!
//! [`Predicate`](crate::Predicate)s and sort keys come as the protocol has them: `NE` matches what lacks the key, and
//! what is missing sorts as the smallest.
//!
//! ```
//! use modeldb::{Filter, NewRun, Operator, Order, Predicate, Store};
//! # fn main() -> modeldb::Result<()> {
//! # let store = Store::in_memory()?;
//! # let project = store.write(|w| {
//! #     let project = w.projects().get_or_create("p")?;
//! #     let experiment = w.experiments().get_or_create(&project, "e")?;
//! #     w.runs().create(&experiment, NewRun::named("a").metric("m", 10))?;
//! #     w.runs().create(&experiment, NewRun::named("b").metric("m", 9))?;
//! #     w.runs().create(&experiment, NewRun::named("c"))?;
//! #     Ok(project)
//! # })?;
//! let read = store.read();
//! let found = read.runs().find(Filter::all())?.in_project(&project).predicates([
//!     Predicate::new("metrics.m", Operator::Ne, 10),
//! ]);
//! let page = found.order_by(Order::sort_key("metrics.m", true)).page(1, 20)?;
//! assert_eq!(page.items.iter().map(|run| run.name.as_str()).collect::<Vec<_>>(), ["c", "b"]);
//!
//! let summary = read.projects().summary(&project)?;
//! assert_eq!((summary.runs, &summary.metrics[0].max), (3, &10.into()));
//! # Ok(())
//! # }
//! ```
//!
//! # Page through runs
//!
//! A cursor is text, and stays valid on later snapshots: what a server hands to a browser.
//!
//! ```
//! use modeldb::{Cursor, NewRun, Store};
//! # fn main() -> modeldb::Result<()> {
//! # let store = Store::in_memory()?;
//! # let experiment = store.write(|w| {
//! #     let project = w.projects().get_or_create("p")?;
//! #     let experiment = w.experiments().get_or_create(&project, "e")?;
//! #     w.runs().create_many(&experiment, (0..5).map(|i| NewRun::named(format!("run-{i}"))))?;
//! #     Ok(experiment)
//! # })?;
//! let first = store.read().runs().list(&experiment)?.newest_first().page(2)?;
//! assert_eq!(first.items[0].name, "run-4");
//! let token = first.next.expect("there are five").to_string();
//!
//! let cursor: Cursor = token.parse()?;
//! let second = store.read().runs().list(&experiment)?.newest_first().after(cursor).page(2)?;
//! assert_eq!(second.items[0].name, "run-2");
//! # Ok(())
//! # }
//! ```
//!
//! # Read without copying
//!
//! ```
//! use modeldb::{NewRun, Store};
//! # fn main() -> modeldb::Result<()> {
//! # let store = Store::in_memory()?;
//! # let run = store.write(|w| {
//! #     let project = w.projects().get_or_create("p")?;
//! #     let experiment = w.experiments().get_or_create(&project, "e")?;
//! #     w.runs().create(&experiment, NewRun::named("a").metric("accuracy", 0.9).tag("baseline"))
//! # })?;
//! let guard = store.read().runs().view(&run)?;
//! let view = guard.view()?;
//! assert_eq!(view.name()?, "a");
//! assert_eq!(view.metric("accuracy")?.and_then(|value| value.as_f64()), Some(0.9));
//! assert!(view.tags().any(|tag| tag == "baseline"));
//!
//! // A page of what was found, of which a list shows a few fields.
//! let good = store.read().runs().find("metrics.accuracy > 0.8")?.order_by("-metrics.accuracy");
//! let lines = good.page_views(1, 20, |run| Ok(format!("{} {}", run.name()?, run.tags().len())))?;
//! assert_eq!((lines.items, lines.total), (vec!["a 1".to_owned()], 1));
//! // The first of many, without counting them.
//! assert_eq!(good.top_views(20, |run| Ok(run.name()?.into_owned()))?, ["a"]);
//! # Ok(())
//! # }
//! ```
//!
//! # Say who and why
//!
//! A server makes a handle for each request; handles are cheap.
//!
//! ```
//! use modeldb::{Actor, Store};
//! # fn main() -> modeldb::Result<()> {
//! let store = Store::in_memory()?;
//! let alice = store.as_actor(Actor::user("alice").request_id("req-17").reason("ticket 4711"));
//! alice.write(|w| w.projects().get_or_create("wine-quality"))?;
//!
//! let read = store.read();
//! let actor = read.commit(read.sequence())?.actor.expect("nothing was erased");
//! assert_eq!((actor.principal.as_str(), actor.reason.as_str()), ("alice", "ticket 4711"));
//! # Ok(())
//! # }
//! ```
//!
//! # Ask what happened
//!
//! ```
//! use modeldb::{Fact, NewRun, Store};
//! # fn main() -> modeldb::Result<()> {
//! # let store = Store::in_memory()?;
//! # let run = store.write(|w| {
//! #     let project = w.projects().get_or_create("p")?;
//! #     let experiment = w.experiments().get_or_create(&project, "e")?;
//! #     w.runs().create(&experiment, NewRun::named("a"))
//! # })?;
//! store.write(|w| w.runs().rename(&run, "b"))?;
//! store.write(|w| w.runs().delete(&run))?;
//! let mut told = Vec::new();
//! for step in store.read().history(&run)? {
//!     let step = step?;
//!     match step.change.map(|change| change.fact) {
//!         Some(Fact::Edited { edits, .. }) => {
//!             for edit in edits {
//!                 let shown = |value: Option<modeldb::FieldValue>| value.map_or("-".to_owned(), |v| v.to_string());
//!                 told.push(format!("{}: {} -> {}", edit.field, shown(edit.old), shown(edit.new)));
//!             }
//!         }
//!         _ => told.push(step.operation.name),
//!     }
//! }
//! assert_eq!(told, ["deleted: - -> present", "name: \"a\" -> \"b\"", "run.create"]);
//! # Ok(())
//! # }
//! ```
//!
//! # Look at the past
//!
//! ```
//! use modeldb::{NewRun, Store, Timestamp};
//! # fn main() -> modeldb::Result<()> {
//! # let store = Store::in_memory()?;
//! # let run = store.write(|w| {
//! #     let project = w.projects().get_or_create("p")?;
//! #     let experiment = w.experiments().get_or_create(&project, "e")?;
//! #     w.runs().create(&experiment, NewRun::named("a"))
//! # })?;
//! let before = store.read().sequence();
//! store.write(|w| w.runs().delete(&run))?;
//!
//! let past = store.read().as_of(before)?; // or a Timestamp
//! assert_eq!(past.runs().get(&run)?.name, "a");
//! assert!(store.read().as_of(Timestamp::from_millis(0))?.runs().get(&run).is_err());
//! # Ok(())
//! # }
//! ```
//!
//! # Change only what was not changed
//!
//! Two hosts read the same run and both want to change it: the second is told, instead of overwriting the first.
//!
//! ```
//! use modeldb::{ErrorKind, NewRun, Store};
//! # fn main() -> modeldb::Result<()> {
//! # let store = Store::in_memory()?;
//! # let run = store.write(|w| {
//! #     let project = w.projects().get_or_create("p")?;
//! #     let experiment = w.experiments().get_or_create(&project, "e")?;
//! #     w.runs().create(&experiment, NewRun::named("a"))
//! # })?;
//! let read = store.read().runs().get(&run)?;
//! # store.write(|w| w.runs().describe(&run, "somebody was faster"))?;
//! let changed = store.write(|w| {
//!     w.require_version(&run, read.version_number)?;
//!     w.runs().describe(&run, "mine")
//! });
//! assert_eq!(changed.unwrap_err().kind(), ErrorKind::Conflict); // read again, decide again
//! # Ok(())
//! # }
//! ```
//!
//! # Say what was made from what
//!
//! Comments, jobs and lineage stand beside runs, and are read and written like them.
//!
//! ```
//! use modeldb::{JobStatus, LineageEntry, NewJob, NewRun, Store};
//! # fn main() -> modeldb::Result<()> {
//! # let store = Store::in_memory()?;
//! # let (train, score) = store.write(|w| {
//! #     let project = w.projects().get_or_create("p")?;
//! #     let experiment = w.experiments().get_or_create(&project, "e")?;
//! #     Ok((w.runs().create(&experiment, NewRun::named("a"))?, w.runs().create(&experiment, NewRun::named("b"))?))
//! # })?;
//! let job = store.write(|w| {
//!     w.lineage().add([&train], [&score])?; // from each input to each output
//!     w.comments().add(&score, "too good to be true?")?;
//!     w.jobs().create(NewJob::started("2026-11-25T23:00:00Z").metadata("pods", 4))
//! })?;
//! store.write(|w| w.jobs().update(&job, JobStatus::Completed, "2026-11-26T01:00:00Z"))?;
//!
//! let read = store.read();
//! assert_eq!(read.lineage().inputs(&score)?, [LineageEntry::Run(train)]);
//! assert_eq!(read.comments().list(&score)?.len(), 1);
//! # Ok(())
//! # }
//! ```
//!
//! # Correct what was logged
//!
//! Logging never replaces; what is wrong is set, or deleted and logged again.
//!
//! ```
//! use modeldb::{Artifact, ErrorKind, NewRun, Store};
//! # fn main() -> modeldb::Result<()> {
//! # let store = Store::in_memory()?;
//! # let run = store.write(|w| {
//! #     let project = w.projects().get_or_create("p")?;
//! #     let experiment = w.experiments().get_or_create(&project, "e")?;
//! #     w.runs().create(&experiment, NewRun::named("a").metric("accuracy", 9.1).attribute("gpu", "a100"))
//! # })?;
//! let again = store.write(|w| w.runs().log_metric(&run, "accuracy", 0.91));
//! assert_eq!(again.unwrap_err().kind(), ErrorKind::AlreadyExists);
//! store.write(|w| {
//!     w.runs().delete_metrics(&run, ["accuracy"])?;
//!     w.runs().log_metric(&run, "accuracy", 0.91)?;
//!     w.runs().set_attributes(&run, [("gpu", "h100")])?; // in place of what is there
//!     w.runs().log_artifacts(&run, [Artifact::new("model", "s3://models/1").filename_extension("pkl")])
//! })?;
//! let found = store.read().runs().get(&run)?;
//! assert_eq!(found.metrics.get("accuracy"), Some(&0.91.into()));
//! assert_eq!(found.artifact("model").map(|model| model.path.as_str()), Some("s3://models/1"));
//! # Ok(())
//! # }
//! ```
//!
//! # Do it again
//!
//! A clone of a run is that run with other dates; a deep copy of a project has all its experiments and runs, and is
//! one operation in the log, however many they are.
//!
//! ```
//! use modeldb::{CloneOptions, CopyOptions, NewRun, Store};
//! # fn main() -> modeldb::Result<()> {
//! # let store = Store::in_memory()?;
//! # let (project, run) = store.write(|w| {
//! #     let project = w.projects().get_or_create("wine")?;
//! #     let experiment = w.experiments().get_or_create(&project, "e")?;
//! #     Ok((project, w.runs().create(&experiment, NewRun::named("a").hyperparameter("depth", 6))?))
//! # })?;
//! let (clone, copy) = store.write(|w| {
//!     let clone = w.runs().clone_run(&run, CloneOptions::new().name("b"))?;
//!     let copy = w.projects().deep_copy(&project, CopyOptions::new())?;
//!     Ok((clone, copy))
//! })?;
//! let read = store.read();
//! assert_eq!(read.runs().get(&clone)?.hyperparameters.get("depth"), Some(&6.into()));
//! assert_eq!(read.projects().get(&copy)?.name, "wine-2");
//! assert_eq!(read.runs().list_in_project(&copy)?.count()?, 2);
//! # Ok(())
//! # }
//! ```
//!
//! # Take a deletion back
//!
//! ```
//! use modeldb::{NewRun, Store};
//! # fn main() -> modeldb::Result<()> {
//! # let store = Store::in_memory()?;
//! # let run = store.write(|w| {
//! #     let project = w.projects().get_or_create("p")?;
//! #     let experiment = w.experiments().get_or_create(&project, "e")?;
//! #     w.runs().create(&experiment, NewRun::named("a"))
//! # })?;
//! store.write(|w| w.runs().delete(&run))?;
//!
//! let experiment = store.read().experiments().get_by_name(&store.read().projects().get_by_name("p")?.id, "e")?;
//! for deleted in store.read().runs().list(&experiment.id)?.deleted() {
//!     let deleted = deleted?;
//!     store.write(|w| w.runs().restore(&deleted.id))?;
//! }
//! assert_eq!(store.read().runs().get(&run)?.name, "a");
//! # Ok(())
//! # }
//! ```
//!
//! # Take a project to another store
//!
//! A folder of JSON lines, and of the bytes of artifacts: the state, with ids, dates and owners, without the past. What
//! is there already is left as it is, and the report compares everything.
//!
//! ```
//! use modeldb::{NewRun, Store};
//! # fn main() -> modeldb::Result<()> {
//! # let temporary = tempfile::tempdir().unwrap();
//! # let folder = temporary.path().join("wine-quality");
//! # /*
//! let folder = "wine-quality";
//! # */
//! let store = Store::in_memory()?;
//! let project = store.write(|w| {
//!     let project = w.projects().get_or_create("wine-quality")?;
//!     let experiment = w.experiments().get_or_create(&project, "random-forest")?;
//!     w.runs().create(&experiment, NewRun::named("depth-6").metric("accuracy", 0.9).observation("loss", 0.5))?;
//!     Ok(project)
//! })?;
//! println!("{}", store.export_project(&project, &folder)?.exported);
//!
//! let other = Store::in_memory()?;
//! let report = other.import_project(&folder)?;
//! println!("{report}");
//! assert!(report.is_same());
//! # Ok(())
//! # }
//! ```
//!
//! # Erase for good
//!
//! Deleting hides: the record stays, and so does its history. A purge erases both. The log keeps digests of what it
//! said, so that it still verifies, and tells who purged what.
//!
//! ```
//! use modeldb::{NewRun, Store};
//! # fn main() -> modeldb::Result<()> {
//! # let store = Store::in_memory()?;
//! # let run = store.write(|w| {
//! #     let project = w.projects().get_or_create("p")?;
//! #     let experiment = w.experiments().get_or_create(&project, "e")?;
//! #     w.runs().create(&experiment, NewRun::named("a"))
//! # })?;
//! store.write(|w| w.runs().delete(&run))?;
//! let report = store.purge()?;
//! assert_eq!((report.runs, report.changes), (1, 2)); // its creation and its deletion
//! assert!(store.audit().verify()?.is_intact());
//! # Ok(())
//! # }
//! ```
//!
//! # Prove it to an auditor
//!
//! ```
//! use modeldb::{Head, Store};
//! # fn main() -> modeldb::Result<()> {
//! let store = Store::in_memory()?;
//! store.write(|w| w.projects().get_or_create("wine-quality"))?;
//! let kept_elsewhere = store.audit().head()?.to_string();
//!
//! store.write(|w| w.projects().get_or_create("another"))?;
//! let head: Head = kept_elsewhere.parse()?;
//! let report = store.audit().verify_against(&head)?;
//! assert!(report.is_intact(), "{:?}", report.fault);
//! assert_eq!((report.commits, report.entities), (2, 2));
//!
//! let mut lines = Vec::new(); // a file; another program can verify it
//! assert_eq!(store.audit().export(&mut lines)?, 2);
//! # Ok(())
//! # }
//! ```
//!
//! # Follow changes
//!
//! A follower keeps the last sequence number it has handled, with its own data, and goes on from there.
//!
//! ```
//! use std::time::Duration;
//! use modeldb::{Sequence, Store};
//! # fn main() -> modeldb::Result<()> {
//! let store = Store::in_memory()?;
//! let mut watch = store.watch(Sequence::ZERO);
//! let writer = store.clone();
//! let thread = std::thread::spawn(move || writer.write(|w| w.projects().get_or_create("wine-quality")));
//!
//! let watched = watch.next_within(Duration::from_secs(60))?.expect("a commit");
//! for change in watched.changes()? {
//!     println!("{}", change?.expect("nothing was erased").entity);
//! }
//! assert_eq!(watch.seen(), Sequence::new(1));
//! # thread.join().unwrap()?;
//! # Ok(())
//! # }
//! ```
//!
//! # Repeat a request safely
//!
//! ```
//! use modeldb::{Once, Store};
//! # fn main() -> modeldb::Result<()> {
//! let store = Store::in_memory()?;
//! let request = || store.write_once("request-17", |w| w.projects().get_or_create("wine-quality"));
//! assert!(matches!(request()?, Once::Done { .. }));
//! assert!(matches!(request()?, Once::Repeated { .. }));
//! assert_eq!(store.outcome("request-17")?, Some(store.read().sequence()));
//! # Ok(())
//! # }
//! ```
//!
//! # Share a store between threads
//!
//! ```
//! use modeldb::{NewRun, Store};
//! # fn main() -> modeldb::Result<()> {
//! let store = Store::in_memory()?;
//! let experiment = store.write(|w| {
//!     let project = w.projects().get_or_create("p")?;
//!     w.experiments().get_or_create(&project, "e")
//! })?;
//! std::thread::scope(|scope| {
//!     for worker in 0..4 {
//!         let (store, experiment) = (store.clone(), experiment.clone());
//!         scope.spawn(move || {
//!             let run = NewRun::named(format!("worker-{worker}"));
//!             store.write(|w| w.runs().create(&experiment, run)).expect("names differ");
//!         });
//!     }
//! });
//! assert_eq!(store.read().runs().list(&experiment)?.count()?, 4);
//! # Ok(())
//! # }
//! ```
//!
//! # Repeat a test exactly
//!
//! With a clock and an entropy of its own, a store gives the same ids, times and hashes each time.
//!
//! ```
//! use modeldb::{Actor, ManualClock, SeededEntropy, Store, Timestamp};
//! # fn main() -> modeldb::Result<()> {
//! let head = || {
//!     let store = Store::options()
//!         .clock(ManualClock::new(Timestamp::from_millis(1_800_000_000_000)))
//!         .entropy(SeededEntropy::new(7))
//!         .actor(Actor::service("test"))
//!         .open_in_memory()?;
//!     store.write(|w| w.projects().create(modeldb::NewProject::new()))?;
//!     store.audit().head()
//! };
//! assert_eq!(head()?, head()?);
//! # Ok(())
//! # }
//! ```
//!
//! # Look after a store
//!
//! Back up while writes go on, look into the backup without changing it, and keep its head: it proves later that the
//! store still has the log that was backed up. Erase for good with a purge and a compaction, which wants nobody to hold
//! a snapshot.
//!
//! ```
//! use std::ops::ControlFlow;
//! use modeldb::{NewRun, Store, VerifyOptions};
//! # fn main() -> modeldb::Result<()> {
//! # let temporary = tempfile::tempdir().unwrap();
//! # let (path, backup) = (temporary.path().join("store"), temporary.path().join("backup"));
//! let store = Store::open(&path)?;
//! let ids = store.write(|w| {
//!     let project = w.projects().get_or_create("p")?;
//!     let experiment = w.experiments().get_or_create(&project, "e")?;
//!     w.runs().create_many(&experiment, (0..5).map(|i| NewRun::named(format!("run-{i}"))))
//! })?;
//! let report = store.backup_with(&backup, |progress| {
//!     println!("{progress}"); // copying: 17 of 40
//!     ControlFlow::Continue(()) // Break(()) cancels it
//! })?;
//! let past = Store::options().read_only(true).open(&backup)?;
//! let verified = past.verify_with(&VerifyOptions::new().against(report.head), |_| ControlFlow::Continue(()))?;
//! assert!(verified.is_intact(), "{verified}"); // says where, what, and what to do
//!
//! assert_eq!(store.dry_run(|w| w.runs().delete_many(&ids[..2]))?, 2); // nothing is deleted yet
//! store.write(|w| w.runs().delete_many(&ids[..2]))?;
//! store.purge()?;
//! println!("{}", store.compact()?); // 126976 bytes became 86016
//! println!("{}", store.storage_stats()?);
//! # Ok(())
//! # }
//! ```
//!
//! # Crash on purpose
//!
//! With the feature `simulation`, a program that embeds a store can be tested against crashes and failing disks.
//!
#![cfg_attr(feature = "simulation", doc = "```")]
#![cfg_attr(not(feature = "simulation"), doc = "```text")]
//! use modeldb::simulation::{Keep, SimulatedDisk};
//! use modeldb::Store;
//! # fn main() -> modeldb::Result<()> {
//! let disk = SimulatedDisk::new();
//! disk.record();
//! let store = Store::options().open_simulated(&disk)?;
//! store.write(|w| w.projects().get_or_create("wine-quality"))?;
//!
//! // The power fails now, and nothing survives that was not synced.
//! let crashed = disk.image(disk.recorded(), Keep::None);
//! let reopened = Store::options().create(false).open_simulated(&crashed)?;
//! assert_eq!(reopened.read().projects().get_by_name("wine-quality")?.name, "wine-quality");
//! # Ok(())
//! # }
//! ```
