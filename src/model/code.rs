use crate::model::{Artifact, BlobRef};
use crate::time::Timestamp;

/// Where the code of an entity came from (ModelDB's `CodeVersion`).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct CodeVersion {
    /// The code itself.
    pub code: Option<Code>,
    /// When the client logged it.
    pub date_logged: Option<Timestamp>,
}

/// Code: of a git work tree, or an archive of files.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Code {
    /// A git work tree.
    Git(GitSnapshot),
    /// A ZIP archive, as an artifact of type `Code`.
    Archive(Artifact),
}

/// State of a git work tree (ModelDB's `GitSnapshot`).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct GitSnapshot {
    /// Paths of interest, in the given order.
    pub filepaths: Vec<String>,
    /// URL of the remote.
    pub repo: String,
    /// Hash of the commit.
    pub hash: String,
    /// The tree differs from the commit.
    pub is_dirty: Ternary,
}

/// Yes, no, or not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Ternary {
    /// Not known.
    #[default]
    Unknown,
    /// Yes.
    True,
    /// No.
    False,
}

impl CodeVersion {
    /// A git work tree at `hash` of `repo`.
    pub fn git(repo: impl Into<String>, hash: impl Into<String>) -> Self {
        let snapshot = GitSnapshot { repo: repo.into(), hash: hash.into(), ..GitSnapshot::default() };
        CodeVersion { code: Some(Code::Git(snapshot)), date_logged: None }
    }

    /// An archive of the code.
    pub fn archive(archive: Artifact) -> Self {
        CodeVersion { code: Some(Code::Archive(archive)), date_logged: None }
    }

    /// Says whether the work tree differs from the commit; nothing for an archive.
    #[must_use]
    pub fn dirty(mut self, dirty: bool) -> Self {
        if let Some(Code::Git(snapshot)) = &mut self.code {
            snapshot.is_dirty = if dirty { Ternary::True } else { Ternary::False };
        }
        self
    }

    /// Adds a path of interest; nothing for an archive.
    #[must_use]
    pub fn filepath(mut self, path: impl Into<String>) -> Self {
        if let Some(Code::Git(snapshot)) = &mut self.code {
            snapshot.filepaths.push(path.into());
        }
        self
    }

    /// The bytes of an archive that the store keeps.
    pub(crate) fn blob(&self) -> Option<&BlobRef> {
        match &self.code {
            Some(Code::Archive(archive)) => archive.blob.as_ref(),
            _ => None,
        }
    }

    /// When the client logged it.
    #[must_use]
    pub fn date_logged(mut self, when: Timestamp) -> Self {
        self.date_logged = Some(when);
        self
    }
}
