//! The guide: documentation only, compiled with the code so that it stays true.
//!
//! - [`cookbook`]: recipes, each a compiled program
//! - [`query_language`]: filters as text, and what they mean
//! - [`rpc_table`]: each RPC of ModelDB, and the call that does it
//! - [`durability`]: what is promised when, and what to do after an error
//! - [`architecture`]: a tour of the code for whoever wants to change it
//! - [`mod@format`]: every byte on disk

pub mod architecture;
pub mod cookbook;
pub mod durability;
pub mod format;
pub mod query_language;
pub mod rpc_table;
