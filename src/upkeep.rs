//! Upkeep of the filter index on the disk: block by block, in the background or when it is asked for.
//!
//! A block is made from a snapshot without holding anybody up; only its bytes are written under the writer's lock, in
//! slices, which wait in memory for the next commit, or until they are some MiB. Until the last slice nobody sees any
//! of them. None of it is a change: it takes no sequence number, and what a crash loses is made again.

use std::sync::{Arc, Weak};
use std::thread::JoinHandle;

use parking_lot::{Condvar, Mutex, MutexGuard};

use crate::entity::state::State;
use crate::error::{Error, ErrorKind, Result};
use crate::filter::{Block, FieldKey, FilterIndex, Rows, Seen};
use crate::id::Sequence;
use crate::limits;
use crate::storage::{FilterBlock, ReadTables, Source, WriteTables};
use crate::store::{Inner, Store};
use crate::write;

/// Setting with the rows that were changed up to the key index's watermark, and that sequence before them.
const CHANGED: &str = "filter-changed";

/// Setting with the rows that were purged, and that stored blocks may still hold.
const PURGED: &str = "filter-purged";

/// The thread that does the upkeep, once there is some to do.
#[derive(Default)]
pub(crate) struct Worker {
    wanted: Mutex<Wanted>,
    changed: Condvar,
    thread: Mutex<Option<JoinHandle<()>>>,
    /// Held while a block is made.
    making: Mutex<()>,
}

#[derive(Default)]
struct Wanted {
    work: bool,
    end: bool,
}

impl Worker {
    /// Waits for the block that is being made, and keeps others from being made.
    pub(crate) fn making(&self) -> MutexGuard<'_, ()> {
        self.making.lock()
    }
}

impl Store {
    /// Brings the filter index on the disk up to the last commit, now: otherwise that is done in the background, once
    /// some ten thousand runs were created or changed, and searches look at those by themselves. Worth it after a
    /// large load, before others open the store. Writers are held up for some tens of milliseconds at most, while the
    /// disk takes a few MiB at a time.
    ///
    /// # Errors
    /// `Poisoned`, `Closed`, `ReadOnly`; `NestedWrite` inside a write; `StorageFull`, `Io` or `CommitUnknown` if it
    /// cannot be written; `Corrupt` or `Io` if a record cannot be read.
    pub fn optimize(&self) -> Result<()> {
        write::check_not_writing(&self.inner)?;
        self.inner.check_usable()?;
        let read = self.read();
        // What others write meanwhile is not waited for: there is no end to it.
        let end = (read.sequence(), read.state.rows()?);
        drop(read);
        while self.inner.make_due_block(Some(end))? {}
        Ok(())
    }
}

impl Inner {
    /// Wakes the thread if blocks are due, starting it if there is none.
    pub(crate) fn nudge(&self, this: &Weak<Inner>, runs: u32) {
        if !self.background || !self.common.filter.is_due(runs) {
            return;
        }
        let mut wanted = self.worker.wanted.lock();
        if wanted.end || wanted.work {
            return;
        }
        wanted.work = true;
        drop(wanted);
        self.worker.changed.notify_all();
        let mut thread = self.worker.thread.lock();
        if thread.is_none()
            && let Some(inner) = this.upgrade()
        {
            let named = std::thread::Builder::new().name("modeldb-upkeep".to_owned());
            // Without a thread, searches look at more records.
            *thread = named.spawn(move || inner.upkeep_thread()).ok();
        }
    }

    fn upkeep_thread(&self) {
        loop {
            {
                let mut wanted = self.worker.wanted.lock();
                while !wanted.work && !wanted.end {
                    self.worker.changed.wait(&mut wanted);
                }
                if wanted.end {
                    return;
                }
                // What becomes due from here on wakes it again.
                wanted.work = false;
            }
            // An error of the storage has poisoned the store, and whoever writes next is told; one of reading
            // befalls those who read.
            while matches!(self.make_due_block(None), Ok(true)) {
                if self.worker.wanted.lock().end {
                    return;
                }
            }
        }
    }

    /// Ends the thread, after the block that it is at.
    pub(crate) fn end_upkeep(&self) {
        self.worker.wanted.lock().end = true;
        self.worker.changed.notify_all();
        let thread = self.worker.thread.lock().take();
        if let Some(thread) = thread
            && thread.thread().id() != std::thread::current().id()
        {
            let _ = thread.join();
        }
    }

    /// Makes the block that is most due; up to some commit, and so many rows, all are due that it changed. Answers
    /// whether one was.
    fn make_due_block(&self, all_up_to: Option<(Sequence, u32)>) -> Result<bool> {
        let _making = self.worker.making.lock();
        let state = Arc::clone(&self.published.read());
        let blocks = state.tables.filter_blocks()?;
        let due = self.common.filter.due(state.rows()?, &blocks, all_up_to);
        match due {
            Some(number) => self.make_block(&state, &blocks, number).map(|()| true),
            None => Ok(false),
        }
    }

