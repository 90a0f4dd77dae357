//! What a logger was told and nobody has written yet.

use std::collections::HashMap;
use std::sync::Arc;

use crate::entity::entries::Container;
use crate::entity::logged::{self, Logged};
use crate::entity::observations;
use crate::error::{Error, Result};
use crate::limits;
use crate::model::{KeyValue, NewObservation, RunStatus};
use crate::names;
use crate::time::Timestamp;
use crate::value::Value;

/// What each thing that is told takes at least, with its place in a list.
const ITEM_BYTES: usize = 64;

/// How a run ends, and why.
#[derive(Debug, Clone)]
pub(super) struct End {
    pub(super) status: RunStatus,
    pub(super) reason: Option<String>,
}

/// Gathers by key, so that a value costs a lookup and a push, and no memory of its own.
#[derive(Default)]
pub(super) struct Queue {
    places: HashMap<Arc<str>, usize>,
    series: Vec<(Arc<str>, Vec<NewObservation>)>,
    entries: Vec<(Container, KeyValue)>,
    tags: Vec<String>,
    /// Of all of it, about; what `places` keeps from one time to the next is counted apart.
    bytes: usize,
    place_bytes: usize,
    end: Option<End>,
    /// It was told how it ends, though that may be written by now.
    is_ending: bool,
    refused: Refused,
    /// Why nothing is taken any more.
    lost: Option<Error>,
}

/// What could not be written: the first, and how many more.
#[derive(Default)]
struct Refused {
    first: Option<Error>,
    more: u64,
}

impl Refused {
    fn push(&mut self, error: Error) {
        match self.first {
            Some(_) => self.more += 1,
            None => self.first = Some(error),
        }
    }

    fn take(&mut self) -> Option<Error> {
        let Refused { first, more } = std::mem::take(self);
        first
            .map(|error| if more > 0 { error.context(format_args!("the first of {} errors", more + 1)) } else { error })
    }
}

/// What was taken out of a queue, to be written.
pub(super) struct Taken {
    pub(super) logged: Logged,
    pub(super) end: Option<End>,
    pub(super) bytes: usize,
}

impl Queue {
    /// Takes an observation, or keeps why not. Answers how many bytes more are queued.
    pub(super) fn observe(&mut self, key: &str, new: NewObservation, now: Timestamp) -> usize {
        self.add(|queue| {
            let mut new = observations::checked(new)?;
            if new.timestamp.millis() == 0 {
                new.timestamp = now;
            }
            let bytes = ITEM_BYTES + new.value.as_str().map_or(0, str::len);
            if let Some((_, series)) = queue.places.get(key).and_then(|place| queue.series.get_mut(*place)) {
                series.push(new);
                return Ok(bytes);
            }
            if key.is_empty() {
                return Err(Error::invalid("the key of an observation is empty"));
            }
            let key: Arc<str> = key.into();
            let place_bytes = 2 * ITEM_BYTES + key.len();
            queue.place_bytes += place_bytes;
            queue.places.insert(Arc::clone(&key), queue.series.len());
            queue.series.push((key, vec![new]));
            Ok(bytes + place_bytes)
        })
    }

    pub(super) fn log(&mut self, container: Container, entry: KeyValue) -> usize {
        self.add(|queue| {
            let entry = logged::checked(entry)?;
            let bytes = 2 * ITEM_BYTES + entry.key.len() + size(&entry.value);
            queue.entries.push((container, entry));
            Ok(bytes)
        })
    }

    pub(super) fn tag(&mut self, tag: String) -> usize {
        self.add(|queue| {
            names::check_tag(&tag)?;
            let bytes = ITEM_BYTES + tag.len();
            queue.tags.push(tag);
            Ok(bytes)
        })
    }

    /// That the run ends; what is told later is of no use.
    pub(super) fn end(&mut self, end: End) -> usize {
        self.add(|queue| {
            queue.end = Some(end);
            queue.is_ending = true;
            Ok(ITEM_BYTES)
        })
    }

    fn add(&mut self, add: impl FnOnce(&mut Self) -> Result<usize>) -> usize {
        if self.lost.is_some() {
            return 0;
        }
        match add(self) {
            Ok(bytes) => {
                self.bytes += bytes;
                bytes
            }
            Err(error) => {
                self.refuse(error);
                0
            }
        }
    }

    pub(super) fn is_ending(&self) -> bool {
        self.is_ending
    }

    /// What there is to write, if there is anything. The lists keep their room, as much as comes again soon.
    pub(super) fn take(&mut self) -> Option<Taken> {
        if self.bytes == 0 {
            return None;
        }
        let mut logged = Logged::default();
        for (key, series) in self.series.iter_mut().filter(|(_, series)| !series.is_empty()) {
            let room = Vec::with_capacity(series.len().min(limits::SERIES_CHUNK));
            logged.series.push((Arc::clone(key), std::mem::replace(series, room)));
        }
        if self.place_bytes > limits::LOGGER_KEY_BYTES {
            self.places.clear();
            self.series.clear();
            self.place_bytes = 0;
        }
        logged.entries = std::mem::take(&mut self.entries);
        logged.tags = std::mem::take(&mut self.tags);
        Some(Taken { logged, end: self.end.take(), bytes: std::mem::take(&mut self.bytes) })
    }

    /// Keeps an error for whoever asks next.
    pub(super) fn refuse(&mut self, error: Error) {
        self.refused.push(error);
    }

    /// Takes nothing any more, and forgets what there is. Answers how many bytes that was.
    pub(super) fn lose(&mut self, error: Error) -> usize {
        if self.lost.is_none() {
            let (refused, bytes) = (std::mem::take(&mut self.refused), self.bytes);
            *self = Queue { refused, lost: Some(error), ..Queue::default() };
            return bytes;
        }
        0
    }

    /// What went wrong since this was asked last. That nothing is taken any more is told each time.
    pub(super) fn report(&mut self) -> Result<()> {
        match (&self.lost, self.refused.take()) {
            (Some(lost), None) => Err(lost.share()),
            (Some(lost), Some(refused)) => Err(lost.share().context(format_args!("after another error ({refused})"))),
            (None, Some(refused)) => Err(refused),
            (None, None) => Ok(()),
        }
    }
}

/// Bytes of a value on the heap, about. It is not too deep.
fn size(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len(),
        Value::List(items) => items.iter().map(|item| ITEM_BYTES + size(item)).sum(),
        Value::Map(items) => items.iter().map(|(key, item)| 2 * ITEM_BYTES + key.len() + size(item)).sum(),
        _ => 0,
    }
}
