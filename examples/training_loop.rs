//! A training that is logged as it goes, and its loss drawn from the store meanwhile.
//!
//! ```text
//! cargo run --release --example training_loop
//! ```
//!
//! Logistic regression by gradient descent, on points that are made up. The loop tells a [`RunLogger`] its loss at each
//! step and waits for nothing; the curve is of what is written by then, summed up by the store.

use std::io::{self, IsTerminal};
use std::time::{Duration, Instant};

use modeldb::{NewRun, Result, RunId, RunLogger, Snapshot, Store};

const STEPS: u32 = 4_000;
const POINTS: usize = 256;
/// Of the curve, in characters.
const WIDTH: usize = 64;
const HEIGHT: usize = 10;

/// Two features and a class.
type Point = ([f64; 2], f64);

fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let store = Store::open(folder.path().join("training.modeldb"))?;
    let experiment = store.write(|w| {
        let project = w.projects().get_or_create("points")?;
        w.experiments().get_or_create(&project, "logistic-regression")
    })?;

    let rate = 0.003;
    let log = store.start_run(&experiment, NewRun::named("first").hyperparameter("rate", rate))?;
    let id = log.run_id().clone();
    let accuracy = train(&store, &log, &points(), rate)?;
    log.metric("accuracy", accuracy);
    log.finish()?; // durable from here on

    let read = store.read();
    draw(&read, &id)?;
    let run = read.runs().get(&id)?;
    let loss = run.series("loss").expect("a loss was observed");
    println!("{} steps, accuracy {accuracy:.3}; the run is {}", loss.count, run.status.expect("it had a logger"));
    println!("{} commits tell it", read.history(&id)?.count());
    assert_eq!(read.runs().find("status = 'finished' and last(observations.loss) < 0.4")?.count()?, 1);
    store.close()?;
    Ok(())
}

/// Gradient descent with one point a step. Answers how many of the points it gets right.
fn train(store: &Store, log: &RunLogger, points: &[Point], rate: f64) -> Result<f64> {
    let (mut weights, mut bias) = ([0.0; 2], 0.0);
    let predict = |weights: [f64; 2], bias: f64, x: [f64; 2]| {
        1.0 / (1.0 + (-(weights[0] * x[0] + weights[1] * x[1] + bias)).exp())
    };
    let mut shown = Instant::now();
    for (step, (x, class)) in (0..STEPS).zip(points.iter().cycle()) {
        let predicted = predict(weights, bias, *x);
        let error = predicted - class;
        weights = [weights[0] - rate * error * x[0], weights[1] - rate * error * x[1]];
        bias -= rate * error;

        let losses = points.iter().map(|(x, class)| {
            let predicted = predict(weights, bias, *x).clamp(1e-12, 1.0 - 1e-12);
            -(class * predicted.ln() + (1.0 - class) * (1.0 - predicted).ln())
        });
        log.observe("loss", losses.sum::<f64>() / points.len() as f64);
        log.observe("step loss", error.abs());
        // A real step takes longer than this one.
        if step % 8 == 0 {
            std::thread::sleep(Duration::from_millis(1));
        }
        if shown.elapsed() > Duration::from_millis(250) {
            // What was not flushed would be there a little later.
            log.flush()?;
            draw(&store.read(), log.run_id())?;
            shown = Instant::now();
        }
    }
    let right = points.iter().filter(|(x, class)| (predict(weights, bias, *x) > 0.5) == (*class > 0.5)).count();
    Ok(right as f64 / points.len() as f64)
}

/// The loss so far: a column for each stretch of steps, from the least to the greatest in it.
fn draw(read: &Snapshot, run: &RunId) -> Result<()> {
    let buckets = read.runs().observations(run, "loss")?.buckets(WIDTH)?;
    let top = buckets.iter().map(|bucket| bucket.max).fold(f64::MIN_POSITIVE, f64::max);
    let row_of = |loss: f64| ((loss / top * HEIGHT as f64) as usize).min(HEIGHT - 1);
    let mut picture = String::new();
    for row in (0..HEIGHT).rev() {
        picture += &format!("{:6.3} |", top * (row + 1) as f64 / HEIGHT as f64);
        let is_in = |least: f64, greatest: f64| (row_of(least)..=row_of(greatest)).contains(&row);
        picture.extend(buckets.iter().map(|bucket| if is_in(bucket.min, bucket.max) { '*' } else { ' ' }));
        picture.truncate(picture.trim_end().len());
        picture.push('\n');
    }
    let last = buckets.last().map_or(0, |bucket| bucket.last_epoch);
    picture += &format!("       +{}\n        loss up to step {last}\n", "-".repeat(WIDTH));
    if io::stdout().is_terminal() {
        // Home, and clear: the curve stays in its place.
        print!("\x1b[H\x1b[2J");
    }
    print!("{picture}");
    Ok(())
}

/// Points around two centres, the same each time.
fn points() -> Vec<Point> {
    let mut state = 1_u64;
    let mut random = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f64 / (1 << 24) as f64 - 0.5
    };
    let mut point = |number: usize| {
        let class = (number % 2) as f64;
        let centre = 2.0 * class - 1.0;
        ([centre + 4.0 * random(), 0.5 * centre + 4.0 * random()], class)
    };
    (0..POINTS).map(&mut point).collect()
}
