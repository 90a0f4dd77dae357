//! What the design leans on in other crates: where one of these fails after an update, a decision falls.

mod encodings;
mod records;
mod storage;
#[cfg(feature = "text")]
mod words;