    /// Makes those blocks anew that hold anything of purged runs.
    pub(crate) fn make_purged_blocks(&self) -> Result<()> {
        let _making = self.worker.making.lock();
        for number in self.common.filter.changed.purged_blocks() {
            let state = Arc::clone(&self.published.read());
            let blocks = state.tables.filter_blocks()?;
            if blocks.iter().any(|block| block.number == number) {
                self.make_block(&state, &blocks, number)?;
            }
        }
        Ok(())
    }

    fn make_block(&self, state: &Arc<State>, blocks: &[FilterBlock], number: u32) -> Result<()> {
        let (stored, made) = self.put_block(state, blocks, number)?;
        self.take_over(&stored, &made)
    }

    /// Writes a block; whoever begins to read from then on sees it.
    fn put_block(&self, state: &Arc<State>, blocks: &[FilterBlock], number: u32) -> Result<(FilterBlock, Block)> {
        let index = &self.common.filter;
        let first = number.saturating_mul(index.layout.block_rows);
        let rows = index.layout.block_rows.min(state.rows()?.saturating_sub(first));
        let made = state.build(Rows::From(first, rows), &mut || Ok(()))?;
        let fields = encoded(&made)?;
        let before = blocks.iter().find(|block| block.number == number);
        let generation = before.map_or(0, |block| block.generation).wrapping_add(1);
        let codes = fields.iter().map(|(key, _)| (key.space, key.code)).collect();
        let stored = FilterBlock { number, generation, sequence: made.sequence.get(), rows, fields: codes };
        // What one that was cut short has left behind.
        self.derive(|tables| tables.remove_filter_fields(number, generation, u32::MAX))?;
        self.put_fields(&stored, &fields)?;
        if index.covered() == 0 {
            // What is changed right behind the transaction is kept from now on, or a crash then would forget it.
            index.cover(std::slice::from_ref(&stored));
        }
        self.derive_and_publish(|tables, folded| {
            tables.put_filter_block(&stored)?;
            // Of what was changed meanwhile, the log is not followed again up to there.
            self.put_changed(tables, folded)?;
            tables.put_meta(PURGED, &index.changed.purged_bytes(Some((number, made.sequence)))?)
        })?;
        Ok((stored, made))
    }

    /// Writes all fields of a block, some MiB of them at a time to the disk: what is not there yet, the next commit of
    /// whoever writes takes along and waits for.
    fn put_fields(&self, stored: &FilterBlock, fields: &[(FieldKey, Vec<u8>)]) -> Result<()> {
        let mut unflushed = 0;
        for slice in slices(fields) {
            unflushed += slice.iter().map(|(_, field)| field.len()).sum::<usize>();
            self.put_slice(stored, slice)?;
            if unflushed >= limits::FILTER_FLUSH_BYTES {
                self.flush()?;
                unflushed = 0;
            }
        }
        Ok(())
    }

    /// Writes some fields of a block, in one transaction.
    fn put_slice(&self, stored: &FilterBlock, slice: &[(FieldKey, Vec<u8>)]) -> Result<()> {
        self.derive(|tables| {
            slice.iter().try_for_each(|(key, field)| tables.put_filter_field(stored, (key.space, key.code), field))
        })
    }

    /// A block was written: what it takes the place of goes.
    fn take_over(&self, stored: &FilterBlock, made: &Block) -> Result<()> {
        let index = &self.common.filter;
        self.derive(|tables| tables.remove_filter_fields(stored.number, 0, stored.generation))?;
        index.changed.forget(stored.number, made.sequence);
        index.replace(stored, made);
        index.cover(&self.published.read().tables.filter_blocks()?);
        if index.has_overlays()
            && let Some(view) = Arc::clone(&self.published.read()).filter_view(usize::MAX, &mut || Ok(()))?
        {
            index.drop_overlays(&view);
        }
        Ok(())
    }

    /// Keeps the rows that were purged, in the transaction that removes their records: nothing else tells of them.
    pub(crate) fn keep_purged(&self, tables: &mut WriteTables<'_>) -> Result<()> {
        if self.common.filter.covered() == 0 {
            return Ok(());
        }
        tables.put_meta(PURGED, &self.common.filter.changed.purged_bytes(None)?)
    }

    /// Keeps the rows that were changed up to the key index's watermark, from which on the log is followed at open.
    pub(crate) fn keep_changed(&self, tables: &mut WriteTables<'_>, watermark: Sequence) -> Result<()> {
        if self.common.filter.covered() == 0 {
            return Ok(());
        }
        self.put_changed(tables, watermark)
    }

