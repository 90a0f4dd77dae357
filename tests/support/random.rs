//! Repeatable randomness (SplitMix64).

/// A generator; equal seeds give equal sequences.
#[derive(Clone)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Random(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    }

    /// A number below `end`; 0 if there is none.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }

    /// A number from `from` up to and with `to`.
    pub(crate) fn between(&mut self, from: i64, to: i64) -> i64 {
        from + (self.next() % (to - from + 1) as u64) as i64
    }

    pub(crate) fn percent(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    pub(crate) fn one_in(&mut self, count: usize) -> bool {
        self.below(count) == 0
    }

    /// A number from 0 to 1, exclusive, with 6 decimals.
    pub(crate) fn fraction(&mut self) -> f64 {
        self.below(1_000_000) as f64 / 1e6
    }

    /// Text that does not compress to nothing.
    pub(crate) fn text(&mut self, len: usize) -> String {
        const LETTERS: &[u8] = b"abcdefghijklmnopqrstuvwxyz0123456789 .";
        (0..len).map(|_| char::from(*self.pick(LETTERS))).collect()
    }

    pub(crate) fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len())]
    }
}

/// The seed of a test: from the environment if it is set there.
pub(crate) fn seed(default: u64) -> u64 {
    std::env::var("MODELDB_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// The seed of a test, printed at once: for tests that print figures too.
pub(crate) fn printed_seed(test: &str, default: u64) -> u64 {
    let seed = seed(default);
    println!("{test}: MODELDB_SEED={seed}");
    seed
}

/// Prints the seed if the test fails while this lives.
pub(crate) struct PrintSeed(pub(crate) u64);

impl Drop for PrintSeed {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("to repeat: MODELDB_SEED={}", self.0);
        }
    }
}
