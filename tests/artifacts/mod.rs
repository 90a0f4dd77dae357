//! Bytes of artifacts: what is logged is read back, shared, put together from parts, and collected when nothing names
//! it any more.

mod admin;
mod crash;
mod damage;
mod killed;
mod race;
mod random;

use std::io::Read;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use modeldb::{
    Artifact, BlobRef, CloneOptions, CodeVersion, EntityId, Environment, ErrorKind, ExperimentId, GcOptions, GcReport,
    ManualClock, NewExperiment, NewProject, NewRun, ProjectId, PythonEnvironment, PythonRequirement, RunId, Snapshot,
    SoftwareVersion, Store, Timestamp, limits,
};

/// More than stands in the store's own file.
const LARGE: usize = limits::SMALL_BLOB_BYTES + 1;

struct Bench {
    store: Store,
    clock: Arc<ManualClock>,
    project: ProjectId,
    experiment: ExperimentId,
    run: RunId,
    folder: tempfile::TempDir,
}

impl Bench {
    fn new() -> Bench {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::new(Timestamp::from_millis(1_700_000_000_000)));
        let store = Store::options().clock(Arc::clone(&clock)).open(folder.path().join("store")).unwrap();
        let (project, experiment, run) = store
            .write(|w| {
                let project = w.projects().get_or_create("p")?;
                let experiment = w.experiments().get_or_create(&project, "e")?;
                let run = w.runs().create(&experiment, NewRun::named("r"))?;
                Ok((project, experiment, run))
            })
            .unwrap();
        Bench { store, clock, project, experiment, run, folder }
    }

    fn log(&self, key: &str, bytes: &[u8]) -> BlobRef {
        self.store.log_artifact(&self.run, Artifact::named(key), bytes).unwrap()
    }

    fn gc(&self) -> GcReport {
        self.clock.advance(1);
        self.store.gc(&GcOptions::new().min_age(Duration::ZERO)).unwrap()
    }

    /// Names of the files of blobs.
    fn files(&self) -> Vec<String> {
        let mut files = Vec::new();
        let mut folders = vec![self.folder.path().join("store/blobs")];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).into_iter().flatten() {
                let entry = entry.unwrap();
                if entry.file_type().unwrap().is_dir() {
                    folders.push(entry.path());
                } else if entry.file_name() != "lock" {
                    files.push(entry.file_name().into_string().unwrap());
                }
            }
        }
        files.sort();
        files
    }
}

fn bytes(len: usize, salt: u8) -> Vec<u8> {
    (0..len).map(|at| (at as u8).wrapping_mul(31) ^ salt).collect()
}

fn read_of(read: &Snapshot, entity: impl Into<EntityId>, key: &str) -> Vec<u8> {
    let mut all = Vec::new();
    read.open_artifact(entity, key).unwrap().read_to_end(&mut all).unwrap();
    all
}

fn kind<T>(result: modeldb::Result<T>) -> ErrorKind {
    result.map(|_| ()).unwrap_err().kind()
}

#[test]
fn bytes_come_back_from_the_store_and_from_files() {
    let bench = Bench::new();
    let all: Vec<(String, Vec<u8>)> = [0, 1, 4096, 8129, 8130, 8131, 16_266, LARGE - 1, LARGE, 3 << 20]
        .into_iter()
        .enumerate()
        .map(|(at, len)| (format!("k{at}"), bytes(len, at as u8)))
        .collect();
    for (key, bytes) in &all {
        assert_eq!(bench.log(key, bytes), BlobRef::of(bytes));
    }
    assert_eq!(bench.files().len(), 2);
    for entity in [EntityId::from(&bench.project), EntityId::from(&bench.experiment)] {
        for (key, bytes) in &all {
            bench.store.log_artifact(&entity, Artifact::named(key), &**bytes).unwrap();
            assert_eq!(read_of(&bench.store.read(), &entity, key), *bytes);
        }
    }
    assert_eq!(bench.files().len(), 2, "the same bytes are kept once");
    let logged = bench.store.read().runs().get(&bench.run).unwrap().artifacts;
    assert!(logged.iter().all(|artifact| artifact.upload_completed && artifact.path.contains(&artifact.key)));
    bench.store.close().unwrap();
    let store = Store::open(bench.folder.path().join("store")).unwrap();
    for (key, bytes) in &all {
        assert_eq!(read_of(&store.read(), &bench.run, key), *bytes);
        assert_eq!(store.read().open_artifact(&bench.run, key).unwrap().len(), bytes.len() as u64);
    }
    assert!(store.audit().verify().unwrap().is_intact());
}

