//! Orders by the numbers of a field, from its sorted columns: pages without reading records.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;
use std::sync::Arc;

use crate::entity::matches::Search;
use crate::error::Result;
use crate::filter::column::{Column, float_key};
use crate::filter::words::Words;
use crate::filter::{FieldBlock, Loaded, Part};
use crate::id::Row;
use crate::query::exec::Indexed;
use crate::query::field::QueryField;
use crate::query::text_answers::Told;
use crate::value::Value;

/// So many numbers of a walk are passed by one after the other in the time that a step of a bisection takes.
const ONE_BY_ONE: usize = 4;

/// Where the wanted rows begin, in an order by numbers.
#[derive(Debug, Clone, Copy)]
pub(crate) enum After {
    Nothing,
    /// After this key and row.
    Row(u64, u32),
    /// After a number that no key is of.
    Unknown,
}

impl After {
    pub(crate) fn of(number: &Value, row: u32) -> Self {
        let float = number.as_f64().unwrap_or(f64::NAN);
        let is_exact = Value::Float(float).numeric_cmp(number).is_some_and(Ordering::is_eq);
        match float_key(float) {
            Some(key) if is_exact => After::Row(key, row),
            _ => After::Unknown,
        }
    }
}

impl Search<'_> {
    /// The rows from `from` up to `to` of what matches `after` some place, by a field's numbers, of equal ones the
    /// newest first; none if numbers alone do not decide: some row holds something that comes before a number, or a
    /// number that the index does not know, or nothing while there are not rows enough with numbers.
    ///
    /// If it begins with the first row, a part is looked at when the best of its numbers can come next.
    pub(crate) fn by_number(
        &mut self,
        field: &QueryField,
        descending: bool,
        after: After,
        from: usize,
        to: usize,
    ) -> Result<Option<Vec<Row>>> {
        if !self.tail.is_empty() || matches!(after, After::Unknown) {
            return Ok(None);
        }
        let (none, view) = (Told::default(), Arc::clone(&self.view));
        let exec = self.state.exec(&none);
        let Indexed::Field(key) = exec.indexed(field) else { return Ok(None) };
        let (mut held, mut absent) = (Vec::new(), Vec::new());
        for (at, part) in view.parts.iter().enumerate() {
            if !self.may_match(at)? {
                continue;
            }
            match exec.load(key, part)? {
                Loaded::Held(field) => held.push((at, part, field)),
                Loaded::Absent => absent.push(at),
                Loaded::Unknown if self.part(at)?.is_empty() => {}
                Loaded::Unknown => return Ok(None),
            }
        }
        let mut walks = Vec::new();
        for (at, part, field) in &held {
            if !decides(field, descending, || self.part(*at))? {
                return Ok(None);
            }
            match field.numbers.len() {
                0 => absent.push(*at),
                _ => walks.push(Walk::new(*at, part, &field.numbers, descending)),
            }
        }
        let is_first = matches!(after, After::Nothing);
        let wanted = is_first.then_some((to, walks.len()));
        let is_all = walks.iter().map(|walk| walk.numbers.len()).sum::<usize>() <= to;
        // If all numbers match, some of them are skipped.
        let mut whole = from > 0;
        if is_all || !is_first {
            self.told.want_all();
        }
        for walk in &mut walks {
            if is_all || whole || !is_first {
                walk.begin(self.part(walk.at)?, wanted);
                whole &= walk.whole;
            }
        }
        // Those without a number come next.
        if is_all && is_first && self.lacks(&walks, &absent)? {
            return Ok(None);
        }
        let skipped = match after {
            After::Row(key, row) => {
                walks.iter_mut().for_each(|walk| walk.begin_after(key, row));
                0
            }
            _ if whole => skip(&mut walks, from),
            _ => 0,
        };
        // A walk is in the heap with what it found next, or, before that, with the best that it could find: most of
        // those in an order that goes with the rows never have to begin.
        let mut heap = BinaryHeap::new();
        let rank = |key: u64| Reverse(if descending { !key } else { key });
        heap.extend(walks.iter().enumerate().filter_map(|(at, walk)| Some((rank(walk.bound()?), Next::Unknown, at))));
        let mut rows = Vec::new();
        let mut position = skipped;
        while position < to {
            let Some((_, next, at)) = heap.pop() else { break };
            if let Next::Row(row) = next {
                if position >= from {
                    rows.push(Row(row));
                }
                position += 1;
            }
            let Some(walk) = walks.get_mut(at) else { continue };
            if walk.matches.is_none() {
                walk.begin(self.part(walk.at)?, wanted);
            }
            if let Some((key, row)) = walk.next() {
                heap.push((rank(key), Next::Row(row), at));
            }
        }
        // Each walk has begun, if there are too few.
        Ok((position >= to || !self.lacks(&walks, &absent)?).then_some(rows))
    }

    /// Whether something matches that has no number: in parts without any, or in those of walks, which have begun.
    fn lacks(&mut self, walks: &[Walk<'_>], absent: &[usize]) -> Result<bool> {
        for at in absent {
            if !self.part(*at)?.is_empty() {
                return Ok(true);
            }
        }
        Ok(walks.iter().any(|walk| walk.lacking > 0))
    }
}

