//! The log as JSON lines, complete enough to be verified without this crate.
//!
//! One line a commit, in order. `header`, `actor` and each of `changes` carry the hashed bytes and salts in
//! hexadecimal digits; `says` and `operations` repeat in words what the bytes say. `texts` holds the long
//! texts that the commit's changes name by digest.

use std::cell::RefCell;
use std::fmt::Write as _;
use std::io::Write;

use serde_json::{Value as Json, json};

use crate::codec::canon::{Digest, Texts};
use crate::error::{Error, Result};
use crate::id::Sequence;
use crate::log::chain::{Hash, Head};
use crate::log::change::{Change, Fact};
use crate::log::commit::Item;
use crate::log::read::LogReader;
use crate::storage::Source;

/// Remembers the long texts that are asked for.
struct Recorder<'a> {
    texts: &'a dyn Texts,
    seen: RefCell<Vec<(Digest, Vec<u8>)>>,
}

impl Texts for Recorder<'_> {
    fn text(&self, digest: &Digest, len: u64) -> Result<Vec<u8>> {
        let text = self.texts.text(digest, len)?;
        let mut seen = self.seen.borrow_mut();
        if !seen.iter().any(|(known, _)| known == digest) {
            seen.push((*digest, text.clone()));
        }
        Ok(text)
    }
}

/// Writes the commits after `after` up to `last`. A commit of any size is written part by part.
pub(crate) fn export<S: Source>(
    source: &S,
    texts: &dyn Texts,
    after: Sequence,
    last: Head,
    to: &mut dyn Write,
) -> Result<u64> {
    let recorder = Recorder { texts, seen: RefCell::default() };
    let log = LogReader::new(source, &recorder);
    let mut previous = match after {
        Sequence::ZERO => Hash::ZERO,
        _ => trailer(&log, after)?.hash,
    };
    let mut written = 0;
    for number in after.get() + 1..=last.sequence.get() {
        let sequence = Sequence::new(number);
        let trailer = trailer(&log, sequence)?;
        let commit = trailer.commit()?;
        let operations: Vec<Json> =
            commit.operations.iter().map(|operation| json!([operation.name, operation.changes])).collect();
        let says = commit.actor.as_ref().map(|actor| {
            json!({
                "principal": actor.principal, "kind": format!("{:?}", actor.kind).to_lowercase(),
                "on_behalf_of": actor.on_behalf_of, "session": actor.session, "client": actor.client,
                "source_address": actor.source_address, "request_id": actor.request_id, "reason": actor.reason,
                "idempotency_id": commit.idempotency_id,
            })
        });
        let head = json!({
            "sequence": number, "time": commit.time.millis(), "previous": previous.to_string(),
            "hash": trailer.hash.to_string(), "header": hex(&trailer.header),
            "actor": item(&trailer.actor, says), "operations": operations,
        });
        let head = head.to_string();
        // The object stays open for the changes, which may be many.
        write(to, head.trim_end_matches('}'))?;
        write(to, ",\"changes\":[")?;
        let mut separator = "";
        log.parts(sequence, &mut |part| {
            for entry in &part.items {
                let says = log.decode(entry)?.map(|change| describe(&change));
                write(to, separator)?;
                write(to, &item(entry, says).to_string())?;
                separator = ",";
            }
            Ok(())
        })?;
        let long: Vec<Json> = recorder
            .seen
            .take()
            .into_iter()
            .map(|(digest, text)| json!({"digest": hex(&digest), "text": String::from_utf8_lossy(&text)}))
            .collect();
        write(to, "]")?;
        if !long.is_empty() {
            write(to, &format!(",\"texts\":{}", Json::Array(long)))?;
        }
        write(to, "}\n")?;
        previous = trailer.hash;
        written += 1;
    }
    to.flush().map_err(|error| Error::io("exporting the log", error))?;
    Ok(written)
}

fn trailer<S: Source>(log: &LogReader<'_, S>, sequence: Sequence) -> Result<crate::log::commit::Trailer> {
    let missing = || Error::corrupt(format!("exporting the log: commit {sequence} is missing"));
    log.trailer(sequence)?.ok_or_else(missing)
}

fn write(to: &mut dyn Write, text: &str) -> Result<()> {
    to.write_all(text.as_bytes()).map_err(|error| Error::io("exporting the log", error))
}

/// Bytes as hexadecimal digits, in lower case.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn item(item: &Item, says: Option<Json>) -> Json {
    match item {
        Item::Whole { salt, bytes } => json!({"salt": hex(salt), "bytes": hex(bytes), "says": says}),
        Item::Erased(erased) => json!({"erased": hex(&erased.digest), "code": erased.code, "by": erased.by.get()}),
    }
}

fn describe(change: &Change) -> Json {
    match &change.fact {
        Fact::Created(entity) => {
            json!({"entity": change.entity.to_string(), "created": {"name": entity.name().unwrap_or_default(), "date_created": entity.date_created().millis()}})
        }
        Fact::Purged { changes, done } => {
            json!({"entity": change.entity.to_string(), "previous": change.previous.map(|id| id.to_string()), "purged": {"changes": changes, "done": done}})
        }
        Fact::Edited { edits, .. } => {
            let edits: Vec<Json> = edits
                .iter()
                .map(|edit| {
                    json!({
                        "field": edit.field.to_string(),
                        "old": edit.old.as_ref().map(ToString::to_string),
                        "new": edit.new.as_ref().map(ToString::to_string),
                    })
                })
                .collect();
            json!({"entity": change.entity.to_string(), "previous": change.previous.map(|id| id.to_string()), "edits": edits})
        }
    }
}
