//! Interned keys: records hold codes, the log spells keys out.
//!
//! Codes are dense, given in the order of first use, and never reused. All of them are in memory:
//! about 100 bytes for each distinct key of the store.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::RwLock;

use crate::error::{Error, Result};

/// The keys of all durable commits, shared by all readers.
#[derive(Default)]
pub(crate) struct Dictionary {
    /// Read without a lock, and for as long as the dictionary is there: a page of runs asks for hundreds.
    texts: boxcar::Vec<Arc<str>>,
    codes: RwLock<HashMap<Arc<str>, u32>>,
}

impl Dictionary {
    pub(crate) fn new(keys: Vec<String>) -> Result<Self> {
        let dictionary = Dictionary::default();
        dictionary.extend(keys.into_iter().map(Arc::from))?;
        Ok(dictionary)
    }

    /// The text of `code`.
    pub(crate) fn text(&self, code: u32) -> Result<&str> {
        let text = self.texts.get(code as usize);
        text.map(AsRef::as_ref).ok_or_else(|| Error::corrupt(format!("no key has code {code}")))
    }

    /// The code of `key`, if it has one.
    pub(crate) fn code(&self, key: &str) -> Option<u32> {
        self.codes.read().get(key).copied()
    }

    /// How many keys there are.
    pub(crate) fn len(&self) -> usize {
        self.codes.read().len()
    }

    /// Takes over the keys of a commit that is durable now.
    pub(crate) fn publish(&self, pending: &mut PendingKeys) -> Result<()> {
        if pending.texts.is_empty() {
            return Ok(());
        }
        self.extend(std::mem::take(pending).texts.into_iter())
    }

    fn extend(&self, keys: impl Iterator<Item = Arc<str>>) -> Result<()> {
        // Under the lock, so that codes are given in order.
        let mut codes = self.codes.write();
        for key in keys {
            let code = code_at(self.texts.push(Arc::clone(&key)))?;
            codes.insert(key, code);
        }
        Ok(())
    }
}

fn code_at(index: usize) -> Result<u32> {
    u32::try_from(index).map_err(|_| Error::limit("a store has at most 2^32 distinct keys"))
}

/// Keys first used by writes that are not durable yet: the codes after those of the dictionary.
#[derive(Default)]
pub(crate) struct PendingKeys {
    texts: Vec<Arc<str>>,
    /// What is to be added to the codes of the dictionary.
    codes: HashMap<Arc<str>, usize>,
}

impl PendingKeys {
    /// The code of `key`, giving it the next one if it has none. Answers whether it is new.
    pub(crate) fn intern(&mut self, dictionary: &Dictionary, key: &str) -> Result<(u32, bool)> {
        if let Some(code) = dictionary.code(key) {
            return Ok((code, false));
        }
        let base = dictionary.len();
        if let Some(&index) = self.codes.get(key) {
            return Ok((code_at(base + index)?, false));
        }
        let (index, key) = (self.texts.len(), Arc::<str>::from(key));
        let code = code_at(base + index)?;
        self.texts.push(Arc::clone(&key));
        self.codes.insert(key, index);
        Ok((code, true))
    }

    /// The code of `key`, pending or not, if it has one.
    pub(crate) fn code(&self, dictionary: &Dictionary, key: &str) -> Option<u32> {
        let pending = || self.codes.get(key).and_then(|index| u32::try_from(dictionary.len() + index).ok());
        dictionary.code(key).or_else(pending)
    }

    /// The text of `code`, pending or not.
    pub(crate) fn text<'k>(&'k self, dictionary: &'k Dictionary, code: u32) -> Result<&'k str> {
        let pending = (code as usize).checked_sub(dictionary.len()).and_then(|index| self.texts.get(index));
        pending.map_or_else(|| dictionary.text(code), |text| Ok(text))
    }
}
