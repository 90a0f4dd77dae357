//! Every value of every table, one after the other: to verify them, and to tell what they take.

use redb::{Key, ReadableTable, ReadableTableMetadata, TableDefinition, TableHandle, Value};

use super::SeriesPlace;
use super::errors::storage;
use super::filter::{self, FieldCode, FilterBlock};
use super::read::ReadTables;
use super::tables::{self, TEXT_REFERENCES, Visit};
use crate::codec::canon;
use crate::codec::envelope::{self, Kind};
use crate::error::{Error, Result};
use crate::id::{EntityKind, Row};

/// What a table takes.
pub(crate) struct TableFigures {
    pub(crate) name: String,
    pub(crate) entries: u64,
    pub(crate) stored_bytes: u64,
    pub(crate) metadata_bytes: u64,
    pub(crate) fragmented_bytes: u64,
}

struct Figures<'f>(&'f ReadTables, Vec<TableFigures>);

impl Visit for Figures<'_> {
    fn table<K: Key + 'static, V: Value + 'static>(
        &mut self,
        definition: TableDefinition<'static, K, V>,
    ) -> Result<()> {
        let doing = "measuring a table";
        let table = match self.0.transaction().open_table(definition) {
            Ok(table) => table,
            Err(redb::TableError::TableDoesNotExist(_)) => return Ok(()),
            Err(error) => return Err(storage(doing)(error)),
        };
        let stats = table.stats().map_err(storage(doing))?;
        self.1.push(TableFigures {
            name: definition.name().to_owned(),
            entries: table.len().map_err(storage(doing))?,
            stored_bytes: stats.stored_bytes(),
            metadata_bytes: stats.metadata_bytes(),
            fragmented_bytes: stats.fragmented_bytes(),
        });
        Ok(())
    }
}

/// Called for each value, with where it stands and what is wrong with it, if anything is.
pub(crate) type Each<'e> = &'e mut dyn FnMut(Option<(String, Error)>) -> Result<()>;

/// Called for each sealed chunk, with its place and the place of its first observation.
pub(crate) type EachChunk<'e> = &'e mut dyn FnMut(SeriesPlace, u64, &[u8]) -> Result<()>;

impl ReadTables {
    /// What each table takes. Reads every page.
    pub(crate) fn figures(&self) -> Result<Vec<TableFigures>> {
        let mut figures = Figures(self, Vec::new());
        tables::each(&mut figures)?;
        Ok(figures.1)
    }

    /// How many chunks of series there are.
    pub(crate) fn series_chunks(&self) -> Result<u64> {
        self.series_table()?.len().map_err(storage("counting the chunks of series"))
    }

    /// Hands over the sealed records of a kind.
    pub(crate) fn each_record(&self, kind: EntityKind, each: &mut dyn FnMut(Row, &[u8]) -> Result<()>) -> Result<()> {
        let doing = || format!("reading the records of {kind}s");
        for entry in self.records(kind)?.iter().map_err(|error| storage(doing())(error))? {
            let (row, value) = entry.map_err(|error| storage(doing())(error))?;
            each(Row(row.value()), value.value())?;
        }
        Ok(())
    }

    /// Verifies the settings, and the keys in the dictionary. Answers how many keys there are.
    pub(crate) fn verify_small(&self, each: Each<'_>) -> Result<u32> {
        let doing = "reading the settings";
        let table = self.transaction().open_table(tables::META).map_err(storage(doing))?;
        for entry in table.iter().map_err(storage(doing))? {
            let (name, value) = entry.map_err(storage(doing))?;
            let opened = envelope::open(Kind::Meta, name.value().as_bytes(), value.value());
            each(opened.err().map(|error| (format!("setting {}", name.value()), error)))?;
        }
        let doing = "reading the dictionary of keys";
        let table = self.transaction().open_table(tables::DICTIONARY).map_err(storage(doing))?;
        let mut next = 0;
        for entry in table.iter().map_err(storage(doing))? {
            let (code, value) = entry.map_err(storage(doing))?;
            let code = code.value();
            let text = envelope::open(Kind::Key, &code.to_le_bytes(), value.value());
            let text = text.and_then(|bytes| {
                std::str::from_utf8(bytes).map_err(|_| Error::corrupt("the text of the key is not UTF-8"))
            });
            each(text.err().map(|error| (format!("key {code}"), error)))?;
            if code != next {
                each(Some((format!("key {next}"), Error::corrupt("it is missing from the dictionary"))))?;
            }
            next = code.saturating_add(1);
        }
        Ok(next)
    }

