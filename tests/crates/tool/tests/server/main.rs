//! The tool as a process, on PostgreSQL: what only a server has.

#![allow(missing_debug_implementations, reason = "a helper of tests is not printed")]
#![allow(missing_docs, reason = "a test's name is its documentation")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

mod browse;
mod doctor;

#[path = "../../../../support/pg.rs"]
mod pg;
#[path = "../tool/screen.rs"]
#[allow(dead_code, reason = "each test binary uses some of it")]
mod screen;

use std::io::Write as _;
use std::process::{Command, Stdio};

/// Runs the tool, and returns its exit code with standard output, or standard error where it has none.
fn run(url: &str, arguments: &[&str], input: &str) -> (i32, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_event-tool"));
    command.args(arguments).env("EVENT_STORE", url);
    for name in ["COLUMNS", "EVENT_TENANT", "RUST_LOG"] {
        command.env_remove(name);
    }
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    let (stdout, stderr) = (text(output.stdout), text(output.stderr));
    (output.status.code().unwrap(), if stdout.is_empty() { stderr } else { stdout })
}

/// Creates the store, with an order.
fn order(url: &str) {
    let input = r#"{"type":"order_placed","event_version":1,"data":{"customer":"ann"}}"#;
    let (code, said) = run(url, &["append", "order-1"], input);
    assert_eq!(code, 0, "{said}");
}
