//! [`follow`]: prints events as they are committed, and says on standard error when the store goes away and comes back.

use std::io::Write as _;
use std::time::Duration;

use event_core::adapter::Checkpoint;
use event_core::error::{SubscriptionError, with_causes};
use event_core::{
    Error, EventStore, Filter, Migrate, RecordedEvent, StartFrom, Subscription, Tenant,
};
use tokio::time::{sleep, timeout};

use crate::failure::Failure;
use crate::rows::Rows;
use crate::session::{Session, scoped};
use crate::terminal::Terminal;

/// How often an idle store is asked whether it is there.
const CHECK: Duration = Duration::from_secs(2);
/// How long it may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// The pause between two tries to reach it.
const PAUSE: Duration = Duration::from_millis(500);

/// What is followed, and from where.
pub(crate) struct Followed {
    pub(crate) tenant: Option<Tenant>,
    pub(crate) filter: Filter,
    pub(crate) from: StartFrom,
    /// Events to print at most.
    pub(crate) left: u64,
}

/// Where a reader goes on that has seen this event last. A log that does not hold it is refused, also by a store that is
/// opened anew and knows nothing of the one before. What passed no filter since is passed over again: in a log that was
/// replaced it may be something else.
pub(crate) fn after(event: &RecordedEvent) -> StartFrom {
    let position = event.position();
    StartFrom::Checkpoint(Checkpoint { position, event: Some((position, event.event_id())) })
}

/// Prints events for ever, or until enough were printed.
pub(crate) async fn follow(
    session: &mut Session,
    mut store: EventStore,
    mut what: Followed,
    rows: &mut Rows,
) -> Result<(), Failure> {
    rows.flush(&mut session.out)?;
    let mut subscription = match subscribe(&store, &what).await {
        Ok(subscription) => subscription,
        Err(error) if is_final(&error) => return Err(error.into()),
        // It went away since it was read.
        Err(error) => {
            let reached = wait(session, store, &what, &with_causes(&error)).await?;
            store = reached.0;
            reached.1
        }
    };
    while what.left > 0 {
        let lost = match timeout(CHECK, subscription.next()).await {
            Ok(Some(Ok(event))) => {
                rows.event(&mut session.out, &event)?;
                what.left -= 1;
                what.from = after(&event);
                print_ready(&mut subscription, session, rows, &mut what).await?
            }
            Ok(Some(Err(error))) if is_final(&error) => return Err(final_failure(error)),
            Ok(Some(Err(error))) => Some(with_causes(&error)),
            Ok(None) => Some("the subscription ended".to_owned()),
            Err(_) => absence(&store).await,
        };
        if let Some(why) = lost {
            (store, subscription) = wait(session, store, &what, &why).await?;
        }
    }
    Ok(())
}

/// Prints what is ready, and then shows it. Returns why the subscription ended, if it did.
async fn print_ready(
    subscription: &mut Subscription,
    session: &mut Session,
    rows: &mut Rows,
    what: &mut Followed,
) -> Result<Option<String>, Failure> {
    let mut ended = None;
    while what.left > 0
        && let Ok(next) = timeout(Duration::ZERO, subscription.next()).await
    {
        match next {
            Some(Ok(event)) => {
                rows.event(&mut session.out, &event)?;
                what.left -= 1;
                what.from = after(&event);
            }
            Some(Err(error)) if is_final(&error) => return Err(final_failure(error)),
            Some(Err(error)) => ended = Some(with_causes(&error)),
            None => break,
        }
    }
    rows.flush(&mut session.out)?;
    Ok(ended)
}

async fn subscribe(store: &EventStore, what: &Followed) -> Result<Subscription, Error> {
    store.subscribe(what.from, what.filter.clone()).await
}

/// Why the store does not answer, if it does not.
async fn absence(store: &EventStore) -> Option<String> {
    match timeout(PATIENCE, store.health()).await {
        Ok(Ok(_)) => None,
        Ok(Err(error)) => Some(with_causes(&error)),
        Err(_) => Some(format!("no answer within {PATIENCE:?}")),
    }
}

/// Says that the store is away, waits for it, and says that it is back.
async fn wait(
    session: &mut Session,
    store: EventStore,
    what: &Followed,
    why: &str,
) -> Result<(EventStore, Subscription), Failure> {
    tell(&format!("the store does not answer, waiting for it: {why}"));
    let reached = reach(session, store, what).await?;
    tell("the store answers again");
    Ok(reached)
}

/// Waits until the store answers, by the connections that it has or by new ones.
async fn reach(
    session: &mut Session,
    store: EventStore,
    what: &Followed,
) -> Result<(EventStore, Subscription), Failure> {
    let url = session.url()?;
    loop {
        sleep(PAUSE).await;
        let here = if absence(&store).await.is_none() {
            store.clone()
        } else {
            match timeout(PATIENCE, session.open(&url, Migrate::Never)).await {
                Ok(Ok(opened)) => scoped(&opened, what.tenant.clone()),
                _ => continue,
            }
        };
        match subscribe(&here, what).await {
            Ok(subscription) => return Ok((here, subscription)),
            Err(error) if is_final(&error) => return Err(final_failure(error)),
            Err(_) => {}
        }
    }
}

/// The failure for an error after which nothing is followed any more.
fn final_failure(error: Error) -> Failure {
    let is_replaced = matches!(error, Error::LogDiverged { .. });
    let failure = Failure::from(error);
    if is_replaced {
        return failure.hint("run the command again to print and follow the log that is there now");
    }
    failure
}

/// Whether waiting does not help.
const fn is_final(error: &Error) -> bool {
    matches!(
        error,
        Error::LogDiverged { .. }
            | Error::IncompatibleSchema { .. }
            | Error::Registry(_)
            | Error::Subscription(SubscriptionError::Invalid { .. })
    )
}

fn tell(message: &str) {
    let _ = writeln!(Terminal::new(std::io::stderr()), "{message}");
}
