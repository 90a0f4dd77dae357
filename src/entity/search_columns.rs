//! What the rows that match hold, from the columns of the index: values and counts without reading records.

use std::sync::Arc;

use crate::entity::aggregate::{Cells, Counts};
use crate::entity::matches::Matches;
use crate::entity::state::State;
use crate::error::Result;
use crate::filter::column::key_float;
use crate::filter::field::Known;
use crate::filter::words::Words;
use crate::filter::{FieldBlock, Loaded, Part, View};
use crate::id::Row;
use crate::query::exec::Indexed;
use crate::query::field::QueryField;
use crate::query::text_answers::Told;
use crate::value::Value;

/// The columns of a field of a block.
enum Columns {
    Held(Arc<FieldBlock>),
    Absent,
    /// The records tell.
    Unknown,
}

impl Columns {
    /// What a row holds; the outer none if its record tells.
    #[allow(clippy::option_option)]
    fn cell(&self, offset: u16) -> Option<Option<Value>> {
        let held = match self {
            Columns::Held(held) => held,
            Columns::Absent => return Some(None),
            Columns::Unknown => return None,
        };
        Some(match held.known(offset) {
            Known::Missing => None,
            Known::Nan => Some(Value::Float(f64::NAN)),
            Known::Bool(bool) => Some(Value::Bool(bool)),
            Known::Int(int) => Some(Value::Int(int)),
            Known::Float(float) => Some(Value::Float(float)),
            Known::Text(text) => Some(Value::String(text.to_owned())),
            Known::Unknown => return None,
        })
    }
}

impl State {
    fn columns(&self, fields: &[QueryField], part: &Part) -> Result<Vec<Columns>> {
        let none = Told::default();
        let exec = self.exec(&none);
        let columns = |field| {
            Ok(match exec.indexed(field) {
                Indexed::Field(key) => match exec.load(key, part)? {
                    Loaded::Held(held) => Columns::Held(held),
                    Loaded::Absent => Columns::Absent,
                    Loaded::Unknown => Columns::Unknown,
                },
                Indexed::Nowhere => Columns::Absent,
                Indexed::No => Columns::Unknown,
            })
        };
        fields.iter().map(columns).collect()
    }

    /// What the rows that match hold of some fields that are no sets, in no order; `read` reads a record.
    pub(crate) fn project(
        &self,
        matches: &Matches,
        fields: &[QueryField],
        read: &mut dyn FnMut(Row) -> Result<Cells>,
        each: &mut dyn FnMut(Row, &mut Cells) -> Result<()>,
    ) -> Result<()> {
        for (part, matching) in matches.view.parts.iter().zip(&matches.parts) {
            let columns = self.columns(fields, part)?;
            let mut cells = Cells::new();
            for offset in matching.iter() {
                let row = Row(part.block.rows.row(offset));
                cells.clear();
                cells.extend(columns.iter().map_while(|columns| columns.cell(offset)));
                if cells.len() < fields.len() {
                    cells = read(row)?;
                }
                each(row, &mut cells)?;
            }
        }
        matches.tail.iter().try_for_each(|row| each(Row(*row), &mut read(Row(*row))?))
    }

    /// What some rows hold of some fields that are no sets, in their order.
    pub(crate) fn project_rows(
        &self,
        view: &View,
        rows: &[Row],
        fields: &[QueryField],
        read: &mut dyn FnMut(Row) -> Result<Cells>,
        each: &mut dyn FnMut(&mut Cells) -> Result<()>,
    ) -> Result<()> {
        let mut columns: Vec<Option<Vec<Columns>>> = view.parts.iter().map(|_| None).collect();
        for row in rows {
            let found = (0..).zip(&view.parts).find_map(|(at, part)| {
                let offset = part.block.rows.offset(row.0).filter(|offset| part.live.contains(*offset))?;
                Some((at, offset))
            });
            let mut cells = Cells::new();
            if let Some((at, offset)) = found
                && let (Some(known), Some(part)) = (columns.get_mut::<usize>(at), view.parts.get::<usize>(at))
            {
                let known = match known {
                    Some(known) => known,
                    None => known.insert(self.columns(fields, part)?),
                };
                cells.extend(known.iter().map_while(|columns| columns.cell(offset)));
            }
            if cells.len() < fields.len() {
                cells = read(*row)?;
            }
            each(&mut cells)?;
        }
        Ok(())
    }

    /// Counts what the rows that match hold of a field; `read` reads the values in a record.
    pub(crate) fn facets(
        &self,
        matches: &Matches,
        field: &QueryField,
        read: &mut dyn FnMut(Row) -> Result<Vec<Value>>,
        counts: &mut Counts,
    ) -> Result<()> {
        let mut by_record = |row: Row, counts: &mut Counts| -> Result<()> {
            counts.add_all(&read(row)?);
            Ok(())
        };
        for (part, matching) in matches.view.parts.iter().zip(&matches.parts) {
            let columns = self.columns(std::slice::from_ref(field), part)?;
            let held = match columns.first() {
                Some(Columns::Held(held)) => held,
                Some(Columns::Absent) => {
                    counts.add_missing(matching.count());
                    continue;
                }
                _ => {
                    matching.iter().try_for_each(|offset| by_record(Row(part.block.rows.row(offset)), counts))?;
                    continue;
                }
            };
            let plain = held.hashes.len() == 0 && held.odd.is_empty() && !held.reads_numbers();
            if !plain {
                for offset in matching.iter() {
                    match columns.first().and_then(|columns| columns.cell(offset)).filter(|_| !field.is_set()) {
                        Some(Some(value)) => counts.add(&value, 1),
                        Some(None) => counts.add_missing(1),
                        None => by_record(Row(part.block.rows.row(offset)), counts)?,
                    }
                }
                continue;
            }
            for (number, range) in held.texts.groups() {
                if let Some(text) = held.text(number) {
                    counts.add_text(text, held.texts.count_among(range, matching));
                }
            }
            for (key, range) in held.numbers.groups() {
                counts.add(&Value::Float(key_float(key)), held.numbers.count_among(range, matching));
            }
            for (bool, rows) in [false, true].into_iter().zip(&held.bools) {
                counts.add(&Value::Bool(bool), Words::of(rows).count_common(matching));
            }
            let nan = Words::of(&held.nan).count_common(matching);
            counts.add(&Value::Float(f64::NAN), nan);
            counts.add_missing(matching.count() - held.present.count_common(matching) - nan);
        }
        matches.tail.iter().try_for_each(|row| by_record(Row(*row), counts))
    }
}
