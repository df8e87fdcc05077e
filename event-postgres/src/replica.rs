//! Where reads go: to a standby as long as one answers, else to the primary.
//!
//! A process keeps to one standby, so that what it reads never goes back in time while that one answers. Each server has
//! a frontier of its own: what is final is so everywhere, but one server may not show yet what another has proved.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use event_core::adapter::BoxFuture;
use event_core::{Error, Result};
use tokio::time::Instant;

use crate::frontier::Frontier;
use crate::options::{Address, PgOptions};
use crate::pool::Pool;
use crate::sql::Statements;

/// A standby that could not be reached is left alone for so long.
const REST: Duration = Duration::from_secs(5);

/// A server, and what its readers know to be final there.
#[derive(Clone)]
pub(crate) struct Server {
    pub(crate) pool: Arc<Pool>,
    pub(crate) frontier: Arc<Frontier>,
}

/// The servers that reads go to.
pub(crate) struct Readers {
    primary: Server,
    /// The one to ask first comes first.
    standbys: Vec<Standby>,
}

struct Standby {
    address: Address,
    server: Server,
    rests_until: Mutex<Option<Instant>>,
}

impl Readers {
    /// The standbys of the options, in an order of this process's own, and the primary behind them.
    pub(crate) fn new(options: &PgOptions, primary: Server) -> Self {
        let open = |address: &Address| Standby {
            address: address.clone(),
            server: Server {
                pool: Arc::new(Pool::at(options, address)),
                frontier: Arc::new(Frontier::new(options.get_frontier_wait())),
            },
            rests_until: Mutex::default(),
        };
        let mut standbys: Vec<_> = options.get_replicas().iter().map(open).collect();
        fastrand::shuffle(&mut standbys);
        Self { primary, standbys }
    }

    /// Asks the first server that answers.
    pub(crate) async fn read<'a, T>(
        &'a self,
        ask: impl Fn(&'a Server) -> BoxFuture<'a, Result<T>> + Send,
    ) -> Result<T> {
        self.read_up_to(None, ask).await
    }

    /// Asks the first server that answers, and that shows all up to a position: whoever names one takes an empty page for
    /// the proof that nothing is there.
    pub(crate) async fn read_up_to<'a, T>(
        &'a self,
        end: Option<(i64, &'a Statements)>,
        ask: impl Fn(&'a Server) -> BoxFuture<'a, Result<T>> + Send,
    ) -> Result<T> {
        for standby in self.standbys.iter().filter(|standby| !standby.rests()) {
            let shows = match end {
                Some((end, sql)) => standby.server.shows(end, sql).await,
                None => Ok(true),
            };
            let answer = match shows {
                Ok(true) => ask(&standby.server).await,
                Ok(false) => continue,
                Err(error) => Err(error),
            };
            match answer {
                Err(error @ Error::Connection { .. }) => {
                    standby.rest();
                    let standby = tracing::field::debug(&standby.address);
                    tracing::warn!(standby, error = %event_core::error::with_causes(&error), "a standby does not answer; reading elsewhere");
                }
                answer => return answer,
            }
        }
        ask(&self.primary).await
    }

    /// Closes the connections to the standbys.
    pub(crate) async fn close(&self) {
        for standby in &self.standbys {
            standby.server.pool.close().await;
        }
    }
}

impl Server {
    /// Whether all up to a position is final and visible here.
    async fn shows(&self, position: i64, sql: &Statements) -> Result<bool> {
        Ok(self.frontier.known() >= position
            || self.frontier.head(&self.pool, sql).await? >= position)
    }
}

impl Standby {
    fn rests(&self) -> bool {
        let until = self.rests_until.lock().unwrap_or_else(PoisonError::into_inner);
        until.is_some_and(|until| Instant::now() < until)
    }

    fn rest(&self) {
        let mut until = self.rests_until.lock().unwrap_or_else(PoisonError::into_inner);
        *until = Some(Instant::now() + REST);
    }
}
