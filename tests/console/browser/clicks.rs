//! What visitors do: follow, filter, replay, sign in; with and without JavaScript.

use event_console::Console;
use event_core::EventStore;
use event_core::adapter::ParkedEvent;

use crate::driver::browse;
use crate::filled::{family, orders, parked};
use crate::site::Site;

async fn filled() -> EventStore {
    let store = EventStore::in_memory().unwrap();
    orders(&store, 60).await;
    family(&store).await;
    store
}

async fn list(store: &EventStore) -> Vec<ParkedEvent> {
    store.subscription("mailer").parked().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_visitor_filters_follows_and_finds_the_cause() {
    let store = filled().await;
    let site = Site::of(&store).await;
    browse(true, |browser| async move {
        browser.go(&site.url).await;
        browser.press("Streams").await;
        browser.type_into("#prefix", "order-fam").await;
        browser.press("Filter").await;
        browser.sees("order-family").await;
        let rows = browser.run("return document.querySelectorAll('tbody tr').length").await;
        assert_eq!(rows, 1);
        browser.press("order-family").await;
        browser.sees("customer").await;

        // Following shows what is stored next, without its payload.
        browser.press("Follow").await;
        browser.sees("Waiting for events.").await;
        family(&store).await;
        browser.sees("1 new event").await;
        browser.sees("#2").await;
        browser.press("Following").await;
        family(&store).await;
        browser.find("[data-follow][aria-pressed=false]").await;

        // From an effect to its cause, by the keyboard as well.
        browser.press("#1").await;
        browser.sees("only stored:").await;
        browser.press("mail_sent").await;
        browser.sees("thank you").await;
        browser.press("order_placed").await;
        browser.sees("Stored, v1").await;
        let focused =
            "document.querySelector('.skip').focus(); return document.activeElement.className";
        assert_eq!(browser.run(focused).await, "skip");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_replays_and_discards_and_a_stale_form_is_refused() {
    let store = filled().await;
    parked(&store, "the mail server is down").await;
    let site = Site::serve(Console::new(&store).allow_actions(true)).await;
    browse(true, |browser| async move {
        browser.go(&format!("{}/subscriptions", site.url)).await;
        browser.press("mailer").await;
        browser.click(".parked li .buttons button").await;
        browser.sees("Marked to be handled again.").await;
        let marked = list(&store).await.iter().filter(|it| it.replay).count();
        assert_eq!(marked, 1);
        let all = list(&store).await.len();

        // The form asks for a reason, and the browser does not send it without one.
        browser.click(".parked li .ask summary").await;
        browser.press("Discard").await;
        assert_eq!(list(&store).await.len(), all);
        browser.type_into(".ask[open] [name=reason]", "a test order").await;
        browser.press("Discard").await;
        browser.sees("Given up").await;
        browser.sees("Discarded: a test order").await;
        assert_eq!(list(&store).await.len(), all - 1);
        browser.press("Pause").await;
        browser.sees("The subscription is paused.").await;
        browser.press("Resume").await;
        browser.sees("The subscription is resumed.").await;

        // The token of another session, as after a restart of the console.
        let spoil = "document.querySelectorAll('[name=form_token]').forEach((it) => { it.value = '00' }); return true";
        browser.run(spoil).await;
        browser.press("Replay all").await;
        browser.sees("The form is out of date.").await;
        let marked = list(&store).await.iter().filter(|it| it.replay).count();
        assert_eq!(marked, 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_site_cannot_act_through_the_browser() {
    let store = filled().await;
    parked(&store, "down").await;
    let site = Site::serve(Console::new(&store).allow_actions(true)).await;
    // The same browser has a session of the console, and visits a page that sends its form there.
    let form = format!(
        "<form method=post action='{}/subscriptions/of/default/mailer/replay'>\
         <input name=form_token value=00><button>Win</button></form>",
        site.url
    );
    let page = async move || axum::response::Html(form.clone());
    let evil = axum::Router::new().route("/", axum::routing::get(page));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move { axum::serve(listener, evil).await });
    browse(true, |browser| async move {
        browser.go(&site.url).await;
        browser.go(&format!("http://evil.localhost:{port}/")).await;
        browser.press("Win").await;
        browser.sees("does not come from a page of this console").await;
        assert!(list(&store).await.iter().all(|it| !it.replay));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_javascript_a_visitor_signs_in_and_acts() {
    let store = filled().await;
    parked(&store, "down").await;
    let token = "a-token-that-nobody-guesses";
    let site = Site::serve(Console::new(&store).allow_actions(true).token(token)).await;
    browse(false, |browser| async move {
        browser.go(&format!("{}/subscriptions/of/default/mailer", site.url)).await;
        browser.type_into("#token", "wrong").await;
        browser.press("Sign in").await;
        browser.find("#wrong").await;
        browser.type_into("#token", token).await;
        browser.press("Sign in").await;
        // Back on the page that was asked for.
        browser.press("Replay all").await;
        browser.find(".notice.good").await;
        assert!(list(&store).await.iter().all(|it| it.replay));
        browser.find("[aria-current=page]").await;
        browser.press("Overview").await;
        browser.find("noscript, .tail").await;
        browser.press("Sign out").await;
        browser.find("#token").await;
    })
    .await;
}
