//! How far an index has come, written with each of its commits.

use super::{KINDS, Source};
use crate::error::Result;
use crate::id::EntityKind;
use crate::log::chain::Head;

/// Changed with everything that gives another index of the same store: what is indexed, how words are told apart, how
/// letters are put in lower case.
pub(super) const VERSION: u32 = 1;

/// The commit an index is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mark {
    /// With its hash: another store has another, and so has one that was put back and went on otherwise.
    pub(super) head: Head,
    /// Rows of each kind up to there.
    pub(super) rows: [u32; KINDS.len()],
    /// What was deleted is gone from the files, too.
    pub(super) clean: bool,
}

impl Mark {
    pub(super) fn of(source: &dyn Source, clean: bool) -> Result<Mark> {
        let mut rows = [0; KINDS.len()];
        for (rows, kind) in rows.iter_mut().zip(KINDS) {
            *rows = source.rows(kind)?;
        }
        Ok(Mark { head: source.head(), rows, clean })
    }

    /// Whether the store once was what the mark says.
    pub(super) fn fits(&self, source: &dyn Source) -> Result<bool> {
        if self.head.sequence > source.head().sequence {
            return Ok(false);
        }
        for (rows, kind) in self.rows.iter().zip(KINDS) {
            if *rows > source.rows(kind)? {
                return Ok(false);
            }
        }
        Ok(source.head_at(self.head.sequence)? == Some(self.head))
    }

    /// Rows of a kind up to there, if it is one with texts.
    pub(super) fn rows_of(&self, kind: EntityKind) -> Option<u32> {
        let at = KINDS.iter().position(|of| *of == kind)?;
        self.rows.get(at).copied()
    }

    pub(super) fn write(&self) -> String {
        let [projects, experiments, runs] = self.rows;
        let clean = if self.clean { "clean" } else { "unclean" };
        format!("modeldb-text {VERSION} {} {projects} {experiments} {runs} {clean}", self.head)
    }

    /// None if something else wrote it.
    pub(super) fn read(text: &str) -> Option<Mark> {
        let mut words = text.split(' ');
        if words.next()? != "modeldb-text" || words.next()?.parse() != Ok(VERSION) {
            return None;
        }
        let head = words.next()?.parse().ok()?;
        let mut rows = [0; KINDS.len()];
        for rows in &mut rows {
            *rows = words.next()?.parse().ok()?;
        }
        let clean = match words.next()? {
            "clean" => true,
            "unclean" => false,
            _ => return None,
        };
        words.next().is_none().then_some(Mark { head, rows, clean })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let head = format!("7:{}", "0a".repeat(32)).parse().unwrap();
        let mark = Mark { head, rows: [1, 2, 3], clean: false };
        assert_eq!(Mark::read(&mark.write()), Some(mark));
        for text in ["", "modeldb-text", &format!("{} more", mark.write()), &mark.write().replace("text 1", "text 2")] {
            assert_eq!(Mark::read(text), None, "{text}");
        }
    }
}