#[test]
fn what_is_small_is_written_with_the_commit_that_names_it() {
    let bench = Bench::new();
    let run = bench
        .store
        .write(|w| {
            let (a, b) = (w.put_blob(b"a")?, w.put_blob(b"b")?);
            assert_eq!(w.put_blob(b"a")?, a);
            let run =
                NewRun::named("new").artifact(Artifact::named("a").blob(a)).artifact(Artifact::named("b").blob(b));
            let run = w.runs().create(&bench.experiment, run)?;
            let c = w.put_blob(b"c")?;
            w.runs().log_artifacts(&run, [Artifact::named("c").blob(c), Artifact::named("d").blob(a)])?;
            Ok(run)
        })
        .unwrap();
    let read = bench.store.read();
    let all: Vec<Vec<u8>> = ["a", "b", "c", "d"].map(|key| read_of(&read, &run, key)).into();
    assert_eq!(all, [b"a", b"b", b"c", b"a"]);
    let large = bytes(LARGE, 1);
    assert_eq!(kind(bench.store.write(|w| w.put_blob(&large))), ErrorKind::LimitExceeded);
    // It is kept if something names it. That it was put is no change.
    let sequence = bench.store.read().sequence();
    let lost = bench.store.write(|w| w.put_blob(b"lost")).unwrap();
    assert_eq!(bench.store.read().sequence(), sequence);
    assert!(bench.store.read().open_blob(&lost).is_ok());
    assert_eq!(bench.gc().removed, 1);
    assert_eq!(kind(bench.store.read().open_blob(&lost)), ErrorKind::NotFound);
    let failed: modeldb::Result<()> = bench.store.write(|w| {
        let blob = w.put_blob(b"failed")?;
        w.runs().log_artifacts(&bench.run, [Artifact::named("f").blob(blob)])?;
        Err(modeldb::Error::new(ErrorKind::InvalidArgument, "taken back"))
    });
    assert_eq!(kind(failed), ErrorKind::InvalidArgument);
    assert_eq!(kind(bench.store.read().open_blob(&BlobRef::of(b"failed"))), ErrorKind::NotFound);
}

/// More than a write keeps in memory.
#[test]
fn many_blobs_are_kept_though_nothing_names_them_yet() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    let store = Store::open(&path).unwrap();
    let content = |number: u32| number.to_le_bytes().repeat((60 << 10) / 4);
    let put = |from: u32| {
        let put = store.write(|w| (from..from + 300).map(|number| w.put_blob(&content(number))).collect());
        let put: Vec<BlobRef> = put.unwrap();
        put
    };
    let sequence = store.read().sequence();
    let mut all = put(0);
    let read = |store: &Store, all: &[BlobRef]| {
        for (number, blob) in (0..).zip(all) {
            let mut bytes = Vec::new();
            store.read().open_blob(blob).unwrap().read_to_end(&mut bytes).unwrap();
            assert!(bytes == content(number), "{number}");
        }
    };
    read(&store, &all);
    assert_eq!(store.read().sequence(), sequence);
    all.extend(put(300));
    // One that fails takes back its own.
    let failed: modeldb::Result<()> = store.write(|w| {
        (600..900).try_for_each(|number| w.put_blob(&content(number)).map(drop))?;
        Err(modeldb::Error::new(ErrorKind::InvalidArgument, "taken back"))
    });
    assert_eq!(kind(failed), ErrorKind::InvalidArgument);
    store.close().unwrap();
    drop(store);
    let store = Store::open(&path).unwrap();
    read(&store, &all);
    assert_eq!(kind(store.read().open_blob(&BlobRef::of(&content(600)))), ErrorKind::NotFound);
    assert!(store.audit().verify().unwrap().is_intact());
}

