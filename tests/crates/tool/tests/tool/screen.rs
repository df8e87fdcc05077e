//! [`Screen`]: the program in a pseudo terminal, whose screen a test reads.

use std::io::{Read as _, Write};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};

/// How long a screen is waited for.
const PATIENCE: Duration = Duration::from_mins(2);
/// What a program sends to leave the alternate screen.
const LEAVES: &[u8] = b"\x1b[?1049l";

/// The program on a terminal of its own.
pub(crate) struct Screen {
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
    /// Starts the program on a store.
    pub(crate) fn new(url: &str, arguments: &[&str], (cols, rows): (u16, u16)) -> Self {
        let size = PtySize { rows, cols, pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size).unwrap();
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_event-tool"));
        command.args(arguments);
        command.env("EVENT_STORE", url);
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

    pub(crate) fn text(&self) -> String {
        self.drawn.lock().unwrap().parser.screen().contents()
    }

    /// Waits until the screen shows a text.
    #[track_caller]
    pub(crate) fn shows(&self, text: &str) -> String {
        self.waits(text, |shown| shown.contains(text))
    }

    /// Waits until the screen is as it should be.
    #[track_caller]
    pub(crate) fn shows_what(&self, is_it: impl Fn(&str) -> bool) -> String {
        self.waits("what is waited for", is_it)
    }

    #[track_caller]
    fn waits(&self, what: &str, is_it: impl Fn(&str) -> bool) -> String {
        let until = Instant::now() + PATIENCE;
        loop {
            let shown = self.text();
            if is_it(&shown) {
                return shown;
            }
            assert!(Instant::now() < until, "{what:?} does not come up:\n{shown}");
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// Waits until the keys are shown in the last row of this size.
    #[track_caller]
    pub(crate) fn fills(&self, (cols, rows): (u16, u16)) {
        let until = Instant::now() + PATIENCE;
        let last = || {
            let drawn = self.drawn.lock().unwrap();
            drawn.parser.screen().rows(0, cols).nth(usize::from(rows) - 1).unwrap_or_default()
        };
        while !last().contains("quit") {
            assert!(Instant::now() < until, "{cols}x{rows} is not filled:\n{}", self.text());
            thread::sleep(Duration::from_millis(10));
        }
    }

    pub(crate) fn signal(&self, name: &str) {
        let pid = self.child.process_id().unwrap().to_string();
        let killed = std::process::Command::new("kill").args([name, &pid]).status().unwrap();
        assert!(killed.success());
    }

    pub(crate) fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
        self.keys.flush().unwrap();
    }

    pub(crate) fn resize(&self, cols: u16, rows: u16) {
        // The emulator of this test takes no terminal that is smaller.
        self.drawn.lock().unwrap().parser.screen_mut().set_size(rows.max(4), cols.max(4));
        self.master.resize(PtySize { rows, cols, pixel_width: 0, pixel_height: 0 }).unwrap();
    }

    /// Whether lines are echoed and edited, as a shell expects it.
    pub(crate) fn is_cooked(&self) -> bool {
        format!("{:?}", self.master.get_termios().unwrap().local_flags).contains("ICANON")
    }

    /// Waits for the end of the program, and returns its exit code and all that it sent.
    pub(crate) fn end(&mut self) -> (u32, Vec<u8>) {
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
