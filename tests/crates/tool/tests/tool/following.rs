//! `show`, `all`, and following.

use std::io::{BufRead as _, BufReader, Read};
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use serde_json::json;

use crate::support::Shop;

/// How long an answer may take on a busy machine.
const PATIENCE: Duration = Duration::from_mins(1);

/// A program that runs.
struct Running {
    child: Child,
    stdout: Receiver<String>,
    stderr: Receiver<String>,
}

impl Running {
    fn start(shop: &Shop, arguments: &[&str]) -> Self {
        let mut command = shop.command(arguments);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let stdout = lines(child.stdout.take().unwrap());
        let stderr = lines(child.stderr.take().unwrap());
        Self { child, stdout, stderr }
    }

    fn line(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout.recv_timeout(PATIENCE).unwrap()).unwrap()
    }

    /// Waits until it says this on standard error; its log goes there, too.
    fn tells(&self, expected: &str) {
        while !self.stderr.recv_timeout(PATIENCE).unwrap().contains(expected) {}
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The lines of a pipe as they come.
fn lines(pipe: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(pipe).lines().map_while(Result::ok) {
            let _ = sender.send(line);
        }
    });
    receiver
}

#[test]
fn follow_goes_on_with_what_is_committed() {
    let shop = Shop::new();
    let stream = Running::start(&shop, &["events", "order-1", "--follow", "--json"]);
    let all = Running::start(&shop, &["all", "-f", "--json", "--type", "order_shipped"]);
    let late = Running::start(&shop, &["events", "order-2", "--follow", "--json", "--limit", "1"]);
    assert_eq!(stream.line()["version"], 1);
    shop.append("order-2", "order_placed", 1, r#"{"customer":"bob"}"#);
    shop.append("order-1", "order_shipped", 1, r#"{"parcels":1}"#);
    assert_eq!(stream.line()["version"], 2);
    assert_eq!(all.line()["stream"], "order-1");
    assert_eq!(late.line()["stream"], "order-2");
    let mut late = late;
    assert!(late.child.wait().unwrap().success(), "it has its one event");
}

#[test]
fn a_store_that_goes_away_while_it_is_followed_comes_back() {
    let shop = Shop::new();
    let all = Running::start(&shop, &["all", "--follow", "--json"]);
    let shipped = ["all", "--follow", "--json", "--type", "order_shipped"];
    let shipped = Running::start(&shop, &shipped);
    assert_eq!(all.line()["position"], 1);
    shop.append("order-1", "order_shipped", 1, r#"{"parcels":1}"#);
    // What does not pass a filter is passed over, before and after.
    shop.append("order-1", "order_placed", 1, r#"{"customer":"bob"}"#);
    assert_eq!((&all.line()["position"], &all.line()["position"]), (&json!(2), &json!(3)));
    assert_eq!(shipped.line()["position"], 2);
    std::fs::rename(shop.path("shop.db"), shop.path("away.db")).unwrap();
    for it in [&all, &shipped] {
        it.tells("does not answer");
    }
    std::fs::rename(shop.path("away.db"), shop.path("shop.db")).unwrap();
    for it in [&all, &shipped] {
        it.tells("answers again");
    }
    shop.append("order-9", "order_shipped", 1, r#"{"parcels":1}"#);
    for it in [&all, &shipped] {
        assert_eq!(it.line()["position"], 4);
    }
}

#[test]
fn a_log_that_was_replaced_while_it_is_followed_ends_the_command() {
    let shop = Shop::empty();
    shop.append("order-1", "order_shipped", 1, r#"{"parcels":1}"#);
    shop.append("order-1", "order_placed", 1, r#"{"customer":"bob"}"#);
    let other = Shop::empty();
    for number in 0..6 {
        other.append(&format!("cart-{number}"), "order_shipped", 1, r#"{"parcels":1}"#);
    }
    let mut all = Running::start(&shop, &["all", "--follow", "--json"]);
    let shipped = ["all", "--follow", "--json", "--type", "order_shipped"];
    let mut shipped = Running::start(&shop, &shipped);
    let mut stream = Running::start(&shop, &["events", "order-1", "--follow", "--json"]);
    for it in [&all, &stream] {
        assert_eq!((&it.line()["position"], &it.line()["position"]), (&json!(1), &json!(2)));
    }
    assert_eq!(shipped.line()["position"], 1);
    shop.append("order-1", "order_placed", 1, r#"{"customer":"eve"}"#);
    for it in [&all, &stream] {
        assert_eq!(it.line()["position"], 3);
    }
    for end in ["", "-wal", "-shm"] {
        let path = |name: &str| shop.path(&format!("{name}.db{end}"));
        let _ = std::fs::rename(path("shop"), path("away"));
    }
    for it in [&all, &shipped, &stream] {
        it.tells("does not answer");
    }
    std::fs::copy(other.path("shop.db"), shop.path("new.db")).unwrap();
    std::fs::rename(shop.path("new.db"), shop.path("shop.db")).unwrap();
    for it in [&mut all, &mut shipped, &mut stream] {
        it.tells("the log was restored or replaced");
        it.tells("run the command again");
        assert_eq!(it.child.wait().unwrap().code(), Some(1));
        assert_eq!(it.stdout.recv().ok(), None, "nothing of the other log is printed");
    }
}

#[test]
fn a_served_store_that_goes_away_is_said_and_comes_back() {
    let shop = Shop::new();
    let mut command = shop.command(&["serve", "--address", "127.0.0.1:0"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let (stdout, stderr) =
        (lines(child.stdout.take().unwrap()), lines(child.stderr.take().unwrap()));
    let serve = Running { child, stdout, stderr };
    let said = serve.stdout.recv_timeout(PATIENCE).unwrap();
    let address = said.strip_prefix("console at http://").unwrap().to_owned();
    let page = |path: &str| {
        use std::io::Write as _;
        let mut client = std::net::TcpStream::connect(&address).unwrap();
        write!(client, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")
            .unwrap();
        let mut answer = String::new();
        client.read_to_string(&mut answer).unwrap();
        answer
    };
    let until = |path: &str, text: &str| {
        let until = std::time::Instant::now() + PATIENCE;
        while !page(path).contains(text) {
            assert!(std::time::Instant::now() < until, "{path} never says {text}");
            std::thread::sleep(Duration::from_millis(50));
        }
    };
    until("/streams", "order-1");
    until("/", "Last position");
    std::fs::rename(shop.path("shop.db"), shop.path("away.db")).unwrap();
    until("/", "does not answer");
    until("/metrics", "event_store_up 0");
    std::fs::rename(shop.path("away.db"), shop.path("shop.db")).unwrap();
    until("/metrics", "event_store_up 1");
    until("/streams", "order-1");
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let shop = Shop::new();
    let data = format!(r#"{{"customer":"{}"}}"#, "x".repeat(20_000));
    for _ in 0..20 {
        shop.append("order-1", "order_placed", 1, &data);
    }
    for arguments in [&["all"][..], &["events", "order-1", "--json"], &["export"]] {
        let mut command = shop.command(arguments);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut some = [0; 10];
        child.stdout.take().unwrap().read_exact(&mut some).unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{arguments:?}");
        assert!(output.stderr.is_empty(), "{:?}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn all_is_filtered() {
    let shop = Shop::new();
    shop.append("order-1", "order_shipped", 1, r#"{"parcels":1}"#);
    shop.append("cart-1", "order_placed", 2, r#"{"customer":"bob","channel":"web"}"#);
    let positions = |arguments: &[&str]| {
        let all = [&["all", "--json"], arguments].concat();
        let lines = shop.ok(&all).json();
        lines.iter().map(|it| it["position"].as_u64().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(positions(&[]), [1, 2, 3]);
    assert_eq!(positions(&["--type", "order_shipped"]), [2]);
    assert_eq!(positions(&["--category", "cart"]), [3]);
    assert_eq!(positions(&["--backward", "--limit", "2"]), [3, 2]);
    assert_eq!(positions(&["--after", "2"]), [3]);
    assert_eq!(positions(&["--since", "1h"]), [1, 2, 3]);
    assert!(positions(&["--until", "1h"]).is_empty());
    assert!(positions(&["--correlation", "none"]).is_empty());
    assert!(shop.fails(&["all", "--since", "noon"], 64).contains("2026-11-29"));
}

#[test]
fn show_finds_an_event_with_its_causes_and_effects() {
    let shop = Shop::new();
    let first = shop.ok(&["all", "--json"]).json().remove(0);
    let id = first["id"].as_str().unwrap();
    let caused = json!({ "type": "order_shipped", "data": { "parcels": 1 }, "metadata": { "causation_id": id } });
    std::fs::write(shop.path("caused.json"), caused.to_string()).unwrap();
    shop.ok(&["append", "parcel-1", "caused.json"]);
    let shown = shop.ok(&["show", id]).stdout;
    assert!(shown.contains("\"channel\": \"shop\"") && shown.contains("effects"), "{shown}");
    let effect = shop.ok(&["show", "parcel-1@1", "--json"]).json().remove(0);
    assert_eq!(effect["causes"][0]["id"], id);
    let cause = shop.ok(&["show", "1", "--json"]).json().remove(0);
    assert_eq!(cause["effects"][0]["stream"], "parcel-1");
    assert_eq!(cause["latest"]["data"]["channel"], "shop");
    for (event, code) in
        [("7", 4), ("order-1@9", 4), ("x", 64), ("019c0000-0000-7000-8000-000000000000", 4)]
    {
        shop.fails(&["show", event], code);
    }
}
