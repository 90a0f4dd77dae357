//! The text of lists and maps, in which substrings are looked for.

use serde_json::Value as Json;

use crate::value::Value;

/// Compact JSON, keys ascending. NaN and infinities, which JSON lacks, are null.
pub(super) fn text(value: &Value) -> String {
    json(value).to_string()
}

fn json(value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Bool(bool) => Json::from(*bool),
        Value::Int(int) => Json::from(*int),
        Value::Float(float) => Json::from(*float),
        Value::String(text) => Json::from(text.as_str()),
        Value::List(items) => items.iter().map(json).collect(),
        Value::Map(map) => map.iter().map(|(key, item)| (key.clone(), json(item))).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nested_values_are_compact_json() {
        let map = Value::Map([("b".to_owned(), Value::from(1.5)), ("a".to_owned(), Value::Null)].into());
        let list = Value::List(vec![map, Value::from("q\"\u{e9}"), Value::from(f64::NAN), Value::from(7)]);
        assert_eq!(text(&list), "[{\"a\":null,\"b\":1.5},\"q\\\"\u{e9}\",null,7]");
    }
}
