//! Listings: pages and iterators over the children of a parent, in order of creation.

use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;
use std::sync::Arc;

use crate::entity::state::{self, Place, State};
use crate::error::{Error, Result};
use crate::id::{EntityKind, Row, Sequence};
use crate::keys::Key;
use crate::limits;
use crate::log::read::Recent;
use crate::model::{Experiment, Job, Project, Run, Stored};

/// What a listing lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    /// All projects.
    All,
    /// The children of this row.
    Under(Row),
    /// The runs of all experiments of this project.
    Below(Row),
}

/// Kinds that can be listed.
pub trait Listed: sealed::Sealed + Sized {}

#[allow(unnameable_types)] // Nobody else is to implement it.
mod sealed {
    use super::{EntityKind, Result, Stored};

    pub trait Sealed {
        #[doc(hidden)]
        const KIND: EntityKind;
        #[doc(hidden)]
        #[allow(private_interfaces)]
        fn from_stored(stored: Stored) -> Result<Self>
        where
            Self: Sized;
    }
}

macro_rules! listed {
    ($($ty:ident: $kind:ident / $from:path),*) => {
        $(impl sealed::Sealed for $ty {
            const KIND: EntityKind = EntityKind::$kind;
            #[allow(private_interfaces)]
            fn from_stored(stored: Stored) -> Result<Self> { $from(stored) }
        }
        impl Listed for $ty {})*
    };
}
listed!(
    Project: Project / state::project,
    Experiment: Experiment / state::experiment,
    Run: Run / state::run,
    Job: Job / state::job
);

/// Entities of one kind under one parent, in order of creation.
///
/// A listing holds its snapshot: entities created or deleted later change nothing in it. It is an iterator
/// factory: `for run in listing` reads them lazily, a few hundred rows ahead.
pub struct Listing<T> {
    state: Arc<State>,
    at: Sequence,
    scope: Scope,
    newest_first: bool,
    deleted: bool,
    after: Option<u32>,
    kind: PhantomData<fn() -> T>,
}

impl<T> Clone for Listing<T> {
    fn clone(&self) -> Self {
        Listing { state: Arc::clone(&self.state), kind: PhantomData, ..*self }
    }
}

/// Where a page ended: pass it to [`Listing::after`] for the next one. It stays valid on later snapshots.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Cursor(u32);

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "c{:08x}", self.0)
    }
}

impl FromStr for Cursor {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self> {
        // Digits only: the parser would take a sign as well.
        let is_hex = |digits: &&str| digits.len() == 8 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        let digits = text.strip_prefix('c').filter(is_hex);
        let number = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok());
        number.map(Cursor).ok_or_else(|| Error::invalid(format!("{text:?} is no cursor of a listing")))
    }
}

/// One page of a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Page<T> {
    /// The entities.
    pub items: Vec<T>,
    /// Where the next page begins; none after the last.
    pub next: Option<Cursor>,
}

impl<T: Listed> Listing<T> {
    pub(crate) fn new(state: Arc<State>, at: Sequence, scope: Scope) -> Self {
        Listing { state, at, scope, newest_first: false, deleted: false, after: None, kind: PhantomData }
    }

    /// The same entities, newest first.
    #[must_use]
    pub fn newest_first(mut self) -> Self {
        self.newest_first = true;
        self
    }

    /// What was deleted instead, to be restored: the entities that were deleted themselves, and would be there
    /// again. What is hidden because something above it is deleted comes back with that.
    #[must_use]
    pub fn deleted(mut self) -> Self {
        self.deleted = true;
        self
    }

    /// Only what comes after the page that ended here.
    #[must_use]
    pub fn after(mut self, cursor: Cursor) -> Self {
        self.after = Some(cursor.0);
        self
    }

    /// One page of at most `limit` entities.
    ///
    /// # Errors
    /// `InvalidArgument` if `limit` is 0 or more than [`limits::PAGE_ITEMS`].
    pub fn page(&self, limit: usize) -> Result<Page<T>> {
        if limit == 0 || limit > limits::PAGE_ITEMS {
            return Err(Error::invalid(format!("a page has 1 to {} entities; asked for {limit}", limits::PAGE_ITEMS)));
        }
        let mut rows = self.rows();
        let mut items = Vec::new();
        let mut last = None;
        while let Some(row) = rows.next()? {
            let Some(stored) = rows.listed::<T>(row, self.at, self.deleted)? else { continue };
            if items.len() == limit {
                // One more is there, so there is a next page.
                return Ok(Page { items, next: last });
            }
            items.push(T::from_stored(stored)?);
            last = Some(Cursor(row.0));
        }
        Ok(Page { items, next: None })
    }

