//! Observations: logging them into series, and reading them (ModelDB 2.9 and 5.3).
//!
//! A change of a run says of a series only what it comes to; the observations themselves go beside it, into chunks. So
//! the series of a run as it was is a beginning of one that is there until the run is purged.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::codec::archive;
use crate::codec::observations::{Chunk, Digester, digest};
use crate::codec::v1::{self, RunV1};
use crate::entity::entries::On;
use crate::entity::run::{Runs, RunsMut};
use crate::entity::state::{self, State, no_such};
use crate::entity::txn::Txn;
use crate::error::{Error, ErrorKind, Result};
use crate::id::{EntityKind, Row, RunId};
use crate::limits;
use crate::log::change::{Field, FieldValue};
use crate::log::draft::{Added, AddedTo};
use crate::log::read::Recent;
use crate::log::resolve::payload;
use crate::model::{Entity, NewObservation, Observation, ObservationBucket, ObservationColumns, Run, Series, Stored};
use crate::storage::{SeriesPlace, SeriesSource};
use crate::time::Timestamp;
use crate::value::{Value, canonical};

const KIND: EntityKind = EntityKind::Run;

/// Observations by the key of their series, in the order they came in.
pub(crate) type ByKey = BTreeMap<String, Vec<NewObservation>>;

/// Observations as a caller gave them, by key.
pub(crate) fn by_key<K: AsRef<str>>(observations: impl IntoIterator<Item = (K, NewObservation)>) -> Result<ByKey> {
    let mut by_key = ByKey::new();
    // Those of one key mostly come together: they are gathered before they are looked up.
    let (mut key, mut of_key) = (String::new(), Vec::new());
    for (next, observation) in observations {
        let next = next.as_ref();
        if next.is_empty() {
            return Err(Error::invalid("the key of an observation is empty"));
        }
        if next != key && !of_key.is_empty() {
            by_key.entry(std::mem::take(&mut key)).or_default().append(&mut of_key);
        }
        if of_key.is_empty() {
            next.clone_into(&mut key);
        }
        of_key.push(checked(observation)?);
    }
    if !of_key.is_empty() {
        by_key.entry(key).or_default().append(&mut of_key);
    }
    Ok(by_key)
}

pub(crate) fn checked(mut observation: NewObservation) -> Result<NewObservation> {
    match &mut observation.value {
        Value::Float(float) => *float = canonical(*float),
        Value::Int(_) | Value::Bool(_) => {}
        Value::String(text) if text.len() <= limits::OBSERVED_TEXT_BYTES => {}
        Value::String(text) => {
            return Err(Error::new(
                ErrorKind::LimitExceeded,
                format!("a text of {} bytes is observed; the limit is {}", text.len(), limits::OBSERVED_TEXT_BYTES),
            ));
        }
        _ => return Err(Error::invalid("only numbers, texts and booleans are observed")),
    }
    Ok(observation)
}

/// What is done about an observation that cannot be taken: an error ends it, or else it is left out.
pub(crate) type Refuse<'r> = &'r mut dyn FnMut(Error) -> Result<()>;

/// What observations make of a series: it with them, and they with their epochs and times.
fn extend(
    mut series: Series,
    new: Vec<NewObservation>,
    now: Timestamp,
    refuse: Refuse<'_>,
) -> Result<(Series, Vec<Observation>)> {
    let mut observations = Vec::with_capacity(new.len());
    for NewObservation { value, epoch_number, timestamp } in new {
        let after_last = || {
            let last = || Error::invalid(format!("after the greatest epoch of {:?} there is none", series.key));
            series.next_epoch().ok_or_else(last)
        };
        let epoch_number = match epoch_number.map_or_else(after_last, Ok) {
            Ok(epoch_number) => epoch_number,
            Err(error) => {
                refuse(error)?;
                continue;
            }
        };
        let timestamp = if timestamp.millis() == 0 { now } else { timestamp };
        let observation = Observation { value, epoch_number, timestamp };
        series.push(&observation);
        observations.push(observation);
    }
    series.added = digest(&observations);
    Ok((series, observations))
}

