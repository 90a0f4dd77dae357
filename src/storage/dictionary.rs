//! Interned keys: records hold codes, the log spells keys out.
//!
//! Codes are dense, given in the order of first use, and never reused. All of them are in memory:
//! about 100 bytes for each distinct key of the store.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::RwLock;

use crate::error::{Error, Result};

#[derive(Default)]
struct Keys {
    texts: Vec<Arc<str>>,
    codes: HashMap<Arc<str>, u32>,
}

impl Keys {
    fn push(&mut self, key: Arc<str>) -> Result<u32> {
        let code =
            u32::try_from(self.texts.len()).map_err(|_| Error::limit("a store has at most 2^32 distinct keys"))?;
        self.texts.push(Arc::clone(&key));
        self.codes.insert(key, code);
        Ok(code)
    }
}

/// The keys of all durable commits, shared by all readers.
#[derive(Default)]
pub(crate) struct Dictionary(RwLock<Keys>);

impl Dictionary {
    pub(crate) fn new(keys: Vec<String>) -> Result<Self> {
        let mut inner = Keys::default();
        for key in keys {
            inner.push(key.into())?;
        }
        Ok(Dictionary(RwLock::new(inner)))
    }

    /// The text of `code`.
    pub(crate) fn text(&self, code: u32) -> Result<Arc<str>> {
        let keys = self.0.read();
        let text = keys.texts.get(code as usize);
        text.cloned().ok_or_else(|| Error::corrupt(format!("no key has code {code}")))
    }

    /// The text of `code`, copied: cheaper than to share it when it is to be owned anyway.
    pub(crate) fn owned(&self, code: u32) -> Result<String> {
        let keys = self.0.read();
        let text = keys.texts.get(code as usize);
        text.map(|text| text.as_ref().to_owned()).ok_or_else(|| Error::corrupt(format!("no key has code {code}")))
    }

    /// The code of `key`, if it has one.
    pub(crate) fn code(&self, key: &str) -> Option<u32> {
        self.0.read().codes.get(key).copied()
    }

    /// How many keys there are.
    pub(crate) fn len(&self) -> usize {
        self.0.read().texts.len()
    }

    /// Takes over the keys of a commit that is durable now.
    pub(crate) fn publish(&self, pending: &mut PendingKeys) -> Result<()> {
        if pending.0.texts.is_empty() {
            return Ok(());
        }
        let mut keys = self.0.write();
        for key in std::mem::take(&mut pending.0).texts {
            keys.push(key)?;
        }
        Ok(())
    }
}

/// Keys first used by writes that are not durable yet: the codes after those of the dictionary.
#[derive(Default)]
pub(crate) struct PendingKeys(Keys);

impl PendingKeys {
    /// The code of `key`, giving it the next one if it has none. Answers whether it is new.
    pub(crate) fn intern(&mut self, dictionary: &Dictionary, key: &str) -> Result<(u32, bool)> {
        if let Some(code) = dictionary.code(key) {
            return Ok((code, false));
        }
        let base = dictionary.len();
        let offset = |index: u32| -> Result<u32> {
            let code = u32::try_from(base).ok().and_then(|base| base.checked_add(index));
            code.ok_or_else(|| Error::limit("a store has at most 2^32 distinct keys"))
        };
        if let Some(&index) = self.0.codes.get(key) {
            return Ok((offset(index)?, false));
        }
        let index = self.0.push(Arc::from(key))?;
        Ok((offset(index)?, true))
    }

    /// The text of `code`, pending or not.
    pub(crate) fn text(&self, dictionary: &Dictionary, code: u32) -> Result<Arc<str>> {
        let pending = (code as usize).checked_sub(dictionary.len()).and_then(|index| self.0.texts.get(index));
        pending.map_or_else(|| dictionary.text(code), |text| Ok(Arc::clone(text)))
    }
}
