//! The phase of the text index: following a load, and questions.

use std::error::Error;
use std::hint::black_box;
use std::path::Path;
use std::time::Instant;

use modeldb::{Filter, QueryField, Store};
use serde_json::json;

use crate::measure::{self, Times, round1};

/// Follows a loaded store, and asks it for words and parts of some of its descriptions.
pub(crate) fn measure(folder: &Path, n: usize) -> Result<(), Box<dyn Error>> {
    let store = Store::options().cache_bytes(1 << 30).open(folder)?;
    store.optimize()?;
    let _ = std::fs::remove_dir_all(folder.join("text"));
    let (start, cpu) = (Instant::now(), measure::cpu_seconds());
    store.wait_indexed(store.read().sequence())?;
    let (seconds, cpu) = (start.elapsed().as_secs_f64(), measure::cpu_seconds() - cpu);
    let bytes = || measure::blocks(&folder.join("text"));
    let followed = bytes()?;
    measure::let_rest(folder);
    println!(
        "{}",
        json!({
            "phase": "text_follow", "n": n, "runs_per_s": (n as f64 / seconds).round(),
            "cpu_us_per_run": round1(cpu * 1e6 / n as f64), "bytes_per_run": followed / n as u64,
            "settled_bytes_per_run": bytes()? / n as u64, "peak_rss_mb": measure::peak_rss_mb(),
        })
    );

    let mut descriptions = Vec::new();
    for run in store.read().runs().find(Filter::all())?.iter()?.step_by((n / 200).max(1)) {
        descriptions.push(run?.description);
    }
    // Shorter ones have no such parts.
    descriptions.retain(|text| text.len() > 20 && text.split_whitespace().count() > 3);
    if descriptions.is_empty() {
        return Ok(());
    }
    let word = |at: usize| -> String {
        let words: Vec<&str> = descriptions[at].split_whitespace().collect();
        words[at % words.len()].trim_end_matches('.').to_owned()
    };
    let part = |at: usize, len: usize| -> String {
        let from = at % (descriptions[at].len() - len);
        descriptions[at][from..from + len].to_owned()
    };
    let pair = |at: usize| {
        let words: Vec<&str> = descriptions[at].split_whitespace().collect();
        format!("\"{} {}\"", words[1], words[2])
    };
    type Make<'m> = &'m dyn Fn(usize) -> Filter;
    let description = || QueryField::Description;
    let kinds: [(&str, Make<'_>); 9] = [
        ("word", &|at| description().matches(word(at))),
        ("word anywhere", &|at| QueryField::Text.matches(word(at))),
        ("two words", &|at| description().matches(format!("{} {}", word(at), word(at / 2)))),
        ("phrase", &|at| description().matches(pair(at))),
        ("beginning", &|at| description().matches(word(at)[..4].to_owned() + "*")),
        ("near", &|at| description().matches(word(at) + "~")),
        ("part of 6", &|at| description().contains(part(at, 6))),
        ("part of 12", &|at| description().contains(part(at, 12))),
        ("part of 2", &|at| description().contains(part(at, 2))),
    ];
    for (name, make) in kinds {
        let (mut counts, mut pages) = (Times::default(), Times::default());
        let mut hits = Vec::new();
        let read = store.read();
        for at in 0..descriptions.len() {
            let find = read.runs().find(make(at))?;
            hits.push(counts.time(|| find.count())?);
            black_box(pages.time(|| find.page_ids(1, 20))?);
        }
        hits.sort_unstable();
        println!(
            "{}",
            json!({
                "phase": "text", "question": name, "n": n, "hits_p50": hits[hits.len() / 2],
                "count_p50_us": round1(counts.quantile_us(0.5)), "count_p99_us": round1(counts.quantile_us(0.99)),
                "page_p50_us": round1(pages.quantile_us(0.5)),
            })
        );
    }
    store.close()?;
    Ok(())
}
