//! The chunks of series: observations of one run under one key, in the order of logging.

use redb::{ReadableTable, Table};

use super::errors::storage;
use super::read::ReadTables;
use super::tables::SeriesKey;
use super::write::{WriteTables, WriteTxn};
use crate::codec::envelope::{self, Kind};
use crate::codec::observations::{self, Chunk};
use crate::error::{Error, Result};
use crate::id::Row;
use crate::limits;
use crate::model::Observation;

/// Where a series is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct SeriesPlace {
    /// The run.
    pub(crate) run: Row,
    /// The code of the key.
    pub(crate) key: u32,
    /// How many of the key there were before.
    pub(crate) generation: u32,
}

type SeriesTable<'t> = Table<'t, SeriesKey, &'static [u8]>;

impl SeriesPlace {
    fn at(self, index: u64) -> SeriesKey {
        (self.run.0, self.key, self.generation, index)
    }

    /// What the checksum of a chunk covers beside it.
    fn envelope_key(self, first: u64) -> Vec<u8> {
        let [run, key, generation] = [self.run.0, self.key, self.generation].map(u32::to_le_bytes);
        [&run[..], &key, &generation, &first.to_le_bytes()].concat()
    }
}

const READING: &str = "reading a chunk of a series";

/// The chunk that holds an observation or ends before it, still sealed.
fn at_most<T: ReadableTable<SeriesKey, &'static [u8]>>(
    table: &T,
    place: SeriesPlace,
    index: u64,
) -> Result<Option<(u64, Vec<u8>)>> {
    match table.range(place.at(0)..=place.at(index)).map_err(storage(READING))?.next_back() {
        Some(found) => {
            let (key, value) = found.map_err(storage(READING))?;
            Ok(Some((key.value().3, value.value().to_vec())))
        }
        None => Ok(None),
    }
}

fn last_generation<T: ReadableTable<SeriesKey, &'static [u8]>>(table: &T, run: Row, key: u32) -> Result<Option<u32>> {
    let mut all = table.range((run.0, key, 0, 0)..=(run.0, key, u32::MAX, u64::MAX)).map_err(storage(READING))?;
    Ok(all.next_back().transpose().map_err(storage(READING))?.map(|(key, _)| key.value().2))
}

/// Where the chunks of series are read: on a snapshot, and inside a write.
pub(crate) trait SeriesSource {
    fn sealed_chunk(&self, place: SeriesPlace, index: u64) -> Result<Option<(u64, Vec<u8>)>>;

    /// The generation of the last series of a key that a run has or had.
    fn last_generation(&self, run: Row, key: u32) -> Result<Option<u32>>;

    /// The observations of the chunk that holds one, with the place of the first of them.
    ///
    /// # Errors
    /// `Corrupt` if it is missing or damaged.
    fn chunk(&self, place: SeriesPlace, index: u64) -> Result<(u64, Chunk)> {
        let lost = || Error::corrupt(format!("{READING}: observation {index} is missing"));
        let (first, sealed) = self.sealed_chunk(place, index)?.ok_or_else(lost)?;
        let payload = open_chunk(place, first, &sealed)?;
        let found = observations::decode(payload).map_err(|error| error.context(READING))?;
        if index - first >= found.len() as u64 {
            return Err(lost());
        }
        Ok((first, found))
    }
}

/// The payload of an intact chunk.
pub(crate) fn open_chunk(place: SeriesPlace, first: u64, sealed: &[u8]) -> Result<&[u8]> {
    envelope::open(Kind::Series, &place.envelope_key(first), sealed).map_err(|error| error.context(READING))
}

impl SeriesSource for ReadTables {
    fn sealed_chunk(&self, place: SeriesPlace, index: u64) -> Result<Option<(u64, Vec<u8>)>> {
        at_most(self.series_table()?, place, index)
    }
    fn last_generation(&self, run: Row, key: u32) -> Result<Option<u32>> {
        last_generation(self.series_table()?, run, key)
    }
}

impl SeriesSource for WriteTxn {
    fn sealed_chunk(&self, place: SeriesPlace, index: u64) -> Result<Option<(u64, Vec<u8>)>> {
        let table = self.series_table()?;
        at_most(&table, place, index)
    }
    fn last_generation(&self, run: Row, key: u32) -> Result<Option<u32>> {
        let table = self.series_table()?;
        last_generation(&table, run, key)
    }
}

impl ReadTables {
    /// Bytes of the chunks of all series that a run has or had.
    pub(crate) fn series_bytes(&self, run: Row) -> Result<u64> {
        let mut bytes = 0;
        for chunk in self
            .series_table()?
            .range((run.0, 0, 0, 0)..=(run.0, u32::MAX, u32::MAX, u64::MAX))
            .map_err(storage(READING))?
        {
            bytes += chunk.map_err(storage(READING))?.1.value().len() as u64;
        }
        Ok(bytes)
    }
}

impl WriteTables<'_> {
    /// Adds observations behind the first `from` of a series. Small chunks before them are written anew together with
    /// them: each is at most a third of the one before it, so that there are few, and each observation is written
    /// again a few times.
    pub(crate) fn append_series(&mut self, place: SeriesPlace, from: u64, new: Vec<Observation>) -> Result<()> {
        let doing = "writing a chunk of a series";
        let table: &mut SeriesTable<'_> = self.series_table()?;
        let (mut first, mut all) = (from, new);
        while let Some(before) = first.checked_sub(1) {
            let gap = || Error::corrupt(format!("{doing}: what is before observation {first} is missing"));
            let (start, sealed) = at_most(table, place, before)?.ok_or_else(gap)?;
            let payload = open_chunk(place, start, &sealed)?;
            let count = observations::count(payload)?;
            if start + count as u64 != first {
                return Err(gap());
            }
            if count >= all.len().saturating_mul(3) || count + all.len() > limits::SERIES_CHUNK {
                break;
            }
            all = observations::decode(payload)?.chain(all).collect();
            first = start;
            table.remove(place.at(start)).map_err(storage(doing))?;
        }
        for chunk in all.chunks(limits::SERIES_CHUNK) {
            let payload = observations::encode(chunk)?;
            let sealed = envelope::wrap(Kind::Series, &place.envelope_key(first), &payload);
            table.insert(place.at(first), &*sealed).map_err(storage(doing))?;
            first += chunk.len() as u64;
        }
        Ok(())
    }

    /// Removes all series that a run has or had.
    pub(crate) fn remove_series(&mut self, run: Row) -> Result<()> {
        let all = (run.0, 0, 0, 0)..=(run.0, u32::MAX, u32::MAX, u64::MAX);
        self.series_table()?.retain_in(all, |_, _| false).map_err(storage("removing the series of a run"))?;
        Ok(())
    }
}
