//! Unusual stores: empty, with huge texts, with strange keys.

use modeldb::{NewProject, NewRun, Sequence, Store, Timestamp, Value};

#[test]
fn an_empty_store_answers_everything() {
    let folder = tempfile::tempdir().unwrap();
    for _ in 0..2 {
        let store = Store::open(folder.path()).unwrap();
        let snapshot = store.read();
        assert_eq!(snapshot.sequence(), Sequence::ZERO);
        assert_eq!(snapshot.projects().list().page(10).unwrap().items, []);
        assert_eq!(snapshot.projects().list().count().unwrap(), 0);
        assert_eq!(snapshot.as_of(Timestamp::now()).unwrap().sequence(), Sequence::ZERO);
        let report = store.audit().verify().unwrap();
        assert!(report.is_intact());
        assert_eq!((report.commits, report.entities, report.head), (0, 0, store.audit().head().unwrap()));
        assert_eq!(store.audit().export(Vec::new()).unwrap(), 0);
        assert!(store.watch(Sequence::ZERO).try_next().unwrap().is_none());
        assert_eq!(store.outcome("never").unwrap(), None);
        store.close().unwrap();
    }
}

#[test]
fn huge_texts_and_strange_keys_survive() {
    let folder = tempfile::tempdir().unwrap();
    let huge = "\u{1f980} metadata ".repeat(12 << 16);
    assert!(huge.len() > 10 << 20);
    let keys = ["a.b/c\\d\"e'f g\n\t", "\u{1f980}\u{1f40d}", ".", "/", "`", "\0", huge.as_str()];
    let store = Store::open(folder.path()).unwrap();
    let run = store
        .write(|w| {
            let project = w.projects().create(NewProject::named("p").description(&huge).readme_text(&huge))?;
            let experiment = w.experiments().get_or_create(&project, "e")?;
            let mut new = NewRun::named("r").description(&huge).attribute("huge", huge.as_str());
            for key in keys {
                new = new.metric(key, 1).attribute(key, "x").hyperparameter(key, Value::Null);
            }
            w.runs().create(&experiment, new)
        })
        .unwrap();
    let renamed = huge.replace('m', "n");
    store.write(|w| w.runs().rename(&run, &renamed)).unwrap();
    store.close().unwrap();
    let store = Store::options().check_integrity(true).open(folder.path()).unwrap();
    let found = store.read().runs().get(&run).unwrap();
    assert_eq!(found.name, renamed);
    assert_eq!(found.description, huge);
    assert_eq!(found.attributes.get("huge").unwrap().as_str(), Some(huge.as_str()));
    for key in keys {
        assert_eq!(found.metrics.get(key), Some(&Value::Int(1)), "{}", key.len());
        assert_eq!(found.attributes.get(key), Some(&Value::from("x")));
        assert_eq!(found.hyperparameters.get(key), Some(&Value::Null));
    }
    assert_eq!(store.read().as_of(Sequence::new(1)).unwrap().runs().get(&run).unwrap().name, "r");
    assert_eq!(store.read().runs().get_by_name(&found.experiment_id, &renamed).unwrap(), found);
    assert!(store.audit().verify().unwrap().is_intact());
    // The text is in the file once, however often it is used.
    let bytes = std::fs::metadata(folder.path().join("store.redb")).unwrap().len();
    assert!(bytes < 100 << 20, "{bytes} bytes for a text of {}", huge.len());
}
