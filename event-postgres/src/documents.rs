//! The statements that load and write the documents of views.

use event_core::adapter::{DocumentKey, DocumentWrite};
use event_sql::projector::Move;
use event_sql::rows::{to_i32, to_i64};

use crate::lineage::Started;
use crate::sql::{PgQuery, Statement, Statements};

/// The statement that moves a build and writes its documents, on the server that started then.
pub(crate) fn written<'q>(
    sql: &Statements,
    write: DocumentWrite,
    started: Option<Started>,
) -> PgQuery<'q> {
    let to = Move::to(write.step.up_to, write.step.events, write.step.last);
    let (mut tenants, mut keys, mut texts) = (Vec::new(), Vec::new(), Vec::new());
    for (key, text) in write.documents {
        tenants.push(key.tenant.as_str().to_owned());
        keys.push(key.key);
        texts.push(text);
    }
    let query = named(&sql.write_documents, write.name, write.build)
        .bind(to_i64(write.step.from.get()))
        .bind(to.up_to)
        .bind(to.events)
        .bind(to.event_id)
        .bind(to.event_position)
        .bind(to.event_at)
        .bind(started);
    query.bind(tenants).bind(keys).bind(texts).bind(write.step.is_current)
}

/// The statement that loads documents.
pub(crate) fn load<'q>(
    sql: &Statements,
    name: &str,
    build: u32,
    keys: &[DocumentKey],
) -> PgQuery<'q> {
    let own = |key: &DocumentKey| (key.tenant.as_str().to_owned(), key.key.clone());
    let (tenants, keys): (Vec<String>, Vec<String>) = keys.iter().map(own).unzip();
    named(&sql.load_documents, name, build).bind(tenants).bind(keys)
}

/// A statement about one build: its name and its number come first.
pub(crate) fn named<'q>(statement: &Statement, name: &str, build: u32) -> PgQuery<'q> {
    statement.query().bind(name.to_owned()).bind(to_i32(build))
}
