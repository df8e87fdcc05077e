//! `browse` in a pseudo terminal: it is drawn, takes keys, and gives the terminal back.

use std::io::{Read as _, Write};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};

use crate::support::Shop;

/// How long a screen is waited for.
const PATIENCE: Duration = Duration::from_secs(30);
/// What a program sends to leave the alternate screen.
const LEAVES: &[u8] = b"\x1b[?1049l";

/// The program on a terminal of its own.
struct Screen {
    child: Box<dyn Child + Send + Sync>,
    master: Box<dyn MasterPty + Send>,
    keys: Box<dyn Write + Send>,
    drawn: Arc<Mutex<Drawn>>,
}

struct Drawn {
    parser: vt100::Parser,
    bytes: Vec<u8>,
    has_ended: bool,
}

impl Screen {
    fn new(shop: &Shop, arguments: &[&str], (cols, rows): (u16, u16)) -> Self {
        let size = PtySize { rows, cols, pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size).unwrap();
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_event-tool"));
        command.args(arguments);
        command.env("EVENT_STORE", shop.url());
        command.env("TERM", "xterm-256color");
        for name in ["EVENT_TENANT", "RUST_LOG", "NO_COLOR"] {
            command.env_remove(name);
        }
        let child = pair.slave.spawn_command(command).unwrap();
        let parser = vt100::Parser::new(rows, cols, 0);
        let drawn = Arc::new(Mutex::new(Drawn { parser, bytes: Vec::new(), has_ended: false }));
        let (mut output, kept) = (pair.master.try_clone_reader().unwrap(), Arc::clone(&drawn));
        thread::spawn(move || {
            let mut buffer = [0; 4_096];
            loop {
                let read = output.read(&mut buffer).unwrap_or(0);
                let mut drawn = kept.lock().unwrap();
                if read == 0 {
                    drawn.has_ended = true;
                    return;
                }
                drawn.parser.process(&buffer[..read]);
                drawn.bytes.extend_from_slice(&buffer[..read]);
            }
        });
        let keys = pair.master.take_writer().unwrap();
        Self { child, master: pair.master, keys, drawn }
    }

    fn text(&self) -> String {
        self.drawn.lock().unwrap().parser.screen().contents()
    }

    /// Waits until the screen shows a text.
    #[track_caller]
    fn shows(&self, text: &str) -> String {
        let until = Instant::now() + PATIENCE;
        loop {
            let shown = self.text();
            if shown.contains(text) {
                return shown;
            }
            assert!(Instant::now() < until, "{text:?} does not come up:\n{shown}");
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// Presses a key until the screen shows a text: what came up meanwhile may take the key to go away.
    #[track_caller]
    fn leads(&mut self, key: &str, text: &str) {
        let until = Instant::now() + PATIENCE;
        while !self.text().contains(text) {
            assert!(Instant::now() < until, "{key:?} does not lead to {text:?}:\n{}", self.text());
            self.press(key);
            thread::sleep(Duration::from_millis(200));
        }
    }

    fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
        self.keys.flush().unwrap();
    }

    fn resize(&self, cols: u16, rows: u16) {
        // The emulator of this test takes no terminal that is smaller.
        self.drawn.lock().unwrap().parser.screen_mut().set_size(rows.max(4), cols.max(4));
        self.master.resize(PtySize { rows, cols, pixel_width: 0, pixel_height: 0 }).unwrap();
    }

    /// Whether lines are echoed and edited, as a shell expects it.
    fn is_cooked(&self) -> bool {
        format!("{:?}", self.master.get_termios().unwrap().local_flags).contains("ICANON")
    }

    /// Waits for the end of the program, and returns its exit code and all that it sent.
    fn end(&mut self) -> (u32, Vec<u8>) {
        let until = Instant::now() + PATIENCE;
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(Instant::now() < until, "it does not end:\n{}", self.text());
            thread::sleep(Duration::from_millis(10));
        };
        // The rest of the output is read once the terminal is the test's alone; it cannot be waited for otherwise.
        while !self.drawn.lock().unwrap().bytes.windows(LEAVES.len()).any(|it| it == LEAVES) {
            assert!(Instant::now() < until, "the terminal was not given back:\n{}", self.text());
            thread::sleep(Duration::from_millis(10));
        }
        (status.exit_code(), self.drawn.lock().unwrap().bytes.clone())
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn streams_lead_to_events_and_to_one_event() {
    let shop = Shop::new();
    shop.append("order-1", "order_shipped", 1, r#"{"parcels":3}"#);
    let mut screen = Screen::new(&shop, &["browse"], (80, 24));
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
    let mut screen = Screen::new(&shop, &["browse"], (80, 24));
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
    let mut screen = Screen::new(&shop, &["browse", "order-1"], (80, 24));
    screen.shows("order_placed v1");
    for (columns, rows) in [(20, 10), (200, 50), (1, 1), (20, 2), (2, 20), (80, 24)] {
        screen.resize(columns, rows);
        for keys in ["\r", "?", "x", "v", "/", "x\r", "4", "5", "3", "/x", "\r", "2", "\r"] {
            screen.press(keys);
        }
    }
    screen.press("\r\r");
    screen.leads("1", "first event");
    screen.press("\x03");
    assert_eq!(screen.end().0, 0);
}

#[test]
fn a_signal_gives_the_terminal_back() {
    let shop = Shop::new();
    let mut screen = Screen::new(&shop, &["browse"], (80, 24));
    screen.shows("order-1");
    let pid = screen.child.process_id().unwrap().to_string();
    let killed = std::process::Command::new("kill").args(["-TERM", &pid]).status().unwrap();
    assert!(killed.success());
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
    let mut screen = Screen::new(&shop, &["browse"], (80, 24));
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
    let mut screen = Screen::new(&shop, &["browse"], (80, 24));
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
