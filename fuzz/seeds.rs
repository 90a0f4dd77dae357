//! Writes the seeds of the targets `decode`, `index` and `import` anew: `cargo run --example seeds` in `fuzz/`. Run it
//! when the format changes.

fn main() -> std::io::Result<()> {
    for (name, bytes) in modeldb::fuzzing::seeds() {
        std::fs::write(format!("seeds/decode/{name}"), bytes)?;
    }
    for (name, bytes) in modeldb::fuzzing::field_seeds() {
        std::fs::write(format!("seeds/index/{name}"), bytes)?;
    }
    for (name, bytes) in modeldb::fuzzing::import_seeds() {
        std::fs::write(format!("seeds/import/{name}"), bytes)?;
    }
    Ok(())
}
