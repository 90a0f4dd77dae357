//! Stores of each published format, opened and asserted.
