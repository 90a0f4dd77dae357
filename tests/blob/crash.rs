//! Crashes and failing disks: what was finished is there and right, and nothing else is seen that is not.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;

use modeldb::simulation::{Fault, Keep, SimulatedDisk};
use modeldb::{BlobDigest, BlobStore, BlobWriter, ErrorKind, LocalBlobs, ManualClock, Result};

use super::{clock, read};
use crate::support::random::{Random, printed_seed};

/// Which contents must be where, by their numbers, whatever happens to the disk.
#[derive(Clone, Default)]
struct Known {
    /// Finished and durable, and not removed.
    there: BTreeSet<usize>,
    /// Removed, and that is durable.
    gone: BTreeSet<usize>,
    /// Finished by a handle that leaves it to the next flush.
    flushed_next: BTreeSet<usize>,
    /// Removed since the last flush.
    gone_next: BTreeSet<usize>,
    /// Named by a handle that leaves it to the next flush to make the bytes durable.
    unsynced: BTreeSet<usize>,
}

impl Known {
    /// Nothing is certain of this one any more.
    fn forget(&mut self, number: usize) {
        for set in [&mut self.there, &mut self.gone, &mut self.flushed_next, &mut self.gone_next] {
            set.remove(&number);
        }
    }

    fn is_there(&mut self, number: usize, synced: bool) {
        let before = self.there.contains(&number);
        self.forget(number);
        if synced || before {
            self.there.insert(number);
            self.unsynced.remove(&number);
        } else {
            self.flushed_next.insert(number);
        }
    }
}

/// Blobs on a simulated disk: one handle that syncs, and one that leaves it to the next flush.
struct Work {
    clock: Arc<ManualClock>,
    synced: LocalBlobs,
    flushed: LocalBlobs,
    random: Random,
    contents: Vec<Vec<u8>>,
    known: Known,
    /// Begun, and for now not ended.
    begun: Vec<BlobWriter>,
}

fn contents(random: &mut Random) -> Vec<Vec<u8>> {
    let mut contents: Vec<Vec<u8>> = (0..9).map(|at| (0..at * 40).map(|_| random.next() as u8).collect()).collect();
    contents.push(vec![0; 200]);
    contents
}

impl Work {
    fn new(disk: SimulatedDisk, seed: u64) -> Result<Work> {
        let (clock, mut random) = (clock(), Random::new(seed));
        let contents = contents(&mut random);
        let open = |sync| LocalBlobs::options().sync(sync).clock(Arc::clone(&clock)).open_simulated(&disk);
        let (synced, flushed) = (open(true)?, open(false)?);
        let begun = Vec::new();
        Ok(Work { synced, flushed, clock, random, contents, known: Known::default(), begun })
    }

    fn put(&mut self, blobs: &LocalBlobs, number: usize) -> Result<()> {
        let bytes = self.contents[number].clone();
        let mut writer = BlobWriter::new(blobs.begin()?);
        let mut left = &bytes[..];
        while !left.is_empty() {
            let (piece, later) = left.split_at(left.len().min(1 + self.random.below(150)));
            writer.write_piece(piece)?;
            left = later;
        }
        writer.finish().map(|stored| assert_eq!(stored.digest, BlobDigest::of(&bytes)))
    }

    /// A random call. While it runs, and if it fails, `known` holds what is certain either way.
    fn step(&mut self, certain: &mut dyn FnMut(&Known)) -> Result<()> {
        self.clock.advance(1);
        let number = self.random.below(self.contents.len());
        let digest = BlobDigest::of(&self.contents[number]);
        match self.random.below(12) {
            choice @ 0..=6 => {
                // A put takes nothing away; but one that is gone may be back.
                self.known.gone.remove(&number);
                self.known.gone_next.remove(&number);
                if choice >= 4 && !self.known.there.contains(&number) {
                    self.known.unsynced.insert(number);
                }
                certain(&self.known);
                let blobs = if choice < 4 { self.synced.clone() } else { self.flushed.clone() };
                self.put(&blobs, number)?;
                self.known.is_there(number, choice < 4);
            }
            7 | 8 => {
                let before = self.known.clone();
                self.known.forget(number);
                self.known.gone.extend(before.gone.contains(&number).then_some(number));
                certain(&self.known);
                self.flushed.remove(&digest, None)?;
                if !self.known.gone.contains(&number) {
                    self.known.gone_next.insert(number);
                }
            }
            9 => {
                certain(&self.known);
                self.synced.touch(&digest)?;
            }
            10 => {
                certain(&self.known);
                self.flushed.flush()?;
                let Known { there, gone, flushed_next, gone_next, unsynced } = &mut self.known;
                there.append(flushed_next);
                gone.append(gone_next);
                unsynced.clear();
            }
            _ => {
                certain(&self.known);
                let mut writer = BlobWriter::new(self.synced.begin()?);
                writer.write_piece(&self.contents[number])?;
                self.begun.push(writer);
                if self.begun.len() > 2 {
                    self.begun.remove(0);
                }
            }
        }
        certain(&self.known);
        Ok(())
    }

