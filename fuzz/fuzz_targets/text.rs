//! Every parser of text: what it takes, it writes so that it takes it again.
#![no_main]

use std::fmt::Display;
use std::str::FromStr;

use modeldb::{Cursor, Head, ProjectId, RunId};

fn check<T: FromStr + Display + PartialEq>(text: &str) {
    let Ok(value) = text.parse::<T>() else { return };
    let again = value.to_string().parse::<T>();
    assert!(again.is_ok_and(|again| again == value), "{text:?} does not come back");
}

libfuzzer_sys::fuzz_target!(|text: &str| {
    check::<Head>(text);
    check::<Cursor>(text);
    check::<ProjectId>(text);
    check::<RunId>(text);
});
