//! What the pages look like, light, dark and narrow: a picture of each for whoever looks, and what axe-core finds.

use std::path::{Path, PathBuf};

use event_console::Console;
use event_core::{EventStore, ExpectedVersion, Scope};
use serde_json::Value;

use crate::driver::{Browser, Look, browse};
use crate::filled::{
    MailSent, OrderPlacedV1, built, family, first, orders, parked, stream, tenant,
};
use crate::site::Site;

const LOOKS: [Look; 3] = [
    Look { name: "light", width: 1_280, is_dark: false },
    Look { name: "dark", width: 1_280, is_dark: true },
    Look { name: "narrow", width: 360, is_dark: false },
];

/// A store with something on each page, and the pages.
async fn filled() -> (EventStore, Vec<(&'static str, String)>) {
    let store = EventStore::in_memory().unwrap();
    orders(&store, 61).await;
    let shipped = family(&store).await;
    let guild = store.with_scope(Scope::tenant(tenant("guild-7")));
    orders(&guild, 3).await;
    let hostile = "<script>alert(1)</script> \u{202e}gnp.exe \u{1b}[31m ".repeat(40);
    let mail = MailSent { to: "mallory".into(), text: hostile.clone() };
    store.append(&stream("mail-<b>odd</b>"), ExpectedVersion::Any, [mail]).await.unwrap();
    for number in 0..8 {
        let placed = OrderPlacedV1 { customer: format!("customer {number}"), total: number };
        store.append(&stream("order-family"), ExpectedVersion::Any, [placed]).await.unwrap();
    }
    parked(&store, "could not send the mail: the server said 421, try again later").await;
    built(&store).await;
    let order = first(&store, &stream("order-family")).await;
    let odd = first(&store, &stream("mail-<b>odd</b>")).await;
    let pages = vec![
        ("overview", "/".to_owned()),
        ("streams", "/streams?category=order".to_owned()),
        ("stream", "/stream/default/order-family".to_owned()),
        ("events", "/events".to_owned()),
        ("event", format!("/event/default/{}", order.event_id())),
        ("event-caused", format!("/event/default/{}", shipped.event_id())),
        ("event-hostile", format!("/event/default/{}", odd.event_id())),
        ("types", "/types".to_owned()),
        ("type", "/types/order_placed".to_owned()),
        ("subscriptions", "/subscriptions".to_owned()),
        ("subscription", "/subscriptions/of/default/mailer".to_owned()),
        ("projections", "/projections".to_owned()),
        ("tenants", "/tenants".to_owned()),
        ("health", "/health".to_owned()),
        ("not-found", "/stream/default/none".to_owned()),
    ];
    (store, pages)
}

/// Where pictures go: `EVENTS_PICTURES`, or the folder of this target.
fn pictures() -> PathBuf {
    let folder = std::env::var_os("EVENTS_PICTURES");
    let folder = folder
        .map_or_else(|| Path::new(env!("CARGO_TARGET_TMPDIR")).join("console"), PathBuf::from);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// The script of axe-core, which `tests/run` fetches.
fn axe() -> String {
    let default = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("target/axe-core");
    let folder = std::env::var_os("EVENTS_AXE").map_or(default, PathBuf::from);
    let file = folder.join("package/axe.min.js");
    std::fs::read_to_string(&file).unwrap_or_else(|error| {
        panic!("axe-core is at {}: tests/run fetches it ({error})", file.display())
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_is_readable_and_accessible_in_every_look() {
    let (store, pages) = filled().await;
    let site = Site::serve(Console::new(&store).allow_actions(true)).await;
    let locked = Site::serve(Console::new(&store).token("a-token-that-nobody-guesses")).await;
    let mut addresses: Vec<_> =
        pages.into_iter().map(|(name, path)| (name, format!("{}{path}", site.url))).collect();
    addresses.push(("sign-in", locked.url.clone()));
    let (axe, pictures) = (axe(), pictures());
    browse(true, |browser| async move {
        let mut findings = Vec::new();
        for look in LOOKS {
            browser.look(look).await;
            for (name, address) in &addresses {
                browser.go(address).await;
                let at = format!("{name}, {}", look.name);
                findings.extend(too_wide(&browser, &at).await);
                findings.extend(violations(&browser, &axe, &at).await);
                let picture = browser.picture(look).await;
                std::fs::write(pictures.join(format!("{name}-{}.png", look.name)), picture)
                    .unwrap();
            }
        }
        assert!(findings.is_empty(), "{}", findings.join("\n"));
        println!("pictures are in {}", pictures.display());
    })
    .await;
}

/// A page never scrolls sideways: what is too wide scrolls within itself.
async fn too_wide(browser: &Browser, at: &str) -> Option<String> {
    let wide = browser.run("return document.documentElement.scrollWidth - window.innerWidth").await;
    (wide.as_i64().unwrap() > 0).then(|| format!("{at}: too wide by {wide}"))
}

/// What axe-core finds on a page, of any weight.
async fn violations(browser: &Browser, axe: &str, at: &str) -> Vec<String> {
    browser.run(&format!("{axe}; window.axe = axe; return true")).await;
    let script = "const done = arguments[arguments.length - 1]; \
        axe.run({ resultTypes: ['violations'] }).then((found) => done(found.violations), (error) => done(String(error)))";
    let found = browser.client.execute_async(script, vec![]).await.unwrap();
    let Value::Array(found) = found else { panic!("axe-core failed: {found}") };
    let line =
        |it: &Value| format!("{at}: {} ({}): {}", it["id"], it["impact"], it["nodes"][0]["html"]);
    found.iter().map(line).collect()
}
