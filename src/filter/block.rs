//! One block of the index: what its rows hold of each field.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use parking_lot::RwLock;

use super::column::{Column, float_key};
use super::words::Words;
use crate::limits;
use crate::model::{KeyValues, Parents, Run};
use crate::time::Timestamp;
use crate::value::{self, Value};

/// A field that the index has columns of.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum IndexedField {
    Metric(String),
    Hyperparameter(String),
    Attribute(String),
    Name,
    Owner,
    DateCreated,
    DateUpdated,
    StartTime,
    EndTime,
    Version,
    ParentId,
    JobId,
    CodeVersion,
}

/// The texts of each field by number, as far as they are few: a column of texts is one of their numbers. Shared by
/// all blocks; a text keeps its number.
#[derive(Default)]
pub(crate) struct Texts(RwLock<HashMap<IndexedField, Dictionary>>);

#[derive(Default)]
struct Dictionary {
    numbers: HashMap<Arc<str>, u32>,
    texts: Vec<Arc<str>>,
}

impl Texts {
    /// The number of a text; none if its field has too many.
    fn intern(&self, field: &IndexedField, text: &str) -> Option<u32> {
        if let Some(known) = self.number(field, text) {
            return Some(known);
        }
        let mut all = self.0.write();
        let dictionary = all.entry(field.clone()).or_default();
        let number = u32::try_from(dictionary.texts.len()).ok()?;
        if dictionary.texts.len() >= limits::FILTER_TEXTS || text.len() > limits::FILTER_TEXT_BYTES {
            return None;
        }
        let text: Arc<str> = text.into();
        dictionary.texts.push(Arc::clone(&text));
        dictionary.numbers.insert(text, number);
        Some(number)
    }

    /// The number of a text that is known.
    pub(crate) fn number(&self, field: &IndexedField, text: &str) -> Option<u32> {
        self.0.read().get(field)?.numbers.get(text).copied()
    }

    /// Calls `each` with all texts of a field, by number.
    pub(crate) fn each(&self, field: &IndexedField, mut each: impl FnMut(u32, &str)) {
        if let Some(dictionary) = self.0.read().get(field) {
            (0..).zip(&dictionary.texts).for_each(|(number, text)| each(number, text));
        }
    }
}

/// What the rows of a block hold of one field. A row that holds nothing, or null, is in none of these.
pub(crate) struct FieldBlock {
    /// Numbers, and strings that read as numbers, by value.
    pub(crate) numbers: Column,
    /// Texts that have a number, by number.
    pub(crate) texts: Column,
    /// Texts that have none, by hash: who finds one by it looks into the record.
    pub(crate) hashes: Column,
    /// Rows with true, and with false.
    pub(crate) bools: [Vec<u16>; 2],
    pub(crate) nan: Vec<u16>,
    /// What only the record tells: lists and maps, and numbers that no double is.
    pub(crate) odd: Vec<u16>,
    /// Rows that hold something other than NaN.
    pub(crate) present: Words,
}

/// The rows of a block.
pub(crate) struct Block {
    /// The row of offset 0.
    pub(crate) first: u32,
    /// Rows it has, purged ones included.
    pub(crate) rows: usize,
    pub(crate) fields: HashMap<IndexedField, FieldBlock>,
    pub(crate) tags: HashMap<String, Vec<u16>>,
    pub(crate) experiments: Column,
    pub(crate) projects: Column,
    /// Rows that are deleted themselves, or purged.
    pub(crate) dead: Words,
}

/// Values of one field, as they are gathered.
#[derive(Default)]
struct Gathered {
    numbers: Vec<(u64, u16)>,
    texts: Vec<(u64, u16)>,
    hashes: Vec<(u64, u16)>,
    bools: [Vec<u16>; 2],
    nan: Vec<u16>,
    odd: Vec<u16>,
    present: Vec<u16>,
}

/// Makes a block, row by row.
pub(crate) struct Builder<'t> {
    texts: &'t Texts,
    first: u32,
    rows: usize,
    fields: HashMap<IndexedField, Gathered>,
    tags: HashMap<String, Vec<u16>>,
    experiments: Vec<(u64, u16)>,
    projects: Vec<(u64, u16)>,
    dead: Words,
}

impl<'t> Builder<'t> {
    /// A block of `rows` rows from `first` on, all of them dead as long as none is added.
    pub(crate) fn new(texts: &'t Texts, first: u32, rows: usize) -> Self {
        Builder {
            texts,
            first,
            rows,
            fields: HashMap::new(),
            tags: HashMap::new(),
            experiments: Vec::new(),
            projects: Vec::new(),
            dead: Words::first(rows),
        }
    }