    /// Verifies each long text against its digest.
    pub(crate) fn verify_texts(&self, each: Each<'_>) -> Result<()> {
        let doing = "reading the long texts";
        let table = self.transaction().open_table(tables::TEXTS).map_err(storage(doing))?;
        let mut now: Option<([u8; 32], canon::Digester)> = None;
        let mut end = |now: Option<([u8; 32], canon::Digester)>, counted: bool| {
            let Some((digest, digester)) = now else { return Ok(()) };
            let wrong = match (digester.finish() == digest, counted) {
                (true, true) => return each(None),
                (true, false) => "nothing says how often it is named",
                (false, _) => "its bytes are missing or damaged",
            };
            let digits: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
            each(Some((format!("long text {digits}..."), Error::corrupt(wrong))))
        };
        for entry in table.iter().map_err(storage(doing))? {
            let (key, value) = entry.map_err(storage(doing))?;
            let (digest, piece) = key.value();
            if now.as_ref().is_none_or(|(known, _)| known != digest) {
                end(now.take(), false)?;
                now = Some((*digest, canon::Digester::default()));
            }
            if piece == TEXT_REFERENCES {
                end(now.take(), value.value().len() == 8)?;
            } else if let Some((_, digester)) = &mut now {
                digester.update(value.value());
            }
        }
        end(now.take(), false)
    }

    /// Hands over the sealed chunks of all series, by run, key, generation and place.
    pub(crate) fn each_chunk(&self, each: EachChunk<'_>) -> Result<()> {
        let doing = "reading the chunks of series";
        for entry in self.series_table()?.iter().map_err(storage(doing))? {
            let (key, value) = entry.map_err(storage(doing))?;
            let (run, key, generation, first) = key.value();
            each(SeriesPlace { run: Row(run), key, generation }, first, value.value())?;
        }
        Ok(())
    }

    /// Hands over the projects and experiments that are marked as deleted, and those that have the date of what is
    /// under them; kinds by their codes.
    pub(crate) fn each_mark(&self, each: &mut dyn FnMut(&'static str, u8, Row) -> Result<()>) -> Result<()> {
        let doing = "reading what is deleted";
        let table = self.transaction().open_table(tables::HIDDEN).map_err(storage(doing))?;
        for entry in table.iter().map_err(storage(doing))? {
            let (code, row) = entry.map_err(storage(doing))?.0.value();
            each("hidden", code, Row(row))?;
        }
        let doing = "reading the dates of parents";
        let table = self.transaction().open_table(tables::DATES).map_err(storage(doing))?;
        for entry in table.iter().map_err(storage(doing))? {
            let (code, row) = entry.map_err(storage(doing))?.0.value();
            each("dates", code, Row(row))?;
        }
        Ok(())
    }

    /// Which of some entries, given in ascending order, the table of the key index lacks.
    pub(crate) fn missing_entries(&self, wanted: &[(u64, u32)]) -> Result<Vec<(u64, u32)>> {
        /// Entries to pass by before it is cheaper to go down the tree again.
        const NEAR: usize = 32;
        let doing = "looking through the key index";
        let table = self.entries_table()?;
        let mut missing = Vec::new();
        let Some(first) = wanted.first() else { return Ok(missing) };
        let mut entries = table.range(*first..).map_err(storage(doing))?;
        let mut at = None;
        for entry in wanted {
            let mut passed = 0;
            while at.is_none_or(|at| at < *entry) {
                if passed == NEAR {
                    entries = table.range(*entry..).map_err(storage(doing))?;
                }
                passed += 1;
                match entries.next() {
                    Some(next) => at = Some(next.map_err(storage(doing))?.0.value()),
                    None => break,
                }
            }
            if at != Some(*entry) {
                missing.push(*entry);
            }
        }
        Ok(missing)
    }

    /// Hands over the blocks of the filter index, and what is damaged instead of one.
    pub(crate) fn verify_blocks(&self, each: &mut dyn FnMut(u32, Result<FilterBlock>) -> Result<()>) -> Result<()> {
        let doing = "reading the blocks of the filter index";
        let Some(table) = self.filter_blocks_table()? else { return Ok(()) };
        for entry in table.iter().map_err(storage(doing))? {
            let (number, value) = entry.map_err(storage(doing))?;
            each(number.value(), filter::decode(number.value(), value.value()))?;
        }
        Ok(())
    }
}

impl FilterBlock {
    /// Its fields by space and code.
    pub(crate) fn codes(&self) -> &[FieldCode] {
        &self.fields
    }
}
