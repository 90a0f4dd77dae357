//! The dates that parents take from what is under them (ModelDB 8.4): derived, never a change.
//!
//! A project is as new as its newest experiment or run, an experiment as its newest run, deleted ones included.
//! Such a date only ever grows, so that it is kept as the times at which it grew, each with its commit: whoever
//! reads a snapshot takes the last one before it.

use std::collections::HashMap;

use crate::id::{EntityKind, Row, Sequence};
use crate::model::Parents;
use crate::time::Timestamp;

/// A parent and a date of what is under it.
pub(crate) type ParentDate = ((EntityKind, Row), Timestamp);

/// The dates a child with `date` gives its parents.
pub(crate) fn of_parents(parents: Parents, date: Timestamp) -> impl Iterator<Item = ParentDate> {
    let rows = match parents {
        Parents::None | Parents::Run(_) => [None, None],
        Parents::Project(project) => [Some((EntityKind::Project, project)), None],
        Parents::Experiment { project, experiment } => {
            [Some((EntityKind::Project, project)), Some((EntityKind::Experiment, experiment))]
        }
    };
    rows.into_iter().flatten().map(move |parent| (parent, date))
}

/// Dates as they grew, of one generation.
#[derive(Default)]
pub(super) struct Dates(HashMap<(EntityKind, Row), Vec<(Sequence, Timestamp)>>);

impl Dates {
    /// Takes in a date of commit `sequence`, which is not before those that are known.
    pub(super) fn grow(&mut self, (parent, date): ParentDate, sequence: Sequence) {
        let known = self.0.entry(parent).or_default();
        if known.last().is_none_or(|(_, last)| *last < date) {
            known.push((sequence, date));
        }
    }

    /// The date as of a commit.
    pub(super) fn at(&self, parent: (EntityKind, Row), at: Sequence) -> Option<Timestamp> {
        let known = self.0.get(&parent)?;
        let upto = known.partition_point(|(sequence, _)| *sequence <= at);
        upto.checked_sub(1).and_then(|last| known.get(last)).map(|(_, date)| *date)
    }

    /// The last dates of all parents, in order.
    pub(super) fn last(&self) -> Vec<ParentDate> {
        let last = |(parent, known): (&(EntityKind, Row), &Vec<(Sequence, Timestamp)>)| {
            known.last().map(|(_, date)| (*parent, *date))
        };
        let mut dates: Vec<_> = self.0.iter().filter_map(last).collect();
        dates.sort_unstable();
        dates
    }
}
