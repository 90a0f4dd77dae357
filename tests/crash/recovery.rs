//! A crash while a crash is being recovered from: the I/O of the opening itself is cut.

use modeldb::simulation::{Keep, SimulatedDisk};

use super::workload::{History, Workload, options};
use crate::support::random::{Random, printed_seed};

const AFTER: &str = "after the crash";

/// Opens a crashed disk, writes and closes, recording; then cuts that trace everywhere. Answers the images.
fn crash_again(history: &History, disk: &SimulatedDisk, at: usize, random: &mut Random) -> usize {
    disk.record();
    let store = options(at as u64).open_simulated(disk).unwrap();
    let recovered = history.check(&store, at, false);
    let started = disk.recorded();
    store.write_once(AFTER, |w| w.projects().get_or_create(AFTER)).unwrap();
    let acknowledged = disk.recorded();
    store.close().unwrap();
    drop(store);
    let mut images = 0;
    for again in 0..=disk.recorded() {
        for keep in [Keep::None, Keep::All, Keep::Subset(random.next()), Keep::Torn(random.next())] {
            let image = disk.image(again, keep);
            let store = options(again as u64).open_simulated(&image).unwrap();
            let sequence = store.read().sequence().get();
            let context = format!("crashed at {at}, then at {again}, keeping {keep:?}");
            // What a recovery showed once, a later one shows too.
            if sequence == recovered {
                assert!(again < acknowledged, "{context}");
                history.check(&store, at, images % 16 == 0);
                assert_eq!(store.outcome(AFTER).unwrap(), None, "{context}");
            } else {
                assert_eq!(sequence, recovered + 1, "{context}");
                assert!(again > started, "{context}");
                assert!(store.read().projects().get_by_name(AFTER).is_ok(), "{context}");
                assert_eq!(store.outcome(AFTER).unwrap().map(|found| found.get()), Some(sequence), "{context}");
                assert!(images % 16 != 0 || store.audit().verify().unwrap().is_intact(), "{context}");
            }
            images += 1;
        }
    }
    images
}

/// The first crash is in the midst of a purge of several slices.
#[test]
fn a_recovery_from_a_purge_that_crashes_recovers() {
    let name = "a_recovery_from_a_purge_that_crashes_recovers";
    let seed = printed_seed(name, 14);
    let history = super::images::purged(seed, 520);
    let mut random = Random::new(seed);
    let calls = history.disk.recorded();
    let mut images = 0;
    for (number, at) in (1..=calls).step_by(calls / 4).enumerate() {
        let keep = [Keep::None, Keep::All, Keep::Torn(random.next())][number % 3];
        images += crash_again(&history, &history.disk.image(at, keep), at, &mut random);
    }
    println!("{name}: {calls} calls, {images} crashes of recoveries");
}

#[test]
fn a_recovery_that_crashes_recovers() {
    let name = "a_recovery_that_crashes_recovers";
    let seed = printed_seed(name, 8);
    let mut workload = Workload::new(seed);
    for _ in 0..30 {
        workload.step();
    }
    let history = workload.finish();
    let mut random = Random::new(seed);
    let (mut crashes, mut images) = (0, 0);
    for at in (0..=history.disk.recorded()).step_by(11) {
        let keep = match crashes % 3 {
            0 => Keep::None,
            1 => Keep::Subset(random.next()),
            _ => Keep::Torn(random.next()),
        };
        images += crash_again(&history, &history.disk.image(at, keep), at, &mut random);
        crashes += 1;
    }
    println!("{name}: {crashes} crashes, {images} crashes of their recoveries");
}
