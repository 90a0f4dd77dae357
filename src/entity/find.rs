//! Searches: entities of one kind that match a filter.
//!
//! The answer is exact. Runs of the present come from the filter index, which reads the records of what it returns,
//! and of what it cannot tell; an order by numbers is one of its columns. Elsewhere the cost is that of every record in
//! scope: a search without an order holds a few hundred rows; one with an order holds a sort key for each match, or for
//! as many as it returns if that is known.

use std::collections::{BTreeSet, HashMap};
use std::marker::PhantomData;
use std::sync::Arc;

use crate::entity::aggregate::{Cells, Counts, cells_of};
use crate::entity::listing::{Listed, Rows, Scope};
use crate::entity::search::{Matches, SearchScope};
use crate::entity::state::State;
use crate::error::{Error, ErrorKind, Result};
use crate::filter::View;
use crate::id::{EntityId, EntityKind, ExperimentId, ProjectId, Row, RunId, Sequence};
use crate::limits;
use crate::log::read::Recent;
use crate::model::{Entity, Experiment, Parents, Project, Run, Stored};
use crate::query::evaluate::{Subject, values_of};
use crate::query::field::QueryField;
use crate::query::filter::Filter;
use crate::query::order::{self, Order, SortKey};
use crate::query::predicate::Predicate;
use crate::storage::Source;

/// Kinds that can be searched.
pub trait Findable: Listed {
    /// The type of their ids.
    type Id: TryFrom<EntityId, Error = Error>;
    #[doc(hidden)]
    fn text_of(id: &Self::Id) -> &str;
}

macro_rules! findable {
    ($($ty:ident: $id:ident),*) => {
        $(impl Findable for $ty {
            type Id = $id;
            fn text_of(id: &$id) -> &str { id.as_str() }
        })*
    };
}
findable!(Project: ProjectId, Experiment: ExperimentId, Run: RunId);

/// A search: a filter, narrowed and ordered, and ended by one of [`page`](Find::page), [`top`](Find::top),
/// [`count`](Find::count), [`ids`](Find::ids) or an iteration. Without an order the newest entity comes first.
///
/// It holds its snapshot: what is written later changes nothing in it. What is deleted, or stands under something
/// deleted, is never found.
pub struct Find<T> {
    state: Arc<State>,
    at: Sequence,
    filter: Filter,
    predicates: Vec<Predicate>,
    orders: Vec<Order>,
    project: Option<ProjectId>,
    experiment: Option<ExperimentId>,
    workspace: String,
    among: Option<BTreeSet<String>>,
    limit: usize,
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

    /// One page, as ModelDB counts: `number` from 1, of at most `limit` entities. If either is 0, the page is
    /// everything. A page past the end is empty, and has the total.
    ///
    /// # Errors
    /// `InvalidArgument` or `Unimplemented` if a predicate or an order is refused; `Corrupt` or `Io` if a record
    /// cannot be read.
    pub fn page(&self, number: u32, limit: u32) -> Result<Found<T>> {
        self.page_of(number, limit, T::from_stored)
    }

    /// One [`page`](Self::page) of ids.
    ///
    /// # Errors
    /// Those of [`page`](Self::page).
    pub fn page_ids(&self, number: u32, limit: u32) -> Result<Found<T::Id>> {
        self.page_of(number, limit, |stored| T::Id::try_from(stored.entity.id()))
    }

    /// The first `k` by the orders; 0 is all, as in ModelDB.
    ///
    /// # Errors
    /// Those of [`page`](Self::page).
    pub fn top(&self, k: u32) -> Result<Vec<T>> {
        Ok(self.page(1, k)?.items)
    }

    /// How many match.
    ///
    /// # Errors
    /// Those of [`page`](Self::page).
    pub fn count(&self) -> Result<u64> {
        Ok(self.ranked(0, 0)?.1)
    }

    /// The ids alone, lazily if there is no order.
    ///
    /// # Errors
    /// Those of [`page`](Self::page); and each step has those of reading.
    pub fn ids(&self) -> Result<impl Iterator<Item = Result<T::Id>> + use<T>> {
        Ok(self.steps()?.map(|stored| T::Id::try_from(stored?.entity.id())))
    }

