//! The thread that makes the index and keeps it up with the log.

use std::panic::{self, AssertUnwindSafe};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tantivy::directory::RamDirectory;
use tantivy::{Directory, Index, ReloadPolicy};

use super::answer::View;
use super::engine::{Engine, failed};
use super::folder::{self, Folder};
use super::index::{Newest, Shared};
use super::mark::Mark;
use super::schema;
use super::{KINDS, Source};
use crate::error::{Error, Result};
use crate::id::{Row, Sequence};

/// How long changes gather before they are indexed: a commit of the index costs some twenty milliseconds.
const GATHER: Duration = Duration::from_millis(250);
/// How long after a failure the index is made again; so often longer as it failed before.
const RETRY: Duration = Duration::from_millis(500);
/// Failures one after the other after which it is left alone until the store is opened again.
const TRIES: u32 = 4;

pub(super) struct Follower {
    shared: Arc<Shared>,
    folder: Option<PathBuf>,
    newest: Newest,
}

/// How following ended.
enum Ended {
    Stopped,
    /// The index is no good, and is to be made anew.
    Broken,
}

impl Follower {
    pub(super) fn new(shared: Arc<Shared>, folder: Option<PathBuf>, newest: Newest) -> Self {
        Follower { shared, folder, newest }
    }

    pub(super) fn run(self) {
        let mut failures = 0;
        loop {
            // The library may panic on what is damaged.
            let ended = panic::catch_unwind(AssertUnwindSafe(|| self.follow(&mut failures)));
            *self.shared.view.write() = None;
            let why = match ended {
                Ok(Ok(Ended::Stopped)) => return,
                Ok(Ok(Ended::Broken)) => None,
                Ok(Err(error)) => Some(error.to_string()),
                Err(_) => Some("a panic".to_owned()),
            };
            let mut wishes = self.shared.wishes.lock();
            (wishes.broken, wishes.indexed) = (false, Sequence::ZERO);
            if let Some(why) = why {
                failures += 1;
                if failures >= TRIES {
                    wishes.failed = Some(why);
                    self.shared.done.notify_all();
                    return;
                }
                if !wishes.stop {
                    self.shared.wished.wait_for(&mut wishes, RETRY * failures);
                }
            }
            if wishes.stop {
                return;
            }
            drop(wishes);
            self.discard();
        }
    }

    /// Opens the index that is there, for a store that is not to be written to, and is done: nothing is to be followed.
    pub(super) fn read(self) {
        let opened = panic::catch_unwind(AssertUnwindSafe(|| self.open_to_read()));
        let mut wishes = self.shared.wishes.lock();
        match opened {
            Ok(Ok(Some(sequence))) => wishes.indexed = sequence,
            _ => wishes.failed = Some("the text index is not whole, or not of this store, and is not read".to_owned()),
        }
        self.shared.done.notify_all();
    }

    /// Answers the commit up to which it knows what was changed.
    fn open_to_read(&self) -> Result<Option<Sequence>> {
        let (Some(path), Some(source)) = (&self.folder, (self.newest)()) else { return Ok(None) };
        let files = Folder::read_only(path);
        let Some((index, mark)) = self.check(&files, &*source) else { return Ok(None) };
        let Some(changed) = source.changed_after(mark.head.sequence)? else { return Ok(None) };
        {
            let mut changes = self.shared.changes.write();
            changes.begin(mark.head.sequence);
            // At the first commit that may have changed them: which one did is not known, and a view of any later one
            // looks at all of them.
            changes.push(mark.head.sequence.next(), changed.into_iter());
        }
        let reader = index.reader_builder().reload_policy(ReloadPolicy::Manual).try_into().map_err(failed)?;
        let (_, fields) = schema::schema();
        let view = View::new(reader.searcher(), mark, fields, None).map_err(failed)?;
        *self.shared.view.write() = Some(Arc::new(view));
        Ok(Some(source.head().sequence))
    }

    fn discard(&self) {
        if let Some(folder) = &self.folder {
            // What cannot be removed cannot be opened either, or is.
            let _ = folder::remove(folder);
        }
    }

    fn stopped(&self) -> bool {
        let wishes = self.shared.wishes.lock();
        wishes.stop || wishes.broken
    }

