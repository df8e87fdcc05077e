//! The commands that read everything, compared with a plain loop over the same events in the same run.

use crate::child::{Ran, run};
use crate::fill::{Filled, Size, long};

/// Measures each command in alternation with the loop, and prints the table.
pub(crate) fn rates(url: &str, target: &str, filled: &Filled, size: &Size) {
    println!("| Command | relative to the plain read | plain | command | memory |");
    println!("|---|---|---|---|---|");
    let stream = long().to_string();
    let of_stream = size.long / ((size.streams - 2) / 50 + 1) * ((size.streams - 2).div_ceil(50));
    let all = ["plain", url];
    let one = ["plain", url, &*stream];
    let tool = |arguments: &[&'static str]| [&["tool", "--store"], &[url][..], arguments].concat();
    let row = |name: &str, plain: &[&str], arguments: &[&str], events: u64| {
        row(name, plain, arguments, events, size.rounds);
    };
    row(
        "`events`, one stream",
        &one,
        &tool(&["events", "ledger-1", "--tenant", "default"]),
        of_stream,
    );
    row(
        "`events --json`",
        &one,
        &tool(&["events", "ledger-1", "--tenant", "default", "--json"]),
        of_stream,
    );
    row("`all`", &all, &tool(&["all"]), filled.events);
    row("`all --json`", &all, &tool(&["all", "--json"]), filled.events);
    row(
        "`all --json --as latest`",
        &all,
        &tool(&["all", "--json", "--as", "latest"]),
        filled.events,
    );
    row("`export`", &all, &tool(&["export"]), filled.events);
    row("`verify`", &all, &tool(&["verify"]), filled.events);
    row("`stats`", &all, &tool(&["stats"]), filled.events);
    let mut copy = tool(&["copy", "--to"]);
    copy.push(target);
    // Once: afterwards the target has everything.
    self::row("`copy`", &all, &copy, filled.events, 1);
}

fn row(name: &str, plain: &[&str], arguments: &[&str], events: u64, rounds: usize) {
    let (mut ratios, mut plains, mut own, mut peak) = (Vec::new(), Vec::new(), Vec::new(), 0);
    let rate = |ran: &Ran| events as f64 / ran.time.as_secs_f64();
    for round in 0..rounds {
        let (p, o) = if round % 2 == 0 {
            let p = run(plain);
            (p, run(arguments))
        } else {
            let o = run(arguments);
            (run(plain), o)
        };
        ratios.push(rate(&o) / rate(&p));
        plains.push(rate(&p));
        own.push(rate(&o));
        peak = peak.max(o.peak);
    }
    for figures in [&mut ratios, &mut plains, &mut own] {
        figures.sort_by(f64::total_cmp);
    }
    let middle = rounds / 2;
    println!(
        "| {name} | {:.2} ({:.2} to {:.2}) | {:.0}/s | {:.0}/s | {} MiB |",
        ratios[middle],
        ratios[0],
        ratios[rounds - 1],
        plains[middle],
        own[middle],
        peak >> 10
    );
}
