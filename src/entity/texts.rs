//! The texts of entities, for the text index to follow.

use std::borrow::Cow;
use std::sync::Arc;

use crate::entity::state::State;
use crate::error::Result;
use crate::id::{EntityId, EntityKind, Row, Sequence};
use crate::log::chain::Head;
use crate::log::change::Fact;
use crate::log::read::LogReader;
use crate::model::{Entity, KeyValues};
use crate::storage::Source as _;
use crate::text::{KINDS, Place, Source, Text};
use crate::value::Value;

/// A state, as the text index reads it, and what is let go of with it.
pub(crate) fn source(state: Arc<State>, held: impl Send + 'static) -> Box<dyn Source> {
    Box::new(StateSource(state, held))
}

struct StateSource<H>(Arc<State>, #[allow(dead_code)] H);

impl<H: Send> Source for StateSource<H> {
    fn head(&self) -> Head {
        self.0.head
    }

    fn head_at(&self, sequence: Sequence) -> Result<Option<Head>> {
        if sequence == Sequence::ZERO {
            return Ok(Some(Head::default()));
        }
        let resolver = self.0.resolver();
        Ok(LogReader::new(&self.0.tables, &resolver).commit(sequence)?.map(|commit| commit.head()))
    }

    fn rows(&self, kind: EntityKind) -> Result<u32> {
        self.0.tables.rows(kind)
    }

    fn changed_after(&self, sequence: Sequence) -> Result<Option<Vec<(EntityKind, Row)>>> {
        let resolver = self.0.resolver();
        let log = LogReader::new(&self.0.tables, &resolver);
        let mut changed: Vec<EntityId> = Vec::new();
        let mut known = true;
        for number in sequence.get() + 1..=self.0.head.sequence.get() {
            let found = log.parts(Sequence::new(number), &mut |part| {
                for item in &part.items {
                    match (item.creates(), log.decode(item)?) {
                        (Some(_), Some(_)) => {}
                        // What was purged cannot be found by its id any more.
                        (_, None) => known = false,
                        (None, Some(change)) if matches!(change.fact, Fact::Purged { .. }) => known = false,
                        (None, Some(change)) => changed.push(change.entity),
                    }
                }
                Ok(())
            })?;
            if !found || !known {
                return Ok(None);
            }
        }
        changed.sort_unstable();
        changed.dedup();
        let mut rows = Vec::new();
        for id in changed.iter().filter(|id| KINDS.contains(&id.kind())) {
            let Some((row, ..)) = self.0.find(id.kind(), id.as_str())? else { return Ok(None) };
            rows.push((id.kind(), row));
        }
        Ok(Some(rows))
    }

    fn texts(&self, kind: EntityKind, row: Row, take: &mut dyn FnMut(&[Text<'_>])) -> Result<()> {
        let Some(stored) = self.0.resolver().stored(kind, row)? else { return Ok(()) };
        if !stored.deleted {
            take(&texts(&stored.entity));
        }
        Ok(())
    }
}

/// What a filter sees as text, of what the text index knows.
fn texts(entity: &Entity) -> Vec<Text<'_>> {
    let mut texts = Vec::new();
    let mut add = |place, text| texts.extend(unless_empty(text).map(|text| (place, Some(Cow::Borrowed(text)))));
    add(Place::Name, entity.name().unwrap_or_default());
    match entity {
        Entity::Project(project) => {
            add(Place::Description, &project.description);
            add(Place::Readme, &project.readme_text);
        }
        Entity::Experiment(experiment) => add(Place::Description, &experiment.description),
        Entity::Run(run) => add(Place::Description, &run.description),
        _ => {}
    }
    // A set has empty elements, too, and they have no words.
    entity.tags().iter().for_each(|tag| add(Place::Tags, tag));
    let mut spaces = vec![('a', entity.attributes())];
    if let Entity::Run(run) = entity {
        spaces.extend([('m', Some(&run.metrics)), ('h', Some(&run.hyperparameters))]);
    }
    for (namespace, entries) in spaces {
        for entry in entries.into_iter().flat_map(KeyValues::iter) {
            let place = Place::Value(namespace, &entry.key);
            match &entry.value {
                Value::String(text) => texts.push((place, Some(Cow::Borrowed(text.as_str())))),
                Value::List(_) | Value::Map(_) => texts.push((place, None)),
                _ => {}
            }
        }
    }
    texts
}

fn unless_empty(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}
