//! Views and table projections that are written in the transaction of the append.
//!
//! Their builds are locked before the append, and written after it, with the positions that it assigned: readers of all streams
//! wait for that, and so do other writers of the same model.

use event_core::adapter::{
    BuildMove, DocumentKey, DocumentWrite, InlineTransaction, InlineWork, NotWritten, StoredBuild,
    StoredDocument, TableModel, TableWork, TenantView, async_trait,
};
use event_core::{AllOptions, Error, RecordedEvent, Result};
use event_sql::page::EventPage;
use event_sql::read_models as rows;
use event_sql::rows::{to_i32, to_i64};
use sqlx::Connection;
use sqlx::postgres::{PgConnection, PgRow};

use crate::projection;
use crate::row::{self, Cells};
use crate::sql::PgQuery;
use crate::status::SwitchStatus;
use crate::store::Store;
use crate::{documents, error, read};

const OPERATION: &str = "append with an inline read model";

/// Does work on builds, all or nothing.
pub(crate) async fn work(store: &Store, work: Box<dyn InlineWork>) -> Result<()> {
    let fail = |failed| error::error(OPERATION, failed);
    let mut connection = store.pool.open_session(OPERATION).await?;
    let mut transaction = connection.begin().await.map_err(fail)?;
    let mut inline = Inline { store, connection: &mut transaction };
    work.run(&mut inline).await?;
    transaction.commit().await.map_err(fail)
}

/// The transaction of an append.
pub(crate) struct Inline<'t> {
    pub(crate) store: &'t Store,
    pub(crate) connection: &'t mut PgConnection,
}

impl Inline<'_> {
    async fn fetch(&mut self, query: PgQuery<'_>) -> Result<Vec<PgRow>> {
        let found = query.fetch_all(&mut *self.connection).await;
        found.map_err(|failed| error::error(OPERATION, failed))
    }
}

#[async_trait]
impl InlineTransaction for Inline<'_> {
    async fn lock(&mut self, name: &str) -> Result<Option<StoredBuild>> {
        let query = self.store.sql.lock_current_build.query().bind(name.to_owned());
        let found = self.fetch(query).await?;
        found.first().map(|row| rows::build(&Cells::new(row))).transpose()
    }

    async fn build(&mut self, name: &str, number: u32) -> Result<Option<StoredBuild>> {
        let found = self.fetch(self.store.sql.builds.query().bind(name.to_owned())).await?;
        let builds: Result<Vec<_>> =
            found.iter().map(|row| rows::build(&Cells::new(row))).collect();
        Ok(builds?.into_iter().find(|build| build.number == number))
    }

    async fn switch(&mut self, name: &str, number: u32) -> Result<()> {
        let query = self.store.sql.switch_read_model.query().bind(name.to_owned());
        let found = self.fetch(query.bind(to_i32(number))).await?;
        let status = found.first().map(|row| SwitchStatus::read(OPERATION, &Cells::new(row)));
        match status.transpose()? {
            Some(SwitchStatus::Switched) => Ok(()),
            _ => {
                Err(Error::overloaded(OPERATION, format!("a build of `{name}` changed meanwhile")))
            }
        }
    }

    async fn events(&mut self, options: &AllOptions) -> Result<Vec<RecordedEvent>> {
        let end = to_i64(options.get_up_to().get());
        let (mut after, limit) =
            (to_i64(options.get_after().get()), options.get_limit().get() as usize);
        let (mut page, mut found) = (EventPage::default(), 0);
        loop {
            let range = (after, end);
            let query =
                read::page_of_all(&self.store.sql, &TenantView::All, options, range, limit - found);
            let rows = self.fetch(query).await?;
            // Events that were truncated are skipped, and the page is filled as long as there are more.
            let is_last = rows.len() < limit - found;
            for row in rows {
                after = row::position(&row).unwrap_or(i64::MAX);
                if row::is_kept(&row) {
                    found += 1;
                    page.push(|owners| row::event(&row, owners));
                }
            }
            if is_last || found >= limit {
                return page.end();
            }
        }
    }

    async fn load(
        &mut self,
        name: &str,
        build: u32,
        keys: &[DocumentKey],
    ) -> Result<Vec<StoredDocument>> {
        let query = documents::load(&self.store.sql, name, build, keys);
        let found = self.fetch(query).await?;
        found.iter().map(|row| rows::document(&Cells::new(row))).collect()
    }

    async fn write_documents(&mut self, write: DocumentWrite) -> Result<bool> {
        let query = documents::written(&self.store.sql, write, None);
        let found = self.fetch(query).await?;
        let written: Option<bool> = match found.first() {
            Some(row) => Cells::new(row).get("written")?,
            None => None,
        };
        Ok(written == Some(true))
    }

    fn without_tenant(&self, model: TableModel) -> Result<Option<String>> {
        projection::without_tenant(model)
    }

    async fn write_tables(
        &mut self,
        model: TableModel,
        step: BuildMove,
        work: Box<dyn TableWork>,
    ) -> Result<bool, NotWritten> {
        projection::write_in(self.store, self.connection, (model, step), work).await
    }
}
