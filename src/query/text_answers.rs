//! What the text index says of the conditions of a filter.

use roaring::RoaringBitmap;

use crate::filter::Rows;
use crate::filter::words::Words;
use crate::query::filter::Filter;
use crate::text::TextAnswer;

/// Answers for conditions of one filter, for a whole search. A condition without one is answered otherwise.
#[derive(Default)]
pub(crate) struct Told<'f>(Vec<(&'f Filter, TextAnswer)>);

impl<'f> Told<'f> {
    #[cfg(feature = "text")]
    pub(crate) fn push(&mut self, condition: &'f Filter, answer: TextAnswer) {
        self.0.push((condition, answer));
    }

    /// What it says of a condition: the very one, not one like it.
    pub(crate) fn of(&self, condition: &Filter) -> Option<&TextAnswer> {
        self.0.iter().find(|(of, _)| std::ptr::eq(*of, condition)).map(|(_, answer)| answer)
    }
}

/// Those of some rows that are in a set.
pub(crate) fn among(set: &RoaringBitmap, rows: &Rows) -> Words {
    let mut words = Words::empty();
    match rows {
        Rows::From(first, len) => {
            // Many at a time is twice as fast as one by one.
            let (mut within, mut some) = (set.range(*first..first.saturating_add(*len)), [0; 256]);
            loop {
                let found = within.next_many(&mut some);
                if found.is_empty() {
                    break;
                }
                found.iter().filter_map(|row| rows.offset(*row)).for_each(|offset| words.insert(offset));
            }
        }
        Rows::Listed(listed) => {
            for (offset, row) in (0..=u16::MAX).zip(listed.iter()) {
                if set.contains(*row) {
                    words.insert(offset);
                }
            }
        }
    }
    words
}

/// How many of some rows are in a set.
pub(crate) fn count(set: &RoaringBitmap, rows: &Rows) -> u64 {
    match rows {
        Rows::From(first, len) => set.range_cardinality(*first..first.saturating_add(*len)),
        Rows::Listed(_) => among(set, rows).count(),
    }
}
