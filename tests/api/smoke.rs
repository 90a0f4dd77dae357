use modeldb::{ErrorKind, NewRun, Store, Value};

#[test]
fn the_first_program() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store");
    let store = Store::open(&path).unwrap();
    let run = store
        .write(|w| {
            let wine = w.projects().get_or_create("wine-quality")?;
            let forest = w.experiments().get_or_create(&wine, "random-forest")?;
            let run =
                w.runs().create(&forest, NewRun::named("depth-6").hyperparameter("max_depth", 6).tag("baseline"))?;
            w.runs().log_metric(&run, "accuracy", 0.91)?;
            Ok(run)
        })
        .unwrap();
    let read = store.read();
    let found = read.runs().get(&run).unwrap();
    assert_eq!(found.metrics.get("accuracy"), Some(&Value::Float(0.91)));
    assert_eq!(found.tags, ["baseline"]);
    let guard = read.runs().view(&run).unwrap();
    assert_eq!(guard.view().unwrap().hyperparameter("max_depth").unwrap().unwrap().into_value(), Value::Int(6));
    assert_eq!(read.history(&run).unwrap().count(), 2);
    let report = store.audit().verify().unwrap();
    assert!(report.is_intact(), "{report:?}");
    let head = store.audit().head().unwrap();
    drop(guard);
    drop(read);
    drop(store);
    let store = Store::open(&path).unwrap();
    assert_eq!(store.audit().head().unwrap(), head);
    assert_eq!(store.read().runs().get(&run).unwrap(), found);
    let runs = store.read().runs().list(&found.experiment_id).unwrap().page(10).unwrap();
    assert_eq!(runs.items, std::slice::from_ref(&found));
    let error = store.write(|w| w.runs().create(&found.experiment_id, NewRun::named("depth-6"))).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AlreadyExists);
    store.write(|w| w.runs().delete(&run)).unwrap();
    assert_eq!(store.read().runs().get(&run).unwrap_err().kind(), ErrorKind::NotFound);
    let mut json = Vec::new();
    assert_eq!(store.audit().export(&mut json).unwrap(), 2);
    println!("{}", String::from_utf8(json).unwrap());
    assert_eq!(store.read().as_of(head.sequence).unwrap().runs().get(&run).unwrap(), found);
    assert!(store.audit().verify().unwrap().is_intact());
}