/// Whether numbers come first among what the rows that match hold of a field, and are all known.
fn decides(field: &FieldBlock, descending: bool, matching: impl FnOnce() -> Result<Arc<Words>>) -> Result<bool> {
    let nothing_else = field.texts.len() + field.hashes.len() == 0 && field.bools.iter().all(Vec::is_empty);
    let others_come_last = !descending || nothing_else;
    if field.odd.is_empty() && others_come_last {
        return Ok(true);
    }
    let matching = matching()?;
    let odd = field.odd.iter().any(|row| matching.contains(*row));
    if odd || others_come_last {
        return Ok(!odd);
    }
    let mut others = field.texts.all();
    others.or(&field.hashes.all());
    field.bools.iter().for_each(|rows| others.insert_all(rows));
    // A text that reads as a number is one.
    others.and_not(&field.numbers.all());
    Ok(others.count_common(&matching) == 0)
}

/// What a walk has next: of equal numbers, the greatest of these comes first.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Next {
    Row(u32),
    /// It is to be looked for.
    Unknown,
}

/// A walk over the numbers of a block, through what matches.
struct Walk<'v> {
    /// The part of the view that it is of.
    at: usize,
    part: &'v Part,
    numbers: &'v Column,
    descending: bool,
    /// None before it begins.
    matches: Option<Arc<Words>>,
    /// All numbers match.
    whole: bool,
    /// What matches and has no number.
    lacking: u64,
    /// Numbers that are behind.
    position: usize,
    /// Found, the next one last: the rows of one number, or everything.
    found: Vec<(u64, u32)>,
}

impl<'v> Walk<'v> {
    fn new(at: usize, part: &'v Part, numbers: &'v Column, descending: bool) -> Self {
        Walk { at, part, numbers, descending, matches: None, whole: false, lacking: 0, position: 0, found: Vec::new() }
    }

    /// Begins, through these matches. If so many are `wanted` at most of so many walks, and nothing of this one is
    /// behind, it finds all at once where that takes less.
    fn begin(&mut self, matches: Arc<Words>, wanted: Option<(usize, usize)>) {
        let rows = self.numbers.len() as u64;
        let count = matches.count();
        let found = match self.numbers.len() == self.part.block.rows.len() {
            true => count,
            false => self.numbers.all().count_common(&matches),
        };
        (self.whole, self.lacking) = (found == rows, count - found);
        if let Some((to, walks)) = wanted.filter(|_| !self.whole) {
            // To find a match by passing by takes as many steps as rows stand for one, each some forty times as fast
            // as looking one up; each walk begins with one, and has its share of the others.
            let steps = (walks as u64).saturating_add(to as u64).saturating_mul(rows);
            if steps > found.saturating_mul(found).saturating_mul(40 * walks as u64) {
                self.gather(&matches, to);
            }
        }
        self.matches = Some(matches);
    }

    /// Finds all that matches at once, instead of passing by what does not; the first `to` of it are wanted.
    fn gather(&mut self, matches: &Words, to: usize) {
        let keys = matches.iter();
        let keys = keys.filter_map(|offset| Some((self.numbers.of_row(offset)?, self.part.block.rows.row(offset))));
        self.found = keys.collect();
        self.position = self.numbers.len();
        let descending = self.descending;
        let key = |(key, row): &(u64, u32)| (if descending { *key } else { !*key }, *row);
        // The first ones come last.
        if let Some(behind) = self.found.len().checked_sub(to).filter(|behind| *behind > 0) {
            self.found.select_nth_unstable_by_key(behind, key);
            self.found.drain(..behind);
        }
        self.found.sort_unstable_by_key(key);
    }

    /// Nothing that it finds next comes before this number.
    fn bound(&self) -> Option<u64> {
        self.found.last().map(|(key, _)| *key).or_else(|| self.key_at(self.position))
    }

