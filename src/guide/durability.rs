//! What is promised when, what a crash leaves, and what to do after an error.
//!
//! # The table
//!
//! | a write returned | what survives a crash of the program | of the machine |
//! |---|---|---|
//! | `Ok`, by default | it | it |
//! | `Ok`, with [`Durability::Relaxed`] | everything up to some moment: see below | the same |
//! | [`CommitUnknown`] | it, or nothing of it | the same |
//! | any other error | nothing of it | the same |
//!
//! A write is one commit, and a commit is there whole or not at all: no reader, no [`Watch`](crate::Watch) and no
//! reopened store ever shows half of one. Commits survive in order: if one is there, so is every one before it.
//! A reader sees a commit only when it is as durable as its write asked for.
//!
//! The promise is as good as the disk's: a disk that says it has synced and has not, or a file system that reorders
//! what was synced, breaks it.
//!
//! # Group commit
//!
//! There is one writer at a time. Whoever finds others waiting leaves the transaction open for them; the last one
//! commits for all, with one sync, and then all return. So a write that is alone costs one sync, and sixteen threads
//! that write all the time share one sync among up to sixteen writes. A closure that fails takes back its own changes
//! and nobody else's. A group is ended early once it holds 16 MiB. A write that grows beyond 8 MiB first commits what
//! the group has, and then goes to the disk in parts, alone: it needs neither the memory for all of it nor one huge
//! log record, and a failure still takes all of it back.
//!
//! Writes that changed nothing wait for their group too: what they saw is durable when they return.
//!
//! # Relaxed
//!
//! [`Durability::Relaxed`] acknowledges a write before it is synced. While writes go on, one commit at least every
//! `delay` is durable and takes those before it along. There is no thread that does it later: after the last write,
//! call [`flush`](crate::Store::flush) or [`close`](crate::Store::close). A crash of the process alone loses the
//! unsynced commits too. What is left is whole: the store as it was after some commit. A `Watch` waits for the sync.
//!
//! # Loggers
//!
//! What a [`RunLogger`](crate::RunLogger) is told is not acknowledged: a crash loses what came after the last
//! [`flush`](crate::RunLogger::flush) and was not written by itself, which takes [a
//! second](crate::limits::LOGGER_DELAY) at most while the disk keeps up. What is left is a beginning of what was told.
//! `flush` and `finish` return when all of it is as durable as a write of the store. A run that was running is crashed
//! once the store is open again.
//!
//! # After an error
//!
//! | kind | what happened to the write | what to do |
//! |---|---|---|
//! | whatever the closure returned | nothing of it is left | as the caller sees fit; the store goes on |
//! | [`CommitUnknown`] | the sync failed: it happened, or not | reopen, then ask; see below |
//! | [`Poisoned`] | nothing: an earlier storage error ended writing | reopen |
//! | [`StorageFull`], [`Io`] | nothing of it is left | make room or repair, reopen |
//! | [`Closed`], [`NestedWrite`], [`ReadOnly`] | nothing | a fault of the program |
//!
//! After a failed read, write or sync of the file, this handle writes no more: a file system that failed a sync may
//! have dropped the pages, and a second sync that succeeds proves nothing. Snapshots may still answer from memory.
//! Drop all handles, open the store again, and what is there is what is true.
//!
//! A disk that becomes full is [`StorageFull`] if that shows before the commit: while a store is made, when its file
//! cannot grow, in a large write. Most file systems give out blocks only when they are written or synced, which is in
//! the middle of the commit: that is [`CommitUnknown`], with an [`Error`](crate::Error) of the kind `StorageFull` as
//! its [source](std::error::Error::source). Either way nothing that was acknowledged is lost: make room, reopen.
//!
//! A commit that failed while it became durable is never repeated silently. A host that wants to repeat requests
//! gives each an id:
//!
//! ```
//! use modeldb::{ErrorKind, NewRun, Once, Store};
//! # fn main() -> modeldb::Result<()> {
//! # let store = Store::in_memory()?;
//! # let forest = store.write(|w| {
//! #     let wine = w.projects().get_or_create("wine-quality")?;
//! #     w.experiments().get_or_create(&wine, "random-forest")
//! # })?;
//! let request = "8f14e45f";
//! match store.write_once(request, |w| w.runs().create(&forest, NewRun::named("depth-6"))) {
//!     Ok(Once::Done { value: run, sequence, .. }) => println!("created {run} in commit {sequence}"),
//!     Ok(Once::Repeated { sequence, .. }) => println!("commit {sequence} did it before"),
//!     Err(error) if error.kind() == ErrorKind::CommitUnknown => {
//!         // Open the store again; store.outcome(request) then says whether it happened, and calling
//!         // write_once again with the same id is safe either way.
//!     }
//!     Err(error) => return Err(error),
//!     Ok(_) => {}
//! }
//! assert!(store.outcome(request)?.is_some());
//! # Ok(())
//! # }
//! ```
//!
//! # After a crash
//!
//! Opening recovers by itself. If the file was not closed cleanly, it is read once to find its free pages: about a
//! second for a GiB that is in the page cache, the disk's reading time otherwise.
//! [`Options::repair_progress`](crate::Options::repair_progress) tells how far it is;
//! [`Options::quick_repair_above`](crate::Options::quick_repair_above) trades dearer commits for opening at once.
//!
//! A new store is made under another name, made durable, and renamed. A crash while it is made leaves no store, or an
//! empty one.
//!
//! # Bytes of artifacts
//!
//! What a record names is there. Up to [`limits::SMALL_BLOB_BYTES`](crate::limits::SMALL_BLOB_BYTES), bytes are a part
//! of the commit that names them. Larger ones are a file of their own, which is written, synced, renamed, and its name
//! synced, before the commit begins; a crash in between leaves a file that nothing names, for [`gc`](crate::Store::gc).
//! A commit that names bytes which are not there is refused. A collection keeps what any record names, also of what is
//! deleted and not purged, and what was put less than its guard ago; what only the past names is removed, and then the
//! past says so. Bytes are checked against their digest when they were read to the end.
//!
//! Whoever keeps bytes elsewhere ([`Options::blobs`](crate::Options::blobs)) has the promises of that place.
//!
//! # What a plain open does not promise
//!
//! Disks rot and files are copied badly. Every value this crate stores has a checksum over its key and its bytes, and
//! it is verified whenever the value is read: a damaged record is [`Corrupt`] and never a wrong answer. Long texts
//! are verified against their digest.
//!
//! The pages of the file that lead to those values are redb's. redb does not verify their checksums on reads. A test
//! flips one bit in each of the 106,496 bytes of a small file. Opened plainly, 0.31 % of them made something
//! silently missing and 1.8 % panicked inside redb, whose assertions are on in a test; no record that was returned
//! was wrong. Opened with [`Options::check_integrity`](crate::Options::check_integrity), which reads the file once,
//! none did harm: 21 % were refused, and the others lie where nothing is stored. Whole pages that were swapped,
//! zeroed or written to another's place are worse: opened plainly, a third of them made redb panic; with the check,
//! again none did harm. So:
//!
//! - open with `check_integrity` after a file was copied from elsewhere or restored, and when a disk is suspect;
//! - run [`Store::verify`](crate::Store::verify) now and then: it has redb verify all pages, and finds a damaged value,
//!   a missing, swapped or outdated row, a lost chunk of a series or a lost entry of the key index, and says what to
//!   do. redb's check wants the store to itself: if somebody holds a snapshot, it is not done, and the report says so;
//! - keep [`Audit::head`](crate::Audit::head) elsewhere: a log whose end was cut off is whole as far as it goes, and
//!   only a head from outside shows what is missing.
//!
//! # Backups
//!
//! [`Store::backup`](crate::Store::backup) writes a snapshot into a folder of its own while writes go on. The file is
//! complete, durable, read back and verified page by page before it gets its name: a crash leaves no store there, and
//! opening what it leaves says so. Restoring is opening the folder, or a copy of it;
//! [`Options::read_only`](crate::Options::read_only) looks into it without changing a byte. A copy of the folder made
//! while the store is closed is a backup as well; one of an open store is not.
//!
//! Values are copied as they are, damaged ones too, and bytes of artifacts that are damaged or gone are left out: the
//! report counts both. Verify the store or the backup before older backups are given up.
//!
//! # Compacting
//!
//! A file gives room back at its end only, and free pages keep what stood in them.
//! [`Store::compact`](crate::Store::compact) copies the tables into a new file, verifies it, and puts it in the place
//! of the old one: a crash at any call leaves one or the other, whole. It wants the store to itself: writers wait, and
//! whoever holds a snapshot is in the way, which is an error of the kind `Locked` that says how old the snapshot is. It
//! needs room for the new file beside the old. redb's own compaction moves pages, and leaves what was erased in those
//! it frees.
//!
//! [`Durability::Relaxed`]: crate::Durability::Relaxed
//! [`CommitUnknown`]: crate::ErrorKind::CommitUnknown
//! [`Poisoned`]: crate::ErrorKind::Poisoned
//! [`StorageFull`]: crate::ErrorKind::StorageFull
//! [`Io`]: crate::ErrorKind::Io
//! [`Closed`]: crate::ErrorKind::Closed
//! [`ReadOnly`]: crate::ErrorKind::ReadOnly
//! [`NestedWrite`]: crate::ErrorKind::NestedWrite
//! [`Corrupt`]: crate::ErrorKind::Corrupt
