//! Every point of a trace, cut: what a crash there leaves opens, and holds what it should.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use modeldb::simulation::Keep;

use super::beside::BesideOp;
use super::model::Op;
use super::workload::{History, Workload, options};
use crate::support::random::{Random, printed_seed};

/// What a crash keeps, in the ways that are tried at every point.
fn ways(random: &mut Random, subsets: usize) -> Vec<Keep> {
    let mut ways = vec![Keep::None, Keep::All];
    for _ in 0..subsets {
        ways.push(Keep::Subset(random.next()));
        ways.push(Keep::Torn(random.next()));
    }
    ways
}

/// Opens the image and checks it. A thorough check looks through all indexes, verifies, and writes on.
fn check(history: &History, at: usize, keep: Keep, thorough: bool) {
    let image = history.disk.image(at, keep);
    // Once it is made, it is there.
    let store = options(at as u64).create(at < history.made).open_simulated(&image).unwrap();
    let sequence = history.check(&store, at, thorough);
    if thorough {
        store.write(|w| w.projects().get_or_create("after the crash")).unwrap();
        assert_eq!(store.read().sequence().get(), sequence + 1);
        assert!(store.audit().verify().unwrap().is_intact());
        // What is deleted by then, in part already purged or not, can be purged.
        assert!(store.purge().unwrap().finished);
        let report = store.audit().verify().unwrap();
        assert!(report.is_intact(), "{report:?}");
        assert_eq!(store.purge().unwrap().commits, 0);
    }
}

/// How a trace is cut.
pub(super) struct Cuts {
    /// Cut at every so many calls.
    stride: usize,
    /// Random subsets at each, torn and not.
    subsets: usize,
    /// Every so many images are checked thoroughly.
    thorough: usize,
}

const EVERYWHERE: Cuts = Cuts { stride: 1, subsets: 3, thorough: 8 };

fn cut(name: &str, history: &History, seed: u64, cuts: &Cuts) {
    let mut random = Random::new(seed);
    let calls = history.disk.recorded();
    let mut images = 0;
    for at in (0..=calls).step_by(cuts.stride) {
        for keep in ways(&mut random, cuts.subsets) {
            let thorough = images % cuts.thorough == 0;
            if let Err(payload) = catch_unwind(AssertUnwindSafe(|| check(history, at, keep, thorough))) {
                println!("{name}: MODELDB_SEED={seed}: failed at call {at} of {calls}, keeping {keep:?}");
                resume_unwind(payload);
            }
            images += 1;
        }
    }
    println!("{name}: {calls} calls, {} commits, {images} images", history.states.len() - 1);
}

/// A random workload from the making of the store on.
fn from_creation(name: &str, default: u64) {
    let seed = printed_seed(name, default);
    let mut workload = Workload::new(seed);
    for _ in 0..60 {
        workload.step();
    }
    cut(name, &workload.finish(), seed, &EVERYWHERE);
}

#[test]
fn a_store_from_its_creation_on() {
    from_creation("a_store_from_its_creation_on", 1);
}

#[test]
fn another_store_from_its_creation_on() {
    from_creation("another_store_from_its_creation_on", 2);
}

#[test]
fn a_third_store_from_its_creation_on() {
    from_creation("a_third_store_from_its_creation_on", 3);
}

#[test]
fn a_fourth_store_from_its_creation_on() {
    from_creation("a_fourth_store_from_its_creation_on", 4);
}

/// The writes in the trace are those around which the log is packed.
#[test]
fn while_the_log_is_packed() {
    let name = "while_the_log_is_packed";
    let seed = printed_seed(name, 5);
    let mut workload = Workload::new(seed);
    for _ in 0..186 {
        workload.write_one();
    }
    workload.record();
    for _ in 0..12 {
        workload.write_one();
    }
    workload.reopen();
    workload.write_one();
    cut(name, &workload.finish(), seed, &Cuts { stride: 1, subsets: 3, thorough: 16 });
}

fn parents() -> (Op, Op) {
    let project = Op::Project { id: "project".to_owned() };
    (project, Op::Experiment { project: "project".to_owned(), id: "experiment".to_owned() })
}

fn runs(prefix: &str, count: usize, description: String) -> Op {
    let ids = (0..count).map(|at| format!("{prefix}-{at}")).collect();
    Op::Runs { experiment: "experiment".to_owned(), ids, description }
}

/// The key index is being folded, slice by slice, by the writes in the trace.
#[test]
fn while_the_key_index_is_folded() {
    let name = "while_the_key_index_is_folded";
    let seed = printed_seed(name, 6);
    let mut workload = Workload::new(seed);
    let (project, experiment) = parents();
    workload.write(vec![project, experiment], None);
    // Three entries a run; the index is folded from 32,768 on, and a load of its own would fold all of it.
    for at in 0..11 {
        workload.write(vec![runs(&format!("load-{at}"), 993, String::new())], None);
    }
    workload.record();
    for at in 0..6 {
        workload.write(vec![runs(&format!("small-{at}"), 70, String::new())], None);
    }
    cut(name, &workload.finish(), seed, &Cuts { stride: 11, subsets: 1, thorough: 24 });
}

