//! The query language: filters as text.
//!
//! One language for every kind that can be searched. [`Runs::find`](crate::Runs::find) and its siblings take a text or
//! a [`Filter`](crate::Filter); [`Filter::parse`](crate::Filter::parse) reads a text, and `Display` writes one that
//! reads as the same filter.
//!
//! ```
//! use modeldb::{Filter, NewRun, Store};
//! # fn main() -> modeldb::Result<()> {
//! let store = Store::in_memory()?;
//! store.write(|w| {
//!     let project = w.projects().get_or_create("wine-quality")?;
//!     let experiment = w.experiments().get_or_create(&project, "random-forest")?;
//!     for (name, depth, accuracy) in [("small", 4, 0.84), ("medium", 8, 0.91), ("large", 16, 0.93)] {
//!         let new = NewRun::named(name).hyperparameter("max_depth", depth).metric("accuracy", accuracy);
//!         w.runs().create(&experiment, if depth < 10 { new.tag("baseline") } else { new })?;
//!     }
//!     Ok(())
//! })?;
//! let read = store.read();
//! let count = |text: &str| read.runs().find(text)?.count();
//! assert_eq!(count("metrics.accuracy > 0.9 and tags contains 'baseline'")?, 1);
//! assert_eq!(count("name in ('small', 'large') or params.max_depth between 5 and 10")?, 3);
//! assert_eq!(count("name ilike '%M%' and not (metrics.accuracy < 0.9)")?, 1);
//! assert_eq!(count("metrics.recall is null and start_time is null")?, 3);
//!
//! let filter: Filter = "metrics.accuracy>=.9 AND tag='baseline'".parse()?;
//! assert_eq!(filter.to_string(), "metrics.accuracy >= 0.9 and tags = 'baseline'");
//! # Ok(())
//! # }
//! ```
//!
//! # Grammar
//!
//! ```text
//! filter    = [ any ]                            nothing at all is everything
//! any       = all { "or" all }                   all = one { "and" one }
//! one       = "not" one | "(" any ")" | "true" | "false"
//!           | field operator value
//!           | field ["not"] "in" "(" [ value { "," value } ] ")"
//!           | field ["not"] "between" value "and" value
//!           | field "is" ["not"] ( "null" | "nan" )
//!           | field ["not"] "contains" [ "substring" ] string
//!           | field ["not"] ( "like" | "ilike" | "rlike" ) string
//!           | ( field | "text" ) "matches" string
//! operator  = "=" | "==" | "!=" | "<>" | "<" | "<=" | ">" | ">="
//! field     = namespace "." key | builtin | series
//! series    = ( "min" | "max" | "first" | "last" | "mean" | "count" ) "(" "observations" "." key ")"
//! key       = characters other than blanks and = ! < > ~ ( ) | quoted
//! namespace = metrics | hyperparameters, params | attributes, attrs | observations | artifacts | datasets
//! value     = number | string | date | "true" | "false"
//! string    = '...' | "..." | `...`
//! ```
//!
//! - Words of the language may be in any case; names of fields are as they are, and a namespace may be in the singular.
//! - A key is everything after the first dot: `metrics.val.loss` is the metric `val.loss`. A key with other characters
//!   stands in quotes: `metrics."val loss"`. Artifacts and datasets of a key are their paths;
//!   `artifacts.linked_artifact_id` and `datasets.linked_artifact_id` are the sets of what they link to (in quotes, it
//!   is a key). ModelDB's `observations.attribute.k` is the same as `observations.k`.
//! - Builtin fields: [`QueryField`](crate::QueryField) has all of them and which kinds have them.
//! - In quotes, a backslash stands before a quote or itself, and in `\n`, `\r`, `\t`, `\0` and `\u{1f600}`. `\%` and
//!   `\_` keep their backslash, for `like`. Other escapes are errors, so a regular expression doubles its backslashes.
//! - Numbers: whole ones are exact as far as 64 bits go, others are doubles; `inf` and `-inf` are the infinities.
//! - Dates, with or without quotes, where the field is a date: a day (`2026-11-23`, its beginning in UTC), a moment as
//!   in RFC 3339 (`2026-11-23T10:30:00+01:00`), or milliseconds since the epoch.
//! - `and` binds closer than `or`, and `not` closest.
//!
//! # Meanings
//!
//! A filter is true or false of an entity, never unknown. Numbers compare by mathematical value, and a number meets a
//! stored string that reads as one; strings compare with strings, by code points; what cannot be compared is not equal.
//!
//! | condition on `f` | `f` = 1 | `f` = 2 | NaN | null | missing |
//! |---|---|---|---|---|---|
//! | `f = 1` | yes | no | no | no | no |
//! | `f != 1`, `f not in (1)` | no | yes | no | no | no |
//! | `not f = 1`, `not f in (1)` | no | yes | yes | yes | yes |
//! | `f < 2` | yes | no | no | no | no |
//! | `not f < 2` | no | yes | yes | yes | yes |
//! | `f not like 'x'`, `f not contains 'x'` | yes | yes | no | no | no |
//! | `f is null` | no | no | no | yes | yes |
//! | `f is not null` | yes | yes | yes | no | no |
//! | `f is nan` | no | no | yes | no | no |
//! | `f is not nan` | yes | yes | no | yes | yes |
//!
//! - On a **set** (`tags`, `features`, the links, the locations) a positive condition asks for some element, a negative
//!   one for none; a set is never null or missing, so `tags != 'x'` holds without tags. On `observations.k` a negative
//!   condition asks for some observation, and holds if none of them fulfils the positive one.
//! - **`contains`** on a set asks for an element; elsewhere for a literal part of the text, in any case. `contains
//!   substring` asks for a part everywhere: on a set, of some element.
//! - **`like`**: the whole text fits a pattern in which `%` is any run of characters, `_` one character, and a
//!   backslash takes the next character literally. **`ilike`** is the same after both are put in lower case, letter by
//!   letter.
//! - **`rlike`**: a regular expression of the [`regex`](https://docs.rs/regex) crate is found somewhere in the text:
//!   `^` and `$` anchor it, `(?i)` makes it blind to case. Its time is linear in the text.
//! - Of a list or a map, `contains`, `like`, `rlike` and `matches` see the compact JSON text. Numbers and truth values
//!   have no text.
//! - **`matches`** looks for words: below. Of a set, the elements are taken together. **`text`** is name, description,
//!   readme, tags, and the strings among attributes, metrics and hyperparameters, together.
//! - **Series**: `min`, `max` and `mean` are of the numbers observed under a key, NaN left out; `first` and `last` are
//!   what was observed in the least and in the greatest epoch, of several the first and the last that was logged, and if
//!   that is NaN or no number, no comparison holds; `count` counts all observations, and is 0 without any. The others
//!   are missing then. One sorts by them, too: `order_by("min(observations.loss)")`.
//!
//! # Words
//!
//! Words are runs of letters and digits, in lower case letter by letter. Chinese and Japanese have no blanks between
//! words, so each of their characters is a word by itself, and several are found as a phrase. The operand of `matches`
//! has parts with blanks between, and all of them must occur:
//!
//! | part | occurs if |
//! |---|---|
//! | `forest` | it is a word, whole: `res` is none of `ResNet-50`, `resnet` is |
//! | `"random forest"` | these words stand one after the other, in one text |
//! | `resnet50_v2.1-fp16` | the same: a part of several words is a phrase, so names and paths are found as they are written |
//! | `fore*` | a word begins so; of a part of several words, the last: `resnet50_v*` |
//! | `forst~`, `forst~2` | a word is at most one edit, or two, away: a letter put in, left out or changed, or two neighbours swapped; no part is edited twice |
//! | `-draft`, `-"first draft"` | none of that occurs; something else has to |
//!
//! ```
//! use modeldb::{NewRun, Store};
//! # fn main() -> modeldb::Result<()> {
//! let store = Store::in_memory()?;
//! store.write(|w| {
//!     let project = w.projects().get_or_create("vision")?;
//!     let experiment = w.experiments().get_or_create(&project, "baselines")?;
//!     let new = NewRun::named("resnet50_v2.1-fp16").description("Random forest on top; the first draft.");
//!     w.runs().create(&experiment, new.attribute("host", "node-7"))
//! })?;
//! let read = store.read();
//! let count = |query: &str| read.runs().find(format!("text matches '{query}'"))?.count();
//! assert_eq!(count("forest NODE-7")?, 1);
//! assert_eq!(count("\"forest random\"")?, 0);
//! assert_eq!(count("resnet50_v* froest~ dra*")?, 1);
//! assert_eq!(count("forest -draft")?, 0);
//! # Ok(())
//! # }
//! ```
//!
//! # Errors
//!
//! What is no filter is `InvalidArgument`, with a line to show: the column counts characters from 1.
//!
//! ```
//! let error = modeldb::Filter::parse("metrics.accuracy > 0.9 and tags contians 'baseline'").unwrap_err();
//! assert_eq!(
//!     error.message(),
//!     "column 33: expected an operator: = != < <= > >=, in, between, contains, like, ilike, rlike, matches or is, \
//!      found \"contians\" (did you mean contains?)
//!   metrics.accuracy > 0.9 and tags contians 'baseline'
//!                                   ^"
//! );
//! ```
//!
//! Whether a kind of entities has a field, and whether a field takes such a value, is found by
//! [`Filter::check`](crate::Filter::check), which every search calls.
//!
//! # Limits
//!
//! | what | most | error |
//! |---|---|---|
//! | length of a text | [`QUERY_TEXT_BYTES`](crate::limits::QUERY_TEXT_BYTES): 1 MiB | `LimitExceeded` |
//! | depth of a filter | [`FILTER_DEPTH`](crate::limits::FILTER_DEPTH): 64; twice that of brackets and nots | `LimitExceeded` |
//! | conditions and values of lists | [`FILTER_TERMS`](crate::limits::FILTER_TERMS): 10,000 | `LimitExceeded` |
//! | patterns (`like`, `ilike`, `rlike`) | [`FILTER_PATTERNS`](crate::limits::FILTER_PATTERNS): 64 | `LimitExceeded` |
//! | operand of `matches` | [`TEXT_QUERY_BYTES`](crate::limits::TEXT_QUERY_BYTES): 16 KiB, [`TEXT_QUERY_WORDS`](crate::limits::TEXT_QUERY_WORDS): 256; before a `~` [`TEXT_NEAR_CHARS`](crate::limits::TEXT_NEAR_CHARS): 64 letters | `LimitExceeded` |
//! | memory of a compiled pattern | [`QUERY_PATTERN_BYTES`](crate::limits::QUERY_PATTERN_BYTES): 1 MiB | `LimitExceeded` |
//!
//! # MLflow's filter_string
//!
//! [`Filter::parse_mlflow`](crate::Filter::parse_mlflow) reads what MLflow searches runs with: comparisons, `LIKE`,
//! `ILIKE`, `IN`, `NOT IN`, `IS NULL` and `IS NOT NULL`, with `AND` between and nothing else.
//!
//! | MLflow | here |
//! |---|---|
//! | `metrics.k`, `metric.k` | `metrics.k`; takes numbers |
//! | `params.k`, `parameters.k` and singular | `hyperparameters.k`; takes texts in quotes |
//! | `tags.k`, `tag.k` | `attributes.k` (MLflow's tags have a value); takes texts in quotes |
//! | `run_id`, `run_name`, `user_id`, alone or after `attributes.`, `attr.`, `run.` | `id`, `name`, `owner` |
//! | `start_time`, `created`, `end_time`, likewise | `start_time`, `end_time`; take milliseconds |
//! | `status`, likewise | `status`: `RUNNING` is `running`, `FINISHED` `finished`, `FAILED` `failed` or `crashed`, `KILLED` `abandoned`; runs that never had a logger have none |
//! | `artifact_uri`, `datasets.` | refused: there is no counterpart |
//! | `!=` | `!=`: what lacks the key does not match, as in MLflow |
//!
//! MLflow's parameters and tags are always texts. Here a depth may have been logged as the number 6, so that
//! `params.depth = '6'` is `hyperparameters.depth in ('6', 6)`; `!=` and `IN` likewise. Texts stand between single or
//! double quotes, keys between double quotes or backticks; a quote inside is doubled or has a backslash, and other
//! backslashes are themselves.
//!
//! ```
//! use modeldb::Filter;
//! let filter = Filter::parse_mlflow("metrics.`val acc` > 0.9 AND params.depth = '6' AND run_name ILIKE 'a%'")?;
//! assert_eq!(
//!     filter.to_string(),
//!     "metrics.\"val acc\" > 0.9 and hyperparameters.depth in ('6', 6) and name ilike 'a%'"
//! );
//! # Ok::<(), modeldb::Error>(())
//! ```
//!
//! # The Python client's find
//!
//! [`Filter::parse_client`](crate::Filter::parse_client) reads the expressions of ModelDB's Python client: key,
//! operator and value, a space on either side of the operator; several mean all of them. The operators are `~=` (a part
//! of the text, in any case), `==`, `!=`, `>`, `>=`, `<` and `<=`. A value that Python's `float` reads is a number, any
//! other a text, without one pair of quotes around it. The meanings are those of ModelDB's
//! [`Predicate`](crate::Predicate)s: `!=` is the complement of `==`, so that what lacks the key matches.
//!
//! ```
//! use modeldb::{EntityKind, Filter};
//! let filter = Filter::parse_client(EntityKind::Run, ["metrics.accuracy >= 0.9", "tags != draft", "name ~= forest"])?;
//! assert_eq!(
//!     filter.to_string(),
//!     "metrics.accuracy >= 0.9 and not (tags = 'draft') and name contains 'forest'"
//! );
//! # Ok::<(), modeldb::Error>(())
//! ```
