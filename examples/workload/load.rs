//! The workload's files as new runs.

use std::error::Error;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use modeldb::{KeyValue, NewRun, RunId, Timestamp, Value};
use serde_json::{Map, Value as Json};

/// One line of `runs-N.jsonl`.
#[derive(Clone)]
pub(crate) struct Line {
    pub(crate) experiment: String,
    pub(crate) run: NewRun,
}

/// Calls `each` with every run of the file, in order, until it answers false.
pub(crate) fn each_run(
    path: &Path,
    mut each: impl FnMut(Line) -> Result<bool, Box<dyn Error>>,
) -> Result<(), Box<dyn Error>> {
    let file = File::open(path).map_err(|error| format!("{}: {error}", path.display()))?;
    for line in BufReader::with_capacity(1 << 20, file).lines() {
        if !each(parse(&line?)?)? {
            break;
        }
    }
    Ok(())
}

/// The first `limit` runs of the file.
pub(crate) fn runs(path: &Path, limit: usize) -> Result<Vec<Line>, Box<dyn Error>> {
    let mut lines = Vec::with_capacity(limit.min(1 << 20));
    each_run(path, |line| {
        lines.push(line);
        Ok(lines.len() < limit)
    })?;
    Ok(lines)
}

fn parse(line: &str) -> Result<Line, Box<dyn Error>> {
    let json: Json = serde_json::from_str(line)?;
    let text = |key: &str| json[key].as_str().ok_or_else(|| format!("{key} is no text"));
    let time = |key: &str| json[key].as_i64().map(Timestamp::from_millis).ok_or_else(|| format!("{key} is no time"));
    let pairs = |key: &str| -> Result<Vec<KeyValue>, String> {
        let map = json[key].as_object().ok_or_else(|| format!("{key} is no map"))?;
        Ok(entries(map))
    };
    let tags = json["tags"].as_array().ok_or("tags are no list")?;
    let run = NewRun::named(text("name")?)
        .id(RunId::new(text("id")?)?)
        .owner(text("owner")?)
        .description(text("description")?)
        .start_time(time("start_time")?)
        .end_time(time("end_time")?)
        .hyperparameters(pairs("hyperparameters")?)
        .metrics(pairs("metrics")?)
        .attributes(pairs("attributes")?)
        .tags(tags.iter().filter_map(Json::as_str));
    Ok(Line { experiment: text("experiment")?.to_owned(), run })
}

fn entries(map: &Map<String, Json>) -> Vec<KeyValue> {
    map.iter().map(|(key, value)| KeyValue::new(key, self::value(value))).collect()
}

fn value(json: &Json) -> Value {
    match json {
        Json::Null => Value::Null,
        Json::Bool(bool) => Value::Bool(*bool),
        Json::Number(number) => match number.as_i64() {
            Some(int) => Value::Int(int),
            None => Value::Float(number.as_f64().unwrap_or(f64::NAN)),
        },
        Json::String(text) => Value::String(text.clone()),
        Json::Array(items) => Value::List(items.iter().map(value).collect()),
        Json::Object(map) => Value::Map(map.iter().map(|(key, item)| (key.clone(), value(item))).collect()),
    }
}
