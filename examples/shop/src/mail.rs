//! Confirmations by mail: a durable subscription, so that no order is forgotten and what cannot be mailed is set aside.

use std::path::PathBuf;
use std::sync::Arc;

use event_core::error::BoxError;
use event_core::subscription::{Consumer, OnFailure};
use event_core::{Event as _, EventStore, Filter, RecordedEvent};

use crate::order::{Cents, OrderPlaced};

/// Opens the subscription: the placed orders of all tenants.
pub(crate) async fn open(store: &EventStore) -> event_core::Result<Consumer> {
    let placed = Filter::all().category("order").event_types([OrderPlaced::TYPE]);
    let mail = store.all_tenants().subscription("mail");
    mail.filter(placed).partitions(4).on_failing(OnFailure::Park).open().await
}

/// Hands a mail to the outbox of the mail server. It may be called again for an event, after a crash for example: the event's id
/// names the mail, so it is the same one.
pub(crate) async fn send(recorded: Arc<RecordedEvent>, outbox: PathBuf) -> Result<(), BoxError> {
    let OrderPlaced { customer, mail, total: Cents(total), deliver_on, .. } = recorded.decode()?;
    if !mail.contains('@') {
        return Err(format!("{mail:?} is no address").into());
    }
    let (order, euros, cents) = (recorded.stream_id(), total / 100, total % 100);
    let text = format!(
        "To: {mail}\nSubject: {order}\n\n{customer}, we deliver on {deliver_on}. Total: {euros}.{cents:02}\n"
    );
    let draft = outbox.join(format!("{}.draft", recorded.event_id()));
    tokio::fs::write(&draft, text).await?;
    tokio::fs::rename(&draft, draft.with_extension("eml")).await?; // a reader of the folder sees the whole mail or none
    Ok(())
}
