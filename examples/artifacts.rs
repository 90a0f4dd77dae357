//! Keeps a model's bytes beside its run, loads it again and predicts; resumes an upload in parts; collects garbage.
//!
//! ```text
//! cargo run --example artifacts
//! ```

use std::io::Read;
use std::time::Duration;

use modeldb::{Artifact, ArtifactType, GcOptions, NewRun, RunId, Snapshot, Store};

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

/// A straight line through points, by least squares.
#[derive(Debug, PartialEq)]
struct Line {
    slope: f64,
    offset: f64,
}

impl Line {
    fn fit(points: &[(f64, f64)]) -> Line {
        let count = points.iter().map(|_| 1.0).sum::<f64>();
        let (x, y) = points.iter().fold((0.0, 0.0), |sum, (x, y)| (sum.0 + x / count, sum.1 + y / count));
        let covariance: f64 = points.iter().map(|(a, b)| (a - x) * (b - y)).sum();
        let slope = covariance / points.iter().map(|(a, _)| (a - x).powi(2)).sum::<f64>();
        Line { slope, offset: y - slope * x }
    }

    fn predict(&self, x: f64) -> f64 {
        self.slope * x + self.offset
    }

    fn to_bytes(&self) -> Vec<u8> {
        [self.slope, self.offset].into_iter().flat_map(f64::to_le_bytes).collect()
    }

    fn load(snapshot: &Snapshot, run: &RunId) -> Outcome<Line> {
        let mut bytes = [0; 16];
        snapshot.open_artifact(run, "line.bin")?.read_exact(&mut bytes)?;
        let ([slope, offset], []) = bytes.as_chunks::<8>() else { return Err("two numbers".into()) };
        Ok(Line { slope: f64::from_le_bytes(*slope), offset: f64::from_le_bytes(*offset) })
    }
}

fn main() -> Outcome<()> {
    let folder = tempfile::tempdir()?;
    let store = Store::open(folder.path().join("experiments.modeldb"))?;
    let points: Vec<(f64, f64)> = (0..50).map(f64::from).map(|x| (x, 2.0 * x + 1.0 + (x * 7.0).sin())).collect();
    let line = Line::fit(&points);

    // A small model is written with the commit that names it: the run is never there without its bytes.
    let run = store.write(|w| {
        let project = w.projects().get_or_create("lines")?;
        let experiment = w.experiments().get_or_create(&project, "least squares")?;
        let bytes = w.put_blob(&line.to_bytes())?;
        let model = Artifact::named("line.bin").artifact_type(ArtifactType::Model).blob(bytes);
        w.runs().create(&experiment, NewRun::named("first").artifact(model))
    })?;
    let loaded = Line::load(&store.read(), &run)?;
    assert_eq!(loaded, line);
    println!("{loaded:?} says {:.2} for 100", loaded.predict(100.0));

    // A large file is streamed, and can tell how far it is.
    let data =
        std::iter::repeat_n(points.iter(), 2_000).flatten().flat_map(|(x, y)| [x.to_le_bytes(), y.to_le_bytes()]);
    let data: Vec<u8> = data.flatten().collect();
    let mut told = 0;
    store.log_artifact_with(&run, Artifact::named("points.bin"), &*data, |done| {
        told = done;
        std::ops::ControlFlow::Continue(())
    })?;
    println!("{told} bytes of points are stored, and checked whenever they are read");

    // A server that is sent a file in parts puts each, and commits it by the tag that it answered with.
    store.write(|w| w.runs().log_artifacts(&run, [Artifact::named("weights.bin")]))?;
    store.write(|w| w.begin_upload(&run, "weights.bin"))?;
    for (number, part) in (1..).zip(data.chunks(700_000)) {
        let etag = store.put_blob(part)?.digest.to_string();
        store.write(|w| w.commit_artifact_part(&run, "weights.bin", number, &etag))?;
    }
    // After an interruption, those that have arrived are known.
    let upload = store.read().artifact(&run, "weights.bin")?.and_then(|artifact| artifact.upload);
    println!("{} parts have arrived", upload.map_or(0, |upload| upload.parts.len()));
    let whole = store.complete_upload(&run, "weights.bin")?;
    println!("together they are {} bytes, and the same as the points: {}", whole.len, whole.digest);

    // The parts are of no use any more. Usually what is younger than a day is left alone: somebody may be about to
    // name it.
    std::thread::sleep(Duration::from_millis(2));
    let report = store.gc(&GcOptions::new().min_age(Duration::ZERO))?;
    println!(
        "{} bytes were removed; {} bytes are kept, which records name as {}",
        report.removed_bytes, report.kept_bytes, report.referenced_bytes
    );
    Ok(())
}
