//! Jobs (ModelDB 4.8, 5.8).

use modeldb::{Actor, ErrorKind, JobId, JobStatus, JobType, NewJob, Sequence, Value};

use super::support::{Bench, START, id, kind, ms};

#[test]
fn a_job_is_what_was_given() {
    let bench = Bench::new();
    let new = NewJob::started("yesterday")
        .id(id::<JobId>("j"))
        .description("trains")
        .end_time("tomorrow")
        .metadata("b", 2)
        .metadata("a", "text")
        .status(JobStatus::InProgress);
    let job = bench.store.write(|w| w.jobs().create(new)).unwrap();
    let found = bench.store.read().jobs().get(&job).unwrap();
    assert_eq!((found.id.as_str(), found.description.as_str()), ("j", "trains"));
    assert_eq!((found.start_time.as_str(), found.end_time.as_str()), ("yesterday", "tomorrow"));
    let metadata: Vec<_> = found.metadata.iter().map(|entry| (entry.key.as_str(), entry.value.clone())).collect();
    assert_eq!(metadata, [("a", Value::from("text")), ("b", 2.into())], "in order of keys");
    assert_eq!(
        (found.status, found.job_type, found.owner.as_str()),
        (JobStatus::InProgress, JobType::Kubernetes, "tester")
    );
    assert_eq!((found.date_created, found.date_updated, found.version_number), (ms(START), ms(START), 1));
    // The least that makes one.
    let least = bench.store.write(|w| w.jobs().create(NewJob::started("x").owner("bob"))).unwrap();
    let found = bench.store.read().jobs().get(&least).unwrap();
    assert_eq!((found.status, found.end_time.as_str(), found.owner.as_str()), (JobStatus::NotStarted, "", "bob"));
    assert!(found.metadata.is_empty());
}

#[test]
fn jobs_are_refused_by_kind() {
    let bench = Bench::new();
    let create = |new: NewJob| bench.store.write(|w| w.jobs().create(new));
    assert_eq!(kind(create(NewJob::started(""))), ErrorKind::InvalidArgument);
    assert_eq!(kind(create(NewJob::started("x").metadata("", 1))), ErrorKind::InvalidArgument);
    assert_eq!(kind(create(NewJob::started("x").metadata("a", 1).metadata("a", 1))), ErrorKind::InvalidArgument);
    let job = create(NewJob::started("x").id(id::<JobId>("j"))).unwrap();
    assert_eq!(kind(create(NewJob::started("x").id(job.clone()))), ErrorKind::AlreadyExists);
    let unknown: JobId = id("unknown");
    assert_eq!(kind(bench.store.read().jobs().get(&unknown)), ErrorKind::NotFound);
    assert_eq!(kind(bench.store.write(|w| w.jobs().get(&unknown))), ErrorKind::NotFound);
    let update = |job: &JobId| bench.store.write(|w| w.jobs().update(job, JobStatus::Completed, "now"));
    assert_eq!(kind(update(&unknown)), ErrorKind::NotFound);
    let delete = |job: &JobId| bench.store.write(|w| w.jobs().delete(job));
    assert_eq!(kind(delete(&unknown)), ErrorKind::NotFound);
    delete(&job).unwrap();
    assert_eq!(kind(delete(&job)), ErrorKind::NotFound);
    assert_eq!(kind(update(&job)), ErrorKind::NotFound);
    assert_eq!(kind(create(NewJob::started("x").id(job.clone()))), ErrorKind::AlreadyExists, "until it is purged");
    bench.store.purge().unwrap();
    create(NewJob::started("x").id(job)).unwrap();
}

#[test]
fn an_update_overwrites_both_fields() {
    let bench = Bench::new();
    let new = NewJob::started("s").end_time("e").status(JobStatus::Completed).metadata("k", 1);
    let job = bench.store.write(|w| w.jobs().create(new)).unwrap();
    let created = bench.store.read();
    bench.clock.advance(50);
    let update = |status, end: &str| {
        let alice = bench.store.as_actor(Actor::user("alice"));
        alice.write(|w| w.jobs().update(&job, status, end)).unwrap();
        bench.store.read().jobs().get(&job).unwrap()
    };
    let found = update(JobStatus::NotStarted, "");
    assert_eq!((found.status, found.end_time.as_str(), found.version_number), (JobStatus::NotStarted, "", 2));
    assert_eq!((found.date_updated, found.date_created), (ms(START + 50), ms(START)));
    assert_eq!((found.owner.as_str(), found.start_time.as_str(), found.metadata.len()), ("tester", "s", 1));
    let found = update(JobStatus::InProgress, "");
    assert_eq!((found.status, found.version_number), (JobStatus::InProgress, 3));
    let before = bench.store.read().sequence();
    assert_eq!(update(JobStatus::InProgress, "").version_number, 3, "nothing differs");
    assert_eq!(bench.store.read().sequence(), before);
    bench.store.write(|w| w.jobs().delete(&job)).unwrap();
    let read = bench.store.read();
    // Every state is in the past.
    for (sequence, expected) in [(2, JobStatus::Completed), (3, JobStatus::NotStarted), (4, JobStatus::InProgress)] {
        let past = read.as_of(Sequence::new(sequence)).unwrap();
        assert_eq!(past.jobs().get(&job).unwrap().status, expected);
        assert_eq!(past.jobs().list().count().unwrap(), 1);
    }
    assert_eq!(read.as_of(created.sequence()).unwrap().jobs().get(&job).unwrap(), created.jobs().get(&job).unwrap());
    assert_eq!(kind(read.as_of(Sequence::new(1)).unwrap().jobs().get(&job)), ErrorKind::NotFound);
    assert_eq!(read.jobs().list().count().unwrap(), 0);
    let names: Vec<_> = read.history(&job).unwrap().map(|entry| entry.unwrap().operation.name).collect();
    assert_eq!(names, ["job.delete", "job.update", "job.update", "job.create"]);
    assert!(bench.store.audit().verify().unwrap().is_intact());
}

#[test]
fn jobs_are_listed_oldest_first() {
    let bench = Bench::new();
    let jobs: Vec<JobId> = (0..25)
        .map(|n| bench.store.write(|w| w.jobs().create(NewJob::started(n.to_string()))))
        .map(Result::unwrap)
        .collect();
    bench.store.write(|w| w.jobs().delete(&jobs[3])).unwrap();
    // Nothing of a project hides a job.
    bench.store.write(|w| w.projects().delete(&bench.project)).unwrap();
    let read = bench.store.read();
    let listed: Vec<_> = read.jobs().list().into_iter().map(|job| job.unwrap().id).collect();
    let expected: Vec<_> = jobs.iter().filter(|job| **job != jobs[3]).cloned().collect();
    assert_eq!(listed, expected);
    let newest = read.jobs().list().newest_first().page(2).unwrap();
    assert_eq!(newest.items.iter().map(|job| job.id.clone()).collect::<Vec<_>>(), [jobs[24].clone(), jobs[23].clone()]);
}
