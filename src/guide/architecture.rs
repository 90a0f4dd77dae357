//! A tour of the code, in reading order, for whoever wants to change it.
//!
//! # One idea
//!
//! The change log is the spine. One write is one **commit** of the log, and one redb transaction both appends the
//! commit and applies its changes to typed tables. Nothing else is truth. History, the past, the audit and watching
//! are readings of the log; the key index and the filter index follow it and can be thrown away. If a feature seems to
//! need a second mechanism, look again.
//!
//! # Vocabulary
//!
//! | word | means |
//! |---|---|
//! | entity | a project, an experiment or a run; it has a public **id** |
//! | row | a dense `u32` within a kind, given in log order, never reused, never shown |
//! | record | the stored form of an entity: an rkyv archive in an **envelope** of kind, version and checksum |
//! | operation | a call inside a write, like `run.create` |
//! | change | one fact about one entity: it was created with these fields, or these fields went from old to new |
//! | commit | what one write did: operations, changes, time, actor, hash; it has a **sequence** number from 1 |
//! | head | a sequence number and the hash there: all that an auditor has to keep elsewhere |
//! | part | a stretch of a commit's changes that is stored as one value; most commits have one |
//! | pack | small old commits in one compressed block |
//! | draft | the changes of a write in progress, in memory |
//! | group | writes that share a redb transaction and its sync |
//! | state | what was published after a commit: what snapshots read from |
//! | follower | something derived from the log, with a watermark: the key index, the filter index, the text index |
//! | hidden | deleted projects and experiments as bitmaps, so that children need not be rewritten |
//!
//! # Rooms and floors
//!
//! A module uses only what is on lower floors, and on its own floor only what is in its own folder. `tests/floors.rs`
//! holds this against the sources; it has no list of exceptions.
//!
//! ## F0, the ground: `error`, `id`, `time`, `value`, `limits`, `names`, `progress`, `words/`, `digest`, `positioned`, `simulated`
//!
//! What everything else speaks of. `error` is the one error type: a kind, a sentence that says doing what, to what,
//! why, and a source. `value` has the total order of values. `limits` has every number. `words`
//! takes texts apart and says what a query for words means, by looking; the text index has the same words. `simulated`
//! is a disk in memory that crashes and fails, for tests of whatever writes to disks. *Useful for* anything. *Not for*
//! anything that knows of storage: no type of a dependency appears here in public.
//!
//! ## F1: `model/`
//!
//! The entities as plain public structs, ModelDB's fields under Rust names, one file per entity or part. *Useful for*
//! adding a field. *Not for* rules (those are in `entity/`) or bytes (those are in `codec/`).
//!
//! ## F2: `codec/` and `storage/`
//!
//! `codec/` turns the model into bytes, twice. `canon` and `canon_model` are deterministic CBOR, for the log: what is
//! hashed is what is stored, and any language reads it. `v1/` and `archive` are rkyv archives, for records: a field
//! is read where it is stored. `envelope` puts kind, version and CRC around every value.
//! *Not for* knowing where bytes go.
//!
//! `storage/` is the only place that names redb. `tables` lists every table; `read` and `write` are a snapshot and a
//! write transaction as typed gets and puts, both behind the trait `Source`, so that code above reads either; `place`
//! makes, locks and opens files; `dictionary` interns keys; `simulated` puts the disk of the feature `simulation` under
//! redb.
//! *Not for* meaning: it stores what it is given.
//!
//! ## F2: `blob/`
//!
//! The bytes of artifacts, by their digest, beside the store. The trait in `mod` is what a place for them can do;
//! `writer` and `reader` are on top of any, and find and check digests. `local` is a folder (`folder` knows its places
//! and the steps nobody may come between, `listing` its names, `files` what is asked of the file system), `memory` and
//! `object` are others; `mapped` is the only file with `unsafe` code. *Useful for* another place to keep bytes. *Not
//! for* knowing who needs a blob: that is in records. `kept` is where the blobs of one store are, opened when one is
//! needed.
//!
//! What was decided, and why:
//!
//! - **The name is the digest.** It is known at the end, so bytes are written under another name first. What a crash
//!   leaves under a blob's name is that blob.
//! - **A lock for naming, touching and removing**, across processes: so that a collection cannot look at the last use,
//!   and remove after somebody has said that he uses the blob. Nothing is synced, read or written under it.
//! - **A put reads what is there already.** Otherwise a damaged file would keep the good bytes out for ever.
//! - **Parts have no digests**, so a range is not checked: see [`BlobReader`](crate::BlobReader).
//! - **No lists of who is there**: unfinished files carry the lock of whoever writes them, and one that can be locked
//!   is nobody's.
//! - **Many bytes are hashed beside reading and writing them**, on a thread of their own (`hashing`): on a noisy disk a
//!   GiB came at 0.5 to 0.88 of the speed of a plain read with one thread, and at 0.8 in the median of nine runs with
//!   two; from the page cache at 0.3 and 0.4, which is the speed of the hash.
//! - **Up to 64 KiB stand in the database**, in pieces of two pages: in pieces of one, 4 KiB and their envelope took
//!   two entries, and 10,000 of them in one commit 650 ms instead of 450.
//!
//! ## F3: `log/`
//!
//! The spine. `change` and `commit` say what is told, `chain` how it is hashed. `draft` collects a write in memory;
//! `apply` is the one function that writes changes to tables and log; `erase` takes from the log what a purge erases,
//! `pack` packs old commits. `read` finds commits and
//! changes again; `resolve` gives records what they refer to; `history` walks back; `verify` and `export` are the
//! audit; `watch` wakes whoever follows. *Not for* deciding whether a change is allowed. Of observations a change has
//! a digest and what they sum up to, and they stand in chunks beside: a curve of a million points is no million facts
//! about a run, and its past is a beginning of it.
//!
//! ## F4: `keys/`
//!
//! The key index: from an id, a name within a parent, a parent, an end of an edge, or a write id to rows; and the dates
//! that projects and experiments take from what is under them. *Useful for* proposing rows;
//! whoever asks verifies them in the records, so an entry too many does no harm. *Not for* truth. Its newest entries
//! are in memory, because random keys written with every commit would cost half of it; they are folded into the table
//! in slices, and read again from the log at open.
//!
//! ## F4: `filter/`
//!
//! The filter index: what runs hold, as sets and sorted columns of blocks of 65,536 rows. *Useful for* finding,
//! ordering and counting runs without reading them. *Not for* truth either. Each row of a snapshot is answered for by
//! exactly one of three, and `view` says by which:
//!
//! - a **block** on the disk (`block`, `field`, `column`): a stored value for each field, loaded when it is asked for,
//!   immutable, of one commit; each snapshot has the blocks of its own transaction, and what is deleted is taken out by
//!   a set;
//! - an **overlay**: a block in memory, of rows that were created or changed since; searches make it once they have
//!   looked at the records of such rows four times;
//! - its **record**. `changed` knows which rows writes changed, keeps them over a reopening, and may name too many.
//!
//! `upkeep`, on the top floor, makes blocks once 16,384 rows, or one in 64, were created or changed: from a snapshot,
//! holding nobody up, and then writes them in slices of a MiB. Nothing of it is on the path of a commit, but that one
//! which is durable takes along what is in memory of a block, at most 8 MiB: beside blocks of 65,536 rows with 21
//! fields the slowest of 7,000 commits waited 12 to 21 ms, and without them 4 to 25 ms.
//!
//! A search looks at parts one by one, as far as it is asked (`matches`, in `entity/`): for the first of many by a
//! column's order it begins with the parts that hold them.
//!
//! A range is two positions in a sorted column; its rows are the difference of two kept prefixes, corrected by at most
//! 1,024 rows. A frequent value has its set. What a block cannot tell (lists and maps, texts beside the 4,096 it
//! lists, whole numbers that no double is) is looked up in records: that costs time, and nothing else. Projects and
//! experiments are joined when a search asks, so that deleting one is one small commit.
//!
//! What was tried, on blocks of 65,536 rows, two shared cores, one thread:
//!
//! | | |
//! |---|---|
//! | counting the bits of a set word by word, without an instruction for it; eight words added first | 2.5; 0.6 us |
//! | a binary search of a column's keys; of every 64th first | 3.3; 0.4 us a block, of a million rows |
//! | prefixes of every 4,096, and every 2,048 rows: a three-way count at 100,000 rows | 16; 10.5 us |
//! | the first 20 of 1 % of a million runs by time: looking each match up; passing by what does not match | 1.4 ms; 110 us |
//! | page 500 by time with its total: merging the heads of blocks; bisecting first | 273 / 438; 34 / 60 us at 100,000 / 1,000,000 |
//! | bisecting by the middle of the widest block, and by the middle of the middles of all: page 500 of a million, as views | 53; 42 us |
//! | in a page by time, beginning the walk of each block; only of those whose first number can come next; and copying the set of what is live for each block; not if that is everything: pages of 1 %, and of three conditions, of a million runs | 92; 70 us, and 167; 142 us |
//! | the first 20 of half of a million runs by time, as views: looking at all blocks; counting without sets, and looking at the block that they are in; not counting either | 77; 42; 34 us, and of three conditions, whose count takes sets, 132; 110; 49 us |
//! | owned runs of a page with what stands around them in a write; straight from their bytes | 76; 64 us for 20 |
//! | rows of a word sorted and appended to a set; set as bits if more than one in 256 matches: pages of a word, and of a part of a text, of a million runs, with the row above | 314; 205 us, and 360; 223 us |
//! | the newest 20 with a word, and with a part of a text, of a million runs, as views: from all documents; from those of the newest block, which are spans of ascending rows in each part of the text index | 230; 64 us, and 294; 59 us |
//! | counting a word: by the set of its rows; by what the library has counted, where the index is of just the snapshot's rows and all of them are live | 95; 5 us at a million |
//! | counting common bits as every machine can, and in the widest registers of this one: facets of 50 tags at 100,000 rows | 64; 42 us |
//! | keys of values behind a lock and a counter, and read from where they stand for good: 20 views with all fields | 31; 27 us |
//! | parts of texts of three, and of four characters: the substrings of the workload at 100,000 rows | 85; 16 us, for 380; 427 bytes a run |
//! | one dictionary of texts for all blocks; one for each | the first needs a lock and a table of its own on the disk; the second costs a search of 4,096 texts a block, under a microsecond |
//!
//! How searches of runs with six fields grow (hot). Up to a million it is of an earlier state, with owned runs, 20 a
//! page, and totals. 10 million are as it is now, on a slower machine, with a `filter_cache_bytes` of 2 GiB, of which
//! they took half: owned runs with totals, and views without.
//!
//! | | 10,000 | 100,000 | 1,000,000 | 10,000,000 |
//! |---|---|---|---|---|
//! | count of 1 %, of 50 % | 0.8 us | 1.2 us | 6; 7 us | 120; 149 us |
//! | count of three conditions | 6.6 us | 9 us | 43 us | 1.6 ms |
//! | newest 20 of 1 %, of 50 % | 34 us | 35 us | 62; 65 us | 0.41; 0.45 ms, 81; 51 us |
//! | newest 20 of three conditions | 39 us | 43 us | 101 us | 2.6 ms, 86 us |
//! | 20 of the least loss; page 500 by time | 31 us | 31; 37 us | 51; 65 us | 0.15 ms, 71 us; 0.24 ms, of runs with nothing but a name and a time |
//! | facets of 50 tags under 10 % | 14 us | 36 us | 273 us | 11.6 ms |
//! | the first search of a field | 0.2 ms | 7 ms | 87 ms | 0.3-1.2 s |
//!
//! ## F4: `text/`
//!
//! The text index, on tantivy, behind the feature `text`: words with their places, and each four neighbouring
//! characters of names, descriptions and readmes, for literal parts in any case. *Useful for* `matches`, for `contains`
//! on long texts, and for relevance. *Not for* truth: an answer is the rows it found and the rows it cannot tell of,
//! which are evaluated. Those are what was changed between the commit it has come to and the snapshot, whichever is
//! newer (`changes`), and entities with words or texts that are too long for it. A `question` is asked about all rows,
//! or first about those of a block: `entities` tells which documents of a part they are. `follow` is its thread:
//! started at the first question of a store with some thousand rows, it gathers changes for a quarter of a second,
//! indexes the records as they are now, and commits with the `mark` of the commit it is of. `engine` hands documents to
//! two threads of the library in groups, and waits while 16 MiB of texts wait for them: with one thread and one
//! document at a time 20,000 runs a second were indexed on two cores, so 35,000. The library puts eight parts of about
//! one size together while something is indexed; `parts` has it put together, when it is quiet, all but those that are
//! four times as large as the smaller ones together, each time what takes about as long as it was quiet: the rows of a
//! word are found in 8.7 us in one part of 100,000 runs and in 12 us in four, at a million in 61 us in one, which takes
//! a minute of a core to make, and in 78 us in eleven. Writers do not know of it. `folder` reads files by position, not
//! through maps, so that one that was cut off is an error. A mark that does not fit the log, a checksum that does not
//! fit, an error or a panic of the library: the index is thrown away and made again, and until then everything is
//! evaluated. `absent` stands for all of it in a build without the feature.
//!
//! ## F5: `query/`
//!
//! What users ask, without storage: `filter` is the one tree that every dialect is translated to, `check` what is
//! refused in it, `predicate` the translation of ModelDB's. `evaluate` says whether a record matches and `order` which
//! of two comes first: both by looking, so that any index can be held against them. `pattern`, `words` and `series` are
//! what `like`, `matches` and `min(...)` ask. `exec` asks the filter index: each part of a filter answers rows that
//! match for sure and rows that may. `text_questions` puts conditions to the text
//! index, `text_answers` is what it said, `snippet` excerpts what was found. `text/` reads our language, MLflow's and
//! the Python client's, and writes ours. *Not for* finding the records: `entity::walk` does, or `entity::search` by the
//! index.
//!
//! ## F6: `entity/`
//!
//! The rules, one file per kind: what may be created, logged, renamed, deleted. `state` is what a snapshot reads
//! from, `txn` a write in progress, `rules` what all kinds ask of what they are given, `shared` the calls that
//! projects, experiments and runs have in common: `entries` and `artifacts` do their work, `deletion` deletes and
//! restores. `uploads` gives artifacts bytes, whole or in parts. `copies` copies projects and runs, `listing` is pages
//! and iterators. `find` is a search as a user puts it together; `answering` is one call on it, by the index (`search`,
//! `search_order`, `search_columns`) or over records (`walk`), within a `budget`; `aggregate`, `find_cursor`,
//! `find_views`, `relevance` and `explain` are the ways it can end. `texts` hands records to the text index. `summary`
//! is projects in figures, `compare` runs side by side, `view` runs without a copy. Each public call ends in one
//! operation of the draft. *Not for* writing tables: only `log::apply` does.
//!
//! ## F7, the door: `store`, `options`, `snapshot`, `write`, `audit`, `watch`, `purge`, `upkeep`, `run_logger/`, `admin/`, `artifacts`, `environments`, `gc`, `transfer/`
//!
//! What a user holds. `write` is group commit; `upkeep` and `run_logger::writer` have a thread each. Lock order stands
//! at the top of `store`.
//!
//! `artifacts` brings bytes in and out: small ones stand in the table `blobs`, written with the commit that names them;
//! larger ones are put among the blobs before. `environments` reads some of them. `gc` removes what no record names:
//! larger ones by their age, small ones unless a write has named them since the snapshot whose records it read, for
//! which it keeps a list while it goes on.
//!
//! `run_logger/` is the handle of a training loop. `queue` gathers what one logger is told, by key; `writer` takes it
//! out of all queues and writes it, in one commit for each actor, by a thread or, without one, by whoever waits. What
//! may be written of it is said in `entity::logged`: there a value that is refused is left out by itself, since nobody
//! waits for the call that told it. That a run has a logger is not kept anywhere but in its status: only loggers set
//! it, and one process holds the store, so whatever the table `running` has when a store is opened is dead.
//! `log::apply` writes that table from the changes, as it does `hidden`; so a log that is told again gives the same,
//! `verify` holds it against the records, and opening reads a row for each dead run and no others.
//!
//! `transfer/` writes a project into a folder (`export`) and takes it into another store (`import`, by
//! `entity::imports`). `admin/` looks after a store: `verify` in sections (`records`, `series`, `derived`, the log's
//! own), each of which goes on where another found damage; `compact` and `backup`, which are one thing,
//! `storage::fresh`: all tables of a snapshot in a new file, in order, read back and verified before it has a name; and
//! `exclusive`, how a call gets the store to itself. A new table belongs in `storage::tables::each`, or compacting
//! refuses the store.
//!
//! # Invariants
//!
//! 1. Sequence numbers have no holes, and commit times never go backwards.
//! 2. Changes are outcomes. Given ids, random names and times are in them, so that the same log gives the same tables
//!    and rows everywhere. No clock and no randomness is consulted while changes are applied, salts aside.
//! 3. The log speaks public ids and spelled-out keys; rows and key codes are given when changes are applied.
//! 4. An entity is created once. Its record names its last change, and each change names the one before.
//! 5. A change holds the old and the new value, so it can be taken back, and taking it back checks that the new value
//!    is what stands there.
//! 6. A row is never reused, and deleting hides: history answers for deleted things until they are purged. A purge
//!    erases bytes and salts, and leaves digests.
//! 7. A state is published after its commit and before any caller has its answer. What a published state shows never
//!    changes.
//! 8. An error inside a write leaves no table changed. A storage error ends writing through the handle.
//! 9. Every stored value is checked against its key before a byte of it is believed. No file content may panic.
//!
//! # Four walks
//!
//! **A write.** [`Store::write`](crate::Store::write) takes the writer's lock (`write.rs`), opens a group if there is
//! none, and runs the closure on a `Draft` (`log/draft.rs`). `w.runs().create(..)` (`entity/run.rs`) checks its rules
//! against the store and the draft, then `Txn::create` encodes the change with a salt and stages the record. When the
//! closure has returned `Ok`, `Draft::finish` makes the header and the hash, and `log::apply::apply` writes records,
//! texts, hidden marks and log parts into the group's redb transaction. If somebody waits for the lock, the group is
//! left to them; the last one folds a slice of the key index, packs old commits if it is time, commits, publishes the
//! new state, and wakes the others. A write past 8 MiB spills its draft into a transaction of its own as it goes.
//!
//! **A read.** [`Store::read`](crate::Store::read) clones an `Arc`. `get` hashes the id, asks the entries in memory and
//! then the table for rows, opens the envelope of each row's record, compares the id, and checks the deleted flag and
//! the parents' bitmaps. `view` hands out the archive itself. `as_of` keeps the same state and a smaller sequence
//! number; getters then take back the changes after it, one read of the log each.
//!
//! **A crash.** redb falls back to its last durable commit: some commit n, with tables and log of the same moment. At
//! open, `store::recover` reads the last commit for sequence, hash and time, the last keys for the next rows, and lets
//! the key index follow the log from its watermark. Then runs whose loggers died become crashed, in a commit like any
//! other. There is nothing else to repair.
//!
//! **A compaction.** `admin::exclusive` takes the writer, with everything flushed, and refuses if somebody holds a
//! snapshot. `storage::fresh` copies into `store.redb.new`, checks and syncs it. Then readers wait for a moment: with
//! the published state held by nobody else, the old file is closed, the new one renamed over it, the folder synced, and
//! the state goes on with a transaction of the new file. All that is in memory stays as it is, for the tables hold the
//! same.
//!
//! **An audit.** `log::verify` reads the log from the first commit and recomputes each digest and hash; beside it, on a
//! thread, `log::verify_rows` takes for every creation the record of the row it must have got and walks back from it to
//! that creation. The chain finds an edited or dropped commit; the walk finds an edited, swapped, missing or outdated
//! row; counting finds a row that no commit made. A head kept elsewhere finds a log that was rewritten whole or cut at its end.
//!
//! # Where to start
//!
//! | to | begin in |
//! |---|---|
//! | add a field to an entity | `model/`, then a number in `codec/canon_model.rs`, then a setter |
//! | add an operation | `entity/`, next to one like it; if it edits a new field, `log/change.rs` |
//! | add a setting | `options.rs` |
//! | understand a byte | [`format`](mod@super::format) |
//! | keep bytes in another place | `BlobStore` in `blob/mod.rs`; `blob/memory.rs` is one of a hundred lines |
//! | see it fail on purpose | `simulated.rs` and `tests/crash/` |
