//! Comparing: first criterion's groups, for humans; then one table from interleaved rounds, to be believed.
//!
//! On a shared machine the same work takes two to ten times as long in another minute. So each round runs every
//! contender once, in another order each time, and what counts is the median of the ratios within a round.

use std::env;
use std::time::Duration;

use criterion::{Criterion, Throughput};

/// One of the engines, or one way to use it.
pub(crate) struct Contender<'a> {
    pub(crate) name: &'static str,
    /// Does the work so many times, and answers how long that took without what had to be prepared.
    pub(crate) work: Box<dyn FnMut(u64) -> Duration + 'a>,
}

/// What is compared.
pub(crate) struct Comparison {
    pub(crate) name: &'static str,
    /// Runs that go through one piece of work.
    pub(crate) elements: u64,
    pub(crate) rounds: usize,
    /// Pieces of work of each contender in one round.
    pub(crate) repeats: u64,
    pub(crate) sample_size: usize,
}

/// Whether `cargo bench -- --test` only asks if the benchmarks run.
pub(crate) fn only_testing() -> bool {
    env::args().any(|word| word == "--test")
}

impl Comparison {
    /// Measures all contenders and prints how the others compare with the first.
    pub(crate) fn run(&self, mut contenders: Vec<Contender<'_>>) {
        let mut criterion = Criterion::default()
            .warm_up_time(Duration::from_millis(500))
            .measurement_time(Duration::from_secs(3))
            .sample_size(self.sample_size)
            .configure_from_args();
        let mut group = criterion.benchmark_group(self.name);
        group.throughput(Throughput::Elements(self.elements));
        for contender in &mut contenders {
            group.bench_function(contender.name, |bencher| bencher.iter_custom(&mut contender.work));
        }
        group.finish();
        criterion.final_summary();
        if !env::args().any(|word| word == "--list") {
            self.print_table(&mut contenders);
        }
    }

    #[allow(clippy::cast_precision_loss)]
    fn print_table(&self, contenders: &mut [Contender<'_>]) {
        let (rounds, repeats) = if only_testing() { (2, 1) } else { (self.rounds, self.repeats) };
        let mut times = vec![Vec::with_capacity(rounds); contenders.len()];
        for round in 0..rounds {
            for turn in 0..contenders.len() {
                let who = (turn + round) % contenders.len();
                let spent = (contenders[who].work)(repeats).as_secs_f64();
                times[who].push(spent * 1e6 / repeats as f64);
            }
        }
        println!("\n{}: {rounds} interleaved rounds of {repeats}", self.name);
        // Checkpoints and the like come once in many commits: medians pass over them, means do not.
        println!("{:<22} {:>14} {:>14} {:>10}   quartiles of the ratio", "", "mean us", "median us", "ratio");
        for (contender, own) in contenders.iter().zip(&times) {
            let ratios = own.iter().zip(&times[0]).map(|(own, first)| own / first).collect();
            let [low, ratio, high] = quartiles(ratios);
            let [_, median, _] = quartiles(own.clone());
            let mean = own.iter().sum::<f64>() / own.len() as f64;
            let name = contender.name;
            println!("{name:<22} {mean:>14.2} {median:>14.2} {ratio:>9.2}x   {low:.2} to {high:.2}");
        }
        println!();
    }
}

fn quartiles(mut values: Vec<f64>) -> [f64; 3] {
    values.sort_by(f64::total_cmp);
    [1, 2, 3].map(|quarter| values[(values.len() - 1) * quarter / 4])
}
