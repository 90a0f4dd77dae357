//! What a reader is told of damage, and when.

use std::io::{Read, Seek, SeekFrom};

use modeldb::{BlobDigest, BlobReader, BlobStore, ErrorKind, OpenBlob, Result, UnfinishedBlob};

use super::{kind, places, read};
use crate::support::random::{Random, printed_seed};

/// Bytes under a name, whether it is theirs or not.
struct Bytes(Vec<u8>);

impl OpenBlob for Bytes {
    fn len(&self) -> u64 {
        self.0.len() as u64
    }

    fn read_exact_at(&self, offset: u64, out: &mut [u8]) -> Result<()> {
        out.copy_from_slice(&self.0[offset as usize..][..out.len()]);
        Ok(())
    }
}

fn reader(bytes: &[u8], digest: BlobDigest) -> BlobReader {
    BlobReader::new(Box::new(Bytes(bytes.to_vec())), digest)
}

#[test]
fn the_last_bytes_of_a_damaged_blob_are_not_handed_out() {
    let seed = printed_seed("the_last_bytes_of_a_damaged_blob_are_not_handed_out", 81);
    let mut random = Random::new(seed);
    for _ in 0..400 {
        let len = random.below(3_000);
        let good: Vec<u8> = (0..len).map(|_| random.next() as u8).collect();
        let mut bad = good.clone();
        match random.below(4) {
            0 if len > 0 => bad[random.below(len)] ^= 1 << random.below(8),
            1 if len > 0 => bad.truncate(random.below(len)),
            2 if len > 0 => bad.fill(0),
            _ => bad.push(random.next() as u8),
        }
        let mut reader = reader(&bad, BlobDigest::of(&good));
        let mut out = Vec::new();
        // What is read again on the way does not count twice.
        while random.one_in(2) && !bad.is_empty() {
            let mut part = vec![0; 1 + random.below(bad.len())];
            match reader.read(&mut part) {
                Ok(count) => out.extend_from_slice(&part[..count]),
                Err(error) => assert_eq!(kind(&error), ErrorKind::Corrupt),
            }
            if random.one_in(2) {
                let back = random.below(out.len() + 1);
                reader.seek(SeekFrom::Start(back as u64)).unwrap();
                out.truncate(back);
            }
        }
        let error = reader.read_to_end(&mut out).unwrap_err();
        assert_eq!(kind(&error), ErrorKind::Corrupt);
        assert_eq!(error.kind(), std::io::ErrorKind::InvalidData);
        assert!(out.len() < bad.len().max(1), "not to the end: {} of {}", out.len(), bad.len());
        // It stays so, wherever it is read.
        reader.rewind().unwrap();
        assert!(reader.read(&mut [0; 10]).is_err());
        assert_eq!(reader.verify().unwrap_err().kind(), ErrorKind::Corrupt);
    }
}

#[test]
fn any_way_of_reading_a_whole_blob_is_right() {
    let seed = printed_seed("any_way_of_reading_a_whole_blob_is_right", 82);
    let mut random = Random::new(seed);
    for _ in 0..200 {
        let bytes: Vec<u8> = (0..random.below(3_000)).map(|_| random.next() as u8).collect();
        let mut reader = reader(&bytes, BlobDigest::of(&bytes));
        let mut cursor = std::io::Cursor::new(&bytes);
        for _ in 0..random.below(30) {
            let to = match random.below(3) {
                0 => SeekFrom::Start(random.below(bytes.len() + 10) as u64),
                1 => SeekFrom::End(random.between(-(bytes.len() as i64) - 2, 3)),
                _ => SeekFrom::Current(random.between(-100, 100)),
            };
            if random.one_in(3) {
                match cursor.seek(to) {
                    Ok(at) => assert_eq!(reader.seek(to).unwrap(), at),
                    Err(_) => assert!(reader.seek(to).is_err()),
                }
            }
            let (mut ours, mut theirs) = (vec![0; random.below(700)], vec![0; 700]);
            let theirs = &mut theirs[..ours.len()];
            assert_eq!(reader.read(&mut ours).unwrap(), cursor.read(theirs).unwrap());
            assert_eq!(ours, theirs);
            if random.one_in(20) {
                reader.verify().unwrap();
            }
        }
    }
}

#[test]
fn a_part_is_what_stands_there_and_verify_tells() {
    let good = vec![7; 10_000];
    let mut bad = good.clone();
    bad[5_000] = 8;
    let mut reader = reader(&bad, BlobDigest::of(&good));
    reader.seek(SeekFrom::Start(4_999)).unwrap();
    let mut part = [0; 3];
    reader.read_exact(&mut part).unwrap();
    assert_eq!(part, [7, 8, 7]);
    // To the end, but not from the beginning.
    let mut rest = Vec::new();
    assert_eq!(reader.read_to_end(&mut rest).unwrap(), 4_998);
    assert_eq!(reader.verify().unwrap_err().kind(), ErrorKind::Corrupt);
}