    /// The entities, lazily if there is no order.
    ///
    /// # Errors
    /// Those of [`page`](Self::page); and each step has those of reading.
    pub fn iter(&self) -> Result<impl Iterator<Item = Result<T>> + use<T>> {
        Ok(self.steps()?.map(|stored| T::from_stored(stored?)))
    }

    fn page_of<U>(&self, number: u32, limit: u32, make: impl Fn(Stored) -> Result<U>) -> Result<Found<U>> {
        let (rows, total) = self.page_rows(number, limit)?;
        let recent = Recent::default();
        let items = rows.into_iter().map(|row| make(self.read(row, &recent)?)).collect::<Result<_>>()?;
        Ok(Found { items, total })
    }

    /// The rows of one [`page`](Self::page), and how many there are on all.
    pub(super) fn page_rows(&self, number: u32, limit: u32) -> Result<(Vec<Row>, u64)> {
        let all = number == 0 || limit == 0;
        let of = |number: u32| usize::try_from(u64::from(number) * u64::from(limit)).unwrap_or(usize::MAX);
        let (from, to) = if all { (0, self.limit) } else { (of(number - 1), of(number).min(self.limit)) };
        self.ranked(from, to)
    }

    /// What it searches.
    pub(super) fn snapshot(&self) -> (&Arc<State>, Sequence) {
        (&self.state, self.at)
    }

    /// A search on the filter index; none if it is of no use: it is of runs of the present, and does not know of
    /// workspaces. A `lazy` one would rather walk over many records step by step than look at all of them first.
    fn indexed(&self, lazy: bool) -> Result<Option<Indexed>> {
        let indexed = T::KIND == EntityKind::Run && self.at >= self.state.head.sequence;
        if !indexed || self.among.is_some() || !self.workspace.is_empty() {
            return Ok(None);
        }
        let most = if lazy { limits::FILTER_TAIL_ROWS as usize } else { usize::MAX };
        let Some(view) = self.state.filter_view(most)? else { return Ok(None) };
        let walk = self.walk()?;
        let row = |within| match within {
            Within::Anything => Some(None),
            Within::Row(row) => Some(Some(row)),
            Within::Nothing => None,
        };
        let (Some(project), Some(experiment)) = (row(walk.project), row(walk.experiment)) else { return Ok(None) };
        Ok(Some(Indexed { view, filter: walk.filter.clone(), scope: SearchScope { project, experiment }, walk }))
    }

    /// The rows from `from` up to `to` by the orders, and how many there are in all.
    fn ranked(&self, from: usize, to: usize) -> Result<(Vec<Row>, u64)> {
        if let Some(mut indexed) = self.indexed(false)? {
            if from >= to {
                return Ok((Vec::new(), indexed.count(&self.state)?));
            }
            let matches = indexed.find(&self.state)?;
            return Ok((self.ranked_of(&matches, from, to)?, matches.count()));
        }
        let mut walk = self.walk()?;
        let mut total = 0;
        let mut kept = Kept { orders: &self.orders, most: to, rows: Vec::new() };
        while let Some(stored) = walk.next()? {
            total += 1;
            if to > 0 && !(self.orders.is_empty() && kept.rows.len() >= to) {
                kept.push(&stored);
            }
        }
        Ok((kept.finish(from), total))
    }

    /// The rows from `from` up to `to` of what matches, by the orders.
    fn ranked_of(&self, matches: &Matches, from: usize, to: usize) -> Result<Vec<Row>> {
        match self.orders.as_slice() {
            [] => return Ok(matches.newest().take(to).skip(from).collect()),
            [order] => {
                if let Some((field, descending)) = order.by_values()
                    && let Some(rows) = self.state.by_number(matches, field, descending, from, to)?
                {
                    return Ok(rows);
                }
            }
            _ => {}
        }
        let mut kept = Kept { orders: &self.orders, most: to, rows: Vec::new() };
        let recent = Recent::default();
        for row in matches.newest() {
            kept.push(&self.read(row, &recent)?);
        }
        Ok(kept.finish(from))
    }

