//! The library's parts of an index that is open, and the way of documents into it.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};
use tantivy::indexer::{IndexWriterOptions, UserOperation};
use tantivy::schema::Term;
use tantivy::schema::document::Document;
use tantivy::{Directory, Index, IndexReader, IndexWriter, ReloadPolicy, TantivyDocument};

use super::Source;
use super::document::document;
use super::folder::Folder;
use super::mark::Mark;
use super::parts::{self, Settle, Settling};
use super::schema::{self, Fields};
use crate::error::{Error, Result};
use crate::id::{EntityKind, Row};
use crate::limits;

/// Operations that are given to the library at once: one at a time, it would be woken for each.
const GROUP: usize = 256;
/// About the bytes of texts that are given to it at once.
const GROUP_BYTES: usize = 256 << 10;
/// About the bytes of texts that may wait for its threads. Its own queue has room for thousands of groups.
const WAITING_BYTES: usize = 16 << 20;
/// What a document takes besides its texts, about.
const DOCUMENT_BYTES: usize = 512;
/// Threads of it that index: with one, a store is indexed hardly faster than it is loaded.
const THREADS: usize = 2;

pub(super) struct Engine {
    pub(super) index: Index,
    pub(super) writer: IndexWriter<Counted>,
    pub(super) reader: IndexReader,
    pub(super) fields: Fields,
    files: Option<Folder>,
    settling: Settling,
    /// What is to be given to the writer next.
    group: Vec<UserOperation<Counted>>,
    group_bytes: usize,
    waiting: Arc<Waiting>,
}

impl Drop for Engine {
    fn drop(&mut self) {
        // Merges that run are done again.
        self.files.iter().for_each(Folder::close);
    }
}

impl Engine {
    pub(super) fn make(directory: Box<dyn Directory>, files: Option<Folder>) -> Result<Engine> {
        let (schema, _) = schema::schema();
        let index = Index::builder().schema(schema).settings(schema::settings()).open_or_create(directory);
        Engine::new(index.map_err(failed)?, files).map_err(failed)
    }

    pub(super) fn new(mut index: Index, files: Option<Folder>) -> tantivy::Result<Engine> {
        let (_, fields) = schema::schema();
        schema::register(&mut index);
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let options = IndexWriterOptions::builder()
            .num_worker_threads(THREADS.min(cores))
            .num_merge_threads(1)
            .memory_budget_per_thread(limits::TEXT_MEMORY_BYTES)
            .build();
        let writer: IndexWriter<Counted> = index.writer_with_options(options)?;
        writer.set_merge_policy(Box::new(parts::policy()));
        let reader = index.reader_builder().reload_policy(ReloadPolicy::Manual).try_into()?;
        let (waiting, settling) = (Arc::default(), Settling::default());
        Ok(Engine { index, writer, reader, fields, files, settling, group: Vec::new(), group_bytes: 0, waiting })
    }

    /// What was added of an entity by an earlier commit is to go.
    pub(super) fn delete(&mut self, kind: EntityKind, row: Row) {
        self.group.push(UserOperation::Delete(Term::from_field_u64(self.fields.row, schema::code(kind, row))));
    }

    /// Adds an entity, once between two commits: the threads do not keep to an order.
    pub(super) fn add(&mut self, source: &dyn Source, kind: EntityKind, row: Row) -> Result<()> {
        source.texts(kind, row, &mut |texts| {
            let texts_bytes: usize = texts.iter().map(|(_, text)| text.as_deref().map_or(0, str::len)).sum();
            let bytes = DOCUMENT_BYTES + texts_bytes;
            let document = document(&self.fields, schema::code(kind, row), texts);
            let place = Waiting::enter(&self.waiting, bytes);
            self.group.push(UserOperation::Add(Counted { document, _place: place }));
            self.group_bytes += bytes;
        })
    }

    /// Gives the writer what was gathered, if that is enough for it, and waits while too much waits for its threads.
    /// False if it was interrupted.
    pub(super) fn gate(&mut self, stopped: impl Fn() -> bool) -> Result<bool> {
        if self.group.len() < GROUP && self.group_bytes < GROUP_BYTES {
            return Ok(true);
        }
        self.give()?;
        loop {
            if stopped() {
                return Ok(false);
            }
            if self.waiting.is_short(Duration::from_millis(50)) {
                return Ok(true);
            }
            // What waits for threads that have failed is dropped with the writer only, which says so when it is given
            // something.
            self.group.push(UserOperation::Delete(Term::from_field_u64(self.fields.row, u64::MAX)));
            self.give()?;
        }
    }

    fn give(&mut self) -> Result<()> {
        self.group_bytes = 0;
        self.writer.run(self.group.drain(..)).map(drop).map_err(failed)
    }

    /// Something is to be indexed.
    pub(super) fn unsettle(&mut self) {
        self.settling.stop();
    }

    /// It was quiet for a while: parts are put together, by a thread of the library's. False when that is done; else it
    /// is to be asked again after a while, and what is there by then can be published.
    pub(super) fn settle(&mut self) -> Result<bool> {
        let parts = self.index.searchable_segment_metas().map_err(failed)?;
        Ok(match self.settling.next(&parts) {
            Settle::Done => false,
            Settle::Wait => true,
            Settle::Merge(parts) => {
                self.settling.run(self.writer.merge(&parts));
                true
            }
        })
    }

    /// There is no commit without a mark.
    pub(super) fn commit(&mut self, mark: Mark) -> Result<()> {
        self.give()?;
        let mut prepared = self.writer.prepare_commit().map_err(failed)?;
        prepared.set_payload(&mark.write());
        prepared.commit().map(drop).map_err(failed)
    }
}

/// A document that tells when a thread has taken it out of the queue.
pub(super) struct Counted {
    document: TantivyDocument,
    _place: Place,
}

impl Document for Counted {
    type Value<'a> = <TantivyDocument as Document>::Value<'a>;
    type FieldsValuesIter<'a> = <TantivyDocument as Document>::FieldsValuesIter<'a>;

    fn iter_fields_and_values(&self) -> Self::FieldsValuesIter<'_> {
        self.document.iter_fields_and_values()
    }

    fn into_tantivy_document(self) -> TantivyDocument {
        self.document
    }
}

/// The bytes that wait for the threads.
#[derive(Default)]
struct Waiting {
    bytes: Mutex<usize>,
    left: Condvar,
}

impl Waiting {
    /// Whether not too much waits, after at most so long.
    fn is_short(&self, at_most: Duration) -> bool {
        let mut bytes = self.bytes.lock();
        if *bytes >= WAITING_BYTES {
            self.left.wait_for(&mut bytes, at_most);
        }
        *bytes < WAITING_BYTES
    }

    fn enter(waiting: &Arc<Waiting>, bytes: usize) -> Place {
        *waiting.bytes.lock() += bytes;
        Place { bytes, waiting: Arc::clone(waiting) }
    }
}

/// Bytes among those that wait, until it is dropped.
struct Place {
    bytes: usize,
    waiting: Arc<Waiting>,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut bytes = self.waiting.bytes.lock();
        *bytes = bytes.saturating_sub(self.bytes);
        if *bytes < WAITING_BYTES {
            self.waiting.left.notify_one();
        }
    }
}

pub(super) fn failed(error: tantivy::TantivyError) -> Error {
    Error::io("following the log with the text index", std::io::Error::other(error))
}
