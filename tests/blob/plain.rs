//! Random calls, and a plain map that says what they should answer.

use std::collections::HashMap;
use std::io::{Read, Seek, SeekFrom, Write};
use std::ops::ControlFlow;

use modeldb::{BlobDigest, BlobWriter, ErrorKind, StoredBlob, Timestamp};

use super::{PIECE, Place, entries, folder, memory, read};
use crate::support::random::{Random, printed_seed};

/// Contents that are put again and again.
fn contents(random: &mut Random) -> Vec<Vec<u8>> {
    let mut lengths = vec![0, 1, 63, 64, 65, 1023, 1024, 1025, 65_535, 65_536, PIECE - 1, PIECE, PIECE + 1, 2 * PIECE];
    lengths.extend((0..10).map(|_| random.below(5_000)));
    let mut contents: Vec<Vec<u8>> =
        lengths.into_iter().map(|len| (0..len).map(|_| random.next() as u8).collect()).collect();
    contents.push(vec![0; 70_000]);
    contents.push(vec![0; 70_001]);
    contents
}

/// A source that gives as much as it likes at a time.
struct Trickle<'a>(&'a [u8], Random);

impl Read for Trickle<'_> {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        if self.1.one_in(20) {
            return Err(std::io::ErrorKind::Interrupted.into());
        }
        let count = out.len().min(self.0.len()).min(1 + self.1.below(200_000));
        let (now, later) = self.0.split_at(count);
        out[..count].copy_from_slice(now);
        self.0 = later;
        Ok(count)
    }
}

struct Model<'a> {
    place: &'a Place,
    random: Random,
    contents: Vec<Vec<u8>>,
    held: HashMap<BlobDigest, (Vec<u8>, Timestamp)>,
}

