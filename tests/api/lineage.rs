//! Lineage of runs (ModelDB 4.7, 5.7).

use modeldb::simulation::{Fault, SimulatedDisk};
use modeldb::{ErrorKind, LineageEntry, NewRun, RunId, SeededEntropy, Snapshot, Store};

use super::support::{Bench, id, kind};

fn runs<const N: usize>(bench: &Bench, names: [&str; N]) -> [RunId; N] {
    names.map(|name| bench.run(NewRun::named(name).id(id::<RunId>(name))))
}

fn ids(entries: Vec<LineageEntry>) -> Vec<String> {
    entries.iter().map(|entry| entry.id().to_owned()).collect()
}

fn inputs(read: &Snapshot, output: &RunId) -> Vec<String> {
    ids(read.lineage().inputs(output).unwrap())
}

fn outputs(read: &Snapshot, input: &RunId) -> Vec<String> {
    ids(read.lineage().outputs(input).unwrap())
}

/// The worked vector 17, with runs in place of the versions of datasets.
#[test]
fn the_product_of_inputs_and_outputs() {
    let bench = Bench::new();
    let [d1, d2, d3, r1, r2] = runs(&bench, ["D1", "D2", "D3", "R1", "R2"]);
    assert_eq!(bench.store.write(|w| w.lineage().add([&d1, &d2], [&r1, &r2])).unwrap(), 4);
    let read = bench.store.read();
    for run in [&r1, &r2] {
        assert_eq!(inputs(&read, run), ["D1", "D2"]);
    }
    bench.store.write(|w| w.lineage().add([&r1], [&d3])).unwrap();
    let read = bench.store.read();
    assert_eq!(inputs(&read, &d3), ["R1"], "direct ones only");
    assert_eq!(outputs(&read, &d1), ["R1", "R2"]);
    assert_eq!(outputs(&read, &r1), ["D3"]);
    assert_eq!((inputs(&read, &d1), outputs(&read, &d3)), (vec![], vec![]));
    assert_eq!(bench.store.stats().unwrap().lineage_edges, 5);
    assert_eq!(read.commit(read.sequence()).unwrap().operations[0].name, "lineage.add");
}

#[test]
fn an_edge_is_added_once_and_in_order() {
    let bench = Bench::new();
    let [a, b, c] = runs(&bench, ["a", "b", "c"]);
    let add = |from: &[&RunId], to: &[&RunId]| {
        bench.store.write(|w| w.lineage().add(from.iter().copied(), to.iter().copied())).unwrap()
    };
    assert_eq!(add(&[&c], &[&a]), 1);
    let before = bench.store.read();
    let edge = before.lineage().edge(&c, &a).unwrap().unwrap();
    assert_eq!((edge.version_number, edge.input, edge.output), (1, (&c).into(), (&a).into()));
    assert_eq!(add(&[&c], &[&a]), 0);
    assert_eq!(bench.store.read().sequence(), before.sequence(), "nothing was added");
    assert_eq!(add(&[&a, &b, &c], &[&a]), 2, "to itself too");
    assert_eq!(inputs(&bench.store.read(), &a), ["c", "a", "b"], "in order of their making");
    assert_eq!(before.lineage().edge(&a, &c).unwrap(), None, "an edge has a direction");
    // Removed and added again, it is another, and the last.
    let removed = bench.store.write(|w| w.lineage().remove([&c, &b], [&a, &c])).unwrap();
    assert_eq!(removed, 2);
    let read = bench.store.read();
    assert_eq!(inputs(&read, &a), ["a"]);
    assert_eq!(kind(read.lineage().get(&edge.id)), ErrorKind::NotFound);
    assert_eq!(read.lineage().edge(&c, &a).unwrap(), None);
    assert_eq!(read.as_of(before.sequence()).unwrap().lineage().get(&edge.id).unwrap().id, edge.id);
    assert_eq!(inputs(&read.as_of(before.sequence()).unwrap(), &a), ["c"]);
    assert_eq!(add(&[&c], &[&a]), 1);
    let read = bench.store.read();
    assert_eq!(inputs(&read, &a), ["a", "c"]);
    assert_ne!(read.lineage().edge(&c, &a).unwrap().unwrap().id, edge.id);
    let names: Vec<_> = read.history(&edge.id).unwrap().map(|entry| entry.unwrap().operation.name).collect();
    assert_eq!(names, ["lineage.remove", "lineage.add"]);
    assert_eq!(bench.store.write(|w| w.lineage().remove([&b], [&b])).unwrap(), 0);
    assert!(bench.store.audit().verify().unwrap().is_intact());
}