    /// Hands everything that matches to `each`, in no order.
    pub(crate) fn each_match(&self, each: &mut dyn FnMut(&Subject<'_>) -> Result<()>) -> Result<()> {
        let mut walk = self.walk()?;
        while let Some(stored) = walk.next()? {
            walk.with_subject(&stored, &mut *each)??;
        }
        Ok(())
    }

    /// Counts the values of a field by the filter index, and answers how many match; none if that is of no use.
    pub(crate) fn indexed_facets(&self, field: &QueryField, counts: &mut Counts) -> Result<Option<u64>> {
        let Some(mut indexed) = self.indexed(false)? else { return Ok(None) };
        let matches = indexed.find(&self.state)?;
        let mut read = |row| indexed.walk.read(row, |subject| values_of(subject, field));
        self.state.facets(&matches, field, &mut read, counts)?;
        Ok(Some(matches.count()))
    }

    /// Hands what everything that matches holds of some fields to `each`, in no order.
    pub(crate) fn project(&self, fields: &[QueryField], each: &mut dyn FnMut(&mut Cells) -> Result<()>) -> Result<()> {
        let Some(mut indexed) = self.indexed(false)? else {
            return self.each_match(&mut |subject| each(&mut cells_of(subject, fields)));
        };
        let matches = indexed.find(&self.state)?;
        let mut read = |row| indexed.walk.read(row, |subject| cells_of(subject, fields));
        self.state.project(&matches, fields, &mut read, each)
    }

    /// Hands what is found holds of some fields to `each`, in order and within the limit.
    pub(crate) fn project_ordered(
        &self,
        fields: &[QueryField],
        each: &mut dyn FnMut(&mut Cells) -> Result<()>,
    ) -> Result<()> {
        let (mut walk, indexed) = (self.walk()?, self.indexed(false)?);
        let Some(mut indexed) = indexed else {
            for row in self.ranked(0, self.limit)?.0 {
                each(&mut walk.read(row, |subject| cells_of(subject, fields))?)?;
            }
            return Ok(());
        };
        let matches = indexed.find(&self.state)?;
        let rows = self.ranked_of(&matches, 0, self.limit)?;
        let mut read = |row| walk.read(row, |subject| cells_of(subject, fields));
        self.state.project_rows(&matches, &rows, fields, &mut read, each)
    }

    fn steps(&self) -> Result<Steps> {
        let indexed = if self.orders.is_empty() { self.indexed(true)? } else { None };
        let source = if let Some(mut indexed) = indexed {
            let rows: Vec<Row> = indexed.find(&self.state)?.newest().take(self.limit).collect();
            StepSource::Ranked { rows: rows.into_iter(), kind: T::KIND }
        } else if self.orders.is_empty() {
            StepSource::Walk(Box::new(self.walk()?))
        } else {
            StepSource::Ranked { rows: self.ranked(0, self.limit)?.0.into_iter(), kind: T::KIND }
        };
        Ok(Steps { state: Arc::clone(&self.state), at: self.at, source, left: self.limit, recent: Recent::default() })
    }

    pub(super) fn read(&self, row: Row, recent: &Recent) -> Result<Stored> {
        read(&self.state, T::KIND, row, self.at, recent)
    }

    /// What matches, newest first.
    fn walk(&self) -> Result<Walk> {
        self.orders.iter().try_for_each(|order| order.check(T::KIND))?;
        let mut filter = self.filter.clone();
        for predicate in &self.predicates {
            filter = filter.and(predicate.to_filter(T::KIND)?);
        }
        filter.check(T::KIND)?;
        let row = |kind, id: &str| match self.state.row(kind, id, self.at) {
            Ok(row) => Ok(Some(row)),
            // What is not there has nothing under it.
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        };
        let of = |scope: Option<Row>, asked: bool| match (scope, asked) {
            (Some(row), _) => Within::Row(row),
            (None, true) => Within::Nothing,
            (None, false) => Within::Anything,
        };
        let project = self.project.as_ref().map(|id| row(EntityKind::Project, id.as_str())).transpose()?.flatten();
        let experiment =
            self.experiment.as_ref().map(|id| row(EntityKind::Experiment, id.as_str())).transpose()?.flatten();
        let project = of(project, self.project.is_some());
        let experiment = of(experiment, self.experiment.is_some());
        let candidates = self.candidates(project, experiment)?;
        let joins_name = filter.fields().contains(&&QueryField::ExperimentName);
        Ok(Walk {
            state: Arc::clone(&self.state),
            at: self.at,
            kind: T::KIND,
            filter,
            project,
            experiment,
            workspace: self.workspace.clone(),
            candidates,
            joins_name,
            names: HashMap::new(),
            workspaces: HashMap::new(),
            recent: Recent::default(),
        })
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

fn read(state: &State, kind: EntityKind, row: Row, at: Sequence, recent: &Recent) -> Result<Stored> {
    let found = state.visible(kind, row, at, recent)?;
    found.ok_or_else(|| Error::corrupt(format!("the {kind} in row {} is gone from a snapshot that had it", row.0)))
}

/// A search on the filter index.
struct Indexed {
    view: Arc<View>,
    filter: Filter,
    scope: SearchScope,
    /// Looks at records.
    walk: Walk,
}

impl Indexed {
    fn find(&mut self, state: &State) -> Result<Matches> {
        let view = Arc::clone(&self.view);
        state.search(view, &self.filter, self.scope, &mut |row| Ok(self.walk.check(row)?.is_some()))
    }

    fn count(mut self, state: &State) -> Result<u64> {
        state.search_count(&self.view, &self.filter, self.scope, &mut |row| Ok(self.walk.check(row)?.is_some()))
    }
}

/// The first rows by some orders, of those that were pushed.
struct Kept<'o> {
    orders: &'o [Order],
    most: usize,
    rows: Vec<(Vec<SortKey>, u32)>,
}

impl Kept<'_> {
    fn push(&mut self, stored: &Stored) {
        let subject = Subject::new(&stored.entity);
        self.rows.push((self.orders.iter().map(|order| order.key(&subject)).collect(), stored.row.0));
        if self.rows.len() >= self.most.saturating_mul(2).max(1024) {
            self.cut();
        }
    }

    fn cut(&mut self) {
        self.rows.sort_unstable_by(|a, b| order::compare(self.orders, a, b));
        self.rows.truncate(self.most);
    }

    fn finish(mut self, from: usize) -> Vec<Row> {
        self.cut();
        self.rows.into_iter().skip(from).map(|(_, row)| Row(row)).collect()
    }
}

/// What a scope lets through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Within {
    Anything,
    Row(Row),
    Nothing,
}

