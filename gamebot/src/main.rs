//! The `gamebot` binary. Mentioning the backends and the events links them into the program.

use std::process::ExitCode;

use event_postgres as _;
use event_sqlite as _;
use game_events as _;

#[tokio::main]
async fn main() -> ExitCode {
    tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
        .with_ansi(false)
        .with_writer(|| gamebot::Terminal::new(std::io::stderr()))
        .init();
    gamebot::run(std::env::args_os()).await
}
