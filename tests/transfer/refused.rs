//! Exports of entities as no store would ever have them: with a right digest, and refused.

use std::fs;
use std::path::Path;

use minicbor::Encoder;
use minicbor::bytes::ByteArray;
use modeldb::{BlobDigest, ErrorKind, ImportReport, LineageEntry, NewRun, RunId, Store};

use super::filled;

/// The value of a field.
type Bytes = Vec<u8>;

fn number(number: u64) -> Bytes {
    minicbor::to_vec(number).unwrap()
}

fn text(text: &str) -> Bytes {
    minicbor::to_vec(text).unwrap()
}

fn digest(fill: u8) -> Bytes {
    minicbor::to_vec(ByteArray::from([fill; 32])).unwrap()
}

fn array<const N: usize>(items: [Bytes; N]) -> Bytes {
    let mut encoder = Encoder::new(Vec::new());
    encoder.array(N as u64).unwrap();
    [encoder.into_writer(), items.concat()].concat()
}

fn map<const N: usize>(fields: [(u64, Bytes); N]) -> Bytes {
    let mut encoder = Encoder::new(Vec::new());
    encoder.map(N as u64).unwrap();
    let fields = fields.map(|(field, value)| [number(field), value].concat());
    [encoder.into_writer(), fields.concat()].concat()
}

/// The creation of an entity of a kind.
fn created<const N: usize>(kind: u64, fields: [(u64, Bytes); N]) -> Bytes {
    array([number(0), number(kind), map(fields)])
}

/// Imports a project with a run that has one field more.
fn import(store: &Store, folder: &Path, field: u64, value: Bytes) -> modeldb::Result<ImportReport> {
    let version = || (5, number(1));
    let run = match field {
        5 => created(3, [(0, text("r")), (1, text("r")), (5, value), (9, text("p")), (10, text("e"))]),
        _ => created(3, [(0, text("r")), (1, text("r")), version(), (9, text("p")), (10, text("e")), (field, value)]),
    };
    let experiment = created(2, [(0, text("e")), (1, text("e")), version(), (9, text("p"))]);
    let mut lines = "{\"modeldb project\":1,\"id\":\"p\",\"name\":\"p\"}\n".to_owned();
    for entity in [created(1, [(0, text("p")), (1, text("p")), version()]), experiment, run] {
        let bytes: String = entity.iter().map(|byte| format!("{byte:02x}")).collect();
        lines += &format!("{{\"entity\":\"\",\"bytes\":\"{bytes}\"}}\n");
    }
    let digest = BlobDigest::of(lines.as_bytes());
    lines += &format!(
        "{{\"end\":{{\"experiments\":1,\"runs\":1,\"comments\":0,\"lineage_edges\":0,\"observations\":0,\"blobs\":0,\
         \"blob_bytes\":0}},\"digest\":\"{digest}\"}}\n"
    );
    fs::write(folder.join("project.jsonl"), lines).unwrap();
    store.import_project(folder)
}

#[test]
fn what_no_store_would_have_is_not_taken() {
    let folder = tempfile::tempdir().unwrap();
    let series = |key: &str, count: u64| map([(0, text(key)), (1, number(count)), (11, digest(1))]);
    let link = |key: &str| map([(0, text(key)), (1, text("path"))]);
    let part = |number_of: u64| array([number(number_of), array([digest(2), number(1 << 20)])]);
    let upload =
        |parts: Bytes| array([map([(0, text("m")), (1, text("path")), (10, map([(0, text("u")), (1, parts)]))])]);
    let with_bytes = map([(0, text("d")), (1, text("path")), (9, array([digest(2), number(1 << 20)]))]);
    let refused = [
        ("a version number without room", 5, number(u64::MAX)),
        ("a start time that is none", 11, number(0)),
        ("an end time that is none", 12, number(0)),
        ("an upload with parts out of order", 36, upload(array([part(2), part(1)]))),
        ("an upload with a part twice", 36, upload(array([part(1), part(1)]))),
        ("an upload with a part 0", 36, upload(array([part(0)]))),
        ("links out of order", 37, array([link("b"), link("a")])),
        ("a link twice", 37, array([link("a"), link("a")])),
        ("a link with bytes of its own", 37, array([with_bytes])),
        ("an empty series", 38, array([map([(0, text("loss")), (11, digest(1))])])),
        ("series out of order", 38, array([series("b", 1), series("a", 1)])),
        ("a series twice", 38, array([series("loss", 1), series("loss", 1)])),
        ("features out of order", 39, array([text("b"), text("a")])),
    ];
    for (what, field, value) in refused {
        let store = Store::options().background(false).open_in_memory().unwrap();
        let error = import(&store, folder.path(), field, value).unwrap_err();
        let due = if field == 5 { ErrorKind::LimitExceeded } else { ErrorKind::InvalidArgument };
        assert_eq!(error.kind(), due, "{what}: {error}");
        assert_eq!(store.stats().unwrap().runs, 0, "{what}");
        assert!(store.verify().unwrap().is_intact(), "{what}");
    }
    // It is the field that is refused, and not the rest.
    let store = Store::options().background(false).open_in_memory().unwrap();
    let sorted = array([link("a"), link("b")]);
    assert!(import(&store, folder.path(), 37, sorted).unwrap().is_same());
    let run = RunId::new("r").unwrap();
    store.write(|w| w.runs().describe(&run, "changed")).unwrap();
    assert!(store.verify().unwrap().is_intact());
}

/// It is there, and not the one that was exported: neither missing nor the same.
#[test]
fn an_edge_that_was_made_again_differs() {
    let store = Store::in_memory().unwrap();
    let (project, runs) = filled(&store);
    let experiment = store.read().runs().get(&runs[0]).unwrap().experiment_id;
    let pair = store.write(|w| w.runs().create_many(&experiment, ["in", "out"].map(NewRun::named))).unwrap();
    let (a, b) = (&pair[0], &pair[1]);
    store.write(|w| w.lineage().add([a], [b])).unwrap();
    let folder = tempfile::tempdir().unwrap();
    store.export_project(&project, folder.path().join("1")).unwrap();
    let other = Store::in_memory().unwrap();
    assert!(other.import_project(folder.path().join("1")).unwrap().is_same());
    store.write(|w| w.lineage().remove([a], [b]).and_then(|_| w.lineage().add([a], [b]))).unwrap();
    store.export_project(&project, folder.path().join("2")).unwrap();
    let report = other.import_project(folder.path().join("2")).unwrap();
    assert_eq!((report.created, report.differing, report.missing), (0, 1, 0), "{report}");
    assert_eq!(other.read().lineage().inputs(b).unwrap(), [LineageEntry::from(a)]);
}
