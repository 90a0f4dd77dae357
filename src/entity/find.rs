//! Searches: entities of one kind that match a filter.
//!
//! The answer is exact. Runs of the present come from the filter index, which reads the records of what it returns,
//! and of what it cannot tell; an order by numbers is one of its columns. Elsewhere the cost is that of every record in
//! scope: a search without an order holds a few hundred rows; one with an order holds a sort key for each match, or for
//! as many as it returns if that is known.

use std::collections::BTreeSet;
use std::marker::PhantomData;
use std::sync::Arc;

use crate::entity::answering::Answering;
use crate::entity::budget::{Budget, Meter};
use crate::entity::explain::Explanation;
use crate::entity::find_cursor::{FindCursor, FindPage};
use crate::entity::listing::{Listed, Rows, Scope};
use crate::entity::state::State;
use crate::entity::walk::{Asked, Candidates, Steps, Walk, Within};
use crate::error::{Error, ErrorKind, Result};
use crate::id::{EntityId, EntityKind, ExperimentId, ProjectId, Row, RunId, Sequence};
use crate::model::{Experiment, Project, Run};
use crate::query::evaluate::Subject;
use crate::query::filter::Filter;
use crate::query::order::Order;
use crate::query::predicate::Predicate;
use crate::storage::Source;

/// Kinds that can be searched.
pub trait Findable: Listed {
    /// The type of their ids.
    type Id: TryFrom<EntityId, Error = Error>;
    #[doc(hidden)]
    fn text_of(id: &Self::Id) -> &str;
    /// One that was found.
    #[doc(hidden)]
    #[allow(private_interfaces)]
    fn found(answering: &mut Answering<'_>, row: Row) -> Result<Self> {
        Self::from_stored(answering.read(row)?)
    }
}