/// The series of a run that is created, with what is observed of it.
pub(crate) fn begin(run: &mut Run, new: ByKey, now: Timestamp) -> Result<Vec<(String, Vec<Observation>)>> {
    let mut added = Vec::with_capacity(new.len());
    for (key, new) in new {
        let (series, observations) = extend(Series { key: key.clone(), ..Series::default() }, new, now, &mut Err)?;
        run.series.push(series);
        added.push((key, observations));
    }
    Ok(added)
}

/// Adds the observations of one run to another, whose series are summed up as those of the first.
pub(crate) fn copy(txn: &mut Txn<'_>, from: Row, series: &[Series], to: Row) -> Result<()> {
    for series in series {
        let mut next = 0;
        while next < series.count {
            let observations = txn.observations(from, series, next)?;
            let added = Added { from: next, observations };
            next += added.observations.len() as u64;
            txn.draft.add_observations((to, series.key.clone(), 0), added);
            txn.spill_if_large()?;
        }
    }
    Ok(())
}

/// The series of a run as those of a copy, which is created with all their observations.
pub(crate) fn as_created(txn: &Txn<'_>, run: Row, all: &[Series]) -> Result<Vec<Series>> {
    let mut created = Vec::with_capacity(all.len());
    for series in all {
        let (mut digester, mut next) = (Digester::default(), 0);
        while next < series.count {
            let observations = txn.observations(run, series, next)?;
            next += observations.len() as u64;
            digester.update(&observations);
        }
        created.push(Series { generation: 0, added: digester.finish(), ..series.clone() });
    }
    Ok(created)
}

/// The series of a key of a run with further observations, and these with where they go. Nothing is changed.
pub(crate) fn extended(
    txn: &mut Txn<'_>,
    row: Row,
    key: &str,
    new: Vec<NewObservation>,
    refuse: Refuse<'_>,
) -> Result<(Series, AddedTo, Added)> {
    let now = txn.time();
    let known = run_of(txn.load(KIND, row)?)?.series(key).cloned();
    let series = match known {
        Some(series) => series,
        None => Series { generation: txn.next_generation(row, key)?, key: key.to_owned(), ..Series::default() },
    };
    let from = series.count;
    let (series, observations) = extend(series, new, now, refuse)?;
    let to = (row, key.to_owned(), series.generation);
    Ok((series, to, Added { from, observations }))
}

/// Adds observations to the series of a run, all or none.
fn log(txn: &mut Txn<'_>, on: On<'_>, new: ByKey) -> Result<()> {
    let row = txn.require(on.kind, on.id)?;
    let (mut fields, mut added) = (Vec::new(), Vec::new());
    for (key, new) in new {
        let (series, to, new) = extended(txn, row, &key, new, &mut Err)?;
        added.push((to, new));
        fields.push((Field::Series(key), Some(FieldValue::Series(Box::new(series)))));
    }
    txn.edit_in_part(on.kind, row, fields)?;
    added.into_iter().for_each(|(to, added)| txn.draft.add_observations(to, added));
    txn.end(on.operation)
}

fn on<'i>(id: &'i RunId, operation: &'static str) -> On<'i> {
    On { operation, kind: KIND, id: id.as_str() }
}

fn run_of(stored: &Stored) -> Result<&Run> {
    match &stored.entity {
        Entity::Run(run) => Ok(run),
        _ => Err(Error::corrupt("observations of what is no run")),
    }
}

impl RunsMut<'_, '_> {
    /// Adds an observation to the series of a key, which is begun if there is none.
    ///
    /// # Errors
    /// Those of [`log_observations`](Self::log_observations).
    pub fn log_observation(
        &mut self,
        id: &RunId,
        key: impl AsRef<str>,
        observation: impl Into<NewObservation>,
    ) -> Result<()> {
        let new = by_key([(key, observation.into())])?;
        log(self.0, on(id, "run.log_observations"), new)
    }

