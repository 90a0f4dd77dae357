//! Verifying the chunks of series: each by itself, against its neighbours, and against the run that it is of.

use super::records::{Pass, place};
use super::report::Remedy;
use super::verify::is_damage;
use crate::codec::observations;
use crate::error::Result;
use crate::id::{EntityKind, Row};
use crate::log::resolve::Resolver;
use crate::model::Entity;
use crate::progress::Steps;
use crate::storage::{ReadTables, SeriesPlace, open_chunk};

/// What a run says of its series.
struct Said {
    run: Row,
    /// Key, generation and count of each; none if the record cannot be read.
    series: Option<Vec<(u32, u32, u64)>>,
}

pub(super) fn verify(pass: &mut Pass<'_>, steps: &mut Steps<'_>) -> Result<()> {
    let tables = &pass.state.tables;
    steps.begin("verifying series", tables.series_chunks()?)?;
    let resolver = pass.state.resolver();
    let mut said: Option<Said> = None;
    // Where the next chunk of the same series begins.
    let mut next: Option<(SeriesPlace, u64)> = None;
    tables.each_chunk(&mut |at, first, sealed| {
        pass.values.checked += 1;
        pass.references.checked += 1;
        let stands = || format!("series of {}, key {}, observation {first}", place(EntityKind::Run, at.run), at.key);
        if said.as_ref().is_none_or(|said| said.run != at.run) {
            said = Some(read(&resolver, at.run)?);
        }
        let before = next.filter(|(of, _)| *of == at).map_or(0, |(_, index)| index);
        if first != before {
            let reason = format!("what is before it ends at observation {before}");
            pass.references.find(stands(), reason, Remedy::Restore);
        }
        let chunk = open_chunk(at, first, sealed).and_then(observations::decode);
        let len = match chunk {
            Ok(chunk) => chunk.len() as u64,
            Err(error) if is_damage(&error) => {
                pass.values.damaged(stands(), &error);
                // How long it was is not known.
                next = None;
                return steps.add(1);
            }
            Err(error) => return Err(error),
        };
        let end = first + len;
        next = Some((at, end));
        let named = match said.as_ref().and_then(|said| said.series.as_ref()) {
            None => Ok(()),
            Some(all) => match all.iter().find(|(key, ..)| *key == at.key) {
                // One that was deleted is kept for the past.
                None => Ok(()),
                Some((_, generation, _)) if at.generation < *generation => Ok(()),
                Some((_, generation, count)) if at.generation == *generation && end <= *count => Ok(()),
                Some(_) => Err("no record names it"),
            },
        };
        let named = match &said {
            Some(Said { series: None, .. }) => Err("the run it is of is not there, or cannot be read"),
            _ => named,
        };
        if let Err(reason) = named {
            pass.references.find(stands(), reason, Remedy::Restore);
        }
        steps.add(1)
    })
}

fn read(resolver: &Resolver<'_, ReadTables>, run: Row) -> Result<Said> {
    let stored = match resolver.stored(EntityKind::Run, run) {
        Ok(stored) => stored,
        Err(error) if is_damage(&error) => None,
        Err(error) => return Err(error),
    };
    let series = match stored.map(|stored| stored.entity) {
        Some(Entity::Run(run)) => {
            let all = run.series.iter();
            let all = all
                .filter_map(|series| Some((resolver.dictionary.code(&series.key)?, series.generation, series.count)));
            Some(all.collect())
        }
        _ => None,
    };
    Ok(Said { run, series })
}
