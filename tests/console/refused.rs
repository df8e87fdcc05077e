//! What the console refuses, and what each response carries.

use event_console::{Console, ConsoleError};
use event_core::EventStore;
use event_core::subscription::SubscriptionStatus;

use crate::filled::{built, orders, parked};
use crate::site::{Answer, Site};

const TOKEN: &str = "a-token-that-nobody-guesses";
const MAILER: &str = "/subscriptions/of/default/mailer";

async fn filled() -> EventStore {
    let store = EventStore::in_memory().unwrap();
    orders(&store, 2).await;
    parked(&store, "down").await;
    store
}

async fn status(store: &EventStore) -> SubscriptionStatus {
    store.subscriptions().await.unwrap()[0].status
}

#[tokio::test]
async fn every_response_has_a_policy_and_no_page_has_anything_inline() {
    let store = filled().await;
    let site = Site::serve(Console::new(&store).allow_actions(true)).await;
    for path in ["/", MAILER, "/nowhere", "/assets/console.js", "/metrics", "/streams"] {
        let response = site.ask(path, &[]).await;
        let header = |name: &str| response.headers()[name].to_str().unwrap().to_owned();
        let policy = header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
        for needed in ["frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'"] {
            assert!(policy.contains(needed), "{needed}");
        }
        assert_eq!(header("x-content-type-options"), "nosniff");
        assert_eq!(header("x-frame-options"), "DENY");
        assert_eq!(header("referrer-policy"), "same-origin");
        let text = response.text().await.unwrap();
        assert!(!text.contains(" style=\"") && !text.contains("<style"), "{path}");
        assert!(!text.contains(" onclick=") && !text.contains("javascript:"), "{path}");
        for script in text.split("<script").skip(1) {
            assert!(script.starts_with(" src=\""), "{path}: {script}");
        }
    }
}

#[tokio::test]
async fn an_action_needs_permission_an_origin_and_the_token_of_its_session() {
    let store = filled().await;
    let site = Site::serve(Console::new(&store).allow_actions(true)).await;
    let page = site.get(MAILER).await;
    let (cookie, token) = (page.cookie.clone().unwrap(), page.form_token());
    let pause = format!("{MAILER}/pause");
    let right = [("form_token", &*token)];

    // From another origin, from none, from a page that hides it.
    for origin in [Some("http://evil.example"), Some("null"), None, Some("http://127.0.0.1:1")] {
        let answer = site.send_from(&pause, origin, &cookie, &right).await;
        assert_eq!(answer.status, 403, "{origin:?}");
    }
    // Without a token, with a wrong one, with that of another session, without a session.
    let other = site.get(MAILER).await;
    for (cookie, token) in
        [(&*cookie, ""), (&*cookie, "00"), (&*cookie, &*other.form_token()), ("", &*token)]
    {
        let answer = site.send(&pause, cookie, &[("form_token", token)]).await;
        assert_eq!(answer.status, 403);
        assert!(answer.text.contains("out of date"));
    }
    assert_eq!(site.send(&pause, &cookie, &[]).await.status, 403);
    // By GET.
    assert_eq!(site.get(&pause).await.status, 405);
    assert_ne!(status(&store).await, SubscriptionStatus::Paused);

    let answer = site.send(&pause, &cookie, &right).await;
    assert_eq!(answer.status, 303);
    assert_eq!(answer.location.as_deref(), Some(&*format!("{MAILER}?done=pause")));
    assert_eq!(status(&store).await, SubscriptionStatus::Paused);
    site.send(&format!("{MAILER}/resume"), &cookie, &right).await;
    assert_ne!(status(&store).await, SubscriptionStatus::Paused);
}

#[tokio::test]
async fn a_console_that_only_shows_refuses_every_action() {
    let store = filled().await;
    let acting = Site::serve(Console::new(&store).allow_actions(true)).await;
    let page = acting.get(MAILER).await;
    let site = Site::of(&store).await;
    let cookie = page.cookie.clone().unwrap();
    for action in ["pause", "resume", "reset", "replay", "discard", "nonsense"] {
        let path = format!("{MAILER}/{action}");
        let answer = site.send(&path, &cookie, &[("form_token", &page.form_token())]).await;
        assert_eq!(answer.status, 403, "{action}");
        assert!(answer.text.contains("only shows"));
    }
}

