//! What is set on one kind only: readme, short name, job, parent, name and description at once, a date of update.

use modeldb::{ErrorKind, NewExperiment, NewProject, NewRun, RunId};

use super::support::{Bench, START, id, kind, ms};

#[test]
fn a_readme_may_be_empty() {
    let bench = Bench::new();
    let set = |text: &str| bench.store.write(|w| w.projects().set_readme(&bench.project, text)).unwrap();
    let readme = || bench.store.read().projects().get(&bench.project).unwrap().readme_text;
    set("# Wine");
    assert_eq!(readme(), "# Wine");
    let long = "long ".repeat(2_000);
    set(&long);
    assert_eq!(readme(), long);
    set("");
    assert_eq!(readme(), "");
}

#[test]
fn a_short_name_is_set_within_the_rule_and_only_once() {
    let bench = Bench::new();
    let store = &bench.store;
    let other = store.write(|w| w.projects().create(NewProject::named("my proj/1").workspace("lab"))).unwrap();
    let set = |short: &str| store.write(|w| w.projects().set_short_name(&bench.project, short));
    let short_name = || store.read().projects().get(&bench.project).unwrap().short_name;
    set("Wine_1.0-x").unwrap();
    assert_eq!(short_name(), "Wine_1.0-x");
    for bad in ["", "two words", "a/b", "\u{e9}", &"x".repeat(41)] {
        assert_eq!(kind(set(bad)), ErrorKind::InvalidArgument);
    }
    set(&"x".repeat(40)).unwrap();
    // Worked vector 8: the derived name of the other, of any workspace.
    assert_eq!(store.read().projects().get(&other).unwrap().short_name, "my-proj-1");
    assert_eq!(kind(set("my-proj-1")), ErrorKind::AlreadyExists);
    store.write(|w| w.projects().delete(&other)).unwrap();
    set("my-proj-1").unwrap();
    let before = store.read().sequence();
    set("my-proj-1").unwrap();
    assert_eq!(store.read().sequence(), before, "its own is not taken");
    // A write sees what it did.
    let taken = store.write(|w| {
        let new = w.projects().create(NewProject::named("brand new"))?;
        assert_eq!(kind(w.projects().set_short_name(&bench.project, "brand-new")), ErrorKind::AlreadyExists);
        w.projects().delete(&new)?;
        w.projects().set_short_name(&bench.project, "brand-new")
    });
    taken.unwrap();
    assert_eq!(short_name(), "brand-new");
    let unknown = store.write(|w| w.projects().set_short_name(&id("no such"), "fine"));
    assert_eq!(kind(unknown), ErrorKind::NotFound);
}

#[test]
fn an_experiment_is_renamed_and_described_at_once() {
    let bench = Bench::new();
    let store = &bench.store;
    let experiment = &bench.experiment;
    store.write(|w| w.experiments().create(&bench.project, NewExperiment::named("taken"))).unwrap();
    let update = |name, text| store.write(|w| w.experiments().update(experiment, name, text));
    let found = || {
        let found = store.read().experiments().get(experiment).unwrap();
        (found.name, found.description, found.version_number)
    };
    update(Some("a"), Some("what")).unwrap();
    assert_eq!(found(), ("a".into(), "what".into(), 2));
    update(None, Some("else")).unwrap();
    update(Some("b"), None).unwrap();
    assert_eq!(found(), ("b".into(), "else".into(), 4));
    // D-19: an empty name stays, and the same one is no error.
    update(Some(""), Some("")).unwrap();
    update(Some("b"), None).unwrap();
    update(None, None).unwrap();
    assert_eq!(found(), ("b".into(), String::new(), 5));
    assert_eq!(kind(update(Some("taken"), Some("x"))), ErrorKind::AlreadyExists);
    assert_eq!(kind(update(Some(&"x".repeat(257)), Some("x"))), ErrorKind::InvalidArgument);
    assert_eq!(found(), ("b".into(), String::new(), 5));
    assert_eq!(kind(store.write(|w| w.experiments().update(&id("no such"), None, None))), ErrorKind::NotFound);
}