impl Within {
    fn has(self, row: Row) -> bool {
        match self {
            Within::Anything => true,
            Within::Row(scope) => scope == row,
            Within::Nothing => false,
        }
    }
}

/// Rows that may match, newest first.
enum Candidates {
    /// Ascending: the last comes first.
    Chosen(Vec<u32>),
    Rows(Rows),
    /// Every row below this one.
    All(u32),
}

impl Candidates {
    fn next(&mut self) -> Result<Option<Row>> {
        Ok(match self {
            Candidates::Chosen(rows) => rows.pop().map(Row),
            Candidates::Rows(rows) => rows.next()?,
            Candidates::All(end) => {
                *end = match end.checked_sub(1) {
                    Some(row) => row,
                    None => return Ok(None),
                };
                Some(Row(*end))
            }
        })
    }
}

/// What is known of parents is forgotten when it is of so many.
const REMEMBERED: usize = 10_000;

/// A walk over the records of a search.
struct Walk {
    state: Arc<State>,
    at: Sequence,
    kind: EntityKind,
    filter: Filter,
    project: Within,
    experiment: Within,
    workspace: String,
    candidates: Candidates,
    /// Whether the filter asks for the names of experiments.
    joins_name: bool,
    names: HashMap<Row, Arc<str>>,
    /// Whether a project is in the workspace.
    workspaces: HashMap<Row, bool>,
    recent: Recent,
}