macro_rules! findable {
    ($($ty:ident: $id:ident $(, $found:path)?;)*) => {
        $(impl Findable for $ty {
            type Id = $id;
            fn text_of(id: &$id) -> &str { id.as_str() }
            $(#[allow(private_interfaces)]
            fn found(answering: &mut Answering<'_>, row: Row) -> Result<Self> { $found(answering, row) })?
        })*
    };
}
findable! {
    Project: ProjectId;
    Experiment: ExperimentId;
    Run: RunId, Answering::run;
}

/// A search: a filter, narrowed and ordered, and ended by one of [`page`](Find::page), [`top`](Find::top),
/// [`count`](Find::count), [`ids`](Find::ids) or an iteration. Without an order the newest entity comes first.
///
/// It holds its snapshot: what is written later changes nothing in it. What is deleted, or stands under something
/// deleted, is never found.
pub struct Find<T> {
    pub(super) state: Arc<State>,
    pub(super) at: Sequence,
    filter: Filter,
    predicates: Vec<Predicate>,
    pub(super) orders: Vec<Order>,
    project: Option<ProjectId>,
    experiment: Option<ExperimentId>,
    workspace: String,
    among: Option<BTreeSet<String>>,
    limit: usize,
    budget: Budget,
    kind: PhantomData<fn() -> T>,
}

impl<T> Clone for Find<T> {
    fn clone(&self) -> Self {
        Find {
            state: Arc::clone(&self.state),
            at: self.at,
            filter: self.filter.clone(),
            predicates: self.predicates.clone(),
            orders: self.orders.clone(),
            project: self.project.clone(),
            experiment: self.experiment.clone(),
            workspace: self.workspace.clone(),
            among: self.among.clone(),
            limit: self.limit,
            budget: self.budget.clone(),
            kind: PhantomData,
        }
    }
}

/// One page of what was found.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Found<T> {
    /// What is on the page.
    pub items: Vec<T>,
    /// How many match on all pages.
    pub total: u64,
}

impl<T: Findable> Find<T> {
    /// # Errors
    /// Those of [`Filter::check`].
    pub(crate) fn new(state: Arc<State>, at: Sequence, filter: Filter) -> Result<Self> {
        filter.check(T::KIND)?;
        Ok(Find {
            state,
            at,
            filter,
            predicates: Vec::new(),
            orders: Vec::new(),
            project: None,
            experiment: None,
            workspace: String::new(),
            among: None,
            limit: usize::MAX,
            budget: Budget::new(),
            kind: PhantomData,
        })
    }

    /// Only entities of these ids; none finds nothing. Ids that name nothing are left out.
    #[must_use]
    pub fn among<I: Into<T::Id>>(mut self, ids: impl IntoIterator<Item = I>) -> Self {
        let ids = ids.into_iter().map(|id| T::text_of(&id.into()).to_owned()).collect();
        self.among = Some(match self.among {
            Some(before) => &before & &ids,
            None => ids,
        });
        self
    }

    /// Only entities of a workspace; empty is no restriction.
    #[must_use]
    pub fn in_workspace(mut self, workspace: impl Into<String>) -> Self {
        self.workspace = workspace.into();
        self
    }

    /// Only what fulfils this predicate as well.
    #[must_use]
    pub fn predicate(mut self, predicate: Predicate) -> Self {
        self.predicates.push(predicate);
        self
    }

    /// Only what fulfils all these predicates as well.
    #[must_use]
    pub fn predicates(mut self, predicates: impl IntoIterator<Item = Predicate>) -> Self {
        self.predicates.extend(predicates);
        self
    }

    /// Sorted by this; after an earlier call, what that leaves equal.
    #[must_use]
    pub fn order_by(mut self, order: impl Into<Order>) -> Self {
        self.orders.push(order.into());
        self
    }

    /// At most so many. Pages lie within them; [`count`](Self::count) and [`total`](Found::total) are of all.
    #[must_use]
    pub fn limit(mut self, limit: usize) -> Self {
        self.limit = limit;
        self
    }

    /// How much each call on the search may take.
    #[must_use]
    pub fn budget(mut self, budget: Budget) -> Self {
        self.budget = budget;
        self
    }

    /// The first page of at most `limit` entities, or the one after a page that ended with `cursor`. Each page can be
    /// of another snapshot: entities that do not change are seen exactly once, on whichever page. Costs the same for
    /// the last page as for the first where the order is one of numbers, or none.
    ///
    /// ```
    /// # use modeldb::{Filter, NewRun, Store};
    /// # fn main() -> modeldb::Result<()> {
    /// # let store = Store::in_memory()?;
    /// # store.write(|w| {
    /// #     let project = w.projects().get_or_create("p")?;
    /// #     let experiment = w.experiments().get_or_create(&project, "e")?;
    /// #     (0..5).try_for_each(|n| w.runs().create(&experiment, NewRun::named(format!("run {n}"))).map(drop))
    /// # })?;
    /// let mut next = None;
    /// loop {
    ///     let found = store.read().runs().find(Filter::all())?.order_by("name");
    ///     let page = found.page_after(next.as_ref(), 2)?;
    ///     for run in &page.items {
    ///         println!("{}", run.name);
    ///     }
    ///     next = page.next;
    ///     if next.is_none() {
    ///         break;
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// `InvalidArgument` if the cursor is of another search, or the limit is 0; those of [`page`](Self::page).
    pub fn page_after(&self, cursor: Option<&FindCursor>, limit: u32) -> Result<FindPage<T>> {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        if limit == 0 {
            return Err(Error::invalid("a page is of at least one entity"));
        }
        let mut answering = self.begin(false)?;
        let search = self.fingerprint(answering.filter());
        if cursor.is_some_and(|cursor| cursor.search != search || cursor.keys.len() != self.orders.len()) {
            return Err(Error::invalid("the cursor is of another search"));
        }
        let after = cursor.map(|cursor| (cursor.keys.clone(), cursor.row.0));
        let taken = cursor.map_or(0, |cursor| cursor.taken);
        let left = self.limit.saturating_sub(usize::try_from(taken).unwrap_or(usize::MAX));
        let limit = limit.min(left);
        // One more tells whether there are more.
        let (mut rows, total) = answering.rows_after(after.as_ref(), limit.saturating_add(1))?;
        let more = rows.len() > limit && limit < left;
        rows.truncate(limit);
        let mut items = Vec::with_capacity(rows.len());
        let mut next = None;
        for (at, row) in (1..).zip(&rows) {
            if more && at == rows.len() {
                let stored = answering.read(*row)?;
                let subject = Subject::new(&stored.entity);
                let keys = self.orders.iter().map(|order| order.key(&subject)).collect();
                next = Some(FindCursor { search, keys, row: *row, taken: taken.saturating_add(at as u64) });
                items.push(T::from_stored(stored)?);
            } else {
                items.push(T::found(&mut answering, *row)?);
            }
        }
        Ok(FindPage { items, total, next })
    }

    fn fingerprint(&self, filter: &Filter) -> [u8; 8] {
        let mut parts = vec![T::KIND.to_string(), filter.to_string(), self.orders.len().to_string()];
        parts.extend(self.orders.iter().map(Order::fingerprint));
        parts.push(self.workspace.clone());
        parts.push(self.project.as_ref().map_or_else(String::new, ToString::to_string));
        parts.push(self.experiment.as_ref().map_or_else(String::new, ToString::to_string));
        parts.push(self.among.is_some().to_string());
        parts.extend(self.among.iter().flatten().cloned());
        FindCursor::fingerprint(&parts.iter().map(String::as_str).collect::<Vec<_>>())
    }

    /// One page, as ModelDB counts: `number` from 1, of at most `limit` entities. If either is 0, the page is
    /// everything. A page past the end is empty, and has the total.
    ///
    /// # Errors
    /// `InvalidArgument` or `Unimplemented` if a predicate or an order is refused; what exceeds the
    /// [`budget`](Self::budget); `Corrupt` or `Io` if a record cannot be read.
    pub fn page(&self, number: u32, limit: u32) -> Result<Found<T>> {
        self.page_of(number, limit, T::found)
    }

    /// One [`page`](Self::page) of ids.
    ///
    /// # Errors
    /// Those of [`page`](Self::page).
    pub fn page_ids(&self, number: u32, limit: u32) -> Result<Found<T::Id>> {
        self.page_of(number, limit, |answering, row| T::Id::try_from(answering.read(row)?.entity.id()))
    }

    /// The first `k` by the orders; 0 is all, as in ModelDB. Nothing is counted, and, by one order of numbers or none,
    /// blocks of the filter index in which none of them can be are not looked at: of many runs it takes less than a
    /// [`page`](Self::page).
    ///
    /// # Errors
    /// Those of [`page`](Self::page).
    pub fn top(&self, k: u32) -> Result<Vec<T>> {
        let mut answering = self.begin(false)?;
        let rows = self.top_rows(&mut answering, k)?;
        rows.into_iter().map(|row| T::found(&mut answering, row)).collect()
    }

    /// How many match.
    ///
    /// # Errors
    /// Those of [`page`](Self::page).
    pub fn count(&self) -> Result<u64> {
        self.begin(false)?.count()
    }

    /// The ids alone, lazily if there is no order.
    ///
    /// # Errors
    /// Those of [`page`](Self::page); and each step has those of reading.
    pub fn ids(&self) -> Result<impl Iterator<Item = Result<T::Id>> + use<T>> {
        Ok(self.steps()?.map(|stored| T::Id::try_from(stored?.entity.id())))
    }

    /// The entities, lazily if there is no order. A [`budget`](Self::budget) is for all of them.
    ///
    /// # Errors
    /// Those of [`page`](Self::page); and each step has those of reading.
    pub fn iter(&self) -> Result<impl Iterator<Item = Result<T>> + use<T>> {
        Ok(self.steps()?.map(|stored| T::from_stored(stored?)))
    }

    /// How the matches are found, by counting them: what the index names for each condition, what is left, what was
    /// read, and how long each took.
    ///
    /// # Errors
    /// Those of [`page`](Self::page).
    pub fn explain(&self) -> Result<Explanation> {
        self.begin(false)?.explain()
    }

    fn page_of<U>(
        &self,
        number: u32,
        limit: u32,
        make: impl Fn(&mut Answering<'_>, Row) -> Result<U>,
    ) -> Result<Found<U>> {
        let mut answering = self.begin(false)?;
        let (rows, total) = self.page_rows(&mut answering, number, limit)?;
        let items = rows.into_iter().map(|row| make(&mut answering, row)).collect::<Result<_>>()?;
        Ok(Found { items, total })
    }

    /// The rows of one [`page`](Self::page), and how many there are on all.
    pub(super) fn page_rows(&self, answering: &mut Answering<'_>, number: u32, limit: u32) -> Result<(Vec<Row>, u64)> {
        let all = number == 0 || limit == 0;
        let of = |number: u32| usize::try_from(u64::from(number) * u64::from(limit)).unwrap_or(usize::MAX);
        let (from, to) = if all { (0, self.limit) } else { (of(number - 1), of(number).min(self.limit)) };
        answering.rows(from, to)
    }

    /// The rows of the [`top`](Self::top).
    pub(super) fn top_rows(&self, answering: &mut Answering<'_>, k: u32) -> Result<Vec<Row>> {
        let k = if k == 0 { usize::MAX } else { usize::try_from(k).unwrap_or(usize::MAX) };
        answering.first(k.min(self.limit))
    }

    fn steps(&self) -> Result<Steps> {
        // With an order, none is known before others are looked at.
        self.begin(self.orders.is_empty())?.steps(self.limit)
    }

    /// What the search is limited to.
    pub(super) fn most(&self) -> usize {
        self.limit
    }

    /// Begins to answer a call. A `lazy` one would rather walk over many records step by step than look at all of them
    /// first.
    pub(super) fn begin(&self, lazy: bool) -> Result<Answering<'_>> {
        self.orders.iter().try_for_each(|order| order.check(T::KIND))?;
        let mut filter = self.filter.clone();
        for predicate in &self.predicates {
            filter = filter.and(predicate.to_filter(T::KIND)?);
        }
        filter.check(T::KIND)?;
        let row = |kind, id: &str| match self.state.row(kind, id, self.at) {
            Ok(row) => Ok(Within::Row(row)),
            // What is not there has nothing under it.
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Within::Nothing),
            Err(error) => Err(error),
        };
        let project = self.project.as_ref().map(|id| row(EntityKind::Project, id.as_str())).transpose()?;
        let experiment = self.experiment.as_ref().map(|id| row(EntityKind::Experiment, id.as_str())).transpose()?;
        let (project, experiment) = (project.unwrap_or(Within::Anything), experiment.unwrap_or(Within::Anything));
        let asked = Asked {
            state: Arc::clone(&self.state),
            at: self.at,
            kind: T::KIND,
            filter: Arc::new(filter),
            project,
            experiment,
            workspace: self.workspace.clone(),
        };
        let candidates = self.candidates(project, experiment)?;
        let walk = Walk::new(asked, candidates, Meter::new(&self.budget));
        Answering::new(walk, &self.orders, self.among.is_some(), lazy)
    }

    fn candidates(&self, project: Within, experiment: Within) -> Result<Candidates> {
        let rows = |scope| Candidates::Rows(Rows::new(Arc::clone(&self.state), T::KIND, scope, true));
        if let Some(among) = &self.among {
            let mut rows = BTreeSet::new();
            for id in among {
                rows.extend(self.state.find(T::KIND, id)?.map(|(row, ..)| row.0));
            }
            return Ok(Candidates::Chosen(rows.into_iter().collect()));
        }
        Ok(match (project, experiment) {
            (Within::Nothing, _) | (_, Within::Nothing) => Candidates::Chosen(Vec::new()),
            (_, Within::Row(experiment)) => rows(Scope::Under(experiment)),
            (Within::Row(project), _) if T::KIND == EntityKind::Run => rows(Scope::Below(project)),
            (Within::Row(project), _) => rows(Scope::Under(project)),
            _ => Candidates::All(self.state.tables.rows(T::KIND)?),
        })
    }
}

impl Find<Experiment> {
    /// Only experiments of this project. One that is not there has none.
    #[must_use]
    pub fn in_project(mut self, project: &ProjectId) -> Self {
        self.project = Some(project.clone());
        self
    }
}

impl Find<Run> {
    /// Only runs of this project. One that is not there has none.
    #[must_use]
    pub fn in_project(mut self, project: &ProjectId) -> Self {
        self.project = Some(project.clone());
        self
    }

    /// Only runs of this experiment. One that is not there has none.
    #[must_use]
    pub fn in_experiment(mut self, experiment: &ExperimentId) -> Self {
        self.experiment = Some(experiment.clone());
        self
    }
}
