//! Threads that put and remove the same blobs at once.

use std::collections::HashSet;
use std::io::Read;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use modeldb::{BlobDigest, Clock, ErrorKind, Timestamp};

use super::{Place, places, read};
use crate::support::random::{Random, printed_seed};

/// What is put: few blobs, so that all meet.
fn contents() -> Vec<Vec<u8>> {
    (0..5_u8).map(|at| vec![at; usize::from(at) * 1_000]).collect()
}

#[test]
fn whatever_is_read_is_whole() {
    let seed = printed_seed("whatever_is_read_is_whole", 91);
    for place in places() {
        let contents = contents();
        let (news, removals) = (AtomicUsize::new(0), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let (place, contents, news, removals) = (&place, &contents, &news, &removals);
                let blobs = &place.blobs;
                scope.spawn(move || {
                    let mut random = Random::new(seed + thread);
                    for _ in 0..150 {
                        let bytes = random.pick(contents);
                        let digest = BlobDigest::of(bytes);
                        match random.below(4) {
                            0 => {
                                let removed = blobs.remove(&digest, None).unwrap();
                                removals.fetch_add(usize::from(removed), Ordering::Relaxed);
                            }
                            1 | 2 => {
                                let new = blobs.put_bytes(bytes).unwrap().new;
                                news.fetch_add(usize::from(new), Ordering::Relaxed);
                            }
                            _ => match blobs.get(&digest) {
                                Ok(mut reader) => {
                                    let mut out = Vec::new();
                                    match reader.read_to_end(&mut out) {
                                        Ok(_) => assert_eq!(out, *bytes),
                                        // Removed just now, where what is open does not stay readable.
                                        Err(error) => {
                                            assert!(place.clock.is_none());
                                            assert_eq!(super::kind(&error), ErrorKind::NotFound);
                                        }
                                    }
                                }
                                Err(error) => assert_eq!(error.kind(), ErrorKind::NotFound),
                            },
                        }
                    }
                });
            }
        });
        // Each that was new is there, or was removed once.
        let left = super::entries(&*place.blobs).len();
        assert_eq!(news.into_inner(), removals.into_inner() + left, "{}", place.name);
        assert_eq!(place.blobs.remove_unfinished().unwrap(), 0);
    }
}

/// How long a writer may take from the put to the commit, in milliseconds of the clock.
const GUARD: i64 = 2;
/// What each writer does at least.
const ROUNDS: usize = 250;
/// How many blobs a collection has to take before the writers end, as else they may all be done before it begins.
const COLLECTED: usize = 20;
/// When writers give up on a collection that takes nothing.
const ROUNDS_AT_MOST: usize = 1_000_000;

/// Records, as the layer above would have them, and writers on their way.
struct World<'a> {
    place: &'a Place,
    records: Mutex<HashSet<BlobDigest>>,
    /// Since when each writer is on its way.
    writing: [Mutex<Option<i64>>; 3],
    /// How many blobs were collected.
    removed: AtomicUsize,
    done: AtomicBool,
}

impl World<'_> {
    fn now(&self) -> i64 {
        self.place.clock.as_ref().unwrap().now().millis()
    }

    fn write(&self, writer: usize, seed: u64) {
        let mut random = Random::new(seed);
        let contents = contents();
        for round in 0..ROUNDS_AT_MOST {
            if round >= ROUNDS && self.removed.load(Ordering::Relaxed) >= COLLECTED {
                break;
            }
            let bytes = random.pick(&contents);
            let digest = BlobDigest::of(bytes);
            if random.one_in(2) {
                self.records.lock().unwrap().remove(&digest);
                continue;
            }
            {
                let mut writing = self.writing[writer].lock().unwrap();
                *writing = Some(self.now());
            }
            // The order that the documentation calls safe: put or touch, then commit.
            if random.one_in(2) || !self.place.blobs.touch(&digest).unwrap() {
                self.place.blobs.put_bytes(bytes).unwrap();
            }
            std::thread::yield_now();
            {
                let mut records = self.records.lock().unwrap();
                records.insert(digest);
                // Not a moment later.
                assert!(self.place.blobs.exists(&digest).unwrap(), "a record names what is gone");
            }
            *self.writing[writer].lock().unwrap() = None;
        }
    }

    fn collect(&self) {
        while !self.done.load(Ordering::Acquire) {
            // No writer is held up beyond the guard: that is its promise, so time waits for it.
            let now = self.now();
            let slow = self
                .writing
                .iter()
                .any(|writing| writing.lock().unwrap().is_some_and(|since| now + 1 - since >= GUARD));
            if !slow {
                self.place.clock.as_ref().unwrap().advance(1);
            }
            let limit = Timestamp::from_millis(self.now() - GUARD);
            let records = self.records.lock().unwrap().clone();
            for entry in self.place.blobs.list() {
                let digest = entry.unwrap().digest;
                if !records.contains(&digest) {
                    let removed = self.place.blobs.remove(&digest, Some(limit)).unwrap();
                    self.removed.fetch_add(usize::from(removed), Ordering::Relaxed);
                }
            }
        }
    }
}

#[test]
fn no_collection_takes_what_a_record_comes_to_name() {
    let seed = printed_seed("no_collection_takes_what_a_record_comes_to_name", 92);
    for place in places() {
        if place.clock.is_none() {
            continue;
        }
        let world = World {
            place: &place,
            records: Mutex::default(),
            writing: Default::default(),
            removed: AtomicUsize::new(0),
            done: AtomicBool::new(false),
        };
        std::thread::scope(|scope| {
            let world = &world;
            let collector = scope.spawn(move || world.collect());
            let writers: Vec<_> =
                (0..3).map(|writer| scope.spawn(move || world.write(writer, seed + writer as u64))).collect();
            let ended: Vec<_> = writers.into_iter().map(|writer| writer.join()).collect();
            world.done.store(true, Ordering::Release);
            ended.into_iter().for_each(|ended| ended.unwrap());
            collector.join().unwrap();
        });
        let removed = world.removed.into_inner();
        println!("{}: {removed} removed beside writers", place.name);
        assert!(removed >= COLLECTED, "{}: no more was collected", place.name);
        for digest in world.records.into_inner().unwrap() {
            assert_eq!(BlobDigest::of(&read(&*place.blobs, &digest)), digest);
        }
    }
}
