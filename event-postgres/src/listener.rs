//! [`Listener`]: wake-ups from other processes, on a connection of its own that is watched and reopened.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgListener, PgPoolOptions};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use crate::error;
use crate::options::Servers;
use crate::sql::{PING, Statements};

/// After this time an idle connection is asked for an answer: one that is half closed reports nothing by itself.
const WATCH: Duration = Duration::from_secs(10);
const ANSWER: Duration = Duration::from_secs(5);
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Receives notifications of commits of other processes.
pub(crate) struct Listener {
    servers: Servers,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    connected: AtomicBool,
    /// The highest position that was received.
    received: AtomicI64,
}

/// The task of a listener; it ends when this is dropped.
pub(crate) struct Listening {
    task: JoinHandle<()>,
    state: Arc<State>,
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.task.abort();
        self.state.connected.store(false, Ordering::Relaxed);
    }
}

impl Listener {
    pub(crate) fn new(servers: Servers) -> Self {
        Self { servers, state: Arc::default() }
    }

    /// Whether wake-ups arrive now.
    pub(crate) fn is_connected(&self) -> bool {
        self.state.connected.load(Ordering::Relaxed)
    }

    /// Positions that were received are void: the log was replaced.
    pub(crate) fn forget(&self) {
        self.state.received.store(0, Ordering::Relaxed);
    }

    /// Listens until the returned value is dropped.
    pub(crate) fn start(&self, sql: Arc<Statements>, wake: Arc<Notify>) -> Listening {
        let (servers, state) = (self.servers.clone(), Arc::clone(&self.state));
        let task = tokio::spawn(async move {
            let mut pause = FIRST_PAUSE;
            // Only a primary accepts listeners: of several hosts the next one is tried each time.
            for server in servers.list.iter().cycle() {
                match listen(&server.driver, &sql, &wake, &state, &mut pause).await {
                    Ok(()) => tracing::info!("the connection for wake-ups ended; opening another"),
                    Err(failed) => {
                        let (server, error) = (&server.name, error::text(&failed));
                        tracing::warn!(%server, error, "no wake-ups from other processes; polling");
                    }
                }
                state.connected.store(false, Ordering::Relaxed);
                // Notifications that were missed meanwhile are found by a poll at once.
                wake.notify_one();
                sleep(pause).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        });
        Listening { task, state: Arc::clone(&self.state) }
    }
}

/// Listens on one connection until it ends.
async fn listen(
    driver: &PgConnectOptions,
    sql: &Statements,
    wake: &Notify,
    state: &State,
    pause: &mut Duration,
) -> Result<(), sqlx::Error> {
    let pool = PgPoolOptions::new()
        .max_connections(1)
        .acquire_timeout(ANSWER)
        .connect_lazy_with(driver.clone());
    let listening = async {
        let mut listener = PgListener::connect_with(&pool).await?;
        listener.eager_reconnect(false);
        listener.listen(sql.schema().as_str()).await?;
        Ok::<_, sqlx::Error>(listener)
    };
    let listening = timeout(ANSWER, listening).await;
    let mut listener = listening.map_err(|_| sqlx::Error::PoolTimedOut)??;
    // The server may have been restored to an earlier state meanwhile: positions received before are void.
    state.received.store(0, Ordering::Relaxed);
    state.connected.store(true, Ordering::Relaxed);
    *pause = FIRST_PAUSE;
    wake.notify_one();
    loop {
        match timeout(WATCH, listener.try_recv()).await {
            Ok(Ok(Some(notification))) => {
                let position = notification.payload().parse().unwrap_or(i64::MAX);
                // Any role may send a text that is no position; it is only a wake-up.
                if position == i64::MAX
                    || state.received.fetch_max(position, Ordering::Relaxed) < position
                {
                    wake.notify_one();
                }
            }
            Ok(Ok(None)) => return Ok(()),
            Ok(Err(error)) => return Err(error),
            Err(_) => {
                let ping = sqlx::query(PING).execute(&mut listener);
                match timeout(ANSWER, ping).await {
                    Ok(answer) => _ = answer?,
                    Err(_) => return Err(sqlx::Error::PoolTimedOut),
                }
            }
        }
    }
}