    /// Adds a run that is not deleted, in ascending order of rows.
    pub(crate) fn add(&mut self, row: u16, run: &Run, parents: Parents) {
        self.dead.remove(row);
        if let Parents::Experiment { project, experiment } = parents {
            self.projects.push((u64::from(project.0), row));
            self.experiments.push((u64::from(experiment.0), row));
        }
        self.key_values(row, &run.metrics, IndexedField::Metric);
        self.key_values(row, &run.hyperparameters, IndexedField::Hyperparameter);
        self.key_values(row, &run.attributes, IndexedField::Attribute);
        self.text(row, IndexedField::Name, &run.name);
        self.text(row, IndexedField::Owner, &run.owner);
        self.text(row, IndexedField::JobId, &run.job_id);
        self.text(row, IndexedField::CodeVersion, &run.code_version);
        self.text(row, IndexedField::ParentId, run.parent_id.as_ref().map_or("", |id| id.as_str()));
        self.int(row, IndexedField::DateCreated, run.date_created.millis());
        self.int(row, IndexedField::DateUpdated, run.date_updated.millis());
        for (field, time) in [(IndexedField::StartTime, run.start_time), (IndexedField::EndTime, run.end_time)] {
            if let Some(time) = time {
                self.int(row, field, Timestamp::millis(time));
            }
        }
        self.int(row, IndexedField::Version, i64::try_from(run.version_number).unwrap_or(i64::MAX));
        for tag in &run.tags {
            match self.tags.get_mut(tag) {
                Some(rows) => rows.push(row),
                None => drop(self.tags.insert(tag.clone(), vec![row])),
            }
        }
    }

    fn key_values(&mut self, row: u16, entries: &KeyValues, field: impl Fn(String) -> IndexedField) {
        for entry in entries {
            self.value(row, field(entry.key.clone()), &entry.value);
        }
    }

    fn value(&mut self, row: u16, field: IndexedField, value: &Value) {
        match value {
            Value::Null => {}
            Value::Int(int) => self.int(row, field, *int),
            Value::Float(float) => {
                let gathered = self.fields.entry(field).or_default();
                match float_key(*float) {
                    Some(key) => {
                        gathered.numbers.push((key, row));
                        gathered.present.push(row);
                    }
                    None => gathered.nan.push(row),
                }
            }
            Value::String(text) => self.string(row, field, text),
            Value::Bool(bool) => {
                let gathered = self.fields.entry(field).or_default();
                let [no, yes] = &mut gathered.bools;
                if *bool {
                    yes.push(row)
                } else {
                    no.push(row)
                }
                gathered.present.push(row);
            }
            Value::List(_) | Value::Map(_) => {
                let gathered = self.fields.entry(field).or_default();
                gathered.odd.push(row);
                gathered.present.push(row);
            }
        }
    }

    fn int(&mut self, row: u16, field: IndexedField, int: i64) {
        let gathered = self.fields.entry(field).or_default();
        gathered.present.push(row);
        match exact_key(int) {
            Some(key) => gathered.numbers.push((key, row)),
            None => gathered.odd.push(row),
        }
    }

    /// A builtin text, which is missing if it is empty.
    fn text(&mut self, row: u16, field: IndexedField, text: &str) {
        if !text.is_empty() {
            self.string(row, field, text);
        }
    }

    fn string(&mut self, row: u16, field: IndexedField, text: &str) {
        let number = self.texts.intern(&field, text);
        let gathered = self.fields.entry(field).or_default();
        gathered.present.push(row);
        let reads_as = match value::number_in(text) {
            None => Ok(None),
            Some(Value::Int(int)) => exact_key(int).map(Some).ok_or(()),
            Some(other) => Ok(other.as_f64().and_then(float_key)),
        };
        match (number, reads_as) {
            (_, Err(())) => return gathered.odd.push(row),
            (Some(number), Ok(_)) => gathered.texts.push((u64::from(number), row)),
            (None, Ok(_)) => gathered.hashes.push((hash(text), row)),
        }
        gathered.numbers.extend(reads_as.ok().flatten().map(|key| (key, row)));
    }

    pub(crate) fn finish(self) -> Block {
        let fields = self.fields.into_iter().map(|(field, gathered)| {
            let block = FieldBlock {
                numbers: Column::new(gathered.numbers),
                texts: Column::new(gathered.texts),
                hashes: Column::new(gathered.hashes),
                bools: gathered.bools,
                nan: gathered.nan,
                odd: gathered.odd,
                present: Words::of(&gathered.present),
            };
            (field, block)
        });
        Block {
            first: self.first,
            rows: self.rows,
            fields: fields.collect(),
            tags: self.tags,
            experiments: Column::new(self.experiments),
            projects: Column::new(self.projects),
            dead: self.dead,
        }
    }
}

/// The hash of a text without a number.
pub(crate) fn hash(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}

/// The key of a whole number that a double is exactly.
fn exact_key(int: i64) -> Option<u64> {
    #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation)] // That is what is found out.
    let (float, back) = (int as f64, int as f64 as i64);
    // 2^63 itself saturates on the way back.
    (back == int && float < 9_223_372_036_854_775_808.0).then(|| float_key(float)).flatten()
}