    /// How many entities there are, whatever [`after`](Self::after) says. Reads the record of each.
    ///
    /// # Errors
    /// `Corrupt` or `Io` if a record cannot be read.
    pub fn count(&self) -> Result<u64> {
        let mut rows = Rows { after: None, ..self.rows() };
        let resolver = self.state.resolver();
        let mut count = 0;
        while let Some(row) = rows.next()? {
            let live = if self.at >= self.state.head.sequence {
                match resolver.record(T::KIND, row)? {
                    Some(bytes) => match Place::read(T::KIND, bytes.as_slice(), None)? {
                        Some(place) => {
                            place.deleted == self.deleted && self.state.is_live(&Place { deleted: false, ..place })?
                        }
                        None => false,
                    },
                    None => false,
                }
            } else {
                rows.listed::<T>(row, self.at, self.deleted)?.is_some()
            };
            count += u64::from(live);
        }
        Ok(count)
    }

    fn rows(&self) -> Rows {
        Rows { after: self.after, ..Rows::new(Arc::clone(&self.state), T::KIND, self.scope, self.newest_first) }
    }
}

impl<T: Listed> IntoIterator for Listing<T> {
    type Item = Result<T>;
    type IntoIter = ListingIter<T>;
    fn into_iter(self) -> ListingIter<T> {
        ListingIter { rows: self.rows(), at: self.at, deleted: self.deleted, failed: false, kind: PhantomData }
    }
}

/// Iterator over a [`Listing`].
pub struct ListingIter<T> {
    rows: Rows,
    at: Sequence,
    deleted: bool,
    failed: bool,
    kind: PhantomData<fn() -> T>,
}

impl<T: Listed> ListingIter<T> {
    fn step(&mut self) -> Result<Option<T>> {
        while let Some(row) = self.rows.next()? {
            if let Some(stored) = self.rows.listed::<T>(row, self.at, self.deleted)? {
                return T::from_stored(stored).map(Some);
            }
        }
        Ok(None)
    }
}

impl<T: Listed> Iterator for ListingIter<T> {
    type Item = Result<T>;
    fn next(&mut self) -> Option<Result<T>> {
        if self.failed {
            return None;
        }
        let next = self.step().transpose();
        self.failed = matches!(next, Some(Err(_)));
        next
    }
}

/// Rows of a scope, a few hundred ahead; deleted ones too.
pub(crate) struct Rows {
    state: Arc<State>,
    kind: EntityKind,
    scope: Scope,
    newest_first: bool,
    after: Option<u32>,
    parents: Option<Vec<u32>>,
    /// The next rows, last first.
    ahead: Vec<u32>,
    ended: bool,
    /// What the walk has read of the log.
    recent: Recent,
}

const AHEAD: usize = 256;

impl Rows {
    pub(crate) fn new(state: Arc<State>, kind: EntityKind, scope: Scope, newest_first: bool) -> Self {
        Rows {
            state,
            kind,
            scope,
            newest_first,
            after: None,
            parents: None,
            ahead: Vec::new(),
            ended: false,
            recent: Recent::default(),
        }
    }

    pub(crate) fn next(&mut self) -> Result<Option<Row>> {
        if self.ahead.is_empty() && !self.ended {
            self.fetch()?;
        }
        let next = self.ahead.pop();
        self.after = next.or(self.after);
        Ok(next.map(Row))
    }

    fn listed<T: Listed>(&self, row: Row, at: Sequence, deleted: bool) -> Result<Option<Stored>> {
        self.state.listed(T::KIND, row, at, deleted, &self.recent)
    }

    fn fetch(&mut self) -> Result<()> {
        let (from, to) = match (self.after, self.newest_first) {
            (None, _) => (0, u32::MAX),
            (Some(after), false) => match after.checked_add(1) {
                Some(from) => (from, u32::MAX),
                None => (1, 0),
            },
            (Some(after), true) => match after.checked_sub(1) {
                Some(to) => (0, to),
                None => (1, 0),
            },
        };
        let page = |key| self.state.keys.page(&self.state.tables, key, from, to, self.newest_first, AHEAD);
        let mut rows = match self.scope {
            Scope::All => page(Key::children(self.kind, Row(0)))?,
            Scope::Under(parent) => page(Key::children(self.kind, parent))?,
            Scope::Below(project) => {
                let parents = match self.parents.take() {
                    Some(parents) => parents,
                    None => {
                        let key = Key::children(EntityKind::Experiment, project);
                        self.state.keys.page(&self.state.tables, key, 0, u32::MAX, false, usize::MAX)?
                    }
                };
                let mut rows = Vec::new();
                for parent in &parents {
                    rows.extend(page(Key::children(self.kind, Row(*parent)))?);
                }
                self.parents = Some(parents);
                rows.sort_unstable();
                if self.newest_first {
                    rows.reverse();
                }
                rows.truncate(AHEAD);
                rows
            }
        };
        self.ended = rows.len() < AHEAD;
        rows.reverse();
        self.ahead = rows;
        Ok(())
    }
}
