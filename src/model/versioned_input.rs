use std::collections::BTreeMap;

/// A commit of a repository that a run used as input (ModelDB's `VersioningEntry`).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct VersionedInputs {
    /// The repository's number.
    pub repository_id: u64,
    /// The commit's hash.
    pub commit: String,
    /// The user's keys, and where in the commit they point.
    pub key_locations: BTreeMap<String, Location>,
}

/// Path of a blob in a commit, component by component.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Location(Vec<String>);

impl Location {
    /// The path made of `components`.
    pub fn new<T: Into<String>>(components: impl IntoIterator<Item = T>) -> Self {
        Location(components.into_iter().map(Into::into).collect())
    }

    /// The components.
    pub fn components(&self) -> &[String] {
        &self.0
    }

    pub(crate) fn from_components(components: Vec<String>) -> Self {
        Location(components)
    }
}

impl VersionedInputs {
    /// The commit `commit` of the repository `repository_id`.
    pub fn new(repository_id: u64, commit: impl Into<String>) -> Self {
        VersionedInputs { repository_id, commit: commit.into(), key_locations: BTreeMap::new() }
    }

    /// Points `key` at `location`.
    #[must_use]
    pub fn key(mut self, key: impl Into<String>, location: Location) -> Self {
        self.key_locations.insert(key.into(), location);
        self
    }
}
