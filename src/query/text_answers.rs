//! What the text index says of the conditions of a filter.

use std::cell::{Cell, OnceCell};

use roaring::RoaringBitmap;

use crate::filter::Rows;
use crate::filter::words::Words;
use crate::query::filter::Filter;
use crate::text::{Question, TextAnswer};

/// Blocks that are asked about one by one before everything is: the first of many are in one or two.
const ONE_BY_ONE: u32 = 2;

/// Answers for conditions of one filter, for a whole search. A condition without one is answered otherwise.
#[derive(Default)]
pub(crate) struct Told<'f> {
    conditions: Vec<Condition<'f>>,
    /// All rows are wanted.
    all: Cell<bool>,
}

struct Condition<'f> {
    of: &'f Filter,
    question: Question<'f>,
    asked: Cell<u32>,
    /// What was answered of all rows.
    known: OnceCell<Option<TextAnswer>>,
}

impl<'f> Told<'f> {
    #[cfg(feature = "text")]
    pub(crate) fn push(&mut self, of: &'f Filter, question: Question<'f>) {
        self.conditions.push(Condition { of, question, asked: Cell::new(0), known: OnceCell::new() });
    }

    /// The very condition, not one like it.
    fn find(&self, condition: &Filter) -> Option<&Condition<'f>> {
        self.conditions.iter().find(|held| std::ptr::eq(held.of, condition))
    }

    /// All blocks will be looked at, so that it is of no use to ask about one.
    pub(crate) fn want_all(&self) {
        self.all.set(true);
    }

    /// How many of all rows fulfil a condition, those under deleted parents too, if it can tell at once.
    pub(crate) fn count(&self, condition: &Filter) -> Option<u64> {
        self.find(condition)?.question.count()
    }

    /// What `take` makes of what it says of a condition about some rows. Each answer is right for the snapshot of the
    /// search, though the index may come further between one and the next.
    pub(crate) fn of<R>(&self, condition: &Filter, rows: &Rows, take: impl FnOnce(&TextAnswer) -> R) -> Option<R> {
        let Condition { question, asked, known, .. } = self.find(condition)?;
        match rows {
            Rows::From(first, len)
                if !self.all.get()
                    && known.get().is_none()
                    && asked.get() < ONE_BY_ONE
                    && question.is_of_few_terms() =>
            {
                asked.set(asked.get() + 1);
                question.answer(&(*first..first.saturating_add(*len))).as_ref().map(take)
            }
            _ => known.get_or_init(|| question.answer(&(0..u32::MAX))).as_ref().map(take),
        }
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
