//! A browser: a chromedriver of its own on a free port, and a session of it, which ends with the test whatever it does.

use std::process::Stdio;
use std::time::Duration;

use fantoccini::elements::Element;
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// A browser with one window.
#[derive(Clone)]
pub(crate) struct Browser {
    pub(crate) client: Client,
    driver: String,
}

/// What a page looks like.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Look {
    pub(crate) name: &'static str,
    pub(crate) width: u32,
    pub(crate) is_dark: bool,
}

/// Runs a test in a browser.
pub(crate) async fn browse<F, T>(has_script: bool, test: T)
where
    T: FnOnce(Browser) -> F,
    F: Future<Output = ()> + Send + 'static,
{
    let (child, driver) = start().await;
    let profile = tempfile::tempdir().unwrap();
    let mut options = json!({
        "args": [
            "--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--hide-scrollbars",
            "--window-size=1280,900", format!("--user-data-dir={}", profile.path().display()),
        ],
    });
    if !has_script {
        options["prefs"] = json!({ "profile.managed_default_content_settings.javascript": 2 });
    }
    let capabilities = json!({ "browserName": "chrome", "goog:chromeOptions": options });
    let Value::Object(capabilities) = capabilities else { unreachable!() };
    let mut builder = ClientBuilder::new(HttpConnector::new());
    let client = builder.capabilities(capabilities).connect(&driver).await;
    let client = client.expect("chromedriver starts Chromium: both of the same version");
    let browser = Browser { client: client.clone(), driver };
    let done = tokio::spawn(test(browser)).await;
    client.close().await.unwrap();
    drop(child);
    if let Err(failure) = done {
        std::panic::resume_unwind(failure.into_panic());
    }
}

async fn start() -> (Child, String) {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = free.local_addr().unwrap().port();
    drop(free);
    let mut command = Command::new("chromedriver");
    command.arg(format!("--port={port}")).stdout(Stdio::null()).stderr(Stdio::null());
    let child = command.kill_on_drop(true).spawn();
    let child = child.expect("chromedriver and Chromium are installed: tests/run does it");
    let ready = async {
        while TcpStream::connect(("127.0.0.1", port)).await.is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, ready).await.expect("chromedriver listens");
    (child, format!("http://127.0.0.1:{port}"))
}

impl Browser {
    /// Goes to a page.
    pub(crate) async fn go(&self, url: &str) {
        self.client.goto(url).await.unwrap();
    }

    /// The element, as soon as it is there.
    pub(crate) async fn find(&self, css: &str) -> Element {
        let wait = self.client.wait().at_most(PATIENCE);
        wait.for_element(Locator::Css(css)).await.unwrap_or_else(|it| panic!("{css}: {it}"))
    }

    pub(crate) async fn click(&self, css: &str) {
        self.find(css).await.click().await.unwrap_or_else(|it| panic!("{css}: {it}"));
    }

    /// Clicks the link, or the button, with this text.
    pub(crate) async fn press(&self, text: &str) {
        // Not one within a form that is folded.
        let path = format!(
            "//a[normalize-space()='{text}'] | //button[normalize-space()='{text}'][not(ancestor::details[not(@open)])]"
        );
        let wait = self.client.wait().at_most(PATIENCE);
        let found = wait.for_element(Locator::XPath(&path)).await;
        found.unwrap_or_else(|it| panic!("{text}: {it}")).click().await.unwrap();
    }

    pub(crate) async fn type_into(&self, css: &str, text: &str) {
        self.find(css).await.send_keys(text).await.unwrap();
    }

    /// Waits until the text of the page contains this.
    pub(crate) async fn sees(&self, text: &str) {
        let sees = async {
            loop {
                // Between two pages there is no body.
                let seen =
                    self.client.execute("return document.body?.innerText ?? ''", vec![]).await;
                if seen.is_ok_and(|seen| seen.as_str().is_some_and(|seen| seen.contains(text))) {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        if tokio::time::timeout(PATIENCE, sees).await.is_err() {
            let page = self.client.execute("return document.body.innerText", vec![]).await;
            panic!("the page does not say {text:?}: {page:?}");
        }
    }

    pub(crate) async fn run(&self, script: &str) -> Value {
        self.client.execute(script, vec![]).await.unwrap()
    }

    /// Takes on a look.
    pub(crate) async fn look(&self, look: Look) {
        let scheme = if look.is_dark { "dark" } else { "light" };
        let features = json!([
            { "name": "prefers-color-scheme", "value": scheme },
            { "name": "prefers-reduced-motion", "value": "reduce" },
        ]);
        self.command("Emulation.setEmulatedMedia", json!({ "features": features })).await;
        self.size(look.width, 900).await;
    }

    /// A picture of the whole page.
    pub(crate) async fn picture(&self, look: Look) -> Vec<u8> {
        let height = self.run("return document.documentElement.scrollHeight").await;
        let height = u32::try_from(height.as_u64().unwrap()).unwrap().clamp(600, 4_000);
        self.size(look.width, height).await;
        let picture = self.client.screenshot().await.unwrap();
        self.size(look.width, 900).await;
        picture
    }

    async fn size(&self, width: u32, height: u32) {
        let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500 });
        self.command("Emulation.setDeviceMetricsOverride", size).await;
    }

    /// A command of Chromium's own protocol.
    async fn command(&self, name: &str, parameters: Value) {
        let session = self.client.session_id().await.unwrap().unwrap();
        let address = format!("{}/session/{session}/goog/cdp/execute", self.driver);
        let body = json!({ "cmd": name, "params": parameters }).to_string();
        let request =
            reqwest::Client::new().post(address).header("content-type", "application/json");
        let answer = request.body(body).send().await.unwrap();
        assert!(answer.status().is_success(), "{name}: {}", answer.text().await.unwrap());
    }
}
