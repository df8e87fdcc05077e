//! The keys of each screen, as they are shown at its foot.

use super::screens::{Kind, Screen};

/// A key and what it does.
pub(super) type Hint = (&'static str, &'static str);

/// The keys of every screen, least important last.
pub(super) const EVERYWHERE: [Hint; 5] =
    [("?", "keys"), ("q", "quit"), ("1-5", "screens"), ("esc", "back"), ("r", "reload")];

/// How lists and pages are moved in.
pub(super) const MOVING: [Hint; 4] = [
    ("↑ ↓, k j", "one row"),
    ("PgUp PgDn, b space", "one page"),
    ("Home End, g G", "first, last"),
    ("1 2 3 4 5", "streams, events, tail, subscriptions, projections"),
];

/// The keys of a screen, most important first.
pub(super) fn of(screen: &Screen) -> &'static [Hint] {
    match &screen.kind {
        Kind::Streams(_) => {
            &[("⏎", "events"), ("/", "search"), ("o", "order"), ("d", "deleted too")]
        }
        Kind::Events(_) => &[("⏎", "event"), ("/", "type"), ("o", "turn round"), ("f", "follow")],
        Kind::Event(_) => &[
            ("↑↓", "scroll"),
            ("n p", "next, previous"),
            ("v", "stored, latest"),
            ("←→", "sideways"),
            ("c", "correlated"),
            ("s", "stream"),
        ],
        Kind::Tail(_) => &[("⏎", "event"), ("space", "stop, go on"), ("/", "type")],
        Kind::Subscriptions(_) => {
            &[("⏎", "parked"), ("p", "pause, resume"), ("y", "replay parked"), ("R", "reset")]
        }
        Kind::Parked(_) => &[
            ("⏎", "event"),
            ("y", "replay"),
            ("Y", "replay all"),
            ("x", "discard"),
            ("X", "discard all"),
        ],
        Kind::Projections(_) => &[("S", "switch to build"), ("D", "drop build")],
    }
}
