//! Text index: which entities have which words, beginnings, near misses and parts of texts.
//!
//! It follows the log with a thread of its own and is never waited for: an answer comes with the rows that changed
//! between the index and the snapshot, which are looked up in the records. It stands in the folder `text` beside the
//! database, is checked when it is opened, and whatever is wrong with it, it is thrown away and made again.
//! It knows only what the words of [`crate::words`] and literal parts of texts mean; fields and filters are translated
//! to it.
//!
//! In a build without the feature `text` there is a shell of it that answers nothing.

#[cfg(not(feature = "text"))]
mod absent;
#[cfg(feature = "text")]
mod answer;
#[cfg(feature = "text")]
mod changes;
#[cfg(feature = "text")]
mod document;
#[cfg(feature = "text")]
mod engine;
#[cfg(feature = "text")]
mod entities;
#[cfg(feature = "text")]
mod folder;
#[cfg(feature = "text")]
mod follow;
#[cfg(feature = "text")]
mod index;
#[cfg(feature = "text")]
mod mark;
#[cfg(feature = "text")]
mod parts;
#[cfg(feature = "text")]
mod question;
#[cfg(feature = "text")]
mod rank;
#[cfg(feature = "text")]
mod schema;

#[cfg(not(feature = "text"))]
pub(crate) use absent::{Question, TextIndex};
#[cfg(feature = "text")]
pub(crate) use index::TextIndex;
#[cfg(feature = "text")]
pub(crate) use question::Question;

#[cfg(feature = "text")]
use std::borrow::Cow;

use roaring::RoaringBitmap;

#[cfg(feature = "text")]
use crate::error::Result;
#[cfg(feature = "text")]
use crate::id::{EntityKind, Row, Sequence};
#[cfg(feature = "text")]
use crate::log::chain::Head;
#[cfg(feature = "text")]
use crate::words::Part;

/// Kinds with texts.
#[cfg(feature = "text")]
pub(crate) const KINDS: [EntityKind; 3] = [EntityKind::Project, EntityKind::Experiment, EntityKind::Run];

/// What the index says of a question: rows of one kind. If some rows were asked for, others may be missing.
pub(crate) struct TextAnswer {
    /// Rows that fulfil it, deleted parents or not.
    pub(crate) hits: RoaringBitmap,
    /// Rows of which it cannot tell, whether they are hits or not: they are to be looked at.
    pub(crate) stale: RoaringBitmap,
}

/// Where a text stands in an entity.
#[cfg(feature = "text")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place<'a> {
    Name,
    Description,
    Readme,
    Tags,
    /// A value of a namespace, by its key.
    Value(char, &'a str),
}

/// A text of an entity; none if it stands in a list or a map, which the index leaves to the records.
#[cfg(feature = "text")]
pub(crate) type Text<'a> = (Place<'a>, Option<Cow<'a, str>>);

/// What may be asked.
#[cfg(feature = "text")]
#[derive(Debug, Clone, Copy)]
pub(crate) enum Ask<'a> {
    /// The parts of a query in a place, or in all of them together.
    Words(Option<Place<'a>>, &'a [Part]),
    /// A literal part of a name, a description or a readme, in any case; or, negated, one that has it not.
    Part { place: Place<'a>, text: &'a str, negated: bool },
}

/// What the index is made from: the store as of one commit.
#[cfg(feature = "text")]
pub(crate) trait Source: Send {
    /// The commit.
    fn head(&self) -> Head;
    /// A commit up to this one, with its hash; none if there is no such commit.
    fn head_at(&self, sequence: Sequence) -> Result<Option<Head>>;
    /// Rows that were ever used for a kind.
    fn rows(&self, kind: EntityKind) -> Result<u32>;
    /// Rows that commits after this one changed, not those that they created. None if the log does not say.
    fn changed_after(&self, sequence: Sequence) -> Result<Option<Vec<(EntityKind, Row)>>>;
    /// Hands over the texts of an entity that is there and not deleted.
    fn texts(&self, kind: EntityKind, row: Row, take: &mut dyn FnMut(&[Text<'_>])) -> Result<()>;
}
