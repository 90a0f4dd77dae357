//! How much a search may take.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::error::{Error, ErrorKind, Result};

/// How much one call on a search may take, for hosts that serve questions of others. What exceeds it ends as an error,
/// and leaves nothing behind.
///
/// It is looked at for each record that is read: what the filter index answers alone takes a millisecond for a million
/// runs, and is not interrupted.
#[derive(Debug, Clone, Default)]
pub struct Budget {
    timeout: Option<Duration>,
    records: Option<u64>,
    cancel: Option<Arc<AtomicBool>>,
}

impl Budget {
    /// Without bounds.
    pub fn new() -> Self {
        Budget::default()
    }

    /// The time that a call may take: then it ends as `DeadlineExceeded`.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// The records that a call may read to find, to order and to return: then it ends as `LimitExceeded`.
    #[must_use]
    pub fn records(mut self, records: u64) -> Self {
        self.records = Some(records);
        self
    }

    /// A flag that ends calls as `Cancelled` once it is true.
    #[must_use]
    pub fn cancel(mut self, cancel: Arc<AtomicBool>) -> Self {
        self.cancel = Some(cancel);
        self
    }

    /// Whether an error says that a budget is used up.
    pub(crate) fn is_spent(error: &Error) -> bool {
        matches!(error.kind(), ErrorKind::LimitExceeded | ErrorKind::DeadlineExceeded | ErrorKind::Cancelled)
    }
}

/// A budget that is being used.
#[derive(Debug, Clone, Default)]
pub(crate) struct Meter {
    budget: Budget,
    end: Option<Instant>,
    pub(crate) records: u64,
}

impl Meter {
    pub(crate) fn new(budget: &Budget) -> Self {
        let end = budget.timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        Meter { budget: budget.clone(), end, records: 0 }
    }

    /// A record is about to be read.
    pub(crate) fn record(&mut self) -> Result<()> {
        self.records += 1;
        if let Some(most) = self.budget.records.filter(|most| self.records > *most) {
            return Err(Error::limit(format!("the search reads more than {most} records")));
        }
        // Looking at a clock takes as long as a good part of a record.
        if self.records % 16 == 1 {
            self.check()?;
        }
        Ok(())
    }

    /// Whether there is time left.
    pub(crate) fn check(&self) -> Result<()> {
        if self.budget.cancel.as_ref().is_some_and(|cancel| cancel.load(Ordering::Relaxed)) {
            return Err(Error::new(ErrorKind::Cancelled, "the search was cancelled"));
        }
        if self.end.is_some_and(|end| Instant::now() >= end) {
            let timeout = self.budget.timeout.unwrap_or_default();
            return Err(Error::new(ErrorKind::DeadlineExceeded, format!("the search takes longer than {timeout:?}")));
        }
        Ok(())
    }
}
