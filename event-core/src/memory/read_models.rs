//! Builds of read models in memory.

use async_trait::async_trait;
use std::collections::BTreeMap;
use std::ops::Bound;

use crate::adapter::{
    DocumentKey, DocumentQuery, DocumentWrite, InlineWork, ModelDefinition, PAGE_BYTES,
    ProjectionReport, ReadModelStore, StoredBuild, StoredDocument, Switch, TenantView, Written,
};
use crate::error::Result;
use crate::memory::{MemoryAdapter, State};
use crate::value::Position;

/// The builds of all read models, by name and number.
#[derive(Debug, Default)]
pub(super) struct ReadModels(BTreeMap<String, BTreeMap<u32, Build>>);

#[derive(Debug)]
struct Build {
    stored: StoredBuild,
    documents: BTreeMap<DocumentKey, String>,
}

impl ReadModels {
    fn find(&mut self, name: &str, build: u32) -> Option<&mut Build> {
        self.0.get_mut(name)?.get_mut(&build)
    }

    fn begin(&mut self, name: &str, number: u32, definition: &ModelDefinition) {
        let builds = self.0.entry(name.to_owned()).or_default();
        builds.entry(number).or_insert_with(|| Build {
            stored: StoredBuild {
                number,
                definition: definition.clone(),
                is_current: false,
                position: Position::START,
                events: 0,
                last_event: None,
                last_event_at: None,
            },
            documents: BTreeMap::new(),
        });
    }

    fn read(
        &self,
        name: &str,
        view: &TenantView,
        query: &DocumentQuery,
    ) -> Option<(StoredBuild, Vec<StoredDocument>)> {
        let mut builds = self.0.get(name)?.values();
        let build = builds.find(|build| build.stored.is_current)?;
        let own = |key: &DocumentKey| view.sees(&key.tenant);
        let found = match query {
            DocumentQuery::Key(key) => {
                let own = build.documents.iter().filter(|(at, _)| at.key == *key && own(at));
                own.map(stored).collect()
            }
            DocumentQuery::Page { after, prefix, limit } => {
                let start = after.clone().map_or(Bound::Unbounded, Bound::Excluded);
                let page = build.documents.range((start, Bound::Unbounded));
                let page = page.filter(|(at, _)| own(at) && at.key.starts_with(prefix.as_str()));
                let mut room = PAGE_BYTES;
                let mut has_room = |text: &String| {
                    let had = room > 0;
                    room = room.saturating_sub(text.len());
                    had
                };
                let page = page.take_while(|(_, text)| has_room(text));
                page.take(*limit as usize).map(stored).collect()
            }
        };
        Some((build.stored.clone(), found))
    }

    pub(super) fn load(&self, name: &str, build: u32, keys: &[DocumentKey]) -> Vec<StoredDocument> {
        let build = self.0.get(name).and_then(|builds| builds.get(&build));
        let found = keys.iter().filter_map(|key| build?.documents.get_key_value(key));
        found.map(stored).collect()
    }

    pub(super) fn build(&self, name: &str, number: u32) -> Option<StoredBuild> {
        Some(self.0.get(name)?.get(&number)?.stored.clone())
    }

    /// The build that readers read.
    pub(super) fn current(&self, name: &str) -> Option<StoredBuild> {
        let builds = self.0.get(name)?.values();
        builds.map(|build| &build.stored).find(|build| build.is_current).cloned()
    }

    pub(super) fn reports(&self) -> Vec<ProjectionReport> {
        let builds = self.0.iter().flat_map(|(name, of)| of.values().map(move |it| (name, it)));
        let report = |(name, build): (&String, &Build)| {
            let Build { stored, .. } = build;
            let filter = stored.definition.filter.clone();
            let place = "memory".to_owned();
            let mut report = ProjectionReport::new(name.clone(), stored.number, place, filter);
            report.kind = stored.definition.kind;
            report.is_current = stored.is_current;
            report.position = stored.position;
            report.events = stored.events;
            report.last_event_at = stored.last_event_at;
            report
        };
        builds.map(report).collect()
    }

    pub(super) fn switch(&mut self, name: &str, number: u32) -> Switch {
        let Some(builds) = self.0.get_mut(name) else { return Switch::Missing };
        let Some(own) = builds.get(&number).map(|build| build.stored.position) else {
            return Switch::Missing;
        };
        let current = builds.values().find(|build| build.stored.is_current);
        if current.is_some_and(|build| build.stored.position > own) {
            return Switch::Behind;
        }
        for build in builds.values_mut() {
            build.stored.is_current = build.stored.number == number;
        }
        Switch::Done
    }
}

fn stored((key, text): (&DocumentKey, &String)) -> StoredDocument {
    StoredDocument { key: key.clone(), text: text.clone() }
}

impl State {
    pub(super) fn write_documents(&mut self, write: DocumentWrite) -> bool {
        let last_position = Position::new(self.last_position);
        let Some(build) = self.read_models.find(write.name, write.build) else { return false };
        let step = write.step;
        let is_other =
            step.is_current.is_some_and(|is_current| is_current != build.stored.is_current);
        if is_other || build.stored.position != step.from || step.up_to > last_position {
            return false;
        }
        build.stored.position = step.up_to;
        build.stored.events += step.events;
        if let Some(last) = step.last {
            build.stored.last_event = Some((last.event_id, last.position));
            build.stored.last_event_at = Some(last.recorded_at);
        }
        for (key, document) in write.documents {
            match document {
                Some(text) => drop(build.documents.insert(key, text)),
                None => drop(build.documents.remove(&key)),
            }
        }
        true
    }
}

#[async_trait]
impl ReadModelStore for MemoryAdapter {
    async fn builds(&self, name: &str) -> Result<Vec<StoredBuild>> {
        let state = self.enter().await?;
        let builds = state.read_models.0.get(name).into_iter().flat_map(BTreeMap::values);
        Ok(builds.map(|build| build.stored.clone()).collect())
    }

    async fn begin(
        &self,
        name: &'static str,
        build: u32,
        definition: &ModelDefinition,
    ) -> Result<()> {
        self.enter().await?.read_models.begin(name, build, definition);
        Ok(())
    }

    async fn write(&self, write: DocumentWrite) -> Result<Written> {
        let is_written = self.enter().await?.write_documents(write);
        Ok(if is_written { Written::Done } else { Written::Stale })
    }

    async fn load(
        &self,
        name: &str,
        build: u32,
        keys: &[DocumentKey],
    ) -> Result<Vec<StoredDocument>> {
        Ok(self.enter().await?.read_models.load(name, build, keys))
    }

    async fn read(
        &self,
        name: &str,
        view: &TenantView,
        query: &DocumentQuery,
    ) -> Result<Option<(StoredBuild, Vec<StoredDocument>)>> {
        Ok(self.enter().await?.read_models.read(name, view, query))
    }

    async fn switch(&self, name: &str, build: u32) -> Result<Switch> {
        Ok(self.enter().await?.read_models.switch(name, build))
    }

    async fn in_transaction(&self, work: Box<dyn InlineWork>) -> Result<()> {
        self.enter().await?.work(work)
    }

    async fn remove(&self, name: &str, build: u32) -> Result<bool> {
        let mut state = self.enter().await?;
        let Some(builds) = state.read_models.0.get_mut(name) else { return Ok(false) };
        if builds.get(&build).is_some_and(|build| build.stored.is_current) {
            return Ok(false);
        }
        Ok(builds.remove(&build).is_some())
    }
}
