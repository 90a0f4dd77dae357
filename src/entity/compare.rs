//! Runs side by side: which fields differ.

use std::collections::BTreeSet;

use crate::entity::run::Runs;
use crate::error::Result;
use crate::id::RunId;
use crate::model::{Entity, KeyValues, Run};
use crate::query::evaluate::{Subject, values_of};
use crate::query::field::QueryField;
use crate::value::Value;

/// What some runs hold, field by field.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct RunComparison {
    /// Fields that not all runs hold the same of, with what each run holds, none where it is missing or null:
    /// attributes, hyperparameters and metrics in order of keys, then the others.
    pub differing: Vec<(QueryField, Vec<Option<Value>>)>,
    /// Fields that all runs hold the same of, NaN included; not those that none has.
    pub equal: Vec<(QueryField, Value)>,
}

/// What is compared beside the keys. Ids, parents, dates of records and version numbers always differ, or say nothing.
const BUILTINS: [QueryField; 8] = [
    QueryField::Name,
    QueryField::Description,
    QueryField::Owner,
    QueryField::StartTime,
    QueryField::EndTime,
    QueryField::Status,
    QueryField::CodeVersion,
    QueryField::Tags,
];

impl Runs<'_> {
    /// What some runs have in common and in what they differ, in the order given. A set is compared whole, as a list.
    ///
    /// # Errors
    /// `NotFound` if one of them is not there.
    pub fn compare<'i>(&self, ids: impl IntoIterator<Item = &'i RunId>) -> Result<RunComparison> {
        let runs = ids.into_iter().map(|id| self.get(id)).collect::<Result<Vec<Run>>>()?;
        let mut fields: Vec<QueryField> = Vec::new();
        let mut keys_of = |entries: fn(&Run) -> &KeyValues, field: fn(String) -> QueryField| {
            let keys: BTreeSet<&str> =
                runs.iter().flat_map(|run| entries(run).iter()).map(|entry| &*entry.key).collect();
            fields.extend(keys.into_iter().map(|key| field(key.to_owned())));
        };
        keys_of(|run| &run.attributes, QueryField::Attribute);
        keys_of(|run| &run.hyperparameters, QueryField::Hyperparameter);
        keys_of(|run| &run.metrics, QueryField::Metric);
        fields.extend(BUILTINS);
        let entities: Vec<Entity> = runs.into_iter().map(Entity::Run).collect();
        let held = |entity: &Entity, field: &QueryField| {
            let mut values = values_of(&Subject::new(entity), field);
            if field.is_set() { Some(Value::List(values)) } else { values.pop() }
        };
        let mut comparison = RunComparison { differing: Vec::new(), equal: Vec::new() };
        for field in fields {
            let values: Vec<Option<Value>> = entities.iter().map(|entity| held(entity, &field)).collect();
            match values.split_first() {
                Some((first, others)) if others.iter().all(|other| other == first) => {
                    comparison.equal.extend(first.clone().map(|value| (field, value)));
                }
                Some(_) => comparison.differing.push((field, values)),
                None => {}
            }
        }
        Ok(comparison)
    }
}
