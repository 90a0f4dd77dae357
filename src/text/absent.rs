//! The shell of an index in a build without one.

use std::ops::Range;
use std::path::PathBuf;
use std::time::Duration;

use super::TextAnswer;
use crate::error::{Error, Result};
use crate::id::{EntityKind, Row, Sequence};

/// There is nothing it could spoil.
pub(crate) enum Purging {}

/// Nothing is asked.
pub(crate) struct Question<'a>(&'a Purging);

impl Question<'_> {
    pub(crate) fn is_of_few_terms(&self) -> bool {
        match *self.0 {}
    }

    pub(crate) fn answer(&self, _within: &Range<u32>) -> Option<TextAnswer> {
        match *self.0 {}
    }

    pub(crate) fn count(&self) -> Option<u64> {
        match *self.0 {}
    }
}

/// No index.
pub(crate) struct TextIndex {
    folder: Option<PathBuf>,
}

impl TextIndex {
    pub(crate) fn new(folder: Option<PathBuf>, _start_rows: Option<u32>, _read_only: bool) -> Self {
        TextIndex { folder }
    }

    pub(crate) fn push(&self, _sequence: Sequence, _rows: impl Iterator<Item = (EntityKind, Row)>) {}

    pub(crate) fn published(&self, _sequence: Sequence) {}

    pub(crate) fn sequence(&self) -> Option<Sequence> {
        None
    }

    pub(crate) fn failure(&self) -> Option<String> {
        None
    }

    /// Nothing lags behind.
    pub(crate) fn wait(&self, _sequence: Sequence, _at_most: Duration) -> Result<()> {
        Ok(())
    }

    pub(crate) fn begin_purge(&self) -> Option<Purging> {
        None
    }

    /// Removes what another build may have left: it is not followed, and holds what was deleted.
    pub(crate) fn clean(&self, _sequence: Sequence) -> Result<()> {
        match self.folder.as_ref().map(std::fs::remove_dir_all) {
            Some(Err(error)) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(Error::io("removing a text index", error))
            }
            _ => Ok(()),
        }
    }

    pub(crate) fn stop(&self) {}
}