#[test]
fn lineage_is_refused_as_a_whole() {
    let bench = Bench::new();
    let [a, b, gone] = runs(&bench, ["a", "b", "gone"]);
    bench.store.write(|w| w.runs().delete(&gone)).unwrap();
    let before = bench.store.read().sequence();
    let entry = |run: &RunId| LineageEntry::from(run);
    let version = LineageEntry::DatasetVersion("v".to_owned());
    let (a, b, gone) = (entry(&a), entry(&b), entry(&gone));
    let unknown = LineageEntry::Run(id("unknown"));
    let same_id = LineageEntry::DatasetVersion("a".to_owned());
    let cases: Vec<(Vec<LineageEntry>, Vec<LineageEntry>)> = vec![
        (vec![], vec![a.clone()]),
        (vec![a.clone()], vec![]),
        (vec![a.clone(), a.clone()], vec![b.clone()]),
        (vec![b.clone()], vec![a.clone(), a.clone()]),
        (vec![a.clone(), same_id], vec![b.clone()]),
        (vec![LineageEntry::DatasetVersion(String::new())], vec![b.clone()]),
        (vec![a.clone()], vec![LineageEntry::Run(RunId::default())]),
    ];
    for (from, to) in &cases {
        let add = bench.store.write(|w| w.lineage().add(from.clone(), to.clone()));
        assert_eq!(kind(add), ErrorKind::InvalidArgument, "{from:?} {to:?}");
        let remove = bench.store.write(|w| w.lineage().remove(from.clone(), to.clone()));
        assert_eq!(kind(remove), ErrorKind::InvalidArgument, "{from:?} {to:?}");
    }
    // What is not there: refused for adding, ignored for removing.
    for missing in [unknown, gone, version] {
        for (from, to) in
            [(vec![a.clone(), missing.clone()], vec![b.clone()]), (vec![a.clone()], vec![b.clone(), missing])]
        {
            let add = bench.store.write(|w| w.lineage().add(from.clone(), to.clone()));
            assert_eq!(kind(add), ErrorKind::InvalidArgument, "{from:?} {to:?}");
            assert_eq!(bench.store.write(|w| w.lineage().remove(from, to)).unwrap(), 0);
        }
    }
    assert_eq!(bench.store.read().sequence(), before);
    assert_eq!(bench.store.stats().unwrap().lineage_edges, 0);
}

#[test]
fn edges_stay_when_what_they_name_goes() {
    let bench = Bench::new();
    let [a, b] = runs(&bench, ["a", "b"]);
    bench.store.write(|w| w.lineage().add([&a], [&b])).unwrap();
    let seen = |read: &Snapshot| (inputs(read, &b), outputs(read, &a));
    let both = (vec!["a".to_owned()], vec!["b".to_owned()]);
    bench.store.write(|w| w.runs().delete(&a)).unwrap();
    assert_eq!(seen(&bench.store.read()), both);
    bench.store.write(|w| w.projects().delete(&bench.project)).unwrap();
    assert_eq!(seen(&bench.store.read()), both);
    bench.store.purge().unwrap();
    assert_eq!(seen(&bench.store.read()), both);
    assert_eq!(bench.store.write(|w| w.lineage().remove([&a], [&b])).unwrap(), 1);
    assert_eq!(seen(&bench.store.read()), (vec![], vec![]));
}

#[test]
fn a_write_sees_its_own_edges() {
    let bench = Bench::new();
    let [a, b] = runs(&bench, ["a", "b"]);
    bench
        .store
        .write(|w| {
            let c = w.runs().create(&bench.experiment, NewRun::new())?;
            assert_eq!(w.lineage().add([&a, &c], [&b])?, 2);
            assert_eq!(w.lineage().add([&a], [&b, &c])?, 1);
            assert_eq!(w.lineage().remove([&a], [&b])?, 1);
            assert_eq!(w.lineage().add([&a], [&b])?, 1);
            w.runs().delete(&c)?;
            assert_eq!(kind(w.lineage().add([&c], [&b])), ErrorKind::InvalidArgument);
            Ok(())
        })
        .unwrap();
    let read = bench.store.read();
    assert_eq!(inputs(&read, &b).last().unwrap(), "a");
    assert_eq!(read.commit(read.sequence()).unwrap().changes, 1 + 2 + 1 + 1 + 1 + 1);
    assert!(bench.store.audit().verify().unwrap().is_intact());
}

/// A product that is too large for memory goes to the disk in slices.
#[test]
fn a_large_product_is_one_operation() {
    let bench = Bench::new();
    let all = bench.store.write(|w| w.runs().create_many(&bench.experiment, (0..120).map(|_| NewRun::new()))).unwrap();
    assert_eq!(bench.store.write(|w| w.lineage().add(&all, &all)).unwrap(), 120 * 120);
    let read = bench.store.read();
    assert_eq!(read.commit(read.sequence()).unwrap().operations.len(), 1);
    assert_eq!(read.lineage().inputs(&all[7]).unwrap().len(), 120);
    assert_eq!(bench.store.write(|w| w.lineage().remove(&all, &all[..60])).unwrap(), 120 * 60);
    let read = bench.store.read();
    assert_eq!(read.lineage().outputs(&all[7]).unwrap(), all[60..].iter().map(LineageEntry::from).collect::<Vec<_>>());
    assert!(bench.store.audit().verify().unwrap().is_intact());
}

/// A disk that fails is not a run that is not there.
#[test]
fn an_error_of_the_disk_is_told_as_such() {
    let mut failed = 0;
    for call in 0..60 {
        let disk = SimulatedDisk::new();
        let open = || Store::options().entropy(SeededEntropy::new(1)).cache_bytes(0).open_simulated(&disk).unwrap();
        let store = open();
        let [a, b] = ["a", "b"].map(id::<RunId>);
        store
            .write(|w| {
                let project = w.projects().get_or_create("p")?;
                let experiment = w.experiments().get_or_create(&project, "e")?;
                [&a, &b]
                    .iter()
                    .try_for_each(|run| w.runs().create(&experiment, NewRun::new().id((*run).clone())).map(drop))
            })
            .unwrap();
        store.close().unwrap();
        let store = open();
        disk.set_fault(Some(Fault::Once(call)));
        if let Err(error) = store.write(|w| w.lineage().add([&a], [&b])) {
            failed += 1;
            assert_ne!(error.kind(), ErrorKind::InvalidArgument, "call {call}: {error}");
        }
        disk.set_fault(None);
    }
    assert!(failed > 5, "{failed} calls failed");
}