    /// Holds a disk against what is certain of it.
    fn check(&self, disk: &SimulatedDisk, known: &Known, thorough: bool) {
        let blobs = LocalBlobs::options().open_simulated(disk).unwrap();
        for &number in &known.there {
            let digest = BlobDigest::of(&self.contents[number]);
            assert!(read(&blobs, &digest) == self.contents[number], "{number}");
        }
        for &number in &known.gone {
            assert!(!blobs.exists(&BlobDigest::of(&self.contents[number])).unwrap(), "{number} is back");
        }
        let numbers: BTreeMap<BlobDigest, usize> =
            self.contents.iter().enumerate().map(|(number, bytes)| (BlobDigest::of(bytes), number)).collect();
        let mut listed = BTreeSet::new();
        for entry in blobs.list() {
            let digest = entry.unwrap().digest;
            listed.insert(numbers[&digest]);
            // Only what was left to a flush may be damaged, and reading tells.
            if let Err(error) = blobs.get(&digest).unwrap().verify() {
                assert_eq!(error.kind(), ErrorKind::Corrupt);
                assert!(known.unsynced.contains(&numbers[&digest]), "{digest} is not whole");
            }
        }
        assert!(listed.is_superset(&known.there));
        let is_unfinished = |name: &String| name.starts_with("blobs/unfinished/");
        let unfinished = disk.names().into_iter().filter(is_unfinished).count();
        assert_eq!(blobs.remove_unfinished().unwrap(), unfinished as u64);
        assert!(!disk.names().iter().any(is_unfinished));
        if thorough {
            for bytes in &self.contents {
                let digest = blobs.put_bytes(bytes).unwrap().digest;
                assert!(read(&blobs, &digest) == *bytes);
            }
            assert_eq!(blobs.list().count(), self.contents.len());
        }
    }
}

/// What a crash keeps, in the ways that are tried at every point.
fn ways(random: &mut Random) -> Vec<Keep> {
    let mut ways = vec![Keep::None, Keep::All];
    for _ in 0..3 {
        ways.push(Keep::Subset(random.next()));
        ways.push(Keep::Torn(random.next()));
    }
    ways
}

/// Says where a check failed.
fn told<T>(place: &dyn std::fmt::Display, check: impl FnOnce() -> T) -> T {
    catch_unwind(AssertUnwindSafe(check)).unwrap_or_else(|payload| {
        println!("failed {place}");
        resume_unwind(payload)
    })
}

/// Every point of a trace, cut.
fn cut(name: &str, default: u64, steps: usize) {
    let seed = printed_seed(name, default);
    let disk = SimulatedDisk::new();
    disk.record();
    let mut work = Work::new(disk.clone(), seed).unwrap();
    let mut history = vec![(0, Known::default())];
    for _ in 0..steps {
        work.step(&mut |known| history.push((disk.recorded(), known.clone()))).unwrap();
    }
    let mut random = Random::new(seed);
    let (calls, mut images) = (disk.recorded(), 0);
    for at in 0..=calls {
        let (_, known) = &history[history.partition_point(|(from, _)| *from <= at) - 1];
        for keep in ways(&mut random) {
            let place = format!("at call {at} of {calls}, keeping {keep:?}");
            told(&place, || work.check(&disk.image(at, keep), known, images % 7 == 0));
            images += 1;
        }
    }
    println!("{name}: {calls} calls, {steps} steps, {images} images");
}

#[test]
fn a_folder_of_blobs_cut_everywhere() {
    cut("a_folder_of_blobs_cut_everywhere", 61, 60);
}

#[test]
fn another_folder_of_blobs_cut_everywhere() {
    cut("another_folder_of_blobs_cut_everywhere", 62, 60);
}

#[test]
fn a_longer_history_of_blobs_cut_everywhere() {
    cut("a_longer_history_of_blobs_cut_everywhere", 63, 110);
}

/// Each call fails in turn. What was finished before, between and after is there; and so it is if the machine stops
/// at the end.
fn fail(name: &str, default: u64, fault: fn(u64) -> Fault, kind: ErrorKind) {
    let seed = printed_seed(name, default);
    // How many calls there are to fail.
    let disk = SimulatedDisk::new();
    let mut work = Work::new(disk.clone(), seed).unwrap();
    (0..35).for_each(|_| work.step(&mut |_| {}).unwrap());
    let calls = disk.calls();
    let mut errors = 0;
    for at in 0..calls {
        let disk = SimulatedDisk::new();
        disk.record();
        disk.set_fault(Some(fault(at)));
        let mut work = match Work::new(disk.clone(), seed) {
            Ok(work) => work,
            Err(error) => {
                assert_eq!(error.kind(), kind);
                errors += 1;
                disk.set_fault(None);
                Work::new(disk.clone(), seed).unwrap()
            }
        };
        for step in 0..45 {
            // After some more calls, the disk works again.
            if step == 35 {
                disk.set_fault(None);
            }
            if let Err(error) = work.step(&mut |_| {}) {
                assert_eq!(error.kind(), kind, "{error}");
                // Which of them; or the one they are in.
                assert!(["blobs", "folder ."].iter().any(|path| error.message().contains(path)), "{error}");
                assert!(step < 35, "{error}");
                errors += 1;
            }
        }
        work.begun.clear();
        let (known, recorded) = (work.known.clone(), disk.recorded());
        for keep in ways(&mut Random::new(seed + at)) {
            told(&format!("with call {at} failing, keeping {keep:?}"), || {
                work.check(&disk.image(recorded, keep), &known, true);
            });
        }
        told(&format!("with call {at} failing"), || {
            let mut known = known.clone();
            known.there.extend(&known.flushed_next);
            work.check(&disk, &known, true);
        });
    }
    println!("{name}: {calls} calls, {errors} errors");
    assert!(errors > 0);
}

#[test]
fn each_call_fails_once() {
    fail("each_call_fails_once", 64, Fault::Once, ErrorKind::Io);
}

#[test]
fn all_calls_fail_from_one_on() {
    fail("all_calls_fail_from_one_on", 65, Fault::FromOn, ErrorKind::Io);
}

#[test]
fn the_disk_is_full_from_one_call_on() {
    fail("the_disk_is_full_from_one_call_on", 66, Fault::FullFrom, ErrorKind::StorageFull);
}
