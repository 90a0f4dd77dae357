//! Verifying a store: each section by itself, so that what is wrong with one does not hide what is wrong with others.

use std::ops::ControlFlow;
use std::panic::{self, AssertUnwindSafe};

use super::report::{Remedy, Verified, VerifyReport, VerifySection};
use super::{blobs, derived, records};
use crate::entity::state::State;
use crate::error::{Error, ErrorKind, Result};
use crate::id::Sequence;
use crate::keys;
use crate::log::chain::Head;
use crate::log::verify::{self, Lookup};
use crate::model::Stored;
use crate::progress::{Beside, Progress, Steps};
use crate::storage::{Database, ReadTables};
use crate::store::{Store, closed};

/// What to verify.
#[derive(Debug, Clone)]
#[must_use]
pub struct VerifyOptions {
    file: bool,
    log: bool,
    blobs: bool,
    against: Option<Head>,
}

impl Default for VerifyOptions {
    fn default() -> Self {
        VerifyOptions { file: true, log: true, blobs: true, against: None }
    }
}

impl VerifyOptions {
    /// Everything.
    pub fn new() -> Self {
        VerifyOptions::default()
    }

    /// Whether to verify the pages of the file. Default: true. Nobody reads or writes while that goes on.
    pub fn file(mut self, file: bool) -> Self {
        self.file = file;
        self
    }

    /// Whether to verify the log. Default: true. It takes most of the time.
    pub fn log(mut self, log: bool) -> Self {
        self.log = log;
        self
    }

    /// Whether to verify the bytes of artifacts. Default: true. Reads all of them.
    pub fn blobs(mut self, blobs: bool) -> Self {
        self.blobs = blobs;
        self
    }

    /// The log up to this head is the one the head was taken from.
    pub fn against(mut self, head: Head) -> Self {
        self.against = Some(head);
        self
    }
}

impl Store {
    /// Verifies everything there is: the pages of the file, every stored value, what they say of each other, the log,
    /// and what is derived from them. Reads everything, some of it twice; holds some ten MiB, and a few bytes for each
    /// experiment.
    ///
    /// The log is verified on two threads of its own. The pages of the file are verified first, while nobody else reads
    /// or writes: if somebody holds a snapshot, that section is [not done](VerifySection::skipped), and says how old
    /// the snapshot is. All others are of the store as it is then, while writes go on. If the pages are damaged, the
    /// handle writes no more.
    ///
    /// # Errors
    /// `Io` if reading fails, or there can be no thread; what is damaged is a finding of the report, not an error.
    /// `NestedWrite` inside a write; `CommitUnknown` if what was acknowledged could not be made durable; `Closed`.
    pub fn verify(&self) -> Result<VerifyReport> {
        self.verify_with(&VerifyOptions::new(), |_| ControlFlow::Continue(()))
    }

    /// [`verify`](Self::verify), of what `options` choose, telling `progress` how far it is.
    ///
    /// # Errors
    /// Those of [`verify`](Self::verify); `Cancelled`.
    pub fn verify_with(
        &self,
        options: &VerifyOptions,
        mut progress: impl FnMut(Progress) -> ControlFlow<()>,
    ) -> Result<VerifyReport> {
        let steps = &mut Steps::new(&mut progress);
        let mut sections = Vec::new();
        if options.file {
            steps.begin("verifying the file", 1)?;
            sections.push(self.verify_file()?);
        }
        let snapshot = self.read();
        let state = &*snapshot.state;
        // The log takes as long as all the others.
        std::thread::scope(|scope| {
            let against = options.against.as_ref();
            let log = options.log.then(|| Beside::start(scope, move |steps| log(state, against, steps)));
            let log = log.transpose()?;
            let (values, references) = records::sections(state, steps)?;
            let blobs = options.blobs.then(|| blobs::section(state, steps)).transpose()?;
            let derived = derived::section(state, steps)?;
            let log = log.map(|log| log.wait("verifying the log", steps)).transpose()?;
            sections.extend([Some(values), Some(references), log, blobs, Some(derived)].into_iter().flatten());
            Ok::<(), Error>(())
        })?;
        steps.now()?;
        Ok(VerifyReport { head: state.head, sections, text_sequence: state.common.text.sequence() })
    }

