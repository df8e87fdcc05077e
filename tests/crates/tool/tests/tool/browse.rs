//! `browse` in a pseudo terminal: it is drawn, takes keys, and gives the terminal back.

use crate::screen::Screen;
use crate::support::Shop;

#[test]
fn streams_lead_to_events_and_to_one_event() {
    let shop = Shop::new();
    shop.append("order-1", "order_shipped", 1, r#"{"parcels":3}"#);
    let mut screen = Screen::new(&shop.url(), &["browse"], (80, 24));
    screen.shows("order-1");
    assert!(!screen.is_cooked());
    screen.press("\r");
    screen.shows("order_placed v1");
    screen.press("\r");
    let shown = screen.shows("latest v2");
    assert!(shown.contains("stored v1"), "{shown}");
    screen.shows(r#""channel": "shop""#);
    screen.press("n");
    screen.shows(r#""parcels": 3"#);
    screen.press("\x1b");
    screen.shows("order_shipped v1");
    screen.press("q");
    assert_eq!(screen.end().0, 0);
    assert!(screen.is_cooked());
}

#[test]
fn what_is_appended_is_followed() {
    let shop = Shop::new();
    let mut screen = Screen::new(&shop.url(), &["browse"], (80, 24));
    screen.press("3");
    screen.shows("order_placed v1");
    shop.append("order-7", "order_shipped", 1, r#"{"parcels":7}"#);
    screen.shows("order-7");
    screen.press("q");
    assert_eq!(screen.end().0, 0);
}

#[test]
fn it_is_drawn_on_terminals_of_any_size() {
    let shop = Shop::new();
    let mut screen = Screen::new(&shop.url(), &["browse", "order-1"], (80, 24));
    screen.shows("order_placed v1");
    for (columns, rows) in [(20, 10), (200, 50), (1, 1), (20, 2), (2, 20), (80, 24)] {
        screen.resize(columns, rows);
        for keys in ["\r", "?", "x", "v", "/", "x\r", "4", "5", "3", "/x", "\r", "2", "\r"] {
            screen.press(keys);
        }
    }
    screen.press("\r\r1");
    screen.shows("first event");
    screen.press("\x03");
    assert_eq!(screen.end().0, 0);
}

#[test]
fn a_key_and_a_size_that_come_together_both_count() {
    let shop = Shop::new();
    let mut screen = Screen::new(&shop.url(), &["browse"], (80, 24));
    screen.shows("first event");
    for round in 0..12 {
        let (size, key, expected) = match round % 2 {
            0 => ((100, 30), "4", "no durable subscriptions"),
            _ => ((80, 24), "1", "first event"),
        };
        // Both are there when the program looks.
        screen.signal("-STOP");
        screen.resize(size.0, size.1);
        screen.press(key);
        screen.signal("-CONT");
        screen.shows(expected);
        screen.fills(size);
    }
}

#[test]
fn a_signal_gives_the_terminal_back() {
    let shop = Shop::new();
    let mut screen = Screen::new(&shop.url(), &["browse"], (80, 24));
    screen.shows("order-1");
    screen.signal("-TERM");
    let (code, _) = screen.end();
    assert_eq!(code, 1);
    assert!(screen.is_cooked());
    screen.shows("ended by SIGTERM");
}

#[test]
fn nothing_foreign_is_obeyed() {
    let shop = Shop::empty();
    let long = "x".repeat(1 << 20);
    let data = format!("{{\"customer\":\"\u{202e}\u{9b}31m<script>\",\"long\":\"{long}\"}}");
    shop.append("order-1", "\u{202e}ordered", 1, &data);
    let mut screen = Screen::new(&shop.url(), &["browse"], (80, 24));
    screen.shows("order-1");
    screen.press("\r");
    screen.shows(r"\u{202e}ordered");
    screen.press("\r");
    screen.shows("<script>");
    screen.press("v");
    screen.shows("<script>");
    screen.press("q");
    let (code, bytes) = screen.end();
    assert_eq!(code, 0);
    let sent = String::from_utf8_lossy(&bytes);
    assert!(!sent.contains(['\u{202e}', '\u{9b}']));
    assert!(bytes.len() < 100_000, "{} bytes", bytes.len());
}

#[test]
fn a_store_that_goes_away_is_said_and_is_read_again() {
    let shop = Shop::new();
    let mut screen = Screen::new(&shop.url(), &["browse"], (80, 24));
    screen.shows("order-1");
    std::fs::rename(shop.path("shop.db"), shop.path("elsewhere.db")).unwrap();
    screen.shows("store unreachable");
    screen.press("2");
    std::fs::rename(shop.path("elsewhere.db"), shop.path("shop.db")).unwrap();
    screen.shows("order_placed v1");
    screen.press("q");
    assert_eq!(screen.end().0, 0);
}

#[test]
fn without_a_terminal_it_says_so() {
    let shop = Shop::new();
    assert!(shop.fails(&["browse"], 64).contains("terminal"));
}
