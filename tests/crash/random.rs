//! Repeatable randomness for tests.

/// SplitMix64.
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

    /// A number from 0 to `end`, exclusive.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.next() % end.max(1)
    }

    /// A number from 0 to 1, exclusive, with 6 decimals.
    pub(crate) fn fraction(&mut self) -> f64 {
        self.below(1_000_000) as f64 / 1e6
    }

    pub(crate) fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len() as u64) as usize]
    }

    /// Text that does not compress to nothing.
    pub(crate) fn text(&mut self, len: usize) -> String {
        const LETTERS: &[u8] = b"abcdefghijklmnopqrstuvwxyz0123456789 .";
        (0..len).map(|_| char::from(*self.pick(LETTERS))).collect()
    }
}

/// The seed of a test: `MODELDB_SEED` if it is set. Printed, so that a failure can be repeated.
pub(crate) fn seed(test: &str, default: u64) -> u64 {
    let seed = std::env::var("MODELDB_SEED").ok().map_or(default, |seed| seed.parse().expect("MODELDB_SEED"));
    println!("{test}: MODELDB_SEED={seed}");
    seed
}
