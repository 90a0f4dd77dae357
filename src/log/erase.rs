//! Erasing changes: their bytes and salts go, their digests stay and keep the chain.
//!
//! What an erased change names is found by its form alone: nothing that could be wrong with it keeps it here.

use std::collections::HashMap;

use crate::codec::canon::{self, Digest};
use crate::error::{Error, Result};
use crate::id::{ChangeId, Sequence};
use crate::log::change::Change;
use crate::log::commit::{Erased, Item, Part};
use crate::log::pack::{self, Commits};
use crate::storage::WriteTables;

/// How often what is erased names each long text.
type Named = HashMap<Digest, u64>;

/// Erases changes of earlier commits in the name of commit `by`, and the long texts that only they named.
pub(crate) fn erase(mut changes: Vec<ChangeId>, by: Sequence, tables: &mut WriteTables<'_>) -> Result<()> {
    changes.sort_unstable();
    let mut named = Named::new();
    let mut pack: Option<(u64, Commits)> = None;
    for changes in changes.chunk_by(|a, b| a.sequence == b.sequence) {
        let mut rest = changes;
        while let Some(next) = rest.first() {
            let sequence = next.sequence.get();
            let missing = || Error::corrupt(format!("erasing change {next}: it is missing"));
            if let Some((first, payload)) = tables.log_part_of(sequence, next.index)? {
                let mut part = Part::open(first, &payload)?;
                rest = erase_in(&mut part, rest, by, &mut named)?;
                tables.replace_log_part(sequence, first, &part.encode())?;
                continue;
            }
            if pack.as_ref().is_none_or(|(_, commits)| find(commits, sequence).is_none()) {
                if let Some((last, commits)) = pack.take() {
                    tables.replace_pack(last, &pack::encode(&commits)?)?;
                }
                let (last, payload) = tables.pack_of(sequence)?.ok_or_else(missing)?;
                pack = Some((last, pack::decode(&payload)?));
            }
            let commits = pack.as_mut().map(|(_, commits)| commits).ok_or_else(missing)?;
            let at = find(commits, sequence).ok_or_else(missing)?;
            let (_, payload) = commits.get_mut(at).ok_or_else(missing)?;
            let mut part = Part::open(0, payload)?;
            rest = erase_in(&mut part, rest, by, &mut named)?;
            *payload = part.encode();
        }
    }
    if let Some((last, commits)) = pack {
        tables.replace_pack(last, &pack::encode(&commits)?)?;
    }
    named.iter().try_for_each(|(digest, references)| tables.release_text(digest, *references))
}

fn find(commits: &Commits, sequence: u64) -> Option<usize> {
    commits.binary_search_by_key(&sequence, |(sequence, _)| *sequence).ok()
}

/// Erases those of `changes`, all of one commit, that stand in `part`; answers the others.
fn erase_in<'c>(part: &mut Part, changes: &'c [ChangeId], by: Sequence, named: &mut Named) -> Result<&'c [ChangeId]> {
    let mut rest = changes;
    while let Some((change, tail)) = rest.split_first() {
        let at = change.index.checked_sub(part.first).map(|at| at as usize);
        let Some(item) = at.and_then(|at| part.items.get_mut(at)) else { break };
        let Item::Whole { bytes, .. } = item else {
            return Err(Error::corrupt(format!("change {change} is erased already")));
        };
        let at = |error: canon::DecodeError| error.at(format!("change {change}"));
        let code = Change::code_of(bytes).map_err(at)?;
        for digest in canon::named_texts(bytes).map_err(at)? {
            *named.entry(digest).or_default() += 1;
        }
        *item = Item::Erased(Erased { digest: item.digest(), code, by });
        rest = tail;
    }
    if rest.len() == changes.len() {
        return Err(Error::corrupt("a change to erase is not in the part that should hold it"));
    }
    Ok(rest)
}