/// Deletes an experiment with so many runs and one with as many changes, and what stands beside them.
pub(super) fn to_be_purged(workload: &mut Workload, changes: usize) {
    let (project, experiment) = parents();
    workload.write(vec![project, experiment], None);
    let other = Op::Experiment { project: "project".to_owned(), id: "other".to_owned() };
    workload.write(vec![other], None);
    let text = Random::new(1).text(4_500);
    workload.write(vec![runs("many", changes, String::new())], None);
    let mut deep = vec![runs("deep", 1, text.clone())];
    for at in 0..changes {
        let (run, key) = ("deep-0".to_owned(), format!("m{at}"));
        deep.push(Op::Metric { run, key, value: 1.into() });
    }
    workload.write(deep, None);
    let kept = Op::Runs { experiment: "other".to_owned(), ids: vec!["kept".to_owned()], description: text.clone() };
    workload.write(vec![kept], None);
    for run in ["kept", "many-3", "deep-0"] {
        let (run, id, message) = (run.to_owned(), format!("on-{run}"), text.clone());
        workload.write(vec![Op::Beside(BesideOp::Comment { run, id, message })], None);
    }
    let ends = |id: &str| vec![id.to_owned()];
    let edges = BesideOp::Edges { inputs: ends("kept"), outputs: vec!["many-3".to_owned(), "deep-0".to_owned()] };
    let job = BesideOp::Job { id: "job".to_owned(), description: text };
    workload.write(vec![Op::Beside(edges), Op::Beside(job)], None);
    let removed = BesideOp::RemoveEdges { inputs: ends("kept"), outputs: ends("deep-0") };
    let deleted = BesideOp::DeleteJob { id: "job".to_owned() };
    workload.write(vec![Op::Beside(removed), Op::Beside(deleted)], None);
    workload.write(vec![Op::DeleteExperiment { experiment: "experiment".to_owned() }], None);
}

/// A purge of several slices, between two writes.
pub(super) fn purged(seed: u64, changes: usize) -> History {
    let mut workload = Workload::new(seed);
    to_be_purged(&mut workload, changes);
    workload.record();
    let slices = workload.purge();
    assert!(slices > 2, "{slices} slices");
    workload.write_one();
    workload.finish()
}

#[test]
fn while_a_purge_goes_on() {
    let name = "while_a_purge_goes_on";
    let seed = printed_seed(name, 9);
    cut(name, &purged(seed, 520), seed, &Cuts { stride: 1, subsets: 1, thorough: 8 });
}

/// What is purged stands in packs.
#[test]
fn while_packed_commits_are_purged() {
    let name = "while_packed_commits_are_purged";
    let seed = printed_seed(name, 10);
    let mut workload = Workload::new(seed);
    let (project, experiment) = parents();
    workload.write(vec![project, experiment], None);
    for at in 0..330 {
        let new = runs(&format!("r{at}"), 1, String::new());
        workload.write(vec![new], None);
        if at % 2 == 0 {
            workload.write(vec![Op::DeleteRun { run: format!("r{at}-0") }], None);
        }
    }
    workload.record();
    assert!(workload.purge() > 0);
    workload.write_one();
    workload.reopen();
    cut(name, &workload.finish(), seed, &Cuts { stride: 1, subsets: 1, thorough: 24 });
}

/// A compaction between writes, over and over.
#[test]
fn while_a_store_is_compacted() {
    let name = "while_a_store_is_compacted";
    let seed = printed_seed(name, 14);
    let mut workload = Workload::new(seed);
    for _ in 0..40 {
        workload.write_one();
    }
    workload.record();
    for _ in 0..3 {
        workload.write_one();
        workload.store.compact().unwrap();
    }
    workload.write_one();
    workload.reopen();
    cut(name, &workload.finish(), seed, &Cuts { stride: 1, subsets: 2, thorough: 16 });
}

/// A write that is too large for memory, and goes to the file before it is committed.
#[test]
fn while_a_large_write_spills() {
    let name = "while_a_large_write_spills";
    let seed = printed_seed(name, 7);
    let mut workload = Workload::new(seed);
    let (project, experiment) = parents();
    workload.write(vec![project, experiment], None);
    workload.write_one();
    workload.record();
    // Inline texts, as long as they come: about 12 KiB of memory each.
    let text = Random::new(seed).text(3_900);
    workload.write(vec![runs("large", 900, text)], Some("the large one".to_owned()));
    workload.write_one();
    let history = workload.finish();
    let calls = history.disk.recorded();
    cut(name, &history, seed, &Cuts { stride: calls.div_ceil(60), subsets: 1, thorough: 24 });
}
