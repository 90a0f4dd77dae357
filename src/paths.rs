//! Paths that mean the same wherever the program goes.

use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// A path as it is meant now: a relative one would be another once the program changes its working directory.
///
/// # Errors
/// `InvalidArgument` for the empty path, which is none; `Io` if there is no working directory.
pub(crate) fn absolute(path: &Path) -> Result<PathBuf> {
    if path.as_os_str().is_empty() {
        return Err(Error::invalid("the path is empty; the working directory is `.`"));
    }
    std::path::absolute(path).map_err(|error| Error::io(format!("finding out where {} is", path.display()), error))
}
