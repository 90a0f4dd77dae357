//! One block of the index: some rows, and what they hold of each field.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::RwLock;
use roaring::RoaringBitmap;

use super::field::{FieldBlock, FieldKey, Gathered};
use crate::codec::archive;
use crate::codec::canon::Texts;
use crate::codec::v1::{self, ArchivedKeyValueV1, RunV1};
use crate::error::{Error, Result};
use crate::id::Sequence;
use crate::model::Run;
use crate::value::{Value, ValueRef};

/// The rows of a block, ascending; a row's offset is its place among them.
pub(crate) enum Rows {
    /// All from the first on, so many.
    From(u32, u32),
    Listed(Box<[u32]>),
}

impl Rows {
    pub(crate) fn len(&self) -> usize {
        match self {
            Rows::From(_, len) => *len as usize,
            Rows::Listed(rows) => rows.len(),
        }
    }

    /// The row at an offset.
    pub(crate) fn row(&self, offset: u16) -> u32 {
        match self {
            Rows::From(first, _) => first + u32::from(offset),
            Rows::Listed(rows) => rows.get(usize::from(offset)).copied().unwrap_or(u32::MAX),
        }
    }

    /// The offset of a row.
    pub(crate) fn offset(&self, row: u32) -> Option<u16> {
        let offset = match self {
            Rows::From(first, len) => row.checked_sub(*first).filter(|offset| offset < len)? as usize,
            Rows::Listed(rows) => rows.binary_search(&row).ok()?,
        };
        u16::try_from(offset).ok()
    }

    pub(crate) fn set(&self) -> RoaringBitmap {
        match self {
            Rows::From(first, len) => (*first..first + len).collect(),
            Rows::Listed(rows) => rows.iter().copied().collect(),
        }
    }
}

/// A field of a block in memory; none if no row holds anything of it.
struct Cell {
    field: Option<Arc<FieldBlock>>,
    /// When it was last asked for, by the index's count of loads.
    used: AtomicU64,
}

/// Some rows as of one commit. What it holds never changes; its fields come into memory when they are asked for.
pub(crate) struct Block {
    pub(crate) rows: Rows,
    /// The commit as of which it was made.
    pub(crate) sequence: Sequence,
    cells: RwLock<HashMap<FieldKey, Cell>>,
    /// Whether all its fields are here, because it is nowhere else.
    complete: bool,
}

impl Block {
    /// A block whose fields are on the disk.
    pub(super) fn stored(rows: Rows, sequence: Sequence) -> Self {
        Block { rows, sequence, cells: RwLock::default(), complete: false }
    }

    /// The field, as far as that is known: the inner none is for fields that no row has.
    #[allow(clippy::option_option)]
    pub(super) fn loaded(&self, key: FieldKey, now: u64) -> Option<Option<Arc<FieldBlock>>> {
        let cells = self.cells.read();
        match cells.get(&key) {
            Some(cell) => {
                cell.used.store(now, Ordering::Relaxed);
                Some(cell.field.clone())
            }
            None => self.complete.then_some(None),
        }
    }

    pub(super) fn put(&self, key: FieldKey, field: Option<Arc<FieldBlock>>, now: u64) {
        self.cells.write().insert(key, Cell { field, used: AtomicU64::new(now) });
    }

    /// Forgets the fields that were last used before `then`, and answers how many bytes the others take.
    pub(super) fn forget(&self, then: u64) -> usize {
        let mut cells = self.cells.write();
        cells.retain(|_, cell| cell.used.load(Ordering::Relaxed) >= then);
        cells.values().filter_map(|cell| cell.field.as_ref()).map(|field| field.bytes()).sum()
    }

    /// When each field in memory was last used, and its bytes.
    pub(super) fn uses(&self) -> Vec<(u64, usize)> {
        let cells = self.cells.read();
        let use_of =
            |cell: &Cell| (cell.used.load(Ordering::Relaxed), cell.field.as_ref().map_or(0, |field| field.bytes()));
        cells.values().map(use_of).collect()
    }

    /// The fields in memory.
    pub(crate) fn fields(&self) -> Vec<(FieldKey, Arc<FieldBlock>)> {
        let cells = self.cells.read();
        let fields = cells.iter().filter_map(|(key, cell)| Some((*key, Arc::clone(cell.field.as_ref()?))));
        let mut fields: Vec<_> = fields.collect();
        fields.sort_unstable_by_key(|(key, _)| *key);
        fields
    }
}

/// Makes a block, row by row.
pub(crate) struct Builder {
    rows: Rows,
    sequence: Sequence,
    fields: HashMap<FieldKey, Gathered>,
}

impl Builder {
    /// A block of these rows as of a commit; what is not added is not there.
    pub(crate) fn new(rows: Rows, sequence: Sequence) -> Self {
        Builder { rows, sequence, fields: HashMap::new() }
    }

    fn field(&mut self, key: FieldKey) -> &mut Gathered {
        self.fields.entry(key).or_default()
    }

