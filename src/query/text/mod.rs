//! Filters as text: our own language in both directions, and what others write.
//!
//! - [`lex`]: words, quotes and numbers; where the parser stands. Built with `winnow`.
//! - [`grammar`]: our language, read.
//! - [`mod@write`]: our language, written: what is written reads as the same filter.
//! - [`mlflow`], [`client`]: MLflow's `filter_string`, the Python client's `find`.
//! - [`date`]: dates as text.
//! - [`failure`]: errors that point at a column.

mod client;
mod date;
mod failure;
mod grammar;
mod lex;
mod mlflow;
mod write;

use std::str::FromStr;

use crate::error::{Error, Result};
use crate::id::EntityKind;
use crate::limits;
use crate::query::filter::Filter;
use crate::query::predicate::Predicate;

impl Filter {
    /// Reads a filter in our own language: see [`guide::query_language`](crate::guide::query_language). An empty text
    /// is everything. Writing a filter with `Display` gives a text that reads as the same filter.
    ///
    /// ```
    /// use modeldb::Filter;
    /// let filter = Filter::parse("metrics.accuracy > 0.9 and tags contains 'baseline'")?;
    /// assert_eq!(filter, Filter::metric("accuracy").gt(0.9).and(Filter::tag("baseline")));
    /// let error = Filter::parse("metrics.accuracy > 0.9 adn tags = 'baseline'").unwrap_err();
    /// assert!(error.message().starts_with("column 24: expected"));
    /// # Ok::<(), modeldb::Error>(())
    /// ```
    ///
    /// # Errors
    /// `InvalidArgument` for what is no filter, with the column and what was expected there; `LimitExceeded` past
    /// [`limits::QUERY_TEXT_BYTES`], [`limits::FILTER_DEPTH`], [`limits::FILTER_TERMS`],
    /// [`limits::FILTER_PATTERNS`] or [`limits::QUERY_PATTERN_BYTES`]. Whether a kind of entities
    /// has the fields is checked by the search.
    pub fn parse(text: &str) -> Result<Self> {
        check_length(text)?;
        grammar::parse(text).map_err(|failure| failure.into_error(text))
    }

    /// Reads MLflow's `filter_string` for runs. What its parts are here is told in
    /// [`guide::query_language`](crate::guide::query_language#mlflows-filter_string).
    ///
    /// ```
    /// use modeldb::{Filter, QueryField};
    /// let filter = Filter::parse_mlflow("metrics.acc >= 0.5 AND params.model = 'cnn' AND run_name LIKE 'a%'")?;
    /// let same = Filter::metric("acc").ge(0.5).and(Filter::hyperparameter("model").eq("cnn"));
    /// assert_eq!(filter, same.and(QueryField::Name.like("a%")));
    /// # Ok::<(), modeldb::Error>(())
    /// ```
    ///
    /// # Errors
    /// `InvalidArgument` for what MLflow does not take, and for what has no counterpart here; `LimitExceeded` as in
    /// [`parse`](Self::parse).
    pub fn parse_mlflow(text: &str) -> Result<Self> {
        check_length(text)?;
        mlflow::parse(text).map_err(|failure| failure.into_error(text))
    }

    /// Reads what ModelDB's Python client takes in `find`, each expression a key, an operator and a value; several mean
    /// all of them. Which keys there are depends on what is searched.
    ///
    /// ```
    /// use modeldb::{EntityKind, Filter};
    /// let filter = Filter::parse_client(EntityKind::Run, ["metrics.accuracy > 0.9", "tags != 'draft'"])?;
    /// assert_eq!(filter, Filter::metric("accuracy").gt(0.9).and(!Filter::tag("draft")));
    /// # Ok::<(), modeldb::Error>(())
    /// ```
    ///
    /// # Errors
    /// Those of [`Predicate::parse_client`] and [`Predicate::to_filter`].
    pub fn parse_client<T: AsRef<str>>(kind: EntityKind, expressions: impl IntoIterator<Item = T>) -> Result<Self> {
        let read = |text: T| Predicate::parse_client(text.as_ref())?.to_filter(kind);
        let mut all = expressions.into_iter().map(read).collect::<Result<Vec<_>>>()?;
        let filter = if all.len() == 1 { all.remove(0) } else { Filter::And(all) };
        filter.check_size()?;
        Ok(filter)
    }
}

impl Predicate {
    /// Reads one expression of ModelDB's Python client: key, operator and value, with a space on either side of the
    /// operator. The operators are `~=` (contains), `==`, `!=`, `>`, `>=`, `<` and `<=`. A value that reads as a number
    /// is one; of any other, a pair of quotes around it is taken off.
    ///
    /// # Errors
    /// `InvalidArgument` for what has no operator; `LimitExceeded` past [`limits::QUERY_TEXT_BYTES`]. The key is
    /// checked by [`to_filter`](Self::to_filter).
    pub fn parse_client(text: &str) -> Result<Self> {
        check_length(text)?;
        client::parse(text).map_err(|failure| failure.into_error(text))
    }
}

fn check_length(text: &str) -> Result<()> {
    if text.len() > limits::QUERY_TEXT_BYTES {
        let (len, most) = (text.len(), limits::QUERY_TEXT_BYTES);
        return Err(Error::limit(format!("the text of a filter has {len} bytes, more than {most}")));
    }
    Ok(())
}

/// What a search takes: a [`Filter`], or its text in our own language.
pub trait IntoFilter {
    /// The filter.
    ///
    /// # Errors
    /// Those of [`Filter::parse`], of a text.
    fn into_filter(self) -> Result<Filter>;
}

impl IntoFilter for Filter {
    fn into_filter(self) -> Result<Filter> {
        Ok(self)
    }
}

impl IntoFilter for &Filter {
    fn into_filter(self) -> Result<Filter> {
        Ok(self.clone())
    }
}

impl IntoFilter for &str {
    fn into_filter(self) -> Result<Filter> {
        Filter::parse(self)
    }
}

impl IntoFilter for String {
    fn into_filter(self) -> Result<Filter> {
        Filter::parse(&self)
    }
}

impl IntoFilter for &String {
    fn into_filter(self) -> Result<Filter> {
        Filter::parse(self)
    }
}

impl FromStr for Filter {
    type Err = Error;
    fn from_str(text: &str) -> Result<Self> {
        Filter::parse(text)
    }
}

impl TryFrom<&str> for Filter {
    type Error = Error;
    fn try_from(text: &str) -> Result<Self> {
        Filter::parse(text)
    }
}