    fn follow(&self, failures: &mut u32) -> Result<Ended> {
        let Some(source) = (self.newest)() else { return Ok(Ended::Stopped) };
        let (mut engine, mut mark) = match self.open(&*source) {
            Some(opened) => opened,
            // It may be as good as before.
            None if self.stopped() => return Ok(Ended::Stopped),
            None => {
                self.discard();
                let (directory, files) = self.directory()?;
                let engine = Engine::make(directory, files)?;
                (engine, None)
            }
        };
        drop(source);
        if let Some(opened) = &mut mark {
            if !opened.clean {
                *opened = self.clean(&mut engine, *opened)?;
            }
            self.publish(&engine, *opened)?;
            self.told(*opened, 0);
        }
        let mut unsettled = mark.is_some();
        loop {
            if mark.is_some() && !self.wait(&mut unsettled) {
                let wishes = self.shared.wishes.lock();
                if wishes.stop {
                    return Ok(Ended::Stopped);
                }
                if wishes.broken {
                    return Ok(Ended::Broken);
                }
                drop(wishes);
                // Parts are put together meanwhile, and searches are to have them.
                if let Some(mark) = mark {
                    unsettled = engine.settle()?;
                    self.publish(&engine, mark)?;
                }
                continue;
            }
            engine.unsettle();
            let (clean, purges) = {
                let wishes = self.shared.wishes.lock();
                // Of one that goes on, more is to come.
                let ended = if wishes.purging == 0 { wishes.purges } else { wishes.purges_cleaned };
                (wishes.clean > wishes.cleaned, ended)
            };
            let Some(source) = (self.newest)() else { return Ok(Ended::Stopped) };
            let purged = {
                // One that has begun since may be in the source already.
                let wishes = self.shared.wishes.lock();
                let known = if mark.is_some() { wishes.purges_cleaned } else { purges };
                wishes.purging > 0 || wishes.purges > known
            };
            let Some(next) = self.index(&mut engine, mark, &*source, purged)? else {
                // It was interrupted, or the log does not say what was changed.
                if self.shared.wishes.lock().stop {
                    return Ok(Ended::Stopped);
                }
                return Ok(Ended::Broken);
            };
            drop(source);
            self.publish(&engine, next)?;
            let next = if clean && !next.clean { self.clean(&mut engine, next)? } else { next };
            (mark, unsettled, *failures) = (Some(next), true, 0);
            self.told(next, purges);
        }
    }

    fn told(&self, mark: Mark, purges: u64) {
        let mut wishes = self.shared.wishes.lock();
        wishes.indexed = mark.head.sequence;
        if mark.clean {
            wishes.cleaned = mark.head.sequence;
            wishes.purges_cleaned = wishes.purges_cleaned.max(purges);
        }
        self.shared.done.notify_all();
    }

    /// Waits for something to index, and some time for more of it. False if there is nothing: it is to stop, or has
    /// been quiet for a while after something was indexed.
    fn wait(&self, unsettled: &mut bool) -> bool {
        let mut wishes = self.shared.wishes.lock();
        let due = |wishes: &super::index::Wishes| wishes.newest > wishes.indexed || wishes.clean > wishes.cleaned;
        while !due(&wishes) {
            if wishes.stop || wishes.broken {
                return false;
            }
            if *unsettled {
                if self.shared.wished.wait_for(&mut wishes, Duration::from_secs(2)).timed_out() {
                    *unsettled = false;
                    return false;
                }
            } else {
                self.shared.wished.wait(&mut wishes);
            }
        }
        let until = std::time::Instant::now() + GATHER;
        loop {
            if wishes.stop || wishes.broken {
                return false;
            }
            if wishes.urgent > wishes.indexed || wishes.clean > wishes.cleaned {
                return true;
            }
            if self.shared.wished.wait_until(&mut wishes, until).timed_out() {
                return true;
            }
        }
    }

    fn directory(&self) -> Result<(Box<dyn Directory>, Option<Folder>)> {
        let Some(path) = &self.folder else { return Ok((Box::new(RamDirectory::create()), None)) };
        let files = Folder::open(path).map_err(|error| Error::io("making the folder of the text index", error))?;
        Ok((Box::new(files.clone()), Some(files)))
    }

    /// The index that is there, if it is whole and of this store.
    fn open(&self, source: &dyn Source) -> Option<(Engine, Option<Mark>)> {
        let folder = self.folder.as_ref().filter(|folder| folder.exists())?;
        let opened = panic::catch_unwind(AssertUnwindSafe(|| {
            let files = Folder::open(folder).ok()?;
            let (index, mark) = self.check(&files, source)?;
            Some((Engine::new(index, Some(files)).ok()?, Some(mark)))
        }));
        opened.ok().flatten()
    }