    /// Adds the run in an opened envelope, unless it is deleted. Offsets come in ascending order.
    pub(crate) fn add(&mut self, offset: u16, payload: &[u8], from: &dyn v1::Resolve) -> Result<()> {
        let record = archive::access::<RunV1>(payload)?;
        let head = &record.head;
        if head.deleted {
            return Ok(());
        }
        self.field(FieldKey::PROJECT).parent(offset, record.project.to_native());
        self.field(FieldKey::EXPERIMENT).parent(offset, record.experiment.to_native());
        self.values(offset, &record.metrics, FieldKey::metric, from)?;
        self.values(offset, &record.hyperparameters, FieldKey::hyperparameter, from)?;
        self.values(offset, &head.attributes, FieldKey::attribute, from)?;
        for (field, text) in [(FieldKey::NAME, &head.name), (FieldKey::OWNER, &head.owner)] {
            self.text(offset, field, &v1::text_ref(text, from)?);
        }
        self.field(FieldKey::DATE_CREATED).int(offset, head.date_created.to_native());
        self.field(FieldKey::DATE_UPDATED).int(offset, head.date_updated.to_native());
        let times = [(FieldKey::START_TIME, &record.start_time), (FieldKey::END_TIME, &record.end_time)];
        for (field, time) in times {
            if time.to_native() != 0 {
                self.field(field).int(offset, time.to_native());
            }
        }
        if let Some(status) = v1::status(record)? {
            self.field(FieldKey::STATUS).element(offset, status.name());
        }
        self.field(FieldKey::VERSION).int(offset, i64::try_from(head.version.to_native()).unwrap_or(i64::MAX));
        let tags = self.field(FieldKey::TAGS);
        head.tags.iter().for_each(|tag| tags.element(offset, tag));
        if !head.rare.is_empty() {
            let rare = v1::rare_of(record, from)?;
            self.rare(offset, &rare);
            self.series(offset, &rare, from)?;
        }
        Ok(())
    }

    /// What few runs have is not read where it is stored.
    fn rare(&mut self, offset: u16, run: &Run) {
        self.text(offset, FieldKey::JOB_ID, &run.job_id);
        self.text(offset, FieldKey::CODE_VERSION, &run.code_version);
        self.text(offset, FieldKey::PARENT_ID, run.parent_id.as_ref().map_or("", |id| id.as_str()));
        // Features are a list: one may come twice.
        let mut features: Vec<&str> = run.features.iter().map(|feature| feature.name.as_str()).collect();
        features.sort_unstable();
        features.dedup();
        for feature in features {
            self.field(FieldKey::FEATURES).element(offset, feature);
        }
    }

    /// What the observations of a run sum up to.
    fn series(&mut self, offset: u16, run: &Run, from: &dyn v1::Resolve) -> Result<()> {
        for series in &run.series {
            let unknown = || Error::corrupt(format!("the key {:?} of a series has no code", series.key));
            let code = from.code(&series.key).ok_or_else(unknown)?;
            let ends = [(FieldKey::series_first(code), &series.first), (FieldKey::series_last(code), &series.last)];
            let ends = ends.map(|(field, end)| (field, end.number.as_ref()));
            let bounds = [(FieldKey::series_min(code), &series.min), (FieldKey::series_max(code), &series.max)];
            let bounds = bounds.map(|(field, number)| (field, number.as_ref()));
            for (field, number) in ends.into_iter().chain(bounds) {
                match number {
                    Some(Value::Int(int)) => self.field(field).push(offset, &ValueRef::Int(*int)),
                    Some(Value::Float(float)) => self.field(field).push(offset, &ValueRef::Float(*float)),
                    _ => {}
                }
            }
            if let Some(mean) = series.mean() {
                self.field(FieldKey::series_mean(code)).push(offset, &ValueRef::Float(mean));
            }
            let count = i64::try_from(series.count).unwrap_or(i64::MAX);
            self.field(FieldKey::series_count(code)).int(offset, count);
        }
        Ok(())
    }

    fn values(
        &mut self,
        offset: u16,
        entries: &[ArchivedKeyValueV1],
        key: impl Fn(u32) -> FieldKey,
        texts: &dyn Texts,
    ) -> Result<()> {
        for entry in entries {
            self.field(key(entry.key.to_native())).push(offset, &v1::value_ref(&entry.value, texts)?);
        }
        Ok(())
    }

    /// A builtin text, which is missing if it is empty.
    fn text(&mut self, offset: u16, field: FieldKey, text: &str) {
        if !text.is_empty() {
            self.field(field).text(offset, text);
        }
    }

    pub(crate) fn finish(self) -> Block {
        let fields = self.fields.into_iter();
        let cells = fields.map(|(key, gathered)| {
            let field = Some(Arc::new(gathered.finish(key)));
            (key, Cell { field, used: AtomicU64::new(u64::MAX) })
        });
        let cells = RwLock::new(cells.collect());
        Block { rows: self.rows, sequence: self.sequence, cells, complete: true }
    }
}