    fn put_changed(&self, tables: &mut WriteTables<'_>, watermark: Sequence) -> Result<()> {
        let mut bytes = watermark.get().to_le_bytes().to_vec();
        bytes.extend(self.common.filter.changed.settled_bytes(watermark)?);
        tables.put_meta(CHANGED, &bytes)
    }
}

/// What was kept, back into the index of a store that is opened; `last` is its last commit. If it is damaged, all rows
/// of the blocks count as changed, and are looked up in records until the blocks are made anew.
pub(crate) fn restore(tables: &ReadTables, index: &FilterIndex, last: Sequence) -> Result<()> {
    let blocks = tables.filter_blocks()?;
    index.cover(&blocks);
    match restore_kept(tables, index, last) {
        Ok(true) => return Ok(()),
        Ok(false) if blocks.is_empty() => return Ok(()),
        Ok(false) => {}
        Err(error) if error.kind() == ErrorKind::Corrupt => {}
        Err(error) => return Err(error),
    }
    for block in blocks {
        let first = block.number.saturating_mul(index.layout.block_rows);
        index.changed.purge(last, first..first.saturating_add(block.rows));
        index.damaged.lock().push(block.number);
    }
    Ok(())
}

/// Answers whether there was what is kept beside each block.
fn restore_kept(tables: &ReadTables, index: &FilterIndex, last: Sequence) -> Result<bool> {
    let (Some(purged), Some(changed)) = (tables.meta(PURGED)?, tables.meta(CHANGED)?) else { return Ok(false) };
    let cut = || Error::corrupt("the changes behind the filter index are cut off");
    let (sequence, settled) = changed.split_first_chunk::<8>().ok_or_else(cut)?;
    index.changed.restore(Sequence::new(u64::from_le_bytes(*sequence)), settled, last, &purged)?;
    Ok(true)
}

fn encoded(block: &Block) -> Result<Vec<(FieldKey, Vec<u8>)>> {
    block.fields().into_iter().map(|(key, field)| Ok((key, field.encode()?))).collect()
}

/// Fields in parts that one transaction writes: other writers wait for it.
fn slices(fields: &[(FieldKey, Vec<u8>)]) -> impl Iterator<Item = &[(FieldKey, Vec<u8>)]> {
    let mut rest = fields;
    std::iter::from_fn(move || {
        let mut bytes = 0;
        let fitting = rest.iter().take_while(|(_, field)| {
            bytes += field.len();
            bytes <= limits::FILTER_SLICE_BYTES
        });
        let (slice, later) = rest.split_at(fitting.count().max(1).min(rest.len()));
        rest = later;
        (!slice.is_empty()).then_some(slice)
    })
}

#[cfg(test)]
mod tests {
    use crate::id::RunId;
    use crate::model::NewRun;
    use crate::options::Options;

    use super::*;