#[test]
fn code_whose_bytes_are_not_there_is_not_named() {
    let bench = Bench::new();
    let nowhere = BlobRef::of(&bytes(LARGE, 9));
    for blob in [nowhere, BlobRef::of(b"small")] {
        let code = CodeVersion::archive(Artifact::named("code.zip").blob(blob));
        let set = bench.store.write(|w| w.runs().set_code_version(&bench.run, code.clone()));
        assert_eq!(kind(set), ErrorKind::NotFound);
        assert_eq!(kind(bench.store.write(|w| w.runs().log_code_version(&bench.run, code))), ErrorKind::NotFound);
    }
    let there = bench.store.put_blob(&*bytes(LARGE, 9)).unwrap();
    let code = CodeVersion::archive(Artifact::named("code.zip").blob(there));
    bench.store.write(|w| w.runs().set_code_version(&bench.run, code)).unwrap();
    assert_eq!(bench.gc().kept, 1);
}

#[test]
fn what_breaks_a_rule_is_refused_before_a_byte_is_read() {
    struct Never;
    impl Read for Never {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            panic!("nothing is to be read");
        }
    }
    let bench = Bench::new();
    bench.log("k", b"1");
    let log = |artifact| kind(bench.store.log_artifact(&bench.run, artifact, Never));
    assert_eq!(log(Artifact::named("k")), ErrorKind::AlreadyExists);
    assert_eq!(log(Artifact::named("")), ErrorKind::InvalidArgument);
    assert_eq!(log(Artifact::new("p", "s3://bucket/p").path_only().blob(BlobRef::of(b""))), ErrorKind::InvalidArgument);
    let nobody = RunId::new("nobody").unwrap();
    assert_eq!(kind(bench.store.log_artifact(&nobody, Artifact::named("k"), Never)), ErrorKind::NotFound);
    assert_eq!(kind(bench.store.put_artifact(&bench.run, "other", Never)), ErrorKind::InvalidArgument);
    // Bytes that are not there, and bytes of another length.
    let dangling = Artifact::named("d").blob(BlobRef::of(b"never put"));
    let write =
        |artifact: &Artifact| kind(bench.store.write(|w| w.runs().log_artifacts(&bench.run, [artifact.clone()])));
    assert_eq!(write(&dangling), ErrorKind::NotFound);
    let mut wrong = BlobRef::of(b"1");
    wrong.len = 2;
    assert_eq!(write(&Artifact::named("w").blob(wrong)), ErrorKind::InvalidArgument);
    let run = NewRun::named("x").artifact(dangling.clone());
    assert_eq!(kind(bench.store.write(|w| w.runs().create(&bench.experiment, run))), ErrorKind::NotFound);
    let code = CodeVersion::archive(dangling.clone());
    assert_eq!(kind(bench.store.write(|w| w.runs().log_code_version(&bench.run, code))), ErrorKind::NotFound);
    let data = |artifact: Artifact| kind(bench.store.write(|w| w.runs().log_datasets(&bench.run, [artifact])));
    assert_eq!(data(dangling), ErrorKind::InvalidArgument);
    // A reader that fails, and one that is broken off.
    struct Fails(usize);
    impl Read for Fails {
        fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
            self.0 = self.0.checked_sub(out.len()).ok_or_else(|| std::io::Error::other("the network is gone"))?;
            Ok(out.len())
        }
    }
    for len in [10, 4 << 20] {
        let failed = bench.store.log_artifact(&bench.run, Artifact::named("f"), Fails(len));
        assert!(failed.as_ref().unwrap_err().to_string().contains("artifact") || len > 10);
        assert_eq!(kind(failed), ErrorKind::Io);
        let mut told = 0;
        let cancelled = bench.store.log_artifact_with(&bench.run, Artifact::named("f"), &*bytes(len, 3), |done| {
            told = done;
            ControlFlow::Break(())
        });
        assert_eq!((kind(cancelled), told > 0), (ErrorKind::Cancelled, true));
    }
    assert_eq!(bench.store.read().runs().get(&bench.run).unwrap().artifacts.len(), 1);
    assert!(bench.files().is_empty());
}

