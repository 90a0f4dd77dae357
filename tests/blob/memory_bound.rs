//! A large blob is never in memory as a whole. Memory is the process's, so this looks at one that does nothing else.

use std::io::{Read, Write};
use std::process::Command;

use modeldb::{BlobStore, LocalBlobs};

const NAME: &str = "blob::memory_bound::a_large_blob_takes_little_memory";
const LEN: u64 = 96 << 20;
const BOUND: u64 = 12 << 20;

/// Bytes that repeat in no way.
struct Source(u64);

impl Read for Source {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let count = usize::try_from(LEN - self.0).unwrap_or(usize::MAX).min(out.len());
        for (at, byte) in out[..count].iter_mut().enumerate() {
            *byte = ((self.0 + at as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 33) as u8;
        }
        self.0 += count as u64;
        Ok(count)
    }
}

/// The most memory that the process had.
fn most_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? << 10)
}

fn work() {
    let folder = tempfile::tempdir().unwrap();
    let blobs = LocalBlobs::options().sync(false).open(folder.path()).unwrap();
    let Some(before) = most_bytes() else {
        println!("not known here");
        return;
    };
    let stored = blobs.put(&mut Source(0)).unwrap();
    assert_eq!((stored.len, stored.new), (LEN, true));
    // Once more: it is read and compared.
    assert!(!blobs.put(&mut Source(0)).unwrap().new);
    let mut reader = blobs.get(&stored.digest).unwrap();
    assert_eq!(std::io::copy(&mut reader, &mut std::io::sink()).unwrap(), LEN);
    blobs.get(&stored.digest).unwrap().verify().unwrap();
    let took = most_bytes().unwrap() - before;
    println!("{} MiB took {} KiB of memory", LEN >> 20, took >> 10);
    assert!(took < BOUND, "{took} bytes");
    std::io::stdout().flush().unwrap();
}

#[test]
fn a_large_blob_takes_little_memory() {
    if std::env::var_os("MODELDB_TEST_ALONE").is_some() {
        return work();
    }
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", NAME, "--nocapture", "--test-threads=1"])
        .env("MODELDB_TEST_ALONE", "1")
        .output()
        .unwrap();
    let (output, errors) = (String::from_utf8_lossy(&child.stdout), String::from_utf8_lossy(&child.stderr));
    assert!(child.status.success(), "{output}\n{errors}");
    assert!(output.contains("1 passed"), "{output}");
    println!("{output}");
}
