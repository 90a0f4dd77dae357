//! Finding commits and changes again, wherever they are stored.

use std::sync::Arc;

use parking_lot::Mutex;

use crate::codec::canon::{Decoder, Texts};
use crate::error::{Error, Result};
use crate::id::{ChangeId, Sequence};
use crate::limits;
use crate::log::change::Change;
use crate::log::commit::{Commit, Item, Part, Trailer};
use crate::log::pack;
use crate::storage::Source;

/// Reads the log of a snapshot or of a write in progress.
pub(crate) struct LogReader<'a, S> {
    source: &'a S,
    texts: &'a dyn Texts,
    own: Recent,
    shared: Option<&'a Recent>,
}

/// What was read last, of one snapshot. Neighbouring commits share packs and neighbouring changes share parts; a walk
/// over many entities comes to the same packs again and again.
#[derive(Default)]
pub(crate) struct Recent {
    /// Decompressed packs, the last used last.
    packs: Mutex<Vec<Arc<Pack>>>,
    part: Mutex<Option<(u64, Arc<Part>)>>,
}

struct Pack {
    first: u64,
    last: u64,
    bytes: usize,
    commits: pack::Commits,
}

impl Pack {
    fn payload(&self, sequence: u64) -> Option<&[u8]> {
        let found = self.commits.binary_search_by_key(&sequence, |(sequence, _)| *sequence).ok()?;
        self.commits.get(found).map(|(_, payload)| payload.as_slice())
    }
}

impl Recent {
    /// The pack that spans `sequence`, if it is remembered.
    fn pack(&self, sequence: u64) -> Option<Arc<Pack>> {
        let mut packs = self.packs.lock();
        let found = packs.iter().rposition(|pack| (pack.first..=pack.last).contains(&sequence))?;
        if let Some(used) = packs.get_mut(found..) {
            used.rotate_left(1);
        }
        packs.last().map(Arc::clone)
    }

    fn keep(&self, pack: &Arc<Pack>) {
        let mut packs = self.packs.lock();
        packs.push(Arc::clone(pack));
        let mut bytes: usize = packs.iter().map(|pack| pack.bytes).sum();
        let mut oldest = 0;
        while let Some(pack) = packs.get(oldest).filter(|_| bytes > limits::LOG_READ_BYTES && oldest + 1 < packs.len())
        {
            bytes -= pack.bytes;
            oldest += 1;
        }
        packs.drain(..oldest);
    }
}

impl<'a, S: Source> LogReader<'a, S> {
    pub(crate) fn new(source: &'a S, texts: &'a dyn Texts) -> Self {
        LogReader { source, texts, own: Recent::default(), shared: None }
    }

    /// A reader that goes on with what others of the same snapshot have read.
    pub(crate) fn sharing(source: &'a S, texts: &'a dyn Texts, recent: &'a Recent) -> Self {
        LogReader { shared: Some(recent), ..LogReader::new(source, texts) }
    }

    fn recent(&self) -> &Recent {
        self.shared.unwrap_or(&self.own)
    }

    /// The commit `sequence`, if there is one.
    pub(crate) fn commit(&self, sequence: Sequence) -> Result<Option<Commit>> {
        self.trailer(sequence)?.map(|trailer| trailer.commit()).transpose().map_err(|error| at(error, sequence))
    }

    /// What ends the commit `sequence`, if there is one.
    pub(crate) fn trailer(&self, sequence: Sequence) -> Result<Option<Trailer>> {
        let Some(part) = self.part_at_most(sequence, u32::MAX)? else { return Ok(None) };
        match &part.trailer {
            Some(trailer) => Ok(Some(trailer.clone())),
            None => Err(at(Error::corrupt("its end is missing"), sequence)),
        }
    }

    /// One change; none if it was erased.
    pub(crate) fn change(&self, id: ChangeId) -> Result<Option<Change>> {
        let missing = || at(Error::corrupt(format!("change {} is missing", id.index)), id.sequence);
        let part = self.part_at_most(id.sequence, id.index)?.ok_or_else(missing)?;
        let item = id.index.checked_sub(part.first).and_then(|at| part.items.get(at as usize)).ok_or_else(missing)?;
        self.decode(item).map_err(|error| at(error, id.sequence))
    }