    /// The index in these files, if it is whole and of this store.
    fn check(&self, files: &Folder, source: &dyn Source) -> Option<(Index, Mark)> {
        let mut index = Index::open(Box::new(files.clone()) as Box<dyn Directory>).ok()?;
        if index.schema() != schema::schema().0 || index.settings() != &schema::settings() {
            return None;
        }
        let mark = Mark::read(&index.load_metas().ok()?.payload?)?;
        if !mark.fits(source).ok()? || !self.is_whole(files, &index)? {
            return None;
        }
        schema::register(&mut index);
        Some((index, mark))
    }

    /// Whether an index has the files it names, as they were written, and no others. Reads all of them; none if that
    /// fails, or is interrupted.
    fn is_whole(&self, files: &Folder, index: &Index) -> Option<bool> {
        // The library would check those only that it remembers to have made.
        for path in index.load_metas().ok()?.list_segment_files() {
            let there = index.directory().exists(&path).ok()?;
            if self.stopped() || there && !index.directory().validate_checksum(&path).ok()? {
                return None;
            }
        }
        let known = index.directory().list_managed_files();
        Some(files.names().ok()?.iter().all(|name| known.contains(name)))
    }

    /// Brings the index to the source. None if it was interrupted, or has to be made anew.
    fn index(
        &self,
        engine: &mut Engine,
        mark: Option<Mark>,
        source: &dyn Source,
        purged: bool,
    ) -> Result<Option<Mark>> {
        // What was purged is in the files, until they are written anew.
        let next = Mark::of(source, !purged && mark.is_none_or(|mark| mark.clean))?;
        if let Some(mark) = mark {
            let (from, to) = (mark.head.sequence, next.head.sequence);
            let known = self.shared.changes.read().all(from, to);
            let mut changed = match known {
                Some(changed) => changed,
                None => match source.changed_after(from)? {
                    Some(changed) => changed,
                    None => return Ok(None),
                },
            };
            changed.sort_unstable();
            changed.dedup();
            for (kind, row) in changed {
                let Some(at) = KINDS.iter().position(|of| *of == kind) else { continue };
                // What is new comes below.
                if mark.rows.get(at).is_some_and(|rows| row.0 < *rows) {
                    engine.delete(kind, row);
                    engine.add(source, kind, row)?;
                    if !engine.gate(|| self.stopped())? {
                        return Ok(None);
                    }
                }
            }
        }
        for (at, kind) in KINDS.into_iter().enumerate() {
            let from = mark.and_then(|mark| mark.rows.get(at).copied()).unwrap_or(0);
            let to = next.rows.get(at).copied().unwrap_or(0);
            for row in from..to {
                engine.add(source, kind, Row(row))?;
                // There may be many rows of which nothing is added.
                if row % 256 == 0 && self.stopped() || !engine.gate(|| self.stopped())? {
                    return Ok(None);
                }
            }
        }
        engine.commit(next)?;
        Ok(Some(next))
    }

    /// Writes the files anew that hold something that was deleted.
    fn clean(&self, engine: &mut Engine, mark: Mark) -> Result<Mark> {
        // Merges that run would leave their own.
        let mut tries = 0;
        loop {
            let metas = engine.index.searchable_segment_metas().map_err(failed)?;
            let stained: Vec<_> = metas.iter().filter(|meta| meta.has_deletes()).map(|meta| meta.id()).collect();
            if stained.is_empty() {
                break;
            }
            let merged = engine.writer.merge(&stained).wait();
            tries += 1;
            if let Err(error) = merged {
                if tries > 200 {
                    return Err(failed(error));
                }
                std::thread::sleep(Duration::from_millis(20));
            }
        }
        let mark = Mark { clean: true, ..mark };
        engine.commit(mark)?;
        self.publish(engine, mark)?;
        engine.writer.garbage_collect_files().wait().map(drop).map_err(failed)?;
        Ok(mark)
    }

    /// Lets searches see what was committed.
    fn publish(&self, engine: &Engine, mark: Mark) -> Result<()> {
        engine.reader.reload().map_err(failed)?;
        let old = self.shared.view.read().clone();
        let view = View::new(engine.reader.searcher(), mark, engine.fields, old.as_deref()).map_err(failed)?;
        *self.shared.view.write() = Some(Arc::new(view));
        Ok(())
    }
}
