use crate::digest::BlobDigest;

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
    /// The bytes, if the store keeps them.
    pub blob: Option<BlobRef>,
    /// What has arrived of an upload in parts that is not completed.
    pub upload: Option<Upload>,
}

/// Bytes that a store keeps: what they are called among its blobs, and how many they are. Made by
/// [`Store::put_blob`](crate::Store::put_blob) and [`Write::put_blob`](crate::Write::put_blob).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct BlobRef {
    /// The digest of the bytes.
    pub digest: BlobDigest,
    /// How many they are.
    pub len: u64,
}

impl BlobRef {
    /// What bytes in memory are called; it does not keep them.
    pub fn of(bytes: &[u8]) -> Self {
        BlobRef { digest: BlobDigest::of(bytes), len: bytes.len() as u64 }
    }
}

/// An upload in parts (ModelDB 7.4).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Upload {
    /// What tells it from earlier ones of the same artifact.
    pub id: String,
    /// The parts that were committed, ascending by number.
    pub parts: Vec<ArtifactPart>,
}

/// A part of an upload (ModelDB's `ArtifactPart`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ArtifactPart {
    /// Its place among the others: from 1 on, with gaps or without.
    pub part_number: u64,
    /// Its bytes.
    pub blob: BlobRef,
}

impl ArtifactPart {
    /// A part of these bytes.
    pub fn new(part_number: u64, blob: BlobRef) -> Self {
        ArtifactPart { part_number, blob }
    }

    /// What a client is told, and sends back to commit the part: the digest of its bytes.
    pub fn etag(&self) -> String {
        self.blob.digest.to_string()
    }
}

impl Artifact {
    /// An artifact named `key` at `path`.
    pub fn new(key: impl Into<String>, path: impl Into<String>) -> Self {
        Artifact { key: key.into(), path: path.into(), ..Artifact::default() }
    }

    /// An artifact named `key`, whose bytes the store keeps; its path becomes ModelDB's.
    pub fn named(key: impl Into<String>) -> Self {
        Artifact::new(key, "")
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

    /// The bytes, which the store keeps already.
    #[must_use]
    pub fn blob(mut self, blob: BlobRef) -> Self {
        self.blob = Some(blob);
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