#[test]
fn bytes_are_replaced_and_the_past_keeps_its_own_until_they_are_collected() {
    let bench = Bench::new();
    for (old, new) in [(bytes(100, 1), bytes(200, 2)), (bytes(LARGE, 3), bytes(2 * LARGE, 4))] {
        let key = format!("of {}", old.len());
        bench.log(&key, &old);
        let before = bench.store.read().sequence();
        bench.store.put_artifact(&bench.run, &key, &*new).unwrap();
        let read = bench.store.read();
        let past = read.as_of(before).unwrap();
        assert_eq!((read_of(&read, &bench.run, &key), read_of(&past, &bench.run, &key)), (new.clone(), old));
        let report = bench.gc();
        assert_eq!(report.removed, 1);
        assert_eq!(read_of(&bench.store.read(), &bench.run, &key), new);
        // What was read off a file before is a snapshot's no more; what stands in the store's own is.
        drop((read, past));
        let past = bench.store.read().as_of(before).unwrap();
        assert_eq!(kind(past.open_artifact(&bench.run, &key)), ErrorKind::NotFound);
    }
    assert!(bench.store.audit().verify().unwrap().is_intact());
}

#[test]
fn only_what_no_record_names_is_collected() {
    let bench = Bench::new();
    let large = |salt| bytes(LARGE, salt);
    // Shared by two runs, one of which is deleted; by a clone; by code; by nobody.
    bench.log("shared", &large(1));
    let other = bench.store.write(|w| w.runs().create(&bench.experiment, NewRun::named("other"))).unwrap();
    bench.store.log_artifact(&other, Artifact::named("shared"), &*large(1)).unwrap();
    bench.store.log_artifact(&other, Artifact::named("own"), &*large(2)).unwrap();
    bench.store.log_artifact(&other, Artifact::named("small"), &b"small"[..]).unwrap();
    let code = bench.store.put_blob(&*large(3)).unwrap();
    let archive = CodeVersion::archive(Artifact::named("code.zip").blob(code));
    bench.store.write(|w| w.projects().log_code_version(&bench.project, archive)).unwrap();
    let nobody = bench.store.put_blob(&*large(4)).unwrap();
    let copy = bench.store.write(|w| w.runs().clone_run(&other, CloneOptions::default())).unwrap();
    bench.store.write(|w| w.runs().delete(&other)).unwrap();
    // Nothing is young: one blob goes, and a dry run says so before.
    bench.clock.advance(1);
    let options = GcOptions::new().min_age(Duration::ZERO);
    let planned = bench.store.gc(&options.clone().dry_run(true)).unwrap();
    let report = bench.store.gc(&options).unwrap();
    assert_eq!(planned, report);
    assert_eq!((report.removed, report.removed_bytes, report.kept), (1, LARGE as u64, 4));
    // Named by the run, the deleted one and its copy; three times as much as is kept.
    assert_eq!((report.references, report.referenced_bytes), (8, 6 * LARGE as u64 + 10));
    assert_eq!(kind(bench.store.read().open_blob(&nobody)), ErrorKind::NotFound);
    assert_eq!(read_of(&bench.store.read(), &copy, "own"), large(2));
    // What is deleted can be restored, with its bytes; what is purged is gone.
    bench.store.write(|w| w.runs().restore(&other)).unwrap();
    assert_eq!(read_of(&bench.store.read(), &other, "own"), large(2));
    bench.store.write(|w| w.runs().delete_many([&other, &copy])).unwrap();
    assert_eq!(bench.gc().removed, 0);
    bench.store.purge().unwrap();
    let report = bench.gc();
    assert_eq!((report.removed, report.removed_bytes, report.kept), (2, LARGE as u64 + 5, 2));
    assert_eq!(read_of(&bench.store.read(), &bench.run, "shared"), large(1));
    assert_eq!(bench.files().len(), 2);
    // An artifact's deletion takes its bytes.
    bench.store.write(|w| w.runs().delete_artifact(&bench.run, "shared")).unwrap();
    assert_eq!(bench.gc().removed, 1);
    assert!(bench.store.audit().verify().unwrap().is_intact());
}

