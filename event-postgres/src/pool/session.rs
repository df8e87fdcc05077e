//! [`Session`]: a connection that is not one of the pool's, for several statements that belong together.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use event_core::{Error, Result};
use sqlx::postgres::PgConnection;
use tokio::runtime::Handle;

use super::open::Link;
use super::{NO_SESSION, Pool, Process, Shared, close};
use crate::options::Servers;

/// The connection. Where it is dropped, what the server still does for it is cancelled: a caller that went away leaves
/// neither a statement nor a lock behind, and no connection that waits for one.
pub(crate) struct Session {
    shared: Arc<Shared>,
    link: Option<Link>,
}

impl Pool {
    /// Opens a connection to what the pool's own connections go to.
    pub(crate) async fn open(&self, operation: &'static str) -> Result<Session> {
        Ok(self.session(self.shared.open(operation).await?))
    }

    /// Opens a connection to the server itself, for several statements that belong together.
    pub(crate) async fn open_session(&self, operation: &'static str) -> Result<Session> {
        self.open_named(operation, self.shared.session.as_ref()).await
    }

    /// The same for a transaction of an application that may think between its statements: it blocks no reader of the log.
    pub(crate) async fn open_patient_session(&self, operation: &'static str) -> Result<Session> {
        self.open_named(operation, self.shared.patient.as_ref()).await
    }

    /// Opens a connection to one of some servers.
    pub(crate) async fn open_at(
        &self,
        operation: &'static str,
        servers: &Servers,
    ) -> Result<Session> {
        // Rare, and large: not part of the futures of its callers.
        let link = Box::pin(self.shared.open_at(operation, servers, true)).await?;
        Ok(self.session(link))
    }

    /// Keeps a connection that was opened for something else.
    pub(crate) async fn adopt(&self, mut session: Session) {
        let Some(link) = session.link.take() else { return };
        let (epoch, full) = {
            let idle = self.shared.idle();
            (idle.epoch, idle.connections.len() >= self.size() as usize)
        };
        if full {
            close(link.connection).await;
        } else {
            self.shared.keep(epoch, link);
        }
    }

    async fn open_named(
        &self,
        operation: &'static str,
        servers: Option<&Servers>,
    ) -> Result<Session> {
        match servers {
            Some(servers) => self.open_at(operation, servers).await,
            None => Err(Error::adapter(operation, NO_SESSION)),
        }
    }

    fn session(&self, link: Link) -> Session {
        Session { shared: Arc::clone(&self.shared), link: Some(link) }
    }
}

impl Session {
    /// The server process; unknown behind a pooler, which has another one for each transaction.
    pub(crate) fn process(&self) -> Option<Process> {
        self.link.as_ref().and_then(|link| link.process.clone())
    }

    /// Ends what the server still does for it, and waits for that.
    pub(crate) async fn end(mut self) {
        if let Some(link) = self.link.take() {
            Arc::clone(&self.shared).end(link).await;
        }
    }

    /// Closes it, in the way that the server expects.
    pub(crate) async fn close(mut self) {
        if let Some(link) = self.link.take() {
            close(link.connection).await;
        }
    }
}

impl Deref for Session {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        match &self.link {
            Some(link) => &link.connection,
            None => unreachable!("the connection is taken by methods that consume its holder"),
        }
    }
}

impl DerefMut for Session {
    fn deref_mut(&mut self) -> &mut PgConnection {
        match &mut self.link {
            Some(link) => &mut link.connection,
            None => unreachable!("the connection is taken by methods that consume its holder"),
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if let (Some(link), Ok(runtime)) = (self.link.take(), Handle::try_current()) {
            runtime.spawn(Arc::clone(&self.shared).end(link));
        }
    }
}
