use std::slice;

use crate::value::Value;

/// A key with its value, as attributes, metrics and hyperparameters are made of.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct KeyValue {
    /// The key: any non-empty text.
    pub key: String,
    /// The value.
    pub value: Value,
    /// What the client declared the value to be: kept and echoed, never interpreted.
    pub value_type: ValueType,
}

/// ModelDB's declared type of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
#[allow(missing_docs)]
pub enum ValueType {
    #[default]
    String,
    Number,
    List,
    Blob,
}

impl KeyValue {
    /// A key with its value; the declared type follows the value.
    pub fn new(key: impl Into<String>, value: impl Into<Value>) -> Self {
        let value = value.into();
        let value_type = Self::default_type(&value);
        KeyValue { key: key.into(), value, value_type }
    }

    /// The type a client that says nothing is taken to declare.
    pub(crate) fn default_type(value: &Value) -> ValueType {
        match value {
            Value::Int(_) | Value::Float(_) => ValueType::Number,
            Value::List(_) => ValueType::List,
            Value::Map(_) => ValueType::Blob,
            Value::Null | Value::Bool(_) | Value::String(_) => ValueType::String,
        }
    }

    /// With another declared type.
    #[must_use]
    pub fn value_type(mut self, value_type: ValueType) -> Self {
        self.value_type = value_type;
        self
    }
}

impl<K: Into<String>, V: Into<Value>> From<(K, V)> for KeyValue {
    fn from((key, value): (K, V)) -> Self {
        KeyValue::new(key, value)
    }
}

/// Key-values in ascending order of keys, each key once.
///
/// Made from an iterator, a list or an array of [`KeyValue`]s or of pairs. Like that of the standard library's maps,
/// of several entries with one key the last is kept. (What a call like
/// [`NewRun::metrics`](crate::NewRun::metrics) is given is not: there a key that comes twice is an error.)
///
/// ```
/// use modeldb::{KeyValue, KeyValues, ValueType};
///
/// let values = KeyValues::from([("loss", 0.25), ("accuracy", 0.91), ("loss", 0.125)]);
/// assert_eq!(values.len(), 2);
/// assert_eq!(values.get("loss"), Some(&0.125.into()));
/// let declared: KeyValues = [KeyValue::new("n", 3).value_type(ValueType::String)].into_iter().collect();
/// assert_eq!(declared.entry("n").unwrap().value_type, ValueType::String);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct KeyValues(Vec<KeyValue>);

impl KeyValues {
    /// The value of `key`. Binary search.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.entry(key).map(|entry| &entry.value)
    }

    /// The entry of `key`. Binary search.
    pub fn entry(&self, key: &str) -> Option<&KeyValue> {
        self.position(key).ok().and_then(|at| self.0.get(at))
    }

    /// The entries in ascending order of keys.
    pub fn iter(&self) -> slice::Iter<'_, KeyValue> {
        self.0.iter()
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn position(&self, key: &str) -> Result<usize, usize> {
        self.0.binary_search_by(|entry| entry.key.as_str().cmp(key))
    }

    /// Entries that are sorted and distinct already.
    pub(crate) fn from_sorted(entries: Vec<KeyValue>) -> Self {
        debug_assert!(entries.is_sorted_by(|a, b| a.key < b.key));
        KeyValues(entries)
    }

    /// Entries as a caller gave them: sorted here, duplicates left for the rules to find.
    pub(crate) fn push(&mut self, entry: KeyValue) {
        self.0.push(entry);
    }

    pub(crate) fn as_mut_vec(&mut self) -> &mut Vec<KeyValue> {
        &mut self.0
    }

    /// Puts `entry` in place of what `key` held, or takes it out. Answers what was there.
    pub(crate) fn replace(&mut self, key: &str, entry: Option<KeyValue>) -> Option<KeyValue> {
        match (self.position(key), entry) {
            (Ok(at), Some(entry)) => self.0.get_mut(at).map(|slot| std::mem::replace(slot, entry)),
            (Ok(at), None) => Some(self.0.remove(at)),
            (Err(at), Some(entry)) => {
                self.0.insert(at, entry);
                None
            }
            (Err(_), None) => None,
        }
    }
}

impl<'a> IntoIterator for &'a KeyValues {
    type Item = &'a KeyValue;
    type IntoIter = slice::Iter<'a, KeyValue>;
    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

impl IntoIterator for KeyValues {
    type Item = KeyValue;
    type IntoIter = std::vec::IntoIter<KeyValue>;
    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<T: Into<KeyValue>> FromIterator<T> for KeyValues {
    fn from_iter<I: IntoIterator<Item = T>>(entries: I) -> Self {
        let mut list: Vec<KeyValue> = entries.into_iter().map(Into::into).collect();
        // Stable, and the last of equal keys moves into the place of the first.
        list.sort_by(|a, b| a.key.cmp(&b.key));
        list.dedup_by(|later, kept| {
            let same = later.key == kept.key;
            if same {
                std::mem::swap(later, kept);
            }
            same
        });
        KeyValues(list)
    }
}

impl<T: Into<KeyValue>, const N: usize> From<[T; N]> for KeyValues {
    fn from(entries: [T; N]) -> Self {
        entries.into_iter().collect()
    }
}

impl<T: Into<KeyValue>> From<Vec<T>> for KeyValues {
    fn from(entries: Vec<T>) -> Self {
        entries.into_iter().collect()
    }
}