    /// The change in an item; none if it was erased.
    pub(crate) fn decode(&self, item: &Item) -> Result<Option<Change>> {
        match item {
            Item::Whole { bytes, .. } => {
                Decoder::whole(bytes, self.texts).map(Some).map_err(|error| error.at("a change"))
            }
            Item::Erased(_) => Ok(None),
        }
    }

    /// Calls `each` with the parts of a commit, in order. Answers whether there is such a commit.
    pub(crate) fn parts(&self, sequence: Sequence, each: &mut dyn FnMut(&Part) -> Result<()>) -> Result<bool> {
        let Some(mut part) = self.part_at_most(sequence, 0)? else { return Ok(false) };
        loop {
            each(&part)?;
            if part.trailer.is_some() {
                return Ok(true);
            }
            let next = u32::try_from(part.items.len()).ok().and_then(|len| part.first.checked_add(len));
            let next = next.filter(|next| *next > part.first);
            let next = next.ok_or_else(|| at(Error::corrupt("a part is empty"), sequence))?;
            part = self
                .part_at_most(sequence, next)?
                .filter(|found| found.first == next)
                .ok_or_else(|| at(Error::corrupt(format!("the part from change {next} on is missing")), sequence))?;
        }
    }

    /// The part of `sequence` that holds change `index`, or the last one before it.
    fn part_at_most(&self, sequence: Sequence, index: u32) -> Result<Option<Arc<Part>>> {
        let number = sequence.get();
        if let Some((of, part)) = &*self.recent().part.lock() {
            let end = part.first as usize + part.items.len();
            let within = index >= part.first && ((index as usize) < end || part.trailer.is_some());
            if *of == number && within {
                return Ok(Some(Arc::clone(part)));
            }
        }
        let Some(part) = self.read_part(sequence, index)?.map(Arc::new) else { return Ok(None) };
        *self.recent().part.lock() = Some((number, Arc::clone(&part)));
        Ok(Some(part))
    }

    fn read_part(&self, sequence: Sequence, index: u32) -> Result<Option<Part>> {
        let number = sequence.get();
        let open = |first, payload: &[u8]| Part::open(first, payload).map_err(|error| at(error, sequence));
        // What is in a pack is nowhere else, so that one that is remembered saves the search for it.
        let packed = |pack: &Pack| pack.payload(number).map(|payload| open(0, payload)).transpose();
        let known = self.recent().pack(number);
        if let Some(pack) = &known
            && let Some(part) = packed(pack)?
        {
            return Ok(Some(part));
        }
        if let Some((found, first)) = self.source.log_at_most(number, index)?
            && found == number
        {
            return open(first, &self.source.log_part(number, first)?).map(Some);
        }
        if known.is_some() {
            return Ok(None);
        }
        let Some((last, payload)) = self.source.pack_at_least(number)? else { return Ok(None) };
        let commits = pack::decode(&payload).map_err(|error| at(error, sequence))?;
        let first = commits.first().map_or(last, |(first, _)| *first);
        let bytes = commits.iter().map(|(_, payload)| payload.len()).sum();
        let pack = Arc::new(Pack { first, last, bytes, commits });
        self.recent().keep(&pack);
        packed(&pack)
    }

    /// The last sequence of the log, and the hash there.
    pub(crate) fn last(&self) -> Result<Option<Commit>> {
        let logged = self.source.log_at_most(u64::MAX, u32::MAX)?.map_or(0, |(sequence, _)| sequence);
        let packed = self.source.last_packed()?.unwrap_or(0);
        match logged.max(packed) {
            0 => Ok(None),
            last => self.commit(Sequence::new(last)),
        }
    }

    /// The last commit at `time` or before it: the sequence a time names, of 1 to `last`.
    pub(crate) fn at_time(&self, time: crate::time::Timestamp, last: Sequence) -> Result<Sequence> {
        // Commit times never go backwards.
        let (mut low, mut high) = (0, last.get());
        while low < high {
            let middle = low + (high - low).div_ceil(2);
            let commit = self.commit(Sequence::new(middle))?;
            let commit = commit.ok_or_else(|| at(Error::corrupt("it is missing"), Sequence::new(middle)))?;
            if commit.time <= time { low = middle } else { high = middle - 1 }
        }
        Ok(Sequence::new(low))
    }
}

fn at(error: Error, sequence: Sequence) -> Error {
    error.context(format!("reading commit {sequence}"))
}