    fn verify_file(&self) -> Result<VerifySection> {
        let mut section = VerifySection::new(Verified::File);
        let checked = self.inner.hold_still().and_then(|mut still| {
            still.alone(|inner, database, state| {
                let Some(there) = database else { return Err(closed()) };
                // Not even the store itself may read meanwhile.
                state.tables = ReadTables::begin(&Database::empty()?)?;
                let checked = there.check();
                let is_sound = match &checked {
                    Ok(clean) => *clean,
                    Err(error) => !matches!(error.kind(), ErrorKind::Corrupt | ErrorKind::CommitUnknown),
                };
                if !is_sound {
                    inner.poison();
                }
                match ReadTables::begin(there) {
                    Ok(tables) => state.tables = tables,
                    Err(error) => {
                        *database = None;
                        return Err(error);
                    }
                }
                Ok(checked)
            })
        });
        match checked {
            Ok(Ok(clean)) => {
                section.checked = 1;
                if !clean {
                    let reason = "what it says of free pages did not add up";
                    section.find("store.redb", reason, Remedy::Repaired);
                }
            }
            Ok(Err(error)) if error.kind() == ErrorKind::Corrupt => {
                section.checked = 1;
                section.damaged("store.redb", &error);
            }
            Ok(Err(error)) => return Err(error),
            Err(error) => match error.kind() {
                ErrorKind::Locked | ErrorKind::ReadOnly | ErrorKind::Poisoned => {
                    section.skipped = Some(error.message().to_owned());
                }
                _ => return Err(error),
            },
        }
        Ok(section)
    }
}

/// Does a section. What is damaged so that it cannot go on is a finding; other errors end the verification.
pub(super) fn contained(
    section: &mut VerifySection,
    steps: &mut Steps<'_>,
    work: impl FnOnce(&mut VerifySection, &mut Steps<'_>) -> Result<()>,
) -> Result<()> {
    // redb may panic on pages that are damaged.
    let done = panic::catch_unwind(AssertUnwindSafe(|| work(section, steps)));
    match done {
        Ok(Err(error)) if is_damage(&error) => {
            section.damaged("store.redb", &error);
            section.skipped = Some("what comes behind that cannot be read".to_owned());
            Ok(())
        }
        Ok(done) => done,
        Err(_) => {
            section.damaged("store.redb", &Error::corrupt("reading a page panicked: it is damaged"));
            section.skipped = Some("what comes behind that cannot be read".to_owned());
            Ok(())
        }
    }
}

pub(super) fn is_damage(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Corrupt | ErrorKind::Incompatible)
}

/// What the section about references has asked already is not asked again.
struct Names<'l>(keys::Lookups<'l>);

impl Lookup for Names<'_> {
    fn finds(&self, _: &Stored) -> Result<bool> {
        Ok(true)
    }
    fn finds_name(&self, stored: &Stored) -> Result<bool> {
        self.0.finds_name(stored)
    }
    fn finds_write(&self, write_id: &str, sequence: Sequence) -> Result<bool> {
        self.0.finds_write(write_id, sequence)
    }
}

fn log(state: &State, against: Option<&Head>, steps: &mut Steps<'_>) -> Result<VerifySection> {
    let mut section = VerifySection::new(Verified::Log);
    contained(&mut section, steps, |section, steps| {
        let lookup = Names(keys::Lookups::new(&state.tables, &state.keys, state.common.hashing));
        let report =
            verify::verify(&state.tables, &state.resolver(), &state.hidden, &lookup, state.head, against, steps)?;
        section.checked = report.changes;
        if let Some(fault) = report.fault {
            section.find(format!("commit {}", fault.sequence), fault.reason, Remedy::Restore);
        }
        Ok(())
    })?;
    Ok(section)
}
