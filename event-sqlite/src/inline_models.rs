//! Views and table projections that are written in the transaction of the append.

use std::time::Duration;

use event_core::adapter::{
    AfterCommit, BuildMove, DocumentKey, DocumentWrite, InlineTransaction, InlineWork, NotWritten,
    StoredBuild, StoredDocument, TableModel, TableWork, WantingModels, async_trait,
};
use event_core::{AllOptions, Appended, Error, RecordedEvent, Result, StreamId};
use event_sql::page::EventPage;
use event_sql::read_models as rows;
use event_sql::rows::to_i64;
use tokio::time::timeout;

use crate::documents;
use crate::pool::Transaction;
use crate::projection;
use crate::row::{self, Cells};
use crate::sql::{self, json};
use crate::store::Store;

const OPERATION: &str = "append with an inline read model";
/// How long the models may block other writers.
const LONGEST: Duration = Duration::from_secs(30);

/// Writes what an append that was judged so changes in the models that want it; its rows are written already.
pub(crate) async fn apply(
    store: &Store,
    transaction: &mut Transaction<'_>,
    mut models: WantingModels,
    judged: &[Appended],
) -> Result<Vec<AfterCommit>> {
    let Some(last) = judged.iter().map(|answer| answer.position).max() else {
        return Ok(Vec::new());
    };
    let mut inline = Inline { store, transaction };
    let applied = async {
        models.lock(&mut inline).await?;
        models.apply(last, &mut inline).await
    };
    timeout(LONGEST, applied).await.unwrap_or_else(|_| {
        let reason = format!("a read model was not written within {LONGEST:?}, and appends waited");
        Err(Error::overloaded(OPERATION, reason))
    })
}

/// Does work on builds, all or nothing.
pub(crate) async fn work(store: &Store, work: Box<dyn InlineWork>) -> Result<()> {
    let (mut transaction, _) = store.begin(OPERATION, sql::BEGIN.query()).await?;
    let mut inline = Inline { store, transaction: &mut transaction };
    let done = timeout(LONGEST, work.run(&mut inline)).await;
    let done = done.unwrap_or_else(|_| Err(Error::overloaded(OPERATION, "appends waited")));
    match done {
        Ok(()) => Ok(transaction.commit().await?),
        Err(error) => {
            transaction.rollback().await;
            Err(error)
        }
    }
}

/// The transaction of an append.
struct Inline<'s, 't> {
    store: &'s Store,
    transaction: &'s mut Transaction<'t>,
}

impl Inline<'_, '_> {
    async fn builds(&mut self, name: &str) -> Result<Vec<StoredBuild>> {
        let found = self.transaction.fetch(sql::BUILDS.query().bind(name.to_owned())).await?;
        found.iter().map(|row| rows::build(&Cells::new(row))).collect()
    }
}

#[async_trait]
impl InlineTransaction for Inline<'_, '_> {
    async fn lock(&mut self, name: &str) -> Result<Option<StoredBuild>> {
        Ok(self.builds(name).await?.into_iter().find(|build| build.is_current))
    }

    async fn build(&mut self, name: &str, number: u32) -> Result<Option<StoredBuild>> {
        Ok(self.builds(name).await?.into_iter().find(|build| build.number == number))
    }

    async fn switch(&mut self, name: &str, number: u32) -> Result<()> {
        let leave = sql::LEAVE_PROJECTION.query().bind(name.to_owned());
        self.transaction.execute(leave).await?;
        let enter = sql::ENTER_PROJECTION.query().bind(name.to_owned()).bind(i64::from(number));
        self.transaction.execute(enter).await?;
        Ok(())
    }

    async fn events(&mut self, options: &AllOptions) -> Result<Vec<RecordedEvent>> {
        let types = options.get_event_types().map(|types| json(&types)).transpose()?;
        let query = sql::READ_INLINE
            .query()
            .bind(to_i64(options.get_after().get()))
            .bind(to_i64(options.get_up_to().get()))
            .bind(types)
            .bind(options.get_category().map(str::to_owned))
            .bind(options.get_stream().map(StreamId::as_str).map(str::to_owned))
            .bind(i64::from(options.get_limit().get()));
        let mut page = EventPage::default();
        for row in self.transaction.fetch(query).await? {
            page.push(|owners| row::event(&row, owners));
        }
        page.end()
    }

    async fn load(
        &mut self,
        name: &str,
        build: u32,
        keys: &[DocumentKey],
    ) -> Result<Vec<StoredDocument>> {
        let mut documents = Vec::new();
        for query in documents::load(name, build, keys) {
            for row in self.transaction.fetch(query?).await? {
                documents.push(rows::document(&Cells::new(&row))?);
            }
        }
        Ok(documents)
    }

    async fn write_documents(&mut self, write: DocumentWrite) -> Result<bool> {
        Ok(documents::write_in(self.transaction, write).await?)
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
        projection::write_in(self.store, self.transaction, (model, step), work).await
    }
}
