//! The proof that the file is the one that was opened.

use std::sync::atomic::Ordering::Relaxed;

use event_core::{Error, Result};
use sqlx::sqlite::SqliteConnection;
use sqlx::{ConnectOptions, Connection};

use super::{Pool, run};
use crate::error::is_no_store;
use crate::row::Cells;
use crate::sql;

/// How often a file is read that another program may be writing at this moment.
const TRIES: u32 = 5;

impl Pool {
    /// Keeps a connection until the end, and takes the files that it has open for the store's.
    pub(crate) async fn fix(&self, operation: &'static str) -> Result<()> {
        let mut anchor = self.open(operation, &self.options.anchor()).await?;
        let Some(id) = self.id(operation, &mut anchor).await? else {
            let reason = "the table `store_identity` is empty".to_owned();
            return Err(Error::Corrupt { at: None, reason });
        };
        self.identity.fix(operation, id)?;
        // A new store is in the write-ahead log only, and could not be told from a file that is written over it.
        if self.contents(operation).await?.is_none() {
            run(&mut anchor, sql::RESET_LOG).await.map_err(|error| self.error(operation, error))?;
        }
        *self.anchor.lock().await = Some(anchor);
        self.prove(operation).await
    }

    /// Checks that the paths lead to what was opened, and that nothing else was written there. Nothing may be answered to a
    /// writer before it is checked.
    pub(crate) async fn prove(&self, operation: &'static str) -> Result<()> {
        let proved = self.check(operation).await;
        self.is_suspect.store(proved.is_err(), Relaxed);
        proved
    }

    async fn check(&self, operation: &'static str) -> Result<()> {
        let Some(found) = self.identity.look_at_all(operation)? else { return Ok(()) };
        self.write_ahead.is(found.write_ahead);
        match found.unproved {
            Some(_) => self.prove_contents(operation).await,
            None => Ok(()),
        }
    }

    /// Reads what the file holds, one caller at a time: of two reads at once, the one that saw the lower position could
    /// be judged last, and the file taken for an older copy of itself.
    async fn prove_contents(&self, operation: &'static str) -> Result<()> {
        let _one_at_a_time = self.proving.lock().await;
        let found = self.identity.look_at_all(operation)?;
        // Another caller may have proved it meanwhile.
        let Some(stamp) = found.and_then(|found| found.unproved) else { return Ok(()) };
        let contents = self.contents(operation).await?;
        let contents = contents.as_ref().map(|(id, last)| (id.as_slice(), *last));
        self.identity.prove(operation, Some(stamp), contents)
    }

    /// The id and the last position that the file holds without its write-ahead log; `None` if it is no store by itself.
    async fn contents(&self, operation: &'static str) -> Result<Option<(Vec<u8>, i64)>> {
        for _ in 0..TRIES {
            match self.read_contents().await {
                Ok(Some(row)) => return Ok(Some(row)),
                Ok(None) => {}
                Err(error) if is_no_store(&error) => {}
                Err(error) => return Err(self.error(operation, error)),
            }
        }
        Ok(None)
    }

    async fn read_contents(&self) -> Result<Option<(Vec<u8>, i64)>, sqlx::Error> {
        // The driver of SQLite keeps the file's descriptor for as long as another connection has locks on the file.
        let mut connection: SqliteConnection = self.options.file_alone().connect().await?;
        let rows = run(&mut connection, sql::CONTENTS).await;
        let _ = connection.close().await;
        let rows = rows?;
        let cells = rows.first().map(Cells::new);
        let read =
            |cells: Cells<'_>| Some((cells.get("id").ok()?, cells.get("last_position").ok()?));
        Ok(cells.and_then(read))
    }
}
