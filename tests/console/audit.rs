//! The audit: one line for each action, done or refused, with what it was done to; never a reason or a payload.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use event_console::Console;
use event_core::EventStore;
use tracing_subscriber::fmt::MakeWriter;

use crate::filled::{built, orders, parked};
use crate::site::Site;

/// A log that is kept.
#[derive(Debug, Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    /// The lines of the audit.
    fn audit(&self) -> Vec<String> {
        let text = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
        let lines = text.lines().filter(|line| line.contains("event_console::audit"));
        lines.map(str::to_owned).collect()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'l> MakeWriter<'l> for Log {
    type Writer = Self;

    fn make_writer(&'l self) -> Self {
        self.clone()
    }
}

#[tokio::test]
async fn each_action_has_one_line_whether_it_was_done_or_not() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(log.clone()).finish();
    // The console runs on this thread.
    let _kept = tracing::subscriber::set_default(subscriber);
    let store = EventStore::in_memory().unwrap();
    built(&store).await;
    orders(&store, 2).await;
    parked(&store, "down").await;
    let site = Site::serve(Console::new(&store).allow_actions(true)).await;
    let mailer = "/subscriptions/of/default/mailer";
    let page = site.get(mailer).await;
    let (cookie, token) = (page.cookie.clone().unwrap(), page.form_token());
    let of_mailer = |action: &str| format!("{mailer}/{action}");
    let secret = "ann@example.org complained";
    for (path, position, words) in [
        (of_mailer("pause"), "", ["action=\"pause\"", "outcome=\"done\""]),
        (of_mailer("resume"), "", ["action=\"resume\"", "outcome=\"done\""]),
        (of_mailer("replay"), "1", ["position=1", "events=1"]),
        (of_mailer("discard"), "2", ["action=\"discard\"", "events=1"]),
        (of_mailer("discard"), "2", ["position=2", "outcome=\"not_parked\""]),
        (of_mailer("nonsense"), "", ["action=\"nonsense\"", "outcome=\"refused\""]),
        ("/projections/customers/2/drop".to_owned(), "", ["projection=customers", "build=2"]),
        (
            "/projections/customers/2/switch".to_owned(),
            "",
            ["build=2", "outcome=\"adapter_error\""],
        ),
    ] {
        let before = log.audit().len();
        let fields = [("form_token", &*token), ("position", position), ("reason", secret)];
        site.send(&path, &cookie, &fields).await;
        let lines = log.audit();
        assert_eq!(lines.len(), before + 1, "{path}");
        for word in words {
            assert!(lines[before].contains(word), "{word}: {}", lines[before]);
        }
        assert!(!lines[before].contains("ann@"), "{}", lines[before]);
    }
}