    /// The folder of a store as a crash leaves it, opened.
    fn crashed(store: &Store, from: &std::path::Path, to: &std::path::Path) -> Store {
        // What is durable is in the file, and nothing else is.
        store.flush().unwrap();
        std::fs::create_dir(to).unwrap();
        for entry in std::fs::read_dir(from).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() {
                std::fs::copy(&path, to.join(path.file_name().unwrap())).unwrap();
            }
        }
        Options::default().background(false).open(to).unwrap()
    }

    /// A store of five runs.
    fn filled(folder: &std::path::Path) -> (Store, Vec<RunId>) {
        let store = Options::default().background(false).open(folder).unwrap();
        let ids = store.write(|w| {
            let project = w.projects().get_or_create("p")?;
            let experiment = w.experiments().get_or_create(&project, "e")?;
            let run = |n: usize| NewRun::named(format!("r{n}")).metric("x", 1.0);
            (0..5).map(|n| w.runs().create(&experiment, run(n))).collect::<Result<Vec<_>>>()
        });
        (store, ids.unwrap())
    }

    #[test]
    fn what_changes_while_and_right_behind_the_first_block_is_not_forgotten() {
        for behind in [false, true] {
            let folder = tempfile::tempdir().unwrap();
            let (from, to) = (folder.path().join("a"), folder.path().join("b"));
            let (store, ids) = filled(&from);
            let state = store.read().state;
            if behind {
                store.inner.put_block(&state, &[], 0).unwrap();
            }
            store.write(|w| w.runs().log_metric(&ids[2], "y", 1.0)).unwrap();
            store.write(|w| w.runs().delete(&ids[3])).unwrap();
            // From here on the log is followed at open.
            store.inner.writer.lock().fold_all(&store.inner).unwrap();
            if !behind {
                store.inner.make_block(&state, &[], 0).unwrap();
            }
            let store = crashed(&store, &from, &to);
            let read = store.read();
            assert_eq!(store.stats().unwrap().filter_blocks, 1);
            assert_eq!(read.runs().find("metrics.y = 1").unwrap().count().unwrap(), 1, "behind: {behind}");
            assert_eq!(read.runs().find("metrics.x = 1").unwrap().count().unwrap(), 4, "behind: {behind}");
        }
    }

    /// No slice holds more than its bytes and a few pages of the tree, and none syncs. The next commit that does writes
    /// all of them to the disk, and those after it nothing of the index.
    #[test]
    #[cfg(feature = "simulation")]
    fn slices_of_a_block_sync_nothing_and_are_written_once() {
        const RUNS: u32 = 20_000;
        const PAGES: u64 = 64 << 10;
        let disk = crate::simulated::SimulatedDisk::new();
        let store = Options::default().background(false).open_simulated(&disk).unwrap();
        let mut state = 7_u64;
        let mut random = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            state as f64
        };
        let experiment = store
            .write(|w| {
                let project = w.projects().get_or_create("p")?;
                let experiment = w.experiments().get_or_create(&project, "e")?;
                let mut run = |n: u32| {
                    (0..12).fold(NewRun::named(format!("r{n}")), |run, key| run.metric(format!("m{key}"), random()))
                };
                w.runs().create_many(&experiment, (0..RUNS).map(&mut run).collect::<Vec<_>>())?;
                Ok(experiment)
            })
            .unwrap();
        store.flush().unwrap();
        let one = || {
            let before = disk.counts();
            store.write(|w| w.runs().create(&experiment, NewRun::new().metric("m0", 0.5))).unwrap();
            let after = disk.counts();
            after.bytes_written - before.bytes_written
        };
        let commit = one();
        let made = store.read().state.build(Rows::From(0, RUNS), &mut || Ok(())).unwrap();
        let fields = encoded(&made).unwrap();
        let codes = fields.iter().map(|(key, _)| (key.space, key.code)).collect();
        let stored = FilterBlock { number: 0, generation: 1, sequence: 1, rows: RUNS, fields: codes };
        let (mut written, mut all) = (Vec::new(), 0);
        for slice in slices(&fields) {
            let bytes: u64 = slice.iter().map(|(_, field)| field.len() as u64).sum();
            let before = disk.counts();
            store.inner.put_slice(&stored, slice).unwrap();
            let after = disk.counts();
            let now = after.bytes_written - before.bytes_written;
            assert!(bytes <= limits::FILTER_SLICE_BYTES as u64 || slice.len() == 1);
            assert!(now <= bytes + bytes / 4 + PAGES, "{now} bytes for {bytes}");
            assert_eq!(after.syncs, before.syncs);
            all += bytes;
            written.push(now);
        }
        assert!(written.len() > 1);
        assert_eq!(slices(&fields).flatten().count(), fields.len());
        let (next, later) = (one(), one());
        println!("slices of {all} bytes write {written:?}; commits {commit} before, {next} next, {later} later");
        let total = written.iter().sum::<u64>() + next;
        assert!(total >= all && total <= all + all / 4 + commit + PAGES, "{total} bytes for {all}");
        assert!(later <= commit + PAGES, "{later} bytes later, {commit} before");
    }

    /// However large a block is, a commit beside it writes only some of it to the disk.
    #[test]
    #[cfg(feature = "simulation")]
    fn a_large_block_goes_to_the_disk_some_bytes_at_a_time() {
        let disk = crate::simulated::SimulatedDisk::new();
        let store = Options::default().background(false).open_simulated(&disk).unwrap();
        store.write(|w| w.projects().get_or_create("p")).unwrap();
        store.flush().unwrap();
        let fields: Vec<(FieldKey, Vec<u8>)> =
            (0..40).map(|code| (FieldKey::metric(code), vec![7; limits::FILTER_SLICE_BYTES / 2])).collect();
        let codes = fields.iter().map(|(key, _)| (key.space, key.code)).collect();
        let stored = FilterBlock { number: 0, generation: 1, sequence: 1, rows: 1, fields: codes };
        let before = disk.counts();
        store.inner.put_fields(&stored, &fields).unwrap();
        let between = disk.counts();
        store.write(|w| w.projects().get_or_create("q")).unwrap();
        let (slowest, all) = (limits::FILTER_FLUSH_BYTES as u64, 20 * limits::FILTER_SLICE_BYTES as u64);
        assert!(between.syncs - before.syncs >= all / slowest);
        let (early, last) =
            (between.bytes_written - before.bytes_written, disk.counts().bytes_written - between.bytes_written);
        assert!(early >= all - slowest && last <= slowest + slowest / 4, "{early} bytes, then {last}");
    }
}
