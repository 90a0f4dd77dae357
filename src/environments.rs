//! Environments that are read off well-known artifacts (ModelDB 8.4).

use std::io::Read;

use crate::blob;
use crate::entity::entries::On;
use crate::error::{Error, Result};
use crate::id::{EntityKind, RunId};
use crate::limits;
use crate::model::{BlobRef, Entity, Environment, PythonEnvironment, Run, SoftwareVersion};
use crate::snapshot::Snapshot;
use crate::store::Store;

const MODEL_API: &str = "model_api.json";
const REQUIREMENTS: &str = "requirements.txt";

/// The bytes of the artifacts that an environment is read off.
fn sources(run: &Run) -> [Option<BlobRef>; 2] {
    [MODEL_API, REQUIREMENTS].map(|key| run.artifact(key).and_then(|artifact| artifact.blob))
}

fn text(read: &Snapshot, key: &str, blob: &BlobRef) -> Result<String> {
    let most = limits::ENVIRONMENT_FILE_BYTES;
    if blob.len > most as u64 {
        return Err(Error::limit(format!("the artifact {key} has {} bytes; at most {most} are read", blob.len)));
    }
    let mut bytes = Vec::new();
    let read = read.open_blob(blob)?.read_to_end(&mut bytes);
    read.map_err(|error| blob::from_io(error, "reading an artifact").context(key))?;
    String::from_utf8(bytes).map_err(|_| Error::invalid(format!("the artifact {key} is no UTF-8")))
}

/// The version of Python in the description of a model.
fn python_version(text: &str) -> Result<Option<SoftwareVersion>> {
    let json: serde_json::Value = serde_json::from_str(text)
        .map_err(|error| Error::invalid(format!("the artifact {MODEL_API} is no JSON")).with_source(error))?;
    let version = json.get("model_packaging").and_then(|packaging| packaging.get("python_version"));
    Ok(version.and_then(serde_json::Value::as_str).map(SoftwareVersion::parse))
}

impl Store {
    /// Gives a run that has no environment one of Python, read off its artifacts `model_api.json` (the version of
    /// Python, at `model_packaging.python_version`) and `requirements.txt` (the requirements), whichever of them it has
    /// with bytes. Answers whether it did. ModelDB does this by itself, some minutes later; here it is done when it is
    /// asked for.
    ///
    /// # Errors
    /// `NotFound` if there is no such run, or its bytes are gone; `InvalidArgument` if a file is no text, or no JSON;
    /// `LimitExceeded` if one is larger than [`limits::ENVIRONMENT_FILE_BYTES`]; `Corrupt` and `Io` of reading it;
    /// those of [`write`](Self::write).
    pub fn derive_environment(&self, run: &RunId) -> Result<bool> {
        let read = self.read();
        let found = read.runs().get(run)?;
        let [model_api, requirements] = sources(&found);
        if found.environment.is_some() || (model_api, requirements) == (None, None) {
            return Ok(false);
        }
        let mut python = PythonEnvironment::default();
        if let Some(blob) = &model_api {
            python.version = python_version(&text(&read, MODEL_API, blob)?)?;
        }
        if let Some(blob) = &requirements {
            python = python.requirements_file(&text(&read, REQUIREMENTS, blob)?);
        }
        self.write(|w| {
            let on = On { operation: "run.set_environment", kind: EntityKind::Run, id: run.as_str() };
            let Entity::Run(now) = on.load(w.txn())? else { return Ok(false) };
            // Somebody may have set it, or replaced the files.
            if now.environment.is_some() || sources(now) != [model_api, requirements] {
                return Ok(false);
            }
            w.runs().set_environment(run, Environment::python(python))?;
            Ok(true)
        })
    }
}
