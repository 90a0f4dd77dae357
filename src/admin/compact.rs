//! Compacting: the tables in a new file, which then takes the place of the old one.

use std::fmt;
use std::ops::ControlFlow;

use crate::error::{Error, Result};
use crate::progress::{Progress, Steps};
use crate::storage::ReadTables;
use crate::store::{Store, closed};

/// What [`Store::compact`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Compacted {
    /// Bytes of the file before; of a store in memory, about.
    pub before: u64,
    /// Bytes of the file now.
    pub after: u64,
}

impl fmt::Display for Compacted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes became {}", self.before, self.after)
    }
}

impl Store {
    /// Writes what the store holds into a new file, in order, which takes the place of the old one: free room goes back
    /// to the file system, and of what was changed or purged before nothing is left in any file. Of use after a
    /// [`purge`](Store::purge), or after much was changed.
    ///
    /// Wants the store to itself: writers wait until it is done, which takes about as long as copying the file and
    /// reading it, and at its end readers wait some milliseconds. Needs free room for the new file. A crash leaves the
    /// old file or the new one, whole.
    ///
    /// # Errors
    /// `Locked` if somebody holds a snapshot, with its age: a [`Watch`](crate::Watch) with more to
    /// read holds one; `StorageFull`, `Io` or `Corrupt` if the new file cannot be
    /// written, or is not what was written: then the old one stays. `NestedWrite` inside a write; `ReadOnly`,
    /// `Poisoned`, `Closed`. If the new file could not be opened, the handle is `Poisoned` after this: reopen the
    /// store.
    pub fn compact(&self) -> Result<Compacted> {
        self.compact_with(|_| ControlFlow::Continue(()))
    }

    /// [`compact`](Self::compact), telling `progress` how far it is. Must not write to the store.
    ///
    /// # Errors
    /// Those of [`compact`](Self::compact); `Cancelled`.
    pub fn compact_with(&self, mut progress: impl FnMut(Progress) -> ControlFlow<()>) -> Result<Compacted> {
        let inner = &*self.inner;
        let mut still = inner.hold_still()?;
        let (tables, before) = match &*inner.database.read() {
            Some(database) => (ReadTables::begin(database)?, inner.place.bytes(database)?),
            None => return Err(closed()),
        };
        let fresh = inner.place.write_fresh(&tables, inner.cache_bytes, &mut Steps::new(&mut progress))?;
        drop(tables);
        let after = fresh.bytes;
        let mut fresh = Some(fresh);
        let replaced = still.alone(|inner, database, state| {
            let (Some(old), Some(fresh)) = (database.take(), fresh.take()) else { return Err(closed()) };
            let failed = match inner.place.replace(old, fresh, inner.cache_bytes) {
                Ok(new) => {
                    *database = Some(new);
                    None
                }
                Err((error, old)) => {
                    *database = old;
                    Some(error)
                }
            };
            if let Some(there) = &*database {
                match ReadTables::begin(there) {
                    Ok(tables) => state.tables = tables,
                    Err(error) => {
                        *database = None;
                        return Err(failed.unwrap_or(error));
                    }
                }
            }
            failed.map_or(Ok(()), Err)
        });
        if let Some(fresh) = fresh {
            fresh.discard();
        }
        replaced.map_err(|error: Error| error.context("compacting the store"))?;
        Ok(Compacted { before, after })
    }
}
