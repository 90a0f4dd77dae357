//! What a project takes.

use std::collections::HashMap;

use crate::digest::BlobDigest;
use crate::error::Result;
use crate::gc;
use crate::id::{EntityKind, ProjectId};
use crate::model::Entity;
use crate::storage::Source;
use crate::store::Store;

/// What a project takes, with what is under it and not deleted: see [`Store::project_stats`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct ProjectStats {
    /// Experiments.
    pub experiments: u64,
    /// Runs.
    pub runs: u64,
    /// Bytes of the records of all of them and of the project. What the log says of them comes on top, and their share
    /// of the indexes.
    pub record_bytes: u64,
    /// Observations of the runs.
    pub observations: u64,
    /// Bytes that those are stored in, and those of series that were deleted before.
    pub observation_bytes: u64,
    /// How often artifacts, parts of uploads and archives of code name bytes.
    pub references: u64,
    /// Bytes that they name, each as often as it is named.
    pub referenced_bytes: u64,
    /// Distinct blobs among those.
    pub blobs: u64,
    /// Bytes of those. Other projects may share them.
    pub blob_bytes: u64,
}

impl Store {
    /// What a project takes, as it is now. Reads the record of each run; holds some 50 bytes for each blob.
    ///
    /// # Errors
    /// `NotFound` if there is no such project; `Corrupt` or `Io` if something cannot be read.
    pub fn project_stats(&self, project: &ProjectId) -> Result<ProjectStats> {
        let snapshot = self.read();
        let state = &snapshot.state;
        let mut stats = ProjectStats::default();
        let mut blobs: HashMap<BlobDigest, u64> = HashMap::new();
        let mut add = |stats: &mut ProjectStats, kind: EntityKind, entity: &Entity| {
            let row = state.row(kind, entity.id().as_str(), snapshot.sequence())?;
            stats.record_bytes += state.tables.record(kind, row)?.map_or(0, |bytes| bytes.as_slice().len() as u64);
            if let Entity::Run(run) = entity {
                stats.observations += run.series.iter().map(|series| series.count).sum::<u64>();
                stats.observation_bytes += state.tables.series_bytes(row)?;
            }
            gc::named_by(entity, &mut |blob| {
                stats.references += 1;
                stats.referenced_bytes += blob.len;
                blobs.insert(blob.digest, blob.len);
                Ok(())
            })
        };
        add(&mut stats, EntityKind::Project, &Entity::Project(snapshot.projects().get(project)?))?;
        for experiment in snapshot.experiments().list(project)? {
            add(&mut stats, EntityKind::Experiment, &Entity::Experiment(experiment?))?;
            stats.experiments += 1;
        }
        for run in snapshot.runs().list_in_project(project)? {
            add(&mut stats, EntityKind::Run, &Entity::Run(run?))?;
            stats.runs += 1;
        }
        (stats.blobs, stats.blob_bytes) = (blobs.len() as u64, blobs.values().sum());
        Ok(stats)
    }
}
