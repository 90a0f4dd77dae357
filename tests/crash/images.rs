//! Every point of a trace, cut: what a crash there leaves opens, and holds what it should.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use modeldb::simulation::Keep;

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
