//! Flipped, cut and swapped bytes; and rows and commits changed by somebody who gets the checksums right.

mod answer;
mod beside;
mod flips;
mod pages;
mod tampering;
