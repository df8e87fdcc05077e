//! Decoding against plain `serde_json::from_str` of the same struct: typed, through the registry, from an older
//! version. Only the ratios are meaningful, see `tests/benches/README.md`.

#![allow(missing_docs, reason = "criterion's macros make public functions")]
#![allow(clippy::print_stdout, reason = "a bench reports on standard output")]

use std::hint::black_box;
use std::time::Instant;

use criterion::{Criterion, criterion_group, criterion_main};
use event_core::Registry;

use crate::guess::{Guess, GuessV1, plain, stored};

#[path = "support/guess.rs"]
mod guess;

/// A case: its name, the index of the case that it is relative to, one call.
type Case<'a> = (&'static str, usize, Box<dyn Fn() + 'a>);

fn decode(criterion: &mut Criterion) {
    let (old, new) = stored();
    let registry = Registry::global().expect("the events of this bench form a valid registry");
    let cases: Vec<Case<'_>> = vec![
        ("plain serde_json", 0, Box::new(|| drop(plain::<Guess>(&new)))),
        ("typed", 0, Box::new(|| drop(black_box(black_box(&new).decode::<Guess>())))),
        ("registry, boxed", 0, Box::new(|| drop(black_box(black_box(&new).decode_in(registry))))),
        ("plain serde_json of v1", 3, Box::new(|| drop(plain::<GuessV1>(&old)))),
        ("typed, v1 to v2", 3, Box::new(|| drop(black_box(black_box(&old).decode::<Guess>())))),
        (
            "registry, v1 to v2",
            3,
            Box::new(|| drop(black_box(black_box(&old).decode_in(registry)))),
        ),
    ];
    let mut group = criterion.benchmark_group("decode");
    for (name, _, work) in &cases {
        group.bench_function(*name, |bencher| bencher.iter(work));
    }
    group.finish();
    // With `--test` each case runs once: no figures.
    if !std::env::args().any(|argument| argument == "--test") {
        ratios(&cases);
    }
}

/// Prints ratios of measurements in alternation: the machine's speed drifts between the cases of criterion.
fn ratios(cases: &[Case<'_>]) {
    const ROUNDS: usize = 61;
    const CALLS: u32 = 10_000;
    let mut times = vec![Vec::new(); cases.len()];
    for _ in 0..ROUNDS {
        for ((.., work), times) in cases.iter().zip(&mut times) {
            let started = Instant::now();
            (0..CALLS).for_each(|_| work());
            times.push(started.elapsed().as_secs_f64());
        }
    }
    println!("\nratios of {ROUNDS} alternating rounds of {CALLS} calls: median (quartiles)");
    for (at, (name, base, _)) in cases.iter().enumerate() {
        let mut ratios: Vec<f64> =
            times[at].iter().zip(&times[*base]).map(|(time, base)| time / base).collect();
        ratios.sort_by(f64::total_cmp);
        let [low, median, high] = [1, 2, 3].map(|quarter| ratios[ROUNDS * quarter / 4]);
        println!("{name:<24} {median:.3} ({low:.3} to {high:.3}) of {}", cases[*base].0);
    }
}

criterion_group!(benches, decode);
criterion_main!(benches);