#[test]
fn what_is_young_is_left_for_whoever_is_about_to_name_it() {
    let bench = Bench::new();
    let put = bench.store.put_blob(&*bytes(LARGE, 1)).unwrap();
    let options = GcOptions::new().min_age(Duration::from_secs(60));
    bench.clock.advance(59_999);
    let report = bench.store.gc(&options).unwrap();
    assert_eq!((report.young, report.young_bytes, report.removed), (1, LARGE as u64, 0));
    // Named just in time, or put again, which makes it young again.
    bench.store.put_blob(&*bytes(LARGE, 1)).unwrap();
    bench.clock.advance(60_000);
    assert_eq!(bench.store.gc(&options).unwrap().young, 1);
    bench.store.write(|w| w.runs().log_artifacts(&bench.run, [Artifact::named("k").blob(put)])).unwrap();
    bench.clock.advance(60_001);
    assert_eq!(bench.store.gc(&options).unwrap().kept, 1);
    let broken = bench.store.gc_with(&options, |_| ControlFlow::Break(()));
    assert_eq!(kind(broken), ErrorKind::Cancelled);
    assert_eq!(bench.store.gc(&options).unwrap().kept, 1, "after a collection that was broken off there is another");
}

#[test]
fn uploads_are_put_together_from_parts() {
    let bench = Bench::new();
    let (store, run) = (&bench.store, &bench.run);
    let begin = |key: &str| store.write(|w| w.begin_upload(run, key));
    let commit = |number: u64, etag: &str| store.write(|w| w.commit_artifact_part(run, "k", number, etag));
    assert_eq!(kind(begin("k")), ErrorKind::InvalidArgument);
    store.write(|w| w.runs().log_artifacts(run, [Artifact::named("k"), Artifact::new("p", "x").path_only()])).unwrap();
    assert_eq!(kind(begin("p")), ErrorKind::InvalidArgument);
    let part = |salt: u8, len: usize| store.put_blob(&*bytes(len, salt)).unwrap().digest.to_string();
    assert_eq!(kind(commit(1, &part(1, 10))), ErrorKind::InvalidArgument, "nothing is open");
    assert_eq!(kind(store.complete_upload(run, "k")), ErrorKind::InvalidArgument);
    let id = begin("k").unwrap();
    assert_eq!(begin("k").unwrap(), id, "it goes on");
    assert_eq!(kind(store.complete_upload(run, "k")), ErrorKind::InvalidArgument, "there are no parts");
    // In any order, one twice, one in quotes as a header has it.
    commit(7, &part(7, LARGE)).unwrap();
    commit(1, &part(9, 50)).unwrap();
    commit(1, &part(1, 300_000)).unwrap();
    commit(3, &format!("\"{}\"", part(3, 0))).unwrap();
    assert_eq!(kind(commit(0, &part(1, 10))), ErrorKind::InvalidArgument);
    assert_eq!(kind(commit(2, "0123")), ErrorKind::InvalidArgument);
    assert_eq!(kind(commit(2, &BlobRef::of(b"not put").digest.to_string())), ErrorKind::NotFound);
    // Parts that are committed are kept, also over a reopening: the upload goes on.
    bench.clock.advance(1);
    assert_eq!(bench.gc().removed, 2, "the part that was replaced, and the one that was never committed");
    let artifact = store.read().artifact(run, "k").unwrap().unwrap();
    let upload = artifact.upload.unwrap();
    assert_eq!((upload.id, artifact.upload_completed), (id.clone(), false));
    assert_eq!(upload.parts.iter().map(|part| part.part_number).collect::<Vec<_>>(), [1, 3, 7]);
    let mut whole = bytes(300_000, 1);
    whole.extend(bytes(LARGE, 7));
    assert_eq!(store.complete_upload(run, "k").unwrap(), BlobRef::of(&whole));
    assert_eq!(read_of(&store.read(), run, "k"), whole);
    let artifact = store.read().artifact(run, "k").unwrap().unwrap();
    assert_eq!((artifact.upload, artifact.upload_completed), (None, true));
    assert_eq!(bench.gc().removed, 3, "the parts");
    // The next one begins anew, and the bytes of before stay until it is completed.
    assert_ne!(begin("k").unwrap(), id);
    assert_eq!(read_of(&store.read(), run, "k"), whole);
    commit(1, &part(5, 20)).unwrap();
    store.complete_upload(run, "k").unwrap();
    assert_eq!(read_of(&store.read(), run, "k"), bytes(20, 5));
    assert!(store.audit().verify().unwrap().is_intact());
    // As of the middle of an upload.
    let history: Vec<_> = store.read().history(run).unwrap().collect::<Result<Vec<_>, _>>().unwrap();
    assert!(history.len() > 8);
    for sequence in 1..=store.read().sequence().get() {
        let past = store.read().as_of(modeldb::Sequence::new(sequence)).unwrap();
        let _ = past.artifact(run, "k").unwrap();
    }
}