    /// Adds observations to the series of their keys, in order, all or none. They are held in memory until the write
    /// is done, some 100 bytes for each.
    ///
    /// # Errors
    /// `NotFound`; `InvalidArgument` for none, for an empty key, for a value that is neither number nor text nor
    /// boolean, and for one without an epoch after the greatest there is; `LimitExceeded` for a text of more than
    /// [`limits::OBSERVED_TEXT_BYTES`].
    pub fn log_observations<K: AsRef<str>, O: Into<NewObservation>>(
        &mut self,
        id: &RunId,
        observations: impl IntoIterator<Item = (K, O)>,
    ) -> Result<()> {
        let new = by_key(observations.into_iter().map(|(key, observation)| (key, observation.into())))?;
        if new.is_empty() {
            return Err(Error::invalid("no observation is given"));
        }
        log(self.0, on(id, "run.log_observations"), new)
    }

    /// Deletes the series of these keys; unknown ones are ignored. What is logged under them later begins anew; the
    /// past keeps them until the run is purged.
    ///
    /// # Errors
    /// `NotFound`; `InvalidArgument` for no key.
    pub fn delete_observations<T: Into<String>>(
        &mut self,
        id: &RunId,
        keys: impl IntoIterator<Item = T>,
    ) -> Result<()> {
        let fields: Vec<_> = keys.into_iter().map(|key| (Field::Series(key.into()), None)).collect();
        if fields.is_empty() {
            return Err(Error::invalid("no key is given; there is another call to delete all"));
        }
        on(id, "run.delete_observations").edit(self.0, fields)
    }

    /// Deletes all series.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn delete_all_observations(&mut self, id: &RunId) -> Result<()> {
        let on = on(id, "run.delete_all_observations");
        let Entity::Run(run) = on.load(self.0)? else { return Ok(()) };
        let fields = run.series.iter().map(|series| (Field::Series(series.key.clone()), None)).collect();
        on.edit(self.0, fields)
    }
}

impl Runs<'_> {
    /// The observations of a run under a key, in the order of logging; none if there are none. They are read as they
    /// are asked for, about a thousand at a time.
    ///
    /// # Errors
    /// `NotFound` if there is no such run.
    pub fn observations(&self, id: &RunId, key: &str) -> Result<Observations> {
        let (row, run) = self.rare(id)?;
        Observations::new(Arc::clone(self.state), row, run.series(key).cloned().unwrap_or_default())
    }

    /// The row of a run, and of its fields at least those that are rare: decoding a whole record costs some
    /// microseconds.
    pub(crate) fn rare(&self, id: &RunId) -> Result<(Row, Run)> {
        let (state, missing) = (self.state, || no_such(KIND, id.as_str()));
        let (row, place, bytes) = state.find(KIND, id.as_str())?.ok_or_else(missing)?;
        let run = if self.at < state.head.sequence {
            let stored = state.visible(KIND, row, self.at, &Recent::default())?.ok_or_else(missing)?;
            state::run(stored)?
        } else if state.is_live(&place)? {
            v1::rare_of(archive::access::<RunV1>(payload(bytes.as_slice()))?, &state.resolver())?
        } else {
            return Err(missing());
        };
        Ok((row, run))
    }
}

/// The observations of a series in the order of logging: see [`Runs::observations`].
pub struct Observations {
    state: Arc<State>,
    place: SeriesPlace,
    series: Series,
    next: u64,
    /// What is left of the chunk that was read last.
    ahead: Option<Chunk>,
}

impl Observations {
    pub(crate) fn new(state: Arc<State>, run: Row, series: Series) -> Result<Self> {
        let code = state.common.dictionary.code(&series.key);
        let unknown = || Error::corrupt(format!("the key {:?} of a series is not in the dictionary", series.key));
        let key = if series.count == 0 { 0 } else { code.ok_or_else(unknown)? };
        let place = SeriesPlace { run, key, generation: series.generation };
        Ok(Observations { state, place, series, next: 0, ahead: None })
    }

    /// The series, summed up.
    pub fn series(&self) -> &Series {
        &self.series
    }

    /// Goes on with the observation in this place of the order of logging.
    #[must_use]
    pub fn from_index(mut self, index: u64) -> Self {
        self.next = index;
        self.ahead = None;
        self
    }

