//! What an operator does to the store.

use event_core::{EventStore, Result};

use super::scope::of_subscription;
use crate::browse::request::Action;

/// Does it, and says what was done.
pub(super) async fn act(store: &EventStore, action: Action) -> Result<String> {
    match action {
        Action::Pause(key) => {
            let store = of_subscription(store, &key);
            store.subscription(&key.name).pause().await?;
            Ok(format!("{} is paused", key.name))
        }
        Action::Resume(key) => {
            let store = of_subscription(store, &key);
            store.subscription(&key.name).resume().await?;
            Ok(format!("{} is resumed", key.name))
        }
        Action::Reset(key, to) => {
            let store = of_subscription(store, &key);
            store.subscription(&key.name).reset(to).await?;
            Ok(format!("{} is reset", key.name))
        }
        Action::Replay(key, position) => {
            let store = of_subscription(store, &key);
            let marked = store.subscription(&key.name).replay(position).await?;
            Ok(format!("{marked} parked events of {} are marked to be handled again", key.name))
        }
        Action::Discard(key, position, reason) => {
            let store = of_subscription(store, &key);
            let discarded = store.subscription(&key.name).discard(position, reason).await?;
            Ok(format!("{discarded} parked events of {} are discarded", key.name))
        }
        Action::SwitchBuild { name, build } => {
            store.switch_projection(&name, build).await?;
            Ok(format!("readers of {name} read build {build} now"))
        }
        Action::DropBuild { name, build } => {
            if store.drop_projection(&name, build).await? {
                Ok(format!("build {build} of {name} is dropped"))
            } else {
                Ok(format!("{name} has no build {build} any more"))
            }
        }
    }
}
