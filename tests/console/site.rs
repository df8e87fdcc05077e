//! A console that is served on a free port of this machine, and a visitor of it.

use std::time::Duration;

use event_console::Console;
use event_core::EventStore;
use reqwest::header::{COOKIE, HOST, ORIGIN, SET_COOKIE};
use reqwest::redirect::Policy;
use reqwest::{Client, Response, StatusCode};

/// A served console, for as long as the test runs.
pub(crate) struct Site {
    pub(crate) url: String,
    client: Client,
}

/// The text of a page, and its status.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) text: String,
    pub(crate) cookie: Option<String>,
    pub(crate) location: Option<String>,
}

impl Site {
    /// Serves the console.
    pub(crate) async fn serve(console: Console) -> Self {
        let console = console.sample_every(Duration::from_millis(200));
        let listening = console.bind(([127, 0, 0, 1], 0).into()).await.unwrap();
        let url = format!("http://{}", listening.address());
        tokio::spawn(listening.serve());
        Self { url, client: client() }
    }

    /// Serves a console that only shows.
    pub(crate) async fn of(store: &EventStore) -> Self {
        Self::serve(Console::new(store)).await
    }

    /// The host and port.
    pub(crate) fn authority(&self) -> &str {
        self.url.strip_prefix("http://").unwrap()
    }

    /// Gets a page that is there.
    pub(crate) async fn page(&self, path: &str) -> String {
        let answer = self.get(path).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text);
        answer.text
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        Answer::of(self.ask(path, &[]).await).await
    }

    /// Gets a page with headers.
    pub(crate) async fn ask(&self, path: &str, headers: &[(&str, &str)]) -> Response {
        let mut request = self.client.get(format!("{}{path}", self.url));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.send().await.unwrap()
    }

    /// Sends a form as a page of the console would.
    pub(crate) async fn send(&self, path: &str, cookie: &str, fields: &[(&str, &str)]) -> Answer {
        let origin = self.url.clone();
        self.send_from(path, Some(&origin), cookie, fields).await
    }

    /// Sends a form with an origin.
    pub(crate) async fn send_from(
        &self,
        path: &str,
        origin: Option<&str>,
        cookie: &str,
        fields: &[(&str, &str)],
    ) -> Answer {
        let mut request = self.client.post(format!("{}{path}", self.url)).form(fields);
        request = request.header(COOKIE, cookie).header(HOST, self.authority());
        if let Some(origin) = origin {
            request = request.header(ORIGIN, origin);
        }
        Answer::of(request.send().await.unwrap()).await
    }
}

impl Answer {
    pub(crate) async fn of(response: Response) -> Self {
        let header = |name| response.headers().get(name).and_then(|it| it.to_str().ok());
        let cookie = header(SET_COOKIE).map(|it| it.split(';').next().unwrap().to_owned());
        let location = header(reqwest::header::LOCATION).map(str::to_owned);
        let status = response.status();
        Self { status, cookie, location, text: response.text().await.unwrap() }
    }

    /// The token of the forms of a page.
    pub(crate) fn form_token(&self) -> String {
        let after = self.text.split("name=\"form_token\" value=\"").nth(1).expect("a form");
        after.split('"').next().unwrap().to_owned()
    }
}

fn client() -> Client {
    Client::builder().redirect(Policy::none()).timeout(Duration::from_secs(30)).build().unwrap()
}
