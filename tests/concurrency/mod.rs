//! Many writers and readers at once.
