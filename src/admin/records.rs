//! Verifying stored values by themselves, and what they say of each other: one pass over all tables.

use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};

use super::report::{Remedy, Verified, VerifySection};
use super::series;
use super::verify::{contained, is_damage};
use crate::codec::canon::{Digest, Texts};
use crate::codec::v1::{self, Resolve};
use crate::codec::{envelope, observations};
use crate::entity::state::State;
use crate::error::{Error, ErrorKind, Result};
use crate::id::{EntityId, EntityKind, ExperimentId, ProjectId, Row, RunId};
use crate::keys::{self, Entry};
use crate::limits;
use crate::log::apply;
use crate::log::resolve::{ParentIds, Resolver, payload};
use crate::model::{Entity, LineageEntry, Parents, Run, Stored};
use crate::progress::Steps;
use crate::storage::{ReadTables, SeriesPlace, SeriesSource, Source};

/// A resolver that knows whether it was what could not be resolved that made a record unreadable.
struct Noting<'a> {
    resolver: Resolver<'a, ReadTables>,
    failed: Cell<bool>,
}

impl Noting<'_> {
    fn note<T>(&self, result: Result<T>) -> Result<T> {
        result.inspect_err(|_| self.failed.set(true))
    }
}

impl Texts for Noting<'_> {
    fn text(&self, digest: &Digest, len: u64) -> Result<Vec<u8>> {
        self.note(self.resolver.text(digest, len))
    }
}

impl Resolve for Noting<'_> {
    fn key(&self, code: u32) -> Result<String> {
        self.note(self.resolver.key(code))
    }
    fn code(&self, key: &str) -> Option<u32> {
        self.resolver.code(key)
    }
    fn project_id(&self, row: Row) -> Result<ProjectId> {
        self.note(self.resolver.project_id(row))
    }
    fn experiment_id(&self, row: Row) -> Result<ExperimentId> {
        self.note(self.resolver.experiment_id(row))
    }
    fn run_id(&self, row: Row) -> Result<RunId> {
        self.note(self.resolver.run_id(row))
    }
}

pub(super) struct Pass<'s> {
    pub(super) state: &'s State,
    pub(super) values: VerifySection,
    pub(super) references: VerifySection,
    /// The project of each experiment, by row.
    experiments: Vec<u32>,
    /// Entries that the key index should have.
    wanted: Vec<(Entry, EntityKind)>,
    /// Runs were purged: what names one that is not there may be right.
    runs_purged: bool,
}

/// Verifies all values, and what they say of each other.
pub(super) fn sections(state: &State, steps: &mut Steps<'_>) -> Result<(VerifySection, VerifySection)> {
    let mut pass = Pass {
        state,
        values: VerifySection::new(Verified::Records),
        references: VerifySection::new(Verified::References),
        experiments: Vec::new(),
        wanted: Vec::new(),
        runs_purged: true,
    };
    pass.part(steps, Pass::small)?;
    for kind in EntityKind::ALL {
        pass.part(steps, |pass, steps| pass.records(kind, steps))?;
    }
    pass.part(steps, |pass, _| pass.settle())?;
    pass.part(steps, Pass::texts)?;
    pass.part(steps, Pass::marks)?;
    pass.part(steps, series::verify)?;
    Ok((pass.values, pass.references))
}

pub(super) fn place(kind: EntityKind, row: Row) -> String {
    format!("{kind} row {}", row.0)
}

