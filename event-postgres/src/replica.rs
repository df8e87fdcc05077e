//! [`Readers`]: the servers that reads go to: a standby as long as one answers, else the primary.
//!
//! A process keeps to one standby, so that its reads never go back in time while that one answers. Each server has a
//! frontier of its own: what is final is final everywhere, but one server may not show yet what another has proved.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use event_core::adapter::BoxFuture;
use event_core::{Category, Error, Result};
use tokio::time::Instant;

use crate::frontier::{Frontier, Role};
use crate::options::{Address, PgOptions};

/// How long a standby that could not be reached is left alone.
const REST: Duration = Duration::from_secs(5);

/// The servers that reads go to.
pub(crate) struct Readers {
    primary: Arc<Frontier>,
    /// In the order in which they are asked.
    standbys: Vec<Standby>,
}

struct Standby {
    address: Address,
    server: Frontier,
    rests_until: Mutex<Option<Instant>>,
}

impl Readers {
    /// The standbys of the options in random order, and the primary last.
    pub(crate) fn new(options: &PgOptions, primary: Arc<Frontier>) -> Self {
        let open = |address: &Address| {
            let store = Arc::new(primary.store().at(options, address));
            Standby {
                address: address.clone(),
                server: Frontier::new(store, Role::Standby, options.frontier_wait),
                rests_until: Mutex::default(),
            }
        };
        let mut standbys: Vec<_> = options.replicas.iter().map(open).collect();
        fastrand::shuffle(&mut standbys);
        Self { primary, standbys }
    }

    /// Asks the first server that answers.
    pub(crate) async fn read<'a, T>(
        &'a self,
        ask: impl Fn(&'a Frontier) -> BoxFuture<'a, Result<T>> + Send,
    ) -> Result<T> {
        self.read_up_to(None, ask).await
    }

    /// Asks the first server that answers and that shows everything up to a position: for a reader that names one, an
    /// empty page proves that nothing is there.
    pub(crate) async fn read_up_to<'a, T>(
        &'a self,
        end: Option<i64>,
        ask: impl Fn(&'a Frontier) -> BoxFuture<'a, Result<T>> + Send,
    ) -> Result<T> {
        for standby in self.standbys.iter().filter(|standby| !standby.rests()) {
            let shows = match end {
                Some(end) => standby.shows(end).await,
                None => Ok(true),
            };
            let answer = match shows {
                Ok(true) => ask(&standby.server).await,
                Ok(false) => continue,
                Err(error) => Err(error),
            };
            match answer {
                Err(error) if is_of_server(&error) => {
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
            standby.server.store().pool.close().await;
        }
    }
}

/// Whether another server may answer better. What the caller asked for, and what the log says of it, is the same on each.
///
/// | category | on a standby, for example | then |
/// |---|---|---|
/// | infrastructure | unreachable, restarting, out of memory, a conflict with its recovery, a row it cannot read | the next server |
/// | other | a missing relation or right, a damaged page, an internal error, whatever its code | the next server |
/// | validation, concurrency, domain | a malformed request, no such stream, a deleted one | the answer |
fn is_of_server(error: &Error) -> bool {
    matches!(error.category(), Category::Infrastructure | Category::Other)
}

impl Standby {
    /// Whether everything up to a position is final and visible there.
    async fn shows(&self, position: i64) -> Result<bool> {
        Ok(self.server.known().last >= position || self.server.head().await? >= position)
    }

    fn rests(&self) -> bool {
        let until = self.rests_until.lock().unwrap_or_else(PoisonError::into_inner);
        until.is_some_and(|until| Instant::now() < until)
    }

    fn rest(&self) {
        let mut until = self.rests_until.lock().unwrap_or_else(PoisonError::into_inner);
        *until = Some(Instant::now() + REST);
    }
}
