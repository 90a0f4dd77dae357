//! What the design leans on in other crates.