#[tokio::test]
async fn replay_and_reset_do_what_their_forms_say() {
    let store = filled().await;
    let site = Site::serve(Console::new(&store).allow_actions(true)).await;
    let page = site.get(MAILER).await;
    let (cookie, token) = (page.cookie.clone().unwrap(), page.form_token());
    let send = async |action: &str, field: (&str, &str), more: (&str, &str)| {
        let fields = [("form_token", &*token), field, more];
        site.send(&format!("{MAILER}/{action}"), &cookie, &fields).await
    };
    assert_eq!(send("replay", ("position", "1"), ("", "")).await.status, 303);
    let marked = |list: Vec<event_core::adapter::ParkedEvent>| -> Vec<bool> {
        list.iter().map(|it| it.replay).collect()
    };
    let list = async || store.subscription("mailer").parked().await;
    assert_eq!(marked(list().await.unwrap()), [true, false]);

    assert_eq!(send("reset", ("to", "beginning"), ("", "")).await.status, 303);
    assert_eq!(store.subscriptions().await.unwrap()[0].position.get(), 0);
    assert_eq!(send("reset", ("to", "after"), ("position", "1")).await.status, 303);
    assert_eq!(store.subscriptions().await.unwrap()[0].position.get(), 1);
    // What is not valid changes nothing.
    for field in [("to", "nowhere"), ("to", "after")] {
        assert_eq!(send("reset", field, ("position", "")).await.status, 400, "{field:?}");
    }
    assert_eq!(send("reset", ("to", "after"), ("position", "-1")).await.status, 400);
    assert!(!send("reset", ("to", "after"), ("position", "999")).await.status.is_success());
    assert_eq!(store.subscriptions().await.unwrap()[0].position.get(), 1);
}

#[tokio::test]
async fn discard_gives_up_an_event_with_the_reason_and_shows_both() {
    let store = filled().await;
    let site = Site::serve(Console::new(&store).allow_actions(true)).await;
    let page = site.get(MAILER).await;
    let (cookie, token) = (page.cookie.clone().unwrap(), page.form_token());
    let send = async |position: &str, reason: &str| {
        let fields = [("form_token", &*token), ("position", position), ("reason", reason)];
        site.send(&format!("{MAILER}/discard"), &cookie, &fields).await
    };
    // Without a reason nothing is given up, nor an event that is not parked.
    for (position, reason) in [("1", ""), ("1", " "), ("999", "gone"), ("one", "no number")] {
        let status = send(position, reason).await.status;
        assert!(status.is_client_error(), "{position} {reason:?}: {status}");
    }
    let subscription = store.subscription("mailer");
    assert_eq!(subscription.parked().await.unwrap().len(), 2);

    let answer = send("1", "a <b>test</b> order").await;
    assert_eq!(answer.location.as_deref(), Some(&*format!("{MAILER}?done=discard")));
    assert_eq!(subscription.parked().await.unwrap().len(), 1);
    let given_up = subscription.parked().discarded().await.unwrap();
    assert_eq!((given_up.len(), &*given_up[0].reason), (1, "a <b>test</b> order"));
    let page = site.page(&format!("{MAILER}?done=discard")).await;
    assert!(page.contains("Given up") && page.contains("a &lt;b&gt;test&lt;/b&gt; order"));
    assert!(send("1", "again").await.text.contains("was discarded at"));

    assert_eq!(send("", "the rest").await.status, 303);
    assert!(subscription.parked().await.unwrap().is_empty());
    assert_eq!(subscription.parked().discarded().await.unwrap().len(), 2);
    let page = site.page(&format!("{MAILER}?given_up_after=1&after=1")).await;
    assert!(page.contains("the rest") && !page.contains("test&lt;"));
    assert_eq!(site.get(&format!("{MAILER}?after=x")).await.status, 400);
}

#[tokio::test]
async fn a_projection_is_switched_and_dropped_by_forms() {
    let store = EventStore::in_memory().unwrap();
    built(&store).await;
    let site = Site::serve(Console::new(&store).allow_actions(true)).await;
    let page = site.get("/projections").await;
    assert!(page.text.contains("customers") && page.text.contains("not read"));
    let (cookie, token) = (page.cookie.clone().unwrap(), page.form_token());
    let send = async |path: &str| {
        site.send(&format!("/projections/{path}"), &cookie, &[("form_token", &token)]).await.status
    };
    assert_eq!(send("customers/2/switch").await, 303);
    assert!(store.projections().await.unwrap()[1].is_current);
    assert!(!send("customers/2/drop").await.is_redirection(), "readers read it");
    assert_eq!(store.projections().await.unwrap().len(), 2);
    assert_eq!(send("customers/1/drop").await, 303);
    assert_eq!(store.projections().await.unwrap().len(), 1);
    assert_eq!(send("customers/1/drop").await, 404);
    assert_eq!(send("customers/2/nonsense").await, 404);
    let unknown = site.send("/projections/customers/2/drop", &cookie, &[]).await;
    assert_eq!(unknown.status, 403);
    orders(&store, 4).await;
    let lag = site.page("/projections").await;
    assert!(lag.contains("data-label=\"Lag\">4<"), "{lag}");
}

