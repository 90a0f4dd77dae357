//! Trains models that read handwritten digits, and keeps everything about every run in a store.
//!
//! ```text
//! cargo run --release --example quickstart [FOLDER]
//! ```
//!
//! The store is `quickstart.modeldb` unless a folder is given. Start the program again: it opens the same store
//! and adds another series of runs. What touches the store is in `tracking.rs` (writing) and in `report.rs`
//! (reading); `training.rs` knows nothing of it. The example `search_runs` asks the store questions.

mod provenance;
mod report;
mod tracking;
mod training;

use std::env;

use modeldb::{Actor, Store};

fn main() -> tracking::Outcome<()> {
    let folder = env::args().nth(1).unwrap_or_else(|| "quickstart.modeldb".to_owned());

    // Opening creates the store if there is none. Whatever is written through this handle says who did it.
    let actor = Actor::process_user().client(concat!("quickstart ", env!("CARGO_PKG_VERSION")));
    let store = Store::options().actor(actor).open(&folder)?;
    let before = store.stats()?;
    println!("{folder}: {} runs and {} commits so far", before.runs, before.head.sequence);

    let project = tracking::train_series(&store)?;

    // A snapshot is the store as of one commit. It never changes, whatever is written meanwhile.
    let snapshot = store.read();
    report::print(&snapshot, &project, &before.head)?;
    store.close()?;
    Ok(())
}
