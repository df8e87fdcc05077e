//! A shop: orders over HTTP, decided on their events. `shop open` serves it; the commands beside it are those of `event-cli`.
//!
//! `order.rs` has the events and the rules, `api.rs` the requests, `sales.rs` the read models, `mail.rs` what follows from an order.

mod api;
mod mail;
mod order;
mod sales;

use std::path::PathBuf;

use clap::{CommandFactory as _, Parser, Subcommand};
use event_core::EventStore;
use event_core::error::{BoxError, with_causes};
use tokio::signal::{ctrl_c, unix};
use {event_postgres as _, event_sqlite as _}; // a backend that is only in Cargo.toml is not linked

use crate::sales::{Orders, Sales};

const FILE: &str = "sqlite:shop.db";

/// Takes orders.
#[derive(Parser)]
struct Shop {
    /// Where the events are: `sqlite:path` or `postgres://user@host/database`.
    #[arg(long, global = true, env = "SHOP_STORE", hide_env_values = true, default_value = FILE)]
    store: String,
    #[command(subcommand)]
    command: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Opens the shop.
    Open {
        #[arg(long, env = "SHOP_LISTEN", default_value = "127.0.0.1:8080")]
        listen: std::net::SocketAddr,
        /// The folder of the mails that are to be sent.
        #[arg(long, env = "SHOP_OUTBOX", default_value = "outbox")]
        outbox: PathBuf,
    },
    #[command(flatten)]
    Events(event_cli::Command),
}

#[tokio::main]
async fn main() {
    let shop = Shop::parse();
    let done = match shop.command {
        Task::Open { listen, outbox } => open(&shop.store, listen, outbox).await,
        Task::Events(command) => {
            let host = event_cli::Host::new(Shop::command()).store(Some(shop.store));
            command.run(host).await.map_err(Into::into)
        }
    };
    if let Err(error) = done {
        eprintln!("error: {}", with_causes(&*error));
        std::process::exit(1);
    }
}

/// Serves until a signal, or until something that must run fails; the supervisor of the process starts it again.
async fn open(url: &str, listen: std::net::SocketAddr, outbox: PathBuf) -> Result<(), BoxError> {
    let level = std::env::var("RUST_LOG").unwrap_or_else(|_| "info".into());
    tracing_subscriber::fmt().with_env_filter(level).with_writer(std::io::stderr).init();
    let metrics = metrics_exporter_prometheus::PrometheusBuilder::new().install_recorder()?;
    std::fs::create_dir_all(&outbox)?;

    let store = EventStore::connect(url).inline(Orders).await?;
    let consumer = mail::open(&store).await?;
    let mail_stopper = consumer.stopper();
    let mut mail = tokio::spawn(consumer.run(move |placed| mail::send(placed, outbox.clone())));
    let sales = store.view::<Sales>().run().into_future();

    let listener = tokio::net::TcpListener::bind(listen).await?;
    tracing::info!("the shop is open at http://{}", listener.local_addr()?);
    let server = axum::serve(listener, api::routes(&store, metrics));
    let mut terminate = unix::signal(unix::SignalKind::terminate())?;
    let stop = async move {
        tokio::select! { _ = ctrl_c() => {}, _ = terminate.recv() => {} }
    };
    tokio::select! {
        end = server.with_graceful_shutdown(stop) => end?, // requests in flight are answered
        end = &mut mail => return Ok(end??),
        end = sales => return Ok(end?),
    }
    mail_stopper.stop();
    mail.await??; // the mail in hand is finished, and its checkpoint saved
    store.close().await;
    Ok(())
}
