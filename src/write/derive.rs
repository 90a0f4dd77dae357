//! Writes beside the log: what is derived from the records, and what a collection of garbage removes.

use std::sync::Arc;

use super::{Writer, check_not_writing};
use crate::entity::state::State;
use crate::error::Result;
use crate::id::Sequence;
use crate::storage::{CommitMode, WriteTables};
use crate::store::Inner;

impl Inner {
    /// Writes what is derived from the records: no change, durable with the next commit that is.
    pub(crate) fn derive(&self, write: impl FnOnce(&mut WriteTables<'_>) -> Result<()>) -> Result<()> {
        self.derive_under(&mut self.writer.lock(), write)
    }

    /// [`derive`](Self::derive), and whoever begins to read from then on sees it.
    /// `write` is told how far the key index's table has followed by then.
    pub(crate) fn derive_and_publish(
        &self,
        write: impl FnOnce(&mut WriteTables<'_>, Sequence) -> Result<()>,
    ) -> Result<()> {
        let mut writer = self.writer.lock();
        // What is open may fold more of it.
        let _ = writer.end_group(self, false);
        let folded = writer.keys.folded_up_to();
        self.derive_under(&mut writer, |tables| write(tables, folded))?;
        self.publish(&writer.tip, &writer.keys)
    }

    fn derive_under(&self, writer: &mut Writer, write: impl FnOnce(&mut WriteTables<'_>) -> Result<()>) -> Result<()> {
        // Each write of a group that was left open learns how it ended from its outcome.
        let _ = writer.end_group(self, false);
        self.check_usable()?;
        let txn = self.begin()?;
        let written = write(&mut txn.tables());
        let ended = written.and_then(|()| txn.commit(CommitMode::Relaxed));
        writer.unflushed = true;
        ended.inspect_err(|_| self.poison())
    }

    /// Begins a collection of garbage, with what every write before it has made. One that `removes` first makes all of
    /// that durable: what is removed is gone at once, and a crash must not bring back what named it.
    ///
    /// # Errors
    /// `Conflict` if one goes on, or a backup is made.
    pub(crate) fn begin_collection(&self, removes: bool) -> Result<Arc<State>> {
        check_not_writing(self)?;
        let mut writer = self.writer.lock();
        // Its writes have named their blobs already.
        let _ = writer.end_group(self, false);
        self.check_usable()?;
        if removes {
            writer.flush(self)?;
        }
        self.common.blobs.begin_collection()?;
        Ok(Arc::clone(&self.published.read()))
    }
}
