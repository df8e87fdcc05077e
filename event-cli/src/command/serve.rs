//! `serve`: the web console over the store.

use std::net::SocketAddr;

use clap::Args;
use event_console::{Console, ConsoleError};

use crate::failure::Failure;
use crate::session::Session;

/// The arguments of `serve`.
#[derive(Debug, Args)]
pub struct Serve {
    /// The address to listen at; port 0 finds a free one. One that other machines reach needs a token.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:4200")]
    address: SocketAddr,
    /// The token that is asked for: at least 16 bytes, random. Better set in the environment, where no list of processes shows it.
    #[arg(long, env = "EVENT_CONSOLE_TOKEN", hide_env_values = true)]
    token: Option<String>,
    /// A host name under which the console is reached, beside addresses and `localhost`; may be repeated.
    #[arg(long, value_name = "NAME")]
    host: Vec<String>,
    /// The path that a proxy in front takes off, such as `/events`.
    #[arg(long, value_name = "PATH")]
    base_path: Option<String>,
    /// Allows to change subscriptions, parked events and projections. Each action is logged.
    #[arg(long)]
    allow_actions: bool,
}

impl Serve {
    pub(super) async fn run(self, session: &mut Session) -> Result<(), Failure> {
        let store = session.store().await?;
        let mut console = Console::new(&store).allow_actions(self.allow_actions);
        if let Some(token) = self.token {
            console = console.token(token);
        }
        for name in self.host {
            console = console.host(name);
        }
        if let Some(path) = self.base_path {
            console = console.base_path(path);
        }
        for (name, rebuild) in session.host.rebuilds.clone() {
            console = console.projection(name, move |store| rebuild(store));
        }
        let listening = console.bind(self.address).await.map_err(|error| failure(&error))?;
        session.out.line(format!("console at http://{}", listening.address()))?;
        session.out.flush()?;
        listening.serve().await.map_err(|error| failure(&error))
    }
}

fn failure(error: &ConsoleError) -> Failure {
    let cause = std::error::Error::source(error).map(|cause| format!(": {cause}"));
    let message = format!("{error}{}", cause.unwrap_or_default());
    match error {
        ConsoleError::TokenNeeded { .. } => {
            Failure::usage(message).hint("`--token` or EVENT_CONSOLE_TOKEN sets one")
        }
        ConsoleError::ShortToken { .. } | ConsoleError::InvalidBasePath => Failure::usage(message),
        _ => Failure::general(message),
    }
}
