//! Random operations against a plain model in memory.
