//! Exports that are made up: their bytes fit their digest, whatever they say.

use std::path::Path;

use crate::blob::{BlobStore, LocalBlobs};
use crate::codec::canon;
use crate::codec::observations::{self, Digester};
use crate::error::{Error, Result};
use crate::id::{CommentId, ExperimentId, ProjectId, RunId};
use crate::limits;
use crate::log::change::{Change, Fact};
use crate::log::export::hex;
use crate::model::{
    Artifact, BlobRef, Comment, Entity, NewComment, NewExperiment, NewProject, NewRun, Observation, Series,
};
use crate::storage::BLOBS_FOLDER;
use crate::store::Store;
use crate::time::Timestamp;
use crate::transfer::{FILE, FORM, ended};

/// What a piece of the input becomes a line of.
const LINE: u8 = 0;
const ENTITY: u8 = 1;
const OBSERVATIONS: u8 = 2;
const BLOB: u8 = 3;
/// One that does not stand in the database: as often as that takes.
const LARGE_BLOB: u8 = 4;

/// Pieces, each a kind, a length and bytes, become the lines of an export of the project `p`. It is imported: whatever
/// it says, the store is whole afterwards, and what it took can be exported and imported again. `folder` is empty.
/// Answers whether it was taken.
pub fn import(folder: &Path, data: &[u8]) -> bool {
    let done = try_import(folder, data);
    assert!(done.is_ok(), "{done:?}");
    done.unwrap_or_default()
}

fn try_import(folder: &Path, data: &[u8]) -> Result<bool> {
    let mut lines = vec![format!(r#"{{"{FORM}":1,"id":"p","name":"p"}}"#).into_bytes()];
    let blobs = LocalBlobs::options().sync(false).open(folder.join(BLOBS_FOLDER))?;
    let mut rest = data;
    while let [kind, low, high, behind @ ..] = rest {
        let (piece, behind) = behind.split_at(behind.len().min(usize::from(u16::from_le_bytes([*low, *high]))));
        rest = behind;
        let line = match *kind {
            ENTITY => format!(r#"{{"entity":"","bytes":"{}"}}"#, hex(piece)),
            OBSERVATIONS => format!(r#"{{"observations":"loss","run":"r","bytes":"{}"}}"#, hex(piece)),
            BLOB | LARGE_BLOB => {
                let copies = if *kind == BLOB { 1 } else { limits::SMALL_BLOB_BYTES / piece.len().max(1) + 1 };
                let stored = blobs.put_bytes(&piece.repeat(copies))?;
                format!(r#"{{"blob":"{}","len":{}}}"#, stored.digest, stored.len)
            }
            _ => {
                lines.push(piece.iter().copied().filter(|byte| *byte != b'\n').collect());
                continue;
            }
        };
        lines.push(line.into_bytes());
    }
    let write = |folder: &Path, bytes: &[u8]| {
        std::fs::write(folder.join(FILE), bytes).map_err(|error| Error::io("writing an export", error))
    };
    write(folder, &ended(&lines))?;

    let store = Store::options().background(false).open_in_memory()?;
    let taken = store.import_project(folder);
    let report = store.verify()?;
    assert!(report.is_intact(), "{report}");
    let Ok(taken) = taken else { return Ok(false) };
    assert!(taken.is_same() || taken.present > 0, "{taken}");
    // What was taken is like anything that was written here.
    let Some(project) = taken.project.filter(|project| store.read().projects().get(project).is_ok()) else {
        return Ok(true);
    };
    let again = folder.join("again");
    store.export_project(&project, &again)?;
    let other = Store::options().background(false).open_in_memory()?;
    let report = other.import_project(&again)?;
    assert!(report.is_same() && report.present == 0, "{report}");
    Ok(true)
}

/// Inputs of [`import`] as an export has them, by name.
pub fn import_seeds() -> Vec<(&'static str, Vec<u8>)> {
    let project = ProjectId::new("p").unwrap_or_default();
    let experiment = ExperimentId::new("e").unwrap_or_default();
    let run = RunId::new("r").unwrap_or_default();

    let mut p = NewProject::named("p").id(project.clone()).attribute("team", "vision").0;
    p.description = "of a seed".to_owned();
    let e =
        crate::model::Experiment { project_id: project.clone(), ..NewExperiment::named("e").id(experiment.clone()).0 };
    let curve: Vec<Observation> = (0..9)
        .map(|index| Observation::new(f64::from(index) / 3.0, i64::from(index), Timestamp::from_millis(7)))
        .collect();
    let mut digester = Digester::default();
    digester.update(&curve);
    let series = Series { added: digester.finish(), ..Series::of("loss", &curve) };
    let mut r = NewRun::named("r")
        .id(run.clone())
        .metric("accuracy", 0.91)
        .tag("baseline")
        .artifact(Artifact::named("model").blob(BlobRef::of(b"weights")))
        .0;
    (r.project_id, r.experiment_id, r.series) = (project, experiment, vec![series]);
    let c = Comment { run_id: run, id: CommentId::new("c").unwrap_or_default(), ..NewComment::new("well done").0 };

    let piece = |kind: u8, bytes: &[u8]| {
        let len = u16::try_from(bytes.len()).unwrap_or_default().to_le_bytes();
        [&[kind][..], &len, bytes].concat()
    };
    let entity = |entity: Entity| {
        let change = Change { entity: entity.id(), previous: None, fact: Fact::Created(Box::new(entity)) };
        piece(ENTITY, &canon::encode(&change).0)
    };
    let [p, e, c] = [Entity::Project(p), Entity::Experiment(e), Entity::Comment(c)].map(entity);
    let (blob, r) = (piece(BLOB, b"weights"), entity(Entity::Run(r)));
    let observed = piece(OBSERVATIONS, &observations::write_all(&curve));
    let line =
        piece(LINE, br#"{"blob": "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262", "len": 0}"#);
    vec![
        ("whole", [&*blob, &p, &e, &r, &observed, &c].concat()),
        ("project", [&*p, &e].concat()),
        ("line", [&*line, &p].concat()),
    ]
}