impl Pass<'_> {
    /// A part of the pass: if a table cannot be read on, the next one is.
    fn part(
        &mut self,
        steps: &mut Steps<'_>,
        work: impl FnOnce(&mut Self, &mut Steps<'_>) -> Result<()>,
    ) -> Result<()> {
        let done = panic::catch_unwind(AssertUnwindSafe(|| work(self, steps)));
        let done = done.unwrap_or_else(|_| Err(Error::corrupt("reading a page panicked: it is damaged")));
        contained(&mut self.values, steps, |_, _| done)
    }

    fn small(&mut self, steps: &mut Steps<'_>) -> Result<()> {
        steps.begin("verifying settings and keys", 0)?;
        let rows = apply::next_rows(&self.state.tables)?.get(EntityKind::Run.index()).copied();
        self.runs_purged = u64::from(rows.unwrap_or(0)) != self.state.tables.stored(EntityKind::Run)?;
        let values = &mut self.values;
        self.state.tables.verify_small(&mut |damage| {
            values.checked += 1;
            if let Some((place, error)) = damage {
                values.damaged(place, &error);
            }
            steps.add(1)
        })?;
        Ok(())
    }

    fn records(&mut self, kind: EntityKind, steps: &mut Steps<'_>) -> Result<()> {
        let state = self.state;
        steps.begin("verifying records", state.tables.stored(kind)?)?;
        // What searches remember could hide what is not there any more.
        let parents = ParentIds::default();
        let dictionary = &state.common.dictionary;
        let resolver = Resolver { source: &state.tables, dictionary, parents: &parents, pending: None };
        let noting = Noting { resolver, failed: Cell::new(false) };
        state.tables.each_record(kind, &mut |row, sealed| {
            self.record(&noting, kind, row, sealed)?;
            steps.add(1)
        })
    }

    fn record(&mut self, noting: &Noting<'_>, kind: EntityKind, row: Row, sealed: &[u8]) -> Result<()> {
        self.values.checked += 1;
        noting.failed.set(false);
        let opened = envelope::open(v1::envelope_kind(kind), &row.0.to_le_bytes(), sealed);
        match opened.and_then(|payload| v1::decode(kind, row, payload, noting)) {
            Ok(stored) => self.refers(noting, &stored),
            Err(error) if !is_damage(&error) => Err(error),
            Err(error) => {
                let section = if noting.failed.get() { &mut self.references } else { &mut self.values };
                section.damaged(place(kind, row), &error);
                Ok(())
            }
        }
    }

    /// Looks after what a record names.
    fn refers(&mut self, noting: &Noting<'_>, stored: &Stored) -> Result<()> {
        self.references.checked += 1;
        let (kind, row) = (stored.kind(), stored.row);
        let mut wrong = Vec::new();
        if stored.last.sequence.get() == 0 || stored.last.sequence > self.state.head.sequence {
            wrong.push(format!("it names a change {}, which is in no commit", stored.last));
        }
        match stored.parents {
            Parents::Project(project) => {
                let at = row.0 as usize;
                if self.experiments.len() <= at {
                    self.experiments.resize(at + 1, u32::MAX);
                }
                if let Some(slot) = self.experiments.get_mut(at) {
                    *slot = project.0;
                }
            }
            Parents::Experiment { project, experiment } => {
                // One that could not be read was found there.
                let of = self.experiments.get(experiment.0 as usize).copied().filter(|of| *of != u32::MAX);
                if of.is_some_and(|of| of != project.0) {
                    wrong.push("its experiment belongs to another project".to_owned());
                }
            }
            Parents::None | Parents::Run(_) => {}
        }
        match &stored.entity {
            Entity::Run(run) => self.run(noting, row, run, &mut wrong)?,
            Entity::LineageEdge(edge) => {
                for end in [&edge.input, &edge.output] {
                    if let LineageEntry::Run(id) = end {
                        self.is_there(id, &mut wrong)?;
                    }
                }
            }
            _ => {}
        }
        for reason in wrong {
            self.references.find(place(kind, row), reason, Remedy::Restore);
        }
        self.wanted.extend(keys::created(self.state.common.hashing, stored).map(|entry| (entry, kind)));
        if self.wanted.len() >= limits::VERIFY_ENTRIES { self.settle() } else { Ok(()) }
    }

    fn run(&self, noting: &Noting<'_>, row: Row, run: &Run, wrong: &mut Vec<String>) -> Result<()> {
        // Its parent may be of another store, or none at all.
        for series in run.series.iter().filter(|series| series.count > 0) {
            let key = noting.code(&series.key);
            let place = key.map(|key| SeriesPlace { run: row, key, generation: series.generation });
            let last = match place {
                Some(place) => self.state.tables.sealed_chunk(place, series.count - 1)?,
                None => None,
            };
            let count = |(first, sealed): (u64, Vec<u8>)| {
                observations::count(payload(&sealed)).ok().map(|count| first + count as u64)
            };
            if last.and_then(count) != Some(series.count) {
                wrong.push(format!("not all {} observations under {:?} are there", series.count, series.key));
            }
        }
        Ok(())
    }

    /// Whether a run that something names is there, deleted or not.
    fn is_there(&self, id: &RunId, wrong: &mut Vec<String>) -> Result<()> {
        if self.runs_purged {
            return Ok(());
        }
        match self.state.row_even_deleted(&EntityId::from(id)) {
            Ok(_) => Ok(()),
            Err(error) if is_damage(&error) || error.kind() == ErrorKind::NotFound => {
                wrong.push(format!("it names run {id:?}: {}", error.message()));
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    /// Looks up the entries that the key index should have, in its order.
    fn settle(&mut self) -> Result<()> {
        let mut wanted = std::mem::take(&mut self.wanted);
        wanted.sort_unstable_by_key(|(entry, _)| *entry);
        let entries: Vec<Entry> = wanted.iter().map(|(entry, _)| *entry).collect();
        let lookups = keys::Lookups::new(&self.state.tables, &self.state.keys, self.state.common.hashing);
        for entry in lookups.missing(&entries)? {
            let at = wanted.binary_search_by_key(&entry, |(entry, _)| *entry);
            let kind = at.ok().and_then(|at| wanted.get(at)).map_or(EntityKind::Run, |(_, kind)| *kind);
            let reason = "the key index does not find it by its id, by its name, or under its parent";
            self.references.find(place(kind, Row(entry.1)), reason, Remedy::Restore);
        }
        wanted.clear();
        self.wanted = wanted;
        Ok(())
    }

    fn texts(&mut self, steps: &mut Steps<'_>) -> Result<()> {
        steps.begin("verifying long texts", 0)?;
        let values = &mut self.values;
        self.state.tables.verify_texts(&mut |damage| {
            values.checked += 1;
            if let Some((place, error)) = damage {
                values.damaged(place, &error);
            }
            steps.add(1)
        })
    }

    fn marks(&mut self, steps: &mut Steps<'_>) -> Result<()> {
        steps.begin("verifying what is deleted", 0)?;
        let (tables, references) = (&self.state.tables, &mut self.references);
        tables.each_mark(&mut |table, code, row| {
            references.checked += 1;
            let kind = EntityKind::from_code(u64::from(code));
            let is_parent = matches!(kind, Some(EntityKind::Project | EntityKind::Experiment));
            let there = match kind.filter(|_| is_parent) {
                // The dates of what was purged stay.
                Some(_) if table == "dates" => true,
                Some(kind) => tables.record(kind, row)?.is_some(),
                None => false,
            };
            if !there {
                let kind = kind.map_or_else(|| format!("kind {code}"), |kind| kind.to_string());
                let reason = format!("there is no {kind} of row {}", row.0);
                references.find(format!("table {table}"), reason, Remedy::Restore);
            }
            steps.add(1)
        })
    }
}