#[test]
fn a_job_is_set_and_replaced() {
    let bench = Bench::new();
    let run = bench.run(NewRun::new());
    let set = |job: &str| bench.store.write(|w| w.runs().set_job_id(&run, job));
    assert_eq!(kind(set("")), ErrorKind::InvalidArgument);
    set("job-1").unwrap();
    set("job-2").unwrap();
    assert_eq!(bench.get(&run).job_id, "job-2", "it need not be there");
    let job = bench.store.write(|w| w.jobs().create(modeldb::NewJob::started("now"))).unwrap();
    bench.store.write(|w| w.runs().set_job_id(&run, &job)).unwrap();
    assert_eq!(bench.get(&run).job_id, job.as_str());
}

#[test]
fn a_parent_must_be_there_and_not_a_part_of_the_run() {
    let bench = Bench::new();
    let store = &bench.store;
    let runs: Vec<RunId> = (0..4).map(|_| bench.run(NewRun::new())).collect();
    let [a, b, c, d] = &runs[..] else { panic!() };
    let set = |run: &RunId, parent: &RunId| store.write(|w| w.runs().set_parent(run, parent));
    set(a, b).unwrap();
    set(b, c).unwrap();
    assert_eq!(bench.get(a).parent_id.as_ref(), Some(b));
    assert_eq!(kind(set(a, a)), ErrorKind::InvalidArgument);
    assert_eq!(kind(set(b, a)), ErrorKind::InvalidArgument);
    assert_eq!(kind(set(c, a)), ErrorKind::InvalidArgument);
    assert_eq!(kind(set(a, &id("no such"))), ErrorKind::NotFound);
    assert_eq!(kind(set(&id("no such"), a)), ErrorKind::NotFound);
    set(a, d).unwrap();
    set(c, a).unwrap();
    assert_eq!(kind(set(d, b)), ErrorKind::InvalidArgument, "d would be above b, c, a and itself");
    // A deleted run in between comes back with a restore.
    store.write(|w| w.runs().delete(c)).unwrap();
    assert_eq!(kind(set(a, c)), ErrorKind::NotFound, "a deleted run is no parent");
    assert_eq!(kind(set(d, b)), ErrorKind::InvalidArgument, "by way of c");
    // A circle that creation let through does not keep the check from ending.
    let (x, y) = (id::<RunId>("x"), id::<RunId>("y"));
    bench.run(NewRun::new().id(&x).parent(&y));
    bench.run(NewRun::new().id(&y).parent(&x));
    set(d, &x).unwrap();
    assert_eq!(kind(set(&y, d)), ErrorKind::InvalidArgument);
}

#[test]
fn a_date_of_update_is_taken_unless_it_is_before_creation() {
    // D-18.
    let bench = Bench::new();
    let updated = |new: NewRun| bench.get(&bench.run(new)).date_updated;
    assert_eq!(updated(NewRun::new()), ms(START));
    let created = || NewRun::new().date_created(ms(1_000));
    assert_eq!(updated(created()), ms(START));
    assert_eq!(updated(created().date_updated(ms(1_000))), ms(1_000));
    assert_eq!(updated(created().date_updated(ms(2_000))), ms(2_000));
    assert_eq!(updated(created().date_updated(ms(999))), ms(START));
    assert_eq!(updated(NewRun::new().date_updated(ms(999))), ms(START), "before now, which is when it is created");
    assert_eq!(updated(NewRun::new().date_updated(ms(START + 5))), ms(START + 5));
    let run = bench.run(created().date_updated(ms(2_000)));
    bench.store.write(|w| w.runs().describe(&run, "x")).unwrap();
    assert_eq!(bench.get(&run).date_updated, ms(START));
}
