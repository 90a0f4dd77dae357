//! How a search finds what it finds.

use std::fmt;
use std::time::Duration;

/// How a search was answered, as it was: what [`Find::explain`](crate::Find::explain) tells. Printed, it is a table.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Explanation {
    /// How many match.
    pub total: u64,
    /// Whether the filter index had a part in it. Without, every record in scope was read.
    pub indexed: bool,
    /// Blocks of the filter index, each of up to 65,536 runs.
    pub blocks: u64,
    /// Overlays: blocks in memory of runs that were created or changed since.
    pub overlays: u64,
    /// Runs that neither answers for: their records were read.
    pub rest: u64,
    /// Records that were read.
    pub records: u64,
    /// Scope and conditions in the order they were applied. Without the index, one.
    pub steps: Vec<ExplanationStep>,
    /// How long it took.
    pub took: Duration,
}

/// One step of an [`Explanation`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ExplanationStep {
    /// What was asked.
    pub condition: String,
    /// Rows that the index names for it, sure or not, before anything else restricts them; deleted ones are among them.
    pub estimate: u64,
    /// What matched after it.
    pub matches: u64,
    /// Records that were read because the index did not know.
    pub records: u64,
    /// How long it took.
    pub took: Duration,
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let by = if self.indexed { "by the filter index" } else { "by reading records" };
        writeln!(f, "{} found {by} in {:?}, {} records read", self.total, self.took, self.records)?;
        writeln!(f, "{} blocks, {} overlays, {} runs beside them", self.blocks, self.overlays, self.rest)?;
        writeln!(f, "{:>12} {:>12} {:>9} {:>12}  condition", "estimate", "matches", "records", "time")?;
        for step in &self.steps {
            let ExplanationStep { condition, estimate, matches, records, took } = step;
            writeln!(f, "{estimate:>12} {matches:>12} {records:>9} {:>12}  {condition}", format!("{took:.1?}"))?;
        }
        Ok(())
    }
}
