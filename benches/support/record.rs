//! A run as plain owned data: what SQLite's rows and JSON texts are decoded into, in the place of `modeldb::Run`.

use std::fmt;

use modeldb::{KeyValue, KeyValues, NewRun, Run, RunId, Timestamp, Value};
use serde::de::{Error, MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A complete run.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(crate) struct Record {
    pub(crate) id: String,
    pub(crate) project: String,
    pub(crate) experiment: String,
    pub(crate) name: String,
    pub(crate) owner: String,
    pub(crate) start_time: i64,
    pub(crate) end_time: i64,
    pub(crate) description: String,
    pub(crate) hyperparameters: Pairs,
    pub(crate) metrics: Pairs,
    /// In ascending order.
    pub(crate) tags: Vec<String>,
    pub(crate) attributes: Pairs,
}

/// Keys with their values, in ascending order of keys; a map in JSON.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Pairs(pub(crate) Vec<(String, Scalar)>);

/// A value. Serde's own way to tell such kinds apart buffers each of them, which would burden the JSON peers.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub(crate) enum Scalar {
    Int(i64),
    Float(f64),
    Text(String),
}

impl Serialize for Pairs {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (key, value) in &self.0 {
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Pairs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries;
        impl<'de> Visitor<'de> for Entries {
            type Value = Pairs;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map of values")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pairs, A::Error> {
                let mut pairs = Vec::with_capacity(8);
                while let Some(entry) = map.next_entry()? {
                    pairs.push(entry);
                }
                // A linear check for what is sorted already.
                pairs.sort_by(|(a, _): &(String, Scalar), (b, _)| a.cmp(b));
                Ok(Pairs(pairs))
            }
        }
        deserializer.deserialize_map(Entries)
    }
}

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct One;
        impl Visitor<'_> for One {
            type Value = Scalar;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number or a text")
            }
            fn visit_i64<E: Error>(self, int: i64) -> Result<Scalar, E> {
                Ok(Scalar::Int(int))
            }
            fn visit_u64<E: Error>(self, int: u64) -> Result<Scalar, E> {
                i64::try_from(int).map(Scalar::Int).map_err(E::custom)
            }
            fn visit_f64<E: Error>(self, float: f64) -> Result<Scalar, E> {
                Ok(Scalar::Float(float))
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Scalar, E> {
                Ok(Scalar::Text(text.to_owned()))
            }
        }
        deserializer.deserialize_any(One)
    }
}

impl Record {
    /// What a store creates the run from.
    pub(crate) fn to_new_run(&self) -> NewRun {
        NewRun::named(self.name.as_str())
            .id(RunId::new(self.id.as_str()).unwrap())
            .owner(self.owner.as_str())
            .start_time(Timestamp::from_millis(self.start_time))
            .end_time(Timestamp::from_millis(self.end_time))
            .description(self.description.as_str())
            .hyperparameters(self.hyperparameters.key_values())
            .metrics(self.metrics.key_values())
            .tags(self.tags.iter().map(String::as_str))
            .attributes(self.attributes.key_values())
    }

    /// What `run` says, under a project and an experiment of these names.
    pub(crate) fn of_run(run: &Run, project: &str, experiment: &str) -> Self {
        Record {
            id: run.id.to_string(),
            project: project.to_owned(),
            experiment: experiment.to_owned(),
            name: run.name.clone(),
            owner: run.owner.clone(),
            start_time: run.start_time.map_or(0, Timestamp::millis),
            end_time: run.end_time.map_or(0, Timestamp::millis),
            description: run.description.clone(),
            hyperparameters: Pairs::of(&run.hyperparameters),
            metrics: Pairs::of(&run.metrics),
            tags: run.tags.clone(),
            attributes: Pairs::of(&run.attributes),
        }
    }
}

impl Pairs {
    fn key_values(&self) -> impl Iterator<Item = KeyValue> + '_ {
        self.0.iter().map(|(key, value)| match value {
            Scalar::Int(int) => KeyValue::new(key, *int),
            Scalar::Float(float) => KeyValue::new(key, *float),
            Scalar::Text(text) => KeyValue::new(key, text),
        })
    }

    fn of(entries: &KeyValues) -> Self {
        let scalar = |value: &Value| match value {
            Value::Int(int) => Scalar::Int(*int),
            Value::Float(float) => Scalar::Float(*float),
            Value::String(text) => Scalar::Text(text.clone()),
            other => panic!("no run was given {other}"),
        };
        Pairs(entries.iter().map(|entry| (entry.key.clone(), scalar(&entry.value))).collect())
    }
}
