//! Times, counts and sizes.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

/// How long the parts of a text index stay the same before they are taken to be at rest.
const REST: Duration = Duration::from_secs(35);

/// Durations of repeated work.
#[derive(Default)]
pub(crate) struct Times(Vec<Duration>);

impl Times {
    pub(crate) fn time<R>(&mut self, work: impl FnOnce() -> R) -> R {
        let start = Instant::now();
        let result = work();
        self.0.push(start.elapsed());
        result
    }

    pub(crate) fn push(&mut self, time: Duration) {
        self.0.push(time);
    }

    pub(crate) fn extend(&mut self, other: Times) {
        self.0.extend(other.0);
    }

    /// The quantile `q` in microseconds.
    pub(crate) fn quantile_us(&mut self, q: f64) -> f64 {
        self.0.sort_unstable();
        let last = self.0.len().saturating_sub(1);
        let at = (last as f64 * q).round() as usize;
        self.0.get(at).map_or(0.0, |time| time.as_secs_f64() * 1e6)
    }
}

/// Bytes this process has handed to write calls so far, as Linux counts them.
pub(crate) fn bytes_written() -> u64 {
    let counters = fs::read_to_string("/proc/self/io").unwrap_or_default();
    let line = counters.lines().find_map(|line| line.strip_prefix("wchar: "));
    line.and_then(|number| number.parse().ok()).unwrap_or(0)
}

/// CPU time of this process so far, in seconds: it wanders less than the clock on a shared machine.
pub(crate) fn cpu_seconds() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or("");
    let ticks = after_name.split_whitespace().skip(11).take(2).filter_map(|word| word.parse::<f64>().ok());
    ticks.sum::<f64>() / 100.0
}

/// Begins anew with [`peak_rss_mb`], where Linux allows it.
pub(crate) fn forget_peak_rss() {
    let _ = fs::write("/proc/self/clear_refs", "5");
}

/// The most memory this process ever had resident, or since it was forgotten, in MB.
pub(crate) fn peak_rss_mb() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|text| text.trim().trim_end_matches(" kB").parse::<u64>().ok()).map_or(0, |kb| kb / 1024)
}

/// Bytes of the blocks that the files of `folder` occupy.
pub(crate) fn blocks(folder: &Path) -> std::io::Result<u64> {
    use std::os::unix::fs::MetadataExt;
    let mut bytes = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        bytes += if metadata.is_dir() { blocks(&entry.path())? } else { metadata.blocks() * 512 };
    }
    Ok(bytes)
}

pub(crate) fn round1(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

/// Waits until the text index of a store has put its parts together, or does so no more. Each part has one file of
/// postings.
pub(crate) fn let_rest(store: &Path) {
    let parts = || {
        let files = fs::read_dir(store.join("text")).into_iter().flatten().flatten();
        files.filter(|file| file.path().extension().is_some_and(|extension| extension == "idx")).count()
    };
    let (mut last, mut since) = (parts(), Instant::now());
    while last > 1 && since.elapsed() < REST {
        thread::sleep(Duration::from_millis(200));
        let now = parts();
        if now != last {
            (last, since) = (now, Instant::now());
        }
    }
}
