//! The speed of the operators' tools on a large store: pages of the console, commands that read everything, live tails.
//!
//! A million events in ten thousand streams, a hundred of them parked, are stored in a file and in a private PostgreSQL with
//! fsync. The tools are this same program, started again: `tool ARGUMENTS` is event-cli.

#![allow(missing_docs, reason = "a program")]
#![allow(clippy::print_stdout, reason = "a bench reports on standard output")]
#![allow(clippy::unwrap_used, reason = "a bench fails by panicking")]
#![allow(clippy::cast_precision_loss, reason = "counts of a bench are small")]

mod child;
mod commands;
mod console;
mod fill;
mod tails;

use std::process::ExitCode;

use crate::fill::Size;

#[path = "../support/guess.rs"]
#[allow(dead_code, reason = "each bench uses some of it")]
mod guess;
#[path = "../../support/pg.rs"]
mod pg;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    match arguments.get(1).map(String::as_str) {
        Some("tool") => return child::tool(),
        Some("plain") => return child::plain(&arguments[2], arguments.get(3).map(String::as_str)),
        _ => {}
    }
    let has = |name: &str| arguments.iter().any(|argument| argument == name);
    // With `--test` every case runs once and briefly, to show that it works.
    let size = if has("--test") { Size::SHORT } else { Size::FULL };
    let only: Vec<&str> = ["pages", "commands", "tails", "sqlite", "postgres"]
        .into_iter()
        .filter(|name| has(name))
        .collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(run(&size, &only));
    ExitCode::SUCCESS
}

/// Measures both backends; `only` chooses cases and backends.
async fn run(size: &Size, only: &[&str]) {
    let wanted = |name: &str, others: [&str; 2]| {
        only.contains(&name) || !others.iter().any(|other| only.contains(other))
    };
    let (of_file, of_server) = (
        !only.contains(&"postgres") || only.contains(&"sqlite"),
        !only.contains(&"sqlite") || only.contains(&"postgres"),
    );
    let measure = async |name: &str, url: &str, target: &str| {
        let filled = fill::fill(url, size).await;
        println!("\n{name}: {} events in {} streams", filled.events, size.streams);
        if wanted("pages", ["commands", "tails"]) {
            console::pages(url, &filled, size).await;
        }
        if wanted("tails", ["pages", "commands"]) {
            tails::cost(url, size).await;
        }
        if wanted("commands", ["pages", "tails"]) {
            commands::rates(url, target, &filled, size);
        }
    };
    if of_file {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str| format!("sqlite:{}", folder.path().join(name).display());
        measure("SQLite", &file("source.db"), &file("copy.db")).await;
    }
    if of_server {
        let cluster = pg::Cluster::start_with(pg::Fsync::On, "-c max_wal_size=8GB");
        let (source, target) = (cluster.database().await, cluster.database().await);
        measure("PostgreSQL", &source.url, &target.url).await;
    }
}
