//! What loggers tell of runs: that one began, what was gathered of it, and how it ended.
//!
//! A logger has no caller who waits for each call. So what cannot be taken is left out by itself and told, and the rest
//! goes on; only an error that leaves the write broken ends it.

use std::collections::HashMap;
use std::sync::Arc;

use roaring::RoaringBitmap;

use crate::entity::entries::Container;
use crate::entity::observations;
use crate::entity::rules;
use crate::entity::run::RunsMut;
use crate::entity::state::{self, no_such};
use crate::entity::txn::Txn;
use crate::error::{Error, ErrorKind, Result};
use crate::id::{EntityKind, ExperimentId, Row, RunId};
use crate::log::change::{Field, FieldValue};
use crate::log::draft::{Added, AddedTo};
use crate::model::{KeyValue, KeyValues, NewObservation, NewRun, RunStatus};
use crate::value::Value;

const KIND: EntityKind = EntityKind::Run;

/// What a logger has gathered of a run, checked as far as that can be done without the store.
#[derive(Default)]
pub(crate) struct Logged {
    /// Observations by key, each key once.
    pub(crate) series: Vec<(Arc<str>, Vec<NewObservation>)>,
    pub(crate) entries: Vec<(Container, KeyValue)>,
    pub(crate) tags: Vec<String>,
}

impl Logged {
    pub(crate) fn is_empty(&self) -> bool {
        self.series.is_empty() && self.entries.is_empty() && self.tags.is_empty()
    }
}

/// A key-value as it is stored, if it can be.
pub(crate) fn checked(entry: KeyValue) -> Result<KeyValue> {
    let mut entries = KeyValues::from([entry]);
    rules::check_key_values(&mut entries)?;
    entries.into_iter().next().ok_or_else(|| Error::corrupt("a key-value is gone"))
}

/// The operation that ends a run so.
fn operation(end: Option<RunStatus>) -> &'static str {
    match end {
        None | Some(RunStatus::Running) => "run.log",
        Some(RunStatus::Finished) => "run.finish",
        Some(RunStatus::Failed) => "run.fail",
        Some(RunStatus::Abandoned) => "run.abandon",
        Some(RunStatus::Crashed) => "run.crash",
    }
}

fn status(status: RunStatus) -> (Field, Option<FieldValue>) {
    (Field::Status, Some(FieldValue::RunStatus(status)))
}

/// What is to be written of a run, and what cannot be.
#[derive(Default)]
struct Prepared {
    fields: Vec<(Field, Option<FieldValue>)>,
    added: Vec<(AddedTo, Added)>,
    refused: Vec<Error>,
}

impl Prepared {
    fn series(&mut self, txn: &mut Txn<'_>, row: Row, logged: &Logged) {
        let Prepared { fields, added: all, refused } = self;
        for (key, new) in &logged.series {
            let mut refuse = |error: Error| {
                refused.push(error.context(format_args!("observing {:?}", shown(key))));
                Ok(())
            };
            match observations::extended(txn, row, key, new.clone(), &mut refuse) {
                // None of them could be taken.
                Ok((.., added)) if added.observations.is_empty() => {}
                Ok((series, to, added)) => {
                    let key = series.key.clone();
                    fields.push((Field::Series(key), Some(FieldValue::Series(Box::new(series)))));
                    all.push((to, added));
                }
                Err(error) => refused.push(error.context(format_args!("observing {:?}", shown(key)))),
            }
        }
    }

    /// Key-values that are not there yet. Those that are, with the same value, are as they should be.
    fn entries(&mut self, txn: &mut Txn<'_>, row: Row, id: &RunId, logged: &Logged) -> Result<()> {
        let entity = &txn.load(KIND, row)?.entity;
        let mut new: HashMap<Field, &KeyValue> = HashMap::new();
        for (container, entry) in &logged.entries {
            let field = container.field(entry.key.clone());
            let known = match new.get(&field) {
                Some(entry) => Some(&entry.value),
                None => container.of(entity)?.get(&entry.key),
            };
            match known {
                Some(known) if *known == entry.value => {}
                Some(known) => self.refused.push(changed(id, &field, known, &entry.value)),
                None => {
                    let value = FieldValue::Value(entry.value.clone(), entry.value_type);
                    self.fields.push((field.clone(), Some(value)));
                    new.insert(field, entry);
                }
            }
        }
        Ok(())
    }
}