    fn next(&mut self) -> Option<(u64, u32)> {
        let matches = self.matches.as_ref()?;
        while self.found.is_empty() {
            let at = if self.descending { self.numbers.len().checked_sub(self.position + 1)? } else { self.position };
            let (key, row) = self.numbers.at(at)?;
            if self.descending {
                // From the end, equal numbers come newest first as they are.
                self.position += 1;
                if matches.contains(row) {
                    return Some((key, self.part.block.rows.row(row)));
                }
                continue;
            }
            let range = self.numbers.equal_from(self.position, None);
            self.position = range.1;
            let equal = self.numbers.rows(range).iter().filter(|row| matches.contains(**row));
            self.found.extend(equal.map(|row| (key, self.part.block.rows.row(*row))));
        }
        self.found.pop()
    }

    /// Leaves out what does not come after a key and a row.
    fn begin_after(&mut self, key: u64, row: u32) {
        self.position = self.before(key);
        let at = if self.descending { self.numbers.len().checked_sub(self.position + 1) } else { Some(self.position) };
        let last = at.and_then(|at| self.numbers.at(at)).filter(|(found, _)| *found == key);
        if last.is_none() {
            return;
        }
        // The rows of that key come whole, and part of them is behind.
        let range = self.numbers.equal(key);
        self.position += range.1 - range.0;
        let matches = |row: &&u16| self.matches.as_ref().is_some_and(|matches| matches.contains(**row));
        let equal = self.numbers.rows(range).iter().filter(matches);
        let equal = equal.map(|offset| (key, self.part.block.rows.row(*offset)));
        self.found = equal.filter(|(_, found)| *found < row).collect();
    }

    /// How many numbers come before `key`.
    fn before(&self, key: u64) -> usize {
        if self.descending {
            self.numbers.len() - self.numbers.position(|found| found <= key)
        } else {
            self.numbers.position(|found| found < key)
        }
    }

    /// How many numbers come before all that are behind `key`.
    fn behind(&self, key: u64) -> usize {
        if self.descending {
            self.numbers.len() - self.numbers.position(|found| found < key)
        } else {
            self.numbers.position(|found| found <= key)
        }
    }

    fn key_at(&self, position: usize) -> Option<u64> {
        let at = if self.descending { self.numbers.len().checked_sub(position + 1)? } else { position };
        self.numbers.at(at).map(|(key, _)| key)
    }
}

/// Moves walks of which all numbers match on by nearly `count` numbers in all, and answers by how many: to the first of
/// a number that stands at that place, found by bisection.
fn skip(walks: &mut [Walk<'_>], count: usize) -> usize {
    // What each has between the first and the second may come before the place or behind it.
    let mut open: Vec<(usize, usize)> = walks.iter().map(|walk| (0, walk.numbers.len())).collect();
    loop {
        // The one in the middle of the middles, by how many each stands for, leaves out a quarter of them all at least.
        let middles = walks.iter().zip(&open).filter(|(_, (low, high))| low < high);
        let middles =
            middles.filter_map(|(walk, (low, high))| Some((walk.key_at(low + (high - low) / 2)?, high - low)));
        let mut middles: Vec<(u64, usize)> = middles.collect();
        let left: usize = middles.iter().map(|(_, width)| width).sum();
        if left <= ONE_BY_ONE * walks.len() {
            break;
        }
        middles.sort_unstable();
        let mut below = 0;
        let middle = middles.into_iter().find(|(_, width)| {
            below += width;
            below * 2 >= left
        });
        let Some((key, _)) = middle else { break };
        let place =
            |(walk, (low, high)): (&Walk<'_>, &(usize, usize))| if low < high { walk.before(key) } else { *low };
        let places: Vec<usize> = walks.iter().zip(&open).map(place).collect();
        let is_before = places.iter().sum::<usize>() <= count;
        let mut moved = false;
        for ((low, high), place) in open.iter_mut().zip(places) {
            let end = if is_before { low } else { high };
            moved |= *end != place;
            *end = place;
        }
        // All before it may be of its number; the place may be behind those, or among them.
        if !moved {
            let behind: Vec<usize> = walks.iter().map(|walk| walk.behind(key)).collect();
            if behind.iter().sum::<usize>() > count {
                break;
            }
            open.iter_mut().zip(behind).for_each(|((low, _), place)| *low = place);
        }
    }
    for (walk, (low, _)) in walks.iter_mut().zip(&open) {
        walk.position = *low;
    }
    open.iter().map(|(low, _)| low).sum()
}
