//! Words and parts of texts: what they mean, and that the index, wherever it stands, agrees.

#[cfg(feature = "text")]
mod catching_up;
mod counted;
#[cfg(feature = "text")]
mod damage;
mod generate;
mod plain;
mod purged;
mod random;
#[cfg(feature = "text")]
mod relevant;
#[cfg(feature = "text")]
mod settled;
mod world;
