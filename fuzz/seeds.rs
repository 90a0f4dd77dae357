//! Writes the seeds of the target `decode` anew: `cargo run --example seeds` in `fuzz/`. Run it when the format changes.

fn main() -> std::io::Result<()> {
    for (name, bytes) in modeldb::fuzzing::seeds() {
        std::fs::write(format!("seeds/decode/{name}"), bytes)?;
    }
    Ok(())
}
