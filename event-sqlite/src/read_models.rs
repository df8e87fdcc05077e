//! Builds of read models in the file, and the documents of views.
//!
//! What is written holds the write lock, so it runs on the store's thread.

use std::sync::Arc;

use event_core::adapter::{
    DocumentKey, DocumentQuery, DocumentWrite, InlineWork, ModelDefinition, ReadModelStore,
    StoredBuild, StoredDocument, Switch, TableStore, TenantView, Written, async_trait,
};
use event_core::{Position, Result};
use event_sql::read_models::{self as rows, DocumentRows, key_after, key_range};

use crate::documents::{load, named, write_in};
use crate::error::Failure;
use crate::inline_models;
use crate::on_thread::OnThread;
use crate::row::Cells;
use crate::sql::{self, SqliteQuery};
use crate::store::Store;

const WRITE: &str = "write a view";

#[async_trait]
impl ReadModelStore for OnThread {
    async fn builds(&self, name: &str) -> Result<Vec<StoredBuild>> {
        let query = sql::BUILDS.query().bind(name.to_owned());
        let found = self.0.fetch("look up a read model", query).await?;
        found.iter().map(|row| rows::build(&Cells::new(row))).collect()
    }

    async fn begin(
        &self,
        name: &'static str,
        build: u32,
        definition: &ModelDefinition,
    ) -> Result<()> {
        let query = begin(name, build, definition);
        let store = Arc::clone(&self.0);
        let work = async move { store.write("begin a view", query).await };
        self.0.thread.run("begin a view", work).await?.map(drop)
    }

    async fn write(&self, write: DocumentWrite) -> Result<Written> {
        let store = Arc::clone(&self.0);
        let work = async move { store.write_documents(write).await };
        let is_written = self.0.thread.run(WRITE, work).await??;
        Ok(if is_written { Written::Done } else { Written::Stale })
    }

    async fn load(
        &self,
        name: &str,
        build: u32,
        keys: &[DocumentKey],
    ) -> Result<Vec<StoredDocument>> {
        let mut documents = Vec::new();
        for query in load(name, build, keys) {
            for row in self.0.fetch("load documents", query?).await? {
                documents.push(rows::document(&Cells::new(&row))?);
            }
        }
        Ok(documents)
    }

    async fn read(
        &self,
        name: &str,
        view: &TenantView,
        query: &DocumentQuery,
    ) -> Result<Option<(StoredBuild, Vec<StoredDocument>)>> {
        let mut found = DocumentRows::default();
        let query = select(name, view, query);
        self.0.pool.each("read a view", query, |row| found.push(&Cells::new(&row))).await?;
        found.end()
    }

    async fn switch(&self, name: &str, build: u32) -> Result<Switch> {
        let (store, name) = (Arc::clone(&self.0), name.to_owned());
        let work = async move { store.switch_view(&name, build).await };
        Ok(self.0.thread.run("switch a view", work).await??)
    }

    async fn in_transaction(&self, work: Box<dyn InlineWork>) -> Result<()> {
        let store = Arc::clone(&self.0);
        let work = async move { inline_models::work(&store, work).await };
        self.0.thread.run("switch a read model", work).await?
    }

    async fn remove(&self, name: &str, build: u32) -> Result<bool> {
        let (store, name) = (Arc::clone(&self.0), name.to_owned());
        let work = async move { store.remove_view(&name, build).await };
        Ok(self.0.thread.run("remove a view", work).await??)
    }

    fn tables(&self) -> Option<&dyn TableStore> {
        Some(self)
    }
}

/// Registers a build, unless its number is taken.
pub(crate) fn begin(name: &str, build: u32, definition: &ModelDefinition) -> SqliteQuery {
    named(sql::BEGIN_VIEW, name, build)
        .bind(definition.filter.clone())
        .bind(definition.kind.as_str())
        .bind(i64::from(definition.version))
}

/// The statement that reads documents.
fn select(name: &str, view: &TenantView, query: &DocumentQuery) -> SqliteQuery {
    let tenant = view.tenant().map(|tenant| tenant.as_str().to_owned());
    match (query, tenant) {
        (DocumentQuery::Key(key), tenant) => {
            sql::FIND_DOCUMENT.query().bind(name.to_owned()).bind(tenant).bind(key.clone())
        }
        (DocumentQuery::Page { after, prefix, limit }, Some(tenant)) => {
            let after = after.as_ref().map(|after| after.key.as_str());
            let (first, end) = key_range(after, prefix);
            let query = sql::PAGE_OF_DOCUMENTS.query().bind(name.to_owned()).bind(tenant);
            query.bind(first).bind(end).bind(i64::from(*limit))
        }
        (DocumentQuery::Page { after, prefix, limit }, None) => {
            let (tenant, key) = match after {
                Some(after) => (after.tenant.as_str().to_owned(), key_after(&after.key)),
                None => Default::default(),
            };
            let query = sql::PAGE_OF_ALL_DOCUMENTS.query().bind(name.to_owned()).bind(tenant);
            query.bind(key).bind(prefix.clone()).bind(i64::from(*limit))
        }
    }
}

impl Store {
    async fn write_documents(&self, write: DocumentWrite) -> Result<bool, Failure> {
        let (mut transaction, _) = self.begin(WRITE, sql::BEGIN.query()).await?;
        if !write_in(&mut transaction, write).await? {
            transaction.rollback().await;
            return Ok(false);
        }
        transaction.commit().await?;
        Ok(true)
    }

    async fn switch_view(&self, name: &str, build: u32) -> Result<Switch, Failure> {
        let (mut transaction, _) = self.begin("switch a view", sql::BEGIN.query()).await?;
        let builds = transaction.fetch(sql::BUILDS.query().bind(name.to_owned())).await?;
        let builds: Result<Vec<_>> =
            builds.iter().map(|row| rows::build(&Cells::new(row))).collect();
        let builds = builds?;
        let position = |wanted: &dyn Fn(&StoredBuild) -> bool| -> Option<Position> {
            builds.iter().find(|build| wanted(build)).map(|build| build.position)
        };
        let own = position(&|it| it.number == build);
        let answer = match (own, position(&|it| it.is_current)) {
            (None, _) => Switch::Missing,
            (Some(own), Some(current)) if own < current => Switch::Behind,
            (Some(_), _) => Switch::Done,
        };
        if answer == Switch::Done {
            let leave = sql::LEAVE_PROJECTION.query().bind(name.to_owned());
            transaction.execute(leave).await?;
            transaction.execute(named(sql::ENTER_PROJECTION, name, build)).await?;
            transaction.commit().await?;
        } else {
            transaction.rollback().await;
        }
        Ok(answer)
    }

    async fn remove_view(&self, name: &str, build: u32) -> Result<bool, Failure> {
        let (mut transaction, _) = self.begin("remove a view", sql::BEGIN.query()).await?;
        let builds = transaction.fetch(sql::BUILDS.query().bind(name.to_owned())).await?;
        let mut is_old = false;
        for row in &builds {
            let found = rows::build(&Cells::new(row))?;
            is_old |= found.number == build && !found.is_current;
        }
        if !is_old {
            transaction.rollback().await;
            return Ok(false);
        }
        transaction.execute(named(sql::DROP_DOCUMENTS, name, build)).await?;
        transaction.execute(named(sql::DROP_PROJECTION, name, build)).await?;
        transaction.commit().await?;
        Ok(true)
    }
}
