//! Runs one case of decoding a number of times; `tests/benches/instructions` counts its instructions with callgrind.
//!
//! Arguments: the case and the number of calls. Without arguments each case runs once.

#![allow(missing_docs, reason = "a program")]

use std::hint::black_box;

use event_core::{Event, Registry};

use crate::guess::{Guess, GuessV1, plain, stored};

#[path = "support/guess.rs"]
mod guess;

#[derive(Debug, Event)]
#[allow(clippy::large_enum_variant, reason = "one variant")]
enum GuessEvent {
    Guess(#[allow(dead_code, reason = "decoded, never read")] Guess),
}

/// A case: its name and one call.
type Case<'a> = (&'static str, Box<dyn Fn() + 'a>);

fn main() {
    let arguments: Vec<String> =
        std::env::args().skip(1).filter(|it| !it.starts_with('-')).collect();
    let (case, calls) = match arguments.as_slice() {
        [case, calls] => (case.as_str(), calls.parse().expect("a number of calls")),
        _ => ("", 1),
    };
    let (old, new) = stored();
    let registry = Registry::global().expect("the events of this bench form a valid registry");
    let cases: [Case<'_>; 7] = [
        ("plain", Box::new(|| drop(plain::<Guess>(&new)))),
        ("typed", Box::new(|| drop(black_box(black_box(&new).decode::<Guess>())))),
        ("set", Box::new(|| drop(black_box(GuessEvent::try_from(black_box(&new)))))),
        ("registry", Box::new(|| drop(black_box(black_box(&new).decode_in(registry))))),
        ("plain_v1", Box::new(|| drop(plain::<GuessV1>(&old)))),
        ("as_v1", Box::new(|| drop(black_box(black_box(&old).decode::<GuessV1>())))),
        ("typed_v1", Box::new(|| drop(black_box(black_box(&old).decode::<Guess>())))),
    ];
    for (_, work) in cases.iter().filter(|(name, _)| case.is_empty() || *name == case) {
        (0..calls).for_each(|_| work());
    }
}
