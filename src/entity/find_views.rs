//! Pages of runs without a copy: what a search found, read where it is stored.

use std::sync::Arc;

use crate::entity::find::{Find, Found};
use crate::entity::view::{RunGuard, RunView};
use crate::error::{Error, Result};
use crate::id::{EntityKind, Row};
use crate::log::read::Recent;
use crate::model::Run;

impl Find<Run> {
    /// One [`page`](Self::page) of what `each` makes of its runs, which it reads where they are stored: for lists that
    /// show a few fields of each run.
    ///
    /// ```
    /// # use modeldb::{NewRun, Store};
    /// # fn main() -> modeldb::Result<()> {
    /// # let store = Store::in_memory()?;
    /// # store.write(|w| {
    /// #     let project = w.projects().get_or_create("p")?;
    /// #     let experiment = w.experiments().get_or_create(&project, "e")?;
    /// #     w.runs().create(&experiment, NewRun::named("deep").metric("accuracy", 0.92))?;
    /// #     w.runs().create(&experiment, NewRun::named("flat").metric("accuracy", 0.84))
    /// # })?;
    /// let found = store.read().runs().find("metrics.accuracy > 0.9")?.order_by("-metrics.accuracy");
    /// let names = found.page_views(1, 20, |run| Ok(run.name()?.into_owned()))?;
    /// assert_eq!((names.items, names.total), (vec!["deep".to_owned()], 1));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Those of [`page`](Self::page), and those of `each`, which end the page.
    pub fn page_views<U>(
        &self,
        number: u32,
        limit: u32,
        mut each: impl FnMut(RunView<'_>) -> Result<U>,
    ) -> Result<Found<U>> {
        let recent = Recent::default();
        let (rows, total) = self.page_rows(number, limit)?;
        let items = rows.into_iter().map(|row| each(self.guard(row, &recent)?.view()?)).collect::<Result<_>>()?;
        Ok(Found { items, total })
    }

    /// The bytes of a run that was found, as of the search's snapshot.
    fn guard(&self, row: Row, recent: &Recent) -> Result<RunGuard> {
        let (state, at) = self.snapshot();
        if at < state.head.sequence {
            return RunGuard::of_stored(Arc::clone(state), self.read(row, recent)?);
        }
        // What was found in this very snapshot is live in it.
        let bytes = state.resolver().record(EntityKind::Run, row)?;
        let gone = || Error::corrupt(format!("the run in row {} is gone from a snapshot that had it", row.0));
        Ok(RunGuard::new(Arc::clone(state), bytes.ok_or_else(gone)?))
    }
}