#[tokio::test]
async fn a_token_is_asked_for_and_a_session_begins_with_it() {
    let store = filled().await;
    let site = Site::serve(Console::new(&store).token(TOKEN)).await;
    for path in ["/", "/metrics", "/live", "/streams", MAILER, "/nowhere"] {
        let answer = site.get(path).await;
        assert_eq!(answer.status, 401, "{path}");
        assert!(!answer.text.contains("mailer</bdi>") && answer.text.contains("type=\"password\""));
    }
    assert_eq!(site.get("/assets/console.css").await.status, 200);
    let anonymous = site.get("/").await.cookie.unwrap();
    let sign_in = async |token: &str, to: &str| {
        site.send("/sign-in", &anonymous, &[("token", token), ("to", to)]).await
    };
    for wrong in ["", "wrong", "a-token-that-nobody-guesse", "a-token-that-nobody-guessess"] {
        assert_eq!(sign_in(wrong, "/").await.status, 401, "{wrong}");
    }
    assert_eq!(
        site.send_from("/sign-in", Some("http://evil.example"), &anonymous, &[("token", TOKEN)])
            .await
            .status,
        403
    );
    for (to, expected) in [
        ("/streams", "/streams"),
        ("//evil.example", "/"),
        ("https://evil.example", "/"),
        ("/\\evil.example", "/"),
        ("", "/"),
    ] {
        let answer = sign_in(TOKEN, to).await;
        assert_eq!((answer.status.as_u16(), answer.location.as_deref()), (303, Some(expected)));
    }
    let signed_in = sign_in(TOKEN, "/").await.cookie.unwrap();
    let page = async |cookie: &str| Answer::of(site.ask("/", &[("cookie", cookie)]).await).await;
    assert_eq!(page(&signed_in).await.status, 200);
    assert_eq!(page(&anonymous).await.status, 401);
    // A session of a console before a restart.
    let other = Site::serve(Console::new(&store).token(TOKEN)).await;
    let stale = Answer::of(other.ask("/", &[("cookie", &signed_in)]).await).await;
    assert_eq!(stale.status, 401);
    // A scraper.
    let bearer = format!("Bearer {TOKEN}");
    assert_eq!(site.ask("/metrics", &[("authorization", &bearer)]).await.status(), 200);
    assert_eq!(site.ask("/metrics", &[("authorization", "Bearer no")]).await.status(), 401);
    // Signing out.
    let home = page(&signed_in).await;
    let out = site.send("/sign-out", &signed_in, &[("form_token", &home.form_token())]).await;
    assert_eq!((out.status.as_u16(), out.location.as_deref()), (303, Some("/sign-in")));
    assert_eq!(page(&out.cookie.unwrap()).await.status, 401);
}

#[tokio::test]
async fn a_foreign_host_name_is_refused() {
    let store = filled().await;
    let site = Site::serve(Console::new(&store).host("ops.example")).await;
    let port = site.authority().split(':').nth(1).unwrap().to_owned();
    for (host, status) in [
        ("evil.example".to_owned(), 421),
        (format!("evil.example:{port}"), 421),
        (format!("localhost:{port}"), 200),
        (format!("ops.example:{port}"), 200),
        ("[::1]".to_owned(), 200),
    ] {
        let response = site.ask("/", &[("host", &host)]).await;
        assert_eq!(response.status(), status, "{host}");
    }
}

#[tokio::test]
async fn other_machines_need_a_token() {
    let store = EventStore::in_memory().unwrap();
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:0"] {
        let refused = Console::new(&store).bind(address.parse().unwrap()).await.unwrap_err();
        assert!(matches!(refused, ConsoleError::TokenNeeded { .. }), "{refused}");
    }
    let short = Console::new(&store).token("short").router().unwrap_err();
    assert!(matches!(short, ConsoleError::ShortToken { length: 5, .. }), "{short}");
    assert!(Console::new(&store).token(TOKEN).bind("0.0.0.0:0".parse().unwrap()).await.is_ok());
}
