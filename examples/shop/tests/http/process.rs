//! [`Shop`]: a shop that runs as a process on a folder of its own.

use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use reqwest::{Client, RequestBuilder};
use serde_json::Value;
use tempfile::TempDir;

/// How long a test waits for something that has to happen.
const PATIENCE: Duration = Duration::from_mins(1);

pub(crate) struct Shop {
    folder: TempDir,
    store: String,
    process: Child,
    address: String,
    client: Client,
}

impl Shop {
    /// Opens a new shop on a file.
    pub(crate) async fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = format!("sqlite:{}", folder.path().join("shop.db").display());
        let (process, address) = start(&store, folder.path().join("outbox")).await;
        Self { folder, store, process, address, client: Client::new() }
    }

    /// The URL of the store.
    pub(crate) fn store(&self) -> &str {
        &self.store
    }

    pub(crate) async fn get(&self, path: &str) -> (u16, Value) {
        json(self.client.get(self.url(path))).await
    }

    /// What the shop says of the orders 1 and 2, of a customer, and of its sales.
    pub(crate) async fn answers(&self) -> Vec<(u16, Value)> {
        let mut answers = Vec::new();
        for path in ["/orders/1", "/orders/2", "/customers/ann", "/sales/2"] {
            answers.push(self.get(path).await);
        }
        answers
    }

    pub(crate) async fn get_as(&self, tenant: &str, path: &str) -> (u16, Value) {
        json(self.client.get(self.url(path)).header("x-tenant", tenant)).await
    }

    pub(crate) async fn post(&self, path: &str, key: &str, body: &Value) -> (u16, Value) {
        json(self.client.post(self.url(path)).header("idempotency-key", key).json(body)).await
    }

    pub(crate) async fn text(&self, path: &str) -> String {
        self.client.get(self.url(path)).send().await.unwrap().text().await.unwrap()
    }

    /// The texts of the mails in the outbox.
    pub(crate) fn mails(&self) -> Vec<String> {
        let files = std::fs::read_dir(self.folder.path().join("outbox")).unwrap();
        let paths = files.map(|file| file.unwrap().path());
        let mails = paths.filter(|path| path.extension().is_some_and(|it| it == "eml"));
        mails.map(|path| std::fs::read_to_string(path).unwrap()).collect()
    }

    /// Kills the process as a crash would, and starts another one on the same store.
    pub(crate) async fn kill_and_reopen(&mut self) {
        self.move_to(self.store.clone()).await;
    }

    /// The same, on another store.
    pub(crate) async fn move_to(&mut self, store: String) {
        self.kill();
        self.store = store;
        let outbox = self.folder.path().join("outbox");
        (self.process, self.address) = start(&self.store, outbox).await;
    }

    /// Kills the process as a crash would.
    pub(crate) fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// Whether the process runs.
    pub(crate) fn is_open(&mut self) -> bool {
        self.process.try_wait().unwrap().is_none()
    }

    /// Runs another command of the program on the store.
    pub(crate) fn run(&self, arguments: &[&str]) -> ExitStatus {
        let mut command = Command::new(env!("CARGO_BIN_EXE_shop"));
        command.args(["--store", &self.store]).args(arguments).status().unwrap()
    }

    /// Asks the process to end, as a supervisor does.
    pub(crate) async fn terminate(mut self) -> ExitStatus {
        let pid = self.process.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        until("the end of the process", async || self.process.try_wait().unwrap()).await
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.address)
    }
}

impl Drop for Shop {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Starts the program, and reads its address from its log.
async fn start(store: &str, outbox: PathBuf) -> (Child, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_shop"));
    command.args(["--store", store, "open", "--listen", "127.0.0.1:0", "--outbox"]).arg(outbox);
    let mut process = command.env_remove("RUST_LOG").stderr(Stdio::piped()).spawn().unwrap();
    let log = BufReader::new(process.stderr.take().unwrap());
    let (sender, receiver) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        let mut sender = Some(sender);
        for line in log.lines().map_while(Result::ok) {
            eprintln!("{line}");
            if let Some((_, address)) = line.split_once("open at ")
                && let Some(sender) = sender.take()
            {
                let _ = sender.send(address.trim().to_owned());
            }
        }
    });
    (process, receiver.await.expect("the shop opens"))
}

async fn json(request: RequestBuilder) -> (u16, Value) {
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    let text = response.text().await.unwrap();
    (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
}

/// Asks again until there is an answer.
pub(crate) async fn until<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(Instant::now() < deadline, "there was no {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
