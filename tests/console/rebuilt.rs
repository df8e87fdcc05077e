//! A projection that is rebuilt from its page, in the background.

use std::time::Duration;

use event_console::Console;
use event_core::{Error, EventStore};

use crate::filled::{Customers, built, orders};
use crate::site::Site;

/// Waits until the page of projections says something.
async fn says(site: &Site, text: &str) -> String {
    let shown = async {
        loop {
            let page = site.page("/projections").await;
            if page.contains(text) {
                return page;
            }
        }
    };
    tokio::time::timeout(Duration::from_mins(1), shown).await.unwrap_or_else(|_| panic!("{text}"))
}

#[tokio::test]
async fn a_view_is_rebuilt_by_the_program_that_has_its_code() {
    let store = EventStore::in_memory().unwrap();
    built(&store).await;
    orders(&store, 3).await;
    let broken = |_| async {
        Err(Error::Unsupported { operation: "rebuild", backend: "test", hint: String::new() })
    };
    let console = Console::new(&store).allow_actions(true).view::<Customers>();
    let site = Site::serve(console.projection("broken", broken)).await;
    let page = site.get("/projections").await;
    let (cookie, token) = (page.cookie.clone().unwrap(), page.form_token());
    assert!(page.text.contains("Not built yet"), "{}", page.text);
    let rebuild = async |name: &str, token: &str| {
        site.send(&format!("/projections/{name}/rebuild"), &cookie, &[("form_token", token)]).await
    };
    assert_eq!(rebuild("customers", "stale").await.status, 403);
    let begun = rebuild("customers", &token).await;
    assert_eq!(begun.status, 303);
    assert!(begun.location.unwrap().ends_with("/projections?done=rebuild"));
    says(&site, "rebuilt from 3 events").await;
    let current: Vec<_> = store.projections().await.unwrap();
    assert!(current.iter().any(|it| it.is_current && it.build > 1), "{current:?}");
    assert_eq!(rebuild("broken", &token).await.status, 303);
    says(&site, "rebuild failed").await;
    assert_eq!(rebuild("nothing", &token).await.status, 404);

    let only_shows = Site::serve(Console::new(&store).view::<Customers>()).await;
    assert!(!only_shows.page("/projections").await.contains("Rebuild"));
    let refused = only_shows.send("/projections/customers/rebuild", "", &[]).await;
    assert_eq!(refused.status, 403);
}
