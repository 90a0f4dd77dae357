//! Flipped, cut and swapped bytes.
