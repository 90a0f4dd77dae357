//! What can be opened, and what is refused.