    /// In ascending order of epochs, those of one epoch in the order of logging. A series that was logged so is read as
    /// it is; another one is read whole and sorted in memory, some 50 bytes for each observation.
    pub fn by_epoch(self) -> impl Iterator<Item = Result<Observation>> {
        if !self.series.unordered {
            return Box::new(self) as Box<dyn Iterator<Item = Result<Observation>>>;
        }
        match self.collect::<Result<Vec<_>>>() {
            Ok(mut all) => {
                all.sort_by_key(|observation| observation.epoch_number);
                Box::new(all.into_iter().map(Ok))
            }
            Err(error) => Box::new(std::iter::once(Err(error))),
        }
    }

    /// The next observations, at most so many, as columns: some 15 ns for each. Empty at the end.
    ///
    /// # Errors
    /// `Corrupt` or `Io` if they cannot be read; then there are no further ones.
    pub fn columns(&mut self, limit: usize) -> Result<ObservationColumns> {
        let mut columns = ObservationColumns::default();
        let mut left = usize::try_from(self.series.count.saturating_sub(self.next)).unwrap_or(usize::MAX).min(limit);
        while left > 0 {
            let taken = self.ahead.as_mut().map_or(0, |ahead| ahead.take_columns(left, &mut columns));
            if taken == 0 {
                match self.fetch() {
                    Ok(chunk) => self.ahead = Some(chunk),
                    Err(error) => {
                        self.next = self.series.count;
                        return Err(error);
                    }
                }
            }
            self.next += taken as u64;
            left -= taken;
        }
        Ok(columns)
    }

    /// The rest of the series by epochs, in at most so many buckets of equally many epochs, ascending; those without an
    /// observation are left out. Reads each observation, and holds the buckets only.
    ///
    /// # Errors
    /// `InvalidArgument` for no bucket; `Corrupt` or `Io` if observations cannot be read.
    pub fn buckets(mut self, most: usize) -> Result<Vec<ObservationBucket>> {
        let most = u64::try_from(most).unwrap_or(u64::MAX);
        if most == 0 {
            return Err(Error::invalid("a series is put into no bucket"));
        }
        let (first, last) = (self.series.first.epoch_number, self.series.last.epoch_number);
        // The last one is in the last bucket, however far apart they are.
        let width = i128::from(last.abs_diff(first)) / i128::from(most) + 1;
        let mut buckets: BTreeMap<i128, ObservationBucket> = BTreeMap::new();
        loop {
            let columns = self.columns(limits::SERIES_CHUNK)?;
            if columns.numbers.is_empty() {
                return Ok(buckets.into_values().collect());
            }
            for (epoch, number) in columns.epoch_numbers.into_iter().zip(columns.numbers) {
                let at = (i128::from(epoch) - i128::from(first)) / width;
                buckets.entry(at).or_insert_with(|| ObservationBucket::of(epoch)).push(epoch, number);
            }
        }
    }

    /// The rest of the chunk that the next one is in. It has at least one.
    fn fetch(&self) -> Result<Chunk> {
        let (first, mut chunk) = self.state.tables.chunk(self.place, self.next)?;
        if let Some(last) = self.next.checked_sub(first + 1) {
            chunk.nth(usize::try_from(last).unwrap_or(usize::MAX));
        }
        Ok(chunk)
    }
}

impl Iterator for Observations {
    type Item = Result<Observation>;
    fn next(&mut self) -> Option<Self::Item> {
        if self.next >= self.series.count {
            return None;
        }
        if let Some(next) = self.ahead.as_mut().and_then(Iterator::next) {
            self.next += 1;
            return Some(Ok(next));
        }
        match self.fetch() {
            Ok(chunk) => {
                self.next += 1;
                self.ahead.insert(chunk).next().map(Ok)
            }
            Err(error) => {
                self.next = self.series.count;
                Some(Err(error))
            }
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = usize::try_from(self.series.count.saturating_sub(self.next)).unwrap_or(usize::MAX);
        (0, Some(left))
    }
}