impl Model<'_> {
    fn now(&self) -> Timestamp {
        self.place.clock.as_ref().map_or(Timestamp::default(), |clock| modeldb::Clock::now(&**clock))
    }

    fn digest(&mut self) -> BlobDigest {
        BlobDigest::of(self.random.pick::<Vec<u8>>(&self.contents))
    }

    fn was_put(&mut self, bytes: Vec<u8>, stored: StoredBlob) {
        assert_eq!(stored.digest, BlobDigest::of(&bytes));
        assert_eq!(stored.len, bytes.len() as u64);
        let before = self.held.insert(stored.digest, (bytes, self.now()));
        assert_eq!(stored.new, before.is_none());
    }

    fn put(&mut self) {
        let bytes = self.random.pick(&self.contents).clone();
        let blobs = &self.place.blobs;
        let stored = match self.random.below(4) {
            0 => blobs.put_bytes(&bytes),
            1 => blobs.put(&mut &bytes[..]),
            2 => {
                let mut told = Vec::new();
                let mut progress = |written| {
                    told.push(written);
                    ControlFlow::Continue(())
                };
                let stored = blobs.put_with(&mut Trickle(&bytes, self.random.clone()), &mut progress);
                let steps = (1..=bytes.len().div_ceil(PIECE)).map(|step| (step * PIECE).min(bytes.len()) as u64);
                assert_eq!(told, steps.collect::<Vec<_>>());
                stored
            }
            _ => {
                let mut writer = BlobWriter::new(blobs.begin().unwrap());
                let mut left = &bytes[..];
                while !left.is_empty() {
                    let (piece, later) = left.split_at(left.len().min(1 + self.random.below(100_000)));
                    writer.write_all(piece).unwrap();
                    left = later;
                }
                writer.finish()
            }
        };
        self.was_put(bytes, stored.unwrap());
    }

    /// One that is not finished: dropped, cancelled, or its source fails.
    fn begin(&mut self) {
        let bytes = self.random.pick(&self.contents).clone();
        let blobs = &self.place.blobs;
        match self.random.below(3) {
            0 => {
                let mut writer = BlobWriter::new(blobs.begin().unwrap());
                writer.write_piece(&bytes).unwrap();
            }
            1 if !bytes.is_empty() => {
                let error = blobs.put_with(&mut &bytes[..], &mut |_| ControlFlow::Break(())).unwrap_err();
                assert_eq!(error.kind(), ErrorKind::Cancelled);
            }
            _ => {
                struct Fails;
                impl Read for Fails {
                    fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
                        Err(std::io::Error::other("the source fails"))
                    }
                }
                let error = blobs.put(&mut (&bytes[..]).chain(Fails)).unwrap_err();
                assert_eq!(error.kind(), ErrorKind::Io);
                assert!(error.to_string().contains("the source fails"));
            }
        }
    }

    fn get(&mut self) {
        let digest = self.digest();
        let found = self.place.blobs.get(&digest);
        let Some((bytes, _)) = self.held.get(&digest) else {
            assert_eq!(found.unwrap_err().kind(), ErrorKind::NotFound);
            return;
        };
        let mut reader = found.unwrap();
        assert_eq!((reader.len(), reader.is_empty()), (bytes.len() as u64, bytes.is_empty()));
        // Here and there, in any order, and then all of it.
        for _ in 0..self.random.below(5) {
            let from = self.random.below(bytes.len() + 2);
            let mut part = vec![0; self.random.below(2_000)];
            reader.seek(SeekFrom::Start(from as u64)).unwrap();
            let count = reader.read(&mut part).unwrap();
            let expected = bytes.get(from..).unwrap_or_default();
            assert_eq!(part[..count], expected[..part.len().min(expected.len())]);
        }
        reader.rewind().unwrap();
        let mut all = Vec::new();
        reader.read_to_end(&mut all).unwrap();
        assert!(all == *bytes);
        reader.verify().unwrap();

        let open = self.place.blobs.open(&digest).unwrap();
        assert_eq!(open.len(), bytes.len() as u64);
        let (from, count) = (self.random.below(bytes.len() + 2), self.random.below(2_000));
        let mut part = vec![0; count];
        match bytes.get(from..from + count) {
            Some(expected) => {
                open.read_exact_at(from as u64, &mut part).unwrap();
                assert_eq!(part, expected);
            }
            None => {
                let error = open.read_exact_at(from as u64, &mut part).unwrap_err();
                assert_eq!(error.kind(), ErrorKind::InvalidArgument);
            }
        }
        assert!(open.read_exact_at(u64::MAX, &mut [0; 2]).is_err());
    }

    fn remove(&mut self) {
        let digest = self.digest();
        let since = match (self.random.below(3), &self.place.clock) {
            (0, _) | (_, None) => None,
            _ => Some(Timestamp::from_millis(self.now().millis() - self.random.below(4_000) as i64)),
        };
        let used = self.held.get(&digest).map(|(_, used)| *used);
        let expected = used.is_some_and(|used| since.is_none_or(|since| used < since));
        assert_eq!(self.place.blobs.remove(&digest, since).unwrap(), expected, "{since:?}");
        if expected {
            self.held.remove(&digest);
        }
    }

    fn check(&self) {
        let entries = entries(&*self.place.blobs);
        assert_eq!(entries.len(), self.held.len());
        for entry in entries {
            let (bytes, used) = &self.held[&entry.digest];
            assert_eq!(entry.len, bytes.len() as u64);
            if self.place.clock.is_some() {
                assert_eq!(entry.last_used, *used);
            }
        }
    }

    fn step(&mut self) {
        match self.random.below(20) {
            0..=5 => self.put(),
            6 => self.begin(),
            7..=10 => self.get(),
            11..=13 => self.remove(),
            14 | 15 => {
                let (digest, now) = (self.digest(), self.now());
                assert_eq!(self.place.blobs.touch(&digest).unwrap(), self.held.contains_key(&digest));
                if let Some((_, used)) = self.held.get_mut(&digest) {
                    *used = now;
                }
            }
            16 => {
                let digest = self.digest();
                assert_eq!(self.place.blobs.exists(&digest).unwrap(), self.held.contains_key(&digest));
            }
            17 => {
                if let Some(clock) = &self.place.clock {
                    clock.advance(self.random.below(2_000) as i64);
                }
            }
            18 => self.place.blobs.flush().unwrap(),
            _ => {
                assert_eq!(self.place.blobs.remove_unfinished().unwrap(), 0);
                self.check();
            }
        }
    }
}

pub(super) fn run(place: &Place, seed: u64, steps: usize) {
    let mut random = Random::new(seed);
    let contents = contents(&mut random);
    let mut model = Model { place, random, contents, held: HashMap::new() };
    for _ in 0..steps {
        model.step();
    }
    model.check();
    for (digest, (bytes, _)) in &model.held {
        assert!(read(&*place.blobs, digest) == *bytes);
    }
    println!("{}: {steps} steps, {} blobs at the end", place.name, model.held.len());
}

#[test]
fn in_memory() {
    run(&memory(), printed_seed("blob::plain::in_memory", 71), 2_000);
}

#[test]
fn in_a_folder() {
    run(&folder("a folder", true), printed_seed("blob::plain::in_a_folder", 72), 600);
}

#[test]
fn in_a_folder_that_is_synced_later() {
    run(
        &folder("a folder, synced later", false),
        printed_seed("blob::plain::in_a_folder_that_is_synced_later", 73),
        1_200,
    );
}
