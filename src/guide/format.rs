//! Every byte on disk, in format 1.
//!
//! # Files
//!
//! ```text
//! experiments.modeldb/
//!   store.redb        everything
//!   store.redb.new    a store that is being made, or compacted; renamed to store.redb once it is durable
//!   store.redb.backup a backup that is being made; renamed likewise
//!   blobs/            large bytes of artifacts, each in a file, unless the store keeps them elsewhere:
//!                     ab/cd/abcd..., named by the 64 digits of its BLAKE3 digest
//!   lock              empty; locked while the store is open
//!   text/             the text index: derived, and no part of the format; delete it, and it comes back
//! ```
//!
//! `store.redb` is a file of [redb](https://docs.rs/redb) 4. redb compares integers as numbers and tuples field by
//! field, and so are the keys below ordered.
//!
//! # Tables
//!
//! | table | key | value |
//! |---|---|---|
//! | `meta` | name: `&str` | envelope of the setting |
//! | `dictionary` | code: `u32` | envelope of a key's text, UTF-8 |
//! | `projects`, `experiments`, `runs`, `comments`, `jobs`, `lineage` | row: `u32` | envelope of the record |
//! | `hidden` | kind: `u8`, row: `u32` | nothing; there is one for each deleted project and experiment |
//! | `running` | row: `u32` | nothing; there is one for each run whose status is running, deleted ones included |
//! | `log` | sequence: `u64`, first change: `u32`, piece: `u32` | piece of the envelope of a part of a commit |
//! | `packs` | last sequence: `u64`, piece: `u32` | piece of the envelope of a pack |
//! | `texts` | SHA-256: `[u8; 32]`, piece: `u32` | piece of a long text; under 2^32 - 1, how many times the changes of the log, and the records of entities whose purge has begun, name it: `u64` LE |
//! | `entries` | key: `u64`, row: `u32` | nothing; an entry of the key index |
//! | `dates` | kind: `u8`, row: `u32` | `i64`: the latest date of what is under a project or an experiment |
//! | `series` | row of a run: `u32`, key code: `u32`, generation: `u32`, first observation: `u64` | envelope of a chunk of a series |
//! | `blobs` | BLAKE3: `[u8; 32]`, piece: `u32` | piece of the envelope of a small blob |
//! | `filter_blocks` | number: `u32` | envelope of what a block of the filter index is of |
//! | `filter` | number: `u32`, generation: `u32`, space: `u8`, code: `u32`, piece: `u32` | piece of the envelope of a field of a block |
//!
//! All tables exist from the first commit of the file on, but for the last two: anything of those may be missing. Kinds
//! are 1 project, 2 experiment, 3 run, 4 comment, 5 job, 6 lineage edge. Rows and codes are dense from 0, in the order
//! in which the log creates entities and first uses keys, and never reused. A purged entity has no record.
//!
//! A value longer than a page would take a run of pages rounded up to a power of two. So log parts and packs are cut in
//! pieces of 4,040 bytes, small blobs in pieces of 8,136, texts and fields of blocks in pieces of 65,408, numbered
//! from 0.
//!
//! # Envelope
//!
//! ```text
//! 0      1         2                  6
//! +------+---------+------------------+----------------
//! | kind | version | CRC-32, LE       | payload ...
//! +------+---------+------------------+----------------
//! ```
//!
//! The CRC (of zlib, polynomial 0x04C11DB7) is over kind, version, key bytes and payload. With the key in it, a value
//! that is found under a damaged key does not pass for intact. The version is 1 throughout format 1.
//!
//! | kind | holds | key bytes, integers LE |
//! |---|---|---|
//! | 1 to 6 | record of the kind of that number | row, 4 bytes |
//! | 16 | part of a commit | sequence, 8 bytes; first change, 4 bytes |
//! | 17 | pack | last sequence, 8 bytes |
//! | 18 | chunk of a series | run row, code of the key, generation, 4 bytes each; first observation, 8 bytes |
//! | 19 | small blob, of at most 65,536 bytes | its digest |
//! | 32 | text of a key | code, 4 bytes |
//! | 33 | setting | its name |
//! | 34 | field of a block of the filter index | number, generation, 4 bytes each; space, 1 byte; code, 4 bytes |
//! | 35 | block of the filter index | number, 4 bytes |
//!
//! Texts have no envelope: their key is their digest.
//!
//! # Settings
//!
//! | name | bytes, integers LE |
//! |---|---|
//! | `format` | `u32`: 1 |
//! | `layout` | text: rkyv's version and format features, and the sizes of the archived types |
//! | `hash-key` | 16 random bytes: the key of the key index's hash |
//! | `keys` | watermark of the key index: `u64` sequence, then the rows of each kind there were then, `u64` each; kinds that are not there have none |
//! | `rows` | of each kind a row below which no new one may be, `u32` each; written when records are removed |
//! | `packed` | `u64`: the sequence number up to which commits were packed |
//!
//! # Records
//!
//! The payload is an archive of rkyv 0.8 with the features `little_endian`, `unaligned` and `pointer_width_32`, the
//! root at its end. The order of the fields is the schema.
//!
//! ```text
//! project     head
//! experiment  head, project: u32
//! run         head, project: u32, experiment: u32, start_time: i64, end_time: i64, status: u8,
//!             hyperparameters: [key value], metrics: [key value]
//! comment, job, lineage edge
//!             id, date_created: i64, date_updated: i64, version: u64, last_sequence: u64, last_index: u32,
//!             deleted: bool, parent: u32 (the row of a comment's run, else 0), rest: bytes
//!
//! head        id, name: text, description: text, owner: text,
//!             date_created: i64, date_updated: i64, version: u64,
//!             last_sequence: u64, last_index: u32, deleted: bool,
//!             attributes: [key value], tags: [string], rare: bytes
//! id          uuid: 16 bytes (lower case, hyphens) | hex: 16 bytes (32 lower-case digits) | string
//! text        string of at most 4,096 bytes | boxed (SHA-256, length: u64)
//! key value   key code: u32, declared type: u8, value
//! value       null | bool | i64 | f64 | string | boxed (SHA-256, length: u64) | nested: bytes
//! ```
//!
//! Times are milliseconds since 1970; 0 is none. A status is 0 none, 1 running, 2 finished, 3 failed, 4 abandoned, 5
//! crashed; its number in the canonical encoding is one less. `last_sequence` and `last_index` name the entity's last
//! change. Lists of key-values are in ascending order of the keys' texts, tags in ascending order. `nested` is the
//! canonical encoding of a list or a map. `rare` and `rest` are the canonical encoding of the entity's fields numbered
//! 32 and above; `rare` is nothing if all are default.
//!
//! # Canonical encoding
//!
//! Deterministic CBOR (RFC 8949, section 4.2.1): shortest integers and floats, definite lengths, map keys in bytewise
//! order of their encodings. On top of it:
//!
//! - A struct is a map from field numbers to values; a field that has its default is left out. Numbers are never
//!   reused (`src/codec/canon_model.rs` lists them).
//! - An enum without data is its number; one with data is `[number, data]`.
//! - An optional field that is none is null, or left out.
//! - A key-value is `[key, value]`, or `[key, value, declared type]` where the type does not follow from the value.
//! - Every NaN is `f9 7e00`.
//! - A text longer than 4,096 bytes is `28004([SHA-256, length])`, and its bytes are in `texts`.
//!
//! # The log
//!
//! A commit is one or more parts. A part ends when its items reach 128 KiB; the last one has the trailer.
//!
//! ```text
//! part      codec byte || content                 the payload of an envelope of kind 16
//!           codec 0: content as it is, when it is shorter than 4,040 bytes
//!           codec 1: length u32 LE || LZ4 block
//! content   [ [ item, ... ], trailer or null ]
//! item      [ salt, bytes ]                       or, after an erasure, [ digest, code, erasing sequence ]
//! trailer   [ header bytes, item of the context, hash ]
//! header    [ sequence, time, [ [ name, changes, repeated ], ... ], changes ]
//! context   { 0: actor, 1: id of the write }
//! actor     { 0: principal, 1: kind, 2: on behalf of, 3: session, 4: client, 5: source address,
//!             6: request id, 7: reason }
//! ```
//!
//! All of it is canonical encoding; `bytes` and `header bytes` are byte strings that hold one. Salts have 16 bytes.
//! `[name, changes, repeated]` stands for `repeated` operations in a row with the same name and number of changes. The
//! key of a part names the first change that is in it, from 0.
//!
//! A change is one of
//!
//! ```text
//! created   [ 0, kind, struct of the entity ]
//! edited    [ 1, kind, id, previous sequence, previous index, old date, new date, [ edit, ... ] ]
//! edit      [ field, old, new ]  or, for fields with a key, [ field, key, old, new ],
//!           or, for a part of an upload, [ 25, key, number, old, new ]
//! purged    [ 2, kind, id, previous sequence, previous index, changes erased, done ]
//! ```
//!
//! `done` says that the record is gone; an entity with many changes is purged by several commits, oldest changes first.
//!
//! | field | name | value |
//! |---|---|---|
//! | 0, 1, 4 | name, description, code version | text |
//! | 2, 3 | start, end | milliseconds |
//! | 5, 6 | code version snapshot, environment | struct |
//! | 7, 8, 9 with a key | attribute, metric, hyperparameter | `[value, declared type]` |
//! | 10 with the tag | tag | true |
//! | 11 | deleted | true |
//! | 12, 13 | readme, short name | text |
//! | 14, 15 with a key | artifact, dataset link | struct |
//! | 16, 17 | id of the job, id of the parent run | text |
//! | 18, 19, 20 | of a comment: message, author, date | text, text, milliseconds |
//! | 21, 22 | of a job: end, status | text, number |
//! | 23 with a key | series: observations of the key | struct |
//! | 24 | status of a run | number |
//! | 25 with a key and a number | part of the upload of an artifact | `[BLAKE3, length]` of its bytes |
//!
//! Null stands for a value that is not there, before or after. Each edit that changes anything also adds 1 to the
//! entity's version number. The previous sequence and index name the entity's change before this one.
//!
//! # Series
//!
//! Observations stand in chunks beside the record, which has what they sum up to: of each key the struct `{0: key,
//! 1: count, 2: numbers that are not NaN, 3: NaNs, 4: least, 5: greatest, 6: first, 7: last, 8: whether epochs ever
//! went back, 9: sum, 10: generation, 11: digest}`, where first and last are `{0: epoch, 1: place, 2: number}`. A
//! change holds that struct before and after. It adds the observations from the old count up to the new one, and the
//! digest is the SHA-256 of those, one after the other, each as the canonical encoding of `[epoch, milliseconds,
//! value]` with texts as they are. A series that is begun again after it was deleted has the next generation.
//!
//! ```text
//! chunk     shape byte || count u32 LE || observations as they are hashed              shape 0
//!           shape byte || count u32 LE || kinds, epochs, times, doubles, integers, texts    shape 1
//! ```
//!
//! Each column of shape 1 follows its length (`u32` LE). Kinds are 0 double, 1 integer, 2 false, 3 true, 4 text: one
//! byte if all are of one, else a byte for each, compressed as packs are. Epochs and times are the first and the step
//! (`i64` LE each) if they are equally far apart; else, like doubles and integers, in pco's standalone format. Texts
//! are canonical, one after the other, compressed as packs are. The key in the envelope of a chunk is that of its row,
//! little-endian. Chunks follow each other without a gap, and are written anew as they grow, up to 1,024 observations.
//!
//! # Hashes
//!
//! ```text
//! digest of x = SHA-256(salt of x || bytes of x)           x: the context, and each change
//! root(n)     = SHA-256(code 0 || digest of change 0 || code 1 || digest of change 1 || ...)
//! hash(n)     = SHA-256(hash(n-1) || header bytes(n) || digest of the context || root(n))
//! hash(0)     = 32 zero bytes
//! ```
//!
//! A code is one byte: the kind's number if the change creates an entity, else 0. So an erased creation, which keeps
//! digest and code, still takes its row. An item can be replaced by these without changing any hash; the salt keeps
//! what was erased from being guessed. A head is a sequence number and its hash, written `sequence:hash` with the hash
//! in 64 hexadecimal digits.
//!
//! # Packs
//!
//! Once 192 commits lie behind the last packed one, the next 128 sequence numbers are packed: those of them that take
//! one row of `log` go into one pack and leave `log`; larger ones stay where they are.
//!
//! ```text
//! pack      length u32 LE || LZ4 block of: ( sequence u64 LE || length u32 LE || part ) ...
//! ```
//!
//! A commit is looked for in `log` first, then in the first pack whose last sequence is not less.
//!
//! # Key index
//!
//! An ordered set of `(key: u64, row: u32)`. With `H` for SipHash-1-3 under the store's hash key, its top bit cleared:
//!
//! | finds | key | row |
//! |---|---|---|
//! | an entity by id | `H(0, kind, 0 as u64, id)` | its row |
//! | an entity by name | `H(1, kind, length of scope as u64, scope, name)` | its row |
//! | children in order of creation | `1 << 63 \| kind << 32 \| parent row` | the child's row |
//! | a commit by its write id | `H(2, 0, 0 as u64, id)` | low half of its sequence number |
//! | edges by their input | `H(3, type of the input, 0 as u64, its id)` | the edge's row |
//! | edges by their output | `H(4, type of the output, 0 as u64, its id)` | the edge's row |
//! | an edge by both | `H(5, type of the input, 1 + length of the output's id as u64, type of the output, its id, id of the input)` | the edge's row |
//!
//! Types are 1 run, 2 dataset version.
//!
//! Kinds and domains are single bytes, lengths little-endian. The scope of a project's name is its workspace; that of
//! an experiment's or a run's is the parent's row, 4 bytes LE. Projects, jobs and comments are children too: of row 0,
//! and of their run.
//!
//! Entries only propose. They are never removed, and one too many does no harm. The table has at least the entries of
//! all commits up to its watermark; those of later commits are made again from the log when the store is opened. The
//! table `dates` follows the log with the same watermark.
//!
//! # Filter index
//!
//! Block `n` is of the rows of runs from `65536 * n` on, as of one commit: `filter_blocks` has its generation (`u32`
//! LE), that commit (`u64` LE), how many rows it is of (`u32` LE), and space (`u8`) and code (`u32` LE) of each field
//! that some row has, ascending. These stand in `filter` under that generation; others are left behind by a block that
//! was being made, and go with the next. The setting `filter-changed` is a sequence number (`u64` LE) and a roaring
//! bitmap of the rows that commits up to it changed after their block was made: it is written with the key index's
//! watermark, and the log tells of later ones. `filter-purged` is a roaring bitmap of rows whose records are gone and
//! that blocks may still hold.
//!
//! Spaces: 1 project and 2 experiment (by row), 3 tags, 4 features, 5 name, 6 owner, 7 `date_created`, 8
//! `date_updated`, 9 `start_time`, 10 `end_time`, 11 `version_number`, 12 `parent_id`, 13 `job_id`, 14 `code_version`,
//! 15 `status`; 32 metrics, 33 hyperparameters, 34 attributes, by the code of the key; 48 least, 49 greatest, 50
//! first, 51 last, 52 mean and 53 count of the observations under a key, by its code. A field is a byte of what
//! numbers it has (1 integers, 2 doubles, 4 strings that read as numbers), and then sections, each after its length
//! (`u32` LE), each an array of numbers compressed by pco's standalone format, or empty: keys (`u64`) and offsets of
//! rows (`u16`) of numbers, of listed texts (by their place in the list) and of other texts (by SipHash-1-3 with a key
//! of zeros); the rows with false, with true, with NaN, and with what only the record tells; the lengths (`u32`) of the
//! listed texts; and, not compressed, these texts. The key of a number is the bits of its double, all inverted if it is
//! negative, and otherwise with the top bit set; of a parent, its row.
//!
//! # Why a crash leaves a store
//!
//! 1. redb commits by writing new pages beside the old ones and then one header that names the new root and carries a
//!    checksum. A torn header, or a root whose pages did not all arrive, is found at open, and the root before it is
//!    taken. So what is found is exactly the state after some transaction that was committed, and not before the last
//!    one whose sync returned.
//! 2. A transaction holds whole commits of the log with everything they do to tables. So tables and log are of one
//!    moment.
//! 3. What a writer keeps in memory (sequence, hash, time, next rows, packed commits, deleted rows) is read from the
//!    tables at open. None of it can disagree with them.
//! 4. The key index's watermark is written by the transaction that completes the entries up to it. So it is never
//!    ahead of its entries, nor, being in the same file, of the log.
//! 5. A block of the filter index counts from the transaction on that names it, which is after those of its fields.
//!    Commits without a sync write them: a crash loses the last blocks, and what it leaves is of commits that are there.
//! 6. A new file is complete and synced before it is renamed, and the folder is synced after it.
//!
//! # What the format's number means
//!
//! A store carries the number in the setting `format`. It is read before anything is written, and a store with another
//! number, or another `layout`, is refused as `Incompatible` and left as it was. The number changes when a build of
//! the old number could no longer read what a new build writes, or would read it wrongly. It is independent of the
//! crate's version. Once a number is published, its record types and golden bytes are frozen; later ones stand
//! beside them, and older records are read by upgrading them in memory. The log's bytes are what is hashed: they are
//! never rewritten into a newer format, only read.
