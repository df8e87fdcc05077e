//! A store in a folder of its own, and the program on it.

use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use event_core::serde_json::value::RawValue;
use event_core::{EventStore, EventVersion, ExpectedVersion, NewEvent, StreamId};
use event_sqlite as _;
use tempfile::TempDir;

pub(crate) struct Shop {
    folder: TempDir,
}

/// What a run of the program printed.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).unwrap();
        let code = output.status.code().unwrap();
        Self { code, stdout: text(output.stdout), stderr: text(output.stderr) }
    }
}

impl Ran {
    /// The output, line by line, as JSON.
    pub(crate) fn json(&self) -> Vec<serde_json::Value> {
        self.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

impl Shop {
    /// A folder without a store.
    pub(crate) fn empty() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    /// A store with one event: an order of the first version.
    pub(crate) fn new() -> Self {
        let shop = Self::empty();
        shop.append("order-1", "order_placed", 1, r#"{"customer":"ann"}"#);
        shop
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn url(&self) -> String {
        format!("sqlite:{}", self.path("shop.db").display())
    }

    /// Appends an event beside the program.
    pub(crate) fn append(&self, stream: &str, event_type: &str, version: u32, data: &str) {
        let data = RawValue::from_string(data.to_owned()).unwrap();
        let event = NewEvent::raw(event_type.to_owned(), EventVersion::new(version), data);
        self.with_store(async |store| {
            let stream = StreamId::new(stream).unwrap();
            store.append(&stream, ExpectedVersion::Any, [event]).await.unwrap();
        });
    }

    pub(crate) fn with_store<T>(&self, run: impl AsyncFnOnce(EventStore) -> T) -> T {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let store = EventStore::connect(&self.url()).await.unwrap();
            let done = run(store.clone()).await;
            store.close().await;
            done
        })
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_event-tool"));
        command.args(arguments).current_dir(self.folder.path()).env("EVENT_STORE", self.url());
        for name in ["COLUMNS", "EVENT_TENANT", "RUST_LOG"] {
            command.env_remove(name);
        }
        command.stdin(Stdio::null());
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        self.command(arguments).output().unwrap().into()
    }

    /// Runs the program, which must succeed.
    #[track_caller]
    pub(crate) fn ok(&self, arguments: &[&str]) -> Ran {
        let ran = self.run(arguments);
        assert_eq!(ran.code, 0, "{arguments:?}: {}", ran.stderr);
        ran
    }

    /// Runs the program, which must fail with this exit code, and returns what it says on standard error.
    #[track_caller]
    pub(crate) fn fails(&self, arguments: &[&str], code: i32) -> String {
        let ran = self.run(arguments);
        assert_eq!(ran.code, code, "{arguments:?}: {}{}", ran.stdout, ran.stderr);
        ran.stderr
    }
}
