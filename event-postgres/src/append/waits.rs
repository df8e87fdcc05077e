//! The append of a commit whose stream another transaction may have locked; `turns.rs` says who may wait.

use std::time::Duration;

use event_core::adapter::append::Commit;
use event_core::{Appended, Error, Result};
use event_sql::queue::APPEND;
use tokio::time::Instant;

use super::commit_within;
use crate::store::Store;

/// How long an append waits without a place: longer than other writers of its stream take.
const MOMENT: Duration = Duration::from_millis(100);

/// Stores a commit when it is its turn; `None` if a lock outlasts the turn.
pub(crate) async fn take_turn(
    store: &Store,
    commit: &Commit,
    longest: Duration,
) -> Result<Option<Vec<Appended>>> {
    let turn = store.waits.turn(store.pool.size()).await;
    commit_within(store, commit, turn.length.min(longest)).await
}

/// Stores a commit; the answers in its order.
pub(crate) async fn commit(store: &Store, commit: &Commit) -> Result<Vec<Appended>> {
    let (patience, began) = (store.waits.patience(), Instant::now());
    let left = || patience.saturating_sub(began.elapsed());
    if store.waits.is_full()
        && let Some(done) = commit_within(store, commit, MOMENT.min(left())).await?
    {
        return Ok(done);
    }
    loop {
        if let Some(done) = take_turn(store, commit, left()).await? {
            return Ok(done);
        }
        if left().is_zero() {
            let reason = format!("another transaction has had a lock for {patience:?}");
            return Err(Error::overloaded(APPEND, reason));
        }
    }
}
