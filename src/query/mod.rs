//! What users ask: filters and orders, and what they mean.
//!
//! It knows values of the model and no storage. `entity::find` walks the records.
//!
//! - [`field`]: what a filter or an order speaks of, and which kinds have it.
//! - [`filter`]: the one tree that every dialect is translated to, with its builder; [`check`]: what is refused.
//! - [`predicate`]: ModelDB's predicates, translated.
//! - [`evaluate`]: whether a record matches: the reference, and what any index must answer too.
//! - [`exec`]: filters on the blocks of the filter index.
//! - [`order`]: sort keys, and how records compare by them.
//! - [`pattern`], [`words`], [`series`]: `like` and its kin, `matches`, and numbers of whole series.
//! - [`text`]: filters as text, in three dialects.
//! - [`text_answers`]: what the text index says of conditions that `text_questions` puts to it; `snippet`: excerpts.
//! - [`json`]: the text of lists and maps.

pub(crate) mod check;
pub(crate) mod evaluate;
pub(crate) mod exec;
pub(crate) mod field;
pub(crate) mod filter;
mod json;
pub(crate) mod order;
pub(crate) mod pattern;
pub(crate) mod predicate;
pub(crate) mod series;
#[cfg(feature = "text")]
pub(crate) mod snippet;
pub(crate) mod text;
pub(crate) mod text_answers;
#[cfg(feature = "text")]
pub(crate) mod text_questions;
mod words;