impl Walk {
    fn next(&mut self) -> Result<Option<Stored>> {
        while let Some(row) = self.candidates.next()? {
            if let Some(stored) = self.check(row)? {
                return Ok(Some(stored));
            }
        }
        Ok(None)
    }

    /// The entity in a row, if it is there and matches.
    fn check(&mut self, row: Row) -> Result<Option<Stored>> {
        let Some(stored) = self.state.visible(self.kind, row, self.at, &self.recent)? else { return Ok(None) };
        Ok(if self.is_in_scope(&stored)? && self.matches(&stored)? { Some(stored) } else { None })
    }

    fn is_in_scope(&mut self, stored: &Stored) -> Result<bool> {
        let (project, in_experiment) = match stored.parents {
            Parents::Project(project) => (project, self.experiment == Within::Anything),
            Parents::Experiment { project, experiment } => (project, self.experiment.has(experiment)),
            Parents::None | Parents::Run(_) => (stored.row, true),
        };
        Ok(self.project.has(project) && in_experiment && self.is_in_workspace(project)?)
    }

    fn is_in_workspace(&mut self, project: Row) -> Result<bool> {
        if self.workspace.is_empty() {
            return Ok(true);
        }
        if let Some(known) = self.workspaces.get(&project) {
            return Ok(*known);
        }
        let found = self.state.stored(EntityKind::Project, project, self.at, &self.recent)?;
        let is_in = found.is_some_and(
            |stored| matches!(&stored.entity, Entity::Project(project) if project.workspace == self.workspace),
        );
        if self.workspaces.len() >= REMEMBERED {
            self.workspaces.clear();
        }
        self.workspaces.insert(project, is_in);
        Ok(is_in)
    }

    fn matches(&mut self, stored: &Stored) -> Result<bool> {
        let name = match stored.parents {
            Parents::Experiment { experiment, .. } if self.joins_name => Some(self.experiment_name(experiment)?),
            _ => None,
        };
        let subject = Subject { entity: &stored.entity, experiment_name: name.as_deref() };
        Ok(self.filter.matches(subject))
    }

    /// Hands an entity with the name of its experiment on.
    fn with_subject<R>(&mut self, stored: &Stored, of: impl FnOnce(&Subject<'_>) -> R) -> Result<R> {
        let name = match stored.parents {
            Parents::Experiment { experiment, .. } => Some(self.experiment_name(experiment)?),
            _ => None,
        };
        Ok(of(&Subject { entity: &stored.entity, experiment_name: name.as_deref() }))
    }

    /// What `of` makes of the entity in a row.
    fn read<R>(&mut self, row: Row, of: impl FnOnce(&Subject<'_>) -> R) -> Result<R> {
        let stored = read(&self.state, self.kind, row, self.at, &self.recent)?;
        self.with_subject(&stored, of)
    }

    fn experiment_name(&mut self, experiment: Row) -> Result<Arc<str>> {
        if let Some(name) = self.names.get(&experiment) {
            return Ok(Arc::clone(name));
        }
        let found = self.state.stored(EntityKind::Experiment, experiment, self.at, &self.recent)?;
        let name: Arc<str> = found.as_ref().and_then(|stored| stored.entity.name()).unwrap_or_default().into();
        if self.names.len() >= REMEMBERED {
            self.names.clear();
        }
        self.names.insert(experiment, Arc::clone(&name));
        Ok(name)
    }
}

enum StepSource {
    Walk(Box<Walk>),
    Ranked { rows: std::vec::IntoIter<Row>, kind: EntityKind },
    Failed,
}

/// Records, one after the other; nothing after an error.
struct Steps {
    state: Arc<State>,
    at: Sequence,
    source: StepSource,
    left: usize,
    recent: Recent,
}

impl Iterator for Steps {
    type Item = Result<Stored>;
    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        let next = match &mut self.source {
            StepSource::Walk(walk) => walk.next().transpose(),
            StepSource::Ranked { rows, kind } => {
                rows.next().map(|row| read(&self.state, *kind, row, self.at, &self.recent))
            }
            StepSource::Failed => None,
        };
        if matches!(next, Some(Err(_))) {
            self.source = StepSource::Failed;
        }
        next
    }
}