#[test]
fn a_part_that_is_gone_or_an_upload_that_changed_is_told() {
    let bench = Bench::new();
    let (store, run) = (&bench.store, &bench.run);
    store.write(|w| w.runs().log_artifacts(run, [Artifact::named("k")])).unwrap();
    store.write(|w| w.begin_upload(run, "k")).unwrap();
    let part = store.put_blob(&*bytes(LARGE, 1)).unwrap();
    store.write(|w| w.commit_artifact_part(run, "k", 1, &part.digest.to_string())).unwrap();
    store.blobs().unwrap().remove(&part.digest, None).unwrap();
    let gone = store.complete_upload(run, "k").unwrap_err();
    assert_eq!(gone.kind(), ErrorKind::NotFound);
    assert!(gone.to_string().contains("part 1"), "{gone}");
    assert!(store.read().artifact(run, "k").unwrap().unwrap().upload.is_some());
    // Plain bytes end it.
    store.put_artifact(run, "k", &b"whole"[..]).unwrap();
    assert_eq!(read_of(&store.read(), run, "k"), b"whole");
    assert_eq!(kind(store.complete_upload(run, "k")), ErrorKind::InvalidArgument);
}

#[test]
fn keys_that_look_like_paths_never_leave_the_folder() {
    let bench = Bench::new();
    let long = "x".repeat(100_000);
    let keys = [
        "../../evil",
        "/etc/passwd",
        "a/../../b",
        "nul\0byte",
        "CON",
        "aux.txt",
        "..",
        ".",
        "C:\\windows",
        "~/x",
        "\u{202e}gpj",
        "\u{ff0e}\u{ff0e}\u{ff0f}evil",
        "e\u{301}",
        "\u{e9}",
        "a\nb",
        "\u{1f600}",
        &long,
    ];
    for (at, key) in keys.into_iter().enumerate() {
        let contents = bytes(LARGE + at, at as u8);
        bench.log(key, &contents);
        assert_eq!(read_of(&bench.store.read(), &bench.run, key), contents, "{key:?}");
    }
    assert_eq!(bench.store.read().runs().get(&bench.run).unwrap().artifacts.len(), keys.len());
    assert_eq!(bench.files().len(), keys.len());
    assert!(bench.files().iter().all(|name| name.len() == 64 && name.bytes().all(|byte| byte.is_ascii_hexdigit())));
    let beside: Vec<_> =
        std::fs::read_dir(bench.folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(beside, ["store"]);
}

#[test]
fn projects_and_experiments_are_created_with_bytes() {
    let bench = Bench::new();
    let (project, experiment) = bench
        .store
        .write(|w| {
            let blob = w.put_blob(b"of a project")?;
            let project = w.projects().create(NewProject::named("q").artifact(Artifact::named("a").blob(blob)))?;
            let blob = w.put_blob(b"of an experiment")?;
            let new = NewExperiment::named("e").artifact(Artifact::named("a").blob(blob));
            Ok((project.clone(), w.experiments().create(&project, new)?))
        })
        .unwrap();
    assert_eq!(read_of(&bench.store.read(), &project, "a"), b"of a project");
    assert_eq!(read_of(&bench.store.read(), &experiment, "a"), b"of an experiment");
    assert_eq!(bench.gc().kept, 2);
    assert_eq!(read_of(&bench.store.read(), &project, "a"), b"of a project");
}

#[test]
fn environments_are_read_off_artifacts() {
    let bench = Bench::new();
    let (store, run) = (&bench.store, &bench.run);
    assert!(!store.derive_environment(run).unwrap(), "there is nothing to read");
    store.write(|w| w.runs().log_artifacts(run, [Artifact::named("requirements.txt")])).unwrap();
    assert!(!store.derive_environment(run).unwrap(), "there are no bytes");
    let requirements = "numpy==1.26.4\n# comment\n\nabsl-py\ntorch>=2.1.0+cu118\n";
    store.put_artifact(run, "requirements.txt", requirements.as_bytes()).unwrap();
    for (bad, expected) in [
        (&b"not json"[..], ErrorKind::InvalidArgument),
        (b"\xff\xfe", ErrorKind::InvalidArgument),
        (&vec![b' '; limits::ENVIRONMENT_FILE_BYTES + 1], ErrorKind::LimitExceeded),
    ] {
        store.write(|w| w.runs().delete_artifact(run, "model_api.json")).unwrap();
        bench.log("model_api.json", bad);
        assert_eq!(kind(store.derive_environment(run)), expected);
    }
    assert!(store.read().runs().get(run).unwrap().environment.is_none());
    let model_api = br#"{"version": "v1", "model_packaging": {"python_version": "3.11.2", "type": "sklearn"}}"#;
    store.put_artifact(run, "model_api.json", &model_api[..]).unwrap();
    assert!(store.derive_environment(run).unwrap());
    let version = SoftwareVersion::parse;
    let expected = PythonEnvironment::new(version("3.11.2"))
        .requirement(PythonRequirement::new("absl-py"))
        .requirement(PythonRequirement::new("numpy").version("==", version("1.26.4")))
        .requirement(PythonRequirement::new("torch").version(">=", version("2.1.0+cu118")))
        .raw_requirements(requirements);
    assert_eq!(store.read().runs().get(run).unwrap().environment, Some(Environment::python(expected)));
    // What is there stays.
    store.put_artifact(run, "requirements.txt", &b"other"[..]).unwrap();
    assert!(!store.derive_environment(run).unwrap());
    assert_eq!(kind(store.derive_environment(&RunId::new("nobody").unwrap())), ErrorKind::NotFound);
}