#[test]
fn a_wrong_name_is_found_on_reading() {
    for place in places() {
        let mut blob = place.blobs.begin().unwrap();
        blob.write(b"bytes").unwrap();
        let wrong = BlobDigest::of(b"other bytes");
        assert!(blob.finish(&wrong).unwrap());
        let error = place.blobs.get(&wrong).unwrap().read(&mut [0; 100]).unwrap_err();
        assert_eq!(kind(&error), ErrorKind::Corrupt, "{}", place.name);
    }
}

#[test]
fn an_open_blob_outlives_its_removal() {
    // Of an object store this is not promised.
    for place in places().into_iter().filter(|place| place.clock.is_some()) {
        let stored = place.blobs.put_bytes(&[5; 100_000]).unwrap();
        let mut reader = place.blobs.get(&stored.digest).unwrap();
        assert!(place.blobs.remove(&stored.digest, None).unwrap());
        let mut bytes = Vec::new();
        reader.read_to_end(&mut bytes).unwrap();
        assert_eq!(bytes, [5; 100_000], "{}", place.name);
    }
}

#[test]
fn one_open_blob_is_read_by_several_threads() {
    for place in places() {
        let bytes: Vec<u8> = (0_u32..100_000).flat_map(u32::to_le_bytes).collect();
        let stored = place.blobs.put_bytes(&bytes).unwrap();
        let open = place.blobs.open(&stored.digest).unwrap();
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let (open, bytes) = (&open, &bytes);
                scope.spawn(move || {
                    let mut random = Random::new(thread);
                    for _ in 0..200 {
                        let from = random.below(bytes.len() - 500);
                        let mut part = [0; 500];
                        open.read_exact_at(from as u64, &mut part).unwrap();
                        assert_eq!(part, bytes[from..from + 500]);
                    }
                });
            }
        });
    }
}

/// A store that users write: one that fails after so many bytes.
struct Full(modeldb::MemoryBlobs);

struct FullBlob(usize);

impl UnfinishedBlob for FullBlob {
    fn write(&mut self, piece: &[u8]) -> Result<()> {
        self.0 = self.0.checked_sub(piece.len()).ok_or_else(|| modeldb::Error::new(ErrorKind::StorageFull, "full"))?;
        Ok(())
    }

    fn finish(self: Box<Self>, _: &BlobDigest) -> Result<bool> {
        panic!("it was spoilt")
    }
}

impl BlobStore for Full {
    fn begin(&self) -> Result<Box<dyn UnfinishedBlob>> {
        Ok(Box::new(FullBlob(100)))
    }
    fn open(&self, digest: &BlobDigest) -> Result<Box<dyn OpenBlob>> {
        self.0.open(digest)
    }
    fn exists(&self, digest: &BlobDigest) -> Result<bool> {
        self.0.exists(digest)
    }
    fn touch(&self, digest: &BlobDigest) -> Result<bool> {
        self.0.touch(digest)
    }
    fn remove(&self, digest: &BlobDigest, unless_used_since: Option<modeldb::Timestamp>) -> Result<bool> {
        self.0.remove(digest, unless_used_since)
    }
    fn list(&self) -> Box<dyn Iterator<Item = Result<modeldb::BlobEntry>> + '_> {
        self.0.list()
    }
    fn remove_unfinished(&self) -> Result<u64> {
        self.0.remove_unfinished()
    }
}

#[test]
fn a_piece_that_was_not_written_spoils_the_blob() {
    use std::io::Write;
    let blobs = Full(modeldb::MemoryBlobs::new());
    let mut writer = modeldb::BlobWriter::new(blobs.begin().unwrap());
    writer.write_all(&[1; 90]).unwrap();
    let error = writer.write_all(&[1; 90]).unwrap_err();
    assert_eq!((kind(&error), error.kind()), (ErrorKind::StorageFull, std::io::ErrorKind::StorageFull));
    assert!(writer.write_all(&[1; 5]).is_err());
    assert_eq!(writer.finish().unwrap_err().kind(), ErrorKind::Io);
    assert_eq!(blobs.put(&mut &[1; 200][..]).unwrap_err().kind(), ErrorKind::StorageFull);
    assert!(blobs.flush().is_ok());
}

#[test]
fn many_threads_put_different_blobs() {
    for place in places() {
        std::thread::scope(|scope| {
            for thread in 0..4_u8 {
                let blobs = &place.blobs;
                scope.spawn(move || {
                    for at in 0..40_u8 {
                        let bytes = [thread, at].repeat(500);
                        let stored = blobs.put_bytes(&bytes).unwrap();
                        assert!(stored.new);
                        assert_eq!(read(&**blobs, &stored.digest), bytes);
                    }
                });
            }
        });
        assert_eq!(super::entries(&*place.blobs).len(), 160, "{}", place.name);
    }
}
