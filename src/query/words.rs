//! `matches`, of the texts of a field.

use std::borrow::Cow;

use crate::words::TextQuery;

/// Whether `wanted` is fulfilled by `texts`, taken together.
pub(super) fn all_occur<'a>(wanted: &TextQuery, texts: impl IntoIterator<Item = Cow<'a, str>>) -> bool {
    wanted.is_fulfilled(texts)
}
