//! Builds of read models on the server, and the documents of views.
//!
//! A batch of documents and the checkpoint are written by one statement, which is a transaction of its own.

use std::sync::Arc;

use event_core::Result;
use event_core::adapter::{
    DocumentKey, DocumentQuery, DocumentWrite, InlineWork, ModelDefinition, ReadModelStore,
    StoredBuild, StoredDocument, Switch, TableStore, TenantView, Written, async_trait,
};
use event_sql::read_models::{self as rows, DocumentRows, key_after, key_range};
use event_sql::rows::to_i32;

use crate::documents::{load, named, written};
use crate::epoch::look_into;
use crate::error::Failure;
use crate::inline_models;
use crate::lineage::ServerOf;
use crate::row::Cells;
use crate::sql::{PgQuery, Statements};
use crate::status::{DropStatus, SwitchStatus};
use crate::store::Store;

const WRITE: &str = "write a view";
const SWITCH: &str = "switch a view";
const REMOVE: &str = "remove a view";

/// The builds of read models of a store.
pub(crate) struct ReadModels(pub(crate) Arc<Store>);

#[async_trait]
impl ReadModelStore for ReadModels {
    async fn builds(&self, name: &str) -> Result<Vec<StoredBuild>> {
        let query = self.0.sql.builds.query().bind(name.to_owned());
        let found = self.0.fetch("look up a read model", query).await?;
        found.iter().map(|row| rows::build(&Cells::new(row))).collect()
    }

    async fn begin(
        &self,
        name: &'static str,
        build: u32,
        definition: &ModelDefinition,
    ) -> Result<()> {
        let query = begin(&self.0.sql, name, build, definition);
        self.0.fetch_one("begin a view", query).await.map(drop)
    }

    async fn write(&self, write: DocumentWrite) -> Result<Written> {
        // Its events are of a log that was replaced since: they are read again.
        let ServerOf::Now(started) = self.0.lineage.server_of(write.step.epoch) else {
            return Ok(Written::Stale);
        };
        let query = written(&self.0.sql, write, started);
        let found = match self.0.fetch(WRITE, query).await {
            Ok(found) => found,
            Err(Failure::TooSlow(error)) => return Ok(Written::TooSlow(error)),
            Err(failure) => return Err(failure.into()),
        };
        let written: Option<bool> = match found.first() {
            Some(row) => Cells::new(row).get("written")?,
            None => None,
        };
        if written.is_none() {
            look_into(&self.0).await?;
        }
        Ok(if written == Some(true) { Written::Done } else { Written::Stale })
    }

    async fn load(
        &self,
        name: &str,
        build: u32,
        keys: &[DocumentKey],
    ) -> Result<Vec<StoredDocument>> {
        let found = self.0.fetch("load documents", load(&self.0.sql, name, build, keys)).await?;
        found.iter().map(|row| rows::document(&Cells::new(row))).collect()
    }

    async fn read(
        &self,
        name: &str,
        view: &TenantView,
        query: &DocumentQuery,
    ) -> Result<Option<(StoredBuild, Vec<StoredDocument>)>> {
        let mut found = DocumentRows::default();
        let query = select(&self.0.sql, name, view, query);
        self.0.pool.each("read a view", query, |row| found.push(&Cells::new(&row))).await?;
        found.end()
    }

    async fn switch(&self, name: &str, build: u32) -> Result<Switch> {
        let query = named(&self.0.sql.switch_read_model, name, build);
        let row = self.0.fetch_one(SWITCH, query).await?;
        Ok(match SwitchStatus::read(SWITCH, &Cells::new(&row))? {
            SwitchStatus::Switched => Switch::Done,
            SwitchStatus::Behind => Switch::Behind,
            SwitchStatus::NotFound => Switch::Missing,
        })
    }

    async fn in_transaction(&self, work: Box<dyn InlineWork>) -> Result<()> {
        inline_models::work(&self.0, work).await
    }

    async fn remove(&self, name: &str, build: u32) -> Result<bool> {
        let query = named(&self.0.sql.drop_read_model, name, build);
        let row = self.0.fetch_one(REMOVE, query).await?;
        Ok(match DropStatus::read(REMOVE, &Cells::new(&row))? {
            DropStatus::Dropped => true,
            DropStatus::Current | DropStatus::NotFound => false,
        })
    }

    fn tables(&self) -> Option<&dyn TableStore> {
        Some(self)
    }
}

/// Registers a build, unless its number is taken.
pub(crate) fn begin<'q>(
    sql: &Statements,
    name: &str,
    build: u32,
    definition: &ModelDefinition,
) -> PgQuery<'q> {
    named(&sql.begin_read_model, name, build)
        .bind(definition.kind.as_str())
        .bind(to_i32(definition.version))
        .bind(definition.filter.clone())
}

/// The statement that reads documents.
fn select<'q>(
    sql: &Statements,
    name: &str,
    view: &TenantView,
    query: &DocumentQuery,
) -> PgQuery<'q> {
    let tenant = view.tenant().map(|tenant| tenant.as_str().to_owned());
    match (query, tenant) {
        (DocumentQuery::Key(key), tenant) => {
            sql.find_document.query().bind(name.to_owned()).bind(tenant).bind(key.clone())
        }
        (DocumentQuery::Page { after, prefix, limit }, Some(tenant)) => {
            let after = after.as_ref().map(|after| after.key.as_str());
            let (first, end) = key_range(after, prefix);
            let query = sql.page_of_documents.query().bind(name.to_owned()).bind(tenant);
            query.bind(first).bind(end).bind(i64::from(*limit))
        }
        (DocumentQuery::Page { after, prefix, limit }, None) => {
            let (tenant, key) = match after {
                Some(after) => (after.tenant.as_str().to_owned(), key_after(&after.key)),
                None => Default::default(),
            };
            let query = sql.page_of_all_documents.query().bind(name.to_owned()).bind(tenant);
            query.bind(key).bind(prefix.clone()).bind(i64::from(*limit))
        }
    }
}