fn changed(id: &RunId, field: &Field, known: &Value, new: &Value) -> Error {
    let (field, known, new) = (field.to_string(), known.to_string(), new.to_string());
    let (field, known, new) = (shown(&field), shown(&known), shown(&new));
    Error::exists(format!("{field} of run {id} is {known} already, and was logged as {new}"))
}

/// The beginning of a text, for a message.
fn shown(text: &str) -> String {
    const CHARS: usize = 80;
    match text.char_indices().nth(CHARS) {
        Some((at, _)) => format!("{}...", text.get(..at).unwrap_or_default()),
        None => text.to_owned(),
    }
}

impl RunsMut<'_, '_> {
    /// Creates a run that is running.
    pub(crate) fn begin(&mut self, experiment: &ExperimentId, mut new: NewRun) -> Result<(RunId, Row)> {
        let now = self.0.time();
        new.0.status = Some(RunStatus::Running);
        new.0.start_time = new.0.start_time.or(Some(now).filter(|now| now.millis() != 0));
        let id = self.create(experiment, new)?;
        let row = self.0.require(KIND, id.as_str())?;
        Ok((id, row))
    }

    /// Makes a run running, whatever became of it.
    pub(crate) fn resume(&mut self, id: &RunId) -> Result<Row> {
        let row = self.0.require(KIND, id.as_str())?;
        let now = self.0.time();
        let started = state::run(self.0.load(KIND, row)?.clone())?.start_time;
        let mut fields = vec![status(RunStatus::Running), (Field::EndTime, None)];
        if started.is_none() {
            fields.push((Field::StartTime, Some(FieldValue::Time(now))));
        }
        self.0.edit("run.resume", KIND, row, fields)?;
        Ok(row)
    }

    /// Adds what was gathered of a run, and ends it if it has come to an end: one operation. Answers what was refused
    /// and left out. A deleted run takes no values, but is not running any more either once it was ended.
    pub(crate) fn log_all(
        &mut self,
        (id, row): (&RunId, Row),
        logged: &Logged,
        end: Option<RunStatus>,
    ) -> Result<Vec<Error>> {
        let txn = &mut *self.0;
        let mut prepared = Prepared::default();
        let found = txn.find(KIND, id.as_str()).and_then(|found| match found {
            Some((found, place)) if found == row => txn.is_live(&place),
            _ => Err(no_such(KIND, id.as_str())),
        });
        let is_live = match found {
            Ok(found) => found,
            Err(error) => return Ok(vec![error]),
        };
        if is_live {
            prepared.series(txn, row, logged);
            if let Err(error) = prepared.entries(txn, row, id, logged) {
                return Ok(vec![error]);
            }
            let tags = logged.tags.iter().map(|tag| (Field::Tag(tag.clone()), Some(FieldValue::Present)));
            prepared.fields.extend(tags);
        } else if !logged.is_empty() {
            prepared.refused.push(no_such(KIND, id.as_str()));
        }
        if let Some(end) = end
            && (is_live || !txn.is_being_purged(KIND, row)?)
        {
            prepared.fields.extend([status(end), (Field::EndTime, Some(FieldValue::Time(txn.time())))]);
        }
        txn.edit_in_part(KIND, row, prepared.fields)?;
        prepared.added.into_iter().for_each(|(to, added)| txn.draft.add_observations(to, added));
        txn.end(operation(end))?;
        Ok(prepared.refused)
    }

    /// Tells of runs that were left running that they are not any more, deleted ones too: restored, they had said
    /// otherwise. One that cannot be read stays as it is: whoever reads it is told.
    pub(crate) fn crash(&mut self, rows: &RoaringBitmap) -> Result<()> {
        let txn = &mut *self.0;
        for row in rows.iter().map(Row) {
            match crash_one(txn, row) {
                Err(error) if matches!(error.kind(), ErrorKind::Corrupt | ErrorKind::Incompatible) => {}
                crashed => crashed?,
            }
            txn.spill_if_large()?;
        }
        txn.end(operation(Some(RunStatus::Crashed)))
    }
}

fn crash_one(txn: &mut Txn<'_>, row: Row) -> Result<()> {
    let stored = txn.read(KIND, row)?;
    let is_live = !stored.deleted && txn.parents_live(stored.parents)?;
    let is_running = state::run(stored)?.status == Some(RunStatus::Running);
    if is_running && (is_live || !txn.is_being_purged(KIND, row)?) {
        txn.edit_in_part(KIND, row, vec![status(RunStatus::Crashed)])?;
    }
    Ok(())
}
