//! [`Session`]: a connection that is not one of the pool's, for several statements that belong together.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use event_core::Result;
use sqlx::postgres::PgConnection;
use tokio::runtime::Handle;

use super::{Link, Pool, Shared, close};

/// The connection. Where it is dropped, what the server still does for it is cancelled: a caller that went away leaves
/// neither a statement nor a lock behind, and no connection that waits for one.
pub(crate) struct Session {
    shared: Arc<Shared>,
    link: Option<Link>,
}

impl Pool {
    /// Opens a connection to the server itself, for several statements that belong together.
    pub(crate) async fn open_session(&self, operation: &'static str) -> Result<Session> {
        Ok(Session::new(&self.shared, self.open_session_link(operation).await?))
    }

    /// The same for a transaction of an application that may think between its statements: it blocks no reader of the log.
    pub(crate) async fn open_patient_session(&self, operation: &'static str) -> Result<Session> {
        Ok(Session::new(&self.shared, self.open_patient_link(operation).await?))
    }
}

impl Session {
    fn new(shared: &Arc<Shared>, link: Link) -> Self {
        Self { shared: Arc::clone(shared), link: Some(link) }
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
