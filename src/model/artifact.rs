/// Metadata of an artifact, or of a dataset link of a run (ModelDB's `Artifact`).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Artifact {
    /// Key, unique within its container.
    pub key: String,
    /// Where the bytes are.
    pub path: String,
    /// Only the path is kept; no bytes are stored.
    pub path_only: bool,
    /// What the bytes are.
    pub artifact_type: ArtifactType,
    /// Id of the dataset version this entry links to; empty if none.
    pub linked_artifact_id: String,
    /// File name extension, without the dot.
    pub filename_extension: String,
    /// How the bytes were serialized (free text).
    pub serialization: String,
    /// A finer type (free text).
    pub artifact_subtype: String,
    /// All bytes have arrived.
    pub upload_completed: bool,
}

impl Artifact {
    /// An artifact named `key` at `path`.
    pub fn new(key: impl Into<String>, path: impl Into<String>) -> Self {
        Artifact { key: key.into(), path: path.into(), ..Artifact::default() }
    }

    /// What the bytes are.
    #[must_use]
    pub fn artifact_type(mut self, artifact_type: ArtifactType) -> Self {
        self.artifact_type = artifact_type;
        self
    }

    /// The dataset version this entry links to.
    #[must_use]
    pub fn linked_artifact_id(mut self, id: impl Into<String>) -> Self {
        self.linked_artifact_id = id.into();
        self
    }

    /// The file name extension, without the dot.
    #[must_use]
    pub fn filename_extension(mut self, extension: impl Into<String>) -> Self {
        self.filename_extension = extension.into();
        self
    }

    /// How the bytes were serialized.
    #[must_use]
    pub fn serialization(mut self, serialization: impl Into<String>) -> Self {
        self.serialization = serialization.into();
        self
    }

    /// A finer type.
    #[must_use]
    pub fn artifact_subtype(mut self, subtype: impl Into<String>) -> Self {
        self.artifact_subtype = subtype.into();
        self
    }

    /// All bytes have arrived.
    #[must_use]
    pub fn upload_completed(mut self) -> Self {
        self.upload_completed = true;
        self
    }

    /// Only the path is kept.
    #[must_use]
    pub fn path_only(mut self) -> Self {
        self.path_only = true;
        self
    }
}

/// What an artifact is (ModelDB's `ArtifactType`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
#[allow(missing_docs)]
pub enum ArtifactType {
    #[default]
    Image,
    Model,
    Tensorboard,
    Data,
    Blob,
    String,
    Code,
    Container,
}

/// The artifact of a key, in a list in ascending order of keys.
pub(super) fn of_key<'a>(artifacts: &'a [Artifact], key: &str) -> Option<&'a Artifact> {
    let at = artifacts.binary_search_by(|artifact| artifact.key.as_str().cmp(key)).ok()?;
    artifacts.get(at)
}
