//! Pages of runs without a copy: what a search found, read where it is stored.

use crate::entity::find::{Find, Found};
use crate::entity::view::RunView;
use crate::error::Result;
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
        let mut answering = self.begin(false)?;
        let (rows, total) = self.page_rows(&mut answering, number, limit)?;
        let items = rows.into_iter().map(|row| each(answering.guard(row)?.view()?)).collect::<Result<_>>()?;
        Ok(Found { items, total })
    }

    /// What `each` makes of the first `k` runs by the orders, which it reads where they are stored: a
    /// [`top`](Self::top) without a copy; 0 is all. The fastest way to show the first of many.
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
    /// let best = store.read().runs().find("")?.order_by("-metrics.accuracy");
    /// assert_eq!(best.top_views(1, |run| Ok(run.name()?.into_owned()))?, ["deep"]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// Those of [`page`](Self::page), and those of `each`, which end it.
    pub fn top_views<U>(&self, k: u32, mut each: impl FnMut(RunView<'_>) -> Result<U>) -> Result<Vec<U>> {
        let mut answering = self.begin(false)?;
        let rows = self.top_rows(&mut answering, k)?;
        rows.into_iter().map(|row| each(answering.guard(row)?.view()?)).collect()
    }
}
